package berlin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
)

// now is the day of all tests.
var now = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

const today = "2026-11-21"

func day(s string) bank.Date {
	d, err := bank.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// leak is in every text that the bank says in errors: none of it may come out.
const leak = "anna's account DE89370400440532013000"

// aspsp is a bank that plays the specification, and finds fault with every request that does not keep to it.
type aspsp struct {
	t      *testing.T
	server *httptest.Server

	// what it is like
	base       string // of the interface's paths
	full       bool   // links are full ones
	below      bool   // links begin with /v1/, although the interface does not begin at the host's root
	approach   string // of its authorisations
	explicit   bool   // they are to be started
	identify   bool   // it wants the PSU-ID on its own first
	methods    int    // how many ways of SCA there are; 0: none is needed
	problems   bool   // errors are of RFC 7807
	shorten    string // how long consents hold, whatever is asked
	oneOff     bool   // consents are for one access, whatever is asked
	polls      int    // how often the app has to be asked
	lag        int    // how often a consent is not valid yet after its authorisation
	pageSize   int
	backTo     string // transactions before are refused without a fresh SCA
	bookedOnly bool
	bare       bool // there are no links to statuses
	noBalances bool // in the list of accounts
	override   func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	attended bool // the consumer is there
	seen     map[string]bool
	consents map[string]*consent
	calls    []string
	accounts []map[string]any
	card     []map[string]any
	rows     map[string]map[string][]map[string]any // by resource id: booked, pending
}

type consent struct {
	id, status string
	recurring  bool
	validUntil string
	lag        int
	auths      map[string]*auth
	reads      map[string]int
}

type auth struct {
	id, status, psu, method string
	polls                   int
}

func newASPSP(t *testing.T) *aspsp {
	s := &aspsp{t: t, approach: redirect, methods: 1, attended: true, seen: map[string]bool{}, consents: map[string]*consent{}}
	s.accounts = []map[string]any{
		{"resourceId": "acc-1", "iban": "DE89370400440532013000", "currency": "EUR", "name": "Girokonto", "product": "Giro Plus", "cashAccountType": "CACC", "status": "enabled",
			"balances": []any{bal("interimAvailable", "1250.00", "EUR"), bal("closingBooked", "250.50", "EUR")}},
		{"resourceId": "acc/2", "currency": "EUR", "displayName": "Tagesgeld", "cashAccountType": "SVGS", "balances": []any{bal("interimBooked", "-0.00", "EUR")}},
		{"resourceId": "gone", "iban": "DE89370400440532013000", "currency": "EUR", "status": "deleted"},
		{"resourceId": "many", "iban": "DE89370400440532013000", "currency": "XXX"},
	}
	s.card = []map[string]any{{"resourceId": "card-1", "maskedPan": "525412******3241", "currency": "EUR", "product": "Gold", "debitAccounting": true,
		"creditLimit": map[string]any{"currency": "EUR", "amount": "2000"}, "balances": []any{bal("nonInvoiced", "14.355", "BHD"), bal("interimBooked", "31.20", "EUR")}}}
	s.rows = map[string]map[string][]map[string]any{
		"acc-1": {"booked": {
			{"transactionId": "t1", "bookingDate": "2026-11-20", "valueDate": "2026-11-21", "transactionAmount": eur("-12.5"), "creditorName": "Rewe Markt", "creditorAccount": map[string]any{"iban": "DE02120300000000202051"},
				"debtorName": "Anna Muster", "remittanceInformationUnstructured": "Einkauf", "bankTransactionCode": "PMNT-RCDT-ESCT"},
			{"entryReference": "e2", "bookingDate": "2026-11-01", "transactionAmount": eur("2500.00"), "debtorName": "Acme GmbH", "remittanceInformationUnstructuredArray": []any{"Gehalt", "November"}},
			{"bookingDate": "2026-06-01", "transactionAmount": eur("-3"), "additionalInformation": "Gebühr"},
			{"bookingDate": "2026-06-01", "transactionAmount": eur("-3"), "additionalInformation": "Gebühr"},
		}, "pending": {
			{"transactionId": "p1", "valueDate": "2026-11-23", "transactionAmount": eur("-7.00"), "creditorName": "Kino", "remittanceInformationStructured": map[string]any{"reference": "RF18"}},
		}},
		"acc/2": {"booked": {}, "pending": {}},
		"card-1": {"booked": {
			{"cardTransactionId": "c1", "transactionDate": "2026-11-19", "bookingDate": "2026-11-20", "transactionAmount": eur("31.20"), "merchantCategoryCode": "5411", "transactionDetails": "REWE BERLIN"},
			{"cardTransactionId": "c2", "transactionDate": "2026-11-18", "bookingDate": "2026-11-18", "transactionAmount": eur("-5"), "transactionDetails": "Gutschrift"},
		}},
	}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

func eur(a string) map[string]any { return map[string]any{"currency": "EUR", "amount": a} }

func bal(kind, amount, currency string) map[string]any {
	return map[string]any{"balanceType": kind, "balanceAmount": map[string]any{"currency": currency, "amount": amount}, "referenceDate": "2026-11-20"}
}

// ref is a link, in the form that this bank has.
func (s *aspsp) ref(path string) map[string]any {
	switch {
	case s.full:
		path = s.server.URL + s.base + path
	case !s.below:
		path = s.base + path
	}
	return map[string]any{"href": path}
}

// open is the connector to this bank, by a file as an operator writes it.
func (s *aspsp) open(more map[string]any) *Connector {
	s.t.Helper()
	e := map[string]any{"code": "test-bank", "name": "Testbank", "country": "DE", "url": s.server.URL + s.base, "headers": map[string]string{"X-Portal-Key": "k"}}
	for name, value := range more {
		e[name] = value
	}
	c, err := openText(s.t, map[string]any{"banks": []any{e}})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func openText(t *testing.T, content any) (*Connector, error) {
	text, ok := content.(string)
	if !ok {
		b, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	file := filepath.Join(t.TempDir(), "banks.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Open(file)
}

// called lists the calls since the last time it was asked.
func (s *aspsp) called() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func (s *aspsp) present(there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attended = there
}

// only is the one consent there is.
func (s *aspsp) only() *consent {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.consents {
		return c
	}
	s.t.Fatal("there is no consent")
	return nil
}

func (s *aspsp) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// psuHeaders are the headers about the consumer that the connector has something to say in.
var psuHeaders = []string{"Psu-Id", "Psu-Ip-Address", "Psu-User-Agent", "Psu-Accept-Language"}

// broken says that a request does not keep to the specification.
func (s *aspsp) broken(format string, args ...any) { s.t.Errorf("the bank finds: "+format, args...) }

func (s *aspsp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), s.base+"/v1/")
	s.calls = append(s.calls, r.Method+" "+path)
	if !ok {
		s.broken("%s is not at %s/v1", r.URL.Path, s.base)
	}
	id, what := r.Header.Get("X-Request-ID"), r.Method+" "+path
	if !uuid.MatchString(id) || s.seen[id] {
		s.broken("%s: X-Request-ID is %q", what, id)
	}
	s.seen[id] = true
	if r.Header.Get("Accept") != "application/json" || r.Header.Get("X-Portal-Key") != "k" || r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "" {
		s.broken("%s: headers %v", what, r.Header)
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "Psu-") && !slices.Contains(psuHeaders, name) {
			s.broken("%s: header %s", what, name)
		}
	}
	if ip := r.Header.Get("PSU-IP-Address"); (ip != "") != s.attended || ip != "" && ip != "203.0.113.7" {
		s.broken("%s: PSU-IP-Address is %q, the consumer is there: %t", what, ip, s.attended)
	}
	if agent := r.Header.Get("PSU-User-Agent"); (agent != "") != s.attended {
		s.broken("%s: PSU-User-Agent is %q", what, agent)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.broken("%s: %v", what, err)
	}
	if writes := r.Method == "POST" || r.Method == "PUT"; writes != (len(body) > 0) || writes != (r.Header.Get("Content-Type") == "application/json") {
		s.broken("%s: body %q of type %q", what, body, r.Header.Get("Content-Type"))
	} else if !writes && r.Header.Get("PSU-ID") != "" {
		s.broken("%s: PSU-ID in a call that has none", what)
	}
	w.Header().Set("X-Request-ID", id)
	w.Header().Set("Content-Type", "application/json")
	if s.override != nil && s.override(w, r) {
		return
	}
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if parts[i], err = url.PathUnescape(p); err != nil {
			s.broken("%s: %v", what, err)
		}
	}
	switch parts[0] {
	case "consents":
		if r.Header.Get("Consent-ID") != "" || len(r.URL.Query()) > 0 {
			s.broken("%s: Consent-ID %q, query %q", what, r.Header.Get("Consent-ID"), r.URL.RawQuery)
		}
		s.consentCall(w, r, parts[1:], body)
	case "accounts", "card-accounts":
		s.dataCall(w, r, parts)
	default:
		s.broken("%s: there is no such resource", what)
		s.refuse(w, 404, "RESOURCE_UNKNOWN")
	}
}

// strictly reads a body that may hold the fields of into only.
func (s *aspsp) strictly(r *http.Request, body []byte, into any) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		s.broken("%s %s: %v", r.Method, r.URL.Path, err)
		return false
	}
	return true
}

