package graph

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// changes are all mutations, each with an input that it takes once, in an order in which all work in one house; swap makes
// another input of it.
var changes = []struct{ name, as, input, swap, answer string }{
	{"createConsumer", "acme", `{externalId:"k",currency:"USD"}`, "USD EUR", "consumer{id externalId timeZone currency createdAt}"},
	{"updateConsumer", "acme", `{consumerId:"<anna>",currency:"USD"}`, "USD CHF", "consumer{id currency}"},
	{"createAccount", "acme", `{consumerId:"<anna>",externalId:"k",container:BANK,name:"K",currency:"EUR",iban:"DE89370400440532013000",balance:{amount:"1.10",currency:"EUR"}}`, `"K" "L"`,
		"account{id name iban balance{current{amount currency} asOf} createdAt consumer{id}}"},
	{"updateAccount", "acme", `{accountId:"<giro>",name:"New"}`, "New Newer", "account{id name}"},
	{"createTransactions", "acme", `{accountId:"<giro>",transactions:[{amount:{amount:"-7.50",currency:"EUR"},bookingDate:"2022-01-20"}]}`, "7.50 8.50", "createdCount account{id name transactions{totalCount}}"},
	{"updateTransaction", "acme", `{transactionId:"<s1>",description:"Wages"}`, "Wages Wage", "transaction{id description amount{amount} category{name}}"},
	{"categorizeTransaction", "anna", `{transactionId:"<g1>",categoryId:"ZwDLAQ",applyTo:SIMILAR}`, "SIMILAR THIS", "transaction{id category{name}} affectedCount"},
	{"separateTransfer", "acme", `{transactionId:"<t1>"}`, "<t1> <t2>", "transactions{id transfer{id}}"},
	{"deleteTransactions", "acme", `{transactionIds:["<p1>"]}`, "<p1> <s2>", "deletedCount"},
	{"updateCustomerSubscriptions", "acme", `{customerSubscription:[{insightName:"SPENDING_AND_EARNING_COMPARISON",insightTitle:"In and out"}]}`, "out off", "customerSubscriptions{insightTitle customerConfiguration{isSubscribed}}"},
	{"updateUserSubscriptions", "anna", `{userSubscription:[{insightName:"SPENDING_AND_EARNING_COMPARISON",userConfiguration:[{entityType:"ACCOUNT",isSubscribed:false}]}]}`, "false true", "userSubscriptions{insightTitle userConfiguration{isSubscribed}}"},
	{"resetUserSubscriptions", "acme", `{consumerId:"<anna>"}`, "<anna> <bert>", "userSubscriptions{insightTitle userConfiguration{isSubscribed}}"},
	{"triggerInsights", "acme", `{consumerId:"<anna>",insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON",overrideDuplicateCheck:true}]}`, "true false", "run{id status asOf requestedAt finishedAt}"},
	{"createSession", "shop", `{psu:{userAgent:"x",ipAddress:"192.0.2.1"},consentScope:{insightsRefresh:{refreshDays:10}}}`, "10 11", "session{id createdAt expiresAt}"},
	{"startInsightsRefreshFlow", "shop", `{sessionId:"<session>"}`, "<session> <scoped>", "flow{id state startedAt} clientToken url"},
	{"abortFlow", "shop", `{flowId:"<flow>"}`, "<flow> <no-flow>", "flow{id state finishedAt}"},
	{"closeSession", "shop", `{sessionId:"<scoped>"}`, "<scoped> <busy>", "session{id closedAt}"},
	{"startConsentRefresh", "shop", `{consumerId:"<dora>"}`, "<dora> <fred>", "refresh{id state startedAt}"},
	{"scheduleAutomaticRefresh", "shop", `{consumerId:"<dora>",intervalMinutes:600}`, "600 700", "automaticRefreshes{account{id} intervalMinutes nextRefreshAt}"},
	{"unscheduleAutomaticRefresh", "shop", `{consumerId:"<fred>"}`, "<fred> <dora>", "unscheduledCount"},
	{"revokeConsent", "shop", `{consumerId:"<dora>"}`, "<dora> <fred>", "consumer{id} revokedConsentCount"},
	{"registerConnectOrigin", "shop", `{origin:"https://k.example"}`, "k. l.", "connectOrigins"},
	{"removeConnectOrigin", "shop", `{origin:"https://shop.example"}`, "shop. k.", "connectOrigins"},
	{"synchronizeAccounts", "acme", `{consumerId:"<anna>"}`, "<anna> <bert>", "dataSources{id status updatedAt}"},
	{"createCase", "acme", `{consumerId:"<anna>",from:"2021-10-01",to:"2021-11-30"}`, "11-30 12-31", "case{id period{from to} createdAt}"},
	{"createReport", "acme", `{caseId:"<case>",type:INCOME}`, "INCOME SPENDING", "report{id status createdAt finishedAt}"},
	{"createReportLink", "acme", `{reportId:"<report>"}`, `"<report>" "<report>",minutes:3`, "url pdfUrl expiresAt"},
	{"importStatement", "acme", "", "", ""},
	{"saveCategoryRule", "acme", `{name:"market",text:"lidl",categoryId:"ZwCuAg",applyToExisting:true}`, "true false", "affectedCount categoryRule{id name createdAt}"},
	{"deleteCategoryRule", "acme", `{categoryRuleId:"<rule>"}`, "<rule> <no-rule>", "deletedCategoryRuleId"},
	{"rotateWebhookSecret", "acme", "", "", "secret previousValidUntil"},
	{"redeliver", "acme", `{deliveryId:"<delivery>"}`, "<delivery> <no-delivery>", "delivery{id status attempts{number}}"},
	{"registerPublicKey", "acme", `{publicKey:"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",keyId:"k1"}`, "k1 k2", "publicKey{keyId algorithm createdAt}"},
	{"revokePublicKey", "acme", `{keyId:"old"}`, "old k1", "publicKey{keyId revokedAt}"},
	{"deleteAccount", "acme", `{accountId:"<savings>"}`, "<savings> <card>", "deletedAccountId deletedTransactionCount"},
	{"deleteConsumer", "acme", `{consumerId:"<bert>"}`, "<bert> <anna>", "deletedConsumerId deletedAccountCount deletedTransactionCount deletedFeedEntryCount"},
}

