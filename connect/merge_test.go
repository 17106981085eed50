package connect

import (
	"strings"
	"testing"

	"insightgraph/bank"
)

// TestMergeParties: of two files that share a day, one has one booked row of an amount and the other another.
func TestMergeParties(t *testing.T) {
	filed := func(id, s string) bank.Transaction {
		f := append(strings.Split(s, "|"), "", "")
		x := row(id + " + 03-02 -49.00 " + f[0])
		x.ID = 1
		if f[1] != "" {
			x.CounterpartyName = &f[1]
		}
		if f[2] != "" {
			x.CounterpartyIBAN = &f[2]
		}
		return x
	}
	for name, c := range map[string]struct {
		one, two string // text, name and account
		same     bool
	}{
		"two bills":                   {"Rechnung 1001|Stadtwerke", "Rechnung 2002|Telekom", false},
		"two cards":                   {"Karte 111|Cafe Anton", "Karte 222|Baeckerei Berta", false},
		"two firms":                   {"Rechnung 1001|Stadtwerke Nord GmbH", "Rechnung 2002|Telekom GmbH", false},
		"two accounts":                {"Rechnung 1001||DE89370400440532013000", "Rechnung 1001||DE02120300000000202051", false},
		"told again":                  {"Rechnung 1001|Stadtwerke", "RECHNUNG 1001|Stadtwerke", true},
		"a longer name":               {"Rechnung 1001|Stadtwerke", "Rechnung 1001|STADTWERKE MUENCHEN GMBH", true},
		"another alphabet":            {"Rechnung 1001|Bäckerei Groß", "Rechnung 1001|BAECKEREI GROSS", true},
		"a name without blanks":       {"Rechnung 1001|Cafe Anton", "Rechnung 1001|CAFEANTON", true},
		"a name in one file alone":    {"Rechnung 1001", "Rechnung 1001|Telekom", true},
		"one account under two names": {"Rechnung 1001|Stadtwerke|DE89370400440532013000", "Rechnung 1001|Telekom|DE89370400440532013000", true},
		"an account by its number":    {"Rechnung 1001||DE89370400440532013000", "Rechnung 1001||0532013000", true},
	} {
		_, store := Merge([]bank.Transaction{filed("st-1", c.one)}, []bank.Transaction{filed("st-2", c.two)})
		if same := len(store) == 0; same != c.same {
			t.Errorf("%s: %v, want %v", name, same, c.same)
		}
		// What a bank has told of the day is all of it.
		if _, store := Merge([]bank.Transaction{filed("bank", c.one)}, []bank.Transaction{filed("st-2", c.two)}); len(store) != 0 {
			t.Errorf("%s: a linked account's row is stored again", name)
		}
	}
}
