package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
)

func TestScheduleRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	f, stored := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}, []byte("s"), told("1", ""), told("2", ""))
	_, open := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna")}, nil, told("3", "")) // without a consent
	anna := person(*f.ConsumerID)
	own := account(t, w.c, "anna", "own", bank.ContainerBank)
	other := account(t, w.c, "ben", "current", bank.ContainerBank)
	for _, one := range []struct {
		consumer bank.Ref
		accounts []bank.Ref
		plan     connect.Plan
		want     string
	}{
		{bank.Ref{Kind: bank.KindConsumer, ConsumerID: 99, ID: 99}, nil, connect.Plan{}, "[Y807 consumerId]"},
		{person(other.ConsumerID), nil, connect.Plan{}, "[Y802 consumerId]"},
		{anna, []bank.Ref{own.Ref(), other.Ref()}, connect.Plan{IntervalMinutes: ptr(1)}, "[Y800 intervalMinutes][Y807 accountIds.1][Y802 accountIds.0]"},
	} {
		_, err := w.c.ScheduleRefresh(ctx, one.consumer, one.accounts, one.plan)
		got := ""
		for _, f := range fault.Of(err) {
			got += fmt.Sprintf("[%s %s]", f.Code, f.Field)
		}
		if got != one.want {
			t.Errorf("%+v: %s", one, got)
		}
	}
	if all := must[[]connect.AutomaticRefresh](t)(w.c.AutomaticRefreshes(ctx, anna)); all == nil || len(all) != 0 {
		t.Errorf("%+v", all)
	}
	all := must[[]connect.AutomaticRefresh](t)(w.c.ScheduleRefresh(ctx, anna, nil, connect.Plan{}))
	if len(all) != 3 || *all[0].Interval != connect.Daily || all[0].IntervalMinutes != 1440 || !all[0].NextRefreshAt.Equal(w.Now().Add(24*time.Hour)) || all[0].ConsentAuthorizationRequired ||
		all[0].Ref() != stored[0].Ref() || all[2].Ref() != open[0].Ref() || all[2].NextRefreshAt != nil || !all[2].ConsentAuthorizationRequired || !all[0].CreatedAt.Equal(w.Now()) {
		t.Errorf("%+v", all)
	}
	w.clock.add(24 * time.Hour)
	w.finish(t, w.claim(t, must[[]int64](t)(w.PlanRefreshes(ctx))[0]), nil, told("1", ""), told("2", ""))
	all = must[[]connect.AutomaticRefresh](t)(w.c.ScheduleRefresh(ctx, anna, []bank.Ref{stored[1].Ref()}, connect.Plan{IntervalMinutes: ptr(90), RefreshDays: ptr(7)}))
	if len(all) != 1 || all[0].Interval != nil || all[0].IntervalMinutes != 90 || *all[0].RefreshDays != 7 || *all[0].LastState != connect.LastSuccess || !all[0].NextRefreshAt.Equal(w.Now().Add(90*time.Minute)) ||
		!all[0].CreatedAt.Equal(w.Now().Add(-24*time.Hour)) {
		t.Errorf("%+v", all)
	}
	if all = must[[]connect.AutomaticRefresh](t)(w.c.AutomaticRefreshes(ctx, anna)); len(all) != 3 || all[0].IntervalMinutes != 1440 || all[1].IntervalMinutes != 90 {
		t.Errorf("%+v", all)
	}
	_, err := w.c.UnscheduleRefresh(ctx, anna, []bank.Ref{stored[0].Ref(), other.Ref()})
	wantFault(t, err, fault.NotFound, "accountIds.1")
	_, err = w.c.UnscheduleRefresh(ctx, bank.Ref{Kind: bank.KindConsumer, ConsumerID: 99, ID: 99}, nil)
	wantFault(t, err, fault.NotFound, "consumerId")
	for want, accounts := range map[int][]bank.Ref{1: {stored[0].Ref(), own.Ref()}} {
		if n := must[int](t)(w.c.UnscheduleRefresh(ctx, anna, accounts)); n != want {
			t.Errorf("%d, want %d", n, want)
		}
	}
	if n := must[int](t)(w.c.UnscheduleRefresh(ctx, anna, nil)); n != 2 {
		t.Errorf("%d", n)
	}
	must[[]connect.AutomaticRefresh](t)(w.c.ScheduleRefresh(ctx, anna, nil, connect.Plan{}))
	must[int](t)(w.c.DeleteAccount(ctx, stored[0].Ref()))
	if all = must[[]connect.AutomaticRefresh](t)(w.c.AutomaticRefreshes(ctx, anna)); len(all) != 2 {
		t.Errorf("%+v", all)
	}
	exact(t, w.Store)
}

