package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/insight"
	"insightgraph/page"
)

// ShardSize is how many consumers one task evaluates at most. A run that one task could do is cut in two, unless it is
// so small that this would cost more than it gives.
const ShardSize, smallShard = 2000, 500

// NewRun is an evaluation asked for by a client. Without a consumer it is over all that the tenant sees. AsOf is the
// moment that was asked for, zero for now: a call that is repeated under its idempotency key says the same then.
type NewRun struct {
	Requests []insight.TriggerRequest
	Consumer *bank.Ref
	AsOf     time.Time
}

// CreateRun stores a run on demand with its shards; the caller wakes the workers after it. The same idempotency key
// gives the first run.
func (t Tenant) CreateRun(ctx context.Context, n NewRun, key *string) (run insight.Run, shards []int64, err error) {
	if n.Consumer == nil && t.consumerID != 0 {
		n.Consumer = &bank.Ref{Kind: bank.KindConsumer, ConsumerID: t.consumerID, ID: t.consumerID}
	}
	if n.Consumer != nil && !t.may(*n.Consumer, bank.KindConsumer) {
		return run, nil, fault.Unknown("consumerId", "Consumer")
	}
	err = t.change(ctx, "triggerInsights", key, func(tx *Tx) error {
		shards = nil
		r := insight.Run{CustomerID: t.customerID, Kind: insight.OnDemand, Requests: n.Requests, AsOf: n.AsOf.UTC().Truncate(time.Microsecond),
			Status: insight.RunQueued, RequestedAt: tx.now}
		if n.AsOf.IsZero() {
			r.AsOf = tx.now
		}
		if n.Consumer != nil {
			var c bank.Consumer
			if err := tx.consumer(ctx, t, n.Consumer.ID, &c, "NO KEY UPDATE"); err != nil {
				return err
			}
			r.ConsumerID = &c.ID
		}
		if _, err := tx.NewInsert().Model(&r).Returning("id").Exec(ctx); err != nil {
			return err
		}
		tx.about(r.Ref())
		shards, err = tx.shard(ctx, r, 0, nil, tx.NewSelect().Model((*bank.Consumer)(nil)).Where("customer_id = (SELECT ?::bigint)", t.customerID).
			Apply(func(q *bun.SelectQuery) *bun.SelectQuery {
				if r.ConsumerID != nil {
					q = q.Where("consumer.id = ?", *r.ConsumerID)
				}
				return q
			}))
		if err != nil {
			return err
		}
		run = insight.Run{}
		return tx.NewSelect().Model(&run).Where("customer_id = (SELECT ?::bigint) AND id = ?", t.customerID, r.ID).Scan(ctx)
	}, &run)
	return run, shards, err
}

// shard cuts the consumers of a query into shards of the run. They count as queued: the caller puts them on the queue
// after the transaction, and what is lost on the way is found by the sweep.
func (tx *Tx) shard(ctx context.Context, r insight.Run, round int, changedTo *time.Time, consumers *bun.SelectQuery) ([]int64, error) {
	consumers = consumers.ColumnExpr("consumer.id, (row_number() OVER (ORDER BY consumer.id) - 1) / least(?, greatest(?, (count(*) OVER () + 1) / 2)) AS part", ShardSize, smallShard)
	var ids []int64
	err := tx.NewRaw(`INSERT INTO run_shards (customer_id, run_id, low, high, round, changed_to, run_after, enqueued_at)
		SELECT ?, ?, min(id), max(id), ?, ?::timestamptz, ?, ? FROM (?) due GROUP BY part ORDER BY part RETURNING id`,
		r.CustomerID, r.ID, round, changedTo, tx.now, tx.now, consumers).Scan(ctx, &ids)
	if err != nil {
		return nil, err
	}
	status, finished := insight.RunQueued, (*time.Time)(nil)
	if len(ids) == 0 {
		status, finished = insight.RunSucceeded, &tx.now
	}
	_, err = tx.ExecContext(ctx, `UPDATE runs SET shards_left = shards_left + ?, finished_at = ?,
			status = CASE WHEN shards_left > 0 THEN status ELSE ? END
		WHERE customer_id = (SELECT ?::bigint) AND id = ? AND (? > 0 OR shards_left = 0 AND finished_at IS NULL)`, len(ids), finished, status, r.CustomerID, r.ID, len(ids))
	return ids, err
}

