package connect

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
)

// How long things hold. Payment services law (RTS 2018/389 Art. 10a) lets a consent hold for 180 days.
const (
	SessionLife    = time.Hour        // from its creation
	FlowLife       = 30 * time.Minute // from its start, but never longer than the session
	MaxConsentDays = 180
	DefaultDays    = 730  // how far back data is asked for when nobody says
	MaxDays        = 1830 // five years
	MaxRetention   = 60 * 24 * 366 * 10
	MaxSelected    = 100
)

// Session is the frame of the flows of one consumer.
type Session struct {
	CustomerID        int64 `bun:",pk"`
	ID                int64 `bun:",pk,autoincrement"`
	PSU               PSU   `bun:"type:jsonb"`
	Scope             Scope `bun:"type:jsonb"` // what flows may ask for, and ask for when they say nothing
	LifetimeDays      int   // of stored consents
	Language          string
	BankCode          *string // chosen for the consumer
	RedirectReturnURL *string
	CreatedAt         time.Time
	ExpiresAt         time.Time
	ClosedAt          *time.Time
}

// Ref names the session.
func (s Session) Ref() bank.Ref { return bank.Ref{Kind: bank.KindSession, ID: s.ID} }

// ConsentScope is what consumers may be asked to agree to.
type ConsentScope struct{ LifetimeDays int }

// ConsentScope is the session's.
func (s Session) ConsentScope() ConsentScope { return ConsentScope{s.LifetimeDays} }

// Open tells whether flows may be started.
func (s Session) Open(now time.Time) bool { return s.ClosedAt == nil && now.Before(s.ExpiresAt) }

// Scope is which data is asked for.
type Scope struct {
	RefreshDays *int       `json:"refreshDays,omitempty"`
	From        *bank.Date `json:"from,omitempty"`
	To          *bank.Date `json:"to,omitempty"`
	Accounts    *Selection `json:"accounts,omitempty"`
}

// Selection is which accounts are asked for; nil: the consumer picks.
type Selection struct {
	All   bool       `json:"all,omitempty"`
	IDs   []bank.Ref `json:"ids,omitempty"` // accounts that are stored already
	IBANs []string   `json:"ibans,omitempty"`
}

// Check says everything that is wrong with a scope; path is where it stands in the input.
func (s *Scope) Check(path string) (faults fault.Many) {
	at := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	if s.RefreshDays != nil {
		faults.Add(checkDays(at("refreshDays"), *s.RefreshDays))
		if s.From != nil || s.To != nil {
			faults.Add(fault.New(fault.NotAllowed, at("refreshDays"), "refreshDays and from, to cannot be combined"))
		}
	}
	switch {
	case s.From == nil && s.To != nil:
		faults.Add(fault.New(fault.Together, at("from"), "from should be provided with to"))
	case s.From != nil && s.To == nil:
		faults.Add(fault.New(fault.Together, at("to"), "to should be provided with from"))
	case s.From != nil && *s.From > *s.To:
		faults.Add(fault.Invalid(at("from"), "Invalid value for from; it lies after to"))
	}
	if a := s.Accounts; a != nil {
		if a.All && (len(a.IDs) > 0 || len(a.IBANs) > 0) {
			faults.Add(fault.New(fault.NotAllowed, at("accounts.all"), "all and ids, ibans cannot be combined"))
		}
		if len(a.IDs)+len(a.IBANs) > MaxSelected {
			faults.Add(fault.New(fault.TooMany, at("accounts"), "At most %d accounts are allowed in one request", MaxSelected))
		}
		for i := range a.IBANs {
			iban, f := bank.ParseIBAN("ibans", a.IBANs[i])
			if f != nil {
				faults.Add(fault.New(f.Code, bank.Path(at("accounts.ibans"), i), "%s", f.Message))
			}
			a.IBANs[i] = iban
		}
		if !a.All && len(a.IDs) == 0 && len(a.IBANs) == 0 {
			s.Accounts = nil // as when nothing is said: the consumer picks
		}
	}
	return faults
}

func checkDays(field string, n int) *fault.Error {
	if n < 1 || n > MaxDays {
		return fault.Invalid(field, "Invalid value for refreshDays; 1 to %d days are allowed", MaxDays)
	}
	return nil
}

// Period is the days that a scope means on a day. It ends on that day at the latest, and is no longer than MaxDays.
func (s Scope) Period(today bank.Date) bank.Period {
	switch {
	case s.From != nil:
		return bank.Period{From: min(max(*s.From, today-MaxDays+1), today), To: max(min(*s.To, today), today-MaxDays+1)}
	case s.RefreshDays != nil:
		return bank.Period{From: today - bank.Date(*s.RefreshDays) + 1, To: today}
	}
	return bank.Period{From: today - DefaultDays + 1, To: today}
}

