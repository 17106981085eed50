package report

import (
	"cmp"
	"maps"
	"slices"

	"insightgraph/bank"
	"insightgraph/category"
)

// direction is the sign that makes a sum's own direction positive.
type direction int64

const (
	in  direction = 1
	out direction = -1
)

// sum adds up what went in the direction; what went the other way is taken off.
func (d direction) sum(rows []row) (total int64) {
	for _, r := range rows {
		total += int64(d) * r.minor
	}
	return total
}

// own tells whether a transaction went in the direction, by its base type: an amount of zero goes somewhere too.
func (d direction) own(r row) bool { return (r.BaseType == bank.Credit) == (d == in) }

func (f *facts) amount(d direction, rows []row) Amount {
	return Amount{f.money(d.sum(rows)), len(rows)}
}

// monthly splits a sum into the months of the period.
func (f *facts) monthly(d direction, rows []row) []Month {
	by := map[bank.Date][]row{}
	for _, r := range rows {
		by[r.BookingDate.Month()] = append(by[r.BookingDate.Month()], r)
	}
	split := make([]Month, len(f.months))
	for i, m := range f.months {
		split[i] = Month{m, f.amount(d, by[m])}
	}
	return split
}

// perMonth is the average over the months of Coverage.Averaged; nil without them.
func (f *facts) perMonth(d direction, rows []row) *bank.Money {
	days := f.head.Coverage.Averaged
	if days == nil {
		return nil
	}
	return new(f.money(part(d.sum(between(rows, *days)), months(*days))))
}

// months is how many months a period touches.
func months(p bank.Period) (n int64) {
	for m := p.From.Month(); m <= p.To; m = m.AddMonths(1) {
		n++
	}
	return n
}

func between(rows []row, days bank.Period) []row {
	var some []row
	for _, r := range rows {
		if days.Contains(r.BookingDate) {
			some = append(some, r)
		}
	}
	return some
}

// byCategory splits a sum into categories, the dearest first. key is the category that a transaction's own counts for.
func (f *facts) byCategory(d direction, rows []row, key func(int) int) []CategoryAmount {
	by := map[int][]row{}
	for _, r := range rows {
		k := key(r.CategoryID)
		by[k] = append(by[k], r)
	}
	total := d.sum(rows)
	split := []CategoryAmount{}
	for _, id := range slices.Sorted(maps.Keys(by)) {
		split = append(split, CategoryAmount{id, categoryName(id), f.amount(d, by[id]), percent(d.sum(by[id]), total)})
	}
	slices.SortStableFunc(split, func(a, b CategoryAmount) int { return b.Total.Amount.Cmp(a.Total.Amount) })
	return split
}

func categoryName(id int) string {
	c, _ := category.ByID(id)
	return c.Name
}

// exactly is the category itself, top its first level.
func exactly(id int) int { return id }

func top(id int) int {
	c, _ := category.ByID(id)
	return cmp.Or(c.Parent, id)
}

// unknown is the name of a party that nobody knows.
const unknown = "Unknown"

// parties is the transactions of each party by its name.
func parties(rows []row) map[string][]row {
	by := map[string][]row{}
	for _, r := range rows {
		name := PartyOf(*r.Transaction)
		by[name] = append(by[name], r)
	}
	return by
}

// byParty splits a sum into who was paid, or who paid.
func (f *facts) byParty(d direction, rows []row) []Party {
	by, total := parties(rows), d.sum(rows)
	split := []Party{}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		p := f.party(d, by[name])
		p.Name, p.Unnamed = cmp.Or(name, unknown), name == ""
		p.Amount, p.Share = f.amount(d, by[name]), percent(d.sum(by[name]), total)
		split = append(split, p)
	}
	slices.SortStableFunc(split, func(a, b Party) int {
		switch {
		case a.Unnamed:
			return 1
		case b.Unnamed:
			return -1
		}
		return cmp.Or(cmp.Compare(b.PaymentCount, a.PaymentCount), b.Total.Amount.Cmp(a.Total.Amount))
	})
	for i := range split {
		split[i].Rank = i + 1
	}
	return split
}

// party is what the transactions of one party tell, which come by day.
func (f *facts) party(d direction, rows []row) Party {
	p := Party{FirstDate: rows[0].BookingDate, LastDate: rows[len(rows)-1].BookingDate}
	var paid, back int64
	var days []bank.Date
	for _, r := range rows {
		if r.MerchantName != nil && *r.MerchantName != "" {
			p.Merchant = r.MerchantName
		}
		if d.own(r) {
			p.PaymentCount++
			paid += int64(d) * r.minor
			days = append(days, r.BookingDate)
		} else {
			p.RefundCount++
			back -= int64(d) * r.minor
		}
	}
	if p.PaymentCount > 0 {
		p.AverageAmount = new(f.money(part(paid, int64(p.PaymentCount))))
	}
	p.RefundTotal, p.Interval = f.money(back), rhythm(days)
	return p
}

// kind is a section by its categories.
type kind struct {
	name       string
	categories []int
}

// ofKinds counts both directions of the categories of kinds.
func ofKinds(kinds []kind) scope {
	return func(c category.Category, _ bank.BaseType) Reason {
		for _, k := range kinds {
			if slices.Contains(k.categories, c.ID) {
				return ""
			}
		}
		return apart(c)
	}
}

// apart is why a category that a report is not about does not count.
func apart(c category.Category) Reason {
	switch c.Type {
	case category.Transfer:
		return ReasonTransfer
	case category.Income, category.Expense:
		return ReasonOther
	}
	return ReasonUncategorized
}

// sections are a report's sum, part by part, in the order of kinds.
func (f *facts) sections(d direction, kinds []kind, rows []row) []Section {
	total := d.sum(rows)
	parts := make([]Section, len(kinds))
	for i, k := range kinds {
		own := k.of(rows)
		parts[i] = Section{k.name, k.categories, f.amount(d, own), percent(d.sum(own), total), f.perMonth(d, own),
			f.monthly(d, own), f.byCategory(d, own, exactly), f.byParty(d, own)}
	}
	return parts
}

// of is the rows of the kind's categories.
func (k kind) of(rows []row) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !slices.Contains(k.categories, r.CategoryID) })
}
