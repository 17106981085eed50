package graph

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"

	"insightgraph/statement"
)

// form is a multipart request with a file.
type form struct {
	as, operations, places, name string
	file                         io.Reader
	header                       string
	key                          string // under which it may be repeated
}

const importing = `mutation($input: ImportStatementInput!) { importStatement(input: $input) { format accounts { id externalId iban currency } createdCount updatedCount unchangedCount rejected { line message } } }`

// imports is the form for a file of a consumer.
func (h *house) imports(input, name string, file io.Reader) form {
	return form{as: "acme", operations: fmt.Sprintf(`{"query":%q,"variables":{"input":%s}}`, importing, input), places: `{"0":["variables.input.file"]}`, name: name, file: file,
		header: "GraphQL-Require-Preflight"}
}

func (h *house) upload(f form) reply {
	h.t.Helper()
	body, w := io.Pipe()
	m := multipart.NewWriter(w)
	go func() {
		_ = m.WriteField("operations", f.operations)
		_ = m.WriteField("map", f.places)
		if f.file != nil {
			if part, err := m.CreateFormFile("0", f.name); err == nil { // else it was refused before
				_, _ = io.Copy(part, f.file)
			}
		}
		_ = m.Close()
		w.Close()
	}()
	defer body.Close()
	return h.post(f.as, body, func(r *http.Request) {
		r.Header.Set("Content-Type", m.FormDataContentType())
		if f.header != "" {
			r.Header.Set(f.header, "1")
		}
		if f.key != "" {
			r.Header.Set(keyHeader, f.key)
		}
	})
}

func sampleFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../statement/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestImportStatement(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"sample.csv", "sample.camt053.xml", "sample.sta", "sample1.ofx", "sample2.ofx", "sample.qif"} {
		file := sampleFile(t, name)
		input := `{"file":null,"consumerId":"` + h.ids["bert"] + `"}`
		first := h.upload(h.imports(input, name, bytes.NewReader(file)))
		if first.status != 200 || first.Errors != nil {
			t.Fatalf("%s: %d %s", name, first.status, first.body)
		}
		got := first.Data.(map[string]any)["importStatement"].(map[string]any)
		if got["createdCount"].(float64) < 1 || got["unchangedCount"].(float64) != 0 || len(got["accounts"].([]any)) == 0 || len(got["rejected"].([]any)) != 0 {
			t.Errorf("%s: %s", name, first.body)
		}
		again := h.upload(h.imports(input, name, bytes.NewReader(file)))
		second := again.Data.(map[string]any)["importStatement"].(map[string]any)
		if second["createdCount"].(float64) != 0 || second["unchangedCount"] != got["createdCount"] || fmt.Sprint(second["accounts"]) != fmt.Sprint(got["accounts"]) {
			t.Errorf("%s again: %s", name, again.body)
		}
	}
	if h.log.Len() > 0 {
		t.Errorf("logged: %s", h.log)
	}
}

// TestUploadCurrency: where a file names no currency, who sends it does, or is told what was taken.
func TestUploadCurrency(t *testing.T) {
	h := newHouse(t)
	for input, want := range map[string][]string{
		`{"file":null}`:                                                      {`"currency":"EUR"`, "so EUR was taken", "so one was made"},
		`{"file":null,"currency":"NOK"}`:                                     {`"currency":"NOK"`, `"warnings":[{"file":null,"line":1,"message":"The file names no account`},
		`{"file":null,"accountId":"` + h.ids["giro"] + `"}`:                  {`"currency":"EUR"`, `"warnings":[]`},
		`{"file":null,"accountId":"` + h.ids["giro"] + `","currency":"NOK"}`: {`"accountId"`, "in NOK"},
	} {
		f := h.imports(input, "statement.csv", strings.NewReader("Date,Payee,Amount\n2026-01-07,Shop,-3.00\n"))
		f.operations = strings.Replace(f.operations, "rejected {", "warnings { file line message } rejected {", 1)
		got := h.upload(f)
		for _, w := range want {
			if !strings.Contains(got.body, w) {
				t.Errorf("%s lacks %s: %s", input, w, got.body)
			}
		}
	}
}

