package store

import (
	"cmp"
	"context"
	"time"

	"github.com/uptrace/bun"

	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/fault"
	"insightgraph/page"
)

const (
	deliveryLease = time.Minute         // how long a worker keeps a callback; none tries that long
	deliveriesFor = 90 * 24 * time.Hour // how long they are kept when they are over
	calledAtOnce  = 50                  // of a customer's; when one is over, the next is called
)

// deliveryRow is a callback's row.
type deliveryRow struct {
	bun.BaseModel     `bun:"deliveries"`
	callback.Delivery `bun:",extend"`
	RunAfter          time.Time
	EnqueuedAt        *time.Time
	Lease             int64
	LeaseUntil        *time.Time
}

// attemptRow is a try's row.
type attemptRow struct {
	callback.Attempt `bun:",extend"`
	bun.BaseModel    `bun:"delivery_attempts"` // after what it extends, whose name it would have else
	CustomerID       int64
	ConsumerID       int64
	DeliveryID       int64
}

// notify stores callbacks together with what they tell of. They are sent when that is stored, see WaitingDeliveries.
func (tx *Tx) notify(ctx context.Context, all []callback.Delivery) error {
	for some := range chunks(all) {
		rows := make([]deliveryRow, len(some))
		for i, d := range some {
			d.Status, d.CreatedAt = callback.Pending, tx.now
			rows[i] = deliveryRow{Delivery: d, RunAfter: tx.now}
		}
		if _, err := tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Sending is a claimed callback.
type Sending struct {
	callback.Delivery
	lease int64
}

// ClaimDelivery takes a callback for this worker. It is false when there is nothing to do: over, not due, claimed by
// another, gone, or put off because most (0: any number) of the customer's are being sent. A try whose worker died counts: it may
// have been sent.
func (s *Store) ClaimDelivery(ctx context.Context, id int64, most int) (d Sending, ok bool, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		ok = false
		var row deliveryRow
		if err := tx.NewSelect().Model(&row).Where("id = ? AND status = 'PENDING' AND run_after <= ? AND (lease_until IS NULL OR lease_until < ?)", id, tx.now, tx.now).
			For("UPDATE SKIP LOCKED").Scan(ctx); err != nil {
			return orNothing(err)
		}
		if full, err := tx.sendsEnough(ctx, row.CustomerID, most); full || err != nil {
			if err == nil {
				_, err = tx.ExecContext(ctx, "UPDATE deliveries SET enqueued_at = NULL WHERE id = ?", id)
			}
			return err
		}
		if row.LeaseUntil != nil {
			died := callback.Interrupted
			if err := tx.attempted(ctx, row.Delivery, callback.Attempt{At: row.LeaseUntil.Add(-deliveryLease), Problem: &died}); err != nil {
				return err
			}
			if _, again := callback.Backoff(row.Attempts); !again {
				_, err := tx.ExecContext(ctx, "UPDATE deliveries SET status = 'FAILED', finished_at = ?, lease_until = NULL WHERE id = ?", tx.now, id)
				return err
			}
		}
		row.Attempts++
		row.Lease++
		d, ok = Sending{row.Delivery, row.Lease}, true
		_, err := tx.ExecContext(ctx, "UPDATE deliveries SET attempts = ?, lease = ?, lease_until = ? WHERE id = ?", row.Attempts, row.Lease, tx.now.Add(deliveryLease), id)
		return err
	})
	return d, ok, err
}

// sendsEnough tells whether most of a customer's callbacks are being sent. Until the transaction ends nobody else claims one of them.
func (tx *Tx) sendsEnough(ctx context.Context, customerID int64, most int) (full bool, err error) {
	if most == 0 {
		return false, nil
	}
	if err := tx.lockDeliveries(ctx, customerID); err != nil {
		return false, err
	}
	err = tx.NewRaw("SELECT count(*) >= ? FROM deliveries WHERE customer_id = (SELECT ?::bigint) AND lease_until >= ? AND status = 'PENDING'", most, customerID, tx.now).Scan(ctx, &full)
	return full, err
}

