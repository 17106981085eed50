package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/statement"
	"insightgraph/store"
)

// shownRejections is how many bad lines are named one by one; all are counted.
const shownRejections = 100

// Run loads the three files one after the other. Bad lines are counted and named, the good ones stay. The same files
// again are nothing new. The last line of standard output is JSON.
func (cmd *importCmd) Run(ctx context.Context, c *config) error {
	warm()
	growHeap(250)
	limitMemory(260 << 20) // of which lines that are being stored hold some 80
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	customer, _, err := s.store.CustomerOfClient(ctx, cmd.Customer)
	if err != nil {
		return fmt.Errorf("--customer: %w", err)
	}
	var total store.Imported
	var one sync.Mutex // for what the lanes share
	reject := func(r statement.Rejected) {
		one.Lock()
		defer one.Unlock()
		if total.Rejected++; total.Rejected <= shownRejections {
			fmt.Fprintf(os.Stderr, "%s line %d: %s\n", r.File, r.Line, r.Message)
		}
	}
	err = errors.Join(
		loadAll(cmd.Consumers, "consumers", statement.Consumers, reject, func(rows []statement.ConsumerRow) error {
			made, err := s.store.ImportConsumers(ctx, customer.ID, rows)
			total.Consumers += made
			return err
		}),
		loadAll(cmd.Accounts, "accounts", statement.Accounts, reject, func(rows []statement.AccountRow) error {
			made, rejected, err := s.store.ImportAccounts(ctx, customer.ID, rows)
			total.Accounts += made
			for _, r := range rejected {
				reject(r)
			}
			return err
		}),
		loadTransactions(ctx, cmd.Transactions, s.store, customer.ID, reject, func(part store.Imported) {
			one.Lock()
			defer one.Unlock()
			total.Transactions += part.Transactions
			total.Updated += part.Updated
			total.Unchanged += part.Unchanged
		}))
	if total.Rejected > shownRejections {
		fmt.Fprintf(os.Stderr, "… and %d more lines were rejected.\n", total.Rejected-shownRejections)
	}
	if encoded := json.NewEncoder(os.Stdout).Encode(total); encoded != nil {
		return errors.Join(err, encoded)
	}
	return err
}

// lanes is how many parts of a file of transactions are stored at once, while the next ones are read. laneRows is how many
// lines can wait for each of them.
const (
	lanes    = 3
	laneRows = 4 * store.ImportSize
)

// lane are lines that wait to be stored. Files come in the order of time, with the lines of all accounts in turn. What a part
// costs for each of its consumers, accounts and months is paid less often where it has many lines of few consumers: so a
// consumer's lines wait for more of them to come, unless there is nothing else to do.
type lane struct {
	one   sync.Mutex
	moved sync.Cond                  // lines came or went
	lines map[int64]*statement.Lines // of each consumer, in the order of the file
	turn  []int64                    // the consumers, first who waits longest
	n     int
	over  bool // nothing comes any more
}

func newLane() *lane {
	l := &lane{lines: map[int64]*statement.Lines{}}
	l.moved.L = &l.one
	return l
}

// put adds a line when there is room. It tells whether the lane still takes any.
func (l *lane) put(consumerID int64, line statement.TransactionLine) bool {
	l.one.Lock()
	defer l.one.Unlock()
	for l.n == laneRows && !l.over {
		l.moved.Wait()
	}
	lines := l.lines[consumerID]
	if lines == nil {
		lines = &statement.Lines{}
		l.lines[consumerID] = lines
		l.turn = append(l.turn, consumerID)
	}
	lines.Add(line)
	if l.n++; l.n == store.ImportSize {
		l.moved.Signal()
	}
	return !l.over
}

