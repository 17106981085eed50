package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"syscall"
	"time"
)

const (
	poll      = 10 * time.Millisecond
	claimWait = 30 * time.Second // how long to wait for an owner whose server is gone or going
	dialWait  = 2 * time.Second
)

// state is what the owner of a server writes for others into its lock file (0600: the URL holds the
// password). It has no URL while the server is starting or stopping.
type state struct {
	Owner    int    // process that started the server
	Starting bool   // for the first time: fetching binaries, making a cluster or recovering it may take minutes
	Server   int    // process id of the server itself
	URL      string // how to reach it
}

func readState(path string) (s state) {
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &s) != nil {
		return state{}
	}
	return s
}

// joinable returns the server's URL when its owner lives and the server can be reached, else "".
func (s state) joinable() string {
	u, err := url.Parse(s.URL)
	if s.URL == "" || err != nil || !alive(s.Owner) {
		return ""
	}
	c, err := net.DialTimeout("tcp", u.Host, dialWait)
	if err != nil {
		return ""
	}
	c.Close()
	return s.URL
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// ownerLock is held by the owner of a server for as long as it runs it. The kernel frees it when the
// owner dies; the file itself is never removed, since that would let two processes hold "the" lock.
type ownerLock struct {
	f    *os.File
	left state // what a killed owner left behind
}

// claim takes the lock of a server, or returns the URL of the server that another process owns.
func claim(ctx context.Context, path string) (*ownerLock, string, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, "", fmt.Errorf("open the lock of the data folder: %w", err)
	}
	for last := time.Now().Add(claimWait); ; {
		ok, err := tryLock(f)
		if ok {
			l := &ownerLock{f: f, left: readState(path)}
			if err := l.publish(state{Owner: os.Getpid(), Starting: true}); err != nil {
				f.Close()
				return nil, "", err
			}
			return l, "", nil
		}
		if err != nil {
			f.Close()
			return nil, "", fmt.Errorf("lock %s: %w", path, err)
		}
		s := readState(path)
		if url := s.joinable(); url != "" {
			f.Close()
			return nil, url, nil
		}
		if s.Starting && alive(s.Owner) {
			last = time.Now().Add(claimWait)
		}
		if !pause(ctx) {
			f.Close()
			return nil, "", fmt.Errorf("wait for the process that holds %s: %w", path, ctx.Err())
		}
		if time.Now().After(last) {
			f.Close()
			return nil, "", fmt.Errorf("another process has held %s for %v and its server cannot be reached: stop that process, or use another data folder", path, claimWait)
		}
	}
}

// publish tells other processes how the server is, and lets them join it when s has a URL.
func (l *ownerLock) publish(s state) error {
	b, err := json.Marshal(s)
	if err == nil {
		err = l.f.Truncate(0)
	}
	if err == nil {
		_, err = l.f.WriteAt(append(b, '\n'), 0)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", l.f.Name(), err)
	}
	return nil
}

func (l *ownerLock) release() error { return l.f.Close() }

// tryLock takes an exclusive lock and reports whether it got it; being held by another is no error.
func tryLock(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		default:
			return false, err
		}
	}
}

// waitLock opens and locks a file, waiting until it is free.
func waitLock(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		ok, err := tryLock(f)
		if ok {
			return f, nil
		}
		if err == nil && !pause(ctx) {
			err = ctx.Err()
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

// pause waits one polling step; false means the context is done.
func pause(ctx context.Context) bool {
	t := time.NewTimer(poll)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
