package insight_test

import (
	"slices"
	"testing"

	"insightgraph/fault"
	"insightgraph/insight"
)

func TestCheckTrigger(t *testing.T) {
	refresh := flexible
	refresh.Name, refresh.OnDemand = "ON_REFRESH", false
	defs := []insight.Definition{seeds, flexible, refresh}
	ask := func(name string, entities ...insight.TriggerEntity) insight.TriggerRequest {
		return insight.TriggerRequest{Insight: name, Entities: entities}
	}
	entity := func(entityType string, ids ...string) insight.TriggerEntity {
		return insight.TriggerEntity{EntityType: entityType, EntityIDs: ids}
	}
	type requests = []insight.TriggerRequest
	for name, c := range map[string]struct {
		requests requests
		want     []string
	}{
		"plain":         {requests{ask(seeds.Name)}, nil},
		"entity type":   {requests{ask(seeds.Name, entity("ACCOUNT"))}, nil},
		"entities":      {requests{ask(flexible.Name, entity("ACCOUNT", "a", "b"), entity("VIEW"))}, nil},
		"two":           {requests{ask(seeds.Name), {Insight: flexible.Name, Override: true}}, nil},
		"none":          {nil, []string{"Y803 insights Invalid request; At least one insight is required"}},
		"eleven":        {make(requests, 11), []string{"Y802 insights At most 10 insights are allowed in one request"}},
		"no name":       {requests{ask("")}, []string{"Y803 insights.0.insightName insightName is required"}},
		"unknown":       {requests{ask("NO_SUCH", entity(""))}, []string{"Y800 insights.0.insightName Invalid value for insightName"}},
		"twice":         {requests{ask(seeds.Name), ask(seeds.Name)}, []string{"Y802 insights.1.insightName Duplicate insightName is not allowed"}},
		"not on demand": {requests{ask("ON_REFRESH")}, []string{"Y802 insights.0.insightName For insight ON_REFRESH, on-demand evaluation is not allowed"}},
		"empty list": {requests{{Insight: seeds.Name, Entities: []insight.TriggerEntity{}}},
			[]string{"Y802 insights.0.entityConfig An empty entityConfig is not allowed"}},
		"no entity type": {requests{ask(seeds.Name, entity(""))}, []string{"Y813 insights.0.entityConfig.0.entityType entityType should be provided"}},
		"unsupported": {requests{ask(seeds.Name, entity("VIEW"))},
			[]string{"Y802 insights.0.entityConfig.0.entityType Invalid combination of insightName and entityType. " +
				"Supported entityType for SPENDING_AND_EARNING_COMPARISON insight are - [ACCOUNT]"}},
		"entity type twice": {requests{ask(flexible.Name, entity("ACCOUNT"), entity("ACCOUNT", "a"))},
			[]string{"Y802 insights.0.entityConfig.1.entityType Duplicate entityType is not allowed"}},
		"aggregate": {requests{ask(seeds.Name, entity("ACCOUNT", "a"))},
			[]string{"Y802 insights.0.entityConfig.0.entityIds For insight SPENDING_AND_EARNING_COMPARISON, entityIds are not allowed; its type is AGGREGATE"}},
		"id twice": {requests{ask(flexible.Name, entity("ACCOUNT", "a", "b", "a"))},
			[]string{"Y802 insights.0.entityConfig.0.entityIds Duplicate entityIds are not allowed"}},
		"no id": {requests{ask(flexible.Name, entity("ACCOUNT", ""))},
			[]string{"Y800 insights.0.entityConfig.0.entityIds Invalid value for entityIds"}},
		"all at once": {requests{ask("NO_SUCH"), ask(seeds.Name, entity("ACCOUNT", "a")), ask("ON_REFRESH"), ask("NO_SUCH")}, []string{
			"Y800 insights.0.insightName Invalid value for insightName",
			"Y802 insights.1.entityConfig.0.entityIds For insight SPENDING_AND_EARNING_COMPARISON, entityIds are not allowed; its type is AGGREGATE",
			"Y802 insights.2.insightName For insight ON_REFRESH, on-demand evaluation is not allowed",
			"Y800 insights.3.insightName Invalid value for insightName",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := lines(insight.CheckTrigger(defs, c.requests)); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// lines is an error's faults as "code field sentence".
func lines(err error) []string {
	var all []string
	for _, f := range fault.Of(err) {
		all = append(all, string(f.Code)+" "+f.Field+" "+f.Message)
	}
	return all
}