func (s *aspsp) say(w http.ResponseWriter, status int, answer any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		s.t.Error(err)
	}
}

func (s *aspsp) refuse(w http.ResponseWriter, status int, code string) {
	if s.problems {
		w.Header().Set("Content-Type", "application/problem+json")
		s.say(w, status, map[string]any{"type": "https://berlingroup.com/error-codes/" + code, "title": leak, "detail": leak, "code": code})
		return
	}
	s.say(w, status, map[string]any{"tppMessages": []any{
		map[string]any{"category": "WARNING", "code": "TIMESTAMP_INVALID", "text": leak}, map[string]any{"category": "ERROR", "code": code, "text": leak}}})
}

func (s *aspsp) consentCall(w http.ResponseWriter, r *http.Request, parts []string, body []byte) {
	if len(parts) == 0 {
		if r.Method != "POST" {
			s.broken("%s consents", r.Method)
		}
		s.newConsent(w, r, body)
		return
	}
	c := s.consents[parts[0]]
	switch {
	case c == nil || c.status == "terminatedByTpp":
		s.refuse(w, 403, "CONSENT_UNKNOWN")
	case len(parts) == 1 && r.Method == "DELETE":
		c.status = "terminatedByTpp"
		w.WriteHeader(204)
	case len(parts) == 1 && r.Method == "GET":
		frequency := 1
		if c.recurring {
			frequency = 4
		}
		s.say(w, 200, map[string]any{"access": map[string]any{"accounts": []any{map[string]any{"iban": "DE89370400440532013000"}}}, "recurringIndicator": c.recurring, "validUntil": c.validUntil,
			"frequencyPerDay": frequency, "lastActionDate": today, "consentStatus": c.status, "_links": map[string]any{"account": s.ref("/v1/accounts")}})
	case len(parts) == 2 && parts[1] == "status" && r.Method == "GET":
		if c.status == "authorised" { // a consent that needs a moment
			if c.lag--; c.lag < 0 {
				c.status = "valid"
			}
		}
		status := c.status
		if status == "authorised" {
			status = "received"
		}
		s.say(w, 200, map[string]any{"consentStatus": status})
	case len(parts) == 2 && parts[1] == "authorisations" && r.Method == "POST":
		s.start(w, r, c, body)
	case len(parts) == 3 && parts[1] == "authorisations" && c.auths[parts[2]] != nil && (r.Method == "PUT" || r.Method == "GET"):
		a := c.auths[parts[2]]
		if r.Method == "PUT" {
			s.update(w, r, c, a, body, 200)
			return
		}
		if s.approach == decoupled && a.status == "started" {
			if a.polls++; a.polls >= s.polls {
				s.finish(c, a)
			}
		}
		s.say(w, 200, map[string]any{"scaStatus": a.status})
	default:
		s.broken("%s consents/%v: there is no such call", r.Method, parts)
		s.refuse(w, 405, "SERVICE_INVALID")
	}
}

