package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"insightgraph/audit"
	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/category"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/report"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// looks counts the rows and entries of indexes that something looks at.
type looks struct {
	url    string
	db     *pgx.Conn
	before int64
}

func (l *looks) during(t *testing.T, do func(*store.Store)) int64 {
	t.Helper()
	s := storetest.Open(t, l.url, store.Patient(store.Options{MaxConns: 4}))
	do(s)
	s.Close()
	ended(t, l.db)
	if column[int](t, l.db, "SELECT current_setting('server_version_num')::int")[0] < 150000 {
		time.Sleep(time.Second) // a process of its own counts there, and tells twice a second
	}
	after := column[int64](t, l.db, `SELECT sum(n)::bigint FROM (SELECT seq_tup_read AS n FROM pg_stat_user_tables WHERE schemaname = current_schema()
		UNION ALL SELECT idx_tup_read FROM pg_stat_user_indexes WHERE schemaname = current_schema()) x`)[0]
	defer func() { l.before = after }()
	return after - l.before
}

// TestLookedAt: small questions and changes do not look at all that a customer has, which is some thousand rows of each kind here.
func TestLookedAt(t *testing.T) {
	t.Parallel()
	const consumers, few = 600, 300
	url := storetest.URL(t)
	l := &looks{url: url, db: admin(t, url)}
	var customerID int64
	l.during(t, func(s *store.Store) {
		made := must[bank.Customer](t)(s.CreateCustomer(t.Context(), bank.Customer{Name: "crowd", ClientID: "crowd", TimeZone: "Europe/Berlin", Currency: "EUR"}, []byte("hash")))
		customerID = made.ID
	})
	db := admin(t, url)
	for _, text := range []string{
		fmt.Sprintf(`INSERT INTO consumers (customer_id, external_id, time_zone, currency, created_at, changed_at)
			SELECT %d, n, 'Europe/Berlin', 'EUR', now(), now() FROM generate_series(1, %d) n`, customerID, consumers),
		`INSERT INTO accounts (customer_id, consumer_id, container, type, name, provider_name, status, currency, created_at)
			SELECT customer_id, id, 'BANK', 'CHECKING', 'Account', 'Bank', 'ACTIVE', 'EUR', now() FROM consumers`,
		`INSERT INTO sessions (customer_id, psu, scope, lifetime_days, language, created_at, expires_at)
			SELECT customer_id, '{}', '{}', 90, 'en', now(), now() FROM consumers, generate_series(1, 10)`,
		`INSERT INTO flows (customer_id, session_id, consumer_id, consumer_external_id, state, stage, version, store_consent, storing, scope, tries, failures, consent_stored, handle, token_hash, started_at, expires_at)
			SELECT c.customer_id, s.id, CASE WHEN s.id % 20 >= 10 THEN c.id END, c.external_id, 'FINISHED', 'DONE', 1, 'OPTIONAL', true, '{}', 0, 0, true, s.id, 'x', now(), now()
			FROM sessions s JOIN consumers c ON c.id = (SELECT min(id) FROM consumers) + s.id % ` + fmt.Sprint(consumers),
		`INSERT INTO consents (customer_id, consumer_id, flow_id, bank_code, bank_name, state, sealed, granted_at, expires_at)
			SELECT customer_id, id, 1, 'bank', 'Bank', 'ACTIVE', 'x', now(), now() + interval '9 days' FROM consumers, generate_series(1, 6)`,
		`INSERT INTO account_links (customer_id, consumer_id, account_id, bank_code, bank_account_id, consent_id, refreshed_at)
			SELECT a.customer_id, a.consumer_id, a.id, 'bank', k.id, k.id, now() FROM accounts a JOIN consents k USING (customer_id, consumer_id)`,
		`INSERT INTO idempotency_keys (customer_id, consumer_id, operation, key, request, about, created_at)
			SELECT customer_id, 0, 'createTransactions', id || '-' || n, 'x', id, now() FROM consumers, generate_series(1, 10) n`,
		`INSERT INTO runs (customer_id, kind, requests, as_of, status, requested_at, finished_at) SELECT id, 'ON_DEMAND', '[]', now(), 'SUCCEEDED', now(), now() FROM customers`,
		`INSERT INTO evaluations (customer_id, consumer_id, run_id, insight, outcome, evaluated_at, data_at)
			SELECT c.customer_id, c.id, r.id, 'INSIGHT_' || n, 'CONDITION_NOT_MET', now(), now() FROM consumers c, runs r, generate_series(1, 5) n`,
		`INSERT INTO cases (customer_id, consumer_id, data_source_ids, account_ids, period_from, period_to, created_at)
			SELECT customer_id, id, '{}', '{}', '2026-01-01', '2026-01-31', now() FROM consumers, generate_series(1, 5)`,
		`INSERT INTO reports (customer_id, consumer_id, case_id, type, status, period_from, period_to, result, created_at, run_after)
			SELECT customer_id, consumer_id, id, 'SHOPPING', 'SUCCEEDED', period_from, period_to, '{}', now() + id * interval '1 second', now() FROM cases`,
		`INSERT INTO deliveries (customer_id, consumer_id, event, url, body, status, run_after, created_at)
			SELECT customer_id, id, 'report.finished', 'http://x', '{}', CASE WHEN id % 200 = 7 AND n = 1 THEN 'FAILED' ELSE 'DELIVERED' END, now(), now() + n * interval '1 second' FROM consumers, generate_series(1, 10) n`,
		`INSERT INTO events (customer_id, at, actor_kind, actor_name, action, consumer_id)
			SELECT customer_id, now() + n * interval '1 second', 'SYSTEM', '', CASE WHEN n > 1 THEN 'createTransactions' WHEN id % 200 = 7 THEN 'deleteAccount' ELSE 'createAccount' END, id FROM consumers, generate_series(1, 10) n`,
		`VACUUM ANALYZE`,
	} {
		if _, err := db.Exec(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	ids := column[int64](t, db, "SELECT id FROM consumers ORDER BY id")
	cases := column[int64](t, db, "SELECT id FROM cases WHERE consumer_id = $1", ids[5])
	run := column[int64](t, db, "SELECT id FROM runs")[0]
	who := func(i int) bank.Ref { return bank.Ref{Kind: bank.KindConsumer, ConsumerID: ids[i], ID: ids[i]} }
	db.Close(t.Context()) // what it looked at is told then
	ten := page.Args{Size: 10}
	l.during(t, func(*store.Store) {})
	for _, one := range []struct {
		name string
		want int // how many it finds
		do   func(ctx context.Context, s *store.Store, c store.Tenant) (int, error)
	}{
		{"evaluations", 10, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			return size(c.Evaluations(ctx, insight.Run{ID: run}, nil, ten))
		}},
		{"the last evaluations", 10, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			return size(c.Evaluations(ctx, insight.Run{ID: run}, nil, page.Args{Size: 10, Backward: true}))
		}},
		{"evaluations in the middle", 10, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			return size(c.Evaluations(ctx, insight.Run{ID: run}, nil, page.Args{Size: 10, Cursor: &page.Cursor{Key: "INSIGHT_3", ID: ids[300]}}))
		}},
		{"failed callbacks", 3, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			return size(c.Deliveries(ctx, callback.Filter{Statuses: []callback.Status{callback.Failed}}, ten))
		}},
		{"waiting callbacks", 0, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			return size(c.Deliveries(ctx, callback.Filter{Statuses: []callback.Status{callback.Pending}}, ten))
		}},
		{"callbacks of a consumer", 10, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			return size(c.Deliveries(ctx, callback.Filter{ConsumerIDs: []bank.Ref{who(3)}}, ten))
		}},
		{"a case's reports", 1, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			return size(c.Reports(ctx, report.Filter{CaseID: &bank.Ref{Kind: bank.KindCase, ConsumerID: ids[5], ID: cases[0]}}, ten))
		}},
		{"consumers' reports", 10, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			return size(c.Reports(ctx, report.Filter{ConsumerIDs: []bank.Ref{who(5), who(6), who(5)}}, page.Args{Size: 100}))
		}},
		{"rare events", 3, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			return size(c.Events(ctx, audit.Filter{Actions: []string{"deleteAccount", "deleteConsumer", "deleteAccount"}}, ten))
		}},
		{"frequent events", 10, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			return size(c.Events(ctx, audit.Filter{Actions: []string{"createTransactions", "createAccount"}}, ten))
		}},
		{"consumers' events", 10, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			return size(c.Events(ctx, audit.Filter{ConsumerIDs: []bank.Ref{who(3), who(4)}}, ten))
		}},
		{"a deleted consumer", 1, func(ctx context.Context, _ *store.Store, c store.Tenant) (int, error) {
			e, err := c.DeleteConsumer(ctx, who(3))
			return e.Accounts, err
		}},
	} {
		n := l.during(t, func(s *store.Store) {
			if got, err := one.do(t.Context(), s, s.Customer(customerID)); got != one.want || err != nil {
				t.Errorf("%s: %d, want %d, %v", one.name, got, one.want, err)
			}
		})
		if t.Logf("%s: %d", one.name, n); n > few {
			t.Errorf("%s looks at %d rows, at most %d are needed", one.name, n, few)
		}
	}
	// What all have is looked at once, whatever the page.
	all := l.during(t, func(s *store.Store) {
		if done, failed, err := s.Reseal(t.Context(), func([]byte, string) ([]byte, error) { return []byte("y"), nil }); done != 6*consumers || failed != 0 || err != nil {
			t.Errorf("%d sealed anew, %d not, %v", done, failed, err)
		}
	})
	if t.Logf("secrets: %d", all); all > 5*6*consumers+10*consumers {
		t.Errorf("new keys look at %d rows, 3,600 are there", all)
	}
}

