package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// marks keep in Redis what the store's read replica must have before it answers a customer: a key for each customer, so
// that a cluster spreads them.
type marks struct{ redis redis.UniversalClient }

// markLife is how long a mark is kept. After it the primary answers once and makes a new one.
const markLife = 5 * time.Minute

func markKey(customerID int64) string { return fmt.Sprintf("insightgraph:mark:%d", customerID) }

// keepLater sets a key to a number, unless it holds a later one: what two processes note may come in either order.
var keepLater = redis.NewScript(`
	local old = tonumber(redis.call('GET', KEYS[1]))
	if not old or old < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
	return 0`)

func (m marks) Note(ctx context.Context, customerID, position int64) error {
	return keepLater.Run(ctx, m.redis, []string{markKey(customerID)}, position, markLife.Milliseconds()).Err()
}

func (m marks) Newest(ctx context.Context, customerID int64) (int64, error) {
	position, err := m.redis.Get(ctx, markKey(customerID)).Int64()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	return position, err
}
