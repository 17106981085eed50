package store

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"insightgraph/telemetry"
)

// sessions are the connections of a pool that answers Reads. Only a few are used at a time, since more take the database's
// caches from each other; what comes meanwhile waits. Of that, what one customer asks goes over a session together, in one
// round trip and one transaction, in which everyone's first statement says anew what they may see.
type sessions struct {
	*pgxpool.Pool
	count *tracer
	few   int           // how many are in use at a time
	long  time.Duration // after which one no longer counts among them

	mu     sync.Mutex
	used   int // of the few
	queue  []*asking
	sifts  map[int64]int // how many of a customer's askings sift at the moment
	sifted int           // those of all customers
	waits  int64
	waited time.Duration
}

// most is how many askings go together.
const most = 8

func newSessions(pool *pgxpool.Pool, count *tracer) *sessions {
	return &sessions{Pool: pool, count: count, few: min(2*runtime.GOMAXPROCS(0), int(pool.Config().MaxConns)), long: 50 * time.Millisecond, sifts: map[int64]int{}}
}

// asking is what somebody asks in one round trip.
type asking struct {
	ctx      context.Context
	customer int64
	from     int64 // what a replica must have; 0: nothing that is known
	alone    bool  // nobody is to wait for it in the same round trip
	sifts    bool  // it looks at more rows than it gives
	queries  []query
	read     func(i int, rows answer) error
	err      error // may be read when done
	done     bool

	since time.Time
	turn  chan []*asking  // of who waits: once whom to ask for, or nil after somebody else did
	trace context.Context // while it is asked
}

// errInVain is what an asking gets that went together with one that failed before it.
var errInVain = errors.New("not asked: another question failed")

// ask sends an asking's statements and has their answers read, when it is its turn; perhaps by another goroutine.
func (s *sessions) ask(a *asking) error {
	s.lead(s.wait(a))
	if errors.Is(a.err, errInVain) {
		a.alone, a.done = true, false
		s.lead(s.wait(a))
	}
	return a.err
}

// wait is for a session. It gives those to ask for, nobody where that was done meanwhile.
func (s *sessions) wait(a *asking) []*asking {
	s.mu.Lock()
	if s.used < s.few && s.may(a) {
		s.used++
		s.begins(a)
		a.turn = nil
		s.mu.Unlock()
		return []*asking{a}
	}
	a.turn, a.since = make(chan []*asking, 1), time.Now()
	s.queue = append(s.queue, a)
	s.mu.Unlock()
	select {
	case group := <-a.turn:
		return group
	case <-a.ctx.Done():
	}
	s.mu.Lock()
	i := slices.Index(s.queue, a)
	if i >= 0 {
		s.queue = slices.Delete(s.queue, i, i+1)
		s.took(a)
		a.err = a.ctx.Err()
	}
	s.mu.Unlock()
	if i >= 0 {
		return nil
	}
	return <-a.turn // it is on its way, and somebody may need it
}

// may tells whether an asking need not wait for others that sift: they take the processor for long, and connections as well,
// since soon they no longer count among the few. So a customer has a quarter of the few for them, and all have half.
func (s *sessions) may(a *asking) bool {
	return !a.sifts || s.sifts[a.customer] < max(1, s.few/4) && s.sifted < max(1, s.few/2)
}

func (s *sessions) begins(a *asking) {
	if a.sifts {
		s.sifts[a.customer]++
		s.sifted++
	}
}

// ends takes note that a group was asked for, and lets others have its place, if it was still counted, or what they waited for.
func (s *sessions) ends(group []*asking, counted bool) (waited bool) {
	s.mu.Lock()
	if first := group[0]; first.sifts {
		s.sifted--
		if s.sifts[first.customer]--; s.sifts[first.customer] == 0 {
			delete(s.sifts, first.customer)
		}
	}
	if !counted {
		if s.used >= s.few || !slices.ContainsFunc(s.queue, s.may) {
			s.mu.Unlock()
			return false
		}
		s.used++
	}
	s.mu.Unlock()
	return s.pass()
}

// pass gives a place among the few to those who wait, if there are any that may have it.
func (s *sessions) pass() (waited bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := slices.IndexFunc(s.queue, s.may)
	if next < 0 {
		s.used--
		return false
	}
	first := s.queue[next]
	s.begins(first)
	var group []*asking
	s.queue = slices.DeleteFunc(s.queue, func(a *asking) bool {
		goes := a == first || len(group) < most && !first.alone && !a.alone && a.customer == first.customer
		if goes {
			group = append(group, a)
			s.took(a)
		}
		return goes
	})
	group[len(group)-1].turn <- group // who comes last keeps nobody waiting
	return true
}

// took counts how long one waited.
func (s *sessions) took(a *asking) {
	s.waits++
	s.waited += time.Since(a.since)
}

// lead asks for a group, of which its goroutine is one.
func (s *sessions) lead(group []*asking) {
	if len(group) == 0 {
		return
	}
	slow := time.AfterFunc(s.long, func() { s.pass() })
	defer func() {
		passed := s.ends(group, slow.Stop())
		if len(group) > 1 {
			_ = recover() // whoever's reader panics does so again when it asks alone
		}
		for _, a := range group {
			a.answered(errInVain)
		}
		if passed {
			runtime.Gosched() // what waits is sent before this one's answer is written
		}
	}()
	for _, a := range group {
		a.trace = s.count.together(a.ctx, a.queries)
	}
	ctx, end := anyOf(group)
	defer end()
	conn, err := s.Acquire(ctx)
	if err != nil {
		for _, a := range group {
			a.answered(err)
		}
		return
	}
	defer conn.Release()
	ask(ctx, conn.Conn(), group)
}

// answered ends an asking, the first time.
func (a *asking) answered(err error) {
	if a.done {
		return
	}
	a.done, a.err = true, err
	telemetry.EndStatement(a.trace, sqlState(err))
	if a.turn != nil {
		a.turn <- nil
	}
}

// anyOf is a context that ends when nobody of a group waits any more.
func anyOf(group []*asking) (ctx context.Context, end func()) {
	if len(group) == 1 {
		return group[0].ctx, func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var gone atomic.Int32
	stops := make([]func() bool, len(group))
	for i, a := range group {
		stops[i] = context.AfterFunc(a.ctx, func() {
			if int(gone.Add(1)) == len(group) {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}
