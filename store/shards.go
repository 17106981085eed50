package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"github.com/govalues/decimal"
	"github.com/jackc/pgx/v5"
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

// Claim takes a shard for this worker. It is false when there is nothing to do: done, claimed by another, or gone.
func (s *Store) Claim(ctx context.Context, id int64) (c Shard, ok bool, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		ok = false
		row := struct {
			CustomerID, RunID, Low, High, Lease int64
			ChangedTo                           *time.Time
			Attempts, Round                     int
		}{}
		if err := shardLeases.take(ctx, tx, id, "customer_id, run_id, low, high, lease, changed_to, attempts, round", &row); err != nil {
			return orNothing(err)
		}
		c = Shard{ID: id, Low: row.Low, High: row.High, ChangedTo: row.ChangedTo, Attempts: row.Attempts, round: row.Round, lease: row.Lease}
		if _, err := tx.ExecContext(ctx, "UPDATE runs SET status = ? WHERE customer_id = (SELECT ?::bigint) AND id = ? AND status = ?",
			insight.RunRunning, row.CustomerID, row.RunID, insight.RunQueued); err != nil {
			return err
		}
		if err := tx.NewSelect().Model(&c.Run).Where("customer_id = (SELECT ?::bigint) AND id = ?", row.CustomerID, row.RunID).Scan(ctx); err != nil {
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
	Accounts []bank.Account    // ACTIVE, by id; without the numbers and names that an insight does not need
	Totals   []bank.MonthTotal // by month; where Foreign, by day, and each in its account's currency
	Foreign  bool              // not all accounts have the consumer's currency

	outcomes string // of a scheduled run: what came of its requests before
}

// Final tells whether the run's i-th request has an outcome that stays.
func (x *Subject) Final(i int) bool { return i < len(x.outcomes) && isFinal(x.outcomes[i]) }

// Load loads the facts of a shard as they are at one moment, in a fixed number of statements and once for all insights.
// days tells which days the evaluations will look at, once consumers and settings are known.
func (s *Store) Load(ctx context.Context, c Shard, days func(Facts) bank.Period) (f Facts, err error) {
	err = s.snapshot(ctx, func(tx *Tx) error {
		f = Facts{}
		if err := tx.dueSubjects(ctx, c, &f); err != nil || len(f.Subjects) == 0 {
			return err
		}
		l := loading{tx: tx, customer: c.Run.CustomerID, byID: make(map[int64]*Subject, len(f.Subjects)), among: []any{c.Low, c.High}}
		ids := make([]int64, len(f.Subjects))
		for i, x := range f.Subjects {
			l.byID[x.Consumer.ID], ids[i] = x, x.Consumer.ID
		}
		if c.High-c.Low >= int64(4*len(ids)) {
			l.among = []any{ids}
		}
		if f.Customer, err = tx.customerSettings(ctx, c.Run.CustomerID); err != nil {
			return err
		}
		if err := l.userSettings(ctx); err != nil {
			return err
		}
		if err := l.accounts(ctx); err != nil {
			return err
		}
		window := days(f)
		if err := l.months(ctx, window); err != nil {
			return err
		}
		return tx.loadDays(ctx, c, &f, l.byID, window)
	})
	return f, err
}

func (tx *Tx) dueSubjects(ctx context.Context, c Shard, f *Facts) error {
	q := tx.NewSelect().TableExpr("consumers AS consumer").ColumnExpr("consumer.id, consumer.external_id, consumer.currency, consumer.time_zone, consumer.created_at, consumer.changed_at").
		Where("consumer.customer_id = (SELECT ?::bigint) AND consumer.id BETWEEN ? AND ?", c.Run.CustomerID, c.Low, c.High).OrderExpr("consumer.id")
	if c.Run.Kind == insight.Scheduled {
		q = q.ColumnExpr("coalesce(o.outcomes, '')").
			Join("LEFT JOIN outcomes o ON o.customer_id = consumer.customer_id AND o.consumer_id = consumer.id AND o.run_id = ? AND o.consumer_id BETWEEN ? AND ?", c.Run.ID, c.Low, c.High).
			Where("consumer.time_zone = ?", *c.Run.TimeZone).Where(isDue, len(c.Run.Requests), c.round).Where("consumer.changed_at <= ?", c.ChangedTo)
	} else {
		q = q.ColumnExpr("''")
	}
	rows, err := tx.pg.Query(ctx, q.String())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		x := &Subject{Consumer: bank.Consumer{CustomerID: c.Run.CustomerID}}
		if err := rows.Scan(&x.Consumer.ID, &x.Consumer.ExternalID, &x.Consumer.Currency, &x.Consumer.TimeZone, &x.Consumer.CreatedAt, &x.Consumer.ChangedAt, &x.outcomes); err != nil {
			return err
		}
		f.Subjects = append(f.Subjects, x)
	}
	return rows.Err()
}

