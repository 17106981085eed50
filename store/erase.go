package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/report"
)

const (
	sessionsKept  = 7 * 24 * time.Hour  // after they expired
	refreshesKept = 90 * 24 * time.Hour // after they were over
	runsKept      = 7 * 24 * time.Hour  // after they were over, of one consumer, which can trigger any number itself
	maxSwept      = 500                 // rows of one kind in one sweep
	maxErased     = 50                  // consumers in one transaction
)

// SweepConnect does what time does: flows and consents that are over, data that was to be kept for a time only, sessions
// and kept answers that nobody needs any more.
func (s *Store) SweepConnect(ctx context.Context) error {
	var errs []error
	for _, sweep := range []func(context.Context) error{s.sweepFlows, s.sweepRows, s.sweepAnswers, s.eraseDue} {
		errs = append(errs, sweep(ctx)) // one that fails does not hold up the others
	}
	return errors.Join(errs...)
}

// sweepFlows ends flows that are overdue.
func (s *Store) sweepFlows(ctx context.Context) error {
	return s.system(ctx, func(tx *Tx) error {
		var flows []connect.Flow
		if err := tx.NewSelect().Model(&flows).Where(isOpen).Where("(working_until <= ?0 OR expires_at <= ?0 AND state = ?1)", tx.now, connect.InputNeeded).
			OrderExpr("expires_at").Limit(maxSwept).For("UPDATE SKIP LOCKED").Scan(ctx); err != nil {
			return err
		}
		for i := range flows {
			flows[i].Tick(tx.now)
		}
		return tx.saveFlows(ctx, flows)
	})
}

// sweepRows ends consents, forgets whose browser a session was, and deletes sessions, refreshes and runs that are long over.
func (s *Store) sweepRows(ctx context.Context) error {
	return s.system(ctx, func(tx *Tx) error {
		var over []connect.Consent
		if err := tx.NewRaw(`UPDATE consents SET state = 'EXPIRED', sealed = NULL, closed_at = expires_at WHERE (customer_id, consumer_id, id) IN (
				SELECT customer_id, consumer_id, id FROM consents WHERE state = 'ACTIVE' AND expires_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)
			RETURNING customer_id, consumer_id, id`, tx.now, maxSwept).Scan(ctx, &over); err != nil {
			return err
		}
		tx.recordConsents("expireConsent", over)
		for _, step := range []struct {
			statement string
			before    time.Time
		}{
			{`UPDATE sessions SET psu = '{}' WHERE (customer_id, id) IN (
				SELECT customer_id, id FROM sessions WHERE psu <> '{}' AND (closed_at IS NOT NULL OR expires_at <= ?) LIMIT ? FOR UPDATE SKIP LOCKED)`, tx.now.Add(-time.Hour)},
			{`DELETE FROM sessions WHERE (customer_id, id) IN (
				SELECT customer_id, id FROM sessions s WHERE expires_at <= ?
					AND NOT EXISTS (SELECT 1 FROM flows f WHERE f.customer_id = s.customer_id AND f.session_id = s.id AND f.` + isOpen + `)
				ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED)`, tx.now.Add(-sessionsKept)},
			{`DELETE FROM refreshes WHERE (customer_id, id) IN (
				SELECT customer_id, id FROM refreshes WHERE finished_at <= ? ORDER BY finished_at LIMIT ? FOR UPDATE SKIP LOCKED)`, tx.now.Add(-refreshesKept)},
			{`DELETE FROM runs WHERE (customer_id, id) IN (
				SELECT customer_id, id FROM runs WHERE kind = 'ON_DEMAND' AND consumer_id IS NOT NULL AND finished_at <= ? ORDER BY finished_at LIMIT ? FOR UPDATE SKIP LOCKED)`,
				tx.now.Add(-runsKept)},
		} {
			if _, err := tx.ExecContext(ctx, step.statement, step.before, maxSwept); err != nil {
				return err
			}
		}
		return nil
	})
}

// erasable are consumers with something to be erased.
const erasable = `SELECT customer_id, consumer_id FROM accounts WHERE erase_at <= ?0
	UNION SELECT customer_id, consumer_id FROM transactions WHERE erase_at <= ?0
	UNION SELECT customer_id, id FROM consumers WHERE ` + isEmpty

// isEmpty: made by a flow whose data was to be kept for a time only, and nothing is left or on its way.
const isEmpty = `erase_empty AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.customer_id = consumers.customer_id AND a.consumer_id = consumers.id)
	AND NOT EXISTS (SELECT 1 FROM flows f WHERE f.customer_id = consumers.customer_id AND f.consumer_id = consumers.id AND f.` + isOpen + `)
	AND NOT EXISTS (SELECT 1 FROM flows f WHERE f.customer_id = consumers.customer_id AND f.consumer_external_id = consumers.external_id AND f.` + isOpen + `)`

