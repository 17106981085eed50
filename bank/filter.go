package bank

import (
	"time"

	"github.com/govalues/decimal"

	"insightgraph/fault"
)

// MaxFilterIDs bounds the lists of a filter.
const MaxFilterIDs = 100

// AccountFilter narrows a list of accounts; nil lists narrow nothing.
type AccountFilter struct {
	Containers []Container
	Statuses   []AccountStatus
}

// TransactionFilter narrows a list of transactions; all given conditions must hold.
type TransactionFilter struct {
	ConsumerIDs []Ref
	AccountIDs  []Ref
	From, To    *Date
	BaseType    *BaseType
	Status      *TransactionStatus
	CategoryIDs []Ref
	Text        *string
	MinAmount   *decimal.Decimal
	MaxAmount   *decimal.Decimal
	Transfers   *bool
	Party       *string // the merchant's name, else the counterparty's, exactly; "" names what has neither
}

// Check says everything that is wrong with a filter.
func (f *TransactionFilter) Check(path string) fault.Many {
	var faults fault.Many
	if f.From != nil && f.To != nil && *f.From > *f.To {
		faults.Add(fault.Invalid(path+".to", "Invalid value for to; it lies before from"))
	}
	if f.MinAmount != nil && f.MaxAmount != nil && f.MinAmount.Cmp(*f.MaxAmount) > 0 {
		faults.Add(fault.Invalid(path+".maxAmount", "Invalid value for maxAmount; it lies below minAmount"))
	}
	faults.Add(CheckIDs(path+".consumerIds", f.ConsumerIDs))
	faults.Add(CheckIDs(path+".accountIds", f.AccountIDs))
	faults.Add(CheckIDs(path+".categoryIds", f.CategoryIDs))
	if f.Text != nil {
		faults.Add(CheckText(path+".text", *f.Text, 2, MaxName))
	}
	if f.Party != nil {
		faults.Add(CheckText(path+".party", *f.Party, 0, MaxName))
	}
	return faults
}

// CheckIDs refuses lists that are too long.
func CheckIDs(path string, ids []Ref) *fault.Error {
	if len(ids) > MaxFilterIDs {
		return fault.New(fault.TooMany, path, "At most %d ids are allowed", MaxFilterIDs)
	}
	return nil
}

// Clock tells the time; tests set their own.
type Clock func() time.Time
