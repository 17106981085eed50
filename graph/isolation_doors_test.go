package graph

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/connect/app"
	"insightgraph/graph/generated"
	"insightgraph/report/view"
)

// nobody is who has no token, or a bad one.
var nobody = viewpoint{name: "nobody", sees: func(string, string) bool { return false }}

// street is all that a server answers, as server.go puts it together.
func (e *estate) street() (http.Handler, *view.View) {
	pages := &view.View{Store: e.store, Keys: e.options.Keys, URL: "https://insights.test", Log: e.options.Log}
	linking := &app.App{Store: e.store, Directory: e.options.Directory, Keys: e.options.Keys, Queue: worker{e.house}, URL: "https://insights.test", Log: e.options.Log}
	mux := http.NewServeMux()
	mux.Handle("/graphql", e.handler)
	mux.Handle("/connect/", linking.Handler())
	mux.Handle("/reports/", pages.Handler())
	mux.Handle("/auth/token", e.options.Tokens.TokenHandler(e.options.Log))
	mux.Handle("/metrics", promhttp.Handler())
	return mux, pages
}

// knock sends a request as it is.
func (m *matrix) knock(v viewpoint, h http.Handler, method, path, body string, header ...string) reply {
	m.t.Helper()
	return m.asked(v, method+" "+path, nil, func() reply {
		r := httptest.NewRequest(method, path, strings.NewReader(body)).WithContext(m.t.Context())
		r.Header.Set("X-Request-Id", "test")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return reply{status: w.Code, header: w.Header(), body: w.Body.String()}
	})
}

// doors tries the ways in beside GraphQL, and GraphQL with tokens that are none.
func (m *matrix) doors() {
	h, pages := m.street()
	m.reportPages(h, pages)
	m.connectApp(h)
	m.badTokens(h)
	m.tokenEndpoint(h)
	m.knock(nobody, h, "GET", "/metrics", "")
}

// same fails where answers to things that do not hold are not all one, so that nobody learns which of them is nearly right.
func (m *matrix) same(what string, status int, answers map[string]reply) {
	m.t.Helper()
	first := ""
	for name, a := range answers {
		text := fmt.Sprint(a.status, a.header, a.body)
		if first == "" {
			first = text
		}
		if a.status != status || text != first {
			m.wrong(&m.tally.oracles, "%s: %s answers\n%.500s\nand another\n%.500s", what, name, text, first)
		}
	}
}

func (m *matrix) reportPages(h http.Handler, pages *view.View) {
	m.t.Helper()
	otherKeys := &view.View{Keys: keys(m.t), URL: pages.URL}
	for _, o := range []string{"A1", "B1"} {
		other := map[string]string{"A1": "B1", "B1": "A1"}[o]
		ref, foreign := bank.ParseRef(m.reports[o]), bank.ParseRef(m.reports[other])
		customer, until := bank.ParseRef(m.ids[o[:1]]).ID, m.now.Add(time.Hour)
		path := func(page, _ string) string { return strings.TrimPrefix(page, pages.URL) }
		page, pdf := pages.Link(customer, ref, until)
		v := viewpoint{name: "the holder of a link to " + o, sees: func(owner, _ string) bool { return owner == o }}
		if got := m.knock(v, h, "GET", path(page, ""), ""); got.status != 200 || !strings.Contains(got.body, mark(o, "accounts", "name")) {
			m.t.Errorf("the page of %s: %d %.300s", o, got.status, got.body)
		}
		if got := m.knock(v, h, "GET", path(pdf, ""), ""); got.status != 200 || !strings.HasPrefix(got.body, "%PDF") {
			m.t.Errorf("the PDF of %s: %d", o, got.status)
		}
		token := page[strings.Index(page, "=")+1:]
		none := bank.Ref{Kind: ref.Kind, ConsumerID: ref.ConsumerID, ID: 1 << 40}
		bad := map[string]reply{}
		for name, link := range map[string]string{
			"another's report":             strings.Replace(path(page, ""), ref.String(), foreign.String(), 1),
			"a report that nobody has":     strings.Replace(path(page, ""), ref.String(), none.String(), 1),
			"a link to what nobody has":    path(pages.Link(customer, none, until)),
			"a link over customers":        path(pages.Link(customer, foreign, until)),
			"a link of another server":     path(otherKeys.Link(customer, ref, until)),
			"a link that is over":          path(pages.Link(customer, ref, m.now)),
			"no token":                     strings.Split(path(page, ""), "?")[0],
			"a token that is cut":          path(page, "")[:len(path(page, ""))-3],
			"a token that is cut in front": strings.Replace(path(page, ""), token, token[4:], 1),
			"an access token":              strings.Replace(path(page, ""), token, m.tokens[o[:1]], 1),
			"another's access token":       strings.Replace(path(page, ""), token, m.tokens[other[:1]], 1),
		} {
			bad[name] = m.knock(nobody, h, "GET", link, "")
			bad[name+", as PDF"] = m.knock(nobody, h, "GET", strings.Replace(link, "?", ".pdf?", 1), "")
		}
		m.same("a report's page", http.StatusNotFound, bad)
	}
}

