package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

type object = map[string]any

// client is a customer's backend. It asks until it is answered: one process, then the other, with the same key.
type client struct {
	s      *scene
	tenant int

	mu    sync.Mutex
	token string
	turn  int
	ids   map[string]string
}

func newClient(s *scene, tenant int) *client {
	return &client{s: s, tenant: tenant, ids: map[string]string{}}
}

// named is a name in the log of acknowledgements.
func (c *client) named(kind, name string) string {
	return fmt.Sprintf("%s %d %s", kind, c.tenant, name)
}

func (c *client) keep(name, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids[name] = id
}

func (c *client) id(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ids[name]
}

// webs are the processes that answer.
func (s *scene) webs() (all []*process) {
	for _, p := range s.processes {
		if p.role != "worker" {
			all = append(all, p)
		}
	}
	return all
}

func (c *client) next() *process {
	webs := slices.DeleteFunc(c.s.webs(), func(p *process) bool { return p.out.Load() })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn++
	return webs[(c.turn+c.tenant)%len(webs)]
}

// errFinal is an answer that will not change.
type errFinal struct{ text string }

func (e errFinal) Error() string { return e.text }

// do asks until there is an answer, and notes what it acknowledges. A key makes it one call, however often it is sent.
func (c *client) do(ctx context.Context, key, query string, variables object, into any, told map[string]string) error {
	var last error
	for end := time.Now().Add(settleTime); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(30 * time.Millisecond) {
		body, err := c.ask(ctx, c.next(), key, query, variables)
		if final, ok := errors.AsType[errFinal](err); ok {
			return fmt.Errorf("%s: %w", key, final)
		}
		if last = err; err != nil {
			continue
		}
		var answer struct{ Data json.RawMessage }
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if into != nil {
			if err := json.Unmarshal(answer.Data, into); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
		if key != "" {
			c.s.acks.add(told)
		}
		return nil
	}
	c.s.mu.Lock()
	c.s.stuck++
	c.s.mu.Unlock()
	return fmt.Errorf("%s is never answered: %w", key, last)
}

// again are the codes of answers after which the same call is sent once more.
var again = map[string]bool{"INTERNAL": true, "UNAVAILABLE": true, "TIMEOUT": true, "CONFLICT": true}

// ask sends a request to a process once.
func (c *client) ask(ctx context.Context, p *process, key, query string, variables object) (string, error) {
	body, err := json.Marshal(object{"query": query, "variables": variables})
	if err != nil {
		return "", err
	}
	return c.send(ctx, p, key, "application/json", body)
}

func (c *client) send(ctx context.Context, p *process, key, media string, body []byte) (string, error) {
	token, err := c.signIn(ctx, p)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+p.addr+"/graphql", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", media)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("GraphQL-Require-Preflight", "1")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	begun := time.Now()
	status, text, err := c.s.roundTrip(r)
	c.s.took(time.Since(begun))
	if err != nil {
		return "", err
	}
	if strings.Contains(text, canary(1-c.tenant)) {
		c.s.leak("an answer to one customer holds data of the other")
	}
	if status == http.StatusUnauthorized {
		c.mu.Lock()
		c.token = ""
		c.mu.Unlock()
		return "", errors.New("the token is not known")
	}
	var answer struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code, Field string }
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return "", fmt.Errorf("%d %.200s", status, text)
	}
	if len(answer.Errors) > 0 {
		why := answer.Errors[0].Extensions
		c.s.fails(fmt.Sprint(status, " ", why.Code))
		if !again[why.Code] || why.Field == "idempotencyKey" { // the key of somebody who was erased stays used
			return "", errFinal{fmt.Sprintf("%d %.300s", status, text)}
		}
		return "", fmt.Errorf("%d %.300s", status, text)
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("%d %.200s", status, text)
	}
	return text, nil
}

// answered keeps what a call was answered, to be compared with a run without faults.
func (c *client) answered(call, text string) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.answers[call] = text
}

func (s *scene) took(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slowest = max(s.slowest, d)
}

// failed notes a request that was not answered.
func (s *scene) failed(err error) {
	kind := "no answer"
	switch late, ok := errors.AsType[net.Error](err); {
	case errors.Is(err, syscall.ECONNREFUSED):
		kind = "refused"
	case errors.Is(err, syscall.ECONNRESET):
		kind = "reset"
	case ok && late.Timeout():
		kind = "no answer in time"
	}
	s.fails(kind)
}

