package store

import (
	"bufio"
	"context"
	"io"

	"github.com/jackc/pgx/v5"

	"insightgraph/bank"
	"insightgraph/fault"
)

// exported are the tables that hold things of consumers, as the database knows them, so that none is forgotten; tokens are
// nothing but secrets. Hashes and sealed texts, all bytea, are the server's and not about the consumer.
const exported = `SELECT c.relname::text, coalesce(array_agg(a.attname::text) FILTER (WHERE a.atttypid = 'bytea'::regtype OR a.attname = 'customer_id'), '{}'),
		bool_or(a.attname = 'consumer_id')
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND has_table_privilege(c.oid, 'SELECT')
	GROUP BY c.relname HAVING c.relname = 'consumers' OR bool_or(a.attname = 'consumer_id') ORDER BY c.relname <> 'consumers', 1`

// Export writes all that is stored about a consumer, as it is at one moment: a JSON object a line, with a table's name
// and a row of it. w should be quick, since a transaction is open meanwhile. After an error w has a part of it.
func (t Tenant) Export(ctx context.Context, ref bank.Ref, w io.Writer) error {
	if _, err := t.Consumer(ctx, ref); err != nil {
		return err
	}
	// Row level security leaves only the one consumer's rows, whoever asks.
	one := t.s.Consumer(t.customerID, ref.ID)
	begin := "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT set_config('statement_timeout', '600000', true), " + one.sees()
	to := &written{Writer: w}
	return t.s.in(ctx, 0, begin, func(tx *Tx) error {
		if to.some { // by a try before, whose connection was lost: this one would come behind it
			return fault.New(fault.Unavailable, "", "The export was cut off; try again")
		}
		type table struct {
			name   string
			hidden []string
			owned  bool
		}
		rows, err := tx.pg.Query(ctx, exported)
		if err != nil {
			return err
		}
		tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x table, err error) {
			return x, row.Scan(&x.name, &x.hidden, &x.owned)
		})
		if err != nil {
			return err
		}
		out := bufio.NewWriterSize(to, 64<<10)
		for _, x := range tables {
			key := "consumer_id"
			if !x.owned {
				key = "id"
			}
			if err := lines(ctx, tx, out, "SELECT jsonb_build_object('table', $3::text, 'row', to_jsonb(x) - $4::text[]) FROM "+pgx.Identifier{x.name}.Sanitize()+
				" x WHERE customer_id = $1 AND "+key+" = $2 ORDER BY to_jsonb(x)", t.customerID, ref.ID, x.name, x.hidden); err != nil {
				return err
			}
		}
		// A session is nothing that one consumer may see, but its flows are the consumer's.
		if _, err := tx.pg.Exec(ctx, "SELECT set_config('app.consumer', '', true)"); err != nil {
			return err
		}
		if err := lines(ctx, tx, out, `SELECT jsonb_build_object('table', 'sessions', 'row', to_jsonb(x) - 'customer_id') FROM sessions x
			WHERE customer_id = $1 AND id IN (SELECT session_id FROM flows WHERE customer_id = $1 AND consumer_id = $2) ORDER BY id`, t.customerID, ref.ID); err != nil {
			return err
		}
		// The log of changes is the customer's, but what it tells of the consumer is about the consumer. Its numbers count everybody's.
		if err := lines(ctx, tx, out, `SELECT jsonb_build_object('table', 'events', 'row', to_jsonb(x) - '{customer_id,number,hash}'::text[]) FROM events x
			WHERE customer_id = $1 AND consumer_id = $2 ORDER BY at, id`, t.customerID, ref.ID); err != nil {
			return err
		}
		return out.Flush()
	})
}

// written is a writer that knows whether something was.
type written struct {
	io.Writer
	some bool
}

func (w *written) Write(b []byte) (int, error) {
	w.some = true
	return w.Writer.Write(b)
}

// lines writes the one column of each row.
func lines(ctx context.Context, tx *Tx, w *bufio.Writer, query string, args ...any) error {
	rows, err := tx.pg.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if _, err := w.Write(rows.RawValues()[0]); err != nil {
			return err
		}
		if err := w.WriteByte('\n'); err != nil {
			return err
		}
	}
	return rows.Err()
}
