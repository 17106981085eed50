// Package category says what a transaction was for: the tree of categories, and which one a transaction
// gets and why. It is pure: text and codes in, an answer with its reason out.
package category

import (
	"bytes"
	"strings"

	"insightgraph/bank"
)

// Answer is the category of a transaction and what it rests on.
type Answer struct {
	Category   int
	Source     bank.CategorySource
	Merchant   string  // the shop's name as a person would write it, "" if none was recognised
	Rule       string  // what fired, such as "merchant zalando" or "mcc 5411"
	Confidence float64 // 0 to 1
}

// High is the confidence from which an answer is nearly always right; below Enough there is none.
const (
	High   = 0.9
	Enough = 0.5
)

// What lies beyond is not read: it is references.
const maxName, maxText = 140, 600

// Input is all that may be known of a transaction.
type Input struct {
	bank.Transaction
	BankCode BankCode       // of camt files
	GVC      string         // German Geschäftsvorfallcode, of MT940 files
	Country  string         // of the account, ISO 3166; of its IBAN, say. "" if unknown
	Rules    *Rules         // of the customer
	Learned  map[string]int // the consumer's own corrections, by Similar
}

// CountryOf is the country of an IBAN, "" if there is none.
func CountryOf(iban *string) string {
	if iban == nil || len(*iban) < 15 || !isLetter((*iban)[0]) || !isLetter((*iban)[1]) {
		return ""
	}
	return (*iban)[:2]
}

// Of answers for a transaction of which no more is known than what it holds.
func Of(t bank.Transaction) Answer { return Categorise(Input{Transaction: t}) }

// texts adds what rules and words are looked for in. The counterparty's name ends at named.
func texts(text []byte, t bank.Transaction) (all []byte, named int) {
	if t.CounterpartyName != nil {
		text = fold(text, cut(*t.CounterpartyName, maxName))
		named = len(text) - 1
	}
	return fold(text, cut(t.Description, maxText)), named
}

// Categorise weighs the evidence in the order of bank.CategorySource: the consumer's corrections, the customer's rules, the
// card's merchant code, the bank's code, the bank's wording, merchants, words. What no evidence speaks for stays None.
func Categorise(in Input) Answer {
	var space [384]byte
	text, named := texts(space[:0], in.Transaction)

	x := tables()
	var matches [maxMatches]match
	land := country(in.Country)
	found := x.find(matches[:0], text, land)
	best, seller, known := x.choose(found, text, in.BaseType, land, int32(named))
	name := ""
	if seller != nil {
		name = seller.name
	}

	if len(in.Learned) > 0 {
		key := Similar(in.Transaction)
		if id, ok := in.Learned[key]; ok {
			if _, exists := byID[id]; exists {
				return Answer{id, bank.SourceUser, name, "correction of " + key, 0.97}
			}
		}
	}
	if rule := in.Rules.match(in.Transaction, text); rule != nil {
		if rule.Merchant != "" {
			name = rule.Merchant
		}
		return Answer{rule.Category, bank.SourceCustomerRule, name, "rule " + rule.Name, 0.99}
	}

	var texted Answer
	switch {
	case (!known || best.strength == services) && x.person(text):
		texted = Answer{Category: 1604, Source: bank.SourceKeyword, Rule: "a person's name", Confidence: 0.58}
	case known:
		texted = x.answer(best, in.BaseType)
	}
	texted.Merchant = name
	marketplace := texted.Category == 701 && texted.Source == bank.SourceMerchant && texted.Confidence >= 0.85
	if in.MCC != nil && !marketplace {
		if id, vague := byMCC(*in.MCC); id != 0 && !(vague && texted.Confidence >= 0.75) {
			confidence := 0.95
			if vague {
				confidence = 0.7
			}
			return Answer{id, bank.SourceMCC, shopName(name, in.Transaction, id), "mcc " + *in.MCC, confidence}
		}
	}
	if id, rule := byBankCode(in); id != 0 {
		if texted.Source == bank.SourceBankText && top(texted.Category) == top(id) && in.BaseType != "" {
			id = texted.Category // 153 is salary or pension: the wording says which
		}
		return Answer{id, bank.SourceBankCode, "", rule, 0.95}
	}
	if texted.Confidence < Enough {
		return Answer{None, bank.SourceNone, name, "", 0}
	}
	texted.Merchant = shopName(name, in.Transaction, texted.Category)
	return texted
}

// answer puts a match into words.
func (x *index) answer(m match, base bank.BaseType) Answer {
	e := &x.entries[m.entry]
	id := e.side(base)
	source := [...]bank.CategorySource{wording: bank.SourceBankText, merchant: bank.SourceMerchant, brand: bank.SourceMerchant, keyword: bank.SourceKeyword}[e.kind]
	if base == bank.Credit && e.kind != wording {
		switch { // no shop sells against a credit: what comes back from these is a reimbursement; a refund of a shop stays with its kind
		case top(id) == 1100, top(id) == 1000, top(id) == 1200, 501 <= id && id <= 504:
			id = 109
		}
	}
	return Answer{Category: id, Source: source, Rule: e.rule, Confidence: float64(m.confidence) / 100}
}

// shopName is the merchant's name; where none was recognised a shop's is what the bank calls the counterparty.
func shopName(name string, t bank.Transaction, id int) string {
	switch group := top(id); {
	case group == 100 || group == 1200 || group == 1500 || group == 1600 || group == None:
		return ""
	case name != "" || t.CounterpartyName == nil:
		return name
	}
	return strings.TrimSpace(*t.CounterpartyName)
}

func country(code string) string { return strings.ToLower(strings.TrimSpace(code)) }

// cut keeps at most n bytes.
func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// Similar is what transactions have in common that a person means by "all like this one": the shop, else the
// counterparty's account, else its name, else the words of the text without its numbers; and the direction. It is the key
// of Input.Learned, and does not depend on the account's country.
func Similar(t bank.Transaction) string {
	var text []byte
	named := 0
	if t.CounterpartyName != nil {
		text = fold(text, cut(*t.CounterpartyName, maxName))
		named = len(text) - 1
	}
	text = fold(text, cut(t.Description, maxText))
	x := tables()
	_, seller, _ := x.choose(x.find(make([]match, 0, maxMatches), text, ""), text, t.BaseType, "", int32(named))
	side := string(t.BaseType) + " "
	switch {
	case seller != nil && seller.strength > services && !seller.doubtful:
		return side + "shop " + seller.name
	case t.CounterpartyIBAN != nil && *t.CounterpartyIBAN != "" && (seller == nil || seller.strength > services):
		return side + "account " + *t.CounterpartyIBAN // that of a payment service is everybody's
	case named > 1:
		text = text[:named+1]
	}
	key, count := []byte(side+"text"), 0
	for w := range bytes.FieldsSeq(text) {
		if w[0] >= 'a' && len(w) > 1 && count < 6 {
			key = append(append(key, ' '), w...)
			count++
		}
	}
	if count == 0 { // only numbers: then they are what it is
		key = append(key, text...)
	}
	return string(key)
}
