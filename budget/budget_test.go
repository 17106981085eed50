package budget

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"insightgraph/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// clock stands until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newClock() *clock { return &clock{now: time.Date(2022, 1, 27, 12, 0, 0, 0, time.UTC)} }

// request enters, spends and leaves.
func request(t *testing.T, b *Budget, h Holder, cost int) (Left, error) {
	t.Helper()
	leave, err := b.Enter(t.Context(), h)
	if err != nil {
		return Left{}, err
	}
	defer leave()
	left, _ := b.Spend(h, cost)
	return left, nil
}

func TestPoints(t *testing.T) {
	c := newClock()
	b := &Budget{Customers: Limits{Points: 100}, Consumers: Limits{Points: 10}, Now: c.Now}
	acme, anna, bert, other := Holder{Customer: 1}, Holder{1, 2}, Holder{1, 3}, Holder{Customer: 4}

	if left, err := request(t, b, anna, 99); err != nil || left != (Left{99, 1, 100, 10}) {
		t.Errorf("first: %v %v", left, err)
	}
	if left, err := request(t, b, anna, 41); err != nil || left.Remaining != 0 {
		t.Errorf("what is dearer than what is left leaves a debt: %v %v", left, err)
	}
	_, err := request(t, b, anna, 1)
	if over, ok := errors.AsType[*Refusal](err); !ok || over.Wait != 5*time.Second {
		t.Errorf("in debt: %v", err)
	}
	if left, err := request(t, b, bert, 1); err != nil || left.Remaining != 99 {
		t.Errorf("another consumer: %v %v", left, err)
	}
	if left, err := request(t, b, acme, 9); err != nil || left != (Left{9, 850, 1000, 100}) {
		t.Errorf("what consumers spend, their customer spends: %v %v", left, err)
	}
	if _, err := request(t, b, acme, 5000); err != nil {
		t.Error(err)
	}
	if _, err := request(t, b, bert, 1); err == nil {
		t.Error("the customer's debt holds for its consumers")
	}
	if _, err := request(t, b, other, 1); err != nil {
		t.Errorf("another customer: %v", err)
	}
	c.pass(5 * time.Second)
	for range 10 {
		if _, err := request(t, b, anna, 1); err == nil {
			t.Fatal("the customer's debt is not over, and asking again brings nothing back")
		}
	}
	c.pass(time.Hour)
	if left, err := request(t, b, anna, 1); err != nil || left.Remaining != 99 {
		t.Errorf("no more than the bucket holds comes back: %v %v", left, err)
	}
}

// Where many come, those who have not come lately are forgotten: not who is inside, nor who still has a debt.
func TestTidy(t *testing.T) {
	c := newClock()
	b := &Budget{Customers: Limits{Points: 1, Requests: 1}, Now: c.Now}
	idle, debtor, inside := Holder{Customer: 1}, Holder{Customer: 2}, Holder{Customer: 3}
	b.Spend(idle, 10)
	b.Spend(debtor, 100) // a minute and a half until it has points again
	leave, err := b.Enter(t.Context(), inside)
	if err != nil {
		t.Fatal(err)
	}
	for n := range int64(maxKnown) {
		b.Spend(Holder{Customer: 10 + n}, 1)
	}
	c.pass(21 * time.Second)
	b.Spend(Holder{Customer: 5}, 1)
	if _, err := b.Enter(t.Context(), debtor); err == nil {
		t.Error("a debt is forgotten")
	}
	if len(b.known) != 3 || b.known[inside] == nil {
		t.Errorf("%d are known", len(b.known))
	}
	leave()
}

