package graph

import (
	"context"
	"slices"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"insightgraph/auth"
	"insightgraph/graph/model"
	"insightgraph/graph/plan"
)

// cache keeps documents that were parsed and checked. When it is full it forgets all: programs send few documents, so
// that happens only where somebody fills it on purpose, and then costs no more than no cache.
type cache struct {
	mu        sync.RWMutex
	documents map[string]*ast.QueryDocument
	costs     map[*ast.OperationDefinition]int // of those that cost the same whatever their variables say
	shapes    [2]map[*ast.OperationDefinition]*plan.Shape
}

// Get finds a document by its text.
func (c *cache) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, ok := c.documents[text]
	return d, ok
}

// Add keeps a document, which has been checked.
func (c *cache) Add(_ context.Context, text string, d *ast.QueryDocument) {
	exact(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.documents == nil || len(c.documents) >= cacheSize {
		c.documents = make(map[string]*ast.QueryDocument, cacheSize)
		c.costs, c.shapes = nil, [2]map[*ast.OperationDefinition]*plan.Shape{}
	}
	c.documents[text] = d
}

// exact makes texts of the decimal numbers in a document, which keep their digits: gqlparser reads numbers as floats.
func exact(d *ast.QueryDocument) {
	var value func(v *ast.Value)
	value = func(v *ast.Value) {
		if v == nil {
			return
		}
		if (v.Kind == ast.IntValue || v.Kind == ast.FloatValue) && v.Definition != nil && v.Definition.Name == "Decimal" {
			v.Kind, v.Raw = ast.StringValue, model.Digits(v.Raw)
		}
		for _, child := range v.Children {
			value(child.Value)
		}
	}
	arguments := func(_ ast.DirectiveList, all ast.ArgumentList) bool {
		for _, a := range all {
			value(a.Value)
		}
		return true
	}
	for _, o := range d.Operations {
		for _, v := range o.VariableDefinitions {
			value(v.DefaultValue)
		}
		plan.Every(o.SelectionSet, arguments)
	}
}

// shapes are those for viewers of one role, which is all that says which fields they may use.
type shapes struct {
	*cache
	role int
}

func (c *cache) of(v auth.Viewer) shapes {
	if v.Role() == auth.RoleCustomer {
		return shapes{c, 1}
	}
	return shapes{c, 0}
}

// Shape is what an operation's plans are made from, nil if that is not known.
func (s shapes) Shape(o *ast.OperationDefinition) *plan.Shape {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.shapes[s.role][o]
}

// Keep keeps a shape.
func (s shapes) Keep(o *ast.OperationDefinition, one *plan.Shape) {
	put(s.cache, &s.shapes[s.role], o, one)
}

func put[T any](c *cache, in *map[*ast.OperationDefinition]T, o *ast.OperationDefinition, v T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *in == nil || len(*in) >= cacheSize {
		*in = make(map[*ast.OperationDefinition]T, cacheSize)
	}
	(*in)[o] = v
}

// cost is what an operation costs, if that is known before its variables are read.
func (c *cache) cost(o *ast.OperationDefinition) (int, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	cost, ok := c.costs[o]
	return cost, ok
}

// priced notes what an operation has cost. It is called for those that were answered well: an argument that cannot be
// read would have been priced as if it were not there.
func (c *cache) priced(o *ast.OperationDefinition, cost int) {
	if _, known := c.cost(o); known || !plan.Every(o.SelectionSet, fixed) {
		return
	}
	put(c, &c.costs, o, cost)
}

// fixed tells whether no variable says how many rows a field has, see costs, or whether it is asked for at all: the
// arguments of one that is not were never read.
func fixed(directives ast.DirectiveList, arguments ast.ArgumentList) bool {
	return plan.Unconditional(directives, arguments) && !slices.ContainsFunc(arguments, func(a *ast.Argument) bool {
		return a.Value.Kind == ast.Variable && (a.Name == "first" || a.Name == "last")
	})
}
