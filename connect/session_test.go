package connect

import (
	"context"
	"strings"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
)

const iban1, iban2 = "DE89370400440532013000", "GB29NWBK60161331926819"

var errTimeout = context.DeadlineExceeded

func find(code string) (Bank, bool) { return consenting, code == consenting.Code }

func TestNewSession(t *testing.T) {
	psu := &PSU{UserAgent: " Mozilla/5.0 ", IPAddress: "203.0.113.7"}
	good := func(change func(*NewSession)) NewSession {
		n := NewSession{PSU: psu, HasScope: true, HasRefresh: true}
		change(&n)
		return n
	}
	d := bank.NewDate(2026, 1, 1)
	for name, c := range map[string]struct {
		n    NewSession
		want string
	}{
		"at least":            {good(func(*NewSession) {}), "[]"},
		"nothing":             {NewSession{}, "[Y812 psu Y812 consentScope]"},
		"no insightsRefresh":  {good(func(n *NewSession) { n.HasRefresh = false }), "[Y812 consentScope.insightsRefresh]"},
		"empty psu":           {good(func(n *NewSession) { n.PSU = &PSU{UserAgent: " "} }), "[Y812 psu.userAgent Y812 psu.ipAddress]"},
		"long user agent":     {good(func(n *NewSession) { n.PSU = &PSU{strings.Repeat("x", 1001), "::1"} }), "[Y801 psu.userAgent]"},
		"no address":          {good(func(n *NewSession) { n.PSU = &PSU{"x", "localhost"} }), "[Y800 psu.ipAddress]"},
		"address with a zone": {good(func(n *NewSession) { n.PSU = &PSU{"x", "fe80::1%eth0"} }), "[Y800 psu.ipAddress]"},
		"no lifetime":         {good(func(n *NewSession) { n.LifetimeDays = ptr(0) }), "[Y800 consentScope.lifetimeDays]"},
		"long lifetime":       {good(func(n *NewSession) { n.LifetimeDays = ptr(181) }), "[Y800 consentScope.lifetimeDays]"},
		"language":            {good(func(n *NewSession) { n.Language = ptr("de_DE") }), "[Y800 language]"},
		"unknown bank":        {good(func(n *NewSession) { n.BankCode = ptr("x") }), "[Y807 selectedBank.bankCode]"},
		"bank elsewhere":      {good(func(n *NewSession) { n.BankCode, n.CountryCode = ptr("good"), ptr("FR") }), "[Y800 selectedBank.countryCode]"},
		"country alone":       {good(func(n *NewSession) { n.CountryCode = ptr("DE") }), "[Y813 selectedBank.bankCode]"},
		"bank and country":    {good(func(n *NewSession) { n.BankCode, n.CountryCode = ptr("good"), ptr("de") }), "[]"},
		"return by http":      {good(func(n *NewSession) { n.RedirectReturnURL = ptr("http://shop.example/") }), "[Y800 redirectReturnUrl]"},
		"return by script":    {good(func(n *NewSession) { n.RedirectReturnURL = ptr("javascript:alert(1)") }), "[Y800 redirectReturnUrl]"},
		"return with a login": {good(func(n *NewSession) { n.RedirectReturnURL = ptr("https://a:b@shop.example/") }), "[Y800 redirectReturnUrl]"},
		"return by ftp":       {good(func(n *NewSession) { n.RedirectReturnURL = ptr("ftp://127.0.0.1/") }), "[Y800 redirectReturnUrl]"},
		"return nowhere":      {good(func(n *NewSession) { n.RedirectReturnURL = ptr("https:///back") }), "[Y800 redirectReturnUrl]"},
		"return too far":      {good(func(n *NewSession) { n.RedirectReturnURL = ptr("https://shop.example/" + strings.Repeat("x", 1980)) }), "[Y800 redirectReturnUrl]"},
		"return":              {good(func(n *NewSession) { n.RedirectReturnURL = ptr("https://shop.example/" + strings.Repeat("x", 1979)) }), "[]"},
		"a day":               {good(func(n *NewSession) { n.LifetimeDays = ptr(1) }), "[]"},
		"the longest":         {good(func(n *NewSession) { n.LifetimeDays = ptr(MaxConsentDays) }), "[]"},
		"return here":         {good(func(n *NewSession) { n.RedirectReturnURL = ptr("http://127.0.0.1:3000/back?x=1") }), "[]"},
		"scope":               {good(func(n *NewSession) { n.Scope = Scope{To: &d} }), "[Y813 consentScope.insightsRefresh.from]"},
		"all at once": {NewSession{PSU: &PSU{"", "x"}, HasScope: true, Scope: Scope{RefreshDays: ptr(MaxDays + 1)}, LifetimeDays: ptr(-1), Language: ptr(""), BankCode: ptr("x"), RedirectReturnURL: ptr("shop")},
			"[Y812 psu.userAgent Y800 psu.ipAddress Y812 consentScope.insightsRefresh Y800 consentScope.lifetimeDays Y800 consentScope.insightsRefresh.refreshDays Y800 language Y807 selectedBank.bankCode Y800 redirectReturnUrl]"},
	} {
		if _, err := c.n.Check(noon, find); faultsOf(err) != c.want {
			t.Errorf("%s: %s, want %s", name, faultsOf(err), c.want)
		}
	}
	s, err := good(func(n *NewSession) { n.Language, n.BankCode = ptr("DE-at"), ptr("good") }).Check(noon, find)
	if err != nil || s.PSU.UserAgent != "Mozilla/5.0" || s.LifetimeDays != MaxConsentDays || s.Language != "de" || *s.BankCode != "good" || !s.ExpiresAt.Equal(noon.Add(SessionLife)) {
		t.Errorf("%+v, %v", s, err)
	}
	if !s.Open(noon) || s.Open(s.ExpiresAt) {
		t.Error("a session is open until it expires")
	}
	s.ClosedAt = &noon
	if s.Open(noon) {
		t.Error("a closed session is open")
	}
}

