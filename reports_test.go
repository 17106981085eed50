package main

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/govalues/decimal"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"insightgraph/bank"
	"insightgraph/demo"
	"insightgraph/web/webtest"
)

// The two use cases of the Shopping Report, each from the start of the program to the numbers, which are added up here
// from the persona's own data.

// hook is a caller's server that callbacks come to.
type hook struct {
	url  string
	came chan callbackSeen
}

type callbackSeen struct {
	Header http.Header
	Body   []byte
	Event  string
	Handle string `json:"callbackHandle"`

	ConsumerID, ReportID, Status string
	DataSources                  []struct{ ID, Status string }
}

func newHook(t *testing.T) hook {
	h := hook{came: make(chan callbackSeen, 10)}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen := callbackSeen{Header: r.Header, Body: body}
		_ = json.Unmarshal(body, &seen)
		h.came <- seen
	}))
	t.Cleanup(server.Close)
	h.url = server.URL + "/hook?of=ours"
	return h
}

// next waits for a callback and checks its signature with the secret that the customer reads by command.
func (h hook) next(s shop) callbackSeen {
	s.t.Helper()
	select {
	case seen := <-h.came:
		secret := strings.TrimSpace(command(s.t, s.env, "customer", "webhook-secret", "--customer", s.login.ClientID))
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := w.Verify(seen.Body, seen.Header); err != nil {
			s.t.Errorf("the callback's signature: %v", err)
		}
		return seen
	case <-time.After(time.Minute):
		s.t.Fatal("no callback comes")
	}
	panic("unreachable")
}

// synchronised links a bank in the browser, synchronises, and waits for the callback.
func synchronised(t *testing.T, s shop, h hook, person string) (consumer string, sources []string) {
	t.Helper()
	f := s.start(object{"storeConsent": "OPTIONAL"})
	newPerson(t).link(f.URL, "sandbox-de", person)
	done := s.ended(f.ID)
	if done.State != "FINISHED" || done.Consumer == nil {
		t.Fatalf("the flow: %+v", done)
	}
	consumer = done.Consumer.ID
	var made struct {
		SynchronizeAccounts struct {
			DataSources []struct{ ID, Status string }
		}
	}
	s.do(&made, `mutation($input: SynchronizeAccountsInput!) { synchronizeAccounts(input: $input) { dataSources { id status } } }`, object{"input": object{
		"consumerId": consumer, "callbackUrl": h.url, "callbackHandle": "synchronised-" + person}})
	seen := h.next(s)
	if seen.Event != "DATA_SOURCES_SYNCHRONIZED" || seen.Handle != "synchronised-"+person || seen.ConsumerID != consumer || len(seen.DataSources) == 0 {
		t.Fatalf("the callback: %s", seen.Body)
	}
	for _, d := range seen.DataSources {
		if d.Status != "SUCCESSFUL" {
			t.Errorf("a data source is %s", d.Status)
		}
		sources = append(sources, d.ID)
	}
	return consumer, sources
}

type money struct {
	Amount   decimal.Decimal
	Currency string
}

type shopping struct {
	ID, Status string
	Period     bank.Period
	Coverage   struct {
		Complete            bool
		MonthsWithData      int
		FirstDate, LastDate string
	}
	Total            money
	Income           money
	TransactionCount int
	Groups           []struct {
		Kind             string
		Total            money
		Share            *decimal.Decimal
		TransactionCount int
		Monthly          []struct {
			Month            bank.Date
			Total            money
			TransactionCount int
		}
		Stores []struct {
			Rank             int
			Name, Party      string
			Merchant         *struct{ ID, Name string }
			Total            money
			Share            *decimal.Decimal
			TransactionCount int
		}
		Categories []struct {
			Category         struct{ ID, Name string }
			Total            money
			TransactionCount int
		}
	}
	Findings []struct {
		Kind, Group, Store, Message string
		Amount, Baseline            money
		ChangePercent               *decimal.Decimal
		PercentOfIncome             *decimal.Decimal
		Month                       *bank.Date
	}
	Transactions struct {
		TotalCount int
		Nodes      []struct{ ID string }
	}
}

const shoppingQuery = `query($id: ID!) { report(id: $id) { ... on ShoppingReport { id status period { from to } coverage { complete monthsWithData firstDate lastDate }
	total { amount currency } income { amount currency } transactionCount
	groups { kind total { amount currency } share transactionCount monthly { month total { amount currency } transactionCount }
		stores { rank name party merchant { id name } total { amount currency } share transactionCount } categories { category { id name } total { amount currency } transactionCount } }
	findings { kind group store month message amount { amount currency } baseline { amount currency } changePercent percentOfIncome }
	transactions(first: 100) { totalCount nodes { id } } } } }`

