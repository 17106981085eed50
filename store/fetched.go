package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/govalues/decimal"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/connect"
)

// Fetched is what a worker brought.
type Fetched struct {
	Accounts []connect.Account
	BankName string
	Sealed   []byte     // the access's secret for the consent's place; nil: the stored one stays
	Until    *time.Time // how long the bank lets it hold
}

// FinishPart stores what was fetched, and everything that follows from it, in one transaction and only if the part is
// still this worker's: consumer, accounts, transactions, links, consent, schedule, flow and refresh. Where the flow has
// ended meanwhile, nothing is stored and the refresh ends as the flow did.
func (s *Store) FinishPart(ctx context.Context, p Part, f Fetched) error {
	brought, clean := accept(p, f)
	return s.system(ctx, func(tx *Tx) error {
		row, err := tx.holdPart(ctx, p)
		if err != nil {
			return err
		}
		c := &catch{Tx: tx, row: row, customerID: row.CustomerID, brought: slices.Clone(brought)}
		if problem, err := c.consumer(ctx, s.Customer(row.CustomerID), p, clean); err != nil {
			return err
		} else if problem != nil {
			return tx.failParts(ctx, []refreshPart{row}, problem.Category)
		}
		if err := c.accounts(ctx); err != nil {
			return err
		}
		if err := c.transactions(ctx, p.Days); err != nil {
			return err
		}
		if err := c.links(ctx, p, f); err != nil {
			return err
		}
		if err := c.schedules(ctx); err != nil {
			return err
		}
		if c.changed {
			if err := tx.touch(ctx, c.customerID, []int64{c.consumerID}); err != nil {
				return err
			}
		}
		return c.end(ctx)
	})
}

// one is a fetched account in our terms.
type one struct {
	bank.Account
	bankID string
	from   bank.Date // the first day that the bank told of, where later than was asked
	rows   []bank.Transaction
	isNew  bool
}

// accept takes of what was fetched the accounts that were asked for, once each. Texts are cut to what can be kept; a row
// whose amount, currency or day cannot be right spoils the answer, since without it sums would be wrong and nobody knew.
func accept(p Part, f Fetched) (kept []one, clean bool) {
	for _, a := range f.Accounts {
		if !slices.Contains(p.Accounts, a.ID) || slices.ContainsFunc(kept, func(k one) bool { return k.bankID == a.ID }) {
			continue
		}
		k := one{bankID: a.ID, from: a.From, Account: bank.Account{Container: a.Container, Type: short(a.Type, 50), Name: short(a.Name, bank.MaxName), ProviderName: short(f.BankName, bank.MaxName),
			Status: bank.AccountActive, Currency: a.Currency, CreditLimit: exact(a.CreditLimit, a.Currency)}}
		if k.Name == "" {
			k.Name = k.ProviderName
		}
		if iban, wrong := bank.ParseIBAN("", a.IBAN); wrong == nil {
			k.IBAN = &iban
		}
		if k.Balance = exact(a.Balance, a.Currency); k.Balance != nil {
			k.BalanceAsOf = a.BalanceAsOf
		}
		if k.Check().Err() != nil {
			return nil, false
		}
		for _, x := range a.Transactions {
			x.CategoryID, x.Description = 0, short(x.Description, bank.MaxDescription)
			if x.ExternalID != nil && bank.CheckText("", *x.ExternalID, 1, bank.MaxID) != nil {
				x.ExternalID = nil // one is made
			}
			if x.CounterpartyName != nil {
				name := short(*x.CounterpartyName, bank.MaxName)
				x.CounterpartyName = &name
			}
			if x.MCC != nil && (len(*x.MCC) != 4 || strings.Trim(*x.MCC, "0123456789") != "") {
				x.MCC = nil
			}
			if x.BankCode != nil {
				code := short(*x.BankCode, maxBankCode)
				x.BankCode = &code
			}
			if x.Check("", a.Currency).Err() != nil {
				return nil, false
			}
			k.rows = append(k.rows, x)
		}
		connect.Identify(k.rows)
		kept = append(kept, k)
	}
	return kept, true
}

