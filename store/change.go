package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"insightgraph/audit"
	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
)

// Call says who changes something, in which request, and how that may be repeated.
type Call struct {
	Actor     audit.Actor         // the zero Actor is the server itself
	RequestID string              // empty: none
	Key       string              // under which a repeated call has no second effect; empty: each call has its own
	Place     string              // of this change among those that the key is for, such as the name of a field in the answer
	Input     func() (any, error) // what must be the same in a repeated call: plain data; nil: nothing
	Replayed  *atomic.Bool        // set where the answer is that of an earlier call
}

// As is the tenant in a call.
func (t Tenant) As(c Call) Tenant {
	t.call = c
	return t
}

// Also keeps what the caller answers beside what the store does: a repeated call puts the first call's values there.
func (t Tenant) Also(values ...any) Tenant {
	t.also = values
	return t
}

// keyLife is how long a call under an idempotency key can be repeated.
const keyLife = 24 * time.Hour

// change is the one way in which a tenant changes something. In one transaction it runs the effect, stores the answer under
// the call's key, and records the event of that action. A repeated call with the same input has no effect and gets the first
// answer, which holds what the pointers in answer point to; one with another input is a fault, and faults are not kept.
// The effect says by tx.about what it changes. key is one that the input holds; it goes before the call's.
func (t Tenant) change(ctx context.Context, action string, key *string, effect func(*Tx) error, answer ...any) error {
	k := t.repeatable(action, append(answer, t.also...))
	if key != nil {
		if f := bank.CheckText("idempotencyKey", *key, 1, 255); f != nil {
			return f
		}
		k.field, k.key = "idempotencyKey", *key
	} else if t.call.Key == "" {
		return t.write(ctx, func(tx *Tx) error { return tx.effect(t, action, effect) })
	}
	if t.call.Input != nil {
		input, err := t.call.Input()
		if err != nil {
			return err
		}
		text, err := json.Marshal(input)
		if err != nil {
			return err
		}
		k.request = sha256.Sum256(text)
	}
	return t.write(ctx, func(tx *Tx) error {
		if again, err := tx.repeat(ctx, k); err != nil || again {
			return err
		}
		if err := tx.effect(t, action, effect); err != nil {
			return err
		}
		return tx.keep(ctx, k)
	})
}

// complete changes the kept answer of a change that went on after its transaction.
func (t Tenant) complete(ctx context.Context, action string, answer ...any) error {
	if t.call.Key == "" {
		return nil
	}
	k := t.repeatable(action, append(answer, t.also...))
	return t.write(ctx, func(tx *Tx) error {
		sealed, err := k.seal()
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE idempotency_keys SET sealed = ? WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND operation = ? AND key = ? AND sealed IS NOT NULL",
			sealed, t.customerID, t.consumerID, action, k.key)
		return err
	})
}

// effect runs an effect and records its event.
func (tx *Tx) effect(t Tenant, action string, effect func(*Tx) error) error {
	tx.subject = nil
	if err := effect(tx); err != nil {
		return err
	}
	if tx.subject == nil {
		return fmt.Errorf("%s does not say what it changes", action)
	}
	tx.record(t.call, t.customerID, action, *tx.subject)
	return nil
}

// subject is what a change is about.
type subject struct {
	ref        bank.Ref // the zero Ref where it has no id of its own
	consumerID int64    // 0: no one consumer's
}

// about says what the change is about.
func (tx *Tx) about(ref bank.Ref) { tx.subject = &subject{ref, ref.ConsumerID} }

// aboutOf says it where the ref does not name the consumer, which may be none.
func (tx *Tx) aboutOf(ref bank.Ref, consumerID *int64) {
	tx.subject = &subject{ref: ref}
	if consumerID != nil {
		tx.subject.consumerID = *consumerID
	}
}

// ofConsumers says it of things of several consumers.
func (tx *Tx) ofConsumers(ids []int64) {
	tx.subject = &subject{}
	if len(ids) == 1 {
		c := bank.Consumer{ID: ids[0]}
		tx.about(c.Ref())
	}
}

// record adds an event to those that are stored together with the transaction, on its way to the end.
func (tx *Tx) record(c Call, customerID int64, action string, of subject) {
	if c.Actor == (audit.Actor{}) {
		c.Actor = audit.By(audit.System, "")
	}
	e := audit.Event{CustomerID: customerID, At: tx.now, Actor: c.Actor, Action: action}
	if of.ref != (bank.Ref{}) {
		id := of.ref.String()
		e.SubjectID = &id
	}
	if of.consumerID != 0 {
		e.ConsumerID = &of.consumerID
	}
	if c.RequestID != "" {
		e.RequestID = &c.RequestID
	}
	tx.events = append(tx.events, e)
}

