package paper

import (
	"cmp"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
)

// A4 in millimetres.
const (
	paperWidth, margin = 210.0, 16.0
	inner              = paperWidth - 2*margin
	bottom             = 279.0 // where a page ends
	cellLine, cellPad  = 4.5, 2.5
	scale              = inner / wide // a chart's unit
	pageCount          = "\x01pages\x01"
)

type ink struct{ r, g, b int }

var (
	black   = ink{23, 32, 44}
	soft    = ink{76, 90, 107}
	rule    = ink{211, 218, 227}
	raised  = ink{245, 247, 250}
	tint    = ink{232, 240, 251}
	warn    = ink{255, 244, 220}
	warning = ink{107, 67, 0}
	accents = [colours]ink{{20, 87, 179}, {179, 84, 30}, {43, 122, 75}, {122, 63, 160}, {11, 114, 133}, {176, 42, 107}}
)

// press writes a document onto pages.
type press struct {
	*fpdf.Fpdf
	known func(rune) bool
}

// PDF writes the document as PDF.
func (d Doc) PDF(w io.Writer) error {
	p := press{Fpdf: fpdf.New("P", "mm", "A4", ""), known: letters()}
	p.AddUTF8FontFromBytes("go", "", goregular.TTF)
	p.AddUTF8FontFromBytes("go", "B", gobold.TTF)
	p.SetCatalogSort(true)
	p.SetCreationDate(d.Made)
	p.SetModificationDate(d.Made)
	p.SetTitle(p.plain(d.Title), true)
	p.SetProducer("Insightgraph", true)
	p.SetLang("en")
	p.SetMargins(margin, margin, margin)
	p.SetCellMargin(0)
	p.SetAutoPageBreak(false, 0)
	p.SetLineJoinStyle("round")
	p.AliasNbPages(pageCount) // no text can hold this, as plain drops control characters
	p.SetFooterFunc(func() {
		p.font("", 8, soft)
		p.at(margin, 286, inner-30, 4, p.fitting(d.Title, inner-30), "L")
		number := strconv.Itoa(p.PageNo()) + " / "
		// The number of pages is not known yet: this leaves room for as many digits as this page's number has.
		p.at(margin, 286, inner-p.GetStringWidth(strconv.Itoa(p.PageNo())), 4, number, "R")
		p.CellFormat(0, 4, pageCount, "", 0, "L", false, 0, "")
	})
	p.AddPage()
	p.font("B", 20, black)
	p.text(9, d.Title)
	if d.Subtitle != "" {
		p.font("", 11, soft)
		p.text(6, d.Subtitle)
	}
	p.Ln(3)
	p.facts(d.Facts)
	for i, b := range d.Blocks {
		p.Ln(4)
		switch b := b.(type) {
		case Heading:
			p.heading(string(b), d.Blocks[i+1:])
		case Text:
			p.font("", 10, black)
			p.text(5, string(b))
		case Figures:
			p.figures(b)
		case Notes:
			p.notes(b)
		case Table:
			p.table(b)
		case Chart:
			p.chart(b)
		}
	}
	if d.Footer != "" {
		p.Ln(6)
		p.font("", 8, soft)
		p.text(4.5, d.Footer)
	}
	return p.Output(w)
}

// letters tells what the font can write.
func letters() func(rune) bool {
	font, err := sfnt.Parse(goregular.TTF)
	if err != nil {
		panic("the font in this program cannot be read: " + err.Error())
	}
	var buffer sfnt.Buffer
	return func(r rune) bool {
		i, err := font.GlyphIndex(&buffer, r)
		return err == nil && i != 0
	}
}

// plain is a text that the font can write; what it cannot is a question mark.
func (p press) plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Mn): // Mn: an accent that stands by itself
			return -1
		case p.known(r):
			return r
		case unicode.Is(unicode.Pd, r):
			return '-'
		}
		return '?'
	}, s)
}

func (p press) font(style string, size float64, c ink) {
	p.SetFont("go", style, size)
	p.SetTextColor(c.r, c.g, c.b)
}

