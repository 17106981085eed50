// Insightgraph is an account-insights server: bank data comes in, insights come out over one GraphQL API.
//
// This file is main: configuration, open, wire, serve, stop. The other commands are in commands.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
	_ "time/tzdata" // consumers' time zones on machines without them

	"github.com/alecthomas/kong"
	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/cors"

	"insightgraph/auth"
	"insightgraph/graph"
	"insightgraph/insight/catalogue"
	"insightgraph/tasks"
	"insightgraph/web"
)

// commands is the command line; kong reads it.
type commands struct {
	config
	Serve      serveCmd      `cmd:"" help:"Serve GraphQL and run insights."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the database up to date, then leave."`
	Customer   customerCmd   `cmd:"" help:"Customers and their keys."`
	Import     importCmd     `cmd:"" help:"Load consumers, accounts and transactions from canonical CSV files."`
	Rates      ratesCmd      `cmd:"" help:"Exchange rates."`
	Insights   insightsCmd   `cmd:"" help:"Insights."`
	Totals     totalsCmd     `cmd:"" help:"The monthly totals that are kept beside the transactions."`
	Categories categoriesCmd `cmd:"" help:"What transactions were for."`
	Secrets    secretsCmd    `cmd:"" help:"The encryption of stored consents."`
	Events     eventsCmd     `cmd:"" help:"The log of changes."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c commands
	parsed := kong.Parse(&c, kong.Name("insightgraph"), kong.Description("Account insights over GraphQL, on your own machines."),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(&c.config))
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "insightgraph:", err)
		stop()
		os.Exit(1)
	}
}

type serveCmd struct {
	Addr             string   `env:"ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen (${default})."`
	Role             string   `env:"ROLE" default:"all" enum:"all,web,worker" help:"all, web (GraphQL only) or worker (insights only) (${default})."`
	Dev              bool     `env:"DEV" help:"Development mode: the demo customer, playground and introspection. Only on a loopback address."`
	Playground       bool     `env:"PLAYGROUND" help:"Serve the playground in production too."`
	Introspection    bool     `env:"INTROSPECTION" help:"Answer introspection in production too."`
	Concurrency      int      `env:"CONCURRENCY" default:"4" help:"Shards that this process evaluates at once (${default})."`
	Fetches          int      `env:"FETCHES" default:"16" help:"Fetches from banks, and callbacks, that this process waits for at once (${default})."`
	PrivateCallbacks string   `env:"PRIVATE_CALLBACKS" default:"auto" enum:"auto,on,off" help:"Whether callbacks may go to private addresses and over http: on, off, or auto, which is on while PUBLIC_URL is on this machine (${default})."`
	Plain            bool     `env:"INSIGHTGRAPH_PLAIN" hidden:"" help:"Answer queries in gqlgen's own way only, to compare with."`
	AllowedOrigin    []string `env:"ALLOWED_ORIGINS" placeholder:"ORIGIN" help:"Origins of browser apps that may call, such as https://app.example.com."`
	linking
}

// Run serves until the context ends, then lets requests and tasks come to their end.
func (cmd *serveCmd) Run(ctx context.Context, c *config) error {
	if cmd.Dev && !isLoopback(cmd.Addr) {
		return fmt.Errorf("development mode hands out the demo customer's token, so it serves loopback addresses only; %s is none", cmd.Addr)
	}
	if os.Getenv("GOGC") == "" { // what lives is small beside what a request uses: half the collections, for some 15 MiB
		debug.SetGCPercent(250)
	}
	s, err := c.open(ctx, true)
	if err != nil {
		return err
	}
	defer s.close()
	listener, err := cmd.listen()
	if err != nil {
		return err
	}
	defer listener.Close()

	tokens := &auth.Tokens{Store: s.store, Life: c.TokenLife}
	queue := tasks.NewQueue(s.redis, s.store, s.log)
	rim, err := cmd.link(c, s, listener.Addr(), queue)
	if err != nil {
		return err
	}
	defer rim.app.Wait()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", promhttp.Handler())
	if cmd.Role != "worker" {
		if err := cmd.web(ctx, mux, c, s, tokens, queue, rim); err != nil {
			return err
		}
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var background sync.WaitGroup
	if cmd.Role != "web" {
		worker := tasks.NewWorker(s.store, s.log)
		for _, one := range []struct {
			server *asynq.Server
			mux    *asynq.ServeMux
		}{
			{worker.Server(s.redis, cmd.Concurrency), worker.Mux()},
			{rim.fetcher.Server(s.redis, cmd.Fetches), rim.fetcher.Mux()},
			{rim.builder.Server(s.redis, cmd.Concurrency), rim.builder.Mux()},
			{rim.sender.Server(s.redis, cmd.Fetches), rim.sender.Mux()},
		} {
			if err := one.server.Start(one.mux); err != nil {
				return fmt.Errorf("start the workers: %w", err)
			}
			defer one.server.Shutdown()
		}
		background.Go(func() { (&tasks.Planner{Store: s.store, Queue: queue, Log: s.log}).Run(running) })
	}
	httpServer := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10}
	failed := make(chan error, 1)
	go func() { failed <- httpServer.Serve(listener) }()
	cmd.announce(listener.Addr().String(), c)

	select {
	case err = <-failed:
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr, "Stopping.")
	}
	wait, done := context.WithTimeout(context.Background(), 20*time.Second)
	defer done()
	cancel()
	err = errors.Join(err, httpServer.Shutdown(wait))
	background.Wait()
	return err
}

// web adds what clients call.
func (cmd *serveCmd) web(ctx context.Context, mux *http.ServeMux, c *config, s *services, tokens *auth.Tokens, queue *tasks.Queue, rim *rim) error {
	crossOrigin := func(h http.Handler) http.Handler {
		if len(cmd.AllowedOrigin) == 0 {
			return h
		}
		return cors.New(cors.Options{AllowedOrigins: cmd.AllowedOrigin, AllowedMethods: []string{"POST"},
			AllowedHeaders: []string{"Authorization", "Content-Type", "X-Request-Id", "Idempotency-Key", "GraphQL-Require-Preflight", "Apollo-Require-Preflight"}, ExposedHeaders: []string{"X-Request-Id", "Idempotent-Replayed"}, MaxAge: 600}).Handler(h)
	}
	mux.Handle("/graphql", measured("graphql", crossOrigin(graph.NewHandler(graph.Options{Store: s.store, Tokens: tokens, Queue: queue, Definitions: catalogue.All,
		Directory: rim.app.Directory, Linker: rim.app, Builder: rim.builder, Viewer: rim.view, Keys: rim.keys, PrivateCallbacks: rim.privates,
		Introspection: cmd.Dev || cmd.Introspection, Plain: cmd.Plain, Log: s.log}))))
	mux.Handle("/connect/", measured("connect", rim.app.Handler()))
	mux.Handle("/reports/", measured("reports", rim.view.Handler()))
	mux.Handle("/auth/token", measured("token", crossOrigin(tokens.TokenHandler(s.log))))
	playground := web.Playground{Examples: examples(s.store.Now())}
	if cmd.Dev {
		demo, err := cmd.makeDemo(ctx, c, s)
		if err != nil {
			return fmt.Errorf("make the demo customer: %w", err)
		}
		playground.Token = func(ctx context.Context) (string, string, error) {
			token, _, err := tokens.Issue(ctx, demo, nil)
			return token, "the demo customer", err
		}
	}
	if cmd.Dev || cmd.Playground {
		mux.Handle("/", playground.Handler())
	}
	return nil
}

// listen opens the address. In development mode a taken default port gives way to a free one.
func (cmd *serveCmd) listen() (net.Listener, error) {
	listener, err := net.Listen("tcp", cmd.Addr)
	if err == nil {
		return listener, nil
	}
	if cmd.Dev && errors.Is(err, syscall.EADDRINUSE) {
		host, _, _ := net.SplitHostPort(cmd.Addr)
		if listener, err := net.Listen("tcp", net.JoinHostPort(host, "0")); err == nil {
			fmt.Fprintf(os.Stderr, "%s is taken; using another port.\n", cmd.Addr)
			return listener, nil
		}
	}
	return nil, fmt.Errorf("listen on %s: %w; choose another with --addr or ADDR", cmd.Addr, err)
}

func (cmd *serveCmd) announce(addr string, c *config) {
	switch {
	case cmd.Role == "worker":
		fmt.Fprintf(os.Stderr, "Workers are running; health at http://%s/readyz\n", addr)
	case cmd.Dev:
		fmt.Fprintf(os.Stderr, "\nPlayground  http://%s/\nGraphQL     http://%s/graphql\nDemo login  in %s\n\n", addr, addr, demoFile(c.DataDir))
	default:
		fmt.Fprintf(os.Stderr, "GraphQL  http://%s/graphql\n", addr)
	}
}

// ready answers 503 without the database; without Redis the server works on, only later.
func (s *services) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	state := map[string]string{"status": "ok", "database": "ok", "redis": "ok"}
	code := http.StatusOK
	if pingRedis(ctx, s.redis) != nil {
		state["status"], state["redis"] = "degraded", "away: insights wait in the database"
	}
	if known, err := s.store.PingReplica(ctx); err != nil {
		state["status"], state["replica"] = "degraded", "away: the primary answers"
	} else if known {
		state["replica"] = "ok"
	}
	if s.store.Ping(ctx) != nil {
		state["status"], state["database"] = "unavailable", "away"
		code = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(state)
}

var requests = promauto.NewHistogramVec(prometheus.HistogramOpts{Name: "insightgraph_http_seconds",
	Help: "Time to answer a request, by endpoint and status.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}, []string{"endpoint", "code"})

// measured times an endpoint for /metrics.
func measured(endpoint string, h http.Handler) http.Handler {
	return promhttp.InstrumentHandlerDuration(requests.MustCurryWith(prometheus.Labels{"endpoint": endpoint}), h)
}

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
