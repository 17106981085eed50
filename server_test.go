package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"insightgraph/store/storetest"
	"insightgraph/web/webtest"
)

const spending = "SPENDING_AND_EARNING_COMPARISON"

type object = map[string]any

// TestStory is the way of a new user: one command, the demo's feed, an own customer made beside the running server, own
// data in, a trigger, the feed; a user-level token that sees no more than its own; and all of it again after kill -9.
func TestStory(t *testing.T) {
	t.Parallel()
	env := []string{"DATA_DIR=" + t.TempDir()}
	p := serve(t, env, "--dev")

	var demo login
	b, err := os.ReadFile(filepath.Join(strings.TrimPrefix(env[0], "DATA_DIR="), "demo.json"))
	if err != nil || json.Unmarshal(b, &demo) != nil {
		t.Fatalf("the demo login: %v", err)
	}
	var seen struct {
		Viewer struct{ Role string }
		Feed   struct{ TotalCount int }
	}
	p.signIn(demo, "").do(&seen, `{ viewer { role } feed { totalCount } }`, nil)
	if seen.Viewer.Role != "CUSTOMER" || seen.Feed.TotalCount < 12 {
		t.Errorf("the demo: %+v", seen)
	}

	var own login
	if out := command(t, env, "customer", "create", "--name", "Own", "--json"); json.Unmarshal([]byte(out), &own) != nil || own.ClientSecret == "" {
		t.Fatalf("customer create says %q", out)
	}
	c := p.signIn(own, "")
	entry := ownData(t, c)

	user := p.signIn(own, "me")
	var mine struct {
		Viewer struct {
			Role     string
			Consumer struct{ ExternalID string }
		}
		Feed struct{ Nodes []struct{ ID string } }
		Node any
	}
	user.do(&mine, `query($id: ID!) { viewer { role consumer { externalId } } feed { nodes { id } } node(id: $id) { id } }`, object{"id": entry})
	if mine.Viewer.Role != "CONSUMER" || mine.Viewer.Consumer.ExternalID != "me" || len(mine.Feed.Nodes) != 1 || mine.Feed.Nodes[0].ID != entry || mine.Node == nil {
		t.Errorf("a user-level token: %+v", mine)
	}
	p.signIn(demo, "").do(&mine, `query($id: ID!) { node(id: $id) { id } }`, object{"id": entry})
	if mine.Node != nil {
		t.Error("another customer's entry exists for the demo customer")
	}

	p.kill()
	p = serve(t, env, "--dev")
	var after struct{ Feed struct{ TotalCount int } }
	p.signIn(own, "").do(&after, `{ feed { totalCount } }`, nil)
	if after.Feed.TotalCount != 1 {
		t.Errorf("after kill -9 there are %d entries", after.Feed.TotalCount)
	}
	p.signIn(demo, "").do(&after, `{ feed { totalCount } }`, nil)
	if after.Feed.TotalCount != seen.Feed.TotalCount {
		t.Errorf("the demo made again has %d entries, %d before", after.Feed.TotalCount, seen.Feed.TotalCount)
	}
	playground(t, p)
}

