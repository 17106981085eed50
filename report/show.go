package report

import (
	"insightgraph/bank"
	"insightgraph/category"
)

// What the API shows of results. Of a report that has not SUCCEEDED there is only the beginning of the header: what it
// cannot tell yet is nil.

// Pending is the result of a report that is not there yet.
func (d Definition) Pending(period bank.Period) Result {
	r := d.empty()
	h := r.Head()
	h.Type, h.Period = d.Type, period
	return r
}

func shown(m bank.Money) *bank.Money {
	if m.Currency == "" {
		return nil
	}
	return &m
}

// Covered is the coverage.
func (h Header) Covered() *Coverage {
	if h.Coverage.Months == 0 {
		return nil
	}
	return &h.Coverage
}

// WhyLeftOut is nil where the account counts.
func (a Account) WhyLeftOut() *Reason {
	if a.LeftOut == "" {
		return nil
	}
	return &a.LeftOut
}

// Shop is the merchant, nil where none was recognised.
func (p Party) Shop() *bank.Merchant { return (*bank.Merchant)(p.Merchant) }

// Party is what the transactions are found by; see PartyOf.
func (p Party) Party() string {
	if p.Unnamed {
		return ""
	}
	return p.Name
}

// Rhythm is nil where there is none.
func (p Party) Rhythm() *Interval {
	if p.Interval == "" {
		return nil
	}
	return &p.Interval
}

// Category is the category itself.
func (c CategoryAmount) Category() category.Category { return categoryOf(c.CategoryID) }

// Category is that of the latest transaction.
func (s Series) Category() category.Category { return categoryOf(s.CategoryID) }

func categoryOf(id int) category.Category {
	c, ok := category.ByID(id)
	if !ok { // of a newer version of this server
		c, _ = category.ByID(category.None)
	}
	return c
}

// Sum and Earned are the totals.

func (s Shopping) Sum() *bank.Money         { return shown(s.Total) }
func (s Shopping) Earned() *bank.Money      { return shown(s.Income) }
func (i Income) Sum() *bank.Money           { return shown(i.Total) }
func (i Income) Regular() *bank.Money       { return shown(i.RegularTotal) }
func (s Spending) Sum() *bank.Money         { return shown(s.Total) }
func (s Spending) Earned() *bank.Money      { return shown(s.Income) }
func (r RentAndLiving) Sum() *bank.Money    { return shown(r.Total) }
func (r RentAndLiving) Earned() *bank.Money { return shown(r.Income) }
func (i Insurance) Sum() *bank.Money        { return shown(i.Total) }
func (r Recurring) MonthlyIn() *bank.Money  { return shown(r.InPerMonth) }
func (r Recurring) MonthlyOut() *bank.Money { return shown(r.OutPerMonth) }

// Living is nil as long as nobody has looked.
func (r RentAndLiving) Living() *Tenure {
	if r.Tenure == "" {
		return nil
	}
	return &r.Tenure
}

// Span is the days that were looked at.
func (r Recurring) Span() *bank.Period {
	if r.LookedAt == (bank.Period{}) {
		return nil
	}
	return &r.LookedAt
}

// Credits and Debits are the two sides.
func (c CategorizedTransactions) Credits() *Amount { return side(c.In) }
func (c CategorizedTransactions) Debits() *Amount  { return side(c.Out) }

func side(a Amount) *Amount {
	if a.Total.Currency == "" {
		return nil
	}
	return &a
}
