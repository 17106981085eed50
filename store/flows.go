package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
)

// whole tells whether the tenant is a customer and the ref one of those that name a thing of no single consumer.
func (t Tenant) whole(ref bank.Ref, kind bank.Kind) bool {
	return t.consumerID == 0 && ref.Kind == kind && ref.ConsumerID == 0
}

// gather takes the faults of an error into a list. What is no fault stays an error.
func gather(faults *fault.Many, err error) error {
	found := fault.Of(err)
	*faults = append(*faults, found...)
	if err != nil && found == nil {
		return err
	}
	return nil
}

// CreateSession stores a session that was checked.
func (t Tenant) CreateSession(ctx context.Context, s connect.Session) (connect.Session, error) {
	if err := t.customerOnly(); err != nil {
		return s, err
	}
	s.CustomerID = t.customerID
	err := t.change(ctx, "createSession", nil, func(tx *Tx) error {
		s.ID = 0
		_, err := tx.NewInsert().Model(&s).Returning("id").Exec(ctx)
		tx.about(s.Ref())
		return err
	}, &s)
	return s, err
}

// Session finds one session.
func (t Tenant) Session(ctx context.Context, ref bank.Ref) (s connect.Session, err error) {
	err = t.in(ctx, func(tx *Tx) error { return tx.session(ctx, t, ref, &s, "") })
	return s, err
}

func (tx *Tx) session(ctx context.Context, t Tenant, ref bank.Ref, s *connect.Session, lock string) error {
	if !t.whole(ref, bank.KindSession) {
		return fault.Unknown("sessionId", "Session")
	}
	*s = connect.Session{}
	q := tx.NewSelect().Model(s).Where("customer_id = (SELECT ?::bigint) AND id = ?", t.customerID, ref.ID)
	if lock != "" {
		q = q.For(lock)
	}
	return notFound(q.Scan(ctx), "sessionId", "Session")
}

// CloseSession ends a session and aborts its open flow. Again, it stays as it is.
func (t Tenant) CloseSession(ctx context.Context, ref bank.Ref) (s connect.Session, err error) {
	if err := t.customerOnly(); err != nil {
		return s, err
	}
	err = t.change(ctx, "closeSession", nil, func(tx *Tx) error {
		tx.about(ref)
		if err := tx.session(ctx, t, ref, &s, "UPDATE"); err != nil {
			return err
		}
		if s.ClosedAt != nil {
			return nil
		}
		open, err := tx.openFlows(ctx, s)
		if err != nil {
			return err
		}
		for i := range open { // one at most
			if open[i].Tick(tx.now) {
				continue
			}
			if err := open[i].Abort(false, tx.now); err != nil {
				return err
			}
		}
		if err := tx.saveFlows(ctx, open); err != nil {
			return err
		}
		s.ClosedAt = &tx.now
		_, err = tx.NewUpdate().Model(&s).Column("closed_at").Where("customer_id = (SELECT ?::bigint) AND id = ?", s.CustomerID, s.ID).Exec(ctx)
		return err
	}, &s)
	return s, err
}

// isOpen is what flows are that are not over.
const isOpen = "state IN ('PROCESSING', 'CONSUMER_INPUT_NEEDED')"

// openFlows are the flows of a session that are not over, locked: one at most.
func (tx *Tx) openFlows(ctx context.Context, s connect.Session) (flows []connect.Flow, err error) {
	err = tx.NewSelect().Model(&flows).Where("customer_id = (SELECT ?::bigint) AND session_id = ?", s.CustomerID, s.ID).Where(isOpen).For("UPDATE").Scan(ctx)
	return flows, err
}

