package category

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"insightgraph/bank"
)

// Labels maps the broad labels of labelled data to our categories; a first-level one stands for all below it. A label that
// is wide, such as shopping, is met by any kind of it; a category may meet several labels. Our own names and ids are
// labels too. This is the one place where that is decided.
var Labels = map[string][]int{
	"groceries":     {200},
	"fashion":       {300},
	"eating_out":    {400},
	"housing":       {501, 502, 503, 504},
	"utilities":     {503},
	"home":          {504, 505, 506},
	"transport":     {600},
	"shopping":      {700, 300, 505, 506},
	"electronics":   {702},
	"beauty":        {704},
	"pets":          {707},
	"sport":         {304, 708, 804},
	"health":        {800},
	"entertainment": {900, 703, 804},
	"subscriptions": {902, 1002, 703},
	"travel":        {904, 905, 906, 602, 1106},
	"telecom":       {1001, 1004},
	"insurance":     {1100},
	"finance":       {1200, 1603, 1100},
	"fees":          {1201, 1202, 1206},
	"loan":          {1203, 502, 1602, 1605},
	"income":        {100},
	"transfer":      {1600},
	"cash":          {1500, 108},
	"education":     {1302, 1301},
	"donation":      {1304},
	"government":    {1403, 1204},
	"services":      {1400, 1003, 504, 1002},
	"other":         {1404},
}

// Labelled is a transaction whose category somebody has decided. Any of the labels is right.
type Labelled struct {
	Set    string
	Input  Input
	Labels []string
}

// Score counts answers.
type Score struct{ Rows, Answered, Right, High, HighRight int }

// Accuracy is the share of rows answered rightly, Coverage of those answered, Precision of answers that are right,
// HighPrecision of confident ones; in percent, 0 of none.
func (s Score) Accuracy() float64      { return percent(s.Right, s.Rows) }
func (s Score) Coverage() float64      { return percent(s.Answered, s.Rows) }
func (s Score) Precision() float64     { return percent(s.Right, s.Answered) }
func (s Score) HighPrecision() float64 { return percent(s.HighRight, s.High) }

func percent(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// Named is the score of a set or category.
type Named struct {
	Name string
	Score
}

// Evaluation is how well the categoriser does on labelled rows. Categories are those answered, by their first level.
type Evaluation struct {
	Total      Score
	Sets       []Named
	Categories []Named
	Wrong      []Mistake
}

// Mistake is a row that was answered wrongly or not at all.
type Mistake struct {
	Labelled
	Answer Answer
}

// Evaluate compares answers with labels.
func Evaluate(rows []Labelled) Evaluation {
	var e Evaluation
	sets, categories := map[string]*Score{}, map[string]*Score{}
	for _, row := range rows {
		answer := Categorise(row.Input)
		right := slices.ContainsFunc(row.Labels, func(l string) bool { return Meets(answer.Category, l) })
		c, _ := ByID(top(answer.Category))
		for _, s := range []*Score{&e.Total, at(sets, row.Set), at(categories, c.Name)} {
			s.Rows++
			if answer.Category == None {
				continue
			}
			s.Answered++
			high := answer.Confidence >= High
			if high {
				s.High++
			}
			if right {
				s.Right++
				if high {
					s.HighRight++
				}
			}
		}
		if !right {
			e.Wrong = append(e.Wrong, Mistake{row, answer})
		}
	}
	e.Sets, e.Categories = sorted(sets), sorted(categories)
	return e
}

func at(m map[string]*Score, name string) *Score {
	if m[name] == nil {
		m[name] = &Score{}
	}
	return m[name]
}

func sorted(m map[string]*Score) []Named {
	var all []Named
	for name, s := range maps.All(m) {
		all = append(all, Named{name, *s})
	}
	slices.SortFunc(all, func(a, b Named) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Meets tells whether a category is what the label means.
func Meets(id int, label string) bool {
	c, ok := ByID(id)
	if !ok || id == None {
		return false
	}
	label = strings.ToLower(strings.TrimSpace(label))
	for _, wanted := range Labels[label] {
		if id == wanted || c.Parent == wanted {
			return true
		}
	}
	for _, w := range tree {
		if w.ID != None && strings.ToLower(w.Name) == label && (id == w.ID || c.Parent == w.ID) {
			return true
		}
	}
	return false
}

// CountryOfSet is the country whose code a set's name begins with ("DE bank texts"), "" if it begins otherwise. It stands
// for the account's country, which a real transaction brings along.
func CountryOfSet(set string) string {
	first, _, _ := strings.Cut(set, " ")
	if len(first) != 2 || first != strings.ToUpper(first) {
		return ""
	}
	if first == "UK" {
		return "GB"
	}
	return first
}

// Row makes one from a set, a text and labels divided by |.
func Row(set, text, labels string) Labelled {
	return Labelled{set, Input{Transaction: bank.Transaction{Description: text}, Country: CountryOfSet(set)}, strings.Split(labels, "|")}
}
