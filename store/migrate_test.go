package store_test

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// empty is a database without anything in it.
func empty(t *testing.T) string {
	t.Helper()
	u := storetest.URL(t)
	if _, err := admin(t, u).Exec(t.Context(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC"); err != nil {
		t.Fatal(err)
	}
	return u
}

// files is how many migrations there are.
func files(t *testing.T) int {
	t.Helper()
	return len(must[[]os.DirEntry](t)(os.ReadDir("migrations")))
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	u := empty(t)
	applied := make([][]string, 5)
	noErrors(t, together(5, func(i int) (err error) {
		applied[i], err = store.Migrate(t.Context(), u)
		return err
	}))
	n := 0
	for _, names := range applied {
		n += len(names)
	}
	if n != files(t) {
		t.Errorf("five at once applied %v", applied)
	}
	if names, err := store.Migrate(t.Context(), u); err != nil || len(names) != 0 {
		t.Errorf("again: %v, %v", names, err)
	}
	s := storetest.Open(t, u, store.Options{MaxConns: 2})
	account(t, customer(t, s, "acme"), "anna", "current", bank.ContainerBank)
	db := admin(t, u)
	if may := column[bool](t, db, "SELECT has_schema_privilege('insightgraph_app', 'public', 'CREATE')")[0]; may {
		t.Error("the application may create tables")
	}
	if _, err := store.Migrate(t.Context(), "postgres://u:secret@nowhere:bad/x"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a bad address: %v", err)
	}
	if _, err := store.Open(t.Context(), "postgres://u:secret@nowhere:bad/x", store.Options{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a bad address: %v", err)
	}
}

// TestHalfMigration: a migration that fails leaves nothing behind, and can be done again.
func TestHalfMigration(t *testing.T) {
	t.Parallel()
	u := empty(t)
	db := admin(t, u)
	if _, err := db.Exec(t.Context(), "CREATE TABLE feed_entries (in_the_way int)"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if names, err := store.Migrate(t.Context(), u); err == nil || len(names) != 0 {
			t.Fatalf("applied %v, %v", names, err)
		}
	}
	left := column[string](t, db, "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'migration%' ORDER BY 1")
	if len(left) != 1 || left[0] != "feed_entries" {
		t.Errorf("left behind: %v", left)
	}
	if n := column[int](t, db, "SELECT count(*)::int FROM migrations")[0]; n != 0 {
		t.Errorf("%d migrations count as applied", n)
	}
	if _, err := db.Exec(t.Context(), "DROP TABLE feed_entries"); err != nil {
		t.Fatal(err)
	}
	if names, err := store.Migrate(t.Context(), u); err != nil || len(names) != files(t) {
		t.Errorf("at last: %v, %v", names, err)
	}
}

// TestPlainLogin: a login that is a member of the two roles and nothing else runs the application after an administrator,
// who is no superuser, has migrated.
func TestPlainLogin(t *testing.T) {
	t.Parallel()
	u := empty(t)
	ctx := t.Context()
	super := admin(t, u)
	name := column[string](t, super, "SELECT current_database()::text")[0]
	if _, err := super.Exec(ctx, `DROP ROLE IF EXISTS store_test_admin; CREATE ROLE store_test_admin LOGIN CREATEROLE PASSWORD 'a';
		DROP ROLE IF EXISTS store_test_login; CREATE ROLE store_test_login LOGIN NOINHERIT PASSWORD 'b'; GRANT insightgraph_app, insightgraph_system TO store_test_login;
		ALTER DATABASE `+name+` OWNER TO store_test_admin; ALTER SCHEMA public OWNER TO store_test_admin`); err != nil {
		t.Fatal(err)
	}
	as := func(role, password string) string {
		x, _ := url.Parse(u)
		x.User = url.UserPassword(role, password)
		return x.String()
	}
	if column[int](t, super, "SELECT current_setting('server_version_num')::int")[0] >= 160000 { // before, it may give itself any role
		if _, err := store.Migrate(ctx, as("store_test_admin", "a")); err == nil || !strings.Contains(err.Error(), "GRANT insightgraph_app TO store_test_admin") {
			t.Errorf("roles that another login made: %v", err)
		}
		if _, err := super.Exec(ctx, "GRANT insightgraph_app, insightgraph_system TO store_test_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"); err != nil { // as if it had made them
			t.Fatal(err)
		}
	}
	if names, err := store.Migrate(ctx, as("store_test_admin", "a")); err != nil || len(names) != files(t) {
		t.Fatalf("migrate: %v, %v", names, err)
	}
	s := storetest.Open(t, as("store_test_login", "b"), store.Options{MaxConns: 3})
	x := populate(t, s, "acme")
	if counts, err := s.Plan(ctx, store.Plan{Zone: store.Zone{CustomerID: x.id, TimeZone: "Europe/Berlin"}, Insights: []string{"COMPARISON"}, Frequency: insight.Monthly,
		Occurrence: bank.Period{From: day("2026-03-01"), To: day("2026-03-31")}, AsOf: s.Now()}); err != nil || len(counts) != 1 {
		t.Errorf("plan: %v, %v", counts, err)
	}
	must[int](t)(s.SaveQuotes(ctx, []bank.Quote{{Currency: "USD", Day: day("2026-01-01"), Rate: amount("1.1"), Source: "ECB"}}))
	if changed, err := s.RebuildTotals(ctx); changed != 0 || err != nil {
		t.Errorf("rebuild: %d, %v", changed, err)
	}
	exact(t, s)
	if _, err := store.Migrate(ctx, as("store_test_login", "b")); err == nil {
		t.Error("the application may migrate")
	}
	login, err := pgx.Connect(ctx, as("store_test_login", "b"))
	if err != nil {
		t.Fatal(err)
	}
	defer login.Close(ctx)
	if _, err := login.Exec(ctx, "SELECT FROM customers"); err == nil {
		t.Error("the login reads without its roles")
	}
}

// TestRunsTogether: scheduled runs of single insights, as they were before, become one with what came of each.
func TestRunsTogether(t *testing.T) {
	t.Parallel()
	db := admin(t, empty(t))
	run := func(text string) {
		t.Helper()
		if _, err := db.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	all := must[[]os.DirEntry](t)(os.ReadDir("migrations"))
	for _, f := range all[:3] {
		run(string(must[[]byte](t)(os.ReadFile("migrations/" + f.Name()))))
	}
	run(`INSERT INTO customers (name, client_id, secret_hash, time_zone, currency, created_at) VALUES ('a', 'a', '', 'UTC', 'EUR', now());
		INSERT INTO consumers (customer_id, time_zone, currency, created_at, changed_at) SELECT 1, 'UTC', 'EUR', now(), now() FROM generate_series(1, 4);
		INSERT INTO runs (customer_id, kind, insight, frequency, requests, time_zone, occurrence_from, as_of, status, requested_at, shards_left, planned_through, round)
			SELECT 1, 'SCHEDULED', i, 'MONTHLY', jsonb_build_array(jsonb_build_object('insight', i)), 'UTC', day::date, now(), 'RUNNING', now(), 1, now(), r
			FROM (VALUES ('A', '2026-01-01', 0), ('A', '2026-02-01', 2), ('B', '2026-02-01', 1)) v(i, day, r);
		INSERT INTO runs (customer_id, kind, requests, as_of, status, requested_at) VALUES (1, 'ON_DEMAND', '[]', now(), 'SUCCEEDED', now());
		INSERT INTO run_shards (customer_id, run_id, low, high, run_after) SELECT 1, id, 1, 4, now() FROM runs WHERE kind = 'SCHEDULED';
		INSERT INTO evaluations (customer_id, consumer_id, run_id, insight, outcome, reason, evaluated_at, data_at, round)
			SELECT 1, c, r, i, o, 'why', now(), now(), n FROM (VALUES (1, 1, 'A', 'GENERATED', 0), (1, 2, 'A', 'FAILED', 2), (1, 3, 'B', 'DUPLICATE', 1),
				(2, 2, 'A', 'CONDITION_NOT_MET', 2), (3, 2, 'A', 'CONDITION_NOT_MET', 1), (3, 3, 'B', 'NOT_SUBSCRIBED', 1), (1, 4, 'A', 'GENERATED', 0)) v(c, r, i, o, n)`)
	run(string(must[[]byte](t)(os.ReadFile("migrations/" + all[3].Name()))))
	for query, want := range map[string][]string{
		"SELECT concat_ws(' ', consumer_id, run_id, outcomes, reasons, round) FROM outcomes ORDER BY 1": {"1 1 G 0", `1 2 FD {"A": "why"} 2`, "2 2 C- -1", "3 2 CN -1"},
		"SELECT concat_ws(' ', id, kind, requests, status, round, shards_left, planned_through) FROM runs ORDER BY 1": {`1 SCHEDULED [{"insight": "A"}] SUCCEEDED 0 0`,
			`2 SCHEDULED [{"insight": "A"}, {"insight": "B"}] SUCCEEDED 2 0`, "4 ON_DEMAND [] SUCCEEDED 0 0"},
		"SELECT run_id::text FROM evaluations": {"4"},
		"SELECT run_id::text FROM run_shards":  nil,
	} {
		if got := column[string](t, db, query); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// TestKilledMigration: the server process that migrates is killed after the first change of the schema, after the second,
// and so on; each time the next start goes on to the same schema.
func TestKilledMigration(t *testing.T) {
	t.Parallel()
	u := empty(t)
	db := admin(t, u)
	reset := func(killAfter int) {
		t.Helper()
		if _, err := db.Exec(t.Context(), `DROP EVENT TRIGGER IF EXISTS cut; DROP SCHEMA IF EXISTS test CASCADE;
			DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC;
			CREATE SCHEMA test; CREATE SEQUENCE test.seen; CREATE FUNCTION test.cut() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
				IF nextval('test.seen') = `+numbered(killAfter)+` THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; END $$;
			CREATE EVENT TRIGGER cut ON ddl_command_end EXECUTE FUNCTION test.cut()`); err != nil {
			t.Fatal(err)
		}
	}
	schema := func() string {
		t.Helper()
		return strings.Join(column[string](t, db, `SELECT format('%s %s %s %s', c.relname, a.attname, a.atttypid::regtype, a.attnotnull) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
				WHERE relnamespace = 'public'::regnamespace AND attnum > 0
			UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
			UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
			UNION ALL SELECT format('%s %s %s', tablename, policyname, qual) FROM pg_policies
			UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
			UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1`), "\n")
	}
	reset(0)
	if _, err := store.Migrate(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	whole, changes := schema(), column[int](t, db, "SELECT last_value::int FROM test.seen")[0]
	if changes < 100 {
		t.Errorf("only %d changes", changes)
	}
	step := max(1, changes/10)
	if os.Getenv("EVERY_KILL") != "" { // make chaos
		step = 1
	}
	for n := 1; n <= changes; n += step {
		reset(n)
		if names, err := store.Migrate(t.Context(), u); err == nil {
			t.Fatalf("not killed at %d: %v", n, names)
		}
		if _, err := store.Migrate(t.Context(), u); err != nil {
			t.Errorf("after a kill at %d: %v", n, err)
		}
		if schema() != whole {
			t.Errorf("after a kill at %d: another schema", n)
		}
	}
}

// TestKilledNote: a migration and the note that it was made are one: who dies at the note, in the transaction or after it,
// is followed by one who goes on.
func TestKilledNote(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 2; n++ {
		u := empty(t)
		db := admin(t, u)
		if _, err := db.Exec(t.Context(), `CREATE TABLE migrations (id bigserial PRIMARY KEY, name varchar, group_id bigint, migrated_at timestamptz NOT NULL DEFAULT now());
			CREATE SCHEMA test; CREATE SEQUENCE test.seen; CREATE FUNCTION test.cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				IF nextval('test.seen') = `+numbered(n)+` THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$;
			CREATE TRIGGER cut BEFORE INSERT ON migrations FOR EACH ROW EXECUTE FUNCTION test.cut()`); err != nil {
			t.Fatal(err)
		}
		if names, err := store.Migrate(t.Context(), u); err == nil {
			t.Fatalf("not killed: %v", names)
		}
		if names, err := store.Migrate(t.Context(), u); err != nil || len(names) != files(t)+1-n {
			t.Errorf("after a kill at note %d: %v, %v", n, names, err)
		}
		if noted := column[int](t, db, "SELECT count(*)::int FROM migrations")[0]; noted != files(t) {
			t.Errorf("%d migrations are noted", noted)
		}
	}
}

// TestOtherDefaults: what a server, a database or a login has as its defaults changes nothing of what is stored and read.
func TestOtherDefaults(t *testing.T) {
	t.Parallel()
	u := empty(t)
	db := admin(t, u)
	name := column[string](t, db, "SELECT current_database()::text")[0]
	for _, setting := range []string{"standard_conforming_strings = off", "backslash_quote = on", "escape_string_warning = off", "datestyle = 'SQL, DMY'", "intervalstyle = 'iso_8601'",
		"timezone = 'Pacific/Kiritimati'", "bytea_output = 'escape'", "default_transaction_isolation = 'serializable'", "client_encoding = 'LATIN1'"} {
		if _, err := db.Exec(t.Context(), "ALTER DATABASE "+name+" SET "+setting); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := store.Migrate(t.Context(), u); err != nil || len(names) != files(t) {
		t.Fatalf("migrate: %v, %v", names, err)
	}
	s := storetest.Open(t, u, store.Options{MaxConns: 3})
	x := populate(t, s, `\'); DROP TABLE x; -- Ł`)
	externalID := `\' OR true -- Ł`
	made := must[bank.Consumer](t)(x.CreateConsumer(t.Context(), store.NewConsumer{ExternalID: &externalID}))
	found := must[bank.Consumer](t)(x.ConsumerByExternalID(t.Context(), externalID))
	if found.Ref() != made.Ref() || !found.CreatedAt.Equal(made.CreatedAt) {
		t.Errorf("%+v became %+v", made, found)
	}
	exact(t, s)
}

// TestOtherEncoding: a database that cannot hold all names is not taken.
func TestOtherEncoding(t *testing.T) {
	t.Parallel()
	u := storetest.URL(t)
	x := must[*url.URL](t)(url.Parse(u))
	name := strings.TrimPrefix(x.Path, "/") + "_latin"
	if _, err := admin(t, u).Exec(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"); err != nil {
		t.Fatal(err)
	}
	x.Path = name
	if names, err := store.Migrate(t.Context(), x.String()); err == nil || !strings.Contains(err.Error(), "in LATIN1") || names != nil {
		t.Errorf("migrate: %v, %v", names, err)
	}
}
