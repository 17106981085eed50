package store_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"insightgraph/bank"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// busy is a world with one session for reading, which somebody keeps busy until all others wait for it.
type busy struct {
	*world
	t     *testing.T
	gate  *pgx.Conn
	group sync.WaitGroup
	n     int // who wait
}

func newBusy(t *testing.T, conns int, long time.Duration) *busy {
	t.Helper()
	w := &world{url: storetest.URL(t)}
	w.Store = storetest.Open(t, w.url, store.Patient(store.Options{MaxConns: conns}))
	w.c = customer(t, w.Store, "acme")
	store.FewSessions(w.Store, 1, long)
	c := &busy{world: w, t: t, gate: admin(t, w.url)}
	c.do(c.gate, "SELECT pg_advisory_lock(1)")
	c.group.Go(func() {
		r := w.c.Reads()
		r.Numbers(gated)
		if err := r.Send(t.Context()); err != nil {
			t.Error(err)
		}
	})
	c.until(func(_, used int) bool { return used == 1 })
	return c
}

// gated gives 1 once the gate is open.
const gated = "SELECT count(pg_advisory_xact_lock_shared(1))"

func (c *busy) do(conn *pgx.Conn, text string) {
	c.t.Helper()
	if _, err := conn.Exec(c.t.Context(), text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *busy) until(f func(waiting, used int) bool) {
	c.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if waiting, used := store.Asking(c.Store); f(waiting, used) {
			return
		} else if time.Now().After(end) {
			c.t.Fatalf("%d wait, %d sessions are used", waiting, used)
		}
	}
}

// comes has somebody wait behind those who came before.
func (c *busy) comes(f func()) {
	c.t.Helper()
	c.group.Go(f)
	c.n++
	c.until(func(waiting, _ int) bool { return waiting == c.n })
}

// open lets all go and waits until they have.
func (c *busy) open() {
	c.t.Helper()
	c.do(c.gate, "SELECT pg_advisory_unlock(1)")
	c.group.Wait()
	c.until(func(waiting, used int) bool { return waiting == 0 && used == 0 })
}

// begun is when the transaction began, which tells transactions apart; mine is the consumers that row level security shows.
const (
	begun = "SELECT (extract(epoch FROM now()) * 1000000)::bigint"
	mine  = "SELECT id FROM consumers ORDER BY id"
)

