package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// answer is what a statement found, row by row. What it gives of a row may be read until the next.
type answer interface {
	FieldDescriptions() []pgconn.FieldDescription
	Next() bool
	RawValues() [][]byte
	Err() error // after the last row
}

// found is the answer to one statement of many.
type found struct{ *pgconn.ResultReader }

func (f found) Next() bool          { return f.NextRow() }
func (f found) RawValues() [][]byte { return f.Values() }
func (f found) Err() error          { _, err := f.Close(); return err }

// plain is a statement whose text has its places for values already.
func plain(text string, values ...any) query { return query{text: []byte(text), args: values} }

// planned is a statement that a connection keeps, with its plan.
type planned struct {
	*pgconn.StatementDescription
	formats []int16 // of its columns
}

// maxStatements is how many a connection keeps. Then it forgets all: programs ask few questions.
const maxStatements = 256

// plans are the statements that a connection keeps, by their texts.
type plans map[string]*planned

const plansKey = "insightgraph plans" // among what the driver lets us keep beside a connection

// ask sends the statements of all askings in one round trip and has their answers read one after the other. With the first
// that fails it ends.
func ask(ctx context.Context, conn *pgx.Conn, all []*asking) {
	fails := func(a *asking, err error) {
		if stale(err) {
			_ = conn.Close(ctx)
		}
		a.answered(err)
	}
	n := 0
	for _, a := range all {
		n += len(a.queries)
	}
	if err := caughtUp(ctx, conn, all); err != nil {
		fails(all[0], err)
		return
	}
	kept, err := plansOf(ctx, conn, n)
	if err != nil {
		fails(all[0], err)
		return
	}
	var batch pgconn.Batch
	for _, a := range all {
		for _, q := range a.queries {
			if err := kept.add(ctx, conn, &batch, q); err != nil {
				fails(a, err)
				return
			}
		}
	}
	answers := conn.PgConn().ExecBatch(ctx, &batch)
	for i, a := range all {
		err := a.answers(answers)
		if err == nil && i == len(all)-1 {
			err = answers.Close()
		}
		if err != nil {
			_ = answers.Close()
			fails(a, err)
			return
		}
		a.answered(nil)
	}
}

// ask sends statements together, in the transaction.
func (tx *Tx) ask(ctx context.Context, queries []query, read func(i int, rows answer) error) error {
	a := &asking{queries: queries, read: read, trace: tx.sent.together(ctx, queries)}
	ask(ctx, tx.pg, []*asking{a})
	return a.err
}

// answers has the answers to its statements read.
func (a *asking) answers(all *pgconn.MultiResultReader) error {
	for i := range a.queries {
		if !all.NextResult() {
			return cmp.Or(all.Close(), io.ErrUnexpectedEOF)
		}
		rows := found{all.ResultReader()}
		if err := a.read(i, rows); err != nil {
			return err
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}

// add puts a statement that the connection keeps into a batch.
func (all plans) add(ctx context.Context, conn *pgx.Conn, batch *pgconn.Batch, q query) (err error) {
	s := all[string(q.text)]
	if s == nil {
		if s, err = all.prepare(ctx, conn, string(q.text)); err != nil {
			return err
		}
	}
	var values pgx.ExtendedQueryBuilder
	if err := values.Build(conn.TypeMap(), s.StatementDescription, q.args); err != nil {
		return fmt.Errorf("write the values of a statement: %w", err)
	}
	batch.ExecStatement(s.StatementDescription, values.ParamValues, values.ParamFormats, s.formats)
	return nil
}

// stale tells that a kept statement is gone, or that its tables have changed under it.
func stale(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "26000" || pg.Code == "0A000")
}

// plansOf are those of a connection, with room for some more.
func plansOf(ctx context.Context, conn *pgx.Conn, more int) (plans, error) {
	beside := conn.PgConn().CustomData()
	kept, ok := beside[plansKey].(plans)
	switch {
	case !ok:
		kept = plans{}
		beside[plansKey] = kept
	case len(kept)+more > maxStatements:
		clear(kept)
		if err := conn.DeallocateAll(ctx); err != nil {
			_ = conn.Close(ctx)
			return nil, err
		}
	}
	return kept, nil
}

// prepare has the server plan a statement, which is a round trip of its own.
func (all plans) prepare(ctx context.Context, conn *pgx.Conn, text string) (*planned, error) {
	description, err := conn.PgConn().Prepare(ctx, fmt.Sprintf("r%d", len(all)), text, nil)
	if err != nil { // nobody knows whether the server has it
		_ = conn.Close(ctx)
		return nil, err
	}
	s := &planned{description, make([]int16, len(description.Fields))}
	for i, f := range description.Fields {
		s.formats[i] = conn.TypeMap().FormatCodeForOID(f.DataTypeOID)
	}
	all[text] = s
	return s, nil
}
