package statement

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"insightgraph/bank"
)

// swiftLine is one :61: with what follows it.
type swiftLine struct {
	line int
	text []string // of :61:; the lines after the first are the bank's additions
	info []string // of :86:
	ns   []string // of :NS:, which some programs write in place of :86:
	size int      // of the last two
}

// maxField is the longest field of a message in bytes; the standard has some four hundred.
const maxField = 16 << 10

// swiftReader is where the reader of MT940 stands.
type swiftReader struct {
	c        *collector
	tag      string   // of the field that is open
	lines    []string // of it
	line     int
	size     int
	in       bool // a message
	closed   bool // its closing balance was read
	interim  bool // MT942: no balances
	cut      bool // the file ends within a closing balance or a total, which may be longer
	currency string
	named    int // line that names the currency
	account  string
	entries  []swiftLine
	damage   *Rejected
	totals   map[string]string // :90C: and :90D:
	count    int
}

// mt940 reads SWIFT MT940 and MT942, bare or in their envelope, any number of messages in a file.
func mt940(r io.Reader, c *collector) error {
	x := &swiftReader{c: c}
	in := newLines(r)
	last := 1
	for {
		b, n, err := in.read()
		if err == io.EOF {
			break
		}
		if why, is := errors.AsType[unreadable](err); is {
			return c.refuse(n, "%s", why)
		}
		if err != nil {
			return err
		}
		last = n
		s := strings.Trim(string(b), "\x01\x03\x00")
		if strings.HasPrefix(s, "{") { // the envelope
			i := strings.Index(s, "{4:")
			if i < 0 {
				continue
			}
			s = strings.TrimLeft(s[i+3:], " ")
		}
		tag, rest, ok := swiftTag(s)
		switch {
		case ok:
			if err := x.field(); err != nil {
				return err
			}
			x.tag, x.lines, x.line, x.size = tag, append(x.lines[:0], rest), n, len(rest)
		case s == "-" || strings.HasPrefix(s, "-}") || s == "-XXX":
			if err := x.field(); err != nil {
				return err
			}
			if err := x.end(n, true); err != nil {
				return err
			}
		case x.tag != "":
			if x.size += len(s) + 1; x.size > maxField {
				return c.refuse(n, "A field is longer than 16 KiB")
			}
			x.lines = append(x.lines, s)
		}
	}
	if strings.HasPrefix(x.tag, "62") || strings.HasPrefix(x.tag, "90") {
		_, decimals, _ := strings.Cut(x.lines[0], ",")
		x.cut = !in.ended && len(decimals) < 2
	}
	if err := x.field(); err != nil {
		return err
	}
	return x.end(last, false)
}

// swiftTag takes the name of a field off its first line.
func swiftTag(s string) (tag, rest string, ok bool) {
	if len(s) < 4 || s[0] != ':' {
		return "", "", false
	}
	tag, _, ok = strings.Cut(s[1:min(len(s), 6)], ":")
	if !ok || len(tag) < 2 || len(tag) > 3 || tag != "NS" && (!digits(tag[:2]) || len(tag) == 3 && (tag[2] < 'A' || tag[2] > 'Z')) {
		return "", "", false
	}
	return tag, s[len(tag)+2:], true
}

