package store

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"insightgraph/telemetry"
)

// tracer counts statements on their way through the driver, and makes spans of them where traces are made.
type tracer struct{ n atomic.Int64 }

func (t *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	t.n.Add(1)
	if !telemetry.Tracing() {
		return ctx
	}
	return telemetry.Statement(ctx, whatItDoes(d.SQL), 1)
}

func (t *tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	telemetry.EndStatement(ctx, sqlState(d.Err))
}

// together counts statements that are sent together.
func (t *tracer) together(ctx context.Context, queries []query) context.Context {
	t.n.Add(int64(len(queries)))
	if !telemetry.Tracing() {
		return ctx
	}
	var all []string
	for _, q := range queries {
		if name := whatItDoes(string(q.text)); name != "SELECT" { // that is about settings
			all = append(all, name)
		}
	}
	return telemetry.Statement(ctx, strings.Join(all, ", "), len(queries))
}

// TraceBatchStart is together for what the driver sends.
func (t *tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchStartData) context.Context {
	queries := make([]query, b.Batch.Len())
	for i, q := range b.Batch.QueuedQueries {
		queries[i] = plain(q.SQL)
	}
	return t.together(ctx, queries)
}

func (t *tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (t *tracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchEndData) {
	telemetry.EndStatement(ctx, sqlState(d.Err))
}

// sqlState is the code of an error, whose text can hold values; empty where there is none.
func sqlState(err error) string {
	if err == nil {
		return ""
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return "_OTHER"
}

var word = regexp.MustCompile(`[a-z_]+`)

// tables are the names of ours, which are all that a span may say of a statement: its text can have values in it.
var tables = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	files, _ := migrationFiles.ReadDir("migrations")
	for _, f := range files {
		text, _ := migrationFiles.ReadFile("migrations/" + f.Name())
		for _, m := range regexp.MustCompile(`CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)`).FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
	}
	return names
})

// whatItDoes says what a statement does: its first word, and the first of our tables that it names.
func whatItDoes(sql string) string {
	sql = strings.TrimLeft(sql[:min(len(sql), 4096)], " \n\t(")
	kind := ""
	for _, k := range []string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK", "COPY", "CREATE", "SET", "LOCK", "MERGE"} {
		if len(sql) >= len(k) && strings.EqualFold(sql[:len(k)], k) {
			kind = k
			break
		}
	}
	if kind == "" {
		return "SQL"
	}
	for _, w := range word.FindAllString(sql, 60) {
		if tables()[w] {
			return kind + " " + w
		}
	}
	return kind
}
