package statement

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// fuzz gives a reader what the fuzzer makes of our samples. read looks at what must hold for every file; the same bytes
// must give the same again.
func fuzz(f *testing.F, format Format, names ...string) {
	for _, n := range names {
		data, err := os.ReadFile(filepath.Join("testdata", n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o := Options{Currency: "EUR", Format: format}
		one, refused := read(t, bytes.NewReader(data), o)
		two, again := read(t, bytes.NewReader(data), o)
		if describeAll(one) != describeAll(two) || (refused == nil) != (again == nil) {
			t.Error("read twice, the file is not the same")
		}
		for _, s := range one.Statements {
			for _, e := range s.Entries {
				if e.Line < 1 || e.Line > 1+bytes.Count(data, []byte("\n"))+bytes.Count(data, []byte("\r")) {
					t.Errorf("an entry on line %d", e.Line)
				}
			}
		}
	})
}

func FuzzCAMT(f *testing.F)  { fuzz(f, CAMT053, "sample.camt053.xml") }
func FuzzMT940(f *testing.F) { fuzz(f, MT940, "sample.sta") }
func FuzzOFX(f *testing.F)   { fuzz(f, OFX, "sample1.ofx", "sample2.ofx") }
func FuzzQIF(f *testing.F)   { fuzz(f, QIF, "sample.qif") }
func FuzzCSV(f *testing.F)   { fuzz(f, CSV, "sample.csv") }

// FuzzOpen has no format given, and zips too.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	fuzz(f, "", "sample.camt053.xml", "sample.sta", "sample1.ofx", "sample2.ofx", "sample.qif", "sample.csv")
}

// FuzzAmount and FuzzDate hold the two readers of values to their form.
func FuzzAmount(f *testing.F) {
	for _, s := range []string{"1.234,50", "-1 234,50", "(12.00)", "12,00-", "€ 1'000.00 CR", "−5", "+.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var d decimals
		d.see(s)
		point, group := d.decide("EUR")
		amount, ok := parseAmount(s, point, group)
		if !ok {
			return
		}
		if plain, again := parseAmount(amount.String(), '.', 0); !again || plain.Cmp(amount) != 0 {
			t.Errorf("%q gives %s, which gives %s", s, amount, plain)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"2026-11-01", "1.11.26", "1/ 1'01", "20261101", "1 Nov 2026", "Nov 1, 2026", "2026-01-02T03:04:05Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := parseDate(s)
		if !ok {
			return
		}
		for _, o := range []order{dmy, mdy, ymd} {
			if day, ok := d.day(o); ok {
				if again, ok := isoDate(day.String()); !ok || again != day {
					t.Errorf("%q gives %s", s, day)
				}
			}
		}
	})
}

// BenchmarkLarge reads 60 MiB with as many entries as there are in them, and tells what the entries take.
func BenchmarkLarge(b *testing.B) {
	head, tail, _ := strings.Cut(camtOf("@"), "@")
	for _, c := range []struct{ name, head, one, tail string }{
		{"CAMT", head, `<Ntry><Amt Ccy="EUR">12.34</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-01-15</Dt></BookgDt><ValDt><Dt>2026-01-15</Dt></ValDt>
<AcctSvcrRef>2026011512345678</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RDDT</Cd><SubFmlyCd>ESDD</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>E2E-1</EndToEndId></Refs>
<RltdPties><Dbtr><Pty><Nm>Erika Muster</Nm></Pty></Dbtr><Cdtr><Pty><Nm>Stadtwerke Nord GmbH</Nm></Pty></Cdtr><CdtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></CdtrAcct></RltdPties>
<RmtInf><Ustrd>Abschlag Januar 2026 Kundennummer 4711</Ustrd></RmtInf></TxDtls></NtryDtls><AddtlNtryInf>FOLGELASTSCHRIFT</AddtlNtryInf></Ntry>
`, tail},
		{"CSV", "Buchungstag;Wertstellung;Buchungstext;Auftraggeber/Empfänger;Verwendungszweck;IBAN;Betrag;Währung\n",
			"15.01.2026;15.01.2026;Folgelastschrift;Stadtwerke Nord GmbH;\"Abschlag Januar 2026 Kundennummer 4711 " + strings.Repeat("Zaehlerstand ", 10) + "\";DE02120300000000202051;-1.012,34;EUR\n", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := large(b, c.head, c.one, c.tail)
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				f.Seek(0, io.SeekStart)
				got, err := Open(f, Options{Currency: "EUR"})
				if err != nil {
					b.Fatal(err)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				n := len(got.Statements[0].Entries)
				b.ReportMetric(float64(n), "entries")
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/entry")
				b.ReportMetric(float64(after.HeapSys)/(1<<20), "MiB-heap")
			}
		})
	}
}

