package tasks

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
)

// planAndDrain is one tick of the planner and all its work.
func (w *world) planAndDrain() {
	w.t.Helper()
	if _, err := PlanDue(w.t.Context(), w.store, catalogue.All, Due{At: w.clock.now(), Quiet: Quiet}); err != nil {
		w.t.Fatal(err)
	}
	w.clock.add(2 * time.Minute) // new shards count as queued for a minute; nobody works on this queue
	w.drain(w.store)
	w.clock.add(-2 * time.Minute)
}

// TestMonths goes over fourteen months in four time zones, hour by hour around each local month's first moment: there
// is one entry for each local month, made on its first, also where the clocks change.
func TestMonths(t *testing.T) {
	for _, zone := range []string{"Europe/Stockholm", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago"} {
		t.Run(zone, func(t *testing.T) {
			loc, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, "2025-09-01T00:00:00Z")
			var rows []string
			for m := bank.NewDate(2025, 1, 1); m < bank.NewDate(2027, 3, 1); m = m.AddMonths(1) {
				rows = append(rows, m.String()+" 100", (m.AddMonths(1)-1).String()+" -40") // first and last day
			}
			w.person("anna", zone, rows...)
			made := 0
			for month := 0; month < 14; month++ {
				first := time.Date(2025, time.Month(10+month), 1, 0, 0, 0, 0, loc)
				for _, h := range []time.Duration{-time.Second, 0, time.Hour, 30 * time.Hour} {
					w.clock.set(first.Add(h))
					w.planAndDrain()
					feed := w.feed()
					want := month + 1 // one month is made up for before the first of them
					if h >= 0 {
						want++
					}
					if len(feed) != want {
						t.Fatalf("%s: %d entries, want %d", w.clock.now().In(loc), len(feed), want)
					}
					e := feed[0]
					if h >= 0 && (e.Occurrence.From != bank.DateOf(first, loc) || e.Window.From != bank.DateOf(first, loc).AddMonths(-3) || e.Window.To != bank.DateOf(first, loc)-1) {
						t.Fatalf("%s: entry for %v over %v", first, e.Occurrence, e.Window)
					}
					if d := e.TransactionDerived; d.CreditTotal.Amount.String() != "300.00" || d.DebitTotal.Amount.String() != "120.00" || d.SpentPercent.String() != "40.00" {
						t.Fatalf("%s: %v of %v", first, d.DebitTotal, d.CreditTotal)
					}
					made = len(feed)
				}
			}
			if made != 15 {
				t.Errorf("%d entries in all, want 15", made)
			}
		})
	}
}

// TestMissedFirst: a server that was down on the first makes the month's entry as soon as it is up; a month that passed
// entirely is made only by insights run.
func TestMissedFirst(t *testing.T) {
	w := newWorld(t, "2026-01-01T00:00:00Z")
	w.person("anna", "Europe/Berlin", "2025-11-10 100", "2025-12-10 -25", "2026-01-10 100", "2026-02-10 -25")
	w.clock.set(moment("2026-03-20T12:00:00Z"))
	w.planAndDrain()
	if feed := w.feed(); len(feed) != 1 || feed[0].Occurrence.From.String() != "2026-03-01" {
		t.Fatalf("made up: %+v", feed)
	}
	w.clock.add(time.Hour)
	if got := w.run("2026-01-15T06:00:00Z"); got[insight.Generated] != 1 {
		t.Fatalf("filled back: %v", got)
	}
	feed := w.feed()
	if len(feed) != 2 || feed[0].Occurrence.From.String() != "2026-01-01" || feed[0].CreatedAt.Month() != time.March {
		t.Fatalf("the period follows the moment, createdAt is the real time: %+v", feed[0])
	}
}

