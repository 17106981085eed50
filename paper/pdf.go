package paper

import (
	"io"
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
	lineHeight         = 5.0
)

type colour struct{ r, g, b int }

var (
	black   = colour{23, 32, 44}
	soft    = colour{76, 90, 107}
	rule    = colour{211, 218, 227}
	raised  = colour{245, 247, 250}
	tint    = colour{232, 240, 251}
	warn    = colour{255, 244, 220}
	warning = colour{107, 67, 0}
	accents = []colour{{20, 87, 179}, {179, 84, 30}, {43, 122, 75}, {122, 63, 160}}
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
	p.SetTitle(d.Title, true)
	p.SetProducer("Insightgraph", true)
	p.SetLang("en")
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(false, 0)
	p.AliasNbPages("{all}")
	p.SetFooterFunc(func() {
		p.font("", 8, soft)
		p.SetXY(margin, 286)
		p.CellFormat(inner, 4, strconv.Itoa(p.PageNo())+" / {all}", "", 0, "R", false, 0, "")
	})
	p.AddPage()
	p.font("B", 20, black)
	p.text(inner, 9, d.Title, "L")
	if d.Subtitle != "" {
		p.font("", 11, soft)
		p.text(inner, 6, d.Subtitle, "L")
	}
	p.Ln(3)
	for _, f := range d.Facts {
		p.fact(f)
	}
	for _, b := range d.Blocks {
		p.Ln(4)
		switch b := b.(type) {
		case Heading:
			p.heading(string(b))
		case Text:
			p.font("", 10, black)
			p.paragraph(string(b))
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
		p.paragraph(d.Footer)
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
		case unicode.IsControl(r) || unicode.In(r, unicode.Cf):
			return -1
		case !p.known(r):
			return '?'
		}
		return r
	}, s)
}

func (p press) font(style string, size float64, c colour) {
	p.SetFont("go", style, size)
	p.SetTextColor(c.r, c.g, c.b)
}

func (p press) fill(c colour) { p.SetFillColor(c.r, c.g, c.b) }
func (p press) pen(c colour, width float64) {
	p.SetDrawColor(c.r, c.g, c.b)
	p.SetLineWidth(width)
}

