package store

import (
	"context"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/connect"
)

// ClaimPart takes a part for this worker. It is false when there is nothing to do: done, claimed by another, or gone; or
// not allowed now, since its consent was used four times in 24 hours: then it has failed. So has one whose consent or
// flow is over by now.
func (s *Store) ClaimPart(ctx context.Context, id int64) (p Part, ok bool, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		p, ok = Part{}, false
		var row refreshPart
		if err := tx.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx); err != nil {
			return orNothing(err)
		}
		if row.ConsentID != nil { // if it fails, that changes more of the consumer
			if err := tx.lockConsumers(ctx, row.CustomerID, []int64{*row.ConsumerID}); err != nil {
				return err
			}
		}
		row = refreshPart{}
		if err := partLeases.take(ctx, tx, id, "*", &row); err != nil {
			return orNothing(err)
		}
		p = Part{ID: id, BankCode: row.BankCode, Accounts: row.Accounts, Days: row.Days, Attempts: row.Attempts, lease: row.Lease}
		if err := tx.NewSelect().Model(&p.Refresh).Where("customer_id = (SELECT ?::bigint) AND id = ?", row.CustomerID, row.RefreshID).Scan(ctx); err != nil {
			return err
		}
		problem, err := tx.access(ctx, row, &p)
		if err != nil {
			return err
		}
		if problem != nil {
			return tx.failParts(ctx, []refreshPart{row}, problem.Category)
		}
		ok = true
		if row.AskedAt == nil {
			_, err = tx.ExecContext(ctx, "UPDATE refresh_parts SET asked_at = ? WHERE id = ?", tx.now, id)
		}
		return err
	})
	if !ok {
		p = Part{}
	}
	return p, ok, err
}

// orNothing is nil where nothing was found.
func orNothing(err error) error {
	if none(err) {
		return nil
	}
	return err
}

// access loads what a part is fetched with, or says why it cannot be.
func (tx *Tx) access(ctx context.Context, row refreshPart, p *Part) (*connect.Problem, error) {
	if row.ConsentID == nil {
		p.Flow, p.Session = &connect.Flow{}, &connect.Session{}
		if err := tx.NewSelect().Model(p.Flow).Where("customer_id = (SELECT ?::bigint) AND id = ?", row.CustomerID, *p.Refresh.FlowID).Scan(ctx); err != nil {
			return nil, err
		}
		if err := tx.NewSelect().Model(p.Session).Where("customer_id = (SELECT ?::bigint) AND id = ?", row.CustomerID, p.Flow.SessionID).Scan(ctx); err != nil {
			return nil, err
		}
		return ended(*p.Flow), nil
	}
	p.Consent = &connect.Consent{}
	if err := tx.NewSelect().Model(p.Consent).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", row.CustomerID, *row.ConsumerID, *row.ConsentID).Scan(ctx); err != nil {
		return nil, err
	}
	if problem := p.Consent.Usable(tx.now); problem != nil || row.AskedAt != nil {
		return problem, nil
	}
	asked, err := tx.NewSelect().Model((*refreshPart)(nil)).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND consent_id = ? AND asked_at > ?",
		row.CustomerID, *row.ConsumerID, *row.ConsentID, tx.now.Add(-24*time.Hour)).Count(ctx)
	if err == nil && asked >= connect.MaxUnattended {
		return connect.Is(connect.BankExceeded), nil
	}
	return nil, err
}

// ended says why a flow needs no data any more, nil if it does.
func ended(f connect.Flow) *connect.Problem {
	switch {
	case !f.State.Final():
		return nil
	case f.Problem != nil:
		return connect.Is(*f.Problem)
	}
	return connect.Is(connect.UserAborted)
}

// failParts ends parts for which nothing was fetched, with all that follows: for refreshes, flows, consents and
// schedules. The locks of the parts are held, and those of the consumers whose consents they use.
func (tx *Tx) failParts(ctx context.Context, parts []refreshPart, problem connect.Category) error {
	if len(parts) == 0 {
		return nil
	}
	if err := tx.failSchedules(ctx, parts, problem); err != nil {
		return err
	}
	if err := tx.closeConsents(ctx, parts, problem); err != nil {
		return err
	}
	return tx.endParts(ctx, parts, problem)
}

