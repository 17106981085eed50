package main

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"insightgraph/embedded"
	"insightgraph/store/storetest"
)

// The backup of docs/duties.md, restored into another PostgreSQL server: the same rows, the same rules about who sees
// them, the same secrets, and a program that goes on as if nothing had been.
func TestBackup(t *testing.T) {
	t.Parallel()
	from := storetest.URL(t)
	db := look(t, from)
	var bin string
	if err := db.QueryRow(t.Context(), "SELECT setting FROM pg_config() WHERE name = 'BINDIR'").Scan(&bin); err != nil {
		t.Fatal(err)
	}
	tools := map[string]string{}
	for _, name := range []string{"pg_dump", "pg_dumpall", "pg_restore", "psql"} {
		tools[name] = filepath.Join(bin, name)
		if _, err := os.Stat(tools[name]); err != nil {
			t.Skipf("NOT TRIED: backup and restore need PostgreSQL's own %s, which is not installed beside this server", name)
		}
	}
	run := func(tool string, args ...string) {
		t.Helper()
		if out, err := exec.Command(tools[tool], args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", tool, err, out)
		}
	}
	env := []string{"DATABASE_URL=" + from, "REDIS_URL=" + storetest.Redis(t), "DATA_DIR=" + t.TempDir()}
	own := crowd(t, env, db, 20)
	command(t, env, "insights", "run", "--as-of", "2026-11-15T12:00:00Z")
	p := serve(t, env)
	ask := func(p *process) string {
		t.Helper()
		status, body := p.signIn(own, "").post(`{consumers(first:20){totalCount nodes{id externalId accounts(first:2){nodes{id transactions(first:5){nodes{id amount{amount}}}}} feed(first:5){nodes{id insightName createdAt}}}}}`, nil)
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		data, _, _ := strings.Cut(string(body), `,"extensions"`)
		return data
	}
	before := ask(p)
	if strings.Contains(before, `"errors"`) {
		t.Fatal(before)
	}
	p.stop()

	dir := t.TempDir()
	run("pg_dumpall", "--dbname", from, "--roles-only", "--no-role-passwords", "--file", filepath.Join(dir, "roles.sql"))
	run("pg_dump", "--dbname", from, "--enable-row-security", "--format", "custom", "--file", filepath.Join(dir, "insightgraph.dump"))

	home, err := os.MkdirTemp("", "insightgraph-restored-") // t.TempDir's name may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	server, err := embedded.Start(t.Context(), embedded.Options{Dir: home, Postgres: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	u, err := url.Parse(server.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	run("psql", "--dbname", u.String(), "--quiet", "--file", filepath.Join(dir, "roles.sql")) // those that are there already are told of, and stay
	run("psql", "--dbname", u.String(), "--quiet", "--command", "CREATE DATABASE restored")
	u.Path = "/restored"
	run("pg_restore", "--dbname", u.String(), "--exit-on-error", filepath.Join(dir, "insightgraph.dump"))

	there := look(t, u.String())
	rows, err := db.Query(t.Context(), "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if len(tables) < 30 {
		t.Errorf("only %v", tables)
	}
	same := func(there sees) {
		t.Helper()
		for _, table := range tables {
			if table == "tokens" { // signing in made one
				continue
			}
			sum := func(s sees) (sum string) {
				t.Helper()
				if err := s.QueryRow(t.Context(), "SELECT count(*) || ' ' || coalesce(md5(string_agg(x::text, ',' ORDER BY x::text)), '') FROM "+table+" x").Scan(&sum); err != nil {
					t.Fatal(err)
				}
				return sum
			}
			if a, b := sum(db), sum(there); a != b {
				t.Errorf("%s: %s, restored %s", table, a, b)
			}
		}
	}
	same(there)
	duties, err := os.ReadFile("docs/duties.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(duties), `psql --dbname "$NEW_DATABASE_URL" --command "`)
	onward, _, _ := strings.Cut(rest, "\"\n")
	if !ok {
		t.Fatal("docs/duties.md does not say how numbers go on")
	}
	run("psql", "--dbname", u.String(), "--quiet", "--command", onward)
	const rules = `SELECT count(*)::int FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relrowsecurity AND relforcerowsecurity`
	if a, b := db.count(rules), there.count(rules); a != b || a < 20 {
		t.Errorf("row level security on %d tables, restored on %d", a, b)
	}
	if after := ask(serve(t, []string{"DATABASE_URL=" + u.String(), "REDIS_URL=" + storetest.Redis(t), "DATA_DIR=" + t.TempDir()})); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
	var l login
	if err := json.Unmarshal([]byte(command(t, []string{"DATABASE_URL=" + u.String(), "DATA_DIR=" + t.TempDir()}, "customer", "create", "--name", "New", "--json")), &l); err != nil || l.ClientID == "" {
		t.Errorf("numbers do not go on: %v", err)
	}
	there.do("INSERT INTO consumers (customer_id, external_id, time_zone, currency, created_at, changed_at) SELECT id, 'late', 'UTC', 'EUR', now(), now() FROM customers WHERE client_id = $1", l.ClientID)
	if n := there.count("SELECT count(*)::int FROM consumers WHERE id > 1000000000") + there.count("SELECT count(*)::int FROM customers WHERE id > 1000000000"); n != 2 {
		t.Error("numbers that were given since the backup are given again")
	}

	// Another owner, who is no superuser, restores it as its own, and makes the next backup.
	run("psql", "--dbname", server.DatabaseURL, "--quiet", "--command", "CREATE ROLE keeper LOGIN CREATEROLE PASSWORD 'x'; GRANT insightgraph_app, insightgraph_system TO keeper")
	owned := func(name string) string {
		run("psql", "--dbname", server.DatabaseURL, "--quiet", "--command", "CREATE DATABASE "+name+" OWNER keeper")
		its := *u
		its.User, its.Path = url.UserPassword("keeper", "x"), "/"+name
		return its.String()
	}
	kept, again := owned("kept"), owned("again")
	run("pg_restore", "--dbname", kept, "--no-owner", "--exit-on-error", filepath.Join(dir, "insightgraph.dump"))
	command(t, []string{"DATABASE_URL=" + kept, "DATA_DIR=" + t.TempDir()}, "migrate")
	run("pg_dump", "--dbname", kept, "--enable-row-security", "--format", "custom", "--file", filepath.Join(dir, "next.dump"))
	run("pg_restore", "--dbname", again, "--exit-on-error", filepath.Join(dir, "next.dump"))
	super := *u
	super.Path = "/again"
	same(look(t, super.String()))
}
