package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/page"
)

// This file is the limit of the reading measures: a server written by hand for four questions and nothing else. It gives
// the bytes that ours gives, from the fewest statements, prepared, with plans made once, in one round trip. It knows no
// schema, checks no token and goes around row level security.

const handRow = "t.id, t.booking_date, t.amount, t.currency, t.base_type, t.description, t.category_id, t.merchant_name"

// handStatements are what it asks. Numbers and moments come in binary form, all else as text.
var handStatements = map[string]string{
	"consumer": `SELECT external_id, time_zone, currency FROM consumers WHERE customer_id = $1 AND id = $2`,
	"accounts": `SELECT id, name, provider_name, container, type, currency FROM accounts WHERE customer_id = $1 AND consumer_id = $2 ORDER BY id DESC LIMIT 3`,
	"newest": `SELECT ` + handRow + `, a.id FROM (SELECT id FROM accounts WHERE customer_id = $1 AND consumer_id = $2 ORDER BY id DESC LIMIT 3) a
		CROSS JOIN LATERAL (SELECT * FROM transactions t WHERE t.customer_id = $1 AND t.consumer_id = $2 AND t.account_id = a.id
			ORDER BY t.booking_date DESC, t.id DESC LIMIT 21) t`,
	"entries": `SELECT id, insight, title, created_at, window_from, window_to, transaction_derived, accounts FROM feed_entries
		WHERE customer_id = $1 AND consumer_id = $2 ORDER BY created_at DESC, id DESC LIMIT $3`,
	"totals": `SELECT m.category_id, a.currency, sum(m.credit), sum(m.debit), sum(m.count)::bigint FROM accounts a
		JOIN category_months m ON m.customer_id = $1 AND m.consumer_id = $2 AND m.account_id = a.id AND m.month = $3 AND m.count > 0
		WHERE a.customer_id = $1 AND a.consumer_id = $2 AND a.status = 'ACTIVE' GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2`,
	"list": `SELECT ` + handRow + ` FROM transactions t WHERE customer_id = $1 AND consumer_id = $2 AND account_id = $3
		ORDER BY booking_date DESC, id DESC LIMIT 101`,
	"first": `SELECT ` + handRow + `, t.consumer_id FROM transactions t WHERE customer_id = $1 ORDER BY booking_date DESC, id DESC LIMIT 101`,
	"after": `SELECT ` + handRow + `, t.consumer_id FROM transactions t WHERE customer_id = $1 AND (booking_date, id) < ($2, $3) ORDER BY booking_date DESC, id DESC LIMIT 101`,
}

var handFormats = map[string][]int16{
	"consumer": nil, "accounts": {1, 0, 0, 0, 0, 0}, "newest": {1, 0, 0, 0, 0, 0, 1, 0, 1}, "entries": {1, 0, 0, 1, 0, 0, 0, 0}, "totals": {1, 0, 0, 0, 0},
	"list": {1, 0, 0, 0, 0, 0, 1, 0}, "first": {1, 0, 0, 0, 0, 0, 1, 0, 1}, "after": {1, 0, 0, 0, 0, 0, 1, 0, 1},
}

type hand struct {
	pool     *pgxpool.Pool
	customer []byte // its number, as text
	names    map[int]string
}

func handCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("hand", flag.ContinueOnError)
	database := flags.String("database", "", "")
	addr := flags.String("addr", "", "")
	customer := flags.Int("customer", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(*database)
	if err != nil {
		return err
	}
	config.MaxConns = 16
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		for name, text := range handStatements {
			if _, err := conn.Prepare(ctx, name, text); err != nil {
				return err
			}
		}
		return nil
	}
	h := &hand{customer: strconv.AppendInt(nil, int64(*customer), 10), names: map[int]string{}}
	if h.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	defer h.pool.Close()
	for _, c := range category.Tree() {
		h.names[c.ID] = c.Name
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /screen", h.answer(h.screen))
	mux.HandleFunc("POST /list", h.answer(h.list))
	mux.HandleFunc("POST /feed", h.answer(h.feed))
	mux.HandleFunc("POST /deep", h.answer(h.deep))
	server := &http.Server{Addr: *addr, Handler: mux}
	go func() { <-ctx.Done(); server.Close() }()
	return server.ListenAndServe()
}

// asked are the variables of the four questions.
type asked struct {
	Variables struct {
		ID    bank.Ref
		Month string
		After *string
	}
}

var handBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 32<<10); return &b }}

