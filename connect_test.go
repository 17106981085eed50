package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"insightgraph/web/webtest"
)

// The five workflows of linking a bank, each through the running program, and where a consumer acts through a browser.

// shop is a customer with a token, on a running server.
type shop struct {
	client
	p     *process
	login login
	env   []string
}

// openShop starts a server of its own with a customer.
func openShop(t *testing.T, args ...string) shop {
	t.Helper()
	env := ready(t)
	p := serve(t, env, args...)
	s := shop{p: p, env: env}
	if out := command(t, env, "customer", "create", "--name", "Beispiel GmbH", "--time-zone", "Europe/Berlin", "--json"); json.Unmarshal([]byte(out), &s.login) != nil {
		t.Fatalf("customer create says %q", out)
	}
	s.client = p.signIn(s.login, "")
	return s
}

// session makes a session; scope is its insightsRefresh.
func (s shop) session(scope object) string {
	s.t.Helper()
	var made struct {
		CreateSession struct{ Session struct{ ID string } }
	}
	s.do(&made, `mutation($input: CreateSessionInput!) { createSession(input: $input) { session { id } } }`, object{"input": object{
		"psu": object{"userAgent": "Test", "ipAddress": "127.0.0.1"}, "consentScope": object{"insightsRefresh": scope}}})
	return made.CreateSession.Session.ID
}

// started is a flow that waits for its consumer.
type started struct{ ID, Token, URL string }

// start starts a flow in a session of its own.
func (s shop) start(input object) started {
	s.t.Helper()
	var made struct {
		StartInsightsRefreshFlow struct {
			Flow             struct{ ID, State string }
			ClientToken, URL string
		}
	}
	in := object{"sessionId": s.session(object{})}
	for k, v := range input {
		in[k] = v
	}
	s.do(&made, `mutation($input: StartInsightsRefreshFlowInput!) { startInsightsRefreshFlow(input: $input) { flow { id state } clientToken url } }`, object{"input": in})
	f := made.StartInsightsRefreshFlow
	if f.Flow.State != "CONSUMER_INPUT_NEEDED" {
		s.t.Fatalf("a flow begins as %s", f.Flow.State)
	}
	return started{f.Flow.ID, f.ClientToken, f.URL}
}

type problem struct{ Category, Message string }

// linked is what came of a flow.
type linked struct {
	State         string
	Error         *problem
	Consumer      *struct{ ID, ExternalID string }
	Accounts      []struct{ ID, Name string }
	ConsentStored bool
}

func (s shop) flow(id string) linked {
	s.t.Helper()
	var found struct{ Flow linked }
	s.do(&found, `query($id: ID!) { flow(id: $id) { state error { category message } consumer { id externalId } accounts { id name } consentStored } }`, object{"id": id})
	return found.Flow
}

// ended asks until the flow has ended.
func (s shop) ended(id string) linked {
	s.t.Helper()
	var f linked
	s.until("the flow ends", func() bool {
		f = s.flow(id)
		return f.State != "PROCESSING" && f.State != "CONSUMER_INPUT_NEEDED"
	})
	return f
}

// until asks again until something holds, as clients poll.
func (s shop) until(what string, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("it never comes to pass that %s", what)
		}
	}
}

// window is the connect app's page as a browser's script sees it: its API with a client token.
type window struct {
	t     *testing.T
	url   string
	token string
	seen  struct {
		Version      int
		State, Stage string
		Step         *struct {
			Kind, URL string
			Fields    []struct{ Name string }
		}
		Accounts []struct{ ID, Name, IBAN string }
		Problem  *problem
		Slow     bool
	}
}

func (s shop) open(f started) *window { return &window{t: s.t, url: s.p.url, token: f.Token} }

// send does a request and takes over what it answers.
func (p *window) send(method string, body object) int {
	p.t.Helper()
	b, _ := json.Marshal(body)
	r, err := http.NewRequest(method, p.url+"/connect/api/flow", bytes.NewReader(b))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+p.token)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if a.StatusCode == http.StatusOK || a.StatusCode == http.StatusConflict {
		p.seen.Step, p.seen.Problem, p.seen.Accounts = nil, nil, nil
		if err := json.Unmarshal(text, &p.seen); err != nil {
			p.t.Fatalf("%s %v", text, err)
		}
	}
	return a.StatusCode
}

