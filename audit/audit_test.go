package audit_test

import (
	"encoding/hex"
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
	if err := (&audit.Head{}).Check(second); err == nil || err.Error() != "event 1 is missing" {
		t.Errorf("%v", err)
	}
}

func TestFilter(t *testing.T) {
	at := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	if faults := (audit.Filter{From: &at, To: &at, Actions: make([]string, 101), ConsumerIDs: make([]bank.Ref, 101)}).Check("filter"); len(faults) < 3 {
		t.Errorf("%v", faults)
	}
	later := at.Add(time.Second)
	if faults := (audit.Filter{From: &at, To: &later, Actions: []string{"createAccount"}}).Check("filter"); faults != nil {
		t.Errorf("%v", faults)
	}
}
