package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"insightgraph/embedded"
)

// Replica starts a streaming replica of the test servers' PostgreSQL, and gives the URL that one of its databases has
// there.
func Replica(t testing.TB, primary string) (*embedded.Servers, string) {
	t.Helper()
	dir := t.TempDir()
	if err := standby(t.Context(), Servers(t).DatabaseURL, filepath.Join(dir, "postgres")); err != nil {
		t.Fatalf("make a replica: %v", err)
	}
	s, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, Postgres: true, PostgresArgs: settings})
	if err != nil {
		t.Fatalf("start a replica: %v", err)
	}
	t.Cleanup(func() { s.Stop() })
	u, _ := url.Parse(s.DatabaseURL)
	of, _ := url.Parse(primary)
	u.Path = of.Path
	return s, u.String()
}

// standby copies a running cluster, as a backup that begins to follow it. It needs no program but the server.
func standby(ctx context.Context, primary, to string) error {
	db, err := sql.Open("pgx", primary)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx) // a backup belongs to its session
	if err != nil {
		return err
	}
	defer conn.Close()
	var version int
	var from, label string
	if err := conn.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, current_setting('data_directory')").Scan(&version, &from); err != nil {
		return err
	}
	start, stop := "SELECT pg_backup_start('replica', true)", "SELECT labelfile FROM pg_backup_stop(false)"
	if version < 150000 {
		start, stop = "SELECT pg_start_backup('replica', true, false)", "SELECT labelfile FROM pg_stop_backup(false, false)"
	}
	if _, err := conn.ExecContext(ctx, start); err != nil {
		return err
	}
	if err := copyTree(from, to, "pg_wal", "pg_replslot", "postmaster.pid", "postmaster.opts"); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, stop).Scan(&label); err != nil {
		return err
	}
	if err := copyTree(filepath.Join(from, "pg_wal"), filepath.Join(to, "pg_wal")); err != nil {
		return err
	}
	u, err := url.Parse(primary)
	if err != nil {
		return err
	}
	password, _ := u.User.Password()
	follow := fmt.Sprintf("primary_conninfo = 'host=%s port=%s user=%s password=%s'\n", u.Hostname(), u.Port(), u.User.Username(), password)
	for name, text := range map[string]string{"backup_label": label, "standby.signal": "", "postgresql.auto.conf": follow} {
		if err := errors.Join(os.WriteFile(filepath.Join(to, name), []byte(text), 0o600), own(from, filepath.Join(to, name))); err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies a folder. What goes away meanwhile is left out, and of the skipped folders only the names are kept.
func copyTree(from, to string, skip ...string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(from, path)
		target, first := filepath.Join(to, name), strings.SplitN(filepath.ToSlash(name), "/", 2)[0]
		skipped := false
		for _, s := range skip {
			skipped = skipped || first == s
		}
		switch {
		case d.IsDir() && (!skipped || name == first):
			return errors.Join(os.MkdirAll(target, 0o700), own(path, target))
		case d.IsDir():
			return fs.SkipDir
		case skipped:
			return nil
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return errors.Join(err, os.WriteFile(target, b, 0o600), own(path, target))
	})
}

// own gives a file to the owner of another one, which is whom the server runs as.
func own(like, path string) error {
	info, err := os.Stat(like)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		return os.Chown(path, int(st.Uid), int(st.Gid))
	}
	return nil
}
