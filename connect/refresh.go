package connect

import (
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
)

// RefreshKind tells why data is fetched.
type RefreshKind string

// The kinds.
const (
	OfFlow    RefreshKind = "FLOW"      // the end of a flow, the consumer is there
	OnDemand  RefreshKind = "ON_DEMAND" // startConsentRefresh
	Automatic RefreshKind = "AUTOMATIC"
)

// Refresh is a fetch of data and what came of it. Its state is PROCESSING, FINISHED or EXCEPTION.
type Refresh struct {
	CustomerID int64 `bun:",pk"`
	ID         int64 `bun:",pk,autoincrement"`
	Kind       RefreshKind
	ConsumerID *int64 // nil until a flow has made its consumer
	FlowID     *int64 // of OfFlow
	State      State
	Problem    *Category // of the first part that failed
	Created    int       // new transactions
	StartedAt  time.Time
	FinishedAt *time.Time
}

// Ref names the refresh.
func (r Refresh) Ref() bank.Ref { return bank.Ref{Kind: bank.KindRefresh, ID: r.ID} }

// ConsentState is whether a consent can be used.
type ConsentState string

// The states. A consent that another one of the same bank took over from is REPLACED.
const (
	ConsentActive    ConsentState = "ACTIVE"
	ConsentIsExpired ConsentState = "EXPIRED"
	ConsentIsRevoked ConsentState = "REVOKED"
	ConsentReplaced  ConsentState = "REPLACED"
)

// Consent is a consumer's agreement that a bank's data may be fetched without it, with the secret that does it. The
// secret of a consent that cannot be used any more is gone.
type Consent struct {
	CustomerID int64 `bun:",pk"`
	ConsumerID int64 `bun:",pk"`
	ID         int64 `bun:",pk,autoincrement"`
	FlowID     int64 // that brought it; part of what its secret is bound to
	BankCode   string
	BankName   string
	State      ConsentState
	Sealed     []byte
	Since      *bank.Date // the first day that the consumer agreed to; nil: not kept
	GrantedAt  time.Time
	ExpiresAt  time.Time
	ClosedAt   *time.Time
}

// Ref names the consent.
func (c Consent) Ref() bank.Ref {
	return bank.Ref{Kind: bank.KindConsent, ConsumerID: c.ConsumerID, ID: c.ID}
}

// Usable says why a consent cannot be used, nil if it can.
func (c Consent) Usable(now time.Time) *Problem {
	switch {
	case c.State == ConsentIsRevoked:
		return Is(ConsentRevoked)
	case c.State != ConsentActive || !now.Before(c.ExpiresAt):
		return Is(ConsentExpired)
	}
	return nil
}

// Status is the state at a moment: a consent expires by itself.
func (c Consent) Status(now time.Time) ConsentState {
	if c.State == ConsentActive && !now.Before(c.ExpiresAt) {
		return ConsentIsExpired
	}
	return c.State
}

// MaxUnattended is how often in 24 hours a bank may be asked under one consent without the consumer (RTS 2018/389 Art.
// 36(5)(b)).
const MaxUnattended = 4

// Interval is how often accounts are refreshed by themselves.
type Interval string

// The intervals.
const (
	Daily    Interval = "DAILY"
	Weekly   Interval = "WEEKLY"
	MaxOften Interval = "AS_OFTEN_AS_POSSIBLE"
)

// The minutes between two automatic refreshes.
const (
	MinMinutes = 60
	MaxMinutes = 60 * 24 * 180
)

var minutes = map[Interval]int{Daily: 24 * 60, Weekly: 7 * 24 * 60, MaxOften: 24 * 60 / MaxUnattended}

// Plan is what scheduleAutomaticRefresh asks for.
type Plan struct {
	Interval        *Interval
	IntervalMinutes *int
	RefreshDays     *int
}

