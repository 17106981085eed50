package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/connect"
	"insightgraph/fault"
)

// NewSynchronization asks that a consumer's data be brought up to date.
type NewSynchronization struct {
	Consumer       bank.Ref
	CallbackURL    *string // nil: nobody is told of the end
	CallbackHandle *string
}

// synchronization is a call whose caller waits to be told of the end.
type synchronization struct {
	CustomerID     int64   `bun:",pk"`
	ConsumerID     int64   `bun:",pk"`
	ID             int64   `bun:",pk,autoincrement"`
	SourceIDs      []int64 `bun:"source_ids,array"`
	CallbackURL    string
	CallbackHandle *string
	CreatedAt      time.Time
}

// Synchronize makes the consumer's accounts data sources and begins to fetch what is out of date; the caller wakes the
// workers for the parts.
func (t Tenant) Synchronize(ctx context.Context, n NewSynchronization) (sources []connect.DataSource, parts []int64, err error) {
	if err := t.customerOnly(); err != nil {
		return nil, nil, err
	}
	if !t.may(n.Consumer, bank.KindConsumer) {
		return nil, nil, fault.Unknown("consumerId", "Consumer")
	}
	err = t.change(ctx, "synchronizeAccounts", nil, func(tx *Tx) (err error) {
		tx.about(n.Consumer)
		parts = nil
		var c bank.Consumer
		if err := tx.consumer(ctx, t, n.Consumer.ID, &c, "NO KEY UPDATE"); err != nil {
			return err
		}
		y := synchronizer{Tx: tx, consumer: c}
		if sources, parts, err = y.run(ctx); err != nil {
			return err
		}
		if n.CallbackURL == nil { // earlier ones may have waited for a source that is gone
			return tx.tell(ctx, []owner{{c.CustomerID, c.ID}})
		}
		wait := synchronization{CustomerID: c.CustomerID, ConsumerID: c.ID, SourceIDs: []int64{}, CallbackURL: *n.CallbackURL, CallbackHandle: n.CallbackHandle, CreatedAt: tx.now}
		for _, s := range sources {
			wait.SourceIDs = append(wait.SourceIDs, s.ID)
		}
		if _, err := tx.NewInsert().Model(&wait).Returning("id").Exec(ctx); err != nil {
			return err
		}
		return tx.tell(ctx, []owner{{c.CustomerID, c.ID}})
	}, &sources)
	return sources, parts, err
}

// synchronizer brings the sources of one consumer up to date, whose lock is held.
type synchronizer struct {
	*Tx
	consumer bank.Consumer
	links    []link
	consents []connect.Consent
}

func (y *synchronizer) run(ctx context.Context) (sources []connect.DataSource, parts []int64, err error) {
	key := []any{y.consumer.CustomerID, y.consumer.ID}
	var accounts []bank.Account
	if err := y.NewSelect().Model(&accounts).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", key...).OrderExpr("id").Scan(ctx); err != nil {
		return nil, nil, err
	}
	if err := y.NewSelect().Model(&y.links).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", key...).OrderExpr("account_id, refreshed_at DESC").Scan(ctx); err != nil {
		return nil, nil, err
	}
	if err := y.NewSelect().Model(&y.consents).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", key...).OrderExpr("id").Scan(ctx); err != nil {
		return nil, nil, err
	}
	var old []connect.DataSource
	if err := y.NewSelect().Model(&old).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", key...).OrderExpr("id").Scan(ctx); err != nil {
		return nil, nil, err
	}
	sources, of := y.group(accounts, old)
	fetch := make([][]connect.Consent, len(sources))
	for i := range sources {
		fetch[i] = y.decide(&sources[i], accounts, of, i)
	}
	if parts, err = y.fetch(ctx, sources, fetch); err != nil {
		return nil, nil, err
	}
	return sources, parts, y.save(ctx, sources, old, accounts, of)
}

// group makes a source of each bank that accounts are linked to, and of each provider of the others. of is the source of
// each account.
func (y *synchronizer) group(accounts []bank.Account, old []connect.DataSource) (sources []connect.DataSource, of []int) {
	for _, a := range accounts {
		want := connect.DataSource{CustomerID: a.CustomerID, ConsumerID: a.ConsumerID, BankName: a.ProviderName, CreatedAt: y.now}
		if l := y.link(a, ""); l != nil {
			want.BankCode = &l.BankCode
		}
		same := func(s connect.DataSource) bool {
			return equal(s.BankCode, want.BankCode) && (s.BankCode != nil || s.BankName == want.BankName)
		}
		at := slices.IndexFunc(sources, same)
		if at < 0 {
			if known := slices.IndexFunc(old, same); known >= 0 {
				name := want.BankName
				want = old[known]
				want.BankName = name
			}
			at, sources = len(sources), append(sources, want)
		}
		of = append(of, at)
	}
	return sources, of
}

