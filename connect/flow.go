package connect

import (
	"slices"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
)

// State is what the customer's backend sees of a flow. The last three are final.
type State string

// The states.
const (
	Processing  State = "PROCESSING"
	InputNeeded State = "CONSUMER_INPUT_NEEDED"
	Finished    State = "FINISHED"
	Aborted     State = "ABORTED"
	Exception   State = "EXCEPTION"
)

// Final tells whether nothing more will happen.
func (s State) Final() bool { return s == Finished || s == Aborted || s == Exception }

// Stage is where in the flow the consumer is.
type Stage string

// The stages, in order. A flow goes back to the bank's choice when the consumer wants another bank.
const (
	AtBank     Stage = "BANK"     // choose a bank and agree
	AtLogin    Stage = "LOGIN"    // what Dialog.Step asks
	AtAccounts Stage = "ACCOUNTS" // pick accounts
	AtFetch    Stage = "FETCH"    // wait for the data
	AtEnd      Stage = "END"
)

// StoreConsent tells whether the access is kept for refreshes without the consumer.
type StoreConsent string

// The choices. With ConsentOptional the consumer decides.
const (
	ConsentNo       StoreConsent = "NO"
	ConsentOptional StoreConsent = "OPTIONAL"
	ConsentRequired StoreConsent = "REQUIRED"
)

// StoreConsents lists the choices.
var StoreConsents = []StoreConsent{ConsentNo, ConsentOptional, ConsentRequired}

// MaxTries is how often a consumer may answer one step wrongly, MaxFailures how often in a whole flow, at however many
// banks: nobody tries out logins here. Banks lock a login after a few more.
const (
	MaxTries    = 3
	MaxFailures = 9
)

// Flow is one way of a consumer through the connect app. Its methods are all that can happen to it: each is a pure step
// that either changes the flow or says why not, and store keeps what came of it. Nobody but the page sees a Dialog.
type Flow struct {
	CustomerID         int64 `bun:",pk"`
	ID                 int64 `bun:",pk,autoincrement"`
	SessionID          int64
	ConsumerID         *int64  // who it is for; made at the end where there is none yet
	ConsumerExternalID *string // of the consumer to be made
	State              State
	Stage              Stage
	Version            int // goes up with every change, so that no window acts on what another has changed
	BankCode           *string
	StoreConsent       StoreConsent
	Storing            bool      // the access will be kept
	Scope              Scope     `bun:"type:jsonb"`
	RetentionMinutes   *int      // nil: the data stays
	Sealed             []byte    // the Dialog, encrypted; nil at the bank's choice and at the end
	Tries              int       // wrong answers to this step
	Failures           int       // wrong answers in all
	Problem            *Category // the last thing that went wrong
	ConsentStored      bool
	AccountIDs         []int64    `bun:"account_ids,array"` // what it brought
	Handle             string     // names the flow in the page's address
	TokenHash          []byte     // of the client token's secret
	WorkingUntil       *time.Time // a bank is asked until then at the latest
	StartedAt          time.Time
	ExpiresAt          time.Time
	FinishedAt         *time.Time
}

// Ref names the flow.
func (f Flow) Ref() bank.Ref { return bank.Ref{Kind: bank.KindFlow, ID: f.ID} }

// Dialog is what is between the consumer and the bank: kept encrypted, and gone when the flow ends.
type Dialog struct {
	Step     Step      `json:"step"`
	Nonce    string    `json:"nonce,omitempty"`    // comes back from the bank's page
	Access   *Access   `json:"access,omitempty"`   // from AtAccounts on
	Accounts []Account `json:"accounts,omitempty"` // that may be picked
}

// NewFlow is a flow to be started.
type NewFlow struct {
	Session            bank.Ref
	Consumer           *bank.Ref
	ConsumerExternalID *string
	StoreConsent       StoreConsent // empty: NO
	Scope              Scope
	RetentionMinutes   *int
}