// fails counts what a client saw fail.
func (s *scene) fails(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[what]++
}

// roundTrip sends one request and reads the whole answer.
func (s *scene) roundTrip(r *http.Request) (int, string, error) {
	a, err := direct.Do(r)
	if err != nil {
		s.failed(err)
		return 0, "", err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		s.failed(err)
	}
	return a.StatusCode, string(text), err
}

func (c *client) signIn(ctx context.Context, p *process) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" {
		return c.token, nil
	}
	l := c.s.logins[c.tenant]
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {l.ClientID}, "client_secret": {l.ClientSecret}}
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+p.addr+"/auth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, text, err := c.s.roundTrip(r)
	if err != nil {
		return "", err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.AccessToken == "" {
		return "", fmt.Errorf("no token: %d %.200s", status, text)
	}
	c.token = answer.AccessToken
	return c.token, nil
}

// upload sends a statement file.
func (c *client) upload(ctx context.Context, consumer, file string) error {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	operations, _ := json.Marshal(object{"query": `mutation($input: ImportStatementInput!) { importStatement(input: $input) { createdCount unchangedCount rejected { message } } }`,
		"variables": object{"input": object{"file": nil, "consumerId": consumer}}})
	form.WriteField("operations", string(operations))
	form.WriteField("map", `{"0":["variables.input.file"]}`)
	part, _ := form.CreateFormFile("0", "statement.csv")
	io.WriteString(part, file)
	form.Close()
	for end := time.Now().Add(settleTime); ; time.Sleep(30 * time.Millisecond) {
		text, err := c.send(ctx, c.next(), "statement", form.FormDataContentType(), b.Bytes())
		if err == nil {
			if !strings.Contains(text, `"rejected":[]`) {
				return fmt.Errorf("the statement: %s", text)
			}
			c.s.acks.add(nil)
			return nil
		}
		if _, final := errors.AsType[errFinal](err); final || time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("statement: %w", err)
		}
	}
}

// category is one that a rule can give.
func (c *client) category(ctx context.Context) string {
	var found struct{ Categories []struct{ ID, Name string } }
	if err := c.do(ctx, "", `{ categories { id name } }`, nil, &found, nil); err != nil || len(found.Categories) < 6 {
		c.s.wrong("categories: %v", err)
		return ""
	}
	return found.Categories[5].ID
}

// link links a bank as a consumer does in the browser. A login that breaks off, because the process is gone in whose
// memory it was, is begun again.
func (c *client) link(ctx context.Context, p *person) error {
	for end := time.Now().Add(settleTime); ; {
		done, last, err := c.linkOnce(ctx, p)
		if done || err != nil {
			return err
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("%s cannot link the bank: %s", p.name, last)
		}
	}
}

func (c *client) linkOnce(ctx context.Context, p *person) (done bool, last string, err error) {
	var session struct {
		CreateSession struct{ Session struct{ ID string } }
	}
	if err := c.do(ctx, "", `mutation($input: CreateSessionInput!) { createSession(input: $input) { session { id } } }`, object{"input": object{
		"psu": object{"userAgent": "Chaos", "ipAddress": "127.0.0.1"}, "consentScope": object{"insightsRefresh": object{}}}}, &session, nil); err != nil {
		return false, "", err
	}
	var flow struct {
		StartInsightsRefreshFlow struct {
			Flow        struct{ ID string }
			ClientToken string
		}
	}
	if err := c.do(ctx, "", `mutation($input: StartInsightsRefreshFlowInput!) { startInsightsRefreshFlow(input: $input) { flow { id } clientToken } }`,
		object{"input": object{"sessionId": session.CreateSession.Session.ID, "consumerId": c.id(p.name), "storeConsent": "REQUIRED"}}, &flow, nil); err != nil {
		if _, final := errors.AsType[errFinal](err); final { // the first try was stored, but not answered: the session has its flow
			return false, "its flow is not known", nil
		}
		return false, "", err
	}
	w := window{c: c, token: flow.StartInsightsRefreshFlow.ClientToken}
	w.go_(ctx, p.bank)
	var seen struct {
		Flow struct {
			State string
			Error *struct{ Category string }
		}
	}
	err = c.s.until(ctx, "the end of a flow", func(ctx context.Context) (bool, error) {
		err := c.do(ctx, "", `query($id: ID!) { flow(id: $id) { state error { category } } }`, object{"id": flow.StartInsightsRefreshFlow.Flow.ID}, &seen, nil)
		return seen.Flow.State != "PROCESSING", err
	})
	last = fmt.Sprintf("the flow is %s, the page got as far as %s %s with status %d", seen.Flow.State, w.seen.State, w.seen.Stage, w.status)
	if seen.Flow.Error != nil {
		last += ", its error is " + seen.Flow.Error.Category
	}
	switch {
	case err != nil:
		return false, last, err
	case seen.Flow.State == "FINISHED":
		c.s.acks.add(map[string]string{c.named("linked", p.name): "ACTIVE"})
		return true, last, nil
	case seen.Flow.State == "CONSUMER_INPUT_NEEDED": // the page did not get any further
		return false, last, c.do(ctx, "", `mutation($input: AbortFlowInput!) { abortFlow(input: $input) { flow { id } } }`, object{"input": object{"flowId": flow.StartInsightsRefreshFlow.Flow.ID}}, nil, nil)
	}
	return false, last, nil
}

