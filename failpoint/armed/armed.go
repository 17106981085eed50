//go:build failpoint

// Package armed lets the program die at its failpoints. It is a package of its own so that nothing else of the program has to
// be built again for it.
package armed

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"insightgraph/failpoint"
)

// The environment of a program that is to be tested:
//
//	FAILPOINT         the point at which it dies, as the trace names it; with #N at the end at the N-th time, with #* each time
//	FAILPOINT_SIGNAL  STOP: it stands still there, in place of dying
//	FAILPOINT_TRACE   a file that gets a line each time that a point is passed
//	FAILPOINT_CLOCK   a file with the nanoseconds that its clock is ahead of the real one
//	FAILPOINT_TICK    how often its planner looks
var (
	point, nth = place(os.Getenv("FAILPOINT"))
	notes      = file(os.Getenv("FAILPOINT_TRACE"))
	clockFile  = os.Getenv("FAILPOINT_CLOCK")

	mu   sync.Mutex
	hits = map[string]int{}
)

func init() {
	every, _ := time.ParseDuration(os.Getenv("FAILPOINT_TICK"))
	failpoint.Arm(hit, clock(), every)
}

func place(s string) (string, int) {
	name, number, _ := strings.Cut(s, "#")
	if number == "*" {
		return name, 0
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		n = 1
	}
	return name, n
}

func file(name string) *os.File {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	return f
}

// hit dies, if this is the point. Its whole name is what happens, and in whose name: the first exported function up the stack.
func hit(what string) {
	if point == "" && notes == nil {
		return
	}
	name := what + " " + caller()
	mu.Lock()
	defer mu.Unlock()
	hits[name]++
	if notes != nil {
		notes.WriteString(name + "\n")
	}
	if name != point || nth != 0 && hits[name] != nth {
		return
	}
	if os.Getenv("FAILPOINT_SIGNAL") == "STOP" {
		syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		return
	}
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // nothing happens between the signal and the end
}

// caller names the first exported function of ours, as Store.Claim.
func caller() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	for {
		frame, more := frames.Next()
		name := frame.Function[strings.LastIndex(frame.Function, "/")+1:]
		_, name, _ = strings.Cut(name, ".")
		name = strings.NewReplacer("(*", "", ")", "").Replace(name)
		last := name[strings.LastIndex(name, ".")+1:]
		if last != "" && unicode.IsUpper(rune(last[0])) {
			return name
		}
		if !more {
			return "main"
		}
	}
}

// clock is the real time and what the file says.
func clock() func() time.Time {
	if clockFile == "" {
		return nil
	}
	return func() time.Time {
		b, _ := os.ReadFile(clockFile)
		n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
		if err != nil {
			panic("the clock's file cannot be read")
		}
		return time.Now().Add(time.Duration(n))
	}
}
