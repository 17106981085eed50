package report

import (
	"fmt"
	"strings"
	"time"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/paper"
)

// accountInfo tells what is known of the accounts themselves, of any container. Nothing is converted or added up.
var accountInfo = Definition{
	Type:        TypeAccountInfo,
	Title:       "Account information",
	Description: "What is known of each account: bank, kind, balance, limit, and how far its transactions reach.",
	Build:       func(in Input) Result { return buildAccountInfo(in) },
	empty:       func() Result { return new(AccountInfo) },
}

// AccountInfo is the Account Info report. Its coverage counts the posted transactions of all accounts.
type AccountInfo struct {
	Header
	Infos []Info `json:"infos"`
}

// Info is one account.
type Info struct {
	Account               bank.Ref    `json:"account"`
	Country               string      `json:"country"` // of its IBAN, ISO 3166; empty if unknown
	OpenedOn              *bank.Date  `json:"openedOn"`
	Balance               *bank.Money `json:"balance"`
	BalanceAsOf           *time.Time  `json:"balanceAsOf"`
	CreditLimit           *bank.Money `json:"creditLimit"`
	OldestTransactionDate *bank.Date  `json:"oldestTransactionDate"` // of a posted one, in or before the period
	NewestTransactionDate *bank.Date  `json:"newestTransactionDate"` // of a posted one in the period
	TransactionCount      int         `json:"transactionCount"`      // posted ones in the period
}

func buildAccountInfo(given Input) *AccountInfo {
	f := order(given, TypeAccountInfo, bank.Containers, false)
	f.takeAll()
	r := &AccountInfo{Header: f.head, Infos: []Info{}}
	for _, a := range f.accounts {
		own := f.header(a.ID)
		i := Info{Account: a.Ref(), Country: category.CountryOf(a.IBAN), OpenedOn: a.OpenedOn, BalanceAsOf: a.BalanceAsOf, CreditLimit: a.Limit(),
			OldestTransactionDate: own.FirstDate, NewestTransactionDate: own.LastDate, TransactionCount: own.TransactionCount}
		if b := a.CurrentBalance(); b != nil {
			i.Balance = &b.Current
		}
		if day, known := given.Oldest[a.ID]; known {
			i.OldestTransactionDate = &day
		}
		r.Infos = append(r.Infos, i)
	}
	return r
}

// Sheet is a table with a column for each thing that is known.
func (r *AccountInfo) Sheet() []paper.Block {
	t := paper.Table{Columns: []paper.Column{{Title: "Account"}, {Title: "Bank"}, {Title: "Kind"}, {Title: "IBAN"}, {Title: "Balance", Number: true}, {Title: "As of"}, {Title: "Credit limit", Number: true}}}
	reach := paper.Table{Caption: "How far the transactions reach", Columns: []paper.Column{{Title: "Account"}, {Title: "Opened"}, {Title: "Oldest"}, {Title: "Newest in the period"},
		{Title: "In the period", Number: true}, {Title: "Status"}}}
	for _, x := range r.Infos {
		a := r.account(x.Account)
		iban, asOf := "", ""
		if a.IBAN != nil {
			iban = *a.IBAN
		}
		if x.BalanceAsOf != nil {
			asOf = dayText(bank.DateOf(*x.BalanceAsOf, time.UTC))
		}
		t.Rows = append(t.Rows, []string{a.Name, a.ProviderName, strings.TrimSuffix(title(a.Container)+", "+strings.ToLower(title(a.Type)), ", "), iban, moneyOrNone(x.Balance), asOf, moneyOrNone(x.CreditLimit)})
		reach.Rows = append(reach.Rows, []string{a.Name, dayOrNone(x.OpenedOn), dayOrNone(x.OldestTransactionDate), dayOrNone(x.NewestTransactionDate), fmt.Sprint(x.TransactionCount), title(a.Status)})
	}
	return []paper.Block{t, reach}
}
