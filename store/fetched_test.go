package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/store"
)

const (
	ibanA = "DE89370400440532013000"
	ibanB = "DE02120300000000202051"
)

// described is each row as its name, status, amount and day, the newest first.
func described(rows []bank.Transaction) (list []string) {
	for _, x := range rows {
		list = append(list, fmt.Sprintf("%s %s %s %s", *x.ExternalID, x.Status, x.Amount, x.BookingDate))
	}
	slices.Sort(list)
	return list
}

func wantRows(t *testing.T, c store.Tenant, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := described(all(t, c, bank.TransactionFilter{})); !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
}

func TestFlowBringsData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	card := connect.Account{ID: "c", Container: bank.ContainerCard, Currency: "EUR", Balance: ptr(amount("-12.5")), CreditLimit: ptr(amount("1000"))}
	giro := told("g", "de89 3704 0044 0532 0130 00", row("1", "1000", "2026-03-01"), row("", "-2.80", "2026-03-02"), row("", "-2.80", "2026-03-02"), pendingRow("2", "-9", "2026-03-04"))
	giro.BalanceAsOf, giro.Balance = ptr(w.Now()), ptr(amount("97.3"))
	f := w.start(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentOptional})
	p := w.collect(t, f, oneBank, "g", "c")
	w.finish(t, p, []byte("secret"), giro, card, told("x", "", row("1", "1", "2026-03-01"))) // the last one was not picked
	f = must[connect.Flow](t)(w.c.Flow(ctx, f.Ref()))
	anna := must[bank.Consumer](t)(w.c.ConsumerByExternalID(ctx, "anna"))
	if f.State != connect.Finished || *f.ConsumerID != anna.ID || len(f.AccountIDs) != 2 || !f.ConsentStored || f.Sealed != nil || f.FinishedAt == nil || anna.Currency != "EUR" {
		t.Errorf("%+v", f)
	}
	known := must[[]connect.Known](t)(w.c.KnownAccounts(ctx, &anna.ID))
	if len(known) != 2 || known[0].ID != f.AccountIDs[0] {
		t.Fatalf("%+v", known)
	}
	g, c := known[0], known[1]
	if *g.IBAN != ibanA || g.Name != "Account g" || g.Type != "CHECKING" || g.ProviderName != "Bank One" || g.Status != bank.AccountActive || g.Balance.String() != "97.30" ||
		!g.BalanceAsOf.Equal(w.Now()) || g.ExternalID != nil || g.BankCode != "one" || fmt.Sprint(g.BankIDs) != "[g]" {
		t.Errorf("%+v", g)
	}
	if c.Name != "Bank One" || c.Type != "OTHER" || c.Balance.String() != "-12.50" || c.CreditLimit.String() != "1000.00" || c.IBAN != nil {
		t.Errorf("%+v", c)
	}
	if rows := all(t, w.c, bank.TransactionFilter{}); len(rows) != 4 {
		t.Errorf("%q", described(rows))
	}
	consent := w.consents(t, anna.ID)[0]
	if consent.State != connect.ConsentActive || string(consent.Sealed) != "secret" || consent.FlowID != f.ID || consent.BankName != "Bank One" || !consent.ExpiresAt.Equal(w.Now().AddDate(0, 0, 180)) {
		t.Errorf("%+v", consent)
	}
	r := must[connect.Refresh](t)(w.c.Refresh(ctx, p.Refresh.Ref()))
	if r.State != connect.Finished || r.Created != 4 || *r.ConsumerID != anna.ID || r.Problem != nil {
		t.Errorf("%+v", r)
	}
	if left := column[string](t, admin(t, w.url), "SELECT accounts::text FROM refresh_parts")[0]; left != "{}" {
		t.Errorf("the part still names accounts: %s", left)
	}
	// Without a name a flow makes a consumer of its own each time.
	one, _ := w.flow(t, connect.NewFlow{}, nil, told("g", ""))
	two, _ := w.flow(t, connect.NewFlow{}, nil, told("g", ""))
	if *one.ConsumerID == *two.ConsumerID || one.ConsentStored {
		t.Errorf("%+v", one)
	}
}

