package bank

import (
	"math/big"
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

// pair is the quotes of two currencies on a day, each that of the day or the last earlier one. There is none before the
// first quote of a currency.
func (q Quotes) pair(from, to Currency, day Date) (a, b Quote, ok bool) {
	one := Quote{Day: day, Rate: decimal.One}
	a, b = one, one
	if from != euro {
		if a, ok = q.at(from, day); !ok || a.Rate.IsZero() {
			return a, b, false
		}
	}
	if to != euro {
		if b, ok = q.at(to, day); !ok {
			return a, b, false
		}
	}
	return a, b, true
}

// Rate is what one unit of from was worth in to on a day: through EUR, by its pair of quotes. Day is the older of the two.
// It is for showing: the quotient is rounded.
func (q Quotes) Rate(from, to Currency, day Date) (Rate, bool) {
	a, b, ok := q.pair(from, to, day)
	if !ok {
		return Rate{}, false
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

// Factor is the Rate as a fraction, to convert by: an amount times a rounded rate can miss a half.
func (q Quotes) Factor(from, to Currency, day Date) (*big.Rat, bool) {
	a, b, ok := q.pair(from, to, day)
	if !ok {
		return nil, false
	}
	return new(big.Rat).Quo(rat(b.Rate), rat(a.Rate)), true
}
