package report

import "insightgraph/bank"

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
