package berlin

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"insightgraph/bank"
	"insightgraph/connect"
)

// account is an account or a card account, as the interface tells it.
type account struct {
	ResourceID  string    `json:"resourceId"`
	IBAN        string    `json:"iban"`
	Currency    string    `json:"currency"`
	Name        string    `json:"name"`
	DisplayName string    `json:"displayName"`
	Product     string    `json:"product"`
	Type        string    `json:"cashAccountType"`
	Status      string    `json:"status"`
	Positive    bool      `json:"debitAccounting"`
	Limit       *amount   `json:"creditLimit"`
	Balances    []balance `json:"balances"`
	Links       links     `json:"_links"`
}

type amount struct {
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
}

func (a amount) money() (bank.Money, error) {
	d, f := bank.ParseAmount("amount", a.Amount)
	if f != nil {
		return bank.Money{}, connect.Is(connect.BankAnswer)
	}
	m, f := bank.Money{Amount: d, Currency: bank.Currency(a.Currency)}.Check("amount")
	if f != nil {
		return bank.Money{}, connect.Is(connect.BankAnswer)
	}
	return m, nil
}

type balance struct {
	Amount    amount `json:"balanceAmount"`
	Type      string `json:"balanceType"`
	WithLimit bool   `json:"creditLimitIncluded"`
	Changed   string `json:"lastChangeDateTime"`
	Day       string `json:"referenceDate"`
}

// kinds are the ISO 20022 codes of accounts that are not simply accounts for payments.
var kinds = map[string]struct {
	container bank.Container
	name      string
}{
	"CARD": {bank.ContainerCard, "CREDIT"}, "LOAN": {bank.ContainerLoan, "LOAN"}, "MGLD": {bank.ContainerLoan, "LOAN"},
	"SVGS": {bank.ContainerBank, "SAVINGS"}, "LLSV": {bank.ContainerBank, "SAVINGS"}, "ONDP": {bank.ContainerBank, "SAVINGS"}, "MOMA": {bank.ContainerBank, "SAVINGS"},
	"TRAS": {bank.ContainerInvestment, "INVESTMENT"}, "OTHR": {bank.ContainerBank, "OTHER"},
}

// read maps an account. ok is false where there is nothing to read: it is deleted, has no address, or holds several
// currencies (XXX).
func (a account) read(bankName string, card bool) (mapped connect.Account, ok bool, err error) {
	currency, f := bank.ParseCurrency("currency", a.Currency)
	if f != nil || a.Status == "deleted" || a.ResourceID == "" {
		return mapped, false, nil
	}
	if err := checkID(a.ResourceID); err != nil {
		return mapped, false, err
	}
	mapped = connect.Account{ID: a.ResourceID, Container: bank.ContainerBank, Type: "CHECKING", Currency: currency}
	if k, special := kinds[a.Type]; special {
		mapped.Container, mapped.Type = k.container, k.name
	}
	if card {
		mapped.Container, mapped.Type = bank.ContainerCard, "CREDIT"
	}
	for _, name := range []string{a.DisplayName, a.Name, a.Product, bankName} {
		mapped.Name = cmp.Or(mapped.Name, clean(name, bank.MaxName))
	}
	if iban, f := bank.ParseIBAN("iban", a.IBAN); f == nil {
		mapped.IBAN = iban
	}
	if a.Limit != nil && a.Limit.Currency == a.Currency {
		m, err := a.Limit.money()
		if err != nil {
			return mapped, false, err
		}
		mapped.CreditLimit = &m.Amount
	}
	l := listed{Account: mapped}
	err = l.take(a.Balances, card && a.Positive)
	return l.Account, err == nil, err
}

// balanceOrder is which of several balances is an account's: what is booked before what is expected, and what may be spent
// only where there is nothing else. One that has a credit limit in it comes after all others; of two alike the later one
// counts.
var balanceOrder = []string{"interimBooked", "closingBooked", "expected", "openingBooked", "interimAvailable", "forwardAvailable", "nonInvoiced"}