// ownData puts an account and transactions in, triggers the insight and reads the feed. It returns the entry's id.
func ownData(t *testing.T, c client) string {
	t.Helper()
	var account struct {
		CreateAccount struct {
			Account struct {
				ID       string
				Consumer struct{ ID string }
			}
		}
	}
	c.do(&account, `mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { id consumer { id } } } }`, object{"input": object{
		"consumerExternalId": "me", "externalId": "current", "container": "BANK", "name": "Current account", "currency": "EUR"}})
	var stored struct {
		CreateTransactions struct{ CreatedCount int }
	}
	row := func(id, amount, day string) object {
		return object{"externalId": id, "amount": object{"amount": amount, "currency": "EUR"}, "bookingDate": day}
	}
	c.do(&stored, `mutation($input: CreateTransactionsInput!) { createTransactions(input: $input) { createdCount } }`, object{"input": object{
		"accountId": account.CreateAccount.Account.ID, "transactions": []object{row("1", "86814.02", "2021-10-01"), row("2", "-279565.71", "2021-12-31")}}})
	if stored.CreateTransactions.CreatedCount != 2 {
		t.Fatalf("%+v", stored)
	}
	var triggered struct {
		TriggerInsights struct{ Run struct{ ID string } }
	}
	c.do(&triggered, `mutation($input: TriggerInsightsInput!) { triggerInsights(input: $input) { run { id } } }`, object{"input": object{
		"consumerId": account.CreateAccount.Account.Consumer.ID, "asOf": "2022-01-27T03:33:49Z",
		"insights": []object{{"insightName": spending, "overrideDuplicateCheck": false}}}})
	var run struct {
		Node struct {
			Status      string
			Evaluations struct {
				Nodes []struct {
					Outcome   string
					FeedEntry struct{ ID string }
				}
			}
		}
	}
	for deadline := time.Now().Add(time.Minute); run.Node.Status != "SUCCEEDED"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the run never came to its end: %+v", run)
		}
		c.do(&run, `query($id: ID!) { node(id: $id) { ... on TriggerRun { status evaluations { nodes { outcome feedEntry { id } } } } } }`,
			object{"id": triggered.TriggerInsights.Run.ID})
	}
	if len(run.Node.Evaluations.Nodes) != 1 || run.Node.Evaluations.Nodes[0].Outcome != "GENERATED" {
		t.Fatalf("%+v", run)
	}
	var feed struct {
		Feed struct {
			Nodes []struct {
				ID                 string
				TransactionDerived struct{ SpentPercent string }
			}
		}
	}
	c.do(&feed, `{ feed { nodes { id transactionDerived { spentPercent } } } }`, nil)
	if len(feed.Feed.Nodes) != 1 || feed.Feed.Nodes[0].TransactionDerived.SpentPercent != "322.03" {
		t.Fatalf("%+v", feed)
	}
	return feed.Feed.Nodes[0].ID
}

// playground opens the page in a browser and runs its first example against the server.
func playground(t *testing.T, p *process) {
	t.Helper()
	ctx := webtest.Browser(t)
	shown := func(part, text string) chromedp.Action { // Monaco draws lines of its own
		return webtest.Until(`[...document.querySelectorAll('` + part + ` .view-line')].map(l => l.textContent).join('\n').includes('` + text + `')`)
	}
	var answer, tabs string
	if err := chromedp.Run(ctx, chromedp.Navigate(p.url+"/"), shown(".graphiql-query-editor", "totalCount"), chromedp.WaitVisible(".graphiql-execute-button"),
		chromedp.Text(".graphiql-tabs", &tabs), chromedp.Click(".graphiql-execute-button"), shown(".graphiql-response", "totalCount"),
		chromedp.Text(".graphiql-response", &answer)); err != nil {
		t.Fatalf("the playground: %v; it shows %q", err, answer)
	}
	if !strings.Contains(answer, "spentPercent") && !strings.Contains(answer, "insightTitle") {
		t.Errorf("the feed in the playground: %s", answer)
	}
	for _, name := range []string{"Feed", "Consumer", "CreateTransactions", "TriggerInsights"} {
		if !strings.Contains(tabs, name) {
			t.Errorf("no tab %s in %q", name, tabs)
		}
	}
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		for name, look := range map[string]func() error{
			"wide":        func() error { return webtest.Size(ctx, 1300, 800) },
			"narrow-dark": func() error { return errors.Join(webtest.Dark(ctx, true), webtest.Size(ctx, 480, 900)) },
		} {
			if err := errors.Join(look(), webtest.Screenshot(ctx, filepath.Join(dir, name+".png"))); err != nil {
				t.Error(err)
			}
		}
	}
	webtest.Clean(t, ctx)
}

// TestRoles: a web process and a worker process on one database share the work.
func TestRoles(t *testing.T) {
	t.Parallel()
	env := []string{"DATA_DIR=" + t.TempDir()}
	p := serve(t, env, "--role", "web")
	serve(t, env, "--role", "worker")
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Own", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	ownData(t, p.signIn(own, ""))
}

