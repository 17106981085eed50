package graph

import (
	"testing"
	"time"
)

// The same key with the same input gives the first answer, also where a moment was left out and time has gone on; with
// another input it is a fault.
func TestIdempotencyKeys(t *testing.T) {
	h := newHouse(t)
	for _, one := range []struct{ query, other string }{
		{`mutation{x:triggerInsights(input:{idempotencyKey:"k",insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON",overrideDuplicateCheck:true}]}){run{id}}}`,
			`mutation{x:triggerInsights(input:{idempotencyKey:"k",insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON"}]}){run{id}}}`},
		{`mutation{x:createAccount(input:{idempotencyKey:"k",container:BANK,name:"A",currency:"EUR"}){account{id}}}`,
			`mutation{x:createAccount(input:{idempotencyKey:"k",container:BANK,name:"B",currency:"EUR"}){account{id}}}`},
		{`mutation{x:createTransactions(input:{idempotencyKey:"k",accountId:"` + h.ids["giro"] + `",transactions:[{amount:{amount:1,currency:"EUR"},bookingDate:"2022-01-01"}]}){createdCount account{transactions{totalCount}}}}`,
			`mutation{x:createTransactions(input:{idempotencyKey:"k",accountId:"` + h.ids["giro"] + `",transactions:[{amount:{amount:2,currency:"EUR"},bookingDate:"2022-01-01"}]}){createdCount}}`},
	} {
		first := h.send("acme", one.query, nil)
		h.now = h.now.Add(time.Minute)
		again := h.send("acme", one.query, nil)
		if first.Errors != nil || again.body != first.body {
			t.Errorf("first %s\nagain %s", first.body, again.body)
		}
		if got := h.send("acme", one.other, nil); got.codes() != "CONFLICT" || got.Errors[0].Extensions.Field != "idempotencyKey" {
			t.Errorf("another input: %s", got.body)
		}
	}
}
