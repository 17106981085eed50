package main

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// functions are those of this module, by their full names: their texts say which fields of a struct somebody looks at.
type functions map[string]function

type function struct {
	*ast.FuncDecl
	info *types.Info
}

func loadFunctions() (functions, error) {
	loaded, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedImports | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo}, "./...")
	all := functions{}
	for _, p := range loaded {
		for _, file := range p.Syntax {
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
					if is, ok := p.TypesInfo.Defs[f.Name].(*types.Func); ok {
						all[is.FullName()] = function{f, p.TypesInfo}
					}
				}
			}
		}
	}
	return all, err
}

// batch is the resolver that takes a list of a type's objects.
func (all functions) batch(name, object string) string {
	for full, f := range all {
		if f.Recv == nil || f.Name.Name != name {
			continue
		}
		signature := f.info.Defs[f.Name].Type().(*types.Signature)
		if p := signature.Params(); p.Len() > 1 && p.At(1).Type().String() == "[]*"+object {
			return full
		}
	}
	return ""
}

// look is one question: which fields of a struct a function looks at.
type look struct {
	functions
	object string // the struct's full name
	seen   map[string]bool
	fields map[string]bool
}

// reads are the fields of a struct that a function looks at, and all that it gives such a struct to. False: that cannot
// be told, so it may be any.
func (all functions) reads(name, object string) ([]string, bool) {
	l := &look{all, object, map[string]bool{}, map[string]bool{}}
	if !l.function(name) {
		return nil, false
	}
	out := []string{}
	for field := range l.fields {
		out = append(out, field)
	}
	slices.Sort(out)
	return out, true
}

func (l *look) function(name string) bool {
	if l.seen[name] {
		return true
	}
	l.seen[name] = true
	f, known := l.functions[name]
	if !known {
		return false
	}
	ok := true
	var above []ast.Node
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if n == nil {
			above = above[:len(above)-1]
			return true
		}
		if e, is := n.(ast.Expr); is && ok {
			ok = l.expression(f.info, e, above)
		}
		above = append(above, n)
		return true
	})
	return ok
}

// expression tells whether it is known what becomes of an expression: nothing, or its fields are looked at.
func (l *look) expression(info *types.Info, e ast.Expr, above []ast.Node) bool {
	if id, is := e.(*ast.Ident); is {
		if f, is := info.Uses[id].(*types.Func); is && l.mentions(f.Type()) && !generic(f) && !l.isObject(receiver(f)) {
			return l.function(f.FullName()) // called, or given to somebody who calls it
		}
	}
	if x, is := e.(*ast.SelectorExpr); is {
		if s := info.Selections[x]; s != nil && s.Kind() == types.MethodExpr && l.isObject(s.Recv()) {
			return l.selected(s, s.Recv())
		}
	}
	value, known := info.Types[e]
	if !known || !value.IsValue() || !l.mentions(value.Type) {
		return true
	}
	if _, is := value.Type.Underlying().(*types.Signature); is {
		return true // its text is here, or was looked at by its name
	}
	switch parent := above[len(above)-1].(type) {
	case *ast.ParenExpr, *ast.StarExpr, *ast.UnaryExpr, *ast.RangeStmt, *ast.IndexExpr, *ast.SliceExpr, *ast.ExprStmt:
		return true // what comes of it is an expression too
	case *ast.BinaryExpr:
		_, pointer := value.Type.(*types.Pointer)
		return pointer
	case *ast.SelectorExpr:
		return l.selected(info.Selections[parent], value.Type)
	case *ast.CallExpr:
		return parent.Fun == e || l.given(info, parent, slices.Index(parent.Args, e))
	case *ast.AssignStmt:
		for _, to := range parent.Lhs {
			if _, is := to.(*ast.SelectorExpr); is {
				return false
			}
			if t := info.TypeOf(to); t != nil && types.IsInterface(t) && l.mentions(value.Type) && slices.Contains(parent.Rhs, e) {
				if _, parameter := t.(*types.TypeParam); !parameter && t.String() != "error" {
					return false
				}
			}
		}
		return true
	}
	return false
}

// selected is a field or a method of an expression.
func (l *look) selected(s *types.Selection, of types.Type) bool {
	switch {
	case s == nil:
		return false
	case !l.isObject(of): // of something that has the objects; its fields are expressions too
		f, is := s.Obj().(*types.Func)
		return !is || generic(f)
	case s.Kind() == types.FieldVal || len(s.Index()) > 1:
		l.fields[structOf(of).Field(s.Index()[0]).Name()] = true
		return true
	}
	return l.function(s.Obj().(*types.Func).FullName())
}

// given tells whether an argument goes where it is known what becomes of it: to a function whose text was looked at, or
// to one that knows nothing of the type.
func (l *look) given(info *types.Info, call *ast.CallExpr, i int) bool {
	fun := ast.Unparen(call.Fun)
	if index, is := fun.(*ast.IndexExpr); is {
		fun = index.X
	}
	var id *ast.Ident
	switch x := fun.(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return false
	}
	switch callee := info.Uses[id].(type) {
	case *types.Builtin:
		return slices.Contains([]string{"append", "len", "cap"}, callee.Name())
	case *types.Var:
		return callee.Parent() != nil && callee.Parent() != callee.Pkg().Scope() // the function's own, or what its caller gives
	case *types.Func:
		p := callee.Origin().Type().(*types.Signature).Params()
		t := p.At(min(i, p.Len()-1)).Type()
		if generic(callee) {
			return parametric(t)
		}
		return l.mentions(t)
	}
	return false
}

func (l *look) isObject(t types.Type) bool {
	if p, is := t.(*types.Pointer); is {
		t = p.Elem()
	}
	return t != nil && t.String() == l.object
}

// mentions tells whether a type is made of the struct. Structs that have one as a field are not: it is an expression.
func (l *look) mentions(t types.Type) bool {
	if l.isObject(t) {
		return true
	}
	return parts(t, l.mentions)
}

func parametric(t types.Type) bool {
	if _, is := t.(*types.TypeParam); is {
		return true
	}
	return parts(t, parametric)
}

// parts tells whether something is so for one of the types that a type is made of.
func parts(t types.Type, is func(types.Type) bool) bool {
	switch t := t.(type) {
	case *types.Pointer:
		return is(t.Elem())
	case *types.Slice:
		return is(t.Elem())
	case *types.Array:
		return is(t.Elem())
	case *types.Chan:
		return is(t.Elem())
	case *types.Map:
		return is(t.Key()) || is(t.Elem())
	case *types.Signature:
		return parts(t.Params(), is) || parts(t.Results(), is)
	case *types.Tuple:
		for v := range t.Variables() {
			if is(v.Type()) {
				return true
			}
		}
	case *types.Named:
		for a := range t.TypeArgs().Types() {
			if is(a) {
				return true
			}
		}
	}
	return false
}

func generic(f *types.Func) bool {
	s := f.Origin().Type().(*types.Signature)
	return s.TypeParams().Len() > 0 || s.RecvTypeParams().Len() > 0
}

func receiver(f *types.Func) types.Type {
	if r := f.Type().(*types.Signature).Recv(); r != nil {
		return r.Type()
	}
	return nil
}

func structOf(t types.Type) *types.Struct {
	if p, is := t.Underlying().(*types.Pointer); is {
		t = p.Elem()
	}
	s, _ := t.Underlying().(*types.Struct)
	return s
}

// quoted is the literal of names.
func quoted(names []string) string {
	if len(names) == 0 {
		return "[]string{}"
	}
	return `[]string{"` + strings.Join(names, `", "`) + `"}`
}
