package graph

import (
	"context"
	"errors"
	"slices"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/store"
)

// Resolver is the root of all resolvers.
type Resolver struct{ Options }

var _ generated.ResolverRoot = (*Resolver)(nil)

// One type for each GraphQL type with fields that must be looked up. gqlgen asks for them by these names.
type (
	query       struct{ *Resolver }
	mutation    struct{ *Resolver }
	consumer    struct{ *Resolver }
	account     struct{ *Resolver }
	transaction struct{ *Resolver }
	entry       struct{ *Resolver }
	derived     struct{ *Resolver }
	run         struct{ *Resolver }
	evaluation  struct{ *Resolver }
	categorySum struct{ *Resolver }
	customer    struct{ *Resolver }
	flow        struct{ *Resolver }
	consent     struct{ *Resolver }
	automatic   struct{ *Resolver }
	source      struct{ *Resolver }
	casefile    struct{ *Resolver }
)

func (r *Resolver) Query() generated.QueryResolver                           { return query{r} }
func (r *Resolver) Mutation() generated.MutationResolver                     { return mutation{r} }
func (r *Resolver) Consumer() generated.ConsumerResolver                     { return consumer{r} }
func (r *Resolver) Account() generated.AccountResolver                       { return account{r} }
func (r *Resolver) Transaction() generated.TransactionResolver               { return transaction{r} }
func (r *Resolver) FeedEntry() generated.FeedEntryResolver                   { return entry{r} }
func (r *Resolver) TransactionDerived() generated.TransactionDerivedResolver { return derived{r} }
func (r *Resolver) TriggerRun() generated.TriggerRunResolver                 { return run{r} }
func (r *Resolver) Evaluation() generated.EvaluationResolver                 { return evaluation{r} }
func (r *Resolver) CategoryTotal() generated.CategoryTotalResolver           { return categorySum{r} }
func (r *Resolver) Customer() generated.CustomerResolver                     { return customer{r} }
func (r *Resolver) Flow() generated.FlowResolver                             { return flow{r} }
func (r *Resolver) Consent() generated.ConsentResolver                       { return consent{r} }
func (r *Resolver) AutomaticRefresh() generated.AutomaticRefreshResolver     { return automatic{r} }
func (r *Resolver) DataSource() generated.DataSourceResolver                 { return source{r} }
func (r *Resolver) Case() generated.CaseResolver                             { return casefile{r} }

// mine is the store as the viewer sees it: the customer's part, or with a user-level token one consumer's.
func (r *Resolver) mine(ctx context.Context) store.Tenant {
	v := auth.From(ctx)
	if v.Consumer != nil {
		return r.Store.Consumer(v.Customer.ID, v.Consumer.ID).As(call(ctx))
	}
	return r.Store.Customer(v.Customer.ID).As(call(ctx))
}

// own is the consumer that an optional consumerId means: the viewer's own where a user-level token leaves it out.
// It is nil where a customer-level token leaves it out.
func own(ctx context.Context, consumerID *bank.Ref) *bank.Ref {
	if v := auth.From(ctx); consumerID == nil && v.Consumer != nil {
		ref := v.Consumer.Ref()
		return &ref
	}
	return consumerID
}

// ownOrMissing is own, or the fault that a customer-level token must name the consumer.
func ownOrMissing(ctx context.Context, consumerID *bank.Ref) (bank.Ref, error) {
	if ref := own(ctx, consumerID); ref != nil {
		return *ref, nil
	}
	return bank.Ref{}, fault.Missing("consumerId")
}

// onlyOwn refuses other consumers' ids in a filter of a user-level token, as ids that do not exist.
func onlyOwn(ctx context.Context, path string, ids []bank.Ref) error {
	v := auth.From(ctx)
	for i, id := range ids {
		if v.Consumer != nil && id != v.Consumer.Ref() {
			return fault.Unknown(bank.Path(path, i), "Consumer")
		}
	}
	return nil
}

// at names the argument that a fault without a field is about.
func at(field string, err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Field == "" {
		return fault.New(f.Code, field, "%s", f.Message)
	}
	return err
}

// maybe is nil instead of a fault where nothing was found: queries answer null.
func maybe[T any](found T, err error) (*T, error) {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &found, nil
}

// changed is the fault where rows that belong together were read apart, and one of them went away between.
var changed = fault.New(fault.Conflict, "", "What was asked for changed while it was read; ask again")

// pick takes the values of keys in order.
func pick[K comparable, V any](found map[K]V, keys []K) ([]*V, error) {
	out := make([]*V, len(keys))
	for i, k := range keys {
		v, ok := found[k]
		if !ok {
			return nil, changed
		}
		out[i] = &v
	}
	return out, nil
}

// each applies f to every element.
func each[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}

// orZero is the value of an optional input, or the zero value.
func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// present drops what is not there.
func present[T any](list []*T) []*T {
	return slices.DeleteFunc(slices.Clone(list), func(p *T) bool { return p == nil })
}
