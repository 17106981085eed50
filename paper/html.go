package paper

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"

	"github.com/govalues/decimal"
)

var (
	//go:embed page.css
	css string
	//go:embed page.html
	html string
	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"css":    func() template.CSS { return template.CSS(css) },
		"kind":   kind,
		"draw":   func(c Chart) []drawing { return []drawing{c.draw(wide), c.draw(narrow)} },
		"about":  Chart.about,
		"points": points,
		"add":    func(a, b float64) float64 { return a + b },
		"colour": func(i int) int { return i % colours },
		"cell":   cell,
		"bar":    Table.bar,
		"long":   func(text string) bool { return len([]rune(text)) > 15 },
		"isSum":  Table.isSum,
		"values": values,
	}).Parse(html))
)

// Links are what a page leads to; empty ones are not shown.
type Links struct{ PDF string }

// Style is what a content security policy must allow for the page's style: the hash of it.
func Style() string {
	sum := sha256.Sum256([]byte(css))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// HTML writes the document as one page that needs nothing else: no script, no other file.
func (d Doc) HTML(w io.Writer, l Links) error {
	return page.Execute(w, struct {
		Doc
		Links Links
	}{d, l})
}

// kind is the name of a block's template.
func kind(b Block) string {
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", b), "paper."))
}

func points(l line) string {
	var all []string
	for _, p := range l.Points {
		all = append(all, strconv.FormatFloat(p[0], 'f', -1, 64)+","+strconv.FormatFloat(p[1], 'f', -1, 64))
	}
	return strings.Join(all, " ")
}

// cell is a row's text in column i; a row may be too short.
func cell(row []string, i int) string {
	if i < len(row) {
		return row[i]
	}
	return ""
}

func (t Table) isSum(row int) bool { return row >= len(t.Rows)-t.Sums }

// bar is how much of a bar in column i is filled, in percent; "" where there is no bar.
func (t Table) bar(i int, text string) string {
	if i+1 != t.Bars || text == "" {
		return ""
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "%")), 64)
	if err != nil || !(f > 0) {
		return "0"
	}
	return strconv.FormatFloat(min(f, 100), 'f', -1, 64)
}

// about says what a chart shows to those who do not see it; its values are in a table below it. It is "" where there are none.
func (c Chart) about() string {
	var low, high *decimal.Decimal
	for _, s := range c.Series {
		for _, v := range s.Values[:min(len(s.Values), len(c.Labels))] {
			if v != nil && (low == nil || v.Cmp(*low) < 0) {
				low = v
			}
			if v != nil && (high == nil || v.Cmp(*high) > 0) {
				high = v
			}
		}
	}
	if low == nil {
		return ""
	}
	shape := "Columns"
	if c.Line {
		shape = "A line"
	}
	return strings.TrimSpace(fmt.Sprintf("%s from %s to %s, between %s and %s %s", shape, c.Labels[0], c.Labels[len(c.Labels)-1], low, high, c.Unit)) + "."
}

// values are the rows of a chart's table.
func values(c Chart) (rows [][]string) {
	for i, l := range c.Labels {
		row := []string{l}
		for _, s := range c.Series {
			text := ""
			if i < len(s.Values) && s.Values[i] != nil {
				text = s.Values[i].String()
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return rows
}
