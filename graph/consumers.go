package graph

import (
	"context"

	"insightgraph/bank"
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
	p, err := r.mine(ctx).Consumers(ctx, a)
	if err != nil {
		return nil, err
	}
	rememberPages(ctx, p)
	return p, nil
}

// Consumer finds a consumer; where both names are given, both must be its own.
func (r query) Consumer(ctx context.Context, id *bank.Ref, externalID *string) (*bank.Consumer, error) {
	if externalID != nil {
		c, err := maybe(r.mine(ctx).ConsumerByExternalID(ctx, *externalID))
		if c == nil || id != nil && c.Ref() != *id {
			return nil, err
		}
		return c, nil
	}
	ref := own(ctx, id)
	if ref == nil {
		return nil, fault.New(fault.Required, "id", "Required field/value - id or externalId missing in the request")
	}
	return maybe(r.mine(ctx).Consumer(ctx, *ref))
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
		consumers, err := pick(found, ids, "Consumer")
		remember(ctx, consumers)
		return consumers, err
	})
}

func consumerID(c *bank.Consumer) int64 { return c.ID }

// Accounts lists the accounts of consumers.
func (r consumer) Accounts(ctx context.Context, objs []*bank.Consumer, filter *bank.AccountFilter, first *int, after *string, last *int, before *string) ([]*page.Of[bank.Account], error) {
	a, err := pageArgs(byID, first, after, last, before)
	if err != nil {
		return nil, err
	}
	return batch(ctx, objs, consumerID, func(objs []*bank.Consumer) ([]*page.Of[bank.Account], error) {
		pages, err := r.mine(ctx).Accounts(ctx, each(objs, consumerID), orZero(filter), a)
		rememberPages(ctx, pages...)
		return pages, err
	})
}

// Transactions lists the transactions of consumers.
func (r consumer) Transactions(ctx context.Context, objs []*bank.Consumer, filter *bank.TransactionFilter, first *int, after *string, last *int, before *string) ([]*page.Of[bank.Transaction], error) {
	f, a, err := transactionArgs(ctx, filter, first, after, last, before)
	if err != nil {
		return nil, err
	}
	return batch(ctx, objs, consumerID, func(objs []*bank.Consumer) ([]*page.Of[bank.Transaction], error) {
		pages, err := r.mine(ctx).TransactionsOfConsumers(ctx, each(objs, consumerID), f, a)
		rememberPages(ctx, pages...)
		return pages, err
	})
}

// Feed lists the feed entries of consumers.
func (r consumer) Feed(ctx context.Context, objs []*bank.Consumer, filter *insight.FeedFilter, first *int, after *string, last *int, before *string) ([]*page.Of[insight.Entry], error) {
	f, a, err := r.feedArgs(ctx, filter, first, after, last, before)
	if err != nil {
		return nil, err
	}
	return batch(ctx, objs, consumerID, func(objs []*bank.Consumer) ([]*page.Of[insight.Entry], error) {
		pages, err := r.mine(ctx).FeedOfConsumers(ctx, each(objs, consumerID), f, a)
		rememberPages(ctx, pages...)
		return pages, err
	})
}
