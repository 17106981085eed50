package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"
)

// Scenarios with work of their own.

// stage makes a scene without faults and lets something happen in it.
func (l *lab) stage(ctx context.Context, name string, w *work, sc scenario, play func(ctx context.Context, s *scene, clients [2]*client) error) (r result) {
	s, err := l.open(ctx, name, w, rand.New(rand.NewPCG(l.seed, 1)), template)
	if err != nil {
		r.problems = []string{err.Error()}
		return r
	}
	defer s.close(context.WithoutCancel(ctx))
	s.instead = func(ctx context.Context) error {
		return play(ctx, s, [2]*client{newClient(s, 0), newClient(s, 1)})
	}
	if err := s.perform(ctx, sc); err != nil {
		s.wrong("%v", err)
	}
	r.verdict = s.judge(ctx, nil)
	r.dead, r.all, r.note = s.dead, s.recover, strings.TrimPrefix(fmt.Sprint(s.codes), "map")+" "+s.note
	return r
}

// bringAllIn brings in the data of all people of both customers.
func (s *scene) bringAllIn(ctx context.Context, clients [2]*client) error {
	var all sync.WaitGroup
	var errs errorList
	for t := range clients {
		for i := range s.work.tenants[t].people {
			all.Go(func() { errs.add(clients[t].bringIn(ctx, &s.work.tenants[t].people[i])) })
		}
	}
	all.Wait()
	return errs.err()
}

// span is a time in which months end, and clocks change.
type span struct {
	what     string
	from, to time.Time
}

func moment(s string) time.Time {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return at
}

var spans = []span{
	{"March 2026, and the clocks of Europe go forward", moment("2026-03-28T20:00:00Z"), moment("2026-04-01T13:00:00Z")},
	{"October 2026, and the clocks of Europe and America go back", moment("2026-10-24T20:00:00Z"), moment("2026-11-02T13:00:00Z")},
	{"2026", moment("2026-12-31T06:00:00Z"), moment("2027-01-01T14:00:00Z")},
	{"February 2028, which has 29 days", moment("2028-02-28T20:00:00Z"), moment("2028-03-01T14:00:00Z")},
}

// monthsEnd lets a span pass in steps, with jumps back, and looks for one run of each month and time zone.
func monthsEnd(x span) func(context.Context, *lab, scenario) result {
	return func(ctx context.Context, l *lab, sc scenario) result {
		w := newWork(l.seed, 2)
		w.start = x.from
		rng := rand.New(rand.NewPCG(3, 3))
		for t := range w.tenants {
			for i := range w.tenants[t].people {
				p := &w.tenants[t].people[i]
				p.zone, p.bank, p.statement = zones[(3*t+i)%len(zones)], "", ""
				p.fill(rng, x.from, t)
			}
		}
		return l.stage(ctx, "s"+sc.id, w, scenario{planners: 3}, func(ctx context.Context, s *scene, clients [2]*client) error {
			if err := s.bringAllIn(ctx, clients); err != nil {
				return err
			}
			steps := 0
			for s.clock.now().Before(x.to) {
				if err := s.planned(ctx); err != nil {
					return err
				}
				switch steps++; {
				case steps%5 == 0:
					s.clock.jump(-time.Hour)
				default:
					s.clock.jump(x.to.Sub(x.from)/12 - 6*time.Minute)
				}
			}
			if err := s.planned(ctx); err != nil {
				return err
			}
			if err := s.settled(ctx); err != nil {
				return err
			}
			last := s.clock.now()
			want := map[string]bool{}
			for _, t := range w.tenants {
				for _, p := range t.people {
					loc, err := time.LoadLocation(p.zone)
					if err != nil {
						return err
					}
					for _, at := range []time.Time{x.from.Add(6 * time.Minute), last} {
						want[p.zone+" "+at.In(loc).Format("2006-01")+"-01"] = true
					}
				}
			}
			rows, err := s.db.Query(ctx, "SELECT time_zone || ' ' || occurrence_from, count(*), count(*) FILTER (WHERE status <> 'SUCCEEDED') FROM runs WHERE kind = 'SCHEDULED' GROUP BY 1")
			if err != nil {
				return err
			}
			found := map[string]bool{}
			var name string
			var n, open int
			if _, err := pgx.ForEachRow(rows, []any{&name, &n, &open}, func() error {
				found[name] = true
				if n != 1 || open != 0 || !want[name] {
					s.wrong("%s has %d runs, %d not done; is it expected: %v", name, n, open, want[name])
				}
				return nil
			}); err != nil {
				return err
			}
			for name := range want {
				if !found[name] {
					s.wrong("%s has no run", name)
				}
			}
			var twice int
			if err := s.db.QueryRow(ctx, "SELECT count(*) FROM (SELECT 1 FROM feed_entries GROUP BY customer_id, consumer_id, insight, occurrence_from HAVING count(*) > 1) x").Scan(&twice); err != nil {
				return err
			}
			if twice > 0 {
				s.wrong("%d months have their entry twice", twice)
			}
			s.note = fmt.Sprintf("%d months of %d zones, %d steps", len(want), len(zones), steps)
			return nil
		})
	}
}

