package graph

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A key that was registered through GraphQL makes the customer's own tokens good, until it is revoked.
func TestSignedTokens(t *testing.T) {
	h := newHouse(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	token, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{"iss": "acme", "sub": "anna", "exp": noon.Add(time.Minute).Unix()}).SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() string {
		r := h.post("", strings.NewReader(`{"query":"{viewer{role consumer{externalId}}}"}`), func(r *http.Request) { r.Header.Set("Authorization", "bearer "+token) })
		return r.body
	}
	if got := ask(); !strings.Contains(got, "Y020") {
		t.Errorf("before: %s", got)
	}
	const register = `mutation($key:String!){registerPublicKey(input:{publicKey:$key,keyId:"k"}){publicKey{algorithm}}}`
	if r := h.send("acme", register, map[string]any{"key": text}); r.Errors != nil {
		t.Fatal(r.body)
	}
	if got := ask(); got != `{"data":{"viewer":{"role":"CONSUMER","consumer":{"externalId":"anna"}}}}` {
		t.Errorf("registered: %s", got)
	}
	h.do("acme", `mutation{revokePublicKey(input:{keyId:"k"}){publicKey{keyId}}}`)
	if got := ask(); !strings.Contains(got, "Y020") {
		t.Errorf("revoked: %s", got)
	}
}
