package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"insightgraph/audit"
	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// changed are a customer's events as actor, action and consumer, the oldest first.
func changed(t *testing.T, c store.Tenant, f audit.Filter) (lines []string) {
	t.Helper()
	events := must[*page.Of[audit.Event]](t)(c.Events(t.Context(), f, page.Args{Size: 10_000})).Nodes
	slices.Reverse(events)
	for _, e := range events {
		line := string(e.Actor.Kind) + " " + e.Action
		if e.ConsumerID != nil {
			line += " of a consumer"
		}
		lines = append(lines, line)
	}
	return lines
}

// TestEvents: what is done leaves an event and what is refused leaves none; who did it, in which request, and about what
// is said, and nothing else.
func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	c := w.c.As(store.Call{Actor: audit.By(audit.Customer, "token\n1"), RequestID: "r1"})
	anna := must[bank.Consumer](t)(c.CreateConsumer(ctx, store.NewConsumer{ExternalID: ptr("anna")}))
	if _, err := c.CreateConsumer(ctx, store.NewConsumer{TimeZone: ptr("Nowhere")}); err == nil {
		t.Error("no fault")
	}
	if _, err := c.UpdateConsumer(ctx, anna.Ref(), func(*bank.Consumer) error { return fault.Missing("x") }); err == nil {
		t.Error("no fault")
	}
	w.clock.add(time.Minute)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	must[[]string](t)(w.c.AddOrigin(ctx, "https://shop.example"))
	must[store.Erased](t)(w.c.DeleteConsumer(ctx, anna.Ref()))
	want := []string{"COMMAND createCustomer", "CUSTOMER createConsumer of a consumer", "SYSTEM createAccount of a consumer", "SYSTEM registerConnectOrigin", "SYSTEM deleteConsumer of a consumer"}
	if got := changed(t, w.c, audit.Filter{}); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	p := must[*page.Of[audit.Event]](t)(w.c.Events(ctx, audit.Filter{Actions: []string{"createConsumer"}}, page.Args{Size: 1}))
	e := p.Nodes[0]
	if *e.SubjectID != anna.Ref().String() || *e.Consumer() != anna.Ref() || *e.RequestID != "r1" || e.Actor.Name != "token 1" || e.Number != nil || !e.At.Equal(w.Now().Add(-time.Minute)) {
		t.Errorf("%+v", e)
	}
	if got := must[audit.Event](t)(w.c.Event(ctx, e.Ref())); got.Action != "createConsumer" {
		t.Errorf("%+v", got)
	}
	for name, one := range map[string]struct {
		filter audit.Filter
		n      int
	}{
		"consumer": {audit.Filter{ConsumerIDs: []bank.Ref{anna.Ref()}}, 3}, "nobody": {audit.Filter{ConsumerIDs: []bank.Ref{a.Ref()}}, 0},
		"from": {audit.Filter{From: ptr(w.Now())}, 3}, "to": {audit.Filter{To: ptr(w.Now())}, 2}, "no action": {audit.Filter{Actions: []string{}}, 0},
	} {
		if got := changed(t, w.c, one.filter); len(got) != one.n {
			t.Errorf("%s: %q", name, got)
		}
	}
	other := customer(t, w.Store, "other")
	if got := changed(t, other, audit.Filter{}); len(got) != 1 {
		t.Errorf("another customer sees %q", got)
	}
	if _, err := other.Event(ctx, e.Ref()); err == nil {
		t.Error("another customer finds it")
	}
	if _, err := w.Consumer(anna.CustomerID, anna.ID).Events(ctx, audit.Filter{}, page.Args{Size: 1}); err == nil {
		t.Error("a consumer sees events")
	}
}

// TestEventsOfTime: what the server does by itself leaves events too.
func TestEventsOfTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	f, _ := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}, []byte("secret"), told("1", "", row("x", "-1", "2026-02-08")))
	must[[]connect.AutomaticRefresh](t)(w.c.ScheduleRefresh(ctx, person(*f.ConsumerID), nil, connect.Plan{}))
	w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("ben"), RetentionMinutes: ptr(60)}, nil, told("2", "", row("x", "-1", "2026-02-08")))
	w.clock.add(24 * time.Hour)
	w.sweep(t)
	if parts := must[[]int64](t)(w.PlanRefreshes(ctx)); len(parts) != 1 {
		t.Fatalf("%d parts", len(parts))
	}
	w.clock.add(181 * 24 * time.Hour)
	w.sweep(t)
	got := changed(t, w.c, audit.Filter{Actions: []string{"finishFlow", "eraseConsumer", "refreshAutomatically", "expireConsent"}})
	if want := []string{"SYSTEM finishFlow of a consumer", "SYSTEM finishFlow of a consumer", "SYSTEM eraseConsumer of a consumer",
		"SYSTEM refreshAutomatically of a consumer", "SYSTEM expireConsent of a consumer"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestChain: events are sealed once each, by any number of processes, and the chain is what its description says.
func TestChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	other := storetest.Open(t, w.url, store.Options{MaxConns: 4, Now: w.clock.now})
	noErrors(t, together(8, func(i int) error {
		for range 10 {
			if _, err := w.c.CreateConsumer(ctx, store.NewConsumer{}); err != nil {
				return err
			}
			if err := []*store.Store{w.Store, other}[i%2].SealEvents(ctx); err != nil {
				return err
			}
		}
		return nil
	}))
	w.clock.add(24 * time.Hour)
	consumer(t, w.c, "anna")
	if err := w.SealEvents(ctx); err != nil {
		t.Fatal(err)
	}
	events := must[*page.Of[audit.Event]](t)(w.c.Events(ctx, audit.Filter{}, page.Args{Size: 1000})).Nodes
	slices.SortFunc(events, func(a, b audit.Event) int { return *a.Number - *b.Number })
	before := strings.Repeat("0", 64)
	for i, e := range events {
		consumerID := ""
		if e.ConsumerID != nil {
			consumerID = e.Consumer().String()
		}
		text := strings.Join([]string{before, strconv.Itoa(i + 1), e.At.Format("2006-01-02T15:04:05.000000Z"), bank.Customer{ID: e.CustomerID}.Ref().String(),
			string(e.Actor.Kind), e.Actor.Name, e.Action, *e.SubjectID, consumerID, ""}, "\n")
		sum := sha256.Sum256([]byte(text))
		if *e.Number != i+1 || !bytes.Equal(e.Hash, sum[:]) {
			t.Fatalf("event %d: %+v", i+1, e)
		}
		before = hex.EncodeToString(sum[:])
	}
	chain := must[store.Chain](t)(w.VerifyEvents(ctx, events[0].CustomerID, events[3].Hash))
	if chain.Number != 82 || !bytes.Equal(chain.Hash, events[81].Hash) || chain.Broken != "" || chain.Unsealed != 0 || !chain.Known {
		t.Errorf("%+v", chain)
	}
	if n := column[int](t, admin(t, w.url), "SELECT count(*)::int FROM event_days")[0]; n != 2 {
		t.Errorf("%d days", n)
	}
}

