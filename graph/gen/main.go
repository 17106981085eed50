// Command gen makes graph/generated: gqlgen, and beside its code plan.go, which says how graph/plan reads the fields of
// each type, and inputs.go, which reads lists of input objects from JSON. It takes the schema's types and their bindings
// from gqlgen, so they always say the same.
package main

import (
	"fmt"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

func main() {
	c, err := config.LoadConfig("gqlgen.yml")
	p := &plans{}
	if err == nil {
		err = api.Generate(c, api.AddPlugin(p))
	}
	if err == nil {
		err = takeLists(c.Exec.Filename, p.lists)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// plans is the plugin.
type plans struct {
	lists []string // the input types whose lists are read straight from JSON
}

func (*plans) Name() string { return "plans" }

// GenerateCode is called by gqlgen when it knows everything about the schema.
func (p *plans) GenerateCode(data *codegen.Data) error {
	functions, err := loadFunctions()
	if err != nil {
		return err
	}
	g := generator{data, functions}
	if p.lists, err = g.renderInputs(); err != nil {
		return err
	}
	return templates.Render(templates.Options{
		PackageName:     data.Config.Exec.Package,
		Filename:        filepath.Join(filepath.Dir(data.Config.Exec.Filename), "plan.go"),
		GeneratedHeader: true,
		Packages:        data.Config.Packages,
		Data:            g.objects(),
		Template:        text,
		Funcs:           template.FuncMap{"field": g.field, "implements": g.implements},
	})
}

const text = `
{{ reserveImport "context" }}
{{ reserveImport "github.com/99designs/gqlgen/graphql" }}
{{ reserveImport "insightgraph/graph/plan" }}

// Plan answers a query with graph/plan; false means that gqlgen's own way must. The fields that it reads are those that
// may be used.
func Plan(ctx context.Context, schema graphql.ExecutableSchema, may func(object, field string) bool, shapes plan.Shapes) ([]byte, bool) {
	ec := newExecutionContext(graphql.GetOperationContext(ctx), schema.(*executableSchema), nil)
	return plan.Run(ctx, ec, ec.OperationContext, planQuery, may, shapes)
}

var (
{{- range . }}
	plan{{ .Name }} = &plan.Object{Name: {{ quote .Name }}, Is: []string{ {{ implements . }} }}
{{- end }}
)

func init() {
{{- range $object := . }}
	plan{{ .Name }}.Fields = map[string]*plan.Field{
	{{- range .Fields }}{{ if not .IsReserved }}
		{{ quote .Name }}: {{ field . }},
	{{- end }}{{ end }}
	}
{{- end }}
}
`

type generator struct {
	*codegen.Data
	functions functions
}

// objects are the types that queries read: mutations and their payloads go gqlgen's own way.
func (g generator) objects() (out []*codegen.Object) {
	reached := map[string]bool{}
	var reach func(name string)
	reach = func(name string) {
		if reached[name] {
			return
		}
		reached[name] = true
		for _, o := range g.Objects {
			if o.Name == name {
				for _, f := range o.Fields {
					for _, t := range g.possible(f.TypeReference.Definition) {
						reach(t)
					}
				}
			}
		}
	}
	reach("Query")
	for _, o := range g.Objects {
		if reached[o.Name] && !strings.HasPrefix(o.Name, "__") {
			out = append(out, o)
		}
	}
	return out
}

// possible are the names of the object types that a type stands for.
func (g generator) possible(d *ast.Definition) (names []string) {
	if strings.HasPrefix(d.Name, "__") {
		return nil
	}
	switch d.Kind {
	case ast.Object:
		return []string{d.Name}
	case ast.Interface, ast.Union:
		for _, p := range g.Schema.GetPossibleTypes(d) {
			if p.Kind == ast.Object {
				names = append(names, p.Name)
			}
		}
		slices.Sort(names)
	}
	return names
}

func (g generator) implements(o *codegen.Object) string {
	names := []string{o.Name}
	for _, i := range g.Schema.GetImplements(o.Definition) {
		names = append(names, i.Name)
	}
	slices.Sort(names)
	return `"` + strings.Join(names, `", "`) + `"`
}

func goType(t types.Type) string { return templates.CurrentImports.LookupType(t) }

// field is the literal of a field.
func (g generator) field(f *codegen.Field) string {
	var b strings.Builder
	b.WriteString("{")
	object := ""
	if !f.Object.Root {
		object = goType(f.Object.Reference())
	}
	direct := !f.IsResolver && !f.MethodHasContext && len(f.Args) == 0 && (!f.IsMethod() || f.NoErr) && !f.VOkFunc
	value := "o.(" + object + ")." + f.GoFieldName
	if f.IsMethod() {
		value += "()"
	}
	possible := g.possible(f.TypeReference.Definition)
	switch {
	case direct && possible == nil:
		fmt.Fprintf(&b, "Leaf: func(b []byte, o any) ([]byte, bool) { v := %s\n%sreturn b, true },\n", value, g.leaf("v", f.TypeReference, 0))
	case direct:
		fmt.Fprintf(&b, "Visit: func(o any, v plan.Visitor) { x := %s\n%s },\n", address(f, value), g.visit(pointed(f, "x"), f.TypeReference, 0))
	default:
		g.resolve(&b, f, object, possible == nil)
	}
	if len(f.Args) > 0 {
		fmt.Fprintf(&b, "Args: func(ctx context.Context, ec any, raw map[string]any) (map[string]any, error) { return ec.(*executionContext).%s(ctx, raw) },\n", f.ArgsFunc())
	}
	if possible != nil {
		fmt.Fprintf(&b, "Types: []*plan.Object{plan%s},\n", strings.Join(possible, ", plan"))
	}
	if g.quick(f) {
		b.WriteString("Quick: true,\n")
	}
	if reads, known := g.reads(f); known {
		fmt.Fprintf(&b, "Reads: %s,\n", quoted(reads))
	}
	b.WriteString("}")
	return b.String()
}

// quick tells whether a field's resolver waits for nothing: it takes no context, and whatever waits needs one.
func (g generator) quick(f *codegen.Field) bool {
	if !f.IsResolver || !f.IsBatch() || f.Object.Root {
		return false
	}
	t := f.Object.Reference()
	if p, is := t.(*types.Pointer); is {
		t = p.Elem()
	}
	resolver, known := g.functions[g.functions.batch(f.GoFieldName, t.String())]
	return known && resolver.Type.Params.List[0].Names[0].Name == "_"
}

// reads are the fields of its object's struct that a field looks at, where that can be told.
func (g generator) reads(f *codegen.Field) ([]string, bool) {
	t := f.Object.Reference()
	if p, is := t.(*types.Pointer); is {
		t = p.Elem()
	}
	named, is := t.(*types.Named)
	if f.Object.Root || !is || named.TypeArgs().Len() > 0 || structOf(t) == nil {
		return nil, false
	}
	if f.IsResolver {
		return g.functions.reads(g.functions.batch(f.GoFieldName, t.String()), t.String())
	}
	found, index, _ := types.LookupFieldOrMethod(t, true, named.Obj().Pkg(), f.GoFieldName)
	switch found := found.(type) {
	case *types.Func:
		if len(index) == 1 {
			return g.functions.reads(found.FullName(), t.String())
		}
	case nil:
		return nil, false
	}
	return []string{structOf(t).Field(index[0]).Name()}, true
}

// address takes a struct's field by its address, so that nothing is copied.
func address(f *codegen.Field, value string) string {
	if f.IsMethod() {
		return value
	}
	return "&" + value
}

func pointed(f *codegen.Field, name string) string {
	if f.IsMethod() {
		return name
	}
	return "(*" + name + ")"
}

// resolve writes a field that is looked up: for all objects at once where the resolver takes them so, else one by one.
func (g generator) resolve(b *strings.Builder, f *codegen.Field, object string, leaf bool) {
	b.WriteString("Resolve: func(ctx context.Context, ec any, objs []any, args map[string]any) (plan.Result, error) {\n")
	if len(f.Args) > 0 {
		b.WriteString("fc := &graphql.FieldContext{Args: args}\n")
	}
	result := goType(f.TypeReference.GO)
	switch {
	case f.IsBatch() && !f.Object.Root:
		fmt.Fprintf(b, `parents := make([]%s, len(objs))
			for i, o := range objs { parents[i] = o.(%s) }
			values, err := ec.(*executionContext).Resolvers.%s().%s(%s)
			if err != nil || len(values) != len(objs) { return plan.Result{}, plan.Refused(err) }
			`, object, object, templates.UcFirst(f.Object.Name), f.GoFieldName, f.BatchCallArgs("parents", ""))
	default:
		call := fmt.Sprintf("ec.(*executionContext).Resolvers.%s().%s(%s)", templates.UcFirst(f.Object.Name), f.GoFieldName, f.CallArgs())
		if !f.IsResolver {
			call = fmt.Sprintf("obj.%s(%s)", f.GoFieldName, f.CallArgs())
		}
		fmt.Fprintf(b, "values := make([]%s, len(objs))\nfor i := range objs {\n", result)
		if !f.Object.Root {
			fmt.Fprintf(b, "obj := objs[i].(%s)\n", object)
		}
		switch {
		case f.VOkFunc:
			fmt.Fprintf(b, "value, ok := %s\nif !ok { return plan.Result{}, plan.Refused(nil) }\n", call)
		case f.NoErr:
			fmt.Fprintf(b, "value := %s\n", call)
		default:
			fmt.Fprintf(b, "value, err := %s\nif err != nil { return plan.Result{}, err }\n", call)
		}
		b.WriteString("values[i] = value\n}\n")
	}
	if leaf {
		fmt.Fprintf(b, "return plan.Result{Leaf: func(b []byte, i int) ([]byte, bool) { v := values[i]\n%sreturn b, true }}, nil },\n", g.leaf("v", f.TypeReference, 0))
		return
	}
	fmt.Fprintf(b, "return plan.Result{Visit: func(i int, v plan.Visitor) {\n%s}}, nil },\n", g.visit("values[i]", f.TypeReference, 0))
}

// leaf writes the statements that append a scalar, or a list of them.
func (g generator) leaf(v string, ref *config.TypeReference, depth int) string {
	null := "b = append(b, \"null\"...)\n"
	if ref.GQL.NonNull {
		null = "return b, false\n"
	}
	switch {
	case ref.IsSlice():
		i := fmt.Sprintf("i%d", depth)
		list := fmt.Sprintf("b = append(b, '[')\nfor %s := range %s { if %s > 0 { b = append(b, ',') }\n%s}\nb = append(b, ']')\n", i, v, i, g.leaf(v+"["+i+"]", ref.Elem(), depth+1))
		if ref.GQL.NonNull {
			return list
		}
		return fmt.Sprintf("if %s == nil { %s } else { %s}\n", v, null, list)
	case ref.IsPtr():
		inner := *ref.Elem()
		inner.GQL = &ast.Type{NamedType: ref.GQL.NamedType, Elem: ref.GQL.Elem, NonNull: true}
		return fmt.Sprintf("if %s == nil { %s} else { %s}\n", v, null, g.leaf("(*"+v+")", &inner, depth))
	case ref.IsMarshaler:
		return fmt.Sprintf("b = plan.Marshaler(b, %s)\n", v)
	case ref.Marshaler == nil || ref.HasEnumValues() || ref.IsContext:
		panic("graph/gen knows no way to write " + ref.GO.String())
	}
	if ref.CastType != nil {
		v = goType(ref.CastType) + "(" + v + ")"
	}
	pkg, name := ref.Marshaler.Pkg(), strings.TrimPrefix(ref.Marshaler.Name(), "Marshal")
	appended := "Append" + name
	switch {
	case pkg.Path() == "github.com/99designs/gqlgen/graphql" && slices.Contains([]string{"String", "ID", "Int", "Boolean"}, name):
		if name == "ID" {
			name = "String"
		}
		return fmt.Sprintf("b = plan.%s(b, %s)\n", name, v)
	case pkg.Scope().Lookup(appended) != nil:
		return fmt.Sprintf("b = %s.%s(b, %s)\n", templates.CurrentImports.Lookup(pkg.Path()), appended, v)
	}
	return fmt.Sprintf("b = plan.Marshaler(b, %s.%s(%s))\n", templates.CurrentImports.Lookup(pkg.Path()), ref.Marshaler.Name(), v)
}

// visit writes the statements that show objects, or a list of them.
func (g generator) visit(x string, ref *config.TypeReference, depth int) string {
	null := "v.Null()"
	if ref.GQL.NonNull {
		null = "v.Bad()"
	}
	name := "plan" + ref.Definition.Name
	switch {
	case ref.IsSlice():
		i := fmt.Sprintf("i%d", depth)
		list := fmt.Sprintf("v.List(len(%s))\nfor %s := range %s {\n%s}\nv.End()\n", x, i, x, g.visit(x+"["+i+"]", ref.Elem(), depth+1))
		if ref.GQL.NonNull {
			return list
		}
		return fmt.Sprintf("if %s == nil { %s } else { %s}\n", x, null, list)
	case types.IsInterface(ref.GO):
		var b strings.Builder
		fmt.Fprintf(&b, "switch c := %s.(type) {\ncase nil: %s\n", x, null)
		for _, i := range g.Interfaces[ref.Definition.Name].Implementors {
			if i.Kind != ast.Object {
				continue // its own types are cases too
			}
			if _, pointer := i.Type.(*types.Pointer); pointer {
				fmt.Fprintf(&b, "case %s: if c == nil { %s } else { v.One(c, plan%s) }\n", goType(i.Type), null, i.Name)
			} else {
				fmt.Fprintf(&b, "case %s: v.One(&c, plan%s)\n", goType(i.Type), i.Name)
			}
		}
		b.WriteString("default: v.Bad()\n}\n")
		return b.String()
	case ref.IsPtr() && ref.Definition.Kind == ast.Object:
		return fmt.Sprintf("if %s == nil { %s } else { v.One(%s, %s) }\n", x, null, x, name)
	case ref.Definition.Kind == ast.Object:
		if x == "(*x)" {
			return fmt.Sprintf("v.One(x, %s)\n", name)
		}
		return fmt.Sprintf("v.One(&%s, %s)\n", x, name)
	}
	panic("graph/gen knows no way to show " + ref.GO.String())
}
