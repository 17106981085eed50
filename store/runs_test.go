package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// plan plans the world's one insight for March in Berlin.
func (w *world) plan(t *testing.T, customer int64, quiet time.Duration) []int64 {
	t.Helper()
	return must[[]int64](t)(w.Plan(t.Context(), store.Plan{Zone: store.Zone{CustomerID: customer, TimeZone: "Europe/Berlin"}, Insights: []string{"COMPARISON"}, Frequency: insight.Monthly,
		Occurrence: bank.Period{From: day("2026-03-01"), To: day("2026-03-31")}, AsOf: w.Now(), Quiet: quiet}))
}

// work does shards with one outcome for everybody and gives the consumers that it saw.
func (w *world) work(t *testing.T, outcome insight.Outcome, shards ...int64) (seen []int64) {
	t.Helper()
	for _, id := range shards {
		shard, ok, err := w.Claim(t.Context(), id)
		if err != nil || !ok {
			t.Fatalf("claim: %v, %v", ok, err)
		}
		facts := must[store.Facts](t)(w.Load(t.Context(), shard, anyDay))
		var results []store.Result
		for _, x := range facts.Subjects {
			seen = append(seen, x.Consumer.ID)
			r := evaluated(shard.Run, x.Consumer, outcome)
			if outcome == insight.Generated {
				r.Entries = append(r.Entries, entryFor(x.Consumer, "2026-03"))
			}
			results = append(results, r)
		}
		if _, err := storetest.Finish(t.Context(), w.Store, shard, results); err != nil {
			t.Fatal(err)
		}
	}
	return seen
}

// TestShardSizes: what one task could do is cut in two halves where that is worth it, so that two workers share it.
func TestShardSizes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	consumer(t, w.c, "first")
	db, people := admin(t, w.url), 1
	for _, one := range []struct{ people, shards int }{{1, 1}, {500, 1}, {501, 2}, {1500, 2}, {4000, 2}, {4001, 3}} {
		if _, err := db.Exec(t.Context(), `INSERT INTO consumers (customer_id, time_zone, currency, created_at, changed_at)
			SELECT customer_id, time_zone, currency, created_at, changed_at FROM consumers, generate_series(1, $1) WHERE external_id = 'first'`, one.people-people); err != nil {
			t.Fatal(err)
		}
		people = one.people
		_, shards, err := w.c.CreateRun(t.Context(), store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}}, nil)
		if err != nil || len(shards) != one.shards {
			t.Errorf("%d consumers: %d shards, %v", one.people, len(shards), err)
		}
	}
}

func TestShardsCoverAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := consumer(t, w.c, "first")
	if _, err := admin(t, w.url).Exec(t.Context(), `INSERT INTO consumers (customer_id, time_zone, currency, created_at, changed_at)
		SELECT customer_id, time_zone, currency, created_at, changed_at FROM consumers, generate_series(1, 2100)`); err != nil {
		t.Fatal(err)
	}
	run, shards, err := w.c.CreateRun(t.Context(), store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}}, nil)
	if err != nil || len(shards) != 2 {
		t.Fatalf("%v, %v", shards, err)
	}
	check := func(name string, shards []int64) {
		t.Helper()
		before := w.Statements()
		seen := w.work(t, insight.ConditionNotMet, shards...)
		if n := w.Statements() - before; n > 20*int64(len(shards)) {
			t.Errorf("%s: %d statements for %d shards", name, n, len(shards))
		}
		slices.Sort(seen)
		if len(seen) != 2101 || len(slices.Compact(seen)) != 2101 {
			t.Errorf("%s: %d consumers", name, len(seen))
		}
	}
	check("on demand", shards)
	if got := must[insight.Run](t)(w.c.Run(t.Context(), run.Ref())); got.Status != insight.RunSucceeded || got.FinishedAt == nil {
		t.Errorf("%+v", got)
	}
	counts, open, err := w.Done(t.Context(), shards)
	if err != nil || open != nil || counts[insight.ConditionNotMet] != 2101 {
		t.Errorf("%v, %v, %v", counts, open, err)
	}
	if n := must[int](t)(must[*page.Of[insight.Evaluation]](t)(w.c.Evaluations(t.Context(), run, nil, page.Args{Size: 1})).TotalCount(t.Context())); n != 2101 {
		t.Errorf("%d evaluations", n)
	}
	// Five planners at once plan each consumer once, and then nothing.
	var mu sync.Mutex
	var planned []int64
	noErrors(t, together(5, func(int) error {
		ids, err := w.Plan(t.Context(), store.Plan{Zone: store.Zone{CustomerID: a.CustomerID, TimeZone: "Europe/Berlin"}, Insights: []string{"COMPARISON"}, Frequency: insight.Monthly,
			Occurrence: bank.Period{From: day("2026-03-01"), To: day("2026-03-31")}, AsOf: w.Now()})
		mu.Lock()
		defer mu.Unlock()
		planned = append(planned, ids...)
		return err
	}))
	if again := w.plan(t, a.CustomerID, 0); len(planned) != 2 || len(again) != 0 {
		t.Errorf("planned %v, then %v", planned, again)
	}
	check("scheduled", planned)
	if again := w.plan(t, a.CustomerID, 0); len(again) != 0 {
		t.Errorf("planned again %v", again)
	}
	if zones := must[[]store.Zone](t)(w.Zones(t.Context(), 0)); len(zones) != 1 || zones[0] != (store.Zone{CustomerID: a.CustomerID, TimeZone: "Europe/Berlin"}) {
		t.Errorf("zones %v", zones)
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna := consumer(t, w.c, "anna")
	_, shards, err := w.c.CreateRun(ctx, store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}, Consumer: ptr(anna.Ref())}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var winners []store.Shard
	noErrors(t, together(10, func(int) error {
		shard, ok, err := w.Claim(ctx, shards[0])
		if ok {
			mu.Lock()
			defer mu.Unlock()
			winners = append(winners, shard)
		}
		return err
	}))
	if len(winners) != 1 {
		t.Fatalf("%d winners", len(winners))
	}
	if run := must[insight.Run](t)(w.c.Run(ctx, winners[0].Run.Ref())); run.Status != insight.RunRunning {
		t.Errorf("run %+v", run)
	}
	// Another takes over when the lease is over, on another machine with another store.
	other := storetest.Open(t, w.url, store.Options{MaxConns: 2, Now: w.clock.now})
	w.clock.add(store.Lease)
	if _, ok, _ := other.Claim(ctx, shards[0]); ok {
		t.Error("claimed within the lease")
	}
	w.clock.add(time.Second)
	second, ok, err := other.Claim(ctx, shards[0])
	if !ok || err != nil || second.Attempts != 2 {
		t.Fatalf("take over: %+v, %v, %v", second, ok, err)
	}
	results := []store.Result{evaluated(second.Run, anna, insight.Generated, entryFor(anna, "2026-03"))}
	if _, err := storetest.Finish(ctx, w.Store, winners[0], results); !errors.Is(err, store.ErrLost) {
		t.Errorf("the first one's result: %v", err)
	}
	if p := must[*page.Of[insight.Entry]](t)(w.c.Feed(ctx, insight.FeedFilter{}, page.Args{Size: 5})); len(p.Nodes) != 0 {
		t.Error("it left an entry")
	}
	if err := w.GiveBack(ctx, winners[0], true); err != nil { // is not its to give back
		t.Error(err)
	}
	counts, err := storetest.Finish(ctx, other, second, results)
	if err != nil || counts[insight.Generated] != 1 {
		t.Errorf("%v, %v", counts, err)
	}
	if _, err := storetest.Finish(ctx, other, second, results); !errors.Is(err, store.ErrLost) {
		t.Errorf("twice: %v", err)
	}
	if _, ok, err := w.Claim(ctx, shards[0]); ok || err != nil {
		t.Errorf("claimed when done: %v", err)
	}
	if _, ok, err := w.Claim(ctx, 1<<40); ok || err != nil {
		t.Errorf("claimed what is not there: %v", err)
	}
	// The same period again is a duplicate that names the entry; an override is another.
	for _, revision := range []int64{0, 7} {
		run, shards, err := w.c.CreateRun(ctx, store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}, Consumer: ptr(anna.Ref())}, nil)
		if err != nil {
			t.Fatal(err)
		}
		shard, _, err := w.Claim(ctx, shards[0])
		if err != nil {
			t.Fatal(err)
		}
		e := entryFor(anna, "2026-03")
		e.Revision = revision
		counts, err := storetest.Finish(ctx, w.Store, shard, []store.Result{evaluated(run, anna, insight.Generated, e)})
		evaluations := must[*page.Of[insight.Evaluation]](t)(w.c.Evaluations(ctx, run, nil, page.Args{Size: 5})).Nodes
		want := map[int64]insight.Outcome{0: insight.Duplicate, 7: insight.Generated}[revision]
		if err != nil || counts[want] != 1 || len(evaluations) != 1 || evaluations[0].EntryID == nil || evaluations[0].Outcome != want || (evaluations[0].Reason == nil) == (want == insight.Duplicate) {
			t.Errorf("revision %d: %v, %+v, %v", revision, counts, evaluations, err)
		}
	}
}

