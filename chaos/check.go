package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"insightgraph/bank"
)

// The invariants. The strongest is that the tables are, but for ids and times, those of a run without faults.

// notCompared are tables whose rows tell how it went, not what came of it: logins that broke off, tries, and the like.
var notCompared = []string{"event_days", "tokens", "sessions", "flows", "delivery_attempts", "migrations", "migration_locks", "run_shards"}

// volatile are columns that tell how it went: who worked on it, and in how many tries; or that are chance.
var volatile = regexp.MustCompile(`^(attempts|lease|low|high|revision|version|round|enqueued_at|handle|request|request_id|answer|sealed|hash|about|number|actor_name|client_id)$`)

// beginAgain are the events of what clients do again, as something new, after it broke off, and of what has no key.
var beginAgain = regexp.MustCompile(`"(createSession|closeSession|startInsightsRefreshFlow|abortFlow)"`)

var (
	aTime    = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.:+Z-]*`)
	aPort    = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	idNumber = regexp.MustCompile(`(^|_)ids?$|Ids?$`)
)

// kinds are the letters of ids.
const kinds = "mcategrsfukdhpwl"

// contents are the rows of all tables in words that do not change from run to run.
type contents map[string][]string

func (s *scene) contents(ctx context.Context) (contents, error) {
	names, err := s.naturalNames(ctx)
	if err != nil {
		return nil, err
	}
	columns := map[string][]string{}
	rows, err := s.db.Query(ctx, `SELECT c.table_name::text, c.column_name::text, c.data_type::text FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name) WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' ORDER BY 1, 2`)
	if err != nil {
		return nil, err
	}
	var table, column, kind string
	if _, err := pgx.ForEachRow(rows, []any{&table, &column, &kind}, func() error {
		if slices.Contains(notCompared, table) || kind == "timestamp with time zone" || kind == "bytea" || volatile.MatchString(column) {
			return nil
		}
		columns[table] = append(columns[table], column)
		return nil
	}); err != nil {
		return nil, err
	}
	all := contents{}
	for table, kept := range columns {
		rows, err := s.db.Query(ctx, "SELECT to_jsonb(t)::text FROM "+table+" t")
		if err != nil {
			return nil, err
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, err
		}
		for _, text := range texts {
			if strings.Contains(text, `"victim-`) { // the key of a call for somebody who was erased: it is nobody's data
				continue
			}
			if table == "events" && beginAgain.MatchString(text) {
				continue
			}
			var row map[string]any
			decoder := json.NewDecoder(strings.NewReader(text))
			decoder.UseNumber()
			if err := decoder.Decode(&row); err != nil {
				return nil, err
			}
			if id, ok := row["consumer_id"].(json.Number); ok && table == "events" && names.consumers[id.String()] == "" {
				continue // somebody who was erased; the log goes on to tell that
			}
			if table == "outcomes" && row["outcomes"] == "N" {
				continue // the schedule came by while the insight was switched off
			}
			sealed := row["sealed"] != nil
			for column := range row {
				if !slices.Contains(kept, column) {
					delete(row, column)
				}
			}
			if table == "idempotency_keys" { // an answer is encrypted; what it says is compared where clients get it
				row["kept"] = sealed
			}
			line, _ := json.Marshal(names.plain("", row))
			all[table] = append(all[table], string(line))
		}
		sort.Strings(all[table])
	}
	return all, nil
}

// naturals are names for numbers.
type naturals struct{ customers, consumers, accounts map[string]string }

func (s *scene) naturalNames(ctx context.Context) (n naturals, err error) {
	for query, into := range map[string]*map[string]string{
		"SELECT id::text, name FROM customers":                                          &n.customers,
		"SELECT id::text, coalesce(external_id, 'nameless') FROM consumers":             &n.consumers,
		"SELECT id::text, coalesce(external_id, name || ' ' || currency) FROM accounts": &n.accounts,
	} {
		*into = map[string]string{}
		rows, err := s.db.Query(ctx, query)
		if err != nil {
			return n, err
		}
		var id, name string
		if _, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error { (*into)[id] = name; return nil }); err != nil {
			return n, err
		}
	}
	return n, nil
}

