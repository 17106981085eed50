// Package page describes one page of a longer list, after the Relay connection rules.
package page

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"insightgraph/fault"
)

// Default and Max bound the length of a page.
const (
	Default = 20
	Max     = 100
)

// Args says which page is wanted: the first N after a cursor, or the last N before one.
type Args struct {
	Size     int
	Cursor   *Cursor // nil: from the end that Backward tells
	Backward bool
	Fields   []string // of the rows, that will be looked at; nil: all
}

// Cursor is the sort key of a row: a text form of its first column and the row's id.
type Cursor struct {
	Key string `json:"k"`
	ID  int64  `json:"i"`
}

// String is the opaque form that clients hold.
func (c Cursor) String() string {
	b, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

// MomentKey is the key of a row in a list by moments.
func MomentKey(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// IsMomentKey tells whether a key is one: the database does not read all that time.Parse does, such as the year 0.
func IsMomentKey(key string) bool {
	t, err := time.Parse(time.RFC3339Nano, key)
	return err == nil && t.Year() > 0 && MomentKey(t) == key
}

// Parse reads Relay's arguments. Faults name the argument.
func Parse(first *int, after *string, last *int, before *string) (Args, error) {
	var faults fault.Many
	a := Args{Size: Default}
	size := func(name string, n *int) {
		if n == nil {
			return
		}
		if *n < 0 || *n > Max {
			faults.Add(fault.Invalid(name, "Invalid value for %s; it must be from 0 to %d", name, Max))
		}
		a.Size = *n
	}
	cursor := func(name string, s *string) {
		if s == nil {
			return
		}
		b, err := base64.RawURLEncoding.DecodeString(*s)
		var c Cursor
		if err != nil || json.Unmarshal(b, &c) != nil {
			faults.Add(fault.Invalid(name, "Invalid value for %s; it is not a cursor of this list", name))
			return
		}
		a.Cursor = &c
	}
	if (last != nil || before != nil) && (first != nil || after != nil) {
		field := "last"
		if last == nil {
			field = "before"
		}
		return a, fault.New(fault.NotAllowed, field, "first and after cannot be combined with last and before")
	}
	a.Backward = last != nil || before != nil
	size("first", first)
	size("last", last)
	cursor("after", after)
	cursor("before", before)
	return a, faults.Err()
}

// Of is one page of a list of T, in list order. Total counts the whole list and is only called when a client asks.
type Of[T any] struct {
	Nodes []T
	Info  Info
	Total func(context.Context) (int, error)
	key   func(i int) Cursor
}

// Info tells whether there is more on either side.
type Info struct {
	HasNextPage, HasPreviousPage bool
	first, last                  *Cursor // of the page's rows; written as text only for those who ask
}

// StartCursor is the cursor of the first row, nil where there is none.
func (i Info) StartCursor() *string { return i.first.text() }

// EndCursor is the cursor of the last row.
func (i Info) EndCursor() *string { return i.last.text() }

func (c *Cursor) text() *string {
	if c == nil {
		return nil
	}
	s := c.String()
	return &s
}

// Edge is a row with its cursor.
type Edge[T any] struct {
	Cursor string
	Node   T
}

// New cuts rows, read in reading direction with one more than asked for, to a page in list order.
func New[T any](a Args, rows []T, key func(T) Cursor, total func(context.Context) (int, error)) *Of[T] {
	more := len(rows) > a.Size
	rows = rows[:min(len(rows), a.Size)]
	p := &Of[T]{Nodes: rows, key: func(i int) Cursor { return key(rows[i]) }, Total: total}
	if a.Backward {
		slices.Reverse(p.Nodes)
		p.Info.HasPreviousPage, p.Info.HasNextPage = more, a.Cursor != nil
	} else {
		p.Info.HasNextPage, p.Info.HasPreviousPage = more, a.Cursor != nil
	}
	if n := len(rows); n > 0 {
		first, last := key(rows[0]), key(rows[n-1])
		p.Info.first, p.Info.last = &first, &last
	}
	return p
}

// With is the same page with other nodes, one for each.
func With[T, U any](p *Of[T], nodes []U) *Of[U] {
	return &Of[U]{Nodes: nodes, Info: p.Info, Total: p.Total, key: p.key}
}

// Edges pairs each row with its cursor.
func (p Of[T]) Edges() []Edge[T] {
	out := make([]Edge[T], len(p.Nodes))
	for i, n := range p.Nodes {
		out[i] = Edge[T]{p.key(i).String(), n}
	}
	return out
}

// PageInfo is Relay's name for Info.
func (p Of[T]) PageInfo() Info { return p.Info }

// TotalCount counts the whole list.
func (p Of[T]) TotalCount(ctx context.Context) (int, error) { return p.Total(ctx) }
