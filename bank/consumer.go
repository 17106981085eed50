// Package bank holds what the server knows about people's money: consumers, accounts, transactions,
// amounts and days, and the rules that need nothing else. It does no I/O and reads no clock.
package bank

import (
	"slices"
	"strings"
	"time"

	"insightgraph/fault"
)

// Customer is the company that runs its consumers' insights on this server.
type Customer struct {
	ID        int64 `bun:",pk,autoincrement"`
	Name      string
	ClientID  string
	TimeZone  string   // IANA name; the default of its consumers
	Currency  Currency // the default of its consumers
	CreatedAt time.Time
}

// Consumer is a person whose accounts are looked at. ExternalID is the customer's own name for it.
type Consumer struct {
	CustomerID int64 `bun:",pk"`
	ID         int64 `bun:",pk,autoincrement"`
	ExternalID *string
	TimeZone   string // IANA name; days and months of its insights are those of this zone
	Currency   Currency
	CreatedAt  time.Time
	ChangedAt  time.Time // when anything held about it changed last
}

// CheckTimeZone says whether the name is an IANA time zone.
func CheckTimeZone(field, name string) *fault.Error {
	// Go also finds what is no zone's name: the host's own, and copies of all zones.
	if name == "" || slices.Contains([]string{"Local", "localtime", "posixrules", "Factory"}, name) || strings.HasPrefix(name, "posix/") || strings.HasPrefix(name, "right/") {
		return fault.Invalid(field, "Invalid value for %s; use an IANA time zone such as Europe/Berlin", leaf(field))
	}
	if _, err := time.LoadLocation(name); err != nil {
		return fault.Invalid(field, "Invalid value for %s; use an IANA time zone such as Europe/Berlin", leaf(field))
	}
	return nil
}

// Text limits, in characters.
const (
	MaxID          = 150
	MaxName        = 200
	MaxDescription = 2000
)

// CheckText refuses text that is too long, blank where it must not be, or holds control characters.
func CheckText(field, s string, min, max int) *fault.Error {
	n := 0
	for _, r := range s {
		if r == 0 || r == 0xFFFD {
			return fault.Invalid(field, "Invalid value for %s; it holds a character that is not allowed", leaf(field))
		}
		n++
	}
	if n < min || n > max {
		return fault.New(fault.InvalidLength, field, "Invalid length for %s; min %d and max %d characters including spaces are allowed.", leaf(field), min, max)
	}
	return nil
}

// PublicKey is a customer's registered key for tokens that it signs itself.
type PublicKey struct {
	CustomerID int64  `bun:",pk"`
	KeyID      string `bun:",pk"`
	Algorithm  string // RS256, RS512, ES256 or EdDSA
	PEM        string // SubjectPublicKeyInfo
	CreatedAt  time.Time
	RevokedAt  *time.Time
}
