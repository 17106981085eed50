package graph

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/govalues/decimal"
	"github.com/jackc/pgx/v5"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/connect"
	"insightgraph/insight"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// estate is a house with the customers A and B, each with two consumers (A1, A2, B1, B2) that have a row in every table.
// Whose a value is can be told from the value: each text is a canary, each amount a prime of its own or a sum of such.
type estate struct {
	*house
	url   string
	admin *pgx.Conn
	prime int

	owners  map[int64]string              // of consumers, by id
	things  map[string]thing              // everything with an id, by it
	numbers map[string]string             // amounts that only one owner has
	reports map[string]string             // one of each owner
	clients map[string]string             // client tokens of open flows, by owner
	signers map[string]ed25519.PrivateKey // of customers

	payloads map[string]string // of mutations: a selection of all that they answer
	pem      string            // of a public key
}

// thing is what an id names.
type thing struct {
	ref   bank.Ref
	owner string
	key   string // what a cursor of its list begins with
	typ   string // of a report
}

// kinds of things, with the table that they are in and the key that they are listed by.
var kindTables = map[bank.Kind]struct {
	table, consumer, key string
}{
	bank.KindCustomer: {"customers", "NULL", ""}, bank.KindConsumer: {"consumers", "id", ""}, bank.KindAccount: {"accounts", "consumer_id", ""},
	bank.KindTransaction: {"transactions", "consumer_id", "booking_date"}, bank.KindEntry: {"feed_entries", "consumer_id", "created_at"},
	bank.KindRun: {"runs", "consumer_id", ""}, bank.KindSession: {"sessions", "NULL", ""}, bank.KindFlow: {"flows", "NULL", ""},
	bank.KindRefresh: {"refreshes", "NULL", ""}, bank.KindConsent: {"consents", "consumer_id", ""}, bank.KindSource: {"data_sources", "consumer_id", ""},
	bank.KindCase: {"cases", "consumer_id", ""}, bank.KindReport: {"reports", "consumer_id", "created_at"},
	bank.KindDelivery: {"deliveries", "consumer_id", "created_at"}, bank.KindEvent: {"events", "NULL", "at"}, bank.KindRule: {"category_rules", "NULL", ""},
}

// vocabulary are columns of text whose values programs compare: they are no person's, and cannot be canaries.
var vocabulary = strings.Fields(`time_zone currency container type status state stage kind base_type category_source insight trigger subject frequency outcome
	outcomes event store_consent interval last_state language algorithm operation handle pem client_id last_problem
	sessions.bank_code flows.bank_code consents.bank_code account_links.bank_code refresh_parts.bank_code data_sources.bank_code revocations.bank_code
	flows.problem refreshes.problem refresh_parts.problem data_sources.problem flows.consumer_external_id
	events.action events.actor_kind events.subject_id`)

func mark(owner, table, column string) string {
	return "CNRY-" + owner + "-" + table + "-" + column
}

var canary = regexp.MustCompile(`CNRY-([AB][12]?)-([a-z_]+)-([a-z_]+)`)

// amount is the next prime, as an amount.
func (e *estate) amount() string {
	for e.prime++; !big.NewInt(int64(e.prime)).ProbablyPrime(0); e.prime++ {
	}
	return fmt.Sprintf("%d.00", e.prime)
}

// iban is a number that is well formed.
func (e *estate) iban() string {
	e.amount()
	account := fmt.Sprintf("%018d", e.prime)
	n, _ := new(big.Int).SetString(account+"131400", 10)
	return fmt.Sprintf("DE%02d%s", 98-new(big.Int).Mod(n, big.NewInt(97)).Int64(), account)
}

// newEstate makes the customer A, lets between look at the database, and makes the customer B.
func newEstate(t *testing.T, between func(*estate)) *estate {
	t.Helper()
	e := &estate{url: storetest.URL(t), prime: 100_000, owners: map[int64]string{}, things: map[string]thing{}, reports: map[string]string{}, clients: map[string]string{}, signers: map[string]ed25519.PrivateKey{}}
	e.open(t, e.url)
	e.settle("A", 2)
	e.close()
	between(e)
	ids, tokens := e.ids, e.tokens
	e.open(t, e.url)
	e.ids, e.tokens = ids, tokens
	e.settle("B", 16)
	e.learn()
	return e
}

