package statement

import (
	"strings"
	"testing"
)

// Other shapes in which banks give the formats that are no CSV; what is in them is invented.
func TestShapes(t *testing.T) {
	camt08 := func(message, statement, version, entries string) string {
		return `<?xml version="1.0" encoding="UTF-8"?>
<ns2:Document xmlns:ns2="urn:iso:std:iso:20022:tech:xsd:` + version + `"><ns2:` + message + `><ns2:` + statement + `><ns2:Id>S1</ns2:Id>
<ns2:Acct><ns2:Id><ns2:IBAN>DE89370400440532013000</ns2:IBAN></ns2:Id><ns2:Ccy>EUR</ns2:Ccy></ns2:Acct>
` + strings.NewReplacer("</", "</ns2:", "<", "<ns2:").Replace(entries) + `</ns2:` + statement + `></ns2:` + message + `></ns2:Document>`
	}
	mt := func(lines string) string {
		return "{1:F01BANKDEFFAXXX0000000000}{2:I940BANKDEFFXXXXN}{4:\r\n:20:STARTUMS\r\n:25:37040044/532013000\r\n:28C:1/1\r\n:60F:C260130EUR100,00\r\n" +
			strings.ReplaceAll(lines, "\n", "\r\n") + "\r\n:62F:C260131EUR96,80\r\n-}\r\n"
	}
	for name, c := range map[string]struct{ data, want string }{
		"CAMT with several payments in an entry": {camt08("BkToCstmrStmt", "Stmt", "camt.053.001.10", `<Ntry><NtryRef>1</NtryRef><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-01-30</Dt></BookgDt><ValDt><Dt>2026-01-30</Dt></ValDt><AcctSvcrRef>R-1</AcctSvcrRef>
<NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch><TxDtls><Amt Ccy="EUR">40.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><RltdPties><Dbtr><Pty><Nm>Max</Nm></Pty></Dbtr><DbtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></DbtrAcct></RltdPties><RmtInf><Ustrd>one</Ustrd></RmtInf></TxDtls>
<TxDtls><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><RltdPties><Dbtr><Pty><Nm>Anna</Nm></Pty></Dbtr></RltdPties><RmtInf><Ustrd>two</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><DtTm>2026-01-31T23:30:00.000+01:00</DtTm></BookgDt></Ntry>`), `CAMT053
DE89370400440532013000/  EUR BANK  S1 "" 2026-01-30..2026-01-31  ->
4 2026-01-30 2026-01-30 CREDIT 30.00 EUR|one two| |
  CREDIT 40.00 one|Max
  DEBIT 10.00 two|Anna
7 2026-01-31  DEBIT 5.00 EUR|| |`},
		"CAMT.054, a batch": {camt08("BkToCstmrDbtCdtNtfctn", "Ntfctn", "camt.054.001.08", `<Ntry><Amt Ccy="EUR">3.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-01-30</Dt></BookgDt>
<NtryDtls><TxDtls><Refs><AcctSvcrRef>A</AcctSvcrRef></Refs><Amt Ccy="EUR">1.00</Amt></TxDtls></NtryDtls><NtryDtls><TxDtls><Refs><AcctSvcrRef>B</AcctSvcrRef></Refs><Amt Ccy="EUR">2.00</Amt></TxDtls></NtryDtls></Ntry>`), `CAMT054
DE89370400440532013000/  EUR BANK  S1 "" 2026-01-30..2026-01-30  ->
4 2026-01-30  CREDIT 3.00 EUR|| |
  CREDIT 1.00
  CREDIT 2.00`},
		"CAMT, a reversal": {camt08("BkToCstmrStmt", "Stmt", "camt.053.001.08", `<Ntry><Amt Ccy="EUR">59.90</Amt><CdtDbtInd>CRDT</CdtDbtInd><RvslInd>true</RvslInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-01-30</Dt></BookgDt>
<NtryDtls><TxDtls><RltdPties><Dbtr><Pty><Nm>Erika</Nm></Pty></Dbtr><Cdtr><Pty><Nm>Stadtwerke</Nm></Pty></Cdtr></RltdPties><RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf><AddtlTxInf>Return</AddtlTxInf></TxDtls></NtryDtls></Ntry>`), `CAMT053
DE89370400440532013000/  EUR BANK  S1 "" 2026-01-30..2026-01-30  ->
4 2026-01-30  CREDIT 59.90 EUR|Return|Stadtwerke |
  CREDIT Return|Stadtwerke`},
		"CAMT, what is not booked": {camt08("BkToCstmrAcctRpt", "Rpt", "camt.052.001.08", strings.Repeat(`<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>INFO</Cd></Sts><ValDt><Dt>2026-01-30</Dt></ValDt></Ntry>
`, 1)+`<Ntry><Amt Ccy="EUR">2.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>PDNG</Cd></Sts><ValDt><Dt>2026-01-30</Dt></ValDt></Ntry>
<Ntry><Amt Ccy="EUR">4.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>OTHR</Cd></Sts><ValDt><Dt>2026-01-30</Dt></ValDt></Ntry>`), `CAMT052
DE89370400440532013000/  EUR BANK  S1 "" 2026-01-30..2026-01-30  ->
5 2026-01-30 2026-01-30 DEBIT 2.00 EUR|| |
statement line 6: The status (Sts) is not BOOK, PDNG, FUTR or INFO
warning {statement 4 The entry is for information only and was left out}`},
		"MT940, the sides": {mt(":61:260131D1,00NTRFNONREF\n:61:2601310130RC1,NTRFNONREF//B1\n:61:2601310131RDR0,50NTRFNONREF\n:61:260131CR0,30NTRFNONREF\n:61:260131EC9,99NTRFNONREF\n:61:2601010102D2,00NTRFNONREF"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 1.00 EUR|| |
7 2026-01-30 2026-01-31 DEBIT 1.00 EUR|| |
8 2026-01-31 2026-01-31 CREDIT 0.50 EUR|| |
9 2026-01-31 2026-01-31 CREDIT 0.30 EUR|| |
10 2026-01-31 2026-01-31 CREDIT 9.99 EUR|| |
11 2026-01-02 2026-01-01 DEBIT 2.00 EUR|| |`},
		"MT940, German": {mt(":61:2601310131DR3,20N005NONREF//2026013112345678\n:86:105?00FOLGELASTSCHRIFT?109300?20EREF+E-1?21KREF+K-1?22MREF+M-1?23CRED+DE98ZZZ09999999999?24SVWZ+Abschlag Januar 20\n26?25 Kundennummer 4711?26ABWA+Strom Nord?30BYLADEM1001?31DE02120300000000202051?32Stadtwerke Nord?33 GmbH?34992?60 und mehr?61!"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Abschlag Januar 2026 Kundennummer 4711|Stadtwerke Nord GmbH DE02120300000000202051|FOLGELASTSCHRIFT  105`},
		"MT940, the code alone": {mt(":61:2601310131DR3,20N005NONREF\n:86:105\n?00LASTSCHRIFT?20SVWZ+Kaffee?32Nord"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Kaffee|Nord |LASTSCHRIFT  105`},
		"MT940, SEPA words": {mt(":61:2601310131DR1,20NTRFNONREF\n:86:/EREF//SVWZ/Kaffee im Januar/NAME/Nord/IBAN/DE02120300000000202051\n:61:2601310131DR2,00NTRFNONREF\n:86:EREF+E-1 MREF+M-1 SVWZ+Kaffee im Februar"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 1.20 EUR|Kaffee im Januar|Nord DE02120300000000202051|
8 2026-01-31 2026-01-31 DEBIT 2.00 EUR|Kaffee im Februar| |`},
		"MT940, Dutch": {mt(":61:2601310131D3,20NTRFNONREF//26031\n/TRCD/01016/\n:86:/TRTP/SEPA OVERBOEKING/IBAN/NL02ABNA0123456789/BIC/ABNANL2A/NAME/Kaffee\nNoord BV/REMI/Koffie januari/EREF/E-1\n:61:2601310131D0,00NTRFEREF//26032\n:86:/EREF/E-2//MARF/M-2//CSID/NL00ZZZ0//CNTP/NL91ABNA0417164300/ABNANL2A/Stroom BV///REMI/USTD//Voorschot/"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Koffie januari|KaffeeNoord BV NL02ABNA0123456789|SEPA OVERBOEKING
10 2026-01-31 2026-01-31 DEBIT 0.00 EUR|Voorschot|Stroom BV NL91ABNA0417164300|`},
		"MT940, Polish": {mt(":61:2601310131D3,20NTRFNONREF\n:86:020~00VE02\n~20Kawa ~21styczen~2200000000000000000000000000\n~3010901014~310000071219812874\n~32KAWIARNIA POLNOC~33UL. DLUGA 1\n~38PL61109010140000071219812874"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Kawa styczen 00000000000000000000000000|KAWIARNIA POLNOC UL. DLUGA 1 PL61109010140000071219812874|VE02`},
		"MT940, the other account below": {mt(":61:2601310131D3,20N526NONREF//26031\nNL02ABNA0123456789\n:86:Koffie\n:61:2601310131D0,00N526NONREF//26032\n4111111111111080\n:86:Kaart"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Koffie| NL02ABNA0123456789|
9 2026-01-31 2026-01-31 DEBIT 0.00 EUR|Kaart| |`},
		"MT940, plain lines": {mt(":61:2601310131D3,20NTRFNONREF\n:86:Kaffee\nund Kuchen\n" + strings.Repeat("x", 64) + "y\nz"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Kaffee und Kuchen ` + strings.Repeat("x", 64) + `yz| |`},
		"MT940, numbered lines": {mt(":61:2601310131D3,20NTRFNONREF\n:86:\n:NS:01Kaffee\n14Januar\n15Nord\n16licht\n17LASTSCHRIFT\n34DE02120300000000202051\n99x"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Kaffee Januar|Nordlicht DE02120300000000202051|LASTSCHRIFT`},
		"CSV, a side of its own": {"Datum;Text;Betrag;Soll/Haben\n31.01.2026;one;1,00;S\n30.01.2026;two;2,00;H\n29.01.2026;three;3,00;\n28.01.2026;four;4,00;S\n", `CSV
/  EUR BANK   "" 2026-01-28..2026-01-31  ->
5 2026-01-28  DEBIT 4.00 EUR|four| |
3 2026-01-30  CREDIT 2.00 EUR|two| |
2 2026-01-31  DEBIT 1.00 EUR|one| |
statement line 4: The line does not tell whether it is a debit or a credit`},
		"CSV, what did not happen": {"Date;Text;Amount;Status\n2026-01-31;one;-1.00;Booked\n2026-01-30;two;-2.00;Declined\n2026-01-29;three;-3.00;Pending\n2026-01-28;four;-4.00;Cancelled\n2026-01-27;five;-5.00;REVERTED\n", `CSV
/  EUR BANK   "" 2026-01-29..2026-01-31  ->
4 2026-01-29  DEBIT 3.00 EUR|three| |
2 2026-01-31  DEBIT 1.00 EUR|one| |
warning {statement 3 The entry moved no money and was left out}
warning {statement 5 The entry moved no money and was left out}
warning {statement 6 The entry moved no money and was left out}`},
		"CSV, what did not touch the balance": {"Date,Name,Type,Status,Currency,Gross,Fee,Net,Transaction ID,Balance Impact\n31/01/2026,Shop,General Authorization,Pending,EUR,-20.00,0.00,-20.00,A1,Memo\n31/01/2026,Shop,Payment,Completed,EUR,-20.00,0.00,-20.00,A2,Debit\n" +
			"30/01/2026,Shop,Payment,Denied,EUR,-3.00,0.00,-3.00,A3,Debit\n30/01/2026,Shop,Payment,Voided,EUR,-4.00,0.00,-4.00,A4,Debit\n30/01/2026,Shop,Payment,Expired,EUR,-5.00,0.00,-5.00,A5,Debit\n29/01/2026,Buyer,Payment,Completed,EUR,10.00,-0.35,9.65,A6,Credit\n", `CSV
/  EUR BANK   "" 2026-01-29..2026-01-31  ->
7 2026-01-29  CREDIT 9.65 EUR|Payment|Buyer |Payment
3 2026-01-31  DEBIT 20.00 EUR|Payment|Shop |Payment
warning {statement 2 The entry moved no money and was left out}
warning {statement 4 The entry moved no money and was left out}
warning {statement 5 The entry moved no money and was left out}
warning {statement 6 The entry moved no money and was left out}`},
		"CSV, both sides": {"Date;Text;Debit;Credit\n2026-01-31;one;1.00;0.00\n2026-01-30;two;;2.00\n2026-01-29;three;3.00;3.00\n2026-01-28;four;;\n2026-01-27;five;0.00;0.00\n2026-01-26;six;x;\n2026-01-25;seven;-7.00;\n", `CSV
/  EUR BANK   "" 2026-01-25..2026-01-31  ->
8 2026-01-25  DEBIT 7.00 EUR|seven| |
6 2026-01-27  CREDIT 0.00 EUR|five| |
3 2026-01-30  CREDIT 2.00 EUR|two| |
2 2026-01-31  DEBIT 1.00 EUR|one| |
statement line 4: The line has both a debit and a credit
statement line 5: The amount is missing or is no decimal number
statement line 7: The amount is missing or is no decimal number`},
		"MT940, Rabobank": {mt(":61:2601310131D3,20N654EREF//2026\nNL02ABNA0123456789\n:86:Koffie\n:61:2601310131D0,00N102NONREF          Koffie Noord"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Koffie| NL02ABNA0123456789|
9 2026-01-31 2026-01-31 DEBIT 0.00 EUR||Koffie Noord |`},
		"MT940, little text": {mt(":61:2601310131DR1,20NTRFNONREF\n:86:105?00LASTSCHRIFT?20EREF+E-1?21MREF+M-1\n:61:2601310131DR2,00NTRFNONREF\nBANK'S WORD\n:61:2601310131D0,00NTRFNONREF\n:86:/4711/ no code word\n:61:2601310131D0,00NTRFNONREF\n:86:166?20KREF+K-1 MTLG:Dank"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 1.20 EUR|E-1| |LASTSCHRIFT  105
8 2026-01-31 2026-01-31 DEBIT 2.00 EUR|BANK'S WORD| |
10 2026-01-31 2026-01-31 DEBIT 0.00 EUR|/4711/ no code word| |
12 2026-01-31 2026-01-31 DEBIT 0.00 EUR|MTLG:Dank| |  166`},
		"MT940, fields of :NS:": {mt(":61:2601310131DR3,20NTRFNONREF\n:NS:01Kaffee \n14im Januar\n15Nord\n16 GmbH\n17LASTSCHRIFT\n18no such field\n34532013999\nx"), `MT940
/532013000 37040044 EUR BANK  STARTUMS 1/1 "" 2026-01-30..2026-01-31 100.00 EUR -> 96.80 EUR
6 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Kaffee im Januar|Nord GmbH 532013999|LASTSCHRIFT`},
		"MT942, totals that do not fit": {":20:A\n:25:37040044/532013000\n:28C:1/1\n:34F:EURD0,\n:61:2601310131D3,20NTRFNONREF\n:90D:1EUR3,21\n:90C:1EUR0,\n-\n", `MT940
/532013000 37040044 EUR BANK  A 1/1 "" 2026-01-31..2026-01-31  ->
5 2026-01-31 2026-01-31 DEBIT 3.20 EUR|| |
warning {statement 1 The entries do not give the count and sum in :90C:}
warning {statement 1 The entries do not give the count and sum in :90D:}`},
		"MT942": {":20:A\n:25:37040044/532013000\n:28C:1/1\n:34F:EUR0,\n:13D:2601311200+0100\n:61:2601310131D3,20NTRFNONREF\n:86:Kaffee\n:90D:1EUR3,20\n:90C:0EUR0,\n-\n", `MT940
/532013000 37040044 EUR BANK  A 1/1 "" 2026-01-31..2026-01-31  ->
6 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Kaffee| |`},
		"OFX, investments": {"OFXHEADER:100\n\n<OFX><INVSTMTMSGSRSV1><INVSTMTTRNRS><INVSTMTRS><DTASOF>20260131<CURDEF>USD<INVACCTFROM><BROKERID>x.example<ACCTID>1</INVACCTFROM>\n<INVTRANLIST><DTSTART>20260101<DTEND>20260131\n" +
			"<BUYSTOCK><INVBUY><INVTRAN><FITID>1<DTTRADE>20260102</INVTRAN><TOTAL>-100.00</INVBUY></BUYSTOCK>\n<INVBANKTRAN><STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260103<TRNAMT>5.00<FITID>2<NAME>Dividend</STMTTRN><SUBACCTFUND>CASH</INVBANKTRAN>\n" +
			"<SELLSTOCK><INVSELL><TOTAL>1</INVSELL></SELLSTOCK></INVTRANLIST></INVSTMTRS></INVSTMTTRNRS></INVSTMTMSGSRSV1></OFX>", `OFX
/1  USD INVESTMENT   "" 2026-01-01..2026-01-31  ->
6 2026-01-03  CREDIT 5.00 USD|Dividend|Dividend |CREDIT
statement line 5: Investments (INVTRANLIST) are not read, only the money that came and went`},
		"OFX, currencies": {"OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>37040044<ACCTID>532013000</BANKACCTFROM><BANKTRANLIST>\n" +
			"<STMTTRN><DTPOSTED>20260131<TRNAMT>-10.00<FITID>1<NAME>Shop<ORIGCURRENCY><CURRATE>1.1<CURSYM>USD</ORIGCURRENCY></STMTTRN>\n" +
			"<STMTTRN><DTPOSTED>20260131<TRNAMT>-11.00<FITID>2<NAME>Shop<CURRENCY><CURRATE>1.1<CURSYM>USD</CURRENCY></STMTTRN></BANKTRANLIST></STMTRS></OFX>", `OFX
/532013000 37040044 EUR BANK   "" 2026-01-31..2026-01-31  ->
4 2026-01-31  DEBIT 10.00 EUR|Shop|Shop |
statement line 5: The amount is in another currency than the account (CURRENCY/CURSYM)`},
		"OFX, refused by the bank": {"OFXHEADER:100\n\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>15500\n<SEVERITY>ERROR<MESSAGE>Signon invalid</STATUS></SONRS></SIGNONMSGSRSV1></OFX>", `statement line 4: The bank answered with an error in place of a statement (STATUS)`},
		"QFX": {"OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nCHARSET:1252\n\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><INTU.BID>3000<INTU.USERID>x</SONRS></SIGNONMSGSRSV1><CREDITCARDMSGSRSV1><CCSTMTTRNRS><CCSTMTRS><CURDEF>USD<CCACCTFROM><ACCTID>4444</CCACCTFROM>\n" +
			"<BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260131120000[0:GMT]<TRNAMT>-3.20<FITID>1<NAME>AT&T &amp; CO<INTU.ORG>1</STMTTRN></BANKTRANLIST></CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1></OFX>", `OFX
/4444  USD CARD CREDIT_CARD  "" 2026-01-31..2026-01-31  ->
7 2026-01-31  DEBIT 3.20 USD|AT&T & CO|AT&T & CO |DEBIT`},
		"QIF, dates and cards": {"!Type:CCard\nD1/ 2'04\nT-3.20\nPCoffee\n^\nD1/13'04\nT-1,000.00\nPRent\n^\n", `QIF
/  EUR CARD CREDIT_CARD  "" 2004-01-02..2004-01-13  ->
2 2004-01-02  DEBIT 3.20 EUR|Coffee|Coffee |
6 2004-01-13  DEBIT 1000.00 EUR|Rent|Rent |`},
		"QIF, several accounts": {"!Option:AutoSwitch\n!Account\nNGiro\nTBank\n^\nNVisa\nTCCard\n^\n!Clear:AutoSwitch\n!Account\nNGiro\nTBank\n^\n!Type:Bank\nD31/01/2026\nT-3.20\nPKaffee\n^\n!Account\nNVisa\nTCCard\n^\n!Type:CCard\nD30/01/2026\nT-9.00\nPKino\n^\n", `QIF
/  EUR BANK   "Giro" 2026-01-31..2026-01-31  ->
15 2026-01-31  DEBIT 3.20 EUR|Kaffee|Kaffee |
/  EUR CARD CREDIT_CARD  "Visa" 2026-01-30..2026-01-30  ->
24 2026-01-30  DEBIT 9.00 EUR|Kino|Kino |`},
		"texts that are formulas": {"Date,Text,Amount\n2026-01-31,\"=HYPERLINK(\"\"http://x.example\"\",\"\"x\"\")\",1.00\n2026-01-31,@SUM(A1),2.00\n2026-01-31,+49 30 1,3.00\n2026-01-31,x,=1+1\n", `CSV
/  EUR BANK   "" 2026-01-31..2026-01-31  ->
2 2026-01-31  CREDIT 1.00 EUR|=HYPERLINK("http://x.example","x")| |
3 2026-01-31  CREDIT 2.00 EUR|@SUM(A1)| |
4 2026-01-31  CREDIT 3.00 EUR|+49 30 1| |
statement line 5: The amount is missing or is no decimal number`},
		"a comma that is no comma": {"Date,Text,Amount\n2026-01-31,Shop,-5,00\n2026-01-31,Shop, Berlin,-5.00\n2026-01-31,Shop,-5.00,,\n", `CSV
/  EUR BANK   "" 2026-01-31..2026-01-31  ->
4 2026-01-31  DEBIT 5.00 EUR|Shop| |
statement line 2: The line has more fields than there are columns: a text or a decimal number with the delimiter in it is not in quotation marks
statement line 3: The line has more fields than there are columns: a text or a decimal number with the delimiter in it is not in quotation marks`},
		"a line end in a text": {"Date;Text;Amount\r\n2026-01-31;\"one\r\ntwo;three\";1,00\r\n2026-01-30;x;2,00\r\n", `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
4 2026-01-30  CREDIT 2.00 EUR|x| |
2 2026-01-31  CREDIT 1.00 EUR|one two;three| |`},
		"texts that go on": {"Date;Text;Amount\n2026-01-30;one;1,00\n;two;\n;three;\n2026-01-31;x;2,00\n", `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  CREDIT 1.00 EUR|one two three| |
5 2026-01-31  CREDIT 2.00 EUR|x| |`},
		"a line that is none": {"Date;Text;Name;Amount\n2026-01-30;one;Shop;1,00\n;two;Other;\n2026-01-31;;Shop;2,00\n", `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  CREDIT 1.00 EUR|one|Shop |
4 2026-01-31  CREDIT 2.00 EUR|Shop|Shop |
warning {statement 3 The line is no entry and was left out}`},
		"no balance over a gap": {"Date;Amount;Balance\n2026-01-30;1,00;1,00\n2026-01-31;5,00;6,00;x\n2026-01-31;2,00;3,00\n", `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  CREDIT 1.00 EUR|| |
4 2026-01-31  CREDIT 2.00 EUR|| |
statement line 3: The line has more fields than there are columns: a text or a decimal number with the delimiter in it is not in quotation marks`},
		"a CSV's account, above": {"Konto:;=\"DE89370400440532013000\"\nSaldo inicial;5,00\nWährung;CHF\nKontostand;8,00\nSaldo;9,00\n\nBuchungstag;Betrag\n30.01.2026;1,00\n", `CSV
DE89370400440532013000/  CHF BANK   "" 2026-01-30..2026-01-30  -> 8.00 CHF
8 2026-01-30  CREDIT 1.00 CHF|| |`},
		"a CSV's parties": {"Date,Partner,IBAN,Amount\n2026-01-30,Shop,DE02120300000000202051,-1.00\n2026-01-31,Employer,,2.00\n", `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  DEBIT 1.00 EUR|Shop|Shop DE02120300000000202051|
3 2026-01-31  CREDIT 2.00 EUR|Employer|Employer |`},
		"a CSV's own account": {"Date,Counterparty,IBAN,Amount\n2026-01-30,DE02120300000000202051,DE89370400440532013000,-1.00\n", `CSV
DE89370400440532013000/  EUR BANK   "" 2026-01-30..2026-01-30  ->
2 2026-01-30  DEBIT 1.00 EUR|| DE02120300000000202051|`},
		"mixed line ends": {"Date;Text;Amount\r2026-01-31;one;1,00\n2026-01-30;two;2,00\r\r\n2026-01-29;three;3,00\r\n2026-01-28;four;4,00\r", `CSV
/  EUR BANK   "" 2026-01-28..2026-01-31  ->
5 2026-01-28  CREDIT 4.00 EUR|four| |
4 2026-01-29  CREDIT 3.00 EUR|three| |
3 2026-01-30  CREDIT 2.00 EUR|two| |
2 2026-01-31  CREDIT 1.00 EUR|one| |`},
		"years of two digits": {"Datum;Text;Betrag\n31.12.69;x;1,00\n01.01.70;x;2,00\n31.12.99;x;3,00\n", `CSV
/  EUR BANK   "" 1970-01-01..2069-12-31  ->
4 1999-12-31  CREDIT 3.00 EUR|x| |
3 1970-01-01  CREDIT 2.00 EUR|x| |
2 2069-12-31  CREDIT 1.00 EUR|x| |`},
	} {
		f, whole := read(t, strings.NewReader(c.data), Options{Currency: "EUR"})
		got := describeAll(f)
		if whole != nil {
			got = whole.Error()
		}
		if tight(got) != tight(c.want) {
			t.Errorf("%s\n got %s\nwant %s", name, got, c.want)
		}
	}
}

// Dates and amounts as the programs write them that make OFX; "" is none.
func TestOFXValues(t *testing.T) {
	for s, want := range map[string]string{"20260131": "2026-01-31", " 20260131 ": "2026-01-31", "202601312359": "2026-01-31", "20260131120000": "2026-01-31", "20260131235959.999[-5:EST]": "2026-01-31",
		"20260131[+1]": "2026-01-31", "20260131240000": "2026-01-31", "20260131250000": "", "202601311260": "", "2026013112": "", "2026013": "", "20260230": "", "2026-1-31": "", "202601311x00": "", "": ""} {
		got := ""
		if d, ok := ofxDate(s); ok {
			got = d.String()
		}
		if got != want {
			t.Errorf("date %q: %q, want %q", s, got, want)
		}
	}
	for s, want := range map[string]string{"-1234.50": "-1234.50", "-1234,50": "-1234.50", "+5": "5", "1,234.50": "1234.50", "1.234,50": "1234.50", "1,234,567.89": "1234567.89", "1.234.567,89": "1234567.89",
		"$5": "", "1e3": "", "": "", "--5": ""} {
		got := ""
		if a, ok := ofxAmount(s); ok {
			got = a.String()
		}
		if got != want {
			t.Errorf("amount %q: %q, want %q", s, got, want)
		}
	}
}

// The kinds of OFX that say what was done are kept as codes, which categories rest on.
func TestOFXKinds(t *testing.T) {
	for kind, want := range map[string]string{"ATM": "PMNT-CCRD-CWDL", "CASH": "PMNT-CCRD-CWDL", "FEE": "ACMT-MDOP-FEES", "SRVCHG": "ACMT-MDOP-FEES", "INT": "ACMT-MDOP-INTR", "DIV": "SECU-CUST-DVCA",
		"DEBIT": "", "POS": "", "XFER": "", "PAYMENT": ""} {
		data := "OFXHEADER:100\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>1<ACCTID>2</BANKACCTFROM><BANKTRANLIST><STMTTRN><TRNTYPE>" + kind +
			"<DTPOSTED>20260131<TRNAMT>-1.00<FITID>1<NAME>12 MAIN ST</STMTTRN></BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
		f, whole := read(t, strings.NewReader(data), Options{})
		if whole != nil || len(f.Statements) != 1 || len(f.Statements[0].Entries) != 1 || f.Statements[0].Entries[0].BankCode != want {
			t.Errorf("%s: %v\n%s, want %q", kind, whole, describeAll(f), want)
		}
	}
}

// What :25: tells, by which the account is found again.
func TestSwiftAccount(t *testing.T) {
	for s, want := range map[string]Account{
		"37040044/532013000":         {BankCode: "37040044", Number: "532013000"},
		"37040044/532013EUR":         {BankCode: "37040044", Number: "532013EUR"}, // too short to tell
		"1291.99.348EUR":             {Number: "1291.99.348", Currency: "EUR"},
		"37040044/0532013000EUR":     {BankCode: "37040044", Number: "0532013000", Currency: "EUR"},
		"37040044/532013000/CHF":     {BankCode: "37040044", Number: "532013000", Currency: "CHF"},
		"DE89370400440532013000/EUR": {Number: "DE89370400440532013000", Currency: "EUR"},
		"COBADEFF/532013000":         {BIC: "COBADEFF", Number: "532013000"},
		"COBADEFFXXX/532013000":      {BIC: "COBADEFFXXX", Number: "532013000"},
		"KTO/532013000":              {Number: "KTO/532013000"},
		" /532013000/ ":              {Number: "532013000"},
		"DE89370400440532013000":     {Number: "DE89370400440532013000"},
		"DE89370400440532013000EUR":  {Number: "DE89370400440532013000", Currency: "EUR"},
		"DE89370400440532013000XQZ":  {Number: "DE89370400440532013000XQZ"},
	} {
		var got Account
		if swiftAccount(s, &got); got != want {
			t.Errorf("%q: %+v, want %+v", s, got, want)
		}
	}
}

func TestAmounts(t *testing.T) {
	for s, want := range map[string]string{
		"1.234.567,89": "1234567.89", "1'234.50": "1234.50", "-0": "0", "(12.50)": "-12.50", "12.50-": "-12.50", "-12,5 €": "-12.5", "US$ 12.50": "12.50", "12,50 Kč": "12.50",
		"1,00,000.00": "100000.00", "12,34,567.89": "1234567.89", "1,00,00.00": "", "1,0,000.00": "", "1.00.000,00": "",
		"12,50 S": "-12.50", "12,50H": "12.50", "12.50 DR": "-12.50", "12.50 CR": "12.50", "12.-": "12", "12,--": "12", "1 234,50": "1234.50", "1\u202f234,50": "1234.50", "−3": "-3",
		"1e9": "", "1e": "", "0x10": "", "1.2.3": "", "12..34": "", "--1": "", "-1-": "", "(-1)": "", "": "", "-": "", "abc": "", "1 23": "", "NaN": "", "٣": "", "=1+1": "",
	} {
		var d decimals
		d.see(s)
		point, group := d.decide("EUR")
		amount, ok := parseAmount(s, point, group)
		if got := map[bool]string{true: amount.String()}[ok]; got != want {
			t.Errorf("%q is %s, want %s", s, got, want)
		}
	}
}

func TestCheckMapping(t *testing.T) {
	good := Mapping{Delimiter: ";", Skip: 3, Decimal: ",", Dates: "DMY", Columns: []MappedColumn{{ColumnDate, "1"}, {ColumnDebit, "Soll"}, {ColumnCredit, "Haben"}}}
	if faults := CheckMapping("mapping", good); len(faults) > 0 {
		t.Error(faults)
	}
	for field, m := range map[string]Mapping{
		"mapping.delimiter": {Delimiter: ";;"}, "mapping.skip": {Skip: -1}, "mapping.decimal": {Decimal: "x"}, "mapping.dates": {Dates: "YDM"},
		"mapping.columns": {Columns: []MappedColumn{{ColumnDate, "1"}}},
	} {
		faults := CheckMapping("mapping", m)
		if len(faults) != 1 || faults[0].Field != field {
			t.Errorf("%s: %v", field, faults)
		}
		if _, err := Open(strings.NewReader("Date,Amount\n2026-01-01,1\n"), Options{Currency: "EUR", Mapping: &m}); err == nil || !strings.HasPrefix(err.Error(), "statement line 1: The mapping is wrong") {
			t.Errorf("%s: %v", field, err)
		}
	}
	for field, m := range map[string]Mapping{
		"m.columns":          {Columns: []MappedColumn{{ColumnDate, "1"}}},
		"m.columns.1.name":   {Columns: []MappedColumn{{ColumnDate, "1"}, {ColumnAmount, ""}}},
		"m.columns.2.column": {Columns: []MappedColumn{{ColumnDate, "1"}, {ColumnAmount, "2"}, {"shoe", "3"}}},
		"m.columns.0.name":   {NoHeader: true, Columns: []MappedColumn{{ColumnDate, "Date"}, {ColumnAmount, "2"}}},
	} {
		if faults := CheckMapping("m", m); len(faults) != 1 || faults[0].Field != field {
			t.Errorf("%s: %v", field, faults)
		}
	}
	for why, columns := range map[string][]MappedColumn{
		"column of description is not there (mapping.columns.1)": {{ColumnDate, "When"}, {ColumnDescription, "What"}, {ColumnAmount, "Sum"}},
		"No line has all columns":                                {{ColumnDate, "When"}, {ColumnAmount, "5"}},
	} {
		if _, err := Open(strings.NewReader("When;Sum\n2026-01-02;1\n;;;;\n"), Options{Currency: "EUR", Mapping: &Mapping{Columns: columns}}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if len(CheckMapping("", Mapping{NoHeader: true, Columns: []MappedColumn{{ColumnDate, "1"}, {ColumnAmount, "Betrag"}}})) == 0 {
		t.Error("without a line of names there can be none")
	}
}

// A word that is not folded is never found, and one of two columns is found by chance.
func TestColumnNames(t *testing.T) {
	of := map[string]Column{}
	for column, names := range columnNames {
		for _, n := range strings.Split(names, "|") {
			if other, twice := of[n]; twice {
				t.Errorf("%q is of %s and %s", n, other, column)
			}
			if fold(n) != n {
				t.Errorf("%q of %s must be written %q", n, column, fold(n))
			}
			of[n] = column
		}
	}
}
