package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/jackc/pgx/v5"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
	"insightgraph/store"
	"insightgraph/store/storetest"
	"insightgraph/tasks"
	"insightgraph/telemetry"
)

// The catalogue is the one insight that the wanted answers show, so a new one changes none of them.
func TestMain(m *testing.M) {
	known, _ := catalogue.ByName("SPENDING_AND_EARNING_COMPARISON")
	catalogue.All = []insight.Definition{known}
	storetest.Main(counted{m})
}

// counted ends with what TestIsolation has counted, where it was run.
type counted struct{ *testing.M }

func (m counted) Run() int {
	code := m.M.Run()
	if isolation != nil {
		fmt.Println(isolation)
	}
	return code
}

var noon = time.Date(2022, 1, 27, 12, 0, 0, 0, time.UTC)

// house is a server with a small data set: the customer Acme with the consumers anna (a bank account, a savings account
// and a card) and bert (one account), and the customer Other, whose consumer is carl. Its clock stands until a test moves it.
type house struct {
	t       testing.TB
	url     string // of its database
	store   *store.Store
	handler http.Handler
	options Options
	log     *bytes.Buffer
	tokens  map[string]string // by holder: acme, anna, bert, other, carl
	now     time.Time
	ids     map[string]string // by the names above, giro, savings, card, shared and foreign for accounts, and the transactions' external ids
	parts   []int64           // of refreshes, that the queue was told of
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := emptyHouse(t, storetest.URL(t))
	h.fill()
	return h
}

func emptyHouse(t testing.TB, url string) *house {
	t.Helper()
	h := &house{t: t, now: noon, log: &bytes.Buffer{}, tokens: map[string]string{}, ids: map[string]string{}}
	h.url = url
	h.store = storetest.Open(t, h.url, store.Options{MaxConns: 8, Now: func() time.Time { return h.now }})
	h.options = Options{Store: h.store, Tokens: &auth.Tokens{Store: h.store}, Queue: worker{h}, Definitions: catalogue.All,
		Directory: banks(t), Linker: linker{}, Log: slog.New(telemetry.InContext(slog.NewTextHandler(h.log, nil))), Keys: keys(t), Viewer: pages{},
		Builder: &tasks.Builder{Store: h.store, Log: slog.New(telemetry.InContext(slog.NewTextHandler(h.log, nil)))}}
	h.handler = NewHandler(h.options)
	return h
}

// with is the same house with another handler.
func (h *house) with(change func(*Options)) *house {
	other := *h
	change(&other.options)
	other.handler = NewHandler(other.options)
	return &other
}

// around is the same house with something done before fields are resolved.
func (h *house) around(f graphql.FieldMiddleware) *house {
	return h.with(func(o *Options) { o.around = f })
}

