package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// get asks for a page.
func (a *attack) get(path string, header ...string) (answer, error) {
	r, err := http.NewRequest("GET", a.server.url+path, nil)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return a.send(r)
}

// pages are what browsers see: the connect app and the links to reports.
func (a *attack) pages(ctx context.Context) error {
	if err := a.reportLinks(ctx); err != nil {
		return err
	}
	return a.connectApp(ctx)
}

// link is a link to a report of the intruder, as its page and as PDF.
func (a *attack) link(c customer, report string) (page, pdf string, err error) {
	var made struct {
		CreateReportLink struct{ URL, PDFURL string }
	}
	err = c.do(&made, `mutation($i:CreateReportLinkInput!){createReportLink(input:$i){url pdfUrl}}`, object{"reportId": report})
	strip := func(s string) string { return strings.TrimPrefix(s, c.server.url) }
	return strip(made.CreateReportLink.URL), strip(made.CreateReportLink.PDFURL), err
}

// reportLinks: a link opens one report, and neither a cut, nor a changed, nor another's opens any.
func (a *attack) reportLinks(context.Context) error {
	page, pdf, err := a.link(a.intruder, a.ids["report"])
	if err != nil {
		return err
	}
	bankPage, _, err := a.link(a.bank, a.ids["bankreport"])
	if err != nil {
		return err
	}
	for path, media := range map[string]string{page: "text/html", pdf: "application/pdf"} {
		got, err := a.get(path)
		if err != nil {
			return err
		}
		a.check(got.status == 200 && strings.HasPrefix(got.header.Get("Content-Type"), media), "a report's link: %d %s", got.status, got.header.Get("Content-Type"))
		policy := got.header.Get("Content-Security-Policy")
		a.check(strings.Contains(policy, "default-src 'none'") && strings.Contains(policy, "frame-ancestors 'none'") && got.header.Get("Referrer-Policy") == "no-referrer" && got.header.Get("Cache-Control") == "no-store", "a report's headers: %v", got.header)
		a.check(!strings.Contains(got.body, "<script"), "a report holds a script")
	}
	where, token, _ := strings.Cut(page, "?token=")
	bankWhere, bankToken, _ := strings.Cut(bankPage, "?token=")
	flipped := []byte(token)
	flipped[len(flipped)/2] ^= 1
	var first string
	for name, path := range map[string]string{
		"no token":                      where,
		"an empty token":                where + "?token=",
		"cut":                           page[:len(page)-1],
		"cut to little":                 where + "?token=" + token[:8],
		"changed":                       where + "?token=" + string(flipped),
		"longer":                        page + "AAAA",
		"twice":                         page + token,
		"for another report":            bankWhere + "?token=" + token,
		"of another customer":           where + "?token=" + bankToken,
		"for a report that is not":      "/reports/AAAA?token=" + token,
		"as a path":                     "/reports/" + token,
		"NUL":                           "/reports/%00?token=" + token,
		"no UTF-8":                      "/reports/%ff%fe?token=%ff",
		"a path upwards":                "/reports/..%2f..%2fetc%2fpasswd?token=" + token,
		"the token of the API":          where + "?token=" + a.intruder.token,
		"a long token":                  where + "?token=" + times("A", 20_000),
		"with a consumer's own address": strings.Replace(where, "/reports/", "/reports//", 1) + "?token=" + token,
	} {
		got, err := a.get(path)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		a.check(got.status == 404 || got.status == 301 || got.status == 307, "a report's link, %s: %d %.200s", name, got.status, got.body)
		if got.status == 404 && strings.Contains(got.body, "<h1") {
			if first == "" {
				first = got.body
			}
			a.check(got.body == first, "a report's link, %s, is answered otherwise: %.300s", name, got.body)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		r, _ := http.NewRequest(method, a.server.url+page, nil)
		got, err := a.send(r)
		if err != nil {
			return err
		}
		a.check(got.status == 405, "%s of a report: %d", method, got.status)
	}
	return nil
}

// flow is a flow of the connect app.
type flow struct {
	a             *attack
	id, token     string
	handle, plain string
}

func (a *attack) flow() (flow, error) {
	var session struct {
		CreateSession struct{ Session struct{ ID string } }
	}
	if err := a.intruder.do(&session, `mutation($i:CreateSessionInput!){createSession(input:$i){session{id}}}`, object{"psu": object{"userAgent": "x", "ipAddress": "127.0.0.1"}, "consentScope": object{"insightsRefresh": object{}}}); err != nil {
		return flow{}, err
	}
	var started struct {
		StartInsightsRefreshFlow struct {
			Flow        struct{ ID string }
			ClientToken string
		}
	}
	err := a.intruder.do(&started, `mutation($i:StartInsightsRefreshFlowInput!){startInsightsRefreshFlow(input:$i){flow{id} clientToken}}`, object{"sessionId": session.CreateSession.Session.ID})
	f := flow{a: a, id: started.StartInsightsRefreshFlow.Flow.ID, token: started.StartInsightsRefreshFlow.ClientToken}
	f.handle, f.plain, _ = strings.Cut(f.token, ".")
	return f, err
}

// seen is what the page is told.
type seen struct {
	Version int
	State   string
	Stage   string
	Problem *struct{ Category string }
	Step    *struct{ Kind, URL, Leave string }
}

// act does an action as the page does.
func (f flow) act(body any, change func(*http.Request)) (answer, seen, error) {
	text, isText := body.(string)
	if !isText {
		b, _ := json.Marshal(body)
		text = string(b)
	}
	r, err := http.NewRequest("POST", f.a.server.url+"/connect/api/flow", strings.NewReader(text))
	if err != nil {
		return answer{}, seen{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+f.token)
	if change != nil {
		change(r)
	}
	got, err := f.a.send(r)
	var s seen
	_ = json.Unmarshal([]byte(got.body), &s)
	return got, s, err
}

// now is the flow when no bank is being asked any more.
func (f flow) now(ctx context.Context) (s seen, err error) {
	return s, f.a.until(ctx, "a bank's answer", func() (bool, error) {
		got, err := f.a.get("/connect/api/flow", "Authorization", "Bearer "+f.token)
		if err != nil || got.status != 200 {
			return true, fmt.Errorf("the flow: %d %s %w", got.status, got.body, err)
		}
		s = seen{}
		err = json.Unmarshal([]byte(got.body), &s)
		return s.State != "PROCESSING", err
	})
}

func (a *attack) connectApp(ctx context.Context) error {
	f, err := a.flow()
	if err != nil {
		return err
	}
	other, err := a.flow()
	if err != nil {
		return err
	}
	// A token opens its own flow, and nothing else opens it. All that is wrong is answered alike.
	var first string
	for name, header := range map[string]string{"none": "", "the handle": "Bearer " + f.handle, "the secret": "Bearer " + f.plain, "cut": "Bearer " + f.token[:len(f.token)-1], "longer": "Bearer " + f.token + "x", "two flows'": "Bearer " + f.handle + "." + other.plain,
		"an empty secret": "Bearer " + f.handle + ".", "the API's": "Bearer " + a.intruder.token, "NUL": "Bearer " + times("x", 21) + "_." + times("x", 43), "SQL": "Bearer ' OR 1=1 --.x", "Basic": "Basic " + f.token, "small letters": "Bearer " + strings.ToLower(f.token)} {
		got, err := a.get("/connect/api/flow", "Authorization", header)
		if err != nil {
			return err
		}
		if first == "" {
			first = got.body
		}
		a.check(got.status == 401 && got.body == first, "a client token, %s: %d %s", name, got.status, got.body)
	}
	got, err := f.post(`{"query":"{viewer{role}}"}`)
	a.check(err == nil && got.status == 401, "a client token at /graphql: %d %s %v", got.status, got.body, err)
	// Other pages cannot act: neither by a form, nor by a script, nor in a frame.
	for name, change := range map[string]func(*http.Request){
		"a form":           func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
		"a text":           func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"no type":          func(r *http.Request) { r.Header.Del("Content-Type") },
		"another site":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a sister of ours": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"a token in a cookie": func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("Cookie", "token="+f.token)
		},
		"a token in the address": func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "token=" + url.QueryEscape(f.token)
		},
	} {
		got, _, err := f.act(object{"version": 1, "action": "abort"}, change)
		if err != nil {
			return err
		}
		a.check(got.status >= 400 && got.status < 500, "the connect app's API from %s: %d %s", name, got.status, got.body)
	}
	for _, path := range []string{"/connect/api/flow", "/connect/api/banks?text=a"} {
		r, _ := http.NewRequest("OPTIONS", a.server.url+path, nil)
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
		got, err := a.send(r)
		if err != nil {
			return err
		}
		a.check(got.header.Get("Access-Control-Allow-Origin") == "" && got.header.Get("Access-Control-Allow-Credentials") == "", "%s answers other origins: %v", path, got.header)
	}
	for path, status := range map[string]int{"/connect/flow/" + f.handle: 200, "/connect/flow/" + times("x", 22): 404, "/connect/flow/%00": 404, "/connect/flow/%ff%fe": 404, "/connect/flow/" + times("x", 8000): 404, "/connect/flow/'%20OR%201=1": 404} {
		got, err := a.get(path)
		if err != nil {
			return err
		}
		policy := got.header.Get("Content-Security-Policy")
		a.check(got.status == status && strings.Contains(policy, "frame-ancestors ") && !strings.Contains(policy, "*;") && strings.Contains(policy, "default-src 'none'") && !strings.Contains(policy, "unsafe"), "%.60s: %d, policy %s", path, got.status, policy)
	}
	if err := a.badActions(f); err != nil {
		return err
	}
	return a.guessing(ctx)
}

