package category

import (
	"math/bits"
	"os"
	"strings"
	"testing"
)

// TestOtherCountries holds the figures on texts of our own from some forty countries. Those of fresh.tsv were written and
// measured before anybody looked at what the categoriser said to them.
func TestOtherCountries(t *testing.T) {
	for _, file := range []string{"countries.tsv", "fresh.tsv"} {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var rows []Labelled
		for line := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n") {
			if f := strings.Split(line, "\t"); len(f) == 3 && f[0] != "set" && !strings.HasPrefix(line, "#") {
				rows = append(rows, Row(f[0], f[1], f[2]))
			}
		}
		s := Evaluate(rows).Total
		if s.Rows < 300 || s.Accuracy() < 95 || s.HighPrecision() < 97 {
			t.Errorf("%s: %d rows, %.2f %% right, %.2f %% of the high ones", file, s.Rows, s.Accuracy(), s.HighPrecision())
		}
	}
}

func TestPlaces(t *testing.T) {
	b := builder{places: map[string]*places{}}
	set := b.countries("benelux tr")
	codes := 0
	for _, seconds := range set {
		codes += bits.OnesCount32(seconds)
	}
	if codes != 4 {
		t.Errorf("%d countries", codes)
	}
	for code, want := range map[string]bool{"be": true, "nl": true, "lu": true, "tr": true, "de": false, "": false, "t": false, "\xff\xff": false, "TR": false, "tr2": false} {
		if set.has(code) != want {
			t.Errorf("%q: %v", code, !want)
		}
	}
	if b.countries("*") != nil {
		t.Error("* is a set")
	}
	if b.countries("benelux tr") != set {
		t.Error("equal columns are kept twice")
	}
	for _, wrong := range []string{"DE", "d", "deu", "de **"} { // of all tables: TestTables reads them
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is a list of countries", wrong)
				}
			}()
			b.countries(wrong)
		}()
	}
}
