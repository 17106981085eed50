package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"pgregory.net/rapid"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/paper"
)

// The accounts of the tests. 10 and 11 are in euros, as the consumer is; 12 is in francs, 13 no payment account.
var (
	giro   = bank.Account{ConsumerID: 2, ID: 10, Name: "Giro", Container: bank.ContainerBank, Type: "CHECKING", Status: bank.AccountActive, Currency: "EUR"}
	visa   = bank.Account{ConsumerID: 2, ID: 11, Name: "Visa", Container: bank.ContainerCard, Status: bank.AccountActive, Currency: "EUR"}
	francs = bank.Account{ConsumerID: 2, ID: 12, Name: "Konto", Container: bank.ContainerBank, Status: bank.AccountActive, Currency: "CHF"}
	shares = bank.Account{ConsumerID: 2, ID: 13, Name: "Depot", Container: bank.ContainerInvestment, Status: bank.AccountActive, Currency: "EUR"}
)

func day(s string) bank.Date {
	d, err := bank.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func days(from, to string) bank.Period { return bank.Period{From: day(from), To: day(to)} }

// book writes transactions with ids from 1.
type book struct{ all []bank.Transaction }

// on books a signed amount of a party, in the account's currency.
func (b *book) on(a bank.Account, date, amount string, cat int, party string) *bank.Transaction {
	d := decimal.MustParse(amount)
	x := bank.Transaction{ConsumerID: 2, AccountID: a.ID, ID: int64(len(b.all) + 1), BaseType: bank.Credit, Amount: d.Abs(), Currency: a.Currency,
		BookingDate: day(date), Status: bank.Posted, CategoryID: cat, CategorySource: bank.SourceMerchant}
	if strings.HasPrefix(amount, "-") {
		x.BaseType = bank.Debit
	}
	if cat == category.None {
		x.CategorySource = bank.SourceNone
	}
	if party != "" {
		x.MerchantName = &party
	}
	b.all = append(b.all, x)
	return &b.all[len(b.all)-1]
}

// monthly books the same on a day of each month of 2025.
func (b *book) monthly(a bank.Account, on int, from, to time.Month, amount string, cat int, party string) {
	for m := from; m <= to; m++ {
		b.on(a, bank.NewDate(2025, m, on).String(), amount, cat, party)
	}
}

func (b *book) input(period bank.Period, accounts ...bank.Account) Input {
	return Input{Consumer: bank.Consumer{CustomerID: 1, ID: 2, TimeZone: "Europe/Berlin", Currency: "EUR"}, Period: period, Accounts: accounts, Transactions: b.all}
}

var year = days("2025-01-01", "2025-12-31")

func build[R Result](t *testing.T, typ Type, given Input) R {
	t.Helper()
	d, ok := ByType(typ)
	if !ok {
		t.Fatalf("no report %s", typ)
	}
	r := d.Build(given)
	check(t, d, given, r)
	return r.(R)
}

// want compares numbers with what was worked out by hand: pairs of a value and its text, named by their place.
func want(t *testing.T, pairs ...any) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := show(pairs[i]); got != pairs[i+1] {
			t.Errorf("value %d is %s, want %s", i/2+1, got, pairs[i+1])
		}
	}
}

func text(m bank.Money) string { return fmt.Sprintf("%s %s", m.Amount, m.Currency) }

func show(v any) string {
	switch v := v.(type) {
	case bank.Money:
		return text(v)
	case *bank.Money:
		if v == nil {
			return "none"
		}
		return text(*v)
	case Amount:
		return fmt.Sprintf("%s %d", text(v.Total), v.TransactionCount)
	case *decimal.Decimal:
		if v == nil {
			return "none"
		}
		return v.String()
	case *bank.Date:
		if v == nil {
			return "none"
		}
		return v.String()
	case bank.Period:
		return v.From.String() + " " + v.To.String()
	case []Month:
		var all []string
		for _, m := range v {
			all = append(all, m.Total.Amount.String())
		}
		return strings.Join(all, " ")
	case []Party:
		var all []string
		for _, p := range v {
			all = append(all, fmt.Sprintf("%d %s %s %s%% %d/%d %s", p.Rank, p.Name, p.Total.Amount, show(p.Share), p.PaymentCount, p.TransactionCount, p.Interval))
		}
		return strings.Join(all, "; ")
	case []CategoryAmount:
		var all []string
		for _, c := range v {
			all = append(all, fmt.Sprintf("%s %s %s%% %d", c.Name, c.Total.Amount, show(c.Share), c.TransactionCount))
		}
		return strings.Join(all, "; ")
	case []LeftOut:
		var all []string
		for _, l := range v {
			s := fmt.Sprintf("%s %d", l.Reason, l.TransactionCount)
			if l.CreditTotal != nil {
				s += fmt.Sprintf(" +%s -%s", l.CreditTotal.Amount, l.DebitTotal.Amount)
			}
			all = append(all, s)
		}
		return strings.Join(all, "; ")
	}
	return fmt.Sprint(v)
}

