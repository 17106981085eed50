package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/statement"
	"insightgraph/store"
)

func opened(t *testing.T, text string, o statement.Options) *statement.File {
	t.Helper()
	return must[*statement.File](t)(statement.Open(strings.NewReader(text), o))
}

// imports imports a file and checks the counts.
func imports(t *testing.T, w *world, n store.NewStatement, file *statement.File, want store.Stored) store.StatementImport {
	t.Helper()
	r, err := w.c.ImportStatement(t.Context(), n, file)
	if err != nil {
		t.Fatal(err)
	}
	if r.Stored != want {
		t.Errorf("%+v, want %+v", r.Stored, want)
	}
	exact(t, w.Store)
	return r
}

func of(c bank.Consumer) store.NewStatement { return store.NewStatement{Consumer: ptr(c.Ref())} }

// csvOf is a German bank's export.
func csvOf(iban string, lines ...string) string {
	head := ""
	if iban != "" {
		head = "Konto;" + iban + "\n\n"
	}
	return head + "Buchungstag;Empfänger;Verwendungszweck;IBAN;Betrag;Währung\n" + strings.Join(lines, "\n") + "\n"
}

// swift is an MT940 statement of an account by its number.
func swift(from, to string, lines ...string) string {
	return ":20:STARTUMS\n:25:37040044/0532013000\n:28C:1/1\n:60F:C" + from + "EUR100,\n" + strings.Join(lines, "\n") + "\n:62F:C" + to + "EUR100,\n-\n"
}

func TestStatementSamples(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sample.camt053.xml", "sample.sta", "sample.csv", "sample.qif", "sample1.ofx", "sample2.ofx"} {
		w := newWorld(t)
		text := string(must[[]byte](t)(os.ReadFile("../statement/testdata/" + name)))
		file := opened(t, text, statement.Options{Currency: "EUR"})
		n := 0
		for _, s := range file.Statements {
			n += len(s.Entries)
		}
		first := imports(t, w, store.NewStatement{}, file, store.Stored{Created: n})
		if len(first.Accounts) == 0 || n == 0 {
			t.Errorf("%s: %+v", name, first)
		}
		owner := bank.Ref{Kind: bank.KindConsumer, ConsumerID: first.Accounts[0].ConsumerID, ID: first.Accounts[0].ConsumerID}
		c := must[bank.Consumer](t)(w.c.Consumer(t.Context(), owner))
		again := imports(t, w, of(c), opened(t, text, statement.Options{Currency: "EUR"}), store.Stored{Unchanged: n})
		if fmt.Sprint(refs(again.Accounts)) != fmt.Sprint(refs(first.Accounts)) {
			t.Errorf("%s: %+v, then %+v", name, first.Accounts, again.Accounts)
		}
		if after := must[bank.Consumer](t)(w.c.Consumer(t.Context(), owner)); !after.ChangedAt.Equal(c.ChangedAt) {
			t.Errorf("%s: the second import has changed the consumer", name)
		}
		for _, x := range all(t, w.c, bank.TransactionFilter{}) {
			if !strings.HasPrefix(*x.ExternalID, "st-") { // connect.Merge knows by it what came from files
				t.Errorf("%s: %s", name, *x.ExternalID)
			}
		}
	}
}

func refs(accounts []bank.Account) (list []bank.Ref) {
	for _, a := range accounts {
		list = append(list, a.Ref())
	}
	return list
}

