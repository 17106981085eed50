package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/report"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// sweep does what time does.
func (w *world) sweep(t *testing.T) {
	t.Helper()
	if err := w.SweepConnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	exact(t, w.Store)
}

// holding are the tables in which a consumer is named, but for the log of changes, which outlives it.
func holding(t *testing.T, w *world, consumerID int64) (tables []string) {
	t.Helper()
	db := admin(t, w.url)
	for _, table := range column[string](t, db, "SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'consumer_id' AND table_name <> 'events' UNION SELECT 'consumers' ORDER BY 1") {
		key := "consumer_id"
		if table == "consumers" {
			key = "id"
		}
		if n := column[int](t, db, fmt.Sprintf("SELECT count(*)::int FROM %s WHERE %s = %d", table, key, consumerID))[0]; n > 0 {
			tables = append(tables, table)
		}
	}
	return tables
}

// TestDeleteLinkedConsumer: nothing that names a deleted consumer is left, and its neighbour has all that it had.
func TestDeleteLinkedConsumer(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	s := storetest.Open(t, url, store.Options{MaxConns: 4})
	w := &world{Store: s, url: url}
	x := populate(t, s, "acme")
	w.c = x.Tenant
	anna, ben := x.consumers[0], x.consumers[1]
	// A flow that only knows the name, and one that is open.
	db := admin(t, url)
	w.start(t, connect.NewFlow{ConsumerExternalID: anna.ExternalID})
	if _, err := db.Exec(t.Context(), "UPDATE flows SET consumer_id = NULL WHERE state = 'CONSUMER_INPUT_NEEDED'"); err != nil {
		t.Fatal(err)
	}
	if had := holding(t, w, anna.ID); len(had) < 16 {
		t.Errorf("only %v", had)
	}
	before := contents(t, db, x.id, ben.ID)
	must[store.Erased](t)(x.DeleteConsumer(t.Context(), anna.Ref()))
	if left := holding(t, w, anna.ID); left != nil {
		t.Errorf("left in %v", left)
	}
	if n := column[int](t, db, "SELECT count(*)::int FROM flows WHERE consumer_external_id = 'anna'")[0]; n != 0 {
		t.Errorf("%d flows name it", n)
	}
	if n := column[int](t, db, "SELECT count(*)::int FROM sessions")[0]; n != 1 {
		t.Errorf("%d sessions", n)
	}
	after := contents(t, db, x.id, ben.ID)
	for table := range before {
		if before[table] != after[table] {
			t.Errorf("%s of the neighbour changed", table)
		}
	}
	exact(t, s)
}

