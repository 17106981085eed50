package store_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/page"
	"insightgraph/report"
	"insightgraph/store"
)

// asked is a request for a report of a consumer.
func asked(consumerID int64, kind report.Type) store.NewReport {
	return store.NewReport{NewCase: store.NewCase{Consumer: ptr(person(consumerID)), From: ptr(day("2026-01-01")), To: ptr(day("2026-02-28"))}, Request: report.Request{Type: string(kind)}}
}

// build builds a report as a worker does.
func (w *world) build(t *testing.T, r report.Report) report.Report {
	t.Helper()
	b, ok, err := w.ClaimReport(t.Context(), r.ID)
	if err != nil || !ok {
		t.Fatalf("claim: %v %v", ok, err)
	}
	d, _ := report.ByType(r.Type)
	in, err := w.LoadReport(t.Context(), b, d)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d.Build(in))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.FinishReport(t.Context(), b, text); err != nil {
		t.Fatal(err)
	}
	return must[report.Report](t)(w.c.Report(t.Context(), r.Ref()))
}

// groceries is a card payment at a supermarket.
func groceries(name, amt, date string) bank.Transaction {
	x := row(name, amt, date)
	x.MCC, x.CounterpartyName, x.Description = ptr("5411"), ptr("Corner Market"), "CARD PAYMENT"
	return x
}

func TestReports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a, ben := account(t, w.c, "anna", "current", bank.ContainerBank), account(t, w.c, "ben", "current", bank.ContainerBank)
	put(t, w.c, a, groceries("1", "-10.50", "2026-01-05"), groceries("2", "-20", "2026-02-05"), groceries("3", "5", "2026-02-06"), row("4", "-70", "2026-02-07"), groceries("5", "-99", "2026-03-01"))
	n := asked(a.ConsumerID, report.TypeShopping)
	n.Request.CallbackURL = ptr("https://shop.example/hook")
	r, rows, err := w.c.CreateReport(ctx, n, ptr("key"))
	if err != nil || r.Status != report.Queued || rows != 4 {
		t.Fatalf("%+v %d %v", r, rows, err)
	}
	if again, _, err := w.c.CreateReport(ctx, n, ptr("key")); err != nil || again.ID != r.ID {
		t.Errorf("the same key: %+v %v", again, err)
	}
	done := w.build(t, r)
	if done.Status != report.Succeeded || done.FinishedAt == nil || done.Period != (bank.Period{From: day("2026-01-01"), To: day("2026-02-28")}) {
		t.Errorf("%+v", done)
	}
	d, _ := report.ByType(report.TypeShopping)
	result, err := d.Decode(done.Result)
	if err != nil {
		t.Fatal(err)
	}
	s := result.(*report.Shopping)
	if s.Total.Amount.String() != "25.50" || s.Groups[0].Stores[0].Name != "Corner Market" || s.Groups[0].Stores[0].RefundCount != 1 || s.TransactionCount != 3 {
		t.Errorf("%s", done.Result)
	}
	if bodies := w.callbacks(t); len(bodies) != 1 || !strings.Contains(bodies[0], done.Ref().String()) || !strings.Contains(bodies[0], `"SUCCEEDED"`) {
		t.Errorf("%q", bodies)
	}
	if _, ok, err := w.ClaimReport(ctx, r.ID); ok || err != nil {
		t.Error("a report that is there is built again")
	}
	// What was used, as it is now, and a part of it.
	used := []store.Used{{ConsumerID: a.ConsumerID, Selection: s.Used}, {ConsumerID: ben.ConsumerID}}
	pages, err := w.c.UsedTransactions(ctx, used, bank.TransactionFilter{}, page.Args{Size: 2})
	if err != nil || len(pages) != 2 || len(pages[0].Nodes) != 2 || *pages[0].Nodes[0].ExternalID != "3" || !pages[0].Info.HasNextPage || len(pages[1].Nodes) != 0 {
		t.Fatalf("%+v %v", pages, err)
	}
	if total, err := pages[0].Total(ctx); total != 3 || err != nil {
		t.Error(total, err)
	}
	pages, err = w.c.UsedTransactions(ctx, used[:1], bank.TransactionFilter{Party: ptr("Corner Market"), To: ptr(day("2026-01-31"))}, page.Args{Size: 9})
	if err != nil || len(pages[0].Nodes) != 1 || *pages[0].Nodes[0].ExternalID != "1" {
		t.Fatalf("%+v %v", pages, err)
	}
	// Again in the same case, and with other limits.
	c := report.Case{ConsumerID: r.ConsumerID, ID: r.CaseID}
	same := store.NewReport{Case: ptr(c.Ref()), Request: report.Request{Type: "SHOPPING"}}
	if again, _, err := w.c.CreateReport(ctx, same, nil); err != nil || again.ID != r.ID || again.Status != report.Succeeded {
		t.Errorf("%+v %v", again, err)
	}
	same.Request.Limits = []report.Limit{{Group: report.Groceries, MonthlyAmount: bank.Money{Amount: amount("5"), Currency: "EUR"}}}
	_, _, err = w.c.CreateReport(ctx, same, nil)
	wantFault(t, err, fault.Conflict, "shoppingLimits")
	// The same input in another case gives the same bytes.
	more, _, err := w.c.CreateReport(ctx, asked(a.ConsumerID, report.TypeShopping), nil)
	if err != nil || more.ID == r.ID {
		t.Fatalf("%+v %v", more, err)
	}
	if got := w.build(t, more); !bytes.Equal(got.Result, done.Result) {
		t.Errorf("%s\n%s", got.Result, done.Result)
	}
	list := must[*page.Of[report.Report]](t)(w.c.Reports(ctx, report.Filter{ConsumerIDs: []bank.Ref{person(a.ConsumerID)}, Types: []report.Type{report.TypeShopping}, Statuses: []report.Status{report.Succeeded}}, page.Args{Size: 1}))
	if len(list.Nodes) != 1 || list.Nodes[0].ID != more.ID || !list.Info.HasNextPage {
		t.Errorf("%+v", list)
	}
	if list = must[*page.Of[report.Report]](t)(w.c.Reports(ctx, report.Filter{CaseID: ptr(c.Ref())}, page.Args{Size: 9})); len(list.Nodes) != 1 {
		t.Errorf("%+v", list)
	}
	// Nobody else sees it.
	for _, other := range []store.Tenant{customer(t, w.Store, "other"), w.Consumer(a.CustomerID, ben.ConsumerID)} {
		_, err := other.Report(ctx, r.Ref())
		wantFault(t, err, fault.NotFound, "reportId")
		if list := must[*page.Of[report.Report]](t)(other.Reports(ctx, report.Filter{}, page.Args{Size: 9})); len(list.Nodes) != 0 {
			t.Errorf("%+v", list)
		}
		if pages, err := other.UsedTransactions(ctx, used, bank.TransactionFilter{}, page.Args{Size: 9}); err != nil || len(pages[0].Nodes) != 0 {
			t.Errorf("%+v %v", pages, err)
		}
	}
	own := w.Consumer(a.CustomerID, a.ConsumerID)
	must[report.Report](t)(own.Report(ctx, r.Ref()))
	_, _, err = own.CreateReport(ctx, asked(a.ConsumerID, report.TypeIncome), nil)
	wantFault(t, err, fault.Forbidden, "")
}