// eraseDue erases what was to be kept until now only, some consumers of one customer at a time. A customer of which it fails
// does not hold up the others.
func (s *Store) eraseDue(ctx context.Context) error {
	var errs []error
	failed := []int64{}
	for range maxSwept / maxErased {
		var owners []owner
		if err := s.system(ctx, func(tx *Tx) error {
			owners = nil
			return tx.NewRaw("SELECT * FROM ("+erasable+") due WHERE customer_id <> ALL(?2::bigint[]) ORDER BY 1, 2 LIMIT ?1", tx.now, maxErased, pgdialect.Array(failed)).Scan(ctx, &owners)
		}); err != nil || owners == nil {
			return errors.Join(append(errs, err)...)
		}
		of := map[int64][]int64{}
		for _, o := range owners {
			of[o.CustomerID] = append(of[o.CustomerID], o.ConsumerID)
		}
		for customerID, ids := range of {
			if err := s.system(ctx, func(tx *Tx) error { return tx.eraseOf(ctx, customerID, ids) }); err != nil {
				errs, failed = append(errs, err), append(failed, customerID)
			}
		}
	}
	return errors.Join(errs...)
}

// eraseOf erases what is due of consumers, and those of which nothing is left then. An evaluation that loaded it is stored before
// that, and erased with it, or finds that it was erased, see unerased; a report that looks at it is gone.
func (tx *Tx) eraseOf(ctx context.Context, customerID int64, consumerIDs []int64) error {
	if err := tx.touch(ctx, customerID, consumerIDs); err != nil {
		return err
	}
	var accounts []bank.Account
	if err := tx.NewSelect().Model(&accounts).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ANY(?::bigint[]) AND erase_at <= ?", customerID, pgdialect.Array(consumerIDs), tx.now).
		Scan(ctx); err != nil {
		return err
	}
	if err := tx.eraseAccounts(ctx, customerID, accounts); err != nil {
		return err
	}
	var rows []bank.Transaction
	if err := tx.NewRaw("DELETE FROM transactions WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ANY(?::bigint[]) AND erase_at <= ? RETURNING consumer_id, account_id, booking_date",
		customerID, pgdialect.Array(consumerIDs), tx.now).Scan(ctx, &rows); err != nil {
		return err
	}
	what := goneOf(accounts, rows)
	if err := tx.eraseReports(ctx, customerID, what); err != nil {
		return err
	}
	var empty []int64
	if err := tx.NewRaw("SELECT id FROM consumers WHERE customer_id = (SELECT ?::bigint) AND id = ANY(?::bigint[]) AND "+isEmpty, customerID, pgdialect.Array(consumerIDs)).Scan(ctx, &empty); err != nil {
		return err
	}
	if err := tx.dropWork(ctx, customerID, empty); err != nil {
		return err
	}
	if err := tx.alone(ctx, customerID, consumerIDs); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE consumers SET erased_at = changed_at WHERE customer_id = (SELECT ?::bigint) AND id = ANY(?::bigint[])", customerID, pgdialect.Array(consumerIDs)); err != nil {
		return err
	}
	if err := tx.eraseEntries(ctx, customerID, what); err != nil {
		return err
	}
	if err := tx.unlearn(ctx, customerID, consumerIDs); err != nil {
		return err
	}
	if len(empty) > 0 {
		if _, err := tx.erase(ctx, customerID, empty); err != nil {
			return err
		}
	}
	if err := tx.forgetAnswers(ctx, customerID, consumerIDs); err != nil {
		return err
	}
	for _, id := range consumerIDs {
		action := "eraseData"
		if slices.Contains(empty, id) {
			action = "eraseConsumer"
		}
		tx.recordConsumers(action, owner{customerID, id})
	}
	return tx.matchTransfers(ctx, customerID, consumerIDs, nil)
}

// eraseAccounts erases accounts with all that is about them alone, and consents that were for nothing else.
func (tx *Tx) eraseAccounts(ctx context.Context, customerID int64, accounts []bank.Account) error {
	if len(accounts) == 0 {
		return nil
	}
	consumers, ids := make([]int64, len(accounts)), make([]int64, len(accounts))
	for i, a := range accounts {
		consumers[i], ids[i] = a.ConsumerID, a.ID
	}
	keys := []any{customerID, pgdialect.Array(consumers), pgdialect.Array(ids)}
	var consents []connect.Consent
	if err := tx.NewSelect().Model(&consents).Where(`(customer_id, consumer_id, id) IN (SELECT customer_id, consumer_id, consent_id FROM account_links
		WHERE customer_id = (SELECT ?::bigint) AND (consumer_id, account_id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[])))`, keys...).Scan(ctx); err != nil {
		return err
	}
	for _, step := range []struct{ table, column string }{{"account_months", "account_id"}, {"category_months", "account_id"}, {"transactions", "account_id"}, {"accounts", "id"}} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+step.table+" WHERE customer_id = (SELECT ?::bigint) AND (consumer_id, "+step.column+") IN (SELECT * FROM unnest(?::bigint[], ?::bigint[]))", keys...); err != nil {
			return err
		}
	}
	return tx.dropConsents(ctx, customerID, consents)
}