// link is how an account can be fetched best at a bank, or at any: under a consent that can be used, otherwise as it was last.
func (y *synchronizer) link(a bank.Account, bankCode string) (best *link) {
	usable := func(l link) bool { c := y.consent(l); return c != nil && c.Usable(y.now) == nil }
	for i, l := range y.links {
		if l.AccountID == a.ID && (bankCode == "" || l.BankCode == bankCode) && (best == nil || usable(l) && !usable(*best)) {
			best = &y.links[i]
		}
	}
	return best
}

func (y *synchronizer) consent(l link) *connect.Consent {
	if l.ConsentID == nil {
		return nil
	}
	return &y.consents[slices.IndexFunc(y.consents, func(c connect.Consent) bool { return c.ID == *l.ConsentID })]
}

// decide says how source i is, and with which consents it is to be fetched.
func (y *synchronizer) decide(s *connect.DataSource, accounts []bank.Account, of []int, i int) []connect.Consent {
	if s.BankCode == nil {
		s.Set(connect.SourceSuccessful, nil, y.now)
		return nil
	}
	var linked []connect.Linked
	for n, a := range accounts {
		l := y.link(a, *s.BankCode)
		if of[n] != i || l == nil || a.Status != bank.AccountActive {
			continue
		}
		last := slices.IndexFunc(y.links, func(l link) bool { return l.AccountID == a.ID })
		linked = append(linked, connect.Linked{Consent: y.consent(*l), RefreshedAt: y.links[last].RefreshedAt})
	}
	return s.Synchronise(linked, y.now)
}

// fetch begins the fetches of sources. It waits for those that are under way, however fresh the data is.
func (y *synchronizer) fetch(ctx context.Context, sources []connect.DataSource, with [][]connect.Consent) (ids []int64, err error) {
	var open []refreshPart
	if err := y.NewSelect().Model(&open).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND consent_id IS NOT NULL AND state IN ('READY', 'RUNNING')", y.consumer.CustomerID, y.consumer.ID).
		Scan(ctx); err != nil {
		return nil, err
	}
	fresh := work{refresh: refresh{Refresh: connect.Refresh{CustomerID: y.consumer.CustomerID, Kind: connect.OnDemand, ConsumerID: &y.consumer.ID}}}
	const own = int64(-1) // stands for the refresh that is made here
	for i := range sources {
		for _, p := range open {
			if sources[i].BankCode != nil && *sources[i].BankCode == p.BankCode {
				sources[i].RefreshID, sources[i].Status, sources[i].Problem = &p.RefreshID, connect.SourcePending, nil
			}
		}
		for _, c := range with[i] {
			under := own
			if at := slices.IndexFunc(open, func(p refreshPart) bool { return *p.ConsentID == c.ID }); at >= 0 {
				under = open[at].RefreshID
			} else {
				fresh.parts = append(fresh.parts, y.part(c))
			}
			if sources[i].RefreshID == nil { // settle goes on to the others
				sources[i].RefreshID = &under
			}
			sources[i].Status = connect.SourcePending
		}
	}
	if fresh.parts == nil {
		return nil, nil
	}
	all := []work{fresh}
	if ids, err = y.saveRefreshes(ctx, all); err != nil {
		return nil, err
	}
	for i := range sources {
		if sources[i].RefreshID != nil && *sources[i].RefreshID == own {
			sources[i].RefreshID = &all[0].ID
		}
	}
	return ids, nil
}

// part fetches what can be fetched under a consent.
func (y *synchronizer) part(c connect.Consent) refreshPart {
	p := refreshPart{ConsumerID: &y.consumer.ID, ConsentID: &c.ID, BankCode: c.BankCode}
	last := y.now
	for _, l := range y.links {
		if l.ConsentID != nil && *l.ConsentID == c.ID {
			p.Accounts = append(p.Accounts, l.BankAccountID)
			if l.RefreshedAt.Before(last) {
				last = l.RefreshedAt
			}
		}
	}
	p.Days = c.Days(connect.Scope{}, &last, y.now)
	return p
}

