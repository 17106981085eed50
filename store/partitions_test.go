package store_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// TestPartitions: on tables in hash partitions the same statements do the same, and what is asked of one consumer looks
// into one partition of each table.
func TestPartitions(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	db := admin(t, url)
	script := must[[]byte](t)(os.ReadFile("../docs/partitions.sql"))
	before := column[string](t, db, keys)
	if _, err := db.Exec(t.Context(), "SET insightgraph.partitions = 8; "+string(script)); err != nil {
		t.Fatal(err)
	}
	if after := column[string](t, db, keys); !slices.Equal(after, before) {
		t.Errorf("the script loses or adds something:\n%s\nbefore:\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	s := storetest.Open(t, url, store.Options{MaxConns: 8})
	c := customer(t, s, "acme")
	var accounts []bank.Account
	for i := range 30 {
		a := account(t, c, "p"+numbered(i), "a"+numbered(i), bank.ContainerBank)
		put(t, c, a, row("1", "100", "2026-02-01"), row("2", "-5", "2026-02-02"))
		put(t, c, a, row("2", "-6", "2026-02-02"), row("3", "-1", "2026-02-03")) // one changes
		accounts = append(accounts, a)
	}
	exact(t, s)
	if _, err := db.Exec(t.Context(), `INSERT INTO feed_entries (customer_id, consumer_id, insight, title, type, "trigger", subject, occurrence_from, occurrence_to, revision,
			window_from, window_to, settings, accounts, created_at)
		SELECT customer_id, id, 'X', 'X', 'AGGREGATE', 'ON_SCHEDULE', 'USER', now(), now(), 0, now(), now(), '{}', '[]', now() FROM consumers`); err != nil {
		t.Fatal(err)
	}
	if n := column[int](t, db, "SELECT count(DISTINCT tableoid)::int FROM transactions")[0]; n < 2 {
		t.Fatalf("all rows lie in %d partition(s)", n)
	}

	db.Close(t.Context())
	db = admin(t, url)
	s.Close()
	ended(t, db)
	looked := func(what string, most int, ask func(c store.Tenant)) {
		t.Helper()
		if _, err := db.Exec(t.Context(), "SELECT pg_stat_reset()"); err != nil {
			t.Fatal(err)
		}
		one := must[*store.Store](t)(store.Open(t.Context(), url, store.Options{MaxConns: 5}))
		ask(one.Customer(accounts[0].CustomerID))
		one.Close()
		ended(t, db)
		scans := column[string](t, db, `SELECT i.inhparent::regclass::text FROM pg_stat_user_tables s JOIN pg_inherits i ON i.inhrelid = s.relid
			WHERE s.seq_scan + coalesce(s.idx_scan, 0) > 0 ORDER BY 1`)
		if len(scans) != most || len(slices.Compact(slices.Clone(scans))) != min(most, len(scans)) {
			t.Errorf("%s looks into partitions of %v, want one of each table, %d in all", what, scans, most)
		}
	}
	a := accounts[7]
	ref := bank.Ref{Kind: bank.KindConsumer, ConsumerID: a.ConsumerID, ID: a.ConsumerID}
	looked("a screen", 3, func(c store.Tenant) {
		r := c.Reads()
		of := store.ConsumerParents([]int64{a.ConsumerID})
		list := r.AccountsOf(of, bank.AccountFilter{}, page.Args{Size: 3})
		rows := r.TransactionsOf(list.Parents(), bank.TransactionFilter{}, page.Args{Size: 20})
		feed := r.FeedOf(of, insight.FeedFilter{}, page.Args{Size: 10})
		totals := r.CategoryTotalsOf(of, day("2026-02-01"))
		if err := r.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		sums, _ := totals.Get(a.ConsumerID)
		if len(rows.Of(a.Ref()).Nodes) != 3 || len(feed.Of(ref).Nodes) != 1 || len(sums) == 0 {
			t.Errorf("%d transactions, %d entries, %d totals", len(rows.Of(a.Ref()).Nodes), len(feed.Of(ref).Nodes), len(sums))
		}
	})
	looked("one delivery", 3, func(c store.Tenant) { put(t, c, a, row("4", "-1", "2026-02-04")) })
}

// keys are all constraints, indexes, triggers, policies and rights of the tables that are no partitions. What partitions
// add is theirs.
const keys = `SELECT what FROM (
		SELECT c.conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(c.oid) AS what, conrelid AS t FROM pg_constraint c
		WHERE conparentid = 0 AND connamespace = current_schema()::regnamespace AND contype <> 't'
		UNION ALL SELECT regexp_replace(pg_get_indexdef(indexrelid), ' ON (ONLY )?', ' ON '), indrelid FROM pg_index
		UNION ALL SELECT pg_get_triggerdef(oid), tgrelid FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL SELECT p.polrelid::regclass || ' ' || polname || ' ' || coalesce(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) || ' ' || array_to_string(polroles::regrole[], ' '), polrelid FROM pg_policy p
		UNION ALL SELECT table_name || ' ' || grantee || ' ' || privilege_type, table_name::regclass FROM information_schema.role_table_grants WHERE table_schema = current_schema()
		UNION ALL SELECT relname || ' ' || relrowsecurity || relforcerowsecurity, oid FROM pg_class WHERE relkind IN ('r', 'p')
	) x JOIN pg_class k ON k.oid = x.t WHERE NOT k.relispartition AND k.relnamespace = current_schema()::regnamespace ORDER BY 1`

// TestDistribution: which keys lack the column by which rows could be spread over machines. docs/scale.md says what each
// of them means; a new one needs its sentence there.
func TestDistribution(t *testing.T) {
	t.Parallel()
	db := admin(t, storetest.URL(t))
	for by, want := range map[string][]string{
		"customer_id": {"customers_client_id", "deliveries_id", "flows_handle", "refresh_parts_id", "reports_id", "revocations_id", "run_shards_id", "tokens_pkey"},
		"consumer_id": {"consumers_external_id", "deliveries_id", "reports_id"},
	} {
		got := column[string](t, db, `WITH spread AS (
				SELECT attrelid AS t, attnum FROM pg_attribute a JOIN pg_class k ON k.oid = attrelid
				WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND (attname = $1 AND attnotnull OR attname = 'id' AND relname = replace($1, '_id', 's')))
			SELECT indexrelid::regclass::text FROM pg_index JOIN spread ON t = indrelid WHERE indisunique AND attnum <> ALL(indkey)
			UNION ALL
			SELECT conname FROM pg_constraint JOIN spread a ON a.t = conrelid JOIN spread b ON b.t = confrelid
			WHERE contype = 'f' AND NOT EXISTS (SELECT 1 FROM generate_subscripts(conkey, 1) i WHERE conkey[i] = a.attnum AND confkey[i] = b.attnum)
			ORDER BY 1`, by)
		if !slices.Equal(got, want) {
			t.Errorf("keys without %s: %q, want %q", by, got, want)
		}
	}
}
