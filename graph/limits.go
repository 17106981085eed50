package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"insightgraph/auth"
	"insightgraph/budget"
	"insightgraph/fault"
	"insightgraph/graph/plan"
)

// The shape that an operation may have. The first six are counted in linear time, whatever fragments do; only what
// passes them is priced, because pricing takes exponential time in fragments.
const (
	maxDepth      = 12
	maxFields     = 1000 // with fragments written out
	maxAliases    = 30
	maxRoots      = 20
	maxFragments  = 30
	maxDirectives = 20
	maxCost       = 20_000 // see costs

	// Introspection by the usual tools is deep and wide, but reads no data.
	maxIntrospectionDepth = 20
)

// tooComplex says what an operation has too much of.
func tooComplex(has, most int, what string) *gqlerror.Error {
	return &gqlerror.Error{Err: fault.New(fault.TooComplex, "", "The operation has %s of %d, and %d is the most; ask for less at once", what, has, most)}
}

// tooLong is what a query gets instead of an answer that nobody can know to be long before it is written.
var tooLong = fault.New(fault.TooComplex, "", "The answer would have more than %d MiB; ask for less at once", plan.MaxAnswer>>20)

// limits refuses operations that cost too much, before anything of them runs.
type limits struct {
	introspection bool
	schema        graphql.ExecutableSchema
	cache         *cache
}

func (*limits) ExtensionName() string                   { return "Limits" }
func (*limits) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext is gqlgen's name for a check between validation and execution.
func (l *limits) MutateOperationContext(ctx context.Context, o *graphql.OperationContext) *gqlerror.Error {
	cost, known := l.cache.cost(o.Operation)
	if !known { // one that is known was let through and answered, and is the same whatever its variables say
		s := walker{}.set(o.Operation.SelectionSet)
		depth := maxDepth
		if s.introspection {
			if !l.introspection {
				return &gqlerror.Error{Err: fault.New(fault.NotValid, "", "Introspection is switched off")}
			}
			depth = maxIntrospectionDepth
			o.DisableIntrospection = false
		}
		for _, is := range []struct {
			has, most int
			what      string
		}{{s.depth, depth, "a depth"}, {s.fields, maxFields, "a number of fields"}, {s.aliases, maxAliases, "a number of aliases"},
			{s.roots, maxRoots, "a number of fields at its top"}, {s.directives, maxDirectives, "a number of directives"},
			{len(o.Doc.Fragments), maxFragments, "a number of fragments"}} {
			if is.has > is.most {
				return tooComplex(is.has, is.most, is.what)
			}
		}
		if name := undecided(o); name != "" {
			return &gqlerror.Error{Err: fault.New(fault.NotValid, name, "$%s is null, but must be true or false", name)}
		}
		p := pricer{l.schema, o.Variables, map[*ast.Field]int{}}
		cost = p.operation(ctx, o.Operation)
	}
	if cost > maxCost {
		return tooComplex(cost, maxCost, "a cost")
	}
	o.Stats.SetExtension(costKey, cost)
	return nil
}

// undecided is a variable that was to say whether something is asked for, and is null. That is an error in GraphQL, and a
// panic in gqlgen.
func undecided(o *graphql.OperationContext) (name string) {
	plan.Every(o.Operation.SelectionSet, func(directives ast.DirectiveList, _ ast.ArgumentList) bool {
		for _, d := range directives {
			for _, a := range d.Arguments {
				if a.Value.Kind == ast.Variable && o.Variables[a.Value.Raw] == nil {
					name = a.Value.Raw
				}
			}
		}
		return name == ""
	})
	return name
}

// wrongCost is the price of a document that was not run, so that guessing has one.
const wrongCost = 10

// holderOf is whose budget a viewer uses.
func holderOf(v auth.Viewer) budget.Holder {
	h := budget.Holder{Customer: v.Customer.ID}
	if v.Consumer != nil {
		h.Consumer = v.Consumer.ID
	}
	return h
}

// costKey is where an operation's cost is in its statistics.
const costKey = "cost"

// shape is what a selection adds up to with its fragments written out.
type shape struct {
	depth, fields, aliases, directives, roots int
	introspection                             bool
}

// walker counts each fragment once and remembers it. Validation has refused cycles before.
type walker map[string]shape

func (w walker) set(selections ast.SelectionSet) (sum shape) {
	for _, selection := range selections {
		var one shape
		switch x := selection.(type) {
		case *ast.Field:
			one = w.set(x.SelectionSet)
			one.depth++
			one.roots = 1
			one.fields = add(one.fields, 1)
			if x.Alias != "" && x.Alias != x.Name {
				one.aliases = add(one.aliases, 1)
			}
			one.directives = add(one.directives, len(x.Directives))
			one.introspection = x.Name == "__schema" || x.Name == "__type"
		case *ast.InlineFragment:
			one = w.set(x.SelectionSet)
			one.directives = add(one.directives, len(x.Directives))
		case *ast.FragmentSpread:
			known, ok := w[x.Name]
			if !ok {
				known = w.set(x.Definition.SelectionSet)
				w[x.Name] = known
			}
			one = known
			one.directives = add(one.directives, len(x.Directives))
		}
		sum = shape{max(sum.depth, one.depth), add(sum.fields, one.fields), add(sum.aliases, one.aliases),
			add(sum.directives, one.directives), add(sum.roots, one.roots), sum.introspection || one.introspection}
	}
	return sum
}

// add stops far above every limit, so that no sum overflows.
func add(a, b int) int { return min(a+b, 1<<30) }
