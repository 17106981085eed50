package tasks

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// These tests count what is evaluated: the catalogue is the one insight that they know, so a new one changes none of them.
func TestMain(m *testing.M) {
	known, _ := catalogue.ByName(spending)
	catalogue.All = []insight.Definition{known}
	if url := os.Getenv("INSIGHTGRAPH_TEST_STUCK_WORKER"); url != "" {
		stuckWorker(url)
	}
	if url := os.Getenv("INSIGHTGRAPH_TEST_STUCK_FETCHER"); url != "" {
		stuckFetcher(url)
	}
	storetest.Main(m)
}

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

const spending = "SPENDING_AND_EARNING_COMPARISON"

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) set(at time.Time) { c.mu.Lock(); c.at = at; c.mu.Unlock() }

func (c *clock) add(d time.Duration) { c.mu.Lock(); c.at = c.at.Add(d); c.mu.Unlock() }

func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func ptr[T any](v T) *T { return &v }

// world is a customer on a fresh database with a clock of its own.
type world struct {
	t     *testing.T
	url   string
	clock *clock
	store *store.Store
	id    int64
	store.Tenant
}

func newWorld(t *testing.T, at string) *world {
	t.Helper()
	w := &world{t: t, url: storetest.URL(t), clock: &clock{at: moment(at)}}
	w.store = w.open()
	c, err := w.store.CreateCustomer(t.Context(), bank.Customer{Name: "Acme", ClientID: "acme", TimeZone: "Europe/Berlin", Currency: "EUR"}, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	w.id, w.Tenant = c.ID, w.store.Customer(c.ID)
	return w
}

// open is one more process on the same database.
func (w *world) open() *store.Store {
	return storetest.Open(w.t, w.url, store.Options{MaxConns: 8, Now: w.clock.now})
}

// person makes a consumer with a bank account in its currency and the transactions "yyyy-mm-dd amount".
func (w *world) person(name, zone string, rows ...string) bank.Ref {
	w.t.Helper()
	c, err := w.CreateConsumer(w.t.Context(), store.NewConsumer{ExternalID: &name, TimeZone: &zone})
	if err != nil {
		w.t.Fatal(err)
	}
	w.account(c.Ref(), name, bank.ContainerBank, c.Currency, rows...)
	return c.Ref()
}

func (w *world) account(owner bank.Ref, name string, container bank.Container, currency bank.Currency, rows ...string) bank.Ref {
	w.t.Helper()
	a, err := w.CreateAccount(w.t.Context(), store.NewAccount{Consumer: &owner,
		Account: bank.Account{ExternalID: &name, Container: container, Name: name, Currency: currency}}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.rows(a, rows...)
	return a.Ref()
}

func (w *world) rows(a bank.Account, rows ...string) {
	w.t.Helper()
	var list []bank.Transaction
	for _, r := range rows {
		var date, amount string
		fmt.Sscan(r, &date, &amount)
		d, err := bank.ParseDate(date)
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, bank.Transaction{Amount: decimal.MustParse(amount), Currency: a.Currency, BookingDate: d})
	}
	if list == nil {
		return
	}
	if _, _, err := w.CreateTransactions(w.t.Context(), a.Ref(), list, nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) run(at string) map[insight.Outcome]int {
	w.t.Helper()
	counts, err := RunDue(w.t.Context(), NewWorker(w.store, silent), Due{At: moment(at)}, func(int, int) {})
	if err != nil {
		w.t.Fatal(err)
	}
	return counts
}

func (w *world) feed() []insight.Entry {
	w.t.Helper()
	p, err := w.Feed(w.t.Context(), insight.FeedFilter{}, page.Args{Size: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	return p.Nodes
}

// drain evaluates shards here until none waits.
func (w *world) drain(s *store.Store) {
	w.t.Helper()
	worker := NewWorker(s, silent)
	for {
		ids, err := s.Waiting(w.t.Context(), 100)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(ids) == 0 {
			return
		}
		for _, id := range ids {
			if _, err := worker.Do(w.t.Context(), id); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func TestRun(t *testing.T) {
	w := newWorld(t, "2022-01-27T03:33:49Z")
	w.person("anna", "Europe/Berlin", "2021-09-30 999", "2021-10-01 80000", "2021-12-31 6814.02", "2021-11-15 -279565.71", "2022-01-01 5")
	w.person("emil", "Europe/Berlin", "2021-11-15 -20")
	got := w.run("2022-01-27T03:33:49Z")
	if got[insight.Generated] != 1 || got[insight.ConditionNotMet] != 1 || len(got) != 2 {
		t.Fatalf("first run: %v", got)
	}
	if got = w.run("2022-01-27T03:33:49Z"); len(got) != 0 {
		t.Fatalf("second run: %v", got)
	}
	feed := w.feed()
	if len(feed) != 1 {
		t.Fatalf("%d entries", len(feed))
	}
	e := feed[0]
	if d := e.TransactionDerived; d.CreditTotal.Amount.String() != "86814.02" || d.DebitTotal.Amount.String() != "279565.71" || d.SpentPercent.String() != "322.03" {
		t.Errorf("totals: %+v", d)
	}
	if e.Window.From.String() != "2021-10-01" || e.Window.To.String() != "2021-12-31" || len(e.Accounts) != 1 {
		t.Errorf("window %v, accounts %v", e.Window, e.Accounts)
	}
	behind, err := w.EntryTransactions(t.Context(), feed, page.Args{Size: 10})
	if err != nil || len(behind[0].Nodes) != 3 {
		t.Errorf("behind the numbers: %v, %v", behind, err)
	}
}

func TestTrigger(t *testing.T) {
	w := newWorld(t, "2022-01-27T03:33:49Z")
	anna := w.person("anna", "Europe/Berlin", "2021-10-01 100", "2021-11-15 -50", "2021-12-01 10")
	trigger := func(override bool) insight.Evaluation {
		t.Helper()
		run, shards, err := w.CreateRun(t.Context(), store.NewRun{Consumer: &anna, AsOf: w.clock.now(),
			Requests: []insight.TriggerRequest{{Insight: spending, Override: override}}}, nil)
		if err != nil || len(shards) != 1 || run.Status != insight.RunQueued {
			t.Fatalf("%+v %v %v", run, shards, err)
		}
		if _, err := NewWorker(w.store, silent).Do(t.Context(), shards[0]); err != nil {
			t.Fatal(err)
		}
		if run, err = w.Run(t.Context(), run.Ref()); err != nil || run.Status != insight.RunSucceeded || run.FinishedAt == nil {
			t.Fatalf("%+v %v", run, err)
		}
		p, err := w.Evaluations(t.Context(), run, nil, page.Args{Size: 10})
		if err != nil || len(p.Nodes) != 1 {
			t.Fatal(p, err)
		}
		return p.Nodes[0]
	}
	first := trigger(false)
	if first.Outcome != insight.Generated || first.EntryID == nil {
		t.Fatalf("%+v", first)
	}
	if again := trigger(false); again.Outcome != insight.Duplicate || *again.EntryID != *first.EntryID {
		t.Fatalf("%+v", again)
	}
	w.clock.add(time.Second)
	newer := trigger(true)
	if newer.Outcome != insight.Generated || *newer.EntryID == *first.EntryID {
		t.Fatalf("%+v", newer)
	}
	if feed := w.feed(); len(feed) != 2 || feed[0].ID != *newer.EntryID {
		t.Fatalf("the newer entry comes first: %+v", feed)
	}
	// The scheduled run finds that the month has its entry.
	if got := w.run("2022-01-28T00:00:00Z"); got[insight.Duplicate] != 1 || len(w.feed()) != 2 {
		t.Fatalf("scheduled after on demand: %v", got)
	}
	// An override that is the month's first entry is its entry: for the next trigger, and for the scheduled run.
	w.clock.add(10 * 24 * time.Hour)
	only := trigger(true)
	if again := trigger(false); again.Outcome != insight.Duplicate || *again.EntryID != *only.EntryID {
		t.Fatalf("after an override that had nothing to override: %+v", again)
	}
	if got := w.run("2022-02-07T00:00:00Z"); got[insight.Duplicate] != 1 || len(w.feed()) != 3 {
		t.Fatalf("scheduled after it: %v, %d entries", got, len(w.feed()))
	}
	if second, third := trigger(true), trigger(true); second.Outcome != insight.Generated || third.Outcome != insight.Generated || len(w.feed()) != 5 {
		t.Fatalf("%+v, %+v", second, third)
	}
}