// post sends an operation with the client token.
func (f flow) post(body string) (answer, error) {
	return f.a.intruder.as(f.token).post(strings.NewReader(body), nil)
}

// badActions are requests that no page of ours sends.
func (a *attack) badActions(f flow) error {
	for name, body := range map[string]any{
		"nothing":                "",
		"no JSON":                "{",
		"a list":                 "[]",
		"an unknown action":      object{"version": 1, "action": "grant"},
		"an unknown bank":        object{"version": 1, "action": "bank", "bank": "' OR 1=1"},
		"NUL in a bank":          object{"version": 1, "action": "bank", "bank": "sandbox-de\x00"},
		"a field more":           object{"version": 1, "action": "abort", "state": "FINISHED"},
		"a version as text":      `{"version":"1","action":"abort"}`,
		"a long answer":          object{"version": 1, "action": "answer", "values": object{"login": times("x", 5000)}},
		"many values":            `{"version":1,"action":"answer","values":{` + strings.TrimSuffix(numbered(500, `"%":"",`), ",") + `}}`,
		"more than there may be": object{"version": 1, "action": "answer", "values": object{"login": times("x", 50_000)}},
	} {
		got, _, err := f.act(body, nil)
		if err != nil {
			return err
		}
		a.check(got.status == 400, "connect, %s: %d %.300s", name, got.status, got.body)
	}
	for name, body := range map[string]any{ // out of order: the page is shown how it is
		"an answer before a question": object{"version": 1, "action": "answer", "values": object{"login": "anna"}},
		"accounts before a login":     object{"version": 1, "action": "accounts", "accounts": []string{"sandbox-anna-current"}},
		"an old version":              object{"version": 0, "action": "bank", "bank": "sandbox-de"},
		"a version to come":           object{"version": 1 << 30, "action": "bank", "bank": "sandbox-de"},
	} {
		got, s, err := f.act(body, nil)
		if err != nil {
			return err
		}
		a.check(got.status == 409 && s.State == "CONSUMER_INPUT_NEEDED", "connect, %s: %d %.300s", name, got.status, got.body)
	}
	return nil
}

