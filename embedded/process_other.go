//go:build !linux

package embedded

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// hasNamespaces tells that user.namespace works here.
const hasNamespaces = false

// hasDeathSignal is there for the tests, which turn it off where it is on.
var hasDeathSignal = false

// sysProcAttr puts the child into its own process group (Ctrl-C in the terminal is for this process,
// which then stops the servers in order). There is no parent-death signal on these systems: a server
// whose owner was killed lives on until the next Start of its folder ends it.
func (c command) sysProcAttr() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if c.as.other {
		a.Credential = &syscall.Credential{Uid: c.as.uid, Gid: c.as.gid}
	}
	return a
}

// commandLine returns the command line of a process, "" when there is none.
func commandLine(pid int) string {
	b, _ := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return strings.TrimSpace(string(b))
}
