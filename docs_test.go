package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

var (
	testFunc   = regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(`)
	namedTest  = regexp.MustCompile(`\bTest[A-Z]\w*`)
	sentBody   = regexp.MustCompile(`'(\{"query":[^']*)'`)
	runOfTests = regexp.MustCompile("go test (\\S+) -run ('[^']+'|[^`\\s]+)")
)

// TestDocsNameTests: the tests that the pages name as a proof are there.
func TestDocsNameTests(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{} // by room
	for _, depth := range []string{"*_test.go", "*/*_test.go", "*/*/*_test.go"} {
		files, err := filepath.Glob(depth)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, m := range testFunc.FindAllStringSubmatch(read(t, file), -1) {
				room := filepath.ToSlash(filepath.Dir(file))
				tests[room] = append(tests[room], m[1])
				tests[""] = append(tests[""], m[1])
			}
		}
	}
	commands := 0
	for _, page := range pages(t) {
		text := read(t, page)
		for _, m := range runOfTests.FindAllStringSubmatch(text, -1) {
			commands++
			for pattern := range strings.SplitSeq(strings.ReplaceAll(strings.Trim(m[2], "'"), `\|`, "|"), "|") { // in a table | is \|
				if !slices.ContainsFunc(tests[strings.TrimPrefix(m[1], "./")], regexp.MustCompile(pattern).MatchString) {
					t.Errorf("%s: %s: no test is called %s", page, m[0], pattern)
				}
			}
		}
		for _, name := range namedTest.FindAllString(text, -1) {
			if !slices.Contains(tests[""], name) {
				t.Errorf("%s: there is no %s", page, name)
			}
		}
	}
	if commands < 8 {
		t.Errorf("only %d commands found, so some would be missed", commands)
	}
}

// TestDocsAskWhatIs: the operations that the pages send are JSON, and the schema has what they ask for.
func TestDocsAskWhatIs(t *testing.T) {
	t.Parallel()
	schema := gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphqls", Input: read(t, "schema.graphqls")})
	operations := 0
	for _, page := range pages(t) {
		for _, m := range sentBody.FindAllStringSubmatch(read(t, page), -1) {
			operations++
			var body struct{ Query string }
			if err := json.Unmarshal([]byte(m[1]), &body); err != nil {
				t.Errorf("%s: %s: %v", page, m[1], err)
				continue
			}
			if _, errs := gqlparser.LoadQueryWithRules(schema, body.Query, nil); errs != nil {
				t.Errorf("%s: %s: %v", page, body.Query, errs)
			}
		}
	}
	if operations < 12 {
		t.Errorf("only %d operations found, so some would be missed", operations)
	}
}

// pages are what a reader is led to.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	return append(found, "README.md", "CONTRIBUTING.md")
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestImage: the image is empty but for what is copied into it, so it has a place for temporary files only if one is.
func TestImage(t *testing.T) {
	t.Parallel()
	build, image, _ := strings.Cut(read(t, "Dockerfile"), "FROM scratch\n")
	if !strings.Contains(build, "mkdir -m 1777 /root-of-image/tmp\n") || !strings.Contains(image, "COPY --from=build /root-of-image/ /\n") {
		t.Error("the image has no /tmp that all may write to")
	}
	if !strings.Contains(build, "make -s licences > /THIRD_PARTY.txt\n") || !strings.Contains(image, "/src/NOTICE /THIRD_PARTY.txt /\n") {
		t.Error("the image has no licences of what is in it")
	}
}

// TestLicences: what goes with the program has the licence of each module in it, of Go, and of what is embedded.
func TestLicences(t *testing.T) {
	t.Parallel()
	built, err := buildinfo.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command("make", "-s", "licences").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range built.Deps {
		if !bytes.Contains(text, []byte("\n==== "+m.Path+" "+m.Version+" ./")) {
			t.Errorf("no licence of %s", m.Path)
		}
	}
	for _, part := range []string{"The Go Authors", "name-suggestion-index", "\n==== web/playground/dist/NOTICE.txt\n", "golang/gddo/LICENSE"} {
		if !bytes.Contains(text, []byte(part)) {
			t.Errorf("nothing of %s", part)
		}
	}
	if len(built.Deps) < 50 {
		t.Errorf("only %d modules found, so some would be missed", len(built.Deps))
	}
}
