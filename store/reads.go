package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"insightgraph/bank"
	"insightgraph/page"
)

// Reads collects statements that are sent together: one round trip, whose first statement says what the tenant may see, and
// in which all see one moment. What they find is there after Send.
type Reads struct {
	t       Tenant
	patient bool // may take as long as work in the background
	queue   []read
	failed  error // what was wrong with a question, told by Send
}

// read is one statement and what is done with its rows. It may be done again, after a lost connection.
type read struct {
	query
	rows func(answer) error
}

// Reads begins a collection of statements. It is not for use from several goroutines before it was sent.
func (t Tenant) Reads() *Reads { return &Reads{t: t} }

// patientReads are Reads with as much time as other work in the background has.
func (t Tenant) patientReads() *Reads { return &Reads{t: t, patient: true} }

// add queues a statement.
func (r *Reads) add(q query, rows func(answer) error) { r.queue = append(r.queue, read{q, rows}) }

// Send asks everything that was queued. Where nothing was, it does nothing.
func (r *Reads) Send(ctx context.Context) error {
	if r.failed != nil || len(r.queue) == 0 {
		return r.failed
	}
	for try := 1; ; try++ {
		err := r.ask(ctx)
		if err == nil {
			r.queue = nil
			return nil
		}
		if !retryable(err) && !lost(err) && !stale(err) || try == maxTries || ctx.Err() != nil {
			return asFault(err)
		}
	}
}

// seen is the first statement of all: what the transaction may see. PostgreSQL makes one transaction of what comes before
// one Sync message; with its end the settings are gone, and others that go in the same one begin with theirs.
const seen = "SELECT set_config('app.customer', $1, true), set_config('app.consumer', $2, true)"

// once asks everything over one session. A replica must be as far as from; the primary says at what it is.
func (r *Reads) once(ctx context.Context, over *sessions, from int64, at *int64) error {
	all := make([]query, 0, len(r.queue)+2)
	sees := seen
	if r.patient {
		sees += backgroundTimes
	}
	all = append(all, plain(sees, strconv.FormatInt(r.t.customerID, 10), r.t.consumer()))
	sifts := false
	for _, q := range r.queue {
		all = append(all, q.query)
		sifts = sifts || q.sifts
	}
	if at != nil {
		all = append(all, plain(position))
	}
	return over.ask(&asking{ctx: ctx, customer: r.t.customerID, from: from, alone: r.patient || sifts, sifts: sifts, queries: all, read: func(i int, rows answer) error {
		switch i--; {
		case i >= 0 && i < len(r.queue):
			return r.queue[i].rows(rows)
		case i == len(r.queue) && at != nil && rows.Next():
			*at = whole(rows.RawValues()[0])
		}
		return nil
	}})
}

// consumer is the tenant's consumer as a setting.
func (t Tenant) consumer() string {
	if t.consumerID == 0 {
		return ""
	}
	return strconv.FormatInt(t.consumerID, 10)
}

// query is a statement under construction. Values are always parameters: equal questions have equal texts, which the
// server has planned already.
type query struct {
	text  []byte
	args  []any
	sifts bool // looks at more rows than it gives
}

// sift is add for a condition that no index answers.
func (q *query) sift(text string, values ...any) {
	q.add(text, values...)
	q.sifts = true
}

// add adds a text, in which each ? is the next of the values.
func (q *query) add(text string, values ...any) {
	from := len(q.args)
	q.args = append(q.args, values...)
	for before, rest, more := strings.Cut(text, "?"); ; before, rest, more = strings.Cut(rest, "?") {
		q.text = append(q.text, before...)
		if !more {
			return
		}
		from++
		q.text = strconv.AppendInt(append(q.text, '$'), int64(from), 10)
	}
}

// Parents are the rows that lists belong to: known ones, or those that another statement of the same Reads will find.
type Parents struct {
	kind bank.Kind    // 0: there is one list, of the tenant itself
	from func(*query) // a FROM item with the alias p, that has consumer_id and for accounts account_id
	key  string       // its column that tells its rows apart
	on   string       // what joins rows to it; empty: the keys
	n    func() int   // about how many there are
}

