package category

import (
	"testing"

	"insightgraph/bank"
)

func TestTree(t *testing.T) {
	seen := map[int]bool{}
	for _, c := range Tree() {
		if seen[c.ID] {
			t.Errorf("id %d twice", c.ID)
		}
		seen[c.ID] = true
		if c.Parent == 0 {
			continue
		}
		parent, ok := ByID(c.Parent)
		if !ok || !seen[c.Parent] || parent.Parent != 0 {
			t.Errorf("%s: parent %d is not a first-level category before it", c.Name, c.Parent)
		}
		if parent.Type != c.Type {
			t.Errorf("%s is %s under %s", c.Name, c.Type, parent.Type)
		}
	}
	for _, r := range mccs {
		if _, ok := ByID(r.category); !ok || r.from > r.to {
			t.Errorf("merchant codes %d to %d lead to category %d", r.from, r.to, r.category)
		}
	}
}

func TestOf(t *testing.T) {
	for code, want := range map[string]int{"5411": 201, "5661": 302, "6011": 1500, "0001": None} {
		if got := Of(bank.Transaction{MCC: &code}); got.Category != want {
			t.Errorf("merchant code %s: category %d, want %d", code, got.Category, want)
		}
	}
	if got := Of(bank.Transaction{}); got != (Answer{None, bank.SourceNone}) {
		t.Errorf("nothing known: %+v", got)
	}
}
