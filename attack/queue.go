package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"insightgraph/tasks"
)

// over are the rows of each kind of work that nothing is to be done for any more.
var over = map[string]string{
	"run_shards":    "state IN ('DONE', 'DEAD')",
	"refresh_parts": "state IN ('DONE', 'FAILED')",
	"reports":       "finished_at IS NOT NULL",
	"deliveries":    "finished_at IS NOT NULL",
	"revocations":   "true", // those of queue: nobody can give them back
}

// queue is what somebody does who can write into Redis: calls to rows that are over, that there are not, or that are of another
// kind, and calls that are none. A call says nothing but a number, and the database whether there is anything to do.
func (a *attack) queue(ctx context.Context) error {
	var run any
	if err := a.bank.do(&run, `mutation($i:TriggerInsightsInput!){triggerInsights(input:$i){run{id}}}`, object{"insights": []object{{"insightName": "SPENDING_AND_EARNING_COMPARISON"}}}); err != nil {
		return err
	}
	// Consents to be given back at a bank that there is not.
	if _, err := a.server.admin.Exec(ctx, `INSERT INTO revocations (customer_id, flow_id, bank_code, sealed, run_after)
		SELECT id, 0, 'no-bank', 'no secret'::bytea, now() + interval '1 day' FROM customers`); err != nil {
		return err
	}
	done := func() (ids map[string][]int64, rows int, err error) {
		ids = map[string][]int64{}
		for table, is := range over {
			var of []int64
			if err := a.server.admin.QueryRow(ctx, "SELECT coalesce(array_agg(id), '{}') FROM "+table+" WHERE "+is).Scan(&of); err != nil {
				return nil, 0, err
			}
			ids[table] = of
			rows += len(of)
		}
		return ids, rows, nil
	}
	ids, rows, err := done()
	for end := time.Now().Add(2 * time.Minute); err == nil && (len(ids["run_shards"]) == 0 || len(ids["reports"]) == 0); ids, rows, err = done() {
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		if time.Now().After(end) {
			return errors.New("no run and no report comes to its end")
		}
	}
	if err != nil {
		return err
	}
	look := func() (string, error) {
		var all []string
		for table := range over {
			var text string
			if err := a.server.admin.QueryRow(ctx, "SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY id)), '') FROM "+table+" t WHERE id = ANY($1)", ids[table]).Scan(&text); err != nil {
				return "", err
			}
			all = append(all, table+" "+text)
		}
		slices.Sort(all)
		return strings.Join(all, ", "), nil
	}
	before, err := look()
	if err != nil {
		return err
	}
	redis, err := asynq.ParseRedisURI(a.server.redis)
	if err != nil {
		return err
	}
	client, inspector := asynq.NewClient(redis), asynq.NewInspector(redis)
	defer client.Close()
	defer inspector.Close()
	payloads := []string{"", "null", "{}", "[]", "{", `{"id":"1"}`, `{"id":0}`, `{"id":-1}`, `{"id":1.5}`, `{"id":999999999}`, `{"id":9223372036854775807}`, `{"id":9223372036854775808}`,
		`{"id":999999999,"trace":"` + times("x", 1<<20) + `"}`, `{"id":999999999,"trace":"00-00000000000000000000000000000000-0000000000000000-01"}`, times("[", 1<<20), "\x00\xff"}
	for _, of := range ids {
		for _, id := range of {
			payloads = append(payloads, fmt.Sprintf(`{"id":%d,"customer_id":1,"customerId":"1"}`, id))
		}
	}
	workers, err := inspector.Servers()
	if err != nil {
		return err
	}
	queues := map[string]int{}
	for _, w := range workers {
		maps.Copy(queues, w.Queues)
	}
	a.check(len(queues) >= 6 && len(tasks.Types) >= 5, "the workers listen to %v and know of %v only", queues, tasks.Types)
	for queue := range queues {
		for _, task := range tasks.Types {
			for _, payload := range payloads {
				if _, err := client.EnqueueContext(ctx, asynq.NewTask(task, []byte(payload)), asynq.Queue(queue), asynq.MaxRetry(0)); err != nil {
					return err
				}
			}
		}
		for _, other := range []string{"", "nothing", "report:build:", "insight:evaluate\n", times("x", 10_000)} {
			_, _ = client.EnqueueContext(ctx, asynq.NewTask(other, []byte(`{"id":1}`)), asynq.Queue(queue), asynq.MaxRetry(0)) // the client may refuse a name
		}
	}
	for queue := range queues {
		for end := time.Now().Add(2 * time.Minute); ; {
			info, err := inspector.GetQueueInfo(queue)
			if err != nil {
				return err
			}
			if info.Pending+info.Active == 0 {
				break
			}
			if !a.check(time.Now().Before(end), "the queue %s still has %d calls", queue, info.Pending+info.Active) {
				break
			}
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
	after, err := look()
	a.check(after == before, "calls that somebody has forged did something: %s, before %s", after, before)
	a.log("queue: %d forged calls of each of %d types in each of %d queues; %d rows that are over stay as they were", len(payloads), len(tasks.Types), len(queues), rows)
	return err
}
