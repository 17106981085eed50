package bank

import (
	"fmt"
	"math/big"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/govalues/decimal"
)

func TestPercent(t *testing.T) {
	for _, c := range []struct{ part, whole, want string }{
		{"279565.71", "86814.02", "322.03"}, // the reference product's example
		{"1", "3", "33.33"}, {"2", "3", "66.67"},
		{"0.00125", "1", "0.13"}, {"1.00005", "1", "100.01"}, // a half goes up
		{"0", "5", "0.00"}, {"999999999999.99", "0.01", "9999999999999900.00"},
	} {
		if got := Percent(decimal.MustParse(c.part), decimal.MustParse(c.whole)).String(); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.part, c.whole, got, c.want)
		}
	}
}

func TestMoneyCheck(t *testing.T) {
	for _, c := range []struct {
		amount   string
		currency Currency
		want     string // "" : refused
	}{
		{"12.5", "EUR", "12.50"}, {"12.500", "EUR", "12.50"}, {"12.505", "EUR", ""}, {"12", "JPY", "12"}, {"12.5", "JPY", ""},
		{"1.234", "KWD", "1.234"}, {"1.2345", "KWD", ""}, {"1.2345", "CLF", "1.2345"}, {"999999999999999.99", "EUR", "999999999999999.99"},
		{"1000000000000000", "EUR", ""}, {"1", "XXX", ""}, {"1", "eur", ""}, {"-3", "CHF", "-3.00"}, {"0", "EUR", "0.00"},
	} {
		got, f := Money{decimal.MustParse(c.amount), c.currency}.Check("amount")
		if (f != nil) != (c.want == "") || f == nil && got.Amount.String() != c.want {
			t.Errorf("%s %s: %s, %v; want %q", c.amount, c.currency, got.Amount, f, c.want)
		}
	}
}

func TestParseAmount(t *testing.T) {
	for s, want := range map[string]string{"12.50": "12.50", "-0.01": "-0.01", "0": "0", "-0": "0", ".5": "0.5", "007": "7", "1.0000000000000000000000": "1",
		"999999999999999": "999999999999999", "123456789012345.9999": "123456789012345.9999"} {
		if d, f := ParseAmount("amount", s); f != nil || d.Cmp(decimal.MustParse(want)) != 0 {
			t.Errorf("%q was read as %s, %v", s, d, f)
		}
	}
	for _, bad := range []string{"", "-", ".", "1e3", "1,000", " 1", "0x10", "1.2.3", "--1", "NaN", "1234567890123456", "٣",
		"1.00000000000000000001", "0.00000000000000000001", "123456789012345.00001"} {
		if d, f := ParseAmount("amount", bad); f == nil {
			t.Errorf("%q was read as %s", bad, d)
		}
	}
}

func TestIBAN(t *testing.T) {
	for s, good := range map[string]bool{"DE89 3704 0044 0532 0130 00": true, "de89370400440532013000": true, "GB29NWBK60161331926819": true,
		"DE89370400440532013001": false, "DE": false, "": false, "DE8937040044053201300!": false, "NO9386011117947": true, "XX00": false,
		"MT84MALT011000012345MTLCAST001S": true,                                                                      // of 31
		"4111111111111080":                false, "DEA5370400440532013000": false, "D014370400440532013000": false} { // right but for where letters stand
		if iban, f := ParseIBAN("iban", s); (f == nil) != good || good && iban != strings.ToUpper(strings.ReplaceAll(s, " ", "")) {
			t.Errorf("%q: %q %v", s, iban, f)
		}
	}
}

