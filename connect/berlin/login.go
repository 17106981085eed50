package berlin

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
)

// What a step of a login waits for. The names are in stored states.
const (
	forBank     = "bank"     // login and password before the bank is asked anything
	forPassword = "password" // login and password, to a link
	forLogin    = "login"    // the login alone, to a link
	forMethod   = "method"
	forCode     = "code"
	forApp      = "app"  // the bank's app says yes
	forPage     = "page" // the bank's page sends the consumer back, and the consent becomes valid
)

// state is what is kept between two answers of a consumer. It holds no credentials, the login neither: a bank that needs
// the PSU-ID has it from the call that came with the password.
type state struct {
	For     string   `json:"for"`
	Consent string   `json:"consent,omitempty"`
	Link    string   `json:"link,omitempty"`    // where the answer goes
	Methods []string `json:"methods,omitempty"` // that were offered
	Status  string   `json:"status,omitempty"`  // where the authorisation's status is
	Note    string   `json:"note,omitempty"`
	Waited  int      `json:"waited,omitempty"` // how often a consent was not valid yet
}

// maxWaits is how often the consent may not be valid yet after the bank's page or app has said yes. The page asks every
// three seconds.
const maxWaits = 40

// maxCalls is how many calls one answer of a consumer may lead to until there is something to ask it again.
const maxCalls = 8

// process is what a bank answers while a consent is being authorised: the same fields in all answers.
type process struct {
	ConsentID       string          `json:"consentId"`
	ConsentStatus   string          `json:"consentStatus"`
	AuthorisationID string          `json:"authorisationId"`
	ScaStatus       string          `json:"scaStatus"`
	Methods         []method        `json:"scaMethods"`
	Chosen          json.RawMessage `json:"chosenScaMethod"`
	Challenge       challenge       `json:"challengeData"`
	Message         string          `json:"psuMessage"`
	Links           links           `json:"_links"`
}

type method struct {
	Type string `json:"authenticationType"`
	ID   string `json:"authenticationMethodId"`
	Name string `json:"name"`
}

type challenge struct {
	Image     string   `json:"image"`
	ImageLink string   `json:"imageLink"`
	Data      []string `json:"data"`
	More      string   `json:"additionalInformation"`
}

type links map[string]struct {
	Href string `json:"href"`
}

// talk is one call of a login.
type talk struct {
	*institute
	in              connect.Login
	state           state
	login, password string          // of this answer
	refused         bool            // the bank's page says that the consumer did not agree
	done            map[string]bool // what was sent in this call
}

func (c *Connector) talk(in connect.Login) (*talk, error) {
	i, err := c.find(in.Bank)
	in.Store = in.Store && in.Bank.Consents
	return &talk{institute: i, in: in, done: map[string]bool{}}, err
}

// Login opens a login. A bank that is told the login with the consent is asked when the consumer has given it.
func (c *Connector) Login(ctx context.Context, in connect.Login) (connect.Step, error) {
	t, err := c.talk(in)
	if err != nil {
		return connect.Step{}, err
	}
	switch {
	case t.Approach == embedded:
		return t.ask(forBank, "", "", loginField, passwordField)
	case t.Approach == decoupled || t.AskLogin:
		return t.ask(forBank, "", "", loginField)
	}
	return t.begin(ctx)
}

// Answer hands on what the consumer answered.
func (c *Connector) Answer(ctx context.Context, in connect.Login, text []byte, a connect.Answer) (connect.Step, error) {
	t, err := c.talk(in)
	if err != nil {
		return connect.Step{}, err
	}
	if json.Unmarshal(text, &t.state) != nil {
		return connect.Step{}, connect.Is(connect.Technical)
	}
	t.login, t.password = strings.TrimSpace(a.Values["login"]), a.Values["password"]
	kind := t.state.For
	if kind == forBank || kind == forPassword || kind == forLogin {
		needs := kind == forPassword || kind == forBank && t.Approach == embedded
		if t.login == "" || len(t.login) > 200 || printable(t.login) != t.login || needs && t.password == "" {
			return connect.Step{}, connect.Is(connect.UserCredentials)
		}
	}
	switch kind {
	case forBank:
		return t.begin(ctx)
	case forPassword, forLogin:
		return t.then(ctx, kind, t.state.Link, "")
	case forMethod:
		if !slices.Contains(t.state.Methods, a.Values["method"]) {
			return connect.Step{}, connect.Is(connect.UserSecondFactor)
		}
		return t.then(ctx, kind, t.state.Link, a.Values["method"])
	case forCode:
		code := strings.TrimSpace(a.Values["code"])
		if code == "" {
			return connect.Step{}, connect.Is(connect.UserSecondFactor)
		}
		return t.then(ctx, kind, t.state.Link, code)
	case forApp:
		var p process
		if err := t.call(ctx, "GET", t.state.Status, t.reader(), nil, &p); err != nil {
			return connect.Step{}, meaning(err, atStart)
		}
		return t.follow(ctx, p)
	case forPage:
		t.refused = a.Return.Get("nok") != ""
		return t.granted(ctx)
	}
	return connect.Step{}, connect.Is(connect.Technical)
}

