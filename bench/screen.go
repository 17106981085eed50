package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/page"
)

// The questions. Their answers are the same from our server and from the handler written by hand, byte for byte.
const (
	screenQuery = `query Screen($id: ID!, $month: Date!) { consumer(id: $id) { id externalId timeZone currency
  accounts(first: 3) { nodes { id name providerName container type currency
    transactions(first: 20) { nodes { id bookingDate amount { amount currency } baseType description category { name } merchant { name } } pageInfo { hasNextPage endCursor } } } }
  feed(first: 10) { nodes { id insightName insightTitle createdAt period { from to }
    transactionDerived { creditTotal { amount currency } debitTotal { amount currency } spentPercent transactionCount } } pageInfo { hasNextPage endCursor } }
  categoryTotals(month: $month) { category { id name } credit { amount currency } debit { amount currency } transactionCount } } }`
	longRow   = `nodes { id bookingDate amount { amount currency } baseType description category { id name } merchant { id name } } pageInfo { hasNextPage endCursor }`
	listQuery = `query List($id: ID!) { transactions(filter: {accountIds: [$id]}, first: 100) { ` + longRow + ` } }`
	feedQuery = `query Feed($id: ID!) { feed(filter: {consumerIds: [$id]}, first: 50) { nodes { id insightName insightTitle createdAt period { from to } accounts { id name providerName }
  transactionDerived { creditTotal { amount currency } debitTotal { amount currency } spentPercent transactionCount
    excluded { creditTotal { amount currency } debitTotal { amount currency } transactionCount } } } pageInfo { hasNextPage endCursor } } }`
	deepQuery = `query Deep($after: String) { transactions(first: 100, after: $after) { ` + longRow + ` } }`
)

// subject is what one request is about.
type subject struct {
	consumer, account int64
	month             bank.Date
	after             *page.Cursor
}

// reading is a question that is measured on each server.
type reading struct {
	name     string // also its group
	title    string
	smallest int // bytes of an answer that is no mistake
	conns    []int
	subjects []subject
}

// target is a server that answers the readings.
type target struct {
	name      string
	processes []*process
	request   func(reading string, s subject) []byte
	points    map[string]map[int]*point // by reading and connections
}

// point is what was measured of a target.
type point struct {
	perSecond, p50, p99, server, database, memory series
}

// Ours is two targets more: without what the plan does, for the screen query, and with page 1 where others are asked for page 1,000.
const (
	plainPath = "ours, plain"
	pageOne   = "ours, page 1"
)

// answers tells whether a target is asked a question.
func (t *target) answers(reading string) bool {
	switch t.name {
	case plainPath:
		return reading == "screen"
	case pageOne:
		return reading == "deep"
	}
	return true
}

// body is a GraphQL request.
func body(query string, variables map[string]any) string {
	b, _ := json.Marshal(map[string]any{"query": query, "variables": variables})
	return string(b)
}

func ourBody(reading string, s subject) string {
	consumer := bank.Ref{Kind: bank.KindConsumer, ConsumerID: s.consumer, ID: s.consumer}
	switch reading {
	case "screen":
		return body(screenQuery, map[string]any{"id": consumer, "month": s.month})
	case "list":
		return body(listQuery, map[string]any{"id": bank.Ref{Kind: bank.KindAccount, ConsumerID: s.consumer, ID: s.account}})
	case "feed":
		return body(feedQuery, map[string]any{"id": consumer})
	}
	if s.after == nil {
		return body(deepQuery, nil)
	}
	return body(deepQuery, map[string]any{"after": s.after.String()})
}

// screenBench is the database of consumers whose data is looked at.
type screenBench struct {
	*bench
	*database
	customerID int64
	token      string
	readings   []reading
	targets    []*target
	postmaster int
}