func TestDate(t *testing.T) {
	for d := NewDate(1999, 12, 1); d < NewDate(2004, 3, 2); d++ {
		back, err := ParseDate(d.String())
		if err != nil || back != d {
			t.Fatalf("%d is %s is %d, %v", d, d, back, err)
		}
		if m := d.Month(); m.Time().Day() != 1 || m.Time().Month() != d.Time().Month() || d.AddMonths(12).Time().Year() != d.Time().Year()+1 {
			t.Fatalf("the month of %s is %s", d, m)
		}
	}
	for _, bad := range []string{"", "2021-02-29", "2021-1-1", "21-01-01", "2021-01-01T00:00:00Z", "0000-01-01", "1899-12-31"} {
		if d, err := ParseDate(bad); err == nil {
			t.Errorf("%q was read as %s", bad, d)
		}
	}
	kiritimati, _ := time.LoadLocation("Pacific/Kiritimati")
	pagoPago, _ := time.LoadLocation("Pacific/Pago_Pago")
	at := time.Date(2026, 2, 28, 10, 30, 0, 0, time.UTC)
	if a, b := DateOf(at, kiritimati), DateOf(at, pagoPago); a.String() != "2026-03-01" || b.String() != "2026-02-27" {
		t.Errorf("one moment is %s and %s", a, b)
	}
}

func TestRef(t *testing.T) {
	for _, r := range []Ref{{KindConsumer, 1, 1}, {KindTransaction, 1 << 40, 1 << 50}, {KindCategory, 0, 1}, {KindRun, 0, 7}} {
		if got := ParseRef(r.String()); got != r {
			t.Errorf("%v came back as %v", r, got)
		}
	}
	for _, s := range []string{"", "x", "YQEB=", "YQEBAA", "0", "💶", "YQAA"} {
		if got := ParseRef(s); got != (Ref{}) {
			t.Errorf("%q names %v", s, got)
		}
	}
}

func TestTransactionCheck(t *testing.T) {
	x := Transaction{Amount: decimal.MustParse("-2.5"), Currency: "EUR", Description: "a\x00b"}
	if f := x.Check("transactions.3", "EUR"); f != nil || x.BaseType != Debit || x.Amount.String() != "2.50" || x.Status != Posted || x.Description != "ab" {
		t.Errorf("%+v %v", x, f)
	}
	bad := Transaction{Amount: decimal.MustParse("-2.555"), BaseType: "BOTH", Currency: "EUR", Status: "MAYBE", MCC: new(string), ExternalID: new(string)}
	var fields []string
	for _, f := range bad.Check("transactions.3", "EUR") {
		fields = append(fields, f.Field)
	}
	want := []string{"transactions.3.externalId", "transactions.3.amount.amount", "transactions.3.baseType", "transactions.3.status", "transactions.3.mcc"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Error(diff)
	}
}

// What a client may send for an amount's direction and its texts, and what is kept of it.
func TestTransactionFields(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Transaction)
		want   string // fields with faults
	}{
		"plain":                {func(*Transaction) {}, ""},
		"with its side":        {func(x *Transaction) { x.BaseType = Debit }, ""},
		"signed with a side":   {func(x *Transaction) { x.BaseType, x.Amount = Debit, x.Amount.Neg() }, "amount.amount"},
		"another currency":     {func(x *Transaction) { x.Currency = "USD" }, "amount.currency"},
		"pending":              {func(x *Transaction) { x.Status = Pending }, ""},
		"merchant code":        {func(x *Transaction) { x.MCC = new("5411") }, ""},
		"letters in the code":  {func(x *Transaction) { x.MCC = new("54I1") }, "mcc"},
		"a code of five":       {func(x *Transaction) { x.MCC = new("54110") }, "mcc"},
		"the longest text":     {func(x *Transaction) { x.Description = strings.Repeat("ü", MaxDescription) }, ""},
		"too long a text":      {func(x *Transaction) { x.Description = strings.Repeat("u", MaxDescription+1) }, "description"},
		"not UTF-8":            {func(x *Transaction) { x.Description = "\xff" }, "description"},
		"too long a name":      {func(x *Transaction) { x.CounterpartyName = new(strings.Repeat("u", MaxName+1)) }, "counterparty.name"},
		"a zero byte":          {func(x *Transaction) { x.CounterpartyName = new("a\x00b") }, "counterparty.name"},
		"a number as account":  {func(x *Transaction) { x.CounterpartyIBAN = new("00 1234") }, ""},
		"too long an account":  {func(x *Transaction) { x.CounterpartyIBAN = new(strings.Repeat("1", 51)) }, "counterparty.iban"},
		"no id where one goes": {func(x *Transaction) { x.ExternalID = new("") }, "externalId"},
	} {
		x := Transaction{Amount: decimal.MustParse("2.5"), Currency: "EUR"}
		c.change(&x)
		side := Credit
		if x.BaseType != "" {
			side = x.BaseType
		}
		var fields []string
		for _, f := range x.Check("", "EUR") {
			fields = append(fields, f.Field)
		}
		if got := strings.Join(fields, " "); got != c.want || x.BaseType != side {
			t.Errorf("%s: %q, want %q; %s", name, got, c.want, x.BaseType)
		}
	}
	x := Transaction{Currency: "EUR", CounterpartyIBAN: new("de89 3704 0044 0532 0130 00")}
	if f := x.Check("", "EUR"); f != nil || *x.CounterpartyIBAN != "DE89370400440532013000" {
		t.Errorf("%v %s", f, *x.CounterpartyIBAN)
	}
}

