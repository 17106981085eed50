package insight

import "github.com/govalues/decimal"

// Configuration is the settings in force for one entity type (or one entity).
type Configuration struct {
	EntityType   EntityType       `json:"entityType"`
	EntityID     *string          `json:"entityId,omitempty"`
	IsSubscribed bool             `json:"isSubscribed"`
	Frequency    Frequency        `json:"frequency"`
	Duration     Duration         `json:"duration"`
	Threshold    []ThresholdValue `json:"threshold,omitempty"`
}

// ThresholdValue is a threshold with the value in force.
type ThresholdValue struct {
	Name  string          `json:"name"`
	Type  ThresholdType   `json:"type"`
	Value decimal.Decimal `json:"value"`
}

// Override is what a customer or a user has set differently for an entity type or a single entity. Nil means: as below.
type Override struct {
	EntityType   EntityType       `json:"entityType"`
	EntityID     *string          `json:"entityId,omitempty"`
	IsSubscribed *bool            `json:"isSubscribed,omitempty"`
	Frequency    *Frequency       `json:"frequency,omitempty"`
	Duration     *Duration        `json:"duration,omitempty"`
	Threshold    []ThresholdValue `json:"threshold,omitempty"`
}

// Settings is what one level, customer or user, has set for one insight. The zero value is: nothing.
// The levels are stored as they are, never merged.
type Settings struct {
	Title     *string    `json:"title,omitempty"` // customers only
	Overrides []Override `json:"overrides,omitempty"`
}

// Empty tells whether nothing is set.
func (s Settings) Empty() bool { return s.Title == nil && len(s.Overrides) == 0 }

// Subscription is an insight as a customer or a user is subscribed to it.
type Subscription struct {
	Definition Definition
	Title      string
	Customer   []Configuration // one per entity type of the insight
	User       []Configuration // empty when read at customer level
}

// SubscriptionChange is one element of an update as a client sent it: nothing has been checked yet.
// Every text may hold anything; nil means left out.
type SubscriptionChange struct {
	InsightName           *string
	InsightTitle          *string
	InsightType           *string
	TriggerType           *string
	Containers            []string
	Description           *string
	ApplicableEntity      []string
	CustomerConfiguration []ConfigurationChange
	UserConfiguration     []ConfigurationChange
}

// ConfigurationChange is the change of one entity type's settings.
type ConfigurationChange struct {
	EntityType   *string
	EntityID     *string
	IsSubscribed *string // "true", "false" or whatever was sent
	Frequency    *string
	Duration     *string
	Threshold    []ThresholdChange
}

// ThresholdChange is a threshold as sent.
type ThresholdChange struct{ Name, Type, Value *string }