func (h *hand) answer(f func(context.Context, *pgconn.PgConn, asked, []byte) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kept := handBuffers.Get().(*[]byte)
		defer handBuffers.Put(kept)
		in := bytes.NewBuffer((*kept)[:0])
		_, err := io.Copy(in, r.Body)
		var a asked
		if err == nil {
			err = json.Unmarshal(in.Bytes(), &a)
		}
		var conn *pgxpool.Conn
		if err == nil {
			conn, err = h.pool.Acquire(r.Context())
		}
		if err == nil {
			*kept, err = f(r.Context(), conn.Conn().PgConn(), a, (*kept)[:0])
			conn.Release()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(*kept)))
		_, _ = w.Write(*kept)
	}
}

// batch sends statements together and reads their rows one after the other.
type batch struct{ pgconn.Batch }

func (b *batch) add(statement string, args ...[]byte) {
	b.ExecPrepared(statement, args, nil, handFormats[statement])
}

// each reads the rows of the next statement.
func each(results *pgconn.MultiResultReader, f func(row [][]byte)) error {
	if !results.NextResult() {
		return errors.Join(errors.New("a result is missing"), results.Close())
	}
	reader := results.ResultReader()
	for reader.NextRow() {
		f(reader.Values())
	}
	_, err := reader.Close()
	return err
}

func number(b []byte) int64 {
	switch len(b) {
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b)))
	case 8:
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// ref appends an id as clients hold it, in quotes.
func ref(out []byte, kind bank.Kind, consumer, id int64) []byte {
	var b [24]byte
	raw := append(b[:0], byte(kind))
	raw = binary.AppendUvarint(raw, uint64(consumer))
	raw = binary.AppendUvarint(raw, uint64(id))
	return append(base64.RawURLEncoding.AppendEncode(append(out, '"'), raw), '"')
}

// text appends a JSON string.
func text(out, s []byte) []byte {
	for _, c := range s {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(string(s))
			return append(out, quoted...)
		}
	}
	return append(append(append(out, '"'), s...), '"')
}

// cursor appends what is given for the next page.
func cursor(out, key []byte, id int64) []byte {
	var b [64]byte
	raw := append(append(b[:0], `{"k":"`...), key...)
	raw = strconv.AppendInt(append(raw, `","i":`...), id, 10)
	return append(base64.RawURLEncoding.AppendEncode(append(out, '"'), append(raw, '}')), '"')
}

func money(out, amount, currency []byte) []byte {
	out = append(append(append(out, `{"amount":"`...), amount...), `","currency":"`...)
	return append(append(out, currency...), `"}`...)
}

// handPage writes the nodes of a page and where it ends.
type handPage struct {
	size, n int
	last    int64
	key     []byte
	more    bool
}

func (p *handPage) end(out []byte) []byte {
	out = append(out, `],"pageInfo":{"hasNextPage":`...)
	out = append(strconv.AppendBool(out, p.more), `,"endCursor":`...)
	if p.n == 0 {
		return append(out, `null}`...)
	}
	return append(cursor(out, p.key, p.last), '}')
}

// transaction writes a node; long ones have the ids of category and merchant.
func (h *hand) transaction(out []byte, p *handPage, consumer int64, row [][]byte, long bool) []byte {
	if p.n == p.size {
		p.more = true
		return out
	}
	if p.n++; p.n > 1 {
		out = append(out, ',')
	}
	p.last, p.key = number(row[0]), append(p.key[:0], row[1]...)
	out = append(ref(append(out, `{"id":`...), bank.KindTransaction, consumer, p.last), `,"bookingDate":"`...)
	out = append(append(out, row[1]...), `","amount":`...)
	out = append(append(money(out, row[2], row[3]), `,"baseType":"`...), row[4]...)
	out = append(text(append(out, `","description":`...), row[5]), `,"category":{`...)
	number := number(row[6])
	if long {
		out = append(ref(append(out, `"id":`...), bank.KindCategory, 0, number), ',')
	}
	out = append(append(append(out, `"name":"`...), h.names[int(number)]...), `"},"merchant":`...)
	if row[7] == nil {
		return append(out, `null}`...)
	}
	out = append(out, '{')
	if long {
		var b [128]byte
		out = base64.RawURLEncoding.AppendEncode(append(out, `"id":"`...), append(append(b[:0], 'n'), row[7]...))
		out = append(out, `",`...)
	}
	return append(text(append(out, `"name":`...), row[7]), `}}`...)
}

