package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport is the law of the house: each room, the rooms of ours it may use, and the modules of others. Arrows go one
// way, so no circle can form; the middle knows no I/O.
var mayImport = map[string]struct{ ours, others string }{
	".":                 {"audit auth bank budget callback category connect connect/app connect/berlin connect/sandbox demo embedded failpoint failpoint/armed fault graph insight insight/catalogue report/view statement store tasks telemetry web", "github.com/alecthomas/kong github.com/hibiken/asynq github.com/prometheus/client_golang github.com/redis/go-redis/v9 github.com/rs/cors github.com/schollz/progressbar/v3 golang.org/x/sync"},
	"fault":             {"", ""},
	"page":              {"fault", ""},
	"bank":              {"fault", "github.com/govalues/decimal"},
	"audit":             {"bank fault", ""},
	"category":          {"bank", ""},
	"category/brands":   {"", ""},
	"paper":             {"", "github.com/go-pdf/fpdf github.com/govalues/decimal golang.org/x/image"},
	"report":            {"bank category fault paper", "github.com/govalues/decimal github.com/segmentio/encoding"},
	"report/view":       {"bank connect fault paper report store", ""},
	"callback":          {"bank fault", "github.com/standard-webhooks/standard-webhooks/libraries"},
	"insight":           {"bank fault", "github.com/govalues/decimal"},
	"insight/catalogue": {"bank insight", "github.com/govalues/decimal"},
	"statement":         {"bank category fault", "github.com/govalues/decimal"},
	"demo":              {"bank", "github.com/govalues/decimal"},
	"connect":           {"bank fault", "github.com/govalues/decimal"},
	"connect/sandbox":   {"bank connect demo", ""},
	"connect/berlin":    {"bank connect", ""},
	"connect/app":       {"audit bank connect fault store web", ""},
	"telemetry":         {"", "go.opentelemetry.io/otel"},
	"store": {"audit bank callback category connect failpoint fault insight page report statement telemetry",
		"github.com/govalues/decimal github.com/jackc/pgx/v5 github.com/segmentio/encoding github.com/uptrace/bun"},
	"store/storetest": {"connect embedded insight store", "github.com/jackc/pgx/v5"},
	"tasks": {"bank callback connect failpoint insight insight/catalogue report store telemetry",
		"github.com/hibiken/asynq github.com/jackc/pgx/v5 github.com/prometheus/client_golang github.com/redis/go-redis/v9"},
	"auth":        {"bank fault store", "github.com/golang-jwt/jwt/v5"},
	"graph/model": {"audit bank callback connect fault insight page report", "github.com/99designs/gqlgen github.com/go-json-experiment/json github.com/govalues/decimal"},
	"graph/plan":  {"", "github.com/99designs/gqlgen github.com/vektah/gqlparser/v2"},
	"graph/gen":   {"", "github.com/99designs/gqlgen github.com/vektah/gqlparser/v2 golang.org/x/tools"},
	"graph/generated": {"audit auth bank callback category connect graph/model graph/plan insight page report statement",
		"github.com/99designs/gqlgen github.com/govalues/decimal github.com/vektah/gqlparser/v2"},
	"graph": {"audit auth bank budget callback category connect fault graph/generated graph/model graph/plan insight page report statement store telemetry",
		"github.com/99designs/gqlgen github.com/govalues/decimal github.com/prometheus/client_golang github.com/vektah/gqlparser/v2"},
	"budget":          {"", "github.com/redis/go-redis/v9 golang.org/x/sync"},
	"embedded":        {"", ""},
	"failpoint":       {"", ""},
	"failpoint/armed": {"failpoint", ""},
	"examples/shop":   {"", ""},
	"web":             {"", ""},
	"web/webtest":     {"embedded", "github.com/chromedp/cdproto github.com/chromedp/chromedp"},
	"chaos":           {"bank embedded insight insight/catalogue", "github.com/anishathalye/porcupine github.com/jackc/pgx/v5 github.com/redis/go-redis/v9"},
	"attack":          {"embedded tasks", "github.com/golang-jwt/jwt/v5 github.com/hibiken/asynq github.com/jackc/pgx/v5 github.com/vektah/gqlparser/v2"},
	"bench":           {"auth bank category embedded insight insight/catalogue page statement store tasks", "github.com/jackc/pgx/v5 github.com/redis/go-redis/v9 github.com/govalues/decimal"},
}

// middle are the rooms that must not do I/O either, by what they may take from the standard library.
var middle = []string{"fault", "page", "bank", "audit", "category", "insight", "insight/catalogue", "connect", "demo", "statement", "paper", "report", "callback"}

var sideEffects = []string{"os", "net", "net/http", "database/sql", "log", "log/slog", "os/exec", "io/fs", "syscall"}

func TestImports(t *testing.T) {
	seen, used := map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && name != "." || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		room := path.Dir(filepath.ToSlash(name))
		seen[room] = true
		law, known := mayImport[room]
		if !known {
			t.Errorf("%s: this room is not in the table", name)
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range file.Imports {
			to := strings.Trim(imp.Path.Value, `"`)
			switch ours, isOurs := strings.CutPrefix(to, "insightgraph/"); {
			case isOurs:
				if !slices.Contains(strings.Fields(law.ours), ours) {
					t.Errorf("%s may not import our %s", name, ours)
				}
				used[room+" "+ours] = true
			case strings.Contains(strings.SplitN(to, "/", 2)[0], "."):
				others := strings.Fields(law.others)
				at := slices.IndexFunc(others, func(m string) bool { return to == m || strings.HasPrefix(to, m+"/") })
				if at < 0 {
					t.Errorf("%s may not import %s", name, to)
					continue
				}
				used[room+" "+others[at]] = true
			case slices.Contains(middle, room) && slices.Contains(sideEffects, to):
				t.Errorf("%s is in the middle and may not import %s", name, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range slices.Sorted(maps.Keys(mayImport)) {
		if !seen[room] {
			t.Errorf("the table names %s, which has no Go files", room)
			continue
		}
		law := mayImport[room]
		for _, to := range strings.Fields(law.ours + " " + law.others) {
			if !used[room+" "+to] {
				t.Errorf("%s may import %s, and does not", room, to)
			}
		}
	}
}

// TestNoGoroutines: rooms whose tests the Makefile runs without the race detector have nothing that it could find.
func TestNoGoroutines(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, pure, _ := strings.Cut(strings.ReplaceAll(string(makefile), "\\\n", ""), "\nPURE = ")
	pure, _, _ = strings.Cut(pure, "\n")
	rooms := strings.Fields(pure)
	if len(rooms) < len(middle) {
		t.Errorf("the Makefile names %q", rooms)
	}
	for _, room := range rooms {
		files, err := filepath.Glob(filepath.Join(strings.TrimPrefix(room, "insightgraph/"), "*.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no files, %v", room, err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine", name)
				case *ast.SelectorExpr:
					if n.Sel.Name == "Go" || n.Sel.Name == "Parallel" {
						t.Errorf("%s does things side by side", name)
					}
				}
				return true
			})
		}
	}
}
