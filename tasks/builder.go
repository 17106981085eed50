package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/redis/go-redis/v9"

	"insightgraph/report"
	"insightgraph/store"
)

// TypeReport is the task of building one report.
var TypeReport = newType("report:build")

// queueReports has a server of its own: insights do not wait for long reports.
const queueReports = "reports"

var reportSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{Name: "insightgraph_report_seconds",
	Help: "Time to build a report, by type and outcome.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 14)}, []string{"type", "outcome"})

// Builder builds reports.
type Builder struct {
	Store *store.Store
	Log   *slog.Logger
}

// Server is an asynq server that hands tasks to the builder until it is shut down.
func (b *Builder) Server(r redis.UniversalClient, concurrency int) *asynq.Server {
	return newServer(r, concurrency, map[string]int{queueReports: 1}, b.Log)
}

// Mux maps the task type to its handler.
func (b *Builder) Mux() *asynq.ServeMux {
	return calls(TypeReport, b.Log, b.Do)
}

// Do builds one report, if nobody else does or did. done is false when it did not come to an end here.
func (b *Builder) Do(ctx context.Context, id int64) (done bool, err error) {
	claimed, ok, err := b.Store.ClaimReport(ctx, id)
	if err != nil {
		b.Log.ErrorContext(ctx, "claim a report", "report", id, "error", describe(err))
		return false, err
	}
	if !ok {
		return false, nil
	}
	start, outcome := time.Now(), string(report.Succeeded)
	result, err := b.build(ctx, claimed)
	if err == nil {
		err = b.Store.FinishReport(ctx, claimed, result)
	}
	switch {
	case errors.Is(err, store.ErrLost):
		return false, nil
	case err != nil:
		outcome = again
		failed(ctx, b.Log, "build a report", err, "report", id, "attempt", claimed.Attempts)
		if back := b.Store.GiveBackReport(context.WithoutCancel(ctx), claimed, !stops(ctx)); back != nil && !errors.Is(back, store.ErrLost) {
			b.Log.ErrorContext(ctx, "give a report back", "report", id, "error", describe(back))
		}
	}
	reportSeconds.WithLabelValues(string(claimed.Type), outcome).Observe(time.Since(start).Seconds())
	return err == nil, err
}

// build loads and decides. A panic is an error like any other; its value may hold account data and is not kept.
func (b *Builder) build(ctx context.Context, claimed store.Build) (result []byte, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("panic\n" + string(debug.Stack()))
		}
	}()
	definition, ok := report.ByType(claimed.Type)
	if !ok {
		return nil, fmt.Errorf("no type %s", claimed.Type)
	}
	in, err := b.Store.LoadReport(ctx, claimed, definition)
	if err != nil {
		return nil, err
	}
	return json.Marshal(definition.Build(in))
}

// WakeReports calls workers for reports, in the manner of Wake.
func (q *Queue) WakeReports(ctx context.Context, ids []int64) {
	q.send(ctx, queueReports, TypeReport, ids, q.store.UnqueuedReports)
}

// Deliver calls workers for the callbacks that wait.
func (q *Queue) Deliver(ctx context.Context) {
	ids, err := q.store.WaitingDeliveries(ctx, q.room(ctx, queueCallbacks, 100))
	if err != nil {
		q.log.ErrorContext(ctx, "look for callbacks", "error", describe(err))
	}
	q.WakeDeliveries(ctx, ids)
}
