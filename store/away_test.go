package store_test

import (
	"context"
	"testing"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

// TestReadOnly: a database that takes no changes, as after a failover to a standby, is away for who wants to change
// something, and answers who asks.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	s := storetest.Open(t, url, store.Options{MaxConns: 2})
	acme := must[bank.Customer](t)(s.CreateCustomer(t.Context(), bank.Customer{Name: "acme", ClientID: "acme", TimeZone: "UTC", Currency: "EUR"}, []byte("hash")))
	anna := consumer(t, s.Customer(acme.ID), "anna")
	standby := storetest.Open(t, url+"&default_transaction_read_only=on", store.Options{MaxConns: 2}).Customer(acme.ID)
	if _, err := standby.CreateConsumer(t.Context(), store.NewConsumer{}); len(fault.Of(err)) != 1 || fault.Of(err)[0].Code != fault.Unavailable {
		t.Errorf("a change: %v", err)
	}
	if c, err := standby.Consumer(t.Context(), anna.Ref()); err != nil || c.ID != anna.ID {
		t.Errorf("a question: %+v, %v", c, err)
	}
}

// TestBusyIsNotAway: while all connections are in use, the database is asked all the same what it lacks.
func TestBusyIsNotAway(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, storetest.URL(t), store.Options{MaxConns: 2})
	s.Busy(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // what waits for a connection would wait for ever
	defer cancel()
	if n, err := s.Behind(ctx); n != 0 || err != nil {
		t.Errorf("behind by %d, %v", n, err)
	}
}
