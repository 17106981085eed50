package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
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

// TestScreen: what a screen shows comes in one round trip, the same as when it is asked for one by one.
func TestScreen(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	a, b := populate(t, s, "a"), populate(t, s, "b")
	ctx, anna, ben := t.Context(), a.consumers[0], a.consumers[1]
	for i := range 6 {
		put(t, a.Tenant, a.accounts[0], row("more"+numbered(i), fmt.Sprint(i-3), fmt.Sprintf("2026-01-%02d", i/2+1)))
	}
	foreign := b.consumers[0].ID
	for name, c := range map[string]store.Tenant{"customer": a.Tenant, "consumer": s.Consumer(a.id, anna.ID)} {
		for _, outer := range []page.Args{{Size: 2}, {Size: 1}, {Size: 1, Backward: true}, {Size: 0}, {Size: 5, Cursor: &page.Cursor{ID: a.accounts[1].ID}}, {Size: 5, Backward: true, Cursor: &page.Cursor{ID: a.accounts[0].ID}}} {
			for _, inner := range []page.Args{{Size: 3}, {Size: 2, Backward: true}, {Size: 100}, {Size: 2, Cursor: &page.Cursor{Key: "2026-01-03", ID: a.rows[0].ID}}, {Size: 2, Backward: true, Cursor: &page.Cursor{Key: "2026-01-02", ID: 1 << 40}}} {
				for _, f := range []bank.TransactionFilter{{}, {BaseType: ptr(bank.Debit)}, {To: ptr(day("2026-01-02")), MinAmount: ptr(amount("1"))}} {
					before := s.Statements()
					r := c.Reads()
					ids := []int64{anna.ID, foreign, ben.ID, anna.ID}
					parents := store.ConsumerParents(ids)
					people := r.Consumers(ids)
					accounts := r.AccountsOf(parents, bank.AccountFilter{Statuses: []bank.AccountStatus{bank.AccountActive}}, outer)
					again := r.AccountsOf(parents, bank.AccountFilter{Containers: []bank.Container{bank.ContainerCard}}, outer) // an alias with other arguments
					rows := r.TransactionsOf(accounts.Parents(), f, inner)
					none := r.TransactionsOf(again.Parents(), f, inner)
					feed := r.FeedOf(parents, insight.FeedFilter{}, inner0(inner))
					totals := r.CategoryTotalsOf(parents, day("2026-01-01"))
					if err := r.Send(ctx); err != nil {
						t.Fatal(err)
					}
					if n := s.Statements() - before; n != 8 {
						t.Fatalf("%d statements", n)
					}
					seen := map[int64]bool{anna.ID: true, ben.ID: name == "customer"}
					for _, id := range []int64{anna.ID, ben.ID, foreign} {
						ref := bank.Ref{Kind: bank.KindConsumer, ConsumerID: id, ID: id}
						if _, ok := people.Get(id); ok != seen[id] {
							t.Errorf("%s: consumer %d: %v", name, id, ok)
						}
						alone := must[[]*page.Of[bank.Account]](t)(c.Accounts(ctx, []int64{id}, bank.AccountFilter{}, outer))[0]
						same(t, name+": accounts", accounts.Of(ref), alone)
						if len(again.Of(ref).Nodes) != 0 || !seen[id] && len(alone.Nodes) != 0 {
							t.Errorf("%s: accounts of %d: %v", name, id, alone.Nodes)
						}
						for _, x := range alone.Nodes {
							same(t, name+": transactions", rows.Of(x.Ref()), must[[]*page.Of[bank.Transaction]](t)(c.TransactionsOfAccounts(ctx, []bank.Ref{x.Ref()}, f, inner))[0])
							same(t, name+": no transactions", none.Of(x.Ref()), &page.Of[bank.Transaction]{Info: page.Info{HasNextPage: inner.Backward && inner.Cursor != nil, HasPreviousPage: !inner.Backward && inner.Cursor != nil}, Total: zero})
						}
						same(t, name+": feed", feed.Of(ref), must[[]*page.Of[insight.Entry]](t)(c.FeedOfConsumers(ctx, []int64{id}, insight.FeedFilter{}, inner0(inner)))[0])
						if got := totals.Map()[id]; (len(got) > 0) != seen[id] {
							t.Errorf("%s: totals of %d: %v", name, id, got)
						}
					}
				}
			}
		}
	}
	// Accounts that nobody asked for, or of another: no transactions, and a count of none.
	r := a.Reads()
	rows := r.TransactionsOf(store.AccountParents([]bank.Ref{b.accounts[0].Ref(), {Kind: bank.KindAccount, ConsumerID: ben.ID, ID: a.accounts[0].ID}}), bank.TransactionFilter{}, page.Args{Size: 5})
	if err := r.Send(ctx); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []bank.Ref{b.accounts[0].Ref(), a.accounts[0].Ref(), {}} {
		if p := rows.Of(ref); len(p.Nodes) != 0 || must[int](t)(p.TotalCount(ctx)) != 0 {
			t.Errorf("transactions of %v: %v", ref, p.Nodes)
		}
	}
}

