package graph

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"insightgraph/bank"
)

// inputs says of each field of an input and of each argument what thing it names: consumerId:c is a consumer, by the
// letters of bank.Kind. What has no letter is a plain value, and can name nothing. A field that does not stand here fails.
var inputs = map[string]string{
	"arguments": "first after last before filter input text countryCode month names insightNames outcomes externalId",
	"Query":     "node.id:* consumer.id:c userSubscriptions.consumerId:c session.id:s flow.id:f refresh.id:u automaticRefreshes.consumerId:c dataSources.consumerId:c case.id:h report.id:p",

	"AccountFilter": "containers statuses", "TransactionFilter": "consumerIds:c accountIds:a from to baseType status categoryIds:g text minAmount maxAmount transfers party",
	"FeedFilter":   "consumerIds:c insightNames insightType triggerType entityIds:a createdFrom createdTo",
	"ReportFilter": "consumerIds:c caseId:h types statuses", "DeliveryFilter": "consumerIds:c events statuses", "EventFilter": "consumerIds:c actions from to",

	"MoneyInput": "amount currency", "CounterpartyInput": "name iban", "CreateConsumerInput": "externalId timeZone currency", "UpdateConsumerInput": "consumerId:c timeZone currency",
	"DeleteConsumerInput":     "consumerId:c",
	"CreateAccountInput":      "consumerId:c consumerExternalId externalId container type name providerName currency iban balance balanceAsOf creditLimit idempotencyKey",
	"UpdateAccountInput":      "accountId:a name providerName type status balance balanceAsOf creditLimit",
	"DeleteAccountInput":      "accountId:a",
	"CreateTransactionsInput": "accountId:a transactions idempotencyKey",
	"TransactionInput":        "externalId baseType amount bookingDate valueDate status description counterparty mcc categoryId:g",
	"UpdateTransactionInput":  "transactionId:t amount baseType bookingDate valueDate status description", "DeleteTransactionsInput": "transactionIds:t",
	"CategorizeTransactionInput": "transactionId:t categoryId:g applyTo", "SeparateTransferInput": "transactionId:t",

	"UpdateCustomerSubscriptionsInput": "customerSubscription",
	"CustomerSubscriptionInput":        "insightName insightTitle insightType triggerType containers description applicableEntity customerConfiguration",
	"InsightConfigurationInput":        "entityType entityId:a isSubscribed frequency duration threshold", "ThresholdInput": "name type value",
	"UpdateUserSubscriptionsInput": "consumerId:c userSubscription",
	"UserSubscriptionInput":        "insightName insightTitle insightType triggerType containers description applicableEntity userConfiguration customerConfiguration",
	"ResetUserSubscriptionsInput":  "consumerId:c insightNames", "TriggerInsightsInput": "consumerId:c insights asOf idempotencyKey",
	"TriggerInsightInput": "insightName overrideDuplicateCheck entityConfig", "TriggerEntityInput": "entityType entityIds:a",

	"RegisterPublicKeyInput": "publicKey algorithm keyId", "RevokePublicKeyInput": "keyId",
	"CreateSessionInput": "psu consentScope language selectedBank redirectReturnUrl", "PsuInput": "userAgent ipAddress", "ConsentScopeInput": "insightsRefresh lifetimeDays",
	"InsightsRefreshScopeInput": "refreshDays from to accounts", "AccountSelectionInput": "all ids:a ibans", "SelectedBankInput": "bankCode countryCode", "CloseSessionInput": "sessionId:s",
	"StartInsightsRefreshFlowInput": "sessionId:s consumerId:c consumerExternalId storeConsent refreshDays from to accounts dataRetentionMinutes", "AbortFlowInput": "flowId:f",
	"StartConsentRefreshInput": "consumerId:c accountIds:a refreshDays from to", "RevokeConsentInput": "consumerId:c",
	"ScheduleAutomaticRefreshInput": "consumerId:c accountIds:a interval intervalMinutes refreshDays", "UnscheduleAutomaticRefreshInput": "consumerId:c accountIds:a",
	"RegisterConnectOriginInput": "origin", "RemoveConnectOriginInput": "origin",

	"SynchronizeAccountsInput": "consumerId:c callbackUrl callbackHandle",
	"CreateCaseInput":          "consumerId:c dataSourceIds:d accountIds:a excludedAccountIds:a from to days idempotencyKey",
	"CreateReportInput":        "type caseId:h consumerId:c dataSourceIds:d accountIds:a excludedAccountIds:a from to days shoppingLimits callbackUrl callbackHandle idempotencyKey",
	"ShoppingLimitInput":       "group monthlyAmount", "CreateReportLinkInput": "reportId:p minutes",
	"ImportStatementInput": "file consumerId:c accountId:a currency format mapping", "CsvMappingInput": "delimiter skip noHeader decimal dates columns", "CsvColumnInput": "column name",
	"SaveCategoryRuleInput": "name text iban mcc baseType categoryId:g merchant applyToExisting", "DeleteCategoryRuleInput": "categoryRuleId:l", "RedeliverInput": "deliveryId:w",
}

