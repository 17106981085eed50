package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

var times = strings.Repeat

// numbered is a text for each number, where % stands for it.
func numbered(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "%", fmt.Sprint(i)))
	}
	return b.String()
}

// documents are hostile operations: those that killed servers without limits, and what graphql-cop, BatchQL, CrackQL,
// clairvoyance and InQL try, written anew.
func (a *attack) documents(ctx context.Context) error {
	var bomb, wide strings.Builder
	for i := range 28 {
		fmt.Fprintf(&bomb, "fragment f%d on Viewer{...f%d ...f%d}", i, i+1, i+1)
		fmt.Fprintf(&wide, "fragment f%d on Consumer{a:feed{nodes{consumer{...f%d}}} b:feed{nodes{consumer{...f%d}}}}", i, i+1, i+1)
	}
	ids := make([]string, 100_000)
	for i := range ids {
		ids[i] = "x"
	}
	for _, one := range []struct {
		name, query string
		variables   any
		want        string // code of every error
	}{
		{"D1 deep selections of 3 MB", times("{viewer", 450_000), nil, "REQUEST_TOO_LARGE"},
		{"D1 deep selections", times("{a", 30_000), nil, "QUERY_TOO_COMPLEX"},
		{"D2 deep lists of 4 MB", "{consumer(id:" + times("[", 4_000_000), nil, "REQUEST_TOO_LARGE"},
		{"D2 deep lists", "{consumer(id:" + times("[", 60_000), nil, "QUERY_TOO_COMPLEX"},
		{"D2 deep lists in a type", "query($a:" + times("[", 60_000) + "){viewer{role}}", nil, "QUERY_TOO_COMPLEX"},
		{"D2 deep objects", "{consumer(id:" + times("{a:", 20_000), nil, "QUERY_TOO_COMPLEX"},
		{"D3 fragment bomb", "{viewer{...f0}}" + bomb.String() + "fragment f28 on Viewer{role}", nil, "QUERY_TOO_COMPLEX"},
		{"D4 fragment bomb with aliases", "{consumer{...f0}}" + wide.String() + "fragment f28 on Consumer{id}", nil, "QUERY_TOO_COMPLEX"},
		{"fragments in a circle", "{viewer{...a}}fragment a on Viewer{...b}fragment b on Viewer{...a}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"D5 one field often", "{viewer{" + times("role ", 10_000) + "}}", nil, "QUERY_TOO_COMPLEX"},
		{"D5 as often as tokens allow", "{viewer{" + times("role ", 1_900) + "}}", nil, "QUERY_TOO_COMPLEX"},
		{"D6 directives", "{viewer{role " + times("@aa ", 15_000) + "}}", nil, "QUERY_TOO_COMPLEX"},
		{"D6 as many as tokens allow", "{viewer{role " + times("@aa ", 900) + "}}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"D7 lists of lists", "{consumers(first:100){nodes{accounts(first:100){nodes{transactions(first:100){nodes{id}}}}}}}", nil, "QUERY_TOO_COMPLEX"},
		{"D8 a large page", "{consumers(first:3000000){nodes{id}}}", nil, "Y800"},
		{"D8 a large page by variable", "query($n:Int){consumers(first:$n){nodes{id}}}", object{"n": 3_000_000}, "Y800"},
		{"D8 a page beyond an Int", "query($n:Int){consumers(first:$n){nodes{id}}}", object{"n": 1 << 40}, "Y800"},
		{"D8 a negative page", "{consumers(first:-1){nodes{id}}}", nil, "Y800"},
		{"D12 a long variable", "query($ids:[ID!]){transactions(filter:{consumerIds:$ids}){totalCount}}", object{"ids": ids}, "Y824 REQUEST_TOO_LARGE"},
		{"D12 a long choice", "mutation($c:[Choice!]){updateCustomerSubscriptions(input:{customerSubscription:[{containers:$c}]}){customerSubscriptions{insightName}}}", object{"c": ids}, "Y812 Y803 REQUEST_TOO_LARGE"},
		{"31 aliases", "{viewer{" + numbered(31, "a%:role ") + "}}", nil, "QUERY_TOO_COMPLEX"},
		{"21 root fields", "{" + times("viewer{role} ", 21) + "}", nil, "QUERY_TOO_COMPLEX"},
		{"31 fragments", "{viewer{...f0}}" + numbered(31, "fragment f% on Viewer{role}"), nil, "GRAPHQL_VALIDATION_FAILED QUERY_TOO_COMPLEX"},
		{"a long name", "{" + times("x", 60_000) + "}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"a long text", `{consumer(externalId:"` + times("x", 60_000) + `"){id}}`, nil, ""},
		{"a long block of text", `{consumer(externalId:"""` + times("x\n ", 20_000) + `"""){id}}`, nil, ""},
		{"many operations", numbered(600, "query q%{viewer{role}}"), nil, "GRAPHQL_VALIDATION_FAILED QUERY_TOO_COMPLEX"},
		{"many variables", "query(" + numbered(300, "$v%:Int ") + "){viewer{role}}", nil, "GRAPHQL_VALIDATION_FAILED QUERY_TOO_COMPLEX"},
		{"a comment without end", "{viewer{role}}#" + times("x", 64_000), nil, ""},
		{"many comments", times("#\n", 30_000) + "{viewer{role}}", nil, "QUERY_TOO_COMPLEX"},
		{"a subscription", "subscription{viewer{role}}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"@defer, which is not followed", "{viewer{...@defer{role}}}", nil, ""},
		{"C1 suggestions", "query cop{__schema{directive}}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"C1 suggestions of fields", "{consumer{idd acounts{nodes}}}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"C1 suggestions of arguments", "{consumer(idd:1){id}}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"C1 suggestions of types", "query($a:Consumr){viewer{role}}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"C1 suggestions of choices", "mutation{createAccount(input:{container:BNK,name:\"x\",currency:\"EUR\"}){account{id}}}", nil, "GRAPHQL_VALIDATION_FAILED Y800"},
		{"C1 suggestions of inputs", "mutation($i:CreateAccountInput!){createAccount(input:$i){account{id}}}", object{"i": object{"nam": "x", "container": "BANK", "currency": "EUR"}}, "GRAPHQL_VALIDATION_FAILED Y800"},
		{"C2 introspection", "query cop{__schema{types{name fields{name}}}}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"C2 introspection of one type", `{__type(name:"Consumer"){fields{name}}}`, nil, "GRAPHQL_VALIDATION_FAILED"},
		{"C2 introspection in a fragment", "{...f}fragment f on Query{s:__schema{types{name}}}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"C7 101 aliases", "{" + numbered(101, "alias%:__typename ") + "}", nil, "QUERY_TOO_COMPLEX"},
		{"C9 directives", "{__typename " + times("@aa", 10) + "}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"C10 circular introspection", "{__schema{types{fields{type{fields{type{fields{type{fields{type{name}}}}}}}}}}}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"C11 one field 500 times", "{" + times("__typename ", 500) + "}", nil, "QUERY_TOO_COMPLEX"},
		{"C12 tracing", "{viewer{role}}", nil, ""},
		{"C13 no GraphQL", "qwerty cop { abc }", nil, "GRAPHQL_PARSE_FAILED"},
		{"BatchQL two aliases", "{a:nothing b:nothing}", nil, "GRAPHQL_VALIDATION_FAILED"},
		{"a node of another customer", "query($id:ID!){node(id:$id){id}}", object{"id": a.ids["bankconsumer"]}, ""},
	} {
		got, err := a.intruder.ask(one.query, one.variables)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		for _, e := range got.Errors {
			if !a.check(strings.Contains(" "+one.want+" ", " "+e.Extensions.Code+" "), "%s: code %s, want %s: %.200s", one.name, e.Extensions.Code, one.want, e.Message) {
				break
			}
		}
		a.check((one.want == "") == (len(got.Errors) == 0) && len(got.Errors) <= 20, "%s: %d errors, %d %.300s", one.name, len(got.Errors), got.status, got.body)
		a.check(!strings.Contains(got.body, `"tracing"`) && !strings.Contains(got.body, `"exception"`) && !strings.Contains(got.body, `"__schema":{`), "%s: %.300s", one.name, got.body)
		if !a.quick {
			a.check(got.took.Seconds() < 1, "%s took %v", one.name, got.took)
		}
	}
	if err := a.cracking(); err != nil {
		return err
	}
	if err := a.byOtherWays(); err != nil {
		return err
	}
	if err := a.clairvoyance(); err != nil {
		return err
	}
	return a.wholeSchema()
}

// cracking guesses by aliases, as CrackQL does: at most twenty guesses go into one document, and each has its price.
func (a *attack) cracking() error {
	for n, refused := range map[int]bool{20: false, 21: true, 31: true, 500: true} {
		got, err := a.intruder.ask("{"+numbered(n, `g%:consumer(externalId:"guess%"){id}`)+"}", nil)
		if err != nil {
			return err
		}
		var told struct {
			Extensions struct{ Cost struct{ Requested int } }
		}
		_ = json.Unmarshal([]byte(got.body), &told)
		a.check(told.Extensions.Cost.Requested >= n || refused && told.Extensions.Cost.Requested > 0, "%d guesses cost %d points", n, told.Extensions.Cost.Requested)
		a.check((got.codes() == "QUERY_TOO_COMPLEX") == refused && (strings.Contains(got.body, `"g0":null`) != refused), "%d guesses in one document: %.300s", n, got.body)
	}
	return nil
}

// byOtherWays sends operations as few clients do: GET, forms, lists, other media types. Nothing of it may run but a query by
// GET, with a token, and what stands in the address is in no log.
func (a *attack) byOtherWays() error {
	mutation := `mutation{createConsumer(input:{externalId:"csrf"}){consumer{id}}}`
	operation, _ := json.Marshal(map[string]string{"query": mutation})
	iban := a.secret("an account number in an address", "DE75512108001245126199")
	byGET := func(query, variables string) string {
		return "/graphql?" + url.Values{"query": {query}, "variables": {variables}}.Encode()
	}
	for _, one := range []struct {
		name, method, path, media, body string
		status                          int
	}{
		{"C3 a page to play with", "GET", "/graphql", "", "", 400},
		{"C3 a page elsewhere", "GET", "/", "", "", 404},
		{"C3 a page elsewhere", "GET", "/graphiql", "", "", 404},
		{"C3 a page elsewhere", "GET", "/playground", "", "", 404},
		{"C3 a page elsewhere", "GET", "/console", "", "", 404},
		{"C4 a query by GET, with a token", "GET", byGET("query cop($a:String!){consumer(externalId:$a){id} __typename}", `{"a":"`+iban+`"}`), "", "", 200},
		{"C4 a wrong query by GET", "GET", byGET(`{consumer(externalId:"`+iban+`"){nothing}}`, ""), "", "", 200},
		{"C4 broken variables by GET", "GET", byGET("{viewer{role}}", `{"a":"`+iban), "", "", 400},
		{"C4 a subscription by GET", "GET", byGET("subscription{viewer{role}}", ""), "", "", 200},
		{"C5 a mutation by GET", "GET", byGET(mutation, ""), "", "", 405},
		{"C5 a mutation behind a query", "GET", byGET("query q{__typename} "+mutation, "") + "&operationName=", "", "", 200},
		{"C5 a mutation chosen beside a query", "GET", byGET("query q{__typename} mutation m"+strings.TrimPrefix(mutation, "mutation"), "") + "&operationName=m", "", "", 405},
		{"C5 a mutation by GET as a form", "GET", byGET(mutation, ""), "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n" + string(operation) + "\r\n--x--\r\n", 405},
		{"C5 a mutation by HEAD", "HEAD", byGET(mutation, ""), "", "", 405},
		{"C6 a form", "POST", "/graphql", "application/x-www-form-urlencoded", "query=" + url.QueryEscape(mutation), 415},
		{"C6 a text", "POST", "/graphql", "text/plain", string(operation), 415},
		{"C6 no type", "POST", "/graphql", "", string(operation), 415},
		{"C6 application/graphql", "POST", "/graphql", "application/graphql", mutation, 415},
		{"C6 a form with a file", "POST", "/graphql", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n" + string(operation) + "\r\n--x--\r\n", 415},
		{"C6 two types", "POST", "/graphql", "application/json, text/plain", string(operation), 415},
		{"C8 a list", "POST", "/graphql", "application/json", "[" + strings.TrimSuffix(times(string(operation)+",", 10), ",") + "]", 400},
		{"C8 a list of one", "POST", "/graphql", "application/json", "[" + string(operation) + "]", 400},
		{"BatchQL two values", "POST", "/graphql", "application/json", string(operation) + string(operation), 400},
		{"PUT", "PUT", "/graphql", "application/json", string(operation), 405},
		{"another method", "BREW", "/graphql", "application/json", string(operation), 405},
		{"a method told otherwise", "GET", "/graphql?_method=POST", "application/json", string(operation), 400},
		{"a websocket", "GET", "/graphql", "", "", 400},
	} {
		r, err := http.NewRequest(one.method, a.server.url+one.path, strings.NewReader(one.body))
		if err != nil {
			return err
		}
		r.Header = http.Header{"Accept": {"text/html"}, "Authorization": {"Bearer " + a.intruder.token}, "X-Http-Method-Override": {"POST"}}
		if one.media != "" {
			r.Header.Set("Content-Type", one.media)
		}
		if one.name == "a websocket" {
			for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
				r.Header.Set(name, value)
			}
		}
		got, err := a.send(r)
		if err != nil {
			return err
		}
		a.check(got.status == one.status && got.hasData() == strings.Contains(one.name, "with a token") && !strings.Contains(strings.ToLower(got.body), "graphiql"), "%s: %d %.200s", one.name, got.status, got.body)
	}
	for _, query := range []string{"query cop{__typename}", mutation} { // as a link or a form in a page of others: that has no token
		back, err := http.NewRequest("GET", a.server.url+byGET(query, ""), nil)
		if err != nil {
			return err
		}
		got, err := a.send(back)
		if err != nil {
			return err
		}
		a.check(got.status == 401 && !got.hasData(), "a link with %s: %d %.200s", query, got.status, got.body)
	}
	got, err := a.intruder.ask(`{consumer(externalId:"csrf"){id}}`, nil)
	a.check(strings.Contains(got.body, `"consumer":null`), "a mutation ran: %s", got.body)
	return err
}

// clairvoyance guesses at the schema without a token: whatever is sent, the answer is the same.
func (a *attack) clairvoyance() error {
	var first string
	for _, query := range []string{"{viewer{role}}", "{nothing}", "{consumer", "{" + numbered(64, "word% ") + "}", "{consumers accounts transactions users me login token}", "{__schema{types{name}}}", ""} {
		got, err := a.intruder.as("").post(strings.NewReader(fmt.Sprintf(`{"query":%q}`, query)), func(r *http.Request) { r.Header.Set("X-Request-Id", "same") })
		if err != nil {
			return err
		}
		if first == "" {
			first = got.body
		}
		a.check(got.status == 401 && got.body == first, "without a token %q is answered %d %s", query, got.status, got.body)
	}
	return nil
}

// schema reads the schema from beside this program: the server does not tell it.
func schema() (*ast.Schema, error) {
	for _, path := range []string{"schema.graphqls", "../schema.graphqls"} {
		if text, err := os.ReadFile(path); err == nil {
			return gqlparser.LoadSchema(&ast.Source{Name: path, Input: string(text)})
		}
	}
	return nil, fmt.Errorf("there is no schema.graphqls here: run in the root of the repository")
}

// wholeSchema asks, as InQL does, for everything below each field of Query, as deep as may be and deeper: no circle of
// types leads further than the limit.
func (a *attack) wholeSchema() error {
	s, err := schema()
	if err != nil {
		return err
	}
	wide := a.intruder
	wide.most = 1 << 20 // these are no attacks if they are answered: everything of one's own
	for _, f := range s.Query.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		for _, deep := range []int{3, 8, 14} {
			arguments := ""
			for _, x := range f.Arguments {
				if x.Type.NonNull {
					arguments = `(` + x.Name + `:"` + a.ids["consumer"] + `")`
				}
			}
			budget := 600
			document := "{" + f.Name + arguments + below(s, s.Types[f.Type.Name()], deep-1, &budget) + "}"
			got, err := wide.ask(document, nil)
			if err != nil {
				return err
			}
			a.check(got.codes() != "GRAPHQL_VALIDATION_FAILED", "the attack asks in vain: %.200s: %.200s", document, got.body)
			if deep > 12 && strings.Count(document[:strings.IndexByte(document, '}')], "{") > 12 {
				a.check(got.codes() == "QUERY_TOO_COMPLEX", "%s, %d deep: %.200s", f.Name, deep, got.body)
			}
		}
	}
	return nil
}

// below is a selection of what a type has: deepest first, so that circles are walked.
func below(s *ast.Schema, d *ast.Definition, deep int, budget *int) string {
	if d == nil || !d.IsCompositeType() {
		return ""
	}
	selected := "__typename "
	if deep > 1 {
		for _, f := range d.Fields {
			next := s.Types[f.Type.Name()]
			needs := false
			for _, x := range f.Arguments {
				needs = needs || x.Type.NonNull && x.DefaultValue == nil
			}
			if *budget--; *budget < 0 || needs || strings.HasPrefix(f.Name, "__") {
				continue
			}
			if next.IsCompositeType() {
				arguments := ""
				if f.Arguments.ForName("first") != nil {
					arguments = "(first:1)"
				}
				selected += f.Name + arguments + below(s, next, deep-1, budget) + " "
			} else {
				selected += f.Name + " "
			}
		}
	}
	return "{" + selected + "}"
}
