package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/fault"
	"insightgraph/page"
	"insightgraph/report"
)

// NewCase is a case to be made; nil means: not said.
type NewCase struct {
	Consumer                        *bank.Ref
	DataSources, Accounts, Excluded []bank.Ref
	From, To                        *bank.Date
	Days                            *int
}

func (n NewCase) empty() bool {
	return n.Consumer == nil && n.DataSources == nil && n.Accounts == nil && n.Excluded == nil && n.From == nil && n.To == nil && n.Days == nil
}

// CreateCase makes a case.
func (t Tenant) CreateCase(ctx context.Context, n NewCase, key *string) (c report.Case, err error) {
	if err := t.customerOnly(); err != nil {
		return c, err
	}
	err = t.change(ctx, "createCase", key, func(tx *Tx) (err error) {
		if c, _, err = tx.newCase(ctx, t, n); err != nil {
			return err
		}
		_, err = tx.NewInsert().Model(&c).Returning("id").Exec(ctx)
		tx.about(c.Ref())
		return err
	}, &c)
	return c, err
}

// newCase decides what a case is, and for whom, whose lock it holds.
func (tx *Tx) newCase(ctx context.Context, t Tenant, n NewCase) (made report.Case, c bank.Consumer, err error) {
	if n.Consumer == nil {
		return made, c, fault.Missing("consumerId")
	}
	if !t.may(*n.Consumer, bank.KindConsumer) {
		return made, c, fault.Unknown("consumerId", "Consumer")
	}
	if err := tx.consumer(ctx, t, n.Consumer.ID, &c, "NO KEY UPDATE"); err != nil {
		return made, c, err
	}
	var accounts []bank.Account
	if err := tx.NewSelect().Model(&accounts).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", c.CustomerID, c.ID).OrderExpr("id").Scan(ctx); err != nil {
		return made, c, err
	}
	var sources []report.Source
	if n.DataSources != nil {
		var rows []struct {
			ID       int64
			Accounts []int64 `bun:",array"`
		}
		if err := tx.NewRaw(`SELECT s.id, coalesce(array_agg(a.id) FILTER (WHERE a.id IS NOT NULL), '{}') AS accounts FROM data_sources s
			LEFT JOIN accounts a ON a.customer_id = s.customer_id AND a.consumer_id = s.consumer_id AND a.data_source_id = s.id
			WHERE s.customer_id = (SELECT ?::bigint) AND s.consumer_id = ? GROUP BY 1`, c.CustomerID, c.ID).Scan(ctx, &rows); err != nil {
			return made, c, err
		}
		for _, r := range rows {
			sources = append(sources, report.Source{ID: r.ID, AccountIDs: r.Accounts})
		}
	}
	of := func(refs []bank.Ref, kind bank.Kind) (ids []int64) {
		for _, r := range refs {
			if ids == nil {
				ids = []int64{}
			}
			if r.Kind != kind || r.ConsumerID != c.ID {
				r.ID = -1 // nobody's
			}
			ids = append(ids, r.ID)
		}
		return ids
	}
	in := report.CaseInput{DataSourceIDs: of(n.DataSources, bank.KindSource), AccountIDs: of(n.Accounts, bank.KindAccount), ExcludedAccountIDs: of(n.Excluded, bank.KindAccount),
		From: n.From, To: n.To, Days: n.Days}
	made, faults := report.NewCase("", in, c, accounts, sources, tx.now)
	made.CreatedAt = tx.now
	if made.DataSourceIDs == nil {
		made.DataSourceIDs = []int64{}
	}
	return made, c, faults.Err()
}

var cases = kind[report.Case]{model: modelOf[report.Case](), table: "cases"}

// CasesByRef queues cases; unknown ones are left out.
func (r *Reads) CasesByRef(refs []bank.Ref) *Found[bank.Ref, report.Case] {
	return byRef(r, &cases, bank.KindCase, refs)
}

// Case finds one case.
func (t Tenant) Case(ctx context.Context, ref bank.Ref) (report.Case, error) {
	r := t.Reads()
	return oneOf(ctx, r, r.CasesByRef([]bank.Ref{ref}), ref, "", "Case")
}

// NewReport asks for a report: of a case, or of one that is made for it.
type NewReport struct {
	Case *bank.Ref
	NewCase
	Request report.Request
}