func TestGivingUp(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*world, store.Shard) error{
		"given back": func(w *world, s store.Shard) error {
			err := w.GiveBack(t.Context(), s, true)
			if _, ok, _ := w.Claim(t.Context(), s.ID); ok {
				return errors.New("claimed at once")
			}
			w.clock.add(time.Minute)
			return err
		},
		"died": func(w *world, s store.Shard) error { w.clock.add(store.Lease + time.Second); return nil },
	} {
		w := newWorld(t)
		consumer(t, w.c, "anna")
		run, shards, err := w.c.CreateRun(t.Context(), store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if waiting := must[[]int64](t)(w.Waiting(t.Context(), 10)); len(waiting) != 0 {
			t.Errorf("%s: on the queue already, %v", name, waiting)
		}
		for attempt := 1; attempt <= store.MaxAttempts; attempt++ {
			shard, ok, err := w.Claim(t.Context(), shards[0])
			if !ok || err != nil || shard.Attempts != attempt {
				t.Fatalf("%s %d: %+v, %v, %v", name, attempt, shard, ok, err)
			}
			if err := fail(w, shard); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			waiting := must[[]int64](t)(w.Waiting(t.Context(), 10))
			if want := map[bool]int{true: 1, false: 0}[attempt < store.MaxAttempts]; len(waiting) != want {
				t.Errorf("%s %d: waiting %v", name, attempt, waiting)
			}
			if waiting := must[[]int64](t)(w.Waiting(t.Context(), 10)); len(waiting) != 0 {
				t.Errorf("%s %d: waiting again %v", name, attempt, waiting)
			}
			if err := w.Unqueued(t.Context(), shards); err != nil {
				t.Error(err)
			}
		}
		if _, ok, _ := w.Claim(t.Context(), shards[0]); ok {
			t.Errorf("%s: claimed after the last try", name)
		}
		got := must[insight.Run](t)(w.c.Run(t.Context(), run.Ref()))
		if _, open, _ := w.Done(t.Context(), shards); got.Status != insight.RunFailed || got.FinishedAt == nil || open != nil {
			t.Errorf("%s: %+v, %v open", name, got, open)
		}
	}
}

// TestOneDeadShard: the other shards of a run go on, and it is over when the last one is.
func TestOneDeadShard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	consumer(t, w.c, "anna")
	if _, err := admin(t, w.url).Exec(ctx, `INSERT INTO consumers (customer_id, time_zone, currency, created_at, changed_at)
		SELECT customer_id, time_zone, currency, created_at, changed_at FROM consumers, generate_series(1, 2000)`); err != nil {
		t.Fatal(err)
	}
	run, shards, err := w.c.CreateRun(ctx, store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}}, nil)
	if err != nil || len(shards) != 2 {
		t.Fatalf("%v, %v", shards, err)
	}
	if _, err := admin(t, w.url).Exec(ctx, "UPDATE run_shards SET low = high WHERE id = $1", shards[1]); err != nil { // one consumer, or it would be cut in two
		t.Fatal(err)
	}
	for range store.MaxAttempts {
		if _, ok, err := w.Claim(ctx, shards[1]); !ok || err != nil {
			t.Fatal(ok, err)
		}
		w.clock.add(store.Lease + time.Second)
	}
	must[[]int64](t)(w.Waiting(ctx, 10))
	if got := must[insight.Run](t)(w.c.Run(ctx, run.Ref())); got.Status != insight.RunFailed || got.FinishedAt != nil {
		t.Errorf("one dead, one open: %+v", got)
	}
	w.work(t, insight.ConditionNotMet, shards[0])
	if got := must[insight.Run](t)(w.c.Run(ctx, run.Ref())); got.Status != insight.RunFailed || got.FinishedAt == nil {
		t.Errorf("all over: %s", fmt.Sprint(got))
	}
}

