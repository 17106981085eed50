package tasks

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// canary is what must be nowhere but in sealed columns and a connector's hands.
const canary = "canary-4711"

// testBank is a connector that does what a test says, and notes what it was asked.
type testBank struct {
	mu    sync.Mutex
	asked []connect.Fetch

	returned []string     // secrets of consents that it was asked to take back
	refuses  func() error // what it answers then; nil: it takes them

	fetch func(ctx context.Context, in connect.Fetch) (connect.Data, error) // nil: well
}

var testBanks = []connect.Bank{{Code: "test", Name: "Test Bank", Country: "DE", Consents: true}}

func (b *testBank) Name() string          { return "test" }
func (b *testBank) Banks() []connect.Bank { return testBanks }
func (b *testBank) Login(context.Context, connect.Login) (connect.Step, error) {
	panic("not asked by workers")
}
func (b *testBank) Answer(context.Context, connect.Login, []byte, connect.Answer) (connect.Step, error) {
	panic("not asked by workers")
}

func (b *testBank) Revoke(_ context.Context, _ connect.Bank, secret []byte) error {
	b.mu.Lock()
	b.returned = append(b.returned, string(secret))
	refuses := b.refuses
	b.mu.Unlock()
	if refuses == nil {
		return nil
	}
	return refuses()
}

func (b *testBank) Fetch(ctx context.Context, in connect.Fetch) (connect.Data, error) {
	b.mu.Lock()
	b.asked = append(b.asked, in)
	do := b.fetch
	b.mu.Unlock()
	if do == nil {
		do = well
	}
	return do(ctx, in)
}

// does sets what the bank does from now on.
func (b *testBank) does(do func(ctx context.Context, in connect.Fetch) (connect.Data, error)) {
	b.mu.Lock()
	b.fetch = do
	b.mu.Unlock()
}

func (b *testBank) fails(c connect.Category) {
	b.does(func(context.Context, connect.Fetch) (connect.Data, error) {
		return connect.Data{}, fmt.Errorf("the bank of %s: %w", canary, connect.Is(c))
	})
}

func (b *testBank) calls() []connect.Fetch {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

// gaveBack are the secrets of the consents that it was asked to take back.
func (b *testBank) gaveBack() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.returned)
}

func (b *testBank) times() int { return len(b.calls()) }

// well gives each account that was asked for one transaction of the past and one of each day since; and one account that
// nobody asked for.
func well(_ context.Context, in connect.Fetch) (d connect.Data, err error) {
	for _, id := range append(slices.Clone(in.Accounts), "unasked") {
		name := "Account " + id
		row := func(external string, day bank.Date, amount string) bank.Transaction {
			return bank.Transaction{ExternalID: &external, Amount: decimalOf(amount), Currency: "EUR", BookingDate: day, Description: "Bakery"}
		}
		a := connect.Account{ID: id, Container: bank.ContainerBank, Name: name, Currency: "EUR", Balance: ptr(decimalOf("12.30"))}
		if first := bank.NewDate(2026, 3, 1); in.Days.Contains(first) {
			a.Transactions = append(a.Transactions, row("pay", first, "100"))
		}
		for day := max(in.Days.From, bank.NewDate(2026, 3, 5)); day <= in.Days.To; day++ {
			a.Transactions = append(a.Transactions, row("day-"+day.String(), day, "-2.50"))
		}
		d.Accounts = append(d.Accounts, a)
	}
	return d, nil
}

// safe is a log's text, for many writers.
type safe struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) { s.mu.Lock(); defer s.mu.Unlock(); return s.text.Write(p) }
func (s *safe) String() string              { s.mu.Lock(); defer s.mu.Unlock(); return s.text.String() }

// linking is a world with a bank.
type linking struct {
	*world
	bank *testBank
	keys connect.Keys
	log  *safe
}

