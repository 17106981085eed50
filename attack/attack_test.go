package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestAttack makes the quick part of the attack. The program that is attacked has the race detector; this test needs none.
func TestAttack(t *testing.T) {
	compiler, err := exec.Command("go", "env", "CC").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, missing := exec.LookPath(strings.TrimSpace(string(compiler)))
	if missing != nil {
		t.Logf("NOT TRIED with the race detector, which needs a C compiler: %v", missing)
	}
	a, err := run(t.Context(), options{quick: true, race: missing == nil, log: t.Logf})
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
