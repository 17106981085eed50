package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/store"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	s := w.session(t)
	if got := must[connect.Session](t)(w.c.Session(ctx, s.Ref())); got.PSU != s.PSU || got.LifetimeDays != 180 || !got.ExpiresAt.Equal(w.Now().Add(time.Hour)) || !got.Open(w.Now()) {
		t.Errorf("%+v", got)
	}
	f := w.start(t, connect.NewFlow{Session: s.Ref()})
	done, _ := w.flow(t, connect.NewFlow{}, nil, told("1", ""))
	w.clock.add(time.Minute)
	closed := must[connect.Session](t)(w.c.CloseSession(ctx, s.Ref()))
	w.clock.add(time.Minute)
	if again := must[connect.Session](t)(w.c.CloseSession(ctx, s.Ref())); !again.ClosedAt.Equal(*closed.ClosedAt) || !again.ClosedAt.Equal(w.Now().Add(-time.Minute)) {
		t.Errorf("%v, then %v", closed.ClosedAt, again.ClosedAt)
	}
	if f = must[connect.Flow](t)(w.c.Flow(ctx, f.Ref())); f.State != connect.Aborted || f.Problem != nil {
		t.Errorf("%+v", f)
	}
	must[connect.Session](t)(w.c.CloseSession(ctx, bank.Ref{Kind: bank.KindSession, ID: done.SessionID}))
	if done = must[connect.Flow](t)(w.c.Flow(ctx, done.Ref())); done.State != connect.Finished {
		t.Errorf("%+v", done)
	}
	_, err := w.c.StartFlow(ctx, connect.NewFlow{Session: s.Ref()}, "h", []byte("h"))
	wantFault(t, err, fault.NotAllowed, "sessionId")
}

func TestStartFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	s := w.session(t)
	a, b := account(t, w.c, "anna", "current", bank.ContainerBank), account(t, w.c, "ben", "current", bank.ContainerBank)
	anna := person(a.ConsumerID)
	unknown := bank.Ref{Kind: bank.KindConsumer, ConsumerID: 99, ID: 99}
	some := func(ids ...bank.Ref) connect.Scope { return connect.Scope{Accounts: &connect.Selection{IDs: ids}} }
	for _, one := range []struct {
		name string
		n    connect.NewFlow
		want string
	}{
		{"session", connect.NewFlow{Session: bank.Ref{Kind: bank.KindSession, ID: 99}}, "[Y807 sessionId]"},
		{"another thing's id", connect.NewFlow{Session: bank.Ref{Kind: bank.KindFlow, ID: s.ID}}, "[Y807 sessionId]"},
		{"consumer", connect.NewFlow{Session: s.Ref(), Consumer: &unknown}, "[Y807 consumerId]"},
		{"no consumer's id", connect.NewFlow{Session: s.Ref(), Consumer: ptr(a.Ref())}, "[Y807 consumerId]"},
		{"another one's account", connect.NewFlow{Session: s.Ref(), Consumer: &anna, Scope: some(a.Ref(), b.Ref())}, "[Y807 accounts.ids.1]"},
		{"accounts of nobody", connect.NewFlow{Session: s.Ref(), Scope: some(a.Ref())}, "[Y807 accounts.ids.0]"},
		{"accounts of somebody new", connect.NewFlow{Session: s.Ref(), ConsumerExternalID: ptr("new"), Scope: some(a.Ref())}, "[Y807 accounts.ids.0]"},
		{"a name that nobody can have", connect.NewFlow{Session: s.Ref(), ConsumerExternalID: ptr("\x00")}, "[Y800 consumerExternalId]"},
		{"all at once", connect.NewFlow{Consumer: &unknown, Scope: some(a.Ref()), StoreConsent: "MAYBE", RetentionMinutes: ptr(0)},
			"[Y807 sessionId][Y807 consumerId][Y807 accounts.ids.0][Y800 storeConsent][Y800 dataRetentionMinutes]"},
	} {
		_, err := w.c.StartFlow(ctx, one.n, "h"+one.name, []byte("h"))
		got := ""
		for _, f := range fault.Of(err) {
			got += fmt.Sprintf("[%s %s]", f.Code, f.Field)
		}
		if got != one.want {
			t.Errorf("%s: %s, %v", one.name, got, err)
		}
	}
	f := w.start(t, connect.NewFlow{Session: s.Ref(), ConsumerExternalID: ptr("anna"), Scope: some(a.Ref()), RetentionMinutes: ptr(5)})
	got := must[connect.Flow](t)(w.c.Flow(ctx, f.Ref()))
	if got.ConsumerID == nil || *got.ConsumerID != a.ConsumerID || got.Scope.Accounts.IDs[0] != a.Ref() || *got.RetentionMinutes != 5 || got.Version != 1 || got.Stage != connect.AtBank ||
		got.StoreConsent != connect.ConsentNo || len(got.TokenHash) != 32 {
		t.Errorf("%+v", got)
	}
	_, err := w.c.StartFlow(ctx, connect.NewFlow{Session: s.Ref()}, "h", []byte("h"))
	wantFault(t, err, fault.NotAllowed, "sessionId")
	w.clock.add(31 * time.Minute) // nobody answered
	next := w.start(t, connect.NewFlow{Session: s.Ref()})
	if got := must[connect.Flow](t)(w.c.Flow(ctx, f.Ref())); got.State != connect.Exception || *got.Problem != connect.UserTimeout {
		t.Errorf("%+v", got)
	}
	if !next.ExpiresAt.Equal(s.ExpiresAt) {
		t.Errorf("longer than its session: %v", next.ExpiresAt)
	}
}