// split cuts a text into lines of a width. A word that is longer than a line is cut too.
func (p press) split(s string, width float64) (lines []string) {
	line := ""
	for _, word := range strings.Fields(p.plain(s)) {
		for p.GetStringWidth(word) > width && len(word) > 1 {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			r := []rune(word)
			n := len(r) - 1
			for n > 1 && p.GetStringWidth(string(r[:n])) > width {
				n--
			}
			lines, word = append(lines, string(r[:n])), string(r[n:])
		}
		switch {
		case line == "":
			line = word
		case p.GetStringWidth(line+" "+word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" || lines == nil {
		lines = append(lines, line)
	}
	return lines
}

// room begins a new page where there is no room for a height.
func (p press) room(height float64) {
	if p.GetY()+height > bottom {
		p.AddPage()
	}
}

// text writes lines at the left margin.
func (p press) text(width, height float64, s, align string) {
	for _, line := range p.split(s, width) {
		p.room(height)
		p.SetX(margin)
		p.CellFormat(width, height, line, "", 1, align, false, 0, "")
	}
}

func (p press) paragraph(s string) { p.text(inner, lineHeight, s, "L") }

func (p press) heading(s string) {
	p.room(24)
	p.pen(rule, 0.2)
	p.Line(margin, p.GetY(), margin+inner, p.GetY())
	p.Ln(3)
	p.font("B", 13, black)
	p.text(inner, 7, s, "L")
}

func (p press) fact(f Fact) {
	const label = 24.0
	p.font("", 9, black)
	lines := p.split(f.Value, inner-label)
	p.room(float64(len(lines)) * 4.5)
	for i, line := range lines {
		p.SetX(margin)
		p.font("", 9, soft)
		name := ""
		if i == 0 {
			name = p.plain(f.Label)
		}
		p.CellFormat(label, 4.5, name, "", 0, "L", false, 0, "")
		p.font("", 9, black)
		p.CellFormat(inner-label, 4.5, line, "", 1, "L", false, 0, "")
	}
}

// figures are boxes, three or four in a row.
func (p press) figures(all Figures) {
	const gap = 4.0
	in := 3
	if len(all)%4 == 0 {
		in = 4
	}
	width := (inner - float64(in-1)*gap) / float64(in)
	for len(all) > 0 {
		row := all[:min(in, len(all))]
		all = all[len(row):]
		height := 16.0
		notes := make([][]string, len(row))
		for i, f := range row {
			p.font("", 8, soft)
			if f.Note != "" {
				notes[i] = p.split(f.Note, width-8)
			}
			height = max(height, 17+float64(len(notes[i]))*4)
		}
		p.room(height)
		y := p.GetY()
		for i, f := range row {
			x := margin + float64(i)*(width+gap)
			p.fill(raised)
			p.pen(rule, 0.2)
			p.RoundedRect(x, y, width, height, 2, "1234", "FD")
			p.font("", 8, soft)
			p.SetXY(x+4, y+3)
			p.CellFormat(width-8, 4, p.fitting(f.Label, width-8), "", 0, "L", false, 0, "")
			p.font("B", 13, black)
			p.SetXY(x+4, y+7.5)
			p.CellFormat(width-8, 6, p.fitting(f.Value, width-8), "", 0, "L", false, 0, "")
			p.font("", 8, soft)
			for n, line := range notes[i] {
				p.SetXY(x+4, y+14+float64(n)*4)
				p.CellFormat(width-8, 4, line, "", 0, "L", false, 0, "")
			}
		}
		p.SetXY(margin, y+height+gap)
	}
}

// fitting cuts a text to a width.
func (p press) fitting(s string, width float64) string {
	r := []rune(p.plain(s))
	if p.GetStringWidth(string(r)) <= width {
		return string(r)
	}
	for len(r) > 1 && p.GetStringWidth(string(r)+"…") > width {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

func (p press) notes(all Notes) {
	for _, n := range all {
		back, ink := raised, black
		if n.Strong {
			back, ink = warn, warning
		}
		p.font("", 10, ink)
		lines := p.split(n.Text, inner-8)
		height := float64(len(lines))*lineHeight + 4
		p.room(height)
		y := p.GetY()
		p.fill(back)
		p.Rect(margin, y, inner, height, "F")
		p.fill(ink)
		p.Rect(margin, y, 1, height, "F")
		for i, line := range lines {
			p.SetXY(margin+4, y+2+float64(i)*lineHeight)
			p.CellFormat(inner-8, lineHeight, line, "", 0, "L", false, 0, "")
		}
		p.SetXY(margin, y+height+2)
	}
}

// widths shares the page's width among the columns: numbers get what they need, the rest goes to the texts by their need.
func (p press) widths(t Table) []float64 {
	need := make([]float64, len(t.Columns))
	p.font("B", 9, black)
	for i, c := range t.Columns {
		need[i] = p.GetStringWidth(p.plain(c.Title)) + 5
	}
	for _, row := range t.Rows {
		for i, cell := range row {
			need[i] = max(need[i], min(p.GetStringWidth(p.plain(cell))+5, inner))
		}
	}
	numbers, texts := 0.0, 0.0
	for i, c := range t.Columns {
		if c.Number {
			numbers += need[i]
		} else {
			texts += need[i]
		}
	}
	if numbers > inner*0.75 || texts == 0 { // then all shrink or grow alike
		for i := range need {
			need[i] *= inner / (numbers + texts)
		}
		return need
	}
	for i, c := range t.Columns {
		if !c.Number {
			need[i] *= (inner - numbers) / texts
		}
	}
	return need
}

func (p press) table(t Table) {
	if len(t.Columns) == 0 {
		return
	}
	widths := p.widths(t)
	p.room(24)
	if t.Caption != "" {
		p.font("B", 10, black)
		p.text(inner, 6, t.Caption, "L")
	}
	p.head(t, widths)
	for r, row := range t.Rows {
		style := ""
		if r >= len(t.Rows)-t.Sums {
			style = "B"
		}
		p.font(style, 9, black)
		cells, height := make([][]string, len(row)), 0.0
		for i, cell := range row {
			cells[i] = p.split(cell, widths[i]-2-pad(i, t.Columns[i]))
			height = max(height, float64(len(cells[i]))*4.5+2.5)
		}
		if t.Bars > 0 {
			height = max(height, 8.5)
		}
		if p.GetY()+height > bottom && height < bottom-40 {
			p.AddPage()
			p.head(t, widths)
			p.font(style, 9, black)
		}
		p.row(t, widths, cells, height, row)
	}
	p.Ln(2)
}

// head writes the titles of the columns, on each page anew.
func (p press) head(t Table, widths []float64) {
	p.font("B", 8.5, soft)
	x, y := margin, p.GetY()
	for i, c := range t.Columns {
		p.SetXY(x+pad(i, c), y)
		p.CellFormat(widths[i]-pad(i, c), 5.5, p.fitting(c.Title, widths[i]-pad(i, c)-1), "", 0, align(c), false, 0, "")
		x += widths[i]
	}
	p.pen(soft, 0.25)
	p.Line(margin, y+6, margin+inner, y+6)
	p.SetXY(margin, y+7)
}

func (p press) row(t Table, widths []float64, cells [][]string, height float64, row []string) {
	x, y := margin, p.GetY()
	for i, c := range t.Columns {
		for n, line := range cells[i] {
			if y+float64(n)*4.5 > bottom { // longer than a page
				break
			}
			p.SetXY(x+pad(i, c), y+0.5+float64(n)*4.5)
			p.CellFormat(widths[i]-pad(i, c), 4.5, line, "", 0, align(c), false, 0, "")
		}
		if t.bar(i, row[i]) != "" {
			share, _ := strconv.ParseFloat(barWidth(row[i]), 64)
			p.fill(tint)
			p.Rect(x+2, y+height-2.5, widths[i]-3, 1, "F")
			p.fill(accents[0])
			p.Rect(x+2, y+height-2.5, (widths[i]-3)*share/100, 1, "F")
		}
		x += widths[i]
	}
	p.pen(rule, 0.15)
	p.Line(margin, y+height, margin+inner, y+height)
	p.SetXY(margin, y+height+0.5)
}

// pad keeps a text apart from a number before it.
func pad(i int, c Column) float64 {
	if i == 0 || c.Number {
		return 0
	}
	return 2
}

func align(c Column) string {
	if c.Number {
		return "R"
	}
	return "L"
}

// chart draws the same shapes as the page, in millimetres.
func (p press) chart(c Chart) {
	const scale = inner / chartWidth
	d := c.draw()
	p.room(chartHeight*scale + 14)
	p.font("B", 10, black)
	caption := strings.TrimSpace(c.Caption + " " + c.Unit)
	p.text(inner, 6, caption, "L")
	if len(d.Series) > 1 {
		x := margin
		p.font("", 8, soft)
		for i, name := range d.Series {
			p.fill(accents[i%len(accents)])
			p.Rect(x, p.GetY()+1, 2.5, 2.5, "F")
			p.SetX(x + 3.5)
			name = p.plain(name)
			p.CellFormat(p.GetStringWidth(name)+6, 4.5, name, "", 0, "L", false, 0, "")
			x = p.GetX()
		}
		p.Ln(5)
	}
	top := p.GetY()
	at := func(x, y float64) (float64, float64) { return margin + x*scale, top + y*scale }
	p.font("", 7, soft)
	p.pen(rule, 0.15)
	for _, t := range d.Ticks {
		x1, y := at(chartLeft, t.Y)
		x2, _ := at(chartWidth-chartRight, t.Y)
		p.Line(x1, y, x2, y)
		p.SetXY(margin, y-2)
		p.CellFormat(chartLeft*scale-1.5, 4, p.plain(t.Text), "", 0, "R", false, 0, "")
	}
	for _, b := range d.Bars {
		x, y := at(b.X, b.Y)
		p.fill(accents[b.Series%len(accents)])
		p.Rect(x, y, b.W*scale, b.H*scale, "F")
	}
	for _, l := range d.Lines {
		p.pen(accents[l.Series%len(accents)], 0.4)
		for i := 1; i < len(l.Points); i++ {
			x1, y1 := at(l.Points[i-1][0], l.Points[i-1][1])
			x2, y2 := at(l.Points[i][0], l.Points[i][1])
			p.Line(x1, y1, x2, y2)
		}
	}
	p.pen(soft, 0.2)
	x1, zero := at(chartLeft, d.Zero)
	x2, _ := at(chartWidth-chartRight, d.Zero)
	p.Line(x1, zero, x2, zero)
	for _, l := range d.Labels {
		x, y := at(l.X, 238)
		p.SetXY(x-15, y-1)
		p.CellFormat(30, 4, p.plain(l.Text), "", 0, "C", false, 0, "")
	}
	p.SetXY(margin, top+chartHeight*scale+1)
}
