package auth

import (
	"context"
	"errors"
	"strings"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/store"
)

// DefaultLife is how long an issued token is good.
const DefaultLife = time.Hour

// maxBearer bounds what is looked at as a token: the largest of ours, a JWT under a 4096-bit key, is below 2 KiB.
const maxBearer = 4096

// Tokens makes and checks bearer tokens. Time is the store's clock.
type Tokens struct {
	Store *store.Store
	Life  time.Duration // 0: DefaultLife
}

// The two faults that a bad token can meet. Which of the many things is wrong with it is nobody's business.
var (
	errInvalid = fault.New(fault.Unauthenticated, "", "Invalid token in authorization header")
	errExpired = fault.New(fault.Unauthenticated, "", "Token has expired")
)

// Issue makes an opaque token for a customer, or for one consumer of it. Only its hash is stored, so a copy of the
// database opens nothing.
func (t *Tokens) Issue(ctx context.Context, customer bank.Customer, consumer *bank.Consumer) (string, time.Duration, error) {
	life := t.Life
	if life <= 0 {
		life = DefaultLife
	}
	var consumerID *int64
	if consumer != nil {
		consumerID = &consumer.ID
	}
	token := NewSecret()
	err := t.Store.SaveToken(ctx, HashSecret(token), customer.ID, consumerID, t.Store.Now().Add(life))
	return token, life, err
}

// Viewer is the holder of a bearer token: one that Issue made, or a JWT that the customer has signed with a registered
// key. A bad token is one of two faults Y020; any other error is the server's.
func (t *Tokens) Viewer(ctx context.Context, bearer string) (Viewer, error) {
	if bearer == "" || len(bearer) > maxBearer {
		return Viewer{}, errInvalid
	}
	if strings.Count(bearer, ".") == 2 {
		return t.signed(ctx, bearer)
	}
	customer, consumer, expiresAt, err := t.Store.Token(ctx, HashSecret(bearer))
	switch {
	case notFound(err):
		return Viewer{}, errInvalid
	case err != nil:
		return Viewer{}, err
	case !t.Store.Now().Before(expiresAt):
		return Viewer{}, errExpired
	}
	return Viewer{Customer: customer, Consumer: consumer}, nil
}

// notFound tells whether the store has no such thing.
func notFound(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Code == fault.NotFound
}