func (p press) fill(c ink) { p.SetFillColor(c.r, c.g, c.b) }
func (p press) pen(c ink, width float64) {
	p.SetDrawColor(c.r, c.g, c.b)
	p.SetLineWidth(width)
}

// at writes a line that is plain already.
func (p press) at(x, y, width, height float64, line, align string) {
	p.SetXY(x, y)
	p.CellFormat(width, height, line, "", 0, align, false, 0, "")
}

// unit is what a number is of, such as the EUR of 1,234.50 EUR or the % of 12.5 %.
var unit = regexp.MustCompile(`^(%|[A-Z]{3}\b)`)

// parts are what no line should end within: words, and numbers with what they are of.
func (p press) parts(s string) (all []string) {
	for _, word := range strings.Fields(p.plain(s)) {
		if last := len(all) - 1; last >= 0 && endsInDigit(all[last]) && unit.MatchString(word) {
			all[last] += " " + word
			continue
		}
		all = append(all, word)
	}
	return all
}

func endsInDigit(s string) bool {
	last := s[len(s)-1]
	return '0' <= last && last <= '9'
}

// widest is the width of the widest part of a text.
func (p press) widest(s string) (width float64) {
	for _, part := range p.parts(s) {
		width = max(width, p.GetStringWidth(part))
	}
	return width
}

// split cuts a text into lines of a width, at least one. What is longer than a line is cut too.
func (p press) split(s string, width float64) (lines []string) {
	line := ""
	add := func(word string) {
		if line != "" && p.GetStringWidth(line+" "+word) <= width {
			line += " " + word
			return
		}
		if line != "" {
			lines = append(lines, line)
		}
		line = ""
		for _, r := range word {
			if line != "" && p.GetStringWidth(line+string(r)) > width {
				lines, line = append(lines, line), ""
			}
			line += string(r)
		}
	}
	for _, part := range p.parts(s) {
		if p.GetStringWidth(part) <= width {
			add(part)
			continue
		}
		for word := range strings.FieldsSeq(part) {
			add(word)
		}
	}
	if line != "" || lines == nil {
		lines = append(lines, line)
	}
	return lines
}

// fitting cuts a text to a width.
func (p press) fitting(s string, width float64) string {
	lines := p.split(s, width)
	if len(lines) == 1 {
		return lines[0]
	}
	return p.split(s, width-p.GetStringWidth("…"))[0] + "…"
}

// room begins a new page where there is no room for a height.
func (p press) room(height float64) {
	if p.GetY()+height > bottom {
		p.AddPage()
	}
}

// fit is how many of n lines go onto this page below its pad. Where not all do, it begins a new page, unless they are more than
// a page holds.
func (p press) fit(n int, height, pad float64) int {
	most := func() int { return int((bottom - p.GetY() - pad) / height) }
	if n > most() && p.GetY() > margin+30 {
		p.AddPage()
	}
	return min(n, max(most(), 1))
}

// text writes a paragraph.
func (p press) text(height float64, s string) {
	for _, line := range p.split(s, inner) {
		p.room(height)
		p.at(margin, p.GetY(), inner, height, line, "L")
		p.Ln(height)
	}
}

// heading begins a section, on the page where what follows it begins.
func (p press) heading(s string, next []Block) {
	room := 12.0
	if len(next) > 0 {
		switch b := next[0].(type) {
		case Chart:
			room = b.height()
		case Table, Figures:
			room = 32
		}
	}
	p.room(14 + room)
	if p.GetY() > margin+1 {
		p.pen(rule, 0.2)
		p.Line(margin, p.GetY(), margin+inner, p.GetY())
		p.Ln(4)
	}
	p.font("B", 13, black)
	p.text(6, s)
}

