package store

import (
	"context"

	"insightgraph/bank"
	"insightgraph/fault"
)

// maxOrigins bounds a customer's origins: all of them are in a header of the connect app's page.
const maxOrigins = 50

// Origins lists the origins whose pages may show the connect app.
func (t Tenant) Origins(ctx context.Context) (origins []string, err error) {
	err = t.in(ctx, func(tx *Tx) (err error) {
		origins, err = tx.origins(ctx, t.customerID)
		return err
	})
	return origins, err
}

func (tx *Tx) origins(ctx context.Context, customerID int64) ([]string, error) {
	origins := []string{}
	err := tx.NewRaw("SELECT origin FROM origins WHERE customer_id = (SELECT ?::bigint) ORDER BY origin", customerID).Scan(ctx, &origins)
	return origins, err
}

// AddOrigin registers an origin that was checked; again changes nothing.
func (t Tenant) AddOrigin(ctx context.Context, origin string) (origins []string, err error) {
	if err := t.customerOnly(); err != nil {
		return nil, err
	}
	err = t.change(ctx, "registerConnectOrigin", nil, func(tx *Tx) (err error) {
		tx.aboutOf(bank.Ref{}, nil)
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('origins', ?))", t.customerID); err != nil {
			return err // two at once could be one too many
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO origins (customer_id, origin, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
			t.customerID, origin, tx.now); err != nil {
			return err
		}
		if origins, err = tx.origins(ctx, t.customerID); err == nil && len(origins) > maxOrigins {
			return fault.New(fault.TooMany, "origin", "At most %d origins can be registered; remove one first", maxOrigins)
		}
		return err
	}, &origins)
	return origins, err
}

// RemoveOrigin takes an origin back; one that is not registered is a fault.
func (t Tenant) RemoveOrigin(ctx context.Context, origin string) (origins []string, err error) {
	if err := t.customerOnly(); err != nil {
		return nil, err
	}
	err = t.change(ctx, "removeConnectOrigin", nil, func(tx *Tx) error {
		tx.aboutOf(bank.Ref{}, nil)
		n, err := tx.affected(ctx, "DELETE FROM origins WHERE customer_id = (SELECT ?::bigint) AND origin = ?", t.customerID, origin)
		if err := notFoundIf(n == 0, err, "origin", "Origin"); err != nil {
			return err
		}
		origins, err = tx.origins(ctx, t.customerID)
		return err
	}, &origins)
	return origins, err
}
