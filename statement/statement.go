package statement

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/govalues/decimal"

	"insightgraph/bank"
)

// Format is the kind of a statement file.
type Format string

// The formats. ZIP is the format of an archive that holds files of different ones. OFX is OFX 1, OFX 2 and QFX; MT940
// is MT942 too.
const (
	CAMT052 Format = "CAMT052"
	CAMT053 Format = "CAMT053"
	CAMT054 Format = "CAMT054"
	MT940   Format = "MT940"
	OFX     Format = "OFX"
	QIF     Format = "QIF"
	CSV     Format = "CSV"
	ZIP     Format = "ZIP"
)

// The limits on one file.
const (
	MaxFile     = 64 << 20 // bytes, unpacked
	maxEntries  = 100_000
	maxRejected = 1_000
	maxMembers  = 1_000 // files of a zip
	maxRatio    = 200   // of its bytes unpacked to packed; statements have up to some thirty
	maxListing  = 4 << 20
)

// Alone is what a file is called that is in no zip.
const Alone = "statement"

// Options is what the caller knows of a file. All of it may be empty.
type Options struct {
	Format   Format        // otherwise it is recognised; any CAMT stands for all three
	Currency bank.Currency // of amounts whose currency the file does not tell
	Assumed  bool          // nobody said so of this file; a warning tells where it is taken
	Mapping  *Mapping      // how to read CSV
}

// File is what a statement file holds.
type File struct {
	Format     Format
	Statements []Statement
	Rejected   []*Rejected // entries and statements that could not be taken in; the others stay
	Warnings   []Warning
}

// Warning is something odd that keeps nothing from being read. Like Rejected it holds no account data.
type Warning struct {
	File    string
	Line    int
	Message string
}

// Statement is what a file tells of one account. An account may have several in one file.
type Statement struct {
	File             string // its place in a zip; Alone if it is in none
	Line             int    // where it begins
	ID               string // the bank's own number of the statement
	Account          Account
	From, To         *bank.Date
	Opening, Closing *Balance
	Entries          []Entry

	rejected bool              // entries of it were
	interim  bool              // other statements tell its entries again
	told     [sha256.Size]byte // all that its entries are
}

// Account is what a file tells of an account. IBAN is empty or right; any other number is in Number.
type Account struct {
	IBAN, Number, BankCode, BIC string
	Currency                    bank.Currency
	Owner, Name, BankName       string
	Type                        string // CHECKING, SAVINGS, …, where the file tells it
	Format                      Format // of the file
	Columns                     string // of a CSV file, a digest of what its columns are called
	Container                   bank.Container
}

// Key finds an account again in other files: its IBAN, else the number with the bank's code in front, else the name that
// the file gives it. It is empty where the file tells nothing. One IBAN may have accounts in several currencies.
func (a Account) Key() string {
	number := a.IBAN
	if code := a.BankCode + a.BIC; number == "" && a.Number != "" {
		if number = a.Number; code != "" {
			number = code + "/" + number
		}
	}
	if number == "" {
		number = a.Name
	}
	return number
}

// Balance is negative where the account is overdrawn.
type Balance struct {
	bank.Money
	Date    *bank.Date
	Interim bool // told before the day's end
}

// Entry is one booking. Its ExternalID comes from the file alone: another file that holds the same booking gives the
// same id, and bookings that are alike in everything are numbered. One that is pending has the id that it will have when
// it is booked on the same day.
type Entry struct {
	bank.Transaction
	Line     int
	BankText string      // the bank's own word for the kind of booking
	BankCode string      // ISO 20022 BkTxCd such as PMNT-RCDT-ESCT
	GVC      string      // the German Geschäftsvorfallcode, three digits
	Charges  *bank.Money // part of the amount or beside it, as the bank told
	Parts    []Part      // of a batch or a split
}

// Part is one of the payments that a bank books together.
type Part struct {
	BaseType     bank.BaseType
	Amount       *bank.Money // may be in another currency than the entry
	Description  string
	Counterparty *bank.Counterparty
}