func (s *aspsp) newConsent(w http.ResponseWriter, r *http.Request, body []byte) {
	var in struct {
		Access    map[string]json.RawMessage `json:"access"`
		Recurring *bool                      `json:"recurringIndicator"`
		Until     string                     `json:"validUntil"`
		Frequency int                        `json:"frequencyPerDay"`
		Combined  *bool                      `json:"combinedServiceIndicator"`
	}
	if !s.strictly(r, body, &in) {
		s.refuse(w, 400, "FORMAT_ERROR")
		return
	}
	switch access, _ := json.Marshal(in.Access); string(access) {
	case `{"accounts":[],"balances":[],"transactions":[]}`, `{"allPsd2":"allAccounts"}`:
	default:
		s.broken("consent: access %s", access)
	}
	if until, err := bank.ParseDate(in.Until); in.Recurring == nil || in.Combined == nil || *in.Combined || err != nil || until < day(today) ||
		*in.Recurring && in.Frequency != 4 || !*in.Recurring && in.Frequency != 1 {
		s.broken("consent: %s", body)
	}
	back, err := url.Parse(r.Header.Get("TPP-Redirect-URI"))
	nok, nokErr := url.Parse(r.Header.Get("TPP-Nok-Redirect-URI"))
	if err != nil || nokErr != nil || back.String() != "https://insights.example/connect/return?state=H.N" || nok.Query().Get("state") != "H.N" || nok.Host != back.Host || nok.Query().Get("nok") != "1" {
		s.broken("consent: back to %v or %v", back, nok)
	}
	for _, name := range []string{"TPP-Redirect-Preferred", "TPP-Decoupled-Preferred"} {
		if v := r.Header.Get(name); v != "" && v != "true" && v != "false" {
			s.broken("consent: %s is %q", name, v)
		}
	}
	c := &consent{id: fmt.Sprintf("consent %d", len(s.consents)+1), status: "received", recurring: *in.Recurring && !s.oneOff, validUntil: cmp.Or(s.shorten, in.Until), lag: s.lag,
		auths: map[string]*auth{}, reads: map[string]int{}}
	if r.Header.Get("PSU-ID") == "a/b" {
		s.refuse(w, 400, "FORMAT_ERROR")
		return
	}
	if r.Header.Get("PSU-ID") == "nobody" {
		s.refuse(w, 401, "PSU_CREDENTIALS_INVALID")
		return
	}
	s.consents[c.id] = c
	own := "/v1/consents/" + url.PathEscape(c.id)
	links := map[string]any{"self": s.ref(own), "status": s.ref(own + "/status")}
	answer := map[string]any{"consentStatus": "received", "consentId": c.id, "_links": links}
	switch all := own + "/authorisations"; {
	case s.identify:
		links["startAuthorisationWithPsuIdentification"] = s.ref(all)
	case s.explicit && s.approach == embedded:
		links["startAuthorisationWithPsuAuthentication"] = s.ref(all)
	case s.explicit:
		links["startAuthorisation"] = s.ref(all)
	default:
		a := s.newAuth(c, r.Header.Get("PSU-ID"))
		for name, l := range s.links(c, a) {
			links[name] = l
		}
		w.Header().Set("ASPSP-SCA-Approach", s.approach)
		if s.approach == decoupled {
			answer["psuMessage"] = "Bitte in der App freigeben.\x00\n"
		}
	}
	s.say(w, 201, answer)
}