// changing is a house in which all of changes can be done.
func changing(t *testing.T) *house {
	h := newHouse(t)
	h.link()
	h.report()
	h.name("acme", `{x:deliveries{nodes{id}}}`, func(x map[string]any) { h.ids["delivery"] = list(x["nodes"])[0]["id"].(string) })
	h.name("acme", `mutation{x:saveCategoryRule(input:{name:"old",text:"old",categoryId:"ZwCuAg"}){categoryRule{id}}}`, func(x map[string]any) {
		h.ids["rule"] = x["categoryRule"].(map[string]any)["id"].(string)
	})
	h.ids["no-rule"], h.ids["no-delivery"] = bank.Ref{Kind: bank.KindRule, ID: 999}.String(), bank.Ref{Kind: bank.KindDelivery, ConsumerID: 999, ID: 999}.String()
	h.do("acme", `mutation{registerPublicKey(input:{publicKey:"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",keyId:"old"}){__typename}}`)
	return h
}

// document is a mutation of the list above, with ids for names.
func (h *house) document(name, input, answer string) string {
	if input != "" {
		input = "(input:" + input + ")"
	}
	text := "mutation{x:" + name + input + "{" + answer + "}}"
	for name, id := range h.ids {
		text = strings.ReplaceAll(text, "<"+name+">", id)
	}
	return text
}

// under sends a document under a key.
func (h *house) under(key, as, document string) reply {
	h.t.Helper()
	return h.post(as, strings.NewReader(fmt.Sprintf(`{"query":%q}`, document)), func(r *http.Request) { r.Header.Set(keyHeader, key) })
}

// statementUnder imports a file under a key.
func (h *house) statementUnder(key, content string) reply {
	h.t.Helper()
	f := h.imports(`{"file":null,"consumerId":"`+h.ids["anna"]+`"}`, "sample.csv", strings.NewReader(content))
	f.key = key
	return h.upload(f)
}

// events counts the events of a customer by action.
func (h *house) events(as string) map[string]int {
	h.t.Helper()
	counts, after := map[string]int{}, ""
	for {
		p := h.do(as, `{events(first:100`+after+`){nodes{action} pageInfo{hasNextPage endCursor}}}`)["events"].(map[string]any)
		for _, e := range list(p["nodes"]) {
			counts[e["action"].(string)]++
		}
		info := p["pageInfo"].(map[string]any)
		if info["hasNextPage"] != true {
			return counts
		}
		after = `,after:"` + info["endCursor"].(string) + `"`
	}
}