func (t *talk) reader() sender { return sender{psu: &t.in.PSU, language: t.in.Language} }

func (t *talk) writer() sender {
	s := t.reader()
	s.login = t.login
	return s
}

// begin asks the bank for a consent.
func (t *talk) begin(ctx context.Context) (connect.Step, error) {
	today := bank.DateOf(t.in.Now, time.UTC)
	body := map[string]any{
		"access":                   map[string]any{"accounts": []string{}, "balances": []string{}, "transactions": []string{}},
		"recurringIndicator":       t.in.Store,
		"validUntil":               today + 1, // the bank's day may be the next one already
		"frequencyPerDay":          1,
		"combinedServiceIndicator": false,
	}
	if t.Access == "allPsd2" {
		body["access"] = map[string]string{"allPsd2": "allAccounts"}
	}
	if t.in.Store {
		body["validUntil"], body["frequencyPerDay"] = today+bank.Date(max(t.in.Days, 1)), connect.MaxUnattended
	}
	from := t.writer()
	from.more = t.preferences()
	var p process
	if err := t.call(ctx, "POST", t.at("consents"), from, body, &p); err != nil {
		at := atStart
		if t.login != "" {
			at = atLogin
		}
		return connect.Step{}, meaning(err, at)
	}
	if err := checkID(p.ConsentID); err != nil {
		return connect.Step{}, err
	}
	t.state = state{Consent: p.ConsentID}
	return t.follow(ctx, p)
}

// preferences are the headers that say how we would like the consumer to be asked, and where to come back to.
func (t *talk) preferences() map[string]string {
	h := map[string]string{"TPP-Redirect-URI": t.in.ReturnURL}
	if u, err := url.Parse(t.in.ReturnURL); err == nil {
		q := u.Query()
		q.Set("nok", "1")
		u.RawQuery = q.Encode()
		h["TPP-Nok-Redirect-URI"] = u.String()
	}
	switch t.Approach {
	case redirect:
		h["TPP-Redirect-Preferred"] = "true"
	case embedded:
		h["TPP-Redirect-Preferred"], h["TPP-Decoupled-Preferred"] = "false", "false"
	case decoupled:
		h["TPP-Redirect-Preferred"], h["TPP-Decoupled-Preferred"] = "false", "true"
	}
	return h
}

// onward are the links that lead on, in the order in which they are taken. A redirect comes first unless the file prefers
// something else.
var onward = []struct {
	kind  string
	names []string
}{
	{forPassword, []string{"startAuthorisationWithPsuAuthentication", "updatePsuAuthentication"}},
	{forLogin, []string{"startAuthorisationWithPsuIdentification", "updatePsuIdentification"}},
	{forMethod, []string{"startAuthorisationWithAuthenticationMethodSelection", "selectAuthenticationMethod"}},
	{forCode, []string{"startAuthorisationWithTransactionAuthorisation", "authoriseTransaction"}},
	{forStart, []string{"startAuthorisation"}},
	{forPage, []string{"scaRedirect"}},
}

// forStart is a call that needs nothing of the consumer.
const forStart = "start"

// unsupported are the links to what this connector cannot do.
var unsupported = []string{"scaOAuth", "confirmation", "startAuthorisationWithEncryptedPsuAuthentication", "updateEncryptedPsuAuthentication",
	"updateAdditionalPsuAuthentication", "updateAdditionalEncryptedPsuAuthentication", "startAuthorisationWithProprietaryData", "updateProprietaryData"}

// next picks the link to follow. What was sent in this call already is not sent twice; a code is
// asked of the consumer each time.
func (t *talk) next(p process) (kind, href string) {
	if l := p.Links["scaRedirect"].Href; l != "" && t.Approach != embedded && t.Approach != decoupled {
		return forPage, l
	}
	for _, o := range onward {
		for _, name := range o.names {
			href := p.Links[name].Href
			chosen := len(p.Chosen) > 0 && string(p.Chosen) != "null"
			if href != "" && (!t.done[o.kind] || o.kind == forCode) && !(o.kind == forMethod && chosen) {
				return o.kind, href
			}
		}
	}
	return "", ""
}