// between is what stands in a document of the database between a key and a quote; rest begins there.
func between(document []byte, key string) (value, rest []byte) {
	_, rest, _ = bytes.Cut(document, []byte(key))
	value, _, _ = bytes.Cut(rest, []byte{'"'})
	return value, rest
}

// pair appends an amount of a document. Of equal names the outer one comes last.
func pair(out, document []byte, key string) []byte {
	at := bytes.LastIndex(document, []byte(key))
	amount, rest := between(document[at:], `"amount": "`)
	currency, _ := between(rest, `"currency": "`)
	return money(out, amount, currency)
}

// entry writes a node of the feed; long ones have accounts and what was left out.
func (h *hand) entry(out []byte, p *handPage, consumer int64, row [][]byte, long bool) []byte {
	if p.n == p.size {
		p.more = true
		return out
	}
	if p.n++; p.n > 1 {
		out = append(out, ',')
	}
	p.last = number(row[0])
	p.key = time.UnixMicro(number(row[3])+946_684_800_000_000).UTC().AppendFormat(p.key[:0], time.RFC3339Nano)
	out = append(ref(append(out, `{"id":`...), bank.KindEntry, consumer, p.last), `,"insightName":"`...)
	out = append(append(out, row[1]...), `","insightTitle":`...)
	out = append(append(text(out, row[2]), `,"createdAt":"`...), p.key...)
	out = append(append(out, `","period":{"from":"`...), row[4]...)
	out = append(append(append(out, `","to":"`...), row[5]...), `"},`...)
	if long {
		out = append(out, `"accounts":[`...)
		rest := row[7]
		for i := 0; ; i++ {
			var id, name, provider []byte
			if id, rest = between(rest, `"id": "`); len(rest) == 0 {
				break
			}
			name, rest = between(rest, `"name": "`)
			provider, rest = between(rest, `"providerName": "`)
			if i > 0 {
				out = append(out, ',')
			}
			out = append(append(append(out, `{"id":"`...), id...), `","name":"`...)
			out = append(append(append(out, name...), `","providerName":"`...), provider...)
			out = append(out, `"}`...)
		}
		out = append(out, `],`...)
	}
	out = pair(append(out, `"transactionDerived":{"creditTotal":`...), row[6], `"creditTotal"`)
	out = pair(append(out, `,"debitTotal":`...), row[6], `"debitTotal"`)
	percent, _ := between(row[6], `"spentPercent": "`)
	out = append(append(append(out, `,"spentPercent":"`...), percent...), `","transactionCount":`...)
	_, count, _ := bytes.Cut(row[6], []byte(`"count": `))
	out = append(out, count[:bytes.IndexByte(count, ',')]...)
	if long {
		excluded, _, _ := bytes.Cut(row[6][bytes.Index(row[6], []byte(`"excluded"`)):], []byte(`}}`))
		out = pair(append(out, `,"excluded":{"creditTotal":`...), excluded, `"creditTotal"`)
		out = pair(append(out, `,"debitTotal":`...), excluded, `"debitTotal"`)
		_, count, _ := bytes.Cut(excluded, []byte(`"count": `))
		out = append(append(append(out, `,"transactionCount":`...), count[:bytes.IndexByte(count, ',')]...), '}')
	}
	return append(out, `}}`...)
}

// alike gives two amounts two decimals: nothing is a plain 0 in the database.
func alike(a, b []byte) ([]byte, []byte) {
	if string(a) == "0" {
		a = []byte("0.00")
	}
	if string(b) == "0" {
		b = []byte("0.00")
	}
	return a, b
}