func TestScopeCheck(t *testing.T) {
	early, late := bank.NewDate(2026, 1, 1), bank.NewDate(2026, 2, 1)
	many := Selection{}
	for i := range MaxSelected + 1 {
		many.IDs = append(many.IDs, bank.Ref{Kind: bank.KindAccount, ID: int64(i)})
	}
	for _, c := range []struct {
		s    Scope
		path string
		want string
	}{
		{Scope{}, "", "[]"}, {Scope{RefreshDays: ptr(1)}, "", "[]"}, {Scope{RefreshDays: ptr(MaxDays)}, "", "[]"}, {Scope{From: &early, To: &late}, "", "[]"}, {Scope{From: &early, To: &early}, "", "[]"},
		{Scope{RefreshDays: ptr(0)}, "a.b", "[Y800 a.b.refreshDays]"}, {Scope{RefreshDays: ptr(MaxDays + 1)}, "", "[Y800 refreshDays]"},
		{Scope{RefreshDays: ptr(5), From: &early, To: &late}, "", "[Y802 refreshDays]"},
		{Scope{From: &early}, "a", "[Y813 a.to]"}, {Scope{To: &early}, "", "[Y813 from]"}, {Scope{From: &late, To: &early}, "", "[Y800 from]"},
		{Scope{Accounts: &Selection{All: true, IDs: []bank.Ref{{}}}}, "", "[Y802 accounts.all]"},
		{Scope{Accounts: &Selection{All: true, IBANs: []string{iban1}}}, "", "[Y802 accounts.all]"}, {Scope{Accounts: &Selection{All: true}}, "", "[]"},
		{Scope{RefreshDays: ptr(5), To: &late}, "", "[Y802 refreshDays Y813 from]"},
		{Scope{Accounts: &many}, "", "[Y824 accounts]"}, {Scope{Accounts: &Selection{IDs: many.IDs[:MaxSelected]}}, "", "[]"},
		{Scope{Accounts: &Selection{IDs: many.IDs[:MaxSelected], IBANs: []string{iban1}}}, "", "[Y824 accounts]"},
		{Scope{Accounts: &Selection{IBANs: []string{iban1, "DE00", ""}}}, "p", "[Y800 p.accounts.ibans.1 Y800 p.accounts.ibans.2]"},
	} {
		if got := faultsOf(c.s.Check(c.path).Err()); got != c.want {
			t.Errorf("%+v: %s, want %s", c.s, got, c.want)
		}
	}
	s := Scope{Accounts: &Selection{IBANs: []string{"de89 3704 0044 0532 0130 00"}}}
	if s.Check(""); s.Accounts.IBANs[0] != iban1 {
		t.Errorf("IBAN: %s", s.Accounts.IBANs[0])
	}
	for _, said := range []Selection{{All: true}, {IDs: many.IDs[:1]}, {IBANs: []string{iban1}}} {
		if s = (Scope{Accounts: &said}); s.Check("").Err() != nil || s.Accounts == nil {
			t.Errorf("%+v is forgotten", said)
		}
	}
	if s = (Scope{Accounts: &Selection{}}); s.Check("").Err() != nil || s.Accounts != nil {
		t.Errorf("an empty selection is as none: %+v", s)
	}
}

