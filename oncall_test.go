package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"insightgraph/embedded"
	"insightgraph/store/storetest"
)

// receiver takes traces as a collector does.
type receiver struct {
	url   string
	mu    sync.Mutex
	spans []*trace.Span
	raw   bytes.Buffer // all that was sent
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		var sent collector.ExportTraceServiceRequest
		if err = errors.Join(err, proto.Unmarshal(body, &sent)); err != nil || in.URL.Path != "/v1/traces" {
			t.Errorf("no traces: %s %v", in.URL, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.raw.Write(body)
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// find is the first span with a name.
func (r *receiver) find(name string) *trace.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// trace is the names of a trace's spans.
func (r *receiver) trace(id []byte) (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if bytes.Equal(s.TraceId, id) {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestTrace: one trace leads from a mutation at a web process to what a worker did and to the statements of both, and
// nothing of what they say is in it.
func TestTrace(t *testing.T) {
	t.Parallel()
	to := newReceiver(t)
	env := append(ready(t), "OTEL_EXPORTER_OTLP_ENDPOINT="+to.url, "OTEL_BSP_SCHEDULE_DELAY=50")
	p := serve(t, env, "--role", "web")
	serve(t, env, "--role", "worker")
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Own", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	c := p.signIn(own, "")
	ownData(t, c)
	c.post(`query DE89370400440532013000 { viewer { role } }`, nil)
	r, err := http.NewRequest("GET", p.url+"/graphql?query="+url.QueryEscape(`{ consumer(externalId: "DE89370400440532013000") { id } }`), nil)
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+c.token)
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	answer.Body.Close()

	var task *trace.Span
	eventually(t, "the worker's span", func() bool { task = to.find("insight:evaluate"); return task != nil })
	want := []string{"POST /graphql", "mutation", "INSERT runs", "UPDATE run_shards", "INSERT feed_entries"}
	eventually(t, "the whole trace", func() bool {
		names := to.trace(task.TraceId)
		return !slices.ContainsFunc(want, func(name string) bool { return !slices.Contains(names, name) })
	})
	eventually(t, "a query by GET", func() bool { return answer.StatusCode == 200 && to.find("GET /graphql") != nil })
	eventually(t, "a named operation", func() bool { return to.find("query DE****3000") != nil })
	to.mu.Lock()
	defer to.mu.Unlock()
	for _, secret := range []string{c.token, own.ClientSecret, "86814", "279565", "Current account", "2021-10-01", "DE89370400440532013000", "322.03"} {
		if strings.Contains(to.raw.String(), secret) {
			t.Errorf("the traces say %s", secret)
		}
	}
}

// servers are PostgreSQL and Redis of one test, which may break them.
func servers(t *testing.T) (*embedded.Servers, []string) {
	t.Helper()
	dir := t.TempDir()
	s, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, Postgres: true, Redis: true, PostgresArgs: []string{"-c", "fsync=off"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	return s, []string{"DATABASE_URL=" + s.DatabaseURL, "REDIS_URL=" + s.RedisURL, "DATA_DIR=" + dir}
}

// readiness is what /readyz says.
func (p *process) readiness() (code int, state map[string]string) {
	p.t.Helper()
	r, err := http.Get(p.url + "/readyz")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&state); err != nil {
		p.t.Fatal(err)
	}
	return r.StatusCode, state
}

// becomes waits until /readyz has a code, a status, and says something of a part.
func (p *process) becomes(code int, status, part, says string) {
	p.t.Helper()
	var got int
	var state map[string]string
	eventually(p.t, fmt.Sprint(code, status, part, says), func() bool {
		got, state = p.readiness()
		return got == code && state["status"] == status && strings.HasPrefix(state[part], says)
	})
}

// metrics is the text of /metrics.
func (p *process) metrics() string {
	p.t.Helper()
	r, err := http.Get(p.url + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %v", r.Status, err)
	}
	return string(text)
}

// TestOnCall goes through what can break while a mixed load runs: /readyz and /metrics say it, the log says to which
// request or task a line belongs, and neither says anything of what was sent.
func TestOnCall(t *testing.T) {
	t.Parallel()
	both, env := servers(t)
	p := serve(t, append(env, "LOG_LEVEL=debug"))
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Own", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	c := p.signIn(own, "")
	ownData(t, c)
	c.do(new(any), `mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { id } } }`, object{"input": object{
		"consumerExternalId": "me", "externalId": "iban", "container": "BANK", "name": "Secret Savings", "currency": "EUR", "iban": "DE89370400440532013000"}})
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	nobody.Close()
	var report struct {
		Consumers struct{ Nodes []struct{ ID string } }
	}
	c.do(&report, `{ consumers { nodes { id } } }`, nil)
	c.do(new(any), `mutation($input: CreateReportInput!) { createReport(input: $input) { report { id } } }`, object{"input": object{
		"type": "SHOPPING", "consumerId": report.Consumers.Nodes[0].ID, "callbackUrl": "http://" + nobody.Addr().String() + "/DE89370400440532013000"}})
	for _, bad := range []string{`{ accounts { nodes { nothing } } }`, `{ node(id: "DE89370400440532013000") { id } }`, `{`, `{ consumers(first: 4111111111111111) { nodes { id } } }`} {
		c.post(bad, nil)
	}
	client{t, p.url, "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZTE"}.post(`{ viewer { role } }`, nil)
	eventually(t, "a callback that nobody took", func() bool { return strings.Contains(p.metrics(), `insightgraph_callbacks_total{outcome="AGAIN"} 1`) })

	p.becomes(200, "ok", "redis", "ok")
	metrics := p.metrics()
	named(t, metrics)
	for _, line := range []string{"insightgraph_database_up 1", "insightgraph_redis_up 1", "insightgraph_migrations_behind 0", `insightgraph_work_open{kind="callback",state="later"} 1`,
		`insightgraph_work_dead_total{kind="shard"} 0`} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("/metrics does not say %s", line)
		}
	}
	if !regexp.MustCompile(`insightgraph_graphql_seconds_count\{code="OK",kind="mutation"\} [1-9]`).MatchString(metrics) ||
		!regexp.MustCompile(`insightgraph_graphql_seconds_count\{code="[A-Z0-9_]+",kind="none"\} [1-9]`).MatchString(metrics) ||
		!regexp.MustCompile(`insightgraph_build_info\{.*revision=.*\} 1`).MatchString(metrics) {
		t.Errorf("/metrics lacks operations or the build")
	}

	must(t, both.KillRedis())
	p.becomes(200, "degraded", "redis", "away")
	trigger := func(id string) {
		body := `{"query":"mutation { triggerInsights(input: {insights: [{insightName: \"` + spending + `\"}]}) { run { id } } }"}`
		r, err := http.NewRequest("POST", p.url+"/graphql", strings.NewReader(body))
		must(t, err)
		r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.token}, "X-Request-Id": {id}}
		answer, err := http.DefaultClient.Do(r)
		must(t, err)
		defer answer.Body.Close()
		if text, _ := io.ReadAll(answer.Body); answer.StatusCode != 200 || answer.Header.Get("X-Request-Id") != id || !strings.Contains(string(text), `"run":{"id"`) {
			t.Errorf("without Redis: %s %s", answer.Status, text)
		}
	}
	trigger("caller-1")
	trigger("DE89370400440532013000")
	if text := p.metrics(); !strings.Contains(text, "insightgraph_redis_up 0\n") || !regexp.MustCompile(`insightgraph_work_open\{kind="shard",state="waiting"\} [1-9]`).MatchString(text) {
		t.Error("/metrics does not say that Redis is away and work waits")
	}
	must(t, both.RestartRedis(t.Context()))
	p.becomes(200, "ok", "redis", "ok")

	db := look(t, both.DatabaseURL)
	db.do("DELETE FROM migrations WHERE id = (SELECT max(id) FROM migrations)")
	p.becomes(503, "unavailable", "database", "behind")
	if !strings.Contains(p.metrics(), "insightgraph_migrations_behind 1\n") {
		t.Error("/metrics does not say that a migration is missing")
	}
	must(t, both.KillPostgres())
	p.becomes(503, "unavailable", "database", "away")
	if !strings.Contains(p.metrics(), "insightgraph_database_up 0\n") {
		t.Error("/metrics does not say that the database is away")
	}
	if r, err := http.Get(p.url + "/healthz"); err != nil || r.StatusCode != 200 {
		t.Errorf("healthz: %v", err)
	}
	must(t, both.RestartPostgres(t.Context()))

	p.stop()
	scan(t, p.log.String(), append([]string{c.token, own.ClientSecret, "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZTE", "86814", "279565", "Secret Savings",
		"DE89370400440532013000", "370400440532", "4111111111111111"}, strings.SplitN(both.RedisURL, ":", 4)[2]), "caller-1", "DE****3000")
}

