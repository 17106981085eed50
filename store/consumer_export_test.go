package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// TestExport: all rows of the consumer in all tables, none of anybody else, and nothing secret.
func TestExport(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	s := storetest.Open(t, url, store.Options{MaxConns: 4})
	mine, other := populate(t, s, "acme"), populate(t, s, "other")
	db := admin(t, url)
	anna := mine.consumers[0]
	if _, err := db.Exec(t.Context(), `UPDATE transactions SET description = 'canary ' || customer_id || ' ' || consumer_id;
		UPDATE sessions SET psu = jsonb_build_object('ip', 'canary ' || customer_id || ' ' || (SELECT f.consumer_id FROM flows f WHERE f.session_id = sessions.id))`); err != nil {
		t.Fatal(err)
	}
	for _, of := range []tenant{mine, other} {
		for _, c := range of.consumers {
			if _, err := db.Exec(t.Context(), `INSERT INTO events (customer_id, at, actor_kind, actor_name, action, consumer_id) VALUES ($1::bigint, now(), 'CUSTOMER', 'canary ' || $1::bigint || ' ' || $2::bigint, 'updateConsumer', $2::bigint)`, of.id, c.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	canary := fmt.Sprintf("canary %d %d", mine.id, anna.ID)

	var out bytes.Buffer
	if err := mine.Export(t.Context(), anna.Ref(), &out); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for line := range bytes.Lines(out.Bytes()) {
		var x struct {
			Table string
			Row   map[string]any
		}
		if err := json.Unmarshal(line, &x); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		kinds[x.Table]++
		for column, value := range x.Row {
			if text, ok := value.(string); ok && strings.HasPrefix(text, `\x`) {
				t.Errorf("%s.%s is %s", x.Table, column, text)
			}
		}
	}
	w := &world{Store: s, url: url}
	for _, table := range holding(t, w, anna.ID) {
		key := "consumer_id"
		if table == "consumers" {
			key = "id"
		}
		stored := column[int](t, db, fmt.Sprintf("SELECT count(*)::int FROM %s WHERE %s = %d", table, key, anna.ID))[0]
		if table == "tokens" {
			stored = 0
		}
		if kinds[table] != stored {
			t.Errorf("%s: %d lines for %d rows", table, kinds[table], stored)
		}
		delete(kinds, table)
	}
	events := column[int](t, db, fmt.Sprintf("SELECT count(*)::int FROM events WHERE consumer_id = %d", anna.ID))[0]
	if kinds["sessions"] == 0 || kinds["events"] != events || len(kinds) != 2 {
		t.Errorf("beside the consumer's tables: %v", kinds)
	}
	if n := strings.Count(out.String(), "canary "); n == 0 || n != strings.Count(out.String(), canary) {
		t.Errorf("%d canaries of which %d are the consumer's", n, strings.Count(out.String(), canary))
	}

	var own bytes.Buffer
	if err := s.Consumer(mine.id, anna.ID).Export(t.Context(), anna.Ref(), &own); err != nil || !slices.Equal(own.Bytes(), out.Bytes()) {
		t.Errorf("by the consumer: %v", err)
	}
	for name, ask := range map[string]func() error{
		"another customer's": func() error { return mine.Export(t.Context(), other.consumers[0].Ref(), &out) },
		"nobody":             func() error { return mine.Export(t.Context(), bank.Consumer{ID: 1 << 40}.Ref(), &out) },
		"another consumer": func() error {
			return s.Consumer(mine.id, mine.consumers[1].ID).Export(t.Context(), anna.Ref(), &out)
		},
	} {
		had := out.Len()
		if f, ok := errors.AsType[*fault.Error](ask()); !ok || f.Code != fault.NotFound || out.Len() != had {
			t.Errorf("%s: %v", name, f)
		}
	}
}
