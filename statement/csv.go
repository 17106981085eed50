package statement

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/fault"
)

// Column is what a column of a CSV file holds.
type Column string

// The columns. There is an amount with a sign, an amount and its side, or a column each for debits and credits.
const (
	ColumnDate        Column = "date"
	ColumnValueDate   Column = "valueDate"
	ColumnAmount      Column = "amount"
	ColumnDebit       Column = "debit"
	ColumnCredit      Column = "credit"
	ColumnSide        Column = "side" // D and C, S and H, Af and Bij, …
	ColumnBalance     Column = "balance"
	ColumnCurrency    Column = "currency"
	ColumnDescription Column = "description" // may be several
	ColumnName        Column = "name"        // the counterparty's
	ColumnAccount     Column = "account"     // the counterparty's
	ColumnOwnAccount  Column = "ownAccount"
	ColumnReference   Column = "reference" // the bank's
	ColumnKind        Column = "kind"      // the bank's word for it
	ColumnStatus      Column = "status"
	ColumnMCC         Column = "mcc"

	columnPlainAccount Column = "plainAccount" // one's own or the other's
	columnParty        Column = "party"        // a name or an account
	columnPlainName    Column = "plainName"    // one's own where another column names the other
	columnValuta       Column = "valuta"       // a value date or a currency
	columnValor        Column = "valor"        // a value date or an amount
	columnPayer        Column = "payer"        // who paid, beside the name of who got it
	columnNote         Column = "note"         // perhaps the person's own, so that it may change
	columnTopic        Column = "topic"        // what banks call a reference: often a text
	columnFee          Column = "fee"
	columnStarted      Column = "started"
	columnImpact       Column = "impact" // memo: the balance knows nothing of it
)

// Mapping tells how to read a CSV file. What is empty is recognised.
type Mapping struct {
	Delimiter string         // one character
	Skip      int            // lines before the one that names the columns
	NoHeader  bool           // no line names them
	Decimal   string         // . or ,
	Dates     string         // DMY, MDY or YMD
	Columns   []MappedColumn // if there are any, no others are recognised
}

// MappedColumn says what a column holds. Of several descriptions all are taken, of other columns the first that is filled.
type MappedColumn struct {
	Column Column
	Name   string // or its number from 1
}

// Columns lists the columns that a mapping may name.
var Columns = []Column{ColumnDate, ColumnValueDate, ColumnAmount, ColumnDebit, ColumnCredit, ColumnSide, ColumnBalance, ColumnCurrency,
	ColumnDescription, ColumnName, ColumnAccount, ColumnOwnAccount, ColumnReference, ColumnKind, ColumnStatus, ColumnMCC}

// CheckMapping says everything that is wrong with a mapping. Faults name fields below path.
func CheckMapping(path string, m Mapping) fault.Many {
	var faults fault.Many
	at := func(field string) string { return strings.TrimPrefix(path+"."+field, ".") }
	if len(m.Delimiter) > 1 || m.Delimiter != "" && (m.Delimiter[0] >= 0x80 || strings.Contains("\"\r\n .0123456789", m.Delimiter)) {
		faults.Add(fault.Invalid(at("delimiter"), "Invalid value for delimiter; use one character such as ; or , or | or a tab"))
	}
	if m.Skip < 0 || m.Skip >= sampleSize {
		faults.Add(fault.Invalid(at("skip"), "Invalid value for skip; use 0 to %d lines", sampleSize-1))
	}
	if m.Decimal != "" && m.Decimal != "." && m.Decimal != "," {
		faults.Add(fault.Invalid(at("decimal"), "Invalid value for decimal; Supported values are . and ,"))
	}
	if m.Dates != "" && m.Dates != "DMY" && m.Dates != "MDY" && m.Dates != "YMD" {
		faults.Add(fault.Invalid(at("dates"), "Invalid value for dates; Supported values are DMY, MDY, YMD"))
	}
	for i, c := range m.Columns {
		if !slices.Contains(Columns, c.Column) {
			faults.Add(fault.Invalid(bank.Path(at("columns"), i)+".column", "Invalid value for column; Supported values are %s", fault.List(Columns)))
		}
		switch n, err := strconv.Atoi(c.Name); {
		case c.Name == "":
			faults.Add(fault.Invalid(bank.Path(at("columns"), i)+".name", "Invalid value for name; use the column's name, or its number from 1"))
		case m.NoHeader && (err != nil || n < 1):
			faults.Add(fault.Invalid(bank.Path(at("columns"), i)+".name", "Invalid value for name; without a line of names use the column's number from 1"))
		}
	}
	has := func(c Column) bool {
		return slices.ContainsFunc(m.Columns, func(x MappedColumn) bool { return x.Column == c })
	}
	if len(m.Columns) > 0 && (!has(ColumnDate) || !has(ColumnAmount) && !(has(ColumnDebit) && has(ColumnCredit))) {
		faults.Add(fault.New(fault.Incomplete, at("columns"), "The mapping needs a date, and an amount or both debit and credit"))
	}
	return faults
}

