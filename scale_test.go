package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"insightgraph/insight"
	"insightgraph/insight/catalogue"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// sees is a connection of the database's owner, which looks at what the processes do.
type sees struct {
	t *testing.T
	*pgx.Conn
}

func look(t *testing.T, url string) sees {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return sees{t, conn}
}

func (s sees) do(statement string, args ...any) {
	s.t.Helper()
	if _, err := s.Exec(s.t.Context(), statement, args...); err != nil {
		s.t.Fatal(err)
	}
}

// count is the one number that a query gives.
func (s sees) count(query string, args ...any) (n int) {
	s.t.Helper()
	if err := s.QueryRow(s.t.Context(), query, args...).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// eventually waits for a state; a test that waits in vain says for what.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came: %s", what)
		}
	}
}

// only switches off all insights of a customer but the one whose results are counted, so that a new one changes no number.
func (s sees) only(clientID string) {
	s.t.Helper()
	for _, d := range catalogue.All {
		var off insight.Settings
		for _, e := range d.Entities {
			off.Overrides = append(off.Overrides, insight.Override{EntityType: e, IsSubscribed: new(false)})
		}
		if d.Name != spending {
			s.do("INSERT INTO customer_settings SELECT id, $2, $3 FROM customers WHERE client_id = $1", clientID, d.Name, off)
		}
	}
}

// crowd makes a customer with people who each have something to tell about the month, and were quiet for two days.
func crowd(t *testing.T, env []string, db sees, people int) (own login) {
	t.Helper()
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Crowd", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	db.only(own.ClientID)
	db.do(`INSERT INTO consumers (customer_id, external_id, time_zone, currency, created_at, changed_at)
		SELECT id, n, 'UTC', 'EUR', now() - interval '2 days', now() - interval '2 days' FROM customers, generate_series(1, $2::int) n WHERE client_id = $1`,
		own.ClientID, people)
	db.do(`INSERT INTO accounts (customer_id, consumer_id, external_id, container, type, name, provider_name, status, currency, created_at)
		SELECT customer_id, id, external_id, 'BANK', 'CHECKING', 'Current', 'Bank', 'ACTIVE', 'EUR', now() FROM consumers`)
	db.do(`INSERT INTO transactions (customer_id, consumer_id, account_id, external_id, base_type, amount, currency, booking_date, status, description,
			category_id, category_source, created_at, changed_at)
		SELECT customer_id, consumer_id, id, base, base, amount, 'EUR', date_trunc('month', now())::date - 20, 'POSTED', 'Test', 1, 'KEYWORD', now(), now()
		FROM accounts CROSS JOIN (VALUES ('CREDIT', 100), ('DEBIT', 25)) v(base, amount)`)
	return own
}

// trigger asks for the insight of all consumers and gives the run's id.
func (c client) trigger(key string) string {
	c.t.Helper()
	var triggered struct {
		TriggerInsights struct{ Run struct{ ID string } }
	}
	c.do(&triggered, `mutation($input: TriggerInsightsInput!) { triggerInsights(input: $input) { run { id } } }`, object{"input": object{
		"idempotencyKey": key, "insights": []object{{"insightName": spending}}}})
	return triggered.TriggerInsights.Run.ID
}

// status is how far a run is.
func (c client) status(run string) string {
	c.t.Helper()
	var answer struct{ Node struct{ Status string } }
	c.do(&answer, `query($id: ID!) { node(id: $id) { ... on TriggerRun { status } } }`, object{"id": run})
	return answer.Node.Status
}

// shardsDone is how many shards a process says that it evaluated.
func (p *process) shardsDone() (n int) {
	p.t.Helper()
	r, err := http.Get(p.url + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "insightgraph_shard_seconds_count %d", &n); err == nil {
			return n
		}
	}
	p.t.Fatal("no metric of shards")
	return 0
}

