package store

import (
	"context"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"
)

// leases are how workers share the rows of a table. One who takes a row holds it until it says that it is done, or until its
// time is over; then another may take it. Each lease has a number, so that one who comes back late changes nothing.
type leases struct {
	table, state, waits string // the column that says how far a row is, and what that says of one that waits
	time                time.Duration
	tries               int // after how many that failed or were cut off a row is given up
}

var (
	shardLeases    = leases{"run_shards", "state", "READY", 2 * time.Minute, 5}
	partLeases     = leases{"refresh_parts", "state", "READY", 45 * time.Second, 3} // see KeepPart
	reportLeases   = leases{"reports", "status", "QUEUED", time.Minute, 3}
	deliveryLeases = leases{table: "deliveries", state: "status", waits: "PENDING"} // with a state less, so that only unqueued is for them
)

// take takes a row for a worker and gives some of its columns. There is none where it was done, is held by another, or is gone.
func (l leases) take(ctx context.Context, tx *Tx, id int64, columns string, row ...any) error {
	return tx.NewRaw("UPDATE "+l.table+" SET "+l.state+" = 'RUNNING', attempts = attempts + 1, lease = lease + 1, lease_until = ? WHERE id = ? AND ("+
		l.state+" = ? AND run_after <= ? OR "+l.state+" = 'RUNNING' AND lease_until < ? AND attempts < ?) RETURNING "+columns,
		tx.now.Add(l.time), id, l.waits, tx.now, tx.now, l.tries).Scan(ctx, row...)
}

// again returns a row that is still held, to be tried a little later. Where nothing went wrong but the worker stops, that was no
// try, and the row is for another at once.
func (l leases) again(ctx context.Context, tx *Tx, id, lease int64, attempts int, tried bool) error {
	after, fewer := (*time.Time)(nil), 1
	if tried {
		at := tx.now.Add(time.Duration(attempts*attempts) * time.Second)
		after, fewer = &at, 0
	}
	_, err := tx.ExecContext(ctx, "UPDATE "+l.table+" SET "+l.state+" = ?, attempts = attempts - ?, run_after = coalesce(?, run_after), enqueued_at = NULL, lease_until = NULL WHERE id = ? AND lease = ? AND "+
		l.state+" = 'RUNNING'", l.waits, fewer, after, id, lease)
	return err
}

// waiting takes up to n rows that should be on the queue: new ones, those whose task was lost, and those whose worker died.
// Each comes again after a minute as long as nobody works on it.
func (l leases) waiting(ctx context.Context, tx *Tx, n int) (ids []int64, err error) {
	err = tx.NewRaw("UPDATE "+l.table+" SET enqueued_at = ?0 WHERE id IN (SELECT id FROM "+l.table+" WHERE ("+l.state+" = ?1 AND run_after <= ?0 OR "+
		l.state+" = 'RUNNING' AND lease_until < ?0) AND (enqueued_at IS NULL OR enqueued_at < ?2) ORDER BY run_after, id LIMIT ?3 FOR UPDATE SKIP LOCKED) RETURNING id",
		tx.now, l.waits, tx.now.Add(-time.Minute), n).Scan(ctx, &ids)
	return ids, err
}

// dead is the condition of rows whose worker died again and again, and its values.
func (l leases) dead(tx *Tx) (where string, values []any) {
	return l.state + " = 'RUNNING' AND lease_until < ? AND attempts >= ?", []any{tx.now, l.tries}
}

// unqueued notes that rows could not be put on the queue, so that the next sweep tries again at once.
func (s *Store) unqueued(ctx context.Context, l leases, ids []int64) error {
	return s.system(ctx, func(tx *Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE "+l.table+" SET enqueued_at = NULL WHERE id = ANY(?::bigint[]) AND "+l.state+" = ?", pgdialect.Array(ids), l.waits)
		return err
	})
}
