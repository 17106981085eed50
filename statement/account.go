package statement

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"insightgraph/bank"
)

// made is how the external ids of accounts begin that files made.
const made = "statement:"

// ExternalID is under what name an account is kept that a file made, so that other files find it again. Where a file tells
// no number it is the format and the name in the file; where it tells no name either, what its columns are called or what type
// it is, which tells banks apart, but not two accounts of one.
func (a Account) ExternalID() string {
	key := a.Key()
	if a.IBAN == "" && a.Number == "" {
		f := a.Format
		if strings.HasPrefix(string(f), "CAMT") {
			f = "CAMT"
		}
		key = string(f) + "/" + cmp.Or(a.Name, a.Columns, a.Type)
	}
	id := made + key + "/" + string(a.Currency)
	if len(id) > bank.MaxID {
		sum := sha256.Sum256([]byte(id))
		id = made + hex.EncodeToString(sum[:16])
	}
	return id
}

// Find finds the account among those of its consumer: by its IBAN, as what an earlier file made, or by the number that the
// IBAN of either holds. It is -1 for a new one. A card has the IBAN of the account that settles it, and is not that account.
func (a Account) Find(known []bank.Account) int {
	sameIBAN := func(k bank.Account) bool { return a.IBAN != "" && k.IBAN != nil && *k.IBAN == a.IBAN }
	card := a.Container == bank.ContainerCard
	for _, by := range []func(bank.Account) bool{
		func(k bank.Account) bool { return sameIBAN(k) && k.Container == a.Container },
		func(k bank.Account) bool { return sameIBAN(k) && (k.Container == bank.ContainerCard) == card },
		func(k bank.Account) bool { return k.ExternalID != nil && *k.ExternalID == a.ExternalID() },
		func(k bank.Account) bool {
			if k.Container == bank.ContainerCard || card {
				return false
			}
			if k.IBAN != nil {
				return holds(*k.IBAN, a.BankCode, a.Number)
			}
			key, ours := strings.CutPrefix(deref(k.ExternalID), made)
			code, number, _ := strings.Cut(strings.TrimSuffix(key, "/"+string(k.Currency)), "/")
			return ours && holds(a.IBAN, code, number)
		},
	} {
		for i, k := range known {
			if k.Currency == a.Currency && by(k) {
				return i
			}
		}
	}
	return -1
}

// holds tells whether an IBAN is made of a bank's code and an account's number, as those of many countries are.
func holds(iban, code, number string) bool {
	if len(iban) < 15 || code == "" || strings.Trim(number, "0") == "" {
		return false
	}
	rest, ok := strings.CutPrefix(iban[4:], code)
	return ok && strings.TrimLeft(rest, "0") == strings.TrimLeft(number, "0")
}

// Bank is the account as it is kept.
func (a Account) Bank() bank.Account {
	id := a.ExternalID()
	made := bank.Account{ExternalID: &id, Container: a.Container, Type: a.Type, Status: bank.AccountActive, Currency: a.Currency,
		Name:         cmp.Or(a.Name, a.BankName, a.IBAN, a.Number, string(a.Format)),
		ProviderName: cmp.Or(a.BankName, a.BIC)}
	if a.IBAN != "" {
		made.IBAN = &a.IBAN
	}
	return made
}

// Bank is the entry as it is kept.
func (e Entry) Bank() bank.Transaction {
	x := e.Transaction
	if code := cmp.Or(e.BankCode, e.GVC); code != "" {
		x.BankCode = &code
	}
	for _, p := range e.Parts {
		part := bank.Part{BaseType: p.BaseType, Amount: p.Amount, Description: p.Description}
		if p.Counterparty != nil {
			part.CounterpartyName, part.CounterpartyIBAN = p.Counterparty.Name, p.Counterparty.IBAN
		}
		x.Parts = append(x.Parts, part)
	}
	return x
}
