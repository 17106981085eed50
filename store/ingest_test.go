package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/store"
)

func TestBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	rich := row("rich", "-12.34", "2026-01-05")
	rich.ValueDate, rich.CounterpartyName, rich.CounterpartyIBAN, rich.MCC = ptr(day("2026-01-06")), ptr("Shop"), ptr("DE89 3704 0044 0532 0130 00"), ptr("5411")
	pending := row("p", "-5", "2026-01-07")
	pending.Status = bank.Pending
	for _, one := range []struct {
		name string
		rows []bank.Transaction
		want store.Stored
	}{
		{"new", []bank.Transaction{row("1", "1", "2026-01-01"), row("2", "-2", "2026-01-02"), rich}, store.Stored{Created: 3}},
		{"again, in another order", []bank.Transaction{rich, row("2", "-2", "2026-01-02"), row("1", "1.00", "2026-01-01")}, store.Stored{Unchanged: 3}},
		{"one corrected, one new", []bank.Transaction{row("2", "-3", "2026-01-02"), row("3", "7", "2026-01-03"), row("1", "1", "2026-01-01")}, store.Stored{Created: 1, Updated: 1, Unchanged: 1}},
		{"equal rows twice", []bank.Transaction{row("4", "4", "2026-01-04"), row("4", "4.00", "2026-01-04")}, store.Stored{Created: 1, Unchanged: 1}},
		{"two equal coffees", []bank.Transaction{row("", "-2.80", "2026-01-04"), row("", "-2.80", "2026-01-04")}, store.Stored{Created: 2}},
		{"pending", []bank.Transaction{pending}, store.Stored{Created: 1}},
		{"posted", []bank.Transaction{row("p", "-5", "2026-01-08")}, store.Stored{Updated: 1}},
		{"nothing", []bank.Transaction{row("0", "0", "2026-01-08")}, store.Stored{Created: 1}},
	} {
		if got := put(t, w.c, a, one.rows...); got != one.want {
			t.Errorf("%s: %+v, want %+v", one.name, got, one.want)
		}
		exact(t, w.Store)
	}
	got := byName(t, w.c, "rich")
	if got.BaseType != bank.Debit || got.Amount.String() != "12.34" || *got.ValueDate != day("2026-01-06") || *got.CounterpartyIBAN != "DE89370400440532013000" || got.CategoryID != 201 || got.CategorySource != bank.SourceMCC {
		t.Errorf("read %+v", got)
	}
	if n := len(all(t, w.c, bank.TransactionFilter{})); n != 9 {
		t.Errorf("%d rows", n)
	}
	if got := byName(t, w.c, "p"); got.Status != bank.Posted || got.BookingDate != day("2026-01-08") {
		t.Errorf("posted: %+v", got)
	}
	many := make([]bank.Transaction, store.MaxRows)
	for i := range many {
		many[i] = row("m"+numbered(i), fmt.Sprintf("-%d.%02d", i, i%100), "2025-12-01")
	}
	start := time.Now()
	if got := put(t, w.c, a, many...); got.Created != 1000 {
		t.Errorf("many: %+v", got)
	}
	t.Log("1,000 rows:", time.Since(start))
	if got := put(t, w.c, a, many...); got.Unchanged != 1000 {
		t.Errorf("many again: %+v", got)
	}
	_, _, err := w.c.CreateTransactions(t.Context(), a.Ref(), append(many, row("", "1", "2026-01-01")), nil)
	wantFault(t, err, fault.TooMany, "transactions")
	_, _, err = w.c.CreateTransactions(t.Context(), a.Ref(), nil, nil)
	wantFault(t, err, fault.Required, "transactions")
	exact(t, w.Store)
}

func TestFaultsOfRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	with := func(f func(*bank.Transaction)) bank.Transaction {
		x := row("x", "1", "2026-01-01")
		f(&x)
		return x
	}
	for name, one := range map[string]struct {
		rows []bank.Transaction
		want []string
	}{
		"different rows under one id": {[]bank.Transaction{row("1", "1", "2026-01-01"), row("2", "1", "2026-01-01"), row("1", "2", "2026-01-01")}, []string{"transactions.2.externalId"}},
		"several": {[]bank.Transaction{row("1", "1.005", "2026-01-01"), row("ok", "1", "2026-01-01"), with(func(x *bank.Transaction) { x.Currency = "USD"; x.MCC = ptr("12") })},
			[]string{"transactions.0.amount.amount", "transactions.2.amount.currency", "transactions.2.mcc"}},
		"sign and side":        {[]bank.Transaction{with(func(x *bank.Transaction) { x.Amount, x.BaseType = amount("-1"), bank.Debit })}, []string{"transactions.0.amount.amount"}},
		"NUL in the id":        {[]bank.Transaction{with(func(x *bank.Transaction) { x.ExternalID = ptr("a\x00b") })}, []string{"transactions.0.externalId"}},
		"NUL in the name":      {[]bank.Transaction{with(func(x *bank.Transaction) { x.CounterpartyName = ptr("a\x00b") })}, []string{"transactions.0.counterparty.name"}},
		"broken UTF-8":         {[]bank.Transaction{with(func(x *bank.Transaction) { x.Description = "a\xffb" })}, []string{"transactions.0.description"}},
		"unknown category":     {[]bank.Transaction{with(func(x *bank.Transaction) { x.CategoryID = 999_999 })}, []string{"transactions.0.categoryId"}},
		"sixteen whole digits": {[]bank.Transaction{with(func(x *bank.Transaction) { x.Amount = amount("1000000000000000") })}, []string{"transactions.0.amount.amount"}},
	} {
		_, _, err := w.c.CreateTransactions(t.Context(), a.Ref(), one.rows, ptr("key "+name))
		var fields []string
		for _, f := range fault.Of(err) {
			fields = append(fields, f.Field)
		}
		if !slices.Equal(fields, one.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(all(t, w.c, bank.TransactionFilter{})); n != 0 {
		t.Errorf("%d rows were stored", n)
	}
	// A key whose call failed is free.
	if _, _, err := w.c.CreateTransactions(t.Context(), a.Ref(), []bank.Transaction{row("1", "1", "2026-01-01")}, ptr("key several")); err != nil {
		t.Error(err)
	}
}

func TestAmountsAndText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for currency, amounts := range map[bank.Currency][]string{
		"JPY": {"1", "999999999999999"}, "KWD": {"0.001", "999999999999999.999"}, "CLF": {"0.0001", "99999999999999.9999"}, "EUR": {"0.01", "999999999999999.99", "900719925474099.93"},
	} {
		a := must[bank.Account](t)(w.c.CreateAccount(t.Context(), store.NewAccount{ConsumerExternalID: ptr(string(currency)),
			Account: bank.Account{ExternalID: ptr("a"), Name: "a", Container: bank.ContainerBank, Currency: currency, Balance: ptr(amount(amounts[0])), CreditLimit: ptr(amount(amounts[1]))}}, nil))
		if a.Balance.String() != amounts[0] || a.CreditLimit.String() != amounts[1] {
			t.Errorf("%s: balance %s, limit %s", currency, a.Balance, a.CreditLimit)
		}
		for i, x := range amounts {
			one := row(x, x, fmt.Sprintf("2026-%02d-01", i+1))
			one.Currency = currency
			put(t, w.c, a, one)
			if got := byName(t, w.c, x); got.Amount.String() != x {
				t.Errorf("%s: %s came back as %s", currency, x, got.Amount)
			}
		}
		_, _, err := w.c.CreateTransactions(t.Context(), a.Ref(), []bank.Transaction{{Amount: amount("0.00001"), Currency: currency, BookingDate: day("2026-01-01")}}, nil)
		wantFault(t, err, fault.InvalidValue, "transactions.0.amount.amount")
	}
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	for i, text := range []string{"👩‍👩‍👧‍👦 🥐", "مرحبا \u200fشكرا", "a'b\"c\\d?e$1%_{}", "-- ; DROP TABLE customers\n\t", strings.Repeat("ß", bank.MaxDescription), "", " "} {
		x := row(numbered(i), "1", "2026-01-01")
		x.Description = text
		if len(text) < bank.MaxName {
			x.CounterpartyName = &text
		}
		put(t, w.c, a, x)
		if got := byName(t, w.c, numbered(i)); got.Description != text {
			t.Errorf("%q came back as %q", text, got.Description)
		}
		if got := put(t, w.c, a, x); got.Unchanged != 1 {
			t.Errorf("%q again: %+v", text, got)
		}
	}
	nul := row("nul", "1", "2026-01-01")
	nul.Description = "a\x00b"
	put(t, w.c, a, nul)
	if got := byName(t, w.c, "nul"); got.Description != "ab" {
		t.Errorf("NUL: %q", got.Description)
	}
	exact(t, w.Store)
	// Sums that a decimal cannot hold are refused, never rounded.
	big := must[bank.Account](t)(w.c.CreateAccount(t.Context(), store.NewAccount{ConsumerExternalID: ptr("big"), Account: bank.Account{Name: "a", Container: bank.ContainerBank, Currency: "CLF"}}, nil))
	huge := bank.Transaction{Amount: amount("999999999999999.9999"), Currency: "CLF", BookingDate: day("2026-01-01")}
	if got := amount("1999999999999998.0000"); got.Cmp(amount("1999999999999998")) != 0 {
		t.Errorf("nothing is lost with zeros: %s", got)
	}
	_, _, err := w.c.CreateTransactions(t.Context(), big.Ref(), []bank.Transaction{huge, huge}, nil)
	wantFault(t, err, fault.InvalidValue, "amount")
}

