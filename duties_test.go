package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"insightgraph/store/storetest"
)

// canary is a text that is nowhere but in one consumer's data.
const canary = "zq7canary"

// A consumer is erased while its data comes in, is evaluated, reported on and exported. Once that is answered, nothing of
// it is left: not in the database, as pg_dump would see it, nor in anything that Redis has ever written, nor in the log.
// What is under way cannot bring it back.
func TestErasureUnderWay(t *testing.T) {
	t.Parallel()
	database, dir := storetest.URL(t), t.TempDir()
	env := []string{"DATABASE_URL=" + database, "DATA_DIR=" + dir}
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Bank", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	p := serve(t, env)
	c := p.signIn(own, "")
	db := look(t, database)
	h := newHook(t)
	go func() { // callbacks are not what this is about
		for range h.came {
		}
	}()

	var account struct {
		CreateAccount struct {
			Account struct {
				ID       string
				Consumer struct{ ID string }
			}
		}
	}
	c.do(&account, `mutation($i:CreateAccountInput!){createAccount(input:$i){account{id consumer{id}}}}`, object{"i": object{"consumerExternalId": canary + "-person",
		"externalId": canary + "-account", "container": "BANK", "name": canary, "providerName": canary, "currency": "EUR", "idempotencyKey": "k"}})
	consumer, id := account.CreateAccount.Account.Consumer.ID, account.CreateAccount.Account.ID
	export(t, c, consumer)

	var begun, over sync.WaitGroup
	for worker, do := range map[string]func(n int) (query string, input object){
		"transactions": func(n int) (string, object) {
			rows := make([]object, 50)
			for i := range rows {
				rows[i] = object{"externalId": fmt.Sprint(canary, n, "-", i), "amount": object{"amount": "-1.50", "currency": "EUR"}, "bookingDate": "2026-10-02",
					"description": canary, "counterparty": object{"name": canary}}
			}
			return `mutation($i:CreateTransactionsInput!){x:createTransactions(input:$i){createdCount}}`, object{"accountId": id, "transactions": rows, "idempotencyKey": fmt.Sprint(n)}
		},
		"insights": func(n int) (string, object) {
			return `mutation($i:TriggerInsightsInput!){x:triggerInsights(input:$i){run{id}}}`, object{"consumerId": consumer,
				"insights": []object{{"insightName": "SPENDING_AND_EARNING_COMPARISON", "overrideDuplicateCheck": true}}, "idempotencyKey": fmt.Sprint(n)}
		},
		"reports": func(n int) (string, object) {
			return `mutation($i:CreateReportInput!){x:createReport(input:$i){report{id}}}`, object{"consumerId": consumer, "type": "SPENDING", "days": 90,
				"callbackUrl": h.url, "callbackHandle": canary, "idempotencyKey": fmt.Sprint(n)}
		},
	} {
		begun.Add(1)
		over.Go(func() {
			ready := sync.OnceFunc(begun.Done)
			defer ready()
			for n := 0; ; {
				query, input := do(n)
				status, body := c.post(query, object{"i": input})
				if bytes.Contains(body, []byte("try again")) || bytes.Contains(body, []byte(`"TIMEOUT"`)) { // the same once more
					continue
				}
				if bytes.Contains(body, []byte(`"errors"`)) || status != 200 {
					if n < 4 || !bytes.Contains(body, []byte(`"Y807"`)) && !bytes.Contains(body, []byte(`"CONFLICT"`)) {
						t.Errorf("%s ended with %s after %d calls", worker, body, n)
					}
					return
				}
				if n++; n == 4 {
					ready()
				}
			}
		})
	}
	begun.Wait()
	if found := rowsWith(t, db, canary); len(found) < 5 {
		t.Errorf("the search finds %v only, so it would miss things", found)
	}
	if mine := export(t, c, consumer); bytes.Count(mine, []byte(canary)) < 200 {
		t.Errorf("the export is short: %d bytes", len(mine))
	}
	var erased struct {
		DeleteConsumer struct{ DeletedTransactionCount int }
	}
	c.do(&erased, `mutation($i:DeleteConsumerInput!){deleteConsumer(input:$i){deletedTransactionCount}}`, object{"i": object{"consumerId": consumer}})
	if n := erased.DeleteConsumer.DeletedTransactionCount; n < 150 {
		t.Errorf("the receipt counts %d transactions", n)
	}
	gone := func(when string) {
		t.Helper()
		if found := rowsWith(t, db, canary); found != nil {
			t.Errorf("%s: %v", when, found)
		}
	}
	gone("once it is answered")
	over.Wait()
	eventually(t, "nothing is under way", func() bool {
		return db.count("SELECT count(*)::int FROM run_shards WHERE state IN ('READY', 'RUNNING')") == 0
	})
	gone("when all is quiet")
	if status, _ := fetch(t, c, consumer); status != http.StatusNotFound {
		t.Errorf("the export of nobody: %d", status)
	}
	p.stop()
	gone("after the program")
	if strings.Contains(p.log.String(), canary) {
		t.Error("the log tells of it")
	}
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(canary)) {
			t.Errorf("%s tells of it", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// fetch asks for an export.
func fetch(t *testing.T, c client, consumer string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequest("GET", c.url+"/consumers/"+consumer+"/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("X-Request-Id", "same") // it stands in the errors
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

func export(t *testing.T, c client, consumer string) []byte {
	t.Helper()
	status, body := fetch(t, c, consumer)
	if status != http.StatusOK || !bytes.HasPrefix(body, []byte(`{"row": {`)) {
		t.Fatalf("export: %d %.200s", status, body)
	}
	return body
}

// The export is the same by HTTP and by command; only its customer and the consumer itself get it.
func TestExport(t *testing.T) {
	t.Parallel()
	env := ready(t)
	var own, other login
	for _, l := range []*login{&own, &other} {
		if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Bank", "--json")), l); err != nil {
			t.Fatal(err)
		}
	}
	p := serve(t, env)
	c := p.signIn(own, "")
	ids := map[string]string{}
	for _, name := range []string{"anna", "ben"} {
		var made struct {
			CreateConsumer struct{ Consumer struct{ ID string } }
		}
		c.do(&made, `mutation($i:CreateConsumerInput!){createConsumer(input:$i){consumer{id}}}`, object{"i": object{"externalId": name}})
		ids[name] = made.CreateConsumer.Consumer.ID
	}
	mine := export(t, c, ids["anna"])
	if same := export(t, p.signIn(own, "anna"), ids["anna"]); !bytes.Equal(same, mine) {
		t.Errorf("by herself %s", same)
	}
	for _, name := range []string{"anna", ids["anna"]} {
		if out := command(t, env, "export", "--customer", own.ClientID, "--consumer", name); out != string(mine) {
			t.Errorf("by command %s", out)
		}
	}
	refused := map[string]client{"another customer": p.signIn(other, ""), "another consumer": p.signIn(own, "ben")}
	for who, c := range refused {
		status, foreign := fetch(t, c, ids["anna"])
		if again, unknown := fetch(t, c, "nobody"); status != http.StatusNotFound || again != status || !bytes.Equal(foreign, unknown) {
			t.Errorf("%s: %d %s, %d %s", who, status, foreign, again, unknown)
		}
	}
	if status, body := fetch(t, client{t, p.url, "x"}, ids["anna"]); status != http.StatusUnauthorized {
		t.Errorf("a bad token: %d %s", status, body)
	}
	if _, errs, err := try(t, env, "export", "--customer", other.ClientID, "--consumer", ids["anna"]); err == nil || !strings.Contains(errs, "Consumer not found") {
		t.Errorf("by command for another customer: %v %s", err, errs)
	}
}

func rowsWith(t *testing.T, db sees, text string) (found []string) {
	t.Helper()
	rows, err := db.Query(t.Context(), "SELECT c.oid::regclass::text FROM pg_class c WHERE relkind IN ('r', 'm') AND relnamespace = 'public'::regnamespace")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if n := db.count("SELECT count(*)::int FROM "+table+" x WHERE to_jsonb(x)::text LIKE $1", "%"+text+"%"); n > 0 {
			found = append(found, fmt.Sprintf("%d rows of %s", n, table))
		}
	}
	return found
}
