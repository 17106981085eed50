package connect

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"

	"insightgraph/bank"
)

// filed is how the ids begin that package statement makes.
const filed = "st-"

// Merge compares what is stored of an account with what a statement file tells of it. Other than a bank that is asked, a
// file need not tell all of its days: what it lacks stays. A row is the same by its id. Otherwise a pending row is what it
// settled to, and a booked row of one day, side and amount is not taken a second time; where both come from files, their
// texts must have something in common too and name no different parties or numbers, for two files may share a day between them.
// rename are pending rows, by id, that go on under the file's id; store is what is to be written.
func Merge(stored, told []bank.Transaction) (rename map[int64]string, store []bank.Transaction) {
	rename = map[int64]string{}
	byID := make(map[string]int, len(stored))
	for i, x := range stored {
		if x.ExternalID != nil {
			byID[*x.ExternalID] = i
		}
	}
	used := make([]bool, len(stored))
	var open []*bank.Transaction // files are large, so rows are not copied about
	for _, x := range once(told) {
		i, known := byID[*x.ExternalID]
		if !known {
			open = append(open, x)
			continue
		}
		used[i] = true
		if stored[i].Status == bank.Pending || x.Status == bank.Posted { // an older file does not make it pending again
			store = append(store, *x)
		}
	}
	// First those that say the same, so that of many alike nothing has to be compared. Of files that is with all numbers.
	rest := open
	for _, numbers := range []bool{true, false} {
		same := map[[sha256.Size]byte][]int{}
		for i, old := range stored {
			if !used[i] && old.Status == bank.Posted && (numbers || !fromFile(old)) {
				said := saying(old, numbers)
				same[said] = append(same[said], i)
			}
		}
		open, rest = rest, rest[:0]
		for _, x := range open {
			if said := saying(*x, numbers); x.Status == bank.Posted && len(same[said]) > 0 {
				used[same[said][0]], same[said] = true, same[said][1:]
				continue
			}
			rest = append(rest, x)
		}
	}
	like := map[string][]int{}
	for i, old := range stored {
		if !used[i] {
			like[near(old)] = append(like[near(old)], i)
			if old.Status == bank.Posted {
				like[movement(old)] = append(like[movement(old)], i)
			}
		}
	}
	type pair struct{ row, stored, distance int }
	var pairs []pair
	tries := 1_000_000 // real accounts are far from it
	for r, x := range rest {
		if tries < 0 {
			break
		}
		candidates := like[movement(*x)+string(bank.Pending)]
		if x.Status == bank.Posted {
			candidates = slices.Concat(like[near(*x)], candidates)
		} else {
			candidates = slices.Concat(like[movement(*x)], candidates)
		}
		for _, i := range candidates {
			if tries--; tries < 0 {
				break
			}
			if d, ok := apart(stored[i], *x); ok {
				pairs = append(pairs, pair{r, i, d})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.distance, b.distance) })
	taken := make([]bool, len(rest))
	for _, p := range pairs {
		if taken[p.row] || used[p.stored] {
			continue
		}
		taken[p.row], used[p.stored] = true, true
		if old := stored[p.stored]; old.Status == bank.Pending {
			rename[old.ID] = *rest[p.row].ExternalID
			store = append(store, *rest[p.row])
		} // a booked one is there already, as it is
	}
	store = slices.Grow(store, len(rest))
	for r, x := range rest {
		if !taken[r] {
			store = append(store, *x)
		}
	}
	return rename, store
}

func fromFile(x bank.Transaction) bool {
	return x.ExternalID != nil && strings.HasPrefix(*x.ExternalID, filed)
}

// saying is the movement on its day with what is said of it, in few bytes.
func saying(x bank.Transaction, numbers bool) [sha256.Size]byte {
	said := near(x) + "\x00" + plain(x.Description) + "\x00" + plain(value(x.CounterpartyName)) + "\x00" + value(x.CounterpartyIBAN)
	if numbers {
		said += "\x00" + strings.Join(numbersOf(x), "")
	}
	return sha256.Sum256([]byte(said))
}

