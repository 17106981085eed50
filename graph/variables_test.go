package graph

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
)

// TestLeftOutVariables: with long lists left out, variables are what they are without that, and the same are refused.
func TestLeftOutVariables(t *testing.T) {
	s := schema()
	var inputs []string
	for name, d := range s.Types {
		if d.Kind == ast.InputObject {
			inputs = append(inputs, name)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	left, refused := 0, 0
	for i := range 12_000 {
		name := inputs[i%len(inputs)]
		text, err := json.Marshal(map[string]any{"v": anyValue(random, s.Types, ast.NonNullNamedType(name, nil), 0)})
		if err != nil {
			t.Fatal(err)
		}
		read := func() (v map[string]any) {
			d := json.NewDecoder(strings.NewReader(string(text)))
			d.UseNumber()
			if err := d.Decode(&v); err != nil {
				t.Fatal(err)
			}
			return v
		}
		o := &ast.OperationDefinition{VariableDefinitions: ast.VariableDefinitionList{{Variable: "v", Type: ast.NonNullNamedType(name, nil), Definition: s.Types[name]}}}
		want, wrong := validator.VariableValues(s, o, read())
		given := read()
		l := leaveOut(s.Types, o, given)
		left += len(l.back)
		got, err := validator.VariableValues(s, o, given)
		l.restore()
		switch {
		case (wrong == nil) != (err == nil):
			t.Fatalf("%s: %v, without lists %v", text, wrong, err)
		case wrong != nil: // which of several faults it meets first is chance: it walks through maps
			refused++
		case !reflect.DeepEqual(got, want):
			t.Fatalf("%s: %v, without lists %v", text, want, got)
		}
	}
	if left < 100 || refused < 100 {
		t.Errorf("%d lists were left out and %d values refused: this shows little", left, refused)
	}
}

// anyValue is a value of a type, now and then a wrong one.
func anyValue(r *rand.Rand, types schemaTypes, typ *ast.Type, depth int) any {
	if !typ.NonNull && r.IntN(4) == 0 {
		return nil
	}
	if r.IntN(400) == 0 {
		return []any{nil, 7, "x", true, 1.5, []any{}, map[string]any{"y": 1}}[r.IntN(7)]
	}
	if typ.Elem != nil {
		list := make([]any, r.IntN(2)*(longList-1)+r.IntN(4))
		for i := range list {
			list[i] = anyValue(r, types, typ.Elem, depth+1)
		}
		return list
	}
	d := types[typ.NamedType]
	switch {
	case d.Kind == ast.Enum:
		name := d.EnumValues[r.IntN(len(d.EnumValues))].Name
		if r.IntN(100) == 0 {
			name = strings.ToLower(name)
		}
		return name
	case d.Kind == ast.InputObject:
		object := map[string]any{}
		for _, f := range d.Fields {
			if f.Type.NonNull && r.IntN(200) > 0 || depth < 5 && r.IntN(2) == 0 {
				object[f.Name] = anyValue(r, types, f.Type, depth+1)
			}
		}
		if r.IntN(60) == 0 {
			object[[]string{"__typename", "unknown"}[r.IntN(2)]] = "x"
		}
		return object
	case d.Name == "Int":
		return []any{r.IntN(100), 1.5, "12"}[max(0, r.IntN(50)-47)]
	case d.Name == "Boolean":
		return r.IntN(2) == 0
	}
	return []any{"text", 12}[max(0, r.IntN(50)-48)]
}
