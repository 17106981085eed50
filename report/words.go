package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/paper"
)

// numberText writes 1234.50 as 1,234.50.
func numberText(d decimal.Decimal) string {
	sign, digits := "", d.String()
	if d.IsNeg() {
		sign, digits = "-", digits[1:]
	}
	whole, fraction, found := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if found {
		whole += "." + fraction
	}
	return sign + whole
}

func moneyText(m bank.Money) string { return numberText(m.Amount) + " " + string(m.Currency) }

func moneyOrNone(m *bank.Money) string {
	if m == nil {
		return ""
	}
	return moneyText(*m)
}

// averageText is what stands beside a sum.
func averageText(m *bank.Money) string {
	if m == nil {
		return ""
	}
	return moneyText(*m) + " a month"
}

// percentText writes 12.50 as 12.5 %.
func percentText(d *decimal.Decimal) string { return numberText(d.Trim(0)) + " %" }

func shareText(d *decimal.Decimal, of string) string {
	if d == nil {
		return ""
	}
	return percentText(d) + " of " + of
}

// barText is a share as paper.Table.Bars wants it.
func barText(d *decimal.Decimal) string {
	if d == nil {
		return ""
	}
	return d.String()
}

func dayText(d bank.Date) string { return d.Time().Format("2 Jan 2006") }

func dayOrNone(d *bank.Date) string {
	if d == nil {
		return ""
	}
	return dayText(*d)
}

func monthText(d bank.Date) string { return d.Time().Format("Jan 2006") }

// spanText says when: "in Oct 2025", "from Oct to Dec 2025", "from 1 to 15 Oct 2025", "on 1 Oct 2025".
func spanText(p bank.Period) string {
	whole := p.From == p.From.Month() && p.To+1 == p.To.AddMonths(1)
	a, b := p.From.Time(), p.To.Time()
	sameMonth, sameYear := p.From.Month() == p.To.Month(), a.Year() == b.Year()
	switch {
	case p.From == p.To:
		return "on " + dayText(p.From)
	case whole && sameMonth:
		return "in " + monthText(p.From)
	case whole && sameYear:
		return "from " + a.Format("Jan") + " to " + monthText(p.To)
	case whole:
		return "from " + monthText(p.From) + " to " + monthText(p.To)
	case sameMonth:
		return "from " + a.Format("2") + " to " + dayText(p.To)
	case sameYear:
		return "from " + a.Format("2 Jan") + " to " + dayText(p.To)
	}
	return "from " + dayText(p.From) + " to " + dayText(p.To)
}

// within is the days of a month that lie in a period.
func within(month bank.Date, p bank.Period) bank.Period {
	return bank.Period{From: max(month, p.From), To: min(month.AddMonths(1)-1, p.To)}
}

// count is "1 month" or "2 months".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return numberText(decimal.MustNew(int64(n), 0)) + " " + what + "s"
}

// title writes LIFE_AND_PENSION as "Life and pension".
func title[T ~string](kind T) string {
	if kind == "" {
		return ""
	}
	words := strings.ToLower(strings.ReplaceAll(string(kind), "_", " "))
	return strings.ToUpper(words[:1]) + words[1:]
}

// monthList is a sum by month under a name.
type monthList struct {
	name   string
	months []Month
}

// byMonth is a chart and a table of sums by month; nothing for a single month.
func (h *Header) byMonth(lists ...monthList) []paper.Block {
	if len(lists) == 0 || len(lists[0].months) < 2 {
		return nil
	}
	chart := paper.Chart{Unit: string(h.Currency)}
	table := paper.Table{Columns: []paper.Column{{Title: "Month"}}, Sums: 1}
	sums := make([]bank.Money, len(lists)+1)
	for i := range sums {
		sums[i] = bank.Zero(h.Currency)
	}
	for i, l := range lists {
		series := paper.Series{Name: l.name}
		for _, m := range l.months {
			series.Values = append(series.Values, &m.Total.Amount)
			sums[i] = plus(sums[i], m.Total)
		}
		sums[len(lists)] = plus(sums[len(lists)], sums[i])
		chart.Series = append(chart.Series, series)
		table.Columns = append(table.Columns, paper.Column{Title: l.name, Number: true})
	}
	if len(lists) > 1 {
		table.Columns = append(table.Columns, paper.Column{Title: "Together", Number: true})
	}
	for i, m := range lists[0].months {
		days := within(m.Month, h.Period)
		name := monthText(m.Month)
		if days.Days() < int(m.Month.AddMonths(1)-m.Month) {
			name += fmt.Sprintf(" (%d to %d)", days.From.Time().Day(), days.To.Time().Day())
		}
		chart.Labels = append(chart.Labels, monthText(m.Month))
		row, sum := []string{name}, bank.Zero(h.Currency)
		for _, l := range lists {
			row, sum = append(row, moneyText(l.months[i].Total)), plus(sum, l.months[i].Total)
		}
		if len(lists) > 1 {
			row = append(row, moneyText(sum))
		}
		table.Rows = append(table.Rows, row)
	}
	row := []string{"Together"}
	for _, sum := range sums[:len(table.Columns)-1] {
		row = append(row, moneyText(sum))
	}
	table.Rows = append(table.Rows, row)
	blocks := []paper.Block{paper.Heading("Month by month"), chart, table}
	if a := h.Coverage.Averaged; a != nil && *a != h.Period {
		blocks = append(blocks, paper.Text(fmt.Sprintf("Averages a month are of the %s %s: the complete ones with data.", count(int(months(*a)), "month"), spanText(*a))))
	}
	return blocks
}

