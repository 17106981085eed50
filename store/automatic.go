package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
)

// usable is what an account's link l has under which it can be fetched.
const usable = `SELECT 1 FROM account_links l JOIN consents c ON (c.customer_id, c.consumer_id, c.id) = (l.customer_id, l.consumer_id, l.consent_id)
	WHERE (l.customer_id, l.consumer_id, l.account_id) = (automatic_refresh.customer_id, automatic_refresh.consumer_id, automatic_refresh.account_id)
		AND c.state = 'ACTIVE' AND c.expires_at > ?`

// schedules are a consumer's, or of some accounts of it, by account. Without a consent there is no next one.
func (tx *Tx) schedules(ctx context.Context, customerID, consumerID int64, accounts []int64) ([]connect.AutomaticRefresh, error) {
	schedules := []connect.AutomaticRefresh{}
	q := tx.NewSelect().Model(&schedules).ColumnExpr("?TableColumns").ColumnExpr("NOT EXISTS ("+usable+") AS consent_authorization_required", tx.now).
		Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", customerID, consumerID).OrderExpr("account_id")
	if accounts != nil {
		q = q.Where("account_id = ANY(?::bigint[])", pgdialect.Array(accounts))
	}
	err := q.Scan(ctx)
	for i := range schedules {
		if schedules[i].ConsentAuthorizationRequired {
			schedules[i].NextRefreshAt = nil
		}
	}
	return schedules, err
}

// ScheduleRefresh refreshes accounts of a consumer by themselves from now on, all linked ones where none are named.
// Again changes it.
func (t Tenant) ScheduleRefresh(ctx context.Context, consumer bank.Ref, accounts []bank.Ref, plan connect.Plan) (all []connect.AutomaticRefresh, err error) {
	if err := t.customerOnly(); err != nil {
		return nil, err
	}
	wrong := plan.Check()
	err = t.change(ctx, "scheduleAutomaticRefresh", nil, func(tx *Tx) error {
		c, links, err := tx.linkedAccounts(ctx, t, consumer, accounts, wrong)
		if err != nil {
			return err
		}
		tx.about(consumer)
		if len(links) == 0 {
			return fault.New(fault.NotAllowed, "consumerId", "The consumer has no linked account")
		}
		var rows []connect.AutomaticRefresh
		var ids []int64
		next := tx.now.Add(time.Duration(plan.Minutes()) * time.Minute)
		for _, l := range links { // by account
			if slices.Contains(ids, l.AccountID) {
				continue
			}
			ids = append(ids, l.AccountID)
			rows = append(rows, connect.AutomaticRefresh{CustomerID: t.customerID, ConsumerID: c.ID, AccountID: l.AccountID, Interval: plan.Interval,
				IntervalMinutes: plan.Minutes(), RefreshDays: plan.RefreshDays, CreatedAt: tx.now, NextRefreshAt: &next})
		}
		insert := tx.NewInsert().Model(&rows).On("CONFLICT (customer_id, consumer_id, account_id) DO UPDATE")
		for _, column := range []string{"interval", "interval_minutes", "refresh_days", "next_refresh_at"} { // how it went stays
			insert = insert.Set("? = excluded.?", bun.Ident(column), bun.Ident(column))
		}
		if _, err := insert.Returning("NULL").Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewUpdate().Model((*connect.AutomaticRefresh)(nil)).Set("next_refresh_at = NULL").
			Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND account_id = ANY(?::bigint[])", t.customerID, c.ID, pgdialect.Array(ids)).
			Where("NOT EXISTS ("+usable+")", tx.now).Exec(ctx); err != nil {
			return err
		}
		all, err = tx.schedules(ctx, t.customerID, c.ID, ids)
		return err
	}, &all)
	return all, err
}

// UnscheduleRefresh ends that, for all accounts where none are named. It tells how many there were.
func (t Tenant) UnscheduleRefresh(ctx context.Context, consumer bank.Ref, accounts []bank.Ref) (n int, err error) {
	if err := t.customerOnly(); err != nil {
		return 0, err
	}
	err = t.change(ctx, "unscheduleAutomaticRefresh", nil, func(tx *Tx) error {
		tx.about(consumer)
		var faults fault.Many
		var c bank.Consumer
		var owner *int64
		err := error(fault.Unknown("consumerId", "Consumer"))
		if t.may(consumer, bank.KindConsumer) {
			err = tx.consumer(ctx, t, consumer.ID, &c, "NO KEY UPDATE")
		}
		if err := gather(&faults, err); err != nil {
			return err
		}
		if c.ID != 0 {
			owner = &c.ID
		}
		var ids []int64
		if len(accounts) > 0 {
			if ids, err = tx.accountsOf(ctx, t, owner, "accountIds", accounts, &faults); err != nil {
				return err
			}
		}
		if err := faults.Err(); err != nil {
			return err
		}
		n, err = tx.affected(ctx, "DELETE FROM automatic_refreshes WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND (? OR account_id = ANY(?::bigint[]))",
			t.customerID, c.ID, len(accounts) == 0, pgdialect.Array(ids))
		return err
	}, &n)
	return n, err
}

