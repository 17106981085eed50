package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

const (
	plain = "application/json"
	newer = "application/graphql-response+json"
)

// audit is one check of GraphQL over HTTP, by the id that the package graphql-http gives it.
type audit struct {
	id     string
	get    string // the query of a GET; empty: a POST
	media  string // of the body
	accept string
	body   string
	from   int // the statuses that are right
	to     int
	want   string // where it is not the status alone: "clean" has no errors, "no data" has no data, else the media type of the answer
}

// audits are those of the package, written anew, so that they run where there is no Node.js.
func audits() (all []audit) {
	const hello = `{"query":"{ __typename }"}`
	post := func(id, accept, body string, from, to int, want string) {
		all = append(all, audit{id, "", plain, accept, body, from, to, want})
	}
	post("22EB", newer, hello, 200, 200, newer)
	post("4655", plain, hello, 200, 200, plain)
	post("47DE", "*/*", hello, 200, 200, plain)
	post("80D8", "", hello, 200, 200, plain)
	post("82A3", "", hello, 200, 200, "")
	all = append(all, audit{"BF61", "", plain + "; charset=utf-8", "", `{"query":"{ __type(name: \"Run🏃Swim🏊\") { name } }"}`, 200, 200, ""})
	post("78D5", "", hello, 200, 200, "")
	post("2C94", "", hello, 200, 200, "")
	all = append(all, audit{"5A70", "query=" + url.QueryEscape("{ __typename }"), "", "", "", 200, 200, ""},
		audit{"9C48", "query=" + url.QueryEscape("mutation { __typename }"), "", newer, "", 400, 499, ""},
		audit{"9ABE", "", "text/plain;charset=UTF-8", "", hello, 400, 499, ""}) // what fetch sends when nothing is said
	post("03D4", "", hello, 200, 200, "")
	post("A5BF", "", "", 400, 400, "")
	post("423L", newer, `{"notquery":"{ __typename }"}`, 400, 400, "")
	wrong := []string{`{"obj":"ect"}`, `0`, `false`, `["array"]`}
	for i, v := range wrong {
		post(fmt.Sprintf("LKJ%d", i), "", `{"query":`+v+`}`, 400, 400, "")
	}
	post("34A2", newer, hello, 200, 200, "")
	post("13EE", plain, hello, 200, 200, "clean")
	for i, v := range wrong {
		post(fmt.Sprintf("6C0%d", i), "", `{"operationName":`+v+`,"query":"{ __typename }"}`, 400, 400, "")
	}
	post("8161", newer, `{"operationName":"Query","query":"query Query { __typename }"}`, 200, 200, "")
	post("B8B3", plain, `{"operationName":"Query","query":"query Query { __typename }"}`, 200, 200, "clean")
	for i, p := range []string{"variables", "operationName", "extensions"} {
		post(fmt.Sprintf("94B%d", i), newer, `{"query":"{ __typename }","`+p+`":null}`, 200, 200, "clean")
		post(fmt.Sprintf("022%d", i), plain, `{"query":"{ __typename }","`+p+`":null}`, 200, 200, "clean")
	}
	wrong[0] = `"string"`
	for i, v := range wrong {
		post(fmt.Sprintf("476%d", i), "", `{"query":"{ __typename }","variables":`+v+`}`, 400, 400, "")
	}
	const byName = `query Type($name: String!) { __type(name: $name) { name } }`
	post("2EA1", newer, `{"query":"`+byName+`","variables":{"name":"sometype"}}`, 200, 200, "")
	post("28B9", plain, `{"query":"`+byName+`","variables":{"name":"sometype"}}`, 200, 200, "clean")
	inURL := url.Values{"query": {byName}, "variables": {`{"name":"sometype"}`}}.Encode()
	all = append(all, audit{"D6D5", inURL, "", newer, "", 200, 200, "clean"}, audit{"6A70", inURL, "", plain, "", 200, 200, "clean"})
	for i, v := range wrong {
		post(fmt.Sprintf("58B%d", i), "", `{"query":"{ __typename }","extensions":`+v+`}`, 400, 400, "")
	}
	post("428F", newer, `{"query":"{ __typename }","extensions":{"some":"value"}}`, 200, 200, "")
	post("1B7A", plain, `{"query":"{ __typename }","extensions":{"some":"value"}}`, 200, 200, "clean")
	post("B6DC", plain, `{ "not a JSON`, 200, 599, "")
	post("BCF8", plain, `{ "not a JSON`, 400, 400, "")
	post("B7N8", newer, `{ "not a JSON`, 400, 400, "")
	post("8764", "", `{"qeury":"{ __typename }"}`, 400, 599, "")
	post("3E3A", "", `{"qeury":"{ __typename }"}`, 400, 400, "")
	const nothing, noID = `{"query":"{ 8f31403dfe404bccbb0e835f2629c6a7 }"}`, `{"query":"query CoerceFailure($id: ID!){ __typename }","variables":{"id":null}}`
	post("572B", plain, `{"query":"{"}`, 200, 200, "")
	post("FDE2", plain, nothing, 200, 200, "")
	post("7B9B", plain, noID, 200, 200, "")
	post("865D", newer, `{"query":"{"}`, 400, 599, "")
	post("556A", newer, `{"query":"{"}`, 400, 400, "")
	post("D586", newer, `{"query":"{"}`, 200, 599, "no data")
	post("51FE", newer, nothing, 400, 599, "")
	post("74FF", newer, nothing, 400, 400, "")
	post("5E5B", newer, nothing, 200, 599, "no data")
	post("86EE", newer, noID, 400, 400, "")
	return all
}