// check asks of any report of any input what must always hold.
func check(t interface {
	Helper()
	Errorf(string, ...any)
}, d Definition, given Input, r Result) {
	t.Helper()
	first, err := json.Marshal(r)
	if err != nil {
		t.Errorf("%s: %v", d.Type, err)
		return
	}
	other := given
	other.Accounts, other.Transactions = slices.Clone(given.Accounts), slices.Clone(given.Transactions)
	slices.Reverse(other.Accounts)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(other.Transactions), func(i, j int) {
		other.Transactions[i], other.Transactions[j] = other.Transactions[j], other.Transactions[i]
	})
	other.Transactions = append(other.Transactions, other.Transactions...) // twice the same is once
	if again, _ := json.Marshal(d.Build(other)); !bytes.Equal(first, again) {
		t.Errorf("%s: another order gives other bytes:\n%s\n%s", d.Type, first, again)
	}
	if back, err := d.Decode(first); err != nil {
		t.Errorf("%s: %v", d.Type, err)
	} else if again, _ := json.Marshal(back); !bytes.Equal(first, again) {
		t.Errorf("%s: decoded it is another:\n%s\n%s", d.Type, first, again)
	}
	h := r.Head()
	if h.Type != d.Type || h.TransactionCount != h.Coverage.Counted && d.Type != TypeRecurring { // which looks at earlier months too
		t.Errorf("%s: header %+v", d.Type, h)
	}

	// Everything of the period is counted or left out for one reason.
	of := map[int64]bool{}
	for _, a := range given.Accounts {
		of[a.ID] = true
	}
	all := 0
	for _, x := range given.Transactions {
		if of[x.AccountID] && h.Period.Contains(x.BookingDate) {
			all++
		}
	}
	left := 0
	for _, l := range h.Coverage.LeftOut {
		left += l.TransactionCount
	}
	if h.Coverage.Counted+left != all {
		t.Errorf("%s: %d counted and %d left out of %d", d.Type, h.Coverage.Counted, left, all)
	}

	// The header's selection finds exactly what is counted, and narrowed by what a part says of itself the part's own.
	if n := bytes.Count(first, []byte(`"used":`)); n != 1 {
		t.Errorf("%s: %d selections", d.Type, n)
	}
	plain := !slices.ContainsFunc(given.Accounts, func(a bank.Account) bool { return a.Currency != given.Consumer.Currency })
	own := map[int64]bank.Currency{}
	for _, a := range given.Accounts {
		own[a.ID] = a.Currency
	}
	for _, p := range partsOf(r, own) {
		found, sum := 0, decimal.Zero
		for _, x := range given.Transactions {
			if h.Used.Matches(x) && p.of(x) {
				found++
				if x.BaseType == bank.Credit {
					sum, _ = sum.Add(x.Amount)
				} else {
					sum, _ = sum.Sub(x.Amount)
				}
			}
		}
		if found != p.count {
			t.Errorf("%s: %s says %d transactions and one finds %d: %+v", d.Type, p.name, p.count, found, h.Used)
		}
		if p.total != nil && plain && p.total.Amount.CmpAbs(sum) != 0 {
			t.Errorf("%s: %s says %s and its transactions give %s", d.Type, p.name, p.total, sum)
		}
	}
	for _, p := range h.Used {
		if len(p.AccountIDs) == 0 || p.From > p.To {
			t.Errorf("%s: a predicate without accounts or days: %+v", d.Type, p)
		}
	}
	for i, x := range given.Transactions {
		if slices.ContainsFunc(h.Used, func(p Predicate) bool { return p.Matches(x) }) && matching(h.Used, x) != 1 {
			t.Errorf("%s: two predicates fit transaction %d", d.Type, i)
		}
	}

	// The document is sound, and the same of what was stored.
	back, _ := d.Decode(first)
	doc := d.Doc(Report{ConsumerID: 2, ID: 7, FinishedAt: new(evening)}, r)
	if again := d.Doc(Report{ConsumerID: 2, ID: 7, FinishedAt: new(evening)}, back); !reflect.DeepEqual(doc, again) {
		t.Errorf("%s: decoded it is another document", d.Type)
	}
	if text := plainText(doc); strings.Contains(text, "%!") || strings.Contains(text, "1899") {
		t.Errorf("%s: %s", d.Type, text)
	}
	for _, b := range doc.Blocks {
		switch b := b.(type) {
		case paper.Table:
			if b.Bars > len(b.Columns) || b.Sums > len(b.Rows) || len(b.Columns) == 0 {
				t.Errorf("%s: table %+v", d.Type, b)
			}
			for _, row := range b.Rows {
				if len(row) != len(b.Columns) {
					t.Errorf("%s: a row of %d in %d columns: %q", d.Type, len(row), len(b.Columns), row)
				} else if b.Bars > 0 && row[b.Bars-1] != "" {
					decimal.MustParse(row[b.Bars-1])
				}
			}
		case paper.Chart:
			for _, s := range b.Series {
				if len(s.Values) != len(b.Labels) {
					t.Errorf("%s: %d values for %d labels", d.Type, len(s.Values), len(b.Labels))
				}
			}
		case paper.Figures:
			if len(b) == 0 {
				t.Errorf("%s: no figures", d.Type)
			}
		case paper.Notes:
			if len(b) == 0 {
				t.Errorf("%s: no notes", d.Type)
			}
		case paper.Text:
		case paper.Heading:
		default:
			t.Errorf("%s: %T", d.Type, b)
		}
	}
}