func (p press) facts(all []Fact) {
	const label = 26.0
	for _, f := range all {
		p.font("", 9, soft)
		names, values := p.split(f.Label, label-3), p.split(f.Value, inner-label)
		for i := range max(len(names), len(values)) {
			p.room(cellLine)
			y := p.GetY()
			p.SetTextColor(soft.r, soft.g, soft.b)
			p.at(margin, y, label, cellLine, cell(names, i), "L")
			p.SetTextColor(black.r, black.g, black.b)
			p.at(margin+label, y, inner-label, cellLine, cell(values, i), "L")
			p.Ln(cellLine)
		}
	}
}

// figures are boxes, three or four in a row.
func (p press) figures(all Figures) {
	const gap, pad = 4.0, 4.0
	in := 3
	if len(all)%4 == 0 {
		in = 4
	}
	width := (inner - float64(in-1)*gap) / float64(in)
	parts := []struct {
		style        string
		size, height float64
		ink          ink
		text         func(Figure) string
	}{
		{"", 8, 4, soft, func(f Figure) string { return f.Label }},
		{"B", 13, 6, black, func(f Figure) string { return f.Value }},
		{"", 8, 4, soft, func(f Figure) string { return f.Note }},
	}
	value := &parts[1]
	tooLong := func(f Figure) bool { return p.widest(f.Value) > width-2*pad }
	for p.font(value.style, value.size, value.ink); value.size > 8 && slices.ContainsFunc(all, tooLong); p.SetFontSize(value.size) {
		value.size -= 0.5
	}
	for len(all) > 0 {
		row := all[:min(in, len(all))]
		all = all[len(row):]
		height := 0.0
		lines := make([][3][]string, len(row))
		for i, f := range row {
			high := 2 * pad
			for k, part := range parts {
				p.font(part.style, part.size, part.ink)
				lines[i][k] = p.split(part.text(f), width-2*pad)
				lines[i][k] = lines[i][k][:min(len(lines[i][k]), 15)] // a box is not longer than a page
				high += part.height * float64(len(lines[i][k]))
			}
			height = max(height, high)
		}
		p.room(height)
		top := p.GetY()
		for i := range row {
			x, y := margin+float64(i)*(width+gap), top+pad
			p.fill(raised)
			p.pen(rule, 0.2)
			p.RoundedRect(x, top, width, height, 2, "1234", "FD")
			for k, part := range parts {
				p.font(part.style, part.size, part.ink)
				for _, line := range lines[i][k] {
					p.at(x+pad, y, width-2*pad, part.height, line, "L")
					y += part.height
				}
			}
		}
		p.SetXY(margin, top+height+gap)
	}
}

func (p press) notes(all Notes) {
	for _, n := range all {
		back, ink, edge := raised, black, soft
		if n.Strong {
			back, ink, edge = warn, warning, warning
		}
		p.font("", 10, ink)
		for lines := p.split(n.Text, inner-8); len(lines) > 0; {
			here := lines[:p.fit(len(lines), 5, 4)]
			lines = lines[len(here):]
			y, height := p.GetY(), float64(len(here))*5+4
			p.fill(back)
			p.Rect(margin, y, inner, height, "F")
			p.fill(edge)
			p.Rect(margin, y, 1, height, "F")
			p.font("", 10, ink)
			for i, line := range here {
				p.at(margin+4, y+2+float64(i)*5, inner-8, 5, line, "L")
			}
			p.SetXY(margin, y+height+2)
		}
	}
}

const (
	columnGap = 4.0
	barRoom   = 20.0 // beside a number
)

// smallest is how much smaller than others the letters of a table with many columns may be.
const smallest = 2.0 / 3

