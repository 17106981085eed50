// Package audit is the log of changes: who changed what, and the chain that shows whether somebody has changed the log.
package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"insightgraph/bank"
	"insightgraph/fault"
)

// Kind says what sort of actor made a change.
type Kind string

// The kinds.
const (
	Customer Kind = "CUSTOMER" // a customer-level token
	Consumer Kind = "CONSUMER" // a user-level token
	Page     Kind = "CONNECT_APP"
	Command  Kind = "COMMAND" // the command line
	System   Kind = "SYSTEM"  // the server itself: workers, schedules, retention
)

// Actor is who made a change. The name tells tokens of one kind apart and is never a secret.
type Actor struct {
	Kind Kind
	Name string
}

// By is an actor. Its name is kept to one line.
func By(kind Kind, name string) Actor {
	return Actor{kind, strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, name)}
}

// Event is one change. It holds nothing of what was changed. Number and Hash are its place in the customer's chain, nil
// until it is sealed.
type Event struct {
	CustomerID int64 `bun:",pk"`
	ID         int64 `bun:",pk,autoincrement"`
	At         time.Time
	Actor      Actor `bun:"embed:actor_"`
	Action     string
	SubjectID  *string // the opaque id of what was changed
	ConsumerID *int64  // whose it is; stays when the consumer is erased
	RequestID  *string
	Number     *int
	Hash       []byte
}

// Ref names the event.
func (e Event) Ref() bank.Ref {
	return bank.Ref{Kind: bank.KindEvent, ID: e.ID}
}

// Consumer is the id of the consumer that the change is about, nil where it is about none.
func (e Event) Consumer() *bank.Ref {
	if e.ConsumerID == nil {
		return nil
	}
	ref := bank.Consumer{ID: *e.ConsumerID}.Ref()
	return &ref
}

// HexHash is the hash as it is shown.
func (e Event) HexHash() *string {
	if e.Hash == nil {
		return nil
	}
	text := hex.EncodeToString(e.Hash)
	return &text
}

// Start is what the first hash of a chain rests on.
var Start = make([]byte, sha256.Size)

// Text is what an event's hash is made of: the hash before it and what the event says, a line each.
func (e Event) Text(before []byte, number int) string {
	consumer := ""
	if ref := e.Consumer(); ref != nil {
		consumer = ref.String()
	}
	return strings.Join([]string{hex.EncodeToString(before), strconv.Itoa(number), e.At.UTC().Format("2006-01-02T15:04:05.000000Z"),
		bank.Customer{ID: e.CustomerID}.Ref().String(), string(e.Actor.Kind), e.Actor.Name, e.Action, orEmpty(e.SubjectID), consumer, orEmpty(e.RequestID)}, "\n")
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Head is the end of a chain so far; the zero Head is that of an empty one.
type Head struct {
	Number int
	Hash   []byte
}

// Seal gives an event its place behind the head, which moves on.
func (h *Head) Seal(e *Event) {
	before := h.Hash
	if h.Number == 0 {
		before = Start
	}
	number := h.Number + 1
	sum := sha256.Sum256([]byte(e.Text(before, number)))
	e.Number, e.Hash = &number, sum[:]
	*h = Head{number, sum[:]}
}

// Check tells what is wrong with a sealed event that should be next behind the head, which moves on.
func (h *Head) Check(e Event) error {
	if *e.Number != h.Number+1 {
		return fmt.Errorf("event %d is missing", h.Number+1)
	}
	said := e.Hash
	h.Seal(&e)
	if !bytes.Equal(said, e.Hash) {
		return fmt.Errorf("event %d is not what was sealed", h.Number)
	}
	return nil
}

// Filter narrows a list of events; all that is given must hold.
type Filter struct {
	ConsumerIDs []bank.Ref
	Actions     []string
	From, To    *time.Time // To is not included
}

// Check says what is wrong with a filter.
func (f Filter) Check(field string) (faults fault.Many) {
	faults.Add(bank.CheckIDs(field+".consumerIds", f.ConsumerIDs))
	if len(f.Actions) > 100 {
		faults.Add(fault.New(fault.TooMany, field+".actions", "At most 100 actions are allowed"))
	}
	for i, a := range f.Actions {
		faults.Add(bank.CheckText(bank.Path(field+".actions", i), a, 1, 100))
	}
	if f.From != nil && f.To != nil && !f.From.Before(*f.To) {
		faults.Add(fault.Invalid(field+".to", "Invalid value for to; it must be after from"))
	}
	return faults
}
