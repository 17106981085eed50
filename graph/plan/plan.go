// Package plan answers queries in waves. gqlgen's own way makes a context, a closure and a value for each leaf of each
// row; here a document is read once into a plan, each list's fields are looked up for all rows together, and one pass
// writes the bytes. It knows no type: graph/gen, a plugin of gqlgen, generates what it must know about each
// (graph/generated/plan.go) from the same schema and settings as gqlgen's own code.
//
// It answers only what goes well. At the first error, panic or null where none may be, Run gives up and gqlgen's own way
// answers from the start, so that errors have one form and one place.
package plan

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Object is a type of object.
type Object struct {
	Name   string
	Is     []string          // the names that a fragment's condition may have
	Fields map[string]*Field // by name
}

// Field is a field of a type. It has one of Leaf, Visit and Resolve.
type Field struct {
	// Leaf appends the value of a scalar field of o; false: it may not be null, and is.
	Leaf func(b []byte, o any) ([]byte, bool)
	// Visit shows the objects that a field of o holds, and that need no looking up.
	Visit func(o any, v Visitor)
	// Resolve looks the field up for all objects of a list.
	Resolve func(ctx context.Context, ec any, objs []any, args map[string]any) (Result, error)
	// Args reads the arguments, where there are any.
	Args func(ctx context.Context, ec any, raw map[string]any) (map[string]any, error)
	// Quick says that Resolve waits for nothing.
	Quick bool
	// Types are those that objects below the field may have; nil for scalars.
	Types []*Object
	// Reads are the fields of the object's struct that are looked at; nil: any may be.
	Reads []string
}

// Refused is the error of a lookup that ours is not to answer; gqlgen's own way says what is wrong.
func Refused(err error) error {
	if err == nil {
		err = errors.New("no value for each object")
	}
	return err
}

// Result is what was looked up, by the place of the object that asked. It has a Leaf or a Visit.
type Result struct {
	Leaf  func(b []byte, i int) ([]byte, bool)
	Visit func(i int, v Visitor)
}

// Visitor is shown a value of the answer: an object, null, or a list of such.
type Visitor interface {
	One(o any, t *Object)
	Null()
	List(n int)
	End()
	Bad() // a null where none may be
}

// Step is a field that a document selects.
type Step struct {
	Object *Object // the type that has the field
	Name   string
	Args   map[string]any
	// Early is what somebody above has looked up for this step already; see StepOf.
	Early any

	key      []byte // with the quotes, the colon, and a comma before it unless it is the first
	selected graphql.CollectedField
	field    *Field // nil: __typename
	below    []*node
	reads    map[string][]string // of each type of object below, until something is looked up there; see Reads
	deep     bool                // there is something to look up below
	refused  bool                // the viewer may not use it: an object that has it is not for us
	result   Result
}

// node is a selection on one type.
type node struct {
	object *Object
	steps  []*Step
	deep   bool     // there is something to look up, here or below
	reads  []string // as of a field, of all steps together
	objs   []any
	next   int // the object that is written next
}

// Shape is what the plan of an operation is made from. It is read only, and as good for the next request with the same
// document, of a viewer who may use the same fields, where no variable says which fields there are.
type Shape struct{ root *node }

// Shapes keep shapes, for viewers who may use the same fields. They may forget.
type Shapes interface {
	Shape(*ast.OperationDefinition) *Shape
	Keep(*ast.OperationDefinition, *Shape)
}

// Below are the next fields to look up under a step, with the types of object that have them, however many connections,
// edges and other plain objects lie between.
func (s *Step) Below() []*Step {
	var out []*Step
	for _, n := range s.below {
		for _, one := range n.steps {
			switch {
			case one.field == nil, one.refused:
			case one.field.Resolve != nil:
				out = append(out, one)
			default:
				out = append(out, one.Below()...)
			}
		}
	}
	return out
}

// Reads are the fields of a type's structs that are looked at below a step, before anything else is looked up; nil: any
// may be. Who looks the step up need give no others.
func (s *Step) Reads(object string) []string {
	if fields, known := s.reads[object]; known {
		return fields
	}
	return []string{}
}