// recordConsumers records what the server did with consumers by itself.
func (tx *Tx) recordConsumers(action string, owners ...owner) {
	for _, o := range owners {
		c := bank.Consumer{ID: o.ConsumerID}
		tx.record(Call{}, o.CustomerID, action, subject{c.Ref(), o.ConsumerID})
	}
}

// recordConsents records what the server did with consents by itself.
func (tx *Tx) recordConsents(action string, consents []connect.Consent) {
	for _, c := range consents {
		tx.record(Call{}, c.CustomerID, action, subject{c.Ref(), c.ConsumerID})
	}
}

// imported records what the command line put in.
func (tx *Tx) imported(customerID int64, action string) {
	tx.record(Call{Actor: audit.By(audit.Command, "")}, customerID, action, subject{})
}

// repeatable is a call under a key.
type repeatable struct {
	t       Tenant
	action  string
	field   string // that the key came in
	key     string
	request [sha256.Size]byte
	answer  []any
}

// repeatable is a call under the key that came with it. What was called under another name is another call.
func (t Tenant) repeatable(action string, answer []any) repeatable {
	return repeatable{t: t, action: action, field: "Idempotency-Key", key: t.call.Key + "\n" + t.call.Place, answer: answer}
}

// seal is the answer as it is kept: encrypted, since it can hold account data and secrets.
func (k repeatable) seal() ([]byte, error) {
	text, err := json.Marshal(k.answer)
	if err != nil {
		return nil, err
	}
	if len(k.t.s.keys) == 0 {
		return nil, errors.New("keep an answer: the store was opened without encryption keys")
	}
	return k.t.s.keys.Seal(text, answerPlace(k.t.customerID)), nil
}

// answerPlace is where the answers to a customer's calls belong: under this name they are encrypted.
func answerPlace(customerID int64) string { return fmt.Sprintf("answer/%d", customerID) }

// repeat finds the answer of an earlier call. One that is under way holds the key's lock until its end. Keys are the
// customer's, or the consumer's whose token it is.
func (tx *Tx) repeat(ctx context.Context, k repeatable) (again bool, err error) {
	t := k.t
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, ?))", fmt.Sprintf("%s:%d:%s", k.action, t.consumerID, k.key), t.customerID); err != nil {
		return false, err
	}
	var stored struct{ Request, Sealed []byte }
	err = tx.NewRaw("SELECT request, sealed FROM idempotency_keys WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND operation = ? AND key = ? AND created_at > ?",
		t.customerID, t.consumerID, k.action, k.key, tx.now.Add(-keyLife)).Scan(ctx, &stored)
	switch {
	case none(err):
		return false, nil
	case err != nil:
		return false, err
	case !bytes.Equal(stored.Request, k.request[:]):
		return false, fault.New(fault.Conflict, k.field, "This %s was used with another input", k.field)
	case stored.Sealed == nil: // its consumer was erased, or an older version of this server stored it in its own way
		return false, fault.New(fault.Conflict, k.field, "The answer to this %s is not kept any more", k.field)
	}
	text, err := t.s.keys.Open(stored.Sealed, answerPlace(t.customerID))
	if err != nil {
		return false, fmt.Errorf("open a kept answer: %w", err)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil || len(parts) != len(k.answer) {
		return false, errors.Join(errors.New("read a kept answer"), err)
	}
	for i, p := range parts {
		reflect.ValueOf(k.answer[i]).Elem().SetZero()
		if err := json.Unmarshal(p, k.answer[i]); err != nil {
			return false, fmt.Errorf("read a kept answer: %w", err)
		}
	}
	tx.again = true
	if t.call.Replayed != nil {
		t.call.Replayed.Store(true)
	}
	return true, nil
}

// keep stores the answer to a call.
func (tx *Tx) keep(ctx context.Context, k repeatable) error {
	sealed, err := k.seal()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO idempotency_keys (customer_id, consumer_id, operation, key, request, sealed, about, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (customer_id, consumer_id, operation, key) DO UPDATE SET request = excluded.request, answer = NULL, sealed = excluded.sealed, about = excluded.about, created_at = excluded.created_at`,
		k.t.customerID, k.t.consumerID, k.action, k.key, k.request[:], sealed, tx.subject.consumerID, tx.now)
	return err
}

// forgetAnswers empties the kept answers that are about consumers: what is erased is not in them either. Their keys stay, so
// that a call that comes late does not make anew what was erased.
func (tx *Tx) forgetAnswers(ctx context.Context, customerID int64, consumerIDs []int64) error {
	_, err := tx.pg.Exec(ctx, "UPDATE idempotency_keys SET answer = NULL, sealed = NULL WHERE customer_id = $1 AND about <> 0 AND about = ANY($2::bigint[])", customerID, consumerIDs)
	return err
}
