package graph

import (
	"context"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/store"
)

// Consumers lists the customer's consumers.
func (r query) Consumers(ctx context.Context, first *int, after *string, last *int, before *string) (*page.Of[bank.Consumer], error) {
	a, err := pageArgs(byID, first, after, last, before)
	if err != nil {
		return nil, err
	}
	a.Fields = wanted(ctx, "Consumer")
	reads := r.mine(ctx).Reads()
	list := reads.ConsumerList(a)
	r.ahead(ctx, reads, "Consumer", list.Parents())
	if err := reads.Send(ctx); err != nil {
		return nil, err
	}
	p := list.Of(bank.Ref{})
	rememberPages(ctx, p)
	return p, nil
}

// Consumer finds a consumer; where both names are given, both must be its own.
func (r query) Consumer(ctx context.Context, id *bank.Ref, externalID *string) (*bank.Consumer, error) {
	if externalID != nil {
		reads := r.mine(ctx).Reads()
		c, err := withBelow(ctx, r.Resolver, reads, reads.ConsumerByExternalID(*externalID), *externalID, reads.NamedParent(*externalID))
		if c == nil || id != nil && c.Ref() != *id {
			return nil, err
		}
		return c, nil
	}
	ref := own(ctx, id)
	if ref == nil {
		return nil, fault.New(fault.Required, "id", "Required field/value - id or externalId missing in the request")
	}
	return r.consumer(ctx, *ref)
}

// consumer finds a consumer by its id.
func (r *Resolver) consumer(ctx context.Context, ref bank.Ref) (*bank.Consumer, error) {
	if ref.Kind != bank.KindConsumer || ref.ID != ref.ConsumerID {
		return nil, nil
	}
	reads, ids := r.mine(ctx).Reads(), []int64{ref.ID}
	return withBelow(ctx, r, reads, reads.Consumers(ids), ref.ID, store.ConsumerParents(ids))
}

// withBelow sends for a consumer together with what the document wants of it.
func withBelow[K comparable](ctx context.Context, r *Resolver, reads *store.Reads, found *store.Found[K, bank.Consumer], key K, itself store.Parents) (*bank.Consumer, error) {
	r.ahead(ctx, reads, "Consumer", itself)
	if err := reads.Send(ctx); err != nil {
		return nil, err
	}
	c, ok := found.Get(key)
	if !ok {
		return nil, nil
	}
	return &c, nil
}

// CreateConsumer makes a consumer, or updates the one with the same externalId.
func (r mutation) CreateConsumer(ctx context.Context, in generated.CreateConsumerInput) (*generated.CreateConsumerPayload, error) {
	c, err := r.mine(ctx).CreateConsumer(ctx, store.NewConsumer{ExternalID: in.ExternalID, TimeZone: in.TimeZone, Currency: in.Currency})
	return &generated.CreateConsumerPayload{Consumer: c}, err
}

// UpdateConsumer changes a consumer.
func (r mutation) UpdateConsumer(ctx context.Context, in generated.UpdateConsumerInput) (*generated.UpdateConsumerPayload, error) {
	if in.TimeZone == nil && in.Currency == nil {
		return nil, nothing
	}
	if in.TimeZone != nil {
		if f := bank.CheckTimeZone("timeZone", *in.TimeZone); f != nil { // is the id a fault too?
			_, err := r.mine(ctx).Consumer(ctx, in.ConsumerID)
			return nil, fault.Beside(err, fault.Many{f})
		}
	}
	c, err := r.mine(ctx).UpdateConsumer(ctx, in.ConsumerID, func(c *bank.Consumer) error {
		set(&c.TimeZone, in.TimeZone)
		set(&c.Currency, in.Currency)
		return nil
	})
	return &generated.UpdateConsumerPayload{Consumer: c}, at("consumerId", err)
}

// nothing is the fault of an update that names nothing to update.
var nothing = fault.New(fault.NoUpdate, "", "Update not allowed without a valid request body")