// TestLargeReports: a page ends where the results of its reports would take much memory, and those that follow come with the next.
func TestLargeReports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	db := admin(t, w.url)
	for _, text := range []string{
		`INSERT INTO cases (customer_id, consumer_id, data_source_ids, account_ids, period_from, period_to, created_at)
			SELECT customer_id, id, '{}', '{}', '2026-01-01', '2026-01-31', now() FROM consumers, generate_series(1, 7)`,
		`INSERT INTO reports (customer_id, consumer_id, case_id, type, status, period_from, period_to, result, created_at, run_after)
			SELECT customer_id, consumer_id, id, 'SHOPPING', 'SUCCEEDED', period_from, period_to,
				json_build_object('x', (SELECT string_agg(md5(n::text || id), '') FROM generate_series(1, CASE WHEN id % 7 = 3 THEN 90000 ELSE 30000 END) n)), now(), now() FROM cases`,
	} {
		if _, err := db.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	var all []int64
	for _, backward := range []bool{false, true} {
		var seen []int64
		for args := (page.Args{Size: 5, Backward: backward}); ; {
			p := must[*page.Of[report.Report]](t)(w.c.Reports(t.Context(), report.Filter{ConsumerIDs: []bank.Ref{anna.Ref()}}, args))
			bytes := 0
			for _, r := range p.Nodes {
				bytes += len(r.Result)
			}
			if len(p.Nodes) == 0 || len(p.Nodes) > 1 && bytes > 3<<20 {
				t.Fatalf("%d reports with %d bytes", len(p.Nodes), bytes)
			}
			nodes, more, at := p.Nodes, p.Info.HasNextPage, p.Nodes[len(p.Nodes)-1]
			if backward {
				nodes, more, at = slices.Clone(nodes), p.Info.HasPreviousPage, p.Nodes[0]
				slices.Reverse(nodes)
			}
			for _, r := range nodes {
				seen = append(seen, r.ID)
			}
			if !more {
				break
			}
			args.Cursor = &page.Cursor{Key: page.MomentKey(at.CreatedAt), ID: at.ID}
		}
		if backward {
			slices.Reverse(seen)
		}
		if len(seen) != 7 || all != nil && !slices.Equal(all, seen) {
			t.Errorf("%v, then %v", all, seen)
		}
		all = seen
	}
}

