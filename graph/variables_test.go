package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"insightgraph/auth"
	"insightgraph/graph/generated"
)

// TestListsReadStraight: what is read straight from JSON arrives as what gqlgen's own way makes of it.
func TestListsReadStraight(t *testing.T) {
	h := newHouse(t)
	var arguments map[string]any
	note := func(o *Options) {
		o.around = func(ctx context.Context, next graphql.Resolver) (any, error) {
			if field := graphql.GetFieldContext(ctx); field.Object == "Mutation" {
				arguments = field.Args
				return nil, nil
			}
			return next(ctx)
		}
	}
	straight, own := h.with(note), h.with(func(o *Options) { note(o); o.Plain = true })
	s := straight.handler.(*server)
	ctx := auth.With(t.Context(), auth.Viewer{})
	random := rand.New(rand.NewPCG(1, 2))
	types := schema().Types
	taken, refused, lists := 0, 0, map[string]bool{}
	for _, field := range types["Mutation"].Fields {
		input := field.Arguments.ForName("input")
		if input == nil || !hasLists(types, input.Type) {
			continue
		}
		query := fmt.Sprintf("mutation($input: %s!) { %s(input: $input) { __typename } }", input.Type.Name(), field.Name)
		straight.send("acme", query, map[string]any{}) // so that it is known
		for range 300 {
			v := anyValue(random, types, input.Type, 0)
			text, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"input": v}})
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, strings.Repeat(" ", worthIt)...)
			params := s.straight(ctx, text)
			if params == nil {
				continue
			}
			l := &leftOut{}
			if l.of(params.Variables); len(l.back) == 0 {
				continue
			}
			arguments = nil
			got := straight.post("acme", bytes.NewReader(text), nil).body
			read := arguments
			arguments = nil
			want := own.post("acme", bytes.NewReader(text), nil).body
			switch {
			case !reflect.DeepEqual(read, arguments):
				t.Fatalf("%s: %v\n%s\ngqlgen's own way: %v\n%s", bytes.TrimSpace(text), read, got, arguments, want)
			case read == nil: // refused for what stands beside the list; which of several faults is met first is chance
				refused++
			case got != want:
				t.Fatalf("%s: %s, gqlgen's own way: %s", bytes.TrimSpace(text), got, want)
			default:
				taken++
				lists[field.Name] = true
			}
		}
	}
	if taken < 300 || refused < 10 || len(lists) < 4 {
		t.Errorf("%d requests of %v were read straight, %d refused: this shows little", taken, lists, refused)
	}
}

// hasLists tells whether a type has lists that are read straight.
func hasLists(types schemaTypes, t *ast.Type) bool {
	for _, f := range types[t.Name()].Fields {
		if f.Type.Elem != nil && generated.Lists[f.Type.Name()] != nil {
			return true
		}
	}
	return false
}

// anyValue is a value of a type, now and then a wrong one.
func anyValue(r *rand.Rand, types schemaTypes, typ *ast.Type, depth int) any {
	if !typ.NonNull && r.IntN(4) == 0 {
		return nil
	}
	if r.IntN(400) == 0 {
		return []any{nil, 7, "x", true, 1.5, []any{}, map[string]any{"y": 1}}[r.IntN(7)]
	}
	if typ.Elem != nil {
		list := make([]any, r.IntN(5))
		for i := range list {
			list[i] = anyValue(r, types, typ.Elem, depth+1)
		}
		return list
	}
	d := types[typ.NamedType]
	switch {
	case d.Kind == ast.Enum:
		name := d.EnumValues[r.IntN(len(d.EnumValues))].Name
		if r.IntN(100) == 0 {
			name = strings.ToLower(name)
		}
		return name
	case d.Kind == ast.InputObject:
		object := map[string]any{}
		for _, f := range d.Fields {
			if f.Type.NonNull && r.IntN(200) > 0 || depth < 5 && r.IntN(2) == 0 {
				object[f.Name] = anyValue(r, types, f.Type, depth+1)
			}
		}
		if r.IntN(60) == 0 {
			object[[]string{"__typename", "unknown"}[r.IntN(2)]] = "x"
		}
		return object
	}
	values := map[string][]any{
		"Int":          {1, 20, 300, 1.5, "12"},
		"Boolean":      {true, false},
		"Decimal":      {"12.50", 12.5, -7, "0", 0, json.Number("1e2"), json.Number("12.3400"), "x", true},
		"Date":         {"2022-01-31", "2021-12-01", "2022-02-30"},
		"DateTime":     {"2022-01-31T10:00:00Z", "2022-01-31T10:00:00+01:00", "yesterday"},
		"CurrencyCode": {"EUR", "USD", "eur"},
	}[d.Name]
	if values == nil {
		values = []any{"text", "", "Bäcker \"Müller\" \\ \u2028 <b>", "🦊\n", 12}
	}
	if last := len(values) - 1; d.Name != "Boolean" && r.IntN(20) > 0 { // the last one is seldom right
		values = values[:last]
	}
	return values[r.IntN(len(values))]
}