// columnNames are the folded names of columns, for each column the best first. The list is grouped by language: English,
// German, Dutch, French, Spanish and Portuguese, Italian, Czech and Polish, Scandinavian, others.
var columnNames = map[Column]string{
	ColumnDate: "booking date|posting date|posted date|post date|date posted|buchungstag|buchungsdatum|buchung|boekdatum|boekingsdatum|datum verrekening|" +
		"date comptable|date de comptabilisation|fecha contable|fecha de contabilizacion|data contabile|datum zauctovani|data ksiegowania|bokforingsdag|bokforingsdatum|bokfort dato|" +
		"bokforingsdato|bogforingsdato|kirjauspaiva|konyveles datuma|completed date|completed date utc|date|datum|data|fecha|dato|dag|pvm|tarih|transaction date|" +
		"date operation|date de l operation|date d operation|date transaction|date de transaction|fecha operacion|fecha de operacion|f operacion|fecha movimiento|data operazione|data movimento|data mov|data lancamento|" +
		"datum transakce|datum provedeni|datum verrichting|transactiedatum|data operacji|data transakcji|data tranzactie|data tranzactiei|transaktionsdatum|transaksjonsdato|execution date|uitvoeringsdatum|dateop|transactiondate|posted transactions date|settled date|booked at|transaction date utc|created|created at|timestamp|" +
		"belegdatum|umsatzdatum|kaufdatum|data valuta operazione|datetime|date time|datum transakcije|konyvelesi datum|transfer date|tran date|dia|bokford|kuupaev|data registrazione|дата платежа|дата операции|дата|date processed|datums|tranzakcio datuma|datum splatnosti|dagsetning|дата i час операції|дата і час операції|дата операції|дата проведення|ημερομηνια|ημ νια συναλλαγησ|תאריך|datum zauctovania|tanggal|tanggal transaksi|islem tarihi|dags|datum knjizenja|datum valute knjizenja",
	ColumnValueDate: "value date|valutadatum|wertstellung|wertstellungsdatum|wertstellungstag|rentedatum|valutadag|date de valeur|date valeur|fecha valor|f valor|data valor|data valuta|datum valuty|data waluty|" +
		"valuteringsdag|valuteringsdato|rentedato|arvopaiva|dateval|valuedate|valuta date|wert|wertstellung valuta|erteknap|vertibas datums|дата валютування|вальор|ημ νια αξιασ|valor ημερομηνια|תאריך ערך|vaxtadags|datum valute",
	ColumnAmount: "zauctovana castka|castka v mene uctu|buchungsbetrag|amount|transaction amount|amount in account currency|betrag|umsatz|betrag eur|bedrag|transactiebedrag|montant|montant de l operation|" +
		"importe|importo|monto|cantidad|objem|valor movimento|quantia|montante|castka|kwota|kwota operacji|kwota transakcji|belopp|belob|belop|summa|maara|osszeg|tutar|iznos|suma|value amount|net amount|net|netto|paid amount|total|maara euroa|montant euros|credit debit amount|kwota transakcji waluta rachunku|billing amount|insattningar uttag|import|сумма платежа|сумма операции|сумма|tranzakcio osszege|islem tutari|upphæd|сума в валюті картки|сума у валюті картки|сума в валюті рахунку|сума|ποσο|ποσο συναλλαγησ|סכום|amt|amount in rs|jumlah|nominal|iznos transakcije",
	ColumnDebit: "debit|debits|debit amount|withdrawal|withdrawals|withdrawal amount|paid out|money out|funds out|saida|saidas|out|outflow|spent|soll|belastung|lastschrift|ausgang|ausgaben|abgang|debet|af bedrag|uitgaven|uit|" +
		"debit euros|debito|debitos|cargo|cargos|adeudo|gasto|uscite|addebiti|addebiti euro|addebito|dare|debe|depense|depenses|obciazenia|obciazenie|ut|ut fra konto|ud|wydatki|dr|дебит|дебет|χρεωση|חובה|borc|isplata|isplate|breme|duguje|terecenje",
	ColumnCredit: "credit|credits|credit amount|deposit|deposits|deposit amount|paid in|money in|funds in|entrada|entradas|in|inflow|received|haben|gutschrift|eingang|einnahmen|zugang|bij bedrag|inkomsten|" +
		"credit euros|credito|creditos|abono|abonos|ingreso|ingresos|entrate|accrediti|accrediti euro|accredito|avere|haber|recette|recettes|uznania|uznanie|inn|inn pa konto|ind|wplywy|cr|кредит|πιστωση|זכות|alacak|kredit|uplata|uplate|dobro|potrazuje|odobrenje",
	ColumnSide: "debit credit|credit debit|debit credit indicator|d c|dc|dr cr|cr dr|soll haben|soll haben kennzeichen|s h|af bij|bij af|sens|signo|segno|sign|vorzeichen|cdtdbtind|direction|richtung|deebet kreedit|debets kredits|bevetel kiadas|προσημο ποσου|προσημο",
	ColumnBalance: "balance|running balance|balance after|running bal|account balance|closing balance|ledger balance|saldo|kontostand|saldo nach buchung|saldo na trn|saldo na mutatie|eindsaldo|endsaldo|solde|solde apres operation|saldo contable|" +
		"saldo disponible|saldo contabile|zustatek|zustatek po transakci|saldo po operacji|saldo po transakcji|saldo efter|bokfort saldo|egyenleg|bakiye|bal|stada|залишок на кінець періоду|залишок після операції|залишок|салдо|остаток|υπολοιπο|προοδευτικο υπολοιπο|יתרה|zostatok|stanje|sold contabil|sold",
	ColumnCurrency: "mena uctu|buchungswahrung|account currency|currency|currency code|ccy|curr|wahrung|waehrung|kontowahrung|munt|muntsoort|mutationcode|devise|divisa|moneda|moeda|mena|waluta|valuta transactie|valuta rekening|valuutta|valutakod|penznem|deviza|para birimi|transaction currency|валюта платежа|валюта операции|валюта|tranzakcio devizaneme|devizanem|mynt|валюта картки|валюта рахунку|νομισμα|מטבע",
	ColumnDescription: "verwendungszweck|vwz|vorgang verwendungszweck|description|sub description|transaction description|booking text|details|transaction details|narrative|narration|memo|particulars|remittance information|remittance information unstructured|payment reference text|payment reference|message|message for payee|message for me|notifications|" +
		"transaktionsbeschreibung|transaktionsbeschreibung zusatz|beschreibung|buchungs details|betreff|buchungsdetails|zahlungsgrund|omschrijving|mededeling|mededelingen|toelichting|betalingskenmerk tekst|libelle|libelle operation|motif|communication|" +
		"concepto|descripcion|observaciones|descricao|descrizione|causale|descrizione operazione|descrizione operazioni|descrizione completa|descriere|popis|zprava|zprava pro prijemce|poznamka|opis|opis operacji|opis transakcji|tytul|tytulem|beskrivning|meddelande|tekst|text|beskrivelse|rubrik|selite|otsikko|viesti|kozlemeny|aciklama|reason|title|movimiento|avisierungstext|forklaring|operazione|dettagli|remarks|transaction remarks|transaction ref|historico|titulo|selgitus|moviment|mes dades|mas datos|описание|paaiskinimai|informacija sanemejam|poznamka k uhrade|systemovy popis|popis prikazce|popis pro prijemce|skyring|texti|опис операції|деталі операції|призначення платежу|основание|αιτιολογια|περιγραφη|תיאור|תיאור התנועה|פרטים|popis transakcie|informacia pre prijemcu|sprava pre prijimatela|ucel platby|keterangan|namen|detalii tranzactie",
	ColumnName: "name zahlungsbeteiligter|empfanger zahlungspflichtiger|beguenstigter zahlungspflichtiger|begunstigter zahlungspflichtiger|begunstigter|beguenstigter|auftraggeber begunstigter|auftraggeber beguenstigter|auftraggeber empfanger|auftraggeber zahlungsempfanger|sender empfanger|" +
		"empfanger|empfaenger|empfangername|zahlungsempfanger|zahlungsempfanger in|zahlungsempfanger name|zahlungsempfanger innen|name|counterparty name|counteraccount name|counter party|payee|payee name|creditor name|payer payee|merchant|merchant name|recipient|beneficiary|vendor|" +
		"naam omschrijving|naam tegenpartij|naam van de tegenpartij|naam tegenrekening|naam tegenpartij bevat|handelaar|beneficiaire|nom|nom contrepartie|tiers|beneficiario|ordenante|destinatario|controparte|nazev protiuctu|nazev protistrany|protistrana|kontrahent|nadawca odbiorca|odbiorca|dane kontrahenta|namn|betalingsmottaker|navn|nimi|saaja maksaja|saaja|partner neve|to from|partnername|partner name|other party|other party name|saaja maksja|gavejas|moketojas gavejas|sanemejs maksatajs|наредител получател|контрагент|nazov partnera|nazov protiuctu|empfaenger 1|empfanger 1|name gegenkonto|saaja maksja nimi",
	ColumnAccount: "tegenrekening|tegenrekening iban bban|tegenrekening iban|rekening tegenpartij|rekeningnummer tegenpartij|iban zahlungsbeteiligter|kontonummer iban|gegenkonto|iban gegenkonto|iban empfanger|kontonummer zahlungsbeteiligter|counterparty account|counterparty iban|counter account|counterparty account number|payee account number|numer konta|" +
		"compte contrepartie|iban contrepartie|cuenta destino|cuenta beneficiario|iban controparte|cislo protiuctu|cislo uctu protistrany|protiucet|numer rachunku kontrahenta|nr rachunku kontrahenta|rachunek kontrahenta|mottagarkonto|partner iban|partner szamlaszama|saajan tilinumero|other party account|other party account number|protiucet kod banky|ucet partnera|iban partnera|saaja maksja konto",
	ColumnOwnAccount:   "auftragskonto|iban auftragskonto|iban auftraggeberkonto|auftraggeberkonto iban|eigene iban|iban bban|eigenes konto|own account|cislo uctu|numer rachunku|nr rachunku|source account|posted account|rekeningnummer opdrachtgever|this party account|kliendi konto|saskaitos nr|klienta konts|szamlaszam",
	columnPlainAccount: "iban|kontonummer|konto|rachunek|account|account number|accountnumber|account no|rekening|rekeningnummer|cuenta|numero de cuenta|compte|numero de compte|conto|conta|kontonr|tilinumero",
	columnParty:        "counterparty|partner|contrepartie|contraparte|tegenpartij",
	columnValuta:       "valuta",
	columnValor:        "valor|value",
	columnPlainName:    "naam|mottagare",
	columnPayer:        "auftraggebername|zahlungspflichtige r|zahlungspflichtiger|payer name|payer|debtor name|auftraggeber",
	columnNote:         "notes|note|label",
	columnTopic:        "reference|ref|referenz|referencia|riferimento|referentie",
	columnFee:          "fee",
	columnStarted:      "started date",
	columnImpact:       "balance impact|auswirkung auf guthaben",
	ColumnReference: "transaction id|transactionid|transferwise id|wise id|id|id transakce|id operace|id pohybu|identificador|transaction reference|transaction reference number|transactiereferentie|buchungsreferenz|referenznummer|reference number|bank reference|volgnr|volgnummer|" +
		"numero operation|reference operation|numero de referencia|numer referencyjny|transaktionsnummer|transaktionscode|verifikationsnummer|arkivointitunnus|journal number|fitid|transaktions nr|transaction no|iraso nr|arhiva kods|identifikace transakce|megbizas azonosito|אסמכתא",
	ColumnKind:   "buchungstext|umsatzart|buchungsart|vorgang|transaktionstyp|transaktionsart|umsatztyp|transaction type|type|typ|typ transakce|typ uhrady|kategorie transakce|mutatiesoort|type verrichting|code|transactietype|type operation|type d operation|tipo|tipo movimiento|tipo operazione|tipologia|typ operacji|typ transakcji|rodzaj transakcji|transaktionstyp kod|tyyppi|tapahtumalaji|selitys|bewegungstyp|tranzakcio tipusa",
	ColumnStatus: "info|status|state|umsatzstatus|estado|stato|etat|stav|contabilizzazione|статус",
	ColumnMCC:    "mcc|merchant category code|mcc code",
}

