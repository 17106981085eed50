// Package store keeps everything in PostgreSQL: rows in, rows out. It decides nothing; rules are passed in as functions
// or live in the middle.
//
// What a request does goes through a Tenant, which sees one customer, or one consumer of it: the queries say so, and
// row level security says so again. Planning, evaluating and importing work over many customers and go through Store.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/audit"
	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/failpoint"
	"insightgraph/fault"
)

// Store is the database. Its zero value is not usable; see Open.
type Store struct {
	db      *bun.DB
	pool    *pgxpool.Pool
	reads   *sessions    // of Reads
	replica *replica     // nil where there is none
	keys    connect.Keys // what kept answers are encrypted with
	now     bank.Clock
	count   *tracer
	dead    [kinds]atomic.Int64
}

// Options are the settings of Open.
type Options struct {
	MaxConns int        // connections at once, half of them for Reads; 0: ten, and for Reads four for each processor
	Now      bank.Clock // nil: the real time

	Keys connect.Keys // what answers are encrypted with that are kept for repeated calls; without any, no call may have a key

	ReplicaURL string // a read replica, which answers queries; it needs Marks
	Marks      Marks

	role    string // tests have others; empty: insightgraph_app
	patient bool   // tests wait as long as it takes: how fast the machine is does not decide them
}

// Open connects. The database must have been migrated before; its sessions take the role that owns nothing.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	config, err := readURL(url)
	if err != nil {
		return nil, fmt.Errorf("read DATABASE_URL: %w", err)
	}
	forWork, forReads := 10, 4*runtime.GOMAXPROCS(0)
	if o.MaxConns > 0 {
		forWork, forReads = max(1, o.MaxConns-o.MaxConns/2), max(1, o.MaxConns/2)
	}
	config.MaxConnLifetime = 30 * time.Minute
	config.PingTimeout = 5 * time.Second // a connection that went silent while it was idle is left for another
	params := config.ConnConfig.RuntimeParams
	params["role"] = cmp.Or(o.role, "insightgraph_app")
	params["application_name"] = "insightgraph"
	// The planner never sees which customer asks: it knows those of the last ANALYZE, and of any other it expects no row, so
	// that each index and each order of a join looks as good as the others, up to reading all of the customer's rows for each
	// account. What has parameters is planned for any values, and what has its values in its text, as bun writes it, says
	// customer_id = (SELECT 7).
	params["plan_cache_mode"] = "force_generic_plan"
	if !o.patient {
		params["statement_timeout"] = "5s"
		params["lock_timeout"] = "4s"
	}
	params["idle_in_transaction_session_timeout"] = "30s"
	count := &tracer{}
	config.ConnConfig.Tracer = count
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		withArrays(conn.TypeMap())
		return handedOn(ctx, conn)
	}
	config.MaxConns = int32(forReads)
	prepared := prepared(config)
	reads, err := pgxpool.NewWithConfig(ctx, prepared)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	replica, err := openReplica(ctx, o.ReplicaURL, o.Marks, prepared, count)
	if err != nil {
		reads.Close()
		return nil, err
	}
	config.MaxConns = int32(forWork)
	// bun writes arguments into the text: preparing each text would only fill the server.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		reads.Close()
		replica.close()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		reads.Close()
		replica.close()
		pool.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	db := stdlib.OpenDBFromPool(pool)
	db.SetMaxIdleConns(0) // the pool below keeps the idle ones
	return &Store{db: bun.NewDB(db, pgdialect.New()), pool: pool, reads: newSessions(reads, count), replica: replica, keys: o.Keys, now: o.Now, count: count}, nil
}

// readURL reads a connection string. It says nothing of the text, which may hold a password, but for a file of certificates that
// cannot be read.
func readURL(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("it names a file: %w", file)
	}
	if err != nil {
		return nil, errors.New("it is not a PostgreSQL connection string")
	}
	hosts := []string{config.ConnConfig.Host}
	for _, f := range config.ConnConfig.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	for _, host := range hosts {
		if strings.LastIndexByte(host, '@') > 0 { // the end of the password would be looked up and logged as a host
			return nil, errors.New("it has more than one @: that of a password is written %40")
		}
	}
	for name, value := range means {
		config.ConnConfig.RuntimeParams[name] = value
	}
	return config, nil
}

