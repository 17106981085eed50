package store

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/connect"
	"insightgraph/fault"
)

// Consents lists the consents of consumers, the newest first.
func (t Tenant) Consents(ctx context.Context, consumerIDs []int64) (map[int64][]connect.Consent, error) {
	var rows []connect.Consent
	err := t.in(ctx, func(tx *Tx) error {
		return tx.NewSelect().Model(&rows).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ANY(?::bigint[])", t.customerID, pgdialect.Array(consumerIDs)).
			Apply(t.own("consumer_id")).OrderExpr("granted_at DESC, id DESC").Scan(ctx)
	})
	found := make(map[int64][]connect.Consent, len(consumerIDs))
	for _, c := range rows {
		found[c.ConsumerID] = append(found[c.ConsumerID], c)
	}
	return found, err
}

// Consent finds one consent.
func (t Tenant) Consent(ctx context.Context, ref bank.Ref) (c connect.Consent, err error) {
	if !t.may(ref, bank.KindConsent) {
		return c, fault.Unknown("", "Consent")
	}
	err = t.in(ctx, func(tx *Tx) error {
		c = connect.Consent{}
		return tx.NewSelect().Model(&c).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", t.customerID, ref.ConsumerID, ref.ID).Scan(ctx)
	})
	return c, notFound(err, "", "Consent")
}

// RevokeConsents ends a consumer's n active consents, which are given back to the banks too. What is fetched with them at the
// moment is not stored any more.
func (t Tenant) RevokeConsents(ctx context.Context, consumer bank.Ref) (c bank.Consumer, n int, err error) {
	if !t.may(consumer, bank.KindConsumer) {
		return c, 0, fault.Unknown("consumerId", "Consumer")
	}
	err = t.change(ctx, "revokeConsent", nil, func(tx *Tx) error {
		tx.about(consumer)
		c = bank.Consumer{}
		if err := tx.consumer(ctx, t, consumer.ID, &c, "NO KEY UPDATE"); err != nil {
			return err
		}
		if err := tx.giveBack(ctx, "c.customer_id = (SELECT ?::bigint) AND c.consumer_id = ?", t.customerID, c.ID); err != nil {
			return err
		}
		if n, err = tx.affected(ctx, "UPDATE consents SET state = ?, sealed = NULL, closed_at = ? WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND state = ?",
			connect.ConsentIsRevoked, tx.now, t.customerID, c.ID, connect.ConsentActive); err != nil || n == 0 {
			return err
		}
		// None is left that could be used.
		if _, err := tx.ExecContext(ctx, "UPDATE automatic_refreshes SET next_refresh_at = NULL WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ?", t.customerID, c.ID); err != nil {
			return err
		}
		var open []refreshPart
		if err := tx.NewSelect().Model(&open).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND consent_id IS NOT NULL AND state IN ('READY', 'RUNNING')", t.customerID, c.ID).
			OrderExpr("id").For("UPDATE").Scan(ctx); err != nil || open == nil {
			return err
		}
		return tx.endParts(ctx, open, connect.ConsentRevoked)
	}, &c, &n)
	return c, n, err
}

// Reseal encrypts all that is sealed anew. reseal is told the place of each; what cannot be opened is counted and stays.
func (s *Store) Reseal(ctx context.Context, reseal func(sealed []byte, place string) ([]byte, error)) (done, failed int, err error) {
	for _, kind := range []struct {
		table, key, place string // place: the column that its place is told by
		of                func(customerID, id int64) string
	}{{"flows", "customer_id, id", "id", connect.DialogPlace}, {"consents", "customer_id, consumer_id, id", "flow_id", connect.ConsentPlace},
		{"revocations", "customer_id, id", "flow_id", connect.ConsentPlace},
		{"webhook_secrets", "customer_id, id", "customer_id", func(customerID, _ int64) string { return callback.SecretPlace(customerID) }},
		{"idempotency_keys", "customer_id, id", "customer_id", func(customerID, _ int64) string { return answerPlace(customerID) }}} {
		columns := strings.Split(kind.key, ", ")
		after := make([]int64, len(columns))
		of := func(alias string) string { return "(" + alias + "." + strings.Join(columns, ", "+alias+".") + ")" }
		for more := true; more; {
			var ok, bad int
			last := after
			err := s.system(ctx, func(tx *Tx) error {
				ok, bad, last, more = 0, 0, after, false
				var rows []struct {
					Key        []int64 `bun:",array"`
					CustomerID int64
					Place      int64
					Sealed     []byte
				}
				if err := tx.NewRaw("SELECT ARRAY["+kind.key+"] AS key, customer_id, "+kind.place+" AS place, sealed FROM "+kind.table+" WHERE sealed IS NOT NULL AND ("+kind.key+`) > (?)
					ORDER BY `+kind.key+" LIMIT 200 FOR UPDATE", bun.List(after)).Scan(ctx, &rows); err != nil || len(rows) == 0 {
					return err
				}
				keys := make([][]int64, len(columns))
				var texts [][]byte
				for _, r := range rows {
					more, last = true, r.Key
					text, err := reseal(r.Sealed, kind.of(r.CustomerID, r.Place))
					if err != nil {
						bad++
						continue
					}
					ok++
					if !bytes.Equal(text, r.Sealed) {
						for i := range keys {
							keys[i] = append(keys[i], r.Key[i])
						}
						texts = append(texts, text)
					}
				}
				unnested, args := "", []any{texts}
				for i, k := range keys {
					unnested, args = unnested+fmt.Sprintf(", $%d::bigint[]", i+2), append(args, k)
				}
				_, err := tx.pg.Exec(ctx, "UPDATE "+kind.table+" x SET sealed = u.sealed FROM unnest($1::bytea[]"+unnested+") AS u(sealed, "+kind.key+") WHERE "+of("x")+" = "+of("u"), args...)
				return err
			})
			if err != nil {
				return done, failed, err
			}
			done, failed, after = done+ok, failed+bad, last
		}
	}
	return done, failed, nil
}