// exact is an amount that its currency can have, nil for another.
func exact(amount *decimal.Decimal, currency bank.Currency) *decimal.Decimal {
	if amount == nil {
		return nil
	}
	m, wrong := bank.Money{Amount: *amount, Currency: currency}.Check("")
	if wrong != nil {
		return nil
	}
	return &m.Amount
}

// short is a text that the database can keep, cut to a number of characters.
func short(s string, n int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == 0 || r == '\uFFFD' {
			return -1
		}
		return r
	}, s))
	if letters := []rune(s); len(letters) > n {
		return string(letters[:n])
	}
	return s
}

// catch is what was fetched on its way into the store.
type catch struct {
	*Tx
	row                    refreshPart
	customerID, consumerID int64
	flow                   *connect.Flow // of a flow's refresh, locked
	eraseAt                *time.Time    // of what the flow brings
	brought                []one
	created                int  // transactions
	changed                bool // anything held about the consumer
	learned                bool // an account's IBAN, by which transfers are told
	consentStored          bool
}

// ids are the accounts that were brought.
func (c *catch) ids() []int64 {
	ids := make([]int64, len(c.brought))
	for i, b := range c.brought {
		ids[i] = b.ID
	}
	return ids
}

// consumer finds or makes whose data it is, or says why it is not to be stored.
func (c *catch) consumer(ctx context.Context, t Tenant, p Part, clean bool) (*connect.Problem, error) {
	if p.Flow == nil {
		c.consumerID = *c.row.ConsumerID // its lock is held
		if !clean {
			return connect.Is(connect.BankAnswer), nil
		}
		return nil, nil
	}
	c.flow = &connect.Flow{}
	if err := c.NewSelect().Model(c.flow).Where("customer_id = (SELECT ?::bigint) AND id = ?", c.customerID, p.Flow.ID).For("UPDATE").Scan(ctx); err != nil {
		return nil, err
	}
	switch problem := ended(*c.flow); {
	case problem != nil:
		return problem, nil
	case !clean:
		return connect.Is(connect.BankAnswer), nil
	case len(c.brought) == 0:
		return connect.Is(connect.UserAccount), nil
	}
	if c.flow.RetentionMinutes != nil {
		at := c.now.Add(time.Duration(*c.flow.RetentionMinutes) * time.Minute)
		c.eraseAt = &at
	}
	if c.flow.ConsumerID == nil {
		made, err := c.createConsumer(ctx, t, NewConsumer{ExternalID: c.flow.ConsumerExternalID, eraseEmpty: c.eraseAt != nil})
		if err != nil {
			return nil, err
		}
		c.flow.ConsumerID = &made.ID
	}
	c.consumerID = *c.flow.ConsumerID
	if err := c.lockConsumers(ctx, c.customerID, []int64{c.consumerID}); err != nil {
		return nil, err
	}
	if c.eraseAt == nil { // what stays keeps its consumer
		_, err := c.ExecContext(ctx, "UPDATE consumers SET erase_empty = false WHERE customer_id = (SELECT ?::bigint) AND id = ? AND erase_empty", c.customerID, c.consumerID)
		return nil, err
	}
	return nil, nil
}

