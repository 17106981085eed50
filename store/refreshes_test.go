package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/store"
)

func TestStartRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	f, stored := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}, []byte("s"), told("1", ""), told("2", ""))
	who := *f.ConsumerID
	own, other := account(t, w.c, "anna", "own", bank.ContainerBank), account(t, w.c, "ben", "current", bank.ContainerBank)
	for _, one := range []struct {
		n    store.NewRefresh
		want string
	}{
		{store.NewRefresh{Consumer: bank.Ref{Kind: bank.KindConsumer, ConsumerID: 99, ID: 99}}, "[Y807 consumerId]"},
		{store.NewRefresh{Consumer: stored[0].Ref()}, "[Y807 consumerId]"},
		{store.NewRefresh{Consumer: person(who), Accounts: []bank.Ref{stored[0].Ref(), own.Ref(), other.Ref(), person(who)}, Scope: connect.Scope{RefreshDays: ptr(0)}},
			"[Y800 refreshDays][Y807 accountIds.2][Y807 accountIds.3][Y802 accountIds.1]"},
		{store.NewRefresh{Consumer: bank.Ref{Kind: bank.KindConsumer, ConsumerID: 99, ID: 99}, Accounts: []bank.Ref{own.Ref()}}, "[Y807 consumerId][Y807 accountIds.0]"},
	} {
		_, _, err := w.c.StartRefresh(ctx, one.n)
		got := ""
		for _, f := range fault.Of(err) {
			got += fmt.Sprintf("[%s %s]", f.Code, f.Field)
		}
		if got != one.want {
			t.Errorf("%+v: %s", one.n, got)
		}
	}
	w.clock.add(10 * 24 * time.Hour)
	r, parts, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(who)})
	if err != nil || len(parts) != 1 || r.State != connect.Processing || r.Kind != connect.OnDemand || *r.ConsumerID != who || r.ID == 0 {
		t.Fatalf("%+v, %v, %v", r, parts, err)
	}
	p := w.claim(t, parts[0])
	if fmt.Sprint(p.Accounts) != "[1 2]" || p.Days != (bank.Period{From: day("2026-02-19"), To: day("2026-03-15")}) {
		t.Errorf("%+v", p)
	}
	again, more, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(who), Accounts: []bank.Ref{stored[0].Ref()}})
	if err != nil || more != nil || again.Ref() != r.Ref() || again.State != connect.Processing {
		t.Errorf("under way: %+v, %v, %v", again, more, err)
	}
	w.finish(t, p, nil, told("1", ""), told("2", ""))
	_, parts, err = w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(who), Accounts: []bank.Ref{stored[1].Ref()}, Scope: connect.Scope{RefreshDays: ptr(3)}})
	if err != nil || len(parts) != 1 {
		t.Fatal(err)
	}
	p = w.claim(t, parts[0])
	if fmt.Sprint(p.Accounts) != "[2]" || p.Days != (bank.Period{From: day("2026-03-13"), To: day("2026-03-15")}) {
		t.Errorf("%+v", p)
	}
	w.finish(t, p, nil, told("2", ""))
	// Eight at once make one.
	var mu sync.Mutex
	refs, n := map[bank.Ref]bool{}, 0
	noErrors(t, together(8, func(int) error {
		r, parts, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(who)})
		mu.Lock()
		defer mu.Unlock()
		refs[r.Ref()], n = true, n+len(parts)
		return err
	}))
	if len(refs) != 1 || n != 1 {
		t.Errorf("%d refreshes, %d parts", len(refs), n)
	}
}

// TestRefreshAsAgreed: the consumer was asked for 30 days, so nobody gets more under its consent.
func TestRefreshAsAgreed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, _ := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired, Scope: connect.Scope{RefreshDays: ptr(30)}}, []byte("s"), told("1", ""))
	w.clock.add(10 * 24 * time.Hour)
	_, parts, err := w.c.StartRefresh(t.Context(), store.NewRefresh{Consumer: person(*f.ConsumerID), Scope: connect.Scope{RefreshDays: ptr(700)}})
	if err != nil || len(parts) != 1 {
		t.Fatal(parts, err)
	}
	if p := w.claim(t, parts[0]); p.Days != (bank.Period{From: day("2026-02-04"), To: day("2026-03-15")}) {
		t.Errorf("%+v", p.Days)
	}
}

