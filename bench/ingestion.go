package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/govalues/decimal"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"insightgraph/bank"
	"insightgraph/store"
)

const (
	callRows    = 1000 // of one CreateTransactions
	copyRows    = 5000 // of one COPY
	importEach  = 250  // rows of an account in an import
	importTimes = 4    // as many rows in an import as in a round of calls
	clients     = 4
)

// ingestBench is the database that rows are put into.
type ingestBench struct {
	*bench
	*database
	customerID int64
	copies     []*pgx.Conn
	batches    int // so far; names their consumers
}

// ingestion measures CreateTransactions and the import of files beside COPY.
func (b *bench) ingestion(ctx context.Context) error {
	say("Ingestion into %d rows, %d a round", b.base, b.calls*callRows)
	d, err := b.database(ctx, "bench_ingest")
	if err != nil {
		return err
	}
	defer d.close()
	i := &ingestBench{bench: b, database: d}
	if i.customerID, err = d.fill(ctx, max(1, b.base/750), b.base); err != nil {
		return err
	}
	if err := d.copies(ctx); err != nil {
		return err
	}
	for range clients {
		conn, err := pgx.Connect(ctx, d.url)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		i.copies = append(i.copies, conn)
	}
	rows := b.calls * callRows
	var first, again series
	if b.only.MatchString("ingest") {
		var four, indexed1, indexed4, bare1, bare4 series
		for round := range b.rounds {
			for _, step := range []func() error{
				func() error { return i.copy(ctx, "copy_bare", i.calls, 1, &bare1) },
				func() error { return i.create(ctx, 1, &first, &again) },
				func() error { return i.copy(ctx, "copy_indexed", i.calls, 1, &indexed1) },
				func() error { return i.copy(ctx, "copy_bare", i.calls, clients, &bare4) },
				func() error { return i.create(ctx, clients, &four, nil) },
				func() error { return i.copy(ctx, "copy_indexed", i.calls, clients, &indexed4) },
			} {
				if err := step(); err != nil {
					return err
				}
			}
			say("  round %d: create %.2f s and %.2f by %d, again %.2f, COPY indexed %.2f and %.2f, bare %.2f and %.2f", round+1,
				last(first), last(four), clients, last(again), last(indexed1), last(indexed4), last(bare1), last(bare4))
		}
		b.results = append(b.results,
			result{name: "CreateTransactions, 1 client / COPY indexed", ours: first, limit: indexed1, rows: rows},
			result{name: "CreateTransactions, 1 client / COPY bare", ours: first, limit: bare1, rows: rows},
			result{name: "CreateTransactions, 4 clients / COPY indexed", ours: four, limit: indexed4, rows: rows, goal: 0.35},
			result{name: "CreateTransactions, 4 clients / COPY bare", ours: four, limit: bare4, rows: rows},
			result{name: "delivered again / first delivery", ours: again, limit: first, goal: 1})
	}
	if b.only.MatchString("import") {
		var ours, peak, indexed, bare series
		calls := importTimes * i.calls // the program's start is part of it
		for round := range b.rounds {
			for _, step := range []func() error{
				func() error { return i.copy(ctx, "copy_bare", calls, 1, &bare) },
				func() error { return i.imports(ctx, calls*callRows, &ours, &peak) },
				func() error { return i.copy(ctx, "copy_indexed", calls, 1, &indexed) },
			} {
				if err := step(); err != nil {
					return err
				}
			}
			say("  round %d: import %.2f s, peak %.0f MiB, COPY indexed %.2f, bare %.2f", round+1, last(ours), last(peak), last(indexed), last(bare))
		}
		b.results = append(b.results,
			result{name: "import / COPY indexed", ours: ours, limit: indexed, rows: calls * callRows, goal: 0.5},
			result{name: "import / COPY bare", ours: ours, limit: bare, rows: calls * callRows},
			result{name: fmt.Sprintf("import of %d rows, peak of memory", calls*callRows), ours: peak, unit: "MiB"})
		if b.large > fullSizes.transactions { // the full size: is memory flat?
			var took, more series
			if err := i.imports(ctx, fullSizes.transactions, &took, &more); err != nil {
				return err
			}
			b.results = append(b.results,
				result{name: fmt.Sprintf("import of %d rows", fullSizes.transactions), ours: took, rows: fullSizes.transactions},
				result{name: fmt.Sprintf("import of %d rows, peak of memory", fullSizes.transactions), ours: more, unit: "MiB"})
		}
	}
	wrong, err := d.store.CheckTotals(ctx)
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d monthly totals are wrong after it", wrong)
	}
	return err
}

