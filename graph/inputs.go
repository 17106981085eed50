package graph

import (
	"context"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"insightgraph/fault"
	"insightgraph/graph/model"
)

// strict are the scalars that refuse a value themselves. gqlgen stops at the first one that does, but all faults of an
// input are named at once.
var strict = map[string]func(any) error{
	"Decimal":      func(v any) error { _, err := model.UnmarshalDecimal(v); return err },
	"Date":         func(v any) error { _, err := model.UnmarshalDate(v); return err },
	"DateTime":     func(v any) error { _, err := model.UnmarshalDateTime(v); return err },
	"CurrencyCode": func(v any) error { _, err := model.UnmarshalCurrency(v); return err },
}

// scalarFaults finds every value in the arguments of the field being resolved that its scalar refuses, in the order of
// the schema.
func scalarFaults(ctx context.Context, types map[string]*ast.Definition) (faults fault.Many) {
	field := graphql.GetFieldContext(ctx).Field
	if field.Field == nil || field.Definition == nil {
		return nil
	}
	values := field.ArgumentMap(graphql.GetOperationContext(ctx).Variables)
	var look func(path []string, t *ast.Type, value any)
	look = func(path []string, t *ast.Type, value any) {
		if value == nil {
			return
		}
		if t.Elem != nil {
			list, ok := value.([]any)
			if !ok { // one value stands for a list of it
				list = []any{value}
			}
			for i, v := range list {
				look(append(path, strconv.Itoa(i)), t.Elem, v)
			}
			return
		}
		if check := strict[t.NamedType]; check != nil {
			for _, f := range fault.Of(check(value)) {
				faults.Add(fault.New(f.Code, strings.TrimPrefix(strings.Join(path, "."), "input."), "%s", f.Message))
			}
			return
		}
		fields, ok := value.(map[string]any)
		if def := types[t.NamedType]; ok && def != nil {
			for _, f := range def.Fields {
				look(append(path, f.Name), f.Type, fields[f.Name])
			}
		}
	}
	for _, argument := range field.Definition.Arguments {
		look([]string{argument.Name}, argument.Type, values[argument.Name])
	}
	return faults
}
