package bank

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
)

// Kind is the kind of thing that a Ref names.
type Kind byte

// The kinds. Their letters are part of published ids: never change one.
const (
	KindCustomer    Kind = 'm'
	KindConsumer    Kind = 'c'
	KindAccount     Kind = 'a'
	KindTransaction Kind = 't'
	KindCategory    Kind = 'g'
	KindEntry       Kind = 'e'
	KindRun         Kind = 'r'
	KindSession     Kind = 's'
	KindFlow        Kind = 'f'
	KindRefresh     Kind = 'u'
	KindConsent     Kind = 'k'
	KindSource      Kind = 'd'
	KindCase        Kind = 'h'
	KindReport      Kind = 'p'
	KindDelivery    Kind = 'w'
	KindRule        Kind = 'l'
	KindEvent       Kind = 'v'
)

// Ref names one thing among all things of a customer. It carries the consumer that the thing belongs to,
// because the keys of consumer data begin with it; 0 where it belongs to none.
type Ref struct {
	Kind       Kind
	ConsumerID int64
	ID         int64
}

// String is the opaque id that clients hold.
func (r Ref) String() string {
	text, _ := r.AppendText(nil)
	return string(text)
}

// AppendText appends it.
func (r Ref) AppendText(text []byte) ([]byte, error) {
	var room [1 + 2*binary.MaxVarintLen64]byte
	b := append(room[:0], byte(r.Kind))
	b = binary.AppendUvarint(b, uint64(r.ConsumerID))
	b = binary.AppendUvarint(b, uint64(r.ID))
	return base64.RawURLEncoding.AppendEncode(text, b), nil
}

// ParseRef reads an opaque id. What is no id of ours gives the zero Ref, which names nothing, so that it is
// answered as an id that does not exist.
func ParseRef(s string) Ref {
	var r Ref
	if r.UnmarshalText([]byte(s)) != nil {
		return Ref{}
	}
	return r
}

// MarshalText carries a Ref in JSON.
func (r Ref) MarshalText() ([]byte, error) { return r.AppendText(nil) }

// UnmarshalText reads what MarshalText wrote, and nothing else.
func (r *Ref) UnmarshalText(text []byte) error {
	b, err := base64.RawURLEncoding.DecodeString(string(text))
	if err != nil || len(b) < 3 {
		return errors.New("not an id")
	}
	consumer, n := binary.Uvarint(b[1:])
	if n <= 0 {
		return errors.New("not an id")
	}
	id, m := binary.Uvarint(b[1+n:])
	got := Ref{Kind(b[0]), int64(consumer), int64(id)}
	if m <= 0 || got.ConsumerID < 0 || got.ID <= 0 || got.String() != string(text) {
		return errors.New("not an id")
	}
	*r = got
	return nil
}

// Ref names the customer.
func (c Customer) Ref() Ref { return Ref{KindCustomer, 0, c.ID} }

// Ref names the consumer.
func (c Consumer) Ref() Ref { return Ref{KindConsumer, c.ID, c.ID} }

// Ref names the account.
func (a Account) Ref() Ref { return Ref{KindAccount, a.ConsumerID, a.ID} }

// Ref names the transaction.
func (t Transaction) Ref() Ref { return Ref{KindTransaction, t.ConsumerID, t.ID} }