// TestProduction: without development mode there is no playground, no introspection, and no token without a customer.
func TestProduction(t *testing.T) {
	t.Parallel()
	env := []string{"DATA_DIR=" + t.TempDir(), "ALLOWED_ORIGINS=https://app.example.com,https://b.example.com"}
	p := serve(t, env)
	for _, one := range []struct{ path, method, origin, want string }{
		{"/graphql", "POST", "https://b.example.com", "https://b.example.com"},
		{"/graphql", "POST", "https://evil.example.com", ""},
		{"/consumers/x/export", "GET", "https://b.example.com", "https://b.example.com"},
		{"/consumers/x/export", "GET", "https://evil.example.com", ""},
	} {
		r, _ := http.NewRequest("OPTIONS", p.url+one.path, nil)
		r.Header = http.Header{"Origin": {one.origin}, "Access-Control-Request-Method": {one.method}, "Access-Control-Request-Headers": {"authorization,content-type,idempotency-key"}}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if got := answer.Header.Get("Access-Control-Allow-Origin"); got != one.want {
			t.Errorf("a page of %s may call %s: %q", one.origin, one.path, got)
		}
	}
	if r, err := http.Post(p.url+"/consumers/x/export", "", nil); err != nil || r.Body.Close() != nil || r.StatusCode != 405 {
		t.Errorf("POST of an export: %v %v", r, err)
	}
	for path, want := range map[string]int{"/": 404, "/playground/config.json": 404, "/healthz": 200, "/readyz": 200, "/metrics": 200, "/graphql": 401, "/auth/token": 405} {
		r, err := http.Get(p.url + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, r.StatusCode, want)
		}
	}
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Own", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	if _, body := p.signIn(own, "").post(`{ __schema { types { name } } }`, nil); strings.Contains(string(body), "Consumer") {
		t.Errorf("introspection in production: %s", body)
	}
	if out, errs, err := try(t, []string{env[0], "ADDR=" + strings.TrimPrefix(p.url, "http://")}, "serve"); err == nil || !strings.Contains(errs, "choose another with --addr") {
		t.Errorf("a taken address: %q %q %v", out, errs, err)
	}
	if _, errs, err := try(t, append(env, "ADDR=0.0.0.0:0"), "serve", "--dev"); err == nil || !strings.Contains(errs, "loopback") {
		t.Errorf("development mode for everybody: %q %v", errs, err)
	}
	if _, errs, err := try(t, env, "customer", "create", "--name", "", "--time-zone", "Mars", "--currency", "EURO"); err == nil ||
		!strings.Contains(errs, "timeZone") || !strings.Contains(errs, "currency") || !strings.Contains(errs, "name") {
		t.Errorf("a bad customer: %q %v", errs, err)
	}
}

// TestSettings: numbers that would switch something off without a word are refused by name.
func TestSettings(t *testing.T) {
	fine := serveCmd{Addr: "127.0.0.1:0", Concurrency: 1, Fetches: 1, AllowedOrigin: []string{"*", "https://app.example.com", "https://*.example.com", "http://localhost:3000"}}
	if err := fine.check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*serveCmd){
		"CONCURRENCY": func(c *serveCmd) { c.Concurrency = 0 }, "FETCHES": func(c *serveCmd) { c.Fetches = -1 }, "CUSTOMER_POINTS": func(c *serveCmd) { c.CustomerPoints = -1 },
		"CONSUMER_REQUESTS": func(c *serveCmd) { c.ConsumerRequests = -1 }, "LAME_DUCK": func(c *serveCmd) { c.LameDuck = -time.Second },
		"ALLOWED_ORIGINS": func(c *serveCmd) { c.AllowedOrigin = []string{"foo"} }, "ADDR": func(c *serveCmd) { c.Addr = "" },
		"CONCURRENCY, CUSTOMER_POINTS, FETCHES": func(c *serveCmd) { c.Fetches, c.Concurrency, c.CustomerPoints = -1, -1, -1 },
	} {
		c := fine
		if spoil(&c); c.check() == nil || !strings.Contains(c.check().Error(), name) {
			t.Errorf("%s: %v", name, c.check())
		}
	}
	for _, origin := range []string{"https://app.example.com/", "https://app.example.com/shop", " https://app.example.com", "://app.example.com", "https://", "https://a@b"} {
		c := fine
		if c.AllowedOrigin = []string{"https://b.example.com", origin}; c.check() == nil {
			t.Errorf("%q is an origin, which no browser sends", origin)
		}
	}
	for _, c := range []config{{TokenLife: 0}, {TokenLife: -time.Minute}, {TokenLife: time.Minute, DatabaseConns: -3}, {TokenLife: time.Minute, DatabaseConns: 1 << 40}} {
		if _, err := c.open(t.Context(), false); err == nil {
			t.Errorf("%+v opens", c)
		}
	}
}

