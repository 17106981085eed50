package store

import (
	"cmp"
	"context"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/page"
)

var consumers = kind[bank.Consumer]{
	model: modelOf[bank.Consumer](), table: "consumers", alias: "consumer", keys: "consumer.id AS consumer_id", order: order{id: "consumer.id"},
	compare: func(a, b *bank.Consumer) int { return cmp.Compare(b.ID, a.ID) },
	cursor:  func(c bank.Consumer) page.Cursor { return page.Cursor{ID: c.ID} },
	owner:   func(c *bank.Consumer) int64 { return c.ID },
}

// Consumers queues consumers; unknown ids are left out.
func (r *Reads) Consumers(ids []int64) *Found[int64, bank.Consumer] {
	var q query
	q.add("SELECT " + consumers.list() + " FROM consumers WHERE ")
	r.t.mine(&q, "customer_id", "id")
	q.among("id", unique(ids))
	return find(r, consumers.model, q, func(c *bank.Consumer) int64 { return c.ID })
}

// ConsumerByExternalID queues the consumer that the customer has given a name.
func (r *Reads) ConsumerByExternalID(externalID string) *Found[string, bank.Consumer] {
	var q query
	q.add("SELECT " + consumers.list() + " FROM consumers AS consumer WHERE ")
	r.named(&q, externalID)
	return find(r, consumers.model, q, func(*bank.Consumer) string { return externalID })
}

// named writes a condition for the consumer of that name. Where nobody can have it, nobody is found.
func (r *Reads) named(q *query, externalID string) {
	r.t.mine(q, "consumer.customer_id", "consumer.id")
	if bank.CheckText("externalId", externalID, 1, bank.MaxID) != nil {
		q.add(" AND false")
		return
	}
	q.add(" AND consumer.external_id = ?", externalID)
}

// NamedParent is the consumer of a name as the parent of lists.
func (r *Reads) NamedParent(externalID string) Parents {
	return Parents{kind: bank.KindConsumer, key: "consumer_id", from: func(q *query) {
		q.add("(SELECT consumer.id AS consumer_id FROM consumers AS consumer WHERE ")
		r.named(q, externalID)
		q.add(") AS p")
	}}
}

// ConsumerList queues a page of the customer's consumers, the newest first.
func (r *Reads) ConsumerList(a page.Args) *Lists[bank.Consumer] {
	return lists(r, &consumers, Parents{}, a, func(q *query) { r.t.mine(q, "consumer.customer_id", "consumer.id") })
}

// Consumer finds one consumer.
func (t Tenant) Consumer(ctx context.Context, ref bank.Ref) (c bank.Consumer, err error) {
	if !t.may(ref, bank.KindConsumer) {
		return c, fault.Unknown("consumerId", "Consumer")
	}
	r := t.Reads()
	return oneOf(ctx, r, r.Consumers([]int64{ref.ID}), ref.ID, "consumerId", "Consumer")
}

func (tx *Tx) consumer(ctx context.Context, t Tenant, id int64, c *bank.Consumer, lock string) error {
	q := tx.NewSelect().Model(c).Where("customer_id = (SELECT ?::bigint) AND id = ?", t.customerID, id)
	if lock != "" {
		q = q.For(lock)
	}
	return notFound(q.Scan(ctx), "consumerId", "Consumer")
}

// ConsumerByExternalID finds a consumer by the customer's own name for it.
func (t Tenant) ConsumerByExternalID(ctx context.Context, externalID string) (c bank.Consumer, err error) {
	r := t.Reads()
	return oneOf(ctx, r, r.ConsumerByExternalID(externalID), externalID, "externalId", "Consumer")
}

// own narrows a query to the tenant's consumer, where it has one.
func (t Tenant) own(column string) func(*bun.SelectQuery) *bun.SelectQuery {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		if t.consumerID != 0 {
			q = q.Where("? = ?", bun.Safe(column), t.consumerID)
		}
		return q
	}
}

// ConsumersByID finds many consumers; unknown ids are left out.
func (t Tenant) ConsumersByID(ctx context.Context, ids []int64) (map[int64]bank.Consumer, error) {
	r := t.Reads()
	found := r.Consumers(ids)
	err := r.Send(ctx)
	return found.Map(), err
}

// NewConsumer is a consumer to be made; what is nil is the customer's.
type NewConsumer struct {
	ExternalID *string
	TimeZone   *string
	Currency   *bank.Currency

	eraseEmpty bool // one that is made goes with its last account
}

func (n NewConsumer) check(externalID string) error {
	var faults fault.Many
	if n.ExternalID != nil {
		faults.Add(bank.CheckText(externalID, *n.ExternalID, 1, bank.MaxID))
	}
	if n.TimeZone != nil {
		faults.Add(bank.CheckTimeZone("timeZone", *n.TimeZone))
	}
	if n.Currency != nil {
		_, f := bank.ParseCurrency("currency", string(*n.Currency))
		faults.Add(f)
	}
	return faults.Err()
}

