package connect

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
)

var noon = time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

// faultsOf writes faults as "code field", in order.
func faultsOf(err error) string {
	all := []string{}
	for _, f := range fault.Of(err) {
		if f.Message == "" {
			return "a fault without a sentence"
		}
		all = append(all, string(f.Code)+" "+f.Field)
	}
	if err != nil && len(all) == 0 {
		return "no fault: " + err.Error()
	}
	return fmt.Sprint(all)
}

var consenting, plainBank = Bank{"good", "Good Bank", "DE", true}, Bank{"plain", "Plain Bank", "DE", false}

func started(t *testing.T, c StoreConsent) Flow {
	t.Helper()
	s := Session{CustomerID: 1, ID: 2, CreatedAt: noon, ExpiresAt: noon.Add(SessionLife)}
	f, err := NewFlow{StoreConsent: c}.Start(s, nil, noon)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// at is a flow at each point where it can be, by name.
func at(t *testing.T, point string) Flow {
	t.Helper()
	f := started(t, ConsentOptional)
	until := noon.Add(time.Minute)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"bank", func() {}},
		{"asking", func() { must(f.Choose(consenting, true, noon, until)) }},
		{"login", func() { f.Asks([]byte("one")) }},
		{"answering", func() { must(f.Answered(until)) }},
		{"accounts", func() { f.Gets(Access{Stored: true}, noon); f.Offers([]byte("two")) }},
		{"fetch", func() { f.Collects([]byte("three")) }},
		{"finished", func() { f.Finish(7, []int64{8}, true, noon) }},
	} {
		step.do()
		if step.name == point {
			return f
		}
	}
	f = started(t, ConsentNo)
	switch point {
	case "aborted":
		must(f.Abort(false, noon))
	case "failed":
		f.Fail(Is(BankUnavailable), noon)
	default:
		t.Fatal("no such point: " + point)
	}
	return f
}

var points = []string{"bank", "asking", "login", "answering", "accounts", "fetch", "finished", "aborted", "failed"}

// TestFlowEverywhere does everything that a page or a customer can do at every point: it leads on where it fits and
// changes nothing elsewhere.
func TestFlowEverywhere(t *testing.T) {
	until := noon.Add(time.Minute)
	type result struct {
		to   string // state and stage; empty: refused
		code fault.Code
	}
	ended, elsewhere := result{code: fault.NotAllowed}, result{code: fault.Conflict}
	refused := func(exceptions map[string]result) map[string]result {
		all := map[string]result{}
		for _, p := range points {
			all[p] = elsewhere
			if slices.Contains([]string{"finished", "aborted", "failed"}, p) {
				all[p] = ended
			}
			if r, ok := exceptions[p]; ok {
				all[p] = r
			}
		}
		return all
	}
	aborted := result{to: "ABORTED END"}
	for name, c := range map[string]struct {
		do   func(*Flow) error
		want map[string]result
	}{
		"choose":   {func(f *Flow) error { return f.Choose(consenting, true, noon, until) }, refused(map[string]result{"bank": {to: "PROCESSING LOGIN"}})},
		"answered": {func(f *Flow) error { return f.Answered(until) }, refused(map[string]result{"login": {to: "PROCESSING LOGIN"}})},
		"back": {(*Flow).Back, refused(map[string]result{"login": {to: "CONSUMER_INPUT_NEEDED BANK"},
			"accounts": {to: "CONSUMER_INPUT_NEEDED BANK"}})},
		"abort by the customer": {func(f *Flow) error { return f.Abort(false, noon) }, refused(map[string]result{"bank": aborted, "asking": aborted, "login": aborted,
			"answering": aborted, "accounts": aborted, "fetch": aborted, "aborted": {to: "same"}})},
		"abort by the consumer": {func(f *Flow) error { return f.Abort(true, noon) }, refused(map[string]result{"bank": aborted, "asking": aborted, "login": aborted,
			"answering": aborted, "accounts": aborted, "aborted": {to: "same"}})},
	} {
		for _, p := range points {
			f, before, want := at(t, p), at(t, p), c.want[p]
			err := c.do(&f)
			got := result{to: string(f.State) + " " + string(f.Stage)}
			if err != nil {
				got = result{code: fault.Of(err)[0].Code}
			}
			unchanged := reflect.DeepEqual(f, before)
			if want.to == "same" || want.to == "" {
				if !unchanged {
					t.Errorf("%s at %s: changed", name, p)
				}
				if want.to == "same" {
					got, want = result{}, result{}
					if err != nil {
						t.Errorf("%s at %s: %v", name, p, err)
					}
				}
			} else if f.Version != before.Version+1 {
				t.Errorf("%s at %s: version %d after %d", name, p, f.Version, before.Version)
			}
			if got != want {
				t.Errorf("%s at %s: %+v, want %+v", name, p, got, want)
			}
			if f.State.Final() && (f.Sealed != nil || f.FinishedAt == nil || f.WorkingUntil != nil || f.Stage != AtEnd) {
				t.Errorf("%s at %s: ended with a dialog or without a time: %+v", name, p, f)
			}
		}
	}
}

