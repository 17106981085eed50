package demo

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/category"
)

// legs are what the server pairs: posted transactions of ACTIVE accounts. The ids count from 1.
func legs(p Person) (all []bank.Leg) {
	for i, a := range p.Accounts {
		for _, x := range a.Transactions {
			if x.Status != bank.Posted || a.Status != bank.AccountActive {
				continue
			}
			l := bank.Leg{ID: int64(len(all) + 1), AccountID: int64(i + 1), BaseType: x.BaseType, Amount: x.Amount, Currency: x.Currency,
				BookingDate: x.BookingDate, AccountName: a.Name + " " + a.ProviderName, Container: a.Container}
			if a.IBAN != nil {
				l.AccountIBAN = *a.IBAN
			}
			if x.CounterpartyName != nil {
				l.Counterparty = *x.CounterpartyName
			}
			if x.CounterpartyIBAN != nil {
				l.IBAN = *x.CounterpartyIBAN
			}
			all = append(all, l)
		}
	}
	return all
}

// totals of the three complete months before today, transfers left out, in the person's own currency.
func totals(p Person, today bank.Date) (credit, debit decimal.Decimal) {
	all := legs(p)
	out := map[int64]bool{}
	for _, pair := range bank.Transfers(all, nil) {
		out[pair.Debit], out[pair.Credit] = true, true
	}
	for _, l := range all {
		switch {
		case out[l.ID] || l.Currency != p.Currency || l.BookingDate < today.AddMonths(-3) || l.BookingDate >= today.Month():
		case l.BaseType == bank.Credit:
			credit, _ = credit.Add(l.Amount)
		default:
			debit, _ = debit.Add(l.Amount)
		}
	}
	return credit, debit
}

// TestEveryDay moves today over two years, day by day at first and then by ten days, and looks at everything that must
// hold on any day: what was said of the past stays, and the balances follow from the transactions.
func TestEveryDay(t *testing.T) {
	type known struct {
		rows    map[string]bank.Transaction
		balance decimal.Decimal
	}
	before := map[string]*known{} // by account
	start, yesterday, daysOfMonth := bank.NewDate(2026, time.July, 1), bank.Date(0), map[int]bool{}
	for today := start; today < bank.NewDate(2028, time.July, 1); {
		pending := 0
		daysOfMonth[today.Time().Day()] = true
		for _, p := range Story(today) {
			if f := bank.CheckTimeZone("timeZone", p.TimeZone); f != nil {
				t.Fatal(f)
			}
			for _, a := range p.Accounts {
				name := *a.ExternalID
				k := before[name]
				if k == nil {
					k = &known{rows: map[string]bank.Transaction{}}
					before[name] = k
				}
				pending += lookAt(t, today, yesterday, a, k.rows)
				if sum, _ := k.balance.Add(moved(a, yesterday)); yesterday > 0 && sum.Cmp(*a.Balance) != 0 {
					t.Fatal(today, name, "balance", *a.Balance, "want", sum)
				}
				k.balance = *a.Balance
			}
		}
		if pending == 0 {
			t.Fatal(today, "nothing is pending")
		}
		yesterday = today
		if today++; today > start+70 {
			today += 9
		}
	}
	if len(daysOfMonth) != 31 {
		t.Error(daysOfMonth)
	}
}

// lookAt checks one account as it is today against its rows as they were, completes them, and counts what is pending.
func lookAt(t *testing.T, today, yesterday bank.Date, a Account, rows map[string]bank.Transaction) (pending int) {
	if faults := a.Account.Check(); faults != nil {
		t.Fatal(*a.ExternalID, faults)
	}
	first, last := a.Transactions[0].BookingDate, a.Transactions[len(a.Transactions)-1].BookingDate
	if first > today.AddMonths(-14) || last < today-100 || last > today || a.BalanceAsOf.After(today.Time()) {
		t.Fatal(today, *a.ExternalID, first, last)
	}
	seen := map[string]bool{}
	for i, x := range a.Transactions {
		id := *x.ExternalID
		if seen[id] || i > 0 && x.BookingDate < a.Transactions[i-1].BookingDate {
			t.Fatal(today, *a.ExternalID, id, "twice or out of order")
		}
		seen[id] = true
		if x.Status == bank.Pending {
			pending++
			if x.BookingDate < today-2 {
				t.Fatal(today, *a.ExternalID, id, "still pending")
			}
		}
		old, known := rows[id]
		rows[id] = x
		if !known {
			checked := x
			if faults := checked.Check("", a.Currency); faults != nil || !reflect.DeepEqual(checked, x) || x.Amount.IsZero() {
				t.Fatal(*a.ExternalID, id, faults, checked)
			}
			if yesterday > 0 && x.BookingDate <= yesterday {
				t.Fatal(today, *a.ExternalID, id, "was not there before")
			}
			if x.MCC != nil && category.Of(x).Category == category.None {
				t.Fatal(id, "no category for", *x.MCC)
			}
			continue
		}
		if x.BookingDate < today-45 && today != today.Month() {
			continue // on the first of a month all of history is compared
		}
		if old.Status == bank.Pending {
			old.Status = x.Status
		}
		if !reflect.DeepEqual(old, x) {
			t.Fatal(today, *a.ExternalID, id, "has changed")
		}
	}
	if len(seen) != len(rows) {
		t.Fatal(today, *a.ExternalID, len(rows)-len(seen), "transactions are gone")
	}
	return pending
}

