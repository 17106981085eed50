package insight_test

import (
	"strconv"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
)

const seedsName = "SPENDING_AND_EARNING_COMPARISON"

var seeds, _ = catalogue.ByName(seedsName)

// flexible is an insight in which everything can be set, which the seed's cannot.
var flexible = insight.Definition{
	Name: "FLEXIBLE", Title: "Someone's flexible insight", Description: "Made up.", Type: insight.Other, Trigger: insight.OnSchedule,
	Containers: []bank.Container{bank.ContainerBank}, Entities: []insight.EntityType{insight.EntityAccount, insight.EntityView},
	Frequency: insight.Weekly, Frequencies: []insight.Frequency{insight.Daily, insight.Monthly},
	Duration: insight.LastMonth, Durations: []insight.Duration{insight.LastSixMonths},
	Thresholds: []insight.Threshold{
		{Name: "MINIMUM", Type: insight.Amount, Default: number("500"), Minimum: number("0.01"), Maximum: number("1000000")},
		{Name: "FUTURE", Type: insight.Days, Default: number("14"), Minimum: number("0"), Maximum: number("31")},
	},
	PerEntity: true, OnDemand: true,
}

var definitions = []insight.Definition{seeds, flexible}

func number(s string) decimal.Decimal { return decimal.MustParse(s) }

// levels is what customer and user have set, by insight.
type levels map[string]insight.Settings

func (l levels) of(name string) insight.Settings { return l[name] }

// with takes over what an update gave.
func (l levels) with(changed map[string]insight.Settings) levels {
	all := levels{}
	for name, s := range l {
		all[name] = s
	}
	for name, s := range changed {
		all[name] = s
	}
	return all
}

type (
	change        = insight.SubscriptionChange
	configuration = insight.ConfigurationChange
	threshold     = insight.ThresholdChange
)

// account is a change of the entity type ACCOUNT's isSubscribed.
func account(isSubscribed string) configuration {
	return configuration{EntityType: new("ACCOUNT"), IsSubscribed: &isSubscribed}
}

// single is a change of one account's isSubscribed.
func single(id, isSubscribed string) configuration {
	c := account(isSubscribed)
	c.EntityID = &id
	return c
}

func customerChange(name string, c ...configuration) change {
	return change{InsightName: &name, CustomerConfiguration: c}
}

func userChange(name string, c ...configuration) change {
	return change{InsightName: &name, UserConfiguration: c}
}

// sentBack is what a client sends that sends everything it read.
func sentBack(s insight.Subscription) change {
	c := change{
		InsightName: &s.Definition.Name, InsightTitle: &s.Title, Description: &s.Definition.Description,
		InsightType: new(string(s.Definition.Type)), TriggerType: new(string(s.Definition.Trigger)),
	}
	for _, container := range s.Definition.Containers {
		c.Containers = append([]string{string(container)}, c.Containers...) // in another order
	}
	for _, entity := range s.Definition.Entities {
		c.ApplicableEntity = append([]string{string(entity)}, c.ApplicableEntity...)
	}
	for _, in := range s.Customer {
		c.CustomerConfiguration = append(c.CustomerConfiguration, configurationSentBack(in))
	}
	for _, in := range s.User {
		c.UserConfiguration = append(c.UserConfiguration, configurationSentBack(in))
	}
	return c
}

func configurationSentBack(in insight.Configuration) configuration {
	c := configuration{
		EntityType: new(string(in.EntityType)), EntityID: in.EntityID, IsSubscribed: new(strconv.FormatBool(in.IsSubscribed)),
		Frequency: new(string(in.Frequency)), Duration: new(string(in.Duration)), Threshold: []threshold{},
	}
	for _, v := range in.Threshold {
		c.Threshold = append(c.Threshold, threshold{Name: &v.Name, Type: new(string(v.Type)), Value: new(v.Value.String())})
	}
	return c
}