// register is a field that clients write and read: what a read gives must be the write before it, in some order that fits
// to when each call began and ended.
var register = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		if write := input.(string); write != "" {
			return true, write
		}
		return output == state, state
	},
	Equal: func(a, b any) bool { return a == b },
}

// changedTogether lets many clients change different fields of one account, and the same ones, through two processes.
func changedTogether(ctx context.Context, l *lab, sc scenario) result {
	w := newWork(l.seed, 2)
	w.tenants[0].people, w.tenants[1].people = w.tenants[0].people[1:2], nil
	w.tenants[0].people[0].statement = ""
	return l.stage(ctx, "s"+sc.id, w, scenario{}, func(ctx context.Context, s *scene, clients [2]*client) error {
		if err := s.bringAllIn(ctx, clients); err != nil {
			return err
		}
		p := w.tenants[0].people[0]
		var found struct {
			Consumer struct {
				Accounts struct{ Nodes []struct{ ID, Name string } }
			}
		}
		c := clients[0]
		if err := c.do(ctx, "", `query($id: ID!) { consumer(id: $id) { accounts { nodes { id name } } } }`, object{"id": c.id(p.name)}, &found, nil); err != nil {
			return err
		}
		account := found.Consumer.Accounts.Nodes[0].ID
		fields := []string{"name", "providerName", "type"}
		var mu sync.Mutex
		history := map[string][]porcupine.Operation{}
		begun := time.Now()
		note := func(field string, client int, input, output string, call int64) {
			mu.Lock()
			defer mu.Unlock()
			history[field] = append(history[field], porcupine.Operation{ClientId: client, Input: input, Call: call, Output: output, Return: int64(time.Since(begun))})
		}
		var all sync.WaitGroup
		var errs errorList
		for n := range 50 {
			all.Go(func() {
				field, value := fields[n%len(fields)], fmt.Sprint("value ", n)
				call := int64(time.Since(begun))
				if err := c.do(ctx, fmt.Sprint("patch-", n), `mutation($input: UpdateAccountInput!) { updateAccount(input: $input) { account { id } } }`,
					object{"input": object{"accountId": account, field: value}}, nil, nil); err != nil {
					errs.add(err)
					return
				}
				note(field, n, value, "", call)
				call = int64(time.Since(begun))
				var seen struct{ Node map[string]string }
				if err := c.do(ctx, "", `query($id: ID!) { node(id: $id) { ... on Account { name providerName type } } }`, object{"id": account}, &seen, nil); err != nil {
					errs.add(err)
					return
				}
				for _, f := range fields {
					if v := seen.Node[f]; strings.HasPrefix(v, "value ") {
						note(f, n, "", v, call)
					}
				}
			})
		}
		all.Wait()
		if errs.any() {
			return errs.err()
		}
		reads := 0
		for field, operations := range history {
			reads += len(operations)
			if porcupine.CheckOperationsTimeout(register, operations, 20*time.Second) == porcupine.Illegal {
				s.wrong("the history of %s fits to no order: an update was lost", field)
			}
		}
		s.note = fmt.Sprintf("%d calls fit to an order", reads)
		return nil
	})
}