// TestQuiet: entries wait until a consumer's data has been quiet; new data gives another try where there was nothing to tell.
func TestQuiet(t *testing.T) {
	w := newWorld(t, "2026-03-05T12:00:00Z")
	anna := w.person("anna", "Europe/Berlin", "2026-02-10 -25")
	w.planAndDrain()
	if n := w.evaluations(); n != 0 {
		t.Fatalf("%d evaluations of data that has just come", n)
	}
	w.clock.add(Quiet + time.Second)
	w.planAndDrain()
	if n := w.evaluations(); n != 1 || len(w.feed()) != 0 {
		t.Fatalf("%d evaluations, %d entries; want the condition not met", n, len(w.feed()))
	}
	w.account(anna, "second", bank.ContainerBank, "EUR", "2026-02-11 50")
	w.clock.add(Quiet + time.Second)
	w.planAndDrain()
	if len(w.feed()) != 1 {
		t.Fatal("new data gives another try")
	}
	w.account(anna, "third", bank.ContainerBank, "EUR", "2026-02-11 5000")
	w.clock.add(Quiet + time.Second)
	w.planAndDrain()
	if feed := w.feed(); len(feed) != 1 || feed[0].TransactionDerived.SpentPercent.String() != "50.00" {
		t.Fatal("an entry is final within its period")
	}
}

func (w *world) evaluations() (n int) {
	w.t.Helper()
	for _, count := range w.outcomes() {
		n += count
	}
	return n
}

