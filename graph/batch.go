package graph

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"insightgraph/graph/plan"
	"insightgraph/page"
)

// gqlgen hands a field's resolver the parents that stand in one list. Two lists inside each other, or a parent below
// edges.node, would still mean one statement for each outer row. So parents are remembered by their place in the
// document, and the first resolver that is asked about one of them answers for all.

type siblingsKey struct{}

// siblings is what one request has resolved so far.
type siblings struct {
	parents sync.Map // place of a list or field -> []*P, all values there
	results sync.Map // place of a field -> *loaded[K, R]
}

type loaded[K comparable, R any] struct {
	once   sync.Once
	values map[K]R
	err    error
}

// place is a place in the document: the path of the answer without its list indices, or the step of a plan. Fields of one
// name that are asked of different types have different places: their arguments may differ.
func place(ctx context.Context) string {
	if s := plan.StepOf(ctx); s != nil {
		return fmt.Sprintf("%p", s)
	}
	place := ""
	for f := graphql.GetFieldContext(ctx); f != nil; f = f.Parent {
		if f.Field.Field != nil {
			place = fmt.Sprintf(".%s@%p%s", f.Field.Alias, f.Field.Field, place)
		}
	}
	return place
}

// remember notes all values that the field being resolved has, over all its parents.
func remember[P any](ctx context.Context, values []*P) {
	if all, ok := ctx.Value(siblingsKey{}).(*siblings); ok {
		all.parents.Store(place(ctx), values)
	}
}

// rememberPages notes the rows of all pages.
func rememberPages[P any](ctx context.Context, pages ...*page.Of[P]) {
	if _, ok := ctx.Value(siblingsKey{}).(*siblings); !ok {
		return
	}
	var rows []*P
	for _, p := range pages {
		for i := range p.Nodes {
			rows = append(rows, &p.Nodes[i])
		}
	}
	remember(ctx, rows)
}

// batch resolves a field for objs by one call of load for all values that stand where objs stand.
func batch[P any, K comparable, R any](ctx context.Context, objs []*P, key func(*P) K, load func([]*P) ([]R, error)) ([]R, error) {
	all, ok := ctx.Value(siblingsKey{}).(*siblings)
	if !ok {
		return load(objs)
	}
	parents := known[P](all, place(ctx))
	if parents == nil {
		return load(objs)
	}
	entry, _ := all.results.LoadOrStore(place(ctx), &loaded[K, R]{})
	result := entry.(*loaded[K, R])
	result.once.Do(func() {
		parents = once(parents, key)
		var values []R
		values, result.err = load(parents)
		result.values = make(map[K]R, len(values))
		for i, v := range values {
			result.values[key(parents[i])] = v
		}
	})
	if result.err != nil {
		return nil, result.err
	}
	out := make([]R, len(objs))
	for i, o := range objs {
		if out[i], ok = result.values[key(o)]; !ok {
			return load(objs) // a parent that nobody remembered
		}
	}
	return out, nil
}

// known finds the values at the place of a field's parents: rows stand one or two steps below their connection, as
// nodes or as edges and node.
func known[P any](all *siblings, field string) []*P {
	for range 3 {
		i := strings.LastIndexByte(field, '.')
		if i < 0 {
			return nil
		}
		field = field[:i]
		if values, ok := all.parents.Load(field); ok {
			parents, _ := values.([]*P) // of another type: not the parents
			return parents
		}
	}
	return nil
}

// once keeps the first of equal values.
func once[P any, K comparable](values []*P, key func(*P) K) []*P {
	seen := make(map[K]bool, len(values))
	out := make([]*P, 0, len(values))
	for _, v := range values {
		if k := key(v); !seen[k] {
			seen[k] = true
			out = append(out, v)
		}
	}
	return out
}