// Open reads a statement file. A file that is refused as a whole gives a *Rejected with the line and the reason; errors
// of the reader r come as they are. A zip may hold several files; those in it that are refused are in File.Rejected.
//
// A reader that can seek is read several times and never held in memory.
func Open(r io.Reader, o Options) (*File, error) {
	in, size, err := seekable(r)
	if err != nil {
		return nil, err
	}
	if size > MaxFile {
		return nil, refuse(1, "The file has more than %d MiB", MaxFile>>20)
	}
	var magic [4]byte
	n, err := in.ReadAt(magic[:], 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read statement: %w", err)
	}
	if m := string(magic[:n]); m == "PK\x03\x04" || m == "PK\x05\x06" {
		return archive(in, size, o)
	}
	if o.Format == ZIP {
		return nil, refuse(1, "The file is no zip")
	}
	c := &collector{o: o, file: &File{}, name: Alone, seen: map[twin]int{}, ended: map[string]bool{}}
	if err := c.read(func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(in, 0, size)), nil }); err != nil {
		return nil, err
	}
	unite(c.file.Statements)
	return c.file, nil
}

type readerAt interface {
	io.Reader
	io.ReaderAt
}

// seekable is the input from where it stands, in memory if there is no other way.
func seekable(r io.Reader) (io.ReaderAt, int64, error) {
	if in, ok := r.(readerAt); ok {
		if s, ok := r.(io.Seeker); ok {
			at, err := s.Seek(0, io.SeekCurrent)
			if err == nil {
				end, err := s.Seek(0, io.SeekEnd)
				if err != nil {
					return nil, 0, fmt.Errorf("read statement: %w", err)
				}
				return io.NewSectionReader(in, at, end-at), end - at, nil
			}
		}
	}
	data, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read statement: %w", err)
	}
	return bytes.NewReader(data), int64(len(data)), nil
}

func refuse(line int, format string, a ...any) *Rejected {
	return &Rejected{Alone, line, fmt.Sprintf(format, a...)}
}

// archive reads a zip. The files in it are named by their place, for their names may hold account numbers.
func archive(in io.ReaderAt, size int64, o Options) (*File, error) {
	list := &listing{in: in, left: maxListing}
	z, err := zip.NewReader(list, size)
	if list.left < 0 || err == nil && len(z.File) > maxMembers {
		return nil, refuse(1, "The zip holds more than %d files", maxMembers)
	}
	if err != nil {
		return nil, refuse(1, "The zip cannot be read: it is cut off or damaged")
	}
	list.left = -1
	all, left, read := &File{}, int64(MaxFile), 0
	for i, f := range z.File {
		name := fmt.Sprintf("file %d of the zip", i+1)
		switch {
		case strings.HasPrefix(f.Name, "/") || strings.ContainsAny(f.Name, "\\:\x00") || slices.Contains(strings.Split(f.Name, "/"), ".."):
			return nil, &Rejected{name, 1, "Its path leads out of the zip"}
		case f.Mode().IsDir() || strings.HasPrefix(f.Name, "__MACOSX/") || strings.HasPrefix(f.Name[strings.LastIndexByte(f.Name, '/')+1:], "."):
			continue
		case !f.Mode().IsRegular():
			return nil, &Rejected{name, 1, "It is no ordinary file"}
		case f.Flags&1 != 0:
			return nil, &Rejected{name, 1, "It is encrypted"}
		case f.UncompressedSize64 > uint64(left), f.UncompressedSize64 > 1<<20 && f.UncompressedSize64/maxRatio > f.CompressedSize64:
			return nil, &Rejected{name, 1, fmt.Sprintf("The zip has more than %d MiB unpacked, or is packed too tightly", MaxFile>>20)}
		}
		left -= int64(f.UncompressedSize64)
		read++
		c := &collector{o: o, file: &File{}, name: name, seen: map[twin]int{}, ended: map[string]bool{}, entries: count(all), rejected: len(all.Rejected)}
		if c.o.Format == ZIP {
			c.o.Format = ""
		}
		err := c.read(func() (io.ReadCloser, error) { return f.Open() }) // reading more than UncompressedSize64 is an error of zip
		if r, ok := errors.AsType[*Rejected](err); ok {
			c.file = &File{Format: c.file.Format, Rejected: []*Rejected{{name, r.Line, r.Message}}}
		} else if _, corrupt := errors.AsType[flate.CorruptInputError](err); corrupt || errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrChecksum) ||
			errors.Is(err, zip.ErrAlgorithm) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, &Rejected{name, 1, "The zip cannot be read: it is cut off or damaged"}
		} else if err != nil {
			return nil, err
		}
		if f := c.file.Format; all.Format == "" {
			all.Format = f
		} else if f != "" && f != all.Format {
			all.Format = ZIP
		}
		all.Statements = append(all.Statements, c.file.Statements...)
		all.Rejected = append(all.Rejected, c.file.Rejected...)
		all.Warnings = append(all.Warnings, c.file.Warnings...)
		if len(all.Rejected) > maxRejected {
			return nil, &Rejected{name, 1, fmt.Sprintf("More than %d things in the zip are wrong", maxRejected)}
		}
	}
	if read == 0 {
		return nil, refuse(1, "The zip holds no files")
	}
	all.Format = cmp.Or(all.Format, ZIP) // nothing in it was recognised
	unite(all.Statements)
	return all, nil
}

