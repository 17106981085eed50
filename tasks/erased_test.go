package tasks

import (
	"database/sql"
	"testing"
	"time"

	"insightgraph/insight"
	"insightgraph/store"
)

// TestErasedMeanwhile: what is erased while it is evaluated comes into no result. The shard is evaluated again at once, from what is
// left, and that is no failed try.
func TestErasedMeanwhile(t *testing.T) {
	w := newWorld(t, "2026-03-05T12:00:00Z")
	w.crowd(2)
	db, err := sql.Open("pgx", w.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	run, shards, err := w.CreateRun(t.Context(), store.NewRun{AsOf: w.clock.now(), Requests: []insight.TriggerRequest{{Insight: spending}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	worker, looked := NewWorker(w.store, silent), 0
	catalogue := worker.define
	worker.define = func(name string) (insight.Definition, bool) {
		d, ok := catalogue(name)
		evaluate := d.Evaluate
		d.Evaluate = func(f insight.Facts) []insight.Finding {
			if looked++; looked == 1 { // all of what p0 did was for a time only
				if _, err := db.Exec("UPDATE transactions SET erase_at = $1 WHERE consumer_id = (SELECT id FROM consumers WHERE external_id = 'p0')", w.clock.now().Add(-time.Second)); err != nil {
					t.Error(err)
				}
				if err := w.store.SweepConnect(t.Context()); err != nil {
					t.Error(err)
				}
			}
			return evaluate(f)
		}
		return d, ok
	}
	if done, err := worker.Do(t.Context(), shards[0]); !done || err != nil {
		t.Fatal(done, err)
	}
	if run, err = w.Run(t.Context(), run.Ref()); err != nil || run.Status != insight.RunSucceeded {
		t.Errorf("%s, %v", run.Status, err)
	}
	if got := w.outcomes(); got[insight.Generated] != 1 || got[insight.ConditionNotMet] != 1 || len(w.feed()) != 1 || looked < 3 {
		t.Errorf("%v, %d entries, looked at %d times", got, len(w.feed()), looked)
	}
}
