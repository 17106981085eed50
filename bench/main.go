// Command bench measures the product beside its physical limits, in one run on one machine, and prints ratios.
//
//	go run ./bench              the full size; writes bench/RESULTS.md
//	go run ./bench -quick       a small size in under five minutes; only prints
//	go run ./bench -soak 60m    a live server under mixed load; adds its section to bench/RESULTS.md
//
// It starts a PostgreSQL and a Redis of its own, with durable settings, and fills them set-based. Each measure runs in
// alternation with its limit or peer, several rounds; what counts is the ratio of the medians. The limits are what the
// database can do when nobody asks for anything else, and a handler written by hand for one query; the peers are servers
// that others have made. Beside itself it runs as two more commands: load, a client, and hand, that handler.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"insightgraph/embedded"
	"insightgraph/store"
)

// sizes is how much is measured.
type sizes struct {
	consumers    int // with three accounts each
	transactions int // theirs, over twelve months
	large        int // as many of the same consumers, where more are looked at
	base         int // rows in the tables before ingestion is measured
	calls        int // calls of a thousand rows per round; a multiple of twelve
	triggers     int // on demand
	rounds       int
	point        time.Duration // of one load on one server
}

var (
	fullSizes  = sizes{consumers: 20_000, transactions: 5_000_000, large: 15_000_000, base: 1_000_000, calls: 60, triggers: 50, rounds: 5, point: 3 * time.Second}
	quickSizes = sizes{consumers: 1_334, transactions: 333_500, large: 1_000_500, base: 100_000, calls: 24, triggers: 50, rounds: 3, point: time.Second}
)

// options is the command line.
type options struct {
	sizes
	only *regexp.Regexp
	dir  string
	out  string
	cpu  string
	long time.Duration // of the soak, which is made instead of all else
}

// commands are what this program runs beside itself.
var commands = map[string]func(context.Context, []string) error{"load": loadCommand, "hand": handCommand}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 && commands[os.Args[1]] != nil {
		if err := commands[os.Args[1]](ctx, os.Args[2:]); err != nil && ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "bench %s: %v\n", os.Args[1], err)
			os.Exit(1)
		}
		return
	}
	o, err := readOptions(os.Args[1:])
	if err == nil {
		err = run(ctx, o)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted; nothing was written")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// group is a part of the bench that -only picks. The order is that of the run.
type group struct {
	names   []string
	measure func(*bench, context.Context) error
}

var groups = []group{
	{[]string{"scheduled", "demand"}, (*bench).runs},
	{[]string{"ingest", "import"}, (*bench).ingestion},
	{[]string{"screen", "list", "feed", "deep"}, (*bench).screens},
	{[]string{"trigger", "wirecreate", "report", "small", "noisy", "start"}, (*bench).wire},
	{[]string{"categorise", "statement"}, (*bench).files},
}

func readOptions(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var names []string
	for _, g := range groups {
		names = append(names, g.names...)
	}
	quick := flags.Bool("quick", false, "small sizes and three rounds; RESULTS.md is left alone")
	consumers := flags.Int("consumers", 0, "consumers; transactions go with them (default 20000, with 5 and 15 million)")
	rounds := flags.Int("rounds", 0, "rounds of each measure (default 5, quick 3)")
	only := flags.String("only", "", "only the `groups` that match: "+strings.Join(names, ", ")+"; RESULTS.md is left alone")
	flags.StringVar(&o.dir, "dir", "", "keep servers and data in this folder, and use what is there (default: a temporary one, removed at the end)")
	flags.DurationVar(&o.long, "soak", 0, "instead of measuring, keep a live server under mixed load for so `long`, such as 60m")
	flags.StringVar(&o.cpu, "cpuprofile", "", "write a CPU profile of this process (clients, and the product where it is called directly) to this file")
	out := flags.String("out", "", "write the results to this file (default bench/RESULTS.md for a full run, else none)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.sizes = fullSizes; *quick {
		o.sizes = quickSizes
	}
	if *consumers > 0 {
		o.transactions, o.large = o.transactions/o.consumers**consumers, o.large/o.consumers**consumers
		o.consumers = *consumers
	}
	if *rounds > 0 {
		o.rounds = *rounds
	}
	if o.out = *out; o.out == "" && !*quick && *only == "" {
		o.out = "bench/RESULTS.md"
	}
	o.only, err = regexp.Compile(*only)
	return o, err
}

// bench is one run of this program.
type bench struct {
	options
	log     *slog.Logger
	servers *embedded.Servers
	redis   *redis.Client
	results []result
	facts   []string // what it was measured on
	details []string // tables below the results
	skipped []string // what could not be measured, and why
	built   bool     // the program is there
}

func run(ctx context.Context, o options) (err error) {
	begin := time.Now()
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "insightgraph-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.dir)
	}
	b := &bench{options: o, log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	b.servers, err = embedded.Start(ctx, embedded.Options{Dir: o.dir, Postgres: true, Redis: true,
		PostgresArgs: []string{"-c", "shared_buffers=2GB", "-c", "max_wal_size=8GB", "-c", "checkpoint_timeout=30min", "-c", "max_connections=300"}, Log: say})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.servers.Stop()) }()
	redisOptions, err := redis.ParseURL(b.servers.RedisURL)
	if err != nil {
		return err
	}
	b.redis = redis.NewClient(redisOptions)
	defer b.redis.Close()
	if o.cpu != "" {
		f, err := os.Create(o.cpu)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if b.facts, err = b.machine(ctx); err != nil {
		return err
	}
	if o.long > 0 {
		return b.soak(ctx, o.long)
	}
	for _, g := range groups {
		if !b.wants(g.names...) {
			continue
		}
		if err := g.measure(b, ctx); err != nil {
			return fmt.Errorf("measure %s: %w", strings.Join(g.names, ", "), err)
		}
	}
	return b.report(time.Since(begin))
}

// wants tells whether one of the names was asked for.
func (b *bench) wants(names ...string) bool { return slices.ContainsFunc(names, b.only.MatchString) }

// database is a migrated database.
type database struct {
	store *store.Store
	admin *pgx.Conn // may do everything
	url   string
}

// database makes a fresh database.
func (b *bench) database(ctx context.Context, name string) (*database, error) {
	server, err := pgx.Connect(ctx, b.servers.DatabaseURL)
	if err != nil {
		return nil, err
	}
	defer server.Close(context.WithoutCancel(ctx))
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name} {
		if _, err := server.Exec(ctx, statement); err != nil {
			return nil, err
		}
	}
	return b.open(ctx, name)
}

// open brings a database up to date and connects.
func (b *bench) open(ctx context.Context, name string) (*database, error) {
	u, err := url.Parse(b.servers.DatabaseURL)
	if err != nil {
		return nil, err
	}
	u.Path = "/" + name
	d := &database{url: u.String()}
	if _, err := store.Migrate(ctx, d.url); err != nil {
		return nil, err
	}
	if d.store, err = store.Open(ctx, d.url, store.Options{}); err != nil {
		return nil, err
	}
	if d.admin, err = pgx.Connect(ctx, d.url); err != nil {
		return nil, errors.Join(err, d.store.Close())
	}
	return d, nil
}

func (d *database) close() {
	short, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	d.admin.Close(short)
	d.store.Close()
}

// do runs statements that take no arguments, each by itself.
func (d *database) do(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := d.admin.Exec(ctx, s); err != nil {
			return fmt.Errorf("%.60s: %w", s, err)
		}
	}
	return nil
}

// say tells how far it is.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