// TestTwoPlanners: planners and workers of three processes at once make each entry once.
func TestTwoPlanners(t *testing.T) {
	w := newWorld(t, "2026-03-05T12:00:00Z")
	const people = 60
	for i := range people {
		w.person(fmt.Sprint("p", i), []string{"Europe/Berlin", "Asia/Tokyo"}[i%2], "2026-02-10 100", "2026-02-11 -25")
	}
	w.clock.add(10 * time.Minute)
	var all sync.WaitGroup
	for range 3 {
		s := w.open()
		for range 2 {
			all.Go(func() {
				ids, err := PlanDue(t.Context(), s, catalogue.All, Due{At: w.clock.now(), Quiet: Quiet})
				if err != nil {
					t.Error(err)
				}
				for _, id := range ids {
					if _, err := NewWorker(s, silent).Do(t.Context(), id); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	if got := w.outcomes(); got[insight.Generated] != people || len(got) != 1 || len(w.feed()) != people {
		t.Errorf("%v, %d entries", got, len(w.feed()))
	}
}

// TestSwitchedOff: off for the customer is off for all; on again, what was passed over is evaluated.
func TestSwitchedOff(t *testing.T) {
	w := newWorld(t, "2026-03-05T12:00:00Z")
	w.person("anna", "Europe/Berlin", "2026-02-10 100")
	turn := func(on string) {
		err := w.ChangeCustomerSettings(t.Context(), func(current map[string]insight.Settings) (map[string]insight.Settings, error) {
			return insight.ChangeCustomer(catalogue.All, func(name string) insight.Settings { return current[name] }, []insight.SubscriptionChange{{InsightName: ptr(spending),
				CustomerConfiguration: []insight.ConfigurationChange{{EntityType: ptr("ACCOUNT"), IsSubscribed: &on}}}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	turn("false")
	w.clock.add(10 * time.Minute)
	w.planAndDrain()
	if got := w.outcomes(); got[insight.NotSubscribed] != 1 || len(got) != 1 {
		t.Fatalf("off: %v", got)
	}
	w.clock.add(10 * time.Minute)
	turn("true")
	w.planAndDrain()
	if got := w.outcomes(); got[insight.Generated] != 1 || len(got) != 1 {
		t.Fatalf("on again: %v", got)
	}
}

// TestCurrencies: accounts in other currencies are converted at the rate of the booking date or the last earlier one;
// without a rate there is no sum.
func TestCurrencies(t *testing.T) {
	w := newWorld(t, "2026-03-05T12:00:00Z")
	anna := w.person("anna", "Europe/Berlin", "2026-02-10 100")
	w.account(anna, "dollars", bank.ContainerCard, "USD", "2026-02-14 -11", "2026-02-16 -12.50")
	w.account(anna, "yen", bank.ContainerBank, "JPY", "2026-01-02 1000")
	if got := w.run("2026-03-05T12:00:00Z"); got[insight.InsufficientData] != 1 || len(got) != 1 {
		t.Fatalf("without rates: %v", got)
	}
	quote := func(currency bank.Currency, day, rate string) bank.Quote {
		d, _ := bank.ParseDate(day)
		return bank.Quote{Currency: currency, Day: d, Rate: decimalOf(rate), Source: "test"}
	}
	if _, err := w.store.SaveQuotes(t.Context(), []bank.Quote{quote("USD", "2025-10-01", "9"), quote("USD", "2026-02-13", "1.10"), quote("USD", "2026-02-16", "1.25"),
		quote("USD", "2026-02-17", "99"), quote("JPY", "2026-01-01", "160")}); err != nil {
		t.Fatal(err)
	}
	w.clock.add(time.Minute)
	if got := w.run("2026-03-05T12:00:00Z"); got[insight.Generated] != 1 {
		t.Fatalf("with rates: %v", got)
	}
	d := w.feed()[0].TransactionDerived
	// 100 + 1000/160 = 106.25; 11/1.10 + 12.50/1.25 = 20; 20/106.25 = 18.82 %
	if d.CreditTotal.Amount.String() != "106.25" || d.DebitTotal.Amount.String() != "20.00" || d.SpentPercent.String() != "18.82" {
		t.Errorf("%v %v %v", d.CreditTotal, d.DebitTotal, d.SpentPercent)
	}
	var used []string
	for _, r := range d.Rates {
		used = append(used, fmt.Sprintf("%s %s %s", r.From, r.Day, r.Source))
	}
	if got := fmt.Sprint(used); got != "[JPY 2026-01-01 test USD 2026-02-13 test USD 2026-02-16 test]" {
		t.Errorf("rates: %s", got)
	}
}

// TestPlannerSilence: a connection that goes silent in the middle of planning ends that look only.
func TestPlannerSilence(t *testing.T) {
	w := newWorld(t, "2026-03-05T12:00:00Z")
	w.person("anna", "Europe/Berlin", "2026-02-10 100")
	w.clock.add(time.Hour)
	db, err := pgx.Connect(t.Context(), w.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	count := func(query string) (n int) {
		t.Helper()
		if err := db.QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if _, err := db.Exec(t.Context(), "BEGIN; LOCK TABLE consumers IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	p := &Planner{Store: w.store, Queue: NewQueue(redisClient(t), w.store, silent), Log: silent, Plan: 50 * time.Millisecond, Sweep: time.Hour, Limit: 2 * time.Second}
	running.Go(func() { p.Run(ctx) })
	pid := 0
	for end := time.Now().Add(time.Minute); pid == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		pid = count("SELECT coalesce(min(pid), 0) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); pid == 0 || err != nil {
		t.Fatalf("the planner's session %d stands still: %v", pid, err)
	}
	defer syscall.Kill(pid, syscall.SIGCONT)
	if _, err := db.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); count("SELECT count(*) FROM run_shards") == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing is planned any more")
		}
	}
}

// TestPlanOneCustomersErrors: a customer that cannot be planned does not hold up the next one.
func TestPlanOneCustomersErrors(t *testing.T) {
	w := newWorld(t, "2026-03-05T12:00:00Z")
	w.person("anna", "Europe/Berlin", "2026-02-10 100")
	next, err := w.store.CreateCustomer(t.Context(), bank.Customer{Name: "Next", ClientID: "next", TimeZone: "Europe/Berlin", Currency: "EUR"}, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	w.Tenant = w.store.Customer(next.ID)
	w.person("ben", "Europe/Berlin", "2026-02-10 100")
	w.clock.add(time.Hour)
	db, err := pgx.Connect(t.Context(), w.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	if _, err := db.Exec(t.Context(), fmt.Sprintf("ALTER TABLE runs ADD CONSTRAINT sick CHECK (customer_id <> %d)", w.id)); err != nil {
		t.Fatal(err)
	}
	if ids, err := PlanDue(t.Context(), w.store, catalogue.All, Due{At: w.clock.now(), Quiet: Quiet}); len(ids) != 1 || err == nil {
		t.Errorf("planned %v, %v", ids, err)
	}
}
