package report

import (
	"slices"

	"insightgraph/bank"
)

// Selection names the transactions behind a report: those that any of its predicates fits. No two of them fit the same
// one. An empty selection names none.
type Selection []Predicate

// Predicate says which transactions: all conditions must hold, those that are not given hold always.
type Predicate struct {
	AccountIDs  []int64                `json:"accountIds"`            // always given
	From        bank.Date              `json:"from"`                  // first booking date
	To          bank.Date              `json:"to"`                    // last booking date
	Status      bank.TransactionStatus `json:"status"`                // always given
	Transfers   *bool                  `json:"transfers,omitempty"`   // whether TransferID is set
	BaseType    bank.BaseType          `json:"baseType,omitempty"`    // empty: any
	CategoryIDs []int                  `json:"categoryIds,omitempty"` // exactly these, ascending; nil: any
}

// PartyOf is the merchant's name, else the counterparty's name, else "". In SQL:
// coalesce(nullif(merchant_name, ”), nullif(counterparty_name, ”), ”).
func PartyOf(t bank.Transaction) string {
	if t.MerchantName != nil && *t.MerchantName != "" {
		return *t.MerchantName
	}
	if t.CounterpartyName != nil {
		return *t.CounterpartyName
	}
	return ""
}

// Matches tells whether the predicate fits.
func (p Predicate) Matches(t bank.Transaction) bool {
	return slices.Contains(p.AccountIDs, t.AccountID) &&
		p.From <= t.BookingDate && t.BookingDate <= p.To &&
		p.Status == t.Status &&
		(p.Transfers == nil || *p.Transfers == (t.TransferID != nil)) &&
		(p.BaseType == "" || p.BaseType == t.BaseType) &&
		(p.CategoryIDs == nil || slices.Contains(p.CategoryIDs, t.CategoryID))
}

// Matches tells whether the transaction is one of the named.
func (s Selection) Matches(t bank.Transaction) bool {
	return slices.ContainsFunc(s, func(p Predicate) bool { return p.Matches(t) })
}
