package store_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/store"
)

// paired is the pairs of a customer, by the external ids of their legs.
func paired(t *testing.T, c store.Tenant) (pairs []string) {
	t.Helper()
	rows := all(t, c, bank.TransactionFilter{})
	byID := map[int64]bank.Transaction{}
	for _, x := range rows {
		byID[x.ID] = x
	}
	for _, x := range rows {
		if x.TransferID == nil {
			continue
		}
		other := byID[*x.TransferID]
		if other.TransferID == nil || *other.TransferID != x.ID || other.AccountID == x.AccountID || other.BaseType == x.BaseType {
			t.Errorf("%s and its other leg do not belong together", *x.ExternalID)
		}
		if x.BaseType == bank.Debit {
			pairs = append(pairs, *x.ExternalID+">"+*other.ExternalID)
		}
	}
	slices.Sort(pairs)
	return pairs
}

func TestTransferKinds(t *testing.T) {
	t.Parallel()
	iban := func(x bank.Transaction, other string) bank.Transaction { x.CounterpartyIBAN = &other; return x }
	name := func(x bank.Transaction, other string) bank.Transaction { x.CounterpartyName = &other; return x }
	const current, savings = "DE89370400440532013000", "DE02120300000000202051"
	w := newWorld(t)
	for i, one := range []struct {
		name                  string
		current, saving, card []bank.Transaction
		want                  string
	}{
		{"savings", []bank.Transaction{row("a", "-50", "2026-01-05")}, []bank.Transaction{row("b", "50", "2026-01-06")}, nil, "[a>b]"},
		{"a card's payment", []bank.Transaction{row("a", "-50", "2026-01-05")}, nil, []bank.Transaction{row("b", "50", "2026-01-05"), row("c", "-50", "2026-01-01")}, "[a>b]"},
		{"a card's payment by other names", []bank.Transaction{name(row("a", "-50", "2026-01-05"), "Landesbank Berlin AG")}, nil, []bank.Transaction{name(row("b", "50", "2026-01-07"), "Zahlungseingang dankend erhalten")}, "[a>b]"},
		{"another amount", []bank.Transaction{row("a", "-50", "2026-01-05")}, []bank.Transaction{row("b", "50.01", "2026-01-05")}, nil, "[]"},
		{"four days", []bank.Transaction{row("a", "-50", "2026-01-05")}, []bank.Transaction{row("b", "50", "2026-01-09")}, nil, "[a>b]"},
		{"five days", []bank.Transaction{row("a", "-50", "2026-01-05")}, []bank.Transaction{row("b", "50", "2026-01-10")}, nil, "[]"},
		{"the same account", []bank.Transaction{row("a", "-50", "2026-01-05"), row("b", "50", "2026-01-05")}, []bank.Transaction{row("c", "1", "2026-01-05")}, nil, "[]"},
		{"the IBANs of each other", []bank.Transaction{iban(row("a", "-50", "2026-01-05"), savings)}, []bank.Transaction{iban(row("b", "50", "2026-01-05"), current)}, nil, "[a>b]"},
		{"another IBAN", []bank.Transaction{iban(row("a", "-50", "2026-01-05"), "DE75512108001245126199")}, []bank.Transaction{row("b", "50", "2026-01-05")}, nil, "[]"},
		{"names without a common word", []bank.Transaction{name(row("a", "-50", "2026-01-05"), "Landlord")}, []bank.Transaction{name(row("b", "50", "2026-01-05"), "Employer")}, nil, "[]"},
		{"names with one", []bank.Transaction{name(row("a", "-50", "2026-01-05"), "Anna Muster")}, []bank.Transaction{name(row("b", "50", "2026-01-05"), "MUSTER, A.")}, nil, "[a>b]"},
		{"nearest first", []bank.Transaction{row("a", "-50", "2026-01-05")}, []bank.Transaction{row("b", "50", "2026-01-07"), row("c", "50", "2026-01-06")}, nil, "[a>c]"},
	} {
		c := customer(t, w.Store, fmt.Sprint("transfer", i))
		made := map[string]bank.Account{}
		for who, container := range map[string]bank.Container{"current": bank.ContainerBank, "savings": bank.ContainerBank, "card": bank.ContainerCard} {
			n := store.NewAccount{ConsumerExternalID: ptr("anna"), Account: bank.Account{ExternalID: &who, Name: who, Container: container, Currency: "EUR"}}
			if text := map[string]string{"current": current, "savings": savings}[who]; text != "" {
				n.Account.IBAN = &text
			}
			made[who] = must[bank.Account](t)(c.CreateAccount(t.Context(), n, nil))
		}
		for who, rows := range map[string][]bank.Transaction{"current": one.current, "savings": one.saving, "card": one.card} {
			if rows != nil {
				put(t, c, made[who], rows...)
			}
		}
		if got := fmt.Sprint(paired(t, c)); got != one.want {
			t.Errorf("%s: %s, want %s", one.name, got, one.want)
		}
	}
	exact(t, w.Store)
}

