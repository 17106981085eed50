// Package sandbox is the built-in bank: it needs no network, and its customers' data goes on up to today. It keeps nothing
// itself: what a bank would remember is in the state and the secret that it hands out, so any number of processes act as
// one bank.
package sandbox

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/demo"
)

// Banks are the sandbox banks as a connector.
type Banks struct{ now func() time.Time }

// New makes the sandbox banks; now says how late it is.
func New(now func() time.Time) *Banks { return &Banks{now} }

// Code is the one-time code that all banks here accept.
const Code = "123456"

// The banks.
const (
	ordinary   = "sandbox-de"
	noConsents = "sandbox-noconsent"
	byApp      = "sandbox-app"
	byRedirect = "sandbox-redirect"
	down       = "sandbox-down"
	mending    = "sandbox-maintenance"
)

// Name names the connector.
func (*Banks) Name() string { return "sandbox" }

// Banks lists them.
func (*Banks) Banks() []connect.Bank {
	return []connect.Bank{
		{Code: ordinary, Name: "Sandbox Bank", Country: "DE", Consents: true},
		{Code: noConsents, Name: "Sandbox Bank without consents", Country: "DE"},
		{Code: byApp, Name: "Sandbox App Bank", Country: "AT", Consents: true},
		{Code: byRedirect, Name: "Sandbox Redirect Bank", Country: "DE", Consents: true},
		{Code: down, Name: "Sandbox Down Bank", Country: "DE", Consents: true},
		{Code: mending, Name: "Sandbox Maintenance Bank", Country: "SE", Consents: true},
		{Code: "sandbox-us", Name: "Sandbox Bank US", Country: "US", Consents: true},
	}
}

// state is what a login has come to.
type state struct {
	Step  string `json:"step"` // login, method, code, app, redirect
	Who   string `json:"who,omitempty"`
	Asked int    `json:"asked,omitempty"` // how often the app was asked
}

// secret is what an access stands for.
type secret struct {
	Who     string `json:"who"`
	Bank    string `json:"bank"`
	Fetched int    `json:"fetched"` // without the consumer
}

// people are the logins that have accounts, and whose they are.
var people = map[string]string{"anna": "anna", "ben": "ben", "clara": "clara", "deniz": "deniz", "emil": "emil",
	"slow": "anna", "stuck": "anna", "twoway": "anna", "revoked": "anna", "flaky": "anna", "empty": ""}

// Login opens a login.
func (b *Banks) Login(_ context.Context, in connect.Login) (connect.Step, error) {
	switch in.Bank.Code {
	case down:
		return connect.Step{}, connect.Is(connect.BankUnavailable)
	case mending:
		return connect.Step{}, connect.Is(connect.Maintenance)
	case byRedirect:
		u, err := url.Parse(in.ReturnURL)
		if err != nil {
			return connect.Step{}, err
		}
		page := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/connect/sandbox/authorize",
			RawQuery: url.Values{"return": {in.ReturnURL}, "language": {in.Language}}.Encode()}
		return connect.Step{Kind: connect.Redirect, URL: page.String(), State: keep(state{Step: "redirect"})}, nil
	}
	return connect.Step{Kind: connect.Ask, State: keep(state{Step: "login"}), Fields: []connect.Field{
		{Name: "login", Kind: connect.Text}, {Name: "password", Kind: connect.Password}},
		Note: word(in, "This is not a real bank: log in as anna with the password anna.", "Dies ist keine echte Bank: Melden Sie sich als anna mit dem Passwort anna an.")}, nil
}

// Answer goes on with a login.
func (b *Banks) Answer(ctx context.Context, in connect.Login, before []byte, a connect.Answer) (connect.Step, error) {
	var s state
	if err := json.Unmarshal(before, &s); err != nil {
		return connect.Step{}, err
	}
	switch s.Step {
	case "login":
		s.Who = a.Values["login"]
		if err := enter(ctx, s.Who, a.Values["password"]); err != nil {
			return connect.Step{}, err
		}
		switch {
		case s.Who == "twoway":
			s.Step = "method"
			return connect.Step{Kind: connect.Ask, State: keep(s), Fields: []connect.Field{{Name: "method", Kind: connect.Choice, Options: []connect.Option{
				{Value: "sms", Label: word(in, "Text message to ••• 42", "SMS an ••• 42")}, {Value: "app", Label: word(in, "Approval in the app", "Freigabe in der App")}}}}}, nil
		case in.Bank.Code == byApp:
			return b.askApp(in, s), nil
		}
		return askCode(in, s), nil
	case "method":
		switch a.Values["method"] {
		case "sms":
			return askCode(in, s), nil
		case "app":
			return b.askApp(in, s), nil
		}
		return connect.Step{}, connect.Is(connect.UserSecondFactor)
	case "app":
		if s.Asked++; s.Asked < 3 {
			return b.askApp(in, s), nil
		}
		return b.grant(in, s.Who)
	case "code":
		if a.Values["code"] != Code {
			return connect.Step{}, connect.Is(connect.UserSecondFactor)
		}
		return b.grant(in, s.Who)
	case "redirect":
		who := a.Return.Get("who")
		if _, ok := people[who]; !ok || a.Return.Get("approved") != "yes" {
			return connect.Step{}, connect.Is(connect.UserDenied)
		}
		return b.grant(in, who)
	}
	return connect.Step{}, connect.Is(connect.Technical)
}

