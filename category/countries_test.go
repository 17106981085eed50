package category

import (
	"os"
	"strings"
	"testing"
)

// TestOtherCountries holds the figures on texts of our own from some thirty countries.
func TestOtherCountries(t *testing.T) {
	text, err := os.ReadFile("testdata/countries.tsv")
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
	if s.Rows < 400 || s.Accuracy() < 95 || s.HighPrecision() < 97 {
		t.Errorf("%d rows, %.2f %% right, %.2f %% of the high ones", s.Rows, s.Accuracy(), s.HighPrecision())
	}
}
