package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/page"
	"insightgraph/store"
)

// notified makes a callback for a consumer, as a synchronisation of nothing does at once.
func (w *world) notified(t *testing.T, c store.Tenant, consumer bank.Consumer) callback.Delivery {
	t.Helper()
	if _, _, err := c.Synchronize(t.Context(), store.NewSynchronization{Consumer: consumer.Ref(), CallbackURL: ptr("https://shop.example/hook"), CallbackHandle: ptr("h")}); err != nil {
		t.Fatal(err)
	}
	return must[*page.Of[callback.Delivery]](t)(c.Deliveries(t.Context(), callback.Filter{}, page.Args{Size: 1})).Nodes[0]
}

func (w *world) sending(t *testing.T, id int64) (store.Sending, bool) {
	t.Helper()
	d, ok, err := w.ClaimDelivery(t.Context(), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	return d, ok
}

func (w *world) waiting(t *testing.T) []int64 {
	t.Helper()
	return must[[]int64](t)(w.WaitingDeliveries(t.Context(), 100))
}

// went is a try that went wrong.
func (w *world) went(code int) callback.Attempt {
	a := callback.Attempt{At: w.clock.now(), Problem: ptr(callback.NotTaken), Milliseconds: 12}
	if code != 0 {
		a.StatusCode = &code
	}
	return a
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	c := consumer(t, w.c, "anna")
	made := w.notified(t, w.c, c)
	want := callback.SourcesBody(ptr("h"), c.Ref(), nil)
	if made.Event != callback.Synchronized || made.URL != "https://shop.example/hook" || made.Body != want || made.Status != callback.Pending || made.Attempts != 0 ||
		!made.CreatedAt.Equal(w.Now()) || made.FinishedAt != nil || made.Tries == nil || len(made.Tries) != 0 {
		t.Errorf("%+v", made)
	}
	if got := w.waiting(t); !slices.Equal(got, []int64{made.ID}) {
		t.Errorf("waiting: %v", got)
	}
	if got := w.waiting(t); len(got) != 0 {
		t.Errorf("it is on the queue: %v", got)
	}
	if err := w.UnqueuedDeliveries(ctx, []int64{made.ID}); err != nil {
		t.Fatal(err)
	}
	if got := w.waiting(t); len(got) != 1 {
		t.Errorf("it is not on the queue: %v", got)
	}
	w.clock.add(61 * time.Second)
	if got := w.waiting(t); len(got) != 1 {
		t.Errorf("the queue has lost it: %v", got)
	}

	d, ok := w.sending(t, made.ID)
	if !ok || d.Ref() != made.Ref() || d.Body != want || d.Attempts != 1 || d.CustomerID != c.CustomerID {
		t.Fatalf("%v, %+v", ok, d)
	}
	if _, ok := w.sending(t, made.ID); ok {
		t.Error("claimed twice")
	}
	next := w.Now().Add(30 * time.Second)
	if err := w.FinishDelivery(ctx, d, w.went(500), &next); err != nil {
		t.Fatal(err)
	}
	if err := w.FinishDelivery(ctx, d, w.went(500), &next); err == nil {
		t.Error("finished twice")
	}
	w.clock.add(29 * time.Second)
	if _, ok := w.sending(t, made.ID); ok || len(w.waiting(t)) != 0 {
		t.Error("tried too early")
	}
	w.clock.add(time.Second)
	if got := w.waiting(t); len(got) != 1 {
		t.Errorf("its time has come: %v", got)
	}
	d, _ = w.sending(t, made.ID)
	if err := w.FinishDelivery(ctx, d, callback.Attempt{At: w.Now(), StatusCode: ptr(204), Milliseconds: 7}, nil); err != nil {
		t.Fatal(err)
	}
	got := must[callback.Delivery](t)(w.c.Delivery(ctx, made.Ref()))
	if got.Status != callback.Delivered || got.Attempts != 2 || !got.FinishedAt.Equal(w.Now()) || len(got.Tries) != 2 {
		t.Fatalf("%+v", got)
	}
	if first := got.Tries[0]; first.Number != 1 || *first.StatusCode != 500 || *first.Problem != callback.NotTaken || first.Milliseconds != 12 || !first.At.Equal(w.Now().Add(-30*time.Second)) {
		t.Errorf("%+v", first)
	}
	if second := got.Tries[1]; second.Number != 2 || *second.StatusCode != 204 || second.Problem != nil {
		t.Errorf("%+v", second)
	}
	if _, ok := w.sending(t, made.ID); ok {
		t.Error("it has arrived")
	}
	if _, ok := w.sending(t, made.ID+1000); ok {
		t.Error("there is no such callback")
	}
}

// TestDeliveryClaimedOnce: of many workers one gets it.
func TestDeliveryClaimedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.notified(t, w.c, consumer(t, w.c, "anna"))
	claimed := make(chan bool, 12)
	noErrors(t, together(12, func(int) error {
		_, ok, err := w.ClaimDelivery(t.Context(), made.ID, 0)
		claimed <- ok
		return err
	}))
	close(claimed)
	n := 0
	for ok := range claimed {
		if ok {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d workers claimed it", n)
	}
}

// TestDeliveryInterrupted: a worker that dies in the middle has tried; after the last such try the callback has FAILED.
func TestDeliveryInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	made := w.notified(t, w.c, consumer(t, w.c, "anna"))
	w.waiting(t)
	dead, _ := w.sending(t, made.ID)
	at := w.Now()
	for n := 2; n <= 10; n++ {
		w.clock.add(time.Minute)
		if got := w.waiting(t); len(got) != 0 {
			t.Fatal("its lease is not over")
		}
		w.clock.add(time.Second)
		if got := w.waiting(t); len(got) != 1 {
			t.Fatal("its lease is over")
		}
		d, ok := w.sending(t, made.ID)
		if !ok || d.Attempts != n {
			t.Fatalf("try %d: %v, %+v", n, ok, d)
		}
	}
	if err := w.FinishDelivery(ctx, dead, callback.Attempt{At: w.Now()}, nil); !errors.Is(err, store.ErrLost) {
		t.Errorf("it is another's: %v", err)
	}
	w.clock.add(2 * time.Minute)
	if _, ok := w.sending(t, made.ID); ok {
		t.Error("one more try")
	}
	got := must[callback.Delivery](t)(w.c.Delivery(ctx, made.Ref()))
	if got.Status != callback.Failed || got.FinishedAt == nil || len(got.Tries) != 10 || got.Tries[0].Number != 1 || *got.Tries[0].Problem != callback.Interrupted || !got.Tries[0].At.Equal(at) {
		t.Errorf("%+v", got)
	}
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna, ben := consumer(t, w.c, "anna"), consumer(t, w.c, "ben")
	var made []callback.Delivery
	for i := range 7 {
		made = append(made, w.notified(t, w.c, []bank.Consumer{anna, ben}[i%2]))
		if i%3 > 0 { // some were made in the same moment
			w.clock.add(time.Second)
		}
	}
	for i, d := range made {
		s, _ := w.sending(t, d.ID)
		next := w.Now()
		for range i {
			if err := w.FinishDelivery(ctx, s, w.went(500), &next); err != nil {
				t.Fatal(err)
			}
			s, _ = w.sending(t, d.ID)
		}
		if i < 4 {
			if err := w.FinishDelivery(ctx, s, w.went(410), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	var seen []bank.Ref
	var cursor *page.Cursor
	for {
		before := w.Statements()
		p := must[*page.Of[callback.Delivery]](t)(w.c.Deliveries(ctx, callback.Filter{}, page.Args{Size: 3, Cursor: cursor}))
		if n := w.Statements() - before; n != 3 { // what may be seen, callbacks, tries: one round trip
			t.Errorf("%d statements", n)
		}
		for _, d := range p.Nodes {
			i := slices.IndexFunc(made, func(m callback.Delivery) bool { return m.ID == d.ID })
			if want := i + max(0, min(1, 4-i)); len(d.Tries) != want {
				t.Errorf("%d tries of %d, want %d", len(d.Tries), i, want)
			}
			for n, try := range d.Tries {
				if try.Number != n+1 {
					t.Errorf("try %d has the number %d", n+1, try.Number)
				}
			}
			seen = append(seen, d.Ref())
		}
		if n := must[int](t)(p.Total(ctx)); n != 7 {
			t.Errorf("%d in all", n)
		}
		if !p.Info.HasNextPage {
			break
		}
		last := p.Nodes[len(p.Nodes)-1]
		cursor = &page.Cursor{Key: last.CreatedAt.UTC().Format(time.RFC3339Nano), ID: last.ID}
	}
	want := []bank.Ref{}
	for _, d := range slices.Backward(made) {
		want = append(want, d.Ref())
	}
	if !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
	for name, one := range map[string]struct {
		filter callback.Filter
		n      int
	}{
		"consumer": {callback.Filter{ConsumerIDs: []bank.Ref{anna.Ref()}}, 4},
		"nobody":   {callback.Filter{ConsumerIDs: []bank.Ref{}}, 0},
		"event":    {callback.Filter{Events: []callback.Event{callback.ReportFinished}}, 0},
		"events":   {callback.Filter{Events: []callback.Event{callback.ReportFinished, callback.Synchronized}}, 7},
		"failed":   {callback.Filter{Statuses: []callback.Status{callback.Failed}}, 4},
		"all":      {callback.Filter{ConsumerIDs: []bank.Ref{ben.Ref()}, Statuses: []callback.Status{callback.Pending}}, 1},
	} {
		p := must[*page.Of[callback.Delivery]](t)(w.c.Deliveries(ctx, one.filter, page.Args{Size: 100}))
		if n := must[int](t)(p.Total(ctx)); len(p.Nodes) != one.n || n != one.n {
			t.Errorf("%s: %d, %d in all, want %d", name, len(p.Nodes), n, one.n)
		}
	}
	_, err := w.c.Deliveries(ctx, callback.Filter{}, page.Args{Size: 3, Cursor: &page.Cursor{Key: "x", ID: 1}})
	wantFault(t, err, fault.InvalidValue, "after")
}

func TestRedeliver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	made := w.notified(t, w.c, consumer(t, w.c, "anna"))
	s, _ := w.sending(t, made.ID)
	if d := must[callback.Delivery](t)(w.c.Redeliver(ctx, made.Ref())); d.Status != callback.Pending || d.Attempts != 1 {
		t.Errorf("while it is tried: %+v", d)
	}
	later := w.Now().Add(time.Hour)
	if err := w.FinishDelivery(ctx, s, w.went(500), &later); err != nil {
		t.Fatal(err)
	}
	// A waiting one is tried at once.
	if d := must[callback.Delivery](t)(w.c.Redeliver(ctx, made.Ref())); d.Status != callback.Pending || len(d.Tries) != 1 {
		t.Errorf("while it waits: %+v", d)
	}
	if got := w.waiting(t); len(got) != 0 {
		t.Error("the caller wakes a worker itself")
	}
	s, ok := w.sending(t, made.ID)
	if !ok || s.Attempts != 2 || s.Body != made.Body {
		t.Fatalf("%v, %+v", ok, s)
	}
	// One that is over is tried again, whichever way it went.
	for n, a := range []callback.Attempt{w.went(410), {At: w.Now(), StatusCode: ptr(200)}} {
		if err := w.FinishDelivery(ctx, s, a, nil); err != nil {
			t.Fatal(err)
		}
		if _, ok := w.sending(t, made.ID); ok {
			t.Fatal("it is over")
		}
		if d := must[callback.Delivery](t)(w.c.Redeliver(ctx, made.Ref())); d.Status != callback.Pending || d.FinishedAt != nil || len(d.Tries) != n+2 {
			t.Errorf("%+v", d)
		}
		if s, ok = w.sending(t, made.ID); !ok || s.Attempts != n+3 || s.Ref() != made.Ref() {
			t.Fatalf("%v, %+v", ok, s)
		}
	}
	if err := w.FinishDelivery(ctx, s, callback.Attempt{At: w.Now(), StatusCode: ptr(200)}, nil); err != nil {
		t.Error(err)
	}
}

func TestDeliveryIsolation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna, ben := consumer(t, w.c, "anna"), consumer(t, w.c, "ben")
	of := map[int64]callback.Delivery{anna.ID: w.notified(t, w.c, anna), ben.ID: w.notified(t, w.c, ben)}
	other := customer(t, w.Store, "other")
	for name, c := range map[string]store.Tenant{"another customer": other, "another customer's consumer": w.Consumer(consumer(t, other, "anna").CustomerID, anna.ID), "another consumer": w.Consumer(anna.CustomerID, anna.ID)} {
		_, err := c.Delivery(ctx, of[ben.ID].Ref())
		wantFault(t, err, fault.NotFound, "")
		p := must[*page.Of[callback.Delivery]](t)(c.Deliveries(ctx, callback.Filter{}, page.Args{Size: 10}))
		for _, d := range p.Nodes {
			if name != "another consumer" || d.ConsumerID != anna.ID {
				t.Errorf("%s sees %+v", name, d)
			}
		}
		if n := must[int](t)(p.Total(ctx)); n != len(p.Nodes) {
			t.Errorf("%s: %d of %d", name, len(p.Nodes), n)
		}
		if _, err := c.Redeliver(ctx, of[ben.ID].Ref()); err == nil {
			t.Errorf("%s sends it again", name)
		}
	}
	_, err := w.Consumer(anna.CustomerID, anna.ID).Redeliver(ctx, of[anna.ID].Ref())
	wantFault(t, err, fault.Forbidden, "")
	_, err = other.Redeliver(ctx, of[anna.ID].Ref())
	wantFault(t, err, fault.NotFound, "")
	wrong := of[anna.ID].Ref()
	wrong.Kind = bank.KindReport
	_, err = w.c.Redeliver(ctx, wrong)
	wantFault(t, err, fault.NotFound, "")
	if _, err := w.c.Delivery(ctx, of[anna.ID].Ref()); err != nil {
		t.Error(err)
	}
	// Row level security alone.
	db := admin(t, w.url)
	if _, err := db.Exec(ctx, "SET ROLE insightgraph_app; SELECT set_config('app.customer', $$"+numbered(int(anna.CustomerID))+"$$, false), set_config('app.consumer', $$"+numbered(int(anna.ID))+"$$, false)"); err != nil {
		t.Fatal(err)
	}
	if got := column[int64](t, db, "SELECT consumer_id FROM deliveries"); !slices.Equal(got, []int64{anna.ID}) {
		t.Errorf("a consumer's session sees callbacks of %v", got)
	}
	if got := column[int64](t, db, "SELECT id FROM webhook_secrets"); len(got) != 0 {
		t.Errorf("a consumer's session sees %d secrets", len(got))
	}
}

// TestDeliveriesGo: with their consumer, and 90 days after their end.
func TestDeliveriesGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna, ben := consumer(t, w.c, "anna"), consumer(t, w.c, "ben")
	old, gone := w.notified(t, w.c, anna), w.notified(t, w.c, ben)
	s, _ := w.sending(t, old.ID)
	if err := w.FinishDelivery(ctx, s, w.went(410), nil); err != nil {
		t.Fatal(err)
	}
	s, _ = w.sending(t, gone.ID)
	if _, err := w.c.DeleteConsumer(ctx, ben.Ref()); err != nil {
		t.Fatal(err)
	}
	if err := w.FinishDelivery(ctx, s, w.went(500), nil); !errors.Is(err, store.ErrLost) {
		t.Errorf("its consumer is gone: %v", err)
	}
	w.clock.add(90 * 24 * time.Hour)
	w.waiting(t)
	if _, err := w.c.Delivery(ctx, old.Ref()); err != nil {
		t.Errorf("forgotten too early: %v", err)
	}
	w.clock.add(time.Second)
	open := w.notified(t, w.c, anna)
	w.waiting(t)
	_, err := w.c.Delivery(ctx, old.Ref())
	wantFault(t, err, fault.NotFound, "")
	if got := column[int64](t, admin(t, w.url), "SELECT id FROM deliveries"); !slices.Equal(got, []int64{open.ID}) {
		t.Errorf("callbacks left: %v", got)
	}
	if n := column[int](t, admin(t, w.url), "SELECT count(*)::int FROM delivery_attempts")[0]; n != 0 {
		t.Errorf("%d tries left", n)
	}
}

func TestWebhookSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	id := consumer(t, w.c, "anna").CustomerID
	other := consumer(t, customer(t, w.Store, "other"), "anna").CustomerID
	// Many at once: one secret.
	secrets := make([]string, 9)
	noErrors(t, together(9, func(i int) error {
		sealed, err := w.WebhookSecrets(ctx, id, func() []byte { return []byte(callback.NewSecret()) })
		if err == nil {
			secrets[i] = string(slices.Concat(sealed...))
		}
		return err
	}))
	if all := slices.Compact(slices.Sorted(slices.Values(secrets))); len(all) != 1 || all[0] == "" {
		t.Fatalf("%d secrets", len(all))
	}
	never := func() []byte { panic("there is one") }
	live := func() (texts []string) {
		t.Helper()
		for _, s := range must[[][]byte](t)(w.WebhookSecrets(ctx, id, never)) {
			texts = append(texts, string(s))
		}
		return texts
	}
	is := func(want ...string) {
		t.Helper()
		if got := live(); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	rotate := func(text string) {
		t.Helper()
		if err := w.Customer(id).RotateWebhookSecret(ctx, []byte(text), w.Now().Add(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	first := secrets[0]
	is(first)
	rotate("two")
	is("two", first)
	w.clock.add(23 * time.Hour)
	rotate("three")
	is("three", "two", first)
	w.clock.add(time.Hour) // the first one's time is not made longer by the second change
	is("three", "two")
	w.clock.add(23 * time.Hour)
	is("three")
	for _, s := range []string{"4", "5", "6", "7", "8", "9"} {
		rotate(s)
	}
	is("9", "8", "7", "6", "5")
	w.clock.add(25 * time.Hour)
	rotate("10")
	if n := column[int](t, admin(t, w.url), "SELECT count(*)::int FROM webhook_secrets")[0]; n != 2 {
		t.Errorf("%d secrets are kept", n)
	}
	if got := must[[][]byte](t)(w.WebhookSecrets(ctx, other, func() []byte { return []byte("theirs") })); len(got) != 1 || string(got[0]) != "theirs" {
		t.Errorf("%q", got)
	}
	// Changing the secret first makes one too.
	third := consumer(t, customer(t, w.Store, "third"), "anna").CustomerID
	if err := w.Customer(third).RotateWebhookSecret(ctx, []byte("x"), w.Now()); err != nil {
		t.Fatal(err)
	}
	if got := must[[][]byte](t)(w.WebhookSecrets(ctx, third, never)); len(got) != 1 || string(got[0]) != "x" {
		t.Errorf("%q", got)
	}
}

// TestResealWebhookSecrets: they change their encryption key with all others.
func TestResealWebhookSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	old := must[connect.Keys](t)(connect.ParseKeys(connect.NewKey()))
	fresh := must[connect.Keys](t)(connect.ParseKeys(connect.NewKey()))
	for _, name := range []string{"one", "two"} {
		id := consumer(t, customer(t, w.Store, name), "anna").CustomerID
		if err := w.Customer(id).RotateWebhookSecret(ctx, old.Seal([]byte("secret of "+name), callback.SecretPlace(id)), w.Now()); err != nil {
			t.Fatal(err)
		}
		defer func() {
			sealed := must[[][]byte](t)(w.WebhookSecrets(ctx, id, func() []byte { panic("there is one") }))
			if text, err := fresh.Open(sealed[0], callback.SecretPlace(id)); err != nil || string(text) != "secret of "+name {
				t.Errorf("%s, %v", text, err)
			}
		}()
	}
	done, failed, err := w.Reseal(ctx, func(sealed []byte, place string) ([]byte, error) {
		text, err := old.Open(sealed, place)
		if err != nil {
			return nil, err
		}
		return fresh.Seal(text, place), nil
	})
	if done != 2 || failed != 0 || err != nil {
		t.Errorf("%d, %d, %v", done, failed, err)
	}
}

// TestDeliveriesTogether: a customer has so many on their way at most, whoever claims them. What is put off was not tried, comes when
// one is over, and holds up no other customer.
func TestDeliveriesTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna := consumer(t, w.c, "anna")
	ids := make([]int64, 60)
	for i := range ids {
		ids[i] = w.notified(t, w.c, anna).ID
	}
	w.clock.add(time.Second)
	other := customer(t, w.Store, "other")
	last := w.notified(t, other, consumer(t, other, "ben"))
	if got := w.waiting(t); len(got) != 51 || !slices.Contains(got, last.ID) {
		t.Errorf("called: %v", got)
	}
	claimed := make(chan store.Sending, 8)
	noErrors(t, together(8, func(i int) error {
		d, ok, err := w.ClaimDelivery(ctx, ids[i], 2)
		if ok {
			claimed <- d
		}
		return err
	}))
	if len(claimed) != 2 {
		t.Fatalf("%d are sent at once", len(claimed))
	}
	if _, ok, err := w.ClaimDelivery(ctx, last.ID, 2); !ok || err != nil {
		t.Errorf("another customer's: %v %v", ok, err)
	}
	if err := w.FinishDelivery(ctx, <-claimed, callback.Attempt{At: w.Now(), StatusCode: ptr(204)}, nil); err != nil {
		t.Fatal(err)
	}
	next := must[[]int64](t)(w.NextDelivery(ctx, anna.CustomerID))
	if len(next) != 1 || !slices.Contains(ids, next[0]) {
		t.Fatalf("next: %v", next)
	}
	d, ok, err := w.ClaimDelivery(ctx, next[0], 2)
	if !ok || err != nil || d.Attempts != 1 {
		t.Errorf("%+v %v %v", d, ok, err)
	}
}