// TestTransferOrder: legs that come in any order and any batches end in the same pairs, a long chain of equal amounts
// among them.
func TestTransferOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type leg struct {
		account int
		bank.Transaction
	}
	var legs []leg
	for i := range 40 { // every third day on one account or the other: each leg could go with the one before or after
		sign := map[bool]string{true: "-", false: ""}[i%2 == 0]
		legs = append(legs, leg{i % 2, row("chain"+numbered(i), sign+"10", (day("2026-01-01") + bank.Date(3*i)).String())})
	}
	random := rand.New(rand.NewPCG(7, 7))
	for i := range 40 {
		sign := map[bool]string{true: "-", false: ""}[random.IntN(2) == 0]
		legs = append(legs, leg{random.IntN(3), row("random"+numbered(i), sign+fmt.Sprint(20+random.IntN(3)), (day("2026-01-01") + bank.Date(random.IntN(60))).String())})
	}
	// Ids decide between equals: legs of one day and account must come in one order.
	slices.SortStableFunc(legs, func(a, b leg) int {
		return cmp.Or(a.Amount.Cmp(b.Amount), cmp.Compare(a.BookingDate, b.BookingDate))
	})
	legs = slices.CompactFunc(legs, func(a, b leg) bool { return a.Amount.Equal(b.Amount) && a.BookingDate == b.BookingDate })
	var first []string
	for turn := range 5 {
		c := customer(t, w.Store, fmt.Sprint("order", turn))
		accounts := []bank.Account{account(t, c, "anna", "0", bank.ContainerBank), account(t, c, "anna", "1", bank.ContainerBank), account(t, c, "anna", "2", bank.ContainerCard)}
		shuffled := slices.Clone(legs)
		if turn > 0 {
			random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		}
		for part := range slices.Chunk(shuffled, []int{len(legs), 1, 7, 30, 3}[turn]) {
			byAccount := map[int][]bank.Transaction{}
			for _, l := range part {
				byAccount[l.account] = append(byAccount[l.account], l.Transaction)
			}
			for i, rows := range byAccount {
				put(t, c, accounts[i], rows...)
			}
		}
		got := paired(t, c)
		if turn == 0 {
			first = got
		} else if !slices.Equal(got, first) {
			t.Errorf("turn %d: %v, want %v", turn, got, first)
		}
	}
	if len(first) < 25 {
		t.Errorf("only %d pairs", len(first))
	}
	exact(t, w.Store)
}

func TestTransferChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.c, t.Context()
	a, b := account(t, c, "anna", "current", bank.ContainerBank), account(t, c, "anna", "savings", bank.ContainerBank)
	card := account(t, c, "anna", "card", bank.ContainerCard)
	status := func(of bank.Account, status bank.AccountStatus) {
		must[bank.Account](t)(c.UpdateAccount(ctx, of.Ref(), func(a *bank.Account) error { a.Status = status; return nil }))
	}
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"two legs", func() { put(t, c, a, row("out", "-50", "2026-01-05")); put(t, c, b, row("in", "50", "2026-01-08")) }, "[out>in]"},
		{"a better partner comes", func() { put(t, c, card, row("near", "50", "2026-01-06")) }, "[out>near]"},
		{"and is corrected away", func() { put(t, c, card, row("near", "51", "2026-01-06")) }, "[out>in]"},
		{"and back", func() { put(t, c, card, row("near", "50", "2026-01-06")) }, "[out>near]"},
		{"and moves far away", func() { put(t, c, card, row("near", "50", "2025-01-06")) }, "[out>in]"},
		{"and comes back pending", func() { x := row("near", "50", "2026-01-06"); x.Status = bank.Pending; put(t, c, card, x) }, "[out>in]"},
		{"and is posted", func() { put(t, c, card, row("near", "50", "2026-01-06")) }, "[out>near]"},
		{"its account is not active", func() { status(card, bank.AccountInactive) }, "[out>in]"},
		{"is active again", func() { status(card, bank.AccountActive) }, "[out>near]"},
		{"is closed", func() { status(card, bank.AccountClosed) }, "[out>in]"},
		{"is open again", func() { status(card, bank.AccountActive) }, "[out>near]"},
		{"a person says no", func() { must[[]bank.Transaction](t)(c.SeparateTransfer(ctx, byName(t, c, "near").Ref())) }, "[out>in]"},
		{"sent again", func() { put(t, c, card, row("near", "50", "2026-01-06")) }, "[out>in]"},
		{"the refused one finds another", func() { put(t, c, b, row("other", "-50", "2026-01-09")) }, "[other>near out>in]"},
		{"which is deleted", func() { must[int](t)(c.DeleteTransactions(ctx, []bank.Ref{byName(t, c, "other").Ref()})) }, "[out>in]"},
		{"an account is deleted", func() { must[int](t)(c.DeleteAccount(ctx, b.Ref())) }, "[]"},
		{"a new one is not refused", func() { put(t, c, card, row("new", "50", "2026-01-07")) }, "[out>new]"},
		{"the account's IBAN gets known", func() {
			x := row("out", "-50", "2026-01-05")
			x.CounterpartyIBAN = ptr("DE75512108001245126199")
			put(t, c, a, x)
			must[bank.Account](t)(c.CreateAccount(ctx, store.NewAccount{ConsumerExternalID: ptr("anna"),
				Account: bank.Account{ExternalID: ptr("card"), Container: bank.ContainerCard, Name: "card", Currency: "EUR", IBAN: ptr("DE02120300000000202051")}}, nil))
		}, "[]"},
		{"the amount is corrected by hand", func() {
			put(t, c, card, row("hand", "70", "2026-01-09"))
			must[bank.Transaction](t)(c.UpdateTransaction(ctx, byName(t, c, "out").Ref(), func(x *bank.Transaction) error { x.Amount, x.CounterpartyIBAN = amount("70"), nil; return nil }))
		}, "[out>hand]"},
		{"a card is paid", func() {
			due, thanks := row("due", "-80", "2026-02-10"), row("thanks", "80", "2026-02-12")
			due.CounterpartyName, thanks.CounterpartyName = ptr("Landesbank AG"), ptr("Zahlungseingang dankend")
			put(t, c, a, due)
			put(t, c, card, thanks)
		}, "[due>thanks out>hand]"},
		{"which was none", func() {
			must[bank.Account](t)(c.CreateAccount(ctx, store.NewAccount{ConsumerExternalID: ptr("anna"),
				Account: bank.Account{ExternalID: ptr("card"), Container: bank.ContainerBank, Name: "card", Currency: "EUR"}}, nil))
		}, "[out>hand]"},
	} {
		step.do()
		if got := fmt.Sprint(paired(t, c)); got != step.want {
			t.Errorf("%s: %s, want %s", step.name, got, step.want)
		}
		exact(t, w.Store)
	}
	_, err := c.SeparateTransfer(ctx, byName(t, c, "near").Ref())
	wantFault(t, err, fault.NotAllowed, "transactionId")
	yes, no := true, false
	if got := fmt.Sprint(names(all(t, c, bank.TransactionFilter{Transfers: &yes})), names(all(t, c, bank.TransactionFilter{Transfers: &no}))); got != "[hand out] [thanks due new near]" {
		t.Errorf("filtered: %s", got)
	}
}

