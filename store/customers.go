package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"insightgraph/audit"
	"insightgraph/bank"
	"insightgraph/fault"
)

// CreateCustomer makes a customer whose secret has the given hash.
func (s *Store) CreateCustomer(ctx context.Context, c bank.Customer, secretHash []byte) (bank.Customer, error) {
	err := s.system(ctx, func(tx *Tx) error {
		c.CreatedAt = tx.now
		if err := tx.NewRaw(`INSERT INTO customers (name, client_id, secret_hash, time_zone, currency, created_at)
			VALUES (?, ?, ?, ?, ?, ?) RETURNING id`, c.Name, c.ClientID, secretHash, c.TimeZone, c.Currency, c.CreatedAt).Scan(ctx, &c.ID); err != nil {
			return err
		}
		tx.record(Call{Actor: audit.By(audit.Command, "")}, c.ID, "createCustomer", subject{ref: c.Ref()})
		return nil
	})
	return c, err
}

// RotateSecret gives a customer another secret, and ends all access tokens that were given to it.
func (s *Store) RotateSecret(ctx context.Context, customerID int64, secretHash []byte) error {
	return s.system(ctx, func(tx *Tx) error {
		// Whoever saves a token meanwhile waits for the customer's row, and looks at the secret once more.
		if _, err := tx.ExecContext(ctx, "SELECT FROM customers WHERE id = ? FOR UPDATE", customerID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE customers SET secret_hash = ? WHERE id = ?", secretHash, customerID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM tokens WHERE customer_id = (SELECT ?::bigint)", customerID); err != nil {
			return err
		}
		tx.record(Call{Actor: audit.By(audit.Command, "")}, customerID, "rotateClientSecret", subject{})
		return nil
	})
}

// Customers lists all, the oldest first.
func (s *Store) Customers(ctx context.Context) (all []bank.Customer, err error) {
	err = s.system(ctx, func(tx *Tx) error {
		return tx.NewRaw("SELECT "+customerColumns+" FROM customers ORDER BY id").Scan(ctx, &all)
	})
	return all, err
}

const customerColumns = "id, name, client_id, time_zone, currency, created_at"

// CustomerOfClient finds a customer by its client id, with the hash of its secret.
func (s *Store) CustomerOfClient(ctx context.Context, clientID string) (bank.Customer, []byte, error) {
	var c bank.Customer
	var hash []byte
	if bank.CheckText("", clientID, 1, bank.MaxName) != nil { // nobody has such a name
		return c, nil, fault.Unknown("", "customer")
	}
	err := s.systemRow(ctx, "SELECT "+customerColumns+", secret_hash FROM customers WHERE client_id = $1", []any{clientID},
		&c.ID, &c.Name, &c.ClientID, &c.TimeZone, &c.Currency, &c.CreatedAt, &hash)
	c.CreatedAt = c.CreatedAt.UTC()
	return c, hash, notFound(err, "", "customer")
}

// systemRow reads one row that may be any customer's, in one round trip: the statements of a batch are one transaction.
func (s *Store) systemRow(ctx context.Context, query string, args []any, to ...any) (err error) {
	for try := 1; ; try++ {
		batch := &pgx.Batch{}
		batch.Queue(systemRole)
		batch.Queue(query, args...).QueryRow(func(row pgx.Row) error { return row.Scan(to...) })
		err = s.pool.SendBatch(ctx, batch).Close()
		if !lost(err) || try == maxTries || ctx.Err() != nil {
			return asFault(err)
		}
	}
}

// SaveToken keeps the hash of an access token, and forgets tokens that expired more than a day ago.
func (s *Store) SaveToken(ctx context.Context, hash []byte, customerID int64, consumerID *int64, expiresAt time.Time) error {
	return s.system(ctx, func(tx *Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO tokens (hash, customer_id, consumer_id, expires_at) VALUES (?, ?, ?, ?)",
			hash, customerID, consumerID, expiresAt); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE expires_at < ? LIMIT 100 FOR UPDATE SKIP LOCKED)",
			tx.now.Add(-24*time.Hour))
		return err
	})
}