// TestTampering: who may do everything in the database can change the log, but not unseen.
func TestTampering(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, db := t.Context(), admin(t, w.url)
	for range 9 {
		must[bank.Consumer](t)(w.c.CreateConsumer(ctx, store.NewConsumer{}))
	}
	if err := w.SealEvents(ctx); err != nil {
		t.Fatal(err)
	}
	id := column[int64](t, db, "SELECT max(customer_id) FROM events")[0]
	noted := column[[]byte](t, db, "SELECT hash FROM events WHERE number = 10")[0]
	must[bank.Consumer](t)(w.c.CreateConsumer(ctx, store.NewConsumer{})) // not sealed
	for _, statement := range []string{"UPDATE events SET action = 'x'", "UPDATE events SET action = action WHERE number IS NULL", "UPDATE events SET number = NULL, hash = NULL WHERE number = 1",
		"UPDATE events SET hash = 'x' WHERE number = 1", "UPDATE events SET number = 11, hash = 'x', at = now() WHERE number IS NULL", "DELETE FROM events", "TRUNCATE events"} {
		if _, err := db.Exec(ctx, statement); err == nil || !strings.Contains(err.Error(), "events are not changed") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	const copied = "INSERT INTO events (customer_id, at, actor_kind, actor_name, action, number, hash) SELECT customer_id, at, actor_kind, actor_name, action, "
	for _, one := range []struct{ name, statement, broken string }{
		{"nothing", "SELECT 1", ""},
		{"a change", "UPDATE events SET at = at + interval '1 second' WHERE number = 4", "event 4 is not what was sealed"},
		{"another actor", "UPDATE events SET actor_name = 'x' WHERE number = 10", "event 10 is not what was sealed"},
		{"one taken out", "DELETE FROM events WHERE number = 5", "event 5 is missing"},
		{"the first taken out", "DELETE FROM events WHERE number = 1", "event 1 is missing"},
		{"the last taken out", "DELETE FROM events WHERE number = 10", "event 10 is missing"},
		{"one taken out and closed up", "DELETE FROM events WHERE number = 5; UPDATE events SET number = number + 100 WHERE number > 5; UPDATE events SET number = number - 101 WHERE number > 100", "event 5 is not what was sealed"},
		{"one put in", "UPDATE events SET number = 100 + number WHERE number > 5; " + copied + "6, hash FROM events WHERE number = 2; UPDATE events SET number = number - 99 WHERE number > 100", "event 6 is not what was sealed"},
		{"one added", copied + "11, hash FROM events WHERE number = 10", "event 11 is not what was sealed"},
		{"two swapped", "UPDATE events SET number = number + 100 WHERE number IN (3, 7); UPDATE events SET number = 110 - number WHERE number > 100", "event 3 is not what was sealed"},
		{"two swapped with their hashes", "UPDATE events a SET action = b.action, consumer_id = b.consumer_id, subject_id = b.subject_id FROM events b WHERE (a.number, b.number) IN ((3, 7), (7, 3))", "event 3 is not what was sealed"},
		{"the end of its day", "UPDATE event_days SET number = 9, hash = (SELECT hash FROM events WHERE number = 9); DELETE FROM events WHERE number = 10", ""}, // found only by who has noted the last hash
	} {
		if _, err := db.Exec(ctx, "CREATE TABLE kept AS SELECT * FROM events; CREATE TABLE kept_days AS SELECT * FROM event_days; SET session_replication_role = replica; "+one.statement); err != nil {
			t.Fatalf("%s: %v", one.name, err)
		}
		chain := must[store.Chain](t)(w.VerifyEvents(ctx, id, noted))
		if chain.Broken != one.broken || chain.Unsealed != 1 {
			t.Errorf("%s: %+v", one.name, chain)
		}
		if known := one.name == "nothing"; chain.Broken == "" && chain.Known != known {
			t.Errorf("%s: the noted hash is known: %v", one.name, chain.Known)
		}
		if _, err := db.Exec(ctx, `DELETE FROM events; DELETE FROM event_days; INSERT INTO events OVERRIDING SYSTEM VALUE SELECT * FROM kept;
			INSERT INTO event_days SELECT * FROM kept_days; DROP TABLE kept, kept_days; SET session_replication_role = DEFAULT`); err != nil {
			t.Fatal(err)
		}
	}
}