// report asks for a Shopping Report and waits for the callback that tells of its end.
func (s shop) shopping(h hook, input object) (r shopping) {
	s.t.Helper()
	in := object{"type": "SHOPPING", "callbackUrl": h.url, "callbackHandle": "report"}
	for k, v := range input {
		in[k] = v
	}
	var made struct {
		CreateReport struct {
			Report struct{ ID, Type, Status string }
		}
	}
	s.do(&made, `mutation($input: CreateReportInput!) { createReport(input: $input) { report { id type status } } }`, object{"input": in})
	if seen := h.next(s); seen.Event != "REPORT_FINISHED" || seen.ReportID != made.CreateReport.Report.ID || seen.Status != "SUCCEEDED" || seen.Handle != "report" {
		s.t.Fatalf("the callback: %s", seen.Body)
	}
	var found struct{ Report shopping }
	s.do(&found, shoppingQuery, object{"id": made.CreateReport.Report.ID})
	return found.Report
}

// expected adds up a persona's own data: purchases less refunds at shops, by name, in a period.
type expected struct {
	total  decimal.Decimal
	count  int
	months map[bank.Date]decimal.Decimal
}

func bought(t *testing.T, person string, names []string, days bank.Period) (all expected, each map[string]expected) {
	t.Helper()
	all, each = expected{months: map[bank.Date]decimal.Decimal{}}, map[string]expected{}
	today := bank.DateOf(time.Now(), time.UTC)
	for _, p := range demo.Story(today) {
		if p.ExternalID != person {
			continue
		}
		for _, a := range p.Accounts {
			for _, x := range a.Transactions {
				if x.Status != bank.Posted || !days.Contains(x.BookingDate) || x.CounterpartyName == nil {
					continue
				}
				for _, name := range names {
					if *x.CounterpartyName != name {
						continue
					}
					amount := x.Amount
					if x.BaseType == bank.Credit {
						amount = amount.Neg()
					}
					shop := cmp.Or(called[name], name)
					one := each[shop]
					one.count++
					one.total = plus(t, one.total, amount)
					each[shop] = one
					all.count++
					all.total = plus(t, all.total, amount)
					all.months[x.BookingDate.Month()] = plus(t, all.months[x.BookingDate.Month()], amount)
				}
			}
		}
	}
	return all, each
}

