package tasks

import (
	"context"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"insightgraph/insight"
	"insightgraph/insight/catalogue"
)

// A run that was stopped after it was planned is finished by the next one, though no server runs.
func TestRunFinishesWhatAnotherPlanned(t *testing.T) {
	w := newWorld(t, "2022-01-27T03:33:49Z")
	w.person("anna", "Europe/Berlin", "2021-10-01 100", "2021-11-15 -20")
	due := Due{At: moment("2022-01-27T03:33:49Z"), Every: true}
	if ids, err := PlanDue(t.Context(), w.store, catalogue.All, due); err != nil || len(ids) != 1 {
		t.Fatalf("planned %d, %v", len(ids), err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := RunDue(stopped, NewWorker(w.store, silent), due, func(int, int) {}); err == nil {
		t.Fatal("stopped, and no error")
	}
	if got := w.run("2022-01-27T03:33:49Z"); got[insight.Generated] != 1 || len(got) != 1 {
		t.Errorf("the next run: %v", got)
	}
	if n := len(w.feed()); n != 1 {
		t.Errorf("%d entries", n)
	}
}

// Work ends with its deadline, or because the process stops, but not because Redis does not answer.
func TestUntil(t *testing.T) {
	stopping, stop := context.WithCancel(t.Context())
	task, lost := context.WithTimeout(t.Context(), time.Hour)
	w := newWorld(t, "2026-03-05T12:00:00Z")
	h := NewQueue(redisClient(t), w.store, silent).Until(stopping)(asynq.HandlerFunc(func(ctx context.Context, _ *asynq.Task) error {
		lost()
		if ctx.Err() != nil {
			t.Error("ended by a lost lease")
		}
		want, _ := task.Deadline()
		if got, ok := ctx.Deadline(); !ok || !got.Equal(want) {
			t.Errorf("ends at %v, want %v", got, want)
		}
		stop()
		<-ctx.Done()
		if !stops(ctx) {
			t.Errorf("ended by %v", context.Cause(ctx))
		}
		return nil
	}))
	if err := h.ProcessTask(task, asynq.NewTask(TypeShard, nil)); err != nil {
		t.Error(err)
	}
}
