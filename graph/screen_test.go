package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"insightgraph/bank"
)

const screen = `query Screen($id: ID!, $month: Date!) { consumer(id: $id) { id externalId timeZone currency
  accounts(first: 3) { nodes { id name providerName container type currency
    transactions(first: 20) { nodes { id bookingDate amount { amount currency } baseType description category { name } merchant { name } } pageInfo { hasNextPage endCursor } } } }
  feed(first: 10) { nodes { id insightName insightTitle createdAt period { from to }
    transactionDerived { creditTotal { amount currency } debitTotal { amount currency } spentPercent transactionCount } } pageInfo { hasNextPage endCursor } }
  categoryTotals(month: $month) { category { id name } credit { amount currency } debit { amount currency } transactionCount } } }`

// fillScreen gives anna what a screen shows.
func (h *house) fillScreen() (body []byte) {
	h.t.Helper()
	for i, account := range []string{"giro", "savings", "card"} {
		var rows strings.Builder
		for j := range 25 {
			fmt.Fprintf(&rows, `{externalId:"s%d-%d",amount:{amount:"-%d.99",currency:"EUR"},bookingDate:"2021-12-%02d",description:"LIDL SAGT DANKE %d",mcc:"%d"}`, i, j, 1+j, 1+j, j, 5411+j%3)
		}
		h.book("acme", account, rows.String())
	}
	h.do("acme", `mutation{triggerInsights(input:{insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON"}]}){run{id}}}`)
	body, err := json.Marshal(map[string]any{"query": screen, "variables": map[string]any{"id": h.ids["anna"], "month": "2021-12-01"}})
	if err != nil {
		h.t.Fatal(err)
	}
	return body
}

// A screen is one round trip: the consumer, its accounts, their transactions, its feed and its totals.
func TestScreen(t *testing.T) {
	h := newHouse(t)
	body := h.fillScreen()
	plain := h.with(func(o *Options) { o.Plain = true })
	want := plain.post("acme", bytes.NewReader(body), nil)
	before := h.store.Statements()
	got := h.post("acme", bytes.NewReader(body), nil)
	if n := h.store.Statements() - before; n != 6 { // and what the tenant may see; they go out together
		t.Errorf("%d statements", n)
	}
	if got.body != want.body || got.Errors != nil || strings.Count(got.body, "LIDL") < 59 {
		at := 0
		for at < min(len(got.body), len(want.body)) && got.body[at] == want.body[at] {
			at++
		}
		t.Errorf("%d rows; from byte %d: %.300s\nwant %.300s", strings.Count(got.body, "LIDL"), at, got.body[at:], want.body[at:])
	}
	if got := h.do("acme", `{consumer(id:"`+bank.Ref{Kind: bank.KindConsumer, ConsumerID: 1 << 40, ID: 1 << 40}.String()+`"){accounts{nodes{transactions{nodes{id}}}}}}`); got["consumer"] != nil {
		t.Errorf("nobody has %v", got)
	}
}

// BenchmarkScreen is a screen without the network.
func BenchmarkScreen(b *testing.B) {
	h := newHouse(b)
	body := h.fillScreen()
	for _, way := range []string{"planned", "plain"} {
		h := h.with(func(o *Options) { o.Plain = way == "plain" })
		b.Run(way, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", "Bearer "+h.tokens["acme"])
				w := httptest.NewRecorder()
				h.handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
