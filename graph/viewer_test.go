package graph

import (
	"testing"

	"insightgraph/bank"
)

// A consumer's token is believed for a moment after another process has erased the consumer. It must not answer as a token
// of the customer, who sees everybody.
func TestViewerJustErased(t *testing.T) {
	h := newHouse(t)
	const who = `{viewer{role consumer{id}} transactions{nodes{id}}}`
	if got := h.send("anna", who, nil); got.Errors != nil {
		t.Fatal(got.body)
	}
	if _, err := h.store.Customer(bank.ParseRef(h.ids["acme"]).ID).DeleteConsumer(t.Context(), bank.ParseRef(h.ids["anna"])); err != nil {
		t.Fatal(err)
	}
	want := `{"data":{"viewer":{"role":"CONSUMER","consumer":{"id":"` + h.ids["anna"] + `"}},"transactions":{"nodes":[]}}}`
	if got := h.send("anna", who, nil); got.body != want {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := h.send("anna", `{consumers{nodes{id}}}`, nil); got.codes() != "FORBIDDEN" {
		t.Errorf("the customer's list: %d %s", got.status, got.body)
	}
}
