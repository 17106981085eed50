package report

import (
	"fmt"
	"slices"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/paper"
)

// income tells what comes in, from whom, of what kind and how regularly.
//
// Counted are the categories of type INCOME but cash deposits and refunds, which bring nothing new: these two are apart,
// in NotIncome. A debit in such a category, a salary taken back say, is set against it.
var income = Definition{
	Type:        TypeIncome,
	Title:       "Income",
	Description: "How much comes in, of which kinds, from whom and how regularly.",
	Build:       func(in Input) Result { return buildIncome(in) },
	empty:       func() Result { return new(Income) },
}

// notIncome are the categories of type INCOME that bring nothing new.
var notIncome = []int{108, 109}

func incomeScope(c category.Category, _ bank.BaseType) Reason {
	if c.Type == category.Income && !slices.Contains(notIncome, c.ID) {
		return ""
	}
	return apart(c)
}

// Income is the Income report.
type Income struct {
	Header
	Total           bank.Money       `json:"total"`
	AveragePerMonth *bank.Money      `json:"averagePerMonth"`
	Monthly         []Month          `json:"monthly"`
	Categories      []CategoryAmount `json:"categories"`
	Sources         []Party          `json:"sources"`
	RegularTotal    bank.Money       `json:"regularTotal"` // of the sources with an interval
	RegularShare    *decimal.Decimal `json:"regularShare"` // of Total
	NotIncome       []CategoryAmount `json:"notIncome"`    // cash deposits and refunds; not in Total; shares are of these
}

func buildIncome(given Input) *Income {
	f := read(given, TypeIncome)
	rows := f.take(incomeScope)
	aside := f.pick(func(c category.Category, _ bank.BaseType) Reason {
		if slices.Contains(notIncome, c.ID) {
			return ""
		}
		return apart(c)
	}, f.Period)
	r := &Income{Header: f.head, Total: f.money(inward(rows)), AveragePerMonth: f.perMonth(in, rows), Monthly: f.monthly(in, rows),
		Categories: f.byCategory(in, rows, exactly), Sources: f.byParty(in, rows), NotIncome: f.byCategory(in, aside, exactly)}
	regular := int64(0)
	for _, s := range r.Sources {
		if s.Interval != "" {
			n, _ := minorOf(s.Total.Amount, f.digits)
			regular += n
		}
	}
	r.RegularTotal, r.RegularShare = f.money(regular), percent(regular, inward(rows))
	return r
}

// Sheet shows what comes in a month first, then from whom and of what kind.
func (r *Income) Sheet() []paper.Block {
	blocks := []paper.Block{paper.Figures{
		{Label: "Income", Value: moneyText(r.Total), Note: averageText(r.AveragePerMonth)},
		{Label: "Regular", Value: moneyText(r.RegularTotal), Note: shareText(r.RegularShare, "the income")},
	}}
	if r.TransactionCount == 0 {
		blocks = append(blocks, paper.Text("No income was booked in this period."))
	} else {
		blocks = append(blocks, paper.Heading("From whom"), partyTable("", "Source", r.Sources, r.whole()))
		blocks = append(blocks, r.byMonth(monthList{"Income", r.Monthly})...)
		blocks = append(blocks, paper.Heading("Of what kind"), categoryTable("", r.Categories, r.whole()))
	}
	if len(r.NotIncome) > 0 {
		t := paper.Table{Columns: []paper.Column{{Title: "Category"}, {Title: "Transactions", Number: true}, {Title: "Total", Number: true}}}
		for _, c := range r.NotIncome {
			t.Rows = append(t.Rows, []string{c.Name, fmt.Sprint(c.TransactionCount), moneyText(c.Total)})
		}
		blocks = append(blocks, paper.Heading("Came in, but is no income"), t)
	}
	return blocks
}

func (r *Income) whole() Amount { return Amount{r.Total, r.TransactionCount} }
