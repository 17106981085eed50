package category

import (
	"bytes"
	"strings"

	"insightgraph/bank"
)

// Rule is one of a customer's own. What it leaves empty does not matter; all that it says must hold.
type Rule struct {
	Name     string
	Text     string        // words that follow each other in counterparty or description; a * at the end lets the last go on
	IBAN     string        // of the counterparty
	MCC      string        // merchant code
	BaseType bank.BaseType // direction
	Category int
	Merchant string // its name, if the rule is about one
}

// Rules are a customer's, in their order: the first that fits decides. Nil is no rules.
type Rules struct {
	rules []Rule
	texts []string
}

// NewRules makes rules ready. A rule that asks for nothing, or leads to no category, never fires.
func NewRules(rules []Rule) *Rules {
	r := &Rules{}
	for _, rule := range rules {
		text := words(rule.Text)
		if _, ok := byID[rule.Category]; !ok || text == "" && rule.IBAN == "" && rule.MCC == "" {
			continue
		}
		if text != "" && strings.HasSuffix(rule.Text, "*") {
			text = " " + text
		} else if text != "" {
			text = " " + text + " "
		}
		rule.IBAN = strings.ToUpper(strings.ReplaceAll(rule.IBAN, " ", ""))
		r.rules, r.texts = append(r.rules, rule), append(r.texts, text)
	}
	return r
}

// Fit tells whether one of the rules fits a transaction.
func (r *Rules) Fit(t bank.Transaction) bool {
	var space [384]byte
	text, _ := texts(space[:0], t)
	return r.match(t, text) != nil
}

func (r *Rules) match(t bank.Transaction, text []byte) *Rule {
	if r == nil {
		return nil
	}
	for i := range r.rules {
		rule := &r.rules[i]
		switch {
		case rule.BaseType != "" && rule.BaseType != t.BaseType:
		case rule.IBAN != "" && (t.CounterpartyIBAN == nil || *t.CounterpartyIBAN != rule.IBAN):
		case rule.MCC != "" && (t.MCC == nil || *t.MCC != rule.MCC):
		case r.texts[i] != "" && !bytes.Contains(text, []byte(r.texts[i])):
		default:
			return rule
		}
	}
	return nil
}
