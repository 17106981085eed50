package paper

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/chromedp/chromedp"
	"github.com/go-pdf/fpdf"
	"github.com/govalues/decimal"
	"golang.org/x/image/font/gofont/goregular"

	"insightgraph/web/webtest"
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
	if n := strings.Count(page, "<details>"); n != 2 || strings.Count(page, `role="img"><title>`) != 2*n || !strings.Contains(page, "<desc>A line from 1 to 3, between 1 and 3.</desc>") {
		t.Errorf("%d charts are told in words and numbers", n)
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
	// A row may be too short or too long, and a chart may have more series than colours.
	odd := Doc{Title: "cut \xe2\x82", Blocks: []Block{Table{Columns: []Column{{"A", false}, {"B", true}}, Rows: [][]string{{}, {"1", "2", "3"}}, Sums: 9, Bars: 2},
		Chart{Caption: "Many", Labels: []string{"a"}, Series: slices.Repeat([]Series{{"x", []*decimal.Decimal{dec("1")}}}, 9)}, Chart{Series: []Series{{"x", []*decimal.Decimal{dec("1")}}}}}}
	written(t, odd.PDF)
	page = odd.page(t)
	wellFormed(t, strings.ToValidUTF8(page, "?"))
	if strings.Contains(page, `class="s6"`) || !strings.Contains(page, "no values") {
		t.Error("a series has no colour, or an empty chart is not told")
	}
	for _, empty := range []Doc{{}, {Blocks: []Block{Figures{}, Notes{}, Table{}, Chart{}, Text(""), Heading("")}}} {
		wellFormed(t, empty.page(t))
		written(t, empty.PDF)
	}
}

// word is a text in a PDF, at its place in points from the lower left corner.
type word struct {
	page int
	x, y float64
	text string
}