// CreateReport makes a report, or returns the one of the same type in the case. The caller has it built where it is QUEUED;
// rows is how many transactions that will look at.
func (t Tenant) CreateReport(ctx context.Context, n NewReport, key *string) (r report.Report, rows int, err error) {
	if err := t.customerOnly(); err != nil {
		return r, 0, err
	}
	if n.Case != nil && !n.NewCase.empty() {
		return r, 0, fault.New(fault.NotAllowed, "caseId", "caseId cannot be combined with consumerId, accounts or a period")
	}
	err = t.change(ctx, "createReport", key, func(tx *Tx) error {
		rows = 0
		c, consumer, err := tx.caseOf(ctx, t, n)
		if err := fault.Beside(err, n.Request.Check("", consumer.Currency)); err != nil {
			return err
		}
		find := tx.reportOf
		if c.ID == 0 { // nothing can be in it
			find = tx.newReport
			if _, err := tx.NewInsert().Model(&c).Returning("id").Exec(ctx); err != nil {
				return err
			}
		}
		r, err = find(ctx, c, n.Request)
		tx.about(r.Ref())
		if err != nil || r.Status != report.Queued {
			return err
		}
		definition, _ := report.ByType(r.Type)
		from, to := definition.Needs(c.Period)
		q := tx.NewSelect().TableExpr("account_months").ColumnExpr("coalesce(sum(count + transfer_count), 0)").
			Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND account_id = ANY(?::bigint[]) AND month >= ?", c.CustomerID, c.ConsumerID, pgdialect.Array(c.AccountIDs), from.Month())
		if to != nil {
			q = q.Where("month <= ?", *to)
		}
		if err := q.Scan(ctx, &rows); err != nil {
			return err
		}
		field := "from"
		switch {
		case n.Case != nil:
			field = "caseId"
		case n.Days != nil:
			field = "days"
		}
		return c.Fits(field, r.Type, rows)
	}, &r, &rows)
	return r, rows, err
}

// LinkReport notes that links to a report were made, which are kept nowhere.
func (t Tenant) LinkReport(ctx context.Context, ref bank.Ref) error {
	if err := t.customerOnly(); err != nil {
		return err
	}
	if !t.may(ref, bank.KindReport) {
		return fault.Unknown("reportId", "Report")
	}
	return t.change(ctx, "createReportLink", nil, func(tx *Tx) error {
		tx.about(ref)
		var there int
		err := tx.NewRaw("SELECT 1 FROM reports WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", t.customerID, ref.ConsumerID, ref.ID).Scan(ctx, &there)
		return notFound(err, "reportId", "Report")
	})
}

// caseOf finds the case of a report, or decides what it will be.
func (tx *Tx) caseOf(ctx context.Context, t Tenant, n NewReport) (c report.Case, consumer bank.Consumer, err error) {
	if n.Case == nil {
		return tx.newCase(ctx, t, n.NewCase)
	}
	if !t.may(*n.Case, bank.KindCase) {
		return c, consumer, fault.Unknown("caseId", "Case")
	}
	if err := tx.consumer(ctx, t, n.Case.ConsumerID, &consumer, "NO KEY UPDATE"); err != nil {
		return c, consumer, at("caseId", "Case", err)
	}
	err = tx.NewSelect().Model(&c).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", t.customerID, n.Case.ConsumerID, n.Case.ID).Scan(ctx)
	return c, consumer, notFound(err, "caseId", "Case")
}

// at tells of another thing that was not found.
func at(field, what string, err error) error {
	if f := fault.Of(err); len(f) == 1 && f[0].Code == fault.NotFound {
		return fault.Unknown(field, what)
	}
	return err
}

// reportOf finds the report of a type in a case, or stores a new one.
func (tx *Tx) reportOf(ctx context.Context, c report.Case, q report.Request) (r report.Report, err error) {
	err = tx.NewSelect().Model(&r).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND case_id = ? AND type = ?", c.CustomerID, c.ConsumerID, c.ID, q.Type).Scan(ctx)
	if none(err) {
		return tx.newReport(ctx, c, q)
	}
	if err != nil {
		return r, err
	}
	again, wrong := r.Again("", q)
	if wrong != nil {
		return r, wrong
	}
	if again {
		r.Status, r.FinishedAt = report.Queued, nil
		_, err = tx.ExecContext(ctx, `UPDATE reports SET status = 'QUEUED', attempts = 0, run_after = ?0, enqueued_at = ?0, finished_at = NULL
			WHERE customer_id = (SELECT ?1::bigint) AND consumer_id = ?2 AND id = ?3`, tx.now, r.CustomerID, r.ConsumerID, r.ID)
	}
	return r, err
}

