package web

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"insightgraph/web/webtest"
)

// The page alone is tested here: what it asks is answered by a server that only plays the JSON API. connect/app's own
// tests drive the same page with the real one.

const (
	aHandle = "abcdefghijklmnopqrstuv"
	aSecret = "0123456789012345678901234567890123456789abc"
	aToken  = aHandle + "." + aSecret
)

// connectPolicy is what connect/app sends with the page.
const connectPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors http://127.0.0.1:*"

type object = map[string]any

// player plays the JSON API: it answers with its view, and an action makes the next one.
type player struct {
	*httptest.Server
	t       *testing.T
	mu      sync.Mutex
	view    object
	act     func(action object) object // what changes in the view; nil: it does not fit
	status  int                        // instead of an answer
	actions []object
	asked   int
	hold    chan struct{}
}

func play(t *testing.T) *player {
	p := &player{t: t}
	p.reset()
	mux := http.NewServeMux()
	serve := func(name func(*http.Request) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			data, contentType, ok := Connect(name(r))
			if !ok {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Content-Security-Policy", connectPolicy)
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Referrer-Policy", "no-referrer")
			w.Header().Set("Cache-Control", "no-store")
			_, _ = w.Write(data)
		}
	}
	always := func(name string) func(*http.Request) string { return func(*http.Request) string { return name } }
	mux.HandleFunc("GET /connect/app.js", serve(always("app.js")))
	mux.HandleFunc("GET /connect/flow/{handle}", serve(always("page.html")))
	mux.HandleFunc("GET /connect/return", serve(always("return.html")))
	mux.HandleFunc("GET /connect/lost", serve(always("lost.html")))
	mux.HandleFunc("GET /connect/foreign", serve(always("foreign.html")))
	mux.HandleFunc("GET /connect/assets/{name}", serve(func(r *http.Request) string { return r.PathValue("name") }))
	mux.Handle("GET /connect/leave", http.RedirectHandler("/bank", http.StatusSeeOther))
	mux.HandleFunc("GET /bank", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<link rel=icon href=data:,><h1>The bank's own page</h1>")
	})
	mux.HandleFunc("/connect/api/", p.api)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// reset begins a new flow.
func (p *player) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	p.view = object{"version": 1, "state": "CONSUMER_INPUT_NEEDED", "stage": "BANK", "language": "", "customer": "Shop GmbH", "origins": []string{},
		"bank": nil, "selectedBank": nil, "step": nil, "accounts": nil, "storeConsent": "NO", "storing": false, "consentDays": 180,
		"days": object{"from": "2024-11-22", "to": "2026-11-21"}, "problem": nil, "slow": false, "sandbox": false,
		"expiresAt": now.Add(30 * time.Minute), "now": now, "returnUrl": nil}
	p.act, p.status, p.actions, p.asked, p.hold = nil, 0, nil, 0, nil
}

// set changes the view, as the bank or another window does.
func (p *player) set(changes object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(changes)
}

func (p *player) change(changes object) {
	p.view = maps.Clone(p.view)
	maps.Copy(p.view, changes)
	p.view["version"] = p.view["version"].(int) + 1
}

func (p *player) answer(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
}

// sent are the actions so far, as JSON without their versions.
func (p *player) sent() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, action := range p.actions {
		action = maps.Clone(action)
		delete(action, "version")
		text, _ := json.Marshal(action)
		all = append(all, string(text))
	}
	return all
}

func (p *player) questions() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

var allBanks = []object{
	{"code": "sandbox-app", "name": "Sandbox App Bank", "country": "AT", "consents": true},
	{"code": "sandbox-de", "name": "Sandbox Bank", "country": "DE", "consents": true},
	{"code": "sandbox-noconsent", "name": "Sandbox Bank without consents", "country": "DE", "consents": false},
	{"code": "sparkasse", "name": "Sparkasse Musterstadt", "country": "DE", "consents": true},
	{"code": "us", "name": "United Savings Bank", "country": "US", "consents": true},
}

func aBank(code string) object {
	return allBanks[slices.IndexFunc(allBanks, func(b object) bool { return b["code"] == code })]
}

