package graph

import (
	"context"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/page"
)

// transactionArgs reads the arguments of every list of transactions.
func transactionArgs(ctx context.Context, filter *bank.TransactionFilter, first *int, after *string, last *int, before *string) (bank.TransactionFilter, page.Args, error) {
	f := orZero(filter)
	a, err := pageArgs(byDay, first, after, last, before)
	a.Fields = wanted(ctx, "Transaction")
	faults := append(f.Check("filter"), fault.Of(err)...)
	if err := faults.Err(); err != nil {
		return f, a, err
	}
	return f, a, onlyOwn(ctx, "filter.consumerIds", f.ConsumerIDs)
}

// Transactions lists transactions of all the viewer's consumers.
func (r query) Transactions(ctx context.Context, filter *bank.TransactionFilter, first *int, after *string, last *int, before *string) (*page.Of[bank.Transaction], error) {
	f, a, err := transactionArgs(ctx, filter, first, after, last, before)
	if err != nil {
		return nil, err
	}
	p, err := r.mine(ctx).Transactions(ctx, f, a)
	if err != nil {
		return nil, err
	}
	rememberPages(ctx, p)
	return p, nil
}

// CreateTransactions puts rows into an account.
func (r mutation) CreateTransactions(ctx context.Context, in generated.CreateTransactionsInput) (*generated.CreateTransactionsPayload, error) {
	s, a, err := r.mine(ctx).CreateTransactions(ctx, in.AccountID, each(in.Transactions, newTransaction), in.IdempotencyKey)
	return &generated.CreateTransactionsPayload{CreatedCount: s.Created, UpdatedCount: s.Updated, UnchangedCount: s.Unchanged, Account: a}, at("accountId", err)
}

func newTransaction(in generated.TransactionInput) bank.Transaction {
	x := bank.Transaction{ExternalID: in.ExternalID, BaseType: orZero(in.BaseType), Amount: in.Amount.Amount, Currency: in.Amount.Currency,
		BookingDate: in.BookingDate, ValueDate: in.ValueDate, Status: orZero(in.Status), Description: orZero(in.Description), MCC: in.Mcc}
	if in.Counterparty != nil {
		x.CounterpartyName, x.CounterpartyIBAN = in.Counterparty.Name, in.Counterparty.Iban
	}
	if in.CategoryID != nil {
		x.CategoryID = categoryOf(*in.CategoryID)
	}
	return x
}

// categoryOf is the number of a category, or one that no category has.
func categoryOf(ref bank.Ref) int {
	if c, ok := category.ByID(int(ref.ID)); ok && c.Ref() == ref {
		return c.ID
	}
	return -1
}

// UpdateTransaction corrects a transaction. An amount without a baseType keeps the side unless it is negative.
func (r mutation) UpdateTransaction(ctx context.Context, in generated.UpdateTransactionInput) (*generated.UpdateTransactionPayload, error) {
	if in == (generated.UpdateTransactionInput{TransactionID: in.TransactionID}) {
		return nil, nothing
	}
	x, err := r.mine(ctx).UpdateTransaction(ctx, in.TransactionID, func(x *bank.Transaction) error {
		if in.Amount != nil {
			x.Amount, x.Currency = in.Amount.Amount, in.Amount.Currency
			if x.Amount.IsNeg() {
				x.BaseType = ""
			}
		}
		set(&x.BaseType, in.BaseType)
		set(&x.BookingDate, in.BookingDate)
		set(&x.Status, in.Status)
		set(&x.Description, in.Description)
		if in.ValueDate != nil {
			x.ValueDate = in.ValueDate
		}
		return nil // the store checks the whole transaction
	})
	return &generated.UpdateTransactionPayload{Transaction: x}, at("transactionId", err)
}

// DeleteTransactions deletes all that are named, or none.
func (r mutation) DeleteTransactions(ctx context.Context, in generated.DeleteTransactionsInput) (*generated.DeleteTransactionsPayload, error) {
	n, err := r.mine(ctx).DeleteTransactions(ctx, in.TransactionIds)
	return &generated.DeleteTransactionsPayload{DeletedCount: n}, at("transactionIds", err)
}

// CategorizeTransaction is a person's correction.
func (r mutation) CategorizeTransaction(ctx context.Context, in generated.CategorizeTransactionInput) (*generated.CategorizeTransactionPayload, error) {
	similar := orZero(in.ApplyTo) == generated.CategorizeScopeSimilar
	x, n, err := r.mine(ctx).Categorize(ctx, in.TransactionID, categoryOf(in.CategoryID), similar)
	return &generated.CategorizeTransactionPayload{Transaction: x, AffectedCount: n}, at("transactionId", err)
}

// SeparateTransfer undoes a wrong match.
func (r mutation) SeparateTransfer(ctx context.Context, in generated.SeparateTransferInput) (*generated.SeparateTransferPayload, error) {
	both, err := r.mine(ctx).SeparateTransfer(ctx, in.TransactionID)
	return &generated.SeparateTransferPayload{Transactions: both}, at("transactionId", err)
}

// Account finds the accounts of transactions.
func (r transaction) Account(ctx context.Context, objs []*bank.Transaction) ([]*bank.Account, error) {
	ref := func(x *bank.Transaction) bank.Ref {
		return bank.Ref{Kind: bank.KindAccount, ConsumerID: x.ConsumerID, ID: x.AccountID}
	}
	return batch(ctx, objs, ref, func(objs []*bank.Transaction) ([]*bank.Account, error) {
		refs := each(objs, ref)
		found, err := r.mine(ctx).AccountsByRef(ctx, refs)
		if err != nil {
			return nil, err
		}
		accounts, err := pick(found, refs)
		remember(ctx, accounts)
		return accounts, err
	})
}

// Category finds the categories of transactions.
func (transaction) Category(_ context.Context, objs []*bank.Transaction) ([]*category.Category, error) {
	return each(objs, func(x *bank.Transaction) *category.Category { return categoryBy(x.CategoryID) }), nil
}

// categories are all that there are, by their numbers.
var categories = func() map[int]*category.Category {
	all := map[int]*category.Category{}
	for _, c := range category.Tree() {
		all[c.ID] = &c
	}
	return all
}()

// categoryBy is a category by its number, or none for one of a newer version of this server.
func categoryBy(id int) *category.Category {
	if c := categories[id]; c != nil {
		return c
	}
	return categories[category.None]
}

// Transfer finds the other legs of transactions, nil where there is none.
func (r transaction) Transfer(ctx context.Context, objs []*bank.Transaction) ([]*bank.Transaction, error) {
	ref := func(x *bank.Transaction) bank.Ref {
		return bank.Ref{Kind: bank.KindTransaction, ConsumerID: x.ConsumerID, ID: orZero(x.TransferID)}
	}
	return batch(ctx, objs, ref, func(objs []*bank.Transaction) ([]*bank.Transaction, error) {
		legs := make([]*bank.Transaction, len(objs))
		var refs []bank.Ref
		for _, x := range objs {
			if x.TransferID != nil {
				refs = append(refs, ref(x))
			}
		}
		if refs == nil {
			return legs, nil
		}
		found, err := r.mine(ctx).TransactionsByRef(ctx, refs)
		for i, x := range objs {
			if leg, ok := found[ref(x)]; ok {
				legs[i] = &leg
			}
		}
		remember(ctx, present(legs))
		return legs, err
	})
}