// newReport stores a report.
func (tx *Tx) newReport(ctx context.Context, c report.Case, q report.Request) (report.Report, error) {
	row := reportRow{Report: report.Report{CustomerID: c.CustomerID, ConsumerID: c.ConsumerID, CaseID: c.ID, Type: report.Type(q.Type), Status: report.Queued, Period: c.Period,
		Limits: q.Limits, CallbackURL: q.CallbackURL, CallbackHandle: q.CallbackHandle, CreatedAt: tx.now}, RunAfter: tx.now, EnqueuedAt: &tx.now}
	_, err := tx.NewInsert().Model(&row).ExcludeColumn("result").Returning("id").Exec(ctx)
	return row.Report, err
}

// reportRow is a report's row.
type reportRow struct {
	bun.BaseModel `bun:"reports"`
	report.Report `bun:",extend"`
	Attempts      int
	RunAfter      time.Time
	EnqueuedAt    *time.Time
	Lease         int64
	LeaseUntil    *time.Time
}

var reports = kind[report.Report]{
	model: modelOf[report.Report](), table: "reports", alias: "report", keys: "report.consumer_id, report.id AS report_id",
	order: order{column: "report.created_at", kind: "timestamptz", id: "report.id"},
	compare: func(a, b *report.Report) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	},
	cursor: func(r report.Report) page.Cursor { return page.Cursor{Key: page.MomentKey(r.CreatedAt), ID: r.ID} },
}

// withoutResults are reports of which it is first asked how large their results are.
var withoutResults = func() kind[report.Report] {
	k := reports
	k.model = k.without("result")
	return k
}()

// Reports lists reports, the newest first. Where their results are very large a page is shorter than was asked for.
func (t Tenant) Reports(ctx context.Context, f report.Filter, a page.Args) (*page.Of[report.Report], error) {
	r, of := t.Reads(), t.numbers(f.ConsumerIDs, bank.KindConsumer)
	var e *each
	if len(of) > 1 && f.CaseID == nil {
		e = &each{"report.consumer_id", "bigint[]", unique(of)}
	}
	found := listsOfEach(r, &withoutResults, Parents{}, a, e, func(q *query) {
		t.mine(q, "report.customer_id", "report.consumer_id")
		if f.ConsumerIDs != nil {
			q.among("report.consumer_id", of)
		}
		if f.CaseID != nil {
			consumers, cases := t.keys([]bank.Ref{*f.CaseID}, bank.KindCase)
			q.amongPairs("report.consumer_id", "report.case_id", consumers, cases)
		}
		if f.Types != nil {
			q.sift(" AND report.type = ANY(?::text[])", texts(f.Types))
		}
		if f.Statuses != nil {
			q.sift(" AND report.status = ANY(?::text[])", texts(f.Statuses))
		}
	})
	sizes := map[int64]int64{}
	var q query
	q.add("SELECT x.id, pg_column_size(x.result) FROM ")
	found.Parents().from(&q)
	q.add(" JOIN reports AS x ON x.consumer_id = p.consumer_id AND x.id = p.report_id WHERE x.customer_id = (SELECT ?::bigint) AND x.result IS NOT NULL", t.customerID)
	r.add(q, func(rows answer) error {
		clear(sizes)
		for rows.Next() {
			v := rows.RawValues()
			sizes[whole(v[0])] = whole(v[1])
		}
		return rows.Err()
	})
	p, err := only(ctx, r, found)
	if err != nil || len(p.Nodes) == 0 {
		return p, err
	}
	return t.results(ctx, shorter(p, a, sizes))
}

// maxResults is how many bytes the results of a page have together, as they are stored: about a tenth of what they are as text, which
// takes twice as much again when it is read. A page that would have more ends earlier.
const maxResults = 2 << 20

