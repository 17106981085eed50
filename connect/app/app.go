// Package app is the connect app's server side: it serves the page in which a consumer links a bank, and is between that
// page and the bank. Credentials pass through its memory and nowhere else; what has to last between two answers is
// encrypted and kept with the flow.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"insightgraph/audit"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/store"
)

// Queue calls workers for the parts of a refresh.
type Queue interface {
	WakeParts(ctx context.Context, ids []int64)
}

// App serves everything under /connect/.
type App struct {
	Store       *store.Store
	Directory   *connect.Directory
	Keys        connect.Keys
	Queue       Queue
	URL         string        // what consumers' browsers call this server, without a slash at the end
	BankTimeout time.Duration // for one question to a bank; 0: 45 seconds
	Extra       map[string]http.Handler
	Log         *slog.Logger

	asking  sync.WaitGroup
	begin   sync.Once
	lasting context.Context // see patient
	end     context.CancelFunc
}

// PageURL is the page of a client token on its own. The secret is in the fragment, which browsers send to nobody.
func (a *App) PageURL(token string) string {
	handle, secret := cut(token)
	return a.URL + "/connect/flow/" + handle + "#" + secret
}

// Stop waits until no bank is being asked any more. A bank that is still being asked when the context ends is not waited
// for: its flow goes on as after any failure of a bank.
func (a *App) Stop(ctx context.Context) {
	a.patient()
	defer context.AfterFunc(ctx, a.end)()
	a.asking.Wait()
}

// patient lasts until banks are not waited for any more.
func (a *App) patient() context.Context {
	a.begin.Do(func() { a.lasting, a.end = context.WithCancel(context.Background()) })
	return a.lasting
}

func (a *App) timeout() time.Duration {
	if a.BankTimeout > 0 {
		return a.BankTimeout
	}
	return 45 * time.Second
}

// grace is how much longer than a bank may take a flow waits for it, before its process counts as gone.
const grace = 15 * time.Second

// patience is how long an answer to the page waits for the bank; then the page asks again.
const patience = 1500 * time.Millisecond

// errBadRequest is a request that no page of ours sends.
var errBadRequest = errors.New("not a request of this page")

// act does what the page asks for, on the flow as the page knows it.
func (a *App) act(ctx context.Context, frame store.Frame, r request) error {
	tenant, ref := a.Store.Customer(frame.Customer.ID), frame.Flow.Ref()
	deadline := a.Store.Now().Add(a.timeout() + grace)
	// move changes the flow if it is still where the page saw it.
	move := func(change func(*connect.Flow) error) (connect.Flow, error) {
		return tenant.MoveFlow(ctx, ref, func(f *connect.Flow) error {
			if f.Version != r.Version {
				return fault.New(fault.Conflict, "", "The flow is at another point by now")
			}
			return change(f)
		})
	}
	switch r.Action {
	case "bank":
		b, _, ok := a.Directory.Find(r.Bank)
		if !ok {
			return errBadRequest
		}
		f, err := move(func(f *connect.Flow) error { return f.Choose(b, r.Store, a.Store.Now(), deadline) })
		if err == nil && f.State == connect.Processing {
			a.ask(ctx, frame, f, connect.Dialog{Nonce: connect.NewToken().Handle}, nil)
		}
		return err
	case "answer":
		if err := checkValues(r.Values); err != nil {
			return err
		}
		return a.answer(ctx, move, frame, deadline, connect.Answer{Values: r.Values}, func(d connect.Dialog) error {
			if d.Step.Kind == connect.Redirect {
				return fault.New(fault.Conflict, "", "The bank's page answers this step")
			}
			return nil
		})
	case "accounts":
		return a.pick(ctx, tenant, frame, r)
	case "back":
		_, err := move((*connect.Flow).Back)
		return err
	case "abort":
		_, err := tenant.As(store.Call{Actor: audit.By(audit.Page, "")}).AbortFlow(ctx, ref, true)
		return err
	}
	return errBadRequest
}