// Check says what is wrong with a flow before its session is known.
func (n *NewFlow) Check() (faults fault.Many) {
	if n.StoreConsent == "" {
		n.StoreConsent = ConsentNo
	}
	if !slices.Contains(StoreConsents, n.StoreConsent) {
		faults.Add(fault.Invalid("storeConsent", "Invalid value for storeConsent; Supported values are NO, OPTIONAL, REQUIRED"))
	}
	if n.Consumer != nil && n.ConsumerExternalID != nil {
		faults.Add(fault.New(fault.NotAllowed, "consumerExternalId", "consumerId and consumerExternalId cannot be combined"))
	}
	if n.ConsumerExternalID != nil {
		faults.Add(bank.CheckText("consumerExternalId", *n.ConsumerExternalID, 1, bank.MaxID))
	}
	faults = append(faults, n.Scope.Check("")...)
	if n.RetentionMinutes != nil && (*n.RetentionMinutes < 1 || *n.RetentionMinutes > MaxRetention) {
		faults.Add(fault.Invalid("dataRetentionMinutes", "Invalid value for dataRetentionMinutes; 1 to %d minutes are allowed", MaxRetention))
	}
	return faults
}

// Start makes the flow of a session. The consumer, where one is named, has been found by then.
func (n NewFlow) Start(s Session, consumerID *int64, now time.Time) (Flow, error) {
	switch {
	case s.ClosedAt != nil:
		return Flow{}, fault.New(fault.NotAllowed, "sessionId", "The session is closed; create another one")
	case !s.Open(now):
		return Flow{}, fault.New(fault.NotAllowed, "sessionId", "The session has expired; create another one")
	}
	scope, faults := n.Scope.Within(s.Scope, bank.DateOf(now, time.UTC))
	if err := faults.Err(); err != nil {
		return Flow{}, err
	}
	f := Flow{CustomerID: s.CustomerID, SessionID: s.ID, ConsumerID: consumerID, ConsumerExternalID: n.ConsumerExternalID, State: InputNeeded, Stage: AtBank,
		Version: 1, StoreConsent: n.StoreConsent, Scope: scope, RetentionMinutes: n.RetentionMinutes, StartedAt: now, ExpiresAt: now.Add(FlowLife)}
	if s.ExpiresAt.Before(f.ExpiresAt) {
		f.ExpiresAt = s.ExpiresAt
	}
	return f, nil
}

// moved counts a change.
func (f *Flow) moved(state State, stage Stage) {
	f.State, f.Stage, f.WorkingUntil = state, stage, nil
	f.Version++
}

// ready refuses what is not asked at this point.
func (f *Flow) ready(stages ...Stage) error {
	switch {
	case f.State.Final():
		return fault.New(fault.NotAllowed, "", "The flow has ended")
	case f.State != InputNeeded || !slices.Contains(stages, f.Stage):
		return fault.New(fault.Conflict, "", "The flow is at another point by now")
	}
	return nil
}

// Choose takes a bank and the consumer's agreement; store is whether it may be asked again without the consumer, where
// that is the consumer's choice. The bank is asked then, until the deadline at the latest. At a bank without consents a
// flow that needs one is over.
func (f *Flow) Choose(b Bank, store bool, now, until time.Time) error {
	if err := f.ready(AtBank); err != nil {
		return err
	}
	f.BankCode, f.Problem, f.Tries = &b.Code, nil, 0
	f.Storing = b.Consents && (f.StoreConsent == ConsentRequired || f.StoreConsent == ConsentOptional && store)
	if f.StoreConsent == ConsentRequired && !b.Consents {
		f.Fail(Is(NotSupportedConsent), now)
		return nil
	}
	f.work(AtLogin, until)
	return nil
}

// Answered takes an answer to a step of the login. The bank is asked then.
func (f *Flow) Answered(until time.Time) error {
	if err := f.ready(AtLogin); err != nil {
		return err
	}
	f.work(AtLogin, until)
	return nil
}

func (f *Flow) work(stage Stage, until time.Time) {
	f.moved(Processing, stage)
	f.WorkingUntil = &until
}

// Asks says that the bank asks for something. sealed is the Dialog. A step that only repeats itself, as while waiting for
// the bank's app, is no news.
func (f *Flow) Asks(sealed []byte) {
	f.Problem, f.Tries, f.Sealed = nil, 0, sealed
	f.moved(InputNeeded, AtLogin)
}

// Gets looks at the access that the bank has given: one that cannot be kept ends a flow that needs one to keep. ok is
// false then.
func (f *Flow) Gets(a Access, now time.Time) (ok bool) {
	f.Storing = f.Storing && a.Stored
	if f.StoreConsent == ConsentRequired && !f.Storing {
		f.Fail(Is(NotSupportedConsent), now)
		return false
	}
	return true
}

// Offers says that the bank has given access, of which the consumer picks the accounts. sealed is the Dialog.
func (f *Flow) Offers(sealed []byte) {
	f.Problem, f.Tries, f.Sealed = nil, 0, sealed
	f.moved(InputNeeded, AtAccounts)
}

