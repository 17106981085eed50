package store_test

import (
	"context"
	"flag"
	"testing"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

func TestMain(m *testing.M) {
	flag.Set("rapid.checks", "20") // a step is several transactions; the command line can ask for more
	storetest.Main(m)
}

// customer makes a customer to test with.
func customer(t *testing.T, s *store.Store, name string) store.Tenant {
	t.Helper()
	c, err := s.CreateCustomer(context.Background(), bank.Customer{Name: name, ClientID: name, TimeZone: "Europe/Berlin", Currency: "EUR"}, []byte("hash"))
	if err != nil {
		t.Fatal(err)
	}
	return s.Customer(c.ID)
}

func amount(s string) decimal.Decimal { return decimal.MustParse(s) }

func ptr[T any](v T) *T { return &v }

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func day(s string) bank.Date {
	d, err := bank.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func row(external, amt, date string) bank.Transaction {
	x := bank.Transaction{Amount: amount(amt), Currency: "EUR", BookingDate: day(date), Description: "row " + external}
	if external != "" {
		x.ExternalID = &external
	}
	return x
}

func account(t *testing.T, c store.Tenant, consumer, external string, container bank.Container) bank.Account {
	t.Helper()
	return must[bank.Account](t)(c.CreateAccount(t.Context(), store.NewAccount{ConsumerExternalID: &consumer,
		Account: bank.Account{ExternalID: &external, Container: container, Name: external, Currency: "EUR"}}, nil))
}

func TestIngestion(t *testing.T) {
	s := storetest.New(t)
	c := customer(t, s, "acme")
	ctx := t.Context()
	a := account(t, c, "anna", "current", bank.ContainerBank)

	stored, _, err := c.CreateTransactions(ctx, a.Ref(), []bank.Transaction{row("1", "1000", "2026-01-05"), row("2", "-12.50", "2026-01-06"), row("", "-2.80", "2026-01-07"), row("", "-2.80", "2026-01-07")}, nil)
	if err != nil || stored != (store.Stored{Created: 4}) {
		t.Fatalf("first: %+v, %v", stored, err)
	}
	stored, _, err = c.CreateTransactions(ctx, a.Ref(), []bank.Transaction{row("2", "-13.50", "2026-01-06"), row("1", "1000", "2026-01-05")}, nil)
	if err != nil || stored != (store.Stored{Updated: 1, Unchanged: 1}) {
		t.Fatalf("again: %+v, %v", stored, err)
	}
	before := must[bank.Consumer](t)(c.ConsumerByExternalID(ctx, "anna")).ChangedAt
	stored, _, err = c.CreateTransactions(ctx, a.Ref(), []bank.Transaction{row("1", "1000", "2026-01-05")}, nil)
	if err != nil || stored != (store.Stored{Unchanged: 1}) || !must[bank.Consumer](t)(c.ConsumerByExternalID(ctx, "anna")).ChangedAt.Equal(before) {
		t.Fatalf("a delivery without news changes the consumer: %+v, %v", stored, err)
	}
	p := must[*page.Of[bank.Transaction]](t)(c.Transactions(ctx, bank.TransactionFilter{}, page.Args{Size: 3}))
	if len(p.Nodes) != 3 || !p.Info.HasNextPage {
		t.Fatalf("page: %d nodes", len(p.Nodes))
	}
	if n, err := p.TotalCount(ctx); n != 4 || err != nil {
		t.Fatalf("total: %d, %v", n, err)
	}
}