// moved is by how much the balance must differ from that of an earlier day: what was booked since, and what was pending
// then and is not now, less what is pending now.
func moved(a Account, from bank.Date) (sum decimal.Decimal) {
	card := a.Container == bank.ContainerCard
	for _, x := range a.Transactions {
		counted := x.BookingDate <= from && !(card && x.BaseType == bank.Debit && x.BookingDate > from-3)
		if counted || x.Status == bank.Pending {
			continue
		}
		if x.BaseType == bank.Debit {
			x.Amount = x.Amount.Neg()
		}
		sum, _ = sum.Add(x.Amount)
	}
	return sum
}

func TestDeterministic(t *testing.T) {
	today := bank.NewDate(2026, time.November, 21)
	if !reflect.DeepEqual(Story(today), Story(today)) {
		t.Error("the same day, another story")
	}
	for _, early := range []bank.Date{bank.NewDate(2022, time.January, 27), bank.NewDate(2025, time.January, 1)} {
		for _, p := range Story(early) {
			if first := p.Accounts[0].Transactions[0].BookingDate; first > early.AddMonths(-14) {
				t.Error(early, p.ExternalID, first)
			}
		}
	}
}

// TestStories looks at what the seed's insight says about each of them, month by month.
func TestStories(t *testing.T) {
	for today := bank.NewDate(2026, time.July, 1); today < bank.NewDate(2028, time.July, 1); today = today.AddMonths(1) {
		line := today.String()
		for _, p := range Story(today) {
			credit, debit := totals(p, today)
			if p.ExternalID == "emil" {
				if !credit.IsZero() || !debit.IsPos() {
					t.Error(today, "emil earned", credit)
				}
				continue
			}
			percent, _ := bank.Percent(debit, credit).Float64()
			line += fmt.Sprintf(" %s %.0f", p.ExternalID, percent)
			switch {
			case p.ExternalID == "anna" && (percent < 65 || percent > 85),
				p.ExternalID == "ben" && percent <= 130,
				p.ExternalID == "clara" && percent > 200:
				t.Error(today, p.ExternalID, percent)
			}
		}
		t.Log(line)
	}
	if c, d := totals(Story(bank.NewDate(2026, time.March, 1))[1], bank.NewDate(2026, time.March, 1)); bank.Percent(d, c).Cmp(decimal.Hundred) > 0 {
		t.Error("ben spent more than he earned before he was laid off:", c, d)
	}
}

// TestTransfers counts the pairs that the server will find: those that are meant, and no others.
func TestTransfers(t *testing.T) {
	for today := bank.NewDate(2026, time.November, 1); today < bank.NewDate(2028, time.November, 1); today += 37 {
		for _, p := range Story(today) {
			savings, cards, coffees := 0, 0, map[string]int{}
			meant := map[string]int{}
			for _, a := range p.Accounts {
				for _, x := range a.Transactions {
					for _, kind := range []string{"saving-", "card-payment-", "draw-", "living-"} {
						if strings.HasPrefix(*x.ExternalID, kind) {
							meant[*x.ExternalID]++
						}
					}
					if strings.HasPrefix(*x.ExternalID, "coffee-") {
						coffees[x.BookingDate.String()+x.Amount.String()]++
					}
				}
			}
			for id, n := range meant {
				if n == 2 && strings.HasPrefix(id, "card-payment-") {
					cards++
				} else if n == 2 {
					savings++
				}
			}
			if got := len(bank.Transfers(legs(p), nil)); got != savings+cards {
				t.Fatal(today, p.ExternalID, "pairs", got, "want", savings, "+", cards)
			}
			if p.ExternalID != "anna" {
				continue
			}
			if savings < 21 || cards < 20 {
				t.Fatal(today, savings, cards)
			}
			twice := 0
			for _, n := range coffees {
				if n == 2 {
					twice++
				}
			}
			if twice == 0 {
				t.Fatal("no two equal coffees on one day")
			}
		}
	}
}

func TestIBAN(t *testing.T) {
	for country, length := range map[string]int{"DE": 22, "AT": 20, "CH": 21, "SE": 24} {
		for n := range 200 {
			if s, f := bank.ParseIBAN("iban", iban(country, n)); f != nil || len(s) != length {
				t.Error(s, f)
			}
		}
	}
}

func BenchmarkStory(b *testing.B) {
	for b.Loop() {
		Story(bank.NewDate(2026, time.November, 21))
	}
}
