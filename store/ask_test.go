package store_test

import (
	"testing"

	"insightgraph/bank"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// TestKeptStatements: statements that a connection keeps are forgotten when there are too many, and made anew when a table
// has changed under them; nobody who asks notices.
func TestKeptStatements(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	s := storetest.Open(t, url, store.Options{MaxConns: 2}) // one for reading
	c := customer(t, s, "acme")
	a := account(t, c, "p1", "a1", bank.ContainerBank)
	put(t, c, a, row("1", "100", "2026-02-01"), row("2", "-5", "2026-02-02"), row("3", "-7", "2026-02-03"))
	db := admin(t, url)
	look := func(size int, f bank.TransactionFilter) {
		t.Helper()
		p, err := c.Transactions(t.Context(), f, page.Args{Size: size})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Nodes) != min(size, 3) || p.Nodes[0].Description == "" || *p.Nodes[0].ExternalID != "3" {
			t.Fatalf("size %d: %+v", size, p.Nodes)
		}
	}
	day := day("2026-01-01")
	filters := []bank.TransactionFilter{{}, {From: &day}, {AccountIDs: []bank.Ref{a.Ref()}}, {From: &day, AccountIDs: []bank.Ref{a.Ref()}}}
	for size := 1; size <= 100; size++ { // 400 texts
		for _, f := range filters {
			look(size, f)
		}
	}
	if n := store.KeptStatements(t, s); n < 20 || n > 300 {
		t.Errorf("the connection keeps %d statements", n)
	}
	for _, to := range []string{"varchar(4000)", "text"} {
		if _, err := db.Exec(t.Context(), "ALTER TABLE transactions ALTER COLUMN description TYPE "+to); err != nil {
			t.Fatal(err)
		}
		look(3, filters[0])
	}
	if _, err := db.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'insightgraph'"); err != nil {
		t.Fatal(err)
	}
	look(3, filters[0])
}
