package graph

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// A user-level token is refused exactly where the table says so, with arguments that are otherwise right; nothing of
// what was refused happens.
func TestRoles(t *testing.T) {
	h := newHouse(t)
	before := h.do("acme", `{consumers{totalCount} customerSubscriptions{insightTitle} publicKeys{keyId}}`)
	for _, root := range []string{"Query", "Mutation"} {
		for name, consumers := range allowed[root] {
			if name == "importStatement" { // needs a file: see TestUploadFaults
				continue
			}
			f := schema().Types[root].Fields.ForName(name)
			var args []string
			for _, a := range f.Arguments {
				if a.Type.NonNull {
					args = append(args, a.Name+":"+sample(a.Type))
				}
			}
			query := strings.ToLower(root) + "{" + name
			if args != nil {
				query += "(" + strings.Join(args, ",") + ")"
			}
			got := h.send("anna", query+"{__typename}}", nil)
			if refused := strings.Contains(got.codes(), "FORBIDDEN"); refused == consumers || got.status != 200 {
				t.Errorf("%s.%s: %d %s", root, name, got.status, got.body)
			}
		}
	}
	if after := h.do("acme", `{consumers{totalCount} customerSubscriptions{insightTitle} publicKeys{keyId}}`); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("before %v, after %v", before, after)
	}
}

// sample is a literal of an input type with what is required only.
func sample(t *ast.Type) string {
	if t.Elem != nil {
		return "[" + sample(t.Elem) + "]"
	}
	d := schema().Types[t.NamedType]
	switch {
	case d.Kind == ast.Enum:
		return d.EnumValues[0].Name
	case d.Kind == ast.InputObject:
		var fields []string
		for _, f := range d.Fields {
			if f.Type.NonNull && f.DefaultValue == nil {
				fields = append(fields, f.Name+":"+sample(f.Type))
			}
		}
		return "{" + strings.Join(fields, ",") + "}"
	}
	return map[string]string{"Decimal": "1", "Date": `"2021-10-01"`, "CurrencyCode": `"EUR"`, "Int": "1"}[d.Name] + map[bool]string{true: `"x"`}[d.Name == "ID" || d.Name == "String"]
}