// near is what a stored row must share with a booked one that is told: the movement, and when it is booked its day.
func near(x bank.Transaction) string {
	if x.Status == bank.Pending {
		return movement(x) + string(bank.Pending)
	}
	return movement(x) + x.BookingDate.String()
}

// apart is distance for what a file tells.
func apart(old, now bank.Transaction) (d int, ok bool) {
	switch alike := likeness(old, now); {
	case old.Status == bank.Posted && now.Status == bank.Posted:
		return 3 - alike, old.BookingDate == now.BookingDate && (!fromFile(old) || alike > 0 && !renumbered(old, now) && !differ(old, now))
	case old.Status == bank.Posted: // a file from before it was booked
		d, ok = distance(now, old)
		return d, ok && alike > 0
	}
	return distance(old, now)
}

// differ tells whether two rows name different parties: their names have no word in common, or, where one has none, their
// accounts are two.
func differ(a, b bank.Transaction) bool {
	number := func(x bank.Transaction) string {
		return strings.TrimLeft(strings.ReplaceAll(value(x.CounterpartyIBAN), " ", ""), "0")
	}
	m, n := number(a), number(b)
	two := m != "" && n != "" && !strings.Contains(m, n) && !strings.Contains(n, m) // a number may be told without its bank
	v, w := words(value(a.CounterpartyName), 2), words(value(b.CounterpartyName), 2)
	if len(v)+len(w) == 0 { // Ikea and Otto
		v, w = words(value(a.CounterpartyName), 1), words(value(b.CounterpartyName), 1)
	}
	if len(v) == 0 || len(w) == 0 {
		return two
	}
	one, other := strings.Join(v, ""), strings.Join(w, "")
	return (m == "" || m != n) && !slices.ContainsFunc(v, func(s string) bool { return slices.Contains(w, s) }) && !strings.Contains(one, other) && !strings.Contains(other, one)
}

// renumbered tells whether two rows that have the same words otherwise have different numbers, as two invoices have: each has
// one that the other lacks. A file may tell fewer than another, or group their digits, their zeros and days in its own way.
func renumbered(a, b bank.Transaction) bool {
	if plain(a.Description) != plain(b.Description) {
		return false
	}
	m, n := numbersOf(a), numbersOf(b)
	if strings.Join(m, "") == strings.Join(n, "") {
		return false
	}
	lacks := func(all, one []string) bool {
		return slices.ContainsFunc(one, func(s string) bool {
			return !slices.ContainsFunc(all, func(t string) bool { return short(s) == short(t) })
		})
	}
	return lacks(m, n) && lacks(n, m)
}

// numbersOf are the runs of digits in what is said of a row.
func numbersOf(x bank.Transaction) []string {
	return strings.FieldsFunc(x.Description+" "+value(x.CounterpartyName), func(r rune) bool { return r < '0' || r > '9' })
}

// short is a number without zeros in front, and a year without its century.
func short(number string) string {
	if len(number) == 4 {
		number = strings.TrimPrefix(number, "20")
	}
	return strings.TrimLeft(number, "0")
}

// words are those of a name that tell it, without vowels and doubled letters: one bank writes ä, another ae or a. Those with
// fewer letters left are not among them.
func words(name string, letters int) (all []string) {
	for _, word := range strings.Fields(strings.ToLower(name)) {
		var kept []byte
		for i := range len(word) {
			if c := word[i]; c >= 'a' && c <= 'z' && !strings.ContainsRune("aeiou", rune(c)) && (len(kept) == 0 || kept[len(kept)-1] != c) {
				kept = append(kept, c)
			}
		}
		if w := string(kept); len(w) >= letters && !slices.Contains(legalForms, w) {
			all = append(all, w)
		}
	}
	return all
}

// legalForms are words of a name that many have: gmbh, mbh, kg, ltd, inc, bv, und.
var legalForms = []string{"gmbh", "mbh", "kg", "ltd", "nc", "bv", "nd"}