// dropConsents deletes those of some consents under which nothing can be fetched any more. What is under way ends.
func (tx *Tx) dropConsents(ctx context.Context, customerID int64, consents []connect.Consent) error {
	if len(consents) == 0 {
		return nil
	}
	consumers, ids := make([]int64, len(consents)), make([]int64, len(consents))
	for i, c := range consents {
		consumers[i], ids[i] = c.ConsumerID, c.ID
	}
	const dropped = "c.customer_id = (SELECT ?::bigint) AND (c.consumer_id, c.id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[])) AND " + unlinked
	keys := []any{customerID, pgdialect.Array(consumers), pgdialect.Array(ids)}
	var open []refreshPart
	if err := tx.NewSelect().Model(&open).Where("state IN ('READY', 'RUNNING') AND (customer_id, consumer_id, consent_id) IN (SELECT customer_id, consumer_id, id FROM consents c WHERE "+dropped+")", keys...).
		OrderExpr("id").For("UPDATE").Scan(ctx); err != nil {
		return err
	}
	if len(open) > 0 {
		if err := tx.endParts(ctx, open, connect.ConsentMissing); err != nil {
			return err
		}
	}
	if err := tx.giveBack(ctx, dropped, keys...); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM consents c WHERE "+dropped, keys...)
	return err
}

// gone is what was erased, as columns: an account, or a day of one.
type gone struct {
	consumers, accounts []int64
	refs                []string  // of the accounts
	days                []*string // nil: whatever the days
}

func goneOf(accounts []bank.Account, rows []bank.Transaction) (g gone) {
	add := func(a bank.Account, day *string) {
		g.consumers, g.accounts, g.refs, g.days = append(g.consumers, a.ConsumerID), append(g.accounts, a.ID), append(g.refs, a.Ref().String()), append(g.days, day)
	}
	for _, a := range accounts {
		add(a, nil)
	}
	for _, x := range rows {
		add(bank.Account{ConsumerID: x.ConsumerID, ID: x.AccountID}, text(&x.BookingDate))
	}
	return g
}

// eraseReports erases the reports that rest on what was erased. A report looks at a year before its period too; balances are
// counted from the day that one was told for, back or forth.
func (tx *Tx) eraseReports(ctx context.Context, customerID int64, g gone) error {
	if len(g.consumers) == 0 {
		return nil
	}
	var counted []string
	for _, d := range report.All {
		if d.After {
			counted = append(counted, string(d.Type))
		}
	}
	_, err := tx.pg.Exec(ctx, `DELETE FROM reports r USING cases c, (SELECT DISTINCT consumer_id, account, day::date AS day FROM unnest($2::bigint[], $3::bigint[], $4::text[]) AS u(consumer_id, account, day)) gone
		WHERE r.customer_id = $1 AND r.consumer_id = gone.consumer_id AND (c.customer_id, c.consumer_id, c.id) = (r.customer_id, r.consumer_id, r.case_id)
			AND gone.account = ANY(c.account_ids) AND (gone.day IS NULL OR gone.day BETWEEN c.period_from - interval '13 months' AND c.period_to
				OR r.type = ANY($5) AND gone.day > least(c.period_to, (SELECT a.balance_as_of - interval '1 day' FROM accounts a WHERE (a.customer_id, a.consumer_id, a.id) = ($1, gone.consumer_id, gone.account))))`,
		customerID, g.consumers, g.accounts, g.days, counted)
	return err
}

// eraseEntries erases the feed entries that rest on what was erased.
func (tx *Tx) eraseEntries(ctx context.Context, customerID int64, g gone) error {
	if len(g.consumers) == 0 {
		return nil
	}
	_, err := tx.pg.Exec(ctx, `DELETE FROM feed_entries e USING (SELECT DISTINCT consumer_id, account, day::date AS day FROM unnest($2::bigint[], $3::text[], $4::text[]) AS u(consumer_id, account, day)) gone
		WHERE e.customer_id = $1 AND e.consumer_id = gone.consumer_id AND (gone.day IS NULL OR gone.day BETWEEN e.window_from AND e.window_to)
			AND EXISTS (SELECT 1 FROM jsonb_array_elements(e.accounts) x WHERE x->>'id' = gone.account)`, customerID, g.consumers, g.refs, g.days)
	return err
}

// unlearn forgets the corrections of consumers without accounts: they name counterparties.
func (tx *Tx) unlearn(ctx context.Context, customerID int64, consumerIDs []int64) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM corrections x WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ANY(?::bigint[])
		AND NOT EXISTS (SELECT 1 FROM accounts a WHERE (a.customer_id, a.consumer_id) = (x.customer_id, x.consumer_id))`, customerID, pgdialect.Array(consumerIDs))
	return err
}
