package berlin

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"insightgraph/bank"
	"insightgraph/connect"
)

// It is a connector.
var _ connect.Connector = (*Connector)(nil)

// typed is what Anna types.
var typed = map[string]string{"login": "anna", "password": "geheim", "method": "m2", "code": "123456"}

// clear says that neither state nor secret holds a credential.
func clear(t *testing.T, what string, text []byte) {
	t.Helper()
	for _, v := range []string{"anna", "geheim", "123456"} {
		if bytes.Contains(text, []byte(v)) {
			t.Errorf("%s holds %q: %s", what, v, text)
		}
	}
}

// drive is a consumer who does what is asked. It tells what that was.
func drive(s *aspsp, c *Connector, in connect.Login, values map[string]string) (asked []string, access *connect.Access, err error) {
	step, err := c.Login(s.t.Context(), in)
	for range 60 {
		if err != nil {
			return asked, nil, err
		}
		said := string(step.Kind)
		for _, f := range step.Fields {
			said += " " + f.Name
		}
		if step.Note != "" {
			said += ": " + step.Note
		}
		asked = append(asked, said)
		clear(s.t, "the state", step.State)
		answer := connect.Answer{}
		switch step.Kind {
		case connect.Granted:
			clear(s.t, "the secret", step.Access.Secret)
			return asked, step.Access, nil
		case connect.Ask:
			answer.Values = map[string]string{}
			for _, f := range step.Fields {
				answer.Values[f.Name] = values[f.Name]
			}
		case connect.Redirect:
			s.approve(step.URL)
			answer.Return = url.Values{"state": {"H.N"}}
		}
		step, err = c.Answer(s.t.Context(), in, step.State, answer)
	}
	s.t.Fatalf("the login does not end: %v", asked)
	return nil, nil, nil
}

// is tells whether an error is a problem of a category, and nothing else is in it.
func is(t *testing.T, err error, want connect.Category) {
	t.Helper()
	var p *connect.Problem
	if !errors.As(err, &p) || p.Category != want || err.Error() != string(want) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestLogins(t *testing.T) {
	const sms = "ASK code: Code an +49 170 *** Gilt 5 Minuten."
	for name, c := range map[string]struct {
		bank  func(*aspsp)
		file  map[string]any
		asked []string
		calls []string // until the consent is valid
	}{
		"redirect": {func(*aspsp) {}, nil, []string{"REDIRECT", "GRANTED"}, []string{"POST consents"}},
		"redirect, started, full links": {func(s *aspsp) { s.explicit, s.full = true, true }, map[string]any{"approach": redirect, "access": "allPsd2"},
			[]string{"REDIRECT", "GRANTED"}, []string{"POST consents", "POST C/authorisations"}},
		"redirect, consent needs a moment": {func(s *aspsp) { s.lag = 2 }, nil, []string{"REDIRECT", "CONFIRM", "CONFIRM", "GRANTED"}, []string{"POST consents", "GET C/status", "GET C/status"}},
		"redirect, login first":            {func(*aspsp) {}, map[string]any{"askLogin": true}, []string{"ASK login", "REDIRECT", "GRANTED"}, []string{"POST consents"}},
		"embedded": {func(s *aspsp) { s.approach = embedded }, map[string]any{"approach": embedded},
			[]string{"ASK login password", sms, "GRANTED"}, []string{"POST consents", "PUT C/authorisations/auth-1", "PUT C/authorisations/auth-1"}},
		"embedded, started, below a path": {func(s *aspsp) { s.approach, s.explicit, s.base = embedded, true, "/psd2/b1" }, map[string]any{"approach": embedded},
			[]string{"ASK login password", sms, "GRANTED"}, []string{"POST consents", "POST C/authorisations", "PUT C/authorisations/auth-1"}},
		"embedded, links from the interface's base": {func(s *aspsp) { s.approach, s.explicit, s.base, s.below = embedded, true, "/psd2", true }, map[string]any{"approach": embedded},
			[]string{"ASK login password", sms, "GRANTED"}, []string{"POST consents", "POST C/authorisations", "PUT C/authorisations/auth-1"}},
		"embedded, a choice": {func(s *aspsp) { s.approach, s.methods = embedded, 3 }, map[string]any{"approach": embedded},
			[]string{"ASK login password", "ASK method", "ASK code: Code an Telefon 2", "GRANTED"},
			[]string{"POST consents", "PUT C/authorisations/auth-1", "PUT C/authorisations/auth-1", "PUT C/authorisations/auth-1"}},
		"embedded, no second factor": {func(s *aspsp) { s.approach, s.methods = embedded, 0 }, map[string]any{"approach": embedded},
			[]string{"ASK login password", "GRANTED"}, []string{"POST consents", "PUT C/authorisations/auth-1"}},
		"embedded, identified first": {func(s *aspsp) { s.approach, s.identify = embedded, true }, map[string]any{"approach": embedded},
			[]string{"ASK login password", sms, "GRANTED"}, []string{"POST consents", "POST C/authorisations", "PUT C/authorisations/auth-1", "PUT C/authorisations/auth-1"}},
		"embedded, as the bank wishes": {func(s *aspsp) { s.approach, s.explicit = embedded, true }, nil,
			[]string{"ASK login password", sms, "GRANTED"}, []string{"POST consents", "POST C/authorisations", "PUT C/authorisations/auth-1"}},
		"decoupled": {func(s *aspsp) { s.approach, s.polls = decoupled, 3 }, map[string]any{"approach": decoupled},
			[]string{"ASK login", "CONFIRM: Bitte in der App freigeben.", "CONFIRM: Bitte in der App freigeben.", "CONFIRM: Bitte in der App freigeben.", "GRANTED"},
			[]string{"POST consents", "GET C/authorisations/auth-1", "GET C/authorisations/auth-1", "GET C/authorisations/auth-1"}},
		"decoupled, as the bank wishes": {func(s *aspsp) { s.approach, s.explicit, s.polls = decoupled, true, 1 }, nil,
			[]string{"ASK login", "CONFIRM", "GRANTED"}, []string{"POST consents", "POST C/authorisations", "PUT C/authorisations/auth-1", "GET C/authorisations/auth-1"}},
		"decoupled, no links to the status": {func(s *aspsp) { s.approach, s.explicit, s.polls, s.bare = decoupled, true, 1, true }, map[string]any{"approach": decoupled},
			[]string{"ASK login", "CONFIRM", "GRANTED"}, []string{"POST consents", "POST C/authorisations", "GET C/authorisations/auth-1"}},
	} {
		for _, store := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, %t", name, store), func(t *testing.T) {
				s := newASPSP(t)
				c.bank(s)
				connector := s.open(c.file)
				in := login(connector, store)
				asked, access, err := drive(s, connector, in, typed)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.asked, asked); diff != "" {
					t.Error(diff)
				}
				calls := append(slices.Clone(c.calls), "GET C/status")
				if store {
					calls = append(calls, "GET C")
				}
				calls = append(calls, "GET accounts")
				got := s.called()
				for i := range got {
					got[i] = strings.ReplaceAll(got[i], "consents/consent%201", "C")
				}
				if diff := cmp.Diff(calls, got); diff != "" {
					t.Error(diff)
				}
				if access.Stored != store || access.Until != nil || len(access.Accounts) != 2 {
					t.Errorf("%+v", access)
				}
				fetched(t, s, connector, in, *access)
			})
		}
	}
}

