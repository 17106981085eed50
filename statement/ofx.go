package statement

import (
	"bytes"
	"io"
	"strings"

	"github.com/govalues/decimal"

	"insightgraph/bank"
)

// ofxReader is where the reader of OFX stands.
type ofxReader struct {
	c       *collector
	m       *markup
	stack   []byte // names of the open elements, divided by /
	starts  []int
	values  map[string]ofxValue // of the element that is gathered: account, transaction, balance
	text    []byte
	leaf    int // line of the element that was just opened; 0 if none
	inside  bool
	section string // STMTTRN, LEDGERBAL, … whose values are gathered
	line    int    // of it
	closed  bool
	failed  int        // line of a status that is an error
	trades  *Statement // the statement whose investment transactions were told of
}

type ofxValue struct {
	text string
	line int
}

// ofxContainers are the statements of OFX.
var ofxContainers = map[string]bank.Container{"STMTRS": bank.ContainerBank, "CCSTMTRS": bank.ContainerCard, "INVSTMTRS": bank.ContainerInvestment}

// ofxSections are the elements in a statement whose values are taken together.
var ofxSections = map[string]bool{"STMTTRN": true, "BANKACCTFROM": true, "CCACCTFROM": true, "INVACCTFROM": true, "LEDGERBAL": true, "AVAILBAL": true}