// TestManyProcesses: two web and three worker processes on one database and one Redis share the runs, one on demand and
// one on schedule. One worker dies by kill -9 with a shard in its hands; the others make it up, and nothing comes twice.
func TestManyProcesses(t *testing.T) {
	t.Parallel()
	address := storetest.URL(t)
	db := look(t, address)
	shared := []string{"DATABASE_ADMIN_URL=" + address, "REDIS_URL=" + storetest.Redis(t), "DATA_DIR=" + t.TempDir()}
	as := func(user string) []string { // each process has a login of its own, so that the database tells who waits
		name := db.Config().Database + "_" + user
		db.do("CREATE ROLE " + name + " LOGIN PASSWORD 'x' IN ROLE insightgraph_app, insightgraph_system")
		t.Cleanup(func() { db.Exec(context.Background(), "DROP ROLE "+name) }) // roles are the whole server's
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(name, "x")
		return append([]string{"DATABASE_URL=" + u.String()}, shared...)
	}
	people := 3*store.ShardSize + 1
	own := crowd(t, append([]string{"DATABASE_URL=" + address}, shared...), db, people)

	locker := look(t, address)
	// While this lock is held no worker can store entries: each comes as far as having a shard in its hands.
	lock, err := locker.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), "LOCK TABLE feed_entries IN SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	var webs [2]*process
	var workers [3]*process
	for i := range webs {
		webs[i] = serve(t, as(fmt.Sprint("web", i)), "--role", "web")
	}
	for i := range workers {
		workers[i] = serve(t, append(as(fmt.Sprint("worker", i)), "CONCURRENCY=1"), "--role", "worker")
	}

	a, b := webs[0].signIn(own, ""), webs[1].signIn(own, "")
	b.token = a.token // one process takes what the other gave
	var runs [2]string
	var asking sync.WaitGroup
	for i, c := range []client{a, b} {
		asking.Go(func() { runs[i] = c.trigger("once") })
	}
	asking.Wait()
	if runs[0] != runs[1] || runs[0] == "" {
		t.Fatalf("one key at two processes gave the runs %q", runs)
	}
	for i := range workers {
		eventually(t, fmt.Sprintf("worker %d has a shard", i), func() bool {
			return db.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1 AND wait_event_type = 'Lock'`,
				db.Config().Database+fmt.Sprint("_worker", i)) > 0
		})
	}
	workers[2].kill()
	// The machine is gone, and with it its connections.
	db.do(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = $1`, db.Config().Database+"_worker2")
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all shards are done but that of the dead worker", func() bool {
		return db.count("SELECT count(*) FROM run_shards WHERE state <> 'DONE'") == 1 && db.count("SELECT count(*) FROM runs WHERE requests @> jsonb_build_array(jsonb_build_object('insight', $1::text))", spending) == 2
	})
	if n := db.count(`SELECT count(*) FROM run_shards s JOIN (SELECT customer_id, run_id, consumer_id FROM evaluations UNION ALL
			SELECT customer_id, run_id, consumer_id FROM outcomes) e USING (customer_id, run_id)
		WHERE s.state = 'RUNNING' AND e.consumer_id BETWEEN s.low AND s.high`); n != 0 {
		t.Errorf("%d outcomes of a shard that nobody finished", n)
	}
	// Time goes on for that shard: its lease is over.
	db.do(`UPDATE run_shards SET lease_until = lease_until - interval '5 minutes', enqueued_at = enqueued_at - interval '5 minutes' WHERE state = 'RUNNING'`)
	eventually(t, "the run's end", func() bool { return b.status(runs[0]) == "SUCCEEDED" })
	eventually(t, "all shards are done", func() bool { return db.count("SELECT count(*) FROM run_shards WHERE state <> 'DONE'") == 0 })

	if n := db.count("SELECT count(*) FROM run_shards WHERE attempts > 1"); n != 1 {
		t.Errorf("%d shards were begun again, want the dead worker's", n)
	}
	all := db.count("SELECT count(*) FROM run_shards")
	first, second := workers[0].shardsDone(), workers[1].shardsDone()
	t.Logf("%d shards: %d and %d, and one that was made up for", all, first, second)
	if first == 0 || second == 0 || first+second != all {
		t.Errorf("the workers did %d and %d of %d shards", first, second, all)
	}
	outcome := func(what string) int {
		return db.count("SELECT coalesce(sum((outcomes->>$1)::int), 0) FROM run_shards", what)
	}
	generated := outcome("GENERATED")
	if duplicates := outcome("DUPLICATE"); generated+duplicates != 2*people || generated < people {
		t.Errorf("%d generated and %d duplicates in two runs for %d people", generated, duplicates, people)
	}
	if n := db.count("SELECT count(*) FROM feed_entries"); n != generated {
		t.Errorf("%d entries, but %d say that they made one", n, generated)
	}
	if n := db.count("SELECT count(*) FROM (SELECT 1 FROM feed_entries GROUP BY consumer_id, occurrence_from HAVING count(*) > 1) twice"); n != 0 {
		t.Errorf("%d entries came twice", n)
	}
	for _, query := range []string{
		`query($id: ID!) { node(id: $id) { ... on TriggerRun { status requestedAt finishedAt evaluations(first: 50) { totalCount nodes { outcome feedEntry { id } consumer { id } } } } } }`,
		`{ feed(first: 50) { totalCount nodes { id createdAt period { from to } transactionDerived { creditTotal { amount } spentPercent } } pageInfo { endCursor } } }`,
		`{ consumers(first: 20) { nodes { id externalId accounts { nodes { id transactions(first: 5) { nodes { id amount { amount } bookingDate } } } } } } }`,
	} {
		variables := object{}
		if strings.Contains(query, "$id") {
			variables["id"] = runs[0]
		}
		code, one := a.post(query, variables)
		_, other := b.post(query, variables)
		if code != 200 || !bytes.Equal(one, other) || bytes.Contains(one, []byte(`"errors"`)) {
			t.Errorf("the two answer differently: %d\n%.300s\n%.300s", code, one, other)
		}
	}
}