// act does an action and waits until the bank has answered.
func (p *window) act(action string, more object) *window {
	p.t.Helper()
	body := object{"version": p.seen.Version, "action": action}
	for k, v := range more {
		body[k] = v
	}
	if status := p.send("POST", body); status != http.StatusOK {
		p.t.Fatalf("%s: %d", action, status)
	}
	return p.settled()
}

func (p *window) settled() *window {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); p.seen.State == "PROCESSING" || p.seen.State == ""; time.Sleep(50 * time.Millisecond) {
		if p.send("GET", nil); time.Now().After(end) {
			p.t.Fatal("the bank never answers")
		}
	}
	return p
}

func (p *window) answer(values object) *window { return p.act("answer", object{"values": values}) }

// link goes the whole way at a bank that asks for login, password and code, and picks all accounts.
func (p *window) link(bank, login string) *window {
	p.t.Helper()
	p.settled()
	p.act("bank", object{"bank": bank, "store": true})
	p.answer(object{"login": login, "password": login})
	p.answer(object{"code": "123456"})
	return p.pickAll()
}

func (p *window) pickAll() *window {
	p.t.Helper()
	var ids []string
	for _, a := range p.seen.Accounts {
		ids = append(ids, a.ID)
	}
	return p.act("accounts", object{"accounts": ids})
}

// stored is what storage holds of a consumer.
type stored struct {
	Accounts []struct {
		ID, Name, Container, Type, ProviderName string
		Balance                                 *struct{ Current struct{ Amount string } }
		Transactions                            struct{ TotalCount int }
	}
	All, Pending int
	Oldest       string
}

func (s shop) storage(consumer string) (found stored) {
	s.t.Helper()
	var data struct {
		Consumer struct {
			Accounts struct {
				Nodes []struct {
					ID, Name, Container, Type, ProviderName string
					Balance                                 *struct{ Current struct{ Amount string } }
					Transactions                            struct{ TotalCount int }
				}
			}
			All, Pending struct{ TotalCount int }
			Oldest       struct {
				Nodes []struct{ BookingDate string }
			}
		}
	}
	s.do(&data, `query($id: ID!) { consumer(id: $id) {
		accounts { nodes { id name container type providerName balance { current { amount } } transactions { totalCount } } }
		all: transactions { totalCount } pending: transactions(filter: { status: PENDING }) { totalCount }
		oldest: transactions(last: 1) { nodes { bookingDate } } } }`, object{"id": consumer})
	found.Accounts = data.Consumer.Accounts.Nodes
	found.All, found.Pending = data.Consumer.All.TotalCount, data.Consumer.Pending.TotalCount
	if n := data.Consumer.Oldest.Nodes; len(n) > 0 {
		found.Oldest = n[0].BookingDate
	}
	return found
}

// refresh starts a consent refresh and polls it to its end.
func (s shop) refresh(consumer string) (r struct {
	ID, State           string
	FinishedAt          *string
	Error               *problem
	NewTransactionCount int
}) {
	s.t.Helper()
	var made struct {
		StartConsentRefresh struct{ Refresh struct{ ID, State string } }
	}
	s.do(&made, `mutation($input: StartConsentRefreshInput!) { startConsentRefresh(input: $input) { refresh { id state } } }`, object{"input": object{"consumerId": consumer}})
	s.until("the refresh ends", func() bool {
		var found struct {
			Refresh *struct {
				ID, State           string
				FinishedAt          *string
				Error               *problem
				NewTransactionCount int
			}
		}
		s.do(&found, `query($id: ID!) { refresh(id: $id) { id state finishedAt error { category message } newTransactionCount } }`, object{"id": made.StartConsentRefresh.Refresh.ID})
		r = *found.Refresh
		return r.State != "PROCESSING"
	})
	return r
}

