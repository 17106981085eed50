package web

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"insightgraph/web/webtest"
)

const timeout = time.Minute

var demo = Playground{
	Token: func(context.Context) (string, string, error) { return "abc", "the demo customer", nil },
	Examples: []Example{
		{Name: "Spending by month", Query: "# What was spent, month by month.\nquery SpendingByMonth($months: Int!) {\n  months(last: $months) {\n    month\n    spent\n  }\n}\n", Variables: "{\n  \"months\": 3\n}"},
		{Name: "Accounts", Query: "query Accounts {\n  accounts {\n    name\n    balance\n  }\n}\n"},
	},
}

func get(t *testing.T, p Playground, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestPaths(t *testing.T) {
	for target, want := range map[string]int{
		"/": 200, "/playground/config.json": 200, "/playground/NOTICE.txt": 200,
		"/other": 404, "/playground": 404, "/playground/": 404, "/playground/assets": 404, "/playground/nothing.js": 404, "/playground/../playground.go": 404, "/playground/assets/../../dist/index.html": 404,
	} {
		res := get(t, demo, "http://localhost"+target)
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, res.StatusCode, want)
		}
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control"} {
			if res.Header.Get(name) == "" {
				t.Errorf("%s has no %s", target, name)
			}
		}
	}
	w := httptest.NewRecorder()
	demo.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST /: %d", w.Code)
	}
}

// Every file that was built is served: packed to those who take it so, else unpacked, and always the same bytes.
func TestAssets(t *testing.T) {
	files, err := fs.Glob(dist, "playground/dist/assets/*")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		target := "/playground/assets/" + strings.TrimSuffix(path.Base(file), ".gz")
		plain := get(t, demo, target, "Accept-Encoding", "br, gzip;q=0.0")
		if plain.StatusCode != 200 || plain.Header.Get("Content-Encoding") != "" || plain.Header.Get("Content-Type") == "" || !strings.Contains(plain.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", target, plain.StatusCode, plain.Header)
		}
		if !strings.HasSuffix(file, ".gz") {
			continue
		}
		packed := get(t, demo, target, "Accept-Encoding", "deflate, gzip;q=0.5, br")
		z, err := gzip.NewReader(packed.Body)
		if err != nil || packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: %v %v", target, packed.Header, err)
		}
		a, err1 := io.ReadAll(plain.Body)
		b, err2 := io.ReadAll(z)
		if string(a) != string(b) || len(a) == 0 || err1 != nil || err2 != nil {
			t.Errorf("%s: %d bytes plain, %d unpacked, %v %v", target, len(a), len(b), err1, err2)
		}
	}
}

func TestConfigGivesTokenToOwnPageOnly(t *testing.T) {
	for _, c := range []struct {
		host, header, value string
		token               string
	}{
		{"localhost:8080", "", "", "abc"},
		{"LOCALHOST", "Sec-Fetch-Site", "none", "abc"},
		{"127.0.0.1:8080", "Sec-Fetch-Site", "same-origin", "abc"},
		{"127.1.2.3", "", "", "abc"},
		{"[::1]:8080", "", "", "abc"},
		{"[::1]", "", "", "abc"},
		{"localhost", "Sec-Fetch-Site", "same-site", ""},
		{"localhost", "Sec-Fetch-Site", "cross-site", ""},
		{"localhost", "Origin", "https://evil.example", ""},
		{"localhost.evil.example", "", "", ""},
		{"127.0.0.1.evil.example:80", "", "", ""},
		{"192.168.0.7:8080", "Sec-Fetch-Site", "same-origin", ""},
		{"0.0.0.0:8080", "", "", ""},
	} {
		res := get(t, demo, "http://"+c.host+"/playground/config.json", c.header, c.value)
		var config struct {
			Endpoint, Token, Login string
			Examples               []Example
		}
		if err := json.NewDecoder(res.Body).Decode(&config); err != nil {
			t.Fatal(err)
		}
		if config.Token != c.token || (config.Login != "") != (c.token != "") || config.Endpoint != "/graphql" || len(config.Examples) != 2 {
			t.Errorf("%+v: %+v", c, config)
		}
		if got := res.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control %q", got)
		}
	}
	broken := Playground{Token: func(context.Context) (string, string, error) { return "", "", errors.New("secret") }}
	res := get(t, broken, "http://localhost/playground/config.json")
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusServiceUnavailable || strings.Contains(string(body), "secret") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

// The page works in a browser under its content security policy and with no network: the tabs are there, named after their
// operations, and the editor shows the first. There is no API behind it, which is the one error allowed.
func TestPageInBrowser(t *testing.T) {
	server := httptest.NewServer(demo.Handler())
	defer server.Close()
	ctx, cancel := context.WithTimeout(webtest.Browser(t), timeout)
	defer cancel()
	shows := func(selector, text string) chromedp.Action {
		return webtest.Until(fmt.Sprintf(`document.querySelector(%q)?.innerText.includes(%q)`, selector, text))
	}
	var title string
	err := chromedp.Run(ctx,
		chromedp.Navigate(server.URL),
		shows(".graphiql-tabs", "SpendingByMonth"),
		shows(".graphiql-tabs", "Accounts"),
		shows(".graphiql-query-editor", "What\u00a0was\u00a0spent"),
		shows(".graphiql-editor-tool", "months"),
		chromedp.Title(&title),
	)
	if err != nil || title != "Insightgraph" {
		t.Fatal(title, err, webtest.Look(ctx))
	}
	webtest.Clean(t, ctx, "/graphql")
}

