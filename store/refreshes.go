package store

import (
	"context"
	"slices"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
)

// NewRefresh asks for a fetch with a consumer's stored consents.
type NewRefresh struct {
	Consumer bank.Ref
	Accounts []bank.Ref    // nil: all linked ones
	Scope    connect.Scope // its days
}

// refresh is a refresh's row.
type refresh struct {
	connect.Refresh `bun:",extend"`
	PartsLeft       int
}

// refreshPart is the row of a part.
type refreshPart struct {
	CustomerID int64 `bun:",pk"`
	RefreshID  int64 `bun:",pk"`
	ID         int64 `bun:",pk,autoincrement"`
	ConsumerID *int64
	ConsentID  *int64
	BankCode   string
	Accounts   []string    `bun:",array"`
	Days       bank.Period `bun:"type:jsonb"`
	State      string
	Problem    *connect.Category
	AskedAt    *time.Time
	Attempts   int
	RunAfter   time.Time
	EnqueuedAt *time.Time
	Lease      int64
	LeaseUntil *time.Time
}

// work is a refresh to be stored with its parts.
type work struct {
	refresh
	parts []refreshPart
}

// saveRefreshes stores refreshes that begin now. Their parts count as queued: the caller puts them on the queue after
// the transaction, and what is lost on the way is found by the sweep.
func (tx *Tx) saveRefreshes(ctx context.Context, all []work) (ids []int64, err error) {
	rows := make([]refresh, len(all))
	for i, w := range all {
		rows[i] = w.refresh
		rows[i].State, rows[i].StartedAt, rows[i].PartsLeft = connect.Processing, tx.now, len(w.parts)
	}
	if _, err := tx.NewInsert().Model(&rows).Returning("id").Exec(ctx); err != nil {
		return nil, err
	}
	var parts []refreshPart
	for i, w := range all {
		for _, p := range w.parts {
			p.CustomerID, p.RefreshID, p.State, p.RunAfter, p.EnqueuedAt = rows[i].CustomerID, rows[i].ID, "READY", tx.now, &tx.now
			parts = append(parts, p)
		}
	}
	if _, err := tx.NewInsert().Model(&parts).Returning("id").Exec(ctx); err != nil {
		return nil, err
	}
	for i := range rows {
		all[i].refresh = rows[i]
	}
	for _, p := range parts {
		ids = append(ids, p.ID)
	}
	return ids, nil
}

// StartRefresh stores a refresh with a part for each consent that is used; the caller wakes the workers for the parts.
// One that is under way already is returned, without parts. Where no consent can be used, the refresh is stored as over,
// with the category that says why; where that goes for some of the accounts, the others are fetched and it ends so too.
func (t Tenant) StartRefresh(ctx context.Context, n NewRefresh) (r connect.Refresh, parts []int64, err error) {
	if err := t.customerOnly(); err != nil {
		return r, nil, err
	}
	wrong := n.Scope.Check("")
	err = t.change(ctx, "startConsentRefresh", nil, func(tx *Tx) error {
		tx.about(n.Consumer)
		r, parts = connect.Refresh{}, nil
		c, links, err := tx.linkedAccounts(ctx, t, n.Consumer, n.Accounts, wrong)
		if err != nil {
			return err
		}
		err = tx.NewSelect().Model(&r).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND state = ? AND kind <> ?", t.customerID, c.ID, connect.Processing, connect.OfFlow).
			OrderExpr("id").Limit(1).Scan(ctx)
		if !none(err) {
			return err // or one that is under way
		}
		var consents []connect.Consent
		if err := tx.NewSelect().Model(&consents).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", t.customerID, c.ID).OrderExpr("granted_at, id").Scan(ctx); err != nil {
			return err
		}
		made := work{refresh: refresh{Refresh: connect.Refresh{CustomerID: t.customerID, Kind: connect.OnDemand, ConsumerID: &c.ID}}}
		problem := connect.Is(connect.ConsentMissing)
		for _, consent := range consents {
			under := slices.DeleteFunc(slices.Clone(links), func(l link) bool { return l.ConsentID == nil || *l.ConsentID != consent.ID })
			if len(under) == 0 && len(n.Accounts) > 0 {
				continue
			}
			if p := consent.Usable(tx.now); p != nil || len(under) == 0 {
				problem = connect.Is(connect.ConsentMissing)
				if p != nil {
					problem = p
				}
				continue
			}
			part := refreshPart{ConsumerID: &c.ID, ConsentID: &consent.ID, BankCode: consent.BankCode}
			last := under[0].RefreshedAt
			for _, l := range under {
				part.Accounts = append(part.Accounts, l.BankAccountID)
				if l.RefreshedAt.Before(last) {
					last = l.RefreshedAt
				}
			}
			part.Days = consent.Days(n.Scope, &last, tx.now)
			made.parts = append(made.parts, part)
		}
		if made.parts == nil {
			r = made.Refresh
			r.State, r.Problem, r.StartedAt, r.FinishedAt = connect.Exception, &problem.Category, tx.now, &tx.now
			_, err := tx.NewInsert().Model(&r).Returning("id").Exec(ctx)
			return err
		}
		if made.Problem, err = tx.leftOut(ctx, c, links, consents, len(n.Accounts) > 0); err != nil {
			return err
		}
		all := []work{made}
		parts, err = tx.saveRefreshes(ctx, all)
		r = all[0].Refresh
		return err
	}, &r)
	return r, parts, err
}

