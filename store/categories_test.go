package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/fault"
	"insightgraph/store"
)

// says is a row with a counterparty and a text.
func says(external, amt, date, name, text string) bank.Transaction {
	x := row(external, amt, date)
	x.Description = text
	if name != "" {
		x.CounterpartyName = &name
	}
	return x
}

// chosen is the category of a row with what it rests on.
func chosen(t *testing.T, c store.Tenant, name string) string {
	t.Helper()
	x := byName(t, c, name)
	merchant := "-"
	if x.MerchantName != nil {
		merchant = *x.MerchantName
	}
	return fmt.Sprintf("%d %s %s %d %s", x.CategoryID, x.CategorySource, x.CategoryRule, x.CategoryConfidence, merchant)
}

func wantChosen(t *testing.T, c store.Tenant, want map[string]string) {
	t.Helper()
	for name, w := range want {
		if got := chosen(t, c, name); got != w {
			t.Errorf("%s: %q, want %q", name, got, w)
		}
	}
}

// TestCategoriesRestOn: what a category rests on is stored with it, whichever way rows come, and rows that come again
// are as they were.
func TestCategoriesRestOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	card := says("card", "-12", "2026-01-05", "REWE Markt", "Kartenzahlung")
	card.MCC = ptr("5411")
	salary := says("salary", "2000", "2026-01-30", "Arbeit GmbH", "Januar")
	salary.BankCode = ptr("PMNT-RCDT-SALA")
	german := says("german", "2000", "2026-01-31", "Arbeit GmbH", "Januar")
	german.BankCode = ptr("153")
	own := says("given", "-5", "2026-01-06", "REWE Markt", "Kartenzahlung")
	own.CategoryID = 701
	batch := says("batch", "-90", "2026-01-07", "", "Sammler")
	batch.Parts = []bank.Part{{BaseType: bank.Debit, Amount: &bank.Money{Amount: amount("60.00"), Currency: "EUR"}, Description: "Abschlag", CounterpartyName: ptr("Strom AG")}, {BaseType: bank.Debit}}
	rows := []bank.Transaction{card, salary, german, own, batch}
	if got := put(t, w.c, a, rows...); got != (store.Stored{Created: 5}) {
		t.Errorf("%+v", got)
	}
	want := map[string]string{
		"card":   "201 MCC mcc 5411 95 Rewe",
		"salary": "101 BANK_CODE iso20022 PMNT/RCDT/SALA 95 -",
		"german": "101 BANK_CODE gvc 153 95 -",
		"given":  "701 CUSTOMER_RULE given 100 Rewe",
	}
	want["card"] = strings.Replace(want["card"], "Rewe", *byName(t, w.c, "card").MerchantName, 1) // as the tables write it
	want["given"] = strings.Replace(want["given"], "Rewe", *byName(t, w.c, "card").MerchantName, 1)
	wantChosen(t, w.c, want)
	got := byName(t, w.c, "batch")
	if len(got.Parts) != 2 || got.Parts[0].Amount.Amount.String() != "60.00" || *got.Parts[0].Counterparty().Name != "Strom AG" || got.Parts[1].Counterparty() != nil {
		t.Errorf("parts %+v", got.Parts)
	}
	if got := put(t, w.c, a, rows...); got != (store.Stored{Unchanged: 5}) {
		t.Errorf("again: %+v", got)
	}
	rows[4].Parts[0].Description = "Abschlag Februar"
	rows[1].BankCode = nil
	if got := put(t, w.c, a, rows...); got != (store.Stored{Unchanged: 3, Updated: 2}) {
		t.Errorf("changed: %+v", got)
	}
	if got := byName(t, w.c, "salary"); got.BankCode != nil {
		t.Errorf("%+v", got)
	}
	// A text that changes changes the category, but not one that was given.
	for name, want := range map[string]string{"card": "MCC", "given": "CUSTOMER_RULE", "batch": "BANK_TEXT"} {
		x := must[bank.Transaction](t)(w.c.UpdateTransaction(t.Context(), byName(t, w.c, name).Ref(), func(x *bank.Transaction) error {
			x.Description = "Gehalt Lohn"
			x.BaseType = bank.Credit
			return nil
		}))
		if string(x.CategorySource) != want {
			t.Errorf("%s: %s", name, x.CategorySource)
		}
	}
	exact(t, w.Store)
}

