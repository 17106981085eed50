package insight

import (
	"time"

	"insightgraph/bank"
)

// RunKind tells why a run exists.
type RunKind string

// The kinds.
const (
	Scheduled RunKind = "SCHEDULED"
	OnDemand  RunKind = "ON_DEMAND"
)

// RunStatus is how far a run is.
type RunStatus string

// The statuses.
const (
	RunQueued    RunStatus = "QUEUED"
	RunRunning   RunStatus = "RUNNING"
	RunSucceeded RunStatus = "SUCCEEDED"
	RunFailed    RunStatus = "FAILED"
)

// Run is the evaluation of insights for one moment over many consumers, or for one. A scheduled run holds all insights
// that can be due together.
type Run struct {
	CustomerID                   int64 `bun:",pk"`
	ID                           int64 `bun:",pk,autoincrement"`
	Kind                         RunKind
	Frequency                    *Frequency       // of scheduled runs: only consumers whose setting it is
	Requests                     []TriggerRequest `bun:"type:jsonb"` // what to evaluate
	ConsumerID                   *int64           // the only consumer, nil: all
	TimeZone                     *string          // of scheduled runs: only consumers of this zone
	OccurrenceFrom, OccurrenceTo *bank.Date       // of scheduled runs: the period that they are due in
	AsOf                         time.Time
	Status                       RunStatus
	RequestedAt                  time.Time
	FinishedAt                   *time.Time
}

// Ref names the run.
func (r Run) Ref() bank.Ref {
	ref := bank.Ref{Kind: bank.KindRun, ID: r.ID}
	if r.ConsumerID != nil {
		ref.ConsumerID = *r.ConsumerID
	}
	return ref
}

// TriggerRequest asks for one insight.
type TriggerRequest struct {
	Insight  string          `json:"insight"`
	Override bool            `json:"override,omitempty"` // make a new entry though the period has one
	Entities []TriggerEntity `json:"entities,omitempty"`
}

// TriggerEntity narrows a request to an entity type, or to single entities.
type TriggerEntity struct {
	EntityType string   `json:"entityType"`
	EntityIDs  []string `json:"entityIds,omitempty"`
}

// Evaluation is what came of one insight for one consumer in one run.
type Evaluation struct {
	CustomerID  int64  `bun:",pk"`
	ConsumerID  int64  `bun:",pk"`
	RunID       int64  `bun:",pk"`
	Insight     string `bun:",pk"`
	Outcome     Outcome
	Reason      *string
	EntryID     *int64 // the new entry, or the one that it would double
	EvaluatedAt time.Time
	DataAt      time.Time // the consumer's ChangedAt when it was evaluated
}

// Ref names the entry.
func (e Entry) Ref() bank.Ref {
	return bank.Ref{Kind: bank.KindEntry, ConsumerID: e.ConsumerID, ID: e.ID}
}

// Configurations is the settings as the list that the reference product shows.
func (e Entry) Configurations() []Configuration { return []Configuration{e.Settings} }
