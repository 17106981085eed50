package statement

import (
	"archive/zip"
	"bytes"
	"os"
	"strings"
	"testing"

	"insightgraph/bank"
	"insightgraph/fault"
)

func TestECB(t *testing.T) {
	quotes, err := ECB(strings.NewReader("Date,USD,TRL,JPY,\r\n2026-01-05,1.17,N/A,180,\r\n2026-01-02,N/A,12,179.5,\r\n"))
	if err != nil || len(quotes) != 3 {
		t.Fatal(quotes, err)
	}
	if q := quotes[2]; q.Currency != "JPY" || q.Day.String() != "2026-01-02" || q.Rate.String() != "179.5" || q.Source != "ECB euro foreign exchange reference rates" {
		t.Errorf("%+v", q)
	}
	if quotes, err := ECB(strings.NewReader("Date,USD\n2026-01-05,1.17\n")); err != nil || len(quotes) != 1 {
		t.Error("without the last comma:", quotes, err)
	}
	for _, c := range []struct{ file, want string }{
		{"", "empty"},
		{"Day,USD,\n", "Line 1, column 1"},
		{"Date,USD,dollar,\n", "Line 1, column 3"},
		{"Date,USD,USD,\n", "Line 1, column 3"},
		{"Date,,USD\n", "Line 1, column 2"},
		{"Date,USD,EUR,\n", "Line 1, column 3"},
		{"Date,USD,\n", "no day"},
		{"Date,USD,\n2026-01-05,1.17\n", "Line 2"},
		{"Date,USD,\n05.01.2026,1.17,\n", "Line 2, column Date"},
		{"Date,USD,\n2026-01-05,1.17,\n2026-01-05,1.17,\n", "Line 3, column Date"},
		{"Date,USD,\n2026-01-05,1.17,\n2026-01-06,1.17,\n", "Line 3, column Date"},
		{"Date,JPY,USD,\n2026-01-05,1,\"1,17\",\n", "Line 2, column USD"},
		{"Date,JPY,USD,\n2026-01-05,1,,\n", "Line 2, column USD"},
		{"Date,JPY,USD,\n2026-01-05,1,0,\n", "Line 2, column USD"},
		{"Date,JPY,USD,\n2026-01-05,1,-1,\n", "Line 2, column USD"},
		{"Date,TRL,\n2026-01-05,x,\n", "Line 2, column TRL"},
		{"Date,USD,\n2026-01-05,1.17,5\n", "Line 2, column "},
		{"Date,USD,\n2026-01-05,\"1.17,\n", "Line 2"},
	} {
		if quotes, err := ECB(strings.NewReader(c.file)); quotes != nil || len(fault.Of(err)) != 1 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.file, err, c.want)
		}
	}
}

func TestECBFile(t *testing.T) {
	const csv = "Date,USD,\n2026-01-05,1.17,\n"
	packed := func(files ...string) *bytes.Reader {
		var b bytes.Buffer
		if files == nil {
			b.WriteString(csv)
		} else {
			w := zip.NewWriter(&b)
			for i, content := range files {
				f, _ := w.Create(string(rune('a'+i)) + ".csv")
				f.Write([]byte(content))
			}
			w.Close()
		}
		return bytes.NewReader(b.Bytes())
	}
	for name, file := range map[string]*bytes.Reader{"plain": packed(), "packed": packed(csv)} {
		if quotes, err := ECBFile(file, file.Size()); len(quotes) != 1 || err != nil {
			t.Error(name, quotes, err)
		}
	}
	// A bomb: far more than it says on disk.
	for name, file := range map[string]*bytes.Reader{"two": packed(csv, csv), "bomb": packed("Date,USD,\n" + strings.Repeat("\n", ecbMax)), "none": packed("")} {
		if quotes, err := ECBFile(file, file.Size()); quotes != nil || len(fault.Of(err)) != 1 {
			t.Error(name, len(quotes), err)
		}
	}
}

// The values below were read from the file with unzip, grep and cut.
func TestECBRealFile(t *testing.T) {
	text, err := os.ReadFile("../../shared/data/knowledge/eurofxref-hist.zip")
	if err != nil {
		t.Skipf("NOT TESTED AGAINST THE REAL FILE: %v", err)
	}
	quotes, err := ECBFile(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	days := map[bank.Date]bool{}
	rates := map[string]string{}
	for _, q := range quotes {
		days[q.Day] = true
		rates[q.Day.String()+" "+string(q.Currency)] = q.Rate.String()
	}
	if len(days) != 6983 || len(quotes) != 194_124 || quotes[0].Day.String() != "2026-04-13" || quotes[len(quotes)-1].Day.String() != "1999-01-04" {
		t.Error(len(days), len(quotes), quotes[0], quotes[len(quotes)-1])
	}
	for at, want := range map[string]string{
		"2026-04-13 USD": "1.1684", "2021-12-31 USD": "1.1326", "2008-07-15 USD": "1.599", "1999-01-04 USD": "1.1789",
		"2026-04-13 CHF": "0.9242", "1999-01-04 CHF": "1.6168", "2021-12-31 TRY": "15.2335", "2021-12-31 RUB": "85.3004",
		"2026-04-13 IDR": "20082.05", "2026-04-13 RUB": "", "1999-01-04 TRY": "", "1999-01-04 TRL": "",
	} {
		if rates[at] != want {
			t.Errorf("%s: %s, want %s", at, rates[at], want)
		}
	}
}