func leg(id, account int64, base BaseType, amount, date string) Leg {
	d, err := ParseDate(date)
	if err != nil {
		panic(err)
	}
	return Leg{ID: id, AccountID: account, BaseType: base, Amount: decimal.MustParse(amount), Currency: "EUR", BookingDate: d}
}

func TestTransfers(t *testing.T) {
	for name, c := range map[string]struct {
		legs []Leg
		want []Pair
	}{
		"to savings":         {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), leg(2, 2, Credit, "100.00", "2026-01-06")}, []Pair{{1, 2}}},
		"four days":          {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), leg(2, 2, Credit, "100", "2026-01-09")}, []Pair{{1, 2}}},
		"credit before":      {[]Leg{leg(1, 1, Debit, "100", "2026-01-09"), leg(2, 2, Credit, "100", "2026-01-05")}, []Pair{{1, 2}}},
		"five days":          {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), leg(2, 2, Credit, "100", "2026-01-10")}, nil},
		"one account":        {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), leg(2, 1, Credit, "100", "2026-01-05")}, nil},
		"same side":          {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), leg(2, 2, Debit, "100", "2026-01-05")}, nil},
		"other amount":       {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), leg(2, 2, Credit, "100.01", "2026-01-05")}, nil},
		"nothing":            {[]Leg{leg(1, 1, Debit, "0", "2026-01-05"), leg(2, 2, Credit, "0", "2026-01-05"), leg(3, 1, Debit, "1", "2026-01-05"), leg(4, 2, Credit, "1", "2026-01-05")}, []Pair{{3, 4}}},
		"the nearer":         {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), leg(2, 2, Credit, "100", "2026-01-07"), leg(3, 3, Credit, "100", "2026-01-06")}, []Pair{{1, 3}}},
		"then the older":     {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), leg(2, 2, Credit, "100", "2026-01-06"), leg(3, 3, Credit, "100", "2026-01-04")}, []Pair{{1, 3}}},
		"then the lower id":  {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), leg(3, 2, Credit, "100", "2026-01-06"), leg(2, 3, Credit, "100", "2026-01-06")}, []Pair{{1, 2}}},
		"two of each":        {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), leg(2, 1, Debit, "100", "2026-01-05"), leg(3, 2, Credit, "100", "2026-01-05"), leg(4, 2, Credit, "100", "2026-01-05")}, []Pair{{1, 3}, {2, 4}}},
		"another currency":   {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), with(leg(2, 2, Credit, "100", "2026-01-05"), func(l *Leg) { l.Currency = "USD" })}, nil},
		"its IBAN":           {[]Leg{with(leg(1, 1, Debit, "100", "2026-01-05"), func(l *Leg) { l.IBAN = "B" }), with(leg(2, 2, Credit, "100", "2026-01-05"), func(l *Leg) { l.AccountIBAN = "B" })}, []Pair{{1, 2}}},
		"another's IBAN":     {[]Leg{with(leg(1, 1, Debit, "100", "2026-01-05"), func(l *Leg) { l.IBAN = "X" }), with(leg(2, 2, Credit, "100", "2026-01-05"), func(l *Leg) { l.AccountIBAN = "B" })}, nil},
		"its number":         {[]Leg{to(leg(1, 1, Debit, "500", "2021-11-02"), "Visa", "0532013000"), at(named(leg(2, 2, Credit, "500", "2021-11-03"), "Max Muster"), "DE89370400440532013000")}, []Pair{{1, 2}}},
		"another's number":   {[]Leg{to(leg(1, 1, Debit, "500", "2021-11-02"), "Landlord", "0532013001"), at(named(leg(2, 2, Credit, "500", "2021-11-03"), "Max Muster"), "DE89370400440532013000")}, nil},
		"a card's number":    {[]Leg{to(leg(1, 1, Debit, "500", "2021-11-02"), "Max Muster", "4111111111111111"), at(named(leg(2, 2, Credit, "500", "2021-11-03"), "Max Muster"), "DE89370400440532013000")}, []Pair{{1, 2}}},
		"a short number":     {[]Leg{to(leg(1, 1, Debit, "500", "2021-11-02"), "Landlord", "000013000"), at(named(leg(2, 2, Credit, "500", "2021-11-03"), "Max Muster"), "DE89370400440532013000")}, nil},
		"number, not IBAN":   {[]Leg{at(to(leg(1, 1, Debit, "500", "2021-11-02"), "", "0532013000"), "DE02120300000000202051"), at(to(leg(2, 2, Credit, "500", "2021-11-03"), "", "DE75512108001245126199"), "DE89370400440532013000")}, nil},
		"names agree":        {[]Leg{named(leg(1, 1, Debit, "100", "2026-01-05"), "Anna Muster"), named(leg(2, 2, Credit, "100", "2026-01-05"), "MUSTER, ANNA")}, []Pair{{1, 2}}},
		"the account's name": {[]Leg{named(leg(1, 1, Debit, "100", "2026-01-05"), "Visa Services"), with(named(leg(2, 2, Credit, "100", "2026-01-05"), "Payment received"), func(l *Leg) { l.AccountName = "Visa Gold" })}, []Pair{{1, 2}}},
		"names differ":       {[]Leg{named(leg(1, 1, Debit, "100", "2026-01-05"), "Rewe Markt"), named(leg(2, 2, Credit, "100", "2026-01-05"), "Acme Payroll")}, nil},
		"a card's payment":   {[]Leg{held(named(leg(1, 1, Debit, "80", "2021-11-10"), "Landesbank Berlin AG"), ContainerBank), held(named(leg(2, 2, Credit, "80", "2021-11-12"), "Zahlungseingang dankend erhalten"), ContainerCard)}, []Pair{{1, 2}}},
		"a card pays nobody": {[]Leg{held(named(leg(1, 1, Debit, "80", "2021-11-10"), "Rewe Markt"), ContainerCard), held(named(leg(2, 2, Credit, "80", "2021-11-12"), "Acme Payroll"), ContainerBank)}, nil},
		"IBAN before names":  {[]Leg{to(leg(1, 1, Debit, "100", "2026-01-05"), "Rewe Markt", "B"), at(named(leg(2, 2, Credit, "100", "2026-01-05"), "Acme Payroll"), "B")}, []Pair{{1, 2}}},
		"IBAN of one alone":  {[]Leg{to(leg(1, 1, Debit, "100", "2026-01-05"), "", "X"), at(leg(2, 2, Credit, "100", "2026-01-05"), "")}, []Pair{{1, 2}}},
		"no IBAN, own ones":  {[]Leg{at(leg(1, 1, Debit, "100", "2026-01-05"), "A"), at(leg(2, 2, Credit, "100", "2026-01-05"), "B")}, []Pair{{1, 2}}},
		"no account":         {[]Leg{to(leg(1, 1, Debit, "100", "2026-01-05"), "", "-"), at(leg(2, 2, Credit, "100", "2026-01-05"), "DE89370400440532013000")}, []Pair{{1, 2}}},
		"zeros in front":     {[]Leg{to(leg(1, 1, Debit, "500", "2021-11-02"), "Visa", "000000532013000"), at(named(leg(2, 2, Credit, "500", "2021-11-03"), "Max Muster"), "DE89370400440532013000")}, []Pair{{1, 2}}},
		"the other's name":   {[]Leg{with(named(leg(1, 1, Debit, "100", "2026-01-05"), "Top up"), func(l *Leg) { l.AccountName = "Giro Plus" }), named(leg(2, 2, Credit, "100", "2026-01-05"), "From GIRO")}, []Pair{{1, 2}}},
		"two letters agree":  {[]Leg{named(leg(1, 1, Debit, "100", "2026-01-05"), "Rewe AG"), named(leg(2, 2, Credit, "100", "2026-01-05"), "Acme AG")}, nil},
		"three letters":      {[]Leg{named(leg(1, 1, Debit, "100", "2026-01-05"), "Ann Lee"), named(leg(2, 2, Credit, "100", "2026-01-05"), "A. Lee")}, []Pair{{1, 2}}},
		"a bank pays a bank": {[]Leg{held(named(leg(1, 1, Debit, "80", "2021-11-10"), "Rewe Markt"), ContainerBank), held(named(leg(2, 2, Credit, "80", "2021-11-12"), "Acme Payroll"), ContainerBank)}, nil},
		"a card pays a card": {[]Leg{held(named(leg(1, 1, Debit, "80", "2021-11-10"), "Rewe Markt"), ContainerCard), held(named(leg(2, 2, Credit, "80", "2021-11-12"), "Acme Payroll"), ContainerCard)}, nil},
		"the other one name": {[]Leg{leg(1, 1, Debit, "100", "2026-01-05"), named(leg(2, 2, Credit, "100", "2026-01-05"), "Rewe Markt")}, []Pair{{1, 2}}},
		"one name":           {[]Leg{named(leg(1, 1, Debit, "100", "2026-01-05"), "Rewe Markt"), leg(2, 2, Credit, "100", "2026-01-05")}, []Pair{{1, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 { // whatever the order of the legs
				rand.Shuffle(len(c.legs), func(i, j int) { c.legs[i], c.legs[j] = c.legs[j], c.legs[i] })
				if diff := cmp.Diff(c.want, Transfers(c.legs, nil)); diff != "" {
					t.Fatal(diff)
				}
			}
		})
	}
	legs := []Leg{leg(1, 1, Debit, "100", "2026-01-05"), leg(2, 2, Credit, "100", "2026-01-05"), leg(3, 2, Credit, "100", "2026-01-08")}
	if diff := cmp.Diff([]Pair{{1, 3}}, Transfers(legs, map[Pair]bool{{1, 2}: true})); diff != "" {
		t.Error("a refused pair leaves room for another:", diff)
	}
	turned := []Leg{leg(1, 1, Credit, "100", "2026-01-05"), leg(2, 2, Debit, "100", "2026-01-05")}
	if pairs := Transfers(turned, map[Pair]bool{{1, 2}: true}); pairs != nil {
		t.Error("a refused pair with its sides turned:", pairs)
	}
}

