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
)

var (
	//go:embed page.css
	css string
	//go:embed page.html
	html string
	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"css":    func() template.CSS { return template.CSS(css) },
		"kind":   kind,
		"draw":   Chart.draw,
		"points": points,
		"add":    func(a, b float64) float64 { return a + b },
		"bar":    Table.bar,
		"short":  func(cell string) bool { return len(cell) <= 15 },
		"isSum":  func(t Table, i int) bool { return i >= len(t.Rows)-t.Sums },
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

// bar is the width of the bar in a cell of column i, "" where there is none.
func (t Table) bar(i int, cell string) string {
	if i+1 != t.Bars || cell == "" {
		return ""
	}
	return barWidth(cell)
}

// barWidth is the percent in a cell that is drawn as a bar, from 0 to 100.
func barWidth(cell string) string {
	f, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(cell, "%")), 64)
	if err != nil || f < 0 {
		return "0"
	}
	return strconv.FormatFloat(min(f, 100), 'f', -1, 64)
}

// values are the rows of a chart's table, for those who do not see it.
func values(c Chart) (rows [][]string) {
	for i, l := range c.Labels {
		row := []string{l}
		for _, s := range c.Series {
			cell := ""
			if i < len(s.Values) && s.Values[i] != nil {
				cell = s.Values[i].String() + " " + c.Unit
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return rows
}
