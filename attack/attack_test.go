package main

import "testing"

// raced is whether this test has the race detector; then the program that is attacked has it too.
var raced bool

// TestAttack makes the quick part of the attack.
func TestAttack(t *testing.T) {
	a, err := run(t.Context(), options{quick: true, race: raced, log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range a.found {
		t.Error(found)
	}
	if a.groups != len(groups) || a.checks < 1000 {
		t.Errorf("only %s", a.summary())
	}
}
