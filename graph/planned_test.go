package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"insightgraph/graph/generated"
)

// documents makes queries at random from the schema: aliases, fragments with and without names, conditions on constants
// and variables, fields twice, every kind of field.
type documents struct {
	*rand.Rand
	types     map[string]*ast.Definition
	possible  func(*ast.Definition) []*ast.Definition
	values    map[string][]string // of arguments, by their type
	fragments []string
	// Each document stays within the limits: of what is refused as a whole, nothing can be told.
	aliases, directives, fields int
}

func (d *documents) document() string {
	d.fragments, d.aliases, d.directives, d.fields = nil, 0, 2, 0
	query := "query($yes: Boolean!, $no: Boolean!, $few: Int) " + d.set("Query", 0) // all variables must be used:
	query = strings.TrimSuffix(query, "}") + " used: transactions(first: $few) @include(if: $yes) @skip(if: $no) {__typename}}"
	return query + " " + strings.Join(d.fragments, " ")
}

func (d *documents) set(typ string, depth int) string {
	def := d.types[typ]
	var parts []string
	n := 1 + d.IntN(5)
	for range n {
		switch {
		case depth > 0 && d.IntN(9) == 0:
			parts = append(parts, "__typename"+d.condition())
		case depth > 0 && d.IntN(8) == 0:
			parts = append(parts, "..."+d.on(def, depth))
		case depth > 0 && d.IntN(12) == 0 && len(d.fragments) < 6 && d.aliases < 12:
			on := d.some(def)
			name := fmt.Sprintf("f%d", len(d.fragments))
			d.fragments = append(d.fragments, "")
			d.fragments[len(d.fragments)-1] = "fragment " + name + " on " + on + " " + d.leaves(on)
			parts = append(parts, "..."+name+d.condition())
		default:
			if f := d.field(def, depth); f != "" {
				parts = append(parts, f)
			}
		}
	}
	if len(parts) == 0 {
		parts = []string{"__typename"}
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// some is a type that can stand where def stands.
func (d *documents) some(def *ast.Definition) string {
	all := []string{def.Name}
	for _, p := range d.possible(def) {
		all = append(all, p.Name)
	}
	return all[d.IntN(len(all))]
}

func (d *documents) on(def *ast.Definition, depth int) string {
	name := d.some(def)
	condition := " on " + name
	if name == def.Name && d.IntN(2) == 0 {
		condition = ""
	}
	return condition + d.condition() + " " + d.set(name, depth+1)
}

// leaves selects scalars only, so that a fragment that is used in several places asks for nothing that differs.
func (d *documents) leaves(typ string) string {
	parts := []string{"__typename"}
	for _, f := range d.types[typ].Fields {
		if k := d.types[f.Type.Name()].Kind; len(f.Arguments) == 0 && (k == ast.Scalar || k == ast.Enum) && d.IntN(2) == 0 {
			parts = append(parts, f.Name)
		}
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func (d *documents) condition() string {
	text := []string{"", "", "", "", "", " @include(if: $yes)", " @skip(if: $no)", " @include(if: $no)", " @skip(if: $yes)", " @include(if: true) @skip(if: false)"}[d.IntN(10)]
	n := strings.Count(text, "@")
	if d.directives+n > maxDirectives {
		return ""
	}
	d.directives += n
	return text
}

func (d *documents) field(def *ast.Definition, depth int) string {
	if d.fields++; d.fields > 60 {
		return ""
	}
	f := def.Fields[d.IntN(len(def.Fields))]
	if strings.HasPrefix(f.Name, "__") {
		return ""
	}
	kind := d.types[f.Type.Name()].Kind
	if kind != ast.Scalar && kind != ast.Enum && depth >= 5 {
		return ""
	}
	var arguments []string
	other := []string{"last", "before"}
	if d.IntN(4) == 0 { // a page is asked for from one side
		other = []string{"first", "after"}
	}
	for _, a := range f.Arguments {
		if slices.Contains(other, a.Name) {
			continue
		}
		values := d.values[a.Type.String()]
		if values == nil {
			values = d.values[a.Type.Name()]
		}
		if len(values) == 0 || !a.Type.NonNull && a.Name != "first" && a.Name != "last" && d.IntN(4) > 0 {
			if a.Type.NonNull {
				return ""
			}
			continue
		}
		arguments = append(arguments, a.Name+": "+values[d.IntN(len(values))])
	}
	name := f.Name
	if len(arguments) > 0 || d.IntN(6) == 0 { // two with other arguments must not meet under one name
		d.aliases++
		name = fmt.Sprintf("a%d: %s", d.aliases, name)
	}
	if d.aliases > 28 {
		return ""
	}
	if len(arguments) > 0 {
		name += "(" + strings.Join(arguments, ", ") + ")"
	}
	name += d.condition()
	if kind != ast.Scalar && kind != ast.Enum {
		name += " " + d.set(f.Type.Name(), depth+1)
	}
	return name
}

// TestPlannedAnswers compares graph/plan with gqlgen's own way, byte for byte, on documents made at random. What gqlgen
// answers without an error, a plan must answer itself.
func TestPlannedAnswers(t *testing.T) {
	h := newHouse(t)
	h.link()
	h.report()
	h.do("acme", `mutation{triggerInsights(input:{insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON"}]}){run{id}}}`)
	gaveUp := 0
	planned := h.with(func(o *Options) { o.gaveUp = func() { gaveUp++ } })
	plain := h.with(func(o *Options) { o.Plain = true })
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	ids := []string{}
	for _, name := range slices.Sorted(maps.Keys(h.ids)) {
		text, _ := json.Marshal(h.ids[name])
		ids = append(ids, string(text))
	}
	d := &documents{Rand: rand.New(rand.NewPCG(1, 2)), types: schema.Types, possible: schema.GetPossibleTypes, values: map[string][]string{
		"ID": ids, "Int": {"1", "2", "3", "$few", "1", "2", "$few", "-1"}, "String": {`"anna"`, `"x"`}, "Date": {`"2021-12-01"`, `"2021-11-15"`},
		"TransactionFilter": {"{}", `{from: "2021-12-01"}`, "{transfers: false}", `{text: "LIDL"}`, "{status: POSTED, baseType: DEBIT}"},
		"AccountFilter":     {"{}", "{containers: [CARD]}"}, "FeedFilter": {"{}", "{triggerType: SCHEDULED}"},
	}}
	for typ, values := range d.values {
		for _, v := range values {
			if typ == "ID" {
				d.values["[ID!]"] = append(d.values["[ID!]"], "["+v+"]")
				d.values["[ID!]!"] = append(d.values["[ID!]!"], "["+v+"]")
			}
		}
	}
	variables := map[string]any{"yes": true, "no": false, "few": 2}
	answered, fields := 0, map[string]bool{}
	for n := range 1500 {
		document := d.document()
		as := []string{"acme", "acme", "anna"}[n%3]
		want := plain.send(as, document, variables)
		before := gaveUp
		got := planned.send(as, document, variables)
		if sameButErrors(got.body) != sameButErrors(want.body) {
			t.Fatalf("%s\nplanned: %s\nplain:   %s", document, got.body, want.body)
		}
		if want.Errors == nil {
			answered++
			if gaveUp > before {
				t.Fatalf("%s\nwas not answered by a plan", document)
			}
			for _, name := range strings.FieldsFunc(document, func(r rune) bool { return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') }) {
				fields[name] = true
			}
		}
	}
	if answered < 300 || len(fields) < 200 {
		t.Errorf("only %d documents with %d words had answers without errors", answered, len(fields))
	}
	if h.log.Len() > 0 {
		t.Errorf("logged: %s", h.log)
	}
	t.Logf("%d answers without errors, %d words of the schema", answered, len(fields))
}

// sameButErrors is an answer without its errors, whose order nobody promises and whose request has its own id.
func sameButErrors(body string) string {
	var parts struct {
		Errors []struct {
			Message string
			Path    []any
		}
		Data json.RawMessage
	}
	if err := json.Unmarshal([]byte(body), &parts); err != nil {
		return err.Error()
	}
	var errors []string
	for _, e := range parts.Errors {
		errors = append(errors, fmt.Sprint(e.Path, e.Message))
	}
	slices.Sort(errors)
	return fmt.Sprint(errors, string(parts.Data))
}
