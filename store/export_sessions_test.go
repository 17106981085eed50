package store

import "time"

// FewSessions lets so many sessions for reading be in use at a time, beside those that take longer.
func FewSessions(s *Store, n int, long time.Duration) {
	s.reads.mu.Lock()
	defer s.reads.mu.Unlock()
	if s.reads.few = n; s.reads.long != long { // those who are on their way read it
		s.reads.long = long
	}
}

// Asking is how many wait for a session for reading, and how many sessions count as in use.
func Asking(s *Store) (waiting, used int) {
	s.reads.mu.Lock()
	defer s.reads.mu.Unlock()
	return len(s.reads.queue), s.reads.used
}

// Each queues a statement of the caller's and what is done before each of its rows is read.
func (r *Reads) Each(text string, f func()) {
	r.add(plain(text), func(rows answer) error {
		for rows.Next() {
			f()
		}
		return rows.Err()
	})
}

// Pass lets some who wait go.
func Pass(s *Store) {
	s.reads.mu.Lock()
	s.reads.used++
	s.reads.mu.Unlock()
	s.reads.pass()
}