// TestErasureIsNotOvertaken: what would begin for a consumer waits until its erasure is over, and then finds nobody. What
// is being stored at that moment is waited for, and never in a circle.
func TestErasureIsNotOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna := consumer(t, w.c, "anna")
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	put(t, w.c, a, row("", "-1", "2026-01-05"))
	request := store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}, Consumer: ptr(anna.Ref())}
	_, shards, err := w.c.CreateRun(ctx, request, nil)
	if err != nil {
		t.Fatal(err)
	}
	shard, _, err := w.Claim(ctx, shards[0])
	if err != nil {
		t.Fatal(err)
	}
	db, begun := admin(t, w.url), make(chan string, 4)
	waiting := func(n int) {
		t.Helper()
		for column[int](t, db, "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")[0] != n {
			if len(begun) > 0 {
				t.Fatalf("not behind the erasure: %s", <-begun)
			}
		}
	}
	// Somebody else's transaction refers to her, and another stores a result, of which the first half is there.
	other := admin(t, w.url)
	tx, err := other.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "SELECT 1 FROM consumers WHERE id = $1 FOR KEY SHARE", anna.ID); err != nil {
		t.Fatal(err)
	}
	half, rest, finished, erased := make(chan bool), make(chan bool), make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := w.FinishParts(ctx, shard, func(yield func([]store.Result) bool) {
			close(half)
			<-rest
			yield([]store.Result{evaluated(shard.Run, anna, "GENERATED", entryFor(anna, "2026-03", a))})
		})
		finished <- err
	}()
	<-half
	go func() {
		e, err := w.c.DeleteConsumer(ctx, anna.Ref())
		if want := (store.Erased{Accounts: 1, Transactions: 1, Entries: 1}); err == nil && e != want {
			err = fmt.Errorf("the receipt is %+v", e)
		}
		erased <- err
	}()
	waiting(1)
	close(rest)
	if err := <-finished; err != nil {
		t.Errorf("the result: %v", err)
	}
	begin := map[string]func() error{
		"a run": func() error { _, _, err := w.c.CreateRun(ctx, request, nil); return err },
		"a report": func() error {
			_, _, err := w.c.CreateReport(ctx, store.NewReport{NewCase: store.NewCase{Consumer: ptr(anna.Ref()), Days: ptr(30)}, Request: report.Request{Type: "SPENDING"}}, nil)
			return err
		},
		"an account": func() error {
			_, err := w.c.CreateAccount(ctx, store.NewAccount{Consumer: ptr(anna.Ref()), Account: bank.Account{Name: "x", Container: bank.ContainerBank, Currency: "EUR"}}, nil)
			return err
		},
		"transactions": func() error {
			_, _, err := w.c.CreateTransactions(ctx, a.Ref(), []bank.Transaction{row("", "-2", "2026-01-06")}, nil)
			return err
		},
	}
	for what, f := range begin {
		go func() {
			err := f()
			if faults := fault.Of(err); len(faults) != 1 || faults[0].Code != fault.NotFound {
				t.Errorf("%s: %v", what, err)
			}
			begun <- what
		}()
	}
	waiting(1 + len(begin))
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-erased; err != nil {
		t.Error(err)
	}
	for range begin {
		<-begun
	}
	if left := holding(t, w, anna.ID); left != nil {
		t.Errorf("left in %v", left)
	}
}

