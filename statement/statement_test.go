package statement

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"insightgraph/bank"
)

// line is an entry in short: day, value date, side, amount, description, counterparty, what the bank calls it.
func line(e Entry) string {
	value := ""
	if e.ValueDate != nil {
		value = e.ValueDate.String()
	}
	s := fmt.Sprintf("%d %s %s %s %s %s|%s|%s %s|%s %s %s", e.Line, e.BookingDate, value, e.BaseType, e.Amount, e.Currency, e.Description,
		deref(e.CounterpartyName), deref(e.CounterpartyIBAN), e.BankText, e.BankCode, e.GVC)
	for _, p := range e.Parts {
		s += "\n  " + string(p.BaseType)
		if p.Amount != nil {
			s += " " + p.Amount.Amount.String()
		}
		s += " " + p.Description
		if p.Counterparty != nil {
			s += "|" + deref(p.Counterparty.Name)
		}
	}
	return s
}

func describeAll(f *File) string {
	var b strings.Builder
	fmt.Fprintln(&b, f.Format)
	day := func(d *bank.Date) string {
		if d == nil {
			return "-"
		}
		return d.String()
	}
	for _, s := range f.Statements {
		a := s.Account
		fmt.Fprintf(&b, "%s/%s %s %s %s %s %s %q %s..%s %s -> %s\n", a.IBAN, a.Number, a.BankCode+a.BIC, a.Currency, a.Container, a.Type, s.ID, a.Owner+a.Name, day(s.From), day(s.To), money(s.Opening), money(s.Closing))
		for _, e := range s.Entries {
			fmt.Fprintln(&b, line(e))
		}
	}
	for _, r := range f.Rejected {
		fmt.Fprintln(&b, r)
	}
	for _, w := range f.Warnings {
		fmt.Fprintln(&b, "warning", w)
	}
	return strings.TrimSpace(b.String())
}

// The files in testdata are written for this test, with everything in them that the readers know.
var samples = map[string]string{
	"sample.camt053.xml": `CAMT053
DE89370400440532013000/ COBADEFFXXX EUR BANK  S1 "Erika Muster" 2026-01-01..2026-01-31 -100.00 EUR -> 1919.60 EUR
13 2026-01-30 2026-01-31 CREDIT 2100.00 EUR|Gehalt Januar & mehr|Arbeit & Lohn GmbH DE02120300000000202051|GEHALT/RENTE PMNT-RCDT-SALA 153
  CREDIT Gehalt Januar & mehr|Arbeit & Lohn GmbH
23 2026-01-15  DEBIT 90.40 EUR|Abschlag| |  
  DEBIT 60.00 Abschlag|Strom AG
  DEBIT 30.00 |Wasser AG
32 2026-01-16  CREDIT 10.00 EUR||Kino |  
  CREDIT |Kino
37 2026-02-01 2026-02-01 DEBIT 5.00 EUR|| |  `,
	"sample.sta": `MT940
/0532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-01..2026-01-31 1000.00 EUR -> 1156.50 EUR
6 2026-01-02 2026-01-02 CREDIT 250.50 EUR|Miete Januar 2026 Wohnung 3|Max Beispielmann und Frau Anna DE02120300000000202051|GUTSCHRIFT  166
9 2026-01-02 2025-12-30 DEBIT 100.00 EUR|Strom|Werke |LASTSCHRIFT  005
12 2026-01-03 2026-01-03 CREDIT 7.00 EUR|RUECKGABE OHNE FELDER| |  
14 2026-01-03 2026-01-03 DEBIT 1.00 EUR|| |  `,
	"sample1.ofx": `OFX
/222 111 USD BANK CHECKING  "" 2026-01-01..2026-01-31  -> 987.75 USD
11 2026-01-05  DEBIT 12.50 USD|A&P Market Food|A&P Market |POS  
12 2026-01-06  CREDIT 1000.25 USD|Work & Co|Work & Co |CREDIT  
/4444  USD CARD CREDIT_CARD  "" 2026-01-07..2026-01-07  -> 
15 2026-01-07  DEBIT 3.00 USD|Cafe|Cafe |DEBIT  `,
	"sample2.ofx": `OFX
DE89370400440532013000/ 37040044 EUR BANK SAVINGS  "" 2026-01-01..2026-01-31  -> 5.00 EUR
6 2026-01-05 2026-01-06 DEBIT 12.50 EUR|Jörg|Jörg DE02120300000000202051|XFER  `,
	"sample.qif": `QIF
/  EUR BANK   "Giro" 2026-01-14..2026-01-14 1250.00 EUR -> 
11 2026-01-14  DEBIT 60.00 EUR|Supermarket Week|Supermarket |  
  DEBIT 45.00 Food
  DEBIT 15.00 Household soap
21 2026-01-14  DEBIT 60.00 EUR|Supermarket Week|Supermarket |  
/  EUR CARD CREDIT_CARD  "Visa" 2025-12-31..2025-12-31  -> 
31 2025-12-31  DEBIT 9.90 EUR|Music|Music |  `,
	"sample.csv": `CSV
DE89370400440532013000/  EUR BANK   "" 2026-01-30..2026-01-31 0.00 EUR -> 1140.10 EUR
8 2026-01-30 2026-01-30 CREDIT 1200.00 EUR|Lohn|Bäcker |Gutschrift  
6 2026-01-31 2026-01-31 DEBIT 59.90 EUR|Abschlag Januar|Stadtwerke "Nord" DE02120300000000202051|Lastschrift  `,
}

func TestSamples(t *testing.T) {
	for name, want := range samples {
		data := sample(t, name)
		f, whole := read(t, bytes.NewReader(data), Options{Currency: "EUR"})
		got := describeAll(f)
		if whole != nil || tight(got) != tight(want) {
			t.Errorf("%s: refused %v\n got %s\nwant %s", name, whole, got, want)
		}
		// A reader that cannot seek, and one that gives a byte at a time, are the same.
		f, whole = read(t, iotest.OneByteReader(bytes.NewReader(data)), Options{Currency: "EUR"})
		if again := describeAll(f); whole != nil || again != got {
			t.Errorf("%s: byte by byte it is\n%s", name, again)
		}
		// So are other line ends.
		if name != "sample.sta" && name != "sample.csv" {
			f, whole = read(t, bytes.NewReader(bytes.ReplaceAll(data, []byte("\n"), []byte("\r"))), Options{Currency: "EUR"})
			if again := describeAll(f); whole != nil || again != got {
				t.Errorf("%s: with CR it is\n%s", name, again)
			}
		}
	}
}

