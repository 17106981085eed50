package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/statement"
)

// Imported counts what became of the rows of an import. Unchanged and Updated are transactions; Rejected is all kinds.
type Imported struct {
	Consumers    int `json:"consumers"`
	Accounts     int `json:"accounts"`
	Transactions int `json:"transactions"`
	Updated      int `json:"updated"`
	Unchanged    int `json:"unchanged"`
	Rejected     int `json:"rejected"`
}

// ImportSize is how many rows go into one transaction of an import.
const ImportSize = 10_000

// ImportConsumers makes consumers of a customer; known external ids are updated where a line says something else.
func (s *Store) ImportConsumers(ctx context.Context, customerID int64, rows []statement.ConsumerRow) (made int, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		tx.imported(customerID, "importConsumers")
		if err := tx.stage(ctx, "external_id text, time_zone text, currency text", []string{"external_id", "time_zone", "currency"}, len(rows), func(i int) []any {
			return []any{rows[i].ExternalID, rows[i].TimeZone, string(rows[i].Currency)}
		}); err != nil {
			return err
		}
		// The new ones by name, and then all by number, as everybody locks them.
		if made, err = tx.affected(ctx, `INSERT INTO consumers (customer_id, external_id, time_zone, currency, created_at, changed_at)
			SELECT DISTINCT ON (s.external_id) m.id, s.external_id, coalesce(nullif(s.time_zone, ''), m.time_zone), coalesce(nullif(s.currency, ''), m.currency), ?0::timestamptz, ?0::timestamptz
			FROM stage s CROSS JOIN customers m WHERE m.id = ?1 ORDER BY s.external_id, s.n DESC ON CONFLICT (customer_id, external_id) DO NOTHING`, tx.now, customerID); err != nil {
			return err
		}
		if err := tx.lockStaged(ctx, customerID, "external_id"); err != nil {
			return err
		}
		// What a line leaves out stays as it is.
		_, err := tx.ExecContext(ctx, `UPDATE consumers c SET time_zone = coalesce(s.time_zone, c.time_zone), currency = coalesce(s.currency, c.currency), changed_at = `+later("?0", "c.changed_at")+`
			FROM (SELECT DISTINCT ON (s.external_id) s.external_id, nullif(s.time_zone, '') AS time_zone, nullif(s.currency, '') AS currency FROM stage s ORDER BY s.external_id, s.n DESC) s
			WHERE c.customer_id = (SELECT ?1::bigint) AND c.external_id = s.external_id
				AND (c.time_zone, c.currency) <> (coalesce(s.time_zone, c.time_zone), coalesce(s.currency, c.currency))`, tx.now, customerID)
		return err
	})
	return made, err
}

