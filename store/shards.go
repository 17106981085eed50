package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/insight"
)

// Shard is a claimed part of a run.
type Shard struct {
	ID        int64
	Run       insight.Run
	Low, High int64
	ChangedTo *time.Time
	Attempts  int
	round     int
	lease     int64
}

// lease is how long a worker may take for a shard before another may take it over.
const lease = 2 * time.Minute

// Claim takes a shard for this worker. It is false when there is nothing to do: done, claimed by another, or gone.
func (s *Store) Claim(ctx context.Context, id int64) (c Shard, ok bool, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		ok = false
		row := struct {
			CustomerID, RunID, Low, High, Lease int64
			ChangedTo                           *time.Time
			Attempts, Round                     int
		}{}
		err := tx.NewRaw(`UPDATE run_shards SET state = 'RUNNING', attempts = attempts + 1, lease = lease + 1, lease_until = ?
			WHERE id = ? AND (state = 'READY' AND run_after <= ? OR state = 'RUNNING' AND lease_until < ? AND attempts < ?)
			RETURNING customer_id, run_id, low, high, lease, changed_to, attempts, round`,
			tx.now.Add(lease), id, tx.now, tx.now, maxAttempts).Scan(ctx, &row)
		if none(err) {
			return nil
		}
		if err != nil {
			return err
		}
		c = Shard{ID: id, Low: row.Low, High: row.High, ChangedTo: row.ChangedTo, Attempts: row.Attempts, round: row.Round, lease: row.Lease}
		if _, err := tx.ExecContext(ctx, "UPDATE runs SET status = ? WHERE customer_id = ? AND id = ? AND status = ?",
			insight.RunRunning, row.CustomerID, row.RunID, insight.RunQueued); err != nil {
			return err
		}
		if err := tx.NewSelect().Model(&c.Run).Where("customer_id = ? AND id = ?", row.CustomerID, row.RunID).Scan(ctx); err != nil {
			return err
		}
		ok = true
		return nil
	})
	return c, ok, err
}

// Facts is what the evaluation of a shard may look at.
type Facts struct {
	Customer map[string]insight.Settings // the customer's, by insight
	Subjects []*Subject                  // the consumers that are due, by id
	Quotes   bank.Quotes                 // for consumers with accounts in other currencies
}

// Subject is one consumer of a shard.
type Subject struct {
	Consumer bank.Consumer
	User     map[string]insight.Settings
	Accounts []bank.Account    // ACTIVE, by id
	Totals   []bank.MonthTotal // by month; where Foreign, by day, and each in its account's currency
	Foreign  bool              // not all accounts have the consumer's currency
}

// Load loads the facts of a shard as they are at one moment, in a fixed number of statements. days tells which days the
// evaluations will look at, once consumers and settings are known.
func (s *Store) Load(ctx context.Context, c Shard, days func(Facts) bank.Period) (f Facts, err error) {
	err = s.snapshot(ctx, func(tx *Tx) error {
		f = Facts{}
		if err := tx.dueSubjects(ctx, c, &f); err != nil || len(f.Subjects) == 0 {
			return err
		}
		byID := make(map[int64]*Subject, len(f.Subjects))
		ids := make([]int64, len(f.Subjects))
		for i, x := range f.Subjects {
			byID[x.Consumer.ID], ids[i] = x, x.Consumer.ID
		}
		if f.Customer, err = tx.customerSettings(ctx, c.Run.CustomerID); err != nil {
			return err
		}
		among := c.among(ids)
		if err := tx.loadUserSettings(ctx, c, among, byID); err != nil {
			return err
		}
		if err := tx.loadAccounts(ctx, c, among, byID); err != nil {
			return err
		}
		window := days(f)
		if err := tx.loadMonths(ctx, c, among, byID, window); err != nil {
			return err
		}
		return tx.loadDays(ctx, c, &f, byID, window)
	})
	return f, err
}

// among is the condition for the consumers of a shard: a range of the key, or single ids where they stand far apart.
type among struct {
	where string
	args  []any
}