// CreateConsumer makes a consumer, or updates and returns the one with the same external id.
func (t Tenant) CreateConsumer(ctx context.Context, n NewConsumer) (c bank.Consumer, err error) {
	if err := t.customerOnly(); err != nil {
		return c, err
	}
	if err := n.check("externalId"); err != nil {
		return c, err
	}
	err = t.change(ctx, "createConsumer", nil, func(tx *Tx) (err error) {
		c, err = tx.createConsumer(ctx, t, n)
		tx.about(c.Ref())
		return err
	}, &c)
	return c, err
}

func (tx *Tx) createConsumer(ctx context.Context, t Tenant, n NewConsumer) (c bank.Consumer, err error) {
	err = tx.NewRaw(`INSERT INTO consumers AS c (customer_id, external_id, time_zone, currency, created_at, changed_at, erase_empty)
		SELECT id, ?, coalesce(?, time_zone), coalesce(?, currency), ?, ?, ? FROM customers WHERE id = ?
		ON CONFLICT (customer_id, external_id) DO UPDATE SET
			time_zone = coalesce(?, c.time_zone), currency = coalesce(?, c.currency), erase_empty = c.erase_empty AND excluded.erase_empty,
			changed_at = CASE WHEN (coalesce(?, c.time_zone), coalesce(?, c.currency)) = (c.time_zone, c.currency) THEN c.changed_at ELSE `+later("excluded.changed_at", "c.changed_at")+` END
		RETURNING customer_id, id, external_id, time_zone, currency, created_at, changed_at`,
		n.ExternalID, n.TimeZone, n.Currency, tx.now, tx.now, n.eraseEmpty, t.customerID, n.TimeZone, n.Currency, n.TimeZone, n.Currency).Scan(ctx, &c)
	return c, err
}

// UpdateConsumer changes a consumer inside its lock.
func (t Tenant) UpdateConsumer(ctx context.Context, ref bank.Ref, change func(*bank.Consumer) error) (c bank.Consumer, err error) {
	if !t.may(ref, bank.KindConsumer) {
		return c, fault.Unknown("consumerId", "Consumer")
	}
	err = t.change(ctx, "updateConsumer", nil, func(tx *Tx) error {
		tx.about(ref)
		c = bank.Consumer{}
		if err := tx.consumer(ctx, t, ref.ID, &c, "NO KEY UPDATE"); err != nil {
			return err
		}
		if err := change(&c); err != nil {
			return err
		}
		if err := (NewConsumer{TimeZone: &c.TimeZone, Currency: &c.Currency}).check(""); err != nil {
			return err
		}
		return tx.NewUpdate().Model(&c).Column("time_zone", "currency").Set("changed_at = "+later("?", "changed_at"), tx.now).Where("customer_id = (SELECT ?::bigint) AND id = ?", c.CustomerID, c.ID).
			Returning("changed_at").Scan(ctx)
	}, &c)
	return c, err
}

