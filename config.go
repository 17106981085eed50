package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"insightgraph/embedded"
	"insightgraph/failpoint"
	"insightgraph/store"
	"insightgraph/telemetry"
)

// config is what every command knows: from flags, else from the environment, else the default.
type config struct {
	DatabaseURL      string        `env:"DATABASE_URL" placeholder:"URL" help:"PostgreSQL 14 or newer. Unset: an own server in DATA_DIR."`
	DatabaseAdminURL string        `env:"DATABASE_ADMIN_URL" placeholder:"URL" help:"Login that may migrate, where DATABASE_URL's may not."`
	ReplicaURL       string        `env:"DATABASE_REPLICA_URL" placeholder:"URL" help:"A streaming replica of DATABASE_URL's server, which then answers queries."`
	RedisURL         string        `env:"REDIS_URL" placeholder:"URL" help:"Redis 6.2 or newer: one server, a cluster (further nodes as ?addr=HOST:PORT) or Sentinels (?master_name=NAME). Unset: an own server in DATA_DIR."`
	DataDir          string        `env:"DATA_DIR" default:".data" placeholder:"DIR" help:"Where the own servers keep their data (${default})."`
	DatabaseConns    int           `env:"DATABASE_CONNS" placeholder:"N" help:"Database connections at most, half of them for queries. Unset: ten, and for queries four for each processor."`
	LogLevel         slog.Level    `env:"LOG_LEVEL" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error (${default})."`
	EncryptionKeys   string        `env:"ENCRYPTION_KEYS" placeholder:"KEY,…" help:"Keys (32 bytes, base64) for stored secrets: the first encrypts, all decrypt. Unset: a key in DATA_DIR."`
	TokenLife        time.Duration `env:"TOKEN_LIFE" default:"30m" placeholder:"DURATION" help:"How long access tokens hold (${default})."`
}

// mostConns is the most that PostgreSQL's max_connections can be.
const mostConns = 262143

// services are the open connections of a command.
type services struct {
	store    *store.Store
	redis    redis.UniversalClient // nil where the command needs none
	embedded *embedded.Servers
	log      *slog.Logger
	stopping atomic.Bool // since this process was told to
}

// open starts the servers that no URL is given for, or joins those of a running process, brings the database up to date
// and connects.
func (c *config) open(ctx context.Context, withRedis bool) (*services, error) {
	switch {
	case c.TokenLife <= 0:
		return nil, fmt.Errorf("read TOKEN_LIFE: %s is no time that a token can hold", c.TokenLife)
	case c.DatabaseConns < 0:
		return nil, fmt.Errorf("read DATABASE_CONNS: %d is below zero", c.DatabaseConns)
	case c.DatabaseConns > mostConns:
		return nil, fmt.Errorf("read DATABASE_CONNS: %d is more than the %d that PostgreSQL can have", c.DatabaseConns, mostConns)
	}
	s := &services{log: telemetry.NewLogger(os.Stderr, c.LogLevel)}
	redis.SetLogger(redisLog{s.log})
	slog.SetDefault(s.log)
	if c.DatabaseURL == "" || withRedis && c.RedisURL == "" {
		var err error
		s.embedded, err = embedded.Start(ctx, embedded.Options{Dir: c.DataDir, Postgres: c.DatabaseURL == "", Redis: withRedis && c.RedisURL == "",
			Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }})
		if err != nil {
			return nil, err
		}
		if c.DatabaseURL == "" {
			c.DatabaseURL = s.embedded.DatabaseURL
		}
		if c.RedisURL == "" {
			c.RedisURL = s.embedded.RedisURL
		}
	}
	if err := c.connect(ctx, s, withRedis); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (c *config) connect(ctx context.Context, s *services, withRedis bool) (err error) {
	admin, name := c.DatabaseAdminURL, "DATABASE_ADMIN_URL"
	if admin == "" {
		admin, name = c.DatabaseURL, "DATABASE_URL"
	}
	_, denied := store.Migrate(ctx, admin)
	if denied != nil {
		denied = fmt.Errorf("migrate with %s: %w", name, denied)
		if c.DatabaseAdminURL != "" || !store.MayNot(denied) {
			return denied
		}
	}
	options := store.Options{MaxConns: c.DatabaseConns, Now: failpoint.Clock()}
	if withRedis {
		if s.redis, err = openRedis(c.RedisURL); err != nil {
			return errors.New("read REDIS_URL: it is not a Redis connection string") // the text may hold a password
		}
		options.ReplicaURL, options.Marks = c.ReplicaURL, marks{s.redis}
		if options.Keys, err = c.keys(); err != nil {
			return err
		}
	}
	s.store, err = store.Open(ctx, c.DatabaseURL, options)
	if denied == nil {
		return err
	}
	// A login that may not migrate need not where somebody else has.
	if err == nil {
		var behind int
		if behind, err = s.store.Behind(ctx); err == nil && behind == 0 {
			return nil
		}
	}
	return fmt.Errorf("%w; this login may not migrate: run migrate with a DATABASE_ADMIN_URL that may", denied)
}

// redisLog takes what the client of Redis says; left alone it writes lines that are no JSON.
type redisLog struct{ *slog.Logger }

func (l redisLog) Printf(ctx context.Context, format string, v ...any) {
	l.WarnContext(ctx, "redis", "message", fmt.Sprintf(format, v...))
}

// openRedis is a client of one server; of a cluster, whose further nodes are named as addr; or of the server that
// Sentinels say is the master with the name master_name.
func openRedis(address string) (redis.UniversalClient, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	switch query := u.Query(); {
	case query.Has("master_name"):
		options, err := redis.ParseFailoverURL(address)
		if err != nil {
			return nil, err
		}
		options.DialTimeout, options.MaxRetries, options.ContextTimeoutEnabled = time.Second, 1, true
		return redis.NewFailoverClient(options), nil
	case query.Has("addr"):
		options, err := redis.ParseClusterURL(address)
		if err != nil {
			return nil, err
		}
		options.DialTimeout, options.ContextTimeoutEnabled = time.Second, true
		return redis.NewClusterClient(options), nil
	}
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, err
	}
	options.DialTimeout, options.MaxRetries, options.ContextTimeoutEnabled = time.Second, 1, true
	return redis.NewClient(options), nil
}

// pingRedis asks Redis whether it is there, of a cluster each node that holds a part of the queues, and whether it takes
// what is written: one that is full, or a replica that only reads, answers and takes no tasks.
func pingRedis(ctx context.Context, r redis.UniversalClient) error {
	if cluster, ok := r.(*redis.ClusterClient); ok {
		if err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return node.Ping(ctx).Err() }); err != nil {
			return err
		}
	}
	return r.Set(ctx, "insightgraph:ping", 1, time.Minute).Err()
}

// close gives everything back, the youngest first.
func (s *services) close() error {
	var errs []error
	if s.redis != nil {
		errs = append(errs, s.redis.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.embedded != nil {
		errs = append(errs, s.embedded.Stop())
	}
	return errors.Join(errs...)
}
