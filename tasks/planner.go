package tasks

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/connect"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
	"insightgraph/store"
)

var (
	evaluations = promauto.NewCounterVec(prometheus.CounterOpts{Name: "insightgraph_evaluations_total",
		Help: "Evaluations of an insight for a consumer, by outcome."}, []string{"outcome"})
	shards = promauto.NewHistogram(prometheus.HistogramOpts{Name: "insightgraph_shard_seconds",
		Help: "Time to evaluate one shard.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 12)})
)

func init() { // an alert can only see a counter grow that was there before
	for _, o := range insight.Outcomes {
		evaluations.WithLabelValues(string(o))
	}
	for _, o := range append([]string{string(connect.Finished), again}, tops...) {
		fetches.WithLabelValues(o)
		fetchSeconds.WithLabelValues(o)
	}
	for _, o := range []string{string(callback.Delivered), again, string(callback.Failed)} {
		callbacks.WithLabelValues(o)
		callbackSeconds.WithLabelValues(o)
	}
}

// again is the outcome of what is tried again.
const again = "AGAIN"

// Quiet is how long a consumer's data must have been unchanged before its scheduled insights are made.
const Quiet = 5 * time.Minute

// Planner plans scheduled runs and automatic refreshes, and sweeps up lost work. Any number may run at once.
type Planner struct {
	Store *store.Store
	Queue *Queue
	Log   *slog.Logger
	Plan  time.Duration // between two looks at what is due; 0: a minute
	Sweep time.Duration // between two sweeps; 0: five seconds
	Limit time.Duration // for one of them; 0: two minutes
}

// Run plans and sweeps until the context ends.
func (p *Planner) Run(ctx context.Context) {
	plan, sweep := time.NewTicker(cmp.Or(p.Plan, time.Minute)), time.NewTicker(cmp.Or(p.Sweep, 5*time.Second))
	defer plan.Stop()
	defer sweep.Stop()
	p.within(ctx, p.tick)
	for {
		select {
		case <-ctx.Done():
			return
		case <-plan.C:
			p.within(ctx, p.tick)
		case <-sweep.C:
			p.within(ctx, func(ctx context.Context) { p.failed(ctx, "sweep", p.SweepOnce(ctx)) })
		}
	}
}

// within does something in limited time: a database that went away without a word does not hold it up. What was stored
// until then stays, and the next time goes on from there.
func (p *Planner) within(ctx context.Context, do func(context.Context)) {
	limited, cancel := context.WithTimeout(ctx, cmp.Or(p.Limit, 2*time.Minute))
	defer cancel()
	do(limited)
}

// failed logs what went wrong; that this process stops is no error.
func (p *Planner) failed(ctx context.Context, what string, err error) {
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		p.Log.ErrorContext(ctx, what, "error", describe(err))
	}
}

func (p *Planner) tick(ctx context.Context) {
	ids, err := PlanDue(ctx, p.Store, catalogue.All, Due{At: p.Store.Now(), Quiet: Quiet})
	p.failed(ctx, "plan", err)
	p.Queue.put(ctx, queueSchedule, ids)
	for more := true; more && ctx.Err() == nil; { // some at a time; what cannot be planned now is left for the next tick
		parts, err := p.Store.PlanRefreshes(ctx)
		p.failed(ctx, "plan refreshes", err)
		p.Queue.WakeParts(ctx, parts)
		more = err == nil && len(parts) > 0
	}
}

// maxSwept is how many rows of a kind one sweep puts on the queue.
const maxSwept = 1000

// SweepOnce puts waiting shards, parts, reports, callbacks and consents to be given back on the queue: what Redis lost, what was given back, and what a dead worker left.
// It also does what time does to flows, consents and data that is kept for a time only, and seals new events. A step that fails does not hold
// up the others.
func (p *Planner) SweepOnce(ctx context.Context) error {
	ids, waiting := p.Store.Waiting(ctx, p.Queue.room(ctx, queueSchedule, maxSwept))
	p.Queue.put(ctx, queueSchedule, ids)
	over := p.Store.SweepConnect(ctx)
	parts, open := p.Store.WaitingParts(ctx, p.Queue.room(ctx, queueConnect, maxSwept))
	p.Queue.WakeParts(ctx, parts)
	reports, unbuilt := p.Store.WaitingReports(ctx, p.Queue.room(ctx, queueReports, maxSwept))
	p.Queue.WakeReports(ctx, reports)
	deliveries, unsent := p.Store.WaitingDeliveries(ctx, p.Queue.room(ctx, queueCallbacks, maxSwept))
	p.Queue.WakeDeliveries(ctx, deliveries)
	revocations, held := p.Store.WaitingRevocations(ctx, p.Queue.room(ctx, queueGiveBack, maxSwept))
	p.Queue.WakeRevocations(ctx, revocations)
	return errors.Join(waiting, over, open, unbuilt, unsent, held, p.Store.SealEvents(ctx))
}

// Due asks what is due at a moment.
type Due struct {
	At         time.Time
	CustomerID int64 // 0: all customers
	Quiet      time.Duration
	Every      bool // look at all consumers, not only at those that changed since the last plan
}

// PlanDue plans what is due: for each customer and time zone, the scheduled insights of each frequency together, in the
// period that contains the moment there. It returns the shards that are new. One that cannot be planned does not hold up the
// others.
func PlanDue(ctx context.Context, s *store.Store, definitions []insight.Definition, d Due) (ids []int64, err error) {
	zones, err := s.Zones(ctx, d.CustomerID)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, z := range zones {
		loc, err := loadLocation(z.TimeZone)
		if err != nil {
			continue
		}
		for _, f := range insight.Frequencies {
			occurrence := insight.Occurrence(f, d.At, loc)
			names := scheduled(definitions, f)
			if names == nil || bank.DateOf(d.At, loc) < insight.DueFrom(f, occurrence) {
				continue
			}
			more, err := s.Plan(ctx, store.Plan{Zone: z, Insights: names, Frequency: f, Occurrence: occurrence, AsOf: d.At, Quiet: d.Quiet, Every: d.Every})
			ids, errs = append(ids, more...), append(errs, err)
			if ctx.Err() != nil {
				return ids, errors.Join(errs...)
			}
		}
	}
	return ids, errors.Join(errs...)
}

// scheduled names the insights that can be due at a frequency.
func scheduled(definitions []insight.Definition, f insight.Frequency) (names []string) {
	for _, d := range definitions {
		if d.Trigger == insight.OnSchedule && (d.Frequency == f || slices.Contains(d.Frequencies, f)) {
			names = append(names, d.Name)
		}
	}
	return names
}

// RunDue plans what is due and evaluates it here, together with any workers that run; it returns when all is done.
// progress is told how many of how many shards are done.
func RunDue(ctx context.Context, w *Worker, d Due, progress func(done, all int)) (counts map[insight.Outcome]int, err error) {
	d.Every, d.Quiet = true, 0
	ids, err := PlanDue(ctx, w.store, catalogue.All, d)
	if err != nil {
		return nil, err
	}
	for open := ids; ; {
		for i, id := range open {
			if _, err := w.Do(ctx, id); err != nil && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			progress(min(len(ids), max(0, len(ids)-len(open))+i+1), len(ids))
		}
		if counts, open, err = w.store.Done(ctx, ids); err != nil || len(open) == 0 {
			return counts, err
		}
		select { // a worker elsewhere has them, or they are tried again in a moment
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// describe tells what went wrong without what it went wrong with: a database's message can hold account data.
func describe(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return "SQLSTATE " + pg.Code + " " + pg.ConstraintName + " " + pg.TableName
	}
	return err.Error()
}
