package report

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/category"
)

// MaxDays is the longest period of a case: ten years.
const MaxDays = 3653

// Days outside these are not the calendar's of bank data; see bank.ParseDate.
var firstDay, lastDay = bank.NewDate(1900, 1, 1), bank.NewDate(9999, 12, 31)

// maxSum bounds what all amounts of a report add up to, in minor units, so that no sum leaves int64.
const maxSum = int64(1e17)

// row is a posted transaction of a counted account.
type row struct {
	*bank.Transaction
	minor  int64 // in minor units of the report's currency; above zero: money in
	native int64 // the same in the account's currency
}

// facts is an input put in order.
type facts struct {
	Input
	converts bool
	head     Header
	digits   int
	months   []bank.Date         // that the period touches
	accounts []bank.Account      // counted ones, by id
	ids      []int64             // theirs
	rows     []row               // of all days that were given, by day and id
	others   []*bank.Transaction // what is not in rows, of the period
	why      map[int64]Reason    // why an account is left out
}

// payments are the containers that money comes into and goes out of.
var payments = []bank.Container{bank.ContainerBank, bank.ContainerCard}

// read puts an input in order: by day and id, each transaction of the accounts BANK and CARD once, amounts converted.
func read(in Input, t Type) *facts { return order(in, t, payments, true) }

// order reads other containers too, and need not convert: then row.minor is in each account's own currency.
func order(in Input, t Type, containers []bank.Container, convert bool) *facts {
	f := &facts{Input: in, converts: convert, why: map[int64]Reason{}}
	f.digits, _ = in.Consumer.Currency.Digits()
	if p := in.Period; p.From > p.To || p.From < firstDay || p.To > lastDay || int64(p.To)-int64(p.From) >= MaxDays {
		f.Period, f.Transactions = bank.Period{From: firstDay, To: firstDay - 1}, nil // no period at all
	}
	f.head = Header{Type: t, Currency: in.Consumer.Currency, Period: f.Period, Accounts: []Account{}, Used: Selection{}}
	for m := f.Period.From.Month(); m <= f.Period.To; m = m.AddMonths(1) {
		f.months = append(f.months, m)
	}

	f.Accounts = slices.SortedStableFunc(slices.Values(in.Accounts), func(a, b bank.Account) int { return cmp.Compare(a.ID, b.ID) })
	f.Accounts = slices.CompactFunc(f.Accounts, func(a, b bank.Account) bool { return a.ID == b.ID })
	byAccount := f.group()
	sum := int64(0)
	for _, a := range f.Accounts {
		rows, total, reason, missing := f.convert(a, byAccount[a.ID], maxSum-sum)
		if !slices.Contains(containers, a.Container) {
			reason, missing = ReasonContainer, nil
		}
		f.head.Accounts = append(f.head.Accounts, Account{ID: a.Ref(), Name: a.Name, ProviderName: a.ProviderName, Container: a.Container,
			Type: a.Type, Status: a.Status, Currency: a.Currency, IBAN: a.IBAN, LeftOut: reason, NoRate: missing})
		if reason != "" {
			f.why[a.ID] = reason
			f.others = append(f.others, byAccount[a.ID]...)
			continue
		}
		sum += total
		f.accounts, f.ids, f.rows = append(f.accounts, a), append(f.ids, a.ID), append(f.rows, rows...)
		for _, x := range byAccount[a.ID] {
			if x.Status != bank.Posted {
				f.others = append(f.others, x)
			}
		}
	}
	f.others = slices.DeleteFunc(f.others, func(x *bank.Transaction) bool { return !f.Period.Contains(x.BookingDate) })
	slices.SortFunc(f.rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.BookingDate, b.BookingDate), cmp.Compare(a.ID, b.ID))
	})
	f.cover()
	return f
}