// TestTogether: what one customer's callers ask while the session is busy goes together, and each sees what it may see;
// other customers' questions and slow ones go by themselves.
func TestTogether(t *testing.T) {
	t.Parallel()
	c := newBusy(t, 2, time.Hour)
	other := customer(t, c.Store, "other")
	for _, name := range []string{"a", "b", "c"} {
		consumer(t, c.c, name)
		consumer(t, other, name)
	}
	mineID, otherID := consumer(t, c.c, "d").CustomerID, consumer(t, other, "d").CustomerID
	ofCustomer := func(id int64) []int64 {
		return column[int64](t, admin(t, c.url), "SELECT id FROM consumers WHERE customer_id = $1 ORDER BY id", id)
	}
	ids, others := ofCustomer(mineID), ofCustomer(otherID)
	type asked struct {
		at, sees *[]int64
		want     []int64
	}
	var all []asked
	ask := func(who store.Tenant, want []int64, more func(*store.Reads)) {
		t.Helper()
		r := who.Reads()
		if more != nil {
			more(r)
		}
		all = append(all, asked{r.Numbers(begun), r.Numbers(mine), want})
		c.comes(func() {
			if err := r.Send(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	text := "x"
	ask(c.c, ids, nil)
	ask(other, others, nil)
	for _, id := range ids {
		ask(c.Consumer(mineID, id), []int64{id}, nil)
	}
	ask(c.c, ids, func(r *store.Reads) { r.Transactions(bank.TransactionFilter{Text: &text}, page.Args{Size: 5}) })
	for range 5 {
		ask(c.c, ids, nil)
	}
	ask(c.Consumer(otherID, others[1]), others[1:2], nil)
	c.open()
	var at []int64
	for i, a := range all {
		if !slices.Equal(*a.sees, a.want) {
			t.Errorf("%d sees the consumers %v, not %v", i, *a.sees, a.want)
		}
		at = append(at, (*a.at)[0])
	}
	// 0 and 2 to 5 are one customer's, 6 is slow, 7 to 11 are that customer's again, of whom eight may go together.
	for i, with := range []int{0, 1, 0, 0, 0, 0, 6, 0, 0, 0, 10, 10, 1} {
		if at[i] != at[with] {
			t.Errorf("%d did not go with %d", i, with)
		}
	}
	alone := []int64{at[0], at[1], at[6], at[10]}
	slices.Sort(alone)
	if len(slices.Compact(alone)) != 4 {
		t.Errorf("some went together that should not: %v", at)
	}
	settings, err := c.ReadSettings(t.Context())
	if err != nil || !slices.Equal(settings, []string{"/"}) {
		t.Errorf("a session knows %q of who asked before, %v", settings, err)
	}
	pools := c.Pools()
	if reads := pools[1]; reads.Waits < int64(c.n) || reads.Waited <= 0 {
		t.Errorf("%d waited, for %s", reads.Waits, reads.Waited)
	}
}

// TestTogetherFails: a question that fails, a reader that panics and a caller that goes away harm nobody who went with them.
func TestTogetherFails(t *testing.T) {
	t.Parallel()
	for _, bad := range []struct {
		name string
		ask  func(*busy, *store.Reads)
		text string
	}{
		{"no text", func(_ *busy, r *store.Reads) { r.Numbers("SELECT 1 FROM") }, "42601"},
		{"fails", func(_ *busy, r *store.Reads) { r.Numbers("SELECT (1 / (random() * 0)::int)::bigint") }, "22012"},
		{"panics", func(_ *busy, r *store.Reads) { r.Each("SELECT 1", func() { panic("mine") }) }, "mine"},
		{"loses the session", func(c *busy, r *store.Reads) {
			db := admin(c.t, c.url)
			once := sync.OnceFunc(func() {
				c.do(db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'insightgraph' AND datname = current_database()")
			})
			r.Each("SELECT 1 FROM generate_series(1, 100000)", once)
		}, ""},
	} {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			c := newBusy(t, 2, time.Hour)
			want := []int64{consumer(t, c.c, "a").ID}
			var good []*[]int64
			for i := range 7 {
				r := c.c.Reads()
				if i == 3 {
					bad.ask(c, r)
					c.comes(func() {
						defer func() {
							if p := recover(); p != nil && p != bad.text {
								t.Error(p)
							}
						}()
						code := ""
						err := r.Send(t.Context())
						if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
							code = pg.Code
						}
						if code != bad.text {
							t.Errorf("got %v, want %s", err, bad.text)
						}
					})
					continue
				}
				good = append(good, r.Numbers(mine))
				c.comes(func() {
					if err := r.Send(t.Context()); err != nil {
						t.Errorf("%d: %v", i, err)
					}
				})
			}
			c.open()
			for i, ids := range good {
				if !slices.Equal(*ids, want) {
					t.Errorf("%d sees %v, not %v", i, *ids, want)
				}
			}
		})
	}
}

// TestTogetherGoes: who goes away while waiting is not waited for, who goes away on the way does not stop the others, and
// when all have gone the database is told so.
func TestTogetherGoes(t *testing.T) {
	t.Parallel()
	c := newBusy(t, 2, time.Hour)
	second := admin(t, c.url)
	c.do(second, "SELECT pg_advisory_lock(2)")
	comes := func(want error) context.CancelFunc {
		ctx, cancel := context.WithCancel(t.Context())
		r := c.c.Reads()
		found := r.Numbers("SELECT count(pg_advisory_xact_lock_shared(2))")
		c.comes(func() {
			if err := r.Send(ctx); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			} else if err == nil && !slices.Equal(*found, []int64{1}) {
				t.Errorf("found %v", *found)
			}
		})
		return cancel
	}
	gone := comes(context.Canceled)
	one, stays := comes(nil), comes(nil)
	defer stays()
	gone()
	c.until(func(waiting, _ int) bool { return waiting == 2 })
	c.do(c.gate, "SELECT pg_advisory_unlock(1)")
	c.until(func(waiting, used int) bool { return waiting == 0 })
	one() // it is on its way, with somebody who stays
	c.do(second, "SELECT pg_advisory_unlock(2)")
	c.group.Wait()

	c.do(second, "SELECT pg_advisory_lock(2)")
	c.do(c.gate, "SELECT pg_advisory_lock(1)")
	c.n = 0
	store.FewSessions(c.Store, 0, time.Hour) // for nobody but those who are let go below
	a, b := comes(context.Canceled), comes(context.Canceled)
	store.Pass(c.Store)
	c.until(func(waiting, used int) bool { return waiting == 0 })
	a()
	b()
	c.group.Wait() // although the lock is kept
}

// TestLongQuestions: a session that takes long is not counted among the few, so others need not wait for it.
func TestLongQuestions(t *testing.T) {
	t.Parallel()
	c := newBusy(t, 4, 50*time.Millisecond) // the first asking keeps one session
	r := c.c.Reads()
	found := r.Numbers(mine)
	if err := r.Send(t.Context()); err != nil || len(*found) != 0 {
		t.Fatal(*found, err)
	}
	c.open()
}

// TestSifting: who looks at many rows for few waits for who does so too, and nobody else does.
func TestSifting(t *testing.T) {
	t.Parallel()
	c := newBusy(t, 16, time.Hour)
	store.FewSessions(c.Store, 4, time.Hour) // a quarter is one, half are two
	tenants := map[string]store.Tenant{"acme": c.c}
	for _, name := range []string{"second", "third"} {
		tenants[name] = customer(t, c.Store, name)
	}
	asks := func(name string, sifts bool, text string) error {
		r := tenants[name].Reads()
		r.Numbers(text)
		if sifts {
			what := "x"
			r.Transactions(bank.TransactionFilter{Text: &what}, page.Args{Size: 1})
		}
		return r.Send(t.Context())
	}
	for _, one := range []struct {
		name          string
		gate, waiting int
	}{{"acme", 2, 0}, {"acme", 2, 1}, {"acme", 2, 2}, {"second", 3, 2}, {"third", 3, 3}, {"second", 3, 4}} {
		c.group.Go(func() {
			if err := asks(one.name, true, gated); err != nil {
				t.Errorf("%s: %v", one.name, err)
			}
		})
		c.gateHas(one.gate)
		c.until(func(waiting, used int) bool { return waiting == one.waiting && used == one.gate })
		for name := range tenants {
			if err := asks(name, false, mine); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	c.open()
}

// gateHas waits until so many sessions stand before the gate.
func (c *busy) gateHas(n int) {
	c.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		var stand int
		if err := c.gate.QueryRow(c.t.Context(), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Scan(&stand); err != nil {
			c.t.Fatal(err)
		}
		if stand == n {
			return
		} else if time.Now().After(end) {
			c.t.Fatalf("%d stand before the gate, not %d", stand, n)
		}
	}
}
