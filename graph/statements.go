package graph

import (
	"cmp"
	"context"
	"errors"
	"io"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/statement"
	"insightgraph/store"
)

// ImportStatement reads a statement file and stores what is new in it. The file is read before anything is locked.
func (r mutation) ImportStatement(ctx context.Context, in generated.ImportStatementInput) (*generated.ImportStatementPayload, error) {
	options, err := r.statementOptions(ctx, in)
	if err != nil {
		return nil, err
	}
	file, err := statement.Open(io.NewSectionReader(in.File.File.(io.ReaderAt), 0, in.File.Size), options)
	if refused, ok := errors.AsType[*statement.Rejected](err); ok {
		return nil, fault.Invalid("file", "The file is refused: line %d: %s", refused.Line, refused.Message)
	}
	if err != nil {
		return nil, err
	}
	done, err := r.mine(ctx).ImportStatement(ctx, store.NewStatement{Consumer: in.ConsumerID, Account: in.AccountID}, file)
	if err != nil {
		return nil, at("consumerId", err)
	}
	return &generated.ImportStatementPayload{Format: file.Format, Accounts: done.Accounts, CreatedCount: done.Created, UpdatedCount: done.Updated, UnchangedCount: done.Unchanged,
		Rejected: each(done.Rejected, func(x *statement.Rejected) generated.RejectedLine { return line(x.File, x.Line, x.Message) }),
		Warnings: each(done.Warnings, func(x statement.Warning) generated.RejectedLine { return line(x.File, x.Line, x.Message) })}, nil
}

func line(file string, n int, message string) generated.RejectedLine {
	l := generated.RejectedLine{Line: n, Message: message}
	if file != statement.Alone {
		l.File = &file
	}
	return l
}

// statementOptions is what the caller says of the file. Amounts without a currency are in the consumer's.
func (r *Resolver) statementOptions(ctx context.Context, in generated.ImportStatementInput) (o statement.Options, err error) {
	o = statement.Options{Format: orZero(in.Format), Currency: auth.From(ctx).Customer.Currency, Assumed: in.Currency == nil && in.AccountID == nil}
	given := func(c bank.Currency) { o.Currency = cmp.Or(orZero(in.Currency), c) }
	given(o.Currency)
	if m := in.Mapping; m != nil {
		o.Mapping = &statement.Mapping{Delimiter: orZero(m.Delimiter), Skip: orZero(m.Skip), NoHeader: orZero(m.NoHeader), Decimal: orZero(m.Decimal), Dates: orZero(m.Dates)}
		for _, c := range m.Columns {
			o.Mapping.Columns = append(o.Mapping.Columns, statement.MappedColumn{Column: statement.Column(c.Column), Name: c.Name})
		}
	}
	var faults fault.Many
	if o.Mapping != nil {
		faults = statement.CheckMapping("mapping", *o.Mapping)
	}
	owner := in.ConsumerID
	if in.AccountID != nil {
		a, err := r.mine(ctx).Account(ctx, *in.AccountID)
		faults = append(faults, fault.Of(at("accountId", err))...)
		if owner != nil && err == nil && a.ConsumerID != owner.ID {
			faults.Add(fault.Unknown("accountId", "Account"))
		}
		if err == nil {
			given(a.Currency)
			return o, faults.Err()
		}
	}
	if owner != nil {
		c, err := r.mine(ctx).Consumer(ctx, *owner)
		faults = append(faults, fault.Of(at("consumerId", err))...)
		if err == nil {
			given(c.Currency)
		}
	}
	return o, faults.Err()
}