// take is the next part to be stored, as large as a part can be or the last one. After it comes an empty one.
func (l *lane) take() (part statement.Lines) {
	l.one.Lock()
	defer l.one.Unlock()
	for l.n < store.ImportSize && !l.over {
		l.moved.Wait()
	}
	for len(l.turn) > 0 && part.Len() < store.ImportSize {
		lines := l.lines[l.turn[0]]
		lines.Move(min(lines.Len(), store.ImportSize-part.Len()), &part)
		if lines.Len() == 0 {
			delete(l.lines, l.turn[0])
			l.turn = l.turn[1:]
		}
	}
	l.n -= part.Len()
	l.moved.Signal()
	return part
}

func (l *lane) end() {
	l.one.Lock()
	defer l.one.Unlock()
	l.over = true
	l.moved.Signal()
}

// loadTransactions reads a file and stores it in lanes. What is a consumer's goes through one lane, in the order of the file:
// so the later of two lines for one transaction counts, and no lane waits for another.
func loadTransactions(ctx context.Context, path string, s *store.Store, customerID int64, reject func(statement.Rejected), stored func(store.Imported)) error {
	return open(path, "transactions", func(in *input) error {
		group, ctx := errgroup.WithContext(ctx)
		var all [lanes]*lane
		for i := range all {
			l := newLane()
			all[i] = l
			group.Go(func() error {
				defer l.end()
				for lines := l.take(); lines.Len() > 0; lines = l.take() {
					rows, rejected := readLines(lines)
					part, more, err := s.ImportTransactions(ctx, customerID, rows)
					if err != nil {
						return fmt.Errorf("store transactions: %w", err)
					}
					stored(part)
					rejected = append(rejected, more...)
					slices.SortFunc(rejected, func(a, b statement.Rejected) int { return a.Line - b.Line })
					for _, r := range rejected {
						reject(r)
					}
					in.stored(lines.Len())
				}
				return nil
			})
		}
		owners := s.Owners(customerID)
		loaded := load(in, statement.Transactions, reject, func(lines []statement.TransactionLine) error {
			consumers, err := owners.Of(ctx, lines)
			for i, line := range lines {
				if err != nil {
					break
				}
				if !all[consumers[i]%lanes].put(consumers[i], line) {
					err = context.Canceled // why, the lane tells
				}
			}
			return err
		})
		for _, l := range all { // also of a file that cannot be read to its end
			l.end()
		}
		if err := group.Wait(); err != nil {
			return err
		}
		return loaded
	})
}

// readLines reads lines that have waited.
func readLines(lines statement.Lines) (rows []statement.TransactionRow, rejected []statement.Rejected) {
	rows = make([]statement.TransactionRow, 0, lines.Len())
	for row, err := range lines.Rows {
		if bad, ok := errors.AsType[*statement.Rejected](err); ok {
			rejected = append(rejected, *bad)
		} else {
			rows = append(rows, row)
		}
	}
	return rows, rejected
}

// input is a file that is read, with a bar that shows how much of it is stored.
type input struct {
	file *os.File
	what string

	one               sync.Mutex
	bar               *progressbar.ProgressBar
	bytes, rows, done int64
}

// open reads a file with use.
func open(path, what string, use func(*input) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	in := &input{file: file, what: what, bar: newBar(info.Size(), what)}
	defer in.bar.Finish()
	return use(in)
}

func (in *input) Read(b []byte) (int, error) {
	n, err := in.file.Read(b)
	in.one.Lock()
	defer in.one.Unlock()
	in.bytes += int64(n)
	return n, err
}

// came counts a line that was read.
func (in *input) came() {
	in.one.Lock()
	defer in.one.Unlock()
	in.rows++
}

// stored counts lines that were stored or rejected.
func (in *input) stored(n int) {
	in.one.Lock()
	defer in.one.Unlock()
	in.done += int64(n)
	_ = in.bar.Set64(int64(float64(in.bytes) * float64(in.done) / float64(in.rows)))
}