func (s *aspsp) newAuth(c *consent, psu string) *auth {
	a := &auth{id: fmt.Sprintf("auth-%d", len(c.auths)+1), status: "received", psu: psu}
	if s.approach == decoupled && psu != "" {
		a.status = "started"
	}
	c.auths[a.id] = a
	return a
}

// links are what comes next for an authorisation.
func (s *aspsp) links(c *consent, a *auth) map[string]any {
	self := "/v1/consents/" + url.PathEscape(c.id) + "/authorisations/" + a.id
	l := map[string]any{}
	if !s.bare {
		l["scaStatus"] = s.ref(self)
	}
	switch {
	case a.status == "finalised" || a.status == "failed" || a.status == "exempted" || a.status == "started":
	case s.approach == redirect:
		l["scaRedirect"] = map[string]any{"href": s.server.URL + "/login?c=" + url.QueryEscape(c.id)}
	case s.approach == decoupled:
		l["updatePsuIdentification"] = s.ref(self)
	case a.status == "received" || a.status == "psuIdentified":
		l["updatePsuAuthentication"] = s.ref(self)
	case a.method == "":
		l["selectAuthenticationMethod"] = s.ref(self)
	default:
		l["authoriseTransaction"] = s.ref(self)
	}
	return l
}

func (s *aspsp) start(w http.ResponseWriter, r *http.Request, c *consent, body []byte) {
	if c.status != "received" {
		s.broken("start an authorisation of a consent that is %s", c.status)
	}
	a := s.newAuth(c, r.Header.Get("PSU-ID"))
	w.Header().Set("ASPSP-SCA-Approach", s.approach)
	if string(body) == "{}" {
		if s.identify {
			if a.psu == "" {
				s.broken("identification without PSU-ID")
			}
			if a.status == "received" {
				a.status = "psuIdentified"
			}
		}
		s.say(w, 201, map[string]any{"scaStatus": a.status, "authorisationId": a.id, "_links": s.links(c, a)})
		return
	}
	s.update(w, r, c, a, body, 201)
}

func (s *aspsp) finish(c *consent, a *auth) {
	a.status, c.status = "finalised", "authorised"
}

