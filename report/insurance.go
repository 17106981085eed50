package report

import (
	"fmt"
	"slices"

	"insightgraph/bank"
	"insightgraph/paper"
)

// insurance tells which insurances the consumer has and what each costs.
//
// Counted are both directions of the categories of insurance; premiums that came back are set against theirs. What an
// insurer paid for a damage is not a premium: the category says which it is. Kinds without any transaction are left out.
var insurance = Definition{
	Type:        TypeInsurance,
	Title:       "Insurance",
	Description: "Which insurances there are, with whom, and what each costs.",
	Build:       func(in Input) Result { return buildInsurance(in) },
	empty:       func() Result { return new(Insurance) },
}

var insuranceKinds = []kind{
	{"HEALTH", []int{1101}},
	{"VEHICLE", []int{1102}},
	{"LIFE_AND_PENSION", []int{1103}},
	{"HOME_AND_LIABILITY", []int{1104}},
	{"LEGAL_PROTECTION", []int{1105}},
	{"TRAVEL", []int{1106}},
	{"OTHER", []int{1100, 1107}},
}

// Insurance is the Insurance report.
type Insurance struct {
	Header
	Total           bank.Money  `json:"total"`
	AveragePerMonth *bank.Money `json:"averagePerMonth"`
	Monthly         []Month     `json:"monthly"`
	Insurances      []Section   `json:"insurances"` // Parties are the insurers
}

func buildInsurance(given Input) *Insurance {
	f := read(given, TypeInsurance)
	rows := f.take(ofKinds(insuranceKinds))
	sections := slices.DeleteFunc(f.sections(out, insuranceKinds, rows), func(s Section) bool { return s.TransactionCount == 0 })
	return &Insurance{Header: f.head, Total: f.money(out.sum(rows)), AveragePerMonth: f.perMonth(out, rows), Monthly: f.monthly(out, rows), Insurances: sections}
}

// Sheet shows what insurance costs first, then each kind and its insurers.
func (r *Insurance) Sheet() []paper.Block {
	blocks := []paper.Block{paper.Figures{
		{Label: "Insurance", Value: moneyText(r.Total), Note: averageText(r.AveragePerMonth)},
		{Label: "Kinds", Value: fmt.Sprint(len(r.Insurances))},
	}}
	if r.TransactionCount == 0 {
		return append(blocks, paper.Text("No payments for insurance were booked in this period."))
	}
	blocks = append(blocks, paper.Heading("Which"), sectionTable(r.Insurances, Amount{r.Total, r.TransactionCount}), paper.Heading("With whom"))
	for _, s := range r.Insurances {
		blocks = append(blocks, partyTable(title(s.Kind), "Insurer", s.Parties, s.Amount))
	}
	return append(blocks, r.byMonth(monthList{"Insurance", r.Monthly})...)
}
