// Package statement reads files of bank data into bank values.
package statement

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/fault"
)

// The names of the three canonical files in Rejected.
const (
	consumersFile    = "consumers"
	accountsFile     = "accounts"
	transactionsFile = "transactions"
)

// ConsumerRow is a line of the file of consumers. An empty time zone or currency means the customer's, or what is known already.
type ConsumerRow struct {
	Line       int // line number in the file; the header is line 1
	ExternalID string
	TimeZone   string
	Currency   bank.Currency
}

// AccountRow is a line of the file of accounts. What it leaves out is that of a new account: a known one keeps its own.
type AccountRow struct {
	Line               int
	ConsumerExternalID string
	Account            bank.Account
	NoType, NoStatus   bool // left out
}

// TransactionRow is a line of the file of transactions. ConsumerExternalID is empty where the file does not tell it.
// A CategoryID of 0 means that the file names none.
type TransactionRow struct {
	Line               int
	ConsumerExternalID string
	AccountExternalID  string
	Transaction        bank.Transaction
}

// TransactionLine is such a line of which no more was looked at than whose it is. Lines read it.
type TransactionLine struct {
	Line                                  int
	ConsumerExternalID, AccountExternalID string
	columns                               map[string]int // of the file
	fields                                []byte         // each after its length
}

// Rejected is a line that could not be taken in. The message names columns and rules, never what the line holds.
type Rejected struct {
	File    string // consumers, accounts or transactions
	Line    int
	Message string
}

func (r *Rejected) Error() string { return fmt.Sprintf("%s line %d: %s", r.File, r.Line, r.Message) }

// Consumers reads canonical CSV of consumers: external_id, [time_zone], [currency].
//
// This holds for all three readers: a line that is wrong comes as a *Rejected and reading goes on; any other error, such
// as a wrong header (a fault) or a read that failed, is the last thing that comes. Columns may stand in any order.
func Consumers(r io.Reader) iter.Seq2[ConsumerRow, error] {
	zones := map[string]bool{} // those that were found good; there are some hundreds
	return rows(r, consumersFile, "external_id", "time_zone currency", func(line int, v values) (ConsumerRow, fault.Many) {
		var faults fault.Many
		c := ConsumerRow{Line: line, ExternalID: v.text("external_id", &faults), TimeZone: v.get("time_zone"), Currency: bank.Currency(v.get("currency"))}
		if c.TimeZone != "" && !zones[c.TimeZone] {
			f := bank.CheckTimeZone("time_zone", c.TimeZone)
			faults.Add(f)
			if f == nil {
				zones[c.TimeZone] = true
			}
		}
		if c.Currency != "" {
			_, f := bank.ParseCurrency("currency", string(c.Currency))
			faults.Add(f)
		}
		return c, faults
	})
}

// Accounts reads canonical CSV of accounts. balance_as_of is RFC 3339; a new account is ACTIVE where status is empty.
func Accounts(r io.Reader) iter.Seq2[AccountRow, error] {
	return rows(r, accountsFile, "consumer_external_id external_id container name currency",
		"type provider_name opened_on iban balance balance_as_of credit_limit status", account)
}

func account(line int, v values) (AccountRow, fault.Many) {
	var faults fault.Many
	row := AccountRow{Line: line, ConsumerExternalID: v.text("consumer_external_id", &faults)}
	id := v.get("external_id")
	a := bank.Account{
		ExternalID:   &id,
		Container:    bank.Container(v.get("container")),
		Type:         v.get("type"),
		Name:         v.get("name"),
		ProviderName: v.get("provider_name"),
		Status:       bank.AccountStatus(v.get("status")),
		Currency:     bank.Currency(v.get("currency")),
		IBAN:         v.optional("iban"),
		Balance:      v.money("balance", &faults),
		CreditLimit:  v.money("credit_limit", &faults),
		OpenedOn:     v.date("opened_on", &faults),
	}
	if s := v.get("balance_as_of"); s != "" {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			faults.Add(fault.Invalid("balance_as_of", "Invalid value for balance_as_of; use RFC 3339 such as 2026-11-01T06:00:00Z"))
		}
		a.BalanceAsOf = &at
	}
	row.NoType, row.NoStatus = a.Type == "", a.Status == ""
	switch {
	case row.NoStatus:
		a.Status = bank.AccountActive
	case !slices.Contains(bank.AccountStatuses, a.Status):
		faults.Add(fault.Invalid("status", "Invalid value for status; Supported values are %s", fault.List(bank.AccountStatuses)))
	}
	faults = append(faults, a.Check()...)
	row.Account = a
	return row, faults
}