// shorter is a page whose results have maxResults at most, but for a single one.
func shorter(p *page.Of[report.Report], a page.Args, sizes map[int64]int64) *page.Of[report.Report] {
	rows := slices.Clone(p.Nodes)
	if a.Backward { // as they were read
		slices.Reverse(rows)
	}
	n, size := 0, int64(0)
	for ; n < len(rows); n++ {
		if size += sizes[rows[n].ID]; size > maxResults && n > 0 {
			break
		}
	}
	if n == len(rows) {
		return p
	}
	a.Size = n
	return page.New(a, rows, reports.cursor, p.Total)
}

// results reads the results of a page's reports.
func (t Tenant) results(ctx context.Context, p *page.Of[report.Report]) (*page.Of[report.Report], error) {
	refs := make([]bank.Ref, len(p.Nodes))
	for i, x := range p.Nodes {
		refs[i] = x.Ref()
	}
	r := t.Reads()
	found := byRef(r, &reports, bank.KindReport, refs)
	if err := r.Send(ctx); err != nil {
		return nil, err
	}
	for i, ref := range refs {
		if x, ok := found.Get(ref); ok { // else it was erased meanwhile
			p.Nodes[i] = x
		}
	}
	return p, nil
}

// Report finds one report.
func (t Tenant) Report(ctx context.Context, ref bank.Ref) (report.Report, error) {
	r := t.Reads()
	return oneOf(ctx, r, byRef(r, &reports, bank.KindReport, []bank.Ref{ref}), ref, "reportId", "Report")
}

// ReportsOfCases lists the reports of cases.
func (t Tenant) ReportsOfCases(ctx context.Context, refs []bank.Ref) (map[bank.Ref][]report.Report, error) {
	consumers, ids := t.keys(refs, bank.KindCase)
	found := map[bank.Ref][]report.Report{}
	r := t.Reads()
	var q query
	q.add("SELECT "+reports.list()+" FROM reports WHERE customer_id = (SELECT ?::bigint)", t.customerID)
	q.amongPairs("consumer_id", "case_id", consumers, ids)
	q.add(" ORDER BY id")
	r.add(q, func(rows answer) error {
		_, list, err := reports.scan(rows, false, len(ids))
		clear(found)
		for _, x := range list {
			of := report.Case{ConsumerID: x.ConsumerID, ID: x.CaseID}.Ref()
			found[of] = append(found[of], x)
		}
		return err
	})
	return found, r.Send(ctx)
}

// Used is whose transactions a report used, and which.
type Used struct {
	ConsumerID int64
	Selection  report.Selection
}

// UsedTransactions lists the transactions behind reports as they are now, the newest first; one page per report, in one
// statement.
func (t Tenant) UsedTransactions(ctx context.Context, of []Used, f bank.TransactionFilter, a page.Args) ([]*page.Of[bank.Transaction], error) {
	type row struct {
		N        int              `json:"n"`
		Consumer int64            `json:"consumer_id"`
		Accounts []int64          `json:"accounts"`
		From     bank.Date        `json:"first_day"` // with the accounts, what an index finds
		To       bank.Date        `json:"last_day"`
		Any      report.Selection `json:"predicates"`
	}
	rows := make([]row, len(of))
	for i, u := range of {
		rows[i] = row{N: i + 1, Consumer: u.ConsumerID, Accounts: []int64{}, From: always.To, To: always.From, Any: u.Selection}
		for _, p := range u.Selection {
			rows[i].Accounts = append(rows[i].Accounts, p.AccountIDs...)
			rows[i].From, rows[i].To = min(rows[i].From, p.From), max(rows[i].To, p.To)
		}
		rows[i].Accounts = unique(rows[i].Accounts)
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return nil, err
	}
	return t.transactionsOf(ctx, len(of), "jsonb_to_recordset(?::jsonb) AS p(n int, consumer_id bigint, accounts bigint[], first_day date, last_day date, predicates jsonb)", []any{string(text)},
		`transaction.consumer_id = p.consumer_id AND transaction.account_id = ANY(p.accounts) AND transaction.booking_date BETWEEN p.first_day AND p.last_day AND `+predicates, f, a)
}

