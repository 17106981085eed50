package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

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

// pricer adds up what an operation costs. gqlgen's own way adds up the branches for all types that an interface has,
// though an object has only one.
type pricer struct {
	schema    graphql.ExecutableSchema
	variables map[string]any
	below     map[*ast.Field]int // what is asked for below a field
}

func (p pricer) operation(ctx context.Context, o *ast.OperationDefinition) int {
	types := p.schema.Schema()
	switch o.Operation {
	case ast.Mutation:
		return p.set(ctx, o.SelectionSet, types.Mutation)
	default:
		return p.set(ctx, o.SelectionSet, types.Query)
	}
}

// set is what a selection costs on a type; of an interface it is what its dearest type costs.
func (p pricer) set(ctx context.Context, selections ast.SelectionSet, on *ast.Definition) (sum int) {
	if on.IsAbstractType() {
		for _, one := range p.schema.Schema().GetPossibleTypes(on) {
			sum = max(sum, p.set(ctx, selections, one))
		}
		return sum
	}
	is := func(condition string) bool {
		return condition == "" || slices.Contains(p.schema.Schema().GetPossibleTypes(p.schema.Schema().Types[condition]), on)
	}
	for _, selection := range selections {
		switch x := selection.(type) {
		case *ast.Field:
			sum = add(sum, p.field(ctx, x, on))
		case *ast.InlineFragment:
			if is(x.TypeCondition) {
				sum = add(sum, p.set(ctx, x.SelectionSet, on))
			}
		case *ast.FragmentSpread:
			if is(x.Definition.TypeCondition) {
				sum = add(sum, p.set(ctx, x.Definition.SelectionSet, on))
			}
		}
	}
	return sum
}

func (p pricer) field(ctx context.Context, x *ast.Field, on *ast.Definition) int {
	below, known := p.below[x]
	if t := p.schema.Schema().Types[x.Definition.Type.Name()]; !known && t != nil && len(x.SelectionSet) > 0 {
		below = p.set(ctx, x.SelectionSet, t)
		p.below[x] = below
	}
	if cost, ok := p.schema.Complexity(ctx, on.Name, x.Name, below, x.ArgumentMap(p.variables)); ok {
		return cost
	}
	return add(below, 1)
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