// TestRefreshWithoutConsent: why none can be used.
func TestRefreshWithoutConsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	try := func(who int64, want connect.Category, accounts ...bank.Ref) {
		t.Helper()
		r, parts, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(who), Accounts: accounts})
		if err != nil || parts != nil || r.State != connect.Exception || *r.Problem != want || r.FinishedAt == nil {
			t.Errorf("%+v, %v, %v; want %s", r, parts, err, want)
		}
		if got := w.state(t, r); got != "EXCEPTION "+string(want) {
			t.Error(got)
		}
	}
	try(consumer(t, w.c, "nobody").ID, connect.ConsentMissing)
	f, stored := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna")}, nil, told("1", ibanA))
	anna := *f.ConsumerID
	try(anna, connect.ConsentMissing)
	_, more := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}, []byte("s"), told("2", ibanB))
	try(anna, connect.ConsentMissing, stored[0].Ref())
	p := w.refresh(t, anna) // of the other one
	if fmt.Sprint(p.Accounts) != "[2]" {
		t.Errorf("%+v", p)
	}
	w.finish(t, p, nil)
	w.clock.add(181 * 24 * time.Hour)
	try(anna, connect.ConsentExpired)
	try(anna, connect.ConsentExpired, more[0].Ref())
	w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}, []byte("again"), told("1", ibanA), told("2", ibanB))
	if _, _, err := w.c.RevokeConsents(ctx, person(anna)); err != nil {
		t.Fatal(err)
	}
	try(anna, connect.ConsentRevoked)
}

// TestRefreshLeavesOut: what can be fetched is, and the refresh says that it is not all.
func TestRefreshLeavesOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	_, first := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}, []byte("s"), told("1", ibanA))
	w.clock.add(100 * 24 * time.Hour)
	f, second := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}, []byte("s"), told("2", ibanB))
	_, third := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna")}, nil, told("3", ""))
	try := func(want string, accounts ...bank.Ref) {
		t.Helper()
		r, parts, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(*f.ConsumerID), Accounts: accounts})
		if err != nil || len(parts) == 0 || r.State != connect.Processing {
			t.Fatalf("%+v, %v, %v", r, parts, err)
		}
		for _, id := range parts {
			p := w.claim(t, id)
			w.finish(t, p, nil, told(p.Accounts[0], ""))
		}
		if got := w.state(t, r); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	try("FINISHED")
	try("EXCEPTION CONSENT.MISSING", second[0].Ref(), third[0].Ref()) // no consent was stored for it
	w.clock.add(100 * 24 * time.Hour)                                 // the first one is over
	try("EXCEPTION CONSENT.EXPIRED")
	try("FINISHED", second[0].Ref())
	try("EXCEPTION CONSENT.EXPIRED", first[0].Ref(), second[0].Ref())
	w.clock.add(24 * time.Hour)
	must[bank.Account](t)(w.c.UpdateAccount(ctx, first[0].Ref(), func(a *bank.Account) error { a.Status = bank.AccountClosed; return nil }))
	try("FINISHED")
}

func TestRevokeConsents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna, ben := w.consented(t, "anna"), w.consented(t, "ben")
	if c, n, err := w.c.RevokeConsents(ctx, consumer(t, w.c, "nobody").Ref()); err != nil || n != 0 || *c.ExternalID != "nobody" {
		t.Errorf("%+v, %d, %v", c, n, err)
	}
	p := w.refresh(t, anna)
	c, n, err := w.c.RevokeConsents(ctx, person(anna))
	if err != nil || c.ID != anna || n != 1 {
		t.Fatalf("%+v, %d, %v", c, n, err)
	}
	if got := w.consents(t, anna)[0]; got.State != connect.ConsentIsRevoked || got.Sealed != nil || got.ClosedAt == nil {
		t.Errorf("%+v", got)
	}
	if s := w.schedule(t, anna); s.NextRefreshAt != nil || s.FailedCount != 0 || !s.ConsentAuthorizationRequired {
		t.Errorf("%+v", s)
	}
	if got := w.state(t, p.Refresh); got != "EXCEPTION CONSENT.REVOKED" {
		t.Error(got)
	}
	if err := w.FinishPart(ctx, p, store.Fetched{Accounts: []connect.Account{told("1", "", row("late", "1", "2026-03-01"))}}); err != store.ErrLost {
		t.Errorf("stored too late: %v", err)
	}
	wantRows(t, w.c)
	if _, n, err := w.c.RevokeConsents(ctx, person(anna)); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
	if got := w.consents(t, ben)[0]; got.State != connect.ConsentActive || w.schedule(t, ben).NextRefreshAt == nil {
		t.Errorf("the neighbour's: %+v", got)
	}
	w.c = customer(t, w.Store, "other")
	_, _, err = w.c.RevokeConsents(ctx, person(anna))
	wantFault(t, err, fault.NotFound, "consumerId")
}
