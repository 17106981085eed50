package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
)

// keyLife is how long a call under an idempotency key can be repeated.
const keyLife = 24 * time.Hour

// idempotent runs effect once for a key: a repeated call with the same input finds the first answer, one with another
// input is a fault. The answer is stored with the effect, in one transaction; a call that is under way holds the key's
// lock until its end. Without a key, effect just runs. Keys are the customer's, or the consumer's whose token it is.
func (tx *Tx) idempotent(ctx context.Context, t Tenant, operation string, key *string, input, answer any, effect func() error) error {
	if key == nil {
		return effect()
	}
	if f := bank.CheckText("idempotencyKey", *key, 1, 255); f != nil {
		return f
	}
	request, err := json.Marshal(input)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(request)
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(?, ?))", fmt.Sprintf("%s:%d:%s", operation, t.consumerID, *key), t.customerID); err != nil {
		return err
	}
	var stored struct{ Request, Answer []byte }
	err = tx.NewRaw("SELECT request, answer FROM idempotency_keys WHERE customer_id = ? AND consumer_id = ? AND operation = ? AND key = ? AND created_at > ?",
		t.customerID, t.consumerID, operation, *key, tx.now.Add(-keyLife)).Scan(ctx, &stored)
	if err == nil {
		if !bytes.Equal(stored.Request, hash[:]) {
			return fault.New(fault.Conflict, "idempotencyKey", "This idempotencyKey was used with another input")
		}
		return json.Unmarshal(stored.Answer, answer)
	}
	if !none(err) {
		return err
	}
	if err := effect(); err != nil {
		return err
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	// A few keys that are over go with each new one.
	_, err = tx.ExecContext(ctx, `WITH over AS (DELETE FROM idempotency_keys WHERE customer_id = ?0 AND (consumer_id, operation, key) IN (
				SELECT consumer_id, operation, key FROM idempotency_keys WHERE customer_id = ?0 AND created_at <= ?6
					AND (consumer_id, operation, key) <> (?1, ?2, ?3) ORDER BY created_at LIMIT 10 FOR UPDATE SKIP LOCKED))
		INSERT INTO idempotency_keys (customer_id, consumer_id, operation, key, request, answer, created_at) VALUES (?0, ?1, ?2, ?3, ?4, ?5, ?7)
		ON CONFLICT (customer_id, consumer_id, operation, key) DO UPDATE SET request = excluded.request, answer = excluded.answer, created_at = excluded.created_at`,
		t.customerID, t.consumerID, operation, *key, hash[:], string(text), tx.now.Add(-keyLife), tx.now)
	return err
}
