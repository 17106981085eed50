package store_test

import (
	"testing"

	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/connect"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/report"
	"insightgraph/statement"
	"insightgraph/store"
)

// operations are all that can be done with a ref.
func operations(t *testing.T) map[string]func(store.Tenant, things) (any, error) {
	ctx, ten := t.Context(), page.Args{Size: 10}
	nothing := func(map[string]insight.Settings, map[string]insight.Settings) (map[string]insight.Settings, error) {
		return map[string]insight.Settings{"X": {Title: ptr("x")}}, nil
	}
	return map[string]func(store.Tenant, things) (any, error){
		"Consumer": func(c store.Tenant, x things) (any, error) { return c.Consumer(ctx, x.consumer) },
		"UpdateConsumer": func(c store.Tenant, x things) (any, error) {
			return c.UpdateConsumer(ctx, x.consumer, func(c *bank.Consumer) error { c.Currency = "USD"; return nil })
		},
		"DeleteConsumer": func(c store.Tenant, x things) (any, error) { return c.DeleteConsumer(ctx, x.consumer) },
		"UserSettings": func(c store.Tenant, x things) (any, error) {
			_, user, err := c.UserSettings(ctx, x.consumer)
			return user, err
		},
		"ChangeUserSettings": func(c store.Tenant, x things) (any, error) {
			return nil, c.ChangeUserSettings(ctx, x.consumer, nothing)
		},
		"ResetUserSettings": func(c store.Tenant, x things) (any, error) {
			return c.ResetUserSettings(ctx, x.consumer, []string{"X"})
		},
		"ConsumersByID": func(c store.Tenant, x things) (any, error) { return c.ConsumersByID(ctx, []int64{x.consumer.ID}) },
		"Account":       func(c store.Tenant, x things) (any, error) { return c.Account(ctx, x.account) },
		"AccountsByRef": func(c store.Tenant, x things) (any, error) { return c.AccountsByRef(ctx, []bank.Ref{x.account}) },
		"UpdateAccount": func(c store.Tenant, x things) (any, error) {
			return c.UpdateAccount(ctx, x.account, func(a *bank.Account) error { a.Name = "x"; return nil })
		},
		"DeleteAccount": func(c store.Tenant, x things) (any, error) { return c.DeleteAccount(ctx, x.account) },
		"CreateAccount": func(c store.Tenant, x things) (any, error) {
			return c.CreateAccount(ctx, store.NewAccount{Consumer: &x.consumer, Account: bank.Account{Name: "x", Container: bank.ContainerBank, Currency: "EUR"}}, nil)
		},
		"Accounts": func(c store.Tenant, x things) (any, error) {
			p, err := c.Accounts(ctx, []int64{x.consumer.ID}, bank.AccountFilter{}, ten)
			return pageAnswer(t, p, err)
		},
		"CreateTransactions": func(c store.Tenant, x things) (any, error) {
			_, _, err := c.CreateTransactions(ctx, x.account, []bank.Transaction{row("x", "1", "2026-01-01")}, nil)
			return nil, err
		},
		"Transaction": func(c store.Tenant, x things) (any, error) { return c.Transaction(ctx, x.transaction) },
		"TransactionsByRef": func(c store.Tenant, x things) (any, error) {
			return c.TransactionsByRef(ctx, []bank.Ref{x.transaction})
		},
		"UpdateTransaction": func(c store.Tenant, x things) (any, error) {
			return c.UpdateTransaction(ctx, x.transaction, func(x *bank.Transaction) error { x.Description = "x"; return nil })
		},
		"DeleteTransactions": func(c store.Tenant, x things) (any, error) {
			return c.DeleteTransactions(ctx, []bank.Ref{x.transaction})
		},
		"Categorize": func(c store.Tenant, x things) (any, error) {
			_, n, err := c.Categorize(ctx, x.transaction, 201, true)
			return n, err
		},
		"ImportStatement": func(c store.Tenant, x things) (any, error) {
			r, err := c.ImportStatement(ctx, store.NewStatement{Consumer: &x.consumer}, opened(t, csvOf("", "05.01.2026;Shop;x;;-1,00;EUR"), statement.Options{}))
			return r.Stored, err
		},
		"ImportStatement into an account": func(c store.Tenant, x things) (any, error) {
			r, err := c.ImportStatement(ctx, store.NewStatement{Account: &x.account}, opened(t, csvOf("", "05.01.2026;Shop;x;;-1,00;EUR"), statement.Options{}))
			return r.Stored, err
		},
		"CategoryRule":       func(c store.Tenant, x things) (any, error) { return c.CategoryRule(ctx, x.rule) },
		"DeleteCategoryRule": func(c store.Tenant, x things) (any, error) { return nil, c.DeleteCategoryRule(ctx, x.rule) },
		"SeparateTransfer":   func(c store.Tenant, x things) (any, error) { return c.SeparateTransfer(ctx, x.transaction) },
		"TransactionsOfAccounts": func(c store.Tenant, x things) (any, error) {
			p, err := c.TransactionsOfAccounts(ctx, []bank.Ref{x.account}, bank.TransactionFilter{}, ten)
			return pageAnswer(t, p, err)
		},
		"TransactionsOfConsumers": func(c store.Tenant, x things) (any, error) {
			p, err := c.TransactionsOfConsumers(ctx, []int64{x.consumer.ID}, bank.TransactionFilter{}, ten)
			return pageAnswer(t, p, err)
		},
		"what belongs to accounts of a consumer": func(c store.Tenant, x things) (any, error) {
			r := c.Reads()
			of := store.ConsumerParents([]int64{x.consumer.ID})
			accounts := r.AccountsOf(of, bank.AccountFilter{}, ten)
			rows, totals := r.TransactionsOf(accounts.Parents(), bank.TransactionFilter{}, ten), r.CategoryTotalsOf(of, day("2026-01-01"))
			if err := r.Send(ctx); err != nil {
				return nil, err
			}
			v, err := pageAnswer(t, []*page.Of[bank.Transaction]{rows.Of(x.account)}, nil)
			return []any{v, accounts.Of(x.consumer).Nodes, totals.Map()}, err
		},
		"Transactions of a consumer": func(c store.Tenant, x things) (any, error) {
			p, err := c.Transactions(ctx, bank.TransactionFilter{ConsumerIDs: []bank.Ref{x.consumer}}, ten)
			return onePage(t, p, err)
		},
		"Transactions of an account": func(c store.Tenant, x things) (any, error) {
			p, err := c.Transactions(ctx, bank.TransactionFilter{AccountIDs: []bank.Ref{x.account}}, ten)
			return onePage(t, p, err)
		},
		"Feed": func(c store.Tenant, x things) (any, error) {
			p, err := c.Feed(ctx, insight.FeedFilter{ConsumerIDs: []bank.Ref{x.consumer}}, ten)
			return onePage(t, p, err)
		},
		"Feed of an entity": func(c store.Tenant, x things) (any, error) {
			p, err := c.Feed(ctx, insight.FeedFilter{EntityIDs: []bank.Ref{x.account}}, ten)
			return onePage(t, p, err)
		},
		"FeedOfConsumers": func(c store.Tenant, x things) (any, error) {
			p, err := c.FeedOfConsumers(ctx, []int64{x.consumer.ID}, insight.FeedFilter{}, ten)
			return pageAnswer(t, p, err)
		},
		"Entry":        func(c store.Tenant, x things) (any, error) { return c.Entry(ctx, x.entry) },
		"EntriesByRef": func(c store.Tenant, x things) (any, error) { return c.EntriesByRef(ctx, []bank.Ref{x.entry}) },
		"EntryTransactions": func(c store.Tenant, x things) (any, error) {
			p, err := c.EntryTransactions(ctx, []insight.Entry{x.whole}, ten)
			return pageAnswer(t, p, err)
		},
		"ChangedSince": func(c store.Tenant, x things) (any, error) { return c.ChangedSince(ctx, []insight.Entry{x.whole}) },
		"Run":          func(c store.Tenant, x things) (any, error) { return c.Run(ctx, x.run) },
		"Evaluations": func(c store.Tenant, x things) (any, error) {
			p, err := c.Evaluations(ctx, x.wholeRun, nil, ten)
			return onePage(t, p, err)
		},
		"Session":      func(c store.Tenant, x things) (any, error) { return c.Session(ctx, x.session) },
		"CloseSession": func(c store.Tenant, x things) (any, error) { return c.CloseSession(ctx, x.session) },
		"StartFlow": func(c store.Tenant, x things) (any, error) {
			return c.StartFlow(ctx, connect.NewFlow{Session: x.session, Consumer: &x.consumer, Scope: connect.Scope{Accounts: &connect.Selection{IDs: []bank.Ref{x.account}}}},
				connect.NewToken().Handle, []byte("hash"))
		},
		"Flow": func(c store.Tenant, x things) (any, error) { return c.Flow(ctx, x.flow) },
		"MoveFlow": func(c store.Tenant, x things) (any, error) {
			return c.MoveFlow(ctx, x.flow, func(f *connect.Flow) error { f.Tries = 1; return nil })
		},
		"AbortFlow": func(c store.Tenant, x things) (any, error) { return c.AbortFlow(ctx, x.flow, false) },
		"CollectFlow": func(c store.Tenant, x things) (any, error) {
			_, parts, err := c.CollectFlow(ctx, x.flow, []string{"1"}, func(f *connect.Flow) error { f.Collects(nil); return nil })
			return parts, err
		},
		"KnownAccounts": func(c store.Tenant, x things) (any, error) { return c.KnownAccounts(ctx, &x.consumer.ID) },
		"Refresh":       func(c store.Tenant, x things) (any, error) { return c.Refresh(ctx, x.refresh) },
		"StartRefresh": func(c store.Tenant, x things) (any, error) {
			_, _, err := c.StartRefresh(ctx, store.NewRefresh{Consumer: x.consumer})
			return nil, err
		},
		"ScheduleRefresh": func(c store.Tenant, x things) (any, error) {
			return c.ScheduleRefresh(ctx, x.consumer, nil, connect.Plan{})
		},
		"UnscheduleRefresh":  func(c store.Tenant, x things) (any, error) { return c.UnscheduleRefresh(ctx, x.consumer, nil) },
		"AutomaticRefreshes": func(c store.Tenant, x things) (any, error) { return c.AutomaticRefreshes(ctx, x.consumer) },
		"Consents":           func(c store.Tenant, x things) (any, error) { return c.Consents(ctx, []int64{x.consumer.ID}) },
		"Consent":            func(c store.Tenant, x things) (any, error) { return c.Consent(ctx, x.consent) },
		"RevokeConsents": func(c store.Tenant, x things) (any, error) {
			_, n, err := c.RevokeConsents(ctx, x.consumer)
			return n, err
		},
		"Synchronize": func(c store.Tenant, x things) (any, error) {
			_, _, err := c.Synchronize(ctx, store.NewSynchronization{Consumer: x.consumer})
			return nil, err
		},
		"DataSources":       func(c store.Tenant, x things) (any, error) { return c.DataSources(ctx, x.consumer) },
		"DataSource":        func(c store.Tenant, x things) (any, error) { return c.DataSource(ctx, x.source) },
		"AccountsOfSources": func(c store.Tenant, x things) (any, error) { return c.AccountsOfSources(ctx, []bank.Ref{x.source}) },
		"CreateCase": func(c store.Tenant, x things) (any, error) {
			_, err := c.CreateCase(ctx, store.NewCase{Consumer: &x.consumer, DataSources: []bank.Ref{x.source}}, nil)
			return nil, err
		},
		"CreateCase of an account": func(c store.Tenant, x things) (any, error) {
			_, err := c.CreateCase(ctx, store.NewCase{Consumer: &x.consumer, Accounts: []bank.Ref{x.account}}, nil)
			return nil, err
		},
		"Case": func(c store.Tenant, x things) (any, error) { return c.Case(ctx, x.casefile) },
		"CreateReport": func(c store.Tenant, x things) (any, error) {
			_, _, err := c.CreateReport(ctx, store.NewReport{Case: &x.casefile, Request: report.Request{Type: "SPENDING"}}, nil)
			return nil, err
		},
		"Report":     func(c store.Tenant, x things) (any, error) { return c.Report(ctx, x.report) },
		"LinkReport": func(c store.Tenant, x things) (any, error) { return nil, c.LinkReport(ctx, x.report) },
		"Reports": func(c store.Tenant, x things) (any, error) {
			p, err := c.Reports(ctx, report.Filter{ConsumerIDs: []bank.Ref{x.consumer}}, ten)
			return onePage(t, p, err)
		},
		"Reports of a case": func(c store.Tenant, x things) (any, error) {
			p, err := c.Reports(ctx, report.Filter{CaseID: &x.casefile}, ten)
			return onePage(t, p, err)
		},
		"ReportsOfCases": func(c store.Tenant, x things) (any, error) { return c.ReportsOfCases(ctx, []bank.Ref{x.casefile}) },
		"UsedTransactions": func(c store.Tenant, x things) (any, error) {
			all := report.Selection{{AccountIDs: []int64{x.account.ID}, From: day("2020-01-01"), To: day("2030-01-01"), Status: bank.Posted}}
			p, err := c.UsedTransactions(ctx, []store.Used{{ConsumerID: x.consumer.ConsumerID, Selection: all}}, bank.TransactionFilter{}, ten)
			return pageAnswer(t, p, err)
		},
		"Deliveries": func(c store.Tenant, x things) (any, error) {
			p, err := c.Deliveries(ctx, callback.Filter{ConsumerIDs: []bank.Ref{x.consumer}}, ten)
			return onePage(t, p, err)
		},
		"Delivery":  func(c store.Tenant, x things) (any, error) { return c.Delivery(ctx, x.delivery) },
		"Redeliver": func(c store.Tenant, x things) (any, error) { return c.Redeliver(ctx, x.delivery) },
		"CreateRun": func(c store.Tenant, x things) (any, error) {
			_, _, err := c.CreateRun(ctx, store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}, Consumer: &x.consumer}, nil)
			return nil, err
		},
	}
}
