// Package failpoint is where fault tests take hold of the program: they let it die at a named point of its work, and move
// its clock. That is only in a program built with the tag failpoint, which has the package armed; in any other all of this
// is nothing.
package failpoint

import "time"

var (
	hit   func(string)
	clock func() time.Time
	tick  time.Duration
)

// Arm says what happens. It is for the package armed.
func Arm(onHit func(what string), now func() time.Time, every time.Duration) {
	hit, clock, tick = onHit, now, every
}

// Hit is a point at which the program may be made to die or to stand still.
func Hit(what string) {
	if hit != nil {
		hit(what)
	}
}

// Clock is the clock that a test moves, nil for the real time.
func Clock() func() time.Time { return clock }

// Tick is how often the planner looks, 0 for as often as it does by itself.
func Tick() time.Duration { return tick }
