package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
)

func at(day string) func() time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return func() time.Time { return t.Add(15 * time.Hour) }
}

const today = "2026-11-21"

// enterAs goes through a login: it answers what is asked, until there is access or a problem.
func enterAs(t *testing.T, b *Banks, code, login, password, second string) (connect.Access, []string, error) {
	t.Helper()
	d, err := connect.NewDirectory(b)
	if err != nil {
		t.Fatal(err)
	}
	at, ok := d.Bank(code)
	if !ok {
		t.Fatalf("no bank %s", code)
	}
	in := connect.Login{Bank: at, Store: true, Days: 90, ReturnURL: "http://127.0.0.1/connect/return?state=a.b", Now: b.now()}
	step, err := b.Login(t.Context(), in)
	var way []string
	for range 10 {
		if err != nil {
			return connect.Access{}, way, err
		}
		if step.Kind == connect.Granted {
			return *step.Access, way, nil
		}
		var answer connect.Answer
		answer.Values = map[string]string{}
		for _, f := range step.Fields {
			way = append(way, f.Name)
			switch f.Name {
			case "login":
				answer.Values["login"] = login
			case "password":
				answer.Values["password"] = password
			case "method":
				answer.Values["method"] = f.Options[0].Value
			case "code":
				answer.Values["code"] = second
			}
		}
		if step.Kind != connect.Ask {
			way = append(way, string(step.Kind))
		}
		if step.Kind == connect.Redirect {
			answer.Return = url.Values{"who": {login}, "approved": {"yes"}}
		}
		step, err = b.Answer(t.Context(), in, step.State, answer)
	}
	t.Fatal("the login has no end")
	return connect.Access{}, nil, nil
}

