package graph

import (
	"context"
	"slices"
	"strings"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/page"
)

// Linker is the part of the connect app that calls have to do with.
type Linker interface {
	PageURL(token string) string
}

// Banks lists the banks that consumers can link.
func (r query) Banks(_ context.Context, text, country *string, first *int, after *string, last *int, before *string) (*page.Of[connect.Bank], error) {
	a, err := pageArgs(byBank, first, after, last, before)
	faults := fault.Many(fault.Of(err))
	if country != nil && len(*country) != 2 {
		faults.Add(fault.Invalid("countryCode", "Invalid value for countryCode; use two letters such as DE (ISO 3166)"))
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return bankPage(r.Directory.Search(orZero(text), orZero(country)), a), nil
}

// bankKey is where a bank stands in the list, which is by name and then by code.
func bankKey(b connect.Bank) page.Cursor { return page.Cursor{Key: b.Name + "\t" + b.Code} }

// bankPage cuts a page out of all banks that were found.
func bankPage(all []connect.Bank, a page.Args) *page.Of[connect.Bank] {
	total := len(all)
	if a.Backward {
		slices.Reverse(all)
	}
	if a.Cursor != nil {
		all = slices.DeleteFunc(all, func(b connect.Bank) bool {
			order := strings.Compare(bankKey(b).Key, a.Cursor.Key)
			return order == 0 || order < 0 != a.Backward
		})
	}
	all = all[:min(len(all), a.Size+1)]
	return page.New(a, all, bankKey, func(context.Context) (int, error) { return total, nil })
}

// bankOf is the bank of a code. One that is configured no longer has the name that is known of it and nothing else.
func (r *Resolver) bankOf(code, name string) *connect.Bank {
	b, ok := r.Directory.Bank(code)
	if !ok {
		b = connect.Bank{Code: code, Name: name}
	}
	return &b
}

// Session finds a session.
func (r query) Session(ctx context.Context, id bank.Ref) (*connect.Session, error) {
	return maybe(r.mine(ctx).Session(ctx, id))
}

// CreateSession begins the linking of a bank.
func (r mutation) CreateSession(ctx context.Context, in generated.CreateSessionInput) (*generated.CreateSessionPayload, error) {
	n := newSession(in)
	s, wrong := n.Check(r.Store.Now(), r.Directory.Bank)
	unknown := r.checkAccounts(ctx, "consentScope.insightsRefresh.accounts.ids", orZero(n.Scope.Accounts).IDs)
	if err := fault.Beside(unknown, fault.Of(wrong)); err != nil {
		return nil, err
	}
	s, err := r.mine(ctx).CreateSession(ctx, s)
	return &generated.CreateSessionPayload{Session: s}, err
}

func newSession(in generated.CreateSessionInput) connect.NewSession {
	n := connect.NewSession{Language: in.Language, RedirectReturnURL: in.RedirectReturnURL}
	if in.Psu != nil {
		n.PSU = &connect.PSU{UserAgent: orZero(in.Psu.UserAgent), IPAddress: orZero(in.Psu.IPAddress)}
	}
	if c := in.ConsentScope; c != nil {
		n.HasScope, n.LifetimeDays = true, c.LifetimeDays
		if s := c.InsightsRefresh; s != nil {
			n.HasRefresh, n.Scope = true, connect.Scope{RefreshDays: s.RefreshDays, From: s.From, To: s.To, Accounts: selection(s.Accounts)}
		}
	}
	if b := in.SelectedBank; b != nil {
		n.BankCode, n.CountryCode = &b.BankCode, b.CountryCode
	}
	return n
}

func selection(in *generated.AccountSelectionInput) *connect.Selection {
	if in == nil {
		return nil
	}
	return &connect.Selection{All: orZero(in.All), IDs: in.Ids, IBANs: in.Ibans}
}

// checkAccounts refuses ids that are no account. A list that is too long is not looked up: it has a fault of its own.
func (r *Resolver) checkAccounts(ctx context.Context, path string, ids []bank.Ref) error {
	if len(ids) == 0 || len(ids) > connect.MaxSelected {
		return nil
	}
	found, err := r.mine(ctx).AccountsByRef(ctx, ids)
	if err != nil {
		return err
	}
	var faults fault.Many
	for i, id := range ids {
		if _, ok := found[id]; !ok {
			faults.Add(fault.Unknown(bank.Path(path, i), "Account"))
		}
	}
	return faults.Err()
}

// CloseSession ends a session.
func (r mutation) CloseSession(ctx context.Context, in generated.CloseSessionInput) (*generated.CloseSessionPayload, error) {
	s, err := r.mine(ctx).CloseSession(ctx, in.SessionID)
	return &generated.CloseSessionPayload{Session: s}, at("sessionId", err)
}

// Flow finds a flow.
func (r query) Flow(ctx context.Context, id bank.Ref) (*connect.Flow, error) {
	return maybe(r.mine(ctx).Flow(ctx, id))
}

// StartInsightsRefreshFlow starts a flow. Its client token is in this answer only: the store keeps a hash.
func (r mutation) StartInsightsRefreshFlow(ctx context.Context, in generated.StartInsightsRefreshFlowInput) (*generated.StartInsightsRefreshFlowPayload, error) {
	n := connect.NewFlow{Session: in.SessionID, Consumer: in.ConsumerID, ConsumerExternalID: in.ConsumerExternalID, StoreConsent: orZero(in.StoreConsent),
		Scope:            connect.Scope{RefreshDays: in.RefreshDays, From: in.From, To: in.To, Accounts: selection(in.Accounts)},
		RetentionMinutes: in.DataRetentionMinutes}
	token := connect.NewToken()
	f, err := r.mine(ctx).Also(&token.Text).StartFlow(ctx, n, token.Handle, token.Hash)
	return &generated.StartInsightsRefreshFlowPayload{Flow: f, ClientToken: token.Text, URL: r.Linker.PageURL(token.Text)}, at("sessionId", err)
}

// AbortFlow ends a flow.
func (r mutation) AbortFlow(ctx context.Context, in generated.AbortFlowInput) (*generated.AbortFlowPayload, error) {
	f, err := r.mine(ctx).AbortFlow(ctx, in.FlowID, false)
	return &generated.AbortFlowPayload{Flow: f}, at("flowId", err)
}

// flowConsumer is who a flow is for, 0 where nobody is yet.
func flowConsumer(f *connect.Flow) int64 { return orZero(f.ConsumerID) }

// Consumer finds the consumers of flows, nil where there is none yet.
func (r flow) Consumer(ctx context.Context, objs []*connect.Flow) ([]*bank.Consumer, error) {
	found, err := r.mine(ctx).ConsumersByID(ctx, each(objs, flowConsumer))
	return each(objs, func(f *connect.Flow) *bank.Consumer {
		if c, ok := found[flowConsumer(f)]; ok {
			return &c
		}
		return nil
	}), err
}

// brought are the accounts of a flow.
func brought(f *connect.Flow) []bank.Ref {
	return each(f.AccountIDs, func(id int64) bank.Ref {
		return bank.Ref{Kind: bank.KindAccount, ConsumerID: flowConsumer(f), ID: id}
	})
}

// Accounts finds what flows brought; accounts that were erased meanwhile are left out.
func (r flow) Accounts(ctx context.Context, objs []*connect.Flow) ([][]bank.Account, error) {
	found, err := r.mine(ctx).AccountsByRef(ctx, slices.Concat(each(objs, brought)...))
	return each(objs, func(f *connect.Flow) (all []bank.Account) {
		for _, ref := range brought(f) {
			if a, ok := found[ref]; ok {
				all = append(all, a)
			}
		}
		return all
	}), err
}

// Bank finds the banks of flows, nil where none is chosen.
func (r flow) Bank(_ context.Context, objs []*connect.Flow) ([]*connect.Bank, error) {
	return each(objs, func(f *connect.Flow) *connect.Bank {
		if f.BankCode == nil {
			return nil
		}
		return r.bankOf(*f.BankCode, *f.BankCode)
	}), nil
}

// ConnectOrigins lists the origins whose pages may show the connect app.
func (r customer) ConnectOrigins(ctx context.Context, objs []*bank.Customer) ([][]string, error) {
	origins, err := r.mine(ctx).Origins(ctx)
	return each(objs, func(*bank.Customer) []string { return origins }), err // nobody sees another customer
}

// RegisterConnectOrigin lets the pages of an origin show the connect app.
func (r mutation) RegisterConnectOrigin(ctx context.Context, in generated.RegisterConnectOriginInput) (*generated.RegisterConnectOriginPayload, error) {
	origin, f := connect.CheckOrigin("origin", in.Origin)
	if f != nil {
		return nil, f
	}
	all, err := r.mine(ctx).AddOrigin(ctx, origin)
	return &generated.RegisterConnectOriginPayload{ConnectOrigins: all}, at("origin", err)
}

// RemoveConnectOrigin takes that back.
func (r mutation) RemoveConnectOrigin(ctx context.Context, in generated.RemoveConnectOriginInput) (*generated.RemoveConnectOriginPayload, error) {
	origin, f := connect.CheckOrigin("origin", in.Origin)
	if f != nil {
		return nil, f
	}
	all, err := r.mine(ctx).RemoveOrigin(ctx, origin)
	return &generated.RemoveConnectOriginPayload{ConnectOrigins: all}, at("origin", err)
}
