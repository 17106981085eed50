package budget

import (
	"sync/atomic"
	"testing"
)

// One customer gets half of the room; who waits gets what is given back; nothing is lost on the way.
func TestRooms(t *testing.T) {
	r := Rooms{Most: 4}
	first, second := r.Take(nil, 1), r.Take(nil, 1)
	if first == nil || second == nil || r.Take(nil, 1) != nil {
		t.Fatal("a customer gets two of four")
	}
	third, fourth := r.Take(nil, 2), r.Take(nil, 3)
	if third == nil || fourth == nil || r.Take(nil, 4) != nil {
		t.Fatal("there are four in all")
	}
	over := make(chan struct{})
	waited := make(chan func(), 2)
	for _, customer := range []int64{4, 1} {
		go func() { waited <- r.Take(over, customer) }()
		for waits := false; !waits; {
			r.mu.Lock()
			waits = r.freed != nil
			r.mu.Unlock()
		}
	}
	third() // for customer 4: customer 1 has its half
	if free := <-waited; free == nil {
		t.Fatal("who waited got nothing")
	} else {
		free()
	}
	close(over)
	if free := <-waited; free != nil {
		t.Fatal("customer 1 got more than its half")
	}
	first()
	second()
	fourth()
	if r.all != 0 || len(r.taken) != 0 {
		t.Errorf("%d taken, %v", r.all, r.taken)
	}
}

// Many who want room at once all get it in the end, and never more of them than there is.
func TestRoomsTogether(t *testing.T) {
	r := Rooms{Most: 4}
	var now, crowds atomic.Int64
	done := make(chan struct{})
	const many = 200
	for n := range many {
		go func() {
			free := r.Take(make(chan struct{}), int64(n%3))
			if now.Add(1) > 4 {
				crowds.Add(1)
			}
			now.Add(-1)
			free()
			done <- struct{}{}
		}()
	}
	for range many {
		<-done
	}
	if crowds.Load() > 0 || r.all != 0 || len(r.taken) != 0 {
		t.Errorf("%d times more than four, %d left, %v", crowds.Load(), r.all, r.taken)
	}
}