func (tx *Tx) lockDeliveries(ctx context.Context, customerID int64) error {
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('deliveries', ?))", customerID)
	return err
}

// NextDelivery takes the next of a customer's callbacks that were put off, if there is one, for the queue.
func (s *Store) NextDelivery(ctx context.Context, customerID int64) (ids []int64, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		ids = nil
		if err := tx.lockDeliveries(ctx, customerID); err != nil { // one that is just being put off is seen
			return err
		}
		return tx.NewRaw(`UPDATE deliveries SET enqueued_at = ?0 WHERE id = (
				SELECT id FROM deliveries WHERE customer_id = (SELECT ?1::bigint) AND status = 'PENDING' AND run_after <= ?0 AND (lease_until IS NULL OR lease_until < ?0) AND enqueued_at IS NULL
				ORDER BY run_after, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id`, tx.now, customerID).Scan(ctx, &ids)
	})
	return ids, err
}

// attempted stores a callback's last try.
func (tx *Tx) attempted(ctx context.Context, d callback.Delivery, a callback.Attempt) error {
	a.Number = d.Attempts
	row := attemptRow{CustomerID: d.CustomerID, ConsumerID: d.ConsumerID, DeliveryID: d.ID, Attempt: a}
	_, err := tx.NewInsert().Model(&row).Exec(ctx)
	return err
}

// FinishDelivery stores how a try went, if the callback is still this worker's. After one that went wrong it is tried
// again at next; where that is nil, it has FAILED.
func (s *Store) FinishDelivery(ctx context.Context, d Sending, a callback.Attempt, next *time.Time) error {
	return s.system(ctx, func(tx *Tx) error {
		status, over := callback.Failed, &tx.now
		switch {
		case a.Problem == nil:
			status = callback.Delivered
		case next != nil:
			status, over = callback.Pending, nil
		}
		n, err := tx.affected(ctx, `UPDATE deliveries SET status = ?, finished_at = ?, run_after = coalesce(?, run_after), enqueued_at = NULL, lease_until = NULL
			WHERE id = ? AND lease = ? AND status = 'PENDING'`, status, over, next, d.ID, d.lease)
		if err == nil && n == 0 {
			err = ErrLost
		}
		if err != nil {
			return err
		}
		return tx.attempted(ctx, d.Delivery, a)
	})
}

// WaitingDeliveries takes up to n callbacks that should be on the queue: new ones, those whose time has come, those whose
// task was lost, and those whose worker died; the customers take turns. It also forgets those that have been over for long.
func (s *Store) WaitingDeliveries(ctx context.Context, n int) (ids []int64, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		ids = nil
		if _, err := tx.ExecContext(ctx, "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE finished_at < ? LIMIT 1000 FOR UPDATE SKIP LOCKED)",
			tx.now.Add(-deliveriesFor)); err != nil {
			return err
		}
		const waits = "status = 'PENDING' AND run_after <= ?0 AND (lease_until IS NULL OR lease_until < ?0) AND (enqueued_at IS NULL OR enqueued_at < ?1)"
		return tx.NewRaw(`UPDATE deliveries SET enqueued_at = ?0 WHERE id IN (SELECT id FROM deliveries WHERE `+waits+` AND id IN (
				SELECT id FROM (SELECT id, run_after, row_number() OVER (PARTITION BY customer_id ORDER BY run_after, id) AS n FROM deliveries WHERE `+waits+`) turns
				WHERE n <= ?2 ORDER BY n, run_after, id LIMIT ?3) FOR UPDATE SKIP LOCKED) RETURNING id`,
			tx.now, tx.now.Add(-time.Minute), calledAtOnce, n).Scan(ctx, &ids)
	})
	return ids, err
}

// UnqueuedDeliveries notes that callbacks could not be put on the queue.
func (s *Store) UnqueuedDeliveries(ctx context.Context, ids []int64) error {
	return s.unqueued(ctx, deliveryLeases, ids)
}

