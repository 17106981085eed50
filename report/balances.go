package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/paper"
)

// balances tells what the accounts held from day to day: the least, the most and the average, and how often they were
// overdrawn. The rules of a day's balance are those of held.
var balances = Definition{
	Type:        TypeBalances,
	Title:       "Balances",
	Description: "The least, the most and the average balance of each account and of all, what came in and went out, and how often they were overdrawn.",
	After:       true,
	Build:       func(in Input) Result { return buildBalances(in) },
	empty:       func() Result { return new(Balances) },
}

// Balances is the Balances report.
type Balances struct {
	Header
	Total     *BalanceTotal    `json:"total"` // nil where nothing can be added up
	ByAccount []AccountBalance `json:"byAccount"`
}

// BalanceTotal is of several accounts together, in the report's currency, over the days that all of them have. In and Out
// are without transfers.
type BalanceTotal struct {
	Accounts []bank.Ref `json:"accounts"`
	BalanceSummary
}

// AccountBalance is one account's. All its amounts are in the account's currency.
type AccountBalance struct {
	Account bank.Ref    `json:"account"`
	Current bank.Money  `json:"current"` // what its bank told last
	AsOf    *time.Time  `json:"asOf"`
	Limit   *bank.Money `json:"limit"` // credit limit
	BalanceSummary

	// OverdraftDays: days with a balance below zero, of accounts of the container BANK; OverLimitDays: below minus the limit.
	OverdraftDays int `json:"overdraftDays"`
	OverLimitDays int `json:"overLimitDays"`
}

// BalanceSummary is about the days of Covered.
type BalanceSummary struct {
	Covered     bank.Period `json:"covered"`
	Opening     bank.Money  `json:"opening"` // at the end of its first day
	Closing     bank.Money  `json:"closing"` // at the end of its last day
	Minimum     bank.Money  `json:"minimum"`
	MinimumDate bank.Date   `json:"minimumDate"` // the first with it
	Maximum     bank.Money  `json:"maximum"`
	MaximumDate bank.Date   `json:"maximumDate"`
	Average     bank.Money  `json:"average"` // of its days
	In          Amount      `json:"in"`      // credits of the whole period; of an account alone transfers too
	Out         Amount      `json:"out"`     // debits, likewise
}

// line is what an account held at the end of each of a run of days, in minor units.
type line struct {
	bank.Account
	days  bank.Period
	minor []int64
}

// held is the balance at the end of each day of the period, counted back from the balance that the bank told, by the posted
// transactions booked since; and forth where the balance is older than the period. The told balance holds all that was
// booked up to its day: that of BalanceAsOf in the consumer's zone, in UTC where it is exactly midnight UTC, since that is a
// day and no moment; without BalanceAsOf it holds all that is posted. There is a line from the first day of which anything
// is known, the account's OpenedOn or else its first posted transaction, to the day of the balance or of the last posted
// transaction, whichever is later. Nil without a balance, or without such days in the period.
func (f *facts) held(a bank.Account) *line {
	if a.Balance == nil {
		return nil
	}
	digits, _ := a.Currency.Digits()
	balance, _ := minorOf(*a.Balance, digits)
	asOf := lastDay
	if a.BalanceAsOf != nil {
		asOf = bank.DateOf(*a.BalanceAsOf, zoneOf(f.Consumer))
		if utc := a.BalanceAsOf.UTC(); utc.Equal(bank.DateOf(utc, time.UTC).Time()) {
			asOf = bank.DateOf(utc, time.UTC)
		}
	}
	moved := map[bank.Date]int64{}
	first, last := asOf, asOf
	if a.OpenedOn != nil {
		first = min(first, *a.OpenedOn)
	}
	if day, known := f.Oldest[a.ID]; known { // rows begin with the period
		first = min(first, day)
	}
	for _, m := range f.Earlier[a.ID] {
		if n, _ := minorOf(m.Amount, digits); m.Day > asOf {
			balance += n
		}
	}
	for _, r := range f.rows {
		if r.AccountID != a.ID {
			continue
		}
		first, last = min(first, r.BookingDate), max(last, r.BookingDate)
		moved[r.BookingDate] += r.native
		if r.BookingDate > f.Period.To && r.BookingDate <= asOf {
			balance -= r.native
		} else if asOf < r.BookingDate && r.BookingDate <= f.Period.To {
			balance += r.native
		}
	}
	l := &line{Account: a, days: bank.Period{From: max(first, f.Period.From), To: min(last, f.Period.To)}}
	if l.days.From > l.days.To {
		return nil
	}
	for d := f.Period.To; d >= l.days.From; d-- { // balance is that of the end of d
		if d <= l.days.To {
			l.minor = append(l.minor, balance)
		}
		balance -= moved[d]
	}
	slices.Reverse(l.minor)
	return l
}