// poisoned plants data that cannot be read with one person: the others have their insights all the same.
func poisoned(ctx context.Context, l *lab, sc scenario) result {
	return l.stage(ctx, "s"+sc.id, newWork(l.seed, 2), scenario{}, func(ctx context.Context, s *scene, clients [2]*client) error {
		if err := s.bringAllIn(ctx, clients); err != nil {
			return err
		}
		victim := s.work.tenants[0].people[2].name
		if _, err := s.db.Exec(ctx, `INSERT INTO user_settings (customer_id, consumer_id, insight, settings) SELECT customer_id, id, $1, '"broken"' FROM consumers WHERE external_id = $2`, spending, victim); err != nil {
			return err
		}
		s.poisoned = true
		for _, c := range clients {
			if err := c.evaluate(ctx); err != nil {
				return err
			}
		}
		if err := s.settled(ctx); err != nil {
			return err
		}
		rows, err := s.db.Query(ctx, `SELECT c.external_id FROM consumers c WHERE NOT EXISTS (SELECT FROM evaluations e WHERE (e.customer_id, e.consumer_id) = (c.customer_id, c.id)) ORDER BY 1`)
		if err != nil {
			return err
		}
		without, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		if !slices.Equal(without, []string{victim}) {
			s.wrong("without an evaluation: %v, want only %s", without, victim)
		}
		s.poison = 1
		return nil
	})
}

