package statement

import (
	"strings"
	"testing"

	"insightgraph/bank"
)

// The files below are shaped like the exports of the banks that they are named for; what is in them is invented.
func TestBanks(t *testing.T) {
	for name, c := range map[string]struct {
		data, want string
	}{
		"N26": {`"Booking Date","Value Date","Partner Name","Partner Iban",Type,"Payment Reference","Account Name","Amount (EUR)","Original Amount","Original Currency","Exchange Rate"
2026-01-30,2026-01-30,"Arbeit & Lohn GmbH",DE02120300000000202051,"Credit Transfer","Gehalt, Januar","Main Account",2100.00,,,
2026-01-31,2026-01-31,"Kaffee Nord",,Presentment,,"Main Account",-3.20,3.20,EUR,1
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30 2026-01-30 CREDIT 2100.00 EUR|Gehalt, Januar|Arbeit & Lohn GmbH DE02120300000000202051|Credit Transfer
3 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Presentment|Kaffee Nord |Presentment`},
		"ABN AMRO": {`123456789	EUR	20260130	1000,00	950,00	20260130	-50,00	SEPA iDEAL  IBAN: NL91ABNA0417164300 BIC: ABNANL2A  Naam: Winkel Noord  Omschrijving: 123  Kenmerk: 30-01-2026 10:00 123
123456789	EUR	20260131	950,00	2950,00	20260131	2000,00	SEPA Overboeking  IBAN: NL02ABNA0123456789 BIC: ABNANL2A  Naam: Werk BV  Omschrijving: Salaris
`, `CSV
/123456789  EUR BANK   "" 2026-01-30..2026-01-31 1000.00 EUR -> 2950.00 EUR
1 2026-01-30 2026-01-30 DEBIT 50.00 EUR|SEPA iDEAL IBAN: NL91ABNA0417164300 BIC: ABNANL2A Naam: Winkel Noord Omschrijving: 123 Kenmerk: 30-01-2026 10:00 123| |
2 2026-01-31 2026-01-31 CREDIT 2000.00 EUR|SEPA Overboeking IBAN: NL02ABNA0123456789 BIC: ABNANL2A Naam: Werk BV Omschrijving: Salaris| |`},
		"ABN AMRO, from a spreadsheet": {`accountNumber,mutationcode,transactiondate,valuedate,startsaldo,endsaldo,amount,description
123456789,EUR,20260131,20260131,1000,914.5,-85.5,"BEA, Betaalpas Winkel Noord 1234,PAS123"
123456789,EUR,20260130,20260130,500,1000,500,Loon
`, `CSV
/123456789  EUR BANK   "" 2026-01-30..2026-01-31 500.00 EUR -> 914.50 EUR
3 2026-01-30 2026-01-30 CREDIT 500.00 EUR|Loon| |
2 2026-01-31 2026-01-31 DEBIT 85.50 EUR|BEA, Betaalpas Winkel Noord 1234,PAS123| |`},
		"names of an interface": {`transactionId,bookingDate,valueDate,transactionAmount,currencyCode,creditorName,debtorName,remittanceInformationUnstructured
a1,2026-01-31,2026-01-31,-3.20,EUR,Kaffee Nord,,Latte
a2,2026-01-30,2026-01-30,50.00,EUR,,Max Muster,Geschenk
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
3 2026-01-30 2026-01-30 CREDIT 50.00 EUR|Geschenk|Max Muster |
2 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Latte|Kaffee Nord |`},
		"TD Canada": {`01/30/2026,EMPLOYER INC PAY,,2100.00,2950.00
01/29/2026,KAFFEE NORTH,3.20,,850.00
01/28/2026,SEND E-TFR,"1,146.80",,853.20
`, `CSV
/  EUR BANK   "" 2026-01-28..2026-01-30 2000.00 EUR -> 2950.00 EUR
3 2026-01-28  DEBIT 1146.80 EUR|SEND E-TFR| |
2 2026-01-29  DEBIT 3.20 EUR|KAFFEE NORTH| |
1 2026-01-30  CREDIT 2100.00 EUR|EMPLOYER INC PAY| |`},
		"RBC, with a column of amounts for each currency": {`"Account Type","Account Number","Transaction Date","Cheque Number","Description 1","Description 2","CAD$","USD$"
Chequing,01234-5678901,1/30/2026,,"PAYROLL DEPOSIT","EMPLOYER INC",2100.00,
Chequing,01234-5678901,1/29/2026,,"INTERAC PURCHASE","KAFFEE NORTH",-3.20,
Savings,01234-9998901,1/28/2026,12,"US PURCHASE","SHOP",,-10.50
`, `CSV
/01234-5678901  CAD BANK   "" 2026-01-29..2026-01-30  ->
3 2026-01-29  DEBIT 3.20 CAD|INTERAC PURCHASE KAFFEE NORTH| |
2 2026-01-30  CREDIT 2100.00 CAD|PAYROLL DEPOSIT EMPLOYER INC| |
/01234-9998901  USD BANK   "" 2026-01-28..2026-01-28  ->
4 2026-01-28  DEBIT 10.50 USD|US PURCHASE SHOP| |`},
		"Simplii": {`Date, Transaction Details, Funds Out, Funds In
01/30/2026,KAFFEE NORTH,3.20,
01/28/2026,EMPLOYER INC,,2000.00
`, `CSV
/  EUR BANK   "" 2026-01-28..2026-01-30  ->
3 2026-01-28  CREDIT 2000.00 EUR|EMPLOYER INC| |
2 2026-01-30  DEBIT 3.20 EUR|KAFFEE NORTH| |`},
		"ING in Poland, whose account is of the other side": {`"Lista transakcji";;;;;;;;;;;;;;;;;
"Data transakcji";"Data księgowania";"Dane kontrahenta";"Tytuł";"Nr rachunku";"Nazwa banku";"Szczegóły";"Nr transakcji";"Kwota transakcji (waluta rachunku)";"Waluta";"Kwota blokady/zwolnienie blokady";"Waluta";"Kwota płatności w walucie";"Waluta";"Konto";"Saldo po transakcji";"Waluta";;
2026-01-30;2026-01-30;" Praca Sp. z o.o. ";" Wynagrodzenie ";'61109010140000071219812874 ';" Bank ";"";'202601301234567 ';2100,00;PLN;;;;;KONTO Direct;2954,40;PLN;;
2026-01-29;2026-01-29;" Sklep Nord ";" Płatność kartą ";'';"";"";'202601291234567 ';-45,60;PLN;;;;;KONTO Direct;854,40;PLN;;
`, `CSV
/KONTO Direct  PLN BANK   "" 2026-01-29..2026-01-30 900.00 PLN -> 2954.40 PLN
4 2026-01-29  DEBIT 45.60 PLN|Płatność kartą|Sklep Nord |
3 2026-01-30  CREDIT 2100.00 PLN|Wynagrodzenie|Praca Sp. z o.o. 61109010140000071219812874|`},
		"ING in Poland, one account": {`"Data transakcji";"Data księgowania";"Dane kontrahenta";"Tytuł";"Nr rachunku";"Nazwa banku";"Szczegóły";"Kwota transakcji (waluta rachunku)";"Waluta"
2026-01-25;2026-01-25;Praca;Wypłata;'61109010140000071219812874 ';Bank;;12500,50;PLN
`, `CSV
/  PLN BANK   "" 2026-01-25..2026-01-25  ->
2 2026-01-25  CREDIT 12500.50 PLN|Wypłata|Praca 61109010140000071219812874|`},
		"American Express in Canada": {`Date,Date Processed,Description,Cardmember,Amount
14 Feb. 2026,15 Feb. 2026,HOTEL NORTH,M MUSTER,$406.69
16 Feb. 2026,16 Feb. 2026,PAYMENT RECEIVED - THANK YOU,M MUSTER,-$500.00
`, `CSV
/  EUR BANK   "" 2026-02-14..2026-02-16  ->
2 2026-02-14  DEBIT 406.69 EUR|HOTEL NORTH| |
3 2026-02-16  CREDIT 500.00 EUR|PAYMENT RECEIVED - THANK YOU| |`},
		"Rogers": {`"Date","Posted Date","Reference Number","Activity Type","Status","Card Number","Merchant Category Description","Merchant Name","Merchant City","Amount","Rewards"
"2026-03-01","2026-03-02","123","TRANS","APPROVED","************1234","Grocery Stores","SHOP NORTH","HALIFAX","$64.20","0.96"
`, `CSV
/  EUR BANK   "" 2026-03-02..2026-03-02  ->
2 2026-03-02  DEBIT 64.20 EUR|SHOP NORTH|SHOP NORTH |`},
		"BMO, card": {`Following data is valid as of 20260831120000 (Year/Month/Day/Hour/Minute/Second)


Item #,Card #,Transaction Date,Posting Date,Transaction Amount,Description
1,'5191230000001234',20260804,20260805,20.99,SHOP NORTH
2,'5191230000001234',20260806,20260806,-500.0,TRSF FROM/DE ACCT/CPT
`, `CSV
/  EUR BANK   "" 2026-08-05..2026-08-06  ->
5 2026-08-05  DEBIT 20.99 EUR|SHOP NORTH| |
6 2026-08-06  CREDIT 500.00 EUR|TRSF FROM/DE ACCT/CPT| |`},
		"Lloyds, card": {`Date,Date entered,Reference,Description,Amount,
13/07/2026,14/07/2026,40000189,SHOP NORTH            ,39.95,
`, `CSV
/  EUR BANK   "" 2026-07-13..2026-07-13  ->
2 2026-07-13  DEBIT 39.95 EUR|SHOP NORTH| |`},
		"Tesco, card": {`Transaction Date,Posting Date,Billing Amount,Merchant,Merchant City,Reference Number,Debit/Credit Flag,SICMCC Code
15/03/2026,16/03/2026,45.20,SHOP NORTH,LONDON,74123456789,D,5411
17/03/2026,18/03/2026,120.00,PAYMENT RECEIVED,,74123456790,C,0000
`, `CSV
/  EUR BANK   "" 2026-03-16..2026-03-18  ->
2 2026-03-16  DEBIT 45.20 EUR|SHOP NORTH|SHOP NORTH |
3 2026-03-18  CREDIT 120.00 EUR|PAYMENT RECEIVED|PAYMENT RECEIVED |`},
		"a card's bill, by its words": {`REF,TRANSACTION DATE,POSTED DATE,TYPE,DESCRIPTION,Category,AMOUNT
001,2026-08-04,2026-08-05,PURCHASE,SHOP NORTH,Retail,20.99
002,2026-08-06,2026-08-06,PAYMENT,BILL,Payment,-500.00
`, `CSV
/  EUR BANK   "" 2026-08-05..2026-08-06  ->
2 2026-08-05  DEBIT 20.99 EUR|SHOP NORTH| |PURCHASE
3 2026-08-06  CREDIT 500.00 EUR|BILL| |PAYMENT`},
		"a card's bill, by its thanks": {`Date,Description,Amount
14/02/2026,HOTEL NORTH,406.69
16/02/2026,HARTELIJK BEDANKT VOOR UW BETALING,-500.00
`, `CSV
/  EUR BANK   "" 2026-02-14..2026-02-16  ->
2 2026-02-14  DEBIT 406.69 EUR|HOTEL NORTH| |
3 2026-02-16  CREDIT 500.00 EUR|HARTELIJK BEDANKT VOOR UW BETALING| |`},
		"a card whose purchases have a minus": {`Transaction Date,Post Date,Description,Category,Type,Amount,Memo
08/24/2026,08/25/2026,SHOP NORTH,Food,Sale,-20.99,
08/25/2026,08/26/2026,Payment Thank You-Mobile,,Payment,500.00,
`, `CSV
/  EUR BANK   "" 2026-08-25..2026-08-26  ->
2 2026-08-25  DEBIT 20.99 EUR|SHOP NORTH| |Sale
3 2026-08-26  CREDIT 500.00 EUR|Payment Thank You-Mobile| |Payment`},
		"a purse, where nothing has a minus": {`Date,Type,Description,Amount
2026-08-04,Purchase,SHOP NORTH,20.99
2026-08-05,Deposit,FROM BANK,50.00
`, `CSV
/  EUR BANK   "" 2026-08-04..2026-08-05  ->
2 2026-08-04  CREDIT 20.99 EUR|SHOP NORTH| |Purchase
3 2026-08-05  CREDIT 50.00 EUR|FROM BANK| |Deposit`},
		"Scotiabank, unsigned": {`Filter,Date,Description,Sub-description,Status,Type of Transaction,Amount
All,2026-08-04,POS PURCHASE,SHOP NORTH,Posted,Debit,45.67
All,2026-08-05,DEPOSIT,PAYROLL,Posted,Credit,1200.00
`, `CSV
/  EUR BANK   "" 2026-08-04..2026-08-05  ->
2 2026-08-04  DEBIT 45.67 EUR|POS PURCHASE SHOP NORTH| |
3 2026-08-05  CREDIT 1200.00 EUR|DEPOSIT PAYROLL| |`},
		"TD Canada, debits only": {`09/22/2026,CARD PAYMENT,500.00,,1000.00
09/24/2026,SHOP NORTH,80.00,,920.00
`, `CSV
/  EUR BANK   "" 2026-09-22..2026-09-24 1500.00 EUR -> 920.00 EUR
1 2026-09-22  DEBIT 500.00 EUR|CARD PAYMENT| |
2 2026-09-24  DEBIT 80.00 EUR|SHOP NORTH| |`},
		"NAB, whose account is one's own beside a merchant's name": {`Date,Amount,Account Number,,Transaction Type,Transaction Details,Balance,Category,Merchant Name
24 Aug 26,-20.99,123456789,,MISCELLANEOUS DEBIT,V1234 23/08 SHOP NORTH,979.01,Groceries,Shop North
23 Aug 26,1000.00,123456789,,INTER-BANK CREDIT,SALARY,1000.00,Income,
`, `CSV
/123456789  EUR BANK   "" 2026-08-23..2026-08-24 0.00 EUR -> 979.01 EUR
3 2026-08-23  CREDIT 1000.00 EUR|SALARY| |INTER-BANK CREDIT
2 2026-08-24  DEBIT 20.99 EUR|V1234 23/08 SHOP NORTH|Shop North |MISCELLANEOUS DEBIT`},
		"Swedbank in Estonia": {`"Kliendi konto";"Reatüüp";"Kuupäev";"Saaja/Maksja";"Selgitus";"Summa";"Valuuta";"Deebet/Kreedit";"Arhiveerimistunnus";"Tehingu tüüp"
"EE382200221020145685";"10";"23.08.2026";"";"Algsaldo";"0,00";"EUR";"K";"";"AS"
"EE382200221020145685";"20";"23.08.2026";"Töö OÜ";"Palk";"1000,00";"EUR";"K";"202608230001";"M"
"EE382200221020145685";"20";"24.08.2026";"Pood";"Ost";"20,99";"EUR";"D";"202608240001";"K"
"EE382200221020145685";"86";"24.08.2026";"";"Lõppsaldo";"979,01";"EUR";"K";"";"LS"
`, `CSV
EE382200221020145685/  EUR BANK   "" 2026-08-23..2026-08-24  ->
3 2026-08-23  CREDIT 1000.00 EUR|Palk|Töö OÜ |
4 2026-08-24  DEBIT 20.99 EUR|Ost|Pood |
warning {statement 2 The line is a balance or a sum and was left out}
warning {statement 5 The line is a balance or a sum and was left out}`},
		"C6": {`Data Lançamento,Data Contábil,Título,Descrição,Entrada(R$),Saída(R$),Saldo do Dia(R$)
24/08/2026,24/08/2026,Pix enviado,TRANSF,0.00,20.99,979.01
23/08/2026,23/08/2026,Pix recebido,PIX,1000.00,0.00,1000.00
`, `CSV
/  BRL BANK   "" 2026-08-23..2026-08-24  ->
3 2026-08-23  CREDIT 1000.00 BRL|Pix recebido PIX| |
2 2026-08-24  DEBIT 20.99 BRL|Pix enviado TRANSF| |`},
		"Westpac NZ": {`Date,Amount,Other Party,Description,Reference,Particulars,Analysis Code
24/08/2026,-20.99,SHOP NORTH,EFTPOS TRANSACTION,,,
`, `CSV
/  EUR BANK   "" 2026-08-24..2026-08-24  ->
2 2026-08-24  DEBIT 20.99 EUR|EFTPOS TRANSACTION|SHOP NORTH |`},
		"Kiwibank": {`Account number,Effective Date,Transaction Date,Description,Transaction Code,Particulars,Other Party Name,Other Party Account Number,Amount,Balance
38-9000-0123456-00,24-08-2026,24-08-2026,AP#123 TO LANDLORD,AUTOMATIC PAYMENT,Rent,Landlord,12-3456-0012345-00,-500.00,479.01
`, `CSV
/38-9000-0123456-00  EUR BANK   "" 2026-08-24..2026-08-24 979.01 EUR -> 479.01 EUR
2 2026-08-24  DEBIT 500.00 EUR|AP#123 TO LANDLORD Rent|Landlord 12-3456-0012345-00|`},
		"DBS": {`Account Details For:,DBS Savings 123-4-567890
Ledger Balance:,979.01

Transaction Date,Reference,Debit Amount,Credit Amount,Transaction Ref1,Transaction Ref2,Transaction Ref3
24 Aug 2026,POS,20.99, ,NETS QR PAYMENT 123,TO: SHOP NORTH,
`, `CSV
/  EUR BANK   "" 2026-08-24..2026-08-24  -> 979.01 EUR
5 2026-08-24  DEBIT 20.99 EUR|NETS QR PAYMENT 123 TO: SHOP NORTH| |`},
		"ICICI": {`S No.,Value Date,Transaction Date,Cheque Number,Transaction Remarks,Withdrawal Amount(INR),Deposit Amount(INR),Balance(INR)
1,24/08/2026,24/08/2026,-,UPI/123/SHOP NORTH,20.99,0.0,979.01
`, `CSV
/  INR BANK   "" 2026-08-24..2026-08-24 1000.00 INR -> 979.01 INR
2 2026-08-24 2026-08-24 DEBIT 20.99 INR|UPI/123/SHOP NORTH| |`},
		"Axis": {`Tran Date,CHQNO,PARTICULARS,DR,CR,BAL,SOL
24-08-2026,-,UPI/SHOP NORTH,20.99, ,979.01,123
23-08-2026,-,SALARY, ,1000.00,1000.00,123
`, `CSV
/  EUR BANK   "" 2026-08-23..2026-08-24 0.00 EUR -> 979.01 EUR
3 2026-08-23  CREDIT 1000.00 EUR|SALARY| |
2 2026-08-24  DEBIT 20.99 EUR|UPI/SHOP NORTH| |`},
		"Synchrony": {`Transaction Date,Posting Date,Reference Number,Amount,Description
08/24/2026,08/25/2026,P123,20.99,SHOP NORTH
08/25/2026,08/25/2026,P124,-100.00,AUTOMATIC PAYMENT - THANK YOU
`, `CSV
/  EUR BANK   "" 2026-08-25..2026-08-25  ->
2 2026-08-25  DEBIT 20.99 EUR|SHOP NORTH| |
3 2026-08-25  CREDIT 100.00 EUR|AUTOMATIC PAYMENT - THANK YOU| |`},
		"SEB, one column": {`Bokförd;Valutadatum;Text;Typ;Insättningar/uttag;Bokfört saldo
2026-08-24;2026-08-24;KAFFE NORR;Kortköp;-20,99;979,01
`, `CSV
/  EUR BANK   "" 2026-08-24..2026-08-24 1000.00 EUR -> 979.01 EUR
2 2026-08-24 2026-08-24 DEBIT 20.99 EUR|KAFFE NORR| |Kortköp`},
		"T-Bank": {`"Дата операции";"Дата платежа";"Номер карты";"Статус";"Сумма операции";"Валюта операции";"Сумма платежа";"Валюта платежа";"Кэшбэк";"Категория";"MCC";"Описание"
"24.08.2026 12:00:00";"25.08.2026";"*1234";"OK";"-1,00";"USD";"-90,99";"RUB";;"Супермаркеты";"5411";"Магазин"
"24.08.2026 13:00:00";"25.08.2026";"*1234";"FAILED";"-5,00";"RUB";"-5,00";"RUB";;"Супермаркеты";"5411";"Магазин"
`, `CSV
/  RUB BANK   "" 2026-08-25..2026-08-25  ->
2 2026-08-25  DEBIT 90.99 RUB|Магазин| |
warning {statement 3 The entry moved no money and was left out}`},
		"CaixaBank": {`Data,Data valor,Moviment,Més dades,Import,Saldo
24/08/2026,24/08/2026,BOTIGA NORD,,"-20,99EUR","979,01EUR"
`, `CSV
/  EUR BANK   "" 2026-08-24..2026-08-24 1000.00 EUR -> 979.01 EUR
2 2026-08-24 2026-08-24 DEBIT 20.99 EUR|BOTIGA NORD| |`},
		"no names, oldest first": {`2026-01-28;Laden;100.00;;0.00
2026-01-29;Arbeit;;50.00;50.00
`, `CSV
/  EUR BANK   "" 2026-01-28..2026-01-29 100.00 EUR -> 50.00 EUR
1 2026-01-28  DEBIT 100.00 EUR|Laden| |
2 2026-01-29  CREDIT 50.00 EUR|Arbeit| |`},
		"N26 of before": {`"Date","Payee","Account number","Transaction type","Payment reference","Amount (EUR)","Amount (Foreign Currency)","Type Foreign Currency","Exchange Rate"
"2026-01-31","Kaffee Nord","","MasterCard Payment","","-3.2","-3.5","USD","1.09"
`, `CSV
/  EUR BANK   "" 2026-01-31..2026-01-31  ->
2 2026-01-31  DEBIT 3.20 EUR|MasterCard Payment|Kaffee Nord |MasterCard Payment`},
		"Revolut": {`Type,Product,Started Date,Completed Date,Description,Amount,Fee,Currency,State,Balance
CARD_PAYMENT,Current,2026-01-30 10:11:12,2026-01-31 09:00:00,Kaffee Nord,-3.20,0.00,EUR,COMPLETED,96.80
TRANSFER,Current,2026-01-31 12:00:00,2026-01-31 12:00:01,To Max,-10.00,0.50,EUR,COMPLETED,86.30
CARD_PAYMENT,Current,2026-02-01 12:00:00,,Kino,-9.00,0.00,EUR,PENDING,
CARD_PAYMENT,Current,2026-02-01 13:00:00,,Kino,-9.00,0.00,EUR,REVERTED,
TOPUP,Current,2026-02-01 12:00:00,2026-02-01 12:00:00,From Erika,50.00,0.00,USD,COMPLETED,50.00
`, `CSV
/  EUR BANK   "" 2026-01-31..2026-02-01 100.00 EUR -> 86.30 EUR
2 2026-01-31  DEBIT 3.20 EUR|Kaffee Nord| |CARD_PAYMENT
3 2026-01-31  DEBIT 10.50 EUR|To Max| |TRANSFER
4 2026-02-01  DEBIT 9.00 EUR|Kino| |CARD_PAYMENT
/  USD BANK   "" 2026-02-01..2026-02-01 0.00 USD -> 50.00 USD
6 2026-02-01  CREDIT 50.00 USD|From Erika| |TOPUP
warning {statement 5 The entry moved no money and was left out}`},
		"Wise": {`"TransferWise ID",Date,"Date Time",Amount,Currency,Description,"Payment Reference","Running Balance","Exchange From","Exchange To","Exchange Rate","Payer Name","Payee Name","Payee Account Number",Merchant,"Card Last Four Digits","Card Holder Full Name",Attachment,Note,"Total fees","Exchange To Amount","Transaction Type","Transaction Details Type"
CARD-1234,31-01-2026,"31-01-2026 10:00:00.123",-12.50,GBP,"Card transaction of 12.50 GBP issued by Shop",,87.50,,,,,,,"Shop Ltd",4444,Erika Muster,,,0.10,,DEBIT,CARD
TRANSFER-1,30-01-2026,"30-01-2026 10:00:00.123",100.00,GBP,"Received money from Max",Rent,100.00,,,,Max,,,,,,,"my note",0.00,,CREDIT,DEPOSIT
`, `CSV
/  GBP BANK   "" 2026-01-30..2026-01-31 0.00 GBP -> 87.50 GBP
3 2026-01-30  CREDIT 100.00 GBP|Received money from Max Rent|Max |CREDIT
2 2026-01-31  DEBIT 12.50 GBP|Card transaction of 12.50 GBP issued by Shop|Shop Ltd |DEBIT`},
		"PostFinance": {`Datum von:;=01.01.2026
Datum bis:;=31.01.2026
Konto:;="CH2801234000123456789"
Währung:;="CHF"

Datum;Bewegungstyp;Avisierungstext;Gutschrift in CHF;Lastschrift in CHF;Label;Kategorie
31.01.2026;Buchung;"KAUF VOM 30.01.2026 LADEN NORD ZÜRICH";;-12.50;;Lebensmittel
30.01.2026;Gutschrift;"GIRO ARBEIT UND LOHN AG";5000;;;
`, `CSV
CH2801234000123456789/  CHF BANK   "" 2026-01-30..2026-01-31  ->
8 2026-01-30  CREDIT 5000.00 CHF|GIRO ARBEIT UND LOHN AG| |Gutschrift
7 2026-01-31  DEBIT 12.50 CHF|KAUF VOM 30.01.2026 LADEN NORD ZÜRICH| |Buchung`},
		"UBS": {`IBAN:;CH28 0123 4000 1234 5678 9;
Anfangssaldo:;1000.00;
Schlusssaldo:;5987.50;
Bewertet in:;CHF;

Abschlussdatum;Abschlusszeit;Buchungsdatum;Valutadatum;Währung;Belastung;Gutschrift;Einzelbetrag;Saldo;Transaktions-Nr.;Beschreibung1;Beschreibung2;Beschreibung3;Fussnoten;
2026-01-31;12:00:00;2026-01-31;2026-01-31;CHF;-12.50;;;5987.50;1234567TI1234567;"Laden Nord;8001 Zürich";"Debitkartenzahlung";"Kartennummer 4444";;
2026-01-30;;2026-01-30;2026-01-30;CHF;;5000.00;;6000.00;9999999TI9999999;"Arbeit und Lohn AG";"Gutschrift";"Zahlungsgrund: Lohn";;
`, `CSV
CH2801234000123456789/  CHF BANK   "" 2026-01-30..2026-01-31 1000.00 CHF -> 5987.50 CHF
8 2026-01-30 2026-01-30 CREDIT 5000.00 CHF|Arbeit und Lohn AG Gutschrift Zahlungsgrund: Lohn| |
7 2026-01-31 2026-01-31 DEBIT 12.50 CHF|Laden Nord;8001 Zürich Debitkartenzahlung Kartennummer 4444| |`},
		"ING Germany": {`Umsatzanzeige;Datei erstellt am: 31.01.2026 10:00
;Letztes Update: aktuell

IBAN;DE89 3704 0044 0532 0130 00
Kontoname;Girokonto
Bank;ING
Kunde;Erika Muster
Zeitraum;01.01.2026 - 31.01.2026
Saldo;1.096,80;EUR

Sortierung;Datum absteigend

In der CSV-Datei finden Sie alle bereits gebuchten Umsätze. Die vorgemerkten Umsätze werden nicht aufgenommen.

Buchung;Wertstellungsdatum;Auftraggeber/Empfänger;Buchungstext;Verwendungszweck;Saldo;Währung;Betrag;Währung
31.01.2026;30.01.2026;VISA Kaffee Nord;Lastschrift;NR XXXX 1234 KAUFUMSATZ;1.096,80;EUR;-3,20;EUR
30.01.2026;30.01.2026;Arbeit & Lohn GmbH;Gehalt/Rente;Gehalt Januar;1.100,00;EUR;1.100,00;EUR
`, `CSV
DE89370400440532013000/  EUR BANK   "" 2026-01-30..2026-01-31 0.00 EUR -> 1096.80 EUR
17 2026-01-30 2026-01-30 CREDIT 1100.00 EUR|Gehalt Januar|Arbeit & Lohn GmbH |Gehalt/Rente  153
16 2026-01-31 2026-01-30 DEBIT 3.20 EUR|NR XXXX 1234 KAUFUMSATZ|VISA Kaffee Nord |Lastschrift`},
		"ING Netherlands": {`"Datum","Naam / Omschrijving","Rekening","Tegenrekening","Code","Af Bij","Bedrag (EUR)","Mutatiesoort","Mededelingen"
"20260131","Albert Markt 1234","NL91ABNA0417164300","","BA","Af","12,34","Betaalautomaat","Pasvolgnr: 001 31-01-2026"
"20260130","Werk BV","NL91ABNA0417164300","NL02ABNA0123456789","OV","Bij","2000,00","Overschrijving","Naam: Werk BV Omschrijving: Salaris"
`, `CSV
NL91ABNA0417164300/  EUR BANK   "" 2026-01-30..2026-01-31  ->
3 2026-01-30  CREDIT 2000.00 EUR|Naam: Werk BV Omschrijving: Salaris|Werk BV NL02ABNA0123456789|Overschrijving
2 2026-01-31  DEBIT 12.34 EUR|Pasvolgnr: 001 31-01-2026|Albert Markt 1234 |Betaalautomaat`},
		"ING Netherlands in English": {`"Date","Name / Description","Account","Counterparty","Code","Debit/credit","Amount (EUR)","Transaction type","Notifications"
"20260131","Albert Markt 1234","NL91ABNA0417164300","","BA","Debit","12,34","Payment terminal","Card sequence no.: 001"
"20260130","Werk BV","NL91ABNA0417164300","NL02ABNA0123456789","OV","Credit","2000,00","Transfer","Salary"
`, `CSV
NL91ABNA0417164300/  EUR BANK   "" 2026-01-30..2026-01-31  ->
3 2026-01-30  CREDIT 2000.00 EUR|Salary|Werk BV NL02ABNA0123456789|Transfer
2 2026-01-31  DEBIT 12.34 EUR|Card sequence no.: 001|Albert Markt 1234 |Payment terminal`},
		"KBC, which names the owner too": {`Rekeningnummer;Rubrieknaam;Naam;Munt;Afschriftnummer;Datum;Omschrijving;Valuta;Bedrag;Saldo;credit;debet;rekeningnummer tegenpartij;BIC tegenpartij;Naam tegenpartij;Adres tegenpartij;gestructureerde mededeling;Vrije mededeling
BE68539007547034;;MUSTER ERIKA;EUR;1;31/01/2026;GELDOPNAME;31/01/2026;-50,00;937,50;;-50,00;;;;;;;
BE68539007547034;;MUSTER ERIKA;EUR;1;30/01/2026;BETALING LADEN NORD;30/01/2026;-12,50;987,50;;-12,50;BE71096123456769;;LADEN NORD;;;;
`, `CSV
BE68539007547034/  EUR BANK   "" 2026-01-30..2026-01-31 1000.00 EUR -> 937.50 EUR
3 2026-01-30 2026-01-30 DEBIT 12.50 EUR|BETALING LADEN NORD|LADEN NORD BE71096123456769|
2 2026-01-31 2026-01-31 DEBIT 50.00 EUR|GELDOPNAME| |`},
		"BNP Paribas Fortis, with a refused one": {`Volgnummer;Uitvoeringsdatum;Valutadatum;Bedrag;Valuta rekening;Rekeningnummer;Type verrichting;Tegenpartij;Naam van de tegenpartij;Mededeling;Details;Status;Reden van weigering
2026-00002;31/01/2026;01/02/2026;-12,50;EUR;BE68539007547034;Kaartbetaling;;LADEN NORD;;BETALING MET DEBETKAART;Geaccepteerd;
2026-00001;30/01/2026;30/01/2026;-5,00;EUR;BE68539007547034;Domiciliëring;BE71096123456769;WERK BV;X;X;Geweigerd;Onvoldoende saldo
`, `CSV
BE68539007547034/  EUR BANK   "" 2026-01-31..2026-01-31  ->
2 2026-01-31 2026-02-01 DEBIT 12.50 EUR|BETALING MET DEBETKAART|LADEN NORD |Kaartbetaling
warning {statement 3 The entry moved no money and was left out}`},
		"Postbank": {`Konto;Filial-/Kontonummer;IBAN;Währung
Girokonto;123;DE89370400440532013000;EUR

Buchungstag;Wert;Umsatzart;Begünstigter / Auftraggeber;Verwendungszweck;IBAN / Kontonummer;BIC;Kundenreferenz;Mandatsreferenz ;Gläubiger ID;Fremde Gebühren;Betrag;Abweichender Empfänger;Anzahl der Aufträge;Anzahl der Schecks;Soll;Haben;Währung
31.1.2026;30.1.2026;SEPA Lastschrift;Laden Nord;Einkauf;DE02120300000000202051;BYLADEM1001;;;;;-12,50;;;;-12,50;;EUR
`, `CSV
DE89370400440532013000/  EUR BANK   "" 2026-01-31..2026-01-31  ->
5 2026-01-31 2026-01-30 DEBIT 12.50 EUR|Einkauf|Laden Nord DE02120300000000202051|SEPA Lastschrift`},
		"Nordea Sweden": {`Bokföringsdag;Belopp;Avsändare;Mottagare;Namn;Rubrik;Saldo;Valuta
2026/01/31;-12,50;1234 56 78901;;;Kortköp LADEN NORD;987,50;SEK
2026/01/30;1000,00;;1234 56 78901;Werk AB;Lön;1000,00;SEK
`, `CSV
/  SEK BANK   "" 2026-01-30..2026-01-31 0.00 SEK -> 987.50 SEK
3 2026-01-30  CREDIT 1000.00 SEK|Lön|Werk AB |
2 2026-01-31  DEBIT 12.50 SEK|Kortköp LADEN NORD| |`},
		"PKO, whose text goes on in columns without a name": {"\"Data operacji\",\"Data waluty\",\"Typ transakcji\",\"Kwota\",\"Waluta\",\"Saldo po transakcji\",\"Opis transakcji\",\"\",\"\",\"\",\"\"\n" +
			"\"2026-01-31\",\"2026-01-29\",\"P\xb3atno\x9c\xe6 kart\xb9\",\"-12.50\",\"PLN\",\"+987.50\",\"Tytu\xb3:  000001\",\"Lokalizacja: Miasto: \xa3\xf3d\x9f Adres: \xafABKA Z1\",\"\",\"\",\"\"\n" +
			"\"2026-01-30\",\"2026-01-30\",\"Przelew na rachunek\",\"+1000.00\",\"PLN\",\"+1000.00\",\"Rachunek nadawcy: 12 1020\",\"Nazwa nadawcy: Praca SA\",\"Tytu\xb3: WYP\xa3ATA\",\"\",\"\"\n", `CSV
/  PLN BANK   "" 2026-01-30..2026-01-31 0.00 PLN -> 987.50 PLN
3 2026-01-30 2026-01-30 CREDIT 1000.00 PLN|Rachunek nadawcy: 12 1020 Nazwa nadawcy: Praca SA Tytuł: WYPŁATA| |Przelew na rachunek
2 2026-01-31 2026-01-29 DEBIT 12.50 PLN|Tytuł: 000001 Lokalizacja: Miasto: Łódź Adres: ŻABKA Z1| |Płatność kartą`},
		"Fineco": {`Data_Operazione;Data_Valuta;Entrate;Uscite;Descrizione;Descrizione_Completa;Stato;Moneymap
31/01/2026;31/01/2026;;-12,50;PAGAMENTO POS;NEGOZIO NORD MILANO;Contabilizzato;Spesa
`, `CSV
/  EUR BANK   "" 2026-01-31..2026-01-31  ->
2 2026-01-31 2026-01-31 DEBIT 12.50 EUR|PAGAMENTO POS NEGOZIO NORD MILANO| |`},
		"Banca Transilvania": {`Data tranzactie;Data valuta;Descriere;Referinta tranzactiei;Debit;Credit;Sold contabil
2026-01-31;2026-01-31;"Plata la POS MAGAZIN NORD";A1;-12.50;;987.50
`, `CSV
/  EUR BANK   "" 2026-01-31..2026-01-31 1000.00 EUR -> 987.50 EUR
2 2026-01-31 2026-01-31 DEBIT 12.50 EUR|Plata la POS MAGAZIN NORD| |`},
		"Millennium Poland": {`"Numer rachunku/karty","Data transakcji","Data rozliczenia","Rodzaj transakcji","Na konto/Z konta","Odbiorca/Zleceniodawca","Opis","Obciążenia","Uznania","Saldo","Waluta"
"PL61109010140000071219812874","2026-01-30","2026-01-30","PRZELEW","","Praca SA","WYPŁATA","","1000.00","1000.00","PLN"
`, `CSV
PL61109010140000071219812874/  PLN BANK   "" 2026-01-30..2026-01-30 0.00 PLN -> 1000.00 PLN
2 2026-01-30  CREDIT 1000.00 PLN|WYPŁATA|Praca SA |PRZELEW`},
		"Sparkasse, whose own words say what was done": {`"Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";"Beguenstigter/Zahlungspflichtiger";"Kontonummer/IBAN";"BIC (SWIFT-Code)";"Betrag";"Waehrung";"Info"
"DE89370400440532013000";"31.01.26";"31.01.26";"LOHN GEHALT";"ABR 01.2026 PERS 4711";"NORDLICHT GMBH";"DE02120300000000202051";"BYLADEM1001";"2100,00";"EUR";"Umsatz gebucht"
"DE89370400440532013000";"30.01.26";"30.01.26";"BARGELDAUSZAHLUNG";"2026-01-30T10:00 Debitk.0";"SPK NORD";"";"";"-50,00";"EUR";"Umsatz gebucht"
"DE89370400440532013000";"30.01.26";"30.01.26";"ENTGELTABSCHLUSS";"Anlage 01";"";"";"";"-4,95";"EUR";"Umsatz gebucht"
"DE89370400440532013000";"29.01.26";"29.01.26";"RÜCKLASTSCHRIFT";"REF 123";"FIRMA X";"";"";"-15,00";"EUR";"Umsatz gebucht"
"DE89370400440532013000";"29.01.26";"29.01.26";"FOLGELASTSCHRIFT";"Abschlag";"FIRMA X";"";"";"-16,00";"EUR";"Umsatz gebucht"
`, `CSV
DE89370400440532013000/  EUR BANK   "" 2026-01-29..2026-01-31  ->
6 2026-01-29 2026-01-29 DEBIT 16.00 EUR|Abschlag|FIRMA X |FOLGELASTSCHRIFT
5 2026-01-29 2026-01-29 DEBIT 15.00 EUR|REF 123|FIRMA X |RÜCKLASTSCHRIFT  109
4 2026-01-30 2026-01-30 DEBIT 4.95 EUR|Anlage 01| |ENTGELTABSCHLUSS  805
3 2026-01-30 2026-01-30 DEBIT 50.00 EUR|2026-01-30T10:00 Debitk.0|SPK NORD |BARGELDAUSZAHLUNG PMNT-CCRD-CWDL
2 2026-01-31 2026-01-31 CREDIT 2100.00 EUR|ABR 01.2026 PERS 4711|NORDLICHT GMBH DE02120300000000202051|LOHN GEHALT  153`},
		"Bank Austria, who paid and who got it": {`Buchungsdatum;Valutadatum;Buchungstext;Interne Notiz;Währung;Betrag;Belegdaten;Belegnummer;Auftraggebername;Auftraggeberkonto;Auftraggeber BLZ;Empfängername;Empfängerkonto;Empfänger BLZ;Zahlungsgrund
31.01.2026;31.01.2026;KARTENZAHLUNG;;EUR;-12,50;;1;MUSTER ERIKA;AT611904300234573201;;LADEN NORD;AT021100000012345678;;Einkauf
30.01.2026;30.01.2026;GUTSCHRIFT;;EUR;2100,00;;2;WERK GMBH;AT021100000012345678;;MUSTER ERIKA;AT611904300234573201;;Jänner
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
3 2026-01-30 2026-01-30 CREDIT 2100.00 EUR|Jänner|WERK GMBH |GUTSCHRIFT
2 2026-01-31 2026-01-31 DEBIT 12.50 EUR|Einkauf|LADEN NORD |KARTENZAHLUNG`},
		"Nationwide, too": {`"Date","Transaction type","Description","Paid out","Paid in","Balance"
"31 Jan 2026","ATM Withdrawal","LINK HIGH ST 1234","£50.00","","£950.00"
"30 Jan 2026","Visa purchase","SHOP NORD","£5.00","","£1000.00"
"29 Jan 2026","Interest added","to 29 Jan","","£1.05","£1005.00"
`, `CSV
/  EUR BANK   "" 2026-01-29..2026-01-31 1003.95 EUR -> 950.00 EUR
4 2026-01-29  CREDIT 1.05 EUR|to 29 Jan| |Interest added ACMT-MDOP-INTR
3 2026-01-30  DEBIT 5.00 EUR|SHOP NORD| |Visa purchase
2 2026-01-31  DEBIT 50.00 EUR|LINK HIGH ST 1234| |ATM Withdrawal PMNT-CCRD-CWDL`},
		"DKB": {`"Girokonto";"DE89370400440532013000"
"Zeitraum:";"01.01.2026 - 31.01.2026"
"Kontostand vom 31.01.2026:";"1.096,80 €"
""
"Buchungsdatum";"Wertstellung";"Status";"Zahlungspflichtige*r";"Zahlungsempfänger*in";"Verwendungszweck";"Umsatztyp";"IBAN";"Betrag (€)";"Gläubiger-ID";"Mandatsreferenz";"Kundenreferenz"
"31.01.26";"31.01.26";"Gebucht";"Erika Muster";"Kaffee Nord";"VISA Debitkartenumsatz";"Ausgang";"DE02120300000000202051";"-3,20 €";"";"";"1"
"30.01.26";"30.01.26";"Gebucht";"Arbeit & Lohn GmbH";"Erika Muster";"Gehalt";"Eingang";"DE02120300000000202051";"1.100 €";"";"";""
"01.02.26";"";"Vorgemerkt";"Erika Muster";"Kino";"Karte";"Ausgang";"";"-9,00 €";"";"";""
`, `CSV
DE89370400440532013000/  EUR BANK   "" 2026-01-30..2026-02-01  -> 1096.80 EUR
6 2026-01-31 2026-01-31 DEBIT 3.20 EUR|VISA Debitkartenumsatz|Kaffee Nord DE02120300000000202051|Ausgang
7 2026-01-30 2026-01-30 CREDIT 1100.00 EUR|Gehalt|Arbeit & Lohn GmbH DE02120300000000202051|Eingang
8 2026-02-01  DEBIT 9.00 EUR|Karte|Kino |Ausgang`},
		"DKB of before": {`"Kontonummer:";"DE89370400440532013000 / Girokonto";

"Von:";"01.01.2026";
"Bis:";"31.01.2026";
"Kontostand vom 31.01.2026:";"1.096,80 EUR";

"Buchungstag";"Wertstellung";"Buchungstext";"Auftraggeber / Begünstigter";"Verwendungszweck";"Kontonummer";"BLZ";"Betrag (EUR)";"Gläubiger-ID";"Mandatsreferenz";"Kundenreferenz";
"31.01.2026";"31.01.2026";"Lastschrift";"Kaffee Nord";"Karte 1234";"DE02120300000000202051";"BYLADEM1001";"-3,20";"";"";"1";
`, `CSV
DE89370400440532013000/  EUR BANK   "" 2026-01-31..2026-01-31  -> 1096.80 EUR
8 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Karte 1234|Kaffee Nord DE02120300000000202051|Lastschrift`},
		"Sparkasse CAMT": {`"Auftragskonto";"Buchungstag";"Valutadatum";"Buchungstext";"Verwendungszweck";"Glaeubiger ID";"Mandatsreferenz";"Kundenreferenz (End-to-End)";"Sammlerreferenz";"Lastschrift Ursprungsbetrag";"Auslagenersatz Ruecklastschrift";"Beguenstigter/Zahlungspflichtiger";"Kontonummer/IBAN";"BIC (SWIFT-Code)";"Betrag";"Waehrung";"Info"
"DE89370400440532013000";"30.01.26";"30.01.26";"FOLGELASTSCHRIFT";"Abschlag Januar ";"DE98ZZZ09999999999";"M-1";"E-1";"";"";"";"Stadtwerke Nord";"DE02120300000000202051";"BYLADEM1001";"-59,90";"EUR";"Umsatz gebucht"
"DE89370400440532013000";"31.01.26";"02.02.26";"KARTENZAHLUNG";"2026-01-31T10:00 Debitk.1";"";"";"";"";"";"";"KAFFEE NORD";"";"";"-3,20";"EUR";"Umsatz vorgemerkt"
`, `CSV
DE89370400440532013000/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30 2026-01-30 DEBIT 59.90 EUR|Abschlag Januar|Stadtwerke Nord DE02120300000000202051|FOLGELASTSCHRIFT
3 2026-01-31 2026-02-02 DEBIT 3.20 EUR|2026-01-31T10:00 Debitk.1|KAFFEE NORD |KARTENZAHLUNG`},
		"Comdirect": {`;
"Umsätze Girokonto";"Zeitraum: 30 Tage";
"Neuer Kontostand";"1.096,80 EUR";

"Buchungstag";"Wertstellung (Valuta)";"Vorgang";"Buchungstext";"Umsatz in EUR";
"offen";"--";"Kartenverfügung";" Buchungstext: Kino Ref. 1";"-9,00";
"31.01.2026";"31.01.2026";"Lastschrift / Belastung";"Auftraggeber: Kaffee Nord Buchungstext: Kaffee Ref. 4A1/2";"-3,20";

"Alter Kontostand";"1.100,00 EUR";
`, `CSV
/  EUR BANK   "" 2026-01-31..2026-01-31  -> 1096.80 EUR
7 2026-01-31  DEBIT 3.20 EUR|Auftraggeber: Kaffee Nord Buchungstext: Kaffee Ref. 4A1/2| |Lastschrift / Belastung
warning {statement 6 The entry has no date yet and was left out: it is not booked}
warning {statement 9 The line is a balance or a sum and was left out}`},
		"Monzo": {`Transaction ID,Date,Time,Type,Name,Emoji,Category,Amount,Currency,Local amount,Local currency,Notes and #tags,Address,Receipt,Description,Category split,Money Out,Money In
tx_0001,31/01/2026,10:00:00,Card payment,Kaffee Nord,,Eating out,-3.20,GBP,-3.70,EUR,,1 Road,,KAFFEE NORD LONDON,,-3.20,
tx_0002,30/01/2026,09:00:00,Faster payment,Max,,Income,100.00,GBP,100.00,GBP,rent,,,RENT,,,100.00
`, `CSV
/  GBP BANK   "" 2026-01-30..2026-01-31  ->
3 2026-01-30  CREDIT 100.00 GBP|RENT|Max |Faster payment
2 2026-01-31  DEBIT 3.20 GBP|KAFFEE NORD LONDON|Kaffee Nord |Card payment`},
		"Starling": {`Date,Counter Party,Reference,Type,Amount (GBP),Balance (GBP),Spending Category,Notes
30/01/2026,Work Ltd,SALARY JAN,FASTER PAYMENT,1100.00,1100.00,INCOME,
31/01/2026,Coffee North,COFFEE NORTH LONDON,CONTACTLESS,-3.20,1096.80,EATING_OUT,with Max
`, `CSV
/  GBP BANK   "" 2026-01-30..2026-01-31 0.00 GBP -> 1096.80 GBP
2 2026-01-30  CREDIT 1100.00 GBP|SALARY JAN|Work Ltd |FASTER PAYMENT
3 2026-01-31  DEBIT 3.20 GBP|COFFEE NORTH LONDON|Coffee North |CONTACTLESS`},
		"Chase": {`Details,Posting Date,Description,Amount,Type,Balance,Check or Slip #
DEBIT,01/31/2026,"COFFEE NORTH 01/30",-3.20,DEBIT_CARD,1096.80,,
CREDIT,01/30/2026,"WORK INC PAYROLL",1100.00,ACH_CREDIT,1100.00,,
CHECK,01/29/2026,"CHECK 101",-20.00,CHECK_PAID,0.00,101,
`, `CSV
/  EUR BANK   "" 2026-01-29..2026-01-31 20.00 EUR -> 1096.80 EUR
4 2026-01-29  DEBIT 20.00 EUR|CHECK 101| |CHECK_PAID
3 2026-01-30  CREDIT 1100.00 EUR|WORK INC PAYROLL| |ACH_CREDIT
2 2026-01-31  DEBIT 3.20 EUR|COFFEE NORTH 01/30| |DEBIT_CARD`},
		"Chase card": {`Transaction Date,Post Date,Description,Category,Type,Amount,Memo
01/30/2026,01/31/2026,COFFEE NORTH,Food & Drink,Sale,-3.20,
`, `CSV
/  EUR BANK   "" 2026-01-31..2026-01-31  ->
2 2026-01-31  DEBIT 3.20 EUR|COFFEE NORTH| |Sale`},
		"Bank of America": {`Description,,Summary Amt.
Beginning balance as of 01/01/2026,,"1,000.00"
Total credits,,"100.00"
Total debits,,"-3.20"
Ending balance as of 01/31/2026,,"1,096.80"

Date,Description,Amount,Running Bal.
01/01/2026,Beginning balance as of 01/01/2026,,"1,000.00"
01/15/2026,"WORK INC DES:PAYROLL","100.00","1,100.00"
01/31/2026,"COFFEE NORTH",-3.20,"1,096.80"
`, `CSV
/  EUR BANK   "" 2026-01-15..2026-01-31 1000.00 EUR -> 1096.80 EUR
9 2026-01-15  CREDIT 100.00 EUR|WORK INC DES:PAYROLL| |
10 2026-01-31  DEBIT 3.20 EUR|COFFEE NORTH| |
warning {statement 8 The line is a balance or a sum and was left out}`},
		"Nubank": {`Data,Valor,Identificador,Descrição
30/01/2026,1100.00,0b7c0001-0000-4000-8000-000000000001,Transferência recebida pelo Pix - Trabalho SA
31/01/2026,-3.20,0b7c0001-0000-4000-8000-000000000002,Compra no débito - Café Norte
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  CREDIT 1100.00 EUR|Transferência recebida pelo Pix - Trabalho SA| |
3 2026-01-31  DEBIT 3.20 EUR|Compra no débito - Café Norte| |`},
		"Fio": {`accountId;2000000001
bankId;2010
currency;CZK
iban;CZ6508000000192000145399
bic;FIOBCZPPXXX
openingBalance;1000,00
closingBalance;940,10
dateStart;01.01.2026
dateEnd;31.01.2026
idFrom;1
idTo;2

ID pohybu;Datum;Objem;Měna;Protiúčet;Název protiúčtu;Kód banky;Název banky;KS;VS;SS;Uživatelská identifikace;Zpráva pro příjemce;Typ;Provedl;Upřesnění;Komentář;BIC;ID pokynu
25000000001;31.01.2026;-59,90;CZK;19-2000145399;Elektrárna;0800;Česká spořitelna;0308;123;;;Záloha leden;Okamžitá odchozí platba;Muster, Erika;;;;30000000001
`, `CSV
CZ6508000000192000145399/  CZK BANK   "" 2026-01-31..2026-01-31  -> 940.10 CZK
14 2026-01-31  DEBIT 59.90 CZK|Záloha leden|Elektrárna 19-2000145399|Okamžitá odchozí platba`},
		"mBank": {`mBank S.A. Bankowość Detaliczna;
#Waluta;
PLN;
#Numer rachunku;
61109010140000071219812874;

#Saldo początkowe;1 000,00 PLN;

#Data księgowania;#Data operacji;#Opis operacji;#Tytuł;#Nadawca/Odbiorca;#Numer konta;#Kwota;#Saldo po operacji;
2026-01-30;2026-01-30;PRZELEW ZEWNĘTRZNY;"WYPŁATA";"PRACA SP Z O O";'27114020040000300201355387';100,00;1 100,00;
2026-01-31;2026-01-30;ZAKUP PRZY UŻYCIU KARTY;"KAWA";"  ";'';-3,20;1 096,80;

;;;;;;#Saldo końcowe;1 096,80 PLN;
`, `CSV
/61109010140000071219812874  PLN BANK   "" 2026-01-30..2026-01-31 1000.00 PLN -> 1096.80 PLN
10 2026-01-30  CREDIT 100.00 PLN|PRZELEW ZEWNĘTRZNY WYPŁATA|PRACA SP Z O O 27114020040000300201355387|
11 2026-01-31  DEBIT 3.20 PLN|ZAKUP PRZY UŻYCIU KARTY KAWA| |
warning {statement 13 The line is a balance or a sum and was left out}`},
		"mBank, list": {`#Data operacji;#Opis operacji;#Rachunek;#Kategoria;#Kwota;
2026-01-31;"KAWA NORD  ZAKUP";"eKonto 1111 ... 2222";"Jedzenie";-3,20 PLN;;
`, `CSV
/eKonto 1111 ... 2222  PLN BANK   "" 2026-01-31..2026-01-31  ->
2 2026-01-31  DEBIT 3.20 PLN|KAWA NORD ZAKUP| |`},
		"SEB": {`Bokföringsdatum;Valutadatum;Verifikationsnummer;Text;Belopp;Saldo
2026-01-31;2026-01-31;5490990004;KAFFE NORD /26-01-30;-3,20;1096,80
2026-01-30;2026-01-30;5490990003;LÖN;1100,00;1100,00
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31 0.00 EUR -> 1096.80 EUR
3 2026-01-30 2026-01-30 CREDIT 1100.00 EUR|LÖN| |
2 2026-01-31 2026-01-31 DEBIT 3.20 EUR|KAFFE NORD /26-01-30| |`},
		"VR bank of before": {`"Buchungstag";"Valuta";"Auftraggeber/Zahlungsempfänger";"Empfänger/Zahlungspflichtiger";"Konto-Nr.";"IBAN";"BLZ";"BIC";"Vorgang/Verwendungszweck";"Kundenreferenz";"Währung";"Umsatz";" "
"31.01.2026";"31.01.2026";"Erika Muster";"Kaffee Nord";"";"DE02120300000000202051";"";"BYLADEM1001";"Lastschrift
Kaffee; groß";"";"EUR";"3,20";"S"

"01.01.2026";"";"";"";"";"";"";"";"";"Anfangssaldo";"EUR";"1.100,00";"H"
"31.01.2026";"";"";"";"";"";"";"";"";"Endsaldo";"EUR";"1.096,80";"H"
`, `CSV
/  EUR BANK   "" 2026-01-31..2026-01-31  ->
2 2026-01-31 2026-01-31 DEBIT 3.20 EUR|Lastschrift Kaffee; groß|Kaffee Nord DE02120300000000202051|
warning {statement 5 The line is a balance or a sum and was left out}
warning {statement 6 The line is a balance or a sum and was left out}`},
		"Scotiabank, whose dashes are no side": {`1/30/2026,-3.20,-,"POS PURCHASE","TIM HORTONS"
1/31/2026,1000.00,-,"PAYROLL DEP","ACME"
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
1 2026-01-30  DEBIT 3.20 EUR|POS PURCHASE TIM HORTONS| |
2 2026-01-31  CREDIT 1000.00 EUR|PAYROLL DEP ACME| |`},
		"DNB": {`"Dato";"Forklaring";"Rentedato";"Ut fra konto";"Inn på konto"
"30.01.2026";"Varekjøp Kaffe Nord";"30.01.2026";"32,50";""
"31.01.2026";"Lønn";"31.01.2026";"";"31.000,00"
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30 2026-01-30 DEBIT 32.50 EUR|Varekjøp Kaffe Nord| |
3 2026-01-31 2026-01-31 CREDIT 31000.00 EUR|Lønn| |`},
		"OP": {`"Kirjauspäivä";"Arvopäivä";"Määrä EUROA";"Laji";"Selitys";"Saaja/Maksaja";"Saajan tilinumero";"Saajan pankin BIC";"Viite";"Viesti";"Arkistointitunnus"
2026-01-30;2026-01-30;-3,20;162;PKORTTIMAKSU;K-MARKET;;;;"Viesti: KORTTIOSTO";20260130/1
2026-01-31;2026-01-31;1000,00;506;PALKKA;TYÖ OY;FI2112345600000785;OKOYFIHH;;"Viesti: PALKKA";20260131/2
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30 2026-01-30 DEBIT 3.20 EUR|Viesti: KORTTIOSTO|K-MARKET |PKORTTIMAKSU
3 2026-01-31 2026-01-31 CREDIT 1000.00 EUR|Viesti: PALKKA|TYÖ OY FI2112345600000785|PALKKA`},
		"Boursorama": {`dateOp;dateVal;label;category;categoryParent;supplierFound;amount;comment;accountNum;accountLabel;accountbalance
2026-01-30;2026-01-30;"CARTE 29/01/26 CAFE NORD";"Restaurants";"Loisirs";"cafe nord";-3,20;;00012345678;"BoursoBank";996.80
2026-01-31;2026-01-31;"VIR SALAIRE";"Salaires";"Revenus";"acme";"1 000,00";;00012345678;"BoursoBank";996.80
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30 2026-01-30 DEBIT 3.20 EUR|CARTE 29/01/26 CAFE NORD| |
3 2026-01-31 2026-01-31 CREDIT 1000.00 EUR|VIR SALAIRE| |`},
		"La Banque Postale": {`Numéro Compte   ;1234567A033
Type         ;CCP
Compte tenu en  ;euros
Date            ;31/01/2026
Solde (EUROS)   ;996,80
Solde (FRANCS)  ;6538,57

Date;Libellé;Montant(EUROS);Montant(FRANCS)
30/01/2026;"ACHAT CB CAFE NORD";-3,20;-20,99
31/01/2026;"VIREMENT DE ACME";1000,00;6559,57
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  -> 996.80 EUR
9 2026-01-30  DEBIT 3.20 EUR|ACHAT CB CAFE NORD| |
10 2026-01-31  CREDIT 1000.00 EUR|VIREMENT DE ACME| |`},
		"American Express": {`Date,Description,Card Member,Account #,Amount
01/30/2026,CAFE NORD,ERIKA M,-11001,3.20
01/31/2026,ONLINE PAYMENT - THANK YOU,ERIKA M,-11001,-100.00
`, `CSV
/-11001  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  DEBIT 3.20 EUR|CAFE NORD| |
3 2026-01-31  CREDIT 100.00 EUR|ONLINE PAYMENT - THANK YOU| |`},
		"Discover": {`Trans. Date,Post Date,Description,Amount,Category
01/29/2026,01/30/2026,"CAFE NORD",3.20,"Restaurants"
01/30/2026,01/31/2026,"INTERNET PAYMENT - THANK YOU",-100.00,"Payments and Credits"
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  DEBIT 3.20 EUR|CAFE NORD| |
3 2026-01-31  CREDIT 100.00 EUR|INTERNET PAYMENT - THANK YOU| |`},
		"Wells Fargo": {`"01/30/2026","-3.20","*","","PURCHASE AUTHORIZED ON 01/29 CAFE NORD"
"01/31/2026","1000.00","*","","ACME PAYROLL"
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
1 2026-01-30  DEBIT 3.20 EUR|PURCHASE AUTHORIZED ON 01/29 CAFE NORD| |
2 2026-01-31  CREDIT 1000.00 EUR|ACME PAYROLL| |`},
		"State Bank of India": {`Account Name	:	MRS ERIKA
Account Number	:	_00000012345678901
Start Date	:	1 Jan 2026

Txn Date	Value Date	Description	Ref No./Cheque No.	        Debit	Credit	Balance
30 Jan 2026	30 Jan 2026	BY UPI-CAFE NORD	X1	3.20	 	996.80
31 Jan 2026	31 Jan 2026	NEFT ACME SALARY	X2	 	1,00,000.00	1,00,996.80
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31 1000.00 EUR -> 100996.80 EUR
6 2026-01-30  DEBIT 3.20 EUR|BY UPI-CAFE NORD| |
7 2026-01-31  CREDIT 100000.00 EUR|NEFT ACME SALARY| |`},
		"Nubank, a card": {`date,title,amount
2026-01-29,Padaria Norte,5.20
2026-01-30,Cafe Norte,3.20
2026-01-31,Pagamento recebido,-100.00
`, `CSV
/  EUR BANK   "" 2026-01-29..2026-01-31  ->
2 2026-01-29  DEBIT 5.20 EUR|Padaria Norte| |
3 2026-01-30  DEBIT 3.20 EUR|Cafe Norte| |
4 2026-01-31  CREDIT 100.00 EUR|Pagamento recebido| |`},
		"somebody's own, with names like Nubank's": {`Date,Title,Amount
2026-01-29,Bakery,-5.20
2026-01-30,Coffee,-3.20
2026-01-31,Wage,100.00
`, `CSV
/  EUR BANK   "" 2026-01-29..2026-01-31  ->
2 2026-01-29  DEBIT 5.20 EUR|Bakery| |
3 2026-01-30  DEBIT 3.20 EUR|Coffee| |
4 2026-01-31  CREDIT 100.00 EUR|Wage| |`},
		"Intesa Sanpaolo": {`Data;Operazione;Dettagli;Conto o carta;Contabilizzazione;Categoria ;Valuta;Importo
30/01/2026;Caffe Nord;Pagamento POS;Conto 1000/00012345;CONTABILIZZATO;Ristoranti;EUR;-3,20
31/01/2026;Bonifico Acme;Stipendio;Conto 1000/00012345;NON CONTABILIZZATO;Stipendio;EUR;1000,00
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  DEBIT 3.20 EUR|Caffe Nord Pagamento POS| |
3 2026-01-31  CREDIT 1000.00 EUR|Bonifico Acme Stipendio| |`},
		"American Express, with details": {`Date,Description,Amount,Extended Details,Appears On Your Statement As,Address,Town/City,Postcode,Country,Reference,Category
30/01/2026,CAFE NORD,3.20,,CAFE NORD,,LONDON,,UNITED KINGDOM,'AT1',Food
31/01/2026,PAYMENT RECEIVED - THANK YOU,-100.00,,PAYMENT RECEIVED,,,,,'AT2',
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  DEBIT 3.20 EUR|CAFE NORD| |
3 2026-01-31  CREDIT 100.00 EUR|PAYMENT RECEIVED - THANK YOU| |`},
		"American Express, in German": {`Datum,Beschreibung,Karteninhaber,Konto #,Betrag
30/01/2026,CAFE NORD,ERIKA M,-11001,"3,20"
31/01/2026,ZAHLUNG/ÜBERWEISUNG ERHALTEN BESTEN DANK,ERIKA M,-11001,"-100,00"
`, `CSV
/-11001  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  DEBIT 3.20 EUR|CAFE NORD| |
3 2026-01-31  CREDIT 100.00 EUR|ZAHLUNG/ÜBERWEISUNG ERHALTEN BESTEN DANK| |`},
		"Apple, a card": {`Transaction Date,Clearing Date,Description,Merchant,Category,Type,Amount (USD),Purchased By
01/29/2026,01/30/2026,CAFE NORD 123 ST,Cafe Nord,Restaurants,Purchase,3.20,Erika M
01/30/2026,01/31/2026,ACH DEPOSIT INTERNET TRANSFER,Ach Deposit,Payment,Payment,-100.00,Erika M
`, `CSV
/  USD BANK   "" 2026-01-29..2026-01-30  ->
2 2026-01-29  DEBIT 3.20 USD|CAFE NORD 123 ST|Cafe Nord |Purchase
3 2026-01-30  CREDIT 100.00 USD|ACH DEPOSIT INTERNET TRANSFER|Ach Deposit |Payment`},
		"Citi, a card": {`Status,Date,Description,Debit,Credit
Cleared,01/30/2026,"CAFE NORD",3.20,
Cleared,01/31/2026,"ONLINE PAYMENT, THANK YOU",,-100.00
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  DEBIT 3.20 EUR|CAFE NORD| |
3 2026-01-31  CREDIT 100.00 EUR|ONLINE PAYMENT, THANK YOU| |`},
		"NatWest": {`Date, Type, Description, Value, Balance, Account Name, Account Number
30/01/2026,D/D,"'CAFE NORD",-3.20,996.80,"'ERIKA M","'600001-12345678"
29/01/2026,BAC,"'ACME",1000.00,1000.00,"'ERIKA M","'600001-12345678"
`, `CSV
/600001-12345678  EUR BANK   "" 2026-01-29..2026-01-30 0.00 EUR -> 996.80 EUR
3 2026-01-29  CREDIT 1000.00 EUR|'ACME| |BAC
2 2026-01-30  DEBIT 3.20 EUR|'CAFE NORD| |D/D`},
		"Allied Irish Banks": {`Posted Account, Posted Transactions Date, Description1, Description2, Description3, Debit Amount, Credit Amount,Balance,Posted Currency,Transaction Type,Local Currency Amount,Local Currency
"93-00-00-12345678","30/01/2026","VDP-CAFE NORD","","","3.20",,"996.80",EUR,"Debit","          3.20",EUR
"93-00-00-12345678","31/01/2026","ACME","","",,"1000.00","1996.80",EUR,"Credit","       1000.00",EUR
`, `CSV
/93-00-00-12345678  EUR BANK   "" 2026-01-30..2026-01-31 1000.00 EUR -> 1996.80 EUR
2 2026-01-30  DEBIT 3.20 EUR|VDP-CAFE NORD| |Debit
3 2026-01-31  CREDIT 1000.00 EUR|ACME| |Credit`},
		"Consorsbank, whose IBAN is the other's": {`Buchung;Valuta;Sender / Empfänger;IBAN;BIC;Buchungstext;Verwendungszweck;Kategorie;Stichwörter;Umsatz geteilt;Betrag in EUR
30.01.2026;30.01.2026;CAFE NORD;DE12500105170648489890;INGDDEFF;Lastschrift;Karte;;;;-3,20
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-30  ->
2 2026-01-30 2026-01-30 DEBIT 3.20 EUR|Karte|CAFE NORD DE12500105170648489890|Lastschrift`},
		"Raiffeisen Switzerland": {`IBAN;Booked At;Text;Credit/Debit Amount;Balance;Valuta Date
CH2801234000123456789;2026-01-30 00:00:00.0;Einkauf Café Nord;-3.20;996.80;2026-01-30 00:00:00.0
CH2801234000123456789;2026-01-31 00:00:00.0;Gutschrift ACME;1000.0;1996.80;2026-01-31 00:00:00.0
`, `CSV
CH2801234000123456789/  EUR BANK   "" 2026-01-30..2026-01-31 1000.00 EUR -> 1996.80 EUR
2 2026-01-30 2026-01-30 DEBIT 3.20 EUR|Einkauf Café Nord| |
3 2026-01-31 2026-01-31 CREDIT 1000.00 EUR|Gutschrift ACME| |`},
		"Air Bank": {`Datum provedení;Směr úhrady;Typ úhrady;Skupina plateb;Měna účtu;Částka v měně účtu;Poplatek v měně účtu;Původní měna úhrady;Původní částka úhrady;Název protistrany;Číslo účtu protistrany;Zpráva pro příjemce
30/01/2026;Odchozí;Platba kartou;;CZK;-32,00;0,00;CZK;-32,00;Kavarna;;
`, `CSV
/  CZK BANK   "" 2026-01-30..2026-01-30  ->
2 2026-01-30  DEBIT 32.00 CZK|Platba kartou|Kavarna |Platba kartou`},
		"Poste Italiane": {`DATA CONTABILE;DATA VALUTA;ADDEBITI (euro);ACCREDITI (euro);DESCRIZIONE OPERAZIONI
30/01/2026;30/01/2026;3,20;;PAGAMENTO POS CAFFE
31/01/2026;31/01/2026;;1.000,00;STIPENDIO
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30 2026-01-30 DEBIT 3.20 EUR|PAGAMENTO POS CAFFE| |
3 2026-01-31 2026-01-31 CREDIT 1000.00 EUR|STIPENDIO| |`},
		"Trade Republic": {`Date;Type;Value;Note;ISIN;Shares;Fees;Taxes
2026-01-30;Removal;-3.20;Cafe Nord;;;;
2026-01-31;Deposit;1000;Acme;;;;
`, `CSV
/  EUR BANK   "" 2026-01-30..2026-01-31  ->
2 2026-01-30  DEBIT 3.20 EUR|Cafe Nord| |Removal
3 2026-01-31  CREDIT 1000.00 EUR|Acme| |Deposit`},
		"Keytrade": {`Uittreksel;Datum;Valutadatum;Rekening;Omschrijving;Bedrag;Valuta
24/001;15.06.2024;15.06.2024;BE68 5390 0754 7034;Overschrijving Jan;-1.024,50;EUR
24/002;16.06.2024;16.06.2024;BE71 0961 2345 6769;Rente;2,00;EUR
24/003;17.06.2024;17.06.2024;BE43 0689 9999 9501;Overschrijving Piet;-24,50;EUR
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-17  ->
2 2024-06-15 2024-06-15 DEBIT 1024.50 EUR|Overschrijving Jan| BE68539007547034|
3 2024-06-16 2024-06-16 CREDIT 2.00 EUR|Rente| BE71096123456769|
4 2024-06-17 2024-06-17 DEBIT 24.50 EUR|Overschrijving Piet| BE43068999999501|`},
		"Erste in Hungary": {`Tranzakció dátuma,Partner neve,Partner számlaszáma,Számla neve,Számlaszám,Tranzakció típusa,Tranzakció összege,Tranzakció devizaneme,Bevétel/Kiadás,Kártyaszám,Értéknap,Közlemény,Megbízás azonosító,Részletek,Egyenleg,Devizanem
2024.04.19.,Kis Bolt Kft,12345678-12345678-00000000,Folyószámla,11600006-00000000-12345678,Kártyás vásárlás,-350,HUF,Kiadás,XXXX1234,2024.04.19.,,AB12,Budapest,2345.56,HUF
2024.04.17.,Munkáltató Zrt,11111111-22222222,Folyószámla,11600006-00000000-12345678,Átutalás,1290,HUF,Bevétel,,2024.04.18.,Bér,AB11,,2695.56,HUF
`, `CSV
/11600006-00000000-12345678  HUF BANK   "" 2024-04-17..2024-04-19 1405.56 HUF -> 2345.56 HUF
3 2024-04-17 2024-04-18 CREDIT 1290.00 HUF|Bér|Munkáltató Zrt 11111111-22222222|Átutalás
2 2024-04-19 2024-04-19 DEBIT 350.00 HUF|Kártyás vásárlás|Kis Bolt Kft 12345678-12345678-00000000|Kártyás vásárlás`},
		"M&S, a card": {`Date Processed,Description,Amount,
Pending,L'OLIVE                 LONDON       GBR,£67.40,
12-Dec-2024,ROYAL INSURANCE        01222 61234  GBR,"£1,183.23",
12-Dec-2024,DELIVEROO.CO.UK        LONDON        LND,£18.89,
03-Dec-2024,TFL TRAVEL CH          TFL.GOV.UK/CP GBR,£1.50,
02-Dec-2024,PAYMENT RECEIVED - THANK YOU,"+ £1,100.00",CR
`, `CSV
/  EUR BANK   "" 2024-12-02..2024-12-12  ->
6 2024-12-02  CREDIT 1100.00 EUR|PAYMENT RECEIVED - THANK YOU| |
5 2024-12-03  DEBIT 1.50 EUR|TFL TRAVEL CH TFL.GOV.UK/CP GBR| |
4 2024-12-12  DEBIT 18.89 EUR|DELIVEROO.CO.UK LONDON LND| |
3 2024-12-12  DEBIT 1183.23 EUR|ROYAL INSURANCE 01222 61234 GBR| |
warning {statement 2 The entry has no date yet and was left out: it is not booked}`},
		"Arion": {`Dagsetning;Upphæð;Staða;Mynt;Skýring;Seðilnúmer;Tilvísun;Texti
15.06.2024;-2.450;120.000;ISK;Bónus;;;Debetkort
16.06.2024;350.000;470.000;ISK;Laun;;;Millifærsla
`, `CSV
/  ISK BANK   "" 2024-06-15..2024-06-16 122450 ISK -> 470000 ISK
2 2024-06-15  DEBIT 2450 ISK|Bónus Debetkort| |
3 2024-06-16  CREDIT 350000 ISK|Laun Millifærsla| |`},
		"Komerční banka": {`"Datum splatnosti";"Datum odepsání z jiné banky";"Protiúčet/Kód banky";"Název protiúčtu";"Částka";"Originální částka";"Originální měna";"Kurz";"VS";"KS";"SS";"Identifikace transakce";"Systémový popis";"Popis příkazce";"Popis pro příjemce";"AV pole 1"
"15.06.2024";"";"123456789/0800";"Jan Novák";"-1249,00";"";"";"";"1";"";"";"000-15062024 1602";"Platba na vrub vašeho účtu";"Nájem";"Nájem červen";""
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-15  ->
2 2024-06-15  DEBIT 1249.00 EUR|Platba na vrub vašeho účtu Nájem červen|Jan Novák 123456789/0800|`},
		"Hapoalim": {`תאריך,תיאור,חובה,זכות,יתרה
15/06/2024,סופר,24.50,,1000.00
16/06/2024,משכורת,,5000.00,6000.00
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16 1024.50 EUR -> 6000.00 EUR
2 2024-06-15  DEBIT 24.50 EUR|סופר| |
3 2024-06-16  CREDIT 5000.00 EUR|משכורת| |`},
		"Alpha": {`Ημερομηνία;Αιτιολογία;Ποσό;Πρόσημο ποσού
15/06/2024;ΣΚΛΑΒΕΝΙΤΗΣ;24,50;Χ
16/06/2024;ΜΙΣΘΟΔΟΣΙΑ;1.500,00;Π
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16  ->
2 2024-06-15  DEBIT 24.50 EUR|ΣΚΛΑΒΕΝΙΤΗΣ| |
3 2024-06-16  CREDIT 1500.00 EUR|ΜΙΣΘΟΔΟΣΙΑ| |`},
		"PrivatBank": {`Дата,Категорія,Картка,Опис операції,Сума в валюті картки,Валюта картки,Сума в валюті транзакції,Валюта транзакції,Залишок на кінець періоду,Валюта залишку
15.06.2024 12:30,Продукти,Моя картка,Сільпо,-245.50,UAH,-245.50,UAH,1000.00,UAH
`, `CSV
/  UAH BANK   "" 2024-06-15..2024-06-15 1245.50 UAH -> 1000.00 UAH
2 2024-06-15  DEBIT 245.50 UAH|Сільпо| |`},
		"monobank": {`"Дата i час операції","Деталі операції",MCC,"Сума в валюті картки (UAH)","Сума в валюті операції",Валюта,Курс,"Сума комісій (UAH)","Сума кешбеку (UAH)","Залишок після операції"
"15.06.2024 12:30:00","Сільпо",5411,-245.5,-6.0,EUR,40.9,—,—,1000.0
"14.06.2024 12:30:00","Зарплата",4829,5000.0,5000.0,UAH,—,—,—,1245.5
`, `CSV
/  UAH BANK   "" 2024-06-14..2024-06-15 -3754.50 UAH -> 1000.00 UAH
3 2024-06-14  CREDIT 5000.00 UAH|Зарплата| |
2 2024-06-15  DEBIT 245.50 UAH|Сільпо| |`},
		"DSK": {`Дата,Основание,Дебит,Кредит,Наредител/Получател
15.06.2024,Покупка Лидл,24.50,,LIDL
16.06.2024,Заплата,,1500.00,АКМЕ ООД
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16  ->
2 2024-06-15  DEBIT 24.50 EUR|Покупка Лидл|LIDL |
3 2024-06-16  CREDIT 1500.00 EUR|Заплата|АКМЕ ООД |`},
		"Ziraat": {`Tarih;Fiş No;Açıklama;İşlem Tutarı;Bakiye
15.06.2024;F1;MIGROS;-245,50;1.000,00
16.06.2024;F2;MAAŞ;15.000,00;16.000,00
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16 1245.50 EUR -> 16000.00 EUR
2 2024-06-15  DEBIT 245.50 EUR|MIGROS| |
3 2024-06-16  CREDIT 15000.00 EUR|MAAŞ| |`},
		"Swedbank in Lithuania": {`"Sąskaitos Nr.","","Data","Gavėjas","Paaiškinimai","Suma","Valiuta","D/K","Įrašo Nr.","Kodas","Įmokos kodas","Dok. Nr.","Kliento kodas mokėtojo IS","Kliento kodas","Pradinis mokėtojas","Galutinis gavėjas",
"LT121000011101001000","10","2024-01-01","","Likutis pradžiai","2123.82","EUR","K","","AS","","",
"LT121000011101001000","20","2024-01-02","Restoranas","PIRKINYS 2023.12.30 14.34 EUR (059553) Restoranas Vilnius","14.34","EUR","D","2024010200041787","K","","","",
"LT121000011101001000","20","2024-01-10","Company","Salary","1600.00","EUR","K","2024011000673562","MK","","5050","",
"LT121000011101001000","82","2024-01-31","","Apyvarta","14.34","EUR","D","","K2","","",
"LT121000011101001000","82","2024-01-31","","Apyvarta","1600.00","EUR","K","","K2","","",
"LT121000011101001000","86","2024-01-31","","Likutis pabaigai","3709.48","EUR","K","","LS","","",
`, `CSV
LT121000011101001000/  EUR BANK   "" 2024-01-02..2024-01-10  ->
3 2024-01-02  DEBIT 14.34 EUR|PIRKINYS 2023.12.30 14.34 EUR (059553) Restoranas Vilnius|Restoranas |
4 2024-01-10  CREDIT 1600.00 EUR|Salary|Company |
warning {statement 2 The line is a balance or a sum and was left out}
warning {statement 5 The line is a balance or a sum and was left out}
warning {statement 6 The line is a balance or a sum and was left out}
warning {statement 7 The line is a balance or a sum and was left out}`},
		"Swedbank in Latvia": {`"Klienta konts";"Ieraksta tips";"Datums";"Saņēmējs/Maksātājs";"Informācija saņēmējam";"Summa";"Valūta";"Debets/Kredīts";"Arhīva kods";"Maksājuma veids";"Refernces numurs";"Dokumenta numurs";
"LV80HABA0551000000001";"10";"01.06.2024";"";"Sākuma atlikums";"100,00";"EUR";"K";"";"AS";"";"";
"LV80HABA0551000000001";"20";"15.06.2024";"RIMI";"PIRKUMS 14.06.2024 RIMI RIGA";"24,50";"EUR";"D";"2024061500001";"CTX";"";"";
"LV80HABA0551000000001";"82";"30.06.2024";"";"Apgrozījums";"24,50";"EUR";"D";"";"K2";"";"";
"LV80HABA0551000000001";"86";"30.06.2024";"";"Beigu atlikums";"75,50";"EUR";"K";"";"LS";"";"";
`, `CSV
/LV80HABA0551000000001  EUR BANK   "" 2024-06-15..2024-06-15  ->
3 2024-06-15  DEBIT 24.50 EUR|PIRKUMS 14.06.2024 RIMI RIGA|RIMI |
warning {statement 2 The line is a balance or a sum and was left out}
warning {statement 4 The line is a balance or a sum and was left out}
warning {statement 5 The line is a balance or a sum and was left out}`},
		"Keytrade, interest without an account": {`Uittreksel;Datum;Valutadatum;Rekening;Omschrijving;Bedrag;Valuta
24/001;15.06.2024;15.06.2024;BE68 5390 0754 7034;Overschrijving Jan;-1.024,50;EUR
24/002;16.06.2024;16.06.2024;-;Rente;2,00;EUR
24/003;17.06.2024;17.06.2024;BE43 0689 9999 9501;Overschrijving Piet;-24,50;EUR
24/004;17.06.2024;17.06.2024;-;Kosten;-2,50;EUR
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-17  ->
2 2024-06-15 2024-06-15 DEBIT 1024.50 EUR|Overschrijving Jan| BE68539007547034|
3 2024-06-16 2024-06-16 CREDIT 2.00 EUR|Rente| |
4 2024-06-17 2024-06-17 DEBIT 24.50 EUR|Overschrijving Piet| BE43068999999501|
5 2024-06-17 2024-06-17 DEBIT 2.50 EUR|Kosten| |`},
		"HDFC, a card": {`Transaction type,Primary / Addon Customer Name,DATE,Description,AMT,Debit / Credit
Domestic,ANNA,15/06/2024 12:00:00,SHOP MUMBAI,"1,245.00",
Domestic,ANNA,15/06/2024 13:00:00,CAFE MUMBAI,245.00,
Domestic,ANNA,16/06/2024 12:00:00,PAYMENT RECEIVED,"5,000.00",Cr
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16  ->
2 2024-06-15  DEBIT 1245.00 EUR|SHOP MUMBAI| |Domestic
3 2024-06-15  DEBIT 245.00 EUR|CAFE MUMBAI| |Domestic
4 2024-06-16  CREDIT 5000.00 EUR|PAYMENT RECEIVED| |Domestic`},
		"ICICI, a card": {`Date,Sr.No.,Transaction Details,Reward Point Header,Intl.Amount,Amount(in Rs),BillingAmountSign
15/06/2024,1,SHOP MUMBAI,10,0,245.00,
16/06/2024,2,PAYMENT RECEIVED,0,0,"5,000.00",CR
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16  ->
2 2024-06-15  DEBIT 245.00 EUR|SHOP MUMBAI| |
3 2024-06-16  CREDIT 5000.00 EUR|PAYMENT RECEIVED| |`},
		"Tatra banka": {`Číslo účtu,Dátum zaúčtovania,Suma,Mena,Typ,Predčíslie,Číslo protiúčtu,Kód banky,Názov protiúčtu,VS,KS,SS,Popis,Názov,Informácia pre príjemcu
SK3112000000198742637541,15.06.2024,"24,50",EUR,Debet,,123456,0900,Potraviny,,,,Platba kartou,,Nákup
SK3112000000198742637541,16.06.2024,"1500,00",EUR,Kredit,,123457,0200,ACME s.r.o.,,,,Výplata,,Mzda
`, `CSV
SK3112000000198742637541/  EUR BANK   "" 2024-06-15..2024-06-16  ->
2 2024-06-15  DEBIT 24.50 EUR|Platba kartou Nákup|Potraviny 123456|Debet
3 2024-06-16  CREDIT 1500.00 EUR|Výplata Mzda|ACME s.r.o. 123457|Kredit`},
		"VÚB": {`Dátum zaúčtovania,Dátum valuty,Názov partnera,Účet partnera,Popis transakcie,Suma,Mena,VS,KS,SS,Referencia,Informácia pre príjemcu
20240615,20240615,Potraviny,SK3112000000198742637541,Platba kartou,-24.50,EUR,,,,/VS,Nákup
20240616,20240616,ACME,SK3112000000198742637542,Výplata,1500.00,EUR,,,,,Mzda
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16  ->
2 2024-06-15 2024-06-15 DEBIT 24.50 EUR|Platba kartou Nákup|Potraviny SK3112000000198742637541|
3 2024-06-16 2024-06-16 CREDIT 1500.00 EUR|Výplata Mzda|ACME SK3112000000198742637542|`},
		"Slovenská sporiteľňa": {`Dátum splatnosti;Suma;Mena;Názov partnera;IBAN partnera;Správa pre prijímateľa;Zostatok
15.06.2024;-24,50;EUR;Potraviny;;Nákup;100,00
16.06.2024;1500,00;EUR;ACME;SK3112000000198742637541;Mzda;1600,00
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16 124.50 EUR -> 1600.00 EUR
2 2024-06-15  DEBIT 24.50 EUR|Nákup|Potraviny |
3 2024-06-16  CREDIT 1500.00 EUR|Mzda|ACME SK3112000000198742637541|`},
		"C24": {`Transaktionstyp,Buchungsdatum,Karteneinsatz,Betrag,Zahlungsempfänger,IBAN,BIC,Verwendungszweck,Beschreibung,Kontonummer,Kontoname,Kategorie,Unterkategorie,Cashback
Kartenzahlung,15.06.2024,14.06.2024,"-24,50 €",EDEKA,,,,,DE89370400440532013000,Smartkonto,Lebensmittel,Supermarkt,
SEPA-Gutschrift,16.06.2024,,"1.500,00 €",ACME,DE02120300000000202051,BYLADEM1001,Gehalt,,DE89370400440532013000,Smartkonto,Einkommen,Gehalt,
`, `CSV
DE89370400440532013000/  EUR BANK   "" 2024-06-15..2024-06-16  ->
2 2024-06-15  DEBIT 24.50 EUR|Kartenzahlung|EDEKA |Kartenzahlung
3 2024-06-16  CREDIT 1500.00 EUR|Gehalt|ACME DE02120300000000202051|SEPA-Gutschrift`},
		"HypoVereinsbank": {`Kontonummer;Buchungsdatum;Valuta;Empfaenger 1;Empfaenger 2;Verwendungszweck;Betrag;Waehrung
12345678;15.06.2024;15.06.2024;EDEKA;;EINKAUF;-24,50;EUR
12345678;16.06.2024;16.06.2024;ACME;;GEHALT;1.500,00;EUR
`, `CSV
/12345678  EUR BANK   "" 2024-06-15..2024-06-16  ->
2 2024-06-15 2024-06-15 DEBIT 24.50 EUR|EINKAUF|EDEKA |
3 2024-06-16 2024-06-16 CREDIT 1500.00 EUR|GEHALT|ACME |`},
		"BCA": {`Tanggal,Keterangan,Cabang,Jumlah,,Saldo
15/06/2024,BELANJA TOKO,0000,"245,000.00",DB,"1,000,000.00"
16/06/2024,GAJI,0000,"15,000,000.00",CR,"16,000,000.00"
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16 1245000.00 EUR -> 16000000.00 EUR
2 2024-06-15  DEBIT 245000.00 EUR|BELANJA TOKO| |
3 2024-06-16  CREDIT 15000000.00 EUR|GAJI| |`},
		"QNB": {`İşlem Tarihi;Açıklama;Tutar;Bakiye;Dekont No
15/06/2024;MIGROS;-245,50 TL;1.000,00 TL;1
16/06/2024;MAAŞ;15.000,00 TL;16.000,00 TL;2
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16 1245.50 EUR -> 16000.00 EUR
2 2024-06-15  DEBIT 245.50 EUR|MIGROS| |
3 2024-06-16  CREDIT 15000.00 EUR|MAAŞ| |`},
		"Banca Intesa in Serbia": {`Datum;Opis;Isplata;Uplata;Stanje;Valuta
15.06.2024;MAXI;2.450,00;;10.000,00;RSD
16.06.2024;PLATA;;80.000,00;90.000,00;RSD
`, `CSV
/  RSD BANK   "" 2024-06-15..2024-06-16 12450.00 RSD -> 90000.00 RSD
2 2024-06-15  DEBIT 2450.00 RSD|MAXI| |
3 2024-06-16  CREDIT 80000.00 RSD|PLATA| |`},
		"NLB": {`Datum;Namen;Breme;Dobro;Stanje;Valuta
15.06.2024;MERCATOR;24,50;;100,00;EUR
16.06.2024;PLAČA;;1.500,00;1.600,00;EUR
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16 124.50 EUR -> 1600.00 EUR
2 2024-06-15  DEBIT 24.50 EUR|MERCATOR| |
3 2024-06-16  CREDIT 1500.00 EUR|PLAČA| |`},
		"ING in Romania": {`Data;Detalii tranzactie;Debit;Credit
15 iunie 2024;Cumparare POS;24,50;
16 iunie 2024;Incasare;;1.500,00
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16  ->
2 2024-06-15  DEBIT 24.50 EUR|Cumparare POS| |
3 2024-06-16  CREDIT 1500.00 EUR|Incasare| |`},
		"SEB in Estonia": {`Kliendi konto;Dokumendi number;Kuupäev;Saaja/maksja konto;Saaja/maksja nimi;Saaja panga kood;Tühi veerg;Tüüp;Deebet/Kreedit (D/C);Summa;Viitenumber;Arhiveerimistunnus;Selgitus;Teenustasu;Valuuta;Isikukood
EE382200221020145685;1;15.06.2024;EE471000001020145685;RIMI;;;M;D;-24,50;;A1;Ost;0;EUR;
`, `CSV
EE382200221020145685/  EUR BANK   "" 2024-06-15..2024-06-15  ->
2 2024-06-15  DEBIT 24.50 EUR|Ost|RIMI EE471000001020145685|`},
		"Landsbankinn": {`Dags;Vaxtad;Skýring;Textalykill;Tilvísun;Upphæð;Staða
15.06.2024;15.06.2024;Bónus;;;-2.450;120.000
16.06.2024;16.06.2024;Laun;;;350.000;470.000
`, `CSV
/  EUR BANK   "" 2024-06-15..2024-06-16 122450.00 EUR -> 470000.00 EUR
2 2024-06-15  DEBIT 2450.00 EUR|Bónus| |
3 2024-06-16  CREDIT 350000.00 EUR|Laun| |`},
		"Capitec": {`Nr,Account,Posting Date,Transaction Date,Description,Original Description,Parent Category,Category,Money In,Money Out,Fee,Balance
1,1234567890,2026-01-29,2026-01-28,Shop,POS SHOP,Food,Groceries,,-24.50,-0.50,975.00
2,1234567890,2026-01-30,2026-01-30,Salary,PMT ACME,Income,Salary,1500.00,,,2475.00
3,1234567890,2026-01-31,2026-01-31,SMS Notification Fee,SMS FEE,Fees,Fees,,,-0.35,2474.65
`, `CSV
/1234567890  EUR BANK   "" 2026-01-29..2026-01-31 1000.00 EUR -> 2474.65 EUR
2 2026-01-29  DEBIT 25.00 EUR|Shop| |
3 2026-01-30  CREDIT 1500.00 EUR|Salary| |
4 2026-01-31  DEBIT 0.35 EUR|SMS Notification Fee| |`},
		"fees that are in the amount": {`Date,Description,Money In,Money Out,Fee,Balance
2026-01-29,Shop,,24.50,0.50,975.50
2026-01-30,Salary,1500.00,,,2475.50
`, `CSV
/  EUR BANK   "" 2026-01-29..2026-01-30 1000.00 EUR -> 2475.50 EUR
2 2026-01-29  DEBIT 24.50 EUR|Shop| |
3 2026-01-30  CREDIT 1500.00 EUR|Salary| |`},
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

// Where nothing tells what went out, the file's owner is told how it was read.
func TestCSVWithoutSides(t *testing.T) {
	for rows, side := range map[string]string{"-1.00": "", "1.00": "", "1.00,Debit": ",Type"} {
		data := "Date,Text,Amount" + side + "\n" + strings.Repeat("2026-01-31,Coffee,1.00"+strings.TrimLeft(rows, "-1.0")+"\n", 9) + "2026-01-31,Coffee," + rows + "\n"
		f, whole := read(t, strings.NewReader(data), Options{Currency: "EUR"})
		if whole != nil {
			t.Fatal(whole)
		}
		if warned := len(f.Warnings) == 1; warned != (rows == "1.00") {
			t.Errorf("%s: %v", rows, f.Warnings)
		}
	}
}

// What a bank has not booked yet is pending, in whatever words.
func TestCSVPending(t *testing.T) {
	for column, words := range map[string]string{
		"Info": "Umsatz vorgemerkt", "Status": "Venter", "State": "PENDING", "Statut": "", "Estado": "Pendiente", "Contabilizzazione": "NON CONTABILIZZATO",
	} {
		f, whole := read(t, strings.NewReader("Datum;Text;Betrag;"+column+"\n31.01.2026;Kaffee;-3,20;"+words+"\n"), Options{Currency: "EUR"})
		if whole != nil {
			t.Fatal(whole)
		}
		want := bank.Pending
		if words == "" {
			want = bank.Posted
		}
		if got := f.Statements[0].Entries[0].Status; got != want {
			t.Errorf("%s %q is %s", column, words, got)
		}
	}
}
