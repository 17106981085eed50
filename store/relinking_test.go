package store_test

import (
	"strings"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/page"
	"insightgraph/store"
)

// consented is a flow that stores its consent.
func consented(who string) connect.NewFlow {
	return connect.NewFlow{ConsumerExternalID: &who, StoreConsent: connect.ConsentRequired}
}

// TestNumberedAnew: a bank that numbers the accounts of each access anew does not make one of two.
func TestNumberedAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, first := w.flow(t, consented("anna"), []byte("one"), told("1", "DE89370400440532013000", row("a", "1", "2026-03-01")), told("2", "DE02120300000000202051", row("b", "2", "2026-03-01")))
	_, again := w.flow(t, consented("anna"), []byte("two"), told("1", "DE02120300000000202051", row("b", "2", "2026-03-01"), row("c", "3", "2026-03-02")))
	if len(again) != 1 || again[0].ID != first[1].ID {
		t.Errorf("the second is %+v, want %+v", again, first[1])
	}
	p := must[*page.Of[bank.Transaction]](t)(w.c.Transactions(t.Context(), bank.TransactionFilter{AccountIDs: []bank.Ref{first[0].Ref()}}, page.Args{Size: 10}))
	if len(p.Nodes) != 1 {
		t.Errorf("the first has %d rows", len(p.Nodes))
	}
}

// TestDeletedAccountGivesBack: with its last account a consent is over.
func TestDeletedAccountGivesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, accounts := w.flow(t, consented("anna"), []byte("secret"), told("1", ""), told("2", ""))
	for left, a := range accounts {
		if n := len(w.consents(t, *f.ConsumerID)); n != 1 {
			t.Fatalf("%d consents after %d accounts", n, left)
		}
		must[int](t)(w.c.DeleteAccount(t.Context(), a.Ref()))
	}
	if got := w.consents(t, *f.ConsumerID); len(got) != 0 {
		t.Errorf("without accounts: %+v", got)
	}
	if n := column[int](t, admin(t, w.url), "SELECT count(*)::int FROM revocations")[0]; n != 1 {
		t.Errorf("%d are given back", n)
	}
}

// TestSourceThatWent: who waits for a source is told although its accounts went to another one, or away.
func TestSourceThatWent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, accounts := w.flow(t, consented("anna"), []byte("secret"), told("1", ""))
	who := *f.ConsumerID
	account(t, w.c, "anna", "pushed", bank.ContainerBank)
	w.clock.add(7 * time.Hour)
	if _, parts := w.synchronise(t, who); len(parts) != 1 || len(w.callbacks(t)) != 0 {
		t.Fatal(parts, w.callbacks(t))
	}
	must[int](t)(w.c.DeleteAccount(t.Context(), accounts[0].Ref()))
	sources, _, err := w.c.Synchronize(t.Context(), store.NewSynchronization{Consumer: person(who)})
	if err != nil || len(sources) != 1 || len(w.sourceStates(t, who)) != 1 {
		t.Errorf("%+v %v", sources, err)
	}
	if got := w.callbacks(t); len(got) != 1 {
		t.Errorf("%q", got)
	}
	for _, a := range must[[]*page.Of[bank.Account]](t)(w.c.Accounts(t.Context(), []int64{who}, bank.AccountFilter{}, page.Args{Size: 10}))[0].Nodes {
		must[int](t)(w.c.DeleteAccount(t.Context(), a.Ref()))
	}
	if sources, _ := w.synchronise(t, who); len(sources) != 0 || len(w.sourceStates(t, who)) != 0 {
		t.Errorf("without accounts: %+v, %q", sources, w.sourceStates(t, who))
	}
}