// TestRequestsNotReadStraight: what is out of the way is answered as ever.
func TestRequestsNotReadStraight(t *testing.T) {
	h := newHouse(t)
	own := h.with(func(o *Options) { o.Plain = true })
	query := `"mutation($input: CreateTransactionsInput!) { createTransactions(input: $input) { createdCount account { name } } }"`
	row := func(n int) string {
		return fmt.Sprintf(`{"externalId":"x%d","amount":{"amount":"12.50","currency":"EUR"},"bookingDate":"2021-12-01"}`, n)
	}
	input := func(rows string) string {
		return `{"query":` + query + `,"variables":{"input":{"accountId":"` + h.ids["giro"] + `","transactions":[` + rows + `]}}}`
	}
	h.post("acme", strings.NewReader(input(row(1))), nil) // so that it is known
	ctx := auth.With(t.Context(), auth.Viewer{})
	space := strings.Repeat(" ", worthIt)
	if h.handler.(*server).straight(ctx, []byte(input(row(2))+space)) == nil {
		t.Fatal("what is right is not read straight")
	}
	for _, text := range []string{
		input(row(1) + "," + row(1)),
		input(`null`), input(`7`), input(`[]`), input(`{}`), input(row(1) + `,`), input(row(1)) + `}`, input(row(1)) + `{}`, input(row(1))[1:],
		strings.TrimSuffix(input(row(1)), "}"),
		strings.Replace(input(row(1)), `"x1"`, `"x1`, 1),
		strings.Replace(input(row(1)), `"x1"`, `"\ud800"`, 1),
		strings.Replace(input(row(1)), `"x1"`, "\"\xff\"", 1),
		strings.Replace(input(row(1)), `"x1"`, "\"a\nb\"", 1),
		strings.Replace(input(row(1)), `"externalId"`, `"external\u0049d"`, 1),
		strings.Replace(input(row(1)), `"accountId"`, `"account\u0049d"`, 1),
		strings.Replace(input(row(1)), `"x1"`, `"x3","externalId":"x1"`, 1),
		strings.Replace(input(row(1)), `"12.50"`, `"12.50","amount":"13"`, 1),
		strings.Replace(input(row(1)), `"12.50"`, `01`, 1),
		strings.Replace(input(row(1)), `"12.50"`, `1e400`, 1),
		strings.Replace(input(row(1)), `"12.50"`, `null`, 1),
		strings.Replace(input(row(1)), `"EUR"`, `"Euro"`, 1),
		strings.Replace(input(row(1)), `"2021-12-01"`, `"2021-13-01"`, 1),
		strings.Replace(input(row(1)), `"query"`, `"Query"`, 1),
		strings.Replace(input(row(1)), `"variables"`, `"variables":{"input":{"accountId":"x"}},"variables"`, 1),
		strings.Replace(input(row(1)), `"variables"`, `"operationName":null,"variables"`, 1),
		strings.Replace(input(row(1)), `"variables"`, `"operationName":"Other","variables"`, 1),
		strings.Replace(input(row(1)), `"variables"`, `"extensions":7,"variables"`, 1),
		strings.Replace(input(row(1)), `"variables"`, `"more":7,"variables"`, 1),
		`{"query":` + query + `}`, `{"query":` + query + `,"variables":null}`, `{"query":` + query + `,"variables":[]}`, `[]`, `null`, ``,
	} {
		got, want := h.post("acme", strings.NewReader(text+space), nil), own.post("acme", strings.NewReader(text+space), nil)
		if got.body != want.body || got.status != want.status {
			t.Errorf("%s: %d %s, gqlgen's own way: %d %s", text, got.status, got.body, want.status, want.body)
		}
	}
}

