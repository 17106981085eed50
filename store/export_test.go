package store

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"insightgraph/bank"
)

// As is options with another role for the sessions.
func As(role string, o Options) Options {
	o.role = role
	return o
}

// Patient is options without limits of how long a caller's statements may take.
func Patient(o Options) Options {
	o.patient = true
	return o
}

// Lease and the others are what tests have to know.
var (
	Lease       = shardLeases.time
	MaxAttempts = shardLeases.tries
	KeyLife     = keyLife
)

// DatabaseError is what the database says with a code.
func DatabaseError(code string) error { return &pgconn.PgError{Code: code} }

// Setting is a setting of the sessions.
func (s *Store) Setting(ctx context.Context, name string) (value string, err error) {
	err = s.pool.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value)
	return value, err
}

// Busy takes all connections until the end of a test.
func (s *Store) Busy(t *testing.T) {
	t.Helper()
	for _, p := range []*pgxpool.Pool{s.pool, s.reads.Pool} {
		for range p.Config().MaxConns {
			conn, err := p.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(conn.Release)
		}
	}
}

// PlansOfKnown is how the server would look for known rows of an account: for these external ids, and for any. Then come
// those for whether the account has any rows.
func (s *Store) PlansOfKnown(ctx context.Context, a bank.Account, externalIDs []string) (plans []string, err error) {
	consumers, accounts := make([]int64, len(externalIDs)), make([]int64, len(externalIDs))
	for i := range externalIDs {
		consumers[i], accounts[i] = a.ConsumerID, a.ID
	}
	err = s.system(ctx, func(tx *Tx) error {
		plans = nil
		explain := func(text string, args ...any) error {
			rows, err := tx.pg.Query(ctx, "EXPLAIN "+text, args...)
			if err != nil {
				return err
			}
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			plans = append(plans, strings.Join(lines, "\n"))
			return err
		}
		for _, query := range []string{knownRows, usedAccounts} {
			for _, text := range []string{withoutSort, "SET LOCAL plan_cache_mode = force_generic_plan", "PREPARE known AS " + query} {
				if _, err := tx.pg.Exec(ctx, text); err != nil {
					return err
				}
			}
			err := errors.Join(explain(query, a.CustomerID, consumers, accounts, externalIDs), explain("EXECUTE known (NULL, NULL, NULL, NULL)"))
			if _, other := tx.pg.Exec(ctx, "DEALLOCATE known"); err != nil || other != nil {
				return errors.Join(err, other)
			}
		}
		return nil
	})
	return plans, err
}