// group is the transactions of each account, each once, by id.
func (f *facts) group() map[int64][]*bank.Transaction {
	all := make([]*bank.Transaction, len(f.Transactions))
	for i := range f.Transactions {
		all[i] = &f.Transactions[i]
	}
	slices.SortStableFunc(all, func(a, b *bank.Transaction) int { return cmp.Compare(a.ID, b.ID) })
	all = slices.CompactFunc(all, func(a, b *bank.Transaction) bool { return a.ID == b.ID })
	groups := map[int64][]*bank.Transaction{}
	for _, x := range all {
		if x.BookingDate >= firstDay && x.BookingDate <= lastDay {
			groups[x.AccountID] = append(groups[x.AccountID], x)
		}
	}
	return groups
}

// convert brings an account's posted transactions into the report's currency. It gives the sum of their sizes, or why
// the account cannot be counted; left is what may still be added up.
func (f *facts) convert(a bank.Account, all []*bank.Transaction, left int64) (rows []row, total int64, why Reason, missing *NoRate) {
	digits, _ := a.Currency.Digits()
	native := int64(0)
	var held []decimal.Decimal
	for _, d := range []*decimal.Decimal{a.Balance, a.CreditLimit} {
		if d != nil {
			held = append(held, *d)
		}
	}
	for _, m := range f.Earlier[a.ID] {
		held = append(held, m.Amount)
	}
	for _, d := range held {
		n, ok := minorOf(d, digits)
		if native += size(n); !ok || native > maxSum {
			return nil, 0, ReasonTooLarge, nil
		}
	}
	for _, x := range all {
		if x.Status != bank.Posted {
			continue
		}
		own, ok := minorOf(x.Amount, digits)
		minor, fits := own, ok
		if f.converts && a.Currency != f.Consumer.Currency {
			factor, known := f.Quotes.Factor(a.Currency, f.Consumer.Currency, x.BookingDate)
			if !known {
				first := x.BookingDate // transactions come by id: another may be older
				for _, y := range all {
					if _, known := f.Quotes.Factor(a.Currency, f.Consumer.Currency, y.BookingDate); y.Status == bank.Posted && !known {
						first = min(first, y.BookingDate)
					}
				}
				return nil, 0, ReasonNoRate, &NoRate{a.Currency, f.Consumer.Currency, first}
			}
			minor, fits = round(factor.Mul(rat(x.Amount), factor), f.digits)
		}
		native, total = native+size(own), total+size(minor)
		if !ok || !fits || native > maxSum || total > left {
			why = ReasonTooLarge // go on: a missing rate comes first
			native, total = 0, 0
		}
		if x.BaseType != bank.Credit {
			own, minor = -own, -minor
		}
		rows = append(rows, row{x, minor, own})
	}
	if why != "" {
		return nil, 0, why, nil
	}
	return rows, total, "", nil
}

// minorOf is an amount in minor units, rounded where it has more digits. It is false for what is too large.
func minorOf(d decimal.Decimal, digits int) (int64, bool) {
	if d.Scale() > digits || d.Coef() > uint64(maxSum) {
		return round(rat(d), digits)
	}
	n := int64(d.Coef())
	for range digits - d.Scale() {
		if n *= 10; n > maxSum {
			return 0, false
		}
	}
	if d.IsNeg() {
		n = -n
	}
	return n, true
}

