package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
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
		load(cmd.Consumers, "consumers", statement.Consumers, reject, func(rows []statement.ConsumerRow) error {
			made, err := s.store.ImportConsumers(ctx, customer.ID, rows)
			total.Consumers += made
			return err
		}),
		load(cmd.Accounts, "accounts", statement.Accounts, reject, func(rows []statement.AccountRow) error {
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

// lanes is how many parts of a file of transactions are stored at once, while the next ones are read.
const lanes = 3

// loadTransactions reads a file and stores it in lanes. What is a consumer's goes through one lane, in the order of the file:
// so the later of two lines for one transaction counts, and no lane waits for another.
func loadTransactions(ctx context.Context, path string, s *store.Store, customerID int64, reject func(statement.Rejected), stored func(store.Imported)) error {
	group, ctx := errgroup.WithContext(ctx)
	var full [lanes]chan []statement.TransactionRow
	for i := range full {
		full[i] = make(chan []statement.TransactionRow)
		group.Go(func() error {
			for rows := range full[i] {
				part, rejected, err := s.ImportTransactions(ctx, customerID, rows)
				if err != nil {
					return fmt.Errorf("store transactions: %w", err)
				}
				stored(part)
				for _, r := range rejected {
					reject(r)
				}
			}
			return nil
		})
	}
	var parts [lanes][]statement.TransactionRow
	send := func(lane int64) error {
		select {
		case full[lane] <- parts[lane]:
			parts[lane] = nil
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	read := load(path, "transactions", statement.Transactions, reject, func(rows []statement.TransactionRow) error {
		owners, err := s.OwnersOf(ctx, customerID, rows)
		for i, row := range rows {
			if err != nil {
				break
			}
			lane := owners[i] % lanes
			if parts[lane] = append(parts[lane], row); len(parts[lane]) == store.ImportSize {
				err = send(lane)
			}
		}
		return err
	})
	for lane := range full {
		if len(parts[lane]) > 0 { // also of a file that cannot be read to its end
			_ = send(int64(lane)) // what hinders it, a lane tells
		}
		close(full[lane])
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return read
}

// load reads a file and saves its rows part by part; what is wrong with single lines goes to reject.
func load[T any](path, what string, read func(io.Reader) iter.Seq2[T, error], reject func(statement.Rejected), save func([]T) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	bar := newBar(info.Size(), what)
	defer bar.Finish()
	rows := make([]T, 0, store.ImportSize)
	flush := func() error {
		if len(rows) == 0 {
			return nil
		}
		err := save(rows)
		rows = rows[:0]
		return err
	}
	through := progressbar.NewReader(file, bar)
	for row, err := range read(&through) {
		if bad, ok := errors.AsType[*statement.Rejected](err); ok {
			reject(*bad)
			continue
		}
		if err != nil {
			return errors.Join(flush(), fmt.Errorf("%s: %w", what, err))
		}
		if rows = append(rows, row); len(rows) == store.ImportSize {
			if err := flush(); err != nil {
				return fmt.Errorf("store %s: %w", what, err)
			}
		}
	}
	if err := flush(); err != nil {
		return fmt.Errorf("store %s: %w", what, err)
	}
	return nil
}

// Run takes in exchange rates. Insights that waited for one are considered again.
func (cmd *ratesImportCmd) Run(ctx context.Context, c *config) error {
	quotes, err := statement.ECBFile(cmd.File)
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
		id = auth.NewSecret()[:16]
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
