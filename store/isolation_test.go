package store_test

import (
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/category"
	"insightgraph/connect"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/report"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// tenantTables are the tables that hold what belongs to a customer.
const tenantTables = `SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id'
	WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace ORDER BY 1`

func TestSchemaIsolation(t *testing.T) {
	t.Parallel()
	db := admin(t, storetest.URL(t))
	for name, query := range map[string]string{
		"tables without forced row level security": `SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
			AND (c.relname = 'customers' OR EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'customer_id'))
			AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`,
		"tables without customer_id": `SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
			AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'customer_id' AND a.attnotnull)
			AND c.relname NOT IN ('customers', 'rates', 'migrations', 'migration_locks')`,
		"views": `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')`,
		"what the roles own": `SELECT c.relname::text FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname LIKE 'insightgraph_%'
			UNION ALL SELECT p.proname::text FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE r.rolname LIKE 'insightgraph_%'
			UNION ALL SELECT n.nspname::text FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE r.rolname LIKE 'insightgraph_%'`,
		"roles that may too much":          `SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'insightgraph_%' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolcanlogin)`,
		"roles that are members of others": `SELECT r.rolname::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname LIKE 'insightgraph_%'`,
		"roles that can define things": `SELECT r.rolname::text FROM pg_roles r WHERE r.rolname LIKE 'insightgraph_%'
			AND (has_schema_privilege(r.oid, 'public', 'CREATE') OR has_database_privilege(r.oid, current_database(), 'CREATE'))`,
		"rights beyond reading and writing rows": `SELECT c.relname::text FROM pg_class c, pg_roles r WHERE r.rolname LIKE 'insightgraph_%' AND c.relnamespace = 'public'::regnamespace
			AND c.relkind = 'r' AND (has_table_privilege(r.oid, c.oid, 'TRUNCATE') OR has_table_privilege(r.oid, c.oid, 'REFERENCES') OR has_table_privilege(r.oid, c.oid, 'TRIGGER'))`,
		"functions that run as their owner": `SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef`,
		// tokens, flows: found before the customer is known. run_shards, refresh_parts, reports, deliveries, revocations: a task names its row alone. customers: client ids are one name space.
		"unique indexes that tell of other customers": `SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
			LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
			WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace AND a.attname IS DISTINCT FROM 'customer_id'
			AND i.indexrelid::regclass::text NOT IN ('customers_pkey', 'customers_client_id', 'tokens_pkey', 'run_shards_id', 'refresh_parts_id', 'reports_id', 'deliveries_id', 'revocations_id', 'flows_handle', 'rates_pkey', 'migrations_pkey', 'migrations_name_unique', 'migration_locks_pkey', 'migration_locks_table_name_key')`,
		"references that tell of other customers": `SELECT k.conname::text FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
			WHERE k.contype = 'f' AND a.attname <> 'customer_id'`,
		"references without an index": `SELECT k.conname::text FROM pg_constraint k WHERE k.contype = 'f' AND NOT EXISTS (
			SELECT 1 FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indpred IS NULL AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)`,
	} {
		if found := column[string](t, db, query); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// tenant is a customer with a little of everything.
type tenant struct {
	store.Tenant
	id        int64
	consumers []bank.Consumer
	accounts  []bank.Account // two of each consumer
	rows      []bank.Transaction
	entries   []insight.Entry
	runs      []insight.Run // of each consumer
	flows     []linked      // of each consumer
	rule      bank.Ref      // of categories
	reports   []reported    // of each consumer
}

// linked are the refs of what linking a bank leaves.
type linked struct{ Session, Flow, Refresh, Consent bank.Ref }

// linkBank links a bank with a consent, schedules its refresh and starts one.
func linkBank(t *testing.T, s *store.Store, c store.Tenant, who string) linked {
	t.Helper()
	w := &world{Store: s, c: c}
	f, _ := w.flow(t, connect.NewFlow{ConsumerExternalID: &who, StoreConsent: connect.ConsentRequired}, []byte("secret"), told("1", "", row("told", "-1", "2026-01-08")))
	owner := bank.Ref{Kind: bank.KindConsumer, ConsumerID: *f.ConsumerID, ID: *f.ConsumerID}
	must[[]connect.AutomaticRefresh](t)(c.ScheduleRefresh(t.Context(), owner, nil, connect.Plan{}))
	r, _, err := c.StartRefresh(t.Context(), store.NewRefresh{Consumer: owner})
	if err != nil {
		t.Fatal(err)
	}
	consents := must[map[int64][]connect.Consent](t)(c.Consents(t.Context(), []int64{owner.ID}))
	return linked{bank.Ref{Kind: bank.KindSession, ID: f.SessionID}, f.Ref(), r.Ref(), consents[owner.ID][0].Ref()}
}

// reported are the refs of what a report leaves.
type reported struct{ Source, Case, Report, Delivery bank.Ref }

// makeReport synchronises a consumer, which waits for a refresh that is under way, and makes a report whose callback was
// tried once.
func makeReport(t *testing.T, s *store.Store, c store.Tenant, consumer bank.Ref) reported {
	t.Helper()
	ctx := t.Context()
	w := &world{Store: s, c: c}
	sources, _ := w.synchronise(t, consumer.ID)
	n := asked(consumer.ID, report.TypeIncome)
	n.Request.CallbackURL = ptr("https://shop.example/hook")
	r, _, err := c.CreateReport(ctx, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	r = w.build(t, r)
	d := must[*page.Of[callback.Delivery]](t)(c.Deliveries(ctx, callback.Filter{ConsumerIDs: []bank.Ref{consumer}}, page.Args{Size: 1})).Nodes[0]
	sending, ok, err := s.ClaimDelivery(ctx, d.ID, 0)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := s.FinishDelivery(ctx, sending, callback.Attempt{StatusCode: ptr(200)}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WebhookSecrets(ctx, r.CustomerID, func() []byte { return []byte("sealed") }); err != nil {
		t.Fatal(err)
	}
	return reported{sources[0].Ref(), report.Case{ConsumerID: r.ConsumerID, ID: r.CaseID}.Ref(), r.Ref(), d.Ref()}
}

func populate(t *testing.T, s *store.Store, name string) tenant {
	t.Helper()
	ctx := t.Context()
	made := tenant{Tenant: customer(t, s, name)}
	for _, who := range []string{"anna", "ben"} {
		a, b := account(t, made.Tenant, who, "current", bank.ContainerBank), account(t, made.Tenant, who, "savings", bank.ContainerBank)
		made.accounts = append(made.accounts, a, b)
		made.id = a.CustomerID
		put(t, made.Tenant, a, row("1", "1000", "2026-01-05"), row("out", "-50", "2026-01-06"), row("no", "-70", "2026-01-06"))
		put(t, made.Tenant, b, row("in", "50", "2026-01-07"), row("no", "70", "2026-01-07"))
		c := must[bank.Consumer](t)(made.ConsumerByExternalID(ctx, who))
		mine := all(t, made.Tenant, bank.TransactionFilter{ConsumerIDs: []bank.Ref{c.Ref()}})
		for _, x := range mine {
			if *x.ExternalID == "no" && x.BaseType == bank.Debit {
				must[[]bank.Transaction](t)(made.SeparateTransfer(ctx, x.Ref()))
			}
		}
		if _, _, err := made.Categorize(ctx, mine[0].Ref(), 201, false); err != nil {
			t.Fatal(err)
		}
		made.rows = append(made.rows, mine...)
		off := func(map[string]insight.Settings, map[string]insight.Settings) (map[string]insight.Settings, error) {
			return map[string]insight.Settings{"COMPARISON": {Overrides: []insight.Override{{EntityType: insight.EntityAccount}}}}, nil
		}
		if err := made.ChangeUserSettings(ctx, c.Ref(), off); err != nil {
			t.Fatal(err)
		}
		c = must[bank.Consumer](t)(made.Tenant.Consumer(ctx, c.Ref()))
		run, shards, err := made.CreateRun(ctx, store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}, Consumer: ptr(c.Ref())}, ptr("key-"+who))
		if err != nil {
			t.Fatal(err)
		}
		shard, _, err := s.Claim(ctx, shards[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := storetest.Finish(ctx, s, shard, []store.Result{evaluated(run, c, insight.Generated, entryFor(c, "2026-02", a, b))}); err != nil {
			t.Fatal(err)
		}
		made.consumers, made.runs = append(made.consumers, c), append(made.runs, run)
		if err := s.SaveToken(ctx, []byte(name+who), made.id, &c.ID, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		made.flows = append(made.flows, linkBank(t, s, made.Tenant, who))
		made.reports = append(made.reports, makeReport(t, s, made.Tenant, c.Ref()))
		made.entries = append(made.entries, must[*page.Of[insight.Entry]](t)(made.Feed(ctx, insight.FeedFilter{ConsumerIDs: []bank.Ref{c.Ref()}}, page.Args{Size: 9})).Nodes...)
	}
	shards := must[[]int64](t)(s.Plan(ctx, store.Plan{Zone: store.Zone{CustomerID: made.id, TimeZone: "Europe/Berlin"}, Insights: []string{"COMPARISON"}, Frequency: insight.Monthly,
		Occurrence: bank.Period{From: day("2026-01-01"), To: day("2026-01-31")}, AsOf: s.Now()}))
	(&world{Store: s}).work(t, insight.NotSubscribed, shards...)
	rule, _, err := made.SaveCategoryRule(ctx, category.Rule{Name: "rule", Text: "rule", Category: 201}, false)
	if err != nil {
		t.Fatal(err)
	}
	made.rule = rule.Ref()
	must[[]string](t)(made.AddOrigin(ctx, "https://shop.example"))
	must[bank.PublicKey](t)(made.AddPublicKey(ctx, bank.PublicKey{KeyID: "key", Algorithm: "EdDSA", PEM: "pem"}))
	if err := s.SealEvents(ctx); err != nil {
		t.Fatal(err)
	}
	if err := made.ChangeCustomerSettings(ctx, func(map[string]insight.Settings) (map[string]insight.Settings, error) {
		return map[string]insight.Settings{"COMPARISON": {Title: ptr("Ours")}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	return made
}
