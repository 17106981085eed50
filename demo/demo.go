// Package demo makes up people whose bank data tells a story: the consumers of the demo customer. It is pure: the same
// day gives the same data, and what it has said of a past day stays as it was when the day moves on.
package demo

import (
	"fmt"
	"hash/fnv"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
)

// Person is a consumer with accounts.
type Person struct {
	ExternalID string
	Name       string
	TimeZone   string
	Currency   bank.Currency
	Accounts   []Account
}

// Account is an account with its transactions, the oldest first. The balance is that of today's midnight (UTC), the
// POSTED transactions of today included.
type Account struct {
	bank.Account
	Transactions []bank.Transaction
}

// begin is where all stories begin, so that a later day only adds to them.
var begin = bank.NewDate(2025, time.January, 1)

// history is how many months before today a story begins at the latest.
const history = 18

// Story is everybody's data up to and including today, where today is the day in each person's own zone.
// Before July 2026 the first days depend on today (see history), and with them the balances.
func Story(today bank.Date) []Person {
	days := bank.Period{From: min(begin, today.AddMonths(-history)), To: today}
	return []Person{anna(days), ben(days), clara(days), deniz(days), emil(days)}
}

// party is the other side of a transaction and how the bank words it: {day} becomes the day, {ref} a number.
type party struct{ name, text, iban, mcc string }

// shops are card payments at merchants of one category code (ISO 18245), each written "name|text".
func shops(mcc string, all ...string) []party {
	var list []party
	for _, s := range all {
		name, text, _ := strings.Cut(s, "|")
		list = append(list, party{name: name, text: text, mcc: mcc})
	}
	return list
}

// to is a party with an account, or without one where iban is empty.
func to(name, text, iban string) []party { return []party{{name: name, text: text, iban: iban}} }

// rule is something that happens again and again. Amounts are in minor units.
type rule struct {
	id      string // part of external ids, so it never changes
	when    when
	in, out int // the amount that comes in or goes out,
	upTo    int // or, where set, any up to here
	who     []party
	again   int // percent: the same once more on the same day
	refund  int // percent: comes back in three to nine days
}

// when tells whether something happens on a day.
type when func(day bank.Date, d *dice) bool

// monthly is once a month on a day up to the 28th, or the working day before it, in the first half of the month after it.
// Months narrow it to some.
func monthly(on int, months ...time.Month) when {
	return func(day bank.Date, _ *dice) bool {
		_, month, today := day.Time().Date()
		if today < on-2 || today > on+2 || months != nil && !slices.Contains(months, month) {
			return false
		}
		due := day.Month() + bank.Date(on-1)
		for weekend(due) {
			if on > 15 {
				due--
			} else {
				due++
			}
		}
		return day == due
	}
}

// often is so many times a month at random.
func often(times int) when {
	return func(_ bank.Date, d *dice) bool { return d.upTo(3000) < times*100 }
}

// on is each of the weekdays.
func on(weekdays ...time.Weekday) when {
	return func(day bank.Date, _ *dice) bool { return slices.Contains(weekdays, day.Time().Weekday()) }
}

// while narrows it to days on which something holds.
func (w when) while(holds func(bank.Date) bool) when {
	return func(day bank.Date, d *dice) bool { return w(day, d) && holds(day) }
}

func weekend(d bank.Date) bool {
	on := d.Time().Weekday()
	return on == time.Saturday || on == time.Sunday
}

// book is an account that is being written.
type book struct {
	days    bank.Period
	step    int // amounts at random are multiples of this
	account bank.Account
	owner   string
	held    int // in minor units, at the beginning
	entries []entry
}

type entry struct {
	bank.Transaction
	minor int // signed, in minor units
}

// open opens an account with what it held at the beginning of its days, in minor units.
func open(days bank.Period, owner string, held, step int, a bank.Account) *book {
	a.Status = bank.AccountActive
	return &book{days: days, step: step, account: a, owner: owner, held: held}
}

func amount(minor int) *decimal.Decimal {
	d := decimal.MustNew(int64(minor), 2) // all currencies here have cents
	return &d
}

// run lets rules happen on all days.
func (b *book) run(rules ...rule) *book {
	for _, r := range rules {
		own := roll(b.owner, *b.account.ExternalID, r.id)
		for day := b.days.From; day <= b.days.To; day++ {
			d := own.on(day)
			if r.when(day, &d) {
				b.happen(r, day, &d)
			}
		}
	}
	return b
}

func (b *book) happen(r rule, day bank.Date, d *dice) {
	minor := r.in + r.out
	if r.upTo > minor {
		minor += d.upTo((r.upTo-minor)/b.step+1) * b.step
	}
	if r.out != 0 {
		minor = -minor
	}
	who := r.who[d.upTo(len(r.who))]
	id, ref := fmt.Sprintf("%s-%s", r.id, day), d.upTo(1e8)
	again, back, later := d.upTo(100) < r.again, d.upTo(100) < r.refund, bank.Date(3+d.upTo(7))
	b.put(id, day, minor, who, ref)
	if again {
		b.put(id+"-2", day, minor, who, ref+1)
	}
	if back {
		who.text = refundWord[b.account.Currency] + " " + who.text
		b.put(id+"-refund", day+later, -minor, who, ref+2)
	}
}

