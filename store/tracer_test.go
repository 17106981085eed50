package store

import (
	"strings"
	"testing"
)

// TestSpanNames: a span says what a statement does to which of our tables, and nothing that stands in its text.
func TestSpanNames(t *testing.T) {
	for sql, want := range map[string]string{
		`SELECT "a"."id" FROM "accounts" AS "a" WHERE name = 'transactions of Anna'`:   "SELECT accounts",
		`INSERT INTO "transactions" ("description") VALUES ('DE89370400440532013000')`: "INSERT transactions",
		"UPDATE run_shards SET state = 'READY'":                                        "UPDATE run_shards",
		"  (SELECT 'secret from nowhere')":                                             "SELECT",
		"WITH dead AS (UPDATE run_shards SET x = 1) UPDATE runs":                       "WITH run_shards",
		"BEGIN; SELECT set_config('app.customer', '1', true)":                          "BEGIN",
		"secret": "SQL",
		"":       "SQL",
		"SELECT '" + strings.Repeat("x", 5000) + "' FROM accounts": "SELECT",
	} {
		if got := whatItDoes(sql); got != want {
			t.Errorf("%.60q is %q, want %q", sql, got, want)
		}
	}
	if n := len(tables()); n < 25 || !tables()["feed_entries"] {
		t.Errorf("%d tables: %v", n, tables())
	}
}
