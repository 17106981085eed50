package embedded

import (
	"context"
	"errors"
	"sync"
	"time"
)

// keeper keeps a server of this process running: when it ends by itself, it is started again, on the same port and with the
// same password, so that clients only have to connect anew.
type keeper struct {
	mu      sync.Mutex // held while the server is started or ended
	proc    *process
	down    bool // ended on purpose
	lasting context.Context
	end     context.CancelFunc
}

const longestPause = 30 * time.Second // between two attempts to start a server that does not start

// keep starts the server, now and whenever it ends by itself.
func (k *keeper) keep(ctx context.Context, name string, run func(context.Context) error, log func(string, ...any)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.proc != nil && !k.proc.ended() {
		return errors.New("start " + name + ": it is running")
	}
	if k.end == nil {
		k.lasting, k.end = context.WithCancel(context.Background())
	}
	if err := run(ctx); err != nil {
		return err
	}
	k.down = false
	go k.watch(k.proc, name, run, log)
	return nil
}

func (k *keeper) watch(p *process, name string, run func(context.Context) error, log func(string, ...any)) {
	<-p.done
	again := func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.down || k.proc != p || k.lasting.Err() != nil {
			return true
		}
		log("%s has ended by itself (%v); starting it again", name, p.err)
		if err := run(k.lasting); err != nil {
			k.proc = p
			log("%v", err)
			return false
		}
		go k.watch(k.proc, name, run, log)
		return true
	}
	for pause := 100 * time.Millisecond; !again(); pause = min(2*pause, longestPause) {
		select {
		case <-k.lasting.Done():
		case <-time.After(pause):
		}
	}
}

// over says that the server is not to be started again, and waits until nobody does. The caller unlocks.
func (k *keeper) over() {
	if k.end != nil {
		k.end()
	}
	k.mu.Lock()
	k.down = true
}

// kill ends the server with kill -9; it stays down until keep.
func (k *keeper) kill(name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.proc == nil {
		return errors.New("kill " + name + ": it is not running")
	}
	k.down = true
	return k.proc.kill()
}
