package graph

import (
	"fmt"
	"strings"
	"testing"
)

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
