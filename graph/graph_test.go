package graph

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"insightgraph/bank"
)

var update = flag.Bool("update", false, "write the answers that came as those expected")

// TestQueries sends testdata/NAME.graphql with the variables of NAME.json, if there are any, and expects the whole answer
// NAME.want.json. Queries share one house, each mutation meets a fresh one; those whose name begins with connect_
// have linked banks in it, those with report_ a report. A first line "# as: anna" says whose token is used; else it is acme's.
// Ids are written as names, such as <giro>, in requests and in answers.
func TestQueries(t *testing.T) {
	files, err := filepath.Glob("testdata/*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	reading, linked, reported := newHouse(t), newHouse(t), newHouse(t)
	linked.link()
	reported.report()
	for _, file := range files {
		base := strings.TrimSuffix(file, ".graphql")
		t.Run(filepath.Base(base), func(t *testing.T) {
			h, links, reports := reading, strings.HasPrefix(filepath.Base(base), "connect_"), strings.HasPrefix(filepath.Base(base), "report_")
			if links {
				h = linked
			} else if reports {
				h = reported
			}
			if b, _ := os.ReadFile(file); bytes.Contains(b, []byte("mutation")) {
				t.Parallel()
				if h = newHouse(t); links {
					h.link()
				} else if reports {
					h.report()
				}
			}
			query := h.read(file)
			as := "acme"
			if line, _, _ := strings.Cut(query, "\n"); strings.HasPrefix(line, "# as: ") {
				as = strings.TrimPrefix(line, "# as: ")
			}
			var variables map[string]any
			if _, err := os.Stat(base + ".json"); err == nil {
				if err := json.Unmarshal([]byte(h.read(base+".json")), &variables); err != nil {
					t.Fatal(err)
				}
			}
			got := h.readable(h.send(as, query, variables).body)
			want := base + ".want.json"
			if *update {
				if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			text, err := os.ReadFile(want)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(text) {
				t.Errorf("the answer differs from %s:\n%s", want, got)
			}
			if h.log.Len() > 0 {
				t.Errorf("logged: %s", h.log)
			}
		})
	}
}

// read reads a file of a request and puts ids for names.
func (h *house) read(file string) string {
	h.t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		h.t.Fatal(err)
	}
	text := string(b)
	for name, id := range h.ids {
		text = strings.ReplaceAll(text, "<"+name+">", id)
	}
	return text
}

var kindNames = map[bank.Kind]string{bank.KindCustomer: "customer", bank.KindConsumer: "consumer", bank.KindAccount: "account",
	bank.KindTransaction: "transaction", bank.KindCategory: "category", bank.KindEntry: "entry", bank.KindRun: "run",
	bank.KindSession: "session", bank.KindFlow: "flow", bank.KindRefresh: "refresh", bank.KindConsent: "consent",
	bank.KindSource: "source", bank.KindCase: "case", bank.KindReport: "report", bank.KindDelivery: "delivery", bank.KindRule: "rule"}

var clientToken = regexp.MustCompile(`[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}`)

// readable is an answer with names for ids: the house's own, or the kind with a number in order of appearance.
func (h *house) readable(body string) string {
	h.t.Helper()
	names := map[string]string{}
	for name, id := range h.ids {
		names[id] = "<" + name + ">"
	}
	count := map[string]int{}
	nameOf := func(s, kind string) string {
		if names[s] == "" {
			count[kind]++
			names[s] = fmt.Sprintf("<%s-%d>", kind, count[kind])
		}
		return names[s]
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(body), "", "  "); err != nil {
		h.t.Fatal(err)
	}
	// Text is replaced line by line, so that the order of the fields stays as it was sent.
	lines := strings.Split(indented.String(), "\n")
	for i, line := range lines {
		start, end := strings.Index(line, `": "`)+2, strings.LastIndex(line, `"`)
		if start == 1 || end <= start+2 {
			continue // no text, or an element of a list, which holds no ids
		}
		value := clientToken.ReplaceAllString(line[start+2:end], "<token>")
		if ref := bank.ParseRef(value); kindNames[ref.Kind] != "" {
			if ref.Kind == bank.KindCategory {
				value = fmt.Sprintf("<category %d>", ref.ID)
			} else {
				value = nameOf(value, kindNames[ref.Kind])
			}
		} else if b, err := base64.RawURLEncoding.DecodeString(value); err == nil && bytes.HasPrefix(b, []byte(`{"k":`)) {
			value = nameOf(value, "cursor")
		}
		lines[i] = line[:start+2] + value + line[end:]
	}
	return strings.Join(lines, "\n") + "\n"
}