// predicates is report.Predicate.Matches in SQL.
const predicates = `EXISTS (SELECT 1 FROM jsonb_to_recordset(p.predicates) AS q("accountIds" bigint[], "from" date, "to" date, status text, transfers boolean, "baseType" text,
		"categoryIds" int[], party text, "minAmount" numeric, "maxAmount" numeric)
	WHERE transaction.account_id = ANY(q."accountIds") AND transaction.booking_date BETWEEN q."from" AND q."to"
		AND coalesce(transaction.status = q.status, true) AND coalesce((transaction.transfer_id IS NOT NULL) = q.transfers, true)
		AND coalesce(transaction.base_type = q."baseType", true) AND coalesce(transaction.category_id = ANY(q."categoryIds"), true)
		AND coalesce(` + party + ` = q.party, true) AND coalesce(transaction.amount >= q."minAmount", true) AND coalesce(transaction.amount <= q."maxAmount", true))`

// party is report.PartyOf in SQL.
const party = `coalesce(nullif(transaction.merchant_name, ''), nullif(transaction.counterparty_name, ''), '')`

// Build is a claimed report.
type Build struct {
	report.Report
	Attempts int
	lease    int64
}

// ClaimReport takes a report for this worker. It is false when there is nothing to do: built, claimed by another, or gone.
func (s *Store) ClaimReport(ctx context.Context, id int64) (b Build, ok bool, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		ok = false
		var row reportRow
		if err := reportLeases.take(ctx, tx, id, "*", &row); err != nil {
			return orNothing(err)
		}
		b, ok = Build{row.Report, row.Attempts, row.Lease}, true
		return nil
	})
	return b, ok, err
}

// forReports is what reports look at of transactions.
var forReports = transactions.without("parts", "description")

// LoadReport reads all that a report looks at, as it is at one moment. Rates are no consumer's: they are read after it.
func (s *Store) LoadReport(ctx context.Context, b Build, d report.Definition) (in report.Input, err error) {
	in = report.Input{Period: b.Period, Limits: b.Limits}
	r := s.Consumer(b.CustomerID, b.ConsumerID).patientReads()
	consumer := r.Consumers([]int64{b.ConsumerID})
	rows := func(text string, values ...any) query {
		var q query
		q.add(strings.ReplaceAll(text, "CHOSEN", "ANY((SELECT account_ids FROM cases WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?)::bigint[])"),
			append([]any{b.CustomerID, b.ConsumerID, b.CustomerID, b.ConsumerID, b.CaseID}, values...)...)
		return q
	}
	r.add(rows("SELECT "+accounts.list()+" FROM accounts WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = CHOSEN ORDER BY id"), func(found answer) (err error) {
		_, in.Accounts, err = accounts.scan(found, false, 8)
		return err
	})
	from, to := d.Needs(b.Period)
	q := rows("SELECT "+forReports.list()+" FROM transactions WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND account_id = CHOSEN AND booking_date >= ?", from.Time())
	if to != nil {
		q.add(" AND booking_date <= ?", to.Time())
	}
	q.add(" LIMIT ?", report.MaxRows+1)
	r.add(q, func(found answer) (err error) {
		_, in.Transactions, err = forReports.scan(found, false, 1024)
		if err == nil && len(in.Transactions) > report.MaxRows { // they came after it was asked for
			err = errors.New("load a report: too many transactions")
		}
		return err
	})
	r.add(rows(`SELECT a.id, (SELECT x.booking_date FROM transactions x WHERE x.customer_id = a.customer_id AND x.consumer_id = a.consumer_id AND x.account_id = a.id
			AND x.status = 'POSTED' ORDER BY x.booking_date, x.id LIMIT 1)
		FROM accounts a WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = CHOSEN`), func(found answer) error {
		in.Oldest = map[int64]bank.Date{}
		for found.Next() {
			v := found.RawValues()
			if v[1] == nil {
				continue
			}
			day, err := date(v[1])
			if err != nil {
				return err
			}
			in.Oldest[whole(v[0])] = day
		}
		return found.Err()
	})
	if d.After {
		// The day of a balance is in no zone before the eve of that in UTC; what else it holds the report knows.
		r.add(rows(`SELECT x.account_id, x.booking_date, sum(CASE x.base_type WHEN 'CREDIT' THEN x.amount ELSE -x.amount END)
			FROM accounts a JOIN transactions x ON x.customer_id = a.customer_id AND x.consumer_id = a.consumer_id AND x.account_id = a.id
				AND x.booking_date >= (a.balance_as_of AT TIME ZONE 'UTC')::date AND x.status = 'POSTED'
			WHERE a.customer_id = (SELECT ?::bigint) AND a.consumer_id = ? AND a.id = CHOSEN AND a.balance IS NOT NULL AND x.booking_date < ?
			GROUP BY x.account_id, x.booking_date ORDER BY x.account_id, x.booking_date`, from.Time()), func(found answer) error {
			in.Earlier = map[int64][]report.Moved{}
			for found.Next() {
				v := found.RawValues()
				day, err := date(v[1])
				if err != nil {
					return err
				}
				sum, err := numeric(v[2])
				if err != nil {
					return err
				}
				account := whole(v[0])
				in.Earlier[account] = append(in.Earlier[account], report.Moved{Day: day, Amount: sum})
			}
			return found.Err()
		})
	}
	if in.Consumer, err = oneOf(ctx, r, consumer, b.ConsumerID, "", "Consumer"); err != nil {
		return in, err
	}
	days := bank.Period{From: from, To: b.Period.To}
	currencies := []bank.Currency{in.Consumer.Currency}
	for _, a := range in.Accounts {
		currencies = append(currencies, a.Currency)
	}
	for _, x := range in.Transactions {
		days.To = max(days.To, x.BookingDate)
	}
	if currencies = unique(currencies); len(currencies) == 1 {
		return in, nil
	}
	err = s.system(ctx, func(tx *Tx) (err error) {
		in.Quotes, err = tx.quotes(ctx, currencies, days)
		return err
	})
	return in, err
}

