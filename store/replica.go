package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Marks keep for all processes how far the database's log was when a customer last wrote, or saw something new. They may
// forget: what is not known is asked of the primary.
type Marks interface {
	// Note keeps a customer's position, unless a later one is kept.
	Note(ctx context.Context, customerID, position int64) error
	// Newest is the position that is kept, 0 where none is.
	Newest(ctx context.Context, customerID int64) (int64, error)
}

// replica answers the Reads of queries. It lags behind the primary, so it answers a customer only once it has what that
// customer wrote or saw, in whichever process: it is told up to where the log must have been replayed.
// Whatever the replica or the marks do not answer, the primary does.
type replica struct {
	pool  *sessions
	marks Marks
	rests atomic.Int64 // until when nothing is asked of it, because it or the marks were away
}

const (
	replicaAnswer = 2 * time.Second        // for an answer before the primary is asked
	replicaRest   = time.Second            // after it did not answer
	replicaLag    = 4 * time.Millisecond   // between two looks whether it has caught up
	replicaLooks  = 3                      // before the primary is asked
	markAnswer    = 250 * time.Millisecond // for the marks
)

// openReplica makes a pool whose sessions are those of the primary's. A replica that is away holds up nothing.
func openReplica(ctx context.Context, url string, marks Marks, like *pgxpool.Config, count *tracer) (*replica, error) {
	if url == "" || marks == nil {
		return nil, nil
	}
	config, err := readURL(url)
	if err != nil {
		return nil, fmt.Errorf("read DATABASE_REPLICA_URL: %w", err)
	}
	to, from := config.ConnConfig, like.ConnConfig
	for name, value := range from.RuntimeParams {
		to.RuntimeParams[name] = value
	}
	to.DefaultQueryExecMode, to.StatementCacheCapacity, to.Tracer = from.DefaultQueryExecMode, from.StatementCacheCapacity, from.Tracer
	config.MaxConns, config.MaxConnLifetime, config.AfterConnect = like.MaxConns, like.MaxConnLifetime, like.AfterConnect
	if to.ConnectTimeout == 0 {
		to.ConnectTimeout = replicaRest
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &replica{pool: newSessions(pool, count), marks: marks}, nil
}

func (v *replica) close() {
	if v != nil {
		v.pool.Close()
	}
}

// request is what is known during one request that the replica may answer.
type request struct {
	asked    atomic.Bool  // whether the marks were
	position atomic.Int64 // that the replica must have; 0: not known
}

type requestKey struct{}

// OnReplica lets the replica answer what a request reads with Reads. It is for requests that change nothing.
func OnReplica(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestKey{}, &request{})
}

// raise keeps the later of two positions.
func raise(to *atomic.Int64, position int64) {
	for {
		if old := to.Load(); old >= position || to.CompareAndSwap(old, position) {
			return
		}
	}
}

// ask sends the statements where they may be answered.
func (r *Reads) ask(ctx context.Context) error {
	v, s := r.t.s.replica, r.t.s
	this, may := ctx.Value(requestKey{}).(*request)
	if v == nil || !may {
		return r.once(ctx, s.reads, 0, nil)
	}
	if position := v.newest(ctx, this, r.t.customerID); position > 0 {
		for look := 1; ; look++ {
			err := v.answer(ctx, r, position)
			if err == nil || ctx.Err() != nil {
				return err
			}
			if !lags(err) || look == replicaLooks {
				break
			}
			time.Sleep(replicaLag)
		}
	}
	var position int64
	err := r.once(ctx, s.reads, 0, &position)
	if err == nil { // nobody who saw this sees less later
		raise(&this.position, position)
		v.note(ctx, r.t.customerID, position)
	}
	return err
}

// newest is what the replica must have for this request, 0 where it is not to be asked.
func (v *replica) newest(ctx context.Context, this *request, customerID int64) int64 {
	if time.Now().UnixNano() < v.rests.Load() {
		return 0
	}
	if !this.asked.Swap(true) {
		short, cancel := context.WithTimeout(ctx, markAnswer)
		defer cancel()
		position, err := v.marks.Newest(short, customerID)
		if err != nil {
			v.rest(ctx, "Redis does not say what the replica must have", err)
			return 0
		}
		raise(&this.position, position)
	}
	return this.position.Load()
}

