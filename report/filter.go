package report

import (
	"insightgraph/bank"
	"insightgraph/fault"
)

// Filter narrows a list of reports; all given conditions must hold.
type Filter struct {
	ConsumerIDs []bank.Ref
	CaseID      *bank.Ref
	Types       []Type
	Statuses    []Status
}

// Check says everything that is wrong with a filter.
func (f Filter) Check(path string) (faults fault.Many) {
	faults.Add(bank.CheckIDs(path+".consumerIds", f.ConsumerIDs))
	return faults
}

// Ref names the case.
func (c Case) Ref() bank.Ref {
	return bank.Ref{Kind: bank.KindCase, ConsumerID: c.ConsumerID, ID: c.ID}
}

// Ref names the report.
func (r Report) Ref() bank.Ref {
	return bank.Ref{Kind: bank.KindReport, ConsumerID: r.ConsumerID, ID: r.ID}
}
