package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	readyWait = 2 * time.Minute  // a database may have to recover from a crash before it answers
	stopWait  = 20 * time.Second // for an orderly end, before harder signals
	maxLog    = 8 << 20          // a log larger than this is set aside at the next start
)

// user says as whom a child runs; the zero value is the user of this process. PostgreSQL refuses to
// be root, so root runs it in a user namespace, where root's files belong to an ordinary user, or
// where that is refused (some containers) as another user.
type user struct {
	namespace bool
	other     bool
	uid, gid  uint32
}

// command describes one child. Every child inherits a locked file as descriptor 3 and, on Linux,
// gets the signal `end` when this process dies. The lock stays held until the last process that
// inherited it has ended, so a later Start knows exactly when the old server is gone, backends
// included, without trusting process ids.
type command struct {
	path    string
	args    []string
	dir     string
	stdin   string
	as      user
	libPath string
	end     syscall.Signal
	running *os.File
}

type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // why; valid after done
}

// start runs the child with its output going to out.
func (c command) start(out *os.File) (*process, error) {
	cmd := exec.Command(c.path, c.args...)
	cmd.Dir = c.dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{c.running}
	if c.stdin != "" {
		cmd.Stdin = strings.NewReader(c.stdin)
	}
	// A small environment: PGDATA, TZ, LANG and the like would change the servers, and the secrets
	// of this program are none of their business.
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	if l := joinPaths(c.libPath, os.Getenv("LD_LIBRARY_PATH")); l != "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+l)
	}
	cmd.SysProcAttr = c.sysProcAttr()
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The parent-death signal follows the thread that made the child, so this goroutine keeps
		// its thread for as long as the child lives. It gives the thread back then: one that ended with it
		// would take along whatever other child was once made on it (a test's browser).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	return p, <-started
}

// run runs the child to its end; an error holds the end of its output.
func (c command) run(ctx context.Context) error {
	out, err := os.CreateTemp("", "insightgraph-*.out")
	if err != nil {
		return err
	}
	defer out.Close()
	os.Remove(out.Name()) // open files outlive their names: nothing is left when this process is killed
	p, err := c.start(out)
	if err != nil {
		return fmt.Errorf("run %s: %w", c.path, err)
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		p.kill()
		return ctx.Err()
	}
	if p.err != nil {
		b, _ := io.ReadAll(io.NewSectionReader(out, 0, 1<<20))
		return fmt.Errorf("run %s: %w: %s", c.path, p.err, lastLines(b))
	}
	return nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// kill ends the child at once and waits for that.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return nil
}

// stop sends the signals one after the other until the child has ended, and kills it at last.
func (p *process) stop(signals ...syscall.Signal) error {
	for _, s := range signals {
		if err := p.cmd.Process.Signal(s); errors.Is(err, os.ErrProcessDone) {
			return nil
		}
		select {
		case <-p.done:
			return nil
		case <-time.After(stopWait):
		}
	}
	return p.kill()
}

// takeRunning returns the locked file that children are to inherit. It is free once no process of an
// earlier server lives; an earlier server that does live (its owner was killed where the system has
// no parent-death signal, or a person started it by hand) is found by pid, asked to end and, in the
// end, forced to. pid returns 0 when there is none.
func takeRunning(ctx context.Context, path string, pid func() int, signals ...syscall.Signal) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(len(signals)+1)*stopWait)
	defer cancel()
	var next time.Time
	for {
		old := pid()
		if old == 0 {
			if ok, err := tryLock(f); ok {
				return f, nil
			} else if err != nil {
				f.Close()
				return nil, fmt.Errorf("lock %s: %w", path, err)
			}
		} else if len(signals) > 0 && time.Now().After(next) {
			syscall.Kill(old, signals[0]) // already gone is fine
			signals, next = signals[1:], time.Now().Add(stopWait)
		}
		if !pause(ctx) {
			f.Close()
			return nil, fmt.Errorf("wait for the earlier server of %s to end: %w", filepath.Dir(path), ctx.Err())
		}
	}
}

// openLog opens a server's log for appending and returns its length, so that the lines of this run
// can be told from older ones.
func openLog(path string) (*os.File, int64, error) {
	if fi, err := os.Stat(path); err == nil && fi.Size() > maxLog {
		os.Rename(path, path+".old") // best effort: a long log is better than no server
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("open the server's log: %w", err)
	}
	n, err := f.Seek(0, io.SeekEnd)
	return f, n, err
}

func logFrom(path string, offset int64) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, _ := io.ReadAll(io.NewSectionReader(f, offset, 1<<20))
	return b
}

// errPortTaken is returned for a server that ended because its port was not free.
var errPortTaken = errors.New("the port was taken by another process")

// launch starts a server on a port and waits until it is ready.
func launch(ctx context.Context, c command, logPath string, ready func(*process) bool) (*process, error) {
	out, offset, err := openLog(logPath)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p, err := c.start(out)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	for {
		if p.ended() {
			b := logFrom(logPath, offset)
			if bytes.Contains(b, []byte("Address already in use")) {
				return nil, errPortTaken
			}
			return nil, fmt.Errorf("it ended: %w: %s", p.err, lastLines(b))
		}
		if ready(p) {
			return p, nil
		}
		if !pause(ctx) {
			p.stop(c.end)
			return nil, fmt.Errorf("it was not ready (see %s): %w", logPath, ctx.Err())
		}
	}
}

// launchOnFreePort launches with one free port after the other, for the case that another process
// takes the port between the choice and the start. A port other than 0 is kept: clients know it.
func launchOnFreePort(port int, try func(port int) error) (int, error) {
	for tries := 0; ; tries++ {
		p := port
		if p == 0 {
			var err error
			if p, err = pickPort(); err != nil {
				return 0, err
			}
		}
		err := try(p)
		if !errors.Is(err, errPortTaken) || tries == 9 {
			return p, err
		}
	}
}

// pickPort is a variable so that tests can make it choose a taken port.
var pickPort = func() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// lastLines shortens output to what is worth showing in an error.
func lastLines(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

func joinPaths(paths ...string) string {
	var out []string
	for _, p := range paths {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ":")
}