func zero(context.Context) (int, error) { return 0, nil }

// inner0 is a page of a feed, which has other cursors.
func inner0(a page.Args) page.Args { return page.Args{Size: a.Size, Backward: a.Backward} }

func same[T interface{ Ref() bank.Ref }](t *testing.T, what string, got, want *page.Of[T]) {
	t.Helper()
	refs := func(p *page.Of[T]) (list []bank.Ref) {
		for _, x := range p.Nodes {
			list = append(list, x.Ref())
		}
		return list
	}
	n, m := must[int](t)(got.TotalCount(t.Context())), must[int](t)(want.TotalCount(t.Context()))
	if !slices.Equal(refs(got), refs(want)) || got.Info.HasNextPage != want.Info.HasNextPage || got.Info.HasPreviousPage != want.Info.HasPreviousPage || n != m {
		t.Errorf("%s: %v %+v of %d, want %v %+v of %d", what, refs(got), got.Info, n, refs(want), want.Info, m)
	}
}

// TestNestedParents: lists of lists of a list, by the consumers' own list and by a name, and how a whole count is made.
func TestNestedParents(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	a := populate(t, s, "a")
	populate(t, s, "b")
	ctx := t.Context()
	r := a.Reads()
	people := r.ConsumerList(page.Args{Size: 1, Backward: true})
	accounts := r.AccountsOf(people.Parents(), bank.AccountFilter{}, page.Args{Size: 1})
	rows := r.TransactionsOf(accounts.Parents(), bank.TransactionFilter{}, page.Args{Size: 2})
	mine := r.TransactionsOf(people.Parents(), bank.TransactionFilter{}, page.Args{Size: 2})
	feed := r.FeedOf(r.NamedParent("ben"), insight.FeedFilter{}, page.Args{Size: 5})
	ben := r.ConsumerByExternalID("ben")
	nobody := r.FeedOf(r.NamedParent("\x00"), insight.FeedFilter{}, page.Args{Size: 5})
	totals := r.CategoryTotalsOf(people.Parents(), day("2026-01-31"))
	if err := r.Send(ctx); err != nil {
		t.Fatal(err)
	}
	first := a.consumers[0]
	if p := people.Of(bank.Ref{}); len(p.Nodes) != 1 || p.Nodes[0].ID != first.ID || !p.Info.HasPreviousPage || must[int](t)(p.TotalCount(ctx)) != 2 {
		t.Errorf("consumers %+v", p)
	}
	of := accounts.Of(first.Ref())
	if len(of.Nodes) != 1 || // the newest, which linking a bank has made
		of.Nodes[0].ID <= a.accounts[1].ID || !of.Info.HasNextPage {
		t.Errorf("accounts %+v", of)
	}
	before := s.Statements()
	if n := must[int](t)(rows.Of(of.Nodes[0].Ref()).TotalCount(ctx)) + must[int](t)(rows.Of(a.accounts[2].Ref()).TotalCount(ctx)); n != 1 || s.Statements()-before != 2 {
		t.Errorf("%d transactions in %d statements", n, s.Statements()-before)
	}
	if p := mine.Of(first.Ref()); len(p.Nodes) != 2 || p.Nodes[0].ConsumerID != first.ID {
		t.Errorf("transactions of the consumer: %+v", p.Nodes)
	}
	if c, ok := ben.Get("ben"); !ok || len(feed.Of(c.Ref()).Nodes) != 1 || feed.Of(c.Ref()).Nodes[0].ConsumerID != a.consumers[1].ID {
		t.Errorf("ben %+v, %v", c, ok)
	}
	if p := nobody.Of(first.Ref()); len(p.Nodes) != 0 {
		t.Errorf("nobody has %+v", p.Nodes)
	}
	if len(totals.Map()) != 1 || len(totals.Map()[first.ID]) == 0 {
		t.Errorf("totals %+v", totals.Map())
	}
	// What is wrong with one question is said of all of them, and nothing is asked.
	before = s.Statements()
	r = a.Reads()
	r.TransactionsOf(people.Parents(), bank.TransactionFilter{}, page.Args{Size: 2, Cursor: &page.Cursor{Key: "yesterday"}})
	wantFault(t, r.Send(ctx), fault.InvalidValue, "after")
	if err := a.Reads().Send(ctx); err != nil || s.Statements() != before {
		t.Errorf("nothing to ask: %v, %d statements", err, s.Statements()-before)
	}
}

