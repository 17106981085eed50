package insight

import (
	"cmp"
	"slices"
	"time"

	"insightgraph/bank"
)

// Evaluate evaluates one insight for one consumer and gives its entries without id and time, the outcome GENERATED,
// CONDITION_NOT_MET or FAILED, and the reason of the latter two. title is the title in force. A definition that panics
// makes no entry; the reason does not repeat the panic, which may hold account data.
func Evaluate(d Definition, f Facts, title string) (entries []Entry, outcome Outcome, reason string) {
	defer func() {
		if recover() != nil {
			entries, outcome, reason = nil, Failed, "internal error"
		}
	}()
	loc := f.Location
	if loc == nil {
		var err error
		if loc, err = time.LoadLocation(f.Consumer.TimeZone); err != nil {
			return nil, Failed, "unknown time zone"
		}
	}
	for _, finding := range d.Evaluate(f) {
		entries = append(entries, Entry{
			CustomerID:         f.Consumer.CustomerID,
			ConsumerID:         f.Consumer.ID,
			Insight:            d.Name,
			Title:              title,
			Type:               d.Type,
			Trigger:            d.Trigger,
			Subject:            finding.Subject,
			Occurrence:         Occurrence(f.Settings.Frequency, f.AsOf, loc),
			Window:             f.Window,
			Settings:           f.Settings,
			Accounts:           snapshot(f.Accounts, finding.AccountIDs),
			TransactionDerived: finding.TransactionDerived,
		})
	}
	if len(entries) == 0 {
		return nil, ConditionNotMet, cmp.Or(d.Unmet, "The condition is not met.")
	}
	return entries, Generated, ""
}

// snapshot is the named accounts as they are now, by id, each once.
func snapshot(accounts []bank.Account, ids []int64) []EntryAccount {
	named := make(map[int64]bool, len(ids))
	for _, id := range ids {
		named[id] = true
	}
	var kept []EntryAccount
	for _, a := range accounts {
		if named[a.ID] {
			kept = append(kept, EntryAccount{
				ID:           a.Ref(),
				ProviderName: a.ProviderName,
				Name:         a.Name,
				Status:       a.Status,
				Type:         a.Type,
				Container:    a.Container,
			})
		}
	}
	slices.SortFunc(kept, func(a, b EntryAccount) int { return cmp.Compare(a.ID.ID, b.ID.ID) })
	return kept
}