// copies makes the tables beside: a bare one, and one with the indexes of transactions that are the same rows' keys and days.
func (d *database) copies(ctx context.Context) error {
	return d.do(ctx, "DROP TABLE IF EXISTS copy_bare, copy_indexed", "CREATE TABLE copy_bare (LIKE transactions INCLUDING IDENTITY INCLUDING DEFAULTS)",
		"CREATE TABLE copy_indexed (LIKE transactions INCLUDING IDENTITY INCLUDING DEFAULTS, PRIMARY KEY (customer_id, consumer_id, id), UNIQUE (customer_id, consumer_id, account_id, external_id))",
		"CREATE INDEX ON copy_indexed (customer_id, consumer_id, account_id, booking_date DESC, id DESC)",
		"INSERT INTO copy_indexed OVERRIDING SYSTEM VALUE SELECT * FROM transactions ORDER BY id", "VACUUM ANALYZE")
}

// accounts makes n accounts of new consumers.
func (i *ingestBench) accounts(ctx context.Context, n int) ([]account, error) {
	i.batches++
	accounts, err := i.people(ctx, i.customerID, fmt.Sprintf("batch%d", i.batches), n/3)
	if err != nil {
		return nil, err
	}
	return accounts, i.do(ctx, "ANALYZE consumers, accounts", "CHECKPOINT")
}

// transaction is a row of an account, the nth of so many over a year.
func transaction(a account, n, of int) bank.Transaction {
	shop := fmt.Sprintf("Shop %d", rand.IntN(1000))
	id := fmt.Sprintf("%s-%d", a.externalID, n)
	x := bank.Transaction{ExternalID: &id, BaseType: bank.Debit, Amount: decimal.MustNew(100+rand.Int64N(40_000), 2), Currency: "EUR", Status: bank.Posted,
		BookingDate: bank.DateOf(time.Now(), time.UTC) - 365 + bank.Date(365*n/of), Description: fmt.Sprintf("Card payment %d at %s", rand.IntN(1_000_000), shop), CounterpartyName: &shop}
	if rand.IntN(5) == 0 {
		x.BaseType = bank.Credit
	}
	return x
}

