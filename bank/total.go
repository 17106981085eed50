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
	// The first and the last booking date that Convert used it for. Entries of the first builds do not have them.
	First Date `json:"first,omitempty"`
	Last  Date `json:"last,omitempty"`
}

// BookedFrom is the first booking date that the rate was used for, nil where that is not known.
func (r Rate) BookedFrom() *Date { return known(r.First) }

// BookedTo is the last booking date that the rate was used for, nil where that is not known.
func (r Rate) BookedTo() *Date { return known(r.Last) }

func known(d Date) *Date {
	if d == 0 {
		return nil
	}
	return &d
}

// Used is the one of the rates that Convert used for a booking date; ok is false where it used none.
func Used(rates []Rate, from Currency, day Date) (r Rate, ok bool) {
	for _, one := range rates {
		since, until := one.First, one.Last
		if since == 0 {
			since, until = one.Day, day
		}
		if one.From == from && since <= day && day <= until {
			r, ok = one, true
		}
	}
	return r, ok
}

// Convert brings totals of single days (MonthTotal.Month is the day) in the accounts' currencies to one currency, each
// at the rate of its day, to nineteen digits (see RoundConverted), and says which rates it used. missing is the first pair
// and day without one.
func Convert(days []MonthTotal, currencyOf map[int64]Currency, to Currency, quotes Quotes) (totals []MonthTotal, used []Rate, missing *Rate, err error) {
	type quoted struct {
		from Currency
		a, b Date // of the two quotes: the older one alone is that of many rates where a currency is quoted no longer
	}
	places := map[quoted]int{}
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
			k := quoted{from, a.Day, b.Day}
			if from == euro {
				k.a = 0
			} else if to == euro {
				k.b = 0
			}
			i, any := places[k]
			if !any {
				i, rate.First, rate.Last = len(used), d.Month, d.Month
				places[k], used = i, append(used, rate)
			}
			used[i].First, used[i].Last = min(used[i].First, d.Month), max(used[i].Last, d.Month)
		}
		d.Month = d.Month.Month()
		totals = append(totals, d)
	}
	slices.SortFunc(used, func(a, b Rate) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.First, b.First))
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