// field ends the field that is open.
func (x *swiftReader) field() error {
	tag, lines := x.tag, x.lines
	x.tag = ""
	switch tag {
	case "":
		return nil
	case "20":
		if err := x.end(x.line-1, true); err != nil {
			return err
		}
		*x = swiftReader{c: x.c, lines: x.lines, line: x.line, in: true}
		x.c.begin(x.line).ID = lines[0]
		return nil
	}
	if !x.in {
		if tag == "61" {
			return x.c.reject(x.line, "An entry (:61:) stands outside of a statement")
		}
		return nil
	}
	st := x.c.st
	switch tag {
	case "25", "25P":
		if st.Opening != nil || len(x.entries) > 0 {
			x.damaged(x.line, "The account (:25:) stands among the entries: the statement is damaged")
			return nil
		}
		x.account = lines[0]
		swiftAccount(lines[0], &st.Account)
		if tag == "25P" && len(lines) > 1 {
			st.Account.BIC = lines[1]
		}
	case "28", "28C":
		st.ID += " " + lines[0]
	case "34F":
		x.interim = true
		if len(lines[0]) >= 3 {
			x.currency, x.named = lines[0][:3], x.line
		}
	case "60F", "60M", "60":
		if st.Opening != nil || len(x.entries) > 0 {
			x.damaged(x.line, "The opening balance (:60:) stands among the entries: the statement is damaged")
			return nil
		}
		st.Opening = x.balance(lines[0], "opening balance (:60:)")
	case "62F", "62M", "62":
		if x.closed {
			x.damaged(x.line, "There is a second closing balance (:62:): the statement is damaged")
			return nil
		}
		x.closed = true
		if st.Closing = x.balance(lines[0], "closing balance (:62:)"); st.Closing != nil {
			st.Closing.Interim = tag == "62M"
		}
	case "61":
		if x.closed {
			return x.c.reject(x.line, "An entry (:61:) stands after the closing balance")
		}
		if x.count++; x.count > maxEntries {
			return x.c.refuse(x.line, "The file has more than %d entries", maxEntries)
		}
		x.entries = append(x.entries, swiftLine{line: x.line, text: slices.Clone(lines)})
	case "86", "NS":
		if len(x.entries) > 0 && !x.closed {
			e := &x.entries[len(x.entries)-1]
			if e.size += x.size; e.size > maxField {
				return x.c.refuse(x.line, "What belongs to an entry is longer than 16 KiB")
			}
			if tag == "86" {
				e.info = append(e.info, lines...)
			} else {
				e.ns = append(e.ns, lines...)
			}
		}
	case "90C", "90D":
		x.interim, x.closed = true, true
		if x.totals == nil {
			x.totals = map[string]string{}
		}
		x.totals[tag] = lines[0]
	case "64", "65":
		x.closed = true
	}
	return nil
}

// damaged refuses the statement for the first thing that is wrong with it.
func (x *swiftReader) damaged(line int, format string, a ...any) {
	if x.damage == nil {
		x.damage = x.c.refuse(line, format, a...)
	}
}

// balance reads C110522EUR3236,28.
func (x *swiftReader) balance(s, what string) *Balance {
	s = strings.TrimSpace(s)
	if len(s) < 8 || s[0] != 'C' && s[0] != 'D' {
		x.damaged(x.line, "The %s is malformed", what)
		return nil
	}
	day, ok := swiftDate(s[1:7])
	currency, rest := "", s[7:]
	if len(rest) > 3 && !digit(rest[0]) {
		currency, rest = rest[:3], rest[3:]
	}
	if currency != "" {
		if x.currency != "" && x.currency != currency {
			x.damaged(x.line, "The balances are in different currencies")
		}
		if x.currency = currency; x.named == 0 {
			x.named = x.line
		}
	}
	amount, good := swiftAmount(rest)
	if !ok || !good {
		x.damaged(x.line, "The date or amount of the %s is malformed", what)
		return nil
	}
	if s[0] == 'D' {
		amount = amount.Neg()
	}
	return &Balance{Money: bank.Money{Amount: amount, Currency: bank.Currency(x.currency)}, Date: &day}
}

// swiftAmount reads 3236,28; also with a point, and with nothing behind it.
func swiftAmount(s string) (decimal.Decimal, bool) {
	if s == "" || !digit(s[0]) {
		return decimal.Decimal{}, false
	}
	if strings.Contains(s, ",") {
		return parseAmount(s, ',', 0)
	}
	return parseAmount(s, '.', 0)
}

