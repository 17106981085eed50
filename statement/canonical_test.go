package statement

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"insightgraph/bank"
	"insightgraph/fault"
)

const head = "account_external_id,external_id,booking_date,amount,currency"

// collect splits what a reader gives; err is what ended it.
func collect[T any](seq iter.Seq2[T, error]) (rows []T, rejected []*Rejected, err error) {
	for row, e := range seq {
		if r, ok := errors.AsType[*Rejected](e); ok {
			rejected = append(rejected, r)
		} else if e != nil {
			err = e
		} else {
			rows = append(rows, row)
		}
	}
	return rows, rejected, err
}

// transactionRows reads lines as soon as they come.
func transactionRows(r io.Reader) iter.Seq2[TransactionRow, error] {
	return func(yield func(TransactionRow, error) bool) {
		for line, err := range Transactions(r) {
			var row TransactionRow
			if err == nil {
				var one Lines
				one.Add(line)
				for row, err = range one.Rows {
				}
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

func TestTransactionLines(t *testing.T) {
	const all = head + ",description,counterparty_account,counterparty_name,counterparty_iban,consumer_external_id,base_type,value_date,status,mcc,category_id"
	for _, c := range []struct{ line, reject string }{ // reject is part of the message, empty for a good line
		{"a,t,2026-01-02,-1.50,EUR,,,,,,,,,,", ""},
		{"a,t,2026-01-02,1.50,EUR,Grüße,12/3,Bob,,c,DEBIT,2026-01-03,PENDING,5411,201", ""},
		{`a,t,2026-01-02,1.5,EUR,"two` + "\n" + `lines ""quoted""",,,,,,,,,`, ""},
		{",t,2026-01-02,1,EUR,,,,,,,,,,", "account_external_id"},
		{"a,,2026-01-02,1,EUR,,,,,,,,,,", "external_id: Invalid length"},
		{"a,t,,1,EUR,,,,,,,,,,", "booking_date is empty"},
		{"a,t,02.01.2026,1,EUR,,,,,,,,,,", "booking_date; use a date"},
		{"a,t,2026-02-30,1,EUR,,,,,,,,,,", "booking_date; use a date"},
		{"a,t,2026-01-02,,EUR,,,,,,,,,,", "Invalid value for amount"},
		{`a,t,2026-01-02,"1,5",EUR,,,,,,,,,,`, "Invalid value for amount"},
		{"a,t,2026-01-02,1e3,EUR,,,,,,,,,,", "Invalid value for amount"},
		{"a,t,2026-01-02,1.505,EUR,,,,,,,,,,", "EUR has 2 decimals"},
		{"a,t,2026-01-02,1,eur,,,,,,,,,,", "Invalid value for currency"},
		{"a,t,2026-01-02,-1,EUR,,,,,,DEBIT,,,,", "A signed amount and baseType"},
		{"a,t,2026-01-02,1,EUR,,,,,,debit,,,,", "base_type: Invalid value for baseType"},
		{"a,t,2026-01-02,1,EUR,,,,,,,2026-13-01,,,", "value_date; use a date"},
		{"a,t,2026-01-02,1,EUR,,,,,,,,BOOKED,,", "Invalid value for status"},
		{"a,t,2026-01-02,1,EUR,,,,,,,,,54,", "Invalid value for mcc"},
		{"a,t,2026-01-02,1,EUR,,,,,,,,,,299", "Invalid value for category_id"},
		{"a,t,2026-01-02,1,EUR,,,,,,,,,,x", "Invalid value for category_id"},
		{"a,t,2026-01-02,1,EUR", "The line has 5 fields; the header has 15"},
		{`a,t,2026-01-02,1,EUR,say "hi",,,,,,,,,`, "quotation mark"},
		{`a,t,2026-01-02,1,EUR,"never ends,,,,,,,,,`, "quotation mark"},
		{"a,t,2026-01-02,1,EUR,\x00,,,,,,,,,", "NUL"},
		{"a,t,2026-01-02,1,EUR,Gr\xfc\xdfe,,,,,,,,,", "UTF-8"},
		{"a,t,2026-01-02,1,EUR," + strings.Repeat("x", bank.MaxDescription+1) + ",,,,,,,,,", "Invalid length for description"},
		{"a,t,2026-01-02,1,EUR," + strings.Repeat("x", 3<<20) + ",,,,,,,,,", "longer than 1 MiB"},
		{"SECRET,t,SECRET,SECRET,SECRET,,,,SECRET,,SECRET,SECRET,SECRET,SECRET,SECRET", "booking_date"},
	} {
		rows, rejected, err := collect(transactionRows(strings.NewReader(all + "\n" + c.line + "\nafter,1,2026-01-01,1,EUR,,,,,,,,,,\n")))
		if err != nil {
			t.Fatal(err)
		}
		want := 2
		if c.reject != "" {
			want = 1
			if len(rejected) != 1 || rejected[0].Line != 2 || rejected[0].File != "transactions" || !strings.Contains(rejected[0].Message, c.reject) || strings.Contains(rejected[0].Message, "SECRET") {
				t.Errorf("%.80s: rejected %v, want %s", c.line, rejected, c.reject)
			}
		} else if len(rejected) > 0 {
			t.Errorf("%.80s: rejected %v", c.line, rejected)
		}
		if len(rows) != want || len(rows) > 0 && rows[len(rows)-1].AccountExternalID != "after" {
			t.Errorf("%.80s: %d rows, want %d with the line after it", c.line, len(rows), want)
		}
	}
}

func TestTransactionValues(t *testing.T) {
	rows, rejected, err := collect(transactionRows(strings.NewReader("currency,amount,booking_date,external_id,account_external_id,base_type,counterparty_account,counterparty_iban,mcc,consumer_external_id,category_id,value_date\n" +
		"EUR,1.5,2026-01-02,t1,a,DEBIT,12 34,,5411,c,201,2026-01-03\nJPY,-7,2026-01-02,t2,a,,1,gb82west12345698765432,,,,\n")))
	if err != nil || rejected != nil || len(rows) != 2 {
		t.Fatal(rows, rejected, err)
	}
	x := rows[0].Transaction
	if x.BaseType != bank.Debit || x.Amount.String() != "1.50" || x.Status != bank.Posted || *x.CounterpartyIBAN != "1234" || *x.MCC != "5411" || x.CategoryID != 201 ||
		x.ValueDate.String() != "2026-01-03" || *x.ExternalID != "t1" || rows[0].ConsumerExternalID != "c" || rows[0].Line != 2 || x.CounterpartyName != nil {
		t.Errorf("%+v", rows[0])
	}
	if x = rows[1].Transaction; x.BaseType != bank.Debit || x.Amount.String() != "7" || *x.CounterpartyIBAN != "GB82WEST12345698765432" || x.CategoryID != 0 || x.MCC != nil {
		t.Errorf("%+v", rows[1])
	}
}

func TestConsumersAndAccounts(t *testing.T) {
	people, rejected, err := collect(Consumers(strings.NewReader("external_id,currency,time_zone\na,,\nb,SEK,Europe/Stockholm\n,EUR,\nc,EURO,\nd,,Mars/Base\n")))
	if err != nil || len(people) != 2 || people[1] != (ConsumerRow{3, "b", "Europe/Stockholm", "SEK"}) || len(rejected) != 3 || rejected[2].Line != 6 {
		t.Error(people, rejected, err)
	}
	accounts, rejected, err := collect(Accounts(strings.NewReader("consumer_external_id,external_id,container,name,currency,type,opened_on,iban,balance,balance_as_of,credit_limit,status\n" +
		"a,a1,BANK,Main,EUR,CHECKING,2020-02-01,gb82 west 1234 5698 7654 32,-12.5,2026-01-01T00:00:00Z,100,INACTIVE\n" +
		"a,a2,CARD,Card,EUR,,,,,,,\n" +
		"a,a3,POCKET,Card,EUR,,,,,,,\na,a4,CARD,,EUR,,,,,,,\na,a5,CARD,C,EUR,,,GB00,,,,\na,a6,CARD,C,EUR,,,,1.234,,,\na,a7,CARD,C,EUR,,,,,2026-01-01T00:00:00Z,,\n" +
		"a,a8,CARD,C,EUR,,,,1,yesterday,,\na,a9,CARD,C,EUR,,,,,,,GONE\na,b1,CARD,C,,,,,1,,,\n")))
	if err != nil || len(accounts) != 2 || len(rejected) != 8 {
		t.Fatal(accounts, rejected, err)
	}
	a := accounts[0].Account
	if *a.IBAN != "GB82WEST12345698765432" || a.Balance.String() != "-12.50" || a.CreditLimit.String() != "100.00" || a.Status != bank.AccountInactive || a.BalanceAsOf.IsZero() || a.OpenedOn.String() != "2020-02-01" {
		t.Errorf("%+v", a)
	}
	if b := accounts[1].Account; b.Type != "OTHER" || b.Status != bank.AccountActive || b.Balance != nil || b.IBAN != nil {
		t.Errorf("%+v", b)
	}
	if m := rejected[3].Message; !strings.Contains(m, "balance") {
		t.Error(m)
	}
}

func TestHeader(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"", "The file is empty"},
		{"\uFEFF\r\n\r\n", "The file is empty"},
		{"external_id,amount\n", "account_external_id, booking_date, currency"},
		{head + ",amonut,\n", `"amonut", ""; there can be`},
		{head + ",amount\n", "twice: amount"},
		{"DE12345,t-1,2026-01-01,5.00,EUR\n", "does not name the columns account_external_id"},
		{`"` + head + "\n", "quotation mark"},
		{"\xff\xfea\x00,\x00\n", "NUL"},
		{strings.Repeat("x", 2<<20), "1 MiB"},
	} {
		rows, rejected, err := collect(transactionRows(strings.NewReader(c.file)))
		if len(rows)+len(rejected) > 0 || len(fault.Of(err)) != 1 || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "DE12345") {
			t.Errorf("%.40q: %v, want %s", c.file, err, c.want)
		}
	}
	if _, _, err := collect(transactionRows(io.MultiReader(strings.NewReader(head+"\na,b,2026-"), iotest.ErrReader(io.ErrUnexpectedEOF)))); !errors.Is(err, io.ErrUnexpectedEOF) || fault.Of(err) != nil {
		t.Error("a read that fails:", err)
	}
}

func TestLineNumbers(t *testing.T) {
	const text = "\uFEFF" + head + ",description\r\n" + // 1
		"a,1,2026-01-01,1,EUR,x\r\n" + // 2
		"a,2,2026-01-01,1,EUR,\"three\r\n\r\nlines\"\r\n" + // 3 to 5
		"\r\n" + // 6
		"a,3,2026-01-01,1,EUR,\"opened\r\n" + // 7, rejected
		"a,4,2026-01-01,1,EUR,x\r\n" + // 8, stays
		"a,5,2026-01-01,1,EUR,\"\"\"y\"\"\"\r\n" + // 9
		"a,6,2026-01-01,1,EUR,z \" z\r\n" + // 10, rejected
		"a,7,2026-01-01,x,EUR,\"bad amount\nand two lines\"\r\n" + // 11 and 12, rejected
		"a,8,2026-01-01,1,EUR,\"\"" // 13
	for _, file := range []string{text, strings.ReplaceAll(text, "\r\n", "\n")} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(file), "bytes": iotest.OneByteReader(strings.NewReader(file))} {
			rows, rejected, err := collect(transactionRows(r))
			var got []string
			for _, row := range rows {
				got = append(got, fmt.Sprint(row.Line, ":", *row.Transaction.ExternalID))
			}
			for _, r := range rejected {
				got = append(got, fmt.Sprint("-", r.Line))
			}
			if s := strings.Join(got, " "); err != nil || s != "2:1 3:2 8:4 9:5 13:8 -7 -10 -11" {
				t.Errorf("%s: %s %v", name, s, err)
			}
			if d := rows[1].Transaction.Description; d != "three\n\nlines" {
				t.Errorf("%q", d)
			}
		}
	}
	// A quotation mark that never ends loses its own line only, also where the rest is longer than a record may be.
	var long bytes.Buffer
	long.WriteString(head + "\n\"a,0,2026-01-01,1,EUR\n")
	for i := range 100_000 {
		fmt.Fprintf(&long, "a,%d,2026-01-01,1,EUR\n", i)
	}
	if rows, rejected, err := collect(transactionRows(&long)); len(rows) != 100_000 || len(rejected) != 1 || err != nil || rows[99_999].Line != 100_002 {
		t.Error(len(rows), rejected, err)
	}
	// A line of exactly the limit and one byte more.
	for n, want := range map[int]int{maxRecord: 0, maxRecord + 1: 1} {
		_, rejected, _ := collect(transactionRows(strings.NewReader(head + "\n" + strings.Repeat("x", n-1) + "\n")))
		if len(rejected) != 1 || strings.Contains(rejected[0].Message, "1 MiB") != (want == 1) {
			t.Error(n, rejected)
		}
	}
	if rows, rejected, _ := collect(transactionRows(strings.NewReader(head + "\na,\"t\n1\",2026-01-01,1,\"EUR\""))); len(rows) != 1 || rejected != nil {
		t.Error("two lines at the end of a file:", rows, rejected)
	}
	for range transactionRows(strings.NewReader(text)) {
		break // stopping early is fine
	}
}

