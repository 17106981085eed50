package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"insightgraph/telemetry"
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
func plain(text string, values ...any) query { return query{[]byte(text), values} }

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

// ask sends statements together, in one round trip, and reads their answers one after the other.
func ask(ctx context.Context, count *tracer, conn *pgx.Conn, queries []query, read func(i int, rows answer) error) (err error) {
	ctx = count.together(ctx, queries)
	defer func() { telemetry.EndStatement(ctx, sqlState(err)) }()
	kept, err := plansOf(ctx, conn, len(queries))
	if err != nil {
		return err
	}
	var batch pgconn.Batch
	var values pgx.ExtendedQueryBuilder
	for _, q := range queries {
		s := kept[string(q.text)]
		if s == nil {
			if s, err = kept.prepare(ctx, conn, string(q.text)); err != nil {
				return err
			}
		}
		if err := values.Build(conn.TypeMap(), s.StatementDescription, q.args); err != nil {
			return fmt.Errorf("write the values of a statement: %w", err)
		}
		batch.ExecStatement(s.StatementDescription, values.ParamValues, values.ParamFormats, s.formats)
	}
	answers := conn.PgConn().ExecBatch(ctx, &batch)
	for i := range queries {
		if !answers.NextResult() {
			if err = answers.Close(); err == nil {
				err = io.ErrUnexpectedEOF
			}
			break
		}
		rows := found{answers.ResultReader()}
		if err = read(i, rows); err == nil {
			err = rows.Err()
		}
		if err != nil {
			break
		}
	}
	if last := answers.Close(); err == nil {
		err = last
	}
	if stale(err) {
		_ = conn.Close(ctx)
	}
	return err
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