// guessing tries passwords and codes: a flow ends after a few, also when many windows try at once.
func (a *attack) guessing(ctx context.Context) error {
	f, err := a.flow()
	if err != nil {
		return err
	}
	password := a.secret("a password", "CNRY-PASSWORD-1")
	s, err := f.now(ctx)
	tried := 0
	for ; err == nil && s.State == "CONSUMER_INPUT_NEEDED" && tried < 20; tried++ {
		if s.Stage != "LOGIN" {
			_, _, err = f.act(object{"version": s.Version, "action": "bank", "bank": "sandbox-de"}, nil)
		} else {
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					_, _, _ = f.act(object{"version": s.Version, "action": "answer", "values": object{"login": "anna", "password": password}}, nil)
				})
			}
			group.Wait()
		}
		if err == nil {
			s, err = f.now(ctx)
		}
	}
	if err != nil {
		return err
	}
	a.check(s.State == "EXCEPTION" && tried < 12, "after %d guesses the flow is %s", tried, s.State)
	// A login that was used once cannot be used again: the answer is sent a second time with its version.
	f, err = a.flow()
	if err != nil {
		return err
	}
	if s, err = f.now(ctx); err != nil {
		return err
	}
	if _, _, err = f.act(object{"version": s.Version, "action": "bank", "bank": "sandbox-de"}, nil); err != nil {
		return err
	}
	if s, err = f.now(ctx); err != nil {
		return err
	}
	login := object{"version": s.Version, "action": "answer", "values": object{"login": "anna", "password": "anna"}}
	if _, _, err = f.act(login, nil); err != nil {
		return err
	}
	if s, err = f.now(ctx); err != nil {
		return err
	}
	got, _, err := f.act(login, nil)
	a.check(err == nil && got.status == 409, "a login is sent again: %d %.200s %v", got.status, got.body, err)
	if _, _, err = f.act(object{"version": s.Version, "action": "abort"}, nil); err != nil {
		return err
	}
	got, _, err = f.act(object{"version": s.Version, "action": "answer", "values": object{"code": "123456"}}, nil)
	a.check(err == nil && got.status == 409, "an answer after the end: %d %.200s %v", got.status, got.body, err)
	return a.returning(ctx)
}

