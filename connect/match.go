package connect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"insightgraph/bank"
)

// Known is an account that is stored already. BankIDs are the ids under which its bank has told it.
type Known struct {
	bank.Account
	BankCode string
	BankIDs  []string
}

// sameID tells whether a bank knows both under one id. Some banks number the accounts of each access anew: those that are known
// to have two IBANs are two.
func (k Known) sameID(bankCode string, a Account) bool {
	return k.BankCode == bankCode && k.Currency == a.Currency && slices.Contains(k.BankIDs, a.ID) && (k.IBAN == nil || a.IBAN == "" || *k.IBAN == plainIBAN(a))
}

func plainIBAN(a Account) string { return strings.ToUpper(strings.ReplaceAll(a.IBAN, " ", "")) }

// sameIBAN tells whether two have one IBAN. An account in another currency, or a card that is settled by the account, is
// another one under it.
func (k Known) sameIBAN(a Account) bool {
	return k.IBAN != nil && a.IBAN != "" && *k.IBAN == plainIBAN(a) &&
		k.Currency == a.Currency && k.Container == a.Container
}

// Match finds the stored account of each fetched one, nil where it is new. An id at the bank counts before an IBAN; of
// several under one IBAN, such as the pots of an account, the one of the same name comes first. No stored account is
// taken twice.
func Match(bankCode string, fetched []Account, known []Known) []*Known {
	matched, taken := make([]*Known, len(fetched)), map[int64]bool{}
	for _, by := range []func(Known, Account) bool{
		func(k Known, a Account) bool { return k.sameID(bankCode, a) },
		func(k Known, a Account) bool { return k.sameIBAN(a) && k.Name == a.Name },
		Known.sameIBAN,
	} {
		for i, a := range fetched {
			for j, k := range known {
				if matched[i] == nil && !taken[k.ID] && by(k, a) {
					matched[i], taken[k.ID] = &known[j], true
				}
			}
		}
	}
	return matched
}

// Identify gives an id to each transaction that its bank has none for: from what it says, and for genuine twins from
// their number among their like. An id that a bank gives to several movements, such as the number of a batch, names none
// of them: they get their own, which it is a part of.
func Identify(rows []bank.Transaction) {
	what, shared := map[string]string{}, map[string]bool{}
	says := func(key, told string) bool {
		before, again := what[key]
		what[key] = told
		return !again || before == told
	}
	for _, x := range rows {
		if id := value(x.ExternalID); !says(id, movement(x)) || !says(id+"\x00"+string(x.Status), content(x)) {
			shared[id] = true
		}
	}
	seen := map[string]int{}
	for i, x := range rows {
		id, text := value(x.ExternalID), content(x)
		if id != "" && !shared[id] {
			continue
		}
		if id == "" {
			seen[text]++
			text += fmt.Sprintf("\x00%d", seen[text])
		} else {
			text += "\x00" + id
		}
		sum := sha256.Sum256([]byte(text))
		made := "made-" + hex.EncodeToString(sum[:12])
		rows[i].ExternalID = &made
	}
}