func matching(s Selection, x bank.Transaction) (n int) {
	for _, p := range s {
		if p.Matches(x) {
			n++
		}
	}
	return n
}

// onePart is a part of a report: by which condition one finds its transactions among those of the header's selection.
type onePart struct {
	name  string
	of    func(bank.Transaction) bool
	count int
	total *bank.Money
}

// partsOf is what a client can know of a report's parts, from their fields alone.
func partsOf(r Result, currency map[int64]bank.Currency) (all []onePart) {
	h := r.Head()
	type cond = func(bank.Transaction) bool
	every := func(bank.Transaction) bool { return true }
	and := func(conds ...cond) cond {
		return func(x bank.Transaction) bool {
			return !slices.ContainsFunc(conds, func(c cond) bool { return !c(x) })
		}
	}
	of := func(ids ...int) cond {
		return func(x bank.Transaction) bool { return slices.Contains(ids, x.CategoryID) }
	}
	at := func(accounts ...bank.Ref) cond {
		return func(x bank.Transaction) bool {
			return slices.ContainsFunc(accounts, func(a bank.Ref) bool { return a.ID == x.AccountID })
		}
	}
	credit := func(x bank.Transaction) bool { return x.BaseType == bank.Credit }
	debit := func(x bank.Transaction) bool { return x.BaseType == bank.Debit }
	still := func(x bank.Transaction) bool { return x.TransferID == nil }
	add := func(name string, a Amount, conds ...cond) {
		all = append(all, onePart{name, and(conds...), a.TransactionCount, &a.Total})
	}
	split := func(name string, where cond, months []Month, parties []Party, categories []CategoryAmount) {
		for _, m := range months {
			add(name+" in "+m.Month.String(), m.Amount, where, func(x bank.Transaction) bool { return x.BookingDate.Month() == m.Month })
		}
		for _, p := range parties {
			add(name+" at "+p.Name, p.Amount, where, func(x bank.Transaction) bool {
				return p.Unnamed && PartyOf(x) == "" || !p.Unnamed && PartyOf(x) == p.Name
			})
		}
		for _, c := range categories {
			add(name+" on "+c.Name, c.Amount, where, of(c.CategoryID))
		}
	}
	sections := func(list []Section) {
		for _, s := range list {
			add(s.Kind, s.Amount, of(s.CategoryIDs...))
			split(s.Kind, of(s.CategoryIDs...), s.Monthly, s.Parties, s.Categories)
		}
	}
	all = append(all, onePart{"all", every, h.TransactionCount, nil})
	switch r := r.(type) {
	case *Shopping:
		add("all", Amount{r.Total, r.TransactionCount}, every)
		for _, g := range r.Groups {
			where := of(g.CategoryIDs...)
			add(string(g.Kind), g.Amount, where)
			split(string(g.Kind), where, g.Monthly, g.Stores, g.Categories)
		}
	case *Spending:
		add("all", Amount{r.Total, r.TransactionCount}, every)
		split("all", every, r.Monthly, r.Parties, nil)
		for _, c := range r.Categories {
			where := of(category.Under(c.CategoryID)...)
			add(c.Name, c.Amount, where)
			split(c.Name, where, c.Monthly, nil, c.Categories)
		}
	case *Income:
		add("all", Amount{r.Total, r.TransactionCount}, every)
		split("all", every, r.Monthly, r.Sources, r.Categories)
	case *RentAndLiving:
		add("all", Amount{r.Total, r.TransactionCount}, every)
		split("all", every, r.Monthly, nil, nil)
		sections(r.Sections)
	case *Insurance:
		add("all", Amount{r.Total, r.TransactionCount}, every)
		split("all", every, r.Monthly, nil, nil)
		sections(r.Insurances)
	case *RiskIndicators:
		for _, i := range r.Indicators {
			where := of(i.CategoryIDs...)
			all = append(all, onePart{i.Kind, where, i.TransactionCount, nil})
			add(i.Kind+" in", i.In, where, credit)
			add(i.Kind+" out", i.Out, where, debit)
			split(i.Kind, and(where, debit), i.Monthly, i.Parties, nil)
		}
	case *Recurring:
		for _, s := range r.Series {
			add(s.Party, s.Amount, func(x bank.Transaction) bool {
				return x.BaseType == s.BaseType && PartyOf(x) == s.Party && currency[x.AccountID] == s.Average.Currency &&
					x.Amount.Cmp(s.Smallest.Amount) >= 0 && x.Amount.Cmp(s.Largest.Amount) <= 0
			})
		}
	case *Balances:
		for _, a := range r.ByAccount {
			add("in", a.In, at(a.Account), credit)
			add("out", a.Out, at(a.Account), debit)
		}
		if r.Total != nil {
			add("all in", r.Total.In, at(r.Total.Accounts...), still, credit)
			add("all out", r.Total.Out, at(r.Total.Accounts...), still, debit)
		}
	case *CategorizedTransactions:
		add("in", r.In, still, credit)
		add("out", r.Out, still, debit)
		split("in", and(still, credit), nil, nil, r.InCategories)
		split("out", and(still, debit), nil, nil, r.OutCategories)
	case *AccountInfo:
		for _, i := range r.Infos {
			all = append(all, onePart{i.Account.String(), at(i.Account), i.TransactionCount, nil})
		}
	case *BalanceOverTime: // days are no sums
	default:
		panic(fmt.Sprintf("which transactions each amount of a %T is made of must stand here", r))
	}
	return all
}

