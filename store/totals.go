package store

import (
	"context"
)

// liveAccountMonths and liveCategoryMonths are what the monthly totals must be, from the transactions.
const (
	liveAccountMonths = `SELECT customer_id, consumer_id, account_id, date_trunc('month', booking_date)::date AS month,
			coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT' AND transfer_id IS NULL), 0) AS credit,
			coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT' AND transfer_id IS NULL), 0) AS debit,
			(count(*) FILTER (WHERE transfer_id IS NULL))::int AS count,
			coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT' AND transfer_id IS NOT NULL), 0) AS transfer_credit,
			coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT' AND transfer_id IS NOT NULL), 0) AS transfer_debit,
			(count(*) FILTER (WHERE transfer_id IS NOT NULL))::int AS transfer_count
		FROM transactions WHERE status = 'POSTED' GROUP BY 1, 2, 3, 4`
	liveCategoryMonths = `SELECT customer_id, consumer_id, account_id, date_trunc('month', booking_date)::date AS month, category_id,
			coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT'), 0) AS credit,
			coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT'), 0) AS debit, count(*)::int AS count
		FROM transactions WHERE status = 'POSTED' AND transfer_id IS NULL GROUP BY 1, 2, 3, 4, 5`
)

// CheckTotals counts the monthly totals that are not what the transactions add up to; a row of nothing is as none.
func (s *Store) CheckTotals(ctx context.Context) (wrong int, err error) {
	err = s.snapshot(ctx, func(tx *Tx) error {
		if err := tx.unhurried(ctx); err != nil {
			return err
		}
		return tx.NewRaw(`WITH a AS (`+liveAccountMonths+`), c AS (`+liveCategoryMonths+`)
			SELECT (SELECT count(*) FROM a FULL JOIN account_months m USING (customer_id, consumer_id, account_id, month)
					WHERE (coalesce(a.credit, 0), coalesce(a.debit, 0), coalesce(a.count, 0), coalesce(a.transfer_credit, 0), coalesce(a.transfer_debit, 0), coalesce(a.transfer_count, 0))
						<> (coalesce(m.credit, 0), coalesce(m.debit, 0), coalesce(m.count, 0), coalesce(m.transfer_credit, 0), coalesce(m.transfer_debit, 0), coalesce(m.transfer_count, 0)))
				+ (SELECT count(*) FROM c FULL JOIN category_months m USING (customer_id, consumer_id, account_id, month, category_id)
					WHERE (coalesce(c.credit, 0), coalesce(c.debit, 0), coalesce(c.count, 0)) <> (coalesce(m.credit, 0), coalesce(m.debit, 0), coalesce(m.count, 0)))`).
			Scan(ctx, &wrong)
	})
	return wrong, err
}

// RebuildTotals makes the monthly totals what the transactions add up to, and counts those that were not. Writers wait
// for it; readers do not.
func (s *Store) RebuildTotals(ctx context.Context) (changed int, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		if err := tx.unhurried(ctx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "LOCK TABLE transactions, account_months, category_months IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		var accounts, categories int
		if err := tx.NewRaw(`WITH live AS MATERIALIZED (`+liveAccountMonths+`),
			gone AS (DELETE FROM account_months m WHERE NOT EXISTS (SELECT 1 FROM live l
					WHERE (l.customer_id, l.consumer_id, l.account_id, l.month) = (m.customer_id, m.consumer_id, m.account_id, m.month))
				RETURNING (credit, debit, count, transfer_credit, transfer_debit, transfer_count) <> (0, 0, 0, 0, 0, 0) AS wrong),
			put AS (INSERT INTO account_months AS m (customer_id, consumer_id, account_id, month, credit, debit, count, transfer_credit, transfer_debit, transfer_count)
				SELECT * FROM live
				ON CONFLICT (customer_id, consumer_id, account_id, month) DO UPDATE SET credit = excluded.credit, debit = excluded.debit, count = excluded.count,
					transfer_credit = excluded.transfer_credit, transfer_debit = excluded.transfer_debit, transfer_count = excluded.transfer_count
				WHERE (m.credit, m.debit, m.count, m.transfer_credit, m.transfer_debit, m.transfer_count)
					<> (excluded.credit, excluded.debit, excluded.count, excluded.transfer_credit, excluded.transfer_debit, excluded.transfer_count)
				RETURNING 1)
			SELECT (SELECT count(*) FILTER (WHERE wrong) FROM gone) + (SELECT count(*) FROM put)`).Scan(ctx, &accounts); err != nil {
			return err
		}
		if err := tx.NewRaw(`WITH live AS MATERIALIZED (`+liveCategoryMonths+`),
			gone AS (DELETE FROM category_months m WHERE NOT EXISTS (SELECT 1 FROM live l
					WHERE (l.customer_id, l.consumer_id, l.account_id, l.month, l.category_id) = (m.customer_id, m.consumer_id, m.account_id, m.month, m.category_id))
				RETURNING (credit, debit, count) <> (0, 0, 0) AS wrong),
			put AS (INSERT INTO category_months AS m (customer_id, consumer_id, account_id, month, category_id, credit, debit, count)
				SELECT * FROM live
				ON CONFLICT (customer_id, consumer_id, account_id, month, category_id) DO UPDATE SET credit = excluded.credit, debit = excluded.debit, count = excluded.count
				WHERE (m.credit, m.debit, m.count) <> (excluded.credit, excluded.debit, excluded.count)
				RETURNING 1)
			SELECT (SELECT count(*) FILTER (WHERE wrong) FROM gone) + (SELECT count(*) FROM put)`).Scan(ctx, &categories); err != nil {
			return err
		}
		changed = accounts + categories
		return nil
	})
	return changed, err
}

// unhurried takes the time limit from a transaction that looks at every row.
func (tx *Tx) unhurried(ctx context.Context) error {
	_, err := tx.ExecContext(ctx, "SELECT set_config('statement_timeout', '0', true)")
	return err
}
