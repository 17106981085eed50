package graph

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/jackc/pgx/v5/pgconn"

	"insightgraph/budget"
)

// The hostile operations that the libraries were seen to fail at: each is answered quickly, in few words, with the right
// code. What each did without these limits: one killed the process, one never returned.
func TestHostileOperations(t *testing.T) {
	h := newHouse(t)
	times := strings.Repeat
	var bomb, wide strings.Builder
	for i := range 28 {
		fmt.Fprintf(&bomb, "fragment f%d on Viewer{...f%d ...f%d}", i, i+1, i+1)
		fmt.Fprintf(&wide, "fragment f%d on Consumer{a:feed{nodes{consumer{...f%d}}} b:feed{nodes{consumer{...f%d}}}}", i, i+1, i+1)
	}
	bomb.WriteString("fragment f28 on Viewer{role}")
	wide.WriteString("fragment f28 on Consumer{id}")
	ids := make([]string, 100_000)
	for i := range ids {
		ids[i] = "x"
	}
	for _, one := range []struct {
		name, query string
		variables   map[string]any
		code        string // of every error
	}{
		{"D1 deep selections", "{viewer" + times("{viewer", 20_000), nil, "REQUEST_TOO_LARGE"},
		{"D1 deep selections, short", times("{a", 30_000), nil, "QUERY_TOO_COMPLEX"},
		{"D2 deep lists", "{consumer(id:" + times("[", 60_000), nil, "QUERY_TOO_COMPLEX"},
		{"D3 fragment bomb", "{viewer{...f0}}" + bomb.String(), nil, "QUERY_TOO_COMPLEX"},
		{"D4 bomb with aliases", "{consumer{...f0}}" + wide.String(), nil, "QUERY_TOO_COMPLEX"},
		{"D5 one field often", "{viewer{" + times("role ", 10_000) + "}}", nil, "QUERY_TOO_COMPLEX"},
		{"D5 as often as tokens allow", "{viewer{" + times("role ", 1_900) + "}}", nil, "QUERY_TOO_COMPLEX"},
		{"D6 directives", "{viewer{role " + times("@aa ", 10_000) + "}}", nil, "QUERY_TOO_COMPLEX"},
		{"D6 as many as tokens allow", "{viewer{role " + times("@aa ", 900) + "}}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"D7 list of lists", "{consumers(first:100){nodes{accounts(first:100){nodes{transactions(first:100){nodes{id}}}}}}}", nil, "QUERY_TOO_COMPLEX"},
		{"D8 large page", "{consumers(first:3000000){nodes{id}}}", nil, "Y800"},
		{"D8 large page by variable", "query($n:Int){consumers(first:$n){nodes{id}}}", map[string]any{"n": 3_000_000}, "Y800"},
		{"D12 long variable", "query($ids:[ID!]){transactions(filter:{consumerIds:$ids}){totalCount}}", map[string]any{"ids": ids}, "Y824"},
		{"D12 long choice list", "mutation($c:[Choice!]){updateCustomerSubscriptions(input:{customerSubscription:[{containers:$c}]}){customerSubscriptions{insightName}}}", map[string]any{"c": ids}, "Y812 Y803"},
		{"deep", "{consumer{feed{nodes{consumer{feed{nodes{consumer{feed{nodes{consumer{id}}}}}}}}}}}", nil, "QUERY_TOO_COMPLEX"},
		{"aliases", "{viewer{" + manyAliases(31) + "}}", nil, "QUERY_TOO_COMPLEX"},
		{"root fields", "{" + times("viewer{role} ", 21) + "}", nil, "QUERY_TOO_COMPLEX"},
		{"root fields in fragments", "{" + times("...f ", 11) + "}fragment f on Query{a:viewer{role} b:viewer{role}}", nil, "QUERY_TOO_COMPLEX"},
		{"fragments", "{viewer{role}}" + manyFragments(31), nil, "GRAPHQL_VALIDATION_FAILED"},
		{"long name", "{" + times("x", 60_000) + "}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"C10 circular introspection", "{__schema{types{fields{type{fields{type{fields{type{fields{type{name}}}}}}}}}}}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"C13 no GraphQL", "qwerty cop { abc }", nil, "GRAPHQL_PARSE_FAILED"},
	} {
		got := h.send("acme", one.query, one.variables)
		for _, e := range got.Errors {
			if !strings.Contains(" "+one.code+" ", " "+e.Extensions.Code+" ") {
				t.Errorf("%s: code %s, want %s: %.200s", one.name, e.Extensions.Code, one.code, e.Message)
				break
			}
		}
		if len(got.Errors) == 0 || len(got.Errors) > maxErrors || len(got.body) > 64_000 || strings.Contains(got.body, "Did you mean") {
			t.Errorf("%s: %d errors, %d bytes: %.300s", one.name, len(got.Errors), len(got.body), got.body)
		}
	}
	if h.log.Len() > 0 {
		t.Errorf("logged: %s", h.log)
	}
}

func manyAliases(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d:role ", i)
	}
	return b.String()
}

