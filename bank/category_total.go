package bank

import "github.com/govalues/decimal"

// CategoryTotal is what the transactions of one category and currency add up to; transfers are not among them.
type CategoryTotal struct {
	CategoryID    int
	Currency      Currency
	Credit, Debit decimal.Decimal
	Count         int
}

// CreditTotal is what came in.
func (c CategoryTotal) CreditTotal() Money { return Money{c.Credit.Pad(c.scale()), c.Currency} }

// DebitTotal is what went out.
func (c CategoryTotal) DebitTotal() Money { return Money{c.Debit.Pad(c.scale()), c.Currency} }

// scale is that of both, so that nothing reads 0.00 where the other side has cents.
func (c CategoryTotal) scale() int { return max(c.Credit.Scale(), c.Debit.Scale()) }