// TestReturningConsumer is the second workflow: the same accounts keep their ids, nothing comes twice.
func TestReturningConsumer(t *testing.T) {
	t.Parallel()
	s, p := openShop(t), newPerson(t)
	first := s.start(object{"consumerExternalId": "c-1"})
	p.link(first.URL, "sandbox-de", "anna")
	one := s.ended(first.ID)
	if one.State != "FINISHED" || one.Consumer == nil || one.Consumer.ExternalID != "c-1" || len(one.Accounts) != 3 || one.ConsentStored {
		t.Fatalf("the first flow: %+v", one)
	}
	before := s.storage(one.Consumer.ID)
	if before.All < 500 || before.Oldest > time.Now().AddDate(-1, -6, 0).Format(time.DateOnly) {
		t.Errorf("18 months of data: %+v", before)
	}
	second := s.start(object{"consumerId": one.Consumer.ID})
	p.link(second.URL, "sandbox-de", "anna")
	two := s.ended(second.ID)
	after := s.storage(one.Consumer.ID)
	if two.State != "FINISHED" || two.Consumer.ID != one.Consumer.ID || fmt.Sprint(two.Accounts) != fmt.Sprint(one.Accounts) {
		t.Errorf("the second flow: %+v\nthe first: %+v", two, one)
	}
	if !reflect.DeepEqual(after, before) {
		t.Errorf("after: %+v\nbefore: %+v", after, before)
	}
	// Another bank adds accounts.
	third := s.start(object{"consumerId": one.Consumer.ID})
	p.link(third.URL, "sandbox-noconsent", "ben")
	if three := s.ended(third.ID); three.State != "FINISHED" || len(s.storage(one.Consumer.ID).Accounts) != 3+len(three.Accounts) {
		t.Errorf("another bank: %+v", three)
	}
}

// TestStoredConsent is the third workflow and the fourth: refreshes without the consumer, and what ends them.
func TestStoredConsent(t *testing.T) {
	t.Parallel()
	s, p := openShop(t), newPerson(t)
	f := s.start(object{"storeConsent": "REQUIRED"})
	p.open(f.URL).choose("sandbox-noconsent").do(screen("exception")).reads("does not support stored consents")
	if e := s.ended(f.ID); e.State != "EXCEPTION" || e.Error == nil || e.Error.Category != "NOT_SUPPORTED.CONSENT" || e.Consumer != nil {
		t.Errorf("a bank without consents: %+v", e)
	}
	f = s.start(object{"storeConsent": "REQUIRED"})
	p.link(f.URL, "sandbox-de", "anna")
	done := s.ended(f.ID)
	if done.State != "FINISHED" || !done.ConsentStored {
		t.Fatalf("with a stored consent: %+v", done)
	}
	consumer := done.Consumer.ID
	if r := s.refresh(consumer); r.State != "FINISHED" || r.Error != nil || r.NewTransactionCount != 0 || r.FinishedAt == nil {
		t.Errorf("a refresh: %+v", r)
	}
	type automatic struct {
		Account                      struct{ ID string }
		Interval                     *string
		IntervalMinutes              int
		NextRefreshAt                *time.Time
		LastRefreshState             *string
		FailedCount                  int
		ConsentAuthorizationRequired bool
	}
	list := func() (all []automatic) {
		var found struct{ AutomaticRefreshes []automatic }
		s.do(&found, `query($id: ID!) { automaticRefreshes(consumerId: $id) { account { id } interval intervalMinutes nextRefreshAt lastRefreshState failedCount consentAuthorizationRequired lastError { category } } }`, object{"id": consumer})
		return found.AutomaticRefreshes
	}
	schedule := func(input object) {
		t.Helper()
		input["consumerId"] = consumer
		s.do(&struct{}{}, `mutation($input: ScheduleAutomaticRefreshInput!) { scheduleAutomaticRefresh(input: $input) { automaticRefreshes { account { id } } } }`, object{"input": input})
	}
	schedule(object{"interval": "DAILY"})
	schedule(object{"intervalMinutes": 720})
	all := list()
	if len(all) != 3 || all[0].Interval != nil || all[0].IntervalMinutes != 720 || all[0].NextRefreshAt == nil || all[0].ConsentAuthorizationRequired {
		t.Errorf("the schedule, changed once: %+v", all)
	}
	var revoked struct {
		RevokeConsent struct{ RevokedConsentCount int }
	}
	s.p.signIn(s.login, "").do(&revoked, `mutation($input: RevokeConsentInput!) { revokeConsent(input: $input) { consumer { id } revokedConsentCount } }`, object{"input": object{"consumerId": consumer}})
	if revoked.RevokeConsent.RevokedConsentCount != 1 {
		t.Errorf("revoked: %+v", revoked)
	}
	if r := s.refresh(consumer); r.State != "EXCEPTION" || r.Error == nil || r.Error.Category != "CONSENT.REVOKED" {
		t.Errorf("a refresh after the revocation: %+v", r)
	}
	if all := list(); len(all) != 3 || !all[0].ConsentAuthorizationRequired || all[0].NextRefreshAt != nil {
		t.Errorf("the schedule after the revocation: %+v", all)
	}
	// The way back is the second workflow.
	f = s.start(object{"storeConsent": "REQUIRED", "consumerId": consumer})
	p.link(f.URL, "sandbox-de", "anna")
	if done := s.ended(f.ID); done.State != "FINISHED" || !done.ConsentStored {
		t.Errorf("linked again: %+v", done)
	}
	if r := s.refresh(consumer); r.State != "FINISHED" {
		t.Errorf("a refresh after that: %+v", r)
	}
	if all := list(); len(all) != 3 || all[0].ConsentAuthorizationRequired || all[0].NextRefreshAt == nil {
		t.Errorf("the schedule after that: %+v", all)
	}
	var gone struct {
		UnscheduleAutomaticRefresh struct{ UnscheduledCount int }
	}
	s.do(&gone, `mutation($input: UnscheduleAutomaticRefreshInput!) { unscheduleAutomaticRefresh(input: $input) { unscheduledCount } }`, object{"input": object{"consumerId": consumer}})
	if gone.UnscheduleAutomaticRefresh.UnscheduledCount != 3 || len(list()) != 0 {
		t.Errorf("unscheduled: %+v", gone)
	}
}

