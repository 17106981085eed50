package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// berka is where real transactions of a Czech bank lie beside the project (PKDD'99); they are no part of it.
const berka = "../shared/data/berka_csv"

// clientTotals are computed from the files alone: no code of ours but the reading of CSV by the standard library.
type clientTotals struct{ credit, debit *big.Rat }

func berkaTotals(t *testing.T) map[string]*clientTotals {
	t.Helper()
	records := func(name string) [][]string {
		f, err := os.Open(filepath.Join(berka, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		all, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return all[1:]
	}
	clientOf := map[string]string{}
	for _, a := range records("accounts.csv") {
		clientOf[a[1]] = a[0]
	}
	totals := map[string]*clientTotals{}
	for _, x := range records("transactions.csv") {
		if day := x[2]; day < "1994-01-01" || day > "1994-03-31" {
			continue
		}
		c := totals[clientOf[x[0]]]
		if c == nil {
			c = &clientTotals{new(big.Rat), new(big.Rat)}
			totals[clientOf[x[0]]] = c
		}
		amount, ok := new(big.Rat).SetString(x[3])
		if !ok {
			t.Fatalf("amount %q", x[3])
		}
		if amount.Sign() >= 0 {
			c.credit.Add(c.credit, amount)
		} else {
			c.debit.Sub(c.debit, amount)
		}
	}
	return totals
}

// TestBerka imports 49,102 real transactions of 1,229 people and makes the insights of one month, twice.
func TestBerka(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(berka); err != nil {
		t.Skipf("NOT TRIED on real data: there is no %s beside the project", berka)
	}
	url := storetest.URL(t)
	env := []string{"DATABASE_URL=" + url}
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Berka", "--currency", "CZK", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	look(t, url).only(own.ClientID)
	load := func() (r store.Imported) {
		t.Helper()
		out := strings.TrimSpace(command(t, env, "import", "--customer", own.ClientID, "--consumers", berka+"/consumers.csv",
			"--accounts", berka+"/accounts.csv", "--transactions", berka+"/transactions.csv"))
		if err := json.Unmarshal([]byte(out[strings.LastIndexByte(out, '\n')+1:]), &r); err != nil {
			t.Fatalf("import says %q", out)
		}
		return r
	}
	if got, want := load(), (store.Imported{Consumers: 1229, Accounts: 1229, Transactions: 49102}); got != want {
		t.Errorf("import: %+v, want %+v", got, want)
	}
	if got, want := load(), (store.Imported{Unchanged: 49102}); got != want {
		t.Errorf("import again: %+v, want %+v", got, want)
	}

	if out := command(t, env, "totals", "check"); out != "{\"wrong\":0}\n" {
		t.Errorf("totals check: %s", out)
	}
	totals := berkaTotals(t)
	withCredits := 0
	for _, c := range totals {
		if c.credit.Sign() > 0 {
			withCredits++
		}
	}
	run := func() (e evaluated) {
		t.Helper()
		out := command(t, env, "insights", "run", "--as-of", "1994-04-01T06:00:00Z")
		if err := json.Unmarshal([]byte(out), &e); err != nil {
			t.Fatalf("insights run says %q", out)
		}
		e.Planned, e.NotSubscribed = e.Planned-e.NotSubscribed, 0 // of the insights that are switched off
		return e
	}
	if got, want := run(), (evaluated{Planned: 1229, Generated: withCredits, ConditionNotMet: 1229 - withCredits}); got != want {
		t.Errorf("insights run: %+v, want %+v", got, want)
	}
	if got := run(); got != (evaluated{}) {
		t.Errorf("insights run again: %+v", got)
	}
	compareBerka(t, storetest.Open(t, url, store.Options{}), own.ClientID, totals, withCredits)
}

// compareBerka reads the whole feed page by page and holds each entry against the totals computed apart.
func compareBerka(t *testing.T, s *store.Store, clientID string, totals map[string]*clientTotals, want int) {
	t.Helper()
	customer, _, err := s.CustomerOfClient(t.Context(), clientID)
	if err != nil {
		t.Fatal(err)
	}
	tenant := s.Customer(customer.ID)
	seen := map[int64]bool{}
	args := page.Args{Size: page.Max}
	for {
		p, err := tenant.Feed(t.Context(), insight.FeedFilter{}, args)
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		for _, e := range p.Nodes {
			ids = append(ids, e.ConsumerID)
		}
		consumers, err := tenant.ConsumersByID(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range p.Nodes {
			if seen[e.ConsumerID] {
				t.Errorf("consumer %d has two entries", e.ConsumerID)
			}
			seen[e.ConsumerID] = true
			c := totals[*consumers[e.ConsumerID].ExternalID]
			percent := new(big.Rat).Quo(c.debit, c.credit)
			want := fmt.Sprintf("%s %s %s CZK 1994-01-01 1994-03-31", c.credit.FloatString(2), c.debit.FloatString(2), percent.Mul(percent, big.NewRat(100, 1)).FloatString(2))
			d := e.TransactionDerived
			if got := fmt.Sprintf("%s %s %s %s %s %s", d.CreditTotal.Amount, d.DebitTotal.Amount, d.SpentPercent, d.CreditTotal.Currency, e.Window.From, e.Window.To); got != want {
				t.Errorf("client %s: %s, want %s", *consumers[e.ConsumerID].ExternalID, got, want)
			}
			if i == len(p.Nodes)-1 {
				args.Cursor = &page.Cursor{Key: e.CreatedAt.UTC().Format("2006-01-02T15:04:05.999999999Z07:00"), ID: e.ID}
			}
		}
		if !p.Info.HasNextPage {
			break
		}
	}
	if len(seen) != want {
		t.Errorf("%d entries, want %d", len(seen), want)
	}
}
