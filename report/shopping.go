package report

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/paper"
)

// shopping tells where the consumer shops, and where more is spent than before, than a limit, and of the income.
//
// Counted are purchases of goods, by category: see groupCategories. Services, meals, fuel and what nobody could categorise
// are not shopping; the latter are in Coverage with their amounts. The store is the merchant that the category's evidence
// named, so what a payment service or an online marketplace passed on is with the shop behind it where that is known.
//
// A refund is a credit in one of these categories. It is set against its store, in the month in which it was booked:
// totals are purchases minus refunds, and can be below zero.
//
// Stores are ranked by the number of purchases, then by total, then by name.
var shopping = Definition{
	Type:        TypeShopping,
	Title:       "Shopping",
	Description: "Which grocery stores are preferred, what is spent on fashion and on what, in which other stores is shopped, and where more is spent than before.",
	Before:      earlierMonths,
	Build:       func(in Input) Result { return buildShopping(in) },
	empty:       func() Result { return new(Shopping) },
}

// Group is a part of shopping.
type Group string

// The groups.
const (
	Groceries Group = "GROCERIES"
	Fashion   Group = "FASHION"
	OtherShop Group = "OTHER"
)

// Groups lists all groups.
var Groups = []Group{Groceries, Fashion, OtherShop}

var groupNames = map[Group]string{"": "Shopping", Groceries: "Groceries", Fashion: "Fashion", OtherShop: "Other shopping"}

// groupCategories are the categories of goods: groceries and drinks; clothes, shoes and accessories; marketplaces, electronics,
// books, drugstores, department stores, gifts, pets, sports, stationery, and beside them furniture and household, garden and
// do-it-yourself, pharmacies.
var groupCategories = []kind{
	{string(Groceries), category.Under(200)},
	{string(Fashion), category.Under(300)},
	{string(OtherShop), append(category.Under(700), 505, 506, 801)},
}

// Limit is what a caller thinks should not be exceeded in a calendar month.
type Limit struct {
	Group         Group      `json:"group"`
	MonthlyAmount bank.Money `json:"monthlyAmount"`
}

// Shopping is the Shopping Report.
type Shopping struct {
	Header
	Total           bank.Money      `json:"total"`
	AveragePerMonth *bank.Money     `json:"averagePerMonth"`
	Income          bank.Money      `json:"income"`   // in the period on the same accounts, by the rule of the INCOME report
	Groups          []ShoppingGroup `json:"groups"`   // GROCERIES, FASHION, OTHER
	Compared        *Comparison     `json:"compared"` // what findings of the kind EARLIER_AVERAGE compare; nil without enough months
	Findings        []Finding       `json:"findings"`
}

// ShoppingGroup is one group. Its total is the sum of its stores, of its months and of its categories.
type ShoppingGroup struct {
	Kind        Group `json:"kind"`
	CategoryIDs []int `json:"categoryIds"` // whose transactions it counts
	Amount
	Share           *decimal.Decimal `json:"share"` // of the report's total
	AveragePerMonth *bank.Money      `json:"averagePerMonth"`
	MonthlyLimit    *bank.Money      `json:"monthlyLimit"` // the caller's
	Monthly         []Month          `json:"monthly"`
	Stores          []Party          `json:"stores"`
	Categories      []CategoryAmount `json:"categories"`
}

// Comparison is the months that are compared, and on which accounts: recent ones with those before, which may lie before
// the period.
type Comparison struct {
	Recent       bank.Period `json:"recent"`
	Before       bank.Period `json:"before"`
	BeforeMonths int         `json:"beforeMonths"` // those of Before with a posted transaction; the others do not count in the average
	Accounts     []bank.Ref  `json:"accounts"`
}

// FindingKind is what a finding compares with.
type FindingKind string

// The kinds.
const (
	EarlierAverage FindingKind = "EARLIER_AVERAGE" // more than before
	MonthlyLimit   FindingKind = "MONTHLY_LIMIT"   // more than the caller's limit, in one month
	IncomeShare    FindingKind = "INCOME_SHARE"    // what part of the income it is; neither much nor little by itself
)