// TestTwoRefreshesOfOneSource: a source waits for all that its bank is asked, and keeps the first thing that went wrong.
func TestTwoRefreshesOfOneSource(t *testing.T) {
	t.Parallel()
	for _, firstEnds := range []bool{true, false} {
		w := newWorld(t)
		f, accounts := w.flow(t, consented("anna"), []byte("one"), told("1", "DE89370400440532013000"))
		w.flow(t, consented("anna"), []byte("two"), told("2", "DE02120300000000202051"))
		who := *f.ConsumerID
		w.clock.add(7 * time.Hour)
		_, one, err := w.c.StartRefresh(t.Context(), store.NewRefresh{Consumer: person(who), Accounts: []bank.Ref{accounts[0].Ref()}})
		if err != nil || len(one) != 1 {
			t.Fatal(one, err)
		}
		_, two := w.synchronise(t, who)
		if len(two) != 1 {
			t.Fatal(two)
		}
		w.clock.add(time.Second)
		end := map[bool]func(){
			true: func() {
				if err := w.FailPart(t.Context(), w.claim(t, one[0]), connect.Is(connect.BankUnavailable)); err != nil {
					t.Fatal(err)
				}
			},
			false: func() { w.finish(t, w.claim(t, two[0]), nil, told("2", "DE02120300000000202051")) },
		}
		end[firstEnds]()
		if got := w.sourceStates(t, who); !strings.Contains(got[0], "PENDING") || len(w.callbacks(t)) != 0 {
			t.Errorf("%v: %q %q", firstEnds, got, w.callbacks(t))
		}
		end[!firstEnds]()
		if got := w.sourceStates(t, who); got[0] != "Bank One ERROR BANK.UNAVAILABLE" || len(w.callbacks(t)) != 1 {
			t.Errorf("%v: %q %q", firstEnds, got, w.callbacks(t))
		}
	}
}

// TestAskedLately: of two accounts of a consent the bank has closed one; it is not asked again for that.
func TestAskedLately(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, _ := w.flow(t, consented("anna"), []byte("secret"), told("1", ""), told("2", ""))
	w.clock.add(7 * time.Hour)
	_, parts := w.synchronise(t, *f.ConsumerID)
	w.finish(t, w.claim(t, parts[0]), nil, told("1", ""))
	if _, parts := w.synchronise(t, *f.ConsumerID); len(parts) != 0 {
		t.Error("asked again at once")
	}
}

// TestLinkedWithoutConsentLater: an account that was linked once more, without a consent, is fetched under the one that holds.
func TestLinkedWithoutConsentLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, _ := w.flow(t, consented("anna"), []byte("secret"), told("1", "DE89370400440532013000"))
	who := "anna"
	w.flow(t, connect.NewFlow{ConsumerExternalID: &who}, nil, told("other", "DE89370400440532013000"))
	w.clock.add(25 * time.Hour)
	if _, parts := w.synchronise(t, *f.ConsumerID); len(parts) != 1 {
		t.Errorf("%q", w.sourceStates(t, *f.ConsumerID))
	}
}

// TestOthersFlowsStay: what is erased takes no flow with it that is somebody else's, or may still bring something.
func TestOthersFlowsStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna, ben := consumer(t, w.c, "anna"), consumer(t, w.c, "ben")
	session := w.session(t)
	a := w.start(t, connect.NewFlow{Session: session.Ref(), Consumer: ptr(anna.Ref())})
	if _, err := w.c.AbortFlow(t.Context(), a.Ref(), false); err != nil {
		t.Fatal(err)
	}
	b := w.start(t, connect.NewFlow{Session: session.Ref(), Consumer: ptr(ben.Ref())})
	must[store.Erased](t)(w.c.DeleteConsumer(t.Context(), anna.Ref()))
	if _, err := w.c.Flow(t.Context(), b.Ref()); err != nil {
		t.Errorf("ben's flow: %v", err)
	}
	if _, err := w.c.Flow(t.Context(), a.Ref()); err == nil {
		t.Error("anna's is still there")
	}
	// One for somebody who was made meanwhile, to be kept for a minute only.
	who := "clara"
	open := w.start(t, connect.NewFlow{ConsumerExternalID: &who})
	w.flow(t, connect.NewFlow{ConsumerExternalID: &who, RetentionMinutes: ptr(1)}, nil, told("1", ""))
	w.clock.add(2 * time.Minute)
	w.sweep(t)
	if _, err := w.c.Flow(t.Context(), open.Ref()); err != nil {
		t.Errorf("clara's other flow: %v", err)
	}
	// A consumer that the customer has asked for stays.
	clara := consumer(t, w.c, who)
	w.clock.add(time.Hour)
	w.sweep(t)
	if _, err := w.c.ConsumerByExternalID(t.Context(), who); err != nil {
		t.Errorf("%v: %v", clara, err)
	}
}