// means is what texts and transactions mean to us, whatever a server, database or login has as its default. A backslash in a
// text would else end what bun quotes.
var means = map[string]string{"client_encoding": "UTF8", "standard_conforming_strings": "on", "datestyle": "ISO, YMD", "intervalstyle": "postgres", "timezone": "UTC",
	"bytea_output": "hex", "default_transaction_isolation": "read committed", "default_transaction_deferrable": "off"}

// ours are the settings that a session has to have besides. Row level security rests on the role.
var ours = []string{"role", "plan_cache_mode", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "default_transaction_read_only"}

// handedOn refuses a session that lacks what it was opened with, since a pool in between has kept that to itself.
func handedOn(ctx context.Context, conn *pgx.Conn) error {
	asked := conn.Config().RuntimeParams
	var names, shown, lost []string
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(means)), ours) {
		if asked[name] != "" {
			names = append(names, name)
			shown = append(shown, "current_setting('"+name+"')")
		}
	}
	answer, err := conn.PgConn().Exec(ctx, "SELECT "+strings.Join(shown, ", ")).ReadAll()
	if err != nil {
		return err
	}
	for i, name := range names {
		if string(answer[0].Rows[0][i]) != asked[name] {
			lost = append(lost, name)
		}
	}
	if len(lost) > 0 {
		return fmt.Errorf("sessions lack settings that they were opened with (%s): whatever stands between here and PostgreSQL has to hand them on", strings.Join(lost, ", "))
	}
	return nil
}

// prepared is the config of a pool of Reads, whose texts have no values in them: the server plans each once.
func prepared(config *pgxpool.Config) *pgxpool.Config {
	config = config.Copy()
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	params := config.ConnConfig.RuntimeParams
	params["default_transaction_isolation"] = "repeatable read" // rows of one list are parents of the next, and both are of one moment
	params["default_transaction_read_only"] = "on"
	return config
}

// Close gives all connections back.
func (s *Store) Close() error {
	err := s.db.Close()
	s.reads.Close()
	s.replica.close()
	s.pool.Close()
	return err
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.pool.Ping(ctx) }

// Statements is the number of SQL statements sent so far. Tests use it to see that it does not grow with a list.
func (s *Store) Statements() int64 { return s.count.n.Load() }

// Now is the moment in UTC, to the microsecond that the database keeps.
func (s *Store) Now() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// Tenant is the store as one customer sees it, or one consumer of it.
type Tenant struct {
	s          *Store
	customerID int64
	consumerID int64 // 0: all the customer's consumers
	call       Call
	also       []any // that is answered too
}

// Customer is the store as a customer sees it.
func (s *Store) Customer(id int64) Tenant { return Tenant{s: s, customerID: id} }

// Consumer is the store as one consumer sees it.
func (s *Store) Consumer(customerID, consumerID int64) Tenant {
	return Tenant{s: s, customerID: customerID, consumerID: consumerID}
}

// may tells whether the tenant may see a consumer's things at all, and whether the ref is one that this server gave out.
func (t Tenant) may(ref bank.Ref, kind bank.Kind) bool {
	switch {
	case ref.Kind != kind:
		return false
	case kind == bank.KindCategory: // belongs to nobody
		return true
	case kind == bank.KindConsumer && ref.ID != ref.ConsumerID:
		return false
	}
	return t.consumerID == 0 || ref.ConsumerID == t.consumerID
}

// customerOnly refuses what a tenant of one consumer may not do.
func (t Tenant) customerOnly() error {
	if t.consumerID != 0 {
		return fault.New(fault.Forbidden, "", "A user-level token may not do this")
	}
	return nil
}