// widths shares the page's width among the columns and says how large the letters are, 1 as a rule: where not even the parts
// that are not to be cut fit beside each other, they are smaller. Each column gets its least; what is left goes first to those
// that need little more.
func (p press) widths(t Table) (widths []float64, letters float64) {
	const text = 18.0 // a longer word may be cut
	gap := min(columnGap+0.5, inner/float64(len(t.Columns)))
	least, need := make([]float64, len(t.Columns)), make([]float64, len(t.Columns))
	for i, c := range t.Columns {
		p.font("B", 9, black)
		need[i], least[i] = p.GetStringWidth(p.plain(c.Title)), min(p.widest(c.Title), text)
		for r, row := range t.Rows {
			style, most := "", text
			if t.isSum(r) {
				style = "B"
			}
			if c.Number {
				most = inner
			}
			p.font(style, 9, black)
			need[i] = max(need[i], min(p.GetStringWidth(p.plain(cell(row, i))), inner))
			least[i] = max(least[i], min(p.widest(cell(row, i)), most))
		}
	}
	sum := 0.0
	for _, width := range least {
		sum += width
	}
	left := inner - gap*float64(len(least))
	letters = max(min(left/sum, 1), smallest)
	fits := letters*sum <= left+0.001
	for i := range least {
		least[i], need[i] = least[i]*letters, need[i]*letters
		if !fits {
			least[i] = min(least[i], left/float64(len(least)))
		}
		if i+1 == t.Bars {
			need[i] += barRoom
		}
	}
	for _, width := range least {
		left -= width
	}
	widths = slices.Clone(least)
	order := make([]int, len(least))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(need[i]-least[i], need[j]-least[j]) })
	for k, i := range order {
		more := min(need[i]-least[i], left/float64(len(order)-k))
		widths[i], left = widths[i]+more, left-more
	}
	widths[max(slices.IndexFunc(t.Columns, func(c Column) bool { return !c.Number }), 0)] += left // all have what they need
	for i := range widths {
		widths[i] += gap
	}
	return widths, letters
}

func (p press) table(t Table) {
	if len(t.Columns) == 0 {
		return
	}
	widths, letters := p.widths(t)
	p.room(28)
	if t.Caption != "" {
		p.font("B", 10, black)
		p.text(6, t.Caption)
	}
	p.head(t, widths, letters)
	for r, row := range t.Rows {
		style := ""
		if t.isSum(r) {
			style = "B"
		}
		p.font(style, 9*letters, black)
		cells, n := make([][]string, len(t.Columns)), 0
		for i := range t.Columns {
			cells[i] = p.split(cell(row, i), textWidth(t, widths, i))
			n = max(n, len(cells[i]))
		}
		for done := 0; done < n; {
			page := p.PageNo()
			here := p.fit(n-done, cellLine, cellPad)
			if p.PageNo() != page {
				p.head(t, widths, letters)
				p.font(style, 9*letters, black)
				here = p.fit(n-done, cellLine, cellPad)
			}
			p.row(t, widths, cells, done, here)
			if done == 0 {
				p.bar(t, widths, row)
			}
			done += here
			p.Ln(float64(here)*cellLine + cellPad)
			p.pen(rule, 0.15)
			p.Line(margin, p.GetY(), margin+inner, p.GetY())
		}
	}
	p.Ln(2)
}

// textWidth is the room for the text of column i.
func textWidth(t Table, widths []float64, i int) float64 {
	if hasBar(t, widths, i) {
		return widths[i] - columnGap - barRoom
	}
	return widths[i] - columnGap
}

func hasBar(t Table, widths []float64, i int) bool { return i+1 == t.Bars && widths[i] > barRoom+15 }

// head writes the titles of the columns, on each page anew.
func (p press) head(t Table, widths []float64, letters float64) {
	p.font("B", 8.5*letters, soft)
	cells, n := make([][]string, len(t.Columns)), 0
	for i, c := range t.Columns {
		cells[i] = p.split(c.Title, widths[i]-columnGap)
		cells[i] = cells[i][:min(len(cells[i]), 5)]
		n = max(n, len(cells[i]))
	}
	p.row(t, widths, cells, 0, n)
	p.Ln(float64(n)*cellLine + 2)
	p.pen(soft, 0.25)
	p.Line(margin, p.GetY(), margin+inner, p.GetY())
}

