package page

import (
	"context"
	"fmt"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	n := func(i int) *int { return &i }
	s := func(v string) *string { return &v }
	good := Cursor{"2026-01-01", 7}
	for name, c := range map[string]struct {
		first  *int
		after  *string
		last   *int
		before *string
		want   string
	}{
		"nothing":        {want: "20 <nil> false <nil>"},
		"first":          {first: n(5), want: "5 <nil> false <nil>"},
		"none":           {first: n(0), want: "0 <nil> false <nil>"},
		"most":           {first: n(100), want: "100 <nil> false <nil>"},
		"too many":       {first: n(101), want: "Y800: Invalid value for first; it must be from 0 to 100 (first)"},
		"negative":       {last: n(-1), want: "Y800: Invalid value for last; it must be from 0 to 100 (last)"},
		"after":          {first: n(5), after: s(good.String()), want: "5 2026-01-01 7 false <nil>"},
		"before":         {last: n(5), before: s(good.String()), want: "5 2026-01-01 7 true <nil>"},
		"before alone":   {before: s(good.String()), want: "20 2026-01-01 7 true <nil>"},
		"last alone":     {last: n(5), want: "5 <nil> true <nil>"},
		"last + after":   {last: n(1), after: s(good.String()), want: "Y802: first and after cannot be combined with last and before (last)"},
		"not base64":     {after: s(good.String() + "="), want: "Y800: Invalid value for after; it is not a cursor of this list (after)"},
		"no cursor":      {after: s("!"), want: "Y800: Invalid value for after; it is not a cursor of this list (after)"},
		"both ways":      {first: n(1), last: n(1), want: "Y802: first and after cannot be combined with last and before (last)"},
		"first + before": {first: n(1), before: s(good.String()), want: "Y802: first and after cannot be combined with last and before (before)"},
	} {
		a, err := Parse(c.first, c.after, c.last, c.before)
		got := fmt.Sprint(err)
		if err == nil {
			cursor := "<nil>"
			if a.Cursor != nil {
				cursor = fmt.Sprint(a.Cursor.Key, " ", a.Cursor.ID)
			}
			got = fmt.Sprint(a.Size, " ", cursor, " ", a.Backward, " ", err)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestNew(t *testing.T) {
	key := func(n int) Cursor { return Cursor{ID: int64(n)} }
	total := func(context.Context) (int, error) { return 9, nil }
	p := New(Args{Size: 2}, []int{9, 8, 7}, key, total)
	if fmt.Sprint(p.Nodes) != "[9 8]" || !p.Info.HasNextPage || p.Info.HasPreviousPage || *p.Info.EndCursor() != key(8).String() {
		t.Errorf("first page: %+v", p)
	}
	p = New(Args{Size: 2, Backward: true, Cursor: &Cursor{ID: 3}}, []int{4, 5, 6}, key, total)
	if fmt.Sprint(p.Nodes) != "[5 4]" || !p.Info.HasNextPage || !p.Info.HasPreviousPage || p.Edges()[0].Cursor != key(5).String() {
		t.Errorf("page before: %+v", p)
	}
	if p = New(Args{Size: 2}, []int{8, 7}, key, total); p.Info.HasNextPage || *p.Info.StartCursor() != key(8).String() || *p.Info.EndCursor() != key(7).String() {
		t.Errorf("all of it: %+v", p)
	}
	if p = New(Args{Size: 2}, []int{7}, key, total); *p.Info.StartCursor() != key(7).String() || *p.Info.EndCursor() != key(7).String() {
		t.Errorf("one row: %+v", p)
	}
	if p = New(Args{Size: 0}, []int{9}, key, total); len(p.Nodes) != 0 || !p.Info.HasNextPage || p.Info.StartCursor() != nil {
		t.Errorf("empty page: %+v", p)
	}
}

// A key that was made is one again; what time.Parse and the database read differently is none.
func TestMomentKey(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(2026, 3, 5, 13, 0, 0, 120_000_000, time.FixedZone("", 3600))} {
		if key := MomentKey(at); !IsMomentKey(key) {
			t.Errorf("%s is none", key)
		}
	}
	for _, key := range []string{"", "yesterday", "2026-01-01", "0000-01-01T00:00:00Z", "2026-01-01T00:00:00+20:00", "2026-01-01T00:00:00,5Z", "2026-01-01T0:00:00Z",
		"2026-01-01T00:00:00.1234567891Z", "2026-01-01T00:00:00Z\x00"} {
		if IsMomentKey(key) {
			t.Errorf("%q is one", key)
		}
	}
}
