package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// redis is a Redis server that this process owns.
type redis struct {
	bin      binary
	settings []string
	sentinel bool
	dir      string
	lock     *ownerLock
	log      func(string, ...any)

	port     int
	password string
	keeper
}

func (r *redis) data() string { return filepath.Join(r.dir, "redis") }

// start starts Redis for the first time and returns its URL. Port and password are new at each
// start; RestartRedis keeps both.
func (r *redis) start(ctx context.Context) (string, error) {
	if err := os.Mkdir(r.data(), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("make the folder of Redis: %w", err)
	}
	r.password = rand.Text()
	if err := r.keep(ctx); err != nil {
		return "", err
	}
	return r.url(), nil
}

func (r *redis) url() string {
	return fmt.Sprintf("redis://:%s@127.0.0.1:%d/0", r.password, r.port)
}

// keep starts the server, and starts it again when it ends by itself.
func (r *redis) keep(ctx context.Context) error { return r.keeper.keep(ctx, "Redis", r.run, r.log) }

// run starts the server process, on the port it had before if it had one.
func (r *redis) run(ctx context.Context) error {
	if err := r.lock.publish(state{Owner: os.Getpid(), Starting: r.proc == nil}); err != nil {
		return err
	}
	as, err := ownerOf(r.data())
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	running, err := takeRunning(ctx, filepath.Join(r.dir, "redis.running"), r.oldPID, syscall.SIGTERM, syscall.SIGKILL)
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	defer running.Close()
	r.port, err = launchOnFreePort(r.port, func(port int) (err error) {
		// The settings go in through standard input: a command line can be read by every user.
		c := command{path: r.bin.path, args: []string{"-"}, dir: r.data(), stdin: r.config(port), as: as, libPath: r.bin.libPath, end: syscall.SIGTERM, running: running}
		if r.sentinel { // it keeps what it learns in its file
			file := filepath.Join(r.data(), "sentinel.conf")
			if err := os.WriteFile(file, []byte(c.stdin), 0o600); err != nil {
				return err
			}
			if as.other {
				if err := os.Chown(file, int(as.uid), int(as.gid)); err != nil {
					return err
				}
			}
			c.args, c.stdin = []string{file, "--sentinel"}, ""
		}
		r.proc, err = launch(ctx, c, filepath.Join(r.dir, "redis.log"), func(*process) bool { return r.answers(port) })
		return err
	})
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	return r.lock.publish(state{Owner: os.Getpid(), Server: r.proc.pid(), URL: r.url()})
}

// config makes Redis keep every write (append-only file) and refuse writes when memory is full
// rather than throw away queued work. Its folder is the working directory.
func (r *redis) config(port int) string {
	lines := []string{
		"bind 127.0.0.1",
		"protected-mode yes",
		"port " + strconv.Itoa(port),
		"requirepass " + r.password,
		"dir ./",
		"daemonize no",
		"appendonly yes",
		`save ""`,
		"maxmemory-policy noeviction",
	}
	return strings.Join(append(lines, r.settings...), "\n") + "\n"
}

// answers tells whether the server on the port takes our password and has loaded its data. The
// password makes sure that it is our Redis, not one of another folder that was quicker on the port.
func (r *redis) answers(port int) bool {
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), dialWait)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(dialWait))
	want := "+OK\r\n+PONG\r\n"
	got := make([]byte, len(want))
	fmt.Fprintf(c, "AUTH %s\r\nPING\r\n", r.password)
	_, err = io.ReadFull(c, got)
	return err == nil && string(got) == want
}

// oldPID returns the Redis of this folder whose owner was killed, 0 when there is none. Redis shows
// its address in its command line, which tells it from an unrelated process that got the same id.
func (r *redis) oldPID() int {
	s := r.lock.left
	_, port, ok := strings.Cut(s.URL, "@")
	port, _, _ = strings.Cut(port, "/")
	if line := commandLine(s.Server); s.Server == 0 || !ok || !strings.Contains(line, port) || !strings.Contains(line, "-server") {
		return 0
	}
	return s.Server
}

func (r *redis) wipe() error {
	if r.proc != nil && !r.proc.ended() {
		return errors.New("remove the data of Redis: it is running")
	}
	return removeContents(r.data())
}

func (r *redis) stop() error {
	r.over()
	defer r.mu.Unlock()
	err := r.lock.publish(state{Owner: os.Getpid()})
	if r.proc != nil {
		err = errors.Join(err, r.proc.stop(syscall.SIGTERM))
	}
	return errors.Join(err, r.lock.release())
}

func removeContents(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}
