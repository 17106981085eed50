package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/page"
	"insightgraph/store"
)

// synchronise asks for a callback too.
func (w *world) synchronise(t *testing.T, consumerID int64) ([]connect.DataSource, []int64) {
	t.Helper()
	sources, parts, err := w.c.Synchronize(t.Context(), store.NewSynchronization{Consumer: person(consumerID), CallbackURL: ptr("https://shop.example/hook"), CallbackHandle: ptr("h")})
	if err != nil {
		t.Fatal(err)
	}
	return sources, parts
}

// TestAccountKeepsItsSource: an account that is told of again stays in its data source.
func TestAccountKeepsItsSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	sources, _ := w.synchronise(t, a.ConsumerID)
	again := account(t, w.c, "anna", "current", bank.ContainerBank)
	if again.ID != a.ID || again.DataSourceID == nil || *again.DataSourceID != sources[0].ID {
		t.Errorf("%+v", again)
	}
}

// told are the bodies of all callbacks, the newest first.
func (w *world) callbacks(t *testing.T) (bodies []string) {
	t.Helper()
	for _, d := range must[*page.Of[callback.Delivery]](t)(w.c.Deliveries(t.Context(), callback.Filter{}, page.Args{Size: 100})).Nodes {
		bodies = append(bodies, d.Body)
	}
	return bodies
}

// sourceStates are a consumer's sources as words.
func (w *world) sourceStates(t *testing.T, consumerID int64) (list []string) {
	t.Helper()
	for _, s := range must[[]connect.DataSource](t)(w.c.DataSources(t.Context(), person(consumerID))) {
		word := s.BankName + " " + string(s.Status)
		if s.Problem != nil {
			word += " " + string(*s.Problem)
		}
		list = append(list, word)
	}
	return list
}

func wantList(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestSynchronizeOwnData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	account(t, w.c, "anna", "savings", bank.ContainerBank)
	account(t, w.c, "ben", "current", bank.ContainerBank)
	sources, parts := w.synchronise(t, a.ConsumerID)
	if len(sources) != 1 || len(parts) != 0 || sources[0].BankCode != nil || sources[0].Status != connect.SourceSuccessful {
		t.Fatalf("%+v %v", sources, parts)
	}
	found := must[map[bank.Ref][]bank.Account](t)(w.c.AccountsOfSources(t.Context(), []bank.Ref{sources[0].Ref()}))
	if len(found[sources[0].Ref()]) != 2 {
		t.Errorf("%+v", found)
	}
	bodies := w.callbacks(t)
	if len(bodies) != 1 || !strings.Contains(bodies[0], sources[0].Ref().String()) || !strings.Contains(bodies[0], `"SUCCESSFUL"`) || !strings.Contains(bodies[0], `"h"`) {
		t.Errorf("%q", bodies)
	}
	again, _ := w.synchronise(t, a.ConsumerID)
	if len(again) != 1 || again[0].ID != sources[0].ID || len(w.callbacks(t)) != 2 {
		t.Errorf("again: %+v", again)
	}
	if _, _, err := w.c.Synchronize(t.Context(), store.NewSynchronization{Consumer: person(999)}); err == nil {
		t.Error("a consumer that is not there")
	} else {
		wantFault(t, err, fault.NotFound, "consumerId")
	}
	other := customer(t, w.Store, "other")
	_, _, err := other.Synchronize(t.Context(), store.NewSynchronization{Consumer: person(a.ConsumerID)})
	wantFault(t, err, fault.NotFound, "consumerId")
	// One without accounts is told so.
	empty := consumer(t, w.c, "empty")
	if sources, _ := w.synchronise(t, empty.ID); len(sources) != 0 || !strings.Contains(w.callbacks(t)[0], `"dataSources":[]`) {
		t.Errorf("%+v %q", sources, w.callbacks(t)[0])
	}
}

func TestSynchronizeLinked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, _ := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}, []byte("secret"), told("1", ""))
	who := *f.ConsumerID
	account(t, w.c, "anna", "pushed", bank.ContainerBank)
	if sources, parts := w.synchronise(t, who); len(sources) != 2 || len(parts) != 0 {
		t.Fatalf("fresh: %+v %v", sources, parts)
	}
	// After six hours the bank is asked, and the callback waits for it. A second call joins.
	w.clock.add(6 * time.Hour)
	sources, parts := w.synchronise(t, who)
	if len(parts) != 1 || len(w.callbacks(t)) != 1 {
		t.Fatalf("stale: %+v %v", sources, parts)
	}
	if more, none := w.synchronise(t, who); len(none) != 0 || len(more) != 2 {
		t.Errorf("while it is asked: %+v %v", more, none)
	}
	wantList(t, "while it is asked", w.sourceStates(t, who), "Bank One PENDING", w.sourceStates(t, who)[1])
	w.finish(t, w.claim(t, parts[0]), nil, told("1", "", row("new", "-5", "2026-03-05")))
	if got := w.sourceStates(t, who)[0]; got != "Bank One SUCCESSFUL" {
		t.Error(got)
	}
	if got := w.callbacks(t); len(got) != 3 || strings.Contains(got[0], "PENDING") || strings.Contains(got[1], "PENDING") {
		t.Errorf("%q", got)
	}
	// A bank that is away is an error; the data stays.
	w.clock.add(7 * time.Hour)
	_, parts = w.synchronise(t, who)
	if err := w.FailPart(t.Context(), w.claim(t, parts[0]), connect.Is(connect.BankUnavailable)); err != nil {
		t.Fatal(err)
	}
	if got := w.sourceStates(t, who)[0]; got != "Bank One ERROR BANK.UNAVAILABLE" || !strings.Contains(w.callbacks(t)[0], `"ERROR"`) {
		t.Error(got, w.callbacks(t)[0])
	}
	// A consent that is over needs the consumer.
	_, parts = w.synchronise(t, who)
	if err := w.FailPart(t.Context(), w.claim(t, parts[0]), connect.Is(connect.ConsentRevoked)); err != nil {
		t.Fatal(err)
	}
	if got := w.sourceStates(t, who)[0]; got != "Bank One UPDATE_REQUIRED CONSENT.REVOKED" {
		t.Error(got)
	}
	if sources, parts := w.synchronise(t, who); len(parts) != 0 || sources[0].Status != connect.SourceUpdateRequired {
		t.Errorf("%+v %v", sources, parts)
	}
	// One that was linked without a consent holds for a day.
	g, _ := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("ben")}, nil, told("2", ""))
	if sources, _ := w.synchronise(t, *g.ConsumerID); sources[0].Status != connect.SourceSuccessful {
		t.Errorf("%+v", sources)
	}
	w.clock.add(24 * time.Hour)
	if sources, _ := w.synchronise(t, *g.ConsumerID); sources[0].Status != connect.SourceUpdateRequired || *sources[0].Problem != connect.ConsentMissing {
		t.Errorf("%+v", sources)
	}
	// A consent that is taken back while its bank is asked ends the waiting.
	h, _ := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("clara"), StoreConsent: connect.ConsentRequired}, []byte("secret"), told("3", ""))
	w.clock.add(7 * time.Hour)
	w.synchronise(t, *h.ConsumerID)
	if _, _, err := w.c.RevokeConsents(t.Context(), person(*h.ConsumerID)); err != nil {
		t.Fatal(err)
	}
	wantList(t, "revoked while it is asked", w.sourceStates(t, *h.ConsumerID), "Bank One UPDATE_REQUIRED CONSENT.REVOKED")
}
