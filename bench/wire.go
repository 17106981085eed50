package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/statement"
	"insightgraph/store"
)

// wireBench is a live server that is asked over HTTP, all of it: web and workers in one process.
type wireBench struct {
	*ingestBench
	token  string
	server *process
}

// wire measures what callers wait for over HTTP.
func (b *bench) wire(ctx context.Context) error {
	say("Over HTTP: %d transactions", b.base)
	w, err := b.live(ctx, "bench_wire")
	if err != nil {
		return err
	}
	defer w.close()
	defer w.server.stop()
	for _, one := range []struct {
		name    string
		measure func(context.Context) error
	}{{"trigger", w.triggers}, {"wirecreate", w.creates}, {"report", w.reports}, {"small", w.smallest}, {"noisy", w.noisy}} {
		if b.wants(one.name) {
			if err := one.measure(ctx); err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
		}
	}
	if !b.wants("start") {
		return nil
	}
	w.server.stop()
	var took series
	for range 10 {
		p, err := b.serve(ctx, "start", w.database)
		if err != nil {
			return err
		}
		took.add(p.ready)
		p.stop()
	}
	w.results = append(w.results, result{name: "cold start of the program, warm database", ours: took, goal: 0.3})
	return nil
}

// live starts a server on a filled database.
func (b *bench) live(ctx context.Context, name string) (_ *wireBench, err error) {
	w := &wireBench{ingestBench: &ingestBench{bench: b}}
	if w.database, w.customerID, err = b.filled(ctx, name, max(3, b.base/750), b.base); err != nil {
		return nil, err
	}
	if err := w.database.feed(ctx, w.customerID); err != nil {
		w.database.close()
		return nil, err
	}
	if w.token, _, err = (&auth.Tokens{Store: w.store, Life: 24 * time.Hour}).Issue(ctx, bank.Customer{ID: w.customerID}, nil); err == nil {
		w.server, err = b.serve(ctx, "live", w.database)
	}
	if err != nil {
		w.database.close()
		return nil, err
	}
	return w, w.idle(ctx)
}

// idle waits until the server has done what it found to do when it started.
func (w *wireBench) idle(ctx context.Context) error {
	for open := 1; open > 0; {
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
		if err := w.admin.QueryRow(ctx, "SELECT count(*) FROM run_shards WHERE state IN ('READY', 'RUNNING')").Scan(&open); err != nil {
			return err
		}
	}
	return nil
}

// ask sends a question and reads the data of the answer.
func (w *wireBench) ask(c *client, query string, variables map[string]any, data any) error {
	answer, err := c.post(request("/graphql", w.token, body(query, variables)))
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, &struct{ Data any }{data})
}

// some are consumers of the fixture that earn something.
func (w *wireBench) some(ctx context.Context, n int) (refs []bank.Ref, err error) {
	rows, err := w.admin.Query(ctx, `SELECT id FROM consumers WHERE customer_id = $1 AND external_id LIKE 'base-%' AND id % 50 > 0 ORDER BY random() LIMIT $2`, w.customerID, n)
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	for i := range n {
		id := ids[i%len(ids)]
		refs = append(refs, bank.Ref{Kind: bank.KindConsumer, ConsumerID: id, ID: id})
	}
	return refs, err
}

const (
	triggerMutation = `mutation($id: ID!) { triggerInsights(input: {consumerId: $id, insights: [{insightName: "` + insightName + `", overrideDuplicateCheck: true}]}) { run { id } } }`
	newestQuery     = `query($id: ID!) { feed(filter: {consumerIds: [$id]}, first: 1) { nodes { id } } }`
)

type newest struct {
	Feed struct{ Nodes []struct{ ID string } }
}

