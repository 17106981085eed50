package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"insightgraph/bank"
)

const (
	maxAhead = 30 * time.Minute // how far ahead exp may lie: a signed token cannot be called back
	leeway   = 30 * time.Second // how far the customer's clock may be off
	maxKeys  = 20               // how many keys are tried for a token that names none
)

// claims are those of a signed token that are looked at. Subject is kept raw because a subject that was sent blank or
// as null must not give a customer-level token.
type claims struct {
	jwt.RegisteredClaims
	Subject json.RawMessage `json:"sub"`
}

// errNoKey stands for every reason that a token names no key that may check it.
var errNoKey = errors.New("no such key")

// signed checks a JWT: the issuer is a client id, the algorithm is that of one of its registered keys, and the time is
// right. The algorithm is never taken from the token alone (RFC 8725 3.1).
func (t *Tokens) signed(ctx context.Context, bearer string) (Viewer, error) {
	var customer bank.Customer
	var broken error // what is not the token's fault
	now := t.Store.Now()
	var c claims
	parser := jwt.NewParser(jwt.WithValidMethods(Algorithms), jwt.WithTimeFunc(func() time.Time { return now }),
		jwt.WithLeeway(leeway), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	token, err := parser.ParseWithClaims(bearer, &c, func(token *jwt.Token) (any, error) {
		var keys []bank.PublicKey
		if customer, _, broken = t.Store.CustomerOfClient(ctx, c.Issuer); broken == nil {
			keys, broken = t.Store.Customer(customer.ID).PublicKeys(ctx)
		}
		if broken != nil {
			return nil, errNoKey
		}
		return candidates(token, keys)
	})
	name := "signed"
	if token != nil && token.Header["kid"] != nil {
		name = fmt.Sprint("key ", token.Header["kid"])
	}
	switch {
	case broken != nil && !notFound(broken):
		return Viewer{}, broken
	case err != nil && onlyExpired(err):
		return Viewer{}, errExpired
	case err != nil || c.ExpiresAt.After(now.Add(maxAhead+leeway)):
		return Viewer{}, errInvalid
	case c.Subject == nil:
		return Viewer{Customer: customer, Token: name}, nil
	}
	var externalID string
	if json.Unmarshal(c.Subject, &externalID) != nil || externalID == "" {
		return Viewer{}, errInvalid
	}
	consumer, err := t.Store.Customer(customer.ID).ConsumerByExternalID(ctx, externalID)
	if notFound(err) {
		return Viewer{}, errInvalid
	}
	return Viewer{Customer: customer, Consumer: &consumer, Token: name}, err
}

// candidates are the customer's keys that may have signed a token.
func candidates(token *jwt.Token, keys []bank.PublicKey) (any, error) {
	if _, critical := token.Header["crit"]; critical { // RFC 7515 4.1.11: what must be understood and is not
		return nil, errNoKey
	}
	kid, named := token.Header["kid"]
	var set jwt.VerificationKeySet
	for _, k := range keys {
		if k.RevokedAt != nil || k.Algorithm != token.Method.Alg() || named && kid != k.KeyID || len(set.Keys) == maxKeys {
			continue
		}
		key, _, err := ParsePublicKey(k.PEM, &k.Algorithm)
		if err == nil {
			set.Keys = append(set.Keys, key)
		}
	}
	if len(set.Keys) == 0 {
		return nil, errNoKey
	}
	return set, nil
}

// onlyExpired tells whether a token is right but for its age.
func onlyExpired(err error) bool {
	return errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenNotValidYet) && !errors.Is(err, jwt.ErrTokenUsedBeforeIssued)
}