// FuzzTransactions: whatever comes, there is no panic, and each line is a row or rejected once, in order.
func FuzzTransactions(f *testing.F) {
	f.Add("a,t,2026-01-02,-1.50,EUR,x\n\na,\"t\n\",2026-01-02,1,EUR,\"\"\r\n\"")
	f.Add("\"a\nb\"\n\"c\n\"\"d\"")
	f.Add("\"\"\"\n\",\"\n,\x00,\xff\na\"b\n")
	f.Fuzz(func(t *testing.T, lines string) {
		last := 1
		end := 1 + strings.Count(lines, "\n") + 1
		for row, err := range transactionRows(strings.NewReader(head + ",description\n" + lines)) {
			line := row.Line
			if err != nil {
				r, ok := errors.AsType[*Rejected](err)
				if !ok {
					t.Fatal(err)
				}
				line = r.Line
			} else if *row.Transaction.ExternalID == "" || row.Transaction.Amount.IsNeg() {
				t.Errorf("%+v", row)
			}
			if line <= last || line > end {
				t.Errorf("line %d after %d of %d", line, last, end)
			}
			last = line
		}
		// What encoding/csv takes in one go comes out the same here.
		whole := csv.NewReader(strings.NewReader(lines))
		whole.FieldsPerRecord = -1
		if all, err := whole.ReadAll(); err == nil && utf8.ValidString(lines) && !strings.ContainsAny(lines, "\x00\uFEFF") && !strings.Contains("\n"+lines, "\n\r\r") {
			in := newRecords(strings.NewReader(lines))
			for _, want := range all {
				if _, got, problem, err := in.read(); err != nil || problem != "" || !slices.Equal(got, want) {
					t.Fatalf("%q %s %v, want %q", got, problem, err, want)
				}
			}
			if _, _, _, err := in.read(); err != io.EOF {
				t.Error(err)
			}
		}
		// Without quotation marks each line that is not blank is answered.
		if plain := strings.ReplaceAll(lines, `"`, ""); true {
			want, got := 0, 0
			for line := range strings.Lines(plain) {
				if strings.Trim(line, "\r\n") != "" {
					want++
				}
			}
			for range transactionRows(strings.NewReader(head + "\n" + plain)) {
				got++
			}
			if got != want {
				t.Errorf("%d answers for %d lines", got, want)
			}
		}
	})
}

