package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
	Errors []struct {
		Message    string
		Extensions struct{ Code, Field, RequestID string }
	}
}

// codes are those of the errors, each once.
func (g answer) codes() string {
	var codes []string
	seen := map[string]bool{}
	for _, e := range g.Errors {
		if !seen[e.Extensions.Code] {
			codes = append(codes, e.Extensions.Code)
		}
		seen[e.Extensions.Code] = true
	}
	return strings.Join(codes, " ")
}

func (g answer) hasData() bool { return strings.Contains(g.body, `"data":{`) }

// as is the same caller with another token.
func (c customer) as(token string) customer { c.token = token; return c }

// ask sends an operation.
func (c customer) ask(query string, variables any) (answer, error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return answer{}, err
	}
	return c.post(bytes.NewReader(body), nil)
}

// do sends an operation that has to succeed. Its variable i is the input.
func (c customer) do(data any, query string, input any) error {
	got, err := c.ask(query, object{"i": input})
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []any
	}
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil || answer.Errors != nil {
		return fmt.Errorf("%.60s…: %d %.500s", query, got.status, got.body)
	}
	return json.Unmarshal(answer.Data, data)
}

// post sends a body to /graphql.
func (c customer) post(body io.Reader, change func(*http.Request)) (answer, error) {
	r, err := http.NewRequest("POST", c.server.url+"/graphql", body)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if change != nil {
		change(r)
	}
	return c.house.sendFor(r, max(c.most, maxAnswer))
}

// patient waits long enough for the slowest answer that a server may give.
var patient = &http.Client{Timeout: 5 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// send sends a request. Whatever is answered tells nothing of the server's inside and nothing that must not get out, and is
// not long.
func (a *attack) send(r *http.Request) (got answer, err error) { return a.sendFor(r, maxAnswer) }

// sendFor sends a request whose answer may have so many bytes.
func (a *attack) sendFor(r *http.Request, most int) (got answer, err error) {
	begin := time.Now()
	back, err := patient.Do(r.WithContext(a.ctx))
	if err != nil {
		return got, err
	}
	defer back.Body.Close()
	text, err := io.ReadAll(back.Body)
	if err != nil {
		return got, err
	}
	got = answer{status: back.StatusCode, header: back.Header, body: string(text), took: time.Since(begin)}
	_ = json.Unmarshal(text, &got)
	a.mu.Lock()
	a.answers++
	a.mu.Unlock()
	a.harmless(r.Method+" "+r.URL.Path, got, most)
	return got, nil
}

// insides are words that only an answer holds which tells too much.
var insides = []string{"Did you mean", "goroutine ", ".go:", "SQLSTATE", "pgconn", "runtime error", "syntax error at or near", "invalid byte sequence", "/tmp/", "Internal error."}

func (a *attack) harmless(what string, got answer, most int) {
	for _, word := range insides {
		a.check(!strings.Contains(got.body, word), "%s: the answer says %q: %.500s", what, word, got.body)
	}
	a.check(got.status != 500, "%s: status 500: %.300s", what, got.body)
	a.check(len(got.body) < most || got.status == 200 && strings.Contains(got.header.Get("Content-Type"), "text/html"), "%s: an answer of %d bytes", what, len(got.body))
	a.check(a.leaked(got.body) == "", "%s: the answer holds %s: %.300s", what, a.leaked(got.body), got.body)
}
