package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/paper"
)

// riskIndicators tells of events that lenders and counsellors ask for. It gives facts and no score.
//
// Each indicator counts both directions of its categories, and adds them up apart: nothing is set against anything. Gambling
// counts winnings as money in. OVERDRAFT is interest paid, and the days on which accounts of the container BANK were below
// zero, by the balances of held.
var riskIndicators = Definition{
	Type:        TypeRiskIndicators,
	Title:       "Risk indicators",
	Description: "Returned payments, debt collection, gambling, seizure and overdraft: how often, how much, when.",
	After:       true,
	Build:       func(in Input) Result { return buildRiskIndicators(in) },
	empty:       func() Result { return new(RiskIndicators) },
}

var riskKinds = []kind{
	{"CHARGEBACKS", []int{1206}},
	{"DEBT_COLLECTION", []int{1205}},
	{"GAMBLING", []int{903, 111}},
	{"SEIZURE", []int{1207}},
	{overdraft, []int{1202}},
}

const overdraft = "OVERDRAFT"

// RiskIndicators is the Risk Indicators report.
type RiskIndicators struct {
	Header
	Present    []string    `json:"present"`    // the kinds of the indicators with a transaction, or an overdraft day
	Indicators []Indicator `json:"indicators"` // all, in a fixed order
}

// Indicator is one kind of event.
type Indicator struct {
	Kind             string           `json:"kind"`
	CategoryIDs      []int            `json:"categoryIds"` // whose transactions it counts, exactly these
	TransactionCount int              `json:"transactionCount"`
	Out              Amount           `json:"out"`           // debits
	In               Amount           `json:"in"`            // credits
	ShareOfIncome    *decimal.Decimal `json:"shareOfIncome"` // Out of the income of the period on the same accounts
	MonthsWithEvents int              `json:"monthsWithEvents"`
	Monthly          []Month          `json:"monthly"` // of Out
	FirstDate        *bank.Date       `json:"firstDate"`
	LastDate         *bank.Date       `json:"lastDate"`
	Parties          []Party          `json:"parties"`   // of Out
	DaysKnown        int              `json:"daysKnown"` // OVERDRAFT: of all accounts, days whose balance is known
	Overdrawn        []Overdrawn      `json:"overdrawn"` // OVERDRAFT: accounts with days below zero
}

// Overdrawn is an account that was below zero.
type Overdrawn struct {
	Account     bank.Ref   `json:"account"`
	Days        int        `json:"days"`
	DaysKnown   int        `json:"daysKnown"` // of so many days whose balance is known
	Lowest      bank.Money `json:"lowest"`
	LowestDate  bank.Date  `json:"lowestDate"`
	LongestDays int        `json:"longestDays"` // the longest run of such days
}

func buildRiskIndicators(given Input) *RiskIndicators {
	f := read(given, TypeRiskIndicators)
	rows := f.take(ofKinds(riskKinds))
	earned := f.pick(incomeScope, f.Period)
	r := &RiskIndicators{Header: f.head, Present: []string{}}
	for _, k := range riskKinds {
		own := k.of(rows)
		credits, debits := split(own, func(row) bool { return true })
		i := Indicator{Kind: k.name, CategoryIDs: k.categories, TransactionCount: len(own), Out: f.amount(out, debits), In: f.amount(in, credits),
			ShareOfIncome: percent(out.sum(debits), inward(earned)), Monthly: f.monthly(out, debits), Parties: f.byParty(out, debits), Overdrawn: []Overdrawn{}}
		last := bank.Date(0)
		for n, r := range own {
			if n == 0 || r.BookingDate.Month() != last {
				i.MonthsWithEvents++
			}
			last = r.BookingDate.Month()
		}
		if len(own) > 0 {
			i.FirstDate, i.LastDate = new(own[0].BookingDate), new(own[len(own)-1].BookingDate)
		}
		if k.name == overdraft {
			i.Overdrawn, i.DaysKnown = f.overdrawn()
		}
		if len(own) > 0 || len(i.Overdrawn) > 0 {
			r.Present = append(r.Present, k.name)
		}
		r.Indicators = append(r.Indicators, i)
	}
	return r
}

