package store

import (
	"context"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/page"
)

// Account finds one account.
func (t Tenant) Account(ctx context.Context, ref bank.Ref) (a bank.Account, err error) {
	err = t.in(ctx, func(tx *Tx) error { return tx.account(ctx, t, ref, &a) })
	return a, err
}

func (tx *Tx) account(ctx context.Context, t Tenant, ref bank.Ref, a *bank.Account) error {
	if !t.may(ref, bank.KindAccount) {
		return fault.Unknown("accountId", "Account")
	}
	*a = bank.Account{}
	err := tx.NewSelect().Model(a).Where("customer_id = ? AND consumer_id = ? AND id = ?", t.customerID, ref.ConsumerID, ref.ID).Scan(ctx)
	return notFound(err, "accountId", "Account")
}

// AccountsByRef finds many accounts; unknown ones are left out.
func (t Tenant) AccountsByRef(ctx context.Context, refs []bank.Ref) (map[bank.Ref]bank.Account, error) {
	consumers, ids := t.keys(refs, bank.KindAccount)
	var rows []bank.Account
	err := t.in(ctx, func(tx *Tx) error {
		return tx.NewSelect().Model(&rows).Where("customer_id = ?", t.customerID).Where("(consumer_id, id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[]))",
			pgdialect.Array(consumers), pgdialect.Array(ids)).Scan(ctx)
	})
	found := make(map[bank.Ref]bank.Account, len(rows))
	for _, a := range rows {
		found[a.Ref()] = a
	}
	return found, err
}

// Accounts lists each consumer's accounts, the newest first, one page per consumer in the order of the ids.
func (t Tenant) Accounts(ctx context.Context, consumerIDs []int64, filter bank.AccountFilter, a page.Args) ([]*page.Of[bank.Account], error) {
	narrow := func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("customer_id = ? AND consumer_id = p.consumer_id", t.customerID).Apply(t.own("consumer_id"))
		if filter.Containers != nil {
			q = q.Where("container IN (?)", bun.List(filter.Containers))
		}
		if filter.Statuses != nil {
			q = q.Where("status IN (?)", bun.List(filter.Statuses))
		}
		return q
	}
	var rows []struct {
		N            int
		bank.Account `bun:",extend"`
	}
	err := t.in(ctx, func(tx *Tx) error {
		inner := byID.cut(tx.NewSelect().Model((*bank.Account)(nil)).Apply(narrow), a)
		return tx.NewSelect().ColumnExpr("p.n, x.*").
			TableExpr("unnest(?::bigint[]) WITH ORDINALITY AS p(consumer_id, n)", pgdialect.Array(consumerIDs)).
			Join("CROSS JOIN LATERAL (?) AS x", inner).Apply(byID.outside(a)).Scan(ctx, &rows)
	})
	if err != nil {
		return nil, err
	}
	total := counts(func(ctx context.Context) (map[int]int, error) {
		return t.countEach(ctx, "unnest(?::bigint[]) WITH ORDINALITY AS p(consumer_id, n)", []any{pgdialect.Array(consumerIDs)},
			func(tx *Tx) *bun.SelectQuery { return tx.NewSelect().Model((*bank.Account)(nil)).Apply(narrow) })
	})
	parts := make([][]bank.Account, len(consumerIDs))
	for _, r := range rows {
		parts[r.N-1] = append(parts[r.N-1], r.Account)
	}
	return pages(a, parts, func(x bank.Account) page.Cursor { return page.Cursor{ID: x.ID} }, total), nil
}

// pages makes one page of each part, whose rows are in reading order.
func pages[T any](a page.Args, parts [][]T, key func(T) page.Cursor, total func(int) func(context.Context) (int, error)) []*page.Of[T] {
	out := make([]*page.Of[T], len(parts))
	for i, rows := range parts {
		out[i] = page.New(a, rows, key, total(i))
	}
	return out
}

// countEach counts the rows behind each parent in one statement.
func (t Tenant) countEach(ctx context.Context, parents string, args []any, query func(*Tx) *bun.SelectQuery) (map[int]int, error) {
	var rows []struct{ N, Count int }
	err := t.in(ctx, func(tx *Tx) error {
		inner := query(tx).ColumnExpr("count(*) AS count")
		return tx.NewSelect().ColumnExpr("p.n, x.count").TableExpr(parents, args...).Join("CROSS JOIN LATERAL (?) AS x", inner).Scan(ctx, &rows)
	})
	all := make(map[int]int, len(rows))
	for _, r := range rows {
		all[r.N-1] = r.Count
	}
	return all, err
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
	var answer struct{ Account bank.Ref }
	err = t.in(ctx, func(tx *Tx) error {
		return tx.idempotent(ctx, t, "createAccount", key, n, &answer, func() error {
			owner, err := tx.ownerOf(ctx, t, n)
			if err != nil {
				return err
			}
			stored := a
			stored.CustomerID, stored.ConsumerID, stored.CreatedAt = t.customerID, owner, tx.now
			if err := tx.saveAccount(ctx, t, &stored); err != nil {
				return err
			}
			answer.Account = stored.Ref()
			return nil
		})
	})
	if err != nil {
		return a, err
	}
	return t.Account(ctx, answer.Account)
}