// Tx is one transaction, through bun and, for COPY and set-based statements, through the driver on the same connection.
type Tx struct {
	bun.Conn
	pg   *pgx.Conn
	sent *tracer
	now  time.Time
	dead [kinds]int64 // work that is given up, by kind

	subject *subject      // of the change
	events  []audit.Event // that are stored with it
	again   bool          // the answer is that of an earlier call, which may have died before its position was noted
}

// in runs f, which only reads, in one transaction with the tenant's view. f may run again after a deadlock or a lost
// serialisation, so it sets its results anew each time.
func (t Tenant) in(ctx context.Context, f func(*Tx) error) error {
	return t.begin(ctx, "BEGIN READ ONLY", f)
}

// write is in for what is no change of its own, see change: a step on the way to one, or the rest of one.
func (t Tenant) write(ctx context.Context, f func(*Tx) error) error {
	return t.begin(ctx, "BEGIN", f)
}

func (t Tenant) begin(ctx context.Context, begin string, f func(*Tx) error) error {
	return t.s.in(ctx, t.customerID, begin+"; SELECT "+t.sees(), f)
}

// sees is what row level security lets a transaction see.
func (t Tenant) sees() string {
	return fmt.Sprintf("set_config('app.customer', '%d', true), set_config('app.consumer', '%s', true)", t.customerID, t.consumer())
}

// system runs f in one transaction that sees all customers.
func (s *Store) system(ctx context.Context, f func(*Tx) error) error {
	return s.in(ctx, 0, "BEGIN; "+systemRole, f)
}

// snapshot runs f in one transaction that sees all customers as they were at one moment. Statements are planned for their
// values, which are many consumers at once.
func (s *Store) snapshot(ctx context.Context, f func(*Tx) error) error {
	return s.in(ctx, 0, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "+systemRole+", set_config('plan_cache_mode', 'force_custom_plan', true)", f)
}

const systemRole = "SELECT set_config('role', 'insightgraph_system', true)" + backgroundTimes

// backgroundTimes is how long statements may take that no caller waits for.
const backgroundTimes = ", set_config('statement_timeout', '60000', true), set_config('lock_timeout', '20000', true)"

// maxTries is how often a transaction is tried.
const maxTries = 5

func (s *Store) in(ctx context.Context, customerID int64, begin string, f func(*Tx) error) error {
	for try := 1; ; try++ {
		committing, err := s.once(ctx, customerID, begin, f)
		again := retryable(err) || !committing && (lost(err) || stale(err))
		if !again || try == maxTries || ctx.Err() != nil {
			return asFault(err)
		}
	}
}

// once runs f in a transaction, of a customer or (0) of nobody. begin opens it and sets what it may see in one round trip. An error after committing
// began can mean that it is stored or not.
func (s *Store) once(ctx context.Context, customerID int64, begin string, f func(*Tx) error) (committing bool, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	tx := &Tx{Conn: conn, sent: s.count, now: s.Now()}
	if err := conn.Raw(func(c any) error { tx.pg = c.(*stdlib.Conn).Conn(); return nil }); err != nil {
		return false, err
	}
	defer func() { // after an error or a panic; a connection that cannot be cleaned is not used again
		// Through Raw, because after a broken connection the pool has taken it back and it is no longer ours.
		_ = conn.Raw(func(any) error {
			if !tx.pg.IsClosed() && tx.pg.PgConn().TxStatus() != 'I' {
				short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
				defer cancel()
				_, _ = tx.pg.Exec(short, "ROLLBACK")
			}
			return nil
		})
	}()
	if _, err := tx.pg.Exec(ctx, begin); err != nil {
		return false, err
	}
	if err := f(tx); err != nil {
		return false, err
	}
	failpoint.Hit("before commit")
	err = s.commit(ctx, tx, customerID)
	failpoint.Hit("after commit")
	if err == nil {
		for kind, n := range tx.dead {
			s.dead[kind].Add(n)
		}
	}
	return true, err
}

// notFound is the fault for an empty result, any other error as it is.
func notFound(err error, field, what string) error {
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, pgx.ErrNoRows) {
		return fault.Unknown(field, what)
	}
	return err
}