// save stores the sources, deletes those that no account belongs to any more, and tells the accounts theirs.
func (y *synchronizer) save(ctx context.Context, sources, old []connect.DataSource, accounts []bank.Account, of []int) error {
	key := []any{y.consumer.CustomerID, y.consumer.ID}
	var fresh, known []connect.DataSource
	kept := []int64{}
	for _, s := range sources {
		if s.ID == 0 {
			fresh = append(fresh, s)
		} else {
			known, kept = append(known, s), append(kept, s.ID)
		}
	}
	if len(old) > len(kept) {
		if _, err := y.ExecContext(ctx, "DELETE FROM data_sources WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id <> ALL(?::bigint[])", append(key, pgdialect.Array(kept))...); err != nil {
			return err
		}
	}
	if len(known) > 0 {
		if _, err := y.NewUpdate().Model(&known).Column("bank_name", "status", "problem", "refresh_id", "updated_at").Bulk().Exec(ctx); err != nil {
			return err
		}
	}
	if len(fresh) > 0 {
		if _, err := y.NewInsert().Model(&fresh).Returning("id").Exec(ctx); err != nil {
			return err
		}
		for i := range sources {
			if sources[i].ID == 0 {
				sources[i].ID, fresh = fresh[0].ID, fresh[1:]
			}
		}
	}
	ids, owners := make([]int64, len(accounts)), make([]int64, len(accounts))
	for i, a := range accounts {
		ids[i], owners[i] = a.ID, sources[of[i]].ID
	}
	_, err := y.ExecContext(ctx, `UPDATE accounts a SET data_source_id = u.source FROM unnest(?2::bigint[], ?3::bigint[]) AS u(id, source)
		WHERE a.customer_id = (SELECT ?0::bigint) AND a.consumer_id = ?1 AND a.id = u.id AND a.data_source_id IS DISTINCT FROM u.source`, append(key, pgdialect.Array(ids), pgdialect.Array(owners))...)
	return err
}

// settle ends the waiting of sources whose refresh has ended, unless their bank is being asked in another one too, and tells those
// who wait for them.
func (tx *Tx) settle(ctx context.Context, customerIDs, refreshIDs []int64) error {
	var rows []struct {
		connect.DataSource `bun:",extend"`
		Went               *connect.Category
		Next               *int64
	}
	if err := tx.NewRaw(`SELECT s.*, (SELECT min(p.problem) FROM refresh_parts p JOIN refreshes o ON o.customer_id = p.customer_id AND o.id = p.refresh_id
				WHERE p.customer_id = s.customer_id AND p.consumer_id = s.consumer_id AND p.bank_code = s.bank_code AND p.consent_id IS NOT NULL
					AND (p.refresh_id = s.refresh_id OR o.finished_at > s.updated_at)) AS went,
			(SELECT min(p.refresh_id) FROM refresh_parts p WHERE p.customer_id = s.customer_id AND p.consumer_id = s.consumer_id AND p.bank_code = s.bank_code
				AND p.refresh_id <> s.refresh_id AND p.consent_id IS NOT NULL AND p.state IN ('READY', 'RUNNING')) AS next
		FROM data_sources s JOIN refreshes r ON r.customer_id = s.customer_id AND r.id = s.refresh_id
		WHERE (s.customer_id, s.refresh_id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[])) AND r.state <> 'PROCESSING' ORDER BY s.customer_id, s.id FOR UPDATE OF s`,
		pgdialect.Array(customerIDs), pgdialect.Array(refreshIDs)).Scan(ctx, &rows); err != nil || len(rows) == 0 {
		return err
	}
	var sources []connect.DataSource
	var owners []owner
	for _, r := range rows {
		if r.Next != nil {
			r.RefreshID = r.Next
		} else {
			r.Fetched(r.Went, tx.now)
		}
		sources, owners = append(sources, r.DataSource), append(owners, owner{r.CustomerID, r.ConsumerID})
	}
	if _, err := tx.NewUpdate().Model(&sources).Column("status", "problem", "refresh_id", "updated_at").Bulk().Exec(ctx); err != nil {
		return err
	}
	return tx.tell(ctx, owners)
}

