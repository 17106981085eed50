package store_test

import (
	"fmt"
	"strings"
	"testing"

	"insightgraph/bank"
	"insightgraph/page"
	"insightgraph/statement"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

func read[T any](t *testing.T, rows func(func(T, error) bool)) (list []T) {
	t.Helper()
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, row)
	}
	return list
}

// transactions are the rows of a file of transactions.
func transactions(t *testing.T, text string) []statement.TransactionRow {
	t.Helper()
	var lines statement.Lines
	for _, line := range read(t, statement.Transactions(strings.NewReader(text))) {
		lines.Add(line)
	}
	return read(t, lines.Rows)
}

// TestImport loads files, loads them again, and loads them changed.
func TestImport(t *testing.T) {
	s := storetest.New(t)
	c, err := s.CreateCustomer(t.Context(), bank.Customer{Name: "a", ClientID: "a", TimeZone: "Europe/Berlin", Currency: "EUR"}, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	tenant := s.Customer(c.ID)
	consumers := func(text string, want int) {
		t.Helper()
		if made, err := s.ImportConsumers(t.Context(), c.ID, read(t, statement.Consumers(strings.NewReader(text)))); made != want || err != nil {
			t.Fatalf("consumers: %d, %v", made, err)
		}
	}
	accounts := func(text string, want int, bad string) {
		t.Helper()
		made, rejected, err := s.ImportAccounts(t.Context(), c.ID, read(t, statement.Accounts(strings.NewReader(text))))
		if made != want || err != nil || fmt.Sprint(rejected) != bad {
			t.Fatalf("accounts: %d, %v, %v", made, rejected, err)
		}
	}
	transactions := func(text string, want store.Imported, bad string) {
		t.Helper()
		got, rejected, err := s.ImportTransactions(t.Context(), c.ID, transactions(t, text))
		if got != want || err != nil || fmt.Sprint(rejected) != bad {
			t.Fatalf("transactions: %+v, %v, %v", got, rejected, err)
		}
	}
	changedAt := func() string {
		t.Helper()
		anna, err := tenant.ConsumerByExternalID(t.Context(), "anna")
		if err != nil {
			t.Fatal(err)
		}
		return anna.ChangedAt.String()
	}
	transfers := func() int {
		t.Helper()
		yes := true
		p, err := tenant.Transactions(t.Context(), bank.TransactionFilter{Transfers: &yes}, page.Args{Size: 10})
		if err != nil {
			t.Fatal(err)
		}
		return len(p.Nodes)
	}

	consumers("external_id,time_zone,currency\nanna,Europe/Berlin,EUR\nben,,\n", 2)
	consumers("external_id\nanna\nben\n", 0)
	const head = "consumer_external_id,external_id,container,name,currency,status\n"
	accounts(head+"anna,current,BANK,Current,EUR,\nanna,savings,BANK,Savings,EUR,\nben,current,BANK,Ben's,USD,\ncleo,card,CARD,Card,EUR,\n", 4, "[]")

	const rows = "account_external_id,consumer_external_id,external_id,booking_date,amount,currency\n"
	transactions(rows+"current,anna,1,2026-01-05,-300,EUR\nsavings,,2,2026-01-06,300,EUR\ncurrent,,3,2026-01-06,1,EUR\nnone,,4,2026-01-06,1,EUR\ncurrent,ben,5,2026-01-06,1,EUR\ncurrent,ben,6,2026-01-07,-9.50,USD\n",
		store.Imported{Transactions: 3, Rejected: 3}, "[{transactions 4 Several consumers have an account with this account_external_id; add the column consumer_external_id} "+
			"{transactions 5 There is no account with this account_external_id} {transactions 6 The currency differs from the account's}]")
	if n := transfers(); n != 2 {
		t.Errorf("%d legs of transfers, want 2", n)
	}
	before := changedAt()
	transactions(rows+"current,anna,1,2026-01-05,-300,EUR\nsavings,,2,2026-01-06,300,EUR\n", store.Imported{Unchanged: 2}, "[]")
	accounts(head+"anna,current,BANK,Current,EUR,\n", 0, "[]")
	if changedAt() != before {
		t.Error("the same again changes the consumer")
	}
	transactions(rows+"savings,anna,2,2026-01-06,299,EUR\nsavings,anna,2,2026-01-06,301,EUR\n", store.Imported{Updated: 1, Unchanged: 1}, "[]") // of two lines the later counts
	if n := transfers(); n != 0 || changedAt() == before {
		t.Errorf("%d legs after the amount changed", n)
	}
	transactions(rows+"savings,anna,2,2026-01-06,300,EUR\n", store.Imported{Updated: 1}, "[]")
	accounts(head+"anna,savings,BANK,Savings,EUR,CLOSED\nanna,current,BANK,Current,USD,\n", 0, "[{accounts 3 The currency of an account with transactions cannot be changed}]")
	if n := transfers(); n != 0 {
		t.Errorf("%d legs with a closed account", n)
	}
	accounts(head+"anna,savings,BANK,Savings,EUR,ACTIVE\n", 0, "[]")
	if n := transfers(); n != 2 {
		t.Errorf("%d legs, active again", n)
	}
	// What a line leaves out stays as it was set since.
	anna := must[bank.Consumer](t)(tenant.ConsumerByExternalID(t.Context(), "anna"))
	must[bank.Consumer](t)(tenant.UpdateConsumer(t.Context(), anna.Ref(), func(c *bank.Consumer) error { c.TimeZone, c.Currency = "Asia/Tokyo", "CHF"; return nil }))
	mine := func(n int64) bank.Account {
		t.Helper()
		return must[[]*page.Of[bank.Account]](t)(tenant.Accounts(t.Context(), []int64{n}, bank.AccountFilter{}, page.Args{Size: 1}))[0].Nodes[0]
	}
	cleo := must[bank.Consumer](t)(tenant.ConsumerByExternalID(t.Context(), "cleo"))
	must[bank.Account](t)(tenant.UpdateAccount(t.Context(), mine(cleo.ID).Ref(), func(a *bank.Account) error {
		a.Type, a.ProviderName, a.Status = "CREDIT", "Kartenhaus", bank.AccountClosed
		return nil
	}))
	consumers("external_id\nanna\n", 0)
	accounts("consumer_external_id,external_id,container,name,currency\ncleo,card,CARD,Card,EUR\n", 0, "[]")
	if anna := must[bank.Consumer](t)(tenant.ConsumerByExternalID(t.Context(), "anna")); anna.TimeZone != "Asia/Tokyo" || anna.Currency != "CHF" {
		t.Errorf("anna after a file that does not say: %+v", anna)
	}
	if a := mine(cleo.ID); a.Type != "CREDIT" || a.ProviderName != "Kartenhaus" || a.Status != bank.AccountClosed {
		t.Errorf("the card after a file that does not say: %+v", a)
	}
	consumers("external_id,time_zone,currency\nanna,Europe/Berlin,EUR\n", 0)
	accounts(head+"cleo,card,CARD,Card,EUR,ACTIVE\n", 0, "[]")
	if a := mine(cleo.ID); a.Type != "CREDIT" || a.Status != bank.AccountActive {
		t.Errorf("the card after a file that says: %+v", a)
	}
	many := rows + "current,anna,1,2026-01-05,-300,EUR\n" // many rows of an account that has some, and of one that has none
	for day := range 28 {
		many += fmt.Sprintf("current,anna,m%d,2026-02-%02d,-7,EUR\ncard,cleo,m%d,2026-02-%02d,-7,EUR\n", day, day+1, day, day+1)
	}
	transactions(many, store.Imported{Transactions: 56, Unchanged: 1}, "[]")
	transactions(many, store.Imported{Unchanged: 57}, "[]")
	if wrong, err := s.CheckTotals(t.Context()); wrong != 0 || err != nil {
		t.Errorf("totals: %d wrong, %v", wrong, err)
	}
}

// TestTextSearch folds letters beyond ASCII, on the embedded server as on any other.
func TestTextSearch(t *testing.T) {
	s := storetest.New(t)
	c := customer(t, s, "acme")
	a := account(t, c, "anna", "current", bank.ContainerBank)
	x := row("1", "-5", "2026-01-05")
	x.Description = "ÜBERWEISUNG Ærø 100%"
	if _, _, err := c.CreateTransactions(t.Context(), a.Ref(), []bank.Transaction{x, row("2", "-5", "2026-01-05")}, nil); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"überweisung": 1, "ærø": 1, "0%": 1, "row": 1, "r_w": 0, "%%": 0} {
		p, err := c.Transactions(t.Context(), bank.TransactionFilter{Text: &text}, page.Args{Size: 10})
		if err != nil || len(p.Nodes) != want {
			t.Errorf("%q finds %d, want %d; %v", text, len(p.Nodes), want, err)
		}
	}
}

