package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"insightgraph/fault"
)

// asFault turns what the database says into what a client may see; anything else stays as it is.
func asFault(err error) error {
	if away(err) {
		return errors.Join(fault.New(fault.Unavailable, "", "The database cannot do this at the moment; try again soon"), err)
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	switch pg.Code {
	case "23503": // the row that it belongs to was deleted meanwhile
		return fault.New(fault.Conflict, "", "What this belongs to was deleted meanwhile")
	case "57014":
		return errors.Join(fault.New(fault.TimedOut, "", "The request took too long and was stopped"), context.DeadlineExceeded)
	case "40001", "40P01": // after all tries
		return errors.Join(fault.New(fault.Conflict, "", "Other changes got in the way; try again"), err)
	case "55P03":
		return fault.New(fault.Conflict, "", "Another change of the same consumer is under way; try again")
	}
	switch pg.ConstraintName {
	case "consumers_external_id", "accounts_external_id", "transactions_external_id":
		return fault.New(fault.Conflict, "externalId", "externalId was given to another one meanwhile; try again")
	case "account_months_exact":
		return fault.New(fault.InvalidValue, "amount", "The amounts of one account and month add up to more than nineteen digits")
	case "public_keys_pkey":
		return fault.New(fault.NotAllowed, "keyId", "A key with this keyId exists already")
	}
	return err
}

// retryable errors have left nothing behind and may not come again: deadlock, serialisation.
func retryable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01")
}

// lost tells whether the server went away, or this connection to it. Before a commit that leaves nothing behind.
func lost(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "25P03" || strings.HasPrefix(pg.Code, "57P") || strings.HasPrefix(pg.Code, "08")
	}
	return pgconn.SafeToRetry(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// away tells whether the database is gone, or takes no changes, no connections or no more data. That passes, and is nobody's
// fault who asks.
func away(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && (pg.Code == "25006" || pg.Code == "58030" || strings.HasPrefix(pg.Code, "53")) {
		return true
	}
	return lost(err) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// none tells whether nothing was found.
func none(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// Kinds are the attributes of a log line about an unforeseen error: kinds and names, never its text, which may hold an account
// number or an amount.
func Kinds(err error) []any {
	attributes := []any{"kind", types(err)}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		attributes = append(attributes, "sqlstate", pg.Code, "constraint", pg.ConstraintName, "table", pg.TableName, "routine", pg.Routine)
	}
	return attributes
}

// types are those of an error and of what it wraps.
func types(err error) string {
	out := fmt.Sprintf("%T", err)
	var inner []error
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		inner = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		inner = e.Unwrap()
	}
	for _, e := range inner {
		if e != nil {
			out += " " + types(e)
		}
	}
	return out
}
