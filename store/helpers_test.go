package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// world is a database with a store on it, whose time a test sets, and a customer.
type world struct {
	*store.Store
	url   string
	clock *clock
	c     store.Tenant
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{url: storetest.URL(t), clock: &clock{t: time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)}}
	w.Store = storetest.Open(t, w.url, store.Patient(store.Options{MaxConns: 12, Now: w.clock.now}))
	w.c = customer(t, w.Store, "acme")
	return w
}

// clock is a time that moves when it is told to.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// admin is a connection that may do everything.
func admin(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// ended waits until all sessions but this one have ended: then they have told what they did.
func ended(t *testing.T, db *pgx.Conn) {
	t.Helper()
	for column[int](t, db, "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'")[0] > 1 {
		time.Sleep(5 * time.Millisecond)
	}
}

// column is the first column of a query.
func column[T any](t *testing.T, conn *pgx.Conn, query string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return all
}

// wantFault checks the code and field of an error.
func wantFault(t *testing.T, err error, code fault.Code, field string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Code != code || f.Field != field {
		t.Errorf("got %v, want %s (%s)", err, code, field)
	}
}

// put stores rows in an account.
func put(t *testing.T, c store.Tenant, a bank.Account, rows ...bank.Transaction) store.Stored {
	t.Helper()
	s, _, err := c.CreateTransactions(t.Context(), a.Ref(), rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// all is every transaction that a filter finds, the newest first.
func all(t *testing.T, c store.Tenant, f bank.TransactionFilter) []bank.Transaction {
	t.Helper()
	p, err := c.Transactions(t.Context(), f, page.Args{Size: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	return p.Nodes
}

// byName finds a transaction by its external id.
func byName(t *testing.T, c store.Tenant, name string) bank.Transaction {
	t.Helper()
	for _, x := range all(t, c, bank.TransactionFilter{}) {
		if x.ExternalID != nil && *x.ExternalID == name {
			return x
		}
	}
	t.Fatalf("no transaction %s", name)
	return bank.Transaction{}
}

// exact checks that the monthly totals are what the rows add up to.
func exact(t *testing.T, s *store.Store) {
	t.Helper()
	if wrong, err := s.CheckTotals(t.Context()); wrong != 0 || err != nil {
		t.Errorf("%d monthly totals are wrong, %v", wrong, err)
	}
}

// together runs f n times at once and gives the errors.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { errs[i] = f(i) })
	}
	group.Wait()
	return errs
}

func noErrors(t *testing.T, errs []error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// entryFor is an entry as an evaluation makes it.
func entryFor(c bank.Consumer, month string, accounts ...bank.Account) insight.Entry {
	from := day(month + "-01")
	e := insight.Entry{CustomerID: c.CustomerID, ConsumerID: c.ID, Insight: "COMPARISON", Title: "Comparison", Type: insight.Aggregate, Trigger: insight.OnSchedule,
		Subject: insight.SubjectUser, Occurrence: bank.Period{From: from, To: from.AddMonths(1) - 1}, Window: bank.Period{From: from.AddMonths(-3), To: from - 1}}
	for _, a := range accounts {
		e.Accounts = append(e.Accounts, insight.EntryAccount{ID: a.Ref(), Name: a.Name, Status: a.Status, Type: a.Type, Container: a.Container})
	}
	return e
}

// evaluated is the result of one consumer in a run.
func evaluated(run insight.Run, c bank.Consumer, outcome insight.Outcome, entries ...insight.Entry) store.Result {
	return store.Result{Evaluation: insight.Evaluation{CustomerID: c.CustomerID, ConsumerID: c.ID, RunID: run.ID, Insight: "COMPARISON", Outcome: outcome, DataAt: c.ChangedAt},
		Entries: entries}
}

// anyDay is the window of evaluations that do not care.
func anyDay(store.Facts) bank.Period {
	return bank.Period{From: day("2025-12-01"), To: day("2026-02-28")}
}

// consumer makes a consumer.
func consumer(t *testing.T, c store.Tenant, external string) bank.Consumer {
	t.Helper()
	return must[bank.Consumer](t)(c.CreateConsumer(t.Context(), store.NewConsumer{ExternalID: &external}))
}

func names(rows []bank.Transaction) (list []string) {
	for _, x := range rows {
		list = append(list, *x.ExternalID)
	}
	return list
}

func numbered(n int) string { return fmt.Sprintf("%04d", n) }