func (e *estate) open(t *testing.T, url string) {
	e.house = emptyHouse(t, url)
	var err error
	if e.admin, err = pgx.Connect(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.admin.Close(context.Background()) })
}

// close gives all connections back, so that the database can be copied.
func (e *estate) close() {
	e.admin.Close(context.Background())
	e.store.Close()
}

func (e *estate) exec(statement string, args ...any) {
	e.t.Helper()
	if _, err := e.admin.Exec(e.t.Context(), statement, args...); err != nil {
		e.t.Fatalf("%s: %v", statement, err)
	}
}

// column is the first column of a query.
func column[T any](t testing.TB, conn *pgx.Conn, query string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return all
}

// make sends a mutation and gives the id of what it made, or of the first of them.
func (e *estate) make(as, mutation, input, path string) string {
	e.t.Helper()
	field, _, _ := strings.Cut(path, ".")
	found := e.do(as, "mutation{x:"+mutation+"(input:"+input+"){"+field+`{id}}}`)["x"].(map[string]any)[field]
	if all, ok := found.([]any); ok {
		found = all[0]
	}
	return found.(map[string]any)["id"].(string)
}

// settle makes a customer with all that it can have. Its consumers' transactions are booked on days of their own.
func (e *estate) settle(c string, day int) {
	made, err := e.store.CreateCustomer(e.t.Context(), bank.Customer{Name: mark(c, "customers", "name"), ClientID: mark(c, "customers", "client_id"), TimeZone: "Europe/Berlin", Currency: "EUR"}, auth.HashSecret("secret-"+c))
	if err != nil {
		e.t.Fatal(err)
	}
	e.ids[c] = made.Ref().String()
	e.issue(c, made, nil)
	e.do(c, `mutation{updateCustomerSubscriptions(input:{customerSubscription:[{insightName:"SPENDING_AND_EARNING_COMPARISON",insightTitle:"`+mark(c, "customer_settings", "settings")+`"}]}){__typename}}`)
	for i, o := range []string{c + "1", c + "2"} {
		e.ids[o] = e.make(c, "createConsumer", `{externalId:"`+mark(o, "consumers", "external_id")+`"}`, "consumer")
		p, err := e.store.Customer(made.ID).Consumer(e.t.Context(), bank.ParseRef(e.ids[o]))
		if err != nil {
			e.t.Fatal(err)
		}
		e.owners[p.ID] = o
		e.issue(o, made, &p)
		e.inhabit(c, o, day+6*i)
	}
	e.do(c, `mutation{triggerInsights(input:{insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON"}]}){run{id}}}`)
	e.make(c, "saveCategoryRule", `{name:"rule",text:"`+mark(c, "category_rules", "text")+`",categoryId:"`+categoryID(701)+`"}`, "categoryRule")
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	e.signers[c] = private
	der, _ := x509.MarshalPKIXPublicKey(public)
	text, _ := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	e.pem = strings.Trim(string(text), `"`)
	e.do(c, `mutation{registerPublicKey(input:{publicKey:`+string(text)+`,keyId:"`+mark(c, "public_keys", "key_id")+`"}){__typename}}`)
	e.do(c, `mutation{registerConnectOrigin(input:{origin:"https://`+c+`.example"}){__typename} rotateWebhookSecret{__typename}}`)
	shards, err := e.store.Plan(e.t.Context(), store.Plan{Zone: store.Zone{CustomerID: made.ID, TimeZone: "Europe/Berlin"}, Insights: []string{"SPENDING_AND_EARNING_COMPARISON"}, Frequency: insight.Monthly,
		Occurrence: bank.Period{From: bank.NewDate(2022, 1, 1), To: bank.NewDate(2022, 1, 31)}, AsOf: e.now})
	if err != nil {
		e.t.Fatal(err)
	}
	worker{e.house}.Wake(e.t.Context(), shards)
	e.canaries(c)
}

func categoryID(id int64) string { return bank.Ref{Kind: bank.KindCategory, ID: id}.String() }

