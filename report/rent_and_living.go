package report

import (
	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/paper"
)

// rentAndLiving tells what the home costs, and whether it is rented or owned.
//
// Counted are both directions of the categories below; what came back, from an energy bill say, is set against its
// section in the month in which it was booked.
var rentAndLiving = Definition{
	Type:        TypeRentAndLiving,
	Title:       "Rent and living",
	Description: "What the home costs: rent or mortgage, energy, maintenance, telecommunication and insurance; and whether it is rented or owned.",
	Build:       func(in Input) Result { return buildRentAndLiving(in) },
	empty:       func() Result { return new(RentAndLiving) },
}

var livingKinds = []kind{
	{"RENT", []int{501}},
	{"MORTGAGE", []int{502}},
	{"ENERGY", []int{503}},
	{"MAINTENANCE", []int{504}},
	{"TELECOMMUNICATION", []int{1001, 1004}},
	{"INSURANCE", []int{1104}},
	{"OTHER", []int{500}}, // housing, but nobody knows what
}

// Tenure is how a consumer lives, as far as payments tell.
type Tenure string

// The tenures.
const (
	TenureRents        Tenure = "RENTS"
	TenureOwns         Tenure = "OWNS"
	TenureRentsAndOwns Tenure = "RENTS_AND_OWNS"
	TenureUnknown      Tenure = "UNKNOWN"
)

// RentAndLiving is the Rent and Living report.
type RentAndLiving struct {
	Header
	Tenure          Tenure           `json:"tenure"` // by which of RENT and MORTGAGE has a total above zero
	Total           bank.Money       `json:"total"`
	AveragePerMonth *bank.Money      `json:"averagePerMonth"`
	Income          bank.Money       `json:"income"`        // in the period on the same accounts
	ShareOfIncome   *decimal.Decimal `json:"shareOfIncome"` // Total of Income
	Monthly         []Month          `json:"monthly"`
	Sections        []Section        `json:"sections"` // all of them, in a fixed order
}

func buildRentAndLiving(given Input) *RentAndLiving {
	f := read(given, TypeRentAndLiving)
	rows := f.take(ofKinds(livingKinds))
	earned := f.pick(incomeScope, f.Period)
	r := &RentAndLiving{Header: f.head, Total: f.money(out.sum(rows)), AveragePerMonth: f.perMonth(out, rows), Income: f.money(inward(earned)),
		ShareOfIncome: percent(out.sum(rows), inward(earned)), Monthly: f.monthly(out, rows), Sections: f.sections(out, livingKinds, rows)}
	rents, owns := r.Sections[0].Total.Amount.IsPos(), r.Sections[1].Total.Amount.IsPos()
	switch {
	case rents && owns:
		r.Tenure = TenureRentsAndOwns
	case rents:
		r.Tenure = TenureRents
	case owns:
		r.Tenure = TenureOwns
	default:
		r.Tenure = TenureUnknown
	}
	return r
}

// Sheet shows what the home takes of the income first, then what for, the months, and to whom.
func (r *RentAndLiving) Sheet() []paper.Block {
	figures := paper.Figures{
		{Label: "Rent and living", Value: moneyText(r.Total), Note: averageText(r.AveragePerMonth)},
		{Label: "The home", Value: tenureNames[r.Tenure], Note: "as payments tell"},
	}
	if r.ShareOfIncome != nil {
		figures = append(figures, paper.Figure{Label: "Of the income", Value: percentText(r.ShareOfIncome), Note: moneyText(r.Income)})
	}
	blocks := []paper.Block{figures}
	if r.TransactionCount == 0 {
		return append(blocks, paper.Text("No payments for a home were booked in this period."))
	}
	blocks = append(blocks, paper.Heading("For what"), sectionTable(r.Sections, Amount{r.Total, r.TransactionCount}))
	blocks = append(blocks, r.byMonth(monthList{"Rent and living", r.Monthly})...)
	blocks = append(blocks, paper.Heading("To whom"))
	for _, s := range r.Sections {
		if s.TransactionCount > 0 {
			blocks = append(blocks, partyTable(title(s.Kind), "Paid to", s.Parties, s.Amount))
		}
	}
	return blocks
}

var tenureNames = map[Tenure]string{TenureRents: "Rented", TenureOwns: "Owned", TenureRentsAndOwns: "Rented and owned", TenureUnknown: "Not known"}
