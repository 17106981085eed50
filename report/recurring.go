package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/paper"
)

// recurring tells what comes or goes again and again.
//
// Looked at are the period and the twelve months before it, so that a yearly payment is seen twice. A series is the
// transactions of one party, in one direction and one currency, whose amounts lie close together: put in order, each is at
// most a fifth larger than the one before. It recurs if it has at least three transactions, or two a half year or more
// apart, and at least four of five of the distances between their days fit one Interval. Series without a transaction
// in the period are left out, transactions of an unknown party too.
var recurring = Definition{
	Type:        TypeRecurring,
	Title:       "Recurring payments",
	Description: "What comes in or goes out regularly: how much, how often, and when next.",
	Before:      12,
	Build:       func(in Input) Result { return buildRecurring(in) },
	empty:       func() Result { return new(Recurring) },
}

// Interval is how often something recurs.
type Interval string

// The intervals.
const (
	Weekly      Interval = "WEEKLY"
	Fortnightly Interval = "FORTNIGHTLY"
	Monthly     Interval = "MONTHLY"
	Quarterly   Interval = "QUARTERLY"
	HalfYearly  Interval = "HALF_YEARLY"
	Yearly      Interval = "YEARLY"
)

// beat is what makes an interval.
type beat struct {
	Interval
	from, to     bank.Date // days between two
	fewest       int       // transactions
	times        int64     // a year
	days, months int       // to the next one
}

var rhythms = []beat{
	{Weekly, 6, 8, 3, 52, 7, 0},
	{Fortnightly, 13, 15, 3, 26, 14, 0},
	{Monthly, 26, 35, 3, 12, 0, 1},
	{Quarterly, 84, 98, 3, 4, 0, 3},
	{HalfYearly, 175, 190, 2, 2, 0, 6},
	{Yearly, 355, 375, 2, 1, 0, 12},
}

// rhythm is the interval of days in ascending order, "" if there is none.
func rhythm(days []bank.Date) Interval {
	for _, r := range rhythms {
		fits := 0
		for i := 1; i < len(days); i++ {
			if gap := days[i] - days[i-1]; r.from <= gap && gap <= r.to {
				fits++
			}
		}
		if len(days) >= r.fewest && fits*5 >= (len(days)-1)*4 {
			return r.Interval
		}
	}
	return ""
}

// Series is something that recurs, in all days looked at. Its transactions are those of its party, direction and currency
// from Smallest to Largest.
type Series struct {
	Party      string           `json:"party"` // the merchant's name, else the counterparty's
	BaseType   bank.BaseType    `json:"baseType"`
	CategoryID int              `json:"categoryId"` // of the latest transaction
	Interval   Interval         `json:"interval"`
	Amount                      // above zero in both directions
	Average    bank.Money       `json:"average"`  // of one transaction, in the account's currency
	Smallest   bank.Money       `json:"smallest"` // likewise
	Largest    bank.Money       `json:"largest"`
	Latest     bank.Money       `json:"latest"`
	PerMonth   bank.Money       `json:"perMonth"` // what it comes to: average times a year / 12, in the report's currency
	FirstDate  bank.Date        `json:"firstDate"`
	LastDate   bank.Date        `json:"lastDate"`
	NextDate   *bank.Date       `json:"nextDate"` // expected; nil if it has ended
	Ended      bool             `json:"ended"`    // at the end of the period it was overdue by more than its interval allows
	Changed    *decimal.Decimal `json:"changed"`  // Latest against the one before it, percent; nil where they are equal
}

// Recurring is the Recurring report. The header's TransactionCount and Used are of all days looked at, its coverage of the
// period.
type Recurring struct {
	Header
	LookedAt    bank.Period `json:"lookedAt"`
	InPerMonth  bank.Money  `json:"inPerMonth"`  // of the series that have not ended
	OutPerMonth bank.Money  `json:"outPerMonth"` // likewise
	Series      []Series    `json:"series"`      // by what they come to a month, the largest first
}

func buildRecurring(given Input) *Recurring {
	f := read(given, TypeRecurring)
	all := func(category.Category, bank.BaseType) Reason { return "" }
	f.take(all)
	r := &Recurring{LookedAt: f.Period, Series: []Series{}}
	if len(f.months) > 0 {
		r.LookedAt.From = max(f.Period.From.AddMonths(-12), firstDay)
	}
	rows := f.pick(all, r.LookedAt)
	f.head.TransactionCount, f.head.Used = len(rows), f.selection(all, r.LookedAt)
	r.Header = f.head

	type key struct {
		currency bank.Currency
		side     bank.BaseType
		party    string
	}
	by, currency := map[key][]row{}, map[int64]bank.Currency{}
	for _, a := range f.accounts {
		currency[a.ID] = a.Currency
	}
	for _, x := range rows {
		if k := (key{currency[x.AccountID], x.BaseType, PartyOf(*x.Transaction)}); k.party != "" && x.minor != 0 {
			by[k] = append(by[k], x)
		}
	}
	keys := slices.SortedFunc(maps.Keys(by), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.party, b.party), cmp.Compare(a.side, b.side), cmp.Compare(a.currency, b.currency))
	})
	var perMonth [2]int64
	for _, k := range keys {
		for _, alike := range clusters(by[k]) {
			s, each, ok := f.series(alike, k.currency)
			if !ok {
				continue
			}
			s.Party, s.BaseType = k.party, k.side
			r.Series = append(r.Series, s)
			if !s.Ended && k.side == bank.Credit {
				perMonth[0] += each
			} else if !s.Ended {
				perMonth[1] += each
			}
		}
	}
	slices.SortStableFunc(r.Series, func(a, b Series) int { return b.PerMonth.Amount.Cmp(a.PerMonth.Amount) })
	r.InPerMonth, r.OutPerMonth = f.money(perMonth[0]), f.money(perMonth[1])
	return r
}