// checkValues bounds what a person can have typed.
func checkValues(values map[string]string) error {
	size := 0
	for name, value := range values {
		size += len(name) + len(value)
	}
	if len(values) > 20 || size > 4000 {
		return errBadRequest
	}
	return nil
}

// answer hands an answer on to the bank, if it fits what the bank asked.
func (a *App) answer(ctx context.Context, move func(func(*connect.Flow) error) (connect.Flow, error), frame store.Frame, deadline time.Time, answer connect.Answer, fits func(connect.Dialog) error) error {
	var dialog connect.Dialog
	f, err := move(func(f *connect.Flow) (err error) {
		if dialog, err = a.open(*f); err != nil {
			return err
		}
		if err := fits(dialog); err != nil {
			return err
		}
		return f.Answered(deadline)
	})
	if err == nil {
		a.ask(ctx, frame, f, dialog, &answer)
	}
	return err
}

// ask asks the bank in the background, so that neither a slow bank nor a closed window leaves the flow in between. The
// answer is nil at the beginning of a login.
func (a *App) ask(ctx context.Context, frame store.Frame, f connect.Flow, dialog connect.Dialog, answer *connect.Answer) {
	request := context.WithoutCancel(ctx)
	a.asking.Go(func() {
		ctx, cancel := context.WithTimeout(request, a.timeout())
		defer cancel()
		defer context.AfterFunc(a.patient(), cancel)()
		step, err := a.put(ctx, frame, f, dialog, answer)
		if err == nil {
			err = a.took(request, frame, f, step, dialog)
		}
		if err == nil {
			return
		}
		problem := connect.ProblemOf(err)
		if problem.Category == connect.Technical {
			a.Log.ErrorContext(request, "ask a bank", "flow", f.ID, "bank", *f.BankCode, "error", describe(err))
		}
		if err := a.settle(request, f, func(f *connect.Flow) error { f.Trouble(problem, a.Store.Now()); return nil }); err != nil {
			a.Log.ErrorContext(request, "keep a bank's problem", "flow", f.ID, "error", describe(err))
		}
	})
}

// put asks the connector. A panic is a problem like any other; its value may hold account data and is not kept.
func (a *App) put(ctx context.Context, frame store.Frame, f connect.Flow, dialog connect.Dialog, answer *connect.Answer) (step connect.Step, err error) {
	defer func() {
		if recover() != nil {
			a.Log.ErrorContext(ctx, "a connector panicked", "flow", f.ID, "bank", *f.BankCode, "stack", string(debug.Stack()))
			err = connect.Is(connect.Technical)
		}
	}()
	b, connector, ok := a.Directory.Find(*f.BankCode)
	if !ok {
		return step, connect.Is(connect.NotSupported)
	}
	login := connect.Login{Bank: b, PSU: frame.Session.PSU, Language: frame.Session.Language, Store: f.Storing, Days: frame.Session.LifetimeDays,
		ReturnURL: a.URL + "/connect/return?state=" + f.Handle + "." + dialog.Nonce, Now: a.Store.Now()}
	if answer == nil {
		step, err = connector.Login(ctx, login)
	} else {
		step, err = connector.Answer(ctx, login, dialog.Step.State, *answer)
	}
	if err == nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return step, err
}