// TestEveryReport builds one of each type in one case, with what was used found again.
func TestEveryReport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	must[bank.Account](t)(w.c.UpdateAccount(ctx, a.Ref(), func(a *bank.Account) error {
		a.Balance, a.BalanceAsOf = ptr(amount("500")), ptr(w.Now())
		return nil
	}))
	put(t, w.c, a, groceries("1", "-10.50", "2026-01-05"), groceries("2", "-20", "2026-02-05"), row("pay", "2000", "2026-02-01"), row("4", "-70", "2026-02-07"))
	c := must[report.Case](t)(w.c.CreateCase(ctx, asked(a.ConsumerID, "").NewCase, nil))
	for _, d := range report.All {
		r, _, err := w.c.CreateReport(ctx, store.NewReport{Case: ptr(c.Ref()), Request: report.Request{Type: string(d.Type)}}, nil)
		if err != nil {
			t.Fatal(d.Type, err)
		}
		r = w.build(t, r)
		result, err := d.Decode(r.Result)
		if err != nil {
			t.Fatal(d.Type, err)
		}
		h := result.Head()
		pages, err := w.c.UsedTransactions(ctx, []store.Used{{ConsumerID: a.ConsumerID, Selection: h.Used}}, bank.TransactionFilter{}, page.Args{Size: 100})
		if err != nil || len(pages[0].Nodes) != h.TransactionCount {
			t.Errorf("%s: %d used, %d found, %v", d.Type, h.TransactionCount, len(pages[0].Nodes), err)
		}
	}
	if found := must[map[bank.Ref][]report.Report](t)(w.c.ReportsOfCases(ctx, []bank.Ref{c.Ref()})); len(found[c.Ref()]) != len(report.All) {
		t.Errorf("%d reports in the case", len(found[c.Ref()]))
	}
	if _, err := w.c.DeleteConsumer(ctx, person(a.ConsumerID)); err != nil {
		t.Fatal(err)
	}
	if left := column[int](t, admin(t, w.url), "SELECT (SELECT count(*) FROM reports) + (SELECT count(*) FROM cases)")[0]; left != 0 {
		t.Errorf("%d rows are left of an erased consumer", left)
	}
}

