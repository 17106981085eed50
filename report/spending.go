package report

import (
	"fmt"
	"slices"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/paper"
)

// spending tells all that goes out, by category and month.
//
// Counted are the categories of type EXPENSE, where credits are refunds and set against them in the month in which they
// were booked, and debits that nobody could categorise, as a category of their own.
var spending = Definition{
	Type:        TypeSpending,
	Title:       "Spending",
	Description: "What is spent, by category and month, where and how often.",
	Build:       func(in Input) Result { return buildSpending(in) },
	empty:       func() Result { return new(Spending) },
}

func spendingScope(c category.Category, side bank.BaseType) Reason {
	if c.Type == category.Expense || c.Type == category.Uncategorized && side == bank.Debit {
		return ""
	}
	return apart(c)
}

// Spending is the Spending report.
type Spending struct {
	Header
	Total           bank.Money         `json:"total"`
	AveragePerMonth *bank.Money        `json:"averagePerMonth"`
	Income          bank.Money         `json:"income"`        // in the period on the same accounts
	ShareOfIncome   *decimal.Decimal   `json:"shareOfIncome"` // Total of Income
	Monthly         []Month            `json:"monthly"`
	Categories      []SpendingCategory `json:"categories"` // of the first level, the dearest first
	Parties         []Party            `json:"parties"`
}

// SpendingCategory is a category of the first level with what is below it, which it counts too.
type SpendingCategory struct {
	CategoryAmount
	AveragePerMonth *bank.Money      `json:"averagePerMonth"`
	Monthly         []Month          `json:"monthly"`
	Categories      []CategoryAmount `json:"categories"` // shares are of the category above
}

func buildSpending(given Input) *Spending {
	f := read(given, TypeSpending)
	rows := f.take(spendingScope)
	earned := f.pick(incomeScope, f.Period)
	s := &Spending{Header: f.head, Total: f.money(out.sum(rows)), AveragePerMonth: f.perMonth(out, rows), Income: f.money(inward(earned)),
		ShareOfIncome: percent(out.sum(rows), inward(earned)), Monthly: f.monthly(out, rows), Categories: []SpendingCategory{}, Parties: f.byParty(out, rows)}
	for _, c := range f.byCategory(out, rows, top) {
		own := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return top(r.CategoryID) != c.CategoryID })
		s.Categories = append(s.Categories, SpendingCategory{c, f.perMonth(out, own), f.monthly(out, own), f.byCategory(out, own, exactly)})
	}
	return s
}

// Sheet shows the sum beside the income first, then the months, the categories and where.
func (s *Spending) Sheet() []paper.Block {
	figures := paper.Figures{
		{Label: "Spent", Value: moneyText(s.Total), Note: averageText(s.AveragePerMonth)},
		{Label: "Income", Value: moneyText(s.Income)},
	}
	if s.ShareOfIncome != nil {
		figures = append(figures, paper.Figure{Label: "Share of the income", Value: percentText(s.ShareOfIncome)})
	}
	blocks := []paper.Block{figures}
	if s.TransactionCount == 0 {
		return append(blocks, paper.Text("Nothing was spent in this period."))
	}
	if s.Total.Amount.Cmp(s.Income.Amount) > 0 {
		blocks = append(blocks, paper.Notes{{Text: fmt.Sprintf("More was spent than came in as income: %s against %s.", moneyText(s.Total), moneyText(s.Income)), Strong: true}})
	}
	t := paper.Table{Bars: 5, Sums: 1, Columns: []paper.Column{{Title: "Category"}, {Title: "Transactions", Number: true}, {Title: "A month", Number: true},
		{Title: "Total", Number: true}, {Title: "Share, %", Number: true}}}
	var details []paper.Block
	for _, c := range s.Categories {
		t.Rows = append(t.Rows, []string{c.Name, fmt.Sprint(c.TransactionCount), moneyOrNone(c.AveragePerMonth), moneyText(c.Total), barText(c.Share)})
		if len(c.Categories) > 1 {
			details = append(details, categoryTable(c.Name, c.Categories, c.Amount))
		}
	}
	t.Rows = append(t.Rows, []string{"Together", fmt.Sprint(s.TransactionCount), moneyOrNone(s.AveragePerMonth), moneyText(s.Total), ""})
	blocks = append(blocks, paper.Heading("For what"), t)
	blocks = append(blocks, s.byMonth(monthList{"Spent", s.Monthly})...)
	blocks = append(blocks, paper.Heading("Where"), partyTable("", "Paid to", s.Parties, Amount{s.Total, s.TransactionCount}))
	if details != nil {
		blocks = append(append(blocks, paper.Heading("In detail")), details...)
	}
	return blocks
}