// scan looks through a log for what must not be there, and for the requests that must be.
func scan(t *testing.T, text string, secrets []string, requests ...string) {
	t.Helper()
	seen, tasks := map[string]bool{}, 0
	for line := range strings.Lines(text) {
		for _, secret := range secrets {
			if strings.Contains(line, secret) {
				t.Errorf("the log says %s: %s", secret, line)
			}
		}
		if !strings.HasPrefix(line, "{") {
			continue // what is said at the start and at the end
		}
		var said struct{ Level, Msg, RequestID, Task, TaskID string }
		if err := json.Unmarshal([]byte(line), &said); err != nil || said.Level == "" || said.Msg == "" {
			t.Errorf("no line of a log: %s", line)
		}
		seen[said.RequestID] = true
		if said.Task != "" && said.TaskID != "" {
			tasks++
		}
	}
	for _, request := range requests {
		if !seen[request] {
			t.Errorf("no line of request %s in %v\n%s", request, slices.Sorted(maps.Keys(seen)), text)
		}
	}
	if tasks == 0 {
		t.Error("no line of a task")
	}
}

// metricName is how ours begin, and those of the Go runtime and the process.
var metricName = regexp.MustCompile(`\b(?:insightgraph|go|process)_[a-z0-9_]+`)

// named: whatever the dashboard and the alerts ask for is there to be asked.
func named(t *testing.T, metrics string) {
	t.Helper()
	known := map[string]bool{"insightgraph_replica_up": true, "insightgraph_replica_lag_bytes": true} // TestReplica sees them
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, "#") {
			known[metricName.FindString(line)] = true
		}
	}
	asked := 0
	ask := func(where, query string) {
		for _, name := range metricName.FindAllString(query, -1) {
			asked++
			if !known[name] {
				t.Errorf("%s asks for %s, which there is not", where, name)
			}
		}
	}
	alerts, err := os.ReadFile("deploy/prometheus/alerts.yml")
	must(t, err)
	for line := range strings.Lines(string(alerts)) {
		if _, query, ok := strings.Cut(line, "expr:"); ok {
			ask("an alert", query)
		}
	}
	text, err := os.ReadFile("deploy/grafana/insightgraph.json")
	must(t, err)
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	must(t, json.Unmarshal(text, &board))
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			if !metricName.MatchString(target.Expr) {
				t.Errorf("the panel %s asks for nothing: %q", panel.Title, target.Expr)
			}
			ask("the panel "+panel.Title, target.Expr)
		}
	}
	if asked < 40 {
		t.Errorf("only %d metrics are asked for", asked)
	}
	operations, err := os.ReadFile("docs/operations.md")
	must(t, err)
	for _, alert := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(alerts), -1) {
		if !strings.Contains(string(operations), "### "+alert[1]+"\n") {
			t.Errorf("docs/operations.md has nothing on the alert %s", alert[1])
		}
	}
}

