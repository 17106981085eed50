package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"insightgraph/web/webtest"
)

// person is a consumer at a real browser, on the connect app's page.
type person struct {
	t   *testing.T
	ctx context.Context
}

func newPerson(t *testing.T) person { return person{t, webtest.Browser(t)} }

func (p person) do(actions ...chromedp.Action) person {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var seen string
		_ = chromedp.Run(p.ctx, chromedp.Evaluate(`document.body.innerText`, &seen))
		p.t.Fatalf("%v, on the page:\n%s", err, seen)
	}
	return p
}

// screen waits until the page shows a screen.
func screen(name string) chromedp.Action {
	return chromedp.WaitReady(fmt.Sprintf(`main[data-screen=%q]`, name), chromedp.ByQuery)
}

// open opens the page of a flow on its own.
func (p person) open(url string) person {
	p.t.Helper()
	return p.do(chromedp.Navigate("about:blank"), chromedp.Navigate(url), screen("banks"))
}

// choose picks a bank and agrees.
func (p person) choose(bank string) person {
	p.t.Helper()
	return p.do(screen("banks"), chromedp.Click(fmt.Sprintf(`[data-code=%q]`, bank), chromedp.ByQuery), screen("agree")).proceed()
}

// enter types into fields, name after name, and goes on.
func (p person) enter(pairs ...string) person {
	p.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		field := "#field-" + pairs[i]
		p.do(chromedp.WaitVisible(field, chromedp.ByQuery), chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q).value = ""`, field), nil),
			chromedp.SendKeys(field, pairs[i+1], chromedp.ByQuery))
	}
	return p.proceed()
}

// proceed presses the button that goes on, and waits until the page has drawn what came of it.
func (p person) proceed() person {
	p.t.Helper()
	return p.do(chromedp.Evaluate(`document.querySelector("#continue").dataset.old = true`, nil), chromedp.Click("#continue", chromedp.ByQuery),
		chromedp.WaitNotPresent("#continue[data-old]", chromedp.ByQuery))
}

// link goes the whole way at a bank that asks for login, password and code, and picks all accounts.
func (p person) link(url, bank, login string) person {
	p.t.Helper()
	return p.open(url).choose(bank).enter("login", login, "password", login).enter("code", "123456").all().do(screen("finished"))
}

// all picks all accounts.
func (p person) all() person {
	p.t.Helper()
	return p.do(screen("accounts"), chromedp.Click("#all", chromedp.ByQuery)).proceed()
}

// reads is what the page says.
func (p person) reads(text string) person {
	p.t.Helper()
	return p.do(webtest.Until(fmt.Sprintf(`document.querySelector("main").innerText.includes(%q)`, text)))
}

// TestFirstTime is the first workflow, as the example shop does it: its page shows the connect app in a frame, the
// consumer links a bank there, and the shop's backend reads what came of it.
func TestFirstTime(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	server := startShop(t, s)
	p := newPerson(t)
	frames := webtest.Watch(p.ctx)
	at := func(name string) chromedp.Action {
		return frames.In(s.p.url, fmt.Sprintf(`document.querySelector("main")?.dataset.screen === %q`, name))
	}
	p.do(chromedp.Navigate(server), chromedp.Click("#link"), at("banks"),
		frames.In(s.p.url, `document.querySelector("#search:focus")`),
		chromedp.KeyEvent("sandbox bank"), frames.In(s.p.url, `document.querySelector("[data-code=sandbox-de]")`),
		frames.In(s.p.url, `(document.querySelector("[data-code=sandbox-de]").click(), true)`), at("agree"),
		frames.In(s.p.url, `(document.querySelector("#keep").click(), document.querySelector("#continue").click(), true)`), at("login"),
		frames.In(s.p.url, `document.querySelector("#field-login:focus")`),
		chromedp.KeyEvent("anna"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("anna"), chromedp.KeyEvent(kb.Enter),
		frames.In(s.p.url, `document.querySelector("#field-code:focus")`),
		frames.In(s.p.url, `(window.old = true, location.reload(), true)`), // a reload in the middle goes on
		frames.In(s.p.url, `!window.old && document.querySelector("#field-code")`), chromedp.Evaluate(`document.querySelector("iframe").focus()`, nil),
		frames.In(s.p.url, `(document.querySelector("#field-code").focus(), document.querySelector("#field-code:focus"))`),
		chromedp.KeyEvent("123456"), chromedp.KeyEvent(kb.Enter), at("accounts"),
		frames.In(s.p.url, `(document.querySelector("#all").click(), document.querySelector("#continue").click(), true)`),
		webtest.Until(`document.querySelector("#said").textContent.startsWith("FINISHED")`),
		webtest.Until(`!document.querySelector("iframe")`))
	var said string
	p.do(chromedp.Text("#said", &said))
	for _, name := range []string{"Girokonto", "Tagesgeld", "Kreditkarte Gold"} {
		if !strings.Contains(said, name) {
			t.Errorf("the shop reads %q", said)
		}
	}
	webtest.Clean(t, p.ctx)

	// The consumer was made, its data is there and categorised, and insights work on it.
	var found struct {
		Consumers struct {
			Nodes []struct {
				ID       string
				Consents []struct{ State string }
			}
		}
		Transactions struct {
			Nodes []struct {
				CategorySource string
				Category       struct{ Name string }
			}
		}
	}
	s.do(&found, `{ consumers { nodes { id consents { state } } } transactions(first: 100) { nodes { categorySource category { name } } } }`, nil)
	if len(found.Consumers.Nodes) != 1 || len(found.Consumers.Nodes[0].Consents) != 1 || found.Consumers.Nodes[0].Consents[0].State != "ACTIVE" {
		t.Fatalf("%+v", found.Consumers)
	}
	categorised := 0
	for _, x := range found.Transactions.Nodes {
		if x.CategorySource != "NONE" {
			categorised++
		}
	}
	if categorised < 50 {
		t.Errorf("%d of %d transactions have a category", categorised, len(found.Transactions.Nodes))
	}
	triggered(t, s.client, found.Consumers.Nodes[0].ID)
}

// triggered evaluates the insight for a consumer and wants an entry.
func triggered(t *testing.T, c client, consumer string) {
	t.Helper()
	var made struct {
		TriggerInsights struct{ Run struct{ ID string } }
	}
	c.do(&made, `mutation($input: TriggerInsightsInput!) { triggerInsights(input: $input) { run { id } } }`, object{"input": object{
		"consumerId": consumer, "insights": []object{{"insightName": spending, "overrideDuplicateCheck": true}}}})
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var run struct {
			Node struct {
				Status      string
				Evaluations struct{ Nodes []struct{ Outcome string } }
			}
		}
		c.do(&run, `query($id: ID!) { node(id: $id) { ... on TriggerRun { status evaluations { nodes { outcome } } } } }`, object{"id": made.TriggerInsights.Run.ID})
		if n := run.Node; n.Status == "SUCCEEDED" {
			if len(n.Evaluations.Nodes) != 1 || n.Evaluations.Nodes[0].Outcome != "GENERATED" {
				t.Errorf("the insight on linked data: %+v", n)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the run never ends: %+v", run)
		}
	}
}

// startShop runs the example shop against a server, its origin registered, and returns its address.
func startShop(t *testing.T, s shop) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "shop")
	if out, err := exec.Command("go", "build", "-o", program, "./examples/shop").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	if out := command(t, s.env, "customer", "origin", "add", "--customer", s.login.ClientID, "http://"+addr); strings.TrimSpace(out) != "http://"+addr {
		t.Errorf("origin add says %q", out)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "SERVER="+s.p.url, "CLIENT_ID="+s.login.ClientID, "CLIENT_SECRET="+s.login.ClientSecret, "ADDR="+addr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	s.until("the shop is open", func() bool {
		r, err := http.Get("http://" + addr)
		if err == nil {
			r.Body.Close()
		}
		return err == nil
	})
	return "http://" + addr
}