// content is what a bank tells of a transaction.
func content(x bank.Transaction) string {
	return fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%s\x00%s\x00%s", x.Status, x.BookingDate, x.BaseType, x.Amount.Trim(0), x.Description, value(x.CounterpartyName), value(x.CounterpartyIBAN))
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Changes is what has to be done with an account's transactions so that they are what the bank says.
type Changes struct {
	Rename  map[int64]string // stored rows, by id, that the bank now knows under another id
	Store   []bank.Transaction
	Seen    []int64 // stored rows that the bank has told again, under whatever id
	Deleted []int64 // PENDING rows that the bank does not know any more
}

// How far the days of one movement can lie apart.
const (
	settleDays = 14 // until a pending one is booked
	cardDays   = 5  // the same, where the text has nothing in common
	earlyDays  = 3  // a pending one that is booked on an earlier day than it was told for
)

// Reconcile compares what is stored with what the bank says of the fetched days. A row is the same by its id. Otherwise a
// pending one is what it settled to, and a booked one that came under another id, or from elsewhere, is not taken a second
// time: the bank tells all of its days, so a stored row of the same side, amount and day that it does not tell by its id
// is one that it tells under another. Genuine twins stay, since each stored row answers for one. What is stored as booked
// keeps its id, so that whoever brought it can bring it again.
// days is what was fetched; stored may reach further.
func Reconcile(stored, fetched []bank.Transaction, days bank.Period) Changes {
	c := Changes{Rename: map[int64]string{}}
	byID := make(map[string]int, len(stored))
	for i, x := range stored {
		if x.ExternalID != nil {
			byID[*x.ExternalID] = i
		}
	}
	used := make([]bool, len(stored))
	var open []*bank.Transaction
	for _, x := range once(fetched) {
		i, known := byID[*x.ExternalID]
		if known && (stored[i].Status == bank.Posted || x.Status == bank.Pending) {
			used[i] = true
			c.Store = append(c.Store, *x)
		} else { // one that settles could be stored from elsewhere already
			open = append(open, x)
		}
	}
	// The likest pair first, so that of two candidates the right one is taken.
	type pair struct{ row, stored, distance int }
	var pairs []pair
	like := map[string][]int{}
	for i, old := range stored {
		if !used[i] {
			like[movement(old)] = append(like[movement(old)], i)
		}
	}
	for r, x := range open {
		for _, i := range like[movement(*x)] {
			if d, ok := distance(stored[i], *x); ok {
				pairs = append(pairs, pair{r, i, d})
			}
		}
		if i, known := byID[*x.ExternalID]; known {
			pairs = append(pairs, pair{r, i, sameID})
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.distance, b.distance) })
	taken := make([]bool, len(open))
	for _, p := range pairs {
		if taken[p.row] || used[p.stored] {
			continue
		}
		taken[p.row], used[p.stored] = true, true
		if old := stored[p.stored]; old.Status == bank.Pending { // settled, or still pending under a new id
			if p.distance != sameID {
				c.Rename[old.ID] = *open[p.row].ExternalID
			}
			c.Store = append(c.Store, *open[p.row])
		} // a booked one is there already, as it is
	}
	for r, x := range open {
		if !taken[r] {
			c.Store = append(c.Store, *x)
		}
	}
	for i, old := range stored {
		switch {
		case used[i]:
			c.Seen = append(c.Seen, old.ID)
		case old.Status == bank.Pending && days.Contains(old.BookingDate):
			c.Deleted = append(c.Deleted, old.ID)
		}
	}
	return c
}

// once drops what the bank says twice under one id, as on two pages, or as pending and booked: the booked one counts.
func once(fetched []bank.Transaction) []*bank.Transaction {
	at := make(map[string]int, len(fetched))
	rows := make([]*bank.Transaction, 0, len(fetched))
	for k := range fetched {
		x := &fetched[k]
		i, again := at[*x.ExternalID]
		switch {
		case !again:
			at[*x.ExternalID] = len(rows)
			rows = append(rows, x)
		case rows[i].Status == bank.Pending:
			rows[i] = x
		}
	}
	return rows
}

// movement is what never changes between two tellings of one movement.
func movement(x bank.Transaction) string { return string(x.BaseType) + x.Amount.Trim(0).String() }

// sameID is the distance of a pending row from what the bank says under its id: only booked rows of one day are nearer.
const sameID = 4

// distance tells how far a stored row is from one of the same movement that came under another id; ok is false where they
// are two.
func distance(old, now bank.Transaction) (d int, ok bool) {
	late := int(now.BookingDate - old.BookingDate)
	switch {
	case old.Status == bank.Posted: // which does not become pending again
		if late != 0 || now.Status == bank.Pending {
			return 0, false
		}
		return 3 - likeness(old, now), true
	case late < -earlyDays || late > settleDays:
		return 0, false
	}
	unlike := 3 - likeness(old, now)
	return sameID + 1 + max(late, -late)*4 + unlike*20, unlike < 3 || 0 <= late && late <= cardDays
}

// likeness is 0 for another text, 3 for the same.
func likeness(a, b bank.Transaction) int {
	x, y := plain(a.Description), plain(b.Description)
	m, n := plain(value(a.CounterpartyName)), plain(value(b.CounterpartyName))
	switch {
	case x == y && (x != "" || a.Description == b.Description && m == n):
		return 3
	case value(a.CounterpartyIBAN) != "" && value(a.CounterpartyIBAN) == value(b.CounterpartyIBAN):
		return 2
	case m != "" && m == n, within(x, y), within(y, x):
		return 1
	}
	return 0
}

// within tells whether a text is in another, and long enough for that to mean something.
func within(text, other string) bool { return len(text) >= 4 && strings.Contains(other, text) }

// plain is a text's letters, without case: digits, blanks and signs are what a bank changes between pending and booked.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}