// plain takes out of a value what differs from run to run: numbers of rows become names, or go; ids of the API too.
func (n naturals) plain(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			if x = n.plain(k, x); x != nil {
				out[k] = x
			}
		}
		return out
	case []any:
		out := []any{}
		for _, x := range v {
			if x = n.plain(key, x); x != nil {
				out = append(out, x)
			}
		}
		return out
	case json.Number:
		switch strings.ToLower(key) {
		case "customer_id":
			return n.customers[v.String()]
		case "consumer_id":
			return n.consumers[v.String()]
		case "account_id", "accountids", "account_ids":
			return n.accounts[v.String()]
		case "transfer_id":
			return "a transfer"
		case "category_id", "categoryids":
			return v
		}
		if idNumber.MatchString(key) {
			return nil
		}
		return v
	case string:
		// Whether the schedule or a call was first is chance: what came of it is the same.
		switch {
		case key == "outcome" && v == "DUPLICATE":
			return "GENERATED"
		case key == "outcomes":
			return strings.ReplaceAll(v, "D", "G")
		case key == "reason" && strings.HasPrefix(v, "The period has its entry"):
			return nil
		}
		if ref := bank.ParseRef(v); ref != (bank.Ref{}) && strings.ContainsRune(kinds, rune(ref.Kind)) {
			switch id := fmt.Sprint(ref.ID); ref.Kind {
			case bank.KindConsumer:
				return n.consumers[id]
			case bank.KindAccount:
				return n.accounts[id]
			case bank.KindCategory:
				return v
			}
			return "id of kind " + string(rune(ref.Kind))
		}
		var inner any // a body that is kept as text
		if strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &inner) == nil {
			return n.plain(key, inner)
		}
		return aPort.ReplaceAllString(aTime.ReplaceAllString(v, "a time"), "here")
	}
	return v
}

// against compares with a run without faults: rows that are not there, and rows that are too many.
func (c contents) against(twin contents) (missing, extra []string) {
	count := map[string]int{}
	for table, rows := range twin {
		for _, r := range rows {
			count[table+" "+r]++
		}
	}
	for table, rows := range c {
		for _, r := range rows {
			count[table+" "+r]--
		}
	}
	for row, n := range count {
		for ; n > 0; n-- {
			missing = append(missing, row)
		}
		for ; n < 0; n++ {
			extra = append(extra, row)
		}
	}
	sort.Strings(missing)
	sort.Strings(extra)
	return missing, extra
}

// importEvents are what a run of the command import leaves.
var importEvents = regexp.MustCompile(`"action":"import(Consumers|Accounts|Transactions)","actor_kind":"COMMAND"`)

// but leaves out what an import that was done again has done again: that each of its events is there remains.
func (s *scene) but(all contents) contents {
	if !s.importedAgain.Load() {
		return all
	}
	all = maps.Clone(all)
	last := ""
	all["events"] = slices.DeleteFunc(slices.Clone(all["events"]), func(row string) bool {
		again := row == last && importEvents.MatchString(row)
		last = row
		return again
	})
	return all
}

// expected is what must be there after a scene, by what was there without faults: where each batch is sent several times at
// once, as a call of its own each time, each of these calls leaves its event and its key.
func (s *scene) expected(twin contents) contents {
	if s.repeat <= 1 {
		return s.but(twin)
	}
	all := maps.Clone(twin)
	for _, table := range []string{"events", "idempotency_keys"} {
		all[table] = nil
		for _, row := range twin[table] {
			if !strings.Contains(row, `"createTransactions"`) {
				all[table] = append(all[table], row)
				continue
			}
			for n := range s.repeat {
				all[table] = append(all[table], aBatch.ReplaceAllString(row, fmt.Sprint("$1-", n)))
			}
		}
		sort.Strings(all[table])
	}
	return s.but(all)
}

// aBatch is the key of a batch.
var aBatch = regexp.MustCompile(`("key":"batch-[^"]*)`)

// verdict is what is wrong after a scene.
type verdict struct {
	lost, twice, stuck, leaks int
	problems                  []string
}

func (v verdict) good() bool { return v.lost+v.twice+v.stuck+v.leaks+len(v.problems) == 0 }