// TestBankTrouble is everything that can go wrong between a consumer and a bank: each has its state, category and sentence.
func TestBankTrouble(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	for name, c := range map[string]struct {
		act      func(*window)
		state    string
		category string
	}{
		"the bank is down": {func(p *window) { p.act("bank", object{"bank": "sandbox-down"}) }, "EXCEPTION", "BANK.UNAVAILABLE"},
		"the login is locked": {func(p *window) {
			p.act("bank", object{"bank": "sandbox-de"}).answer(object{"login": "locked", "password": "locked"})
		}, "EXCEPTION", "USER.BLOCKED"},
		"there are no accounts": {func(p *window) {
			p.act("bank", object{"bank": "sandbox-de"}).answer(object{"login": "empty", "password": "empty"}).answer(object{"code": "123456"})
		}, "EXCEPTION", "USER.ACCOUNT"},
		"one wrong password": {func(p *window) {
			p.act("bank", object{"bank": "sandbox-de"}).answer(object{"login": "anna", "password": "no"})
		}, "CONSUMER_INPUT_NEEDED", "USER.CREDENTIALS"},
		"three wrong passwords": {func(p *window) {
			p.act("bank", object{"bank": "sandbox-de"})
			for range 3 {
				p.answer(object{"login": "anna", "password": "no"})
			}
		}, "EXCEPTION", "USER.CREDENTIALS"},
		"three wrong codes": {func(p *window) {
			p.act("bank", object{"bank": "sandbox-de"}).answer(object{"login": "anna", "password": "anna"})
			for range 3 {
				p.answer(object{"code": "000000"})
			}
		}, "EXCEPTION", "USER.SECOND_FACTOR"},
		"a wrong code and a right one": {func(p *window) {
			p.act("bank", object{"bank": "sandbox-de"}).answer(object{"login": "anna", "password": "anna"}).answer(object{"code": "000000"}).answer(object{"code": "123456"}).pickAll()
		}, "FINISHED", ""},
		"another bank after all": {func(p *window) {
			p.act("bank", object{"bank": "sandbox-de"}).act("back", nil).link("sandbox-noconsent", "emil")
		}, "FINISHED", ""},
		"the consumer closes it": {func(p *window) { p.act("bank", object{"bank": "sandbox-de"}).act("abort", nil) }, "ABORTED", "USER.ABORTED"},
	} {
		f := s.start(object{})
		c.act(s.open(f).settled())
		got := s.flow(f.ID)
		for end := time.Now().Add(time.Minute); got.State == "PROCESSING" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			got = s.flow(f.ID)
		}
		if got.State != c.state || (got.Error == nil) != (c.category == "") || got.Error != nil && (got.Error.Category != c.category || got.Error.Message == "") {
			t.Errorf("%s: %+v %+v", name, got, got.Error)
		}
		if got.State != "FINISHED" && (got.Consumer != nil || len(got.Accounts) > 0) {
			t.Errorf("%s: something is half made: %+v", name, got)
		}
	}
	var made struct{ Consumers struct{ TotalCount int } }
	if s.do(&made, `{ consumers { totalCount } }`, nil); made.Consumers.TotalCount != 2 {
		t.Errorf("%d consumers are made by two flows that finished", made.Consumers.TotalCount)
	}
}