// took moves the flow on by what the bank said.
func (a *App) took(ctx context.Context, frame store.Frame, f connect.Flow, step connect.Step, before connect.Dialog) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	tenant, now := a.Store.Customer(f.CustomerID), a.Store.Now()
	dialog := connect.Dialog{Step: step, Nonce: before.Nonce}
	if step.Kind != connect.Granted {
		return a.settle(ctx, f, func(f *connect.Flow) error { f.Asks(a.seal(*f, dialog)); return nil })
	}
	if step.Access == nil || len(step.Access.Accounts) == 0 {
		return connect.Is(connect.UserAccount)
	}
	known, err := tenant.KnownAccounts(ctx, f.ConsumerID)
	if err != nil {
		return err
	}
	offered, all := f.Scope.Offered(*f.BankCode, step.Access.Accounts, known)
	if len(offered) == 0 {
		return connect.Is(connect.UserAccount)
	}
	dialog = connect.Dialog{Access: step.Access, Accounts: offered}
	if !all {
		return a.settle(ctx, f, func(f *connect.Flow) error {
			if f.Gets(*step.Access, now) {
				f.Offers(a.seal(*f, dialog))
			}
			return nil
		})
	}
	ids := make([]string, len(offered))
	for i, o := range offered {
		ids[i] = o.ID
	}
	return a.collect(ctx, tenant, f, ids, func(f *connect.Flow) error {
		if !f.Gets(*step.Access, now) {
			return connect.Is(connect.NotSupportedConsent)
		}
		f.Collects(a.seal(*f, dialog))
		return nil
	})
}

// settle changes a flow that is still waiting for this answer of the bank. One that was aborted meanwhile stays so.
func (a *App) settle(ctx context.Context, f connect.Flow, change func(*connect.Flow) error) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	_, err := a.Store.Customer(f.CustomerID).MoveFlow(ctx, f.Ref(), waiting(f, change))
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

func waiting(asked connect.Flow, change func(*connect.Flow) error) func(*connect.Flow) error {
	return func(f *connect.Flow) error {
		if f.Version != asked.Version || f.State != connect.Processing {
			return errGone
		}
		return change(f)
	}
}

// errGone says that nobody waits for an answer any more.
var errGone = errors.New("the flow has gone on without this answer")

// pick takes the accounts that the consumer picked, and lets workers fetch.
func (a *App) pick(ctx context.Context, tenant store.Tenant, frame store.Frame, r request) error {
	f := frame.Flow
	if f.Version != r.Version || f.State != connect.InputNeeded || f.Stage != connect.AtAccounts {
		return fault.New(fault.Conflict, "", "The flow is at another point by now")
	}
	dialog, err := a.open(f)
	if err != nil {
		return err
	}
	ids, err := connect.Pick(dialog.Accounts, r.Accounts)
	if err != nil {
		return errBadRequest
	}
	_, parts, err := tenant.CollectFlow(ctx, f.Ref(), ids, func(now *connect.Flow) error {
		if now.Version != f.Version {
			return fault.New(fault.Conflict, "", "The flow is at another point by now")
		}
		now.Collects(f.Sealed)
		return nil
	})
	if err == nil {
		a.Queue.WakeParts(ctx, parts)
	}
	return err
}

func (a *App) collect(ctx context.Context, tenant store.Tenant, f connect.Flow, ids []string, change func(*connect.Flow) error) error {
	_, parts, err := tenant.CollectFlow(ctx, f.Ref(), ids, waiting(f, change))
	if errors.Is(err, errGone) {
		return nil
	}
	if err == nil {
		a.Queue.WakeParts(ctx, parts)
	}
	return err
}

func (a *App) seal(f connect.Flow, d connect.Dialog) []byte {
	text, err := json.Marshal(d)
	if err != nil {
		panic("a dialog is always JSON: " + err.Error())
	}
	return a.Keys.Seal(text, connect.DialogPlace(f.CustomerID, f.ID))
}

// open is what was between bank and consumer, as it was kept.
func (a *App) open(f connect.Flow) (d connect.Dialog, err error) {
	if f.Sealed == nil {
		return d, nil
	}
	text, err := a.Keys.Open(f.Sealed, connect.DialogPlace(f.CustomerID, f.ID))
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(text, &d)
}

// describe tells what went wrong without what it went wrong with: a connector's own error can hold anything.
func describe(err error) string {
	if errors.Is(err, connect.ErrKey) {
		return err.Error()
	}
	return fmt.Sprintf("%T", errors.Unwrap(err)) + " in " + fmt.Sprintf("%T", err)
}