// kindWords are what banks call kinds of bookings in a column of their own, folded, by the code that means the same: one of
// ISO 20022, or the German one of three digits. Only those that say what was done are here, not how it was paid.
var kindWords = map[string]string{
	"153": "lohn gehalt|lohn gehalt rente|gehalt rente|gehalt|lohn",
	"805": "abschluss|rechnungsabschluss|entgeltabschluss",
	"109": "rucklastschrift|ruecklastschrift|lastschriftruckgabe|returned direct debit|unpaid direct debit",
	"PMNT-CCRD-CWDL": "bargeldauszahlung|barauszahlung|bargeldabhebung|geldautomat|auszahlung geldautomat|atm|atm withdrawal|cash withdrawal|cash machine|cashpoint|" +
		"geldautomaat|geldopname|retrait dab|retrait d especes|prelievo bancomat|wyplata z bankomatu|wyplata gotowki|vyber z bankomatu|cash",
	"PMNT-CNTR-CDPT": "bargeldeinzahlung|bareinzahlung|cash deposit|wplata gotowki",
	"ACMT-MDOP-FEES": "entgelt|entgelte|gebuhr|gebuhren|kontofuhrungsentgelt|fee|fee transaction|account fee|bank charge|bank charges|service charge|srvchg|bankkosten|frais bancaires|oplata|prowizja|poplatek|comision|comisiones",
	"ACMT-MDOP-INTR": "zinsen|zinsen dispokredit|interest|interest added|interest paid|credit interest|debit interest|int|interets|interessi|odsetki",
	"SECU-CUST-DVCA": "dividend|div|dividende",
}

var kindCodes = func() map[string]string {
	all := map[string]string{}
	for code, words := range kindWords {
		for _, w := range strings.Split(words, "|") {
			all[w] = code
		}
	}
	return all
}()

// kindCode is the code for a bank's word: of ISO 20022, or the German one.
func kindCode(word string) (iso, gvc string) {
	if iso = kindCodes[fold(word)]; len(iso) == 3 {
		return "", iso
	}
	return iso, ""
}

type columnName struct {
	column Column
	rank   int
}

var columnsByName = func() map[string]columnName {
	all := map[string]columnName{}
	for column, names := range columnNames {
		for i, n := range strings.Split(names, "|") {
			all[n] = columnName{column, i}
		}
	}
	return all
}()

// camel is where a word ends in bookingDate.
var camel = regexp.MustCompile(`(\p{Ll})(\p{Lu})`)

// columnOfName recognises the name of a column, and the currency that it may end in: Betrag (EUR).
func columnOfName(s string) (columnName, bank.Currency) {
	if len(s) > 100 {
		return columnName{}, ""
	}
	name := fold(s)
	if c, ok := columnsByName[name]; ok {
		return c, ""
	}
	if c, ok := columnsByName[fold(camel.ReplaceAllString(s, "$1 $2"))]; ok {
		return c, ""
	}
	if code, ok := dollars(s); ok {
		return columnName{ColumnAmount, 0}, code
	}
	if c, ok := columnsByName[fold(reais.ReplaceAllString(s, ""))]; ok {
		return c, "BRL"
	}
	words := strings.Fields(name)
	if n := len(words); n > 1 {
		last := words[n-1]
		rest := strings.TrimSuffix(strings.Join(words[:n-1], " "), " in")
		c, ok := columnsByName[rest]
		currency := bank.Currency(strings.ToUpper(last))
		if _, known := currency.Digits(); ok && known && len(last) == 3 {
			return c, currency
		}
	}
	if c := columnsByName[strings.TrimRight(name, "0123456789 ")]; c.column == ColumnDescription { // Beschreibung1, Details 2
		return c, ""
	}
	if first, _, both := strings.Cut(s, "/"); both { // Begünstigter / Auftraggeber
		if c := columnsByName[fold(first)]; slices.Contains([]Column{ColumnName, ColumnDescription, columnPlainAccount, ColumnOwnAccount, ColumnAccount}, c.column) {
			return c, ""
		}
	}
	return columnName{}, ""
}

// reais is how Brazilian banks end the names of columns: Crédito (R$).
var reais = regexp.MustCompile(`\s*\(R\$\)$`)

// dollars reads the name of a column of amounts that is only their currency: CAD$.
func dollars(name string) (bank.Currency, bool) {
	code, ok := strings.CutSuffix(name, "$")
	_, known := bank.Currency(code).Digits()
	return bank.Currency(code), ok && known
}

// layout is how a CSV file is to be read.
type layout struct {
	delimiter byte
	header    int    // line that names the columns; 0 if none does
	names     string // digest of what they are called
	skip      int    // records before the first entry
	at        map[Column][]int
	width     int
	currency  bank.Currency         // of the amounts, as their column names it
	dollars   map[int]bank.Currency // where there is a column for those of each
	account   Account               // from the lines before
	closing   *Balance
	dates     order
	point     rune
	group     rune
	charges   bool          // what was spent has no minus, and what was paid back has one
	marked    bool          // no name tells that the sides stand there
	rest      bank.BaseType // then that of lines without one, where only the others are marked
	sided     bool          // there is a column of sides, which a minus turns; otherwise the sign tells
	shortest  int           // the fewest fields that a line of the sample has
	places    int           // the fewest decimals that an amount at the end of a line has
	filled    bool          // the last field of no line is empty
	kinds     []int
}

func (l *layout) col(c Column) int {
	if at := l.at[c]; len(at) > 0 {
		return at[0]
	}
	return -1
}

func (l *layout) get(fields []string, c Column) string {
	for _, i := range l.at[c] {
		if i < len(fields) && fields[i] != "" {
			return fields[i]
		}
	}
	return ""
}

// record is one line of a CSV file, or several where a quoted field holds line ends.
type record struct {
	line   int
	fields []string
	last   bool // the file ends in it, without a line end
	open   bool // a quoted field does not end
}

// The limits on a record of several lines.
const (
	maxRecordLines = 40
	maxRecordSize  = 64 << 10
	maxUnended     = 10 // fields that are quoted and do not end; then nothing more is looked for
)

// csvWalk cuts a file into records. Quotation marks in wrong places do not matter; a field that is quoted and does not
// end within the next lines is taken as it stands.
func csvWalk(r io.Reader, c *collector, delimiter byte, use func(record) error) error {
	in := newLines(r)
	type text struct {
		s    string
		n    int
		last bool
	}
	var waiting []text
	next := func() (text, error) {
		if len(waiting) > 0 {
			t := waiting[0]
			waiting = waiting[1:]
			return t, nil
		}
		b, n, err := in.read()
		if why, is := errors.AsType[unreadable](err); is {
			err = c.refuse(n, "%s", why)
		}
		return text{string(b), n, err == nil && !in.ended}, err
	}
	var fields []string
	unended := 0
	for {
		t, err := next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if strings.TrimSpace(t.s) == "" {
			continue
		}
		var open bool
		fields, open = csvSplit(fields[:0], t.s, delimiter)
		last := t.last
		if open && unended < maxUnended {
			all := []text{t}
			joined := t.s
			for open && len(all) < maxRecordLines && len(joined) < maxRecordSize {
				more, err := next()
				if err == io.EOF {
					break
				}
				if err != nil {
					return err
				}
				all = append(all, more)
				joined += "\n" + more.s
				if strings.Contains(more.s, `"`) {
					fields, open = csvSplit(fields[:0], joined, delimiter)
				}
			}
			if open {
				unended++
				last = last || all[len(all)-1].last
				fields, _ = csvSplit(fields[:0], t.s, delimiter)
				waiting = append(all[1:], waiting...)
			} else {
				last = all[len(all)-1].last
			}
		}
		if err := use(record{t.n, fields, last, open}); err != nil {
			return err
		}
	}
}

// csvSplit cuts a line into its fields; open if the last of them is quoted and does not end.
func csvSplit(fields []string, s string, delimiter byte) (_ []string, open bool) {
	for {
		if len(fields) > 1000 {
			return fields, false
		}
		trimmed := strings.TrimLeft(s, " ")
		if trimmed == "" || trimmed[0] != '"' {
			i := strings.IndexByte(s, delimiter)
			if i < 0 {
				return append(fields, strings.Trim(s, " \t\u00a0")), false
			}
			fields, s = append(fields, strings.TrimSuffix(strings.Trim(s[:i], " \t\u00a0"), `"`)), s[i+1:]
			continue
		}
		s = trimmed[1:]
		var b strings.Builder
		open = true
		for open {
			i := strings.IndexByte(s, '"')
			if i < 0 {
				b.WriteString(s)
				return append(fields, strings.TrimSpace(b.String())), true
			}
			rest := strings.TrimLeft(s[i+1:], " ")
			switch {
			case rest == "":
				b.WriteString(s[:i])
				return append(fields, strings.TrimSpace(b.String())), false
			case rest[0] == delimiter:
				b.WriteString(s[:i])
				fields, s, open = append(fields, strings.TrimSpace(b.String())), rest[1:], false
			case s[i+1] == '"':
				b.WriteString(s[:i+1])
				s = s[i+2:]
			default:
				b.WriteString(s[:i+1])
				s = s[i+1:]
			}
		}
	}
}