// TestKnownRowsPlan: known rows are looked up by their external ids and not among all rows of their account, whatever the
// server knows of the table and whichever of its indexes is the lowest.
func TestKnownRowsPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	db := admin(t, w.url)
	const few = 120 // of which other indexes are one page, and that of such long ids is higher
	rows, ids := make([]bank.Transaction, few), make([]string, few)
	for i := range rows {
		ids[i] = strings.Repeat("x", bank.MaxID-4) + numbered(i)
		rows[i] = row(ids[i], "-1", "2026-01-05")
	}
	for _, state := range []string{"", "rows", "REINDEX INDEX transactions_by_account", "REINDEX TABLE transactions", "ANALYZE transactions", "VACUUM ANALYZE transactions"} {
		var err error
		if state == "rows" {
			put(t, w.c, a, rows...)
		} else {
			_, err = db.Exec(t.Context(), state)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, plan := range must[[]string](t)(w.PlansOfKnown(t.Context(), a, ids)) {
			if !strings.Contains(plan, "using transactions_external_id on transactions") || strings.Contains(plan, "external_id >=") != (i < 2) || strings.Contains(plan, "Filter: ") {
				t.Errorf("after %q, plan %d:\n%s", state, i, plan)
			}
		}
	}
}

func TestPersonsCategoryStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	sent := row("1", "-9", "2026-01-05")
	sent.MCC = ptr("5411")
	put(t, w.c, a, sent, row("2", "-9", "2026-01-05"))
	if x, n, err := w.c.Categorize(t.Context(), byName(t, w.c, "1").Ref(), 401, false); err != nil || n != 1 || x.CategoryID != 401 || x.CategorySource != bank.SourceUser {
		t.Fatalf("%+v, %d, %v", x, n, err)
	}
	if got := put(t, w.c, a, sent); got.Unchanged != 1 {
		t.Errorf("again: %+v", got)
	}
	sent.Amount, sent.MCC = amount("-10"), ptr("5812")
	if got := put(t, w.c, a, sent); got.Updated != 1 {
		t.Errorf("corrected: %+v", got)
	}
	if x := byName(t, w.c, "1"); x.CategoryID != 401 || x.CategorySource != bank.SourceUser || x.Amount.String() != "10.00" {
		t.Errorf("%+v", x)
	}
	given := row("2", "-9", "2026-01-05")
	given.CategoryID = 201
	put(t, w.c, a, given)
	if x := byName(t, w.c, "2"); x.CategoryID != 201 || x.CategorySource != bank.SourceCustomerRule {
		t.Errorf("the customer's: %+v", x)
	}
	// Similar: the same side and counterparty, or the same description but for digits.
	var rows []bank.Transaction
	for i, text := range []string{"REWE 12", "Rewe 34", "ALDI 1", "REWE 56"} {
		x := row("s"+numbered(i), "-1", "2026-02-01")
		x.Description = text
		if i == 3 {
			x.Amount = amount("1")
		}
		rows = append(rows, x)
	}
	put(t, w.c, a, rows...)
	if _, n, err := w.c.Categorize(t.Context(), byName(t, w.c, "s0000").Ref(), 201, true); err != nil || n != 2 {
		t.Errorf("similar: %d, %v", n, err)
	}
	exact(t, w.Store)
}