func TestPlanRefreshes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna, ben := w.consented(t, "anna"), w.consented(t, "ben")
	if parts := must[[]int64](t)(w.PlanRefreshes(ctx)); len(parts) != 0 {
		t.Errorf("too early: %v", parts)
	}
	w.clock.add(5 * 24 * time.Hour) // the server was down
	before := w.Statements()
	parts := must[[]int64](t)(w.PlanRefreshes(ctx))
	if n := w.Statements() - before; len(parts) != 2 || n > 13 {
		t.Fatalf("planned %v with %d statements", parts, n)
	}
	if again := must[[]int64](t)(w.PlanRefreshes(ctx)); len(again) != 0 {
		t.Errorf("planned again %v", again)
	}
	p := w.claim(t, parts[0])
	if p.Refresh.Kind != connect.Automatic || *p.Refresh.ConsumerID != anna || p.Days != (bank.Period{From: day("2026-02-19"), To: day("2026-03-10")}) {
		t.Errorf("%+v", p)
	}
	w.finish(t, p, nil, told("1", "", row("a", "1", "2026-03-09")))
	if s := w.schedule(t, anna); *s.LastState != connect.LastSuccess || s.FailedCount != 0 || !s.NextRefreshAt.Equal(w.Now().Add(24*time.Hour)) || !s.LastSuccessfulRefreshAt.Equal(w.Now()) {
		t.Errorf("%+v", s)
	}
	// The bank is down: sooner again, and later each time.
	p = w.claim(t, parts[1])
	for i, wait := range []time.Duration{15, 30, 60} {
		if err := w.FailPart(ctx, p, connect.Is(connect.BankUnavailable)); err != nil {
			t.Fatal(err)
		}
		if s := w.schedule(t, ben); s.FailedCount != i+1 || !s.NextRefreshAt.Equal(w.Now().Add(wait*time.Minute)) || *s.LastProblem != connect.BankUnavailable {
			t.Errorf("%+v", s)
		}
		w.clock.add(wait * time.Minute)
		parts := must[[]int64](t)(w.PlanRefreshes(ctx))
		if len(parts) != 1 {
			t.Fatalf("planned %v", parts)
		}
		p = w.claim(t, parts[0])
	}
	// While one is under way nothing is planned, and nothing is lost.
	w.clock.add(25 * time.Hour)
	if parts := must[[]int64](t)(w.PlanRefreshes(ctx)); len(parts) != 1 {
		t.Errorf("planned %v", parts)
	}
	if _, ok, err := w.ClaimPart(ctx, p.ID); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// TestPlanWithoutConsent: what is due under a consent that is over needs the consumer.
func TestPlanWithoutConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna := w.consented(t, "anna")
	w.clock.add(181 * 24 * time.Hour)
	for range 2 {
		if parts := must[[]int64](t)(w.PlanRefreshes(ctx)); len(parts) != 0 {
			t.Errorf("planned %v", parts)
		}
	}
	if s := w.schedule(t, anna); s.NextRefreshAt != nil || *s.LastProblem != connect.ConsentExpired || s.FailedCount != 1 || !s.ConsentAuthorizationRequired {
		t.Errorf("%+v", s)
	}
	// Linked again, it goes on by itself.
	w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}, []byte("s"), told("1", ""))
	if s := w.schedule(t, anna); s.FailedCount != 0 || s.NextRefreshAt == nil || s.ConsentAuthorizationRequired {
		t.Errorf("%+v", s)
	}
	w.clock.add(24 * time.Hour)
	if parts := must[[]int64](t)(w.PlanRefreshes(ctx)); len(parts) != 1 {
		t.Errorf("planned %v", parts)
	}
	// Without a consent stored there is no next one.
	f, _ := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("ben")}, nil, told("1", ""))
	must[[]connect.AutomaticRefresh](t)(w.c.ScheduleRefresh(ctx, person(*f.ConsumerID), nil, connect.Plan{}))
	w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("ben")}, nil, told("1", ""))
	if s := w.schedule(t, *f.ConsumerID); s.NextRefreshAt != nil || *s.LastState != connect.LastSuccess {
		t.Errorf("%+v", s)
	}
}

// TestPlanWithinQuota: a consent that was used four times waits until the first of them is a day ago.
func TestPlanWithinQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna := w.consented(t, "anna")
	must[[]connect.AutomaticRefresh](t)(w.c.ScheduleRefresh(ctx, person(anna), nil, connect.Plan{IntervalMinutes: ptr(60)}))
	first := w.Now().Add(time.Hour)
	planned := 0
	for range 30 {
		w.clock.add(time.Hour)
		for _, id := range must[[]int64](t)(w.PlanRefreshes(ctx)) {
			planned++
			w.finish(t, w.claim(t, id), nil, told("1", ""))
		}
		if planned == 4 && w.Now().Before(first.Add(24*time.Hour)) && w.Now().After(first.Add(4*time.Hour)) {
			if s := w.schedule(t, anna); !s.NextRefreshAt.Equal(first.Add(24 * time.Hour)) {
				t.Fatalf("%+v", s)
			}
		}
	}
	if planned != 8 { // four in the first 24 hours, four from then on
		t.Errorf("%d refreshes", planned)
	}
}

// TestPlanTogether: two planners at once make no more than one, over customers and banks.
func TestPlanTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	first := w.c
	for _, name := range []string{"a", "b"} {
		w.c = customer(t, w.Store, name)
		for i := range 5 {
			w.consented(t, fmt.Sprint("consumer", i))
		}
	}
	w.c = first
	w.clock.add(25 * time.Hour)
	var mu sync.Mutex
	var parts []int64
	noErrors(t, together(6, func(int) error {
		ids, err := w.PlanRefreshes(ctx)
		mu.Lock()
		defer mu.Unlock()
		parts = append(parts, ids...)
		return err
	}))
	parts = append(parts, must[[]int64](t)(w.PlanRefreshes(ctx))...) // what was locked then
	if len(parts) != 10 {
		t.Errorf("planned %v", parts)
	}
	// However many there are, the statements are the same.
	w.clock.add(2 * 24 * time.Hour)
	for _, id := range parts {
		p := w.claim(t, id)
		if err := w.FailPart(ctx, p, connect.Is(connect.UserBlocked)); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.add(24 * time.Hour)
	before := w.Statements()
	if parts := must[[]int64](t)(w.PlanRefreshes(ctx)); len(parts) != 10 || w.Statements()-before > 13 {
		t.Errorf("planned %v with %d statements", parts, w.Statements()-before)
	}
}
