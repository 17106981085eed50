package connect

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Token is a client token: it opens one flow and nothing else.
type Token struct {
	Text   string // HANDLE.SECRET, for the consumer's browser
	Handle string // names the flow in the page's address
	Hash   []byte // of the secret: all that is stored
}

// NewToken makes a client token of 128 and 256 random bits.
func NewToken() Token {
	b := make([]byte, 48)
	rand.Read(b) // never fails
	handle, secret := base64.RawURLEncoding.EncodeToString(b[:16]), base64.RawURLEncoding.EncodeToString(b[16:])
	hash := sha256.Sum256([]byte(secret))
	return Token{handle + "." + secret, handle, hash[:]}
}

// ReadToken takes a client token apart.
func ReadToken(text string) (handle string, hash []byte, ok bool) {
	handle, secret, ok := strings.Cut(text, ".")
	if !ok || len(handle) != 22 || len(secret) != 43 {
		return "", nil, false
	}
	sum := sha256.Sum256([]byte(secret))
	return handle, sum[:], true
}
