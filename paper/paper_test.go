package paper

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"
)

func dec(s string) *decimal.Decimal {
	d := decimal.MustParse(s)
	return &d
}

// whole has one of each block.
func whole() Doc {
	rows := [][]string{}
	for i := range 120 {
		rows = append(rows, []string{fmt.Sprintf("Row %03d", i), "12.50 EUR", fmt.Sprint(i)})
	}
	rows = append(rows, []string{"Together", "1,500.00 EUR", ""})
	return Doc{Title: "Shopping report", Subtitle: "2026", Made: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), Facts: []Fact{{"Accounts", "Girokonto"}},
		Blocks: []Block{Figures{{"Shopping", "12.50 EUR", "a month"}}, Heading("What stands out"), Notes{{"More than before.", true}, {"As before.", false}}, Text("A paragraph."),
			Chart{Caption: "Months", Unit: "EUR", Labels: []string{"Oct", "Nov"}, Series: []Series{{"Groceries", []*decimal.Decimal{dec("10"), dec("-5")}}, {"Fashion", []*decimal.Decimal{nil, dec("3")}}}},
			Chart{Caption: "Days", Line: true, Labels: []string{"1", "2", "3"}, Series: []Series{{"A", []*decimal.Decimal{dec("1"), nil, dec("3")}}}},
			Table{Caption: "Stores", Columns: []Column{{"Store", false}, {"Total", true}, {"Share, %", true}}, Rows: rows, Bars: 3, Sums: 1}},
		Footer: "Report cAEH."}
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func (d Doc) page(t *testing.T) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return d.HTML(w, Links{PDF: "/x.pdf?token=a&b"}) })
}

// wellFormed reads the page strictly and gives the names of its elements.
func wellFormed(t *testing.T, page string) (names []string) {
	t.Helper()
	page = strings.TrimPrefix(page, "<!doctype html>\n")
	page = regexp.MustCompile(`<meta [^>]*>`).ReplaceAllString(page, "")
	d := xml.NewDecoder(strings.NewReader(page))
	d.Entity = xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			names = append(names, e.Name.Local)
			for _, a := range e.Attr {
				if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("%s has %s, which the content security policy refuses", e.Name.Local, a.Name.Local)
				}
			}
		}
	}
}

func TestPage(t *testing.T) {
	page := whole().page(t)
	names := wellFormed(t, page)
	for _, want := range []string{"h1", "h2", "dl", "table", "caption", "svg", "rect", "polyline", "footer"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s", want)
		}
	}
	for _, never := range []string{"script", "link", "img", "iframe", "form"} {
		if slices.Contains(names, never) {
			t.Errorf("there is a %s", never)
		}
	}
	for _, want := range []string{`href="/x.pdf?token=a&amp;b"`, `<li class="strong">More than before.</li>`, `class="sum"`, `<th scope="col" class="number">Total</th>`, `lang="en"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if n := strings.Count(page, `class="bar"`); n != 120 {
		t.Errorf("%d bars", n)
	}
	// The policy allows what stands in the page.
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)[1]
	if sum := sha256.Sum256([]byte(style)); Style() != "sha256-"+base64.StdEncoding.EncodeToString(sum[:]) {
		t.Error("the hash of the style is another one")
	}
	if again := whole().page(t); again != page {
		t.Error("the same document gives another page")
	}
}

func TestHostileTexts(t *testing.T) {
	const evil = `</style></title><script>alert("x")</script>&'"` + "\x00\u202e"
	d := Doc{Title: evil, Subtitle: evil, Facts: []Fact{{evil, evil}}, Footer: evil, Blocks: []Block{Heading(evil), Text(evil), Figures{{evil, evil, evil}}, Notes{{evil, true}},
		Table{Caption: evil, Columns: []Column{{evil, false}}, Rows: [][]string{{evil}, {strings.Repeat("x", 5000)}}},
		Chart{Caption: evil, Unit: evil, Labels: []string{evil}, Series: []Series{{evil, []*decimal.Decimal{dec("1")}}, {evil, nil}}}}}
	page := strings.ReplaceAll(d.page(t), "\x00", "")
	if slices.Contains(wellFormed(t, strings.ReplaceAll(page, "\uFFFD", "")), "script") {
		t.Error("a text became a script")
	}
	written(t, d.PDF)
	for _, empty := range []Doc{{}, {Blocks: []Block{Figures{}, Notes{}, Table{}, Chart{}, Text(""), Heading("")}}} {
		wellFormed(t, empty.page(t))
		written(t, empty.PDF)
	}
}

