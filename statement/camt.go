package statement

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"insightgraph/bank"
)

// leaf is an element that holds text. Its path begins below the account, balance, entry or payment that it is part of.
type leaf struct {
	path, text, currency string
	line                 int
}

type leaves []leaf

// get is the text at the first of the paths that there is.
func (l leaves) get(paths ...string) string {
	for _, p := range paths {
		for i := range l {
			if l[i].path == p {
				return l[i].text
			}
		}
	}
	return ""
}

// all is the text of all elements at a path.
func (l leaves) all(path string) (texts []string) {
	for i := range l {
		if l[i].path == path {
			texts = append(texts, l[i].text)
		}
	}
	return texts
}

// find is the first element at a path.
func (l leaves) find(paths ...string) leaf {
	for _, p := range paths {
		for i := range l {
			if l[i].path == p {
				return l[i]
			}
		}
	}
	return leaf{}
}

// The limits on one CAMT entry.
const (
	maxLeaves = 20_000  // of one payment, or of an entry besides its payments
	maxHeld   = 500_000 // of all payments of an entry
	maxParts  = 100_000
	maxPaths  = 4_096 // different ones in a file
)

// The units of a CAMT statement: their leaves are taken together.
const (
	unitStatement = iota
	unitAccount
	unitBalance
	unitEntry
	unitPayment
)

