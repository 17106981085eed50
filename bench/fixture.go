package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/govalues/decimal"
	"github.com/jackc/pgx/v5"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
)

// zone is where all consumers live.
const zone = "Europe/Berlin"

// filled is a database that fill filled, made only where it is not there yet.
func (b *bench) filled(ctx context.Context, name string, consumers, transactions int) (d *database, customerID int64, err error) {
	server, err := pgx.Connect(ctx, b.servers.DatabaseURL)
	if err != nil {
		return nil, 0, err
	}
	defer server.Close(context.WithoutCancel(ctx))
	want := fmt.Sprintf("%d consumers, %d transactions up to %s", consumers, transactions, time.Now().Format("2006-01"))
	var mark string
	err = server.QueryRow(ctx, "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1", name).Scan(&mark)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, 0, err
	}
	if mark == want {
		if d, err = b.open(ctx, name); err != nil {
			return nil, 0, err
		}
		return d, customerID, d.admin.QueryRow(ctx, "SELECT id FROM customers WHERE client_id = 'bench'").Scan(&customerID)
	}
	if d, err = b.database(ctx, name); err != nil {
		return nil, 0, err
	}
	if customerID, err = d.fill(ctx, consumers, transactions); err == nil {
		err = d.do(ctx, fmt.Sprintf("COMMENT ON DATABASE %s IS '%s'", name, want))
	}
	return d, customerID, err
}

// fill makes a customer with consumers, three accounts each, and transactions over the last twelve complete months.
// Two in a hundred consumers earn nothing.
func (d *database) fill(ctx context.Context, consumers, transactions int) (customerID int64, err error) {
	c, err := d.store.CreateCustomer(ctx, bank.Customer{Name: "Bench", ClientID: "bench", TimeZone: zone, Currency: "EUR"}, []byte("none"))
	if err != nil {
		return 0, err
	}
	if _, err := d.people(ctx, c.ID, "base", consumers); err != nil {
		return 0, err
	}
	return c.ID, d.grow(ctx, c.ID, 0, transactions)
}