// TestCategoryTotals: what counts, by category and currency, the most spent first.
func TestCategoryTotals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	give := func(category int, rows ...bank.Transaction) []bank.Transaction {
		for i := range rows {
			rows[i].CategoryID = category
		}
		return rows
	}
	a, b, closed := account(t, w.c, "anna", "a", bank.ContainerBank), account(t, w.c, "anna", "b", bank.ContainerCard), account(t, w.c, "anna", "c", bank.ContainerBank)
	yen := must[bank.Account](t)(w.c.CreateAccount(ctx, store.NewAccount{ConsumerExternalID: ptr("anna"), Account: bank.Account{Name: "yen", Container: bank.ContainerBank, Currency: "JPY"}}, nil))
	put(t, w.c, a, give(201, row("1", "-10.10", "2026-01-01"), row("2", "-5", "2026-01-31"), row("3", "1", "2026-01-31"), row("4", "-99", "2026-02-01"))...)
	put(t, w.c, a, give(203, row("5", "-15.10", "2026-01-05"))...)
	put(t, w.c, b, give(201, row("6", "-0.50", "2026-01-01"))...)
	put(t, w.c, closed, give(201, row("7", "-1000", "2026-01-01"))...)
	must[bank.Account](t)(w.c.UpdateAccount(ctx, closed.Ref(), func(a *bank.Account) error { a.Status = bank.AccountClosed; return nil }))
	x := give(201, row("8", "-15", "2026-01-01"))
	x[0].Currency, x[0].Amount = "JPY", amount("-15")
	put(t, w.c, yen, x...)
	pending := give(201, row("9", "-1", "2026-01-01"))
	pending[0].Status = bank.Pending
	put(t, w.c, a, pending...)
	r := w.c.Reads()
	found := r.CategoryTotalsOf(store.ConsumerParents([]int64{a.ConsumerID, 1 << 40}), day("2026-01-15"))
	if err := r.Send(ctx); err != nil {
		t.Fatal(err)
	}
	const want = "[{201 EUR 1.00 15.60 4} {203 EUR 0 15.10 1} {201 JPY 0 15 1}]"
	if got := fmt.Sprint(found.Map()[a.ConsumerID]); got != want || len(found.Map()) != 1 {
		t.Errorf("%s, want %s", got, want)
	}

	for _, of := range []bank.Account{a, b} { // more than nineteen digits together
		var large []bank.Transaction
		for i := range 60 {
			large = append(large, give(201, row(fmt.Sprint("large", i), "999999999999999.99", "2026-03-01"))...)
		}
		put(t, w.c, of, append(large, give(201, row("small", "0.01", "2026-03-01"))...)...)
	}
	r = w.c.Reads()
	found = r.CategoryTotalsOf(store.ConsumerParents([]int64{a.ConsumerID}), day("2026-03-01"))
	if err := r.Send(ctx); err == nil {
		t.Errorf("%v: rounded", found.Map())
	}
}