var deliveries = kind[callback.Delivery]{
	model: modelOf[callback.Delivery](), table: "deliveries", alias: "delivery", keys: "delivery.consumer_id, delivery.id AS delivery_id",
	order: order{column: "delivery.created_at", kind: "timestamptz", id: "delivery.id"},
	compare: func(a, b *callback.Delivery) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	},
	cursor: func(d callback.Delivery) page.Cursor { return page.Cursor{Key: page.MomentKey(d.CreatedAt), ID: d.ID} },
}

// Deliveries lists callbacks with their tries, the newest first.
func (t Tenant) Deliveries(ctx context.Context, f callback.Filter, a page.Args) (*page.Of[callback.Delivery], error) {
	r := t.Reads()
	found := lists(r, &deliveries, Parents{}, a, func(q *query) {
		t.mine(q, "delivery.customer_id", "delivery.consumer_id")
		if f.ConsumerIDs != nil {
			q.among("delivery.consumer_id", t.numbers(f.ConsumerIDs, bank.KindConsumer))
		}
		q.sifts = q.sifts || len(f.ConsumerIDs) > 1 // all of theirs are sorted
		if f.Events != nil {
			q.sift(" AND delivery.event = ANY(?::text[])", texts(f.Events))
		}
		switch {
		case f.Statuses == nil:
		case len(f.Statuses) == 1 && f.Statuses[0] == callback.Pending: // there is an index of these, and one of those
			q.add(" AND delivery.status = 'PENDING'")
		case len(f.Statuses) == 1 && f.Statuses[0] == callback.Failed:
			q.add(" AND delivery.status = 'FAILED'")
		default:
			q.sift(" AND delivery.status = ANY(?::text[])", texts(f.Statuses))
		}
	})
	var tries []attemptRow
	var q query
	q.add("SELECT " + attempts.list() + " FROM ")
	found.Parents().from(&q)
	q.add(" JOIN delivery_attempts AS x USING (consumer_id, delivery_id) WHERE x.customer_id = (SELECT ?::bigint) ORDER BY delivery_id, number", t.customerID)
	r.add(q, func(rows answer) (err error) {
		_, tries, err = attempts.scan(rows, false, a.Size)
		return err
	})
	p, err := only(ctx, r, found)
	if err == nil {
		share(p.Nodes, tries)
	}
	return p, err
}

var attempts = modelOf[attemptRow]()

// share gives callbacks their tries.
func share(of []callback.Delivery, tries []attemptRow) {
	place := map[int64]int{}
	for i, d := range of {
		place[d.ID], of[i].Tries = i, []callback.Attempt{}
	}
	for _, r := range tries {
		d := &of[place[r.DeliveryID]]
		d.Tries = append(d.Tries, r.Attempt)
	}
}

// Delivery finds one callback.
func (t Tenant) Delivery(ctx context.Context, ref bank.Ref) (d callback.Delivery, err error) {
	if !t.may(ref, bank.KindDelivery) {
		return d, fault.Unknown("", "Delivery")
	}
	err = t.in(ctx, func(tx *Tx) (err error) {
		d, err = tx.delivery(ctx, t, ref)
		return err
	})
	return d, err
}

func (tx *Tx) delivery(ctx context.Context, t Tenant, ref bank.Ref) (d callback.Delivery, err error) {
	rows := make([]callback.Delivery, 1)
	if err := tx.NewSelect().Model(&rows[0]).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", t.customerID, ref.ConsumerID, ref.ID).Scan(ctx); err != nil {
		return d, notFound(err, "", "Delivery")
	}
	var tries []attemptRow
	err = tx.NewSelect().Model(&tries).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND delivery_id = ?", t.customerID, ref.ConsumerID, ref.ID).OrderExpr("number").Scan(ctx)
	share(rows, tries)
	return rows[0], err
}

