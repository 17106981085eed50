package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"insightgraph/bank"
	"insightgraph/demo"
	"insightgraph/fault"
	"insightgraph/store"
	"insightgraph/tasks"
	"insightgraph/web"
)

// demoClient is the client id of the demo customer.
const demoClient = "demo"

// demoFile is where the demo customer's login is kept for the next start; only the owner may read it.
func demoFile(dataDir string) string { return filepath.Join(dataDir, "demo.json") }

// makeDemo makes the demo customer with consumers whose data tells a story up to today, and their insights of the last
// six months. Again, it only adds the days that have passed.
func (cmd *serveCmd) makeDemo(ctx context.Context, c *config, s *services) (bank.Customer, error) {
	customer, _, err := s.store.CustomerOfClient(ctx, demoClient)
	if len(fault.Of(err)) > 0 {
		var made madeCustomer
		if made, err = createCustomer(ctx, s.store, demoClient, "Demo", "Europe/Berlin", "EUR"); err == nil {
			err = saveLogin(demoFile(c.DataDir), made)
		}
		if err == nil {
			customer, _, err = s.store.CustomerOfClient(ctx, demoClient)
		}
	}
	if err != nil {
		return customer, err
	}
	now := s.store.Now()
	if err := storeStory(ctx, s.store.Customer(customer.ID), demo.Story(bank.DateOf(now, time.UTC))); err != nil {
		return customer, err
	}
	worker := tasks.NewWorker(s.store, s.log)
	for month := -5; month <= 0; month++ {
		at := now
		if month < 0 {
			at = bank.DateOf(now, time.UTC).AddMonths(month).Time().Add(36 * time.Hour) // in that month in every time zone
		}
		if _, err := tasks.RunDue(ctx, worker, tasks.Due{At: at, CustomerID: customer.ID}, func(int, int) {}); err != nil {
			return customer, err
		}
	}
	return customer, nil
}

func storeStory(ctx context.Context, t store.Tenant, story []demo.Person) error {
	for _, p := range story {
		c, err := t.CreateConsumer(ctx, store.NewConsumer{ExternalID: &p.ExternalID, TimeZone: &p.TimeZone, Currency: &p.Currency})
		if err != nil {
			return fmt.Errorf("consumer %s: %w", p.ExternalID, err)
		}
		ref := c.Ref()
		for _, a := range p.Accounts {
			made, err := t.CreateAccount(ctx, store.NewAccount{Consumer: &ref, Account: a.Account}, nil)
			if err != nil {
				return fmt.Errorf("account of %s: %w", p.ExternalID, err)
			}
			for part := range slices.Chunk(a.Transactions, store.MaxRows) {
				if _, _, err := t.CreateTransactions(ctx, made.Ref(), part, nil); err != nil {
					return fmt.Errorf("transactions of %s: %w", p.ExternalID, err)
				}
			}
			if made.Status != a.Status && a.Status != "" {
				if _, err := t.UpdateAccount(ctx, made.Ref(), func(x *bank.Account) error { x.Status = a.Status; return nil }); err != nil {
					return fmt.Errorf("account of %s: %w", p.ExternalID, err)
				}
			}
		}
	}
	return nil
}

func saveLogin(path string, login madeCustomer) error {
	b, err := json.MarshalIndent(login, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, append(b, '\n'), 0o600))
}

//go:embed examples/*.graphql examples/*.json
var exampleFiles embed.FS

// examples are the operations in the playground's tabs: examples/NAME.graphql with NAME.json for its variables, where
// LAST-MONTH stands for the month before now.
func examples(now time.Time) []web.Example {
	lastMonth := bank.DateOf(now, time.UTC).AddMonths(-1).Time().Format("2006-01")
	names, err := fs.Glob(exampleFiles, "examples/*.graphql")
	if err != nil {
		panic(err) // the pattern is fixed
	}
	var list []web.Example
	for _, name := range names {
		query, _ := exampleFiles.ReadFile(name)
		variables, _ := exampleFiles.ReadFile(strings.TrimSuffix(name, ".graphql") + ".json")
		list = append(list, web.Example{Name: strings.TrimSuffix(filepath.Base(name), ".graphql")[3:], Query: string(query), Variables: strings.ReplaceAll(string(variables), "LAST-MONTH", lastMonth)})
	}
	return list
}