// StartFlow starts a flow in a session, all faults at once. The handle names it in the page's address; tokenHash is the
// hash of its token's secret.
func (t Tenant) StartFlow(ctx context.Context, n connect.NewFlow, handle string, tokenHash []byte) (f connect.Flow, err error) {
	if err := t.customerOnly(); err != nil {
		return f, err
	}
	wrong := n.Check()
	err = t.change(ctx, "startInsightsRefreshFlow", nil, func(tx *Tx) error {
		var faults fault.Many
		var s connect.Session
		if err := gather(&faults, tx.session(ctx, t, n.Session, &s, "UPDATE")); err != nil {
			return err
		}
		consumerID, err := tx.flowConsumer(ctx, t, n, &faults)
		if err != nil {
			return err
		}
		if a := n.Scope.Accounts; a != nil && len(a.IDs) > 0 && len(a.IDs) <= connect.MaxSelected {
			if _, err := tx.accountsOf(ctx, t, consumerID, "accounts.ids", a.IDs, &faults); err != nil {
				return err
			}
		}
		faults = append(faults, wrong...)
		if s.ID != 0 && len(wrong) == 0 {
			f, err = n.Start(s, consumerID, tx.now)
			if err := gather(&faults, err); err != nil {
				return err
			}
			if err := gather(&faults, tx.freeSession(ctx, s)); err != nil {
				return err
			}
		}
		if err := faults.Err(); err != nil {
			return err
		}
		f.Handle, f.TokenHash = handle, tokenHash
		_, err = tx.NewInsert().Model(&f).Returning("id").Exec(ctx)
		tx.aboutOf(f.Ref(), f.ConsumerID)
		return err
	}, &f)
	return f, err
}

// flowConsumer finds who a flow is for, nil for a consumer that it will make.
func (tx *Tx) flowConsumer(ctx context.Context, t Tenant, n connect.NewFlow, faults *fault.Many) (*int64, error) {
	var c bank.Consumer
	switch {
	case n.Consumer != nil && !t.may(*n.Consumer, bank.KindConsumer):
		faults.Add(fault.Unknown("consumerId", "Consumer"))
		return nil, nil
	case n.Consumer != nil:
		if err := gather(faults, tx.consumer(ctx, t, n.Consumer.ID, &c, "")); err != nil {
			return nil, err
		}
	case n.ConsumerExternalID != nil && bank.CheckText("", *n.ConsumerExternalID, 1, bank.MaxID) == nil:
		err := tx.NewSelect().Model(&c).Where("customer_id = (SELECT ?::bigint) AND external_id = ?", t.customerID, *n.ConsumerExternalID).Scan(ctx)
		if err != nil && !none(err) {
			return nil, err
		}
	}
	if c.ID == 0 {
		return nil, nil
	}
	return &c.ID, nil
}

// accountsOf finds accounts of a consumer; each ref that names none of them is a fault. Nobody has no accounts.
func (tx *Tx) accountsOf(ctx context.Context, t Tenant, consumerID *int64, path string, refs []bank.Ref, faults *fault.Many) ([]int64, error) {
	var there []int64
	if consumerID != nil {
		_, ids := t.keys(refs, bank.KindAccount)
		if err := tx.NewRaw("SELECT id FROM accounts WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ANY(?::bigint[])",
			t.customerID, *consumerID, pgdialect.Array(ids)).Scan(ctx, &there); err != nil {
			return nil, err
		}
	}
	for i, ref := range refs {
		if consumerID == nil || ref.Kind != bank.KindAccount || ref.ConsumerID != *consumerID || !slices.Contains(there, ref.ID) {
			faults.Add(fault.Unknown(bank.Path(path, i), "Account"))
		}
	}
	return unique(there), nil
}

// freeSession refuses a session that has an open flow. One that is overdue ends here.
func (tx *Tx) freeSession(ctx context.Context, s connect.Session) error {
	open, err := tx.openFlows(ctx, s)
	if err != nil {
		return err
	}
	for i := range open { // one at most
		if !open[i].Tick(tx.now) {
			return fault.New(fault.NotAllowed, "sessionId", "The session has an open flow; abort it first")
		}
	}
	return tx.saveFlows(ctx, open)
}