// ownerOf finds or makes the consumer of a new account, and holds its lock.
func (tx *Tx) ownerOf(ctx context.Context, t Tenant, n NewAccount) (int64, error) {
	id := int64(0)
	switch {
	case n.Consumer != nil:
		var c bank.Consumer
		if err := tx.consumer(ctx, t, n.Consumer.ID, &c, ""); err != nil {
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
				Where("customer_id = ? AND external_id = ?", t.customerID, *n.Account.ExternalID).Limit(2).Scan(ctx, &owners); err != nil {
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

// saveAccount inserts an account or updates the one with the same external id. The currency of an account with
// transactions stays.
func (tx *Tx) saveAccount(ctx context.Context, t Tenant, a *bank.Account) error {
	if a.ExternalID != nil {
		var old bank.Account
		err := tx.NewSelect().Model(&old).Where("customer_id = ? AND consumer_id = ? AND external_id = ?", t.customerID, a.ConsumerID, *a.ExternalID).Scan(ctx)
		if err == nil {
			return tx.replaceAccount(ctx, t, old, a)
		}
		if !none(err) {
			return err
		}
	}
	_, err := tx.NewInsert().Model(a).Returning("id").Exec(ctx)
	return err
}

func (tx *Tx) replaceAccount(ctx context.Context, t Tenant, old bank.Account, a *bank.Account) error {
	if old.Currency != a.Currency {
		used, err := tx.NewSelect().Model((*bank.Transaction)(nil)).
			Where("customer_id = ? AND consumer_id = ? AND account_id = ?", t.customerID, old.ConsumerID, old.ID).Limit(1).Exists(ctx)
		if err != nil {
			return err
		}
		if used {
			return fault.New(fault.NotAllowed, "currency", "The currency of an account with transactions cannot be changed")
		}
	}
	// What was left out stays as it is.
	a.ID, a.CreatedAt, a.Status = old.ID, old.CreatedAt, old.Status
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
	if _, err := tx.NewUpdate().Model(a).ExcludeColumn("created_at").WherePK().Exec(ctx); err != nil {
		return err
	}
	return tx.accountChanged(ctx, old, *a)
}

// accountChanged matches a consumer's transfers again where an account's status changed, or what tells its transfers.
func (tx *Tx) accountChanged(ctx context.Context, old, now bank.Account) error {
	if old.Status == now.Status && equal(old.IBAN, now.IBAN) && old.Name == now.Name && old.ProviderName == now.ProviderName {
		return nil
	}
	return tx.matchTransfers(ctx, now.CustomerID, []int64{now.ConsumerID}, nil)
}

// UpdateAccount changes an account inside its consumer's lock. An account that is no longer ACTIVE, or is again, takes
// part in transfers accordingly.
func (t Tenant) UpdateAccount(ctx context.Context, ref bank.Ref, change func(*bank.Account) error) (a bank.Account, err error) {
	err = t.in(ctx, func(tx *Tx) error {
		if err := tx.account(ctx, t, ref, &a); err != nil {
			return err
		}
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
		if _, err := tx.NewUpdate().Model(&a).WherePK().Exec(ctx); err != nil {
			return err
		}
		return tx.accountChanged(ctx, old, a)
	})
	return a, err
}

// DeleteAccount erases an account with its transactions.
func (t Tenant) DeleteAccount(ctx context.Context, ref bank.Ref) (deleted int, err error) {
	err = t.in(ctx, func(tx *Tx) error {
		var a bank.Account
		if err := tx.account(ctx, t, ref, &a); err != nil {
			return err
		}
		if err := tx.touch(ctx, t.customerID, []int64{a.ConsumerID}); err != nil {
			return err
		}
		for _, table := range []string{"account_months", "category_months", "transactions"} {
			n, err := tx.affected(ctx, "DELETE FROM ? WHERE customer_id = ? AND consumer_id = ? AND account_id = ?", bun.Ident(table), t.customerID, a.ConsumerID, a.ID)
			if err != nil {
				return err
			}
			deleted = n // in the end those of the last one, the transactions
		}
		if n, err := tx.affected(ctx, "DELETE FROM accounts WHERE customer_id = ? AND consumer_id = ? AND id = ?", t.customerID, a.ConsumerID, a.ID); err != nil || n == 0 {
			return notFoundIf(n == 0, err, "accountId", "Account")
		}
		if err := tx.unlearn(ctx, t.customerID, []int64{a.ConsumerID}); err != nil {
			return err
		}
		return tx.matchTransfers(ctx, t.customerID, []int64{a.ConsumerID}, nil)
	})
	return deleted, err
}

// notFoundIf is err, or the fault that something is not there.
func notFoundIf(missing bool, err error, field, what string) error {
	if err == nil && missing {
		return fault.Unknown(field, what)
	}
	return err
}