// read adds what is read below a step to what a step above it reads.
func (s *Step) read(all map[string][]string) {
	for _, n := range s.below {
		have, known := all[n.object.Name]
		if !known {
			have = []string{}
		}
		if have != nil && n.reads != nil {
			have = append(have, n.reads...)
		} else {
			have = nil
		}
		all[n.object.Name] = have
		for _, one := range n.steps {
			if one.field != nil && one.field.Resolve == nil {
				one.read(all)
			}
		}
	}
}

type stepKey struct{}

// On is a context in which a step is looked up.
func On(ctx context.Context, s *Step) context.Context { return context.WithValue(ctx, stepKey{}, s) }

// StepOf is the step that is being looked up, nil where gqlgen's own way asks.
func StepOf(ctx context.Context) *Step {
	s, _ := ctx.Value(stepKey{}).(*Step)
	return s
}

// Run answers a query on its root type, where all its fields may be used; below, a field that may not be used does no harm
// as long as there is no object that has it. False says that it did not, and nothing of the answer counts. What is longer
// than MaxAnswer is no answer either: it ends there.
func Run(ctx context.Context, ec any, o *graphql.OperationContext, root *Object, may func(object, field string) bool, shapes Shapes) (answer []byte, ok bool) {
	defer func() {
		if recover() != nil { // gqlgen's own way meets it again, and reports it
			answer, ok = nil, false
		}
	}()
	r := &run{ec, o, may}
	shape := shapes.Shape(o.Operation)
	if shape == nil {
		n, ok := r.compile(root, o.Operation.SelectionSet)
		if !ok {
			return nil, false
		}
		shape = &Shape{n}
		if Every(o.Operation.SelectionSet, Unconditional) {
			shapes.Keep(o.Operation, shape)
		}
	}
	if slices.ContainsFunc(shape.root.steps, func(s *Step) bool { return s.refused }) {
		return nil, false
	}
	n, ok := r.begin(ctx, shape.root)
	if !ok {
		return nil, false
	}
	if n.deep {
		n.objs = []any{nil}
	}
	if !r.resolve(ctx, n) {
		return nil, false
	}
	w := writer{b: (*buffers.Get().(*[]byte))[:0]}
	w.object(n, nil, 0)
	return w.b, !w.bad
}

// buffers are what answers are written in: most are of about the same size.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Done takes an answer back that was sent, for others to be written in.
func Done(answer []byte) {
	if cap(answer) <= maxKept {
		buffers.Put(&answer)
	}
}

// MaxAnswer is up to how many bytes an answer has.
const MaxAnswer = 8 << 20

// maxKept are the bytes of an answer above which it is too rare to be kept room for.
const maxKept = 256 << 10

type run struct {
	ec        any
	operation *graphql.OperationContext
	may       func(object, field string) bool
}

// compile reads a selection on a type. False: something in it is not for us.
func (r *run) compile(object *Object, selections ast.SelectionSet) (*node, bool) {
	fields := graphql.CollectFields(r.operation, selections, object.Is)
	n := &node{object: object, steps: make([]*Step, len(fields)), reads: []string{}}
	unknown := false
	for i, f := range fields {
		s := &Step{Object: object, Name: f.Name, key: key(i, f.Alias), selected: f}
		n.steps[i] = s
		if len(f.Deferrables) > 0 {
			return nil, false
		}
		if f.Name == "__typename" {
			continue
		}
		if s.field = object.Fields[f.Name]; s.field == nil {
			return nil, false
		}
		s.refused = !r.may(object.Name, f.Name)
		for _, t := range s.field.Types {
			below, ok := r.compile(t, f.Selections)
			if !ok {
				return nil, false
			}
			s.below = append(s.below, below)
			s.deep = s.deep || below.deep
		}
		if s.field.Resolve != nil {
			s.reads = map[string][]string{}
			s.read(s.reads)
		}
		n.deep = n.deep || s.deep || s.field.Resolve != nil
		unknown = unknown || s.field.Reads == nil
		n.reads = append(n.reads, s.field.Reads...)
	}
	if unknown {
		n.reads = nil
	}
	return n, true
}

