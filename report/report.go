// Package report makes reports of a consumer's transactions: what a case and a report are, and the reports, a file each.
// It is pure: the same input gives the same bytes.
//
// What holds for all reports:
//
//   - The transactions of a period are those whose booking date lies in it, both ends included. Only POSTED ones count.
//   - Reports of money in and out look at accounts of the containers BANK and CARD. A movement between two accounts of
//     the same consumer counts in none of them, and what goes to another category of type TRANSFER neither.
//   - Amounts are in the consumer's currency. Another currency's are converted one by one at the rate of the booking
//     date and rounded to the currency's minor unit, a half away from zero: so the parts of a sum add up to it. An
//     account with a posted transaction for whose day there is no rate is left out as a whole, and named.
//   - Months are calendar months. A period may begin or end within one; averages a month are over Coverage.Averaged.
//   - Shares are percent with two decimals, a half away from zero. There is none of a whole that is not above zero.
//   - The header names the transactions of the numbers by a Selection. Each part of a report says what narrows it to the
//     part's own: categories, party (see PartyOf), direction, days.
package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/govalues/decimal"
	"github.com/segmentio/encoding/json"

	"insightgraph/bank"
	"insightgraph/paper"
)

// Type is the kind of a report.
type Type string

// The types.
const (
	TypeShopping                Type = "SHOPPING"
	TypeBalances                Type = "BALANCES"
	TypeBalanceOverTime         Type = "BALANCE_OVER_TIME"
	TypeIncome                  Type = "INCOME"
	TypeSpending                Type = "SPENDING"
	TypeRentAndLiving           Type = "RENT_AND_LIVING"
	TypeInsurance               Type = "INSURANCE"
	TypeRecurring               Type = "RECURRING"
	TypeRiskIndicators          Type = "RISK_INDICATORS"
	TypeCategorizedTransactions Type = "CATEGORIZED_TRANSACTIONS"
	TypeAccountInfo             Type = "ACCOUNT_INFO"
)

// All is the table of contents.
var All = []Definition{
	shopping,
	balances,
	balanceOverTime,
	income,
	spending,
	rentAndLiving,
	insurance,
	recurring,
	riskIndicators,
	categorizedTransactions,
	accountInfo,
}

// Definition is one report.
type Definition struct {
	Type        Type
	Title       string
	Description string

	Before int  // how many calendar months of transactions before the month of Period.From Build wants to see
	After  bool // whether it wants those after the period too, up to the latest: balances are counted back from today's

	// Build makes the report. It never fails: what cannot be counted is left out and said in Coverage.
	Build func(Input) Result

	empty func() Result // for Decode
}

// ByType finds a report.
func ByType(t Type) (Definition, bool) {
	i := slices.IndexFunc(All, func(d Definition) bool { return d.Type == t })
	if i < 0 {
		return Definition{}, false
	}
	return All[i], true
}

// Needs is the booking dates of the transactions that Build wants for a period; To is nil where there is no end.
func (d Definition) Needs(p bank.Period) (from bank.Date, to *bank.Date) {
	if from = p.From; d.Before > 0 {
		from = p.From.AddMonths(-d.Before)
	}
	if !d.After {
		to = &p.To
	}
	return from, to
}

// Decode reads a result that json.Marshal wrote.
func (d Definition) Decode(b []byte) (Result, error) {
	r := d.empty()
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("read the %s report: %w", d.Type, err)
	}
	return r, nil
}