func (p *player) api(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	hold := p.hold
	p.mu.Unlock()
	if hold != nil && r.Method == http.MethodPost {
		<-hold
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	say := func(status int, body any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	p.asked++
	switch {
	case r.Header.Get("Sec-Fetch-Site") != "same-origin":
		p.t.Errorf("%s %s from %q", r.Method, r.URL, r.Header.Get("Sec-Fetch-Site"))
	case p.status < 0: // the line is cut
		panic(http.ErrAbortHandler)
	case p.status > 0:
		say(p.status, object{"error": "not now"})
		return
	case r.Header.Get("Authorization") != "Bearer "+aToken:
		say(http.StatusUnauthorized, object{"error": "This link is not valid, or not any more"})
		return
	}
	switch {
	case r.URL.Path == "/connect/api/banks":
		found := []object{}
		for _, b := range allBanks {
			if strings.Contains(strings.ToLower(b["name"].(string)), strings.ToLower(r.FormValue("text"))) && (r.FormValue("country") == "" || r.FormValue("country") == b["country"]) {
				found = append(found, b)
			}
		}
		say(http.StatusOK, object{"banks": found, "countries": []string{"AT", "DE", "US"}, "more": false})
	case r.Method == http.MethodGet:
		say(http.StatusOK, p.view)
	default:
		var action object
		if err := json.NewDecoder(r.Body).Decode(&action); err != nil || r.Header.Get("Content-Type") != "application/json" {
			p.t.Errorf("no JSON: %v", err)
		}
		p.actions = append(p.actions, action)
		var changes object
		if int(action["version"].(float64)) == p.view["version"] && p.act != nil {
			changes = p.act(action)
		}
		if changes == nil {
			say(http.StatusConflict, p.view)
			return
		}
		p.change(changes)
		say(http.StatusOK, p.view)
	}
}

// The steps of a whole flow at the sandbox bank.
var (
	askLogin = object{"kind": "ASK", "note": "", "url": "", "fields": []object{{"name": "login", "kind": "TEXT"}, {"name": "password", "kind": "PASSWORD"}}}
	askCode  = object{"kind": "ASK", "note": "We have sent a code to your phone.", "url": "", "fields": []object{{"name": "code", "kind": "CODE"}}}
	askHow   = object{"kind": "ASK", "note": "", "url": "", "fields": []object{{"name": "method", "kind": "CHOICE", "options": []object{{"value": "sms", "label": "SMS to •• 4711"}, {"value": "photo", "label": "photoTAN"}}}}}
	inApp    = object{"kind": "CONFIRM", "fields": nil, "note": "Approve “Account information” in the app.", "url": ""}
	somePick = []object{
		{"id": "a", "name": "Current account", "iban": "DE•• •••• 1234", "container": "BANK", "currency": "EUR", "balance": "1234.56"},
		{"id": "b", "name": "Savings account with a long name that wraps", "iban": "DE•• •••• 5678", "container": "BANK", "currency": "EUR", "balance": "10000.00"},
		{"id": "c", "name": "Visa", "iban": "", "container": "CARD", "currency": "USD", "balance": nil},
	}
	wrongLogin = object{"category": "USER.CREDENTIALS", "message": "The bank did not accept this login. Please check it and try again."}
)

// sandbox plays a bank that asks for login and password, then for a code.
func sandbox(action object) object {
	values, _ := action["values"].(map[string]any)
	switch action["action"] {
	case "bank":
		return object{"stage": "LOGIN", "bank": aBank(action["bank"].(string)), "sandbox": true, "step": askLogin, "storing": action["store"]}
	case "back":
		return object{"stage": "BANK", "bank": nil, "sandbox": false, "step": nil, "accounts": nil, "problem": nil}
	case "abort":
		return object{"state": "ABORTED", "stage": "END", "step": nil, "accounts": nil, "problem": object{"category": "USER.ABORTED", "message": "You cancelled the connection."}}
	case "accounts":
		return object{"state": "FINISHED", "stage": "END", "accounts": nil}
	case "answer":
		switch {
		case values["code"] != nil:
			return object{"stage": "ACCOUNTS", "step": nil, "problem": nil, "accounts": somePick}
		case values["login"] != values["password"]:
			return object{"problem": wrongLogin}
		}
		return object{"step": askCode, "problem": nil}
	}
	return nil
}

/* ---- Helpers ---- */

func browse(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(webtest.Browser(t), 2*timeout)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, ctx context.Context, actions ...chromedp.Action) {
	t.Helper()
	short, cancel := context.WithTimeout(ctx, timeout/2)
	defer cancel()
	if err := chromedp.Run(short, actions...); err != nil {
		var html string
		_ = chromedp.Run(ctx, chromedp.Evaluate(`document.body.innerText + "\nfocus: " + document.activeElement.outerHTML.slice(0, 300)`, &html))
		t.Fatal(err, webtest.Look(ctx), html)
	}
}

func onScreen(name string) chromedp.Action {
	return webtest.Until(fmt.Sprintf(`document.querySelector("main")?.dataset.screen === %q`, name))
}

func reads(selector, text string) chromedp.Action {
	return webtest.Until(fmt.Sprintf(`document.querySelector(%q)?.innerText.includes(%q)`, selector, text))
}

func focused(selector string) chromedp.Action {
	return webtest.Until(fmt.Sprintf(`document.activeElement.matches(%q)`, selector))
}

// open loads the page anew as a window of its own.
func (p *player) open(ctx context.Context) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		if err := chromedp.Navigate("about:blank").Do(ctx); err != nil { // a new fragment alone loads nothing
			return err
		}
		return chromedp.Navigate(p.URL + "/connect/flow/" + aHandle + "#" + aSecret).Do(ctx)
	})
}