// onPaper looks for lines in the document of a report.
func onPaper(t *testing.T, r Result, lines ...string) {
	t.Helper()
	d, _ := ByType(r.Head().Type)
	text := plainText(d.Doc(Report{ConsumerID: 2, ID: 7, FinishedAt: new(evening)}, r))
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no line %q in\n%s", line, text)
		}
	}
}

// plainText is a document as text.
func plainText(d paper.Doc) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s | %s\n", d.Title, d.Subtitle)
	for _, f := range d.Facts {
		fmt.Fprintf(&b, "%s: %s\n", f.Label, f.Value)
	}
	for _, block := range d.Blocks {
		switch x := block.(type) {
		case paper.Heading:
			fmt.Fprintf(&b, "\n%s\n", x)
		case paper.Text:
			fmt.Fprintln(&b, x)
		case paper.Figures:
			for _, f := range x {
				fmt.Fprintf(&b, "[%s: %s; %s]\n", f.Label, f.Value, f.Note)
			}
		case paper.Notes:
			for _, n := range x {
				fmt.Fprintf(&b, "%s %s\n", map[bool]string{true: "!", false: "-"}[n.Strong], n.Text)
			}
		case paper.Chart:
			fmt.Fprintf(&b, "<%s %s:", x.Caption, x.Unit)
			for _, s := range x.Series {
				fmt.Fprintf(&b, " %s %d", s.Name, len(s.Values))
			}
			fmt.Fprintln(&b, ">")
		case paper.Table:
			fmt.Fprintf(&b, "%s\n", x.Caption)
			for _, c := range x.Columns {
				fmt.Fprintf(&b, "%s | ", c.Title)
			}
			fmt.Fprintln(&b)
			for _, r := range x.Rows {
				fmt.Fprintln(&b, strings.Join(r, " | "))
			}
		}
	}
	fmt.Fprintln(&b, "\n"+d.Footer)
	return b.String()
}

