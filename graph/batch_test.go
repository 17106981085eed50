package graph

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"insightgraph/auth"
	"insightgraph/report"
)

// The number of SQL statements depends on the operation and not on how long its lists are, wherever a list stands:
// inside another one, below edges, or behind a single value.
func TestStatementsDoNotGrow(t *testing.T) {
	h := newHouse(t)
	for i := range 4 { // more of everything: consumers, accounts of one, transactions of one
		name := fmt.Sprintf("more%d", i)
		for j, sign := range []string{"", "-"} { // the last rows are a transfer, so that one row has all that six have
			account := h.do("acme", fmt.Sprintf(`mutation{createAccount(input:{consumerExternalId:"%s",externalId:"a%d",container:BANK,name:"A",currency:"EUR"}){account{id}}}`, name, j))
			h.ids[name] = account["createAccount"].(map[string]any)["account"].(map[string]any)["id"].(string)
			h.book("acme", name, `{amount:{amount:"10",currency:"EUR"},bookingDate:"2021-12-03"},{amount:{amount:"`+sign+`4",currency:"EUR"},bookingDate:"2022-01-27"}`)
		}
	}
	h.do("acme", `mutation{triggerInsights(input:{insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON"}]}){run{id}}}`)
	const transactions = `{totalCount edges{node{id account{id consumer{id}} category{id} transfer{id account{id}}}} nodes{transfer{account{consumer{id}}}}}`
	for _, query := range []string{
		`{consumers(first:%d){totalCount nodes{accounts(first:3){totalCount nodes{transactions(first:5)` + transactions + `}}}}}`,
		`{consumers(first:%d){edges{node{accounts(first:3){edges{node{consumer{accounts(first:3){nodes{id}}}}}} transactions(first:5)` + transactions + `}}}}`,
		`{consumers(first:%d){nodes{feed(first:3){totalCount nodes{consumer{externalId} transactionDerived{changedSince transactions(first:5)` + transactions + `}}}}}}`,
		`{transactions(first:%d)` + transactions + `}`,
		`{feed(first:%d){edges{node{consumer{id} transactionDerived{changedSince transactions(first:5)` + transactions + `}}}}}`,
	} {
		count := func(n int) (int64, string) {
			before := h.store.Statements()
			r := h.send("acme", fmt.Sprintf(query, n), nil)
			if r.Errors != nil {
				t.Fatalf("%s: %s", query, r.body)
			}
			return h.store.Statements() - before, r.body
		}
		few, short := count(1)
		many, long := count(6)
		if many > few || len(long) < 2*len(short) {
			t.Errorf("%s\n%d statements for one, %d for six", query, few, many)
		}
	}
}

// What is loaded for all must reach each parent by itself.
func TestBatchesKeepParentsApart(t *testing.T) {
	h := newHouse(t)
	got := h.do("acme", `{consumers{nodes{externalId accounts{edges{node{name consumer{externalId} transactions(last:1){nodes{externalId account{name}}}}}}}}}`)
	var lines []string
	for _, c := range got["consumers"].(map[string]any)["nodes"].([]any) {
		c := c.(map[string]any)
		for _, e := range c["accounts"].(map[string]any)["edges"].([]any) {
			a := e.(map[string]any)["node"].(map[string]any)
			for _, x := range a["transactions"].(map[string]any)["nodes"].([]any) {
				x := x.(map[string]any)
				lines = append(lines, fmt.Sprint(c["externalId"], a["consumer"], a["name"], x["externalId"], x["account"]))
			}
		}
	}
	const want = `bert map[externalId:bert] shared b1 map[name:shared]
anna map[externalId:anna] card g1 map[name:card]
anna map[externalId:anna] savings t2 map[name:savings]
anna map[externalId:anna] giro s1 map[name:giro]`
	if got := strings.Join(lines, "\n"); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Fields of one name that are asked of different types have their own arguments.
func TestPlaces(t *testing.T) {
	h := newHouse(t)
	h.link()
	h.report()
	h.do("acme", `mutation{createReport(input:{caseId:"`+h.ids["case"]+`",type:INCOME}){report{id}}}`)
	plain := h.with(func(o *Options) { o.Plain = true })
	for _, rows := range []string{`transactions(filter:{baseType:%s},first:1){totalCount}`, `transactions(first:1){nodes{account{transactions(filter:{baseType:%s},first:1){totalCount}}}}`} {
		query := `{case(id:"` + h.ids["case"] + `"){reports{__typename ...on ShoppingReport{` + fmt.Sprintf(rows, "DEBIT") + `} ...on IncomeReport{` + fmt.Sprintf(rows, "CREDIT") + `}}}}`
		want, got := h.send("acme", query, nil), plain.send("acme", query, nil)
		if want.Errors != nil || strings.Count(want.body, `"totalCount":0`) > 0 || strings.Count(want.body, "totalCount") != 2 {
			t.Errorf("%s: %s", query, want.body)
		}
		if got.body != want.body {
			t.Errorf("%s\n%s\nplanned: %s", query, got.body, want.body)
		}
	}
}

// A report whose consumer has gone since it was read is not shown with an invented one.
func TestReportWithoutConsumer(t *testing.T) {
	h := newHouse(t)
	c, _, err := h.store.CustomerOfClient(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	r := &Resolver{Options: h.options}
	ctx := auth.With(t.Context(), auth.Viewer{Customer: c})
	if _, err := r.reports(ctx, []report.Report{{CustomerID: c.ID, ConsumerID: 999, CaseID: 1, ID: 1, Type: "INCOME", Status: report.Queued}}); !errors.Is(err, changed) {
		t.Error(err)
	}
}