func manyFragments(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "fragment f%d on Viewer{role}", i)
	}
	return b.String()
}

// What large but honest clients send is answered.
func TestHonestOperations(t *testing.T) {
	h := newHouse(t)
	for _, query := range []string{
		"{viewer{" + manyAliases(30) + "}}",
		"{consumers(first:100){nodes{id accounts(first:10){nodes{id name balance{current{amount}}}}}}}",
		"{feed(first:100){nodes{id transactionDerived{creditTotal{amount} transactions(first:10){nodes{id amount{amount}}}}}}}",
	} {
		h.do("acme", query)
	}
}

// iban stands for account data that must never be echoed or logged.
const iban = "DE89370400440532013000"

func TestNothingLeaks(t *testing.T) {
	h := newHouse(t)
	failing := func(err error) *house {
		return h.around(func(ctx context.Context, next graphql.Resolver) (any, error) {
			if graphql.GetFieldContext(ctx).Field.Name == "viewer" {
				if err == nil {
					panic("account " + iban)
				}
				return nil, err
			}
			return next(ctx)
		})
	}
	postgres := &pgconn.PgError{Code: "23514", Message: "row " + iban, Detail: "Failing row contains " + iban, ConstraintName: "amount_check", TableName: "transactions"}
	for _, one := range []struct {
		name, code string
		answer     reply
		logged     []string
	}{
		{"D9 broken JSON", "Y800", h.post("acme", strings.NewReader(`{"query":"`+iban), nil), nil},
		{"D9 in place of a choice", "GRAPHQL_VALIDATION_FAILED", h.send("acme", "query($c:[Container!]){consumer{accounts(filter:{containers:$c}){totalCount}}}", map[string]any{"c": []string{iban}}), nil},
		{"D9 no request object", "Y806", h.post("acme", strings.NewReader(`["`+iban+`"]`), nil), nil},
		{"D10 panic", "INTERNAL", failing(nil).send("acme", "{viewer{role}}", nil), []string{"panic", "requestId=test", "limits_test.go"}},
		{"D11 SQL error", "INTERNAL", failing(fmt.Errorf("save %s: %w", iban, postgres)).send("acme", "{viewer{role}}", nil),
			[]string{"requestId=test", "path=viewer", "sqlstate=23514", "constraint=amount_check", "table=transactions", "pgconn.PgError"}},
		{"any error", "INTERNAL", failing(errors.New(iban)).send("acme", "{viewer{role}}", nil), []string{"requestId=test", "errors.errorString"}},
		{"cancelled", "TIMEOUT", failing(fmt.Errorf("query: %w", context.DeadlineExceeded)).send("acme", "{viewer{role}}", nil), nil},
	} {
		if one.answer.codes() != one.code || strings.Contains(one.answer.body, iban) {
			t.Errorf("%s: %s", one.name, one.answer.body)
		}
		if one.code == "INTERNAL" && one.answer.Errors[0].Message != "Internal error." {
			t.Errorf("%s: %s", one.name, one.answer.body)
		}
		for _, part := range one.logged {
			if !strings.Contains(h.log.String(), part) {
				t.Errorf("%s: %q is not in the log", one.name, part)
			}
		}
	}
	if strings.Contains(h.log.String(), iban) {
		t.Errorf("logged: %s", h.log)
	}
}

