package graph

import (
	"context"
	"testing"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/report"
	"insightgraph/store"
)

// A caller who goes away while its report is built is no failure of the build.
func TestBuildForNobody(t *testing.T) {
	h := newHouse(t)
	id := bank.ParseRef(h.ids["acme"]).ID
	day := bank.DateOf(h.now, h.now.Location())
	acme, anna := h.store.Customer(id), bank.ParseRef(h.ids["anna"])
	made, rows, err := acme.CreateReport(t.Context(), store.NewReport{NewCase: store.NewCase{Consumer: &anna, From: &day, To: &day}, Request: report.Request{Type: string(report.TypeIncome)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(auth.With(t.Context(), auth.Viewer{Customer: bank.Customer{ID: id}}))
	cancel()
	_, _ = (&Resolver{h.options}).build(gone, made, rows)
	if now, err := acme.Report(t.Context(), made.Ref()); err != nil || now.Status != report.Succeeded {
		t.Errorf("%s, %v", now.Status, err)
	}
}
