package auth_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"insightgraph/auth"
)

// ask sends a token request and gives the status, headers and answer.
func ask(t *testing.T, h *house, change func(*http.Request), form string) (int, http.Header, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/auth/token", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.tokens.TokenHandler(slog.New(slog.DiscardHandler)).ServeHTTP(w, r)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("answer %q: %v", w.Body, err)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	return w.Code, w.Header(), answer
}

func TestTokenEndpoint(t *testing.T) {
	h := newHouse(t)
	form := "grant_type=client_credentials&client_id=acme&client_secret=" + h.secret
	basic := func(r *http.Request) { r.SetBasicAuth("acme", h.secret) }
	for name, one := range map[string]struct {
		change func(*http.Request)
		form   string
		role   auth.Role
	}{
		"form":                {nil, form, auth.RoleCustomer},
		"Basic":               {basic, "grant_type=client_credentials", auth.RoleCustomer},
		"Basic, encoded":      {func(r *http.Request) { r.SetBasicAuth("%61cme", url.QueryEscape(h.secret)) }, "grant_type=client_credentials", auth.RoleCustomer},
		"Basic and its id":    {basic, "grant_type=client_credentials&client_id=acme", auth.RoleCustomer},
		"Basic, empty secret": {basic, "grant_type=client_credentials&client_id=&client_secret=", auth.RoleCustomer}, // without a value is left out
		"one consumer":        {nil, form + "&login_name=anna", auth.RoleConsumer},
		"scope is passed by":  {nil, form + "&scope=all", auth.RoleCustomer},
		"charset": {func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		}, form, auth.RoleCustomer},
	} {
		status, _, answer := ask(t, h, one.change, one.form)
		if status != 200 || answer["token_type"] != "Bearer" || answer["expires_in"] != 3600.0 {
			t.Errorf("%s: %d %v", name, status, answer)
			continue
		}
		v, err := h.tokens.Viewer(t.Context(), answer["access_token"].(string))
		if err != nil || v.Role() != one.role {
			t.Errorf("%s: viewer %v, %v", name, v.Role(), err)
		}
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	h := newHouse(t)
	form := "grant_type=client_credentials&client_id=acme&client_secret=" + h.secret
	media := func(m string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", m) }
	}
	for name, one := range map[string]struct {
		change func(*http.Request)
		form   string
		status int
		code   string
	}{
		"wrong secret":        {nil, "grant_type=client_credentials&client_id=acme&client_secret=x", 401, "invalid_client"},
		"unknown client":      {nil, "grant_type=client_credentials&client_id=x&client_secret=" + h.secret, 401, "invalid_client"},
		"no client":           {nil, "grant_type=client_credentials", 401, "invalid_client"},
		"no secret":           {nil, "grant_type=client_credentials&client_id=acme", 401, "invalid_client"},
		"wrong Basic":         {func(r *http.Request) { r.SetBasicAuth("acme", "x") }, "grant_type=client_credentials", 401, "invalid_client"},
		"broken Basic":        {func(r *http.Request) { r.Header.Set("Authorization", "Basic %%") }, "grant_type=client_credentials", 401, "invalid_client"},
		"both ways":           {func(r *http.Request) { r.SetBasicAuth("acme", h.secret) }, form, 400, "invalid_request"},
		"two clients":         {func(r *http.Request) { r.SetBasicAuth("acme", h.secret) }, "grant_type=client_credentials&client_id=other", 400, "invalid_request"},
		"no grant type":       {nil, "client_id=acme&client_secret=" + h.secret, 400, "invalid_request"},
		"another grant type":  {nil, "grant_type=password&client_id=acme&client_secret=" + h.secret, 400, "unsupported_grant_type"},
		"unknown login_name":  {nil, form + "&login_name=bert", 400, "invalid_grant"},
		"blank login_name":    {nil, form + "&login_name=", 400, "invalid_grant"},
		"twice":               {nil, form + "&login_name=anna&login_name=bert", 400, "invalid_request"},
		"broken form":         {nil, "%zz", 400, "invalid_request"},
		"JSON":                {media("application/json"), "{}", 415, "invalid_request"},
		"no media type":       {media(""), form, 415, "invalid_request"},
		"in the URL":          {func(r *http.Request) { r.URL.RawQuery = form }, "", 401, "invalid_client"},
		"large":               {nil, form + "&scope=" + strings.Repeat("x", 16<<10), 413, "invalid_request"},
		"GET":                 {func(r *http.Request) { r.Method = http.MethodGet }, "", 405, "invalid_request"},
		"client before grant": {nil, "grant_type=password&client_id=acme&client_secret=x&login_name=bert", 401, "invalid_client"},
	} {
		status, header, answer := ask(t, h, one.change, one.form)
		if status != one.status || answer["error"] != one.code || answer["access_token"] != nil {
			t.Errorf("%s: %d %v", name, status, answer)
		}
		asked := strings.HasPrefix(header.Get("WWW-Authenticate"), "Basic")
		if want := strings.Contains(name, "Basic"); asked != want {
			t.Errorf("%s: WWW-Authenticate %q", name, header.Get("WWW-Authenticate"))
		}
		if strings.Contains(answer["error"].(string), h.secret) {
			t.Errorf("%s: the secret comes back", name)
		}
	}
}

