package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
)

// singleStatement does a scheduled run in one go: what the database can do if it is told all at once. It reads the
// tables that the run reads and writes the rows that the run writes.
const singleStatement = `
	WITH run AS (
		INSERT INTO runs (customer_id, kind, frequency, requests, time_zone, occurrence_from, occurrence_to, as_of, status, requested_at, finished_at, planned_through)
		VALUES (@customer, 'SCHEDULED', 'MONTHLY', jsonb_build_array(jsonb_build_object('insight', @insight::text)), @zone, @from, @to, now(), 'SUCCEEDED', now(), now(), now())
		RETURNING id),
	sums AS (
		SELECT m.consumer_id, sum(m.credit) AS credit, sum(m.debit) AS debit, sum(m.count) AS count,
			sum(m.transfer_credit) AS transfer_credit, sum(m.transfer_debit) AS transfer_debit, sum(m.transfer_count) AS transfer_count
		FROM account_months m JOIN accounts a ON a.customer_id = m.customer_id AND a.consumer_id = m.consumer_id AND a.id = m.account_id
		WHERE m.customer_id = @customer AND m.month BETWEEN @window_from AND @window_to AND a.status = 'ACTIVE' AND a.container IN ('BANK', 'CARD')
		GROUP BY m.consumer_id),
	held AS (
		SELECT consumer_id, jsonb_agg(jsonb_build_object('id', 'a' || consumer_id || '.' || id, 'providerName', provider_name, 'name', name,
			'status', status, 'type', type, 'container', container) ORDER BY id) AS accounts
		FROM accounts WHERE customer_id = @customer AND status = 'ACTIVE' AND container IN ('BANK', 'CARD') GROUP BY consumer_id),
	entry AS (
		INSERT INTO feed_entries (customer_id, consumer_id, insight, title, type, "trigger", subject, occurrence_from, occurrence_to, revision,
			window_from, window_to, settings, accounts, transaction_derived, created_at)
		SELECT c.customer_id, c.id, @insight, @title, 'AGGREGATE', 'SCHEDULE', 'user', @from, @to, 0, @window_from, @window_to, @settings::jsonb, held.accounts,
			jsonb_build_object(
				'creditTotal', jsonb_build_object('amount', round(s.credit, 2)::text, 'currency', c.currency),
				'debitTotal', jsonb_build_object('amount', round(s.debit, 2)::text, 'currency', c.currency),
				'spentPercent', round(round(s.debit, 2) / round(s.credit, 2) * 100, 2)::text, 'count', s.count,
				'excluded', jsonb_build_object(
					'creditTotal', jsonb_build_object('amount', round(s.transfer_credit, 2)::text, 'currency', c.currency),
					'debitTotal', jsonb_build_object('amount', round(s.transfer_debit, 2)::text, 'currency', c.currency), 'count', s.transfer_count)), now()
		FROM consumers c JOIN sums s ON s.consumer_id = c.id JOIN held ON held.consumer_id = c.id
		WHERE c.customer_id = @customer AND c.time_zone = @zone AND s.credit > 0
		ON CONFLICT DO NOTHING RETURNING consumer_id)
	INSERT INTO outcomes (customer_id, consumer_id, run_id, outcomes, evaluated_at, data_at, round)
	SELECT c.customer_id, c.id, run.id, CASE WHEN e.consumer_id IS NULL THEN 'C' ELSE 'G' END, now(), c.changed_at, 0
	FROM consumers c CROSS JOIN run LEFT JOIN entry e ON e.consumer_id = c.id WHERE c.customer_id = @customer AND c.time_zone = @zone`

// single measures the limit. Once it compares what the run before wrote with what the statement writes.
func (r *runsBench) single(ctx context.Context, took *series) error {
	if !r.checked {
		if err := r.keepOurs(ctx); err != nil {
			return err
		}
	}
	if err := r.reset(ctx); err != nil {
		return err
	}
	d, ok := catalogue.ByName(insightName)
	if !ok {
		return fmt.Errorf("there is no insight %s", insightName)
	}
	now := time.Now()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return err
	}
	occurrence, window := insight.Occurrence(d.Frequency, now, loc), insight.Window(d.Duration, now, loc)
	args := pgx.NamedArgs{"customer": r.customerID, "insight": d.Name, "title": d.Title, "zone": zone, "from": day(occurrence.From), "to": day(occurrence.To),
		"window_from": day(window.From), "window_to": day(window.To), "settings": insight.Effective(d, insight.Settings{}, insight.Settings{}, d.Entities[0], nil)}
	if err := r.do(ctx, "SET work_mem = '64MB'"); err != nil {
		return err
	}
	start := time.Now()
	if _, err := r.admin.Exec(ctx, singleStatement, args); err != nil {
		return err
	}
	took.add(time.Since(start))
	return r.compare(ctx)
}

func day(d bank.Date) time.Time { return d.Time() }

// comparable is what must be equal of outcomes and entries: all but numbers and moments.
const comparable = `SELECT o.consumer_id, o.outcomes, o.reasons, o.data_at, o.round, f.insight, f.title, f.type, f."trigger", f.subject,
		f.occurrence_from, f.occurrence_to, f.revision, f.window_from, f.window_to, f.settings, f.transaction_derived,
		(SELECT jsonb_agg(x - 'id' ORDER BY n) FROM jsonb_array_elements(f.accounts) WITH ORDINALITY AS a(x, n)) AS accounts
	FROM outcomes o LEFT JOIN feed_entries f ON f.customer_id = o.customer_id AND f.consumer_id = o.consumer_id`

// keepOurs makes a run and keeps what it wrote.
func (r *runsBench) keepOurs(ctx context.Context) error {
	if err := r.scheduled(ctx, catalogue.All, 1, &series{}); err != nil {
		return err
	}
	return r.do(ctx, "CREATE TEMP TABLE ours AS "+comparable)
}

// compare fails where the statement wrote something else than the run.
func (r *runsBench) compare(ctx context.Context) error {
	if r.checked {
		return nil
	}
	var ours, theirs, different int
	if err := r.admin.QueryRow(ctx, `WITH theirs AS (`+comparable+`)
		SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM theirs), (SELECT count(*) FROM (TABLE theirs EXCEPT TABLE ours) d)`).Scan(&ours, &theirs, &different); err != nil {
		return err
	}
	if ours != theirs || different > 0 || ours != r.consumers {
		return fmt.Errorf("it writes other rows than the run: %d of %d, ours are %d", different, theirs, ours)
	}
	r.checked = true
	return r.do(ctx, "DROP TABLE ours")
}
