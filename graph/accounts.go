package graph

import (
	"context"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/page"
	"insightgraph/store"
)

// CreateAccount makes an account, or updates the one with the same externalId.
func (r mutation) CreateAccount(ctx context.Context, in generated.CreateAccountInput) (*generated.CreateAccountPayload, error) {
	var faults fault.Many
	a := bank.Account{ExternalID: in.ExternalID, Container: in.Container, Type: orZero(in.Type), Name: in.Name,
		ProviderName: orZero(in.ProviderName), Currency: in.Currency, IBAN: in.Iban, BalanceAsOf: in.BalanceAsOf, Status: bank.AccountActive}
	a.Balance = amountIn("balance", in.Balance, a.Currency, &faults)
	a.CreditLimit = limitIn(in.CreditLimit, a.Currency, &faults)
	if len(faults) > 0 { // the rest of what is wrong, which the store would only say if this were right
		checked := a
		return nil, append(faults, checked.Check()...).Err()
	}
	made, err := r.mine(ctx).CreateAccount(ctx, store.NewAccount{Consumer: in.ConsumerID, ConsumerExternalID: in.ConsumerExternalID, Account: a}, in.IdempotencyKey)
	return &generated.CreateAccountPayload{Account: made}, err
}

// amountIn is an optional amount that must be in the account's currency.
func amountIn(field string, m *generated.MoneyInput, currency bank.Currency, faults *fault.Many) *decimal.Decimal {
	if m == nil {
		return nil
	}
	money, f := bank.Money{Amount: m.Amount, Currency: m.Currency}.Check(field)
	if f == nil && m.Currency != currency {
		f = fault.Invalid(field+".currency", "Invalid value for currency; the account's currency is %s", currency)
	}
	faults.Add(f)
	return &money.Amount
}

// limitIn is an optional credit limit.
func limitIn(m *generated.MoneyInput, currency bank.Currency, faults *fault.Many) *decimal.Decimal {
	limit := amountIn("creditLimit", m, currency, faults)
	if limit != nil && limit.IsNeg() {
		faults.Add(fault.Invalid("creditLimit.amount", "Invalid value for amount; a credit limit is not negative"))
	}
	return limit
}

// UpdateAccount changes an account.
func (r mutation) UpdateAccount(ctx context.Context, in generated.UpdateAccountInput) (*generated.UpdateAccountPayload, error) {
	if in == (generated.UpdateAccountInput{AccountID: in.AccountID}) {
		return nil, nothing
	}
	a, err := r.mine(ctx).UpdateAccount(ctx, in.AccountID, func(a *bank.Account) error {
		var faults fault.Many
		set(&a.Name, in.Name)
		set(&a.ProviderName, in.ProviderName)
		set(&a.Type, in.Type)
		set(&a.Status, in.Status)
		if in.Balance != nil {
			a.Balance, a.BalanceAsOf = amountIn("balance", in.Balance, a.Currency, &faults), nil
		}
		if in.BalanceAsOf != nil {
			a.BalanceAsOf = in.BalanceAsOf
		}
		if in.CreditLimit != nil {
			a.CreditLimit = limitIn(in.CreditLimit, a.Currency, &faults)
		}
		return append(faults, a.Check()...).Err()
	})
	return &generated.UpdateAccountPayload{Account: a}, at("accountId", err)
}

// DeleteAccount erases an account.
func (r mutation) DeleteAccount(ctx context.Context, in generated.DeleteAccountInput) (*generated.DeleteAccountPayload, error) {
	n, err := r.mine(ctx).DeleteAccount(ctx, in.AccountID)
	return &generated.DeleteAccountPayload{DeletedAccountID: in.AccountID, DeletedTransactionCount: n}, at("accountId", err)
}

// Consumer finds the consumers of accounts.
func (r account) Consumer(ctx context.Context, objs []*bank.Account) ([]*bank.Consumer, error) {
	return consumersOf(ctx, r.Resolver, objs, func(a *bank.Account) int64 { return a.ConsumerID })
}

// Transactions lists the transactions of accounts.
func (r account) Transactions(ctx context.Context, objs []*bank.Account, filter *bank.TransactionFilter, first *int, after *string, last *int, before *string) ([]*page.Of[bank.Transaction], error) {
	return pagesOf(ctx, r.Resolver, objs, accountRef, store.AccountParents, func(reads *store.Reads, of store.Parents) (*store.Lists[bank.Transaction], error) {
		return transactionsOf(ctx, reads, of, filter, relayArgs{first, after, last, before})
	})
}

func accountRef(a *bank.Account) bank.Ref { return a.Ref() }
