package graph

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/graph/model"
	"insightgraph/page"
	"insightgraph/report"
	"insightgraph/store"
)

// Builder builds a report that waits, unless a worker has it; it is of use when that takes no longer than a caller waits.
type Builder interface {
	Do(ctx context.Context, id int64) (done bool, err error)
}

// Viewer makes the links under which reports can be looked at.
type Viewer interface {
	Link(customerID int64, report bank.Ref, until time.Time) (page, pdf string)
}

// ReportDefinitions lists the kinds of reports.
func (query) ReportDefinitions(context.Context) ([]report.Definition, error) { return report.All, nil }

// Case finds a case.
func (r query) Case(ctx context.Context, id bank.Ref) (*report.Case, error) {
	return maybe(r.mine(ctx).Case(ctx, id))
}

// Report finds a report.
func (r query) Report(ctx context.Context, id bank.Ref) (model.Report, error) {
	found, err := maybe(r.mine(ctx).Report(ctx, id))
	if found == nil {
		return nil, err
	}
	return r.report(ctx, *found)
}

// Reports lists reports.
func (r query) Reports(ctx context.Context, filter *report.Filter, first *int, after *string, last *int, before *string) (*page.Of[model.Report], error) {
	f := orZero(filter)
	a, err := pageArgs(page.IsMomentKey, first, after, last, before)
	if err := append(f.Check("filter"), fault.Of(err)...).Err(); err != nil {
		return nil, err
	}
	if err := onlyOwn(ctx, "filter.consumerIds", f.ConsumerIDs); err != nil {
		return nil, err
	}
	p, err := r.mine(ctx).Reports(ctx, f, a)
	if err != nil {
		return nil, err
	}
	all, err := r.reports(ctx, p.Nodes)
	return page.With(p, all), err
}

