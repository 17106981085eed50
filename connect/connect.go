// Package connect is how a consumer links a bank: sessions and flows as a state machine, consents and refreshes, and the
// small interface behind which any provider of bank data fits. What is here decides; store keeps it, connect/app talks
// with the consumer's browser, tasks fetch.
package connect

import (
	"context"
	"net/url"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
)

// Connector is one way to banks: the built-in sandbox, an open-banking interface, a provider. All that an implementation
// needs to know is on this page.
//
// A method that fails returns a *Problem, which says who can do something about it; any other error counts as
// TECHNICAL, a deadline as BANK.TIMEOUT. Credentials are in an Answer only: they are never stored, so a connector that
// needs more than one call puts what the bank gave for them into the state it returns. States and secrets are kept
// encrypted and come back as they were.
type Connector interface {
	// Name is kept beside stored consents; it never changes.
	Name() string
	// Banks lists the banks that can be reached. It is asked often and does no I/O.
	Banks() []Bank
	// Login opens a login and says what the consumer is asked first.
	Login(ctx context.Context, in Login) (Step, error)
	// Answer hands on what the consumer answered to the step that came with this state.
	Answer(ctx context.Context, in Login, state []byte, a Answer) (Step, error)
	// Fetch brings the data of accounts: all transactions of the days, not only those that are new. It may be called again
	// for the same days, by another process.
	Fetch(ctx context.Context, in Fetch) (Data, error)
	// Revoke gives back at the bank what one login was granted, which need not hold any more. What another login of the same
	// person was granted goes on.
	Revoke(ctx context.Context, b Bank, secret []byte) error
}

// Bank is a bank that consumers can choose.
type Bank struct {
	Code     string `json:"code"`    // unique over all connectors, and never changed
	Name     string `json:"name"`    // as consumers know it
	Country  string `json:"country"` // ISO 3166, two letters
	Consents bool   `json:"consents"`
}

// PSU is the consumer's side of an attended call (payment service user, as the directive calls it).
type PSU struct {
	UserAgent string `json:"userAgent"`
	IPAddress string `json:"ipAddress"`
}

// Login is what a connector needs to know in every call of a login.
type Login struct {
	Bank      Bank
	PSU       PSU
	Language  string // two letters: for the bank's own pages and words
	Store     bool   // the access is to be used again later without the consumer
	Days      int    // how many days it is to hold then
	ReturnURL string // where the bank's page sends the browser back to; its query already holds what we need
	Now       time.Time
}

// Answer is what the consumer, or the bank's page, answered. It holds credentials: it is never stored or logged.
type Answer struct {
	Values map[string]string // by field name; empty where nothing was asked (Confirm)
	Return url.Values        // of a Redirect: the query that the bank's page sent back
}

// StepKind is what the consumer has to do next.
type StepKind string

// The kinds.
const (
	Ask      StepKind = "ASK"      // fill in the fields
	Confirm  StepKind = "CONFIRM"  // approve in the bank's own app; Answer is called again and again meanwhile
	Redirect StepKind = "REDIRECT" // go to the bank's page at URL, which comes back to ReturnURL
	Granted  StepKind = "GRANTED"  // nothing more: there is access
)

// Step is what a login needs next.
type Step struct {
	Kind   StepKind
	Fields []Field // of Ask
	Note   string  // the bank's own words for the consumer, in its language; empty: none
	URL    string  // of Redirect
	State  []byte  // handed to the next Answer
	Access *Access // of Granted
}

// FieldKind is how a field is filled in.
type FieldKind string

// The kinds of fields.
const (
	Text     FieldKind = "TEXT"
	Password FieldKind = "PASSWORD" // hidden while it is typed
	Code     FieldKind = "CODE"     // a one-time code
	Choice   FieldKind = "CHOICE"   // one of Options
)

// Field is something to fill in. The page has words for the names login, password, pin, code and method in the
// consumer's language; Label is for what only the bank has a word for.
type Field struct {
	Name    string    `json:"name"`
	Kind    FieldKind `json:"kind"`
	Label   string    `json:"label,omitempty"`
	Options []Option  `json:"options,omitempty"`
}

// Option is one of several answers.
type Option struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// Access is what a login gave.
type Access struct {
	Secret   []byte     `json:"secret"`           // what Fetch needs: a token, never the consumer's credentials
	Accounts []Account  `json:"accounts"`         // that can be read
	Until    *time.Time `json:"until,omitempty"`  // how long it may be used without the consumer; nil: as long as was asked
	Stored   bool       `json:"stored,omitempty"` // it may be used again later
}

// Account is an account as its bank tells it. A transaction's ExternalID is the bank's id of it, never given again in the
// account's life and at most bank.MaxID characters long; where a bank has none such, it is nil. See Identify.
type Account struct {
	ID           string           `json:"id"` // the bank's own, the same in every fetch under one access
	IBAN         string           `json:"iban,omitempty"`
	Container    bank.Container   `json:"container"`
	Type         string           `json:"type,omitempty"`
	Name         string           `json:"name"`
	Currency     bank.Currency    `json:"currency"`
	Balance      *decimal.Decimal `json:"balance,omitempty"`
	BalanceAsOf  *time.Time       `json:"balanceAsOf,omitempty"`
	CreditLimit  *decimal.Decimal `json:"creditLimit,omitempty"`
	From         bank.Date        `json:"-"` // the first day that its bank tells of, where that is later than was asked
	Transactions []bank.Transaction
}

// Fetch asks for data.
type Fetch struct {
	Bank     Bank
	Secret   []byte
	Accounts []string // ids of accounts
	Days     bank.Period
	PSU      *PSU // nil: the consumer is not there
	Now      time.Time
}

// Data is what was fetched. Accounts of the request that do not exist any more are left out.
type Data struct {
	Accounts []Account
	Secret   []byte // replaces the one of the request, where it changed
}