// calls are the mutations with an input that is right; <c> stands for an id of that kind. Every id that an input can have is in
// one of them. They are in the order in which a customer can make them one after the other.
var calls = []struct{ name, input string }{
	{"createConsumer", `{"externalId":"new"}`},
	{"updateConsumer", `{"consumerId":"<c>","timeZone":"Europe/Paris"}`},
	{"createAccount", `{"consumerId":"<c>","externalId":"new","container":"BANK","name":"New","currency":"EUR"}`},
	{"updateAccount", `{"accountId":"<a>","name":"Other"}`},
	{"createTransactions", `{"accountId":"<a>","transactions":[{"amount":{"amount":1,"currency":"EUR"},"bookingDate":"2021-12-31","categoryId":"<g>"}]}`},
	{"updateTransaction", `{"transactionId":"<t>","description":"Other"}`},
	{"categorizeTransaction", `{"transactionId":"<t>","categoryId":"<g>","applyTo":"SIMILAR"}`},
	{"separateTransfer", `{"transactionId":"<t>"}`},
	{"updateCustomerSubscriptions", `{"customerSubscription":[{"insightName":"SPENDING_AND_EARNING_COMPARISON","customerConfiguration":[{"entityType":"ACCOUNT","entityId":"<a>","isSubscribed":true}]}]}`},
	{"updateUserSubscriptions", `{"consumerId":"<c>","userSubscription":[{"insightName":"SPENDING_AND_EARNING_COMPARISON","userConfiguration":[{"entityType":"ACCOUNT","isSubscribed":false}]}]}`},
	{"updateUserSubscriptions", `{"consumerId":"<c>","userSubscription":[{"insightName":"SPENDING_AND_EARNING_COMPARISON","userConfiguration":[{"entityType":"ACCOUNT","entityId":"<a>","isSubscribed":false}],
		"customerConfiguration":[{"entityType":"ACCOUNT","entityId":"<a>","isSubscribed":true}]}]}`},
	{"resetUserSubscriptions", `{"consumerId":"<c>"}`},
	{"triggerInsights", `{"consumerId":"<c>","insights":[{"insightName":"SPENDING_AND_EARNING_COMPARISON"}]}`},
	{"triggerInsights", `{"consumerId":"<c>","insights":[{"insightName":"SPENDING_AND_EARNING_COMPARISON","entityConfig":[{"entityType":"ACCOUNT","entityIds":["<a>"]}]}]}`},
	{"registerPublicKey", `{"publicKey":"PEM","keyId":"new"}`},
	{"revokePublicKey", `{"keyId":"new"}`},
	{"createSession", `{"psu":{"userAgent":"Test","ipAddress":"192.0.2.1"},"consentScope":{"insightsRefresh":{"accounts":{"ids":["<a>"]}}}}`},
	{"startInsightsRefreshFlow", `{"sessionId":"<s>","consumerId":"<c>","accounts":{"ids":["<a>"]}}`},
	{"startConsentRefresh", `{"consumerId":"<c>","accountIds":["<a>"]}`},
	{"scheduleAutomaticRefresh", `{"consumerId":"<c>","accountIds":["<a>"]}`},
	{"unscheduleAutomaticRefresh", `{"consumerId":"<c>","accountIds":["<a>"]}`},
	{"abortFlow", `{"flowId":"<f>"}`},
	{"closeSession", `{"sessionId":"<s>"}`},
	{"registerConnectOrigin", `{"origin":"https://new.example"}`},
	{"removeConnectOrigin", `{"origin":"https://new.example"}`},
	{"synchronizeAccounts", `{"consumerId":"<c>"}`},
	{"createCase", `{"consumerId":"<c>","accountIds":["<a>"]}`},
	{"createCase", `{"consumerId":"<c>","dataSourceIds":["<d>"],"excludedAccountIds":["<a>"]}`},
	{"createReport", `{"type":"INCOME","caseId":"<h>"}`},
	{"createReport", `{"type":"INCOME","consumerId":"<c>","accountIds":["<a>"]}`},
	{"createReport", `{"type":"INCOME","consumerId":"<c>","dataSourceIds":["<d>"],"excludedAccountIds":["<a>"]}`},
	{"createReportLink", `{"reportId":"<p>"}`},
	{"importStatement", `{"file":null,"consumerId":"<c>"}`},
	{"importStatement", `{"file":null,"accountId":"<a>"}`},
	{"saveCategoryRule", `{"name":"new","text":"nothing","categoryId":"<g>"}`},
	{"rotateWebhookSecret", ``},
	{"redeliver", `{"deliveryId":"<w>"}`},
	{"deleteCategoryRule", `{"categoryRuleId":"<l>"}`},
	{"revokeConsent", `{"consumerId":"<c>"}`},
	{"deleteTransactions", `{"transactionIds":["<t>"]}`},
	{"deleteAccount", `{"accountId":"<a>"}`},
	{"deleteConsumer", `{"consumerId":"<c>"}`},
}