// Run finds one run.
func (t Tenant) Run(ctx context.Context, ref bank.Ref) (r insight.Run, err error) {
	if ref.Kind != bank.KindRun {
		return r, fault.Unknown("", "Run")
	}
	err = t.in(ctx, func(tx *Tx) error {
		r = insight.Run{}
		q := tx.NewSelect().Model(&r).Where("customer_id = (SELECT ?::bigint) AND id = ? AND kind = ?", t.customerID, ref.ID, insight.OnDemand)
		if t.consumerID != 0 {
			q = q.Where("consumer_id = ?", t.consumerID)
		}
		return q.Scan(ctx)
	})
	if err == nil && r.Ref() != ref {
		return insight.Run{}, fault.Unknown("", "Run")
	}
	return r, notFound(err, "", "Run")
}

var evaluations = kind[insight.Evaluation]{
	model: modelOf[insight.Evaluation](), table: "evaluations", alias: "evaluation",
	order:   order{column: "evaluation.insight", kind: "text", id: "evaluation.consumer_id", idThen: true}, // as the key has them
	compare: func(a, b *insight.Evaluation) int { return cmp.Compare(b.ConsumerID, a.ConsumerID) },         // how names are sorted the database knows
	cursor:  func(e insight.Evaluation) page.Cursor { return page.Cursor{Key: e.Insight, ID: e.ConsumerID} },
}

// Evaluations lists what came of a run, by consumer.
func (t Tenant) Evaluations(ctx context.Context, run insight.Run, outcomes []insight.Outcome, a page.Args) (*page.Of[insight.Evaluation], error) {
	r := t.Reads()
	return only(ctx, r, lists(r, &evaluations, Parents{}, a, func(q *query) {
		t.mine(q, "evaluation.customer_id", "evaluation.consumer_id")
		q.add(" AND evaluation.run_id = ?", run.ID)
		if outcomes != nil {
			q.sift(" AND evaluation.outcome = ANY(?::text[])", texts(outcomes))
		}
	}))
}

// Zone is a time zone that consumers of a customer live in.
type Zone struct {
	CustomerID int64
	TimeZone   string
}

// Zones lists the time zones of all customers, or of one, by jumps over the index: its cost goes by the number of zones.
func (s *Store) Zones(ctx context.Context, customerID int64) (zones []Zone, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		return tx.NewRaw(`SELECT m.id AS customer_id, z.time_zone FROM customers m CROSS JOIN LATERAL (
				WITH RECURSIVE zone AS (
					(SELECT time_zone FROM consumers WHERE customer_id = m.id ORDER BY time_zone LIMIT 1)
					UNION ALL
					SELECT (SELECT c.time_zone FROM consumers c WHERE c.customer_id = m.id AND c.time_zone > zone.time_zone ORDER BY c.time_zone LIMIT 1)
					FROM zone WHERE zone.time_zone IS NOT NULL)
				SELECT time_zone FROM zone WHERE time_zone IS NOT NULL) z
			WHERE ? IN (0, m.id) ORDER BY 1, 2`, customerID).Scan(ctx, &zones)
	})
	return zones, err
}

// Plan asks for a scheduled run: the insights of one frequency, for the consumers of one customer and time zone, in one
// period.
type Plan struct {
	Zone
	Insights   []string
	Frequency  insight.Frequency
	Occurrence bank.Period
	AsOf       time.Time
	Quiet      time.Duration // consumers that changed within it wait
	Every      bool          // look at all consumers again, not only at those that changed since the last plan, and name open shards too
}

// overlap is how far a plan looks back behind the last one: a change can become visible later than its time.
const overlap = 10 * time.Minute

// ahead is how far a change can be dated after its time, since each is dated after the one before.
const ahead = time.Millisecond