func plus(t *testing.T, a, b decimal.Decimal) decimal.Decimal {
	t.Helper()
	sum, err := a.Add(b)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// annasShops are where anna buys goods, by group.
var annasShops = map[string][]string{
	"GROCERIES": {"REWE", "EDEKA", "Lidl", "Bäckerei Steinecke"},
	"FASHION":   {"Zalando", "H&M", "C&A"},
	"OTHER":     {"dm-drogerie markt", "Rossmann", "Amazon", "Otto"},
}

// called is how the report names shops that banks write in another way.
var called = map[string]string{"Bäckerei Steinecke": "Steinecke", "REWE": "Rewe", "EDEKA": "Edeka", "dm-drogerie markt": "dm"}

// TestCustomizedAdvertising is UC-01: a retailer asks what its customer's shopping habits are.
func TestCustomizedAdvertising(t *testing.T) {
	t.Parallel()
	s, h := openShop(t), newHook(t)
	consumer, sources := synchronised(t, s, h, "anna")
	r := s.shopping(h, object{"consumerId": consumer, "dataSourceIds": sources})
	today := bank.DateOf(time.Now(), time.UTC)
	want := bank.Period{From: today.AddMonths(-12).Month(), To: today.Month() - 1}
	if r.Status != "SUCCEEDED" || r.Period != want || !r.Coverage.Complete || r.Coverage.MonthsWithData != 12 || len(r.Groups) != 3 {
		t.Fatalf("the report: %+v, want the period %s to %s", r, want.From, want.To)
	}
	sum, n := decimal.Decimal{}, 0
	for _, g := range r.Groups {
		all, each := bought(t, "anna", annasShops[g.Kind], want)
		sum, n = plus(t, sum, all.total), n+all.count
		if g.Total.Amount.Cmp(all.total) != 0 || g.Total.Currency != "EUR" || g.TransactionCount != all.count {
			t.Errorf("%s: %s in %d transactions, want %s in %d; stores %+v", g.Kind, g.Total.Amount, g.TransactionCount, all.total, all.count, g.Stores)
		}
		for i, m := range g.Monthly {
			if m.Month != want.From.AddMonths(i) || m.Total.Amount.Cmp(all.months[m.Month]) != 0 {
				t.Errorf("%s in %s: %s, want %s", g.Kind, m.Month, m.Total.Amount, all.months[m.Month])
			}
		}
		if len(g.Monthly) != 12 || len(g.Stores) != len(each) {
			t.Errorf("%s: %d months, %d stores of %d: %+v", g.Kind, len(g.Monthly), len(g.Stores), len(each), g.Stores)
		}
		for i, store := range g.Stores {
			e, ok := each[store.Name]
			if !ok || store.Rank != i+1 || store.Total.Amount.Cmp(e.total) != 0 || store.TransactionCount != e.count || store.Merchant == nil {
				t.Errorf("%s: store %+v, want %s in %d", g.Kind, store, e.total, e.count)
			}
		}
	}
	if r.Total.Amount.Cmp(sum) != 0 || r.TransactionCount != n || r.Transactions.TotalCount != n {
		t.Errorf("in all %s in %d transactions (%d now), want %s in %d", r.Total.Amount, r.TransactionCount, r.Transactions.TotalCount, sum, n)
	}
	// The same again: the report that the case has.
	var again struct {
		Reports struct {
			TotalCount int
			Nodes      []struct {
				ID   string
				Case struct{ ID string }
			}
		}
	}
	s.do(&again, `{ reports { totalCount nodes { id case { id } } } }`, nil)
	if again.Reports.TotalCount != 1 {
		t.Errorf("%d reports", again.Reports.TotalCount)
	}
	var same struct {
		CreateReport struct{ Report struct{ ID, Status string } }
	}
	s.do(&same, `mutation($input: CreateReportInput!) { createReport(input: $input) { report { id status } } }`, object{"input": object{"type": "SHOPPING", "caseId": again.Reports.Nodes[0].Case.ID}})
	if same.CreateReport.Report.ID != r.ID || same.CreateReport.Report.Status != "SUCCEEDED" {
		t.Errorf("the same report again: %+v", same)
	}
	looked(t, s, r)
}

// looked opens the report's page in a browser, and its PDF.
func looked(t *testing.T, s shop, r shopping) {
	t.Helper()
	var link struct {
		CreateReportLink struct{ URL, PDFURL, ExpiresAt string }
	}
	s.do(&link, `mutation($input: CreateReportLinkInput!) { createReportLink(input: $input) { url pdfUrl expiresAt } }`, object{"input": object{"reportId": r.ID}})
	page := newPerson(t)
	page.do(chromedp.Navigate(link.CreateReportLink.URL))
	var said string
	page.do(chromedp.Text("body", &said))
	for _, want := range []string{r.Groups[0].Stores[0].Name, "Groceries", "Fashion"} {
		if !strings.Contains(said, want) {
			t.Errorf("the page does not say %s:\n%s", want, said)
		}
	}
	webtest.Clean(t, page.ctx)
	for url, want := range map[string]struct {
		status int
		media  string
	}{
		link.CreateReportLink.PDFURL:                             {http.StatusOK, "application/pdf"},
		strings.Split(link.CreateReportLink.URL, "?")[0]:         {http.StatusNotFound, "text/html; charset=utf-8"},
		link.CreateReportLink.URL + "A":                          {http.StatusNotFound, "text/html; charset=utf-8"},
		strings.Replace(link.CreateReportLink.URL, r.ID, "x", 1): {http.StatusNotFound, "text/html; charset=utf-8"},
	} {
		answer, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want.status || answer.Header.Get("Content-Type") != want.media {
			t.Errorf("%s: %s %s", url, answer.Status, answer.Header.Get("Content-Type"))
		}
	}
}

// TestSpendingAdvice is UC-02: a debt counsellor looks for where too much is spent.
func TestSpendingAdvice(t *testing.T) {
	t.Parallel()
	s, h := openShop(t), newHook(t)
	consumer, sources := synchronised(t, s, h, "anna")
	var made struct {
		CreateCase struct {
			Case struct {
				ID       string
				Consumer struct{ ID string }
				Accounts []struct{ ID string }
				Period   bank.Period
			}
		}
	}
	today := bank.DateOf(time.Now(), time.UTC)
	days := bank.Period{From: today.AddMonths(-6).Month(), To: today.Month() - 1}
	s.do(&made, `mutation($input: CreateCaseInput!) { createCase(input: $input) { case { id consumer { id } dataSources { id } accounts { id } period { from to } } } }`,
		object{"input": object{"consumerId": consumer, "dataSourceIds": sources, "from": days.From, "to": days.To}})
	c := made.CreateCase.Case
	if c.Consumer.ID != consumer || len(c.Accounts) != 3 || c.Period != days {
		t.Fatalf("the case: %+v", c)
	}
	limit := decimal.MustParse("250.00")
	r := s.shopping(h, object{"caseId": c.ID, "shoppingLimits": []object{{"group": "GROCERIES", "monthlyAmount": object{"amount": "250.00", "currency": "EUR"}}}})
	groceries, _ := bought(t, "anna", annasShops["GROCERIES"], days)
	over := map[bank.Date]bool{}
	for m, total := range groceries.months {
		over[m] = total.Cmp(limit) > 0
	}
	found, shares := 0, 0
	for _, f := range r.Findings {
		switch f.Kind {
		case "MONTHLY_LIMIT":
			found++
			total := groceries.months[*f.Month]
			if !over[*f.Month] || f.Group != "GROCERIES" || f.Amount.Amount.Cmp(total) != 0 || f.Baseline.Amount.Cmp(limit) != 0 || !strings.Contains(f.Message, total.String()) {
				t.Errorf("finding %+v, want %s", f, total)
			}
		case "INCOME_SHARE":
			if f.Group == "GROCERIES" {
				shares++
				share, err := groceries.total.Mul(decimal.MustParse("100"))
				if err != nil {
					t.Fatal(err)
				}
				if share, err = share.Quo(r.Income.Amount); err != nil {
					t.Fatal(err)
				}
				if f.Amount.Amount.Cmp(groceries.total) != 0 || f.PercentOfIncome == nil || f.PercentOfIncome.Cmp(share.Round(2)) != 0 || f.Baseline.Amount.Cmp(r.Income.Amount) != 0 {
					t.Errorf("finding %+v, want %s %% of %s", f, share.Round(2), r.Income.Amount)
				}
			}
		}
	}
	many := 0
	for _, is := range over {
		if is {
			many++
		}
	}
	if found != many || many == 0 || shares != 1 {
		t.Errorf("%d months over the limit, want %d; %d shares of the income", found, many, shares)
	}
	// A month's purchases, in the report's own list.
	month := r.Findings[0].Month
	for _, f := range r.Findings {
		if f.Kind == "MONTHLY_LIMIT" {
			month = f.Month
		}
	}
	if month != nil {
		var listed struct {
			Report struct {
				Transactions struct {
					TotalCount int
					Nodes      []struct {
						BaseType string
						Amount   money
					}
				}
			}
		}
		ids := []string{}
		for _, c := range r.Groups[0].Categories {
			ids = append(ids, c.Category.ID)
		}
		s.do(&listed, `query($id: ID!, $filter: TransactionFilter) { report(id: $id) { transactions(filter: $filter, first: 100) { totalCount nodes { baseType amount { amount currency } } } } }`,
			object{"id": r.ID, "filter": object{"from": month, "to": month.AddMonths(1) - 1, "categoryIds": ids}})
		sum := decimal.Decimal{}
		for _, x := range listed.Report.Transactions.Nodes {
			if x.BaseType == "CREDIT" {
				x.Amount.Amount = x.Amount.Amount.Neg()
			}
			sum = plus(t, sum, x.Amount.Amount)
		}
		if sum.Cmp(groceries.months[*month]) != 0 {
			t.Errorf("the listed purchases of %s add up to %s, want %s", month, sum, groceries.months[*month])
		}
	}
	// Other limits in the same case are another report: a fault that names the field.
	status, body := s.post(`mutation($input: CreateReportInput!) { createReport(input: $input) { report { id } } }`, object{"input": object{"type": "SHOPPING", "caseId": c.ID}})
	if status != 200 || !strings.Contains(string(body), `"shoppingLimits"`) || !strings.Contains(string(body), "CONFLICT") {
		t.Errorf("other limits: %d %s", status, body)
	}
	// What was sent is in the log of deliveries.
	var log struct {
		Deliveries struct {
			Nodes []struct {
				Event, Status string
				Attempts      []struct{ StatusCode int }
			}
		}
	}
	s.until("the deliveries are noted", func() bool {
		s.do(&log, `{ deliveries { nodes { event status attempts { statusCode } } } }`, nil)
		return len(log.Deliveries.Nodes) == 2 && log.Deliveries.Nodes[0].Status == "DELIVERED" && log.Deliveries.Nodes[1].Status == "DELIVERED"
	})
	if n := log.Deliveries.Nodes; n[0].Event != "REPORT_FINISHED" || len(n[0].Attempts) != 1 || n[0].Attempts[0].StatusCode != 200 {
		t.Errorf("the log: %+v", n)
	}
}
