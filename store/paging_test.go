package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// walk reads a list page by page in one direction and gives the ids in list order. between is called after each page.
func walk[T any](t *testing.T, size int, backward bool, id func(T) int64, between func(), list func(page.Args) (*page.Of[T], error)) (ids []int64) {
	t.Helper()
	a := page.Args{Size: size, Backward: backward}
	for {
		p, err := list(a)
		if err != nil {
			t.Fatal(err)
		}
		var part []int64
		for _, x := range p.Nodes {
			part = append(part, id(x))
		}
		more, seen := p.Info.HasNextPage, p.Info.HasPreviousPage
		if backward {
			ids = append(part, ids...)
			more, seen = seen, more
		} else {
			ids = append(ids, part...)
		}
		if len(p.Nodes) > size || more && len(p.Nodes) < size || seen != (a.Cursor != nil) {
			t.Fatalf("page of %d: %d rows, more %v, seen %v", size, len(p.Nodes), more, seen)
		}
		if !more {
			return ids
		}
		text := *p.Info.EndCursor()
		if backward {
			text = *p.Info.StartCursor()
		}
		var next page.Args
		if backward {
			next, err = page.Parse(nil, nil, &size, &text)
		} else {
			next, err = page.Parse(&size, &text, nil, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		a = next
		between()
	}
}

// lists checks a list in both directions and with several sizes, and what it says of itself.
func lists[T any](t *testing.T, name string, want []int64, id func(T) int64, list func(page.Args) (*page.Of[T], error)) {
	t.Helper()
	for _, size := range []int{1, 2, 3, 100} {
		for _, backward := range []bool{false, true} {
			if got := walk(t, size, backward, id, func() {}, list); !slices.Equal(got, want) {
				t.Errorf("%s, pages of %d, backward %v: %v, want %v", name, size, backward, got, want)
			}
		}
	}
	for _, backward := range []bool{false, true} {
		p, err := list(page.Args{Backward: backward})
		if err != nil || len(p.Nodes) != 0 || p.Info.StartCursor() != nil || p.Info.HasNextPage != (!backward && len(want) > 0) || p.Info.HasPreviousPage != (backward && len(want) > 0) {
			t.Errorf("%s, first 0: %+v, %v", name, p, err)
		}
	}
	p, err := list(page.Args{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := p.TotalCount(t.Context()); n != len(want) || err != nil {
		t.Errorf("%s: total %d, %v", name, n, err)
	}
	for _, key := range []string{"\x00", "yesterday", "0000-01-01T00:00:00Z", "2026-01-01T00:00:00+20:00"} {
		_, err := list(page.Args{Size: 1, Cursor: &page.Cursor{Key: key, ID: 1}, Backward: key == "yesterday"})
		f := fault.Of(err)
		if dated := strings.HasPrefix(name, "transactions") || strings.HasPrefix(name, "feed"); (dated || err != nil) && (len(f) != 1 || f[0].Code != fault.InvalidValue) {
			t.Errorf("%s, cursor %q: %v", name, key, err)
		}
	}
}

func transactionID(x bank.Transaction) int64 { return x.ID }
func accountID(x bank.Account) int64         { return x.ID }
func entryID(x insight.Entry) int64          { return x.ID }

func idsOf[T any](list []T, id func(T) int64) (ids []int64) {
	for _, x := range list {
		ids = append(ids, id(x))
	}
	return ids
}

func TestLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.c, t.Context()
	var rows []bank.Transaction
	for i := range 9 { // three equal dates each
		rows = append(rows, row(numbered(i), fmt.Sprint(i+1), fmt.Sprintf("2026-01-%02d", i/3+1)))
	}
	var accounts []bank.Account
	var consumers []int64
	for _, who := range []string{"anna", "ben", "clara"} {
		for i := range 4 {
			accounts = append(accounts, account(t, c, who, fmt.Sprint(i), bank.ContainerBank))
		}
		consumers = append(consumers, accounts[len(accounts)-1].ConsumerID)
	}
	put(t, c, accounts[0], rows...)
	put(t, c, accounts[4], rows[:5]...)
	all := all(t, c, bank.TransactionFilter{})
	if !slices.IsSortedFunc(all, func(a, b bank.Transaction) int {
		return slices.Compare([]int64{int64(b.BookingDate), b.ID}, []int64{int64(a.BookingDate), a.ID})
	}) || len(all) != 14 {
		t.Errorf("not by date and id: %v", all)
	}
	lists(t, "transactions", idsOf(all, transactionID), transactionID, func(a page.Args) (*page.Of[bank.Transaction], error) {
		return c.Transactions(ctx, bank.TransactionFilter{}, a)
	})
	slices.Reverse(consumers)
	lists(t, "consumers", consumers, func(c bank.Consumer) int64 { return c.ID }, func(a page.Args) (*page.Of[bank.Consumer], error) { return c.Consumers(ctx, a) })

	// Lists of several parents: each has its own page and count, in the order asked for, in one statement more or less.
	parents := []int64{consumers[1], 1 << 40, consumers[2], consumers[0], consumers[1]}
	for place, who := range parents {
		mine := slices.DeleteFunc(slices.Clone(accounts), func(a bank.Account) bool { return a.ConsumerID != who })
		slices.Reverse(mine)
		lists(t, "accounts of consumers", idsOf(mine, accountID), accountID, func(a page.Args) (*page.Of[bank.Account], error) {
			p, err := c.Accounts(ctx, parents, bank.AccountFilter{}, a)
			if err != nil {
				return nil, err
			}
			return p[place], nil
		})
		rows := slices.DeleteFunc(slices.Clone(all), func(x bank.Transaction) bool { return x.ConsumerID != who })
		lists(t, "transactions of consumers", idsOf(rows, transactionID), transactionID, func(a page.Args) (*page.Of[bank.Transaction], error) {
			p, err := c.TransactionsOfConsumers(ctx, parents, bank.TransactionFilter{}, a)
			if err != nil {
				return nil, err
			}
			return p[place], nil
		})
	}
	refs := []bank.Ref{accounts[4].Ref(), accounts[1].Ref(), accounts[0].Ref()}
	for place, ref := range refs {
		rows := slices.DeleteFunc(slices.Clone(all), func(x bank.Transaction) bool { return x.AccountID != ref.ID })
		lists(t, "transactions of accounts", idsOf(rows, transactionID), transactionID, func(a page.Args) (*page.Of[bank.Transaction], error) {
			p, err := c.TransactionsOfAccounts(ctx, refs, bank.TransactionFilter{}, a)
			if err != nil {
				return nil, err
			}
			return p[place], nil
		})
	}
	cost := func(parents []int64) int64 {
		before := w.Statements()
		pages := must[[]*page.Of[bank.Transaction]](t)(c.TransactionsOfConsumers(ctx, parents, bank.TransactionFilter{}, page.Args{Size: 2}))
		for _, p := range pages {
			must[int](t)(p.TotalCount(ctx))
		}
		return w.Statements() - before
	}
	if one, five := cost(parents[:1]), cost(parents); one != five {
		t.Errorf("%d statements for one parent, %d for five", one, five)
	}
	// Rows that come while a client reads neither move nor repeat the others.
	i := 0
	for _, backward := range []bool{false, true} {
		before := all
		if backward {
			before = must[*page.Of[bank.Transaction]](t)(c.Transactions(ctx, bank.TransactionFilter{}, page.Args{Size: 1000})).Nodes
		}
		got := walk(t, 2, backward, transactionID, func() {
			i++
			put(t, c, accounts[1], row("late"+numbered(i), "1", []string{"2025-12-01", "2026-01-02", "2026-02-01"}[i%3]))
		}, func(a page.Args) (*page.Of[bank.Transaction], error) {
			return c.Transactions(ctx, bank.TransactionFilter{}, a)
		})
		old := idsOf(before, transactionID)
		kept := slices.DeleteFunc(slices.Clone(got), func(id int64) bool { return !slices.Contains(old, id) })
		if !slices.Equal(kept, old) || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
			t.Errorf("while rows come, backward %v: %v of %v", backward, kept, old)
		}
	}
}

func TestFeedLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.c, t.Context()
	var consumers []bank.Consumer
	var accounts []bank.Account
	for _, who := range []string{"anna", "ben"} {
		consumers = append(consumers, consumer(t, c, who))
		accounts = append(accounts, account(t, c, who, "a", bank.ContainerBank))
	}
	start := w.Now()
	for month := 1; month <= 3; month++ { // the two entries of a month have one time
		run, shards, err := c.CreateRun(ctx, store.NewRun{Requests: []insight.TriggerRequest{{Insight: "COMPARISON"}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		shard, _, err := w.Claim(ctx, shards[0])
		if err != nil {
			t.Fatal(err)
		}
		var results []store.Result
		for i, one := range consumers {
			e := entryFor(one, fmt.Sprintf("2026-%02d", month), accounts[i])
			if month == 3 {
				e.Type, e.Trigger, e.Insight = insight.Other, insight.OnEvent, "OTHER"
			}
			results = append(results, evaluated(run, one, insight.Generated, e))
		}
		if _, err := storetest.Finish(ctx, w.Store, shard, results); err != nil {
			t.Fatal(err)
		}
		lists(t, "evaluations", []int64{consumers[1].ID, consumers[0].ID}, func(e insight.Evaluation) int64 { return e.ConsumerID }, func(a page.Args) (*page.Of[insight.Evaluation], error) {
			return c.Evaluations(ctx, run, []insight.Outcome{insight.Generated}, a)
		})
		w.clock.add(24 * 3600e9)
	}
	feed := func(f insight.FeedFilter) []int64 {
		return idsOf(must[*page.Of[insight.Entry]](t)(c.Feed(ctx, f, page.Args{Size: 100})).Nodes, entryID)
	}
	all := feed(insight.FeedFilter{})
	lists(t, "feed", all, entryID, func(a page.Args) (*page.Of[insight.Entry], error) { return c.Feed(ctx, insight.FeedFilter{}, a) })
	if len(all) != 6 || !slices.IsSortedFunc(all, func(a, b int64) int { return int(b - a) }) {
		t.Errorf("feed: %v", all)
	}
	of := func(who int) []int64 { return []int64{all[1-who], all[3-who], all[5-who]} }
	for place, who := range []int{1, 0} {
		lists(t, "feed of consumers", of(who), entryID, func(a page.Args) (*page.Of[insight.Entry], error) {
			p, err := c.FeedOfConsumers(ctx, []int64{consumers[1].ID, consumers[0].ID}, insight.FeedFilter{}, a)
			if err != nil {
				return nil, err
			}
			return p[place], nil
		})
	}
	for name, one := range map[string]struct {
		f    insight.FeedFilter
		want []int64
	}{
		"consumers":     {insight.FeedFilter{ConsumerIDs: []bank.Ref{consumers[0].Ref()}}, of(0)},
		"no consumers":  {insight.FeedFilter{ConsumerIDs: []bank.Ref{}}, nil},
		"names":         {insight.FeedFilter{InsightNames: []string{"OTHER"}}, all[:2]},
		"no names":      {insight.FeedFilter{InsightNames: []string{}}, nil},
		"type":          {insight.FeedFilter{InsightType: ptr("AGGREGATE")}, all[2:]},
		"trigger":       {insight.FeedFilter{TriggerType: ptr("EVENT")}, all[:2]},
		"entities":      {insight.FeedFilter{EntityIDs: []bank.Ref{accounts[1].Ref()}}, of(1)},
		"no entities":   {insight.FeedFilter{EntityIDs: []bank.Ref{}}, nil},
		"created from":  {insight.FeedFilter{CreatedFrom: ptr(start.Add(24 * 3600e9))}, all[:4]},
		"created to":    {insight.FeedFilter{CreatedTo: &start}, all[4:]},
		"all of it":     {insight.FeedFilter{ConsumerIDs: []bank.Ref{consumers[0].Ref()}, InsightNames: []string{"OTHER", "COMPARISON"}, InsightType: ptr("AGGREGATE"), CreatedTo: &start}, of(0)[2:]},
		"another's ref": {insight.FeedFilter{ConsumerIDs: []bank.Ref{accounts[0].Ref()}}, nil},
	} {
		if got := feed(one.f); !slices.Equal(got, one.want) {
			t.Errorf("%s: %v, want %v", name, got, one.want)
		}
	}
}

// TestWantedFields: of rows of which some fields are wanted these are read, and what pages are made of.
func TestWantedFields(t *testing.T) {
	t.Parallel()
	w := populate(t, storetest.New(t), "a")
	ctx := t.Context()
	whole := must[*page.Of[bank.Transaction]](t)(w.Transactions(ctx, bank.TransactionFilter{}, page.Args{Size: 1}))
	some := must[*page.Of[bank.Transaction]](t)(w.Transactions(ctx, bank.TransactionFilter{}, page.Args{Size: 1, Fields: []string{"Description", "Amount"}}))
	x := whole.Nodes[0]
	want := bank.Transaction{ConsumerID: x.ConsumerID, ID: x.ID, BookingDate: x.BookingDate, Description: x.Description, Amount: x.Amount}
	if !reflect.DeepEqual(some.Nodes[0], want) || *some.Info.EndCursor() != *whole.Info.EndCursor() {
		t.Errorf("%+v %s", some.Nodes[0], *some.Info.EndCursor())
	}
}
