package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// process is a server that was started for the bench.
type process struct {
	addr  string // where it listens
	cmd   *exec.Cmd
	ended chan struct{}
	ready time.Duration // from its start to its first good answer
}

// freeAddr is an address that nobody listened on a moment ago.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start runs a program, its output in a log, and waits until it answers at a path.
func (b *bench) start(ctx context.Context, name, addr, path string, env []string, program string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(b.dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &process{addr: addr, cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = log, log, append(os.Environ(), env...)
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for {
		if answer, err := client.Get("http://" + addr + path); err == nil {
			answer.Body.Close()
			if answer.StatusCode < 500 {
				p.ready = time.Since(begin)
				return p, nil
			}
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("%s ended at once; its log is %s", name, log.Name())
		case <-ctx.Done():
			p.stop()
			return nil, ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
		if time.Since(begin) > time.Minute {
			p.stop()
			return nil, fmt.Errorf("%s does not answer; its log is %s", name, log.Name())
		}
	}
}

// stop ends the program, by force where it does not end by itself.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// tick is the unit of the times in /proc: a hundredth of a second on every Linux.
const tick = 10 * time.Millisecond

// stat reads the parent of a process and the processor time of it, and of its children that have ended.
func stat(pid string) (parent int, own, children time.Duration) {
	content, _ := os.ReadFile("/proc/" + pid + "/stat")
	fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:])) // the name may hold anything
	if len(fields) < 15 {
		return 0, 0, 0
	}
	n := func(i int) time.Duration { v, _ := strconv.Atoi(fields[i]); return time.Duration(v) }
	return int(n(1)), (n(11) + n(12)) * tick, (n(13) + n(14)) * tick
}

// spent is the processor time of processes so far.
func spent(pids ...int) (sum time.Duration) {
	for _, pid := range pids {
		_, own, _ := stat(strconv.Itoa(pid))
		sum += own
	}
	return sum
}

// spentBelow is the processor time so far of a process and of all its children, those that have ended too.
func spentBelow(pid int) time.Duration {
	_, own, ended := stat(strconv.Itoa(pid))
	sum := own + ended
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if parent, own, _ := stat(e.Name()); parent == pid {
			sum += own
		}
	}
	return sum
}

// memory is the bytes that processes hold in memory.
func memory(pids ...int) (sum float64) {
	for _, pid := range pids {
		sum += held(pid, "VmRSS")
	}
	return sum
}

// held is a size in bytes that Linux knows of a process, 0 after its end.
func held(pid int, name string) float64 {
	text, _, _ := strings.Cut(field("/proc/"+strconv.Itoa(pid)+"/status", name), " ")
	n, _ := strconv.Atoi(text)
	return float64(n) * 1024
}

// postmaster is the process id of the database server.
func postmaster(ctx context.Context, conn *pgx.Conn) (int, error) {
	var backend int
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		return 0, err
	}
	parent, _, _ := stat(strconv.Itoa(backend))
	if parent == 0 {
		return 0, errors.New("the database's processes are not to be seen in /proc")
	}
	return parent, nil
}

// build makes the program, once.
func (b *bench) build(ctx context.Context) (string, error) {
	path := filepath.Join(b.dir, "insightgraph")
	if b.built {
		return path, nil
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	b.built = true
	return path, nil
}

// serve starts the program on a database.
func (b *bench) serve(ctx context.Context, name string, d *database, env ...string) (*process, error) {
	program, err := b.build(ctx)
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return b.start(ctx, name, addr, "/readyz", append([]string{"DATABASE_URL=" + d.url, "REDIS_URL=" + b.servers.RedisURL, "DATA_DIR=" + filepath.Join(b.dir, "server"),
		"ADDR=" + addr, "LOG_LEVEL=warn", "LAME_DUCK=0s", "CUSTOMER_POINTS=1000000000"}, env...), program, "serve")
}
