package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// TestQuick is the part of make chaos that always runs: deaths at the points where most hangs on the order of things, and
// a Redis that forgets everything. Each of them must have happened.
func TestQuick(t *testing.T) {
	l, err := newLab(t.Context(), options{seed: 1, verbose: testing.Verbose()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	t.Run("the checks see what is wrong", l.checksSee)
	deck, err := l.deck(t.Context(), func(fault string) bool { return fault == "F1" || fault == "F2" || fault == "F4" })
	if err != nil {
		t.Fatal(err)
	}
	for n, what := range []string{
		"a web process dies before commit Tenant.CreateTransactions, the first time",
		"a web process dies after commit Tenant.CreateTransactions, the first time",
		"a web process dies after commit Tenant.CreateRun, the first time",
		"an import dies before commit Store.ImportTransactions, the first time",
		"an import dies after commit Store.ImportTransactions, the first time",
		"a worker dies after commit Store.Claim, the first time",
		"a worker dies before commit Store.FinishParts, the first time",
		"a worker dies after fetch Fetcher.Do, the first time",
		"a worker dies after commit Store.FinishPart, the first time",
		"a worker dies after send Sender.Do, the first time",
		"Redis dies, and comes back empty",
	} {
		t.Run(what, func(t *testing.T) {
			for _, sc := range deck {
				if sc.what != what {
					continue
				}
				sc.id, sc.work = fmt.Sprintf("%08x", n), max(1, sc.work)
				if strings.HasPrefix(what, "an import") {
					sc.work = 0
				}
				r := l.play(t.Context(), sc)
				if !r.good() || r.kills == 0 {
					t.Errorf("lost=%d twice=%d stuck=%d leaks=%d kills=%d %s\n%s", r.lost, r.twice, r.stuck, r.leaks, r.kills, r.note, strings.Join(r.problems, "\n"))
				}
				return
			}
			t.Error("there is no such point any more")
		})
	}
}

// checksSee breaks what the program has stored: each check must find it.
func (l *lab) checksSee(t *testing.T) {
	ctx := t.Context()
	twin, err := l.twin(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	base, err := l.open(ctx, "seen", newWork(l.seed, 1), scenario{}.rng(), template)
	if err != nil {
		t.Fatal(err)
	}
	defer base.close(context.WithoutCancel(ctx))
	if err := base.perform(ctx, scenario{}); err != nil {
		t.Fatal(err)
	}
	for _, p := range base.processes {
		p.end() // nobody mends what is broken here
	}
	base.processes = nil
	base.db.Close() // a database that is copied must not be in use
	for n, one := range []struct {
		what, how string
		seen      func(verdict) bool
	}{
		{"nothing", "SELECT 1", verdict.good},
		{"a row that is lost", "DELETE FROM transactions WHERE external_id = 'p0-0-a0-15'", func(v verdict) bool { return v.lost >= 2 }},
		{"an amount that is another", "UPDATE transactions SET amount = amount + 0.01 WHERE external_id = 'p0-0-a0-15'", func(v verdict) bool { return v.lost >= 2 && v.twice >= 1 }},
		{"an entry twice", `INSERT INTO feed_entries (customer_id, consumer_id, insight, title, type, "trigger", subject, occurrence_from, occurrence_to, revision, window_from, window_to, settings, accounts, created_at)
			SELECT customer_id, consumer_id, insight, title, type, "trigger", subject, occurrence_from, occurrence_to, 99, window_from, window_to, settings, accounts, created_at FROM feed_entries LIMIT 1`,
			func(v verdict) bool { return v.twice >= 1 }},
		{"work that nobody does", "UPDATE deliveries SET status = 'PENDING'", func(v verdict) bool { return v.stuck >= 1 }},
		{"a wrong sum", "UPDATE account_months SET debit = debit + 1", func(v verdict) bool { return fmt.Sprint(v.problems) != "[]" }},
	} {
		t.Run(one.what, func(t *testing.T) {
			s, err := l.open(ctx, fmt.Sprint("seen", n), base.work, base.rng, "seen")
			if err != nil {
				t.Fatal(err)
			}
			defer s.close(context.WithoutCancel(ctx))
			s.acks.stored, s.answers, s.hook.came = base.acks.stored, base.answers, base.hook.came
			if _, err := s.db.Exec(ctx, one.how); err != nil {
				t.Fatal(err)
			}
			if v := s.judge(ctx, twin); !one.seen(v) {
				t.Errorf("%+v", v)
			}
		})
	}
}
