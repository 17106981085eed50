package store

import (
	"cmp"
	"context"

	"github.com/uptrace/bun"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/page"
)

var accounts = kind[bank.Account]{
	model: modelOf[bank.Account](), table: "accounts", alias: "account", keys: "account.consumer_id, account.id AS account_id", order: order{id: "account.id"},
	compare: func(a, b *bank.Account) int { return cmp.Compare(b.ID, a.ID) },
	cursor:  func(a bank.Account) page.Cursor { return page.Cursor{ID: a.ID} },
	owner:   func(a *bank.Account) int64 { return a.ConsumerID },
}

// AccountsOf queues the accounts of consumers, the newest first.
func (r *Reads) AccountsOf(consumers Parents, f bank.AccountFilter, a page.Args) *Lists[bank.Account] {
	return lists(r, &accounts, consumers, a, func(q *query) {
		r.t.mine(q, "account.customer_id", "account.consumer_id")
		if f.Containers != nil {
			q.sift(" AND account.container = ANY(?::text[])", texts(f.Containers))
		}
		if f.Statuses != nil {
			q.sift(" AND account.status = ANY(?::text[])", texts(f.Statuses))
		}
	})
}

// AccountsByRef queues accounts; unknown ones are left out.
func (r *Reads) AccountsByRef(refs []bank.Ref) *Found[bank.Ref, bank.Account] {
	return byRef(r, &accounts, bank.KindAccount, refs)
}

// Account finds one account.
func (t Tenant) Account(ctx context.Context, ref bank.Ref) (a bank.Account, err error) {
	r := t.Reads()
	return oneOf(ctx, r, r.AccountsByRef([]bank.Ref{ref}), ref, "accountId", "Account")
}

func (tx *Tx) account(ctx context.Context, t Tenant, ref bank.Ref, a *bank.Account) error {
	if !t.may(ref, bank.KindAccount) {
		return fault.Unknown("accountId", "Account")
	}
	*a = bank.Account{}
	err := tx.NewSelect().Model(a).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", t.customerID, ref.ConsumerID, ref.ID).Scan(ctx)
	return notFound(err, "accountId", "Account")
}

// AccountsByRef finds many accounts; unknown ones are left out.
func (t Tenant) AccountsByRef(ctx context.Context, refs []bank.Ref) (map[bank.Ref]bank.Account, error) {
	r := t.Reads()
	found := r.AccountsByRef(refs)
	err := r.Send(ctx)
	return found.Map(), err
}

// NewAccount is an account to be made. Without a consumer, one is made for it.
type NewAccount struct {
	Consumer           *bank.Ref
	ConsumerExternalID *string
	Account            bank.Account
}

// CreateAccount makes an account, or updates and returns the consumer's account with the same external id. A consumer
// that is not there yet is made: for an unknown ConsumerExternalID, or when none is named. Then a known external id
// means the account of that name, if the customer has just one.
func (t Tenant) CreateAccount(ctx context.Context, n NewAccount, key *string) (a bank.Account, err error) {
	if err := t.customerOnly(); err != nil {
		return a, err
	}
	a = n.Account
	a.Status = bank.AccountActive
	faults := a.Check()
	if n.Consumer != nil && n.ConsumerExternalID != nil {
		faults.Add(fault.New(fault.NotAllowed, "consumerExternalId", "consumerId and consumerExternalId cannot be combined"))
	}
	faults = append(faults, fault.Of((NewConsumer{ExternalID: n.ConsumerExternalID}).check("consumerExternalId"))...)
	if n.Consumer != nil && len(faults) > 0 { // is it a fault too?
		_, err := t.Consumer(ctx, *n.Consumer)
		return a, fault.Beside(err, faults)
	}
	if err := faults.Err(); err != nil {
		return a, err
	}
	if n.Consumer != nil && !t.may(*n.Consumer, bank.KindConsumer) {
		return a, fault.Unknown("consumerId", "Consumer")
	}
	checked := a
	err = t.change(ctx, "createAccount", key, func(tx *Tx) error {
		owner, err := tx.ownerOf(ctx, t, n)
		if err != nil {
			return err
		}
		stored := checked
		stored.CustomerID, stored.ConsumerID, stored.CreatedAt = t.customerID, owner, tx.now
		if err := tx.saveAccount(ctx, t, n.Account, &stored); err != nil {
			return err
		}
		tx.about(stored.Ref())
		return tx.account(ctx, t, stored.Ref(), &a)
	}, &a)
	return a, err
}