// trigger asks for an insight of a consumer and waits until it is in the feed.
func (w *wireBench) trigger(ctx context.Context, c *client, consumer bank.Ref) (time.Duration, error) {
	var before, now newest
	of := map[string]any{"id": consumer}
	if err := w.ask(c, newestQuery, of, &before); err != nil {
		return 0, err
	}
	start := time.Now()
	if err := w.ask(c, triggerMutation, of, &struct{}{}); err != nil {
		return 0, err
	}
	for {
		if err := w.ask(c, newestQuery, of, &now); err != nil {
			return 0, err
		}
		if len(now.Feed.Nodes) > 0 && (len(before.Feed.Nodes) == 0 || now.Feed.Nodes[0].ID != before.Feed.Nodes[0].ID) {
			return time.Since(start), nil
		}
		if time.Since(start) > 10*time.Second {
			return 0, errors.New("a triggered insight does not come into the feed")
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return 0, err
		}
	}
}

func (w *wireBench) triggers(ctx context.Context) error {
	c, err := dial(w.server.addr)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	consumers, err := w.some(ctx, w.sizes.triggers)
	if err != nil {
		return err
	}
	var took series
	for _, consumer := range consumers {
		if err := pause(ctx, 100*time.Millisecond+rand.N(50*time.Millisecond)); err != nil { // out of step with the worker
			return err
		}
		d, err := w.trigger(ctx, c, consumer)
		if err != nil {
			return err
		}
		took.add(d)
	}
	w.results = append(w.results, result{name: "on demand over HTTP, trigger to visible feed entry", ours: took, goal: 0.15})
	return nil
}

const createMutation = `mutation($input: CreateTransactionsInput!) { createTransactions(input: $input) { createdCount } }`

// createRequest puts rows into an account.
func (w *wireBench) createRequest(a account, rows int) []byte {
	list := make([]map[string]any, rows)
	for k := range list {
		x := transaction(a, k, rows)
		list[k] = map[string]any{"externalId": *x.ExternalID, "baseType": x.BaseType, "amount": map[string]any{"amount": x.Amount.String(), "currency": "EUR"},
			"bookingDate": x.BookingDate.String(), "description": x.Description, "counterparty": map[string]any{"name": *x.CounterpartyName}}
	}
	ref := bank.Ref{Kind: bank.KindAccount, ConsumerID: a.ref.ConsumerID, ID: a.ref.ID}
	return request("/graphql", w.token, body(createMutation, map[string]any{"input": map[string]any{"accountId": ref, "transactions": list}}))
}

