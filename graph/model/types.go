package model

import (
	"insightgraph/audit"
	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/connect"
	"insightgraph/insight"
	"insightgraph/page"
)

// Node is anything with an id.
type Node interface{ Ref() bank.Ref }

// The connections, after Relay.
type (
	ConsumerConnection    = page.Of[bank.Consumer]
	ConsumerEdge          = page.Edge[bank.Consumer]
	AccountConnection     = page.Of[bank.Account]
	AccountEdge           = page.Edge[bank.Account]
	TransactionConnection = page.Of[bank.Transaction]
	TransactionEdge       = page.Edge[bank.Transaction]
	FeedEntryConnection   = page.Of[insight.Entry]
	FeedEntryEdge         = page.Edge[insight.Entry]
	EvaluationConnection  = page.Of[insight.Evaluation]
	EvaluationEdge        = page.Edge[insight.Evaluation]
	BankConnection        = page.Of[connect.Bank]
	BankEdge              = page.Edge[connect.Bank]
	ReportConnection      = page.Of[Report]
	ReportEdge            = page.Edge[Report]
	DeliveryConnection    = page.Of[callback.Delivery]
	DeliveryEdge          = page.Edge[callback.Delivery]
	EventConnection       = page.Of[audit.Event]
	EventEdge             = page.Edge[audit.Event]
)

// TransactionDerived is an entry's totals together with the entry's id, which says where the transactions behind them are.
type TransactionDerived struct {
	*insight.TransactionDerived
	Entry bank.Ref
}

// CustomerSubscription shows a subscription at customer level.
type CustomerSubscription struct{ insight.Subscription }

// UserSubscription shows a subscription at user level.
type UserSubscription struct{ insight.Subscription }

// The fields of a subscription, in the reference product's names.

func (s CustomerSubscription) InsightName() string                            { return s.Definition.Name }
func (s CustomerSubscription) InsightTitle() string                           { return s.Title }
func (s CustomerSubscription) InsightType() insight.Type                      { return s.Definition.Type }
func (s CustomerSubscription) TriggerType() insight.TriggerType               { return s.Definition.Trigger }
func (s CustomerSubscription) Containers() []bank.Container                   { return s.Definition.Containers }
func (s CustomerSubscription) Description() string                            { return s.Definition.Description }
func (s CustomerSubscription) ApplicableEntity() []insight.EntityType         { return s.Definition.Entities }
func (s CustomerSubscription) CustomerConfiguration() []insight.Configuration { return s.Customer }

func (s UserSubscription) InsightName() string                            { return s.Definition.Name }
func (s UserSubscription) InsightTitle() string                           { return s.Title }
func (s UserSubscription) InsightType() insight.Type                      { return s.Definition.Type }
func (s UserSubscription) TriggerType() insight.TriggerType               { return s.Definition.Trigger }
func (s UserSubscription) Containers() []bank.Container                   { return s.Definition.Containers }
func (s UserSubscription) Description() string                            { return s.Definition.Description }
func (s UserSubscription) ApplicableEntity() []insight.EntityType         { return s.Definition.Entities }
func (s UserSubscription) UserConfiguration() []insight.Configuration     { return s.User }
func (s UserSubscription) CustomerConfiguration() []insight.Configuration { return s.Customer }