// round brings a fraction to minor units, a half away from zero. It is false for what is too large.
func round(r *big.Rat, digits int) (int64, bool) {
	if r.Sign() == 0 {
		return 0, true
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	twice := new(big.Int).Mul(r.Num(), scale.Lsh(scale, 1)) // 2·num·10^digits + den, or - den, over 2·den
	if r.Sign() > 0 {
		twice.Add(twice, r.Denom())
	} else {
		twice.Sub(twice, r.Denom())
	}
	twice.Quo(twice, new(big.Int).Lsh(r.Denom(), 1))
	if !twice.IsInt64() || size(twice.Int64()) > maxSum {
		return 0, false
	}
	return twice.Int64(), true
}

func rat(d decimal.Decimal) *big.Rat { return bank.Money{Amount: d}.Rat() }

func size(n int64) int64 { return max(n, -n) }

// settled is the day of the month up to which the first transaction makes a first month whole.
const settled = 15

// begin is the first whole month of what begins on a day.
func begin(first bank.Date) bank.Date {
	if first < first.Month()+settled {
		return first.Month()
	}
	return first.AddMonths(1)
}

// cover fills in what the data covers.
func (f *facts) cover() {
	c := &f.head.Coverage
	*c = Coverage{Asked: f.Period, Months: len(f.months), LeftOut: []LeftOut{}}
	for i := range f.head.Accounts {
		a := &f.head.Accounts[i]
		a.FirstDate, a.LastDate, a.TransactionCount = nil, nil, 0
	}
	begun, month := lastDay, bank.Date(0)
	for _, r := range f.rows {
		begun = min(begun, r.BookingDate)
		if !f.Period.Contains(r.BookingDate) {
			continue
		}
		day, a := r.BookingDate, f.header(r.AccountID)
		if a.TransactionCount++; a.FirstDate == nil {
			a.FirstDate = &day
		}
		if c.FirstDate == nil {
			c.FirstDate = &day
		}
		if c.LastDate == nil || day.Month() != month {
			c.MonthsWithData++
		}
		a.LastDate, c.LastDate, month = &day, &day, day.Month()
	}
	for _, x := range f.others { // an account that is left out has its days, too
		if f.why[x.AccountID] == "" || x.Status != bank.Posted {
			continue
		}
		day, a := x.BookingDate, f.header(x.AccountID)
		a.TransactionCount++
		if a.FirstDate == nil || day < *a.FirstDate {
			a.FirstDate = &day
		}
		if a.LastDate == nil || day > *a.LastDate {
			a.LastDate = &day
		}
	}
	c.Complete = c.Months > 0 && c.MonthsWithData == c.Months
	for _, reason := range f.why {
		if reason != ReasonContainer {
			c.Complete = false
		}
	}
	for _, id := range f.ids {
		if day, known := f.Oldest[id]; known {
			begun = min(begun, day)
		}
	}
	whole := slices.DeleteFunc(f.whole(), func(m bank.Date) bool { return c.LastDate == nil || m < begin(begun) || m > *c.LastDate })
	if len(whole) > 0 {
		c.Averaged = &bank.Period{From: whole[0], To: whole[len(whole)-1].AddMonths(1) - 1}
	}
}

// whole lists the complete calendar months of the period.
func (f *facts) whole() []bank.Date {
	return slices.DeleteFunc(slices.Clone(f.months), func(m bank.Date) bool { return m < f.Period.From || m.AddMonths(1)-1 > f.Period.To })
}

// header is an account as the report shows it.
func (f *facts) header(account int64) *Account {
	i, _ := slices.BinarySearchFunc(f.head.Accounts, account, func(a Account, id int64) int { return cmp.Compare(a.ID.ID, id) })
	return &f.head.Accounts[i]
}

// scope tells for a category and a direction why such a transaction is not counted; "" if it is.
type scope func(c category.Category, side bank.BaseType) Reason

// pick is the counted transactions of some days. Transfers never count.
func (f *facts) pick(s scope, days bank.Period) []row {
	var rows []row
	for _, r := range f.rows {
		if days.Contains(r.BookingDate) && f.reason(s, r) == "" {
			rows = append(rows, r)
		}
	}
	return rows
}

func (f *facts) reason(s scope, r row) Reason {
	if r.TransferID != nil {
		return ReasonTransfer
	}
	c, _ := category.ByID(r.CategoryID) // one that does not exist is of no type
	return s(c, r.BaseType)
}

// selection names the transactions that pick finds, by asking the scope for every category.
func (f *facts) selection(s scope, days bank.Period) Selection {
	ids := map[bank.BaseType][]int{}
	for _, c := range category.Tree() {
		credit, debit := s(c, bank.Credit) == "", s(c, bank.Debit) == ""
		switch {
		case credit && debit:
			ids[""] = append(ids[""], c.ID)
		case credit:
			ids[bank.Credit] = append(ids[bank.Credit], c.ID)
		case debit:
			ids[bank.Debit] = append(ids[bank.Debit], c.ID)
		}
	}
	named := Selection{}
	for _, side := range []bank.BaseType{"", bank.Credit, bank.Debit} {
		if ids[side] != nil && len(f.ids) > 0 && days.From <= days.To {
			slices.Sort(ids[side])
			named = append(named, Predicate{AccountIDs: f.ids, From: days.From, To: days.To, Status: bank.Posted, Transfers: new(false),
				BaseType: side, CategoryIDs: ids[side]})
		}
	}
	return named
}

// take is what the report is about: the counted transactions of the period, noted in the header, and all others of the
// period with the reason why they do not count.
func (f *facts) take(s scope) []row {
	rows := f.pick(s, f.Period)
	f.count(len(rows), f.selection(s, f.Period))
	left := map[Reason]*tally{}
	for _, r := range f.rows {
		if why := f.reason(s, r); f.Period.Contains(r.BookingDate) && why != "" {
			t := note(left, why)
			t.credit, t.debit = t.credit+max(r.minor, 0), t.debit+max(-r.minor, 0)
		}
	}
	f.leave(left)
	return rows
}

// takeAll is for reports that look at all posted transactions, transfers too.
func (f *facts) takeAll() []row {
	rows, used := between(f.rows, f.Period), Selection{}
	if len(f.ids) > 0 && len(f.months) > 0 {
		used = Selection{{AccountIDs: f.ids, From: f.Period.From, To: f.Period.To, Status: bank.Posted}}
	}
	f.count(len(rows), used)
	f.leave(map[Reason]*tally{})
	return rows
}

func (f *facts) count(n int, used Selection) {
	f.head.TransactionCount, f.head.Coverage.Counted, f.head.Used = n, n, used
}

// tally is what is left out for one reason.
type tally struct {
	count         int
	credit, debit int64
}

func note(left map[Reason]*tally, why Reason) *tally {
	if left[why] == nil {
		left[why] = &tally{}
	}
	left[why].count++
	return left[why]
}

// leave writes down what is left out: what is noted, and each transaction of the period that is pending or of an account
// that does not count.
func (f *facts) leave(left map[Reason]*tally) {
	for _, x := range f.others {
		note(left, cmp.Or(f.why[x.AccountID], ReasonPending))
	}
	for _, why := range Reasons {
		t := left[why]
		if t == nil {
			continue
		}
		out := LeftOut{Reason: why, TransactionCount: t.count}
		if why == ReasonTransfer || why == ReasonUncategorized || why == ReasonOther {
			out.CreditTotal, out.DebitTotal = new(f.money(t.credit)), new(f.money(t.debit))
		}
		f.head.Coverage.LeftOut = append(f.head.Coverage.LeftOut, out)
	}
}

// money is minor units of the report's currency.
func (f *facts) money(minor int64) bank.Money {
	return minorMoney(minor, f.Consumer.Currency)
}

// part is n / of, rounded to minor units, a half away from zero.
func part(n, of int64) int64 {
	whole, rest := n/of, n%of
	if size(rest) >= of-size(rest) {
		if n < 0 {
			return whole - 1
		}
		return whole + 1
	}
	return whole
}

// percent is part / whole * 100 with two decimals, a half away from zero; nil where the whole is not above zero, or where
// the number would be longer than nineteen digits.
func percent(part, whole int64) *decimal.Decimal {
	if whole <= 0 {
		return nil
	}
	r := new(big.Rat).Mul(big.NewRat(part, whole), big.NewRat(100, 1))
	d, err := decimal.Parse(r.FloatString(2)) // rounds halves away from zero
	if err != nil {
		return nil
	}
	return &d
}

// minorMoney is minor units of any currency.
func minorMoney(minor int64, c bank.Currency) bank.Money {
	digits, _ := c.Digits()
	return bank.Money{Amount: decimal.MustNew(minor, digits), Currency: c}
}