// Doc is the document to look at and to print of a report that has SUCCEEDED. It does not say who the consumer is.
func (d Definition) Doc(r Report, result Result) paper.Doc {
	h := result.Head()
	doc := paper.Doc{Title: d.Title + " report", Subtitle: dayText(h.Period.From) + " to " + dayText(h.Period.To), Blocks: result.Sheet()}
	if d.Type == TypeAccountInfo {
		doc.Title = d.Title
	}
	var names []string
	for _, a := range h.Accounts {
		if a.LeftOut != ReasonContainer {
			names = append(names, a.text())
		}
	}
	doc.Facts = []paper.Fact{
		{Label: "Period", Value: doc.Subtitle + ", " + count(h.Period.Days(), "day")},
		{Label: "Accounts", Value: cmp.Or(strings.Join(names, "; "), "None")},
		{Label: "Currency", Value: string(h.Currency)},
		{Label: "Data", Value: h.coverageText()},
	}
	if r.FinishedAt != nil {
		doc.Made = *r.FinishedAt
		doc.Facts = append(doc.Facts, paper.Fact{Label: "Made", Value: r.FinishedAt.UTC().Format("2 Jan 2006, 15:04") + " UTC"})
	}
	doc.Footer = "Source: booked transactions of these accounts, as they were known when the report was made. What a transaction was for is recognised from its data and can be wrong." +
		h.leftOutText() + " Report " + r.Ref().String() + "."
	return doc
}

// account finds an account of the report.
func (h *Header) account(ref bank.Ref) (a Account) {
	if i := slices.IndexFunc(h.Accounts, func(a Account) bool { return a.ID == ref }); i >= 0 {
		a = h.Accounts[i]
	}
	return a
}

// text is an account's name with its bank and the end of its IBAN.
func (a Account) text() string {
	s := a.Name
	if a.ProviderName != "" && a.ProviderName != a.Name {
		s += ", " + a.ProviderName
	}
	if a.IBAN != nil && len(*a.IBAN) > 4 {
		s += ", IBAN …" + (*a.IBAN)[len(*a.IBAN)-4:]
	}
	return s
}

// coverageText says what the data is, and what is missing of it.
func (h *Header) coverageText() string {
	c := h.Coverage
	if c.FirstDate == nil {
		return "There are no booked transactions in this period." + h.missingText()
	}
	s := fmt.Sprintf("Transactions %s, in %d of %s", spanText(bank.Period{From: *c.FirstDate, To: *c.LastDate}), c.MonthsWithData, count(c.Months, "month"))
	for _, l := range c.LeftOut {
		if l.Reason == ReasonUncategorized {
			verb := "are"
			if l.TransactionCount == 1 {
				verb = "is"
			}
			var amounts []string
			if !l.DebitTotal.Amount.IsZero() {
				amounts = append(amounts, moneyText(*l.DebitTotal)+" out")
			}
			if !l.CreditTotal.Amount.IsZero() {
				amounts = append(amounts, moneyText(*l.CreditTotal)+" in")
			}
			s += fmt.Sprintf("; %s without a category (%s) %s not in the numbers", count(l.TransactionCount, "transaction"), cmp.Or(strings.Join(amounts, ", "), "of nothing"), verb)
		}
	}
	return s + "." + h.missingText()
}

// missingText names the accounts that are not in the numbers, or only for a part of the period.
func (h *Header) missingText() (s string) {
	for _, a := range h.Accounts {
		switch {
		case a.LeftOut == ReasonContainer:
		case a.LeftOut == ReasonNoBalance:
			s += fmt.Sprintf(" %s is left out: its balance is not known.", a.Name)
		case a.NoRate != nil:
			s += fmt.Sprintf(" %s is left out of amounts in %s: there is no rate from %s for %s.", a.Name, a.NoRate.To, a.NoRate.From, dayText(a.NoRate.Day))
		case a.LeftOut != "":
			s += fmt.Sprintf(" %s is left out: its amounts are too large.", a.Name)
		case a.FirstDate == nil && h.Coverage.FirstDate != nil:
			s += fmt.Sprintf(" %s has none.", a.Name)
		case a.FirstDate != nil && a.FirstDate.Month() > h.Coverage.FirstDate.Month():
			s += fmt.Sprintf(" %s only from %s.", a.Name, dayText(*a.FirstDate))
		}
	}
	return s
}

var reasonNames = map[Reason]string{
	ReasonContainer: "of other accounts than bank accounts and cards", ReasonNoRate: "of accounts in a currency without a rate", ReasonTooLarge: "of accounts with too large amounts",
	ReasonNoBalance: "of accounts whose balance is not known", ReasonPending: "not booked yet", ReasonTransfer: "between own accounts, to savings or to other people",
	ReasonUncategorized: "without a category", ReasonOther: "in categories that this report is not about",
}