// AutomaticRefreshes lists the schedules of a consumer's accounts.
func (t Tenant) AutomaticRefreshes(ctx context.Context, consumer bank.Ref) (all []connect.AutomaticRefresh, err error) {
	if t.consumerID != 0 || !t.may(consumer, bank.KindConsumer) {
		return nil, fault.Unknown("consumerId", "Consumer")
	}
	err = t.in(ctx, func(tx *Tx) error {
		var c bank.Consumer
		if err := tx.consumer(ctx, t, consumer.ID, &c, ""); err != nil {
			return err
		}
		all, err = tx.schedules(ctx, t.customerID, c.ID, nil)
		return err
	})
	return all, err
}

// maxPlanned is for how many accounts refreshes are planned at once.
const maxPlanned = 500

// consentKey names a consent of any customer.
type consentKey struct{ CustomerID, ConsumerID, ID int64 }

// PlanRefreshes makes a refresh for each consent with accounts whose automatic refresh is due, and returns the parts.
// Two planners at once make no more than one. A consumer whose data is being changed is left for the next time.
func (s *Store) PlanRefreshes(ctx context.Context) (parts []int64, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		parts = nil
		due, err := tx.dueSchedules(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		links, consents, asked, err := tx.accesses(ctx, due)
		if err != nil {
			return err
		}
		var all []work
		index := map[consentKey]int{}
		for i := range due {
			a := &due[i]
			l, c, problem := pick(links[a.Ref()], consents, tx.now)
			if problem != nil {
				a.Went(&problem.Category, tx.now)
				continue
			}
			key := consentKey{a.CustomerID, a.ConsumerID, c.ID}
			if times := asked[key]; len(times) >= connect.MaxUnattended { // the newest first
				next := times[connect.MaxUnattended-1].Add(24 * time.Hour)
				a.NextRefreshAt = &next
				continue
			}
			n, there := index[key]
			if !there {
				n = len(all)
				index[key] = n
				all = append(all, work{refresh{Refresh: connect.Refresh{CustomerID: a.CustomerID, Kind: connect.Automatic, ConsumerID: &a.ConsumerID}},
					[]refreshPart{{ConsumerID: &a.ConsumerID, ConsentID: &c.ID, BankCode: c.BankCode}}})
			}
			days := c.Days(connect.Scope{RefreshDays: a.RefreshDays}, &l.RefreshedAt, tx.now)
			part := &all[n].parts[0]
			if part.Accounts == nil || days.From < part.Days.From {
				part.Days = days
			}
			part.Accounts = append(part.Accounts, l.BankAccountID)
			next := tx.now.Add(time.Duration(a.IntervalMinutes) * time.Minute) // at once, so that what was missed is made up once only
			a.NextRefreshAt = &next
		}
		if err := tx.saveSchedules(ctx, due); err != nil || all == nil {
			return err
		}
		for _, w := range all {
			tx.recordConsumers("refreshAutomatically", owner{w.CustomerID, *w.ConsumerID})
		}
		parts, err = tx.saveRefreshes(ctx, all)
		return err
	})
	return parts, err
}