// anyKind is what node takes.
const anyKind = bank.Kind('*')

// kindOf is the kind of thing that a type shows, 0 for what has no id.
func kindOf(typ string) bank.Kind {
	if strings.HasSuffix(typ, "Report") {
		return bank.KindReport
	}
	return map[string]bank.Kind{"Customer": bank.KindCustomer, "Consumer": bank.KindConsumer, "Account": bank.KindAccount, "Transaction": bank.KindTransaction, "FeedEntry": bank.KindEntry,
		"TriggerRun": bank.KindRun, "Session": bank.KindSession, "Flow": bank.KindFlow, "Refresh": bank.KindRefresh, "Consent": bank.KindConsent, "DataSource": bank.KindSource,
		"Case": bank.KindCase, "CategoryRule": bank.KindRule, "Delivery": bank.KindDelivery, "Event": bank.KindEvent}[typ]
}

// names is inputs by type: what kind of thing each field names, 0 for none.
func names() map[string]map[string]bank.Kind {
	all := map[string]map[string]bank.Kind{}
	for typ, fields := range inputs {
		all[typ] = map[string]bank.Kind{}
		for _, field := range strings.Fields(fields) {
			name, kind, _ := strings.Cut(field+":", ":")
			all[typ][name] = (bank.Kind)((kind + "\x00")[0])
			if kind == ":" {
				all[typ][name] = 0
			}
		}
	}
	return all
}

// Every argument and every field of an input says what it names, and nothing else does.
func TestInputsAreDeclared(t *testing.T) {
	for _, wrong := range undeclaredInputs() {
		t.Error(wrong)
	}
}

