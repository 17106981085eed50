package graph

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"insightgraph/fault"
	"insightgraph/graph/generated"
)

// The operations that client applications send, and their files.
const operations = "../../shared/contract/operations"

var operationFiles = []string{"viewer", "consumers", "storage", "subscriptions", "insights", "connect", "reports"}

func schema() *ast.Schema { return generated.NewExecutableSchema(generated.Config{}).Schema() }

// Every operation of the contract fits the schema.
func TestContractOperations(t *testing.T) {
	if _, err := os.Stat(operations); err != nil {
		t.Skipf("NOT CHECKED: there is no %s here; the operations of client applications were not compared with the schema", operations)
	}
	checked := 0
	for _, name := range operationFiles {
		text, err := os.ReadFile(filepath.Join(operations, name+".graphql"))
		if err != nil {
			t.Fatal(err)
		}
		all, err := parser.ParseQuery(&ast.Source{Name: name, Input: string(text)})
		if err != nil {
			t.Fatal(err)
		}
		for _, operation := range all.Operations {
			one := &ast.QueryDocument{Operations: ast.OperationList{operation}, Fragments: all.Fragments}
			for _, e := range validator.ValidateWithRules(schema(), one, rules.NewDefaultRules()) {
				t.Errorf("%s %s: %s", name, operation.Name, e.Message)
			}
			shape := walker{}.set(operation.SelectionSet)
			if shape.depth > maxDepth || shape.fields > maxFields {
				t.Errorf("%s %s: %+v is beyond the limits", name, operation.Name, shape)
			}
			checked++
		}
	}
	if checked < 30 {
		t.Errorf("only %d operations were found", checked)
	}
}

// The schema's enum of error codes is the list in package fault.
func TestErrorCodes(t *testing.T) {
	var named []fault.Code
	for _, v := range schema().Types["ErrorCode"].EnumValues {
		named = append(named, fault.Code(v.Name))
	}
	if !slices.Equal(named, fault.Codes) {
		t.Errorf("schema %v\nfault  %v", named, fault.Codes)
	}
}

// Every field of every type says who may use it, once, and nothing else does.
func TestRightsAreComplete(t *testing.T) {
	named := map[string]int{}
	for object, r := range rights {
		for _, field := range strings.Fields(r.everybody + " " + r.customers) {
			named[object+"."+field]++
		}
	}
	for _, d := range schema().Types {
		if d.Kind != ast.Object || d.BuiltIn {
			continue
		}
		for _, f := range d.Fields {
			name := d.Name + "." + f.Name
			if f.Name[0] != '_' && named[name] != 1 {
				t.Errorf("%s stands %d times in the table of rights", name, named[name])
			}
			delete(named, name)
		}
	}
	if len(named) > 0 {
		t.Errorf("the schema has no %v", slices.Sorted(maps.Keys(named)))
	}
}

// Every list with a size has a price.
func TestListsHaveAPrice(t *testing.T) {
	for _, d := range schema().Types {
		for _, f := range d.Fields {
			if f.Arguments.ForName("first") == nil || d.BuiltIn || d.Kind == ast.Interface { // an interface costs what its dearest type does
				continue
			}
			args := map[string]any{"first": int64(50)}
			c, ok := generated.NewExecutableSchema(generated.Config{Complexity: costs()}).Complexity(t.Context(), d.Name, f.Name, 3, args)
			if !ok || c != 151 {
				t.Errorf("%s.%s costs %d, want 151", d.Name, f.Name, c)
			}
		}
	}
}

// The schema file says what the generated code says.
func TestSchemaIsGenerated(t *testing.T) {
	text, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	written, err := gqlparser.LoadSchema(&ast.Source{Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range written.Types {
		if other := schema().Types[name]; other == nil || len(other.Fields) != len(d.Fields) || len(other.EnumValues) != len(d.EnumValues) {
			t.Errorf("%s: run make generate", name)
		}
	}
}
