package graph

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// Values that no honest client sends are answered with a fault that names them, or with nothing found, and never end as
// an internal error.
func TestStrangeValues(t *testing.T) {
	h := newHouse(t)
	for _, q := range []string{
		`{transactions(filter:{minAmount:99999999999999999999999}){totalCount}}`,
		`{transactions(filter:{minAmount:1e999}){totalCount}}`,
		`{transactions(filter:{minAmount:999999999999999.01}){totalCount}}`,
		`{transactions(filter:{minAmount:[1]}){totalCount}}`,
		`{transactions(filter:{minAmount:{a:1}}){totalCount}}`,
		`{transactions(filter:{from:20210101}){totalCount}}`,
		`{feed(filter:{insightType:99999999999999999999999}){totalCount}}`,
		`{feed(filter:{insightType:{a:"x"}}){totalCount}}`,
		`{feed(filter:{createdFrom:{a:"x"}}){totalCount}}`,
		`query($f:FeedFilter={insightType:"AGGREGATE"}){feed(filter:$f){totalCount}}`,
		`query($x:Decimal){transactions(filter:{minAmount:$x}){totalCount}}`,
		`{node(id:99999999999999999999999){id}}`,
		`{node(id:""){id}}`,
		`{node(id:1){id} x:node(id:null){id}}`,
		`{consumers(first:-1){totalCount}}`,
		`{viewer{role @skip(if:99999999999999999999)}}`,
		`query{viewer{role}} subscription{x}`,
		`{viewer{role}} fragment A on Viewer{...A}`,
		`mutation{deleteTransactions(input:{transactionIds:null}){deletedCount}}`,
		`mutation{createConsumer(input:{timeZone:"../../etc/passwd"}){consumer{id}}}`,
		"{consumer(externalId:\"a\\u0000b\"){id}}",
		"mutation{createConsumer(input:{externalId:\"a\\u0000b\"}){consumer{id}}}",
		"{transactions(filter:{text:\"a\\u0000b\"}){totalCount}}",
		"mutation{revokePublicKey(input:{keyId:\"a\\u0000b\"}){publicKey{keyId}}}",
		"mutation{triggerInsights(input:{idempotencyKey:\"a\\u0000b\",insights:[{insightName:\"SPENDING_AND_EARNING_COMPARISON\"}]}){run{id}}}",
		`mutation{triggerInsights(input:{asOf:"0001-01-01",insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON",overrideDuplicateCheck:true}]}){run{id}}}`,
		`{feed(filter:{createdFrom:"0001-01-01T00:00:00Z",createdTo:"9999-12-31T23:59:59Z"}){totalCount}}`,
		`{transactions(after:"eyJrIjoieCIsImkiOjF9"){totalCount nodes{id}}}`,
		`{consumers(after:"eyJrIjoieCIsImkiOjF9"){totalCount nodes{id}}}`,
		`{feed(after:"eyJrIjoieCIsImkiOjF9"){totalCount nodes{id}}}`,
		`{transactions(after:"bnVsbA"){totalCount nodes{id}}}`,
		`{transactions(filter:{minAmount:1234567890123.25}){totalCount}}`,
		`{feed(before:"eyJrIjoieCIsImkiOjF9"){totalCount nodes{id}}}`,
		`mutation{triggerInsights(input:{asOf:"0001-01-01T00:00:00Z",insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON",overrideDuplicateCheck:true}]}){run{id}}}`,
		"{banks(text:\"a\\u0000b\",countryCode:\"\\u0000\\u0000\"){totalCount}}",
		`{banks(after:"eyJrIjoieCIsImkiOjF9"){totalCount nodes{code}}}`,
		`{session(id:""){id} flow(id:1){id} refresh(id:"x"){id}}`,
		`{automaticRefreshes(consumerId:""){interval}}`,
		"mutation{createSession(input:{psu:{userAgent:\"a\\u0000b\",ipAddress:\"fe80::1%eth0\"},consentScope:{insightsRefresh:{}}}){session{id}}}",
		`mutation{createSession(input:{psu:{userAgent:"a",ipAddress:"::1"},consentScope:{insightsRefresh:{from:"0001-01-01",to:"9999-12-31"}},selectedBank:{bankCode:""}}){session{id}}}`,
		`mutation{createSession(input:{psu:{userAgent:"a",ipAddress:"::1"},consentScope:{lifetimeDays:99999999999999999999,insightsRefresh:{}}}){session{id}}}`,
		`mutation{createSession(input:{psu:{userAgent:"a",ipAddress:"::1"},consentScope:{insightsRefresh:{accounts:{ids:null,ibans:[]}}},language:"",redirectReturnUrl:""}){session{id}}}`,
		"mutation{startInsightsRefreshFlow(input:{sessionId:\"x\",consumerExternalId:\"a\\u0000b\",refreshDays:-1,dataRetentionMinutes:-1}){clientToken}}",
		"mutation{registerConnectOrigin(input:{origin:\"https://a\\u0000b\"}){connectOrigins}}",
		`mutation{removeConnectOrigin(input:{origin:""}){connectOrigins}}`,
		`mutation{scheduleAutomaticRefresh(input:{consumerId:"",accountIds:[""],intervalMinutes:-2147483648}){automaticRefreshes{interval}}}`,
		`mutation{startConsentRefresh(input:{consumerId:"",accountIds:"",from:"0001-01-01",to:"9999-12-31"}){refresh{id}}}`,
		`mutation{updateAccount(input:{accountId:"` + h.ids["giro"] + `",balance:{amount:1,currency:"EUR"},balanceAsOf:"0001-01-01T00:00:00+14:00"}){account{id}}}`,
	} {
		if r := h.send("acme", q, nil); r.status != 200 || strings.Contains(r.codes(), "INTERNAL") {
			t.Errorf("%s\n%d %s", q, r.status, r.body)
		}
	}
	for _, v := range []any{1.5, "1", true, []int{1}, map[string]any{"a": 1}, 1e300, "1e5", "--1", "1.", ".5", "-", "+1", " 1", nil} {
		r := h.send("acme", `query($x:Decimal){transactions(filter:{minAmount:$x}){totalCount}}`, map[string]any{"x": v})
		if c := r.codes(); c != "" && c != "Y800" {
			t.Errorf("%v: %s", v, r.body)
		}
	}
	if h.log.Len() > 0 {
		t.Errorf("logged: %s", h.log)
	}
}

