package embedded

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestTwoProcessesShareOneFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Both start at once on an empty folder: one owns, the other joins.
	a, b := startHelper(t, executable(t), helperPlan{Dir: dir}, nil), startHelper(t, executable(t), helperPlan{Dir: dir}, nil)
	dbA, redisA := a.urls(t)
	dbB, redisB := b.urls(t)
	if dbA != dbB || redisA != redisB {
		t.Fatalf("two sets of servers in one folder: %s %s, %s %s", dbA, redisA, dbB, redisB)
	}
	write(t, dbA, redisA)

	joined := mustStart(t, dir)
	if joined.DatabaseURL != dbA || joined.RedisURL != redisA {
		t.Fatalf("joined %s %s, want %s %s", joined.DatabaseURL, joined.RedisURL, dbA, redisA)
	}
	if joined.KillRedis() == nil || joined.KillPostgres() == nil {
		t.Error("a joined server can be killed")
	}
	mustStop(t, joined)
	read(t, dbA, redisA)

	pids := serverPIDs(t, dir)
	owner, other := a, b
	if readState(filepath.Join(dir, "postgres.lock")).Owner == b.cmd.Process.Pid {
		owner, other = b, a
	}
	other.stop(t)
	read(t, dbA, redisA)
	owner.stop(t)
	expectGone(t, pids)

	s := mustStart(t, dir)
	read(t, s.DatabaseURL, s.RedisURL)
	pids = serverPIDs(t, dir)
	mustStop(t, s)
	mustStop(t, s)
	expectGone(t, pids)
}

func TestOnlyTheMissingKindIsStarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := Start(testContext(t), Options{Dir: dir, Redis: true})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Stop()
	if first.DatabaseURL != "" {
		t.Errorf("DatabaseURL is %q", first.DatabaseURL)
	}
	both := mustStart(t, dir)
	if both.RedisURL != first.RedisURL {
		t.Error("Redis was not joined")
	}
	mustStop(t, both)
	if err := redisClient(t, first.RedisURL).Ping(testContext(t)).Err(); err != nil {
		t.Error("a joined Redis was stopped:", err)
	}
}

func TestOwnerKilled(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]helperPlan{
		"servers die with it":          {},
		"servers live on, as on a Mac": {NoDeathSignal: true},
	} {
		t.Run(name, func(t *testing.T) {
			plan.Dir = t.TempDir()
			h := startHelper(t, executable(t), plan, nil)
			db, redis := h.urls(t)
			write(t, db, redis)
			pids := serverPIDs(t, plan.Dir)
			h.kill(t)
			s := mustStart(t, plan.Dir)
			expectGone(t, pids)
			read(t, s.DatabaseURL, s.RedisURL)
		})
	}
}