// A store that goes away in the middle of an answer is an internal error at every place that it was asked for.
func TestStoreAway(t *testing.T) {
	h := newHouse(t)
	broken := h.around(func(ctx context.Context, next graphql.Resolver) (any, error) {
		if graphql.GetFieldContext(ctx).Field.Name == "accounts" {
			h.store.Close()
		}
		return next(ctx)
	})
	got := broken.send("acme", "{consumers{nodes{id accounts{nodes{id}}}}}", nil)
	if got.codes() != "INTERNAL INTERNAL" || len(got.Errors[0].Path) != 4 || !strings.Contains(h.log.String(), "path=consumers.nodes") {
		t.Errorf("%s\n%s", got.body, h.log)
	}
	h.now = h.now.Add(time.Minute) // the token is no longer believed without looking
	if got := broken.send("acme", "{viewer{role}}", nil); got.status != 500 || got.codes() != "INTERNAL" {
		t.Errorf("without a store: %d %s", got.status, got.body)
	}
}

// A request whose time is over stops and says so.
func TestTimeout(t *testing.T) {
	h := newHouse(t).with(func(o *Options) {
		o.Timeout = 200 * time.Millisecond
		o.around = func(ctx context.Context, next graphql.Resolver) (any, error) {
			if graphql.GetFieldContext(ctx).Field.Name == "consumers" {
				<-ctx.Done()
			}
			return next(ctx)
		}
	})
	if got := h.send("acme", "{consumers{nodes{id}}}", nil); got.codes() != "TIMEOUT" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if h.log.Len() > 0 {
		t.Errorf("logged: %s", h.log)
	}
}

// The introspection query of the usual tools passes in development and nowhere else.
func TestIntrospection(t *testing.T) {
	h := newHouse(t)
	if got := h.send("acme", introspection, nil); got.codes() != "GRAPHQL_VALIDATION_FAILED" || strings.Contains(got.body, "Consumer") {
		t.Errorf("switched off: %s", got.body)
	}
	open := h.with(func(o *Options) { o.Introspection = true })
	if got := open.send("acme", introspection, nil); got.codes() != "" || !strings.Contains(got.body, `"name":"TriggerRun"`) {
		t.Errorf("switched on: %.500s", got.body)
	}
	if got := open.send("acme", strings.Replace(introspection, "{", "{viewer{"+manyAliases(31)+"}", 1), nil); got.codes() != "QUERY_TOO_COMPLEX" {
		t.Errorf("with aliases: %.500s", got.body)
	}
}

// introspection is what GraphiQL sends.
const introspection = `query IntrospectionQuery { __schema { description queryType { name kind } mutationType { name kind } subscriptionType { name kind }
	types { ...FullType } directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } } } }
fragment FullType on __Type { kind name description specifiedByURL
	fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
	inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
	possibleTypes { ...TypeRef } }
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
	ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }`