func undeclaredInputs() (wrong []string) {
	declared, used := names(), map[string]bool{}
	check := func(typ, field, of string) {
		used[typ+"."+field] = true
		kind, ok := declared[typ][field]
		switch {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%s.%s is not declared", typ, field))
		case (kind != 0) != (of == "ID"):
			wrong = append(wrong, fmt.Sprintf("%s.%s is of type %s", typ, field, of))
		}
	}
	for _, d := range schema().Types {
		if d.BuiltIn || strings.HasPrefix(d.Name, "__") {
			continue
		}
		if d.Kind == ast.Object && slices.Contains(d.Interfaces, "Node") && kindOf(d.Name) == 0 && d.Name != "Category" { // categories are nobody's
			wrong = append(wrong, d.Name+" has an id of no kind")
		}
		for _, f := range d.Fields {
			if d.Kind == ast.InputObject {
				check(d.Name, f.Name, f.Type.Name())
			}
			for _, a := range f.Arguments {
				if strings.HasPrefix(f.Name, "__") {
					continue
				}
				if a.Type.Name() == "ID" {
					check(d.Name, f.Name+"."+a.Name, "ID")
				} else {
					check("arguments", a.Name, a.Type.Name())
				}
			}
		}
	}
	wrong = append(wrong, uncalled()...)
	for typ, fields := range declared {
		for field := range fields {
			if !used[typ+"."+field] {
				wrong = append(wrong, fmt.Sprintf("the schema has no %s.%s", typ, field))
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// uncalled are the places of inputs of mutations that take an id and have none in calls, or one of another kind.
func uncalled() (wrong []string) {
	declared, places := names(), map[string]bank.Kind{}
	var note func(path string, v any)
	note = func(path string, v any) {
		switch x := v.(type) {
		case string:
			if kind, ok := strings.CutPrefix(x, "<"); ok {
				places[path] = bank.Kind(kind[0])
			}
		case []any:
			for _, one := range x {
				note(path, one)
			}
		case map[string]any:
			for name, one := range x {
				note(path+"."+name, one)
			}
		}
	}
	for _, call := range calls {
		places[call.name] = 0
		var input any
		if err := json.Unmarshal([]byte(call.input), &input); err != nil && call.input != "" {
			wrong = append(wrong, call.name+": "+err.Error())
		}
		note(call.name, input)
	}
	var look func(path string, d *ast.Definition)
	look = func(path string, d *ast.Definition) {
		for _, f := range d.Fields {
			below := path + "." + f.Name
			if of := schema().Types[f.Type.Name()]; of.Kind == ast.InputObject {
				look(below, of)
			} else if kind := declared[d.Name][f.Name]; kind != 0 && places[below] != kind {
				wrong = append(wrong, fmt.Sprintf("%s: no call has an id of %c there", below, kind))
			}
		}
	}
	for _, f := range schema().Mutation.Fields {
		if _, called := places[f.Name]; !called {
			wrong = append(wrong, "no call of "+f.Name)
		}
		for _, a := range f.Arguments {
			look(f.Name, schema().Types[a.Type.Name()])
		}
	}
	return wrong
}

// tree is a selection that is being made.
type tree struct {
	def  *ast.Definition
	keys []string // in order: field with arguments, or ... on a type
	kids map[string]*tree
}

func newTree(def *ast.Definition) *tree {
	return &tree{def: def, kids: map[string]*tree{}}
}

// at is the selection below a key, made where it is not there; nil for leaves.
func (s *tree) at(key string, def *ast.Definition) *tree {
	below, ok := s.kids[key]
	if !ok {
		s.keys = append(s.keys, key)
		if def != nil {
			below = newTree(def)
		}
		s.kids[key] = below
	}
	return below
}

func (s *tree) String() string {
	var b strings.Builder
	b.WriteString("{__typename")
	for _, key := range s.keys {
		b.WriteString(" " + key)
		if below := s.kids[key]; below != nil {
			b.WriteString(below.String())
		}
	}
	return b.String() + "}"
}

// documents is how many fields and rows the documents that are made ask for.
const (
	rowsAbove = 12
	rowsBelow = 3
)

// generator makes documents from the schema.
type generator struct {
	types     map[string]*ast.Definition
	possible  func(*ast.Definition) []*ast.Definition
	consumers bool            // only what a user-level token may use
	covered   map[string]bool // Type.field that some document has
	probed    map[string]bool // Type.field(argument) that some probe has
}

func newGenerator(consumers bool) *generator {
	return &generator{schema().Types, schema().GetPossibleTypes, consumers, map[string]bool{}, map[string]bool{}}
}

// may tells whether a field is one to ask for.
func (g *generator) may(d *ast.Definition, f *ast.FieldDefinition) bool {
	return !strings.HasPrefix(f.Name, "__") && (!g.consumers || allowed[d.Name][f.Name])
}

func (g *generator) composite(t *ast.Type) *ast.Definition {
	if d := g.types[t.Name()]; d.IsCompositeType() {
		return d
	}
	return nil
}

// key is a field as it is asked for.
func (g *generator) key(f *ast.FieldDefinition, rows int) string {
	switch {
	case f.Arguments.ForName("first") != nil:
		return fmt.Sprintf("%s(first: %d)", f.Name, rows)
	case f.Arguments.ForName("month") != nil:
		return f.Name + `(month: "2021-12-01")`
	}
	return f.Name
}

// whole selects all fields of an object, and below them what are leaves.
func (g *generator) whole(s *tree, deep bool) {
	if s.def.IsAbstractType() {
		s.at("... on Node", g.types["Node"]).at("id", nil)
		return
	}
	for _, f := range s.def.Fields {
		below := g.composite(f.Type)
		switch {
		case !g.may(s.def, f):
		case below == nil:
			s.at(f.Name, nil)
			g.covered[s.def.Name+"."+f.Name] = true
		case deep:
			g.covered[s.def.Name+"."+f.Name] = true
			g.whole(s.at(g.key(f, rowsBelow), below), false)
		case slices.Contains([]string{"Money", "Period", "PageInfo", "Merchant", "EventActor"}, below.Name):
			g.whole(s.at(f.Name, below), false)
		}
	}
}

// step is a way from a type to another: a field of it, or the type that it is.
type step struct {
	field *ast.FieldDefinition
	to    *ast.Definition
}

// ways are the shortest ways from a type to all that can be reached from it, the nearest first.
func (g *generator) ways(from *ast.Definition) (order []*ast.Definition, ways map[string][]step) {
	ways = map[string][]step{from.Name: {}}
	for queue := []*ast.Definition{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		order = append(order, at)
		reach := func(s step) {
			if _, known := ways[s.to.Name]; !known {
				ways[s.to.Name] = append(slices.Clone(ways[at.Name]), s)
				queue = append(queue, s.to)
			}
		}
		if at.IsAbstractType() {
			for _, d := range g.possible(at) {
				reach(step{nil, d})
			}
			continue
		}
		for _, f := range at.Fields {
			if d := g.composite(f.Type); d != nil && g.may(at, f) {
				reach(step{f, d})
			}
		}
	}
	return order, ways
}

// document is a query of one root field. $id is what the field is asked for, where it has such an argument.
type document struct {
	field string // of Query
	kind  bank.Kind
	types []string // that are in it as a whole
	text  string
}

// documents select, below a root field, each field of each type that can be reached from it, at least once.
func (g *generator) documents(root *ast.FieldDefinition) (all []document) {
	top := g.composite(root.Type)
	if top == nil {
		return nil
	}
	head, below := "query{", g.key(root, rowsAbove)
	kind := bank.Kind(0)
	declared := names()["Query"]
	for _, a := range root.Arguments {
		if k := declared[root.Name+"."+a.Name]; k != 0 {
			kind, head, below = k, "query($id:ID!){", root.Name+"("+a.Name+":$id)"
		}
	}
	order, ways := g.ways(top)
	var made *tree
	size := 0
	var one document
	flush := func() {
		if made != nil {
			one.text = head + below + made.String() + "}"
			all = append(all, one)
		}
		made, size, one = newTree(top), 0, document{field: root.Name, kind: kind}
	}
	flush()
	fragment := map[*tree]string{}
	for _, d := range order {
		if d.IsAbstractType() {
			continue
		}
		if len(ways[d.Name]) > 9 {
			continue // another root leads there
		}
		for again := range 2 {
			at, fits := made, true
			for _, s := range ways[d.Name] {
				if s.field == nil { // fields of several types in one place may not have one name
					if fragment[at] != "" && fragment[at] != s.to.Name {
						fits = false
						break
					}
					fragment[at] = s.to.Name
					one.types = append(one.types, s.to.Name)
					at = at.at("... on "+s.to.Name, s.to)
					continue
				}
				at = at.at(g.key(s.field, rowsBelow), s.to)
			}
			if fits && (size < 120 || again > 0) {
				g.whole(at, true)
				size += 5 * len(d.Fields)
				if !slices.Contains(one.types, d.Name) {
					one.types = append(one.types, d.Name)
				}
				break
			}
			flush()
		}
	}
	flush()
	return all
}

// payload selects all of what a mutation answers.
func (g *generator) payload(name string) string {
	s := newTree(g.types[schema().Mutation.Fields.ForName(name).Type.Name()])
	for _, f := range s.def.Fields {
		g.covered[s.def.Name+"."+f.Name] = true
		if below := g.composite(f.Type); below != nil && !below.IsAbstractType() {
			g.whole(s.at(f.Name, below), true)
		}
	}
	g.whole(s, true)
	return s.String()
}

// probe is a document that asks for a list by somebody's id or cursor: $x. $own is an id that its root field needs.
type probe struct {
	name   string
	own    bank.Kind
	kind   bank.Kind // of $x
	cursor string    // the type of row, where $x is a cursor
	types  []string  // on the way there
	text   string
}

// probes are all arguments below a root field that take ids and cursors.
func (g *generator) probes(root *ast.FieldDefinition) (all []probe) {
	declared := names()
	head, first, own := "query($x:ID!", root.Name, bank.Kind(0)
	for _, a := range root.Arguments {
		if k := declared["Query"][root.Name+"."+a.Name]; k != 0 {
			own = k
			if !g.consumers || root.Name != "consumer" { // which a user-level token may leave out
				head, first = "query($own:ID!,$x:ID!", root.Name+"("+a.Name+":$own)"
			} else {
				own = 0
			}
		}
	}
	add := func(path []step, of *ast.Definition, f *ast.FieldDefinition) {
		rows := f.Type.Name()
		if d := g.types[rows]; d != nil && d.Fields.ForName("nodes") != nil {
			rows = d.Fields.ForName("nodes").Type.Name()
		}
		write := func(what string, kind bank.Kind, cursor, argument string) {
			name := of.Name + "." + f.Name + "(" + what + ")"
			if g.probed[name] { // below another root
				return
			}
			g.probed[name] = true
			s := newTree(schema().Query)
			at := s
			for i, p := range path {
				switch {
				case p.field == nil:
					at = at.at("... on "+p.to.Name, p.to)
				case i == 0:
					at = at.at(first, p.to)
				default:
					at = at.at(g.key(p.field, 5), p.to)
				}
			}
			list := at.at(f.Name+"("+argument+", first: 5)", g.types[f.Type.Name()])
			list.at("totalCount", nil)
			list.at("pageInfo", g.types["PageInfo"]).at("endCursor", nil)
			nodes := list.at("nodes", g.types[rows])
			g.whole(nodes, false)
			begin := head
			if cursor != "" {
				begin = strings.Replace(head, "$x:ID!", "$x:String!", 1)
			}
			text := s.String()
			needed := own
			if own == anyKind {
				needed = kindOf(path[1].to.Name)
			}
			types := make([]string, len(path))
			for i, p := range path {
				types[i] = p.to.Name
			}
			all = append(all, probe{root.Name + " … " + name, needed, kind, cursor, types, begin + ")" + text})
		}
		if f.Arguments.ForName("after") != nil {
			write("after", 0, rows, "after: $x")
		}
		if filter := f.Arguments.ForName("filter"); filter != nil {
			fields := declared[filter.Type.Name()]
			for _, name := range slices.Sorted(maps.Keys(fields)) {
				if kind := fields[name]; kind != 0 && kind != bank.KindCategory {
					value := "$x"
					if g.types[filter.Type.Name()].Fields.ForName(name).Type.Elem != nil {
						value = "[$x]"
					}
					write(name, kind, "", "filter: {"+name+": "+value+"}")
				}
			}
		}
	}
	switch {
	case root.Name == "viewer", root.Name == "banks": // a customer's viewer has no consumer to ask below of; banks are nobody's
		return nil
	case root.Arguments.ForName("first") != nil:
		add(nil, schema().Query, root)
		return all
	}
	top := g.composite(root.Type)
	order, ways := g.ways(top)
	for _, d := range order {
		if d.IsAbstractType() || len(ways[d.Name]) > 2 {
			continue
		}
		for _, f := range d.Fields {
			if f.Arguments.ForName("first") != nil && g.may(d, f) {
				add(append([]step{{root, top}}, ways[d.Name]...), d, f)
			}
		}
	}
	return all
}