// FinishReport stores a report's result, and the callback that tells of it, if the report is still this worker's.
func (s *Store) FinishReport(ctx context.Context, b Build, result []byte) error {
	return s.system(ctx, func(tx *Tx) error { return tx.endReport(ctx, b, report.Succeeded, result) })
}

// GiveBackReport returns a report after an error of ours, see again; after the last try it has FAILED.
func (s *Store) GiveBackReport(ctx context.Context, b Build, tried bool) error {
	return s.system(ctx, func(tx *Tx) error {
		if tried && b.Attempts >= reportLeases.tries {
			return tx.endReport(ctx, b, report.Failed, nil)
		}
		return reportLeases.again(ctx, tx, b.ID, b.lease, b.Attempts, tried)
	})
}

func (tx *Tx) endReport(ctx context.Context, b Build, status report.Status, result []byte) error {
	if status == report.Failed {
		tx.dead[deadReport]++
	}
	var text *string
	if result != nil {
		s := string(result)
		text = &s
	}
	done, err := tx.pg.Exec(ctx, "UPDATE reports SET status = $1, result = $2, finished_at = $3, lease_until = NULL WHERE id = $4 AND lease = $5 AND status = 'RUNNING'",
		status, text, tx.now, b.ID, b.lease)
	switch {
	case err != nil:
		return err
	case done.RowsAffected() == 0:
		return ErrLost
	case b.CallbackURL == nil:
		return nil
	}
	return tx.notify(ctx, []callback.Delivery{{CustomerID: b.CustomerID, ConsumerID: b.ConsumerID, Event: callback.ReportFinished, URL: *b.CallbackURL,
		Body: callback.ReportBody(b.CallbackHandle, b.Ref(), string(status))}})
}

// WaitingReports takes up to n reports that should be on the queue. One whose worker died again and again has FAILED.
func (s *Store) WaitingReports(ctx context.Context, n int) (ids []int64, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		var dead []reportRow
		where, values := reportLeases.dead(tx)
		if err := tx.NewSelect().Model(&dead).Where(where, values...).Limit(100).For("UPDATE SKIP LOCKED").Scan(ctx); err != nil {
			return err
		}
		for _, row := range dead {
			if err := tx.endReport(ctx, Build{row.Report, row.Attempts, row.Lease}, report.Failed, nil); err != nil {
				return err
			}
		}
		ids, err = reportLeases.waiting(ctx, tx, n)
		return err
	})
	return ids, err
}

// UnqueuedReports notes that reports could not be put on the queue.
func (s *Store) UnqueuedReports(ctx context.Context, ids []int64) error {
	return s.unqueued(ctx, reportLeases, ids)
}
