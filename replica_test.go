package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"insightgraph/report"
	"insightgraph/store/storetest"
)

// replay stops the replica's replay of what the primary wrote, or lets it go on. It is stopped when it has everything.
func (s sees) replay(primary sees, on bool) {
	s.t.Helper()
	if on {
		s.do("SELECT pg_wal_replay_resume()")
		return
	}
	s.follow(primary)
	s.do("SELECT pg_wal_replay_pause()")
	eventually(s.t, "the replica pauses", func() bool { return s.count("SELECT (pg_get_wal_replay_pause_state() = 'paused')::int") == 1 })
}

// follow waits until the replica has all that the primary wrote.
func (s sees) follow(primary sees) {
	s.t.Helper()
	var at string
	if err := primary.QueryRow(s.t.Context(), "SELECT pg_current_wal_insert_lsn()::text").Scan(&at); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "the replica follows", func() bool { return s.count("SELECT (pg_last_wal_replay_lsn() >= $1::text::pg_lsn)::int", at) == 1 })
}

// accounts are the names of all accounts that a process shows.
func (c client) accounts() string {
	c.t.Helper()
	var answer struct {
		Consumers struct {
			Nodes []struct {
				Accounts struct{ Nodes []struct{ Name string } }
			}
		}
	}
	c.do(&answer, `{ consumers(first: 10) { nodes { accounts(first: 10) { nodes { name } } } } }`, nil)
	var names []string
	for _, one := range answer.Consumers.Nodes {
		for _, a := range one.Accounts.Nodes {
			names = append(names, a.Name)
		}
	}
	return strings.Join(names, " ")
}

// addAccount makes an account of the same consumer and returns the consumer's id.
func (c client) addAccount(name string) string {
	c.t.Helper()
	var made struct {
		CreateAccount struct {
			Account struct{ Consumer struct{ ID string } }
		}
	}
	c.do(&made, `mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { consumer { id } } } }`, object{"input": object{
		"consumerExternalId": "me", "externalId": name, "container": "BANK", "name": name, "currency": "EUR"}})
	return made.CreateAccount.Account.Consumer.ID
}

// TestReplica: queries are answered by a read replica, but what a customer wrote or saw at one process is never missing
// at another, however far the replica is behind; and where the replica or Redis is away the primary answers.
func TestReplica(t *testing.T) {
	address := storetest.URL(t)
	servers := storetest.Servers(t)
	standby, other := storetest.Replica(t, address)
	primary, replica := look(t, address), look(t, other)
	env := []string{"DATABASE_URL=" + address, "DATABASE_REPLICA_URL=" + other, "REDIS_URL=" + storetest.Redis(t), "DATA_DIR=" + t.TempDir()}
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Own", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	p, q := serve(t, env, "--role", "web"), serve(t, env, "--role", "web")
	a := p.signIn(own, "")
	b := client{t, q.url, a.token}
	both := func(want, why string) {
		t.Helper()
		for i, c := range []client{a, b, a, b} {
			if got := c.accounts(); got != want {
				t.Fatalf("%s: process %d shows %q, want %q", why, i%2, got, want)
			}
		}
	}
	// silent changes an account of which no process is told: who shows the change has asked the primary.
	silent := func(name string) { primary.do("UPDATE accounts SET name = $1 WHERE external_id = 'first'", name) }

	consumer := a.addAccount("first")
	both("first", "after a write")
	replica.replay(primary, false)
	silent("hidden")
	both("first", "the replica answers")
	if text := p.metrics(); !strings.Contains(text, "insightgraph_replica_up 1\n") || !regexp.MustCompile(`insightgraph_replica_lag_bytes [1-9]`).MatchString(text) {
		t.Error("/metrics does not say how far the replica is behind")
	}

	a.addAccount("second")
	both("second hidden", "own writes, which the replica has not")
	silent("shown")
	b.addAccount("third")
	both("third second shown", "own writes at the other process")
	replica.replay(primary, true)
	replica.replay(primary, false)
	silent("hidden")
	both("third second shown", "the replica has caught up and answers")

	var erased any
	a.do(&erased, `mutation($input: DeleteConsumerInput!) { deleteConsumer(input: $input) { deletedConsumerId } }`, object{"input": object{"consumerId": consumer}})
	both("", "what was erased, as long as the replica has it")

	must(t, servers.KillRedis())
	a.addAccount("fourth")
	both("fourth", "without Redis the primary answers")
	must(t, servers.RestartRedis(t.Context()))
	p.redisIs("ok")
	q.redisIs("ok")

	must(t, standby.KillPostgres())
	a.addAccount("fifth")
	both("fifth fourth", "without the replica the primary answers")
	p.becomes(200, "degraded", "replica", "away")
	if !strings.Contains(p.metrics(), "insightgraph_replica_up 0\n") {
		t.Error("/metrics does not say that the replica is away")
	}
}

// TestReplicaAfterCallback: who is told of a report by a callback and reads it at once sees it, at whichever process and
// however far the replica is behind the worker.
func TestReplicaAfterCallback(t *testing.T) {
	address := storetest.URL(t)
	_, other := storetest.Replica(t, address)
	primary, replica := look(t, address), look(t, other)
	env := []string{"DATABASE_URL=" + address, "DATABASE_REPLICA_URL=" + other, "REDIS_URL=" + storetest.Redis(t),
		"DATA_DIR=" + t.TempDir(), "PRIVATE_CALLBACKS=on"}
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Own", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	c := serve(t, env, "--role", "web").signIn(own, "")
	h := newHook(t)
	command(t, env, "customer", "webhook-secret", "--customer", own.ClientID) // made now: with the first callback it would be a write
	consumer := c.addAccount("first")
	primary.do(`INSERT INTO transactions (customer_id, consumer_id, account_id, external_id, base_type, amount, currency, booking_date, status, description,
			category_id, category_source, created_at, changed_at)
		SELECT customer_id, consumer_id, id, n, 'DEBIT', 10, 'EUR', date_trunc('month', now())::date - 20, 'POSTED', 'Test', 1, 'KEYWORD', now(), now()
		FROM accounts, generate_series(0, $1::int) n`, report.AtOnce) // more than is built before the mutation answers
	var made struct {
		CreateReport struct{ Report struct{ ID, Status string } }
	}
	c.do(&made, `mutation($input: CreateReportInput!) { createReport(input: $input) { report { id status } } }`, object{"input": object{
		"type": "SHOPPING", "consumerId": consumer, "callbackUrl": h.url}})
	status := func() string {
		var answer struct{ Report struct{ Status string } }
		c.do(&answer, `query($id: ID!) { report(id: $id) { status } }`, object{"id": made.CreateReport.Report.ID})
		return answer.Report.Status
	}
	replica.replay(primary, false) // it has the report, and will not have its result
	if made.CreateReport.Report.Status != "QUEUED" || status() != "QUEUED" {
		t.Fatalf("the report is %+v before there is a worker", made)
	}
	serve(t, env, "--role", "worker")
	h.next(shop{client: c, login: own, env: env})
	if got := status(); got != "SUCCEEDED" {
		t.Errorf("the report that the callback speaks of is %s", got)
	}
	if n := replica.count("SELECT count(*)::int FROM reports WHERE status = 'QUEUED'"); n != 1 {
		t.Error("the replica has the result: nothing was shown")
	}
}