// TestChanges: each mutation of the schema leaves one event and can be repeated under a key: then it does nothing and answers
// the same, a minute later too. With another input it is refused, and refusals leave no event.
func TestChanges(t *testing.T) {
	h := changing(t)
	listed := map[string]bool{}
	for _, c := range changes {
		listed[c.name] = true
		holder := map[string]string{"anna": "acme"}[c.as]
		if holder == "" {
			holder = c.as
		}
		file := string(sampleFile(t, "sample.csv"))
		send := func(input string) reply {
			if c.name == "importStatement" {
				return h.statementUnder("key", file)
			}
			return h.under("key", c.as, h.document(c.name, input, c.answer))
		}
		before := h.events(holder)[c.name]
		first := send(c.input)
		if first.status != 200 || first.Errors != nil || first.header.Get(replayedHeader) != "" {
			t.Errorf("%s: %d %s", c.name, first.status, first.body)
			continue
		}
		h.now = h.now.Add(time.Minute)
		if again := send(c.input); again.body != first.body || again.header.Get(replayedHeader) != "true" {
			t.Errorf("%s:\nfirst %s\nagain %s", c.name, first.body, again.body)
		}
		if c.name == "importStatement" {
			file += "\n"
		}
		if from, to, ok := strings.Cut(c.swap, " "); ok || c.input == "" && c.name == "importStatement" {
			other := send(strings.Replace(c.input, from, to, 1))
			if other.codes() != "CONFLICT" || other.Errors[0].Extensions.Field != keyHeader {
				t.Errorf("%s with another input: %s", c.name, other.body)
			}
		}
		if n := h.events(holder)[c.name] - before; n != 1 {
			t.Errorf("%s left %d events", c.name, n)
		}
	}
	for _, f := range schema().Mutation.Fields {
		if !listed[f.Name] {
			t.Errorf("%s is not tried", f.Name)
		}
	}
	if h.log.Len() > 0 {
		t.Errorf("logged: %s", h.log)
	}
}

// TestAtOnce: fifty equal calls at once, to two servers on one database, have one effect and one answer.
func TestAtOnce(t *testing.T) {
	h := changing(t)
	second := *h
	second.options.Store = storetest.Open(t, h.url, store.Options{MaxConns: 8, Now: func() time.Time { return h.now }})
	second.options.Tokens = &auth.Tokens{Store: second.options.Store}
	second.handler = NewHandler(second.options)
	for _, c := range changes {
		if c.name == "importStatement" { // four files at once
			continue
		}
		document := h.document(c.name, c.input, c.answer)
		replies := make([]reply, 50)
		var group sync.WaitGroup
		for i := range replies {
			group.Go(func() { replies[i] = []*house{h, &second}[i%2].under("key", c.as, document) })
		}
		group.Wait()
		first := 0
		for _, r := range replies {
			if r.status != 200 || r.Errors != nil || r.body != replies[0].body {
				t.Errorf("%s: %d %s\nfirst %s", c.name, r.status, r.body, replies[0].body)
				break
			}
			if r.header.Get(replayedHeader) == "" {
				first++
			}
		}
		if first != 1 && !t.Failed() {
			t.Errorf("%s had %d effects", c.name, first)
		}
	}
}

