package graph

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const hello = `{"query":"{viewer{role}}"}`

// The order of the checks, and what each answers.
func TestRequests(t *testing.T) {
	h := newHouse(t)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	method := func(m string) func(*http.Request) { return func(r *http.Request) { r.Method = m } }
	get := func(query string, more ...string) func(*http.Request) {
		return func(r *http.Request) {
			in := url.Values{"query": {query}}
			for i := 0; i < len(more); i += 2 {
				in.Set(more[i], more[i+1])
			}
			r.Method, r.URL.RawQuery = "GET", in.Encode()
			r.Header.Del("Content-Type")
		}
	}
	change := `mutation M{createConsumer(input:{externalId:"byget"}){consumer{id}}}`
	long := `{"query":"{viewer{role}}","variables":{"x":"` + strings.Repeat("x", MaxBody) + `"}}`
	for _, one := range []struct {
		name, as, body string
		change         func(*http.Request)
		status         int
		code, message  string
	}{
		{"fine", "acme", hello, nil, 200, "", ""},
		{"charset", "acme", hello, header("Content-Type", "application/json; charset=UTF-8"), 200, "", ""},
		{"nulls", "acme", `{"query":"{viewer{role}}","variables":null,"operationName":null,"extensions":null}`, nil, 200, "", ""},

		{"GET of nothing without a token", "", "", method("GET"), 401, "Y020", "Invalid token in authorization header"},
		{"GET of nothing", "acme", "", method("GET"), 400, "Y806", "Invalid Input"}, // not 405: a GET may ask (GraphQL over HTTP 6.4)
		{"GET of nothing, with the rest", "anna", "", func(r *http.Request) { r.Method, r.URL.RawQuery = "GET", "operationName=Q&variables={}" }, 400, "Y806", "Invalid input"},
		{"GET of an empty query", "acme", "", get(""), 200, "GRAPHQL_VALIDATION_FAILED", "no operation provided"},
		{"GET of a query", "acme", "", get("{viewer{role}}"), 200, "", ""},
		{"GET with variables", "acme", "", get("query($n:Int){consumers(first:$n){totalCount}}", "variables", `{"n":1}`, "extensions", `{"a":1}`, "operationName", ""), 200, "", ""},
		{"GET of one of two", "acme", "", get("query Q{viewer{role}}"+change, "operationName", "Q"), 200, "", ""},
		{"GET of the other", "acme", "", get("query Q{viewer{role}}"+change, "operationName", "M"), 405, "Y806", "Use POST"},
		{"GET of a mutation", "acme", "", get(change), 405, "Y806", "Use POST"},
		{"GET of a mutation, a body and a form", "acme", hello, func(r *http.Request) {
			get(change)(r)
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		}, 405, "Y806", "Use POST"},
		{"hash for a document", "acme", `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"ec"}}}`, nil, 400, "Y806", "PersistedQueryNotSupported"},
		{"GET of a hash", "anna", "", func(r *http.Request) {
			r.Method, r.URL.RawQuery = "GET", url.Values{"extensions": {`{"persistedQuery":{"version":1}}`}}.Encode()
		}, 400, "Y806", "PersistedQueryNotSupported"},
		{"hash beside a document", "acme", `{"query":"{viewer{role}}","extensions":{"persistedQuery":{"version":1}}}`, nil, 200, "", ""},

		{"several operations", "acme", `{"query":"query A{viewer{role}} query B{viewer{role}}"}`, nil, 200, "GRAPHQL_VALIDATION_FAILED", "operationName is needed: the document has several operations"},
		{"no such operation", "acme", `{"query":"query A{viewer{role}}","operationName":"B"}`, nil, 200, "GRAPHQL_VALIDATION_FAILED", "operation B not found"},
		{"list for text", "acme", `{"query":"query($i:ID){consumer(id:$i){id}}","variables":{"i":[]}}`, nil, 200, "GRAPHQL_VALIDATION_FAILED", "The value is not a valid ID"},
		{"fraction for a whole number", "acme", `{"query":"query($n:Int){consumers(first:$n){totalCount}}","variables":{"n":1.5}}`, nil, 200, "GRAPHQL_VALIDATION_FAILED", "The value is not a valid Int"},
		{"number for an object", "acme", `{"query":"query($f:FeedFilter){feed(filter:$f){totalCount}}","variables":{"f":1}}`, nil, 200, "GRAPHQL_VALIDATION_FAILED", "The value is not a valid FeedFilter"},

		{"GET without a token", "", "", get("{viewer{role}}"), 401, "Y020", "Invalid token in authorization header"},
		{"GET of a mutation without a token", "", "", get(change), 401, "Y020", "Invalid token in authorization header"},
		{"GET with broken variables", "acme", "", get("{viewer{role}}", "variables", "{"), 400, "Y800", "Invalid value for input json"},
		{"GET with a list of variables", "anna", "", get("{viewer{role}}", "variables", "[]"), 400, "Y806", "Invalid input"},
		{"GET of a long document", "acme", "", get("{viewer{role}}" + strings.Repeat(" ", MaxQuery)), 413, "REQUEST_TOO_LARGE", "The request is too large"},
		{"HEAD", "acme", "", func(r *http.Request) { get("{viewer{role}}")(r); r.Method = "HEAD" }, 405, "Y806", "Use POST"},
		{"PUT", "acme", hello, method("PUT"), 405, "Y806", "Use POST"},
		{"form", "", "query={viewer{role}}", header("Content-Type", "application/x-www-form-urlencoded"), 415, "Y806", "Use application/json in UTF-8"},
		{"text", "acme", hello, header("Content-Type", "text/plain"), 415, "Y806", "Use application/json in UTF-8"},
		{"no media type", "acme", hello, header("Content-Type", ""), 415, "Y806", "Use application/json in UTF-8"},
		{"another charset", "acme", hello, header("Content-Type", "application/json; charset=latin1"), 415, "Y806", "Use application/json in UTF-8"},
		{"compressed", "acme", hello, header("Content-Encoding", "gzip"), 415, "Y806", "Send the body without Content-Encoding"},

		{"no token", "", hello, nil, 401, "Y020", "Invalid token in authorization header"},
		{"no token, broken body", "", "{", nil, 401, "Y020", "Invalid token in authorization header"},
		{"no token, long body", "", long, nil, 401, "Y020", "Invalid token in authorization header"},
		{"bad token", "", hello, header("Authorization", "Bearer x"), 401, "Y020", "Invalid token in authorization header"},
		{"Basic", "", hello, header("Authorization", "Basic YTpi"), 401, "Y020", "Invalid token in authorization header"},

		{"long", "acme", long, nil, 413, "REQUEST_TOO_LARGE", "The request is too large"},
		{"long, chunked", "acme", long, func(r *http.Request) { r.ContentLength = -1 }, 413, "REQUEST_TOO_LARGE", "The request is too large"},
		{"long document", "acme", `{"query":"{viewer{role}}` + strings.Repeat(" ", MaxQuery) + `"}`, nil, 413, "REQUEST_TOO_LARGE", "The request is too large"},

		{"not JSON", "acme", `{ "not a JSON`, nil, 400, "Y800", "Invalid value for input json"},
		{"empty", "acme", ``, nil, 400, "Y800", "Invalid value for input json"},
		{"two values", "acme", hello + hello, nil, 400, "Y800", "Invalid value for input json"},
		{"deep", "acme", strings.Repeat("[", 20000), nil, 413, "REQUEST_TOO_LARGE", "The request is too large"},
		{"batch", "acme", "[" + hello + "]", nil, 400, "Y806", "Invalid Input"},
		{"batch of a user", "anna", "[" + hello + "]", nil, 400, "Y806", "Invalid input"},
		{"null", "acme", `null`, nil, 400, "Y806", "Invalid Input"},
		{"no query", "acme", `{"qeury":"{viewer{role}}"}`, nil, 400, "Y806", "Invalid Input"},
		{"query null", "acme", `{"query":null}`, nil, 400, "Y806", "Invalid Input"},
		{"query 0", "acme", `{"query":0}`, nil, 400, "Y806", "Invalid Input"},
		{"variables list", "acme", `{"query":"{viewer{role}}","variables":[]}`, nil, 400, "Y806", "Invalid Input"},
		{"variables text", "anna", `{"query":"{viewer{role}}","variables":"{}"}`, nil, 400, "Y806", "Invalid input"},
		{"operationName object", "acme", `{"query":"{viewer{role}}","operationName":{}}`, nil, 400, "Y806", "Invalid Input"},
		{"extensions 0", "acme", `{"query":"{viewer{role}}","extensions":0}`, nil, 400, "Y806", "Invalid Input"},
	} {
		got := h.post(one.as, strings.NewReader(one.body), one.change)
		message := ""
		if len(got.Errors) == 1 {
			message = got.Errors[0].Message
			if got.Errors[0].Extensions.RequestID != "test" || strings.Contains(got.body, `"data"`) {
				t.Errorf("%s: %s", one.name, got.body)
			}
		}
		if got.status != one.status || got.codes() != one.code || message != one.message {
			t.Errorf("%s: %d %s", one.name, got.status, got.body)
		}
		if (got.status == 401) != (got.header.Get("WWW-Authenticate") == "Bearer") || (got.status == 405) != (got.header.Get("Allow") == "POST") {
			t.Errorf("%s: header %v", one.name, got.header)
		}
	}
	if h.log.Len() > 0 {
		t.Errorf("logged: %s", h.log)
	}
	if got := h.send("acme", `{consumer(externalId:"byget"){id}}`, nil); !strings.Contains(got.body, `"consumer":null`) {
		t.Errorf("GET has changed something: %s", got.body)
	}
}

