package store

import (
	"context"

	"github.com/uptrace/bun/dialect/pgdialect"
)

// Revocation is a consent that is over here and is to be given back at its bank.
type Revocation struct {
	CustomerID, FlowID int64
	BankCode           string
	Sealed             []byte
}

// maxRevocations is how often a bank is asked to take a consent back, which takes five hours.
const maxRevocations = 10

// unlinked are consents under which nothing can be fetched.
const unlinked = "NOT EXISTS (SELECT 1 FROM account_links l WHERE (l.customer_id, l.consumer_id, l.consent_id) = (c.customer_id, c.consumer_id, c.id))"

// giveBack notes that those of some consents that are active are to be given back. They end in the same transaction.
func (tx *Tx) giveBack(ctx context.Context, which string, args ...any) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO revocations (customer_id, flow_id, bank_code, sealed, run_after)
		SELECT c.customer_id, c.flow_id, c.bank_code, c.sealed, ? FROM consents c WHERE c.state = 'ACTIVE' AND c.sealed IS NOT NULL AND `+which, append([]any{tx.now}, args...)...)
	return err
}

// WaitingRevocations takes up to n revocations for the queue. Each comes again, later each time, as long as its bank has not
// taken it; after the last try it is forgotten.
func (s *Store) WaitingRevocations(ctx context.Context, n int) (ids []int64, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		ids = nil
		forgotten, err := tx.affected(ctx, "DELETE FROM revocations WHERE run_after <= ? AND attempts >= ?", tx.now, maxRevocations)
		if err != nil {
			return err
		}
		tx.dead[deadRevocation] += int64(forgotten)
		return tx.NewRaw(`UPDATE revocations SET attempts = attempts + 1, run_after = ?0::timestamptz + (attempts + 1) * (attempts + 1) * interval '1 minute'
			WHERE id IN (SELECT id FROM revocations WHERE run_after <= ?0 ORDER BY run_after, id LIMIT ?1 FOR UPDATE SKIP LOCKED) RETURNING id`, tx.now, n).Scan(ctx, &ids)
	})
	return ids, err
}

// UnqueuedRevocations notes that revocations could not be put on the queue: that was no try.
func (s *Store) UnqueuedRevocations(ctx context.Context, ids []int64) error {
	return s.system(ctx, func(tx *Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE revocations SET attempts = attempts - 1, run_after = ? WHERE id = ANY(?::bigint[])", tx.now, pgdialect.Array(ids))
		return err
	})
}

// Revocation finds one. It is false where the consent was given back already.
func (s *Store) Revocation(ctx context.Context, id int64) (r Revocation, ok bool, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		err := tx.NewRaw("SELECT customer_id, flow_id, bank_code, sealed FROM revocations WHERE id = ?", id).Scan(ctx, &r)
		ok = err == nil
		return orNothing(err)
	})
	return r, ok, err
}

// GivenBack forgets a consent that its bank has taken back.
func (s *Store) GivenBack(ctx context.Context, id int64) error {
	return s.system(ctx, func(tx *Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM revocations WHERE id = ?", id)
		return err
	})
}