func (m *matrix) connectApp(h http.Handler) {
	m.t.Helper()
	for _, o := range []string{"A1", "B1"} {
		other := map[string]string{"A1": "B1", "B1": "A1"}[o]
		token, foreign := m.clients[o], m.clients[other]
		v := viewpoint{name: "the holder of a client token of " + o, sees: func(owner, table string) bool {
			return owner == o || owner == o[:1] && (table == "customers" || table == "origins" || table == "sessions")
		}}
		got := m.knock(v, h, "GET", "/connect/api/flow", "", "Authorization", "Bearer "+token)
		if got.status != 200 || !strings.Contains(got.body, "CNRY-"+o[:1]+"-customers-name") {
			m.t.Errorf("the flow of %s: %d %s", o, got.status, got.body)
		}
		m.knock(v, h, "GET", "/connect/flow/"+strings.Split(token, ".")[0], "")
		handle, secret, _ := strings.Cut(token, ".")
		otherHandle, otherSecret, _ := strings.Cut(foreign, ".")
		fresh := connect.NewToken().Text
		bad := map[string]reply{}
		for name, bearer := range map[string]string{"another's secret": handle + "." + otherSecret, "another's flow": otherHandle + "." + secret, "cut": token[:len(token)-1],
			"nobody's": fresh, "nobody's secret": handle + "." + strings.Split(fresh, ".")[1], "nothing": "", "an access token": m.tokens[o[:1]], "no handle": "." + secret} {
			for _, method := range []string{"GET", "POST"} {
				bad[name+" "+method] = m.knock(nobody, h, method, "/connect/api/flow", `{"version":1,"action":"abort"}`, "Authorization", "Bearer "+bearer, "Content-Type", "application/json")
			}
			bad[name+" banks"] = m.knock(nobody, h, "GET", "/connect/api/banks", "", "Authorization", "Bearer "+bearer)
		}
		m.same("the connect app", http.StatusUnauthorized, bad)
		back := map[string]reply{}
		for name, state := range map[string]string{"a flow without its nonce": handle, "a guess": handle + "." + secret[:22], "another's": otherHandle + "." + secret[:22], "nobody's": fresh, "nothing": ""} {
			back[name] = m.knock(nobody, h, "GET", "/connect/return?code=1&state="+url.QueryEscape(state), "")
			back[name+", to the bank"] = m.knock(nobody, h, "GET", "/connect/leave?state="+url.QueryEscape(state), "")
		}
		m.same("the return from a bank", http.StatusBadRequest, back)
	}
}