// ownerOf finds or makes the consumer of a new account, and holds its lock.
func (tx *Tx) ownerOf(ctx context.Context, t Tenant, n NewAccount) (int64, error) {
	id := int64(0)
	switch {
	case n.Consumer != nil:
		var c bank.Consumer
		if err := tx.consumer(ctx, t, n.Consumer.ID, &c, "NO KEY UPDATE"); err != nil {
			return 0, err
		}
		id = c.ID
	case n.ConsumerExternalID != nil:
		c, err := tx.createConsumer(ctx, t, NewConsumer{ExternalID: n.ConsumerExternalID})
		if err != nil {
			return 0, err
		}
		id = c.ID
	default:
		if n.Account.ExternalID != nil {
			// Two equal calls at once must not make two consumers.
			if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, ?))", *n.Account.ExternalID, t.customerID); err != nil {
				return 0, err
			}
			var owners []int64
			if err := tx.NewSelect().Model((*bank.Account)(nil)).Column("consumer_id").
				Where("customer_id = (SELECT ?::bigint) AND external_id = ?", t.customerID, *n.Account.ExternalID).Limit(2).Scan(ctx, &owners); err != nil {
				return 0, err
			}
			switch len(owners) {
			case 1:
				id = owners[0]
			case 2:
				return 0, fault.New(fault.NotAllowed, "externalId", "Several consumers have an account with this externalId; name the consumer")
			}
		}
		if id == 0 {
			c, err := tx.createConsumer(ctx, t, NewConsumer{})
			if err != nil {
				return 0, err
			}
			id = c.ID
		}
	}
	return id, tx.touch(ctx, t.customerID, []int64{id})
}

// saveAccount inserts an account, as it was given and completed, or updates the one with the same external id. The currency of
// an account with transactions stays.
func (tx *Tx) saveAccount(ctx context.Context, t Tenant, given bank.Account, a *bank.Account) error {
	if a.ExternalID != nil {
		var old bank.Account
		err := tx.NewSelect().Model(&old).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND external_id = ?", t.customerID, a.ConsumerID, *a.ExternalID).Scan(ctx)
		if err == nil {
			return tx.replaceAccount(ctx, t, old, given, a)
		}
		if !none(err) {
			return err
		}
	}
	_, err := tx.NewInsert().Model(a).Returning("id").Exec(ctx)
	return err
}

func (tx *Tx) replaceAccount(ctx context.Context, t Tenant, old, given bank.Account, a *bank.Account) error {
	if old.Currency != a.Currency {
		used, err := tx.NewSelect().Model((*bank.Transaction)(nil)).
			Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND account_id = ?", t.customerID, old.ConsumerID, old.ID).Limit(1).Exists(ctx)
		if err != nil {
			return err
		}
		if used {
			return fault.New(fault.NotAllowed, "currency", "The currency of an account with transactions cannot be changed")
		}
	}
	// What was left out stays as it is.
	a.ID, a.CreatedAt, a.Status, a.DataSourceID = old.ID, old.CreatedAt, old.Status, old.DataSourceID
	if given.Type == "" {
		a.Type = old.Type
	}
	if given.ProviderName == "" {
		a.ProviderName = old.ProviderName
	}
	if a.IBAN == nil {
		a.IBAN = old.IBAN
	}
	if a.Balance == nil && a.Currency == old.Currency {
		a.Balance, a.BalanceAsOf = old.Balance, old.BalanceAsOf
	}
	if a.CreditLimit == nil && a.Currency == old.Currency {
		a.CreditLimit = old.CreditLimit
	}
	if a.OpenedOn == nil {
		a.OpenedOn = old.OpenedOn
	}
	if _, err := tx.NewUpdate().Model(a).ExcludeColumn("created_at").Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", a.CustomerID, a.ConsumerID, a.ID).Exec(ctx); err != nil {
		return err
	}
	return tx.accountChanged(ctx, old, *a)
}

