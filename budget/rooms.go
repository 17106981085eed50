package budget

import "sync"

// Rooms is the room for requests that are large: so many at once, since each holds memory as long as it lasts. One customer
// gets half of it at most, so that none is kept out by another.
type Rooms struct {
	Most  int
	mu    sync.Mutex
	taken map[int64]int // by customer
	all   int
	freed chan struct{} // closed when room is given back; nil: nobody waits
}

// Take waits for room until over is closed; nil does not wait. What it gives back gives the room back; nil: there was none.
func (r *Rooms) Take(over <-chan struct{}, customerID int64) (free func()) {
	for {
		r.mu.Lock()
		if r.all < r.Most && r.taken[customerID] < (r.Most+1)/2 {
			if r.taken == nil {
				r.taken = map[int64]int{}
			}
			r.all++
			r.taken[customerID]++
			r.mu.Unlock()
			return func() { r.free(customerID) }
		}
		if over == nil {
			r.mu.Unlock()
			return nil
		}
		if r.freed == nil {
			r.freed = make(chan struct{})
		}
		freed := r.freed
		r.mu.Unlock()
		select {
		case <-freed:
		case <-over:
			return nil
		}
	}
}

func (r *Rooms) free(customerID int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all--
	if r.taken[customerID]--; r.taken[customerID] == 0 {
		delete(r.taken, customerID)
	}
	if r.freed != nil {
		close(r.freed)
		r.freed = nil
	}
}
