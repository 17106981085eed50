package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/category"
)

// TestShoppingWithinAMonth: a period that no complete month fits in.
func TestShoppingWithinAMonth(t *testing.T) {
	b := &book{}
	b.on(giro, "2025-03-09", "-500.00", 201, "REWE") // before
	b.on(giro, "2025-03-12", "-30.00", 201, "REWE")
	b.on(giro, "2025-03-15", "-20.00", 201, "REWE")
	b.on(giro, "2025-03-16", "-7.00", 301, "H&M")
	given := b.input(days("2025-03-10", "2025-03-20"), giro)
	given.Limits = []Limit{limit(Groceries, "40.00", "EUR"), limit(Fashion, "7.00", "EUR"), limit(OtherShop, "0.00", "EUR")}
	s := build[*Shopping](t, TypeShopping, given)
	want(t, s.Total, "57.00 EUR", s.AveragePerMonth, "none", s.Groups[0].Monthly, "50.00", s.Groups[0].AveragePerMonth, "none",
		s.Coverage.Averaged == nil, "true", s.Compared == nil, "true", s.Coverage.Complete, "true",
		len(s.Findings), "1", // seven are not over seven, nothing is not over nothing
		s.Findings[0].Message, "Groceries from 10 to 20 Mar 2025: 50.00 EUR, which is 10.00 EUR (25 %) over the limit of 40.00 EUR a month.",
		s.Findings[0].Period, "2025-03-10 2025-03-20", s.Findings[0].Month, "2025-03-01")
	given.Limits = []Limit{limit(Fashion, "0.00", "EUR"), limit(Groceries, "50.00", "EUR")}
	s = build[*Shopping](t, TypeShopping, given)
	want(t, len(s.Findings), "1", s.Findings[0].ChangePercent, "none",
		s.Findings[0].Message, "Fashion from 10 to 20 Mar 2025: 7.00 EUR, which is 7.00 EUR over the limit of 0.00 EUR a month.")
}

// TestShoppingRefunds: more comes back than is spent, a month has no data, an account no transactions.
func TestShoppingRefunds(t *testing.T) {
	b := &book{}
	b.on(giro, "2025-01-05", "-40.00", 301, "Zalando")
	b.on(giro, "2025-02-03", "60.00", 301, "Zalando")
	b.on(giro, "2025-01-07", "-10.00", 704, "dm")
	b.on(giro, "2025-01-08", "10.00", 705, "Otto")
	s := build[*Shopping](t, TypeShopping, b.input(days("2025-01-01", "2025-03-31"), giro, visa))
	want(t, s.Total, "-20.00 EUR", s.AveragePerMonth, "-10.00 EUR", // of January and February
		s.Groups[0].Amount, "0.00 EUR 0", s.Groups[0].Share, "none",
		s.Groups[1].Amount, "-20.00 EUR 2", s.Groups[1].Share, "none", s.Groups[1].Monthly, "40.00 -60.00 0.00",
		s.Groups[1].Stores, "1 Zalando -20.00 none% 1/2 ", s.Groups[1].Stores[0].RefundTotal, "60.00 EUR",
		s.Groups[2].Amount, "0.00 EUR 2", s.Groups[2].Stores, "1 dm 10.00 none% 1/1 ; 2 Otto -10.00 none% 0/1 ", // bought before
		len(s.Findings), "0", s.Coverage.MonthsWithData, "2", s.Coverage.Months, "3", s.Coverage.Complete, "false",
		s.Accounts[1].FirstDate, "none", s.Accounts[1].TransactionCount, "0",
		s.coverageText(), "Transactions from 5 Jan to 3 Feb 2025, in 2 of 3 months. Visa has none.")
}

// TestShoppingNothingBefore: a group that is new is told from two purchases on, a store never.
func TestShoppingNothingBefore(t *testing.T) {
	b := &book{}
	b.monthly(giro, 2, 1, 12, "-100.00", 201, "REWE")
	b.on(giro, "2025-11-05", "-90.00", 301, "Zara")
	find := func() string {
		for _, x := range build[*Shopping](t, TypeShopping, b.input(year, giro)).Findings {
			if x.Group != nil {
				return fmt.Sprint(x.Message, " ", show(x.ChangePercent), " ", x.Store == nil)
			}
		}
		return ""
	}
	want(t, find(), "")
	b.on(giro, "2025-12-05", "-30.00", 302, "Zara")
	want(t, find(), "Fashion: 40.00 EUR a month from Oct to Dec 2025, and nothing before, refunds taken off, from Jan to Sep 2025. none true")
}

