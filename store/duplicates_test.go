package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"insightgraph/bank"
	"insightgraph/fault"
)

// sent is a row as a sender tells it, which is all that the model of TestDuplicates knows.
type sent struct {
	id, amount, text string
	date             bank.Date
	status           bank.TransactionStatus
}

func (x sent) row() bank.Transaction {
	row := bank.Transaction{Amount: amount(x.amount), Currency: "EUR", BookingDate: x.date, Status: x.status, Description: x.text}
	if x.id != "" {
		row.ExternalID = &x.id
	}
	return row
}

// TestDuplicates: batches come several times, at once, in any order, with rows twice, with others corrected, pending and
// then booked, and with texts of any script. What is stored is what a sender with a pencil would have: a row for each id, as
// it was told last, and one for each row without an id in each call; a call under one key is one call.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	turn := 0
	rapid.Check(t, func(r *rapid.T) {
		turn++
		a := account(t, w.c, fmt.Sprint("anna", turn), "current", bank.ContainerBank)
		fresh := rapid.Custom(func(r *rapid.T) sent {
			return sent{rapid.SampledFrom([]string{"", "", "1", "2", "3", "4", "5", "é"}).Draw(r, "id"), rapid.SampledFrom([]string{"5.00", "-5.00", "-2.80", "0.00"}).Draw(r, "amount"),
				rapid.SampledFrom([]string{"Coffee", "☕ 咖啡", "קפה", "e\u0301", "\u202eeeffoC", "'; --"}).Draw(r, "text"), day("2026-01-20") + bank.Date(rapid.IntRange(0, 3).Draw(r, "day")),
				rapid.SampledFrom([]bank.TransactionStatus{bank.Posted, bank.Pending}).Draw(r, "status")}
		})
		named, nameless := map[string]sent{}, []sent(nil)
		for call := range rapid.IntRange(1, 6).Draw(r, "calls") {
			batch := rapid.SliceOfN(fresh, 1, 8).Draw(r, "batch")
			if rapid.Bool().Draw(r, "one of them twice") {
				batch = append(batch, batch[0])
			}
			times, keyed := rapid.IntRange(1, 4).Draw(r, "times"), rapid.Bool().Draw(r, "one key")
			shuffles := rapid.Uint64().Draw(r, "order")
			if keyed {
				shuffles = 0 // one key, one input
			}
			contradiction := false
			latest := map[string]sent{}
			for _, x := range batch {
				if before, twice := latest[x.id]; twice && x.id != "" && before != x {
					contradiction = true
				}
				latest[x.id] = x
			}
			errs := together(times, func(i int) error {
				rows := make([]bank.Transaction, len(batch))
				for n, x := range batch {
					rows[n] = x.row()
				}
				var key *string
				if keyed {
					key = ptr(fmt.Sprint("key ", turn, call))
				} else {
					rand.New(rand.NewPCG(shuffles, uint64(i))).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
				}
				_, _, err := w.c.CreateTransactions(t.Context(), a.Ref(), rows, key)
				return err
			})
			if contradiction { // all or nothing
				for _, err := range errs {
					if found := fault.Of(err); len(found) == 0 || found[0].Code != fault.NotAllowed {
						r.Fatalf("one id with two values: %v", err)
					}
				}
				continue
			}
			for _, err := range errs {
				if err != nil {
					r.Fatal(err)
				}
			}
			if keyed {
				times = 1
			}
			for _, x := range batch {
				if x.id != "" {
					named[x.id] = x
					continue
				}
				for range times {
					nameless = append(nameless, x)
				}
			}
		}
		var want, got []string
		for _, x := range named {
			want = append(want, fmt.Sprint(x))
		}
		for _, x := range nameless {
			want = append(want, fmt.Sprint(x))
		}
		for _, x := range all(t, w.c, bank.TransactionFilter{AccountIDs: []bank.Ref{a.Ref()}}) {
			one := sent{amount: x.Amount.String(), text: x.Description, date: x.BookingDate, status: x.Status}
			if x.BaseType == bank.Debit {
				one.amount = x.Amount.Neg().String()
			}
			if x.ExternalID != nil {
				one.id = *x.ExternalID
			}
			got = append(got, fmt.Sprint(one))
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			r.Fatalf("stored:\n%v\nwant:\n%v", got, want)
		}
	})
}
