package graph

import (
	"context"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/store"
)

// TriggerInsights makes a run; workers are told of it after it is stored.
func (r mutation) TriggerInsights(ctx context.Context, in generated.TriggerInsightsInput) (*generated.TriggerInsightsPayload, error) {
	requests := each(in.Insights, request)
	faults := fault.Many(fault.Of(insight.CheckTrigger(r.Definitions, requests)))
	faults.Add(checkMoment("asOf", in.AsOf, r.Store.Now()))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	made, shards, err := r.mine(ctx).CreateRun(ctx, store.NewRun{Requests: requests, Consumer: own(ctx, in.ConsumerID), AsOf: orZero(in.AsOf)}, in.IdempotencyKey)
	if err != nil {
		return nil, at("consumerId", err)
	}
	if len(shards) > 0 {
		r.Queue.Wake(context.WithoutCancel(ctx), shards)
	}
	return &generated.TriggerInsightsPayload{Run: made}, nil
}

// checkMoment refuses a moment that has not come yet or lies before 1900, where days begin. Nil, the store's now, is fine.
func checkMoment(field string, moment *time.Time, now time.Time) *fault.Error {
	switch {
	case moment == nil:
		return nil
	case moment.After(now):
		return fault.Invalid(field, "Invalid value for %s; it lies in the future", field)
	case moment.Year() < 1900:
		return fault.Invalid(field, "Invalid value for %s; it lies before 1900", field)
	}
	return nil
}

func request(in generated.TriggerInsightInput) insight.TriggerRequest {
	t := insight.TriggerRequest{Insight: orZero(in.InsightName), Override: in.OverrideDuplicateCheck}
	if in.EntityConfig != nil {
		t.Entities = each(in.EntityConfig, func(e generated.TriggerEntityInput) insight.TriggerEntity {
			return insight.TriggerEntity{EntityType: orZero(e.EntityType), EntityIDs: each(e.EntityIds, bank.Ref.String)}
		})
	}
	return t
}

// Evaluations lists what came of runs. A query meets one run at a time.
func (r run) Evaluations(ctx context.Context, objs []*insight.Run, outcomes []insight.Outcome, first *int, after *string, last *int, before *string) ([]*page.Of[insight.Evaluation], error) {
	a, err := pageArgs(byInsight, first, after, last, before)
	if err != nil {
		return nil, err
	}
	pages := make([]*page.Of[insight.Evaluation], len(objs))
	for i, o := range objs {
		if pages[i], err = r.mine(ctx).Evaluations(ctx, *o, outcomes, a); err != nil {
			return nil, err
		}
	}
	rememberPages(ctx, pages...)
	return pages, nil
}

// Consumer finds the consumers of evaluations.
func (r evaluation) Consumer(ctx context.Context, objs []*insight.Evaluation) ([]*bank.Consumer, error) {
	return consumersOf(ctx, r.Resolver, objs, func(e *insight.Evaluation) int64 { return e.ConsumerID })
}

// FeedEntry finds the entries of evaluations, nil where there is none.
func (r evaluation) FeedEntry(ctx context.Context, objs []*insight.Evaluation) ([]*insight.Entry, error) {
	ref := func(e *insight.Evaluation) bank.Ref {
		return bank.Ref{Kind: bank.KindEntry, ConsumerID: e.ConsumerID, ID: orZero(e.EntryID)}
	}
	return batch(ctx, objs, ref, func(objs []*insight.Evaluation) ([]*insight.Entry, error) {
		entries := make([]*insight.Entry, len(objs))
		var refs []bank.Ref
		for _, e := range objs {
			if e.EntryID != nil {
				refs = append(refs, ref(e))
			}
		}
		if refs == nil {
			return entries, nil
		}
		found, err := r.mine(ctx).EntriesByRef(ctx, refs)
		for i, e := range objs {
			if one, ok := found[ref(e)]; ok {
				entries[i] = &one
			}
		}
		remember(ctx, present(entries))
		return entries, err
	})
}
