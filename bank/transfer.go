package bank

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/govalues/decimal"
)

// TransferDays is the largest distance between the booking dates of the two legs of a transfer.
const TransferDays = 4

// Leg is a posted transaction of an ACTIVE account that could be one side of a movement between
// two accounts of the same consumer, or of a card's payment.
type Leg struct {
	ID           int64
	AccountID    int64
	BaseType     BaseType
	Amount       decimal.Decimal
	Currency     Currency
	BookingDate  Date
	AccountIBAN  string // of the leg's own account, empty when unknown
	AccountName  string // the account's and its provider's name
	Container    Container
	Counterparty string // name on the other side, empty when unknown
	IBAN         string // account on the other side, which may be a plain account number; empty when unknown
}

// Pair names the two legs of a transfer.
type Pair struct{ Debit, Credit int64 }

// Transfers pairs legs of one consumer: same currency and amount, opposite sign, two accounts, at most
// TransferDays apart; known IBANs must match, an account number may, and where only names are known on both sides they must share a
// word with each other or with the other account, unless a bank account pays a card. Pairs are taken by smallest distance, then the older one,
// then by id, so the result does not depend on the order of the legs. refused pairs are never made.
func Transfers(legs []Leg, refused map[Pair]bool) []Pair {
	type key struct {
		currency Currency
		amount   string
	}
	groups := map[key][2][]Leg{} // debits, credits
	for _, l := range legs {
		if l.Amount.IsZero() {
			continue
		}
		k := key{l.Currency, l.Amount.Trim(0).String()}
		g := groups[k]
		side := 0
		if l.BaseType == Credit {
			side = 1
		}
		g[side] = append(g[side], l)
		groups[k] = g
	}
	type candidate struct {
		Pair
		distance, older Date
	}
	var found []candidate
	for _, g := range groups {
		for _, d := range g[0] {
			for _, c := range g[1] {
				distance := max(d.BookingDate-c.BookingDate, c.BookingDate-d.BookingDate)
				p := Pair{d.ID, c.ID}
				if distance <= TransferDays && d.AccountID != c.AccountID && !refused[p] && related(d, c) {
					found = append(found, candidate{p, distance, min(d.BookingDate, c.BookingDate)})
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.older, b.older),
			cmp.Compare(min(a.Debit, a.Credit), min(b.Debit, b.Credit)), cmp.Compare(max(a.Debit, a.Credit), max(b.Debit, b.Credit)))
	})
	taken := map[int64]bool{}
	var pairs []Pair
	for _, f := range found {
		if !taken[f.Debit] && !taken[f.Credit] {
			taken[f.Debit], taken[f.Credit] = true, true
			pairs = append(pairs, f.Pair)
		}
	}
	return pairs
}

// related tells whether what is known of the other sides of a debit and a credit allows a transfer.
func related(a, b Leg) bool {
	known := false
	for _, side := range [][2]string{{a.IBAN, b.AccountIBAN}, {b.IBAN, a.AccountIBAN}} {
		switch {
		case side[0] == "" || side[1] == "":
		case number(side[0]):
			known = known || endsIn(side[1], side[0]) // a card's number, say, is in no IBAN and speaks against nothing
		case side[0] != side[1]:
			return false
		default:
			known = true
		}
	}
	if known || a.Counterparty == "" || b.Counterparty == "" {
		return true
	}
	if a.Container == ContainerBank && b.Container == ContainerCard {
		return true // a card's payment names the card's bank here, and says thanks there
	}
	return shareWord(a.Counterparty, b.Counterparty) || shareWord(a.Counterparty, b.AccountName) || shareWord(b.Counterparty, a.AccountName)
}

// number tells whether an account is named by its number: an IBAN begins with its country.
func number(account string) bool { return '0' <= account[0] && account[0] <= '9' }

// endsIn tells whether a plain number is an IBAN's. One of few digits could be anybody's.
func endsIn(iban, number string) bool {
	number = strings.TrimLeft(number, "0")
	return len(number) >= 6 && strings.HasSuffix(iban, number)
}

// shareWord tells whether two names have a word of three or more letters in common.
func shareWord(a, b string) bool {
	split := func(s string) []string {
		return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	}
	words := split(b)
	return slices.ContainsFunc(split(a), func(w string) bool { return len([]rune(w)) >= 3 && slices.Contains(words, w) })
}