// overHTTP checks GraphQL over HTTP, against the server that answers introspection: two audits ask for a type.
func (a *attack) overHTTP(ctx context.Context) error {
	all := audits()
	ids := map[string]bool{}
	for _, one := range all {
		ids[one.id] = true
		ok, got, err := a.passes(one)
		if err != nil {
			return fmt.Errorf("%s: %w", one.id, err)
		}
		a.check(ok, "graphql-http %s: %d %s %.200s", one.id, got.status, got.header.Get("Content-Type"), got.body)
	}
	a.check(len(ids) == 61, "%d audits of graphql-http are written, there are 61", len(ids))
	return a.byNode(ctx, ids)
}

func (a *attack) passes(one audit) (bool, answer, error) {
	method, address := "POST", a.open.url+"/graphql"
	if one.get != "" {
		method, address = "GET", address+"?"+one.get
	}
	r, err := http.NewRequest(method, address, strings.NewReader(one.body))
	if err != nil {
		return false, answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+a.opener.token)
	for name, value := range map[string]string{"Content-Type": one.media, "Accept": one.accept} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	got, err := a.send(r)
	ok := got.status >= one.from && got.status <= one.to && utf8.ValidString(got.body)
	switch one.want {
	case "":
	case "clean":
		ok = ok && !strings.Contains(got.body, `"errors"`)
	case "no data":
		ok = ok && !strings.Contains(got.body, `"data"`)
	default:
		ok = ok && strings.HasPrefix(got.header.Get("Content-Type"), one.want)
	}
	return ok, got, err
}

//go:embed audit.mjs
var auditScript []byte

// graphqlHTTP is the package that is run; it needs graphql beside it.
var graphqlHTTP = []string{"graphql-http@1.23.1", "graphql@16.11.0"}

// byNode runs the package itself, where there is Node.js.
func (a *attack) byNode(ctx context.Context, ids map[string]bool) error {
	if a.quick {
		return nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		a.log("NOT RUN: the package graphql-http itself, since there is no npm here; its checks were run as our own.")
		return nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	dir := filepath.Join(cache, "insightgraph", strings.ReplaceAll(graphqlHTTP[0], "@", "-"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "graphql-http")); errors.Is(err, os.ErrNotExist) {
		install := exec.CommandContext(ctx, "npm", append([]string{"install", "--prefix", dir, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"}, graphqlHTTP...)...)
		if out, err := install.CombinedOutput(); err != nil {
			a.log("NOT RUN: the package graphql-http itself, since it could not be installed; its checks were run as our own.\n%s", out)
			return nil
		}
	}
	script := filepath.Join(dir, "audit.mjs")
	if err := os.WriteFile(script, auditScript, 0o644); err != nil {
		return err
	}
	node := exec.CommandContext(ctx, "node", script, a.open.url+"/graphql")
	node.Env = append(os.Environ(), "TOKEN="+a.opener.token)
	var complaints bytes.Buffer
	node.Stderr = &complaints
	out, err := node.Output()
	if err != nil {
		return fmt.Errorf("run graphql-http: %w: %s", err, &complaints)
	}
	var results map[string]struct{ Name, Status, Reason string }
	if err := json.Unmarshal(out, &results); err != nil {
		return err
	}
	passed := 0
	for id, r := range results {
		a.check(ids[id], "graphql-http has an audit %s that is not among ours", id)
		a.check(r.Status == "ok", "graphql-http %s %s: %s %s", id, r.Name, r.Status, r.Reason)
		if r.Status == "ok" {
			passed++
		}
	}
	a.check(len(results) == len(ids), "graphql-http ran %d audits", len(results))
	a.log("graphql-http itself: %d of %d pass", passed, len(results))
	return nil
}
