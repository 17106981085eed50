// Insightgraph is an account-insights server: bank data comes in, insights come out over one GraphQL API.
//
// This file is main: configuration, open, wire, serve, stop. The other commands are in commands.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	_ "time/tzdata" // consumers' time zones on machines without them

	"github.com/alecthomas/kong"
	"github.com/hibiken/asynq"
	"github.com/rs/cors"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/budget"
	"insightgraph/category"
	"insightgraph/failpoint"
	"insightgraph/graph"
	"insightgraph/insight/catalogue"
	"insightgraph/tasks"
	"insightgraph/telemetry"
	"insightgraph/web"
)

// commands is the command line; kong reads it.
type commands struct {
	config
	Version kong.VersionFlag `help:"Print the version, the revision and Go's version."`

	Serve      serveCmd      `cmd:"" help:"Serve GraphQL and run insights."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the database up to date, then leave."`
	Customer   customerCmd   `cmd:"" help:"Customers and their keys."`
	Import     importCmd     `cmd:"" help:"Load consumers, accounts and transactions from canonical CSV files."`
	Rates      ratesCmd      `cmd:"" help:"Exchange rates."`
	Insights   insightsCmd   `cmd:"" help:"Insights."`
	Totals     totalsCmd     `cmd:"" help:"The monthly totals that are kept beside the transactions."`
	Categories categoriesCmd `cmd:"" help:"What transactions were for."`
	Export     exportCmd     `cmd:"" help:"Write all that is stored about a consumer, as JSON Lines."`
	Secrets    secretsCmd    `cmd:"" help:"The encryption of stored consents."`
	Events     eventsCmd     `cmd:"" help:"The log of changes."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	var c commands
	parsed := kong.Parse(&c, kong.Name("insightgraph"), kong.Description("Account insights over GraphQL, on your own machines."),
		kong.Vars{"version": build().String()}, kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(&c.config))
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "insightgraph:", telemetry.Mask(err.Error()))
		stop()
		os.Exit(1)
	}
}

type serveCmd struct {
	Addr             string        `env:"ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen (${default})."`
	Role             string        `env:"ROLE" default:"all" enum:"all,web,worker" help:"all, web (answers requests: GraphQL, connect app, report pages) or worker (evaluates, fetches, builds reports, sends callbacks) (${default})."`
	Dev              bool          `env:"DEV" help:"Development mode: the demo customer, playground and introspection. Only on a loopback address."`
	Playground       bool          `env:"PLAYGROUND" help:"Serve the playground in production too."`
	Introspection    bool          `env:"INTROSPECTION" help:"Answer introspection in production too."`
	Concurrency      int           `env:"CONCURRENCY" default:"4" help:"Shards that this process evaluates, and reports that it builds, at once, of each (${default})."`
	Fetches          int           `env:"FETCHES" default:"16" help:"Fetches from banks, callbacks, and consents given back, that this process waits for at once, of each; of callbacks a customer has a quarter of them, in all processes (${default})."`
	PrivateCallbacks string        `env:"PRIVATE_CALLBACKS" default:"auto" enum:"auto,on,off" help:"Whether callbacks may go to private addresses and over http: on, off, or auto, which is on while PUBLIC_URL is on this machine (${default})."`
	Plain            bool          `env:"INSIGHTGRAPH_PLAIN" hidden:"" help:"Answer queries in gqlgen's own way only, to compare with."`
	LameDuck         time.Duration `env:"LAME_DUCK" default:"5s" placeholder:"DURATION" help:"How long the server still answers after SIGTERM while /readyz says 503, so that load balancers notice (${default}). Development mode does not wait."`
	CustomerPoints   int           `env:"CUSTOMER_POINTS" default:"500000" help:"Points a second that each customer may spend, ten seconds' worth at once; 0 is no limit (${default})."`
	ConsumerPoints   int           `env:"CONSUMER_POINTS" default:"25000" help:"The same for each consumer's tokens (${default})."`
	CustomerRequests int           `env:"CUSTOMER_REQUESTS" default:"32" help:"Requests of a customer that run at once in this process; others wait; 0 is no limit (${default})."`
	ConsumerRequests int           `env:"CONSUMER_REQUESTS" default:"8" help:"The same for each consumer's tokens (${default})."`
	AllowedOrigin    []string      `env:"ALLOWED_ORIGINS" placeholder:"ORIGIN" help:"Origins of browser apps that may call, such as https://app.example.com."`
	linking
}

// growHeap lets garbage be so many percent of what lives, unless GOGC says otherwise.
func growHeap(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// limitMemory has garbage collected at once near so many bytes, unless GOMEMLIMIT says another limit.
func limitMemory(bytes int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(bytes)
	}
}

// warm reads the tables of categories, which the first who stores transactions would do while it holds locks.
func warm() { go category.Of(bank.Transaction{}) }

// check refuses numbers that would switch something off, and origins that no browser has.
func (cmd *serveCmd) check() error {
	var small []string
	for name, n := range map[string]int{"CONCURRENCY": cmd.Concurrency - 1, "FETCHES": cmd.Fetches - 1, "CUSTOMER_POINTS": cmd.CustomerPoints,
		"CONSUMER_POINTS": cmd.ConsumerPoints, "CUSTOMER_REQUESTS": cmd.CustomerRequests, "CONSUMER_REQUESTS": cmd.ConsumerRequests, "LAME_DUCK": int(cmd.LameDuck)} {
		if n < 0 {
			small = append(small, name)
		}
	}
	if slices.Sort(small); small != nil {
		return fmt.Errorf("read %s: the number is too small", strings.Join(small, ", "))
	}
	if cmd.Addr == "" { // which would be any port of all addresses
		return errors.New("read ADDR: it is empty")
	}
	for _, origin := range cmd.AllowedOrigin {
		scheme, host, _ := strings.Cut(origin, "://")
		if origin != "*" && (scheme == "" || host == "" || strings.ContainsAny(scheme+host, "/?#@ ")) {
			return fmt.Errorf("read ALLOWED_ORIGINS: %q is no origin, such as https://app.example.com", origin)
		}
	}
	return nil
}

// Run serves until the context ends, then lets requests and tasks come to their end.
func (cmd *serveCmd) Run(ctx context.Context, c *config) error {
	if cmd.Dev && !isLoopback(cmd.Addr) {
		return fmt.Errorf("development mode hands out the demo customer's token, so it serves loopback addresses only; %s is none", cmd.Addr)
	}
	if err := cmd.check(); err != nil {
		return err
	}
	slog.SetDefault(telemetry.NewLogger(os.Stderr, c.LogLevel)) // for what is said before anything is open
	growHeap(300)                                               // what lives is small beside what a request uses: a third of the collections, for some 20 MiB
	endTraces, err := telemetry.StartTracing(ctx, build().revision)
	if err != nil {
		return err
	}
	defer func() { // what is not taken in time is not worth waiting for
		short, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = endTraces(short)
	}()
	limitMemory(240 << 20) // near it garbage does not wait for that: whatever is thrown at the server stays below 300 MiB
	if cmd.Role != "web" { // which may never store any, and does without the room until it does
		warm()
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
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", s.metrics())
	if cmd.Role != "worker" {
		if err := cmd.web(ctx, mux, c, s, tokens, queue, rim); err != nil {
			return err
		}
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	var workers []*asynq.Server
	if cmd.Role != "web" {
		worker := tasks.NewWorker(s.store, s.log)
		for _, one := range []struct {
			server *asynq.Server
			mux    *asynq.ServeMux
		}{
			{worker.Server(s.redis, cmd.Concurrency), worker.Mux()},
			{rim.fetcher.Server(s.redis, cmd.Fetches), rim.fetcher.Mux()},
			{rim.fetcher.GiveBackServer(s.redis, cmd.Fetches), rim.fetcher.Mux()},
			{rim.builder.Server(s.redis, cmd.Concurrency), rim.builder.Mux()},
			{rim.sender.Server(s.redis, cmd.Fetches), rim.sender.Mux()},
		} {
			one.mux.Use(queue.Until(running))
			if err := one.server.Start(one.mux); err != nil {
				return fmt.Errorf("start the workers: %w", err)
			}
			workers = append(workers, one.server)
		}
		background.Go(func() {
			(&tasks.Planner{Store: s.store, Queue: queue, Log: s.log, Plan: failpoint.Tick(), Sweep: failpoint.Tick()}).Run(running)
		})
	}
	httpServer := &http.Server{Handler: s.lastAnswers(mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10}
	failed := make(chan error, 1)
	go func() { failed <- httpServer.Serve(listener) }()
	cmd.announce(s.log, listener.Addr().String(), c)

	select {
	case err = <-failed:
	case <-ctx.Done():
		s.log.Info("stopping")
	}
	// From here on no load balancer is to send anything new. What workers have begun is given back, for others to take at
	// once, while requests come to their end.
	s.stopping.Store(true)
	for _, w := range workers {
		w.Stop()
	}
	cancel()
	for _, w := range workers {
		background.Go(w.Shutdown)
	}
	if err == nil && cmd.Role != "worker" && !cmd.Dev {
		time.Sleep(cmd.LameDuck)
	}
	wait, done := context.WithTimeout(context.Background(), 20*time.Second)
	defer done()
	if cut := httpServer.Shutdown(wait); cut != nil {
		err = errors.Join(err, fmt.Errorf("wait for requests that are under way: %w", cut))
	}
	rim.app.Stop(wait)
	return err
}

// lastAnswers asks clients to come with a new connection next time, once this process stops: that one goes elsewhere.
func (s *services) lastAnswers(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// web adds what clients call.
func (cmd *serveCmd) web(ctx context.Context, mux *http.ServeMux, c *config, s *services, tokens *auth.Tokens, queue *tasks.Queue, rim *rim) error {
	crossOrigin := func(h http.Handler) http.Handler {
		if len(cmd.AllowedOrigin) == 0 {
			return h
		}
		return cors.New(cors.Options{AllowedOrigins: cmd.AllowedOrigin, AllowedMethods: []string{"GET", "POST"},
			AllowedHeaders: []string{"Authorization", "Content-Type", "X-Request-Id", "Idempotency-Key", "GraphQL-Require-Preflight", "Apollo-Require-Preflight"}, ExposedHeaders: []string{"X-Request-Id", "Retry-After", "Idempotent-Replayed"}, MaxAge: 600}).Handler(h)
	}
	mux.Handle("/graphql", measured("graphql", "/graphql", crossOrigin(graph.NewHandler(graph.Options{Store: s.store, Tokens: tokens, Queue: queue, Definitions: catalogue.All,
		Directory: rim.app.Directory, Linker: rim.app, Builder: rim.builder, Viewer: rim.view, Keys: rim.keys, Budget: cmd.budget(s), PrivateCallbacks: rim.privates,
		Introspection: cmd.Dev || cmd.Introspection, Plain: cmd.Plain, Log: s.log}))))
	mux.Handle("/connect/", measured("connect", "/connect/", rim.app.Handler()))
	mux.Handle("/reports/", measured("reports", "/reports/", rim.view.Handler()))
	export := http.NewServeMux() // within, so that a browser's question whether it may ask is answered too
	export.Handle("GET /consumers/{id}/export", newExports(tokens, s.store, s.log))
	mux.Handle("/consumers/{id}/export", measured("export", "/consumers/", crossOrigin(export)))
	mux.Handle("/auth/token", measured("token", "/auth/token", crossOrigin(tokens.TokenHandler(s.log))))
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

func (cmd *serveCmd) budget(s *services) *budget.Budget {
	return &budget.Budget{Redis: s.redis, Now: time.Now, Customers: budget.Limits{Points: cmd.CustomerPoints, Requests: cmd.CustomerRequests},
		Consumers: budget.Limits{Points: cmd.ConsumerPoints, Requests: cmd.ConsumerRequests}}
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

// announce says where this process is: to a person, or to whoever reads the log.
func (cmd *serveCmd) announce(log *slog.Logger, addr string, c *config) {
	if cmd.Dev {
		fmt.Fprintf(os.Stderr, "\nPlayground  http://%s/\nGraphQL     http://%s/graphql\nDemo login  in %s\n\n", addr, addr, demoFile(c.DataDir))
		return
	}
	path := "graphql"
	if cmd.Role == "worker" {
		path = "readyz"
	}
	log.Info("serving", "role", cmd.Role, "url", "http://"+addr+"/"+path)
}

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