func TestAll(t *testing.T) {
	seen := map[Type]bool{}
	for _, d := range All {
		t.Run(string(d.Type), func(t *testing.T) {
			if seen[d.Type] || !regexp.MustCompile(`^[A-Z][A-Z_]*[A-Z]$`).MatchString(string(d.Type)) || len(d.Title) < 3 || !strings.HasSuffix(d.Description, ".") {
				t.Error("the type is there twice, or title or description is missing")
			}
			seen[d.Type] = true
			r := d.Build(Input{})
			check(t, d, Input{}, r)
			if text, _ := json.Marshal(r); bytes.Contains(text, []byte("-Inf")) || reflect.TypeOf(r) != reflect.TypeOf(d.empty()) {
				t.Errorf("of nothing: %T %s", r, text)
			}
			build[Result](t, d.Type, new(book).input(year))
			build[Result](t, d.Type, new(book).input(year, giro, visa, francs, shares))
			if from, to := d.Needs(days("2025-03-10", "2025-04-09")); d.Before == 0 && from != day("2025-03-10") || d.Before == 12 && from != day("2024-03-01") || d.After == (to != nil) {
				t.Errorf("needs %s to %v", from, to)
			}
		})
	}
	if _, ok := ByType("NO_SUCH"); ok {
		t.Error("found what is not there")
	}
	if _, err := All[0].Decode([]byte("{")); err == nil {
		t.Error("decoded half a report")
	}
}

// draw makes any input that a database can hold.
func draw(t *rapid.T) Input {
	b := &book{}
	accounts := []bank.Account{giro, visa, shares}
	if rapid.Bool().Draw(t, "francs") {
		accounts = append(accounts, francs)
	}
	for i := range accounts {
		if rapid.Bool().Draw(t, "balance") {
			accounts[i].Balance = new(decimal.MustNew(rapid.Int64Range(-1e6, 1e6).Draw(t, "held"), 2))
			if rapid.Bool().Draw(t, "dated") {
				accounts[i].BalanceAsOf = new(day("2025-06-01").Time().Add(time.Duration(rapid.Int64Range(-1e3, 1e4).Draw(t, "hours")) * time.Hour))
			}
			if rapid.Bool().Draw(t, "limited") {
				accounts[i].CreditLimit = new(decimal.MustParse("500.00"))
			}
			if rapid.Bool().Draw(t, "opened") {
				accounts[i].OpenedOn = new(day("2025-03-20") + bank.Date(rapid.Int32Range(-100, 100).Draw(t, "on")))
			}
		}
	}
	from := day("2025-01-01") + bank.Date(rapid.Int32Range(0, 200).Draw(t, "from"))
	period := bank.Period{From: from, To: from + bank.Date(rapid.Int32Range(0, 364).Draw(t, "long"))}
	parties := []string{"", "Rewe", "Lidl", "Zalando", "Unknown"}
	tree := category.Tree()
	for range rapid.IntRange(0, 60).Draw(t, "transactions") {
		a := rapid.SampledFrom(accounts).Draw(t, "account")
		c := rapid.SampledFrom(tree).Draw(t, "category").ID
		if rapid.Bool().Draw(t, "goods") {
			c = rapid.SampledFrom([]int{201, 203, 301, 302, 701, 101, 501, 903, category.None}).Draw(t, "good")
		}
		x := b.on(a, (period.From + bank.Date(rapid.Int32Range(-400, 400).Draw(t, "day"))).String(),
			decimal.MustNew(rapid.Int64Range(-20000, 20000).Draw(t, "amount"), 2).String(), c, rapid.SampledFrom(parties).Draw(t, "party"))
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			x.Status = bank.Pending
		case 1:
			x.TransferID = new(int64(99))
		case 2:
			x.CounterpartyName, x.MerchantName = new("Rewe"), nil
		}
	}
	given := b.input(period, accounts...)
	if rapid.Bool().Draw(t, "quotes") {
		given.Quotes = bank.NewQuotes([]bank.Quote{{Currency: "CHF", Day: day("2023-01-01"), Rate: decimal.MustParse("0.9377"), Source: "ECB"}})
	}
	for _, g := range Groups {
		if rapid.Bool().Draw(t, "limit") {
			given.Limits = append(given.Limits, Limit{g, bank.Money{Amount: decimal.MustNew(rapid.Int64Range(0, 30000).Draw(t, "most"), 2), Currency: "EUR"}})
		}
	}
	return given
}