// TestConcurrentBatches: shuffled, overlapping batches into accounts of one consumer at once end as any order would.
func TestConcurrentBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := account(t, w.c, "anna", "current", bank.ContainerBank), account(t, w.c, "anna", "savings", bank.ContainerBank)
	noErrors(t, together(16, func(i int) error {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		var errs []error
		for range 4 {
			var rows []bank.Transaction
			for j := range 60 {
				if random.IntN(2) == 0 {
					sign := "-"
					if i%2 == 1 {
						sign = ""
					}
					rows = append(rows, row(numbered(j), sign+fmt.Sprint(j%7+1), fmt.Sprintf("2026-01-%02d", j%28+1)))
				}
			}
			random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			_, _, err := w.c.CreateTransactions(t.Context(), []bank.Account{a, b}[i%2].Ref(), rows, nil)
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}))
	rows := all(t, w.c, bank.TransactionFilter{})
	if len(rows) != 120 {
		t.Errorf("%d rows", len(rows))
	}
	for _, x := range rows {
		if x.TransferID == nil {
			t.Errorf("%s has no other leg", *x.ExternalID)
		}
	}
	exact(t, w.Store)
}

// TestTransactionsHaveAccounts: the database itself refuses rows without an account, and takes an account's rows with it,
// whoever asks; a row that comes while its account goes is not left behind.
func TestTransactionsHaveAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a, b := account(t, w.c, "anna", "current", bank.ContainerBank), account(t, w.c, "anna", "savings", bank.ContainerBank)
	put(t, w.c, a, row("1", "100", "2026-01-05"), row("2", "-40", "2026-02-05"))
	put(t, w.c, b, row("3", "7", "2026-01-05"))
	db := admin(t, w.url)
	const another = `INSERT INTO transactions (customer_id, consumer_id, account_id, external_id, base_type, amount, currency, booking_date, status, description, category_id, category_source, created_at, changed_at)
		SELECT customer_id, consumer_id, account_id + $1, 'another', base_type, amount, currency, booking_date, status, description, category_id, category_source, created_at, changed_at FROM transactions WHERE external_id = '1'`
	for name, run := range map[string]func() error{
		"insert": func() error { _, err := db.Exec(ctx, another, 1000); return err },
		"update": func() error {
			_, err := db.Exec(ctx, "UPDATE transactions SET account_id = account_id + 1000")
			return err
		},
	} {
		var wrong *pgconn.PgError
		if err := run(); !errors.As(err, &wrong) || wrong.Code != "23503" {
			t.Errorf("%s without an account: %v", name, err)
		}
	}
	// The account is deleted while a row of it is on its way: the deletion waits, and takes it too.
	tx := must[pgx.Tx](t)(db.Begin(ctx))
	if _, err := tx.Exec(ctx, another, 0); err != nil {
		t.Fatal(err)
	}
	other := admin(t, w.url)
	gone := make(chan error, 1)
	go func() { _, err := other.Exec(ctx, "DELETE FROM accounts WHERE id = $1", a.ID); gone <- err }()
	for watch := admin(t, w.url); !column[bool](t, watch, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')")[0]; {
	}
	if err := errors.Join(tx.Commit(ctx), <-gone); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"transactions", "account_months", "category_months"} {
		if ids := column[int64](t, db, "SELECT DISTINCT account_id FROM "+table); !slices.Equal(ids, []int64{b.ID}) {
			t.Errorf("%s are left of %v", table, ids)
		}
	}
	exact(t, w.Store)
}