// TestTroubleOnThePage is what the consumer sees of it.
func TestTroubleOnThePage(t *testing.T) {
	t.Parallel()
	s, p := openShop(t), newPerson(t)
	state := func(f started, want, category string) {
		t.Helper()
		if got := s.flow(f.ID); got.State != want || (got.Error == nil) != (category == "") || got.Error != nil && got.Error.Category != category {
			t.Errorf("%+v %+v, not %s %s", got, got.Error, want, category)
		}
	}
	f := s.start(object{})
	p.open(f.URL).choose("sandbox-down").do(screen("exception")).reads("cannot be reached")
	state(f, "EXCEPTION", "BANK.UNAVAILABLE")

	f = s.start(object{})
	p.open(f.URL).choose("sandbox-maintenance").do(screen("exception")).reads("under maintenance")
	state(f, "EXCEPTION", "MAINTENANCE")

	f = s.start(object{})
	p.open(f.URL).choose("sandbox-de").enter("login", "anna", "password", "wrong").reads("did not accept this login")
	state(f, "CONSUMER_INPUT_NEEDED", "USER.CREDENTIALS")
	p.enter("login", "locked", "password", "locked").do(screen("exception")).reads("locked this login")
	state(f, "EXCEPTION", "USER.BLOCKED")

	// A slow bank says so, a reload in the middle changes nothing, and it works in the end.
	f = s.start(object{})
	p.open(f.URL).choose("sandbox-de").enter("login", "slow", "password", "slow").do(screen("processing"))
	state(f, "PROCESSING", "")
	p.do(chromedp.Reload(), screen("processing")).reads("taking its time").enter("code", "000000").reads("did not accept this confirmation code").
		enter("code", "111111").reads("did not accept this confirmation code").enter("code", "222222").do(screen("exception"))
	state(f, "EXCEPTION", "USER.SECOND_FACTOR")

	// The bank's app, a method to choose, the bank's own page.
	f = s.start(object{})
	p.open(f.URL).choose("sandbox-app").enter("login", "ben", "password", "ben").do(screen("confirm")).all().do(screen("finished"))
	state(f, "FINISHED", "")
	f = s.start(object{})
	p.open(f.URL).choose("sandbox-de").enter("login", "twoway", "password", "twoway").
		do(chromedp.Click("#field-method0", chromedp.ByQuery)).proceed().enter("code", "123456").all().do(screen("finished"))
	state(f, "FINISHED", "")

	// The consumer leaves: by the cross, and by closing the window, which nobody hears of.
	f = s.start(object{})
	p.open(f.URL).choose("sandbox-de").do(screen("login"), chromedp.Click("#close", chromedp.ByQuery), chromedp.Click("#go", chromedp.ByQuery), screen("aborted"))
	state(f, "ABORTED", "USER.ABORTED")
	f = s.start(object{})
	p.open(f.URL).choose("sandbox-de").do(screen("login"), chromedp.Navigate("about:blank"))
	state(f, "CONSUMER_INPUT_NEEDED", "")
	p.do(chromedp.Navigate(f.URL), screen("login")) // and comes back

	// The backend aborts it, and closes the session of another.
	var aborted struct {
		AbortFlow struct{ Flow struct{ State string } }
	}
	s.do(&aborted, `mutation($input: AbortFlowInput!) { abortFlow(input: $input) { flow { id state } } }`, object{"input": object{"flowId": f.ID}})
	if aborted.AbortFlow.Flow.State != "ABORTED" {
		t.Errorf("%+v", aborted)
	}
	p.do(chromedp.Reload(), screen("aborted"))
	webtest.Clean(t, p.ctx, "409 (Conflict)")
}

