package catalogue

import (
	"math/big"
	"slices"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/insight"
)

// spendingAndEarningComparison compares what went out of all bank and card accounts with what came in, over the last
// three complete months. What only moved between the consumer's own accounts is left out, and shown as excluded.
var spendingAndEarningComparison = insight.Definition{
	Name:        "SPENDING_AND_EARNING_COMPARISON",
	Title:       "Spending And Earning Comparison",
	Description: "Generates an insights that provides the ratio of spending to earning.", // the reference product's words
	Type:        insight.Aggregate,
	Trigger:     insight.OnSchedule,
	Containers:  []bank.Container{bank.ContainerBank, bank.ContainerCard},
	Entities:    []insight.EntityType{insight.EntityAccount},
	Frequency:   insight.Monthly,
	Duration:    insight.LastThreeMonths,
	OnDemand:    true,
	Unmet:       "No credits in the window.",
	Evaluate: func(f insight.Facts) []insight.Finding {
		sum := func(part func(bank.MonthTotal) decimal.Decimal) bank.Money {
			total := bank.Zero(f.Consumer.Currency)
			digits := total.Amount.Scale()
			fractions := new(big.Rat) // converted amounts, which have more decimals than the currency: rounded once, at the end
			for _, t := range f.Totals {
				if a := part(t); a.Scale() > digits {
					fractions.Add(fractions, bank.Money{Amount: a}.Rat())
				} else if added, err := total.Amount.AddExact(a, digits); err == nil {
					total.Amount = added
				} else {
					fractions.Add(fractions, bank.Money{Amount: a}.Rat())
				}
			}
			if fractions.Sign() != 0 {
				total.Amount = bank.RoundConverted(fractions.Add(fractions, total.Rat()), digits)
			}
			return total
		}
		derived := &insight.TransactionDerived{
			CreditTotal: sum(func(t bank.MonthTotal) decimal.Decimal { return t.Credit }),
			DebitTotal:  sum(func(t bank.MonthTotal) decimal.Decimal { return t.Debit }),
			Excluded: insight.Excluded{
				CreditTotal: sum(func(t bank.MonthTotal) decimal.Decimal { return t.TransferCredit }),
				DebitTotal:  sum(func(t bank.MonthTotal) decimal.Decimal { return t.TransferDebit }),
			},
			Rates: slices.Clone(f.Rates),
		}
		if !derived.CreditTotal.Amount.IsPos() {
			return nil
		}
		derived.SpentPercent = bank.Percent(derived.DebitTotal.Amount, derived.CreditTotal.Amount)
		for _, t := range f.Totals {
			derived.Count += t.Count
			derived.Excluded.Count += t.TransferCount
		}
		finding := insight.Finding{Subject: insight.SubjectUser, TransactionDerived: derived}
		for _, a := range f.Accounts {
			finding.AccountIDs = append(finding.AccountIDs, a.ID)
		}
		return []insight.Finding{finding}
	},
}