// accounts finds the stored account of each, updates it, and makes those that are new. Without the consumer no account
// is made: one that is not there was deleted meanwhile.
func (c *catch) accounts(ctx context.Context) error {
	known, err := c.known(ctx, c.customerID, c.consumerID, c.row.BankCode)
	if err != nil {
		return err
	}
	fetched := make([]connect.Account, len(c.brought))
	for i, b := range c.brought {
		fetched[i] = connect.Account{ID: b.bankID, Container: b.Container, Name: b.Name, Currency: b.Currency}
		if b.IBAN != nil {
			fetched[i].IBAN = *b.IBAN
		}
	}
	var fresh []accountRow
	for i, k := range connect.Match(c.row.BankCode, fetched, known) {
		b := &c.brought[i]
		b.CustomerID, b.ConsumerID, b.CreatedAt = c.customerID, c.consumerID, c.now
		switch {
		case k != nil:
			told := b.Account
			b.Account = k.Account
			if b.IBAN == nil && told.IBAN != nil {
				b.IBAN, c.learned = told.IBAN, true
			}
			if told.Balance != nil {
				b.Balance, b.BalanceAsOf = told.Balance, told.BalanceAsOf
			}
			if told.CreditLimit != nil {
				b.CreditLimit = told.CreditLimit
			}
		case c.flow != nil:
			b.isNew = true
			fresh = append(fresh, accountRow{b.Account, c.eraseAt})
		}
	}
	if len(fresh) > 0 {
		if _, err := c.NewInsert().Model(&fresh).Returning("id").Exec(ctx); err != nil {
			return err
		}
		c.changed = true
		for i := range c.brought {
			if c.brought[i].isNew {
				c.brought[i].Account, fresh = fresh[0].Account, fresh[1:]
			}
		}
	}
	c.brought = slices.DeleteFunc(c.brought, func(b one) bool { return b.ID == 0 })
	return c.updateAccounts(ctx)
}

// accountRow is an account's row.
type accountRow struct {
	bank.Account `bun:",extend"`
	EraseAt      *time.Time
}

// updateAccounts stores what the bank tells anew of known accounts. What was to be erased stays as long as the flow says
// that brought it again.
func (c *catch) updateAccounts(ctx context.Context) error {
	var there []int64
	var balances, moments, limits, ibans []*string
	for _, b := range c.brought {
		if b.isNew {
			continue
		}
		var moment *string
		if b.BalanceAsOf != nil {
			m := b.BalanceAsOf.UTC().Format(time.RFC3339Nano)
			moment = &m
		}
		there, balances, moments, limits, ibans = append(there, b.ID), append(balances, text(b.Balance)), append(moments, moment), append(limits, text(b.CreditLimit)), append(ibans, b.IBAN)
	}
	if there == nil {
		return nil
	}
	tag, err := c.pg.Exec(ctx, `UPDATE accounts a SET balance = u.balance::numeric, balance_as_of = u.as_of::timestamptz, credit_limit = u.credit_limit::numeric, iban = u.iban
		FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[]) AS u(id, balance, as_of, credit_limit, iban)
		WHERE a.customer_id = $1 AND a.consumer_id = $2 AND a.id = u.id AND (a.balance, a.balance_as_of, a.credit_limit, a.iban)
			IS DISTINCT FROM (u.balance::numeric, u.as_of::timestamptz, u.credit_limit::numeric, u.iban)`,
		c.customerID, c.consumerID, there, balances, moments, limits, ibans)
	if err != nil {
		return err
	}
	c.changed = c.changed || tag.RowsAffected() > 0
	if c.flow == nil {
		return nil
	}
	_, err = c.ExecContext(ctx, "UPDATE accounts SET erase_at = ? WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ANY(?::bigint[]) AND erase_at IS NOT NULL",
		c.eraseAt, c.customerID, c.consumerID, pgdialect.Array(there))
	return err
}

// around is how far beside the fetched days stored rows are looked at: a pending one may settle on another day.
const around = 30

