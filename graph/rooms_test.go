package graph

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// One customer gets half of the room; who waits gets what is given back; nothing is lost on the way.
func TestRooms(t *testing.T) {
	r := rooms{most: 4}
	first, second := r.take(nil, 1), r.take(nil, 1)
	if first == nil || second == nil || r.take(nil, 1) != nil {
		t.Fatal("a customer gets two of four")
	}
	third, fourth := r.take(nil, 2), r.take(nil, 3)
	if third == nil || fourth == nil || r.take(nil, 4) != nil {
		t.Fatal("there are four in all")
	}
	over := make(chan struct{})
	waited := make(chan func(), 2)
	for _, customer := range []int64{1, 4} {
		go func() { waited <- r.take(over, customer) }()
	}
	third() // for customer 4: customer 1 has its half
	if free := <-waited; free == nil {
		t.Fatal("who waited got nothing")
	} else {
		free()
	}
	close(over)
	if free := <-waited; free != nil {
		t.Fatal("customer 1 got more than its half")
	}
	first()
	second()
	fourth()
	if r.all != 0 || len(r.taken) != 0 {
		t.Errorf("%d taken, %v", r.all, r.taken)
	}
}

// Many who want room at once all get it in the end, and never more of them than there is.
func TestRoomsTogether(t *testing.T) {
	r := rooms{most: 4}
	var now, crowds atomic.Int64
	done := make(chan struct{})
	const many = 200
	for n := range many {
		go func() {
			free := r.take(make(chan struct{}), int64(n%3))
			if now.Add(1) > 4 {
				crowds.Add(1)
			}
			now.Add(-1)
			free()
			done <- struct{}{}
		}()
	}
	for range many {
		<-done
	}
	if crowds.Load() > 0 || r.all != 0 || len(r.taken) != 0 {
		t.Errorf("%d times more than four, %d left, %v", crowds.Load(), r.all, r.taken)
	}
}

// What a request holds counts by its values, whatever is written inside its texts.
func TestCrowded(t *testing.T) {
	list := func(n int, one string) string { return "[" + strings.Repeat(one+",", n) + one + "]" }
	for name, one := range map[string]struct {
		text string
		want bool
	}{
		"nothing":            {`{}`, false},
		"many numbers":       {list(maxValues, "0"), false},
		"too many":           {list(maxValues+1, "0"), true},
		"objects":            {list(maxObjects-2, "{}"), false},
		"too many objects":   {list(maxObjects, "{}"), true},
		"too many lists":     {list(maxObjects, "[]"), true},
		"a text":             {`"` + strings.Repeat("{,[", maxValues) + `"`, false},
		"marks in a text":    {`"` + strings.Repeat(`\"{,`, maxValues) + `"`, false},
		"behind a backslash": {`["\\",` + list(maxObjects, "{}") + `]`, true},
	} {
		if got := crowded([]byte(one.text)); got != one.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A user-level token sends little: what puts data in is not for it.
func TestSmallBodies(t *testing.T) {
	h := newHouse(t)
	body := func(n int) string {
		text := `{"query":"{viewer{role}}"}`
		return text + strings.Repeat(" ", n-len(text))
	}
	for _, one := range []struct {
		as     string
		size   int
		status int
	}{{"anna", smallBody, 200}, {"anna", smallBody + 1, 413}, {"acme", smallBody + 1, 200}, {"acme", MaxBody, 200}, {"acme", MaxBody + 1, 413}} {
		if got := h.post(one.as, strings.NewReader(body(one.size)), nil); got.status != one.status {
			t.Errorf("%s, %d bytes: %d %s", one.as, one.size, got.status, got.body)
		}
	}
	many := fmt.Sprintf(`{"query":"{viewer{role}}","variables":{"x":[%s{}]}}`, strings.Repeat("{},", maxObjects))
	if got := h.post("acme", strings.NewReader(many), nil); got.status != 413 || got.codes() != "REQUEST_TOO_LARGE" {
		t.Errorf("many objects: %d %s", got.status, got.body)
	}
}
