package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"insightgraph/audit"
	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/page"
)

// insertEvents is the statement that stores the transaction's events: it goes in one round trip with the commit.
func (s *Store) insertEvents(tx *Tx) string {
	if len(tx.events) == 0 {
		return ""
	}
	rows := make([]string, len(tx.events))
	for i, e := range tx.events {
		rows[i] = s.db.QueryGen().FormatQuery("(?, ?, ?, ?, ?, ?, ?, ?)", e.CustomerID, e.At, e.Actor.Kind, e.Actor.Name, e.Action, e.SubjectID, e.ConsumerID, e.RequestID)
	}
	return "INSERT INTO events (customer_id, at, actor_kind, actor_name, action, subject_id, consumer_id, request_id) VALUES " + strings.Join(rows, ", ") + "; "
}

var events = kind[audit.Event]{
	model: modelOf[audit.Event](), table: "events", alias: "event",
	order:   order{column: "event.at", kind: "timestamptz", id: "event.id"},
	compare: func(a, b *audit.Event) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID)) },
	cursor:  func(e audit.Event) page.Cursor { return page.Cursor{Key: page.MomentKey(e.At), ID: e.ID} },
}

// Events lists changes, the newest first.
func (t Tenant) Events(ctx context.Context, f audit.Filter, a page.Args) (*page.Of[audit.Event], error) {
	if err := t.customerOnly(); err != nil {
		return nil, err
	}
	r, of, actions := t.Reads(), t.numbers(f.ConsumerIDs, bank.KindConsumer), unique(f.Actions)
	var e *each
	switch {
	case len(of) > 1:
		e = &each{"event.consumer_id", "bigint[]", unique(of)}
	case len(actions) > 1 && f.ConsumerIDs == nil:
		e = &each{"event.action", "text[]", actions}
	}
	return only(ctx, r, listsOfEach(r, &events, Parents{}, a, e, func(q *query) {
		t.mine(q, "event.customer_id", "event.consumer_id")
		if f.ConsumerIDs != nil {
			q.among("event.consumer_id", of)
		}
		switch {
		case f.Actions == nil:
		case len(actions) == 1 && f.ConsumerIDs == nil:
			q.add(" AND event.action = ?", actions[0])
		default:
			q.sift(" AND event.action = ANY(?::text[])", actions)
		}
		if f.From != nil {
			q.add(" AND event.at >= ?", *f.From)
		}
		if f.To != nil {
			q.add(" AND event.at < ?", *f.To)
		}
	}))
}

// Event finds one change.
func (t Tenant) Event(ctx context.Context, ref bank.Ref) (e audit.Event, err error) {
	if !t.whole(ref, bank.KindEvent) {
		return e, fault.Unknown("", "Event")
	}
	err = t.in(ctx, func(tx *Tx) error {
		e = audit.Event{}
		return tx.NewSelect().Model(&e).Where("customer_id = (SELECT ?::bigint) AND id = ?", t.customerID, ref.ID).Scan(ctx)
	})
	return e, notFound(err, "", "Event")
}

// maxSealed is how many events of a customer are sealed, or checked, at once.
const maxSealed = 5000

// SealEvents gives new events their places in the chains of their customers. It is done after they are stored, so that two
// changes of one customer never wait for each other; any number of processes may do it at once. One customer's that cannot
// be sealed do not hold up the others'.
func (s *Store) SealEvents(ctx context.Context) error {
	for {
		var errs []error
		var customers []int64
		if err := s.system(ctx, func(tx *Tx) error {
			customers = nil
			return tx.NewRaw("SELECT DISTINCT customer_id FROM events WHERE number IS NULL ORDER BY 1").Scan(ctx, &customers)
		}); err != nil {
			return err
		}
		more := false
		for _, id := range customers {
			var n int
			if err := s.system(ctx, func(tx *Tx) (err error) { n, err = tx.seal(ctx, id); return err }); err != nil {
				errs = append(errs, err)
				continue
			}
			more = more || n == maxSealed
		}
		if !more || ctx.Err() != nil {
			return errors.Join(errs...)
		}
	}
}

