package store

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// As is options with another role for the sessions.
func As(role string, o Options) Options {
	o.role = role
	return o
}

// Patient is options without limits of how long a caller's statements may take.
func Patient(o Options) Options {
	o.patient = true
	return o
}

// Lease and the others are what tests have to know.
const (
	Lease       = lease
	MaxAttempts = maxAttempts
	KeyLife     = keyLife
)

// DatabaseError is what the database says with a code.
func DatabaseError(code string) error { return &pgconn.PgError{Code: code} }

// Setting is a setting of the sessions.
func (s *Store) Setting(ctx context.Context, name string) (value string, err error) {
	err = s.pool.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value)
	return value, err
}