// take sets the balance. Balances in other currencies are of other accounts under the same IBAN.
func (l *listed) take(told []balance, positive bool) error {
	type candidate struct {
		balance
		rank int
		at   *time.Time
	}
	var all []candidate
	for _, b := range told {
		rank := slices.Index(balanceOrder, b.Type)
		if rank < 0 || b.Amount.Currency != string(l.Currency) {
			continue
		}
		if b.WithLimit {
			rank += len(balanceOrder)
		}
		all = append(all, candidate{b, rank, moment(b.Changed, b.Day)})
	}
	if len(all) == 0 {
		return nil
	}
	best := slices.MinFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), later(a.at, b.at))
	})
	m, err := best.Amount.money()
	if err != nil {
		return err
	}
	if positive {
		m.Amount = m.Amount.Neg()
	}
	l.Balance, l.BalanceAsOf = &m.Amount, best.at
	return nil
}

// later orders the later time first, and no time last.
func later(a, b *time.Time) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return b.Compare(*a)
}

// moment reads a time, or else a day. Times without a zone are taken as UTC.
func moment(at, day string) *time.Time {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(form, at); err == nil && t.Year() >= 1900 && t.Year() <= 9999 {
			t = t.UTC()
			return &t
		}
	}
	if d, err := bank.ParseDate(day); err == nil {
		t := d.Time()
		return &t
	}
	return nil
}

// transaction is a movement on an account or a card account.
type transaction struct {
	ID                string     `json:"transactionId"`
	CardID            string     `json:"cardTransactionId"`
	EntryReference    string     `json:"entryReference"`
	BookingDate       string     `json:"bookingDate"`
	ValueDate         string     `json:"valueDate"`
	TransactionDate   string     `json:"transactionDate"`
	Amount            amount     `json:"transactionAmount"`
	CreditorName      string     `json:"creditorName"`
	CreditorAccount   *reference `json:"creditorAccount"`
	UltimateCreditor  string     `json:"ultimateCreditor"`
	DebtorName        string     `json:"debtorName"`
	DebtorAccount     *reference `json:"debtorAccount"`
	UltimateDebtor    string     `json:"ultimateDebtor"`
	Unstructured      string     `json:"remittanceInformationUnstructured"`
	UnstructuredArray []string   `json:"remittanceInformationUnstructuredArray"`
	Structured        remittance `json:"remittanceInformationStructured"`
	StructuredArray   remittance `json:"remittanceInformationStructuredArray"`
	Additional        string     `json:"additionalInformation"`
	CardDetails       string     `json:"transactionDetails"`
	MCC               string     `json:"merchantCategoryCode"`
}

type reference struct {
	IBAN string `json:"iban"`
	BBAN string `json:"bban"`
}

// remittance is a structured purpose: a reference, an object with one, or a list of those. Versions of the interface
// differ.
type remittance []string

// UnmarshalJSON reads any of the forms.
func (r *remittance) UnmarshalJSON(text []byte) error {
	parts := []json.RawMessage{text}
	if text[0] == '[' {
		if err := json.Unmarshal(text, &parts); err != nil {
			return err
		}
	}
	*r = nil
	for _, part := range parts {
		var one struct {
			Reference string `json:"reference"`
		}
		into := any(&one)
		if part[0] == '"' {
			into = &one.Reference
		}
		if err := json.Unmarshal(part, into); err != nil {
			return err
		}
		*r = append(*r, one.Reference)
	}
	return nil
}

// read maps a page. positive is true for a card whose debits are told as positive amounts.
func (p rows) read(a connect.Account, positive bool, today bank.Date) (all []bank.Transaction, err error) {
	for n, x := range slices.Concat(p.Booked, p.Pending) {
		status := bank.Posted
		if n >= len(p.Booked) {
			status = bank.Pending
		}
		mapped, err := x.read(a, status, positive, today)
		if err != nil {
			return nil, err
		}
		all = append(all, mapped)
	}
	return all, nil
}