const berka = "../../shared/data/berka_csv"

func TestBerka(t *testing.T) {
	open := func(name string) io.Reader {
		b, err := os.ReadFile(filepath.Join(berka, name))
		if err != nil {
			t.Skipf("NOT TESTED AGAINST THE REAL FILES: %v", err)
		}
		return bytes.NewReader(b)
	}
	files := []io.Reader{open("consumers.csv"), open("accounts.csv"), open("transactions.csv")}
	people, r1, err1 := collect(Consumers(files[0]))
	accounts, r2, err2 := collect(Accounts(files[1]))
	transactions, r3, err3 := collect(transactionRows(files[2]))
	if len(people) != 1229 || len(accounts) != 1229 || len(transactions) != 49102 || len(r1)+len(r2)+len(r3) != 0 || errors.Join(err1, err2, err3) != nil {
		t.Error(len(people), len(accounts), len(transactions), r1, r2, r3, err1, err2, err3)
	}
}

// TestLinesThatWait: lines that have waited are read as they would have been at once, in their order.
func TestLinesThatWait(t *testing.T) {
	var file strings.Builder
	file.WriteString(head + ",description,mcc\n")
	for i := range 300 {
		length := []int{0, 1, 127, 128, 500, 20_000}[i%6] // those above 500 are refused
		fmt.Fprintf(&file, "a%d,t%d,2026-01-02,%d.50,EUR,\"%s\n\"\"Grüße\"\"\",%s\n", i%3, i, i, strings.Repeat("x", length), []string{"5411", "", "54"}[i%3])
	}
	var lines Lines
	for line, err := range Transactions(strings.NewReader(file.String())) {
		if err != nil {
			t.Fatal(err)
		}
		lines.Add(line)
	}
	var rows []TransactionRow
	var rejected []*Rejected
	for n := 1; lines.Len() > 0; n++ {
		var part Lines
		lines.Move(min(n, lines.Len()), &part)
		lines.Move(min(1, lines.Len()), &part)
		more, bad, err := collect(part.Rows)
		if err != nil || len(more)+len(bad) != part.Len() {
			t.Fatalf("%d rows and %d rejected of %d lines, %v", len(more), len(bad), part.Len(), err)
		}
		rows, rejected = append(rows, more...), append(rejected, bad...)
	}
	wantRows, wantRejected, _ := collect(transactionRows(strings.NewReader(file.String())))
	if !reflect.DeepEqual(rows, wantRows) || !reflect.DeepEqual(rejected, wantRejected) || len(rows) < 100 || len(rejected) < 50 {
		t.Errorf("%d rows and %d rejected, at once %d and %d", len(rows), len(rejected), len(wantRows), len(wantRejected))
	}
}

func BenchmarkTransactions(b *testing.B) {
	var file bytes.Buffer
	file.WriteString(head + ",description,counterparty_account\n")
	for i := range 10_000 {
		fmt.Fprintf(&file, "account-%d,trans-%d,2026-01-%02d,-%d.50,CZK,VYBER KARTOU,ST 66487163\n", i%100, i, i%28+1, i)
	}
	b.SetBytes(int64(file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range transactionRows(bytes.NewReader(file.Bytes())) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "rows/s")
}