// Check says what is wrong with a plan, and completes it: daily where nothing is said.
func (p *Plan) Check() (faults fault.Many) {
	if p.Interval != nil && p.IntervalMinutes != nil {
		faults.Add(fault.New(fault.NotAllowed, "intervalMinutes", "interval and intervalMinutes cannot be combined"))
	}
	switch {
	case p.IntervalMinutes != nil:
		if *p.IntervalMinutes < MinMinutes || *p.IntervalMinutes > MaxMinutes {
			faults.Add(fault.Invalid("intervalMinutes", "Invalid value for intervalMinutes; %d to %d minutes are allowed", MinMinutes, MaxMinutes))
		}
	case p.Interval == nil:
		daily := Daily
		p.Interval = &daily
	case minutes[*p.Interval] == 0:
		faults.Add(fault.Invalid("interval", "Invalid value for interval; Supported values are DAILY, WEEKLY, AS_OFTEN_AS_POSSIBLE"))
	}
	if p.RefreshDays != nil {
		faults.Add(checkDays("refreshDays", *p.RefreshDays))
	}
	return faults
}

// Minutes is the time between two refreshes of a plan that was checked.
func (p Plan) Minutes() int {
	if p.IntervalMinutes != nil {
		return *p.IntervalMinutes
	}
	return minutes[*p.Interval]
}

// LastState is how the last automatic refresh of an account went.
type LastState string

// The states.
const (
	LastSuccess   LastState = "SUCCESS"
	LastException LastState = "EXCEPTION"
)

// AutomaticRefresh is the schedule of one account and how it went.
type AutomaticRefresh struct {
	CustomerID              int64 `bun:",pk"`
	ConsumerID              int64 `bun:",pk"`
	AccountID               int64 `bun:",pk"`
	Interval                *Interval
	IntervalMinutes         int
	RefreshDays             *int
	CreatedAt               time.Time
	LastRefreshAt           *time.Time
	LastState               *LastState
	LastProblem             *Category
	LastSuccessfulRefreshAt *time.Time
	NextRefreshAt           *time.Time // nil while the consumer must authorise anew
	FailedCount             int        // since the last success

	ConsentAuthorizationRequired bool `bun:",scanonly"`
}

// Ref names the account.
func (a AutomaticRefresh) Ref() bank.Ref {
	return bank.Ref{Kind: bank.KindAccount, ConsumerID: a.ConsumerID, ID: a.AccountID}
}

// Went is what a refresh does to the schedule: the next one comes after the interval from now, so that a server that was
// down makes up one and not all; after an error of the bank it comes sooner, at first after a quarter of an hour and then
// later each time. Without a consent there is no next one.
func (a *AutomaticRefresh) Went(problem *Category, now time.Time) {
	a.LastRefreshAt = &now
	interval := time.Duration(a.IntervalMinutes) * time.Minute
	next := now.Add(interval)
	if problem == nil {
		success := LastSuccess
		a.LastState, a.LastProblem, a.FailedCount, a.LastSuccessfulRefreshAt, a.NextRefreshAt = &success, nil, 0, &now, &next
		return
	}
	exception := LastException
	a.LastState, a.LastProblem = &exception, problem
	a.FailedCount++
	switch {
	case problem.Top() == "CONSENT":
		a.NextRefreshAt = nil
		return
	case *problem == BankExceeded:
		next = now.Add(max(interval, 6*time.Hour)) // the bank has said how it is
	case problem.Top() == "BANK" || problem.Top() == "MAINTENANCE" || problem.Top() == "TECHNICAL":
		next = now.Add(min(interval, 15*time.Minute<<min(a.FailedCount-1, 10)))
	}
	a.NextRefreshAt = &next
}

// Days is what a refresh without the consumer asks for: what was said, otherwise what came since the last one and two weeks
// before, since banks book late. Banks show 90 days without the consumer. Nothing is asked for of the days before those
// that the consumer was shown and agreed to.
func (c Consent) Days(s Scope, last *time.Time, now time.Time) bank.Period {
	today := bank.DateOf(now, time.UTC)
	p := bank.Period{From: today - 89, To: today}
	switch {
	case s.RefreshDays != nil || s.From != nil:
		p = s.Period(today)
	case last != nil:
		p.From = max(p.From, bank.DateOf(*last, time.UTC)-14)
	}
	if c.Since != nil {
		p.From = max(p.From, *c.Since)
		p.To = max(p.To, p.From)
	}
	return p
}