// listing bounds what is read of a zip while its list of files is: zip takes the whole list in before it can be counted.
type listing struct {
	in   io.ReaderAt
	left int // bytes; -1 once the list is read
}

func (l *listing) ReadAt(p []byte, at int64) (int, error) {
	if l.left >= 0 {
		if l.left -= len(p); l.left < 0 {
			return 0, io.ErrUnexpectedEOF
		}
	}
	return l.in.ReadAt(p, at)
}

// unite takes an entry that several statements or files of a zip hold once, booked rather than pending.
func unite(statements []Statement) {
	type place struct{ statement, entry int }
	seen := map[string]place{}
	for i := range statements {
		st := &statements[i]
		kept := st.Entries[:0]
		for _, e := range st.Entries {
			account := st.Account.Key()
			if account == "" {
				account = "\x00" + st.File
			}
			key := account + "\x00" + string(st.Account.Currency) + "\x00" + *e.ExternalID
			at, twice := seen[key]
			switch {
			case !twice:
				seen[key] = place{i, len(kept)}
				kept = append(kept, e)
			case statements[at.statement].Entries[at.entry].Status == bank.Pending:
				statements[at.statement].Entries[at.entry] = e
			}
		}
		st.Entries = kept
	}
}

func count(f *File) (n int) {
	for _, s := range f.Statements {
		n += len(s.Entries)
	}
	return n
}

// source gives the bytes of a file from the beginning, as often as it is asked.
type source func() (io.ReadCloser, error)

// pass hands the bytes of the file over, once through.
func (s source) pass(use func(io.Reader) error) error {
	in, err := s()
	if err != nil {
		return err
	}
	defer in.Close()
	return use(in)
}

// collector takes what a reader finds in one file.
type collector struct {
	o        Options
	file     *File
	name     string // of the file in Rejected
	st       *Statement
	entries  int // of all files of a zip
	rejected int
	seen     map[twin]int
	ended    map[string]bool // statements that are there
	hashed   []byte
}

// twin is what makes an entry the same as another one. Where the bank's reference tells, or a statement is interim, another
// statement may hold the entry again: only those of one statement are twins.
type twin struct {
	account string
	content [16]byte
	within  *Statement
}

func (c *collector) read(src source) error {
	var look survey
	err := src.pass(func(in io.Reader) (err error) {
		look, err = surveyOf(in)
		return err
	})
	if err != nil {
		return err
	}
	if look.refused != nil {
		return c.refuse(look.refused.Line, "%s", look.refused.Message)
	}
	format, why := detect(look)
	family := func(f Format) Format {
		if strings.HasPrefix(string(f), "CAMT") {
			return CAMT053
		}
		return f
	}
	if why != "" && (c.o.Format == "" || format == "") {
		return c.refuse(1, "%s", why)
	}
	if want := c.o.Format; want != "" && family(want) != family(format) {
		if format != CSV {
			return c.refuse(1, "The file is not %s; it looks like %s", want, format)
		}
		format = want
	}
	c.file.Format = format
	text := func(read func(io.Reader, *collector) error) error {
		return src.pass(func(in io.Reader) error { return read(look.decode(in), c) })
	}
	switch family(format) {
	case CAMT053:
		err = text(camt)
	case MT940:
		err = text(mt940)
	case OFX:
		err = text(ofx)
	case QIF:
		err = qif(src, look, c)
	case CSV:
		err = readCSV(src, look, c)
	default:
		return c.refuse(1, "There is no format of that name")
	}
	if err == nil && c.st != nil {
		c.end()
	}
	if err == nil && len(c.file.Statements) == 0 && len(c.file.Rejected) == 0 {
		return c.refuse(max(1, look.lines), "The file holds no statement")
	}
	return err
}

