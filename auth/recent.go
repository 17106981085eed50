package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// believed is how long a token that was good is not looked up again. In this process a change ends that at once, see
	// Forget; another process hears of nothing, so there an erased consumer's token, which shows nothing any more, ends within this.
	believed = 2 * time.Second

	maxRecent = 20_000 // tokens; then all are forgotten, which costs no more than not to remember them
)

// recent is who came lately, by the hash of the token.
type recent struct {
	mu        sync.RWMutex
	viewers   map[[sha256.Size]byte]came
	changes   int64           // how often somebody called forget
	forgotten map[int64]int64 // which of these was the last for a customer
}

type came struct {
	viewer Viewer
	until  time.Time
	after  int64 // how many changes there had been when it was looked up
}

// get finds a viewer. The number is for put: what was looked up before a change must not be kept after it.
func (r *recent) get(hash [sha256.Size]byte, now time.Time) (v Viewer, after int64, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c, ok := r.viewers[hash]
	return c.viewer, r.changes, ok && now.Before(c.until) && c.after >= r.forgotten[c.viewer.Customer.ID]
}

func (r *recent) put(hash [sha256.Size]byte, c came) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.viewers == nil || len(r.viewers) >= maxRecent {
		r.viewers = map[[sha256.Size]byte]came{}
	}
	r.viewers[hash] = c
}

func (r *recent) forget(customerID int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forgotten == nil {
		r.forgotten = map[int64]int64{}
	}
	r.changes++
	r.forgotten[customerID] = r.changes
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