// zeros are more bytes than a file may have.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestUploadFaults(t *testing.T) {
	h := newHouse(t)
	csv := func() io.Reader { return bytes.NewReader(sampleFile(t, "sample.csv")) }
	input := `{"file":null,"consumerId":"` + h.ids["bert"] + `"}`
	before := h.do("acme", `{transactions{totalCount}}`)
	for _, one := range []struct {
		name   string
		change func(*form)
		status int
		want   string
	}{
		{"no preflight", func(f *form) { f.header = "" }, 415, `"Send a header GraphQL-Require-Preflight`},
		{"no file", func(f *form) { f.file = nil }, 400, `"Y806"`},
		{"another place", func(f *form) { f.places = `{"0":["variables.other"]}` }, 200, `"file"`},
		{"a place in no list", func(f *form) { f.places = `{"0":["variables.input.0"]}` }, 200, `unknown field`},
		{"a place below none", func(f *form) { f.places = `{"0":["variables.input.file.0"]}` }, 400, `"Y806"`},
		{"a place behind a list", func(f *form) {
			f.places = `{"0":["variables.list.1"]}`
			f.operations = strings.Replace(f.operations, `"input":`, `"list":[null],"input":`, 1)
		}, 400, `"Y806"`},
		{"a place before a list", func(f *form) {
			f.places = `{"0":["variables.list.-1"]}`
			f.operations = strings.Replace(f.operations, `"input":`, `"list":[null],"input":`, 1)
		}, 400, `"Y806"`},
		{"a name in a list", func(f *form) {
			f.places = `{"0":["variables.list.x"]}`
			f.operations = strings.Replace(f.operations, `"input":`, `"list":[null],"input":`, 1)
		}, 400, `"Y806"`},
		{"no variables", func(f *form) { f.operations = `{"query":"{viewer{role}}"}` }, 400, `"Y806"`},
		{"two places", func(f *form) { f.places = `{"0":["variables.input.file","variables.input.file"]}` }, 400, `"Y806"`},
		{"no map", func(f *form) { f.places = `[]` }, 400, `"Y806"`},
		{"no JSON", func(f *form) { f.operations = `{` }, 400, `"Y800"`},
		{"a list", func(f *form) { f.operations = `[` + f.operations + `]` }, 400, `"Y806"`},
		{"too large", func(f *form) { f.file = io.LimitReader(zeros{}, statement.MaxFile+1) }, 413, `"file"`},
		{"no statement", func(f *form) { f.file = strings.NewReader("hello, world") }, 200, `"file"`},
		{"an empty one", func(f *form) { f.file = strings.NewReader("") }, 200, `"file"`},
		{"entities", func(f *form) {
			f.file = strings.NewReader(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Document>&a;</Document>`)
		}, 200, `"file"`},
		{"another's consumer", func(f *form) { f.operations = strings.ReplaceAll(f.operations, h.ids["bert"], h.ids["carl"]) }, 200, `"consumerId"`},
		{"another's account", func(f *form) {
			f.operations = strings.ReplaceAll(f.operations, `"consumerId":"`+h.ids["bert"], `"accountId":"`+h.ids["foreign"])
		}, 200, `"accountId"`},
		{"another consumer's account", func(f *form) {
			f.operations = strings.ReplaceAll(f.operations, `"consumerId"`, `"accountId":"`+h.ids["giro"]+`","consumerId"`)
		}, 200, `"accountId"`},
		{"a user", func(f *form) { f.as = "bert" }, 200, `FORBIDDEN`},
		{"no currency at all", func(f *form) {
			f.operations = strings.ReplaceAll(f.operations, `"file":null`, `"file":null,"currency":"XYZ"`)
		}, 200, `"currency"`},
		{"another format", func(f *form) {
			f.operations = strings.ReplaceAll(f.operations, `"file":null`, `"file":null,"format":"MT940"`)
		}, 200, `"file"`},
		{"a column that is none", func(f *form) {
			f.operations = strings.ReplaceAll(f.operations, `"file":null`, `"file":null,"mapping":{"columns":[{"column":"date","name":"1"},{"column":"datum","name":"1"},{"column":"amount","name":"2"}]}`)
		}, 200, `"mapping.columns.1.column"`},
		{"a mapping of nothing", func(f *form) {
			f.operations = strings.ReplaceAll(f.operations, `"file":null`, `"file":null,"mapping":{"delimiter":"ab","columns":[{"column":"colour","name":"x"}]}`)
		}, 200, `"mapping`},
	} {
		f := h.imports(input, "statement.csv", csv())
		one.change(&f)
		if got := h.upload(f); got.status != one.status || !strings.Contains(got.body, one.want) || got.Errors == nil {
			t.Errorf("%s: %d %s, want %d and %s", one.name, got.status, got.body, one.status, one.want)
		}
	}
	// A file by JSON is no file.
	if got := h.send("acme", importing, map[string]any{"input": map[string]any{"file": "hello", "consumerId": h.ids["bert"]}}); got.Errors == nil || strings.Contains(got.body, "INTERNAL") {
		t.Errorf("a text as file: %d %s", got.status, got.body)
	}
	if after := h.do("acme", `{transactions{totalCount}}`); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("before %v, after %v", before, after)
	}
	if h.log.Len() > 0 {
		t.Errorf("logged: %s", h.log)
	}
}