func (c *collector) refuse(line int, format string, a ...any) *Rejected {
	return &Rejected{c.name, line, fmt.Sprintf(format, a...)}
}

// reject notes an entry or a statement that cannot be taken in. Its error ends the file.
func (c *collector) reject(line int, format string, a ...any) error {
	c.file.Rejected = append(c.file.Rejected, c.refuse(line, format, a...))
	if c.st != nil {
		c.st.rejected = true
	}
	if c.rejected++; c.rejected > maxRejected {
		return c.refuse(line, "More than %d entries are wrong; the last: %s", maxRejected, fmt.Sprintf(format, a...))
	}
	return nil
}

func (c *collector) warn(line int, format string, a ...any) {
	if len(c.file.Warnings) < maxRejected {
		c.file.Warnings = append(c.file.Warnings, Warning{c.name, line, fmt.Sprintf(format, a...)})
	}
}

// noCurrency tells that the file names none.
func (c *collector) noCurrency(line int) {
	if c.o.Assumed {
		c.warn(line, "The file names no currency, so %s was taken; give currency where it is another", c.o.Currency)
	}
}

// begin starts a statement and ends the one before it.
func (c *collector) begin(line int) *Statement {
	if c.st != nil {
		c.end()
	}
	c.st = &Statement{File: c.name, Line: line, Account: Account{Container: bank.ContainerBank, Format: c.file.Format}}
	return c.st
}

// add takes an entry of the statement. ref is the bank's own reference, if it gave one; more is what else tells it from
// others; problem is what the reader found wrong. The currency of the account is that of its first entry where nothing
// else tells it.
func (c *collector) add(e Entry, ref, more, problem string) error {
	if c.entries++; c.entries > maxEntries {
		return c.refuse(e.Line, "The file has more than %d entries", maxEntries)
	}
	if problem != "" {
		return c.reject(e.Line, "%s", problem)
	}
	a := &c.st.Account
	if e.Currency == "" {
		e.Currency = a.Currency
	}
	if e.Currency == "" {
		e.Currency = c.o.Currency
	}
	if e.Currency == "" {
		return c.reject(e.Line, "The file names no currency; give the currency of the account")
	}
	if a.Currency == "" {
		a.Currency = e.Currency
	}
	e.Description = tidy(e.Description, bank.MaxDescription)
	e.BankText = tidy(e.BankText, bank.MaxName)
	if e.Description == "" {
		e.Description = e.BankText
	}
	e.CounterpartyName = tidyName(e.CounterpartyName, bank.MaxName)
	e.CounterpartyIBAN = tidyName(e.CounterpartyIBAN, 50)
	for i := range e.Parts {
		p := &e.Parts[i]
		p.Description = tidy(p.Description, bank.MaxDescription)
		if p.Counterparty != nil {
			p.Counterparty = party(deref(tidyName(p.Counterparty.Name, bank.MaxName)), deref(tidyName(p.Counterparty.IBAN, 50)))
		}
	}
	if e.MCC != nil && (len(*e.MCC) != 4 || strings.Trim(*e.MCC, "0123456789") != "") {
		e.MCC = nil
	}
	if faults := e.Check("", a.Currency); len(faults) > 0 {
		return c.reject(e.Line, "%s", sentences(faults))
	}
	id := c.id(e, ref, more)
	e.ExternalID = &id
	c.st.Entries = append(c.st.Entries, e)
	return nil
}