// Plan makes the run where there is none yet, and shards for the consumers that are due: those with an insight that has
// no outcome in it, or none that is final and the consumer has changed since. Two planners at once make no more than one.
func (s *Store) Plan(ctx context.Context, p Plan) (shards []int64, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		until := tx.now.Add(ahead - p.Quiet)
		var state struct {
			ID             int64
			Requests       []insight.TriggerRequest `bun:"type:jsonb"`
			PlannedThrough *time.Time
			Round          int
		}
		find := func() error {
			return tx.NewRaw(`SELECT id, requests, planned_through, round FROM runs
				WHERE customer_id = (SELECT ?::bigint) AND frequency = ? AND time_zone = ? AND occurrence_from = ? FOR NO KEY UPDATE`,
				p.CustomerID, p.Frequency, p.TimeZone, p.Occurrence.From).Scan(ctx, &state)
		}
		err := find()
		if none(err) {
			r := insight.Run{CustomerID: p.CustomerID, Kind: insight.Scheduled, Frequency: &p.Frequency, TimeZone: &p.TimeZone,
				OccurrenceFrom: &p.Occurrence.From, OccurrenceTo: &p.Occurrence.To, Requests: requests(nil, p.Insights),
				AsOf: p.AsOf.UTC(), Status: insight.RunQueued, RequestedAt: tx.now}
			if _, err := tx.NewInsert().Model(&r).On("CONFLICT DO NOTHING").Returning("NULL").Exec(ctx); err != nil {
				return err
			}
			err = find()
		}
		if err != nil {
			return err
		}
		if all := requests(state.Requests, p.Insights); len(all) > len(state.Requests) { // insights that are new in the catalogue
			state.Requests, state.PlannedThrough, state.Round = all, nil, state.Round+1
			if _, err := tx.ExecContext(ctx, "UPDATE runs SET requests = ?, round = ? WHERE customer_id = (SELECT ?::bigint) AND id = ?",
				jsonText(all), state.Round, p.CustomerID, state.ID); err != nil {
				return err
			}
		}
		due := tx.NewSelect().Model((*bank.Consumer)(nil)).
			Join("LEFT JOIN outcomes o ON o.customer_id = consumer.customer_id AND o.consumer_id = consumer.id AND o.run_id = ?", state.ID).
			Where("consumer.customer_id = (SELECT ?::bigint) AND consumer.time_zone = ? AND consumer.changed_at <= ?", p.CustomerID, p.TimeZone, until).
			Where(isDue, len(state.Requests), state.Round)
		if state.PlannedThrough != nil && !p.Every {
			due = due.Where("consumer.changed_at > ?", state.PlannedThrough.Add(-overlap))
		}
		// Consumers of an open shard are on their way already, if it looks at what they and their settings are now.
		due = due.Where("NOT EXISTS (SELECT 1 FROM run_shards s WHERE s.customer_id = (SELECT ?::bigint) AND s.run_id = ? AND s.state IN ('READY', 'RUNNING') AND consumer.id BETWEEN s.low AND s.high AND s.changed_to >= consumer.changed_at AND s.round >= ?)",
			p.CustomerID, state.ID, state.Round)
		if shards, err = tx.shard(ctx, insight.Run{CustomerID: p.CustomerID, ID: state.ID}, state.Round, &until, due); err != nil {
			return err
		}
		if p.Every { // what another one planned and did not finish belongs to what is due
			if err := tx.NewRaw("SELECT id FROM run_shards WHERE customer_id = (SELECT ?::bigint) AND run_id = ? AND state IN ('READY', 'RUNNING') ORDER BY id",
				p.CustomerID, state.ID).Scan(ctx, &shards); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "UPDATE runs SET planned_through = ? WHERE customer_id = (SELECT ?::bigint) AND id = ?", until, p.CustomerID, state.ID)
		return err
	})
	return shards, err
}

// requests are those of a run with the insights that it does not have yet; the order stays.
func requests(have []insight.TriggerRequest, insights []string) []insight.TriggerRequest {
	for _, name := range insights {
		if !slices.ContainsFunc(have, func(r insight.TriggerRequest) bool { return r.Insight == name }) {
			have = append(have, insight.TriggerRequest{Insight: name})
		}
	}
	return have
}

// isDue: no outcomes yet, or none of the last insights, or some that are not final and rest on older data, or are to be
// considered again.
const isDue = "(o.consumer_id IS NULL OR length(o.outcomes) < ? OR rtrim(o.outcomes, 'GD') <> '' AND (consumer.changed_at > o.data_at OR o.round < ?))"