// together adds lines up in the report's currency, over the days that all of them have; each day's balance is converted at
// the rate of the day. Before an account was opened it held nothing. An account without a rate on one of its days is left
// out and noted in the header. Nil if nothing can be added up. With it come the accounts in it.
func (f *facts) together(lines []*line) (*line, []int64) {
	sum := &line{}
	var ids []int64
	for _, l := range lines {
		minor, ok := f.converted(l)
		if !ok {
			continue
		}
		days := l.days
		if l.OpenedOn != nil && days.From <= *l.OpenedOn {
			minor = append(make([]int64, days.From-f.Period.From), minor...)
			days.From = f.Period.From
		}
		if ids = append(ids, l.ID); sum.minor == nil {
			sum.days, sum.minor = days, minor
			continue
		}
		shared := bank.Period{From: max(sum.days.From, days.From), To: min(sum.days.To, days.To)}
		if shared.From > shared.To {
			return nil, nil
		}
		both := make([]int64, shared.Days())
		for i := range both {
			d := shared.From + bank.Date(i)
			both[i] = sum.minor[d-sum.days.From] + minor[d-days.From]
			if size(both[i]) > 10*maxSum {
				return nil, nil
			}
		}
		sum.days, sum.minor = shared, both
	}
	if sum.minor == nil {
		return nil, nil
	}
	return sum, ids
}

func (f *facts) converted(l *line) ([]int64, bool) {
	if l.Currency == f.Consumer.Currency {
		return l.minor, true
	}
	digits, _ := l.Currency.Digits()
	all := make([]int64, len(l.minor))
	for i, n := range l.minor {
		day := l.days.From + bank.Date(i)
		factor, ok := f.Quotes.Factor(l.Currency, f.Consumer.Currency, day)
		if !ok {
			head := f.header(l.ID)
			head.NoRate = &NoRate{l.Currency, f.Consumer.Currency, day}
			f.head.Coverage.Complete = false
			return nil, false
		}
		amount := rat(decimal.MustNew(n, digits))
		if all[i], ok = round(amount.Mul(amount, factor), f.digits); !ok {
			return nil, false
		}
	}
	return all, true
}

// lines are the balances of all accounts that have them. An account without counts nowhere.
func (f *facts) lines() []*line {
	var all []*line
	none := map[int64]bool{}
	for _, a := range f.accounts {
		if l := f.held(a); l != nil {
			all = append(all, l)
		} else {
			none[a.ID] = true
			f.why[a.ID], f.header(a.ID).LeftOut = ReasonNoBalance, ReasonNoBalance
		}
	}
	for _, r := range f.rows {
		if none[r.AccountID] && f.Period.Contains(r.BookingDate) {
			f.others = append(f.others, r.Transaction)
		}
	}
	f.accounts = slices.DeleteFunc(f.accounts, func(a bank.Account) bool { return none[a.ID] })
	f.ids = slices.DeleteFunc(f.ids, func(id int64) bool { return none[id] })
	f.rows = slices.DeleteFunc(f.rows, func(r row) bool { return none[r.AccountID] })
	f.cover()
	return all
}

func buildBalances(given Input) *Balances {
	f := order(given, TypeBalances, payments, false)
	lines := f.lines()
	rows := f.takeAll()
	b := &Balances{ByAccount: []AccountBalance{}}
	for _, l := range lines {
		own := AccountBalance{Account: l.Ref(), Current: bank.Money{Amount: *l.Balance, Currency: l.Currency}, AsOf: l.BalanceAsOf, Limit: l.Limit()}
		own.BalanceSummary = l.summary(l.Currency)
		credits, debits := split(rows, func(r row) bool { return r.AccountID == l.ID })
		own.In = Amount{minorMoney(in.sum(credits), l.Currency), len(credits)}
		own.Out = Amount{minorMoney(out.sum(debits), l.Currency), len(debits)}
		digits, _ := l.Currency.Digits()
		for _, n := range l.minor {
			if l.Container == bank.ContainerBank && n < 0 {
				own.OverdraftDays++
			}
			if l.CreditLimit != nil {
				if limit, _ := minorOf(*l.CreditLimit, digits); n < -size(limit) {
					own.OverLimitDays++
				}
			}
		}
		b.ByAccount = append(b.ByAccount, own)
	}
	converted := read(given, TypeBalances)
	lines = slices.DeleteFunc(lines, func(l *line) bool { // what has no rate for a balance or for a transaction
		_, ok := f.converted(l)
		return !ok || !slices.Contains(converted.ids, l.ID)
	})
	if sum, ids := f.together(lines); sum != nil {
		total := BalanceTotal{Accounts: []bank.Ref{}, BalanceSummary: sum.summary(f.Consumer.Currency)}
		for _, id := range ids {
			total.Accounts = append(total.Accounts, f.header(id).ID)
		}
		credits, debits := split(between(converted.rows, f.Period), func(r row) bool { return r.TransferID == nil && slices.Contains(ids, r.AccountID) })
		total.In, total.Out = f.amount(in, credits), f.amount(out, debits)
		b.Total = &total
	}
	for i, a := range converted.head.Accounts {
		if f.head.Accounts[i].NoRate == nil && a.NoRate != nil {
			f.head.Accounts[i].NoRate, f.head.Coverage.Complete = a.NoRate, false
		}
	}
	b.Header = f.head
	return b
}

