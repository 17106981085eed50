package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// NewSecret makes a secret of 256 random bits, written as text. Tokens and client secrets are such secrets.
func NewSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails: the runtime stops the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// HashSecret is what is stored of a secret. A fast hash is enough: nobody can try 2^256 values, so there is nothing for
// a slow, salted hash to slow down. That would be needed only for secrets that people choose.
func HashSecret(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// sameSecret compares a secret with a stored hash in a time that does not tell how much of it is right.
func sameSecret(secret string, hash []byte) bool {
	return subtle.ConstantTimeCompare(HashSecret(secret), hash) == 1
}
