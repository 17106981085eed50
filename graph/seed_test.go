package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"insightgraph/auth"
)

// Every row of the reference product's two tables of errors, for a customer's and for a user's update of subscriptions,
// can be met through GraphQL and has its code and its sentence.
func TestErrorTables(t *testing.T) {
	h := newHouse(t)
	const insight = "SPENDING_AND_EARNING_COMPARISON"
	// What goes into the one element of customerSubscription or userSubscription; CONFIG stands for customerConfiguration
	// or userConfiguration.
	const named = `"insightName":"` + insight + `"`
	type row struct{ element, code, message string }
	both := []row{
		{`{"insightName":"NO_SUCH","CONFIG":[{"entityType":"ACCOUNT","isSubscribed":true}]}`, "Y800", "Invalid value for insightName"},
		{`{"insightName":17,"CONFIG":[{"entityType":"ACCOUNT","isSubscribed":true}]}`, "Y800", "Invalid value for insightName"},
		{`{` + named + `,"CONFIG":[{"entityType":"ACCOUNT","frequency":"DAILY"}]}`, "Y802", "For insight " + insight + ", modifying frequency is not allowed"},
		{`{` + named + `,"CONFIG":[{"entityType":"ACCOUNT","frequency":["NEVER"]}]}`, "Y802", "For insight " + insight + ", modifying frequency is not allowed"},
		{`{` + named + `,"CONFIG":[{"entityType":"ACCOUNT","duration":"LAST_MONTH"}]}`, "Y802", "For insight " + insight + ", modifying duration is not allowed"},
		{`{` + named + `,"CONFIG":[{"entityType":"ACCOUNT","threshold":[{"name":"x","type":"PERCENT","value":5}]}]}`, "Y802", "For " + insight + " insight passing threshold is not allowed"},
		{`{` + named + `,"applicableEntity":["VIEW"],"CONFIG":[{"entityType":"ACCOUNT","isSubscribed":true}]}`, "Y802", "For insight " + insight + ", modifying applicableEntity is not allowed"},
		{`{` + named + `,"triggerType":"EVENT","CONFIG":[{"entityType":"ACCOUNT","isSubscribed":true}]}`, "Y802", "For insight " + insight + ", modifying triggerType is not allowed"},
		{`{` + named + `,"containers":["BANK"],"CONFIG":[{"entityType":"ACCOUNT","isSubscribed":true}]}`, "Y802", "For insight " + insight + ", modifying container is not allowed"},
		{`{` + named + `,"containers":"STOCK","CONFIG":[{"entityType":"ACCOUNT","isSubscribed":true}]}`, "Y802", "For insight " + insight + ", modifying container is not allowed"},
		{`{` + named + `,"description":"x","CONFIG":[{"entityType":"ACCOUNT","isSubscribed":true}]}`, "Y802", "For insight " + insight + ", modifying description is not allowed"},
		{`{` + named + `,"CONFIG":[{"entityType":"ACCOUNT","isSubscribed":"yes"}]}`, "Y800", "Invalid value for isSubscribed; Supported values are true, false"},
		{`{` + named + `,"CONFIG":[{"entityType":"ACCOUNT","isSubscribed":1}]}`, "Y800", "Invalid value for isSubscribed; Supported values are true, false"},
		{``, "Y825", "Update not allowed without a valid request body"},
		{`{"CONFIG":[{"entityType":"ACCOUNT","isSubscribed":true}]}`, "Y812", "Required field/value - insightName missing in the request"},
		{`{` + named + `,"insightType":"OTHER","CONFIG":[{"entityType":"ACCOUNT","isSubscribed":true}]}`, "Y802", "Modifying InsightType attribute is not allowed"},
		{`{` + named + `,"CONFIG":[{"isSubscribed":true}]}`, "Y813", "entityType should be provided"},
		{`{` + named + `,"CONFIG":[{"entityType":"ACCOUNT"}]}`, "Y803", "At least one additional attribute is required in addition to entityType."},
		{`{` + named + `,"CONFIG":[]}`, "Y800", "Invalid value for CONFIG; CONFIG is either missing, duplicated, or has insufficient/ incorrect attributes"},
		{`{` + named + `,"CONFIG":[{"entityType":"VIEW","isSubscribed":true}]}`, "Y800", "Invalid value for entityType. Supported entityType for " + insight + " insight are - [ACCOUNT]"},
	}
	ofCustomers := []row{
		{`{` + named + `,"insightTitle":"50%"}`, "Y800", `Invalid value for insightTitle; special characters ><\""'%{}|^~[] are not supported.`},
		{`{` + named + `,"insightTitle":"ab"}`, "Y801", "Invalid length for insightTitle; min 3 and max 100 characters including spaces are allowed."},
		{`{` + named + `}`, "Y803", "Invalid request; Either a valid insightTitle or customerConfiguration is required"},
	}
	ofUsers := []row{
		{`{` + named + `,"insightTitle":"Mine","CONFIG":[{"entityType":"ACCOUNT","isSubscribed":true}]}`, "Y802", "Modifying insightTitle using this API is not allowed"},
		{`{` + named + `,"CONFIG":[{"entityType":"ACCOUNT","entityId":"` + h.ids["giro"] + `","isSubscribed":true}]}`, "Y802", "For insight " + insight + ", configurations at an entityId level are not allowed"},
	}
	check := func(as, level string, rows []row) {
		for _, r := range rows {
			fill := strings.NewReplacer("CONFIG", level+"Configuration")
			title := strings.ToUpper(level[:1]) + level[1:]
			body := fmt.Sprintf(`{"query":"mutation($input:Update%sSubscriptionsInput!){update%sSubscriptions(input:$input){__typename}}","variables":{"input":{"%sSubscription":[%s]}}}`,
				title, title, level, fill.Replace(r.element))
			got := h.post(as, strings.NewReader(body), nil)
			if got.codes() != r.code || got.Errors[0].Message != fill.Replace(r.message) || got.status != 200 {
				t.Errorf("%s %s\n%d %s", level, r.element, got.status, got.body)
			}
		}
	}
	check("acme", "customer", append(both, ofCustomers...))
	check("anna", "user", append(both, ofUsers...))

	// The rows about the request itself, and the one about a filter.
	late := &auth.Tokens{Store: h.store, Life: time.Nanosecond}
	viewer, err := late.Viewer(t.Context(), h.tokens["acme"])
	if err != nil {
		t.Fatal(err)
	}
	expired, _, err := late.Issue(t.Context(), viewer.Customer, nil)
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	filter, _ := json.Marshal(map[string]any{"query": `{feed(filter:{insightNames:["` + insight + `"],insightType:"BOTH"}){totalCount}}`})
	for _, r := range []struct {
		as, body       string
		change         func(*http.Request)
		status         int
		code, sentence string
	}{
		{"acme", `[]`, nil, 400, "Y806", "Invalid Input"},
		{"anna", `[]`, nil, 400, "Y806", "Invalid input"},
		{"acme", `{`, nil, 400, "Y800", "Invalid value for input json"},
		{"anna", `{`, nil, 400, "Y800", "Invalid value for input json"},
		{"anna", string(filter), nil, 200, "Y800", "Invalid value for input param in " + insight + " insight"},
		{"", hello, bearer("x"), 401, "Y020", "Invalid token in authorization header"},
		{"", hello, bearer(expired), 401, "Y020", "Token has expired"},
	} {
		got := h.post(r.as, strings.NewReader(r.body), r.change)
		if got.status != r.status || got.codes() != r.code || got.Errors[0].Message != r.sentence {
			t.Errorf("%s: %d %s", r.body, got.status, got.body)
		}
	}
}