// Transactions reads canonical CSV of transactions. Each line needs an external_id, so that the same file again is
// nothing new. The amount has a sign, or none and base_type. counterparty_account is kept as CounterpartyIBAN where
// counterparty_iban is empty.
func Transactions(r io.Reader) iter.Seq2[TransactionLine, error] {
	return rows(r, transactionsFile, "account_external_id external_id booking_date amount currency",
		"description counterparty_account counterparty_name counterparty_iban consumer_external_id base_type value_date status mcc category_id", transactionLine)
}

func transactionLine(line int, v values) (TransactionLine, fault.Many) {
	t := TransactionLine{line, v.get("consumer_external_id"), v.get("account_external_id"), v.at, nil}
	size := 0
	for _, field := range v.fields {
		size += len(field) + 3 // a length takes one to three bytes
	}
	t.fields = make([]byte, 0, size)
	for _, field := range v.fields {
		t.fields = append(binary.AppendUvarint(t.fields, uint64(len(field))), field...)
	}
	return t, nil
}

// Lines are lines of one file that wait to be read. They are one text without pointers: thousands of rows would keep the
// garbage collector busy as long as they wait.
type Lines struct {
	columns map[string]int
	text    []byte // of each line its number, its length, and its fields
	n       int
}

// Len is how many there are.
func (l *Lines) Len() int { return l.n }

// Add adds a line.
func (l *Lines) Add(t TransactionLine) {
	l.columns = t.columns
	l.text = binary.AppendUvarint(l.text, uint64(t.Line))
	l.text = binary.AppendUvarint(l.text, uint64(len(t.fields)))
	l.text = append(l.text, t.fields...)
	l.n++
}

// line is the number of the line that begins at a place, and where its fields begin and end.
func (l *Lines) line(at int) (number, begin, end int) {
	line, n := binary.Uvarint(l.text[at:])
	length, m := binary.Uvarint(l.text[at+n:])
	begin = at + n + m
	return int(line), begin, begin + int(length)
}

// Move moves the first n lines to the end of others.
func (l *Lines) Move(n int, to *Lines) {
	end := 0
	for range n {
		_, _, end = l.line(end)
	}
	to.columns = l.columns
	to.text, l.text = append(to.text, l.text[:end]...), l.text[end:]
	to.n, l.n = to.n+n, l.n-n
}

// Rows reads the lines; what is wrong with one comes as a *Rejected.
func (l *Lines) Rows(yield func(TransactionRow, error) bool) {
	text, v := string(l.text), values{l.columns, make([]string, len(l.columns))}
	for at := 0; at < len(text); {
		number, begin, end := l.line(at)
		at = end
		for i := range v.fields {
			length, n := binary.Uvarint(l.text[begin:])
			begin += n
			v.fields[i] = text[begin : begin+int(length)]
			begin += int(length)
		}
		row, faults := transaction(number, v)
		var err error
		if len(faults) > 0 {
			row, err = TransactionRow{}, &Rejected{transactionsFile, number, sentences(faults)}
		}
		if !yield(row, err) {
			return
		}
	}
}

func transaction(line int, v values) (TransactionRow, fault.Many) {
	var faults fault.Many
	row := TransactionRow{Line: line, AccountExternalID: v.text("account_external_id", &faults), ConsumerExternalID: v.get("consumer_external_id")}
	faults.Add(bank.CheckText("consumer_external_id", row.ConsumerExternalID, 0, bank.MaxID))
	id := v.get("external_id")
	x := bank.Transaction{
		ExternalID:       &id,
		BaseType:         bank.BaseType(v.get("base_type")),
		Currency:         bank.Currency(v.get("currency")),
		ValueDate:        v.date("value_date", &faults),
		Status:           bank.TransactionStatus(v.get("status")),
		Description:      v.get("description"),
		CounterpartyName: v.optional("counterparty_name"),
		CounterpartyIBAN: v.optional("counterparty_iban"),
		MCC:              v.optional("mcc"),
	}
	if x.CounterpartyIBAN == nil {
		x.CounterpartyIBAN = v.optional("counterparty_account")
	}
	var f *fault.Error
	x.Amount, f = bank.ParseAmount("amount", v.get("amount"))
	faults.Add(f)
	if day := v.date("booking_date", &faults); day != nil {
		x.BookingDate = *day
	} else if v.get("booking_date") == "" {
		faults.Add(fault.Invalid("booking_date", "booking_date is empty"))
	}
	if s := v.get("category_id"); s != "" {
		n, err := strconv.Atoi(s)
		if _, known := category.ByID(n); err != nil || !known {
			faults.Add(fault.Invalid("category_id", "Invalid value for category_id; there is no such category"))
		}
		x.CategoryID = n
	}
	faults = append(faults, x.Check("", x.Currency)...)
	row.Transaction = x
	return row, faults
}