// TestReadsIsolation: what may be seen is set for one Send and gone after it, also after an error, and holds by itself in
// statements that say nothing of tenants.
func TestReadsIsolation(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	a, b := populate(t, s, "a"), populate(t, s, "b")
	ctx := t.Context()
	tables := []string{"customers", "consumers", "accounts", "transactions", "account_months", "category_months", "feed_entries", "reports", "consents"}
	for name, one := range map[string]struct {
		c    store.Tenant
		want []int64
	}{
		"a":               {s.Customer(a.id), []int64{a.id}},
		"b":               {s.Customer(b.id), []int64{b.id}},
		"a's anna":        {s.Consumer(a.id, a.consumers[0].ID), []int64{a.id}},
		"a and b's anna":  {s.Consumer(a.id, b.consumers[0].ID), nil},
		"a and b's, once": {s.Consumer(b.id, a.consumers[0].ID), nil},
		"nobody":          {s.Customer(0), nil},
	} {
		r := one.c.Reads()
		var found []*[]int64
		for _, table := range tables {
			key := "customer_id"
			if table == "customers" {
				key = "id"
			}
			found = append(found, r.Numbers("SELECT DISTINCT "+key+" FROM "+table))
		}
		consumers := r.Numbers("SELECT DISTINCT consumer_id FROM transactions")
		if err := r.Send(ctx); err != nil {
			t.Fatal(err)
		}
		for i, got := range found {
			want := one.want
			if tables[i] == "customers" && len(want) == 0 { // a consumer's token is its customer's too
				continue
			}
			if !slices.Equal(*got, want) {
				t.Errorf("%s: %s has rows of %v, want %v", name, tables[i], *got, want)
			}
		}
		if want := map[string]int{"a": 2, "b": 2, "a's anna": 1}[name]; len(*consumers) != want {
			t.Errorf("%s: transactions of %v", name, *consumers)
		}
		for _, broken := range []string{"SELECT 1/0 FROM transactions", "SELECT nothing FROM transactions", "SELECT 1 FROM tokens", "UPDATE consumers SET id = id RETURNING (1/(id - id))"} {
			for _, r := range []*store.Reads{one.c.Reads(), store.PatientReads(one.c)} {
				r.Numbers("SELECT count(*) FROM transactions")
				r.Numbers(broken)
				r.Numbers("SELECT count(*) FROM transactions")
				if err := r.Send(ctx); err == nil && len(one.want) > 0 {
					t.Errorf("%s: %s is done", name, broken)
				}
			}
		}
		for _, setting := range must[[]string](t)(s.ReadSettings(ctx)) {
			if setting != "/" {
				t.Errorf("%s: a connection still sees %s", name, setting)
			}
		}
	}
	// Without a tenant nothing is seen, and each sees its own when all ask at once.
	noErrors(t, together(40, func(i int) error {
		mine := []tenant{a, b}[i%2]
		r := mine.Reads()
		got := r.Numbers("SELECT DISTINCT customer_id FROM transactions")
		if err := r.Send(ctx); err != nil || !slices.Equal(*got, []int64{mine.id}) {
			return fmt.Errorf("customer %d sees %v: %v", mine.id, *got, err)
		}
		return nil
	}))
}

// TestPatientReads: they may take longer, and see no more than others.
func TestPatientReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	account(t, w.c, "ben", "current", bank.ContainerBank)
	const oneMoment = "SELECT (current_setting('transaction_isolation') = 'repeatable read' AND current_setting('transaction_read_only') = 'on' AND current_setting('statement_timeout') = "
	for range 2 {
		r := store.PatientReads(w.Consumer(a.CustomerID, a.ConsumerID))
		mode := r.Numbers(oneMoment + "'1min')::int")
		consumers := r.Numbers("SELECT id FROM consumers")
		if err := r.Send(ctx); err != nil || !slices.Equal(*mode, []int64{1}) || !slices.Equal(*consumers, []int64{a.ConsumerID}) {
			t.Errorf("mode %v, consumers %v, %v", *mode, *consumers, err)
		}
	}
	plain := w.c.Reads()
	mode := plain.Numbers(oneMoment + "'0')::int")
	if err := plain.Send(ctx); err != nil || !slices.Equal(*mode, []int64{1}) {
		t.Errorf("the next ones: %v, %v", *mode, err)
	}
}

// TestOneMoment: rows that come while statements run are no parents that the lists of others lack.
func TestOneMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	put(t, w.c, a, row("1", "1", "2026-01-01"))
	r := w.c.Reads()
	accounts := r.AccountsOf(store.ConsumerParents([]int64{a.ConsumerID}), bank.AccountFilter{}, page.Args{Size: 1})
	const held = 7
	r.Numbers(fmt.Sprintf("SELECT 1 FROM (SELECT pg_advisory_xact_lock_shared(%d)) AS waits", held))
	rows := r.TransactionsOf(accounts.Parents(), bank.TransactionFilter{}, page.Args{Size: 1})
	db := admin(t, w.url)
	if _, err := db.Exec(t.Context(), "SELECT pg_advisory_lock($1)", held); err != nil {
		t.Fatal(err)
	}
	noErrors(t, together(2, func(i int) error {
		if i == 0 {
			return r.Send(t.Context())
		}
		for waits := false; !waits; time.Sleep(time.Millisecond) {
			if err := db.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted)", held).Scan(&waits); err != nil {
				return err
			}
		}
		account(t, w.c, "anna", "newer", bank.ContainerBank)
		_, err := db.Exec(t.Context(), "SELECT pg_advisory_unlock($1)", held)
		return err
	}))
	if first := accounts.Of(bank.Ref{Kind: bank.KindConsumer, ConsumerID: a.ConsumerID, ID: a.ConsumerID}).Nodes; len(first) != 1 || len(rows.Of(first[0].Ref()).Nodes) != 1 {
		t.Errorf("of accounts %+v the first has no transactions", first)
	}
}