var (
	streams = regexp.MustCompile(`(?s)stream\n(.*?)\nendstream`)
	shows   = regexp.MustCompile(`(?s)BT (-?[0-9.]+) (-?[0-9.]+) Td \(((?:[^\\)]|\\.)*)\) ?Tj ET`)
	escaped = strings.NewReplacer(`\\`, `\`, `\(`, "(", `\)`, ")", `\r`, "\r")
)

// read gives the texts of a PDF in the order in which they were written.
func read(t *testing.T, pdf string) (words []word, pages int) {
	t.Helper()
	for _, m := range streams.FindAllStringSubmatch(pdf, -1) {
		z, err := zlib.NewReader(strings.NewReader(m[1]))
		if err != nil {
			continue // a font
		}
		content, err := io.ReadAll(z)
		if err != nil || !bytes.Contains(content, []byte("BT ")) {
			continue
		}
		for _, show := range shows.FindAllStringSubmatch(string(content), -1) {
			raw := []byte(escaped.Replace(show[3]))
			var units []uint16
			for i := 0; i+1 < len(raw); i += 2 {
				units = append(units, uint16(raw[i])<<8|uint16(raw[i+1]))
			}
			x, err1 := strconv.ParseFloat(show[1], 64)
			y, err2 := strconv.ParseFloat(show[2], 64)
			if err1 != nil || err2 != nil {
				t.Fatal(show[0])
			}
			words = append(words, word{pages, x, y, string(utf16.Decode(units))})
		}
		pages++
	}
	if m := regexp.MustCompile(`/Count (\d+)`).FindStringSubmatch(pdf); m == nil || m[1] != strconv.Itoa(pages) {
		t.Fatalf("%d pages read, but %v", pages, m)
	}
	for _, w := range words {
		if w.x < 40 || w.x > 560 || w.y < 20 || w.y > 810 {
			t.Errorf("page %d: %q stands at %v, %v, which is in the margin", w.page+1, w.text, w.x, w.y)
		}
	}
	return words, pages
}

func joined(words []word) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w.text + "\n")
	}
	return b.String()
}

func TestPDF(t *testing.T) {
	d := whole()
	pdf := written(t, d.PDF)
	for _, want := range []string{"%PDF-1.", "D:20261121100000", "/Lang (en)"} {
		if !strings.Contains(pdf, want) {
			t.Errorf("the PDF has no %s", want)
		}
	}
	if n := strings.Count(pdf, "Date (D:20261121100000"); n != 2 { // made and changed: else each second gives another PDF
		t.Errorf("%d dates", n)
	}
	if written(t, d.PDF) != pdf {
		t.Error("the same document gives another PDF")
	}
	words, n := read(t, pdf)
	if n != 5 {
		t.Errorf("%d pages", n)
	}
	text := joined(words)
	for _, want := range []string{"Shopping report", "Girokonto", "a month", "What stands out", "More than before.", "A paragraph.", "Groceries", "−5", "Nov", "Row 000", "Row 119", "1,500.00 EUR", "Report cAEH."} {
		if !strings.Contains(text, want) {
			t.Errorf("the PDF does not say %q", want)
		}
	}
	// Each page has its number, and each with rows has the head of the table.
	for i := range n {
		page := joined(slices.DeleteFunc(slices.Clone(words), func(w word) bool { return w.page != i }))
		if !strings.Contains(page, fmt.Sprintf("%d / \n%d\n", i+1, n)) {
			t.Errorf("page %d is not numbered", i+1)
		}
		if strings.Contains(page, "Row ") && !strings.Contains(page, "Share, %") {
			t.Errorf("page %d has rows without a head", i+1)
		}
	}
	// Bars are as long as their share: 12 % of 17 mm.
	d = Doc{Blocks: []Block{Table{Columns: []Column{{"Store", false}, {"Share, %", true}}, Rows: [][]string{{"A", "12.00"}}, Bars: 2}}}
	if pdf := inflated(t, written(t, d.PDF)); !strings.Contains(pdf, fmt.Sprintf(" %.2f -5.67 re f", 17*72/25.4*0.12)) {
		t.Error("there is no bar of 12 %")
	}
}

func inflated(t *testing.T, pdf string) (all string) {
	t.Helper()
	for _, m := range streams.FindAllStringSubmatch(pdf, -1) {
		if z, err := zlib.NewReader(strings.NewReader(m[1])); err == nil {
			if content, err := io.ReadAll(z); err == nil {
				all += string(content)
			}
		}
	}
	return all
}

// Nothing of a long text is lost or runs off a page, and no text is taken for the number of pages.
func TestLongTexts(t *testing.T) {
	long := strings.Repeat("word ", 3000) + "the-last"
	for name, b := range map[string]Block{
		"text": Text(long), "note": Notes{{long, true}}, "cell": Table{Columns: []Column{{"A", false}, {"B", true}}, Rows: [][]string{{long, "1"}}},
		"number": Table{Columns: []Column{{"A", false}, {"B", true}}, Rows: [][]string{{"1", long}}}, "heading": Heading(long), "caption": Chart{Caption: long},
		"unbroken": Text(strings.Repeat("x", 20000) + " the-last"),
	} {
		words, pages := read(t, written(t, Doc{Blocks: []Block{b, Text("{nb} {all} after")}}.PDF))
		text := strings.ReplaceAll(joined(words), "\n", " ")
		if !strings.Contains(text, "the-last") || !strings.Contains(text, "{nb} {all} after") || pages < 2 {
			t.Errorf("%s: %d pages, ends with %q", name, pages, text[max(0, len(text)-100):])
		}
		if n := strings.Count(text, "word"); name != "unbroken" && n != 3000 {
			t.Errorf("%s: %d of 3000 words", name, n)
		}
	}
	words, _ := read(t, written(t, Doc{Facts: []Fact{{"Accounts", long}}}.PDF))
	if n := strings.Count(joined(words), "word"); n != 3000 {
		t.Errorf("fact: %d of 3000 words", n)
	}
	words, _ = read(t, written(t, Doc{Blocks: []Block{Figures{{long, long, long}}}}.PDF)) // cut, but in its box
	if len(words) < 45 {
		t.Errorf("figure: %d lines", len(words))
	}
}

// A heading is on the page of what it is for, wherever the page before it ends.
func TestHeadingsStay(t *testing.T) {
	for lines := range 30 { // a page has 29
		for _, next := range []Block{Table{Columns: []Column{{"follows", false}}, Rows: [][]string{{"a"}}}, Chart{Caption: "follows", Labels: []string{"a"}, Series: []Series{{"", []*decimal.Decimal{dec("1")}}}}, Text("follows"), Figures{{"follows", "", ""}}, Notes{{"follows", false}}} {
			d := Doc{Blocks: append(slices.Repeat([]Block{Text("x")}, lines), Heading("Section"), next)}
			words, _ := read(t, written(t, d.PDF))
			at := func(text string) int {
				return words[slices.IndexFunc(words, func(w word) bool { return w.text == text })].page
			}
			if at("Section") != at("follows") {
				t.Errorf("%d lines, %T: the heading is left behind", lines, next)
			}
		}
	}
}

func TestLetters(t *testing.T) {
	for text, want := range map[string]string{
		"Żółć Straße ş ğ İ ș ț": "Żółć Straße ş ğ İ ș ț", "Ελληνικά Кириллица": "Ελληνικά Кириллица", "5‑10": "5-10", "a\u00a0b\u202fc": "a b c",
		"東京 😀": "?? ?", "u\u0308ber": "uber", "a\u200bb\x01c\u202e": "abc", "bad \xff\xe2\x82": "bad \ufffd\ufffd\ufffd", "(a) \\ b": "(a) \\ b", "à b": "à b",
	} {
		words, _ := read(t, written(t, Doc{Title: text, Blocks: []Block{Text(text)}}.PDF))
		if !slices.ContainsFunc(words, func(w word) bool { return w.text == want }) {
			t.Errorf("%q is not written as %q: %q", text, want, joined(words))
		}
	}
}

func TestColumnWidths(t *testing.T) {
	long := strings.Repeat("word ", 50)
	for name, row := range map[string][]string{
		"short": {"a", "b", "1.00"}, "one long": {"01 Sep 2026", long, "1.00 EUR"}, "two long": {long, long + long, "−1,234.00 EUR"}, "all long": {long, long, strings.Repeat("1", 300)}, "too few": {"a"},
	} {
		table := Table{Columns: []Column{{"A", false}, {"B", false}, {"C", true}}, Rows: [][]string{row}}
		var p press
		p.Fpdf, p.known = fpdf.New("P", "mm", "A4", ""), letters()
		p.AddUTF8FontFromBytes("go", "", goregular.TTF)
		p.AddUTF8FontFromBytes("go", "B", goregular.TTF)
		sum := 0.0
		widths, letters := p.widths(table)
		p.font("", 9*letters, black)
		for i, w := range widths {
			if sum += w; w < 5 {
				t.Errorf("%s: %v", name, widths)
			}
			if text := cell(row, i); len(text) < 20 && len(p.split(text, w-columnGap)) != 1 {
				t.Errorf("%s: %q is cut in %v", name, text, widths)
			}
		}
		if math.Abs(sum-inner) > 0.01 {
			t.Errorf("%s: %v are %v together", name, widths, sum)
		}
	}
}

// An amount stands on one line with what it is of, in sentences, boxes and tables, as long as there is any room for it.
func TestAmountsStay(t *testing.T) {
	one := "-1,234,567.89 EUR"
	many := Table{Columns: []Column{{"Account", false}, {"First day", true}, {"Last day", true}, {"Lowest", true}, {"On", false}, {"Highest", true}, {"On", false}, {"Average", true}},
		Rows: [][]string{{"Girokonto bei der Sparkasse", "12,345.67 EUR", "12,345.67 EUR", "12,345.67 EUR", "31 Dec 2025", "12,345.67 EUR", "31 Dec 2025", "12,345.67 EUR"}}}
	blocks := []Block{Figures{{"a", one, "99.5 % of the income"}, {"b", one, ""}, {"c", one, ""}, {"d", one, ""}}, many,
		Table{Columns: slices.Repeat([]Column{{"A", true}}, 8), Rows: [][]string{slices.Repeat([]string{"1,234.56 EUR"}, 8)}},
		Table{Columns: []Column{{"A", false}, {"B", false}, {"C", true}}, Rows: [][]string{{strings.Repeat("word ", 90), strings.Repeat("word ", 90), one + " a month, " + one + " in all"}}}}
	for n := range 60 {
		blocks = append(blocks, Text(strings.Repeat("x", n)+" "+strings.Repeat("word ", 16)+one+", of (12.5 %), "+one+"; "+one+"."), Notes{{strings.Repeat("x", n) + strings.Repeat(" word", 15) + " 5 % " + one, true}})
	}
	words, _ := read(t, written(t, Doc{Blocks: blocks}.PDF))
	for i, w := range words {
		if regexp.MustCompile(`^(EUR|%)`).MatchString(w.text) {
			t.Errorf("%q is below %q", w.text, words[i-1].text)
		}
	}
	text := joined(words)
	for want, n := range map[string]int{one: 4 + 2 + 60*4, "12,345.67 EUR": 5, "1,234.56 EUR": 8, "99.5 %": 1, "(12.5 %),": 60} {
		if got := strings.Count(text, want); got != n {
			t.Errorf("%q is there %d times, want %d", want, got, n)
		}
	}
	// Where there is none, the amount and what it is of are each whole.
	words, _ = read(t, written(t, Doc{Blocks: []Block{Table{Columns: slices.Repeat([]Column{{"A", true}}, 12), Rows: [][]string{slices.Repeat([]string{"123.45 EUR"}, 12)}}}}.PDF))
	if text := joined(words); strings.Count(text, "123.45") != 12 || strings.Count(text, "EUR") != 12 {
		t.Errorf("%q", text)
	}
	written(t, Doc{Blocks: []Block{Table{Columns: slices.Repeat([]Column{{"A", true}}, 100), Rows: [][]string{{"1.00 EUR"}}}}}.PDF)
}

func TestChartShapes(t *testing.T) {
	huge, some := "9999999999999999", []*decimal.Decimal{dec("1"), nil, dec("-3.5")}
	months := []string{"January 2026", "February 2026", "March 2026"}
	for name, c := range map[string]Chart{
		"empty":      {},
		"no labels":  {Series: []Series{{"", some}}},
		"zeros":      {Labels: []string{"a", "b"}, Series: []Series{{"", []*decimal.Decimal{dec("0"), dec("0")}}}},
		"one":        {Labels: []string{"a"}, Line: true, Series: []Series{{"", []*decimal.Decimal{dec("7")}}}},
		"huge":       {Labels: []string{"a", "b"}, Series: []Series{{"", []*decimal.Decimal{dec(huge), dec("-" + huge)}}}},
		"tiny":       {Labels: []string{"a"}, Series: []Series{{"", []*decimal.Decimal{dec("0.01")}}}},
		"below":      {Labels: months, Line: true, Series: []Series{{"", []*decimal.Decimal{dec("-5"), dec("-7"), dec("-1")}}}},
		"too many":   {Labels: []string{"a"}, Series: []Series{{"", some}}},
		"beyond":     {Labels: []string{"a"}, Line: true, Series: []Series{{"", some}}},
		"too few":    {Labels: months, Series: []Series{{"", nil}, {"", some[:1]}}},
		"ten series": {Labels: months, Series: slices.Repeat([]Series{{"", some}}, 10)},
		"wide":       {Labels: slices.Repeat(months, 200), Series: slices.Repeat([]Series{{"", slices.Repeat(some, 200)}}, 3)},
		"long names": {Labels: slices.Repeat([]string{"Food, drink and groceries of every day"}, 5), Series: []Series{{"", some}}},
	} {
		for _, width := range []float64{wide, narrow} {
			d := c.draw(width)
			texts := map[string]bool{}
			for _, tick := range d.Ticks {
				texts[tick.Text] = true
				if float64(len([]rune(tick.Text)))*letter > d.Left-8 {
					t.Errorf("%s: %q does not fit before %v", name, tick.Text, d.Left)
				}
			}
			if n := len(d.Ticks); n < 2 || n > 8 || n != len(texts) {
				t.Errorf("%s: ticks %v", name, d.Ticks)
			}
			inside := func(x, y float64) bool {
				return x >= d.Left-4 && x <= d.Right+4 && y >= 0 && y <= d.Height && !math.IsNaN(x+y)
			}
			for i, b := range d.Bars {
				if !inside(b.X, b.Y) || !inside(b.X+b.W, b.Y+b.H) || b.H <= 0 || b.W <= 0 || b.Colour < 0 || b.Colour >= colours {
					t.Errorf("%s: bar %d: %+v", name, i, b)
				}
			}
			for _, l := range d.Lines {
				for _, p := range l.Points {
					if !inside(p[0], p[1]) || len(l.Points) < 2 || l.Colour >= colours {
						t.Errorf("%s: %+v", name, l)
					}
				}
			}
			end := math.Inf(-1)
			for _, l := range d.Labels {
				half := float64(len([]rune(l.Text))) * letter / 2
				if l.X-half < end || l.X+half > d.Width+10 {
					t.Errorf("%s: %q at %v, after %v", name, l.Text, l.X, end)
				}
				end = l.X + half
			}
			if len(c.Labels) > 0 && len(d.Labels) == 0 {
				t.Errorf("%s: no labels", name)
			}
		}
	}
	// 10 is twice as high as 5, and below zero hangs down.
	d := Chart{Labels: []string{"a", "b", "c"}, Series: []Series{{"", []*decimal.Decimal{dec("10"), dec("5"), dec("-5")}}}}.draw(wide)
	if b := d.Bars; math.Abs(b[0].H-2*b[1].H) > 0.3 || b[2].Y != d.Zero || math.Abs(b[1].Y+b[1].H-d.Zero) > 0.1 {
		t.Errorf("%+v, zero %v", d.Bars, d.Zero)
	}
	// A gap cuts a line.
	long := Chart{Line: true, Series: []Series{{"", nil}}}
	for i := range 400 {
		long.Labels = append(long.Labels, fmt.Sprintf("%d Sep 2026", i%30))
		v := dec(fmt.Sprint(i))
		if i == 200 {
			v = nil
		}
		long.Series[0].Values = append(long.Series[0].Values, v)
	}
	for width, want := range map[float64]int{wide: 7, narrow: 3} {
		if d := long.draw(width); len(d.Lines) != 2 || len(d.Lines[0].Points) != 200 || len(d.Lines[1].Points) != 199 || len(d.Labels) < want {
			t.Errorf("%d lines, %d labels", len(d.Lines), len(d.Labels))
		}
	}
	// A few names are shortened, not left out.
	names := Chart{Labels: []string{"Food, drink and groceries", "Home and garden", "Clothing and shoes", "Electronics"}, Series: []Series{{"", some}}}
	for _, width := range []float64{wide, narrow} {
		if d := names.draw(width); len(d.Labels) != 4 {
			t.Errorf("labels %v", d.Labels)
		}
	}
}

// Every text is easy to read in each of the three sets of colours, and every shape is easy to see.
func TestContrast(t *testing.T) {
	sets := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(css, -1)
	if len(sets) != 3 {
		t.Fatalf("%d sets of colours", len(sets))
	}
	for i, set := range sets {
		light := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z0-9-]+): #([0-9a-f]{6})`).FindAllStringSubmatch(set[1], -1) {
			for k, weight := range []float64{0.2126, 0.7152, 0.0722} {
				v, err := strconv.ParseUint(m[2][2*k:2*k+2], 16, 8)
				if err != nil {
					t.Fatal(err)
				}
				f := float64(v) / 255
				if f <= 0.04045 {
					f /= 12.92
				} else {
					f = math.Pow((f+0.055)/1.055, 2.4)
				}
				light[m[1]] += weight * f
			}
		}
		contrast := func(a, b string, least float64) {
			x, okX := light[a]
			y, okY := light[b]
			if ratio := (max(x, y) + 0.05) / (min(x, y) + 0.05); !okX || !okY || ratio < least {
				t.Errorf("set %d: %s on %s has %.2f, want %v", i, a, b, ratio, least)
			}
		}
		for _, pair := range [][2]string{{"text", "card"}, {"text", "raised"}, {"soft", "card"}, {"soft", "raised"}, {"accent", "card"}, {"accent", "tint"}, {"warn-text", "warn-back"}} {
			contrast(pair[0], pair[1], 4.5)
		}
		for k := range colours {
			contrast(fmt.Sprintf("s%d", k), "card", 3)
		}
	}
}