func TestStatementTells(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	text := string(must[[]byte](t)(os.ReadFile("../statement/testdata/sample.camt053.xml")))
	r := imports(t, w, of(anna), opened(t, text, statement.Options{}), store.Stored{Created: 4})
	a := r.Accounts[0]
	if *a.IBAN != ibanA || a.Container != bank.ContainerBank || a.Status != bank.AccountActive || a.Balance.String() != "1919.60" || a.BalanceAsOf.Format(time.DateOnly) != "2026-01-31" || a.Name == "" {
		t.Errorf("%+v", a)
	}
	parts := 0
	for _, x := range all(t, w.c, bank.TransactionFilter{}) {
		if x.Amount.String() == "90.40" {
			parts = len(x.Parts)
		}
		if x.Amount.String() == "2100.00" && (*x.BankCode != "PMNT-RCDT-SALA" || x.CategoryID != 101 || x.CategorySource != bank.SourceBankCode) {
			t.Errorf("%+v", x)
		}
	}
	if parts != 2 {
		t.Errorf("%d parts", parts)
	}
	// An older file brings no older balance, a newer one a newer.
	imports(t, w, of(anna), opened(t, swift("251101", "251130", ":61:251115D1,N005NONREF", ":86:005?00KARTE?20Kiosk"), statement.Options{}), store.Stored{Created: 1})
	imports(t, w, of(anna), opened(t, swift("260201", "260228"), statement.Options{}), store.Stored{})
	if a := must[bank.Account](t)(w.c.Account(t.Context(), a.Ref())); a.Balance.String() != "100.00" || a.BalanceAsOf.Format(time.DateOnly) != "2026-02-28" {
		t.Errorf("%+v", a)
	}
	for _, x := range all(t, w.c, bank.TransactionFilter{}) {
		if x.Amount.String() == "1.00" && (*x.BankCode != "005" || x.AccountID != a.ID) { // the account of the IBAN that the number is in
			t.Errorf("%+v", x)
		}
	}
	// A card payment of the month after, in a file with a broken line: the rest comes in.
	bad := imports(t, w, of(anna), opened(t, csvOf(ibanA, "05.03.2026;REWE;Einkauf;;-12,00;EUR", "05.03.2026;REWE;Einkauf;;zwölf;EUR"), statement.Options{}), store.Stored{Created: 1})
	if len(bad.Rejected) != 1 || bad.Rejected[0].Line == 0 {
		t.Errorf("%+v", bad.Rejected)
	}
}