// camt reads ISO 20022 camt.052, camt.053 and camt.054 of all versions: namespaces and versions are not looked at.
func camt(r io.Reader, c *collector) error {
	m := newMarkup(r, c.name, false)
	x := &camtReader{c: c, m: m, paths: map[string]string{}}
	last := 1
	for {
		t, err := m.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if t.kind != textToken {
			last = t.line
		}
		switch t.kind {
		case textToken:
			err = x.write(t)
		case openToken, emptyToken:
			empty := t.kind == emptyToken
			if err = x.open(t); err == nil && empty {
				err = x.close(m.line)
			}
		case closeToken:
			if n := len(x.ends); n == 0 || !bytes.Equal(x.path[x.begin():], t.name) {
				return m.refuse(t.line, "An end tag does not belong to the element that is open")
			}
			err = x.close(t.line)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case len(x.ends) > 0:
		return m.refuse(m.line, "The file ends before its elements do: it is cut off")
	case x.message == "" && !x.seen:
		return m.refuse(1, "The file is no XML")
	case x.message == "":
		return m.refuse(1, "The XML holds no camt.052, camt.053 or camt.054 message")
	case x.statements == 0:
		return m.refuse(last, "The message holds no statement (Stmt, Rpt or Ntfctn)")
	}
	return nil
}

type camtReader struct {
	c          *collector
	m          *markup
	path       []byte // names of the open elements, divided by /
	ends       []int  // length of path before each of them
	paths      map[string]string
	message    string // the element of the message
	statement  string // the element of a statement in it
	statements int
	seen       bool  // an element
	base       []int // length of path at each open unit
	units      []int
	marks      []int // length of leaves at each open unit
	leaves     leaves
	text       []byte
	currency   string
	opened     bool // the last tag opened an element
	line       int  // of it
	parts      []payment
	held       int // leaves of them
	entryLine  int
	openRank   int
	closeRank  int
}

type payment struct {
	leaves leaves
	line   int
}

// begin is where the name of the innermost open element begins.
func (x *camtReader) begin() int {
	b := x.ends[len(x.ends)-1]
	if b > 0 {
		b++
	}
	return b
}

func (x *camtReader) write(t token) error {
	if !x.opened {
		if len(x.ends) == 0 && len(bytes.TrimSpace(t.text)) > 0 {
			return x.m.refuse(t.line, "There is text outside of all elements: the file is no XML")
		}
		return nil
	}
	if x.text = append(x.text, t.text...); len(x.text) > maxToken {
		return x.m.refuse(t.line, "A text is too long")
	}
	return nil
}

func (x *camtReader) open(t token) error {
	if len(x.ends) >= maxDepth {
		return x.m.refuse(t.line, "Elements are nested deeper than 64")
	}
	if len(x.ends) == 0 && x.seen {
		return x.m.refuse(t.line, "There is more than one root element: the file is no XML")
	}
	x.seen = true
	x.ends = append(x.ends, len(x.path))
	if len(x.path) > 0 {
		x.path = append(x.path, '/')
	}
	x.path = append(x.path, t.name...)
	x.text, x.opened, x.line, x.currency = x.text[:0], true, t.line, ""
	if len(t.attrs) > 0 {
		x.currency = t.attr("Ccy")
	}
	if unit, ok := x.unit(string(t.name)); ok {
		x.units, x.base, x.marks = append(x.units, unit), append(x.base, len(x.path)+1), append(x.marks, len(x.leaves))
		switch unit {
		case unitStatement:
			x.statements++
			x.c.begin(t.line).interim = x.statement == "Rpt"
			x.openRank, x.closeRank = 0, 0
		case unitEntry:
			x.parts, x.held, x.entryLine = x.parts[:0], 0, t.line
		case unitPayment:
			if len(x.parts) >= maxParts {
				return x.m.refuse(t.line, "An entry has too many payments")
			}
			x.parts = append(x.parts, payment{line: t.line})
		}
	}
	return nil
}

// unit tells whether an element that was just opened begins a unit, and which.
func (x *camtReader) unit(name string) (int, bool) {
	if len(x.units) == 0 {
		for _, k := range []struct {
			message, statement string
			format             Format
		}{{"BkToCstmrStmt", "Stmt", CAMT053}, {"BkToCstmrAcctRpt", "Rpt", CAMT052}, {"BkToCstmrDbtCdtNtfctn", "Ntfctn", CAMT054}} {
			if name == k.message || name == k.message+"V01" {
				if x.message == "" {
					x.c.file.Format = k.format
				}
				x.message, x.statement = name, k.statement
			}
		}
		parent := x.path[:x.ends[len(x.ends)-1]]
		return unitStatement, x.message != "" && name == x.statement && bytes.HasSuffix(parent, []byte(x.message))
	}
	switch below := string(x.path[x.base[len(x.base)-1]:]); x.units[len(x.units)-1] {
	case unitStatement:
		switch below {
		case "Acct":
			return unitAccount, true
		case "Bal":
			return unitBalance, true
		case "Ntry":
			return unitEntry, true
		}
	case unitEntry:
		return unitPayment, below == "NtryDtls/TxDtls" || below == "TxDtls"
	}
	return 0, false
}

func (x *camtReader) close(line int) error {
	if len(x.units) > 0 {
		if base := x.base[len(x.base)-1]; len(x.path) < base { // the unit itself
			if err := x.end(); err != nil {
				return err
			}
		} else if x.opened {
			if err := x.keep(x.path[base:], line); err != nil {
				return err
			}
		}
	}
	n := len(x.ends) - 1
	x.path, x.ends, x.opened = x.path[:x.ends[n]], x.ends[:n], false
	return nil
}

// keep notes the text of an element that held nothing else.
func (x *camtReader) keep(path []byte, line int) error {
	text, ok := x.m.unescape(bytes.TrimSpace(x.text))
	if !ok {
		return x.m.refuse(x.line, "An entity is not known, or a & stands alone")
	}
	if text == "" {
		return nil
	}
	p, ok := x.paths[string(path)]
	if !ok {
		if len(x.paths) >= maxPaths {
			return x.m.refuse(line, "There are too many different elements")
		}
		p = string(path)
		x.paths[p] = p
	}
	if len(x.leaves)-x.marks[len(x.marks)-1] >= maxLeaves {
		return x.m.refuse(line, "An entry has too many elements")
	}
	x.leaves = append(x.leaves, leaf{p, text, x.currency, x.line})
	return nil
}

// end is called at the end of a unit.
func (x *camtReader) end() error {
	n := len(x.units) - 1
	unit, mark := x.units[n], x.marks[n]
	own := x.leaves[mark:]
	x.units, x.base, x.marks = x.units[:n], x.base[:n], x.marks[:n]
	st := x.c.st
	var err error
	switch unit {
	case unitAccount:
		x.account(own, &st.Account)
	case unitBalance:
		err = x.balance(own)
	case unitPayment:
		p := &x.parts[len(x.parts)-1]
		if x.held += len(own); x.held > maxHeld {
			return x.m.refuse(p.line, "An entry has too many elements")
		}
		p.leaves = slices.Clone(own)
	case unitEntry:
		err = x.entry(own)
	case unitStatement:
		st.ID = own.get("Id")
		if d, ok := isoDate(own.get("FrToDt/FrDtTm", "FrToDt/FrDt", "FrToDt/FrDt/Dt")); ok {
			st.From = &d
		}
		if d, ok := isoDate(own.get("FrToDt/ToDtTm", "FrToDt/ToDt", "FrToDt/ToDt/Dt")); ok {
			st.To = &d
		}
		x.c.end()
	}
	x.leaves = x.leaves[:mark]
	return err
}

func (x *camtReader) account(l leaves, a *Account) {
	a.IBAN, a.Number = l.get("Id/IBAN"), l.get("Id/Othr/Id", "Id/PrtryAcct/Id", "Id/BBAN")
	if a.IBAN != "" {
		a.Number = ""
	}
	if a.Currency == "" {
		a.Currency = bank.Currency(l.get("Ccy"))
	}
	a.Owner, a.Name = l.get("Ownr/Nm", "Ownr/Pty/Nm"), l.get("Nm", "Tp/Prtry")
	a.BIC, a.BankName = l.get("Svcr/FinInstnId/BICFI", "Svcr/FinInstnId/BIC", "Svcr/FinInstnId/CmbndId/BIC"), l.get("Svcr/FinInstnId/Nm", "Svcr/FinInstnId/CmbndId/Nm")
	a.BankCode = l.get("Svcr/FinInstnId/ClrSysMmbId/MmbId")
	a.Type = map[string]string{"CACC": "CHECKING", "SVGS": "SAVINGS", "LOAN": "LOAN", "CARD": "CREDIT_CARD"}[l.get("Tp/Cd")]
}

// The balances that a statement is opened and closed by, the better ones with higher rank.
var openings = map[string]int{"PRCD": 1, "OPBD": 2}
var closings = map[string]int{"ITBD": 1, "CLBD": 2}

func (x *camtReader) balance(l leaves) error {
	code := l.get("Tp/CdOrPrtry/Cd", "Tp/Cd")
	first := openings[code] > 0
	if !first && closings[code] == 0 {
		return nil
	}
	at := l.find("Amt")
	amount, ok := camtAmount(at.text)
	day := l.get("Dt/Dt", "Dt/DtTm", "Dt")
	d, dated := isoDate(day)
	if !ok || !dated && day != "" || !x.side(l, &amount) {
		return x.c.refuse(max(at.line, x.line), "The amount, side or date of a balance is malformed")
	}
	b := &Balance{Money: bank.Money{Amount: amount, Currency: bank.Currency(at.currency)}, Interim: code == "ITBD"}
	if dated {
		b.Date = &d
	}
	st := x.c.st
	if first && openings[code] > x.openRank {
		st.Opening, x.openRank = b, openings[code]
	}
	if !first && closings[code] >= x.closeRank {
		st.Closing, x.closeRank = b, closings[code]
	}
	return nil
}

// side gives the amount its sign.
func (x *camtReader) side(l leaves, amount *decimal.Decimal) bool {
	switch l.get("CdtDbtInd") {
	case "CRDT":
	case "DBIT":
		*amount = amount.Neg()
	default:
		return false
	}
	return true
}

func camtAmount(s string) (decimal.Decimal, bool) {
	if s == "" || !digit(s[0]) && s[0] != '.' {
		return decimal.Decimal{}, false // the sign is in CdtDbtInd
	}
	return parseAmount(strings.TrimSuffix(s, "."), '.', 0)
}

func (x *camtReader) entry(l leaves) error {
	e := Entry{Line: x.entryLine}
	var bad problems
	at := l.find("Amt")
	amount, ok := camtAmount(at.text)
	if !ok {
		bad.add("The amount (Amt) is missing or is no decimal number")
		e.Line = max(e.Line, at.line)
	}
	e.Amount, e.Currency = amount, bank.Currency(at.currency)
	switch l.get("CdtDbtInd") {
	case "CRDT":
		e.BaseType = bank.Credit
	case "DBIT":
		e.BaseType = bank.Debit
	default:
		bad.add("The side (CdtDbtInd) is neither CRDT nor DBIT")
	}
	// The side is that of this entry, even of a reversal; only the parties are those of the entry that it takes back.
	in := e.BaseType == bank.Credit
	if r := l.get("RvslInd"); r == "true" || r == "1" {
		in = !in
	}
	booked, valued := l.find("BookgDt/Dt", "BookgDt/DtTm", "BookgDt"), l.find("ValDt/Dt", "ValDt/DtTm", "ValDt")
	bookedOn, okBooked := isoDate(booked.text)
	valuedOn, okValued := isoDate(valued.text)
	switch {
	case booked.text != "" && !okBooked:
		bad.add("The booking date (BookgDt) is no day of the calendar")
		e.Line = max(e.Line, booked.line)
	case valued.text != "" && !okValued:
		bad.add("The value date (ValDt) is no day of the calendar")
		e.Line = max(e.Line, valued.line)
	case booked.text == "" && valued.text == "":
		bad.add("The entry has no date (BookgDt or ValDt)")
	}
	if e.BookingDate = bookedOn; booked.text == "" {
		e.BookingDate = valuedOn
	}
	if okValued {
		e.ValueDate = &valuedOn
	}
	switch status := l.get("Sts", "Sts/Cd", "Sts/Prtry"); status {
	case "BOOK", "":
		e.Status = bank.Posted
	case "PDNG", "FUTR":
		e.Status = bank.Pending
	case "INFO":
		x.c.warn(x.entryLine, "The entry is for information only and was left out")
		return nil
	default:
		bad.add("The status (Sts) is not BOOK, PDNG, FUTR or INFO")
	}
	e.BankText = l.get("AddtlNtryInf")
	e.BankCode, e.GVC = bankCode(l)
	e.Charges = charges(l)
	ref := l.get("AcctSvcrRef")
	for _, p := range x.parts {
		part := Part{BaseType: e.BaseType, Description: remittance(p.leaves), Counterparty: camtParty(p.leaves, in)}
		if side := p.leaves.get("CdtDbtInd"); side == "CRDT" {
			part.BaseType = bank.Credit
		} else if side == "DBIT" {
			part.BaseType = bank.Debit
		}
		sum := p.leaves.find("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")
		if a, ok := camtAmount(sum.text); ok {
			if money, f := (bank.Money{Amount: a, Currency: bank.Currency(sum.currency)}).Check("amount"); f == nil {
				part.Amount = &money
			}
		}
		e.Parts = append(e.Parts, part)
		if e.BankCode == "" && e.GVC == "" {
			e.BankCode, e.GVC = bankCode(p.leaves)
		}
	}
	if len(x.parts) == 1 {
		p, one := x.parts[0].leaves, e.Parts[0]
		e.Description = one.Description
		if one.Counterparty != nil {
			e.CounterpartyName, e.CounterpartyIBAN = one.Counterparty.Name, one.Counterparty.IBAN
		}
		if ref == "" {
			ref = p.get("Refs/AcctSvcrRef", "Refs/TxId")
		}
		if e.Charges == nil {
			e.Charges = charges(p)
		}
		e.MCC = optional(p.get("CardTx/Tx/MrchntCtgyCd", "CardTx/POI/MrchntCtgyCd"))
	} else {
		var texts []string
		size := 0
		for _, p := range e.Parts {
			if size += len(p.Description); size > 4*bank.MaxDescription {
				break
			}
			texts = append(texts, p.Description)
		}
		e.Description = join(texts...)
	}
	if e.MCC == nil {
		e.MCC = optional(l.get("CardTx/Tx/MrchntCtgyCd", "CardTx/POI/MrchntCtgyCd"))
	}
	more := ""
	for _, p := range x.parts {
		if id := p.leaves.get("Refs/EndToEndId", "Refs/InstrId"); len(more) < bank.MaxDescription && !strings.EqualFold(id, "NOTPROVIDED") {
			more += " " + id
		}
	}
	return x.c.add(e, ref, more, bad.String())
}

// remittance is what the payer wrote, or else what the bank did.
func remittance(l leaves) string {
	texts := l.all("RmtInf/Ustrd")
	texts = append(texts, l.all("RmtInf/Strd/CdtrRefInf/Ref")...)
	texts = append(texts, l.all("RmtInf/Strd/AddtlRmtInf")...)
	if s := join(texts...); s != "" {
		return s
	}
	return l.get("AddtlTxInf")
}

// camtParty is who is on the other side: the debtor of money that comes in, the creditor of money that goes out.
func camtParty(l leaves, in bool) *bank.Counterparty {
	who := "Cdtr"
	if in {
		who = "Dbtr"
	}
	p := "RltdPties/"
	return party(l.get(p+who+"/Nm", p+who+"/Pty/Nm", p+"Ultmt"+who+"/Nm", p+"Ultmt"+who+"/Pty/Nm", p+who+"/Agt/FinInstnId/Nm", p+"TradgPty/Nm", p+"TradgPty/Pty/Nm"),
		l.get(p+who+"Acct/Id/IBAN", p+who+"Acct/Id/Othr/Id", p+who+"Acct/Id/PrtryAcct/Id"))
}

// bankCode is the ISO code of the kind of booking, and the German one that banks put in the proprietary code as
// NTRF+166+…, or alone.
func bankCode(l leaves) (iso, gvc string) {
	if d := l.get("BkTxCd/Domn/Cd"); d != "" {
		iso = d + "-" + l.get("BkTxCd/Domn/Fmly/Cd") + "-" + l.get("BkTxCd/Domn/Fmly/SubFmlyCd")
	}
	if issuer := l.get("BkTxCd/Prtry/Issr"); issuer == "DK" || issuer == "ZKA" {
		parts := strings.Split(l.get("BkTxCd/Prtry/Cd"), "+")
		if len(parts) > 1 {
			parts = parts[1:]
		}
		if len(parts[0]) == 3 && digits(parts[0]) && parts[0] != "000" {
			gvc = parts[0]
		}
	}
	return iso, gvc
}

// charges is their total, or the sum of the single ones in one currency.
func charges(l leaves) *bank.Money {
	var sum *bank.Money
	for i := range l {
		total := l[i].path == "Chrgs/TtlChrgsAndTaxAmt"
		if !total && l[i].path != "Chrgs/Rcrd/Amt" && l[i].path != "Chrgs/Amt" {
			continue
		}
		amount, ok := camtAmount(l[i].text)
		money, f := bank.Money{Amount: amount, Currency: bank.Currency(l[i].currency)}.Check("amount")
		if !ok || f != nil {
			continue
		}
		if total {
			return &money
		}
		if sum == nil {
			sum = &money
		} else if added, err := sum.Add(money); err == nil {
			sum = &added
		}
	}
	return sum
}
