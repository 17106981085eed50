package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"insightgraph/store/storetest"
)

// versionBefore is the commit before the newest migrations: what a rolling upgrade begins with. Whoever adds a migration
// that is not in it after a release sets it to that release.
const versionBefore = "cd1ef0a58fc4bc2bcc5d7f24e5c951b10c1bf3e9"

// former is the program as it was, built from the history once and kept.
func former(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(cache, "insightgraph", "version-"+versionBefore[:12])
	if _, err := os.Stat(program); err == nil {
		return program
	}
	if out, err := exec.Command("git", "cat-file", "-e", versionBefore+"^{commit}").CombinedOutput(); err != nil {
		t.Skipf("NOT TRIED: the upgrade needs git with the history back to %s (git fetch --unshallow): %s %v", versionBefore, out, err)
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, args := range [][]string{
		{"git", "archive", "--output", filepath.Join(dir, "version.tar"), versionBefore},
		{"tar", "-x", "-f", filepath.Join(dir, "version.tar"), "-C", dir},
		{"go", "-C", dir, "build", "-o", fmt.Sprint(program, ".", os.Getpid()), "."},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	if err := os.Rename(fmt.Sprint(program, ".", os.Getpid()), program); err != nil { // as a whole: other tests may look for it
		t.Fatal(err)
	}
	return program
}

// TestUpgrade is a rolling upgrade: processes of the version before work on a database that is migrated under them, also
// while a backup is made; both versions do everything beside each other, on what the other has made; then the old ones stop. No call fails,
// nothing is lost, and nothing comes twice, with one key sent to both included.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	program := former(t)
	address := storetest.URL(t)
	db := look(t, address)
	db.do("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC") // empty again
	env := []string{"DATABASE_URL=" + address, "REDIS_URL=" + storetest.Redis(t), "DATA_DIR=" + t.TempDir()}
	oldWeb := start(t, program, env)
	if n := db.count("SELECT count(*) FROM pg_class WHERE relname = 'events'"); n != 0 {
		t.Fatal("the version before has the newest tables: what is tried here is no upgrade")
	}
	create := exec.Command(program, "customer", "create", "--name", "Own", "--json")
	create.Env = append(os.Environ(), env...)
	out, err := create.Output()
	before := shop{p: oldWeb, env: env}
	if json.Unmarshal(out, &before.login) != nil {
		t.Fatalf("%s %v", out, err)
	}
	before.client = oldWeb.signIn(before.login, "")

	// Clients go on all the time: first with the old process, then with both in turn, then with the new one.
	at := [2]client{before.client, before.client}
	var turn sync.RWMutex
	send := func(to ...client) { // from the next round of each client on
		turn.Lock()
		defer turn.Unlock()
		at = [2]client(to)
	}
	var load sync.WaitGroup
	var over atomic.Bool
	var rows, runs atomic.Int64
	round := func(account, person string, i int) {
		turn.RLock()
		defer turn.RUnlock()
		one, other := at[i%2], at[(i+1)%2]
		var stored struct {
			CreateTransactions struct{ CreatedCount int }
		}
		one.do(&stored, `mutation($input: CreateTransactionsInput!) { createTransactions(input: $input) { createdCount } }`, object{"input": object{
			"accountId": account, "idempotencyKey": fmt.Sprint(person, "-", i), "transactions": []object{{"externalId": fmt.Sprint(i), "amount": object{"amount": "1.00", "currency": "EUR"}, "bookingDate": "2021-10-01"}}}})
		rows.Add(int64(stored.CreateTransactions.CreatedCount))
		var seen struct {
			Node struct{ Transactions struct{ TotalCount int } }
		}
		if other.do(&seen, `query($id: ID!) { node(id: $id) { ... on Account { transactions { totalCount } } } }`, object{"id": account}); seen.Node.Transactions.TotalCount != i+1 {
			t.Errorf("%d transactions after %d calls", seen.Node.Transactions.TotalCount, i+1)
		}
		if i%10 == 0 {
			one.trigger(fmt.Sprint(person, "-", i))
			runs.Add(1)
		}
	}
	for n := range 3 {
		person := fmt.Sprint(n)
		account := before.account(person, nil)
		load.Go(func() {
			for i := 0; !over.Load(); i++ {
				round(account, person, i)
				time.Sleep(20 * time.Millisecond) // requests are under way at any time; all else has to go on beside them
			}
		})
	}
	defer load.Wait()
	defer over.Store(true)
	atOnce := func(n int64) {
		t.Helper()
		from := rows.Load()
		eventually(t, "the clients go on", func() bool { return rows.Load() > from+n })
	}
	atOnce(10)
	before.account("before", "before")

	// A backup reads all tables while the new version wants to change them: that waits, and the clients do not.
	backup := look(t, address)
	backup.do("BEGIN; LOCK TABLE idempotency_keys IN ACCESS SHARE MODE")
	migrate := exec.Command(binary(t), "migrate")
	migrate.Env = append(os.Environ(), env...)
	says, err := migrate.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(says).ReadString('\n'); err != nil || !strings.Contains(line, "holds a lock") {
		t.Errorf("the migration says %q %v", line, err)
	}
	atOnce(20)
	backup.do("COMMIT")
	if err := migrate.Wait(); err != nil {
		t.Fatal(err)
	}
	atOnce(10)

	oldWorker := start(t, program, env, "--role", "worker") // it may start late, and so be gone back to
	newWeb, newWorker := serve(t, env), serve(t, env, "--role", "worker")
	after := shop{client: client{t, newWeb.url, before.token}, p: newWeb, login: before.login, env: env}
	send(before.client, after.client)
	for _, p := range []*process{oldWeb, oldWorker, newWeb, newWorker} {
		if code, state := p.readiness(); code != 200 {
			t.Errorf("one beside the other: %d %v", code, state)
		}
	}

	// A key has one effect wherever it is sent; who did not store the answer refuses to say it.
	accounts := func() int { return db.count("SELECT count(*) FROM accounts") }
	n := accounts()
	after.refused("before")
	after.account("after", "after")
	before.refused("after")
	if made := accounts() - n; made != 1 {
		t.Errorf("%d accounts for a new key", made)
	}
	n = accounts()
	var calls sync.WaitGroup
	for i := range 20 {
		calls.Go(func() {
			status, body := []shop{before, after}[i%2].makeAccount("both", "both")
			if text := string(body); status != 200 || strings.Contains(text, "errors") && !strings.Contains(text, "CONFLICT") {
				t.Errorf("a key at both: %d %s", status, body)
			}
		})
	}
	calls.Wait()
	if made := accounts() - n; made != 1 {
		t.Errorf("%d accounts for one key", made)
	}

	// What one begins, the other goes on with; who works on it is chance.
	for i, side := range []shop{before, after} {
		other := []shop{after, before}[i]
		f := side.start(object{"storeConsent": "REQUIRED"})
		side.open(f).link("sandbox-de", "anna")
		done := other.ended(f.ID)
		if done.State != "FINISHED" || !done.ConsentStored {
			t.Fatalf("a flow: %+v", done)
		}
		consumer := done.Consumer.ID
		if r := other.refresh(consumer); r.State != "FINISHED" || r.Error != nil {
			t.Errorf("a refresh: %+v", r)
		}
		if r := side.report(consumer); other.built(r) != "SUCCEEDED" {
			t.Errorf("a report: %s", other.built(r))
		}
		var erased struct {
			DeleteConsumer struct{ DeletedAccountCount int }
		}
		other.do(&erased, `mutation($input: DeleteConsumerInput!) { deleteConsumer(input: $input) { deletedAccountCount } }`, object{"input": object{"consumerId": consumer}})
		if erased.DeleteConsumer.DeletedAccountCount == 0 {
			t.Error("nothing was erased")
		}
	}
	atOnce(20)

	send(after.client, after.client)
	oldWeb.stop()
	oldWorker.stop()
	atOnce(10)
	over.Store(true)
	load.Wait()
	eventually(t, "all runs end", func() bool {
		return db.count("SELECT count(*) FROM runs WHERE kind = 'ON_DEMAND' AND status <> 'SUCCEEDED'") == 0
	})
	if n := db.count("SELECT count(*) FROM transactions"); int64(n) != rows.Load() {
		t.Errorf("%d transactions, %d acknowledged", n, rows.Load())
	}
	if n := db.count("SELECT count(*) FROM runs WHERE kind = 'ON_DEMAND'"); int64(n) != runs.Load() {
		t.Errorf("%d runs, %d acknowledged", n, runs.Load())
	}
	if n, once := db.count("SELECT count(*) FROM evaluations"), db.count("SELECT count(DISTINCT (run_id, consumer_id)) FROM evaluations"); n == 0 || n != once {
		t.Errorf("%d evaluations, %d of them different", n, once)
	}
	// The log has what the new process did, and stands.
	if n := db.count("SELECT count(*) FROM events WHERE action = 'deleteConsumer'"); n != 1 {
		t.Errorf("%d events of two erasures, one of them by the new process", n)
	}
	if out := command(t, env, "events", "verify"); strings.Contains(out, "broken") {
		t.Error(out)
	}
	t.Logf("%d transactions and %d runs on the way", rows.Load(), runs.Load())
}

// makeAccount makes an account of a consumer of its own, under a key if there is one.
func (s shop) makeAccount(name string, key any) (int, []byte) {
	s.t.Helper()
	return s.post(`mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { id } } }`, object{"input": object{
		"consumerExternalId": name, "container": "BANK", "name": name, "currency": "EUR", "idempotencyKey": key}})
}

func (s shop) account(name string, key any) string {
	s.t.Helper()
	var made struct {
		Data struct {
			CreateAccount struct{ Account struct{ ID string } }
		}
		Errors []any
	}
	status, body := s.makeAccount(name, key)
	if err := json.Unmarshal(body, &made); err != nil || status != 200 || len(made.Errors) > 0 {
		s.t.Fatalf("%d %s %v", status, body, err)
	}
	return made.Data.CreateAccount.Account.ID
}

// refused is a key that the other version has used.
func (s shop) refused(key string) {
	s.t.Helper()
	if status, body := s.makeAccount(key, key); status != 200 || !strings.Contains(string(body), "CONFLICT") {
		s.t.Errorf("a key of the other version: %d %s", status, body)
	}
}

// report asks for a report.
func (s shop) report(consumer string) string {
	s.t.Helper()
	var made struct {
		CreateReport struct{ Report struct{ ID string } }
	}
	s.do(&made, `mutation($input: CreateReportInput!) { createReport(input: $input) { report { id } } }`, object{"input": object{"type": "SPENDING", "consumerId": consumer}})
	return made.CreateReport.Report.ID
}

// built is how a report ended.
func (s shop) built(report string) (status string) {
	s.t.Helper()
	s.until("the report is built", func() bool {
		var found struct{ Report struct{ Status string } }
		s.do(&found, `query($id: ID!) { report(id: $id) { status } }`, object{"id": report})
		status = found.Report.Status
		return status != "QUEUED" && status != "RUNNING"
	})
	return status
}