// A page that is loaded again asks with the fresh token, whatever was stored by the last one; no token is stored at all; and
// the tabs are those the user left. What stands behind /graphql here only notes as whom it was asked.
func TestTokenIsNotStored(t *testing.T) {
	tokens := 0
	p := Playground{Examples: demo.Examples, Token: func(context.Context) (string, string, error) {
		tokens++
		return fmt.Sprintf("secret-%d", tokens), "demo", nil
	}}
	asked := make(chan string, 100)
	mux := http.NewServeMux()
	mux.Handle("/", p.Handler())
	mux.HandleFunc("/graphql", func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); !strings.Contains(string(body), "IntrospectionQuery") {
			asked <- r.Header.Get("Authorization")
		}
		http.Error(w, "no API here", http.StatusTeapot)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(webtest.Browser(t), timeout)
	defer cancel()
	for load := 1; load <= 2; load++ {
		var stored string
		var tabs int
		err := chromedp.Run(ctx,
			chromedp.Navigate(server.URL),
			chromedp.WaitVisible(".graphiql-query-editor .view-line"),
			chromedp.Click(".graphiql-query-editor .view-lines"),
			input.InsertText("# edited\n"),
			chromedp.Click(".graphiql-execute-button"),
			webtest.Until(`document.querySelector(".graphiql-response").innerText.includes("418")`),
			webtest.Until(`localStorage["graphiql:tabState"]?.includes("# edited") && localStorage["graphiql:queries"]?.includes("SpendingByMonth")`),
			chromedp.Evaluate(`JSON.stringify(localStorage)`, &stored),
			chromedp.Evaluate(`document.querySelectorAll(".graphiql-tab").length`, &tabs),
		)
		if err != nil {
			t.Fatal(err, webtest.Look(ctx))
		}
		if got, want := <-asked, fmt.Sprintf("Bearer secret-%d", load); got != want {
			t.Errorf("load %d: asked with %q, want %q", load, got, want)
		}
		if strings.Contains(stored, "secret") {
			t.Errorf("load %d: a token is in the browser's storage: %s", load, stored)
		}
		if tabs != len(p.Examples) {
			t.Errorf("load %d: %d tabs", load, tabs)
		}
	}
	webtest.Clean(t, ctx, "/graphql")
}

// The page's own token ends while the page is open: the page gets a new one and asks again, once. For a token that the user
// put in there is no other.
func TestTokenEnds(t *testing.T) {
	var mu sync.Mutex
	given, ended, asked := 0, 0, []string{}
	p := Playground{Examples: demo.Examples, Token: func(context.Context) (string, string, error) {
		mu.Lock()
		defer mu.Unlock()
		given++
		return fmt.Sprintf("secret-%d", given), "demo", nil
	}}
	mux := http.NewServeMux()
	mux.Handle("/", p.Handler())
	mux.HandleFunc("/graphql", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "IntrospectionQuery") {
			fmt.Fprint(w, `{"data":{"__schema":{"queryType":{"name":"Query"},"mutationType":null,"subscriptionType":null,"directives":[],"types":[{"kind":"SCALAR","name":"String"},
				{"kind":"OBJECT","name":"Query","interfaces":[],"fields":[{"name":"seen","args":[],"type":{"kind":"SCALAR","name":"String"},"isDeprecated":false}]}]}}}`)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		asked = append(asked, token)
		number, _ := strconv.Atoi(strings.TrimPrefix(token, "secret-"))
		if number <= ended {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"errors":[{"message":"refused:%s:%d"}]}`, token, len(asked))
			return
		}
		fmt.Fprintf(w, `{"data":{"seen":"%s:%d"}}`, token, len(asked))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(webtest.Browser(t), timeout)
	defer cancel()
	run := func(end int, answer string, want ...string) {
		t.Helper()
		mu.Lock()
		ended, asked = end, nil
		mu.Unlock()
		err := chromedp.Run(ctx, chromedp.Click(".graphiql-execute-button"), webtest.Until(fmt.Sprintf(`document.querySelector(".graphiql-response").innerText.includes("%s:%d") && document.querySelector(".graphiql-execute-button").ariaLabel.startsWith("Execute")`, answer, len(want))))
		mu.Lock()
		defer mu.Unlock()
		if err != nil || !slices.Equal(asked, want) {
			t.Fatalf("asked with %q, want %q, %d tokens, %v %v", asked, want, given, err, webtest.Look(ctx))
		}
	}
	if err := chromedp.Run(ctx, chromedp.Navigate(server.URL), chromedp.WaitVisible(".graphiql-query-editor .view-line")); err != nil {
		t.Fatal(err)
	}
	run(0, "secret-1", "secret-1")
	run(1, "secret-2", "secret-1", "secret-2")
	run(1, "secret-2", "secret-2")
	run(9, "refused:secret-3", "secret-2", "secret-3")
	run(2, "secret-3", "secret-3")
	err := chromedp.Run(ctx, chromedp.Click(`[data-name="headers"]`), chromedp.Click(`.graphiql-editor-tool .graphiql-editor:not(.hidden) .view-line:nth-child(2)`),
		chromedp.KeyEvent(kb.End), chromedp.KeyEvent(kb.ArrowLeft), input.InsertText("9"), // into the token's text
		webtest.Until(`[...document.querySelectorAll(".graphiql-editor-tool .graphiql-editor")].some((e) => e.innerText.includes("secret-19"))`))
	if err != nil {
		t.Fatal(err, webtest.Look(ctx))
	}
	run(99, "refused:secret-19", "secret-19")
	webtest.Clean(t, ctx, "401")
}
