package graph

import (
	"context"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/store"
)

// DataSources lists where a consumer's data comes from.
func (r query) DataSources(ctx context.Context, consumerID bank.Ref) ([]connect.DataSource, error) {
	all, err := r.mine(ctx).DataSources(ctx, consumerID)
	return all, at("consumerId", err)
}

// SynchronizeAccounts brings a consumer's data up to date; workers are told of what is to be fetched after it is stored.
func (r mutation) SynchronizeAccounts(ctx context.Context, in generated.SynchronizeAccountsInput) (*generated.SynchronizeAccountsPayload, error) {
	if faults := r.checkCallback(in.CallbackURL, in.CallbackHandle); faults != nil {
		_, err := r.mine(ctx).Consumer(ctx, in.ConsumerID)
		return nil, fault.Beside(err, faults)
	}
	sources, parts, err := r.mine(ctx).Synchronize(ctx, store.NewSynchronization{Consumer: in.ConsumerID, CallbackURL: in.CallbackURL, CallbackHandle: in.CallbackHandle})
	if err != nil {
		return nil, at("consumerId", err)
	}
	if len(parts) > 0 {
		r.Queue.WakeParts(context.WithoutCancel(ctx), parts)
	}
	if in.CallbackURL != nil {
		r.Queue.Deliver(context.WithoutCancel(ctx))
	}
	return &generated.SynchronizeAccountsPayload{DataSources: sources}, nil
}

func sourceRef(s *connect.DataSource) bank.Ref { return s.Ref() }

// Accounts lists the accounts of data sources.
func (r source) Accounts(ctx context.Context, objs []*connect.DataSource) ([][]bank.Account, error) {
	return batch(ctx, objs, sourceRef, func(objs []*connect.DataSource) ([][]bank.Account, error) {
		found, err := r.mine(ctx).AccountsOfSources(ctx, each(objs, sourceRef))
		return each(objs, func(s *connect.DataSource) []bank.Account { return found[s.Ref()] }), err
	})
}