// loadAll reads a file and saves it.
func loadAll[T any](path, what string, read func(io.Reader) iter.Seq2[T, error], reject func(statement.Rejected), save func([]T) error) error {
	return open(path, what, func(in *input) error {
		return load(in, read, reject, func(rows []T) error {
			defer in.stored(len(rows))
			return save(rows)
		})
	})
}

// load reads a file and saves its rows part by part; what is wrong with single lines goes to reject.
func load[T any](in *input, read func(io.Reader) iter.Seq2[T, error], reject func(statement.Rejected), save func([]T) error) error {
	rows := make([]T, 0, store.ImportSize)
	flush := func() error {
		if len(rows) == 0 {
			return nil
		}
		err := save(rows)
		rows = rows[:0]
		return err
	}
	for row, err := range read(in) {
		in.came()
		if bad, ok := errors.AsType[*statement.Rejected](err); ok {
			reject(*bad)
			in.stored(1)
			continue
		}
		if err != nil {
			return errors.Join(flush(), fmt.Errorf("%s: %w", in.what, err))
		}
		if rows = append(rows, row); len(rows) == store.ImportSize {
			if err := flush(); err != nil {
				return fmt.Errorf("store %s: %w", in.what, err)
			}
		}
	}
	if err := flush(); err != nil {
		return fmt.Errorf("store %s: %w", in.what, err)
	}
	return nil
}

// Run takes in exchange rates. Insights that waited for one are considered again.
func (cmd *ratesImportCmd) Run(ctx context.Context, c *config) error {
	file, err := os.Open(cmd.File)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	quotes, err := statement.ECBFile(file, info.Size())
	if err != nil {
		return err
	}
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	changed, err := s.store.SaveQuotes(ctx, quotes)
	if err != nil {
		return fmt.Errorf("store exchange rates: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]int{"rates": len(quotes), "changed": changed})
}

type keyRegisterCmd struct {
	Customer  string   `required:"" placeholder:"CLIENT_ID" help:"The customer."`
	Algorithm *string  `help:"RS256 or RS512 for an RSA key; fixed by the key otherwise."`
	KeyID     string   `name:"id" help:"A name for the key; made when left out."`
	File      *os.File `arg:"" help:"The public key, PEM."`
}

func (cmd *keyRegisterCmd) Run(ctx context.Context, c *config) error {
	text, err := io.ReadAll(io.LimitReader(cmd.File, 64<<10))
	if err != nil {
		return err
	}
	_, algorithm, err := auth.ParsePublicKey(string(text), cmd.Algorithm)
	if err != nil {
		return err
	}
	id := cmd.KeyID
	if id == "" {
		id = rand.Text()[:16]
	}
	return c.withCustomer(ctx, cmd.Customer, func(t store.Tenant) (bank.PublicKey, error) {
		return t.AddPublicKey(ctx, bank.PublicKey{KeyID: id, Algorithm: algorithm, PEM: string(text)})
	})
}

type keyRevokeCmd struct {
	Customer string `required:"" placeholder:"CLIENT_ID" help:"The customer."`
	KeyID    string `arg:"" name:"id" help:"The key's id."`
}

func (cmd *keyRevokeCmd) Run(ctx context.Context, c *config) error {
	return c.withCustomer(ctx, cmd.Customer, func(t store.Tenant) (bank.PublicKey, error) { return t.RevokePublicKey(ctx, cmd.KeyID) })
}

// withCustomer changes a key of a customer and prints how it is then.
func (c *config) withCustomer(ctx context.Context, clientID string, change func(store.Tenant) (bank.PublicKey, error)) error {
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	customer, _, err := s.store.CustomerOfClient(ctx, clientID)
	if err != nil {
		return fmt.Errorf("--customer: %w", err)
	}
	k, err := change(s.store.Customer(customer.ID).As(byCommand))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"keyId": k.KeyID, "algorithm": k.Algorithm, "createdAt": k.CreatedAt, "revokedAt": k.RevokedAt})
}