// begin makes the plan of one request from a shape: with its arguments, and with room for what is looked up. Where
// nothing is, the shape itself will do.
func (r *run) begin(ctx context.Context, shape *node) (*node, bool) {
	if !shape.deep {
		return shape, true
	}
	n := &node{object: shape.object, deep: true, reads: shape.reads, steps: slices.Clone(shape.steps)}
	for i, s := range n.steps {
		if s.refused || s.field == nil || s.field.Resolve == nil && !s.deep {
			continue
		}
		own := *s
		n.steps[i] = &own
		if s.field.Args != nil {
			var err error
			if own.Args, err = s.field.Args(ctx, r.ec, s.selected.ArgumentMap(r.operation.Variables)); err != nil {
				return nil, false
			}
		}
		if s.deep {
			own.below = slices.Clone(s.below)
			for j, below := range s.below {
				var ok bool
				if own.below[j], ok = r.begin(ctx, below); !ok {
					return nil, false
				}
			}
		}
	}
	return n, true
}

// Unconditional tells whether no variable says which fields there are.
func Unconditional(directives ast.DirectiveList, _ ast.ArgumentList) bool {
	return !slices.ContainsFunc(directives, func(d *ast.Directive) bool {
		return slices.ContainsFunc(d.Arguments, func(a *ast.Argument) bool { return a.Value.Kind == ast.Variable })
	})
}

// Every tells whether all fields and fragments of a selection are as ok wants their directives and arguments. It looks at
// each fragment once.
func Every(selections ast.SelectionSet, ok func(ast.DirectiveList, ast.ArgumentList) bool) bool {
	return every(selections, ok, map[string]bool{})
}

func every(selections ast.SelectionSet, ok func(ast.DirectiveList, ast.ArgumentList) bool, seen map[string]bool) bool {
	for _, selection := range selections {
		var is bool
		switch x := selection.(type) {
		case *ast.Field:
			is = ok(x.Directives, x.Arguments) && every(x.SelectionSet, ok, seen)
		case *ast.InlineFragment:
			is = ok(x.Directives, nil) && every(x.SelectionSet, ok, seen)
		case *ast.FragmentSpread:
			if is = ok(x.Directives, nil); is && !seen[x.Name] {
				seen[x.Name] = true
				is = every(x.Definition.SelectionSet, ok, seen)
			}
		}
		if !is {
			return false
		}
	}
	return true
}

func key(at int, alias string) []byte {
	b := make([]byte, 0, len(alias)+4)
	if at > 0 {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, alias...) // a name: letters, digits and _
	return append(b, '"', ':')
}

// resolve looks up the fields of a node's objects, those that wait for something at once, and then what lies below.
func (r *run) resolve(ctx context.Context, n *node) bool {
	if !n.deep || len(n.objs) == 0 {
		return true
	}
	var here, apart []*Step
	waiting := false
	for _, s := range n.steps {
		if !s.deep && (s.field == nil || s.field.Resolve == nil) {
			continue
		}
		waits := s.waits()
		if waits && waiting {
			apart = append(apart, s)
			continue
		}
		here, waiting = append(here, s), waiting || waits
	}
	ok := make([]bool, len(apart))
	var wait sync.WaitGroup
	for i, s := range apart {
		wait.Go(func() {
			defer func() { _ = recover() }() // as in Run
			ok[i] = r.step(ctx, n, s)
		})
	}
	all := true
	func() {
		defer wait.Wait() // a panic goes on only when nobody is left
		for _, s := range here {
			all = all && r.step(ctx, n, s)
		}
	}()
	return all && !slices.Contains(ok, false)
}

// waits tells whether looking a step up, or what lies below it, may have to wait for the database.
func (s *Step) waits() bool {
	switch {
	case s.field == nil:
		return false
	case s.field.Resolve != nil && s.Early == nil && !s.field.Quick:
		return true
	}
	return slices.ContainsFunc(s.below, func(n *node) bool { return slices.ContainsFunc(n.steps, (*Step).waits) })
}

func (r *run) step(ctx context.Context, n *node, s *Step) bool {
	if s.refused {
		return false
	}
	if s.field.Resolve != nil {
		var err error
		if s.result, err = s.field.Resolve(On(ctx, s), r.ec, n.objs, s.Args); err != nil {
			return false
		}
	}
	if !s.deep {
		return true
	}
	g := gatherer{step: s}
	for i, o := range n.objs {
		s.visit(o, i, &g)
	}
	for _, below := range s.below {
		if !r.resolve(ctx, below) {
			return false
		}
	}
	return !g.bad
}

// visit shows what the field holds for an object, which is the i-th of its node where that was gathered.
func (s *Step) visit(o any, i int, v Visitor) {
	if s.field.Resolve != nil {
		s.result.Visit(i, v)
		return
	}
	s.field.Visit(o, v)
}

