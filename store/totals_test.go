package store_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/store"
)

// TestTotalsFollow does what can be done to transactions in any order; after each step the monthly totals are what the
// rows add up to, and the transfers are what the pure rule makes of all rows at once.
func TestTotalsFollow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	turn := 0
	rapid.Check(t, func(r *rapid.T) {
		turn++
		who := fmt.Sprint("anna", turn)
		var accounts []bank.Account
		for i := range 3 {
			accounts = append(accounts, account(t, w.c, who, fmt.Sprint("account", i), []bank.Container{bank.ContainerBank, bank.ContainerCard}[i%2]))
		}
		owner := bank.Ref{Kind: bank.KindConsumer, ConsumerID: accounts[0].ConsumerID, ID: accounts[0].ConsumerID}
		refused := map[bank.Pair]bool{}
		days := rapid.Custom(func(r *rapid.T) bank.Date { return day("2026-01-20") + bank.Date(rapid.IntRange(0, 24).Draw(r, "day")) })
		fresh := rapid.Custom(func(r *rapid.T) bank.Transaction {
			x := bank.Transaction{Amount: amount(rapid.SampledFrom([]string{"5", "-5", "7.25", "-7.25", "0"}).Draw(r, "amount")), Currency: "EUR", BookingDate: days.Draw(r, "date"),
				Status: rapid.SampledFrom([]bank.TransactionStatus{bank.Posted, bank.Posted, bank.Posted, bank.Pending}).Draw(r, "status")}
			if rapid.IntRange(0, 3).Draw(r, "named") > 0 {
				x.ExternalID = ptr(fmt.Sprint(rapid.IntRange(1, 9).Draw(r, "id")))
			}
			if rapid.Bool().Draw(r, "card") {
				x.MCC = ptr(rapid.SampledFrom([]string{"5411", "5812"}).Draw(r, "mcc"))
			}
			return x
		})
		rows := func() []bank.Transaction { return all(t, w.c, bank.TransactionFilter{ConsumerIDs: []bank.Ref{owner}}) }
		some := func() (bank.Transaction, bool) {
			list := rows()
			if len(list) == 0 {
				return bank.Transaction{}, false
			}
			return list[rapid.IntRange(0, len(list)-1).Draw(r, "row")], true
		}
		must := func(err error) {
			if err != nil {
				r.Fatal(err)
			}
		}
		steps := []func(){
			func() { // twice as often
				batch := rapid.SliceOfNDistinct(fresh, 1, 8, func(x bank.Transaction) string {
					if x.ExternalID != nil {
						return *x.ExternalID
					}
					return fmt.Sprintf("%p", x.MCC) + x.Amount.String() + x.BookingDate.String()
				}).Draw(r, "rows")
				_, _, err := w.c.CreateTransactions(ctx, rapid.SampledFrom(accounts).Draw(r, "account").Ref(), batch, nil)
				must(err)
			},
			func() {
				if x, ok := some(); ok {
					to := fresh.Draw(r, "to")
					_, err := w.c.UpdateTransaction(ctx, x.Ref(), func(x *bank.Transaction) error {
						x.BookingDate, x.Status, x.MCC = to.BookingDate, to.Status, to.MCC
						x.Amount, x.BaseType = to.Amount.Abs(), map[bool]bank.BaseType{true: bank.Debit, false: bank.Credit}[to.Amount.IsNeg()]
						return nil
					})
					must(err)
				}
			},
			func() {
				if x, ok := some(); ok {
					_, err := w.c.DeleteTransactions(ctx, []bank.Ref{x.Ref()})
					must(err)
				}
			},
			func() {
				if x, ok := some(); ok {
					_, _, err := w.c.Categorize(ctx, x.Ref(), rapid.SampledFrom([]int{201, 401}).Draw(r, "category"), rapid.Bool().Draw(r, "similar"))
					must(err)
				}
			},
			func() {
				if x, ok := some(); ok && x.TransferID != nil {
					both, err := w.c.SeparateTransfer(ctx, x.Ref())
					must(err)
					p := bank.Pair{Debit: both[0].ID, Credit: both[1].ID}
					if both[0].BaseType == bank.Credit {
						p = bank.Pair{Debit: p.Credit, Credit: p.Debit}
					}
					refused[p] = true
				}
			},
			func() {
				i := rapid.IntRange(0, 2).Draw(r, "which")
				a, err := w.c.UpdateAccount(ctx, accounts[i].Ref(), func(a *bank.Account) error {
					a.Status = rapid.SampledFrom([]bank.AccountStatus{bank.AccountActive, bank.AccountActive, bank.AccountInactive, bank.AccountClosed}).Draw(r, "status")
					return nil
				})
				must(err)
				accounts[i] = a
			},
			func() {
				i := rapid.IntRange(0, 2).Draw(r, "which")
				_, err := w.c.DeleteAccount(ctx, accounts[i].Ref())
				must(err)
				accounts[i] = account(t, w.c, who, fmt.Sprint("account", i), bank.ContainerBank)
			},
		}
		for range rapid.IntRange(3, 14).Draw(r, "steps") {
			steps[max(0, rapid.IntRange(-3, len(steps)-1).Draw(r, "step"))]()
			if wrong, err := w.CheckTotals(ctx); wrong != 0 || err != nil {
				r.Fatalf("%d totals are wrong, %v", wrong, err)
			}
			if text := wrongTransfers(rows(), accounts, refused); text != "" {
				r.Fatal(text)
			}
		}
		_, err := w.c.DeleteConsumer(ctx, owner)
		must(err)
	})
	exact(t, w.Store)
}