func TestScopePeriod(t *testing.T) {
	today := bank.NewDate(2026, 3, 5)
	day := func(s string) *bank.Date { d, _ := bank.ParseDate(s); return &d }
	for _, c := range []struct {
		s        Scope
		from, to string
	}{
		{Scope{}, "2024-03-06", "2026-03-05"},
		{Scope{RefreshDays: ptr(1)}, "2026-03-05", "2026-03-05"},
		{Scope{RefreshDays: ptr(62)}, "2026-01-03", "2026-03-05"},
		{Scope{From: day("2026-01-01"), To: day("2026-02-01")}, "2026-01-01", "2026-02-01"},
		{Scope{From: day("2026-01-01"), To: day("2026-12-31")}, "2026-01-01", "2026-03-05"},
		{Scope{From: day("2030-01-01"), To: day("2031-01-01")}, "2026-03-05", "2026-03-05"}, // never a negative number of days
		{Scope{From: day("1900-01-01"), To: day("2026-02-01")}, "2021-03-02", "2026-02-01"},
		{Scope{From: day("1900-01-01"), To: day("1901-01-01")}, "2021-03-02", "2021-03-02"},
	} {
		if p := c.s.Period(today); p.From.String() != c.from || p.To.String() != c.to || p.Days() < 1 {
			t.Errorf("%+v: %s to %s, want %s to %s", c.s, p.From, p.To, c.from, c.to)
		}
	}
}

func TestScopeWithin(t *testing.T) {
	today := bank.NewDate(2026, 3, 5)
	day := func(s string) *bank.Date { d, _ := bank.ParseDate(s); return &d }
	one, two := bank.Ref{Kind: bank.KindAccount, ID: 1}, bank.Ref{Kind: bank.KindAccount, ID: 2}
	single := Scope{Accounts: &Selection{IDs: []bank.Ref{one}, IBANs: []string{iban1}}}
	winter := Scope{From: day("2026-01-01"), To: day("2026-02-01")}
	for name, c := range map[string]struct {
		flow, session Scope
		want          string
	}{
		"nothing said":             {Scope{}, Scope{}, "[]"},
		"the flow alone":           {Scope{RefreshDays: ptr(MaxDays)}, Scope{}, "[]"},
		"less days":                {Scope{RefreshDays: ptr(10)}, Scope{RefreshDays: ptr(30)}, "[]"},
		"more days":                {Scope{RefreshDays: ptr(31)}, Scope{RefreshDays: ptr(30)}, "[Y802 refreshDays]"},
		"from earlier":             {winter, Scope{RefreshDays: ptr(30)}, "[Y802 from]"},
		"inside":                   {Scope{From: day("2026-01-05"), To: day("2026-01-06")}, winter, "[]"},
		"to later":                 {Scope{From: day("2026-01-05"), To: day("2026-02-06")}, winter, "[Y802 to]"},
		"both ends":                {Scope{From: day("2025-01-05"), To: day("2026-02-06")}, winter, "[Y802 from Y802 to]"},
		"days that end later":      {Scope{RefreshDays: ptr(5)}, winter, "[Y802 refreshDays]"},
		"all of single ones":       {Scope{Accounts: &Selection{All: true}}, single, "[Y802 accounts.all]"},
		"one of single ones":       {single, single, "[]"},
		"another than single ones": {Scope{Accounts: &Selection{IDs: []bank.Ref{one, two}, IBANs: []string{iban2}}}, single, "[Y802 accounts.ids.1 Y802 accounts.ibans.0]"},
		"one of all":               {single, Scope{Accounts: &Selection{All: true}}, "[]"},
	} {
		if _, faults := c.flow.Within(c.session, today); faultsOf(faults.Err()) != c.want {
			t.Errorf("%s: %s, want %s", name, faultsOf(faults.Err()), c.want)
		}
	}
	if s, _ := (Scope{}).Within(Scope{RefreshDays: ptr(30), Accounts: single.Accounts}, today); *s.RefreshDays != 30 || s.Accounts != single.Accounts {
		t.Errorf("the session's: %+v", s)
	}
	if s, _ := (Scope{RefreshDays: ptr(5)}).Within(Scope{RefreshDays: ptr(30)}, today); *s.RefreshDays != 5 {
		t.Errorf("the flow's: %+v", s)
	}
}

