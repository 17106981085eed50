// Package callback is how customers are told that something is done: what is sent, how it is signed, where it may go, and
// when it is tried again.
package callback

import (
	"encoding/json"
	"fmt"
	"time"

	"insightgraph/bank"
)

// Event is what a callback tells of.
type Event string

// The events.
const (
	Synchronized   Event = "DATA_SOURCES_SYNCHRONIZED"
	ReportFinished Event = "REPORT_FINISHED"
)

// Status is how a callback stands.
type Status string

// The statuses. A PENDING one is tried at the moment, or will be.
const (
	Pending   Status = "PENDING"
	Delivered Status = "DELIVERED"
	Failed    Status = "FAILED"
)

// Delivery is one callback.
type Delivery struct {
	CustomerID int64 `bun:",pk"`
	ConsumerID int64 `bun:",pk"`
	ID         int64 `bun:",pk,autoincrement"`
	Event      Event
	URL        string
	Body       string
	Status     Status
	Attempts   int // how often it was tried, or is being tried
	CreatedAt  time.Time
	FinishedAt *time.Time
	Tries      []Attempt `bun:"-"` // in order
}

// Ref names the callback.
func (d Delivery) Ref() bank.Ref {
	return bank.Ref{Kind: bank.KindDelivery, ConsumerID: d.ConsumerID, ID: d.ID}
}

// Attempt is one try. Nothing of the answer is kept but its number.
type Attempt struct {
	Number       int
	At           time.Time
	StatusCode   *int    // nil: no answer
	Problem      *string // one of those below; nil: it was taken
	Milliseconds int
}

// What can go wrong with a try.
const (
	Refused     = "address not allowed"
	NotFound    = "host not found"
	Unreachable = "not reachable"
	NoListener  = "connection refused"
	BadTLS      = "tls"
	TooSlow     = "timeout"
	Broken      = "connection broken"
	Redirected  = "redirect"
	NotTaken    = "status"      // not 2xx
	Interrupted = "interrupted" // our process ended in the middle; it may have been sent
	Unsigned    = "no secret"   // none of our encryption keys opens the customer's secret
)

// Filter says which callbacks are wanted; all given conditions must hold.
type Filter struct {
	ConsumerIDs []bank.Ref
	Events      []Event
	Statuses    []Status
}

// SourceStatus is a data source in a callback.
type SourceStatus struct {
	ID     bank.Ref `json:"id"`
	Status string   `json:"status"`
}

// SourcesBody tells that all data sources of a synchronisation are final.
func SourcesBody(handle *string, consumer bank.Ref, sources []SourceStatus) string {
	if sources == nil {
		sources = []SourceStatus{}
	}
	return body(struct {
		Event    Event          `json:"event"`
		Handle   *string        `json:"callbackHandle"`
		Consumer bank.Ref       `json:"consumerId"`
		Sources  []SourceStatus `json:"dataSources"`
	}{Synchronized, handle, consumer, sources})
}

// ReportBody tells that a report has its end.
func ReportBody(handle *string, report bank.Ref, status string) string {
	return body(struct {
		Event  Event    `json:"event"`
		Handle *string  `json:"callbackHandle"`
		Report bank.Ref `json:"reportId"`
		Status string   `json:"status"`
	}{ReportFinished, handle, report, status})
}

func body(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a callback's body is not JSON: %T", v)) // texts and ids always are
	}
	return string(text)
}

// waits are those between one try and the next: ten tries in 46 hours.
var waits = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// Longest is the longest wait, also where a receiver asks for a longer one.
const Longest = 24 * time.Hour

// Backoff is how long to wait after a try that went wrong, by its number from 1; again is false after the last.
func Backoff(attempt int) (wait time.Duration, again bool) {
	if attempt < 1 || attempt > len(waits) {
		return 0, false
	}
	return waits[attempt-1], true
}