// wrongTransfers compares the stored pairs with those of all rows at once.
func wrongTransfers(rows []bank.Transaction, accounts []bank.Account, refused map[bank.Pair]bool) string {
	active := map[int64]bank.Account{}
	for _, a := range accounts {
		if a.Status == bank.AccountActive {
			active[a.ID] = a
		}
	}
	var legs []bank.Leg
	for _, x := range rows {
		if a, ok := active[x.AccountID]; ok && x.Status == bank.Posted {
			l := bank.Leg{ID: x.ID, AccountID: x.AccountID, BaseType: x.BaseType, Amount: x.Amount, Currency: x.Currency, BookingDate: x.BookingDate, AccountName: a.Name + " " + a.ProviderName, Container: a.Container}
			if a.IBAN != nil {
				l.AccountIBAN = *a.IBAN
			}
			if x.CounterpartyIBAN != nil {
				l.IBAN = *x.CounterpartyIBAN
			}
			if x.CounterpartyName != nil {
				l.Counterparty = *x.CounterpartyName
			}
			legs = append(legs, l)
		}
	}
	want := map[int64]int64{}
	for _, p := range bank.Transfers(legs, refused) {
		want[p.Debit], want[p.Credit] = p.Credit, p.Debit
	}
	for _, x := range rows {
		other := int64(0)
		if x.TransferID != nil {
			other = *x.TransferID
		}
		if other != want[x.ID] {
			return fmt.Sprintf("transaction %d is paired with %d, not %d", x.ID, other, want[x.ID])
		}
	}
	return ""
}

func TestRebuildTotals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a, b := account(t, w.c, "anna", "current", bank.ContainerBank), account(t, w.c, "anna", "savings", bank.ContainerBank)
	put(t, w.c, a, row("1", "100", "2026-01-05"), row("2", "-40", "2026-02-05"), row("3", "-1", "2026-02-06"))
	put(t, w.c, b, row("2", "40", "2026-02-05"))
	if changed, err := w.RebuildTotals(ctx); changed != 0 || err != nil {
		t.Errorf("nothing to do: %d, %v", changed, err)
	}
	for want, statement := range map[int]string{
		1: "UPDATE account_months SET transfer_debit = 41 WHERE transfer_debit = 40",
		3: "DELETE FROM category_months; INSERT INTO account_months SELECT customer_id, consumer_id, account_id, '2020-01-01', 1, 0, 1, 0, 0, 0 FROM account_months LIMIT 1",
	} {
		if _, err := admin(t, w.url).Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
		if wrong, err := w.CheckTotals(ctx); wrong != want || err != nil {
			t.Errorf("%s: %d wrong, %v", statement, wrong, err)
		}
		if changed, err := w.RebuildTotals(ctx); changed != want || err != nil {
			t.Errorf("%s: %d changed, %v", statement, changed, err)
		}
		exact(t, w.Store)
	}
}

func TestChangedSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	must[int](t)(w.SaveQuotes(ctx, []bank.Quote{{Currency: "USD", Day: day("2026-01-01"), Rate: amount("1.25"), Source: "ECB"}, {Currency: "USD", Day: day("2026-01-20"), Rate: amount("1.20"), Source: "ECB"}}))
	a := account(t, w.c, "anna", "current", bank.ContainerBank)
	dollars := must[bank.Account](t)(w.c.CreateAccount(ctx, store.NewAccount{ConsumerExternalID: ptr("anna"), Account: bank.Account{Name: "d", Container: bank.ContainerBank, Currency: "USD"}}, nil))
	put(t, w.c, a, row("1", "100", "2026-01-05"), row("2", "-40", "2026-01-25"), row("3", "-1", "2026-02-06"))
	foreign := row("1", "-12.50", "2026-01-10")
	foreign.Currency = "USD"
	put(t, w.c, dollars, foreign)
	c := must[bank.Consumer](t)(w.c.ConsumerByExternalID(ctx, "anna"))
	entry := func(from, to, credit, debit string, count int, rates []bank.Rate, accounts ...bank.Account) insight.Entry {
		e := entryFor(c, "2026-03", accounts...)
		e.Window = bank.Period{From: day(from), To: day(to)}
		e.TransactionDerived = &insight.TransactionDerived{CreditTotal: bank.Money{Amount: amount(credit), Currency: "EUR"}, DebitTotal: bank.Money{Amount: amount(debit), Currency: "EUR"}, Count: count, Rates: rates}
		return e
	}
	used := []bank.Rate{{From: "USD", To: "EUR", Day: day("2026-01-01"), Rate: amount("0.8"), Source: "ECB", First: day("2026-01-10"), Last: day("2026-01-10")}}
	whole, part := entry("2026-01-01", "2026-02-28", "100.00", "41.00", 3, nil, a), entry("2026-01-06", "2026-02-10", "0.00", "41.00", 2, nil, a)
	both, none := entry("2026-01-01", "2026-01-31", "100.00", "50.00", 3, used, a, dollars), entryFor(c, "2026-03", a)
	check := func(name string, want ...bool) {
		t.Helper()
		got, err := w.c.ChangedSince(ctx, []insight.Entry{part, whole, none, both})
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	check("as it was", false, false, false, false)
	put(t, w.c, a, row("4", "-1", "2026-01-02"))
	check("a row before the part", false, true, false, true)
	must[int](t)(w.c.DeleteTransactions(ctx, []bank.Ref{byName(t, w.c, "4").Ref()}))
	check("gone again", false, false, false, false)
	must[int](t)(w.SaveQuotes(ctx, []bank.Quote{{Currency: "USD", Day: day("2026-01-09"), Rate: amount("2"), Source: "ECB"}}))
	check("a quotation that came later changes no transaction", false, false, false, false)
	first := both
	first.TransactionDerived = ptr(*both.TransactionDerived)
	first.TransactionDerived.Rates = []bank.Rate{{From: "USD", To: "EUR", Day: day("2026-01-01"), Rate: amount("0.8"), Source: "ECB"}}
	if got, err := w.c.ChangedSince(ctx, []insight.Entry{first}); err != nil || got[0] {
		t.Errorf("an entry of the first builds: %v, %v", got, err)
	}
	pounds := must[bank.Account](t)(w.c.CreateAccount(ctx, store.NewAccount{ConsumerExternalID: ptr("anna"), Account: bank.Account{Name: "p", Container: bank.ContainerBank, Currency: "GBP"}}, nil))
	gone := row("5", "-7", "2026-01-10")
	gone.Currency = "GBP"
	put(t, w.c, pounds, gone)
	must[int](t)(w.c.DeleteTransactions(ctx, []bank.Ref{byName(t, w.c, "5").Ref()}))
	if got, err := w.c.ChangedSince(ctx, []insight.Entry{entry("2026-01-01", "2026-02-28", "100.00", "41.00", 3, nil, a, pounds)}); err != nil || got[0] {
		t.Errorf("an account in another currency that has nothing: %v, %v", got, err)
	}
	foreign.Amount = amount("-12.49")
	put(t, w.c, dollars, foreign)
	check("a converted amount corrected, the count as it was", false, false, false, true)
	foreign.Amount, foreign.BookingDate = amount("-12.50"), day("2026-01-21")
	put(t, w.c, dollars, foreign)
	check("a day with another rate", false, false, false, true)
	p := must[[]*page.Of[bank.Transaction]](t)(w.c.EntryTransactions(ctx, []insight.Entry{part, whole}, page.Args{Size: 2}))
	if got := fmt.Sprint(names(p[0].Nodes), names(p[1].Nodes), p[1].Info.HasNextPage); got != "[3 2] [3 2] true" {
		t.Errorf("behind: %s", got)
	}
}
