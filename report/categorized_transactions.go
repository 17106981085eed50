package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/paper"
)

// categorizedTransactions lists what was booked with its categories, and says how much of it has one and by which source.
//
// Listed are all posted transactions, transfers too, which are marked. The list names them; texts are read where they are.
var categorizedTransactions = Definition{
	Type:        TypeCategorizedTransactions,
	Title:       "Categorized transactions",
	Description: "All transactions with category and merchant, totals by category, and how many could be categorised.",
	Build:       func(in Input) Result { return buildCategorizedTransactions(in) },
	empty:       func() Result { return new(CategorizedTransactions) },
}

// CategorizedTransactions is the Categorized Transactions report. Transfers are in Items only.
type CategorizedTransactions struct {
	Header
	In              Amount           `json:"in"`
	Out             Amount           `json:"out"`
	CategorizedBy   []SourceCount    `json:"categorizedBy"`   // the strongest source first
	CategorizedRate *decimal.Decimal `json:"categorizedRate"` // percent of In and Out's transactions with a category
	InCategories    []CategoryAmount `json:"inCategories"`
	OutCategories   []CategoryAmount `json:"outCategories"`
	Items           []Item           `json:"items"` // the newest first, mostItems at most; Used finds all
}

// SourceCount is how many transactions one source categorised.
type SourceCount struct {
	Source           bank.CategorySource `json:"source"`
	TransactionCount int                 `json:"transactionCount"`
}

// Item is one transaction.
type Item struct {
	Transaction bank.Ref            `json:"transaction"`
	Account     bank.Ref            `json:"account"`
	BookingDate bank.Date           `json:"bookingDate"`
	BaseType    bank.BaseType       `json:"baseType"`
	Amount      bank.Money          `json:"amount"` // in the account's currency
	CategoryID  int                 `json:"categoryId"`
	Source      bank.CategorySource `json:"source"`
	Party       string              `json:"party"` // see PartyOf
	Transfer    bool                `json:"transfer"`
}

var sources = []bank.CategorySource{bank.SourceUser, bank.SourceCustomerRule, bank.SourceMCC, bank.SourceBankCode, bank.SourceBankText, bank.SourceMerchant,
	bank.SourceKeyword, bank.SourceNone}

func buildCategorizedTransactions(given Input) *CategorizedTransactions {
	f := read(given, TypeCategorizedTransactions)
	rows := f.takeAll()
	c := &CategorizedTransactions{Header: f.head, CategorizedBy: []SourceCount{}, Items: []Item{}}
	for _, r := range slices.Backward(rows[max(0, len(rows)-mostItems):]) {
		a, _ := slices.BinarySearchFunc(f.accounts, r.AccountID, func(a bank.Account, id int64) int { return cmp.Compare(a.ID, id) })
		c.Items = append(c.Items, Item{r.Ref(), f.accounts[a].Ref(), r.BookingDate, r.BaseType, minorMoney(size(r.native), f.accounts[a].Currency),
			r.CategoryID, r.CategorySource, PartyOf(*r.Transaction), r.TransferID != nil})
	}
	credits, debits := split(rows, func(r row) bool { return r.TransferID == nil })
	by, known := map[bank.CategorySource]int{}, 0
	for _, r := range slices.Concat(credits, debits) {
		by[r.CategorySource]++
		if r.CategoryID != category.None {
			known++
		}
	}
	c.In, c.Out = f.amount(in, credits), f.amount(out, debits)
	c.InCategories, c.OutCategories = f.byCategory(in, credits, exactly), f.byCategory(out, debits, exactly)
	c.CategorizedRate = percent(int64(known), int64(len(credits)+len(debits)))
	for _, s := range sources {
		if by[s] > 0 {
			c.CategorizedBy = append(c.CategorizedBy, SourceCount{s, by[s]})
		}
	}
	return c
}

// mostItems is how many transactions the report lists itself.
const mostItems = 500

// Sheet shows how much could be categorised first, then the sums, then the newest transactions.
func (c *CategorizedTransactions) Sheet() []paper.Block {
	figures := paper.Figures{
		{Label: "Came in", Value: moneyText(c.In.Total), Note: count(c.In.TransactionCount, "transaction")},
		{Label: "Went out", Value: moneyText(c.Out.Total), Note: count(c.Out.TransactionCount, "transaction")},
	}
	if c.CategorizedRate != nil {
		figures = append(figures, paper.Figure{Label: "With a category", Value: percentText(c.CategorizedRate), Note: "of the transactions"})
	}
	blocks := []paper.Block{figures}
	if len(c.Items) == 0 {
		return append(blocks, paper.Text("There are no transactions in this period."))
	}
	if c.Out.TransactionCount > 0 {
		blocks = append(blocks, categoryTable("Went out", c.OutCategories, c.Out))
	}
	if c.In.TransactionCount > 0 {
		blocks = append(blocks, categoryTable("Came in", c.InCategories, c.In))
	}
	t := paper.Table{Columns: []paper.Column{{Title: "Day"}, {Title: "With"}, {Title: "Category"}, {Title: "Account"}, {Title: "Amount", Number: true}}}
	for _, x := range c.Items {
		name, amount := categoryName(x.CategoryID), moneyText(x.Amount)
		if x.Transfer {
			name = "Between own accounts"
		}
		if x.BaseType != bank.Credit && !x.Amount.Amount.IsZero() {
			amount = "-" + amount
		}
		t.Rows = append(t.Rows, []string{dayText(x.BookingDate), x.Party, name, c.account(x.Account).Name, amount})
	}
	if c.TransactionCount > mostItems {
		t.Caption = fmt.Sprintf("The newest %d of %s", mostItems, count(c.TransactionCount, "transaction"))
	}
	return append(blocks, paper.Heading("Transactions"), t)
}
