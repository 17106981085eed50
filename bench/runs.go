package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
	"insightgraph/store"
	"insightgraph/tasks"
)

const insightName = "SPENDING_AND_EARNING_COMPARISON"

// runsBench is a database of consumers whose insights are made.
type runsBench struct {
	*bench
	*database
	customerID int64
	queue      *tasks.Queue
	checked    bool // the limit was seen to write what we write
}

// runs measures the scheduled run, the run with nothing to do, and runs on demand.
func (b *bench) runs(ctx context.Context) error {
	r, err := b.runsBench(ctx, "bench_runs", b.transactions)
	if err != nil {
		return err
	}
	defer r.close()
	if b.only.MatchString("scheduled") {
		if err := r.schedule(ctx); err != nil {
			return err
		}
	}
	if b.only.MatchString("demand") {
		return r.demand(ctx)
	}
	return nil
}

func (b *bench) runsBench(ctx context.Context, name string, transactions int) (*runsBench, error) {
	say("Scheduled run: %d consumers, %d transactions", b.consumers, transactions)
	d, customerID, err := b.filled(ctx, name, b.consumers, transactions)
	if err != nil {
		return nil, err
	}
	return &runsBench{bench: b, database: d, customerID: customerID, queue: tasks.NewQueue(b.redis, d.store, b.log)}, nil
}

// schedule measures the scheduled run beside the limit, with more transactions, and with more insights.
func (r *runsBench) schedule(ctx context.Context) error {
	large, err := r.runsBench(ctx, "bench_runs_large", r.large)
	if err != nil {
		return err
	}
	defer large.close()
	var limit, one, two, more, sixty, all, minute series
	steps := []struct {
		name    string
		took    *series
		measure func(*series) error
	}{
		{"single statement", &limit, func(s *series) error { return r.single(ctx, s) }},
		{"1 shard at a time", &one, func(s *series) error { return r.scheduled(ctx, catalogue.All, 1, s) }},
		{"more transactions", &more, func(s *series) error { return large.scheduled(ctx, catalogue.All, 1, s) }},
		{"60 insights", &sixty, func(s *series) error { return r.scheduled(ctx, manyInsights(60), 1, s) }},
		{"2 shards at a time", &two, func(s *series) error { return r.scheduled(ctx, catalogue.All, 2, s) }},
		{"all looked at again", &all, func(s *series) error { return r.nothing(ctx, true, s) }},
		{"the minute's plan", &minute, func(s *series) error { return r.nothing(ctx, false, s) }},
	}
	for round := range r.rounds + 1 {
		text := ""
		for _, s := range steps {
			if round == 1 { // the first one warms up
				*s.took = nil
			}
			if err := s.measure(s.took); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			text += fmt.Sprintf(", %s %.3f s", s.name, last(*s.took))
		}
		say("  round %d%s", round, text)
	}
	r.results = append(r.results,
		result{name: "scheduled run, 1 shard at a time / single SQL", ours: one, limit: limit, goal: 1.3},
		result{name: "scheduled run, 2 shards at a time / single SQL", ours: two, limit: limit, goal: 1},
		result{name: fmt.Sprintf("scheduled run (1), %s / %s million transactions", millions(r.large), millions(r.transactions)), ours: more, limit: one, goal: 1.15},
		result{name: "scheduled run (1), 60 insights of which one tells something / that one", ours: sixty, limit: one, goal: 3},
		result{name: "nothing to do, all looked at / first run (2)", ours: all, limit: two, goal: 0.3},
		result{name: "nothing to do, minute's plan / first run (2)", ours: minute, limit: two, goal: 0.3})
	return nil
}

func millions(n int) string { return strconv.FormatFloat(float64(n)/1e6, 'g', 2, 64) }

func last(s series) float64 { return s[len(s)-1] }

// manyInsights is the catalogue's insight and others made from it, which look at the same totals but have something to
// tell only to those who spend more than anybody does.
func manyInsights(n int) []insight.Definition {
	all := catalogue.All[:1:1]
	for i := range n - 1 {
		d := catalogue.All[0]
		tell := d.Evaluate
		d.Name = fmt.Sprintf("%s_ABOVE_%02d", d.Name, i)
		d.Unmet = "Less was spent."
		d.Thresholds = []insight.Threshold{{Name: "spent", Type: insight.Amount, Default: decimal.MustNew(int64(1_000_000+i), 0), Maximum: decimal.MustNew(1e9, 0)}}
		d.Evaluate = func(f insight.Facts) []insight.Finding {
			var spent decimal.Decimal
			for _, t := range f.Totals {
				sum, err := spent.Add(t.Debit)
				if err != nil {
					panic(err)
				}
				spent = sum
			}
			if len(f.Settings.Threshold) == 0 || spent.Cmp(f.Settings.Threshold[0].Value) <= 0 {
				return nil
			}
			return tell(f)
		}
		all = append(all, d)
	}
	return all
}