// set takes an optional input over.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// DeleteConsumer erases a consumer.
func (r mutation) DeleteConsumer(ctx context.Context, in generated.DeleteConsumerInput) (*generated.DeleteConsumerPayload, error) {
	e, err := r.mine(ctx).DeleteConsumer(ctx, in.ConsumerID)
	return &generated.DeleteConsumerPayload{DeletedConsumerID: in.ConsumerID, DeletedAccountCount: e.Accounts,
		DeletedTransactionCount: e.Transactions, DeletedFeedEntryCount: e.Entries}, at("consumerId", err)
}

// consumersOf finds the consumers that values belong to.
func consumersOf[P any](ctx context.Context, r *Resolver, objs []*P, consumerID func(*P) int64) ([]*bank.Consumer, error) {
	return batch(ctx, objs, consumerID, func(objs []*P) ([]*bank.Consumer, error) {
		ids := each(objs, consumerID)
		found, err := r.mine(ctx).ConsumersByID(ctx, ids)
		if err != nil {
			return nil, err
		}
		consumers, err := pick(found, ids)
		remember(ctx, consumers)
		return consumers, err
	})
}

func consumerID(c *bank.Consumer) int64 { return c.ID }

func consumerRef(c *bank.Consumer) bank.Ref { return c.Ref() }

// consumerParents are consumers as parents of lists.
func consumerParents(refs []bank.Ref) store.Parents {
	return store.ConsumerParents(each(refs, func(r bank.Ref) int64 { return r.ID }))
}

// Accounts lists the accounts of consumers.
func (r consumer) Accounts(ctx context.Context, objs []*bank.Consumer, filter *bank.AccountFilter, first *int, after *string, last *int, before *string) ([]*page.Of[bank.Account], error) {
	return pagesOf(ctx, r.Resolver, objs, consumerRef, consumerParents, func(reads *store.Reads, of store.Parents) (*store.Lists[bank.Account], error) {
		return accountsOf(ctx, reads, of, filter, relayArgs{first, after, last, before})
	})
}

// Transactions lists the transactions of consumers.
func (r consumer) Transactions(ctx context.Context, objs []*bank.Consumer, filter *bank.TransactionFilter, first *int, after *string, last *int, before *string) ([]*page.Of[bank.Transaction], error) {
	return pagesOf(ctx, r.Resolver, objs, consumerRef, consumerParents, func(reads *store.Reads, of store.Parents) (*store.Lists[bank.Transaction], error) {
		return transactionsOf(ctx, reads, of, filter, relayArgs{first, after, last, before})
	})
}

// Feed lists the feed entries of consumers.
func (r consumer) Feed(ctx context.Context, objs []*bank.Consumer, filter *insight.FeedFilter, first *int, after *string, last *int, before *string) ([]*page.Of[insight.Entry], error) {
	return pagesOf(ctx, r.Resolver, objs, consumerRef, consumerParents, func(reads *store.Reads, of store.Parents) (*store.Lists[insight.Entry], error) {
		return r.feedOf(ctx, reads, of, filter, relayArgs{first, after, last, before})
	})
}

// CategoryTotals adds up a month of consumers by category.
func (r consumer) CategoryTotals(ctx context.Context, objs []*bank.Consumer, month bank.Date) ([][]bank.CategoryTotal, error) {
	return batch(ctx, objs, consumerID, func(objs []*bank.Consumer) ([][]bank.CategoryTotal, error) {
		found, ok := earlier[*store.Found[int64, []bank.CategoryTotal]](ctx)
		if !ok {
			reads := r.mine(ctx).Reads()
			found = reads.CategoryTotalsOf(consumerParents(each(objs, consumerRef)), month)
			if err := reads.Send(ctx); err != nil {
				return nil, err
			}
		}
		return each(objs, func(c *bank.Consumer) []bank.CategoryTotal {
			totals, _ := found.Get(c.ID)
			return totals
		}), nil
	})
}

// Category finds the categories of totals.
func (categorySum) Category(_ context.Context, objs []*bank.CategoryTotal) ([]*category.Category, error) {
	return each(objs, func(c *bank.CategoryTotal) *category.Category { return categoryBy(c.CategoryID) }), nil
}
