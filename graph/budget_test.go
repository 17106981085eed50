package graph

import (
	"fmt"
	"strings"
	"testing"

	"insightgraph/budget"
)

// Answers tell what they cost, and who is over budget gets 429 and nothing read.
func TestBudget(t *testing.T) {
	h := newHouse(t)
	h = h.with(func(o *Options) {
		o.Budget = &budget.Budget{Customers: budget.Limits{Points: 1000}, Consumers: budget.Limits{Points: 2, Requests: 1}, Now: o.Store.Now}
	})
	if got := h.send("acme", "{viewer{role}}", nil); got.body != `{"data":{"viewer":{"role":"CUSTOMER"}},"extensions":{"cost":{"requested":2,"remaining":9998,"limit":10000,"restorePerSecond":1000}}}` {
		t.Error(got.body)
	}
	if got := h.send("acme", "{nobody}", nil); !strings.HasSuffix(got.body, `,"extensions":{"cost":{"requested":10,"remaining":9988,"limit":10000,"restorePerSecond":1000}}}`) {
		t.Errorf("a wrong document has a price: %s", got.body)
	}
	dear := "{feed(first:100){nodes{id insightName}}}"
	if got := h.send("anna", dear, nil); got.Errors != nil || !strings.Contains(got.body, `"remaining":0,"limit":20`) {
		t.Error(got.body)
	}
	got := h.send("anna", "{viewer{role}}", nil)
	if got.status != 429 || got.codes() != "RATE_LIMITED" || got.header.Get("Retry-After") == "" || got.Data != nil {
		t.Errorf("%d %s %v", got.status, got.body, got.header)
	}
	if got := h.send("bert", "{viewer{role}}", nil); got.status != 200 {
		t.Errorf("another consumer: %s", got.body)
	}
	if got := h.send("other", "{viewer{role}}", nil); got.status != 200 {
		t.Errorf("another customer: %s", got.body)
	}
}

// Rows have their price also where they are read straight from JSON.
func TestRowsCost(t *testing.T) {
	h := newHouse(t)
	h = h.with(func(o *Options) {
		o.Budget = &budget.Budget{Customers: budget.Limits{Points: 1000}, Consumers: budget.Limits{Points: 2, Requests: 1}, Now: o.Store.Now}
	})
	rows := make([]any, 100)
	for i := range rows {
		rows[i] = map[string]any{"externalId": fmt.Sprint("cost", i), "amount": map[string]any{"amount": "1.00", "currency": "EUR"}, "bookingDate": "2021-10-01"}
	}
	input := map[string]any{"accountId": h.ids["giro"], "transactions": rows}
	for range 2 { // the first time the document is not known
		if got := h.send("acme", "mutation($input: CreateTransactionsInput!){createTransactions(input:$input){createdCount}}", map[string]any{"input": input}); !strings.Contains(got.body, `"requested":502`) {
			t.Error(got.body)
		}
	}
}
