package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestQuick is the part of make chaos that always runs: deaths at the points where most hangs on the order of things, and
// a Redis that forgets everything. Each of them must have happened.
func TestQuick(t *testing.T) {
	first, err := newLab(t.Context(), options{seed: 1, verbose: testing.Verbose()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(first.close)
	second, err := first.beside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.close)
	labs := make(chan *lab, 2)
	labs <- first
	labs <- second
	t.Run("the checks see what is wrong", func(t *testing.T) {
		t.Parallel()
		l := <-labs
		defer func() { labs <- l }()
		l.checksSee(t)
	})
	for n, points := range []struct{ web, worker, importing string }{
		{"before commit Tenant.CreateTransactions", "after commit Store.Claim", "before commit Store.ImportTransactions"},
		{"after commit Tenant.CreateTransactions", "before commit Store.FinishParts", "after commit Store.ImportTransactions"},
		{"after commit Tenant.CreateRun", "after fetch Fetcher.Do", "after commit Store.ImportConsumers"},
		{"before commit Tenant.CreateReport", "after commit Store.FinishPart", "before commit Store.ImportAccounts"},
	} {
		t.Run(fmt.Sprintf("a web process dies %s, a worker %s, an import %s", points.web, points.worker, points.importing), func(t *testing.T) {
			t.Parallel()
			l := <-labs
			defer func() { labs <- l }()
			at := func(point string) []string { return []string{"FAILPOINT=" + point} }
			r := l.play(t.Context(), scenario{id: fmt.Sprint(n), web: at(points.web), worker: at(points.worker), importing: at(points.importing)})
			if !r.good() {
				t.Errorf("lost=%d twice=%d stuck=%d leaks=%d %s\n%s", r.lost, r.twice, r.stuck, r.leaks, r.note, strings.Join(r.problems, "\n"))
			}
			for _, who := range []string{"web", "worker", "import"} {
				if !slices.ContainsFunc(r.dead, func(name string) bool { return strings.HasPrefix(name, who) }) {
					t.Errorf("no %s died: is there still such a point?", who)
				}
			}
		})
	}
}

// checksSee breaks what the program has stored, after callbacks were sent by workers that died and Redis forgot everything:
// each check must find it.
func (l *lab) checksSee(t *testing.T) {
	ctx := t.Context()
	twin, err := l.twin(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	base, err := l.open(ctx, "seen", newWork(l.seed, 0), scenario{}.rng(), template)
	if err != nil {
		t.Fatal(err)
	}
	defer base.close(context.WithoutCancel(ctx))
	if err := base.perform(ctx, scenario{worker: []string{"FAILPOINT=after send Sender.Do"}, during: sometimes(1, redisDies(true))}); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"worker", "Redis"} {
		if !slices.ContainsFunc(base.dead, func(name string) bool { return strings.HasPrefix(name, who) }) {
			t.Errorf("no %s died", who)
		}
	}
	for _, p := range base.processes {
		p.end() // nobody mends what is broken here
	}
	base.processes = nil
	base.db.Close() // a database that is copied must not be in use
	says := func(what string) func(verdict) bool {
		return func(v verdict) bool { return strings.Contains(strings.Join(v.problems, "\n"), what) }
	}
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
		{"a wrong sum", "UPDATE account_months SET debit = debit + 1", says("monthly totals")},
		{"an event that is lost", "ALTER TABLE events DISABLE TRIGGER USER; DELETE FROM events WHERE id = (SELECT min(id) FROM events WHERE action = 'createTransactions')",
			func(v verdict) bool { return v.lost >= 1 && says("the chain of changes")(v) }},
		{"an event twice", `INSERT INTO events (customer_id, at, actor_kind, actor_name, action, subject_id, consumer_id, request_id)
			SELECT customer_id, at, actor_kind, actor_name, action, subject_id, consumer_id, request_id FROM events WHERE action = 'createReport' LIMIT 1`, func(v verdict) bool { return v.twice >= 1 }},
		{"an event that was altered", "ALTER TABLE events DISABLE TRIGGER USER; UPDATE events SET request_id = 'another' WHERE number = 3", says("the chain of changes")},
		{"a key that is forgotten", "DELETE FROM idempotency_keys WHERE key = 'account-p0-0-a0'", func(v verdict) bool { return v.lost >= 1 }},
		{"an answer that is not kept", "UPDATE idempotency_keys SET sealed = NULL WHERE key = 'account-p0-0-a0'", func(v verdict) bool { return v.lost >= 1 && v.twice >= 1 }},
	} {
		t.Run(one.what, func(t *testing.T) {
			s, err := l.open(ctx, fmt.Sprint("seen", n), base.work, base.rng, "seen")
			if err != nil {
				t.Fatal(err)
			}
			defer s.close(context.WithoutCancel(ctx))
			s.acks.stored, s.answers, s.hook.came = base.acks.stored, base.answers, base.hook.came
			if _, err := s.db.Exec(ctx, one.how, pgx.QueryExecModeSimpleProtocol); err != nil {
				t.Fatal(err)
			}
			if v := s.judge(ctx, twin); !one.seen(v) {
				t.Errorf("%+v", v)
			}
		})
	}
}