// reset empties what runs write, for ours and the limit alike.
func (r *runsBench) reset(ctx context.Context) error {
	return r.do(ctx, "TRUNCATE feed_entries, outcomes, evaluations, run_shards, runs", "VACUUM ANALYZE feed_entries, outcomes, evaluations, run_shards, runs", "CHECKPOINT")
}

// with runs f while a worker waits on Redis.
func (r *runsBench) with(ctx context.Context, definitions []insight.Definition, concurrency int, f func() error) error {
	worker := tasks.NewWorker(r.store, r.log).With(definitions)
	server := worker.Server(r.redis, concurrency)
	if err := server.Start(worker.Mux()); err != nil {
		return err
	}
	defer server.Shutdown()
	if err := pause(ctx, 300*time.Millisecond); err != nil { // until it is idle
		return err
	}
	return f()
}

// scheduled plans a run and waits until its shards are done by that many at a time.
func (r *runsBench) scheduled(ctx context.Context, definitions []insight.Definition, concurrency int, took *series) error {
	if err := r.reset(ctx); err != nil {
		return err
	}
	return r.with(ctx, definitions, concurrency, func() error {
		start := time.Now()
		ids, err := tasks.PlanDue(ctx, r.store, definitions, tasks.Due{At: start, CustomerID: r.customerID, Quiet: tasks.Quiet})
		if err != nil {
			return err
		}
		r.queue.Wake(ctx, ids)
		for left := 1; left > 0; {
			if err := pause(ctx, 5*time.Millisecond); err != nil { // asking costs both sides something
				return err
			}
			if time.Since(start) > 2*time.Minute {
				return errors.New("the run does not end")
			}
			if err := r.admin.QueryRow(ctx, "SELECT coalesce(sum(shards_left), 0) FROM runs").Scan(&left); err != nil {
				return err
			}
		}
		took.add(time.Since(start))
		counts, _, err := r.store.Done(ctx, ids)
		if err != nil {
			return err
		}
		var entries int
		err = r.admin.QueryRow(ctx, "SELECT count(*) FROM feed_entries").Scan(&entries)
		if err == nil && (counts[insight.Generated] != entries || entries == 0 || entries > r.consumers || entries+counts[insight.ConditionNotMet] != r.consumers*len(definitions)) {
			err = fmt.Errorf("the run gave %v and %d entries for %d consumers", counts, entries, r.consumers)
		}
		return err
	})
}

// nothing plans again right after a run.
func (r *runsBench) nothing(ctx context.Context, every bool, took *series) error {
	start := time.Now()
	ids, err := tasks.PlanDue(ctx, r.store, catalogue.All, tasks.Due{At: start, CustomerID: r.customerID, Quiet: tasks.Quiet, Every: every})
	took.add(time.Since(start))
	if err == nil && len(ids) > 0 {
		err = errors.New("there was something to do")
	}
	return err
}

// demand asks for insights of single consumers while nothing else happens.
func (r *runsBench) demand(ctx context.Context) error {
	accounts, err := r.people(ctx, r.customerID, "demand", r.triggers)
	if err != nil {
		return err
	}
	if err := r.do(ctx, `INSERT INTO transactions (customer_id, consumer_id, account_id, base_type, amount, currency, booking_date, status, description,
			category_id, category_source, created_at, changed_at)
		SELECT customer_id, consumer_id, id, (ARRAY['CREDIT', 'DEBIT'])[1 + n % 2], 10, 'EUR', date_trunc('month', now())::date - n, 'POSTED', 'Payment', 10, 'NONE', now(), now()
		FROM accounts, generate_series(1, 80) n WHERE external_id LIKE 'demand-%' AND container = 'BANK'`, "CHECKPOINT"); err != nil {
		return err
	}
	var took series
	err = r.with(ctx, catalogue.All, 4, func() error {
		for i := range r.triggers {
			if err := pause(ctx, 100*time.Millisecond+rand.N(50*time.Millisecond)); err != nil { // out of step with the worker
				return err
			}
			consumer := accounts[3*i].ref.ConsumerID
			tenant := r.store.Customer(r.customerID)
			start := time.Now()
			run, ids, err := tenant.CreateRun(ctx, store.NewRun{Requests: []insight.TriggerRequest{{Insight: insightName}},
				Consumer: &bank.Ref{Kind: bank.KindConsumer, ConsumerID: consumer, ID: consumer}}, nil)
			if err != nil {
				return err
			}
			r.queue.Wake(ctx, ids)
			for run.Status != insight.RunSucceeded {
				if err := pause(ctx, time.Millisecond); err != nil {
					return err
				}
				if run, err = tenant.Run(ctx, run.Ref()); err != nil {
					return err
				}
				if run.Status == insight.RunFailed || time.Since(start) > 10*time.Second {
					return errors.New("a run on demand does not succeed")
				}
			}
			took.add(time.Since(start))
		}
		return nil
	})
	say("  on demand: p50 %.1f ms", took.median()*1000)
	r.results = append(r.results, result{name: "on demand, trigger to outcome", ours: took, goal: 0.15})
	return err
}