// screens measures what a frontend asks, beside a handler written by hand and beside other servers.
func (b *bench) screens(ctx context.Context) (err error) {
	say("Reading: %d consumers, %d transactions", b.consumers, b.large)
	s := &screenBench{bench: b}
	if s.database, s.customerID, err = b.filled(ctx, "bench_runs_large", b.consumers, b.large); err != nil { // runs have filled it already
		return err
	}
	defer s.close()
	if err := s.database.feed(ctx, s.customerID); err != nil {
		return err
	}
	// Ours is partial, and the others do not say what its condition says.
	if _, err := s.admin.Exec(ctx, "CREATE INDEX IF NOT EXISTS transactions_for_peers ON transactions (customer_id, booking_date DESC, id DESC)"); err != nil {
		return err
	}
	if s.postmaster, err = postmaster(ctx, s.admin); err != nil {
		return err
	}
	if s.token, _, err = (&auth.Tokens{Store: s.store, Life: 24 * time.Hour}).Issue(ctx, bank.Customer{ID: s.customerID}, nil); err != nil {
		return err
	}
	if err := s.choose(ctx); err != nil {
		return err
	}
	defer func() {
		for _, t := range s.targets {
			for _, p := range t.processes {
				p.stop()
			}
		}
	}()
	if err := s.launch(ctx); err != nil {
		return err
	}
	if err := s.compare(); err != nil {
		return err
	}
	for i, r := range s.readings {
		targets := slices.DeleteFunc(slices.Clone(s.targets), func(t *target) bool { return !t.answers(r.name) })
		for _, t := range targets { // warm
			d := b.point
			if i == 0 && !t.exact() && !t.ours() { // they compile while they run
				d = max(d, 3*time.Second)
			}
			if _, err := s.measure(ctx, r, t, 16, d); err != nil {
				return err
			}
		}
		for _, conns := range r.conns {
			for round := range b.rounds {
				for i := range targets {
					if err := s.add(ctx, r, targets[(i+round)%len(targets)], conns); err != nil {
						return err
					}
				}
			}
			for _, t := range targets {
				p := t.points[r.name][conns]
				say("  %s, %d connections: %s %.0f req/s, p50 %.1f, p99 %.1f ms, CPU %.3f + %.3f ms", r.name, conns, t.name, p.perSecond.median(),
					p.p50.median()*1000, p.p99.median()*1000, p.server.median()*1000, p.database.median()*1000)
			}
		}
	}
	s.conclude()
	return nil
}