// TestStatementOverlap: files that overlap, twins, and formats that say the same differently.
func TestStatementOverlap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	coffee, lunch := "05.01.2026;Café Eins;Kaffee;;-2,80;EUR", "06.01.2026;Kantine;Essen;;-7,50;EUR"
	imports(t, w, of(anna), opened(t, csvOf(ibanA, coffee, coffee, lunch), statement.Options{}), store.Stored{Created: 3})
	imports(t, w, of(anna), opened(t, csvOf(ibanA, lunch, coffee), statement.Options{}), store.Stored{Unchanged: 2})
	imports(t, w, of(anna), opened(t, csvOf(ibanA, coffee, lunch, coffee, coffee), statement.Options{}), store.Stored{Created: 1, Unchanged: 3})
	// The same bookings from MT940: the account is known by its number, the rows by what they say.
	same := swift("260101", "260131", ":61:260105D2,80N005NONREF//1", ":86:005?00KARTE?20Kaffee?32Café Eins", ":61:260105D2,80N005NONREF//2", ":86:005?00KARTE?20Kaffee?32Café Eins",
		":61:260105D2,80N005NONREF//3", ":86:005?00KARTE?20Kaffee?32Café Eins", ":61:260106D7,50N005NONREF//4", ":86:005?00KARTE?20Essen?32Kantine",
		":61:260106D2,80N005NONREF//5", ":86:005?00KARTE?20Kaffee?32Café Eins", ":61:260105D2,80N005NONREF//6", ":86:005?00KARTE?20Parkhaus?32Stadt")
	imports(t, w, of(anna), opened(t, same, statement.Options{}), store.Stored{Created: 2, Unchanged: 4}) // another day, and another payee
	imports(t, w, of(anna), opened(t, same, statement.Options{}), store.Stored{Unchanged: 6})
	accounts := all(t, w.c, bank.TransactionFilter{})
	for _, x := range accounts {
		if x.AccountID != accounts[0].AccountID {
			t.Errorf("%+v is in another account", x)
		}
	}
	// A person's category stays when the file comes again.
	for _, x := range accounts {
		if x.Amount.String() == "7.50" {
			if _, _, err := w.c.Categorize(t.Context(), x.Ref(), 203, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	imports(t, w, of(anna), opened(t, csvOf(ibanA, coffee, coffee, lunch), statement.Options{}), store.Stored{Unchanged: 3})
}

// TestStatementNumbers: two files share a day, and each has one of two invoices of one amount; other files have both.
func TestStatementNumbers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	one, two := "05.01.2026;Stadtwerke;Rechnung 1001;;-49,00;EUR", "05.01.2026;Stadtwerke;Rechnung 1002;;-49,00;EUR"
	imports(t, w, of(anna), opened(t, csvOf(ibanA, one), statement.Options{}), store.Stored{Created: 1})
	imports(t, w, of(anna), opened(t, csvOf(ibanA, two), statement.Options{}), store.Stored{Created: 1})
	imports(t, w, of(anna), opened(t, csvOf(ibanA, two, one), statement.Options{}), store.Stored{Unchanged: 2})
	other := swift("260101", "260131", ":61:260105D49,00N005NONREF//1", ":86:005?00LASTSCHRIFT?20Rechnung 1002?32Stadtwerke", ":61:260105D49,00N005NONREF//2", ":86:005?00LASTSCHRIFT?20Rechnung 1001?32Stadtwerke",
		":61:260105D49,00N005NONREF//3", ":86:005?00LASTSCHRIFT?20Rechnung 1003?32Stadtwerke")
	imports(t, w, of(anna), opened(t, other, statement.Options{}), store.Stored{Created: 1, Unchanged: 2})
	var texts []string
	for _, x := range all(t, w.c, bank.TransactionFilter{}) {
		texts = append(texts, x.Description)
	}
	slices.Sort(texts)
	if !slices.Equal(texts, []string{"Rechnung 1001", "Rechnung 1002", "Rechnung 1003"}) {
		t.Errorf("%q", texts)
	}
}

// TestStatementOfLinkedAccount: a file of months that the bank has told already adds only what the bank did not tell, and
// the bank's next answer does not take anything twice either.
func TestStatementOfLinkedAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	told1 := told("g", ibanA, says("b1", "-2.80", "2026-03-01", "Café Eins", "Kaffee"), says("b2", "-2.80", "2026-03-01", "Café Eins", "Kaffee"), says("b3", "-9", "2026-03-02", "Stadt", "PARKEN 17"))
	waiting := says("p1", "-30", "2026-03-03", "Tankstelle", "Vorgemerkt Tankstelle")
	waiting.Status = bank.Pending
	told1.Transactions = append(told1.Transactions, waiting)
	f := w.start(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentOptional})
	w.finish(t, w.collect(t, f, oneBank, "g"), []byte("secret"), told1)
	anna := must[bank.Consumer](t)(w.c.ConsumerByExternalID(ctx, "anna"))
	known := must[[]connect.Known](t)(w.c.KnownAccounts(ctx, &anna.ID))[0]

	file := csvOf(ibanA, "15.01.2026;Café Eins;Kaffee;;-2,80;EUR", "01.03.2026;Café Eins;Kaffee;;-2,80;EUR", "01.03.2026;Café Eins;Kaffee;;-2,80;EUR",
		"02.03.2026;;ganz anders;;-9,00;EUR", "04.03.2026;Tankstelle;Tankstelle 123;;-30,00;EUR")
	r := imports(t, w, of(anna), opened(t, file, statement.Options{}), store.Stored{Created: 1, Updated: 1, Unchanged: 3})
	if len(r.Accounts) != 1 || r.Accounts[0].ID != known.ID {
		t.Errorf("%+v", r.Accounts)
	}
	rows := all(t, w.c, bank.TransactionFilter{})
	for _, x := range rows {
		if x.Status != bank.Posted {
			t.Errorf("%+v", x)
		}
	}
	if len(rows) != 5 {
		t.Errorf("%d rows", len(rows))
	}
	imports(t, w, of(anna), opened(t, file, statement.Options{}), store.Stored{Unchanged: 5})
	// The bank again, which knows the settled one under an id of its own now.
	told1.Transactions[3] = says("b4", "-30", "2026-03-04", "Tankstelle", "Tankstelle 123")
	f = w.start(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentOptional})
	w.finish(t, w.collect(t, f, oneBank, "g"), []byte("secret"), told1)
	if rows := all(t, w.c, bank.TransactionFilter{}); len(rows) != 5 {
		t.Errorf("%d rows: %q", len(rows), described(rows))
	}
	imports(t, w, of(anna), opened(t, file, statement.Options{}), store.Stored{Unchanged: 5})
}