func newLinking(t *testing.T, at string) *linking {
	t.Helper()
	keys, err := connect.ParseKeys(connect.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	l := &linking{newWorld(t, at), &testBank{}, keys, &safe{}}
	t.Cleanup(func() {
		if text := l.log.String(); strings.Contains(text, canary) {
			t.Errorf("the log holds a secret: %s", text)
		}
	})
	return l
}

func (l *linking) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func directoryOf(t testing.TB, c connect.Connector) *connect.Directory {
	t.Helper()
	d, err := connect.NewDirectory(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (l *linking) fetcher(s *store.Store) *Fetcher {
	return &Fetcher{Store: s, Directory: directoryOf(l.t, l.bank), Keys: l.keys, Log: l.logger()}
}

// do fetches a part here.
func (l *linking) do(part int64) (done bool, err error) {
	l.t.Helper()
	return l.fetcher(l.store).Do(l.t.Context(), part)
}

// flow brings a flow to where its accounts are picked and gives the part that fetches them.
func (l *linking) flow(consent connect.StoreConsent, consumer *bank.Ref, accounts ...string) (connect.Flow, int64) {
	l.t.Helper()
	ctx, now := l.t.Context(), l.clock.now()
	must := func(err error) {
		l.t.Helper()
		if err != nil {
			l.t.Fatal(err)
		}
	}
	s, err := connect.NewSession{PSU: &connect.PSU{UserAgent: "Browser", IPAddress: "203.0.113.7"}, HasScope: true, HasRefresh: true}.
		Check(now, func(string) (connect.Bank, bool) { return connect.Bank{}, false })
	must(err)
	s, err = l.CreateSession(ctx, s)
	must(err)
	token := connect.NewToken()
	f, err := l.StartFlow(ctx, connect.NewFlow{Session: s.Ref(), Consumer: consumer, StoreConsent: consent}, token.Handle, token.Hash)
	must(err)
	access := connect.Access{Secret: []byte(canary + "-first"), Stored: true}
	for _, id := range accounts {
		access.Accounts = append(access.Accounts, connect.Account{ID: id, Container: bank.ContainerBank, Name: "Account " + id, Currency: "EUR"})
	}
	text, err := json.Marshal(connect.Dialog{Access: &access, Accounts: access.Accounts})
	must(err)
	_, err = l.MoveFlow(ctx, f.Ref(), func(f *connect.Flow) error { return f.Choose(testBanks[0], true, now, now.Add(time.Minute)) })
	must(err)
	f, parts, err := l.CollectFlow(ctx, f.Ref(), accounts, func(f *connect.Flow) error {
		f.Gets(access, now)
		f.Collects(l.keys.Seal(text, connect.DialogPlace(f.CustomerID, f.ID)))
		return nil
	})
	must(err)
	if len(parts) != 1 {
		l.t.Fatalf("%d parts", len(parts))
	}
	return f, parts[0]
}

// linked is a new consumer with a stored consent for accounts of the bank.
func (l *linking) linked(accounts ...string) bank.Ref {
	l.t.Helper()
	f, part := l.flow(connect.ConsentRequired, nil, accounts...)
	if done, err := l.do(part); !done || err != nil {
		l.t.Fatal(done, err)
	}
	f = l.see(f)
	if f.State != connect.Finished || !f.ConsentStored {
		l.t.Fatalf("%s %v", f.State, f.Problem)
	}
	return bank.Ref{Kind: bank.KindConsumer, ConsumerID: *f.ConsumerID, ID: *f.ConsumerID}
}

func (l *linking) see(f connect.Flow) connect.Flow {
	l.t.Helper()
	f, err := l.Flow(l.t.Context(), f.Ref())
	if err != nil {
		l.t.Fatal(err)
	}
	return f
}

// start asks for a refresh with the stored consents.
func (l *linking) start(consumer bank.Ref) (connect.Refresh, []int64) {
	l.t.Helper()
	r, parts, err := l.StartRefresh(l.t.Context(), store.NewRefresh{Consumer: consumer})
	if err != nil {
		l.t.Fatal(err)
	}
	return r, parts
}

// refresh does one here, and gives what became of it: FINISHED or its category.
func (l *linking) refresh(consumer bank.Ref) string {
	l.t.Helper()
	r, parts := l.start(consumer)
	for _, p := range parts {
		if _, err := l.do(p); err != nil {
			l.t.Fatal(err)
		}
	}
	return l.outcome(r)
}

func (l *linking) outcome(r connect.Refresh) string {
	l.t.Helper()
	r, err := l.Refresh(l.t.Context(), r.Ref())
	if err != nil {
		l.t.Fatal(err)
	}
	if r.State == connect.Exception {
		return string(*r.Problem)
	}
	return string(r.State)
}

func (l *linking) transactions() []bank.Transaction {
	l.t.Helper()
	p, err := l.Transactions(l.t.Context(), bank.TransactionFilter{}, page.Args{Size: 100})
	if err != nil {
		l.t.Fatal(err)
	}
	return p.Nodes
}

func (l *linking) consent(consumer bank.Ref) connect.Consent {
	l.t.Helper()
	all, err := l.Consents(l.t.Context(), []int64{consumer.ID})
	if err != nil || len(all[consumer.ID]) == 0 {
		l.t.Fatal(all, err)
	}
	return all[consumer.ID][0]
}

// sql runs a statement as the database's owner.
func (l *linking) sql(statement string) {
	l.t.Helper()
	db, err := sql.Open("pgx", l.url)
	if err != nil {
		l.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		l.t.Fatal(err)
	}
}

// server is a process that fetches, beside its planner and queue.
func (l *linking) server() *Queue {
	l.t.Helper()
	options, err := redis.ParseURL(storetest.Servers(l.t).RedisURL)
	if err != nil {
		l.t.Fatal(err)
	}
	options.MaxRetries, options.DialTimeout = 1, time.Second
	client := redis.NewClient(options)
	s := l.open()
	f := l.fetcher(s)
	servers := []*asynq.Server{f.Server(client, 4), f.GiveBackServer(client, 2)}
	for _, one := range servers {
		if err := one.Start(f.Mux()); err != nil {
			l.t.Fatal(err)
		}
	}
	queue := NewQueue(client, s, l.logger())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		(&Planner{Store: s, Queue: queue, Log: l.logger(), Plan: 100 * time.Millisecond, Sweep: 50 * time.Millisecond}).Run(ctx)
		close(done)
	}()
	l.t.Cleanup(func() {
		cancel()
		<-done
		for _, one := range servers {
			one.Shutdown()
		}
		client.Close()
	})
	return queue
}

// counted is what the metrics say of an outcome.
func counted(t *testing.T, outcome string) float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "insightgraph_fetches_total" && m.GetLabel()[0].GetValue() == outcome {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// TestFlowThroughRedis is the ordinary way of a flow's end, with two processes: data, consent and nothing secret left behind.
func TestFlowThroughRedis(t *testing.T) {
	flush(t)
	l := newLinking(t, "2026-03-05T12:00:00Z")
	l.bank.does(func(ctx context.Context, in connect.Fetch) (connect.Data, error) {
		d, err := well(ctx, in)
		d.Secret = []byte(canary + "-second")
		return d, err
	})
	l.server()
	queue := l.server()
	f, part := l.flow(connect.ConsentRequired, nil, "giro", "savings")
	before := counted(t, "FINISHED")
	queue.WakeParts(t.Context(), []int64{part})
	l.eventually("the flow's end", func() bool { return l.see(f).State.Final() })
	f = l.see(f)
	if f.State != connect.Finished || len(f.AccountIDs) != 2 || !f.ConsentStored || f.Sealed != nil {
		t.Fatalf("%+v", f)
	}
	if n := len(l.transactions()); n != 4 {
		t.Errorf("%d transactions", n)
	}
	if got := counted(t, "FINISHED"); got != before+1 {
		t.Errorf("counted %v after %v", got, before)
	}
	calls := l.bank.calls()
	if len(calls) != 1 || string(calls[0].Secret) != canary+"-first" || calls[0].PSU == nil || calls[0].PSU.IPAddress != "203.0.113.7" ||
		!slices.Equal(calls[0].Accounts, []string{"giro", "savings"}) || calls[0].Days.Days() != connect.DefaultDays || calls[0].Bank != testBanks[0] || calls[0].Now.IsZero() {
		t.Errorf("%+v", calls)
	}
	consumer := bank.Ref{Kind: bank.KindConsumer, ConsumerID: *f.ConsumerID, ID: *f.ConsumerID}
	c := l.consent(consumer)
	if secret, err := l.keys.Open(c.Sealed, connect.ConsentPlace(c.CustomerID, c.FlowID)); err != nil || string(secret) != canary+"-second" {
		t.Errorf("the stored secret: %v", err)
	}
	// The same consent without the consumer, through the queue as well.
	r, parts := l.start(consumer)
	queue.WakeParts(t.Context(), parts)
	l.eventually("the refresh's end", func() bool { return l.outcome(r) != string(connect.Processing) })
	if got := l.outcome(r); got != "FINISHED" {
		t.Fatal(got)
	}
	if last := l.bank.calls()[1]; string(last.Secret) != canary+"-second" || last.PSU != nil {
		t.Errorf("%+v", last)
	}
	l.nowhere()
}

// TestStopGivesBack: a process that stops gives back what it asks a bank for. That is no try, however often it happens, and
// another process has it at once: here is no planner that would look for it.
func TestStopGivesBack(t *testing.T) {
	flush(t)
	l := newLinking(t, "2026-03-05T12:00:00Z")
	asked := make(chan struct{})
	l.bank.does(func(ctx context.Context, _ connect.Fetch) (connect.Data, error) {
		asked <- struct{}{}
		<-ctx.Done()
		return connect.Data{}, ctx.Err()
	})
	var queue *Queue
	process := func() (stop func()) {
		s, client := l.open(), redisClient(t)
		queue = NewQueue(client, s, l.logger())
		f := l.fetcher(s)
		stopping, cancel := context.WithCancel(t.Context())
		server, mux := f.Server(client, 4), f.Mux()
		mux.Use(queue.Until(stopping))
		if err := server.Start(mux); err != nil {
			t.Fatal(err)
		}
		return func() { server.Stop(); cancel(); server.Shutdown() }
	}
	f, part := l.flow(connect.ConsentRequired, nil, "giro")
	stop := process()
	queue.WakeParts(t.Context(), []int64{part})
	for range 5 { // more than there are tries
		<-asked
		stop()
		stop = process()
	}
	<-asked
	l.bank.does(well)
	stop()
	stop = process()
	defer func() { stop() }()
	l.eventually("the flow's end", func() bool { return l.see(f).State.Final() })
	if state := l.see(f).State; state != connect.Finished || l.bank.times() != 7 {
		t.Errorf("%s after %d calls", state, l.bank.times())
	}
	if text := l.log.String(); strings.Contains(text, "level=ERROR") || !strings.Contains(text, "given back") {
		t.Errorf("the log: %s", text)
	}
}

// nowhere looks for the canary on Redis and in a text of the whole database.
func (l *linking) nowhere() {
	l.t.Helper()
	ctx, client := l.t.Context(), redisClient(l.t)
	keys, err := client.Keys(ctx, "*").Result()
	if err != nil || len(keys) == 0 {
		l.t.Fatalf("%d keys on Redis, %v", len(keys), err)
	}
	for _, k := range keys {
		if dump, err := client.Dump(ctx, k).Result(); err != nil && !errors.Is(err, redis.Nil) || strings.Contains(k+dump, canary) {
			l.t.Errorf("%s holds a secret, or %v", k, err)
		}
	}
	db, err := sql.Open("pgx", l.url)
	if err != nil {
		l.t.Fatal(err)
	}
	defer db.Close()
	var found bool
	if err := db.QueryRow("SELECT schema_to_xml('public', false, false, '')::text LIKE '%' || $1 || '%' OR schema_to_xml('public', false, false, '')::text LIKE '%' || encode($1::bytea, 'base64') || '%'",
		canary).Scan(&found); err != nil || found {
		l.t.Errorf("a secret in the database: %v, %v", found, err)
	}
}

// TestPartsOfRedisLost: tasks that were on Redis are gone, or never got there; the sweep brings them.
func TestPartsOfRedisLost(t *testing.T) {
	flush(t)
	l := newLinking(t, "2026-03-05T12:00:00Z")
	f, part := l.flow(connect.ConsentNo, nil, "giro")
	NewQueue(redisClient(t), l.store, silent).WakeParts(t.Context(), []int64{part})
	if n, err := redisClient(t).DBSize(t.Context()).Result(); err != nil || n == 0 {
		t.Fatalf("the task is on Redis: %d keys, %v", n, err)
	}
	flush(t)
	queue := l.server()
	l.eventually("the flow's end", func() bool { return l.see(f).State == connect.Finished })
	servers := storetest.Servers(t)
	if err := servers.KillRedis(); err != nil {
		t.Fatal(err)
	}
	g, part := l.flow(connect.ConsentNo, nil, "giro")
	ends(t, "waking workers without Redis", func() { queue.WakeParts(t.Context(), []int64{part}) })
	if err := servers.RestartRedis(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.eventually("the flow's end", func() bool { return l.see(g).State == connect.Finished })
	if n := l.bank.times(); n != 2 {
		t.Errorf("the bank was asked %d times", n)
	}
}

// stuckFetcher is another process: it claims the first part it finds, says so, and never ends.
func stuckFetcher(url string) {
	at := moment(os.Getenv("INSIGHTGRAPH_TEST_NOW"))
	s, err := store.Open(context.Background(), url, store.Options{Now: func() time.Time { return at }})
	if err != nil {
		panic(err)
	}
	keys, err := connect.ParseKeys(os.Getenv("INSIGHTGRAPH_TEST_KEY"))
	if err != nil {
		panic(err)
	}
	d, err := connect.NewDirectory(&testBank{fetch: func(context.Context, connect.Fetch) (connect.Data, error) {
		fmt.Println("fetching")
		select {}
	}})
	if err != nil {
		panic(err)
	}
	ids, err := s.WaitingParts(context.Background(), 1)
	if err != nil || len(ids) != 1 {
		panic(fmt.Sprint(ids, err))
	}
	(&Fetcher{Store: s, Directory: d, Keys: keys, Log: silent}).Do(context.Background(), ids[0])
}

// TestFetcherKilled: a worker process dies by kill -9 while a bank is being asked; after its lease another one does the
// work, once.
func TestFetcherKilled(t *testing.T) {
	flush(t)
	l := newLinking(t, "2026-03-05T12:00:00Z")
	key := connect.NewKey()
	var err error
	if l.keys, err = connect.ParseKeys(key); err != nil {
		t.Fatal(err)
	}
	f, part := l.flow(connect.ConsentRequired, nil, "giro")
	l.clock.add(2 * time.Minute) // its task was lost
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "INSIGHTGRAPH_TEST_STUCK_FETCHER="+l.url, "INSIGHTGRAPH_TEST_KEY="+key, "INSIGHTGRAPH_TEST_NOW="+l.clock.now().Format(time.RFC3339))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "fetching") {
		child.Process.Kill()
		t.Fatalf("the other worker says %q, %v", line, err)
	}
	if done, err := l.do(part); done || err != nil {
		t.Fatalf("the part is claimed by the other: %v, %v", done, err)
	}
	if err := child.Process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	if n := len(l.transactions()); n != 0 || l.see(f).State != connect.Processing {
		t.Fatalf("half stored: %d", n)
	}
	l.server()
	l.eventually("the flow's end", func() bool { return l.see(f).State == connect.Finished })
	if n := l.bank.times(); n != 1 || len(l.transactions()) != 2 {
		t.Errorf("asked %d times, %d transactions", n, len(l.transactions()))
	}
}

// TestTwoFetchers: of two at once one does it, and one that comes back after its lease changes nothing.
func TestTwoFetchers(t *testing.T) {
	l := newLinking(t, "2026-03-05T12:00:00Z")
	f, part := l.flow(connect.ConsentRequired, nil, "giro")
	asked, goOn := make(chan struct{}), make(chan struct{})
	l.bank.does(func(ctx context.Context, in connect.Fetch) (connect.Data, error) {
		close(asked)
		<-goOn
		return well(ctx, in)
	})
	type result struct {
		done bool
		err  error
	}
	first := make(chan result)
	go func() {
		done, err := l.do(part)
		first <- result{done, err}
	}()
	<-asked
	if done, err := l.do(part); done || err != nil {
		t.Fatalf("two at once: %v, %v", done, err)
	}
	l.bank.does(nil)
	l.clock.add(5 * time.Minute) // the lease is over
	if done, err := l.do(part); !done || err != nil {
		t.Fatalf("after the lease: %v, %v", done, err)
	}
	end := l.see(f)
	close(goOn)
	if r := <-first; r.done || r.err != nil {
		t.Errorf("the first one, too late: %+v", r)
	}
	if again := l.see(f); end.State != connect.Finished || again.Version != end.Version || len(l.transactions()) != 2 {
		t.Errorf("%+v, then %+v", end, again)
	}
	if done, err := l.do(part); done || err != nil || l.bank.times() != 2 {
		t.Errorf("done already: %v, %v, asked %d times", done, err, l.bank.times())
	}
	if done, err := l.do(1 << 40); done || err != nil {
		t.Errorf("no such part: %v, %v", done, err)
	}
}

// TestFetchTroubles: what each way of failing becomes, for a flow and for a refresh with a stored consent.
func TestFetchTroubles(t *testing.T) {
	for name, c := range map[string]struct {
		do        func(ctx context.Context, in connect.Fetch) (connect.Data, error)
		directory connect.Connector
		keys      func() connect.Keys
		timeout   time.Duration
		flow      connect.Category
		consent   connect.Category
		log       string
	}{
		"the bank's word": {do: func(context.Context, connect.Fetch) (connect.Data, error) {
			return connect.Data{}, fmt.Errorf("%s: %w", canary, connect.Is(connect.BankUnavailable))
		}, flow: connect.BankUnavailable, consent: connect.BankUnavailable},
		"slow": {do: func(ctx context.Context, _ connect.Fetch) (connect.Data, error) {
			<-ctx.Done()
			return connect.Data{}, ctx.Err()
		},
			timeout: time.Millisecond, flow: connect.BankTimeout, consent: connect.BankTimeout},
		"slow, and unclear about it": {do: func(ctx context.Context, _ connect.Fetch) (connect.Data, error) {
			<-ctx.Done()
			return connect.Data{}, errors.New(canary)
		}, timeout: time.Millisecond, flow: connect.BankTimeout, consent: connect.BankTimeout},
		"panic":       {do: func(context.Context, connect.Fetch) (connect.Data, error) { panic(canary) }, flow: connect.Technical, consent: connect.Technical, log: "a connector panicked"},
		"plain error": {do: func(context.Context, connect.Fetch) (connect.Data, error) { return connect.Data{}, errors.New(canary) }, flow: connect.Technical, consent: connect.Technical, log: "*errors.errorString"},
		"bank taken away": {directory: &emptyBank{}, flow: connect.NotSupported,
			consent: connect.NotSupported},
		"keys lost": {keys: func() connect.Keys { k, _ := connect.ParseKeys(connect.NewKey()); return k }, flow: connect.Technical, consent: connect.Technical, log: "encryption keys"},
		"revoked": {do: func(context.Context, connect.Fetch) (connect.Data, error) {
			return connect.Data{}, connect.Is(connect.ConsentRevoked)
		}, flow: connect.ConsentRevoked, consent: connect.ConsentRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLinking(t, "2026-03-05T12:00:00Z")
			consumer := l.linked("giro")
			l.bank.does(c.do)
			fetcher := l.fetcher(l.store)
			fetcher.Timeout = c.timeout
			if c.directory != nil {
				fetcher.Directory = directoryOf(t, c.directory)
			}
			if c.keys != nil {
				fetcher.Keys = c.keys()
			}
			f, part := l.flow(connect.ConsentNo, nil, "giro")
			before := counted(t, c.flow.Top())
			if done, err := fetcher.Do(t.Context(), part); !done || err != nil {
				t.Fatal(done, err)
			}
			if f = l.see(f); f.State != connect.Exception || *f.Problem != c.flow || f.Sealed != nil {
				t.Errorf("flow: %s %v", f.State, f.Problem)
			}
			if got := counted(t, c.flow.Top()); got != before+1 {
				t.Errorf("counted %v after %v", got, before)
			}
			r, parts := l.start(consumer)
			if done, err := fetcher.Do(t.Context(), parts[0]); !done || err != nil {
				t.Fatal(done, err)
			}
			if got := l.outcome(r); got != string(c.consent) {
				t.Errorf("refresh: %s", got)
			}
			stays := c.consent.Top() != "CONSENT"
			if consent := l.consent(consumer); (consent.State == connect.ConsentActive) != stays || (consent.Sealed != nil) != stays {
				t.Errorf("consent: %s", consent.State)
			}
			if len(l.transactions()) != 2 {
				t.Errorf("%d transactions", len(l.transactions()))
			}
			if !strings.Contains(l.log.String(), c.log) {
				t.Errorf("the log does not say %q: %s", c.log, l.log)
			}
		})
	}
}

// emptyBank is a connector that has lost its banks.
type emptyBank struct{ testBank }

func (*emptyBank) Banks() []connect.Bank { return nil }

// TestFetchStopped: a process that is told to stop in the middle gives its part back, and the next one does it.
func TestFetchStopped(t *testing.T) {
	l := newLinking(t, "2026-03-05T12:00:00Z")
	f, part := l.flow(connect.ConsentNo, nil, "giro")
	ctx, stop := context.WithCancel(t.Context())
	l.bank.does(func(ctx context.Context, _ connect.Fetch) (connect.Data, error) {
		stop()
		<-ctx.Done()
		return connect.Data{}, ctx.Err()
	})
	if done, err := l.fetcher(l.store).Do(ctx, part); done || !errors.Is(err, context.Canceled) {
		t.Fatal(done, err)
	}
	if f = l.see(f); f.State != connect.Processing {
		t.Fatalf("%s %v", f.State, f.Problem)
	}
	l.bank.does(nil)
	l.clock.add(5 * time.Second)
	if done, err := l.do(part); !done || err != nil {
		t.Fatal(done, err)
	}
	if f = l.see(f); f.State != connect.Finished {
		t.Errorf("%s %v", f.State, f.Problem)
	}
}

// TestFetchStoreFails: what the database does not take is tried again, some times.
func TestFetchStoreFails(t *testing.T) {
	l := newLinking(t, "2026-03-05T12:00:00Z")
	f, part := l.flow(connect.ConsentNo, nil, "giro")
	l.sql("ALTER TABLE transactions RENAME TO away")
	if done, err := l.do(part); done || err == nil {
		t.Fatal(done, err)
	}
	l.sql("ALTER TABLE away RENAME TO transactions")
	l.clock.add(5 * time.Second)
	if done, err := l.do(part); !done || err != nil || l.see(f).State != connect.Finished {
		t.Fatal(done, err)
	}
	g, part := l.flow(connect.ConsentNo, nil, "giro")
	l.sql("ALTER TABLE transactions RENAME TO away")
	for range 3 {
		if done, err := l.do(part); done || err == nil {
			t.Fatal(done, err)
		}
		l.clock.add(time.Minute)
	}
	if g = l.see(g); g.State != connect.Exception || *g.Problem != connect.Technical {
		t.Errorf("%s %v", g.State, g.Problem)
	}
}

// TestSecretRotates: a bank that gives another secret each time is asked with the last one; without a stored consent none
// is kept.
func TestSecretRotates(t *testing.T) {
	l := newLinking(t, "2026-03-05T12:00:00Z")
	consumer := l.linked("giro")
	for i := range 3 {
		l.bank.does(func(ctx context.Context, in connect.Fetch) (connect.Data, error) {
			d, err := well(ctx, in)
			if i != 1 {
				d.Secret = fmt.Appendf(nil, "%s-%d", canary, i)
			}
			return d, err
		})
		if got := l.refresh(consumer); got != "FINISHED" {
			t.Fatal(got)
		}
	}
	var used []string
	for _, call := range l.bank.calls() {
		used = append(used, strings.TrimPrefix(string(call.Secret), canary+"-"))
	}
	if got := fmt.Sprint(used); got != "[first first 0 0]" {
		t.Errorf("asked with %s", got)
	}
	l.bank.does(func(ctx context.Context, in connect.Fetch) (connect.Data, error) {
		d, err := well(ctx, in)
		d.Secret = []byte(canary)
		return d, err
	})
	f, part := l.flow(connect.ConsentNo, nil, "giro")
	if done, err := l.do(part); !done || err != nil {
		t.Fatal(done, err)
	}
	if f = l.see(f); f.State != connect.Finished || f.ConsentStored {
		t.Errorf("%s, stored %v", f.State, f.ConsentStored)
	}
	all, err := l.Consents(t.Context(), []int64{*f.ConsumerID})
	if err != nil || len(all[*f.ConsumerID]) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

// plan is one tick of the planner and all its work.
func (l *linking) plan() {
	l.t.Helper()
	parts, err := l.store.PlanRefreshes(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, p := range parts {
		if _, err := l.do(p); err != nil {
			l.t.Fatal(err)
		}
	}
}

// schedule refreshes all accounts of a consumer by themselves.
func (l *linking) schedule(consumer bank.Ref, p connect.Plan) {
	l.t.Helper()
	if _, err := l.ScheduleRefresh(l.t.Context(), consumer, nil, p); err != nil {
		l.t.Fatal(err)
	}
}

func (l *linking) automatic(consumer bank.Ref) connect.AutomaticRefresh {
	l.t.Helper()
	all, err := l.AutomaticRefreshes(l.t.Context(), consumer)
	if err != nil || len(all) == 0 {
		l.t.Fatal(all, err)
	}
	return all[0]
}

// unattended are the moments at which the bank was asked without the consumer.
func (l *linking) unattended() (at []time.Time) {
	for _, call := range l.bank.calls() {
		if call.PSU == nil {
			at = append(at, call.Now)
		}
	}
	return at
}

// fourADay checks that no 24 hours hold more than four unattended calls.
func (l *linking) fourADay() {
	l.t.Helper()
	at := l.unattended()
	for i := connect.MaxUnattended; i < len(at); i++ {
		if apart := at[i].Sub(at[i-connect.MaxUnattended]); apart < 24*time.Hour {
			l.t.Errorf("five calls in %s, the last at %s", apart, at[i])
		}
	}
}

// TestAutomaticRefresh goes through two weeks, a quarter of an hour at a time: days that go well, a bank that is down,
// on-demand refreshes in between, and a server that was down.
func TestAutomaticRefresh(t *testing.T) {
	l := newLinking(t, "2026-03-05T12:00:00Z")
	consumer := l.linked("giro", "savings")
	pass := func(d time.Duration, each func()) {
		for end := l.clock.now().Add(d); l.clock.now().Before(end); {
			l.clock.add(15 * time.Minute)
			l.plan()
			if each != nil {
				each()
			}
		}
	}
	l.schedule(consumer, connect.Plan{Interval: ptr(connect.Daily)})
	pass(3*24*time.Hour, nil)
	if got := len(l.unattended()); got != 3 {
		t.Fatalf("%d times in three days", got)
	}
	if last := l.bank.calls()[3]; !slices.Equal(last.Accounts, []string{"giro", "savings"}) || last.Days.Days() != 16 {
		t.Errorf("both accounts at once, and some days: %+v", last)
	}
	a := l.automatic(consumer)
	if *a.LastState != connect.LastSuccess || a.FailedCount != 0 || a.NextRefreshAt == nil || a.ConsentAuthorizationRequired || a.LastSuccessfulRefreshAt == nil {
		t.Errorf("%+v", a)
	}
	if n := len(l.transactions()); n != 2*(1+4) {
		t.Errorf("%d transactions: one that stays and one of each day, in two accounts", n)
	}

	// As often as possible, and a customer who asks in between all the time.
	l.schedule(consumer, connect.Plan{Interval: ptr(connect.MaxOften)})
	pass(2*24*time.Hour, nil)
	if got := len(l.unattended()) - 3; got < 7 || got > 8 {
		t.Errorf("%d times in two days", got)
	}
	exceeded := 0
	pass(24*time.Hour, func() {
		if l.refresh(consumer) == string(connect.BankExceeded) {
			exceeded++
		}
	})
	if exceeded == 0 {
		t.Error("the customer could ask without end")
	}
	l.fourADay()

	// A bank that is down is asked sooner than at the next interval, later each time, and not too often.
	l.clock.add(36 * time.Hour)
	l.schedule(consumer, connect.Plan{Interval: ptr(connect.Daily)})
	l.clock.set(*l.automatic(consumer).NextRefreshAt)
	l.bank.fails(connect.BankUnavailable)
	before := len(l.unattended())
	l.plan()
	pass(48*time.Hour, nil)
	at := l.unattended()[before:]
	if len(at) < 5 || len(at) > 8 || at[1].Sub(at[0]) != 15*time.Minute || at[2].Sub(at[1]) != 30*time.Minute || at[3].Sub(at[2]) != time.Hour {
		t.Errorf("asked while it is down: %v", at)
	}
	l.fourADay()
	a = l.automatic(consumer)
	if *a.LastState != connect.LastException || *a.LastProblem != connect.BankUnavailable || a.FailedCount < 4 {
		t.Errorf("%+v", a)
	}
	l.clock.add(24 * time.Hour)
	l.bank.does(nil)
	pass(24*time.Hour, nil)
	if a = l.automatic(consumer); *a.LastState != connect.LastSuccess || a.FailedCount != 0 || a.LastProblem != nil {
		t.Errorf("up again: %+v", a)
	}

	// A server that was down for a week makes up one.
	l.clock.add(7 * 24 * time.Hour)
	before = len(l.unattended())
	pass(23*time.Hour, nil)
	if got := len(l.unattended()) - before; got != 1 {
		t.Errorf("%d times after a week", got)
	}
	l.fourADay()
	if got, err := l.UnscheduleRefresh(t.Context(), consumer, nil); err != nil || got != 2 {
		t.Errorf("%d, %v", got, err)
	}
	before = len(l.unattended())
	pass(48*time.Hour, nil)
	if got := len(l.unattended()) - before; got != 0 {
		t.Errorf("%d times after the end", got)
	}
}

// TestAutomaticWithoutConsent: a consent that is over, at the bank or by time, is not tried again until the consumer gives
// another one.
func TestAutomaticWithoutConsent(t *testing.T) {
	for _, c := range []struct {
		category connect.Category
		end      func(*linking)
	}{
		{connect.ConsentRevoked, func(l *linking) { l.bank.fails(connect.ConsentRevoked) }},
		{connect.ConsentExpired, func(l *linking) { l.bank.fails(connect.ConsentExpired) }},
		{connect.ConsentExpired, func(l *linking) { l.clock.add(181 * 24 * time.Hour) }},
	} {
		l := newLinking(t, "2026-03-05T12:00:00Z")
		consumer := l.linked("giro")
		l.schedule(consumer, connect.Plan{})
		c.end(l)
		var after int
		for day := range 5 {
			l.clock.add(25 * time.Hour)
			l.plan()
			if day == 0 {
				after = l.bank.times()
			}
			if err := l.store.SweepConnect(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		a := l.automatic(consumer)
		if !a.ConsentAuthorizationRequired || a.NextRefreshAt != nil || *a.LastProblem != c.category || a.FailedCount != 1 || l.bank.times() != after || after > 2 {
			t.Errorf("%s: %+v, asked %d times", c.category, a, l.bank.times())
		}
		if got := l.refresh(consumer); got != string(c.category) {
			t.Errorf("on demand: %s", got)
		}
		// The way back: the consumer links the bank again, and the schedule goes on.
		l.bank.does(nil)
		f, part := l.flow(connect.ConsentRequired, &consumer, "giro")
		if done, err := l.do(part); !done || err != nil || l.see(f).State != connect.Finished {
			t.Fatal(done, err)
		}
		if a = l.automatic(consumer); a.ConsentAuthorizationRequired || a.NextRefreshAt == nil {
			t.Errorf("linked again: %+v", a)
		}
		before := len(l.unattended())
		l.clock.add(25 * time.Hour)
		l.plan()
		if got := len(l.unattended()) - before; got != 1 {
			t.Errorf("linked again: %d times", got)
		}
	}
}

// TestPlannerGoesOn: a step that fails does not hold up the others.
func TestPlannerGoesOn(t *testing.T) {
	flush(t)
	l := newLinking(t, "2026-03-05T12:00:00Z")
	consumer := l.linked("giro")
	l.schedule(consumer, connect.Plan{})
	l.clock.add(25 * time.Hour)
	f, _ := l.flow(connect.ConsentNo, nil, "giro") // nobody has called for it
	l.sql("ALTER TABLE run_shards RENAME TO away")
	l.sql("ALTER TABLE runs RENAME TO away_too")
	l.server()
	l.eventually("the flow's end", func() bool { return l.see(f).State == connect.Finished })
	l.eventually("the automatic refresh", func() bool { return len(l.unattended()) > 0 })
	if err := (&Planner{Store: l.store, Queue: NewQueue(redisClient(t), l.store, silent), Log: silent}).SweepOnce(t.Context()); err == nil {
		t.Error("a sweep that failed says nothing")
	}
}

// TestGiveBack: a bank is asked to take back the consent of an erased consumer until it does, and not again; then nothing is
// kept of it. After the last try nothing is either.
func TestGiveBack(t *testing.T) {
	t.Parallel()
	l := newLinking(t, "2026-03-05T12:00:00Z")
	ctx := t.Context()
	erase := func() {
		t.Helper()
		if _, err := l.DeleteConsumer(ctx, l.linked("1")); err != nil {
			t.Fatal(err)
		}
	}
	waiting := func() []int64 {
		t.Helper()
		ids, err := l.store.WaitingRevocations(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	give := func(id int64) bool {
		t.Helper()
		done, err := l.fetcher(l.store).GiveBack(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	l.linked("1") // whose consent stays
	erase()
	ids := waiting()
	if len(ids) != 1 {
		t.Fatalf("%d wait", len(ids))
	}
	// Redis does not take it: that is no try. Then the bank is away.
	if err := l.store.UnqueuedRevocations(ctx, ids); err != nil {
		t.Fatal(err)
	}
	l.bank.refuses = func() error { return fmt.Errorf("the bank of %s: %w", canary, connect.Is(connect.Maintenance)) }
	if again := waiting(); !slices.Equal(again, ids) || give(ids[0]) || len(waiting()) != 0 {
		t.Errorf("%v wait", again)
	}
	l.clock.add(time.Minute)
	l.bank.refuses = nil
	if again := waiting(); !slices.Equal(again, ids) || !give(ids[0]) || !give(ids[0]) {
		t.Errorf("%v wait", again)
	}
	if want := []string{canary + "-first", canary + "-first"}; !slices.Equal(l.bank.returned, want) {
		t.Errorf("the bank was asked for %v", l.bank.returned)
	}
	erase()
	l.bank.refuses = func() error { return connect.Is(connect.Maintenance) }
	tries := 0
	for ids := waiting(); len(ids) > 0; ids = waiting() {
		tries++
		give(ids[0])
		l.clock.add(2 * time.Hour)
	}
	if tries != 10 || l.store.Dead()["revocation"] != 1 {
		t.Errorf("given up after %d tries: %v", tries, l.store.Dead())
	}
	l.sql("DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM revocations); END $$")
}

// TestGiveBackGoesWrong: whatever a connector does, and with a key that is missing, a consent stays to be given back, and the
// log says why without what the bank said.
func TestGiveBackGoesWrong(t *testing.T) {
	t.Parallel()
	l := newLinking(t, "2026-03-05T12:00:00Z")
	ctx := t.Context()
	if _, _, err := l.RevokeConsents(ctx, l.linked("1")); err != nil {
		t.Fatal(err)
	}
	other, err := connect.ParseKeys(connect.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		refuses func() error
		keys    connect.Keys
		log     string
	}{
		{func() error { panic(canary) }, l.keys, "a connector panicked"},
		{func() error { return errors.New(canary) }, l.keys, "a connector failed"},
		{nil, other, "is one of the encryption keys missing?"},
		{nil, l.keys, ""}, // well in the end
	} {
		ids, err := l.store.WaitingRevocations(ctx, 10)
		if err != nil || len(ids) != 1 {
			t.Fatal(ids, err)
		}
		l.bank.refuses = c.refuses
		f := l.fetcher(l.store)
		f.Keys = c.keys
		if done, err := f.GiveBack(ctx, ids[0]); done != (c.log == "") || err != nil {
			t.Errorf("%q: %v, %v", c.log, done, err)
		}
		if !strings.Contains(l.log.String(), c.log) {
			t.Errorf("the log does not say %q: %s", c.log, l.log)
		}
		l.clock.add(2 * time.Hour)
	}
	if ids, err := l.store.WaitingRevocations(ctx, 10); err != nil || len(ids) != 0 {
		t.Error(ids, err)
	}
}

// TestReplacedConsentIsGivenBack: whoever links a bank again leaves the new consent there, and the one before is given back.
func TestReplacedConsentIsGivenBack(t *testing.T) {
	flush(t)
	l := newLinking(t, "2026-03-05T12:00:00Z")
	neighbour := l.linked("giro")
	consumer := l.linked("giro")
	l.bank.does(func(ctx context.Context, in connect.Fetch) (connect.Data, error) {
		d, err := well(ctx, in)
		d.Secret = []byte(canary + "-second")
		return d, err
	})
	f, part := l.flow(connect.ConsentRequired, &consumer, "giro")
	if done, err := l.do(part); !done || err != nil || l.see(f).State != connect.Finished {
		t.Fatal(done, err)
	}
	for _, c := range []bank.Ref{neighbour, consumer} {
		if got := l.refresh(c); got != "FINISHED" {
			t.Errorf("a refresh: %s", got)
		}
	}
	if last := l.bank.calls()[l.bank.times()-1]; string(last.Secret) != canary+"-second" {
		t.Errorf("fetched with %s", last.Secret)
	}
	l.server()
	l.eventually("the end of the first consent", func() bool { return len(l.bank.gaveBack()) > 0 })
	if got := slices.Compact(l.bank.gaveBack()); !slices.Equal(got, []string{canary + "-first"}) { // maybe twice: time flies here
		t.Errorf("given back: %v", got)
	}
}

// TestFetchesDoNotWaitForGivingBack: many consents and a bank that does not answer hold up no flow.
func TestFetchesDoNotWaitForGivingBack(t *testing.T) {
	flush(t)
	l := newLinking(t, "2026-03-05T12:00:00Z")
	for range 8 { // more than are asked at once
		if _, err := l.DeleteConsumer(t.Context(), l.linked("1")); err != nil {
			t.Fatal(err)
		}
	}
	answers := make(chan struct{})
	l.bank.refuses = func() error { <-answers; return nil }
	l.server()
	l.eventually("a bank that is asked for as many as may be", func() bool { return len(l.bank.gaveBack()) == 2 })
	f, _ := l.flow(connect.ConsentNo, nil, "giro")
	l.eventually("the flow's end", func() bool { return l.see(f).State == connect.Finished })
	if n := len(l.bank.gaveBack()); n != 2 {
		t.Errorf("the bank was asked for %d at once", n)
	}
	close(answers)
}
