package catalogue_test

import (
	"regexp"
	"slices"
	"testing"
	"unicode/utf8"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
)

// What every insight must satisfy.
func TestAll(t *testing.T) {
	names := map[string]bool{}
	for _, d := range catalogue.All {
		t.Run(d.Name, func(t *testing.T) {
			if names[d.Name] || !regexp.MustCompile(`^[A-Z][A-Z_]*[A-Z]$`).MatchString(d.Name) {
				t.Error("the name is not capitals and underscores, or taken")
			}
			names[d.Name] = true
			if n := utf8.RuneCountInString(d.Title); n < 3 || n > 100 || d.Description == "" || d.Unmet == "" {
				t.Error("title, description or the sentence of the unmet condition is missing")
			}
			if !slices.Contains([]insight.Type{insight.Aggregate, insight.Other}, d.Type) ||
				!slices.Contains([]insight.TriggerType{insight.OnSchedule, insight.OnRefresh, insight.OnEvent}, d.Trigger) {
				t.Errorf("type %s, trigger %s", d.Type, d.Trigger)
			}
			if len(d.Containers) == 0 || slices.ContainsFunc(d.Containers, func(c bank.Container) bool { return !slices.Contains(bank.Containers, c) }) {
				t.Errorf("containers %v", d.Containers)
			}
			if len(d.Entities) == 0 || slices.ContainsFunc(d.Entities, func(e insight.EntityType) bool {
				return e != insight.EntityAccount && e != insight.EntityView
			}) {
				t.Errorf("entities %v", d.Entities)
			}
			if d.Type == insight.Aggregate && d.PerEntity {
				t.Error("an insight over all accounts has no settings for one")
			}
			if d.PerEntity || d.Type == insight.Other {
				t.Error("tasks evaluate each insight once a person, with the settings for all accounts: they do not look at those of single accounts, nor at a trigger's entityIds")
			}
			frequencies := append([]insight.Frequency{d.Frequency}, d.Frequencies...)
			for i, f := range frequencies {
				if !slices.Contains([]insight.Frequency{insight.Daily, insight.Weekly, insight.Monthly, insight.MidMonthly}, f) || slices.Contains(frequencies[:i], f) {
					t.Errorf("frequency %q is unknown or there twice", f)
				}
			}
			durations := append([]insight.Duration{d.Duration}, d.Durations...)
			for i, u := range durations {
				if !slices.Contains([]insight.Duration{insight.ThisMonth, insight.LastMonth, insight.LastThreeMonths, insight.LastSixMonths,
					insight.LastTwelveMonths}, u) || slices.Contains(durations[:i], u) {
					t.Errorf("duration %q is unknown or there twice", u)
				}
			}
			limits := map[string]bool{}
			for _, l := range d.Thresholds {
				if l.Name == "" || limits[l.Name] || l.Default.Cmp(l.Minimum) < 0 || l.Default.Cmp(l.Maximum) > 0 {
					t.Errorf("threshold %+v: no name, there twice, or the default is outside its bounds", l)
				}
				limits[l.Name] = true
			}
			if found := d.Evaluate(insight.Facts{}); len(found) != 0 {
				t.Errorf("finds %+v in nothing", found)
			}
			if got, ok := catalogue.ByName(d.Name); !ok || got.Name != d.Name {
				t.Error("not found by name")
			}
		})
	}
	if _, ok := catalogue.ByName("NO_SUCH"); ok {
		t.Error("found what is not there")
	}
}