// TestStatementPending: a file from before something was booked does not bring it a second time.
func TestStatementPending(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	report := func(status, on string) *statement.File {
		return opened(t, `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.052.001.08"><BkToCstmrAcctRpt><Rpt><Id>1</Id><Acct><Id><IBAN>`+ibanA+`</IBAN></Id><Ccy>EUR</Ccy></Acct>
			<Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>`+status+`</Cd></Sts><BookgDt><Dt>`+on+`</Dt></BookgDt><ValDt><Dt>`+on+`</Dt></ValDt>
			<NtryDtls><TxDtls><RltdPties><Cdtr><Pty><Nm>Tankstelle</Nm></Pty></Cdtr></RltdPties><RmtInf><Ustrd>Tanken</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry></Rpt></BkToCstmrAcctRpt></Document>`, statement.Options{})
	}
	imports(t, w, of(anna), report("PDNG", "2026-03-03"), store.Stored{Created: 1})
	imports(t, w, of(anna), report("PDNG", "2026-03-03"), store.Stored{Unchanged: 1})
	imports(t, w, of(anna), report("BOOK", "2026-03-05"), store.Stored{Updated: 1})
	imports(t, w, of(anna), report("PDNG", "2026-03-03"), store.Stored{Unchanged: 1})
	imports(t, w, of(anna), report("PDNG", "2026-03-05"), store.Stored{Unchanged: 1})
	rows := all(t, w.c, bank.TransactionFilter{})
	if len(rows) != 1 || rows[0].Status != bank.Posted || rows[0].BookingDate != day("2026-03-05") {
		t.Errorf("%+v", rows)
	}
}

// TestStatementBalance: the balance of a day's end replaces that of within the day, and is not replaced by it.
func TestStatementBalance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	camt := func(message, statement, code, balance string) string {
		return `<Document><` + message + `><` + statement + `><Id>1</Id><Acct><Id><IBAN>` + ibanA + `</IBAN></Id><Ccy>EUR</Ccy></Acct><Bal><Tp><CdOrPrtry><Cd>` + code + `</Cd></CdOrPrtry></Tp>
			<Amt Ccy="EUR">` + balance + `</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-03</Dt></Dt></Bal></` + statement + `></` + message + `></Document>`
	}
	within, end := camt("BkToCstmrAcctRpt", "Rpt", "ITBD", "95.00"), camt("BkToCstmrStmt", "Stmt", "CLBD", "88.00")
	page := func(tag, balance string) string {
		return ":20:A\n:25:37040044/0532013001\n:28C:1/1\n:60F:C260303EUR100,\n:" + tag + ":C260303EUR" + balance + ",\n-\n"
	}
	for i, c := range []struct{ file, want string }{
		{within, "95.00"}, {end, "88.00"}, {within, "88.00"}, {end, "88.00"}, {page("62M", "95"), "95.00"}, {page("62F", "88"), "88.00"}, {page("62F", "77") + page("62M", "95"), "77.00"},
	} {
		r := imports(t, w, of(anna), opened(t, c.file, statement.Options{}), store.Stored{})
		if a := must[bank.Account](t)(w.c.Account(t.Context(), r.Accounts[0].Ref())); a.Balance.String() != c.want || a.BalanceAsOf.Format(time.DateOnly) != "2026-03-03" {
			t.Errorf("file %d: %s of %s, want %s", i+1, a.Balance, a.BalanceAsOf, c.want)
		}
	}
}

func TestStatementPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	line := "05.01.2026;Café;Kaffee;;-2,80;EUR"
	file := func(iban string) *statement.File { return opened(t, csvOf(iban, line), statement.Options{}) }
	anna, ben := consumer(t, w.c, "anna"), consumer(t, w.c, "ben")
	// Without an account in the file: one of the consumer and format, found again.
	first := imports(t, w, of(anna), file(""), store.Stored{Created: 1})
	second := imports(t, w, of(anna), opened(t, csvOf("", "06.01.2026;Café;Kaffee;;-2,80;EUR"), statement.Options{}), store.Stored{Created: 1})
	bens := imports(t, w, of(ben), file(""), store.Stored{Created: 1})
	if w := append(first.Warnings, second.Warnings...); len(w) != 2 || !strings.Contains(w[0].Message, "so one was made") || !strings.Contains(w[1].Message, "went into the one") {
		t.Errorf("an account that no file names is put somewhere in silence: %v", w)
	}
	// Of another bank: its columns are called otherwise.
	third := imports(t, w, of(anna), opened(t, "Date,Payee,Amount,Currency\n2026-01-07,Shop,-3.00,EUR\n", statement.Options{}), store.Stored{Created: 1})
	if third.Accounts[0].ID == first.Accounts[0].ID || len(third.Warnings) != 1 {
		t.Errorf("two banks' accounts are one: %+v, %v", third.Accounts, third.Warnings)
	}
	if a := first.Accounts[0]; a.ID != second.Accounts[0].ID || a.ID == bens.Accounts[0].ID || a.ConsumerID == bens.Accounts[0].ConsumerID || a.IBAN != nil {
		t.Errorf("%+v, %+v", a, second.Accounts)
	}
	// The account of the IBAN, whoever made it.
	api := must[bank.Account](t)(w.c.CreateAccount(ctx, store.NewAccount{Consumer: ptr(anna.Ref()),
		Account: bank.Account{ExternalID: ptr("giro"), Container: bank.ContainerBank, Name: "giro", Currency: "EUR", IBAN: ptr(ibanA)}}, nil))
	if r := imports(t, w, of(anna), file(ibanA), store.Stored{Created: 1}); r.Accounts[0].ID != api.ID {
		t.Errorf("%+v", r.Accounts)
	}
	// An account that is named, which learns its IBAN.
	plain, dollar := account(t, w.c, "anna", "plain", bank.ContainerBank), must[bank.Account](t)(w.c.CreateAccount(ctx, store.NewAccount{Consumer: ptr(anna.Ref()),
		Account: bank.Account{ExternalID: ptr("usd"), Container: bank.ContainerBank, Name: "usd", Currency: "USD"}}, nil))
	into := func(a bank.Account) store.NewStatement { return store.NewStatement{Account: ptr(a.Ref())} }
	if r := imports(t, w, into(plain), file(ibanB), store.Stored{Created: 1}); r.Accounts[0].ID != plain.ID || *r.Accounts[0].IBAN != ibanB {
		t.Errorf("%+v", r.Accounts)
	}
	imports(t, w, into(plain), file(""), store.Stored{Unchanged: 1})
	imports(t, w, of(anna), file(ibanB), store.Stored{Unchanged: 1})
	// Without a consumer one is made.
	if r := imports(t, w, store.NewStatement{}, file(ibanA), store.Stored{Created: 1}); r.Accounts[0].ConsumerID == anna.ID || r.Accounts[0].ConsumerID == ben.ID {
		t.Errorf("%+v", r.Accounts)
	}

	before := len(all(t, w.c, bank.TransactionFilter{}))
	two := opened(t, string(must[[]byte](t)(os.ReadFile("../statement/testdata/sample1.ofx"))), statement.Options{})
	for _, one := range []struct {
		name  string
		n     store.NewStatement
		file  *statement.File
		code  fault.Code
		field string
	}{
		{"another IBAN", into(plain), file(ibanA), fault.NotAllowed, "accountId"},
		{"another currency", into(dollar), file(ibanA), fault.NotAllowed, "accountId"},
		{"two accounts", into(dollar), two, fault.NotAllowed, "accountId"},
		{"no such account", store.NewStatement{Account: &bank.Ref{Kind: bank.KindAccount, ConsumerID: anna.ID, ID: 99_999}}, file(""), fault.NotFound, "accountId"},
		{"no account at all", store.NewStatement{Account: ptr(anna.Ref())}, file(""), fault.NotFound, "accountId"},
		{"another's account", store.NewStatement{Consumer: ptr(ben.Ref()), Account: ptr(plain.Ref())}, file(""), fault.NotFound, "accountId"},
		{"no such consumer", store.NewStatement{Consumer: &bank.Ref{Kind: bank.KindConsumer, ConsumerID: 99_999, ID: 99_999}}, file(""), fault.NotFound, "consumerId"},
	} {
		_, err := w.c.ImportStatement(ctx, one.n, one.file)
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Code != one.code || f.Field != one.field {
			t.Errorf("%s: %v", one.name, err)
		}
	}
	_, err := customer(t, w.Store, "other").ImportStatement(ctx, of(anna), file(""))
	wantFault(t, err, fault.NotFound, "consumerId")
	_, err = w.Consumer(anna.CustomerID, anna.ID).ImportStatement(ctx, of(anna), file(""))
	wantFault(t, err, fault.Forbidden, "")
	if n := len(all(t, w.c, bank.TransactionFilter{})); n != before {
		t.Errorf("%d rows, %d before", n, before)
	}
}

