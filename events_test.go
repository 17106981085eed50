package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTwoServers: equal calls at once to two server processes on one database have one effect, one answer and one event;
// the log that they leave is sealed by a worker, and the command line checks it.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	env := ready(t)
	servers := []*process{serve(t, env), serve(t, env, "--role", "web")}
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Own", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	clients := []client{servers[0].signIn(own, ""), servers[1].signIn(own, "")}
	const body = `{"query":"mutation { createAccount(input: { container: BANK, name: \"Giro\", currency: \"EUR\" }) { account { id name consumer { id } } } }"}`
	answers := make([]string, 50)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			c := clients[i%2]
			r, _ := http.NewRequest("POST", c.url+"/graphql", strings.NewReader(body))
			r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.token}, "Idempotency-Key": {"once"}}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Error(err)
			}
			data, _, _ := strings.Cut(string(text), `,"extensions"`) // what is left to spend depends on the moment
			answers[i] = fmt.Sprint(answer.StatusCode, " ", data)
		})
	}
	group.Wait()
	for _, a := range answers {
		if a != answers[0] || !strings.HasPrefix(a, `200 {"data"`) {
			t.Fatalf("%s\n%s", answers[0], a)
		}
	}
	var log struct {
		Consumers struct{ TotalCount int }
		Events    struct {
			Nodes []struct {
				Action string
				Actor  struct{ Kind, Name string }
				Hash   *string
			}
		}
	}
	for sealed := false; !sealed; time.Sleep(100 * time.Millisecond) { // by the first process's sweep
		clients[1].do(&log, "{ consumers { totalCount } events { nodes { action actor { kind name } hash } } }", nil)
		sealed = log.Events.Nodes[0].Hash != nil
	}
	nodes := log.Events.Nodes
	if log.Consumers.TotalCount != 1 || len(nodes) != 2 || nodes[0].Action != "createAccount" || !strings.HasPrefix(nodes[0].Actor.Name, "token ") || nodes[1].Action != "createCustomer" {
		t.Errorf("%+v", log)
	}
	if out := command(t, env, "events", "verify"); !strings.Contains(out, *nodes[0].Hash) || !strings.Contains(out, `"number":2`) || strings.Contains(out, "broken") {
		t.Errorf("%s", out)
	}
	command(t, env, "events", "verify", "--customer", own.ClientID, "--known", *nodes[1].Hash)
	if out, _, err := try(t, env, "events", "verify", "--customer", own.ClientID, "--known", strings.Repeat("ab", 32)); err == nil || !strings.Contains(out, "not in it") {
		t.Errorf("an unknown hash: %s %v", out, err)
	}
	for _, known := range []string{"xyz", "abcd", (*nodes[0].Hash)[:62]} {
		if out, errs, err := try(t, env, "events", "verify", "--customer", own.ClientID, "--known", known); err == nil || out != "" || !strings.Contains(errs, "--known is a hash") {
			t.Errorf("%s is no hash: %s %s %v", known, out, errs, err)
		}
	}
}
