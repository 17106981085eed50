package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"insightgraph/auth"
	"insightgraph/fault"
)

// sign makes a JWT; header adds to alg and typ.
func sign(t *testing.T, method jwt.SigningMethod, key any, header, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	for k, v := range header {
		token.Header[k] = v
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// claims are good ones with changes; a nil value takes a claim out.
func claims(changes map[string]any) map[string]any {
	all := map[string]any{"iss": "acme", "exp": noon.Add(10 * time.Minute).Unix(), "iat": noon.Unix()}
	for k, v := range changes {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	return all
}

type m = map[string]any

func TestGoodSignedTokens(t *testing.T) {
	h := newHouse(t)
	r, e, ed := newKeys(t)
	h.register(t, h.customer, "rsa", "RS256", r)
	h.register(t, h.customer, "rsa-long", "RS512", r)
	h.register(t, h.customer, "ec", "ES256", e)
	h.register(t, h.customer, "ed", "EdDSA", ed)
	for name, one := range map[string]struct {
		token string
		role  auth.Role
	}{
		"RS256":              {sign(t, jwt.SigningMethodRS256, r, m{"kid": "rsa"}, claims(nil)), auth.RoleCustomer},
		"RS512":              {sign(t, jwt.SigningMethodRS512, r, m{"kid": "rsa-long"}, claims(nil)), auth.RoleCustomer},
		"ES256":              {sign(t, jwt.SigningMethodES256, e, m{"kid": "ec"}, claims(nil)), auth.RoleCustomer},
		"EdDSA":              {sign(t, jwt.SigningMethodEdDSA, ed, m{"kid": "ed"}, claims(nil)), auth.RoleCustomer},
		"no kid":             {sign(t, jwt.SigningMethodEdDSA, ed, nil, claims(nil)), auth.RoleCustomer},
		"user level":         {sign(t, jwt.SigningMethodES256, e, nil, claims(m{"sub": "anna"})), auth.RoleConsumer},
		"exp just in reach":  {sign(t, jwt.SigningMethodES256, e, nil, claims(m{"exp": noon.Add(30 * time.Minute).Unix()})), auth.RoleCustomer},
		"clocks a bit off":   {sign(t, jwt.SigningMethodES256, e, nil, claims(m{"iat": noon.Add(20 * time.Second).Unix()})), auth.RoleCustomer},
		"expired by a blink": {sign(t, jwt.SigningMethodES256, e, nil, claims(m{"exp": noon.Add(-20 * time.Second).Unix()})), auth.RoleCustomer},
	} {
		v, err := h.tokens.Viewer(t.Context(), one.token)
		if err != nil || v.Role() != one.role || v.Customer.ID != h.customer.ID {
			t.Errorf("%s: %v, %v", name, v.Role(), err)
		}
	}
}

func TestBadSignedTokens(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	r, e, ed := newKeys(t)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := h.register(t, h.customer, "rsa", "RS256", r)
	h.register(t, h.customer, "ec", "ES256", e)
	h.register(t, h.customer, "old", "EdDSA", ed)
	if _, err := h.store.Customer(h.customer.ID).RevokePublicKey(ctx, "old"); err != nil {
		t.Fatal(err)
	}
	other := h.newCustomer(t, "other", auth.NewSecret())
	good := sign(t, jwt.SigningMethodES256, e, nil, claims(nil))
	parts := strings.Split(good, ".")
	ec := func(header, changes m) string { return sign(t, jwt.SigningMethodES256, e, header, claims(changes)) }
	for name, one := range map[string]struct{ token, want string }{
		"alg none":                   {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, claims(nil)), invalid},
		"HS256 with the public key":  {sign(t, jwt.SigningMethodHS256, []byte(rsaKey.PEM), m{"kid": "rsa"}, claims(nil)), invalid},
		"PS256 with an RSA key":      {sign(t, jwt.SigningMethodPS256, r, m{"kid": "rsa"}, claims(nil)), invalid},
		"RS512 with a key for RS256": {sign(t, jwt.SigningMethodRS512, r, m{"kid": "rsa"}, claims(nil)), invalid},
		"kid of another algorithm":   {ec(m{"kid": "rsa"}, nil), invalid},
		"unknown kid":                {ec(m{"kid": "new"}, nil), invalid},
		"kid that is a number":       {ec(m{"kid": 1}, nil), invalid},
		"revoked key":                {sign(t, jwt.SigningMethodEdDSA, ed, m{"kid": "old"}, claims(nil)), invalid},
		"revoked key, no kid":        {sign(t, jwt.SigningMethodEdDSA, ed, nil, claims(nil)), invalid},
		"somebody else's key":        {sign(t, jwt.SigningMethodES256, stranger, nil, claims(nil)), invalid},
		"somebody else's key, kid":   {sign(t, jwt.SigningMethodES256, stranger, m{"kid": "ec"}, claims(nil)), invalid},
		"unknown issuer":             {ec(nil, m{"iss": "nobody"}), invalid},
		"another customer as issuer": {ec(nil, m{"iss": other.ClientID}), invalid},
		"no issuer":                  {ec(nil, m{"iss": nil}), invalid},
		"no exp":                     {ec(nil, m{"exp": nil}), invalid},
		"exp that is a text":         {ec(nil, m{"exp": "tomorrow"}), invalid},
		"exp too far":                {ec(nil, m{"exp": noon.Add(31 * time.Minute).Unix()}), invalid},
		"expired":                    {ec(nil, m{"exp": noon.Add(-time.Minute).Unix()}), expired},
		"expired and not ours":       {sign(t, jwt.SigningMethodES256, stranger, nil, claims(m{"exp": noon.Add(-time.Minute).Unix()})), invalid},
		"nbf in the future":          {ec(nil, m{"nbf": noon.Add(time.Minute).Unix()}), invalid},
		"iat in the future":          {ec(nil, m{"iat": noon.Add(time.Minute).Unix()}), invalid},
		"unknown sub":                {ec(nil, m{"sub": "bert"}), invalid},
		"blank sub":                  {ec(nil, m{"sub": ""}), invalid},
		"sub that is a list":         {ec(nil, m{"sub": []string{"anna"}}), invalid},
		"crit":                       {ec(m{"crit": []string{"exp"}}, nil), invalid},
		"truncated signature":        {good[:len(good)-4], invalid},
		"no signature":               {parts[0] + "." + parts[1] + ".", invalid},
		"claims of another":          {parts[0] + "." + strings.Split(ec(nil, m{"sub": "anna"}), ".")[1] + "." + parts[2], invalid},
		"rubbish":                    {"a.b.c", invalid},
		"dots":                       {"..", invalid},
		"three dots":                 {good + ".x", invalid},
	} {
		_, err := h.tokens.Viewer(ctx, one.token)
		if got := sentence(t, err); got != one.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, err := h.tokens.Viewer(ctx, good); err != nil {
		t.Errorf("what they were made from is not good: %v", err)
	}
	_, err = h.tokens.Viewer(ctx, sign(t, jwt.SigningMethodES256, e, nil, withNull(claims(nil), "sub")))
	if got := sentence(t, err); got != invalid {
		t.Errorf("null sub: %q", got)
	}
}

func withNull(claims m, name string) m { claims[name] = nil; return claims }

func TestParsePublicKey(t *testing.T) {
	r, e, ed := newKeys(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := func(k crypto.Signer) string { return publicPEM(t, k) }
	is := func(s string) *string { return &s }
	for name, one := range map[string]struct {
		pem       string
		algorithm *string
		want      string // the algorithm chosen, or the field of the fault
	}{
		"RSA":                   {text(r), nil, "RS256"},
		"RSA, long":             {text(r), is("RS512"), "RS512"},
		"RSA for ES256":         {text(r), is("ES256"), "algorithm"},
		"P-256":                 {text(e), nil, "ES256"},
		"P-256 for RS256":       {text(e), is("RS256"), "algorithm"},
		"Ed25519":               {text(ed), is("EdDSA"), "EdDSA"},
		"blanks around":         {"\n " + text(ed) + "\n\n", nil, "EdDSA"},
		"weak RSA":              {text(small), nil, "publicKey"},
		"P-384":                 {text(p384), nil, "publicKey"},
		"private key":           {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", nil, "publicKey"},
		"private key beside it": {text(e) + "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", nil, "publicKey"},
		"two keys":              {text(e) + text(r), nil, "publicKey"},
		"no PEM":                {"ssh-ed25519 AAAA", nil, "publicKey"},
		"broken":                {strings.Replace(text(e), "M", "A", 1), nil, "publicKey"},
		"empty":                 {"", nil, "publicKey"},
		"very long":             {text(e) + strings.Repeat(" ", 10000), nil, "publicKey"},
	} {
		_, algorithm, err := auth.ParsePublicKey(one.pem, one.algorithm)
		got := algorithm
		if faults := fault.Of(err); len(faults) == 1 {
			got = faults[0].Field
		}
		if got != one.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, one.want)
		}
	}
}
