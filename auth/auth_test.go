package auth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/store"
	"insightgraph/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var noon = time.Date(2022, 1, 27, 12, 0, 0, 0, time.UTC)

// house is one customer with one consumer, anna, and a clock that stands at noon until a test moves it.
type house struct {
	tokens   *auth.Tokens
	store    *store.Store
	customer bank.Customer
	secret   string
	anna     bank.Consumer
	now      time.Time
	url      string // of the database
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{now: noon, secret: auth.NewSecret()}
	h.url = storetest.URL(t)
	h.store = storetest.Open(t, h.url, store.Options{MaxConns: 4, Now: func() time.Time { return h.now }})
	h.tokens = &auth.Tokens{Store: h.store}
	h.customer = h.newCustomer(t, "acme", h.secret)
	var err error
	name := "anna"
	if h.anna, err = h.store.Customer(h.customer.ID).CreateConsumer(t.Context(), store.NewConsumer{ExternalID: &name}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) newCustomer(t *testing.T, clientID, secret string) bank.Customer {
	t.Helper()
	c, err := h.store.CreateCustomer(t.Context(), bank.Customer{Name: clientID, ClientID: clientID, TimeZone: "UTC", Currency: "EUR"}, auth.HashSecret(secret))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// register makes a public key known under a key id.
func (h *house) register(t *testing.T, customer bank.Customer, id, algorithm string, private crypto.Signer) bank.PublicKey {
	t.Helper()
	k, err := h.store.Customer(customer.ID).AddPublicKey(t.Context(), bank.PublicKey{KeyID: id, Algorithm: algorithm, PEM: publicPEM(t, private)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func publicPEM(t *testing.T, private crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// newKeys makes one private key for each kind.
func newKeys(t *testing.T) (r *rsa.PrivateKey, e *ecdsa.PrivateKey, ed ed25519.PrivateKey) {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if e, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return r, e, ed
}

// sentence is the message of the fault Y020 in err; anything else fails the test.
func sentence(t *testing.T, err error) string {
	t.Helper()
	faults := fault.Of(err)
	if len(faults) != 1 || faults[0].Code != fault.Unauthenticated || faults[0].Field != "" {
		t.Fatalf("error = %v, want one fault Y020", err)
	}
	return faults[0].Message
}

const (
	invalid = "Invalid token in authorization header"
	expired = "Token has expired"
)

func TestOpaqueTokens(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()

	token, life, err := h.tokens.Issue(ctx, h.customer, nil)
	if err != nil || life != auth.DefaultLife {
		t.Fatalf("Issue = %v, %v", life, err)
	}
	v, err := h.tokens.Viewer(ctx, token)
	if err != nil || v.Role() != auth.RoleCustomer || v.Customer.ID != h.customer.ID {
		t.Fatalf("Viewer = %+v, %v", v, err)
	}

	mine, _, err := h.tokens.Issue(ctx, h.customer, &h.anna)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = h.tokens.Viewer(ctx, mine); err != nil || v.Role() != auth.RoleConsumer || v.Consumer.ID != h.anna.ID {
		t.Fatalf("user-level Viewer = %+v, %v", v, err)
	}

	for _, bad := range []string{"", "x", token + "x", token[1:], string(auth.HashSecret(token)), string(make([]byte, 1<<20))} {
		_, err := h.tokens.Viewer(ctx, bad)
		if got := sentence(t, err); got != invalid {
			t.Errorf("bad token: %q", got)
		}
	}

	h.now = noon.Add(life - time.Second)
	if _, err := h.tokens.Viewer(ctx, token); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	h.now = noon.Add(life)
	_, err = h.tokens.Viewer(ctx, token)
	if got := sentence(t, err); got != expired {
		t.Errorf("at its end: %q", got)
	}
}

// A token of a consumer that is gone must not become one of its customer.
func TestTokenOfDeletedConsumer(t *testing.T) {
	h := newHouse(t)
	token, _, err := h.tokens.Issue(t.Context(), h.customer, &h.anna)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.store.Customer(h.customer.ID).DeleteConsumer(t.Context(), h.anna.Ref()); err != nil {
		t.Fatal(err)
	}
	_, err = h.tokens.Viewer(t.Context(), token)
	if got := sentence(t, err); got != invalid {
		t.Errorf("got %q", got)
	}
}

// What is wrong on the server's side is no fault of the token.
func TestStoreAway(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, token := range []string{auth.NewSecret(), "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhY21lIn0.AAAA"} {
		if _, err := h.tokens.Viewer(ctx, token); err == nil || fault.Of(err) != nil {
			t.Errorf("error = %v, want one that is no fault", err)
		}
	}
}

// A token that was good is not looked up again for a moment; a change that this process knows of ends that.
func TestBelieved(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	looked := func(token string) int64 {
		before := h.store.Statements()
		if _, err := h.tokens.Viewer(ctx, token); err != nil {
			t.Fatal(err)
		}
		return h.store.Statements() - before
	}
	token, _, err := h.tokens.Issue(ctx, h.customer, &h.anna)
	if err != nil {
		t.Fatal(err)
	}
	if first, again := looked(token), looked(token); first == 0 || again != 0 {
		t.Errorf("%d statements, then %d", first, again)
	}
	h.tokens.Forget(h.customer.ID + 1)
	if n := looked(token); n != 0 {
		t.Errorf("another customer's change cost %d statements", n)
	}
	h.tokens.Forget(h.customer.ID)
	if n := looked(token); n == 0 {
		t.Error("a change was not seen")
	}
	h.now = h.now.Add(2 * time.Second)
	if n := looked(token); n == 0 {
		t.Error("believed for too long")
	}
	if _, err := h.store.Customer(h.customer.ID).DeleteConsumer(ctx, h.anna.Ref()); err != nil {
		t.Fatal(err)
	}
	h.tokens.Forget(h.customer.ID)
	if _, err := h.tokens.Viewer(ctx, token); err == nil {
		t.Error("the token of an erased consumer is still good")
	}
}