// TestCountryOfAccount: the IBAN of the account tells whose merchants are meant, on both ways in.
func TestCountryOfAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := must[bank.Account](t)(w.c.CreateAccount(t.Context(), store.NewAccount{ConsumerExternalID: ptr("anna"),
		Account: bank.Account{ExternalID: ptr("current"), Container: bank.ContainerBank, Name: "current", Currency: "EUR", IBAN: ptr(ibanA)}}, nil))
	in := says("x", "-10", "2026-01-05", "", "MUELLER SAGT DANKE")
	with := category.InputOf(in, a.IBAN)
	with.BaseType = bank.Debit
	want := category.Categorise(with)
	put(t, w.c, a, in)
	csv := "account_external_id,external_id,amount,currency,booking_date,description\ncurrent,y,-10,EUR,2026-01-05,MUELLER SAGT DANKE\n"
	if r, _, err := w.ImportTransactions(t.Context(), a.CustomerID, transactions(t, csv)); r.Transactions != 1 || err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, name := range []string{"x", "y"} {
		if got := byName(t, w.c, name); got.CategoryID != want.Category || got.CategoryRule != want.Rule || got.CategoryConfidence != want.Percent() {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestCorrections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a, other := account(t, w.c, "anna", "current", bank.ContainerBank), account(t, w.c, "ben", "current", bank.ContainerBank)
	first := []bank.Transaction{says("1", "-10", "2026-01-01", "Hofladen Huber", "Rechnung 17"), says("2", "-11", "2026-01-02", "Hofladen Huber", "Rechnung 18"),
		says("3", "-12", "2026-01-03", "Hofladen Huber", "Rechnung 19"), says("back", "3", "2026-01-03", "Hofladen Huber", "Gutschrift"), says("rent", "-700", "2026-01-03", "Vermieter Maier", "Wohnung")}
	put(t, w.c, a, first...)
	put(t, w.c, other, first...)
	anna, ben := w.Consumer(a.CustomerID, a.ConsumerID), w.Consumer(a.CustomerID, other.ConsumerID)
	before := chosen(t, anna, "2")
	correct := func(name string, id int, similar bool, want int) {
		t.Helper()
		x, n, err := w.c.Categorize(ctx, byName(t, anna, name).Ref(), id, similar)
		if err != nil || n != want || x.CategoryID != id || x.CategorySource != bank.SourceUser || x.CategoryRule != "" || x.CategoryConfidence != 100 {
			t.Errorf("%s: %d, %+v, %v", name, n, x, err)
		}
	}
	// This one alone; what is there stays, also when it comes again, and what comes later gets it.
	correct("1", 201, false, 1)
	if got := chosen(t, anna, "2"); got != before {
		t.Errorf("another row is %s, was %s", got, before)
	}
	if got := put(t, w.c, a, first...); got != (store.Stored{Unchanged: 5}) {
		t.Errorf("again: %+v", got)
	}
	later := says("4", "-13", "2026-02-01", "HOFLADEN HUBER", "Rechnung 20")
	put(t, w.c, a, later)
	if x := byName(t, anna, "4"); x.CategoryID != 201 || x.CategorySource != bank.SourceUser || !strings.HasPrefix(x.CategoryRule, "correction of ") {
		t.Errorf("%+v", x)
	}
	if got := put(t, w.c, a, later); got != (store.Stored{Unchanged: 1}) {
		t.Errorf("a learned one again: %+v", got)
	}
	// All that are similar: those that were corrected before, too; not the other side, not another consumer's.
	correct("2", 202, true, 4)
	for _, name := range []string{"1", "2", "3", "4"} {
		if got := chosen(t, anna, name); !strings.HasPrefix(got, "202 USER  100") {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, name := range []string{"back", "rent"} {
		if x := byName(t, anna, name); x.CategorySource == bank.SourceUser {
			t.Errorf("%s: %+v", name, x)
		}
	}
	put(t, w.c, other, later)
	if x := byName(t, ben, "4"); x.CategorySource == bank.SourceUser {
		t.Errorf("ben's: %+v", x)
	}
	// A person's category stays on a changed row; a file's rows learn too, each consumer its own.
	changed := first[1]
	changed.Amount = amount("-99")
	put(t, w.c, a, changed)
	csv := "consumer_external_id,account_external_id,external_id,amount,currency,booking_date,description,counterparty_name\n" +
		"anna,current,5,-1,EUR,2026-02-02,Rechnung 21,Hofladen Huber\nben,current,5,-1,EUR,2026-02-02,Rechnung 21,Hofladen Huber\n"
	if r, _, err := w.ImportTransactions(ctx, a.CustomerID, transactions(t, csv)); r.Transactions != 2 || err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	for name, want := range map[string]bool{"2": true, "5": true} {
		if x := byName(t, anna, name); (x.CategoryID == 202) != want {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if x := byName(t, ben, "5"); x.CategorySource == bank.SourceUser {
		t.Errorf("ben's: %+v", x)
	}
	// Rows that say nothing have nothing in common.
	put(t, w.c, a, says("dumb1", "-1", "2026-02-03", "", ""), says("dumb2", "-2", "2026-02-03", "", "水果"), says("dumb3", "-2", "2026-02-03", "", "水果"))
	correct("dumb2", 203, true, 2)
	put(t, w.c, a, says("dumb4", "-1", "2026-02-04", "", "水果"))
	for name, want := range map[string]bool{"dumb1": false, "dumb2": true, "dumb3": true, "dumb4": false} {
		if x := byName(t, anna, name); (x.CategoryID == 203) != want {
			t.Errorf("%s: %+v", name, x)
		}
	}
	exact(t, w.Store)
	must[store.Erased](t)(w.c.DeleteConsumer(ctx, bank.Ref{Kind: bank.KindConsumer, ConsumerID: a.ConsumerID, ID: a.ConsumerID}))
	if n := column[int](t, admin(t, w.url), "SELECT count(*) FROM corrections"); n[0] != 0 {
		t.Errorf("%d corrections are left", n[0])
	}
}

// TestManyAreSimilar goes over more than one page.
func TestManyAreSimilar(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	var csv strings.Builder
	csv.WriteString("account_external_id,external_id,amount,currency,booking_date,description\n")
	const n = 25_000
	for i := range n {
		fmt.Fprintf(&csv, "current,%d,-%d,EUR,2026-01-%02d,%s\n", i, i, 1+i%28, [2]string{"Hofladen Huber", "Blumen Maier"}[i%2])
	}
	rows := transactions(t, csv.String())
	for i := 0; i < n; i += store.ImportSize {
		if _, _, err := w.ImportTransactions(t.Context(), a.CustomerID, rows[i:min(n, i+store.ImportSize)]); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	_, affected, err := w.c.Categorize(t.Context(), byName(t, w.c, "1").Ref(), 201, true)
	if err != nil || affected != n/2 {
		t.Errorf("%d, %v", affected, err)
	}
	t.Logf("%d of %d rows corrected in %v", affected, n, time.Since(start))
	start = time.Now()
	_, affected, err = w.c.SaveCategoryRule(t.Context(), category.Rule{Name: "farm", Text: "hofl*", Category: 202}, true)
	if err != nil || affected != n/2 {
		t.Errorf("%d, %v", affected, err)
	}
	t.Logf("%d of %d rows by a rule in %v", affected, n, time.Since(start))
	exact(t, w.Store)
}

func TestCategoryRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a, ben := account(t, w.c, "anna", "current", bank.ContainerBank), account(t, w.c, "ben", "current", bank.ContainerBank)
	own := says("given", "-4", "2026-01-01", "Hofladen Huber", "x")
	own.CategoryID = 701
	put(t, w.c, a, says("1", "-10", "2026-01-01", "Hofladen Huber", "x"), says("2", "-11", "2026-01-01", "Hofladen Huber", "x"), says("in", "5", "2026-01-01", "Hofladen Huber", "x"), own)
	put(t, w.c, ben, says("b", "-10", "2026-01-01", "Hofladen Huber", "x"))
	if _, _, err := w.c.Categorize(ctx, byName(t, w.c, "2").Ref(), 203, false); err != nil {
		t.Fatal(err)
	}
	rule := category.Rule{Name: "farm", Text: "Hofladen", BaseType: bank.Debit, Category: 201, Merchant: "Hubers Hof"}
	saved, n, err := w.c.SaveCategoryRule(ctx, rule, true)
	if err != nil || n != 2 || saved.ID == 0 || saved.Rule != rule || saved.CreatedAt.IsZero() || saved.Ref().Kind != bank.KindRule || saved.Leads().ID != 201 || *saved.Side() != bank.Debit {
		t.Fatalf("%d, %+v, %v", n, saved, err)
	}
	put(t, w.c, a, says("3", "-12", "2026-01-02", "Hofladen Huber", "x"))
	wantChosen(t, w.c, map[string]string{"1": "201 CUSTOMER_RULE rule farm 99 Hubers Hof", "b": "201 CUSTOMER_RULE rule farm 99 Hubers Hof"})
	wantChosen(t, w.c, map[string]string{"given": chosen(t, w.c, "given")})
	for name, want := range map[string]bank.CategorySource{"2": bank.SourceUser, "given": bank.SourceCustomerRule, "3": bank.SourceUser} { // 3 is like 2, which a person corrected
		if x := byName(t, w.c, name); x.CategorySource != want || x.CategoryID == 201 {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if x := byName(t, w.c, "in"); x.CategorySource == bank.SourceCustomerRule {
		t.Errorf("the other side: %+v", x)
	}
	if _, n, err := w.c.SaveCategoryRule(ctx, rule, true); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	// Replaced it keeps its place and its id; what it no longer fits is categorised anew.
	rule.BaseType, rule.Text = "", "Gärtnerei"
	replaced, n, err := w.c.SaveCategoryRule(ctx, rule, true)
	if err != nil || n != 2 || replaced.ID != saved.ID || !replaced.CreatedAt.Equal(saved.CreatedAt) {
		t.Errorf("%d, %+v, %v", n, replaced, err)
	}
	if x := byName(t, w.c, "b"); x.CategorySource == bank.SourceCustomerRule {
		t.Errorf("%+v", x)
	}
	second, n, err := w.c.SaveCategoryRule(ctx, category.Rule{Name: "late", IBAN: "de89 3704 0044 0532 0130 00", Category: 202}, false)
	if err != nil || n != 0 || second.IBAN != ibanA {
		t.Errorf("%+v, %v", second, err)
	}
	rules := must[[]category.CustomerRule](t)(w.c.CategoryRules(ctx))
	if len(rules) != 2 || rules[0] != replaced || rules[1] != second {
		t.Errorf("%+v", rules)
	}
	one := must[category.CustomerRule](t)(w.c.CategoryRule(ctx, second.Ref()))
	if one != second {
		t.Errorf("%+v", one)
	}
	to := says("iban", "-1", "2026-01-05", "", "x")
	to.CounterpartyIBAN = ptr(ibanA)
	put(t, w.c, ben, to)
	wantChosen(t, w.c, map[string]string{"iban": "202 CUSTOMER_RULE rule late 99 -"})
	if err := w.c.DeleteCategoryRule(ctx, second.Ref()); err != nil {
		t.Fatal(err)
	}
	wantChosen(t, w.c, map[string]string{"iban": "202 CUSTOMER_RULE rule late 99 -"}) // what it decided stays

	stranger := customer(t, w.Store, "other")
	wantFault(t, w.c.DeleteCategoryRule(ctx, second.Ref()), fault.NotFound, "categoryRuleId")
	wantFault(t, stranger.DeleteCategoryRule(ctx, saved.Ref()), fault.NotFound, "categoryRuleId")
	if rules := must[[]category.CustomerRule](t)(stranger.CategoryRules(ctx)); len(rules) != 0 {
		t.Errorf("%+v", rules)
	}
	mine := w.Consumer(a.CustomerID, a.ConsumerID)
	_, err = mine.CategoryRules(ctx)
	wantFault(t, err, fault.Forbidden, "")
	_, _, err = mine.SaveCategoryRule(ctx, rule, false)
	wantFault(t, err, fault.Forbidden, "")
	wantFault(t, mine.DeleteCategoryRule(ctx, saved.Ref()), fault.Forbidden, "")
	exact(t, w.Store)
}

// TestRuleCutOff: where a rule was cut off while it was applied, the same call again applies it. From then on its answer stands.
func TestRuleCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	put(t, w.c, a, says("1", "-10", "2026-01-01", "Hofladen Huber", "x"), says("2", "-11", "2026-01-01", "Blumen Maier", "x"), says("3", "-12", "2026-01-02", "Hofladen Huber", "x"))
	before := chosen(t, w.c, "1")
	var replayed atomic.Bool
	save := func(ctx context.Context) (category.CustomerRule, int, error) {
		rule := category.Rule{Name: "farm", Text: "Hofladen", Category: 201}
		call := saying(rule)
		call.Key, call.Replayed = "k", &replayed
		return w.c.As(call).SaveCategoryRule(ctx, rule, true)
	}
	// While somebody has the consumer locked, the rule is there and cannot be applied.
	db := admin(t, w.url)
	lock, err := db.Begin(t.Context())
	if err == nil {
		_, err = lock.Exec(t.Context(), "SELECT FROM consumers FOR UPDATE")
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cut := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { _, _, err := save(ctx); over <- err }()
	for watch := admin(t, w.url); !column[bool](t, watch, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')")[0]; {
	}
	cut()
	if err := <-over; err == nil {
		t.Error("the rule is applied to who is locked")
	}
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	rules := must[[]category.CustomerRule](t)(w.c.CategoryRules(t.Context()))
	if len(rules) != 1 || chosen(t, w.c, "1") != before {
		t.Fatalf("cut off: %+v, %s", rules, chosen(t, w.c, "1"))
	}
	for _, when := range []string{"again", "and again"} {
		saved, n, err := save(t.Context())
		if err != nil || n != 2 || saved != rules[0] {
			t.Errorf("%s: %+v, %d, %v", when, saved, n, err)
		}
		wantChosen(t, w.c, map[string]string{"1": "201 CUSTOMER_RULE rule farm 99 -", "3": "201 CUSTOMER_RULE rule farm 99 -"})
	}
	if n := column[int](t, db, "SELECT count(*)::int FROM events WHERE action = 'saveCategoryRule'")[0]; n != 1 || !replayed.Load() {
		t.Errorf("%d events of one rule, replayed: %v", n, replayed.Load())
	}
	exact(t, w.Store)
}

func TestFaultsOfRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	long := strings.Repeat("x", 141)
	for _, one := range []struct {
		rule category.Rule
		want string
	}{
		{category.Rule{}, "name text categoryId"},
		{category.Rule{Name: "a", Text: long, Category: 201, Merchant: long}, "text merchant"},
		{category.Rule{Name: long, Text: "*", IBAN: "DE00370400440532013000", MCC: "54", BaseType: "BOTH", Category: 99_999}, "name text iban mcc baseType categoryId"},
	} {
		_, _, err := w.c.SaveCategoryRule(t.Context(), one.rule, true)
		var fields []string
		for _, f := range fault.Of(err) {
			fields = append(fields, f.Field)
		}
		if got := strings.Join(fields, " "); got != one.want {
			t.Errorf("%+v: %s, want %s (%v)", one.rule, got, one.want, err)
		}
	}
	if errs := together(20, func(i int) error {
		_, _, err := w.c.SaveCategoryRule(t.Context(), category.Rule{Name: fmt.Sprint("same", i%2), MCC: "5411", Category: 201}, true)
		return err
	}); errs != nil {
		noErrors(t, errs)
	}
	if rules := must[[]category.CustomerRule](t)(w.c.CategoryRules(t.Context())); len(rules) != 2 {
		t.Errorf("%+v", rules)
	}
	for i := range store.MaxRules - 2 {
		if _, _, err := w.c.SaveCategoryRule(t.Context(), category.Rule{Name: fmt.Sprint(i), MCC: "5411", Category: 201}, false); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := w.c.SaveCategoryRule(t.Context(), category.Rule{Name: "more", MCC: "5411", Category: 201}, false)
	wantFault(t, err, fault.TooMany, "name")
	if _, _, err := w.c.SaveCategoryRule(t.Context(), category.Rule{Name: "7", MCC: "5412", Category: 201}, false); err != nil {
		t.Error(err)
	}
}
