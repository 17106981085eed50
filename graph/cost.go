package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"insightgraph/audit"
	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/graph/generated"
	"insightgraph/graph/model"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/report"
)

// costs says what each list costs: its rows times what is asked of each. Every other field costs 1 and what is below
// it. So a cost is about the number of values in the answer.
func costs() (c generated.ComplexityRoot) {
	plain := func(child int, first *int, _ *string, last *int, _ *string) int { return listCost(child, first, last) }
	ofTransactions := func(child int, _ *bank.TransactionFilter, first *int, _ *string, last *int, _ *string) int {
		return listCost(child, first, last)
	}
	ofEntries := func(child int, _ *insight.FeedFilter, first *int, _ *string, last *int, _ *string) int {
		return listCost(child, first, last)
	}
	c.Query.Consumers = plain
	c.Query.Transactions = ofTransactions
	c.Query.Feed = ofEntries
	c.Consumer.Accounts = func(child int, _ *bank.AccountFilter, first *int, _ *string, last *int, _ *string) int {
		return listCost(child, first, last)
	}
	c.Consumer.Transactions = ofTransactions
	c.Consumer.Feed = ofEntries
	c.Consumer.CategoryTotals = func(child int, _ bank.Date) int { return 1 + 20*child } // about as many categories
	c.Account.Transactions = ofTransactions
	c.TransactionDerived.Transactions = plain
	c.TriggerRun.Evaluations = func(child int, _ []insight.Outcome, first *int, _ *string, last *int, _ *string) int {
		return listCost(child, first, last)
	}
	c.Query.Banks = func(child int, _, _ *string, first *int, _ *string, last *int, _ *string) int {
		return listCost(child, first, last)
	}
	c.Query.Reports = func(child int, _ *report.Filter, first *int, _ *string, last *int, _ *string) int {
		return listCost(child, first, last)
	}
	c.Query.Deliveries = func(child int, _ *callback.Filter, first *int, _ *string, last *int, _ *string) int {
		return listCost(child, first, last)
	}
	c.Query.Events = func(child int, _ *audit.Filter, first *int, _ *string, last *int, _ *string) int {
		return listCost(child, first, last)
	}
	// Reports have their lists as long as they are: these are priced as four months of two accounts.
	c.BalanceOverTimeReport.Series = func(child int) int { return 1 + add(child, 0)*2 }
	c.BalanceLine.Balances = func(child int) int { return 1 + add(child, 0)*122 }
	c.ShoppingReport.Transactions = ofTransactions
	c.BalancesReport.Transactions = ofTransactions
	c.BalanceOverTimeReport.Transactions = ofTransactions
	c.IncomeReport.Transactions = ofTransactions
	c.SpendingReport.Transactions = ofTransactions
	c.RentAndLivingReport.Transactions = ofTransactions
	c.InsuranceReport.Transactions = ofTransactions
	c.RecurringReport.Transactions = ofTransactions
	c.RiskIndicatorsReport.Transactions = ofTransactions
	c.CategorizedTransactionsReport.Transactions = ofTransactions
	c.AccountInfoReport.Transactions = ofTransactions
	return c
}

// perRow is what it costs to store a transaction.
const perRow = 5

// priced is a schema that prices createTransactions by counting its rows. gqlgen would read all of them for a function of
// costs, and then once more to store them.
type priced struct{ graphql.ExecutableSchema }

func (p priced) Complexity(ctx context.Context, object, field string, child int, args map[string]any) (int, bool) {
	if object != "Mutation" || field != "createTransactions" {
		return p.ExecutableSchema.Complexity(ctx, object, field, child, args)
	}
	rows := 1 // what is no list stands for a list of it
	if in, ok := args["input"].(map[string]any); ok {
		switch list := in["transactions"].(type) {
		case []any:
			rows = len(list)
		case model.List:
			rows = list.Len()
		}
	}
	return 1 + child + perRow*rows, true
}

// listCost prices a page by the size asked for; a size beyond the cap is refused later and priced at the cap.
func listCost(child int, first, last *int) int {
	size := page.Default
	for _, n := range []*int{first, last} {
		if n != nil {
			size = min(max(*n, 1), page.Max)
		}
	}
	return 1 + add(child, 0)*size
}
