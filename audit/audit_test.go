package audit_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"insightgraph/audit"
	"insightgraph/bank"
)

// The two hashes were made by another program, as docs/audit.md says.
func TestSeal(t *testing.T) {
	id, consumer, request := "YQcJ", int64(7), "r-1"
	first := audit.Event{CustomerID: 1, At: time.Date(2026, 3, 5, 13, 0, 0, 120_000_000, time.FixedZone("", 3600)), Actor: audit.By(audit.Customer, "token\r\nab"), Action: "createAccount",
		SubjectID: &id, ConsumerID: &consumer, RequestID: &request}
	second := audit.Event{CustomerID: 1, At: time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC), Actor: audit.By(audit.System, ""), Action: "expireConsent"}
	var head audit.Head
	head.Seal(&first)
	head.Seal(&second)
	for i, one := range []struct {
		event audit.Event
		want  string
	}{{first, "d6bf51878a101c10806fdca0be6b39b2c170c8d6801ebebecbbb59bf32460a23"}, {second, "006f4b6c44a3c35d629f9a5a7949c9b560ebb8cb1629e05be9c7aed0ee6f0f8a"}} {
		if got := hex.EncodeToString(one.event.Hash); got != one.want || *one.event.Number != i+1 {
			t.Errorf("event %d: %d %s", i+1, *one.event.Number, got)
		}
	}
	var check audit.Head
	for _, e := range []audit.Event{first, second} {
		if err := check.Check(e); err != nil {
			t.Error(err)
		}
	}
	if check.Number != 2 || head.Number != 2 {
		t.Errorf("%d, %d", check.Number, head.Number)
	}
	// Whatever of an event is changed shows.
	for name, change := range map[string]func(*audit.Event){
		"customer": func(e *audit.Event) { e.CustomerID++ }, "moment": func(e *audit.Event) { e.At = e.At.Add(time.Microsecond) },
		"kind": func(e *audit.Event) { e.Actor.Kind = audit.System }, "name": func(e *audit.Event) { e.Actor.Name = "" },
		"action": func(e *audit.Event) { e.Action = "deleteAccount" }, "subject": func(e *audit.Event) { e.SubjectID = nil },
		"consumer": func(e *audit.Event) { e.ConsumerID = nil }, "request": func(e *audit.Event) { e.RequestID = nil }, "hash": func(e *audit.Event) { e.Hash = audit.Start },
	} {
		changed := first
		change(&changed)
		if err := (&audit.Head{}).Check(changed); err == nil || err.Error() != "event 1 is not what was sealed" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&audit.Head{}).Check(second); err == nil || err.Error() != "event 1 is missing" {
		t.Errorf("%v", err)
	}
}

func TestFilter(t *testing.T) {
	at := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	later := at.Add(time.Second)
	actions := slices.Repeat([]string{"createAccount"}, 101)
	for _, c := range []struct {
		filter audit.Filter
		want   string // fields with faults
	}{
		{audit.Filter{}, "[]"},
		{audit.Filter{From: &at, To: &later, Actions: actions[:100], ConsumerIDs: make([]bank.Ref, 100)}, "[]"},
		{audit.Filter{From: &at}, "[]"},
		{audit.Filter{To: &at}, "[]"},
		{audit.Filter{From: &at, To: &at}, "[f.to]"},
		{audit.Filter{From: &later, To: &at}, "[f.to]"},
		{audit.Filter{Actions: []string{"createAccount", ""}}, "[f.actions.1]"},
		{audit.Filter{From: &at, To: &at, Actions: actions, ConsumerIDs: make([]bank.Ref, 101)}, "[f.consumerIds f.actions f.to]"},
	} {
		fields := []string{}
		for _, f := range c.filter.Check("f") {
			fields = append(fields, f.Field)
		}
		if got := fmt.Sprint(fields); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
