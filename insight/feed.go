package insight

import (
	"slices"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
)

// FeedFilter narrows the feed; all given conditions must hold, and of a list any value.
type FeedFilter struct {
	ConsumerIDs  []bank.Ref
	InsightNames []string
	InsightType  *string
	TriggerType  *string
	EntityIDs    []bank.Ref
	CreatedFrom  *time.Time
	CreatedTo    *time.Time
}

// Check says everything that is wrong with a filter. known tells which insights there are.
func (f FeedFilter) Check(path string, known func(name string) bool) fault.Many {
	var faults fault.Many
	param := func(field string) *fault.Error { // the reference product's sentence names the insight that was asked for
		if len(f.InsightNames) == 1 && known(f.InsightNames[0]) {
			return fault.Invalid(path+"."+field, "Invalid value for input param in %s insight", f.InsightNames[0])
		}
		return fault.Invalid(path+"."+field, "Invalid value for input param %s", field)
	}
	faults = append(faults, CheckNames(path+".insightNames", f.InsightNames, known)...)
	if f.InsightType != nil && !slices.Contains([]Type{Aggregate, Other}, Type(*f.InsightType)) {
		faults.Add(param("insightType"))
	}
	if f.TriggerType != nil && !slices.Contains([]TriggerType{OnSchedule, OnRefresh, OnEvent}, TriggerType(*f.TriggerType)) {
		faults.Add(param("triggerType"))
	}
	if f.CreatedFrom != nil && f.CreatedTo != nil && f.CreatedFrom.After(*f.CreatedTo) {
		faults.Add(param("createdTo"))
	}
	faults.Add(bank.CheckIDs(path+".consumerIds", f.ConsumerIDs))
	faults.Add(bank.CheckIDs(path+".entityIds", f.EntityIDs))
	return faults
}

// CheckNames refuses names that are not in the catalogue.
func CheckNames(path string, names []string, known func(name string) bool) fault.Many {
	var faults fault.Many
	for i, name := range names {
		if !known(name) {
			faults.Add(fault.Invalid(bank.Path(path, i), "Invalid value for insightName"))
		}
	}
	return faults
}