func TestCheckOrigin(t *testing.T) {
	for raw, want := range map[string]string{
		"https://shop.example": "https://shop.example", "https://shop.example/": "https://shop.example", "HTTPS://Shop.Example:443": "https://shop.example",
		"https://shop.example:8443": "https://shop.example:8443", "http://localhost:3000": "http://localhost:3000", "http://127.0.0.1:80": "http://127.0.0.1",
		"http://[::1]:3000": "http://[::1]:3000", "http://a.localhost": "http://a.localhost", "https://xn--mller-kva.example": "https://xn--mller-kva.example",
		"http://shop.example": "", "https://": "", "": "", "shop.example": "", "https://shop.example/page": "", "https://shop.example?x": "", "https://shop.example#x": "",
		"https://a:b@shop.example": "", "https://*.example": "", "https://*": "", "null": "", "https://shop.example;script-src": "", "https://shop.example:": "",
		"https://müller.example": "", "https://shop.example//": "", "javascript:alert(1)": "", "data:text/html,x": "", "file:///etc": "", "https://:443": "",
		"https://shop.example https://b.example": "", "https://shop.example,https://b.example": "", "https://a'b.example": "", "ftp://shop.example": "", "ftp://localhost": "",
		"https://" + strings.Repeat("a", 300): "",
	} {
		got, f := CheckOrigin("origin", raw)
		if got != want || (f == nil) != (want != "") || f != nil && (f.Code != fault.InvalidValue || f.Field != "origin") {
			t.Errorf("%q: %q, %v; want %q", raw, got, f, want)
		}
	}
}

func TestPlanCheck(t *testing.T) {
	for _, c := range []struct {
		p       Plan
		want    string
		minutes int
	}{
		{Plan{}, "[]", 1440}, {Plan{Interval: ptr(Weekly)}, "[]", 10080}, {Plan{Interval: ptr(MaxOften)}, "[]", 360}, {Plan{IntervalMinutes: ptr(MinMinutes)}, "[]", 60},
		{Plan{IntervalMinutes: ptr(MaxMinutes), RefreshDays: ptr(5)}, "[]", MaxMinutes},
		{Plan{Interval: ptr(Interval("HOURLY"))}, "[Y800 interval]", 0},
		{Plan{IntervalMinutes: ptr(59)}, "[Y800 intervalMinutes]", 0}, {Plan{IntervalMinutes: ptr(MaxMinutes + 1)}, "[Y800 intervalMinutes]", 0},
		{Plan{Interval: ptr(Daily), IntervalMinutes: ptr(60)}, "[Y802 intervalMinutes]", 0},
		{Plan{RefreshDays: ptr(0)}, "[Y800 refreshDays]", 0},
		{Plan{Interval: ptr(Daily), IntervalMinutes: ptr(1), RefreshDays: ptr(-1)}, "[Y802 intervalMinutes Y800 intervalMinutes Y800 refreshDays]", 0},
	} {
		p := c.p
		got := faultsOf(p.Check().Err())
		if got != c.want || c.minutes > 0 && p.Minutes() != c.minutes {
			t.Errorf("%+v: %s, want %s, %d", c.p, got, c.want, c.minutes)
		}
	}
}

// TestWent goes through days of an account's automatic refreshes.
func TestWent(t *testing.T) {
	now := noon
	a := AutomaticRefresh{IntervalMinutes: 24 * 60}
	went := func(c Category) { // empty: well
		var p *Category
		if c != "" {
			p = &c
		}
		a.Went(p, now)
	}
	next := func(want time.Duration, failed int) {
		t.Helper()
		if a.NextRefreshAt == nil || a.NextRefreshAt.Sub(now) != want || a.FailedCount != failed || !a.LastRefreshAt.Equal(now) {
			t.Fatalf("next %v after %s, %d failed; want %s, %d", a.NextRefreshAt, now, a.FailedCount, want, failed)
		}
	}
	went("")
	next(24*time.Hour, 0)
	if *a.LastState != LastSuccess || a.LastProblem != nil || !a.LastSuccessfulRefreshAt.Equal(now) {
		t.Fatalf("%+v", a)
	}
	well := now
	// An error of the bank: sooner, and then later each time, but never later than the interval.
	for i, want := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 16 * time.Hour, 24 * time.Hour, 24 * time.Hour} {
		now = *a.NextRefreshAt
		went([]Category{BankUnavailable, BankTimeout, Maintenance, Technical}[i%4])
		next(want, i+1)
		if *a.LastState != LastException || !a.LastSuccessfulRefreshAt.Equal(well) {
			t.Fatalf("%+v", a)
		}
	}
	// A server that was down for a week makes up one.
	now = a.NextRefreshAt.Add(7 * 24 * time.Hour)
	went("")
	next(24*time.Hour, 0)
	// The bank allows no more today: not before the interval, and not before some hours.
	went(BankExceeded)
	next(24*time.Hour, 1)
	a.IntervalMinutes = 60
	went(BankExceeded)
	next(6*time.Hour, 2)
	// What the consumer must mend is not tried sooner.
	went(UserBlocked)
	next(time.Hour, 3)
	for _, c := range []Category{ConsentExpired, ConsentRevoked, ConsentMissing} {
		went(c)
		if a.NextRefreshAt != nil || *a.LastProblem != c {
			t.Errorf("%s: %+v", c, a)
		}
	}
	went("")
	next(time.Hour, 0)
	for range 100 { // no overflow
		went(BankUnavailable)
	}
	next(time.Hour, 100)
}