// dueSchedules are some schedules that are due, with the locks of their consumers held. What is being fetched already
// is left out.
func (tx *Tx) dueSchedules(ctx context.Context) (due []connect.AutomaticRefresh, err error) {
	idle := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("automatic_refresh.next_refresh_at <= ?", tx.now).Where(`NOT EXISTS (SELECT 1 FROM account_links l
			JOIN refresh_parts p ON (p.customer_id, p.consumer_id, p.consent_id) = (l.customer_id, l.consumer_id, l.consent_id)
			WHERE (l.customer_id, l.consumer_id, l.account_id) = (automatic_refresh.customer_id, automatic_refresh.consumer_id, automatic_refresh.account_id)
				AND p.state IN ('READY', 'RUNNING'))`)
	}
	first := tx.NewSelect().Model((*connect.AutomaticRefresh)(nil)).Column("customer_id", "consumer_id").Apply(idle).OrderExpr("next_refresh_at").Limit(maxPlanned)
	var owners []owner
	if err := tx.NewRaw("SELECT customer_id, id AS consumer_id FROM consumers WHERE (customer_id, id) IN (?) FOR NO KEY UPDATE SKIP LOCKED", first).
		Scan(ctx, &owners); err != nil || owners == nil {
		return nil, err
	}
	customers, consumers := columns(owners)
	err = tx.NewSelect().Model(&due).Where("(customer_id, consumer_id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[]))", customers, consumers).
		Apply(idle).OrderExpr("customer_id, consumer_id, account_id").Scan(ctx) // as it is under the locks
	return due, err
}

// accesses loads what schedules can be fetched with: the links of their accounts, the consents of these, and when each
// was used in the last 24 hours, the newest first.
func (tx *Tx) accesses(ctx context.Context, due []connect.AutomaticRefresh) (links map[bank.Ref][]link, consents map[consentKey]connect.Consent, asked map[consentKey][]time.Time, err error) {
	customers, consumers, accounts := make([]int64, len(due)), make([]int64, len(due)), make([]int64, len(due))
	for i, a := range due {
		customers[i], consumers[i], accounts[i] = a.CustomerID, a.ConsumerID, a.AccountID
	}
	var rows []link
	if err := tx.NewSelect().Model(&rows).Where("(customer_id, consumer_id, account_id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::bigint[]))",
		pgdialect.Array(customers), pgdialect.Array(consumers), pgdialect.Array(accounts)).OrderExpr("customer_id, consumer_id, bank_code, bank_account_id").Scan(ctx); err != nil {
		return nil, nil, nil, err
	}
	links = map[bank.Ref][]link{}
	customers, consumers, accounts = []int64{}, []int64{}, []int64{}
	for _, l := range rows {
		ref := bank.Ref{Kind: bank.KindAccount, ConsumerID: l.ConsumerID, ID: l.AccountID} // ids are those of one table, so over all customers
		links[ref] = append(links[ref], l)
		if l.ConsentID != nil {
			customers, consumers, accounts = append(customers, l.CustomerID), append(consumers, l.ConsumerID), append(accounts, *l.ConsentID)
		}
	}
	keys := []any{pgdialect.Array(customers), pgdialect.Array(consumers), pgdialect.Array(accounts)}
	var found []connect.Consent
	if err := tx.NewSelect().Model(&found).Where("(customer_id, consumer_id, id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::bigint[]))", keys...).Scan(ctx); err != nil {
		return nil, nil, nil, err
	}
	consents = make(map[consentKey]connect.Consent, len(found))
	for _, c := range found {
		consents[consentKey{c.CustomerID, c.ConsumerID, c.ID}] = c
	}
	var used []struct {
		consentKey `bun:",extend"`
		AskedAt    time.Time
	}
	if err := tx.NewRaw(`SELECT customer_id, consumer_id, consent_id AS id, asked_at FROM refresh_parts
		WHERE (customer_id, consumer_id, consent_id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::bigint[])) AND asked_at > ? ORDER BY asked_at DESC`,
		append(keys, tx.now.Add(-24*time.Hour))...).Scan(ctx, &used); err != nil {
		return nil, nil, nil, err
	}
	asked = map[consentKey][]time.Time{}
	for _, u := range used {
		asked[u.consentKey] = append(asked[u.consentKey], u.AskedAt)
	}
	return links, consents, asked, nil
}

// pick chooses the newest consent of an account that can be used, or says why there is none.
func pick(links []link, consents map[consentKey]connect.Consent, now time.Time) (l link, c connect.Consent, problem *connect.Problem) {
	problem = connect.Is(connect.ConsentMissing)
	for _, one := range links {
		if one.ConsentID == nil {
			continue
		}
		consent, ok := consents[consentKey{one.CustomerID, one.ConsumerID, *one.ConsentID}]
		if !ok {
			continue
		}
		why := consent.Usable(now)
		newer := c.ID == 0 || cmp.Or(consent.GrantedAt.Compare(c.GrantedAt), cmp.Compare(consent.ID, c.ID)) > 0
		if newer && (why == nil || problem != nil) || why == nil && problem != nil {
			l, c, problem = one, consent, why
		}
	}
	return l, c, problem
}