// Within is what a flow asks for in a session: what it says, otherwise what the session says. It may ask for less than
// the session, not for more.
func (s Scope) Within(session Scope, today bank.Date) (Scope, fault.Many) {
	var faults fault.Many
	switch outer := session.Period(today); {
	case s.RefreshDays == nil && s.From == nil:
		s.RefreshDays, s.From, s.To = session.RefreshDays, session.From, session.To
	case session.RefreshDays != nil || session.From != nil:
		asked, from, to := s.Period(today), "refreshDays", "refreshDays"
		if s.From != nil {
			from, to = "from", "to"
		}
		if asked.From < outer.From {
			faults.Add(fault.New(fault.NotAllowed, from, "The session's consentScope reaches back to %s only", outer.From))
		}
		if asked.To > outer.To {
			faults.Add(fault.New(fault.NotAllowed, to, "The session's consentScope ends on %s", outer.To))
		}
	}
	switch outer := session.Accounts; {
	case s.Accounts == nil:
		s.Accounts = outer
	case outer == nil || outer.All:
	default:
		if s.Accounts.All {
			faults.Add(fault.New(fault.NotAllowed, "accounts.all", "The session's consentScope names single accounts"))
		}
		for i, id := range s.Accounts.IDs {
			if !slices.Contains(outer.IDs, id) {
				faults.Add(fault.New(fault.NotAllowed, bank.Path("accounts.ids", i), "The account is not in the session's consentScope"))
			}
		}
		for i, iban := range s.Accounts.IBANs {
			if !slices.Contains(outer.IBANs, iban) {
				faults.Add(fault.New(fault.NotAllowed, bank.Path("accounts.ibans", i), "The account is not in the session's consentScope"))
			}
		}
	}
	return s, faults
}

// NewSession is a session to be made. HasScope and HasRefresh tell whether consentScope and its insightsRefresh were
// given: at least {} must be.
type NewSession struct {
	PSU               *PSU
	HasScope          bool
	HasRefresh        bool
	Scope             Scope
	LifetimeDays      *int
	Language          *string
	BankCode          *string
	CountryCode       *string
	RedirectReturnURL *string
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// twoLetters is the language of a tag. Of those that have three letters it knows German; the others are read English, as all
// for which there are no words.
func twoLetters(tag string) string {
	switch language, _, _ := strings.Cut(strings.ToLower(tag), "-"); {
	case len(language) == 2:
		return language
	case language == "deu" || language == "ger":
		return "de"
	}
	return "en"
}

// Check says everything that is wrong, or gives the session. find tells of a bank.
func (n NewSession) Check(now time.Time, find func(code string) (Bank, bool)) (Session, error) {
	var faults fault.Many
	s := Session{Scope: n.Scope, LifetimeDays: MaxConsentDays, Language: "", BankCode: n.BankCode, RedirectReturnURL: n.RedirectReturnURL,
		CreatedAt: now, ExpiresAt: now.Add(SessionLife)}
	switch {
	case n.PSU == nil:
		faults.Add(fault.Missing("psu"))
	default:
		s.PSU = *n.PSU
		s.PSU.UserAgent = strings.TrimSpace(s.PSU.UserAgent)
		if s.PSU.UserAgent == "" {
			faults.Add(fault.Missing("psu.userAgent"))
		} else {
			faults.Add(bank.CheckText("psu.userAgent", s.PSU.UserAgent, 1, 1000))
		}
		if s.PSU.IPAddress == "" {
			faults.Add(fault.Missing("psu.ipAddress"))
		} else if ip, err := netip.ParseAddr(s.PSU.IPAddress); err != nil || ip.Zone() != "" {
			faults.Add(fault.Invalid("psu.ipAddress", "Invalid value for ipAddress; use the consumer's IPv4 or IPv6 address"))
		}
	}
	switch {
	case !n.HasScope:
		faults.Add(fault.Missing("consentScope"))
	case !n.HasRefresh:
		faults.Add(fault.Missing("consentScope.insightsRefresh"))
	}
	if n.LifetimeDays != nil {
		s.LifetimeDays = *n.LifetimeDays
		if s.LifetimeDays < 1 || s.LifetimeDays > MaxConsentDays {
			faults.Add(fault.Invalid("consentScope.lifetimeDays", "Invalid value for lifetimeDays; 1 to %d days are allowed", MaxConsentDays))
		}
	}
	faults = append(faults, s.Scope.Check("consentScope.insightsRefresh")...)
	if n.Language != nil {
		if !languageTag.MatchString(*n.Language) {
			faults.Add(fault.Invalid("language", "Invalid value for language; use a language tag such as en or de"))
		} else {
			s.Language = twoLetters(*n.Language)
		}
	}
	switch {
	case n.BankCode != nil:
		b, ok := find(*n.BankCode)
		if !ok {
			faults.Add(fault.Unknown("selectedBank.bankCode", "Bank"))
		} else if n.CountryCode != nil && !strings.EqualFold(*n.CountryCode, b.Country) {
			faults.Add(fault.Invalid("selectedBank.countryCode", "Invalid value for countryCode; the bank is in %s", b.Country))
		}
	case n.CountryCode != nil:
		faults.Add(fault.New(fault.Together, "selectedBank.bankCode", "bankCode should be provided with countryCode"))
	}
	if n.RedirectReturnURL != nil && !ownPage(*n.RedirectReturnURL) {
		faults.Add(fault.Invalid("redirectReturnUrl", "Invalid value for redirectReturnUrl; use an https address (http only on this machine)"))
	}
	return s, faults.Err()
}

func ownPage(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && len(raw) <= 2000 && u.User == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && local(u.Hostname()))
}

func local(host string) bool {
	ip, _ := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip.IsLoopback()
}

// CheckOrigin reads the origin of a page, as browsers write it: scheme, host and a port that is not the scheme's own.
func CheckOrigin(field, raw string) (string, *fault.Error) {
	u, err := url.Parse(strings.TrimSuffix(raw, "/"))
	bad := fault.Invalid(field, "Invalid value for %s; use an origin such as https://shop.example (http only on this machine)", field)
	if err != nil || len(raw) > 300 || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Hostname() == "" ||
		strings.Trim(strings.ToLower(u.Host), "abcdefghijklmnopqrstuvwxyz0123456789_.-:[]") != "" || strings.HasSuffix(u.Host, ":") || !(u.Scheme == "https" || u.Scheme == "http" && local(u.Hostname())) {
		return "", bad
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host, nil
}
