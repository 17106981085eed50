package statement

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/govalues/decimal"

	"insightgraph/bank"
)

// fixtures is where statement files of real banks and of other programs' tests lie beside the project; they are no part
// of it.
const fixtures = "../../shared/data/statements"

// fixture is what one of them gives. The sums are those of all statements in it; opening is the first one's, closing the
// last one's. refused lists everything that was not taken in, by line and the beginning of the reason. accounts are the
// keys of the accounts with their currency, days the first and last day of booking.
type fixture struct {
	file             string
	format           Format
	statements       int
	entries          int
	credits, debits  string
	opening, closing string
	refused          []string
	accounts, days   string
}

const (
	marks  = "1 The file is JSON"
	noDate = "The date is missing or is no day of the calendar from 1900 on"
	legacy = "The currency of the statement is none that is in use"
)

// The counts, sums and balances were not taken from the readers. A script of some seventy lines in another language
// (Python: ElementTree for CAMT, a regular expression on :61:, :60 and :62 for MT940, one on STMTTRN and TRNAMT for OFX,
// the csv module with the columns chosen by hand for each file, ^ and T by eye for QIF) counted and summed with exact
// decimals; what is refused was then taken off by hand, by looking at the lines. Accounts and days were compared with
// those that another such script found, and by eye for QIF and CSV.
var wanted = []fixture{
	{"camt052/camt__camt052.v2.xml", CAMT052, 1, 1, "0", "200000", "", "", nil, "CH2801234000123456789 SEK", "2007-10-18 2007-10-18"},
	{"camt052/camt__camt052.v4.xml", CAMT052, 1, 1, "0", "200000", "", "10022.15 CHF", nil, "CH2801234000123456789 SEK", "2007-10-18 2007-10-18"},
	{"camt052/camt__camt052.v6.Amt-zero.xml", CAMT052, 1, 1, "0", "200000", "", "10022.15 CHF", nil, "CH2801234000123456789 SEK", "2007-10-18 2007-10-18"},
	{"camt052/camt__camt052.v8.xml", CAMT052, 1, 1, "0", "200000", "", "", nil, "CH2801234000123456789 SEK", "2007-10-18 2007-10-18"},
	{"camt053/bankstatementparser__camt.053.001.02.xml", CAMT053, 1, 3, "135678.50", "200000", "500000.00 SEK", "435678.50 SEK", nil, "50000000054910000003 SEK", "2010-10-18 2010-10-18"},
	{"camt053/bankstatementparser__camt053_duplicate_same_day.xml", CAMT053, 1, 2, "0", "9", "", "", nil, "DE89370400440532013000 EUR", "2026-04-07 2026-04-07"},
	{"camt053/bankstatementparser__camt053_garbled_amount.xml", CAMT053, 0, 0, "0", "0", "", "", []string{"17 The amount (Amt)"}, "", ""},
	{"camt053/bankstatementparser__camt053_no_namespace.xml", CAMT053, 1, 1, "250", "0", "100.00 GBP", "350.00 GBP", nil, "GB29NWBK60161331926819 GBP", "2026-04-12 2026-04-12"},
	{"camt053/camt__camt053.v2.all-balance-types.xml", CAMT053, 1, 1, "8.85", "0", "1.01 EUR", "4.04 EUR", nil, "CH2801234000123456789 EUR", "2014-12-31 2014-12-31"},
	{"camt053/camt__camt053.v2.five.decimals.xml", CAMT053, 1, 1, "8.85", "0", "18.15 EUR", "27.05 EUR", nil, "NL26VAYB8060476890 EUR", "2014-12-31 2014-12-31"},
	{"camt053/camt__camt053.v2.minimal.xml", CAMT053, 1, 1, "8.85", "0", "18.15 EUR", "-27.00 SEK", nil, "NL26VAYB8060476890 EUR", "2014-12-31 2014-12-31"},
	{"camt053/camt__camt053.v2.multi.statement.xml", CAMT053, 2, 2, "8.85", "7", "18.15 EUR", "20.00 EUR", nil, "NL26VAYB8060476890 EUR", "2014-12-31 2014-12-31"},
	{"camt053/camt__camt053.v2.with-party-ids.xml", CAMT053, 1, 1, "8.85", "0", "18.15 EUR", "-27.00 SEK", nil, "NL26VAYB8060476890 EUR", "2014-12-31 2014-12-31"},
	{"camt053/camt__camt053.v2.wrong.xml", "", 0, 0, "0", "0", "", "", []string{"9 The message holds no statement"}, "", ""},
	{"camt053/camt__camt053.v3.xml", CAMT053, 1, 1, "8.85", "0", "18.15 EUR", "-27.00 SEK", nil, "NL26VAYB8060476890 EUR", "2014-12-31 2014-12-31"},
	{"camt053/camt__camt053.v4.xml", CAMT053, 1, 1, "8.85", "0", "18.15 EUR", "-27.00 SEK", nil, "NL26VAYB8060476890 EUR", "2014-12-31 2014-12-31"},
	{"camt053/camt__camt053.v8.xml", CAMT053, 1, 1, "8.85", "0", "18.15 EUR", "-27.00 SEK", nil, "NL26VAYB8060476890 EUR", "2014-12-31 2014-12-31"},
	{"camt053/camt__camt53.only-Dt-with-DtTm.xml", CAMT053, 1, 0, "0", "0", "5442.09 RON", "", nil, "GB33BUKB20201555555555 RON", ""},
	{"camt054/camt__camt054.v8.xml", CAMT054, 1, 1, "0", "200000", "", "", nil, "CH2801234000123456789 SEK", "2007-10-18 2007-10-18"},
	{"csv-intl/bank2ynab__20171001-20171106.csv", CSV, 1, 1, "0", "59.99", "", "", nil, " EUR", "2017-10-01 2017-10-01"},
	{"csv-intl/bank2ynab__2018-04-14_10-52-13_bunq-transactieoverzicht.csv", CSV, 1, 3, "750", "21.46", "", "", nil, "NL47BUNQ2025181418 EUR", "2018-03-01 2018-03-09"},
	{"csv-intl/bank2ynab__20180226-1000594757-umsatz.CSV", CSV, 1, 1, "0", "36.99", "", "", nil, "1000594757 EUR", "2018-02-22 2018-02-22"},
	{"csv-intl/bank2ynab__20180226_12345678.csv", CSV, 1, 1, "0", "5", "1000.00 EUR", "995.00 EUR", nil, " EUR", "2018-02-10 2018-02-10"},
	{"csv-intl/bank2ynab__2019-03-02_11-50-46_bunq-statement.csv", CSV, 1, 7, "15.86", "39.68", "", "", nil, "NL26BUNQ2025126409 EUR", "2018-12-06 2018-12-17"},
	{"csv-intl/bank2ynab__CSV_A_20180414_112204.csv", CSV, 1, 3, "50", "1087.49", "", "", nil, "NL77RABO0311467415 EUR", "2018-03-01 2018-03-16"},
	{"csv-intl/bank2ynab__MonzoDataExport_February2018_2018-02-26_174335.csv", CSV, 1, 1, "0", "10", "", "", nil, " GBP", "2018-02-25 2018-02-25"},
	{"csv-intl/bank2ynab__Movements_1234512345_201805271848.csv", CSV, 1, 1, "0", "1", "", "", nil, "123456789/1234 CZK", "2018-05-27 2018-05-27"},
	{"csv-intl/bank2ynab__TH_20180101-20180523_page_1.csv", CSV, 0, 0, "0", "0", "", "", []string{"2 " + noDate, "3 " + noDate, "4 " + noDate,
		"5 " + noDate, "6 " + noDate, "7 " + noDate, "8 " + noDate, "9 " + noDate, "10 " + noDate}, "", ""}, // its days are made unreadable: 1111/11/11
	{"csv-intl/bank2ynab__TH_20180521-20180523.csv", CSV, 0, 0, "0", "0", "", "", []string{"2 " + noDate}, "", ""},
	{"csv-intl/bank2ynab__TransactionHistory_20180418043121.csv", CSV, 1, 8, "0", "173.28", "", "6666.66 SGD", nil, " SGD", "2018-04-13 2018-04-18"},
	{"csv-intl/bank2ynab__Umsaetze_KtoNr538917600_EUR_02-03-2018_1503.CSV", CSV, 1, 1, "0", "17.22", "", "", nil, "DE44200400000538917600 EUR", "2018-03-02 2018-03-02"},
	{"csv-intl/bank2ynab__export_KBC-Mastercard_Business_Essential_20200204_1604.csv", CSV, 1, 3, "35.77", "33.04", "", "", nil, " EUR", "2020-01-02 2020-02-03"},
	{"csv-intl/bank2ynab__statement_1.csv", "", 0, 0, "0", "0", "", "", []string{"1 No line names columns"}, "", ""}, // one amount without a sign
	{"csv-intl/bank2ynab__test_BOI_TransactionExport.csv", CSV, 1, 27, "3841.22", "4260.83", "", "", nil, " EUR", "2017-09-01 2017-09-28"},
	{"csv-intl/bank2ynab__umsatz-1234________1234-20180227.CSV", CSV, 1, 1, "0", "5", "", "", nil, " EUR", "2018-02-20 2018-02-20"},
	{"csv-intl/bankstatementparser__csv_european_decimals.csv", CSV, 1, 3, "3500", "1239.06", "", "", nil, "DE89370400440532013000 EUR", "2026-04-02 2026-04-09"},
	{"csv-intl/bankstatementparser__csv_french_headers.csv", CSV, 1, 3, "3500", "1239.06", "", "", nil, " EUR", "2026-04-02 2026-04-09"},
	{"csv-intl/bankstatementparser__csv_garbled_amount.csv", CSV, 1, 1, "100", "0", "", "", []string{"3 The amount is missing"}, " EUR", "2026-04-02 2026-04-02"},
	{"csv-intl/bankstatementparser__csv_spanish_headers.csv", CSV, 1, 3, "3500", "1239.06", "", "", nil, "ES9121000418450200051332 EUR", "2026-04-02 2026-04-09"},
	{"json-plaid/sandbox-custom-users__assets_credit_categories.json", "", 0, 0, "0", "0", "", "", []string{marks}, "", ""},
	{"json-plaid/sandbox-custom-users__assets_custom_user2.json", "", 0, 0, "0", "0", "", "", []string{marks}, "", ""},
	{"json-plaid/sandbox-custom-users__bank_income_basic.json", "", 0, 0, "0", "0", "", "", []string{marks}, "", ""},
	{"json-plaid/sandbox-custom-users__business_account.json", "", 0, 0, "0", "0", "", "", []string{marks}, "", ""},
	{"json-plaid/sandbox-custom-users__transactions_checking+savings_custom_user.json", "", 0, 0, "0", "0", "", "", []string{marks}, "", ""},
	{"mt940/mt940__171011_01234945.sta", MT940, 1, 3, "0", "9437", "627311.30 HUF", "617874.30 HUF", nil, "1966315302010001 HUF", "2017-10-11 2017-10-11"},
	{"mt940/mt940__abnamro.sta", MT940, 2, 10, "0", "345.93", "3236.28 EUR", "1849.75 EUR", nil, "517852257 EUR", "2011-05-23 2011-05-24"},
	{"mt940/mt940__february_30.sta", MT940, 0, 0, "0", "0", "", "", []string{"6 The value date is no day"}, "", ""},
	{"mt940/mt940__ing.sta", MT940, 1, 7, "4.68", "50.27", "0.00 EUR", "3.47 EUR", nil, "0001234567 EUR", "2010-07-22 2010-07-23"},
	{"mt940/mt940__knab.sta", MT940, 2, 3, "1000", "7260", "0.00 EUR", "798.98 EUR", nil, "123456789 EUR", "2014-05-07 2014-07-29"},
	{"mt940/mt940__mBank_mt940.sta", MT940, 1, 3, "0.03", "0", "0.40 PLN", "0.43 PLN", nil, "PL29114010810000267002001002 PLN", "2017-01-19 2017-01-19"},
	{"mt940/mt940__mt940.sta", MT940, 2, 5, "23040", "10800", "2187.95 EUR", "50040.00 PLN", []string{"4 " + legacy}, "10020030/1234567 EUR, BPHKPLPK/320000546101 PLN", "2002-11-02 2003-10-20"}, // the first of three is in DEM
	{"mt940/mt940__mt942.sta", MT940, 1, 3, "0.03", "0", "", "", nil, "PL29114010810000267002001002 PLN", "2017-01-19 2017-01-19"},
	{"mt940/mt940__multiline.sta", MT940, 1, 1, "0", "5", "16.40 EUR", "11.40 EUR", []string{"38 An entry (:61:) stands outside"}, "BILLLULLXXX/\"NUMERO DE COMPTE IBAN 2\" EUR", "2004-08-04 2004-08-04"},
	{"mt940/mt940__overly_long_details.sta", MT940, 1, 1, "0", "233.15", "12345.12 EUR", "12345.98 EUR", nil, "12345678/1020304050 EUR", "2017-09-14 2017-09-14"},
	{"mt940/mt940__postfinance.sta", MT940, 2, 4, "239.30", "79.90", "0.00 CHF", "159.60 CHF", nil, "123456789 CHF", "2013-12-09 2013-12-18"},
	{"mt940/mt940__rabobank-iban.sta", MT940, 2, 4, "0", "70", "1000.00 EUR", "930.00 EUR", nil, "NL71RABO0123456789 EUR", "2013-01-01 2013-01-09"},
	{"mt940/mt940__rabobank.sta", MT940, 4, 5, "0", "1589.09", "473.17 EUR", "4101.82 EUR", nil, "1291.99.348 EUR, 1526.89.184 EUR", "2011-05-27 2012-08-29"},
	{"mt940/mt940__raiffeisen-cmi.sta", MT940, 1, 7, "2066637", "3078850.50", "25170637.10 HUF", "25281687.60 HUF", nil, "UBRTHUHB/123456789150ABCDEF002 HUF", "2018-04-17 2018-04-17"},
	{"mt940/mt940__raphaelm.sta", MT940, 0, 0, "0", "0", "", "", []string{"13 " + legacy, "32 " + legacy, "43 " + legacy}, "", ""}, // DEM
	{"mt940/mt940__self-provided_mt942.sta", MT940, 1, 1, "0", "0.42", "", "", nil, "GJB0291077111 EUR", "2016-10-31 2016-10-31"},
	{"mt940/mt940__sepa_mt9401.sta", MT940, 26, 97, "5188474.94", "14457610.84", "-1234718.36 EUR", "50.05 EUR", nil, "50880050/0194774600888 EUR, 50880050/0194777100888 EUR, 50880050/0194778300888 EUR, 50880050/0194779500888 EUR, 50880050/0194780100888 EUR, 50880050/0194780101888 EUR, 50880050/0194781300888 EUR, 50880050/0194782500888 EUR, 50880050/0194783700888 EUR, 50880050/0194784900888 EUR, 50880050/0194784901888 EUR, 50880050/0194785000888 EUR, 50880050/0194785001888 EUR, 50880050/0194786200888 EUR, 50880050/0194787400888 EUR, 50880050/0194791600888 EUR, 50880050/0194791601888 EUR, 50880050/0194798900888 EUR, 50880050/0194799000888 EUR, 50880050/0194804000888 EUR", "2007-09-04 2007-09-04"},
	{"mt940/mt940__sepa_snippet.sta", MT940, 2, 11, "1430745.72", "3574069.11", "766656.49 EUR", "-4472049.09 EUR", nil, "50880050/0194787400888 EUR, 50880050/0194791600888 EUR", "2007-09-04 2007-09-04"},
	{"mt940/mt940__sepa_snippet_broken.sta", MT940, 0, 0, "0", "0", "", "", []string{"6 The account (:25:) stands among the entries"}, "", ""},
	{"mt940/mt940__sns.sta", MT940, 2, 2, "0", "25", "1234.56 EUR", "1209.56 EUR", nil, "0123456789 EUR", "2012-06-08 2012-06-08"},
	{"mt940/mt940__triodos.sta", MT940, 1, 2, "0", "715.70", "4975.09 EUR", "4370.79 EUR", nil, "TRIODOSBANK/0390123456 EUR", "2011-01-01 2011-01-25"},
	{"mt940/mt940__with_binary_character.sta", MT940, 2, 4, "14215.30", "193282.05", "380115.77 EUR", "131193.19 EUR", nil, "51230800/0000007055 EUR, 51230800/0000007304 EUR", "2010-03-19 2010-03-19"},
	{"mt940/mt940__with_newline_in_tnr.sta", MT940, 1, 2, "89", "0", "0.46 PLN", "860.17 PLN", nil, "PL29114010810000267002001002 PLN", "2017-02-01 2017-02-01"},
	{"mt940/mt9x__bnp.sta", MT940, 1, 6, "870183.69", "0", "-2623569.48 PLN", "-1753385.79 PLN", nil, "PL68160011270003012206715001 PLN", "2009-08-03 2009-09-03"},
	{"mt940/mt9x__nl-io-payments.sta", MT940, 1, 9, "55265.17", "8184.48", "356527.02 EUR", "403607.71 EUR", nil, "0712345568 EUR", "2007-02-14 2007-02-14"},
	{"mt940/mt9x__npp.sta", MT940, 1, 10, "37000", "17780", "0.00 AUD", "12000.00 AUD", nil, "032000000007 AUD", "2019-02-08 2019-02-08"},
	{"mt940/mt9x__sepa.sta", MT940, 1, 3, "52900.10", "125300.10", "-324910.25 EUR", "-397310.25 EUR", nil, "50880050/0194791601888 EUR", "2007-09-04 2007-09-04"},
	{"mt940/mt9x__spec-example-1.sta", MT940, 1, 4, "700000", "646232.05", "28000.00 USD", "81767.95 USD", nil, "1234567891 USD", "2017-09-29 2017-09-29"},
	{"mt940/mt9x__top-account.sta", MT940, 1, 22, "4988658.19", "5274092.20", "89324.89 SEK", "-196109.12 SEK", nil, "987654321 SEK", "2008-06-11 2008-06-11"},
	{"mt940/mt9x__zero-balance.sta", MT940, 1, 2, "3151702.18", "0", "17339213.33 SEK", "20490915.51 SEK", nil, "508765431 SEK", "2011-11-21 2011-11-21"},
	{"mt940/mt__sample-file-mt942.txt", MT940, 1, 2, "0", "186.33", "", "", nil, "PL89106000760000321000006053 PLN", "2005-06-10 2005-06-10"},
	{"ofx-noheader/ofxparse__decimal_error.ofx", OFX, 0, 0, "0", "0", "", "", []string{"36 The date (DTPOSTED)"}, "", ""},
	{"ofx-noheader/ofxparse__empty_balance.ofx", OFX, 1, 1, "120", "0", "", "", nil, "123845030/192639749 CAD", "2011-03-08 2011-03-08"},
	{"ofx1/bankstatementparser__sample.ofx", OFX, 1, 2, "1250.50", "80.25", "", "", nil, "BE4455667788 EUR", "2026-03-20 2026-03-21"},
	{"ofx1/bankstatementparser__sample.qfx", OFX, 1, 1, "0", "15", "", "", nil, "123456789 USD", "2026-03-22 2026-03-22"},
	{"ofx1/ofxparse__bank_medium.ofx", OFX, 1, 3, "0", "345.27", "", "382.34 CAD", nil, "160000100/12300 000012345678 CAD", "2009-04-01 2009-04-03"},
	{"ofx1/ofxparse__checking.ofx", OFX, 1, 3, "0.01", "59.51", "", "100.99 USD", nil, "5472369148/1452687~7 USD", "2011-03-31 2011-04-07"},
	{"ofx1/ofxparse__fidelity-savings.ofx", OFX, 1, 1, "0", "1500", "", "", []string{"63 Invalid value for amount; USD has 2 decimals",
		"78 Invalid value for amount; USD has 2 decimals", "93 Invalid value for amount; USD has 2 decimals"}, "X0000001 USD", "2012-07-20 2012-07-20"}, // 115.8331, 197.1063, 197.1220
	{"ofx1/ofxparse__ofx-v102-empty-tags.ofx", OFX, 1, 1, "12.34", "0", "", "", nil, "NPBS/12345678 AUD", "2018-05-07 2018-05-07"},
	{"ofx2/ofxparse__multiple_accounts.ofx", OFX, 2, 0, "0", "0", "", "222.00 USD", nil, "123/9100 USD, 123/9200 USD", ""},
	// The first of six is the opening balance of 0.00; the seventh is an investment.
	{"qif/quiffen__test.qif", QIF, 1, 5, "99.50", "135", "0.00 EUR", "", []string{"92 Investments (!Type:Invst) are not read"}, "TestExport EUR", "2020-02-10 2020-02-14"},
	{"qif/quiffen__test_category_override.qif", QIF, 1, 4, "2100", "22.56", "", "", nil, " EUR", "2017-12-22 2018-01-02"},
	{"qif/quiffen__test_unknown_account_type.qif", QIF, 0, 0, "0", "0", "", "", []string{"22 Investments (!Type:Invst) are not read"}, "", ""},
}