func TestLogins(t *testing.T) {
	b := New(at(today))
	for _, c := range []struct{ bank, login, password, code, way, problem string }{
		{"sandbox-de", "anna", "anna", Code, "login password code", ""},
		{"sandbox-us", "ben", "ben", Code, "login password code", ""},
		{"sandbox-noconsent", "emil", "emil", Code, "login password code", ""},
		{"sandbox-app", "clara", "clara", "", "login password CONFIRM CONFIRM CONFIRM", ""},
		{"sandbox-redirect", "deniz", "", "", "REDIRECT", ""},
		{"sandbox-de", "twoway", "twoway", Code, "login password method code", ""},
		{"sandbox-de", "anna", "wrong", Code, "login password", "USER.CREDENTIALS"},
		{"sandbox-de", "nobody", "nobody", Code, "login password", "USER.CREDENTIALS"},
		{"sandbox-de", "locked", "any", Code, "login password", "USER.BLOCKED"},
		{"sandbox-de", "anna", "anna", "000000", "login password code", "USER.SECOND_FACTOR"},
		{"sandbox-redirect", "nobody", "", "", "REDIRECT", "USER.ACCESS_DENIED"},
		{"sandbox-down", "anna", "anna", Code, "", "BANK.UNAVAILABLE"},
		{"sandbox-maintenance", "anna", "anna", Code, "", "MAINTENANCE"},
	} {
		access, way, err := enterAs(t, b, c.bank, c.login, c.password, c.code)
		problem := ""
		if p, ok := errors.AsType[*connect.Problem](err); ok {
			problem = string(p.Category)
		}
		if strings.Join(way, " ") != c.way || problem != c.problem {
			t.Errorf("%s %s: %v %v", c.bank, c.login, way, err)
		}
		if err == nil && (len(access.Accounts) < 2 || access.Stored != (c.bank != "sandbox-noconsent")) {
			t.Errorf("%s %s: %d accounts, stored %v", c.bank, c.login, len(access.Accounts), access.Stored)
		}
		if strings.Contains(string(access.Secret), "password") {
			t.Errorf("%s %s: the secret holds a password", c.bank, c.login)
		}
	}
	if access, _, err := enterAs(t, b, "sandbox-de", "empty", "empty", Code); err != nil || len(access.Accounts) != 0 {
		t.Errorf("no accounts: %v %v", access, err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := enter(short, "stuck", "stuck"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a bank that never answers: %v", err)
	}
}

// fetched is anna's data on a day, all of it.
func fetched(t *testing.T, day string, psu *connect.PSU) connect.Data {
	t.Helper()
	b := New(at(day))
	access, _, err := enterAs(t, b, "sandbox-de", "anna", "anna", Code)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, a := range access.Accounts {
		ids = append(ids, a.ID)
	}
	d, err := b.Fetch(t.Context(), connect.Fetch{Secret: access.Secret, Accounts: ids, Days: bank.Period{From: 0, To: bank.DateOf(b.now(), time.UTC)}, PSU: psu, Now: b.now()})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestData(t *testing.T) {
	d := fetched(t, today, &connect.PSU{})
	kinds := []string{}
	for _, a := range d.Accounts {
		kinds = append(kinds, string(a.Container)+" "+a.Type)
		first, last := a.Transactions[0].BookingDate, a.Transactions[len(a.Transactions)-1].BookingDate
		if end := bank.DateOf(at(today)(), time.UTC); first > end.AddMonths(-18)+31 || last < end-40 || a.Balance == nil || a.BalanceAsOf == nil {
			t.Errorf("%s: %s to %s, %v", a.ID, first, last, a.Balance)
		}
	}
	if !slices.Equal(kinds, []string{"BANK CHECKING", "BANK SAVINGS", "CARD CREDIT"}) {
		t.Errorf("anna has %v", kinds)
	}
	one, _ := json.Marshal(d)
	two, _ := json.Marshal(fetched(t, today, &connect.PSU{}))
	if string(one) != string(two) {
		t.Error("the same day gives other data")
	}
}

// Days later the bank says the same of the past; what was pending is booked, under another id, and nothing is lost.
func TestSettling(t *testing.T) {
	before, after := fetched(t, today, nil), fetched(t, "2026-12-01", nil)
	pending := 0
	for i, a := range before.Accounts {
		later := map[string]bank.Transaction{}
		for _, x := range after.Accounts[i].Transactions {
			later[*x.ExternalID] = x
		}
		for _, x := range a.Transactions {
			id := *x.ExternalID
			if x.Status == bank.Pending {
				pending++
				if _, still := later[id]; still {
					t.Errorf("%s is pending for ever", id)
				}
				id = strings.TrimPrefix(id, "P-")
			}
			now, ok := later[id]
			if !ok || now.Status != bank.Posted || now.Amount.Cmp(x.Amount) != 0 || now.BookingDate != x.BookingDate {
				t.Errorf("%s: then %+v, now %+v", id, x, now)
			}
		}
		days := bank.Period{From: 0, To: bank.NewDate(2026, 12, 1)}
		stored := slices.Clone(a.Transactions)
		for j := range stored {
			stored[j].ID = int64(j + 1)
		}
		changes := connect.Reconcile(stored, after.Accounts[i].Transactions, days)
		renamed := 0
		for _, x := range a.Transactions {
			if x.Status == bank.Pending {
				renamed++
			}
		}
		if len(changes.Rename) != renamed || len(changes.Deleted) != 0 {
			t.Errorf("%s: %d of %d settled, %d lost", a.ID, len(changes.Rename), renamed, len(changes.Deleted))
		}
	}
	if pending == 0 {
		t.Error("nothing was pending, so nothing is tried")
	}
}

func TestWithoutTheConsumer(t *testing.T) {
	b := New(at(today))
	access, _, err := enterAs(t, b, "sandbox-de", "revoked", "revoked", Code)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Fetch(t.Context(), connect.Fetch{Secret: access.Secret, PSU: &connect.PSU{}}); err != nil {
		t.Errorf("with the consumer: %v", err)
	}
	if _, err := b.Fetch(t.Context(), connect.Fetch{Secret: access.Secret}); connect.ProblemOf(err).Category != connect.ConsentRevoked {
		t.Errorf("without: %v", err)
	}
	flaky, _, err := enterAs(t, b, "sandbox-de", "flaky", "flaky", Code)
	if err != nil {
		t.Fatal(err)
	}
	away := 0
	for minute := range 10 {
		b.now = func() time.Time { return at(today)().Add(time.Duration(minute) * time.Minute) }
		if _, err := b.Fetch(t.Context(), connect.Fetch{Secret: flaky.Secret}); err != nil {
			away++
		}
	}
	if away != 5 {
		t.Errorf("away in %d of 10 minutes", away)
	}
	if err := b.Revoke(t.Context(), connect.Bank{}, access.Secret); err != nil {
		t.Error(err)
	}
}

func TestOwnPage(t *testing.T) {
	server := httptest.NewServer(New(at(today)).Handler())
	defer server.Close()
	own := server.URL + "/connect/return?state=a.b"
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, c := range []struct {
		back, login, password, code, decision string
		status                                int
		location                              string
	}{
		{own, "anna", "anna", Code, "approve", 303, own[:len(own)-9] + "approved=yes&state=a.b&who=anna"},
		{own, "anna", "anna", "1", "approve", 422, ""},
		{own, "locked", "locked", Code, "approve", 422, ""},
		{own, "", "", "", "approve", 422, ""},
		{own, "", "", "", "deny", 303, own[:len(own)-9] + "approved=no&state=a.b"},
		{"https://evil.example/connect/return", "anna", "anna", Code, "approve", 400, ""},
		{"//evil.example/connect/return", "anna", "anna", Code, "approve", 400, ""},
		{server.URL + "/graphql", "anna", "anna", Code, "approve", 400, ""},
		{"javascript:alert(1)", "anna", "anna", Code, "approve", 400, ""},
		{"", "anna", "anna", Code, "approve", 400, ""},
	} {
		form := url.Values{"return": {c.back}, "language": {"de"}, "login": {c.login}, "password": {c.password}, "code": {c.code}, "decision": {c.decision}}
		r, err := client.PostForm(server.URL+"/connect/sandbox/authorize", form)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != c.status || r.Header.Get("Location") != c.location {
			t.Errorf("%+v: %d %q", c, r.StatusCode, r.Header.Get("Location"))
		}
	}
	for path, status := range map[string]int{"authorize?return=" + url.QueryEscape(own): 200, "authorize": 400, "style.css": 200, "other": 404} {
		r, err := client.Get(server.URL + "/connect/sandbox/" + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != status {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}
