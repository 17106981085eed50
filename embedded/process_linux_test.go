package embedded

import (
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestChildrenOfOthersLive: a child whose life is tied to this process, as a test's browser is, is tied to the thread that
// made it. Servers that start and end must not take such threads with them.
func TestChildrenOfOthersLive(t *testing.T) {
	t.Parallel()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	const many = 16
	ended := make(chan error, many)
	var start sync.WaitGroup
	for range many {
		start.Go(func() {
			cmd := exec.Command(sleep, "60")
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			if err := cmd.Start(); err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			go func() { ended <- cmd.Wait() }()
		})
	}
	start.Wait()
	var run sync.WaitGroup
	for range many {
		run.Go(func() {
			for range 8 {
				if err := (command{path: sleep, args: []string{"0"}, end: syscall.SIGKILL}).run(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	run.Wait()
	select {
	case err := <-ended:
		t.Errorf("a child of another ended: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
}