// A real browser shows the page from a telephone to a wide screen: nothing stands out to the side, and the strict policy hurts nothing.
func TestBrowser(t *testing.T) {
	d := whole()
	long := strings.Repeat("Donaudampfschifffahrt", 8)
	d.Title, d.Facts = long, append(d.Facts, Fact{long, long})
	d.Blocks = append(d.Blocks, Text(long), Notes{{long, true}}, Figures{{long, long, long}}, Heading(long), Chart{Caption: long, Labels: []string{"a"}, Series: []Series{{long, []*decimal.Decimal{dec("1")}}, {"", nil}}},
		Table{Caption: long, Columns: []Column{{"Store", false}, {"Total", true}}, Rows: [][]string{{long, "38.20"}}})
	text := d.page(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src '"+Style()+"'; base-uri 'none'; form-action 'none'")
		_, _ = io.WriteString(w, text)
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(webtest.Browser(t), time.Minute)
	defer cancel()
	for _, width := range []int64{320, 360, 768, 1280, 1600} {
		var over, cut, shown int64
		err := errors.Join(webtest.Size(ctx, width, 800), chromedp.Run(ctx, chromedp.Navigate(server.URL), chromedp.WaitVisible("h1", chromedp.ByQuery),
			chromedp.Evaluate(`document.documentElement.scrollWidth`, &over),
			chromedp.Evaluate(`[...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth).length`, &cut),
			chromedp.Evaluate(`[...document.querySelectorAll("figure svg")].filter(e => e.getBoundingClientRect().width > 0).length`, &shown)))
		if err != nil {
			t.Fatal(err)
		}
		if over > width {
			t.Errorf("the page is %d wide in a window of %d", over, width)
		}
		if width >= 768 && cut > 0 {
			t.Errorf("%d tables are cut in a window of %d", cut, width)
		}
		if shown != 3 {
			t.Errorf("%d charts are shown in a window of %d", shown, width)
		}
	}
	webtest.Clean(t, ctx)
}

func TestTicks(t *testing.T) {
	for _, one := range []struct {
		v, step, top float64
		want         string
	}{{0, 1, 5, "0"}, {1500, 500, 2000, "1,500"}, {2.5, 2.5, 10, "2.5"}, {-2000, 1000, 3000, "−2,000"}, {2.5e6, 5e5, 3e6, "2.5m"}, {5e5, 5e5, 3e6, "0.5m"}, {3e9, 1e9, 4e9, "3bn"},
		{1e16, 2e15, 1e16, "10,000tn"}, {0.25, 0.25, 1, "0.25"}, {0.0025, 0.0025, 0.01, "0.0025"}, {-0.0001, 1, 5, "0"}} {
		if got := short(one.v, one.step, one.top); got != one.want {
			t.Errorf("%v by %v: %s, want %s", one.v, one.step, got, one.want)
		}
	}
	for v, want := range map[string]string{"12.5": "12.5", "": "", "-3": "0", "250": "100", "x": "0", "7.00 %": "7", "NaN": "0"} {
		if got := (Table{Bars: 1}).bar(0, v); got != want {
			t.Errorf("bar of %q: %s, want %s", v, got, want)
		}
	}
}
