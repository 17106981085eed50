package bank

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
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
	if d, ok := parseAmount(s); ok {
		return d, nil
	}
	return decimal.Decimal{}, fault.Invalid(field, "Invalid value for %s; use a decimal number such as 12.50, with at most 15 digits before the point", leaf(field))
}

func parseAmount(s string) (decimal.Decimal, bool) {
	if s == "" || strings.Trim(s, "0123456789.-") != "" {
		return decimal.Decimal{}, false
	}
	d, err := decimal.Parse(s)
	if err != nil || d.Prec()-d.Scale() > maxWhole {
		return decimal.Decimal{}, false
	}
	_, fraction, _ := strings.Cut(s, ".")
	return d, len(strings.TrimRight(fraction, "0")) <= d.Scale() // else it has more digits than the type keeps, and would be rounded
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
	if d, ok := percent(part, whole); ok {
		return d
	}
	ratio := new(big.Rat).Quo(rat(part), rat(whole))
	return Round(ratio.Mul(ratio, big.NewRat(100, 1)), 2)
}

// percent is Percent where all of it fits into machine words, as it does for nearly all amounts: runs ask for many.
func percent(part, whole decimal.Decimal) (decimal.Decimal, bool) {
	scale := max(part.Scale(), whole.Scale())
	part, whole = part.Pad(scale), whole.Pad(scale)
	if part.Scale() != scale || whole.Scale() != scale {
		return decimal.Decimal{}, false
	}
	high, low := bits.Mul64(part.Coef(), 100*100)
	divisor := whole.Coef()
	if high >= divisor {
		return decimal.Decimal{}, false
	}
	quotient, rest := bits.Div64(high, low, divisor)
	if quotient >= math.MaxInt64 {
		return decimal.Decimal{}, false
	}
	if rest >= divisor-rest {
		quotient++
	}
	n := int64(quotient)
	if part.IsNeg() != whole.IsNeg() {
		n = -n
	}
	d, err := decimal.New(n, 2)
	return d, err == nil
}

// Round brings a fraction to a number of decimals; a half goes away from zero.
// It panics on numbers of more than nineteen digits, which amounts within Money.Check do not reach.
func Round(r *big.Rat, digits int) decimal.Decimal {
	d, err := decimal.ParseExact(r.FloatString(digits), digits) // FloatString rounds halves away from zero
	if err != nil {
		panic(err) // not less exact than asked for
	}
	return d
}

// RoundConverted rounds a sum of amounts that Convert converted half up. They are right to nineteen digits, so what lies
// that close below a half is one.
func RoundConverted(sum *big.Rat, digits int) decimal.Decimal {
	slack := new(big.Rat).Mul(sum, big.NewRat(1, 1e18))
	slack.Add(slack, big.NewRat(int64(sum.Sign()), 1e15))
	return Round(slack.Add(slack, sum), digits)
}

func rat(d decimal.Decimal) *big.Rat {
	n := new(big.Int).SetUint64(d.Coef())
	if d.IsNeg() {
		n.Neg(n)
	}
	if d.Scale() == 0 {
		return new(big.Rat).SetInt(n)
	}
	return new(big.Rat).SetFrac(n, powers[d.Scale()])
}

// powers are those of ten that an amount's scale can name.
var powers = func() (list [decimal.MaxScale + 1]*big.Int) {
	for i := range list {
		list[i] = new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(i)), nil)
	}
	return list
}()

// Rat is the amount as a fraction, for exact conversion.
func (m Money) Rat() *big.Rat { return rat(m.Amount) }
