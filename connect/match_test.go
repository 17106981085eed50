package connect

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
)

// row reads "id status day amount text", such as "b1 + 03-01 -9.90 Coffee"; "-" is no id, + is booked and ? is pending.
func row(s string) bank.Transaction {
	f := strings.SplitN(s, " ", 5)
	d, err := bank.ParseDate("2026-" + f[2])
	if err != nil {
		panic(err)
	}
	x := bank.Transaction{Status: map[string]bank.TransactionStatus{"+": bank.Posted, "?": bank.Pending}[f[1]], BookingDate: d, Amount: decimal.MustParse(f[3]),
		BaseType: bank.Credit, Currency: "EUR"}
	if x.Amount.IsNeg() {
		x.BaseType, x.Amount = bank.Debit, x.Amount.Neg()
	}
	if f[0] != "-" {
		x.ExternalID = &f[0]
	}
	if len(f) > 4 {
		x.Description = f[4]
	}
	return x
}

func rows(lines ...string) (all []bank.Transaction) {
	for _, s := range lines {
		all = append(all, row(s))
	}
	return all
}

func line(x bank.Transaction) string {
	sign := map[bank.TransactionStatus]string{bank.Posted: "+", bank.Pending: "?"}[x.Status]
	if id := value(x.ExternalID); id == "" {
		sign = "- " + sign
	} else {
		sign = id + " " + sign
	}
	amount := x.Amount
	if x.BaseType == bank.Debit {
		amount = amount.Neg()
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", sign, x.BookingDate.String()[5:], amount, x.Description))
}

// account is what a store keeps of one account.
type account struct {
	rows []bank.Transaction
	next int64
}

func (a *account) add(x bank.Transaction) {
	a.next++
	x.ID = a.next
	a.rows = append(a.rows, x)
}

// apply does what Changes says, as a store does, and tells whether anything became different.
func (a *account) apply(t *testing.T, c Changes) (changed bool) {
	t.Helper()
	for id, name := range c.Rename {
		i := slices.IndexFunc(a.rows, func(x bank.Transaction) bool { return x.ID == id })
		if i < 0 || slices.ContainsFunc(a.rows, func(x bank.Transaction) bool { return value(x.ExternalID) == name }) {
			t.Fatalf("rename %d to %s: no such row, or the id is taken", id, name)
		}
		a.rows[i].ExternalID, changed = &name, true
	}
	for _, x := range c.Store {
		i := slices.IndexFunc(a.rows, func(y bank.Transaction) bool { return value(y.ExternalID) == *x.ExternalID })
		if i < 0 {
			a.add(x)
			changed = true
			continue
		}
		x.ID = a.rows[i].ID
		if line(x) != line(a.rows[i]) {
			a.rows[i], changed = x, true
		}
	}
	for _, id := range c.Deleted {
		i := slices.IndexFunc(a.rows, func(x bank.Transaction) bool { return x.ID == id })
		if i < 0 || a.rows[i].Status != bank.Pending {
			t.Fatalf("delete %d: no such pending row", id)
		}
		a.rows, changed = slices.Delete(a.rows, i, i+1), true
	}
	return changed
}

func (a *account) fetched(t *testing.T, told []bank.Transaction, days bank.Period) bool {
	t.Helper()
	told = slices.Clone(told)
	Identify(told)
	return a.apply(t, Reconcile(a.rows, told, days))
}

func (a *account) lines() (all []string) {
	for _, x := range a.rows {
		all = append(all, line(x))
	}
	slices.Sort(all)
	return all
}

var march = bank.Period{From: bank.NewDate(2026, 3, 1), To: bank.NewDate(2026, 3, 31)}

func TestReconcile(t *testing.T) {
	for name, c := range map[string]struct{ stored, told, want []string }{
		"the first time": {nil, []string{"a + 03-01 5 Pay", "b ? 03-02 -3 Shop"}, []string{"a + 03-01 5 Pay", "b ? 03-02 -3 Shop"}},
		"again":          {[]string{"a + 03-01 5 Pay"}, []string{"a + 03-01 5 Pay"}, []string{"a + 03-01 5 Pay"}},
		"corrected":      {[]string{"a + 03-01 5 Pay"}, []string{"a + 03-02 6 Pay, again"}, []string{"a + 03-02 6 Pay, again"}},
		"nothing told":   {[]string{"a + 03-01 5 Pay"}, nil, []string{"a + 03-01 5 Pay"}},

		"settled under its id":            {[]string{"a ? 03-01 -3 Shop"}, []string{"a + 03-02 -3 Shop"}, []string{"a + 03-02 -3 Shop"}},
		"settled under another id":        {[]string{"p ? 03-01 -3 Shop 12:30"}, []string{"b + 03-03 -3 SHOP"}, []string{"b + 03-03 -3 SHOP"}},
		"settled with another text":       {[]string{"p ? 03-01 -3 Card"}, []string{"b + 03-04 -3 Bakery"}, []string{"b + 03-04 -3 Bakery"}},
		"settled for another amount":      {[]string{"p ? 03-01 -100 Fuel"}, []string{"b + 03-02 -63.20 Fuel"}, []string{"b + 03-02 -63.20 Fuel"}},
		"vanished":                        {[]string{"p ? 03-01 -3 Shop", "a + 03-01 5 Pay"}, []string{"a + 03-01 5 Pay"}, []string{"a + 03-01 5 Pay"}},
		"still pending under another id":  {[]string{"p1 ? 03-01 -3 Shop"}, []string{"p2 ? 03-02 -3 Shop"}, []string{"p2 ? 03-02 -3 Shop"}},
		"pending beside a booked twin":    {[]string{"b + 03-01 -3 Shop", "p ? 03-02 -3 Shop"}, []string{"b + 03-01 -3 Shop", "c + 03-03 -3 Shop"}, []string{"b + 03-01 -3 Shop", "c + 03-03 -3 Shop"}},
		"two pending, one settled":        {[]string{"p ? 03-01 -3 Shop", "q ? 03-01 -3 Kiosk"}, []string{"b + 03-02 -3 Kiosk GmbH", "p ? 03-01 -3 Shop"}, []string{"b + 03-02 -3 Kiosk GmbH", "p ? 03-01 -3 Shop"}},
		"the likest settles":              {[]string{"p ? 03-01 -3 Shop", "q ? 03-01 -3 Kiosk"}, []string{"b + 03-02 -3 Kiosk", "c + 03-02 -3 Shop"}, []string{"b + 03-02 -3 Kiosk", "c + 03-02 -3 Shop"}},
		"booked a day before it was told": {[]string{"p ? 03-02 -3 Shop"}, []string{"b + 03-01 -3 Shop"}, []string{"b + 03-01 -3 Shop"}},
		"pending of other days stays":     {[]string{"p ? 02-20 -3 Shop"}, []string{"b + 03-20 -3 Shop"}, []string{"b + 03-20 -3 Shop", "p ? 02-20 -3 Shop"}},
		"pending of other days settles":   {[]string{"p ? 02-26 -3 Shop"}, []string{"b + 03-02 -3 Shop"}, []string{"b + 03-02 -3 Shop"}},
		"the other side is another one":   {[]string{"p ? 03-01 -3 Shop"}, []string{"b + 03-01 3 Shop"}, []string{"b + 03-01 3 Shop"}},
		"booked and pending at once":      {[]string{"p ? 03-01 -3 Shop"}, []string{"p ? 03-01 -3 Shop", "p + 03-02 -3 Shop"}, []string{"p + 03-02 -3 Shop"}},

		"genuine twins":                    {nil, []string{"- + 03-01 -3 Coffee", "- + 03-01 -3 Coffee"}, []string{"+ 03-01 -3 Coffee", "+ 03-01 -3 Coffee"}},
		"one twin more":                    {[]string{"x + 03-01 -3 Coffee"}, []string{"a + 03-01 -3 Coffee", "b + 03-01 -3 Coffee"}, []string{"+ 03-01 -3 Coffee", "+ 03-01 -3 Coffee"}},
		"coffee every day":                 {[]string{"1 + 03-01 -3 Coffee", "2 + 03-02 -3 Coffee"}, []string{"a + 03-01 -3 Coffee", "b + 03-02 -3 Coffee", "c + 03-03 -3 Coffee"}, []string{"1 + 03-01 -3 Coffee", "2 + 03-02 -3 Coffee", "c + 03-03 -3 Coffee"}},
		"coffee before the days":           {[]string{"1 + 02-28 -3 Coffee"}, []string{"b + 03-01 -3 Coffee"}, []string{"1 + 02-28 -3 Coffee", "b + 03-01 -3 Coffee"}},
		"the bank's ids are new":           {[]string{"1 + 03-01 -3 Shop", "2 + 03-01 -4 Kiosk"}, []string{"8 + 03-01 -3 Shop", "9 + 03-01 -4 Kiosk"}, []string{"1 + 03-01 -3 Shop", "2 + 03-01 -4 Kiosk"}},
		"from the customer":                {[]string{"mine + 03-01 -3 Einkauf", "- + 03-02 -4 Essen"}, []string{"8 + 03-01 -3 SHOP SAYS THANKS", "9 + 03-02 -4 KIOSK"}, []string{"mine + 03-01 -3 Einkauf", "- + 03-02 -4 Essen"}},
		"from the customer, the day after": {[]string{"mine + 03-02 -3 Shop"}, []string{"8 + 03-03 -3 SHOP"}, []string{"8 + 03-03 -3 SHOP", "mine + 03-02 -3 Shop"}},
		"another one of the next day":      {[]string{"mine + 03-02 -3 Shop"}, []string{"8 + 03-03 -3 Kiosk"}, []string{"8 + 03-03 -3 Kiosk", "mine + 03-02 -3 Shop"}},
		"from the customer, and pending":   {[]string{"mine + 03-01 -3 Einkauf", "p ? 03-01 -3 Shop"}, []string{"b + 03-01 -3 Shop"}, []string{"mine + 03-01 -3 Einkauf"}},
		"booked does not become pending":   {[]string{"a + 03-01 -3 Shop"}, []string{"p ? 03-01 -3 Shop"}, []string{"a + 03-01 -3 Shop", "p ? 03-01 -3 Shop"}},
		"told twice, on two pages":         {nil, []string{"a + 03-01 -3 Shop", "a + 03-01 -3 Shop"}, []string{"a + 03-01 -3 Shop"}},
		"told as both, pending first":      {nil, []string{"a ? 03-01 -3 Shop", "a + 03-02 -3 Shop"}, []string{"a + 03-02 -3 Shop"}},
		"told as both, booked first":       {nil, []string{"a + 03-02 -3 Shop", "a ? 03-01 -3 Shop"}, []string{"a + 03-02 -3 Shop"}},
	} {
		a := &account{}
		for _, s := range c.stored {
			a.add(row(s))
		}
		a.fetched(t, rows(c.told...), march)
		got := a.lines()
		for i := range got { // made ids are for the next test
			if strings.HasPrefix(got[i], "made-") || strings.HasPrefix(c.want[0], "+") {
				got[i] = got[i][strings.IndexByte(got[i], ' ')+1:]
			}
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
		if a.fetched(t, rows(c.told...), march) {
			t.Errorf("%s: again changes something: %q", name, a.lines())
		}
	}
}

// A row that settles keeps its number, and with it the category that a person gave it: within fourteen days where the texts
// or the other sides have something in common, within five where not, and also when the booking is dated up to three days back.
func TestSettledKeepsItsNumber(t *testing.T) {
	// told of the other side: "text|name|account"
	one := func(s string) bank.Transaction {
		f := append(strings.Split(s, "|"), "", "")
		x := row(strings.TrimSpace(f[0]))
		if f[1] != "" {
			x.CounterpartyName = &f[1]
		}
		if f[2] != "" {
			x.CounterpartyIBAN = &f[2]
		}
		return x
	}
	for _, c := range []struct {
		pending, booked string
		same            bool
	}{
		{"p ? 03-01 -3 Shop", "b + 03-03 -3 Shop Berlin", true},
		{"p ? 03-01 -3 Shop", "b + 03-15 -3 SHOP 17", true},
		{"p ? 03-01 -3 Shop", "b + 03-16 -3 Shop", false},
		{"p ? 03-04 -3 Shop", "b + 03-01 -3 Shop", true},
		{"p ? 03-05 -3 Shop", "b + 03-01 -3 Shop", false},
		{"p ? 03-01 -3 Shop", "b + 03-06 -3 Kiosk", true},
		{"p ? 03-01 -3 Shop", "b + 03-07 -3 Kiosk", false},
		{"p ? 03-02 -3 Shop", "b + 03-01 -3 Kiosk", false},
		{"p ? 03-01 -3 Shop|Shop AG", "b + 03-10 -3 Kiosk|SHOP AG", true},
		{"p ? 03-01 -3 Shop|Shop AG|DE1", "b + 03-10 -3 Kiosk|Kiosk|DE1", true},
		{"p ? 03-01 -3 Shop||DE1", "b + 03-10 -3 Kiosk||DE2", false},
		{"p ? 03-01 -3 Card at Shop", "b + 03-10 -3 Shop", true},
		{"p ? 03-01 -3 Card at Pub", "b + 03-10 -3 Pub", false}, // three letters are in too much
		{"p ? 03-01 -3 12", "b + 03-10 -3 34", false},           // no letters in common
		{"p ? 03-01 -3 12", "b + 03-10 -3 12", true},
		{"p ? 03-01 -3 12|Shop", "b + 03-10 -3 12|Kiosk", false},
	} {
		a := &account{}
		a.add(one(c.pending))
		a.fetched(t, []bank.Transaction{one(c.booked)}, march)
		if len(a.rows) != 1 || (a.rows[0].ID == 1) != c.same || *a.rows[0].ExternalID != "b" || a.rows[0].Status != bank.Posted {
			t.Errorf("%s, then %s: %+v", c.pending, c.booked, a.rows)
		}
	}
	// Of two that fit the likest goes on, then the nearest.
	for booked, want := range map[string]int64{"b + 03-04 -3 Kiosk": 2, "b + 03-04 -3 Shop": 3} {
		a := &account{}
		for _, s := range []string{"p ? 03-01 -3 Shop", "q ? 03-01 -3 Kiosk", "r ? 03-03 -3 Shop"} {
			a.add(row(s))
		}
		a.fetched(t, rows(booked), march)
		if len(a.rows) != 1 || a.rows[0].ID != want {
			t.Errorf("%s: %+v", booked, a.rows)
		}
	}
	c := Reconcile([]bank.Transaction{{ID: 5, ExternalID: ptr("x"), Status: bank.Posted}, {ID: 6, ExternalID: ptr("y"), Status: bank.Posted}}, []bank.Transaction{{ExternalID: ptr("x"), Status: bank.Posted}}, march)
	if !slices.Equal(c.Seen, []int64{5}) {
		t.Errorf("seen: %v", c.Seen)
	}
}

func TestIdentify(t *testing.T) {
	ids := func(lines ...string) (all []string) {
		told := rows(lines...)
		Identify(told)
		for _, x := range told {
			all = append(all, *x.ExternalID)
		}
		return all
	}
	twins := ids("- + 03-01 -3 Coffee", "- + 03-01 -3 Coffee", "x + 03-01 -3 Coffee", "- + 03-01 3 Coffee", "- ? 03-01 -3 Coffee", "- + 03-01 -3.00 Coffee")
	if n := len(slices.Compact(slices.Sorted(slices.Values(twins)))); n != 6 || twins[2] != "x" || len(twins[0]) > bank.MaxID {
		t.Errorf("%d different of %q", n, twins)
	}
	if again := ids("- + 03-01 3 Coffee", "- + 03-01 -3.0 Coffee", "- + 03-01 -3 Coffee"); again[0] != twins[3] || again[1] != twins[0] || again[2] != twins[1] {
		t.Errorf("in another order: %q, were %q", again, twins)
	}
	// An id of several movements names none of them, in any order; the same row on two pages is one.
	batch := ids("7 + 03-01 -3 Anna", "7 + 03-01 -4 Ben", "7 + 03-01 -3 Anna", "8 + 03-01 -4 Ben")
	if batch[0] != batch[2] || batch[0] == batch[1] || batch[0] == "7" || batch[1] == "7" || batch[3] != "8" {
		t.Errorf("a batch: %q", batch)
	}
	if again := ids("7 + 03-01 -4 Ben", "7 + 03-01 -3 Anna"); again[0] != batch[1] || again[1] != batch[0] {
		t.Errorf("a batch in another order: %q, was %q", again, batch)
	}
	if equal := ids("7 + 03-01 -3 Anna", "7 + 03-01 -3 Ben"); equal[0] == equal[1] {
		t.Errorf("a batch of equal amounts: %q", equal)
	}
	if both := ids("7 ? 03-01 -3 Card", "7 + 03-02 -3 Anna"); both[0] != "7" || both[1] != "7" {
		t.Errorf("pending and booked: %q", both)
	}
	told := rows("- + 03-01 -3 Coffee", "7 + 03-01 -3 Anna", "7 + 03-01 -4 Ben")
	Identify(told)
	before := slices.Clone(told)
	if Identify(told); !slices.EqualFunc(told, before, func(a, b bank.Transaction) bool { return *a.ExternalID == *b.ExternalID }) {
		t.Error("again gives other ids")
	}
}

// TestReconcileAlways lets banks of every manner tell the same year in windows, again and again, after customers have
// pushed a part of it: what is booked in the days that were told is what the bank says, and telling it again changes nothing.
func TestReconcileAlways(t *testing.T) {
	texts := []string{"Coffee", "Supermarket Berlin", "Rent", "", "Kiosk 12/34"}
	booked := func(all []bank.Transaction, days bank.Period, byDay bool) (keys []string) {
		for _, x := range all {
			if x.Status == bank.Posted && days.Contains(x.BookingDate) {
				k := movement(x)
				if byDay {
					k += x.BookingDate.String()
				}
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		return keys
	}
	for seed := range int64(200) {
		r := rand.New(rand.NewSource(seed))
		start := bank.NewDate(2026, 1, 1)
		var truth []bank.Transaction
		for range 20 + r.Intn(80) {
			x := row("- + 01-01 1")
			x.BookingDate = start + bank.Date(r.Intn(60))
			x.Amount = decimal.MustNew(int64(100+100*r.Intn(5)), 2)
			x.BaseType = []bank.BaseType{bank.Credit, bank.Debit}[r.Intn(2)]
			x.Description = texts[r.Intn(len(texts))]
			truth = append(truth, x)
		}
		manner := r.Intn(4) // stable ids, none, new ones each time, one for several
		a := &account{}
		if r.Intn(2) == 0 { // what the customer pushed, in its own words
			for i, x := range truth {
				if x.BookingDate <= start+15 && r.Intn(3) == 0 {
					x.ExternalID = ptr(fmt.Sprint("mine-", i))
					if r.Intn(2) == 0 {
						x.Description = "my own words"
					}
					a.add(x)
				}
			}
		}
		for fetch := range 6 {
			today := start + bank.Date(15+fetch*9)
			days := bank.Period{From: max(start, today-bank.Date(10+r.Intn(30))), To: today}
			var told []bank.Transaction
			for i, x := range truth {
				pending := x.BookingDate > today && x.BookingDate <= today+3 // booked some days from now
				if !days.Contains(x.BookingDate) && !pending {
					continue
				}
				if pending {
					x.Status, x.BookingDate = bank.Pending, today
					if r.Intn(2) == 0 {
						x.Description = "Card"
					}
				}
				switch manner {
				case 0:
					x.ExternalID = ptr(fmt.Sprint(i, x.Status == bank.Pending && i%2 == 0))
				case 2:
					x.ExternalID = ptr(fmt.Sprint("fetch-", fetch, "-", i))
				case 3:
					x.ExternalID = ptr(fmt.Sprint("batch-", x.BookingDate))
					if pending || slices.ContainsFunc(told, func(y bank.Transaction) bool { return content(x) == content(y) }) {
						x.ExternalID = nil // two that are alike in everything cannot have one id, nor what would be told as both
					}
				}
				told = append(told, x)
			}
			r.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
			a.fetched(t, told, days)
			if got, want := booked(a.rows, days, true), booked(told, days, true); !slices.Equal(got, want) {
				t.Fatalf("seed %d, manner %d, fetch %d: booked\n got %q\nwant %q", seed, manner, fetch, got, want)
			}
			if a.fetched(t, told, days) {
				t.Fatalf("seed %d, manner %d, fetch %d: again changes something", seed, manner, fetch)
			}
			n := 0
			for _, x := range told {
				if x.Status == bank.Pending {
					n++
				}
			}
			for _, x := range a.rows {
				if x.Status == bank.Pending && days.Contains(x.BookingDate) {
					n--
				}
			}
			if n != 0 {
				t.Fatalf("seed %d, manner %d, fetch %d: %d pending ones missing", seed, manner, fetch, n)
			}
		}
	}
}

// Five years of a busy account under new ids take no noticeable time.
func TestReconcileMany(t *testing.T) {
	var stored, told []bank.Transaction
	for i := range 20_000 {
		x := row("- + 01-01 -3 Coffee at the corner")
		x.BookingDate += bank.Date(i / 11)
		x.Amount = decimal.MustNew(int64(100+i%300), 2)
		x.ID, x.ExternalID = int64(i+1), ptr(fmt.Sprint("old", i))
		stored = append(stored, x)
		x.ExternalID = ptr(fmt.Sprint("new", i))
		told = append(told, x)
	}
	before := spent(t)
	c := Reconcile(stored, told, bank.Period{From: stored[0].BookingDate, To: stored[len(stored)-1].BookingDate})
	if len(c.Store)+len(c.Rename)+len(c.Deleted) != 0 {
		t.Errorf("%d stored anew", len(c.Store))
	}
	if took := spent(t) - before; took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

// spent is the processor's time that went into this process, whatever else the machine does.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func TestMatch(t *testing.T) {
	known := func(id int64, code, bankIDs, iban, name string, change ...func(*Known)) Known {
		k := Known{Account: bank.Account{ID: id, Currency: "EUR", Container: bank.ContainerBank, Name: name}, BankCode: code, BankIDs: strings.Fields(bankIDs)}
		if iban != "" {
			k.IBAN = &iban
		}
		for _, c := range change {
			c(&k)
		}
		return k
	}
	told := func(id, iban, name string, change ...func(*Account)) Account {
		a := Account{ID: id, IBAN: iban, Currency: "EUR", Container: bank.ContainerBank, Name: name}
		for _, c := range change {
			c(&a)
		}
		return a
	}
	dollars := func(a *Account) { a.Currency = "USD" }
	card := func(a *Account) { a.Container = bank.ContainerCard }
	for name, c := range map[string]struct {
		told  []Account
		known []Known
		want  string
	}{
		"new":                             {[]Account{told("a", iban1, "")}, nil, "[0]"},
		"the bank's id":                   {[]Account{told("a", "", "")}, []Known{known(1, "good", "z a", "", "")}, "[1]"},
		"an id of another bank":           {[]Account{told("a", "", "")}, []Known{known(1, "other", "a", "", "")}, "[0]"},
		"the IBAN":                        {[]Account{told("b", iban1, "")}, []Known{known(1, "good", "a", iban1, "")}, "[1]"},
		"the IBAN at another bank":        {[]Account{told("b", iban1, "")}, []Known{known(1, "other", "a", iban1, "")}, "[1]"},
		"the IBAN of a customer's own":    {[]Account{told("b", "de89 3704 0044 0532 0130 00", "")}, []Known{known(1, "", "", iban1, "")}, "[1]"},
		"the id before the IBAN":          {[]Account{told("a", iban1, "")}, []Known{known(1, "good", "b", iban1, ""), known(2, "good", "a", "", "")}, "[2]"},
		"another currency":                {[]Account{told("a", iban1, "", dollars), told("b", iban1, "")}, []Known{known(1, "good", "a", iban1, "")}, "[0 1]"},
		"a card under the account's IBAN": {[]Account{told("x", iban1, "", card), told("y", iban1, "")}, []Known{known(1, "good", "a", iban1, "")}, "[0 1]"},
		"pots under one IBAN, known":      {[]Account{told("p", iban1, ""), told("a", iban1, "")}, []Known{known(1, "good", "a", iban1, ""), known(2, "good", "p", iban1, "")}, "[2 1]"},
		"pots under one IBAN, by name":    {[]Account{told("x", iban1, "Pot"), told("y", iban1, "Giro")}, []Known{known(1, "good", "a", iban1, "Giro"), known(2, "good", "p", iban1, "Pot")}, "[2 1]"},
		"a pot more":                      {[]Account{told("p", iban1, "Pot"), told("a", iban1, "Giro")}, []Known{known(1, "good", "a", iban1, "Giro")}, "[0 1]"},
		"linked at two banks":             {[]Account{told("x", iban1, ""), told("y", iban1, "")}, []Known{known(1, "other", "o", iban1, ""), known(1, "good", "a", iban1, "")}, "[1 0]"},
		"no IBAN is none's":               {[]Account{told("x", "", "")}, []Known{known(1, "good", "a", "", "")}, "[0]"},
		"one for each":                    {[]Account{told("a", "", ""), told("b", iban1, "")}, []Known{known(1, "good", "a", iban1, "")}, "[1 0]"},
	} {
		var got []int64
		for _, k := range Match("good", c.told, c.known) {
			if k == nil {
				got = append(got, 0)
			} else {
				got = append(got, k.ID)
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}
