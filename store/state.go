package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun/migrate"
)

// Pool is how a pool of connections is at this moment.
type Pool struct {
	Name            string
	Used, Idle, Max int32
	Waits           int64         // how often there was none to give at once
	Waited          time.Duration // for one, by all together
}

// Pools are all that the store has.
func (s *Store) Pools() []Pool {
	pool := func(name string, p *pgxpool.Pool) Pool {
		now := p.Stat()
		return Pool{name, now.AcquiredConns(), now.IdleConns(), now.MaxConns(), now.EmptyAcquireCount(), now.EmptyAcquireWaitTime()}
	}
	of := func(name string, p *sessions) Pool {
		now := pool(name, p.Pool)
		p.mu.Lock()
		defer p.mu.Unlock()
		now.Waits, now.Waited = now.Waits+p.waits, now.Waited+p.waited
		return now
	}
	all := []Pool{pool("transactions", s.pool), of("reads", s.reads)}
	if s.replica != nil {
		all = append(all, of("replica", s.replica.pool))
	}
	return all
}

// Behind is how many migrations the database lacks that this program has. It asks over a connection of its own: pools whose
// connections are all in use are no database that is away.
func (s *Store) Behind(ctx context.Context) (int, error) {
	files := migrate.NewMigrations()
	if err := files.Discover(migrationFiles); err != nil {
		return 0, err
	}
	var have int
	var names []string
	for _, m := range files.Sorted() {
		names = append(names, m.Name)
	}
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, "SELECT count(DISTINCT name) FROM migrations WHERE name = ANY($1::text[])", names).Scan(&have)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "42P01" { // an empty database
		err = nil
	}
	return len(names) - have, err
}

// ReplicaLag is how many bytes of the primary's log the replica, which there must be, has not replayed.
func (s *Store) ReplicaLag(ctx context.Context) (int64, error) {
	var here, there int64
	if err := s.replica.pool.QueryRow(ctx, "SELECT coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'), 0)::bigint").Scan(&there); err != nil {
		return 0, err
	}
	if err := s.reads.QueryRow(ctx, position).Scan(&here); err != nil {
		return 0, err
	}
	return max(0, here-there), nil
}

// Work is how much work of one kind is not done.
type Work struct {
	Kind                    string
	Waiting, Later, Running int // due, due after a pause, under way
	Oldest                  time.Duration
}

// OpenWork is what is not done, of all customers.
func (s *Store) OpenWork(ctx context.Context) (runs int, all []Work, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		all = nil
		if err := tx.NewRaw("SELECT count(DISTINCT run_id) FROM run_shards WHERE state IN ('READY', 'RUNNING')").Scan(ctx, &runs); err != nil {
			return err
		}
		for _, k := range []struct{ kind, table, open string }{
			{"shard", "run_shards", "state IN ('READY', 'RUNNING')"},
			{"part", "refresh_parts", "state IN ('READY', 'RUNNING')"},
			{"report", "reports", "status IN ('QUEUED', 'RUNNING')"},
			{"callback", "deliveries", "status = 'PENDING'"},
		} {
			w := Work{Kind: k.kind}
			var since *time.Time
			const running, due = "lease_until >= ?0", "run_after <= ?0"
			if err := tx.NewRaw("SELECT count(*) FILTER (WHERE NOT coalesce("+running+", false) AND "+due+"), count(*) FILTER (WHERE NOT coalesce("+running+", false) AND NOT "+due+
				"), count(*) FILTER (WHERE "+running+"), min(run_after) FILTER (WHERE NOT coalesce("+running+", false) AND "+due+") FROM "+k.table+" WHERE "+k.open,
				tx.now).Scan(ctx, &w.Waiting, &w.Later, &w.Running, &since); err != nil {
				return err
			}
			if since != nil {
				w.Oldest = tx.now.Sub(*since)
			}
			all = append(all, w)
		}
		return nil
	})
	return runs, all, err
}

// The kinds of work that can be given up.
const (
	deadShard = iota
	deadPart
	deadReport
	deadRevocation
	kinds
)

// Dead is how much work this process has given up after its last try, by kind.
func (s *Store) Dead() map[string]int64 {
	return map[string]int64{"shard": s.dead[deadShard].Load(), "part": s.dead[deadPart].Load(), "report": s.dead[deadReport].Load(),
		"revocation": s.dead[deadRevocation].Load()}
}