// TestInsightsTogether: a scheduled run carries all insights of a frequency. Each keeps its own outcome, final ones stay,
// and one that is new in the catalogue is made up for.
func TestInsightsTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	anna := consumer(t, w.c, "anna")
	plan := func(insights ...string) []int64 {
		t.Helper()
		return must[[]int64](t)(w.Plan(ctx, store.Plan{Zone: store.Zone{CustomerID: anna.CustomerID, TimeZone: "Europe/Berlin"}, Insights: insights, Frequency: insight.Monthly,
			Occurrence: bank.Period{From: day("2026-03-01"), To: day("2026-03-31")}, AsOf: w.Now()}))
	}
	claim := func(id int64) (store.Shard, *store.Subject) {
		t.Helper()
		shard, ok, err := w.Claim(ctx, id)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		facts := must[store.Facts](t)(w.Load(ctx, shard, anyDay))
		if len(facts.Subjects) != 1 {
			t.Fatalf("%d consumers are due", len(facts.Subjects))
		}
		return shard, facts.Subjects[0]
	}
	is := func(shard store.Shard, name string, outcome insight.Outcome) store.Result {
		r := evaluated(shard.Run, anna, outcome)
		r.Evaluation.Insight, r.Evaluation.Reason = name, ptr("because")
		if outcome == insight.Generated {
			e := entryFor(anna, "2026-03")
			e.Insight = name
			r.Entries = []insight.Entry{e}
		}
		return r
	}
	finish := func(shard store.Shard, results ...store.Result) map[insight.Outcome]int {
		t.Helper()
		return must[map[insight.Outcome]int](t)(storetest.Finish(ctx, w.Store, shard, results))
	}
	db := admin(t, w.url)
	kept := func(want string) {
		t.Helper()
		if got := column[string](t, db, "SELECT outcomes || coalesce(' ' || (reasons #>> '{}'), '') FROM outcomes"); len(got) != 1 || got[0] != want {
			t.Errorf("kept %q, want %q", got, want)
		}
	}
	first, x := claim(plan("A", "B", "C")[0])
	if x.Final(0) || x.Final(9) {
		t.Error("something is final before the first evaluation")
	}
	if counts := finish(first, is(first, "A", insight.Generated), is(first, "B", insight.ConditionNotMet), is(first, "C", insight.InsufficientData)); counts[insight.Generated] != 1 || len(counts) != 3 {
		t.Errorf("%v", counts)
	}
	kept(`GCI {"C": "because"}`)
	if again := plan("C", "B"); len(again) != 0 {
		t.Errorf("planned %v", again)
	}
	// D is new, and the order of the others does not matter.
	second, x := claim(plan("D", "C", "B", "A")[0])
	if requests := second.Run.Requests; len(requests) != 4 || requests[3].Insight != "D" || !x.Final(0) || x.Final(1) || x.Final(3) {
		t.Errorf("%+v, %v", second.Run.Requests, x)
	}
	// Meanwhile another one evaluates everything once more: what was there already is not lost, nor made twice.
	w.clock.add(time.Minute)
	before := anna
	anna = must[bank.Consumer](t)(w.c.UpdateConsumer(ctx, anna.Ref(), func(*bank.Consumer) error { return nil }))
	third, _ := claim(plan("A", "B", "C", "D")[0])
	if counts := finish(third, is(third, "A", insight.Generated), is(third, "B", insight.Generated), is(third, "D", insight.ConditionNotMet)); counts[insight.Generated] != 1 || counts[insight.Duplicate] != 1 {
		t.Errorf("%v", counts)
	}
	kept("GG-C")
	anna = before
	finish(second, is(second, "B", insight.ConditionNotMet), is(second, "C", insight.Generated), is(second, "D", insight.Failed))
	kept(`GGGF {"D": "because"}`)
	if n := len(must[*page.Of[insight.Entry]](t)(w.c.Feed(ctx, insight.FeedFilter{}, page.Args{Size: 9})).Nodes); n != 3 {
		t.Errorf("%d entries", n)
	}
	if again := plan("A", "B", "C", "D"); len(again) != 1 { // what was stored last rests on older data
		t.Errorf("planned %v", again)
	}
}

// TestPanicInAPart: a panic where results are made is an error, and nothing is stored.
func TestPanicInAPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna := consumer(t, w.c, "anna")
	shards := w.plan(t, anna.CustomerID, 0)
	shard, _, err := w.Claim(t.Context(), shards[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.FinishParts(t.Context(), shard, func(yield func([]store.Result) bool) {
		yield([]store.Result{evaluated(shard.Run, anna, insight.Generated, entryFor(anna, "2026-03"))})
		panic("secret")
	}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	if p := must[*page.Of[insight.Entry]](t)(w.c.Feed(t.Context(), insight.FeedFilter{}, page.Args{Size: 5})); len(p.Nodes) != 0 {
		t.Error("it left an entry")
	}
	if err := w.GiveBack(t.Context(), shard, true); err != nil {
		t.Fatal(err)
	}
	w.clock.add(time.Minute)
	if seen := w.work(t, insight.Generated, shards...); len(seen) != 1 {
		t.Errorf("seen %v", seen)
	}
}
