package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scenario is one fault, or several, beside one piece of work.
type scenario struct {
	id       string // follows from the seed and what it is; it can be run again by it
	fault    string // as F4
	what     string
	copy     int // of several that are the same
	work     int // -1: by the id
	mustKill bool

	web, worker, importing []string // environment of the first life of processes
	zombie                 []string // of one worker
	planners               int      // workers; 0: two
	repeat                 int      // how often each batch is sent at once; 0: once
	strict                 bool     // no request may fail
	before                 func(context.Context, *scene) error
	during                 func(context.Context, *scene) error
	alone                  func(context.Context, *lab, scenario) result // in place of all else
}

// rng is the scenario's own source of choices.
func (sc scenario) rng() *rand.Rand {
	n, _ := strconv.ParseUint(sc.id, 16, 64)
	return rand.New(rand.NewPCG(n, 1))
}

// works is how many pieces of work there are; each has its twin.
const works = 4

// scenarios deals n scenarios from the deck of all faults: shuffled by the seed, and again when it is at its end.
func (l *lab) scenarios(ctx context.Context, o options) (all []scenario, err error) {
	var wanted []string // all
	if o.fault != "" {
		wanted = strings.Split(o.fault, ",")
	}
	deck, err := l.deck(ctx, func(fault string) bool { return wanted == nil || slices.Contains(wanted, fault) })
	if err != nil {
		return nil, err
	}
	if len(deck) == 0 {
		return nil, fmt.Errorf("no scenario of %s", o.fault)
	}
	// One fault: each of its scenarios once. All faults: as many as are wanted, the deck again when it is at its end.
	for round := 0; round == 0 || wanted == nil && o.only == "" && len(all) < o.n; round++ {
		shuffled := slices.Clone(deck)
		for i := range shuffled {
			sc := &shuffled[i]
			hash := fnv.New32a()
			fmt.Fprint(hash, o.seed, " ", sc.fault, " ", sc.what, " ", sc.copy, " ", round)
			sc.id = fmt.Sprintf("%08x", hash.Sum32())
			if sc.work < 0 {
				sc.work = sc.rng().IntN(works)
			}
		}
		slices.SortFunc(shuffled, func(a, b scenario) int { return strings.Compare(a.id, b.id) })
		all = append(all, shuffled...)
	}
	if o.only != "" {
		all = slices.DeleteFunc(all, func(sc scenario) bool { return sc.id != o.only })
	} else if wanted == nil {
		all = all[:o.n]
	}
	return all, nil
}