// TestAnyInput: whatever the transactions, each number's selection finds what it rests on, the parts give the whole, and
// the order does not matter.
func TestAnyInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := draw(t)
		for _, d := range All {
			r := d.Build(given)
			check(t, d, given, r)
			switch r := r.(type) {
			case *Shopping:
				var groups []Amount
				for _, g := range r.Groups {
					groups = append(groups, g.Amount)
					sums(t, g.Kind, g.Total, g.TransactionCount, amounts(g.Stores, func(p Party) Amount { return p.Amount }))
					sums(t, g.Kind, g.Total, g.TransactionCount, amounts(g.Monthly, func(m Month) Amount { return m.Amount }))
					sums(t, g.Kind, g.Total, g.TransactionCount, amounts(g.Categories, func(c CategoryAmount) Amount { return c.Amount }))
					for _, s := range g.Stores {
						if s.PaymentCount+s.RefundCount != s.TransactionCount {
							t.Errorf("%+v", s)
						}
					}
				}
				sums(t, "groups", r.Total, r.TransactionCount, groups)
			case *Spending:
				sums(t, "months", r.Total, r.TransactionCount, amounts(r.Monthly, func(m Month) Amount { return m.Amount }))
				sums(t, "parties", r.Total, r.TransactionCount, amounts(r.Parties, func(p Party) Amount { return p.Amount }))
				sums(t, "categories", r.Total, r.TransactionCount, amounts(r.Categories, func(c SpendingCategory) Amount { return c.Amount }))
				for _, c := range r.Categories {
					sums(t, c.Name, c.Total, c.TransactionCount, amounts(c.Categories, func(c CategoryAmount) Amount { return c.Amount }))
					sums(t, c.Name, c.Total, c.TransactionCount, amounts(c.Monthly, func(m Month) Amount { return m.Amount }))
				}
			case *Income:
				sums(t, "months", r.Total, r.TransactionCount, amounts(r.Monthly, func(m Month) Amount { return m.Amount }))
				sums(t, "sources", r.Total, r.TransactionCount, amounts(r.Sources, func(p Party) Amount { return p.Amount }))
				sums(t, "categories", r.Total, r.TransactionCount, amounts(r.Categories, func(c CategoryAmount) Amount { return c.Amount }))
			case *RentAndLiving:
				sums(t, "sections", r.Total, r.TransactionCount, amounts(r.Sections, func(s Section) Amount { return s.Amount }))
			case *Insurance:
				sums(t, "insurances", r.Total, r.TransactionCount, amounts(r.Insurances, func(s Section) Amount { return s.Amount }))
			case *Balances:
				for _, b := range r.ByAccount {
					if b.Minimum.Amount.Cmp(b.Average.Amount) > 0 || b.Average.Amount.Cmp(b.Maximum.Amount) > 0 {
						t.Errorf("%+v", b)
					}
				}
			case *RiskIndicators, *Recurring, *CategorizedTransactions, *AccountInfo, *BalanceOverTime: // no parts that add up to all
			default:
				t.Errorf("which parts of a %T add up must stand here", r)
			}
		}
	})
}

func amounts[T any](all []T, of func(T) Amount) (list []Amount) {
	for _, one := range all {
		list = append(list, of(one))
	}
	return list
}

func sums(t *rapid.T, name any, total bank.Money, count int, parts []Amount) {
	t.Helper()
	sum, n := bank.Zero("EUR"), 0
	for _, p := range parts {
		n += p.TransactionCount
		sum, _ = sum.Add(p.Total)
	}
	if sum.Amount.Cmp(total.Amount) != 0 || n != count {
		t.Errorf("%v: parts give %s of %d, the whole is %s of %d", name, sum.Amount, n, total.Amount, count)
	}
}