// badTokens sends tokens that are none to GraphQL: the answer is one and the same before anything is read as a document.
func (m *matrix) badTokens(h http.Handler) {
	m.t.Helper()
	claims := func(change func(jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{"iss": mark("A", "customers", "client_id"), "iat": m.now.Unix(), "exp": m.now.Add(10 * time.Minute).Unix()}
		change(c)
		return c
	}
	sign := func(method jwt.SigningMethod, key any, change func(jwt.MapClaims)) string {
		text, err := jwt.NewWithClaims(method, claims(change)).SignedString(key)
		if err != nil {
			m.t.Fatal(err)
		}
		return text
	}
	asIs := func(jwt.MapClaims) {}
	subject := func(s any) func(jwt.MapClaims) { return func(c jwt.MapClaims) { c["sub"] = s } }
	a, b := m.signers["A"], m.signers["B"]
	externalID := func(o string) string {
		return column[string](m.t, m.admin, "SELECT external_id FROM consumers WHERE id = $1", bank.ParseRef(m.ids[o]).ID)[0]
	}
	pemOf := column[string](m.t, m.admin, "SELECT pem FROM public_keys WHERE customer_id = $1", bank.ParseRef(m.ids["A"]).ID)[0]
	good := sign(jwt.SigningMethodEdDSA, a, asIs)
	bearers := map[string]string{
		"nothing": "", "no bearer": "Basic " + m.tokens["A"], "only the word": "Bearer ", "nobody's": "Bearer " + auth.NewSecret(), "cut": "Bearer " + m.tokens["A"][1:], "longer": "Bearer " + m.tokens["A"] + "x",
		"two at once": "Bearer " + m.tokens["A"] + " " + m.tokens["B"], "a client token": "Bearer " + m.clients["A1"], "an id": "Bearer " + m.ids["A1"], "huge": "Bearer " + strings.Repeat("x", 9000),
		"signed by nobody":           "Bearer " + sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, asIs),
		"signed with the public key": "Bearer " + sign(jwt.SigningMethodHS256, []byte(pemOf), asIs),
		"signed by another customer": "Bearer " + sign(jwt.SigningMethodEdDSA, b, asIs),
		"of another's consumer":      "Bearer " + sign(jwt.SigningMethodEdDSA, a, subject(externalID("B1"))),
		"of no consumer":             "Bearer " + sign(jwt.SigningMethodEdDSA, a, subject("nobody")),
		"of a blank consumer":        "Bearer " + sign(jwt.SigningMethodEdDSA, a, subject("")),
		"of a null consumer":         "Bearer " + sign(jwt.SigningMethodEdDSA, a, subject(nil)),
		"of no customer":             "Bearer " + sign(jwt.SigningMethodEdDSA, a, func(c jwt.MapClaims) { c["iss"] = "nobody" }),
		"not yet":                    "Bearer " + sign(jwt.SigningMethodEdDSA, a, func(c jwt.MapClaims) { c["nbf"] = m.now.Add(time.Hour).Unix() }),
		"for ever":                   "Bearer " + sign(jwt.SigningMethodEdDSA, a, func(c jwt.MapClaims) { delete(c, "exp") }),
		"for too long":               "Bearer " + sign(jwt.SigningMethodEdDSA, a, func(c jwt.MapClaims) { c["exp"] = m.now.Add(48 * time.Hour).Unix() }),
		"with another's claims":      "Bearer " + strings.Split(good, ".")[0] + "." + strings.Split(sign(jwt.SigningMethodEdDSA, b, func(c jwt.MapClaims) { c["iss"] = mark("B", "customers", "client_id") }), ".")[1] + "." + strings.Split(good, ".")[2],
		"cut signature":              "Bearer " + good[:len(good)-4],
	}
	answers := map[string]reply{}
	for name, bearer := range bearers {
		m.tally.principals++
		for what, body := range map[string]string{"a document": `{"query":"{viewer{customer{name}}}"}`, "a change": `{"query":"mutation{rotateWebhookSecret{secret}}"}`, "no document": `{"query":"{"}`, "no JSON": `{`} {
			answers[name+" with "+what] = m.knock(nobody, h, "POST", "/graphql", body, "Content-Type", "application/json", "Authorization", bearer)
		}
	}
	m.same("GraphQL without a token", http.StatusUnauthorized, answers)
	over := sign(jwt.SigningMethodEdDSA, a, func(c jwt.MapClaims) {
		c["iat"], c["exp"] = m.now.Add(-2*time.Hour).Unix(), m.now.Add(-time.Hour).Unix()
	})
	m.same("GraphQL with a token that is over", http.StatusUnauthorized, map[string]reply{ // which is told, so that a client gets a new one
		"a document":  m.knock(nobody, h, "POST", "/graphql", `{"query":"{viewer{customer{name}}}"}`, "Content-Type", "application/json", "Authorization", "Bearer "+over),
		"no document": m.knock(nobody, h, "POST", "/graphql", `{`, "Content-Type", "application/json", "Authorization", "Bearer "+over)})
	// And the ones that are good.
	for o, bearer := range map[string]string{"A": good, "A1": sign(jwt.SigningMethodEdDSA, a, subject(externalID("A1"))), "B2": sign(jwt.SigningMethodEdDSA, b, func(c jwt.MapClaims) {
		c["iss"], c["sub"] = mark("B", "customers", "client_id"), externalID("B2")
	})} {
		v := seenBy(o)
		got := m.knock(v, h, "POST", "/graphql", `{"query":"{viewer{customer{name} consumer{externalId accounts{nodes{name}}}} transactions{nodes{description}}}"}`, "Content-Type", "application/json", "Authorization", "Bearer "+bearer)
		if !strings.Contains(got.body, mark(v.own[0], "transactions", "description")) {
			m.t.Errorf("a token signed for %s: %d %.300s", o, got.status, got.body)
		}
	}
}

