package graph

import (
	"regexp"
	"strings"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/page"
)

// pageArgs reads Relay's arguments. A cursor comes from a client, so its key must be one of this list: fits tells.
func pageArgs(fits func(key string) bool, first *int, after *string, last *int, before *string) (page.Args, error) {
	a, err := page.Parse(first, after, last, before)
	if err == nil && a.Cursor != nil && !fits(a.Cursor.Key) {
		field := "after"
		if a.Backward {
			field = "before"
		}
		return a, fault.Invalid(field, "Invalid value for %s; it is not a cursor of this list", field)
	}
	return a, err
}

// The keys of the lists.
func byID(key string) bool   { return key == "" }
func byDay(key string) bool  { _, err := bank.ParseDate(key); return err == nil }
func byBank(key string) bool { return strings.Contains(key, "\t") && !strings.ContainsRune(key, 0) }

// byInsight does not ask for an insight of today: there are outcomes of those that are gone.
func byInsight(key string) bool { return insightName.MatchString(key) }

var insightName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