func tight(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCAMTDetails(t *testing.T) {
	f, _ := read(t, bytes.NewReader(sample(t, "sample.camt053.xml")), Options{})
	e := f.Statements[0].Entries
	if c := e[1].Charges; c == nil || c.Amount.String() != "0.40" {
		t.Errorf("charges %v", c)
	}
	if e[3].Status != bank.Pending || e[0].Status != bank.Posted {
		t.Error("PDNG is pending and not in the check sum")
	}
	one, _ := read(t, strings.NewReader(camtOf(`<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-01</Dt></BookgDt>
		<NtryDtls><TxDtls><CardTx><Tx><MrchntCtgyCd>5411</MrchntCtgyCd></Tx></CardTx></TxDtls></NtryDtls></Ntry>`)), Options{})
	if got := one.Statements[0].Entries[0].MCC; deref(got) != "5411" {
		t.Errorf("merchant code %v", got)
	}
}

// The day of the balance that closes a statement: an account's balance is kept as of it.
func TestBalanceDays(t *testing.T) {
	ofx := func(bal string) string {
		return "<OFX><STMTRS><CURDEF>EUR<LEDGERBAL>" + bal + "</LEDGERBAL></STMTRS></OFX>"
	}
	for name, c := range map[string]struct{ data, want string }{
		"MT940":                        {":20:A\n:25:1\n:60F:C260101EUR1,\n:62F:D260131EUR2,5\n-\n", "2026-01-01, -2.50 2026-01-31"},
		"MT940, a page of several":     {":20:A\n:25:1\n:60M:C260101EUR1,\n:62M:C260131EUR2,\n-\n", "2026-01-01, 2.00 2026-01-31 interim"},
		"OFX":                          {ofx("<BALAMT>-2.50<DTASOF>20260131"), ", -2.50 2026-01-31"},
		"OFX, no number":               {ofx("<BALAMT>much<DTASOF>20260131"), ", none 1"},
		"OFX, none told":               {ofx("<DTASOF>20260131"), ", none 0"},
		"CSV, oldest first":            {"Date,Amount,Balance\n2026-01-30,1.00,3.00\n2026-01-31,2.00,5.00\n", ", 5.00 2026-01-31"},
		"CSV, newest first":            {"Date,Amount,Balance\n2026-01-31,2.00,5.00\n2026-01-30,1.00,3.00\n", ", 5.00 2026-01-31"},
		"CSV, a balance that does not": {"Date,Amount,Balance\n2026-01-30,1.00,3.00\n2026-01-31,2.00,5.01\n", ", none 0"},
		"CSV, a line without":          {"Date,Amount,Balance\n2026-01-30,1.00,3.00\n2026-01-31,2.00,\n", ", none 0"},
		"CSV, above the columns":       {"Kontostand vom 31.01.2026:;1.234,50 EUR\n\nBuchungstag;Betrag\n30.01.2026;1,00\n", ", 1234.50 2026-01-31"},
	} {
		f, whole := read(t, strings.NewReader(c.data), Options{Currency: "EUR"})
		if whole != nil || len(f.Statements) != 1 {
			t.Errorf("%s: %v", name, whole)
			continue
		}
		got := ""
		if b := f.Statements[0].Opening; b != nil && b.Date != nil {
			got = b.Date.String()
		}
		if b := f.Statements[0].Closing; b == nil {
			got += fmt.Sprint(", none ", len(f.Warnings))
		} else {
			got += fmt.Sprint(", ", b.Amount, " ", *b.Date, map[bool]string{true: " interim"}[b.Interim])
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Where in an entry, or in its one payment, the parts of a booking may stand.
func TestCAMTEntry(t *testing.T) {
	german := func(issuer, code string) string {
		return "<BkTxCd><Prtry><Cd>" + code + "</Cd><Issr>" + issuer + "</Issr></Prtry></BkTxCd>"
	}
	iso := "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>SALA</SubFmlyCd></Fmly></Domn></BkTxCd>"
	single := "<Chrgs><Rcrd><Amt Ccy=\"EUR\">0.40</Amt></Rcrd><Rcrd><Amt Ccy=\"EUR\">0.25</Amt></Rcrd></Chrgs>"
	total := "<Chrgs><Rcrd><Amt Ccy=\"EUR\">0.40</Amt></Rcrd><TtlChrgsAndTaxAmt Ccy=\"EUR\">0.50</TtlChrgsAndTaxAmt></Chrgs>"
	card := "<CardTx><POI><MrchntCtgyCd>5411</MrchntCtgyCd></POI></CardTx>"
	parties := "<RltdPties><Dbtr><Nm>Anna</Nm></Dbtr><Cdtr><Nm>Shop</Nm></Cdtr></RltdPties>"
	for name, c := range map[string]struct{ entry, payments, want string }{
		"nothing":                       {"", "", ""},
		"ISO code":                      {iso, "", "PMNT-RCDT-SALA"},
		"ISO code of the payment":       {"", iso, "PMNT-RCDT-SALA"},
		"the entry's code first":        {german("DK", "NTRF+166+1"), iso, "166"},
		"German code":                   {german("DK", "NTRF+166+0000"), "", "166"},
		"German code, alone":            {german("ZKA", "166"), "", "166"},
		"German code of the payment":    {"", german("DK", "NTRF+166+0000"), "166"},
		"German code that says nothing": {german("DK", "NTRF+000"), "", ""},
		"no German code":                {german("DK", "NTRF+16X") + german("DK", "NTRF+1660"), "", ""},
		"another bank's code":           {german("SWIFT", "NTRF+166"), "", ""},
		"charges":                       {single, "", "charges 0.65"},
		"charges in all":                {total, "", "charges 0.50"},
		"charges of the payment":        {"", single, "charges 0.65"},
		"the entry's charges first":     {total, single, "charges 0.50"},
		"merchant code":                 {card, "", "MCC 5411"},
		"merchant code of the payment":  {"", card, "MCC 5411"},
		"the merchant code of both":     {card, "</TxDtls><TxDtls>", "MCC 5411"},
		"money out, to whom":            {"", parties, "Shop"},
		"a reversal, from whom":         {"<RvslInd>1</RvslInd>", parties, "Anna"},
		"no reversal":                   {"<RvslInd>0</RvslInd>", parties, "Shop"},
	} {
		f, _ := read(t, strings.NewReader(camtOf(`<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-01</Dt></BookgDt>`+
			c.entry+`<NtryDtls><TxDtls>`+c.payments+`</TxDtls></NtryDtls></Ntry>`)), Options{})
		e := f.Statements[0].Entries[0]
		got := e.BankCode + e.GVC + deref(e.CounterpartyName)
		if e.Charges != nil {
			got += fmt.Sprint("charges ", e.Charges.Amount)
		}
		if e.MCC != nil {
			got += "MCC " + *e.MCC
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The balances that open and close a statement, with their days, and what else it tells of its account.
func TestCAMTAccount(t *testing.T) {
	bal := func(code, amount, side, day string) string {
		return `<Bal><Tp><CdOrPrtry><Cd>` + code + `</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">` + amount + `</Amt><CdtDbtInd>` + side + `</CdtDbtInd><Dt><Dt>` + day + `</Dt></Dt></Bal>`
	}
	for name, c := range map[string]struct{ data, want string }{
		"booked":              {bal("OPBD", "1.00", "CRDT", "2026-01-01") + bal("CLBD", "2.00", "DBIT", "2026-01-31"), "1.00 2026-01-01, -2.00 2026-01-31"},
		"the day before's":    {bal("PRCD", "1.00", "DBIT", "2025-12-31") + bal("CLBD", "2.00", "CRDT", "2026-01-31"), "-1.00 2025-12-31, 2.00 2026-01-31"},
		"the better ones":     {bal("PRCD", "9.00", "CRDT", "2025-12-31") + bal("OPBD", "1.00", "CRDT", "2026-01-01") + bal("CLBD", "2.00", "CRDT", "2026-01-31") + bal("ITBD", "9.00", "CRDT", "2026-01-15"), "1.00 2026-01-01, 2.00 2026-01-31"},
		"in another order":    {bal("OPBD", "1.00", "CRDT", "2026-01-01") + bal("PRCD", "9.00", "CRDT", "2025-12-31") + bal("ITBD", "9.00", "CRDT", "2026-01-15") + bal("CLBD", "2.00", "CRDT", "2026-01-31"), "1.00 2026-01-01, 2.00 2026-01-31"},
		"the latest of a day": {bal("ITBD", "1.00", "CRDT", "2026-01-15") + bal("ITBD", "2.00", "CRDT", "2026-01-15"), ", 2.00 2026-01-15 interim"},
		"what is no balance":  {bal("CLAV", "1.00", "CRDT", "2026-01-15") + bal("FWAV", "x", "x", "x"), ", "},
		"no side":             {bal("OPBD", "1.00", "CRDT", "2026-01-01") + bal("CLBD", "2.00", "", "2026-01-31"), "1: The amount, side or date of a balance is malformed"},
		"no day":              {bal("CLBD", "2.00", "CRDT", "2026-02-30"), "1: The amount, side or date of a balance is malformed"},
		"no amount":           {bal("CLBD", "-2.00", "CRDT", "2026-01-31"), "1: The amount, side or date of a balance is malformed"},
	} {
		f, whole := read(t, strings.NewReader(camtOf(c.data)), Options{Currency: "EUR"})
		got := ""
		if whole != nil {
			got = fmt.Sprint(whole.Line, ": ", whole.Message)
		} else {
			told := func(b *Balance) string {
				if b == nil {
					return ""
				}
				return fmt.Sprint(b.Amount, " ", *b.Date, map[bool]string{true: " interim"}[b.Interim])
			}
			got = told(f.Statements[0].Opening) + ", " + told(f.Statements[0].Closing)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	f, _ := read(t, strings.NewReader(`<Document><BkToCstmrStmt><Stmt><Acct><Id><Othr><Id>0532013000</Id></Othr></Id><Tp><Cd>SVGS</Cd></Tp><Ccy>CHF</Ccy><Nm>Savings</Nm><Ownr><Nm>Anna</Nm></Ownr>
		<Svcr><FinInstnId><BICFI>COBADEFFXXX</BICFI><ClrSysMmbId><MmbId>37040044</MmbId></ClrSysMmbId><Nm>The bank</Nm></FinInstnId></Svcr></Acct></Stmt></BkToCstmrStmt></Document>`), Options{Currency: "EUR"})
	want := Account{Number: "0532013000", BankCode: "37040044", BIC: "COBADEFFXXX", Currency: "CHF", Owner: "Anna", Name: "Savings", BankName: "The bank", Type: "SAVINGS", Format: CAMT053, Container: bank.ContainerBank}
	if got := f.Statements[0].Account; got != want {
		t.Errorf("account %+v, want %+v", got, want)
	}
}

func camtOf(entries string) string {
	return `<Document><BkToCstmrStmt><Stmt><Acct><Id><Othr><Id>1</Id></Othr></Id></Acct>` + entries + `</Stmt></BkToCstmrStmt></Document>`
}

// secret is in every file that is refused below, and must not be in the reason.
const secret = "SECRET"

func TestRefused(t *testing.T) {
	entry := `<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-01</Dt></BookgDt></Ntry>`
	mt := func(lines ...string) string {
		return ":20:A\n:25:" + secret + "\n:60F:C260101EUR1,\n" + strings.Join(lines, "\n") + "\n:62F:C260101EUR1,\n-\n"
	}
	ofxOf := func(s string) string {
		return "OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>EUR<BANKTRANLIST>" + s + "</BANKTRANLIST></STMTRS></OFX>"
	}
	for _, c := range []struct{ name, data, want string }{
		{"nothing", "", "1: The file is empty"},
		{"blanks", " \r\n\t\n", "1: The file is empty"},
		{"binary", "Date,Amount\n2026-01-01,\x00\x01\x02" + secret, "2: The file holds a NUL byte"},
		{"picture", "\x89PNG\r\n\x1a\n\x00\x00", "1: The file is a picture"},
		{"old Excel", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "1: The file is an old Excel"},
		{"PDF", "%PDF-1.4\n" + secret, "1: The file is a PDF"},
		{"gzip", "\x1f\x8b\x08\x00\x00", "1: The file is packed with gzip"},
		{"web page", "<!DOCTYPE html><html>" + secret, "1: The file is a web page"},
		{"JSON", `{"a":"` + secret + `"}`, "1: The file is JSON"},
		{"text", secret + " and nothing\nelse " + secret, "1: No line names columns"},

		{"document type", "<?xml version=\"1.0\"?>\n<!DOCTYPE d [<!ENTITY a \"" + secret + "\">]><Document>&a;</Document>", "2: A document type"},
		{"document type within", camtOf("\n<!ENTITY a SYSTEM \"file:///etc/passwd\">"), "2: A document type"},
		{"entity", camtOf("<Ntry><AddtlNtryInf>\n&" + secret + ";</AddtlNtryInf></Ntry>"), "1: An entity is not known"},
		{"million laughs in OFX", "<OFX><!DOCTYPE lolz [<!ENTITY lol \"lol\">]></OFX>", "1: A document type"},
		{"depth", camtOf(strings.Repeat("<a>", 1000)), "1: Elements are nested deeper than 64"},
		{"depth in OFX", "<OFX>" + strings.Repeat("<a>", 1000), "1: Elements are nested deeper than 64"},
		{"huge text", camtOf("<Ntry><AddtlNtryInf>" + strings.Repeat("x", 1<<20) + "</AddtlNtryInf></Ntry>"), "1: A tag or text is longer"},
		{"huge tag", camtOf("<" + strings.Repeat("x", 1<<20) + "/>"), "1: A tag or text is longer"},
		{"huge attribute", camtOf(`<Amt Ccy="` + strings.Repeat(">", 1<<20) + `"/>`), "1: A tag is too long"},
		{"huge CDATA", camtOf("<Ntry><A><![CDATA[" + strings.Repeat(">x", 1<<20) + "]]></A></Ntry>"), "1: A text is too long"},
		{"many elements", camtOf("<Ntry>" + strings.Repeat("<a>1</a>", 30_000) + "</Ntry>"), "1: An entry has too many elements"},
		{"many names", camtOf("<Ntry>" + func() string {
			var b strings.Builder
			for i := range 5000 {
				fmt.Fprintf(&b, "<a%d>1</a%d>", i, i)
			}
			return b.String()
		}() + "</Ntry>"), "1: There are too many different elements"},
		{"other XML", "<pain/>", "1: The XML holds no camt"},
		{"two roots", "<a/>\n<b/>", "2: There is more than one root"},
		{"cut off", strings.TrimSuffix(camtOf(entry+"\n"), "</Stmt></BkToCstmrStmt></Document>"), "2: The file ends before its elements do"},
		{"cut off in a tag", camtOf(entry) + "\n<x", "2: The file ends within a tag"},
		{"wrong end", camtOf(entry + "\n</Wrong>"), "2: An end tag does not belong"},
		{"no amount", camtOf("\n" + strings.Replace(entry, "1.00", secret, 1)), "2: The amount (Amt)"},
		{"amount with a sign", camtOf("\n" + strings.Replace(entry, "1.00", "-1.00", 1)), "2: The amount (Amt)"},
		{"too many decimals", camtOf("\n" + strings.Replace(entry, "1.00", "1.005", 1)), "2: Invalid value for amount; EUR has 2 decimals"},
		{"no side", camtOf("\n" + strings.Replace(entry, "DBIT", secret, 1)), "2: The side (CdtDbtInd)"},
		{"no day", camtOf("\n" + strings.Replace(entry, "2026-01-01", "2026-02-30", 1)), "2: The booking date (BookgDt)"},
		{"other date", camtOf("\n" + strings.Replace(entry, "2026-01-01", "01.01.2026", 1)), "2: The booking date (BookgDt)"},
		{"no date", camtOf("\n" + strings.Replace(entry, "BookgDt", "Other", 2)), "2: The entry has no date"},
		{"currency", camtOf("\n" + strings.Replace(entry, "EUR", "XQZ", 1)), "2: Invalid value for currency"},
		{"two currencies", camtOf(entry + "\n" + strings.Replace(entry, "EUR", "USD", 1)), "2: Invalid value for currency; the account's currency is EUR"},

		{"no dates in :61:", mt(":61:2601C1,NTRF"), "4: The entry (:61:) does not begin with its dates"},
		{"no day in :61:", mt(":61:260230C1,NTRF"), "4: The value date is no day"},
		{"no booking day in :61:", mt(":61:2602281332C1,NTRF"), "4: The booking date is no day"},
		{"no side in :61:", mt(":61:260228X1,NTRF"), "4: The side is neither"},
		{"no amount in :61:", mt(":61:260228C" + secret), "4: The amount is missing"},
		{"amount in :61:", mt(":61:260228C1,2,3NTRF"), "4: The amount is missing"},
		{"type in :61:", mt(":61:260228C1,5 0NTRF"), "4: The type behind the amount is malformed"},
		{"a second account", mt(":25:2"), "4: The account (:25:) stands among the entries"},
		{"a second opening balance", mt(":61:260101C1,NTRF", ":60F:C260101EUR1,"), "5: The opening balance (:60:) stands among the entries"},
		{"balance", mt(":62F:C260101EUR"), "4: The date or amount of the closing balance"},
		{"currencies", ":20:A\n:60F:C260101EUR1,\n:62F:C260101USD1,\n", "3: The balances are in different"},
		{"no closing balance", ":20:A\n:25:1\n:60F:C260101EUR1,\n:61:260101C1,NTRF\n", "4: The statement has no closing balance"},
		{"after the closing balance", mt(":62F:C260101EUR1,", ":61:260101C1,NTRF"), "5: An entry (:61:) stands after"},

		{"no end in OFX", "<OFX><STMTRS>\n", "2: The file ends before"},
		{"no date in OFX", ofxOf("\n<STMTTRN><TRNAMT>1<DTPOSTED>2026" + secret + "</STMTTRN>"), "4: The date (DTPOSTED)"},
		{"amount in OFX", ofxOf("\n<STMTTRN><DTPOSTED>20260101\n<TRNAMT>" + secret + "</STMTTRN>"), "5: The amount (TRNAMT)"},
		{"time in OFX", ofxOf("\n<STMTTRN><TRNAMT>1<DTPOSTED>20260101990000</STMTTRN>"), "4: The date (DTPOSTED)"},

		{"an entry without an end in OFX", ofxOf("<STMTTRN><DTPOSTED>20260101<TRNAMT>1\n"), "4: The element STMTTRN does not end"},
		{"a statement within an entry in OFX", ofxOf("<STMTTRN><DTPOSTED>20260101<TRNAMT>1\n<CCSTMTRS></CCSTMTRS>"), "4: The element STMTTRN does not end"},
		{"no statement in OFX", "<OFX><STATUS><SEVERITY>INFO</STATUS></OFX>", "1: The file holds no statement"},
		{"no element in OFX", "OFXHEADER:100\n\n<OTHER><STMTRS></STMTRS></OTHER>", "1: The file holds no OFX element"},

		{"date in QIF", "!Type:Bank\nT1\nD31/31/2026\n^\n", "3: The date (D)"},
		{"amount in QIF", "!Type:Bank\nD31/1/2026\nT" + secret + "\n^\n", "3: The amount (T)"},
		{"orders in QIF", "!Type:Bank\nD31/1/2026\nT1\n^\nD1/31/2026\nT1\n^\n", "5: Some dates have the day first"},
		{"cut off in QIF", "!Type:Bank\nD31/1/2026\nT1\n", "3: The file ends within an entry"},
		{"no accounts in QIF", "!Type:Cat\nNFood\n^\n", "3: The file holds no account"},

		{"date in CSV", "Date,Amount\n2026-02-30,1\n", "2: The date is missing"},
		{"both sides", "Date,Debit,Credit\n2026-01-30,1,2\n", "2: The line has both"},
		{"line", "Date,Amount\n2026-01-30," + strings.Repeat("1", 2<<20), "2: The line is longer than 1 MiB"},
		{"debits and credits apart, no balance", "2026-01-30;Shop;10.00;\n2026-01-31;" + secret + ";;12.00\n", "1: No line names columns"},
		{"debits and credits apart, another balance", "2026-01-30;Shop;10.00;;100.00\n2026-01-31;" + secret + ";;12.00;50.00\n", "1: No line names columns"},
		{"three amounts that do not add up", "2026-01-30;Shop;10.00;20.00;-1.00\n2026-01-31;" + secret + ";1.00;12.00;50.00\n", "1: No line names columns"},
		{"no columns", "2026-01-30;" + secret + ";12,00\n", "1: No line names columns"},
	} {
		f, err := Open(strings.NewReader(c.data), Options{Currency: "EUR"})
		var got []string
		if r, ok := errors.AsType[*Rejected](err); ok {
			got = append(got, fmt.Sprint(r.Line, ": ", r.Message))
		} else if err != nil {
			t.Errorf("%s: %v is no *Rejected", c.name, err)
			continue
		} else {
			for _, r := range f.Rejected {
				got = append(got, fmt.Sprint(r.Line, ": ", r.Message))
			}
		}
		if len(got) == 0 || !strings.HasPrefix(got[0], c.want) || strings.Contains(strings.Join(got, ""), secret) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if _, err := Open(strings.NewReader("!Type:Bank\nD1/1/26\nT1\n^\n"), Options{}); err == nil || !strings.Contains(err.Error(), "QIF names no currency") {
		t.Errorf("QIF without a currency: %v", err)
	}
	f, err := Open(strings.NewReader("Date,Amount\n2026-01-01,1\n"), Options{})
	if err != nil || len(f.Rejected) != 1 || !strings.Contains(f.Rejected[0].Message, "names no currency") {
		t.Errorf("CSV without a currency: %v %v", f, err)
	}
	if _, err := Open(bytes.NewReader(sample(t, "sample.sta")), Options{Format: OFX}); err == nil || !strings.Contains(err.Error(), "is not OFX; it looks like MT940") {
		t.Errorf("MT940 said to be OFX: %v", err)
	}
	if f, err := Open(bytes.NewReader(sample(t, "sample.camt053.xml")), Options{Format: CAMT052}); err != nil || f.Format != CAMT053 {
		t.Errorf("any CAMT stands for all three: %v", err)
	}
	boom := errors.New("boom")
	if _, err := Open(iotest.ErrReader(boom), Options{}); !errors.Is(err, boom) {
		t.Errorf("an error of the reader is %v", err)
	}
}

// A file of more than 64 MiB is refused whether its size is known or not.
func TestTooLarge(t *testing.T) {
	long := func() io.Reader {
		return io.MultiReader(strings.NewReader("Date,Amount\n"), io.LimitReader(repeat("2026-01-01,1.00\n"), MaxFile))
	}
	if _, err := Open(long(), Options{Currency: "EUR"}); err == nil || !strings.Contains(err.Error(), "more than 64 MiB") {
		t.Errorf("%v", err)
	}
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(MaxFile + 1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(f, Options{}); err == nil || !strings.Contains(err.Error(), "more than 64 MiB") {
		t.Errorf("%v", err)
	}
}

// A file of many short lines is refused before each of them costs its time.
func TestTooManyLines(t *testing.T) {
	for name, head := range map[string]string{"CSV": "Date,Amount,Text\n2026-01-30,1.00,\"", "QIF": "!Type:Bank\n"} {
		_, err := Open(io.MultiReader(strings.NewReader(head), io.LimitReader(repeat("x\n"), 2*maxLines)), Options{Currency: "EUR"})
		if refused, is := errors.AsType[*Rejected](err); !is || !strings.Contains(refused.Message, "4000000 lines") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type repeat string

func (r repeat) Read(p []byte) (n int, err error) {
	for n < len(p) {
		n += copy(p[n:], r)
	}
	return n, nil
}

// A large file takes no more memory than its entries: here there is one, in 60 MiB.
func TestStreams(t *testing.T) {
	entry := `<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>%s</Sts><BookgDt><Dt>2026-01-01</Dt></BookgDt><AddtlNtryInf>` + strings.Repeat("x", 1000) + `</AddtlNtryInf></Ntry>` + "\n"
	head, tail, _ := strings.Cut(camtOf("@"), "@")
	row := "2026-01-01,-1.00,%s," + strings.Repeat("x", 1000) + "\n"
	for name, c := range map[string]struct{ head, left, tail string }{
		"CAMT": {head + fmt.Sprintf(entry, "BOOK"), fmt.Sprintf(entry, "INFO"), tail},
		"CSV":  {"Date,Amount,State,Text\n" + fmt.Sprintf(row, "COMPLETED"), fmt.Sprintf(row, "REVERTED"), ""},
	} {
		f := large(t, c.head, c.left, c.tail)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		got, err := Open(f, Options{Currency: "EUR"})
		runtime.ReadMemStats(&after)
		if err != nil || len(got.Statements[0].Entries) != 1 {
			t.Fatal(name, err)
		}
		if held := int64(after.HeapSys) - int64(before.HeapSys); held > 24<<20 {
			t.Errorf("%s: 60 MiB were read with %d MiB more of heap", name, held>>20)
		}
	}
}

// large is a file of some 60 MiB.
func large(t testing.TB, head, one, tail string) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	io.WriteString(f, head)
	many := strings.Repeat(one, 1000)
	for n := 0; n < 60<<20; n += len(many) {
		io.WriteString(f, many)
	}
	if _, err := io.WriteString(f, tail); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	return f
}

// ids are the ids of all entries.
func ids(t *testing.T, data string, o Options) (all []string) {
	t.Helper()
	f, whole := read(t, strings.NewReader(data), o)
	if whole != nil || len(f.Rejected) > 0 {
		t.Fatalf("refused %v %v", whole, f.Rejected)
	}
	for _, s := range f.Statements {
		for _, e := range s.Entries {
			all = append(all, *e.ExternalID)
		}
	}
	return all
}

// Two files of each format that overlap: the second day is in both, with two bookings on it that are alike. All that is in
// both has the same ids; the twins have two.
func TestOverlap(t *testing.T) {
	type row struct{ day, amount, text string }
	days := [][]row{
		{{"01", "-1.00", "first"}, {"01", "-2.00", "coffee"}},
		{{"02", "-2.00", "coffee"}, {"02", "-2.00", "coffee"}, {"02", "100.00", "wage"}},
		{{"03", "-2.00", "coffee"}},
	}
	formats := map[string]func(rows []row) string{
		"CAMT": func(rows []row) string {
			s := ""
			for _, r := range rows {
				side := "CRDT"
				if r.amount[0] == '-' {
					side = "DBIT"
				}
				s += `<Ntry><Amt Ccy="EUR">` + strings.TrimPrefix(r.amount, "-") + `</Amt><CdtDbtInd>` + side + `</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-` + r.day +
					`</Dt></BookgDt><NtryDtls><TxDtls><RmtInf><Ustrd>` + r.text + `</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`
			}
			return camtOf(s)
		},
		"CAMT with references": func(rows []row) string {
			s := ""
			for _, r := range rows { // a reference that the bank uses again on the same day
				s += `<Ntry><Amt Ccy="EUR">` + strings.TrimPrefix(r.amount, "-") + `</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-` + r.day + `</Dt></BookgDt><AcctSvcrRef>R` + r.text + `</AcctSvcrRef></Ntry>`
			}
			return camtOf(s)
		},
		"MT940": func(rows []row) string {
			s := ":20:X" + rows[0].day + "\n:25:10020030/1\n:28C:1\n:60F:C260101EUR0,\n"
			for _, r := range rows {
				side := "C"
				if r.amount[0] == '-' {
					side = "D"
				}
				s += ":61:2601" + r.day + "01" + r.day + side + "R" + strings.ReplaceAll(strings.TrimPrefix(r.amount, "-"), ".", ",") + "NTRFNONREF\n:86:166?00BUCHUNG?20" + r.text + "\n"
			}
			return s + ":62F:C260103EUR0,\n-\n"
		},
		"OFX": func(rows []row) string {
			s := "OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>1</BANKACCTFROM><BANKTRANLIST>"
			for _, r := range rows {
				s += "<STMTTRN><DTPOSTED>202601" + r.day + "<TRNAMT>" + r.amount + "<FITID>0<NAME>" + r.text + "</STMTTRN>\n"
			}
			return s + "</BANKTRANLIST></STMTRS></OFX>"
		},
		"QIF": func(rows []row) string {
			s := "!Type:Bank\n"
			for _, r := range rows {
				s += "D2026-01-" + r.day + "\nT" + r.amount + "\nP" + r.text + "\n^\n"
			}
			return s
		},
		"CSV": func(rows []row) string {
			s := "Date,Description,Amount\n"
			for _, r := range rows {
				s += "2026-01-" + r.day + "," + r.text + "," + r.amount + "\n"
			}
			return s
		},
		"CSV, newest first": func(rows []row) string {
			s := "Date,Description,Amount\n"
			for _, r := range slices.Backward(rows) {
				s += "2026-01-" + r.day + "," + r.text + "," + r.amount + "\n"
			}
			return s
		},
	}
	for name, file := range formats {
		o := Options{Currency: "EUR"}
		one := ids(t, file(slices.Concat(days[0], days[1])), o)
		two := ids(t, file(slices.Concat(days[1], days[2])), o)
		all := ids(t, file(slices.Concat(days...)), o)
		if len(one) != 5 || len(two) != 4 || len(all) != 6 {
			t.Fatalf("%s: %d, %d and %d entries", name, len(one), len(two), len(all))
		}
		both := append(slices.Clone(one), two...)
		slices.Sort(both)
		if both = slices.Compact(both); len(both) != 6 {
			t.Errorf("%s: the two files have %d different entries, want 6", name, len(both))
		}
		slices.Sort(all)
		if !slices.Equal(both, all) {
			t.Errorf("%s: one file of all days has other ids than two", name)
		}
	}
}

func TestZip(t *testing.T) {
	type member struct{ name, data string }
	pack := func(members ...member) *bytes.Reader {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, m := range members {
			w, err := z.Create(m.name)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, m.data)
		}
		z.Close()
		return bytes.NewReader(b.Bytes())
	}
	camt, mt := string(sample(t, "sample.camt053.xml")), string(sample(t, "sample.sta"))
	f, whole := read(t, pack(member{"2026/a.xml", camt}, member{"2026/", ""}, member{"__MACOSX/._a.xml", "x"}, member{"b.sta", mt}, member{secret, "?"}), Options{Currency: "EUR"})
	if whole != nil || f.Format != ZIP || len(f.Statements) != 2 || f.Statements[0].File != "file 1 of the zip" ||
		len(f.Rejected) != 1 || f.Rejected[0].File != "file 5 of the zip" || strings.Contains(f.Rejected[0].Error(), secret) {
		t.Errorf("%v: %+v", whole, f)
	}
	if f, whole := read(t, pack(member{"a.xml", camt}), Options{Format: CAMT053}); whole != nil || f.Format != CAMT053 {
		t.Errorf("a zip of one file has its format: %v", whole)
	}
	empty := pack()
	damaged, _ := io.ReadAll(pack(member{"a", camt}))
	cut := damaged[:len(damaged)-10]
	broken := bytes.Clone(damaged)
	broken[60] ^= 0xFF
	for _, c := range []struct {
		name string
		data io.Reader
		want string
	}{
		{"empty", empty, "The zip holds no files"},
		{"path", pack(member{"../../etc/passwd", camt}), "leads out of the zip"},
		{"root", pack(member{"/etc/passwd", camt}), "leads out of the zip"},
		{"backslash", pack(member{`..\a`, camt}), "leads out of the zip"},
		{"bomb", pack(member{"a.csv", strings.Repeat("2026-01-01,1.00\n", 1<<20)}), "packed too tightly"},
		{"many", pack(slices.Repeat([]member{{"a", ""}}, maxMembers+1)...), "more than 1000 files"},
		{"cut off", bytes.NewReader(cut), "cut off or damaged"},
		{"broken", bytes.NewReader(broken), "cut off or damaged"},
	} {
		if _, err := Open(c.data, Options{Currency: "EUR"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	inner, _ := io.ReadAll(pack(member{"a", camt}))
	if f, whole := read(t, pack(member{"b.zip", string(inner)}), Options{}); whole != nil || len(f.Rejected) != 1 || f.Format != ZIP {
		t.Errorf("a zip in a zip: %v %v", f, whole)
	}
}

func TestEncodings(t *testing.T) {
	text := "Datum;Empfänger;Verwendungszweck;Betrag;Währung\n01.02.2026;Müller & Söhne;50 €;-1,00;EUR\n"
	latin := func(s string, euro byte) string {
		b := []byte{}
		for _, r := range s {
			if r == '€' {
				b = append(b, euro)
			} else {
				b = append(b, byte(r))
			}
		}
		return string(b)
	}
	wide := func(s string, big bool) string {
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			if big {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		return string(b)
	}
	for name, data := range map[string]string{
		"UTF-8": text, "UTF-8 with mark": "\ufeff" + text, "Windows-1252": latin(text, 0x80), "ISO 8859-15": latin(text, 0xA4),
		"UTF-16LE": wide("\ufeff"+text, false), "UTF-16BE": wide("\ufeff"+text, true), "UTF-16LE without mark": wide(text, false), "CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "CR": strings.ReplaceAll(text, "\n", "\r"),
		"tabs": strings.ReplaceAll(text, ";", "\t"), "bars": strings.ReplaceAll(text, ";", "|"),
	} {
		for _, in := range []io.Reader{strings.NewReader(data), iotest.OneByteReader(strings.NewReader(data))} {
			f, whole := read(t, in, Options{})
			if whole != nil || len(f.Statements) != 1 || len(f.Statements[0].Entries) != 1 || line(f.Statements[0].Entries[0]) != "2 2026-02-01  DEBIT 1.00 EUR|50 €|Müller & Söhne |  " {
				t.Errorf("%s: %v\n%s", name, whole, describeAll(f))
			}
		}
	}
	czech := "Datum za\xfa\xe8tov\xe1n\xed;Za\xfa\xe8tovan\xe1 \xe8\xe1stka;M\xecna \xfa\xe8tu;Zpr\xe1va\n27.05.2018;-1,00;CZK;\xf8eka\n"
	if f, whole := read(t, strings.NewReader(czech), Options{}); whole != nil || !strings.Contains(describeAll(f), "CZK|řeka|") {
		t.Errorf("Windows-1250: %v\n%s", whole, describeAll(f))
	}
	for name, c := range map[string]struct{ text, want string }{ // no name of a column tells
		"Polish, Windows-1250":          {"ZAKUP \xafABKA, \xa3\xd3D\x8f, za us\xb3ug\xea", "|ZAKUP ŻABKA, ŁÓDŹ, za usługę|"},
		"Polish, ISO 8859-2":            {"Op\xb3ata za wod\xea, zap\xb3acono kart\xb1", "|Opłata za wodę, zapłacono kartą|"},
		"cubic metres in German":        {"Gas 12 m\xb3, K\xf6ln", "|Gas 12 m³, Köln|"},
		"cubic metres without a letter": {"Gas 12 m\xb3", "|Gas 12 m³|"},
		"a Spanish question":            {"\xbfQu\xe9 compr\xf3 usted all\xed?", "|¿Qué compró usted allí?|"},
	} {
		data := "Data operacji;Opis operacji;Kwota;Waluta\n01.02.2026;" + c.text + ";-1,00;EUR\n"
		if f, whole := read(t, strings.NewReader(data), Options{}); whole != nil || !strings.Contains(describeAll(f), c.want) {
			t.Errorf("%s: %v\n%s", name, whole, describeAll(f))
		}
	}
	declared := strings.Replace(camtOf(`<Ntry><Amt Ccy="EUR">1</Amt><CdtDbtInd>DBIT</CdtDbtInd><BookgDt><Dt>2026-01-01</Dt></BookgDt><AddtlNtryInf>`+"50 \xa4 \xfcber"+`</AddtlNtryInf></Ntry>`), "<Doc", `<?xml version="1.0" encoding="ISO-8859-15"?><Doc`, 1)
	if f, whole := read(t, strings.NewReader(declared), Options{}); whole != nil || !strings.Contains(describeAll(f), "|50 € über|") {
		t.Errorf("declared in XML: %v\n%s", whole, describeAll(f))
	}
	swift := ":20:A\n:25:1\n:60F:C260101EUR0,\n:61:260101C1,NTRF\n:86:M\x81ller M\x84rz\n:62F:C260101EUR1,\n"
	if f, whole := read(t, strings.NewReader(swift), Options{}); whole != nil || !strings.Contains(describeAll(f), "|Müller März|") {
		t.Errorf("DOS: %v\n%s", whole, describeAll(f))
	}
}

func TestCSVLayouts(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		m    *Mapping
		want string // entries in short; | between
	}{
		"day first":          {"Date,Amount\n01/02/2026,1\n13/02/2026,1\n", nil, "2026-02-01 1.00|2026-02-13 1.00"},
		"month first":        {"Date,Amount\n01/02/2026,1\n01/13/2026,1\n", nil, "2026-01-02 1.00|2026-01-13 1.00"},
		"one way in time":    {"Date,Amount\n01/02/2026,1\n01/05/2026,1\n02/01/2026,1\n", nil, "2026-01-02 1.00|2026-01-05 1.00|2026-02-01 1.00"},
		"words":              {"Date;Amount\n1 Mai 2026;1\n2. Dez. 2026;1\nOct 3, 2026;1", nil, "2026-05-01 1.00|2026-12-02 1.00|2026-10-03 1.00"},
		"time of day":        {"Date,Amount\n2026-01-02T23:59:59Z,1\n2026-01-03 00:00,2\n", nil, "2026-01-02 1.00|2026-01-03 2.00"},
		"points and commas":  {"Date;Amount\n2026-01-02;1.234,50\n2026-01-03;-12,00 €\n", nil, "2026-01-02 1234.50|2026-01-03 -12.00"},
		"commas and points":  {"Date,Amount\n2026-01-02,\"1,234.50\"\n2026-01-03,($12.00)\n", nil, "2026-01-02 1234.50|2026-01-03 -12.00"},
		"thousandths":        {"Date,Text,Amount,Currency\n2026-01-02,a,1.234,KWD\n2026-01-03,b,-12.345,KWD\n", nil, "2026-01-02 1.234 KWD|2026-01-03 -12.345 KWD"},
		"thousandths, named": {"Date,Text,Amount (KWD)\n2026-01-02,a,1.234\n2026-01-03,b,-12.345\n", nil, "2026-01-02 1.234 KWD|2026-01-03 -12.345 KWD"},
		"thousandths, above": {"Currency,KWD\n\nDate,Text,Debit,Credit\n2026-01-02,a,,1.234\n2026-01-03,b,12.345,\n", nil, "2026-01-02 1.234 KWD|2026-01-03 -12.345 KWD"},
		"thousands of yen":   {"Date;Text;Amount;Currency\n2026-01-02;a;1.234;JPY\n", nil, "2026-01-02 1234 JPY"},
		"thousands alone":    {"Date;Amount\n2026-01-02;1.234\n", nil, "2026-01-02 1234.00"},
		"blanks":             {"Date;Amount\n2026-01-02;-1 234,50\n2026-01-03;12,00-\n2026-01-04;1'000,00\n", nil, "2026-01-02 -1234.50|2026-01-03 -12.00|2026-01-04 1000.00"},
		"side":               {"Datum;Betrag;Soll/Haben\n2026-01-02;1,00;S\n2026-01-03;2,00;H\n", nil, "2026-01-02 -1.00|2026-01-03 2.00"},
		"side without name":  {"Buchungstag;Umsatz; \n2026-01-02;1,00;S\n2026-01-03;2,00;H\n", nil, "2026-01-02 -1.00|2026-01-03 2.00"},
		"side and sign":      {"Datum;Betrag;Soll/Haben\n2026-01-02;-1,00;S\n2026-01-03;2,00;H\n", nil, "2026-01-02 -1.00|2026-01-03 2.00"},
		"a side taken back":  {"Datum;Name;Verwendungszweck;Betrag;Soll/Haben;Waehrung\n02.01.2026;A;a;50,00;S;EUR\n03.01.2026;B;b;2.000,00;H;EUR\n04.01.2026;A;Storno;-50,00;S;EUR\n05.01.2026;C;c;20,00;S;EUR\n06.01.2026;B;Storno;-5,00;H;EUR\n", nil, "2026-01-02 -50.00|2026-01-03 2000.00|2026-01-04 50.00|2026-01-05 -20.00|2026-01-06 -5.00"},
		"whole francs":       {"Datum;Betrag;Soll/Haben\n2026-01-02;50.-;S\n2026-01-03;2000.-;H\n", nil, "2026-01-02 -50.00|2026-01-03 2000.00"},
		"a debit in doubt":   {"Datum;Betrag;Soll/Haben\n2026-01-02;-1,00;S\n2026-01-03;-2,00;S\n2026-01-04;3,00;S\n2026-01-05;0,00;S\n", nil, "2026-01-02 -1.00|2026-01-03 -2.00|2026-01-05 0.00|!4"},
		"a mark for credits": {"Datum;Betrag;Soll/Haben\n2026-01-02;-1,00;\n2026-01-03;2,00;H\n", nil, "2026-01-02 -1.00|2026-01-03 2.00"},
		"two columns":        {"Fecha;Cargo;Abono\n02/01/2026;1,00;0,00\n13/01/2026;;2,00\n", nil, "2026-01-02 -1.00|2026-01-13 2.00"},
		"valuta is a date":   {"Buchung;Valuta;Betrag\n02.01.2026;03.01.2026;1,00\n", nil, "2026-01-02 1.00"},
		"valuta is currency": {"Datum;Valuta;Bedrag\n02.01.2026;USD;1,00\n", nil, "2026-01-02 1.00 USD"},
		"sep":                {"sep=;\nDate;Amount\n2026-01-02;1\n", nil, "2026-01-02 1.00"},
		"no names":           {"2026-01-02,-5.00,Shop,95.00\n2026-01-03,10.00,Wage,105.00\n", nil, "2026-01-02 -5.00|2026-01-03 10.00"},
		"quotes":             {"Date,Text,Amount\n2026-01-02,\"a \"\"b\"\", c\",1\n2026-01-03,say \"hi\",2\n2026-01-04,\"never ends,3\n", nil, "2026-01-02 1.00|2026-01-03 2.00|!4"},
		"two accounts":       {"Date,Account,Amount,Currency\n2026-01-02,1,1,EUR\n2026-01-02,2,1,EUR\n2026-01-02,2,1,USD\n", nil, "2026-01-02 1.00|2026-01-02 1.00|2026-01-02 1.00 USD"},
		"cancelled":          {"Started Date,Completed Date,Amount,State\n2026-01-02,2026-01-03,1,COMPLETED\n2026-01-02,,2,REVERTED\n", nil, "2026-01-03 1.00"},
		"footer":             {"Date;Text;Amount\n2026-01-02;a;1,00\nEnde\n", nil, "2026-01-02 1.00"},
		"mapping by name": {"When;What;How much\n02-01-26;a;1,000\n", &Mapping{Dates: "MDY", Decimal: ".", Columns: []MappedColumn{{ColumnDate, "when"}, {ColumnAmount, "How much"}, {ColumnDescription, "What"}}},
			"2026-02-01 1000.00"},
		"mapping by number": {"10 Feb 18, Shop,Visa,A,Household,,20.59\n", &Mapping{Delimiter: ",", NoHeader: true, Columns: []MappedColumn{{ColumnDate, "1"}, {ColumnDescription, "2"}, {ColumnCredit, "6"}, {ColumnDebit, "7"}}},
			"2018-02-10 -20.59"},
		"mapping, decimal comma":    {"When,What,Sum,Ccy\n2026-01-02,a,1.234,KWD\n", &Mapping{Decimal: ",", Columns: []MappedColumn{{ColumnDate, "When"}, {ColumnAmount, "Sum"}, {ColumnCurrency, "Ccy"}}}, "2026-01-02 1234.000 KWD"},
		"mapping, decimal point":    {"When;What;Sum;Ccy\n2026-01-02;a;1,234;KWD\n", &Mapping{Decimal: ".", Columns: []MappedColumn{{ColumnDate, "When"}, {ColumnAmount, "Sum"}, {ColumnCurrency, "Ccy"}}}, "2026-01-02 1234.000 KWD"},
		"mapping, lines before":     {"Date;Amount\nof;what\nDate;Amount\n2026-01-02;1\n", &Mapping{Skip: 2}, "2026-01-02 1.00"},
		"mapping by name, skipped":  {"When;Sum\nWhen;Sum\n2026-01-02;1\n", &Mapping{Skip: 1, Columns: []MappedColumn{{ColumnDate, "When"}, {ColumnAmount, "Sum"}}}, "2026-01-02 1.00"},
		"mapping by no such name":   {"When;Sum\n2026-01-02;1\n", &Mapping{Columns: []MappedColumn{{ColumnDate, "When"}, {ColumnAmount, "Total"}}}, "!1"},
		"no names, as told":         {"2026-01-02,-5.00,Shop\n2026-01-03,10.00,Wage\n", &Mapping{NoHeader: true}, "2026-01-02 -5.00|2026-01-03 10.00"},
		"no names, two days":        {"2026-01-02,2026-01-09,-5.00,Shop,USD\n2026-01-03,2026-01-09,10.00,Wage,USD\n", nil, "2026-01-02 -5.00 USD|2026-01-03 10.00 USD"},
		"no names, two sides":       {"2026-01-02,-5.00,,Shop\n2026-01-03,,10.00,Wage\n", nil, "!1"},
		"no names, all came in":     {"2026-01-02,5.00,Shop\n2026-01-03,10.00,Wage\n", nil, "!1"},
		"no side":                   {"Datum;Betrag;Soll/Haben\n2026-01-02;1,00;S\n2026-01-03;2,00;\n", nil, "2026-01-02 -1.00|!3"},
		"sides that are words":      {"Datum;Betrag;Soll/Haben\n2026-01-02;-1,00;x\n2026-01-03;2,00;y\n", nil, "2026-01-02 -1.00|2026-01-03 2.00"},
		"two columns, no number":    {"Fecha;Cargo;Abono\n13/01/2026;x;\n13/01/2026;1,00;\n", nil, "2026-01-13 -1.00|!2"},
		"two columns, zeros":        {"Fecha;Cargo;Abono\n13/01/2026;0,00;0,00\n13/01/2026;0,00;2,00\n13/01/2026;-3,00;\n13/01/2026;;-4,00\n", nil, "2026-01-13 0.00|2026-01-13 2.00|2026-01-13 -3.00|2026-01-13 -4.00"},
		"only a value date":         {"Value date,Amount\n2026-01-02,1\n", nil, "2026-01-02 1.00"},
		"a fee beside the amount":   {"Type,Started Date,Completed Date,Description,Amount,Fee,Currency,State\nX,2026-01-02,2026-01-03,a,-10.00,0.50,EUR,COMPLETED\nX,2026-01-02,2026-01-03,b,10.00,0.50,EUR,COMPLETED\nX,2026-01-04,,c,-3.00,0.00,EUR,PENDING\n", nil, "2026-01-03 -10.50|2026-01-03 9.50|2026-01-04 -3.00"},
		"what did not happen":       {"Date,Amount,Status\n2026-01-02,1,declined\n2026-01-02,2,Failed\n2026-01-02,3,cancelled\n2026-01-02,4,storniert\n2026-01-02,5,booked\n", nil, "2026-01-02 5.00"},
		"no day yet":                {"Date;Amount\nvorgemerkt;1,00\n2026-01-02;2,00\n", nil, "2026-01-02 2.00"},
		"sums and balances":         {"Date;Text;Amount\n2026-01-01;Anfangssaldo;9,00\n2026-01-02;a;1,00\n;Summe;1,00\n;Endsaldo per 31.1.;10,00\n2026-01-02;Endsaldo der Leihe;2,00\n", nil, "2026-01-02 1.00|2026-01-02 2.00"},
		"in the account's money":    {"Datum;Betrag\n2026-01-02;-12,50 PLN\n", nil, "2026-01-02 -12.50 PLN"},
		"cut off in an amount":      {"Date;Text;Amount\n2026-01-02;a;1,00\n2026-01-03;b;2,5", nil, "2026-01-02 1.00|!3"},
		"cut off before it":         {"Date;Amount;Text\n2026-01-02;1,00;a\n2026-01-03;2,00;", nil, "2026-01-02 1.00|!3"},
		"not cut off":               {"Date;Amount;Text\n2026-01-02;1,00;\n2026-01-03;2,00;", nil, "2026-01-02 1.00|2026-01-03 2.00"},
		"mapping that does not fit": {"a;b\n1;2\n", &Mapping{Columns: []MappedColumn{{ColumnDate, "c"}}}, "!1"},
	} {
		f, whole := read(t, strings.NewReader(c.data), Options{Currency: "EUR", Mapping: c.m})
		var got []string
		for _, s := range f.Statements {
			for _, e := range s.Entries {
				s := e.BookingDate.String() + " " + signed(e.Transaction).String()
				if e.Currency != "EUR" {
					s += " " + string(e.Currency)
				}
				got = append(got, s)
			}
		}
		for _, r := range f.Rejected {
			got = append(got, fmt.Sprint("!", r.Line))
		}
		if whole != nil {
			got = append(got, fmt.Sprint("!", whole.Line))
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("%s: got %s, want %s; %v %v", name, strings.Join(got, "|"), c.want, whole, f.Rejected)
		}
	}
}

// Which of a consumer's accounts a file is about; a wrong one would mix two.
func TestFind(t *testing.T) {
	const iban, number = "DE89370400440532013000", "0532013000"
	known := func(container bank.Container, c bank.Currency, iban, externalID string) bank.Account {
		a := bank.Account{Container: container, Currency: c}
		if iban != "" {
			a.IBAN = &iban
		}
		if externalID != "" {
			a.ExternalID = &externalID
		}
		return a
	}
	giro, card, francs := known(bank.ContainerBank, "EUR", iban, "giro"), known(bank.ContainerCard, "EUR", iban, "card"), known(bank.ContainerBank, "CHF", iban, "francs")
	invested := known(bank.ContainerInvestment, "EUR", iban, "depot")
	made := func(a Account, f Format) bank.Account { a.Format = f; return a.Bank() }
	byIBAN, byNumber := Account{IBAN: iban, Currency: "EUR", Container: bank.ContainerBank}, Account{BankCode: "37040044", Number: number, Currency: "EUR", Container: bank.ContainerBank}
	byName := Account{Name: "Giro", Currency: "EUR", Container: bank.ContainerBank}
	with := func(a Account, change func(*Account)) Account { change(&a); return a }
	for name, c := range map[string]struct {
		a     Account
		known []bank.Account
		want  int
	}{
		"none":                         {byIBAN, nil, -1},
		"the IBAN":                     {byIBAN, []bank.Account{francs, card, giro}, 2},
		"another currency's":           {byIBAN, []bank.Account{francs}, -1},
		"a card is another":            {byIBAN, []bank.Account{card}, -1},
		"the card":                     {with(byIBAN, func(a *Account) { a.Container = bank.ContainerCard }), []bank.Account{giro, card}, 1},
		"an account is no card":        {with(byIBAN, func(a *Account) { a.Container = bank.ContainerCard }), []bank.Account{giro}, -1},
		"the same kind first":          {byIBAN, []bank.Account{invested, giro}, 1},
		"or another":                   {byIBAN, []bank.Account{invested}, 0},
		"the number in the IBAN":       {byNumber, []bank.Account{francs, card, giro}, 2},
		"zeros in front":               {with(byNumber, func(a *Account) { a.Number = "532013000" }), []bank.Account{giro}, 0},
		"another number":               {with(byNumber, func(a *Account) { a.Number = "532013001" }), []bank.Account{giro}, -1},
		"another bank":                 {with(byNumber, func(a *Account) { a.BankCode = "37040045" }), []bank.Account{giro}, -1},
		"no bank":                      {with(byNumber, func(a *Account) { a.BankCode = "" }), []bank.Account{giro}, -1},
		"made by its number":           {byNumber, []bank.Account{made(byName, MT940), made(byNumber, MT940)}, 1},
		"by another format":            {byNumber, []bank.Account{made(byNumber, CSV)}, 0},
		"the IBAN, made by the number": {byIBAN, []bank.Account{made(byNumber, MT940)}, 0},
		"another's number":             {byIBAN, []bank.Account{made(with(byNumber, func(a *Account) { a.Number = "532013001" }), MT940)}, -1},
		"a customer's own id":          {byIBAN, []bank.Account{known(bank.ContainerBank, "EUR", "", "37040044/"+number+"/EUR")}, -1},
		"its name":                     {byName, []bank.Account{made(byName, QIF)}, -1}, // of CAMT
		"its name, of the same format": {byName, []bank.Account{made(byName, CAMT052)}, 0},
		"another name":                 {with(byName, func(a *Account) { a.Name = "Savings" }), []bank.Account{made(byName, CAMT052)}, -1},
		"a long name":                  {with(byName, func(a *Account) { a.Name = strings.Repeat("n", 300) }), []bank.Account{made(with(byName, func(a *Account) { a.Name = strings.Repeat("n", 300) }), CAMT053)}, 0},
		"a long name with another end": {with(byName, func(a *Account) { a.Name = strings.Repeat("n", 300) }), []bank.Account{made(with(byName, func(a *Account) { a.Name = strings.Repeat("n", 299) + "m" }), CAMT053)}, -1},
	} {
		if got := with(c.a, func(a *Account) { a.Format = CAMT053 }).Find(c.known); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		for _, k := range c.known {
			if k.ExternalID != nil && len(*k.ExternalID) > bank.MaxID {
				t.Errorf("%s: an id of %d", name, len(*k.ExternalID))
			}
		}
	}
}

func TestCheckSums(t *testing.T) {
	mt := ":20:A\n:25:1\n:60F:C260101EUR10,\n:61:260101C1,NTRF\n:62F:C260101EUR%s,\n"
	for closing, want := range map[string]int{"11": 0, "12": 1} {
		f, whole := read(t, strings.NewReader(fmt.Sprintf(mt, closing)), Options{})
		if whole != nil || len(f.Warnings) != want || len(f.Statements) != 1 {
			t.Errorf("closing balance %s: %v %v", closing, whole, f.Warnings)
		}
	}
	mt942 := ":20:A\n:25:1\n:34F:EUR0,\n:61:260101C1,NTRF\n:90D:0EUR0,\n:90C:%s,\n"
	for total, want := range map[string]int{"1EUR1": 0, "2EUR1": 1, "1EUR2": 1} {
		f, whole := read(t, strings.NewReader(fmt.Sprintf(mt942, total)), Options{})
		if whole != nil || len(f.Warnings) != want || len(f.Statements) != 1 {
			t.Errorf("total %s: %v %v", total, whole, f.Warnings)
		}
	}
}

// A file of nothing but wrong lines is refused at some point.
func TestManyRejected(t *testing.T) {
	_, err := Open(strings.NewReader("Date,Amount\n"+strings.Repeat("2026-99-99,1\n", 5000)), Options{Currency: "EUR"})
	if r, ok := errors.AsType[*Rejected](err); !ok || !strings.Contains(r.Message, "More than 1000 entries are wrong") {
		t.Errorf("%v", err)
	}
}