func TestSessionLanguage(t *testing.T) {
	for tag, want := range map[string]string{"de": "de", "DE-at": "de", "fr-CA": "fr", "deu": "de", "ger-DE": "de", "den": "en", "fil": "en", "eng": "en"} {
		s, err := NewSession{PSU: &PSU{"Mozilla/5.0", "10.0.0.1"}, HasScope: true, HasRefresh: true, Language: &tag}.Check(noon, nil)
		if err != nil || s.Language != want {
			t.Errorf("%s: %q, want %q, %v", tag, s.Language, want, err)
		}
	}
}

func TestConsentDays(t *testing.T) {
	day := func(s string) *bank.Date { d, _ := bank.ParseDate(s); return &d }
	for _, c := range []struct {
		since    *bank.Date
		s        Scope
		last     *time.Time
		from, to string
	}{
		{nil, Scope{}, nil, "2025-12-06", "2026-03-05"},
		{nil, Scope{}, ptr(noon.Add(-24 * time.Hour)), "2026-02-18", "2026-03-05"},
		{nil, Scope{}, ptr(noon.AddDate(-1, 0, 0)), "2025-12-06", "2026-03-05"},
		{nil, Scope{RefreshDays: ptr(3)}, ptr(noon), "2026-03-03", "2026-03-05"},
		{nil, Scope{From: day("2026-01-01"), To: day("2026-01-31")}, nil, "2026-01-01", "2026-01-31"},
		// What the consumer agreed to begins there.
		{day("2026-02-20"), Scope{}, nil, "2026-02-20", "2026-03-05"},
		{day("2026-02-20"), Scope{}, ptr(noon.Add(-24 * time.Hour)), "2026-02-20", "2026-03-05"},
		{day("2026-02-20"), Scope{RefreshDays: ptr(700)}, ptr(noon), "2026-02-20", "2026-03-05"},
		{day("2026-02-20"), Scope{RefreshDays: ptr(3)}, ptr(noon), "2026-03-03", "2026-03-05"},
		{day("2026-02-20"), Scope{From: day("2026-01-01"), To: day("2026-02-28")}, nil, "2026-02-20", "2026-02-28"},
		{day("2026-02-20"), Scope{From: day("2026-01-01"), To: day("2026-01-31")}, nil, "2026-02-20", "2026-02-20"},
	} {
		if p := (Consent{Since: c.since}).Days(c.s, c.last, noon); p.From.String() != c.from || p.To.String() != c.to {
			t.Errorf("%+v, agreed from %v, last %v: %s to %s, want %s to %s", c.s, c.since, c.last, p.From, p.To, c.from, c.to)
		}
	}
}

func TestConsentStates(t *testing.T) {
	c := Consent{State: ConsentActive, ExpiresAt: noon}
	for _, x := range []struct {
		state  ConsentState
		at     time.Time
		status ConsentState
		why    Category
	}{
		{ConsentActive, noon.Add(-1), ConsentActive, ""}, {ConsentActive, noon, ConsentIsExpired, ConsentExpired}, {ConsentIsExpired, noon.Add(-1), ConsentIsExpired, ConsentExpired},
		{ConsentIsRevoked, noon.Add(-1), ConsentIsRevoked, ConsentRevoked}, {ConsentIsRevoked, noon, ConsentIsRevoked, ConsentRevoked}, {ConsentReplaced, noon.Add(-1), ConsentReplaced, ConsentExpired},
	} {
		c.State = x.state
		p := c.Usable(x.at)
		if c.Status(x.at) != x.status || (p == nil) != (x.why == "") || p != nil && p.Category != x.why {
			t.Errorf("%+v: %s, %v", x, c.Status(x.at), p)
		}
	}
}