// TestReconciled: what comes again is what it was, whatever a person did to it.
func TestReconciled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	a := told("1", ibanA, row("a", "1000", "2026-02-01"), pendingRow("p1", "-20", "2026-03-03"), pendingRow("p2", "-30", "2026-03-03"), row("move", "-50", "2026-03-01"))
	b := told("2", ibanB, row("move", "50", "2026-03-01"))
	f, stored := w.flow(t, connect.NewFlow{StoreConsent: connect.ConsentRequired}, []byte("s"), a, b)
	who := *f.ConsumerID
	var pending, leg bank.Transaction
	for _, x := range all(t, w.c, bank.TransactionFilter{}) {
		switch {
		case *x.ExternalID == "p1":
			pending = x
		case *x.ExternalID == "move" && x.BaseType == bank.Debit:
			leg = x
		}
	}
	if leg.TransferID == nil {
		t.Fatal("no transfer between the accounts")
	}
	must[[]bank.Transaction](t)(w.c.SeparateTransfer(ctx, leg.Ref()))
	if _, _, err := w.c.Categorize(ctx, pending.Ref(), 401, false); err != nil {
		t.Fatal(err)
	}
	must[bank.Account](t)(w.c.UpdateAccount(ctx, stored[0].Ref(), func(a *bank.Account) error { a.Name = "Mine"; return nil }))
	// p1 is booked under another id, p2 is no more, the others come again, one is new.
	w.clock.add(time.Hour)
	a.Transactions = []bank.Transaction{row("a", "1000", "2026-02-01"), row("b1", "-20", "2026-03-04"), row("move", "-50", "2026-03-01"), row("n", "-1", "2026-03-05")}
	a.Transactions[1].Description = "row p1"
	a.Balance = ptr(amount("5"))
	p := w.refresh(t, who)
	w.finish(t, p, []byte("s2"), a, b)
	wantRows(t, w.c, "a POSTED 1000.00 2026-02-01", "b1 POSTED 20.00 2026-03-04", "move POSTED 50.00 2026-03-01", "move POSTED 50.00 2026-03-01", "n POSTED 1.00 2026-03-05")
	if got := must[bank.Transaction](t)(w.c.Transaction(ctx, pending.Ref())); got.Status != bank.Posted || got.CategoryID != 401 || got.CategorySource != bank.SourceUser || *got.ExternalID != "b1" {
		t.Errorf("settled: %+v", got)
	}
	if pairs := paired(t, w.c); len(pairs) != 0 {
		t.Errorf("paired again: %v", pairs)
	}
	if got := must[bank.Account](t)(w.c.Account(ctx, stored[0].Ref())); got.Name != "Mine" || got.Balance.String() != "5.00" {
		t.Errorf("%+v", got)
	}
	if got := must[connect.Refresh](t)(w.c.Refresh(ctx, p.Refresh.Ref())); got.Created != 1 {
		t.Errorf("%+v", got)
	}
	if c := w.consents(t, who)[0]; string(c.Sealed) != "s2" || c.State != connect.ConsentActive {
		t.Errorf("%+v", c)
	}
	// The same once more is no news.
	before := must[bank.Consumer](t)(w.c.Consumer(ctx, person(who)))
	w.clock.add(time.Hour)
	w.finish(t, w.refresh(t, who), nil, a, b)
	if after := must[bank.Consumer](t)(w.c.Consumer(ctx, person(who))); !after.ChangedAt.Equal(before.ChangedAt) {
		t.Errorf("changed at %v, then %v", before.ChangedAt, after.ChangedAt)
	}
	if n := len(all(t, w.c, bank.TransactionFilter{})); n != 5 {
		t.Errorf("%d rows", n)
	}
}

