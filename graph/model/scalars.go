// Package model carries domain values over the wire: scalars, connections, and the few types that only GraphQL needs.
package model

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/fault"
)

// The Append functions write a scalar; graph/gen finds them by their names, and gqlgen's own way uses them too. None of
// these texts has anything to escape.

func marshal[T any](v T, write func([]byte, T) []byte) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { w.Write(write(nil, v)) })
}

// AppendRef writes an opaque id.
func AppendRef(b []byte, r bank.Ref) []byte {
	b, _ = r.AppendText(append(b, '"'))
	return append(b, '"')
}

// AppendDecimal writes an exact number as a string.
func AppendDecimal(b []byte, d decimal.Decimal) []byte {
	b, _ = d.AppendText(append(b, '"'))
	return append(b, '"')
}

// AppendDate writes yyyy-MM-dd.
func AppendDate(b []byte, d bank.Date) []byte {
	b, _ = d.AppendText(append(b, '"'))
	return append(b, '"')
}

// AppendDateTime writes RFC 3339 in UTC.
func AppendDateTime(b []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// AppendCurrency writes an ISO 4217 code.
func AppendCurrency(b []byte, c bank.Currency) []byte {
	return append(append(append(b, '"'), c...), '"')
}

// A scalar does not know its field; the error presenter fills the name in from the path.

// MarshalRef writes an opaque id.
func MarshalRef(r bank.Ref) graphql.Marshaler { return marshal(r, AppendRef) }

// UnmarshalRef reads an id; one that is none of ours names nothing.
func UnmarshalRef(v any) (bank.Ref, error) {
	s, err := graphql.UnmarshalID(v)
	if err != nil {
		return bank.Ref{}, fault.Invalid("", "Invalid value for an id")
	}
	return bank.ParseRef(s), nil
}

// MarshalDecimal writes an exact number as a string.
func MarshalDecimal(d decimal.Decimal) graphql.Marshaler { return marshal(d, AppendDecimal) }

// UnmarshalDecimal reads a string or a JSON number by its digits.
func UnmarshalDecimal(v any) (decimal.Decimal, error) {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = Digits(v.String())
	case int64:
		s = strconv.FormatInt(v, 10)
	case int:
		s = strconv.Itoa(v)
	default:
		return decimal.Decimal{}, fault.Invalid("", "Invalid value; use a decimal number such as \"12.50\", with at most 15 digits before the point")
	}
	d, f := bank.ParseAmount("amount", s)
	if f != nil {
		return d, fault.Invalid("", "Invalid value; use a decimal number such as \"12.50\", with at most 15 digits before the point")
	}
	return d, nil
}

// Digits writes out the power of ten of a number, since some programs send 1000 as 1E+3. Numbers that are no amount,
// or that would lose digits, stay as they are, which no amount is.
func Digits(number string) string {
	at := strings.IndexAny(number, "eE")
	if at < 0 || at > 16 {
		return number
	}
	power, err := strconv.Atoi(number[at+1:])
	if err != nil || power < -4 || power > 15 {
		return number
	}
	d, err := decimal.Parse(number)
	if err != nil {
		return number
	}
	return d.String()
}

// MarshalDate writes yyyy-MM-dd.
func MarshalDate(d bank.Date) graphql.Marshaler { return marshal(d, AppendDate) }

// UnmarshalDate reads yyyy-MM-dd.
func UnmarshalDate(v any) (bank.Date, error) {
	s, _ := v.(string)
	d, err := bank.ParseDate(s)
	if err != nil {
		return 0, fault.Invalid("", "Invalid value; use a date of the form yyyy-MM-dd, from 1900 on")
	}
	return d, nil
}

// MarshalDateTime writes RFC 3339 in UTC.
func MarshalDateTime(t time.Time) graphql.Marshaler { return marshal(t, AppendDateTime) }

// UnmarshalDateTime reads RFC 3339, or a date for its first moment in UTC.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, _ := v.(string)
	if t, err := time.Parse(time.RFC3339, s); err == nil && t.UTC().Year() >= 1 && t.UTC().Year() <= 9999 {
		return t, nil
	}
	if d, err := bank.ParseDate(s); err == nil {
		return d.Time(), nil
	}
	return time.Time{}, fault.Invalid("", "Invalid value; use a moment of the form 2021-10-01T08:00:00Z")
}

// MarshalCurrency writes an ISO 4217 code.
func MarshalCurrency(c bank.Currency) graphql.Marshaler { return marshal(c, AppendCurrency) }

// UnmarshalCurrency reads an ISO 4217 code.
func UnmarshalCurrency(v any) (bank.Currency, error) {
	s, _ := v.(string)
	c, f := bank.ParseCurrency("", s)
	if f != nil {
		return c, fault.Invalid("", "Invalid value; use an ISO 4217 code such as EUR")
	}
	return c, nil
}

// MarshalText and UnmarshalText carry the lenient scalars: whatever is sent is taken as text, and the rule
// that looks at it answers with the product's own fault.
func MarshalText(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalText takes any value.
func UnmarshalText(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v), nil
	}
	return string(b), nil
}
