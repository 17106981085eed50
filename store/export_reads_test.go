package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/report"
)

// Scanned reads all rows of a type as Reads do, and as bun does.
func Scanned[T any](ctx context.Context, t Tenant, table string) (ours, buns []T, err error) {
	m := modelOf[T]()
	r := t.Reads()
	var q query
	q.add("SELECT " + m.list() + " FROM " + table + " ORDER BY created_at")
	r.add(q, func(rows answer) (err error) {
		_, ours, err = m.scan(rows, false, 0)
		return err
	})
	if err := r.Send(ctx); err != nil {
		return nil, nil, err
	}
	err = t.in(ctx, func(tx *Tx) error {
		return tx.NewSelect().Model(&buns).ModelTableExpr(table + " AS ?TableAlias").OrderExpr("created_at").Scan(ctx)
	})
	return ours, buns, err
}

var (
	ScannedAccounts     = Scanned[bank.Account]
	ScannedConsumers    = Scanned[bank.Consumer]
	ScannedTransactions = Scanned[bank.Transaction]
	ScannedEntries      = Scanned[insight.Entry]
	ScannedCases        = Scanned[report.Case]
	ScannedReports      = Scanned[report.Report]
)

// PatientReads are what reports are loaded with.
func PatientReads(t Tenant) *Reads { return t.patientReads() }

// Numbers sends a statement of the caller's, which knows nothing of tenants, and gives its first column.
func (r *Reads) Numbers(text string) *[]int64 {
	var q query
	q.add(text)
	found := &[]int64{}
	r.add(q, func(rows answer) error {
		*found = nil
		for rows.Next() {
			*found = append(*found, whole(rows.RawValues()[0]))
		}
		return rows.Err()
	})
	return found
}

// ReadSettings is what the connections for reads know of a tenant while nothing is asked.
func (s *Store) ReadSettings(ctx context.Context) (all []string, err error) {
	for range s.reads.Config().MaxConns {
		c, err := s.reads.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		defer c.Release() // together: each is another connection
		var text string
		if err := c.QueryRow(ctx, "SELECT concat(current_setting('app.customer', true), '/', current_setting('app.consumer', true))").Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}

// Plans is how the server would find what was queued, whatever the values are.
func (r *Reads) Plans(ctx context.Context) (plans []string, err error) {
	c, err := r.t.s.reads.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	for i, q := range r.queue {
		name := fmt.Sprintf("planned_%d", i)
		if _, err := c.Exec(ctx, "PREPARE "+name+" AS "+string(q.text)); err != nil {
			return nil, fmt.Errorf("%s: %w", q.text, err)
		}
		values := ""
		if len(q.args) > 0 {
			values = "(NULL" + strings.Repeat(", NULL", len(q.args)-1) + ")"
		}
		// Test databases are so small that reading and sorting everything would be as good.
		for _, text := range []string{"SET enable_seqscan = off", "SET enable_bitmapscan = off", "EXPLAIN EXECUTE " + name + values,
			"RESET enable_seqscan", "RESET enable_bitmapscan", "DEALLOCATE " + name} {
			rows, err := c.Query(ctx, text, pgx.QueryExecModeSimpleProtocol)
			if err != nil {
				return nil, err
			}
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				return nil, err
			}
			if len(lines) > 0 {
				plans = append(plans, strings.Join(lines, "\n"))
			}
		}
	}
	return plans, nil
}

// The lists of Reads one by one, which the tests ask for by their parents' ids.

// Consumers lists the customer's consumers, the newest first.
func (t Tenant) Consumers(ctx context.Context, a page.Args) (*page.Of[bank.Consumer], error) {
	r := t.Reads()
	return only(ctx, r, r.ConsumerList(a))
}

// Accounts lists each consumer's accounts, the newest first, one page per consumer in the order of the ids.
func (t Tenant) Accounts(ctx context.Context, consumerIDs []int64, f bank.AccountFilter, a page.Args) ([]*page.Of[bank.Account], error) {
	r := t.Reads()
	return pages(ctx, r, r.AccountsOf(ConsumerParents(consumerIDs), f, a), consumerRefs(consumerIDs))
}

// FeedOfConsumers lists the entries of many consumers, one page each, in one statement.
func (t Tenant) FeedOfConsumers(ctx context.Context, consumerIDs []int64, f insight.FeedFilter, a page.Args) ([]*page.Of[insight.Entry], error) {
	r := t.Reads()
	return pages(ctx, r, r.FeedOf(ConsumerParents(consumerIDs), f, a), consumerRefs(consumerIDs))
}

// TransactionsOfAccounts lists transactions of many accounts, one page each, in one statement.
func (t Tenant) TransactionsOfAccounts(ctx context.Context, accounts []bank.Ref, f bank.TransactionFilter, a page.Args) ([]*page.Of[bank.Transaction], error) {
	r := t.Reads()
	return pages(ctx, r, r.TransactionsOf(AccountParents(accounts), f, a), accounts)
}

// TransactionsOfConsumers lists transactions of many consumers, one page each, in one statement.
func (t Tenant) TransactionsOfConsumers(ctx context.Context, consumerIDs []int64, f bank.TransactionFilter, a page.Args) ([]*page.Of[bank.Transaction], error) {
	r := t.Reads()
	return pages(ctx, r, r.TransactionsOf(ConsumerParents(consumerIDs), f, a), consumerRefs(consumerIDs))
}

// consumerRefs are the refs of consumers.
func consumerRefs(ids []int64) []bank.Ref {
	refs := make([]bank.Ref, len(ids))
	for i, id := range ids {
		refs[i] = bank.Ref{Kind: bank.KindConsumer, ConsumerID: id, ID: id}
	}
	return refs
}

// KeptStatements is how many statements the connection for reading keeps, where there is one.
func KeptStatements(t *testing.T, s *Store) (n int) {
	t.Helper()
	if err := s.reads.QueryRow(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