func TestNoLimits(t *testing.T) {
	b := &Budget{Now: time.Now}
	leave, err := b.Enter(t.Context(), Holder{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	leave()
	if _, limited := b.Spend(Holder{1, 2}, 1<<30); limited {
		t.Error("there is no limit to tell of")
	}
}

// Requests beyond the number that may run wait in turn; beyond the places to wait they are refused; a consumer's that
// wait hold up nobody else of the customer.
func TestRequests(t *testing.T) {
	b := &Budget{Customers: Limits{Requests: 2}, Consumers: Limits{Requests: 1}, Now: time.Now}
	anna, bert := Holder{1, 2}, Holder{1, 3}
	leave, err := b.Enter(t.Context(), anna)
	if err != nil {
		t.Fatal(err)
	}
	given, gone := context.WithCancel(t.Context())
	waiting := make(chan error, queue)
	for range queue {
		go func() {
			leave, err := b.Enter(given, anna)
			if err == nil {
				leave()
			}
			waiting <- err
		}()
	}
	for inside := 0; inside < 1+queue; {
		b.mu.Lock()
		inside = b.known[anna].inside
		b.mu.Unlock()
	}
	if _, err := b.Enter(t.Context(), anna); err == nil {
		t.Error("one more than may wait")
	}
	other, err := b.Enter(t.Context(), bert)
	if err != nil {
		t.Fatal(err)
	}
	other()
	leave()
	if err := <-waiting; err != nil {
		t.Errorf("the next in turn: %v", err)
	}
	gone()
	for range queue - 1 {
		if err := <-waiting; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	for _, a := range b.known {
		if a.inside != 0 || !a.slots.TryAcquire(int64(a.limits.Requests)) {
			t.Error("a place was not given back")
		}
	}
}

// Two processes share what a customer may spend, by way of Redis; without it each counts alone.
func TestShared(t *testing.T) {
	options, err := redis.ParseURL(storetest.Servers(t).RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	acme := Holder{Customer: 77}
	one, two := newClock(), newClock()
	first := &Budget{Redis: client, Customers: Limits{Points: 1}, Now: one.Now} // so slow that nothing comes back during the test
	second := &Budget{Redis: client, Customers: Limits{Points: 1}, Now: two.Now}
	for i := 0; ; i++ { // what is spent here
		if _, err := request(t, first, acme, 100_000); err != nil {
			break
		}
		if i > 0 {
			t.Fatal("in debt, and not refused")
		}
	}
	settled(t, first, acme)
	if _, err := request(t, second, acme, 0); err != nil {
		t.Fatalf("the other process has not heard of it yet: %v", err)
	}
	settled(t, second, acme)
	if _, err := request(t, second, acme, 0); err == nil {
		t.Error("the other process does not know of the debt")
	}

	options.Addr = "127.0.0.1:1"
	alone := redis.NewClient(options)
	t.Cleanup(func() { alone.Close() })
	third := &Budget{Redis: alone, Customers: Limits{Points: 10}, Now: newClock().Now}
	if left, err := request(t, third, acme, 60); err != nil || left.Remaining != 40 {
		t.Errorf("without Redis: %v %v", left, err)
	}
	settled(t, third, acme)
	if left, err := request(t, third, acme, 60); err != nil || left.Remaining != 0 {
		t.Errorf("without Redis, again: %v %v", left, err)
	}
	if _, err := request(t, third, acme, 1); err == nil {
		t.Error("without Redis nothing is refused")
	}
}

// TestClockStepsBack: points are not taken away for the time that Redis' clock was set back.
func TestClockStepsBack(t *testing.T) {
	options, err := redis.ParseURL(storetest.Servers(t).RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	acme, now := Holder{Customer: 78}, newClock()
	b := &Budget{Redis: client, Customers: Limits{Points: 1000}, Now: now.Now}
	for range 2 {
		if _, err := request(t, b, acme, 1000); err != nil {
			t.Fatal(err)
		}
		settled(t, b, acme)
		if err := client.HIncrBy(t.Context(), b.known[acme].name, "at", time.Hour.Milliseconds()).Err(); err != nil { // as after a step back by an hour
			t.Fatal(err)
		}
		now.pass(time.Second)
	}
	if _, err := request(t, b, acme, 0); err != nil {
		t.Error(err)
	}
}

// settled waits until Redis was told.
func settled(t *testing.T, b *Budget, h Holder) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		b.mu.Lock()
		telling := b.known[h].telling
		b.mu.Unlock()
		if !telling {
			return
		}
		if time.Now().After(end) {
			t.Fatal("Redis was not told")
		}
	}
}