// grow adds transactions to the consumers that fill made: from as many as there are to as many as there shall be. Rows
// come in the order of time with the accounts scattered, as daily deliveries leave them: the worst case for reading one
// account. The totals are made at the end; foreign keys are not checked, since every row is made from one that is there.
func (d *database) grow(ctx context.Context, customerID int64, from, to int) error {
	start := time.Now()
	if err := d.do(ctx,
		`CREATE TEMP TABLE numbered AS SELECT row_number() OVER (ORDER BY id) - 1 AS n, consumer_id, id FROM accounts WHERE external_id LIKE 'base-%'`,
		`CREATE UNIQUE INDEX ON numbered (n)`, `ANALYZE numbered`, `ALTER TABLE transactions DISABLE TRIGGER ALL`,
		// Indexes are made at the end, in a fraction of the time. They stay as they were declared, keys among them.
		`UPDATE pg_index SET indisready = false, indisvalid = false WHERE indrelid = 'transactions'::regclass`); err != nil {
		return err
	}
	var categories []int
	for i, one := range category.Tree() {
		if i%5 == 0 { // people spend on a few things, again and again
			categories = append(categories, one.ID)
		}
	}
	for month := 12; month >= 1; month-- {
		say("  %d transactions: %d of 12 months, %.0f s", to-from, 13-month, time.Since(start).Seconds())
		if _, err := d.admin.Exec(ctx, `
			WITH m AS (SELECT date_trunc('month', now())::date - make_interval(months => $2) AS first),
			n AS (SELECT n, m.first::date + ((n - $5::int)::float8 / ($3::int - $5::int) * extract(day FROM m.first + interval '1 month' - interval '1 day'))::int AS day
				FROM m, generate_series($5::int, $3::int - 1) n)
			INSERT INTO transactions (customer_id, consumer_id, account_id, external_id, base_type, amount, currency, booking_date, status, description,
				counterparty_name, merchant_name, category_id, category_source, created_at, changed_at)
			SELECT $1, a.consumer_id, a.id, 'base-' || $2::int || '-' || n.n, CASE WHEN random() < 0.2 AND a.consumer_id % 50 > 0 THEN 'CREDIT' ELSE 'DEBIT' END,
				round((1 + 400 * random() * random())::numeric, 2), 'EUR', least(n.day, (m.first + interval '1 month' - interval '1 day')::date), 'POSTED',
				'Card payment ' || n.n || ' at shop ' || n.n % 997, 'Shop ' || n.n % 997, CASE WHEN n.n % 997 % 5 > 0 THEN 'Shop ' || n.n % 997 END,
				($4::int[])[1 + (hashint4(n.n)::bigint & 1048575) % cardinality($4::int[])], 'KEYWORD', now(), now()
			FROM n CROSS JOIN m JOIN numbered a ON a.n = n.n::bigint * 7919 % (SELECT count(*) FROM numbered) ORDER BY n.n`,
			customerID, month, to/12, categories, from/12); err != nil {
			return fmt.Errorf("make transactions: %w", err)
		}
	}
	say("  indexes and totals, %.0f s", time.Since(start).Seconds())
	if err := d.do(ctx, `UPDATE pg_index SET indisready = true, indisvalid = true WHERE indrelid = 'transactions'::regclass`, `SET maintenance_work_mem = '1GB'`,
		`REINDEX TABLE transactions`, `ALTER TABLE transactions ENABLE TRIGGER ALL`, `DROP TABLE numbered`, `ANALYZE transactions`); err != nil {
		return err
	}
	if _, err := d.store.RebuildTotals(ctx); err != nil {
		return err
	}
	if err := d.do(ctx, `VACUUM ANALYZE`, `CHECKPOINT`); err != nil {
		return err
	}
	say("  filled in %.0f s", time.Since(start).Seconds())
	return nil
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

// entriesEach is how many feed entries a consumer has; one in ten has enough for a long page.
const entriesEach, entriesMany = 12, 60

// feed makes feed entries as scheduled runs of many months would have, where they are not there.
func (d *database) feed(ctx context.Context, customerID int64) error {
	var consumers, there int
	if err := d.admin.QueryRow(ctx, "SELECT (SELECT count(*) FROM consumers WHERE external_id LIKE 'base-%'), (SELECT count(*) FROM feed_entries WHERE revision = 0)").Scan(&consumers, &there); err != nil {
		return err
	}
	many := (consumers + 9) / 10
	if there == many*entriesMany+(consumers-many)*entriesEach {
		return nil
	}
	say("  feed entries")
	if err := d.do(ctx, "TRUNCATE feed_entries CASCADE"); err != nil {
		return err
	}
	definition, ok := catalogue.ByName(insightName)
	if !ok {
		return fmt.Errorf("there is no insight %s", insightName)
	}
	settings, err := json.Marshal(insight.Effective(definition, insight.Settings{}, insight.Settings{}, definition.Entities[0], nil))
	if err != nil {
		return err
	}
	var accounts []bank.Account
	rows, err := d.admin.Query(ctx, "SELECT consumer_id, id, provider_name, name, status, type, container FROM accounts WHERE customer_id = $1 AND external_id LIKE 'base-%' ORDER BY consumer_id, id", customerID)
	if err != nil {
		return err
	}
	for rows.Next() {
		var a bank.Account
		if err := rows.Scan(&a.ConsumerID, &a.ID, &a.ProviderName, &a.Name, &a.Status, &a.Type, &a.Container); err != nil {
			return err
		}
		accounts = append(accounts, a)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	this := bank.DateOf(time.Now(), time.UTC).Month()
	entry := func(of []bank.Account, k int) ([]any, error) {
		held := make([]insight.EntryAccount, len(of))
		for i, a := range of {
			held[i] = insight.EntryAccount{ID: a.Ref(), ProviderName: a.ProviderName, Name: a.Name, Status: a.Status, Type: a.Type, Container: a.Container}
		}
		money := func(n int64) bank.Money { return bank.Money{Amount: decimal.MustNew(n, 2), Currency: "EUR"} }
		credit, debit := money(100_000+rand.Int64N(900_000)), money(rand.Int64N(900_000))
		derived := insight.TransactionDerived{CreditTotal: credit, DebitTotal: debit, SpentPercent: bank.Percent(debit.Amount, credit.Amount),
			Count: rand.IntN(200), Excluded: insight.Excluded{CreditTotal: money(0), DebitTotal: money(0)}}
		heldText, err := json.Marshal(held)
		if err != nil {
			return nil, err
		}
		derivedText, err := json.Marshal(derived)
		month := this.AddMonths(-k)
		return []any{customerID, of[0].ConsumerID, definition.Name, definition.Title, string(definition.Type), string(definition.Trigger), "user",
			month.Time(), (month.AddMonths(1) - 1).Time(), int64(0), month.AddMonths(-3).Time(), (month - 1).Time(), string(settings), string(heldText), string(derivedText),
			month.Time().Add(6*time.Hour + time.Duration(of[0].ID)*time.Millisecond)}, err
	}
	consumer, k := 0, 0
	_, err = d.admin.CopyFrom(ctx, pgx.Identifier{"feed_entries"}, []string{"customer_id", "consumer_id", "insight", "title", "type", "trigger", "subject",
		"occurrence_from", "occurrence_to", "revision", "window_from", "window_to", "settings", "accounts", "transaction_derived", "created_at"},
		pgx.CopyFromFunc(func() ([]any, error) {
			if consumer*3 >= len(accounts) {
				return nil, nil
			}
			row, err := entry(accounts[3*consumer:3*consumer+3], k)
			if k++; k == entriesEach && consumer%10 > 0 || k == entriesMany {
				consumer, k = consumer+1, 0
			}
			return row, err
		}))
	if err != nil {
		return fmt.Errorf("make feed entries: %w", err)
	}
	return d.do(ctx, "VACUUM ANALYZE feed_entries", "CHECKPOINT")
}