// ImportAccounts makes accounts, and consumers that no line named; known ones are updated. Lines that cannot be stored
// are named.
func (s *Store) ImportAccounts(ctx context.Context, customerID int64, rows []statement.AccountRow) (made int, rejected []statement.Rejected, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		tx.imported(customerID, "importAccounts")
		rejected = nil
		if err := tx.stage(ctx, `line int, consumer_external_id text, external_id text, container text, type text, name text, provider_name text, status text,
				currency text, iban text, balance text, balance_as_of timestamptz, credit_limit text, opened_on text`,
			[]string{"line", "consumer_external_id", "external_id", "container", "type", "name", "provider_name", "status", "currency", "iban", "balance", "balance_as_of", "credit_limit", "opened_on"},
			len(rows), func(i int) []any {
				a := rows[i].Account
				given := func(s string, leftOut bool) any {
					if leftOut {
						return nil
					}
					return s
				}
				return []any{rows[i].Line, rows[i].ConsumerExternalID, a.ExternalID, string(a.Container), given(a.Type, rows[i].NoType), a.Name,
					given(a.ProviderName, a.ProviderName == ""), given(string(a.Status), rows[i].NoStatus), string(a.Currency), a.IBAN, text(a.Balance), a.BalanceAsOf, text(a.CreditLimit), text(a.OpenedOn)}
			}); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO consumers (customer_id, external_id, time_zone, currency, created_at, changed_at)
			SELECT DISTINCT m.id, s.consumer_external_id, m.time_zone, m.currency, ?0::timestamptz, ?0::timestamptz FROM stage s CROSS JOIN customers m WHERE m.id = ?1
			ORDER BY 2 ON CONFLICT (customer_id, external_id) DO NOTHING`, tx.now, customerID); err != nil {
			return err
		}
		if err := tx.lockStaged(ctx, customerID, "consumer_external_id"); err != nil {
			return err
		}
		var bad []int
		if err := tx.NewRaw(`DELETE FROM stage s USING consumers c JOIN accounts a ON a.customer_id = c.customer_id AND a.consumer_id = c.id
			WHERE c.customer_id = (SELECT ?::bigint) AND c.external_id = s.consumer_external_id AND a.external_id = s.external_id AND a.currency <> s.currency
				AND EXISTS (SELECT 1 FROM transactions t WHERE (t.customer_id, t.consumer_id, t.account_id) = (a.customer_id, a.consumer_id, a.id))
			RETURNING s.line`, customerID).Scan(ctx, &bad); err != nil {
			return err
		}
		for _, line := range bad {
			rejected = append(rejected, statement.Rejected{File: "accounts", Line: line, Message: "The currency of an account with transactions cannot be changed"})
		}
		// What a line leaves out stays as it is.
		if _, err := tx.ExecContext(ctx, `UPDATE stage s SET type = coalesce(s.type, a.type), provider_name = coalesce(s.provider_name, a.provider_name), status = coalesce(s.status, a.status)
			FROM consumers c JOIN accounts a ON a.customer_id = c.customer_id AND a.consumer_id = c.id
			WHERE c.customer_id = (SELECT ?::bigint) AND c.external_id = s.consumer_external_id AND a.external_id = s.external_id
				AND (s.type IS NULL OR s.provider_name IS NULL OR s.status IS NULL)`, customerID); err != nil {
			return err
		}
		var stored []struct {
			ConsumerID int64
			Made       bool
		}
		if err := tx.NewRaw(`INSERT INTO accounts AS a (customer_id, consumer_id, external_id, container, type, name, provider_name, status, currency, iban,
				balance, balance_as_of, credit_limit, opened_on, created_at)
			SELECT DISTINCT ON (c.id, s.external_id) c.customer_id, c.id, s.external_id, s.container, coalesce(s.type, 'OTHER'), s.name, coalesce(s.provider_name, ''),
				coalesce(s.status, 'ACTIVE'), s.currency, s.iban, s.balance::numeric, s.balance_as_of, s.credit_limit::numeric, s.opened_on::date, ?0::timestamptz
			FROM stage s JOIN consumers c ON c.customer_id = (SELECT ?1::bigint) AND c.external_id = s.consumer_external_id ORDER BY c.id, s.external_id, s.n DESC
			ON CONFLICT (customer_id, consumer_id, external_id) DO UPDATE SET container = excluded.container, type = excluded.type, name = excluded.name,
				provider_name = excluded.provider_name, status = excluded.status, currency = excluded.currency, iban = coalesce(excluded.iban, a.iban),
				balance = coalesce(excluded.balance, a.balance), balance_as_of = coalesce(excluded.balance_as_of, a.balance_as_of),
				credit_limit = coalesce(excluded.credit_limit, a.credit_limit), opened_on = coalesce(excluded.opened_on, a.opened_on)
			WHERE (a.container, a.type, a.name, a.provider_name, a.status, a.currency, a.iban, a.balance, a.balance_as_of, a.credit_limit, a.opened_on)
				IS DISTINCT FROM (excluded.container, excluded.type, excluded.name, excluded.provider_name, excluded.status, excluded.currency,
				coalesce(excluded.iban, a.iban), coalesce(excluded.balance, a.balance), coalesce(excluded.balance_as_of, a.balance_as_of),
				coalesce(excluded.credit_limit, a.credit_limit), coalesce(excluded.opened_on, a.opened_on))
			RETURNING consumer_id, xmax = 0 AS made`, tx.now, customerID).Scan(ctx, &stored); err != nil {
			return err
		}
		made = 0
		var changed, updated []int64
		for _, one := range stored {
			changed = append(changed, one.ConsumerID)
			if one.Made {
				made++
			} else {
				updated = append(updated, one.ConsumerID)
			}
		}
		if err := tx.touch(ctx, customerID, unique(changed)); err != nil {
			return err
		}
		return tx.matchTransfers(ctx, customerID, unique(updated), nil) // another status, IBAN or name, other pairs
	})
	return made, rejected, err
}

// ImportTransactions puts transactions into accounts by the accounts' external ids, all in one transaction. Lines without
// an account, or in another currency than it, are named.
func (s *Store) ImportTransactions(ctx context.Context, customerID int64, rows []statement.TransactionRow) (r Imported, rejected []statement.Rejected, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		tx.imported(customerID, "importTransactions")
		r, rejected = Imported{}, nil
		named := make([]place, len(rows))
		for i := range rows {
			named[i] = place{rows[i].ConsumerExternalID, rows[i].AccountExternalID}
		}
		places, err := tx.places(ctx, customerID, named)
		if err != nil {
			return err
		}
		good, consumers, ibans := make([]bank.Transaction, 0, len(rows)), make([]int64, 0, len(rows)), make([]*string, 0, len(rows))
		for i := range rows {
			row := &rows[i]
			at := places[named[i]]
			reason := ""
			switch {
			case len(at) == 0:
				reason = "There is no account with this account_external_id"
			case len(at) > 1:
				reason = "Several consumers have an account with this account_external_id; add the column consumer_external_id"
			case at[0].Currency != row.Transaction.Currency:
				reason = "The currency differs from the account's"
			default:
				good, consumers, ibans = append(good, row.Transaction), append(consumers, at[0].ConsumerID), append(ibans, at[0].IBAN)
				good[len(good)-1].ConsumerID, good[len(good)-1].AccountID = at[0].ConsumerID, at[0].ID
				continue
			}
			rejected = append(rejected, statement.Rejected{File: "transactions", Line: row.Line, Message: reason})
		}
		consumers = unique(consumers)
		if err := tx.lockConsumers(ctx, customerID, consumers); err != nil {
			return err
		}
		k, err := tx.knowledge(ctx, customerID, consumers)
		if err != nil {
			return err
		}
		for i := range good {
			k.categorise(&good[i], good[i].ConsumerID, ibans[i])
		}
		p, err := tx.putTransactions(ctx, customerID, inOrder(good), nil)
		if err != nil {
			return err
		}
		r = Imported{Transactions: p.Created, Updated: p.Updated, Unchanged: len(good) - p.Created - p.Updated, Rejected: len(rejected)}
		if err := tx.touch(ctx, customerID, p.consumers); err != nil {
			return err
		}
		return tx.matchTransfers(ctx, customerID, p.consumers, &p.changed)
	})
	return r, rejected, err
}

// Owners tells whose lines are. What it has found it remembers, so that a file's accounts are looked up once.
type Owners struct {
	s          *Store
	customerID int64
	known      map[place]int64
}

// maxOwners is how many accounts are remembered.
const maxOwners = 200_000

// Owners tells whose the lines of a customer are.
func (s *Store) Owners(customerID int64) *Owners {
	return &Owners{s, customerID, map[place]int64{}}
}

// Of tells the consumer of each line, 0 for one that cannot be told. Lines of different consumers can be stored at once.
// Where they are stored they are looked up again, under locks.
func (o *Owners) Of(ctx context.Context, lines []statement.TransactionLine) ([]int64, error) {
	if len(o.known) > maxOwners {
		clear(o.known)
	}
	owners := make([]int64, len(lines))
	var news []int
	for i, line := range lines {
		owner, known := o.known[place{line.ConsumerExternalID, line.AccountExternalID}]
		if owners[i] = owner; !known {
			news = append(news, i)
		}
	}
	if len(news) == 0 {
		return owners, nil
	}
	err := o.s.system(ctx, func(tx *Tx) error {
		named := make([]place, len(news))
		for n, i := range news {
			named[n] = place{strings.Clone(lines[i].ConsumerExternalID), strings.Clone(lines[i].AccountExternalID)} // not with the whole line
		}
		places, err := tx.places(ctx, o.customerID, named)
		for n, i := range news {
			owners[i] = 0
			if at := places[named[n]]; len(at) == 1 {
				owners[i] = at[0].ConsumerID
			}
			o.known[named[n]] = owners[i]
		}
		return err
	})
	return owners, err
}

// place is how a line names its account; without the consumer it is any consumer's of that name.
type place struct{ consumer, account string }

// places finds the accounts that lines name; of several, two.
func (tx *Tx) places(ctx context.Context, customerID int64, named []place) (map[place][]bank.Account, error) {
	seen := map[place]bool{}
	var consumers, accounts []string
	for _, p := range named {
		if !seen[p] {
			seen[p] = true
			consumers, accounts = append(consumers, p.consumer), append(accounts, p.account)
		}
	}
	var found []struct {
		Owner, Named string
		bank.Account `bun:",extend"`
	}
	err := tx.NewRaw(`WITH u AS (SELECT * FROM unnest(?1::text[], ?2::text[]) AS u(owner, named))
		SELECT u.owner, u.named, a.consumer_id, a.id, a.currency, a.iban FROM u JOIN consumers c ON c.customer_id = (SELECT ?0::bigint) AND c.external_id = u.owner
			JOIN accounts a ON a.customer_id = (SELECT ?0::bigint) AND a.consumer_id = c.id AND a.external_id = u.named WHERE u.owner <> ''
		UNION ALL SELECT u.owner, u.named, a.consumer_id, a.id, a.currency, a.iban FROM u CROSS JOIN LATERAL
			(SELECT * FROM accounts WHERE customer_id = (SELECT ?0::bigint) AND external_id = u.named LIMIT 2) a WHERE u.owner = ''`,
		customerID, pgdialect.Array(consumers), pgdialect.Array(accounts)).Scan(ctx, &found)
	places := make(map[place][]bank.Account, len(found))
	for _, f := range found {
		p := place{f.Owner, f.Named}
		places[p] = append(places[p], f.Account)
	}
	return places, err
}

// inOrder sorts rows by their key; of two for one external id the later one counts. Places are sorted instead of rows,
// which are large.
func inOrder(rows []bank.Transaction) []bank.Transaction {
	at := make([]int, len(rows))
	for i := range at {
		at[i] = i
	}
	compare := func(i, j int) int {
		a, b := &rows[i], &rows[j]
		return cmp.Or(cmp.Compare(a.ConsumerID, b.ConsumerID), cmp.Compare(a.AccountID, b.AccountID), strings.Compare(*a.ExternalID, *b.ExternalID))
	}
	slices.SortFunc(at, func(i, j int) int { return cmp.Or(compare(i, j), j-i) })
	at = slices.CompactFunc(at, func(i, j int) bool { return compare(i, j) == 0 })
	sorted := make([]bank.Transaction, len(at))
	for n, i := range at {
		sorted[n] = rows[i]
	}
	return sorted
}

// stage copies rows into a table of this transaction; n is their order.
func (tx *Tx) stage(ctx context.Context, columns string, names []string, n int, row func(i int) []any) error {
	if _, err := tx.ExecContext(ctx, "CREATE TEMP TABLE stage (n int, "+columns+") ON COMMIT DROP"); err != nil {
		return err
	}
	copied, err := tx.pg.CopyFrom(ctx, pgx.Identifier{"stage"}, append([]string{"n"}, names...),
		pgx.CopyFromSlice(n, func(i int) ([]any, error) { return append([]any{i}, row(i)...), nil }))
	if err == nil && int(copied) != n {
		err = errors.New("copy rows: not all arrived")
	}
	return err
}

// lockStaged waits for and holds the locks of the consumers that a column of the stage names.
func (tx *Tx) lockStaged(ctx context.Context, customerID int64, column string) error {
	_, err := tx.ExecContext(ctx, "SELECT 1 FROM consumers WHERE customer_id = (SELECT ?::bigint) AND external_id IN (SELECT ? FROM stage) ORDER BY id FOR NO KEY UPDATE", customerID, bun.Ident(column))
	return err
}

// text is a value's text, nil for none.
func text[T interface{ String() string }](v *T) *string {
	if v == nil {
		return nil
	}
	s := (*v).String()
	return &s
}