// update is all that a PUT of an authorisation can be, and a POST with a password.
func (s *aspsp) update(w http.ResponseWriter, r *http.Request, c *consent, a *auth, body []byte, status int) {
	var in struct {
		Data *struct {
			Password string `json:"password"`
		} `json:"psuData"`
		Method *string `json:"authenticationMethodId"`
		Code   *string `json:"scaAuthenticationData"`
	}
	if !s.strictly(r, body, &in) {
		s.refuse(w, 400, "FORMAT_ERROR")
		return
	}
	a.psu = cmp.Or(r.Header.Get("PSU-ID"), a.psu)
	answer := map[string]any{}
	switch {
	case a.status == "failed" || a.status == "finalised":
		s.refuse(w, 409, "STATUS_INVALID")
		return
	case s.approach == decoupled && in.Data == nil && in.Method == nil && in.Code == nil && a.psu != "":
		a.status = "started"
	case s.approach != embedded:
		s.broken("%s of an authorisation that is %s", body, s.approach)
	case in.Data != nil && (a.status == "received" || a.status == "psuIdentified"):
		switch {
		case a.psu == "":
			s.broken("a password without PSU-ID")
		case a.psu == "locked":
			s.refuse(w, 403, "SERVICE_BLOCKED")
			return
		case a.psu != "anna" || in.Data.Password != "geheim":
			s.refuse(w, 401, "PSU_CREDENTIALS_INVALID")
			return
		}
		a.status = "psuAuthenticated"
		switch s.methods {
		case 0:
			s.finish(c, a)
			a.status = "exempted"
		case 1:
			a.method, a.status = "m1", "scaMethodSelected"
			answer["chosenScaMethod"] = map[string]any{"authenticationType": "SMS_OTP", "authenticationMethodId": "m1"}
			answer["challengeData"] = map[string]any{"data": []any{"Code an +49 170 ***"}, "otpMaxLength": 6, "otpFormat": "integer", "additionalInformation": "Gilt 5 Minuten."}
		default:
			var all []any
			for i := range s.methods {
				all = append(all, map[string]any{"authenticationType": "SMS_OTP", "authenticationMethodId": fmt.Sprintf("m%d", i+1), "name": fmt.Sprintf("Telefon %d", i+1)})
			}
			answer["scaMethods"] = all
		}
	case in.Method != nil && a.status == "psuAuthenticated":
		if *in.Method != "m2" {
			s.refuse(w, 400, "SCA_METHOD_UNKNOWN")
			return
		}
		a.method, a.status = *in.Method, "scaMethodSelected"
		answer["chosenScaMethod"] = map[string]any{"authenticationType": "SMS_OTP", "authenticationMethodId": *in.Method}
		answer["psuMessage"] = "Code an Telefon 2"
	case in.Code != nil && a.status == "scaMethodSelected":
		switch *in.Code {
		case "123456":
			s.finish(c, a)
		case "000000":
			a.status, c.status = "failed", "rejected"
		case "12-34":
			s.refuse(w, 400, "FORMAT_ERROR")
			return
		case "222222":
			s.refuse(w, 401, "PSU_CREDENTIALS_INVALID")
			return
		default:
			s.refuse(w, 400, "SCA_INVALID")
			return
		}
	default:
		s.broken("%s of an authorisation that is %s", body, a.status)
		s.refuse(w, 409, "STATUS_INVALID")
		return
	}
	answer["scaStatus"], answer["_links"] = a.status, s.links(c, a)
	if status == 201 {
		answer["authorisationId"] = a.id
	}
	s.say(w, status, answer)
}

// approve is what the consumer does at the bank's page.
func (s *aspsp) approve(page string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := url.Parse(page)
	if err != nil || s.consents[u.Query().Get("c")] == nil {
		s.t.Fatalf("the page %q is of no consent", page)
	}
	s.consents[u.Query().Get("c")].status = "authorised"
}