// TestLeastPrivilege: once somebody has migrated, processes need no login that may. Who reads why one does not start is told
// which variable it is about, and no password.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	address := storetest.URL(t)
	db := look(t, address)
	name := db.Config().Database + "_least"
	db.do("CREATE ROLE " + name + " LOGIN PASSWORD 'x' IN ROLE insightgraph_app, insightgraph_system; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	t.Cleanup(func() { db.Exec(context.Background(), "DROP ROLE "+name) }) // roles are the whole server's
	u, err := url.Parse(address)
	must(t, err)
	u.User = url.UserPassword(name, "x")
	env := []string{"DATABASE_URL=" + u.String(), "REDIS_URL=" + storetest.Redis(t), "DATA_DIR=" + t.TempDir()}
	var own login
	must(t, json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Own", "--json")), &own))
	ownData(t, serve(t, env).signIn(own, ""))
	for variable, value := range map[string]string{"DATABASE_URL": "nonsense", "DATABASE_ADMIN_URL": "postgres://me:se@cret@nowhere/x",
		"DATABASE_REPLICA_URL": u.String() + "&sslmode=verify-full&sslrootcert=/nowhere/ca.crt"} {
		if _, errs, err := try(t, append(env, "DATABASE_ADMIN_URL="+address, variable+"="+value), "serve"); err == nil || !strings.Contains(errs, variable) || strings.Contains(errs, "cret@") ||
			strings.Contains(value, "ca.crt") && !strings.Contains(errs, "/nowhere/ca.crt") {
			t.Errorf("%s=%s: %q %v", variable, value, errs, err)
		}
	}
	db.do("DELETE FROM migrations WHERE name = (SELECT max(name) FROM migrations)")
	if _, errs, err := try(t, env, "serve"); err == nil || !strings.Contains(errs, "DATABASE_ADMIN_URL") {
		t.Errorf("a database that lacks a migration: %q %v", errs, err)
	}
}

// TestLeakedSecret: an operator finds a customer, gives it another secret, and whoever has the old one is out.
func TestLeakedSecret(t *testing.T) {
	t.Parallel()
	env := ready(t)
	p := serve(t, env)
	var own, fresh login
	if out := command(t, env, "customer", "create", "--name", "Our company", "--json"); json.Unmarshal([]byte(out), &own) != nil {
		t.Fatalf("customer create says %q", out)
	}
	if out := command(t, env, "customer", "list"); !regexp.MustCompile(`(?m)^client_id .*\n` + own.ClientID + `  Our company  UTC +EUR +\d{4}-\d\d-\d\d$`).MatchString(out) {
		t.Errorf("customer list says %q", out)
	}
	old := p.signIn(own, "")
	old.do(new(any), `{ viewer { role } }`, nil)
	if out := command(t, env, "customer", "rotate-secret", "--customer", own.ClientID, "--json"); json.Unmarshal([]byte(out), &fresh) != nil || fresh.ClientID != own.ClientID {
		t.Fatalf("customer rotate-secret says %q", out)
	}
	var log struct {
		Events struct {
			Nodes []struct {
				Action string
				Actor  struct{ Kind string }
			}
		}
	}
	p.signIn(fresh, "").do(&log, `{ events(first: 1) { nodes { action actor { kind } } } }`, nil)
	if fmt.Sprint(log) != "{{[{rotateClientSecret {COMMAND}}]}}" {
		t.Errorf("events: %v", log)
	}
	if r, err := http.PostForm(p.url+"/auth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {own.ClientID}, "client_secret": {own.ClientSecret}}); err != nil || r.StatusCode != 401 {
		t.Errorf("the old secret: %v %v", r, err)
	}
	for status := 200; status != 401; time.Sleep(100 * time.Millisecond) { // believed for two seconds
		status, _ = old.post(`{ viewer { role } }`, nil)
	}
	if _, errs, err := try(t, env, "customer", "rotate-secret", "--customer", "nobody"); err == nil || !strings.Contains(errs, "customer") {
		t.Errorf("of nobody: %s %v", errs, err)
	}
}