// TestReportOfOldBalance: a balance that is older than the period is counted forth by what was posted between its day and
// the period, which is not among the transactions that the report is built of.
func TestReportOfOldBalance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	told := func(external, asOf string) bank.Account {
		a := account(t, w.c, "anna", external, bank.ContainerBank)
		return must[bank.Account](t)(w.c.UpdateAccount(ctx, a.Ref(), func(a *bank.Account) error {
			at := must[time.Time](t)(time.Parse(time.RFC3339, asOf))
			a.Balance, a.BalanceAsOf = ptr(amount("500")), &at
			return nil
		}))
	}
	// The second is of one o'clock of the 20th in the consumer's zone, which is the 19th in UTC; the third is of the period.
	old, night, now := told("old", "2025-12-20T00:00:00Z"), told("night", "2025-12-19T23:30:00Z"), told("now", "2026-01-31T00:00:00Z")
	none := account(t, w.c, "anna", "none", bank.ContainerBank)
	for _, a := range []bank.Account{old, night, now, none} {
		waiting := row("waiting", "-7", "2025-12-28")
		waiting.Status = bank.Pending
		put(t, w.c, a, row("before", "-1", "2025-12-19"), row("held", "-2", "2025-12-20"), row("1", "-30.50", "2025-12-21"), row("2", "-0.25", "2025-12-21"), row("3", "5", "2025-12-31"),
			waiting, row("4", "-10", "2026-01-05"), row("5", "1", "2026-02-05"))
	}
	c := must[report.Case](t)(w.c.CreateCase(ctx, asked(old.ConsumerID, "").NewCase, nil))
	made := func(kind report.Type) report.Result {
		r, _, err := w.c.CreateReport(ctx, store.NewReport{Case: ptr(c.Ref()), Request: report.Request{Type: string(kind)}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		d, _ := report.ByType(kind)
		return must[report.Result](t)(d.Decode(w.build(t, r).Result))
	}
	got := ""
	for _, a := range made(report.TypeBalances).(*report.Balances).ByAccount {
		got += fmt.Sprintln(a.Covered.From, a.Opening.Amount, a.Closing.Amount)
	}
	if want := "2026-01-01 474.25 465.25\n2026-01-01 474.25 465.25\n2026-01-01 510.00 501.00\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if first := made(report.TypeBalanceOverTime).(*report.BalanceOverTime).Series[0].Balances[0]; first.Balance.Amount.String() != "474.25" {
		t.Errorf("%+v", first)
	}
}

func TestReportFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := account(t, w.c, "anna", "current", bank.ContainerBank), account(t, w.c, "ben", "current", bank.ContainerBank)
	change := func(f func(*store.NewReport)) store.NewReport {
		n := asked(a.ConsumerID, report.TypeIncome)
		f(&n)
		return n
	}
	for _, one := range []struct {
		name string
		n    store.NewReport
		want string
	}{
		{"nobody", change(func(n *store.NewReport) { n.Consumer = nil }), "[Y812 consumerId]"},
		{"an unknown consumer", asked(999, report.TypeIncome), "[Y807 consumerId]"},
		{"an unknown case", store.NewReport{Case: &bank.Ref{Kind: bank.KindCase, ConsumerID: a.ConsumerID, ID: 99}, Request: report.Request{Type: "INCOME"}}, "[Y807 caseId]"},
		{"both", change(func(n *store.NewReport) { n.Case = &bank.Ref{Kind: bank.KindCase, ConsumerID: a.ConsumerID, ID: 99} }), "[Y802 caseId]"},
		{"another's account", change(func(n *store.NewReport) { n.Accounts = []bank.Ref{a.Ref(), b.Ref()} }), "[Y807 accountIds.1]"},
		{"an unknown source", change(func(n *store.NewReport) {
			n.DataSources = []bank.Ref{{Kind: bank.KindSource, ConsumerID: a.ConsumerID, ID: 9}}
		}), "[Y807 dataSourceIds.0]"},
		{"the future", change(func(n *store.NewReport) { n.To = ptr(day("2027-01-01")) }), "[Y800 to]"},
		{"all at once", change(func(n *store.NewReport) {
			n.Days, n.Accounts, n.Request.Type = ptr(0), []bank.Ref{b.Ref()}, "OTHER"
		}), "[Y802 days Y800 days Y807 accountIds.0 Y800 type]"},
	} {
		_, _, err := w.c.CreateReport(t.Context(), one.n, nil)
		var got []string
		for _, f := range fault.Of(err) {
			got = append(got, string(f.Code)+" "+f.Field)
		}
		if said := "[" + strings.Join(got, " ") + "]"; said != one.want {
			t.Errorf("%s: %s %v, want %s", one.name, said, err, one.want)
		}
	}
	if left := column[int](t, admin(t, w.url), "SELECT (SELECT count(*) FROM reports) + (SELECT count(*) FROM cases)")[0]; left != 0 {
		t.Errorf("%d rows are stored of what was refused", left)
	}
}