// overdrawn is the BANK accounts with days below zero, and of how many days of all of them the balance is known.
func (f *facts) overdrawn() (all []Overdrawn, known int) {
	all = []Overdrawn{}
	for _, a := range f.accounts {
		l := f.held(a)
		if l == nil || a.Container != bank.ContainerBank {
			continue
		}
		known += len(l.minor)
		o := Overdrawn{Account: a.Ref(), DaysKnown: len(l.minor)}
		lowest, run := int64(0), 0
		for i, n := range l.minor {
			if n >= 0 {
				run = 0
				continue
			}
			run++
			o.Days, o.LongestDays = o.Days+1, max(o.LongestDays, run)
			if n < lowest {
				lowest, o.LowestDate = n, l.days.From+bank.Date(i)
			}
		}
		if o.Lowest = minorMoney(lowest, a.Currency); o.Days > 0 {
			all = append(all, o)
		}
	}
	return all, known
}

// Sheet shows what there is first, and says what there is not.
func (r *RiskIndicators) Sheet() []paper.Block {
	figures, notes, unknown := paper.Figures{}, paper.Notes{}, paper.Notes{}
	var none []string
	var parts []paper.Block
	for _, i := range r.Indicators {
		if i.TransactionCount == 0 && len(i.Overdrawn) == 0 {
			if i.Kind == overdraft && i.DaysKnown == 0 {
				unknown = append(unknown, paper.Note{Text: "Whether there was an overdraft is not known, for want of balances."})
				continue
			}
			none = append(none, strings.ToLower(title(i.Kind)))
			continue
		}
		figure := paper.Figure{Label: title(i.Kind), Value: moneyText(i.Out.Total), Note: count(i.TransactionCount, "transaction")}
		if i.TransactionCount == 0 { // no interest, but days below zero
			worst := slices.MaxFunc(i.Overdrawn, func(a, b Overdrawn) int { return cmp.Compare(a.Days, b.Days) })
			figure.Value, figure.Note = count(worst.Days, "day"), "below zero"
		}
		figures = append(figures, figure)
		parts = append(parts, paper.Heading(title(i.Kind)))
		if i.TransactionCount > 0 {
			s := fmt.Sprintf("%s: %s in %d of %s, %s out", title(i.Kind), count(i.TransactionCount, "transaction"), i.MonthsWithEvents, count(len(i.Monthly), "month"), moneyText(i.Out.Total))
			if i.ShareOfIncome != nil && i.Out.TransactionCount > 0 {
				s += fmt.Sprintf(" (%s of the income)", percentText(i.ShareOfIncome))
			}
			if i.In.TransactionCount > 0 {
				s += fmt.Sprintf(", %s in", moneyText(i.In.Total))
			}
			notes = append(notes, paper.Note{Text: s + fmt.Sprintf("; first on %s, last on %s.", dayText(*i.FirstDate), dayText(*i.LastDate)), Strong: true})
		}
		if len(i.Parties) > 0 {
			parts = append(parts, partyTable("Money out", "Paid to", i.Parties, i.Out))
		}
		if len(i.Overdrawn) > 0 {
			t := paper.Table{Caption: "Accounts below zero", Columns: []paper.Column{{Title: "Account"}, {Title: "Days below zero", Number: true}, {Title: "Of known days", Number: true},
				{Title: "Longest run", Number: true}, {Title: "Lowest", Number: true}, {Title: "On"}}}
			for _, o := range i.Overdrawn {
				name := r.account(o.Account).Name
				notes = append(notes, paper.Note{Text: fmt.Sprintf("Overdraft: %s was below zero on %d of %s, at most %s on %s.", name, o.Days, count(o.DaysKnown, "day"), moneyText(o.Lowest), dayText(o.LowestDate)), Strong: true})
				t.Rows = append(t.Rows, []string{name, fmt.Sprint(o.Days), fmt.Sprint(o.DaysKnown), count(o.LongestDays, "day"), moneyText(o.Lowest), dayText(o.LowestDate)})
			}
			parts = append(parts, t)
		}
	}
	if none != nil {
		notes = append(notes, paper.Note{Text: "No signs of: " + strings.Join(none, ", ") + "."})
	}
	notes = append(notes, unknown...)
	blocks := []paper.Block{}
	if len(figures) > 0 {
		blocks = append(blocks, figures)
	}
	return append(append(blocks, paper.Heading("What there is"), notes), parts...)
}
