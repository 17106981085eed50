package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"insightgraph/bank"
	"insightgraph/category"
)

// zone is where all consumers live.
const zone = "Europe/Berlin"

// fill makes a customer with consumers, three accounts each, and transactions over the last twelve complete months.
// Rows come in the order of time with the accounts scattered, as daily deliveries leave them: the worst case for reading
// one account. Two in a hundred consumers earn nothing. The triggers keep the totals; foreign keys are not checked,
// since every row is made from one that is there.
func (d *database) fill(ctx context.Context, consumers, transactions int) (customerID int64, err error) {
	start := time.Now()
	c, err := d.store.CreateCustomer(ctx, bank.Customer{Name: "Bench", ClientID: "bench", TimeZone: zone, Currency: "EUR"}, []byte("none"))
	if err != nil {
		return 0, err
	}
	if _, err := d.people(ctx, c.ID, "base", consumers); err != nil {
		return 0, err
	}
	if err := d.do(ctx,
		`CREATE TEMP TABLE numbered AS SELECT row_number() OVER (ORDER BY id) - 1 AS n, consumer_id, id FROM accounts`,
		`CREATE UNIQUE INDEX ON numbered (n)`, `ANALYZE numbered`,
		`ALTER TABLE transactions DISABLE TRIGGER ALL`, `ALTER TABLE account_months DISABLE TRIGGER ALL`, `ALTER TABLE category_months DISABLE TRIGGER ALL`,
		`ALTER TABLE transactions ENABLE TRIGGER transactions_inserted`); err != nil {
		return 0, err
	}
	var categories []int
	for _, one := range category.Tree() {
		categories = append(categories, one.ID)
	}
	for month := 12; month >= 1; month-- {
		say("  %d transactions: %d of 12 months", transactions, 13-month)
		if _, err := d.admin.Exec(ctx, `
			WITH m AS (SELECT date_trunc('month', now())::date - make_interval(months => $2) AS first),
			n AS (SELECT n, m.first::date + (n::float8 / $3::int * extract(day FROM m.first + interval '1 month' - interval '1 day'))::int AS day
				FROM m, generate_series(0, $3::int - 1) n)
			INSERT INTO transactions (customer_id, consumer_id, account_id, external_id, base_type, amount, currency, booking_date, status, description,
				counterparty_name, category_id, category_source, created_at, changed_at)
			SELECT $1, a.consumer_id, a.id, 'base-' || $2::int || '-' || n.n, CASE WHEN random() < 0.2 AND a.consumer_id % 50 > 0 THEN 'CREDIT' ELSE 'DEBIT' END,
				round((1 + 400 * random() * random())::numeric, 2), 'EUR', least(n.day, (m.first + interval '1 month' - interval '1 day')::date), 'POSTED',
				'Card payment ' || n.n || ' at shop ' || n.n % 997, 'Shop ' || n.n % 997, ($4::int[])[1 + n.n % cardinality($4::int[])], 'KEYWORD', now(), now()
			FROM n CROSS JOIN m JOIN numbered a ON a.n = n.n::bigint * 7919 % $5 ORDER BY n.n`,
			c.ID, month, transactions/12, categories, 3*consumers); err != nil {
			return 0, fmt.Errorf("make transactions: %w", err)
		}
	}
	if err := d.do(ctx, `ALTER TABLE transactions ENABLE TRIGGER ALL`, `ALTER TABLE account_months ENABLE TRIGGER ALL`, `ALTER TABLE category_months ENABLE TRIGGER ALL`,
		`DROP TABLE numbered`, `VACUUM ANALYZE`, `CHECKPOINT`); err != nil {
		return 0, err
	}
	wrong, err := d.store.CheckTotals(ctx)
	if err == nil && wrong > 0 {
		err = errors.New("the monthly totals are wrong")
	}
	say("  filled in %.0f s, totals checked", time.Since(start).Seconds())
	return c.ID, err
}

// account is where rows go.
type account struct {
	ref        bank.Ref
	externalID string
}

// people makes consumers with two bank accounts and a card each, and returns the accounts.
func (d *database) people(ctx context.Context, customerID int64, name string, n int) (accounts []account, err error) {
	if _, err := d.admin.Exec(ctx, `INSERT INTO consumers (customer_id, external_id, time_zone, currency, created_at, changed_at)
		SELECT $1, $2::text || '-' || n, $4, 'EUR', now() - interval '2 days', now() - interval '2 days' FROM generate_series(1, $3::int) n`,
		customerID, name, n, zone); err != nil {
		return nil, fmt.Errorf("make consumers: %w", err)
	}
	rows, err := d.admin.Query(ctx, `INSERT INTO accounts (customer_id, consumer_id, external_id, container, type, name, provider_name, status, currency, created_at)
		SELECT c.customer_id, c.id, c.external_id || '-' || k, CASE k WHEN 3 THEN 'CARD' ELSE 'BANK' END, (ARRAY['CHECKING', 'SAVINGS', 'CREDIT'])[k],
			(ARRAY['Current account', 'Savings', 'Card'])[k], 'Example Bank', 'ACTIVE', 'EUR', now()
		FROM consumers c CROSS JOIN generate_series(1, 3) k WHERE c.customer_id = $1 AND c.external_id LIKE $2::text || '-%' ORDER BY c.id, k
		RETURNING consumer_id, id, external_id`, customerID, name)
	if err != nil {
		return nil, fmt.Errorf("make accounts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		a := account{ref: bank.Ref{Kind: bank.KindAccount}}
		if err := rows.Scan(&a.ref.ConsumerID, &a.ref.ID, &a.externalID); err != nil {
			return nil, err
		}
		accounts = append(accounts, a)
	}
	return accounts, rows.Err()
}