// TestReportTooLarge: a report has all that it looks at in memory, so that has a bound, when it is asked for and when it is built.
func TestReportTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	before, _, err := w.c.CreateReport(ctx, asked(a.ConsumerID, report.TypeShopping), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin(t, w.url).Exec(ctx, `INSERT INTO transactions (customer_id, consumer_id, account_id, external_id, base_type, amount, currency, booking_date, status,
			description, category_id, category_source, created_at, changed_at)
		SELECT customer_id, consumer_id, id, n, 'DEBIT', 10, 'EUR', '2026-01-20', 'POSTED', 'Test', 1, 'KEYWORD', now(), now() FROM accounts, generate_series(0, $1::int) n`, report.MaxRows); err != nil {
		t.Fatal(err)
	}
	n := asked(a.ConsumerID, report.TypeShopping)
	n.From, n.To = ptr(day("2026-01-01")), ptr(day("2026-01-31"))
	_, _, err = w.c.CreateReport(ctx, n, nil)
	if f := fault.Of(err); len(f) != 1 || f[0].Code != fault.TooMany || f[0].Field != "from" || !strings.Contains(f[0].Message, "shorter period") {
		t.Errorf("%v", err)
	}
	if left := column[int](t, admin(t, w.url), "SELECT (SELECT count(*) FROM reports) + (SELECT count(*) FROM cases)")[0]; left != 2 {
		t.Errorf("%d rows are stored", left)
	}
	n.From, n.To = ptr(day("2025-06-01")), ptr(day("2025-06-30"))
	if _, _, err := w.c.CreateReport(ctx, n, nil); err != nil {
		t.Errorf("a shorter period: %v", err)
	}
	b, _, err := w.ClaimReport(ctx, before.ID)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := report.ByType(b.Type)
	if _, err := w.LoadReport(ctx, b, d); err == nil || !strings.Contains(err.Error(), "too many transactions") {
		t.Errorf("when it is built: %v", err)
	}
}

