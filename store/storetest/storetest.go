// Package storetest gives each test a fresh, migrated database on a real PostgreSQL, and a real Redis.
package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that makes and drops databases

	"insightgraph/connect"
	"insightgraph/embedded"
	"insightgraph/insight"
	"insightgraph/store"
)

var (
	start   sync.Once
	servers *embedded.Servers
	failed  error
	dir     string
	next    atomic.Int64
)

// settings are those of the test servers: durability against power loss is off.
var settings = []string{"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=300"}

// Main runs a package's tests and stops the servers after them. Each package that uses New has
// func TestMain(m *testing.M) { storetest.Main(m) }.
func Main(m interface{ Run() int }) {
	code := m.Run()
	if servers != nil {
		servers.Stop()
	}
	if dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// Servers starts the servers of this test process, once. They are real; only durability against power loss is off.
func Servers(t testing.TB) *embedded.Servers {
	t.Helper()
	start.Do(func() {
		if dir, failed = os.MkdirTemp("", "insightgraph-test-"); failed != nil {
			return
		}
		servers, failed = embedded.Start(context.Background(), embedded.Options{Dir: dir, Postgres: true, Redis: true,
			PostgresArgs: settings, RedisConfig: []string{"databases 1000"},
			Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }})
		if failed != nil {
			return
		}
		if failed = exec("CREATE DATABASE template_insightgraph"); failed != nil {
			return
		}
		_, failed = store.Migrate(context.Background(), databaseURL("template_insightgraph"))
	})
	if failed != nil {
		t.Fatalf("start the test servers: %v", failed)
	}
	return servers
}

func exec(statement string) error {
	db, err := sql.Open("pgx", servers.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}

func databaseURL(name string) string {
	u, _ := url.Parse(servers.DatabaseURL)
	u.Path = "/" + name
	return u.String()
}

// URL is a fresh, migrated database for one test.
func URL(t testing.TB) string {
	t.Helper()
	Servers(t)
	name := fmt.Sprintf("test_%d", next.Add(1))
	if err := exec("CREATE DATABASE " + name + " TEMPLATE template_insightgraph"); err != nil {
		t.Fatalf("make a test database: %v", err)
	}
	t.Cleanup(func() { exec("DROP DATABASE " + name + " WITH (FORCE)") })
	return databaseURL(name)
}

// Redis is a database of Redis for one test. Tests that use that of Servers are not to run side by side.
func Redis(t testing.TB) string {
	t.Helper()
	return fmt.Sprint(strings.TrimSuffix(Servers(t).RedisURL, "0"), next.Add(1))
}

// New is a store on a fresh database.
func New(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, URL(t), store.Options{MaxConns: 8})
}

// keys are what answers are encrypted with where a test gives no keys: the same for all stores, since some share a database.
var keys, _ = connect.ParseKeys(connect.NewKey())

// Open is a store on a database, closed with the test.
func Open(t testing.TB, url string, o store.Options) *store.Store {
	t.Helper()
	if o.Keys == nil {
		o.Keys = keys
	}
	s, err := store.Open(context.Background(), url, o)
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Finish is store.FinishParts with all results in one part.
func Finish(ctx context.Context, s *store.Store, c store.Shard, results []store.Result) (map[insight.Outcome]int, error) {
	return s.FinishParts(ctx, c, func(yield func([]store.Result) bool) { yield(slices.Clone(results)) })
}