// rows reads a file with a header line. required and optional are the columns that it must and may have.
func rows[T any](r io.Reader, file, required, optional string, parse func(line int, v values) (T, fault.Many)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		in := newRecords(r)
		_, names, problem, err := in.read()
		columns := len(names)
		at, f := header(file, names, problem, err, strings.Fields(required), strings.Fields(optional))
		if f != nil {
			yield(none, f)
			return
		}
		for {
			line, fields, problem, err := in.read()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(none, fmt.Errorf("read %s: %w", file, err))
				return
			}
			if problem == "" && len(fields) != columns {
				problem = fmt.Sprintf("The line has %d fields; the header has %d", len(fields), columns)
			}
			var row T
			if problem == "" {
				var faults fault.Many
				if row, faults = parse(line, values{at, fields}); len(faults) > 0 {
					problem = sentences(faults)
				}
			}
			if problem != "" {
				if !yield(none, &Rejected{file, line, problem}) {
					return
				}
			} else if !yield(row, nil) {
				return
			}
		}
	}
}

// header finds the columns. What the first line holds is repeated only once all required columns are there: the first
// line of a file without a header is somebody's data.
func header(file string, names []string, problem string, err error, required, optional []string) (map[string]int, error) {
	all := slices.Concat(required, optional)
	switch {
	case err == io.EOF:
		return nil, fault.Invalid(file, "The file is empty; its first line must name the columns %s", fault.List(required))
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", file, err)
	case problem != "":
		return nil, fault.Invalid(file, "The first line must name the columns: %s", problem)
	}
	at := map[string]int{}
	var missing, unknown, twice []string
	for i, name := range names {
		if _, seen := at[name]; seen {
			twice = append(twice, name)
		} else if !slices.Contains(all, name) {
			unknown = append(unknown, strconv.Quote(name))
		}
		at[strings.Clone(name)] = i
	}
	for _, name := range required {
		if _, ok := at[name]; !ok {
			missing = append(missing, name)
		}
	}
	switch {
	case missing != nil:
		return nil, fault.New(fault.Required, file, "The first line does not name the columns %s", fault.List(missing))
	case unknown != nil:
		return nil, fault.Invalid(file, "There are no columns %s; there can be %s", fault.List(unknown), fault.List(all))
	case twice != nil:
		return nil, fault.Invalid(file, "The first line names columns twice: %s", fault.List(twice))
	}
	return at, nil
}

// values are the fields of a line by column.
type values struct {
	at     map[string]int
	fields []string
}

// get is a field, empty where the file does not have the column.
func (v values) get(column string) string {
	if i, ok := v.at[column]; ok {
		return v.fields[i]
	}
	return ""
}

func (v values) optional(column string) *string {
	if s := v.get(column); s != "" {
		return &s
	}
	return nil
}

// text is a required name.
func (v values) text(column string, faults *fault.Many) string {
	s := v.get(column)
	faults.Add(bank.CheckText(column, s, 1, bank.MaxID))
	return s
}

func (v values) date(column string, faults *fault.Many) *bank.Date {
	s := v.get(column)
	if s == "" {
		return nil
	}
	d, err := bank.ParseDate(s)
	if err != nil { // the error itself repeats the value
		faults.Add(fault.Invalid(column, "Invalid value for %s; use a date of the form yyyy-MM-dd, from 1900 on", column))
	}
	return &d
}

// money is an amount in the line's currency; a wrong currency is told where the currency is read.
func (v values) money(column string, faults *fault.Many) *decimal.Decimal {
	s := v.get(column)
	if s == "" {
		return nil
	}
	amount, f := bank.ParseAmount(column, s)
	c := bank.Currency(v.get("currency"))
	if _, known := c.Digits(); f == nil && known {
		var m bank.Money
		m, f = bank.Money{Amount: amount, Currency: c}.Check(column)
		amount = m.Amount
	}
	faults.Add(f)
	return &amount
}

// sentences are the faults of a line, each with its column where the message alone does not tell.
func sentences(faults fault.Many) string {
	all := make([]string, len(faults))
	for i, f := range faults {
		all[i] = f.Message
		if c := columnOf(f.Field); !strings.Contains(f.Message, c) {
			all[i] = c + ": " + f.Message
		}
	}
	return strings.Join(all, "; ")
}

// columnOf is the column behind a field of bank: external_id for externalId, currency for amount.currency.
func columnOf(field string) string {
	var b strings.Builder
	for _, r := range strings.TrimSuffix(strings.TrimPrefix(field, "amount."), ".amount") {
		switch {
		case r == '.':
			b.WriteByte('_')
		case unicode.IsUpper(r):
			b.WriteByte('_')
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
