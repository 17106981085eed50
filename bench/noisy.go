package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/store"
)

const (
	noisyPoints = 60_000 // a second, that the noisy customer has
	noisyQuery  = `query($id: ID!) { consumer(id: $id) { accounts(first: 3) { nodes { id transactions(first: 20) { nodes { id description amount { amount } } } } } } }`
	quietQuery  = `query($id: ID!) { consumer(id: $id) { id externalId timeZone currency } }`
	quietRate   = 100 // requests a second
	noisyConns  = 16
)

// noisy measures how long a customer waits while another one asks for all that it may, and for ten times as much.
func (w *wireBench) noisy(ctx context.Context) error {
	server, err := w.serve(ctx, "noisy", w.database, fmt.Sprint("CUSTOMER_POINTS=", noisyPoints))
	if err != nil {
		return err
	}
	defer server.stop()
	euro, _ := bank.ParseCurrency("", "EUR")
	quiet, err := w.store.CreateCustomer(ctx, bank.Customer{Name: "Quiet", ClientID: fmt.Sprint("quiet-", time.Now().UnixNano()), TimeZone: "UTC", Currency: euro}, make([]byte, 32))
	if err != nil {
		return err
	}
	person, err := w.store.Customer(quiet.ID).CreateConsumer(ctx, store.NewConsumer{})
	if err != nil {
		return err
	}
	token, _, err := (&auth.Tokens{Store: w.store, Life: time.Hour}).Issue(ctx, quiet, nil)
	if err != nil {
		return err
	}
	loud, err := w.some(ctx, 1)
	if err != nil {
		return err
	}
	calm := request("/graphql", token, body(quietQuery, map[string]any{"id": person.Ref()}))
	wild := request("/graphql", w.token, body(noisyQuery, map[string]any{"id": loud[0]}))

	c, err := dial(server.addr)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	first, err := c.post(wild)
	if err != nil {
		return err
	}
	var told struct {
		Extensions struct{ Cost struct{ Requested int } }
	}
	if err := json.Unmarshal(first, &told); err != nil || told.Extensions.Cost.Requested == 0 {
		return fmt.Errorf("the answer does not tell its cost: %.300s", first)
	}
	allowed := noisyPoints / told.Extensions.Cost.Requested

	if _, _, err := w.beside(ctx, server.addr, calm, wild, 10*allowed); err != nil { // spends what was saved up
		return err
	}
	var once, tenfold series
	for round := range w.rounds {
		for _, x := range []struct {
			rate int
			p99  *series
		}{{allowed, &once}, {10 * allowed, &tenfold}} {
			took, refused, err := w.beside(ctx, server.addr, calm, wild, x.rate)
			if err != nil {
				return err
			}
			*x.p99 = append(*x.p99, took.at(0.99))
			say("  round %d: beside %d requests a second, %d of them refused, p99 is %.2f ms", round+1, x.rate, refused/int(w.noisyFor().Seconds()), last(*x.p99)*1000)
		}
	}
	w.results = append(w.results, result{name: fmt.Sprintf("p99 of a customer beside one who asks for ten times its points (%d a second) / beside one who asks for what it has", noisyPoints),
		ours: tenfold, limit: once, goal: 1.2})
	return nil
}

// noisyFor is how long each load lasts.
func (w *wireBench) noisyFor() time.Duration { return 4 * w.point }

// beside asks calmly while another one asks wildly, and tells how long the calm one waited.
func (w *wireBench) beside(ctx context.Context, addr string, calm, wild []byte, rate int) (took series, refused int, err error) {
	ctx, stop := context.WithTimeout(ctx, w.noisyFor())
	defer stop()
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed error
	note := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = err
		}
	}
	for range noisyConns {
		group.Go(func() {
			n, err := paced(ctx, addr, wild, float64(rate)/noisyConns, nil)
			note(err)
			mu.Lock()
			defer mu.Unlock()
			refused += n
		})
	}
	group.Go(func() {
		n, err := paced(ctx, addr, calm, quietRate, &took)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d requests of the calm customer were refused", n)
		}
		note(err)
	})
	group.Wait()
	return took, refused, failed
}

// paced asks so many times a second, or as often as answers come. It counts those that were refused for asking too often.
func paced(ctx context.Context, addr string, request []byte, rate float64, took *series) (refused int, err error) {
	c, err := dial(addr)
	if err != nil {
		return 0, err
	}
	defer c.conn.Close()
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return refused, nil
		case <-tick.C:
		}
		begin := time.Now()
		if _, err := c.conn.Write(request); err != nil {
			return refused, err
		}
		status, _, err := c.answer(true)
		switch {
		case err != nil:
			return refused, err
		case status == 429:
			refused++
		case status != 200:
			return refused, fmt.Errorf("status %d: %.200s", status, c.body)
		case took != nil:
			took.add(time.Since(begin))
		}
	}
}