// TestImportLocks: an import holds no consumer's lock while it waits for that of one with a lower number, whatever their names, or for one
// that somebody else is making.
func TestImportLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	first, second := consumer(t, w.c, "b"), consumer(t, w.c, "a") // by name the other way round
	db, other := admin(t, w.url), admin(t, w.url)
	for what, held := range map[string]string{
		"the lower number": fmt.Sprintf("SELECT 1 FROM consumers WHERE id = %d FOR NO KEY UPDATE", first.ID),
		"a new one":        fmt.Sprintf("INSERT INTO consumers (customer_id, external_id, time_zone, currency, created_at, changed_at) VALUES (%d, 'c', 'UTC', 'EUR', now(), now())", first.CustomerID),
	} {
		tx, err := other.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, held); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := w.ImportConsumers(ctx, first.CustomerID, []statement.ConsumerRow{{ExternalID: "a", Currency: "USD"}, {ExternalID: "b", Currency: "USD"}, {ExternalID: "c", Currency: "USD"}})
			done <- err
		}()
		for column[int](t, db, "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")[0] == 0 {
		}
		if n := column[int](t, db, "SELECT count(*)::int FROM (SELECT 1 FROM consumers WHERE id = $1 FOR UPDATE SKIP LOCKED) free", second.ID)[0]; n != 1 {
			t.Errorf("behind %s: it holds the higher number", what)
		}
		if err := tx.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := column[int](t, db, "WITH gone AS (DELETE FROM consumers WHERE external_id = 'c' RETURNING currency) SELECT count(*)::int FROM gone WHERE currency = 'USD'")[0]; n != 1 {
			t.Errorf("behind %s: %d made", what, n)
		}
		if got := column[string](t, db, "UPDATE consumers SET currency = 'EUR' WHERE currency = 'USD' RETURNING external_id"); len(got) != 2 {
			t.Errorf("behind %s: changed %v", what, got)
		}
	}
}