// ConsumerParents are consumers.
func ConsumerParents(ids []int64) Parents {
	ids = unique(ids)
	return Parents{kind: bank.KindConsumer, key: "consumer_id", n: func() int { return len(ids) }, from: func(q *query) {
		if len(ids) == 1 {
			q.add("(SELECT ?::bigint AS consumer_id) AS p", ids[0])
			return
		}
		q.add("unnest(?::bigint[]) AS p(consumer_id)", ids)
	}}
}

// AccountParents are accounts.
func AccountParents(refs []bank.Ref) Parents {
	consumers, ids := make([]int64, 0, len(refs)), make([]int64, 0, len(refs))
	once := make(map[bank.Ref]bool, len(refs))
	for _, ref := range refs {
		if !once[ref] {
			once[ref] = true
			consumers, ids = append(consumers, ref.ConsumerID), append(ids, ref.ID)
		}
	}
	return Parents{kind: bank.KindAccount, key: "account_id", n: func() int { return len(ids) }, from: func(q *query) {
		if len(ids) == 1 {
			q.add("(SELECT ?::bigint AS consumer_id, ?::bigint AS account_id) AS p", consumers[0], ids[0])
			return
		}
		q.add("unnest(?::bigint[], ?::bigint[]) AS p(consumer_id, account_id)", consumers, ids)
	}}
}

// ref names a parent by what a row tells of it.
func (p Parents) ref(consumer, key int64) bank.Ref {
	if p.kind == 0 {
		return bank.Ref{ID: key}
	}
	return bank.Ref{Kind: p.kind, ConsumerID: consumer, ID: key}
}

// kind is all that lists of one type of rows have in common.
type kind[T any] struct {
	model[T]
	table, alias string
	keys         string // of rows that are parents themselves
	order        order
	compare      func(a, b *T) int // by that order
	cursor       func(T) page.Cursor
	owner        func(*T) int64 // the consumer
}

// wanted is the model of rows of which some fields are wanted, and what makes pages of them.
func (k *kind[T]) wanted(fields []string) model[T] {
	return k.only(fields, "consumer_id", strings.TrimPrefix(k.order.column, k.alias+"."), strings.TrimPrefix(k.order.id, k.alias+"."))
}

// Lists is what one statement finds for each parent. It may be read once the Reads were sent.
type Lists[T any] struct {
	kind  *kind[T]
	model model[T] // of what is wanted of a row
	r     *Reads
	of    Parents
	where func(*query)
	each  *each
	args  page.Args
	pages map[bank.Ref]*page.Of[T]
	n     int // rows in them

	once   sync.Once
	counts map[bank.Ref]int
	failed error
}

// each are values of a column by which an index has the list's order: a page is the first of what each of them has. As one condition
// they would have all of theirs sorted, or everything else looked at.
type each struct {
	column, sql string // sql: the values as a list
	values      any    // each once
}

// lists queues a statement for the pages of all parents. where writes what their rows must be, beside belonging to them.
func lists[T any](r *Reads, k *kind[T], of Parents, a page.Args, where func(*query)) *Lists[T] {
	return listsOfEach(r, k, of, a, nil, where)
}

// listsOfEach are lists of rows that have one of some values.
func listsOfEach[T any](r *Reads, k *kind[T], of Parents, a page.Args, e *each, where func(*query)) *Lists[T] {
	l := &Lists[T]{kind: k, model: k.wanted(a.Fields), r: r, of: of, where: where, each: e, args: a}
	if err := k.order.check(a); err != nil && r.failed == nil {
		r.failed = err
	}
	q := query{text: make([]byte, 0, 1<<10)}
	if of.from == nil {
		l.page(&q, l.model.list(), a.Size+1)
	} else {
		q.add("SELECT p." + of.key + ", x.* FROM ")
		of.from(&q)
		q.add(" CROSS JOIN LATERAL (")
		l.page(&q, l.model.list(), a.Size+1)
		q.add(") AS x")
	}
	r.add(q, l.read)
	return l
}

// all writes a query for the rows of a parent.
func (l *Lists[T]) all(q *query, columns string) {
	q.add("SELECT " + columns + " FROM " + l.kind.table + " AS " + l.kind.alias + " WHERE ")
	l.where(q)
	switch {
	case l.of.from == nil:
	case l.of.on != "":
		q.add(" AND " + l.of.on)
	case l.of.kind == bank.KindAccount:
		q.add(" AND " + l.kind.alias + ".account_id = p.account_id")
		fallthrough
	default:
		q.add(" AND " + l.kind.alias + ".consumer_id = p.consumer_id")
	}
}

