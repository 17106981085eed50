package tasks

import (
	"fmt"
	"time"

	"insightgraph/bank"
	"insightgraph/insight"
	"insightgraph/store"
)

// definition finds an insight by name; tests put their own in.
type definition func(name string) (insight.Definition, bool)

// days is the window over all consumers and requests of a shard.
func days(run insight.Run, define definition) func(store.Facts) bank.Period {
	return func(f store.Facts) bank.Period {
		all := bank.Period{From: 1 << 30, To: -1 << 30}
		for _, x := range f.Subjects {
			for _, request := range run.Requests {
				if d, ok := define(request.Insight); ok {
					settings, _ := settingsOf(d, f, x)
					w := insight.Window(settings.Duration, run.AsOf, location(x.Consumer))
					all.From, all.To = min(all.From, w.From), max(all.To, w.To)
				}
			}
		}
		return all
	}
}

// decide evaluates a shard's insights for each of its consumers. It is pure.
func decide(run insight.Run, f store.Facts, define definition) []store.Result {
	results := make([]store.Result, 0, len(f.Subjects)*len(run.Requests))
	for _, x := range f.Subjects {
		for _, request := range run.Requests {
			e := insight.Evaluation{CustomerID: x.Consumer.CustomerID, ConsumerID: x.Consumer.ID, RunID: run.ID, Insight: request.Insight, DataAt: x.Consumer.ChangedAt}
			d, ok := define(request.Insight)
			if !ok { // taken out of the catalogue since
				e.Outcome, e.Reason = insight.Failed, reason("The insight does not exist any more.")
				results = append(results, store.Result{Evaluation: e})
				continue
			}
			settings, subscribed := settingsOf(d, f, x)
			if run.Frequency != nil && settings.Frequency != *run.Frequency {
				continue // due in the run of another frequency
			}
			if !subscribed {
				e.Outcome, e.Reason = insight.NotSubscribed, reason("Switched off by the customer or the user.")
				results = append(results, store.Result{Evaluation: e})
				continue
			}
			facts, missing, err := factsOf(d, run, f, x, settings)
			if missing != nil {
				e.Outcome = insight.InsufficientData
				e.Reason = reason(fmt.Sprintf("There is no exchange rate from %s to %s on or before %s.", missing.From, missing.To, missing.Day))
				results = append(results, store.Result{Evaluation: e})
				continue
			}
			var entries []insight.Entry
			var why string
			if err == nil {
				entries, e.Outcome, why = insight.Evaluate(d, facts, insight.CustomerSubscription(d, f.Customer[d.Name]).Title)
			} else {
				e.Outcome, why = insight.Failed, "An amount is too large to be converted."
			}
			if why != "" {
				e.Reason = &why
			}
			for i := range entries {
				if request.Override {
					entries[i].Revision = run.ID
				}
			}
			results = append(results, store.Result{Evaluation: e, Entries: entries})
		}
	}
	return results
}

func reason(s string) *string { return &s }

func settingsOf(d insight.Definition, f store.Facts, x *store.Subject) (insight.Configuration, bool) {
	c := insight.Effective(d, f.Customer[d.Name], x.User[d.Name], d.Entities[0], nil)
	return c, c.IsSubscribed
}

// factsOf narrows what was loaded to one insight: its accounts and days, in the consumer's currency. missing is an
// exchange rate that there is not.
func factsOf(d insight.Definition, run insight.Run, f store.Facts, x *store.Subject, settings insight.Configuration) (facts insight.Facts, missing *bank.Rate, err error) {
	loc := location(x.Consumer)
	facts = insight.Facts{Consumer: x.Consumer, AsOf: run.AsOf, Location: loc, Settings: settings, Window: insight.Window(settings.Duration, run.AsOf, loc)}
	currencyOf := make(map[int64]bank.Currency, len(x.Accounts))
	for _, a := range x.Accounts {
		for _, c := range d.Containers {
			if a.Container == c {
				facts.Accounts = append(facts.Accounts, a)
				currencyOf[a.ID] = a.Currency
			}
		}
	}
	for _, m := range x.Totals {
		if _, counts := currencyOf[m.AccountID]; counts && facts.Window.Contains(m.Month) {
			facts.Totals = append(facts.Totals, m)
		}
	}
	if x.Foreign {
		facts.Totals, facts.Rates, missing, err = bank.Convert(facts.Totals, currencyOf, x.Consumer.Currency, f.Quotes)
	}
	return facts, missing, err
}

// location is a consumer's time zone; names are checked when they come in.
func location(c bank.Consumer) *time.Location {
	loc, err := loadLocation(c.TimeZone)
	if err != nil {
		return time.UTC
	}
	return loc
}
