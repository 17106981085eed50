// Package embedded runs real PostgreSQL and Redis servers as child processes in a data folder.
//
// It is what makes the program run with no set-up: when no DATABASE_URL or REDIS_URL is given,
// Start finds the server binaries (or fetches them into a cache, installing nothing), makes a
// cluster on first use and starts the servers on free ports of 127.0.0.1 with random passwords.
//
// Each server has one owner, the process that started it; further processes that ask for the same
// folder join it. The servers end with their owner, also when the owner is killed with kill -9. A server that ends by
// itself is started again by its owner.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Options says what Start is to bring up, and where.
type Options struct {
	Dir          string                           // cluster, Redis files, logs and locks live here; created when missing
	Postgres     bool                             // start PostgreSQL
	Redis        bool                             // start Redis
	PostgresArgs []string                         // extra server arguments, e.g. "-c", "fsync=off" for tests
	RedisConfig  []string                         // extra settings, e.g. "cluster-enabled yes"
	Sentinel     bool                             // Redis is a Sentinel, which watches others as RedisConfig says
	Log          func(format string, args ...any) // progress lines (fetching packages...); nil is silent
}

// Servers are the running servers. The fields are empty for what was not asked for.
type Servers struct {
	DatabaseURL, RedisURL string

	postgres *postgres // nil unless this process owns it
	redis    *redis    // nil unless this process owns it
}

// Start brings up the servers asked for and returns when they answer queries.
//
// PostgreSQL and Redis are owned separately: each one is joined when another process runs it in this
// folder already, and started otherwise. So a process that wants both beside an owner of only one
// joins that one and owns the other, with no special case. A joined server lives only as long as
// its owner. When the owner is just starting, Start waits as long as the context allows and then
// joins; when it is stopping, for up to 30 seconds, and takes over when the lock gets free.
//
// The context bounds Start alone; the servers run until Stop.
func Start(ctx context.Context, o Options) (_ *Servers, err error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	if o.Dir, err = prepareDir(o.Dir); err != nil {
		return nil, err
	}
	s := &Servers{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	// Always PostgreSQL before Redis: with one order two processes cannot wait for each other.
	if o.Postgres {
		own, url, err := claim(ctx, filepath.Join(o.Dir, "postgres.lock"))
		if err != nil {
			return nil, err
		}
		if s.DatabaseURL = url; own != nil {
			s.postgres = &postgres{args: o.PostgresArgs, dir: o.Dir, lock: own, log: o.Log}
		}
	}
	if o.Redis {
		own, url, err := claim(ctx, filepath.Join(o.Dir, "redis.lock"))
		if err != nil {
			return nil, err
		}
		if s.RedisURL = url; own != nil {
			s.redis = &redis{settings: o.RedisConfig, sentinel: o.Sentinel, dir: o.Dir, lock: own, log: o.Log}
		}
	}
	// Joining needs no binaries, so they are looked for only now.
	if s.postgres != nil {
		if s.postgres.bin, err = findPostgres(ctx, clusterVersion(o.Dir), o.Log); err != nil {
			return nil, err
		}
	}
	if s.redis != nil {
		if s.redis.bin, err = findRedis(ctx, o.Log); err != nil {
			return nil, err
		}
	}
	if s.postgres != nil {
		if s.DatabaseURL, err = s.postgres.start(ctx); err != nil {
			return nil, err
		}
	}
	if s.redis != nil {
		if s.RedisURL, err = s.redis.start(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// prepareDir makes the data folder and returns its absolute path with symbolic links resolved, so
// that every process names the folder alike. The folder may be passed through by other users (not
// listed): PostgreSQL run by root may have to be another user. What is secret inside is 0600.
func prepareDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("start servers: no data folder given")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the data folder: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("make the data folder: %w", err)
	}
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("make the data folder: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", fmt.Errorf("find the data folder: %w", err)
	}
	return dir, nil
}

// Stop shuts down the servers this process started and waits for them to end: PostgreSQL by a fast
// shutdown, Redis after writing its file. Joined servers are left alone. A second call does nothing.
func (s *Servers) Stop() error {
	var errs []error
	if s.redis != nil {
		errs = append(errs, s.redis.stop())
		s.redis = nil
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.stop())
		s.postgres = nil
	}
	return errors.Join(errs...)
}

var errJoined = errors.New("the server was not started by this process")

// The methods below break and mend the servers for failure tests. They work only on servers that
// this process started, and are not safe to call at the same time as each other or as Stop.

// KillPostgres ends PostgreSQL with kill -9, as a crash would.
func (s *Servers) KillPostgres() error {
	if s.postgres == nil {
		return errJoined
	}
	return s.postgres.kill("PostgreSQL")
}

// RestartPostgres starts a killed PostgreSQL again on the same port.
func (s *Servers) RestartPostgres(ctx context.Context) error {
	if s.postgres == nil {
		return errJoined
	}
	return s.postgres.keep(ctx)
}

// KillRedis ends Redis with kill -9, as a crash would.
func (s *Servers) KillRedis() error {
	if s.redis == nil {
		return errJoined
	}
	return s.redis.kill("Redis")
}

// WipeRedis removes the files of a killed Redis, so that RestartRedis brings it back empty.
func (s *Servers) WipeRedis() error {
	if s.redis == nil {
		return errJoined
	}
	return s.redis.wipe()
}

// RestartRedis starts a killed Redis again on the same port, with the data it wrote to disk.
func (s *Servers) RestartRedis(ctx context.Context) error {
	if s.redis == nil {
		return errJoined
	}
	return s.redis.keep(ctx)
}
