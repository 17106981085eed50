package connect

import (
	"slices"
	"time"

	"insightgraph/bank"
)

// SourceStatus is how far the data of a source is up to date.
type SourceStatus string

// The statuses. UPDATE_REQUIRED: the consumer must link the bank again.
const (
	SourcePending        SourceStatus = "PENDING"
	SourceSuccessful     SourceStatus = "SUCCESSFUL"
	SourceError          SourceStatus = "ERROR"
	SourceUpdateRequired SourceStatus = "UPDATE_REQUIRED"
)

// DataSource is where data of a consumer comes from: a bank that was linked, or the customer itself, by API or file. It says
// how the last synchronisation went.
type DataSource struct {
	CustomerID int64   `bun:",pk"`
	ConsumerID int64   `bun:",pk"`
	ID         int64   `bun:",pk,autoincrement"`
	BankCode   *string // nil: own data
	BankName   string
	Status     SourceStatus
	Problem    *Category
	RefreshID  *int64 // that is waited for, while PENDING
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Ref names the source.
func (d DataSource) Ref() bank.Ref {
	return bank.Ref{Kind: bank.KindSource, ConsumerID: d.ConsumerID, ID: d.ID}
}

// Set notes how a source is.
func (d *DataSource) Set(status SourceStatus, problem *Category, now time.Time) {
	d.Status, d.Problem, d.RefreshID, d.UpdatedAt = status, problem, nil, now
}

// What counts as up to date. A bank may be asked four times a day under a consent, so it is asked anew after a quarter of
// one, even where it told nothing of an account that it has closed. What was linked without a consent cannot be asked again at all; it holds for a day.
const (
	freshFor     = 24 * time.Hour / MaxUnattended
	freshWithout = 24 * time.Hour
)

// Linked is what is known of an account of a source that is a bank.
type Linked struct {
	Consent     *Consent // under which it can be fetched; nil: none was stored
	RefreshedAt time.Time
}

// Synchronise decides what a source that is a bank needs: to be fetched, with those consents, or nothing, and then how it
// is.
func (d *DataSource) Synchronise(accounts []Linked, now time.Time) (fetch []Consent) {
	status, problem := SourceSuccessful, (*Category)(nil)
	asked := map[int64]time.Time{} // by consent
	for _, a := range accounts {
		if a.Consent != nil && a.RefreshedAt.After(asked[a.Consent.ID]) {
			asked[a.Consent.ID] = a.RefreshedAt
		}
	}
	for _, a := range accounts {
		switch {
		case a.Consent == nil && now.Sub(a.RefreshedAt) < freshWithout:
		case a.Consent == nil:
			status, problem = SourceUpdateRequired, new(ConsentMissing)
		case a.Consent.Usable(now) != nil:
			status, problem = SourceUpdateRequired, new(a.Consent.Usable(now).Category)
		case now.Sub(asked[a.Consent.ID]) >= freshFor && !slices.ContainsFunc(fetch, func(c Consent) bool { return c.ID == a.Consent.ID }):
			fetch = append(fetch, *a.Consent)
		}
	}
	if status == SourceUpdateRequired { // what can be fetched is not all
		fetch = nil
	}
	d.Set(status, problem, now)
	return fetch
}

// Fetched decides how a source is after the fetch that it waited for.
func (d *DataSource) Fetched(problem *Category, now time.Time) {
	switch {
	case problem == nil:
		d.Set(SourceSuccessful, nil, now)
	case problem.Top() == "CONSENT" || problem.Top() == "USER":
		d.Set(SourceUpdateRequired, problem, now)
	default:
		d.Set(SourceError, problem, now)
	}
}