// TestStartFlowTogether: of many at once a session takes one.
func TestStartFlowTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.session(t)
	started := 0
	for _, err := range together(8, func(i int) error {
		_, err := w.c.StartFlow(t.Context(), connect.NewFlow{Session: s.Ref()}, fmt.Sprint("h", i), []byte("h"))
		return err
	}) {
		if err == nil {
			started++
		} else {
			wantFault(t, err, fault.NotAllowed, "sessionId")
		}
	}
	if started != 1 {
		t.Errorf("%d flows", started)
	}
}

func TestMoveFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	f := w.start(t, connect.NewFlow{StoreConsent: connect.ConsentRequired})
	stop := errors.New("stop")
	if _, err := w.c.MoveFlow(ctx, f.Ref(), func(f *connect.Flow) error { f.Version = 99; return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	if got := must[connect.Flow](t)(w.c.Flow(ctx, f.Ref())); got.Version != 1 {
		t.Errorf("after an error: %+v", got)
	}
	noErrors(t, together(8, func(int) error {
		_, err := w.c.MoveFlow(ctx, f.Ref(), func(f *connect.Flow) error { f.Version++; return nil })
		return err
	}))
	if got := must[connect.Flow](t)(w.c.Flow(ctx, f.Ref())); got.Version != 9 {
		t.Errorf("after eight moves: %d", got.Version)
	}
	got := w.login(t, f, oneBank)
	if got.State != connect.InputNeeded || got.Stage != connect.AtAccounts || string(got.Sealed) != "offers" || *got.BankCode != "one" || !got.Storing {
		t.Errorf("%+v", got)
	}
	// A bank is asked by a process that is gone.
	f = w.start(t, connect.NewFlow{})
	w.move(t, f, func(f *connect.Flow) error { return f.Choose(oneBank, true, w.Now(), w.Now().Add(time.Minute)) })
	w.clock.add(time.Minute)
	if got := must[connect.Flow](t)(w.c.Flow(ctx, f.Ref())); got.State != connect.Exception || *got.Problem != connect.Technical || got.Sealed != nil {
		t.Errorf("%+v", got)
	}
	_, err := w.c.MoveFlow(ctx, f.Ref(), func(f *connect.Flow) error { return f.Answered(w.Now()) })
	wantFault(t, err, fault.NotAllowed, "")
	_, err = w.c.MoveFlow(ctx, bank.Ref{Kind: bank.KindFlow, ID: 99}, func(*connect.Flow) error { return nil })
	wantFault(t, err, fault.NotFound, "flowId")
}

func TestCollectFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	f := w.start(t, connect.NewFlow{Scope: connect.Scope{RefreshDays: ptr(10)}})
	p := w.collect(t, f, oneBank, "1", "2")
	if p.Flow == nil || p.Flow.State != connect.Processing || string(p.Flow.Sealed) != "dialog" || p.Session.PSU.UserAgent != "browser" || p.Consent != nil || p.BankCode != "one" ||
		fmt.Sprint(p.Accounts) != "[1 2]" || p.Days != (bank.Period{From: day("2026-02-24"), To: day("2026-03-05")}) || p.Refresh.Kind != connect.OfFlow || p.Attempts != 1 {
		t.Errorf("%+v", p)
	}
	if r := must[connect.Refresh](t)(w.c.Refresh(ctx, p.Refresh.Ref())); r.State != connect.Processing || r.ConsumerID != nil || *r.FlowID != f.ID {
		t.Errorf("%+v", r)
	}
	// One that ends instead, and one that cannot move, need no data.
	for _, move := range []func(*connect.Flow) error{
		func(f *connect.Flow) error { f.Fail(connect.Is(connect.NotSupportedConsent), w.Now()); return nil },
		func(*connect.Flow) error { return fault.New(fault.Conflict, "", "no") },
	} {
		f := w.login(t, w.start(t, connect.NewFlow{}), oneBank)
		_, parts, _ := w.c.CollectFlow(ctx, f.Ref(), []string{"1"}, move)
		if parts != nil {
			t.Errorf("parts %v", parts)
		}
	}
	if n := column[int](t, admin(t, w.url), "SELECT count(*)::int FROM refreshes")[0]; n != 1 {
		t.Errorf("%d refreshes", n)
	}
}