// TestExactLiterals: an amount in a document has all digits that it is written with, as one in a variable has.
func TestExactLiterals(t *testing.T) {
	h := newHouse(t)
	for i, c := range []struct{ amount, want string }{{"99999999999999.99", "99999999999999.99"}, {"999999999999999.01", "999999999999999.01"}, {"12", "12.00"},
		{"1.5e3", "1500.00"}, {"0.10000000000000000001", ""}, {"9999999999999999.01", ""},
	} {
		id := fmt.Sprint("literal", i)
		for _, one := range []struct {
			head, amount string
			variables    map[string]any
		}{{"mutation", c.amount, nil}, {"mutation($a: Decimal!)", "$a", map[string]any{"a": json.Number(c.amount)}}, {"mutation($a: Decimal! = " + c.amount + ")", "$a", nil}} {
			got := h.send("acme", one.head+`{createTransactions(input:{accountId:"`+h.ids["giro"]+`",transactions:[{externalId:"`+id+`",amount:{amount:`+one.amount+`,currency:"EUR"},bookingDate:"2021-10-01"}]}){createdCount}}`, one.variables)
			if (c.want == "") != (got.codes() == "Y800") {
				t.Errorf("%s %s: %s", one.head, c.amount, got.body)
			}
		}
		if c.want != "" {
			got := h.send("acme", `{transactions(filter:{minAmount:`+c.want+`,maxAmount:`+c.want+`}){nodes{externalId amount{amount}}}}`, nil)
			if want := `{"externalId":"` + id + `","amount":{"amount":"` + c.want + `"}}`; !strings.Contains(got.body, want) {
				t.Errorf("%s: %s, want %s", c.amount, got.body, want)
			}
		}
	}
}
