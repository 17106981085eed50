package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// What is done to the servers and processes while the work goes on. What was broken is mended also when the work is over
// meanwhile.

// shock notes that from now on, and until what it gives is called, workers may lose what they hold.
func (s *scene) shock() func() {
	s.shocks.Add(1)
	return func() { s.shocks.Add(1) }
}

// while waits some real time, as the scenario's seed says.
func (s *scene) while(longest time.Duration) { time.Sleep(time.Duration(s.rng.Int64N(int64(longest)))) }

func databaseDies(ctx context.Context, s *scene) error {
	if err := s.servers.KillPostgres(); err != nil {
		return err
	}
	s.dies("PostgreSQL")
	defer s.shock()()
	s.while(1500 * time.Millisecond)
	if err := s.servers.RestartPostgres(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	// Who waits for nothing but the database is ready at once.
	begun := time.Now()
	for _, p := range s.webs() {
		if err := p.untilReady(ctx); err != nil {
			return err
		}
	}
	s.note = fmt.Sprintf("ready %.1fs after PostgreSQL", time.Since(begun).Seconds())
	return nil
}

// redisDies kills Redis and brings it back after a moment.
func redisDies(empty bool) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		if err := s.servers.KillRedis(); err != nil {
			return err
		}
		s.dies("Redis")
		s.while(1500 * time.Millisecond)
		if empty {
			if err := s.servers.WipeRedis(); err != nil {
				return err
			}
		}
		return s.servers.RestartRedis(context.WithoutCancel(ctx))
	}
}

// redisComes looks how the processes are without Redis, and lets it come.
func redisComes(ctx context.Context, s *scene) error {
	defer s.lab.redis.back()
	for _, p := range s.processes {
		if err := p.untilReady(ctx); err != nil {
			return err
		}
		if code, text := p.ready(ctx); code != http.StatusOK || !strings.Contains(text, "degraded") {
			s.wrong("%s without Redis is %d %s", p.name, code, text)
		}
	}
	select { // the work is in, and waits
	case <-ctx.Done():
	case <-time.After(5 * time.Second):
	}
	return nil
}

// badRedis breaks Redis for some seconds and notes how long the slowest request took meanwhile.
func badRedis(do func(context.Context, *scene) error) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		defer s.lab.redis.back()
		s.mu.Lock()
		before := s.slowest
		s.slowest = 0
		s.mu.Unlock()
		if err := do(ctx, s); err != nil {
			return err
		}
		time.Sleep(2*time.Second + time.Duration(s.rng.IntN(2000))*time.Millisecond)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.note = fmt.Sprintf("slowest request %v, %v without", s.slowest.Round(time.Millisecond), before.Round(time.Millisecond))
		return nil
	}
}

func fullRedis(policy string) func(context.Context, *scene) error {
	return badRedis(func(ctx context.Context, s *scene) error {
		for _, args := range [][]any{{"CONFIG", "SET", "maxmemory-policy", policy}, {"CONFIG", "SET", "maxmemory", "1"}} {
			if err := s.onRedis(ctx, args...); err != nil {
				return err
			}
		}
		go func() { // whatever becomes of the scene
			time.Sleep(3 * time.Second)
			_ = s.onRedis(context.WithoutCancel(ctx), "CONFIG", "SET", "maxmemory", "0")
			_ = s.onRedis(context.WithoutCancel(ctx), "CONFIG", "SET", "maxmemory-policy", "noeviction")
		}()
		return nil
	})
}

// ours are the sessions of the processes.
const ours = "FROM pg_stat_activity WHERE application_name = 'insightgraph' AND datname = current_database()"

func sessionsEnd(ctx context.Context, s *scene) error {
	defer s.shock()()
	_, err := s.db.Exec(ctx, "SELECT pg_terminate_backend(pid) "+ours)
	return err
}

func databaseUnreachable(_ context.Context, s *scene) error {
	defer s.shock()()
	s.lab.postgres.away()
	defer s.lab.postgres.back()
	s.while(2 * time.Second)
	return nil
}

// connectionsGone takes all connections that there are, those of the processes too, which are ended for it.
func connectionsGone(ctx context.Context, s *scene) error {
	defer s.shock()()
	var held []*pgx.Conn
	defer func() {
		for _, c := range held {
			c.Close(context.WithoutCancel(ctx))
		}
	}()
	s.lab.postgres.cut()
	for begun := time.Now(); time.Since(begun) < 3*time.Second; {
		if c, err := pgx.Connect(ctx, s.servers.DatabaseURL); err == nil {
			held = append(held, c)
		} else {
			time.Sleep(10 * time.Millisecond)
		}
	}
	s.note = fmt.Sprintf("%d connections taken away", len(held))
	return nil
}

func tableLocked(ctx context.Context, s *scene) error {
	defer s.shock()()
	tx, err := s.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	if _, err := tx.Exec(ctx, "LOCK TABLE consumers IN ACCESS EXCLUSIVE MODE"); err != nil {
		return err
	}
	time.Sleep(10 * time.Second)
	return nil
}

// workers are the processes that plan and evaluate.
func (s *scene) workers() (all []*process) {
	for _, p := range s.processes {
		if p.role == "worker" {
			all = append(all, p)
		}
	}
	return all
}

// standStill lets a worker stand still for longer than its leases hold, and go on as if nothing had been.
func standStill(ctx context.Context, s *scene) error {
	workers := s.workers()
	p := workers[s.rng.IntN(len(workers))]
	defer s.shock()()
	p.signal(syscall.SIGSTOP)
	defer p.signal(syscall.SIGCONT)
	time.Sleep(4 * time.Second)
	return nil
}