// follow goes on from an answer of the bank until there is something to ask the consumer, or access.
func (t *talk) follow(ctx context.Context, p process) (connect.Step, error) {
	for range maxCalls {
		switch {
		case p.ScaStatus == "failed" || p.ConsentStatus == "rejected":
			return connect.Step{}, connect.Is(connect.UserDenied)
		case p.ScaStatus == "unconfirmed":
			return connect.Step{}, connect.Is(connect.NotSupported)
		case p.ScaStatus == "finalised" || p.ScaStatus == "exempted" || p.ConsentStatus == "valid":
			return t.granted(ctx)
		}
		if err := t.remember(p); err != nil {
			return connect.Step{}, err
		}
		kind, href := t.next(p)
		if kind == "" {
			return t.wait(p)
		}
		if kind == forPage {
			if !t.browsable(href) {
				return connect.Step{}, connect.Is(connect.BankAnswer)
			}
			t.state.For, t.state.Link, t.state.Methods = forPage, "", nil
			return t.step(connect.Step{Kind: connect.Redirect, URL: href, Note: note(p)})
		}
		link, err := t.link(href)
		if err != nil {
			return connect.Step{}, err
		}
		t.state.Methods = nil
		value, ask, err := t.need(kind, p)
		if err != nil {
			return connect.Step{}, err
		}
		if ask != nil {
			return t.ask(kind, link, note(p), ask...)
		}
		if p, err = t.send(ctx, kind, link, value); err != nil {
			return connect.Step{}, err
		}
	}
	return connect.Step{}, connect.Is(connect.BankAnswer)
}

// remember keeps where the authorisation's status is.
func (t *talk) remember(p process) error {
	if href := p.Links["scaStatus"].Href; href != "" {
		link, err := t.link(href)
		t.state.Status = link
		return err
	}
	if p.AuthorisationID != "" {
		t.state.Status = t.at("consents", t.state.Consent, "authorisations", p.AuthorisationID)
		return checkID(p.AuthorisationID)
	}
	return nil
}

// need is what a call to a link needs: a value that is there, or fields that the consumer has to fill in.
func (t *talk) need(kind string, p process) (value string, ask []connect.Field, err error) {
	switch kind {
	case forPassword:
		if t.login == "" || t.password == "" {
			ask = []connect.Field{loginField, passwordField}
		}
	case forLogin:
		if t.login == "" {
			ask = []connect.Field{loginField}
		}
	case forMethod:
		field := connect.Field{Name: "method", Kind: connect.Choice}
		for _, m := range p.Methods {
			if m.ID == "" {
				return "", nil, connect.Is(connect.BankAnswer)
			}
			t.state.Methods = append(t.state.Methods, m.ID)
			field.Options = append(field.Options, connect.Option{Value: m.ID, Label: clean(cmp.Or(m.Name, m.Type, m.ID), 200)})
		}
		switch len(p.Methods) {
		case 0:
			return "", nil, connect.Is(connect.BankAnswer)
		case 1:
			return p.Methods[0].ID, nil, nil
		}
		ask = []connect.Field{field}
	case forCode:
		if c := p.Challenge; len(c.Data) == 0 && cmp.Or(c.Image, c.ImageLink) != "" {
			return "", nil, connect.Is(connect.NotSupported) // a picture to scan is all that there is
		}
		ask = []connect.Field{{Name: "code", Kind: connect.Code}}
	}
	return "", ask, nil
}

// then sends an answer and goes on.
func (t *talk) then(ctx context.Context, kind, link, value string) (connect.Step, error) {
	p, err := t.send(ctx, kind, link, value)
	if err != nil {
		return connect.Step{}, err
	}
	return t.follow(ctx, p)
}

// send updates an authorisation, or starts it: a link to the authorisations as a whole makes one of them.
func (t *talk) send(ctx context.Context, kind, link, value string) (p process, err error) {
	body, at := map[string]any{}, atCode
	switch kind {
	case forPassword:
		body["psuData"], at = map[string]string{"password": t.password}, atLogin
	case forLogin:
		at = atLogin
	case forMethod:
		body["authenticationMethodId"] = value
	case forCode:
		body["scaAuthenticationData"] = value
	}
	from := t.writer()
	verb := "PUT"
	if u, err := url.Parse(link); err == nil && strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/authorisations") {
		verb, from.more = "POST", t.preferences()
	}
	t.done[kind] = true
	return p, meaning(t.call(ctx, verb, link, from, body, &p), at)
}

