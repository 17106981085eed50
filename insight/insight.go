// Package insight holds the rules that are common to all insights: what an insight is, who is subscribed
// with which settings, when it is due, and what an evaluation gives. It is pure: values in, values out.
// The insights themselves are in insight/catalogue.
package insight

import (
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
)

// Type tells whether an insight looks at all of a consumer's accounts together or at each by itself.
type Type string

// The types.
const (
	Aggregate Type = "AGGREGATE"
	Other     Type = "OTHER"
)

// TriggerType tells what makes an insight be evaluated.
type TriggerType string

// The trigger types. So far only SCHEDULE starts anything by itself.
const (
	OnSchedule TriggerType = "SCHEDULE"
	OnRefresh  TriggerType = "REFRESH"
	OnEvent    TriggerType = "EVENT"
)

// EntityType is what an insight is about.
type EntityType string

// The entity types.
const (
	EntityAccount EntityType = "ACCOUNT"
	EntityView    EntityType = "VIEW"
)

// Frequency is how often a scheduled insight is evaluated.
type Frequency string

// The frequencies: DAILY every day, WEEKLY on Monday, MONTHLY on the first, MID_MONTHLY on the sixteenth.
const (
	Daily      Frequency = "DAILY"
	Weekly     Frequency = "WEEKLY"
	Monthly    Frequency = "MONTHLY"
	MidMonthly Frequency = "MID_MONTHLY"
)

// Frequencies lists all frequencies.
var Frequencies = []Frequency{Daily, Weekly, Monthly, MidMonthly}

// Duration is the window of days that an insight looks at.
type Duration string

// The durations: LAST_… are complete calendar months before the month of the evaluation.
const (
	ThisMonth        Duration = "THIS_MONTH"
	LastMonth        Duration = "LAST_MONTH"
	LastThreeMonths  Duration = "LAST_THREE_MONTHS"
	LastSixMonths    Duration = "LAST_SIX_MONTHS"
	LastTwelveMonths Duration = "LAST_TWELVE_MONTHS"
)

// Definition is one insight of the catalogue. Names, thresholds and rules are data, so a new insight changes
// no schema, table or task.
type Definition struct {
	Name        string
	Title       string
	Description string
	Type        Type
	Trigger     TriggerType
	Containers  []bank.Container
	Entities    []EntityType
	Frequency   Frequency   // default
	Frequencies []Frequency // others that may be chosen; none: fixed
	Duration    Duration    // default
	Durations   []Duration  // others that may be chosen; none: fixed
	Thresholds  []Threshold
	PerEntity   bool // a user may configure single accounts or views
	OnDemand    bool // may be triggered by mutation

	// Unmet is the reason given when the condition is not met. It tells no amounts: it may be shown to anyone.
	Unmet string

	// Evaluate finds what there is to tell. No finding means the condition is not met.
	// It is called with facts that are complete; it never sees another consumer's data.
	Evaluate func(Facts) []Finding
}

// ThresholdType is the unit of a threshold.
type ThresholdType string

// The threshold types.
const (
	Percent ThresholdType = "PERCENT"
	Number  ThresholdType = "NUMBER"
	Days    ThresholdType = "DAYS"
	Amount  ThresholdType = "AMOUNT"
)

// Threshold is a limit of an insight that can be set between its bounds, both included.
type Threshold struct {
	Name                      string
	Type                      ThresholdType
	Default, Minimum, Maximum decimal.Decimal
}

// Facts is everything an evaluation may look at, for one consumer, loaded before and converted to its currency.
type Facts struct {
	Consumer bank.Consumer
	Location *time.Location // of Consumer.TimeZone, for a caller that has it at hand; nil: looked up by name
	AsOf     time.Time
	Window   bank.Period
	Settings Configuration
	Accounts []bank.Account // the consumer's ACTIVE accounts of the insight's containers, by id
	Totals   []bank.MonthTotal
	Rates    []bank.Rate // the exchange rates that Totals rest on
}

// Finding is what an evaluation found: the content of a feed entry.
type Finding struct {
	Subject            string // "user", or the entity: together with insight and period the key of the duplicate check
	AccountIDs         []int64
	TransactionDerived *TransactionDerived
}

// SubjectUser is the subject of findings over all of a consumer's accounts.
const SubjectUser = "user"

// TransactionDerived is what transactions add up to. Amounts are in the consumer's currency.
type TransactionDerived struct {
	CreditTotal  bank.Money      `json:"creditTotal"`
	DebitTotal   bank.Money      `json:"debitTotal"`
	SpentPercent decimal.Decimal `json:"spentPercent"` // percent, two decimals
	Count        int             `json:"count"`        // transactions in the two totals
	Excluded     Excluded        `json:"excluded"`
	Rates        []bank.Rate     `json:"rates,omitempty"`
}

// Excluded is what was left out because it only moves between the consumer's own accounts.
type Excluded struct {
	CreditTotal bank.Money `json:"creditTotal"`
	DebitTotal  bank.Money `json:"debitTotal"`
	Count       int        `json:"count"`
}

// Outcome is what came of evaluating one insight for one consumer.
type Outcome string

// The outcomes. Only GENERATED and DUPLICATE are final within a period.
const (
	Generated        Outcome = "GENERATED"
	Duplicate        Outcome = "DUPLICATE"
	ConditionNotMet  Outcome = "CONDITION_NOT_MET"
	InsufficientData Outcome = "INSUFFICIENT_DATA"
	NotSubscribed    Outcome = "NOT_SUBSCRIBED"
	Failed           Outcome = "FAILED"
)

// Outcomes lists all outcomes.
var Outcomes = []Outcome{Generated, Duplicate, ConditionNotMet, InsufficientData, NotSubscribed, Failed}

// Entry is one entry of the feed. Settings and accounts are kept as they were when it was made.
type Entry struct {
	CustomerID         int64 `bun:",pk"`
	ConsumerID         int64 `bun:",pk"`
	ID                 int64 `bun:",pk,autoincrement"`
	Insight            string
	Title              string
	Type               Type
	Trigger            TriggerType
	Subject            string
	Occurrence         bank.Period         `bun:"embed:occurrence_"` // the period of the duplicate check, such as the calendar month
	Revision           int64               // 0, or the id of the run that overrode the duplicate check
	Window             bank.Period         `bun:"embed:window_"` // the days looked at
	Settings           Configuration       `bun:"type:jsonb"`
	Accounts           []EntryAccount      `bun:"type:jsonb"`
	TransactionDerived *TransactionDerived `bun:"type:jsonb"`
	CreatedAt          time.Time
}

// EntryAccount is an account as it was when an entry was made.
type EntryAccount struct {
	ID           bank.Ref           `json:"id"`
	ProviderName string             `json:"providerName"`
	Name         string             `json:"name"`
	Status       bank.AccountStatus `json:"status"`
	Type         string             `json:"type"`
	Container    bank.Container     `json:"container"`
}
