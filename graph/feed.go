package graph

import (
	"context"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/graph/model"
	"insightgraph/insight"
	"insightgraph/page"
)

// feedArgs reads the arguments of every list of feed entries.
func (r *Resolver) feedArgs(ctx context.Context, filter *insight.FeedFilter, first *int, after *string, last *int, before *string) (insight.FeedFilter, page.Args, error) {
	f := orZero(filter)
	a, err := pageArgs(page.IsMomentKey, first, after, last, before)
	a.Fields = wanted(ctx, "FeedEntry")
	faults := append(f.Check("filter", r.known), fault.Of(err)...)
	if err := faults.Err(); err != nil {
		return f, a, err
	}
	return f, a, onlyOwn(ctx, "filter.consumerIds", f.ConsumerIDs)
}

// Feed lists the insights that were made.
func (r query) Feed(ctx context.Context, filter *insight.FeedFilter, first *int, after *string, last *int, before *string) (*page.Of[insight.Entry], error) {
	f, a, err := r.feedArgs(ctx, filter, first, after, last, before)
	if err != nil {
		return nil, err
	}
	p, err := r.mine(ctx).Feed(ctx, f, a)
	if err != nil {
		return nil, err
	}
	rememberPages(ctx, p)
	return p, nil
}

// Consumer finds the consumers of entries.
func (r entry) Consumer(ctx context.Context, objs []*insight.Entry) ([]*bank.Consumer, error) {
	return consumersOf(ctx, r.Resolver, objs, func(e *insight.Entry) int64 { return e.ConsumerID })
}

// TransactionDerived hands on an entry's totals with the entry.
func (r entry) TransactionDerived(ctx context.Context, objs []*insight.Entry) ([]*model.TransactionDerived, error) {
	ref := func(e *insight.Entry) bank.Ref { return e.Ref() }
	return batch(ctx, objs, ref, func(objs []*insight.Entry) ([]*model.TransactionDerived, error) {
		all := each(objs, func(e *insight.Entry) *model.TransactionDerived {
			if e.TransactionDerived == nil {
				return nil
			}
			return &model.TransactionDerived{TransactionDerived: e.TransactionDerived, Entry: e.Ref()}
		})
		remember(ctx, present(all))
		return all, nil
	})
}

func entryRef(d *model.TransactionDerived) bank.Ref { return d.Entry }

// entriesBehind finds the entries that totals are of: a list of totals alone has no need of all that an entry says.
func (r *Resolver) entriesBehind(ctx context.Context, objs []*model.TransactionDerived) ([]insight.Entry, error) {
	refs := each(objs, entryRef)
	found, err := r.mine(ctx).EntriesByRef(ctx, refs)
	if err != nil {
		return nil, err
	}
	entries, err := pick(found, refs)
	return each(entries, func(e *insight.Entry) insight.Entry { return *e }), err
}

// Transactions lists what entries rest on, as it is now.
func (r derived) Transactions(ctx context.Context, objs []*model.TransactionDerived, first *int, after *string, last *int, before *string) ([]*page.Of[bank.Transaction], error) {
	a, err := pageArgs(byDay, first, after, last, before)
	a.Fields = wanted(ctx, "Transaction")
	if err != nil {
		return nil, err
	}
	return batch(ctx, objs, entryRef, func(objs []*model.TransactionDerived) ([]*page.Of[bank.Transaction], error) {
		entries, err := r.entriesBehind(ctx, objs)
		if err != nil {
			return nil, err
		}
		pages, err := r.mine(ctx).EntryTransactions(ctx, entries, a)
		rememberPages(ctx, pages...)
		return pages, err
	})
}

// ChangedSince tells whether entries still say what the transactions say.
func (r derived) ChangedSince(ctx context.Context, objs []*model.TransactionDerived) ([]bool, error) {
	return batch(ctx, objs, entryRef, func(objs []*model.TransactionDerived) ([]bool, error) {
		entries, err := r.entriesBehind(ctx, objs)
		if err != nil {
			return nil, err
		}
		return r.mine(ctx).ChangedSince(ctx, entries)
	})
}