func (h *hand) screen(ctx context.Context, conn *pgconn.PgConn, a asked, out []byte) ([]byte, error) {
	id := a.Variables.ID.ID
	consumer := strconv.AppendInt(nil, id, 10)
	var b batch
	b.add("consumer", h.customer, consumer)
	b.add("accounts", h.customer, consumer)
	b.add("newest", h.customer, consumer)
	b.add("entries", h.customer, consumer, []byte("11"))
	b.add("totals", h.customer, consumer, []byte(a.Variables.Month))
	results := conn.ExecBatch(ctx, &b.Batch)
	errs := []error{each(results, func(row [][]byte) {
		out = ref(append(out, `{"data":{"consumer":{"id":`...), bank.KindConsumer, id, id)
		out = text(append(out, `,"externalId":`...), row[0])
		out = append(append(out, `,"timeZone":"`...), row[1]...)
		out = append(append(append(out, `","currency":"`...), row[2]...), `","accounts":{"nodes":[`...)
	})}
	// The heads of the accounts come before their transactions.
	var accounts []int64
	var heads [][]byte
	errs = append(errs, each(results, func(row [][]byte) {
		accounts = append(accounts, number(row[0]))
		head := ref(append(make([]byte, 0, 256), `{"id":`...), bank.KindAccount, id, number(row[0]))
		head = text(append(head, `,"name":`...), row[1])
		head = text(append(head, `,"providerName":`...), row[2])
		head = append(append(head, `,"container":"`...), row[3]...)
		head = text(append(head, `","type":`...), row[4])
		head = append(append(head, `,"currency":"`...), row[5]...)
		heads = append(heads, append(head, `","transactions":{"nodes":[`...))
	}))
	at, p := -1, handPage{}
	begin := func() {
		if at >= 0 {
			out = append(p.end(out), `}}`...)
		}
		if at++; at < len(heads) {
			if at > 0 {
				out = append(out, ',')
			}
			out, p = append(out, heads[at]...), handPage{size: 20, key: p.key}
		}
	}
	begin()
	errs = append(errs, each(results, func(row [][]byte) {
		for accounts[at] != number(row[8]) {
			begin()
		}
		out = h.transaction(out, &p, id, row, false)
	}))
	for at < len(heads) {
		begin()
	}
	out = append(out, `]},"feed":{"nodes":[`...)
	p = handPage{size: 10}
	errs = append(errs, each(results, func(row [][]byte) { out = h.entry(out, &p, id, row, false) }))
	out = append(p.end(out), `},"categoryTotals":[`...)
	n := 0
	errs = append(errs, each(results, func(row [][]byte) {
		if n++; n > 1 {
			out = append(out, ',')
		}
		number := number(row[0])
		out = append(ref(append(out, `{"category":{"id":`...), bank.KindCategory, 0, number), `,"name":"`...)
		credit, debit := alike(row[2], row[3])
		out = money(append(append(out, h.names[int(number)]...), `"},"credit":`...), credit, row[1])
		out = money(append(out, `,"debit":`...), debit, row[1])
		out = append(append(append(out, `,"transactionCount":`...), row[4]...), '}')
	}), results.Close())
	return append(out, `]}}}`...), errors.Join(errs...)
}

func (h *hand) rows(ctx context.Context, conn *pgconn.PgConn, out []byte, consumer func(row [][]byte) int64, statement string, args ...[]byte) ([]byte, error) {
	var b batch
	b.add(statement, args...)
	results := conn.ExecBatch(ctx, &b.Batch)
	p := handPage{size: 100}
	out = append(out, `{"data":{"transactions":{"nodes":[`...)
	err := each(results, func(row [][]byte) { out = h.transaction(out, &p, consumer(row), row, true) })
	return append(p.end(out), `}}}`...), errors.Join(err, results.Close())
}

func (h *hand) list(ctx context.Context, conn *pgconn.PgConn, a asked, out []byte) ([]byte, error) {
	id := a.Variables.ID
	return h.rows(ctx, conn, out, func([][]byte) int64 { return id.ConsumerID }, "list",
		h.customer, strconv.AppendInt(nil, id.ConsumerID, 10), strconv.AppendInt(nil, id.ID, 10))
}

func (h *hand) deep(ctx context.Context, conn *pgconn.PgConn, a asked, out []byte) ([]byte, error) {
	of := func(row [][]byte) int64 { return number(row[8]) }
	args, err := page.Parse(nil, a.Variables.After, nil, nil)
	if err != nil {
		return out, err
	}
	if args.Cursor == nil {
		return h.rows(ctx, conn, out, of, "first", h.customer)
	}
	return h.rows(ctx, conn, out, of, "after", h.customer, []byte(args.Cursor.Key), strconv.AppendInt(nil, args.Cursor.ID, 10))
}

func (h *hand) feed(ctx context.Context, conn *pgconn.PgConn, a asked, out []byte) ([]byte, error) {
	id := a.Variables.ID.ID
	var b batch
	b.add("entries", h.customer, strconv.AppendInt(nil, id, 10), []byte("51"))
	results := conn.ExecBatch(ctx, &b.Batch)
	p := handPage{size: 50}
	out = append(out, `{"data":{"feed":{"nodes":[`...)
	err := each(results, func(row [][]byte) { out = h.entry(out, &p, id, row, true) })
	return append(p.end(out), `}}}`...), errors.Join(err, results.Close())
}
