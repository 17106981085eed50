package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/page"
)

// viewpoint is a principal, and what it may see.
type viewpoint struct {
	name string // of whose token it is
	sees func(owner, table string) bool
	own  []string // whose things it may name
	has  []string // whose things its token is for: the same, where the server is not mistaken
}

// seenBy is what the holder of a token may see: its customer's things, or its consumer's, and of those of the customer itself
// what the customer has set for all.
func seenBy(name string) viewpoint {
	if len(name) == 1 {
		own := []string{name + "1", name + "2", name}
		return viewpoint{name, func(owner, _ string) bool { return owner[:1] == name }, own, own}
	}
	return viewpoint{name, func(owner, table string) bool {
		return owner == name || owner == name[:1] && (table == "customers" || table == "customer_settings")
	}, []string{name}, []string{name}}
}

var everyone = []string{"A", "A1", "A2", "B", "B1", "B2"}

// matrix counts what was asked and what came of it.
type matrix struct {
	*estate
	layer string
	tally *tally
	alone *house // the same without B: it must answer the same

	questions int
	quiet     bool // findings are only counted
}

type tally struct {
	principals, fields, calls, leaks, oracles, undeclared int

	seen    map[string]map[string]bool // by layer and principal: owner table.column
	covered map[string]bool            // fields that were asked for
	told    int                        // findings
}

var full = flag.Bool("isolation", false, "ask as everybody in TestIsolation, not only as one customer and one consumer")

// isolation is the tally of TestIsolation, for the last line of make isolation.
var isolation *tally

func (t *tally) String() string {
	return fmt.Sprintf("principals=%d fields=%d calls=%d leaks=%d oracles=%d undeclared=%d", t.principals, t.fields, t.calls, t.leaks, t.oracles, t.undeclared)
}

// wrong reports a finding; the first ones with all that is known.
func (m *matrix) wrong(count *int, format string, args ...any) {
	m.t.Helper()
	*count++
	if m.quiet {
		return
	}
	if m.tally.told++; m.tally.told < 20 {
		m.t.Errorf(m.layer+": "+format, args...)
	} else {
		m.t.Fail()
	}
}

// ask sends a document and looks at all that comes back.
func (m *matrix) ask(v viewpoint, what, query string, variables map[string]any) reply {
	m.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		m.t.Fatal(err)
	}
	got := m.asked(v, what, variables, func() reply { return m.post(v.name, bytes.NewReader(body), nil) })
	if strings.Contains(got.body, `"GRAPHQL_`) || strings.Contains(got.body, `"QUERY_TOO_COMPLEX"`) && what != atRandom {
		m.t.Fatalf("%s\n%.500s", what, got.body)
	}
	if m.alone != nil && !strings.HasPrefix(query, "mutation") {
		if want := m.alone.post(v.name, bytes.NewReader(body), nil); ordered(want.body) != ordered(got.body) || fmt.Sprint(want.header) != fmt.Sprint(got.header) {
			m.wrong(&m.tally.oracles, "%s can tell whether there is another customer by %s\nalone: %.400s\nnot:   %.400s", v.name, what, want.body, got.body)
		}
	}
	return got
}

