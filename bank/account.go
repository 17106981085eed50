package bank

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/fault"
)

// Container is the kind of an account.
type Container string

// The containers.
const (
	ContainerBank             Container = "BANK"
	ContainerCard             Container = "CARD"
	ContainerInvestment       Container = "INVESTMENT"
	ContainerLoan             Container = "LOAN"
	ContainerInsurance        Container = "INSURANCE"
	ContainerRealEstate       Container = "REAL_ESTATE"
	ContainerOtherAssets      Container = "OTHER_ASSETS"
	ContainerOtherLiabilities Container = "OTHER_LIABILITIES"
)

// Containers lists all containers.
var Containers = []Container{ContainerBank, ContainerCard, ContainerInvestment, ContainerLoan, ContainerInsurance,
	ContainerRealEstate, ContainerOtherAssets, ContainerOtherLiabilities}

// AccountStatus tells whether an account takes part in insights: only ACTIVE ones do.
type AccountStatus string

// The statuses.
const (
	AccountActive   AccountStatus = "ACTIVE"
	AccountInactive AccountStatus = "INACTIVE"
	AccountClosed   AccountStatus = "CLOSED"
)

// AccountStatuses lists all statuses.
var AccountStatuses = []AccountStatus{AccountActive, AccountInactive, AccountClosed}

// Account is one account of one consumer. All its transactions are in its currency.
type Account struct {
	CustomerID   int64 `bun:",pk"`
	ConsumerID   int64 `bun:",pk"`
	ID           int64 `bun:",pk,autoincrement"`
	ExternalID   *string
	Container    Container
	Type         string // CHECKING, SAVINGS, …; free text in capitals, OTHER when unknown
	Name         string
	ProviderName string
	Status       AccountStatus
	Currency     Currency
	IBAN         *string
	Balance      *decimal.Decimal
	BalanceAsOf  *time.Time
	CreditLimit  *decimal.Decimal
	OpenedOn     *Date
	CreatedAt    time.Time
	DataSourceID *int64 // set when accounts are synchronised
}

// Balance is what an account holds, as its bank told it.
type Balance struct {
	Current Money
	AsOf    *time.Time
}

// CurrentBalance is nil when the bank has told none.
func (a Account) CurrentBalance() *Balance {
	if a.Balance == nil {
		return nil
	}
	return &Balance{Money{*a.Balance, a.Currency}, a.BalanceAsOf}
}

// Limit is the credit limit, nil when there is none.
func (a Account) Limit() *Money {
	if a.CreditLimit == nil {
		return nil
	}
	return &Money{*a.CreditLimit, a.Currency}
}

// Check says everything that is wrong with an account, and completes it: unknown type, capitals of the IBAN.
func (a *Account) Check() fault.Many {
	var faults fault.Many
	if a.ExternalID != nil {
		faults.Add(CheckText("externalId", *a.ExternalID, 1, MaxID))
	}
	if !slices.Contains(Containers, a.Container) {
		faults.Add(fault.Invalid("container", "Invalid value for container; Supported values are %s", fault.List(Containers)))
	}
	if a.Type == "" {
		a.Type = "OTHER"
	}
	faults.Add(CheckText("type", a.Type, 1, 50))
	faults.Add(CheckText("name", a.Name, 1, MaxName))
	faults.Add(CheckText("providerName", a.ProviderName, 0, MaxName))
	if _, f := ParseCurrency("currency", string(a.Currency)); f != nil {
		faults.Add(f)
	}
	if a.IBAN != nil {
		iban, f := ParseIBAN("iban", *a.IBAN)
		faults.Add(f)
		a.IBAN = &iban
	}
	if a.BalanceAsOf != nil && a.Balance == nil {
		faults.Add(fault.New(fault.Together, "balanceAsOf", "balance should be provided with balanceAsOf"))
	}
	return faults
}

// ParseIBAN reads an IBAN (ISO 13616): blanks are dropped, letters are raised, the two check digits must be right. Of plain
// numbers, such as a card's, one in 97 would pass for one but for the letters of its country.
func ParseIBAN(field, s string) (string, *fault.Error) {
	iban := strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if !isIBAN(iban) {
		return iban, fault.Invalid(field, "Invalid value for %s; it is not an IBAN", leaf(field))
	}
	return iban, nil
}

func isIBAN(iban string) bool {
	if len(iban) < 15 || len(iban) > 34 {
		return false
	}
	var digits strings.Builder
	for i, r := range iban[4:] + iban[:4] {
		country, check := i == len(iban)-4 || i == len(iban)-3, i >= len(iban)-2
		switch {
		case r >= '0' && r <= '9' && !country:
			digits.WriteRune(r)
		case r >= 'A' && r <= 'Z' && !check:
			digits.WriteString(big.NewInt(int64(r-'A') + 10).String())
		default:
			return false
		}
	}
	n, _ := new(big.Int).SetString(digits.String(), 10)
	return n.Mod(n, big.NewInt(97)).Int64() == 1
}