// TestBanksOwnPage is a login at a page of the bank, in a window of its own.
func TestBanksOwnPage(t *testing.T) {
	t.Parallel()
	s, p := openShop(t), newPerson(t)
	f := s.start(object{"storeConsent": "OPTIONAL"})
	p.open(f.URL).choose("sandbox-redirect").do(screen("redirect"))
	other := chromedp.WaitNewTarget(p.ctx, func(*target.Info) bool { return true })
	p.do(chromedp.Click("#continue", chromedp.ByQuery))
	ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithTargetID(<-other))
	defer cancel()
	bank := person{t, ctx}
	bank.do(chromedp.SendKeys("#login", "anna", chromedp.ByQuery), chromedp.SendKeys("#password", "anna", chromedp.ByQuery), chromedp.SendKeys("#code", "123456", chromedp.ByQuery),
		chromedp.Click(`button[value="approve"]`, chromedp.ByQuery))
	p.all().do(screen("finished"))
	if got := s.ended(f.ID); got.State != "FINISHED" || len(got.Accounts) != 3 {
		t.Errorf("%+v", got)
	}
	f = s.start(object{})
	p.open(f.URL).choose("sandbox-redirect").do(screen("redirect"))
	other = chromedp.WaitNewTarget(p.ctx, func(*target.Info) bool { return true })
	p.do(chromedp.Click("#continue", chromedp.ByQuery))
	denies, done := chromedp.NewContext(p.ctx, chromedp.WithTargetID(<-other))
	defer done()
	person{t, denies}.do(chromedp.Click(`button[value="deny"]`, chromedp.ByQuery))
	p.do(screen("exception"))
	if got := s.ended(f.ID); got.State != "EXCEPTION" || got.Error.Category != "USER.ACCESS_DENIED" {
		t.Errorf("%+v", got)
	}
}

// TestSecretsRotate changes the key of stored consents: the old one can go when all are encrypted anew.
func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	env := ready(t)
	key := func() string { return strings.TrimSpace(command(t, nil, "secrets", "key")) }
	old, fresh := key(), key()
	with := func(keys string) []string { return append(env[:len(env):len(env)], "ENCRYPTION_KEYS="+keys) }
	s := shop{env: with(old)}
	s.p = serve(t, s.env)
	if out := command(t, s.env, "customer", "create", "--name", "Shop", "--json"); json.Unmarshal([]byte(out), &s.login) != nil {
		t.Fatal(out)
	}
	s.client = s.p.signIn(s.login, "")
	f := s.start(object{"storeConsent": "REQUIRED"})
	s.open(f).link("sandbox-de", "anna")
	consumer := s.ended(f.ID).Consumer.ID
	s.p.stop()

	if _, errs, err := try(t, with(fresh), "secrets", "rotate"); err == nil || !strings.Contains(errs, "1 secrets open with none of the keys") {
		t.Errorf("without the old key: %v %s", err, errs)
	}
	for range 2 {
		if out := command(t, with(fresh+","+old), "secrets", "rotate"); out != "{\"encrypted\":1,\"failed\":0}\n" {
			t.Errorf("rotate says %q", out)
		}
	}
	s.p = serve(t, with(fresh))
	s.client = s.p.signIn(s.login, "")
	if r := s.refresh(consumer); r.State != "FINISHED" {
		t.Errorf("a refresh with the new key alone: %+v", r)
	}
	if _, errs, err := try(t, with("abc"), "secrets", "rotate"); err == nil || !strings.Contains(errs, "ENCRYPTION_KEYS") || strings.Contains(errs, "abc") {
		t.Errorf("a key that is none: %v %s", err, errs)
	}
}