// swiftDate reads YYMMDD.
func swiftDate(s string) (bank.Date, bool) {
	if len(s) != 6 || !digits(s) {
		return 0, false
	}
	return date{century(number(s[:2])), number(s[2:4]), number(s[4:]), true, false, 0}.day(ymd)
}

// swiftAccount takes :25: apart: 12345678/1020304050, BIC/number, an IBAN, each with or without a currency at its end.
func swiftAccount(s string, a *Account) {
	s = strings.Trim(strings.TrimSpace(s), "/")
	code, number, ok := strings.Cut(s, "/")
	if !ok {
		code, number = "", s
	}
	if _, known := bank.Currency(number).Digits(); known { // an account number alone and its currency
		code, number = "", s
	}
	number, currency, ok := strings.Cut(number, "/")
	if !ok && len(number) > 10 {
		if c := bank.Currency(number[len(number)-3:]); digit(number[len(number)-4]) {
			if _, known := c.Digits(); known {
				number, currency = number[:len(number)-3], string(c)
			}
		}
	}
	a.Number = number
	if _, known := bank.Currency(currency).Digits(); known {
		a.Currency = bank.Currency(currency)
	}
	switch {
	case digits(code):
		a.BankCode = code
	case len(code) == 8 || len(code) == 11:
		a.BIC = code
	case code != "":
		a.Number = code + "/" + number
	}
}

// end ends the message, of which complete tells whether something comes after it.
func (x *swiftReader) end(line int, complete bool) error {
	if !x.in {
		return nil
	}
	x.in = false
	c, st := x.c, x.c.st
	switch {
	case !x.interim && st.Closing == nil && st.Opening == nil && len(x.entries) == 0 && complete:
	case !x.interim && st.Closing == nil:
		x.damaged(line, "The statement has no closing balance (:62:): the file is cut off")
	case x.interim && !x.closed && !complete:
		x.damaged(line, "The report has neither totals (:90:) nor an end (-): the file is cut off")
	}
	if st.Account.Currency != "" && x.currency == "" {
		x.currency = string(st.Account.Currency)
	}
	if x.currency == "" {
		x.currency = string(c.o.Currency)
	}
	if _, known := bank.Currency(x.currency).Digits(); x.currency == "" && len(x.entries) > 0 {
		x.damaged(st.Line, "The statement names no currency; give the currency of the account")
	} else if x.currency != "" && !known {
		x.damaged(max(x.named, st.Line), "The currency of the statement is none that is in use (ISO 4217)")
	}
	if x.damage != nil {
		c.st = nil
		return c.reject(x.damage.Line, "%s", x.damage.Message)
	}
	if st.Opening == nil && st.Closing == nil && len(x.entries) == 0 && x.account == "" {
		c.st = nil
		return c.reject(st.Line, "The statement has neither an account nor balances nor entries")
	}
	st.Account.Currency = bank.Currency(x.currency)
	for _, b := range []*Balance{st.Opening, st.Closing} {
		if b != nil && b.Currency == "" {
			b.Currency = st.Account.Currency
		}
	}
	if st.Opening != nil && st.Closing != nil {
		st.From, st.To = st.Opening.Date, st.Closing.Date
	}
	st.interim = x.interim
	for i := range x.entries {
		if err := x.entry(&x.entries[i]); err != nil {
			return err
		}
	}
	fits := x.checkTotals()
	if x.cut {
		if !x.interim {
			fits = st.Opening != nil && !st.rejected && sumsUp(st)
		}
		if !fits {
			c.st = nil
			return c.reject(line, "The file ends within the last balance or total, and the entries do not give it: it is cut off")
		}
	}
	c.end()
	return nil
}