func (h *Header) leftOutText() string {
	var parts []string
	for _, l := range h.Coverage.LeftOut {
		parts = append(parts, count(l.TransactionCount, "transaction")+" "+reasonNames[l.Reason])
	}
	if parts == nil {
		return ""
	}
	return " Not in the numbers: " + strings.Join(parts, "; ") + "."
}

// Input is everything that a report may look at, for one consumer.
type Input struct {
	Consumer     bank.Consumer
	Period       bank.Period        // of the case
	Accounts     []bank.Account     // of the case, each in any order
	Transactions []bank.Transaction // of those accounts, POSTED and PENDING, of the days that Definition.Needs tells
	Quotes       bank.Quotes        // for accounts in other currencies than the consumer's
	Limits       []Limit            // SHOPPING only

	// Oldest is the booking date of each account's first posted transaction, by account id, where the caller knows it; else
	// it is that of the first of Transactions. ACCOUNT_INFO tells it, and balances are known from it on.
	Oldest map[int64]bank.Date

	// Earlier is what was posted from the day of an account's told balance to the day before the first of Transactions, by
	// account id, for a Definition with After; a balance that is older than the period is counted forth by it.
	Earlier map[int64][]Moved
}

// Moved is what the posted transactions of a day come to, debits below zero.
type Moved struct {
	Day    bank.Date
	Amount decimal.Decimal
}

// Result is a built report: a pointer to the struct of its type. json.Marshal gives the same bytes for the same input.
type Result interface {
	Head() *Header
	Sheet() []paper.Block // what a reader is shown of it, what matters most first; see Definition.Doc
}

// Header is what all reports begin with.
type Header struct {
	Type             Type          `json:"type"`
	Currency         bank.Currency `json:"currency"` // of all amounts that name no other
	Period           bank.Period   `json:"period"`
	Accounts         []Account     `json:"accounts"` // of the case, by id
	Coverage         Coverage      `json:"coverage"`
	TransactionCount int           `json:"transactionCount"` // transactions in the report's numbers
	Used             Selection     `json:"used"`             // which they are: it finds them as they are now
}

// Head is the header itself.
func (h *Header) Head() *Header { return h }

// Account is an account as it was when the report was made.
type Account struct {
	ID           bank.Ref           `json:"id"`
	Name         string             `json:"name"`
	ProviderName string             `json:"providerName"`
	Container    bank.Container     `json:"container"`
	Type         string             `json:"type"`
	Status       bank.AccountStatus `json:"status"`
	Currency     bank.Currency      `json:"currency"`
	IBAN         *string            `json:"iban,omitempty"`
	LeftOut      Reason             `json:"leftOut,omitempty"` // why the whole account counts nowhere in the report
	NoRate       *NoRate            `json:"noRate,omitempty"`  // the first rate that was missing

	// Of the posted transactions in the period; none of an account that is left out.
	FirstDate        *bank.Date `json:"firstDate"`
	LastDate         *bank.Date `json:"lastDate"`
	TransactionCount int        `json:"transactionCount"`
}

// NoRate is a rate that nobody has given: what one unit of From was worth in To on a day.
type NoRate struct {
	From bank.Currency `json:"from"`
	To   bank.Currency `json:"to"`
	Day  bank.Date     `json:"day"`
}

// Coverage says what the data at hand is, beside what was asked for.
type Coverage struct {
	Asked          bank.Period `json:"asked"`
	FirstDate      *bank.Date  `json:"firstDate"`      // of any posted transaction of the counted accounts in the period
	LastDate       *bank.Date  `json:"lastDate"`       // likewise
	Months         int         `json:"months"`         // calendar months that the period touches
	MonthsWithData int         `json:"monthsWithData"` // those of them with a posted transaction

	// Complete: there is a posted transaction in each calendar month that the period touches, and no account that the report
	// is about was left out.
	Complete bool `json:"complete"`

	// Averaged is the whole months that averages a month are over: the complete months of the period, from where the data
	// begins to the month of its last transaction. The month in which it begins is one of them if it does so by the
	// fifteenth. Nil if there is none.
	Averaged *bank.Period `json:"averaged"`

	Counted int       `json:"counted"` // transactions of the period that are in the report's numbers
	LeftOut []LeftOut `json:"leftOut"` // all others of the period and the case's accounts, each once, by reason
}