// transactions makes the stored rows of the accounts what the bank says.
func (c *catch) transactions(ctx context.Context, days bank.Period) error {
	var names []string
	for _, b := range c.brought {
		for _, x := range b.rows {
			names = append(names, *x.ExternalID)
		}
	}
	var rows []bank.Transaction
	if err := c.NewSelect().Model(&rows).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND account_id = ANY(?::bigint[])", c.customerID, c.consumerID, pgdialect.Array(c.ids())).
		Where("(booking_date BETWEEN ? AND ? OR external_id = ANY(?::text[]))", days.From-around, days.To+around, pgdialect.Array(names)).
		OrderExpr("booking_date, id").Scan(ctx); err != nil {
		return err
	}
	stored := map[int64][]bank.Transaction{}
	for _, x := range rows {
		stored[x.AccountID] = append(stored[x.AccountID], x)
	}
	changes := make([]connect.Changes, len(c.brought))
	var renamed, deleted, seen []int64
	var called []string
	for i, b := range c.brought {
		changes[i] = connect.Reconcile(stored[b.ID], b.rows, bank.Period{From: max(days.From, b.from), To: days.To})
		for id, name := range changes[i].Rename {
			renamed, called = append(renamed, id), append(called, name)
		}
		deleted, seen = append(deleted, changes[i].Deleted...), append(seen, changes[i].Seen...)
	}
	if len(deleted) > 0 {
		if _, err := c.ExecContext(ctx, "DELETE FROM transactions WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ANY(?::bigint[])",
			c.customerID, c.consumerID, pgdialect.Array(deleted)); err != nil {
			return err
		}
	}
	if len(renamed) > 0 {
		if _, err := c.ExecContext(ctx, `UPDATE transactions t SET external_id = u.name, changed_at = ? FROM unnest(?::bigint[], ?::text[]) AS u(id, name)
			WHERE t.customer_id = (SELECT ?::bigint) AND t.consumer_id = ? AND t.id = u.id`, c.now, pgdialect.Array(renamed), pgdialect.Array(called), c.customerID, c.consumerID); err != nil {
			return err
		}
	}
	c.changed = c.changed || len(deleted)+len(renamed) > 0
	if c.flow != nil && len(seen) > 0 { // what was to be erased and comes again
		if _, err := c.ExecContext(ctx, "UPDATE transactions SET erase_at = ? WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ANY(?::bigint[]) AND erase_at IS NOT NULL",
			c.eraseAt, c.customerID, c.consumerID, pgdialect.Array(seen)); err != nil {
			return err
		}
	}
	return c.store(ctx, changes)
}

// store writes the rows of each account and matches the consumer's transfers after the last one.
func (c *catch) store(ctx context.Context, changes []connect.Changes) error {
	var all []bank.Transaction
	k, err := c.knowledge(ctx, c.customerID, []int64{c.consumerID})
	if err != nil {
		return err
	}
	for i, b := range c.brought {
		rows, err := prepare(b.Account, changes[i].Store, k)
		if err != nil {
			return err
		}
		all = append(all, rows...)
	}
	p, err := c.putTransactions(ctx, c.customerID, all, c.eraseAt)
	if err != nil {
		return err
	}
	c.created += p.Created
	c.changed = c.changed || p.consumers != nil
	switch {
	case c.learned:
		return c.matchTransfers(ctx, c.customerID, []int64{c.consumerID}, nil)
	case p.consumers != nil:
		return c.matchTransfers(ctx, c.customerID, p.consumers, &p.changed)
	}
	return nil
}