// What a document has cost is remembered only where its variables cannot change it.
func TestCostFollowsVariables(t *testing.T) {
	h := newHouse(t)
	const query = `query($n: Int, $yes: Boolean!) { consumers(first: 10) { nodes { accounts(first: $n) { nodes { transactions(first: 100) @include(if: $yes) { nodes { id } } } } } } }`
	for _, c := range []struct {
		n     int
		yes   bool
		codes string
	}{{1, true, ""}, {100, true, "QUERY_TOO_COMPLEX"}, {100, false, "QUERY_TOO_COMPLEX"}, {100, true, "QUERY_TOO_COMPLEX"}, {1, true, ""}} {
		if got := h.send("acme", query, map[string]any{"n": c.n, "yes": c.yes}); got.codes() != c.codes {
			t.Errorf("%v: %s", c, got.body)
		}
	}
	const filtered = `query($f: TransactionFilter, $yes: Boolean!) { consumers(first: 100) { nodes { transactions(filter: $f, first: 100) @include(if: $yes) { nodes { id description } } } } }`
	for _, c := range []struct {
		amount any
		yes    bool
		codes  string
	}{{nil, true, "QUERY_TOO_COMPLEX"}, {"no amount", false, ""}, {nil, true, "QUERY_TOO_COMPLEX"}} {
		if got := h.send("acme", filtered, map[string]any{"f": map[string]any{"minAmount": c.amount}, "yes": c.yes}); got.codes() != c.codes {
			t.Errorf("%v: %s", c, got.body)
		}
	}
	const bad = `query($after: String) { consumers(first: 100, after: $after) { nodes { accounts(first: 100) { nodes { transactions(first: 100) { nodes { id } } } } } } }`
	for _, after := range []any{"no cursor", nil, "no cursor"} {
		if got := h.send("acme", bad, map[string]any{"after": after}); got.codes() != "QUERY_TOO_COMPLEX" {
			t.Errorf("%v: %s", after, got.body)
		}
	}
}

// A report has one type, so what is asked for of the others costs nothing.
func TestDearestBranch(t *testing.T) {
	h := newHouse(t)
	h = h.with(func(o *Options) {
		o.Budget = &budget.Budget{Customers: budget.Limits{Points: 1000}, Consumers: budget.Limits{Points: 1000}, Now: o.Store.Now}
	})
	cost := func(query string) string {
		_, rest, _ := strings.Cut(h.send("acme", query, nil).body, `"requested":`)
		n, _, _ := strings.Cut(rest, ",")
		return n
	}
	const page = `{ reports(first: 10) { nodes { id %s } } }`
	one := `... on ShoppingReport { transactions(first: 10) { nodes { id } } }`
	both := one + ` ... on IncomeReport { transactions(first: 5) { nodes { id } } } ...f`
	if a, b := cost(fmt.Sprintf(page, one)), cost(fmt.Sprintf(page, both)+`fragment f on SpendingReport { type transactions(first: 9) { nodes { id } } }`); a != b || a == "" {
		t.Errorf("one branch costs %s, three %s", a, b)
	}
	if a, b := cost(fmt.Sprintf(page, `type ... on Report { status } ... on Node { id }`)), cost(fmt.Sprintf(page, `type status`)); a == b {
		t.Errorf("what all types have costs nothing: %s, %s", a, b)
	}
	if got := h.send("acme", `{consumers(first:100){nodes{accounts(first:100){nodes{id name}}}}}`, nil); !strings.Contains(got.body, "a cost of 30") || !strings.Contains(got.body, "20000 is the most") {
		t.Error(got.body)
	}
}

// A fault names the argument, whatever its variable is called and wherever it stands.
func TestFieldOfVariable(t *testing.T) {
	h := newHouse(t)
	row := map[string]any{"amount": map[string]any{"amount": "1.00", "currency": "EUR"}, "bookingDate": "2021-10-01", "baseType": "NO"}
	for query, variables := range map[string]map[string]any{
		`mutation($whatever: CreateTransactionsInput!) { createTransactions(input: $whatever) { createdCount } }`:               {"whatever": map[string]any{"accountId": "x", "transactions": []any{row}}},
		`mutation($t: [TransactionInput!]!) { createTransactions(input: {accountId: "x", transactions: $t}) { createdCount } }`: {"t": []any{row}},
		`mutation($x: TransactionInput!) { createTransactions(input: {accountId: "x", transactions: [$x]}) { createdCount } }`:  {"x": row},
	} {
		if got := h.send("acme", query, variables); !strings.Contains(got.body, `"field":"transactions.0.baseType"`) {
			t.Errorf("%s: %s", query, got.body)
		}
	}
}