// wait is for the bank's app, where the bank names nothing else to do.
func (t *talk) wait(p process) (connect.Step, error) {
	for _, name := range unsupported {
		if p.Links[name].Href != "" {
			return connect.Step{}, connect.Is(connect.NotSupported)
		}
	}
	if t.state.Status == "" || !slices.Contains([]string{"", "received", "psuIdentified", "psuAuthenticated", "scaMethodSelected", "started"}, p.ScaStatus) {
		return connect.Step{}, connect.Is(connect.BankAnswer)
	}
	t.state.For, t.state.Link, t.state.Methods, t.state.Note = forApp, "", nil, cmp.Or(note(p), t.state.Note)
	return t.step(connect.Step{Kind: connect.Confirm, Note: t.state.Note})
}

var (
	loginField    = connect.Field{Name: "login", Kind: connect.Text}
	passwordField = connect.Field{Name: "password", Kind: connect.Password}
)

func (t *talk) ask(kind, link, note string, fields ...connect.Field) (connect.Step, error) {
	t.state.For, t.state.Link = kind, link
	return t.step(connect.Step{Kind: connect.Ask, Fields: fields, Note: note})
}

func (t *talk) step(s connect.Step) (connect.Step, error) {
	text, err := json.Marshal(t.state)
	s.State = text
	return s, err
}

// note is what the bank says to the consumer.
func note(p process) string {
	said := []string{}
	for _, s := range append(append([]string{p.Message}, p.Challenge.Data...), p.Challenge.More) {
		if s = clean(s, 500); s != "" && !slices.Contains(said, s) {
			said = append(said, s)
		}
	}
	return clean(strings.Join(said, " "), 1500)
}

// browsable tells whether a consumer's browser may be sent to a page.
func (i *institute) browsable(href string) bool {
	u, err := url.Parse(href)
	return err == nil && u.User == nil && u.Hostname() != "" && len(href) <= 8000 &&
		(u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) && loopback(i.base.Hostname()))
}

// granted looks whether the consent holds, and what can be read with it.
func (t *talk) granted(ctx context.Context) (connect.Step, error) {
	var p process
	if err := t.call(ctx, "GET", t.at("consents", t.state.Consent, "status"), t.reader(), nil, &p); err != nil {
		return connect.Step{}, meaning(err, atStart)
	}
	switch p.ConsentStatus {
	case "valid":
	case "received":
		if t.state.Waited++; t.refused || t.state.Waited > maxWaits {
			return connect.Step{}, connect.Is(connect.UserDenied)
		}
		t.state.For, t.state.Link, t.state.Methods = forPage, "", nil
		return t.step(connect.Step{Kind: connect.Confirm, Note: clean(p.Message, 500)})
	case "partiallyAuthorised": // somebody else has to agree too, at some other time
		return connect.Step{}, connect.Is(connect.NotSupported)
	case "rejected", "revokedByPsu", "terminatedByTpp", "expired":
		return connect.Step{}, connect.Is(connect.UserDenied)
	default:
		return connect.Step{}, connect.Is(connect.BankAnswer)
	}
	access := connect.Access{}
	if t.in.Store {
		var info struct {
			Recurring  bool   `json:"recurringIndicator"`
			ValidUntil string `json:"validUntil"`
		}
		if err := t.call(ctx, "GET", t.at("consents", t.state.Consent), t.reader(), nil, &info); err != nil {
			return connect.Step{}, meaning(err, atStart)
		}
		access.Stored = info.Recurring
		if day, err := bank.ParseDate(info.ValidUntil); err == nil { // the bank may have shortened it; the day itself counts
			if until := (day + 1).Time(); until.Before(t.in.Now.AddDate(0, 0, t.in.Days)) {
				access.Until = &until
			}
		}
	}
	from := t.reader()
	from.consent = t.state.Consent
	found, err := t.accounts(ctx, from, nil)
	if err != nil {
		return connect.Step{}, t.why(ctx, from, err)
	}
	if len(found) == 0 {
		return connect.Step{}, connect.Is(connect.UserAccount)
	}
	keep := secret{Consent: t.state.Consent, Once: !access.Stored}
	for _, l := range found {
		access.Accounts = append(access.Accounts, l.Account)
		if keep.Once {
			keep.Accounts = append(keep.Accounts, l.Account)
			if l.card {
				keep.Cards = setCard(keep.Cards, l.ID, l.positive)
			}
		}
	}
	access.Secret = keep.pack()
	return connect.Step{Kind: connect.Granted, Access: &access}, nil
}

func setCard(m map[string]bool, id string, positive bool) map[string]bool {
	if m == nil {
		m = map[string]bool{}
	}
	m[id] = positive
	return m
}