// returning: what comes back from a bank's own page counts only with the nonce that went there, in the browser that went there,
// and once.
func (a *attack) returning(ctx context.Context) error {
	f, err := a.flow()
	if err != nil {
		return err
	}
	s, err := f.now(ctx)
	if err != nil {
		return err
	}
	if _, _, err = f.act(object{"version": s.Version, "action": "bank", "bank": "sandbox-redirect"}, nil); err != nil {
		return err
	}
	if s, err = f.now(ctx); err != nil {
		return err
	}
	if s.Step == nil || s.Step.URL == "" {
		return fmt.Errorf("no way to the bank's page: %+v", s)
	}
	to, err := url.Parse(s.Step.URL)
	if err != nil {
		return err
	}
	back, err := url.Parse(to.Query().Get("return"))
	if err != nil {
		return err
	}
	state := back.Query().Get("state")
	leave := strings.TrimPrefix(s.Step.Leave, a.server.url)
	for site, want := range map[string]int{"none": 403, "cross-site": 403, "same-site": 403, "same-origin": 303} {
		got, err := a.get(leave, "Sec-Fetch-Site", site)
		if err != nil {
			return err
		}
		a.check(got.status == want && (got.header.Get("Set-Cookie") != "") == (want == 303), "to the bank from %q: %d %v", site, got.status, got.header)
	}
	left, err := a.get(leave)
	if err != nil {
		return err
	}
	cookie, _, _ := strings.Cut(left.header.Get("Set-Cookie"), ";")
	for name, query := range map[string]string{
		"no state":         "who=anna&approved=yes",
		"another nonce":    "who=anna&approved=yes&state=" + f.handle + "." + times("x", 22),
		"an empty nonce":   "who=anna&approved=yes&state=" + f.handle + ".",
		"no nonce":         "who=anna&approved=yes&state=" + f.handle,
		"NUL":              "who=anna&approved=yes&state=%00.%00",
		"no UTF-8":         "who=anna&approved=yes&state=%ff.%ff",
		"the secret":       "who=anna&approved=yes&state=" + f.token,
		"something longer": "who=anna&approved=yes&state=" + state + times("x", 8000),
	} {
		got, err := a.get("/connect/return?"+query, "Cookie", cookie)
		if err != nil {
			return err
		}
		a.check(got.status == 400, "back from the bank with %s: %d %.100s", name, got.status, got.body)
	}
	for _, other := range []string{"", "x=y", cookie + "x", "__Host-" + cookie, strings.Replace(cookie, f.handle, times("x", 22), 1)} {
		got, err := a.get("/connect/return?who=anna&approved=yes&state="+url.QueryEscape(state), "Cookie", other)
		if err != nil {
			return err
		}
		a.check(got.status == 403, "back from the bank in another browser: %d %.100s", got.status, got.body)
	}
	got, _, err := f.act(object{"version": s.Version, "action": "answer", "values": object{}}, nil)
	a.check(err == nil && got.status == 409, "the page answers for the bank: %d %.200s %v", got.status, got.body, err)
	if s, err = f.now(ctx); err != nil {
		return err
	}
	a.check(s.State == "CONSUMER_INPUT_NEEDED", "forged ways back from the bank have moved the flow on: %+v", s)
	for _, to := range []string{"https://evil.example/connect/return", "//evil.example/connect/return", a.server.url + "/elsewhere", "javascript:alert(1)", a.server.url + "@evil.example/connect/return", "\x00"} {
		got, err := a.get("/connect/sandbox/authorize?return=" + url.QueryEscape(to))
		if err != nil {
			return err
		}
		a.check(got.status == 400 && !strings.Contains(got.body, "evil"), "the sandbox bank's page leads to %q: %d %.200s", to, got.status, got.body)
	}
	for i, want := range []int{200, 400} { // the second time it is over
		got, err := a.get("/connect/return?who=anna&approved=yes&state="+url.QueryEscape(state), "Cookie", cookie)
		if err != nil {
			return err
		}
		a.check(got.status == want, "back from the bank, time %d: %d", i+1, got.status)
	}
	if s, err = f.now(ctx); err != nil {
		return err
	}
	_, _, err = f.act(object{"version": s.Version, "action": "abort"}, nil)
	return err
}