// links stores which accounts of the bank they are, and the consent under which they can be fetched again, which takes
// over from an earlier one of the same bank. That one is given back.
func (c *catch) links(ctx context.Context, p Part, f Fetched) error {
	var consentID *int64
	switch {
	case c.flow == nil:
		if f.Sealed != nil {
			if _, err := c.ExecContext(ctx, "UPDATE consents SET sealed = ? WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ? AND state = 'ACTIVE'",
				f.Sealed, c.customerID, c.consumerID, *c.row.ConsentID); err != nil {
				return err
			}
		}
	case c.flow.Storing && f.Sealed != nil:
		consent := connect.Consent{CustomerID: c.customerID, ConsumerID: c.consumerID, FlowID: c.flow.ID, BankCode: c.row.BankCode, BankName: f.BankName,
			State: connect.ConsentActive, Sealed: f.Sealed, Since: &p.Days.From, GrantedAt: c.now, ExpiresAt: c.now.AddDate(0, 0, p.Session.LifetimeDays)}
		if f.Until != nil && f.Until.Before(consent.ExpiresAt) {
			consent.ExpiresAt = *f.Until
		}
		if _, err := c.NewInsert().Model(&consent).Returning("id").Exec(ctx); err != nil {
			return err
		}
		consentID, c.consentStored = &consent.ID, true
	}
	if len(c.brought) == 0 {
		return nil
	}
	rows, bankIDs := make([]link, len(c.brought)), make([]string, len(c.brought))
	for i, b := range c.brought {
		rows[i] = link{CustomerID: c.customerID, ConsumerID: c.consumerID, AccountID: b.ID, BankCode: c.row.BankCode, BankAccountID: b.bankID, ConsentID: consentID, RefreshedAt: c.now}
		bankIDs[i] = b.bankID
	}
	// Under another access an account can have another id. The old one is needed as long as the old access is.
	if c.flow != nil {
		if _, err := c.ExecContext(ctx, `DELETE FROM account_links WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND bank_code = ? AND account_id = ANY(?::bigint[])
			AND bank_account_id <> ALL(?::text[]) AND (consent_id IS NULL OR ?)`,
			c.customerID, c.consumerID, c.row.BankCode, pgdialect.Array(c.ids()), pgdialect.Array(bankIDs), c.consentStored); err != nil {
			return err
		}
	}
	if _, err := c.NewInsert().Model(&rows).On("CONFLICT (customer_id, consumer_id, bank_code, bank_account_id) DO UPDATE").
		Set("account_id = excluded.account_id, refreshed_at = excluded.refreshed_at, consent_id = coalesce(excluded.consent_id, link.consent_id)").
		Returning("NULL").Exec(ctx); err != nil {
		return err
	}
	if !c.consentStored {
		return nil
	}
	const replaced = "c.customer_id = (SELECT ?::bigint) AND c.consumer_id = ? AND c.bank_code = ? AND " + unlinked
	if err := c.giveBack(ctx, replaced, c.customerID, c.consumerID, c.row.BankCode); err != nil {
		return err
	}
	_, err := c.ExecContext(ctx, "UPDATE consents c SET state = 'REPLACED', sealed = NULL, closed_at = ? WHERE c.state = 'ACTIVE' AND "+replaced, c.now, c.customerID, c.consumerID, c.row.BankCode)
	return err
}

// schedules notes that the accounts have been refreshed.
func (c *catch) schedules(ctx context.Context) error {
	schedules, err := c.Tx.schedules(ctx, c.customerID, c.consumerID, c.ids())
	if err != nil {
		return err
	}
	for i := range schedules {
		schedules[i].Went(nil, c.now)
		if schedules[i].ConsentAuthorizationRequired {
			schedules[i].NextRefreshAt = nil
		}
	}
	return c.saveSchedules(ctx, schedules)
}

// end ends the part, its refresh and its flow well.
func (c *catch) end(ctx context.Context) error {
	if _, err := c.ExecContext(ctx, "UPDATE refresh_parts SET state = 'DONE', lease_until = NULL, accounts = '{}', consumer_id = ? WHERE id = ?",
		c.consumerID, c.row.ID); err != nil {
		return err
	}
	action, of := "finishRefresh", connect.Refresh{ID: c.row.RefreshID}.Ref()
	if c.flow != nil {
		action, of = "finishFlow", c.flow.Ref()
	}
	c.record(Call{}, c.customerID, action, subject{of, c.consumerID})
	if c.flow != nil {
		c.flow.Finish(c.consumerID, c.ids(), c.consentStored, c.now)
		if _, err := c.NewUpdate().Model(c.flow).Where("customer_id = (SELECT ?::bigint) AND id = ?", c.flow.CustomerID, c.flow.ID).Exec(ctx); err != nil {
			return err
		}
	}
	if _, err := c.ExecContext(ctx, `UPDATE refreshes SET consumer_id = ?, created = created + ?, parts_left = parts_left - 1,
			state = CASE WHEN parts_left > 1 THEN state WHEN problem IS NULL THEN 'FINISHED' ELSE 'EXCEPTION' END,
			finished_at = CASE WHEN parts_left > 1 THEN NULL ELSE ?::timestamptz END
		WHERE customer_id = (SELECT ?::bigint) AND id = ?`, c.consumerID, c.created, c.now, c.customerID, c.row.RefreshID); err != nil {
		return err
	}
	return c.settle(ctx, []int64{c.customerID}, []int64{c.row.RefreshID})
}
