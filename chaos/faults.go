package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// scenario is one fault, or several, beside one piece of work.
type scenario struct {
	number   int
	fault    string // as F4
	what     string
	work     int
	mustKill bool

	web, worker, importing []string // environment of the first life of processes
	before                 func(context.Context, *scene) error
	during                 func(context.Context, *scene) error
	alone                  func(context.Context, *lab) result // in place of all else
}

// rng is the scenario's own source of choices.
func (sc scenario) rng(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(sc.number)+1<<32))
}

// works is how many pieces of work there are; each has its twin.
const works = 4

// scenarios deals n scenarios from the deck of all faults: shuffled by the seed, and again when it is at its end.
func (l *lab) scenarios(ctx context.Context, o options) (all []scenario, err error) {
	deck, err := l.deck(ctx)
	if err != nil {
		return nil, err
	}
	if o.fault != "" {
		wanted := strings.Split(o.fault, ",")
		deck = slices.DeleteFunc(deck, func(sc scenario) bool { return !slices.Contains(wanted, sc.fault) })
		if len(deck) == 0 {
			return nil, fmt.Errorf("no scenario of %s", o.fault)
		}
	}
	rng := rand.New(rand.NewPCG(o.seed, 0))
	for len(all) < o.n {
		for _, i := range rng.Perm(len(deck)) {
			if len(all) == o.n {
				break
			}
			sc := deck[i]
			sc.number = len(all)
			if sc.work < 0 {
				sc.work = rng.IntN(works)
			}
			all = append(all, sc)
		}
		if o.fault != "" && len(all) >= len(deck) { // one fault: each of its scenarios once
			break
		}
	}
	return all, nil
}

// deck is each scenario that there is: every point at which a process can die, and every other fault.
func (l *lab) deck(ctx context.Context) (deck []scenario, err error) {
	twin, err := l.twin(ctx, 0) // the work with everything in it
	if err != nil {
		return nil, err
	}
	for _, point := range twin.distinct("web") {
		deck = append(deck, scenario{fault: "F1", what: "a web process dies: " + point, web: at(point, 1), mustKill: true})
		if n := twin.times("web", point); n > 4 {
			deck = append(deck, scenario{fault: "F1", what: fmt.Sprintf("a web process dies: %s, time %d", point, n/4), web: at(point, n/4), mustKill: true})
		}
	}
	for _, point := range twin.distinct("import") {
		deck = append(deck, scenario{fault: "F1", what: "an import dies: " + point, importing: at(point, 1), mustKill: true})
		if n := twin.times("import", point); n > 1 {
			deck = append(deck, scenario{fault: "F1", what: fmt.Sprintf("an import dies: %s, time %d", point, n), importing: at(point, n), mustKill: true})
		}
	}
	for _, point := range twin.distinct("worker") {
		deck = append(deck, scenario{fault: "F2", what: "a worker dies: " + point, worker: at(point, 1), mustKill: true})
		if n := twin.times("worker", point); n > 8 {
			deck = append(deck, scenario{fault: "F2", what: fmt.Sprintf("a worker dies: %s, time %d", point, n/4), worker: at(point, n/4), mustKill: true})
		}
	}
	add := func(fault, what string, times int, sc scenario) {
		sc.fault, sc.what, sc.work = fault, what, -1
		for range times {
			deck = append(deck, sc)
		}
	}
	add("F4", "Redis dies, and comes back with what it wrote", 3, scenario{during: sometimes(1, redisDies(false))})
	add("F4", "Redis dies, and comes back empty", 3, scenario{during: sometimes(1, redisDies(true))})
	add("F5", "Redis is emptied ten times", 3, scenario{during: sometimes(10, func(ctx context.Context, s *scene) error { return s.onRedis(ctx, "FLUSHALL") })})
	return deck, nil
}

// at lets a process die when it passes a point for the n-th time.
func at(point string, n int) []string { return []string{fmt.Sprintf("FAILPOINT=%s#%d", point, n)} }

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

// redisDies kills Redis and brings it back after a moment.
func redisDies(empty bool) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		ctx = context.WithoutCancel(ctx)
		if err := s.servers.KillRedis(); err != nil {
			return err
		}
		s.kills.Add(1)
		time.Sleep(time.Duration(s.rng.IntN(1500)) * time.Millisecond)
		if empty {
			if err := s.servers.WipeRedis(); err != nil {
				return err
			}
		}
		return s.servers.RestartRedis(ctx)
	}
}
