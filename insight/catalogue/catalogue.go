// Package catalogue holds the insights, a file each. A new insight is one file, one line in All and one test.
package catalogue

import (
	"slices"

	"insightgraph/insight"
)

// All is the table of contents.
var All = []insight.Definition{
	spendingAndEarningComparison,
}

// ByName finds an insight.
func ByName(name string) (insight.Definition, bool) {
	i := slices.IndexFunc(All, func(d insight.Definition) bool { return d.Name == name })
	if i < 0 {
		return insight.Definition{}, false
	}
	return All[i], true
}