// checkTotals compares the count and sum of MT942, such as :90D:2PLN186,33.
func (x *swiftReader) checkTotals() (fits bool) {
	st := x.c.st
	fits = true
	for _, tag := range []string{"90C", "90D"} { // a file's warnings come in one order
		side := bank.Credit
		if tag == "90D" {
			side = bank.Debit
		}
		s, ok := x.totals[tag]
		if !ok || st.rejected {
			continue
		}
		i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if i < 0 || len(s) < i+4 {
			fits = false
			continue
		}
		want, ok := swiftAmount(s[i+3:])
		n, sum := 0, decimal.Decimal{}
		for _, e := range st.Entries {
			if e.BaseType == side {
				n++
				sum, _ = sum.Add(e.Amount)
			}
		}
		if !ok || n != number(s[:i]) || sum.Cmp(want) != 0 {
			x.c.warn(st.Line, "The entries do not give the count and sum in :%s:", tag)
			fits = false
		}
	}
	return fits
}

// entry reads :61:, which is
//
//	value date 6, booking date [4], side [R]C|D, third letter of the currency [1], amount, type 4, reference 16 [//bank's 16]
//
// with the bank's addition on the next line.
func (x *swiftReader) entry(l *swiftLine) error {
	s := strings.TrimRight(l.text[0], " ")
	e := Entry{Line: l.line}
	e.Currency, e.Status = x.c.st.Account.Currency, bank.Posted
	var bad problems
	n := 0
	for n < len(s) && digit(s[n]) {
		n++
	}
	if n != 6 && n != 10 {
		return x.c.add(e, "", "", "The entry (:61:) does not begin with its dates (YYMMDD[MMDD])")
	}
	value, ok := swiftDate(s[:6])
	if !ok {
		bad.add("The value date is no day of the calendar")
	}
	e.BookingDate, e.ValueDate = value, &value
	if n == 10 && ok {
		booked, ok := nearest(value, number(s[6:8]), number(s[8:10]))
		if !ok {
			bad.add("The booking date is no day of the calendar")
		}
		e.BookingDate = booked
	}
	s = s[n:]
	reversal := false
	if len(s) > 1 && (s[0] == 'R' || s[0] == 'E') && (s[1] == 'C' || s[1] == 'D') {
		reversal = s[0] == 'R'
		if s[0] == 'E' {
			e.Status = bank.Pending // expected
		}
		s = s[1:]
	}
	if s == "" || s[0] != 'C' && s[0] != 'D' {
		bad.add("The side is neither C nor D, nor their reversals RC and RD")
		return x.c.add(e, "", "", bad.String())
	}
	// RC takes a credit back: money goes out.
	if e.BaseType = bank.Debit; s[0] == 'C' != reversal {
		e.BaseType = bank.Credit
	}
	s = s[1:]
	if s != "" && s[0] >= 'A' && s[0] <= 'Z' {
		s = s[1:]
	}
	n = 0
	for n < len(s) && (digit(s[n]) || s[n] == ',' || s[n] == '.') {
		n++
	}
	if e.Amount, ok = swiftAmount(s[:n]); !ok {
		bad.add("The amount is missing or is no decimal number")
	}
	s = s[n:]
	if s != "" && (s[0] < 'A' || s[0] > 'Z') && ok {
		bad.add("The type behind the amount is malformed")
	}
	kind := s[:min(4, len(s))]
	customer, ref, _ := strings.Cut(s[len(kind):], "//")
	customer, ref = strings.TrimSpace(customer), strings.TrimSpace(ref)
	info := swiftInfo(l.info)
	ns := swiftNS(l.ns)
	extra := join(l.text[1:]...)
	e.Description = join(info.purpose, ns.purpose)
	if e.Description == "" {
		e.Description = extra
	}
	e.BankText = join(info.text, ns.text)
	if name := join(info.name, ns.name); name != "" {
		e.CounterpartyName = &name
	}
	account := join(info.account, ns.account)
	if iban, f := bank.ParseIBAN("", extra); f == nil && account == "" {
		account = iban // Rabobank
	}
	e.CounterpartyIBAN = optional(account)
	if e.CounterpartyName == nil && ref == "" && len(customer) > 16 { // Rabobank's old files: behind the reference of 16
		e.CounterpartyName = optional(strings.TrimSpace(customer[16:]))
	}
	e.GVC = info.gvc
	if iban := x.c.st.Account.Number; len(iban) > 15 && iban[0] >= 'A' && !strings.HasPrefix(iban, "DE") {
		e.GVC = "" // other countries number their kinds of bookings otherwise
	}
	return x.c.add(e, ref, join(customer, extra, info.end), bad.String())
}