// Redeliver sends a callback again at once, also one that has arrived, with the same id and body; one that waits for its
// next try no longer does. The caller wakes a worker. Its tries are counted on: one that has FAILED after its last try has
// one more each time.
func (t Tenant) Redeliver(ctx context.Context, ref bank.Ref) (d callback.Delivery, err error) {
	if err := t.customerOnly(); err != nil {
		return d, err
	}
	if !t.may(ref, bank.KindDelivery) {
		return d, fault.Unknown("", "Delivery")
	}
	err = t.change(ctx, "redeliver", nil, func(tx *Tx) error {
		tx.about(ref)
		// A claimed one is being tried at this moment.
		if _, err := tx.ExecContext(ctx, `UPDATE deliveries SET status = 'PENDING', finished_at = NULL, run_after = ?0, enqueued_at = ?0
			WHERE customer_id = (SELECT ?1::bigint) AND consumer_id = ?2 AND id = ?3 AND lease_until IS NULL`, tx.now, t.customerID, ref.ConsumerID, ref.ID); err != nil {
			return err
		}
		d, err = tx.delivery(ctx, t, ref)
		return err
	}, &d)
	return d, err
}

// maxSecrets bounds a customer's live secrets: each makes a signature in a header.
const maxSecrets = 5

// WebhookSecrets gives the sealed secrets that a customer's callbacks are signed with, the newest first. fresh makes and
// seals the first one.
func (s *Store) WebhookSecrets(ctx context.Context, customerID int64, fresh func() []byte) (sealed [][]byte, err error) {
	err = s.Customer(customerID).write(ctx, func(tx *Tx) error {
		if sealed, err = tx.liveSecrets(ctx, customerID); err != nil || len(sealed) > 0 {
			return err
		}
		if err := tx.lockSecrets(ctx, customerID); err != nil {
			return err
		}
		if sealed, err = tx.liveSecrets(ctx, customerID); err != nil || len(sealed) > 0 {
			return err
		}
		sealed = [][]byte{fresh()}
		tx.record(Call{}, customerID, "createWebhookSecret", subject{})
		return tx.addSecret(ctx, customerID, sealed[0])
	})
	return sealed, err
}

func (tx *Tx) liveSecrets(ctx context.Context, customerID int64) (sealed [][]byte, err error) {
	err = tx.NewRaw("SELECT sealed FROM webhook_secrets WHERE customer_id = (SELECT ?::bigint) AND (expires_at IS NULL OR expires_at > ?) ORDER BY id DESC LIMIT ?", customerID, tx.now, maxSecrets).
		Scan(ctx, &sealed)
	return sealed, err
}

// lockSecrets lets one at a time make a customer's secret.
func (tx *Tx) lockSecrets(ctx context.Context, customerID int64) error {
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('webhook_secrets', ?))", customerID)
	return err
}

func (tx *Tx) addSecret(ctx context.Context, customerID int64, sealed []byte) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO webhook_secrets (customer_id, sealed, created_at) VALUES (?, ?, ?)", customerID, sealed, tx.now)
	return err
}

// RotateWebhookSecret adds a secret. Those before it expire at until, or earlier where that was said.
func (t Tenant) RotateWebhookSecret(ctx context.Context, sealed []byte, until time.Time) error {
	if err := t.customerOnly(); err != nil {
		return err
	}
	customerID := t.customerID
	return t.change(ctx, "rotateWebhookSecret", nil, func(tx *Tx) error {
		tx.aboutOf(bank.Ref{}, nil)
		if err := tx.lockSecrets(ctx, customerID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM webhook_secrets WHERE customer_id = (SELECT ?::bigint) AND expires_at <= ?", customerID, tx.now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE webhook_secrets SET expires_at = ? WHERE customer_id = (SELECT ?::bigint) AND (expires_at IS NULL OR expires_at > ?)", until, customerID, until); err != nil {
			return err
		}
		return tx.addSecret(ctx, customerID, sealed)
	})
}