// Token finds whom a token was given to.
func (s *Store) Token(ctx context.Context, hash []byte) (customer bank.Customer, consumer *bank.Consumer, expiresAt time.Time, err error) {
	var c struct {
		ID                   *int64
		ExternalID           *string
		TimeZone             *string
		Currency             *bank.Currency
		CreatedAt, ChangedAt *time.Time
	}
	err = s.systemRow(ctx, `SELECT m.id, m.name, m.client_id, m.time_zone, m.currency, m.created_at, t.expires_at,
			c.id, c.external_id, c.time_zone, c.currency, c.created_at, c.changed_at
		FROM tokens t JOIN customers m ON m.id = t.customer_id
		LEFT JOIN consumers c ON c.customer_id = t.customer_id AND c.id = t.consumer_id WHERE t.hash = $1`, []any{hash},
		&customer.ID, &customer.Name, &customer.ClientID, &customer.TimeZone, &customer.Currency, &customer.CreatedAt, &expiresAt,
		&c.ID, &c.ExternalID, &c.TimeZone, &c.Currency, &c.CreatedAt, &c.ChangedAt)
	customer.CreatedAt, expiresAt = customer.CreatedAt.UTC(), expiresAt.UTC()
	if err == nil && c.ID != nil {
		consumer = &bank.Consumer{CustomerID: customer.ID, ID: *c.ID, ExternalID: c.ExternalID, TimeZone: *c.TimeZone,
			Currency: *c.Currency, CreatedAt: c.CreatedAt.UTC(), ChangedAt: c.ChangedAt.UTC()}
	}
	return customer, consumer, expiresAt, notFound(err, "", "token")
}

// PublicKeys lists the customer's registered keys, the newest first.
func (t Tenant) PublicKeys(ctx context.Context) (keys []bank.PublicKey, err error) {
	err = t.in(ctx, func(tx *Tx) error {
		return tx.NewSelect().Model(&keys).Where("customer_id = (SELECT ?::bigint)", t.customerID).OrderExpr("created_at DESC, key_id").Scan(ctx)
	})
	return keys, err
}

// maxKeys bounds a customer's keys in use.
const maxKeys = 20

// AddPublicKey registers a key.
func (t Tenant) AddPublicKey(ctx context.Context, k bank.PublicKey) (bank.PublicKey, error) {
	if err := t.customerOnly(); err != nil {
		return k, err
	}
	err := t.change(ctx, "registerPublicKey", nil, func(tx *Tx) error {
		tx.aboutOf(bank.Ref{}, nil)
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('public_keys', ?))", t.customerID); err != nil {
			return err // two at once could be one too many
		}
		n, err := tx.NewSelect().Model((*bank.PublicKey)(nil)).Where("customer_id = (SELECT ?::bigint) AND revoked_at IS NULL", t.customerID).Count(ctx)
		if err != nil {
			return err
		}
		if n >= maxKeys {
			return fault.New(fault.TooMany, "publicKey", "At most %d keys can be registered; revoke one first", maxKeys)
		}
		k.CustomerID, k.CreatedAt = t.customerID, tx.now
		_, err = tx.NewInsert().Model(&k).Exec(ctx)
		return err
	}, &k)
	return k, err
}

// RevokePublicKey ends the use of a key at once; again = no change.
func (t Tenant) RevokePublicKey(ctx context.Context, keyID string) (k bank.PublicKey, err error) {
	if err := t.customerOnly(); err != nil {
		return k, err
	}
	if bank.CheckText("keyId", keyID, 1, bank.MaxName) != nil {
		return k, fault.Unknown("keyId", "Key")
	}
	err = t.change(ctx, "revokePublicKey", nil, func(tx *Tx) error {
		tx.aboutOf(bank.Ref{}, nil)
		return tx.NewRaw(`UPDATE public_keys SET revoked_at = coalesce(revoked_at, ?) WHERE customer_id = (SELECT ?::bigint) AND key_id = ? RETURNING *`,
			tx.now, t.customerID, keyID).Scan(ctx, &k)
	}, &k)
	return k, notFound(err, "keyId", "Key")
}
