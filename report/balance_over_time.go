package report

import (
	"maps"
	"slices"

	"insightgraph/bank"
	"insightgraph/paper"
)

// balanceOverTime tells what the accounts held at the end of each day. The rules of a day's balance are those of held.
var balanceOverTime = Definition{
	Type:        TypeBalanceOverTime,
	Title:       "Balance over time",
	Description: "The balance of each account and of all together at the end of each day.",
	After:       true,
	Build:       func(in Input) Result { return buildBalanceOverTime(in) },
	empty:       func() Result { return new(BalanceOverTime) },
}

// BalanceOverTime is the Balance Over Time report.
type BalanceOverTime struct {
	Header
	Total  *BalanceLine  `json:"total"` // over the days that all accounts have, in the report's currency; nil without
	Series []BalanceLine `json:"series"`
}

// BalanceLine is a run of days.
type BalanceLine struct {
	Account  *bank.Ref     `json:"account"` // nil: all together
	Currency bank.Currency `json:"currency"`
	Balances []DayBalance  `json:"balances"` // each day of the run
}

// DayBalance is what was there at the end of a day.
type DayBalance struct {
	Date    bank.Date  `json:"date"`
	Balance bank.Money `json:"balance"`
}

func buildBalanceOverTime(given Input) *BalanceOverTime {
	f := order(given, TypeBalanceOverTime, payments, false)
	lines := f.lines()
	f.takeAll()
	b := &BalanceOverTime{Series: []BalanceLine{}}
	for _, l := range lines {
		b.Series = append(b.Series, l.daily(new(l.Ref()), l.Currency))
	}
	if sum, _ := f.together(lines); sum != nil {
		b.Total = new(sum.daily(nil, f.Consumer.Currency))
	}
	b.Header = f.head
	return b
}

func (l *line) daily(account *bank.Ref, c bank.Currency) BalanceLine {
	s := BalanceLine{Account: account, Currency: c}
	for i, n := range l.minor {
		s.Balances = append(s.Balances, DayBalance{l.days.From + bank.Date(i), minorMoney(n, c)})
	}
	return s
}

// Sheet draws a line for each account and one for all together, a chart for each currency, and lists the ends of months.
func (b *BalanceOverTime) Sheet() []paper.Block {
	if len(b.Series) == 0 {
		return []paper.Block{paper.Text("No balance is known of any account in this period.")}
	}
	lines := slices.Clone(b.Series)
	var blocks []paper.Block
	if b.Total != nil {
		all := b.Total.Balances
		first, last := all[0], all[len(all)-1]
		blocks = append(blocks, paper.Figures{
			{Label: "At the beginning", Value: moneyText(first.Balance), Note: dayText(first.Date)},
			{Label: "At the end", Value: moneyText(last.Balance), Note: dayText(last.Date)},
		})
		if len(b.Series) > 1 {
			lines = append(lines, *b.Total)
		}
	}
	currencies := map[bank.Currency]bool{}
	for _, l := range lines {
		currencies[l.Currency] = true
	}
	for _, c := range slices.Sorted(maps.Keys(currencies)) {
		days := bank.Period{From: b.Period.To, To: b.Period.From}
		chart := paper.Chart{Caption: "Balance at the end of each day", Unit: string(c), Line: true}
		ends := paper.Table{Caption: "Balance at the end of each month", Columns: []paper.Column{{Title: "Day"}}}
		var at []map[bank.Date]bank.Money
		for _, l := range lines {
			if l.Currency != c {
				continue
			}
			name, known := "Together", map[bank.Date]bank.Money{}
			if l.Account != nil {
				name = b.account(*l.Account).Name
			}
			for _, x := range l.Balances {
				known[x.Date], days.From, days.To = x.Balance, min(days.From, x.Date), max(days.To, x.Date)
			}
			at = append(at, known)
			chart.Series = append(chart.Series, paper.Series{Name: name})
			ends.Columns = append(ends.Columns, paper.Column{Title: name, Number: true})
		}
		for d := days.From; d <= days.To; d++ {
			chart.Labels = append(chart.Labels, dayText(d))
			row := []string{dayText(d)}
			for i, known := range at {
				m, ok := known[d]
				if !ok {
					row, chart.Series[i].Values = append(row, ""), append(chart.Series[i].Values, nil)
					continue
				}
				row, chart.Series[i].Values = append(row, moneyText(m)), append(chart.Series[i].Values, &m.Amount)
			}
			if d == days.To || d+1 == (d+1).Month() {
				ends.Rows = append(ends.Rows, row)
			}
		}
		blocks = append(blocks, paper.Heading("In "+string(c)), chart, ends)
	}
	return blocks
}