func TestFixtures(t *testing.T) {
	list, err := os.Open(filepath.Join(fixtures, "PROVENANCE.tsv"))
	if err != nil {
		t.Skipf("NOT TRIED on the %d files of real banks: there is no %s beside the project", len(wanted), fixtures)
	}
	defer list.Close()
	lines := csv.NewReader(list)
	lines.Comma = '\t'
	all, err := lines.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]fixture{}
	for _, w := range wanted {
		table[w.file] = w
	}
	if len(all)-1 != 87 || len(table) != 87 || len(wanted) != 87 {
		t.Errorf("the folder has %d files and the table %d; both should have 87", len(all)-1, len(table))
	}
	err = filepath.WalkDir(fixtures, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "PROVENANCE.tsv" {
			return err
		}
		name, _ = filepath.Rel(fixtures, name)
		if _, ok := table[filepath.ToSlash(name)]; !ok {
			t.Errorf("%s is not in the table", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range all[1:] {
		if _, ok := table[line[0]]; !ok {
			t.Errorf("%s is not in the table", line[0])
		}
	}
	for _, w := range wanted { // one that is not there is an error
		in, err := os.Open(filepath.Join(fixtures, w.file))
		if err != nil {
			t.Error(err)
			continue
		}
		got, whole := read(t, in, Options{Currency: "EUR"})
		in.Close()
		if got := describe(w.file, got, whole); fmt.Sprint(got) != fmt.Sprint(w) {
			t.Errorf("%s\n got %v\nwant %v", w.file, got, w)
		}
	}
}

// read opens a file and looks at what must hold for all of them.
func read(t testing.TB, in interface{ Read([]byte) (int, error) }, o Options) (*File, *Rejected) {
	t.Helper()
	f, err := Open(in, o)
	if err != nil {
		r, ok := errors.AsType[*Rejected](err)
		if !ok {
			t.Fatalf("%v, want a *Rejected", err)
		}
		if r.Line < 1 || r.Message == "" {
			t.Errorf("refused without line or reason: %v", r)
		}
		return &File{}, r
	}
	ids := map[string]bool{}
	for _, s := range f.Statements {
		if _, known := s.Account.Currency.Digits(); !known && s.Account.Currency != "" {
			t.Errorf("an account has the currency %q", s.Account.Currency)
		}
		if iban, f := bank.ParseIBAN("", s.Account.IBAN); s.Account.IBAN != "" && (f != nil || iban != s.Account.IBAN) {
			t.Error("an account has an IBAN that is wrong")
		}
		for _, e := range s.Entries {
			key := s.Account.Key() + *e.ExternalID
			if ids[key] {
				t.Errorf("line %d: its id is that of another entry", e.Line)
			}
			ids[key] = true
			again := e.Transaction
			if faults := again.Check("", s.Account.Currency); faults != nil || again.Amount != e.Amount || again.BaseType != e.BaseType {
				t.Errorf("line %d: %v", e.Line, faults)
			}
		}
	}
	return f, nil
}

func describe(file string, f *File, whole *Rejected) fixture {
	d := fixture{file: file, format: f.Format, statements: len(f.Statements)}
	var credits, debits decimal.Decimal
	var accounts []string
	var first, last bank.Date
	for _, s := range f.Statements {
		if key := s.Account.Key() + " " + string(s.Account.Currency); !slices.Contains(accounts, key) {
			accounts = append(accounts, key)
		}
		for _, e := range s.Entries {
			if first == 0 || e.BookingDate < first {
				first = e.BookingDate
			}
			last = max(last, e.BookingDate)
		}
		d.entries += len(s.Entries)
		for _, e := range s.Entries {
			if e.BaseType == bank.Credit {
				credits, _ = credits.Add(e.Amount)
			} else {
				debits, _ = debits.Add(e.Amount)
			}
		}
	}
	if d.accounts = strings.Join(accounts, ", "); d.entries > 0 {
		d.days = first.String() + " " + last.String()
	}
	short := func(d decimal.Decimal) string { return d.String() }
	if n := len(f.Statements); n > 0 {
		d.opening, d.closing = money(f.Statements[0].Opening), money(f.Statements[n-1].Closing)
	}
	d.credits, d.debits = short(credits), short(debits)
	refused := f.Rejected
	if whole != nil {
		refused = append(refused, whole)
	}
	for _, r := range refused {
		d.refused = append(d.refused, fmt.Sprint(r.Line, " ", r.Message))
	}
	// what the table gives shorter: 9 for 9.00, and the beginning of a reason
	for _, w := range wanted {
		if w.file != file {
			continue
		}
		for i, s := range []*string{&d.credits, &d.debits} {
			want := []string{w.credits, w.debits}[i]
			if a, err := decimal.Parse(want); err == nil && a.Cmp([]decimal.Decimal{credits, debits}[i]) == 0 {
				*s = want
			}
		}
		for i := range d.refused {
			if i < len(w.refused) && strings.HasPrefix(d.refused[i], w.refused[i]) {
				d.refused[i] = w.refused[i]
			}
		}
	}
	return d
}

func money(b *Balance) string {
	if b == nil {
		return ""
	}
	return fmt.Sprint(b.Amount, " ", b.Currency)
}