// TestAccountsMatched: which stored account a bank's account is.
func TestAccountsMatched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	own := must[bank.Account](t)(w.c.CreateAccount(ctx, store.NewAccount{ConsumerExternalID: ptr("anna"), Account: bank.Account{ExternalID: ptr("mine"), Name: "Mine", Container: bank.ContainerBank,
		Currency: "EUR", IBAN: ptr(ibanA)}}, nil))
	put(t, w.c, own, row("csv-1", "-7", "2026-03-01"))
	anna := connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}
	same := row("bank-1", "-7", "2026-03-01")
	same.Description = "row csv"
	_, got := w.flow(t, anna, []byte("1"), told("old", ibanA, same), told("card", ""))
	if got[0].ID != own.ID || *got[0].ExternalID != "mine" || got[0].Name != "Mine" {
		t.Errorf("by its IBAN: %+v", got[0])
	}
	if n := len(all(t, w.c, bank.TransactionFilter{})); n != 1 {
		t.Errorf("the customer's own row is there twice: %d", n)
	}
	card := got[1]
	// Other ids at the next access, and an IBAN that was not known.
	_, again := w.flow(t, anna, []byte("2"), told("new", ibanA), told("card", ibanB))
	if again[0].ID != own.ID || again[1].ID != card.ID || again[1].IBAN == nil || *again[1].IBAN != ibanB {
		t.Errorf("again: %+v", again)
	}
	links := column[string](t, admin(t, w.url), "SELECT bank_account_id || ' ' || account_id || ' ' || consent_id FROM account_links ORDER BY 1")
	consents := w.consents(t, own.ConsumerID)
	if want := fmt.Sprintf("[card %d %d new %d %d]", card.ID, consents[0].ID, own.ID, consents[0].ID); fmt.Sprint(links) != want {
		t.Errorf("links %v, want %s", links, want)
	}
	if consents[1].State != connect.ConsentReplaced || consents[1].Sealed != nil || consents[1].ClosedAt == nil {
		t.Errorf("%+v", consents[1])
	}
	givenBack := func() {
		t.Helper()
		if got := column[string](t, admin(t, w.url), "SELECT bank_code || ' ' || convert_from(sealed, 'UTF8') FROM revocations"); fmt.Sprint(got) != "[one 1]" {
			t.Errorf("to be given back: %v", got)
		}
	}
	givenBack()
	// One account alone under a third consent: the second is still good for the other.
	w.flow(t, anna, []byte("3"), told("card", ibanB))
	consents = w.consents(t, own.ConsumerID)
	if consents[0].State != connect.ConsentActive || consents[1].State != connect.ConsentActive {
		t.Errorf("%+v", consents)
	}
	givenBack()
	// An access that is not kept does not take the place of one that is.
	w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna")}, nil, told("now", ibanA))
	_, parts, err := w.c.StartRefresh(ctx, store.NewRefresh{Consumer: person(own.ConsumerID)})
	if err != nil || len(parts) != 2 {
		t.Fatalf("%v, %v", parts, err)
	}
	if p := w.claim(t, parts[0]); fmt.Sprint(p.Accounts) != "[new]" || string(p.Consent.Sealed) != "2" {
		t.Errorf("%+v", p)
	}
	if known := must[[]connect.Known](t)(w.c.KnownAccounts(ctx, &own.ConsumerID)); len(known) != 2 || fmt.Sprint(known[0].BankIDs) != "[new now]" {
		t.Errorf("%+v", known)
	}
	// In another currency it is another account.
	dollars := told("card", ibanB)
	dollars.Currency = "USD"
	if _, got := w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna")}, nil, dollars); got[0].ID == card.ID {
		t.Errorf("%+v", got)
	}
}

// TestBadRows: texts are cut to what can be kept; what would make sums wrong spoils the answer, and nothing is half stored.
func TestBadRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	dollars, long, odd := row("usd", "-1", "2026-03-01"), row(strings.Repeat("x", 200), "-2", "2026-03-02"), row("odd", "-3", "2026-03-03")
	dollars.Currency, long.Description, odd.CounterpartyName = "USD", strings.Repeat("ä", 3000), ptr(strings.Repeat("n", 300)+"\x00")
	tiny, mcc, empty := row("tiny", "-0.001", "2026-03-01"), row("mcc", "-4", "2026-03-01"), row("", "-5", "2026-03-01")
	mcc.MCC, empty.ExternalID = ptr("12"), ptr("")
	bad := told("bad", "")
	bad.Container = "PIGGY_BANK"
	good := told("good", "not an IBAN", long, odd, mcc, empty)
	good.Name, good.Balance = "\x00", ptr(amount("1.005"))
	p := w.collect(t, w.start(t, connect.NewFlow{}), oneBank, "bad", "good")
	w.finish(t, p, nil, good, good)
	rows := all(t, w.c, bank.TransactionFilter{})
	if len(rows) != 4 {
		t.Errorf("%q", described(rows))
	}
	for _, x := range rows {
		if len([]rune(x.Description)) > bank.MaxDescription || x.CounterpartyName != nil && len(*x.CounterpartyName) != bank.MaxName || *x.ExternalID == "" {
			t.Errorf("%+v", x)
		}
	}
	f := must[connect.Flow](t)(w.c.Flow(ctx, p.Flow.Ref()))
	if got := must[[]connect.Known](t)(w.c.KnownAccounts(ctx, f.ConsumerID)); len(got) != 1 || got[0].IBAN != nil || got[0].Balance != nil || got[0].Name != "Bank One" {
		t.Errorf("%+v", got)
	}
	for _, accounts := range [][]connect.Account{{bad}, {good, bad}, {told("bad", "", dollars)}, {told("bad", "", row("fine", "1", "2026-03-01"), tiny)}, nil} {
		want := connect.BankAnswer
		if accounts == nil {
			want = connect.UserAccount
		}
		p := w.collect(t, w.start(t, connect.NewFlow{ConsumerExternalID: ptr("nobody")}), oneBank, "bad")
		w.finish(t, p, nil, accounts...)
		if got := w.state(t, p.Refresh); got != "EXCEPTION "+string(want) {
			t.Error(got)
		}
	}
	if _, err := w.c.ConsumerByExternalID(ctx, "nobody"); err == nil {
		t.Error("a consumer was made for nothing")
	}
}

