package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// scene is one run of the program over a piece of work: a fresh database, processes, clients, and what was seen.
type scene struct {
	*lab
	name  string
	rng   *rand.Rand // of the faults; the work has its own
	work  *work
	dir   string
	db    *pgxpool.Pool // not through the proxy
	url   string        // through the proxy
	clock *clock
	hook  *hook

	processes []*process
	importEnv []string // of the first try of the command import
	poison    int      // pieces of work that are to be given up
	poisoned  bool     // so that runs may fail
	answers   map[string]string
	codes     map[string]int // that clients saw with faults
	slowest   time.Duration
	instead   func(context.Context) error // what happens in place of the work
	note      string                      // a figure for the progress line
	repeat    int                         // how often each batch is sent at once

	mu       sync.Mutex
	problems []string
	stuck    int
	leaks    int
	waits    []waiting
	recover  []time.Duration
	dead     []string     // who was killed
	shocks   atomic.Int64 // what may have ended a worker, or its work
	acks     acks
	closing  atomic.Bool

	importedAgain atomic.Bool // so that there are more events of it than without faults
}

// clock is the time of all processes of a scene. It goes as real time does, but for jumps.
type clock struct {
	file   string
	mu     sync.Mutex
	offset time.Duration
}

func newClock(file string, at time.Time) (*clock, error) {
	c := &clock{file: file, offset: time.Until(at)}
	return c, c.write()
}

// write replaces the file at once: whoever reads it meets a whole number.
func (c *clock) write() error {
	if err := os.WriteFile(c.file+".new", []byte(strconv.FormatInt(int64(c.offset), 10)), 0o600); err != nil {
		return err
	}
	return os.Rename(c.file+".new", c.file)
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
	if err := c.write(); err != nil {
		panic(err)
	}
}

// wrong notes something that must not be.
func (s *scene) wrong(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problems = append(s.problems, fmt.Sprintf(format, args...)); len(s.problems) == 1 && s.verbose {
		fmt.Fprintln(os.Stderr, s.problems[0])
	}
}

// traceFile is where the processes of a role note the points that they pass.
func (s *scene) traceFile(role string) string { return filepath.Join(s.dir, "trace."+role) }

// open makes the scene: nothing runs yet.
func (l *lab) open(ctx context.Context, name string, w *work, rng *rand.Rand, template string) (s *scene, err error) {
	s = &scene{lab: l, name: name, rng: rng, work: w, dir: filepath.Join(l.dir, name), answers: map[string]string{}, codes: map[string]int{}}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return nil, err
	}
	if s.clock, err = newClock(filepath.Join(s.dir, "clock"), w.start); err != nil {
		return nil, err
	}
	database := strings.ReplaceAll(name, "-", "_")
	if err := l.do(ctx, "CREATE DATABASE "+database+" TEMPLATE "+template); err != nil {
		return nil, err
	}
	// Without a checkpoint a copied sequence would go back when PostgreSQL dies: how far it may run ahead is noted only with
	// the one that it was copied from.
	if err := l.do(ctx, "CHECKPOINT"); err != nil {
		return nil, err
	}
	straight, err := url.Parse(l.servers.DatabaseURL)
	if err != nil {
		return nil, err
	}
	straight.Path = "/" + database
	config, err := pgxpool.ParseConfig(straight.String())
	if err != nil {
		return nil, err
	}
	config.MaxConns = 4
	if s.db, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	through := *straight
	through.Host = l.postgres.addr()
	s.url = through.String()
	s.hook = newHook(s)
	return s, nil
}

// close ends all processes and takes away what the scene had. Where something went wrong it stays, to be looked at.
func (s *scene) close(ctx context.Context) {
	s.closing.Store(true)
	s.lab.postgres.back()
	s.lab.redis.back()
	var all sync.WaitGroup
	for _, p := range s.processes {
		all.Go(p.end)
	}
	all.Wait()
	s.hook.close()
	s.db.Close()
	if len(s.problems) == 0 || !s.keep {
		_ = s.do(ctx, "DROP DATABASE IF EXISTS "+strings.ReplaceAll(s.name, "-", "_")+" WITH (FORCE)")
		os.RemoveAll(s.dir)
		return
	}
	s.lab.kept = true
	for _, p := range s.processes {
		os.WriteFile(filepath.Join(s.dir, p.name+".log"), []byte(p.log.String()), 0o600)
	}
}

// openWork is what is under way, and when the next step of each is due: at once, at a time, or when a lease is over.
const openWork = `SELECT kind || ' ' || id AS what, state || ' ' || attempts || ' ' || lease AS how, due, held FROM (
	SELECT 'shard' AS kind, id, state, attempts, lease, CASE state WHEN 'READY' THEN greatest(run_after, enqueued_at + interval '1 minute') ELSE greatest(lease_until, enqueued_at + interval '1 minute') END AS due, state = 'RUNNING' AS held
		FROM run_shards WHERE state IN ('READY', 'RUNNING')
	UNION ALL SELECT 'part', id, state, attempts, lease, CASE state WHEN 'READY' THEN greatest(run_after, enqueued_at + interval '1 minute') ELSE greatest(lease_until, enqueued_at + interval '1 minute') END, state = 'RUNNING'
		FROM refresh_parts WHERE state IN ('READY', 'RUNNING')
	UNION ALL SELECT 'report', id, status, attempts, lease, CASE status WHEN 'QUEUED' THEN greatest(run_after, enqueued_at + interval '1 minute') ELSE greatest(lease_until, enqueued_at + interval '1 minute') END, status = 'RUNNING'
		FROM reports WHERE status IN ('QUEUED', 'RUNNING')
	UNION ALL SELECT 'delivery', id, status, attempts, lease, greatest(run_after, lease_until, enqueued_at + interval '1 minute'), lease_until IS NOT NULL FROM deliveries WHERE status = 'PENDING'
	UNION ALL SELECT 'revocation', id, '', attempts, 0, run_after, false FROM revocations
	UNION ALL SELECT 'flow', id, state, 0, version, working_until, true FROM flows WHERE state = 'PROCESSING') w ORDER BY 1`

