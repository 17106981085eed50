package category

import (
	"math"
	"strings"
	"time"

	"insightgraph/bank"
)

// CustomerRule is a rule as a customer keeps it.
type CustomerRule struct {
	Rule
	CustomerID, ID int64
	CreatedAt      time.Time
}

// Ref names the rule.
func (r CustomerRule) Ref() bank.Ref { return bank.Ref{Kind: bank.KindRule, ID: r.ID} }

// Leads is the category that the rule leads to.
func (r CustomerRule) Leads() Category {
	c, _ := ByID(r.Category)
	return c
}

// Side is the direction that the rule asks for, nil for either.
func (r CustomerRule) Side() *bank.BaseType {
	if r.BaseType == "" {
		return nil
	}
	return &r.BaseType
}

// Fired is how the rule shows in Answer.Rule.
func (r Rule) Fired() string { return "rule " + r.Name }

// InputOf is what a transaction of an account with an IBAN, which may be unknown, tells by itself.
func InputOf(t bank.Transaction, iban *string) Input {
	in := Input{Transaction: t, Country: CountryOf(iban)}
	if t.BankCode == nil {
		return in
	}
	if code := *t.BankCode; len(code) == 3 {
		in.GVC = code
	} else if parts := strings.SplitN(code, "-", 3); len(parts) == 3 {
		in.BankCode = BankCode{parts[0], parts[1], parts[2]}
	}
	return in
}

// Percent is the confidence as it is stored.
func (a Answer) Percent() int { return int(math.Round(a.Confidence * 100)) }

// Vague tells of a key of Similar that nothing was found in common but the direction: no text, or none in letters that we
// know. Nothing can be learned from it.
func Vague(key string) bool { return strings.HasSuffix(strings.TrimSpace(key), " text") }

// Readable tells whether a rule's text has anything to look for.
func Readable(text string) bool { return words(text) != "" }
