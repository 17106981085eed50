package graph

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"insightgraph/fault"
	"insightgraph/graph/plan"
	"insightgraph/store"
	"insightgraph/telemetry"
)

var (
	internal = fault.New(fault.Internal, "", "Internal error.")
	tooOften = fault.New(fault.TooOften, "", "Too many requests for now; wait as long as Retry-After says")
	tooLate  = fault.New(fault.TimedOut, "", "The request took too long and was stopped")
)

// errPanic stands for a panic that was logged already.
var errPanic = errors.New("panic")

// present turns any error into what a client may see: faults with their code and field, GraphQL's own errors about the
// document, and for everything else one sentence, the details of which are in the log only.
func (s *server) present(ctx context.Context, err error) *gqlerror.Error {
	shown := &gqlerror.Error{Path: graphql.GetPath(ctx)}
	located, ok := errors.AsType[*gqlerror.Error](err)
	if ok {
		shown.Path, shown.Locations = located.Path, located.Locations
	}
	argument := argumentPath(ctx, shown.Path)
	if argument != "" { // the answer's path is that of a field; where the value is stands in extensions.field
		shown.Path = graphql.GetFieldContext(ctx).Path()
	}
	one := func(f *fault.Error) *gqlerror.Error {
		if f.Field == "" {
			f = fault.New(f.Code, argument, "%s", f.Message)
		}
		e := *shown
		e.Message, e.Extensions = f.Message, extensions(f, telemetry.RequestID(ctx))
		return &e
	}
	faults := fault.Of(err)
	if argument != "" && len(faults) == 1 {
		if all := scalarFaults(ctx, s.types); len(all) > 1 {
			faults = all
		}
	}
	switch {
	case len(faults) > 0:
		for _, f := range faults[:min(len(faults)-1, maxErrors)] { // the last one is the answer to this call
			graphql.AddError(ctx, &gqlerror.Error{Err: f, Path: shown.Path, Locations: shown.Locations})
		}
		if last := faults[len(faults)-1]; last.Code == fault.Unavailable { // the operator's business too
			s.logError(ctx, "resolver", shown.Path, err)
		}
		return one(faults[len(faults)-1])
	case ok && located.Err == nil && documentError(located):
		shown.Path = nil // there is no answer that it could point into
		return one(documentFault(ctx, located))
	case timedOut(err) != nil:
		return one(timedOut(err))
	case argument != "": // one of GraphQL's own scalars, such as a number that is too large
		return one(fault.Invalid(argument, "Invalid value for %s", argument[strings.LastIndexByte(argument, '.')+1:]))
	}
	s.logError(ctx, "resolver", shown.Path, err)
	return one(internal)
}

// argumentPath is the path of an argument's value below the field that it belongs to, without a leading input; empty
// where the error is not about an argument.
func argumentPath(ctx context.Context, path ast.Path) string {
	field := graphql.GetFieldContext(ctx)
	if field == nil {
		return ""
	}
	base := len(field.Path())
	if base == 0 || len(path) <= base {
		return ""
	}
	var parts []string
	for _, p := range path[base:] {
		parts = append(parts, fmt.Sprint(p))
	}
	return strings.TrimPrefix(strings.Join(parts, "."), "input.")
}

// documentError tells whether the parser or the validator made the error: its text is about the document only.
func documentError(e *gqlerror.Error) bool {
	code := e.Extensions["code"]
	return code == string(fault.ParseFailed) || code == string(fault.NotValid)
}

// maxMessage bounds a message that may quote the document.
const maxMessage = 500

var (
	hint  = regexp.MustCompile(`(?s) ?Did you mean .*$`)
	value = regexp.MustCompile(`(?s)^.* (is not a valid \w+)$`)
	word  = regexp.MustCompile(`^[A-Za-z_]{1,40} is not a valid \w+$`)
	kind  = regexp.MustCompile(`(?s)^(?:cannot use .* as|must be an?) (\w+)(?:, not an? \w+)?$`) // with Go's word for what stands there, or that of a number's text
)

// documentFault is an error about the document or the variables. The validator's guesses are left out, since they tell
// names to those who know none; a value that does not fit its type is named like any other bad value.
func documentFault(ctx context.Context, e *gqlerror.Error) *fault.Error {
	if strings.HasPrefix(e.Message, "exceeded token limit") || strings.HasPrefix(e.Message, "exceeded maximum nesting depth") {
		return fault.New(fault.TooComplex, "", "The document is too long or too deep; ask for less at once")
	}
	var field []string
	if len(e.Path) > 1 && e.Path[0] == ast.PathName("variable") {
		for _, step := range e.Path[1:] {
			field = append(field, fmt.Sprint(step))
		}
		if graphql.HasOperationContext(ctx) {
			if used := useOf(graphql.GetOperationContext(ctx).Operation, field[0]); used != nil {
				field = append(used, field[1:]...)
			}
		}
	}
	name := strings.TrimPrefix(strings.Join(field, "."), "input.")
	message := hint.ReplaceAllString(e.Message, "")
	if message == "operation  not found" {
		message = "operationName is needed: the document has several operations"
	}
	if field != nil && !word.MatchString(message) { // a misspelt word is shown; what stands in the wrong place may be account data
		message = value.ReplaceAllString(message, "The value $1")
		message = kind.ReplaceAllString(message, "The value is not a valid $1")
	}
	return fault.New(fault.Code(fmt.Sprint(e.Extensions["code"])), short(name), "%s", short(message))
}

// useOf is the argument, and the place in it, that a variable is given to first; nil if there is none.
func useOf(o *ast.OperationDefinition, variable string) (path []string) {
	if o == nil {
		return nil
	}
	var in func(name string, v *ast.Value) []string
	in = func(name string, v *ast.Value) []string {
		if v.Kind == ast.Variable && v.Raw == variable {
			return []string{name}
		}
		for i, child := range v.Children {
			at := child.Name
			if v.Kind == ast.ListValue {
				at = strconv.Itoa(i)
			}
			if below := in(at, child.Value); below != nil {
				return append([]string{name}, below...)
			}
		}
		return nil
	}
	plan.Every(o.SelectionSet, func(_ ast.DirectiveList, arguments ast.ArgumentList) bool {
		for _, a := range arguments {
			if path == nil {
				path = in(a.Name, a.Value)
			}
		}
		return path == nil
	})
	return path
}

// short cuts a text to maxMessage bytes.
func short(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "…"
}

// timedOut is the fault for a request whose time was over, nil for any other error.
func timedOut(err error) *fault.Error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return tooLate
	}
	return nil
}

// recovered logs where a panic came from.
func (s *server) recovered(ctx context.Context, value any) error {
	telemetry.Panicked(ctx, s.Log, value)
	return errPanic
}

// logError writes what is safe to write about an unforeseen error.
func (s *server) logError(ctx context.Context, what string, path ast.Path, err error) {
	if errors.Is(err, errPanic) {
		return
	}
	s.Log.ErrorContext(ctx, what, append([]any{"path", path.String()}, store.Kinds(err)...)...)
}
