package graph

import (
	"context"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/graph/model"
)

// Viewer tells whose token it is. The consumer is as it is now, since a token is believed for a moment.
func (r query) Viewer(ctx context.Context) (*auth.Viewer, error) {
	v := auth.From(ctx)
	if v.Consumer != nil {
		c, err := r.consumer(ctx, v.Consumer.Ref())
		if err != nil {
			return nil, err
		}
		if c != nil { // one that was just erased must not make this a customer's token
			v.Consumer = c
		}
	}
	return &v, nil
}

// Node finds anything by its id.
func (r query) Node(ctx context.Context, id bank.Ref) (model.Node, error) {
	t := r.mine(ctx)
	switch id.Kind {
	case bank.KindCustomer:
		if c := auth.From(ctx).Customer; c.Ref() == id {
			return c, nil
		}
	case bank.KindConsumer:
		return node(r.consumer(ctx, id))
	case bank.KindAccount:
		return node(maybe(t.Account(ctx, id)))
	case bank.KindTransaction:
		return node(maybe(t.Transaction(ctx, id)))
	case bank.KindCategory:
		if c, ok := category.ByID(int(id.ID)); ok && c.Ref() == id {
			return c, nil
		}
	case bank.KindEntry:
		return node(maybe(t.Entry(ctx, id)))
	case bank.KindRun:
		return node(maybe(t.Run(ctx, id)))
	case bank.KindSession:
		return node(forCustomers(ctx, id, t.Session))
	case bank.KindFlow:
		return node(forCustomers(ctx, id, t.Flow))
	case bank.KindRefresh:
		return node(forCustomers(ctx, id, t.Refresh))
	case bank.KindConsent:
		return node(maybe(t.Consent(ctx, id)))
	case bank.KindSource:
		return node(forCustomers(ctx, id, t.DataSource))
	case bank.KindCase:
		return node(forCustomers(ctx, id, t.Case))
	case bank.KindReport:
		return r.Report(ctx, id)
	case bank.KindRule:
		return node(forCustomers(ctx, id, t.CategoryRule))
	case bank.KindDelivery:
		return node(forCustomers(ctx, id, t.Delivery))
	case bank.KindEvent:
		return node(forCustomers(ctx, id, t.Event))
	}
	return nil, nil
}

// node keeps nil a nil interface.
func node[T model.Node](found *T, err error) (model.Node, error) {
	if found == nil {
		return nil, err
	}
	return *found, err
}

// forCustomers finds what does not exist for a user-level token.
func forCustomers[T any](ctx context.Context, id bank.Ref, find func(context.Context, bank.Ref) (T, error)) (*T, error) {
	if auth.From(ctx).Role() != auth.RoleCustomer {
		return nil, nil
	}
	return maybe(find(ctx, id))
}

// Categories lists the tree.
func (query) Categories(context.Context) ([]category.Category, error) { return category.Tree(), nil }
