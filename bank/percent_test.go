package bank

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/govalues/decimal"
)

// The quick way to a percentage says the same as fractions do.
func TestPercentFits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	one := func() decimal.Decimal {
		return decimal.MustNew(random.Int64N(int64(math.Pow10(1+random.IntN(18))))-random.Int64N(100), random.IntN(5))
	}
	quick := 0
	for range 20_000 {
		part, whole := one(), one()
		if whole.IsZero() {
			continue
		}
		ratio := new(big.Rat).Quo(Money{Amount: part}.Rat(), Money{Amount: whole}.Rat())
		want := ratio.Mul(ratio, big.NewRat(100, 1)).FloatString(2)
		if got, ok := percent(part, whole); ok {
			quick++
			if want == "-0.00" {
				want = "0.00"
			}
			if got.String() != want {
				t.Fatalf("%s of %s: %s, want %s", part, whole, got, want)
			}
		}
	}
	if quick < 10_000 {
		t.Errorf("only %d were quick", quick)
	}
	if got := Percent(decimal.MustParse("279565.71"), decimal.MustParse("86814.02")); got.String() != "322.03" {
		t.Errorf("%s", got)
	}
	if got := (Money{Amount: decimal.MustParse("-12.50")}).Rat(); got.RatString() != "-25/2" {
		t.Errorf("%s", got)
	}
}
