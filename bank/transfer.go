package bank

import (
	"cmp"
	"maps"
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
// then by id, so the result does not depend on the order of the legs. refused pairs are never made, whichever leg is the debit now.
func Transfers(legs []Leg, refused map[Pair]bool) []Pair {
	type key struct {
		currency Currency
		amount   string
	}
	groups := map[key]group{}
	for _, l := range legs {
		if l.Amount.IsZero() {
			continue
		}
		k := key{l.Currency, l.Amount.Trim(0).String()}
		groups[k] = append(groups[k], candidate{Leg: l})
	}
	var pairs []Pair
	for _, g := range groups {
		pairs = append(pairs, g.pairs(refused)...)
	}
	return pairs
}

// group is the legs of one currency and amount.
type group []candidate

// candidate is a leg that may be taken.
type candidate struct {
	Leg
	taken      bool
	split      bool
	named, own []string // once split, the words of the counterparty's and of the account's names
}

// words splits the names, which few legs need.
func (c *candidate) words() {
	if !c.split {
		c.split, c.named, c.own = true, words(c.Counterparty), words(c.AccountName)
	}
}

// pairs takes pairs one after the other: for each distance and day, the smallest ids first. No pair is written down that is not
// taken, since a thousand equal amounts of a day could make a million.
func (g group) pairs(refused map[Pair]bool) (pairs []Pair) {
	slices.SortFunc(g, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.BookingDate, b.BookingDate), cmp.Compare(a.ID, b.ID))
	})
	days := map[Date][]*candidate{}
	for i := range g {
		days[g[i].BookingDate] = append(days[g[i].BookingDate], &g[i])
	}
	for distance := range Date(TransferDays + 1) {
		for _, day := range slices.Sorted(maps.Keys(days)) {
			legs, later := days[day], days[day+distance]
			if distance > 0 && len(later) == 0 {
				continue
			}
			if distance > 0 {
				legs = slices.Concat(legs, later)
			}
			legs = slices.DeleteFunc(slices.Clone(legs), func(c *candidate) bool { return c.taken })
			slices.SortFunc(legs, func(a, b *candidate) int { return cmp.Compare(a.ID, b.ID) })
			for i, a := range legs {
				for j := i + 1; j < len(legs) && !a.taken; j++ {
					b := legs[j]
					if b.taken || a.BaseType == b.BaseType || a.AccountID == b.AccountID || max(a.BookingDate-b.BookingDate, b.BookingDate-a.BookingDate) != distance {
						continue
					}
					debit, credit := a, b
					if a.BaseType == Credit {
						debit, credit = b, a
					}
					if p := (Pair{debit.ID, credit.ID}); !refused[p] && !refused[Pair{p.Credit, p.Debit}] && related(debit, credit) {
						a.taken, b.taken = true, true
						pairs = append(pairs, p)
					}
				}
			}
		}
	}
	return pairs
}

// related tells whether what is known of the other sides of a debit and a credit allows a transfer.
func related(a, b *candidate) bool {
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
	a.words()
	b.words()
	return share(a.named, b.named) || share(a.named, b.own) || share(b.named, a.own)
}

// number tells whether an account is named by its number or by nothing: an IBAN begins with its country.
func number(account string) bool { return account[0] < 'A' }

// endsIn tells whether an account's number is an IBAN's. One of few digits could be anybody's.
func endsIn(iban, number string) bool {
	number = strings.TrimLeft(number, "0")
	return len(number) >= 6 && strings.HasSuffix(iban, number)
}

// words lists those of a name that have three or more letters.
func words(name string) []string {
	all := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.DeleteFunc(all, func(w string) bool { return len([]rune(w)) < 3 })
}

// share tells whether two names have a word in common.
func share(a, b []string) bool {
	return slices.ContainsFunc(a, func(w string) bool { return slices.Contains(b, w) })
}
