package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	goredis "github.com/redis/go-redis/v9"
)

// A helper is this test binary run again as another process that calls Start and, on the end of its
// standard input, Stop.
type helper struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

const helperVar = "EMBEDDED_TEST_HELPER"

type helperPlan struct {
	Dir           string
	NoDeathSignal bool
}

func TestMain(m *testing.M) {
	if plan := os.Getenv(helperVar); plan != "" {
		os.Exit(helperMain(plan))
	}
	os.Exit(m.Run())
}

func helperMain(planJSON string) int {
	var plan helperPlan
	if err := json.Unmarshal([]byte(planJSON), &plan); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	if plan.NoDeathSignal {
		hasDeathSignal = false
	}
	s, err := Start(context.Background(), testOptions(plan.Dir))
	if err != nil {
		fmt.Printf("error: %q\n", err)
		return 1
	}
	fmt.Println("started", s.DatabaseURL, s.RedisURL)
	io.Copy(io.Discard, os.Stdin)
	if err := s.Stop(); err != nil {
		fmt.Printf("error: %q\n", err)
		return 1
	}
	fmt.Println("stopped")
	return 0
}

func testOptions(dir string) Options {
	return Options{Dir: dir, Postgres: true, Redis: true, PostgresArgs: []string{"-c", "fsync=off"}}
}

func executable(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

func startHelper(t *testing.T, exe string, plan helperPlan, as *syscall.Credential, env ...string) *helper {
	t.Helper()
	b, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	h := &helper{cmd: exec.Command(exe)}
	h.cmd.Dir = "/"
	h.cmd.Env = append(append(os.Environ(), helperVar+"="+string(b)), env...)
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	h.cmd.Stderr = os.Stderr
	in, err := h.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.stdin, h.out = in, bufio.NewReader(out)
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.cmd.Process.Kill(); h.cmd.Wait() })
	return h
}

func (h *helper) line(t *testing.T) []string {
	t.Helper()
	l, err := h.out.ReadString('\n')
	if err != nil || strings.HasPrefix(l, "error:") {
		t.Fatalf("helper said %q, %v", l, err)
	}
	return strings.Fields(l)
}

// urls waits until the helper has started.
func (h *helper) urls(t *testing.T) (database, redis string) {
	t.Helper()
	f := h.line(t)
	if len(f) != 3 || f[0] != "started" {
		t.Fatalf("helper said %q", f)
	}
	return f[1], f[2]
}

func (h *helper) stop(t *testing.T) {
	t.Helper()
	h.stdin.Close()
	if f := h.line(t); f[0] != "stopped" {
		t.Fatalf("helper said %q", f)
	}
	if err := h.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

// kill is kill -9 of the owner.
func (h *helper) kill(t *testing.T) {
	t.Helper()
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	h.cmd.Wait()
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // a machine can be that busy; what hangs is told before the test is ended
	t.Cleanup(cancel)
	return ctx
}

func mustStart(t *testing.T, dir string) *Servers {
	t.Helper()
	o := testOptions(dir)
	o.Log = t.Logf
	s, err := Start(testContext(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	return s
}

func mustStop(t *testing.T, s *Servers) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

// query runs SQL and returns the single value of its last row, "" when there is none.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	ctx := testContext(t)
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	results, err := c.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		return string(last.Rows[0][0])
	}
	return ""
}

func redisClient(t *testing.T, url string) *goredis.Client {
	t.Helper()
	o, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := goredis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

// write puts a value into both servers, read expects it there.
func write(t *testing.T, database, redis string) {
	t.Helper()
	query(t, database, "CREATE TABLE kept (v text); INSERT INTO kept VALUES ('here')")
	c := redisClient(t, redis)
	if err := c.Set(testContext(t), "kept", "here", 0).Err(); err != nil {
		t.Fatal(err)
	}
	// A kill would lose up to a second of the append-only file: wait until it is on disk.
	if err := c.ConfigSet(testContext(t), "appendfsync", "always").Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(testContext(t), "synced", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, database, redis string) {
	t.Helper()
	if v := query(t, database, "SELECT v FROM kept"); v != "here" {
		t.Errorf("PostgreSQL has %q", v)
	}
	if v, err := redisClient(t, redis).Get(testContext(t), "kept").Result(); v != "here" {
		t.Errorf("Redis has %q, %v", v, err)
	}
}

// serverPIDs returns the process ids of the two servers of a folder.
func serverPIDs(t *testing.T, dir string) []int {
	t.Helper()
	pids := []int{readState(filepath.Join(dir, "postgres.lock")).Server, readState(filepath.Join(dir, "redis.lock")).Server}
	for _, p := range pids {
		if p == 0 || commandLine(p) == "" {
			t.Fatalf("no server with process id %d", p)
		}
	}
	return pids
}

func expectGone(t *testing.T, pids []int) {
	t.Helper()
	for _, p := range pids {
		if l := commandLine(p); l != "" {
			t.Errorf("process %d lives: %s", p, l)
		}
	}
}
