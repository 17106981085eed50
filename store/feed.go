package store

import (
	"cmp"
	"context"
	"encoding/json"
	"math/big"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/page"
)

var entries = kind[insight.Entry]{
	model: modelOf[insight.Entry](), table: "feed_entries", alias: "entry",
	order: order{column: "entry.created_at", kind: "timestamptz", id: "entry.id"},
	compare: func(a, b *insight.Entry) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	},
	cursor: func(e insight.Entry) page.Cursor {
		return page.Cursor{Key: page.MomentKey(e.CreatedAt), ID: e.ID}
	},
	owner: func(e *insight.Entry) int64 { return e.ConsumerID },
}

// FeedOf queues the feed entries of consumers, the newest first.
func (r *Reads) FeedOf(consumers Parents, f insight.FeedFilter, a page.Args) *Lists[insight.Entry] {
	return lists(r, &entries, consumers, a, func(q *query) { r.t.feed(q, consumers, f) })
}

// Feed queues a page of the tenant's feed entries.
func (r *Reads) Feed(f insight.FeedFilter, a page.Args) *Lists[insight.Entry] {
	return r.FeedOf(Parents{}, f, a)
}

// EntriesByRef queues feed entries; unknown ones are left out.
func (r *Reads) EntriesByRef(refs []bank.Ref) *Found[bank.Ref, insight.Entry] {
	return byRef(r, &entries, bank.KindEntry, refs)
}

// feed writes the conditions of a filter on feed entries of parents.
func (t Tenant) feed(q *query, of Parents, f insight.FeedFilter) {
	t.ofAll(q, "entry", of.from == nil && f.ConsumerIDs == nil)
	q.sifts = q.sifts || len(f.ConsumerIDs) > 1 // all of theirs are sorted
	if f.ConsumerIDs != nil {
		q.among("entry.consumer_id", t.numbers(f.ConsumerIDs, bank.KindConsumer))
	}
	if f.InsightNames != nil {
		q.sift(" AND entry.insight = ANY(?::text[])", f.InsightNames)
	}
	if f.InsightType != nil {
		q.sift(" AND entry.type = ?", *f.InsightType)
	}
	if f.TriggerType != nil {
		q.sift(" AND entry.trigger = ?", *f.TriggerType)
	}
	if f.EntityIDs != nil {
		ids := []string{}
		for _, ref := range f.EntityIDs {
			ids = append(ids, ref.String())
		}
		q.sift(" AND EXISTS (SELECT 1 FROM jsonb_array_elements(entry.accounts) e WHERE e->>'id' = ANY(?::text[]))", ids)
	}
	if f.CreatedFrom != nil {
		q.add(" AND entry.created_at >= ?", *f.CreatedFrom)
	}
	if f.CreatedTo != nil {
		q.add(" AND entry.created_at <= ?", *f.CreatedTo)
	}
}

// Feed lists feed entries, the newest first.
func (t Tenant) Feed(ctx context.Context, f insight.FeedFilter, a page.Args) (*page.Of[insight.Entry], error) {
	r := t.Reads()
	return only(ctx, r, r.Feed(f, a))
}

// Entry finds one feed entry.
func (t Tenant) Entry(ctx context.Context, ref bank.Ref) (e insight.Entry, err error) {
	r := t.Reads()
	return oneOf(ctx, r, r.EntriesByRef([]bank.Ref{ref}), ref, "", "Feed entry")
}

// EntriesByRef finds many feed entries; unknown ones are left out.
func (t Tenant) EntriesByRef(ctx context.Context, refs []bank.Ref) (map[bank.Ref]insight.Entry, error) {
	r := t.Reads()
	found := r.EntriesByRef(refs)
	err := r.Send(ctx)
	return found.Map(), err
}

// behind is the days and accounts of entries as columns: what EntryTransactions and ChangedSince look at.
func behind(entries []insight.Entry) (parents string, args []any) {
	type row struct {
		N        int       `json:"n"`
		Consumer int64     `json:"consumer_id"`
		Accounts []int64   `json:"accounts"`
		From     bank.Date `json:"window_from"`
		To       bank.Date `json:"window_to"`
	}
	rows := make([]row, len(entries))
	for i, e := range entries {
		rows[i] = row{N: i + 1, Consumer: e.ConsumerID, Accounts: []int64{}, From: e.Window.From, To: e.Window.To}
		for _, a := range e.Accounts {
			rows[i].Accounts = append(rows[i].Accounts, a.ID.ID)
		}
	}
	text, _ := json.Marshal(rows)
	return "jsonb_to_recordset(?::jsonb) AS p(n int, consumer_id bigint, accounts bigint[], window_from date, window_to date)", []any{string(text)}
}

