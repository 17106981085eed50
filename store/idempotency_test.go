package store_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/insight"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	coffee := []bank.Transaction{row("", "-2.80", "2026-01-05"), row("", "-2.80", "2026-01-05")}
	create := func(rows []bank.Transaction, key string) (store.Stored, error) {
		s, got, err := w.c.As(saying(rows)).CreateTransactions(ctx, a.Ref(), rows, &key)
		if err == nil && got.ID != a.ID {
			t.Errorf("answer names account %d", got.ID)
		}
		return s, err
	}
	noErrors(t, together(20, func(i int) error {
		s, err := create(coffee, "k1")
		if err == nil && s != (store.Stored{Created: 2}) {
			t.Errorf("call %d: %+v", i, s)
		}
		return err
	}))
	if n := len(all(t, w.c, bank.TransactionFilter{})); n != 2 {
		t.Errorf("%d coffees", n)
	}
	_, err := create(coffee[:1], "k1")
	wantFault(t, err, fault.Conflict, "idempotencyKey")
	_, err = create(coffee[:1], "")
	wantFault(t, err, fault.InvalidLength, "idempotencyKey")
	if s, err := create(coffee, "k2"); err != nil || s.Created != 2 {
		t.Errorf("another key: %+v, %v", s, err)
	}
	// The same key means something else to another operation and another customer.
	if _, err := w.c.CreateAccount(ctx, store.NewAccount{Account: bank.Account{Name: "x", Container: bank.ContainerBank, Currency: "EUR"}}, ptr("k1")); err != nil {
		t.Error(err)
	}
	other := customer(t, w.Store, "other")
	if _, _, err := other.CreateTransactions(ctx, account(t, other, "anna", "current", bank.ContainerBank).Ref(), coffee[:1], ptr("k1")); err != nil {
		t.Error(err)
	}
	// Keys are forgotten after a day.
	w.clock.add(store.KeyLife + time.Minute)
	if s, err := create(coffee[:1], "k1"); err != nil || s.Created != 1 {
		t.Errorf("a day later: %+v, %v", s, err)
	}
	w.sweep(t)
	if n := column[int](t, admin(t, w.url), "SELECT count(*)::int FROM idempotency_keys")[0]; n != 1 {
		t.Errorf("%d keys are kept", n)
	}
}

// saying is a call with an input.
func saying(input any) store.Call {
	return store.Call{Input: func() (any, error) { return input, nil }}
}

func TestIdempotentAccountsAndRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	n := store.NewAccount{Account: bank.Account{Name: "x", Container: bank.ContainerBank, Currency: "EUR"}}
	made := make([]bank.Account, 20)
	noErrors(t, together(len(made), func(i int) (err error) {
		made[i], err = w.c.As(saying(n)).CreateAccount(ctx, n, ptr("k"))
		return err
	}))
	for _, a := range made {
		if a.ID != made[0].ID || a.ID == 0 {
			t.Fatalf("accounts %d and %d", a.ID, made[0].ID)
		}
	}
	n.Account.Name = "y"
	_, err := w.c.As(saying(n)).CreateAccount(ctx, n, ptr("k"))
	wantFault(t, err, fault.Conflict, "idempotencyKey")

	// A run's moment may be left out: then the same call later is still the same call.
	anna, ben := consumer(t, w.c, "anna"), consumer(t, w.c, "ben")
	request := store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}}
	first, shards, err := w.c.As(saying(request)).CreateRun(ctx, request, ptr("k"))
	if err != nil || len(shards) != 1 || !first.AsOf.Equal(w.Now()) || first.Status != insight.RunQueued {
		t.Fatalf("%+v, %v, %v", first, shards, err)
	}
	asked := w.Now()
	w.clock.add(time.Minute)
	again, shards, err := w.c.As(saying(request)).CreateRun(ctx, request, ptr("k"))
	if err != nil || again.ID != first.ID || len(shards) != 0 || !again.AsOf.Equal(asked) {
		t.Errorf("again: %+v, %v, %v", again, shards, err)
	}
	request.AsOf = asked
	_, _, err = w.c.As(saying(request)).CreateRun(ctx, request, ptr("k"))
	wantFault(t, err, fault.Conflict, "idempotencyKey")
	// Two consumers do not meet in one key.
	a, _, err := w.Consumer(anna.CustomerID, anna.ID).CreateRun(ctx, request, ptr("k"))
	if err != nil || *a.ConsumerID != anna.ID {
		t.Errorf("anna: %+v, %v", a, err)
	}
	b, _, err := w.Consumer(ben.CustomerID, ben.ID).CreateRun(ctx, request, ptr("k"))
	if err != nil || *b.ConsumerID != ben.ID {
		t.Errorf("ben: %+v, %v", b, err)
	}
}

// noted counts the positions that it is told.
type noted struct{ n atomic.Int64 }

func (m *noted) Note(context.Context, int64, int64) error     { m.n.Add(1); return nil }
func (m *noted) Newest(context.Context, int64) (int64, error) { return 0, nil }

// TestRepeatedIsNoted: the answer of an earlier call has a replica know of what that call stored: it may have died before
// it said so.
func TestRepeatedIsNoted(t *testing.T) {
	t.Parallel()
	marks := &noted{}
	s := storetest.Open(t, storetest.URL(t), store.Options{MaxConns: 4, Marks: marks, ReplicaURL: "postgres://nobody@127.0.0.1:1/nothing"})
	c := customer(t, s, "acme").As(store.Call{Key: "once"})
	for _, call := range []string{"first", "repeated"} {
		before := marks.n.Load()
		must[bank.Consumer](t)(c.CreateConsumer(t.Context(), store.NewConsumer{ExternalID: ptr("anna")}))
		if marks.n.Load() != before+1 {
			t.Errorf("the %s call is not noted", call)
		}
	}
}