// fetched reads all accounts, gives the access back, and reads again in vain.
func fetched(t *testing.T, s *aspsp, c *Connector, in connect.Login, access connect.Access) {
	t.Helper()
	f := connect.Fetch{Bank: in.Bank, Secret: access.Secret, Accounts: []string{"acc/2", "acc-1", "nowhere"}, Days: bank.Period{From: day("2026-01-01"), To: day(today)}, PSU: &in.PSU, Now: now}
	data, err := c.Fetch(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	if len(data.Accounts) != 2 || data.Accounts[0].ID != "acc/2" || data.Accounts[1].ID != "acc-1" || len(data.Accounts[1].Transactions) != 5 {
		t.Fatalf("%+v", data)
	}
	want := []string{"GET accounts/acc%2F2/transactions", "GET accounts/acc-1/transactions"}
	if access.Stored {
		want = append([]string{"GET accounts"}, want...)
	}
	if diff := cmp.Diff(want, s.called()); diff != "" {
		t.Error(diff)
	}
	s.present(false)
	if access.Stored {
		f.PSU = nil
		again, err := c.Fetch(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lines(data.Accounts), lines(again.Accounts)); diff != "" {
			t.Error("another time it is something else:", diff)
		}
	}
	for range 2 { // the second time it is gone already
		if err := c.Revoke(t.Context(), in.Bank, access.Secret); err != nil {
			t.Error(err)
		}
	}
	if s.only().status != "terminatedByTpp" {
		t.Error("the consent is still there")
	}
	if access.Stored {
		_, err = c.Fetch(t.Context(), f)
		is(t, err, connect.ConsentRevoked)
	}
}

// lines are accounts as text.
func lines(accounts []connect.Account) (all []string) {
	str := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	for _, a := range accounts {
		line := fmt.Sprintf("%s %s %s %s %q %s", a.ID, a.IBAN, a.Container, a.Type, a.Name, a.Currency)
		if a.Balance != nil {
			line += " " + a.Balance.String()
		}
		if a.BalanceAsOf != nil {
			line += " of " + a.BalanceAsOf.Format(time.RFC3339)
		}
		if a.CreditLimit != nil {
			line += " limit " + a.CreditLimit.String()
		}
		all = append(all, line)
		for _, x := range a.Transactions {
			id := str(x.ExternalID)
			if strings.HasPrefix(id, "made-") {
				id = "made"
			}
			value := "-"
			if x.ValueDate != nil {
				value = x.ValueDate.String()
			}
			all = append(all, fmt.Sprintf("  %s %s %s %s %s %s | %s | %s %s | %s", id, x.Status, x.BaseType, x.Amount, x.BookingDate, value, x.Description, str(x.CounterpartyName), str(x.CounterpartyIBAN), str(x.MCC)))
		}
	}
	return all
}

// linked is a bank with an access to it.
func linked(t *testing.T, store bool, file map[string]any, like func(*aspsp)) (*aspsp, *Connector, connect.Fetch, connect.Access) {
	t.Helper()
	s := newASPSP(t)
	if like != nil {
		like(s)
	}
	c := s.open(file)
	in := login(c, store)
	_, access, err := drive(s, c, in, typed)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, a := range access.Accounts {
		ids = append(ids, a.ID)
	}
	s.called()
	return s, c, connect.Fetch{Bank: in.Bank, Secret: access.Secret, Accounts: ids, Days: bank.Period{From: day("2026-01-01"), To: day(today)}, PSU: &in.PSU, Now: now}, *access
}

func TestData(t *testing.T) {
	want := []string{
		`acc-1 DE89370400440532013000 BANK CHECKING "Girokonto" EUR 250.50 of 2026-11-20T00:00:00Z`,
		`  t1 POSTED DEBIT 12.50 2026-11-20 2026-11-21 | Einkauf | Rewe Markt DE02120300000000202051 | -`,
		`  e2 POSTED CREDIT 2500.00 2026-11-01 - | Gehalt November | Acme GmbH - | -`,
		`  made POSTED DEBIT 3.00 2026-06-01 - | Gebühr | - - | -`,
		`  made POSTED DEBIT 3.00 2026-06-01 - | Gebühr | - - | -`,
		`  p1 PENDING DEBIT 7.00 2026-11-21 2026-11-23 | RF18 | Kino - | -`,
		`acc/2  BANK SAVINGS "Tagesgeld" EUR 0.00 of 2026-11-20T00:00:00Z`,
		`card-1  CARD CREDIT "Gold" EUR -31.20 of 2026-11-20T00:00:00Z limit 2000.00`,
		`  c1 POSTED DEBIT 31.20 2026-11-20 - | REWE BERLIN | - - | 5411`,
		`  c2 POSTED CREDIT 5.00 2026-11-18 - | Gutschrift | - - | -`,
	}
	for _, store := range []bool{true, false} {
		for name, like := range map[string]func(*aspsp){
			"": nil, "pages": func(s *aspsp) { s.pageSize, s.full = 1, true }, "pages below": func(s *aspsp) { s.pageSize, s.base, s.below = 2, "/xs2a", true },
			"balances apart": func(s *aspsp) { s.noBalances, s.base = true, "/xs2a" },
		} {
			t.Run(fmt.Sprint(name, store), func(t *testing.T) {
				s, c, f, access := linked(t, store, map[string]any{"cardAccounts": true}, like)
				data, err := c.Fetch(t.Context(), f)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, lines(data.Accounts)); diff != "" {
					t.Error(diff)
				}
				for _, a := range data.Accounts {
					ids := map[string]bool{}
					for _, x := range a.Transactions {
						ids[*x.ExternalID] = true
					}
					if len(ids) != len(a.Transactions) {
						t.Errorf("%s: ids come twice", a.ID)
					}
				}
				offered := slices.DeleteFunc(slices.Clone(want), func(l string) bool { return strings.HasPrefix(l, " ") })
				if diff := cmp.Diff(offered, lines(access.Accounts)); diff != "" {
					t.Error(diff)
				}
				if name == "pages" && len(s.called()) < 7 {
					t.Error("there are no pages")
				}
			})
		}
	}
}

