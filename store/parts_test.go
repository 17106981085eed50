package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/store"
)

// consented links one account with a consent and a daily refresh, and gives its consumer.
func (w *world) consented(t *testing.T, who string) int64 {
	t.Helper()
	f, _ := w.flow(t, connect.NewFlow{ConsumerExternalID: &who, StoreConsent: connect.ConsentRequired}, []byte("secret"), told("1", ""))
	must[[]connect.AutomaticRefresh](t)(w.c.ScheduleRefresh(t.Context(), person(*f.ConsumerID), nil, connect.Plan{}))
	return *f.ConsumerID
}

// schedule is the one schedule of a consumer.
func (w *world) schedule(t *testing.T, consumerID int64) connect.AutomaticRefresh {
	t.Helper()
	all := must[[]connect.AutomaticRefresh](t)(w.c.AutomaticRefreshes(t.Context(), person(consumerID)))
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	return all[0]
}

// state is a refresh's state and problem.
func (w *world) state(t *testing.T, r connect.Refresh) string {
	t.Helper()
	r = must[connect.Refresh](t)(w.c.Refresh(t.Context(), r.Ref()))
	if r.State.Final() != (r.FinishedAt != nil) {
		t.Errorf("%+v", r)
	}
	if r.Problem != nil {
		return string(r.State) + " " + string(*r.Problem)
	}
	return string(r.State)
}

func TestClaimPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna := w.consented(t, "anna")
	r, parts, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(anna)})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var winners []store.Part
	noErrors(t, together(8, func(int) error {
		p, ok, err := w.ClaimPart(ctx, parts[0])
		if ok {
			mu.Lock()
			defer mu.Unlock()
			winners = append(winners, p)
		}
		return err
	}))
	if len(winners) != 1 {
		t.Fatalf("%d claimed it", len(winners))
	}
	first := winners[0]
	if first.Consent == nil || string(first.Consent.Sealed) != "secret" || first.Flow != nil || first.Session != nil || first.Refresh.ID != r.ID || fmt.Sprint(first.Accounts) != "[1]" {
		t.Errorf("%+v", first)
	}
	if _, ok, err := w.ClaimPart(ctx, 99); ok || err != nil {
		t.Errorf("nothing: %v, %v", ok, err)
	}
	w.clock.add(40 * time.Second)
	if err := w.KeepPart(ctx, first); err != nil { // the worker is still there
		t.Error(err)
	}
	w.clock.add(40 * time.Second)
	if _, ok, err := w.ClaimPart(ctx, first.ID); ok || err != nil {
		t.Errorf("a part whose worker is still there: %v %v", ok, err)
	}
	w.clock.add(6 * time.Second) // the worker died
	if ids := must[[]int64](t)(w.WaitingParts(ctx, 10)); len(ids) != 1 || ids[0] != parts[0] {
		t.Errorf("waiting %v", ids)
	}
	if ids := must[[]int64](t)(w.WaitingParts(ctx, 10)); len(ids) != 0 {
		t.Errorf("waiting at once again %v", ids)
	}
	second := w.claim(t, parts[0])
	for name, err := range map[string]error{"finish": w.FinishPart(ctx, first, store.Fetched{}), "fail": w.FailPart(ctx, first, connect.Is(connect.Technical))} {
		if !errors.Is(err, store.ErrLost) {
			t.Errorf("%s too late: %v", name, err)
		}
	}
	w.finish(t, second, nil, told("1", "", row("a", "-1", "2026-03-01")))
	if got := w.state(t, r); got != "FINISHED" {
		t.Error(got)
	}
	if err := w.FinishPart(ctx, second, store.Fetched{}); !errors.Is(err, store.ErrLost) {
		t.Errorf("twice: %v", err)
	}
	if _, ok, err := w.ClaimPart(ctx, parts[0]); ok || err != nil {
		t.Errorf("done: %v, %v", ok, err)
	}
}

func TestGiveBackPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	// By errors, and by workers that die; with a flow and with a consent.
	for _, dies := range []bool{false, true} {
		for _, flow := range []bool{false, true} {
			var p store.Part
			anna := w.consented(t, fmt.Sprint("anna", dies, flow))
			if flow {
				p = w.collect(t, w.start(t, connect.NewFlow{}), oneBank, "1")
			} else {
				p = w.refresh(t, anna)
			}
			for try := 1; try <= 3; try++ {
				if try > 1 {
					w.clock.add(time.Minute)
					p = w.claim(t, p.ID)
				}
				if p.Attempts != try {
					t.Errorf("try %d: %+v", try, p)
				}
				if dies {
					w.clock.add(4 * time.Minute)
					continue
				}
				if err := w.GiveBackPart(ctx, p, true); err != nil {
					t.Fatal(err)
				}
				if _, ok, err := w.ClaimPart(ctx, p.ID); ok || err != nil {
					t.Errorf("claimed at once: %v, %v", ok, err)
				}
			}
			must[[]int64](t)(w.WaitingParts(ctx, 10)) // gives up what no worker finishes
			if got := w.state(t, p.Refresh); got != "EXCEPTION TECHNICAL" {
				t.Errorf("dies %v, flow %v: %s", dies, flow, got)
			}
			if flow {
				if f := must[connect.Flow](t)(w.c.Flow(ctx, p.Flow.Ref())); f.State != connect.Exception || *f.Problem != connect.Technical || f.Sealed != nil {
					t.Errorf("%+v", f)
				}
			} else if s := w.schedule(t, anna); s.FailedCount != 1 || *s.LastProblem != connect.Technical || !s.NextRefreshAt.Equal(w.Now().Add(15*time.Minute)) {
				t.Errorf("%+v", s)
			}
			if _, ok, err := w.ClaimPart(ctx, p.ID); ok || err != nil {
				t.Errorf("given up: %v, %v", ok, err)
			}
		}
	}
}

func TestWaitingParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	_, parts, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(w.consented(t, "anna"))})
	if err != nil {
		t.Fatal(err)
	}
	if ids := must[[]int64](t)(w.WaitingParts(ctx, 10)); len(ids) != 0 {
		t.Errorf("on the queue already: %v", ids)
	}
	if err := w.UnqueuedParts(ctx, parts); err != nil {
		t.Fatal(err)
	}
	if ids := must[[]int64](t)(w.WaitingParts(ctx, 10)); len(ids) != 1 {
		t.Errorf("not on the queue: %v", ids)
	}
	w.clock.add(61 * time.Second)
	if ids := must[[]int64](t)(w.WaitingParts(ctx, 10)); len(ids) != 1 {
		t.Errorf("lost: %v", ids)
	}
}

// TestUnattended: a bank is asked four times in 24 hours without the consumer.
func TestUnattended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna := w.consented(t, "anna")
	for range 4 {
		w.finish(t, w.refresh(t, anna), nil, told("1", ""))
		w.clock.add(time.Hour)
	}
	r, parts, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(anna)})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := w.ClaimPart(ctx, parts[0]); ok || err != nil {
		t.Errorf("a fifth time: %v, %v", ok, err)
	}
	if got := w.state(t, r); got != "EXCEPTION BANK.ACCESS_EXCEEDED" {
		t.Error(got)
	}
	if s := w.schedule(t, anna); *s.LastProblem != connect.BankExceeded || !s.NextRefreshAt.Equal(w.Now().Add(24*time.Hour)) {
		t.Errorf("%+v", s)
	}
	if c := w.consents(t, anna)[0]; c.State != connect.ConsentActive {
		t.Errorf("%+v", c)
	}
	// With the consumer it goes on, and does not count.
	w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna")}, nil, told("1", ""))
	w.clock.add(20*time.Hour + time.Second) // the first is a day ago, the one that was refused never asked
	w.finish(t, w.refresh(t, anna), nil, told("1", ""))
}