// Finding is one comparison.
//
// EARLIER_AVERAGE: Amount is the average a month of the recent months, Baseline that of the months before; see compare.
// MONTHLY_LIMIT: Amount is one month's total and Baseline the limit; a month that the period only touches counts with its
// days in the period. INCOME_SHARE: Amount is the total of the period and Baseline the income of the period.
type Finding struct {
	Kind            FindingKind      `json:"kind"`
	Group           *Group           `json:"group"`          // nil: all shopping
	Store           *string          `json:"store"`          // EARLIER_AVERAGE of a single store
	Month           *bank.Date       `json:"month"`          // MONTHLY_LIMIT
	Period          bank.Period      `json:"period"`         // the days of Amount
	BaselinePeriod  *bank.Period     `json:"baselinePeriod"` // those of Baseline; nil for a limit
	Message         string           `json:"message"`
	Amount          bank.Money       `json:"amount"`
	Baseline        bank.Money       `json:"baseline"`
	ChangePercent   *decimal.Decimal `json:"changePercent"`   // (Amount - Baseline) / Baseline * 100; nil for INCOME_SHARE, or of nothing
	PercentOfIncome *decimal.Decimal `json:"percentOfIncome"` // INCOME_SHARE
}

// What a finding of the kind EARLIER_AVERAGE rests on.
const (
	recentMonths   = 3  // complete months at the end of the period that are compared
	earlierMonths  = 12 // at most so many before them that they are compared with
	fewestEarlier  = 3  // at least so many
	leastChange    = 20 // percent more than before
	leastOfAll     = 5  // and by percent of all shopping of the recent months
	leastPurchases = 2  // of a store, in the recent months and in those before
)

func buildShopping(given Input) *Shopping {
	f := read(given, TypeShopping)
	rows := f.take(ofKinds(groupCategories))
	earned := inward(f.pick(incomeScope, f.Period))
	s := &Shopping{Header: f.head, Total: f.money(out.sum(rows)), AveragePerMonth: f.perMonth(out, rows), Income: f.money(earned), Findings: []Finding{}}
	for _, x := range f.sections(out, groupCategories, rows) {
		g := ShoppingGroup{Group(x.Kind), x.CategoryIDs, x.Amount, x.Share, x.AveragePerMonth, nil, x.Monthly, x.Parties, x.Categories}
		for _, l := range f.Limits { // one in another currency, which Request.Check refuses, is passed over
			if limit, ok := minorOf(l.MonthlyAmount.Amount, f.digits); ok && l.Group == g.Kind && l.MonthlyAmount.Currency == f.Consumer.Currency {
				g.MonthlyLimit = new(f.money(limit))
			}
		}
		s.Groups = append(s.Groups, g)
	}
	if c, ok := f.compare(); ok {
		s.Compared = &c
		s.Findings = append(s.Findings, f.dearer(c)...)
	}
	s.Findings = append(s.Findings, f.overLimit(s.Groups)...)
	s.Findings = append(s.Findings, f.ofIncome(s, earned)...)
	return s
}

// compare chooses the months. Recent are the last three complete months of the period. Before are up to twelve months
// that precede them, in the period or not, as far back as the accounts' transactions go: an account begins with the month
// of its first posted transaction if that is booked by the fifteenth, else with the next month. All accounts must have
// begun; one that begins so late that fewer than three months would be left is not compared at all, on either side, so
// that an account whose history is short does not look like more spending. Without three such months there is no comparison.
func (f *facts) compare() (Comparison, bool) {
	months := f.whole()
	if len(months) < recentMonths {
		return Comparison{}, false
	}
	first := months[len(months)-recentMonths]
	c := Comparison{Recent: bank.Period{From: first, To: first.AddMonths(recentMonths) - 1}}
	begun := map[int64]bank.Date{}
	for _, r := range f.rows {
		if _, known := begun[r.AccountID]; !known {
			begun[r.AccountID] = begin(r.BookingDate)
		}
	}
	var starts []bank.Date
	for _, start := range begun {
		starts = append(starts, max(start, first.AddMonths(-earlierMonths)))
	}
	slices.Sort(starts)
	for _, start := range slices.Backward(slices.Compact(starts)) {
		c.Accounts, c.Before = []bank.Ref{}, bank.Period{From: start, To: first - 1}
		for _, a := range f.accounts {
			if b, known := begun[a.ID]; known && b <= start {
				c.Accounts = append(c.Accounts, a.Ref())
			}
		}
		held := map[bank.Date]bool{}
		for _, r := range c.of(between(f.rows, c.Before)) {
			held[r.BookingDate.Month()] = true
		}
		if c.BeforeMonths = len(held); c.BeforeMonths >= fewestEarlier {
			return c, true
		}
	}
	return Comparison{}, false
}

// of is the rows of the compared accounts.
func (c Comparison) of(rows []row) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool {
		return !slices.ContainsFunc(c.Accounts, func(a bank.Ref) bool { return a.ID == r.AccountID })
	})
}