// page writes a query for one page of the rows of a parent.
func (l *Lists[T]) page(q *query, columns string, rows int) {
	if l.each == nil {
		l.all(q, columns)
		l.kind.order.write(q, l.args, rows)
		return
	}
	q.add("SELECT "+columns+" FROM unnest(?::"+l.each.sql+") AS each(value) CROSS JOIN LATERAL (", l.each.values)
	l.all(q, l.kind.alias+".*")
	q.add(" AND " + l.each.column + " = each.value")
	l.kind.order.write(q, l.args, rows)
	q.add(") AS " + l.kind.alias)
	l.kind.order.sort(q, l.args, rows)
}

// read makes the pages. A join keeps the order in which a parent's rows were found, but nobody promises it.
func (l *Lists[T]) read(rows answer) error {
	keyed, n := l.of.from != nil, 1
	if l.of.n != nil {
		n = l.of.n()
	}
	keys, list, err := l.model.scan(rows, keyed, min(n*(l.args.Size+1), 300))
	if err != nil {
		return err
	}
	parts := make(map[bank.Ref][]T)
	for from := 0; from < len(list); {
		parent, to := bank.Ref{}, len(list)
		if keyed {
			for to = from + 1; to < len(list) && keys[to] == keys[from]; to++ {
			}
			parent = l.of.ref(l.kind.owner(&list[from]), keys[from])
		}
		if part := parts[parent]; part != nil {
			parts[parent] = append(part, list[from:to]...)
		} else {
			parts[parent] = list[from:to:to]
		}
		from = to
	}
	l.pages, l.n = make(map[bank.Ref]*page.Of[T], len(parts)), len(list)
	for parent, part := range parts {
		l.sort(part)
		l.pages[parent] = page.New(l.args, part, l.kind.cursor, l.total(parent))
	}
	return nil
}

// sort puts rows into the order in which they are read, in which they nearly always are.
func (l *Lists[T]) sort(rows []T) {
	compare := l.kind.compare
	if l.args.Backward {
		compare = func(a, b *T) int { return l.kind.compare(b, a) }
	}
	for i := 1; i < len(rows); i++ {
		if compare(&rows[i-1], &rows[i]) > 0 {
			slices.SortFunc(rows, func(a, b T) int { return compare(&a, &b) })
			return
		}
	}
}

// Of is the page of a parent, which is empty where nothing was found. The list that has no parents is that of the zero Ref.
func (l *Lists[T]) Of(parent bank.Ref) *page.Of[T] {
	if p := l.pages[parent]; p != nil {
		return p
	}
	return page.New(l.args, nil, l.kind.cursor, l.total(parent))
}

// total counts a parent's whole list, in one statement for all of them.
func (l *Lists[T]) total(parent bank.Ref) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		l.once.Do(func() { l.counts, l.failed = l.count(ctx) })
		return l.counts[parent], l.failed
	}
}

func (l *Lists[T]) count(ctx context.Context) (counts map[bank.Ref]int, err error) {
	var q query
	if l.of.from == nil {
		q.add("SELECT 0::bigint, 0::bigint, x.n FROM (")
	} else {
		q.add("SELECT p.consumer_id, p." + l.of.key + ", x.n FROM ")
		l.of.from(&q)
		q.add(" CROSS JOIN LATERAL (")
	}
	l.all(&q, "count(*) AS n")
	q.add(") AS x")
	q.sifts = true
	r := l.r.t.Reads()
	r.add(q, func(rows answer) error {
		counts = make(map[bank.Ref]int)
		for rows.Next() {
			v := rows.RawValues()
			counts[l.of.ref(whole(v[0]), whole(v[1]))] = int(whole(v[2]))
		}
		return rows.Err()
	})
	return counts, r.Send(ctx)
}

// Parents are the rows of all the pages, for lists that belong to them.
func (l *Lists[T]) Parents() Parents {
	p := Parents{kind: bank.KindAccount, key: "account_id", n: func() int { return l.n }}
	if l.of.from == nil {
		p.kind, p.key = bank.KindConsumer, "consumer_id"
	}
	p.from = func(q *query) {
		q.add("(")
		if l.of.from != nil {
			q.add("SELECT x.* FROM ")
			l.of.from(q)
			q.add(" CROSS JOIN LATERAL (")
		}
		l.page(q, l.kind.keys, l.args.Size)
		if l.of.from != nil {
			q.add(") AS x")
		}
		q.add(") AS p")
	}
	return p
}

