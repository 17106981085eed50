//go:build !failpoint

// Package failpoint is where fault tests take hold of the program: they let it die at a named point of its work, and move
// its clock. That is only in a program built with the tag failpoint; in any other all of this is nothing.
package failpoint

import "time"

// Hit is a point at which the program may be made to die or to stand still.
func Hit(string) {}

// Clock is the clock that a test moves, nil for the real time.
func Clock() func() time.Time { return nil }

// Tick is how often the planner looks, 0 for as often as it does by itself.
func Tick() time.Duration { return 0 }
