package graph

import (
	"context"
	"slices"

	"insightgraph/graph/generated"
	"insightgraph/graph/model"
	"insightgraph/insight"
)

// chosen are the insights with the given names in the catalogue's order; nil names mean all.
func (o Options) chosen(field string, names []string) ([]insight.Definition, error) {
	if err := insight.CheckNames(field, names, o.known).Err(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(o.Definitions), func(d insight.Definition) bool {
		return names != nil && !slices.Contains(names, d.Name)
	}), nil
}

// known tells whether the catalogue has an insight of that name.
func (o Options) known(name string) bool {
	return slices.ContainsFunc(o.Definitions, func(d insight.Definition) bool { return d.Name == name })
}

// in looks settings up by insight.
func in(settings map[string]insight.Settings) func(string) insight.Settings {
	return func(name string) insight.Settings { return settings[name] }
}

// InsightDefinitions lists the catalogue.
func (r query) InsightDefinitions(_ context.Context, names []string) ([]insight.Definition, error) {
	return r.chosen("names", names)
}

// CustomerSubscriptions shows the customer's defaults.
func (r query) CustomerSubscriptions(ctx context.Context, names []string) ([]model.CustomerSubscription, error) {
	defs, err := r.chosen("insightNames", names)
	if err != nil {
		return nil, err
	}
	settings, err := r.mine(ctx).CustomerSettings(ctx)
	return customerSubscriptions(defs, settings), err
}

func customerSubscriptions(defs []insight.Definition, settings map[string]insight.Settings) []model.CustomerSubscription {
	return each(defs, func(d insight.Definition) model.CustomerSubscription {
		return model.CustomerSubscription{Subscription: insight.CustomerSubscription(d, settings[d.Name])}
	})
}

// UpdateCustomerSubscriptions changes the customer's defaults.
func (r mutation) UpdateCustomerSubscriptions(ctx context.Context, input generated.UpdateCustomerSubscriptionsInput) (*generated.UpdateCustomerSubscriptionsPayload, error) {
	var changed map[string]insight.Settings
	err := r.mine(ctx).Also(&changed).ChangeCustomerSettings(ctx, func(current map[string]insight.Settings) (_ map[string]insight.Settings, err error) {
		changed, err = insight.ChangeCustomer(r.Definitions, in(current), input.CustomerSubscription)
		return changed, err
	})
	if err != nil {
		return nil, err
	}
	return &generated.UpdateCustomerSubscriptionsPayload{CustomerSubscriptions: customerSubscriptions(named(r.Definitions, changed), changed)}, nil
}

// named are the insights that have settings in the map.
func named(defs []insight.Definition, settings map[string]insight.Settings) []insight.Definition {
	return slices.DeleteFunc(slices.Clone(defs), func(d insight.Definition) bool {
		_, ok := settings[d.Name]
		return !ok
	})
}
