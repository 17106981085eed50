package tasks

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"

	"insightgraph/insight"
	"insightgraph/insight/catalogue"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

func decimalOf(s string) decimal.Decimal { return decimal.MustParse(s) }

// outcomes counts what stands in the database.
func (w *world) outcomes() map[insight.Outcome]int {
	w.t.Helper()
	db, err := sql.Open("pgx", w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT outcome, count(*) FROM (
		SELECT outcome FROM evaluations UNION ALL
		SELECT CASE letter WHEN 'G' THEN 'GENERATED' WHEN 'D' THEN 'DUPLICATE' WHEN 'C' THEN 'CONDITION_NOT_MET' WHEN 'I' THEN 'INSUFFICIENT_DATA'
			WHEN 'N' THEN 'NOT_SUBSCRIBED' WHEN 'F' THEN 'FAILED' ELSE letter END FROM outcomes, string_to_table(outcomes, NULL) AS letter) o GROUP BY 1`)
	if err != nil {
		w.t.Fatal(err)
	}
	counts := map[insight.Outcome]int{}
	for rows.Next() {
		var o insight.Outcome
		var n int
		if err := rows.Scan(&o, &n); err != nil {
			w.t.Fatal(err)
		}
		counts[o] = n
	}
	return counts
}

// process is what a server runs: workers, planner and queue on the real Redis, with quick ticks.
func (w *world) process() *Queue {
	w.t.Helper()
	options, err := redis.ParseURL(storetest.Servers(w.t).RedisURL)
	if err != nil {
		w.t.Fatal(err)
	}
	options.MaxRetries, options.DialTimeout = 1, time.Second
	client := redis.NewClient(options)
	s := w.open()
	queue := NewQueue(client, s, silent)
	worker := NewWorker(s, silent)
	server := worker.Server(client, 4)
	if err := server.Start(worker.Mux()); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		(&Planner{Store: s, Queue: queue, Log: silent, Plan: 100 * time.Millisecond, Sweep: 50 * time.Millisecond}).Run(ctx)
		close(done)
	}()
	w.t.Cleanup(func() {
		cancel()
		<-done
		server.Shutdown()
		client.Close()
	})
	return queue
}

// eventually waits for a state of the database, moving the clock so that what is lost is looked for.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("never came: %s; outcomes %v", what, w.outcomes())
		}
		w.clock.add(5 * time.Second)
	}
}

// ends waits for the end of something that must not wait for what comes after it in the test.
func ends(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("no end: %s", what)
	}
}

// crowd makes people that have something to tell each month.
func (w *world) crowd(n int) {
	w.t.Helper()
	for i := range n {
		w.person(fmt.Sprint("p", i), []string{"Europe/Berlin", "Asia/Tokyo", "America/Lima"}[i%3], "2026-01-20 50", "2026-02-10 100", "2026-02-11 -25")
	}
	w.clock.add(10 * time.Minute)
}

// exactly checks that each of n people has one outcome and one entry.
func (w *world) exactly(n int) {
	w.t.Helper()
	if got := w.outcomes(); got[insight.Generated] != n || len(got) != 1 {
		w.t.Errorf("outcomes: %v, want %d generated", got, n)
	}
	seen := map[int64]bool{}
	for _, e := range w.feed() {
		if seen[e.ConsumerID] {
			w.t.Errorf("consumer %d has two entries", e.ConsumerID)
		}
		seen[e.ConsumerID] = true
	}
	if len(seen) != n {
		w.t.Errorf("%d consumers have an entry, want %d", len(seen), n)
	}
}

func redisClient(t *testing.T) *redis.Client {
	options, err := redis.ParseURL(storetest.Servers(t).RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(options)
	t.Cleanup(func() { c.Close() })
	return c
}

func flush(t *testing.T) {
	t.Helper()
	if err := redisClient(t).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestScheduleThroughRedis is the ordinary way: planner, queue, workers of two processes.
func TestScheduleThroughRedis(t *testing.T) {
	flush(t)
	w := newWorld(t, "2026-03-05T12:00:00Z")
	w.crowd(30)
	w.process()
	w.process()
	w.eventually("all entries", func() bool { return len(w.feed()) == 30 })
	w.exactly(30)
}

// TestRedisFlushed: tasks that were on Redis are gone; the sweep brings them again.
func TestRedisFlushed(t *testing.T) {
	flush(t)
	w := newWorld(t, "2026-03-05T12:00:00Z")
	w.crowd(30)
	queue := NewQueue(redisClient(t), w.store, silent)
	ids, err := PlanDue(t.Context(), w.store, catalogue.All, Due{At: w.clock.now(), Quiet: Quiet})
	if err != nil || len(ids) != 3 {
		t.Fatal(ids, err)
	}
	queue.put(t.Context(), queueSchedule, ids)
	if n, err := redisClient(t).DBSize(t.Context()).Result(); err != nil || n == 0 {
		t.Fatalf("the tasks are on Redis: %d keys, %v", n, err)
	}
	flush(t)
	w.process()
	w.eventually("all entries", func() bool { return len(w.feed()) == 30 })
	w.exactly(30)
}

// TestBacklog: while workers are behind, what waits is not put on Redis again and again, and what Redis then loses is done nevertheless.
func TestBacklog(t *testing.T) {
	flush(t)
	w := newWorld(t, "2026-03-05T12:00:00Z")
	anna := w.person("anna", "Europe/Berlin", "2026-02-10 100")
	var runs []insight.Run
	for range 30 {
		run, _, err := w.CreateRun(t.Context(), store.NewRun{Consumer: &anna, AsOf: w.clock.now(), Requests: []insight.TriggerRequest{{Insight: spending}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, run)
	}
	queue := NewQueue(redisClient(t), w.store, silent)
	queue.enough = 40
	sweeps := func(n, want int) {
		t.Helper()
		for range n {
			w.clock.add(61 * time.Second)
			if err := (&Planner{Store: w.store, Queue: queue, Log: silent}).SweepOnce(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := redisClient(t).LLen(t.Context(), "asynq:{"+queueSchedule+"}:pending").Result(); err != nil || int(got) != want {
			t.Errorf("after %d sweeps %d calls, %v, want %d", n, got, err, want)
		}
	}
	sweeps(1, 30)
	sweeps(5, 40)
	flush(t)
	sweeps(1, 30)
	flush(t)
	w.process()
	w.eventually("the end of all runs", func() bool {
		for _, r := range runs {
			if now, err := w.Run(t.Context(), r.Ref()); err != nil || now.Status != insight.RunSucceeded {
				return false
			}
		}
		return true
	})
}

// TestRedisDownAtStart: a request does not wait for Redis, and its work is done when Redis comes.
func TestRedisDownAtStart(t *testing.T) {
	servers := storetest.Servers(t)
	if err := servers.KillRedis(); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, "2026-03-05T12:00:00Z")
	w.crowd(6)
	queue := w.process()
	run, shards, err := w.CreateRun(t.Context(), store.NewRun{AsOf: w.clock.now(), Requests: []insight.TriggerRequest{{Insight: spending}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ends(t, "waking workers without Redis", func() { queue.Wake(t.Context(), shards) })
	if len(w.feed()) != 0 {
		t.Error("entries without Redis?")
	}
	if err := servers.RestartRedis(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.eventually("the run", func() bool {
		r, err := w.Run(t.Context(), run.Ref())
		return err == nil && r.Status == insight.RunSucceeded
	})
	w.eventually("all entries", func() bool { return len(w.feed()) == 6 })
}

// TestRedisKilled: Redis is killed again and again while work is going on, and comes back with nothing.
func TestRedisKilled(t *testing.T) {
	servers := storetest.Servers(t)
	w := newWorld(t, "2026-03-05T12:00:00Z")
	w.crowd(45)
	w.process()
	w.process()
	for range 3 {
		if err := servers.KillRedis(); err != nil {
			t.Fatal(err)
		}
		if err := servers.WipeRedis(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.CreateRun(t.Context(), store.NewRun{AsOf: w.clock.now(), Requests: []insight.TriggerRequest{{Insight: spending}}}, nil); err != nil {
			t.Fatal(err)
		}
		if err := servers.RestartRedis(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.eventually("an outcome of each run for each consumer", func() bool {
		got := w.outcomes()
		return got[insight.Generated]+got[insight.Duplicate] == 4*45
	})
	got := w.outcomes()
	if got[insight.Generated] != 45 || len(w.feed()) != 45 {
		t.Errorf("%v, %d entries; want each person's once", got, len(w.feed()))
	}
}

// stuckWorker is another process: it claims the first shard it finds, says so, and never ends.
func stuckWorker(url string) {
	at := moment(os.Getenv("INSIGHTGRAPH_TEST_NOW"))
	s, err := store.Open(context.Background(), url, store.Options{Now: func() time.Time { return at }})
	if err != nil {
		panic(err)
	}
	w := NewWorker(s, silent)
	w.define = func(name string) (insight.Definition, bool) {
		fmt.Println("evaluating")
		select {}
	}
	ids, err := s.Waiting(context.Background(), 1)
	if err != nil || len(ids) != 1 {
		panic(fmt.Sprint(ids, err))
	}
	w.Do(context.Background(), ids[0])
}

// TestWorkerKilled: a worker process dies by kill -9 in the middle of a shard; after its lease another one does the work.
func TestWorkerKilled(t *testing.T) {
	flush(t)
	w := newWorld(t, "2026-03-05T12:00:00Z")
	for i := range 5 {
		w.person(fmt.Sprint("p", i), "Europe/Berlin", "2026-02-10 100", "2026-02-11 -25")
	}
	w.clock.add(10 * time.Minute)
	ids, err := PlanDue(t.Context(), w.store, catalogue.All, Due{At: w.clock.now(), Quiet: Quiet})
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	w.clock.add(2 * time.Minute)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "INSIGHTGRAPH_TEST_STUCK_WORKER="+w.url, "INSIGHTGRAPH_TEST_NOW="+w.clock.now().Format(time.RFC3339))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "evaluating") {
		child.Process.Kill()
		t.Fatalf("the other worker says %q, %v", line, err)
	}
	if done, err := NewWorker(w.store, silent).Do(t.Context(), ids[0]); done || err != nil {
		t.Fatalf("the shard is claimed by the other: %v, %v", done, err)
	}
	if err := child.Process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	if len(w.feed()) != 0 {
		t.Fatal("nothing is half stored")
	}
	w.process()
	w.eventually("all entries", func() bool { return len(w.feed()) == 5 })
	w.exactly(5)
}
