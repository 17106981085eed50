package app_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/connect/app"
	"insightgraph/connect/sandbox"
	"insightgraph/store"
	"insightgraph/store/storetest"
	"insightgraph/tasks"
	"insightgraph/web/webtest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is the app on a database, with the sandbox banks and a worker.
type world struct {
	t      *testing.T
	store  *store.Store
	url    string // of the database
	server *httptest.Server
	app    *app.App
	tenant store.Tenant
	log    *lockedBuffer
	mu     sync.Mutex
	now    time.Time
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// direct is a queue whose worker is at hand.
type direct struct{ f *tasks.Fetcher }

func (d direct) WakeParts(ctx context.Context, ids []int64) {
	for _, id := range ids {
		_, _ = d.f.Do(context.WithoutCancel(ctx), id)
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, url: storetest.URL(t), log: &lockedBuffer{}, now: time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)}
	w.store = storetest.Open(t, w.url, store.Options{Now: w.clock})
	directory, err := connect.NewDirectory(sandbox.New(w.clock))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := connect.ParseKeys(connect.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	made, err := w.store.CreateCustomer(t.Context(), bank.Customer{Name: "Shop <b>&", ClientID: "shop", TimeZone: "UTC", Currency: "EUR"}, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	w.tenant = w.store.Customer(made.ID)
	w.app = &app.App{Store: w.store, Directory: directory, Keys: keys, Log: log, BankTimeout: 2 * time.Second,
		Queue: direct{&tasks.Fetcher{Store: w.store, Directory: directory, Keys: keys, Log: log}}}
	w.server = httptest.NewServer(w.app.Handler())
	w.app.URL = w.server.URL
	t.Cleanup(func() { w.server.Close(); w.app.Stop(context.Background()) })
	return w
}

// start starts a flow and gives its token.
func (w *world) start() (connect.Flow, string) { return w.startOf(nil) }

// startOf starts the flow of a consumer who was here before.
func (w *world) startOf(consumer *bank.Ref) (connect.Flow, string) {
	w.t.Helper()
	in := connect.NewSession{PSU: &connect.PSU{UserAgent: "Test", IPAddress: "192.0.2.1"}, HasScope: true, HasRefresh: true}
	s, err := in.Check(w.store.Now(), w.app.Directory.Bank)
	if err == nil {
		s, err = w.tenant.CreateSession(w.t.Context(), s)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	token := connect.NewToken()
	f, err := w.tenant.StartFlow(w.t.Context(), connect.NewFlow{Session: s.Ref(), Consumer: consumer, StoreConsent: connect.ConsentOptional}, token.Handle, token.Hash)
	if err != nil {
		w.t.Fatal(err)
	}
	return f, token.Text
}

func (w *world) flow(f connect.Flow) connect.Flow {
	w.t.Helper()
	found, err := w.tenant.Flow(w.t.Context(), f.Ref())
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

type answer struct {
	status int
	header http.Header
	body   string
	view   struct {
		Version      int
		State, Stage string
		Problem      *struct{ Category, Message string }
		Step         *struct{ Kind, URL, Leave string }
		Accounts     []struct{ ID, IBAN string }
		Origins      []string
	}
}

func (w *world) send(method, path, token, body string, header ...string) (a answer) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := http.DefaultTransport.RoundTrip(r) // follows nowhere
	if err != nil {
		w.t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a.status, a.header, a.body = got.StatusCode, got.Header, string(text)
	_ = json.Unmarshal(text, &a.view)
	return a
}

// act does an action on the flow as it is, and waits for the bank.
func (w *world) act(token, action string, more map[string]any) (a answer) {
	w.t.Helper()
	a = w.send("GET", "/connect/api/flow", token, "")
	in := map[string]any{"version": a.view.Version, "action": action}
	for k, v := range more {
		in[k] = v
	}
	text, _ := json.Marshal(in)
	for a = w.send("POST", "/connect/api/flow", token, string(text)); a.view.State == "PROCESSING" && a.status == 200; {
		a = w.send("GET", "/connect/api/flow", token, "")
	}
	return a
}

func (w *world) link(token string) answer {
	w.t.Helper()
	w.act(token, "bank", map[string]any{"bank": "sandbox-de", "store": true})
	w.act(token, "answer", map[string]any{"values": map[string]string{"login": "anna", "password": "anna"}})
	a := w.act(token, "answer", map[string]any{"values": map[string]string{"code": "123456"}})
	var ids []string
	for _, x := range a.view.Accounts {
		ids = append(ids, x.ID)
	}
	return w.act(token, "accounts", map[string]any{"accounts": ids})
}

// A token opens its own flow, while it lasts, and nothing else.
func TestTokenOpensOneFlow(t *testing.T) {
	w := newWorld(t)
	one, token := w.start()
	two, other := w.start()
	handle, secret, _ := strings.Cut(token, ".")
	otherHandle, _, _ := strings.Cut(other, ".")
	for name, bad := range map[string]string{"none": "", "another's secret": otherHandle + "." + secret, "no secret": handle, "garbage": "x.y", "nothing": ".", "unknown": connect.NewToken().Text,
		"blank": handle + "." + strings.Repeat(" ", 43)} {
		if a := w.send("GET", "/connect/api/flow", bad, ""); a.status != 401 || strings.Contains(a.body, handle) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if _, err := (&auth.Tokens{Store: w.store}).Viewer(t.Context(), token); err == nil {
		t.Error("a client token opens GraphQL")
	}
	if a := w.act(token, "abort", nil); a.view.State != "ABORTED" || w.flow(two).State != connect.InputNeeded || w.flow(one).State != connect.Aborted {
		t.Errorf("%+v", a.view)
	}
	if a := w.act(token, "bank", map[string]any{"bank": "sandbox-de"}); a.status != 409 || a.view.State != "ABORTED" {
		t.Errorf("after the end: %d %s", a.status, a.body)
	}
	w.later(connect.FlowLife)
	if a := w.send("GET", "/connect/api/flow", other, ""); a.status != 200 || a.view.State != "EXCEPTION" || a.view.Problem.Category != "USER.TIMEOUT" {
		t.Errorf("a flow that nobody answers: %d %s", a.status, a.body)
	}
	w.later(time.Hour)
	if a := w.send("GET", "/connect/api/flow", other, ""); a.status != 401 {
		t.Errorf("an old token: %d %s", a.status, a.body)
	}
}

// What a consumer enters is in no table, in no log line; what the bank gave for it is not to be read in the database.
func TestCredentialsAreNowhere(t *testing.T) {
	w := newWorld(t)
	f, token := w.start()
	w.act(token, "bank", map[string]any{"bank": "sandbox-de", "store": true})
	for _, wrong := range []string{"canary-one", "canary-two"} {
		if a := w.act(token, "answer", map[string]any{"values": map[string]string{"login": "canary-login", "password": wrong}}); a.view.Problem == nil || a.view.Problem.Category != "USER.CREDENTIALS" {
			t.Fatalf("%+v", a)
		}
	}
	if a := w.send("POST", "/connect/api/flow", token, `{"version":0,"action":"answer","values":{"login":"canary-login","password":"canary-three"}}`); a.status != 409 {
		t.Errorf("%+v", a)
	}
	w.act(token, "answer", map[string]any{"values": map[string]string{"login": "anna", "password": "anna"}})
	w.act(token, "answer", map[string]any{"values": map[string]string{"code": "canary-code"}})
	w.act(token, "answer", map[string]any{"values": map[string]string{"code": "123456"}})
	secret := token[strings.IndexByte(token, '.')+1:]
	look := func(when string) {
		t.Helper()
		dump := everything(t, w.url)
		for name, text := range map[string]string{"the database": dump, "the log": w.log.text()} {
			for _, canary := range []string{"canary", secret, `"who":"anna"`} {
				if strings.Contains(text, canary) || strings.Contains(text, hex.EncodeToString([]byte(canary))) { // bytes are written in hex
					t.Errorf("%s: %q is in %s", when, canary, name)
				}
			}
		}
	}
	look("before the accounts are picked")
	if w.flow(f).Sealed == nil {
		t.Fatal("there is nothing to look for")
	}
	a := w.send("GET", "/connect/api/flow", token, "")
	ids := []string{}
	for _, x := range a.view.Accounts {
		ids = append(ids, x.ID)
		if len(x.IBAN) > 0 && !strings.Contains(x.IBAN, "••") {
			t.Errorf("an IBAN is shown: %s", x.IBAN)
		}
	}
	if a := w.act(token, "accounts", map[string]any{"accounts": ids}); a.view.State != "FINISHED" {
		t.Fatalf("%+v", a)
	}
	look("after the end")
	if got := w.flow(f); got.Sealed != nil || !got.ConsentStored {
		t.Errorf("the flow keeps its dialog: %+v", got)
	}
}

// everything is all rows of all tables as text.
func everything(t *testing.T, url string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, _ := conn.Query(t.Context(), "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 15 {
		t.Fatalf("%v %v", tables, err)
	}
	var all strings.Builder
	for _, table := range tables {
		rows, _ := conn.Query(t.Context(), "SELECT x::text FROM "+pgx.Identifier{table}.Sanitize()+" x")
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		all.WriteString(strings.Join(texts, "\n"))
	}
	return all.String()
}

// The page may be framed by the customer's own pages only.
func TestFrameAncestors(t *testing.T) {
	w := newWorld(t)
	_, token := w.start()
	handle, _, _ := strings.Cut(token, ".")
	policy := func() string {
		return w.send("GET", "/connect/flow/"+handle, "", "").header.Get("Content-Security-Policy")
	}
	if p := policy(); !strings.HasSuffix(p, "frame-ancestors http://localhost:* http://127.0.0.1:*") || !strings.Contains(p, "default-src 'none'; script-src 'self'; style-src 'self';") {
		t.Errorf("none registered, on this machine: %s", p)
	}
	w.app.URL = "https://insights.example"
	if p := policy(); !strings.HasSuffix(p, "frame-ancestors 'none'") {
		t.Errorf("none registered: %s", p)
	}
	for _, origin := range []string{"https://shop.example", "https://other.example:8443"} {
		if _, err := w.tenant.AddOrigin(t.Context(), origin); err != nil {
			t.Fatal(err)
		}
	}
	if p := policy(); !strings.HasSuffix(p, "frame-ancestors https://other.example:8443 https://shop.example") {
		t.Errorf("two registered: %s", p)
	}
	if a := w.send("GET", "/connect/api/flow", token, ""); strings.Join(a.view.Origins, " ") != "https://other.example:8443 https://shop.example" {
		t.Errorf("the page is told %v", a.view.Origins)
	}
	unknown := w.send("GET", "/connect/flow/"+connect.NewToken().Handle, "", "")
	if unknown.status != 404 || !strings.HasSuffix(unknown.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("an unknown flow: %d %v", unknown.status, unknown.header)
	}
	for _, name := range []string{"/connect/app.js", "/connect/assets/page.js", "/connect/assets/page.css", "/connect/assets/words.js"} {
		if a := w.send("GET", name, "", ""); a.status != 200 || a.header.Get("X-Content-Type-Options") != "nosniff" || len(a.body) < 500 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	if a := w.send("GET", "/connect/assets/../../go.mod", "", ""); a.status == 200 {
		t.Error("files beside the page are served")
	}
}

// Whatever no page of ours sends gets 400, and nothing happens.
func TestBadRequests(t *testing.T) {
	w := newWorld(t)
	f, token := w.start()
	for name, body := range map[string]string{
		"not JSON": `{`, "no action": `{"version":1}`, "an unknown action": `{"version":1,"action":"steal"}`, "an unknown bank": `{"version":1,"action":"bank","bank":"x"}`,
		"an unknown field": `{"version":1,"action":"back","x":1}`, "another type": `{"version":"1","action":"back"}`, "a list": `[]`,
		"too large": `{"version":1,"action":"answer","values":{"login":"` + strings.Repeat("a", 17<<10) + `"}}`, "a long value": `{"version":1,"action":"answer","values":{"login":"` + strings.Repeat("a", 5000) + `"}}`,
	} {
		if a := w.send("POST", "/connect/api/flow", token, body); a.status != 400 || strings.Contains(a.body, "steal") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := w.send("POST", "/connect/api/flow", token, `{"version":1,"action":"abort"}`, "Content-Type", "text/plain"); a.status != 400 {
		t.Errorf("another content type: %d", a.status)
	}
	if a := w.send("POST", "/connect/api/flow", token, `{"version":1,"action":"abort"}`, "Sec-Fetch-Site", "cross-site"); a.status != 403 {
		t.Errorf("another site: %d", a.status)
	}
	if got := w.flow(f); got.State != connect.InputNeeded || got.Version != 1 {
		t.Errorf("something happened: %+v", got)
	}
}

// A bank that does not answer in time ends the flow, and so does a process that is gone.
func TestBankTakesTooLong(t *testing.T) {
	w := newWorld(t)
	_, token := w.start()
	w.act(token, "bank", map[string]any{"bank": "sandbox-de"})
	if a := w.act(token, "answer", map[string]any{"values": map[string]string{"login": "stuck", "password": "stuck"}}); a.view.State != "EXCEPTION" || a.view.Problem.Category != "BANK.TIMEOUT" {
		t.Errorf("%+v", a.view)
	}
	f, _ := w.start()
	if _, err := w.tenant.MoveFlow(t.Context(), f.Ref(), func(f *connect.Flow) error {
		b, _ := w.app.Directory.Bank("sandbox-de")
		return f.Choose(b, false, w.clock(), w.clock().Add(time.Minute))
	}); err != nil {
		t.Fatal(err)
	}
	w.later(2 * time.Minute)
	if got := w.flow(f); got.State != connect.Exception || *got.Problem != connect.Technical {
		t.Errorf("%+v", got)
	}
}

// A process that has no time left does not wait for a bank. The flow ends as after any failure, and no credentials stay.
func TestStopDoesNotWait(t *testing.T) {
	w := newWorld(t)
	w.app.BankTimeout = time.Hour
	f, token := w.start()
	w.act(token, "bank", map[string]any{"bank": "sandbox-de"})
	version := w.flow(f).Version
	a := w.send("POST", "/connect/api/flow", token, fmt.Sprintf(`{"version":%d,"action":"answer","values":{"login":"stuck","password":"stuck"}}`, version))
	if a.view.State != "PROCESSING" {
		t.Fatalf("%+v", a.view)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	w.app.Stop(over)
	if got := w.flow(f); got.State != connect.Exception || *got.Problem != connect.Technical || got.Sealed != nil {
		t.Errorf("%+v", got)
	}
}

// Many windows of one flow do everything once.
func TestManyWindows(t *testing.T) {
	w := newWorld(t)
	f, token := w.start()
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 8 {
		wg.Go(func() {
			a := w.send("POST", "/connect/api/flow", token, `{"version":1,"action":"bank","bank":"sandbox-de"}`)
			mu.Lock()
			statuses[a.status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if statuses[200] != 1 || statuses[409] != 7 || w.flow(f).Version != 3 {
		t.Errorf("%v %d", statuses, w.flow(f).Version)
	}
}

// away goes to the bank's page as the connect app's page does: with the state that comes back, and the browser's cookie.
func (w *world) away(token string) (state, cookie string) {
	w.t.Helper()
	handle, _, _ := strings.Cut(token, ".")
	a := w.act(token, "bank", map[string]any{"bank": "sandbox-redirect"})
	if a.view.Step == nil || a.view.Step.Kind != "REDIRECT" {
		w.t.Fatalf("%+v", a)
	}
	got := w.send("GET", strings.TrimPrefix(a.view.Step.Leave, w.app.URL), "", "", "Sec-Fetch-Site", "same-origin")
	cookie, _, _ = strings.Cut(got.header.Get("Set-Cookie"), ";")
	if got.status != 303 || got.header.Get("Location") != a.view.Step.URL || cookie == "" {
		w.t.Fatalf("%d %v", got.status, got.header)
	}
	return a.view.Step.URL[strings.Index(a.view.Step.URL, handle):], cookie
}

// What comes back from a bank's page counts once, and only with the nonce that went there.
func TestReturnFromBank(t *testing.T) {
	w := newWorld(t)
	f, token := w.start()
	handle, _, _ := strings.Cut(token, ".")
	state, cookie := w.away(token)
	for _, state := range []string{"", handle, handle + ".", handle + ".x", "x.y", connect.NewToken().Text} {
		if a := w.send("GET", "/connect/return?who=anna&approved=yes&state="+state, "", "", "Cookie", cookie); a.status != 400 || w.flow(f).State != connect.InputNeeded {
			t.Errorf("%q: %d", state, a.status)
		}
	}
	a := w.send("GET", "/connect/return?who=anna&approved=yes&state="+state, "", "", "Cookie", cookie)
	if gone := a.header.Get("Set-Cookie"); a.status != 200 || !strings.Contains(gone, "bank-"+handle+"=;") || !strings.Contains(gone, "Max-Age=0") {
		t.Errorf("the right one: %d %v", a.status, a.header)
	}
	for end := time.Now().Add(20 * time.Second); w.flow(f).Stage != connect.AtAccounts && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
	}
	if got := w.flow(f); got.Stage != connect.AtAccounts {
		t.Errorf("%+v", got)
	}
	if a := w.send("GET", "/connect/return?who=ben&approved=yes&state="+state, "", "", "Cookie", cookie); a.status != 400 {
		t.Errorf("once more: %d", a.status)
	}
}

// Who comes back from a bank's page has to be the browser that left (RFC 6749, 10.12). Another one, whom somebody has sent to
// the bank, changes nothing, and neither does the page's own answer in the place of the bank's.
func TestReturnInAnotherBrowser(t *testing.T) {
	w := newWorld(t)
	f, token := w.start()
	handle, _, _ := strings.Cut(token, ".")
	state, cookie := w.away(token)
	_, token2 := w.start()
	_, foreign := w.away(token2)
	name, value, _ := strings.Cut(cookie, "=")
	_, foreignValue, _ := strings.Cut(foreign, "=")
	before := w.flow(f)
	for what, cookie := range map[string]string{"none": "", "another flow's": foreign, "another flow's, renamed": name + "=" + foreignValue, "empty": name + "=", "cut": cookie[:len(cookie)-1],
		"the nonce": name + "=" + state[len(handle)+1:]} {
		a := w.send("GET", "/connect/return?who=anna&approved=yes&state="+state, "", "", "Cookie", cookie)
		if a.status != 403 || !strings.Contains(a.body, `data-words="foreign"`) || a.header.Get("Set-Cookie") != "" {
			t.Errorf("a cookie, %s: %d %s", what, a.status, a.body)
		}
	}
	if a := w.act(token, "answer", map[string]any{"values": map[string]string{}}); a.status != 409 {
		t.Errorf("an answer of the page: %d %s", a.status, a.body)
	}
	leave := strings.TrimPrefix(w.send("GET", "/connect/api/flow", token, "").view.Step.Leave, w.app.URL)
	for what, one := range map[string]struct {
		path, site string
		status     int
	}{
		"typed": {leave, "none", 403}, "another site": {leave, "cross-site", 403}, "another host of the site": {leave, "same-site", 403},
		"the nonce as key": {"/connect/leave?state=" + state, "same-origin", 400}, "no key": {"/connect/leave?state=" + handle, "same-origin", 400},
		"the cookie as key": {"/connect/leave?state=" + handle + "." + value, "same-origin", 400}, "unknown": {"/connect/leave?state=" + connect.NewToken().Text, "same-origin", 400},
		"nothing": {"/connect/leave", "same-origin", 400},
	} {
		if a := w.send("GET", one.path, "", "", "Sec-Fetch-Site", one.site); a.status != one.status || a.header.Get("Set-Cookie") != "" || a.header.Get("Location") != "" {
			t.Errorf("to the bank, %s: %d %v", what, a.status, a.header)
		}
	}
	if after := w.flow(f); after.Version != before.Version || after.State != connect.InputNeeded || after.Stage != connect.AtLogin {
		t.Errorf("something happened: %+v", after)
	}
	attributes := func() string {
		_, attributes, _ := strings.Cut(w.send("GET", leave, "", "").header.Get("Set-Cookie"), "; ") // an old browser does not say where it comes from
		return attributes
	}
	if got := attributes(); got != "Path=/; Max-Age=1800; HttpOnly; SameSite=Lax" {
		t.Errorf("http: %s", got)
	}
	w.app.URL = "https://insights.example"
	if got := attributes(); got != "Path=/; Max-Age=1800; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("https: %s", got)
	}
	if a := w.send("GET", "/connect/return?who=anna&approved=yes&state="+state, "", "", "Cookie", cookie); a.status != 403 {
		t.Errorf("https, a cookie that another host may have set: %d", a.status)
	}
	if a := w.send("GET", "/connect/return?who=anna&approved=yes&state="+state, "", "", "Cookie", "__Host-"+cookie); a.status != 200 {
		t.Errorf("https: %d %s", a.status, a.body)
	}
}

// The same in real browsers: in a frame of another site's page the consumer goes to the bank and comes back. A second browser,
// which was sent straight to the bank's page, comes back to nothing.
func TestReturnInBrowsers(t *testing.T) {
	w := newWorld(t)
	w.app.Extra = map[string]http.Handler{"/connect/sandbox/": sandbox.New(w.clock).Handler()}
	w.server.Config.Handler = w.app.Handler()
	f, token := w.start()
	page := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(out, `<!doctype html><title>Shop</title><link rel=icon href=data:,><script src="%s/connect/app.js"></script><button id=buy onclick="InsightConnect.startFlow('%s')">Link</button>`, w.app.URL, token)
	}))
	t.Cleanup(page.Close)
	browser := func() context.Context {
		ctx, cancel := context.WithTimeout(webtest.Browser(t), time.Minute)
		t.Cleanup(cancel)
		return ctx
	}
	do := func(ctx context.Context, actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(ctx, actions...); err != nil {
			t.Fatal(err, webtest.Look(ctx))
		}
	}
	approve := func(ctx context.Context, want string) {
		t.Helper()
		do(ctx, chromedp.SendKeys("#login", "anna", chromedp.ByQuery), chromedp.SendKeys("#password", "anna", chromedp.ByQuery), chromedp.SendKeys("#code", "123456", chromedp.ByQuery),
			chromedp.Click(`button[value="approve"]`, chromedp.ByQuery), webtest.Until(`document.querySelector("h1")?.textContent === "`+want+`"`))
	}

	here := browser()
	frames := webtest.Watch(here)
	opened := chromedp.WaitNewTarget(here, func(*target.Info) bool { return true })
	do(here, chromedp.Navigate(strings.Replace(page.URL, "127.0.0.1", "localhost", 1)), chromedp.Click("#buy"),
		frames.In(w.app.URL, `(document.querySelector("[data-code=sandbox-redirect]")?.click(), document.querySelector("main")?.dataset.screen === "agree")`),
		frames.In(w.app.URL, `(document.querySelector("#continue").click(), true)`),
		frames.In(w.app.URL, `document.querySelector("main").dataset.screen === "redirect"`))
	shown := w.send("GET", "/connect/api/flow", token, "").view

	there := browser()
	do(there, chromedp.Navigate(shown.Step.Leave), webtest.Until(`document.querySelector("h1")?.textContent === "This did not begin in this browser"`), chromedp.Navigate(shown.Step.URL))
	approve(there, "This did not begin in this browser")
	if got := w.flow(f); got.Version != shown.Version || got.Stage != connect.AtLogin {
		t.Fatalf("another browser has moved the flow on: %+v", got)
	}

	do(here, frames.In(w.app.URL, `(document.querySelector("#continue").click(), true)`))
	window, cancel := chromedp.NewContext(here, chromedp.WithTargetID(<-opened))
	defer cancel()
	approve(window, "Thank you")
	do(here, frames.In(w.app.URL, `document.querySelector("main").dataset.screen === "accounts"`))
	webtest.Clean(t, here)
}

func TestLink(t *testing.T) {
	w := newWorld(t)
	f, token := w.start()
	if a := w.link(token); a.view.State != "FINISHED" {
		t.Fatalf("%+v", a)
	}
	got := w.flow(f)
	if got.ConsumerID == nil || len(got.AccountIDs) != 3 || !got.ConsentStored {
		t.Errorf("%+v", got)
	}
	if w.app.PageURL(token) != w.server.URL+"/connect/flow/"+strings.Replace(token, ".", "#", 1) {
		t.Error(w.app.PageURL(token))
	}
}

// Whoever links a bank again has one consent there: the one before is given back, and the new one holds.
func TestLinkAgain(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	f, token := w.start()
	w.link(token)
	consumer := bank.Consumer{ID: *w.flow(f).ConsumerID}.Ref()
	again, token := w.startOf(&consumer)
	if a := w.link(token); a.view.State != "FINISHED" {
		t.Fatalf("%+v", a.view)
	}
	ids, err := w.store.WaitingRevocations(ctx, 10)
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	if r, ok, err := w.store.Revocation(ctx, ids[0]); err != nil || !ok || r.FlowID != f.ID || r.BankCode != "sandbox-de" {
		t.Errorf("%+v, %v, %v", r, ok, err)
	}
	if done, err := w.app.Queue.(direct).f.GiveBack(ctx, ids[0]); !done || err != nil {
		t.Error(done, err)
	}
	if _, ok, err := w.store.Revocation(ctx, ids[0]); ok || err != nil {
		t.Error("it is not over", err)
	}
	all, err := w.tenant.Consents(ctx, []int64{consumer.ID})
	if err != nil || len(all[consumer.ID]) != 2 || all[consumer.ID][0].FlowID != again.ID || all[consumer.ID][0].State != connect.ConsentActive || all[consumer.ID][1].State != connect.ConsentReplaced {
		t.Errorf("%+v, %v", all, err)
	}
}

// panicking is banks whose connector has a fault.
type panicking struct{ connect.Connector }

func (panicking) Login(context.Context, connect.Login) (connect.Step, error) { panic("canary-4711") }

// A connector's panic ends the flow as any failure does. The log says where it was, and not with what.
func TestConnectorPanics(t *testing.T) {
	w := newWorld(t)
	directory, err := connect.NewDirectory(panicking{sandbox.New(w.clock)})
	if err != nil {
		t.Fatal(err)
	}
	w.app.Directory = directory
	_, token := w.start()
	if a := w.act(token, "bank", map[string]any{"bank": "sandbox-de"}); a.view.State != "EXCEPTION" || a.view.Problem.Category != "TECHNICAL" {
		t.Errorf("%+v", a.view)
	}
	if log := w.log.text(); !strings.Contains(log, "a connector panicked") || !strings.Contains(log, "panicking.Login") || strings.Contains(log, "canary-4711") {
		t.Errorf("the log: %s", log)
	}
}

// TestErasedMeanwhile: a page whose consumer is erased while its bank is asked hears that its link is over.
func TestErasedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, err := w.tenant.CreateConsumer(t.Context(), store.NewConsumer{})
	if err != nil {
		t.Fatal(err)
	}
	ref := c.Ref()
	_, token := w.startOf(&ref)
	w.act(token, "bank", map[string]any{"bank": "sandbox-de"})
	erased := make(chan error)
	go func() {
		for range 500 {
			if w.send("GET", "/connect/api/flow", token, "").view.State == "PROCESSING" {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		_, err := w.tenant.DeleteConsumer(context.Background(), ref)
		erased <- err
	}()
	a := w.act(token, "answer", map[string]any{"values": map[string]string{"login": "slow", "password": "slow"}})
	if err := <-erased; err != nil || a.status != http.StatusUnauthorized {
		t.Errorf("%v: %d %s", err, a.status, a.body)
	}
}