// The days of a report's balances are many values, under each alias.
func TestBalancesCost(t *testing.T) {
	h := newHouse(t)
	const line = `report(id: "x") { ... on BalanceOverTimeReport { total { balances { date balance { amount currency } } } series { balances { date balance { amount currency } } } } } `
	for n, codes := range map[int]string{1: "", 12: "", 14: "QUERY_TOO_COMPLEX"} {
		query := ""
		for i := range n {
			query += fmt.Sprintf("r%d: ", i) + line
		}
		if got := h.send("anna", "{"+query+"}", nil); got.codes() != codes {
			t.Errorf("%d: %.200s", n, got.body)
		}
	}
}

// An answer has as many bytes as a process can hold of many at once, whichever way it is written.
func TestLongAnswer(t *testing.T) {
	h := newHouse(t)
	rich := h.do("acme", `mutation{createConsumer(input:{externalId:"rich"}){consumer{id}}}`)["createConsumer"].(map[string]any)["consumer"].(map[string]any)["id"].(string)
	for i := range 5 {
		made := h.do("acme", fmt.Sprintf(`mutation{createAccount(input:{consumerId:%q,container:BANK,name:"a%d",currency:"EUR",balance:{amount:123456789,currency:"EUR"}}){account{id}}}`, rich, i))
		h.ids["rich"] = made["createAccount"].(map[string]any)["account"].(map[string]any)["id"].(string)
		h.book("acme", "rich", `{externalId:"old",amount:{amount:1,currency:"EUR"},bookingDate:"2012-01-28"}`)
	}
	made := h.do("acme", `mutation{createReport(input:{consumerId:"`+rich+`",type:BALANCE_OVER_TIME,days:3653}){report{id}}}`)
	id := made["createReport"].(map[string]any)["report"].(map[string]any)["id"].(string)
	lines := func(n int, more string) string {
		query := "{" + more
		for i := range n {
			query += fmt.Sprintf("line%d: report(id: %q) { ... on BalanceOverTimeReport { series { balances { date balance { amount currency } } } } } ", i, id)
		}
		return query + "}"
	}
	for what, h := range map[string]*house{"planned": h, "plain": h.with(func(o *Options) { o.Plain = true })} {
		if got := h.send("acme", lines(1, ""), nil); got.codes() != "" || len(got.body) < 1_000_000 {
			t.Errorf("%s: one: %d bytes, %.300s", what, len(got.body), got.body)
		}
		if got := h.send("acme", lines(8, ""), nil); got.codes() != "QUERY_TOO_COMPLEX" || len(got.body) > 300 || !strings.Contains(got.body, `"data":null`) {
			t.Errorf("%s: many: %d bytes, %.300s", what, len(got.body), got.body)
		}
		if got := h.send("acme", lines(8, `consumer(id: "`+rich+`") { feed(first: 1000) { totalCount } } `), nil); got.codes() != "QUERY_TOO_COMPLEX" || len(got.body) > 300 {
			t.Errorf("%s: with an error: %d bytes, %.300s", what, len(got.body), got.body)
		}
	}
}

// A variable that says whether a field is asked for must say so.
func TestUndecided(t *testing.T) {
	h := newHouse(t)
	for _, query := range []string{
		`query($i: Boolean = true) { viewer { role @skip(if: $i) } }`,
		`query($i: Boolean = true) { ...F } fragment F on Query { viewer @include(if: $i) { role } }`,
		`mutation($i: Boolean = true) { createConsumer(input: {externalId: "undecided"}) @include(if: $i) { consumer { id } } }`,
	} {
		if got := h.send("acme", query, map[string]any{"i": nil}); got.codes() != "GRAPHQL_VALIDATION_FAILED" || got.Errors[0].Extensions.Field != "i" {
			t.Errorf("%s: %s", query, got.body)
		}
		if got := h.send("acme", query, nil); got.codes() != "" {
			t.Errorf("%s: %s", query, got.body)
		}
	}
	if h.log.Len() > 0 {
		t.Errorf("logged: %s", h.log)
	}
}