// endParts ends parts, their refreshes and their flows with a problem, and nothing else.
func (tx *Tx) endParts(ctx context.Context, parts []refreshPart, problem connect.Category) error {
	customers, refreshes, ids := make([]int64, len(parts)), make([]int64, len(parts)), make([]int64, len(parts))
	for i, p := range parts {
		customers[i], refreshes[i], ids[i] = p.CustomerID, p.RefreshID, p.ID
	}
	if _, err := tx.ExecContext(ctx, `UPDATE refresh_parts p SET state = 'FAILED', problem = ?, lease_until = NULL, accounts = '{}'
		FROM unnest(?::bigint[], ?::bigint[], ?::bigint[]) AS u(customer_id, refresh_id, id) WHERE (p.customer_id, p.refresh_id, p.id) = (u.customer_id, u.refresh_id, u.id)`,
		problem, pgdialect.Array(customers), pgdialect.Array(refreshes), pgdialect.Array(ids)); err != nil {
		return err
	}
	var flows []connect.Flow
	if err := tx.NewSelect().Model(&flows).Where(`(customer_id, id) IN (SELECT r.customer_id, r.flow_id FROM refreshes r
		JOIN unnest(?::bigint[], ?::bigint[]) AS u(customer_id, id) ON (r.customer_id, r.id) = (u.customer_id, u.id))`,
		pgdialect.Array(customers), pgdialect.Array(refreshes)).Where(isOpen).OrderExpr("customer_id, id").For("UPDATE").Scan(ctx); err != nil {
		return err
	}
	for i := range flows {
		flows[i].Fail(connect.Is(problem), tx.now)
	}
	if err := tx.saveFlows(ctx, flows); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE refreshes r SET parts_left = r.parts_left - u.n, problem = coalesce(r.problem, ?0),
			state = CASE WHEN r.parts_left > u.n THEN r.state ELSE 'EXCEPTION' END, finished_at = CASE WHEN r.parts_left > u.n THEN NULL ELSE ?1::timestamptz END
		FROM (SELECT customer_id, id, count(*)::int AS n FROM unnest(?2::bigint[], ?3::bigint[]) AS x(customer_id, id) GROUP BY 1, 2) u
		WHERE (r.customer_id, r.id) = (u.customer_id, u.id)`, problem, tx.now, pgdialect.Array(customers), pgdialect.Array(refreshes)); err != nil {
		return err
	}
	return tx.settle(ctx, customers, refreshes)
}

// closeConsents ends the consents of parts where that is the problem.
func (tx *Tx) closeConsents(ctx context.Context, parts []refreshPart, problem connect.Category) error {
	if problem.Top() != "CONSENT" {
		return nil
	}
	state := connect.ConsentIsRevoked
	if problem == connect.ConsentExpired {
		state = connect.ConsentIsExpired
	}
	ids := make([]int64, len(parts))
	for i, p := range parts {
		ids[i] = p.ID
	}
	var closed []connect.Consent
	err := tx.NewRaw(`UPDATE consents c SET state = ?, sealed = NULL, closed_at = ? FROM refresh_parts p
		WHERE p.id = ANY(?::bigint[]) AND (c.customer_id, c.consumer_id, c.id) = (p.customer_id, p.consumer_id, p.consent_id) AND c.state = 'ACTIVE'
		RETURNING c.customer_id, c.consumer_id, c.id`, state, tx.now, pgdialect.Array(ids)).Scan(ctx, &closed)
	tx.recordConsents("endConsent", closed)
	return err
}

// failSchedules notes a problem in the schedules of the accounts that parts are over.
func (tx *Tx) failSchedules(ctx context.Context, parts []refreshPart, problem connect.Category) error {
	ids := make([]int64, len(parts))
	for i, p := range parts {
		ids[i] = p.ID
	}
	var schedules []connect.AutomaticRefresh
	if err := tx.NewSelect().Model(&schedules).Where(`(customer_id, consumer_id, account_id) IN (SELECT l.customer_id, l.consumer_id, l.account_id FROM refresh_parts p
		JOIN account_links l ON (l.customer_id, l.consumer_id, l.consent_id) = (p.customer_id, p.consumer_id, p.consent_id) AND l.bank_account_id = ANY(p.accounts)
		WHERE p.id = ANY(?::bigint[]))`, pgdialect.Array(ids)).Scan(ctx); err != nil {
		return err
	}
	for i := range schedules {
		schedules[i].Went(&problem, tx.now)
	}
	return tx.saveSchedules(ctx, schedules)
}

// saveSchedules stores how schedules went and what comes next.
func (tx *Tx) saveSchedules(ctx context.Context, schedules []connect.AutomaticRefresh) error {
	if len(schedules) == 0 {
		return nil
	}
	_, err := tx.NewUpdate().Model(&schedules).Column("last_refresh_at", "last_state", "last_problem", "last_successful_refresh_at", "next_refresh_at", "failed_count").
		Bulk().Exec(ctx)
	return err
}

// holdPart locks a part, and before it the consumer of its consent, so that nobody takes it over while its results are
// stored.
func (tx *Tx) holdPart(ctx context.Context, p Part) (row refreshPart, err error) {
	if p.Refresh.ConsumerID != nil {
		if err := tx.lockConsumers(ctx, p.Refresh.CustomerID, []int64{*p.Refresh.ConsumerID}); err != nil {
			return row, err
		}
	}
	err = tx.NewSelect().Model(&row).Where("id = ?", p.ID).For("NO KEY UPDATE").Scan(ctx)
	if none(err) || err == nil && (row.Lease != p.lease || row.State != "RUNNING") {
		return row, ErrLost
	}
	return row, err
}

// PartBeat is how often a worker says that it is still there.
var PartBeat = partLeases.time / 3

// KeepPart says that this worker is still at it.
func (s *Store) KeepPart(ctx context.Context, p Part) error {
	return s.system(ctx, func(tx *Tx) error {
		n, err := tx.affected(ctx, "UPDATE refresh_parts SET lease_until = ? WHERE id = ? AND lease = ? AND state = 'RUNNING'", tx.now.Add(partLeases.time), p.ID, p.lease)
		if err == nil && n == 0 {
			return ErrLost
		}
		return err
	})
}

// FailPart stores why nothing was fetched, in the part, its refresh, its flow, its consent and its schedule.
func (s *Store) FailPart(ctx context.Context, p Part, problem *connect.Problem) error {
	return s.system(ctx, func(tx *Tx) error { return tx.failPart(ctx, p, problem) })
}

func (tx *Tx) failPart(ctx context.Context, p Part, problem *connect.Problem) error {
	row, err := tx.holdPart(ctx, p)
	if err != nil {
		return err
	}
	return tx.failParts(ctx, []refreshPart{row}, problem.Category)
}

// GiveBackPart returns a part after an error of ours, see again; after the last try it fails.
func (s *Store) GiveBackPart(ctx context.Context, p Part, tried bool) error {
	return s.system(ctx, func(tx *Tx) error {
		if tried && p.Attempts >= partLeases.tries {
			tx.dead[deadPart]++
			return tx.failPart(ctx, p, connect.Is(connect.Technical))
		}
		return partLeases.again(ctx, tx, p.ID, p.lease, p.Attempts, tried)
	})
}

// WaitingParts takes up to n parts that should be on the queue. One whose worker died again and again is given up.
func (s *Store) WaitingParts(ctx context.Context, n int) (ids []int64, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		if err := tx.buryParts(ctx); err != nil {
			return err
		}
		ids, err = partLeases.waiting(ctx, tx, n)
		return err
	})
	return ids, err
}

// buryParts gives up parts whose worker died again and again.
func (tx *Tx) buryParts(ctx context.Context) error {
	var dead []refreshPart
	isDead, values := partLeases.dead(tx)
	if err := tx.NewSelect().Model(&dead).Where(isDead, values...).OrderExpr("id").Limit(100).Scan(ctx); err != nil || dead == nil {
		return err
	}
	owners, ids := make([]owner, 0, len(dead)), make([]int64, len(dead))
	for i, p := range dead {
		ids[i] = p.ID
		if p.ConsumerID != nil {
			owners = append(owners, owner{p.CustomerID, *p.ConsumerID})
		}
	}
	if err := tx.lockOwners(ctx, owners); err != nil {
		return err
	}
	dead = nil // as they are under the locks
	if err := tx.NewSelect().Model(&dead).Where("id = ANY(?::bigint[])", pgdialect.Array(ids)).Where(isDead, values...).For("UPDATE SKIP LOCKED").Scan(ctx); err != nil {
		return err
	}
	tx.dead[deadPart] += int64(len(dead))
	return tx.failParts(ctx, dead, connect.Technical)
}

// UnqueuedParts notes that parts could not be put on the queue.
func (s *Store) UnqueuedParts(ctx context.Context, ids []int64) error {
	return s.unqueued(ctx, partLeases, ids)
}
