// Package paper is a document to look at and to print: headings, figures, tables and charts, as a page of HTML or as PDF.
// It knows nothing of what the document is about, and is pure: the same document gives the same bytes.
package paper

import (
	"time"

	"github.com/govalues/decimal"
)

// Doc is a document. Every text may hold anything; it is shown as it is.
type Doc struct {
	Title    string
	Subtitle string
	Facts    []Fact  // beside the title: whose, when, of what
	Blocks   []Block // from top to bottom
	Footer   string
	Made     time.Time // noted in the PDF
}

// Fact is a word with its value.
type Fact struct{ Label, Value string }

// Block is a part of a document: Heading, Text, Figures, Notes, Table or Chart.
type Block interface{ block() }

// Heading begins a section.
type Heading string

// Text is a paragraph.
type Text string

// Figures are the numbers that matter most, side by side.
type Figures []Figure

// Figure is one of them.
type Figure struct{ Label, Value, Note string }

// Notes are sentences that should not be missed, such as findings.
type Notes []Note

// Note is one. Strong notes are to be looked at first.
type Note struct {
	Text   string
	Strong bool
}

// Table has a row for each thing. Rows have as many cells as there are columns. The last rows may be a sum.
type Table struct {
	Caption string
	Columns []Column
	Rows    [][]string
	Bars    int // which column's value is drawn as a bar behind it, from 1; 0: none. It holds percent such as "12.50"
	Sums    int // how many of the last rows are sums
}

// Column is a column of a table.
type Column struct {
	Title  string
	Number bool // to the right, digits below each other
}

// Chart is the values of one or more series over the same labels. Values may be negative.
type Chart struct {
	Caption string
	Unit    string // such as EUR
	Labels  []string
	Series  []Series
	Line    bool // a line instead of columns: many points, of which not every label is written
}

// Series is the values of one colour; nil is no value.
type Series struct {
	Name   string
	Values []*decimal.Decimal
}

func (Heading) block() {}
func (Text) block()    {}
func (Figures) block() {}
func (Notes) block()   {}
func (Table) block()   {}
func (Chart) block()   {}
