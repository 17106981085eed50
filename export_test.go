package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/store"
	"insightgraph/store/storetest"
	"insightgraph/telemetry"
)

// unread is a client that does not read until it is told so.
type unread struct {
	*httptest.ResponseRecorder
	begun, read chan struct{}
}

func (w unread) Write(text []byte) (int, error) {
	w.begun <- struct{}{}
	<-w.read
	return w.ResponseRecorder.Write(text)
}

// An export holds its place until it is read: who has one under way gets no other, a customer has half of the places, and
// no other customer waits.
func TestExportPlaces(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	tokens := &auth.Tokens{Store: s}
	e := newExports(tokens, s, slog.New(slog.DiscardHandler))
	type client struct{ token, id string }
	people := func(name string, names ...string) (list []client) {
		customer, err := s.CreateCustomer(t.Context(), bank.Customer{Name: name, ClientID: name, TimeZone: "UTC", Currency: "EUR"}, []byte("hash"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			c, err := s.Customer(customer.ID).CreateConsumer(t.Context(), store.NewConsumer{ExternalID: &name})
			if err != nil {
				t.Fatal(err)
			}
			token, _, err := tokens.Issue(t.Context(), customer, &c)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, client{token, c.Ref().String()})
		}
		return list
	}
	ask := func(w http.ResponseWriter, c client) {
		r := httptest.NewRequest("GET", "/consumers/"+c.id+"/export", nil)
		r.SetPathValue("id", c.id)
		r.Header.Set("Authorization", "Bearer "+c.token)
		e.ServeHTTP(w, r)
	}
	status := func(c client) int {
		w := httptest.NewRecorder()
		ask(w, c)
		if (w.Header().Get("Retry-After") != "") != (w.Code == http.StatusTooManyRequests) {
			t.Errorf("%d with Retry-After %q", w.Code, w.Header().Get("Retry-After"))
		}
		return w.Code
	}
	acme, other := people("acme", "a", "b", "c", "d", "e"), people("other", "a")
	begun, read, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	for i, c := range acme[:4] {
		go func() {
			ask(unread{httptest.NewRecorder(), begun, read}, c)
			over <- struct{}{}
		}()
		<-begun
		if got := status(c); got != http.StatusTooManyRequests {
			t.Errorf("%d has one and got another: %d", i, got)
		}
	}
	if got := status(acme[4]); got != http.StatusTooManyRequests {
		t.Errorf("a fifth of one customer: %d", got)
	}
	if got := status(other[0]); got != http.StatusOK {
		t.Errorf("another customer: %d", got)
	}
	close(read)
	for range 4 {
		<-over
	}
	for i, c := range acme {
		if got := status(c); got != http.StatusOK {
			t.Errorf("%d when all was read: %d", i, got)
		}
	}
}

// An error of the export names its request, as an error of GraphQL does.
func TestExportErrorsNameTheirRequest(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	h := telemetry.Endpoint("/consumers/", newExports(&auth.Tokens{Store: s}, s, slog.New(slog.DiscardHandler)))
	r, w := httptest.NewRequest("GET", "/consumers/1/export", nil), httptest.NewRecorder()
	r.Header.Set("X-Request-Id", "mine")
	h.ServeHTTP(w, r)
	want := `{"errors":[{"extensions":{"code":"Y020","requestId":"mine"},"message":"Invalid token in authorization header"}]}`
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusUnauthorized || got != want || w.Header().Get("X-Request-Id") != "mine" {
		t.Errorf("%d %s", w.Code, got)
	}
}