// Found is what one statement finds, by what it was asked for. It may be read once the Reads were sent.
type Found[K comparable, T any] struct{ rows map[K]T }

// Map is all that was found.
func (f *Found[K, T]) Map() map[K]T { return f.rows }

// Get is one of it.
func (f *Found[K, T]) Get(key K) (T, bool) {
	v, ok := f.rows[key]
	return v, ok
}

// find queues a statement for rows that have keys.
func find[K comparable, T any](r *Reads, m model[T], q query, key func(*T) K) *Found[K, T] {
	f := &Found[K, T]{rows: map[K]T{}}
	r.add(q, func(rows answer) error {
		_, list, err := m.scan(rows, false, 1)
		f.rows = make(map[K]T, len(list))
		for i := range list {
			f.rows[key(&list[i])] = list[i]
		}
		return err
	})
	return f
}

// byRef queues a statement for rows that have refs; those that the tenant may not see are left out.
func byRef[T interface{ Ref() bank.Ref }](r *Reads, k *kind[T], of bank.Kind, refs []bank.Ref) *Found[bank.Ref, T] {
	consumers, ids := r.t.keys(refs, of)
	if len(ids) == 0 {
		return &Found[bank.Ref, T]{rows: map[bank.Ref]T{}}
	}
	var q query
	q.add("SELECT "+k.list()+" FROM "+k.table+" WHERE customer_id = ?", r.t.customerID)
	q.amongPairs("consumer_id", "id", consumers, ids)
	return find(r, k.model, q, func(x *T) bank.Ref { return (*x).Ref() })
}

// among writes that a column is one of some ids. One alone is a place in an index, whose order a list can follow; several
// are sorted.
func (q *query) among(column string, ids []int64) {
	if len(ids) == 1 {
		q.add(" AND "+column+" = ?", ids[0])
		return
	}
	q.add(" AND "+column+" = ANY(?::bigint[])", ids)
}

// amongPairs is among for what is named by its consumer and its own id.
func (q *query) amongPairs(consumer, column string, consumers, ids []int64) {
	if len(ids) == 1 {
		q.add(" AND "+consumer+" = ? AND "+column+" = ?", consumers[0], ids[0])
		return
	}
	q.add(" AND ("+consumer+", "+column+") IN (SELECT * FROM unnest(?::bigint[], ?::bigint[]))", consumers, ids)
}

// mine writes that rows belong to the tenant.
func (t Tenant) mine(q *query, customer, consumer string) {
	q.add(customer+" = ?", t.customerID)
	if t.consumerID != 0 {
		q.add(" AND "+consumer+" = ?", t.consumerID)
	}
}

// ofAll is mine for rows of which there are very many. The index of all that a customer has, in the order of time, is one of
// rows whose customer_id > 0, so that only who says this can use it. Else the planner, as long as the database does not
// know how many rows there are, took it for one account's rows too, and read all the others.
func (t Tenant) ofAll(q *query, alias string, all bool) {
	t.mine(q, alias+".customer_id", alias+".consumer_id")
	if all && t.consumerID == 0 {
		q.add(" AND " + alias + ".customer_id > 0")
	}
}

// oneOf sends and takes one row, or the fault that it is not there.
func oneOf[K comparable, T any](ctx context.Context, r *Reads, f *Found[K, T], key K, field, what string) (found T, err error) {
	if err := r.Send(ctx); err != nil {
		return found, err
	}
	found, ok := f.Get(key)
	return found, notFoundIf(!ok, nil, field, what)
}

// only sends and takes the list that has no parents.
func only[T any](ctx context.Context, r *Reads, l *Lists[T]) (*page.Of[T], error) {
	if err := r.Send(ctx); err != nil {
		return nil, err
	}
	return l.Of(bank.Ref{}), nil
}

// pages sends and takes the pages of parents.
func pages[T any](ctx context.Context, r *Reads, l *Lists[T], parents []bank.Ref) ([]*page.Of[T], error) {
	if err := r.Send(ctx); err != nil {
		return nil, err
	}
	all := make([]*page.Of[T], len(parents))
	for i, parent := range parents {
		all[i] = l.Of(parent)
	}
	return all, nil
}

// texts are words of one of our types as the driver knows them.
func texts[T ~string](words []T) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return list
}
