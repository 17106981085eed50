package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
)

// A refresh with stored consents: the queue is told of its parts once, and what it brought is seen when it is done.
func TestConsentRefresh(t *testing.T) {
	h := newHouse(t)
	h.link()
	start := `mutation{x:startConsentRefresh(input:{consumerId:"` + h.ids["dora"] + `"}){refresh{id state}}}`
	first := h.send("shop", start, nil)
	if len(h.parts) != 1 {
		t.Fatalf("the queue was told of %v; %s", h.parts, first.body)
	}
	if again := h.send("shop", start, nil); again.body != first.body || len(h.parts) != 1 {
		t.Errorf("again: %s, the queue was told of %v", again.body, h.parts)
	}
	h.fetch(bankAccount("giro", "DE89370400440532013000", 3), bankAccount("card", "", 1))
	h.name("shop", start, func(x map[string]any) { h.ids["new"] = x["refresh"].(map[string]any)["id"].(string) })
	old := first.Data.(map[string]any)["x"].(map[string]any)["refresh"].(map[string]any)["id"].(string)
	got := h.do("shop", `{refresh(id:"`+old+`"){state newTransactionCount error{category}} consumer(externalId:"dora"){accounts{totalCount} transactions{totalCount}}}`)
	if want := "map[consumer:map[accounts:map[totalCount:2] transactions:map[totalCount:4]] refresh:map[error:<nil> newTransactionCount:1 state:FINISHED]]"; fmt.Sprint(got) != want || old == h.ids["new"] {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

// What ends here is given back to the banks, once: consents that are revoked, and those of a consumer who is erased.
func TestRevokedConsentsAreToldToTheBanks(t *testing.T) {
	h := newHouse(t)
	h.link()
	for range 2 {
		h.do("dora", `mutation{revokeConsent(input:{}){revokedConsentCount}}`)
	}
	h.do("shop", `mutation{deleteConsumer(input:{consumerId:"`+h.ids["fred"]+`"}){deletedAccountCount}}`)
	ids, err := h.store.WaitingRevocations(t.Context(), 10)
	if err != nil || len(ids) != 2 {
		t.Fatalf("%v, %v", ids, err)
	}
	for _, id := range ids {
		if r, ok, err := h.store.Revocation(t.Context(), id); err != nil || !ok || r.BankCode != "harbour" || string(r.Sealed) != "sealed" {
			t.Errorf("%+v, %v, %v", r, ok, err)
		}
	}
}

// A consent ends by itself.
func TestConsentsExpire(t *testing.T) {
	h := newHouse(t)
	h.link()
	h.now = h.now.AddDate(0, 0, connect.MaxConsentDays)
	shop := bank.ParseRef(h.ids["shop"]).ID
	c, err := h.store.Customer(shop).Consent(t.Context(), bank.ParseRef(h.ids["consent"]))
	if err != nil {
		t.Fatal(err)
	}
	states, err := consent{&Resolver{h.options}}.State(t.Context(), []*connect.Consent{&c})
	if err != nil || !slices.Equal(states, []connect.ConsentState{connect.ConsentIsExpired}) {
		t.Errorf("%v, %v", states, err)
	}
}

// A bank that is not configured any more is shown with what is known of it.
func TestBanksThatAreGone(t *testing.T) {
	h := newHouse(t)
	h.link()
	empty, err := connect.NewDirectory()
	if err != nil {
		t.Fatal(err)
	}
	h = h.with(func(o *Options) { o.Directory = empty })
	got := h.do("shop", `{flow(id:"`+h.ids["of-dora-flow"]+`"){bank{code name countryCode}} node(id:"`+h.ids["consent"]+`"){...on Consent{bank{code name supportsConsents}}} banks{totalCount}}`)
	const want = "map[banks:map[totalCount:0] flow:map[bank:map[code:harbour countryCode: name:harbour]] node:map[bank:map[code:harbour name:Harbour Bank supportsConsents:false]]]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

// An account that was erased is not among those of its flow any more.
func TestErasedAccountsOfFlows(t *testing.T) {
	h := newHouse(t)
	h.link()
	h.do("shop", `mutation{deleteAccount(input:{accountId:"`+h.ids["dora-card"]+`"}){deletedAccountId}}`)
	got := h.do("shop", `{flow(id:"`+h.ids["of-dora-flow"]+`"){accounts{name}}}`)
	if want := "map[flow:map[accounts:[map[name:giro]]]]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// A flow that nobody answers is over, seen before any sweep.
func TestFlowsExpire(t *testing.T) {
	h := newHouse(t)
	h.link()
	h.now = h.now.Add(connect.FlowLife - time.Second)
	flow := `{flow(id:"` + h.ids["flow"] + `"){state error{category}}}`
	if got := h.do("shop", flow); fmt.Sprint(got) != "map[flow:map[error:<nil> state:CONSUMER_INPUT_NEEDED]]" {
		t.Errorf("before: %v", got)
	}
	h.now = h.now.Add(time.Second) // the token that was issued at noon would be over too
	h.issueAgain("shop")
	if got := h.do("shop", flow); fmt.Sprint(got) != "map[flow:map[error:map[category:USER.TIMEOUT] state:EXCEPTION]]" {
		t.Errorf("after: %v", got)
	}
	again := h.send("shop", `mutation{startInsightsRefreshFlow(input:{sessionId:"`+h.ids["busy"]+`"}){flow{state}}}`, nil)
	if again.Errors != nil {
		t.Errorf("another flow in its session: %s", again.body)
	}
}

// issueAgain gives a customer a fresh token.
func (h *house) issueAgain(customer string) {
	h.t.Helper()
	c, _, err := h.store.CustomerOfClient(h.t.Context(), customer)
	if err != nil {
		h.t.Fatal(err)
	}
	h.issue(customer, c, nil)
}

// Ids of another customer are answered byte for byte as ids that were never given out.
func TestForeignIDsOfLinkedThings(t *testing.T) {
	h := newHouse(t)
	h.link()
	h.ids["foreign-consumer"], h.ids["foreign-account"] = h.ids["carl"], h.ids["foreign"]
	fill := func(query, what string) string {
		for _, kind := range []string{"session", "flow", "refresh", "consent", "consumer", "account"} {
			query = strings.ReplaceAll(query, "<"+kind+">", h.ids[what+kind])
		}
		return query
	}
	h.ids["no-consent"] = bank.Ref{Kind: bank.KindConsent, ConsumerID: 999, ID: 999}.String()
	h.ids["shop-refresh"], h.ids["shop-consent"] = h.ids["refresh"], h.ids["consent"]
	h.ids["foreign-refresh"], h.ids["foreign-consent"] = h.ids["refresh"], h.ids["consent"]
	for as, queries := range map[string][]string{
		"shop": {
			`{session(id:"<session>"){id}}`, `{flow(id:"<flow>"){id}}`, `{automaticRefreshes(consumerId:"<consumer>"){interval}}`,
			`{node(id:"<session>"){id}}`, `{node(id:"<flow>"){id}}`,
			`mutation{createSession(input:{consentScope:{insightsRefresh:{accounts:{ids:["<account>"]}}}}){session{id}}}`,
			`mutation{closeSession(input:{sessionId:"<session>"}){session{id}}}`,
			`mutation{startInsightsRefreshFlow(input:{sessionId:"<session>"}){flow{id}}}`,
			`mutation{startInsightsRefreshFlow(input:{sessionId:"` + h.ids["session"] + `",consumerId:"<consumer>"}){flow{id}}}`,
			`mutation{startInsightsRefreshFlow(input:{sessionId:"` + h.ids["session"] + `",accounts:{ids:["<account>"]}}){flow{id}}}`,
			`mutation{abortFlow(input:{flowId:"<flow>"}){flow{id}}}`,
			`mutation{startConsentRefresh(input:{consumerId:"<consumer>"}){refresh{id}}}`,
			`mutation{startConsentRefresh(input:{consumerId:"` + h.ids["dora"] + `",accountIds:["<account>"]}){refresh{id}}}`,
			`mutation{startConsentRefresh(input:{consumerId:"<consumer>",accountIds:["<account>"],refreshDays:0}){refresh{id}}}`,
			`mutation{revokeConsent(input:{consumerId:"<consumer>"}){revokedConsentCount}}`,
			`mutation{scheduleAutomaticRefresh(input:{consumerId:"<consumer>"}){automaticRefreshes{interval}}}`,
			`mutation{scheduleAutomaticRefresh(input:{consumerId:"` + h.ids["dora"] + `",accountIds:["<account>"]}){automaticRefreshes{interval}}}`,
			`mutation{unscheduleAutomaticRefresh(input:{consumerId:"<consumer>"}){unscheduledCount}}`,
			`mutation{unscheduleAutomaticRefresh(input:{consumerId:"` + h.ids["dora"] + `",accountIds:["<account>"]}){unscheduledCount}}`,
		},
		"other": {`{refresh(id:"<refresh>"){id}}`, `{node(id:"<refresh>"){id}}`, `{node(id:"<consent>"){id}}`},
	} {
		for _, query := range queries {
			foreign, random := h.send(as, fill(query, "foreign-"), nil), h.send(as, fill(query, "no-"), nil)
			if foreign.body != random.body || strings.Contains(foreign.body, "INTERNAL") {
				t.Errorf("%s\nforeign %s\nrandom  %s", query, foreign.body, random.body)
			}
		}
	}
	if h.log.Len() > 0 {
		t.Errorf("logged: %s", h.log)
	}
	// Nothing happened to the other customer's.
	got := h.do("other", `{flow(id:"`+h.ids["foreign-flow"]+`"){state} session(id:"`+h.ids["foreign-session"]+`"){closedAt}}`)
	if fmt.Sprint(got) != "map[flow:map[state:CONSUMER_INPUT_NEEDED] session:map[closedAt:<nil>]]" {
		t.Errorf("after: %v", got)
	}
}

// An id that names the right row in the wrong way names nothing.
func TestTwistedIDs(t *testing.T) {
	h := newHouse(t)
	h.link()
	dora := bank.ParseRef(h.ids["dora"]).ID
	for _, name := range []string{"session", "of-dora-flow", "refresh"} {
		ref := bank.ParseRef(h.ids[name])
		ref.ConsumerID = dora
		for _, as := range []string{"shop", "dora"} {
			if got := h.do(as, `{node(id:"`+ref.String()+`"){id}}`); got["node"] != nil {
				t.Errorf("%s as %s: %v", name, as, got)
			}
		}
	}
}

// The pages of the list of banks, in both directions, hold each bank once.
func TestPagesOfBanks(t *testing.T) {
	h := newHouse(t)
	for _, direction := range []struct{ size, cursor, next, end, want string }{
		{"first", "after", "hasNextPage", "endCursor", "alpine north north-2 harbour"},
		{"last", "before", "hasPreviousPage", "startCursor", "harbour north-2 north alpine"},
	} {
		var codes []string
		cursor := ""
		for range 5 {
			got := h.do("acme", fmt.Sprintf(`{banks(%s:1%s){nodes{code} pageInfo{%s %s}}}`, direction.size, cursor, direction.next, direction.end))["banks"].(map[string]any)
			for _, b := range list(got["nodes"]) {
				codes = append(codes, b["code"].(string))
			}
			info := got["pageInfo"].(map[string]any)
			if info[direction.next] != true {
				break
			}
			cursor = fmt.Sprintf(",%s:%q", direction.cursor, info[direction.end])
		}
		if got := strings.Join(codes, " "); got != direction.want {
			t.Errorf("%s: %s, want %s", direction.size, got, direction.want)
		}
	}
}

// A statement answers for all accounts, consents and schedules that an answer holds.
func TestStatementsOfLinkedThings(t *testing.T) {
	h := newHouse(t)
	h.link()
	for i := range 4 {
		h.session("shop", "more", "")
		h.linked("shop", "dora", "more", bankAccount(fmt.Sprintf("pot%d", i), "", 1))
	}
	h.do("shop", `mutation{scheduleAutomaticRefresh(input:{consumerId:"`+h.ids["dora"]+`"}){__typename}}`)
	count := func(query string) (int64, int) {
		before := h.store.Statements()
		r := h.send("shop", query, nil)
		if r.Errors != nil {
			t.Fatalf("%s: %s", query, r.body)
		}
		return h.store.Statements() - before, len(r.body)
	}
	for _, query := range []string{
		`{automaticRefreshes(consumerId:"%s"){account{id consumer{id} transactions{nodes{id account{id}}}}}}`,
		`{consumer(id:"%s"){consents{id bank{code} state}}}`,
	} {
		few, short := count(fmt.Sprintf(query, h.ids["fred"]))
		many, long := count(fmt.Sprintf(query, h.ids["dora"]))
		if many > few || long < 2*short {
			t.Errorf("%s\n%d statements for one, %d for many", query, few, many)
		}
	}
	one, _ := count(`{consumers(first:1){nodes{consents{bank{code} state}}}}`)
	if all, _ := count(`{consumers(first:9){nodes{consents{bank{code} state}}}}`); all > one {
		t.Errorf("consents: %d statements for one consumer, %d for all", one, all)
	}
	query := `{flow(id:"%s"){consumer{id} accounts{id consumer{id} transactions{nodes{id}}}}}`
	few, short := count(fmt.Sprintf(query, h.ids["of-fred-flow"]))
	if many, long := count(fmt.Sprintf(query, h.ids["of-dora-flow"])); many > few || long <= short {
		t.Errorf("accounts of flows: %d statements for one, %d for many", few, many)
	}
}

// A client token is in the answer that makes it and nowhere else, and each is another.
func TestClientTokens(t *testing.T) {
	h := newHouse(t)
	h.link()
	h.session("shop", "second", "")
	var all []string
	for _, session := range []string{"session", "second"} {
		h.name("shop", `mutation{x:startInsightsRefreshFlow(input:{sessionId:"`+h.ids[session]+`"}){clientToken url flow{id}}}`, func(x map[string]any) {
			text := x["clientToken"].(string)
			handle, hash, ok := connect.ReadToken(text)
			if !ok || x["url"] != "https://insights.test/"+text {
				t.Errorf("%v", x)
			}
			frame, err := h.store.FlowByHandle(t.Context(), handle)
			if err != nil || frame.Flow.Ref().String() != x["flow"].(map[string]any)["id"] || string(frame.Flow.TokenHash) != string(hash) {
				t.Errorf("the flow of the token is another, %v", err)
			}
			all = append(all, text)
		})
	}
	if all[0] == all[1] || strings.Contains(h.log.String(), all[0]) {
		t.Error("equal tokens, or one in the log")
	}
}
