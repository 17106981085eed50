// Attack attacks the program as it is delivered: hostile documents, bodies, tokens, files, addresses of callbacks, texts and
// clients, against a running server with a PostgreSQL and a Redis of its own.
//
//	go run ./attack           everything, in some minutes; a healthy client beside it is measured, so run it alone
//	go run ./attack -quick    what needs no waiting and no measuring; `make test` runs the same
//	go run ./attack -only tokens,files
//
// The server has to stay the same process with little memory, to be idle again a second after its clients have gone, to
// serve a healthy client meanwhile, and to tell nobody anything. The last line counts; what was found is above it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// What the server has to keep to, whatever is done to it.
const (
	maxMemory = 300 << 20 // bytes, in memory at any time
	maxP99    = 0.1       // seconds, of a healthy client
	maxAnswer = 64_000    // bytes of an answer to an attack
	maxIdle   = 0.2       // of a processor, a second after the clients have gone
)

// options are how an attack is made.
type options struct {
	quick bool
	race  bool // the program has the race detector, and needs memory for it
	only  string
	dir   string
	log   func(format string, args ...any)
}

// group is a kind of attack.
type group struct {
	name string
	make func(*attack, context.Context) error
}

var groups = []group{
	{"documents", (*attack).documents},
	{"overhttp", (*attack).overHTTP},
	{"bodies", (*attack).bodies},
	{"tokens", (*attack).tokens},
	{"callbacks", (*attack).callbacks},
	{"files", (*attack).files},
	{"texts", (*attack).texts},
	{"pages", (*attack).pages},
	{"queue", (*attack).queue},
	{"clients", (*attack).clients},
	{"floods", (*attack).floods},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := options{log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }}
	var names []string
	for _, g := range groups {
		names = append(names, g.name)
	}
	flag.BoolVar(&o.quick, "quick", false, "only what needs neither waiting nor measuring")
	flag.StringVar(&o.only, "only", "", "only these `groups`: "+strings.Join(names, ", "))
	flag.StringVar(&o.dir, "dir", "", "keep servers, data and logs in this folder (default: a temporary one, removed at the end)")
	flag.Parse()
	a, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(1)
	}
	fmt.Println(a.summary())
	if len(a.found) > 0 {
		os.Exit(1)
	}
}

// run makes the attack. An error is one of the attack itself; what is wrong with the server is in found.
func run(ctx context.Context, o options) (a *attack, err error) {
	a, err = begin(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	for _, g := range groups {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), g.name) {
			continue
		}
		if err := a.group(ctx, g); err != nil {
			return a, fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return a, a.after()
}