// Reason is why a transaction or an account is not in a report's numbers.
type Reason string

// The reasons. Where several hold the first of this list is given.
const (
	ReasonContainer     Reason = "OTHER_CONTAINER" // of an account that is neither BANK nor CARD
	ReasonNoRate        Reason = "NO_RATE"         // of an account in a currency that cannot be converted
	ReasonTooLarge      Reason = "TOO_LARGE"       // of an account whose amounts cannot be added up
	ReasonNoBalance     Reason = "NO_BALANCE"      // of an account whose balance is not known
	ReasonPending       Reason = "PENDING"         // not booked yet
	ReasonTransfer      Reason = "TRANSFER"        // between the consumer's own accounts, or of a category of type TRANSFER
	ReasonUncategorized Reason = "UNCATEGORIZED"   // nobody knows what it was for
	ReasonOther         Reason = "OTHER_CATEGORY"  // not what this report is about
)

// Reasons lists all reasons.
var Reasons = []Reason{ReasonContainer, ReasonNoRate, ReasonTooLarge, ReasonNoBalance, ReasonPending, ReasonTransfer, ReasonUncategorized, ReasonOther}

// LeftOut is what was left out for one reason. The totals are nil where they cannot be had.
type LeftOut struct {
	Reason           Reason      `json:"reason"`
	TransactionCount int         `json:"transactionCount"`
	CreditTotal      *bank.Money `json:"creditTotal"`
	DebitTotal       *bank.Money `json:"debitTotal"`
}

// Amount is a sum and the number of its transactions.
type Amount struct {
	Total            bank.Money `json:"total"`
	TransactionCount int        `json:"transactionCount"`
}

// Month is one calendar month's part of a sum. All months that the period touches are there, zeros too.
type Month struct {
	Month bank.Date `json:"month"` // its first day
	Amount
}

// CategoryAmount is one category's part of a sum.
type CategoryAmount struct {
	CategoryID int    `json:"categoryId"`
	Name       string `json:"name"`
	Amount
	Share *decimal.Decimal `json:"share"` // of the sum that it is part of
}

// Party is one shop's, employer's or landlord's part of a sum. What came back from it is set against it in the month in
// which it came back, so a total can be below zero.
type Party struct {
	Rank     int     `json:"rank"`     // from 1: by PaymentCount, then by total, then by name; who is unknown comes last
	Name     string  `json:"name"`     // as PartyOf has it; "Unknown" where nobody is named
	Unnamed  bool    `json:"unnamed"`  // nobody is named: PartyOf is ""
	Merchant *string `json:"merchant"` // nil where no merchant was recognised
	Amount
	Share         *decimal.Decimal `json:"share"`         // of the sum that it is part of
	PaymentCount  int              `json:"paymentCount"`  // transactions in the sum's own direction
	AverageAmount *bank.Money      `json:"averageAmount"` // of these, what came back not taken off; nil without any
	RefundCount   int              `json:"refundCount"`   // transactions the other way
	RefundTotal   bank.Money       `json:"refundTotal"`
	FirstDate     bank.Date        `json:"firstDate"`
	LastDate      bank.Date        `json:"lastDate"`
	Interval      Interval         `json:"interval,omitempty"` // how regularly it was paid in the period; empty: not at all
}

// Section is a part of a report with a sum of its own.
type Section struct {
	Kind        string `json:"kind"`
	CategoryIDs []int  `json:"categoryIds"` // whose transactions it counts, exactly these
	Amount
	Share           *decimal.Decimal `json:"share"`           // of the report's total
	AveragePerMonth *bank.Money      `json:"averagePerMonth"` // over Coverage.Averaged; nil without it
	Monthly         []Month          `json:"monthly"`
	Categories      []CategoryAmount `json:"categories"` // the dearest first
	Parties         []Party          `json:"parties"`
}
