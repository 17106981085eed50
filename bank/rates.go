package bank

import (
	"slices"

	"github.com/govalues/decimal"
)

// Quote is one day's price of a currency: so many units for one EUR.
type Quote struct {
	Currency Currency
	Day      Date
	Rate     decimal.Decimal
	Source   string
}

// Quotes holds prices by currency, each by day.
type Quotes map[Currency][]Quote

// euro is the base of all quotes.
const euro Currency = "EUR"

// NewQuotes sorts quotes for look-up.
func NewQuotes(all []Quote) Quotes {
	q := Quotes{}
	for _, one := range all {
		q[one.Currency] = append(q[one.Currency], one)
	}
	for _, days := range q {
		slices.SortFunc(days, func(a, b Quote) int { return int(a.Day - b.Day) })
	}
	return q
}

// at is the quote of the day, or of the last earlier day that has one.
func (q Quotes) at(c Currency, day Date) (Quote, bool) {
	days := q[c]
	i, found := slices.BinarySearchFunc(days, day, func(one Quote, d Date) int { return int(one.Day - d) })
	if found {
		return days[i], true
	}
	if i == 0 {
		return Quote{}, false
	}
	return days[i-1], true
}

// Rate is what one unit of from was worth in to on a day: through EUR, each side at the quote of the day or the last
// earlier one. Day is the older of the two quotes. There is none before the first quote of a currency.
func (q Quotes) Rate(from, to Currency, day Date) (Rate, bool) {
	one := Quote{Day: day, Rate: decimal.One}
	a, b := one, one
	var ok bool
	if from != euro {
		if a, ok = q.at(from, day); !ok {
			return Rate{}, false
		}
	}
	if to != euro {
		if b, ok = q.at(to, day); !ok {
			return Rate{}, false
		}
	}
	rate, err := b.Rate.Quo(a.Rate)
	if err != nil {
		return Rate{}, false
	}
	source := a.Source
	if source == "" {
		source = b.Source
	}
	return Rate{From: from, To: to, Day: min(a.Day, b.Day), Rate: rate, Source: source}, true
}

// Convert brings an amount of from into to at the rate, exact to nineteen digits.
func (r Rate) Convert(amount decimal.Decimal) (decimal.Decimal, error) { return amount.Mul(r.Rate) }
