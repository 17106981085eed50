package tasks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/redis/go-redis/v9"

	"insightgraph/connect"
	"insightgraph/failpoint"
	"insightgraph/store"
)

// TypeFetch is the task of fetching one part of a refresh from its bank.
var TypeFetch = newType("connect:fetch")

// TypeGiveBack is the task of giving back one consent at its bank.
var TypeGiveBack = newType("connect:give-back")

// queueConnect has a server of its own: however slow banks are, insights do not wait for them.
const queueConnect = "connect"

// queueGiveBack has one too: what consumers wait for does not wait for banks that are slow to take consents back, which can
// be thousands at once after an erasure.
const queueGiveBack = "give-back"

var (
	fetches = promauto.NewCounterVec(prometheus.CounterOpts{Name: "insightgraph_fetches_total",
		Help: "Fetches from banks, by outcome: FINISHED, AGAIN for an error of ours, or the first part of the category that went wrong."}, []string{"outcome"})
	fetchSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{Name: "insightgraph_fetch_seconds",
		Help: "Time to fetch from a bank and to store it, by outcome.", Buckets: prometheus.ExponentialBuckets(0.05, 2, 13)}, []string{"outcome"})
)

// Fetcher fetches the parts of refreshes from banks.
type Fetcher struct {
	Store     *store.Store
	Directory *connect.Directory
	Keys      connect.Keys
	Timeout   time.Duration // for one bank; 0: two minutes, which the lease of a part allows for
	Log       *slog.Logger
}

// Server is an asynq server that hands tasks to the fetcher until it is shut down.
func (f *Fetcher) Server(r redis.UniversalClient, concurrency int) *asynq.Server {
	return newServer(r, concurrency, map[string]int{queueConnect: 1}, f.Log)
}

// GiveBackServer is one for consents that are given back.
func (f *Fetcher) GiveBackServer(r redis.UniversalClient, concurrency int) *asynq.Server {
	return newServer(r, concurrency, map[string]int{queueGiveBack: 1}, f.Log)
}

// Mux maps the task types to their handlers.
func (f *Fetcher) Mux() *asynq.ServeMux {
	mux := calls(TypeFetch, f.Log, f.Do)
	mux.Handle(TypeGiveBack, calls(TypeGiveBack, f.Log, f.GiveBack))
	return mux
}

// Do fetches one part, if nobody else does or did. done is false when it did not come to an end here.
func (f *Fetcher) Do(ctx context.Context, id int64) (done bool, err error) {
	part, ok, err := f.Store.ClaimPart(ctx, id)
	if err != nil {
		f.Log.ErrorContext(ctx, "claim a part", "part", id, "error", describe(err))
		return false, err
	}
	if !ok {
		return false, nil
	}
	start, outcome := time.Now(), string(connect.Finished)
	fetched, problem, err := f.fetch(ctx, part)
	if err == nil {
		if problem == nil {
			err = f.Store.FinishPart(ctx, part, fetched)
		} else {
			outcome = top(problem)
			f.Log.InfoContext(ctx, "a bank did not give its data", "part", id, "bank", part.BankCode, "category", problem.Category)
			err = f.Store.FailPart(ctx, part, problem)
		}
	}
	switch {
	case errors.Is(err, store.ErrLost):
		return false, nil
	case err != nil:
		outcome = again
		failed(ctx, f.Log, "fetch a part", err, "part", id, "attempt", part.Attempts)
		if back := f.Store.GiveBackPart(context.WithoutCancel(ctx), part, !stops(ctx)); back != nil && !errors.Is(back, store.ErrLost) {
			f.Log.ErrorContext(ctx, "give a part back", "part", id, "error", describe(back))
		}
	}
	fetches.WithLabelValues(outcome).Inc()
	fetchSeconds.WithLabelValues(outcome).Observe(time.Since(start).Seconds())
	return err == nil, err
}

// tops are the first parts of categories. Metrics have no others, whatever a connector says.
var tops = []string{"USER", "BANK", "CONSENT", "NOT_SUPPORTED", "MAINTENANCE", "TECHNICAL"}

func top(p *connect.Problem) string {
	if t := p.Category.Top(); slices.Contains(tops, t) {
		return t
	}
	return connect.Technical.Top()
}

// fetch asks the bank. A problem is for good; an error is ours and may be gone the next time.
func (f *Fetcher) fetch(ctx context.Context, part store.Part) (fetched store.Fetched, problem *connect.Problem, err error) {
	b, connector, ok := f.Directory.Find(part.BankCode)
	if !ok { // taken away since
		return fetched, connect.Is(connect.NotSupported), nil
	}
	access, place, problem := f.open(ctx, part)
	if problem != nil {
		return fetched, problem, nil
	}
	ask := connect.Fetch{Bank: b, Secret: access.Secret, Accounts: part.Accounts, Days: part.Days, Now: f.Store.Now()}
	if part.Flow != nil {
		ask.PSU = &part.Session.PSU
	}
	data, err := f.ask(ctx, part, connector, ask)
	switch {
	case err != nil && ctx.Err() != nil: // not the bank's fault: this process is told to stop
		return fetched, nil, ctx.Err()
	case err != nil:
		return fetched, connect.ProblemOf(err), nil
	}
	fetched = store.Fetched{BankName: b.Name, Until: access.Until}
	for _, a := range data.Accounts {
		if slices.Contains(part.Accounts, a.ID) {
			fetched.Accounts = append(fetched.Accounts, a)
		}
	}
	secret := data.Secret
	if secret == nil && part.Flow != nil && part.Flow.Storing {
		secret = access.Secret
	}
	if secret != nil && (part.Consent != nil || part.Flow.Storing) {
		fetched.Sealed = f.Keys.Seal(secret, place)
	}
	return fetched, nil, nil
}