// read maps a transaction. One that cannot be kept as it is spoils the answer: leaving it out would make sums wrong.
func (x transaction) read(a connect.Account, status bank.TransactionStatus, positive bool, today bank.Date) (t bank.Transaction, err error) {
	bad := connect.Is(connect.BankAnswer)
	m, err := x.Amount.money()
	if err != nil {
		return t, err
	}
	if positive {
		m.Amount = m.Amount.Neg()
	}
	t = bank.Transaction{Status: status, BaseType: bank.Credit, Amount: m.Amount, Currency: m.Currency}
	name, account := cmp.Or(x.DebtorName, x.UltimateDebtor), x.DebtorAccount
	if t.Amount.IsNeg() {
		t.BaseType, t.Amount = bank.Debit, t.Amount.Neg()
		name, account = cmp.Or(x.CreditorName, x.UltimateCreditor), x.CreditorAccount
	}
	if t.BookingDate, t.ValueDate, err = x.days(status, today); err != nil {
		return t, bad
	}
	t.ExternalID = identity(x.ID, x.CardID, x.EntryReference)
	t.CounterpartyName = optional(clean(name, bank.MaxName))
	if account != nil {
		number := strings.ToUpper(strings.ReplaceAll(clean(cmp.Or(account.IBAN, account.BBAN), 50), " ", ""))
		if number != a.IBAN {
			t.CounterpartyIBAN = optional(number)
		}
	}
	if len(x.MCC) == 4 && strings.Trim(x.MCC, "0123456789") == "" {
		t.MCC = &x.MCC
	}
	t.Description = x.description()
	if len(t.Check("", a.Currency)) > 0 {
		return t, bad
	}
	return t, nil
}

// days are the booking date and the value date. What is pending has no booking date yet: it counts from the day of a card's
// use, from its value date, or from today, and no later. A card's value date is when the card is paid.
func (x transaction) days(status bank.TransactionStatus, today bank.Date) (booked bank.Date, value *bank.Date, err error) {
	read := func(s string) (bank.Date, error) {
		day, _, _ := strings.Cut(s, "T")
		return bank.ParseDate(day)
	}
	if x.ValueDate != "" {
		d, err := read(x.ValueDate)
		if err != nil {
			return 0, nil, err
		}
		value = &d
	}
	switch first := cmp.Or(x.BookingDate, x.TransactionDate, x.ValueDate); {
	case first != "":
		booked, err = read(first)
	case status == bank.Pending:
		booked = today
	default:
		err = connect.Is(connect.BankAnswer)
	}
	if status == bank.Pending {
		booked = min(booked, today)
	}
	return booked, value, err
}

// description is what the transaction was for, in the words of whoever wrote most.
func (x transaction) description() string {
	purpose := clean(x.Unstructured, bank.MaxDescription)
	for _, other := range []string{strings.Join(x.UnstructuredArray, " "), strings.Join(x.Structured, " "), strings.Join(x.StructuredArray, " "), x.CardDetails} {
		purpose = cmp.Or(purpose, clean(other, bank.MaxDescription))
	}
	more := clean(x.Additional, bank.MaxDescription)
	if strings.Contains(purpose, more) {
		return purpose
	}
	return clean(purpose+" "+more, bank.MaxDescription)
}

// identity is the first id that there is. One that is too long to be kept is shortened by its hash.
func identity(ids ...string) *string {
	for _, id := range ids {
		id = strings.TrimSpace(strings.Map(visible, id))
		if id == "" {
			continue
		}
		if len([]rune(id)) > bank.MaxID {
			sum := sha256.Sum256([]byte(id))
			id = "hash-" + hex.EncodeToString(sum[:])
		}
		return &id
	}
	return nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// visible drops what the database cannot keep, and makes blanks of control characters.
func visible(r rune) rune {
	switch {
	case r == 0 || r == unicode.ReplacementChar:
		return -1
	case unicode.IsControl(r):
		return ' '
	}
	return r
}

// clean is a bank's text in one line of at most max characters.
func clean(s string, max int) string {
	s = strings.Join(strings.Fields(strings.Map(visible, s)), " ")
	if r := []rune(s); len(r) > max {
		s = strings.TrimSpace(string(r[:max]))
	}
	return s
}
