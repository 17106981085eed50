package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

//go:embed peers/package.json peers/package-lock.json peers/.npmrc peers/*.mjs
var peerFiles embed.FS

// The questions as the peers' schemas put them. They may leave out names of categories and say amounts plainly.
const (
	pglRow    = `nodes { rowId bookingDate amount currency baseType description categoryId merchantName } pageInfo { hasNextPage endCursor }`
	pglOrder  = `orderBy: [BOOKING_DATE_DESC, ROW_ID_DESC]`
	pglEntry  = `rowId insight title createdAt windowFrom windowTo transactionDerived`
	pglScreen = `query Screen($customer: BigInt!, $id: BigInt!, $month: Date!) { consumer: consumerByCustomerIdAndRowId(customerId: $customer, rowId: $id) { rowId externalId timeZone currency
  accounts: accountsByCustomerIdAndConsumerId(first: 3, orderBy: [PRIMARY_KEY_DESC]) { nodes { rowId name providerName container type currency
    transactions: transactionsByCustomerIdAndConsumerIdAndAccountId(first: 20, ` + pglOrder + `) { ` + pglRow + ` } } }
  feed: feedEntriesByCustomerIdAndConsumerId(first: 10, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes { ` + pglEntry + ` } pageInfo { hasNextPage endCursor } }
  categoryTotals(month: $month) { nodes { categoryId currency credit debit count } } } }`
	pglList = `query List($customer: BigInt!, $consumer: BigInt!, $id: BigInt!) { transactions: allTransactions(condition: {customerId: $customer, consumerId: $consumer, accountId: $id}, first: 100, ` + pglOrder + `) { ` + pglRow + ` } }`
	pglFeed = `query Feed($customer: BigInt!, $id: BigInt!) { feed: allFeedEntries(condition: {customerId: $customer, consumerId: $id}, first: 50, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) {
  nodes { ` + pglEntry + ` accounts } pageInfo { hasNextPage endCursor } } }`
	pglDeep = `query Deep($customer: BigInt!, $after: Cursor) { transactions: allTransactions(condition: {customerId: $customer}, first: 100, after: $after, ` + pglOrder + `) { ` + pglRow + ` } }`

	mercRow    = `nodes { id bookingDate amount currency baseType description categoryId merchantName } pageInfo { hasNextPage endCursor }`
	mercEntry  = `id insight title createdAt windowFrom windowTo transactionDerived`
	mercScreen = `query Screen($id: ID!, $month: Date!) { consumer(id: $id) { id externalId timeZone currency
  accounts(first: 3) { id name providerName container type currency transactions(first: 20) { ` + mercRow + ` } }
  feed(first: 10) { nodes { ` + mercEntry + ` } pageInfo { hasNextPage endCursor } }
  categoryTotals(month: $month) { categoryId currency credit debit count } } }`
	mercList = `query List($consumer: ID!, $id: ID!) { transactions(consumer: $consumer, account: $id, first: 100) { ` + mercRow + ` } }`
	mercFeed = `query Feed($id: ID!) { feed(consumer: $id, first: 50) { nodes { ` + mercEntry + ` accounts } pageInfo { hasNextPage endCursor } } }`
	mercDeep = `query Deep($day: Date, $id: ID) { transactions(first: 100, afterDate: $day, afterId: $id) { ` + mercRow + ` } }`
)

// pglTotals is what PostGraphile offers as Consumer.categoryTotals.
const pglTotals = `CREATE OR REPLACE FUNCTION consumers_category_totals(c consumers, month date)
	RETURNS TABLE (category_id int, currency text, credit numeric, debit numeric, count bigint) LANGUAGE sql STABLE AS $$
	SELECT m.category_id, a.currency, sum(m.credit), sum(m.debit), sum(m.count)::bigint FROM accounts a
	JOIN category_months m ON m.customer_id = c.customer_id AND m.consumer_id = c.id AND m.account_id = a.id AND m.month = consumers_category_totals.month AND m.count > 0
	WHERE a.customer_id = c.customer_id AND a.consumer_id = c.id AND a.status = 'ACTIVE' GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2 $$`

// pglAccount tells PostGraphile what a trigger checks instead of a foreign key.
const pglAccount = `COMMENT ON TABLE transactions IS '@foreignKey (customer_id, consumer_id, account_id) references accounts (customer_id, consumer_id, id)'`