func press(keys ...string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for _, key := range keys {
			if err := chromedp.KeyEvent(key).Do(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

/* ---- Files and words ---- */

func TestConnectFiles(t *testing.T) {
	for name, want := range map[string]string{"page.html": "text/html", "page.js": "text/javascript", "words.js": "text/javascript", "return.js": "text/javascript",
		"page.css": "text/css", "app.js": "text/javascript", "return.html": "text/html", "lost.html": "text/html", "foreign.html": "text/html"} {
		if data, contentType, ok := Connect(name); !ok || len(data) == 0 || !strings.HasPrefix(contentType, want) {
			t.Errorf("%s: %d bytes, %q, %v", name, len(data), contentType, ok)
		}
	}
	for _, name := range []string{"", ".", "..", "none.js", "../connect.go", "../playground/index.html", "/page.js"} {
		if _, _, ok := Connect(name); ok {
			t.Errorf("%q is given away", name)
		}
	}
}

// Both languages have the same words with the same places, and the page asks for no others.
func TestWordsInBothLanguages(t *testing.T) {
	ctx, p := browse(t), play(t)
	var words map[string]map[string]string
	must(t, ctx, chromedp.Navigate(p.URL+"/connect/return"), reads("h1", "Thank you"),
		chromedp.Evaluate(`import("/connect/assets/words.js").then((all) => all.words)`, &words, func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }))
	places := regexp.MustCompile(`\{\w+\}`)
	sorted := func(text string) string {
		all := places.FindAllString(text, -1)
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	if len(words) != 2 || len(words["en"]) < 80 {
		t.Fatalf("%d languages, %d words", len(words), len(words["en"]))
	}
	for key, en := range words["en"] {
		de := words["de"][key]
		if de == "" || en == "" || sorted(en) != sorted(de) {
			t.Errorf("%s: %q in English, %q in German", key, en, de)
		}
	}
	for key := range words["de"] {
		if _, ok := words["en"][key]; !ok {
			t.Errorf("%s is in German only", key)
		}
	}
	script, _, _ := Connect("page.js")
	back, _, _ := Connect("return.js")
	quoted := regexp.MustCompile(`"(\w+)"|say\.(\w+)`)
	used := map[string]bool{}
	for _, m := range quoted.FindAllStringSubmatch(string(script)+string(back), -1) {
		used[m[1]+m[2]] = true
	}
	for key := range words["en"] {
		if !used[key] && !strings.HasPrefix(key, "kind") && !strings.HasPrefix(key, "leave") {
			t.Errorf("no script uses %s", key)
		}
	}
	for _, m := range regexp.MustCompile(`say\("(\w+)"|say\.(\w+)`).FindAllStringSubmatch(string(script)+string(back), -1) {
		if _, ok := words["en"][m[1]+m[2]]; !ok && m[1] != "kind" && m[1] != "leave" {
			t.Errorf("there are no words for %s", m[1]+m[2])
		}
	}
}

/* ---- Every screen ---- */

type scene struct {
	name   string
	screen string
	view   object
	then   []chromedp.Action // after the screen is there
	status int               // that the API answers with once the screen is there
}

func scenes() []scene {
	click := func(selector string) []chromedp.Action {
		return []chromedp.Action{chromedp.Click(selector, chromedp.ByQuery)}
	}
	choose := func(code string) []chromedp.Action {
		return append([]chromedp.Action{chromedp.WaitVisible(`[data-code="` + code + `"]`)}, append(click(`[data-code="`+code+`"]`), onScreen("agree"))...)
	}
	at := func(stage string, more object) object {
		view := object{"stage": stage, "bank": aBank("sparkasse")}
		maps.Copy(view, more)
		return view
	}
	end := func(state string, more object) object {
		view := at("END", more)
		view["state"] = state
		return view
	}
	banks := chromedp.WaitVisible(`[data-code="us"]`)
	soon := time.Date(2026, 11, 21, 9, 1, 30, 0, time.UTC)
	return []scene{
		{name: "banks", screen: "banks", then: []chromedp.Action{banks}},
		{name: "banks-consent-required", screen: "banks", view: object{"storeConsent": "REQUIRED"}, then: []chromedp.Action{banks, chromedp.WaitVisible("#noConsentNote")}},
		{name: "banks-none", screen: "banks", then: []chromedp.Action{banks, chromedp.SendKeys("#search", "xyz"), chromedp.WaitVisible("#banksNote"), webtest.Until(`!document.querySelector("#banks button")`)}},
		{name: "agree-once", screen: "banks", then: choose("sparkasse")},
		{name: "agree-optional", screen: "banks", view: object{"storeConsent": "OPTIONAL"}, then: append(choose("sparkasse"), chromedp.WaitVisible("#keep"))},
		{name: "agree-required", screen: "agree", view: object{"storeConsent": "REQUIRED", "selectedBank": aBank("sandbox-de")}},
		{name: "agree-lacking", screen: "agree", view: object{"storeConsent": "REQUIRED", "selectedBank": aBank("sandbox-noconsent")}},
		{name: "login", screen: "login", view: at("LOGIN", object{"step": askLogin})},
		{name: "login-wrong", screen: "login", view: at("LOGIN", object{"step": askLogin, "problem": wrongLogin, "sandbox": true, "bank": aBank("sandbox-de")})},
		{name: "login-empty", screen: "login", view: at("LOGIN", object{"step": askLogin}), then: click("#continue")},
		{name: "login-code", screen: "login", view: at("LOGIN", object{"step": askCode})},
		{name: "login-choice", screen: "login", view: at("LOGIN", object{"step": askHow})},
		{name: "login-expires", screen: "login", view: at("LOGIN", object{"step": askLogin, "expiresAt": soon})},
		{name: "confirm", screen: "confirm", view: at("LOGIN", object{"step": inApp})},
		{name: "redirect", screen: "redirect", view: at("LOGIN", object{"step": object{"kind": "REDIRECT", "fields": nil, "note": "", "url": "https://login.sparkasse.example/oauth", "leave": "https://login.sparkasse.example/leave"}})},
		{name: "redirect-opened", screen: "redirect", view: at("LOGIN", object{"step": object{"kind": "REDIRECT", "fields": nil, "note": "", "url": "https://login.sparkasse.example/oauth", "leave": "https://login.sparkasse.example/leave"}}),
			then: append([]chromedp.Action{chromedp.Evaluate(`window.open = () => null`, nil)}, append(click("#continue"), chromedp.WaitVisible("#link a"))...)},
		{name: "accounts", screen: "accounts", view: at("ACCOUNTS", object{"accounts": somePick}), then: click("#account-1")},
		{name: "accounts-none", screen: "accounts", view: at("ACCOUNTS", object{"accounts": somePick}), then: click("#continue")},
		{name: "accounts-one", screen: "accounts", view: at("ACCOUNTS", object{"accounts": somePick[:1]})},
		{name: "processing-login", screen: "processing", view: at("LOGIN", object{"state": "PROCESSING"})},
		{name: "processing-slow", screen: "processing", view: at("FETCH", object{"state": "PROCESSING", "slow": true}), then: []chromedp.Action{chromedp.WaitVisible("#slow")}},
		{name: "finished", screen: "finished", view: end("FINISHED", object{"storing": true, "returnUrl": "https://shop.example/done"})},
		{name: "aborted", screen: "aborted", view: end("ABORTED", object{"problem": object{"category": "USER.ABORTED", "message": "x"}})},
		{name: "aborted-by-customer", screen: "aborted", view: end("ABORTED", nil)},
		{name: "exception", screen: "exception", view: end("EXCEPTION", object{"problem": object{"category": "BANK.UNAVAILABLE", "message": "The bank cannot be reached at the moment. Please try again later."}})},
		{name: "leave", screen: "login", view: at("LOGIN", object{"step": askLogin}), then: append(click("#close"), chromedp.WaitVisible("#leave[open]"))},
		{name: "no-server", screen: "accounts", view: at("ACCOUNTS", object{"accounts": somePick}), status: 503,
			then: []chromedp.Action{chromedp.Click("#all", chromedp.ByQuery), chromedp.Click("#continue", chromedp.ByQuery), chromedp.WaitVisible("#trouble")}},
		{name: "gone", screen: "login", view: at("LOGIN", object{"step": askLogin}), status: 401,
			then: append(append([]chromedp.Action{chromedp.SendKeys("#field-login", "a"), chromedp.SendKeys("#field-password", "a")}, click("#continue")...), onScreen("gone"))},
	}
}

// audit finds what keeps people out: inputs without labels, buttons without names, text that is hard to see.
const audit = `(() => {
	const faults = [];
	const seen = (e) => e.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true });
	const dialog = document.querySelector("dialog[open]");
	const all = [...(dialog ?? document).querySelectorAll("*")].filter(seen);
	const name = (e) => e.outerHTML.slice(0, 90);
	if (!document.documentElement.lang) faults.push("no lang");
	if (!dialog && all.filter((e) => e.tagName === "H1").length !== 1) faults.push("not one h1");
	if (!document.querySelector("main")) faults.push("no main");
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push("two of " + id);
	for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby], [aria-controls], label[for]"))
		for (const at of ["aria-describedby", "aria-labelledby", "aria-controls", "for"])
			for (const id of (e.getAttribute(at) ?? "").split(" ")) if (id && !document.getElementById(id)) faults.push(at + " leads nowhere: " + name(e));
	const channels = (text) => { const c = text.match(/[\d.]+/g).map(Number); return [c[0], c[1], c[2], c[3] ?? 1]; };
	const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3]));
	const ground = (e) => {
		const layers = [];
		for (let at = e; at; at = at.parentElement) {
			const c = channels(getComputedStyle(at).backgroundColor);
			layers.push(c);
			if (c[3] === 1) break;
		}
		return layers.reverse().reduce((under, top) => over(top, under), getComputedStyle(document.documentElement).colorScheme === "dark" ? [0, 0, 0] : [255, 255, 255]);
	};
	const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((x, y) => y - x); return (x + 0.05) / (y + 0.05); };
	let texts = 0;
	for (const e of all) {
		const style = getComputedStyle(e), under = ground(e);
		if ([...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && !e.closest("option, .unseen")) {
			texts++;
			const ratio = contrast(over(channels(style.color), under), under);
			if (ratio < 4.5) faults.push("contrast " + ratio.toFixed(2) + ": " + name(e));
		}
		if (e.matches("input, select")) {
			if (!e.labels?.length || !e.labels[0].textContent.trim()) faults.push("no label: " + name(e));
			if (e.matches("select, [type=text], [type=password], [type=search]") && contrast(channels(style.borderTopColor), under) < 3) faults.push("faint border: " + name(e));
		}
		if (e.matches("button, a, [role=progressbar]") && !(e.getAttribute("aria-label") || e.textContent).trim()) faults.push("no name: " + name(e));
		const box = e.getBoundingClientRect();
		if (e.matches("button:not(.link), input:not([type=checkbox], [type=radio]), select, .button") && (box.height < 44 || box.width < 44)) faults.push("small target: " + name(e));
		if (e.hasAttribute("style")) faults.push("inline style: " + name(e));
		if (!e.closest(".unseen") && (box.right > innerWidth + 1 || box.left < -1)) faults.push("sticks out: " + name(e));
	}
	if (!texts) faults.push("no text");
	if (document.documentElement.scrollWidth > innerWidth) faults.push("scrolls sideways");
	return faults;
})()`

// shoot leaves a picture where CONNECT_SHOTS names a folder for them.
func shoot(ctx context.Context, name string) error {
	folder := os.Getenv("CONNECT_SHOTS")
	if folder == "" {
		return nil
	}
	return webtest.Screenshot(ctx, filepath.Join(folder, name+".png"))
}

// Every screen, in both languages, light and dark, wide and narrow: it is there, nothing keeps people out, the policy blocks
// nothing. With CONNECT_SHOTS=FOLDER pictures of them are left in that folder.
func TestScreens(t *testing.T) {
	ctx, p := browse(t), play(t)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	show := func(name string) {
		t.Helper()
		for _, size := range [][2]int64{{1280, 800}, {360, 740}, {320, 500}} {
			for _, dark := range []bool{false, true} {
				if err := webtest.Size(ctx, size[0], size[1]); err != nil {
					t.Fatal(err)
				}
				if err := webtest.Dark(ctx, dark); err != nil {
					t.Fatal(err)
				}
				var faults []string
				must(t, ctx, chromedp.Evaluate(audit, &faults))
				for _, fault := range faults {
					t.Errorf("%s, %d wide, dark %v: %s", name, size[0], dark, fault)
				}
				if size[0] != 320 {
					if err := shoot(ctx, fmt.Sprintf("%s-%d-%s", name, size[0], map[bool]string{true: "dark", false: "light"}[dark])); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
	for _, s := range scenes() {
		for _, language := range []string{"en", "de"} {
			p.reset()
			p.set(object{"language": language})
			p.set(s.view)
			must(t, ctx, p.open(ctx), onScreen(s.screen))
			if s.status != 0 {
				p.answer(s.status)
			}
			must(t, ctx, s.then...)
			show(s.name + "-" + language)
			var lang, text string
			must(t, ctx, chromedp.Evaluate(`document.documentElement.lang`, &lang), chromedp.Evaluate(`document.body.innerText`, &text))
			if lang != language || regexp.MustCompile(`undefined|null|NaN|\[object|\{\w+\}`).MatchString(text) {
				t.Errorf("%s: in %q: %s", s.name, lang, text)
			}
		}
	}
	for _, name := range []string{"return", "lost", "foreign"} {
		must(t, ctx, chromedp.Navigate(p.URL+"/connect/"+name), chromedp.WaitVisible("button"))
		show(name + "-en")
	}
	webtest.Clean(t, ctx, "503", "401")
}

/* ---- A whole flow ---- */

// A whole flow by keyboard alone, with a wrong password, a reload in the middle and the way back to another bank.
func TestKeyboardOnly(t *testing.T) {
	ctx, p := browse(t), play(t)
	p.set(object{"storeConsent": "OPTIONAL", "returnUrl": "https://shop.example/done"})
	p.act = sandbox
	must(t, ctx,
		p.open(ctx), onScreen("banks"), chromedp.WaitVisible("#banks button"), focused("#search"),
		chromedp.KeyEvent("sandbox"), webtest.Until(`document.querySelectorAll("#banks button").length === 3`), reads("#status", "3 banks"),
		press(kb.ArrowDown), focused(`[data-code="sandbox-app"]`), press(kb.End), focused(`[data-code="sandbox-noconsent"]`),
		press(kb.ArrowUp), focused(`[data-code="sandbox-de"]`), press(kb.Enter),
		onScreen("agree"), focused("h1"), reads("main", "November 22, 2024"), reads("#sandbox", "Test bank"),
		press(kb.Tab), focused("#keep"), press(" "), press(kb.Tab), focused("#continue"), press(kb.Enter),

		onScreen("login"), focused("#field-login"), chromedp.KeyEvent("anna"), press(kb.Tab), focused("#field-password"), chromedp.KeyEvent("wrong"),
		press(kb.Tab), focused(".reveal"), press(" "), webtest.Until(`document.querySelector("#field-password").type === "text"`), press(kb.Tab), focused("#continue"), press(kb.Enter),
		reads("[role=alert]", "did not accept"), focused("#field-login[aria-describedby=problem][aria-invalid=true]"),
		webtest.Until(`document.querySelector("#field-login").value === "anna" && document.querySelector("#field-password").value === "" && document.querySelector("#field-password").type === "password"`),
		press(kb.Tab), press(kb.Enter), reads("[role=alert]", "Please fill in: Password"), focused("#field-password[aria-invalid=true]"),
		chromedp.KeyEvent("anna"), press(kb.Enter),

		webtest.Until(`document.querySelector("#field-code")`), reads("blockquote", "We have sent a code"),
		chromedp.Reload(), webtest.Until(`document.querySelector("#field-code")`), focused("#field-code"), chromedp.KeyEvent("123456"), press(kb.Enter),

		onScreen("accounts"), focused("h1"), reads("main", "€1,234.56"), press(kb.Tab), focused("#all"), press(kb.Tab), focused("#account-0"),
		press(kb.Enter), reads("[role=alert]", "at least one"), focused("#account-0"), press(" "),
		webtest.Until(`document.querySelector("#all").indeterminate && !document.querySelector("#problem").textContent`),
		press(kb.Enter), onScreen("finished"), reads("main", "180 days"),
		webtest.Until(`document.querySelector("#done").href === "https://shop.example/done" && document.querySelector("#close").hidden`),
	)
	same(t, p.sent(),
		`{"action":"bank","bank":"sandbox-de","store":true}`,
		`{"action":"answer","values":{"login":"anna","password":"wrong"}}`,
		`{"action":"answer","values":{"login":"anna","password":"anna"}}`,
		`{"action":"answer","values":{"code":"123456"}}`,
		`{"accounts":["a"],"action":"accounts"}`)
	webtest.Clean(t, ctx)
}

// What the login's fields tell a browser's password manager and a phone's keyboard.
func TestFields(t *testing.T) {
	ctx, p := browse(t), play(t)
	p.act = sandbox
	p.set(object{"stage": "LOGIN", "bank": aBank("sparkasse"), "step": object{"kind": "ASK", "note": "<img src=x onerror=alert(1)>", "fields": []object{
		{"name": "login", "kind": "TEXT", "label": "Anmelde-ID"}, {"name": "pin", "kind": "PASSWORD"}, {"name": "code", "kind": "CODE"}, {"name": "branch", "kind": "TEXT", "label": "<b>Branch</b>"},
		{"name": "method", "kind": "CHOICE", "options": []object{{"value": "sms", "label": "SMS"}, {"value": "photo", "label": "photoTAN"}}}}}})
	var got []string
	must(t, ctx, p.open(ctx), onScreen("login"), reads("blockquote", "<img src=x"), reads("form", "<b>Branch</b>"),
		chromedp.Evaluate(`[...document.querySelectorAll("form input:not([type=radio])")].map((i) => [i.name, i.type, i.autocomplete, i.inputMode, i.labels[0].textContent].join())`, &got),
		chromedp.SendKeys("#field-login", "x"), chromedp.SendKeys("#field-pin", " 12 "), chromedp.SendKeys("#field-code", "9"), chromedp.SendKeys("#field-branch", "y"),
		chromedp.Click("label[for=field-method1]"), chromedp.Click("#continue"), webtest.Until(`document.querySelector("#field-code") === null || document.querySelector("[role=alert]").textContent`))
	same(t, got, "login,text,username,,Anmelde-ID", "pin,password,current-password,,PIN", "code,text,one-time-code,numeric,Confirmation code", "branch,text,off,,<b>Branch</b>")
	same(t, p.sent(), `{"action":"answer","values":{"branch":"y","code":"9","login":"x","method":"photo","pin":" 12 "}}`)
	webtest.Clean(t, ctx)
}

// A second click while the first is on its way sends nothing.
func TestDoubleClickSendsOnce(t *testing.T) {
	ctx, p := browse(t), play(t)
	p.act, p.hold = sandbox, make(chan struct{})
	p.set(object{"selectedBank": aBank("sandbox-de")})
	must(t, ctx, p.open(ctx), onScreen("agree"), chromedp.Click("#continue"), webtest.Until(`document.querySelector("main").getAttribute("aria-busy") === "true"`),
		chromedp.Click("#continue"), chromedp.DoubleClick("#continue"))
	close(p.hold)
	must(t, ctx, onScreen("login"))
	same(t, p.sent(), `{"action":"bank","bank":"sandbox-de","store":false}`)
	must(t, ctx, chromedp.Click("#back"), onScreen("banks"), chromedp.WaitVisible("#banks button"))
	webtest.Clean(t, ctx)
}

// What another window did is shown: at once where this one acts on the old state, and soon where it only waits.
func TestTwoWindows(t *testing.T) {
	ctx, p := browse(t), play(t)
	p.act = sandbox
	p.set(object{"selectedBank": aBank("sandbox-de")})
	must(t, ctx, p.open(ctx), onScreen("agree"))
	p.set(object{"stage": "ACCOUNTS", "bank": aBank("sandbox-de"), "accounts": somePick})
	must(t, ctx, chromedp.Click("#continue"), onScreen("accounts"))
	p.set(object{"state": "PROCESSING", "stage": "FETCH", "accounts": nil})
	must(t, ctx, chromedp.Evaluate(`document.dispatchEvent(new Event("visibilitychange"))`, nil), onScreen("processing"), webtest.Until(`document.querySelector("#close").hidden`))
	p.set(object{"slow": true})
	must(t, ctx, reads("#slow", "taking its time"))
	p.set(object{"state": "EXCEPTION", "stage": "END", "problem": object{"category": "BANK.TIMEOUT", "message": "The bank did not answer in time."}})
	must(t, ctx, onScreen("exception"), reads("main", "did not answer in time"), reads("main", "You may close this window"))
	webtest.Clean(t, ctx, "409")
}

func TestLinkIsNoLongerValid(t *testing.T) {
	ctx, p := browse(t), play(t)
	p.answer(http.StatusUnauthorized)
	must(t, ctx, p.open(ctx), onScreen("gone"), reads("h1", "no longer valid"))
	p.answer(0)
	must(t, ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(p.URL+"/connect/flow/"+aHandle), onScreen("gone"), // no secret
		chromedp.Navigate("about:blank"), chromedp.Navigate(p.URL+"/connect/flow/"+aHandle+"#"+strings.Repeat("x", 43)), onScreen("gone"))
	webtest.Clean(t, ctx, "401")
}

// The page waits for a server that is away, says so, and goes on by itself; what was typed is sent when it is back.
func TestServerIsAway(t *testing.T) {
	ctx, p := browse(t), play(t)
	p.act = sandbox
	p.answer(http.StatusServiceUnavailable)
	must(t, ctx, p.open(ctx), reads("#trouble", "does not answer"))
	p.answer(0)
	must(t, ctx, chromedp.Click("#again"), onScreen("banks"), webtest.Until(`document.querySelector("#trouble").hidden`))
	p.set(object{"stage": "LOGIN", "bank": aBank("sandbox-de"), "step": askCode})
	must(t, ctx, p.open(ctx), onScreen("login"))
	p.answer(-1)
	must(t, ctx, chromedp.SendKeys("#field-code", "123456"), chromedp.Click("#continue"), chromedp.WaitVisible("#trouble"))
	p.answer(0)
	must(t, ctx, onScreen("accounts"), webtest.Until(`document.querySelector("#trouble").hidden`))
	same(t, p.sent(), `{"action":"answer","values":{"code":"123456"}}`)
	p.answer(http.StatusBadRequest)
	must(t, ctx, chromedp.Click("#account-0"), chromedp.Click("#continue"), reads("#trouble", "not accepted"))
	p.answer(0)
	must(t, ctx, network.EmulateNetworkConditions(true, 0, -1, -1), chromedp.Click("#continue"), reads("#trouble", "You are offline"),
		network.EmulateNetworkConditions(false, 0, -1, -1), onScreen("finished"), webtest.Until(`document.querySelector("#trouble").hidden`))
	webtest.Clean(t, ctx, "503", "400", "net::ERR")
}

// The page warns before the flow expires, and shows the end when it has come.
func TestExpiry(t *testing.T) {
	ctx, p := browse(t), play(t)
	now := p.view["now"].(time.Time)
	p.set(object{"stage": "LOGIN", "bank": aBank("sandbox-de"), "step": askLogin, "expiresAt": now.Add(61 * time.Second)})
	must(t, ctx, p.open(ctx), reads("#expiry", "less than 2 minutes"))
	p.mu.Lock()
	p.view["now"] = now.Add(3 * time.Second) // the same version: nothing is drawn anew
	p.mu.Unlock()
	must(t, ctx, chromedp.SendKeys("#field-login", "anna"), reads("#expiry", "less than a minute"), webtest.Until(`document.querySelector("#field-login").value === "anna"`))
	p.set(object{"expiresAt": now.Add(4 * time.Second)})
	must(t, ctx, p.open(ctx), reads("#expiry", "less than a minute"))
	p.set(object{"state": "EXCEPTION", "stage": "END", "step": nil, "problem": object{"category": "USER.TIMEOUT", "message": "This took too long."}})
	must(t, ctx, onScreen("exception"), reads("main", "This took too long"), webtest.Until(`document.querySelector("#expiry").textContent === ""`))
	webtest.Clean(t, ctx)
}

// While the bank's app is waited for the page asks by itself, and stands still; the way to another bank works all the time.
func TestConfirmInApp(t *testing.T) {
	ctx, p := browse(t), play(t)
	asked := 0
	p.act = func(action object) object {
		if action["action"] != "answer" {
			return sandbox(action)
		}
		if asked++; asked < 2 {
			return object{"state": "PROCESSING", "step": nil}
		}
		return object{"stage": "ACCOUNTS", "step": nil, "accounts": somePick}
	}
	p.set(object{"stage": "LOGIN", "bank": aBank("sandbox-app"), "step": inApp})
	must(t, ctx, p.open(ctx), onScreen("confirm"), chromedp.Evaluate(`document.querySelector("main h1").dataset.same = "yes"`, nil))
	p.waitFor(func() bool { return asked == 1 })
	must(t, ctx, chromedp.Click("#back")) // comes when the bank's answer is there
	p.set(object{"state": "CONSUMER_INPUT_NEEDED", "step": inApp})
	must(t, ctx, onScreen("banks"))
	same(t, p.sent(), `{"action":"answer","values":{}}`, `{"action":"back"}`)
	p.set(object{"stage": "LOGIN", "bank": aBank("sandbox-app"), "step": inApp})
	must(t, ctx, p.open(ctx), onScreen("confirm"), onScreen("accounts"))
	webtest.Clean(t, ctx)
}

// waitFor waits until something has come to the server.
func (p *player) waitFor(condition func() bool) {
	p.t.Helper()
	for end := time.Now().Add(timeout / 2); ; {
		p.mu.Lock()
		ok := condition()
		p.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(end) {
			p.t.Fatal("nothing came")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// The bank's own page opens in a window that has no hold of this one, and this page goes on when it is done there.
func TestRedirect(t *testing.T) {
	ctx, p := browse(t), play(t)
	p.set(object{"stage": "LOGIN", "bank": aBank("sparkasse"), "step": object{"kind": "REDIRECT", "fields": nil, "note": "", "url": p.URL + "/bank", "leave": p.URL + "/connect/leave"}})
	must(t, ctx, p.open(ctx), onScreen("redirect"), reads("main", "You will be at 127.0.0.1"))
	newWindow := chromedp.WaitNewTarget(ctx, func(*target.Info) bool { return true })
	must(t, ctx, chromedp.Click("#continue"), chromedp.WaitVisible("#waiting"), reads("#link", "Open 127.0.0.1"))
	other, cancel := chromedp.NewContext(ctx, chromedp.WithTargetID(<-newWindow))
	defer cancel()
	if err := chromedp.Run(other); err != nil { // attaches, for longer than one step
		t.Fatal(err)
	}
	var hold bool
	must(t, other, reads("h1", "own page"), chromedp.Evaluate(`window.opener !== null`, &hold))
	if hold {
		t.Error("the bank's page has a hold of this one")
	}
	must(t, other, chromedp.Navigate(p.URL+"/connect/return"), reads("h1", "Thank you"))
	closed := gone(ctx, other)
	_ = chromedp.Run(other, chromedp.Click("button")) // the window does not live to answer
	if !closed() {
		t.Error("the bank's window does not close")
	}
	p.set(object{"stage": "ACCOUNTS", "step": nil, "accounts": somePick})
	must(t, ctx, onScreen("accounts"))

	for _, url := range []string{"javascript:alert(1)", "data:text/html,x"} {
		p.reset()
		p.set(object{"stage": "LOGIN", "bank": aBank("sparkasse"), "step": object{"kind": "REDIRECT", "fields": nil, "note": "", "url": url}})
		must(t, ctx, p.open(ctx), onScreen("redirect"), reads("[role=alert]", "cannot be opened"), webtest.Until(`!document.querySelector("#continue")`))
	}
	webtest.Clean(t, ctx)
}

// gone tells whether a window closes within a while.
func gone(ctx, window context.Context) func() bool {
	id, over := chromedp.FromContext(window).Target.TargetID, make(chan struct{})
	chromedp.ListenBrowser(ctx, func(event any) {
		if e, ok := event.(*target.EventTargetDestroyed); ok && e.TargetID == id {
			close(over)
		}
	})
	return func() bool {
		select {
		case <-over:
			return true
		case <-time.After(timeout / 4):
			return false
		}
	}
}

// A window that no script has opened stays, and says so.
func TestWindowThatCannotClose(t *testing.T) {
	ctx, p := browse(t), play(t)
	for _, name := range []string{"return", "lost", "foreign"} {
		var faults []string
		must(t, ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(p.URL+"/bank"), chromedp.Navigate(p.URL+"/connect/"+name), chromedp.WaitVisible("button"), webtest.Until(`!document.querySelector("[role=status]").textContent`),
			chromedp.Click("button"), reads("[role=status]", "Please close the window or tab"), webtest.Until(`!document.querySelector("button")`), chromedp.Evaluate(audit, &faults))
		same(t, faults)
		for _, dark := range []bool{false, true} {
			if err := webtest.Dark(ctx, dark); err != nil {
				t.Fatal(err)
			}
			if err := shoot(ctx, fmt.Sprintf("%s-stays-%v", name, map[bool]string{true: "dark", false: "light"}[dark])); err != nil {
				t.Error(err)
			}
		}
	}
	// Chromium says by itself that it closes nothing.
	webtest.Clean(t, ctx, "Scripts may close only the windows that were opened by them")
}

// Escape closes the question whether to leave, and nothing else.
func TestLeave(t *testing.T) {
	ctx, p := browse(t), play(t)
	p.act = sandbox
	p.set(object{"stage": "LOGIN", "bank": aBank("sandbox-de"), "step": askLogin})
	must(t, ctx, p.open(ctx), onScreen("login"), chromedp.SendKeys("#field-login", "anna"), press(kb.Escape), chromedp.Click("#close"), chromedp.WaitVisible("#leave[open]"), focused("#stay"),
		press(kb.Escape), webtest.Until(`!document.querySelector("#leave").open && document.querySelector("#field-login").value === "anna"`), focused("#close"),
		chromedp.Click("#close"), chromedp.Click("#stay"), webtest.Until(`!document.querySelector("#leave").open`))
	same(t, p.sent())
	must(t, ctx, chromedp.Click("#close"), chromedp.Click("#go"), onScreen("aborted"), reads("h1", "cancelled"), webtest.Until(`document.querySelector("#close").hidden`))
	same(t, p.sent(), `{"action":"abort"}`)
	webtest.Clean(t, ctx)
}

// The session's language comes before the browser's; who wants no motion gets none.
func TestLanguageAndMotion(t *testing.T) {
	ctx, p := browse(t), play(t)
	must(t, ctx, p.open(ctx), reads("h1", "Choose your bank"),
		chromedp.ActionFunc(func(ctx context.Context) error {
			return emulation.SetUserAgentOverride("Test").WithAcceptLanguage("de-AT,de;q=0.9").Do(ctx)
		}),
		p.open(ctx), reads("h1", "Wählen Sie Ihre Bank"), reads("#country", "Österreich"), reads("#country", "Vereinigte Staaten"))
	p.set(object{"language": "en"})
	must(t, ctx, p.open(ctx), reads("h1", "Choose your bank"), reads("#country", "Austria"),
		chromedp.SetValue("#country", "AT"), chromedp.Evaluate(`document.querySelector("#country").dispatchEvent(new Event("change"))`, nil), webtest.Until(`document.querySelectorAll("#banks button").length === 1`))
	p.set(object{"state": "PROCESSING", "stage": "FETCH", "bank": aBank("us")})
	var moving, still int
	must(t, ctx, p.open(ctx), onScreen("processing"), chromedp.Evaluate(`document.getAnimations().length`, &moving),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}), chromedp.Evaluate(`document.getAnimations().length`, &still))
	if moving == 0 || still != 0 {
		t.Errorf("%d movements, %d where none is wanted", moving, still)
	}
	webtest.Clean(t, ctx)
}

/* ---- The launcher ---- */

// shop is a customer's page on an origin of its own, under a strict policy of its own. It notes what it is told.
func shop(t *testing.T, p *player, script string) *httptest.Server {
	const html = `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,"><button id="buy">Link your bank</button><div id="place"></div>
		<script src="/early.js"></script><script src="%s/connect/app.js"></script><script src="/shop.js"></script>`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self' "+p.URL+"; frame-src "+p.URL+"; img-src data:")
		switch path.Base(r.URL.Path) {
		case "early.js":
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, `const globals = new Set(Object.keys(window)); const heard = []; const told = [];
				addEventListener("message", (e) => heard.push([e.origin, e.data]));
				const on = Object.fromEntries(["onLoad", "onReady", "onFinished", "onAbort", "onError", "onClose"].map((name) => [name, (detail) => { told.push(name + (detail?.category ?? "")); }]));`, "\n", script)
		case "shop.js":
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprintf(w, `const added = Object.getOwnPropertyNames(window).filter((name) => name.includes("Insight")); const token = %q;
				document.querySelector("#buy").addEventListener("click", () => { window.flow = InsightConnect.startFlow(token, on); });`, aToken)
		default:
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, html, p.URL)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// at waits for a screen of the page in its frame.
func at(f *webtest.Frames, p *player, screen string) chromedp.Action {
	return f.In(p.URL, fmt.Sprintf(`document.querySelector("main")?.dataset.screen === %q`, screen))
}

func toldIs(want string) chromedp.Action {
	return webtest.Until(fmt.Sprintf(`told.join() === %q`, want))
}

// A customer's page opens the window, the consumer goes through, and the page gets its events; focus, scrolling and the
// page's own globals are as they were.
func TestLauncher(t *testing.T) {
	ctx, p := browse(t), play(t)
	s := shop(t, p, "")
	f := webtest.Watch(ctx)
	p.act = sandbox
	p.set(object{"origins": []string{s.URL}})
	must(t, ctx, chromedp.Navigate(s.URL), webtest.Until(`added.join() === "InsightConnect"`),
		chromedp.Focus("#buy"), press(kb.Enter), at(f, p, "banks"), toldIs("onLoad,onReady"),
		webtest.Until(`document.activeElement.tagName === "IFRAME" && document.activeElement.title === "Link your bank" && document.documentElement.style.overflow === "hidden"`),
		f.In(p.URL, `document.querySelector("#search:focus")`), chromedp.ActionFunc(func(ctx context.Context) error { return shoot(ctx, "launcher") }),
		webtest.Until(`document.querySelector("iframe").src.endsWith("/connect/flow/`+aHandle+`")`), // no secret in it
		chromedp.KeyEvent("sandbox bank"), f.In(p.URL, `document.querySelectorAll("#banks button").length === 2`), press(kb.ArrowDown, kb.Enter), at(f, p, "agree"),
		press(kb.Escape), at(f, p, "agree"), press(kb.Tab, kb.Enter), at(f, p, "login"), chromedp.KeyEvent("anna"), press(kb.Tab), chromedp.KeyEvent("anna"), press(kb.Enter),
		f.In(p.URL, `document.querySelector("#field-code:focus")`),
		// A reload of the frame alone goes on, and a page that plays ours is not heard.
		f.In(p.URL, `location.reload() || true`), f.In(p.URL, `document.querySelector("#field-code")`),
		chromedp.Evaluate(`postMessage({ insightgraph: "event", name: "finished" }, "*")`, nil), webtest.Until(`heard.some(([origin]) => origin === location.origin)`),
		f.In(p.URL, `(() => { const i = document.querySelector("#field-code"); i.value = "123456"; i.form.requestSubmit(); return true; })()`),
		at(f, p, "accounts"), toldIs("onLoad,onReady"),
		f.In(p.URL, `(() => { document.querySelector("#all").click(); document.querySelector("#continue").click(); return true; })()`),
		at(f, p, "finished"), toldIs("onLoad,onReady,onFinished"),
		toldIs("onLoad,onReady,onFinished,onClose"),
		webtest.Until(`!document.querySelector("iframe, dialog") && document.documentElement.style.overflow === "" && document.activeElement.id === "buy"`),
	)
	var heard []string
	must(t, ctx, chromedp.Evaluate(`heard.filter(([origin]) => origin !== location.origin).map(([origin, data]) => origin + " " + data.name)`, &heard))
	same(t, heard, p.URL+" ready", p.URL+" ready", p.URL+" finished")
	if sent := p.sent(); sent[len(sent)-1] != `{"accounts":["a","b","c"],"action":"accounts"}` {
		t.Errorf("%s", sent)
	}
	webtest.Clean(t, ctx)
}

// The consumer leaves, in the window above the page and inside an element of it; a second flow closes the first.
func TestLauncherLeaves(t *testing.T) {
	ctx, p := browse(t), play(t)
	s := shop(t, p, "")
	f := webtest.Watch(ctx)
	p.act = sandbox
	p.set(object{"origins": []string{"http://127.0.0.1:*"}})
	click := func(selector string) chromedp.Action {
		return f.In(p.URL, fmt.Sprintf(`(document.querySelector(%q)?.click(), true)`, selector))
	}
	must(t, ctx, chromedp.Navigate(s.URL), chromedp.Click("#buy"), at(f, p, "banks"), toldIs("onLoad,onReady"),
		chromedp.Evaluate(`flow.close()`, nil), toldIs("onLoad,onReady,onClose"),
		chromedp.Evaluate(`told.length = 0; InsightConnect.configure({ language: "de", appearance: "dark", container: "#place" }); on.onReady = () => { told.push("onReady"); throw new Error("the shop's own fault"); }`, nil),
		chromedp.Click("#buy"), toldIs("onLoad,onReady"), f.In(p.URL, `document.documentElement.lang === "de" && document.documentElement.dataset.appearance === "dark"`),
		webtest.Until(`document.querySelector("#place > iframe").clientHeight >= 600 && document.activeElement.id === "buy"`), // it takes no focus
		chromedp.Evaluate(`window.first = flow; flow = InsightConnect.startFlow(token, on); first.close()`, nil), toldIs("onLoad,onReady,onClose,onLoad,onReady"),
		webtest.Until(`document.querySelectorAll("iframe").length === 1`), at(f, p, "banks"),
		click("#close"), f.In(p.URL, `document.querySelector("#leave").open`), press(kb.Escape), chromedp.Evaluate(`document.querySelector("iframe").focus()`, nil),
		press(kb.Escape), f.In(p.URL, `!document.querySelector("#leave").open`), click("#close"), click("#go"),
		toldIs("onLoad,onReady,onClose,onLoad,onReady,onAbort,onClose"))

	// An error stays until the consumer has read it.
	p.reset()
	p.set(object{"origins": []string{s.URL}, "state": "EXCEPTION", "stage": "END", "problem": object{"category": "BANK.UNAVAILABLE", "message": "Not now."}})
	must(t, ctx, chromedp.Evaluate(`told.length = 0`, nil), chromedp.Click("#buy"), toldIs("onLoad,onReady,onErrorBANK.UNAVAILABLE"), at(f, p, "exception"),
		click("#done"), toldIs("onLoad,onReady,onErrorBANK.UNAVAILABLE,onClose"))

	// What cannot be shown is told, after startFlow has returned.
	must(t, ctx, chromedp.Evaluate(`told.length = 0; on.onError = (e) => told.push(e.category); InsightConnect.startFlow("abc", on)`, nil), toldIs("TECHNICAL,onClose"),
		chromedp.Evaluate(`told.length = 0; InsightConnect.configure({ container: "#nowhere" }); InsightConnect.startFlow(token, on)`, nil), toldIs("TECHNICAL,onClose"))
	webtest.Clean(t, ctx, "the shop's own fault")
}

// A page whose origin is not registered gets no message and shows nothing, even if the browser let it frame the page.
func TestUnknownOriginGetsNothing(t *testing.T) {
	ctx, p := browse(t), play(t)
	s := shop(t, p, `const wait = setTimeout; window.setTimeout = (f, ms) => wait(f, ms === 15000 ? 1500 : ms);`) // the patience of the launcher
	f := webtest.Watch(ctx)
	p.set(object{"origins": []string{"https://shop.example", strings.Replace(s.URL, "http://127.0.0.1", "http://localhost", 1), s.URL + "0", "http://127.0.0.1", "http://localhost:*"}})
	must(t, ctx, chromedp.Navigate(s.URL), chromedp.Click("#buy"), toldIs("onLoad"), chromedp.ActionFunc(func(context.Context) error {
		p.waitFor(func() bool { return p.asked > 0 })
		return nil
	}), f.In(p.URL, `document.querySelector("#card").hidden && document.querySelector("main").childElementCount === 0`), toldIs("onLoad,onErrorTECHNICAL,onClose"))
	var heard []any
	must(t, ctx, chromedp.Evaluate(`heard`, &heard))
	if len(heard) != 0 {
		t.Errorf("it heard %v", heard)
	}
	// Nobody but a parent says hello.
	asked := p.questions()
	must(t, ctx, chromedp.Navigate(p.URL+"/connect/flow/"+aHandle+"#"+aSecret), onScreen("banks"),
		chromedp.Evaluate(`postMessage({ insightgraph: "hello", token: "`+aToken+`" }, "*")`, nil), onScreen("banks"))
	if p.questions() != asked+2 { // the flow and the banks
		t.Errorf("%d questions", p.questions()-asked)
	}
	webtest.Clean(t, ctx)
}