// A compressed bomb is refused without being unpacked, and a body without end is read to the limit only.
func TestBodiesAreNotReadBeyondTheLimit(t *testing.T) {
	h := newHouse(t)
	read := &counting{Reader: io.MultiReader(strings.NewReader(`{"query":"`), endless{})}
	if got := h.post("acme", read, nil); got.status != 413 || read.n > MaxBody+1<<16 {
		t.Errorf("status %d after %d bytes", got.status, read.n)
	}
	read = &counting{Reader: endless{}}
	if got := h.post("", read, nil); got.status != 401 || read.n > 0 {
		t.Errorf("without a token: status %d after %d bytes", got.status, read.n)
	}
	r, w := io.Pipe()
	go func() {
		z := gzip.NewWriter(w)
		io.CopyN(z, endless{}, 1<<24)
		z.Close()
		w.Close()
	}()
	if got := h.post("acme", r, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }); got.status != 415 {
		t.Errorf("compressed: status %d", got.status)
	}
	r.Close()
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

type counting struct {
	io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func TestMediaTypes(t *testing.T) {
	for accept, want := range map[string]string{
		"":                                  mediaJSON,
		"*/*":                               mediaJSON,
		"application/json":                  mediaJSON,
		"application/graphql-response+json": mediaGraphQL,
		"application/graphql-response+json, application/json":              mediaGraphQL,
		"application/json, application/graphql-response+json":              mediaJSON,
		"application/graphql-response+json;q=0.5, application/json;q=0.9":  mediaJSON,
		"application/json;q=0.5, application/graphql-response+json; q=0.9": mediaGraphQL,
		"application/graphql-response+json; charset=utf-8, */*;q=0.1":      mediaGraphQL,
		"text/html": mediaJSON,
		";;,":       mediaJSON,
	} {
		if got := accepted([]string{accept}); got != want {
			t.Errorf("%s: %s, want %s", accept, got, want)
		}
	}
	h := newHouse(t)
	for _, one := range []struct {
		query        string
		plain, newer int
		data         bool
	}{
		{`{viewer{role}}`, 200, 200, true},
		{`{viewer{role`, 200, 400, false},
		{`{nothing}`, 200, 400, false},
		{`query($a:Int!){consumers(first:$a){totalCount}}`, 200, 400, false},
		{`query A{viewer{role}} query B{viewer{role}}`, 200, 400, false},
		{`{consumers(first:101){totalCount}}`, 200, 200, true},
	} {
		for media, status := range map[string]int{mediaJSON: one.plain, mediaGraphQL: one.newer} {
			body := fmt.Sprintf(`{"query":%q}`, one.query)
			got := h.post("acme", strings.NewReader(body), func(r *http.Request) { r.Header.Set("Accept", media) })
			if got.status != status || got.header.Get("Content-Type") != media+"; charset=utf-8" || strings.Contains(got.body, `"data"`) != one.data {
				t.Errorf("%s, %s: %d %s %s", one.query, media, got.status, got.header.Get("Content-Type"), got.body)
			}
		}
	}
}

func TestRequestIDs(t *testing.T) {
	h := newHouse(t)
	ids := regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	for sent, taken := range map[string]bool{"a-1_2.Z": true, "": false, "a b": false, strings.Repeat("x", 65): false, "a\"b": false} {
		got := h.post("", strings.NewReader(hello), func(r *http.Request) { r.Header.Set("X-Request-Id", sent) })
		id := got.header.Get("X-Request-Id")
		if (id == sent) != taken || !ids.MatchString(id) || got.Errors[0].Extensions.RequestID != id {
			t.Errorf("sent %q, got %q, %s", sent, id, got.body)
		}
	}
}