// row writes some lines of the cells, and stays where it is.
func (p press) row(t Table, widths []float64, cells [][]string, from, n int) {
	x, top := margin, p.GetY()
	for i, c := range t.Columns {
		left, align := x+columnGap/2, "L"
		if c.Number || i+1 == t.Bars {
			align = "R"
		}
		// The outer columns end where the page ends.
		switch {
		case i == 0 && align == "L":
			left = x
		case i == len(t.Columns)-1 && align == "R":
			left = x + columnGap
		}
		for k := range n {
			p.at(left, top+cellPad/2+float64(k)*cellLine, widths[i]-columnGap, cellLine, cell(cells[i], from+k), align)
		}
		x += widths[i]
	}
	p.SetXY(margin, top)
}

// bar draws the bar of a row, left of its number.
func (p press) bar(t Table, widths []float64, row []string) {
	x, y := margin+columnGap/2, p.GetY()+cellPad/2+cellLine/2-1
	for i := range t.Columns {
		if filled := t.bar(i, cell(row, i)); filled != "" && hasBar(t, widths, i) {
			share, _ := strconv.ParseFloat(filled, 64)
			p.fill(tint)
			p.Rect(x, y, barRoom-3, 2, "F")
			p.fill(accents[0])
			p.Rect(x, y, (barRoom-3)*share/100, 2, "F")
		}
		x += widths[i]
	}
}

// height is about what a chart needs with its caption and legend.
func (c Chart) height() float64 {
	if _, _, some := c.bounds(); !some {
		return 16
	}
	return chartHeight*scale + 18
}

// chart draws the same shapes as the page, in millimetres.
func (p press) chart(c Chart) {
	p.room(c.height())
	p.font("B", 10, black)
	p.text(6, c.Caption)
	lines := p.split(c.Caption, inner)
	x := margin + p.GetStringWidth(lines[len(lines)-1]) + 1.5
	p.font("", 10, soft)
	p.at(x, p.GetY()-6, margin+inner-x, 6, p.fitting(c.Unit, margin+inner-x), "L")
	p.SetXY(margin, p.GetY()+6)
	if _, _, some := c.bounds(); !some {
		p.text(5, "There are no values to draw.")
		return
	}
	p.font("", 9, soft)
	x = margin
	for i, name := range c.Legend() {
		name = p.fitting(name, inner-8)
		width := p.GetStringWidth(name) + 4
		if x+width > margin+inner {
			x = margin
			p.Ln(5)
		}
		p.fill(accents[i%colours])
		p.Rect(x, p.GetY()+1, 2.6, 2.6, "F")
		p.at(x+4, p.GetY(), width, 4.5, name, "L")
		x += width + 5
	}
	if x > margin {
		p.Ln(7)
	}
	d := c.draw(wide)
	p.room(d.Height * scale)
	top := p.GetY()
	place := func(x, y float64) (float64, float64) { return margin + x*scale, top + y*scale }
	across := func(y float64) {
		x1, y := place(d.Left, y)
		x2, _ := place(d.Right, 0)
		p.Line(x1, y, x2, y)
	}
	p.font("", 7, soft)
	p.pen(rule, 0.15)
	for _, t := range d.Ticks {
		across(t.Y)
		x, y := place(d.Left-8, t.Y)
		p.at(margin, y-2, x-margin, 4, t.Text, "R")
	}
	for _, b := range d.Bars {
		x, y := place(b.X, b.Y)
		p.fill(accents[b.Colour])
		p.Rect(x, y, b.W*scale, b.H*scale, "F")
	}
	for _, l := range d.Lines {
		p.pen(accents[l.Colour], 0.4)
		p.MoveTo(place(l.Points[0][0], l.Points[0][1]))
		for _, point := range l.Points[1:] {
			p.LineTo(place(point[0], point[1]))
		}
		p.DrawPath("D")
	}
	p.pen(soft, 0.2)
	across(d.Zero)
	for _, l := range d.Labels {
		x, y := place(l.X, d.LabelY)
		p.at(x-20, y-3, 40, 4, p.plain(l.Text), "C")
	}
	p.SetXY(margin, top+d.Height*scale+1)
}