// TestRetentionIsNotOvertaken: what an evaluation has loaded before the end of a retention is not stored after it. What is being
// stored at that moment is waited for, and erased too.
func TestRetentionIsNotOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna, ben := consumer(t, w.c, "anna"), consumer(t, w.c, "ben") // who stay, and ben's account too
	bens := account(t, w.c, "ben", "current", bank.ContainerBank)
	_, brought := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentNo, RetentionMinutes: ptr(1)}, nil, told("1", "", row("a", "-5", "2026-02-01")))
	accounts := map[int64]bank.Account{anna.ID: brought[0], ben.ID: bens}
	start := func() (shard store.Shard, loaded []store.Result) {
		t.Helper()
		_, shards, err := w.c.CreateRun(ctx, store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		shard, _, err = w.Claim(ctx, shards[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range must[store.Facts](t)(w.Load(ctx, shard, anyDay)).Subjects {
			e := entryFor(x.Consumer, "2026-03", accounts[x.Consumer.ID])
			e.Revision = shard.Run.ID
			loaded = append(loaded, evaluated(shard.Run, x.Consumer, "GENERATED", e))
		}
		return shard, loaded
	}
	db := admin(t, w.url)
	of := func(c bank.Consumer) int {
		t.Helper()
		return column[int](t, db, "SELECT count(*)::int FROM feed_entries WHERE consumer_id = $1", c.ID)[0]
	}
	storing, results := start()
	late, tooLate := start()
	w.clock.add(time.Minute)
	half, rest, finished, swept := make(chan bool), make(chan bool), make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := w.FinishParts(ctx, storing, func(yield func([]store.Result) bool) {
			if yield(results[:1]) {
				close(half) // the second part is made while the first is stored
				<-rest
				yield(results[1:])
			}
		})
		finished <- err
	}()
	<-half
	for column[int](t, db, "SELECT count(*)::int FROM (SELECT 1 FROM consumers WHERE id = $1 FOR UPDATE SKIP LOCKED) free", anna.ID)[0] > 0 { // until she is referred to
		time.Sleep(time.Millisecond)
	}
	go func() { swept <- w.SweepConnect(ctx) }()
	for len(swept) == 0 && column[int](t, db, "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")[0] == 0 {
	}
	close(rest)
	noErrors(t, []error{<-finished, <-swept})
	if of(anna) != 0 || of(ben) != 1 {
		t.Errorf("stored beside the sweep: %d entries of anna, %d of ben", of(anna), of(ben))
	}
	if _, err := storetest.Finish(ctx, w.Store, late, tooLate); !errors.Is(err, store.ErrErased) || of(anna) != 0 || of(ben) != 1 {
		t.Errorf("stored after the sweep: %d entries of anna, %d of ben, %v", of(anna), of(ben), err)
	}
	_, results = start()
	for i := range results {
		results[i].Entries = nil
	}
	if _, err := storetest.Finish(ctx, w.Store, late, results); err != nil { // loaded again
		t.Error(err)
	}
}

func TestSweepFlows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.sweep(t) // nothing to do
	waits, asks, asking := w.start(t, connect.NewFlow{Scope: connect.Scope{RefreshDays: ptr(3)}}), w.start(t, connect.NewFlow{}), w.start(t, connect.NewFlow{})
	fetching := w.collect(t, w.start(t, connect.NewFlow{}), oneBank, "1")
	w.login(t, asks, oneBank)
	w.move(t, asking, func(f *connect.Flow) error { return f.Choose(oneBank, true, w.Now(), w.Now().Add(time.Minute)) })
	w.clock.add(time.Minute)
	w.sweep(t)
	db := admin(t, w.url)
	states := func() string {
		return fmt.Sprint(column[string](t, db, "SELECT state || coalesce(' ' || problem, '') || CASE WHEN sealed IS NULL THEN '' ELSE ' sealed' END FROM flows ORDER BY id"))
	}
	if got := states(); got != "[CONSUMER_INPUT_NEEDED CONSUMER_INPUT_NEEDED sealed EXCEPTION TECHNICAL PROCESSING sealed]" {
		t.Error(got)
	}
	w.clock.add(30 * time.Minute)
	w.sweep(t)
	if got := states(); got != "[EXCEPTION USER.TIMEOUT EXCEPTION USER.TIMEOUT EXCEPTION TECHNICAL PROCESSING sealed]" {
		t.Error(got)
	}
	got := must[connect.Flow](t)(w.c.Flow(ctx, waits.Ref())) // as it was stored
	if got.Stage != connect.AtEnd || got.Version != 2 || !got.FinishedAt.Equal(w.Now()) || *got.Scope.RefreshDays != 3 || got.Handle != waits.Handle || string(got.TokenHash) != string(waits.TokenHash) ||
		!got.StartedAt.Equal(waits.StartedAt) || got.AccountIDs != nil || got.BankCode != nil {
		t.Errorf("%+v", got)
	}
	w.finish(t, fetching, nil, told("1", ""))
}

func TestSweepOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	db := admin(t, w.url)
	anna := w.consented(t, "anna") // in a first session
	closed, open := w.session(t), w.session(t)
	must[connect.Session](t)(w.c.CloseSession(ctx, closed.Ref()))
	part := w.refresh(t, anna)
	w.finish(t, part, nil, told("1", ""))
	browsers := func() string {
		return fmt.Sprint(column[bool](t, db, "SELECT psu <> '{}' FROM sessions ORDER BY id"))
	}
	w.sweep(t)
	if got := browsers(); got != "[true false true]" {
		t.Errorf("browsers %s", got)
	}
	w.clock.add(2 * time.Hour)
	w.sweep(t)
	if got := browsers(); got != "[false false false]" {
		t.Errorf("browsers %s", got)
	}
	if got := must[connect.Session](t)(w.c.Session(ctx, open.Ref())); got.PSU != (connect.PSU{}) || got.LifetimeDays != 180 {
		t.Errorf("%+v", got)
	}
	w.clock.add(7 * 24 * time.Hour)
	w.start(t, connect.NewFlow{}) // of a new session, which stays
	w.sweep(t)
	if n := column[int](t, db, "SELECT count(*)::int FROM sessions")[0]; n != 1 {
		t.Errorf("%d sessions", n)
	}
	_, err := w.c.Session(ctx, open.Ref())
	wantFault(t, err, fault.NotFound, "sessionId")
	if c := w.consents(t, anna); len(c) != 1 || c[0].State != connect.ConsentActive {
		t.Errorf("%+v", c)
	}
	if got := w.state(t, part.Refresh); got != "FINISHED" {
		t.Error(got)
	}
	w.clock.add(90 * 24 * time.Hour)
	w.sweep(t)
	_, err = w.c.Refresh(ctx, part.Refresh.Ref())
	wantFault(t, err, fault.NotFound, "")
	w.clock.add(90 * 24 * time.Hour)
	w.sweep(t)
	if c := w.consents(t, anna)[0]; c.State != connect.ConsentIsExpired || c.Sealed != nil || !c.ClosedAt.Equal(c.ExpiresAt) {
		t.Errorf("%+v", c)
	}
}

// TestRetention: what a flow brought for a time goes, with all that rests on it, and nothing else does.
func TestRetention(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	short := connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired, RetentionMinutes: ptr(60)}
	// Ben has been there; a flow adds rows to his account, and an account, for an hour.
	own := must[bank.Account](t)(w.c.CreateAccount(ctx, store.NewAccount{ConsumerExternalID: ptr("ben"), Account: bank.Account{Name: "Account 1", Container: bank.ContainerBank, Currency: "EUR", IBAN: ptr(ibanA)}}, nil))
	savings := account(t, w.c, "ben", "savings", bank.ContainerBank)
	put(t, w.c, own, row("stays", "-50", "2026-02-01"))
	put(t, w.c, savings, row("in", "50", "2026-02-01"), row("in2", "70", "2026-02-10"))
	bens := short
	bens.ConsumerExternalID, bens.StoreConsent = ptr("ben"), connect.ConsentNo
	_, brought := w.flow(t, bens, nil, told("1", ibanA, row("stays", "-50", "2026-02-01"), row("goes", "-70", "2026-02-10")), told("2", ibanB, row("goes2", "70", "2026-02-11")))
	if brought[0].ID != own.ID || len(paired(t, w.c)) != 2 {
		t.Fatalf("%+v, pairs %v", brought[0], paired(t, w.c))
	}
	ben := must[bank.Consumer](t)(w.c.ConsumerByExternalID(ctx, "ben"))
	// Entries that rest on what stays, on the account that goes, and on rows that go.
	run, shards, err := w.c.CreateRun(ctx, store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}, Consumer: ptr(ben.Ref())}, nil)
	if err != nil {
		t.Fatal(err)
	}
	shard, _, err := w.Claim(ctx, shards[0])
	if err != nil {
		t.Fatal(err)
	}
	entry := func(insight string, from, to string, accounts ...bank.Account) store.Result {
		e := entryFor(ben, "2026-03", accounts...)
		e.Insight, e.Window = insight, bank.Period{From: day(from), To: day(to)}
		r := evaluated(run, ben, "GENERATED", e)
		r.Evaluation.Insight = insight
		return r
	}
	if _, err := storetest.Finish(ctx, w.Store, shard, []store.Result{entry("STAYS", "2026-01-01", "2026-02-28", savings), entry("EARLIER", "2026-01-01", "2026-02-09", own, savings),
		entry("ACCOUNT", "2025-01-01", "2025-01-31", savings, brought[1]), entry("ROWS", "2026-02-01", "2026-02-28", own)}); err != nil {
		t.Fatal(err)
	}
	// Anna is made by a flow for an hour, with a consent and a schedule.
	f, _ := w.flow(t, short, []byte("secret"), told("1", ibanB, row("a", "5", "2026-03-01"), row("b", "-5", "2026-03-01")))
	anna := *f.ConsumerID
	must[[]connect.AutomaticRefresh](t)(w.c.ScheduleRefresh(ctx, person(anna), nil, connect.Plan{}))
	p := w.refresh(t, anna)
	w.finish(t, p, nil, told("1", ibanB, row("c", "7", "2026-03-02"))) // more in an account that goes
	r, _, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(anna)})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.add(59 * time.Minute)
	w.sweep(t)
	if n := len(all(t, w.c, bank.TransactionFilter{})); n != 8 {
		t.Errorf("too early: %d rows", n)
	}
	w.clock.add(time.Minute)
	w.sweep(t)
	wantRows(t, w.c, "stays POSTED 50.00 2026-02-01", "in POSTED 50.00 2026-02-01", "in2 POSTED 70.00 2026-02-10")
	if pairs := paired(t, w.c); len(pairs) != 1 {
		t.Errorf("pairs %v", pairs)
	}
	if left := holding(t, w, anna); left != nil {
		t.Errorf("of anna left in %v", left)
	}
	if _, err := w.c.Refresh(ctx, r.Ref()); err == nil {
		t.Error("anna's refresh is left")
	}
	if known := must[[]connect.Known](t)(w.c.KnownAccounts(ctx, &ben.ID)); len(known) != 2 || known[0].ID != own.ID {
		t.Errorf("ben has %+v", known)
	}
	var entries []string
	for _, e := range must[*page.Of[insight.Entry]](t)(w.c.Feed(ctx, insight.FeedFilter{}, page.Args{Size: 10})).Nodes {
		entries = append(entries, e.Insight)
	}
	if len(entries) != 2 || entries[0] == "ACCOUNT" || entries[0] == "ROWS" || entries[1] == "ACCOUNT" || entries[1] == "ROWS" {
		t.Errorf("entries %v", entries)
	}
	w.clock.add(365 * 24 * time.Hour)
	w.sweep(t)
	if n := len(all(t, w.c, bank.TransactionFilter{})); n != 3 {
		t.Errorf("%d rows a year later", n)
	}
}