// id is made of the day, the amount and the bank's reference, which alone is often not unique; or of all that is told of
// an entry where there is no reference. Entries that are alike get numbers.
func (c *collector) id(e Entry, ref, more string) string {
	b := c.hashed[:0]
	put := func(f string) {
		b = strconv.AppendInt(b, int64(len(f)), 10)
		b = append(append(b, ':'), f...)
	}
	put(string(e.BaseType) + string(e.Currency))
	put(e.Amount.String())
	put(e.BookingDate.String())
	var within *Statement
	if c.st.interim {
		within = c.st
	}
	if ref = tidy(ref, bank.MaxDescription); ref != "" && strings.Trim(ref, "0") != "" && !slices.Contains(noReference, strings.ToUpper(ref)) {
		put("ref")
		put(ref)
		within = c.st
	} else {
		put("content")
		if e.ValueDate != nil {
			put(e.ValueDate.String())
		}
		for _, f := range []string{e.Description, e.BankText, deref(e.CounterpartyName), deref(e.CounterpartyIBAN), tidy(more, bank.MaxDescription)} {
			put(f)
		}
		for _, p := range e.Parts {
			put(p.Description)
		}
	}
	c.hashed = b
	sum := sha256.Sum256(b)
	c.st.told = sha256.Sum256(append(c.st.told[:], sum[:]...))
	key := twin{account: c.st.Account.Key() + "\x00" + string(c.st.Account.Currency), within: within}
	copy(key.content[:], sum[:])
	c.seen[key]++
	id := "st-" + base64.RawURLEncoding.EncodeToString(key.content[:])
	if n := c.seen[key]; n > 1 {
		id += "-" + strconv.Itoa(n)
	}
	return id
}

// noReference is what banks write where they have no reference.
var noReference = []string{"NONREF", "NOTPROVIDED", "NOT PROVIDED", "NON REF", "NOREF", "NONE", "-", "N/A", "KREF+", "EREF", "KREF"}

// end completes the statement.
func (c *collector) end() {
	st := c.st
	c.st = nil
	a := &st.Account
	choices := []bank.Currency{a.Currency}
	for _, b := range []*Balance{st.Closing, st.Opening} {
		if b != nil {
			choices = append(choices, b.Currency)
		}
	}
	a.Currency = ""
	for _, choice := range append(choices, c.o.Currency) {
		if _, known := choice.Digits(); known {
			a.Currency = choice
			break
		}
	}
	a.IBAN, a.Number, a.BankCode, a.BIC = tidy(a.IBAN, 50), tidy(a.Number, 50), tidy(a.BankCode, 50), tidy(a.BIC, 50)
	a.Owner, a.Name, a.BankName, a.Type = tidy(a.Owner, bank.MaxName), tidy(a.Name, bank.MaxName), tidy(a.BankName, bank.MaxName), strings.ToUpper(tidy(a.Type, 50))
	st.ID = tidy(st.ID, bank.MaxName)
	number := a.IBAN
	if number == "" {
		number = a.Number
	}
	if iban, f := bank.ParseIBAN("iban", number); f == nil {
		a.IBAN, a.Number = iban, ""
	} else {
		a.IBAN, a.Number = "", number
	}
	for _, b := range []**Balance{&st.Opening, &st.Closing} {
		if *b == nil {
			continue
		}
		if (*b).Currency == "" {
			(*b).Currency = a.Currency
		}
		m, f := (*b).Check("balance")
		if f != nil {
			c.warn(st.Line, "A balance was left out: %s", f.Message)
			*b = nil
			continue
		}
		(*b).Money = m
		if m.Currency != a.Currency {
			c.warn(st.Line, "A balance is in another currency than the account")
		}
	}
	if st.From == nil && st.To == nil {
		st.From, st.To = period(st)
	}
	if st.From != nil && st.To != nil && *st.From > *st.To {
		st.From, st.To = nil, nil
	}
	if st.rejected && len(st.Entries) == 0 {
		return // nothing of it is left
	}
	if st.ID != "" && len(st.Entries) > 0 {
		key := fmt.Sprintf("%s\x00%s\x00%s\x00%x", a.Key(), a.Currency, st.ID, st.told)
		for _, b := range []*Balance{st.Opening, st.Closing} {
			if key += "\x00"; b != nil {
				key += b.Amount.String()
			}
		}
		if c.ended[key] {
			c.warn(st.Line, "The statement is in the file already and was left out")
			return
		}
		c.ended[key] = true
	}
	c.checkSum(st)
	c.file.Statements = append(c.file.Statements, *st)
}