func (m *matrix) asked(v viewpoint, what string, variables map[string]any, send func() reply) reply {
	m.t.Helper()
	m.tally.calls++
	m.log.Reset()
	got := send()
	sent, _ := json.Marshal(variables)
	leaked := func(what2, owner string) {
		m.t.Helper()
		m.wrong(&m.tally.leaks, "%s asks %s %s and sees %s of %s\n%.400s", v.name, what, sent, what2, owner, got.body)
	}
	for _, c := range canary.FindAllStringSubmatch(got.body+fmt.Sprint(got.header), -1) {
		if bytes.Contains(sent, []byte(c[0])) {
			continue
		}
		if !v.sees(c[1], c[2]) {
			leaked(c[0], c[1])
			return got
		}
		if m.tally.seen[m.layer+" "+v.name] == nil {
			m.tally.seen[m.layer+" "+v.name] = map[string]bool{}
		}
		m.tally.seen[m.layer+" "+v.name][c[1]+" "+c[2]+"."+c[3]] = true
	}
	var whole any
	_ = json.Unmarshal([]byte(got.body), &whole)
	walk(whole, func(text string) {
		if bytes.Contains(sent, []byte(text)) {
			return
		}
		if n, ok := large(text); ok && m.numbers[n] != "" && !v.sees(m.numbers[n], "") {
			leaked("the amount "+n, m.numbers[n])
		}
		ref := bank.ParseRef(text)
		x, ok := m.things[text]
		if !ok && kindTables[ref.Kind].table != "" && m.owners[ref.ConsumerID] != "" {
			x, ok = thing{ref: ref, owner: m.owners[ref.ConsumerID]}, true
		}
		if ok && !v.sees(x.owner, kindTables[x.ref.Kind].table) {
			leaked(fmt.Sprintf("the id %c%d", x.ref.Kind, x.ref.ID), x.owner)
		}
	})
	if text := m.log.String(); canary.MatchString(text) {
		leaked("a log: "+text, "somebody")
	}
	return got
}

// atRandom is a document that may cost more than is allowed.
const atRandom = "at random"

// walk visits all texts of a JSON value.
func walk(v any, visit func(string)) {
	switch x := v.(type) {
	case string:
		visit(x)
	case []any:
		for _, v := range x {
			walk(v, visit)
		}
	case map[string]any:
		for _, v := range x {
			walk(v, visit)
		}
	}
}

// random is a thing of the same kind that nobody has.
func random(ref bank.Ref) string {
	r := bank.Ref{Kind: ref.Kind, ID: 1 << 41}
	switch {
	case ref.Kind == bank.KindConsumer:
		r.ConsumerID = r.ID
	case ref.ConsumerID != 0:
		r.ConsumerID = 1 << 40
	}
	return r.String()
}

// alike fails where two answers differ by more than what was sent: then a caller learns that a thing exists.
func (m *matrix) alike(v viewpoint, what, a string, x reply, b string, y reply) {
	m.t.Helper()
	text := func(r reply, sent string) string {
		r.header.Del("Content-Length") // of the ids
		return strings.ReplaceAll(fmt.Sprint(r.status, r.header, ordered(r.body)), sent, "<sent>")
	}
	if p, q := text(x, a), text(y, b); p != q {
		m.wrong(&m.tally.oracles, "%s learns by %s that a thing exists\n%.400s\n%.400s", v.name, what, p, q)
	}
}