var refundWord = map[bank.Currency]string{"EUR": "GUTSCHRIFT", "CHF": "GUTSCHRIFT", "SEK": "RETUR", "USD": "REFUND"}

// put writes a transaction, unless its day is still to come. Banks book on working days only; on cards what was spent in
// the last three days is PENDING.
func (b *book) put(id string, day bank.Date, minor int, who party, ref int) {
	for b.account.Container == bank.ContainerBank && weekend(day) {
		day++
	}
	if day > b.days.To {
		return
	}
	x := bank.Transaction{
		ExternalID:  &id,
		BaseType:    bank.Credit,
		Amount:      *amount(max(minor, -minor)),
		Currency:    b.account.Currency,
		BookingDate: day,
		Status:      bank.Posted,
		Description: strings.ReplaceAll(strings.ReplaceAll(who.text, "{day}", day.String()), "{ref}", fmt.Sprintf("%08d", ref)),
	}
	if minor < 0 {
		x.BaseType = bank.Debit
		if b.account.Container == bank.ContainerCard && day > b.days.To-3 {
			x.Status = bank.Pending
		}
	}
	for field, text := range map[**string]string{&x.CounterpartyName: who.name, &x.CounterpartyIBAN: who.iban, &x.MCC: who.mcc} {
		if text != "" {
			*field = &text
		}
	}
	b.entries = append(b.entries, entry{x, minor})
}

// transfer moves money to another account of the same person, where it arrives some days later.
func (b *book) transfer(other *book, id string, when when, minor int, text string, later bank.Date) {
	for day := b.days.From; day <= b.days.To; day++ {
		if when(day, nil) {
			b.put(fmt.Sprintf("%s-%s", id, day), day, -minor, party{name: other.owner, text: text, iban: *other.account.IBAN}, 0)
			other.put(fmt.Sprintf("%s-%s", id, day), day+later, minor, party{name: b.owner, text: text, iban: *b.account.IBAN}, 0)
		}
	}
}

// payCard pays each month from this account what was spent with a card in the month before. Nothing is said of the other
// side on the card.
func (b *book) payCard(card *book, on int, who party, thanks string) {
	owed := map[bank.Date]int{}
	for _, e := range card.entries {
		owed[e.BookingDate.Month()] -= e.minor
	}
	for day := b.days.From; day <= b.days.To; day++ {
		if sum := owed[day.AddMonths(-1)]; monthly(on)(day, nil) && sum > 0 {
			id := fmt.Sprintf("card-payment-%s", day)
			b.put(id, day, -sum, who, 0)
			card.put(id, day, sum, party{text: thanks}, 0)
		}
	}
}

// close adds up.
func (b *book) close() Account {
	slices.SortStableFunc(b.entries, func(x, y entry) int { return int(x.BookingDate - y.BookingDate) })
	a := Account{Account: b.account}
	sum := b.held
	for _, e := range b.entries {
		a.Transactions = append(a.Transactions, e.Transaction)
		if e.Status == bank.Posted {
			sum += e.minor
		}
	}
	at := b.days.To.Time()
	a.Balance, a.BalanceAsOf = amount(sum), &at
	return a
}

// dice is a small generator (splitmix64) that gives the same numbers for ever.
type dice uint64

// roll takes the dice of one rule and on those of one day, so that another rule, or another day, changes nothing.
func roll(key ...string) dice {
	h := fnv.New64a()
	h.Write([]byte(strings.Join(key, "/")))
	return dice(h.Sum64())
}

func (d dice) on(day bank.Date) dice {
	d ^= dice(uint32(day)) << 16
	return dice(d.next())
}

// upTo is a number from 0 to n-1.
func (d *dice) upTo(n int) int { return int(d.next() % uint64(n)) }

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// iban makes a valid IBAN with a bank code of nines, which means no real bank as far as we know (not looked up in the
// national lists). The lengths are those of the IBAN registry.
func iban(country string, account int) string {
	code := map[string]int{"DE": 8, "AT": 5, "CH": 5, "SE": 3}[country]
	rest := map[string]int{"DE": 10, "AT": 11, "CH": 12, "SE": 17}[country]
	bban := strings.Repeat("9", code) + fmt.Sprintf("%0*d", rest, account)
	digits := fmt.Sprintf("%s%d%d00", bban, country[0]-'A'+10, country[1]-'A'+10)
	n, _ := new(big.Int).SetString(digits, 10)
	return fmt.Sprintf("%s%02d%s", country, 98-n.Mod(n, big.NewInt(97)).Int64(), bban)
}