func (c Shard) among(ids []int64) among {
	if c.High-c.Low >= int64(4*len(ids)) {
		return among{"consumer_id = ANY(?::bigint[])", []any{pgdialect.Array(ids)}}
	}
	return among{"consumer_id BETWEEN ? AND ?", []any{c.Low, c.High}}
}

func (tx *Tx) dueSubjects(ctx context.Context, c Shard, f *Facts) error {
	var consumers []bank.Consumer
	q := tx.NewSelect().Model(&consumers).Where("consumer.customer_id = ? AND consumer.id BETWEEN ? AND ?", c.Run.CustomerID, c.Low, c.High).OrderExpr("consumer.id")
	if c.Run.Kind == insight.Scheduled {
		q = q.Join("LEFT JOIN evaluations e ON e.customer_id = consumer.customer_id AND e.run_id = ? AND e.consumer_id = consumer.id AND e.insight = ?", c.Run.ID, *c.Run.Insight).
			Where("consumer.time_zone = ?", *c.Run.TimeZone).Where(isDue, c.round).Where("consumer.changed_at <= ?", c.ChangedTo)
	}
	if err := q.Scan(ctx); err != nil {
		return err
	}
	for _, one := range consumers {
		f.Subjects = append(f.Subjects, &Subject{Consumer: one})
	}
	return nil
}

func (tx *Tx) loadUserSettings(ctx context.Context, c Shard, a among, byID map[int64]*Subject) error {
	var rows []struct {
		ConsumerID int64
		Insight    string
		Settings   insight.Settings `bun:"type:jsonb"`
	}
	if err := tx.NewSelect().TableExpr("user_settings").Column("consumer_id", "insight", "settings").
		Where("customer_id = ?", c.Run.CustomerID).Where(a.where, a.args...).Scan(ctx, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		if x := byID[r.ConsumerID]; x != nil {
			if x.User == nil {
				x.User = map[string]insight.Settings{}
			}
			x.User[r.Insight] = r.Settings
		}
	}
	return nil
}

func (tx *Tx) loadAccounts(ctx context.Context, c Shard, a among, byID map[int64]*Subject) error {
	var rows []bank.Account
	if err := tx.NewSelect().Model(&rows).Where("customer_id = ?", c.Run.CustomerID).Where(a.where, a.args...).
		Where("status = ?", bank.AccountActive).OrderExpr("consumer_id, id").Scan(ctx); err != nil {
		return err
	}
	for _, r := range rows {
		if x := byID[r.ConsumerID]; x != nil {
			x.Accounts = append(x.Accounts, r)
			x.Foreign = x.Foreign || r.Currency != x.Consumer.Currency
		}
	}
	return nil
}

// loadMonths reads the monthly totals straight from the driver: it is the hot read of every scheduled run.
func (tx *Tx) loadMonths(ctx context.Context, c Shard, a among, byID map[int64]*Subject, window bank.Period) error {
	query := tx.NewSelect().TableExpr("account_months").
		ColumnExpr("consumer_id, account_id, month, credit, debit, count, transfer_credit, transfer_debit, transfer_count").
		Where("customer_id = ?", c.Run.CustomerID).Where(a.where, a.args...).Where("month BETWEEN ? AND ?", window.From.Month(), window.To)
	rows, err := tx.pg.Query(ctx, query.String())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var m bank.MonthTotal
		if err := rows.Scan(&m.ConsumerID, &m.AccountID, &m.Month, &m.Credit, &m.Debit, &m.Count, &m.TransferCredit, &m.TransferDebit, &m.TransferCount); err != nil {
			return err
		}
		if x := byID[m.ConsumerID]; x != nil && !x.Foreign {
			x.Totals = append(x.Totals, m)
		}
	}
	return rows.Err()
}