// ordered is an answer with its errors in one order, since nobody promises any: fields are resolved at the same time.
func ordered(body string) string {
	var parts struct {
		Errors []json.RawMessage
		Data   json.RawMessage
	}
	if json.Unmarshal([]byte(body), &parts) != nil || len(parts.Errors) < 2 {
		return body
	}
	slices.SortFunc(parts.Errors, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	return fmt.Sprintf("%s %s", parts.Errors, parts.Data)
}

// asForeign asks by ids that a principal may not see, and by such as nobody has.
func (m *matrix) asForeign(v viewpoint, what string, ids []string, ask func(string) reply) {
	m.t.Helper()
	answers := map[string]reply{}
	for _, id := range ids {
		none := random(bank.ParseRef(id))
		if _, asked := answers[none]; !asked {
			answers[none] = ask(none)
		}
		m.alike(v, what, id, ask(id), none, answers[none])
	}
}

// foreign are ids of a kind that a principal may not see, one of each owner, and one that is put together from its own and another's.
func (m *matrix) foreign(v viewpoint, kind bank.Kind, types ...string) (ids []string) {
	for _, o := range everyone {
		if slices.Contains(v.own, o) {
			continue
		}
		if all := m.of(kind, o, types...); len(all) > 0 && !v.sees(o, kindTables[kind].table) {
			ids = append(ids, all[0])
		}
	}
	if len(ids) > 0 {
		if ref := bank.ParseRef(ids[0]); ref.ConsumerID != 0 {
			ref.ConsumerID = bank.ParseRef(m.ids[v.has[0]]).ID
			ids = append(ids, ref.String())
		}
	}
	return ids
}

// queries asks every root field of Query for everything, by every id, filter and cursor.
func (m *matrix) queries(v viewpoint) {
	m.t.Helper()
	for _, consumers := range []bool{false, true} {
		g := newGenerator(consumers)
		for _, root := range schema().Query.Fields {
			if strings.HasPrefix(root.Name, "__") || consumers && !allowed["Query"][root.Name] {
				continue
			}
			m.tally.covered["Query."+root.Name] = true
			documents := g.documents(root)
			if documents == nil { // no objects
				m.ask(v, root.Name, "{"+root.Name+"}", nil)
			}
			for _, d := range documents {
				if m.some() {
					m.document(v, d)
				}
			}
			for _, p := range g.probes(root) {
				if m.some() {
					m.probe(v, p)
				}
			}
		}
		maps.Copy(m.tally.covered, g.covered)
		if len(v.name) == 1 {
			return // what a user-level token may use was asked already
		}
	}
}

// some is true for each question, or where not all are to be asked for one of five.
func (m *matrix) some() bool {
	m.questions++
	return *full || m.questions%5 == 0
}

func (m *matrix) document(v viewpoint, d document) {
	m.t.Helper()
	what := d.field + " with " + strings.Join(d.types, ", ")
	kinds := []bank.Kind{d.kind}
	if d.kind == anyKind {
		kinds = kinds[:0]
		for _, typ := range d.types {
			if kind := kindOf(typ); kind != 0 && !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	if !strings.Contains(d.text, "$id") {
		m.ask(v, what, d.text, nil)
		return
	}
	for _, kind := range kinds {
		ask := func(id string) reply { return m.ask(v, what, d.text, map[string]any{"id": id}) }
		asked := m.tally.calls
		for _, owner := range v.own {
			for _, id := range m.of(kind, owner, d.types...) {
				ask(id)
			}
		}
		if asked == m.tally.calls && len(v.own) > 1 {
			m.t.Errorf("%s has no %c of its own for %s", v.name, kind, what)
		}
		m.asForeign(v, what, m.foreign(v, kind, d.types...), ask)
	}
}

func (m *matrix) probe(v viewpoint, p probe) {
	m.t.Helper()
	with := map[string]any{}
	if p.own != 0 {
		for _, o := range v.has {
			if ids := m.of(p.own, o, p.types...); len(ids) > 0 && with["own"] == nil {
				with["own"] = ids[0]
			}
		}
		if with["own"] == nil {
			m.t.Errorf("%s has no %c of its own to ask %s below of", v.name, p.own, p.name)
			return
		}
	}
	ask := func(x string) reply {
		variables := maps.Clone(with)
		variables["x"] = x
		return m.ask(v, p.name, p.text, variables)
	}
	kind := p.kind
	if p.cursor != "" {
		kind = kindOf(p.cursor)
	}
	for _, o := range v.own {
		for _, id := range m.of(kind, o) {
			if p.cursor != "" {
				id = m.cursor(id, bank.ParseRef(id).ID)
			}
			ask(id)
		}
	}
	if p.cursor == "" {
		m.asForeign(v, p.name, m.foreign(v, kind), ask)
		return
	}
	for _, id := range m.foreign(v, kind) {
		switch owner := m.things[id].owner; {
		case owner == "":
		case owner[0] == 'B' && v.name[0] == 'A' && m.layer != "policies": // no row of A comes after those of B, so any place among them is like another
			x, y := m.cursor(id, bank.ParseRef(id).ID), m.cursor(id, 1<<41)
			m.alike(v, p.name, x, ask(x), y, ask(y))
		default:
			ask(m.cursor(id, bank.ParseRef(id).ID))
		}
	}
}

func (m *matrix) cursor(id string, n int64) string {
	return page.Cursor{Key: m.things[id].key, ID: n}.String()
}

// mutations tries each mutation with each id of somebody else in each place: it answers as to an id of nobody, and nothing
// changes.
func (m *matrix) mutations(v viewpoint) {
	m.t.Helper()
	before := m.contents()
	for _, call := range calls {
		parts := strings.Split(call.input, "<")
		if len(parts) == 1 && m.layer == "policies" { // all that such a call could change is not what the policies are told of
			m.mutate(v, call.name, call.name, call.input)
		}
		for place := 1; place < len(parts); place++ {
			kind := bank.Kind(parts[place][0])
			what := fmt.Sprintf("%s of a foreign %c in place %d", call.name, kind, place)
			if m.fill(v, call.input, place, "") == "" {
				if len(v.has) > 1 {
					m.t.Errorf("%s has not what %s needs beside", v.name, what)
				}
				continue // of what a consumer has nothing
			}
			m.asForeign(v, what, m.foreign(v, kind), func(id string) reply {
				got := m.mutate(v, what, call.name, m.fill(v, call.input, place, id))
				if got.Errors == nil {
					m.wrong(&m.tally.leaks, "%s may %s %s\n%s", v.name, what, id, got.body)
				}
				return got
			})
		}
	}
	m.names(v)
	if after := m.contents(); !maps.Equal(before, after) {
		for table := range after {
			if after[table] != before[table] {
				m.wrong(&m.tally.leaks, "%s with ids of others has changed %s", v.name, table)
			}
		}
	}
}

// names tries what others call their things: it is as unknown as what nobody calls anything.
func (m *matrix) names(v viewpoint) {
	m.t.Helper()
	for _, o := range everyone {
		ask := func(x string) reply {
			return m.ask(v, "consumer by name", "query($x:String!){consumer(externalId:$x){id}}", map[string]any{"x": x})
		}
		table, column := "consumers", "external_id"
		if len(o) == 1 {
			ask = func(x string) reply {
				return m.mutate(v, "revokePublicKey by name", "revokePublicKey", fmt.Sprintf(`{"keyId":%q}`, x))
			}
			table, column = "public_keys", "key_id"
		}
		if name := mark(o, table, column) + "-1"; !slices.Contains(v.own, o) {
			m.alike(v, "a name", name, ask(name), "nobody's", ask("nobody's"))
		}
	}
}

// taken are names that B has given to its own; they are as good as any for others.
var taken = map[string]string{"createConsumer": mark("B1", "consumers", "external_id") + "-1", "saveCategoryRule": mark("B", "category_rules", "name") + "-1",
	"registerPublicKey": mark("B", "public_keys", "key_id") + "-1", "revokePublicKey": mark("B", "public_keys", "key_id") + "-1"}

// own makes every call that a principal may make with its own ids: so the calls above failed because of whose the ids were.
// What changes is its own.
func (m *matrix) own(v viewpoint, mine ...string) {
	m.t.Helper()
	before := m.contents()
	for _, call := range calls {
		if len(v.name) > 1 && !allowed["Mutation"][call.name] {
			continue
		}
		input := call.input
		if name := taken[call.name]; name != "" {
			input = strings.ReplaceAll(input, `"new"`, fmt.Sprintf("%q", name))
		}
		got := m.mutate(v, call.name, call.name, m.fill(v, input, 0, ""))
		if strings.Contains(got.codes(), "Y807") || strings.Contains(got.codes(), "FORBIDDEN") || strings.Contains(got.codes(), "INTERNAL") {
			m.t.Errorf("%s may not %s with its own ids: %.400s", v.name, call.name, got.body)
		}
	}
	for name, hash := range m.contents() {
		if owner, _, _ := strings.Cut(name, " "); hash != before[name] && !slices.Contains(mine, owner) && !slices.Contains(mine, name) {
			m.wrong(&m.tally.leaks, "%s with its own ids has changed %s", v.name, name)
		}
	}
}

// fill puts ids into an input: the principal's own, but for one place.
func (m *matrix) fill(v viewpoint, input string, place int, id string) string {
	parts := strings.Split(input, "<")
	text := parts[0]
	for i, part := range parts[1:] {
		kind, rest := bank.Kind(part[0]), part[2:]
		put := id
		switch {
		case i+1 == place:
		case kind == bank.KindCategory: // nobody's
			put = categoryID(201)
		default:
			ids := m.of(kind, v.has[0])
			if len(ids) == 0 && len(v.has) > 2 {
				ids = m.of(kind, v.has[2]) // of the customer itself
			}
			if len(ids) == 0 {
				return ""
			}
			put = ids[len(ids)-1]
		}
		text += put + rest
	}
	return text
}

func (m *matrix) mutate(v viewpoint, what, name, input string) reply {
	m.t.Helper()
	typ, argument := "", ""
	if a := schema().Mutation.Fields.ForName(name).Arguments; len(a) > 0 {
		typ, argument = "($input:"+a[0].Type.String()+")", "(input:$input)"
	}
	query := "mutation" + typ + "{" + name + argument + m.payloads[name] + "}"
	var variables map[string]any
	if input != "" {
		if err := json.Unmarshal([]byte(`{"input":`+strings.ReplaceAll(input, "PEM", m.pem)+"}"), &variables); err != nil {
			m.t.Fatal(input, err)
		}
	}
	if name != "importStatement" {
		return m.ask(v, what, query, variables)
	}
	operations, _ := json.Marshal(map[string]any{"query": query, "variables": variables})
	return m.asked(v, what, variables, func() reply {
		return m.upload(form{as: v.name, operations: string(operations), places: `{"0":["variables.input.file"]}`, name: "x.csv", header: "GraphQL-Require-Preflight",
			file: strings.NewReader("Buchungstag;Name;Verwendungszweck;Betrag;Währung\n05.12.2021;Shop;x;-1,00;EUR\n")})
	})
}

// unprotected switches row level security off, and on again after f.
func (e *estate) unprotected(f func()) {
	for _, what := range []string{"DISABLE", "ENABLE"} {
		for _, table := range tenantTables(e.t, e.admin) {
			e.exec("ALTER TABLE " + table + " " + what + " ROW LEVEL SECURITY")
		}
		if what == "DISABLE" {
			f()
		}
	}
}

// mistaken is the same estate with a server whose queries believe whatever token there is, while row level security is
// told of somebody else: as if the conditions of all queries let everything through.
func (e *estate) mistaken(t *testing.T) (*estate, func(customer, consumer string)) {
	e.exec(`CREATE SCHEMA mistaken;
		CREATE TABLE mistaken.told AS SELECT ''::text AS customer, ''::text AS consumer;
		CREATE FUNCTION mistaken.set_config(name text, value text, local boolean) RETURNS text LANGUAGE sql AS $$
			SELECT pg_catalog.set_config(name, CASE name WHEN 'app.customer' THEN (SELECT customer FROM mistaken.told) WHEN 'app.consumer' THEN (SELECT consumer FROM mistaken.told) ELSE value END, local) $$;
		GRANT USAGE ON SCHEMA mistaken TO PUBLIC; GRANT SELECT ON mistaken.told TO PUBLIC`)
	other := *e
	separator := "?"
	if strings.Contains(e.url, "?") {
		separator = "&"
	}
	other.house = emptyHouse(t, e.url+separator+"search_path=mistaken,pg_catalog,public")
	other.ids, other.tokens = e.ids, e.tokens
	return &other, func(customer, consumer string) {
		number := func(name string) string {
			if name == "" {
				return ""
			}
			return fmt.Sprint(bank.ParseRef(e.ids[name]).ID)
		}
		e.exec("UPDATE mistaken.told SET customer = $1, consumer = $2", number(customer), number(consumer))
	}
}

// TestIsolation asks everything that the schema knows as everybody, by every id of everybody, and counts what anybody sees
// of others or learns about them. See docs/isolation.md.
func TestIsolation(t *testing.T) {
	count := &tally{seen: map[string]map[string]bool{}, covered: map[string]bool{}}
	isolation = count
	var alone *house
	e := newEstate(t, func(e *estate) { alone = e.copied(t) })
	alone.tokens = e.tokens
	maps.Copy(count.covered, e.prepare())
	for _, wrong := range undeclaredInputs() {
		count.undeclared++
		t.Error(wrong)
	}
	at := func(layer string, e *estate) *matrix { return &matrix{estate: e, layer: layer, tally: count} }
	who, many := everyone, 600
	if !*full {
		who, many = []string{"A", "A1"}, 150
	}
	start := time.Now()
	step := func(name string) {
		t.Logf("%s: %d calls, %s", name, count.calls, time.Since(start).Round(time.Millisecond))
	}
	for _, name := range who {
		count.principals++
		for _, plain := range []bool{false, true}[:map[bool]int{true: 2, false: 1}[*full]] {
			m := at("both layers", e.answering(plain))
			if name[0] == 'A' && !plain {
				m.alone = alone
			}
			m.queries(seenBy(name))
			e.log.Reset()
		}
		at("both layers", e).mutations(seenBy(name))
	}
	at("both layers", e).sharp()
	at("both layers", e).crowd(many * 4)
	step("both layers")
	e.unprotected(func() {
		for _, name := range who {
			at("queries", e).queries(seenBy(name))
			at("queries", e).mutations(seenBy(name))
		}
	})
	step("queries alone")
	other, tell := e.mistaken(t)
	for _, x := range []struct{ token, customer, consumer string }{{"B", "A", ""}, {"B1", "A", "A1"}, {"A", "A", "A1"}, {"A2", "A", "A1"}} {
		tell(x.customer, x.consumer)
		v := seenBy(x.token)
		v.own = nil
		if x.token[:1] == x.customer && len(x.token) == 1 {
			v.own = []string{x.consumer}
		}
		v.sees = func(owner, table string) bool {
			switch {
			case slices.Contains(v.own, owner):
				return true
			case table == "customers": // what the token itself tells
				return owner == x.token[:1]
			case table == "consumers":
				return owner == x.token
			}
			return x.customer == x.token[:1] && owner == x.customer && (table == "customer_settings" || table == "category_rules")
		}
		at("policies", other).queries(v)
		at("policies", other).mutations(v)
	}
	step("policies alone")
	at("both layers", e).doors()
	step("doors")
	at("both layers", e).interference(alone, many)
	step("interference")
	at("both layers", e).own(seenBy("A1"), "A1", "A run_shards", "A revocations") // which name no consumer
	at("both layers", e).own(seenBy("A"), "A", "A1", "A2")
	step("own")
	count.fields = len(count.covered) + len(strings.Fields(strings.Join(slices.Collect(maps.Values(inputs)), " ")))
	if *full {
		count.complete(t)
	}
	t.Log(count)
}

// answering is the same estate, answering queries by plan or gqlgen's own way.
func (e *estate) answering(plain bool) *estate {
	other := *e
	other.house = e.with(func(o *Options) { o.Plain = plain })
	return &other
}

// shown are the columns whose texts GraphQL shows, to everybody whose they are or to the customer alone.
const (
	shown = `customers.name customer_settings.settings accounts.external_id accounts.iban accounts.name accounts.provider_name consumers.external_id data_sources.bank_name
		evaluations.reason feed_entries.title transactions.bank_code transactions.category_rule transactions.counterparty_iban transactions.counterparty_name transactions.description
		transactions.external_id transactions.mcc transactions.merchant_name transactions.parts`
	shownToCustomers = `category_rules.iban category_rules.mcc category_rules.merchant category_rules.name category_rules.text origins.origin public_keys.key_id
		deliveries.body deliveries.url delivery_attempts.problem events.actor_name events.request_id`
)

// sharp sees to it that findings would be found: whoever asks with B's token and should only see what is A's.
func (m *matrix) sharp() {
	m.t.Helper()
	v := seenBy("A")
	v.name = "B"
	for _, root := range []string{"consumer", "transactions", "report"} {
		blunt := &matrix{estate: m.estate, layer: m.layer, quiet: true, tally: &tally{seen: map[string]map[string]bool{}}}
		g := newGenerator(false)
		for _, d := range g.documents(schema().Query.Fields.ForName(root)) {
			blunt.document(v, d)
		}
		for _, p := range g.probes(schema().Query.Fields.ForName(root)) {
			blunt.probe(v, p)
		}
		if found := blunt.tally; found.leaks*8 < found.calls || found.oracles == 0 {
			m.t.Errorf("of %d questions about %s with the token of another only %d are found to leak, %d to tell", found.calls, root, found.leaks, found.oracles)
		}
	}
}

// crowd asks as everybody at once, over few connections, and lets some hang up in the middle: all others are answered as if
// they were alone.
func (m *matrix) crowd(n int) {
	m.t.Helper()
	var texts []string
	g := newGenerator(true)
	for _, root := range []string{"viewer", "transactions", "feed", "reports"} {
		for _, d := range g.documents(schema().Query.Fields.ForName(root)) {
			texts = append(texts, d.text)
		}
	}
	send := func(ctx context.Context, as, text string) string {
		body, _ := json.Marshal(map[string]any{"query": text})
		r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body)).WithContext(ctx)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Request-Id", "test")
		r.Header.Set("Authorization", "Bearer "+m.tokens[as])
		w := httptest.NewRecorder()
		m.handler.ServeHTTP(w, r)
		return fmt.Sprint(w.Code, w.Header(), w.Body)
	}
	want := map[string]string{}
	for _, as := range everyone {
		for _, text := range texts {
			want[as+text] = send(m.t.Context(), as, text)
		}
	}
	var group sync.WaitGroup
	var mixed atomic.Int64
	for first := range 12 {
		group.Go(func() {
			for i := range n / 12 {
				as, text := everyone[(first+i)%len(everyone)], texts[(first*7+i)%len(texts)]
				if i%5 == 4 {
					ctx, hangUp := context.WithCancel(m.t.Context())
					time.AfterFunc(time.Duration(i%9)*300*time.Microsecond, hangUp)
					send(ctx, as, text)
				} else if send(m.t.Context(), as, text) != want[as+text] {
					mixed.Add(1)
				}
			}
		})
	}
	group.Wait()
	m.tally.calls += n
	if mixed.Load() > 0 {
		m.wrong(&m.tally.leaks, "%d of %d answers differ when all ask at once", mixed.Load(), n)
	}
}

// complete sees to it that each field was asked for, and that everybody has seen all of its own: an answer with nothing in it
// has no leaks either.
func (t *tally) complete(test *testing.T) {
	for object, fields := range allowed {
		for field := range fields {
			if !t.covered[object+"."+field] {
				test.Errorf("%s.%s was never asked for", object, field)
			}
		}
	}
	whole := regexp.MustCompile(`^(customers|customer_settings|category_rules|origins|public_keys)\.`)
	for _, layer := range []string{"both layers", "queries"} {
		for _, name := range everyone {
			want := map[string]bool{}
			columns := strings.Fields(shown)
			if len(name) == 1 {
				columns = append(columns, strings.Fields(shownToCustomers)...)
			}
			for _, column := range columns {
				for _, owner := range seenBy(name).own {
					switch {
					case whole.MatchString(column):
						want[name[:1]+" "+column] = true
					case len(owner) > 1, strings.HasPrefix(column, "events."): // which tell of consumers and of the customer itself
						want[owner+" "+column] = true
					}
				}
			}
			got := t.seen[layer+" "+name]
			for x := range want {
				if !got[x] {
					test.Errorf("%s: %s has not seen %s", layer, name, x)
				}
			}
			for x := range got {
				if !want[x] {
					test.Errorf("%s: %s has seen %s", layer, name, x)
				}
			}
		}
	}
}
