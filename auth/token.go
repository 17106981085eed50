package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
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

	recent recent
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
// key. A bad token is one of two faults Y020; any other error is the server's. A token of Issue that was good is believed for
// a moment; a key can be revoked, so what it signed is checked each time.
func (t *Tokens) Viewer(ctx context.Context, bearer string) (Viewer, error) {
	if bearer == "" || len(bearer) > maxBearer {
		return Viewer{}, errInvalid
	}
	if strings.Count(bearer, ".") == 2 {
		return t.signed(ctx, bearer)
	}
	hash, now := [sha256.Size]byte(HashSecret(bearer)), t.Store.Now()
	v, after, ok := t.recent.get(hash, now)
	if ok {
		return v, nil
	}
	customer, consumer, expiresAt, err := t.Store.Token(ctx, hash[:])
	switch {
	case notFound(err):
		return v, errInvalid
	case err != nil:
		return v, err
	case !now.Before(expiresAt):
		return v, errExpired
	}
	v = Viewer{Customer: customer, Consumer: consumer, Token: fmt.Sprintf("token %x", hash[:6])}
	t.recent.put(hash, came{v, earlier(expiresAt, now.Add(believed)), after})
	return v, nil
}

// Forget makes the tokens of a customer be looked up again. Whoever changes something that tokens tell, calls it.
func (t *Tokens) Forget(customerID int64) { t.recent.forget(customerID) }

// notFound tells whether the store has no such thing.
func notFound(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Code == fault.NotFound
}
