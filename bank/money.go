package bank

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/govalues/decimal"

	"insightgraph/fault"
)

// Money is an exact amount in one currency.
type Money struct {
	Amount   decimal.Decimal `json:"amount"`
	Currency Currency        `json:"currency"`
}

// maxWhole bounds a single amount to fifteen digits before the point, so that sums of thousands stay exact.
const maxWhole = 15

// ParseAmount reads a decimal number exactly. Exponents, thousands separators and blanks are refused.
func ParseAmount(field, s string) (decimal.Decimal, *fault.Error) {
	bad := fault.Invalid(field, "Invalid value for %s; use a decimal number such as 12.50", leaf(field))
	if s == "" || strings.Trim(s, "0123456789.-") != "" {
		return decimal.Decimal{}, bad
	}
	d, err := decimal.Parse(s)
	if err != nil || d.Prec()-d.Scale() > maxWhole {
		return decimal.Decimal{}, bad
	}
	if _, fraction, _ := strings.Cut(s, "."); len(strings.TrimRight(fraction, "0")) > d.Scale() {
		return decimal.Decimal{}, bad // more digits than the type keeps: it would be rounded
	}
	return d, nil
}

// Check says whether the amount fits its currency: no more decimals than the currency's minor unit has.
// The result carries exactly that many.
func (m Money) Check(field string) (Money, *fault.Error) {
	digits, known := m.Currency.Digits()
	if !known {
		return m, fault.Invalid(field+".currency", "Invalid value for currency; use an ISO 4217 code such as EUR")
	}
	if m.Amount.MinScale() > digits {
		return m, fault.Invalid(field+".amount", "Invalid value for amount; %s has %d decimals", m.Currency, digits)
	}
	if m.Amount.Prec()-m.Amount.Scale() > maxWhole {
		return m, fault.Invalid(field+".amount", "Invalid value for amount; at most %d digits before the point", maxWhole)
	}
	m.Amount = m.Amount.Rescale(digits)
	return m, nil
}

// Add is the sum of two amounts of one currency.
func (m Money) Add(n Money) (Money, error) {
	if m.Currency != n.Currency {
		return m, fmt.Errorf("add %s to %s", n.Currency, m.Currency)
	}
	sum, err := m.Amount.AddExact(n.Amount, m.Amount.Scale())
	return Money{sum, m.Currency}, err
}

// Zero is nothing in a currency, with the currency's decimals.
func Zero(c Currency) Money {
	digits, _ := c.Digits()
	return Money{decimal.MustNew(0, digits), c}
}

// Percent is part / whole * 100 with two decimals, half up. The whole must not be zero.
func Percent(part, whole decimal.Decimal) decimal.Decimal {
	ratio := new(big.Rat).Quo(rat(part), rat(whole))
	return Round(ratio.Mul(ratio, big.NewRat(100, 1)), 2)
}

// Round brings a fraction to a number of decimals; a half goes away from zero.
// It panics on numbers of more than nineteen digits, which amounts within Money.Check do not reach.
func Round(r *big.Rat, digits int) decimal.Decimal {
	return decimal.MustParse(r.FloatString(digits)) // FloatString rounds halves away from zero
}

func rat(d decimal.Decimal) *big.Rat {
	r, _ := new(big.Rat).SetString(d.String())
	return r
}

// Rat is the amount as a fraction, for exact conversion.
func (m Money) Rat() *big.Rat { return rat(m.Amount) }