// create puts rows into new accounts, a thousand a call, and then the same rows again if that is asked for.
func (i *ingestBench) create(ctx context.Context, n int, first, again *series) error {
	accounts, err := i.accounts(ctx, i.calls)
	if err != nil {
		return err
	}
	calls := make([][]bank.Transaction, i.calls)
	for c := range calls {
		for k := range callRows {
			calls[c] = append(calls[c], transaction(accounts[c], k, callRows))
		}
	}
	deliver := func(took *series, want func(store.Stored) int) error {
		start := time.Now()
		err := together(n, func(client int) error {
			for c := range calls {
				if c/3%n != client { // each consumer's calls are one client's
					continue
				}
				s, _, err := i.store.Customer(i.customerID).CreateTransactions(ctx, accounts[c].ref, calls[c], nil)
				if err == nil && want(s) != callRows {
					err = fmt.Errorf("not all rows were stored as expected: %+v", s)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		took.add(time.Since(start))
		return err
	}
	if err := deliver(first, func(s store.Stored) int { return s.Created }); err != nil || again == nil {
		return err
	}
	if err := i.do(ctx, "CHECKPOINT"); err != nil {
		return err
	}
	return deliver(again, func(s store.Stored) int { return s.Unchanged })
}

// imports lets the program import a file in the order of time into new accounts.
func (i *ingestBench) imports(ctx context.Context, rows int, took, peak *series) error {
	program, err := i.build(ctx)
	if err != nil {
		return err
	}
	accounts, err := i.accounts(ctx, rows/importEach)
	if err != nil {
		return err
	}
	rows = len(accounts) * importEach
	args := []string{"import", "--customer", "bench"}
	for name, write := range map[string]func(io.Writer){
		"consumers": func(w io.Writer) { fmt.Fprintln(w, "external_id") },
		"accounts":  func(w io.Writer) { fmt.Fprintln(w, "consumer_external_id,external_id,container,name,currency") },
		"transactions": func(w io.Writer) {
			fmt.Fprintln(w, "account_external_id,external_id,booking_date,amount,currency,base_type,description,counterparty_name")
			for k := range importEach {
				for _, a := range accounts {
					x := transaction(a, k, importEach)
					fmt.Fprintf(w, "%s,%s,%s,%s,EUR,%s,%s,%s\n", a.externalID, *x.ExternalID, x.BookingDate, x.Amount, x.BaseType, x.Description, *x.CounterpartyName)
				}
			}
		},
	} {
		path := filepath.Join(i.dir, name+".csv")
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		w := bufio.NewWriter(file)
		write(w)
		if err := errors.Join(w.Flush(), file.Close()); err != nil {
			return err
		}
		defer os.Remove(path)
		args = append(args, "--"+name, path)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+i.url, "REDIS_URL="+i.servers.RedisURL, "DATA_DIR="+filepath.Join(i.dir, "server"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	// While it runs: what Linux tells of a process that has ended counts in what this one held when it began the other.
	var most float64
	for running := true; running; {
		select {
		case err = <-ended:
			running = false
		case <-time.After(20 * time.Millisecond):
			most = max(most, held(cmd.Process.Pid, "VmHWM"))
		}
	}
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	took.add(time.Since(start))
	*peak = append(*peak, most/(1<<20))
	var made store.Imported
	if err := json.Unmarshal(out.Bytes(), &made); err != nil || made.Transactions != rows {
		return fmt.Errorf("not all of %d rows were imported: %s", rows, &out)
	}
	return nil
}

var copyColumns = []string{"customer_id", "consumer_id", "account_id", "external_id", "base_type", "amount", "currency", "booking_date", "status", "description",
	"counterparty_name", "category_id", "category_source", "category_rule", "category_confidence", "created_at", "changed_at"}

// copy puts the rows of so many calls into a copy of the table by as many clients.
func (i *ingestBench) copy(ctx context.Context, table string, calls, n int, took *series) error {
	accounts, err := i.accounts(ctx, calls)
	if err != nil {
		return err
	}
	parts := make([][][]any, n)
	now := time.Now()
	for c, a := range accounts {
		for k := range callRows {
			x := transaction(a, k, callRows)
			amount := pgtype.Numeric{Int: new(big.Int).SetUint64(x.Amount.Coef()), Exp: -2, Valid: true}
			parts[c/3%n] = append(parts[c/3%n], []any{i.customerID, a.ref.ConsumerID, a.ref.ID, *x.ExternalID, string(x.BaseType), amount, "EUR", x.BookingDate.Time(),
				"POSTED", x.Description, *x.CounterpartyName, 10, "NONE", "", 0, now, now})
		}
	}
	start := time.Now()
	err = together(n, func(client int) error {
		rows := parts[client]
		for at := 0; at < len(rows); at += copyRows {
			if _, err := i.copies[client].CopyFrom(ctx, pgx.Identifier{table}, copyColumns, pgx.CopyFromRows(rows[at:min(len(rows), at+copyRows)])); err != nil {
				return err
			}
		}
		return nil
	})
	took.add(time.Since(start))
	return err
}

// together runs f for each of n clients at once.
func together(n int, f func(client int) error) error {
	errs := make([]error, n)
	var group sync.WaitGroup
	for client := range n {
		group.Go(func() { errs[client] = f(client) })
	}
	group.Wait()
	return errors.Join(errs...)
}