// TestBalanceWithTransactions has a bank that tells the balance with the transactions only.
func TestBalanceWithTransactions(t *testing.T) {
	s, c, f, _ := linked(t, true, nil, nil)
	s.change(func() {
		delete(s.accounts[0], "balances")
		s.override = func(w http.ResponseWriter, r *http.Request) bool {
			switch {
			case strings.HasSuffix(r.URL.Path, "/balances"):
				s.say(w, 200, map[string]any{"balances": []any{}})
			case strings.HasSuffix(r.URL.Path, "/transactions"):
				s.say(w, 200, map[string]any{"balances": []any{bal("closingBooked", "9.99", "EUR")}, "transactions": map[string]any{"booked": []any{}, "_links": map[string]any{}}})
			default:
				return false
			}
			return true
		}
	})
	f.Accounts = f.Accounts[:1]
	s.change(func() { delete(s.accounts[1], "balances") }) // which nobody wants
	data, err := c.Fetch(t.Context(), f)
	if err != nil || lines(data.Accounts)[0] != `acc-1 DE89370400440532013000 BANK CHECKING "Girokonto" EUR 9.99 of 2026-11-20T00:00:00Z` {
		t.Errorf("%v, %v", lines(data.Accounts), err)
	}
	if diff := cmp.Diff([]string{"GET accounts", "GET accounts/acc-1/balances", "GET accounts/acc-1/transactions"}, s.called()); diff != "" {
		t.Error(diff)
	}
	s.change(func() {
		s.override = func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/balances") {
				s.refuse(w, 429, "ACCESS_EXCEEDED")
				return true
			}
			return false
		}
	})
	_, err = c.Fetch(t.Context(), f)
	is(t, err, connect.BankExceeded)
}

func TestHistory(t *testing.T) {
	asked := func(s *aspsp) (all []string) {
		for _, c := range s.called() {
			if strings.Contains(c, "transactions") {
				all = append(all, c)
			}
		}
		return all
	}
	s, c, f, _ := linked(t, true, nil, func(s *aspsp) { s.backTo, s.bookedOnly = "2026-08-24", true })
	f.Accounts = []string{"acc-1"}
	data, err := c.Fetch(t.Context(), f)
	if err != nil || len(data.Accounts) != 1 || len(data.Accounts[0].Transactions) != 2 || data.Accounts[0].From != day("2026-08-24") || len(asked(s)) != 3 {
		t.Errorf("a bank that goes back 90 days and has booked transactions only: %+v, %v", data, err)
	}
	f.Days.To += 10 // nothing is booked there yet
	if _, err := c.Fetch(t.Context(), f); err != nil || len(asked(s)) != 3 {
		t.Error(err)
	}
	s.change(func() { s.backTo = "2026-10-01" })
	_, err = c.Fetch(t.Context(), f)
	is(t, err, connect.Technical)
	if n := len(asked(s)); n != 2 {
		t.Errorf("90 days are asked for once, not %d times", n-1)
	}
	f.Days = bank.Period{From: day("2026-01-01"), To: day("2026-02-01")}
	if data, err = c.Fetch(t.Context(), f); err != nil || len(data.Accounts) != 1 || len(data.Accounts[0].Transactions) != 0 {
		t.Errorf("days that the bank does not show any more: %+v, %v", data, err)
	}

	s, c, f, _ = linked(t, true, map[string]any{"historyDays": 30}, func(s *aspsp) { s.backTo = "2026-10-23" })
	if data, err = c.Fetch(t.Context(), f); err != nil || len(data.Accounts[0].Transactions) != 3 || data.Accounts[0].From != day("2026-10-23") || len(asked(s)) != 2 {
		t.Errorf("historyDays: %+v, %v", data, err)
	}
	f.Days.To = day("2026-02-01")
	if data, err = c.Fetch(t.Context(), f); err != nil || len(data.Accounts) != 2 || len(asked(s)) != 0 {
		t.Errorf("days before historyDays: %+v, %v", data, err)
	}
}