// answer asks the replica.
func (v *replica) answer(ctx context.Context, r *Reads, position int64) error {
	short, cancel := context.WithTimeout(ctx, replicaAnswer)
	defer cancel()
	err := r.once(short, v.pool, position, nil)
	if _, said := errors.AsType[*pgconn.PgError](err); err != nil && ctx.Err() == nil && (!said || lost(err)) {
		v.rest(ctx, "the replica does not answer", err)
	}
	return err
}

// rest leaves the replica alone for a moment.
func (v *replica) rest(ctx context.Context, why string, err error) {
	if now := time.Now(); v.rests.Swap(now.Add(replicaRest).UnixNano()) < now.UnixNano() {
		slog.WarnContext(ctx, "the primary answers queries", "because", why, "error", err)
	}
}

// note keeps a position for all processes. The request goes on where that fails: as long as the marks are away, every
// process asks the primary.
func (v *replica) note(ctx context.Context, customerID, position int64) {
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), markAnswer)
	defer cancel()
	if err := v.marks.Note(short, customerID, position); err != nil {
		v.rest(ctx, "Redis does not keep what the replica must have", err)
	}
}

// caughtUp has a replica that has not replayed the log up to what askings need, or is none any more, fail: by a division. It
// is a round trip before theirs, because what a transaction sees is settled before its first statement looks.
func caughtUp(ctx context.Context, conn *pgx.Conn, all []*asking) error {
	from := int64(0)
	for _, a := range all {
		from = max(from, a.from)
	}
	if from == 0 {
		return nil
	}
	_, err := conn.Exec(ctx, "SELECT 1 / (pg_is_in_recovery() AND pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') >= $1::bigint)::int", from)
	return err
}

// lags tells that a replica lacks something.
func lags(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "22012"
}

// position is how far the primary's log is.
const position = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"

// commit ends a transaction and stores its events, both in one round trip. Where there is a replica, it also learns in the same round trip how far the log is, for
// what the customer reads later.
func (s *Store) commit(ctx context.Context, tx *Tx, customerID int64) error {
	if s.replica == nil || customerID == 0 {
		tag, err := tx.pg.Exec(ctx, s.insertEvents(tx)+"COMMIT")
		if err == nil && tag.String() != "COMMIT" {
			err = pgx.ErrTxCommitRollback
		}
		return err
	}
	results, err := tx.pg.PgConn().Exec(ctx, s.insertEvents(tx)+"SELECT pg_current_xact_id_if_assigned() IS NOT NULL; COMMIT; "+position).ReadAll()
	if len(tx.events) > 0 && len(results) > 0 {
		results = results[1:]
	}
	if len(results) == 3 && results[1].CommandTag.String() != "COMMIT" {
		err = pgx.ErrTxCommitRollback
	}
	if err != nil {
		return err
	}
	at, err := strconv.ParseInt(string(results[2].Rows[0][0]), 10, 64)
	if err != nil {
		return err
	}
	if this, ok := ctx.Value(requestKey{}).(*request); ok { // the rest of the request is to fit to what was seen here
		raise(&this.position, at)
	}
	if tx.again || string(results[0].Rows[0][0]) == "t" {
		s.replica.note(ctx, customerID, at)
	}
	return nil
}

// Wrote notes that something was stored for a customer by somebody else, before the customer is told of it.
func (s *Store) Wrote(ctx context.Context, customerID int64) error {
	if s.replica == nil {
		return nil
	}
	var at int64
	if err := s.pool.QueryRow(ctx, position).Scan(&at); err != nil {
		return err
	}
	s.replica.note(ctx, customerID, at)
	return nil
}

// PingReplica tells whether the replica can answer; there is nothing to tell where there is none.
func (s *Store) PingReplica(ctx context.Context) (known bool, err error) {
	if s.replica == nil {
		return false, nil
	}
	var standby bool
	err = s.replica.pool.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby)
	if err == nil && !standby {
		err = errors.New("it is no replica")
	}
	return true, err
}
