package store_test

import (
	"fmt"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/store"
)

func TestCreateConsumer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	first := consumer(t, w.c, "anna")
	if first.TimeZone != "Europe/Berlin" || first.Currency != "EUR" || !first.CreatedAt.Equal(w.Now()) {
		t.Errorf("the customer's defaults: %+v", first)
	}
	w.clock.add(time.Minute)
	same := consumer(t, w.c, "anna")
	if same != first && (same.ID != first.ID || !same.ChangedAt.Equal(first.ChangedAt)) {
		t.Errorf("again: %+v", same)
	}
	changed := must[bank.Consumer](t)(w.c.CreateConsumer(ctx, store.NewConsumer{ExternalID: ptr("anna"), TimeZone: ptr("Asia/Tokyo"), Currency: ptr(bank.Currency("JPY"))}))
	if changed.ID != first.ID || changed.TimeZone != "Asia/Tokyo" || changed.Currency != "JPY" || !changed.ChangedAt.After(first.ChangedAt) || !changed.CreatedAt.Equal(first.CreatedAt) {
		t.Errorf("changed: %+v", changed)
	}
	updated := must[bank.Consumer](t)(w.c.UpdateConsumer(ctx, first.Ref(), func(c *bank.Consumer) error { c.Currency = "EUR"; return nil }))
	if stored := must[bank.Consumer](t)(w.c.Consumer(ctx, first.Ref())); stored.Currency != "EUR" || stored.TimeZone != "Asia/Tokyo" || !stored.ChangedAt.Equal(updated.ChangedAt) || !stored.ChangedAt.After(changed.ChangedAt) {
		t.Errorf("updated: %+v, %+v", updated, stored)
	}
	a, b := must[bank.Consumer](t)(w.c.CreateConsumer(ctx, store.NewConsumer{})), must[bank.Consumer](t)(w.c.CreateConsumer(ctx, store.NewConsumer{}))
	if a.ID == b.ID {
		t.Error("two without a name are one")
	}
	ids := make([]int64, 10)
	noErrors(t, together(len(ids), func(i int) error {
		c, err := w.c.CreateConsumer(ctx, store.NewConsumer{ExternalID: ptr("ben")})
		ids[i] = c.ID
		return err
	}))
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("consumers %v", ids)
		}
	}
	if found := must[map[int64]bank.Consumer](t)(w.c.ConsumersByID(ctx, []int64{a.ID, 1 << 40, ids[0]})); len(found) != 2 || found[a.ID].ID != a.ID {
		t.Errorf("by id: %v", found)
	}
	if found := must[map[int64]bank.Consumer](t)(w.c.ConsumersByID(ctx, nil)); len(found) != 0 {
		t.Errorf("by no id: %v", found)
	}
	for _, name := range []string{"", "nobody", "a\x00b", "\xff", "'", string(make([]byte, 500))} {
		_, err := w.c.ConsumerByExternalID(ctx, name)
		wantFault(t, err, fault.NotFound, "externalId")
		_, _, err = w.CustomerOfClient(ctx, name)
		wantFault(t, err, fault.NotFound, "")
	}
	_, err := w.c.CreateConsumer(ctx, store.NewConsumer{ExternalID: ptr("a\x00b")})
	wantFault(t, err, fault.InvalidValue, "externalId")
	_, err = w.c.CreateConsumer(ctx, store.NewConsumer{Currency: ptr(bank.Currency("XXQ"))})
	wantFault(t, err, fault.InvalidValue, "currency")
	_, err = w.Consumer(a.CustomerID, a.ID).CreateConsumer(ctx, store.NewConsumer{ExternalID: ptr("anna")})
	wantFault(t, err, fault.Forbidden, "")
}

func TestCreateAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.c
	full := bank.Account{ExternalID: ptr("current"), Container: bank.ContainerBank, Type: "CHECKING", Name: "Current", ProviderName: "Bank", Currency: "EUR", IBAN: ptr("DE89 3704 0044 0532 0130 00"),
		Balance: ptr(amount("10.00")), BalanceAsOf: ptr(w.Now()), CreditLimit: ptr(amount("500.00"))}
	first := must[bank.Account](t)(c.CreateAccount(ctx, store.NewAccount{ConsumerExternalID: ptr("anna"), Account: full}, nil))
	anna := must[bank.Consumer](t)(c.ConsumerByExternalID(ctx, "anna")) // was made with it
	if first.ConsumerID != anna.ID || *first.IBAN != "DE89370400440532013000" || first.Status != bank.AccountActive {
		t.Errorf("first: %+v", first)
	}
	sparse := bank.Account{ExternalID: ptr("current"), Container: bank.ContainerCard, Name: "Renamed", Currency: "EUR"}
	for name, n := range map[string]store.NewAccount{"by the consumer's name": {ConsumerExternalID: ptr("anna"), Account: sparse}, "by the consumer's id": {Consumer: ptr(anna.Ref()), Account: sparse},
		"by its own name alone": {Account: sparse}} {
		again := must[bank.Account](t)(c.CreateAccount(ctx, n, nil))
		if again.ID != first.ID || again.Name != "Renamed" || again.Container != bank.ContainerCard || *again.IBAN != *first.IBAN || again.Balance.String() != "10.00" || again.Type != "CHECKING" || again.ProviderName != "Bank" || !again.CreatedAt.Equal(first.CreatedAt) {
			t.Errorf("%s: %+v", name, again)
		}
	}
	none := must[bank.Account](t)(c.CreateAccount(ctx, store.NewAccount{Account: bank.Account{Container: bank.ContainerBank, Name: "x", Currency: "EUR"}}, nil))
	if none.ConsumerID == anna.ID || none.Type != "OTHER" {
		t.Errorf("without a consumer: %+v", none)
	}
	ids := make([]int64, 10)
	noErrors(t, together(len(ids), func(i int) error {
		a, err := c.CreateAccount(ctx, store.NewAccount{Account: bank.Account{ExternalID: ptr("new"), Container: bank.ContainerBank, Name: "x", Currency: "EUR"}}, nil)
		ids[i] = a.ID
		return err
	}))
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("equal calls at once made %v", ids)
		}
	}
	account(t, c, "ben", "current", bank.ContainerBank)
	_, err := c.CreateAccount(ctx, store.NewAccount{Account: sparse}, nil)
	wantFault(t, err, fault.NotAllowed, "externalId")
	_, err = c.CreateAccount(ctx, store.NewAccount{Consumer: ptr(anna.Ref()), ConsumerExternalID: ptr("anna"), Account: sparse}, nil)
	wantFault(t, err, fault.NotAllowed, "consumerExternalId")
	_, err = c.CreateAccount(ctx, store.NewAccount{Consumer: ptr(first.Ref()), Account: sparse}, nil)
	wantFault(t, err, fault.NotFound, "consumerId")

	// The currency can change as long as there is nothing in it.
	dollars := sparse
	dollars.Currency = "USD"
	if a := must[bank.Account](t)(c.CreateAccount(ctx, store.NewAccount{Consumer: ptr(anna.Ref()), Account: dollars}, nil)); a.Currency != "USD" || a.Balance != nil || a.CreditLimit != nil {
		t.Errorf("in dollars: %+v", a)
	}
	must[bank.Account](t)(c.CreateAccount(ctx, store.NewAccount{Consumer: ptr(anna.Ref()), Account: sparse}, nil))
	put(t, c, first, row("1", "1", "2026-01-01"))
	_, err = c.CreateAccount(ctx, store.NewAccount{Consumer: ptr(anna.Ref()), Account: dollars}, nil)
	wantFault(t, err, fault.NotAllowed, "currency")
	got := must[bank.Account](t)(c.UpdateAccount(ctx, first.Ref(), func(a *bank.Account) error { a.Name, a.Currency = "Own", "USD"; return nil }))
	if got.Name != "Own" || got.Currency != "EUR" {
		t.Errorf("updated: %+v", got)
	}
	_, err = c.UpdateAccount(ctx, first.Ref(), func(a *bank.Account) error { a.Name = "lost"; return fault.Missing("name") })
	wantFault(t, err, fault.Required, "name")
	if got := must[bank.Account](t)(c.Account(ctx, first.Ref())); got.Name != "Own" {
		t.Errorf("after a fault: %+v", got)
	}
}

// TestCurrencyRace: an account does not change its currency below rows that are on their way.
func TestCurrencyRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 5 {
		a := account(t, w.c, fmt.Sprint("anna", i), "a", bank.ContainerBank)
		errs := together(6, func(j int) error {
			if j%2 == 0 {
				_, _, err := w.c.CreateTransactions(t.Context(), a.Ref(), []bank.Transaction{row("1", "1", "2026-01-01")}, nil)
				return err
			}
			_, err := w.c.CreateAccount(t.Context(), store.NewAccount{Consumer: &bank.Ref{Kind: bank.KindConsumer, ConsumerID: a.ConsumerID, ID: a.ConsumerID},
				Account: bank.Account{ExternalID: ptr("a"), Container: bank.ContainerBank, Name: "a", Currency: "USD"}}, nil)
			return err
		})
		for _, err := range errs {
			if err != nil && fault.Of(err) == nil {
				t.Error(err)
			}
		}
	}
	if n := column[int](t, admin(t, w.url), "SELECT count(*)::int FROM transactions t JOIN accounts a ON a.id = t.account_id WHERE a.currency <> t.currency")[0]; n != 0 {
		t.Errorf("%d rows in another currency than their account", n)
	}
}

// TestErase: the receipts count, and no table has a row left.
func TestErase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := populate(t, w.Store, "erased")
	ctx, db := t.Context(), admin(t, w.url)
	anna := x.consumers[0]
	if _, _, err := w.Consumer(x.id, anna.ID).CreateRun(ctx, store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}}, ptr("own")); err != nil {
		t.Fatal(err)
	}
	before := contents(t, db, x.id, x.consumers[1].ID)
	if n := must[int](t)(x.DeleteAccount(ctx, x.accounts[1].Ref())); n != 2 {
		t.Errorf("%d transactions went with the account", n)
	}
	exact(t, w.Store)
	e, err := x.DeleteConsumer(ctx, anna.Ref())
	if err != nil || e != (store.Erased{Accounts: 2, Transactions: 4, Entries: 1}) {
		t.Errorf("erased %+v, %v", e, err)
	}
	tables := column[string](t, db, "SELECT table_name::text FROM information_schema.columns WHERE column_name = 'consumer_id' AND table_schema = 'public' AND table_name <> 'events'")
	if len(tables) < 10 {
		t.Errorf("only %v", tables)
	}
	for _, table := range tables {
		if n := column[int](t, db, "SELECT count(*)::int FROM "+table+" WHERE consumer_id = $1", anna.ID)[0]; n != 0 {
			t.Errorf("%s: %d rows left", table, n)
		}
	}
	for table, hash := range contents(t, db, x.id, x.consumers[1].ID) {
		if hash != before[table] {
			t.Errorf("%s: the other consumer's rows changed", table)
		}
	}
	if p := must[*page.Of[bank.Consumer]](t)(x.Consumers(ctx, page.Args{Size: 9})); len(p.Nodes) != 1 {
		t.Errorf("%d consumers left", len(p.Nodes))
	}
	_, err = x.DeleteConsumer(ctx, anna.Ref())
	wantFault(t, err, fault.NotFound, "consumerId")
	exact(t, w.Store)
}