// saveFlows stores all that can change in flows.
func (tx *Tx) saveFlows(ctx context.Context, flows []connect.Flow) error {
	if len(flows) == 0 {
		return nil
	}
	_, err := tx.NewUpdate().Model(&flows).Bulk().Exec(ctx)
	return err
}

// Flow finds one flow, as it is at this moment: what time did to it is seen before the sweep stores it.
func (t Tenant) Flow(ctx context.Context, ref bank.Ref) (f connect.Flow, err error) {
	err = t.in(ctx, func(tx *Tx) error {
		if err := tx.flow(ctx, t, ref, &f, ""); err != nil {
			return err
		}
		f.Tick(tx.now)
		return nil
	})
	return f, err
}

func (tx *Tx) flow(ctx context.Context, t Tenant, ref bank.Ref, f *connect.Flow, lock string) error {
	if !t.whole(ref, bank.KindFlow) {
		return fault.Unknown("flowId", "Flow")
	}
	*f = connect.Flow{}
	q := tx.NewSelect().Model(f).Where("customer_id = (SELECT ?::bigint) AND id = ?", t.customerID, ref.ID)
	if lock != "" {
		q = q.For(lock)
	}
	return notFound(q.Scan(ctx), "flowId", "Flow")
}

// AbortFlow ends a flow, for the customer or for the consumer who has left its page.
func (t Tenant) AbortFlow(ctx context.Context, ref bank.Ref, byConsumer bool) (f connect.Flow, err error) {
	if err := t.customerOnly(); err != nil {
		return f, err
	}
	err = t.change(ctx, "abortFlow", nil, func(tx *Tx) error {
		err := tx.moveFlow(ctx, t, ref, &f, func(f *connect.Flow) error { return f.Abort(byConsumer, tx.now) })
		tx.aboutOf(ref, f.ConsumerID)
		return err
	}, &f)
	return f, err
}

// MoveFlow moves a flow a step on inside its row's lock; after an error nothing has changed.
func (t Tenant) MoveFlow(ctx context.Context, ref bank.Ref, move func(*connect.Flow) error) (f connect.Flow, err error) {
	if err := t.customerOnly(); err != nil {
		return f, err
	}
	err = t.write(ctx, func(tx *Tx) error { return tx.moveFlow(ctx, t, ref, &f, move) })
	return f, err
}

func (tx *Tx) moveFlow(ctx context.Context, t Tenant, ref bank.Ref, f *connect.Flow, move func(*connect.Flow) error) error {
	if err := tx.flow(ctx, t, ref, f, "UPDATE"); err != nil {
		return err
	}
	f.Tick(tx.now)
	if err := move(f); err != nil {
		return err
	}
	_, err := tx.NewUpdate().Model(f).Where("customer_id = (SELECT ?::bigint) AND id = ?", f.CustomerID, f.ID).Exec(ctx)
	return err
}

// CollectFlow moves a flow and, in the same transaction, makes the refresh that fetches the picked accounts' data. The
// caller wakes the workers for the parts. A flow that has ended instead needs none.
func (t Tenant) CollectFlow(ctx context.Context, ref bank.Ref, accounts []string, move func(*connect.Flow) error) (f connect.Flow, parts []int64, err error) {
	if err := t.customerOnly(); err != nil {
		return f, nil, err
	}
	err = t.write(ctx, func(tx *Tx) error {
		parts = nil
		if err := tx.moveFlow(ctx, t, ref, &f, move); err != nil || f.State.Final() {
			return err
		}
		r := refresh{Refresh: connect.Refresh{CustomerID: t.customerID, Kind: connect.OfFlow, ConsumerID: f.ConsumerID, FlowID: &f.ID}}
		part := refreshPart{ConsumerID: f.ConsumerID, BankCode: *f.BankCode, Accounts: accounts, Days: f.Scope.Period(bank.DateOf(tx.now, time.UTC))}
		parts, err = tx.saveRefreshes(ctx, []work{{r, []refreshPart{part}}})
		return err
	})
	return f, parts, err
}