const sampleSize = 80

// manyLines is how many amounts without a minus are odd.
const manyLines = 10

var errEnough = errors.New("enough")

// readCSV reads CSV files of banks: what each column holds is recognised by its name, or by what is in it.
func readCSV(src source, look survey, c *collector) error {
	m := c.o.Mapping
	if m == nil {
		m = &Mapping{}
	}
	if faults := CheckMapping("", *m); len(faults) > 0 {
		return c.refuse(1, "The mapping is wrong: %s", sentences(faults))
	}
	sets := []charset{look.set}
	if look.set != nil && &look.set[0] == &windows1252[0] {
		sets = append(sets, windows1250, latin2) // the one in which most names of columns are known is right
	}
	delimiters := ";,\t|"
	if m.Delimiter != "" {
		delimiters = m.Delimiter
	}
	var best *layout
	var bestSample []record
	bestScore, there := 0, make([]bool, len(m.Columns))
	for _, set := range sets {
		try := look
		try.set = set
		for i := range len(delimiters) {
			var sample []record
			err := src.pass(func(in io.Reader) error {
				return csvWalk(try.decode(in), c, delimiters[i], func(r record) error {
					sample = append(sample, record{r.line, slices.Clone(r.fields), r.last, r.open})
					if len(sample) >= sampleSize {
						return errEnough
					}
					return nil
				})
			})
			if err != nil && !errors.Is(err, errEnough) {
				return err
			}
			for i, x := range m.Columns {
				there[i] = there[i] || slices.ContainsFunc(sample, func(r record) bool { return r.line > m.Skip && m.place(x, r.fields) >= 0 })
			}
			l, score := recognise(sample, delimiters[i], m)
			if l != nil && score > bestScore {
				best, bestScore, look.set, bestSample = l, score, set, sample
			}
		}
	}
	if best == nil {
		if len(m.Columns) > 0 {
			for i, x := range m.Columns {
				if !there[i] {
					return c.refuse(1+m.Skip, "The mapping's column of %s is not there (mapping.columns.%d)", x.Column, i)
				}
			}
			return c.refuse(1+m.Skip, "No line has all columns of the mapping")
		}
		return c.refuse(1, "No line names columns for a date and an amount, and what is in the columns does not tell; give a mapping")
	}
	best.settle(bestSample)
	for _, r := range bestSample {
		if r.line == best.header {
			sum := sha256.Sum256([]byte(fold(strings.Join(r.fields, "\n"))))
			best.names = hex.EncodeToString(sum[:4])
		}
	}
	if err := best.surveyRows(src, look, c, m); err != nil {
		return err
	}
	x := &csvReader{c: c, l: best, accounts: map[string]*csvAccount{}}
	err := src.pass(func(in io.Reader) error { return best.rows(in, look, c, x.row) })
	if err == nil {
		err = x.flush()
	}
	if err == nil {
		x.end()
	}
	return err
}

// rows calls use for the records behind the header.
func (l *layout) rows(in io.Reader, look survey, c *collector, use func(record) error) error {
	n := 0
	return csvWalk(look.decode(in), c, l.delimiter, func(r record) error {
		if n++; n <= l.skip {
			return nil
		}
		return use(r)
	})
}

// recognise finds the line that names columns and what they are. The score is how many are known.
func recognise(sample []record, delimiter byte, m *Mapping) (*layout, int) {
	if m.NoHeader || len(m.Columns) > 0 {
		return mapped(sample, delimiter, m)
	}
	var best *layout
	bestScore, bestAt := 0, 0
	for i, r := range sample {
		if r.line <= m.Skip {
			continue
		}
		l := &layout{delimiter: delimiter, header: r.line, skip: i + 1, at: map[Column][]int{}, width: len(r.fields)}
		ranks := map[Column]int{}
		score := 0
		for j, f := range r.fields {
			c, currency := columnOfName(f)
			if f == "" && j > 0 && slices.Contains(l.at[ColumnDescription], j-1) { // a text may go on in columns without a name
				l.at[ColumnDescription] = append(l.at[ColumnDescription], j)
			}
			if c.column == "" {
				continue
			}
			score++
			rank := c.rank
			if currency != "" {
				rank = -1
			}
			if c.column == ColumnKind {
				l.kinds = append(l.kinds, j)
			}
			spare := c.column == ColumnDate || c.column == ColumnName || c.column == columnPlainAccount // for lines in which the best one is empty
			if _, ok := dollars(f); ok {
				if l.dollars == nil {
					l.dollars = map[int]bank.Currency{}
				}
				l.dollars[j], spare = currency, true
			}
			if c.column == ColumnDescription || len(l.at[c.column]) == 0 {
				l.at[c.column] = append(l.at[c.column], j)
				ranks[c.column] = rank
			} else if rank < ranks[c.column] {
				rest := l.at[c.column]
				l.at[c.column], ranks[c.column] = []int{j}, rank
				if spare {
					l.at[c.column] = append(l.at[c.column], rest...)
				}
			} else if spare {
				l.at[c.column] = append(l.at[c.column], j)
				score--
			} else {
				score--
				continue
			}
			if currency != "" && (c.column == ColumnAmount || c.column == ColumnDebit || c.column == ColumnCredit) {
				l.currency = currency
			}
		}
		if slices.ContainsFunc(r.fields, func(f string) bool { return fold(f) == "dane kontrahenta" }) && l.col(ColumnAccount) < 0 { // ING in Poland: whose number it is
			l.at[ColumnAccount], l.at[ColumnOwnAccount] = l.at[ColumnOwnAccount], l.at[columnPlainAccount]
			delete(l.at, columnPlainAccount)
		}
		if at, ok := l.at[columnStarted]; ok { // Revolut: what is not completed has begun, and fees are beside the amount
			l.at[ColumnDate] = append(l.at[ColumnDate], at...)
			delete(l.at, columnStarted)
		} else if l.col(ColumnDebit) < 0 || l.col(ColumnBalance) < 0 {
			delete(l.at, columnFee)
		}
		if at, ok := l.at[columnValor]; ok && len(l.at[ColumnAmount])+len(l.at[ColumnDebit]) == 0 {
			l.at[ColumnAmount] = at
			delete(l.at, columnValor)
		}
		_, date := l.at[ColumnDate]
		if _, value := l.at[ColumnValueDate]; value && !date {
			date = true
		}
		_, amount := l.at[ColumnAmount]
		_, debit := l.at[ColumnDebit]
		_, credit := l.at[ColumnCredit]
		if !date || !amount && !(debit && credit) {
			continue
		}
		if amount && ranks[ColumnAmount] >= 0 {
			l.currency = ""
		}
		if score > bestScore {
			best, bestScore, bestAt = l, score, i
		}
	}
	if best == nil {
		return byValues(sample, delimiter)
	}
	best.preamble(sample[:bestAt])
	best.charges = chargesIn(sample[bestAt].fields, sample[bestAt+1:])
	return best, bestScore * 2 // known names are worth more than what values look like
}

// chargesIn tells by the names of columns whether a file is one of those that card issuers write as they bill: American
// Express, in English and German, Apple, Discover, Citi, Rogers, BMO, Lloyds and Nubank, whose names are plain: there most rows tell
// it too.
func chargesIn(names []string, rows []record) bool {
	var all []string
	for _, n := range names {
		all = append(all, fold(n))
	}
	for _, its := range []string{"card member", "cardmember", "foreign spend amount", "appears on your statement as", "purchased by", "merchant category description"} {
		if slices.Contains(all, its) {
			return true
		}
	}
	switch header := strings.Join(all, "|"); header {
	case "trans date|post date|description|amount|category", "datum|beschreibung|karteninhaber|konto|betrag",
		"item|card|transaction date|posting date|transaction amount|description":
		return true
	case "date|title|amount", "date|category|title|amount":
		plain := 0
		for _, r := range rows {
			if hasMinus(r.fields[len(r.fields)-1]) {
				plain--
			} else {
				plain++
			}
		}
		return plain > 0
	default:
		return strings.HasPrefix(header, "status|date|description|debit|credit") || strings.HasPrefix(header, "date|date entered|reference|description|amount")
	}
}