func period(st *Statement) (from, to *bank.Date) {
	for i := range st.Entries {
		d := st.Entries[i].BookingDate
		if from == nil || d < *from {
			from = &d
		}
		if to == nil || d > *to {
			to = &d
		}
	}
	return from, to
}

// checkSum warns where the opening balance and what was booked do not give the closing balance.
func (c *collector) checkSum(st *Statement) {
	if st.Opening == nil || st.Closing == nil || st.Opening.Currency != st.Account.Currency || st.Closing.Currency != st.Account.Currency || st.rejected {
		return
	}
	if !sumsUp(st) {
		c.warn(st.Line, "The opening balance and the entries do not give the closing balance")
	}
}

func sumsUp(st *Statement) bool {
	sum, err := st.Opening.Amount, error(nil)
	for _, e := range st.Entries {
		if e.Status != bank.Posted {
			continue
		}
		if sum, err = sum.AddExact(signed(e.Transaction), sum.Scale()); err != nil {
			return false
		}
	}
	return sum.Cmp(st.Closing.Amount) == 0
}

func signed(t bank.Transaction) decimal.Decimal {
	if t.BaseType == bank.Debit {
		return t.Amount.Neg()
	}
	return t.Amount
}

// detect tells the format by the first bytes, or why there is none.
func detect(s survey) (Format, string) {
	head := strings.TrimLeft(s.head, " \t\r\n\x01\x03\ufeff")
	upper := strings.ToUpper(head)
	line := func(prefix string) bool {
		return strings.HasPrefix(head, prefix) || strings.Contains(head, "\n"+prefix)
	}
	switch {
	case strings.HasPrefix(head, "%PDF"):
		return "", "The file is a PDF document; download it from the bank as CAMT, MT940, OFX, QIF or CSV"
	case strings.HasPrefix(upper, "OFXHEADER"), strings.HasPrefix(head, "<") && (strings.Contains(upper, "<OFX>") || strings.Contains(upper, "<?OFX")):
		return OFX, ""
	case strings.HasPrefix(upper, "<!DOCTYPE HTML"), strings.HasPrefix(upper, "<HTML"):
		return "", "The file is a web page; download the statement itself"
	case strings.HasPrefix(head, "<"):
		return CAMT053, ""
	case strings.HasPrefix(head, "{1:"), line(":20:") && (line(":25") || line(":28") || line(":60") || line(":61:")):
		return MT940, ""
	case strings.HasPrefix(head, "{"), strings.HasPrefix(head, "[") && strings.Contains(head, "{"):
		return "", "The file is JSON, which is no statement format; use CAMT, MT940, OFX, QIF or CSV"
	case line("!Type:") || line("!Account") || line("!type:") || line("!TYPE:"):
		return QIF, ""
	}
	return CSV, ""
}

// lines gives the lines of a text.
type lines struct {
	in    *bufio.Reader
	next  int
	long  []byte
	ended bool // the line that was read has an end
}

// maxLine is the longest line in bytes.
const maxLine = 1 << 20

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, 64<<10), next: 1} }

// maxLines is how many lines a text may have: in a file that is large, but holds little, each costs more than its bytes.
const maxLines = 4_000_000

// unreadable is why the lines of a text are not read further.
type unreadable string

func (u unreadable) Error() string { return string(u) }

const (
	errLong = unreadable("The line is longer than 1 MiB")
	errMany = unreadable("The file has more than 4000000 lines")
)

// read gives the next line without its end, and its number. It is good until the next call.
func (l *lines) read() (line []byte, n int, err error) {
	n = l.next
	if n > maxLines {
		return nil, n, errMany
	}
	l.next++
	line, err = l.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			if len(l.long) > maxLine {
				return nil, n, errLong
			}
			line, err = l.in.ReadSlice('\n')
			l.long = append(l.long, line...)
		}
		line = l.long
	}
	if err == io.EOF && len(line) > 0 {
		l.ended, err = false, nil
	} else if err == nil {
		l.ended = true
	}
	return bytes.TrimRight(line, "\r\n\x1a"), n, err
}
