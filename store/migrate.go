package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock is the number of the advisory lock that lets one process migrate at a time. It goes with its
// connection, so a crash leaves nothing to clean up (bun's own lock is a row that would stay).
const migrationLock = 0x1_4516_4772

// MayNot tells whether a migration failed because its login has no right to it.
func MayNot(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "42501"
}

// Migrate brings the database up to date: each file in one transaction, forward only. url must allow to create tables
// and roles. It returns the names of the migrations that it applied.
func Migrate(ctx context.Context, url string) ([]string, error) {
	pool, err := readURL(url)
	if err != nil {
		return nil, err
	}
	config := pool.ConnConfig
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.RuntimeParams["client_min_messages"] = "warning"
	db := bun.NewDB(stdlib.OpenDB(*config), pgdialect.New())
	defer db.Close()
	lock, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	defer lock.Close()
	var encoding string
	if err := lock.NewRaw("SHOW server_encoding").Scan(ctx, &encoding); err != nil {
		return nil, fmt.Errorf("ask for the database's encoding: %w", err)
	}
	if encoding != "UTF8" {
		return nil, fmt.Errorf("the database is in %s, which has no place for most names: make one with ENCODING 'UTF8'", encoding)
	}
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_lock(?)", int64(migrationLock)); err != nil {
		return nil, fmt.Errorf("wait for another migration: %w", err)
	}
	files := migrate.NewMigrations()
	if err := files.Discover(migrationFiles); err != nil {
		return nil, err
	}
	migrator := migrate.NewMigrator(db, files, migrate.WithMarkAppliedOnSuccess(true), migrate.WithUpsert(true),
		migrate.WithTableName("migrations"), migrate.WithLocksTableName("migration_locks"),
		// Who waits for a table holds up all who come after, such as the requests of processes of the version before.
		migrate.BeforeMigration(func(ctx context.Context, tx bun.IConn, _ *migrate.Migration) error {
			_, err := tx.ExecContext(ctx, "SET LOCAL lock_timeout = '1s'")
			return err
		}),
		// The migrator notes a migration after its commit, between which and the note the process can die.
		migrate.AfterMigration(func(ctx context.Context, tx bun.IConn, m *migrate.Migration) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO migrations (name, group_id) VALUES (?, ?)", m.Name, m.GroupID)
			return err
		}))
	if err := migrator.Init(ctx); err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	all, err := migrator.MigrationsWithStatus(ctx)
	if err != nil {
		return nil, fmt.Errorf("look what is migrated: %w", err)
	}
	for {
		_, err := migrator.Migrate(ctx)
		if err == nil {
			break
		}
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "55P03" && pg.Code != "40P01" { // a lock, a deadlock
			return nil, fmt.Errorf("migrate: %w", err)
		}
		slog.WarnContext(ctx, "somebody holds a lock on a table that is to be migrated; trying again")
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
	// All processes look whether the database is as they need it.
	if _, err := lock.ExecContext(ctx, "GRANT SELECT ON migrations TO insightgraph_app, insightgraph_system"); err != nil {
		return nil, fmt.Errorf("let the roles see the migrations: %w", err)
	}
	var names []string
	for _, m := range all.Unapplied() {
		names = append(names, m.Name+"_"+m.Comment)
	}
	return names, nil
}
