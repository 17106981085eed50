package store_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// things are the refs that a caller names.
type things struct {
	consumer, account, transaction, entry, run bank.Ref
	session, flow, refresh, consent            bank.Ref
	whole                                      insight.Entry
	wholeRun                                   insight.Run
	rule                                       bank.Ref
	source, casefile, report, delivery         bank.Ref
}

func (x tenant) things(i int) things {
	return things{x.consumers[i].Ref(), x.accounts[2*i].Ref(), x.rows[i*len(x.rows)/2].Ref(), x.entries[i].Ref(), x.runs[i].Ref(),
		x.flows[i].Session, x.flows[i].Flow, x.flows[i].Refresh, x.flows[i].Consent, x.entries[i], x.runs[i], x.rule,
		x.reports[i].Source, x.reports[i].Case, x.reports[i].Report, x.reports[i].Delivery}
}

// like is the same kinds of things that nobody has.
func like(of things, consumer, id int64) things {
	x := things{bank.Ref{Kind: bank.KindConsumer, ConsumerID: consumer, ID: consumer}, bank.Ref{Kind: bank.KindAccount, ConsumerID: consumer, ID: id},
		bank.Ref{Kind: bank.KindTransaction, ConsumerID: consumer, ID: id}, bank.Ref{Kind: bank.KindEntry, ConsumerID: consumer, ID: id},
		bank.Ref{Kind: bank.KindRun, ConsumerID: consumer, ID: id}, bank.Ref{Kind: bank.KindSession, ID: id}, bank.Ref{Kind: bank.KindFlow, ID: id},
		bank.Ref{Kind: bank.KindRefresh, ID: id}, bank.Ref{Kind: bank.KindConsent, ConsumerID: consumer, ID: id}, of.whole, of.wholeRun, bank.Ref{Kind: bank.KindRule, ID: id},
		bank.Ref{Kind: bank.KindSource, ConsumerID: consumer, ID: id}, bank.Ref{Kind: bank.KindCase, ConsumerID: consumer, ID: id},
		bank.Ref{Kind: bank.KindReport, ConsumerID: consumer, ID: id}, bank.Ref{Kind: bank.KindDelivery, ConsumerID: consumer, ID: id}}
	x.whole.ConsumerID, x.whole.ID, x.whole.Accounts = consumer, id, []insight.EntryAccount{{ID: x.account}}
	x.wholeRun.ID = id
	return x
}

// answer is what a caller sees of a result.
func answer(v any, err error) string {
	text, _ := json.Marshal(v)
	codes := []fault.Code{}
	for _, f := range fault.Of(err) {
		codes = append(codes, f.Code)
	}
	return fmt.Sprint(string(text), codes, err)
}

func pageAnswer[T any](t *testing.T, pages []*page.Of[T], err error) (any, error) {
	list := []any{}
	for _, p := range pages {
		n, countErr := p.TotalCount(t.Context())
		list, err = append(list, p.Nodes, p.Info, n), errors.Join(err, countErr)
	}
	return list, err
}

func onePage[T any](t *testing.T, p *page.Of[T], err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return pageAnswer(t, []*page.Of[T]{p}, nil)
}

// contents is a hash of all rows of a customer, or of one of its consumers, by table.
func contents(t *testing.T, db *pgx.Conn, customer, consumer int64) map[string]string {
	t.Helper()
	hashes := map[string]string{}
	for _, table := range column[string](t, db, tenantTables) {
		own := fmt.Sprintf("(to_jsonb(x)->>'customer_id')::bigint = %d", customer)
		if key := map[string]string{"consumers": "id"}[table]; consumer != 0 {
			own += fmt.Sprintf(" AND (to_jsonb(x)->>'%s')::bigint = %d", cmp.Or(key, "consumer_id"), consumer)
		}
		hashes[table] = column[string](t, db, "SELECT coalesce(md5(string_agg(x::text, ',' ORDER BY x::text)), '') FROM "+table+" x WHERE "+own)[0]
	}
	return hashes
}

