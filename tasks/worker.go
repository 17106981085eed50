// Package tasks is when work runs: asynq workers on Redis evaluate insights and fetch from banks, a planner says what is
// due, a sweep finds what was lost.
//
// PostgreSQL is the truth. A task on Redis is only a call to look at a shard of a run, or a part of a refresh, by its
// number: it is claimed in the database, worked on, and marked as done in the transaction that stores the result. So a task that is lost is found by
// the sweep, one that comes twice finds nothing to do, and a Redis that is away delays work but loses none.
package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"insightgraph/failpoint"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
	"insightgraph/store"
	"insightgraph/telemetry"
)

// Types are all types of tasks.
var Types []string

func newType(name string) string {
	Types = append(Types, name)
	return name
}

// TypeShard is the task of evaluating one shard of a run.
var TypeShard = newType("insight:evaluate")

// The queues: demand goes first, but does not starve the other.
const (
	queueDemand   = "demand"
	queueSchedule = "schedule"
)

// Worker evaluates shards.
type Worker struct {
	store  *store.Store
	log    *slog.Logger
	define definition
}

// NewWorker makes a worker for the insights of the catalogue.
func NewWorker(s *store.Store, log *slog.Logger) *Worker {
	return &Worker{s, log, catalogue.ByName}
}

// With is the worker for other insights than those of the catalogue.
func (w *Worker) With(definitions []insight.Definition) *Worker {
	known := *w
	known.define = func(name string) (insight.Definition, bool) {
		i := slices.IndexFunc(definitions, func(d insight.Definition) bool { return d.Name == name })
		if i < 0 {
			return insight.Definition{}, false
		}
		return definitions[i], true
	}
	return &known
}

// Server is an asynq server that hands tasks to the worker until it is shut down. It works with a Redis that comes later
// or goes and comes again.
func (w *Worker) Server(r redis.UniversalClient, concurrency int) *asynq.Server {
	return newServer(r, concurrency, map[string]int{queueDemand: 6, queueSchedule: 3}, w.log)
}

func newServer(r redis.UniversalClient, concurrency int, queues map[string]int, log *slog.Logger) *asynq.Server {
	return asynq.NewServerFromRedisClient(r, asynq.Config{
		Concurrency:       concurrency,
		Queues:            queues,
		TaskCheckInterval: 50 * time.Millisecond, // the default of a second would be most of a run's time
		ShutdownTimeout:   30 * time.Second,
		Logger:            quiet{log},
		LogLevel:          asynq.WarnLevel,
	})
}

// Mux maps task types to handlers.
func (w *Worker) Mux() *asynq.ServeMux {
	return calls(TypeShard, w.log, w.Do)
}

// call is all that a task says: the number of a row to look at, and where traces are made, which one it belongs to.
type call struct {
	ID    int64  `json:"id"`
	Trace string `json:"trace,omitempty"` // that it belongs to, see telemetry.Carry
}

// calls maps a type of task to what is done with the row that it names.
func calls(task string, log *slog.Logger, do func(context.Context, int64) (bool, error)) *asynq.ServeMux {
	mux := asynq.NewServeMux()
	mux.HandleFunc(task, func(ctx context.Context, t *asynq.Task) error {
		var c call
		if err := json.Unmarshal(t.Payload(), &c); err != nil || c.ID <= 0 {
			return fmt.Errorf("read the payload of %s: %w", t.Type(), asynq.SkipRetry)
		}
		name, _ := asynq.GetTaskID(ctx)
		ctx, end := telemetry.Task(ctx, task, name, c.Trace)
		defer end()
		defer func() { // the queue would keep what a panic said
			if p := recover(); p != nil {
				telemetry.Panicked(ctx, log, p)
			}
		}()
		// The database says when a row is tried again; for the queue the task is over.
		_, _ = do(ctx, c.ID)
		return nil
	})
	return mux
}

// errStops is why work ends that nothing is wrong with.
var errStops = errors.New("this process stops")

func stops(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errStops) }

// Until is a middleware that ends the work on tasks together with a context, because this process stops. What was given
// back then is called out again, for another process. Redis ends no work: a silent one has asynq end the task's context,
// but what is worked on is in the database.
func (q *Queue) Until(stopping context.Context) asynq.MiddlewareFunc {
	return func(h asynq.Handler) asynq.Handler {
		return asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
			work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
			defer cancel(nil)
			if end, ok := ctx.Deadline(); ok {
				limited, cancel := context.WithDeadline(work, end)
				defer cancel()
				work = limited
			}
			defer context.AfterFunc(stopping, func() { cancel(errStops) })()
			err := h.ProcessTask(work, t)
			if stops(work) {
				queue, _ := asynq.GetQueueName(ctx)
				_ = q.enqueue(ctx, queue, t.Type(), t.Payload()) // if not, the sweep brings it
			}
			return err
		})
	}
}

