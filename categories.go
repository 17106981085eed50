package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"insightgraph/category"
)

type categoriesCmd struct {
	Evaluate evaluateCmd `cmd:"" help:"Measure the categoriser on labelled rows; the last line is JSON, in percent."`
}

type evaluateCmd struct {
	File   string `arg:"" type:"existingfile" help:"Tab-separated, with a header line: set, text, accept_broad (labels divided by |)."`
	Errors bool   `help:"List the rows that were answered wrongly, too."`
}

func (cmd *evaluateCmd) Run() error {
	file, err := os.Open(cmd.File)
	if err != nil {
		return err
	}
	defer file.Close()
	rows, err := readLabelled(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", cmd.File, err)
	}
	return writeEvaluation(os.Stdout, category.Evaluate(rows), cmd.Errors)
}

// readLabelled reads a table of labelled descriptions; its columns are found by their names.
func readLabelled(r io.Reader) ([]category.Labelled, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var rows []category.Labelled
	set, text, labels := -1, -1, -1
	for number := 1; lines.Scan(); number++ {
		columns := strings.Split(strings.TrimSuffix(lines.Text(), "\r"), "\t")
		if number == 1 {
			set, text = slices.Index(columns, "set"), slices.Index(columns, "text")
			if labels = slices.Index(columns, "accept_broad"); set < 0 || text < 0 || labels < 0 {
				return nil, fmt.Errorf("line 1: the columns set, text and accept_broad are needed")
			}
			continue
		}
		if len(columns) <= max(set, text, labels) {
			return nil, fmt.Errorf("line %d: %d columns", number, len(columns))
		}
		rows = append(rows, category.Row(columns[set], columns[text], columns[labels]))
	}
	return rows, lines.Err()
}

func writeEvaluation(w io.Writer, e category.Evaluation, mistakes bool) error {
	if mistakes {
		for _, m := range e.Wrong {
			c, _ := category.ByID(m.Answer.Category)
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.2f\n", m.Set, m.Input.Description, strings.Join(m.Labels, "|"), c.Name, m.Answer.Rule, m.Answer.Confidence)
		}
		fmt.Fprintln(w)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(name string, s category.Score) {
		fmt.Fprintf(t, "%s\t%d\t%.1f\t%.1f\t%.1f\t%d\t%.1f\t\n", name, s.Rows, s.Accuracy(), s.Coverage(), s.Precision(), s.High, s.HighPrecision())
	}
	fmt.Fprintln(t, "set\trows\tright %\tcovered %\tprecision %\thigh\tits precision %\t")
	for _, s := range e.Sets {
		line(s.Name, s.Score)
	}
	line("all", e.Total)
	fmt.Fprintln(t, "\t\t\t\t\t\t\t")
	fmt.Fprintln(t, "category answered\trows\tright %\tcovered %\tprecision %\thigh\tits precision %\t")
	for _, s := range e.Categories {
		line(s.Name, s.Score)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	round := func(x float64) float64 { return math.Round(x*100) / 100 }
	return json.NewEncoder(w).Encode(struct {
		Accuracy      float64 `json:"accuracy"`
		Coverage      float64 `json:"coverage"`
		HighPrecision float64 `json:"highPrecision"`
	}{round(e.Total.Accuracy()), round(e.Total.Coverage()), round(e.Total.HighPrecision())})
}
