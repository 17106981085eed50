package view_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/report"
	"insightgraph/report/view"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func ptr[T any](v T) *T { return &v }

// room is a server of report pages, whose time a test sets.
type room struct {
	*view.View
	now time.Time
	c   store.Tenant
	id  int64
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{now: time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)}
	s := storetest.Open(t, storetest.URL(t), store.Options{Now: func() time.Time { return r.now }})
	keys, err := connect.ParseKeys(connect.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	customer, err := s.CreateCustomer(t.Context(), bank.Customer{Name: "acme", ClientID: "acme", TimeZone: "UTC", Currency: "EUR"}, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	r.c, r.id = s.Customer(customer.ID), customer.ID
	r.View = &view.View{Store: s, Keys: keys, URL: "https://server.example", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	return r
}

// report makes a report of a consumer with one purchase; it waits to be built.
func (r *room) report(t *testing.T, kind report.Type) report.Report {
	t.Helper()
	a, err := r.c.CreateAccount(t.Context(), store.NewAccount{Account: bank.Account{Container: bank.ContainerBank, Name: "<b>Giro</b>", Currency: "EUR"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := bank.Transaction{Amount: decimal.MustParse("-12.50"), Currency: "EUR", BookingDate: bank.NewDate(2026, 2, 3), MCC: ptr("5411"), CounterpartyName: ptr("<script>Market")}
	if _, _, err := r.c.CreateTransactions(t.Context(), a.Ref(), []bank.Transaction{x}, nil); err != nil {
		t.Fatal(err)
	}
	owner := bank.Ref{Kind: bank.KindConsumer, ConsumerID: a.ConsumerID, ID: a.ConsumerID}
	made, _, err := r.c.CreateReport(t.Context(), store.NewReport{NewCase: store.NewCase{Consumer: &owner}, Request: report.Request{Type: string(kind)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (r *room) build(t *testing.T, made report.Report) {
	t.Helper()
	b, ok, err := r.Store.ClaimReport(t.Context(), made.ID)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	d, _ := report.ByType(made.Type)
	in, err := r.Store.LoadReport(t.Context(), b, d)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d.Build(in))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Store.FinishReport(t.Context(), b, text); err != nil {
		t.Fatal(err)
	}
}

func (r *room) get(method, url string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), method, strings.TrimPrefix(url, r.URL), nil))
	return w
}

func TestView(t *testing.T) {
	r := newRoom(t)
	made := r.report(t, report.TypeShopping)
	page, pdf := r.Link(r.id, made.Ref(), r.now.Add(15*time.Minute))
	if !strings.HasPrefix(page, "https://server.example/reports/"+made.Ref().String()+"?token=") || !strings.Contains(pdf, ".pdf?token=") {
		t.Fatalf("%s %s", page, pdf)
	}
	if w := r.get("GET", page); w.Code != 200 || w.Header().Get("Refresh") == "" || !strings.Contains(w.Body.String(), "is being made") {
		t.Errorf("before it is built: %d %s", w.Code, w.Body)
	}
	r.build(t, made)
	w := r.get("GET", page)
	body := w.Body.String()
	for _, want := range []string{"<h1>Shopping report</h1>", "12.50 EUR", "&lt;b&gt;Giro", "&lt;script&gt;Market", ".pdf?token="} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	h := w.Header()
	if w.Code != 200 || h.Get("Refresh") != "" || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" ||
		!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(body, "<script") {
		t.Errorf("%d %v", w.Code, h)
	}
	w = r.get("GET", pdf)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/pdf" || !strings.HasPrefix(w.Body.String(), "%PDF") ||
		w.Header().Get("Content-Disposition") != `inline; filename="shopping-2025-03-01-2026-02-28.pdf"` {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := r.get("POST", page); w.Code != http.StatusMethodNotAllowed {
		t.Error(w.Code)
	}
	// A link is for one report, by this server's keys, and for a time.
	other := r.report(t, report.TypeIncome)
	keys, _ := connect.ParseKeys(connect.NewKey())
	forged, _ := (&view.View{Keys: keys, URL: r.URL}).Link(r.id, made.Ref(), r.now.Add(time.Hour))
	foreign, _ := r.Link(r.id+1, made.Ref(), r.now.Add(time.Hour))
	for name, url := range map[string]string{"another report": strings.Replace(page, made.Ref().String(), other.Ref().String(), 1), "no token": strings.Split(page, "?")[0],
		"cut": page[:len(page)-4], "forged": forged, "another customer": foreign, "nothing": r.URL + "/reports/", "up": r.URL + "/reports/../x"} {
		if w := r.get("GET", url); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "12.50") || !strings.Contains(w.Body.String(), "does not work") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	r.now = r.now.Add(15 * time.Minute)
	if w := r.get("GET", page); w.Code != http.StatusNotFound {
		t.Errorf("after its time: %d", w.Code)
	}
	// What is erased cannot be looked at any more.
	page, _ = r.Link(r.id, made.Ref(), r.now.Add(time.Hour))
	if _, err := r.c.DeleteConsumer(t.Context(), bank.Ref{Kind: bank.KindConsumer, ConsumerID: made.ConsumerID, ID: made.ConsumerID}); err != nil {
		t.Fatal(err)
	}
	if w := r.get("GET", page); w.Code != http.StatusNotFound {
		t.Errorf("after its consumer was erased: %d", w.Code)
	}
}
