// Shop is a fictional shop that asks for a look at its customer's accounts: the backend of a page that links a bank.
//
//	SERVER=http://127.0.0.1:8080 CLIENT_ID=… CLIENT_SECRET=… go run ./examples/shop
package main

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
)

//go:embed index.html
var page string

var server = os.Getenv("SERVER")

// flows are the shop's own flows by their client token: only who has the token learns what came of a flow.
var flows sync.Map

type object = map[string]any

// call posts, with the shop's own login or token, which never leave the backend.
func call(path, contentType, auth, body string, answer any) error {
	r, _ := http.NewRequest("POST", server+path, strings.NewReader(body))
	r.Header = http.Header{"Content-Type": {contentType}, "Authorization": {auth}}
	if auth == "" {
		r.SetBasicAuth(os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"))
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	return json.NewDecoder(a.Body).Decode(answer)
}

// ask sends an operation and gives its only field.
func ask(query string, in any) (object, error) {
	var token struct{ Access_token string }
	if err := call("/auth/token", "application/x-www-form-urlencoded", "", "grant_type=client_credentials", &token); err != nil {
		return nil, err
	}
	body, _ := json.Marshal(object{"query": query, "variables": object{"in": in}})
	var answer struct{ Data, Errors json.RawMessage }
	if err := call("/graphql", "application/json", "Bearer "+token.Access_token, string(body), &answer); err != nil || answer.Errors != nil {
		return nil, fmt.Errorf("%v %s", err, answer.Errors)
	}
	var data struct{ Data object }
	err := json.Unmarshal(answer.Data, &data)
	return data.Data, err
}

func main() {
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, page, server) })
	http.HandleFunc("POST /link", func(w http.ResponseWriter, r *http.Request) { // a session, a flow, its token for the browser
		ip, _, _ := net.SplitHostPort(r.RemoteAddr)
		made, err := ask(`mutation($in: CreateSessionInput!) { data: createSession(input: $in) { session { id } } }`, object{
			"psu": object{"userAgent": r.UserAgent(), "ipAddress": ip}, "consentScope": object{"insightsRefresh": object{}}})
		if err == nil {
			made, err = ask(`mutation($in: StartInsightsRefreshFlowInput!) { data: startInsightsRefreshFlow(input: $in) { flow { id } clientToken } }`,
				object{"sessionId": made["session"].(object)["id"], "storeConsent": "OPTIONAL"})
		}
		if err == nil {
			flows.Store(made["clientToken"], made["flow"].(object)["id"])
		}
		reply(w, made["clientToken"], err)
	})
	http.HandleFunc("POST /result", func(w http.ResponseWriter, r *http.Request) { // the event is a hint only: ask the server
		token, _ := io.ReadAll(io.LimitReader(r.Body, 100))
		id, _ := flows.Load(string(token))
		flow, err := ask(`query($in: ID!) { data: flow(id: $in) { state accounts { name balance { current { amount currency } } } } }`, id)
		reply(w, flow, err)
	})
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8090"), nil))
}

func reply(w http.ResponseWriter, data any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	_ = json.NewEncoder(w).Encode(data)
}