func TestHalfMadeCluster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := startHelper(t, executable(t), helperPlan{Dir: dir}, nil)
	for ctx := testContext(t); ; {
		if m, _ := filepath.Glob(filepath.Join(dir, "postgres.new-*", "data", "base")); len(m) > 0 {
			break
		}
		if !pause(ctx) {
			t.Fatal("initdb does not begin")
		}
	}
	h.kill(t)
	if exists(filepath.Join(dir, "postgres")) {
		t.Fatal("the cluster was complete before the kill")
	}
	mustStop(t, mustStart(t, dir))
	if m, _ := filepath.Glob(filepath.Join(dir, "postgres.new-*")); len(m) > 0 {
		t.Errorf("left behind: %s", m)
	}

	// A cluster that lost a part is set aside, not deleted.
	if err := os.Remove(filepath.Join(dir, "postgres", "global", "pg_control")); err != nil {
		t.Fatal(err)
	}
	mustStop(t, mustStart(t, dir))
	if m, _ := filepath.Glob(filepath.Join(dir, "postgres.broken-*", "PG_VERSION")); len(m) != 1 {
		t.Errorf("set aside: %q", m)
	}

	if err := os.WriteFile(filepath.Join(dir, "postgres", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(testContext(t), testOptions(dir))
	if err == nil || !strings.Contains(err.Error(), "was made by PostgreSQL 9 and only PostgreSQL") {
		t.Errorf("cluster of another version: %v", err)
	}
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustStart(t, dir)
	write(t, s.DatabaseURL, s.RedisURL)
	ctx := testContext(t)
	if s.RestartRedis(ctx) == nil || s.RestartPostgres(ctx) == nil || s.WipeRedis() == nil {
		t.Error("a running server was restarted")
	}
	// A backend that is busy when the postmaster is killed outlives it for a moment.
	busy, err := pgx.Connect(ctx, s.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = busy.Exec(ctx, "SELECT count(*) FROM generate_series(1, 3000000)")
	}()
	defer func() {
		<-ended
		busy.Close(ctx)
	}()
	for _, f := range []func() error{
		s.KillPostgres, s.KillRedis,
		func() error { return s.RestartPostgres(ctx) }, func() error { return s.RestartRedis(ctx) },
	} {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	read(t, s.DatabaseURL, s.RedisURL)

	if err := s.KillRedis(); err != nil {
		t.Fatal(err)
	}
	if err := s.WipeRedis(); err != nil {
		t.Fatal(err)
	}
	if err := s.RestartRedis(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := redisClient(t, s.RedisURL).DBSize(ctx).Result(); n != 0 || err != nil {
		t.Errorf("a wiped Redis has %d keys, %v", n, err)
	}
}

// TestCrash: servers that end by themselves, again and again, are started by their owner, and keep what they had. Those
// that were ended on purpose stay down.
func TestCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustStart(t, dir)
	write(t, s.DatabaseURL, s.RedisURL)
	pid := func(name string) int { return readState(filepath.Join(dir, name)).Server }
	up := func(name string, before int) bool { now := pid(name); return now != 0 && now != before }
	for range 2 {
		postgres, redis := pid("postgres.lock"), pid("redis.lock")
		for _, p := range []int{postgres, redis} {
			if err := syscall.Kill(p, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		for ctx := testContext(t); !up("postgres.lock", postgres) || !up("redis.lock", redis); {
			if !pause(ctx) {
				t.Fatal("the servers were not started again")
			}
		}
		read(t, s.DatabaseURL, s.RedisURL)
	}
	joined := mustStart(t, dir)
	if joined.DatabaseURL != s.DatabaseURL || joined.RedisURL != s.RedisURL {
		t.Error("another process does not find the servers where they were")
	}
	if err := s.KillRedis(); err != nil {
		t.Fatal(err)
	}
	<-s.redis.proc.done
	s.redis.watch(s.redis.proc, "Redis", func(context.Context) error { t.Error("a killed Redis is started again"); return nil }, s.redis.log)
	last := []int{pid("postgres.lock")}
	mustStop(t, s)
	expectGone(t, last)
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken, free := l.Addr().(*net.TCPAddr).Port, pickPort
	defer func() { pickPort = free }()
	calls := 0
	pickPort = func() (int, error) {
		if calls++; calls%2 == 1 {
			return taken, nil
		}
		return free()
	}
	s := mustStart(t, t.TempDir())
	if calls != 4 {
		t.Errorf("%d ports were tried, want 4", calls)
	}
	write(t, s.DatabaseURL, s.RedisURL)
	read(t, s.DatabaseURL, s.RedisURL)
}

func TestStalePIDFileOfUnrelatedProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustStop(t, mustStart(t, dir))
	unrelated := exec.Command("sleep", "60")
	if err := unrelated.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { unrelated.Process.Kill(); unrelated.Wait() }()
	pid := strconv.Itoa(unrelated.Process.Pid)
	file := pid + "\n" + filepath.Join(dir, "postgres") + "\n0\n5432\n\n127.0.0.1\n0\nready   \n"
	if err := os.WriteFile(filepath.Join(dir, "postgres", "postmaster.pid"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "redis.lock"), []byte(`{"Owner":`+pid+`,"Server":`+pid+`,"URL":"redis://:x@127.0.0.1:1/0"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustStart(t, dir)
	query(t, s.DatabaseURL, "SELECT 1")
	if commandLine(unrelated.Process.Pid) == "" {
		t.Error("an unrelated process was ended")
	}
}

// What users type must not get into the server's log, and no one gets in without the password.
func TestSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustStart(t, dir)
	ctx := testContext(t)
	c, err := pgx.Connect(ctx, s.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	for _, sql := range []string{
		"CREATE TABLE t (v text UNIQUE)", "INSERT INTO t VALUES ('secret-4711')", "INSERT INTO t VALUES ('secret-4711')",
		"SELECT 'secret-4711'::int", "SELECT secret-4711",
	} {
		c.Exec(ctx, sql)
	}
	c.Exec(ctx, "SELECT $1::text::int", "secret-4711")
	if b, err := os.ReadFile(filepath.Join(dir, "postgres.log")); err != nil || len(b) == 0 || bytes.Contains(b, []byte("4711")) {
		t.Errorf("the log is %q, %v", b, err)
	}

	open, err := pgx.ParseConfig(s.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	open.Password = "wrong"
	if c, err := pgx.ConnectConfig(ctx, open); err == nil {
		c.Close(ctx)
		t.Error("PostgreSQL takes a wrong password")
	}
	_, address, _ := strings.Cut(s.RedisURL, "@")
	if err := redisClient(t, "redis://"+address).Ping(ctx).Err(); err == nil {
		t.Error("Redis needs no password")
	}
	for _, f := range []string{"postgres.lock", "redis.lock", "postgres.log", "redis.log", "postgres/" + passwordFile} {
		if fi, err := os.Stat(filepath.Join(dir, f)); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, fi.Mode(), err)
		}
	}
	for _, p := range serverPIDs(t, dir) {
		if l := commandLine(p); strings.Contains(l, s.redis.password) || strings.Contains(l, s.postgres.password) {
			t.Errorf("a password in a command line: %s", l)
		}
	}
	if v := query(t, s.DatabaseURL, "SHOW data_checksums"); v != "on" {
		t.Error("data checksums are", v)
	}
	if v := query(t, s.DatabaseURL, "SHOW TimeZone"); !strings.Contains(v, "UTC") && v != "GMT" {
		t.Error("the time zone is", v)
	}
}

func TestStartStopsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, _, err := claim(testContext(t), filepath.Join(dir, "redis.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.release()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Start(ctx, Options{Dir: dir, Redis: true}); err == nil || ctx.Err() == nil {
		t.Errorf("Start beside an owner that never gets ready: %v", err)
	}
	if _, err := Start(ctx, Options{Dir: t.TempDir(), Postgres: true}); err == nil {
		t.Error("Start with a context that is done worked")
	}
}

// openTempDir is a folder that every user can reach and write to.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "embedded-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// As root the tests above run in a user namespace. These are the other ways.

func TestOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("the other tests run as an ordinary user already")
		return
	}
	if _, err := findRedis(testContext(t), t.Logf); err != nil { // into root's cache, which all may use
		t.Fatal(err)
	}
	dir := openTempDir(t)
	exe := filepath.Join(dir, "helper")
	b, err := os.ReadFile(executable(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, b, 0o755); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	for range 2 {
		h := startHelper(t, exe, helperPlan{Dir: data}, &syscall.Credential{Uid: nobody, Gid: nobody}, "HOME="+dir, "XDG_CACHE_HOME="+dir, "TMPDIR="+dir)
		db, redis := h.urls(t)
		query(t, db, "SELECT 1")
		redisClient(t, redis).Ping(testContext(t))
		pids := serverPIDs(t, data)
		for _, p := range pids {
			if fi, err := os.Stat("/proc/" + strconv.Itoa(p)); err != nil || fi.Sys().(*syscall.Stat_t).Uid != nobody {
				t.Errorf("server %d does not run as the ordinary user: %v", p, err)
			}
		}
		h.stop(t)
		expectGone(t, pids)
	}
}

func TestRootWithoutNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root needs this")
		return
	}
	keepLib := varLib
	defer func() { useNamespaces, varLib = hasNamespaces, keepLib }()
	varLib = filepath.Join(openTempDir(t), "lib")
	for name, dir := range map[string]string{"reachable folder": openTempDir(t), "closed folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			useNamespaces = false
			s := mustStart(t, dir)
			write(t, s.DatabaseURL, s.RedisURL)
			mustStop(t, s)
			// The folder remembers the mode, also when namespaces become possible.
			useNamespaces = true
			s = mustStart(t, dir)
			read(t, s.DatabaseURL, s.RedisURL)
			mustStop(t, s)
		})
	}
}
