package bank

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/fault"
)

// BaseType is the side of the account that a transaction moves.
type BaseType string

// Credit is money in, Debit is money out.
const (
	Credit BaseType = "CREDIT"
	Debit  BaseType = "DEBIT"
)

// TransactionStatus tells whether the bank has booked it. Only POSTED transactions count.
type TransactionStatus string

// The statuses.
const (
	Posted  TransactionStatus = "POSTED"
	Pending TransactionStatus = "PENDING"
)

// CategorySource tells who or what chose a transaction's category.
type CategorySource string

// The sources, the strongest first.
const (
	SourceUser         CategorySource = "USER"
	SourceCustomerRule CategorySource = "CUSTOMER_RULE"
	SourceMCC          CategorySource = "MCC"
	SourceBankCode     CategorySource = "BANK_CODE"
	SourceBankText     CategorySource = "BANK_TEXT"
	SourceMerchant     CategorySource = "MERCHANT"
	SourceKeyword      CategorySource = "KEYWORD"
	SourceNone         CategorySource = "NONE"
)

// Transaction is one movement on one account. Amount is never negative; BaseType gives the direction.
type Transaction struct {
	CustomerID       int64 `bun:",pk"`
	ConsumerID       int64 `bun:",pk"`
	AccountID        int64
	ID               int64 `bun:",pk,autoincrement"`
	ExternalID       *string
	BaseType         BaseType
	Amount           decimal.Decimal
	Currency         Currency
	BookingDate      Date
	ValueDate        *Date
	Status           TransactionStatus
	Description      string
	CounterpartyName *string
	CounterpartyIBAN *string
	MCC              *string
	CategoryID       int
	CategorySource   CategorySource
	MerchantName     *string
	TransferID       *int64 // the other leg of a movement between the consumer's own accounts
	CreatedAt        time.Time
	ChangedAt        time.Time

	CategoryRule       string  // what fired, such as "merchant zalando"
	CategoryConfidence int     // percent
	BankCode           *string // the bank's word for the kind of booking: ISO 20022 such as PMNT-RCDT-ESCT, or the German GVC
	Parts              []Part  `bun:"type:jsonb,nullzero"` // payments that the bank booked as one
}

// Part is one of the payments that a bank books as one.
type Part struct {
	BaseType         BaseType `json:"baseType"`
	Amount           *Money   `json:"amount,omitempty"` // may be in another currency
	Description      string   `json:"description,omitempty"`
	CounterpartyName *string  `json:"counterpartyName,omitempty"`
	CounterpartyIBAN *string  `json:"counterpartyIban,omitempty"`
}

// Counterparty is who the part goes to or comes from.
func (p Part) Counterparty() *Counterparty {
	if p.CounterpartyName == nil && p.CounterpartyIBAN == nil {
		return nil
	}
	return &Counterparty{p.CounterpartyName, p.CounterpartyIBAN}
}

// Counterparty is who is on the other side.
type Counterparty struct{ Name, IBAN *string }

// Counterparty is nil when nothing is known of the other side.
func (t *Transaction) Counterparty() *Counterparty {
	if t.CounterpartyName == nil && t.CounterpartyIBAN == nil {
		return nil
	}
	return &Counterparty{t.CounterpartyName, t.CounterpartyIBAN}
}

// Merchant is the shop behind a transaction, by its name.
type Merchant string

// Name is what it is called.
func (m Merchant) Name() string { return string(m) }

// Ref names the merchant by its name.
func (m Merchant) Ref() string {
	var name [64]byte // of nearly all; pages have many
	var text [96]byte
	return string(base64.RawURLEncoding.AppendEncode(text[:0], append(append(name[:0], 'n'), m...)))
}

// Merchant is nil when none was recognised.
func (t *Transaction) Merchant() *Merchant { return (*Merchant)(t.MerchantName) }

// Money is the amount with its currency.
func (t *Transaction) Money() Money { return Money{t.Amount, t.Currency} }

// Check says everything that is wrong with a transaction of an account in currency, and completes it:
// a signed amount gives the base type, POSTED is the default, text loses what the database cannot keep.
// Faults name fields below path, such as "transactions.3".
func (t *Transaction) Check(path string, currency Currency) fault.Many {
	var faults fault.Many
	at := func(field string) string { return strings.TrimPrefix(path+"."+field, ".") }
	if t.ExternalID != nil {
		faults.Add(CheckText(at("externalId"), *t.ExternalID, 1, MaxID))
	}
	money, f := t.Money().Check(at("amount"))
	faults.Add(f)
	t.Amount = money.Amount
	if f == nil && t.Currency != currency {
		faults.Add(fault.Invalid(at("amount.currency"), "Invalid value for currency; the account's currency is %s", currency))
	}
	switch {
	case t.BaseType == "" && t.Amount.IsNeg():
		t.BaseType, t.Amount = Debit, t.Amount.Neg()
	case t.BaseType == "":
		t.BaseType = Credit
	case t.BaseType != Credit && t.BaseType != Debit:
		faults.Add(fault.Invalid(at("baseType"), "Invalid value for baseType; Supported values are CREDIT, DEBIT"))
	case t.Amount.IsNeg():
		faults.Add(fault.New(fault.NotAllowed, at("amount.amount"), "A signed amount and baseType cannot be combined"))
	}
	if t.Status == "" {
		t.Status = Posted
	}
	if !slices.Contains([]TransactionStatus{Posted, Pending}, t.Status) {
		faults.Add(fault.Invalid(at("status"), "Invalid value for status; Supported values are POSTED, PENDING"))
	}
	t.Description = strings.ReplaceAll(t.Description, "\x00", "")
	faults.Add(CheckText(at("description"), t.Description, 0, MaxDescription))
	if t.CounterpartyName != nil {
		faults.Add(CheckText(at("counterparty.name"), *t.CounterpartyName, 0, MaxName))
	}
	if t.CounterpartyIBAN != nil {
		iban := strings.ToUpper(strings.ReplaceAll(*t.CounterpartyIBAN, " ", ""))
		faults.Add(CheckText(at("counterparty.iban"), iban, 0, 50)) // other banks' account numbers are kept as they come
		t.CounterpartyIBAN = &iban
	}
	if t.MCC != nil && (len(*t.MCC) != 4 || strings.Trim(*t.MCC, "0123456789") != "") {
		faults.Add(fault.Invalid(at("mcc"), "Invalid value for mcc; use the four digits of ISO 18245"))
	}
	return faults
}

// Path is the field path of a list element.
func Path(list string, i int) string { return fmt.Sprintf("%s.%d", list, i) }