// window is the connect app's page in a browser.
type window struct {
	c      *client
	token  string
	status int // of the last answer
	seen   struct {
		Version      int
		State, Stage string
		Accounts     []struct{ ID string }
	}
}

// go_ goes the whole way, as far as it leads.
func (w *window) go_(ctx context.Context, login string) {
	if !w.look(ctx) {
		return
	}
	for _, action := range []object{{"action": "bank", "bank": "sandbox-de", "store": true}, {"action": "answer", "values": object{"login": login, "password": login}},
		{"action": "answer", "values": object{"code": "123456"}}, {"action": "accounts"}} {
		if action["action"] == "accounts" {
			ids := []string{}
			for _, a := range w.seen.Accounts {
				ids = append(ids, a.ID)
			}
			action["accounts"] = ids
		}
		action["version"] = w.seen.Version
		if w.send(ctx, "POST", action) != http.StatusOK || !w.look(ctx) {
			return
		}
	}
}

// look waits until the bank has answered.
func (w *window) look(ctx context.Context) bool {
	for end := time.Now().Add(settleTime); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if w.send(ctx, "GET", nil) == http.StatusOK && w.seen.State != "PROCESSING" {
			return w.seen.State == "CONSUMER_INPUT_NEEDED"
		}
		if w.seen.State != "" && w.seen.State != "PROCESSING" && w.seen.State != "CONSUMER_INPUT_NEEDED" {
			return false
		}
	}
	return false
}

func (w *window) send(ctx context.Context, method string, body object) int {
	b, _ := json.Marshal(body)
	r, err := http.NewRequestWithContext(ctx, method, "http://"+w.c.next().addr+"/connect/api/flow", bytes.NewReader(b))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.token)
	status, text, err := w.c.s.roundTrip(r)
	w.status = status
	if err != nil || status != http.StatusOK {
		return status
	}
	w.seen.Accounts = nil
	if json.Unmarshal([]byte(text), &w.seen) != nil {
		return 0
	}
	return status
}

// hook is where callbacks come to.
type hook struct {
	url    string
	server *httptest.Server

	mu   sync.Mutex
	came map[string]int // by the callback's id
	fail int            // so many are not taken
}

func newHook(s *scene) *hook {
	h := &hook{came: map[string]int{}}
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "CNRY") {
			s.leak("a callback holds account data")
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.fail > 0 {
			h.fail--
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h.came[r.Header.Get("webhook-id")]++
	}))
	h.url = h.server.URL + "/hook"
	return h
}

func (h *hook) close() { h.server.Close() }

// errorList takes errors of what goes side by side.
type errorList struct {
	mu   sync.Mutex
	errs []error
}

func (l *errorList) add(err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

func (l *errorList) any() bool { l.mu.Lock(); defer l.mu.Unlock(); return len(l.errs) > 0 }

// err is the first of them; the others mostly say the same.
func (l *errorList) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.errs) == 0 {
		return nil
	}
	return l.errs[0]
}
