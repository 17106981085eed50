package connect

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Keys encrypt what must not be readable in a copy of the database: dialogs with banks and stored consents' secrets.
// AES-256-GCM; the first key encrypts, all decrypt.
type Keys []key

type key struct {
	id   [4]byte // the beginning of its hash: says which key a text was encrypted with
	aead cipher.AEAD
}

// NewKey is a fresh key, as text.
func NewKey() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// ParseKeys reads keys, separated by commas.
func ParseKeys(text string) (Keys, error) {
	var keys Keys
	for one := range strings.SplitSeq(text, ",") {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(one))
		if err != nil || len(raw) != 32 {
			return nil, errors.New("a key is 32 bytes in base64; `insightgraph secrets key` makes one") // the text is secret
		}
		block, err := aes.NewCipher(raw)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(raw)
		keys = append(keys, key{[4]byte(sum[:4]), aead})
	}
	return keys, nil
}

// version is the first byte of every sealed text.
const version = 1

// Seal encrypts a text. It opens only at the place that it was sealed for, such as a flow's row.
func (k Keys) Seal(text []byte, place string) []byte {
	head := append([]byte{version}, k[0].id[:]...)
	nonce := make([]byte, k[0].aead.NonceSize())
	rand.Read(nonce)
	return k[0].aead.Seal(append(head, nonce...), nonce, text, []byte(place))
}

// ErrKey says that none of the keys opens a text.
var ErrKey = errors.New("none of the encryption keys opens this")

// Open decrypts what was sealed for a place.
func (k Keys) Open(sealed []byte, place string) ([]byte, error) {
	if len(sealed) < 5 || sealed[0] != version {
		return nil, ErrKey
	}
	i := slices.IndexFunc(k, func(one key) bool { return string(one.id[:]) == string(sealed[1:5]) })
	if i < 0 || len(sealed) < 5+k[i].aead.NonceSize() {
		return nil, ErrKey
	}
	rest := sealed[5:]
	n := k[i].aead.NonceSize()
	text, err := k[i].aead.Open(nil, rest[:n], rest[n:], []byte(place))
	if err != nil {
		return nil, ErrKey
	}
	return text, nil
}

// Current tells whether a text is sealed with the first key.
func (k Keys) Current(sealed []byte) bool {
	return len(sealed) >= 5 && sealed[0] == version && string(sealed[1:5]) == string(k[0].id[:])
}

// DialogPlace and ConsentPlace are where secrets belong: a copy in another row opens nothing.
func DialogPlace(customerID, flowID int64) string {
	return fmt.Sprintf("dialog/%d/%d", customerID, flowID)
}

// ConsentPlace is the place of the secret of the consent that a flow brought.
func ConsentPlace(customerID, flowID int64) string {
	return fmt.Sprintf("consent/%d/%d", customerID, flowID)
}
