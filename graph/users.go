package graph

import (
	"context"
	"slices"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/graph/model"
	"insightgraph/insight"
)

// UserSubscriptions shows a consumer's settings for the insights that the customer offers.
func (r query) UserSubscriptions(ctx context.Context, consumerID *bank.Ref, names []string) ([]model.UserSubscription, error) {
	consumer, err := ownOrMissing(ctx, consumerID)
	if err != nil {
		return nil, err
	}
	defs, err := r.chosen("insightNames", names)
	if err != nil {
		return nil, err
	}
	customer, user, err := r.mine(ctx).UserSettings(ctx, consumer)
	return userSubscriptions(defs, customer, user), at("consumerId", err)
}

func userSubscriptions(defs []insight.Definition, customer, user map[string]insight.Settings) []model.UserSubscription {
	offered := slices.DeleteFunc(slices.Clone(defs), func(d insight.Definition) bool { return !insight.Offered(d, customer[d.Name]) })
	return each(offered, func(d insight.Definition) model.UserSubscription {
		return model.UserSubscription{Subscription: insight.UserSubscription(d, customer[d.Name], user[d.Name])}
	})
}

// UpdateUserSubscriptions changes a consumer's settings.
func (r mutation) UpdateUserSubscriptions(ctx context.Context, input generated.UpdateUserSubscriptionsInput) (*generated.UpdateUserSubscriptionsPayload, error) {
	consumer, err := ownOrMissing(ctx, input.ConsumerID)
	if err != nil {
		return nil, err
	}
	if err := r.checkEntities(ctx, consumer, entitiesOf(input.UserSubscription)); err != nil {
		return nil, err
	}
	var above, changed map[string]insight.Settings
	err = r.mine(ctx).Also(&above, &changed).ChangeUserSettings(ctx, consumer, func(customer, user map[string]insight.Settings) (_ map[string]insight.Settings, err error) {
		above = customer
		changed, err = insight.ChangeUser(r.Definitions, in(customer), in(user), input.UserSubscription)
		return changed, err
	})
	if err != nil {
		return nil, at("consumerId", err)
	}
	return &generated.UpdateUserSubscriptionsPayload{UserSubscriptions: userSubscriptions(named(r.Definitions, changed), above, changed)}, nil
}

// ResetUserSubscriptions forgets a consumer's settings.
func (r mutation) ResetUserSubscriptions(ctx context.Context, input generated.ResetUserSubscriptionsInput) (*generated.ResetUserSubscriptionsPayload, error) {
	consumer, err := ownOrMissing(ctx, input.ConsumerID)
	if err != nil {
		return nil, err
	}
	defs, err := r.chosen("insightNames", input.InsightNames)
	if err != nil {
		return nil, err
	}
	above, err := r.mine(ctx).ResetUserSettings(ctx, consumer, each(defs, func(d insight.Definition) string { return d.Name }))
	if err != nil {
		return nil, at("consumerId", err)
	}
	return &generated.ResetUserSubscriptionsPayload{UserSubscriptions: userSubscriptions(defs, above, nil)}, nil
}

// entity is an id that a client sent for an account, with the field it stood in.
type entity struct {
	field string
	ref   bank.Ref
}

// entitiesOf lists the single accounts that an update configures.
func entitiesOf(changes []insight.SubscriptionChange) (all []entity) {
	for i, s := range changes {
		for j, c := range s.UserConfiguration {
			if c.EntityID != nil && *c.EntityID != "" {
				path := bank.Path(bank.Path("userSubscription", i)+".userConfiguration", j)
				all = append(all, entity{path + ".entityId", bank.ParseRef(*c.EntityID)})
			}
		}
	}
	return all
}

// checkEntities refuses ids that are no account of the consumer. Where an insight allows no ids at all, the middle says
// so; then only its fault counts, so nothing is looked up for insights that are about all accounts together.
func (r *Resolver) checkEntities(ctx context.Context, consumer bank.Ref, entities []entity) error {
	perEntity := slices.ContainsFunc(r.Definitions, func(d insight.Definition) bool { return d.PerEntity })
	if !perEntity || len(entities) == 0 {
		return nil
	}
	found, err := r.mine(ctx).AccountsByRef(ctx, each(entities, func(e entity) bank.Ref { return e.ref }))
	if err != nil {
		return err
	}
	var faults fault.Many
	for _, e := range entities {
		if a, ok := found[e.ref]; !ok || a.ConsumerID != consumer.ConsumerID {
			faults.Add(fault.Unknown(e.field, "Entity"))
		}
	}
	return faults.Err()
}
