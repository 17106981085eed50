package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// process is a server of the program under test. One that dies is started again, as a service manager does.
type process struct {
	s    *scene
	name string // as web0
	role string
	addr string
	log  *output
	out  atomic.Bool // clients are not to ask it

	mu     sync.Mutex
	cmd    *exec.Cmd
	wanted bool
	over   chan struct{}
}

// output is what a process says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// freeAddr is an address that nobody listens on. A process keeps it when it is started again.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// process starts a server of a role. env holds for its first life only: it is where its failpoint stands.
func (s *scene) process(name, role string, env ...string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p := &process{s: s, name: name, role: role, addr: addr, log: &output{}, wanted: true, over: make(chan struct{})}
	s.processes = append(s.processes, p)
	started := make(chan error, 1)
	go p.live(env, started)
	return p, <-started
}

// live is the process from its first start to its last end: it is started again when it ends and nobody wanted that.
func (p *process) live(env []string, started chan<- error) {
	runtime.LockOSThread() // the parent-death signal follows the thread that made the child
	defer runtime.UnlockOSThread()
	defer close(p.over)
	for first := true; ; first = false {
		cmd := exec.Command(p.s.program, "serve", "--role", p.role)
		cmd.Env = append(append(p.s.environment(), "ADDR="+p.addr, "FAILPOINT_TRACE="+p.s.traceFile(p.role)), env...)
		cmd.Stdout, cmd.Stderr = p.log, p.log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true} // a service of its own, not one of a terminal
		p.mu.Lock()
		if !p.wanted {
			p.mu.Unlock()
			return
		}
		err := cmd.Start()
		p.cmd = cmd
		p.mu.Unlock()
		if first {
			started <- err
		}
		if err != nil {
			p.s.wrong("start %s: %v", p.name, err)
			return
		}
		env = nil
		err = cmd.Wait()
		p.mu.Lock()
		wanted := p.wanted
		p.mu.Unlock()
		switch text := p.log.String(); {
		case !wanted:
			return
		case died(cmd):
			p.s.killed(p)
		case strings.Contains(text, "panic:"):
			p.s.wrong("%s ended by itself: %v\n%s", p.name, err, tail(text))
		default:
			time.Sleep(100 * time.Millisecond) // it could not start, its database is away
		}
	}
}

// died tells whether a process was ended by kill -9.
func died(cmd *exec.Cmd) bool {
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// signal sends a signal. It is told from a failpoint by nothing: both are a death from outside.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd.Process.Signal(sig)
}

// end stops the process for good, in no good order: that is a fault of its own.
func (p *process) end() {
	p.mu.Lock()
	p.wanted = false
	p.cmd.Process.Kill()
	p.mu.Unlock()
	<-p.over
}

// pid is the id of the process as it is now.
func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// ready tells what its readiness says: the status, 0 where it does not answer, and the text.
func (p *process) ready(ctx context.Context) (int, string) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+p.addr+"/readyz", nil)
	if err != nil {
		return 0, ""
	}
	a, err := direct.Do(r)
	if err != nil {
		return 0, ""
	}
	defer a.Body.Close()
	var b bytes.Buffer
	b.ReadFrom(a.Body)
	return a.StatusCode, b.String()
}

// direct keeps no connections: one that is kept would be broken by the next fault and tell nothing new.
var direct = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// untilReady waits until the process answers.
func (p *process) untilReady(ctx context.Context) error {
	for {
		if code, _ := p.ready(ctx); code == http.StatusOK {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not become ready:\n%s", p.name, tail(p.log.String()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// command runs the program to its end. dead tells that it was ended by kill -9.
func (s *scene) command(ctx context.Context, env []string, args ...string) (text string, dead bool, err error) {
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Env = append(s.environment(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%s: %w: %s", args[0], err, tail(errs.String()))
	}
	return out.String(), cmd.ProcessState != nil && died(cmd), err
}

func tail(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// connsOfEach is how many connections to the database a process may have.
const connsOfEach = 5

// environment is what all processes of the scene have in common.
func (s *scene) environment() []string {
	return append(os.Environ(),
		"DATABASE_URL="+s.url, "REDIS_URL="+s.redisURL, "DATA_DIR="+s.dir, "ENCRYPTION_KEYS="+s.keys, "PRIVATE_CALLBACKS=on", "SANDBOX=on",
		fmt.Sprint("DATABASE_CONNS=", connsOfEach), "LAME_DUCK=1s", "FAILPOINT_CLOCK="+s.clock.file, "FAILPOINT_TICK=500ms")
}