func size[T any](p *page.Of[T], err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return len(p.Nodes), nil
}

// TestRuleGoesOn: a rule that is applied to more than one call has time for is applied by the same call again, from where it
// was cut off.
func TestRuleGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	db := admin(t, w.url)
	const rows = 16_000
	if _, err := db.Exec(t.Context(), `INSERT INTO transactions (customer_id, consumer_id, account_id, base_type, amount, currency, booking_date, status, description, category_id, category_source, created_at, changed_at)
		SELECT $1, $2, $3, 'DEBIT', 1, 'EUR', '2026-01-01', 'POSTED', 'Hofladen', 200, 'KEYWORD', now(), now() FROM generate_series(1, $4::int)`, a.CustomerID, a.ConsumerID, a.ID, rows); err != nil {
		t.Fatal(err)
	}
	rule := category.Rule{Name: "farm", Text: "hofladen", Category: 202}
	done := func() int {
		return column[int](t, db, "SELECT count(*)::int FROM transactions WHERE category_rule = 'rule farm'")[0]
	}
	ctx, cut := context.WithCancel(t.Context())
	defer cut()
	over := make(chan error, 1)
	go func() {
		_, _, err := w.c.SaveCategoryRule(ctx, rule, true)
		over <- err
	}()
	for deadline := time.Now().Add(time.Minute); column[int](t, db, "SELECT count(*)::int FROM category_rules WHERE applied_id > 0")[0] == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	cut()
	if err := <-over; err == nil || done() >= rows {
		t.Skipf("it was not cut off: %d rows, %v", done(), err)
	}
	// One of the first page tells whether that is looked at again.
	column[int64](t, db, "UPDATE transactions SET category_id = 200, category_source = 'KEYWORD', category_rule = '' WHERE id = (SELECT min(id) FROM transactions) RETURNING id")
	left := rows - done() - 1
	if _, n, err := w.c.SaveCategoryRule(t.Context(), rule, true); n > left || n < left-2000 || done() != rows-1 || err != nil {
		t.Errorf("%d of %d that were left, %d are done, %v", n, left, done(), err)
	}
	if _, n, err := w.c.SaveCategoryRule(t.Context(), rule, true); n != 1 || done() != rows || err != nil {
		t.Errorf("from the beginning: %d, %d are done, %v", n, done(), err)
	}
	// Another rule of the name begins anew.
	rule.Category = 201
	if _, n, err := w.c.SaveCategoryRule(t.Context(), rule, true); n != rows || err != nil {
		t.Errorf("the new rule: %d, %v", n, err)
	}
}