type openRow struct {
	what, how string
	due       *time.Time
	held      bool // by somebody, whose lease ends when it is due
}

func (s *scene) openRows(ctx context.Context) (rows []openRow, err error) {
	found, err := s.db.Query(ctx, openWork)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	for found.Next() {
		var r openRow
		if err := found.Scan(&r.what, &r.how, &r.due, &r.held); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, found.Err()
}

// patience is how long, in real time, nothing must have moved before the clock goes to the next moment at which something
// is due. Where that is the end of a lease, it is longer, and longest where nothing happened since the lease began of which its
// holder could have died: a clock that runs ahead of a slow worker only takes its work away, and three times is given up.
const (
	patience      = 700 * time.Millisecond
	heldPatience  = 3 * time.Second
	alivePatience = 15 * time.Second
)

// waiting is work that was under way when a process died.
type waiting struct {
	since time.Time
	for_  map[string]bool
}

// keepTime lets time pass when there is nothing to do but to wait for it, and measures, in the time of the processes, how
// long work takes that was under way when one of them died.
func (s *scene) keepTime(ctx context.Context) {
	last, changed := "", time.Now()
	began, before := map[string]int64{}, int64(0) // of each lease: how much had happened when it was not seen yet
	for ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
		at := s.shocks.Load()
		rows, err := s.openRows(ctx)
		if err != nil {
			changed = time.Now()
			continue
		}
		s.recovered(rows)
		now, still := s.clock.now(), time.Since(changed)
		text, next := "", (*time.Time)(nil)
		for _, r := range rows {
			text += r.what + r.how
			if _, known := began[r.what+r.how]; !known {
				began[r.what+r.how] = before
			}
			alive := began[r.what+r.how] == s.shocks.Load()
			if r.due == nil || r.held && still < heldPatience || r.held && alive && still < alivePatience {
				continue
			}
			if next == nil || r.due.Before(*next) {
				next = r.due
			}
		}
		before = at
		switch {
		case text != last:
			last, changed = text, time.Now()
		case next != nil && next.After(now) && still > patience:
			s.clock.jump(next.Sub(now) + 10*time.Millisecond)
			changed = time.Now()
		}
	}
}

// dies notes who was killed.
func (s *scene) dies(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = append(s.dead, who)
}

// killed notes that a process died, and what was under way.
func (s *scene) killed(p *process) {
	s.dies(p.name)
	if p.role == "worker" { // a web process holds a small report at most
		s.shocks.Add(1)
	}
	w := waiting{since: s.clock.now()}
	if rows, err := s.openRows(context.Background()); err == nil {
		w.for_ = map[string]bool{}
		for _, r := range rows {
			w.for_[r.what] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.waits { // who took over may have died now: it is the last death from which on it does not take long
		s.waits[i].since = w.since
	}
	s.waits = append(s.waits, w)
}

func (s *scene) recovered(rows []openRow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits = slices.DeleteFunc(s.waits, func(w waiting) bool {
		for _, r := range rows {
			if w.for_[r.what] {
				return false
			}
		}
		s.recover = append(s.recover, s.clock.now().Sub(w.since))
		return true
	})
}

// until waits for a state of the database, in real time.
func (s *scene) until(ctx context.Context, what string, holds func(context.Context) (bool, error)) error {
	deadline := time.Now().Add(settleTime)
	for {
		ok, err := holds(ctx)
		if ok && err == nil {
			return nil
		}
		if final, ok := errors.AsType[errFinal](err); ok {
			return final
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			s.mu.Lock()
			s.stuck++
			s.mu.Unlock()
			return fmt.Errorf("never came: %s (%v)", what, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

const settleTime = 90 * time.Second

// settled waits until nothing is under way any more.
func (s *scene) settled(ctx context.Context) error {
	var left []openRow
	err := s.until(ctx, "the end of all work", func(ctx context.Context) (bool, error) {
		rows, err := s.openRows(ctx)
		if left = rows; err == nil {
			s.recovered(rows) // before anybody lets more time pass
		}
		return len(rows) == 0, err
	})
	if err != nil {
		err = fmt.Errorf("%w: %v", err, left)
	}
	return err
}

// planned lets five minutes pass, after which data counts as quiet, and waits until the planners have looked at all zones
// after that.
func (s *scene) planned(ctx context.Context) error {
	s.clock.jump(6 * time.Minute)
	from := s.clock.now().Add(-5 * time.Minute)
	return s.until(ctx, "the plan of all zones", func(ctx context.Context) (ok bool, err error) {
		err = s.db.QueryRow(ctx, `SELECT NOT EXISTS (SELECT customer_id, time_zone FROM consumers
			EXCEPT SELECT customer_id, time_zone FROM runs WHERE kind = 'SCHEDULED' AND planned_through > $1)`, from).Scan(&ok)
		return ok, err
	})
}
