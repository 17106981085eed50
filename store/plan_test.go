package store_test

import (
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// TestDue: who is due again, and who is not.
func TestDue(t *testing.T) {
	t.Parallel()
	const quiet = 5 * time.Minute
	for _, one := range []struct {
		name    string
		outcome insight.Outcome
		then    func(t *testing.T, w *world, a bank.Account)
		due     int
	}{
		{"nothing changed", insight.ConditionNotMet, nil, 0},
		{"new data", insight.ConditionNotMet, func(t *testing.T, w *world, a bank.Account) { put(t, w.c, a, row("1", "1", "2026-02-01")) }, 1},
		{"new data after an entry", insight.Generated, func(t *testing.T, w *world, a bank.Account) { put(t, w.c, a, row("1", "1", "2026-02-01")) }, 0},
		{"new data after a failure", insight.Failed, func(t *testing.T, w *world, a bank.Account) { put(t, w.c, a, row("1", "1", "2026-02-01")) }, 1},
		{"the customer subscribes", insight.NotSubscribed, subscribe, 1},
		{"the customer subscribes after an entry", insight.Generated, subscribe, 0},
		{"the user subscribes", insight.NotSubscribed, func(t *testing.T, w *world, a bank.Account) {
			if err := w.c.ChangeUserSettings(t.Context(), bank.Ref{Kind: bank.KindConsumer, ConsumerID: a.ConsumerID, ID: a.ConsumerID},
				func(_, _ map[string]insight.Settings) (map[string]insight.Settings, error) { return nil, nil }); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"rates come", insight.InsufficientData, func(t *testing.T, w *world, a bank.Account) {
			if n := must[int](t)(w.SaveQuotes(t.Context(), []bank.Quote{{Currency: "USD", Day: day("2026-01-01"), Rate: amount("1.1"), Source: "ECB"}})); n != 1 {
				t.Errorf("%d quotes", n)
			}
		}, 1},
		{"the same rates come", insight.InsufficientData, func(t *testing.T, w *world, a bank.Account) { must[int](t)(w.SaveQuotes(t.Context(), nil)) }, 0},
		{"another customer subscribes", insight.NotSubscribed, func(t *testing.T, w *world, a bank.Account) {
			other := *w
			other.c = customer(t, w.Store, "other")
			subscribe(t, &other, a)
		}, 0},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := account(t, w.c, "anna", "current", bank.ContainerBank)
			if early := w.plan(t, a.CustomerID, quiet); len(early) != 0 {
				t.Error("planned before it was quiet")
			}
			w.clock.add(quiet)
			first := w.plan(t, a.CustomerID, quiet)
			if len(first) != 1 {
				t.Fatalf("planned %v", first)
			}
			w.work(t, one.outcome, first...)
			w.clock.add(time.Hour)
			if one.then != nil {
				one.then(t, w, a)
				w.clock.add(quiet)
			}
			again := w.plan(t, a.CustomerID, quiet)
			if len(again) != one.due || len(w.work(t, one.outcome, again...)) != one.due {
				t.Errorf("planned again %v", again)
			}
			w.clock.add(time.Hour)
			if more := w.plan(t, a.CustomerID, quiet); len(more) != 0 {
				t.Errorf("and once more %v", more)
			}
		})
	}
}

