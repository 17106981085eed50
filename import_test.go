package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"insightgraph/bank"
	"insightgraph/page"
	"insightgraph/statement"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// TestImportLanes imports a file in which the lines of many consumers take turns, one of each consumer's twice with another
// amount: the later one counts, whichever lane it goes through. Lines that cannot be stored are named.
func TestImportLanes(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	env := []string{"DATABASE_URL=" + url}
	var own login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Lanes", "--currency", "EUR", "--json")), &own); err != nil {
		t.Fatal(err)
	}
	const people, each = 7, 14
	var consumers, accounts, transactions strings.Builder
	consumers.WriteString("external_id\n")
	accounts.WriteString("consumer_external_id,external_id,container,name,currency\n")
	transactions.WriteString("account_external_id,external_id,booking_date,amount,currency\n")
	for i := range people {
		fmt.Fprintf(&consumers, "c%d\n", i)
		fmt.Fprintf(&accounts, "c%d,a%d,BANK,Giro,EUR\n", i, i)
	}
	for k := range each {
		for i := range people {
			fmt.Fprintf(&transactions, "a%d,x%d,2024-03-%02d,-%d.00,EUR\n", i, k, k+1, k+1)
		}
	}
	fmt.Fprintf(&transactions, "nobody,x,2024-03-01,1.00,EUR\na0,y,2024-03-01,1.00,USD\na0,z,yesterday,1.00,EUR\n")
	for i := range people {
		fmt.Fprintf(&transactions, "a%d,x0,2024-03-01,-77.00,EUR\n", i)
	}
	dir := t.TempDir()
	args := []string{"import", "--customer", own.ClientID}
	for name, text := range map[string]string{"consumers": consumers.String(), "accounts": accounts.String(), "transactions": transactions.String()} {
		path := filepath.Join(dir, name+".csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--"+name, path)
	}
	load := func(want store.Imported) {
		t.Helper()
		out, errs, err := try(t, env, args...)
		var got store.Imported
		if err != nil || json.Unmarshal([]byte(out), &got) != nil || got != want {
			t.Fatalf("import says %q, %v, want %+v\n%s", out, err, want, errs)
		}
		for line := range 3 {
			if named := fmt.Sprintf("transactions line %d: ", 2+people*each+line); !strings.Contains(errs, named) {
				t.Errorf("%q is not in %q", named, errs)
			}
		}
	}
	load(store.Imported{Consumers: people, Accounts: people, Transactions: people * each, Unchanged: people, Rejected: 3}) // an earlier line of two is as one that was there
	load(store.Imported{Unchanged: people * (each + 1), Rejected: 3})
	s := storetest.Open(t, url, store.Options{})
	customer, _, err := s.CustomerOfClient(t.Context(), own.ClientID)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Customer(customer.ID).Transactions(t.Context(), bank.TransactionFilter{}, page.Args{Size: page.Max})
	if err != nil {
		t.Fatal(err)
	}
	corrected := 0
	for _, x := range p.Nodes {
		if *x.ExternalID == "x0" && x.Amount.String() == "77.00" {
			corrected++
		}
	}
	if corrected != people {
		t.Errorf("%d of %d later lines count", corrected, people)
	}
	if wrong, err := s.CheckTotals(t.Context()); wrong != 0 || err != nil {
		t.Errorf("%d totals are wrong, %v", wrong, err)
	}
}

// TestLane: a part has many lines of few consumers, each consumer's in the order of the file, those first who wait longest.
func TestLane(t *testing.T) {
	const people = 100
	l := newLane()
	file, w := io.Pipe()
	consumer := make(chan int64, 1) // whose the file's next line is
	go func() {
		fmt.Fprintln(w, "account_external_id,external_id,booking_date,amount,currency,consumer_external_id")
		for id := range consumer {
			fmt.Fprintf(w, "a,t,2026-01-02,1,EUR,%d\n", id)
		}
		w.Close()
	}()
	next, stop := iter.Pull2(statement.Transactions(file))
	defer stop()
	lines := 0
	add := func(consumerID int64) bool {
		consumer <- consumerID
		line, err, _ := next()
		if err != nil {
			t.Error(err)
		}
		lines++
		return l.put(consumerID, line)
	}
	put := func(consumerID int64) {
		t.Helper()
		if !add(consumerID) {
			t.Fatal("the lane takes no line")
		}
	}
	for i := range laneRows {
		put(int64(i % people))
	}
	last, taken := map[int64]int{}, 0
	take := func(want int) (consumers []int64) {
		t.Helper()
		part := l.take()
		for row, err := range part.Rows {
			id, wrong := strconv.ParseInt(row.ConsumerExternalID, 10, 64)
			if err != nil || wrong != nil {
				t.Fatal(err, wrong)
			}
			if row.Line <= last[id] {
				t.Fatalf("line %d comes after line %d", row.Line, last[id])
			}
			if last[id] = row.Line; !slices.Contains(consumers, id) {
				consumers = append(consumers, id)
			}
		}
		if taken += part.Len(); part.Len() != want {
			t.Fatalf("a part of %d lines, want %d", part.Len(), want)
		}
		return consumers
	}
	if consumers := take(store.ImportSize); len(consumers) != people*store.ImportSize/laneRows || consumers[0] != 0 {
		t.Errorf("the first part has lines of %v", consumers)
	}
	for range store.ImportSize - 1 { // one consumer's, more than fit in what is left of a part
		put(0)
	}
	blocked := make(chan bool)
	go func() {
		first := add(0)
		blocked <- add(0) && first
	}()
	for range laneRows / store.ImportSize {
		take(store.ImportSize)
	}
	if !<-blocked {
		t.Error("a full lane takes nothing when there is room again")
	}
	l.end()
	for len(l.turn) > 0 {
		take(l.n)
	}
	if last := l.take(); taken != lines || last.Len() > 0 {
		t.Errorf("%d lines of %d came, and then others", taken, lines)
	}
	if add(1) {
		t.Error("a lane that is over takes a line")
	}
}

// TestImportHelp: the help names every column that a file can have.
func TestImportHelp(t *testing.T) {
	t.Parallel()
	help := command(t, nil, "import", "--help")
	columns := map[string]bool{}
	refused := func(err error) {
		_, names, _ := strings.Cut(err.Error(), "there can be ")
		names, _, _ = strings.Cut(names, " (")
		for name := range strings.SplitSeq(names, ", ") {
			columns[name] = true
		}
	}
	for _, err := range statement.Consumers(strings.NewReader("external_id,none\n")) {
		refused(err)
	}
	for _, err := range statement.Accounts(strings.NewReader("consumer_external_id,external_id,container,name,currency,none\n")) {
		refused(err)
	}
	for _, err := range statement.Transactions(strings.NewReader("account_external_id,external_id,booking_date,amount,currency,none\n")) {
		refused(err)
	}
	for name := range columns {
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(help) {
			t.Errorf("the help says nothing of %s", name)
		}
	}
	if len(columns) < 20 {
		t.Errorf("only %d columns found, so some would be missed", len(columns))
	}
}