// purchases and incomes are the folded words for what was bought and for what came in, where a column has nothing but them, and
// thanks is what only card issuers say, to those who paid their bill.
var (
	purchases = []string{"purchase", "purchases", "achat", "achats", "kauf", "einkauf", "aankoop", "compra", "compras", "acquisto"}
	incomes   = []string{"deposit", "deposits", "credit", "load", "top up", "topup", "refund", "salary", "payroll", "interest", "dividend", "sell", "verkauf", "venta", "vendita",
		"einzahlung", "gutschrift", "deposito", "versement", "storting"}
	thanks = regexp.MustCompile(`payment (received )?thank you|thank you for your payment|paiement( recu)? merci|enregistre merci|erhalten besten dank|` +
		`bedankt voor uw betaling|betalning mottagen tack`)
)

// billed tells by what is in the rows whether a file with signed amounts is written as cards bill: purchases have no minus,
// payments of the bill have one. Nothing may speak against it.
func (l *layout) billed(rows []record) bool {
	pro, contra := 0, 0
	for _, r := range rows {
		sum := l.get(r.fields, ColumnAmount)
		if !strings.ContainsAny(sum, "123456789") {
			continue
		}
		bought, came, thanked := false, false, false
		for _, f := range r.fields {
			if f = fold(f); f != "" {
				bought = bought || slices.Contains(purchases, f)
				came = came || slices.Contains(incomes, f)
				thanked = thanked || thanks.MatchString(f)
			}
		}
		switch minus := hasMinus(sum); {
		case bought && !minus, thanked && minus:
			pro++
		case bought, thanked, came && !minus:
			contra++
		}
	}
	return pro > 0 && contra == 0
}

// place is where a column is in a line, if the line names the columns; -1 if it is not there.
func (m *Mapping) place(c MappedColumn, fields []string) int {
	if n, err := strconv.Atoi(c.Name); err == nil && n >= 1 && n <= len(fields) {
		return n - 1
	}
	if m.NoHeader {
		return -1
	}
	return slices.IndexFunc(fields, func(f string) bool { return fold(f) == fold(c.Name) })
}

// mapped takes the columns from the mapping.
func mapped(sample []record, delimiter byte, m *Mapping) (*layout, int) {
	if len(m.Columns) == 0 {
		l, score := byValues(sample, delimiter)
		return l, score
	}
	for i, r := range sample {
		if r.line <= m.Skip {
			continue
		}
		l := &layout{delimiter: delimiter, header: r.line, skip: i + 1, at: map[Column][]int{}, width: len(r.fields)}
		if m.NoHeader {
			l.header, l.skip = 0, i
		}
		all := true
		for _, x := range m.Columns {
			at := m.place(x, r.fields)
			all = all && at >= 0
			l.at[x.Column] = append(l.at[x.Column], at)
		}
		if all {
			l.preamble(sample[:i])
			return l, 1 + len(r.fields)
		}
		if m.NoHeader {
			break
		}
	}
	return nil, 0
}

// accountNames and currencyNames are what the lines before the columns call these two.
var accountNames = []string{"konto", "kontonummer", "account number", "account", "accountid", "cuenta", "compte", "rekening", "numer rachunku"}
var currencyNames = []string{"currency", "wahrung", "waehrung", "waluta", "mena", "moneda", "devise", "valuta", "munt"}

// preamble looks for the account and its balance in the lines before the columns: a name with its value beside it, or in
// the next line.
func (l *layout) preamble(lines []record) {
	for i, r := range lines {
		for j, f := range r.fields {
			f = strings.Trim(f, `="`) // ="CH28…" keeps Excel from counting
			for _, word := range append(strings.Fields(f), f) {
				if iban, fault := bank.ParseIBAN("", word); fault == nil && l.account.IBAN == "" {
					l.account.IBAN = iban
				}
			}
			value := ""
			if j+1 < len(r.fields) {
				value = r.fields[j+1]
			}
			if value == "" && j == 0 && i+1 < len(lines) {
				value = lines[i+1].fields[0]
			}
			if value = strings.Trim(value, `="`); value == "" {
				continue
			}
			switch name := fold(f); {
			case strings.HasPrefix(name, "saldo poczatkowe"), strings.HasPrefix(name, "saldo anterior"), strings.HasPrefix(name, "saldo inicial"):
			case strings.HasPrefix(name, "kontostand"), strings.HasPrefix(name, "saldo"), strings.HasPrefix(name, "ledger balance"), strings.HasPrefix(name, "solde"), strings.HasPrefix(name, "neuer kontostand"), name == "closingbalance":
				var d decimals
				d.see(value)
				point, group := d.decide("")
				if amount, ok := parseAmount(value, point, group); ok && l.closing == nil {
					l.closing = &Balance{Money: bank.Money{Amount: amount}}
					for _, word := range strings.Fields(strings.Trim(f, ":")) {
						if d, ok := parseDate(strings.Trim(word, ":()")); ok && d.order() != anyOrder {
							if day, ok := d.day(d.order()); ok {
								l.closing.Date = &day
							}
						}
					}
				}
			case l.account.Number == "" && slices.Contains(accountNames, name) && strings.ContainsAny(value, "0123456789"):
				l.account.Number = value
			case l.account.Currency == "" && slices.Contains(currencyNames, name):
				if c := bank.Currency(strings.ToUpper(value)); len(c) == 3 {
					if _, known := c.Digits(); known {
						l.account.Currency = c
					}
				}
			}
		}
	}
}

// settle decides by what is in them what columns with vague names hold.
func (l *layout) settle(sample []record) {
	if l.skip > len(sample) {
		return
	}
	rows := sample[l.skip:]
	every := func(at int, test func(string) bool) bool {
		n := 0
		for _, r := range rows {
			if at < len(r.fields) && r.fields[at] != "" {
				if !test(r.fields[at]) {
					return false
				}
				n++
			}
		}
		return n > 0
	}
	isCurrency := func(s string) bool { _, known := bank.Currency(strings.ToUpper(s)).Digits(); return known }
	isDate := func(s string) bool { _, ok := parseDate(s); return ok }
	isAccount := func(s string) bool {
		return len(strings.Fields(s)) < 9 && strings.ContainsAny(s, "0123456789") && len(s) > 5
	}
	move := func(from, to Column) {
		l.at[to] = append(l.at[to], l.at[from]...)
		delete(l.at, from)
	}
	if l.col(ColumnValueDate) < 0 {
		move(columnValor, ColumnValueDate)
	}
	if at := l.col(columnFee); at >= 0 && l.col(ColumnDebit) >= 0 && !every(at, func(s string) bool { return hasMinus(s) || !strings.ContainsAny(s, "123456789") }) {
		delete(l.at, columnFee) // with a minus it moves the balance beside the amount: Capitec
	}
	if len(l.at[ColumnDescription]) > 1 { // of which one may hold no text but the side
		l.at[ColumnDescription] = slices.DeleteFunc(l.at[ColumnDescription], func(at int) bool {
			return every(at, func(s string) bool { return sideOf(s) != "" || s == "CHECK" || s == "DSLIP" })
		})
	}
	for _, spare := range []Column{columnTopic, columnNote} {
		if l.col(ColumnDescription) < 0 && l.col(spare) >= 0 {
			move(spare, ColumnDescription)
		}
	}
	if l.col(ColumnDescription) < 0 && len(l.kinds) > 1 { // the best name is that of a text
		best := l.col(ColumnKind)
		l.at[ColumnDescription] = []int{best}
		l.at[ColumnKind] = slices.DeleteFunc(l.kinds, func(at int) bool { return at == best })[:1]
	}
	for _, spare := range []Column{columnPlainName, columnPayer} {
		if l.col(ColumnName) < 0 {
			move(spare, ColumnName)
		}
	}
	l.shortest = l.width
	fewest, widest := 0, l.width
	for _, r := range rows {
		n := len(r.fields)
		for n > 0 && r.fields[n-1] == "" {
			n--
		}
		if d := l.get(r.fields, ColumnDate); d == "" || !isDate(d) {
			continue
		}
		if !r.last {
			l.shortest = min(l.shortest, len(r.fields))
		}
		if fewest == 0 || n < fewest {
			fewest = n
		}
	}
	if l.delimiter != ',' && fewest > widest { // the header does not name them all; with commas those would be decimals
		l.width = fewest
	}
	if at := l.col(columnValuta); at >= 0 {
		if every(at, isCurrency) && l.col(ColumnCurrency) < 0 {
			move(columnValuta, ColumnCurrency)
		} else if every(at, isDate) && l.col(ColumnValueDate) < 0 {
			move(columnValuta, ColumnValueDate)
		}
	}
	if at := l.col(ColumnCurrency); at >= 0 && !every(at, isCurrency) && every(at, isDate) {
		delete(l.at, ColumnCurrency)
	}
	if at := l.col(ColumnValueDate); at >= 0 && !every(at, isDate) {
		delete(l.at, ColumnValueDate)
	}
	if l.col(ColumnDate) < 0 {
		move(ColumnValueDate, ColumnDate)
	}
	if at := l.col(columnParty); at >= 0 {
		if l.col(ColumnName) >= 0 || every(at, isAccount) {
			if l.col(ColumnAccount) < 0 {
				move(columnParty, ColumnAccount)
			}
		} else {
			move(columnParty, ColumnName)
		}
	}
	// A column that is just called account holds the other's where there is a name to it and nothing else for it, and it is not one and
	// the same beside several names; and where some lines have none, or there are nearly as many as lines.
	plain := l.at[columnPlainAccount]
	delete(l.at, columnPlainAccount)
	for _, at := range plain {
		give := func(c Column) { l.at[c] = append(l.at[c], at) }
		names, accounts := map[string]bool{}, map[string]bool{}
		one, some, n := len(rows) > 1, false, 0
		for _, r := range rows {
			if isDate(l.get(r.fields, ColumnDate)) && at < len(r.fields) {
				n++
				some = some || strings.Trim(r.fields[at], "-") == ""
				accounts[r.fields[at]] = true
			}
			names[fold(l.get(r.fields, ColumnName))] = true
			one = one && at < len(r.fields) && r.fields[at] != "" && r.fields[at] == rows[0].fields[at]
		}
		switch {
		case one && len(names) > 1 && l.account.IBAN == "":
			give(ColumnOwnAccount)
		case l.col(ColumnAccount) < 0 && len(accounts) > 1 && (some || len(accounts) > 2 && 2*len(accounts) > n):
			give(ColumnAccount)
		case l.col(ColumnAccount) >= 0 && l.col(ColumnOwnAccount) < 0, l.col(ColumnName) < 0 && l.col(ColumnOwnAccount) < 0 && l.account.IBAN == "":
			give(ColumnOwnAccount)
		case l.col(ColumnAccount) < 0:
			give(ColumnAccount)
		}
	}
	// The side may stand in a column of any name, or of none.
	if l.col(ColumnAmount) >= 0 && l.col(ColumnSide) < 0 {
		for j := range l.width {
			taken := false
			for c, at := range l.at {
				taken = taken || slices.Contains(at, j) && c != ColumnKind
			}
			vague := l.header == 0 && every(j, func(s string) bool { return s == "-" }) || every(j, func(s string) bool { return s == "K" }) // where nothing else stands there
			if !taken && !vague && every(j, func(s string) bool { return sideOf(s) != "" }) {
				l.at[ColumnSide], l.marked = []int{j}, true
				break
			}
		}
	}
	if at := l.col(ColumnSide); at >= 0 && !every(at, func(s string) bool { return sideOf(s) != "" }) {
		delete(l.at, ColumnSide)
	}
	if l.header > 0 && l.col(ColumnSide) < 0 && l.col(ColumnBalance) < 0 {
		l.charges = l.charges || l.billed(rows)
	}
}