// touch marks consumers as changed, and by that waits for and holds their locks: whoever changes a consumer's data
// touches it first, so that two changes of one consumer come one after the other. ids must be sorted. Rows that only
// refer to a consumer, such as outcomes, are stored beside a change.
func (tx *Tx) touch(ctx context.Context, customerID int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE consumers SET changed_at = `+later("?", "changed_at")+` WHERE customer_id = (SELECT ?::bigint) AND id IN
		(SELECT id FROM consumers WHERE customer_id = (SELECT ?::bigint) AND id IN (?) ORDER BY id FOR NO KEY UPDATE)`, tx.now, customerID, customerID, bun.List(ids))
	return err
}

// later is the moment of a change, and always after the change before: a transaction can begin before another and
// commit after it.
func later(now, before string) string {
	return "greatest(" + now + "::timestamptz, " + before + " + interval '1 microsecond')"
}

// Erased counts what went with a consumer.
type Erased struct{ Accounts, Transactions, Entries int }

// DeleteConsumer erases a consumer and everything held about it.
func (t Tenant) DeleteConsumer(ctx context.Context, ref bank.Ref) (e Erased, err error) {
	if !t.may(ref, bank.KindConsumer) {
		return e, fault.Unknown("consumerId", "Consumer")
	}
	err = t.change(ctx, "deleteConsumer", nil, func(tx *Tx) (err error) {
		tx.about(ref)
		var c bank.Consumer
		if err := tx.consumer(ctx, t, ref.ID, &c, "NO KEY UPDATE"); err != nil {
			return err
		}
		e, err = tx.erase(ctx, t.customerID, []int64{ref.ID})
		return err
	}, &e)
	return e, err
}

// erase erases consumers and everything held about them. Their locks are held, so that nothing begins for them any more.
func (tx *Tx) erase(ctx context.Context, customerID int64, ids []int64) (e Erased, err error) {
	// A session, which holds where its consumer's browser was, is nothing that one consumer's tenant may see.
	if _, err := tx.ExecContext(ctx, `SELECT set_config('app.consumer', '', true)`); err != nil {
		return e, err
	}
	if err := tx.dropWork(ctx, customerID, ids); err != nil {
		return e, err
	}
	if err := tx.alone(ctx, customerID, ids); err != nil {
		return e, err
	}
	var sessions []int64
	if err := tx.NewRaw(`DELETE FROM flows WHERE customer_id = (SELECT ?0::bigint) AND id IN (
			SELECT id FROM flows WHERE customer_id = (SELECT ?0::bigint) AND consumer_id = ANY(?1::bigint[])
			UNION SELECT f.id FROM consumers c JOIN flows f ON f.customer_id = c.customer_id AND f.consumer_external_id = c.external_id
			WHERE c.customer_id = (SELECT ?0::bigint) AND c.id = ANY(?1::bigint[]) AND f.consumer_external_id IS NOT NULL) RETURNING session_id`,
		customerID, pgdialect.Array(ids)).Scan(ctx, &sessions); err != nil {
		return e, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM sessions s WHERE customer_id = (SELECT ?0::bigint) AND id = ANY(?1::bigint[])
			AND NOT EXISTS (SELECT 1 FROM flows f WHERE f.customer_id = s.customer_id AND f.session_id = s.id)`, customerID, pgdialect.Array(sessions)); err != nil {
		return e, err
	}
	if err := tx.giveBack(ctx, "c.customer_id = (SELECT ?::bigint) AND c.consumer_id = ANY(?::bigint[])", customerID, pgdialect.Array(ids)); err != nil {
		return e, err
	}
	// The order follows the references; the totals go first, so that nothing is subtracted from them in vain.
	for _, step := range []struct {
		table string
		n     *int
	}{{"refresh_parts", nil}, {"refreshes", nil}, {"automatic_refreshes", nil}, {"account_links", nil}, {"consents", nil},
		{"account_months", nil}, {"category_months", nil}, {"refused_transfers", nil}, {"transactions", &e.Transactions},
		{"accounts", &e.Accounts}, {"evaluations", nil}, {"feed_entries", &e.Entries}, {"user_settings", nil}, {"idempotency_keys", nil},
		{"delivery_attempts", nil}, {"deliveries", nil}, {"cases", nil}, {"synchronizations", nil}, {"data_sources", nil}, {"corrections", nil}} {
		n, err := tx.affected(ctx, "DELETE FROM ? WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ANY(?::bigint[])", bun.Ident(step.table), customerID, pgdialect.Array(ids))
		if err != nil {
			return e, err
		}
		if step.n != nil {
			*step.n = n
		}
	}
	if err := tx.forgetAnswers(ctx, customerID, ids); err != nil {
		return e, err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM consumers WHERE customer_id = (SELECT ?::bigint) AND id = ANY(?::bigint[])", customerID, pgdialect.Array(ids))
	return e, err
}

// dropWork deletes the work that is for consumers alone. What is under way refers to its consumer while it is stored, and whoever
// waits to be alone waits for that: other work would overtake it again and again, or wait for it in a circle. So the work goes
// first, and then it waits.
func (tx *Tx) dropWork(ctx context.Context, customerID int64, ids []int64) error {
	for _, work := range []string{"DELETE FROM reports WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ANY(?::bigint[])",
		"DELETE FROM run_shards WHERE (customer_id, run_id) IN (SELECT customer_id, id FROM runs WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ANY(?::bigint[]))"} {
		if _, err := tx.ExecContext(ctx, work, customerID, pgdialect.Array(ids)); err != nil {
			return err
		}
	}
	return nil
}

// alone waits until nothing is being stored any more that refers to consumers, and keeps the next from beginning.
func (tx *Tx) alone(ctx context.Context, customerID int64, ids []int64) error {
	_, err := tx.ExecContext(ctx, "SELECT 1 FROM consumers WHERE customer_id = (SELECT ?::bigint) AND id = ANY(?::bigint[]) ORDER BY id FOR UPDATE", customerID, pgdialect.Array(ids))
	return err
}

// affected runs a statement and tells how many rows it changed.
func (tx *Tx) affected(ctx context.Context, query string, args ...any) (int, error) {
	r, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}

// lockConsumers waits for and holds the locks of consumers without marking them as changed. ids must be sorted.
func (tx *Tx) lockConsumers(ctx context.Context, customerID int64, ids []int64) error {
	_, err := tx.ExecContext(ctx, "SELECT 1 FROM consumers WHERE customer_id = (SELECT ?::bigint) AND id = ANY(?::bigint[]) ORDER BY id FOR NO KEY UPDATE", customerID, pgdialect.Array(ids))
	return err
}

// owner is a consumer of any customer.
type owner struct{ CustomerID, ConsumerID int64 }

// columns are consumers' keys as two arrays.
func columns(owners []owner) (customers, consumers any) {
	a, b := make([]int64, len(owners)), make([]int64, len(owners))
	for i, o := range owners {
		a[i], b[i] = o.CustomerID, o.ConsumerID
	}
	return pgdialect.Array(a), pgdialect.Array(b)
}

// lockOwners waits for and holds the locks of consumers of several customers.
func (tx *Tx) lockOwners(ctx context.Context, owners []owner) error {
	customers, consumers := columns(owners)
	_, err := tx.ExecContext(ctx, `SELECT 1 FROM consumers WHERE (customer_id, id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[]))
		ORDER BY customer_id, id FOR NO KEY UPDATE`, customers, consumers)
	return err
}