// leftOut says why some linked accounts of a consumer are not fetched with the others, nil where all are. An account that is
// not named counts if it is active and once had a consent.
func (tx *Tx) leftOut(ctx context.Context, c bank.Consumer, links []link, consents []connect.Consent, named bool) (*connect.Category, error) {
	of := make(map[consentKey]connect.Consent, len(consents))
	for _, consent := range consents {
		of[consentKey{consent.CustomerID, consent.ConsumerID, consent.ID}] = consent
	}
	var active []int64
	if err := tx.NewRaw("SELECT id FROM accounts WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND status = ?", c.CustomerID, c.ID, bank.AccountActive).Scan(ctx, &active); err != nil {
		return nil, err
	}
	for _, l := range links {
		others := slices.DeleteFunc(slices.Clone(links), func(o link) bool { return o.AccountID != l.AccountID })
		_, consent, problem := pick(others, of, tx.now)
		if problem != nil && (named || consent.ID != 0 && slices.Contains(active, l.AccountID)) {
			return &problem.Category, nil
		}
	}
	return nil, nil
}

// linkedAccounts holds a consumer's lock and gives the links of its accounts, or of those that are named, all faults at
// once. A consumer without links has none; a named account without one is a fault.
func (tx *Tx) linkedAccounts(ctx context.Context, t Tenant, consumer bank.Ref, accounts []bank.Ref, faults fault.Many) (c bank.Consumer, links []link, err error) {
	faults = slices.Clone(faults)
	if !t.may(consumer, bank.KindConsumer) {
		err = fault.Unknown("consumerId", "Consumer")
	} else {
		err = tx.consumer(ctx, t, consumer.ID, &c, "NO KEY UPDATE")
	}
	if err := gather(&faults, err); err != nil {
		return c, nil, err
	}
	var owner *int64
	if c.ID != 0 {
		owner = &c.ID
		if err := tx.NewSelect().Model(&links).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", t.customerID, c.ID).OrderExpr("account_id, bank_code, bank_account_id").Scan(ctx); err != nil {
			return c, nil, err
		}
	}
	if len(accounts) > 0 {
		ids, err := tx.accountsOf(ctx, t, owner, "accountIds", accounts, &faults)
		if err != nil {
			return c, nil, err
		}
		of := func(id int64) func(link) bool { return func(l link) bool { return l.AccountID == id } }
		for i, ref := range accounts {
			if slices.Contains(ids, ref.ID) && owner != nil && ref.ConsumerID == *owner && !slices.ContainsFunc(links, of(ref.ID)) {
				faults.Add(fault.New(fault.NotAllowed, bank.Path("accountIds", i), "The account is not linked to a bank"))
			}
		}
		links = slices.DeleteFunc(links, func(l link) bool { return !slices.Contains(ids, l.AccountID) })
	}
	return c, links, faults.Err()
}

// Refresh finds one refresh.
func (t Tenant) Refresh(ctx context.Context, ref bank.Ref) (r connect.Refresh, err error) {
	if !t.whole(ref, bank.KindRefresh) {
		return r, fault.Unknown("", "Refresh")
	}
	err = t.in(ctx, func(tx *Tx) error {
		r = connect.Refresh{}
		return tx.NewSelect().Model(&r).Where("customer_id = (SELECT ?::bigint) AND id = ?", t.customerID, ref.ID).Scan(ctx)
	})
	return r, notFound(err, "", "Refresh")
}

// Part is a claimed part of a refresh: one access, and what to fetch with it.
type Part struct {
	ID       int64
	Refresh  connect.Refresh
	Flow     *connect.Flow    // of a flow's refresh: its sealed dialog has the access,
	Session  *connect.Session // and its session the consumer's browser
	Consent  *connect.Consent // of the others
	BankCode string
	Accounts []string
	Days     bank.Period
	Attempts int
	lease    int64
}