func (h *house) fill() {
	h.t.Helper()
	for _, customer := range []string{"acme", "other"} {
		c, err := h.store.CreateCustomer(h.t.Context(), bank.Customer{Name: customer, ClientID: customer, TimeZone: "Europe/Berlin", Currency: "EUR"}, []byte("x"))
		if err != nil {
			h.t.Fatal(err)
		}
		h.ids[customer] = c.Ref().String()
		h.issue(customer, c, nil)
		for _, name := range map[string][]string{"acme": {"anna", "bert"}, "other": {"carl"}}[customer] {
			p, err := h.store.Customer(c.ID).CreateConsumer(h.t.Context(), store.NewConsumer{ExternalID: &name})
			if err != nil {
				h.t.Fatal(err)
			}
			h.ids[name] = p.Ref().String()
			h.issue(name, c, &p)
		}
	}
	h.account("acme", "giro", "anna", "BANK", "CHECKING")
	h.account("acme", "savings", "anna", "BANK", "SAVINGS")
	h.account("acme", "card", "anna", "CARD", "CREDIT")
	h.account("acme", "shared", "bert", "BANK", "CHECKING")
	h.account("other", "foreign", "carl", "BANK", "CHECKING")
	h.book("acme", "giro", `{externalId:"s1",amount:{amount:"2500.00",currency:"EUR"},bookingDate:"2021-10-29",description:"Salary October"}
		{externalId:"s2",amount:{amount:"2500.00",currency:"EUR"},bookingDate:"2021-11-29",description:"Salary November"}
		{externalId:"r1",amount:{amount:"-800.00",currency:"EUR"},bookingDate:"2021-11-02",description:"Rent",counterparty:{name:"Landlord"}}
		{externalId:"t1",amount:{amount:"-300.00",currency:"EUR"},bookingDate:"2021-12-01",description:"To savings"}
		{externalId:"p1",amount:{amount:"-12.00",currency:"EUR"},bookingDate:"2022-01-26",description:"Kiosk",status:PENDING}`)
	h.book("acme", "savings", `{externalId:"t2",amount:{amount:"300.00",currency:"EUR"},bookingDate:"2021-12-02",description:"From giro"}`)
	h.book("acme", "card", `{externalId:"g1",amount:{amount:"45.90",currency:"EUR"},baseType:DEBIT,bookingDate:"2021-12-03",description:"LIDL 4711",mcc:"5411"}
		{externalId:"g2",amount:{amount:"20.10",currency:"EUR"},baseType:DEBIT,bookingDate:"2021-12-10",description:"LIDL 4712",mcc:"5411"}`)
	h.book("acme", "shared", `{externalId:"b1",amount:{amount:"10.00",currency:"EUR"},bookingDate:"2021-12-03",description:"Gift"}`)
	h.book("other", "foreign", `{externalId:"c1",amount:{amount:"99.99",currency:"EUR"},bookingDate:"2021-12-03",description:"Secret of carl"}`)
	for _, customer := range []string{"acme", "other"} {
		rows := h.do(customer, `{transactions{nodes{id externalId}}}`)["transactions"].(map[string]any)["nodes"].([]any)
		for _, row := range rows {
			x := row.(map[string]any)
			h.ids[x["externalId"].(string)] = x["id"].(string)
		}
	}
	h.do("acme", `mutation{triggerInsights(input:{insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON"}]}){run{id}}}`)
}

func (h *house) issue(name string, c bank.Customer, p *bank.Consumer) {
	h.t.Helper()
	token, _, err := h.options.Tokens.Issue(h.t.Context(), c, p)
	if err != nil {
		h.t.Fatal(err)
	}
	h.tokens[name] = token
}

// stored is a table as text.
func (h *house) stored(t *testing.T, table string) []byte {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), h.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var text string
	if err := conn.QueryRow(t.Context(), "SELECT string_agg(x::text || encode(coalesce(sealed, ''), 'escape'), '\n') FROM "+table+" x").Scan(&text); err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

func (h *house) account(as, name, owner, container, kind string) {
	data := h.do(as, `mutation{createAccount(input:{consumerId:"`+h.ids[owner]+`",externalId:"`+name+`",container:`+container+`,type:"`+kind+`",name:"`+name+`",providerName:"Bank",currency:"EUR"}){account{id}}}`)
	h.ids[name] = data["createAccount"].(map[string]any)["account"].(map[string]any)["id"].(string)
}

func (h *house) book(as, account, rows string) {
	h.do(as, `mutation{createTransactions(input:{accountId:"`+h.ids[account]+`",transactions:[`+rows+`]}){createdCount}}`)
}

// do sends a document that must succeed, and gives its data.
func (h *house) do(as, query string) map[string]any {
	h.t.Helper()
	r := h.send(as, query, nil)
	if r.status != 200 || r.Errors != nil {
		h.t.Fatalf("%s\n%d %s", query, r.status, r.body)
	}
	return r.Data.(map[string]any)
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
	Data   any
	Errors []struct {
		Message    string
		Path       []any
		Locations  []any
		Extensions struct{ Code, Field, RequestID string }
	}
}

// codes are the codes of the errors, in order.
func (r reply) codes() string {
	var all []string
	for _, e := range r.Errors {
		all = append(all, e.Extensions.Code)
	}
	return strings.Join(all, " ")
}

func (h *house) send(as, query string, variables map[string]any) reply {
	h.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.post(as, bytes.NewReader(body), nil)
}