// inhabit gives a consumer all that it can have.
func (e *estate) inhabit(c, o string, day int) {
	ref := bank.ParseRef(e.ids[o])
	account := func(name, container, kind string) string {
		return e.make(c, "createAccount", fmt.Sprintf(`{consumerId:%q,externalId:%q,container:%s,type:%q,name:%q,providerName:%q,currency:"EUR",iban:%q,balance:{amount:%q,currency:"EUR"},balanceAsOf:"2022-01-26",creditLimit:{amount:%q,currency:"EUR"}}`,
			e.ids[o], mark(o, "accounts", "external_id")+"-"+name, container, kind, mark(o, "accounts", "name")+"-"+name, mark(o, "accounts", "provider_name"), e.iban(), e.amount(), e.amount()), "account")
	}
	giro, savings, card := account("giro", "BANK", "CHECKING"), account("savings", "BANK", "SAVINGS"), account("card", "CARD", "CREDIT")
	row := func(n int, month, shift int, sign, amount string, category int64, party, more string) string {
		return fmt.Sprintf(`{externalId:"%s-%d-%d",amount:{amount:"%s%s",currency:"EUR"},bookingDate:"2021-%02d-%02d",valueDate:"2021-%02d-%02d",description:%q,counterparty:{name:%q,iban:%q},mcc:"5411",categoryId:%q%s}`,
			mark(o, "transactions", "external_id"), month, n, sign, amount, month, day+shift, month, day+shift, mark(o, "transactions", "description"), party, e.iban(), categoryID(category), more)
	}
	rows := map[string][]string{}
	for month := 7; month <= 12; month++ {
		for n, x := range []struct {
			account, sign string
			category      int64
		}{{giro, "", 101}, {giro, "-", 501}, {giro, "-", 503}, {giro, "-", 1101}, {giro, "-", 1205}, {giro, "-", 903}, {giro, "-", 902}, {card, "-", 201}, {card, "-", 301}, {card, "-", 702}} {
			if n > 3 && month < 10 {
				continue
			}
			rows[x.account] = append(rows[x.account], row(n, month, n%5, x.sign, e.amount(), x.category, fmt.Sprintf("%s-%d", mark(o, "transactions", "counterparty_name"), n), ""))
		}
	}
	for n := range 2 {
		moved := e.amount()
		for id, sign := range map[string]string{giro: "-", savings: ""} {
			rows[id] = append(rows[id], fmt.Sprintf(`{externalId:"%s-moved-%d",amount:{amount:"%s%s",currency:"EUR"},bookingDate:"2021-12-%02d",description:%q}`,
				mark(o, "transactions", "external_id"), n, sign, moved, day+n, mark(o, "transactions", "description")))
		}
	}
	rows[giro] = append(rows[giro], row(30, 12, 3, "-", e.amount(), 201, "x", ",status:PENDING"))
	for _, id := range []string{giro, savings, card} {
		e.do(c, fmt.Sprintf(`mutation{createTransactions(input:{accountId:%q,idempotencyKey:%q,transactions:[%s]}){createdCount}}`, id, mark(o, "idempotency_keys", "key")+"-"+id, strings.Join(rows[id], ",")))
	}
	e.do(o, `mutation{triggerInsights(input:{idempotencyKey:"`+mark(o, "idempotency_keys", "key")+`",insights:[{insightName:"SPENDING_AND_EARNING_COMPARISON"}]}){run{id}}
		updateUserSubscriptions(input:{userSubscription:[{insightName:"SPENDING_AND_EARNING_COMPARISON",userConfiguration:[{entityType:"ACCOUNT",isSubscribed:false}]}]}){__typename}}`)
	nodes := list(e.do(o, `{transactions(filter:{transfers:true}){nodes{id transfer{id}}}}`)["transactions"].(map[string]any)["nodes"])
	if len(nodes) < 4 {
		e.t.Fatalf("%d transfers", len(nodes))
	}
	e.do(c, `mutation{separateTransfer(input:{transactionId:"`+nodes[0]["id"].(string)+`"}){__typename}}`)
	bought := list(e.do(o, `{transactions(filter:{transfers:false}, first: 1){nodes{id}}}`)["transactions"].(map[string]any)["nodes"])
	e.do(o, `mutation{categorizeTransaction(input:{transactionId:"`+bought[0]["id"].(string)+`",categoryId:"`+categoryID(301)+`"}){__typename}}`)

	// A bank, linked with a consent, that is being asked.
	told := connect.Account{ID: mark(o, "account_links", "bank_account_id"), IBAN: e.iban(), Container: bank.ContainerBank, Type: "CHECKING", Name: mark(o, "accounts", "name") + "linked", Currency: "EUR"}
	for n := range 2 {
		id := fmt.Sprintf("%s-linked-%d", mark(o, "transactions", "external_id"), n)
		told.Transactions = append(told.Transactions, bank.Transaction{ExternalID: &id, BaseType: bank.Debit, Amount: decimal.MustParse(e.amount()), Currency: "EUR",
			BookingDate: bank.NewDate(2021, 12, day+n), Status: bank.Posted, Description: mark(o, "transactions", "description")})
	}
	e.session(c, o+"-session", "")
	e.linked(c, o, o+"-session", told)
	e.do(c, `mutation{scheduleAutomaticRefresh(input:{consumerId:"`+e.ids[o]+`"}){__typename}}`)
	e.make(c, "startConsentRefresh", `{consumerId:"`+e.ids[o]+`"}`, "refresh")
	e.parts = nil // nobody fetches it
	e.session(c, o+"-open", "")
	flow := e.do(c, `mutation{x:startInsightsRefreshFlow(input:{sessionId:"`+e.ids[o+"-open"]+`",consumerId:"`+e.ids[o]+`"}){clientToken}}`)
	e.clients[o] = flow["x"].(map[string]any)["clientToken"].(string)

	// Reports, and what tells of them.
	source := e.make(c, "synchronizeAccounts", fmt.Sprintf(`{consumerId:%q,callbackUrl:"https://shop.example/%s",callbackHandle:%q}`, e.ids[o], o, mark(o, "synchronizations", "callback_handle")), "dataSources")
	file := e.make(c, "createCase", fmt.Sprintf(`{consumerId:%q,dataSourceIds:[%q],from:"2021-10-01",to:"2021-12-31"}`, e.ids[o], source), "case")
	for _, kind := range schema().Types["ReportType"].EnumValues {
		limits := ""
		if kind.Name == "SHOPPING" {
			limits = `,shoppingLimits:[{group:GROCERIES,monthlyAmount:{amount:1,currency:"EUR"}}]`
		}
		id := e.make(c, "createReport", fmt.Sprintf(`{caseId:%q,type:%s,callbackUrl:"https://shop.example/%s",callbackHandle:%q%s}`, file, kind.Name, o, mark(o, "reports", "callback_handle"), limits), "report")
		e.reports[o] = id
	}
	for _, id := range column[int64](e.t, e.admin, "SELECT id FROM deliveries WHERE consumer_id = $1", ref.ID) {
		d, ok, err := e.store.ClaimDelivery(e.t.Context(), id, 0)
		if err != nil || !ok {
			e.t.Fatal(ok, err)
		}
		wrong := mark(o, "delivery_attempts", "problem")
		if err := e.store.FinishDelivery(e.t.Context(), d, callback.Attempt{At: e.now, StatusCode: ptr(500), Problem: &wrong}, nil); err != nil {
			e.t.Fatal(err)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// tenantTables are the tables that hold what belongs to a customer.
func tenantTables(t testing.TB, conn *pgx.Conn) []string {
	return append(column[string](t, conn, `SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id'
		WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace ORDER BY 1`), "customers")
}

// canaries writes one into every column of text that a customer's rows have, also where there is nothing, and sees to it
// that there is a row of each consumer in every table.
func (e *estate) canaries(c string) {
	customer := bank.ParseRef(e.ids[c]).ID
	if err := e.store.SealEvents(e.t.Context()); err != nil { // makes event_days
		e.t.Fatal(err)
	}
	e.exec("INSERT INTO revocations (customer_id, flow_id, bank_code, sealed, run_after) VALUES ($1, 1, 'harbour', 'sealed', now())", customer)
	e.exec("ALTER TABLE events DISABLE TRIGGER USER")
	defer e.exec("ALTER TABLE events ENABLE TRIGGER USER")
	for _, table := range tenantTables(e.t, e.admin) {
		texts := column[string](e.t, e.admin, "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 AND data_type = 'text'", table)
		key, consumer := e.keys(table)
		owners := column[string](e.t, e.admin, "SELECT DISTINCT coalesce(("+consumer+")::text, '') FROM "+table+" WHERE "+key+" = $1 ORDER BY 1 DESC", customer)
		if len(owners) == 0 || consumer != "NULL::bigint" && (len(owners) < 2 || owners[1] == "" || owners[1] == "0") {
			e.t.Errorf("%s: the rows of %s are of %v; make some here for each of its consumers", table, c, owners)
		}
		for _, owner := range owners {
			name, mine := c, consumer+" IS NULL"
			if owner != "" {
				mine = consumer + " = " + owner
				for id, o := range e.owners {
					if fmt.Sprint(id) == owner {
						name = o
					}
				}
			}
			for _, text := range texts {
				if slices.Contains(vocabulary, text) || slices.Contains(vocabulary, table+"."+text) {
					continue
				}
				e.exec(fmt.Sprintf(`UPDATE %s x SET %q = '%s' || '-' || n FROM (SELECT ctid AS at, row_number() OVER (ORDER BY ctid) AS n FROM %s WHERE %s = %d AND %s) y WHERE x.ctid = y.at`,
					table, text, mark(name, table, text), table, key, customer, mine))
			}
			if table == "transactions" {
				e.exec(`UPDATE transactions SET parts = jsonb_build_array(jsonb_build_object('baseType', 'DEBIT', 'description', $1::text, 'counterpartyName', $2::text, 'amount', jsonb_build_object('amount', $3::text, 'currency', 'EUR')))
					WHERE customer_id = $4 AND consumer_id = $5 AND transfer_id IS NULL`, mark(name, table, "parts"), mark(name, table, "parts"), e.amount(), customer, bank.ParseRef(e.ids[name]).ID)
			}
		}
	}
}

// learn reads whose everything is.
func (e *estate) learn() {
	for kind, k := range kindTables {
		key, customer := "''", "customer_id"
		switch k.key {
		case "booking_date":
			key = "booking_date::text"
		case "created_at", "at":
			key = `to_char(` + k.key + ` AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`
		}
		if kind == bank.KindCustomer {
			customer = "id"
		}
		typ := "''"
		if kind == bank.KindReport {
			typ = "replace(initcap(replace(type, '_', ' ')), ' ', '') || 'Report'"
		}
		rows, err := e.admin.Query(e.t.Context(), "SELECT "+customer+", ("+k.consumer+")::bigint, id, "+key+", "+typ+" FROM "+k.table+map[bool]string{true: " WHERE kind = 'ON_DEMAND'"}[kind == bank.KindRun]+" ORDER BY id")
		if err != nil {
			e.t.Fatal(err)
		}
		var c, id int64
		var consumer *int64
		var text, typ1 string
		if _, err := pgx.ForEachRow(rows, []any{&c, &consumer, &id, &text, &typ1}, func() error {
			x := thing{bank.Ref{Kind: kind, ConsumerID: orZero(consumer), ID: id}, e.owner(c, consumer), text, typ1}
			e.things[x.ref.String()] = x
			return nil
		}); err != nil {
			e.t.Fatal(err)
		}
	}
	found := map[string]map[string]bool{}
	note := func(text, owner string) {
		if n, ok := large(text); ok {
			if found[n] == nil {
				found[n] = map[string]bool{}
			}
			found[n][owner] = true
		}
	}
	numeric := regexp.MustCompile(`-?\d+\.\d+`)
	for _, table := range tenantTables(e.t, e.admin) {
		if table == "customers" {
			continue
		}
		_, consumer := e.keys(table)
		for _, name := range column[string](e.t, e.admin, "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 AND data_type IN ('numeric', 'json', 'jsonb')", table) {
			rows, err := e.admin.Query(e.t.Context(), fmt.Sprintf("SELECT customer_id, %s, %q::text FROM %s WHERE %q IS NOT NULL", consumer, name, table, name))
			if err != nil {
				e.t.Fatal(err)
			}
			var c int64
			var of *int64
			var text string
			if _, err := pgx.ForEachRow(rows, []any{&c, &of, &text}, func() error {
				if !strings.Contains(text, ".") {
					text += ".00"
				}
				for _, n := range numeric.FindAllString(text, -1) {
					note(n, e.owner(c, of))
				}
				return nil
			}); err != nil {
				e.t.Fatal(err)
			}
		}
	}
	e.numbers = map[string]string{}
	for n, owners := range found {
		if len(owners) == 1 {
			e.numbers[n] = slices.Collect(maps.Keys(owners))[0]
		}
	}
	if len(e.numbers) < 400 || len(e.things) < 300 {
		e.t.Fatalf("only %d amounts and %d things", len(e.numbers), len(e.things))
	}
}

// large is an amount without its sign and with two decimals, where it is so large that no percentage or count is like it.
func large(text string) (string, bool) {
	d, err := decimal.Parse(text)
	if err != nil || d.Abs().Cmp(decimal.MustParse("5000")) < 0 {
		return "", false
	}
	return d.Abs().Trunc(2).Pad(2).String(), true
}

// of are ids of a kind that an owner has: the last of them, which are those of the linked account and the open flow, or the
// reports of some types.
func (e *estate) of(kind bank.Kind, owner string, types ...string) (ids []string) {
	var last bank.Ref
	for id, x := range e.things {
		switch {
		case x.ref.Kind != kind || x.owner != owner:
		case x.typ != "" && slices.Contains(types, x.typ):
			ids = append(ids, id)
		case x.ref.ID > last.ID:
			last = x.ref
		}
	}
	if len(ids) == 0 && last.ID != 0 {
		return []string{last.String()}
	}
	slices.Sort(ids)
	return ids
}

// contents is a hash of all rows, by owner and table.
func (e *estate) contents() map[string]string {
	e.t.Helper()
	hashes := map[string]string{}
	for _, table := range tenantTables(e.t, e.admin) {
		customer, consumer := e.keys(table)
		rows, err := e.admin.Query(e.t.Context(), fmt.Sprintf("SELECT %s, nullif(%s, 0), md5(string_agg(x::text, ',' ORDER BY x::text)) FROM %s x GROUP BY 1, 2 ORDER BY 1, 2", customer, consumer, table))
		if err != nil {
			e.t.Fatal(err)
		}
		var c int64
		var of *int64
		var hash string
		if _, err := pgx.ForEachRow(rows, []any{&c, &of, &hash}, func() error {
			hashes[e.owner(c, of)+" "+table] += hash
			return nil
		}); err != nil {
			e.t.Fatal(err)
		}
	}
	return hashes
}

// keys are a table's columns of the customer and of the consumer.
func (e *estate) keys(table string) (customer, consumer string) {
	columns := column[string](e.t, e.admin, "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1", table)
	switch {
	case table == "customers":
		return "id", "NULL::bigint"
	case table == "consumers":
		return "customer_id", "id"
	case slices.Contains(columns, "consumer_id"):
		return "customer_id", "consumer_id"
	}
	return "customer_id", "NULL::bigint"
}

// owner is whose a row is.
func (e *estate) owner(customer int64, consumer *int64) string {
	if o := e.owners[orZero(consumer)]; o != "" {
		return o
	}
	for _, c := range []string{"A", "B"} {
		if bank.ParseRef(e.ids[c]).ID == customer {
			return c
		}
	}
	panic("a customer that nobody knows")
}

// prepare makes the selections of mutations, and tells which fields are in them.
func (e *estate) prepare() (covered map[string]bool) {
	g := newGenerator(false)
	e.payloads = map[string]string{}
	for _, f := range schema().Mutation.Fields {
		e.payloads[f.Name] = g.payload(f.Name)
		g.covered["Mutation."+f.Name] = true
	}
	return g.covered
}

// copied is a house on a copy of the database, which nobody is connected to.
func (e *estate) copied(t *testing.T) *house {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), storetest.Servers(t).DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	config, err := pgx.ParseConfig(e.url)
	if err != nil {
		t.Fatal(err)
	}
	name := config.Database + "_alone"
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+config.Database); err != nil {
		t.Fatal(err)
	}
	return emptyHouse(t, strings.Replace(e.url, "/"+config.Database, "/"+name, 1))
}