// Frame is a flow with what the connect app needs to know around it.
type Frame struct {
	Flow     connect.Flow
	Session  connect.Session
	Customer bank.Customer
	Origins  []string // registered by the customer
}

// FlowByHandle finds a flow by the name in the page's address, as it is at this moment.
func (s *Store) FlowByHandle(ctx context.Context, handle string) (f Frame, err error) {
	if bank.CheckText("", handle, 1, bank.MaxName) != nil { // no flow has such a name
		return f, fault.Unknown("", "Flow")
	}
	err = s.system(ctx, func(tx *Tx) (err error) {
		f = Frame{}
		if err := tx.NewSelect().Model(&f.Flow).Where("handle = ?", handle).Scan(ctx); err != nil {
			return notFound(err, "", "Flow")
		}
		f.Flow.Tick(tx.now)
		id := f.Flow.CustomerID
		if err := tx.NewSelect().Model(&f.Session).Where("customer_id = (SELECT ?::bigint) AND id = ?", id, f.Flow.SessionID).Scan(ctx); err != nil {
			return notFound(err, "", "Flow") // erased at this moment
		}
		if err := tx.NewRaw("SELECT "+customerColumns+" FROM customers WHERE id = ?", id).Scan(ctx, &f.Customer); err != nil {
			return notFound(err, "", "Flow")
		}
		f.Origins, err = tx.origins(ctx, id)
		return err
	})
	return f, err
}

// KnownAccounts are a consumer's accounts as banks know them; none for nobody. One that several banks know comes for
// each of them, the one that was asked last at the end.
func (t Tenant) KnownAccounts(ctx context.Context, consumerID *int64) (known []connect.Known, err error) {
	if consumerID == nil || t.consumerID != 0 && *consumerID != t.consumerID {
		return nil, nil
	}
	err = t.in(ctx, func(tx *Tx) (err error) {
		known, err = tx.known(ctx, t.customerID, *consumerID, "")
		return err
	})
	return known, err
}

// link is which stored account is which of a bank's.
type link struct {
	bun.BaseModel `bun:"table:account_links"`
	CustomerID    int64 `bun:",pk"`
	ConsumerID    int64 `bun:",pk"`
	AccountID     int64
	BankCode      string `bun:",pk"`
	BankAccountID string `bun:",pk"`
	ConsentID     *int64
	RefreshedAt   time.Time
}

// known are a consumer's accounts with the ids that a bank has for them, or all banks.
func (tx *Tx) known(ctx context.Context, customerID, consumerID int64, bankCode string) ([]connect.Known, error) {
	var accounts []bank.Account
	if err := tx.NewSelect().Model(&accounts).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", customerID, consumerID).OrderExpr("id").Scan(ctx); err != nil {
		return nil, err
	}
	var links []link
	if err := tx.NewSelect().Model(&links).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND ? IN ('', bank_code)", customerID, consumerID, bankCode).
		OrderExpr("refreshed_at, bank_code, bank_account_id").Scan(ctx); err != nil {
		return nil, err
	}
	of := map[int64][]link{}
	for _, l := range links {
		of[l.AccountID] = append(of[l.AccountID], l)
	}
	var known []connect.Known
	for _, a := range accounts {
		var banks []connect.Known
		for _, l := range of[a.ID] {
			k := connect.Known{Account: a, BankCode: l.BankCode}
			if i := slices.IndexFunc(banks, func(b connect.Known) bool { return b.BankCode == l.BankCode }); i >= 0 {
				k.BankIDs = banks[i].BankIDs
				banks = slices.Delete(banks, i, i+1) // this one was asked later
			}
			k.BankIDs = append(k.BankIDs, l.BankAccountID)
			banks = append(banks, k)
		}
		if banks == nil {
			banks = []connect.Known{{Account: a}}
		}
		known = append(known, banks...)
	}
	return known, nil
}