// erased brings in a person of its own again and again, evaluates it, makes reports of it, and erases it meanwhile. After
// the receipt nothing of it is anywhere.
func erased(ctx context.Context, s *scene) error {
	ctx = context.WithoutCancel(ctx) // it goes to its end, also when the other work is done
	c := newClient(s, 0)
	victim := person{name: "victim", zone: s.work.tenants[0].people[0].zone, currency: "EUR", bank: "emil", accounts: []account{{name: "victim-a0", container: "BANK"}, {name: "victim-a1", container: "CARD"}}}
	victim.fill(s.rng, s.work.start, 0)
	const trace = "VICTIM7"
	for a := range victim.accounts {
		victim.accounts[a].name = trace + victim.accounts[a].name
		for b := range victim.accounts[a].batches {
			for r := range victim.accounts[a].batches[b] {
				victim.accounts[a].batches[b][r].text = trace + " " + victim.accounts[a].batches[b][r].text
				victim.accounts[a].batches[b][r].id = trace + victim.accounts[a].batches[b][r].id
			}
		}
	}
	victim.name = trace
	var told struct {
		CreateConsumer struct{ Consumer struct{ ID string } }
	}
	if err := c.do(ctx, "victim-made", `mutation($input: CreateConsumerInput!) { createConsumer(input: $input) { consumer { id } } }`, object{"input": object{"externalId": trace, "timeZone": victim.zone}}, &told, nil); err != nil {
		return err
	}
	id := told.CreateConsumer.Consumer.ID
	c.keep(trace, id)
	var gone atomic.Bool
	var side sync.WaitGroup
	busy := func(what func() error) {
		side.Go(func() {
			for !gone.Load() {
				if err := what(); err != nil {
					if _, final := errors.AsType[errFinal](err); !final { // it is gone: what names it is not found
						s.wrong("beside the erasure: %v", err)
					}
					return
				}
			}
		})
	}
	n := atomic.Int64{}
	for _, a := range victim.accounts {
		busy(func() error {
			var made struct {
				CreateAccount struct{ Account struct{ ID string } }
			}
			if err := c.do(ctx, "", `mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { id } } }`,
				object{"input": object{"consumerId": id, "externalId": a.name, "container": a.container, "name": a.name, "currency": "EUR", "idempotencyKey": "victim-" + a.name[len(trace):]}}, &made, nil); err != nil {
				return err
			}
			for _, batch := range a.batches {
				var rows []object
				for _, r := range batch {
					rows = append(rows, object{"externalId": r.id, "amount": object{"amount": r.amount, "currency": "EUR"}, "bookingDate": r.day, "description": r.text})
				}
				if err := c.do(ctx, "", `mutation($input: CreateTransactionsInput!) { createTransactions(input: $input) { createdCount } }`,
					object{"input": object{"accountId": made.CreateAccount.Account.ID, "transactions": rows, "idempotencyKey": fmt.Sprint("victim-", n.Add(1))}}, nil, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	busy(func() error {
		return c.do(ctx, "", `mutation($input: TriggerInsightsInput!) { triggerInsights(input: $input) { run { id } } }`,
			object{"input": object{"consumerId": id, "insights": []object{{"insightName": spending, "overrideDuplicateCheck": true}}}}, nil, nil)
	})
	busy(func() error {
		return c.do(ctx, "", `mutation($input: CreateReportInput!) { createReport(input: $input) { report { id } } }`,
			object{"input": object{"type": "SHOPPING", "consumerId": id, "callbackUrl": s.hook.url, "callbackHandle": "victim"}}, nil, nil)
	})
	side.Go(func() { _, _, _ = c.linkOnce(ctx, &victim) })
	time.Sleep(time.Duration(500+s.rng.IntN(2500)) * time.Millisecond)
	err := c.do(ctx, "victim-gone", `mutation($input: DeleteConsumerInput!) { deleteConsumer(input: $input) { deletedConsumerId deletedTransactionCount } }`, object{"input": object{"consumerId": id}}, nil, nil)
	gone.Store(true)
	if err != nil {
		return err
	}
	side.Wait()
	if err := s.settled(ctx); err != nil {
		return err
	}
	return s.noTrace(ctx, trace)
}

// noTrace looks for a word in all tables, on Redis and in the logs.
func (s *scene) noTrace(ctx context.Context, word string) error {
	tables, err := s.db.Query(ctx, "SELECT table_name::text, EXISTS (SELECT FROM information_schema.columns c WHERE c.table_name = t.table_name AND c.column_name = 'consumer_id') FROM information_schema.tables t WHERE table_schema = 'public' AND table_type = 'BASE TABLE'")
	if err != nil {
		return err
	}
	type table struct {
		name string
		owns bool
	}
	var all []table
	var t table
	if _, err := pgx.ForEachRow(tables, []any{&t.name, &t.owns}, func() error { all = append(all, t); return nil }); err != nil {
		return err
	}
	for _, t := range all {
		var n int
		if err := s.db.QueryRow(ctx, "SELECT count(*) FROM "+t.name+" t WHERE t::text LIKE '%' || $1 || '%' OR t::text LIKE '%' || encode($1::text::bytea, 'hex') || '%'", word).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			s.leak("%d rows of %s tell of an erased person", n, t.name)
		}
	}
	text, err := s.redisText(ctx)
	if err != nil {
		return err
	}
	if strings.Contains(text, word) {
		s.leak("Redis tells of an erased person")
	}
	for _, p := range s.processes {
		if strings.Contains(p.log.String(), word) {
			s.leak("the log of %s tells of an erased person", p.name)
		}
	}
	return nil
}

// diskFull lets the servers live on a small disk, fills it while the work goes on, and empties it again.
func diskFull(ctx context.Context, l *lab, sc scenario) (r result) {
	fail := func(err error) result {
		r.problems = append(r.problems, err.Error())
		return r
	}
	twin, err := l.twin(ctx, 1)
	if err != nil {
		return fail(err)
	}
	disk, err := os.MkdirTemp("", "insightgraph-disk-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(disk)
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=400m,mode=755"); err != nil {
		r.note = "not done: no small disk can be made here (" + err.Error() + ")"
		return r
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	small := &lab{options: l.options, twins: l.twins, stride: l.stride, disk: disk}
	if small.dir, err = os.MkdirTemp(l.dir, "disk"); err != nil {
		return fail(err)
	}
	defer small.close()
	if err := small.begin(ctx); err != nil {
		return fail(err)
	}
	s, err := small.open(ctx, "s"+sc.id, newWork(l.seed, 1), sc.rng(), template)
	if err != nil {
		return fail(err)
	}
	defer s.close(context.WithoutCancel(ctx))
	if err := s.perform(ctx, scenario{during: sometimes(1, func(ctx context.Context, s *scene) error { return s.fillDisk(context.WithoutCancel(ctx), disk) })}); err != nil {
		s.wrong("%v", err)
	}
	r.verdict = s.judge(ctx, twin)
	r.dead, r.all, r.note = s.dead, s.recover, strings.TrimPrefix(fmt.Sprint(s.codes), "map")+" "+s.note
	return r
}

func (s *scene) fillDisk(ctx context.Context, disk string) error {
	defer s.shock()()
	filler := filepath.Join(disk, "filler")
	f, err := os.Create(filler)
	if err != nil {
		return err
	}
	defer os.Remove(filler)
	block := make([]byte, 1<<20)
	for n := len(block); n > 4<<10; {
		if _, err := f.Write(block[:n]); err != nil {
			n /= 2
		}
	}
	f.Close()
	time.Sleep(4 * time.Second)
	os.Remove(filler)
	// A server that ended for it comes back as a service manager brings it back.
	if s.do(ctx, "SELECT 1") != nil {
		_ = s.servers.KillPostgres()
		s.note = "PostgreSQL ended and was started again"
		s.dies("PostgreSQL")
		if err := s.servers.RestartPostgres(ctx); err != nil {
			return err
		}
	}
	if s.onRedis(ctx, "PING") != nil {
		_ = s.servers.KillRedis()
		return s.servers.RestartRedis(ctx)
	}
	return nil
}

// migrationsDie kills a migration at each of its statements that changes the schema; the next one brings the database up
// to date all the same, and two at once do it once.
func migrationsDie(ctx context.Context, l *lab, sc scenario) (r result) {
	wrong := func(format string, args ...any) { r.problems = append(r.problems, fmt.Sprintf(format, args...)) }
	whole, _, err := l.migrated(ctx, "migration_whole", -1)
	if err != nil {
		wrong("without a fault: %v", err)
		return r
	}
	for n := 1; ; n += l.stride {
		schema, killed, err := l.migrated(ctx, "migration_killed", n)
		if err != nil {
			wrong("killed at statement %d: %v", n, err)
			return r
		}
		if schema != whole {
			wrong("killed at statement %d, the schema is another in the end", n)
			r.lost++
		}
		if !killed { // there are no more statements
			r.note = fmt.Sprintf("%d statements, every %d.", n-1, l.stride)
			return r
		}
		r.dead = append(r.dead, "migrate")
	}
}

// migrated migrates an empty database, in one process that is killed at the n-th statement and then in two at once, and
// describes the schema that comes of it.
func (l *lab) migrated(ctx context.Context, name string, n int) (schema string, killed bool, err error) {
	if err := l.do(ctx, "CREATE DATABASE "+name); err != nil {
		return "", false, err
	}
	defer l.do(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)")
	u, err := url.Parse(l.servers.DatabaseURL)
	if err != nil {
		return "", false, err
	}
	u.Path = "/" + name
	db, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return "", false, err
	}
	defer db.Close(context.WithoutCancel(ctx))
	migrate := func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, l.program, "migrate")
		cmd.Env = append(os.Environ(), "DATABASE_URL="+u.String(), "DATA_DIR="+l.dir)
		return cmd
	}
	if n > 0 {
		// The n-th statement waits for a lock that is held here, and the process dies meanwhile.
		if _, err := db.Exec(ctx, fmt.Sprintf(`CREATE SEQUENCE chaos_statements;
			CREATE FUNCTION chaos_stop() RETURNS event_trigger LANGUAGE plpgsql AS $$
			BEGIN IF nextval('chaos_statements') = %d THEN PERFORM pg_advisory_lock(77); END IF; END $$;
			CREATE EVENT TRIGGER chaos ON ddl_command_start EXECUTE FUNCTION chaos_stop();
			SELECT pg_advisory_lock(77)`, n)); err != nil {
			return "", false, err
		}
		cmd := migrate()
		if err := cmd.Start(); err != nil {
			return "", false, err
		}
		over := make(chan error, 1)
		go func() { over <- cmd.Wait() }()
		for done := false; !done && !killed; {
			select {
			case err := <-over:
				if err != nil {
					return "", false, err
				}
				done = true
			case <-time.After(5 * time.Millisecond):
				if err := db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted)").Scan(&killed); err != nil {
					return "", false, err
				}
			}
		}
		if killed {
			cmd.Process.Kill()
			<-over
		}
		if _, err := db.Exec(ctx, "SELECT pg_advisory_unlock(77); DROP EVENT TRIGGER chaos; DROP FUNCTION chaos_stop(); DROP SEQUENCE chaos_statements"); err != nil {
			return "", false, err
		}
	}
	var both sync.WaitGroup
	var errs errorList
	for range 2 {
		both.Go(func() {
			if out, err := migrate().CombinedOutput(); err != nil {
				errs.add(fmt.Errorf("%w: %s", err, tail(string(out))))
			}
		})
	}
	both.Wait()
	if errs.any() {
		return "", killed, errs.err()
	}
	rows, err := db.Query(ctx, `SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
		UNION ALL SELECT tablename || ' ' || policyname || ' ' || coalesce(qual, '') || ' ' || coalesce(with_check, '') FROM pg_policies
		UNION ALL SELECT proname || ' ' || md5(prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace UNION ALL SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL SELECT 'applied ' || name FROM migrations ORDER BY 1`)
	if err != nil {
		return "", killed, err
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", killed, err
	}
	text, err := json.Marshal(lines)
	return string(text), killed, err
}