// creates measures createTransactions beside COPY.
func (w *wireBench) creates(ctx context.Context) error {
	if err := w.database.copies(ctx); err != nil {
		return err
	}
	for range clients {
		conn, err := pgx.Connect(ctx, w.url)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		w.copies = append(w.copies, conn)
	}
	var ours, bare, indexed series
	for round := range w.rounds {
		w.batches = int(time.Now().Unix()) + 100*round // in a database that was kept there are others
		if err := w.copy(ctx, "copy_bare", w.calls, clients, &bare); err != nil {
			return err
		}
		if err := w.copy(ctx, "copy_indexed", w.calls, clients, &indexed); err != nil {
			return err
		}
		w.batches = int(time.Now().Unix()) + 100*round + 1000
		accounts, err := w.accounts(ctx, w.calls)
		if err != nil {
			return err
		}
		requests := make([][]byte, w.calls)
		for i := range requests {
			requests[i] = w.createRequest(accounts[i], callRows)
		}
		start := time.Now()
		err = together(clients, func(n int) error {
			c, err := dial(w.server.addr) // now: the server does not wait for those who say nothing
			if err != nil {
				return err
			}
			defer c.conn.Close()
			for i, r := range requests {
				if i/3%clients != n { // each consumer's calls are one client's
					continue
				}
				answer, err := c.post(r)
				if err == nil && !bytes.Contains(answer, []byte(`"createdCount":1000`)) {
					err = fmt.Errorf("not all rows were stored: %.200s", answer)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		ours.add(time.Since(start))
		if err != nil {
			return err
		}
		say("  round %d: createTransactions %.2f s, COPY indexed %.2f, bare %.2f", round+1, last(ours), last(indexed), last(bare))
	}
	w.results = append(w.results,
		result{name: "createTransactions over HTTP, 4 clients / COPY indexed", ours: ours, limit: indexed, rows: w.calls * callRows, goal: 0.35},
		result{name: "createTransactions over HTTP, 4 clients / COPY bare", ours: ours, limit: bare, rows: w.calls * callRows})
	return nil
}

// reports measures Shopping Reports over two years.
func (w *wireBench) reports(ctx context.Context) error {
	var there int
	if err := w.admin.QueryRow(ctx, "SELECT count(*) FROM consumers WHERE customer_id = $1 AND external_id LIKE 'report-%'", w.customerID).Scan(&there); err != nil {
		return err
	}
	if there == 0 {
		if _, err := w.people(ctx, w.customerID, "report", 20); err != nil {
			return err
		}
		var ids []int
		for _, c := range category.Tree() {
			ids = append(ids, c.ID)
		}
		if _, err := w.admin.Exec(ctx, `INSERT INTO transactions (customer_id, consumer_id, account_id, external_id, base_type, amount, currency, booking_date, status, description,
				counterparty_name, merchant_name, category_id, category_source, created_at, changed_at)
			SELECT customer_id, consumer_id, id, 'r' || n, CASE WHEN random() < 0.1 THEN 'CREDIT' ELSE 'DEBIT' END, round((1 + 200 * random())::numeric, 2), 'EUR',
				(date_trunc('month', now()) - interval '24 months' + (n * 730.0 / 500) * interval '1 day')::date, 'POSTED', 'Card payment ' || n, 'Shop ' || n % 97, 'Shop ' || n % 97,
				($1::int[])[1 + n % cardinality($1::int[])], 'MERCHANT', now(), now()
			FROM accounts, generate_series(0, 499) n WHERE customer_id = $2 AND external_id LIKE 'report-%'`, ids, w.customerID); err != nil {
			return err
		}
		if err := w.do(ctx, "ANALYZE transactions", "CHECKPOINT"); err != nil {
			return err
		}
	}
	rows, err := w.admin.Query(ctx, "SELECT id FROM consumers WHERE customer_id = $1 AND external_id LIKE 'report-%' ORDER BY id", w.customerID)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	c, err := dial(w.server.addr)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	this := bank.DateOf(time.Now(), time.UTC).Month()
	var took series
	for i := range 3 * len(ids) {
		if err := pause(ctx, 20*time.Millisecond+rand.N(50*time.Millisecond)); err != nil {
			return err
		}
		id := ids[i%len(ids)]
		var made struct {
			CreateReport struct{ Report struct{ ID, Status string } }
		}
		start := time.Now()
		err := w.ask(c, `mutation($input: CreateReportInput!) { createReport(input: $input) { report { id status } } }`, map[string]any{"input": map[string]any{"type": "SHOPPING",
			"consumerId": bank.Ref{Kind: bank.KindConsumer, ConsumerID: id, ID: id}, "from": this.AddMonths(-24), "to": this - 1}}, &made)
		r := made.CreateReport.Report
		var read struct {
			Report struct {
				Status string
				Total  *struct{ Amount string }
			}
		}
		for err == nil && read.Report.Status != "SUCCEEDED" {
			if time.Since(start) > 10*time.Second || read.Report.Status == "FAILED" {
				return errors.New("a report does not succeed")
			}
			if err = pause(ctx, time.Millisecond); err == nil {
				err = w.ask(c, `query($id: ID!) { report(id: $id) { status ... on ShoppingReport { total { amount } } } }`, map[string]any{"id": r.ID}, &read)
			}
		}
		if err == nil && read.Report.Total == nil {
			err = errors.New("a report has no total")
		}
		if err != nil {
			return err
		}
		if i >= len(ids) { // the first of each warms
			took.add(time.Since(start))
		}
	}
	w.results = append(w.results, result{name: "Shopping Report over 24 months, asked for until readable", ours: took, goal: 0.05})
	return nil
}

// smallest measures our smallest question beside the database's.
func (w *wireBench) smallest(ctx context.Context) error {
	program, err := exec.LookPath("pgbench")
	if err != nil {
		w.skipped = append(w.skipped, "pgbench -S was NOT measured: pgbench is not installed")
		say("\n*** %s ***\n", w.skipped[len(w.skipped)-1])
		return nil
	}
	url := strings.Replace(w.url, "/bench_wire", "/bench_pgbench", 1)
	if d, err := w.bench.database(ctx, "bench_pgbench"); err != nil {
		return err
	} else {
		d.close()
	}
	if out, err := exec.CommandContext(ctx, program, "-i", "-q", "-s", "10", url).CombinedOutput(); err != nil {
		return fmt.Errorf("pgbench -i: %w: %s", err, out)
	}
	consumers, err := w.some(ctx, 1000)
	if err != nil {
		return err
	}
	var requests [][]byte
	for _, c := range consumers {
		requests = append(requests, request("/graphql", w.token, body(`query($id: ID!) { consumer(id: $id) { id externalId timeZone currency } }`, map[string]any{"id": c})))
	}
	file := filepath.Join(w.dir, "requests")
	if err := keepRequests(file, requests); err != nil {
		return err
	}
	var ours, floor series
	tps := regexp.MustCompile(`tps = ([0-9.]+)`)
	for range w.rounds {
		l, err := w.load(ctx, []string{w.server.addr}, file, 16, w.point, 60)
		if err != nil {
			return err
		}
		ours = append(ours, l.perSecond())
		out, err := exec.CommandContext(ctx, program, "-S", "-n", "-M", "prepared", "-c", "16", "-j", "2", "-T", strconv.Itoa(max(2, int(w.point.Seconds()))), url).CombinedOutput()
		if err != nil {
			return fmt.Errorf("pgbench: %w: %s", err, out)
		}
		m := tps.FindSubmatch(out)
		if m == nil {
			return fmt.Errorf("pgbench says %s", out)
		}
		n, _ := strconv.ParseFloat(string(m[1]), 64)
		floor = append(floor, n)
	}
	w.results = append(w.results, result{name: "smallest query (a consumer, 4 fields), 16 connections / pgbench -S", unit: "req/s", ours: ours, limit: floor})
	return nil
}

// files measures the categoriser and statement files, each in this process.
func (b *bench) files(ctx context.Context) error {
	if b.wants("categorise") {
		if err := b.categorise(); err != nil {
			return err
		}
	}
	if !b.wants("statement") {
		return nil
	}
	say("Statement files")
	d, err := b.database(ctx, "bench_files")
	if err != nil {
		return err
	}
	defer d.close()
	c, err := d.store.CreateCustomer(ctx, bank.Customer{Name: "Bench", ClientID: "bench", TimeZone: zone, Currency: "EUR"}, []byte("none"))
	if err != nil {
		return err
	}
	n := 500 * b.calls
	for _, one := range []struct {
		name string
		make func(account string, n int) string
	}{{"CAMT.053", camt}, {"MT940", swift}} {
		var took series
		for round := range b.rounds {
			name := fmt.Sprintf("%s %d", one.name, round)
			consumer, err := d.store.Customer(c.ID).CreateConsumer(ctx, store.NewConsumer{ExternalID: &name})
			if err != nil {
				return err
			}
			ref := consumer.Ref()
			text := one.make(fmt.Sprintf("%010d", 532013000+round), n)
			if err := d.do(ctx, "CHECKPOINT"); err != nil {
				return err
			}
			start := time.Now()
			file, err := statement.Open(strings.NewReader(text), statement.Options{Currency: "EUR"})
			if err != nil {
				return err
			}
			r, err := d.store.Customer(c.ID).ImportStatement(ctx, store.NewStatement{Consumer: &ref}, file)
			if err != nil {
				return err
			}
			took.add(time.Since(start))
			if r.Created != n {
				return fmt.Errorf("%d of %d entries of the %s file were stored", r.Created, n, one.name)
			}
		}
		b.results = append(b.results, result{name: fmt.Sprintf("%s file of %d entries, read and stored", one.name, n), ours: took, rows: n})
	}
	return nil
}

// categorise measures the categoriser by the processor time that it takes.
func (b *bench) categorise() error {
	say("Categoriser")
	content, err := os.ReadFile("category/testdata/families.tsv")
	if err != nil {
		return err
	}
	var rows []category.Input
	for line := range strings.Lines(string(content)) {
		if f := strings.Split(line, "\t"); len(f) == 4 {
			rows = append(rows, category.Input{Transaction: bank.Transaction{BaseType: bank.Debit, Description: f[2]}, Country: strings.Trim(f[0], "?")})
		}
	}
	if len(rows) == 0 {
		return errors.New("there are no descriptions")
	}
	var speed series
	for round := range b.rounds + 1 {
		n, start, before := 0, time.Now(), spent(os.Getpid())
		for time.Since(start) < b.point {
			for range 1000 {
				category.Categorise(rows[n%len(rows)])
				n++
			}
		}
		if round > 0 { // the first reads its tables
			speed = append(speed, float64(n)/(spent(os.Getpid())-before).Seconds())
		}
	}
	b.results = append(b.results, result{name: "categoriser, a second of one core", unit: "descriptions", ours: speed, least: true, goal: 200_000})
	return nil
}

// bookingDay spreads entries over two years.
func bookingDay(i, n int) time.Time {
	return time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i*700/n)
}

// camt is a CAMT.053 file of an account.
func camt(account string, n int) string {
	var t strings.Builder
	fmt.Fprintf(&t, `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>S</Id>
<Acct><Id><Othr><Id>%s</Id></Othr></Id><Ccy>EUR</Ccy><Svcr><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></Svcr></Acct>`, account)
	for i := range n {
		day := bookingDay(i, n).Format(time.DateOnly)
		fmt.Fprintf(&t, `<Ntry><Amt Ccy="EUR">%d.%02d</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>%s</Dt></BookgDt><ValDt><Dt>%s</Dt></ValDt><AcctSvcrRef>%d</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RDDT</Cd><SubFmlyCd>ESDD</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>E2E-%d</EndToEndId></Refs>
<RltdPties><Cdtr><Pty><Nm>Laden %d GmbH</Nm></Pty></Cdtr></RltdPties><RmtInf><Ustrd>Rechnung %d Kundennummer 4711</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
`, 1+i%90, i%100, day, day, i, i, i%500, i)
	}
	return t.String() + `</Stmt></BkToCstmrStmt></Document>`
}

// swift is an MT940 file of an account.
func swift(account string, n int) string {
	var t strings.Builder
	fmt.Fprintf(&t, "{1:F01COBADEFFXXXX0000000000}{2:I940COBADEFFXXXXN}{4:\r\n:20:STARTUMS\r\n:25:37040044/%s\r\n:28C:1/1\r\n:60F:C240101EUR1000000000,\r\n", account)
	cents := int64(100_000_000_000)
	for i := range n {
		amount := int64(100*(1+i%90) + i%100)
		cents -= amount
		day := bookingDay(i, n)
		fmt.Fprintf(&t, ":61:%s%sD%d,%02dN005NONREF//B-%d\r\n:86:005?00LASTSCHRIFT?20SVWZ+Rechnung %d?21Kundennummer 4711?32Laden %d GmbH\r\n", day.Format("060102"), day.Format("0102"),
			amount/100, amount%100, i, i, i%500)
	}
	fmt.Fprintf(&t, ":62F:C%sEUR%d,%02d\r\n-}\r\n", bookingDay(n-1, n).Format("060102"), cents/100, cents%100)
	return t.String()
}
