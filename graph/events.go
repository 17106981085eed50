package graph

import (
	"context"

	"insightgraph/audit"
	"insightgraph/fault"
	"insightgraph/page"
)

// Events lists changes.
func (r query) Events(ctx context.Context, filter *audit.Filter, first *int, after *string, last *int, before *string) (*page.Of[audit.Event], error) {
	f := orZero(filter)
	a, err := pageArgs(page.IsMomentKey, first, after, last, before)
	if err := append(f.Check("filter"), fault.Of(err)...).Err(); err != nil {
		return nil, err
	}
	return r.mine(ctx).Events(ctx, f, a)
}