// report shows one report.
func (r *Resolver) report(ctx context.Context, one report.Report) (model.Report, error) {
	all, err := r.reports(ctx, []report.Report{one})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// reports shows reports: it decodes their results, and finds their consumers and cases.
func (r *Resolver) reports(ctx context.Context, rows []report.Report) ([]model.Report, error) {
	if len(rows) == 0 {
		return []model.Report{}, nil
	}
	reads := r.mine(ctx).Reads()
	consumers, cases := reads.Consumers(each(rows, func(x report.Report) int64 { return x.ConsumerID })), reads.CasesByRef(each(rows, caseRef))
	err := reads.Send(ctx)
	if err != nil {
		return nil, err
	}
	results, used := make([]report.Result, len(rows)), make([]store.Used, len(rows))
	for i, x := range rows {
		if results[i], err = decoded(x); err != nil {
			return nil, err
		}
		used[i] = store.Used{ConsumerID: x.ConsumerID, Selection: results[i].Head().Used}
	}
	lists := &usedLists{r: r, of: used}
	shown := make([]model.Report, len(rows))
	for i, x := range rows {
		owner, known := consumers.Map()[x.ConsumerID]
		file, filed := cases.Map()[caseRef(x)]
		if !known || !filed {
			return nil, changed
		}
		shown[i] = model.NewReport(model.Filed{Stored: x, Owner: owner, File: file, List: lists.of1(i), Args: transactionArgs}, results[i])
	}
	return shown, nil
}

func caseRef(x report.Report) bank.Ref {
	return report.Case{ConsumerID: x.ConsumerID, ID: x.CaseID}.Ref()
}

func decoded(x report.Report) (report.Result, error) {
	d, ok := report.ByType(x.Type)
	if !ok {
		return nil, fmt.Errorf("show a report: no type %s", x.Type)
	}
	if x.Status != report.Succeeded {
		return d.Pending(x.Period), nil
	}
	if x.Result == nil { // erased between two questions
		return nil, changed
	}
	return d.Decode(x.Result)
}

// usedLists lists the transactions of reports that were found together, by one statement for each set of arguments.
type usedLists struct {
	r    *Resolver
	of   []store.Used
	done sync.Map // arguments -> *usedList
}

type usedList struct {
	once  sync.Once
	pages []*page.Of[bank.Transaction]
	err   error
}

func (l *usedLists) of1(i int) func(context.Context, bank.TransactionFilter, page.Args) (*page.Of[bank.Transaction], error) {
	return func(ctx context.Context, f bank.TransactionFilter, a page.Args) (*page.Of[bank.Transaction], error) {
		key := fmt.Sprintf("%s %+v", place(ctx), a)
		if a.Cursor != nil {
			key += a.Cursor.String()
		}
		entry, _ := l.done.LoadOrStore(key, &usedList{})
		list := entry.(*usedList)
		list.once.Do(func() {
			list.pages, list.err = l.r.mine(ctx).UsedTransactions(ctx, l.of, f, a)
			if list.err == nil {
				rememberPages(ctx, list.pages...)
			}
		})
		if list.err != nil {
			return nil, list.err
		}
		return list.pages[i], nil
	}
}

// CreateCase makes a case.
func (r mutation) CreateCase(ctx context.Context, in generated.CreateCaseInput) (*generated.CreateCasePayload, error) {
	n := store.NewCase{Consumer: &in.ConsumerID, DataSources: in.DataSourceIds, Accounts: in.AccountIds, Excluded: in.ExcludedAccountIds, From: in.From, To: in.To, Days: in.Days}
	if faults := checkCase(n); faults != nil {
		return nil, faults
	}
	c, err := r.mine(ctx).CreateCase(ctx, n, in.IdempotencyKey)
	return &generated.CreateCasePayload{Case: c}, at("consumerId", err)
}

// checkCase refuses lists that are too long, and empty ones, which could be meant as all or as none.
func checkCase(n store.NewCase) error {
	var faults fault.Many
	for _, list := range []struct {
		field string
		ids   []bank.Ref
	}{{"dataSourceIds", n.DataSources}, {"accountIds", n.Accounts}, {"excludedAccountIds", n.Excluded}} {
		if list.ids != nil && len(list.ids) == 0 {
			faults.Add(fault.Invalid(list.field, "Invalid value for %s; name some, or leave it out", list.field))
		}
		if len(list.ids) > connect.MaxSelected {
			faults.Add(fault.New(fault.TooMany, list.field, "At most %d ids are allowed", connect.MaxSelected))
		}
	}
	return faults.Err()
}

// CreateReport makes a report. A small one is built before the answer; a larger one is for a worker.
func (r mutation) CreateReport(ctx context.Context, in generated.CreateReportInput) (*generated.CreateReportPayload, error) {
	n := store.NewReport{Case: in.CaseID, NewCase: store.NewCase{Consumer: in.ConsumerID, DataSources: in.DataSourceIds, Accounts: in.AccountIds, Excluded: in.ExcludedAccountIds,
		From: in.From, To: in.To, Days: in.Days}, Request: report.Request{Type: string(in.Type), CallbackURL: in.CallbackURL, CallbackHandle: in.CallbackHandle,
		Limits: each(in.ShoppingLimits, func(l generated.ShoppingLimitInput) report.Limit {
			return report.Limit{Group: l.Group, MonthlyAmount: bank.Money{Amount: l.MonthlyAmount.Amount, Currency: l.MonthlyAmount.Currency}}
		})}}
	faults := append(fault.Many(fault.Of(checkCase(n.NewCase))), r.checkCallback(in.CallbackURL, nil)...)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	made, rows, err := r.mine(ctx).CreateReport(ctx, n, in.IdempotencyKey)
	if err != nil {
		return nil, at("caseId", err)
	}
	if made, err = r.build(ctx, made, rows); err != nil {
		return nil, err
	}
	shown, err := r.report(ctx, made)
	return &generated.CreateReportPayload{Report: shown}, err
}

// build brings a report on its way and tells how it is then.
func (r *Resolver) build(ctx context.Context, made report.Report, rows int) (report.Report, error) {
	apart := context.WithoutCancel(ctx)
	switch {
	case made.Status != report.Queued:
		return made, nil
	case rows > report.AtOnce:
		r.Queue.WakeReports(apart, []int64{made.ID})
		return made, nil
	}
	short, cancel := context.WithTimeout(apart, time.Minute) // a caller who goes away is no failure of the build
	defer cancel()
	done, failed := r.Builder.Do(short, made.ID)
	if failed != nil { // it is tried again later
		r.Queue.WakeReports(apart, []int64{made.ID})
	}
	// The builder is nobody's request: a replica must have what the answer shows.
	if err := r.Store.Wrote(apart, auth.From(ctx).Customer.ID); err != nil {
		return made, err
	}
	if made.CallbackURL != nil {
		r.Queue.Deliver(apart)
	}
	for look := 0; ; look++ { // somebody else may have it, such as a call that this one repeats
		now, err := r.mine(ctx).Report(ctx, made.Ref())
		if done || failed != nil || err != nil || now.Status == report.Succeeded || now.Status == report.Failed || look == buildLooks {
			return now, err
		}
		time.Sleep(buildLook)
	}
}

// How often, and how long after each other, a caller looks for a report that somebody else builds.
const buildLooks, buildLook = 40, 25 * time.Millisecond

// The bounds of createReportLink, in minutes.
const defaultLink, maxLink = 15, 24 * 60

// CreateReportLink makes links to a report.
func (r mutation) CreateReportLink(ctx context.Context, in generated.CreateReportLinkInput) (*generated.CreateReportLinkPayload, error) {
	var faults fault.Many
	minutes := defaultLink
	if in.Minutes != nil {
		minutes = *in.Minutes
	}
	if minutes < 1 || minutes > maxLink {
		faults.Add(fault.Invalid("minutes", "Invalid value for minutes; it must be from 1 to %d", maxLink))
	}
	if len(faults) > 0 { // is the id a fault too?
		_, err := r.mine(ctx).Report(ctx, in.ReportID)
		return nil, fault.Beside(at("reportId", err), faults)
	}
	answer := &generated.CreateReportLinkPayload{ExpiresAt: r.Store.Now().Add(time.Duration(minutes) * time.Minute)}
	answer.URL, answer.PDFURL = r.Viewer.Link(auth.From(ctx).Customer.ID, in.ReportID, answer.ExpiresAt)
	err := r.mine(ctx).Also(answer).LinkReport(ctx, in.ReportID)
	return answer, at("reportId", err)
}

// Consumer finds the consumers of cases.
func (r casefile) Consumer(ctx context.Context, objs []*report.Case) ([]*bank.Consumer, error) {
	return consumersOf(ctx, r.Resolver, objs, func(c *report.Case) int64 { return c.ConsumerID })
}

// refsOf names things of a case by their ids.
func refsOf(kind bank.Kind, c *report.Case, ids []int64) []bank.Ref {
	return each(ids, func(id int64) bank.Ref { return bank.Ref{Kind: kind, ConsumerID: c.ConsumerID, ID: id} })
}

// Accounts finds the accounts of cases; those that were erased meanwhile are left out.
func (r casefile) Accounts(ctx context.Context, objs []*report.Case) ([][]bank.Account, error) {
	of := func(c *report.Case) []bank.Ref { return refsOf(bank.KindAccount, c, c.AccountIDs) }
	found, err := r.mine(ctx).AccountsByRef(ctx, slices.Concat(each(objs, of)...))
	return each(objs, func(c *report.Case) []bank.Account { return those(found, of(c)) }), err
}

// DataSources finds the data sources that cases were made of.
func (r casefile) DataSources(ctx context.Context, objs []*report.Case) ([][]connect.DataSource, error) {
	of := func(c *report.Case) []bank.Ref { return refsOf(bank.KindSource, c, c.DataSourceIDs) }
	found, err := r.mine(ctx).DataSourcesByRef(ctx, slices.Concat(each(objs, of)...))
	return each(objs, func(c *report.Case) []connect.DataSource { return those(found, of(c)) }), err
}

// those are the values of keys that are there.
func those[K comparable, V any](found map[K]V, keys []K) []V {
	out := []V{}
	for _, k := range keys {
		if v, ok := found[k]; ok {
			out = append(out, v)
		}
	}
	return out
}

// Reports finds the reports of cases.
func (r casefile) Reports(ctx context.Context, objs []*report.Case) ([][]model.Report, error) {
	of := func(c *report.Case) bank.Ref { return c.Ref() }
	found, err := r.mine(ctx).ReportsOfCases(ctx, each(objs, of))
	if err != nil {
		return nil, err
	}
	shown, err := r.reports(ctx, slices.Concat(each(objs, func(c *report.Case) []report.Report { return found[c.Ref()] })...))
	if err != nil {
		return nil, err
	}
	return each(objs, func(c *report.Case) (own []model.Report) {
		n := len(found[c.Ref()])
		own, shown = shown[:n], shown[n:]
		return own
	}), nil
}
