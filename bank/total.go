package bank

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/govalues/decimal"
)

// MonthTotal is what one account's posted transactions of one month add up to. Movements between the
// consumer's own accounts are kept apart.
type MonthTotal struct {
	ConsumerID     int64
	AccountID      int64
	Month          Date
	Credit, Debit  decimal.Decimal
	Count          int // transactions in Credit and Debit
	TransferCredit decimal.Decimal
	TransferDebit  decimal.Decimal
	TransferCount  int
}

// Rate is an exchange rate of a day: one unit of From is Rate units of To.
type Rate struct {
	From   Currency        `json:"from"`
	To     Currency        `json:"to"`
	Day    Date            `json:"day"` // the day it was quoted on, which may lie before the booking date
	Rate   decimal.Decimal `json:"rate"`
	Source string          `json:"source"`
}

// Convert brings totals of single days (MonthTotal.Month is the day) in the accounts' currencies to one currency, each
// at the rate of its day, to nineteen digits, and says which rates it used. missing is the first pair and day without one.
func Convert(days []MonthTotal, currencyOf map[int64]Currency, to Currency, quotes Quotes) (totals []MonthTotal, used []Rate, missing *Rate, err error) {
	type quoted struct {
		from Currency
		day  Date
	}
	known := map[quoted]bool{}
	for _, d := range days {
		from := currencyOf[d.AccountID]
		if from != to {
			rate, ok := quotes.Rate(from, to, d.Month)
			if !ok {
				return nil, nil, &Rate{From: from, To: to, Day: d.Month}, nil
			}
			a, b, _ := quotes.pair(from, to, d.Month)
			for _, amount := range []*decimal.Decimal{&d.Credit, &d.Debit, &d.TransferCredit, &d.TransferDebit} {
				if *amount, err = convert(*amount, b.Rate, a.Rate); err != nil {
					return nil, nil, nil, err
				}
			}
			if k := (quoted{from, rate.Day}); !known[k] {
				known[k] = true
				used = append(used, rate)
			}
		}
		d.Month = d.Month.Month()
		totals = append(totals, d)
	}
	slices.SortFunc(used, func(a, b Rate) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Day, b.Day))
	})
	return totals, used, nil, nil
}

// convert is amount · over / under to nineteen digits. The product is exact: of nearly all amounts in machine words.
func convert(amount, over, under decimal.Decimal) (decimal.Decimal, error) {
	if product, err := amount.MulExact(over, amount.Scale()+over.Scale()); err == nil {
		return product.Quo(under)
	}
	exact := new(big.Rat).Mul(rat(amount), rat(over))
	return decimal.Parse(exact.Quo(exact, rat(under)).FloatString(decimal.MaxScale))
}