// BenchmarkRead is the speed of each reader in MB/s, on some MiB made of many entries.
func BenchmarkRead(b *testing.B) {
	entry := func(head, one, tail string, n int) []byte { return []byte(head + strings.Repeat(one, n) + tail) }
	head, tail, _ := strings.Cut(camtOf("@"), "@")
	const n = 5000
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"CAMT", entry(head, `    <Ntry>
     <Amt Ccy="EUR">12.34</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-01-15</Dt></BookgDt><ValDt><Dt>2026-01-15</Dt></ValDt>
     <AcctSvcrRef>2026011512345678</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RDDT</Cd><SubFmlyCd>ESDD</SubFmlyCd></Fmly></Domn><Prtry><Cd>NDDT+105+00931</Cd><Issr>DK</Issr></Prtry></BkTxCd>
     <NtryDtls><TxDtls><Refs><EndToEndId>E2E-1</EndToEndId><MndtId>M-1</MndtId></Refs><RltdPties><Dbtr><Pty><Nm>Erika Muster</Nm></Pty></Dbtr><DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>
      <Cdtr><Pty><Nm>Stadtwerke Nord GmbH</Nm></Pty></Cdtr><CdtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></CdtrAcct></RltdPties>
      <RmtInf><Ustrd>Abschlag Januar 2026 Kundennummer 4711</Ustrd></RmtInf></TxDtls></NtryDtls><AddtlNtryInf>FOLGELASTSCHRIFT</AddtlNtryInf>
    </Ntry>
`, tail, n)},
		{"MT940", entry(":20:A\r\n:25:37040044/0532013000\r\n:28C:1/1\r\n:60F:C260101EUR1000,\r\n",
			":61:2601150115DR12,34N005NONREF//2026011512345678\r\n:86:105?00FOLGELASTSCHRIFT?100931?20EREF+E2E-1?21MREF+M-1?22SVWZ+Abschlag Januar 20\r\n?2326 Kundennummer 4711?30BYLADEM1001?31DE02120300000000202051?32Stadtwerke Nord GmbH\r\n",
			":62F:C260131EUR1000,\r\n-\r\n", n)},
		{"OFX", entry("OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>1</BANKACCTFROM><BANKTRANLIST>\n",
			"<STMTTRN>\n<TRNTYPE>DEBIT\n<DTPOSTED>20260115120000\n<TRNAMT>-12.34\n<FITID>2026011512345678\n<NAME>Stadtwerke Nord GmbH\n<MEMO>Abschlag Januar 2026 Kundennummer 4711\n</STMTTRN>\n", "</BANKTRANLIST></STMTRS></OFX>", n)},
		{"QIF", entry("!Type:Bank\n", "D15/01/2026\nT-12.34\nPStadtwerke Nord GmbH\nMAbschlag Januar 2026 Kundennummer 4711\n^\n", "", n)},
		{"CSV", entry("Buchungstag;Wertstellung;Buchungstext;Auftraggeber/Empfänger;Verwendungszweck;IBAN;Betrag;Währung\n",
			"15.01.2026;15.01.2026;Folgelastschrift;Stadtwerke Nord GmbH;\"Abschlag Januar 2026 Kundennummer 4711\";DE02120300000000202051;-1.012,34;EUR\n", "", n)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.data)))
			b.ReportAllocs()
			for b.Loop() {
				f, err := Open(bytes.NewReader(c.data), Options{Currency: "EUR"})
				if err != nil || len(f.Statements) != 1 || len(f.Statements[0].Entries) != n {
					b.Fatal(err, f)
				}
			}
		})
	}
}
