// Package fault holds the one error type that a client may see.
//
// Everything else that goes wrong leaves the server as "Internal error." with a request id.
// The Y codes and, where the source gives one, the sentences are those of the reference
// product's public error tables.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Code is what a client program looks at; it never changes once published.
type Code string

// The codes. Their meanings are repeated in schema.graphqls (enum ErrorCode); a test compares the two.
const (
	Unauthenticated Code = "Y020" // no token, a bad one, or one that has expired
	InvalidValue    Code = "Y800" // a value that is not among the allowed ones
	InvalidLength   Code = "Y801" // a text that is too short or too long
	NotAllowed      Code = "Y802" // a change or combination that is not allowed
	Incomplete      Code = "Y803" // something more is needed beside what was given
	InvalidInput    Code = "Y806" // not a GraphQL request object
	NotFound        Code = "Y807" // no such thing, or not yours: the two are never told apart
	Required        Code = "Y812" // a required field is missing
	Together        Code = "Y813" // a field that must be given with another
	NoRate          Code = "Y814" // no exchange rate for the currency
	TooMany         Code = "Y824" // more items than allowed in one request
	NoUpdate        Code = "Y825" // an update without anything to update
	Forbidden       Code = "FORBIDDEN"
	Conflict        Code = "CONFLICT"
	TooComplex      Code = "QUERY_TOO_COMPLEX"
	TimedOut        Code = "TIMEOUT"
	TooLarge        Code = "REQUEST_TOO_LARGE"
	TooOften        Code = "RATE_LIMITED"
	Unavailable     Code = "UNAVAILABLE"
	ParseFailed     Code = "GRAPHQL_PARSE_FAILED"
	NotValid        Code = "GRAPHQL_VALIDATION_FAILED"
	Internal        Code = "INTERNAL"
)

// Codes lists every code a client can meet.
var Codes = []Code{Unauthenticated, InvalidValue, InvalidLength, NotAllowed, Incomplete, InvalidInput, NotFound, Required,
	Together, NoRate, TooMany, NoUpdate, Forbidden, Conflict, TooComplex, TimedOut, TooLarge, TooOften, Unavailable, ParseFailed, NotValid, Internal}

// Error is one fault. Field is the path of the value inside the input, such as
// "transactions.3.amount"; it is empty where no single value is meant.
type Error struct {
	Code    Code
	Field   string
	Message string
}

func (e *Error) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%s: %s (%s)", e.Code, e.Message, e.Field)
}

// New makes a fault. The message is a sentence for a person and never holds account data.
func New(code Code, field, format string, a ...any) *Error {
	return &Error{code, field, fmt.Sprintf(format, a...)}
}

// Invalid is a value that is not allowed.
func Invalid(field, format string, a ...any) *Error { return New(InvalidValue, field, format, a...) }

// Missing is a required field that was left out.
func Missing(field string) *Error {
	return New(Required, field, "Required field/value - %s missing in the request", last(field))
}

// Unknown is an id that does not exist for the one who asks.
func Unknown(field, what string) *Error { return New(NotFound, field, "%s not found", what) }

// List joins values that a message names.
func List[T ~string](values []T) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}

func last(field string) string { return field[strings.LastIndexByte(field, '.')+1:] }

// Many is all the faults of one input, so that a client mends its form once.
type Many []*Error

func (m Many) Error() string {
	lines := make([]string, len(m))
	for i, e := range m {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "; ")
}

// Add appends a fault; nil is ignored.
func (m *Many) Add(e *Error) {
	if e != nil {
		*m = append(*m, e)
	}
}

// Err is nil when there is no fault.
func (m Many) Err() error {
	switch len(m) {
	case 0:
		return nil
	case 1:
		return m[0]
	}
	return m
}

// Beside is an error together with faults that were found besides: nil when there is neither. An error that no client
// may see stays alone.
func Beside(err error, m Many) error {
	first := Of(err)
	if err != nil && first == nil {
		return err
	}
	return append(Many(first), m...).Err()
}

// Of finds the faults in an error; there are none in an error that no client may see.
func Of(err error) []*Error {
	if many, ok := errors.AsType[Many](err); ok {
		return many
	}
	if one, ok := errors.AsType[*Error](err); ok {
		return []*Error{one}
	}
	return nil
}