// EntryTransactions lists the transactions behind the numbers of entries as they are now, the newest first: those that
// count, of the accounts and days of the entry. One page per entry, in one statement.
func (t Tenant) EntryTransactions(ctx context.Context, of []insight.Entry, a page.Args) ([]*page.Of[bank.Transaction], error) {
	parents, args := behind(of)
	no, posted := false, bank.Posted
	return t.transactionsOf(ctx, len(of), parents, args,
		`transaction.consumer_id = p.consumer_id AND transaction.account_id = ANY(p.accounts) AND transaction.booking_date BETWEEN p.window_from AND p.window_to`,
		bank.TransactionFilter{Transfers: &no, Status: &posted}, a)
}

// ChangedSince tells for each entry whether the transactions behind it no longer add up to what it says: from the monthly
// totals where it is over whole months, else from the transactions, whose amounts are converted at the rates that it keeps:
// a quotation that came later changes no transaction.
func (t Tenant) ChangedSince(ctx context.Context, of []insight.Entry) ([]bool, error) {
	var months, days []insight.Entry
	places := [2][]int{}
	for i, e := range of {
		switch d := e.TransactionDerived; {
		case d == nil:
		case len(d.Rates) == 0 && e.Window.From.Month() == e.Window.From && (e.Window.To+1).Month() == e.Window.To+1:
			months, places[0] = append(months, e), append(places[0], i)
		default:
			days, places[1] = append(days, e), append(places[1], i)
		}
	}
	changed := make([]bool, len(of))
	err := t.in(ctx, func(tx *Tx) error {
		for kind, some := range [][]insight.Entry{months, days} {
			if len(some) == 0 {
				continue
			}
			sums, err := tx.sumsBehind(ctx, t, some, kind == 1)
			if err != nil {
				return err
			}
			for i, e := range some {
				changed[places[kind][i]] = differs(*e.TransactionDerived, sums[i])
			}
		}
		return nil
	})
	return changed, err
}

// daySum is what counts on one account and day, or month.
type daySum struct {
	N             int
	AccountID     int64
	Currency      bank.Currency
	Month         bank.Date
	Credit, Debit decimal.Decimal
	Count         int
}

// sumsBehind sums what counts behind each entry, by month or by day.
func (tx *Tx) sumsBehind(ctx context.Context, t Tenant, of []insight.Entry, byDay bool) ([][]daySum, error) {
	parents, args := behind(of)
	q := tx.NewSelect().TableExpr(parents, args...)
	if byDay {
		q = q.ColumnExpr(`p.n, t.account_id, t.currency, t.booking_date AS month, coalesce(sum(t.amount) FILTER (WHERE t.base_type = 'CREDIT'), 0) AS credit,
				coalesce(sum(t.amount) FILTER (WHERE t.base_type = 'DEBIT'), 0) AS debit, count(*) AS count`).
			Join("JOIN transactions t ON t.customer_id = (SELECT ?::bigint) AND t.consumer_id = p.consumer_id AND t.account_id = ANY(p.accounts) AND t.booking_date BETWEEN p.window_from AND p.window_to", t.customerID).
			Where("t.status = 'POSTED' AND t.transfer_id IS NULL").Apply(t.own("t.consumer_id")).GroupExpr("1, 2, 3, 4")
	} else {
		q = q.ColumnExpr("p.n, m.account_id, a.currency, m.month, m.credit, m.debit, m.count").
			Join("JOIN account_months m ON m.customer_id = (SELECT ?::bigint) AND m.consumer_id = p.consumer_id AND m.account_id = ANY(p.accounts) AND m.month BETWEEN p.window_from AND p.window_to", t.customerID).
			Join("JOIN accounts a ON a.customer_id = m.customer_id AND a.consumer_id = m.consumer_id AND a.id = m.account_id").Apply(t.own("m.consumer_id"))
	}
	var rows []daySum
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, err
	}
	sums := make([][]daySum, len(of))
	for _, r := range rows {
		sums[r.N-1] = append(sums[r.N-1], r)
	}
	return sums, nil
}

// differs tells whether sums are not what an entry says.
func differs(d insight.TransactionDerived, sums []daySum) bool {
	credit, debit, count := new(big.Rat), new(big.Rat), 0
	for _, s := range sums {
		rate := bank.Rate{Rate: decimal.One}
		if s.Currency != d.CreditTotal.Currency && s.Count > 0 { // a month can be left with nothing, or with transfers only
			var used bool
			if rate, used = bank.Used(d.Rates, s.Currency, s.Month); !used {
				return true // nothing was booked on that day
			}
		}
		factor := bank.Money{Amount: rate.Rate}.Rat()
		for sum, amount := range map[*big.Rat]decimal.Decimal{credit: s.Credit, debit: s.Debit} {
			sum.Add(sum, new(big.Rat).Mul(bank.Money{Amount: amount}.Rat(), factor))
		}
		count += s.Count
	}
	is := func(sum *big.Rat, m bank.Money) bool {
		return bank.RoundConverted(sum, m.Amount.Scale()).Equal(m.Amount)
	}
	return count != d.Count || !is(credit, d.CreditTotal) || !is(debit, d.DebitTotal)
}