// clusters splits transactions by amount, so that each is at most a fifth larger than the next smaller one.
func clusters(rows []row) [][]row {
	rows = slices.SortedStableFunc(slices.Values(rows), func(a, b row) int { return cmp.Compare(size(a.native), size(b.native)) })
	var groups [][]row
	for i, r := range rows {
		if i == 0 || size(r.native)*5 > size(rows[i-1].native)*6 {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], r)
	}
	for _, g := range groups {
		slices.SortFunc(g, func(a, b row) int { return cmp.Or(cmp.Compare(a.BookingDate, b.BookingDate), cmp.Compare(a.ID, b.ID)) })
	}
	return groups
}

// series is false for transactions that do not recur, or not in the period.
func (f *facts) series(rows []row, c bank.Currency) (s Series, perMonth int64, ok bool) {
	var days []bank.Date
	var total, native, least, most int64
	for _, r := range rows {
		days = append(days, r.BookingDate)
		n := size(r.native)
		if least == 0 || n < least {
			least = n
		}
		total, native, most = total+size(r.minor), native+n, max(most, n)
	}
	last := rows[len(rows)-1]
	s = Series{Interval: rhythm(days), FirstDate: days[0], LastDate: last.BookingDate, CategoryID: last.CategoryID}
	if s.Interval == "" || s.LastDate < f.Period.From {
		return s, 0, false
	}
	s.Amount = Amount{Total: f.money(total), TransactionCount: len(rows)}
	s.Average, s.Smallest, s.Largest, s.Latest = minorMoney(part(native, int64(len(rows))), c), minorMoney(least, c), minorMoney(most, c), minorMoney(size(last.native), c)
	before := size(rows[len(rows)-2].native)
	if n := size(last.native); n != before {
		s.Changed = percent(n-before, before)
	}
	i := slices.IndexFunc(rhythms, func(b beat) bool { return b.Interval == s.Interval })
	perMonth = part(total*rhythms[i].times, int64(len(rows))*12)
	s.PerMonth = f.money(perMonth)
	if s.Ended = s.LastDate+rhythms[i].to < f.Period.To; !s.Ended {
		next := s.LastDate + bank.Date(rhythms[i].days)
		if n := rhythms[i].months; n > 0 { // the same day of the month, or the last if there is none
			first := s.LastDate.AddMonths(n)
			next = min(first+bank.Date(s.LastDate.Time().Day()-1), first.AddMonths(1)-1)
		}
		s.NextDate = &next
	}
	return s, perMonth, true
}

// Sheet shows what comes in and goes out a month first, then both lists, then what has ended.
func (r *Recurring) Sheet() []paper.Block {
	blocks := []paper.Block{paper.Figures{
		{Label: "Comes in regularly", Value: moneyText(r.InPerMonth), Note: "a month"},
		{Label: "Goes out regularly", Value: moneyText(r.OutPerMonth), Note: "a month"},
	}, paper.Text(fmt.Sprintf("Looked at are transactions %s, so that a yearly payment is seen twice.", spanText(r.LookedAt)))}
	table := func(heading, day string, of func(Series) bool) {
		t := paper.Table{Columns: []paper.Column{{Title: "With"}, {Title: "For"}, {Title: "How often"}, {Title: "Latest", Number: true}, {Title: "Change, %", Number: true},
			{Title: "A month", Number: true}, {Title: day}}}
		for _, s := range r.Series {
			if of(s) {
				at := dayOrNone(s.NextDate)
				if s.Ended {
					at = dayText(s.LastDate)
				}
				t.Rows = append(t.Rows, []string{s.Party, categoryName(s.CategoryID), title(s.Interval), moneyText(s.Latest), barText(s.Changed), moneyText(s.PerMonth), at})
			}
		}
		if t.Rows != nil {
			blocks = append(blocks, paper.Heading(heading), t)
		}
	}
	table("Goes out", "Next", func(s Series) bool { return !s.Ended && s.BaseType == bank.Debit })
	table("Comes in", "Next", func(s Series) bool { return !s.Ended && s.BaseType == bank.Credit })
	table("Has ended", "Last", func(s Series) bool { return s.Ended })
	if len(r.Series) == 0 {
		blocks = append(blocks, paper.Text("Nothing recurs, as far as the transactions tell."))
	}
	return blocks
}
