package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"

	"insightgraph/fault"
)

// Algorithms lists the signatures that are accepted (RFC 7518, RFC 8037). There is none with a shared secret.
var Algorithms = []string{"RS256", "RS512", "ES256", "EdDSA"}

// maxPEM bounds the text of a key; an RSA key of 16384 bits is below 3 KiB.
const maxPEM = 8192

// ParsePublicKey reads a PEM SubjectPublicKeyInfo: RSA of 2048 to 8192 bits, P-256 or Ed25519. algorithm nil means
// RS256 for RSA and the key's only one otherwise; what is given must fit the key. Faults name publicKey or algorithm.
func ParsePublicKey(text string, algorithm *string) (key any, chosen string, err error) {
	bad := fault.Invalid("publicKey", "Invalid value for publicKey; use PEM of an RSA key of at least 2048 bits, a P-256 or an Ed25519 key")
	if len(text) > maxPEM {
		return nil, "", bad
	}
	block, rest := pem.Decode([]byte(strings.TrimSpace(text)))
	switch {
	case strings.Contains(text, "PRIVATE KEY"):
		return nil, "", fault.New(fault.NotAllowed, "publicKey", "A private key must never be sent; send the public key, and replace this pair")
	case block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0:
		return nil, "", bad
	}
	if key, err = x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		return nil, "", bad
	}
	var fitting []string
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= 2048 && bits <= 8192 {
			fitting = []string{"RS256", "RS512"}
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			fitting = []string{"ES256"}
		}
	case ed25519.PublicKey:
		fitting = []string{"EdDSA"}
	}
	switch {
	case fitting == nil:
		return nil, "", bad
	case algorithm == nil:
		return key, fitting[0], nil
	case !slices.Contains(fitting, *algorithm):
		return nil, "", fault.Invalid("algorithm", "Invalid value for algorithm; this key can be used with %s", strings.Join(fitting, ", "))
	}
	return key, *algorithm, nil
}