// enter checks a login and its password, which is the same word.
func enter(ctx context.Context, who, password string) error {
	switch _, ok := people[who]; {
	case who == "locked":
		return connect.Is(connect.UserBlocked)
	case !ok || who != password:
		return connect.Is(connect.UserCredentials)
	}
	wait := time.Duration(0)
	switch who {
	case "slow":
		wait = 9 * time.Second
	case "stuck":
		wait = time.Hour
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

func askCode(in connect.Login, s state) connect.Step {
	s.Step = "code"
	return connect.Step{Kind: connect.Ask, State: keep(s), Fields: []connect.Field{{Name: "code", Kind: connect.Code}},
		Note: word(in, "Sandbox: the code is "+Code+".", "Sandbox: Der Code lautet "+Code+".")}
}

func (b *Banks) askApp(in connect.Login, s state) connect.Step {
	s.Step = "app"
	return connect.Step{Kind: connect.Confirm, State: keep(s),
		Note: word(in, "Sandbox: the app approves by itself in a moment.", "Sandbox: Die App gibt gleich von selbst frei.")}
}

// grant gives access.
func (b *Banks) grant(in connect.Login, who string) (connect.Step, error) {
	access := connect.Access{Secret: keep(secret{Who: who, Bank: in.Bank.Code}), Stored: in.Store && in.Bank.Consents}
	for _, a := range b.accounts(who, bank.Period{}) {
		a.Transactions = nil
		access.Accounts = append(access.Accounts, a)
	}
	return connect.Step{Kind: connect.Granted, Access: &access}, nil
}

// Fetch brings data.
func (b *Banks) Fetch(_ context.Context, in connect.Fetch) (connect.Data, error) {
	var s secret
	if err := json.Unmarshal(in.Secret, &s); err != nil {
		return connect.Data{}, err
	}
	var d connect.Data
	if in.PSU == nil {
		if s.Who == "revoked" {
			return d, connect.Is(connect.ConsentRevoked)
		}
		s.Fetched++
		if s.Who == "flaky" && b.now().Unix()/60%2 == 1 {
			return d, connect.Is(connect.BankUnavailable)
		}
		d.Secret = keep(s)
	}
	for _, a := range b.accounts(s.Who, in.Days) {
		if slices.Contains(in.Accounts, a.ID) {
			d.Accounts = append(d.Accounts, a)
		}
	}
	return d, nil
}

// Revoke forgets what was never kept.
func (*Banks) Revoke(context.Context, connect.Bank, []byte) error { return nil }

// accounts are a person's, with the transactions of some days. What is not booked yet has another id than it will have.
func (b *Banks) accounts(who string, days bank.Period) (all []connect.Account) {
	now := b.now().UTC()
	for _, p := range demo.Story(bank.DateOf(now, time.UTC)) {
		if p.ExternalID != people[who] {
			continue
		}
		for _, a := range p.Accounts {
			if a.Status != bank.AccountActive {
				continue
			}
			one := connect.Account{ID: "sandbox-" + *a.ExternalID, Container: a.Container, Type: a.Type, Name: a.Name, Currency: a.Currency,
				Balance: a.Balance, BalanceAsOf: a.BalanceAsOf, CreditLimit: a.CreditLimit}
			if a.IBAN != nil {
				one.IBAN = *a.IBAN
			}
			for _, x := range a.Transactions {
				if !days.Contains(x.BookingDate) {
					continue
				}
				if x.Status == bank.Pending {
					id := "P-" + *x.ExternalID
					x.ExternalID = &id
				}
				one.Transactions = append(one.Transactions, x)
			}
			all = append(all, one)
		}
	}
	return all
}

func keep(v any) []byte {
	text, _ := json.Marshal(v) // plain structs
	return text
}

// word is a text in the consumer's language.
func word(in connect.Login, english, german string) string {
	if strings.HasPrefix(in.Language, "de") {
		return german
	}
	return english
}