func (s *aspsp) dataCall(w http.ResponseWriter, r *http.Request, parts []string) {
	c := s.consents[r.Header.Get("Consent-ID")]
	what := r.Method + " " + strings.Join(parts, "/")
	switch {
	case r.Method != "GET":
		s.broken("%s", what)
	case r.Header.Get("Consent-ID") == "":
		s.broken("%s: no Consent-ID", what)
	case c == nil:
		s.refuse(w, 403, "CONSENT_UNKNOWN")
		return
	case c.status == "expired":
		s.refuse(w, 401, "CONSENT_EXPIRED")
		return
	case c.status != "valid":
		s.refuse(w, 401, "CONSENT_INVALID")
		return
	}
	if c.reads[r.URL.String()]++; !c.recurring && c.reads[r.URL.String()] > 1 {
		s.broken("%s is read twice with a consent for one access", r.URL)
	}
	list, key := s.accounts, "accounts"
	if parts[0] == "card-accounts" {
		list, key = s.card, "cardAccounts"
	}
	find := func() map[string]any {
		for _, a := range list {
			if a["resourceId"] == parts[1] {
				return a
			}
		}
		return nil
	}
	q := r.URL.Query()
	switch {
	case len(parts) == 1:
		if key == "accounts" && r.URL.RawQuery != "withBalance=true" || key != "accounts" && r.URL.RawQuery != "" {
			s.broken("%s?%s", what, r.URL.RawQuery)
		}
		told := []any{}
		for _, a := range list {
			b, own := map[string]any{}, "/v1/"+parts[0]+"/"+url.PathEscape(a["resourceId"].(string))
			for name, value := range a {
				if name != "balances" || !s.noBalances {
					b[name] = value
				}
			}
			b["_links"] = map[string]any{"balances": s.ref(own + "/balances"), "transactions": s.ref(own + "/transactions")}
			told = append(told, b)
		}
		s.say(w, 200, map[string]any{key: told})
	case find() == nil || len(parts) != 3:
		s.refuse(w, 404, "RESOURCE_UNKNOWN")
	case parts[2] == "balances":
		s.say(w, 200, map[string]any{"balances": find()["balances"]})
	case parts[2] == "transactions":
		s.transactions(w, r, parts, q, find())
	default:
		s.broken("%s: there is no such resource", what)
	}
}

func (s *aspsp) transactions(w http.ResponseWriter, r *http.Request, parts []string, q url.Values, account map[string]any) {
	from, err := bank.ParseDate(q.Get("dateFrom"))
	to, toErr := bank.ParseDate(q.Get("dateTo"))
	status := q.Get("bookingStatus")
	for name, all := range q {
		if !slices.Contains([]string{"dateFrom", "dateTo", "bookingStatus", "page"}, name) || len(all) != 1 {
			s.broken("transactions?%s", r.URL.RawQuery)
		}
	}
	if err != nil || toErr != nil || to < from || to > day(today) || status != "both" && status != "booked" {
		s.broken("transactions?%s", r.URL.RawQuery)
	}
	switch {
	case s.backTo != "" && from < day(s.backTo):
		s.refuse(w, 400, "PERIOD_INVALID")
		return
	case s.bookedOnly && status != "booked":
		s.refuse(w, 400, "PARAMETER_NOT_SUPPORTED")
		return
	}
	rows := s.rows[parts[1]]
	type told struct {
		list string
		row  map[string]any
	}
	var all []told
	for _, list := range []string{"booked", "pending"} {
		for _, row := range rows[list] {
			if d, ok := row["bookingDate"].(string); list == "pending" && status == "both" || list == "booked" && (!ok || day(d) >= from && day(d) <= to) {
				all = append(all, told{list, row})
			}
		}
	}
	first, links := 0, map[string]any{"account": s.ref("/v1/" + parts[0] + "/" + url.PathEscape(parts[1]))}
	if s.pageSize > 0 {
		_, _ = fmt.Sscan(q.Get("page"), &first)
		if first+s.pageSize < len(all) {
			q.Set("page", fmt.Sprint(first+s.pageSize))
			links["next"] = s.ref("/v1/" + parts[0] + "/" + url.PathEscape(parts[1]) + "/transactions?" + q.Encode())
			all = all[:first+s.pageSize]
		}
		all = all[first:]
	}
	report := map[string]any{"_links": links, "booked": []any{}}
	if status == "both" {
		report["pending"] = []any{}
	}
	for _, x := range all {
		report[x.list] = append(report[x.list].([]any), x.row)
	}
	if parts[0] == "card-accounts" {
		s.say(w, 200, map[string]any{"cardAccount": map[string]any{"maskedPan": account["maskedPan"]}, "debitAccounting": account["debitAccounting"], "cardTransactions": report})
		return
	}
	s.say(w, 200, map[string]any{"account": map[string]any{"iban": account["iban"]}, "transactions": report})
}

func login(c *Connector, store bool) connect.Login {
	return connect.Login{Bank: c.Banks()[0], PSU: connect.PSU{UserAgent: "Mozilla/5.0", IPAddress: "203.0.113.7"}, Language: "de", Store: store, Days: 180,
		ReturnURL: "https://insights.example/connect/return?state=H.N", Now: now}
}
