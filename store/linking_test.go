package store_test

import (
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/store"
)

// oneBank is the bank that most tests link.
var oneBank = connect.Bank{Code: "one", Name: "Bank One", Country: "DE", Consents: true}

// told is a bank's account with its rows.
func told(id, iban string, rows ...bank.Transaction) connect.Account {
	return connect.Account{ID: id, IBAN: iban, Container: bank.ContainerBank, Type: "CHECKING", Name: "Account " + id, Currency: "EUR", Transactions: rows}
}

// pendingRow is a row that the bank has not booked yet.
func pendingRow(external, amt, date string) bank.Transaction {
	x := row(external, amt, date)
	x.Status = bank.Pending
	return x
}

// session makes a session.
func (w *world) session(t *testing.T) connect.Session {
	t.Helper()
	now := w.Now()
	return must[connect.Session](t)(w.c.CreateSession(t.Context(), connect.Session{PSU: connect.PSU{UserAgent: "browser", IPAddress: "203.0.113.7"}, LifetimeDays: 180,
		CreatedAt: now, ExpiresAt: now.Add(connect.SessionLife)}))
}

// start starts a flow, in a session of its own where none is named.
func (w *world) start(t *testing.T, n connect.NewFlow) connect.Flow {
	t.Helper()
	if n.Session.ID == 0 {
		n.Session = w.session(t).Ref()
	}
	token := connect.NewToken()
	return must[connect.Flow](t)(w.c.StartFlow(t.Context(), n, token.Handle, token.Hash))
}

// move changes a flow.
func (w *world) move(t *testing.T, f connect.Flow, change func(*connect.Flow) error) connect.Flow {
	t.Helper()
	return must[connect.Flow](t)(w.c.MoveFlow(t.Context(), f.Ref(), change))
}

// login brings a flow to the choice of accounts.
func (w *world) login(t *testing.T, f connect.Flow, b connect.Bank) connect.Flow {
	t.Helper()
	w.move(t, f, func(f *connect.Flow) error { return f.Choose(b, true, w.Now(), w.Now().Add(time.Minute)) })
	w.move(t, f, func(f *connect.Flow) error { f.Asks([]byte("asks")); return nil })
	w.move(t, f, func(f *connect.Flow) error { return f.Answered(w.Now().Add(time.Minute)) })
	return w.move(t, f, func(f *connect.Flow) error {
		f.Gets(connect.Access{Stored: true}, w.Now())
		f.Offers([]byte("offers"))
		return nil
	})
}

// collect picks accounts and claims the part that fetches them.
func (w *world) collect(t *testing.T, f connect.Flow, b connect.Bank, ids ...string) store.Part {
	t.Helper()
	w.login(t, f, b)
	_, parts, err := w.c.CollectFlow(t.Context(), f.Ref(), ids, func(f *connect.Flow) error { f.Collects([]byte("dialog")); return nil })
	if err != nil || len(parts) != 1 {
		t.Fatalf("%v, %v", parts, err)
	}
	return w.claim(t, parts[0])
}

// claim claims a part.
func (w *world) claim(t *testing.T, id int64) store.Part {
	t.Helper()
	p, ok, err := w.ClaimPart(t.Context(), id)
	if err != nil || !ok {
		t.Fatalf("claim: %v, %v", ok, err)
	}
	return p
}

// finish stores what a bank has told.
func (w *world) finish(t *testing.T, p store.Part, sealed []byte, accounts ...connect.Account) {
	t.Helper()
	if err := w.FinishPart(t.Context(), p, store.Fetched{Accounts: accounts, BankName: oneBank.Name, Sealed: sealed}); err != nil {
		t.Fatal(err)
	}
	exact(t, w.Store)
}

// flow goes through a whole flow at one bank, and gives it with its accounts.
func (w *world) flow(t *testing.T, n connect.NewFlow, sealed []byte, accounts ...connect.Account) (connect.Flow, []bank.Account) {
	t.Helper()
	var ids []string
	for _, a := range accounts {
		ids = append(ids, a.ID)
	}
	f := w.start(t, n)
	w.finish(t, w.collect(t, f, oneBank, ids...), sealed, accounts...)
	f = must[connect.Flow](t)(w.c.Flow(t.Context(), f.Ref()))
	if f.State != connect.Finished {
		t.Fatalf("%+v", f)
	}
	var refs []bank.Ref
	for _, id := range f.AccountIDs {
		refs = append(refs, bank.Ref{Kind: bank.KindAccount, ConsumerID: *f.ConsumerID, ID: id})
	}
	found := must[map[bank.Ref]bank.Account](t)(w.c.AccountsByRef(t.Context(), refs))
	var stored []bank.Account
	for _, ref := range refs {
		stored = append(stored, found[ref])
	}
	return f, stored
}

// refresh starts a refresh with one consent and claims its part.
func (w *world) refresh(t *testing.T, consumerID int64) store.Part {
	t.Helper()
	_, parts, err := w.c.StartRefresh(t.Context(), store.NewRefresh{Consumer: person(consumerID)})
	if err != nil || len(parts) != 1 {
		t.Fatalf("%v, %v", parts, err)
	}
	return w.claim(t, parts[0])
}

// consents are a consumer's, the newest first.
func (w *world) consents(t *testing.T, consumerID int64) []connect.Consent {
	t.Helper()
	return must[map[int64][]connect.Consent](t)(w.c.Consents(t.Context(), []int64{consumerID}))[consumerID]
}

func person(id int64) bank.Ref {
	return bank.Ref{Kind: bank.KindConsumer, ConsumerID: id, ID: id}
}