// nearest is the day with this month and day that is nearest to a date.
func nearest(to bank.Date, month, day int) (bank.Date, bool) {
	y := to.Time().Year()
	best, found := bank.Date(0), false
	for _, year := range []int{y, y - 1, y + 1} {
		d, ok := date{year, month, day, true, false, 0}.day(ymd)
		if ok && (!found || abs(d-to) < abs(best-to)) {
			best, found = d, true
		}
	}
	return best, found
}

func abs(d bank.Date) bank.Date { return max(d, -d) }

// swiftDetails is what :86: tells.
type swiftDetails struct{ gvc, text, purpose, name, account, end string }

// swiftInfo reads :86: in its three kinds: German (166?00…?20…), Dutch (/NAME/…/REMI/…), and plain text.
func swiftInfo(lines []string) (d swiftDetails) {
	if len(lines) == 0 {
		return d
	}
	first := strings.TrimLeft(lines[0], " ")
	if len(first) == 3 && digits(first) && len(lines) > 1 {
		first, lines = first+lines[1], lines[1:]
	}
	if len(first) > 5 && digits(first[:3]) && strings.IndexByte("?^>~<@$", first[3]) >= 0 && digits(first[4:6]) {
		return german(first[:3], first[3], first[3:]+strings.Join(lines[1:], ""))
	}
	// A line of full width goes on in the next one.
	var b strings.Builder
	for i, l := range lines {
		if i > 0 && len(lines[i-1]) < 64 {
			b.WriteByte(' ')
		}
		b.WriteString(l)
	}
	text := b.String()
	if strings.HasPrefix(text, "/") {
		if coded, ok := codeWords(text); ok {
			return coded
		}
	}
	d.purpose, d.end = sepaPurpose(text)
	return d
}

// german reads the fields of the German banks: 00 text, 20 to 29 and 60 to 63 purpose, 31 and 38 account, 32 and 33 name.
func german(gvc string, sep byte, s string) (d swiftDetails) {
	var purpose, name strings.Builder
	last := 0
	for s != "" {
		next := len(s)
		for i := 3; i+2 < len(s); i++ {
			if s[i] == sep && digit(s[i+1]) && digit(s[i+2]) {
				next = i
				break
			}
		}
		if len(s) < 3 || s[0] != sep {
			break
		}
		code, value := number(s[1:3]), s[3:next]
		s = s[next:]
		switch {
		case code == 0:
			d.text = value
		case code >= 20 && code <= 29, code >= 60 && code <= 69:
			if purpose.Len() > 0 && last < 27 {
				purpose.WriteByte(' ')
			}
			purpose.WriteString(value)
			last = len(value)
		case code == 31 && d.account == "", code == 38:
			d.account = strings.TrimSpace(value)
		case code == 32, code == 33:
			if 0 < name.Len() && name.Len() < 27 {
				name.WriteByte(' ')
			}
			name.WriteString(value)
		}
	}
	if sep == '?' {
		d.gvc = gvc
	}
	d.name = strings.TrimSpace(name.String())
	d.purpose, d.end = sepaPurpose(purpose.String())
	return d
}

// sepaWords are the parts of a SEPA purpose.
var sepaWords = []string{"EREF+", "KREF+", "MREF+", "CRED+", "DEBT+", "COAM+", "OAMT+", "SVWZ+", "ABWA+", "ABWE+", "IBAN+", "BIC+", "PURP+", "ANAM+", "BREF+", "RREF+", "SQTP+"}