// TestRetentionAgain: what comes again with a flow is kept as long as that one says.
func TestRetentionAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	flow := func(minutes *int, accounts ...connect.Account) {
		t.Helper()
		w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired, RetentionMinutes: minutes}, []byte("s"), accounts...)
	}
	flow(ptr(10), told("1", "", row("a", "1", "2026-03-01"), row("b", "2", "2026-03-01")), told("2", "", row("a", "1", "2026-03-01")), told("3", "", row("a", "1", "2026-03-01")))
	flow(ptr(60), told("1", "", row("a", "1", "2026-03-01"))) // longer: the account and one row of it
	flow(nil, told("2", "", row("a2", "1", "2026-03-01")))    // for good: the same row under another id
	w.clock.add(10 * time.Minute)
	w.sweep(t)
	wantRows(t, w.c, "a POSTED 1.00 2026-03-01", "a POSTED 1.00 2026-03-01")
	anna := must[bank.Consumer](t)(w.c.ConsumerByExternalID(ctx, "anna"))
	if active := w.consents(t, anna.ID); len(active) != 2 { // the one of account 3 alone is gone
		t.Errorf("%+v", active)
	}
	w.clock.add(50 * time.Minute)
	w.sweep(t)
	known := must[[]connect.Known](t)(w.c.KnownAccounts(ctx, &anna.ID))
	if len(known) != 1 || known[0].BankIDs[0] != "2" {
		t.Errorf("%+v", known)
	}
	w.clock.add(365 * 24 * time.Hour)
	must[int](t)(w.c.DeleteAccount(ctx, known[0].Ref()))
	w.sweep(t)
	must[bank.Consumer](t)(w.c.Consumer(ctx, anna.Ref())) // she has become one that stays
}