func subscribe(t *testing.T, w *world, _ bank.Account) {
	t.Helper()
	if err := w.c.ChangeCustomerSettings(t.Context(), func(map[string]insight.Settings) (map[string]insight.Settings, error) {
		return map[string]insight.Settings{"COMPARISON": {Title: ptr("Ours")}}, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestSettingsWhileUnderWay: a change that comes while a shard is planned or evaluated is not lost, with a clock that
// stands still.
func TestSettingsWhileUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	shards := w.plan(t, a.CustomerID, 0)
	shard, _, err := w.Claim(ctx, shards[0])
	if err != nil {
		t.Fatal(err)
	}
	facts := must[store.Facts](t)(w.Load(ctx, shard, anyDay))
	subscribe(t, w, a)
	during := w.plan(t, a.CustomerID, 0) // while the first is under way
	if _, err := storetest.Finish(ctx, w.Store, shard, []store.Result{evaluated(shard.Run, facts.Subjects[0].Consumer, insight.NotSubscribed)}); err != nil {
		t.Fatal(err)
	}
	after := w.plan(t, a.CustomerID, 0)
	if len(during)+len(after) != 1 {
		t.Fatalf("planned %v during and %v after", during, after)
	}
	if seen := w.work(t, insight.Generated, append(during, after...)...); len(seen) != 1 {
		t.Errorf("looked at %v", seen)
	}
	// A change of the data during an evaluation.
	b := account(t, w.c, "ben", "current", bank.ContainerBank)
	shard, _, err = w.Claim(ctx, w.plan(t, a.CustomerID, 0)[0])
	if err != nil {
		t.Fatal(err)
	}
	facts = must[store.Facts](t)(w.Load(ctx, shard, anyDay))
	put(t, w.c, b, row("1", "1", "2026-02-01"))
	if _, err := storetest.Finish(ctx, w.Store, shard, []store.Result{evaluated(shard.Run, facts.Subjects[0].Consumer, insight.ConditionNotMet)}); err != nil {
		t.Fatal(err)
	}
	if seen := w.work(t, insight.Generated, w.plan(t, a.CustomerID, 0)...); len(seen) != 1 || seen[0] != b.ConsumerID {
		t.Errorf("after new data: %v", seen)
	}
}

// TestFacts: what an evaluation gets to see.
func TestFacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	current, savings := account(t, w.c, "anna", "current", bank.ContainerBank), account(t, w.c, "anna", "savings", bank.ContainerBank)
	closed := account(t, w.c, "anna", "closed", bank.ContainerBank)
	put(t, w.c, current, row("1", "1000", "2025-12-01"), row("2", "-50", "2025-12-03"), row("3", "-1.01", "2026-02-28"), row("4", "-9", "2026-03-01"), row("5", "-9", "2025-11-30"))
	put(t, w.c, savings, row("2", "50", "2025-12-04"))
	must[bank.Account](t)(w.c.UpdateAccount(ctx, closed.Ref(), func(a *bank.Account) error { a.Status = bank.AccountClosed; return nil }))
	yen := must[bank.Account](t)(w.c.CreateAccount(ctx, store.NewAccount{ConsumerExternalID: ptr("ben"), Account: bank.Account{Name: "yen", Container: bank.ContainerBank, Currency: "JPY"}}, nil))
	x := row("1", "-1000", "2026-01-10")
	x.Currency = "JPY"
	put(t, w.c, yen, x)
	for _, q := range []string{"2025-10-01", "2025-11-20", "2026-01-05", "2026-03-01"} {
		must[int](t)(w.SaveQuotes(ctx, []bank.Quote{{Currency: "JPY", Day: day(q), Rate: amount("160"), Source: "ECB"}}))
	}
	shard, _, err := w.Claim(ctx, w.plan(t, current.CustomerID, 0)[0])
	if err != nil {
		t.Fatal(err)
	}
	f := must[store.Facts](t)(w.Load(ctx, shard, anyDay))
	anna, ben := f.Subjects[0], f.Subjects[1]
	if len(f.Subjects) != 2 || len(anna.Accounts) != 2 || anna.Foreign || len(anna.Totals) != 3 || !ben.Foreign || len(ben.Totals) != 1 {
		t.Fatalf("%+v, %+v", anna, ben)
	}
	for _, m := range anna.Totals {
		if m.AccountID == current.ID && m.Month == day("2025-12-01") &&
			(m.Credit.String() != "1000.00" || !m.Debit.IsZero() || m.Count != 1 || m.TransferDebit.String() != "50.00" || m.TransferCount != 1) {
			t.Errorf("December: %+v", m)
		}
	}
	if ben.Totals[0].Month != day("2026-01-10") || ben.Totals[0].Debit.String() != "1000" {
		t.Errorf("ben: %+v", ben.Totals)
	}
	if days := f.Quotes["JPY"]; len(days) != 2 || days[0].Day != day("2025-11-20") || days[1].Day != day("2026-01-05") {
		t.Errorf("quotes %+v", days)
	}
}
