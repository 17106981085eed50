package graph

import (
	"context"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/store"
)

// Refresh finds a refresh.
func (r query) Refresh(ctx context.Context, id bank.Ref) (*connect.Refresh, error) {
	return maybe(r.mine(ctx).Refresh(ctx, id))
}

// StartConsentRefresh makes a refresh; workers are told of it after it is stored.
func (r mutation) StartConsentRefresh(ctx context.Context, in generated.StartConsentRefreshInput) (*generated.StartConsentRefreshPayload, error) {
	scope := connect.Scope{RefreshDays: in.RefreshDays, From: in.From, To: in.To}
	if err := r.checkList(ctx, scope.Check(""), in.ConsumerID, in.AccountIds); err != nil {
		return nil, err
	}
	made, parts, err := r.mine(ctx).StartRefresh(ctx, store.NewRefresh{Consumer: in.ConsumerID, Accounts: in.AccountIds, Scope: scope})
	if err != nil {
		return nil, at("consumerId", err)
	}
	if len(parts) > 0 {
		r.Queue.WakeParts(context.WithoutCancel(ctx), parts)
	}
	return &generated.StartConsentRefreshPayload{Refresh: made}, nil
}

// checkList refuses a list of accounts that is empty, which could be meant as all or as none, or too long. Then the store
// is not asked, so the other faults are named here. All else that can be wrong with the ids is the store's to say.
func (r *Resolver) checkList(ctx context.Context, faults fault.Many, consumer bank.Ref, accounts []bank.Ref) error {
	switch {
	case accounts != nil && len(accounts) == 0:
		faults.Add(fault.Invalid("accountIds", "Invalid value for accountIds; name accounts, or leave it out for all"))
	case len(accounts) > connect.MaxSelected:
		faults.Add(fault.New(fault.TooMany, "accountIds", "At most %d accounts are allowed in one request", connect.MaxSelected))
	default:
		return nil
	}
	_, err := r.mine(ctx).Consumer(ctx, consumer)
	return fault.Beside(err, faults)
}

// RevokeConsent ends a consumer's consents, here at once and then at the banks.
func (r mutation) RevokeConsent(ctx context.Context, in generated.RevokeConsentInput) (*generated.RevokeConsentPayload, error) {
	consumer, err := ownOrMissing(ctx, in.ConsumerID)
	if err != nil {
		return nil, err
	}
	c, n, err := r.mine(ctx).RevokeConsents(ctx, consumer)
	return &generated.RevokeConsentPayload{Consumer: c, RevokedConsentCount: n}, at("consumerId", err)
}

// AutomaticRefreshes lists what of a consumer is refreshed by itself.
func (r query) AutomaticRefreshes(ctx context.Context, consumerID bank.Ref) ([]connect.AutomaticRefresh, error) {
	all, err := r.mine(ctx).AutomaticRefreshes(ctx, consumerID)
	return all, at("consumerId", err)
}

// ScheduleAutomaticRefresh refreshes accounts by themselves from now on.
func (r mutation) ScheduleAutomaticRefresh(ctx context.Context, in generated.ScheduleAutomaticRefreshInput) (*generated.ScheduleAutomaticRefreshPayload, error) {
	plan := connect.Plan{Interval: in.Interval, IntervalMinutes: in.IntervalMinutes, RefreshDays: in.RefreshDays}
	if err := r.checkList(ctx, plan.Check(), in.ConsumerID, in.AccountIds); err != nil {
		return nil, err
	}
	all, err := r.mine(ctx).ScheduleRefresh(ctx, in.ConsumerID, in.AccountIds, plan)
	return &generated.ScheduleAutomaticRefreshPayload{AutomaticRefreshes: all}, at("consumerId", err)
}

// UnscheduleAutomaticRefresh ends that.
func (r mutation) UnscheduleAutomaticRefresh(ctx context.Context, in generated.UnscheduleAutomaticRefreshInput) (*generated.UnscheduleAutomaticRefreshPayload, error) {
	if err := r.checkList(ctx, nil, in.ConsumerID, in.AccountIds); err != nil {
		return nil, err
	}
	n, err := r.mine(ctx).UnscheduleRefresh(ctx, in.ConsumerID, in.AccountIds)
	return &generated.UnscheduleAutomaticRefreshPayload{UnscheduledCount: n}, at("consumerId", err)
}

// Account finds the accounts of schedules.
func (r automatic) Account(ctx context.Context, objs []*connect.AutomaticRefresh) ([]*bank.Account, error) {
	refs := each(objs, func(a *connect.AutomaticRefresh) bank.Ref { return a.Ref() })
	found, err := r.mine(ctx).AccountsByRef(ctx, refs)
	if err != nil {
		return nil, err
	}
	accounts, err := pick(found, refs)
	remember(ctx, accounts)
	return accounts, err
}

// Consents lists the consents of consumers.
func (r consumer) Consents(ctx context.Context, objs []*bank.Consumer) ([][]connect.Consent, error) {
	return batch(ctx, objs, consumerID, func(objs []*bank.Consumer) ([][]connect.Consent, error) {
		found, err := r.mine(ctx).Consents(ctx, each(objs, consumerID))
		return each(objs, func(c *bank.Consumer) []connect.Consent { return found[c.ID] }), err
	})
}

// Bank finds the banks of consents.
func (r consent) Bank(_ context.Context, objs []*connect.Consent) ([]*connect.Bank, error) {
	return each(objs, func(c *connect.Consent) *connect.Bank { return r.bankOf(c.BankCode, c.BankName) }), nil
}

// State tells whether consents can be used at this moment.
func (r consent) State(_ context.Context, objs []*connect.Consent) ([]connect.ConsentState, error) {
	now := r.Store.Now()
	return each(objs, func(c *connect.Consent) connect.ConsentState { return c.Status(now) }), nil
}