// loading is the reading of one shard.
type loading struct {
	tx       *Tx
	customer int64
	among    []any // the first and last consumer, or each where they stand far apart
	byID     map[int64]*Subject
}

// rows reads rows of the shard's consumers straight from the wire: these are the hot reads of every run. The first column
// is the consumer, whose subject gets the others, one consumer after the other. The statement is planned for its values: a
// plan for any range of consumers expects few, and then reads the tables of thousands row by row instead of an index.
func (l *loading) rows(ctx context.Context, what, order string, each func(x *Subject, v [][]byte) error, args ...any) error {
	n := len(args)
	query := fmt.Sprintf("SELECT consumer_id, %s AND customer_id = $%d AND consumer_id ", what, n+1)
	if len(l.among) == 2 {
		query += fmt.Sprintf("BETWEEN $%d AND $%d", n+2, n+3)
	} else {
		query += fmt.Sprintf("= ANY($%d::bigint[])", n+2)
	}
	args = slices.Concat([]any{pgx.QueryExecModeCacheDescribe}, args, []any{l.customer}, l.among)
	rows, err := l.tx.pg.Query(ctx, query+" ORDER BY consumer_id, "+order, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		v := rows.RawValues()
		if x := l.byID[whole(v[0])]; x != nil {
			if err := each(x, v[1:]); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

func (l *loading) userSettings(ctx context.Context) error {
	return l.rows(ctx, "insight, settings FROM user_settings WHERE true", "insight", func(x *Subject, v [][]byte) error {
		if x.User == nil {
			x.User = map[string]insight.Settings{}
		}
		var one insight.Settings
		err := json.Unmarshal(v[1], &one)
		x.User[string(v[0])] = one
		return err
	})
}

func (l *loading) accounts(ctx context.Context) error {
	known := map[string]string{} // texts that come again and again are kept once
	text := func(v []byte) string {
		s, ok := known[string(v)]
		if !ok {
			s = string(v)
			known[s] = s
		}
		return s
	}
	var all []bank.Account
	return l.rows(ctx, "id, container, type, name, provider_name, status, currency, balance, credit_limit FROM accounts WHERE status = 'ACTIVE'", "id", func(x *Subject, v [][]byte) (err error) {
		a := bank.Account{CustomerID: l.customer, ConsumerID: x.Consumer.ID, ID: whole(v[0]), Container: bank.Container(text(v[1])), Type: text(v[2]),
			Name: text(v[3]), ProviderName: text(v[4]), Status: bank.AccountStatus(text(v[5])), Currency: bank.Currency(text(v[6]))}
		if a.Balance, err = amountOrNil(v[7]); err != nil {
			return err
		}
		if a.CreditLimit, err = amountOrNil(v[8]); err != nil {
			return err
		}
		all, x.Accounts = next(all, x.Accounts, a)
		x.Foreign = x.Foreign || a.Currency != x.Consumer.Currency
		return nil
	})
}

func (l *loading) months(ctx context.Context, window bank.Period) error {
	var all []bank.MonthTotal
	return l.rows(ctx, `account_id, month, credit, debit, count, transfer_credit, transfer_debit, transfer_count
			FROM account_months WHERE month BETWEEN $1 AND $2`, "month",
		func(x *Subject, v [][]byte) error {
			if x.Foreign {
				return nil
			}
			m := bank.MonthTotal{ConsumerID: x.Consumer.ID, AccountID: whole(v[0]), Count: int(whole(v[4])), TransferCount: int(whole(v[7]))}
			var errs [5]error
			m.Month, errs[0] = date(v[1])
			m.Credit, errs[1] = numeric(v[2])
			m.Debit, errs[2] = numeric(v[3])
			m.TransferCredit, errs[3] = numeric(v[5])
			m.TransferDebit, errs[4] = numeric(v[6])
			all, x.Totals = next(all, x.Totals, m)
			return cmp.Or(errs[:]...)
		}, window.From.Month().Time(), window.To.Time())
}

// next appends a row to a subject's own, which are the last of all: one allocation for many subjects.
func next[T any](all, own []T, row T) (newAll, newOwn []T) {
	if len(all) == cap(all) {
		all = append(make([]T, 0, len(own)+max(16, min(4096, 2*cap(all)))), own...)
	}
	all = append(all, row)
	return all, all[len(all)-len(own)-1 : len(all) : len(all)]
}

// amountOrNil reads a numeric column that may be null.
func amountOrNil(v []byte) (*decimal.Decimal, error) {
	if v == nil {
		return nil, nil
	}
	d, err := numeric(v)
	return &d, err
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
		FROM transactions WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ANY(?::bigint[]) AND status = 'POSTED' AND booking_date BETWEEN ? AND ?
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

// FinishParts stores what came of a shard, the results of one consumer one after the other, and marks it as done, in one
// transaction and only if the shard is still this worker's: a result that comes too late leaves no trace, and neither does one
// that rests on what was erased meanwhile (ErrErased). An entry that the period has already makes a DUPLICATE. Each part is
// made while the part before is stored; a consumer is in one part only. After a deadlock they are made again.
func (s *Store) FinishParts(ctx context.Context, c Shard, parts iter.Seq[[]Result]) (counts map[insight.Outcome]int, err error) {
	save := (*Tx).saveEvaluations
	if c.Run.Kind == insight.Scheduled {
		save = (*Tx).saveOutcomes
	}
	err = s.system(ctx, func(tx *Tx) error {
		counts = map[insight.Outcome]int{}
		if err := tx.holdShard(ctx, c); err != nil {
			return err
		}
		prepared, stop := inParts(parts)
		defer stop()
		var overridden map[periodKey]int64 // nil: not asked for yet
		for p := range prepared {
			if p.err != nil {
				return p.err
			}
			if overridden == nil && len(p.rows.kind) > 0 {
				var err error
				if overridden, err = tx.overridden(ctx, c); err != nil {
					return err
				}
			}
			if len(overridden) > 0 {
				p.rows = rowsOf(p.results, overridden)
			}
			if err := tx.saveEntries(ctx, c, p, overridden); err != nil {
				return err
			}
			for i := range p.results {
				p.results[i].Evaluation.EvaluatedAt = tx.now
				counts[p.results[i].Evaluation.Outcome]++
			}
			if err := save(tx, ctx, c, p.results); err != nil {
				return err
			}
			if err := tx.unerased(ctx, c, p.results); err != nil {
				return err
			}
		}
		return tx.closeShard(ctx, c, "DONE", counts)
	})
	return counts, err
}

// resultPart is some results with their entries as columns.
type resultPart struct {
	results []Result
	rows    entryRows
	err     error
}

// inParts makes a part while the one before is stored: this machine and the database work at the same time.
func inParts(parts iter.Seq[[]Result]) (<-chan resultPart, func()) {
	out, stop := make(chan resultPart), make(chan struct{})
	send := func(p resultPart) bool {
		select {
		case out <- p:
			return true
		case <-stop:
			return false
		}
	}
	go func() {
		defer close(out)
		defer func() {
			if recover() != nil { // its value may hold account data
				send(resultPart{err: errors.New("panic\n" + string(debug.Stack()))})
			}
		}()
		for results := range parts {
			if !send(resultPart{results: results, rows: rowsOf(results, nil)}) {
				return
			}
		}
	}()
	return out, func() { close(stop) }
}

// saveEvaluations stores a row for each result of a run on demand: clients page through them.
func (tx *Tx) saveEvaluations(ctx context.Context, _ Shard, results []Result) error {
	for part := range chunks(results) {
		rows := make([]insight.Evaluation, len(part))
		for i, r := range part {
			rows[i] = r.Evaluation
		}
		if _, err := tx.NewInsert().Model(&rows).Returning("NULL").Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// noOutcome stands where a consumer's insight has no outcome yet.
const noOutcome = '-'

// isFinal tells whether an outcome, by its first letter, stays as it is.
func isFinal(letter byte) bool { return letter == 'G' || letter == 'D' }

// saveOutcomes stores one row for each consumer of a scheduled run, a letter for each of its insights. Outcomes that are
// final, also those of another worker, stay.
func (tx *Tx) saveOutcomes(ctx context.Context, c Shard, results []Result) error {
	place := make(map[string]int, len(c.Run.Requests))
	for i, r := range c.Run.Requests {
		place[r.Insight] = i
	}
	var consumers []int64
	var letters []string
	var reasons []*string
	var dataAt []time.Time
	row := make([]byte, len(c.Run.Requests))
	for len(results) > 0 {
		of := results[0].Evaluation
		because := map[string]string(nil)
		for i := range row {
			row[i] = noOutcome
		}
		n := 0
		for ; n < len(results) && results[n].Evaluation.ConsumerID == of.ConsumerID; n++ {
			e := results[n].Evaluation
			row[place[e.Insight]] = e.Outcome[0]
			if e.Reason != nil && (e.Outcome == insight.Failed || e.Outcome == insight.InsufficientData) {
				if because == nil {
					because = map[string]string{}
				}
				because[e.Insight] = *e.Reason
			}
		}
		results = results[n:]
		consumers, letters, dataAt = append(consumers, of.ConsumerID), append(letters, string(row)), append(dataAt, of.DataAt)
		if because == nil {
			reasons = append(reasons, nil)
		} else {
			text := jsonText(because)
			reasons = append(reasons, &text)
		}
	}
	_, err := tx.pg.Exec(ctx, `INSERT INTO outcomes AS o (customer_id, consumer_id, run_id, outcomes, reasons, evaluated_at, data_at, round)
		SELECT $1::bigint, e.consumer_id, $2::bigint, e.outcomes, e.reasons::jsonb, $3::timestamptz, e.data_at, $4::int
		FROM unnest($5::bigint[], $6::text[], $7::text[], $8::timestamptz[]) AS e(consumer_id, outcomes, reasons, data_at)
		ON CONFLICT (customer_id, consumer_id, run_id) DO UPDATE SET reasons = excluded.reasons, evaluated_at = excluded.evaluated_at,
			data_at = excluded.data_at, round = excluded.round,
			outcomes = (SELECT string_agg(CASE WHEN substr(o.outcomes, i, 1) IN ('G', 'D') OR i > length(excluded.outcomes) THEN substr(o.outcomes, i, 1)
				ELSE substr(excluded.outcomes, i, 1) END, '' ORDER BY i) FROM generate_series(1, greatest(length(o.outcomes), length(excluded.outcomes))) i)`,
		pgx.QueryExecModeCacheStatement, c.Run.CustomerID, c.Run.ID, tx.now, c.round, consumers, letters, reasons, dataAt)
	return err
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

// unerased is ErrErased where something of the consumers of stored results was erased since it was loaded. They are referred to by
// then: who would erase more waits until the results are stored, see alone.
func (tx *Tx) unerased(ctx context.Context, c Shard, results []Result) error {
	var consumers []int64
	var dataAt []time.Time
	for i, r := range results {
		if i == 0 || r.Evaluation.ConsumerID != results[i-1].Evaluation.ConsumerID {
			consumers, dataAt = append(consumers, r.Evaluation.ConsumerID), append(dataAt, r.Evaluation.DataAt)
		}
	}
	var erased bool
	err := tx.pg.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM consumers c JOIN unnest($2::bigint[], $3::timestamptz[]) AS e(id, data_at) ON e.id = c.id
		WHERE c.customer_id = $1 AND c.id = ANY($2::bigint[]) AND c.erased_at > e.data_at)`,
		pgx.QueryExecModeCacheStatement, c.Run.CustomerID, consumers, dataAt).Scan(&erased)
	if err == nil && erased {
		err = ErrErased
	}
	return err
}

// ErrErased says that something was erased of what results rest on: they are to be made again.
var ErrErased = errors.New("what the results rest on was erased meanwhile")

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
		tx.dead[deadShard]++
		failed = insight.RunFailed
	}
	_, err = tx.ExecContext(ctx, `UPDATE runs SET shards_left = shards_left - 1,
			status = CASE WHEN ? <> '' THEN ? WHEN shards_left = 1 AND status <> 'FAILED' THEN 'SUCCEEDED' ELSE status END,
			finished_at = CASE WHEN shards_left = 1 THEN ?::timestamptz ELSE finished_at END
		WHERE customer_id = (SELECT ?::bigint) AND id = ?`, failed, failed, tx.now, c.Run.CustomerID, c.Run.ID)
	return err
}

// GiveBack returns a shard after an error, see again, or gives it up after the last try, see giveUp.
func (s *Store) GiveBack(ctx context.Context, c Shard, tried bool) error {
	return s.system(ctx, func(tx *Tx) error {
		if tried && c.Attempts >= shardLeases.tries {
			return tx.giveUp(ctx, c)
		}
		return shardLeases.again(ctx, tx, c.ID, c.lease, c.Attempts, tried)
	})
}

// entryKind is what most entries of one insight have in common in a shard; it goes to the database once.
type entryKind struct {
	common
	Settings insight.Configuration `json:"settings"`
}

type common struct {
	Number         int                 `json:"number"`
	Insight        string              `json:"insight"`
	Title          string              `json:"title"`
	Type           insight.Type        `json:"type"`
	Trigger        insight.TriggerType `json:"trigger"`
	OccurrenceFrom bank.Date           `json:"occurrence_from"`
	OccurrenceTo   bank.Date           `json:"occurrence_to"`
	Revision       int64               `json:"revision"`
	WindowFrom     bank.Date           `json:"window_from"`
	WindowTo       bank.Date           `json:"window_to"`
}

// entryRows are entries as columns.
type entryRows struct {
	kinds             []entryKind
	latest            map[string]int // the last kind of an insight
	consumers         []int64
	kind              []int32 // its number, from 1
	subjects          []string
	accounts, derived []string
}

// rowsOf are the entries of results as columns, without ordinary ones whose period was overridden.
func rowsOf(results []Result, overridden map[periodKey]int64) entryRows {
	rows := entryRows{latest: map[string]int{}}
	for i := range results {
		for j := range results[i].Entries {
			if e := &results[i].Entries[j]; e.Revision > 0 || len(overridden) == 0 || overridden[periodOf(e)] == 0 {
				rows.add(e)
			}
		}
	}
	return rows
}

func (rows *entryRows) add(e *insight.Entry) {
	k := entryKind{common{0, e.Insight, e.Title, e.Type, e.Trigger, e.Occurrence.From, e.Occurrence.To, e.Revision, e.Window.From, e.Window.To}, e.Settings}
	k.Number = rows.latest[e.Insight]
	if k.Number == 0 || rows.kinds[k.Number-1].common != k.common || !reflect.DeepEqual(rows.kinds[k.Number-1].Settings, k.Settings) {
		k.Number = len(rows.kinds) + 1
		rows.kinds, rows.latest[e.Insight] = append(rows.kinds, k), k.Number
	}
	rows.consumers, rows.kind, rows.subjects = append(rows.consumers, e.ConsumerID), append(rows.kind, int32(k.Number)), append(rows.subjects, e.Subject)
	rows.accounts, rows.derived = append(rows.accounts, jsonText(e.Accounts)), append(rows.derived, jsonText(e.TransactionDerived))
}

// entryKey is an entry within one shard.
type entryKey struct {
	consumer         int64
	insight, subject string
}

// periodKey is a period's entry.
type periodKey struct {
	entryKey
	from bank.Date
}

func periodOf(e *insight.Entry) periodKey {
	return periodKey{entryKey{e.ConsumerID, e.Insight, e.Subject}, e.Occurrence.From}
}

// overridden are the newest entries that overrode the duplicate check, of the shard's consumers and of periods that are not
// over on the run's day. After one of them its period has its entry, whether or not there was one before. They are few, and
// have an index of their own.
func (tx *Tx) overridden(ctx context.Context, c Shard) (map[periodKey]int64, error) {
	found, err := tx.pg.Query(ctx, `SELECT consumer_id, insight, subject, occurrence_from, id FROM feed_entries
		WHERE customer_id = $1 AND consumer_id BETWEEN $2 AND $3 AND occurrence_to >= $4 AND revision > 0 ORDER BY revision`,
		pgx.QueryExecModeCacheDescribe, c.Run.CustomerID, c.Low, c.High, bank.DateOf(c.Run.AsOf, time.UTC)-1) // which no time zone is behind
	if err != nil {
		return nil, err
	}
	ids := map[periodKey]int64{}
	var k periodKey
	var id int64
	_, err = pgx.ForEachRow(found, []any{&k.consumer, &k.insight, &k.subject, &k.from, &id}, func() error { ids[k] = id; return nil })
	return ids, err
}

// saveEntries inserts the entries of results; those that exist already turn their result into a DUPLICATE.
func (tx *Tx) saveEntries(ctx context.Context, c Shard, p resultPart, overridden map[periodKey]int64) error {
	fresh, known, err := tx.insertEntries(ctx, c.Run.CustomerID, p.rows)
	if err != nil {
		return err
	}
	results := p.results
	for i, r := range results {
		if len(r.Entries) == 0 {
			continue
		}
		r.Evaluation.Outcome = insight.Duplicate
		for _, e := range r.Entries {
			k := entryKey{e.ConsumerID, e.Insight, e.Subject}
			if id, isNew := fresh[k]; isNew {
				r.Evaluation.Outcome, r.Evaluation.EntryID = insight.Generated, &id
				break
			}
			if id := cmp.Or(known[k], overridden[periodOf(&e)]); id != 0 && r.Evaluation.EntryID == nil {
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

// insertEntries inserts entries in their order and gives the numbers of those that are new and of those that were there.
func (tx *Tx) insertEntries(ctx context.Context, customerID int64, rows entryRows) (fresh, known map[entryKey]int64, err error) {
	if len(rows.kind) == 0 {
		return nil, nil, nil
	}
	collect := func(query string, args ...any) (map[entryKey]int64, error) {
		found, err := tx.pg.Query(ctx, query, append([]any{pgx.QueryExecModeCacheStatement, customerID, rows.consumers, rows.kind, rows.subjects, jsonText(rows.kinds)}, args...)...)
		if err != nil {
			return nil, err
		}
		ids := make(map[entryKey]int64, len(rows.kind))
		var k entryKey
		var id int64
		_, err = pgx.ForEachRow(found, []any{&k.consumer, &k.insight, &k.subject, &id}, func() error { ids[k] = id; return nil })
		return ids, err
	}
	const kinds = `jsonb_to_recordset($5::jsonb) AS k(number int, insight text, title text, type text, "trigger" text, occurrence_from date, occurrence_to date,
		revision bigint, window_from date, window_to date, settings jsonb) ON k.number = e.kind`
	fresh, err = collect(`INSERT INTO feed_entries (customer_id, consumer_id, insight, title, type, "trigger", subject, occurrence_from, occurrence_to, revision,
			window_from, window_to, settings, accounts, transaction_derived, created_at)
		SELECT $1::bigint, e.consumer_id, k.insight, k.title, k.type, k."trigger", e.subject, k.occurrence_from, k.occurrence_to, k.revision,
			k.window_from, k.window_to, k.settings, e.accounts::jsonb, nullif(e.derived, 'null')::jsonb, $8::timestamptz
		FROM unnest($2::bigint[], $3::int[], $4::text[], $6::text[], $7::text[]) WITH ORDINALITY AS e(consumer_id, kind, subject, accounts, derived, n)
		JOIN `+kinds+` ORDER BY e.n ON CONFLICT DO NOTHING RETURNING consumer_id, insight, subject, id`, rows.accounts, rows.derived, tx.now)
	if err != nil || len(fresh) == len(rows.kind) {
		return fresh, nil, err
	}
	known, err = collect(`SELECT f.consumer_id, f.insight, f.subject, f.id
		FROM unnest($2::bigint[], $3::int[], $4::text[]) AS e(consumer_id, kind, subject) JOIN ` + kinds + `
		JOIN feed_entries f ON f.customer_id = $1 AND f.consumer_id = e.consumer_id AND f.insight = k.insight AND f.subject = e.subject
			AND f.occurrence_from = k.occurrence_from AND f.revision = k.revision`)
	return fresh, known, err
}