// on is the selection for objects of a type.
func (s *Step) on(t *Object) *node {
	for _, n := range s.below {
		if n.object == t {
			return n
		}
	}
	panic("a type that the field cannot have: " + t.Name)
}

// gatherer collects objects for the next wave, in the order in which they will be written.
type gatherer struct {
	step *Step
	n    int // values of the list that comes
	bad  bool
}

func (g *gatherer) One(o any, t *Object) {
	if n := g.step.on(t); n.deep { // elsewhere nothing is looked up, and other requests have the node too
		if n.objs == nil {
			n.objs = make([]any, 0, max(g.n, 1))
		}
		n.objs = append(n.objs, o)
	}
}
func (g *gatherer) Null()      {}
func (g *gatherer) List(n int) { g.n = n }
func (g *gatherer) End()       {}
func (g *gatherer) Bad()       { g.bad = true }

// writer writes an answer.
type writer struct {
	b     []byte
	step  *Step // whose value is shown
	comma bool  // the next value of a list follows another
	bad   bool
}

func (w *writer) object(n *node, o any, i int) {
	outer := w.step
	w.b = append(w.b, '{')
	for _, s := range n.steps {
		w.b = append(w.b, s.key...)
		ok := true
		switch {
		case s.refused:
			ok = false
		case s.field == nil:
			w.b = append(append(append(w.b, '"'), n.object.Name...), '"')
		case s.field.Leaf != nil:
			w.b, ok = s.field.Leaf(w.b, o)
		case s.field.Resolve != nil && s.result.Leaf != nil:
			w.b, ok = s.result.Leaf(w.b, i)
		default:
			w.step, w.comma = s, false
			s.visit(o, i, w)
		}
		w.bad = w.bad || !ok
	}
	w.b = append(w.b, '}')
	w.step = outer
}

func (w *writer) separate() {
	if w.comma {
		w.b = append(w.b, ',')
	}
}

func (w *writer) One(o any, t *Object) {
	if len(w.b) > MaxAnswer {
		return
	}
	w.separate()
	n := w.step.on(t)
	i := 0
	if n.deep {
		i = n.next
		n.next++
	}
	w.object(n, o, i)
	w.comma = true
}

func (w *writer) Null() {
	w.separate()
	w.b = append(w.b, "null"...)
	w.comma = true
}

func (w *writer) List(int) {
	w.separate()
	w.b = append(w.b, '[')
	w.comma = false
}

func (w *writer) End() {
	w.b = append(w.b, ']')
	w.comma = true
}

func (w *writer) Bad() { w.bad = true }

// The scalars that have no type of their own. They give the bytes that gqlgen gives.

// String appends a JSON string.
func String(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	b = append(b, '"')
	start := 0
	for i := clean(s); i < len(s); i++ { // bytes of longer letters are all above
		c := s[i]
		if c >= 0x20 && c != '\\' && c != '"' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '\t':
			b = append(b, `\t`...)
		case '\r':
			b = append(b, `\r`...)
		case '\n':
			b = append(b, `\n`...)
		case '\\', '"':
			b = append(b, '\\', c)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}

// clean is how many bytes at the beginning of a string stand for themselves in JSON, as far as eights of them do.
func clean(s string) (n int) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; n+8 <= len(s); n += 8 {
		x := s[n : n+8]
		all := uint64(x[0]) | uint64(x[1])<<8 | uint64(x[2])<<16 | uint64(x[3])<<24 | uint64(x[4])<<32 | uint64(x[5])<<40 | uint64(x[6])<<48 | uint64(x[7])<<56
		quote, escape := all^(ones*'"'), all^(ones*'\\') // a byte is 0 where it is one
		if ((all-ones*0x20)&^all|(quote-ones)&^quote|(escape-ones)&^escape)&tops != 0 {
			break
		}
	}
	return n
}

// Int appends a number.
func Int(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

// Boolean appends true or false.
func Boolean(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

// Marshaler appends what any other scalar writes.
func Marshaler(b []byte, m graphql.Marshaler) []byte {
	w := (*appender)(&b)
	m.MarshalGQL(w)
	return b
}

type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

func (a *appender) WriteString(s string) (int, error) {
	*a = append(*a, s...)
	return len(s), nil
}
