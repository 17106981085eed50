package embedded

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// hasNamespaces tells that user.namespace works here.
const hasNamespaces = true

// hasDeathSignal is a variable so that tests can behave like a system without it.
var hasDeathSignal = true

// namespaceID is the user that root's files belong to inside the namespace; any but 0 will do.
const namespaceID = 1000

// sysProcAttr puts the child into its own process group (Ctrl-C in the terminal is for this process,
// which then stops the servers in order) and ties its life to this process.
func (c command) sysProcAttr() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if hasDeathSignal {
		a.Pdeathsig = c.end
	}
	switch {
	case c.as.namespace:
		a.Cloneflags = syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: namespaceID, HostID: 0, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: namespaceID, HostID: 0, Size: 1}}
		a.Credential = &syscall.Credential{Uid: namespaceID, Gid: namespaceID, NoSetGroups: true}
	case c.as.other:
		a.Credential = &syscall.Credential{Uid: c.as.uid, Gid: c.as.gid}
	}
	return a
}

// commandLine returns the command line of a process, "" when there is none.
func commandLine(pid int) string {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return string(bytes.ReplaceAll(b, []byte{0}, []byte{' '}))
}
