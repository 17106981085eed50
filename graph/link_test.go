package graph

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/store"
)

// teller has banks that nobody asks here: what is between a consumer and a bank is not GraphQL's matter.
type teller struct{ connect.Connector }

var harbour = connect.Bank{Code: "harbour", Name: "Harbour Bank", Country: "DE", Consents: true}

func (teller) Name() string { return "teller" }
func (teller) Banks() []connect.Bank {
	return []connect.Bank{harbour, {Code: "alpine", Name: "Alpine Bank", Country: "AT", Consents: true},
		{Code: "north", Name: "Bank of the North", Country: "DE"}, {Code: "north-2", Name: "Bank of the North", Country: "DK", Consents: true}}
}

func banks(t testing.TB) *connect.Directory {
	d, err := connect.NewDirectory(teller{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// linker stands for the connect app.
type linker struct{}

func (linker) PageURL(token string) string { return "https://insights.test/" + token }

func (w worker) WakeParts(_ context.Context, ids []int64) { w.h.parts = append(w.h.parts, ids...) }

// link adds the customer Shop to a house. Its consumer dora has linked a bank account and a card and stored the consent,
// fred a bank account that is refreshed every day and was refreshed once; emil has an account that is not linked. There
// are the sessions session (open), scoped (open, for one account and 30 days), busy (with the open flow flow) and closed.
// Other has a session and a flow too, foreign-session and foreign-flow.
func (h *house) link() {
	h.t.Helper()
	shop, err := h.store.CreateCustomer(h.t.Context(), bank.Customer{Name: "shop", ClientID: "shop", TimeZone: "Europe/Berlin", Currency: "EUR"}, []byte("x"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.ids["shop"] = shop.Ref().String()
	h.issue("shop", shop, nil)
	tenant := h.store.Customer(shop.ID)
	for _, name := range []string{"dora", "emil", "fred"} {
		p, err := tenant.CreateConsumer(h.t.Context(), store.NewConsumer{ExternalID: &name})
		if err != nil {
			h.t.Fatal(err)
		}
		h.ids[name] = p.Ref().String()
		h.issue(name, shop, &p)
	}
	h.account("shop", "cash", "emil", "BANK", "CHECKING")

	h.session("shop", "of-dora", "")
	h.linked("shop", "dora", "of-dora", bankAccount("giro", "DE89370400440532013000", 2), bankAccount("card", "", 1))
	h.name("shop", `{x:consumer(externalId:"dora"){consents{id} accounts{nodes{id name}}}}`, func(x map[string]any) {
		h.ids["consent"] = list(x["consents"])[0]["id"].(string)
		for _, a := range list(x["accounts"].(map[string]any)["nodes"]) {
			h.ids["dora-"+a["name"].(string)] = a["id"].(string)
		}
	})
	h.session("shop", "of-fred", "")
	h.linked("shop", "fred", "of-fred", bankAccount("giro", "", 1))
	h.name("shop", `{x:consumer(externalId:"fred"){consents{id} accounts{nodes{id}}}}`, func(x map[string]any) {
		h.ids["fred-consent"] = list(x["consents"])[0]["id"].(string)
		h.ids["fred-giro"] = list(x["accounts"].(map[string]any)["nodes"])[0]["id"].(string)
	})
	h.do("shop", `mutation{scheduleAutomaticRefresh(input:{consumerId:"`+h.ids["fred"]+`"}){__typename}}`)
	h.name("shop", `mutation{x:startConsentRefresh(input:{consumerId:"`+h.ids["fred"]+`"}){refresh{id}}}`, func(x map[string]any) {
		h.ids["refresh"] = x["refresh"].(map[string]any)["id"].(string)
	})
	h.fetch(bankAccount("giro", "", 3))

	h.session("shop", "session", "")
	h.session("shop", "scoped", `refreshDays:30,accounts:{ids:["`+h.ids["dora-giro"]+`"],ibans:["DE89370400440532013000"]}`)
	h.session("shop", "busy", "")
	h.start("shop", "flow", "busy", "")
	h.session("shop", "closed", "")
	h.do("shop", `mutation{closeSession(input:{sessionId:"`+h.ids["closed"]+`"}){__typename}}`)
	h.session("other", "foreign-session", "")
	h.start("other", "foreign-flow", "foreign-session", "")
	for name, ref := range map[string]bank.Ref{"no-session": {Kind: bank.KindSession, ID: 999}, "no-flow": {Kind: bank.KindFlow, ID: 999}, "no-refresh": {Kind: bank.KindRefresh, ID: 999},
		"no-consumer": {Kind: bank.KindConsumer, ConsumerID: 999, ID: 999}, "no-account": {Kind: bank.KindAccount, ConsumerID: 999, ID: 999}} {
		h.ids[name] = ref.String()
	}
	h.do("shop", `mutation{registerConnectOrigin(input:{origin:"https://shop.example"}){__typename}}`)
}

// list is a list of objects.
func list(v any) []map[string]any {
	return each(v.([]any), func(x any) map[string]any { return x.(map[string]any) })
}

// name sends a document and lets names be taken from its field x.
func (h *house) name(as, query string, take func(x map[string]any)) {
	h.t.Helper()
	take(h.do(as, query)["x"].(map[string]any))
}

// session makes a session. scope is what stands in insightsRefresh.
func (h *house) session(as, name, scope string) {
	h.t.Helper()
	h.name(as, `mutation{x:createSession(input:{psu:{userAgent:"Browser",ipAddress:"192.0.2.1"},consentScope:{insightsRefresh:{`+scope+`}}}){session{id}}}`,
		func(x map[string]any) { h.ids[name] = x["session"].(map[string]any)["id"].(string) })
}

// start starts a flow. more stands in its input.
func (h *house) start(as, name, session, more string) {
	h.t.Helper()
	h.name(as, `mutation{x:startInsightsRefreshFlow(input:{sessionId:"`+h.ids[session]+`"`+more+`}){flow{id}}}`,
		func(x map[string]any) { h.ids[name] = x["flow"].(map[string]any)["id"].(string) })
}

// linked takes a consumer through a flow with a stored consent, as the connect app and a worker do. The flow is named
// after its session, with -flow.
func (h *house) linked(customer, consumer, session string, accounts ...connect.Account) {
	h.t.Helper()
	h.start(customer, session+"-flow", session, `,consumerId:"`+h.ids[consumer]+`",storeConsent:REQUIRED`)
	tenant, ref := h.store.Customer(bank.ParseRef(h.ids[customer]).ID), bank.ParseRef(h.ids[session+"-flow"])
	_, err := tenant.MoveFlow(h.t.Context(), ref, func(f *connect.Flow) error {
		if err := f.Choose(harbour, true, h.now, h.now.Add(time.Minute)); err != nil {
			return err
		}
		f.Gets(connect.Access{Stored: true}, h.now)
		f.Offers([]byte("sealed"))
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	_, parts, err := tenant.CollectFlow(h.t.Context(), ref, each(accounts, func(a connect.Account) string { return a.ID }), func(f *connect.Flow) error {
		f.Collects([]byte("sealed"))
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.parts = append(h.parts, parts...)
	h.fetch(accounts...)
}

// fetch does all parts that wait, as workers do.
func (h *house) fetch(accounts ...connect.Account) {
	h.t.Helper()
	if len(h.parts) == 0 {
		h.t.Fatal("no part waits")
	}
	for _, id := range h.parts {
		p, ok, err := h.store.ClaimPart(h.t.Context(), id)
		if err != nil || !ok {
			h.t.Fatalf("claim part %d: %v, %v", id, ok, err)
		}
		if err := h.store.FinishPart(h.t.Context(), p, store.Fetched{Accounts: accounts, BankName: harbour.Name, Sealed: []byte("sealed")}); err != nil {
			h.t.Fatal(err)
		}
	}
	h.parts = nil
}

// bankAccount is an account as a bank tells it, with so many transactions.
func bankAccount(name, iban string, n int) connect.Account {
	a := connect.Account{ID: "at-bank-" + name, IBAN: iban, Container: bank.ContainerBank, Type: "CHECKING", Name: name, Currency: "EUR"}
	if name == "card" {
		a.Container, a.Type = bank.ContainerCard, "CREDIT"
	}
	for i := range n {
		id := fmt.Sprintf("%s-%d", name, i)
		a.Transactions = append(a.Transactions, bank.Transaction{ExternalID: &id, BaseType: bank.Debit, Amount: decimal.MustNew(int64(100*i+995), 2), Currency: "EUR",
			BookingDate: bank.DateOf(noon, time.UTC) - bank.Date(i), Status: bank.Posted, Description: "Shop " + name})
	}
	return a
}