// reconsider makes scheduled runs look at all consumers again whose outcome is not final: it begins a new round. An
// evaluation that is under way, with what was known before, belongs to the old one. 0: of all customers.
func (tx *Tx) reconsider(ctx context.Context, customerID int64) error {
	_, err := tx.ExecContext(ctx, "UPDATE runs SET round = round + 1, planned_through = NULL WHERE kind = ? AND ? IN (0, customer_id)",
		insight.Scheduled, customerID)
	return err
}

// Waiting takes up to n shards that should be on the queue. One whose worker died again and again is given up.
func (s *Store) Waiting(ctx context.Context, n int) (ids []int64, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		if err := tx.bury(ctx); err != nil {
			return err
		}
		ids, err = shardLeases.waiting(ctx, tx, n)
		return err
	})
	return ids, err
}

// lastTries is how many tries each half of a shard has that was cut in two.
const lastTries = 2

// bury gives up shards whose worker died again and again.
func (tx *Tx) bury(ctx context.Context) error {
	var dead []struct {
		ID, CustomerID, RunID, Lease int64
	}
	where, values := shardLeases.dead(tx)
	if err := tx.NewRaw("SELECT id, customer_id, run_id, lease FROM run_shards WHERE "+where+" ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED", values...).Scan(ctx, &dead); err != nil {
		return err
	}
	for _, d := range dead {
		if err := tx.giveUp(ctx, Shard{ID: d.ID, Run: insight.Run{CustomerID: d.CustomerID, ID: d.RunID}, lease: d.Lease}); err != nil {
			return err
		}
	}
	return nil
}

// giveUp ends the tries of a shard. One of several consumers is cut in two, which are tried in its place: in the end only
// those are without an outcome for whom it is that the shard failed.
func (tx *Tx) giveUp(ctx context.Context, c Shard) error {
	halves, err := tx.affected(ctx, `INSERT INTO run_shards (customer_id, run_id, low, high, round, changed_to, attempts, run_after)
		SELECT s.customer_id, s.run_id, h.low, h.high, s.round, s.changed_to, ?, ? FROM run_shards s
			CROSS JOIN LATERAL (SELECT count(*) AS n, percentile_disc(0.5) WITHIN GROUP (ORDER BY c.id) AS middle FROM consumers c
				WHERE c.customer_id = s.customer_id AND c.id BETWEEN s.low AND s.high) m
			CROSS JOIN LATERAL (VALUES (s.low, m.middle), (m.middle + 1, s.high)) AS h(low, high)
		WHERE s.id = ? AND m.n > 1`, shardLeases.tries-lastTries, tx.now, c.ID)
	if err != nil {
		return err
	}
	if halves == 0 {
		return tx.closeShard(ctx, c, "DEAD", nil)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE runs SET shards_left = shards_left + ? WHERE customer_id = (SELECT ?::bigint) AND id = ?", halves, c.Run.CustomerID, c.Run.ID); err != nil {
		return err
	}
	return tx.closeShard(ctx, c, "DONE", nil)
}

// Unqueued notes that shards could not be put on the queue.
func (s *Store) Unqueued(ctx context.Context, ids []int64) error {
	return s.unqueued(ctx, shardLeases, ids)
}

// Done counts the outcomes of shards, and of those that they were cut into, and tells which are still open.
func (s *Store) Done(ctx context.Context, ids []int64) (counts map[insight.Outcome]int, open []int64, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		counts, open = map[insight.Outcome]int{}, nil
		var rows []struct {
			ID       int64
			State    string
			Outcomes map[insight.Outcome]int `bun:"type:jsonb"`
		}
		if err := tx.NewRaw(`SELECT id, state, outcomes FROM run_shards s WHERE EXISTS (SELECT FROM run_shards o WHERE o.id = ANY(?::bigint[])
			AND (o.customer_id, o.run_id, o.round) = (s.customer_id, s.run_id, s.round) AND o.id <= s.id AND s.low >= o.low AND s.high <= o.high
			AND o.changed_to IS NOT DISTINCT FROM s.changed_to) ORDER BY id`, pgdialect.Array(ids)).Scan(ctx, &rows); err != nil {
			return err
		}
		for _, r := range rows {
			if r.State == "READY" || r.State == "RUNNING" {
				open = append(open, r.ID)
			}
			for outcome, n := range r.Outcomes {
				counts[outcome] += n
			}
		}
		return nil
	})
	return counts, open, err
}