// dearer compares all shopping, each group and each store. More is told from twenty percent more on, if that is at least
// five percent of all shopping of the recent months, so that trifles are not told; of a store, which must have had two
// purchases in each of the two, so that a single large purchase is no habit. Of a group for which nothing was spent before,
// it is told likewise from two purchases on.
func (f *facts) dearer(c Comparison) []Finding {
	goods := ofKinds(groupCategories)
	recent, before := c.of(f.pick(goods, c.Recent)), c.of(f.pick(goods, c.Before))
	all := out.sum(recent)

	var found []Finding
	tell := func(group *Group, store *string, name string, now, then []row) {
		amount, base := part(out.sum(now), recentMonths), part(out.sum(then), int64(c.BeforeMonths))
		change := percent(amount-base, base)
		more := big.NewInt(amount - max(base, 0))
		switch {
		case more.Sign() <= 0 || more.Mul(more, big.NewInt(recentMonths*100)).Cmp(new(big.Int).Mul(big.NewInt(all), big.NewInt(leastOfAll))) < 0:
			return
		case base > 0 && (change == nil || change.Cmp(decimal.MustNew(leastChange, 0)) < 0):
			return
		case base <= 0 && purchases(now) < leastPurchases:
			return
		}
		x := Finding{Kind: EarlierAverage, Group: group, Store: store, Period: c.Recent, BaselinePeriod: &c.Before, Amount: f.money(amount), Baseline: f.money(base), ChangePercent: change}
		x.Message = fmt.Sprintf("%s: %s a month %s", name, moneyText(x.Amount), spanText(c.Recent))
		if base > 0 {
			x.Message += fmt.Sprintf(", %s more than the %s a month %s.", percentText(change), moneyText(x.Baseline), spanText(c.Before))
		} else {
			x.Message += fmt.Sprintf(", and nothing before, refunds taken off, %s.", spanText(c.Before))
		}
		found = append(found, x)
	}
	tell(nil, nil, groupNames[""], recent, before)
	for _, g := range groupCategories {
		group := Group(g.name)
		now, then := g.of(recent), g.of(before)
		tell(&group, nil, groupNames[group], now, then)
		nowBy, thenBy := parties(now), parties(then)
		for _, p := range f.byParty(out, now) {
			if earlier := thenBy[p.Name]; !p.Unnamed && p.PaymentCount >= leastPurchases && purchases(earlier) >= leastPurchases {
				tell(&group, &p.Name, fmt.Sprintf("%s (%s)", p.Name, strings.ToLower(groupNames[group])), nowBy[p.Name], earlier)
			}
		}
	}
	return found
}

func purchases(rows []row) (n int) {
	for _, r := range rows {
		if out.own(r) {
			n++
		}
	}
	return n
}

// overLimit finds each month in which a group's total is above its limit.
func (f *facts) overLimit(groups []ShoppingGroup) []Finding {
	var found []Finding
	for _, g := range groups {
		if g.MonthlyLimit == nil {
			continue
		}
		limit, _ := minorOf(g.MonthlyLimit.Amount, f.digits)
		for _, m := range g.Monthly {
			total, _ := minorOf(m.Total.Amount, f.digits)
			if total <= limit {
				continue
			}
			x := Finding{Kind: MonthlyLimit, Group: &g.Kind, Month: &m.Month, Period: within(m.Month, f.Period), Amount: m.Total, Baseline: *g.MonthlyLimit, ChangePercent: percent(total-limit, limit)}
			over := moneyText(f.money(total - limit))
			if x.ChangePercent != nil {
				over += " (" + percentText(x.ChangePercent) + ")"
			}
			x.Message = fmt.Sprintf("%s %s: %s, which is %s over the limit of %s a month.", groupNames[g.Kind], spanText(x.Period), moneyText(m.Total), over, moneyText(x.Baseline))
			found = append(found, x)
		}
	}
	return found
}

// ofIncome tells what part of the income of the period, on the accounts of the report, went into shopping and into each
// group. Without an income or a total above zero there is none.
func (f *facts) ofIncome(s *Shopping, earned int64) []Finding {
	var found []Finding
	tell := func(group *Group, name string, total bank.Money) {
		n, _ := minorOf(total.Amount, f.digits)
		share := percent(n, earned)
		if n <= 0 || share == nil {
			return
		}
		found = append(found, Finding{
			Kind: IncomeShare, Group: group, Period: f.Period, BaselinePeriod: new(f.Period), Amount: total, Baseline: s.Income, PercentOfIncome: share,
			Message: fmt.Sprintf("%s took %s of the income: %s of %s %s.", name, percentText(share), moneyText(total), moneyText(s.Income), spanText(f.Period)),
		})
	}
	tell(nil, groupNames[""], s.Total)
	for _, g := range s.Groups {
		tell(&g.Kind, groupNames[g.Kind], g.Total)
	}
	return found
}