// peers starts the servers that others have made, one process of each and a second one beside it.
func (s *screenBench) peers(ctx context.Context) error {
	dir, err := s.fetchPeers(ctx)
	if err != nil {
		s.skipped = append(s.skipped, fmt.Sprintf("PostGraphile and Mercurius were NOT measured: %v", err))
		say("\n*** %s ***\n", s.skipped[len(s.skipped)-1])
		return nil
	}
	if err := s.do(ctx, pglTotals, pglAccount); err != nil {
		return err
	}
	node := filepath.Join(dir, "node_modules", ".bin", "node")
	processes := 2 // as many as there are cores for ours
	if s.rounds < fullSizes.rounds {
		processes = 1
	}
	pair := func(name, script string) (both []*process, err error) {
		for i := range processes {
			addr, err := freeAddr()
			if err != nil {
				return both, err
			}
			_, port, _ := net.SplitHostPort(addr)
			p, err := s.start(ctx, fmt.Sprintf("%s-%d", name, i+1), addr, "/graphql?query=%7B__typename%7D", []string{"GRAPHILE_ENV=production", "NODE_ENV=production"},
				node, filepath.Join(dir, script), port, s.url, strconv.FormatInt(s.customerID, 10))
			if err != nil {
				return both, err
			}
			both = append(both, p)
		}
		return both, nil
	}
	postgraphile, err := pair("postgraphile", "postgraphile.mjs")
	if err != nil {
		return err
	}
	digest, err := s.pglDigest(postgraphile[0])
	if err != nil {
		return err
	}
	ask := func(reading string, x subject) []byte { return request("/graphql", "", s.pglBody(reading, x, digest)) }
	s.target("PostGraphile", ask, postgraphile[0])
	if len(postgraphile) > 1 {
		s.target("PostGraphile, 2 processes", ask, postgraphile...)
	}
	mercurius, err := pair("mercurius", "mercurius.mjs")
	if err != nil {
		return err
	}
	ask = func(reading string, x subject) []byte { return request("/graphql", "", mercBody(reading, x)) }
	s.target("Mercurius", ask, mercurius[0])
	if len(mercurius) > 1 {
		s.target("Mercurius, 2 processes", ask, mercurius...)
	}
	return nil
}

// fetchPeers installs the peers into a folder that is kept, where they are not there yet.
func (s *screenBench) fetchPeers(ctx context.Context) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errors.New("npm is not installed")
	}
	if _, err := exec.LookPath("node"); err != nil {
		return "", errors.New("node is not installed")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "insightgraph-bench")
	files, err := fs.Sub(peerFiles, "peers")
	if err != nil {
		return "", err
	}
	lock, err := fs.ReadFile(files, "package-lock.json")
	if err != nil {
		return "", err
	}
	there, _ := os.ReadFile(filepath.Join(dir, "installed")) // written when all was there
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc", "postgraphile.mjs", "mercurius.mjs"} {
		content, err := fs.ReadFile(files, name)
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o644)
		}
		if err != nil {
			return "", err
		}
	}
	if !bytes.Equal(there, lock) {
		say("  fetching PostGraphile, Mercurius and Node.js into %s", dir)
		install := exec.CommandContext(ctx, npm, "ci", "--no-audit", "--no-fund", "--loglevel=error")
		install.Dir = dir
		if out, err := install.CombinedOutput(); err != nil {
			return "", fmt.Errorf("npm ci failed: %.300s", out)
		}
	}
	version, err := exec.CommandContext(ctx, filepath.Join(dir, "node_modules", ".bin", "node"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("run the Node.js that npm brought: %w", err)
	}
	var made struct{ Dependencies map[string]string }
	content, err := fs.ReadFile(files, "package.json")
	if err == nil {
		err = json.Unmarshal(content, &made)
	}
	if err != nil {
		return "", err
	}
	s.facts = append(s.facts, fmt.Sprintf("Peers: PostGraphile %s, Mercurius %s on Node.js %s", made.Dependencies["postgraphile"], made.Dependencies["mercurius"], strings.TrimSpace(string(version))))
	return dir, os.WriteFile(filepath.Join(dir, "installed"), lock, 0o644)
}

// pglDigest is how PostGraphile marks cursors of the deep list.
func (s *screenBench) pglDigest(p *process) (string, error) {
	c, err := dial(p.addr)
	if err != nil {
		return "", err
	}
	defer c.conn.Close()
	answer, err := c.post(request("/graphql", "", s.pglBody("deep", subject{}, "")))
	if err != nil {
		return "", err
	}
	var a struct {
		Data struct {
			Transactions struct{ PageInfo struct{ EndCursor []byte } } // base64
		}
	}
	var parts []string
	if json.Unmarshal(answer, &a) != nil || json.Unmarshal(a.Data.Transactions.PageInfo.EndCursor, &parts) != nil || len(parts) != 6 {
		return "", fmt.Errorf("PostGraphile's cursor is not as expected: %s", a.Data.Transactions.PageInfo.EndCursor)
	}
	return parts[0], nil
}

func (s *screenBench) pglBody(reading string, x subject, digest string) string {
	v := map[string]any{"customer": s.customerID, "id": x.consumer}
	switch reading {
	case "screen":
		v["month"] = x.month
		return body(pglScreen, v)
	case "list":
		v["consumer"], v["id"] = x.consumer, x.account
		return body(pglList, v)
	case "feed":
		return body(pglFeed, v)
	}
	delete(v, "id")
	if x.after != nil {
		id := strconv.FormatInt(x.after.ID, 10)
		parts, _ := json.Marshal([]string{digest, x.after.Key, id, strconv.FormatInt(s.customerID, 10), strconv.FormatInt(x.consumer, 10), id})
		v["after"] = base64.StdEncoding.EncodeToString(parts)
	}
	return body(pglDeep, v)
}

func mercBody(reading string, x subject) string {
	switch reading {
	case "screen":
		return body(mercScreen, map[string]any{"id": x.consumer, "month": x.month})
	case "list":
		return body(mercList, map[string]any{"consumer": x.consumer, "id": x.account})
	case "feed":
		return body(mercFeed, map[string]any{"id": x.consumer})
	}
	if x.after == nil {
		return body(mercDeep, nil)
	}
	return body(mercDeep, map[string]any{"day": x.after.Key, "id": x.after.ID})
}