// sideOf reads a mark for money in or out.
func sideOf(s string) bank.BaseType {
	switch strings.ToUpper(s) {
	case "D", "S", "DR", "DB", "DEBIT", "DBIT", "SOLL", "AF", "DEBET", "-", "OUT", "DEBE", "DARE", "DEBIT CARD", "KIADÁS", "Χ":
		return bank.Debit
	case "C", "H", "K", "CR", "CREDIT", "CRDT", "HABEN", "BIJ", "+", "IN", "HABER", "AVERE", "KREDIT", "BEVÉTEL", "Π":
		return bank.Credit
	}
	return ""
}

// hasMinus tells whether an amount is written below zero; 12.- is not.
func hasMinus(s string) bool {
	if whole := strings.TrimRight(s, "-"); strings.HasSuffix(whole, ".") || strings.HasSuffix(whole, ",") {
		s = whole
	}
	return strings.ContainsAny(s, "-(\u2212")
}

// byValues recognises columns without names: one of dates, one of amounts of which some are negative, perhaps a balance
// behind it that fits, currencies, and texts. Debits and credits may be apart where the balance tells which are which, and
// the balance may stand before and after each amount. What is the same in all rows before the date is one's own account.
func byValues(sample []record, delimiter byte) (*layout, int) {
	if len(sample) == 0 || len(sample[0].fields) < 3 {
		return nil, 0
	}
	l := &layout{delimiter: delimiter, at: map[Column][]int{}, width: len(sample[0].fields)}
	var amounts, halves []int
	negative, values := map[int]bool{}, map[int][]decimal.Decimal{}
	for _, r := range sample {
		if len(r.fields) != l.width {
			return nil, 0
		}
	}
	for j := range l.width {
		dates, numbers, codes, words, same, n := true, true, true, false, true, 0
		var d decimals
		for _, r := range sample {
			d.see(r.fields[j])
		}
		point, group := d.decide("")
		for _, r := range sample {
			f := r.fields[j]
			a, ok := parseAmount(f, point, group)
			values[j] = append(values[j], a)
			if f == "" {
				continue
			}
			n++
			same = same && f == sample[0].fields[j]
			_, isDate := parseDate(f)
			dates = dates && isDate
			numbers = numbers && ok && strings.ContainsAny(f, ".,-+")
			negative[j] = negative[j] || ok && a.IsNeg()
			_, ok = bank.Currency(f).Digits()
			codes = codes && ok
			words = words || strings.ContainsFunc(f, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
		}
		switch full := n == len(sample); {
		case n == 0:
		case dates && full && l.col(ColumnDate) < 0:
			l.at[ColumnDate] = []int{j}
		case dates && full && l.col(ColumnValueDate) < 0:
			l.at[ColumnValueDate] = []int{j}
		case numbers && !dates && !full:
			halves = append(halves, j)
		case numbers && !dates:
			amounts = append(amounts, j)
		case codes && full:
			l.at[ColumnCurrency] = []int{j}
		case same && full && l.col(ColumnDate) < 0 && l.col(ColumnOwnAccount) < 0 && accountNumber(sample[0].fields[j]):
			l.at[ColumnOwnAccount] = []int{j}
		case !dates && words:
			l.at[ColumnDescription] = append(l.at[ColumnDescription], j)
		}
	}
	if l.col(ColumnDate) >= 0 && len(halves) == 2 && len(amounts) == 1 {
		for _, h := range [][]int{halves, {halves[1], halves[0]}} {
			if lowers(values[h[0]], values[h[1]], values[amounts[0]]) && !lowers(values[h[1]], values[h[0]], values[amounts[0]]) {
				l.at[ColumnDebit], l.at[ColumnCredit], l.at[ColumnBalance] = h[:1], h[1:], amounts
				return l, len(l.at)
			}
		}
	}
	if len(amounts) == 2 && !negative[amounts[0]] && l.col(ColumnDate) >= 0 && len(halves) == 0 { // one of the two halves is empty all along
		none := make([]decimal.Decimal, len(sample))
		column := ColumnDebit
		if down, up := lowers(values[amounts[0]], none, values[amounts[1]]), lowers(none, values[amounts[0]], values[amounts[1]]); down != up {
			if up {
				column = ColumnCredit
			}
			l.at[column], l.at[ColumnBalance] = amounts[:1], amounts[1:]
			return l, len(l.at)
		}
	}
	if len(amounts) == 3 && negative[amounts[2]] && adds(values[amounts[0]], values[amounts[2]], values[amounts[1]]) {
		amounts = []int{amounts[2], amounts[1]}
	}
	if l.col(ColumnDate) < 0 || len(halves) > 0 || len(amounts) == 0 || len(amounts) > 2 || !negative[amounts[0]] {
		return nil, 0
	}
	l.at[ColumnAmount] = amounts[:1]
	if len(amounts) == 2 {
		l.at[ColumnBalance] = amounts[1:]
	}
	return l, len(l.at)
}

// accountNumber tells whether a text is an IBAN or a plain number that is long enough for an account.
func accountNumber(s string) bool {
	_, f := bank.ParseIBAN("", s)
	return f == nil || len(s) >= 6 && strings.Trim(s, "0123456789") == ""
}

// adds tells whether in each row the balance before and the amount make the balance after it.
func adds(before, amounts, after []decimal.Decimal) bool {
	for i := range amounts {
		if sum, err := before[i].Add(amounts[i]); err != nil || !sum.Equal(after[i]) {
			return false
		}
	}
	return true
}

// lowers tells whether a balance falls by what one column holds and rises by the other, row by row in either order.
func lowers(debits, credits, balance []decimal.Decimal) bool {
	down, up := len(balance) > 1, len(balance) > 1
	for i := range balance {
		moved, err := credits[i].Sub(debits[i])
		if err != nil || !debits[i].IsZero() && !credits[i].IsZero() {
			return false
		}
		if i > 0 {
			d, err := balance[i].Sub(balance[i-1])
			down = down && err == nil && d.Equal(moved)
		}
		if i < len(balance)-1 {
			d, err := balance[i].Sub(balance[i+1])
			up = up && err == nil && d.Equal(moved)
		}
	}
	return down || up
}

// surveyRows looks at all rows for what one alone does not tell: the order in dates, the decimal sign, whether amounts
// have signs.
func (l *layout) surveyRows(src source, look survey, c *collector, m *Mapping) error {
	var days orders
	var numbers decimals
	signs, minus, plain, many := false, 0, 0, 9 // minus and plain are debits with a minus and without
	l.places, l.filled = many, false
	lines := 0
	var own bank.Currency // the file's
	mixed := false
	sides := map[bank.BaseType]int{} // of lines with an amount
	err := src.pass(func(in io.Reader) error {
		return l.rows(in, look, c, func(r record) error {
			if n := len(r.fields); n > 0 && !r.last && l.get(r.fields, ColumnDate) != "" {
				l.filled = (l.filled || lines == 0) && r.fields[n-1] != ""
				lines++
			}
			if sum := l.sum(r.fields); sum != "" {
				if side := l.get(r.fields, ColumnSide); side == "" || sideOf(side) != "" {
					sides[sideOf(side)]++
				}
				if currency := l.currencyOf(r.fields, sum); own == "" {
					own = currency
				} else {
					mixed = mixed || currency != own
				}
			}
			for _, column := range []Column{ColumnDate, ColumnValueDate} {
				if d, ok := parseDate(l.get(r.fields, column)); ok {
					days.see(d, r.line)
				}
			}
			for _, column := range []Column{ColumnAmount, ColumnDebit, ColumnCredit, ColumnBalance} {
				if at := l.col(column); at >= 0 && at < len(r.fields) {
					numbers.see(r.fields[at])
					if n := decimalsOf(r.fields[at]); at == len(r.fields)-1 && !r.last && n >= 0 {
						l.places = min(l.places, n)
					}
				}
			}
			if at := l.col(ColumnAmount); at >= 0 && at < len(r.fields) {
				neg := hasMinus(r.fields[at])
				signs = signs || neg
				if sideOf(l.get(r.fields, ColumnSide)) == bank.Debit && strings.ContainsAny(r.fields[at], "123456789") {
					if neg {
						minus++
					} else {
						plain++
					}
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	if l.places == many { // no other line tells
		l.places = 2
		if n, known := c.o.Currency.Digits(); known {
			l.places = min(n, 2)
		}
	}
	switch rest, debits, credits := sides[""], sides[bank.Debit], sides[bank.Credit]; {
	case rest == 0:
	case debits == 0 && credits > 0 && (l.marked || rest > credits): // of a card
		l.rest = bank.Debit
	case credits == 0 && debits > 0 && l.marked:
		l.rest = bank.Credit
	}
	l.sided = l.col(ColumnSide) >= 0 && (!signs || plain > 0 && plain >= minus) // a minus that few debits have takes them back
	if l.col(ColumnAmount) >= 0 && lines >= manyLines && !signs && !l.charges && l.col(ColumnSide) < 0 {
		c.warn(max(1, l.header), "No amount of the file has a minus and no column tells the side, so all were taken for money that came in")
	}
	if own == "" && lines > 0 {
		c.noCurrency(max(1, l.header))
	}
	if own == "" || mixed {
		own = c.o.Currency
	}
	l.point, l.group = numbers.decide(own)
	switch m.Decimal {
	case "":
	case ".":
		l.point, l.group = '.', ','
	case ",":
		l.point, l.group = ',', '.'
	}
	if m.Dates != "" {
		l.dates = order(m.Dates[0])
		return nil
	}
	l.dates, err = days.decide(c, dmy)
	return err
}

// csvAccount is a statement of a CSV file with what is known of its running balance.
type csvAccount struct {
	st                        *Statement
	rows                      int
	up, down                  bool // the balances fit, oldest first; newest first
	first, firstSum, last, lm decimal.Decimal
	firstDay, lastDay         bank.Date
}

type csvReader struct {
	c        *collector
	l        *layout
	accounts map[string]*csvAccount
	order    []*csvAccount
	pending  *csvRow // an entry that the next lines may add to
}

type csvRow struct {
	entry    Entry
	account  string
	ref      string
	more     string // that tells the entry from others
	problem  string
	balance  decimal.Decimal
	balanced bool
}

func (x *csvReader) row(r record) error {
	l := x.l
	text := func(c Column) string { return l.get(r.fields, c) }
	account := func(c Column) string {
		if s := strings.Trim(text(c), "'"); s != "-" {
			return s
		}
		return ""
	}
	day, sum := text(ColumnDate), l.sum(r.fields)
	cut := r.last && (r.open || len(r.fields) < l.shortest || l.cut(r.fields))
	if day == "" && sum == "" && !cut {
		return x.more(r)
	}
	if err := x.flush(); err != nil {
		return err
	}
	if balanceLine(r.fields, day != "" && sum != "") {
		x.c.warn(r.line, "The line is a balance or a sum and was left out")
		return nil
	}
	if cut {
		return x.reject(r.line, "The line ends early: the file is cut off")
	}
	if n := slices.IndexFunc(r.fields[min(l.width, len(r.fields)):], func(f string) bool { return f != "" }); n >= 0 {
		return x.reject(r.line, "The line has more fields than there are columns: a text or a decimal number with the delimiter in it is not in quotation marks")
	}
	if slices.Contains([]string{"offen", "pending", "vorgemerkt", "ausstehend"}, fold(day)) {
		x.c.warn(r.line, "The entry has no date yet and was left out: it is not booked")
		return nil
	}
	e := Entry{Line: r.line}
	e.Status = bank.Posted
	var bad problems
	d, ok := parseDate(day)
	if ok {
		e.BookingDate, ok = d.day(l.dates)
	}
	if !ok {
		if _, numeric := parseAmount(sum, l.point, l.group); !numeric && len(r.fields) < l.width {
			x.c.warn(r.line, "The line is no entry and was left out")
			return nil
		}
		bad.add("The date is missing or is no day of the calendar from 1900 on")
	}
	if s := text(ColumnValueDate); s != "" {
		if d, ok := parseDate(s); ok {
			if v, ok := d.day(l.dates); ok {
				e.ValueDate = &v
			}
		}
	}
	amount, problem := x.amount(r.fields)
	if problem != "" {
		bad.add("%s", problem)
	}
	fee, _ := parseAmount(text(columnFee), l.point, l.group)
	if net, err := amount.Sub(fee.Abs()); err == nil {
		amount = net
	}
	if e.BaseType = bank.Credit; amount.IsNeg() {
		e.BaseType = bank.Debit
	}
	e.Amount = amount.Abs()
	if e.Currency = l.currencyOf(r.fields, sum); e.Currency == "" {
		e.Currency = x.c.o.Currency
	}
	if m, f := (bank.Money{Amount: fee.Abs(), Currency: e.Currency}).Check("amount"); f == nil && !fee.IsZero() && fee.CmpAbs(amount) != 0 {
		e.Charges = &m
	}
	var texts []string
	for _, i := range l.at[ColumnDescription] {
		if i < len(r.fields) {
			texts = append(texts, r.fields[i])
		}
	}
	purpose, end := sepaPurpose(join(texts...))
	e.Description, e.BankText = purpose, text(ColumnKind)
	e.BankCode, e.GVC = kindCode(e.BankText)
	name := text(ColumnName)
	if payer := text(columnPayer); payer != "" && e.BaseType == bank.Credit {
		name = payer
	}
	e.CounterpartyName, e.CounterpartyIBAN = optional(name), optional(account(ColumnAccount))
	if e.Description == "" && e.BankText == "" {
		e.Description = name
	}
	e.MCC = optional(text(ColumnMCC))
	switch status := fold(text(ColumnStatus)); {
	case slices.Contains([]string{"reverted", "declined", "rejected", "refused", "failed", "cancelled", "canceled", "storniert", "abgelehnt", "geweigerd", "refuse", "odrzucona", "denied", "voided", "expired"}, status), fold(text(columnImpact)) == "memo":
		x.c.warn(r.line, "The entry moved no money and was left out")
		return nil
	case strings.Contains(status, "vorgemerkt"), strings.Contains(status, "pending"), strings.Contains(status, "ausstehend"),
		slices.Contains([]string{"en attente", "pendiente", "venter", "non contabilizzato"}, status):
		e.Status = bank.Pending
	}
	x.pending = &csvRow{entry: e, account: account(ColumnOwnAccount), ref: text(ColumnReference), more: join(end, text(columnTopic)), problem: bad.String()}
	if s := text(ColumnBalance); s != "" {
		x.pending.balance, x.pending.balanced = parseAmount(s, l.point, l.group)
	}
	return nil
}

// more is a line that only goes on with the text of the entry above.
func (x *csvReader) more(r record) error {
	if x.pending == nil {
		return nil
	}
	var texts []string
	for i, f := range r.fields {
		if f == "" {
			continue
		}
		if !slices.Contains(x.l.at[ColumnDescription], i) {
			x.c.warn(r.line, "The line is no entry and was left out")
			return nil
		}
		texts = append(texts, f)
	}
	if e := &x.pending.entry; len(e.Description) < 4*bank.MaxDescription {
		e.Description = join(append([]string{e.Description}, texts...)...)
	}
	return nil
}

// amount reads the amount of a row with its sign.
func (x *csvReader) amount(fields []string) (decimal.Decimal, string) {
	l := x.l
	const bad = "The amount is missing or is no decimal number"
	if s := l.get(fields, ColumnAmount); s != "" {
		amount, ok := parseAmount(s, l.point, l.group)
		if !ok {
			return amount, bad
		}
		switch side := sideOf(l.get(fields, ColumnSide)); {
		case l.sided && side == bank.Debit:
			amount = amount.Neg()
		case l.sided && side == "" && l.rest == bank.Debit:
			amount = amount.Neg()
		case l.sided && side == "" && l.rest == "":
			return amount, "The line does not tell whether it is a debit or a credit"
		case side == bank.Debit && amount.IsPos():
			return amount, "The line is a debit, but its amount has no minus as most others have"
		}
		if l.charges {
			amount = amount.Neg()
		}
		return amount, ""
	}
	var sum decimal.Decimal
	seen := false
	for _, column := range []Column{ColumnDebit, ColumnCredit} {
		s := l.get(fields, column)
		if s == "" {
			continue
		}
		amount, ok := parseAmount(s, l.point, l.group)
		if !ok {
			return sum, bad
		}
		if amount.IsZero() {
			seen = true
			continue // many banks write 0.00 on the other side
		}
		if !sum.IsZero() {
			return sum, "The line has both a debit and a credit"
		}
		seen = true
		switch sum = amount; {
		case column == ColumnDebit:
			sum = amount.Abs().Neg()
		case l.charges:
			sum = amount.Abs()
		}
	}
	if !seen && l.get(fields, columnFee) == "" {
		return sum, bad
	}
	return sum, ""
}

// reject notes a line that cannot be read; of which account it is is not known for sure.
func (x *csvReader) reject(line int, problem string) error {
	for _, a := range x.order {
		a.st.rejected = true
	}
	return x.c.reject(line, "%s", problem)
}

// balanceLines are the folded beginnings of lines among the entries that tell a balance, and sums.
var balanceLines = []string{"anfangssaldo", "endsaldo", "alter kontostand", "neuer kontostand", "kontostand am", "beginning balance", "ending balance",
	"opening balance", "closing balance", "saldo koncowe", "saldo poczatkowe", "saldo anterior", "saldo inicial", "saldo final", "saldo do dia", "solde initial", "solde final", "algsaldo", "loppsaldo", "kaive",
	"likutis pradziai", "likutis pabaigai", "apyvarta", "sakuma atlikums", "beigu atlikums", "apgrozijums"}
var sumLines = []string{"total", "totals", "summe", "gesamt", "suma", "totaal", "totale", "totaux"}

// balanceLine tells whether a line is a balance or a sum. One that has a day and an amount must have that word alone.
func balanceLine(fields []string, whole bool) bool {
	for _, f := range fields {
		if n := len(f); n == 0 || n > 60 || whole && n > 24 {
			continue
		}
		f = fold(f)
		for _, b := range balanceLines {
			if f == b || !whole && strings.HasPrefix(f, b) {
				return true
			}
		}
		if !whole && slices.Contains(sumLines, f) {
			return true
		}
	}
	return false
}

// decimalsOf is how many digits stand behind the last sign in a number; -1 where it is none.
func decimalsOf(s string) int {
	if s == "" || strings.Trim(s, "0123456789.,+-' ") != "" {
		return -1
	}
	i := strings.LastIndexAny(s, ".,")
	if n := len(s) - 1 - i; i >= 0 && n < 3 { // three may be a group
		return n
	}
	return 0
}

// cut tells whether a line without a line end is cut off in its last field: it is empty, or it is an amount and has fewer
// decimals than all others have there.
func (l *layout) cut(fields []string) bool {
	at := len(fields) - 1
	if at < 0 || fields[at] == "" {
		return at < 0 || l.filled
	}
	for _, column := range []Column{ColumnAmount, ColumnDebit, ColumnCredit, ColumnBalance} {
		if n := decimalsOf(fields[at]); l.col(column) == at && n >= 0 && n < l.places {
			return true
		}
	}
	return false
}

// sum is the amount of a row as it is written.
func (l *layout) sum(fields []string) string {
	if s := l.get(fields, ColumnAmount); s != "" {
		return s
	}
	return l.get(fields, ColumnDebit) + l.get(fields, ColumnCredit)
}

// currencyOf is the currency that the file tells for a row; empty if it tells none.
func (l *layout) currencyOf(fields []string, sum string) bank.Currency {
	for _, at := range l.at[ColumnAmount] {
		if at < len(fields) && fields[at] == sum && l.dollars[at] != "" {
			return l.dollars[at]
		}
	}
	return cmp.Or(l.currency, bank.Currency(strings.ToUpper(l.get(fields, ColumnCurrency))), currencyIn(sum), l.account.Currency)
}

// currencyIn is the currency that an amount has beside it, as in -12,50 PLN.
func currencyIn(s string) bank.Currency {
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		if _, known := bank.Currency(w).Digits(); known && len(w) == 3 {
			return bank.Currency(w)
		}
	}
	return ""
}

// flush takes the entry that was read last.
func (x *csvReader) flush() error {
	p := x.pending
	if x.pending = nil; p == nil {
		return nil
	}
	key := p.account + "\x00" + string(p.entry.Currency)
	a := x.accounts[key]
	if a == nil {
		if len(x.accounts) >= 1000 {
			return x.c.refuse(p.entry.Line, "The file has more than 1000 accounts")
		}
		a = &csvAccount{st: &Statement{File: x.c.name, Line: max(1, x.l.header), Account: x.l.account}, up: true, down: true}
		a.st.Account.Currency = p.entry.Currency
		a.st.Account.Format, a.st.Account.Columns = x.c.file.Format, x.l.names
		if a.st.Account.Container = bank.ContainerBank; p.account != "" {
			a.st.Account.IBAN, a.st.Account.Number = "", p.account
		}
		x.accounts[key] = a
		x.order = append(x.order, a)
	}
	x.c.st = a.st
	before := len(a.st.Entries)
	err := x.c.add(p.entry, p.ref, p.more, p.problem)
	x.c.st = nil
	if err != nil || len(a.st.Entries) == before {
		return err
	}
	x.balance(a, p, signed(a.st.Entries[before].Transaction))
	return nil
}

// balance follows the running balance in both directions.
func (x *csvReader) balance(a *csvAccount, p *csvRow, amount decimal.Decimal) {
	if p.entry.Status == bank.Pending {
		return
	}
	if a.rows++; !p.balanced {
		a.up, a.down = false, false
		return
	}
	if a.rows == 1 {
		a.first, a.firstSum, a.firstDay = p.balance, amount, p.entry.BookingDate
	} else {
		next, err := a.last.Add(amount)
		a.up = a.up && err == nil && next.Cmp(p.balance) == 0
		before, err := p.balance.Add(a.lm)
		a.down = a.down && err == nil && before.Cmp(a.last) == 0
	}
	a.last, a.lm, a.lastDay = p.balance, amount, p.entry.BookingDate
}

// end completes the statements: their balances, and the oldest entry first.
func (x *csvReader) end() {
	for _, a := range x.order {
		st := a.st
		if n := len(st.Entries); n > 1 && st.Entries[0].BookingDate > st.Entries[n-1].BookingDate {
			slices.Reverse(st.Entries)
		}
		balance := func(amount decimal.Decimal, day *bank.Date) *Balance {
			return &Balance{Money: bank.Money{Amount: amount, Currency: st.Account.Currency}, Date: day}
		}
		if a.rows > 0 && !st.rejected {
			switch {
			case a.up:
				if before, err := a.first.Sub(a.firstSum); err == nil {
					st.Opening, st.Closing = balance(before, nil), balance(a.last, &a.lastDay)
				}
			case a.down:
				if before, err := a.last.Sub(a.lm); err == nil {
					st.Opening, st.Closing = balance(before, nil), balance(a.first, &a.firstDay)
				}
			}
		}
		if st.Closing == nil && x.l.closing != nil && len(x.order) == 1 {
			closing := *x.l.closing
			st.Closing = &closing
		}
		x.c.st = st
		x.c.end()
	}
}
