package category

import (
	"strconv"
	"strings"
	"testing"

	"insightgraph/bank"
)

// TestOwnNames asks for each merchant of ours by each of its names. Words of the bank's come before merchants, and some names
// are those of others elsewhere: of 15,000 it may be 40.
func TestOwnNames(t *testing.T) {
	type asked struct{ name, country string }
	want := map[asked]map[int]bool{}
	for line := range strings.Lines(merchantTable) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 4 || f[0][0] == '#' {
			continue
		}
		out, _, _ := strings.Cut(f[1], "/")
		id, _ := strconv.Atoi(out)
		if id == 0 {
			continue
		}
		country := ""
		if first, _, _ := strings.Cut(f[2], " "); first != "*" {
			country, _, _ = strings.Cut(groupsOf[first]+" ", " ")
			if country == "" {
				country = first
			}
		}
		for item := range strings.SplitSeq(f[3], ";") {
			name, patterns, given := strings.Cut(strings.TrimSpace(item), "=")
			if name == "" || strings.HasSuffix(name, "?") {
				continue
			}
			if !given {
				patterns = name
			}
			for p := range strings.SplitSeq(patterns, "|") {
				key := asked{words(strings.Trim(p, "*! ")), country}
				if want[key] == nil {
					want[key] = map[int]bool{}
				}
				want[key][top(id)] = true
			}
		}
	}
	var wrong []string
	for key, ids := range want {
		got := Categorise(Input{Transaction: transaction(bank.Debit, key.name), Country: key.country})
		if !ids[top(got.Category)] {
			wrong = append(wrong, key.country+" "+key.name+": "+got.Rule)
		}
	}
	if len(want) < 10000 || len(wrong) > 40 {
		t.Errorf("of %d names %d lead elsewhere: %s", len(want), len(wrong), strings.Join(wrong, "; "))
	}
}