// TestLameDuck: from SIGTERM on a process says that it is not ready, and still answers, each client for the last time on its
// connection. A second signal ends it.
func TestLameDuck(t *testing.T) {
	t.Parallel()
	env := append(ready(t), "LAME_DUCK=1h")
	p := serve(t, env)
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Own", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	c := p.signIn(own, "")
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	p.becomes(503, "stopping", "database", "ok")
	c.do(new(any), `{ viewer { role } }`, nil)
	r, err := http.Get(p.url + "/healthz")
	must(t, err)
	r.Body.Close()
	if r.StatusCode != 200 || !r.Close {
		t.Errorf("healthz: %s, the connection stays: %v", r.Status, !r.Close)
	}
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	<-p.done
	if err := p.cmd.Wait(); err == nil || p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("after a second signal: %v", err)
	}
}

// balancer hands requests to processes that say they are ready. It asks another one only where it could not connect.
type balancer struct {
	processes [2]backend
	client    http.Client
	failed    atomic.Int64
}

type backend struct {
	url   string
	ready atomic.Bool
}

// watch asks a process again and again whether it is ready.
func (b *balancer) watch(t *testing.T, to *backend) {
	for t.Context().Err() == nil {
		r, err := b.client.Get(to.url + "/readyz")
		if err == nil {
			r.Body.Close()
		}
		to.ready.Store(err == nil && r.StatusCode == http.StatusOK)
		time.Sleep(30 * time.Millisecond)
	}
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.failed.Add(1)
		return
	}
	for n := 0; r.Context().Err() == nil; n++ {
		to := &b.processes[n%2]
		if !to.ready.Load() {
			time.Sleep(time.Millisecond)
			continue
		}
		out, err := http.NewRequest(r.Method, to.url+r.URL.Path, io.NopCloser(bytes.NewReader(body))) // not one that the client would send again
		if err != nil {
			break
		}
		out.Header, out.ContentLength = r.Header, int64(len(body))
		answer, err := b.client.Do(out)
		if dial, is := errors.AsType[*net.OpError](err); is && dial.Op == "dial" {
			continue
		}
		if err != nil {
			break
		}
		defer answer.Body.Close()
		w.WriteHeader(answer.StatusCode)
		if _, err := io.Copy(w, answer.Body); err != nil || answer.StatusCode >= 500 {
			b.failed.Add(1)
		}
		return
	}
	b.failed.Add(1)
	w.WriteHeader(http.StatusBadGateway)
}