// choose picks at random what is asked for.
func (s *screenBench) choose(ctx context.Context) error {
	rows, err := s.admin.Query(ctx, `SELECT a.consumer_id, a.id, (SELECT count(*) FROM feed_entries f WHERE (f.customer_id, f.consumer_id) = (a.customer_id, a.consumer_id)) > 50
		FROM accounts a WHERE customer_id = $1 ORDER BY random() LIMIT 10000`, s.customerID)
	if err != nil {
		return err
	}
	var all, many []subject
	for rows.Next() {
		x := subject{month: bank.DateOf(time.Now(), time.UTC).AddMonths(-1)}
		var long bool
		if err := rows.Scan(&x.consumer, &x.account, &long); err != nil {
			return err
		}
		all = append(all, x)
		if long {
			many = append(many, x)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	all, many = all[:min(len(all), 2000)], many[:min(len(many), 2000)]
	var deep []subject
	rows, err = s.admin.Query(ctx, `SELECT booking_date::text, id, consumer_id FROM transactions WHERE customer_id = $1 ORDER BY booking_date DESC, id DESC OFFSET 99899 LIMIT 100`, s.customerID)
	if err != nil {
		return err
	}
	for rows.Next() {
		x := subject{after: &page.Cursor{}}
		if err := rows.Scan(&x.after.Key, &x.after.ID, &x.consumer); err != nil {
			return err
		}
		deep = append(deep, x)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	conns := []int{1, 16, 64}
	lists := conns[1:]
	if s.rounds < fullSizes.rounds {
		lists = conns[1:2]
	}
	for _, r := range []reading{
		{"screen", "screen", 8000, conns, all},
		{"list", "list page of 100", 10000, lists, all},
		{"feed", "feed page of 50", 15000, lists, many},
		{"deep", "page 1,000 of all transactions", 20000, lists, deep},
	} {
		if s.wants(r.name) {
			s.readings = append(s.readings, r)
		}
	}
	return nil
}

// launch starts the servers.
func (s *screenBench) launch(ctx context.Context) error {
	ours := func(reading string, x subject) []byte { return request("/graphql", s.token, ourBody(reading, x)) }
	for _, one := range []struct{ name, env string }{{"ours", "INSIGHTGRAPH_PLAIN=0"}, {plainPath, "INSIGHTGRAPH_PLAIN=1"}} {
		p, err := s.serve(ctx, strings.ReplaceAll(one.name, ", ", "-"), s.database, "ROLE=web", one.env)
		if err != nil {
			return err
		}
		s.target(one.name, ours, p)
	}
	s.target(pageOne, func(reading string, _ subject) []byte { return ours(reading, subject{}) }, s.find("ours").processes...)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	p, err := s.start(ctx, "hand", addr, "/readyz", nil, self, "hand", "-addr", addr, "-database", s.url, "-customer", fmt.Sprint(s.customerID))
	if err != nil {
		return err
	}
	s.target("hand-written", func(reading string, x subject) []byte {
		return request("/"+reading, "", ourBody(reading, x))
	}, p)
	return s.peers(ctx)
}

func (s *screenBench) target(name string, request func(string, subject) []byte, processes ...*process) {
	t := &target{name: name, processes: processes, request: request, points: map[string]map[int]*point{}}
	for _, r := range s.readings {
		t.points[r.name] = map[int]*point{}
		for _, c := range r.conns {
			t.points[r.name][c] = &point{}
		}
	}
	s.targets = append(s.targets, t)
}

func (s *screenBench) find(name string) *target {
	for _, t := range s.targets {
		if t.name == name {
			return t
		}
	}
	return nil
}

// telling are parts of an answer that any server writes alike: they give the rows and their order.
var telling = regexp.MustCompile(`"(?:description|spentPercent)": ?"([^"]*)"|"(credit)":`)

// priceless is what an answer tells about points, which the limit does not count.
var priceless = regexp.MustCompile(`,"extensions":\{"cost":\{[^}]*\}\}`)

// compare asks all servers the same and fails where they answer differently.
func (s *screenBench) compare() error {
	ours := s.find("ours")
	for _, t := range s.targets {
		if t == ours || t.name == pageOne {
			continue
		}
		clients := []*client{}
		for _, p := range append(slices.Clone(ours.processes[:1]), t.processes...) {
			c, err := dial(p.addr)
			if err != nil {
				return err
			}
			defer c.conn.Close()
			clients = append(clients, c)
		}
		for _, r := range s.readings {
			for i := range 200 {
				if !t.answers(r.name) {
					break
				}
				x := r.subjects[i%len(r.subjects)]
				want, err := clients[0].post(ours.request(r.name, x))
				if err != nil {
					return fmt.Errorf("ask ours for %s: %w", r.name, err)
				}
				got, err := clients[1+i%len(t.processes)].post(t.request(r.name, x))
				if err != nil {
					return fmt.Errorf("ask %s for %s: %w", t.name, r.name, err)
				}
				if len(want) < r.smallest {
					return fmt.Errorf("our answer to %s is too small: %.300s", r.name, want)
				}
				want, got = priceless.ReplaceAll(want, nil), priceless.ReplaceAll(got, nil)
				if t.exact() && !bytes.Equal(want, got) {
					at := 0
					for at < min(len(want), len(got)) && want[at] == got[at] {
						at++
					}
					around := func(b []byte) []byte { return b[max(0, at-60):min(len(b), at+60)] }
					return fmt.Errorf("%s answers %s differently from ours: %q, ours %q", t.name, r.name, around(got), around(want))
				}
				if a, b := said(want), said(got); !slices.Equal(a, b) {
					return fmt.Errorf("%s answers %s with other rows than ours: %d and %d: %.300s", t.name, r.name, len(b), len(a), got)
				}
			}
		}
	}
	return nil
}

func (t *target) exact() bool { return t.name == "hand-written" || t.name == plainPath }

// ours tells whether it is our server.
func (t *target) ours() bool { return strings.HasPrefix(t.name, "ours") }

func said(answer []byte) (all []string) {
	for _, m := range telling.FindAllSubmatch(answer, -1) {
		all = append(all, string(m[1])+string(m[2]))
	}
	return all
}

// measure loads a target for a time and tells what it took.
func (s *screenBench) measure(ctx context.Context, r reading, t *target, conns int, d time.Duration) (point, error) {
	file := filepath.Join(s.dir, "requests")
	requests := make([][]byte, 0, len(r.subjects))
	for _, x := range r.subjects {
		requests = append(requests, t.request(r.name, x))
	}
	rand.Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
	if err := keepRequests(file, requests); err != nil {
		return point{}, err
	}
	var addrs []string
	var pids []int
	for _, p := range t.processes {
		addrs, pids = append(addrs, p.addr), append(pids, p.pid())
	}
	smallest := r.smallest
	if !t.exact() && !t.ours() {
		smallest /= 4 // they may say less beside the rows
	}
	server, database := spent(pids...), spentBelow(s.postmaster)
	l, err := s.load(ctx, addrs, file, conns, d, smallest)
	if err != nil {
		return point{}, fmt.Errorf("%s: %w", t.name, err)
	}
	each := func(d time.Duration) series { return series{d.Seconds() / float64(l.Requests)} }
	return point{series{l.perSecond()}, series{l.P50}, series{l.P99}, each(spent(pids...) - server), each(spentBelow(s.postmaster) - database), series{memory(pids...)}}, nil
}

func (s *screenBench) add(ctx context.Context, r reading, t *target, conns int) error {
	d := s.point
	if r.name != "screen" {
		d = d * 2 / 3
	}
	one, err := s.measure(ctx, r, t, conns, d)
	if err != nil {
		return err
	}
	p := t.points[r.name][conns]
	p.perSecond, p.p50, p.p99 = append(p.perSecond, one.perSecond...), append(p.p50, one.p50...), append(p.p99, one.p99...)
	p.server, p.database, p.memory = append(p.server, one.server...), append(p.database, one.database...), append(p.memory, one.memory...)
	return nil
}

// conclude makes the results.
func (s *screenBench) conclude() {
	ours := s.find("ours")
	add := func(r result) { s.results = append(s.results, r) }
	for _, r := range s.readings {
		for _, conns := range r.conns {
			mine := ours.points[r.name][conns]
			title := fmt.Sprintf("%s, %d connections", r.title, conns)
			if conns == 1 {
				title = r.title + ", 1 connection"
			}
			for _, t := range s.targets {
				if t == ours || t.name == pageOne || !t.answers(r.name) {
					continue
				}
				x := result{name: title + " / " + t.name, unit: "req/s", least: true, ours: mine.perSecond, limit: t.points[r.name][conns].perSecond}
				switch {
				case t.name == plainPath:
				case t.name == "hand-written" && conns == 1:
					x.goal = 0.65
				case t.name == "hand-written":
					x.goal = 0.75
				case conns == 1:
				case len(t.processes) > 1:
					x.goal = 2
				default:
					x.goal = 2.5
				}
				add(x)
			}
			if other := s.find("PostGraphile"); other != nil && conns == 64 && other.answers(r.name) {
				add(result{name: title + ", p99 / PostGraphile's", ours: mine.p99, limit: other.points[r.name][conns].p99, goal: 0.25})
			}
			if r.name == "screen" && conns == 64 {
				add(result{name: title + ", memory", unit: "MiB", ours: mebibytes(mine.memory), goal: 80})
			}
			if r.name == "deep" {
				add(result{name: fmt.Sprintf("page 1,000 / page 1, %d connections, p50", conns), ours: mine.p50, limit: s.find(pageOne).points[r.name][conns].p50, goal: 1.1})
			}
		}
	}
	var text strings.Builder
	text.WriteString("| question | connections | server | req/s | p50 ms | p99 ms | CPU ms: server + database | of ours | memory MiB |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range s.readings {
		for _, conns := range r.conns {
			for _, t := range s.targets {
				p := t.points[r.name][conns]
				if !t.answers(r.name) {
					continue
				}
				mine := ours.points[r.name][conns]
				fmt.Fprintf(&text, "| %s | %d | %s | %.0f | %.1f | %.1f | %.3f + %.3f | %.2f | %.0f |\n", r.title, conns, t.name, p.perSecond.median(), p.p50.median()*1000, p.p99.median()*1000,
					p.server.median()*1000, p.database.median()*1000, (p.server.median()+p.database.median())/(mine.server.median()+mine.database.median()), mebibytes(p.memory).median())
			}
		}
	}
	s.details = append(s.details, text.String())
}

func mebibytes(s series) (out series) {
	for _, v := range s {
		out = append(out, v/(1<<20))
	}
	return out
}