// TestShorterHistory: what lies before the days that a bank tells of is not gone.
func TestShorterHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, young := row("old", "-1", "2026-02-20"), row("young", "-2", "2026-03-03")
	old.Status, young.Status = bank.Pending, bank.Pending
	w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna")}, nil, told("1", ibanA, old, young))
	short := told("1", ibanA)
	short.From = bank.NewDate(2026, 3, 1)
	w.flow(t, connect.NewFlow{ConsumerExternalID: ptr("anna")}, nil, short)
	wantRows(t, w.c, "old PENDING 1.00 2026-02-20")
}

// TestRefreshOfDeleted: a refresh makes no account; one that was deleted stays so.
func TestRefreshOfDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	f, stored := w.flow(t, connect.NewFlow{StoreConsent: connect.ConsentRequired}, []byte("s"), told("1", ibanA), told("2", ibanB))
	p := w.refresh(t, *f.ConsumerID)
	must[int](t)(w.c.DeleteAccount(ctx, stored[0].Ref()))
	w.finish(t, p, nil, told("1", ibanA, row("a", "1", "2026-03-01")), told("2", ibanB, row("b", "1", "2026-03-01")))
	wantRows(t, w.c, "b POSTED 1.00 2026-03-01")
	if known := must[[]connect.Known](t)(w.c.KnownAccounts(ctx, f.ConsumerID)); len(known) != 1 {
		t.Errorf("%+v", known)
	}
}

// TestFinishTogether: two flows of one consumer that end at once make one consumer, one account and one of each row.
func TestFinishTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	var parts []store.Part
	for range 4 {
		parts = append(parts, w.collect(t, w.start(t, connect.NewFlow{ConsumerExternalID: ptr("anna"), StoreConsent: connect.ConsentRequired}), oneBank, "1"))
	}
	rows := []bank.Transaction{row("a", "5", "2026-03-01"), row("b", "-5", "2026-03-02")}
	noErrors(t, together(4, func(i int) error {
		return w.FinishPart(ctx, parts[i], store.Fetched{Accounts: []connect.Account{told("1", ibanA, rows...)}, BankName: "Bank One", Sealed: []byte("s")})
	}))
	exact(t, w.Store)
	wantRows(t, w.c, "a POSTED 5.00 2026-03-01", "b POSTED 5.00 2026-03-02")
	anna := must[bank.Consumer](t)(w.c.ConsumerByExternalID(ctx, "anna"))
	active := 0
	for _, c := range w.consents(t, anna.ID) {
		if c.State == connect.ConsentActive {
			active++
		}
	}
	if known := must[[]connect.Known](t)(w.c.KnownAccounts(ctx, &anna.ID)); len(known) != 1 || active != 1 {
		t.Errorf("%d accounts, %d active consents", len(known), active)
	}
	created := column[int](t, admin(t, w.url), "SELECT sum(created)::int FROM refreshes")[0]
	if created != 2 {
		t.Errorf("%d created", created)
	}
	// One part that two workers believe to have is stored once.
	p := w.refresh(t, anna.ID)
	lost := 0
	for _, err := range together(4, func(int) error { return w.FinishPart(ctx, p, store.Fetched{}) }) {
		if err == store.ErrLost {
			lost++
		} else if err != nil {
			t.Error(err)
		}
	}
	if lost != 3 {
		t.Errorf("%d came too late", lost)
	}
}

// TestFinishStatements: their number does not grow with the rows.
func TestFinishStatements(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, _ := w.flow(t, connect.NewFlow{StoreConsent: connect.ConsentRequired}, []byte("s"), told("1", ibanA))
	count := func(n int, name string) int64 {
		a := told("1", ibanA)
		for i := range n {
			a.Transactions = append(a.Transactions, pendingRow(fmt.Sprint(name, i), fmt.Sprintf("-%d", i+1), "2026-03-01"))
		}
		p := w.refresh(t, *f.ConsumerID)
		before := w.Statements()
		w.finish(t, p, nil, a)
		return w.Statements() - before
	}
	count(15, "a")        // of fewer than firstDelivery it is not asked whether they are the first
	few := count(15, "b") // fifteen settle under other ids
	count(900, "c")
	w.clock.add(25 * time.Hour)
	if many := count(900, "d"); few != many {
		t.Errorf("%d statements for 15 rows, %d for 900", few, many)
	}
}
