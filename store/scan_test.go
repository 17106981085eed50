package store_test

import (
	"cmp"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/store"
)

// TestScan: rows with everything filled, with nothing filled and with extremes are read as bun reads them, text by text.
func TestScan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	db := admin(t, w.url)
	for _, text := range []string{
		// The triggers would refuse months of such sums.
		`ALTER TABLE transactions DISABLE TRIGGER ALL`,
		`UPDATE accounts SET created_at = '2026-01-01', iban = 'DE1', balance = -12.30, balance_as_of = '2026-02-03 04:05:06.789012', credit_limit = 0.00, opened_on = '1999-12-31', data_source_id = 9223372036854775807`,
		`INSERT INTO accounts (customer_id, consumer_id, container, type, name, provider_name, status, currency, created_at, balance)
			SELECT customer_id, consumer_id, '', '', 'Ü" \', '', '', '', '1970-01-01', 9999999999999999999 FROM accounts`,
		`INSERT INTO consumers (customer_id, time_zone, currency, created_at, changed_at) SELECT customer_id, '', 'JPY', '0001-01-01', '9999-12-31 23:59:59.999999' FROM accounts LIMIT 1`,
		`INSERT INTO transactions (customer_id, consumer_id, account_id, base_type, amount, currency, booking_date, status, description, category_id, category_source, created_at, changed_at,
				external_id, value_date, counterparty_name, counterparty_iban, mcc, merchant_name, transfer_id, category_rule, category_confidence, bank_code, parts)
			SELECT customer_id, consumer_id, id, 'DEBIT', x.amount, 'EUR', x.day, 'POSTED', x.text, -1, 'NONE', '2026-01-01'::timestamptz + x.n * interval '1 second', now(),
				x.n, x.day, x.text, x.text, x.text, x.text, x.n, x.text, x.n, x.text, x.parts
			FROM accounts JOIN (VALUES
				(1, 0, '1900-01-01'::date, 'a', '[{"baseType": "DEBIT", "amount": {"amount": "1.50", "currency": "EUR"}}]'::jsonb),
				(2, 0.00, '2000-01-01', 'a', '[{"baseType": "DEBIT", "amount": {"amount": "1.50", "currency": "EUR"}}]'),
				(3, 12.5, '9999-12-31', '', '[]'),
				(4, 12.50, '1999-12-31', '', 'null'),
				(5, 12.500000, '2024-02-29', 'ä🙂', NULL),
				(6, 1e14, '2024-02-29', 'b', NULL),
				(7, 120000, '2024-02-29', 'b', NULL),
				(8, 100000000.01, '2024-02-29', 'c', NULL),
				(9, 0.0000000000000000001, '2024-02-29', 'c', NULL),
				(10, 9223372036854775807, '2024-02-29', 'c', NULL),
				(11, 9223372036854775808, '2024-02-29', 'c', NULL),
				(12, 999999999999999.9999, '2024-02-29', 'c', NULL),
				(13, 0.00012345, '2024-02-29', repeat('long', 3000), NULL),
				(14, 10000, '2024-02-29', 'c', NULL),
				(15, 92233720368547758.07, '2024-02-29', 'c', NULL),
				(16, 92233720368547758.08, '2024-02-29', 'c', NULL)) x(n, amount, day, text, parts) ON external_id IS NOT NULL`,
		`INSERT INTO transactions (customer_id, consumer_id, account_id, base_type, amount, currency, booking_date, status, description, category_id, category_source, created_at, changed_at)
			SELECT customer_id, consumer_id, id, 'CREDIT', 3, 'EUR', '2026-01-01', 'PENDING', '', 2147483647, '', '2027-01-01', now() FROM accounts WHERE external_id IS NOT NULL`,
		`INSERT INTO feed_entries (customer_id, consumer_id, insight, title, type, "trigger", subject, occurrence_from, occurrence_to, revision, window_from, window_to, settings, accounts, transaction_derived, created_at)
			SELECT customer_id, consumer_id, 'X' || n, 'x', 'AGGREGATE', 'SCHEDULE', 'user', '2026-01-01', '2026-01-31', n, '2025-10-01', '2025-12-31', settings, accounts, derived, '2026-01-01'::timestamptz + n * interval '1 microsecond'
			FROM consumers c JOIN accounts a USING (customer_id) JOIN (VALUES
				(1, '{"entityType": "USER", "entityId": "x", "threshold": [{"name": "a", "type": "PERCENT", "value": "12.50"}]}'::jsonb, '[]'::jsonb, NULL::jsonb),
				(2, '{}', '[{"name": "ä\" \u2028"}]', '{"count": 3, "creditTotal": {"amount": "1.00", "currency": "EUR"}, "rates": [{}]}'),
				(3, '{}', '[{"name": "ä\" \u2028"}]', '{"count": 3, "creditTotal": {"amount": "1.00", "currency": "EUR"}, "rates": [{}]}')) x(n, settings, accounts, derived) ON true
			WHERE c.id = a.consumer_id AND a.external_id IS NOT NULL`,
		`INSERT INTO cases (customer_id, consumer_id, data_source_ids, account_ids, period_from, period_to, created_at)
			SELECT customer_id, id, x.sources, x.accounts, '2026-01-01', x.day, '2026-01-01'::timestamptz + x.n * interval '1 second'
			FROM consumers JOIN (VALUES (1, '{}'::bigint[], '{7}'::bigint[], '2026-01-01'::date),
				(2, '{3,-4,9223372036854775807}', '{-9223372036854775808,0}', '9999-12-31')) x(n, sources, accounts, day) ON external_id IS NOT NULL`,
		`INSERT INTO reports (customer_id, consumer_id, case_id, type, status, period_from, period_to, limits, callback_url, callback_handle, result, created_at, finished_at, run_after)
			SELECT customer_id, consumer_id, id, 'T' || n, 'S', period_from, period_to, limits, url, url, result, '2026-01-01'::timestamptz + n * interval '1 second', at, now()
			FROM cases JOIN (VALUES (1, NULL::jsonb, NULL::text, NULL::json, NULL::timestamptz),
				(2, '[{"group": "FASHION", "monthlyAmount": {"amount": "1.50", "currency": "EUR"}}]', 'https://ä', '{"b": 1,   "a": "ä🙂"}', '2026-02-03 04:05:06.789012'),
				(3, '[]', '', '[]', now())) x(n, limits, url, result, at) ON data_source_ids = '{}'`,
	} {
		if _, err := db.Exec(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	equal(t, 2, must2(store.ScannedAccounts(t.Context(), w.c, "accounts")))
	equal(t, 2, must2(store.ScannedConsumers(t.Context(), w.c, "consumers")))
	equal(t, 17, must2(store.ScannedTransactions(t.Context(), w.c, "transactions")))
	equal(t, 3, must2(store.ScannedEntries(t.Context(), w.c, "feed_entries")))
	equal(t, 2, must2(store.ScannedCases(t.Context(), w.c, "cases")))
	equal(t, 3, must2(store.ScannedReports(t.Context(), w.c, "reports")))
	_ = a
	// What no program's value can hold is refused, never changed.
	for _, wrong := range []string{"amount = 'NaN'", "amount = 'Infinity'", "amount = 1e30", "amount = 0.00000000000000000001", "amount = 119999999999999998.82", "booking_date = 'infinity'", "created_at = '-infinity'", `parts = '{"a": 1}'`} {
		if _, err := db.Exec(t.Context(), "UPDATE transactions SET "+wrong+" WHERE category_id = 2147483647"); err != nil {
			t.Fatal(err)
		}
		if ours, _, err := store.ScannedTransactions(t.Context(), w.c, "transactions"); err == nil {
			t.Errorf("%s is read as %+v", wrong, ours[len(ours)-1])
		}
		if _, err := db.Exec(t.Context(), "UPDATE transactions SET amount = 3, booking_date = '2026-01-01', created_at = '2027-01-01', parts = NULL WHERE category_id = 2147483647"); err != nil {
			t.Fatal(err)
		}
	}
}

type scanned[T any] struct {
	ours, buns []T
	err        error
}

func must2[T any](ours, buns []T, err error) scanned[T] { return scanned[T]{ours, buns, err} }

// equal compares rows: as JSON, which shows the digits of an amount but not the place of a moment, and then whether what
// is missing is missing in both.
func equal[T any](t *testing.T, n int, s scanned[T]) {
	t.Helper()
	if s.err != nil || len(s.ours) != n || len(s.buns) != n {
		t.Fatalf("%d and %d rows, %v", len(s.ours), len(s.buns), s.err)
	}
	for i := range s.ours {
		a, errA := json.Marshal(inUTC(s.ours[i]))
		b, errB := json.Marshal(inUTC(s.buns[i]))
		if err := cmp.Or(errA, errB); err != nil || string(a) != string(b) {
			t.Errorf("row %d: %s, and bun has %s, %v", i, a, b, err)
		}
		if !reflect.DeepEqual(inUTC(s.ours[i]), inUTC(s.buns[i])) {
			t.Errorf("row %d: %#v, and bun has %#v", i, s.ours[i], s.buns[i])
		}
	}
}

// inUTC is a row whose moments are all in one place.
func inUTC[T any](row T) T {
	v := reflect.ValueOf(&row).Elem()
	for i := range v.NumField() {
		switch x := v.Field(i).Addr().Interface().(type) {
		case *time.Time:
			*x = x.UTC()
		case **time.Time:
			if *x != nil {
				there := (*x).UTC()
				*x = &there
			}
		}
	}
	return row
}