// post sends a body as it is.
func (h *house) post(as string, body io.Reader, change func(*http.Request)) reply {
	h.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/graphql", body).WithContext(h.t.Context())
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Request-Id", "test")
	if as != "" {
		r.Header.Set("Authorization", "Bearer "+h.tokens[as])
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	got := reply{status: w.Code, header: w.Header(), body: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		h.t.Fatalf("answer %q: %v", w.Body, err)
	}
	return got
}

// worker evaluates what it is woken for at once, in place of the queue and its workers.
type worker struct{ h *house }

func (w worker) WakeReports(context.Context, []int64)    {}
func (w worker) WakeDeliveries(context.Context, []int64) {}
func (w worker) Deliver(context.Context)                 {}

func (w worker) Wake(ctx context.Context, shards []int64) {
	for _, id := range shards {
		shard, ok, err := w.h.store.Claim(ctx, id)
		if err != nil || !ok {
			w.h.t.Fatalf("claim shard %d: %v, %v", id, ok, err)
		}
		facts, err := w.h.store.Load(ctx, shard, func(store.Facts) bank.Period {
			return insight.Window(insight.LastThreeMonths, shard.Run.AsOf, time.UTC)
		})
		if err != nil {
			w.h.t.Fatal(err)
		}
		var results []store.Result
		for _, x := range facts.Subjects {
			for _, request := range shard.Run.Requests {
				results = append(results, evaluate(shard.Run, request, facts, x))
			}
		}
		if _, err := storetest.Finish(ctx, w.h.store, shard, results); err != nil {
			w.h.t.Fatal(err)
		}
	}
}

func evaluate(run insight.Run, request insight.TriggerRequest, facts store.Facts, x *store.Subject) store.Result {
	d, _ := catalogue.ByName(request.Insight)
	f := insight.Facts{Consumer: x.Consumer, AsOf: run.AsOf, Window: insight.Window(d.Duration, run.AsOf, time.UTC),
		Settings: insight.Effective(d, facts.Customer[d.Name], x.User[d.Name], insight.EntityAccount, nil), Accounts: x.Accounts, Totals: x.Totals}
	entries, outcome, reason := insight.Evaluate(d, f, d.Title)
	for i := range entries {
		if request.Override {
			entries[i].Revision = run.ID
		}
	}
	r := store.Result{Entries: entries, Evaluation: insight.Evaluation{CustomerID: run.CustomerID, ConsumerID: x.Consumer.ID, RunID: run.ID,
		Insight: d.Name, Outcome: outcome, DataAt: x.Consumer.ChangedAt}}
	if reason != "" {
		r.Evaluation.Reason = &reason
	}
	return r
}

// pages are links to reports.
type pages struct{}

func (pages) Link(_ int64, ref bank.Ref, until time.Time) (page, pdf string) {
	return "https://server.example/reports/" + ref.String(), "https://server.example/reports/" + ref.String() + ".pdf?" + until.Format(time.TimeOnly)
}

func keys(t testing.TB) connect.Keys {
	t.Helper()
	k, err := connect.ParseKeys(connect.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// report synchronises anna's accounts and makes her Shopping Report; it names source, case and report.
func (h *house) report() {
	h.t.Helper()
	first := func(data map[string]any, path ...string) map[string]any {
		for _, name := range path {
			if list, ok := data[name].([]any); ok {
				data = list[0].(map[string]any)
			} else {
				data = data[name].(map[string]any)
			}
		}
		return data
	}
	data := h.do("acme", `mutation{synchronizeAccounts(input:{consumerId:"`+h.ids["anna"]+`"}){dataSources{id}}}`)
	h.ids["source"] = first(data, "synchronizeAccounts", "dataSources")["id"].(string)
	data = h.do("acme", `mutation{createCase(input:{consumerId:"`+h.ids["anna"]+`",from:"2021-10-01",to:"2021-12-31"}){case{id}}}`)
	h.ids["case"] = first(data, "createCase", "case")["id"].(string)
	data = h.do("acme", `mutation{createReport(input:{caseId:"`+h.ids["case"]+`",type:SHOPPING,shoppingLimits:[{group:GROCERIES,monthlyAmount:{amount:50,currency:"EUR"}}],
		callbackUrl:"https://shop.example/hook",callbackHandle:"h"}){report{id status}}}`)
	h.ids["report"] = first(data, "createReport", "report")["id"].(string)
}
