package statement

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"insightgraph/bank"
)

// A file that is cut off is refused, or what is wrong is in Rejected, or it was cut where one entry ends and the next has
// not begun: then nothing is in it that is not in the whole file.
func TestCutOff(t *testing.T) {
	files := map[string]string{
		"mt942":              ":20:A\n:25:37040044/532013000\n:28C:1/1\n:34F:EUR0,\n:13D:2601311200+0100\n:61:2601310131D13,20NTRFNONREF\n:86:Kaffee\n:90D:1EUR13,20\n:90C:0EUR0,\n-\n",
		"mt940 without end":  ":20:A\n:25:1\n:28C:1\n:60F:C260130EUR100,00\n:61:2601310131D13,20NTRFNONREF\n:86:Kaffee\n:62F:C260131EUR86,80",
		"amounts at the end": "Date,Text,Amount\n2026-01-30,one,-11.50\n2026-01-31,\"two, three\",-12.50\n2026-02-01,four,-13.50",
		"texts at the end":   "Date;Amount;Balance;Text\n2026-01-30;-11,50;100,00;\"one\"\n2026-01-31;-12,50;87,50;\"two; three\"\n2026-02-01;-13,50;74,00;\"four\"\n",
	}
	for name := range samples {
		files[name] = string(sample(t, name))
	}
	for name, data := range files {
		full, whole := read(t, strings.NewReader(data), Options{Currency: "EUR"})
		if whole != nil {
			t.Fatal(name, whole)
		}
		// The text of the only line of a CSV file may be cut off: there is no other that tells that one is missing.
		alone := func(f *File) bool {
			return f.Format == CSV && len(f.Statements) == 1 && len(f.Statements[0].Entries) == 1
		}
		short := func(e Entry) string { s, _, _ := strings.Cut(line(e), "|"); return s }
		told := map[string]bool{}
		entries := 0
		for _, s := range full.Statements {
			for _, e := range s.Entries {
				told[line(e)], told[short(e)] = true, true
				entries++
			}
		}
		taken := 0
		for n := range len(data) {
			f, whole := read(t, strings.NewReader(data[:n]), Options{Currency: "EUR"})
			if whole != nil || len(f.Rejected) > 0 {
				continue
			}
			taken++
			got := 0
			for _, s := range f.Statements {
				for _, e := range s.Entries {
					got++
					if !told[line(e)] && !(alone(f) && told[short(e)]) {
						t.Errorf("%s cut off after %d bytes has %s", name, n, line(e))
					}
				}
			}
			if rest := strings.TrimRight(data[n:], "\r\n -^"); got < entries && rest != "" && data[n-1] != '\n' && data[n] != '\n' && data[n] != '\r' && !alone(f) {
				t.Errorf("%s cut off after %d bytes, before %.20q, has %d of %d entries", name, n, data[n:], got, entries)
			}
		}
		t.Logf("%s: %d of %d beginnings were taken in", name, taken, len(data))
	}
}

// A file of exactly the limit is read; TestTooLarge has the byte more.
func TestAtTheLimit(t *testing.T) {
	head := "Date,Amount,State,Text\n2026-01-01,1.00,COMPLETED,x\n"
	row := "2026-01-01,2.00,REVERTED," + strings.Repeat("x", 1<<10) + "\n"
	in := io.LimitReader(io.MultiReader(strings.NewReader(head), repeat(row)), MaxFile)
	f, whole := read(t, in, Options{Currency: "EUR"})
	if whole != nil || len(f.Statements) != 1 || len(f.Statements[0].Entries) != 1 {
		t.Errorf("%v %v", whole, f.Rejected)
	}
}