// sepaPurpose takes what the payer wrote (SVWZ) out of a purpose, and the payer's reference (EREF).
func sepaPurpose(s string) (purpose, end string) {
	type word struct{ at, from int }
	var words []word
	for i := 0; i < len(s); i++ {
		plus := strings.IndexByte(s[i:], '+')
		if plus < 0 {
			break
		}
		i += plus
		for _, w := range sepaWords {
			if strings.HasSuffix(s[:i+1], w) {
				words = append(words, word{i + 1 - len(w), i + 1})
				break
			}
		}
	}
	if len(words) == 0 {
		return s, ""
	}
	purpose = s[:words[0].at]
	for i, w := range words {
		to := len(s)
		if i+1 < len(words) {
			to = words[i+1].at
		}
		switch value := strings.TrimSpace(s[w.from:to]); s[w.at:w.from] {
		case "SVWZ+":
			purpose += " " + value
		case "EREF+":
			end = value
			if i := strings.Index(value, "MTLG:"); i >= 0 {
				purpose += " " + value[i:]
			}
		case "KREF+":
			if i := strings.Index(value, "MTLG:"); i >= 0 {
				purpose += " " + value[i:]
			}
		}
	}
	if purpose = strings.TrimSpace(purpose); purpose == "" {
		purpose = end
	}
	return purpose, end
}

// swiftWords are the code words that Dutch, Belgian and Nordic banks divide :86: by.
var swiftWords = []string{"EREF", "KREF", "MREF", "CRED", "SVWZ", "ABWA", "PREF", "MARF", "CSID", "RTRN", "BENM", "ORDP", "NAME", "REMI", "ISDT", "TRTP", "IBAN", "BIC", "CNTP", "ULTC",
	"ULTD", "ULTB", "PURP", "TRCD", "ID", "ADDR", "SVCL", "TR", "TYP", "OCMT", "CHGS", "CHGS1", "BENB", "EXCH", "ACCT", "INV", "USTD", "STRD"}

// codeWords reads /EREF/…/NAME/…/REMI/…; false where the text is not of that kind.
func codeWords(s string) (d swiftDetails, ok bool) {
	parts := strings.Split(s, "/")
	values := map[string]string{}
	word := ""
	for _, p := range parts[1:] {
		if key := strings.TrimSpace(p); slices.Contains(swiftWords, key) && values[key] == "" {
			word = key
			continue
		}
		if word == "" {
			return d, false
		}
		if values[word] != "" {
			values[word] += "/"
		}
		values[word] += p
	}
	d.purpose = strings.Trim(join(values["REMI"], values["SVWZ"], values["USTD"], values["STRD"]), "/ ")
	if inv := values["INV"]; inv != "" {
		d.purpose = join(d.purpose, inv)
	}
	d.name, d.account, d.end = strings.TrimSpace(values["NAME"]), strings.TrimSpace(values["IBAN"]), values["EREF"]
	if d.name == "" {
		d.name = strings.TrimSpace(values["BENM"] + values["ORDP"] + values["ABWA"])
	}
	if cp := strings.Split(values["CNTP"], "/"); len(cp) > 2 {
		d.account, d.name = cp[0], cp[2]
	}
	d.text = values["TRTP"]
	if d.purpose == "" {
		d.purpose = strings.TrimSpace(values["EREF"])
	}
	return d, d.purpose+d.name+d.text != ""
}

// swiftNS reads :NS:, lines that begin with the number of their field: 01 to 14 purpose, 15 and 16 name, 17 text, 34 account.
func swiftNS(lines []string) (d swiftDetails) {
	for _, l := range lines {
		if len(l) < 3 || !digits(l[:2]) {
			continue
		}
		switch n, value := number(l[:2]), l[2:]; {
		case n >= 1 && n <= 14:
			d.purpose = join(d.purpose, value)
		case n == 15:
			d.name = value
		case n == 16:
			d.name += value
		case n == 17:
			d.text = value
		case n == 34:
			d.account = strings.TrimSpace(value)
		}
	}
	return d
}