func with(l Leg, change func(*Leg)) Leg { change(&l); return l }

func to(l Leg, name, account string) Leg { l.Counterparty, l.IBAN = name, account; return l }

func at(l Leg, iban string) Leg { l.AccountIBAN = iban; return l }

func held(l Leg, c Container) Leg { l.Container = c; return l }

func named(l Leg, name string) Leg { l.Counterparty = name; return l }

func TestRates(t *testing.T) {
	day := func(s string) Date { d, _ := ParseDate(s); return d }
	quote := func(c Currency, d, rate string) Quote { return Quote{c, day(d), decimal.MustParse(rate), "test"} }
	q := NewQuotes([]Quote{quote("USD", "2026-01-05", "1.25"), quote("USD", "2026-01-02", "1.20"), quote("CHF", "2026-01-02", "0.96"), quote("GBP", "2026-01-05", "0")})
	for _, c := range []struct {
		from, to  Currency
		day, want string // "" : none
	}{
		{"USD", "EUR", "2026-01-05", "0.8 on 2026-01-05"}, {"USD", "EUR", "2026-01-04", "0.8333333333333333333 on 2026-01-02"}, {"EUR", "USD", "2026-02-01", "1.25 on 2026-01-05"},
		{"CHF", "USD", "2026-01-05", "1.302083333333333333 on 2026-01-02"}, {"USD", "EUR", "2026-01-01", ""}, {"SEK", "EUR", "2026-01-05", ""},
		{"EUR", "SEK", "2026-01-05", ""}, {"EUR", "USD", "2026-01-01", ""}, {"USD", "SEK", "2026-01-05", ""}, {"GBP", "EUR", "2026-01-05", ""},
	} {
		r, ok := q.Rate(c.from, c.to, day(c.day))
		got := ""
		if ok {
			got = fmt.Sprintf("%s on %s", r.Rate.Trim(0), r.Day)
		}
		if got != c.want || ok && r.Source != "test" {
			t.Errorf("%s to %s on %s: %q, want %q; %q", c.from, c.to, c.day, got, c.want, r.Source)
		}
		factor, known := q.Factor(c.from, c.to, day(c.day)) // the same, unrounded
		if known != ok || ok && decimal.MustParse(factor.FloatString(15)).Cmp(r.Rate.Round(15)) != 0 {
			t.Errorf("%s to %s on %s: %v, want %v", c.from, c.to, c.day, factor, r.Rate)
		}
	}
	totals, used, missing, err := Convert([]MonthTotal{{AccountID: 1, Month: day("2026-01-05"), Credit: decimal.MustParse("10"), Count: 1},
		{AccountID: 2, Month: day("2026-01-06"), Debit: decimal.MustParse("3"), Count: 1}}, map[int64]Currency{1: "USD", 2: "EUR"}, "EUR", q)
	if err != nil || missing != nil || len(used) != 1 || totals[0].Credit.Trim(0).String() != "8" || totals[0].Month != day("2026-01-01") || totals[1].Debit.String() != "3" {
		t.Errorf("%v %v %v %v", totals, used, missing, err)
	}
	var days []MonthTotal // what the same quote served is told once, in order
	for _, d := range []string{"2026-01-05", "2026-01-04", "2026-01-07", "2026-01-03"} {
		days = append(days, MonthTotal{AccountID: 1, Month: day(d)}, MonthTotal{AccountID: 2, Month: day(d)})
	}
	_, used, _, err = Convert(days, map[int64]Currency{1: "USD", 2: "CHF"}, "EUR", q)
	got := ""
	for _, r := range used {
		got += fmt.Sprint(r.From, " ", r.Day, ", ")
	}
	if want := "CHF 2026-01-02, USD 2026-01-02, USD 2026-01-05, "; err != nil || got != want {
		t.Errorf("%s%v, want %s", got, err, want)
	}
	// A currency that is quoted no longer: each pair of quotations is another rate, and each serves some booking dates.
	stale := NewQuotes([]Quote{quote("RUB", "2022-03-01", "117"), quote("USD", "2026-01-05", "1.25"), quote("USD", "2026-02-05", "1.20")})
	days = nil
	for _, d := range []string{"2026-02-09", "2026-01-05", "2026-02-05", "2026-01-20"} {
		days = append(days, MonthTotal{AccountID: 1, Month: day(d)}, MonthTotal{AccountID: 2, Month: day(d)})
	}
	_, used, _, err = Convert(days, map[int64]Currency{1: "RUB", 2: "EUR"}, "USD", stale)
	got = ""
	for _, r := range used {
		got += fmt.Sprint(r.From, " ", r.Day, " ", r.Rate.Round(5), " ", *r.BookedFrom(), " ", *r.BookedTo(), ", ")
	}
	if want := "EUR 2026-01-05 1.25 2026-01-05 2026-01-20, EUR 2026-02-05 1.20 2026-02-05 2026-02-09, " +
		"RUB 2022-03-01 0.01068 2026-01-05 2026-01-20, RUB 2022-03-01 0.01026 2026-02-05 2026-02-09, "; err != nil || got != want {
		t.Errorf("%s%v, want %s", got, err, want)
	}
	for d, want := range map[string]string{"2026-01-04": "0 false", "2026-01-05": "1.25 true", "2026-01-20": "1.25 true", "2026-01-21": "0 false", "2026-02-09": "1.20 true", "2026-02-10": "0 false"} {
		if r, ok := Used(used, "EUR", day(d)); fmt.Sprint(r.Rate, " ", ok) != want {
			t.Errorf("used on %s: %s %t, want %s", d, r.Rate, ok, want)
		}
	}
	builds := []Rate{{From: "USD", Day: day("2026-01-02"), Rate: decimal.One}, {From: "USD", Day: day("2026-01-05"), Rate: decimal.Two}} // of the first builds
	for d, want := range map[string]string{"2026-01-01": "0 false", "2026-01-04": "1 true", "2026-01-09": "2 true"} {
		if r, ok := Used(builds, "USD", day(d)); fmt.Sprint(r.Rate, " ", ok) != want || r.BookedFrom() != nil || r.BookedTo() != nil {
			t.Errorf("first builds, %s: %s %t, want %s", d, r.Rate, ok, want)
		}
	}
	ties := NewQuotes([]Quote{quote("USD", "2025-05-07", "1.136"), quote("CHF", "2025-05-07", "0.93"), quote("JPY", "2025-05-07", "162.5"), quote("HUF", "2025-05-07", "404")})
	for _, c := range []struct{ amount, from, to, want string }{
		{"893.89", "USD", "EUR", "786.875"}, {"-893.89", "USD", "EUR", "-786.875"}, {"404002.02", "HUF", "EUR", "1000.005"}, {"56.80", "USD", "CHF", "46.5"}, {"0.01", "JPY", "EUR", "0.0000615384615384615"},
		{"999999999999999", "JPY", "EUR", "6153846153846.147692"}, {"999999999999999", "EUR", "JPY", "162499999999999837.5"}, {"0.00", "USD", "EUR", "0"},
	} {
		totals, _, _, err := Convert([]MonthTotal{{AccountID: 1, Month: day("2025-05-07"), Debit: decimal.MustParse(c.amount)}}, map[int64]Currency{1: Currency(c.from)}, Currency(c.to), ties)
		if err != nil || totals[0].Debit.Trim(0).String() != c.want {
			t.Errorf("%s %s: %v %s, want %s", c.amount, c.from, totals, c.to, c.want)
		}
	}
	if _, _, missing, _ = Convert([]MonthTotal{{AccountID: 1, Month: day("2025-12-05")}}, map[int64]Currency{1: "USD"}, "EUR", q); missing == nil || missing.From != "USD" {
		t.Errorf("missing: %v", missing)
	}
}

