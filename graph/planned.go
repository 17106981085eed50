package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"insightgraph/auth"
	"insightgraph/graph/generated"
	"insightgraph/store"
)

// planned answers queries with graph/plan, and what that does not answer gqlgen's own way.
type planned struct {
	graphql.ExecutableSchema
	cache  *cache
	gaveUp func()
}

// Exec answers an operation that was checked and may run.
func (p planned) Exec(ctx context.Context) graphql.ResponseHandler {
	if o := graphql.GetOperationContext(ctx); o.Operation.Operation == ast.Query {
		ctx = store.OnReplica(ctx)
		viewer := auth.From(ctx)
		may := func(object, field string) bool { return may(viewer, object, field) }
		// Each list is looked up once for all its rows, so there are no siblings to find; errors are gqlgen's matter.
		alone := graphql.WithFreshResponseContext(context.WithValue(ctx, siblingsKey{}, nil))
		if data, ok := generated.Plan(alone, p.ExecutableSchema, may, p.cache.of(viewer)); ok {
			p.cache.priced(o.Operation, o.Stats.GetExtension(costKey).(int))
			return graphql.OneShot(&graphql.Response{Data: data})
		}
		if p.gaveUp != nil {
			p.gaveUp()
		}
	}
	return p.ExecutableSchema.Exec(ctx)
}