func TestWrongAnswers(t *testing.T) {
	for name, problems := range map[string]bool{"tppMessages": false, "RFC 7807": true} {
		t.Run(name, func(t *testing.T) {
			s := newASPSP(t)
			s.approach, s.explicit, s.methods, s.problems = embedded, true, 2, problems
			c := s.open(map[string]any{"approach": embedded})
			in := login(c, true)
			step, err := c.Login(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			put := func(values map[string]string, want connect.Category) {
				t.Helper()
				next, err := c.Answer(t.Context(), in, step.State, connect.Answer{Values: values})
				if want == "" {
					if err != nil {
						t.Fatal(err)
					}
					step = next
					return
				}
				is(t, err, want)
			}
			put(map[string]string{"login": "anna", "password": "falsch"}, connect.UserCredentials)
			put(map[string]string{"login": "nobody", "password": "geheim"}, connect.UserCredentials)
			put(map[string]string{"login": "a/b", "password": "geheim"}, connect.UserCredentials)
			put(map[string]string{"login": "locked", "password": "geheim"}, connect.UserBlocked)
			s.called()
			for _, values := range []map[string]string{nil, {"login": " ", "password": "x"}, {"login": "anna"}, {"login": "an\r\nna", "password": "x"}, {"login": strings.Repeat("a", 300), "password": "x"}} {
				put(values, connect.UserCredentials)
			}
			if calls := s.called(); len(calls) > 0 {
				t.Errorf("the bank is asked in vain: %v", calls)
			}
			put(typed, "")
			put(map[string]string{"method": "m9"}, connect.UserSecondFactor)
			put(map[string]string{"method": "m1"}, connect.UserSecondFactor) // the bank does not know it
			put(typed, "")
			put(map[string]string{"code": " "}, connect.UserSecondFactor)
			for _, code := range []string{"111111", "222222", "12-34"} {
				put(map[string]string{"code": code}, connect.UserSecondFactor)
			}
			again := step
			put(typed, "")
			if step.Kind != connect.Granted {
				t.Errorf("%+v", step)
			}
			_, err = c.Answer(t.Context(), in, again.State, connect.Answer{Values: typed})
			is(t, err, connect.UserDenied) // the authorisation is over
		})
	}
	s := newASPSP(t)
	s.approach = embedded
	_, _, err := drive(s, s.open(map[string]any{"approach": embedded}), login(s.open(nil), true), map[string]string{"login": "anna", "password": "geheim", "code": "000000"})
	is(t, err, connect.UserDenied)
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		status string
		back   url.Values
		want   connect.Category
	}{
		"rejected": {"rejected", nil, connect.UserDenied}, "cancelled": {"received", url.Values{"nok": {"1"}}, connect.UserDenied},
		"revoked": {"revokedByPsu", nil, connect.UserDenied}, "two have to agree": {"partiallyAuthorised", nil, connect.NotSupported}, "unheard of": {"weird", nil, connect.BankAnswer},
		"never valid": {"received", nil, connect.UserDenied},
	} {
		t.Run(name, func(t *testing.T) {
			s := newASPSP(t)
			connector := s.open(nil)
			in := login(connector, true)
			step, err := connector.Login(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			s.change(func() { s.consents["consent 1"].status = c.status })
			answer := connect.Answer{Return: c.back}
			for range maxWaits + 1 {
				if step, err = connector.Answer(t.Context(), in, step.State, answer); err != nil {
					break
				}
				answer = connect.Answer{}
			}
			is(t, err, c.want)
			if n := len(s.called()); (name == "never valid") != (n > maxWaits) {
				t.Errorf("it is asked %d times", n)
			}
		})
	}
	s := newASPSP(t)
	s.approach, s.polls = decoupled, 99
	connector := s.open(map[string]any{"approach": decoupled})
	in := login(connector, true)
	step, _ := connector.Login(t.Context(), in)
	step, err := connector.Answer(t.Context(), in, step.State, connect.Answer{Values: typed})
	if err != nil || step.Kind != connect.Confirm {
		t.Fatal(step, err)
	}
	s.change(func() { s.consents["consent 1"].auths["auth-1"].status = "failed" })
	_, err = connector.Answer(t.Context(), in, step.State, connect.Answer{})
	is(t, err, connect.UserDenied)
}

func TestConsent(t *testing.T) {
	_, _, _, access := linked(t, true, nil, func(s *aspsp) { s.shorten = "2026-12-31" })
	if access.Until == nil || !access.Until.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) || !access.Stored {
		t.Errorf("a consent that the bank has shortened: %+v", access)
	}
	_, _, _, access = linked(t, true, nil, func(s *aspsp) { s.shorten = "9999-12-31" })
	if access.Until != nil {
		t.Errorf("a consent that holds longer than was asked: %+v", access)
	}
	_, c, f, access := linked(t, true, nil, func(s *aspsp) { s.oneOff = true })
	if access.Stored {
		t.Error("the bank gives one access only")
	}
	if _, err := c.Fetch(t.Context(), f); err != nil {
		t.Error(err)
	}
	s := newASPSP(t)
	c = s.open(map[string]any{"consents": false})
	if _, access, err := drive(s, c, login(c, true), typed); err != nil || access.Stored || c.Banks()[0].Consents || s.only().recurring {
		t.Errorf("a bank without consents: %+v, %v", access, err)
	}
	s = newASPSP(t)
	s.accounts = s.accounts[2:]
	c = s.open(nil)
	_, _, err := drive(s, c, login(c, true), typed)
	is(t, err, connect.UserAccount)
}

func TestEnded(t *testing.T) {
	s, c, f, _ := linked(t, true, nil, nil)
	for status, want := range map[string]connect.Category{"expired": connect.ConsentExpired, "revokedByPsu": connect.ConsentRevoked, "terminatedByTpp": connect.ConsentRevoked} {
		s.change(func() { s.consents["consent 1"].status = status })
		for _, psu := range []*connect.PSU{f.PSU, nil} {
			s.present(psu != nil)
			f.PSU = psu
			_, err := c.Fetch(t.Context(), f)
			is(t, err, want)
		}
		f.PSU = &connect.PSU{UserAgent: "Mozilla/5.0", IPAddress: "203.0.113.7"}
	}
	s.present(true)
	for code, want := range map[string]connect.Category{"CONSENT_INVALID": connect.UserAccount, "RESOURCE_EXPIRED": connect.ConsentExpired, "ACCESS_EXCEEDED": connect.BankExceeded,
		"SERVICE_BLOCKED": connect.UserBlocked, "CERTIFICATE_EXPIRED": connect.Technical, "TOKEN_INVALID": connect.NotSupported, "FORMAT_ERROR": connect.Technical, "MADE_UP": connect.UserAccount} {
		s.change(func() {
			s.consents["consent 1"].status = "valid"
			s.override = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/transactions") {
					return false
				}
				s.refuse(w, 401, code)
				return true
			}
		})
		_, err := c.Fetch(t.Context(), f)
		is(t, err, want)
	}
	s.change(func() {
		s.override = func(w http.ResponseWriter, r *http.Request) bool { // the account was closed meanwhile
			if strings.HasSuffix(r.URL.Path, "/acc-1/transactions") {
				s.refuse(w, 404, "RESOURCE_UNKNOWN")
				return true
			}
			return false
		}
	})
	if data, err := c.Fetch(t.Context(), f); err != nil || len(data.Accounts) != 1 || data.Accounts[0].ID != "acc/2" {
		t.Errorf("%+v, %v", data, err)
	}
}