func TestFlowWellDone(t *testing.T) {
	f := started(t, ConsentRequired)
	if f.State != InputNeeded || f.Stage != AtBank || f.Version != 1 || !f.ExpiresAt.Equal(noon.Add(FlowLife)) || f.StoreConsent != ConsentRequired {
		t.Fatalf("started: %+v", f)
	}
	until := noon.Add(time.Minute)
	if err := f.Choose(consenting, false, noon, until); err != nil || !f.Storing || *f.BankCode != "good" || !f.WorkingUntil.Equal(until) {
		t.Fatalf("chosen: %+v, %v", f, err)
	}
	f.Asks([]byte("one"))
	if f.State != InputNeeded || f.WorkingUntil != nil || string(f.Sealed) != "one" {
		t.Fatalf("asked: %+v", f)
	}
	if err := f.Answered(until); err != nil || f.State != Processing || string(f.Sealed) != "one" {
		t.Fatalf("answered: %+v, %v", f, err)
	}
	if !f.Gets(Access{Stored: true}, noon) || !f.Storing {
		t.Fatal("a kept access is refused")
	}
	f.Offers([]byte("two"))
	if f.State != InputNeeded || f.Stage != AtAccounts || string(f.Sealed) != "two" {
		t.Fatalf("offered: %+v", f)
	}
	f.Collects([]byte("three"))
	if f.State != Processing || f.Stage != AtFetch || f.WorkingUntil != nil || string(f.Sealed) != "three" {
		t.Fatalf("collecting: %+v", f)
	}
	if f.Tick(noon.Add(24 * time.Hour)) {
		t.Fatal("a fetch is not ended by the flow's time: its part says when it is over")
	}
	f.Finish(7, []int64{8, 9}, true, noon)
	if f.State != Finished || *f.ConsumerID != 7 || !slices.Equal(f.AccountIDs, []int64{8, 9}) || !f.ConsentStored || f.Problem != nil || f.Sealed != nil {
		t.Fatalf("finished: %+v", f)
	}
}