// TestEraseWhileFetching: what is under way when its account goes ends.
func TestEraseWhileFetching(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	consumer(t, w.c, "anna") // who stays
	f, _ := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired, RetentionMinutes: ptr(1)}, []byte("s"), told("1", ""))
	w.clock.add(time.Minute)
	p := w.refresh(t, *f.ConsumerID)
	w.sweep(t)
	if got := w.state(t, p.Refresh); got != "EXCEPTION CONSENT.MISSING" {
		t.Error(got)
	}
	if err := w.FinishPart(ctx, p, store.Fetched{Accounts: []connect.Account{told("1", "")}}); !errors.Is(err, store.ErrLost) {
		t.Errorf("%v", err)
	}
	if c := w.consents(t, *f.ConsumerID); len(c) != 0 {
		t.Errorf("%+v", c)
	}
	if n := column[int](t, admin(t, w.url), "SELECT count(*)::int FROM revocations")[0]; n != 1 {
		t.Errorf("%d consents are to be given back", n)
	}
	must[bank.Consumer](t)(w.c.Consumer(ctx, person(*f.ConsumerID)))
}

// TestSweepTogether: many sweeps at once, beside what else goes on.
func TestSweepTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	for i := range 6 {
		w.flow(t, connect.NewFlow{ConsumerExternalID: ptr(fmt.Sprint("c", i)), StoreConsent: connect.ConsentRequired, RetentionMinutes: ptr(1)}, []byte("s"), told("1", "", row("a", "1", "2026-03-01")))
	}
	stays := w.consented(t, "stays")
	w.clock.add(25 * time.Hour)
	noErrors(t, together(9, func(i int) error {
		switch i % 3 {
		case 0:
			_, err := w.PlanRefreshes(ctx)
			return err
		case 1:
			_, _, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(stays)})
			return err
		}
		return w.SweepConnect(ctx)
	}))
	w.sweep(t)
	if n := column[int](t, admin(t, w.url), "SELECT count(*)::int FROM consumers")[0]; n != 1 {
		t.Errorf("%d consumers", n)
	}
}

