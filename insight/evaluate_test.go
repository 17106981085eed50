package insight_test

import (
	"slices"
	"strings"
	"testing"

	"insightgraph/bank"
	"insightgraph/insight"
)

func evaluated(found ...insight.Finding) insight.Definition {
	return insight.Definition{Name: "MADE_UP", Title: "Made up", Type: insight.Other, Trigger: insight.OnSchedule, Unmet: "Nothing to tell.",
		Evaluate: func(insight.Facts) []insight.Finding { return found }}
}

func facts(t *testing.T) insight.Facts {
	return insight.Facts{
		Consumer: bank.Consumer{CustomerID: 1, ID: 2, TimeZone: "Pacific/Kiritimati", Currency: "EUR"},
		AsOf:     instant(t, "2024-02-29T10:30:00Z"),
		Window:   bank.Period{From: day(t, "2024-02-01"), To: day(t, "2024-02-29")},
		Settings: insight.Configuration{EntityType: insight.EntityAccount, IsSubscribed: true, Frequency: insight.Monthly},
		Accounts: []bank.Account{{ConsumerID: 2, ID: 12, Name: "C"}, {ConsumerID: 2, ID: 11, Name: "B"}, {ConsumerID: 2, ID: 10, Name: "A"}},
	}
}

func TestEvaluateFillsTheEntry(t *testing.T) {
	f := facts(t)
	derived := &insight.TransactionDerived{Count: 3}
	entries, outcome, reason := insight.Evaluate(evaluated(
		insight.Finding{Subject: "10", AccountIDs: []int64{12, 10, 10, 99}, TransactionDerived: derived},
		insight.Finding{Subject: "11"},
	), f, "The title")
	if outcome != insight.Generated || reason != "" || len(entries) != 2 {
		t.Fatalf("%s %q, %d entries", outcome, reason, len(entries))
	}
	e := entries[0]
	if e.CustomerID != 1 || e.ConsumerID != 2 || e.ID != 0 || e.Insight != "MADE_UP" || e.Title != "The title" ||
		e.Type != insight.Other || e.Trigger != insight.OnSchedule || e.Subject != "10" || e.Window != f.Window ||
		e.Settings.Frequency != insight.Monthly || e.TransactionDerived != derived || e.Revision != 0 || !e.CreatedAt.IsZero() {
		t.Errorf("envelope %+v", e)
	}
	if want := (bank.Period{From: day(t, "2024-03-01"), To: day(t, "2024-03-31")}); e.Occurrence != want {
		t.Errorf("occurrence %v, want %v: the consumer's month, not UTC's", e.Occurrence, want)
	}
	var names []string
	for _, a := range e.Accounts {
		names = append(names, a.Name)
	}
	if !slices.Equal(names, []string{"A", "C"}) {
		t.Errorf("accounts %v", names)
	}
	if len(entries[1].Accounts) != 0 {
		t.Errorf("accounts %v of a finding that names none", entries[1].Accounts)
	}
	f.Location = zone(t, "Pacific/Pago_Pago")
	if entries, _, _ := insight.Evaluate(evaluated(insight.Finding{}), f, ""); entries[0].Occurrence.From != day(t, "2024-02-01") {
		t.Errorf("a given location is not used: %v", entries[0].Occurrence)
	}
}

func TestEvaluateWithoutEntry(t *testing.T) {
	silent := evaluated()
	silent.Unmet = ""
	broken := evaluated()
	broken.Evaluate = func(insight.Facts) []insight.Finding { panic("balance 4711.00") }
	nowhere := facts(t)
	nowhere.Consumer.TimeZone = "Nowhere/Land"
	for name, c := range map[string]struct {
		definition insight.Definition
		facts      insight.Facts
		outcome    insight.Outcome
		reason     string
	}{
		"not met":            {evaluated(), facts(t), insight.ConditionNotMet, "Nothing to tell."},
		"not met, no reason": {silent, facts(t), insight.ConditionNotMet, "The condition is not met."},
		"panic":              {broken, facts(t), insight.Failed, "internal error"},
		"no rule":            {insight.Definition{}, facts(t), insight.Failed, "internal error"},
		"unknown zone":       {evaluated(insight.Finding{}), nowhere, insight.Failed, "unknown time zone"},
	} {
		entries, outcome, reason := insight.Evaluate(c.definition, c.facts, "")
		if len(entries) != 0 || outcome != c.outcome || reason != c.reason || strings.Contains(reason, "4711") {
			t.Errorf("%s: %d entries, %s %q", name, len(entries), outcome, reason)
		}
	}
}