// TestPassedOn: what a payment service passed on is with the shop behind it, since the category's evidence names it.
func TestPassedOn(t *testing.T) {
	b := &book{}
	for i, text := range []string{"PAYPAL *ZALANDO 0815", "ZALANDO SE Berlin", "Zalando Payments GmbH Bestellung 10101"} {
		x := b.on(giro, fmt.Sprintf("2025-01-%02d", i+1), "-10.00", category.None, "")
		x.Description = text
		if i == 0 {
			x.CounterpartyName = new("PayPal Europe S.a.r.l. et Cie S.C.A")
		}
		answer := category.Of(*x)
		x.CategoryID, x.CategorySource, x.MerchantName = answer.Category, answer.Source, &answer.Merchant
	}
	s := build[*Shopping](t, TypeShopping, b.input(year, giro))
	want(t, s.Groups[1].Stores, "1 Zalando 30.00 100.00% 3/3 ")
	for want, x := range map[string]bank.Transaction{
		"Zalando": {MerchantName: new("Zalando"), CounterpartyName: new("PayPal")},
		"PayPal":  {MerchantName: new(""), CounterpartyName: new("PayPal")},
		"":        {CounterpartyName: new("")},
	} {
		if got := PartyOf(x); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestAveraged: which months averages are over.
func TestAveraged(t *testing.T) {
	for name, c := range map[string]struct {
		period bank.Period
		oldest string // of the account, as the caller knows it
		booked string
		want   string
	}{
		"all":                           {year, "", "2025-01-15 2025-12-01", "2025-01-01 2025-12-31"},
		"data begins by the fifteenth":  {year, "", "2025-04-15 2025-12-01", "2025-04-01 2025-12-31"},
		"data begins on the sixteenth":  {year, "", "2025-04-16 2025-12-01", "2025-05-01 2025-12-31"},
		"data began before":             {year, "2024-07-31", "2025-04-16 2025-12-01", "2025-01-01 2025-12-31"},
		"data ends early":               {year, "", "2025-01-02 2025-09-30", "2025-01-01 2025-09-30"},
		"a period within months":        {days("2025-01-02", "2025-04-29"), "", "2025-01-02 2025-04-02", "2025-02-01 2025-03-31"},
		"a quiet month counts":          {year, "", "2025-01-02 2025-04-02", "2025-01-01 2025-04-30"},
		"no complete month":             {days("2025-01-02", "2025-02-27"), "", "2025-01-02 2025-02-02", ""},
		"all in one month's late days":  {year, "", "2025-06-20 2025-06-30", ""},
		"nothing, though there was any": {year, "2024-07-31", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b, got := &book{}, ""
			for _, d := range strings.Fields(c.booked) {
				b.on(giro, d, "-120.00", 201, "REWE")
			}
			given := b.input(c.period, giro, visa)
			if c.oldest != "" {
				given.Oldest = map[int64]bank.Date{10: day(c.oldest)}
			}
			s := build[*Spending](t, TypeSpending, given)
			if s.Coverage.Averaged != nil {
				got = show(*s.Coverage.Averaged)
			}
			if got != c.want || (s.AveragePerMonth == nil) != (c.want == "") {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// many is two years with six thousand shops and three accounts.
func many(n int) Input {
	b := &book{}
	for i := range n {
		b.on([]bank.Account{giro, visa, francs}[i%3], (year.To - bank.Date(i%730)).String(), fmt.Sprintf("-%d.%02d", i%97+1, i%100),
			[]int{201, 301, 701, 501, category.None, 402, 1101}[i%7], fmt.Sprintf("Shop %d", i%6000))
	}
	given := b.input(year, giro, visa, francs)
	given.Quotes = bank.NewQuotes([]bank.Quote{{Currency: "CHF", Day: day("2023-01-01"), Rate: decimal.MustParse("0.94")}})
	return given
}

// Every report can be built of many transactions, and shown.
func TestMany(t *testing.T) {
	given := many(20_000)
	for _, d := range All {
		if doc := d.Doc(Report{}, d.Build(given)); len(doc.Blocks) == 0 {
			t.Errorf("%s is empty", d.Type)
		}
	}
}

// BenchmarkMany is for a look at how the time grows with the transactions: a hundred thousand take well under a second on a
// quiet machine.
func BenchmarkMany(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		given := many(n)
		for _, d := range All {
			b.Run(fmt.Sprintf("%s/%d", d.Type, n), func(b *testing.B) {
				for b.Loop() {
					d.Doc(Report{}, d.Build(given))
				}
			})
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{"0": "0", "12.50": "12.50", "-999.99": "-999.99", "1000": "1,000", "-1234.5": "-1,234.5", "123456789.012": "123,456,789.012"} {
		if got := numberText(decimal.MustParse(in)); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	for in, want := range map[string]string{"12.50": "12.5 %", "100.00": "100 %", "0.00": "0 %", "1234.05": "1,234.05 %"} {
		if got := percentText(new(decimal.MustParse(in))); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	for in, want := range map[string]string{
		"2025-10-01 2025-10-31": "in Oct 2025", "2025-10-01 2025-12-31": "from Oct to Dec 2025", "2024-11-01 2025-01-31": "from Nov 2024 to Jan 2025",
		"2025-10-01 2025-10-15": "from 1 to 15 Oct 2025", "2025-10-01 2025-12-15": "from 1 Oct to 15 Dec 2025", "2024-12-31 2025-01-01": "from 31 Dec 2024 to 1 Jan 2025",
		"2025-10-01 2025-10-01": "on 1 Oct 2025", "2024-02-01 2024-02-29": "in Feb 2024", "2024-02-01 2024-02-28": "from 1 to 28 Feb 2024",
	} {
		from, to, _ := strings.Cut(in, " ")
		if got := spanText(days(from, to)); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	want(t, count(1, "day"), "1 day", count(0, "day"), "0 days", count(1200, "day"), "1,200 days", title(TenureRentsAndOwns), "Rents and owns", title(""), "")
}
