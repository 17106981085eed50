package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
	"insightgraph/store"
	"insightgraph/tasks"
)

const insightName = "SPENDING_AND_EARNING_COMPARISON"

// runsBench is the database of consumers whose insights are made.
type runsBench struct {
	*bench
	*database
	customerID int64
	queue      *tasks.Queue
	checked    bool // the limit was seen to write what we write
}

// runs measures the scheduled run, the run with nothing to do, and runs on demand.
func (b *bench) runs(ctx context.Context) error {
	say("Scheduled run: %d consumers", b.consumers)
	d, err := b.database(ctx, "bench_runs")
	if err != nil {
		return err
	}
	defer d.close()
	r := &runsBench{bench: b, database: d}
	if r.customerID, err = d.fill(ctx, b.consumers, b.transactions); err != nil {
		return err
	}
	r.queue = tasks.NewQueue(b.redis, d.store, b.log)
	var limit, one, two, all, minute series
	if b.only.MatchString("scheduled") {
		for round := range b.rounds + 1 {
			if round == 1 { // the first one warms up
				limit, one, two, all, minute = nil, nil, nil, nil, nil
			}
			if err := r.single(ctx, &limit); err != nil {
				return fmt.Errorf("run the single statement: %w", err)
			}
			if err := r.scheduled(ctx, 1, &one); err != nil {
				return err
			}
			if err := r.scheduled(ctx, 2, &two); err != nil {
				return err
			}
			if err := r.nothing(ctx, true, &all); err != nil {
				return err
			}
			if err := r.nothing(ctx, false, &minute); err != nil {
				return err
			}
			say("  round %d: single %.3f s, one at a time %.3f, two %.3f, again %.3f and %.3f", round, last(limit), last(one), last(two), last(all), last(minute))
		}
		b.results = append(b.results,
			result{name: "scheduled run, 1 shard at a time / single SQL", ours: one, limit: limit, goal: 1.5},
			result{name: "scheduled run, 2 shards at a time / single SQL", ours: two, limit: limit, goal: 1},
			result{name: "nothing to do, all looked at / first run (2)", ours: all, limit: two, goal: 0.3},
			result{name: "nothing to do, minute's plan / first run (2)", ours: minute, limit: two, goal: 0.3})
	}
	if b.only.MatchString("demand") {
		return r.demand(ctx)
	}
	return nil
}

func last(s series) float64 { return s[len(s)-1] }

// reset empties what runs write, for ours and the limit alike.
func (r *runsBench) reset(ctx context.Context) error {
	return r.do(ctx, "TRUNCATE feed_entries, evaluations, run_shards, runs", "VACUUM ANALYZE feed_entries, evaluations, run_shards, runs", "CHECKPOINT")
}

// with runs f while a worker waits on Redis.
func (r *runsBench) with(ctx context.Context, concurrency int, f func() error) error {
	worker := tasks.NewWorker(r.store, r.log)
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
func (r *runsBench) scheduled(ctx context.Context, concurrency int, took *series) error {
	if err := r.reset(ctx); err != nil {
		return err
	}
	return r.with(ctx, concurrency, func() error {
		start := time.Now()
		ids, err := tasks.PlanDue(ctx, r.store, catalogue.All, tasks.Due{At: start, CustomerID: r.customerID, Quiet: tasks.Quiet})
		if err != nil {
			return err
		}
		r.queue.Wake(ctx, ids)
		for left := 1; left > 0; {
			if err := pause(ctx, 2*time.Millisecond); err != nil {
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
		if err == nil && counts[insight.Generated]+counts[insight.ConditionNotMet] != r.consumers {
			err = fmt.Errorf("the run gave %v for %d consumers", counts, r.consumers)
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
	err = r.with(ctx, 4, func() error {
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
	r.results = append(r.results, result{name: "on demand, trigger to outcome", ours: took})
	return err
}
