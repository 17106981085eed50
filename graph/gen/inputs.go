package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

const inputText = `
{{ reserveImport "insightgraph/graph/model" }}

// Lists read lists of input objects straight from JSON, by the names of their types.
var Lists = map[string]func(*model.Reader) any{
{{- range readable }}
	"{{ .Name }}": func(r *model.Reader) any { return model.Rows(r, read{{ .Name }}) },
{{- end }}
}
{{ range readable }}
func read{{ .Name }}(r *model.Reader) (it {{ goType .Type }}) {
	r.Input({{ needed . }}, func(name []byte) int {
		switch string(name) {
		{{- range $i, $field := .Fields }}
		case ` + "`\"{{ .Name }}\"`" + `:
			{{ if .TypeReference.GQL.NonNull -}}
			it.{{ .GoFieldName }} = {{ read .TypeReference }}
			{{- else -}}
			if !r.Null() { it.{{ .GoFieldName }} = {{ read .TypeReference }} }
			{{- end }}
			return 1 << {{ $i }}
		{{- end }}
		}
		return 0
	})
	return it
}
{{ end }}
`

// renderInputs writes inputs.go, and tells whose lists it reads.
func (g generator) renderInputs() (names []string, err error) {
	var all []*codegen.Object
	readable := func() []*codegen.Object { // imports are known only while this is rendered
		all = g.readable()
		return all
	}
	err = templates.Render(templates.Options{
		PackageName:     g.Config.Exec.Package,
		Filename:        filepath.Join(filepath.Dir(g.Config.Exec.Filename), "inputs.go"),
		GeneratedHeader: true,
		Packages:        g.Config.Packages,
		Template:        inputText,
		Funcs:           map[string]any{"readable": readable, "goType": goType, "read": g.read, "needed": needed},
	})
	for _, o := range all {
		names = append(names, o.Name)
	}
	return names, err
}

// readable are the input types of which there are lists, with those of their fields, as far as nothing in them needs
// gqlgen's own way.
func (g generator) readable() (out []*codegen.Object) {
	for _, o := range g.Inputs {
		for _, f := range o.Fields {
			if ref := f.TypeReference; ref.IsSlice() && ref.Definition.Kind == ast.InputObject {
				out = g.reach(out, ref.Definition.Name)
			}
		}
	}
	slices.SortFunc(out, func(a, b *codegen.Object) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// reach adds a type and those of its fields.
func (g generator) reach(out []*codegen.Object, name string) []*codegen.Object {
	if !g.canRead(name) || slices.ContainsFunc(out, func(o *codegen.Object) bool { return o.Name == name }) {
		return out
	}
	o := g.Inputs.ByName(name)
	out = append(out, o)
	for _, f := range o.Fields {
		if f.TypeReference.Definition.Kind == ast.InputObject {
			out = g.reach(out, f.TypeReference.Definition.Name)
		}
	}
	return out
}

func (g generator) canRead(name string) bool {
	o := g.Inputs.ByName(name)
	return o != nil && len(o.Fields) < 63 && !slices.ContainsFunc(o.Fields, func(f *codegen.Field) bool {
		ref := f.TypeReference
		return f.IsResolver || !f.IsVariable() || f.DefaultValue != nil || ref.IsOmittable || ref.HasEnumValues() || ref.IsMarshaler ||
			ref.Definition.Kind == ast.InputObject && ref.Definition.Name != name && !g.canRead(ref.Definition.Name) ||
			ref.Definition.Kind == ast.Scalar && g.scalar(ref) == ""
	})
}

// needed are the bits of the fields that must be there.
func needed(o *codegen.Object) string {
	var bits []string
	for i, f := range o.Fields {
		if f.TypeReference.GQL.NonNull {
			bits = append(bits, fmt.Sprintf("1<<%d", i))
		}
	}
	return cmp.Or(strings.Join(bits, "|"), "0")
}

// read is the expression that reads a value which is not null.
func (g generator) read(ref *config.TypeReference) string {
	switch {
	case ref.IsSlice():
		elem := ref.Elem()
		return fmt.Sprintf("model.Rows(r, func(r *model.Reader) %s { return %s })", goType(elem.GO), g.read(elem))
	case ref.IsPtr():
		return "new(" + g.read(ref.Elem()) + ")"
	case ref.Definition.Kind == ast.InputObject:
		return "read" + ref.Definition.Name + "(r)"
	case ref.Definition.Kind == ast.Enum:
		var words []string
		for _, v := range ref.Definition.EnumValues {
			words = append(words, `"`+v.Name+`"`)
		}
		return fmt.Sprintf("%s(r.Word(%s))", goType(ref.GO), strings.Join(words, ", "))
	}
	value := g.scalar(ref)
	if ref.CastType != nil {
		value = goType(ref.GO) + "(" + value + ")"
	}
	return value
}

// scalar reads one, empty if that is not known. GraphQL's own numbers are not.
func (g generator) scalar(ref *config.TypeReference) string {
	switch {
	case ref.Unmarshaler == nil || ref.IsContext:
		return ""
	case slices.Contains([]string{"UnmarshalString", "UnmarshalID"}, ref.Unmarshaler.Name()):
		return "r.Text()"
	case ref.Unmarshaler.Name() == "UnmarshalBoolean":
		return "r.Bool()"
	case ref.Unmarshaler.Pkg().Path() == "github.com/99designs/gqlgen/graphql":
		return ""
	}
	return fmt.Sprintf("model.Parse(r, %t, %s.%s)", ref.Definition.Name != "ID", templates.CurrentImports.Lookup(ref.Unmarshaler.Pkg().Path()), ref.Unmarshaler.Name())
}

var listReader = regexp.MustCompile(`func \(ec \*executionContext\) unmarshal[NO](\w+)2ᚕ\S+\(ctx context\.Context, v any\) \((\[\]\S+), error\) \{\n`)

// takeLists lets gqlgen's functions for lists of these input types take what was read already.
func takeLists(file string, names []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text = listReader.ReplaceAllFunc(text, func(head []byte) []byte {
		m := listReader.FindSubmatch(head)
		if slices.Contains(names, string(m[1])) {
			head = fmt.Appendf(bytes.Clone(head), "\tif list, is := v.(model.List); is {\n\t\treturn list.Rows.(%s), nil\n\t}\n", m[2])
		}
		return head
	})
	return os.WriteFile(file, text, 0o644)
}