// A zip whose list of files alone would fill the memory, one that is in another, and one that says too little of its size.
func TestZipAttacks(t *testing.T) {
	var many bytes.Buffer
	z := zip.NewWriter(&many)
	for i := range 100_000 {
		z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i)})
	}
	z.Close()
	pack := func(name, data string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, _ := z.Create(name)
		io.WriteString(w, data)
		z.Close()
		return b.Bytes()
	}
	csv := "Date,Amount\n" + strings.Repeat("2026-01-01,1.00\n", 100)
	lying := pack("a.csv", csv)
	// the size in the list of files, 24 bytes behind its mark
	at := bytes.Index(lying, []byte("PK\x01\x02")) + 24
	lying[at], lying[at+1] = 50, 0
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"many files":      {many.Bytes(), "more than 1000 files"},
		"a zip in a zip":  {pack("b.zip", string(pack("a.csv", csv))), "a zip in a zip"},
		"a lie about it":  {lying, "cut off or damaged"},
		"a drive's path":  {pack("C:a.csv", csv), "leads out of the zip"},
		"a path upwards":  {pack("a/../../b.csv", csv), "leads out of the zip"},
		"nothing but one": {pack("a/", ""), "holds no files"},
	} {
		f, err := Open(bytes.NewReader(c.data), Options{Currency: "EUR"})
		if err == nil && len(f.Rejected) > 0 {
			err = f.Rejected[0]
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// What is wrong with a file is told without what is in it: every field of these has the same word.
func TestNothingTold(t *testing.T) {
	entry := `<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-01</Dt></BookgDt></Ntry>`
	parts := []string{"1.00", "DBIT", "BOOK", "2026-01-01", "EUR"}
	files := []string{
		"Date,Text,Amount,Currency,Status\n@,@,@,@,@\n2026-01-01,@,@,EUR,\n2026-01-01,@,1,@,\n@\n2026-01-01,@,1,EUR,,@\n2026-01-01,@,1.005,EUR,\n",
		":20:@\n:25:@\n:28C:@\n:60F:C260101@1,\n:61:@\n:61:260101C@\n:62F:C260101EUR1,\n-\n:20:@\n:25:@\n:60F:@\n:61:@\n:62F:@\n-\n",
		"<OFX><STMTRS><CURDEF>@<BANKTRANLIST><STMTTRN><DTPOSTED>@<TRNAMT>@<FITID>@</STMTTRN></BANKTRANLIST><LEDGERBAL><BALAMT>@</LEDGERBAL></STMTRS></OFX>",
		"!Type:Bank\nD@\nT@\nP@\n^\nD1/1/26\nT1.005\nP@\n^\n",
	}
	for _, p := range parts {
		files = append(files, camtOf("<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"@\">1</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>"+strings.Replace(entry, p, "@", 1)))
	}
	for _, data := range files {
		f, err := Open(strings.NewReader(strings.ReplaceAll(data, "@", secret)), Options{Currency: "EUR"})
		told := fmt.Sprint(err)
		if err == nil {
			if len(f.Rejected)+len(f.Warnings) == 0 {
				t.Errorf("%q was taken in", data)
			}
			for _, r := range f.Rejected {
				told += r.Error()
			}
			for _, w := range f.Warnings {
				told += w.File + w.Message
			}
		}
		if strings.Contains(told, secret) {
			t.Errorf("%q: %s", data, told)
		}
	}
}

// The same booking in other files has the same id.
func TestIdentity(t *testing.T) {
	camt := func(message, statement, entries string) string {
		return `<Document><` + message + `><` + statement + `><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>` + entries + `</` + statement + `></` + message + `></Document>`
	}
	entry := func(status, day, amount, ref, text string) string {
		return `<Ntry><Amt Ccy="EUR">` + amount + `</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>` + status + `</Sts><BookgDt><Dt>2026-01-` + day + `</Dt></BookgDt><AcctSvcrRef>` + ref + `</AcctSvcrRef><AddtlNtryInf>` + text + `</AddtlNtryInf></Ntry>`
	}
	paid := func(ref, paymentRef, end string) string {
		return strings.Replace(entry("BOOK", "30", "3.20", ref, "coffee"), "</Ntry>", "<NtryDtls><TxDtls><Refs><AcctSvcrRef>"+paymentRef+"</AcctSvcrRef><EndToEndId>"+end+"</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>", 1)
	}
	report := func(entries ...string) string { return camt("BkToCstmrAcctRpt", "Rpt", strings.Join(entries, "")) }
	booked := func(entries ...string) string { return camt("BkToCstmrStmt", "Stmt", strings.Join(entries, "")) }
	coffee, other := entry("BOOK", "30", "3.20", "NONREF", "coffee"), entry("BOOK", "30", "4.00", "NONREF", "cake")
	next := entry("BOOK", "31", "3.20", "NONREF", "coffee")
	for name, c := range map[string]struct {
		one, two string
		want     int // different ids of both
	}{
		"the second begins between twins":          {booked(other, coffee, coffee), booked(coffee, next), 4},
		"the first ends between twins":             {booked(other, coffee), booked(coffee, coffee, next), 4},
		"another order":                            {booked(other, coffee, next, coffee), booked(coffee, coffee, other, next), 4},
		"a report, then the statement":             {report(entry("BOOK", "30", "3.20", "2026013012345", "short")), booked(entry("BOOK", "30", "3.20", "2026013012345", "longer text")), 1},
		"pending, then booked":                     {report(entry("PDNG", "30", "3.20", "2026013012345", "reserved")), booked(entry("BOOK", "30", "3.20", "2026013012345", "coffee")), 1},
		"pending without a reference, then booked": {report(entry("PDNG", "30", "3.20", "NONREF", "coffee")), booked(coffee), 1},
		"the reference in the one payment":         {booked(paid("", "2026013012345", "E1")), booked(entry("BOOK", "30", "3.20", "2026013012345", "coffee")), 1},
		"the entry's reference first":              {booked(paid("2026013012345", "7", "E1")), booked(entry("BOOK", "30", "3.20", "2026013012345", "coffee")), 1},
		"the payer's references tell apart":        {booked(paid("", "", "E1"), paid("", "", "E2")), booked(paid("", "", "E2")), 2},
		"NOTPROVIDED is none":                      {booked(paid("", "", "NOTPROVIDED")), booked(paid("", "", "")), 1},
		"CAMT, then MT940":                         {booked(entry("BOOK", "30", "3.20", "2026013012345", "coffee")), ":20:A\n:25:DE89370400440532013000\n:60F:C260130EUR3,20\n:61:2601300130D3,20NTRFNONREF//2026013012345\n:86:coffee\n:62F:C260130EUR0,\n-\n", 1},
		"a payer's reference, which says little":   {"Date,Counter Party,Reference,Amount (GBP)\n2026-01-30,A,RENT,1.00\n2026-01-30,B,RENT,1.00\n", "Date,Counter Party,Reference,Amount (GBP)\n2026-01-30,B,RENT,1.00\n", 2},
		"a bank's number, and a text that changed": {"Transaction ID,Date,Name,Amount,Currency,Notes\ntx_1,2026-01-30,A,1.00,GBP,\n", "Transaction ID,Date,Name,Amount,Currency,Notes\ntx_1,2026-01-30,A,1.00,GBP,my note\n", 1},
	} {
		all := map[string]bool{}
		for _, id := range append(ids(t, c.one, Options{}), ids(t, c.two, Options{})...) {
			all[id] = true
		}
		if len(all) != c.want {
			t.Errorf("%s: %d different ids, want %d", name, len(all), c.want)
		}
	}

	// In a zip it is there once, and booked.
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, data := range []string{report(entry("PDNG", "30", "3.20", "2026013012345", "reserved"), coffee, coffee), booked(entry("BOOK", "30", "3.20", "2026013012345", "coffee"), coffee, coffee, next)} {
		w, _ := z.Create(fmt.Sprint(i))
		io.WriteString(w, data)
	}
	z.Close()
	f, whole := read(t, bytes.NewReader(b.Bytes()), Options{})
	if whole != nil || len(f.Statements) != 2 || len(f.Statements[0].Entries) != 3 || len(f.Statements[1].Entries) != 1 || f.Statements[0].Entries[0].Status != bank.Posted {
		t.Errorf("%v\n%s", whole, describeAll(f))
	}
}

// What several statements of one file tell again is one booking; what one statement tells twice is two.
func TestToldTwice(t *testing.T) {
	entry := func(ref, text string) string {
		return `<Ntry><Amt Ccy="EUR">3.20</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-30</Dt></BookgDt><AcctSvcrRef>` + ref + `</AcctSvcrRef><AddtlNtryInf>` + text + `</AddtlNtryInf></Ntry>`
	}
	camt := func(message, statement string, statements ...string) string {
		return `<Document><` + message + `><` + statement + `>` + strings.Join(statements, `</`+statement+`><`+statement+`>`) + `</` + statement + `></` + message + `></Document>`
	}
	st := func(id string, entries ...string) string {
		return `<Id>` + id + `</Id><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>` + strings.Join(entries, "")
	}
	booked := func(statements ...string) string { return camt("BkToCstmrStmt", "Stmt", statements...) }
	mt := func(ref, opening, closing string) string {
		return ":20:A\n:25:37040044/532013000\n:28C:1/1\n:60F:C260130EUR" + opening + ",\n:61:2601300130D1,NTRFNONREF" + ref + "\n:86:coffee\n:62F:C260130EUR" + closing + ",\n-\n"
	}
	interim := func(ref string) string {
		return ":20:B\n:25:37040044/532013000\n:28C:1/1\n:34F:EUR0,\n:61:2601300130D1,NTRFNONREF" + ref + "\n:86:coffee\n:90D:1EUR1,\n-\n"
	}
	one, two, three, coffee := entry("R1", "a"), entry("R2", "b"), entry("R3", "c"), entry("NONREF", "coffee")
	for name, c := range map[string]struct {
		data string
		want int
	}{
		"a statement twice":                      {booked(st("S1", one, two), st("S1", one, two)), 2},
		"a statement twice, without references":  {booked(st("S1", coffee, coffee), st("S1", coffee, coffee)), 2},
		"statements that overlap":                {booked(st("S1", one, two), st("S2", two, three)), 3},
		"twins in one statement":                 {booked(st("S1", one, one, coffee, coffee)), 4},
		"alike in two statements":                {booked(st("S1", coffee), st("S2", coffee)), 2},
		"another account":                        {booked(st("S1", one), strings.Replace(st("S1", one), "DE89370400440532013000", "DE02120300000000202051", 1)), 2},
		"reports that grow":                      {camt("BkToCstmrAcctRpt", "Rpt", st("A", coffee), st("B", coffee, coffee)), 2},
		"MT940 twice":                            {mt("//BANKREF123", "9", "8") + mt("//BANKREF123", "9", "8"), 1},
		"MT940 twice, without a reference":       {mt("", "9", "8") + mt("", "9", "8"), 1},
		"two pages":                              {mt("", "9", "8") + mt("", "8", "7"), 2},
		"MT942, then MT940":                      {interim("//BANKREF123") + mt("//BANKREF123", "9", "8"), 1},
		"MT942, then MT940, without a reference": {interim("") + mt("", "9", "8"), 1},
		"two pages, then MT942":                  {mt("", "9", "8") + mt("", "8", "7") + interim(""), 2},
	} {
		if got := len(ids(t, c.data, Options{})); got != c.want {
			t.Errorf("%s: %d entries, want %d", name, got, c.want)
		}
	}
}