// plus adds amounts of one report, which cannot grow too large; see maxSum.
func plus(a, b bank.Money) bank.Money {
	sum, err := a.Add(b)
	if err != nil {
		return a
	}
	return sum
}

// mostRows is how long a table on paper is at most; what is beyond is one row.
const mostRows = 25

// partyTable lists who was paid, or who paid: stores by their rank, others by what they come to, so that a long list ends
// with what matters least. Columns that would be empty are left out.
func partyTable(caption, who string, all []Party, whole Amount) paper.Table {
	payments, rank := "Purchases", func(p Party) string { return fmt.Sprint(p.Rank) }
	if who != "Store" {
		payments, rank = "Payments", func(Party) string { return "" }
		all = slices.SortedStableFunc(slices.Values(all), func(a, b Party) int { return b.Total.Amount.Cmp(a.Total.Amount) })
	}
	columns := []struct {
		paper.Column
		of func(Party) string
	}{
		{paper.Column{Title: "#", Number: true}, rank},
		{paper.Column{Title: who}, func(p Party) string { return p.Name }},
		{paper.Column{Title: payments, Number: true}, func(p Party) string { return fmt.Sprint(p.PaymentCount) }},
		{paper.Column{Title: "Total", Number: true}, func(p Party) string { return moneyText(p.Total) }},
		{paper.Column{Title: "Share, %", Number: true}, func(p Party) string { return barText(p.Share) }},
		{paper.Column{Title: "Average", Number: true}, func(p Party) string { return moneyOrNone(p.AverageAmount) }},
		{paper.Column{Title: "Came back", Number: true}, func(p Party) string {
			if p.RefundCount == 0 {
				return ""
			}
			return moneyText(p.RefundTotal)
		}},
		{paper.Column{Title: "How often"}, func(p Party) string { return title(p.Interval) }},
		{paper.Column{Title: "First"}, func(p Party) string { return dayText(p.FirstDate) }},
		{paper.Column{Title: "Last"}, func(p Party) string { return dayText(p.LastDate) }},
	}
	t := paper.Table{Caption: caption, Sums: 1, Rows: make([][]string, min(len(all), mostRows))}
	rest, restCount, total := Amount{Total: bank.Zero(whole.Total.Currency)}, 0, 0
	for i, p := range all {
		total += p.PaymentCount
		if i >= mostRows {
			rest.Total, restCount = plus(rest.Total, p.Total), restCount+p.PaymentCount
		}
	}
	more, sum := []string(nil), []string(nil)
	for _, c := range columns {
		if !slices.ContainsFunc(all, func(p Party) bool { return c.of(p) != "" }) {
			continue
		}
		t.Columns = append(t.Columns, c.Column)
		for i := range t.Rows {
			t.Rows[i] = append(t.Rows[i], c.of(all[i]))
		}
		switch c.Title {
		case who:
			more, sum = append(more, fmt.Sprintf("%d others", len(all)-mostRows)), append(sum, "Together")
		case payments:
			more, sum = append(more, fmt.Sprint(restCount)), append(sum, fmt.Sprint(total))
		case "Total":
			more, sum = append(more, moneyText(rest.Total)), append(sum, moneyText(whole.Total))
		default:
			if c.Title == "Share, %" {
				t.Bars = len(t.Columns)
			}
			more, sum = append(more, ""), append(sum, "")
		}
	}
	if len(all) > mostRows {
		t.Rows = append(t.Rows, more)
	}
	t.Rows = append(t.Rows, sum)
	return t
}

// categoryTable is a sum by category.
func categoryTable(caption string, all []CategoryAmount, whole Amount) paper.Table {
	t := paper.Table{Caption: caption, Bars: 4, Sums: 1,
		Columns: []paper.Column{{Title: "Category"}, {Title: "Transactions", Number: true}, {Title: "Total", Number: true}, {Title: "Share, %", Number: true}}}
	for _, c := range all {
		t.Rows = append(t.Rows, []string{c.Name, fmt.Sprint(c.TransactionCount), moneyText(c.Total), barText(c.Share)})
	}
	t.Rows = append(t.Rows, []string{"Together", fmt.Sprint(whole.TransactionCount), moneyText(whole.Total), ""})
	return t
}

// sectionTable is a sum by its sections; those without a transaction are left out.
func sectionTable(all []Section, whole Amount) paper.Table {
	t := paper.Table{Bars: 5, Sums: 1, Columns: []paper.Column{{Title: "Kind"}, {Title: "Transactions", Number: true}, {Title: "A month", Number: true},
		{Title: "Total", Number: true}, {Title: "Share, %", Number: true}}}
	for _, s := range all {
		if s.TransactionCount > 0 {
			t.Rows = append(t.Rows, []string{title(s.Kind), fmt.Sprint(s.TransactionCount), moneyOrNone(s.AveragePerMonth), moneyText(s.Total), barText(s.Share)})
		}
	}
	t.Rows = append(t.Rows, []string{"Together", fmt.Sprint(whole.TransactionCount), "", moneyText(whole.Total), ""})
	return t
}