// TestForeignRefs: what belongs to another customer, or to another consumer where the tenant is one, answers exactly as
// what does not exist, and stays as it is: with both layers, and with the one in the queries alone.
func TestForeignRefs(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	db := admin(t, url)
	s := storetest.Open(t, url, store.Options{MaxConns: 4})
	a, b := populate(t, s, "a"), populate(t, s, "b")
	if _, err := db.Exec(t.Context(), `DO $$ BEGIN CREATE ROLE store_test_bypass BYPASSRLS; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
		GRANT insightgraph_app TO store_test_bypass`); err != nil {
		t.Fatal(err)
	}
	bypass := storetest.Open(t, url, store.As("store_test_bypass", store.Options{MaxConns: 4}))
	anna, other := a.consumers[0].ID, a.consumers[1].ID
	own, bens := a.things(0), a.things(1)
	crossed := own // an id whose parts belong to two
	crossed.consumer = bank.Ref{Kind: bank.KindConsumer, ConsumerID: anna, ID: other}
	for _, one := range []struct {
		who             string
		c               store.Tenant
		foreign, random things
		owner, consumer int64 // whose rows must not change
	}{
		{"customer", s.Customer(a.id), b.things(0), like(own, 1<<40, 1<<41), b.id, 0},
		{"customer, queries alone", bypass.Customer(a.id), b.things(0), like(own, 1<<40, 1<<41), b.id, 0},
		{"customer, own consumer and foreign id", s.Customer(a.id), like(own, b.consumers[0].ID, b.accounts[0].ID), like(own, 1<<40, 1<<41), b.id, 0},
		{"consumer", s.Consumer(a.id, anna), bens, like(own, 1<<40, 1<<41), a.id, other},
		{"consumer, queries alone", bypass.Consumer(a.id, anna), bens, like(own, 1<<40, 1<<41), a.id, other},
		{"consumer, other customer's", bypass.Consumer(a.id, anna), b.things(1), like(own, 1<<40, 1<<41), b.id, 0},
	} {
		before := contents(t, db, one.owner, one.consumer)
		for name, do := range operations(t) {
			foreign := answer(do(one.c, one.foreign))
			random := answer(do(one.c, one.random))
			if foreign != random {
				t.Errorf("%s: %s: foreign answers %s, random %s", one.who, name, foreign, random)
			}
		}
		if after := contents(t, db, one.owner, one.consumer); !maps.Equal(before, after) {
			t.Errorf("%s: rows changed from %v to %v", one.who, before, after)
		}
	}
	// The other way round, so that the table is known to ask what can be answered.
	if _, err := operations(t)["StartFlow"](s.Customer(a.id), own); err != nil { // before its session is closed
		t.Errorf("StartFlow of its own: %v", err)
	}
	for name, do := range operations(t) {
		switch name {
		case "DeleteConsumer", "DeleteAccount", "DeleteTransactions", "DeleteCategoryRule", "SeparateTransfer", "StartFlow", "CollectFlow", "AbortFlow": // what is over or gone by then
			continue
		}
		if _, err := do(s.Customer(a.id), own); err != nil {
			t.Errorf("%s of its own: %v", name, err)
		}
	}
	for name, do := range operations(t) { // parts of an id that do not belong together
		if _, err := do(bypass.Consumer(a.id, anna), crossed); name == "Consumer" || name == "UpdateConsumer" || name == "DeleteConsumer" || name == "CreateRun" {
			if f := fault.Of(err); len(f) != 1 || f[0].Code != fault.NotFound {
				t.Errorf("%s of a crossed id: %v", name, err)
			}
		}
	}
	if got := contents(t, db, a.id, other); got["consumers"] == "" || got["transactions"] == "" {
		t.Error("the other consumer is gone")
	}
}