// loadDays reads sums by day for the consumers with accounts in several currencies, and the quotes to convert them.
func (tx *Tx) loadDays(ctx context.Context, c Shard, f *Facts, byID map[int64]*Subject, window bank.Period) error {
	var foreign []int64
	var currencies []bank.Currency
	for _, x := range f.Subjects {
		if x.Foreign {
			foreign = append(foreign, x.Consumer.ID)
			currencies = append(currencies, x.Consumer.Currency)
			for _, a := range x.Accounts {
				currencies = append(currencies, a.Currency)
			}
		}
	}
	if foreign == nil {
		return nil
	}
	var rows []bank.MonthTotal
	if err := tx.NewRaw(`SELECT consumer_id, account_id, booking_date AS month,
			coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT' AND transfer_id IS NULL), 0) AS credit,
			coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT' AND transfer_id IS NULL), 0) AS debit,
			count(*) FILTER (WHERE transfer_id IS NULL) AS count,
			coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT' AND transfer_id IS NOT NULL), 0) AS transfer_credit,
			coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT' AND transfer_id IS NOT NULL), 0) AS transfer_debit,
			count(*) FILTER (WHERE transfer_id IS NOT NULL) AS transfer_count
		FROM transactions WHERE customer_id = ? AND consumer_id = ANY(?::bigint[]) AND status = 'POSTED' AND booking_date BETWEEN ? AND ?
		GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`, c.Run.CustomerID, pgdialect.Array(foreign), window.From, window.To).Scan(ctx, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		byID[r.ConsumerID].Totals = append(byID[r.ConsumerID].Totals, r)
	}
	var err error
	f.Quotes, err = tx.quotes(ctx, unique(currencies), window)
	return err
}

// Result is what an evaluation gave for one insight and consumer.
type Result struct {
	Evaluation insight.Evaluation
	Entries    []insight.Entry
}

// Finish stores what came of a shard and marks it as done, in one transaction and only if the shard is still this
// worker's: a result that comes too late leaves no trace. An entry that the period has already makes a DUPLICATE.
func (s *Store) Finish(ctx context.Context, c Shard, results []Result) (counts map[insight.Outcome]int, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		counts = map[insight.Outcome]int{}
		if err := tx.holdShard(ctx, c); err != nil {
			return err
		}
		results := slices.Clone(results) // as they came, should this run again
		if err := tx.saveEntries(ctx, results); err != nil {
			return err
		}
		evaluations := make([]evaluation, len(results))
		for i, r := range results {
			r.Evaluation.EvaluatedAt = tx.now
			evaluations[i] = evaluation{r.Evaluation, c.round}
			counts[r.Evaluation.Outcome]++
		}
		for part := range chunks(evaluations) {
			if _, err := tx.NewInsert().Model(&part).On("CONFLICT (customer_id, run_id, consumer_id, insight) DO UPDATE").
				Set("outcome = excluded.outcome, reason = excluded.reason, entry_id = excluded.entry_id, evaluated_at = excluded.evaluated_at, data_at = excluded.data_at, round = excluded.round").
				Where("evaluation.outcome NOT IN ('GENERATED', 'DUPLICATE')").Returning("NULL").Exec(ctx); err != nil {
				return err
			}
		}
		return tx.closeShard(ctx, c, "DONE", counts)
	})
	return counts, err
}

// evaluation is an evaluation's row.
type evaluation struct {
	insight.Evaluation `bun:",extend"`
	Round              int
}

// holdShard locks a shard, so that nobody takes it over while its results are stored.
func (tx *Tx) holdShard(ctx context.Context, c Shard) error {
	var mine bool
	err := tx.NewRaw("SELECT lease = ? AND state = 'RUNNING' FROM run_shards WHERE id = ? FOR NO KEY UPDATE", c.lease, c.ID).Scan(ctx, &mine)
	if none(err) || err == nil && !mine {
		return ErrLost
	}
	return err
}

// ErrLost says that a shard, or a part, was taken over by another worker.
var ErrLost = errLost{}

type errLost struct{}

func (errLost) Error() string { return "the work was taken over by another worker" }

func (tx *Tx) closeShard(ctx context.Context, c Shard, state string, counts map[insight.Outcome]int) error {
	n, err := tx.affected(ctx, "UPDATE run_shards SET state = ?, outcomes = ?, lease_until = NULL WHERE id = ? AND lease = ? AND state = 'RUNNING'",
		state, jsonText(counts), c.ID, c.lease)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrLost
	}
	failed := insight.RunStatus("")
	if state == "DEAD" {
		failed = insight.RunFailed
	}
	_, err = tx.ExecContext(ctx, `UPDATE runs SET shards_left = shards_left - 1,
			status = CASE WHEN ? <> '' THEN ? WHEN shards_left = 1 AND status <> 'FAILED' THEN 'SUCCEEDED' ELSE status END,
			finished_at = CASE WHEN shards_left = 1 THEN ?::timestamptz ELSE finished_at END
		WHERE customer_id = ? AND id = ?`, failed, failed, tx.now, c.Run.CustomerID, c.Run.ID)
	return err
}