// TestBearer: which token a request came with; of two headers none counts.
func TestBearer(t *testing.T) {
	for want, headers := range map[string][]string{"x.y": {"Bearer x.y"}, "x": {"bEARER  x "}, "": {"Bearer x", "Bearer x"}} {
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.Header["Authorization"] = headers
		if got := auth.Bearer(r); got != want {
			t.Errorf("%q: %q, want %q", headers, got, want)
		}
	}
	for _, none := range []string{"", "Bearer", "Basic eDp5", "x.y"} {
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.Header.Set("Authorization", none)
		if got := auth.Bearer(r); got != "" {
			t.Errorf("%q: %q", none, got)
		}
	}
}

// Secrets are long and never the same.
func TestSecrets(t *testing.T) {
	a, b := auth.NewSecret(), auth.NewSecret()
	if a == b || len(a) != 43 || string(auth.HashSecret(a)) == string(auth.HashSecret(b)) {
		t.Errorf("secrets %q, %q", a, b)
	}
}

// TestTokenErrorSaysWhat: who is on call reads what the database said, in the words that have no values.
func TestTokenErrorSaysWhat(t *testing.T) {
	h := newHouse(t)
	db, err := pgx.Connect(t.Context(), h.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if _, err := db.Exec(t.Context(), "ALTER TABLE tokens RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r := httptest.NewRequest(http.MethodPost, "/auth/token", strings.NewReader("grant_type=client_credentials&client_id=acme&client_secret="+h.secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.tokens.TokenHandler(slog.New(slog.NewTextHandler(&log, nil))).ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError || !strings.Contains(log.String(), "sqlstate=42P01") {
		t.Errorf("%d %s %s", w.Code, w.Body, log.String())
	}
}

// A secret that is replaced ends at once, with all tokens of the customer: also those that are asked for in that moment.
func TestRotateSecret(t *testing.T) {
	h := newHouse(t)
	other := auth.NewSecret()
	h.newCustomer(t, "other", other)
	form := func(client, secret string) string {
		return "grant_type=client_credentials&client_id=" + client + "&client_secret=" + secret
	}
	_, _, answer := ask(t, h, nil, form("other", other))
	others := answer["access_token"].(string)
	secret := h.secret
	for range 5 {
		fresh := auth.NewSecret()
		var tokens sync.Map
		var given atomic.Int64
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for {
					status, _, answer := ask(t, h, nil, form("acme", secret))
					if status == 401 {
						return
					}
					tokens.Store(answer["access_token"].(string), nil)
					given.Add(1)
				}
			})
		}
		for given.Load() < 8 {
			time.Sleep(time.Millisecond)
		}
		if err := h.store.RotateSecret(t.Context(), h.customer.ID, auth.HashSecret(fresh)); err != nil {
			t.Fatal(err)
		}
		clients.Wait()
		tokens.Range(func(token, _ any) bool {
			if _, err := h.tokens.Viewer(t.Context(), token.(string)); err == nil {
				t.Fatal("a token of the old secret is good")
			}
			return true
		})
		secret = fresh
	}
	if status, _, _ := ask(t, h, nil, form("acme", secret)); status != 200 {
		t.Errorf("the new secret: %d", status)
	}
	if _, err := h.tokens.Viewer(t.Context(), others); err != nil {
		t.Errorf("another customer's token: %v", err)
	}
}