// TestReadsLost: the server ends all sessions, and takes the prepared statements with them; what is asked next is answered.
func TestReadsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	put(t, w.c, a, row("1", "1", "2026-01-01"))
	db := admin(t, w.url)
	for range 5 {
		noErrors(t, together(4, func(int) error {
			r := w.c.Reads()
			rows := r.TransactionsOf(r.AccountsOf(store.ConsumerParents([]int64{a.ConsumerID}), bank.AccountFilter{}, page.Args{Size: 1}).Parents(), bank.TransactionFilter{}, page.Args{Size: 1})
			if err := r.Send(t.Context()); err != nil || len(rows.Of(a.Ref()).Nodes) != 1 {
				return fmt.Errorf("%d rows: %v", len(rows.Of(a.Ref()).Nodes), err)
			}
			return nil
		}))
		if _, err := db.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.c.Transactions(ctx, bank.TransactionFilter{}, page.Args{Size: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that went away: %v", err)
	}
}

// crowd is a customer with many consumers, each with three accounts of fifty rows and twelve feed entries, as one
// statement each makes them. The first consumer's id comes with it.
func crowd(t testing.TB, consumers int) (c store.Tenant, first int64) {
	t.Helper()
	url := storetest.URL(t)
	s := storetest.Open(t, url, store.Options{})
	made, err := s.CreateCustomer(context.Background(), bank.Customer{Name: "crowd", ClientID: "crowd", TimeZone: "Europe/Berlin", Currency: "EUR"}, []byte("hash"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	for _, text := range []string{
		fmt.Sprintf(`INSERT INTO consumers (customer_id, external_id, time_zone, currency, created_at, changed_at)
			SELECT %d, n, 'Europe/Berlin', 'EUR', now(), now() FROM generate_series(1, %d) n`, made.ID, consumers),
		`INSERT INTO accounts (customer_id, consumer_id, external_id, container, type, name, provider_name, status, currency, created_at)
			SELECT customer_id, c.id, k, 'BANK', 'CHECKING', 'Account', 'Bank', 'ACTIVE', 'EUR', now() FROM consumers c, generate_series(1, 3) k`,
		`INSERT INTO transactions (customer_id, consumer_id, account_id, external_id, base_type, amount, currency, booking_date, status, description, counterparty_name, category_id, category_source, merchant_name, created_at, changed_at)
			SELECT customer_id, consumer_id, a.id, n, 'DEBIT', n + 0.99, 'EUR', date '2026-02-28' - n, 'POSTED', 'Card payment ' || n || ' at a shop', 'Shop ' || n % 17, (ARRAY[200, 201, 203, 300])[1 + n % 4], 'KEYWORD',
				CASE WHEN n % 2 = 0 THEN 'Shop' END, now(), now() FROM accounts a, generate_series(1, 50) n ORDER BY n`,
		`INSERT INTO feed_entries (customer_id, consumer_id, insight, title, type, "trigger", subject, occurrence_from, occurrence_to, revision, window_from, window_to, settings, accounts, transaction_derived, created_at)
			SELECT customer_id, c.id, 'COMPARISON', 'Comparison', 'AGGREGATE', 'SCHEDULE', 'user', date '2025-01-01' + n, date '2025-01-01' + n, 0, '2024-10-01', '2024-12-31',
				'{"entityType": "USER", "isSubscribed": true, "frequency": "MONTHLY", "duration": "THREE_MONTHS"}', '[{"name": "Account", "status": "ACTIVE", "providerName": "Bank"}]',
				jsonb_build_object('count', n, 'spentPercent', '88.10', 'creditTotal', '{"amount": "1234.50", "currency": "EUR"}'::jsonb, 'debitTotal', '{"amount": "999.00", "currency": "EUR"}'::jsonb),
				now() - n * interval '1 month' FROM consumers c, generate_series(1, 12) n`,
		`ANALYZE`,
	} {
		if _, err := db.Exec(context.Background(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if err := db.QueryRow(context.Background(), "SELECT min(id) FROM consumers").Scan(&first); err != nil {
		t.Fatal(err)
	}
	return s.Customer(made.ID), first
}

// BenchmarkScreen is what a screen asks for, in one round trip.
func BenchmarkScreen(b *testing.B) {
	const people = 200
	c, first := crowd(b, people)
	b.ReportAllocs()
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	n := int64(0)
	for b.Loop() {
		n++
		of := store.ConsumerParents([]int64{first + n%people})
		r := c.Reads()
		r.Consumers([]int64{first + n%people})
		accounts := r.AccountsOf(of, bank.AccountFilter{}, page.Args{Size: 10})
		rows := r.TransactionsOf(accounts.Parents(), bank.TransactionFilter{}, page.Args{Size: 20})
		feed := r.FeedOf(of, insight.FeedFilter{}, page.Args{Size: 10})
		totals := r.CategoryTotalsOf(of, day("2026-02-01"))
		if err := r.Send(b.Context()); err != nil {
			b.Fatal(err)
		}
		id := bank.Ref{Kind: bank.KindConsumer, ConsumerID: first + n%people, ID: first + n%people}
		last := accounts.Of(id).Nodes[2]
		if len(rows.Of(last.Ref()).Nodes) != 20 || len(feed.Of(id).Nodes) != 10 || len(totals.Map()[id.ID]) != 4 {
			b.Fatal("something is missing")
		}
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	b.ReportMetric(float64(after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano())/float64(n)/1000, "cpu-us/screen")
}

// TestPlans: under the plans that serve any value, what is read often is found by an index in its order, however deep.
func TestPlans(t *testing.T) {
	t.Parallel()
	c, _ := crowd(t, 200)
	first, deep := page.Args{Size: 20}, page.Args{Size: 20, Cursor: &page.Cursor{Key: "2026-01-01", ID: 5}}
	back := page.Args{Size: 20, Backward: true, Cursor: deep.Cursor}
	moment := page.Args{Size: 20, Cursor: &page.Cursor{Key: "2026-01-01T00:00:00Z", ID: 5}}
	one, many := store.ConsumerParents([]int64{1}), store.ConsumerParents([]int64{1, 2})
	r := c.Reads()
	var names, indexes []string
	plan := func(name string, index ...string) {
		names, indexes = append(names, name), append(indexes, strings.Join(index, " "))
	}
	for _, parents := range []store.Parents{one, many} {
		accounts := r.AccountsOf(parents, bank.AccountFilter{}, first)
		plan("accounts", "accounts_pkey")
		for _, a := range []page.Args{first, deep, back} {
			r.TransactionsOf(accounts.Parents(), bank.TransactionFilter{}, a)
			plan("transactions of accounts", "accounts_pkey", "transactions_by_account")
		}
		for _, a := range []page.Args{first, moment} {
			r.FeedOf(parents, insight.FeedFilter{}, a)
			plan("feed of consumers", "feed_entries_of_consumer")
		}
		r.CategoryTotalsOf(parents, day("2026-01-01"))
		plan("totals by category", "accounts_pkey", "category_months_pkey")
	}
	for _, a := range []page.Args{first, deep, back} {
		r.Transactions(bank.TransactionFilter{}, a)
		plan("transactions", "transactions_by_customer")
	}
	r.Feed(insight.FeedFilter{}, moment)
	plan("feed", "feed_entries_newest")
	r.ConsumerList(page.Args{Size: 20, Cursor: &page.Cursor{ID: 5}})
	plan("consumers", "consumers_pkey")
	for _, refs := range [][]bank.Ref{{{Kind: bank.KindTransaction, ConsumerID: 1, ID: 1}}, {{Kind: bank.KindTransaction, ConsumerID: 1, ID: 1}, {Kind: bank.KindTransaction, ConsumerID: 1, ID: 2}}} {
		r.TransactionsByRef(refs)
		plan("transactions by ref", "transactions_pkey")
	}
	plans := must[[]string](t)(r.Plans(t.Context()))
	if len(plans) != len(names) {
		t.Fatalf("%d plans of %d", len(plans), len(names))
	}
	for i, text := range plans {
		for _, index := range strings.Fields(indexes[i]) {
			if !strings.Contains(text, index+" ") {
				t.Errorf("%s without %s:\n%s", names[i], index, text)
			}
		}
		if strings.Contains(text, "Seq Scan") || strings.Contains(text, "Sort") && names[i] != "totals by category" {
			t.Errorf("%s:\n%s", names[i], text)
		}
	}
}