var pages = regexp.MustCompile(`/Count (\d+)`)

func TestPDF(t *testing.T) {
	d := whole()
	pdf := written(t, d.PDF)
	if !strings.HasPrefix(pdf, "%PDF-1.") || pages.FindStringSubmatch(pdf)[1] != "6" || !strings.Contains(pdf, "D:20261121100000") {
		t.Errorf("%d bytes, pages %v", len(pdf), pages.FindStringSubmatch(pdf))
	}
	if written(t, d.PDF) != pdf {
		t.Error("the same document gives another PDF")
	}
	if d.Title = "Other"; written(t, d.PDF) == pdf {
		t.Error("another document gives the same PDF")
	}
}

func TestChartShapes(t *testing.T) {
	huge := "9999999999999999"
	for name, c := range map[string]Chart{
		"empty":    {},
		"zeros":    {Labels: []string{"a", "b"}, Series: []Series{{"", []*decimal.Decimal{dec("0"), dec("0")}}}},
		"one":      {Labels: []string{"a"}, Line: true, Series: []Series{{"", []*decimal.Decimal{dec("7")}}}},
		"huge":     {Labels: []string{"a", "b"}, Series: []Series{{"", []*decimal.Decimal{dec(huge), dec("-" + huge)}}}},
		"tiny":     {Labels: []string{"a"}, Series: []Series{{"", []*decimal.Decimal{dec("0.01")}}}},
		"too many": {Labels: []string{"a"}, Series: []Series{{"", []*decimal.Decimal{dec("1"), dec("2")}}}},
	} {
		d := c.draw()
		if len(d.Ticks) < 2 || len(d.Ticks) > 12 {
			t.Errorf("%s: %d ticks", name, len(d.Ticks))
		}
		inside := func(x, y float64) bool {
			return x >= chartLeft-3 && x <= chartWidth && y >= 0 && y <= chartHeight && !math.IsNaN(x+y)
		}
		for _, b := range d.Bars {
			if !inside(b.X, b.Y) || !inside(b.X+b.W, b.Y+b.H) || b.H <= 0 || b.W <= 0 {
				t.Errorf("%s: %+v", name, b)
			}
		}
		for _, l := range d.Lines {
			for _, p := range l.Points {
				if !inside(p[0], p[1]) || len(l.Points) < 2 {
					t.Errorf("%s: %+v", name, l)
				}
			}
		}
	}
	// 10 is twice as high as 5, and below zero hangs down.
	d := Chart{Labels: []string{"a", "b", "c"}, Series: []Series{{"", []*decimal.Decimal{dec("10"), dec("5"), dec("-5")}}}}.draw()
	if b := d.Bars; math.Abs(b[0].H-2*b[1].H) > 0.3 || b[2].Y != d.Zero || b[1].Y+b[1].H != d.Zero {
		t.Errorf("%+v, zero %v", d.Bars, d.Zero)
	}
	// A gap cuts a line, and labels never meet.
	long := Chart{Line: true, Series: []Series{{"", nil}}}
	for i := range 400 {
		long.Labels = append(long.Labels, fmt.Sprintf("%d Sep 2026", i%30))
		v := dec(fmt.Sprint(i))
		if i == 200 {
			v = nil
		}
		long.Series[0].Values = append(long.Series[0].Values, v)
	}
	d = long.draw()
	if len(d.Lines) != 2 || len(d.Labels) < 4 {
		t.Errorf("%d lines, %d labels", len(d.Lines), len(d.Labels))
	}
	for i := 1; i < len(d.Labels); i++ {
		if d.Labels[i].X-d.Labels[i-1].X < 80 {
			t.Errorf("labels at %v and %v", d.Labels[i-1].X, d.Labels[i].X)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, one := range []struct {
		v, step float64
		want    string
	}{{0, 1, "0"}, {1500, 500, "1,500"}, {2.5, 2.5, "2.5"}, {-2000, 1000, "−2,000"}, {2.5e6, 5e5, "2.5m"}, {3e9, 1e9, "3bn"}, {0.25, 0.25, "0.25"}, {-0.0001, 1, "0"}} {
		if got := short(one.v, one.step); got != one.want {
			t.Errorf("%v by %v: %s, want %s", one.v, one.step, got, one.want)
		}
	}
	for v, want := range map[string]string{"12.5": "12.5", "": "0", "-3": "0", "250": "100", "x": "0", "7.00 %": "7"} {
		if got := barWidth(v); got != want {
			t.Errorf("bar of %q: %s, want %s", v, got, want)
		}
	}
}