// TestRollingRestart: two processes are stopped and started one after the other, twenty times, while clients write and
// read and insights are made. No request fails, nothing that was acknowledged is lost, and no work is done twice.
func TestRollingRestart(t *testing.T) {
	address := storetest.URL(t)
	db := look(t, address)
	env := []string{"DATABASE_URL=" + address, "REDIS_URL=" + storetest.Redis(t), "DATA_DIR=" + t.TempDir(), "LAME_DUCK=700ms"}
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Own", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	var running [2]*process
	b := &balancer{}
	for i := range running {
		running[i] = serve(t, env)
		b.processes[i].url = running[i].url
		go b.watch(t, &b.processes[i])
	}
	front := httptest.NewServer(b)
	defer front.Close()
	c := client{t, front.URL, running[0].signIn(own, "").token}
	var accounts [4]string // of a consumer each
	for n := range accounts {
		var made struct {
			CreateAccount struct{ Account struct{ ID string } }
		}
		c.do(&made, `mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { id } } }`, object{"input": object{
			"consumerExternalId": fmt.Sprint(n), "externalId": "current", "container": "BANK", "name": "Current account", "currency": "EUR"}})
		accounts[n] = made.CreateAccount.Account.ID
	}

	var load sync.WaitGroup
	var over atomic.Bool
	var rows, runs, asked atomic.Int64
	for n, account := range accounts {
		load.Go(func() {
			for i := 0; !over.Load(); i++ {
				var stored struct {
					CreateTransactions struct{ CreatedCount int64 }
				}
				c.do(&stored, `mutation($input: CreateTransactionsInput!) { createTransactions(input: $input) { createdCount } }`, object{"input": object{
					"accountId": account, "transactions": []object{{"externalId": fmt.Sprint(i), "amount": object{"amount": "1.00", "currency": "EUR"}, "bookingDate": "2021-10-01"}}}})
				rows.Add(stored.CreateTransactions.CreatedCount)
				c.do(new(any), `{ consumers { nodes { id accounts { nodes { id } } } } feed { totalCount } }`, nil)
				asked.Add(2)
				if i%10 == 0 {
					c.trigger(fmt.Sprint(n, "-", i))
					runs.Add(1)
				}
				time.Sleep(20 * time.Millisecond) // requests are under way at any time; the processes have to start beside them
			}
		})
	}
	const restarts = 20
	for n := range restarts {
		at := n % 2
		p := running[at]
		p.stop()
		running[at] = serve(t, append(env, "ADDR="+strings.TrimPrefix(p.url, "http://")))
		eventually(t, "ready again", func() bool { return b.processes[at].ready.Load() })
	}
	over.Store(true)
	load.Wait()
	if n := b.failed.Load(); n > 0 || asked.Load() < restarts {
		t.Errorf("%d of %d requests failed", n, asked.Load())
	}
	eventually(t, "all runs end", func() bool {
		return db.count("SELECT count(*) FROM runs WHERE kind = 'ON_DEMAND' AND status <> 'SUCCEEDED'") == 0
	})
	if n := db.count("SELECT count(*) FROM transactions"); int64(n) != rows.Load() {
		t.Errorf("%d transactions, %d acknowledged", n, rows.Load())
	}
	if n, once := db.count("SELECT count(*) FROM evaluations"), db.count("SELECT count(DISTINCT (run_id, consumer_id)) FROM evaluations"); n != len(accounts)*int(runs.Load()) || n != once {
		t.Errorf("%d evaluations, %d of them different, of %d runs", n, once, runs.Load())
	}
	t.Logf("%d restarts, %d requests, %d runs, none failed", restarts, asked.Load()+runs.Load(), runs.Load())
}
