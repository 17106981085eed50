package fault

import (
	"fmt"
	"slices"
	"testing"
)

func TestMany(t *testing.T) {
	var m Many
	m.Add(nil)
	if m.Err() != nil {
		t.Error("no fault is no error")
	}
	m.Add(Missing("transactions.3.amount"))
	if got := m.Err().Error(); got != "Y812: Required field/value - amount missing in the request (transactions.3.amount)" {
		t.Error(got)
	}
	m.Add(Unknown("", "Account"))
	wrapped := fmt.Errorf("store: %w", m.Err())
	if got := Of(wrapped); len(got) != 2 || got[1].Code != NotFound {
		t.Errorf("faults of a wrapped error: %v", got)
	}
	if Of(fmt.Errorf("secret")) != nil {
		t.Error("an ordinary error shows nothing to a client")
	}
}

func TestCodes(t *testing.T) {
	codes := slices.Clone(Codes)
	slices.Sort(codes)
	if len(slices.Compact(codes)) != len(Codes) {
		t.Error("a code is listed twice")
	}
}