func TestTimeZones(t *testing.T) {
	for name, fine := range map[string]bool{"Europe/Berlin": true, "UTC": true, "Etc/GMT+5": true, "": false, "Local": false, "localtime": false, "posixrules": false,
		"Factory": false, "posix/UTC": false, "right/UTC": false, "../UTC": false, "Europe/Nowhere": false} {
		if f := CheckTimeZone("timeZone", name); (f == nil) != fine {
			t.Errorf("%s: %v", name, f)
		}
	}
}

// TestManyEqual pairs what a million candidates could be made of, by names that no two have in common and by none.
func TestManyEqual(t *testing.T) {
	for _, names := range []bool{false, true} {
		var legs []Leg
		for i := range int64(3000) {
			for side, base := range []BaseType{Debit, Credit} {
				l := leg(2*i+int64(side)+1, int64(side)+1, base, "5", "2026-01-05")
				if names {
					l.Counterparty = fmt.Sprintf("name%d", 2*i+int64(side))
				}
				legs = append(legs, l)
			}
		}
		want := 3000
		if names {
			want = 0
		}
		if pairs := Transfers(legs, nil); len(pairs) != want {
			t.Errorf("names %t: %d pairs, want %d", names, len(pairs), want)
		}
	}
}

func TestRoundExactly(t *testing.T) {
	for text, want := range map[string]string{"2.345": "2.35", "-2.345": "-2.35", "2": "2.00", "12345678901234567.895": "12345678901234567.90", "119999999999999998.82": ""} {
		r, _ := new(big.Rat).SetString(text)
		got := func() (s string) {
			defer func() { _ = recover() }()
			return Round(r, 2).String()
		}()
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestRoundConverted: a third of a cent, three times, is a cent.
func TestRoundConverted(t *testing.T) {
	lira := NewQuotes([]Quote{{Currency: "TRY", Day: 1, Rate: decimal.MustParse("1.2")}, {Currency: "HUF", Day: 1, Rate: decimal.MustParse("390")}})
	for _, c := range []struct {
		from   Currency
		amount string
		times  int
		want   string
	}{{"TRY", "0.01", 3, "0.03"}, {"TRY", "-0.01", 3, "-0.03"}, {"TRY", "0.01", 2, "0.02"}, {"HUF", "0.01", 195 * 3, "0.02"}, {"HUF", "0.01", 194, "0.00"}, {"TRY", "0.00", 9, "0.00"}} {
		sum := new(big.Rat)
		for i := range c.times {
			totals, _, _, err := Convert([]MonthTotal{{AccountID: 1, Month: Date(i + 1), Credit: decimal.MustParse(c.amount)}}, map[int64]Currency{1: c.from}, "EUR", lira)
			if err != nil {
				t.Fatal(err)
			}
			sum.Add(sum, rat(totals[0].Credit))
		}
		if got := RoundConverted(sum, 2).String(); got != c.want {
			t.Errorf("%d times %s %s: %s, want %s", c.times, c.amount, c.from, got, c.want)
		}
	}
}

// TestTransfersInOrder compares with the rule as it is written: all candidates in their order, each leg taken once.
func TestTransfersInOrder(t *testing.T) {
	names := []string{"", "Anna Muster", "Rewe Markt", "Muster"}
	ibans := []string{"", "", "DE1", "DE2", "123456"}
	for range 3000 {
		var legs []Leg
		for id := range int64(rand.Intn(12)) {
			l := leg(id+1, int64(rand.Intn(3)), []BaseType{Debit, Credit}[rand.Intn(2)], []string{"5", "7"}[rand.Intn(2)], fmt.Sprintf("2026-01-%02d", 1+rand.Intn(8)))
			l.Counterparty, l.IBAN, l.AccountIBAN = names[rand.Intn(4)], ibans[rand.Intn(5)], ibans[rand.Intn(4)]
			legs = append(legs, l)
		}
		refused := map[Pair]bool{{1, 2}: true, {4, 3}: true}
		var all []Pair
		at := map[Pair][4]int64{}
		for _, d := range legs {
			for _, c := range legs {
				apart := max(d.BookingDate-c.BookingDate, c.BookingDate-d.BookingDate)
				if p := (Pair{d.ID, c.ID}); d.BaseType == Debit && c.BaseType == Credit && d.AccountID != c.AccountID && d.Amount.Equal(c.Amount) && apart <= TransferDays &&
					!refused[p] && !refused[Pair{c.ID, d.ID}] && related(&candidate{Leg: d}, &candidate{Leg: c}) {
					all = append(all, p)
					at[p] = [4]int64{int64(apart), int64(min(d.BookingDate, c.BookingDate)), min(d.ID, c.ID), max(d.ID, c.ID)}
				}
			}
		}
		slices.SortFunc(all, func(a, b Pair) int { x, y := at[a], at[b]; return slices.Compare(x[:], y[:]) })
		taken, want := map[int64]bool{}, map[Pair]bool{}
		for _, p := range all {
			if !taken[p.Debit] && !taken[p.Credit] {
				taken[p.Debit], taken[p.Credit], want[p] = true, true, true
			}
		}
		got := map[Pair]bool{}
		for _, p := range Transfers(legs, refused) {
			got[p] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v: %s", legs, diff)
		}
	}
}