// ofx reads OFX 1, whose elements may have no end, and OFX 2, which is XML. Both go one way: an element with text ends
// where the next tag begins, all others at the end tag of their own or of one around them.
func ofx(r io.Reader, c *collector) error {
	x := &ofxReader{c: c, m: newMarkup(r, c.name, true), values: map[string]ofxValue{}}
	for {
		t, err := x.m.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		switch t.kind {
		case textToken:
			if x.leaf > 0 {
				if x.text = append(x.text, t.text...); len(x.text) > maxToken {
					return x.m.refuse(t.line, "A text is too long")
				}
			}
		case openToken:
			x.value()
			err = x.open(t)
		case emptyToken:
			x.value()
		case closeToken:
			x.value()
			err = x.close(t)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case !x.inside && !x.closed:
		return x.m.refuse(1, "The file holds no OFX element")
	case x.failed > 0 && len(x.starts) == 0 && len(c.file.Statements) == 0 && len(c.file.Rejected) == 0:
		return x.m.refuse(x.failed, "The bank answered with an error in place of a statement (STATUS)")
	case len(x.starts) > 0:
		return x.m.refuse(x.m.line, "The file ends before its elements do: it is cut off")
	}
	return nil
}

func (x *ofxReader) top() string {
	if len(x.starts) == 0 {
		return ""
	}
	return string(x.stack[x.starts[len(x.starts)-1]:])
}

// value takes the text of the element that is open, if it has some.
func (x *ofxReader) value() {
	line, b := x.leaf, bytes.TrimSpace(x.text)
	if x.leaf = 0; line == 0 || len(b) == 0 {
		return
	}
	text, _ := x.m.unescape(b)
	if x.failed == 0 && x.top() == "SEVERITY" && strings.EqualFold(text, "ERROR") {
		x.failed = line
	}
	if name := x.top(); x.section != "" {
		if x.within("PAYEE") && name == "NAME" || x.within("BANKACCTTO") || x.within("CCACCTTO") || x.within("CURRENCY") || x.within("ORIGCURRENCY") {
			name = x.parent() + "/" + name
		}
		if _, twice := x.values[name]; !twice {
			x.values[name] = ofxValue{text, line}
		}
	} else if st := x.c.st; st != nil {
		switch name {
		case "CURDEF":
			if st.Account.Currency == "" {
				st.Account.Currency = bank.Currency(strings.ToUpper(text))
			}
		case "DTSTART":
			if d, ok := ofxDate(text); ok {
				st.From = &d
			}
		case "DTEND":
			if d, ok := ofxDate(text); ok {
				st.To = &d
			}
		}
	}
}

func (x *ofxReader) parent() string {
	if n := len(x.starts); n > 1 {
		return string(x.stack[x.starts[n-2]:x.starts[n-1]])
	}
	return ""
}

func (x *ofxReader) within(name string) bool { return x.parent() == name }

func (x *ofxReader) open(t token) error {
	name := strings.ToUpper(string(t.name))
	_, container := ofxContainers[x.top()]
	if len(bytes.TrimSpace(x.text)) > 0 && len(x.starts) > 0 && !container && !ofxSections[x.top()] { // the element before had text and no end tag
		n := len(x.starts) - 1
		x.stack, x.starts = x.stack[:x.starts[n]], x.starts[:n]
	}
	x.text = x.text[:0]
	if st := x.c.st; st != nil && st != x.trades && x.top() == "INVTRANLIST" && name != "INVBANKTRAN" && name != "DTSTART" && name != "DTEND" {
		x.trades = st
		if err := x.c.reject(t.line, "Investments (INVTRANLIST) are not read, only the money that came and went"); err != nil {
			return err
		}
	}
	if len(x.starts) >= maxDepth {
		return x.m.refuse(t.line, "Elements are nested deeper than 64")
	}
	if len(name) > 100 {
		return x.m.refuse(t.line, "A tag is too long")
	}
	x.starts = append(x.starts, len(x.stack))
	x.stack = append(x.stack, name...)
	x.leaf = t.line
	if name == "OFX" {
		x.inside = true
	}
	if container, ok := ofxContainers[name]; ok && x.inside {
		if x.section != "" {
			return x.m.refuse(t.line, "The element "+x.section+" does not end: the file is damaged")
		}
		x.c.begin(t.line).Account.Container = container
		if container == bank.ContainerCard {
			x.c.st.Account.Type = "CREDIT_CARD"
		}
	}
	if ofxSections[name] && x.c.st != nil && x.section == "" {
		x.section, x.line = name, t.line
		clear(x.values)
	}
	return nil
}

func (x *ofxReader) close(t token) error {
	name := strings.ToUpper(string(t.name))
	x.text = x.text[:0]
	at := len(x.starts) - 1
	for ; at >= 0; at-- {
		end := len(x.stack)
		if at+1 < len(x.starts) {
			end = x.starts[at+1]
		}
		if string(x.stack[x.starts[at]:end]) == name {
			break
		}
	}
	if at < 0 {
		return nil // the end of an element that was ended before
	}
	if x.section != "" && name != x.section {
		// an end tag around the section means that its own is missing
		for i := at; i < len(x.starts); i++ {
			end := len(x.stack)
			if i+1 < len(x.starts) {
				end = x.starts[i+1]
			}
			if string(x.stack[x.starts[i]:end]) == x.section {
				return x.m.refuse(t.line, "The element "+x.section+" does not end: the file is damaged")
			}
		}
	}
	x.stack, x.starts = x.stack[:x.starts[at]], x.starts[:at]
	if name == x.section {
		x.section = ""
		return x.end(name)
	}
	if _, ok := ofxContainers[name]; ok && x.c.st != nil {
		x.c.end()
	}
	if name == "OFX" {
		x.inside, x.closed = false, true
	}
	return nil
}

func (x *ofxReader) get(names ...string) string {
	for _, n := range names {
		if v := x.values[n].text; v != "" {
			return v
		}
	}
	return ""
}

// end takes what was gathered.
func (x *ofxReader) end(section string) error {
	st := x.c.st
	switch section {
	case "STMTTRN":
		return x.entry()
	case "LEDGERBAL":
		s := x.get("BALAMT")
		if s == "" {
			break
		}
		amount, ok := ofxAmount(s)
		if !ok {
			x.c.warn(x.values["BALAMT"].line, "The balance (BALAMT) is no decimal number and was left out")
			break
		}
		st.Closing = &Balance{Money: bank.Money{Amount: amount, Currency: st.Account.Currency}}
		if d, ok := ofxDate(x.get("DTASOF")); ok {
			st.Closing.Date = &d
		}
	case "BANKACCTFROM", "CCACCTFROM", "INVACCTFROM":
		a := &st.Account
		a.Number, a.BankCode = x.get("ACCTID"), x.get("BANKID")
		if section == "BANKACCTFROM" {
			a.Type = x.get("ACCTTYPE")
		}
		if section == "INVACCTFROM" {
			a.BankName = x.get("BROKERID")
		}
	}
	return nil
}

// ofxDate reads YYYYMMDD[HHMM[SS[.XXX]]][[offset:zone]], the day as it is written there.
func ofxDate(s string) (bank.Date, bool) {
	s = strings.TrimSpace(s)
	if len(s) < 8 || !digits(s[:8]) {
		return 0, false
	}
	rest, _, _ := strings.Cut(s[8:], "[")
	rest, _, _ = strings.Cut(rest, ".")
	if rest = strings.TrimSpace(rest); rest != "" && (!digits(rest) || len(rest) != 4 && len(rest) != 6 || number(rest[:2]) > 24 || number(rest[2:4]) > 59) {
		return 0, false
	}
	return date{number(s[:4]), number(s[4:6]), number(s[6:8]), true, false, 0}.day(ymd)
}

// ofxAmount reads -1234.50 and -1234,50; of two different signs the last is the decimal one.
func ofxAmount(s string) (decimal.Decimal, bool) {
	if strings.Trim(s, "0123456789.,+- ") != "" {
		return decimal.Decimal{}, false
	}
	point, group := '.', ','
	if strings.LastIndexByte(s, ',') > strings.LastIndexByte(s, '.') {
		point, group = ',', '.'
	}
	if !strings.ContainsRune(s, group) {
		group = 0
	}
	return parseAmount(s, point, group)
}

func (x *ofxReader) entry() error {
	a := &x.c.st.Account
	e := Entry{Line: x.line}
	e.Status = bank.Posted
	var bad problems
	wrong := func(name, format string) {
		if v := x.values[name]; v.line > 0 && bad == nil {
			e.Line = v.line
		}
		bad.add(format, name)
	}
	var ok bool
	if e.BookingDate, ok = ofxDate(x.get("DTPOSTED")); !ok {
		wrong("DTPOSTED", "The date (%s) is missing or is no day of the calendar")
	}
	if s := x.get("DTAVAIL", "VALUEDATE"); s != "" {
		if d, ok := ofxDate(s); ok {
			e.ValueDate = &d
		}
	}
	if e.Amount, ok = ofxAmount(x.get("TRNAMT")); !ok {
		wrong("TRNAMT", "The amount (%s) is missing or is no decimal number")
	}
	e.Currency = a.Currency
	if c := bank.Currency(strings.ToUpper(x.get("CURRENCY/CURSYM"))); c != "" && c != e.Currency {
		if _, known := c.Digits(); !known || e.Currency != "" {
			wrong("CURRENCY/CURSYM", "The amount is in another currency than the account (%s)")
		}
		e.Currency = c
	}
	name, memo := x.get("NAME", "PAYEE/NAME"), x.get("MEMO")
	e.CounterpartyName = optional(name)
	e.CounterpartyIBAN = optional(x.get("BANKACCTTO/ACCTID", "CCACCTTO/ACCTID"))
	e.Description = join(name, memo)
	e.BankText = strings.ToUpper(x.get("TRNTYPE"))
	e.BankCode, _ = kindCode(e.BankText)
	e.MCC = optional(x.get("SIC"))
	return x.c.add(e, x.get("FITID"), join(x.get("CHECKNUM"), x.get("REFNUM")), bad.String())
}