func TestFlowByHandle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	must[[]string](t)(w.c.AddOrigin(ctx, "https://b.example"))
	must[[]string](t)(w.c.AddOrigin(ctx, "https://a.example"))
	f := w.start(t, connect.NewFlow{})
	got := must[store.Frame](t)(w.FlowByHandle(ctx, f.Handle))
	if got.Flow.ID != f.ID || string(got.Flow.TokenHash) != string(f.TokenHash) || got.Session.ID != f.SessionID || got.Customer.Name != "acme" || fmt.Sprint(got.Origins) != "[https://a.example https://b.example]" {
		t.Errorf("%+v", got)
	}
	w.clock.add(time.Hour)
	if got := must[store.Frame](t)(w.FlowByHandle(ctx, f.Handle)); got.Flow.State != connect.Exception {
		t.Errorf("%+v", got.Flow)
	}
	for _, handle := range []string{"", "nobody", "\x00", f.Handle + "x"} {
		_, err := w.FlowByHandle(ctx, handle)
		wantFault(t, err, fault.NotFound, "")
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	for range 2 {
		if all := must[[]string](t)(w.c.AddOrigin(ctx, "https://shop.example")); len(all) != 1 {
			t.Errorf("%v", all)
		}
	}
	_, err := customer(t, w.Store, "other").RemoveOrigin(ctx, "https://shop.example")
	wantFault(t, err, fault.NotFound, "origin")
	if all := must[[]string](t)(w.c.RemoveOrigin(ctx, "https://shop.example")); all == nil || len(all) != 0 {
		t.Errorf("%v", all)
	}
	_, err = w.c.RemoveOrigin(ctx, "https://shop.example")
	wantFault(t, err, fault.NotFound, "origin")
	full := 0
	for _, err := range together(60, func(i int) error { _, err := w.c.AddOrigin(ctx, fmt.Sprintf("https://%d.example", i)); return err }) {
		if err != nil {
			wantFault(t, err, fault.TooMany, "origin")
			full++
		}
	}
	if all := must[[]string](t)(w.c.Origins(ctx)); len(all) != 50 || full != 10 {
		t.Errorf("%d origins, %d refused", len(all), full)
	}
}

// TestConsumerLinks: what a tenant of one consumer may do with links, and what not.
func TestConsumerLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	f, _ := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}, []byte("s"), told("1", ""))
	id := *f.ConsumerID
	c := w.Consumer(must[bank.Consumer](t)(w.c.Consumer(ctx, person(id))).CustomerID, id)
	consent := w.consents(t, id)[0]
	r, _, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(id)})
	if err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"Session":            func() error { _, err := c.Session(ctx, bank.Ref{Kind: bank.KindSession, ID: f.SessionID}); return err },
		"Flow":               func() error { _, err := c.Flow(ctx, f.Ref()); return err },
		"Refresh":            func() error { _, err := c.Refresh(ctx, r.Ref()); return err },
		"AutomaticRefreshes": func() error { _, err := c.AutomaticRefreshes(ctx, person(id)); return err },
	} {
		if f := fault.Of(do()); len(f) != 1 || f[0].Code != fault.NotFound {
			t.Errorf("%s: %v", name, f)
		}
	}
	for name, do := range map[string]func() error{
		"CreateSession": func() error { _, err := c.CreateSession(ctx, connect.Session{}); return err },
		"CloseSession": func() error {
			_, err := c.CloseSession(ctx, bank.Ref{Kind: bank.KindSession, ID: f.SessionID})
			return err
		},
		"StartFlow":         func() error { _, err := c.StartFlow(ctx, connect.NewFlow{}, "h", nil); return err },
		"MoveFlow":          func() error { _, err := c.MoveFlow(ctx, f.Ref(), func(*connect.Flow) error { return nil }); return err },
		"CollectFlow":       func() error { _, _, err := c.CollectFlow(ctx, f.Ref(), nil, nil); return err },
		"StartRefresh":      func() error { _, _, err := c.StartRefresh(ctx, store.NewRefresh{Consumer: person(id)}); return err },
		"ScheduleRefresh":   func() error { _, err := c.ScheduleRefresh(ctx, person(id), nil, connect.Plan{}); return err },
		"UnscheduleRefresh": func() error { _, err := c.UnscheduleRefresh(ctx, person(id), nil); return err },
		"AddOrigin":         func() error { _, err := c.AddOrigin(ctx, "https://shop.example"); return err },
		"RemoveOrigin":      func() error { _, err := c.RemoveOrigin(ctx, "https://shop.example"); return err },
	} {
		if f := fault.Of(do()); len(f) != 1 || f[0].Code != fault.Forbidden {
			t.Errorf("%s: %v", name, f)
		}
	}
	if known := must[[]connect.Known](t)(c.KnownAccounts(ctx, &id)); len(known) != 1 {
		t.Errorf("known %+v", known)
	}
	if got := must[connect.Consent](t)(c.Consent(ctx, consent.Ref())); got.ID != consent.ID {
		t.Errorf("%+v", got)
	}
	if _, n, err := c.RevokeConsents(ctx, person(id)); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := c.DeleteConsumer(ctx, person(id)); err != nil {
		t.Error(err)
	}
	if n := column[int](t, admin(t, w.url), "SELECT count(*)::int FROM sessions")[0]; n != 0 {
		t.Errorf("%d sessions are left of a deleted consumer", n)
	}
}