// accountChanged matches a consumer's transfers again where an account's status changed, or what tells its transfers.
func (tx *Tx) accountChanged(ctx context.Context, old, now bank.Account) error {
	if old.Status == now.Status && old.Container == now.Container && equal(old.IBAN, now.IBAN) && old.Name == now.Name && old.ProviderName == now.ProviderName {
		return nil
	}
	return tx.matchTransfers(ctx, now.CustomerID, []int64{now.ConsumerID}, nil)
}

// UpdateAccount changes an account inside its consumer's lock. An account that is no longer ACTIVE, or is again, takes
// part in transfers accordingly.
func (t Tenant) UpdateAccount(ctx context.Context, ref bank.Ref, change func(*bank.Account) error) (a bank.Account, err error) {
	err = t.change(ctx, "updateAccount", nil, func(tx *Tx) error {
		if err := tx.account(ctx, t, ref, &a); err != nil {
			return err
		}
		tx.about(ref)
		if err := tx.touch(ctx, t.customerID, []int64{a.ConsumerID}); err != nil {
			return err
		}
		if err := tx.account(ctx, t, ref, &a); err != nil { // as it is under the lock
			return err
		}
		old := a
		if err := change(&a); err != nil {
			return err
		}
		a.CustomerID, a.ConsumerID, a.ID, a.CreatedAt, a.Currency = old.CustomerID, old.ConsumerID, old.ID, old.CreatedAt, old.Currency
		if _, err := tx.NewUpdate().Model(&a).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", a.CustomerID, a.ConsumerID, a.ID).Exec(ctx); err != nil {
			return err
		}
		return tx.accountChanged(ctx, old, a)
	}, &a)
	return a, err
}

// DeleteAccount erases an account with its transactions.
func (t Tenant) DeleteAccount(ctx context.Context, ref bank.Ref) (deleted int, err error) {
	err = t.change(ctx, "deleteAccount", nil, func(tx *Tx) error {
		var a bank.Account
		if err := tx.account(ctx, t, ref, &a); err != nil {
			return err
		}
		tx.about(ref)
		if err := tx.touch(ctx, t.customerID, []int64{a.ConsumerID}); err != nil {
			return err
		}
		var consents []connect.Consent
		if err := tx.NewSelect().Model(&consents).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", t.customerID, a.ConsumerID).
			Where("id IN (SELECT consent_id FROM account_links WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND account_id = ?)", t.customerID, a.ConsumerID, a.ID).Scan(ctx); err != nil {
			return err
		}
		for _, table := range []string{"account_months", "category_months", "transactions"} {
			n, err := tx.affected(ctx, "DELETE FROM ? WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND account_id = ?", bun.Ident(table), t.customerID, a.ConsumerID, a.ID)
			if err != nil {
				return err
			}
			deleted = n // in the end those of the last one, the transactions
		}
		if n, err := tx.affected(ctx, "DELETE FROM accounts WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", t.customerID, a.ConsumerID, a.ID); err != nil || n == 0 {
			return notFoundIf(n == 0, err, "accountId", "Account")
		}
		if err := tx.dropConsents(ctx, t.customerID, consents); err != nil {
			return err
		}
		if err := tx.unlearn(ctx, t.customerID, []int64{a.ConsumerID}); err != nil {
			return err
		}
		return tx.matchTransfers(ctx, t.customerID, []int64{a.ConsumerID}, nil)
	}, &deleted)
	return deleted, err
}

// notFoundIf is err, or the fault that something is not there.
func notFoundIf(missing bool, err error, field, what string) error {
	if err == nil && missing {
		return fault.Unknown(field, what)
	}
	return err
}
