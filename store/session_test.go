package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// TestLostConnections: the server ends all sessions; what is asked next works all the same, and nothing is done twice.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	db := admin(t, w.url)
	kill := func() {
		if _, err := db.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"); err != nil {
			t.Error(err)
		}
	}
	for i := range 10 {
		put(t, w.c, a, row(numbered(i), "1", "2026-01-01"))
		kill()
		if _, _, err := w.CustomerOfClient(t.Context(), "acme"); err != nil {
			t.Error(err)
		}
		kill()
	}
	// In the middle of a transaction.
	killed := false
	c, err := w.c.UpdateConsumer(t.Context(), bank.Ref{Kind: bank.KindConsumer, ConsumerID: a.ConsumerID, ID: a.ConsumerID}, func(c *bank.Consumer) error {
		if !killed {
			killed = true
			kill()
		}
		c.Currency = "USD"
		return nil
	})
	if err != nil || c.Currency != "USD" {
		t.Errorf("%+v, %v", c, err)
	}
	if n := len(all(t, w.c, bank.TransactionFilter{})); n != 10 {
		t.Errorf("%d rows", n)
	}
	exact(t, w.Store)
}

// once runs a function with the first that is written.
type once struct {
	bytes.Buffer
	do func()
}

func (w *once) Write(b []byte) (int, error) {
	if w.do != nil {
		w.do()
	}
	w.do = nil
	return w.Buffer.Write(b)
}

// TestTornExport: of an export whose connection is lost, the first part is not followed by a second try.
func TestTornExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	rows := make([]bank.Transaction, 1000) // more than is on its way at a time
	for i := range rows {
		rows[i] = row(numbered(i), "1", "2026-01-01")
		rows[i].Description = strings.Repeat("long ", 400)
	}
	put(t, w.c, a, rows...)
	db := admin(t, w.url)
	out := &once{do: func() {
		if _, err := db.Exec(t.Context(), "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"); err != nil {
			t.Error(err)
		}
	}}
	anna := bank.Ref{Kind: bank.KindConsumer, ConsumerID: a.ConsumerID, ID: a.ConsumerID}
	wantFault(t, w.c.Export(t.Context(), anna, out), fault.Unavailable, "")
	out = &once{}
	if err := w.c.Export(t.Context(), anna, out); err != nil || strings.Count(out.String(), `"table": "transactions"`) != len(rows) {
		t.Errorf("the next one: %d rows, %v", strings.Count(out.String(), `"table": "transactions"`), err)
	}
}

// TestCleanSessions: a panic, a fault and a client that goes away leave no transaction, lock or tenant behind.
func TestCleanSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	ref := bank.Ref{Kind: bank.KindConsumer, ConsumerID: a.ConsumerID, ID: a.ConsumerID}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		w.c.UpdateConsumer(t.Context(), ref, func(*bank.Consumer) error { panic("x") })
	}()
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := w.c.UpdateConsumer(ctx, ref, func(*bank.Consumer) error { cancel(); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a client that went away: %v", err)
		}
	}
	if _, err := w.c.UpdateConsumer(t.Context(), ref, func(c *bank.Consumer) error { c.Currency = "USD"; return nil }); err != nil {
		t.Error(err)
	}
	if n := column[int](t, admin(t, w.url), "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'")[0]; n != 0 {
		t.Errorf("%d sessions are in a transaction", n)
	}
}

// TestLimits: who waits for another's lock too long is told so; limits are in force.
func TestLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	for code, want := range map[string]fault.Code{"55P03": fault.Conflict, "57014": fault.TimedOut, "23503": fault.Conflict} {
		_, err := w.c.UpdateAccount(t.Context(), a.Ref(), func(*bank.Account) error { return store.DatabaseError(code) })
		if f := fault.Of(err); len(f) != 1 || f[0].Code != want {
			t.Errorf("%s: %v", code, err)
		}
	}
	tries := 0
	_, err := w.c.UpdateAccount(t.Context(), a.Ref(), func(a *bank.Account) error {
		if tries++; tries < 3 {
			return store.DatabaseError("40P01")
		}
		a.Name += "x"
		return nil
	})
	if got := must[bank.Account](t)(w.c.Account(t.Context(), a.Ref())); err != nil || got.Name != "currentx" || tries != 3 {
		t.Errorf("after two deadlocks: %+v, %d, %v", got, tries, err)
	}
	asDeployed := storetest.Open(t, w.url, store.Options{MaxConns: 1})
	for _, setting := range []struct{ name, want string }{{"statement_timeout", "5s"}, {"lock_timeout", "4s"}, {"role", "insightgraph_app"}, {"TimeZone", "UTC"}, {"idle_in_transaction_session_timeout", "30s"}} {
		if got, err := asDeployed.Setting(t.Context(), setting.name); err != nil || got != setting.want {
			t.Errorf("%s is %s, %v", setting.name, got, err)
		}
	}
}

// TestPassingErrors: a session that the database ended because it was idle is opened again, and what other changes get in the
// way of for ever can be tried again by the caller.
func TestPassingErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := consumer(t, w.c, "anna")
	tries := 0
	change := func(wrong func() error) error {
		tries = 0
		_, err := w.c.UpdateConsumer(t.Context(), c.Ref(), func(*bank.Consumer) error {
			tries++
			return wrong()
		})
		return err
	}
	if err := change(func() error {
		if tries > 1 {
			return nil
		}
		return store.DatabaseError("25P03")
	}); err != nil || tries != 2 {
		t.Errorf("ended while idle: %v after %d tries", err, tries)
	}
	for _, code := range []string{"40001", "40P01"} {
		wantFault(t, change(func() error { return store.DatabaseError(code) }), fault.Conflict, "")
		if tries != 5 {
			t.Errorf("%s: %d tries", code, tries)
		}
	}
}

// TestPoolBetween: a pool between us and PostgreSQL that keeps the role of a session to itself, as PgBouncer can be told to, is
// refused: row level security would be that of the login.
func TestPoolBetween(t *testing.T) {
	t.Parallel()
	direct := storetest.URL(t)
	at, err := pgconn.ParseConfig(direct)
	if err != nil {
		t.Fatal(err)
	}
	for kept, want := range map[string]string{"": "", "role": "(role)", "plan_cache_mode": "(plan_cache_mode)", "statement_timeout": "(statement_timeout)"} {
		t.Run("keeps "+kept, func(t *testing.T) {
			network, address := pgconn.NetworkAddress(at.Host, at.Port)
			door := between(t, network, address, kept)
			s, err := store.Open(t.Context(), strings.Replace(direct, net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port))), door, 1), store.Options{})
			if err == nil {
				s.Close()
			}
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// between listens in front of a server and hands everything on, but for a setting with which sessions are opened.
func between(t *testing.T, network, address, kept string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	serve := func(in net.Conn) {
		defer in.Close()
		out, err := net.Dial(network, address)
		if err != nil {
			return
		}
		defer out.Close()
		begin, err := pgproto3.NewBackend(in, out).ReceiveStartupMessage()
		if startup, ok := begin.(*pgproto3.StartupMessage); ok {
			delete(startup.Parameters, kept)
		}
		if err != nil {
			return
		}
		first, err := begin.Encode(nil)
		if err != nil {
			return
		}
		if _, err := out.Write(first); err != nil {
			return
		}
		go func() {
			defer in.Close()
			io.Copy(in, out)
		}()
		io.Copy(out, in)
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go serve(in)
		}
	}()
	return l.Addr().String()
}
