package insight

import (
	"slices"

	"insightgraph/bank"
	"insightgraph/fault"
)

// MaxTriggers is how many insights one trigger may ask for.
const MaxTriggers = 10

// CheckTrigger says everything that is wrong with what a trigger asks for. Field paths begin with "insights". Rules are
// those of the reference product's POST /insights/trigger. Whether the consumer is subscribed is not asked here: that
// is an outcome. Whether an entity exists and is the consumer's own is for the caller to know.
func CheckTrigger(defs []Definition, requests []TriggerRequest) error {
	const list = "insights"
	switch {
	case len(requests) == 0:
		return fault.New(fault.Incomplete, list, "Invalid request; At least one insight is required")
	case len(requests) > MaxTriggers:
		return fault.New(fault.NotAllowed, list, "At most %d insights are allowed in one request", MaxTriggers)
	}
	var faults fault.Many
	named := map[string]bool{}
	for i, r := range requests {
		path := bank.Path(list, i)
		d, ok := find(defs, r.Insight)
		switch {
		case r.Insight == "":
			faults.Add(fault.New(fault.Incomplete, path+".insightName", "insightName is required"))
		case !ok:
			faults.Add(fault.Invalid(path+".insightName", "Invalid value for insightName"))
		case named[r.Insight]:
			faults.Add(fault.New(fault.NotAllowed, path+".insightName", "Duplicate insightName is not allowed"))
		case !d.OnDemand:
			faults.Add(fault.New(fault.NotAllowed, path+".insightName", "For insight %s, on-demand evaluation is not allowed", d.Name))
		}
		named[r.Insight] = true
		if ok {
			faults = append(faults, checkEntities(path+".entityConfig", d, r.Entities)...)
		}
	}
	return faults.Err()
}

// checkEntities checks what narrows a request; nil narrows nothing.
func checkEntities(list string, d Definition, entities []TriggerEntity) fault.Many {
	var faults fault.Many
	if entities != nil && len(entities) == 0 {
		faults.Add(fault.New(fault.NotAllowed, list, "An empty entityConfig is not allowed"))
	}
	seen := map[string]bool{}
	for i, e := range entities {
		path := bank.Path(list, i)
		switch {
		case e.EntityType == "":
			faults.Add(fault.New(fault.Together, path+".entityType", "entityType should be provided"))
		case !slices.Contains(d.Entities, EntityType(e.EntityType)):
			faults.Add(fault.New(fault.NotAllowed, path+".entityType", "Invalid combination of insightName and entityType. %s", d.supported()))
		case seen[e.EntityType]:
			faults.Add(fault.New(fault.NotAllowed, path+".entityType", "Duplicate entityType is not allowed"))
		}
		seen[e.EntityType] = true
		ids := path + ".entityIds"
		if d.Type == Aggregate && len(e.EntityIDs) > 0 {
			faults.Add(fault.New(fault.NotAllowed, ids, "For insight %s, entityIds are not allowed; its type is AGGREGATE", d.Name))
			continue
		}
		if slices.Contains(e.EntityIDs, "") {
			faults.Add(fault.Invalid(ids, "Invalid value for entityIds"))
		}
		once := slices.Compact(slices.Sorted(slices.Values(e.EntityIDs)))
		if len(once) < len(e.EntityIDs) {
			faults.Add(fault.New(fault.NotAllowed, ids, "Duplicate entityIds are not allowed"))
		}
	}
	return faults
}