// Do evaluates one shard, if nobody else does or did. done is false when there was nothing to do for this worker.
func (w *Worker) Do(ctx context.Context, id int64) (done bool, err error) {
	shard, ok, err := w.store.Claim(ctx, id)
	if err != nil {
		w.log.ErrorContext(ctx, "claim a shard", "shard", id, "error", describe(err))
		return false, err
	}
	if !ok {
		return false, nil
	}
	start := time.Now()
	counts, err := w.evaluate(ctx, shard)
	for errors.Is(err, store.ErrErased) { // what is left is evaluated, and soon nothing more is erased
		counts, err = w.evaluate(ctx, shard)
	}
	switch {
	case errors.Is(err, store.ErrLost):
		return false, nil
	case err != nil:
		failed(ctx, w.log, "evaluate a shard", err, "shard", id, "attempt", shard.Attempts)
		if back := w.store.GiveBack(context.WithoutCancel(ctx), shard, !stops(ctx)); back != nil {
			w.log.ErrorContext(ctx, "give a shard back", "shard", id, "error", describe(back))
		}
		return false, err
	}
	for outcome, n := range counts {
		evaluations.WithLabelValues(string(outcome)).Add(float64(n))
	}
	shards.Observe(time.Since(start).Seconds())
	return true, nil
}

// failed logs why work is given back; that this process stops is no error.
func failed(ctx context.Context, log *slog.Logger, what string, err error, attributes ...any) {
	if stops(ctx) {
		log.InfoContext(ctx, what+": given back", attributes...)
		return
	}
	log.ErrorContext(ctx, what, append(attributes, "error", describe(err))...)
}

// evaluate loads, decides and saves. A panic is an error like any other; its value may hold account data and is not kept.
func (w *Worker) evaluate(ctx context.Context, shard store.Shard) (counts map[insight.Outcome]int, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("panic\n" + string(debug.Stack()))
		}
	}()
	d := decider{run: shard.Run, define: w.define}
	facts, err := w.store.Load(ctx, shard, d.days)
	if err != nil {
		return nil, err
	}
	return w.store.FinishParts(ctx, shard, d.decide(facts))
}

// Queue puts shards, and parts of refreshes, on Redis.
type Queue struct {
	client *asynq.Client
	redis  redis.UniversalClient
	store  *store.Store
	log    *slog.Logger
	enough int // calls that wait on one of its queues, see room
}

// NewQueue makes a queue on a Redis that the caller owns.
func NewQueue(r redis.UniversalClient, s *store.Store, log *slog.Logger) *Queue {
	return &Queue{asynq.NewClientFromRedisClient(r), r, s, log, 10_000}
}

// patience is how long a request waits for Redis; what does not get through is put on the queue by the sweep.
const patience = 250 * time.Millisecond

// Wake calls workers for shards on demand. It never fails: what Redis does not take now, the sweep brings later.
func (q *Queue) Wake(ctx context.Context, ids []int64) { q.put(ctx, queueDemand, ids) }

// WakeParts calls workers for parts of refreshes, in the same way.
func (q *Queue) WakeParts(ctx context.Context, ids []int64) {
	q.send(ctx, queueConnect, TypeFetch, ids, q.store.UnqueuedParts)
}

// WakeRevocations calls workers for consents to be given back, in the same way.
func (q *Queue) WakeRevocations(ctx context.Context, ids []int64) {
	q.send(ctx, queueGiveBack, TypeGiveBack, ids, q.store.UnqueuedRevocations)
}

func (q *Queue) put(ctx context.Context, queue string, ids []int64) {
	q.send(ctx, queue, TypeShard, ids, q.store.Unqueued)
}

func (q *Queue) send(ctx context.Context, queue, task string, ids []int64, unqueued func(context.Context, []int64) error) {
	ctx = context.WithoutCancel(ctx)
	trace := telemetry.Carry(ctx)
	for i, id := range ids {
		text, _ := json.Marshal(call{id, trace})
		if err := q.enqueue(ctx, queue, task, text); err != nil {
			q.log.WarnContext(ctx, "Redis does not take tasks; they wait in the database", "queue", queue, "tasks", len(ids)-i)
			short, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			if err := unqueued(short, ids[i:]); err != nil {
				q.log.ErrorContext(ctx, "note unqueued tasks", "queue", queue, "error", describe(err))
			}
			return
		}
	}
}

// room is how many of up to most rows that wait in the database may be put on a queue. Each of them is called again after a minute
// as long as nobody works on it: while workers are behind, Redis would fill with calls for the same rows. Beyond enough they
// wait in the database. A Redis that does not say how many it has is asked to take them.
func (q *Queue) room(ctx context.Context, queue string, most int) int {
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	waiting, err := q.redis.LLen(short, "asynq:{"+queue+"}:pending").Result() // asynq's name for them
	if err != nil {
		return most
	}
	return max(0, min(most, q.enough-int(waiting)))
}

func (q *Queue) enqueue(ctx context.Context, queue, task string, payload []byte) error {
	short, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	failpoint.Hit("before enqueue")
	_, err := q.client.EnqueueContext(short, asynq.NewTask(task, payload), asynq.Queue(queue), asynq.MaxRetry(0), asynq.Timeout(5*time.Minute))
	failpoint.Hit("after enqueue")
	return err
}

// loadLocation keeps time zones, since reading one takes longer than evaluating a consumer.
func loadLocation(name string) (*time.Location, error) {
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(name)
	if err == nil {
		zones.Store(name, loc)
	}
	return loc, err
}

var zones sync.Map

// quiet hands asynq's warnings to our log.
type quiet struct{ log *slog.Logger }

func (q quiet) Debug(...any)   {}
func (q quiet) Info(...any)    {}
func (q quiet) Warn(a ...any)  { q.log.Warn("queue", "message", fmt.Sprint(a...)) }
func (q quiet) Error(a ...any) { q.log.Warn("queue", "message", fmt.Sprint(a...)) }
func (q quiet) Fatal(a ...any) { q.log.Error("queue", "message", fmt.Sprint(a...)) }