// Sheet shows what stands out first, then the months, then each group with its stores and categories.
func (s *Shopping) Sheet() []paper.Block {
	figures := paper.Figures{{Label: "Shopping", Value: moneyText(s.Total), Note: averageText(s.AveragePerMonth)}}
	for _, g := range s.Groups {
		figures = append(figures, paper.Figure{Label: groupNames[g.Kind], Value: moneyText(g.Total), Note: shareText(g.Share, "shopping")})
	}
	blocks := []paper.Block{figures}
	if s.TransactionCount == 0 {
		return append(blocks, paper.Text("Nothing was bought in this period, as far as the transactions tell."))
	}
	notes := paper.Notes{}
	for _, x := range s.Findings {
		if x.Kind == EarlierAverage {
			notes = append(notes, paper.Note{Text: x.Message, Strong: true})
		}
	}
	if c := s.Compared; c != nil && len(notes) > 0 {
		var left []string
		for _, a := range s.Accounts {
			if a.TransactionCount > 0 && !slices.Contains(c.Accounts, a.ID) {
				left = append(left, a.Name)
			}
		}
		if left != nil {
			notes = append(notes, paper.Note{Text: "Not compared with before, for want of earlier transactions: " + strings.Join(left, ", ") + "."})
		}
	}
	switch {
	case s.Compared == nil:
		notes = append(notes, paper.Note{Text: "Whether more is spent than before cannot be said: that takes three complete months of transactions and at least three before them."})
	case len(notes) == 0:
		notes = append(notes, paper.Note{Text: fmt.Sprintf("Nothing rose much %s: no group and no store is at least %d %%, and by at least %d %% of all shopping, above its average %s.",
			spanText(s.Compared.Recent), leastChange, leastOfAll, spanText(s.Compared.Before))})
	}
	for _, g := range s.Groups {
		if g.Total.Amount.IsNeg() {
			notes = append(notes, paper.Note{Text: groupNames[g.Kind] + ": more came back than was spent, so shares of the others come to more than 100 %."})
		}
	}
	for _, g := range s.Groups {
		if g.MonthlyLimit != nil {
			notes = append(notes, s.limitNote(g))
		}
	}
	for _, x := range s.Findings {
		if x.Kind == IncomeShare {
			notes = append(notes, paper.Note{Text: x.Message})
		}
	}
	blocks = append(blocks, paper.Heading("What stands out"), notes)

	var lists []monthList
	for _, g := range s.Groups {
		lists = append(lists, monthList{groupNames[g.Kind], g.Monthly})
	}
	blocks = append(blocks, s.byMonth(lists...)...)
	for _, g := range s.Groups {
		blocks = append(blocks, paper.Heading(groupNames[g.Kind]))
		if g.TransactionCount == 0 {
			blocks = append(blocks, paper.Text("Nothing was bought."))
			continue
		}
		blocks = append(blocks, partyTable("Stores", "Store", g.Stores, g.Amount), categoryTable("On what", g.Categories, g.Amount))
	}
	return blocks
}

// limitNote says how a group kept its limit; month by month it is in the table of the months.
func (s *Shopping) limitNote(g ShoppingGroup) paper.Note {
	over, worst := 0, Month{}
	for _, x := range s.Findings {
		if x.Kind == MonthlyLimit && *x.Group == g.Kind {
			if over++; over == 1 || x.Amount.Amount.Cmp(worst.Total.Amount) > 0 {
				worst = Month{*x.Month, Amount{Total: x.Amount}}
			}
		}
	}
	kept := fmt.Sprintf("%s: the limit of %s a month was ", groupNames[g.Kind], moneyText(*g.MonthlyLimit))
	if over == 0 {
		return paper.Note{Text: kept + "never exceeded."}
	}
	return paper.Note{Text: kept + fmt.Sprintf("exceeded in %d of %s, most in %s with %s.", over, count(len(g.Monthly), "month"), monthText(worst.Month), moneyText(worst.Total)), Strong: true}
}

// inward is the sum of what came in.
func inward(rows []row) int64 { return in.sum(rows) }
