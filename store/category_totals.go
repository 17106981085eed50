package store

import "insightgraph/bank"

// categoryTotal is a row of CategoryTotalsOf.
type categoryTotal struct {
	ConsumerID int64
	bank.CategoryTotal
}

var categoryTotals = modelOf[categoryTotal]()

// CategoryTotalsOf queues what consumers' ACTIVE accounts earned and spent in a month by category and currency: what was
// spent most on comes first.
func (r *Reads) CategoryTotalsOf(consumers Parents, month bank.Date) *Found[int64, []bank.CategoryTotal] {
	f := &Found[int64, []bank.CategoryTotal]{rows: map[int64][]bank.CategoryTotal{}}
	var q query
	q.add("SELECT p.consumer_id, x.* FROM ")
	consumers.from(&q)
	q.add(" CROSS JOIN LATERAL (SELECT m.category_id, a.currency, sum(m.credit) AS credit, sum(m.debit) AS debit, sum(m.count)::bigint AS count FROM accounts a" +
		" JOIN category_months m ON m.customer_id = a.customer_id AND m.consumer_id = a.consumer_id AND m.account_id = a.id WHERE ")
	r.t.mine(&q, "a.customer_id", "a.consumer_id")
	q.add(" AND a.consumer_id = p.consumer_id AND a.status = 'ACTIVE' AND m.month = ? AND m.count > 0 GROUP BY 1, 2) AS x ORDER BY x.debit DESC, x.category_id, x.currency",
		month.Month().Time())
	r.add(q, func(rows answer) error {
		_, list, err := categoryTotals.scan(rows, false, 32)
		f.rows = make(map[int64][]bank.CategoryTotal)
		for _, x := range list {
			f.rows[x.ConsumerID] = append(f.rows[x.ConsumerID], x.CategoryTotal)
		}
		return err
	})
	return f
}
