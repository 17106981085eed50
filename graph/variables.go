package graph

import (
	"context"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// gqlparser checks variables by reflection. For the thousand transactions of one call that was more work than all else
// that this process does with them. So long lists whose values surely fit are looked at here, and left out while it checks the
// rest. What does not surely fit it sees itself, and says what is wrong.

// longList is how many values a list has that is worth it.
const longList = 16

// schemaTypes are the types of the schema, by name.
type schemaTypes = map[string]*ast.Definition

type leftOutKey struct{}

// leftOut puts lists back.
type leftOut struct{ back []func() }

func (l *leftOut) restore() {
	for _, f := range l.back {
		f()
	}
	l.back = nil
}

// leaveOut takes the long lists out of the variables that an operation declares.
func leaveOut(types schemaTypes, operation *ast.OperationDefinition, variables map[string]any) *leftOut {
	l := &leftOut{}
	for _, v := range operation.VariableDefinitions {
		if value, given := variables[v.Variable].(map[string]any); given {
			l.of(types, v.Type, value)
		}
	}
	return l
}

// of takes them out of an input object.
func (l *leftOut) of(types schemaTypes, t *ast.Type, value map[string]any) {
	d := types[t.NamedType]
	if d == nil || d.Kind != ast.InputObject {
		return
	}
	for name, v := range value {
		field := d.Fields.ForName(name)
		if field == nil {
			return
		}
		switch v := v.(type) {
		case map[string]any:
			l.of(types, field.Type, v)
		case []any:
			if len(v) >= longList && fits(types, field.Type, v) {
				value[name] = []any{}
				l.back = append(l.back, func() { value[name] = v })
			}
		}
	}
}

// fits tells that a value is of a type for sure, and is taken as it is.
func fits(types schemaTypes, t *ast.Type, value any) bool {
	if value == nil {
		return !t.NonNull
	}
	if t.Elem != nil {
		list, ok := value.([]any)
		for i := 0; ok && i < len(list); i++ {
			ok = fits(types, t.Elem, list[i])
		}
		return ok
	}
	d := types[t.NamedType]
	switch d.Kind {
	case ast.Enum:
		text, ok := value.(string)
		return ok && d.EnumValues.ForName(text) != nil
	case ast.InputObject:
		object, ok := value.(map[string]any)
		return ok && fitsFields(types, d, object)
	case ast.Scalar:
		return fitsScalar(d, value)
	}
	return false
}

func fitsFields(types schemaTypes, d *ast.Definition, object map[string]any) bool {
	given := 0
	for _, field := range d.Fields {
		value, ok := object[field.Name]
		if ok {
			given++
		}
		if ok && !fits(types, field.Type, value) || !ok && field.Type.NonNull {
			return false
		}
	}
	return given == len(object) // all are known
}

func fitsScalar(d *ast.Definition, value any) (ok bool) {
	switch d.Name {
	case "String", "ID":
		_, ok = value.(string)
	case "Boolean":
		_, ok = value.(bool)
	case "Int":
		var n json.Number
		if n, ok = value.(json.Number); ok {
			_, err := n.Int64()
			ok = err == nil
		}
	case "Float":
		return false // there is none in the schema
	default: // its own reader says what is wrong
		ok = true
	}
	return ok
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
