package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"insightgraph/telemetry"
)

// ready says whether requests should come here, and what is degraded: without Redis or the replica the server works on,
// only later or slower.
func (s *services) ready(w http.ResponseWriter, r *http.Request) {
	var redis, replica, database error
	var known bool
	var behind int
	ask(r.Context(), time.Second,
		func(ctx context.Context) { redis = pingRedis(ctx, s.redis) },
		func(ctx context.Context) { known, replica = s.store.PingReplica(ctx) },
		func(ctx context.Context) { behind, database = s.store.Behind(ctx) })
	state := map[string]string{"status": "ok", "database": "ok", "redis": "ok"}
	code := http.StatusOK
	if redis != nil {
		state["status"], state["redis"] = "degraded", "away, or it takes nothing: insights wait in the database"
	}
	if replica != nil {
		state["status"], state["replica"] = "degraded", "away: the primary answers"
	} else if known {
		state["replica"] = "ok"
	}
	switch {
	case database != nil:
		state["status"], state["database"] = "unavailable", "away"
		code = http.StatusServiceUnavailable
	case behind > 0:
		state["status"], state["database"] = "unavailable", "behind: restart this process, or run migrate"
		code = http.StatusServiceUnavailable
	}
	if s.stopping.Load() {
		state["status"] = "stopping"
		code = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(state)
}

// ask asks all questions at once, and each has so much time: one whom nobody answers takes none from the others.
func ask(ctx context.Context, limit time.Duration, questions ...func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var asked sync.WaitGroup
	for _, question := range questions {
		asked.Go(func() { question(ctx) })
	}
	asked.Wait()
}

var (
	requests = promauto.NewHistogramVec(prometheus.HistogramOpts{Name: "insightgraph_http_seconds",
		Help: "Time to answer a request, by endpoint and status.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}, []string{"endpoint", "code"})
	inFlight = promauto.NewGaugeVec(prometheus.GaugeOpts{Name: "insightgraph_http_in_flight",
		Help: "Requests that are being answered, by endpoint."}, []string{"endpoint"})
)

// measured times an endpoint for /metrics, and makes it one of telemetry.
func measured(endpoint, route string, h http.Handler) http.Handler {
	return promhttp.InstrumentHandlerInFlight(inFlight.WithLabelValues(endpoint),
		promhttp.InstrumentHandlerDuration(requests.MustCurryWith(prometheus.Labels{"endpoint": endpoint}), telemetry.Endpoint(route, h)))
}

// built is what this program was made from.
type built struct{ version, revision string }

func build() built {
	b := built{"unknown", "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.version = info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.revision = s.Value
		}
	}
	return b
}

func (b built) String() string {
	return fmt.Sprintf("insightgraph %s (revision %s, %s)", b.version, b.revision, runtime.Version())
}

// metrics answers /metrics: what the rooms count, and how everything is at this moment.
func (s *services) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(state{s})
	b := build()
	promauto.With(registry).NewGaugeVec(prometheus.GaugeOpts{Name: "insightgraph_build_info", Help: "1, with what the program was made from."},
		[]string{"version", "revision", "go"}).WithLabelValues(b.version, b.revision, runtime.Version()).Set(1)
	return promhttp.HandlerFor(prometheus.Gatherers{prometheus.DefaultGatherer, registry}, promhttp.HandlerOpts{})
}

// state is asked when somebody looks. What belongs to the database is the same in all processes.
type state struct{ *services }

func description(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("insightgraph_"+name, help, labels, nil)
}

var (
	databaseUp   = description("database_up", "1 while the database answers.")
	redisUp      = description("redis_up", "1 while Redis answers and takes what is written.")
	replicaUp    = description("replica_up", "1 while the replica answers; missing where there is none.")
	replicaLag   = description("replica_lag_bytes", "How much of the primary's log the replica has not replayed.")
	behind       = description("migrations_behind", "Migrations that this program has and the database has not.")
	poolConns    = description("pool_connections", "Connections to the database, by pool and state.", "pool", "state")
	poolMax      = description("pool_connections_max", "The most connections that a pool may open.", "pool")
	poolWaits    = description("pool_waits_total", "How often a pool had no connection to give at once.", "pool")
	poolWaitTime = description("pool_wait_seconds_total", "How long was waited for a connection of a pool.", "pool")
	openWork     = description("work_open", "Work that is not done, by kind (shard, part, report, callback) and state.", "kind", "state")
	oldestWork   = description("work_oldest_seconds", "How long the work that waits longest could have begun, by kind.", "kind")
	deadWork     = description("work_dead_total", "Work that this process has given up after its last try, by kind.", "kind")
	openRuns     = description("runs_open", "Runs that are not finished.")
)

func (state) Describe(all chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{databaseUp, redisUp, replicaUp, replicaLag, behind, poolConns, poolMax, poolWaits, poolWaitTime, openWork, oldestWork, deadWork, openRuns} {
		all <- d
	}
}

func (s state) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	up := func(d *prometheus.Desc, err error) {
		if err != nil {
			gauge(d, 0)
			return
		}
		gauge(d, 1)
	}
	for _, p := range s.store.Pools() {
		gauge(poolConns, float64(p.Used), p.Name, "used")
		gauge(poolConns, float64(p.Idle), p.Name, "idle")
		gauge(poolMax, float64(p.Max), p.Name)
		out <- prometheus.MustNewConstMetric(poolWaits, prometheus.CounterValue, float64(p.Waits), p.Name)
		out <- prometheus.MustNewConstMetric(poolWaitTime, prometheus.CounterValue, p.Waited.Seconds(), p.Name)
	}
	for kind, n := range s.store.Dead() {
		out <- prometheus.MustNewConstMetric(deadWork, prometheus.CounterValue, float64(n), kind)
	}
	ask(context.Background(), 4*time.Second,
		func(ctx context.Context) { up(redisUp, pingRedis(ctx, s.redis)) },
		func(ctx context.Context) {
			known, err := s.store.PingReplica(ctx)
			if !known {
				return
			}
			up(replicaUp, err)
			if lag, err := s.store.ReplicaLag(ctx); err == nil {
				gauge(replicaLag, float64(lag))
			}
		},
		func(ctx context.Context) {
			n, err := s.store.Behind(ctx)
			if up(databaseUp, err); err == nil {
				gauge(behind, float64(n))
			}
		},
		func(ctx context.Context) {
			runs, kinds, err := s.store.OpenWork(ctx)
			if err != nil {
				return
			}
			gauge(openRuns, float64(runs))
			for _, w := range kinds {
				gauge(openWork, float64(w.Waiting), w.Kind, "waiting")
				gauge(openWork, float64(w.Later), w.Kind, "later")
				gauge(openWork, float64(w.Running), w.Kind, "running")
				gauge(oldestWork, w.Oldest.Seconds(), w.Kind)
			}
		})
}