// split is the wanted transactions by direction.
func split(rows []row, want func(row) bool) (credits, debits []row) {
	for _, r := range rows {
		switch {
		case !want(r):
		case in.own(r):
			credits = append(credits, r)
		default:
			debits = append(debits, r)
		}
	}
	return credits, debits
}

// summary is what a line tells by itself.
func (l *line) summary(c bank.Currency) BalanceSummary {
	money := func(n int64) bank.Money { return minorMoney(n, c) }
	least, most, sum := 0, 0, int64(0)
	days := int64(len(l.minor))
	for i, n := range l.minor {
		if n < l.minor[least] {
			least = i
		}
		if n > l.minor[most] {
			most = i
		}
		sum += n / days // the rest is added below: the sum of all days may leave int64
	}
	rest := int64(0)
	for _, n := range l.minor {
		rest += n % days
	}
	return BalanceSummary{Covered: l.days, Opening: money(l.minor[0]), Closing: money(l.minor[days-1]),
		Minimum: money(l.minor[least]), MinimumDate: l.days.From + bank.Date(least), Maximum: money(l.minor[most]), MaximumDate: l.days.From + bank.Date(most),
		Average: money(sum + part(rest, days))}
}

// Sheet shows all accounts together first, then each.
func (b *Balances) Sheet() []paper.Block {
	if len(b.ByAccount) == 0 {
		return []paper.Block{paper.Text("No balance is known of any account in this period.")}
	}
	var blocks []paper.Block
	if b.Total != nil {
		t := b.Total
		blocks = append(blocks, paper.Figures{
			{Label: "At the end", Value: moneyText(t.Closing), Note: dayText(t.Covered.To)},
			{Label: "Average", Value: moneyText(t.Average), Note: spanText(t.Covered)},
			{Label: "Lowest", Value: moneyText(t.Minimum), Note: dayText(t.MinimumDate)},
			{Label: "Highest", Value: moneyText(t.Maximum), Note: dayText(t.MaximumDate)},
		}, paper.Figures{
			{Label: "Came in", Value: moneyText(t.In.Total), Note: count(t.In.TransactionCount, "transaction") + ", without transfers"},
			{Label: "Went out", Value: moneyText(t.Out.Total), Note: count(t.Out.TransactionCount, "transaction") + ", without transfers"},
		})
	}
	notes := paper.Notes{}
	days := paper.Table{Caption: "Balances", Columns: []paper.Column{{Title: "Account"}, {Title: "First day", Number: true}, {Title: "Last day", Number: true}, {Title: "Lowest", Number: true}, {Title: "On"},
		{Title: "Highest", Number: true}, {Title: "On"}, {Title: "Average", Number: true}}}
	moves := paper.Table{Caption: "In and out, with transfers, and credit", Columns: []paper.Column{{Title: "Account"}, {Title: "Came in", Number: true}, {Title: "Went out", Number: true},
		{Title: "Credit limit", Number: true}, {Title: "Days below zero", Number: true}, {Title: "Days below the limit", Number: true}}}
	for _, a := range b.ByAccount {
		name := b.account(a.Account).Name
		if a.OverdraftDays > 0 {
			notes = append(notes, paper.Note{Text: fmt.Sprintf("%s was below zero on %d of %s.", name, a.OverdraftDays, count(a.Covered.Days(), "day")), Strong: true})
		}
		if a.OverLimitDays > 0 {
			notes = append(notes, paper.Note{Text: fmt.Sprintf("%s was beyond its credit limit of %s on %d of %s.", name, moneyText(*a.Limit), a.OverLimitDays, count(a.Covered.Days(), "day")), Strong: true})
		}
		if a.Covered != b.Period {
			notes = append(notes, paper.Note{Text: fmt.Sprintf("The balance of %s is known only %s.", name, spanText(a.Covered))})
		}
		days.Rows = append(days.Rows, []string{name, moneyText(a.Opening), moneyText(a.Closing), moneyText(a.Minimum), dayText(a.MinimumDate), moneyText(a.Maximum), dayText(a.MaximumDate), moneyText(a.Average)})
		below := "" // a card's balance is what is owed
		if b.account(a.Account).Container == bank.ContainerBank {
			below = fmt.Sprint(a.OverdraftDays)
		}
		moves.Rows = append(moves.Rows, []string{name, moneyText(a.In.Total), moneyText(a.Out.Total), moneyOrNone(a.Limit), below, fmt.Sprint(a.OverLimitDays)})
	}
	if len(notes) > 0 {
		blocks = append(blocks, notes)
	}
	return append(blocks, paper.Heading("Account by account"), days, moves)
}
