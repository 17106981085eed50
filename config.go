package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"insightgraph/embedded"
	"insightgraph/store"
)

// config is what every command knows: from flags, else from the environment, else the default.
type config struct {
	DatabaseURL      string        `env:"DATABASE_URL" placeholder:"URL" help:"PostgreSQL 14 or newer. Unset: an own server in DATA_DIR."`
	DatabaseAdminURL string        `env:"DATABASE_ADMIN_URL" placeholder:"URL" help:"Login that may migrate, where DATABASE_URL's may not."`
	RedisURL         string        `env:"REDIS_URL" placeholder:"URL" help:"Redis 6.2 or newer. Unset: an own server in DATA_DIR."`
	DataDir          string        `env:"DATA_DIR" default:".data" placeholder:"DIR" help:"Where the own servers keep their data (${default})."`
	DatabaseConns    int           `env:"DATABASE_CONNS" default:"20" placeholder:"N" help:"Database connections at most (${default})."`
	LogLevel         slog.Level    `env:"LOG_LEVEL" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error (${default})."`
	EncryptionKeys   string        `env:"ENCRYPTION_KEYS" placeholder:"KEY,…" help:"Keys (32 bytes, base64) for stored secrets: the first encrypts, all decrypt. Unset: a key in DATA_DIR."`
	TokenLife        time.Duration `env:"TOKEN_LIFE" default:"30m" placeholder:"DURATION" help:"How long access tokens hold (${default})."`
}

// services are the open connections of a command.
type services struct {
	store    *store.Store
	redis    redis.UniversalClient // nil where the command needs none
	embedded *embedded.Servers
	log      *slog.Logger
}

// open starts the servers that no URL is given for, or joins those of a running process, brings the database up to date
// and connects.
func (c *config) open(ctx context.Context, withRedis bool) (*services, error) {
	s := &services{log: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel}))}
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
	admin := c.DatabaseAdminURL
	if admin == "" {
		admin = c.DatabaseURL
	}
	if _, err := store.Migrate(ctx, admin); err != nil {
		return err
	}
	if s.store, err = store.Open(ctx, c.DatabaseURL, store.Options{MaxConns: c.DatabaseConns}); err != nil {
		return err
	}
	if !withRedis {
		return nil
	}
	options, err := redis.ParseURL(c.RedisURL)
	if err != nil {
		return errors.New("read REDIS_URL: it is not a Redis connection string") // the text may hold a password
	}
	options.DialTimeout = time.Second
	options.MaxRetries = 1
	s.redis = redis.NewClient(options)
	return nil
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