// FuzzBuild: whatever a database might hold by mistake, no report panics, and again it is the same.
func FuzzBuild(f *testing.F) {
	f.Add([]byte("a"), int32(20089), int32(20453), "12.50", "EUR", "EUR", "Europe/Berlin", true)
	f.Add([]byte{0, 255, 17, 3, 9, 80, 1, 2, 3}, int32(-2147483648), int32(2147483647), "9999999999999999999", "XXX", "JPY", "", false)
	f.Add([]byte("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"), int32(20000), int32(19000), "-0.0000000000000000001", "CHF", "KWD", "Nowhere", true)
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), int32(20089), int32(23741), "999999999999999.99", "CHF", "EUR", "Asia/Tokyo", true)
	f.Fuzz(func(t *testing.T, noise []byte, from, to int32, amount, own, other, zone string, quoted bool) {
		money, err := decimal.Parse(amount)
		if err != nil {
			money = decimal.MustParse("99999999999999999.99")
		}
		accounts := []bank.Account{giro, visa, francs, shares, giro}
		for i := range accounts {
			accounts[i].Currency = bank.Currency([]string{own, other}[i%2])
			accounts[i].Balance, accounts[i].CreditLimit = &money, &money
		}
		accounts[0].BalanceAsOf = new(time.Unix(int64(from)*86400+3, 0))
		given := Input{Consumer: bank.Consumer{TimeZone: zone, Currency: bank.Currency(own)}, Period: bank.Period{From: bank.Date(from), To: bank.Date(to)}, Accounts: accounts,
			Limits: []Limit{{Fashion, bank.Money{Amount: money, Currency: bank.Currency(own)}}, {"?", bank.Money{}}}}
		tree := category.Tree()
		for i, n := range noise[:min(len(noise), 500)] {
			x := bank.Transaction{ID: int64(i), AccountID: int64(9 + n%6), Amount: money, BookingDate: bank.Date(from) + bank.Date(int32(n)*int32(i)), Status: bank.Posted,
				CategoryID: tree[int(n)%len(tree)].ID, BaseType: []bank.BaseType{bank.Credit, bank.Debit, bank.Debit, ""}[n%4]}
			if n%7 == 0 {
				x.CategoryID, x.BookingDate = int(n), bank.Date(to)
			}
			if n%5 == 0 {
				x.MerchantName = new(string(noise[i:]))
			}
			given.Transactions = append(given.Transactions, x)
		}
		if quoted {
			given.Quotes = bank.NewQuotes([]bank.Quote{{Currency: bank.Currency(own), Rate: money}, {Currency: bank.Currency(other), Rate: decimal.MustParse("0.000000001")}})
		}
		for _, d := range All {
			r := d.Build(given)
			d.Doc(Report{}, r)
			first, err := json.Marshal(r)
			again, _ := json.Marshal(d.Build(given))
			if err != nil || !bytes.Equal(first, again) {
				t.Errorf("%s: %v\n%s\n%s", d.Type, err, first, again)
			}
		}
	})
}

func BenchmarkShopping(b *testing.B) {
	books := &book{}
	for d := day("2024-01-01"); d <= year.To; d++ {
		for i := range 5 {
			books.on(giro, d.String(), "-12.34", 201+i%3, fmt.Sprintf("Shop %d", (int(d)*i)%200))
		}
	}
	given := books.input(year, giro)
	for b.Loop() {
		buildShopping(given)
	}
	b.ReportMetric(float64(len(books.all)), "transactions/op")
}

// Matches tells whether the predicate fits.
func (p Predicate) Matches(t bank.Transaction) bool {
	return slices.Contains(p.AccountIDs, t.AccountID) &&
		p.From <= t.BookingDate && t.BookingDate <= p.To &&
		p.Status == t.Status &&
		(p.Transfers == nil || *p.Transfers == (t.TransferID != nil)) &&
		(p.BaseType == "" || p.BaseType == t.BaseType) &&
		(p.CategoryIDs == nil || slices.Contains(p.CategoryIDs, t.CategoryID))
}

// Matches tells whether the transaction is one of the named.
func (s Selection) Matches(t bank.Transaction) bool {
	return slices.ContainsFunc(s, func(p Predicate) bool { return p.Matches(t) })
}