// TestDamagedRequests: whatever is read straight of a damaged text is what encoding/json reads there.
func TestDamagedRequests(t *testing.T) {
	s := NewHandler(Options{}).(*server)
	query := `mutation($input: CreateTransactionsInput!) { createTransactions(input: $input) { createdCount } }`
	s.known.Add(t.Context(), query, gqlparser.MustLoadQueryWithRules(schema(), query, nil))
	whole := `{"operationName":"","query":"` + query + `","extensions":{"a":[1,null]},"variables":{"other":[1.50,{"b":null}],"input":{"accountId":"a\u00e4","idempotencyKey":null,"transactions":[` +
		`{"amount":{"amount":"1.50","currency":"EUR"},"bookingDate":"2025-01-31","description":"a \"b\" \ud83e\udd8a ä","counterparty":{"name":"x","iban":null},"mcc":"5411"},` +
		`{"externalId":"y","baseType":"DEBIT","amount":{"amount":2,"currency":"USD"},"bookingDate":"2025-02-01","status":"PENDING","valueDate":null}]}}}` + strings.Repeat(" ", worthIt)
	random := rand.New(rand.NewPCG(1, 2))
	const bytes = "\"\\{}[]:, 0123456789.-+eEtfnu\x00\x7f\xc3\xa4\xffaZ\n"
	taken := 0
	for range 50_000 {
		text := []byte(whole)
		for range random.IntN(4) {
			at := random.IntN(len(whole) - worthIt)
			switch damaged := bytes[random.IntN(len(bytes))]; random.IntN(4) {
			case 0:
				text[at] = damaged
			case 1:
				text = slices.Insert(text, at, damaged)
			case 2:
				text = slices.Delete(text, at, at+1)
			case 3: // something twice
				text = slices.Insert(text, at, text[at:min(len(text), at+random.IntN(60))]...)
			}
		}
		got := s.straight(t.Context(), text)
		if got == nil {
			continue
		}
		taken++
		want, err := object(text)
		if err != nil {
			t.Fatalf("%s\nis read, but %v", text, err)
		}
		sent, err := plain(got.Variables)
		if got.Variables = sent.(map[string]any); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis read as %v, want %v", text, got, want)
		}
	}
	if taken < 5000 {
		t.Errorf("%d texts were read: this shows little", taken)
	}
}

// TestIdempotencyKeyOfAList: a call is the same call whichever way its list was read.
func TestIdempotencyKeyOfAList(t *testing.T) {
	h := newHouse(t)
	text := func(amount string) []byte {
		return []byte(`{"query":"mutation($input: CreateTransactionsInput!) { createTransactions(input: $input) { createdCount } }","variables":{"input":{"idempotencyKey":"k","accountId":"` +
			h.ids["giro"] + `","transactions":[{"externalId":"k1","amount":{"amount":` + amount + `,"currency":"EUR"},"bookingDate":"2021-12-01"}]}}}` + strings.Repeat(" ", worthIt))
	}
	straight := func() bool {
		return h.handler.(*server).straight(auth.With(t.Context(), auth.Viewer{}), text("12.50")) != nil
	}
	if straight() {
		t.Error("an unknown document is not read straight")
	}
	first := h.post("acme", bytes.NewReader(text("12.50")), nil)
	if !straight() {
		t.Error("a known document is")
	}
	if again := h.post("acme", bytes.NewReader(text("12.50")), nil); first.Errors != nil || again.body != first.body || again.header.Get(replayedHeader) != "true" {
		t.Errorf("first %s, again %s", first.body, again.body)
	}
	if other := h.post("acme", bytes.NewReader(text("12.5")), nil); other.codes() != "CONFLICT" {
		t.Errorf("another text: %s", other.body)
	}
}

func BenchmarkStraight(b *testing.B) {
	s := NewHandler(Options{}).(*server)
	query := `mutation($input: CreateTransactionsInput!) { createTransactions(input: $input) { createdCount } }`
	text := []byte(`{"query":"` + query + `","variables":{"input":{"accountId":"a","transactions":[`)
	for i := range 1000 {
		text = fmt.Appendf(text, `{"amount":{"amount":"%d.%02d","currency":"EUR"},"baseType":"DEBIT","bookingDate":"2025-%02d-%02d","counterparty":{"name":"REWE Markt GmbH"},"description":"REWE SAGT DANKE %d KARTENZAHLUNG","externalId":"x%08d"},`, i, i%100, i%12+1, i%28+1, i, i)
	}
	text = append(text[:len(text)-1], "]}}}"...)
	document := gqlparser.MustLoadQueryWithRules(schema(), query, nil)
	s.known.Add(b.Context(), query, document)
	b.ReportAllocs()
	for b.Loop() {
		if s.straight(b.Context(), text) == nil {
			b.Fatal()
		}
	}
}
