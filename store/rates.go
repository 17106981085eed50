package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
)

// SaveQuotes keeps exchange rates; known days are replaced. It returns how many rows are new or different.
func (s *Store) SaveQuotes(ctx context.Context, quotes []bank.Quote) (changed int, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		if _, err := tx.ExecContext(ctx, "CREATE TEMP TABLE quotes (currency text, day date, rate text, source text) ON COMMIT DROP"); err != nil {
			return err
		}
		if _, err := tx.pg.CopyFrom(ctx, pgx.Identifier{"quotes"}, []string{"currency", "day", "rate", "source"},
			pgx.CopyFromSlice(len(quotes), func(i int) ([]any, error) {
				q := quotes[i]
				return []any{string(q.Currency), q.Day.Time(), q.Rate.String(), q.Source}, nil
			})); err != nil {
			return err
		}
		n, err := tx.affected(ctx, `INSERT INTO rates AS r SELECT DISTINCT ON (currency, day) currency, day, rate::numeric, source FROM quotes ORDER BY currency, day
			ON CONFLICT (currency, day) DO UPDATE SET rate = excluded.rate, source = excluded.source WHERE r.rate <> excluded.rate`)
		if err != nil || n == 0 {
			return err
		}
		changed = n
		return tx.reconsider(ctx, 0)
	})
	return changed, err
}

// quotes loads the prices of currencies that a window needs: its days, and for each the last one before.
func (tx *Tx) quotes(ctx context.Context, currencies []bank.Currency, days bank.Period) (bank.Quotes, error) {
	var rows []bank.Quote
	err := tx.NewRaw(`SELECT r.currency, r.day, r.rate, r.source FROM unnest(?::text[]) AS c(currency)
		JOIN rates r ON r.currency = c.currency AND r.day <= ?
			AND r.day >= coalesce((SELECT max(day) FROM rates o WHERE o.currency = c.currency AND o.day <= ?), '1900-01-01')`,
		pgdialect.Array(currencies), days.To, days.From).Scan(ctx, &rows)
	return bank.NewQuotes(rows), err
}