// open decrypts what a part is fetched with; place is where its secret belongs once the consent is stored. A consent that
// none of the keys opens is as good as expired: only the consumer can give another one.
func (f *Fetcher) open(ctx context.Context, part store.Part) (access connect.Access, place string, problem *connect.Problem) {
	customer := part.Refresh.CustomerID
	if part.Flow == nil {
		place = connect.ConsentPlace(customer, part.Consent.FlowID)
		secret, err := f.Keys.Open(part.Consent.Sealed, place)
		if err != nil {
			f.Log.ErrorContext(ctx, "open a stored consent; is one of the encryption keys missing?", "consent", part.Consent.ID, "error", err)
			return access, place, connect.Is(connect.Technical) // the consent may be good: its key may come back
		}
		return connect.Access{Secret: secret}, place, nil
	}
	var dialog connect.Dialog
	text, err := f.Keys.Open(part.Flow.Sealed, connect.DialogPlace(customer, part.Flow.ID))
	switch {
	case err != nil:
		f.Log.ErrorContext(ctx, "open a flow's dialog; is one of the encryption keys missing?", "flow", part.Flow.ID, "error", err)
	case json.Unmarshal(text, &dialog) != nil || dialog.Access == nil: // the error could quote it
		f.Log.ErrorContext(ctx, "read a flow's dialog: it has no access", "flow", part.Flow.ID)
	default:
		return *dialog.Access, connect.ConsentPlace(customer, part.Flow.ID), nil
	}
	return access, "", connect.Is(connect.Technical)
}

// keep holds a part as long as a bank is asked, so that the part of a process that is gone is made up soon.
func (f *Fetcher) keep(ctx context.Context, part store.Part) {
	beat := time.NewTicker(store.PartBeat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if err := f.Store.KeepPart(ctx, part); err != nil && ctx.Err() == nil {
				f.Log.WarnContext(ctx, "keep a part", "part", part.ID, "error", describe(err))
			}
		}
	}
}

// ask asks the connector for a part's data.
func (f *Fetcher) ask(ctx context.Context, part store.Part, c connect.Connector, in connect.Fetch) (data connect.Data, err error) {
	err = f.call(ctx, cmp.Or(f.Timeout, 2*time.Minute), func(ctx context.Context) error {
		go f.keep(ctx, part)
		failpoint.Hit("before fetch")
		data, err = c.Fetch(ctx, in)
		failpoint.Hit("after fetch")
		return err
	}, "part", part.ID, "bank", part.BankCode)
	return data, err
}

// call calls a connector, in limited time. What it fails with can hold anything of the bank's answer, and so can the value
// of a panic: neither is kept.
func (f *Fetcher) call(ctx context.Context, limit time.Duration, do func(context.Context) error, of ...any) (err error) {
	defer func() {
		if recover() != nil {
			f.Log.ErrorContext(ctx, "a connector panicked", append(of, "stack", string(debug.Stack()))...)
			err = connect.Is(connect.Technical)
		}
	}()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = do(limited)
	if _, told := errors.AsType[*connect.Problem](err); err == nil || told || ctx.Err() != nil {
		return err
	}
	if errors.Is(limited.Err(), context.DeadlineExceeded) { // whatever the connector made of it
		return context.DeadlineExceeded
	}
	f.Log.ErrorContext(ctx, "a connector failed", append(of, "error", fmt.Sprintf("%T", err))...)
	return err
}

// GiveBack gives a consent that is over here back at its bank. done is false where it is to be tried again.
func (f *Fetcher) GiveBack(ctx context.Context, id int64) (done bool, err error) {
	r, ok, err := f.Store.Revocation(ctx, id)
	if err == nil && !ok {
		return true, nil
	}
	if err == nil {
		if problem := f.revoke(ctx, id, r); problem != nil {
			f.Log.WarnContext(ctx, "a bank did not take a consent back", "revocation", id, "bank", r.BankCode, "category", connect.ProblemOf(problem).Category)
			return false, nil
		}
		err = f.Store.GivenBack(ctx, id)
	}
	if err != nil {
		failed(ctx, f.Log, "give a consent back", err, "revocation", id)
	}
	return err == nil, err
}

// revoke asks the bank.
func (f *Fetcher) revoke(ctx context.Context, id int64, r store.Revocation) error {
	b, connector, ok := f.Directory.Find(r.BankCode)
	if !ok { // its configuration may come back
		return connect.Is(connect.NotSupported)
	}
	secret, err := f.Keys.Open(r.Sealed, connect.ConsentPlace(r.CustomerID, r.FlowID))
	if err != nil {
		f.Log.ErrorContext(ctx, "open a consent to give it back; is one of the encryption keys missing?", "revocation", id, "error", err)
		return connect.Is(connect.Technical)
	}
	return f.call(ctx, 10*time.Second, func(ctx context.Context) error { return connector.Revoke(ctx, b, secret) }, "revocation", id, "bank", r.BankCode)
}