// judge checks what must hold after every scene. twin is nil for the twin itself.
func (s *scene) judge(ctx context.Context, twin *twin) (v verdict) {
	s.checkLogs()
	unstored, doubled, err := s.checkAcks(ctx)
	if err != nil {
		s.wrong("check the acknowledged calls: %v", err)
	}
	v.lost, v.twice = len(unstored), doubled
	for _, name := range unstored[:min(3, len(unstored))] {
		s.wrong("acknowledged, and not stored: %s", name)
	}
	if doubled > 0 {
		s.wrong("%d rows are there twice", doubled)
	}
	s.checkWork(ctx)
	s.checkTotals(ctx)
	if _, _, err := s.command(ctx, nil, "events", "verify"); err != nil {
		s.wrong("the chain of changes: %v", err)
	}
	if twin != nil {
		now, err := s.contents(ctx)
		if err != nil {
			s.wrong("read all tables: %v", err)
		}
		missing, extra := s.but(now).against(s.expected(twin.contents))
		v.lost, v.twice = v.lost+len(missing), v.twice+len(extra)
		for _, row := range missing[:min(4, len(missing))] {
			s.wrong("only without faults: %.400s", row)
		}
		for _, row := range extra[:min(4, len(extra))] {
			s.wrong("only with faults: %.400s", row)
		}
		for call, answer := range s.answers {
			if twin.answers[call] != answer {
				s.wrong("%s answers %s, without faults %s", call, answer, twin.answers[call])
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waits) > 0 {
		s.problems = append(s.problems, "work that was under way at a death has not come to its end")
		s.stuck++
	}
	v.stuck, v.leaks, v.problems = s.stuck, s.leaks, s.problems
	return v
}

// checkAcks looks for everything that a client was told is stored, and for what is there twice.
func (s *scene) checkAcks(ctx context.Context) (lost []string, twice int, err error) {
	found := map[string]string{}
	for query, kind := range map[string]string{
		"SELECT m.name, c.external_id, c.time_zone FROM consumers c JOIN customers m ON m.id = c.customer_id WHERE external_id IS NOT NULL":                                                          "consumer",
		"SELECT m.name, a.external_id, a.container FROM accounts a JOIN customers m ON m.id = a.customer_id WHERE external_id IS NOT NULL":                                                           "account",
		"SELECT m.name, t.external_id, t.amount::text FROM transactions t JOIN accounts a ON a.id = t.account_id JOIN customers m ON m.id = t.customer_id WHERE a.external_id IS NOT NULL":           "transaction",
		"SELECT m.name, 'run', count(*)::text FROM runs r JOIN customers m ON m.id = r.customer_id WHERE kind = 'ON_DEMAND' GROUP BY 1":                                                              "run",
		"SELECT m.name, c.external_id || '-' || r.type, r.status FROM reports r JOIN customers m ON m.id = r.customer_id JOIN consumers c ON (c.customer_id, c.id) = (r.customer_id, r.consumer_id)": "report",
		"SELECT m.name, c.external_id, k.state FROM consents k JOIN customers m ON m.id = k.customer_id JOIN consumers c ON (c.customer_id, c.id) = (k.customer_id, k.consumer_id)":                  "linked",
	} {
		rows, err := s.db.Query(ctx, query)
		if err != nil {
			return nil, 0, err
		}
		var customer, name, value string
		if _, err := pgx.ForEachRow(rows, []any{&customer, &name, &value}, func() error {
			key := kind + " " + customer + " " + name
			if _, known := found[key]; known {
				twice++
			}
			found[key] = value
			return nil
		}); err != nil {
			return nil, 0, err
		}
	}
	s.acks.mu.Lock()
	defer s.acks.mu.Unlock()
	for name, value := range s.acks.stored {
		if got, ok := found[name]; !ok || got != value {
			lost = append(lost, fmt.Sprintf("%s = %s, stored is %q", name, value, got))
		}
	}
	sort.Strings(lost)
	return lost, twice, nil
}

// checkWork looks for work that nobody will do, and for work that was given up.
func (s *scene) checkWork(ctx context.Context) {
	rows, err := s.openRows(ctx)
	if err != nil {
		s.wrong("look for open work: %v", err)
	}
	if len(rows) > 0 {
		s.mu.Lock()
		s.stuck += len(rows)
		s.mu.Unlock()
		s.wrong("%d pieces of work are still under way: %v", len(rows), rows[0])
	}
	var dead, unsent int
	if err := s.db.QueryRow(ctx, `SELECT (SELECT count(*) FROM run_shards WHERE state = 'DEAD') + (SELECT count(*) FROM reports WHERE status = 'FAILED')
		+ (SELECT count(*) FROM refresh_parts WHERE state = 'FAILED') + (SELECT count(*) FROM deliveries WHERE status = 'FAILED')`).Scan(&dead); err != nil {
		s.wrong("look for work that was given up: %v", err)
	}
	if dead != s.poison {
		s.mu.Lock()
		s.stuck += max(1, dead-s.poison)
		s.mu.Unlock()
		s.wrong("%d pieces of work were given up, want %d", dead, s.poison)
	}
	// What was told has been told: each callback that is DELIVERED has come at least once.
	refs, err := s.db.Query(ctx, "SELECT consumer_id, id FROM deliveries WHERE status = 'DELIVERED'")
	if err != nil {
		s.wrong("look for callbacks: %v", err)
		return
	}
	var consumer, id int64
	if _, err := pgx.ForEachRow(refs, []any{&consumer, &id}, func() error {
		s.hook.mu.Lock()
		defer s.hook.mu.Unlock()
		if s.hook.came[bank.Ref{Kind: bank.KindDelivery, ConsumerID: consumer, ID: id}.String()] == 0 {
			unsent++
		}
		return nil
	}); err != nil {
		s.wrong("look for callbacks: %v", err)
	}
	if unsent > 0 {
		s.wrong("%d callbacks are said to be delivered, and never came", unsent)
	}
}

// checkTotals adds up all transactions and compares the sums with those that are kept.
func (s *scene) checkTotals(ctx context.Context) {
	var wrong int
	if err := s.db.QueryRow(ctx, `WITH sums AS (SELECT customer_id, consumer_id, account_id, date_trunc('month', booking_date::timestamp)::date AS month,
			coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT' AND transfer_id IS NULL), 0) AS credit,
			coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT' AND transfer_id IS NULL), 0) AS debit,
			count(*) FILTER (WHERE transfer_id IS NULL) AS count, count(*) FILTER (WHERE transfer_id IS NOT NULL) AS moved
			FROM transactions WHERE status = 'POSTED' GROUP BY 1, 2, 3, 4)
		SELECT count(*) FROM sums s FULL JOIN (SELECT * FROM account_months WHERE count > 0 OR transfer_count > 0) m USING (customer_id, consumer_id, account_id, month)
		WHERE (s.credit, s.debit, s.count, s.moved) IS DISTINCT FROM (m.credit, m.debit, m.count::bigint, m.transfer_count::bigint)`).Scan(&wrong); err != nil {
		s.wrong("add up: %v", err)
	}
	if wrong > 0 {
		s.wrong("%d monthly totals are not the sums of their transactions", wrong)
	}
}

// checkLogs looks for account data in what the processes say.
func (s *scene) checkLogs() {
	for _, p := range s.processes {
		text := p.log.String()
		for _, word := range []string{"CNRY", "panic", "DATA RACE"} {
			if at := strings.Index(text, word); at >= 0 {
				s.leak("the log of %s holds %q: %.300s", p.name, word, text[max(0, at-150):min(len(text), at+150)])
			}
		}
	}
}

func (s *scene) leak(format string, args ...any) {
	s.mu.Lock()
	s.leaks++
	s.mu.Unlock()
	s.wrong(format, args...)
}

// resources looks whether the processes give back what they took: connections to the database, and descriptors.
func (s *scene) resources(ctx context.Context) {
	for _, p := range s.processes {
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid()))
		if err == nil && len(files) > 120 {
			s.leak("%s has %d open files", p.name, len(files))
		}
	}
	var connections int
	if err := s.db.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'insightgraph'").Scan(&connections); err == nil && connections > connsOfEach*len(s.processes) {
		s.leak("%d connections to the database", connections)
	}
	if text, err := s.redisText(ctx); err == nil && strings.Count(text, "asynq:{") > 1000 {
		s.leak("%d keys on Redis", strings.Count(text, "asynq:{"))
	}
}

// redisText is everything that is on Redis, for the search of what must not be there.
func (s *scene) redisText(ctx context.Context) (string, error) {
	options, err := redis.ParseURL(s.servers.RedisURL)
	if err != nil {
		return "", err
	}
	client := redis.NewClient(options)
	defer client.Close()
	var b strings.Builder
	for keys := client.Scan(ctx, 0, "*", 1000).Iterator(); keys.Next(ctx); {
		dump, err := client.Dump(ctx, keys.Val()).Result()
		if err != nil && err != redis.Nil {
			return "", err
		}
		b.WriteString(keys.Val() + " " + dump + "\n")
	}
	return b.String(), nil
}

// percentile of durations.
func percentile(all []time.Duration, p float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}