// GiveBack returns a shard after an error, to be tried again a little later, or gives it up after the last try.
func (s *Store) GiveBack(ctx context.Context, c Shard) error {
	return s.system(ctx, func(tx *Tx) error {
		if c.Attempts >= maxAttempts {
			return tx.closeShard(ctx, c, "DEAD", nil)
		}
		_, err := tx.ExecContext(ctx, "UPDATE run_shards SET state = 'READY', run_after = ?, enqueued_at = NULL, lease_until = NULL WHERE id = ? AND lease = ? AND state = 'RUNNING'",
			tx.now.Add(time.Duration(c.Attempts*c.Attempts)*time.Second), c.ID, c.lease)
		return err
	})
}

// saveEntries inserts the entries of results; those that exist already turn their result into a DUPLICATE.
func (tx *Tx) saveEntries(ctx context.Context, results []Result) error {
	var all []insight.Entry
	for _, r := range results {
		for _, e := range r.Entries {
			e.CreatedAt = tx.now
			all = append(all, e)
		}
	}
	type key struct {
		ConsumerID int64
		Insight    string
		Subject    string
	}
	fresh, known := map[key]int64{}, map[key]int64{}
	for part := range chunks(all) {
		insert := tx.NewInsert().Model(&part).ModelTableExpr("feed_entries AS entry").ExcludeColumn("id").On("CONFLICT DO NOTHING").Returning("consumer_id, insight, subject, id")
		var rows []struct {
			key `bun:",extend"`
			ID  int64
		}
		if err := tx.NewRaw("?", insert).Scan(ctx, &rows); err != nil {
			return err
		}
		for _, r := range rows {
			fresh[r.key] = r.ID
		}
		if len(rows) == len(part) {
			continue
		}
		var there []struct {
			key `bun:",extend"`
			ID  int64
		}
		consumers, insights, subjects, from, revisions := make([]int64, len(part)), make([]string, len(part)), make([]string, len(part)), make([]string, len(part)), make([]int64, len(part))
		for i, e := range part {
			consumers[i], insights[i], subjects[i], from[i], revisions[i] = e.ConsumerID, e.Insight, e.Subject, e.Occurrence.From.String(), e.Revision
		}
		if err := tx.NewRaw(`SELECT f.consumer_id, f.insight, f.subject, f.id
			FROM unnest(?::bigint[], ?::text[], ?::text[], ?::date[], ?::bigint[]) AS v(consumer_id, insight, subject, occurrence_from, revision)
			JOIN feed_entries f USING (consumer_id, insight, subject, occurrence_from, revision) WHERE f.customer_id = ?`, pgdialect.Array(consumers),
			pgdialect.Array(insights), pgdialect.Array(subjects), pgdialect.Array(from), pgdialect.Array(revisions), part[0].CustomerID).Scan(ctx, &there); err != nil {
			return err
		}
		for _, r := range there {
			known[r.key] = r.ID
		}
	}
	for i, r := range results {
		if len(r.Entries) == 0 {
			continue
		}
		r.Evaluation.Outcome = insight.Duplicate
		for _, e := range r.Entries {
			k := key{e.ConsumerID, e.Insight, e.Subject}
			if id, isNew := fresh[k]; isNew {
				r.Evaluation.Outcome, r.Evaluation.EntryID = insight.Generated, &id
				break
			}
			if id, ok := known[k]; ok && r.Evaluation.EntryID == nil {
				r.Evaluation.EntryID = &id
			}
		}
		if r.Evaluation.Outcome == insight.Duplicate {
			reason := "The period has its entry already."
			r.Evaluation.Reason = &reason
		}
		results[i] = r
	}
	return nil
}
