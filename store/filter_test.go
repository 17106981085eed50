package store_test

import (
	"fmt"
	"testing"

	"insightgraph/bank"
	"insightgraph/page"
)

func TestTransactionFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.c
	a, b := account(t, c, "anna", "a", bank.ContainerBank), account(t, c, "ben", "a", bank.ContainerBank)
	x := row("3", "-30.50", "2026-01-03")
	x.MCC, x.Description, x.CounterpartyName = ptr("5411"), `100%_of\it`, ptr("Über Bäcker")
	pending := row("4", "-5", "2026-01-04")
	pending.Status = bank.Pending
	put(t, c, a, row("1", "10", "2026-01-01"), row("2", "-20", "2026-01-02"), x, pending)
	put(t, c, b, row("5", "10.01", "2026-01-05"))
	category := func(id int64) []bank.Ref { return []bank.Ref{{Kind: bank.KindCategory, ID: id}} }
	for name, one := range map[string]struct {
		f    bank.TransactionFilter
		want string
	}{
		"none": {bank.TransactionFilter{}, "[5 4 3 2 1]"}, "consumers": {bank.TransactionFilter{ConsumerIDs: []bank.Ref{{Kind: bank.KindConsumer, ConsumerID: b.ConsumerID, ID: b.ConsumerID}}}, "[5]"},
		"no consumers": {bank.TransactionFilter{ConsumerIDs: []bank.Ref{}}, "[]"}, "accounts": {bank.TransactionFilter{AccountIDs: []bank.Ref{a.Ref(), b.Ref()}}, "[5 4 3 2 1]"},
		"account": {bank.TransactionFilter{AccountIDs: []bank.Ref{b.Ref()}}, "[5]"}, "no accounts": {bank.TransactionFilter{AccountIDs: []bank.Ref{}}, "[]"},
		"from": {bank.TransactionFilter{From: ptr(day("2026-01-04"))}, "[5 4]"}, "to": {bank.TransactionFilter{To: ptr(day("2026-01-02"))}, "[2 1]"},
		"side": {bank.TransactionFilter{BaseType: ptr(bank.Credit)}, "[5 1]"}, "status": {bank.TransactionFilter{Status: ptr(bank.Pending)}, "[4]"},
		"category": {bank.TransactionFilter{CategoryIDs: category(201)}, "[3]"}, "a category above": {bank.TransactionFilter{CategoryIDs: category(200)}, "[3]"},
		"no category": {bank.TransactionFilter{CategoryIDs: []bank.Ref{}}, "[]"}, "text": {bank.TransactionFilter{Text: ptr(`%_of\`)}, "[3]"}, "any text": {bank.TransactionFilter{Text: ptr("%%")}, "[]"},
		"counterparty": {bank.TransactionFilter{Text: ptr("Über b")}, "[3]"}, "question mark": {bank.TransactionFilter{Text: ptr("?0'")}, "[]"},
		"at least": {bank.TransactionFilter{MinAmount: ptr(amount("10.01"))}, "[5 3 2]"}, "at most": {bank.TransactionFilter{MaxAmount: ptr(amount("10.00"))}, "[4 1]"},
		"no transfers": {bank.TransactionFilter{Transfers: ptr(false)}, "[5 4 3 2 1]"}, "transfers": {bank.TransactionFilter{Transfers: ptr(true)}, "[]"},
	} {
		if got := fmt.Sprint(names(all(t, c, one.f))); got != one.want {
			t.Errorf("%s: %s, want %s", name, got, one.want)
		}
	}
	if got := names(all(t, w.Consumer(a.CustomerID, a.ConsumerID), bank.TransactionFilter{CategoryIDs: category(200)})); fmt.Sprint(got) != "[3]" {
		t.Errorf("a consumer asks by category: %v", got)
	}
	for want, f := range map[int]bank.AccountFilter{1: {Containers: []bank.Container{bank.ContainerBank}, Statuses: []bank.AccountStatus{bank.AccountActive}}, 0: {Containers: []bank.Container{}}} {
		if p := must[[]*page.Of[bank.Account]](t)(c.Accounts(t.Context(), []int64{a.ConsumerID}, f, page.Args{Size: 5})); len(p[0].Nodes) != want {
			t.Errorf("accounts %+v: %d", f, len(p[0].Nodes))
		}
	}
}