// TestStatementTransfers: a movement between two accounts of the consumer that come in one file each.
func TestStatementTransfers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	imports(t, w, of(anna), opened(t, csvOf(ibanA, "05.01.2026;Anna;Sparen;"+ibanB+";-200,00;EUR"), statement.Options{}), store.Stored{Created: 1})
	imports(t, w, of(anna), opened(t, csvOf(ibanB, "06.01.2026;Anna;Sparen;"+ibanA+";200,00;EUR"), statement.Options{}), store.Stored{Created: 1})
	for _, x := range all(t, w.c, bank.TransactionFilter{}) {
		if x.TransferID == nil {
			t.Errorf("%+v", x)
		}
	}
}

// TestStatementsAtOnce: the same file many times at once is stored once.
func TestStatementsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	text := string(must[[]byte](t)(os.ReadFile("../statement/testdata/sample.sta")))
	file := opened(t, text, statement.Options{})
	noErrors(t, together(8, func(int) error {
		_, err := w.c.ImportStatement(t.Context(), of(anna), file)
		return err
	}))
	if n := len(all(t, w.c, bank.TransactionFilter{})); n != 4 {
		t.Errorf("%d rows", n)
	}
	exact(t, w.Store)
}

// TestLargeStatement is a file with as many entries as there may be.
func TestLargeStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	const n = 40_000
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("%s;Laden %d;Einkauf Nr %d;;-%d,%02d;EUR", day("2020-01-01").Time().AddDate(0, 0, i%2000).Format("02.01.2006"), i%500, i, 1+i%90, i%100)
	}
	text := csvOf(ibanA, lines...)
	start := time.Now()
	file := opened(t, text, statement.Options{})
	read := time.Since(start)
	start = time.Now()
	imports(t, w, of(anna), file, store.Stored{Created: n})
	first := time.Since(start)
	start = time.Now()
	imports(t, w, of(anna), opened(t, text, statement.Options{}), store.Stored{Unchanged: n})
	t.Logf("%d entries: read in %v, stored in %v, again in %v", n, read, first, time.Since(start))
}

// TestStatementFixtures imports every file beside the repository that can be imported twice for one consumer.
func TestStatementFixtures(t *testing.T) {
	t.Parallel()
	const folder = "../../shared/data/statements"
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the sample files are not there: %v", err)
	}
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	files, entries, refused := 0, 0, 0
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) == ".tsv" {
			return err
		}
		open := func() *statement.File {
			in := must[*os.File](t)(os.Open(name))
			defer in.Close()
			f, err := statement.Open(in, statement.Options{Currency: "EUR"})
			if err != nil {
				if _, ok := errors.AsType[*statement.Rejected](err); !ok {
					t.Errorf("%s: %v", name, err)
				}
				return nil
			}
			return f
		}
		file := open()
		if file == nil {
			refused++
			return nil
		}
		files++
		for _, s := range file.Statements {
			entries += len(s.Entries)
		}
		first, err := w.c.ImportStatement(t.Context(), of(anna), file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return nil
		}
		again, err := w.c.ImportStatement(t.Context(), of(anna), open())
		if err != nil || again.Created != 0 || again.Updated != 0 || again.Unchanged != first.Created+first.Updated+first.Unchanged {
			t.Errorf("%s: %+v, then %+v, %v", name, first.Stored, again.Stored, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	stored := len(all(t, w.c, bank.TransactionFilter{}))
	t.Logf("%d files with %d entries, %d rows; %d files are refused", files, entries, stored, refused)
	if files < 50 || stored == 0 {
		t.Errorf("%d files, %d rows", files, stored)
	}
	exact(t, w.Store)
}
