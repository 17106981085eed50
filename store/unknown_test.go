package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"insightgraph/bank"
	"insightgraph/page"
	"insightgraph/statement"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// TestUnknownCustomer: a customer that came after the last ANALYZE, of whom the planner expects no row, has one consumer's
// data changed without a look at all the others'.
func TestUnknownCustomer(t *testing.T) {
	t.Parallel()
	const consumers, perAccount, most = 60, 150, 2500 // of 18,000 transactions
	url := storetest.URL(t)
	db := admin(t, url)
	for _, table := range column[string](t, db, "SELECT relname::text FROM pg_stat_user_tables WHERE schemaname = current_schema()") {
		if _, err := db.Exec(t.Context(), "ALTER TABLE "+table+" SET (autovacuum_enabled = off)"); err != nil {
			t.Fatal(err)
		}
	}
	// looked is how many rows and entries of indexes something looks at.
	looked := func(do func(*store.Store)) int64 {
		t.Helper()
		s := storetest.Open(t, url, store.Patient(store.Options{MaxConns: 4}))
		do(s)
		s.Close()
		ended(t, db)
		return column[int64](t, db, `SELECT sum(n)::bigint FROM (SELECT seq_tup_read AS n FROM pg_stat_user_tables WHERE schemaname = current_schema()
			UNION ALL SELECT idx_tup_read FROM pg_stat_user_indexes WHERE schemaname = current_schema()) x`)[0]
	}
	var accounts []bank.Account
	fill := func(name string) func(*store.Store) {
		return func(s *store.Store) {
			c := customer(t, s, name)
			accounts = nil
			for i := range consumers {
				rows := make([]bank.Transaction, perAccount)
				for n := range rows {
					rows[n] = row(numbered(n), fmt.Sprintf("-%d.%02d", i+1, n%100), day("2025-01-01").AddMonths(n%12).String())
				}
				for _, external := range []string{"a", "b"} {
					a := account(t, c, name+numbered(i), external+numbered(i), bank.ContainerBank)
					put(t, c, a, rows...)
					must[*page.Of[bank.Transaction]](t)(c.Transactions(t.Context(), bank.TransactionFilter{AccountIDs: []bank.Ref{a.Ref()}}, page.Args{Size: 10}))
					accounts = append(accounts, a)
				}
			}
		}
	}
	first := looked(fill("known")) // whom nobody knows either: the tables were never analyzed
	if _, err := db.Exec(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	before := looked(fill("late"))
	for name, n := range map[string]int64{"the first customer": first, "the next": before - first} {
		if t.Logf("filling %s: %d", name, n); n > 20*2*consumers*perAccount {
			t.Errorf("filling %s looks at %d rows, at most twenty are needed for each of 18,000", name, n)
		}
	}
	for _, one := range []struct {
		name string
		do   func(c store.Tenant, a bank.Account, s *store.Store) error
	}{
		{"a delivery", func(c store.Tenant, a bank.Account, _ *store.Store) error {
			put(t, c, a, row("new", "-1.05", "2025-03-03"), row("0007", "-9", "2025-03-03"))
			return nil
		}},
		{"an import", func(_ store.Tenant, a bank.Account, s *store.Store) error {
			rows := make([]statement.TransactionRow, 30)
			for i := range rows {
				rows[i] = statement.TransactionRow{Line: i + 2, ConsumerExternalID: "late0001", AccountExternalID: "a0001", Transaction: row("i"+numbered(i), "1.05", "2025-03-03")}
				rows[i].Transaction.BaseType, rows[i].Transaction.Status = bank.Debit, bank.Posted
			}
			stored, rejected, err := s.ImportTransactions(t.Context(), a.CustomerID, rows)
			if stored.Transactions != len(rows) {
				t.Errorf("%+v, %v", stored, rejected)
			}
			return err
		}},
		{"a correction", func(c store.Tenant, a bank.Account, _ *store.Store) error {
			_, err := c.UpdateTransaction(t.Context(), newest(t, c, a).Ref(), func(x *bank.Transaction) error { x.Description = "other"; return nil })
			return err
		}},
		{"a category", func(c store.Tenant, a bank.Account, _ *store.Store) error {
			_, n, err := c.Categorize(t.Context(), newest(t, c, a).Ref(), 1, true)
			if n == 0 {
				t.Error("nothing was categorised")
			}
			return err
		}},
		{"deleted transactions", func(c store.Tenant, a bank.Account, _ *store.Store) error {
			_, err := c.DeleteTransactions(t.Context(), []bank.Ref{newest(t, c, a).Ref()})
			return err
		}},
		{"another account", func(c store.Tenant, a bank.Account, _ *store.Store) error {
			_, err := c.UpdateAccount(t.Context(), a.Ref(), func(a *bank.Account) error { a.Status = bank.AccountInactive; return nil })
			return err
		}},
		{"another consumer", func(c store.Tenant, a bank.Account, _ *store.Store) error {
			_, err := c.UpdateConsumer(t.Context(), bank.Ref{Kind: bank.KindConsumer, ConsumerID: a.ConsumerID, ID: a.ConsumerID}, func(x *bank.Consumer) error { x.TimeZone = "Europe/Paris"; return nil })
			return err
		}},
		{"a deleted account", func(c store.Tenant, a bank.Account, _ *store.Store) error {
			_, err := c.DeleteAccount(t.Context(), a.Ref())
			return err
		}},
		{"a deleted consumer", func(c store.Tenant, a bank.Account, _ *store.Store) error {
			_, err := c.DeleteConsumer(t.Context(), bank.Ref{Kind: bank.KindConsumer, ConsumerID: a.ConsumerID, ID: a.ConsumerID})
			return err
		}},
	} {
		a := accounts[2]
		after := looked(func(s *store.Store) {
			if err := one.do(s.Customer(a.CustomerID), a, s); err != nil {
				t.Errorf("%s: %v", one.name, err)
			}
		})
		if t.Logf("%s: %d", one.name, after-before); after-before > most {
			t.Errorf("%s looks at %d rows of 18,000, at most %d are needed", one.name, after-before, most)
		}
		before = after
	}
}

// newest is an account's newest transaction.
func newest(t *testing.T, c store.Tenant, a bank.Account) bank.Transaction {
	t.Helper()
	return all(t, c, bank.TransactionFilter{AccountIDs: []bank.Ref{a.Ref()}})[0]
}

// TestPlannerSeesNoCustomer: no statement that has its values in its text names a customer as a constant; see Open. What
// goes through Reads has parameters.
func TestPlannerSeesNoCustomer(t *testing.T) {
	t.Parallel()
	constant := regexp.MustCompile(`customer_id = \?|WherePK`)
	for _, file := range must[[]string](t)(filepath.Glob("*.go")) {
		if strings.HasSuffix(file, "_test.go") || file == "reads.go" {
			continue
		}
		for n, line := range strings.Split(string(must[[]byte](t)(os.ReadFile(file))), "\n") {
			if constant.MatchString(line) {
				t.Errorf("%s:%d: the planner sees the customer; write customer_id = (SELECT ?::bigint)", file, n+1)
			}
		}
	}
}