// TestFlowConsent: who decides whether the access is kept.
func TestFlowConsent(t *testing.T) {
	for _, c := range []struct {
		want    StoreConsent
		bank    Bank
		store   bool // the consumer's word
		kept    bool // the bank's
		storing bool
		problem Category
	}{
		{ConsentNo, consenting, true, true, false, ""},
		{ConsentNo, plainBank, false, false, false, ""},
		{ConsentOptional, consenting, true, true, true, ""},
		{ConsentOptional, consenting, false, true, false, ""},
		{ConsentOptional, consenting, true, false, false, ""},
		{ConsentOptional, plainBank, true, true, false, ""},
		{ConsentRequired, consenting, false, true, true, ""},
		{ConsentRequired, consenting, true, false, false, NotSupportedConsent},
		{ConsentRequired, plainBank, true, true, false, NotSupportedConsent},
	} {
		f := started(t, c.want)
		if err := f.Choose(c.bank, c.store, noon, noon.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if over := c.want == ConsentRequired && !c.bank.Consents; f.State.Final() != over {
			t.Errorf("%+v: %s before a login is asked for", c, f.State)
		}
		if !f.State.Final() {
			f.Asks([]byte("x"))
			if err := f.Answered(noon); err != nil {
				t.Fatal(err)
			}
			if ok := f.Gets(Access{Stored: c.kept}, noon); ok == f.State.Final() {
				t.Errorf("%+v: goes on %v in %s", c, ok, f.State)
			}
		}
		switch {
		case c.problem == "" && (f.State.Final() || f.Storing != c.storing || f.Problem != nil):
			t.Errorf("%+v: %s, storing %v", c, f.State, f.Storing)
		case c.problem != "" && (f.State != Exception || f.Problem == nil || *f.Problem != c.problem):
			t.Errorf("%+v: %s, %v", c, f.State, f.Problem)
		}
	}
}

// TestFlowTries: an answer may be wrong twice; the third time, or anything that no other answer mends, ends the flow.
func TestFlowTries(t *testing.T) {
	for _, category := range []Category{UserCredentials, UserSecondFactor} {
		f := at(t, "login")
		for try := 1; try <= MaxTries; try++ {
			if err := f.Answered(noon); err != nil {
				t.Fatal(try, err)
			}
			f.Trouble(Is(category), noon)
			if try < MaxTries && (f.State != InputNeeded || f.Stage != AtLogin || string(f.Sealed) != "one" || f.Tries != try) {
				t.Fatalf("%s, try %d: %+v", category, try, f)
			}
			if *f.Problem != category {
				t.Fatalf("%s, try %d: %s", category, try, *f.Problem)
			}
		}
		if f.State != Exception || f.Sealed != nil || f.FinishedAt == nil {
			t.Errorf("%s the last time: %+v", category, f)
		}
	}
	// A right answer in between: the next step has its own tries, and the problem is gone.
	f := at(t, "login")
	for range 2 {
		for range MaxTries - 1 {
			if err := f.Answered(noon); err != nil {
				t.Fatal(err)
			}
			f.Trouble(Is(UserSecondFactor), noon)
		}
		if err := f.Answered(noon); err != nil {
			t.Fatal(err)
		}
		f.Asks([]byte("next"))
		if f.Tries != 0 || f.Problem != nil || f.State != InputNeeded {
			t.Fatalf("the next step: %+v", f)
		}
	}
	for _, category := range []Category{UserBlocked, UserDenied, BankUnavailable, BankTimeout, Technical, Maintenance, UserAccount} {
		f := at(t, "answering")
		f.Trouble(Is(category), noon)
		if f.State != Exception || *f.Problem != category {
			t.Errorf("%s: %+v", category, f)
		}
	}
	// Before the first step there is nothing to answer anew; nor while fetching.
	for _, p := range []string{"asking", "fetch"} {
		f := at(t, p)
		f.Trouble(Is(UserCredentials), noon)
		if f.State != Exception {
			t.Errorf("%s: %+v", p, f)
		}
	}
	// Another bank begins anew.
	f = at(t, "login")
	if err := f.Answered(noon); err != nil {
		t.Fatal(err)
	}
	f.Trouble(Is(UserCredentials), noon)
	if err := f.Back(); err != nil || f.Tries != 0 || f.Problem != nil || f.Sealed != nil || f.BankCode != nil || f.Storing {
		t.Errorf("back: %+v, %v", f, err)
	}
}

func TestFlowAbort(t *testing.T) {
	f := at(t, "login")
	if err := f.Abort(true, noon); err != nil || *f.Problem != UserAborted {
		t.Errorf("by the consumer: %+v, %v", f, err)
	}
	f = at(t, "login")
	if err := f.Abort(false, noon); err != nil || f.Problem != nil {
		t.Errorf("by the customer: %+v, %v", f, err)
	}
}

func TestFlowTick(t *testing.T) {
	expires, working := noon.Add(FlowLife), noon.Add(time.Minute)
	for _, c := range []struct {
		point   string
		at      time.Time
		problem Category
	}{
		{"bank", expires.Add(-1), ""}, {"bank", expires, UserTimeout}, {"login", expires, UserTimeout}, {"accounts", expires, UserTimeout},
		{"asking", working.Add(-1), ""}, {"asking", working, Technical}, {"answering", working, Technical}, {"answering", expires, Technical},
		{"fetch", expires.Add(time.Hour), ""}, {"finished", expires, ""}, {"aborted", expires, ""},
	} {
		f := at(t, c.point)
		before := f
		changed := f.Tick(c.at)
		if changed != (c.problem != "") || !changed && f.Version != before.Version {
			t.Errorf("%s at %s: changed %v", c.point, c.at, changed)
		}
		if changed && (f.State != Exception || *f.Problem != c.problem || f.Sealed != nil || f.Version != before.Version+1) {
			t.Errorf("%s at %s: %+v", c.point, c.at, f)
		}
	}
}

func TestFlowStart(t *testing.T) {
	open := Session{CustomerID: 1, ID: 2, ExpiresAt: noon.Add(SessionLife), Scope: Scope{RefreshDays: ptr(30)}}
	closed, late := open, open
	closed.ClosedAt = &noon
	late.ExpiresAt = noon
	soon := open
	soon.ExpiresAt = noon.Add(time.Minute)
	for _, c := range []struct {
		s    Session
		n    NewFlow
		want string
	}{
		{closed, NewFlow{}, "[Y802 sessionId]"}, {late, NewFlow{}, "[Y802 sessionId]"},
		{open, NewFlow{Scope: Scope{RefreshDays: ptr(31)}}, "[Y802 refreshDays]"},
	} {
		if _, err := c.n.Start(c.s, nil, noon); faultsOf(err) != c.want {
			t.Errorf("%s, want %s", faultsOf(err), c.want)
		}
	}
	f, err := NewFlow{StoreConsent: ConsentNo, RetentionMinutes: ptr(5)}.Start(soon, ptr(int64(9)), noon)
	if err != nil || !f.ExpiresAt.Equal(soon.ExpiresAt) || *f.ConsumerID != 9 || *f.Scope.RefreshDays != 30 || *f.RetentionMinutes != 5 {
		t.Errorf("no longer than its session: %+v, %v", f, err)
	}
}

func TestNewFlowCheck(t *testing.T) {
	consumer, d := bank.Ref{Kind: bank.KindConsumer, ConsumerID: 1, ID: 1}, bank.NewDate(2026, 1, 1)
	for _, c := range []struct {
		n    NewFlow
		want string
	}{
		{NewFlow{}, "[]"},
		{NewFlow{StoreConsent: ConsentRequired, Consumer: &consumer, RetentionMinutes: ptr(1)}, "[]"},
		{NewFlow{StoreConsent: "NONE"}, "[Y800 storeConsent]"},
		{NewFlow{Consumer: &consumer, ConsumerExternalID: ptr("a")}, "[Y802 consumerExternalId]"},
		{NewFlow{ConsumerExternalID: ptr("")}, "[Y801 consumerExternalId]"},
		{NewFlow{RetentionMinutes: ptr(0)}, "[Y800 dataRetentionMinutes]"},
		{NewFlow{RetentionMinutes: ptr(MaxRetention + 1)}, "[Y800 dataRetentionMinutes]"},
		{NewFlow{StoreConsent: "x", ConsumerExternalID: ptr("\x00"), RetentionMinutes: ptr(-1), Scope: Scope{RefreshDays: ptr(0), From: &d, Accounts: &Selection{All: true, IBANs: []string{"x"}}}},
			"[Y800 storeConsent Y800 consumerExternalId Y800 refreshDays Y802 refreshDays Y813 to Y802 accounts.all Y800 accounts.ibans.0 Y800 dataRetentionMinutes]"},
	} {
		n := c.n
		if got := faultsOf(n.Check().Err()); got != c.want {
			t.Errorf("%+v: %s, want %s", c.n, got, c.want)
		}
	}
	n := NewFlow{}
	if n.Check(); n.StoreConsent != ConsentNo {
		t.Errorf("nothing said: %s", n.StoreConsent)
	}
}

func TestOfferedAndPick(t *testing.T) {
	ref := bank.Ref{Kind: bank.KindAccount, ConsumerID: 1, ID: 5}
	account := bank.Account{ConsumerID: 1, ID: 5, Currency: "EUR", Container: bank.ContainerBank, IBAN: ptr(iban1)}
	known := []Known{{Account: account, BankCode: "good", BankIDs: []string{"b"}}, {Account: account, BankCode: "other", BankIDs: []string{"d"}}} // linked at two banks
	all := []Account{{ID: "a", IBAN: iban1, Currency: "EUR", Container: bank.ContainerBank}, {ID: "b", Currency: "EUR"}, {ID: "c", IBAN: iban2, Currency: "EUR"}, {ID: "d", Currency: "EUR"}}
	for _, c := range []struct {
		s    *Selection
		want string
		all  bool
	}{
		{nil, "abcd", false}, {&Selection{All: true}, "abcd", true}, {&Selection{IBANs: []string{iban2}}, "c", true},
		{&Selection{IDs: []bank.Ref{ref}}, "ab", true}, {&Selection{IDs: []bank.Ref{{Kind: bank.KindAccount, ID: 6}}}, "", true},
		{&Selection{IDs: []bank.Ref{ref}, IBANs: []string{iban1, iban2}}, "abc", true},
	} {
		offered, every := Scope{Accounts: c.s}.Offered("good", all, known)
		got := ""
		for _, a := range offered {
			got += a.ID
		}
		if got != c.want || every != c.all {
			t.Errorf("%+v: %q %v, want %q %v", c.s, got, every, c.want, c.all)
		}
	}
	for _, c := range []struct{ ids, want, err string }{
		{"ab", "[a b]", "[]"}, {"aba", "[a b]", "[]"}, {"", "[]", "[Y812 accounts]"}, {"x", "[]", "[Y807 accounts]"}, {"ax", "[]", "[Y807 accounts]"},
	} {
		var ids []string
		for _, r := range c.ids {
			ids = append(ids, string(r))
		}
		got, err := Pick(all, ids)
		if fmt.Sprint(got) != c.want || faultsOf(err) != c.err {
			t.Errorf("%q: %v, %s", c.ids, got, faultsOf(err))
		}
	}
}

func TestProblemOf(t *testing.T) {
	for want, err := range map[Category]error{UserBlocked: fmt.Errorf("login: %w", Is(UserBlocked)), BankTimeout: fmt.Errorf("x: %w", errTimeout), Technical: errors.New("secret")} {
		if got := ProblemOf(err); got.Category != want {
			t.Errorf("%v: %s, want %s", err, got.Category, want)
		}
	}
}

// TestMaxFailures: going back to the choice of a bank gives no more tries in all.
func TestMaxFailures(t *testing.T) {
	now := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	f := Flow{State: InputNeeded, Stage: AtBank, ExpiresAt: now.Add(FlowLife)}
	wrong := 0
	for !f.State.Final() && wrong < 100 {
		if err := f.Choose(Bank{Code: "x"}, false, now, now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		f.Asks([]byte("sealed"))
		for range MaxTries - 1 {
			if f.State.Final() {
				break
			}
			if err := f.Answered(now.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			f.Trouble(Is(UserCredentials), now)
			wrong++
		}
		if !f.State.Final() {
			if err := f.Back(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if wrong != MaxFailures || f.State != Exception || *f.Problem != UserCredentials {
		t.Errorf("%d wrong answers, then %s", wrong, f.State)
	}
}

// TestSynchronise: what a source that is a bank needs, by its accounts.
func TestSynchronise(t *testing.T) {
	consent := func(id int64, change ...func(*Consent)) *Consent {
		c := Consent{ID: id, State: ConsentActive, ExpiresAt: noon.Add(time.Hour)}
		for _, f := range change {
			f(&c)
		}
		return &c
	}
	expired := func(c *Consent) { c.ExpiresAt = noon }
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	for name, c := range map[string]struct {
		accounts []Linked
		want     string // status, problem, consents to fetch with
	}{
		"nothing linked":              {nil, "SUCCESSFUL  []"},
		"fresh":                       {[]Linked{{consent(1), ago(6*time.Hour - 1)}}, "SUCCESSFUL  []"},
		"after a quarter of a day":    {[]Linked{{consent(1), ago(6 * time.Hour)}}, "SUCCESSFUL  [1]"},
		"two under one consent":       {[]Linked{{consent(1), ago(7 * time.Hour)}, {consent(1), ago(8 * time.Hour)}}, "SUCCESSFUL  [1]"},
		"two consents":                {[]Linked{{consent(1), ago(7 * time.Hour)}, {consent(2), ago(time.Hour)}, {consent(3), ago(7 * time.Hour)}}, "SUCCESSFUL  [1 3]"},
		"no consent, today":           {[]Linked{{nil, ago(24*time.Hour - 1)}}, "SUCCESSFUL  []"},
		"no consent, since yesterday": {[]Linked{{nil, ago(24 * time.Hour)}}, "UPDATE_REQUIRED CONSENT.MISSING []"},
		"an expired one":              {[]Linked{{consent(1, expired), ago(7 * time.Hour)}}, "UPDATE_REQUIRED CONSENT.EXPIRED []"},
		"a revoked one":               {[]Linked{{consent(1, func(c *Consent) { c.State = ConsentIsRevoked }), ago(time.Hour)}}, "UPDATE_REQUIRED CONSENT.REVOKED []"},
		"one of two has expired":      {[]Linked{{consent(1), ago(7 * time.Hour)}, {consent(2, expired), ago(7 * time.Hour)}}, "UPDATE_REQUIRED CONSENT.EXPIRED []"},
	} {
		d := DataSource{Status: SourcePending, RefreshID: ptr(int64(1))}
		ids := []int64{}
		for _, f := range d.Synchronise(c.accounts, noon) {
			ids = append(ids, f.ID)
		}
		problem := Category("")
		if d.Problem != nil {
			problem = *d.Problem
		}
		if got := fmt.Sprint(d.Status, " ", problem, " ", ids); got != c.want || d.RefreshID != nil || !d.UpdatedAt.Equal(noon) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	for problem, want := range map[Category]SourceStatus{"": SourceSuccessful, ConsentExpired: SourceUpdateRequired, UserBlocked: SourceUpdateRequired, BankUnavailable: SourceError, Technical: SourceError} {
		d := DataSource{Status: SourcePending, RefreshID: ptr(int64(1))}
		told := &problem
		if problem == "" {
			told = nil
		}
		if d.Fetched(told, noon); d.Status != want || d.Problem != told || d.RefreshID != nil {
			t.Errorf("after %q: %+v", problem, d)
		}
	}
}
