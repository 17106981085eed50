// Command chaos runs the program under test while everything around it breaks, and checks that nothing is lost, nothing
// comes twice, nothing stays undone and nobody sees what is another's.
//
//	go run ./chaos -seed 1 -n 200     seeded scenarios over all faults; the last line tells the result
//	go run ./chaos -case F4           the scenarios of one fault
//	go run ./chaos -seed 1 -only 0a1b2c3d  one scenario again, by the name that its line begins with
//
// It starts a PostgreSQL and a Redis of its own, proxies before them, and for each scenario two web and two worker
// processes (each worker plans too) of the program, built with the tag failpoint. What is to happen follows from the seed. docs/reliability.md says what is promised for each fault.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

type options struct {
	seed    uint64
	n       int
	fault   string
	only    string
	list    bool
	program string
	side    int
	keep    bool
	verbose bool
}

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "what follows from it is the same each time")
	flag.IntVar(&o.n, "n", 200, "how many scenarios")
	flag.StringVar(&o.fault, "case", "", "only this fault, as F4; a comma between several")
	flag.StringVar(&o.only, "only", "", "only the scenario that another run of the seed called so")
	flag.StringVar(&o.program, "program", "", "the program, built with the tag failpoint; otherwise it is built")
	flag.IntVar(&o.side, "side", 4, "how many side by side, each with servers of its own")
	flag.BoolVar(&o.list, "list", false, "only say what the scenarios are")
	flag.BoolVar(&o.keep, "keep", false, "keep logs of scenarios that fail")
	flag.BoolVar(&o.verbose, "v", false, "say at once what is wrong")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	good, err := run(ctx, o, func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
	}
	if !good || err != nil {
		stop()
		os.Exit(1)
	}
}

// run runs scenarios and says what came of each; the last line sums up. good is whether nothing was wrong.
func run(ctx context.Context, o options, say func(string, ...any)) (good bool, err error) {
	l, err := newLab(ctx, o)
	if err != nil {
		return false, err
	}
	defer l.close()
	all, err := l.scenarios(ctx, o)
	if err != nil {
		return false, err
	}
	if o.fault == "F19" {
		l.stride = 1
	}
	if o.list {
		for _, sc := range all {
			say("%s %-4s %s", sc.id, sc.fault, sc.what)
		}
		return true, nil
	}
	todo := make(chan scenario, len(all))
	for _, sc := range all {
		todo <- sc
	}
	close(todo)
	var sum total
	var mu sync.Mutex // of sum, and of what is said
	play := func(l *lab) {
		for sc := range todo {
			begun := time.Now()
			r := l.play(ctx, sc)
			if ctx.Err() != nil {
				return
			}
			mu.Lock()
			sum.add(r)
			word := "ok"
			if !r.good() {
				word = "WRONG"
			}
			say("%s %-4s %-70s %5.1fs kills=%d recover=%.1fs %s", sc.id, sc.fault, sc.what, time.Since(begun).Seconds(), len(r.dead), r.recover.Seconds(), strings.TrimSpace(word+" "+r.note))
			for _, p := range r.problems {
				say("      %s", p)
			}
			mu.Unlock()
		}
	}
	var side sync.WaitGroup
	var errs errorList
	side.Go(func() { play(l) })
	for range min(o.side, len(all)) - 1 {
		side.Go(func() {
			other, err := l.beside(ctx)
			if err != nil {
				errs.add(err)
				return
			}
			defer other.close()
			play(other)
		})
	}
	side.Wait()
	if ctx.Err() != nil {
		errs.add(errors.New("stopped"))
	}
	say("%s seed=%d", sum, o.seed)
	return sum.good() && sum.scenarios > 0, errs.err()
}

// result is what came of a scenario.
type result struct {
	verdict
	dead    []string        // who was killed
	recover time.Duration   // the longest
	all     []time.Duration // until what was under way at a death was done
	note    string
}

type total struct {
	scenarios, kills, lost, twice, stuck, leaks, other int
	recover                                            []time.Duration
}

func (t *total) add(r result) {
	t.scenarios++
	t.kills += len(r.dead)
	t.lost += r.lost
	t.twice += r.twice
	t.stuck += r.stuck
	t.leaks += r.leaks
	if r.lost+r.twice+r.stuck+r.leaks == 0 && len(r.problems) > 0 {
		t.other++
	}
	t.recover = append(t.recover, r.all...)
}

func (t total) good() bool { return t.lost+t.twice+t.stuck+t.leaks+t.other == 0 }

func (t total) String() string {
	text := fmt.Sprintf("scenarios=%d kills=%d lost=%d twice=%d stuck=%d leaks=%d recover_p99=%.1fs", t.scenarios, t.kills, t.lost, t.twice, t.stuck, t.leaks,
		percentile(t.recover, 0.99).Seconds())
	if t.other > 0 {
		text += fmt.Sprintf(" other=%d", t.other)
	}
	return text
}