// wakeZombies lets processes go on that stood still at a point, when there was time for others to do their work.
func wakeZombies(ctx context.Context, s *scene) error {
	p := s.workers()[0]
	for {
		select {
		case <-ctx.Done():
			if p.still() {
				p.signal(syscall.SIGCONT)
			}
			s.note = "the point was not reached"
			return nil
		case <-time.After(50 * time.Millisecond):
		}
		if !p.still() {
			continue
		}
		s.shocks.Add(1)
		time.Sleep(5 * time.Second)
		s.shocks.Add(1)
		p.signal(syscall.SIGCONT)
		s.note = "it stood still"
		return nil
	}
}

// still tells whether the process stands still.
func (p *process) still() bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(text), ") ")
	return strings.HasPrefix(state, "T")
}

// rolling stops each process in order and waits until it is back, again and again. Clients are told by it, as by a load
// balancer, who is not ready.
func rolling(ctx context.Context, s *scene) error {
	n := 0
	for range 5 {
		for _, p := range s.processes {
			if ctx.Err() != nil {
				s.note = fmt.Sprintf("%d restarts", n)
				return nil
			}
			before := p.pid()
			s.shocks.Add(1)
			p.signal(syscall.SIGTERM)
			for p.pid() == before && ctx.Err() == nil {
				if code, _ := p.ready(ctx); code != http.StatusOK {
					p.out.Store(true)
				}
				time.Sleep(20 * time.Millisecond)
			}
			if err := p.untilReady(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			p.out.Store(false)
			n++
		}
	}
	s.note = fmt.Sprintf("%d restarts", n)
	return nil
}

// slowClients send a byte a second, or read nothing, while others are served.
func slowClients(ctx context.Context, s *scene) error {
	p := s.webs()[0]
	pid := p.pid()
	var all []net.Conn
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	for range 200 {
		c, err := net.Dial("tcp", p.addr)
		if err != nil {
			return err
		}
		fmt.Fprintf(c, "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer x\r\nContent-Length: 1000\r\n")
		all = append(all, c)
	}
	begun, answered := time.Now(), 0
	var slowest time.Duration
	for time.Since(begun) < 4*time.Second && ctx.Err() == nil {
		for _, c := range all {
			c.Write([]byte("X"))
		}
		one := time.Now()
		if code, _ := p.ready(ctx); code == http.StatusOK {
			answered++
			slowest = max(slowest, time.Since(one))
		}
		time.Sleep(200 * time.Millisecond)
	}
	if p.pid() != pid {
		s.leak("slow clients ended a process")
	}
	s.note = fmt.Sprintf("%d healthy answers beside them, the slowest in %v", answered, slowest.Round(time.Millisecond))
	return nil
}

// hugeRequests sends what is too much, and looks whether the process is the same and small afterwards.
func hugeRequests(ctx context.Context, s *scene) error {
	p := s.webs()[s.rng.IntN(2)]
	pid := p.pid()
	c := newClient(s, 0)
	token, err := c.signIn(ctx, p)
	if err != nil {
		return err
	}
	quoted := func(query string) string { return `{"query":` + strconv.Quote(query) + `}` }
	fragments := "{ ...f0 } "
	for i := range 40 {
		fragments += fmt.Sprintf("fragment f%d on Query { ...f%d ...f%d } ", i, i+1, i+1)
	}
	for _, body := range []string{
		strings.Repeat("x", 3<<20),
		quoted("{" + strings.Repeat(" a: __typename", 20000) + "}"),
		quoted(strings.Repeat("{ consumers ", 5000)),
		quoted(fragments + "fragment f40 on Query { __typename }"),
		quoted("{ consumers(first: 1000000000) { nodes { accounts(first: 100) { nodes { transactions(first: 100) { nodes { id } } } } } } }"),
		quoted("{ __typename " + strings.Repeat("@skip(if: false) ", 5000) + "}"),
		`{"query":"{ __typename }","variables":` + strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000) + "}",
		"[" + strings.Repeat(`{"query":"{ __typename }"},`, 10000) + `{"query":"{ __typename }"}]`,
	} {
		r, err := http.NewRequestWithContext(ctx, "POST", "http://"+p.addr+"/graphql", strings.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		if a, err := direct.Do(r); err == nil { // it may also hang up
			answer, _ := io.ReadAll(a.Body)
			a.Body.Close()
			if len(answer) > 64<<10 || strings.Contains(string(answer), canary(1)) {
				s.leak("a hostile request is answered with %d bytes", len(answer))
			}
		}
	}
	if p.pid() != pid {
		s.leak("a hostile request ended a process")
	}
	if mb := p.megabytes(); mb > 300 {
		s.leak("%s has %d MB", p.name, mb)
	} else {
		s.note = fmt.Sprintf("%d MB", mb)
	}
	return nil
}

// megabytes is what the process has in memory.
func (p *process) megabytes() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.pid()))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize() >> 20
}

// readOnly makes the database refuse changes for a while.
func readOnly(ctx context.Context, s *scene) error {
	defer s.shock()()
	ctx = context.WithoutCancel(ctx)
	set := func(value string) error {
		if err := s.do(ctx, "ALTER SYSTEM SET default_transaction_read_only = "+value); err != nil {
			return err
		}
		return s.do(ctx, "SELECT pg_reload_conf()")
	}
	if err := set("on"); err != nil {
		return err
	}
	s.while(3 * time.Second)
	// The session that ends it must be allowed to.
	conn, err := pgx.Connect(ctx, s.servers.DatabaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, statement := range []string{"SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
