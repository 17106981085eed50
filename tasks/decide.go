package tasks

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/store"
)

// definition finds an insight by name; tests put their own in.
type definition func(name string) (insight.Definition, bool)

// decider evaluates the insights of one shard. What is the same for many of its consumers it works out once.
type decider struct {
	run      insight.Run
	define   definition
	requests []asked
}

// asked is a request of the run with what holds where a user has set nothing.
type asked struct {
	insight.TriggerRequest
	definition insight.Definition
	known      bool // false: taken out of the catalogue since
	settings   insight.Configuration
	title      string
}

// days is the window over all consumers and requests of the shard.
func (d *decider) days(f store.Facts) bank.Period {
	d.requests = make([]asked, len(d.run.Requests))
	for i, r := range d.run.Requests {
		a := asked{TriggerRequest: r}
		if a.definition, a.known = d.define(r.Insight); a.known {
			customer := insight.CustomerSubscription(a.definition, f.Customer[r.Insight])
			a.title, a.settings = customer.Title, customer.Customer[0]
		}
		d.requests[i] = a
	}
	all := bank.Period{From: 1 << 30, To: -1 << 30}
	for _, x := range f.Subjects {
		loc := location(x.Consumer)
		for i := range d.requests {
			if a := &d.requests[i]; a.known {
				w := insight.Window(a.of(f, x).Duration, d.run.AsOf, loc)
				all.From, all.To = min(all.From, w.From), max(all.To, w.To)
			}
		}
	}
	return all
}

// of is the settings in force for a consumer.
func (a *asked) of(f store.Facts, x *store.Subject) insight.Configuration {
	if user, any := x.User[a.Insight]; any {
		return insight.Effective(a.definition, f.Customer[a.Insight], user, a.definition.Entities[0], nil)
	}
	return a.settings
}

// part is about how many results are made and stored at once. The first one is smaller: while it is made the database waits.
const firstPart, part = 100, 500

// decide evaluates the shard's insights for each of its consumers, part by part. It is pure, and comes after days.
func (d *decider) decide(f store.Facts) iter.Seq[[]store.Result] {
	return func(yield func([]store.Result) bool) {
		var results []store.Result
		size := firstPart
		for n, x := range f.Subjects {
			s := subject{x, location(x.Consumer), nil}
			for i := range d.requests {
				if x.Final(i) {
					continue
				}
				if r, due := d.evaluate(f, &s, &d.requests[i]); due {
					results = append(results, r)
				}
			}
			if len(results) >= size || n == len(f.Subjects)-1 {
				if !yield(results) {
					return
				}
				size = part
				results = make([]store.Result, 0, size+len(d.requests))
			}
		}
	}
}

// evaluate evaluates one insight for one consumer. due is false where it is due in the run of another frequency.
func (d *decider) evaluate(f store.Facts, s *subject, a *asked) (r store.Result, due bool) {
	e := &r.Evaluation
	*e = insight.Evaluation{CustomerID: s.Consumer.CustomerID, ConsumerID: s.Consumer.ID, RunID: d.run.ID, Insight: a.Insight, DataAt: s.Consumer.ChangedAt}
	if !a.known {
		e.Outcome, e.Reason = insight.Failed, reason("The insight does not exist any more.")
		return r, true
	}
	settings := a.of(f, s.Subject)
	if d.run.Frequency != nil && settings.Frequency != *d.run.Frequency {
		return r, false
	}
	if !settings.IsSubscribed {
		e.Outcome, e.Reason = insight.NotSubscribed, reason("Switched off by the customer or the user.")
		return r, true
	}
	v := s.view(f, a.definition.Containers, insight.Window(settings.Duration, d.run.AsOf, s.loc))
	if v.missing != nil {
		e.Outcome = insight.InsufficientData
		e.Reason = reason(fmt.Sprintf("There is no exchange rate from %s to %s on or before %s.", v.missing.From, v.missing.To, v.missing.Day))
		return r, true
	}
	if v.err != nil {
		e.Outcome, e.Reason = insight.Failed, reason("An amount is too large to be converted.")
		return r, true
	}
	var why string
	r.Entries, e.Outcome, why = insight.Evaluate(a.definition, insight.Facts{Consumer: s.Consumer, Location: s.loc, AsOf: d.run.AsOf, Window: v.window, Settings: settings,
		Accounts: v.accounts, Totals: v.totals, Rates: v.rates}, a.title)
	if why != "" {
		e.Reason = &why
	}
	if a.Override {
		for i := range r.Entries {
			r.Entries[i].Revision = d.run.ID
		}
	}
	return r, true
}

func reason(s string) *string { return &s }

// subject is a consumer with what its insights have looked at so far.
type subject struct {
	*store.Subject
	loc   *time.Location
	views []view
}

// view is what was loaded for a consumer, narrowed to some accounts and days and in the consumer's currency. Insights
// that look at the same share it.
type view struct {
	containers []bank.Container
	window     bank.Period
	accounts   []bank.Account
	totals     []bank.MonthTotal
	rates      []bank.Rate
	missing    *bank.Rate // an exchange rate that there is not
	err        error
}

func (s *subject) view(f store.Facts, containers []bank.Container, window bank.Period) *view {
	for i := range s.views {
		if v := &s.views[i]; v.window == window && slices.Equal(v.containers, containers) {
			return v
		}
	}
	v := view{containers: containers, window: window}
	v.accounts = narrow(s.Accounts, func(a *bank.Account) bool { return slices.Contains(containers, a.Container) })
	v.totals = narrow(s.Totals, func(m *bank.MonthTotal) bool {
		return window.Contains(m.Month) && holds(v.accounts, m.AccountID)
	})
	if s.Foreign {
		currencyOf := make(map[int64]bank.Currency, len(v.accounts))
		for _, a := range v.accounts {
			currencyOf[a.ID] = a.Currency
		}
		v.totals, v.rates, v.missing, v.err = bank.Convert(v.totals, currencyOf, s.Consumer.Currency, f.Quotes)
	}
	s.views = append(s.views, v)
	return &s.views[len(s.views)-1]
}

// narrow is the elements to keep: mostly all of them, and then nothing is copied.
func narrow[T any](all []T, keep func(*T) bool) []T {
	for i := range all {
		if keep(&all[i]) {
			continue
		}
		kept := append(make([]T, 0, len(all)-1), all[:i]...)
		for j := i + 1; j < len(all); j++ {
			if keep(&all[j]) {
				kept = append(kept, all[j])
			}
		}
		return kept
	}
	return all
}

func holds(accounts []bank.Account, id int64) bool {
	for i := range accounts { // an account is too large to be copied for each total
		if accounts[i].ID == id {
			return true
		}
	}
	return false
}

// location is a consumer's time zone; names are checked when they come in.
func location(c bank.Consumer) *time.Location {
	loc, err := loadLocation(c.TimeZone)
	if err != nil {
		return time.UTC
	}
	return loc
}