// deck is each scenario of wanted faults that there is: every point at which a process can die, and every other fault.
func (l *lab) deck(ctx context.Context, wanted func(fault string) bool) (deck []scenario, err error) {
	ordinary, files := &twin{}, &twin{}
	if wanted("F1") || wanted("F2") || wanted("F9") { // what they pass is known from a run without faults
		if ordinary, err = l.twin(ctx, 1); err != nil {
			return nil, err
		}
	}
	if wanted("F1") {
		if files, err = l.twin(ctx, 0); err != nil { // the work in which the command import runs
			return nil, err
		}
	}
	for _, of := range []struct {
		fault, role, who string
		twin             *twin
		work             int
		place            func(*scenario) *[]string
	}{
		{"F1", "web", "a web process", ordinary, 1, func(sc *scenario) *[]string { return &sc.web }},
		{"F1", "import", "an import", files, 0, func(sc *scenario) *[]string { return &sc.importing }},
		{"F2", "worker", "a worker", ordinary, 1, func(sc *scenario) *[]string { return &sc.worker }},
	} {
		for _, point := range of.twin.distinct(of.role) {
			for i, n := range []int{1, of.twin.times(of.role, point) / 4} { // the first time, and once when it is at full work; there are two processes
				if i == 0 || n > 1 {
					sc := scenario{fault: of.fault, what: fmt.Sprintf("%s dies %s, %s", of.who, point, []string{"the first time", "at full work"}[i]), work: of.work, mustKill: true}
					*of.place(&sc) = []string{fmt.Sprintf("FAILPOINT=%s#%d", point, n)}
					deck = append(deck, sc)
				}
			}
		}
	}
	add := func(fault, what string, times int, sc scenario) {
		sc.fault, sc.what, sc.work = fault, what, -1
		for sc.copy = range times {
			deck = append(deck, sc)
		}
	}
	add("F3", "PostgreSQL dies, and comes back", 4, scenario{during: sometimes(2, databaseDies)})
	add("F4", "Redis dies, and comes back with what it wrote", 3, scenario{during: sometimes(1, redisDies(false))})
	add("F4", "Redis dies, and comes back empty", 3, scenario{during: sometimes(1, redisDies(true))})
	add("F5", "Redis is emptied ten times", 3, scenario{during: sometimes(10, func(ctx context.Context, s *scene) error { return s.onRedis(ctx, "FLUSHALL") })})
	add("F6", "Redis is away at the start", 2, scenario{before: func(_ context.Context, s *scene) error { s.lab.redis.away(); return nil }, during: redisComes})
	add("F7", "Redis says nothing for a while", 2, scenario{during: sometimes(2, badRedis(func(ctx context.Context, s *scene) error { s.lab.redis.blackhole(); return nil }))})
	add("F7", "Redis is slow", 1, scenario{during: sometimes(2, badRedis(func(ctx context.Context, s *scene) error { s.lab.redis.slow(2 * time.Second); return nil }))})
	add("F7", "Redis has no memory left", 1, scenario{during: sometimes(2, fullRedis("noeviction"))})
	add("F7", "Redis throws keys away", 1, scenario{during: sometimes(2, fullRedis("allkeys-lru"))})
	add("F8", "the database ends all sessions", 2, scenario{during: sometimes(5, sessionsEnd)})
	add("F8", "the database cannot be reached for a moment", 2, scenario{during: sometimes(2, databaseUnreachable)})
	add("F8", "the database has no connections left", 1, scenario{during: sometimes(1, connectionsGone)})
	add("F8", "a table is locked for ten seconds", 1, scenario{during: sometimes(1, tableLocked)})
	add("F9", "three planners, one stands still and goes on", 2, scenario{planners: 3, during: sometimes(2, standStill)})
	for _, point := range ordinary.distinct("worker") {
		deck = append(deck, scenario{fault: "F9", what: "a worker stands still " + point + ", and goes on when others have done its work", work: 1, planners: 3,
			zombie: []string{"FAILPOINT=" + point + "#1", "FAILPOINT_SIGNAL=STOP"}, during: wakeZombies})
	}
	add("F10", "the clock jumps an hour, forth and back", 2, scenario{during: sometimes(6, func(_ context.Context, s *scene) error {
		s.clock.jump([]time.Duration{time.Hour, -time.Hour}[s.rng.IntN(2)])
		return nil
	})})
	for _, span := range spans {
		deck = append(deck, scenario{fault: "F10", what: "months end: " + span.what, alone: monthsEnd(span)})
	}
	add("F11", "each process is stopped in order and started again, five times, under load", 2, scenario{during: rolling, strict: true})
	add("F12", "two hundred slow clients", 1, scenario{during: sometimes(1, slowClients)})
	add("F13", "huge and hostile requests", 1, scenario{during: sometimes(3, hugeRequests)})
	add("F14", "each batch is sent six times at once, shuffled", 2, scenario{repeat: 6})
	deck = append(deck, scenario{fault: "F15", what: "fifty clients change one account at once", alone: changedTogether})
	deck = append(deck, scenario{fault: "F16", what: "a person whose data cannot be read", alone: poisoned})
	add("F17", "a consumer is erased while everything about it is going on", 2, scenario{during: erased})
	add("F18", "the database takes no changes for a while", 2, scenario{during: sometimes(2, readOnly)})
	deck = append(deck, scenario{fault: "F18", what: "the database's disk is full for a while", alone: diskFull})
	deck = append(deck, scenario{fault: "F19", what: "a migration dies at each of its statements, and two migrate at once", alone: migrationsDie})
	return slices.DeleteFunc(deck, func(sc scenario) bool { return !wanted(sc.fault) }), nil
}

// sometimes does something n times, after so many acknowledged calls as the scenario's seed says.
func sometimes(n int, do func(context.Context, *scene) error) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		twin, err := s.twin(ctx, s.work.number)
		if err != nil {
			return err
		}
		moments := make([]int, n)
		for i := range moments {
			moments[i] = s.rng.IntN(twin.acks)
		}
		slices.Sort(moments)
		for _, m := range moments {
			if !s.after(ctx, m) {
				return nil
			}
			if err := do(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
}