// TestKeys: which keys are taken, what they are for and how long.
func TestKeys(t *testing.T) {
	h := newHouse(t)
	const make = `mutation{x:createConsumer(input:{}){consumer{id}}}`
	for key, good := range map[string]bool{"k": true, strings.Repeat("k", 255): true, `"quoted"`: true, "": false, strings.Repeat("k", 256): false, "a b": false, "ä": false, "a\tb": false} {
		got := h.under(key, "acme", make)
		if good != (got.status == 200 && got.Errors == nil) || !good && (got.status != 400 || got.codes() != "Y800" || got.Errors[0].Extensions.Field != keyHeader || strings.Contains(got.body, `"data"`)) {
			t.Errorf("key %q: %d %s", key, got.status, got.body)
		}
	}
	twice := h.post("acme", strings.NewReader(hello), func(r *http.Request) { r.Header[keyHeader] = []string{"a", "b"} })
	if twice.status != 400 {
		t.Errorf("two keys: %d %s", twice.status, twice.body)
	}
	if got := h.under("k", "acme", `{viewer{role}}`); got.status != 200 || got.Errors != nil || got.header.Get(replayedHeader) != "" {
		t.Errorf("a query: %s", got.body)
	}

	// One key is for one field of the answer: two fields of a document are two calls.
	const both = `mutation{a:createConsumer(input:{}){consumer{id}} b:createConsumer(input:{}){consumer{id}}}`
	first := h.under("both", "acme", both)
	data := first.Data.(map[string]any)
	if fmt.Sprint(data["a"]) == fmt.Sprint(data["b"]) || h.under("both", "acme", both).body != first.body {
		t.Errorf("two fields: %s", first.body)
	}
	// One in the input goes before that in the header.
	const named = `mutation{x:createAccount(input:{idempotencyKey:"mine",container:BANK,name:"A",currency:"EUR"}){account{id}}}`
	first = h.under("one", "acme", named)
	if again := h.under("two", "acme", named); again.body != first.body || again.header.Get(replayedHeader) != "true" {
		t.Errorf("first %s\nagain %s", first.body, again.body)
	}
	// What was refused is not kept, and another holder's key is another key.
	if got := h.under("later", "acme", `mutation{x:createConsumer(input:{timeZone:"Nowhere"}){consumer{id}}}`); got.codes() != "Y800" {
		t.Errorf("%s", got.body)
	}
	first = h.under("later", "acme", make)
	if other := h.under("later", "other", make); first.Errors != nil || other.Errors != nil || other.body == first.body {
		t.Errorf("first %s\nother %s", first.body, other.body)
	}
	const trigger = `mutation{x:triggerInsights(input:{insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON",overrideDuplicateCheck:true}]}){run{id}}}`
	anna := h.under("mine", "anna", trigger)
	if bert := h.under("mine", "bert", trigger); anna.Errors != nil || bert.Errors != nil || bert.body == anna.body {
		t.Errorf("anna %s\nbert %s", anna.body, bert.body)
	}
	h.now = h.now.Add(24*time.Hour - time.Second)
	h.issueAgain("acme")
	if again := h.under("later", "acme", make); again.body != first.body {
		t.Errorf("within a day: %s", again.body)
	}
	h.now = h.now.Add(time.Second)
	if again := h.under("later", "acme", make); again.Errors != nil || again.body == first.body {
		t.Errorf("a day later: %s", again.body)
	}
}

// TestKeysOfErased: what was answered about an erased consumer is not kept, and a call that comes late does not make it anew.
func TestKeysOfErased(t *testing.T) {
	h := newHouse(t)
	const create = `mutation{x:createAccount(input:{consumerExternalId:"dora",container:BANK,name:"A",currency:"EUR"}){account{id consumer{id}}}}`
	first := h.under("k", "acme", create)
	id := first.Data.(map[string]any)["x"].(map[string]any)["account"].(map[string]any)["consumer"].(map[string]any)["id"].(string)
	remove := `mutation{x:deleteConsumer(input:{consumerId:"` + id + `"}){deletedAccountCount}}`
	receipt := h.under("k", "acme", remove)
	if got := h.under("k", "acme", create); got.codes() != "CONFLICT" || got.Errors[0].Extensions.Field != keyHeader {
		t.Errorf("%s", got.body)
	}
	if again := h.under("k", "acme", remove); again.body != receipt.body {
		t.Errorf("first %s\nagain %s", receipt.body, again.body)
	}
	if got := h.do("acme", `{consumers{totalCount}}`); fmt.Sprint(got) != "map[consumers:map[totalCount:2]]" {
		t.Errorf("%v", got)
	}
}

// TestSecretsAreNotKept: of an answer with a secret the database holds nothing that can be read.
func TestSecretsAreNotKept(t *testing.T) {
	h := newHouse(t)
	got := h.under("k", "acme", `mutation{x:rotateWebhookSecret{secret}}`)
	secret := got.Data.(map[string]any)["x"].(map[string]any)["secret"].(string)
	if rows := h.stored(t, "idempotency_keys"); !bytes.Contains(rows, []byte("rotateWebhookSecret")) || bytes.Contains(rows, []byte(secret)) {
		t.Errorf("%s", rows)
	}
}
