package store

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/page"
)

// order is how a list is sorted: the newest first, by a column and then by id, or by id alone.
type order struct {
	column string // qualified; empty: by id alone
	kind   string // SQL type of the column
	id     string // qualified
	idThen bool   // by id first, then by the column
}

// check refuses a cursor that cannot be one of this list. A query in a query must be checked before: it hides its error.
func (o order) check(a page.Args) error {
	if a.Cursor == nil {
		return nil
	}
	ok := true
	switch o.kind {
	case "date":
		_, err := bank.ParseDate(a.Cursor.Key)
		ok = err == nil
	case "timestamptz":
		ok = page.IsMomentKey(a.Cursor.Key)
	case "text":
		ok = bank.CheckText("", a.Cursor.Key, 0, bank.MaxName) == nil
	}
	if ok {
		return nil
	}
	argument := "after"
	if a.Backward {
		argument = "before"
	}
	return fault.Invalid(argument, "Invalid value for %s; it is not a cursor of this list", argument)
}

// write gives a query, whose conditions have begun, the order and the limits of a page.
func (o order) write(q *query, a page.Args, rows int) {
	before := " < "
	if a.Backward {
		before = " > "
	}
	switch {
	case a.Cursor == nil:
	case o.column == "":
		q.add(" AND "+o.id+before+"?", a.Cursor.ID)
	case o.idThen: // row comparison: one index range, however deep the page lies
		q.add(" AND ("+o.id+", "+o.column+")"+before+"(?, ?::"+o.kind+")", a.Cursor.ID, a.Cursor.Key)
	default:
		q.add(" AND ("+o.column+", "+o.id+")"+before+"(?::"+o.kind+", ?)", a.Cursor.Key, a.Cursor.ID)
	}
	o.sort(q, a, rows)
}

// sort writes the order and the length of a page.
func (o order) sort(q *query, a page.Args, rows int) {
	direction, columns := " DESC", []string{o.column, o.id}
	if a.Backward {
		direction = " ASC"
	}
	switch {
	case o.column == "":
		columns = columns[1:]
	case o.idThen:
		slices.Reverse(columns)
	}
	// The length is part of the text: a plan for any length would be one for a tenth of all rows, and read them all.
	q.add(" ORDER BY " + strings.Join(columns, direction+", ") + direction + " LIMIT " + strconv.Itoa(rows))
}

// numbers takes the ids out of refs of one kind that the tenant may see.
func (t Tenant) numbers(refs []bank.Ref, kind bank.Kind) []int64 {
	ids := []int64{}
	for _, r := range refs {
		if t.may(r, kind) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// keys takes consumer ids and ids out of refs of one kind that the tenant may see.
func (t Tenant) keys(refs []bank.Ref, kind bank.Kind) (consumers, ids []int64) {
	consumers, ids = []int64{}, []int64{}
	for _, r := range refs {
		if t.may(r, kind) {
			consumers, ids = append(consumers, r.ConsumerID), append(ids, r.ID)
		}
	}
	return consumers, ids
}

// same tells whether two rows of an account say the same.
func same(a, b bank.Transaction) bool {
	return a.BaseType == b.BaseType && a.Amount.Equal(b.Amount) && a.BookingDate == b.BookingDate && equal(a.ValueDate, b.ValueDate) && a.Status == b.Status &&
		a.Description == b.Description && equal(a.CounterpartyName, b.CounterpartyName) && equal(a.CounterpartyIBAN, b.CounterpartyIBAN) &&
		equal(a.MCC, b.MCC) && a.CategoryID == b.CategoryID
}

func equal[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// sortByExternalID puts rows into the order of their key; rows without one keep theirs.
func sortByExternalID(rows []bank.Transaction) {
	slices.SortStableFunc(rows, func(a, b bank.Transaction) int {
		switch {
		case a.ExternalID == nil && b.ExternalID == nil:
			return 0
		case a.ExternalID == nil:
			return 1
		case b.ExternalID == nil:
			return -1
		}
		return strings.Compare(*a.ExternalID, *b.ExternalID)
	})
}

// chunks cuts rows into parts that one INSERT takes well.
func chunks[T any](rows []T) iter.Seq[[]T] { return slices.Chunk(rows, 1000) }

// unique is a sorted copy without repetitions: also the order in which locks are taken.
func unique[T cmp.Ordered](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