// seal seals the oldest events of a customer, unless somebody else does at this moment.
func (tx *Tx) seal(ctx context.Context, customerID int64) (int, error) {
	var mine bool
	if err := tx.NewRaw("SELECT pg_try_advisory_xact_lock(hashtextextended('events', ?))", customerID).Scan(ctx, &mine); err != nil || !mine {
		return 0, err
	}
	var events []audit.Event
	if err := tx.NewSelect().Model(&events).Where("customer_id = (SELECT ?::bigint) AND number IS NULL", customerID).OrderExpr("id").Limit(maxSealed).Scan(ctx); err != nil || len(events) == 0 {
		return 0, err
	}
	var head audit.Head
	if err := tx.NewRaw("SELECT number, hash FROM event_days WHERE customer_id = (SELECT ?::bigint) ORDER BY number DESC LIMIT 1", customerID).Scan(ctx, &head); err != nil && !none(err) {
		return 0, err
	}
	ids, numbers, hashes := make([]int64, len(events)), make([]int, len(events)), make([][]byte, len(events))
	for i := range events {
		head.Seal(&events[i])
		ids[i], numbers[i], hashes[i] = events[i].ID, *events[i].Number, events[i].Hash
	}
	if _, err := tx.pg.Exec(ctx, `UPDATE events e SET number = u.number, hash = u.hash FROM unnest($2::bigint[], $3::bigint[], $4::bytea[]) AS u(id, number, hash)
		WHERE e.customer_id = $1 AND e.id = u.id`, customerID, ids, numbers, hashes); err != nil {
		return 0, err
	}
	_, err := tx.pg.Exec(ctx, `INSERT INTO event_days (customer_id, day, number, hash) VALUES ($1, $2::timestamptz::date, $3, $4)
		ON CONFLICT (customer_id, day) DO UPDATE SET number = excluded.number, hash = excluded.hash`, customerID, tx.now, head.Number, head.Hash)
	return len(events), err
}

// Chain is what a check of a customer's events has found.
type Chain struct {
	CustomerID int64
	audit.Head        // the last event that is as it was sealed
	Unsealed   int    // events that have no place yet
	Broken     string // what is wrong behind it, empty: nothing
	Known      bool   // whether the hash that was asked for is in the chain
}

// VerifyEvents follows a customer's chain from its beginning and says where it is broken first. known is a hash that was
// noted earlier: a chain whose end was cut off, or that was made anew, does not hold it.
func (s *Store) VerifyEvents(ctx context.Context, customerID int64, known []byte) (c Chain, err error) {
	err = s.snapshot(ctx, func(tx *Tx) error {
		c = Chain{CustomerID: customerID}
		if err := tx.NewRaw("SELECT count(*) FROM events WHERE customer_id = (SELECT ?::bigint) AND number IS NULL", customerID).Scan(ctx, &c.Unsealed); err != nil {
			return err
		}
		var days []audit.Head // how each day ended
		if err := tx.NewRaw("SELECT number, hash FROM event_days WHERE customer_id = (SELECT ?::bigint) ORDER BY number", customerID).Scan(ctx, &days); err != nil {
			return err
		}
		for {
			var events []audit.Event
			if err := tx.NewSelect().Model(&events).Where("customer_id = (SELECT ?::bigint) AND number > ?", customerID, c.Number).OrderExpr("number").Limit(maxSealed).Scan(ctx); err != nil {
				return err
			}
			for _, e := range events {
				if wrong := c.follow(e, &days); wrong != nil {
					c.Broken = wrong.Error()
					return nil
				}
				c.Known = c.Known || bytes.Equal(e.Hash, known)
			}
			if len(events) == 0 {
				break
			}
		}
		if len(days) > 0 {
			c.Broken = fmt.Sprintf("event %d is missing", c.Number+1)
		}
		return nil
	})
	return c, err
}

// follow goes on to the next event. days are the ends of days that are not reached yet.
func (c *Chain) follow(e audit.Event, days *[]audit.Head) error {
	before := c.Head
	if err := c.Check(e); err != nil {
		c.Head = before
		return err
	}
	switch {
	case len(*days) == 0: // events are sealed together with the end of their day
		return fmt.Errorf("event %d was put in", c.Number)
	case (*days)[0].Number == c.Number:
		if !bytes.Equal((*days)[0].Hash, c.Hash) {
			return fmt.Errorf("event %d is not the one that its day ended with", c.Number)
		}
		*days = (*days)[1:]
	}
	return nil
}

// EventCustomers lists the customers with events, also those that are gone.
func (s *Store) EventCustomers(ctx context.Context) (ids []int64, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		ids = nil
		return tx.NewRaw("SELECT customer_id FROM events UNION SELECT customer_id FROM event_days ORDER BY 1").Scan(ctx, &ids)
	})
	return ids, err
}

// sweepAnswers forgets answers that cannot be asked for again.
func (s *Store) sweepAnswers(ctx context.Context) error {
	for {
		var n int
		if err := s.system(ctx, func(tx *Tx) (err error) {
			n, err = tx.affected(ctx, "DELETE FROM idempotency_keys WHERE (customer_id, id) IN (SELECT customer_id, id FROM idempotency_keys WHERE created_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)",
				tx.now.Add(-keyLife), maxSealed)
			return err
		}); err != nil || n < maxSealed {
			return err
		}
	}
}