// Collects says which data is fetched now. sealed is the Dialog, whose access is used.
func (f *Flow) Collects(sealed []byte) {
	f.Problem, f.Tries, f.Sealed = nil, 0, sealed
	f.moved(Processing, AtFetch)
}

// Trouble says that the bank did not do what was asked. The consumer may answer a step anew some times; everything else,
// and the last time, ends the flow. At the first step of a login there is nothing to answer anew.
func (f *Flow) Trouble(p *Problem, now time.Time) {
	f.Tries++
	f.Failures++
	if p.Category.Retryable() && f.Tries < MaxTries && f.Failures < MaxFailures && f.Stage == AtLogin && f.Sealed != nil {
		f.Problem = &p.Category
		f.moved(InputNeeded, AtLogin)
		return
	}
	f.Fail(p, now)
}

// Back leads to the choice of a bank.
func (f *Flow) Back() error {
	if err := f.ready(AtLogin, AtAccounts); err != nil {
		return err
	}
	f.BankCode, f.Sealed, f.Problem, f.Tries, f.Storing = nil, nil, nil, 0, false
	f.moved(InputNeeded, AtBank)
	return nil
}

// end ends a flow and forgets what was between consumer and bank, and who made the flow's token useful.
func (f *Flow) end(state State, problem *Category, now time.Time) {
	f.Problem, f.Sealed = problem, nil
	f.moved(state, AtEnd)
	f.FinishedAt = &now
}

// Fail ends the flow with a problem.
func (f *Flow) Fail(p *Problem, now time.Time) { f.end(Exception, &p.Category, now) }

// Abort ends the flow: by the customer, or by the consumer, who has a category of its own. An aborted flow stays as it is.
func (f *Flow) Abort(byConsumer bool, now time.Time) error {
	switch {
	case f.State == Aborted:
		return nil
	case f.State.Final():
		return fault.New(fault.NotAllowed, "flowId", "The flow has ended already: it is %s", f.State)
	case f.Stage == AtFetch && byConsumer:
		return fault.New(fault.Conflict, "", "The data is on its way already")
	}
	var problem *Category
	if byConsumer {
		c := UserAborted
		problem = &c
	}
	f.end(Aborted, problem, now)
	return nil
}

// Finish ends the flow well.
func (f *Flow) Finish(consumerID int64, accounts []int64, consentStored bool, now time.Time) {
	f.ConsumerID, f.AccountIDs, f.ConsentStored = &consumerID, accounts, consentStored
	f.end(Finished, nil, now)
}

// Tick is what time does to a flow: one that nobody answers is over, and so is one whose bank was being asked by a
// process that is gone. It tells whether anything changed.
func (f *Flow) Tick(now time.Time) bool {
	switch {
	case f.State.Final():
	case f.State == Processing && f.WorkingUntil != nil && !now.Before(*f.WorkingUntil):
		f.Fail(Is(Technical), now)
		return true
	case f.State == InputNeeded && !now.Before(f.ExpiresAt):
		f.Fail(Is(UserTimeout), now)
		return true
	}
	return false
}

// Offered are the accounts of an access at a bank that the scope lets through; known are the consumer's accounts. all is
// true where the consumer has nothing to pick.
func (s Scope) Offered(bankCode string, accounts []Account, known []Known) (offered []Account, all bool) {
	if s.Accounts == nil {
		return accounts, false
	}
	if s.Accounts.All {
		return accounts, true
	}
	for _, a := range accounts {
		named := func(k Known) bool {
			return slices.Contains(s.Accounts.IDs, k.Ref()) && (k.sameID(bankCode, a) || k.sameIBAN(a))
		}
		if a.IBAN != "" && slices.Contains(s.Accounts.IBANs, a.IBAN) || slices.ContainsFunc(known, named) {
			offered = append(offered, a)
		}
	}
	return offered, true
}

// Pick checks what the consumer picked among the accounts that were offered.
func Pick(offered []Account, ids []string) (picked []string, err error) {
	for _, id := range ids {
		if !slices.ContainsFunc(offered, func(a Account) bool { return a.ID == id }) {
			return nil, fault.Unknown("accounts", "Account")
		}
		if !slices.Contains(picked, id) {
			picked = append(picked, id)
		}
	}
	if len(picked) == 0 {
		return nil, fault.Missing("accounts")
	}
	return picked, nil
}