func (m *matrix) tokenEndpoint(h http.Handler) {
	m.t.Helper()
	ask := func(form url.Values) reply {
		return m.knock(nobody, h, "POST", "/auth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	form := func(client, secret, login string) url.Values {
		f := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}}
		if login != "" {
			f.Set("login_name", login)
		}
		return f
	}
	a, b := mark("A", "customers", "client_id"), mark("B", "customers", "client_id")
	m.same("a bad client", http.StatusUnauthorized, map[string]reply{"nobody": ask(form("nobody", "secret-A", "")), "another's secret": ask(form(b, "secret-A", "")), "its own id": ask(form(a, a, "")),
		"another's consumer": ask(form(b, "secret-A", mark("B1", "consumers", "external_id")))})
	theirs := column[string](m.t, m.admin, "SELECT external_id FROM consumers WHERE id = $1", bank.ParseRef(m.ids["B1"]).ID)[0]
	m.same("a login name", http.StatusBadRequest, map[string]reply{"another's consumer": ask(form(a, "secret-A", theirs)), "nobody": ask(form(a, "secret-A", "nobody"))})
	if got := ask(form(a, "secret-A", "")); got.status != 200 {
		m.t.Errorf("the token endpoint: %d %s", got.status, got.body)
	}
}

// interference asks the same at random of the estate and of a copy of it that was made before there was another customer:
// whatever counts, orders, pages or caches there are, nobody can tell the two apart.
func (m *matrix) interference(alone *house, n int) {
	m.t.Helper()
	d := &documents{Rand: rand.New(rand.NewPCG(3, 4)), types: schema().Types, possible: generated.NewExecutableSchema(generated.Config{}).Schema().GetPossibleTypes, values: map[string][]string{
		"Int": {"1", "2", "3", "$few", "-1"}, "String": {`"` + mark("A1", "consumers", "external_id") + `-1"`, `"` + mark("B1", "consumers", "external_id") + `-1"`}, "Date": {`"2021-12-01"`, `"2021-11-15"`},
		"TransactionFilter": {"{}", `{from: "2021-12-01"}`, "{transfers: false}", `{text: "CNRY"}`, "{status: POSTED, baseType: DEBIT}", "{minAmount: 101000}"},
		"AccountFilter":     {"{}", "{containers: [CARD]}"}, "FeedFilter": {"{}", "{triggerType: SCHEDULE}"}}}
	for _, o := range everyone {
		for _, kind := range slices.Sorted(maps.Keys(kindTables)) {
			for _, id := range m.of(kind, o) {
				d.values["ID"] = append(d.values["ID"], fmt.Sprintf("%q", id))
				d.values["[ID!]"] = append(d.values["[ID!]"], fmt.Sprintf("[%q]", id))
			}
			if kind == bank.KindConsumer || kind == bank.KindAccount || kind == bank.KindTransaction || kind == bank.KindReport {
				for _, id := range m.of(kind, o) { // cursors
					d.values["String"] = append(d.values["String"], fmt.Sprintf("%q", m.cursor(id, bank.ParseRef(id).ID)))
				}
			}
		}
	}
	variables := map[string]any{"yes": true, "no": false, "few": 2}
	answered := 0
	for i := range n {
		document, as := d.document(), []string{"A1", "A", "A2"}[i%3]
		got := m.ask(seenBy(as), atRandom, document, variables)
		want := alone.send(as, document, variables)
		if ordered(got.body) != ordered(want.body) || got.status != want.status {
			m.wrong(&m.tally.oracles, "%s can tell whether there is another customer by %s\nalone: %.400s\nnot:   %.400s", as, document, want.body, got.body)
		}
		if want.Errors == nil {
			answered++
		}
	}
	if answered < n/5 {
		m.t.Errorf("only %d of %d documents had answers without errors", answered, n)
	}
}
