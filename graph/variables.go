package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"insightgraph/graph/generated"
	"insightgraph/graph/model"
)

// A call with a thousand transactions was mostly JSON: each object became a map, gqlparser looked at all of them by
// reflection, and gqlgen copied them into its types. So lists of input objects are read straight into those types, where the
// document is known and nothing in the request is out of the way. What is not surely right is read gqlgen's way, which says
// what is wrong with it.

// worthIt is how long a request is that is read so.
const worthIt = 4 << 10

// schemaTypes are the types of the schema, by name.
type schemaTypes = map[string]*ast.Definition

// straight reads a request object whose document is known, nil if it is something else.
func (s *server) straight(ctx context.Context, text []byte) *graphql.RawParams {
	if len(text) < worthIt || s.Plain {
		return nil
	}
	var params graphql.RawParams
	var variables []byte
	r := model.NewReader(text)
	r.Input(0, func(name []byte) int {
		switch string(name) {
		case `"query"`:
			params.Query = r.Text()
			return 1
		case `"operationName"`:
			params.OperationName = r.Text()
			return 2
		case `"variables"`:
			variables = r.Raw()
			return 4
		case `"extensions"`:
			params.Extensions = r.Object(func(string) any { return r.Any() })
			return 8
		}
		return 0
	})
	if !r.Ended() {
		return nil
	}
	document, known := s.known.Get(ctx, params.Query)
	if !known {
		return nil
	}
	operation := document.Operations.ForName(params.OperationName)
	if operation == nil {
		return nil
	}
	r = model.NewReader(variables)
	params.Variables = r.Object(func(name string) any {
		if v := operation.VariableDefinitions.ForName(name); v != nil && v.Type.Elem == nil {
			return s.input(r, v.Type)
		}
		return r.Any()
	})
	if !r.Ended() {
		return nil
	}
	return &params
}

// input reads a value of a type.
func (s *server) input(r *model.Reader, t *ast.Type) any {
	d := s.types[t.Name()]
	switch read := generated.Lists[t.Name()]; {
	case t.Elem == nil && d.Kind == ast.InputObject && r.Is('{'):
		return r.Object(func(name string) any {
			if f := d.Fields.ForName(name); f != nil {
				return s.input(r, f.Type)
			}
			return r.Any()
		})
	case t.Elem != nil && t.Elem.Elem == nil && t.Elem.NonNull && read != nil && r.Is('['):
		return r.List(read)
	}
	return r.Any()
}

type leftOutKey struct{}

// leftOut puts lists back.
type leftOut struct{ back []func() }

func (l *leftOut) restore() {
	for _, f := range l.back {
		f()
	}
	l.back = nil
}

// of takes the lists that were read out of an object: they are right, and gqlparser cannot look at them.
func (l *leftOut) of(object map[string]any) {
	for name, v := range object {
		switch v := v.(type) {
		case map[string]any:
			l.of(v)
		case model.List:
			object[name] = []any{}
			l.back = append(l.back, func() { object[name] = v })
		}
	}
}

// whole puts back what was left out, once gqlparser has checked the rest and before anything looks at it.
type whole struct{}

func (whole) ExtensionName() string                   { return "Whole" }
func (whole) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext is gqlgen's name for what comes after the check.
func (whole) MutateOperationContext(ctx context.Context, _ *graphql.OperationContext) *gqlerror.Error {
	if l, ok := ctx.Value(leftOutKey{}).(*leftOut); ok {
		l.restore()
	}
	return nil
}
