package tasks

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"insightgraph/insight"
	"insightgraph/store"
)

// TestPoison: what cannot be read of one consumer holds up no other. Their shard is cut down to that one, which alone is
// given up; its run says so.
func TestPoison(t *testing.T) {
	w := newWorld(t, "2026-03-05T12:00:00Z")
	w.crowd(9)
	db, err := sql.Open("pgx", w.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`INSERT INTO user_settings (customer_id, consumer_id, insight, settings) SELECT customer_id, id, $1, '"broken"' FROM consumers WHERE external_id = 'p4'`, spending); err != nil {
		t.Fatal(err)
	}
	run, _, err := w.CreateRun(t.Context(), store.NewRun{AsOf: w.clock.now(), Requests: []insight.TriggerRequest{{Insight: spending}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	worker := NewWorker(w.store, silent)
	for tries := 0; run.FinishedAt == nil; tries++ {
		if tries > 100 {
			t.Fatal("the run has no end")
		}
		w.clock.add(2 * time.Minute)
		ids, err := w.store.Waiting(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			_, _ = worker.Do(t.Context(), id) // it fails where the broken one is
		}
		if run, err = w.Run(t.Context(), run.Ref()); err != nil {
			t.Fatal(err)
		}
	}
	if run.Status != insight.RunFailed {
		t.Errorf("the run is %s", run.Status)
	}
	var dead, states string
	if err := db.QueryRow(`SELECT string_agg(c.external_id, ' ') FROM run_shards s JOIN consumers c ON c.id BETWEEN s.low AND s.high WHERE s.state = 'DEAD'`).Scan(&dead); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRow(`SELECT string_agg(DISTINCT state, ' ' ORDER BY state) FROM run_shards`).Scan(&states); err != nil {
		t.Fatal(err)
	}
	if dead != "p4" || states != "DEAD DONE" {
		t.Errorf("given up: %q of %q", dead, states)
	}
	if got := w.outcomes(); got[insight.Generated] != 8 || len(w.feed()) != 8 {
		t.Errorf("the others: %s, %d entries", fmt.Sprint(got), len(w.feed()))
	}
	// By command the same: it comes to its end, and counts the others.
	over := make(chan struct{})
	defer close(over)
	go func() { // time goes on between its tries
		for {
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
				w.clock.add(10 * time.Second)
			}
		}
	}()
	if got := w.run("2026-03-05T12:00:00Z"); got[insight.Duplicate] != 8 || len(got) != 1 {
		t.Errorf("by command: %v", got)
	}
}