// tell makes the callbacks of the synchronisations of consumers of which no source is waited for any more.
func (tx *Tx) tell(ctx context.Context, owners []owner) error {
	customers, consumers := make([]int64, len(owners)), make([]int64, len(owners))
	for i, o := range owners {
		customers[i], consumers[i] = o.CustomerID, o.ConsumerID
	}
	var over []synchronization
	if err := tx.NewRaw(`DELETE FROM synchronizations y WHERE (customer_id, consumer_id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[])) AND NOT EXISTS (SELECT 1 FROM data_sources s
			WHERE s.customer_id = y.customer_id AND s.consumer_id = y.consumer_id AND s.id = ANY(y.source_ids) AND s.status = 'PENDING') RETURNING *`,
		pgdialect.Array(customers), pgdialect.Array(consumers)).Scan(ctx, &over); err != nil || len(over) == 0 {
		return err
	}
	var sources []connect.DataSource
	if err := tx.NewSelect().Model(&sources).Where("(customer_id, consumer_id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[]))",
		pgdialect.Array(customers), pgdialect.Array(consumers)).OrderExpr("id").Scan(ctx); err != nil {
		return err
	}
	calls := make([]callback.Delivery, len(over))
	for i, y := range over {
		states := []callback.SourceStatus{}
		for _, s := range sources {
			if slices.Contains(y.SourceIDs, s.ID) { // ids are those of one table
				states = append(states, callback.SourceStatus{ID: s.Ref(), Status: string(s.Status)})
			}
		}
		consumer := bank.Consumer{ID: y.ConsumerID}
		calls[i] = callback.Delivery{CustomerID: y.CustomerID, ConsumerID: y.ConsumerID, Event: callback.Synchronized, URL: y.CallbackURL,
			Body: callback.SourcesBody(y.CallbackHandle, consumer.Ref(), states)}
	}
	return tx.notify(ctx, calls)
}

// DataSources lists a consumer's data sources.
func (t Tenant) DataSources(ctx context.Context, consumer bank.Ref) (all []connect.DataSource, err error) {
	if !t.may(consumer, bank.KindConsumer) {
		return nil, fault.Unknown("consumerId", "Consumer")
	}
	err = t.in(ctx, func(tx *Tx) error {
		all = nil
		var c bank.Consumer
		if err := tx.consumer(ctx, t, consumer.ID, &c, ""); err != nil {
			return err
		}
		return tx.NewSelect().Model(&all).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", t.customerID, c.ID).OrderExpr("id").Scan(ctx)
	})
	return all, err
}

// DataSourcesByRef finds many data sources; unknown ones are left out.
func (t Tenant) DataSourcesByRef(ctx context.Context, refs []bank.Ref) (map[bank.Ref]connect.DataSource, error) {
	consumers, ids := t.keys(refs, bank.KindSource)
	var rows []connect.DataSource
	err := t.in(ctx, func(tx *Tx) error {
		return tx.NewSelect().Model(&rows).Where("customer_id = (SELECT ?::bigint)", t.customerID).Where("(consumer_id, id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[]))",
			pgdialect.Array(consumers), pgdialect.Array(ids)).Scan(ctx)
	})
	found := make(map[bank.Ref]connect.DataSource, len(rows))
	for _, s := range rows {
		found[s.Ref()] = s
	}
	return found, err
}

// DataSource finds one data source.
func (t Tenant) DataSource(ctx context.Context, ref bank.Ref) (connect.DataSource, error) {
	found, err := t.DataSourcesByRef(ctx, []bank.Ref{ref})
	s, ok := found[ref]
	if err == nil && !ok {
		err = fault.Unknown("", "Data source")
	}
	return s, err
}

// AccountsOfSources lists the accounts of data sources.
func (t Tenant) AccountsOfSources(ctx context.Context, sources []bank.Ref) (map[bank.Ref][]bank.Account, error) {
	consumers, ids := t.keys(sources, bank.KindSource)
	var rows []bank.Account
	err := t.in(ctx, func(tx *Tx) error {
		return tx.NewSelect().Model(&rows).Where("customer_id = (SELECT ?::bigint)", t.customerID).Where("(consumer_id, data_source_id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[]))",
			pgdialect.Array(consumers), pgdialect.Array(ids)).OrderExpr("id").Scan(ctx)
	})
	found := map[bank.Ref][]bank.Account{}
	for _, a := range rows {
		source := bank.Ref{Kind: bank.KindSource, ConsumerID: a.ConsumerID, ID: *a.DataSourceID}
		found[source] = append(found[source], a)
	}
	return found, err
}