// TestHeavyConsumer: a batch over ten years of a consumer with many transactions is matched well within a request's time.
func TestHeavyConsumer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := account(t, w.c, "anna", "a", bank.ContainerBank), account(t, w.c, "anna", "b", bank.ContainerBank)
	if _, err := admin(t, w.url).Exec(t.Context(), `INSERT INTO transactions (customer_id, consumer_id, account_id, external_id, base_type, amount, currency, booking_date, status,
			description, category_id, category_source, created_at, changed_at)
		SELECT customer_id, consumer_id, id, 'h' || g, CASE WHEN g % 3 = 0 THEN 'CREDIT' ELSE 'DEBIT' END, 100 + g % 3001, 'EUR', '2016-01-01'::date + g % 3600, 'POSTED',
			'', 0, 'NONE', created_at, created_at FROM accounts, generate_series(1, 5000) g`); err != nil {
		t.Fatal(err)
	}
	put(t, w.c, a, row("old", "-1", "2016-01-01"), row("new", "-1", "2025-12-01"))
	put(t, w.c, b, row("old", "1", "2016-01-02"), row("new", "1", "2025-12-02"))
	for _, name := range []string{"old", "new"} {
		if byName(t, w.c, name).TransferID == nil {
			t.Errorf("%s is no transfer", name)
		}
	}
}

// TestLargeTransfers: what one account may hold in a month counts transfers too, so that nothing is in the way when they
// are none any more.
func TestLargeTransfers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.c, t.Context()
	a, b := account(t, c, "anna", "a", bank.ContainerBank), account(t, c, "anna", "b", bank.ContainerBank)
	many := func(name, amount, on string) []bank.Transaction {
		rows := []bank.Transaction{row(name, strings.TrimSuffix(amount, "999999999999999.99")+"0.01", on)}
		for i := range 90 {
			rows = append(rows, row(fmt.Sprint(name, i), amount, on))
		}
		return rows
	}
	put(t, c, a, many("out", "-999999999999999.99", "2026-09-01")...)
	put(t, c, b, many("in", "999999999999999.99", "2026-09-01")...)
	if n := len(paired(t, c)); n != 91 {
		t.Fatalf("%d pairs", n)
	}
	_, _, err := c.CreateTransactions(ctx, a.Ref(), many("more", "-999999999999999.99", "2026-09-20"), nil)
	wantFault(t, err, fault.InvalidValue, "amount")
	if n := must[int](t)(c.DeleteAccount(ctx, b.Ref())); n != 91 {
		t.Errorf("%d deleted", n)
	}
	exact(t, w.Store)
}