// TestReportWork: one worker at a time; what is lost comes again; what fails again and again has FAILED, until it is asked
// for again.
func TestReportWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	n := asked(a.ConsumerID, report.TypeIncome)
	n.Request.CallbackURL = ptr("https://shop.example/hook")
	r, _, err := w.c.CreateReport(ctx, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	won := make(chan bool, 8)
	noErrors(t, together(8, func(int) error {
		_, ok, err := w.ClaimReport(ctx, r.ID)
		won <- ok
		return err
	}))
	close(won)
	winners := 0
	for ok := range won {
		if ok {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d workers have it", winners)
	}
	if ids := must[[]int64](t)(w.WaitingReports(ctx, 9)); len(ids) != 0 {
		t.Errorf("%v", ids)
	}
	for range 2 { // its worker dies
		w.clock.add(2 * time.Minute)
		if ids := must[[]int64](t)(w.WaitingReports(ctx, 9)); len(ids) != 1 {
			t.Fatalf("%v", ids)
		}
		b, ok, err := w.ClaimReport(ctx, r.ID)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		if b.Attempts == 2 {
			old := b
			w.clock.add(2 * time.Minute)
			if b, ok, err = w.ClaimReport(ctx, r.ID); !ok || err != nil {
				t.Fatal(ok, err)
			}
			if err := w.FinishReport(ctx, old, []byte("{}")); err != store.ErrLost {
				t.Errorf("a worker that was taken for dead: %v", err)
			}
			break
		}
	}
	w.clock.add(2 * time.Minute)
	if ids := must[[]int64](t)(w.WaitingReports(ctx, 9)); len(ids) != 0 {
		t.Errorf("%v", ids)
	}
	r = must[report.Report](t)(w.c.Report(ctx, r.Ref()))
	if r.Status != report.Failed || len(w.callbacks(t)) != 1 || !strings.Contains(w.callbacks(t)[0], `"FAILED"`) {
		t.Errorf("%+v %q", r, w.callbacks(t))
	}
	c := report.Case{ConsumerID: r.ConsumerID, ID: r.CaseID}
	again, _, err := w.c.CreateReport(ctx, store.NewReport{Case: ptr(c.Ref()), Request: report.Request{Type: "INCOME"}}, nil)
	if err != nil || again.ID != r.ID || again.Status != report.Queued || again.FinishedAt != nil {
		t.Fatalf("%+v %v", again, err)
	}
	b, _, err := w.ClaimReport(ctx, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.GiveBackReport(ctx, b, true); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := w.ClaimReport(ctx, r.ID); ok {
		t.Error("it is tried again at once")
	}
	w.clock.add(2 * time.Second)
	if done := w.build(t, r); done.Status != report.Succeeded {
		t.Errorf("%+v", done)
	}
}

// TestReportsAreErased: a report holds what transactions said, so it goes with them.
func TestReportsAreErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, _ := w.flow(t, connect.NewFlow{RetentionMinutes: ptr(60), ConsumerExternalID: ptr("anna")}, nil, told("1", "", groceries("1", "-10", "2026-02-05")))
	kept := account(t, w.c, "anna", "kept", bank.ContainerBank)
	put(t, w.c, kept, groceries("2", "-20", "2026-02-06"))
	of := func(a ...bank.Ref) report.Report {
		n := asked(*f.ConsumerID, report.TypeShopping)
		n.Accounts = a
		r, _, err := w.c.CreateReport(t.Context(), n, nil)
		if err != nil {
			t.Fatal(err)
		}
		return w.build(t, r)
	}
	both, own := of(), of(kept.Ref())
	w.clock.add(61 * time.Minute)
	w.sweep(t)
	_, err := w.c.Report(t.Context(), both.Ref())
	wantFault(t, err, fault.NotFound, "reportId")
	must[report.Report](t)(w.c.Report(t.Context(), own.Ref()))
}

// TestBalancesAreErased: a report of balances rests on the days between its period and that of the balance that was told, too.
func TestBalancesAreErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	own := must[bank.Account](t)(w.c.CreateAccount(ctx, store.NewAccount{ConsumerExternalID: ptr("ben"), Account: bank.Account{Name: "Account 1", Container: bank.ContainerBank, Currency: "EUR", IBAN: ptr(ibanA),
		Balance: ptr(amount("500")), BalanceAsOf: ptr(time.Date(2024, 6, 10, 0, 0, 0, 0, time.UTC))}}, nil))
	put(t, w.c, own, row("stays", "-50", "2024-06-05"))
	w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("ben"), StoreConsent: connect.ConsentNo, RetentionMinutes: ptr(60)}, nil, told("1", ibanA, row("goes", "-70", "2024-07-10")))
	made := map[string]report.Report{}
	for _, month := range []string{"2024-05", "2024-06", "2026-02"} {
		for _, kind := range []report.Type{report.TypeBalances, report.TypeInsurance} {
			from := day(month + "-01")
			r, _, err := w.c.CreateReport(ctx, store.NewReport{NewCase: store.NewCase{Consumer: ptr(person(own.ConsumerID)), From: &from, To: ptr(from + 27)}, Request: report.Request{Type: string(kind)}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			made[fmt.Sprint(kind, " ", month)] = w.build(t, r)
		}
	}
	w.clock.add(61 * time.Minute)
	w.sweep(t)
	gone := map[string]bool{"BALANCES 2024-05": true, "BALANCES 2024-06": true, "BALANCES 2026-02": true}
	for what, r := range made {
		if _, err := w.c.Report(ctx, r.Ref()); (err != nil) != gone[what] {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestCorrectionsAreErased: what was learned names counterparties, so it goes with the last account.
func TestCorrectionsAreErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := account(t, w.c, "anna", "one", bank.ContainerBank), account(t, w.c, "anna", "two", bank.ContainerBank)
	put(t, w.c, a, groceries("1", "-10", "2026-02-05"))
	if _, _, err := w.c.Categorize(t.Context(), byName(t, w.c, "1").Ref(), 301, false); err != nil {
		t.Fatal(err)
	}
	learned := func() int { return column[int](t, admin(t, w.url), "SELECT count(*)::int FROM corrections")[0] }
	if _, err := w.c.DeleteAccount(t.Context(), a.Ref()); err != nil || learned() != 1 {
		t.Errorf("%d corrections, %v", learned(), err)
	}
	if _, err := w.c.DeleteAccount(t.Context(), b.Ref()); err != nil || learned() != 0 {
		t.Errorf("%d corrections without an account, %v", learned(), err)
	}
}
