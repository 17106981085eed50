package catalogue_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
)

func spendingAndEarning(t *testing.T) insight.Definition {
	t.Helper()
	d, ok := catalogue.ByName("SPENDING_AND_EARNING_COMPARISON")
	if !ok {
		t.Fatal("not in the catalogue")
	}
	return d
}

// month is a month's total of one account.
func month(account int64, credit, debit string, count int) bank.MonthTotal {
	return bank.MonthTotal{ConsumerID: 2, AccountID: account, Month: bank.NewDate(2021, 10, 1),
		Credit: decimal.MustParse(credit), Debit: decimal.MustParse(debit), Count: count}
}

func moved(m bank.MonthTotal, credit, debit string, count int) bank.MonthTotal {
	m.TransferCredit, m.TransferDebit, m.TransferCount = decimal.MustParse(credit), decimal.MustParse(debit), count
	return m
}

func facts(currency bank.Currency, totals ...bank.MonthTotal) insight.Facts {
	asOf := time.Date(2022, 1, 27, 3, 33, 49, 0, time.UTC)
	return insight.Facts{
		Consumer: bank.Consumer{CustomerID: 1, ID: 2, TimeZone: "UTC", Currency: currency},
		AsOf:     asOf,
		Window:   insight.Window(insight.LastThreeMonths, asOf, time.UTC),
		Settings: insight.Configuration{EntityType: insight.EntityAccount, IsSubscribed: true, Frequency: insight.Monthly, Duration: insight.LastThreeMonths},
		Accounts: []bank.Account{{ConsumerID: 2, ID: 10, Name: "Giro", Container: bank.ContainerBank}, {ConsumerID: 2, ID: 11, Name: "Visa", Container: bank.ContainerCard}},
		Totals:   totals,
	}
}

// The worked example of the seed's page: 279565.71 spent of 86814.02 earned is 322.03 percent.
func TestSeedsExample(t *testing.T) {
	f := facts("USD", moved(month(10, "80000.00", "200000.70", 40), "150.00", "0", 1), month(10, "6814.01", "9565.00", 2), moved(month(11, "0.01", "70000.01", 7), "0", "150.00", 1))
	f.Rates = []bank.Rate{{From: "EUR", To: "USD", Rate: decimal.MustParse("1.1587"), Source: "ECB"}}
	entries, outcome, reason := insight.Evaluate(spendingAndEarning(t), f, "Spending And Earning Comparison")
	if outcome != insight.Generated || reason != "" || len(entries) != 1 {
		t.Fatalf("%s %q, %d entries", outcome, reason, len(entries))
	}
	e, d := entries[0], entries[0].TransactionDerived
	for name, v := range map[string][2]string{
		"creditTotal":          {d.CreditTotal.Amount.String(), "86814.02"},
		"debitTotal":           {d.DebitTotal.Amount.String(), "279565.71"},
		"spentPercent":         {d.SpentPercent.String(), "322.03"},
		"excluded.creditTotal": {d.Excluded.CreditTotal.Amount.String(), "150.00"},
		"excluded.debitTotal":  {d.Excluded.DebitTotal.Amount.String(), "150.00"},
		"currency":             {string(d.DebitTotal.Currency), "USD"},
		"window":               {e.Window.From.String() + " " + e.Window.To.String(), "2021-10-01 2021-12-31"},
		"occurrence":           {e.Occurrence.From.String() + " " + e.Occurrence.To.String(), "2022-01-01 2022-01-31"},
		"subject":              {e.Subject, "user"},
	} {
		if v[0] != v[1] {
			t.Errorf("%s %s, want %s", name, v[0], v[1])
		}
	}
	if d.Count != 49 || d.Excluded.Count != 2 || !slices.Equal(d.Rates, f.Rates) || &d.Rates[0] == &f.Rates[0] {
		t.Errorf("counts %d and %d, rates %v", d.Count, d.Excluded.Count, d.Rates)
	}
	if len(e.Accounts) != 2 || e.Accounts[0].Name != "Giro" || e.Accounts[1].Name != "Visa" {
		t.Errorf("accounts %+v", e.Accounts)
	}
}

func TestSpendingAndEarningTotals(t *testing.T) {
	for name, c := range map[string]struct {
		facts                  insight.Facts
		credit, debit, percent string // empty: the condition is not met
	}{
		"no facts":       {insight.Facts{}, "", "", ""},
		"no totals":      {facts("EUR"), "", "", ""},
		"credits zero":   {facts("EUR", month(10, "0.00", "50.00", 1)), "", "", ""},
		"only transfers": {facts("EUR", moved(month(10, "0", "0", 0), "100.00", "100.00", 2)), "", "", ""},
		"debits zero":    {facts("EUR", month(10, "50", "0", 1)), "50.00", "0.00", "0.00"},
		"half up":        {facts("EUR", month(10, "800.00", "1.00", 2)), "800.00", "1.00", "0.13"},
		"yen":            {facts("JPY", month(10, "3000", "1000", 2)), "3000", "1000", "33.33"},
		"dinar":          {facts("KWD", month(10, "3000.125", "1000.001", 2)), "3000.125", "1000.001", "33.33"},
		"more decimals are added up before rounding": {
			facts("EUR", month(10, "0.0025", "1.00499", 1), month(11, "10.0025", "1.0000001", 1)), "10.01", "2.00", "19.98"},
		"yen of other currencies":             {facts("JPY", month(10, "99.5", "0.4999999999", 1)), "100", "0", "0.00"},
		"nineteen digits":                     {facts("EUR", month(10, "12345678901234.56789", "1", 1), month(11, "0.00000000000000001", "1", 1)), "12345678901234.57", "2.00", "0.00"},
		"less than the smallest coin came in": {facts("EUR", month(10, "0.004", "5", 2)), "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(c.facts.Totals)
			entries, outcome, reason := insight.Evaluate(spendingAndEarning(t), c.facts, "")
			again, _, _ := insight.Evaluate(spendingAndEarning(t), c.facts, "")
			if !reflect.DeepEqual(entries, again) || !slices.Equal(before, c.facts.Totals) {
				t.Error("evaluated twice, it gives another result")
			}
			if c.credit == "" {
				if len(entries) != 0 || outcome != insight.ConditionNotMet || reason != "No credits in the window." {
					t.Errorf("%d entries, %s %q", len(entries), outcome, reason)
				}
				return
			}
			if outcome != insight.Generated {
				t.Fatalf("%s %q", outcome, reason)
			}
			d := entries[0].TransactionDerived
			if got := [3]string{d.CreditTotal.Amount.String(), d.DebitTotal.Amount.String(), d.SpentPercent.String()}; got != [3]string{c.credit, c.debit, c.percent} {
				t.Errorf("%v, want %s %s %s", got, c.credit, c.debit, c.percent)
			}
		})
	}
}

func TestOrderOfTotalsDoesNotMatter(t *testing.T) {
	totals := []bank.MonthTotal{month(10, "0.0005", "1", 1), month(11, "99999999999999.99", "0.3", 2), moved(month(10, "7", "0.33333", 3), "1", "2", 1)}
	want, _, _ := insight.Evaluate(spendingAndEarning(t), facts("EUR", totals...), "")
	for _, order := range [][3]int{{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		got, _, _ := insight.Evaluate(spendingAndEarning(t), facts("EUR", totals[order[0]], totals[order[1]], totals[order[2]]), "")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("order %v: %+v, want %+v", order, got[0].TransactionDerived, want[0].TransactionDerived)
		}
	}
}