func TestBadBanks(t *testing.T) {
	status := func(n int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n); fmt.Fprint(w, leak) }
	}
	elsewhere := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere <- r.URL.Path }))
	defer other.Close()
	text := func(s string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   connect.Category
	}{
		"429": {status(429), connect.BankExceeded}, "500": {status(500), connect.BankUnavailable}, "503": {status(503), connect.BankUnavailable}, "504": {status(504), connect.BankTimeout},
		"408": {status(408), connect.BankTimeout}, "418": {status(418), connect.BankAnswer},
		"redirected": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}, connect.BankAnswer},
		"no JSON": {text("<html>" + leak), connect.BankAnswer}, "cut": {text(`{"accounts":[`), connect.BankAnswer}, "nothing": {text(""), connect.BankAnswer},
		"empty":         {text("{}"), connect.BankAnswer},
		"another shape": {text(`{"accounts":{"iban":1},"consentId":7}`), connect.BankAnswer}, "two": {text(`{} {}`), connect.BankAnswer},
		"too much": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"x":"`)
			for range maxAnswer>>20 + 1 {
				if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<20)); err != nil {
					return
				}
			}
			fmt.Fprint(w, `"}`)
		}, connect.BankAnswer},
		"hung up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, connect.BankUnavailable},
		"slow":    {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, connect.BankTimeout},
		"slow in the middle": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"accounts":[`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, connect.BankTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			s, connector, f, access := linked(t, true, nil, nil)
			s.change(func() {
				s.override = func(w http.ResponseWriter, r *http.Request) bool { c.answer(w, r); return true }
			})
			in := login(connector, true)
			for _, ask := range []func(context.Context) error{
				func(ctx context.Context) error { _, err := connector.Login(ctx, in); return err },
				func(ctx context.Context) error { _, err := connector.Fetch(ctx, f); return err },
			} {
				ctx, cancel := context.WithCancel(t.Context())
				if strings.HasPrefix(name, "slow") {
					ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
				}
				is(t, ask(ctx), c.want)
				cancel()
			}
			if !strings.HasPrefix(name, "slow") {
				s.present(false)
				if err := connector.Revoke(t.Context(), in.Bank, access.Secret); (err == nil) != slices.Contains([]string{"no JSON", "cut", "nothing", "empty", "another shape", "two"}, name) {
					t.Errorf("revoke: %v", err)
				}
			}
		})
	}
	select {
	case path := <-elsewhere:
		t.Errorf("the redirect to %s was followed", path)
	default:
	}
	s, connector, f, _ := linked(t, true, nil, nil)
	s.server.Close()
	_, err := connector.Fetch(t.Context(), f)
	is(t, err, connect.BankUnavailable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := connector.Fetch(ctx, f); connect.ProblemOf(err).Category != connect.Technical || strings.Contains(err.Error(), "acc") {
		t.Error(err)
	}
}

func TestPages(t *testing.T) {
	for name, c := range map[string]struct {
		next func(n int) string
		want int // calls
	}{
		"no list":       {func(int) string { return "" }, 2},
		"in a circle":   {func(int) string { return "/v1/accounts/acc-1/transactions?page=1" }, 3},
		"without end":   {func(n int) string { return fmt.Sprint("/v1/accounts/acc-1/transactions?page=", n) }, 1 + maxPages},
		"another host":  {func(int) string { return "http://127.0.0.2/v1/accounts/acc-1/transactions" }, 2},
		"another port":  {func(int) string { return "http://127.0.0.1:1/v1/accounts/acc-1/transactions" }, 2},
		"the protocol":  {func(int) string { return "//127.0.0.2/v1/accounts" }, 2},
		"with a login":  {func(int) string { return "http://a:b@127.0.0.1/v1/accounts" }, 2},
		"a file":        {func(int) string { return "file:///etc/passwd" }, 2},
		"not an url":    {func(int) string { return "http://[" }, 2},
		"an opaque one": {func(int) string { return "http:v1/accounts" }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s, connector, f, _ := linked(t, true, nil, nil)
			n := 0
			s.change(func() {
				s.override = func(w http.ResponseWriter, r *http.Request) bool {
					if !strings.HasSuffix(r.URL.Path, "/transactions") {
						return false
					}
					n++
					if c.next(n) == "" {
						s.say(w, 200, map[string]any{"_links": map[string]any{"download": map[string]any{"href": "/v1/accounts/acc-1/transactions/download/1"}}})
						return true
					}
					s.say(w, 200, map[string]any{"transactions": map[string]any{"booked": []any{}, "_links": map[string]any{"next": map[string]any{"href": c.next(n)}}}})
					return true
				}
			})
			f.Accounts = []string{"acc-1"}
			_, err := connector.Fetch(t.Context(), f)
			is(t, err, connect.BankAnswer)
			if calls := s.called(); len(calls) != c.want {
				t.Errorf("%d calls, want %d", len(calls), c.want)
			}
		})
	}
}

func TestLinks(t *testing.T) {
	answer := func(status int, body map[string]any) func(*aspsp) {
		return func(s *aspsp) {
			s.override = func(w http.ResponseWriter, r *http.Request) bool { s.say(w, status, body); return true }
		}
	}
	consent := func(link, href string) func(*aspsp) {
		return answer(201, map[string]any{"consentId": "c", "consentStatus": "received", "_links": map[string]any{link: map[string]any{"href": href}}})
	}
	for name, c := range map[string]struct {
		bank func(*aspsp)
		want connect.Category
	}{
		"another host":     {consent("startAuthorisation", "https://evil.example/v1/consents/c/authorisations"), connect.BankAnswer},
		"the status":       {consent("scaStatus", "http://169.254.169.254/latest"), connect.BankAnswer},
		"http":             {consent("scaRedirect", "http://bank.example/login"), connect.BankAnswer},
		"a script":         {consent("scaRedirect", "javascript:alert(1)"), connect.BankAnswer},
		"a relative page":  {consent("scaRedirect", "/login"), connect.BankAnswer},
		"with a login":     {consent("scaRedirect", "https://a:b@bank.example/login"), connect.BankAnswer},
		"OAuth":            {consent("scaOAuth", "https://bank.example/.well-known"), connect.NotSupported},
		"encrypted":        {consent("startAuthorisationWithEncryptedPsuAuthentication", "/v1/consents/c/authorisations"), connect.NotSupported},
		"nothing to do":    {consent("self", "/v1/consents/c"), connect.BankAnswer},
		"no id":            {answer(201, map[string]any{"consentStatus": "received"}), connect.BankAnswer},
		"a path for an id": {answer(201, map[string]any{"consentId": "..", "consentStatus": "received"}), connect.BankAnswer},
		"rejected":         {answer(201, map[string]any{"consentId": "c", "consentStatus": "rejected"}), connect.UserDenied},
		"unconfirmed":      {answer(201, map[string]any{"consentId": "c", "scaStatus": "unconfirmed"}), connect.NotSupported},
		"a method without id": {answer(201, map[string]any{"consentId": "c", "scaMethods": []any{map[string]any{"name": "SMS"}},
			"_links": map[string]any{"selectAuthenticationMethod": map[string]any{"href": "/v1/a"}}}), connect.BankAnswer},
		"no methods": {consent("selectAuthenticationMethod", "/v1/a"), connect.BankAnswer},
		"a picture": {answer(201, map[string]any{"consentId": "c", "challengeData": map[string]any{"image": "aGk="},
			"_links": map[string]any{"authoriseTransaction": map[string]any{"href": "/v1/a"}}}), connect.NotSupported},
		"FORMAT_ERROR": {func(s *aspsp) {
			s.override = func(w http.ResponseWriter, r *http.Request) bool { s.refuse(w, 400, "FORMAT_ERROR"); return true }
		}, connect.Technical},
	} {
		t.Run(name, func(t *testing.T) {
			s := newASPSP(t)
			c.bank(s)
			connector := s.open(nil)
			_, err := connector.Login(t.Context(), login(connector, true))
			is(t, err, c.want)
			if calls := s.called(); len(calls) != 1 {
				t.Errorf("%v", calls)
			}
		})
	}
	s := newASPSP(t)
	consent("scaRedirect", "https://bank.example/login?x=1")(s)
	connector := s.open(nil)
	if step, err := connector.Login(t.Context(), login(connector, true)); err != nil || step.URL != "https://bank.example/login?x=1" {
		t.Errorf("%+v, %v", step, err)
	}
	for href, want := range map[string]string{
		"https://XS2A.bank.example:443/psd2/v1/a%2Fb?x=%20#f": "https://xs2a.bank.example/psd2/v1/a%2Fb?x=%20", "/psd2/v1/a": "https://xs2a.bank.example/psd2/v1/a",
		"/v1/a%2Fb?x=1": "https://xs2a.bank.example/psd2/v1/a%2Fb?x=1", "v1/a": "https://xs2a.bank.example/psd2/v1/a", "/other/a": "https://xs2a.bank.example/other/a",
		"http://xs2a.bank.example/psd2/v1/a": "", "https://xs2a.bank.example.evil.example/": "", "": "", "https://evil.example\\@xs2a.bank.example/": "",
	} {
		i, err := entry{Code: "x", Name: "X", Country: "DE", URL: "https://xs2a.bank.example/psd2/"}.open("")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := i.link(href); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", href, got, err)
		}
	}
	if i := httpsBank(t, "https://xs2a.bank.example", nil).by["test-bank"]; i.browsable("http://127.0.0.1/login") || !i.browsable("https://bank.example/") {
		t.Error("http pages are for banks on this machine")
	}
}

func httpsBank(t *testing.T, address string, more map[string]any) *Connector {
	t.Helper()
	e := map[string]any{"code": "test-bank", "name": "Testbank", "country": "DE", "url": address, "headers": map[string]string{"X-Portal-Key": "k"}}
	for name, value := range more {
		e[name] = value
	}
	c, err := openText(t, map[string]any{"banks": []any{e}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCertificates talks to a bank that lets nobody in without a certificate that it trusts.
func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "A TPP"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	certificate, private := write("tpp.pem", "CERTIFICATE", der), write("tpp.key", "PRIVATE KEY", pkcs8)

	s := newASPSP(t)
	s.server.Close()
	mine, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(mine)
	s.server = httptest.NewUnstartedServer(s)
	s.server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	ca := write("ca.pem", "CERTIFICATE", s.server.Certificate().Raw)

	good := map[string]any{"clientCertificate": certificate, "clientKey": private, "caFile": ca}
	c := s.open(good)
	in := login(c, true)
	if _, access, err := drive(s, c, in, typed); err != nil {
		t.Error(err)
	} else {
		s.called()
		fetched(t, s, c, in, *access)
	}
	for name, file := range map[string]map[string]any{"no certificate": {"caFile": ca}, "a bank that nobody knows": {"clientCertificate": certificate, "clientKey": private}} {
		c := s.open(file)
		if _, err := c.Login(t.Context(), login(c, true)); err == nil {
			t.Error(name)
		} else {
			is(t, err, connect.BankUnavailable)
		}
	}
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.StartTLS()
	defer old.Close()
	c = httpsBank(t, old.URL, map[string]any{"caFile": write("old.pem", "CERTIFICATE", old.Certificate().Raw)})
	_, err = c.Login(t.Context(), login(c, true))
	is(t, err, connect.BankUnavailable)
}

func TestOpen(t *testing.T) {
	good := `"code":"b-1","name":"Bank","country":"DE","url":"https://xs2a.bank.example"`
	for text, want := range map[string]string{
		`{"banks":[{` + good + `}]}`: "",
		`{"banks":[{` + good + `,"approach":"DECOUPLED","consents":false,"historyDays":90,"headers":{"X-IBM-Client-Id":"k"},"access":"allPsd2","cardAccounts":true,"askLogin":true}]}`: "",
		`{"banks":[{"code":"b","name":"B","country":"DE","url":"http://localhost:8080/xs2a/"}]}`:                                                                                       "",
		`{"banks":[]}`: `banks: there is none`, `{}`: `banks: there is none`, `[]`: `json: cannot unmarshal array into Go value of type struct { Banks []json.RawMessage "json:\"banks\"" }`,
		`{"banks":[{` + good + `}]} {}`: `there is more after the end`, `{"bank":[]}`: `json: unknown field "bank"`,
		`{"banks":[{` + good + `,"iban":1}]}`:                                                      `bank "b-1": json: unknown field "iban"`,
		`{"banks":[{` + good + `,"historyDays":"x"}]}`:                                             `bank "b-1": json: cannot unmarshal string into Go struct field entry.historyDays of type int`,
		`{"banks":[{` + good + `},{` + good + `}]}`:                                                `bank "b-1": code: there are two banks of this code`,
		`{"banks":[{` + good + `},{"name":"x"}]}`:                                                  `bank 2: code: use 1 to 64 letters, digits and . _ -`,
		`{"banks":[{"code":"Sandbox-1"}]}`:                                                         `bank "Sandbox-1": code: the built-in banks begin with sandbox`,
		`{"banks":[{"code":"b"}]}`:                                                                 `bank "b": name: use 1 to 200 characters`,
		`{"banks":[{"code":"b","name":"B","country":"de"}]}`:                                       `bank "b": country: use two capital letters, such as DE`,
		`{"banks":[{"code":"b","name":"B","country":"DE"}]}`:                                       `bank "b": url: use an address such as https://xs2a.bank.example`,
		`{"banks":[{"code":"b","name":"B","country":"DE","url":"http://bank.example"}]}`:           `bank "b": url: use https (http only on this machine)`,
		`{"banks":[{"code":"b","name":"B","country":"DE","url":"https://a:b@bank.example"}]}`:      `bank "b": url: use an address such as https://xs2a.bank.example`,
		`{"banks":[{"code":"b","name":"B","country":"DE","url":"https://bank.example/v1/"}]}`:      `bank "b": url: leave out /v1 at the end`,
		`{"banks":[{"code":"b","name":"B","country":"DE","url":"https://bank.example/?a=b"}]}`:     `bank "b": url: use an address such as https://xs2a.bank.example`,
		`{"banks":[{` + good + `,"approach":"OAUTH"}]}`:                                            `bank "b-1": approach: use REDIRECT, EMBEDDED or DECOUPLED`,
		`{"banks":[{` + good + `,"access":"some"}]}`:                                               `bank "b-1": access: use offered or allPsd2`,
		`{"banks":[{` + good + `,"historyDays":0}]}`:                                               `bank "b-1": historyDays: use 1 to 1830`,
		`{"banks":[{` + good + `,"clientKey":"x"}]}`:                                               `bank "b-1": clientCertificate, clientKey: one does not go without the other`,
		`{"banks":[{` + good + `,"caFile":"banks.json"}]}`:                                         `bank "b-1": caFile: there is no certificate in it`, // beside the file itself
		`{"banks":[{"code":"b","name":"B","country":"DE","url":"http://127.0.0.1","caFile":"x"}]}`: `bank "b": clientCertificate, caFile: they need an https url`,
		`{"banks":[{` + good + `,"headers":{"psu-id":"x"}}]}`:                                      `bank "b-1": headers: psu-id is set by the connector`,
		`{"banks":[{` + good + `,"headers":{"a b":"x"}}]}`:                                         `bank "b-1": headers: "a b" is not the name of a header`,
		`{"banks":[{` + good + `,"headers":{"X-Key":"secret\n"}}]}`:                                `bank "b-1": headers: X-Key holds a character that is not allowed`,
	} {
		c, err := openText(t, text)
		if got := fmt.Sprint(err); got != want && !(want == "" && err == nil) {
			t.Errorf("%s:\n%s, want\n%s", text, got, want)
		}
		if err == nil {
			if _, err := connect.NewDirectory(c); err != nil || c.Name() != "berlin" || len(c.Banks()) != 1 {
				t.Error(err)
			}
		}
	}
	if _, err := openText(t, `{"banks":[{`+good+`,"clientCertificate":"x","clientKey":"y"}]}`); err == nil || !strings.HasPrefix(err.Error(), `bank "b-1": clientCertificate, clientKey: `) {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestStrangers(t *testing.T) {
	s, c, f, access := linked(t, true, nil, nil)
	other := connect.Bank{Code: "other"}
	_, err := c.Login(t.Context(), connect.Login{Bank: other})
	is(t, err, connect.NotSupported)
	is(t, c.Revoke(t.Context(), other, access.Secret), connect.NotSupported)
	is(t, c.Revoke(t.Context(), f.Bank, []byte(`{"consent":"../x`)), connect.Technical)
	f.Secret = []byte(`{}`)
	_, err = c.Fetch(t.Context(), f)
	is(t, err, connect.Technical)
	_, err = c.Answer(t.Context(), login(c, true), []byte(`x`), connect.Answer{})
	is(t, err, connect.Technical)
	_, err = c.Answer(t.Context(), login(c, true), []byte(`{"for":"x"}`), connect.Answer{})
	is(t, err, connect.Technical)
	if calls := s.called(); len(calls) > 0 {
		t.Errorf("%v", calls)
	}
	if !net.ParseIP("127.0.0.2").IsLoopback() || !loopback("app.localhost") || loopback("localhost.example") || loopback("10.0.0.1") || !loopback("::1") {
		t.Error("loopback")
	}
}

func TestBalances(t *testing.T) {
	for told, want := range map[string]string{
		`[]`: "",
		`[{"balanceType":"interimAvailable","balanceAmount":{"currency":"EUR","amount":"5"}},{"balanceType":"expected","balanceAmount":{"currency":"EUR","amount":"4.1"},"lastChangeDateTime":"2026-11-20T10:00:00+01:00"}]`:                                                             "4.10 2026-11-20T09:00:00Z",
		`[{"balanceType":"closingBooked","balanceAmount":{"currency":"EUR","amount":"5"},"referenceDate":"2026-11-18"},{"balanceType":"closingBooked","balanceAmount":{"currency":"EUR","amount":"6"},"referenceDate":"2026-11-19"}]`:                                                    "6.00 2026-11-19T00:00:00Z",
		`[{"balanceType":"closingBooked","balanceAmount":{"currency":"USD","amount":"5"}},{"balanceType":"madeUp","balanceAmount":{"currency":"EUR","amount":"6"}}]`:                                                                                                                     "",
		`[{"balanceType":"interimBooked","creditLimitIncluded":true,"balanceAmount":{"currency":"EUR","amount":"5000"}},{"balanceType":"forwardAvailable","balanceAmount":{"currency":"EUR","amount":"-6"},"lastChangeDateTime":"2026-11-20T10:00:00.123"}]`:                             "-6.00 2026-11-20T10:00:00Z",
		`[{"balanceType":"closingBooked","balanceAmount":{"currency":"EUR","amount":"5"}},{"balanceType":"closingBooked","balanceAmount":{"currency":"EUR","amount":"7"},"referenceDate":"2026-11-19"},{"balanceType":"interimBooked","balanceAmount":{"currency":"EUR","amount":"8"}}]`: "8.00",
		`[{"balanceType":"closingBooked","balanceAmount":{"currency":"EUR","amount":"5,0"}}]`: "BANK.INVALID_ANSWER",
	} {
		var all []balance
		if err := json.Unmarshal([]byte(told), &all); err != nil {
			t.Fatal(err)
		}
		l := listed{Account: connect.Account{Currency: "EUR"}}
		got := ""
		if err := l.take(all, false); err != nil {
			got = err.Error()
		} else if l.Balance != nil {
			got = l.Balance.String()
			if l.BalanceAsOf != nil {
				got += " " + l.BalanceAsOf.Format(time.RFC3339)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", told, got, want)
		}
	}
}

func TestTransactions(t *testing.T) {
	long := strings.Repeat("ä", 3000)
	for text, want := range map[string]string{
		`{"booked":[{"transactionId":"1","bookingDate":"2026-11-01","transactionAmount":{"currency":"EUR","amount":"-1.10"},"ultimateCreditor":" A \n B\u0000","creditorAccount":{"bban":"12 34"},"remittanceInformationUnstructured":"x y","additionalInformation":"x"}]}`: `  1 POSTED DEBIT 1.10 2026-11-01 - | x y | A B 1234 | -`,
		// the account's own number is nobody else's
		`{"booked":[{"transactionId":" ","entryReference":"e","bookingDate":"2026-11-01T00:00:00Z","transactionAmount":{"currency":"EUR","amount":"0"},"debtorAccount":{"iban":"de89 3704 0044 0532 0130 00"},"remittanceInformationStructured":"RF1","additionalInformation":"more"}]}`: `  e POSTED CREDIT 0.00 2026-11-01 - | RF1 more | - - | -`,
		`{"booked":[{"transactionId":"1","valueDate":"2026-11-02","transactionAmount":{"currency":"EUR","amount":"1"},"remittanceInformationStructuredArray":[{"reference":"A"},"B",{"referenceType":"x"}],"merchantCategoryCode":"12"}]}`:                                               `  1 POSTED CREDIT 1.00 2026-11-02 2026-11-02 | A B | - - | -`,
		`{"pending":[{"transactionAmount":{"currency":"EUR","amount":"1"},"remittanceInformationStructured":null}]}`:                                                                                                                                                                     `  made PENDING CREDIT 1.00 2026-11-21 - |  | - - | -`,
		`{"pending":[{"transactionAmount":{"currency":"EUR","amount":"1"},"bookingDate":"2026-12-24"}]}`:                                                                                                                                                                                 `  made PENDING CREDIT 1.00 2026-11-21 - |  | - - | -`,
		`{"booked":[{"transactionId":"` + strings.Repeat("i", 151) + `","bookingDate":"2026-11-01","transactionAmount":{"currency":"EUR","amount":"1"},"remittanceInformationUnstructured":"` + long + `"}]}`:                                                                            `  hash-6a24ba57bdd9c1b9f7aae8f4e2b0d6ff POSTED CREDIT 1.00 2026-11-01 - | ` + long[:4000] + ` | - - | -`,
		`{"booked":[{"bookingDate":"2026-11-01","transactionAmount":{"currency":"USD","amount":"1"}}]}`:                                                                                                                                                                                  "BANK.INVALID_ANSWER",
		`{"booked":[{"bookingDate":"2026-11-01","transactionAmount":{"currency":"EUR","amount":"1.001"}}]}`:                                                                                                                                                                              "BANK.INVALID_ANSWER",
		`{"booked":[{"bookingDate":"2026-11-01","transactionAmount":{"currency":"EUR","amount":"1e3"}}]}`:                                                                                                                                                                                "BANK.INVALID_ANSWER",
		`{"booked":[{"bookingDate":"01.11.2026","transactionAmount":{"currency":"EUR","amount":"1"}}]}`:                                                                                                                                                                                  "BANK.INVALID_ANSWER",
		`{"booked":[{"transactionAmount":{"currency":"EUR","amount":"1"}}]}`:                                                                                                                                                                                                             "BANK.INVALID_ANSWER",
		`{"booked":[{"bookingDate":"2026-11-01"}]}`: "BANK.INVALID_ANSWER",
	} {
		var page rows
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			t.Fatal(text, err)
		}
		a := connect.Account{IBAN: "DE89370400440532013000", Currency: "EUR"}
		all, err := page.read(a, false, day(today))
		got := fmt.Sprint(err)
		if err == nil {
			connect.Identify(all)
			got = strings.Join(lines([]connect.Account{{Transactions: all}})[1:], "\n")
		}
		if hash, rest, ok := strings.Cut(got, " POSTED"); ok && strings.HasPrefix(hash, "  hash-") && len(hash) == 2+5+64 {
			got = "  hash-6a24ba57bdd9c1b9f7aae8f4e2b0d6ff POSTED" + rest
		}
		if got != want {
			t.Errorf("%.300s:\n%s, want\n%s", text, got, want)
		}
	}
}

// FuzzTransactions maps whatever a bank can say: what comes out can be kept.
func FuzzTransactions(f *testing.F) {
	f.Add([]byte(`{"booked":[{"transactionId":"1","bookingDate":"2026-11-01","transactionAmount":{"currency":"EUR","amount":"-1.10"},"creditorName":"A","creditorAccount":{"iban":"DE02"},"remittanceInformationStructuredArray":[{"reference":"A"},"B"]}]}`), false)
	f.Add([]byte(`{"pending":[{"valueDate":"2026-11-30","transactionAmount":{"currency":"EUR","amount":"7"},"debtorName":"\u0000\ud800","merchantCategoryCode":"5411"},{"transactionAmount":{"currency":"EUR","amount":"-0"}}]}`), true)
	f.Add([]byte(`{"booked":[{"bookingDate":"9999-12-31","transactionAmount":{"currency":"EUR","amount":"999999999999999.99"},"additionalInformation":"\n\t"}],"pending":null}`), false)
	f.Fuzz(func(t *testing.T, text []byte, positive bool) {
		var page rows
		if json.Unmarshal(text, &page) != nil {
			return
		}
		all, err := page.read(connect.Account{IBAN: "DE89370400440532013000", Currency: "EUR"}, positive, day(today))
		if err != nil {
			if err.Error() != string(connect.BankAnswer) {
				t.Fatal(err)
			}
			return
		}
		if len(all) != len(page.Booked)+len(page.Pending) {
			t.Fatalf("%d transactions became %d", len(page.Booked)+len(page.Pending), len(all))
		}
		connect.Identify(all)
		for i, x := range all {
			told := slices.Concat(page.Booked, page.Pending)[i]
			if faults := x.Check("", "EUR"); len(faults) > 0 || x.ExternalID == nil || *x.ExternalID == "" || x.Amount.IsNeg() || (x.Status == bank.Posted) != (i < len(page.Booked)) {
				t.Fatalf("%+v: %v", x, faults)
			}
			m, err := told.Amount.money()
			if err != nil || m.Amount.Abs().Cmp(x.Amount) != 0 || !m.Amount.IsZero() && (m.Amount.IsNeg() != positive) != (x.BaseType == bank.Debit) {
				t.Fatalf("%+v became %+v", told, x)
			}
		}
	})
}