// TestRowsOfOthers: the policies alone, without any predicate in the query.
func TestRowsOfOthers(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	s := storetest.Open(t, url, store.Options{MaxConns: 4})
	a, b := populate(t, s, "a"), populate(t, s, "b")
	db := admin(t, url)
	tables := append(column[string](t, db, tenantTables), "customers")
	withConsumer := column[string](t, db, "SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'consumer_id'")
	if _, err := db.Exec(t.Context(), "SET ROLE insightgraph_app"); err != nil {
		t.Fatal(err)
	}
	count := func(customer, consumer, statement string) int64 {
		t.Helper()
		tx, err := db.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(t.Context())
		if customer != "unset" {
			if _, err := tx.Exec(t.Context(), "SELECT set_config('app.customer', $1, true), set_config('app.consumer', $2, true)", customer, consumer); err != nil {
				t.Fatal(err)
			}
		}
		tag, err := tx.Exec(t.Context(), statement)
		if err != nil {
			t.Errorf("%s: %v", statement, err)
		}
		return tag.RowsAffected()
	}
	mine, anna := fmt.Sprint(a.id), fmt.Sprint(a.consumers[0].ID)
	for _, table := range tables {
		if table == "tokens" || table == "revocations" {
			continue // not to be seen at all, below
		}
		key, ofConsumer := "customer_id", table == "consumers" || slices.Contains(withConsumer, table)
		if table == "customers" {
			key = "id"
		}
		for _, setting := range []string{"unset", ""} {
			if n := count(setting, "", "SELECT FROM "+table); n != 0 {
				t.Errorf("%s: %d rows without a customer", table, n)
			}
		}
		if n := count(mine, "", "SELECT FROM "+table); n == 0 {
			t.Errorf("%s: nothing to see", table)
		}
		if n := count(mine, "", fmt.Sprintf("SELECT FROM %s WHERE %s <> %d", table, key, a.id)); n != 0 {
			t.Errorf("%s: %d rows of others", table, n)
		}
		if ofConsumer {
			column := map[bool]string{true: "id", false: "consumer_id"}[table == "consumers"]
			if n := count(mine, anna, fmt.Sprintf("SELECT FROM %s WHERE %s IS DISTINCT FROM %s", table, column, anna)); n != 0 {
				t.Errorf("%s: %d rows of other consumers", table, n)
			}
			if n := count(mine, fmt.Sprint(b.consumers[0].ID), "SELECT FROM "+table); n != 0 {
				t.Errorf("%s: %d rows under a consumer of another customer", table, n)
			}
		}
		if table != "events" && table != "event_days" && table != "customers" && table != "run_shards" && table != "consumers" && table != "accounts" { // no right to at all, below; the others would cascade
			if n := count(mine, "", fmt.Sprintf("DELETE FROM %s WHERE %s = %d", table, key, b.id)); n != 0 {
				t.Errorf("%s: deleted %d rows of others", table, n)
			}
		}
	}
	for _, statement := range []string{"UPDATE customer_settings SET insight = insight", "DELETE FROM customer_settings", "UPDATE category_rules SET name = name", "DELETE FROM category_rules"} {
		if n := count(mine, anna, statement); n != 0 { // read by a consumer, for all consumers
			t.Errorf("a consumer may %s", statement)
		}
	}
	for _, table := range []string{"sessions", "origins", "webhook_secrets", "public_keys", "events", "event_days"} { // nothing of one consumer
		if n := count(mine, anna, "SELECT FROM "+table); n != 0 {
			t.Errorf("%s: a consumer sees %d rows", table, n)
		}
	}
	for _, statement := range []string{"SELECT FROM tokens", "SELECT FROM revocations", "UPDATE revocations SET attempts = 0", "DELETE FROM revocations", "INSERT INTO customers (name) VALUES ('x')", "CREATE TABLE x ()", "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY",
		"TRUNCATE transactions", "DROP POLICY own ON accounts", "ALTER ROLE insightgraph_app BYPASSRLS", "COPY customers TO PROGRAM 'true'",
		"INSERT INTO rates VALUES ('USD', '2026-01-01', 1, 'x')",
		"UPDATE events SET at = now()", "UPDATE events SET number = 1, hash = 'x'", "DELETE FROM events", "TRUNCATE events", "DELETE FROM event_days", "UPDATE event_days SET number = 1"} {
		if _, err := db.Exec(t.Context(), statement); err == nil {
			t.Errorf("may %s", statement)
		}
	}
	// A row cannot be given to another.
	for _, statement := range []string{"UPDATE customer_settings SET customer_id = %d", "INSERT INTO revocations (customer_id, flow_id, bank_code, sealed, run_after) VALUES (%d, 1, 'x', 'x', now())"} {
		if _, err := db.Exec(t.Context(), fmt.Sprintf("BEGIN; SELECT set_config('app.customer', '%d', true); "+statement+"; COMMIT", a.id, b.id)); err == nil {
			t.Errorf("may give a row away: %s", statement)
		}
		if _, err := db.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	}
}