// TestOverMeanwhile: a consent or a flow that ends before its part is claimed.
func TestOverMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna := w.consented(t, "anna")
	r, parts, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(anna)})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.add(181 * 24 * time.Hour)
	if _, ok, err := w.ClaimPart(ctx, parts[0]); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if got := w.state(t, r); got != "EXCEPTION CONSENT.EXPIRED" {
		t.Error(got)
	}
	if c := w.consents(t, anna)[0]; c.State != connect.ConsentIsExpired || c.Sealed != nil || c.ClosedAt == nil {
		t.Errorf("%+v", c)
	}
	for _, byConsumer := range []bool{false, true} {
		f := w.login(t, w.start(t, connect.NewFlow{}), oneBank)
		_, parts, err := w.c.CollectFlow(ctx, f.Ref(), []string{"1"}, func(f *connect.Flow) error { f.Collects(nil); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if byConsumer { // claimed already
			p := w.claim(t, parts[0])
			w.move(t, f, func(f *connect.Flow) error { return f.Abort(false, w.Now()) })
			w.finish(t, p, nil, told("1", "", row("a", "1", "2026-01-01")))
		} else {
			w.move(t, f, func(f *connect.Flow) error { return f.Abort(false, w.Now()) })
			if _, ok, err := w.ClaimPart(ctx, parts[0]); ok || err != nil {
				t.Errorf("%v, %v", ok, err)
			}
		}
		refreshes := column[int64](t, admin(t, w.url), "SELECT id FROM refreshes WHERE flow_id = $1", f.ID)
		if got := w.state(t, connect.Refresh{ID: refreshes[0]}); got != "EXCEPTION USER.ABORTED" {
			t.Error(got)
		}
		if got := must[connect.Flow](t)(w.c.Flow(ctx, f.Ref())); got.State != connect.Aborted || got.ConsumerID != nil {
			t.Errorf("%+v", got)
		}
	}
	if n := len(all(t, w.c, bank.TransactionFilter{})); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestFailPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	p := w.collect(t, w.start(t, connect.NewFlow{}), oneBank, "1")
	if err := w.FailPart(ctx, p, connect.Is(connect.BankUnavailable)); err != nil {
		t.Fatal(err)
	}
	if f := must[connect.Flow](t)(w.c.Flow(ctx, p.Flow.Ref())); f.State != connect.Exception || *f.Problem != connect.BankUnavailable || f.Sealed != nil || f.FinishedAt == nil {
		t.Errorf("%+v", f)
	}
	for problem, want := range map[connect.Category]connect.ConsentState{connect.BankUnavailable: connect.ConsentActive, connect.ConsentRevoked: connect.ConsentIsRevoked,
		connect.ConsentMissing: connect.ConsentIsRevoked, connect.ConsentExpired: connect.ConsentIsExpired} {
		who := w.consented(t, string(problem))
		p := w.refresh(t, who)
		if err := w.FailPart(ctx, p, connect.Is(problem)); err != nil {
			t.Fatal(err)
		}
		if got := w.state(t, p.Refresh); got != "EXCEPTION "+string(problem) {
			t.Error(got)
		}
		c, s := w.consents(t, who)[0], w.schedule(t, who)
		if over := want != connect.ConsentActive; c.State != want || (c.Sealed == nil) != over || (c.ClosedAt != nil) != over || (s.NextRefreshAt == nil) != over ||
			s.ConsentAuthorizationRequired != over || s.FailedCount != 1 || *s.LastState != connect.LastException || *s.LastProblem != problem {
			t.Errorf("%s: %+v, %+v", problem, c, s)
		}
	}
	// Of two parts one fails: what the other brought stays.
	two := connect.Bank{Code: "two", Name: "Bank Two", Country: "DE", Consents: true}
	who := w.consented(t, "anna")
	f := w.start(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired})
	w.finish(t, w.collect(t, f, two, "9"), []byte("two"), told("9", ""))
	r, parts, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(who)})
	if err != nil || len(parts) != 2 {
		t.Fatalf("%v, %v", parts, err)
	}
	if err := w.FailPart(ctx, w.claim(t, parts[0]), connect.Is(connect.BankTimeout)); err != nil {
		t.Fatal(err)
	}
	if got := w.state(t, r); got != "PROCESSING BANK.TIMEOUT" {
		t.Error(got)
	}
	w.finish(t, w.claim(t, parts[1]), nil, told("9", "", row("x", "-1", "2026-03-01")))
	if got := w.state(t, r); got != "EXCEPTION BANK.TIMEOUT" {
		t.Error(got)
	}
	if got := must[connect.Refresh](t)(w.c.Refresh(ctx, r.Ref())); got.Created != 1 {
		t.Errorf("%+v", got)
	}
}
