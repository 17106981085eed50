// Package budget limits what a customer, and each of its consumers, may ask of the server: points that come back with
// time, and requests that run at once. Points are counted in Redis, so that all processes share them; but no request
// waits for it. Each process spends from what it last heard and tells Redis a moment later; while Redis is away each
// counts alone.
package budget

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/semaphore"
)

// Limits are what a holder may use. Zero is no limit.
type Limits struct {
	Points   int // that come back in a second
	Requests int // that run at once in this process
}

const (
	burst    = 10                     // seconds of points that can be saved up
	told     = 100 * time.Millisecond // how often Redis is told
	patience = 250 * time.Millisecond // for Redis, in the background
	away     = time.Second            // until Redis is tried again
	maxKnown = 20_000                 // holders; above it those who have not come lately are forgotten
	queue    = 8                      // requests that may wait for each that may run
)

// Holder is whose token a request came with: a customer's, or a consumer's (then Consumer is not zero).
type Holder struct{ Customer, Consumer int64 }

// Budget counts. Redis may be nil: then this process counts alone.
type Budget struct {
	Redis     redis.UniversalClient
	Customers Limits
	Consumers Limits // each consumer's, with whatever token
	Now       func() time.Time

	mu     sync.Mutex
	known  map[Holder]*account
	tidied time.Time
}

// account is what one holder has.
type account struct {
	name    string // in Redis
	limits  Limits
	points  float64 // left, at the time of at; below zero after a dear request
	at      time.Time
	unsaid  float64 // spent, and Redis does not know yet
	tellAt  time.Time
	telling bool
	slots   *semaphore.Weighted
	inside  int // requests that run or wait
}

// Left is what an answer tells about a budget.
type Left struct{ Requested, Remaining, Limit, Restore int }

// JSON is Left as clients see it.
func (l Left) JSON() []byte {
	return fmt.Appendf(nil, `{"requested":%d,"remaining":%d,"limit":%d,"restorePerSecond":%d}`, l.Requested, l.Remaining, l.Limit, l.Restore)
}

// Refusal is why a request may not run now.
type Refusal struct{ Wait time.Duration }

func (*Refusal) Error() string { return "over budget" }

// Enter lets a request run, at once or after those that came before it. Who has no points left, or too many requests
// waiting, gets a Refusal. What a request costs is known later and taken by Spend, so a dear one can leave a debt.
func (b *Budget) Enter(ctx context.Context, h Holder) (leave func(), err error) {
	accounts, err := b.admit(h)
	if err != nil {
		return nil, err
	}
	for i, a := range accounts {
		if a.slots == nil {
			continue
		}
		if err := a.slots.Acquire(ctx, 1); err != nil {
			b.leave(accounts, i)
			return nil, err
		}
	}
	return func() { b.leave(accounts, len(accounts)) }, nil
}

func (b *Budget) admit(h Holder) ([]*account, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	accounts := b.accounts(h)
	for _, a := range accounts {
		if a.limits.Points > 0 && a.points <= 0 {
			return nil, &Refusal{time.Duration(-a.points/float64(a.limits.Points)*float64(time.Second)) + time.Second}
		}
		if a.limits.Requests > 0 && a.inside >= a.limits.Requests*(1+queue) {
			return nil, &Refusal{time.Second}
		}
	}
	for _, a := range accounts {
		a.inside++
	}
	return accounts, nil
}

// leave gives back the slots of the first accounts, and the place in all.
func (b *Budget) leave(accounts []*account, slots int) {
	for _, a := range accounts[:slots] {
		if a.slots != nil {
			a.slots.Release(1)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range accounts {
		a.inside--
	}
}

// Spend takes the points of a request, and tells what the holder has left: of the consumer's budget with a consumer's
// token, else of the customer's.
func (b *Budget) Spend(h Holder, cost int) (left Left, limited bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.accounts(h) {
		if a.limits.Points == 0 {
			continue
		}
		a.points -= float64(cost)
		a.unsaid += float64(cost)
		b.tell(a)
		if !limited {
			left, limited = Left{cost, max(int(a.points), 0), a.limits.Points * burst, a.limits.Points}, true
		}
	}
	return left, limited
}

// accounts are the consumer's, with a consumer's token, and then the customer's, as they are now. So a consumer whose
// requests wait for each other holds nothing that others of the customer wait for.
func (b *Budget) accounts(h Holder) (list []*account) {
	now := b.Now()
	if h.Consumer != 0 {
		list = append(list, b.account(h, b.Consumers, now))
	}
	return append(list, b.account(Holder{Customer: h.Customer}, b.Customers, now))
}

func (b *Budget) account(key Holder, limits Limits, now time.Time) *account {
	a := b.known[key]
	if a == nil {
		b.tidy(now)
		a = &account{name: fmt.Sprintf("insightgraph:budget:%d:%d", key.Customer, key.Consumer), limits: limits, points: float64(limits.Points * burst), at: now}
		if limits.Requests > 0 {
			a.slots = semaphore.NewWeighted(int64(limits.Requests))
		}
		b.known[key] = a
	}
	if passed := now.Sub(a.at).Seconds(); passed > 0 {
		a.points = min(a.points+passed*float64(limits.Points), float64(limits.Points*burst))
		a.at = now
	}
	return a
}

// tidy forgets those whose points are all back by now. It looks through all of them at most once a second.
func (b *Budget) tidy(now time.Time) {
	if b.known == nil {
		b.known = map[Holder]*account{}
	}
	if len(b.known) < maxKnown || now.Sub(b.tidied) < time.Second {
		return
	}
	b.tidied = now
	for key, a := range b.known {
		idle := now.Sub(a.at)
		if a.inside == 0 && !a.telling && idle > 2*burst*time.Second && a.points+idle.Seconds()*float64(a.limits.Points) >= float64(a.limits.Points*burst) {
			delete(b.known, key)
		}
	}
}

// spent takes points from the bucket in Redis, by Redis' own clock, and gives what is left. A clock that steps back takes
// nothing away. A bucket that is full again is forgotten.
var spent = redis.NewScript(`
	local rate, size, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
	local time = redis.call('TIME')
	local now = time[1] * 1000 + math.floor(time[2] / 1000)
	local old = redis.call('HMGET', KEYS[1], 'points', 'at')
	local points = size
	if old[1] then points = math.min(size, old[1] + math.max(0, now - old[2]) * rate / 1000) end
	points = points - cost
	redis.call('HSET', KEYS[1], 'points', string.format('%.3f', points), 'at', string.format('%.0f', now))
	redis.call('PEXPIRE', KEYS[1], math.ceil((size - points) / rate * 1000) + 1000)
	return string.format('%.3f', points)`)

// tell has Redis count what was spent, and hears what other processes have spent. b.mu is held.
func (b *Budget) tell(a *account) {
	now := b.Now()
	if b.Redis == nil || a.telling || now.Before(a.tellAt) {
		return
	}
	a.telling = true
	said := a.unsaid
	a.unsaid = 0
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		points, err := spent.Run(ctx, b.Redis, []string{a.name}, a.limits.Points, a.limits.Points*burst, said).Float64()
		b.mu.Lock()
		defer b.mu.Unlock()
		a.telling, a.tellAt = false, b.Now().Add(told)
		if err != nil { // what was spent is in points; Redis never hears of it
			a.tellAt = b.Now().Add(away)
			return
		}
		a.points, a.at = points-a.unsaid, b.Now()
	}()
}