func TestReseal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	old, err := connect.ParseKeys(connect.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := connect.ParseKeys(connect.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	both := append(fresh, old...)
	anna := w.consented(t, "anna")
	w.consented(t, "ben") // whose secret no key opens
	customerID := must[bank.Consumer](t)(w.c.Consumer(ctx, person(anna))).CustomerID
	c := w.consents(t, anna)[0]
	f := w.start(t, connect.NewFlow{})
	w.login(t, f, oneBank)
	w.move(t, f, func(f *connect.Flow) error {
		f.Sealed = old.Seal([]byte("dialog"), connect.DialogPlace(customerID, f.ID))
		return nil
	})
	if _, err := admin(t, w.url).Exec(ctx, "UPDATE consents SET sealed = $1 WHERE id = $2", old.Seal([]byte("token"), connect.ConsentPlace(customerID, c.FlowID)), c.ID); err != nil {
		t.Fatal(err)
	}
	reseal := func(sealed []byte, place string) ([]byte, error) {
		if fresh.Current(sealed) {
			return sealed, nil
		}
		text, err := both.Open(sealed, place)
		if err != nil {
			return nil, err
		}
		return fresh.Seal(text, place), nil
	}
	for range 2 {
		if done, failed, err := w.Reseal(ctx, reseal); done != 2 || failed != 1 || err != nil {
			t.Errorf("%d, %d, %v", done, failed, err)
		}
	}
	f = must[connect.Flow](t)(w.c.Flow(ctx, f.Ref()))
	if text, err := fresh.Open(f.Sealed, connect.DialogPlace(customerID, f.ID)); err != nil || string(text) != "dialog" {
		t.Errorf("%s, %v", text, err)
	}
	if text, err := fresh.Open(w.consents(t, anna)[0].Sealed, connect.ConsentPlace(customerID, c.FlowID)); err != nil || string(text) != "token" {
		t.Errorf("%s, %v", text, err)
	}
	// More than one batch.
	if _, err := admin(t, w.url).Exec(ctx, `INSERT INTO consents (customer_id, consumer_id, flow_id, bank_code, bank_name, state, sealed, granted_at, expires_at)
		SELECT customer_id, consumer_id, flow_id, bank_code, bank_name, 'ACTIVE', sealed, granted_at, expires_at FROM consents, generate_series(1, 450) WHERE id = $1`, c.ID); err != nil {
		t.Fatal(err)
	}
	if done, failed, err := w.Reseal(ctx, reseal); done != 452 || failed != 1 || err != nil {
		t.Errorf("%d, %d, %v", done, failed, err)
	}
}

// TestRunsAreForgotten: a run on demand of one consumer, who can trigger any number, goes seven days after it was over. One that is
// not over stays, and so does one of all consumers.
func TestRunsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	requests := []insight.TriggerRequest{{Insight: "COMPARISON"}}
	for _, n := range []store.NewRun{{Requests: requests, Consumer: ptr(anna.Ref())}, {Requests: requests}, {Requests: requests, Consumer: ptr(anna.Ref())}} {
		if _, _, err := w.c.CreateRun(t.Context(), n, nil); err != nil {
			t.Fatal(err)
		}
	}
	db := admin(t, w.url)
	runs := column[int64](t, db, "SELECT id FROM runs ORDER BY id")
	if _, err := db.Exec(t.Context(), "UPDATE runs SET status = 'SUCCEEDED', finished_at = $1 WHERE id <> $2", w.Now(), runs[2]); err != nil {
		t.Fatal(err)
	}
	w.clock.add(7*24*time.Hour - time.Second)
	w.sweep(t)
	if left := column[int64](t, db, "SELECT id FROM runs ORDER BY id"); !slices.Equal(left, runs) {
		t.Errorf("after less than seven days: %v of %v", left, runs)
	}
	w.clock.add(time.Second)
	w.sweep(t)
	if left := column[int64](t, db, "SELECT id FROM runs ORDER BY id"); !slices.Equal(left, runs[1:]) {
		t.Errorf("after seven days: %v of %v", left, runs)
	}
	if shards := column[int64](t, db, "SELECT run_id FROM run_shards ORDER BY run_id"); !slices.Equal(shards, runs[1:]) {
		t.Errorf("their shards: %v", shards)
	}
}

// TestOneCustomersErrors: a customer of which nothing can be erased or sealed does not hold up the next one.
func TestOneCustomersErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := customer(t, w.Store, "next")
	for i := range 51 { // more than are erased at a time
		consumer(t, w.c, numbered(i))
	}
	consumer(t, next, "anna")
	db := admin(t, w.url)
	sick := column[int64](t, db, "SELECT min(id) FROM customers")[0]
	if _, err := db.Exec(t.Context(), fmt.Sprintf(`UPDATE consumers SET erase_empty = true;
		ALTER TABLE consumers ADD CONSTRAINT sick CHECK (customer_id <> %[1]d) NOT VALID; ALTER TABLE event_days ADD CONSTRAINT sick CHECK (customer_id <> %[1]d) NOT VALID`, sick)); err != nil {
		t.Fatal(err)
	}
	if w.SweepConnect(t.Context()) == nil || w.SealEvents(t.Context()) == nil {
		t.Error("what failed is not said")
	}
	if n := column[int](t, db, "SELECT count(*)::int FROM consumers WHERE customer_id <> $1", sick)[0]; n != 0 {
		t.Error("the next customer's consumer is still there")
	}
	if n := column[int](t, db, "SELECT count(*)::int FROM event_days WHERE customer_id <> $1", sick)[0]; n != 1 {
		t.Error("the next customer's events are not sealed")
	}
}
