package embedded

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// passwordFile lies inside the cluster, so that a cluster and its password cannot be parted.
const passwordFile = "insightgraph.password"

const nobody = 65534

// varLib takes clusters that cannot lie in the data folder; a variable for tests.
var varLib = "/var/lib/insightgraph"

// clusterVersion returns the major version that made the cluster of a data folder, 0 if there is none.
func clusterVersion(dir string) int {
	b, err := os.ReadFile(filepath.Join(dir, "postgres", "PG_VERSION"))
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

// openCluster sets p.cluster and p.password, making the cluster if there is none. A cluster is made
// in a temporary folder and renamed when complete, so an interrupted one leaves only a folder that
// is removed here. The caller holds both locks, and what it starts inherits `running`.
func (p *postgres) openCluster(ctx context.Context, running *os.File) error {
	link := filepath.Join(p.dir, "postgres")
	cluster, err := filepath.EvalSymlinks(link)
	if errors.Is(err, os.ErrNotExist) {
		if to, err := os.Readlink(link); err == nil {
			return fmt.Errorf("the cluster of %s was kept in %s, which is gone: bring it back, or remove %s to begin with an empty database", p.dir, to, link)
		}
		if err := p.makeCluster(ctx, running); err != nil {
			return err
		}
		cluster, err = filepath.EvalSymlinks(link)
	}
	if err != nil {
		return fmt.Errorf("open the cluster: %w", err)
	}
	if !exists(filepath.Join(cluster, "PG_VERSION")) || !exists(filepath.Join(cluster, "global", "pg_control")) {
		aside := link + ".broken-" + time.Now().UTC().Format("20060102T150405.000")
		p.log("%s is not a complete cluster: moving it to %s and making a new one", link, aside)
		if err := os.Rename(link, aside); err != nil {
			return fmt.Errorf("move the incomplete cluster aside: %w", err)
		}
		return p.openCluster(ctx, running)
	}
	if v := clusterVersion(p.dir); v != p.bin.version {
		return fmt.Errorf("the cluster in %s was made by PostgreSQL %d and only PostgreSQL %d was found: install PostgreSQL %d, or move the folder away to begin with an empty database", link, v, p.bin.version, v)
	}
	b, err := os.ReadFile(filepath.Join(cluster, passwordFile))
	if err != nil {
		return fmt.Errorf("read the password of the cluster: %w", err)
	}
	p.cluster, p.password = cluster, strings.TrimSpace(string(b))
	return nil
}

// makeCluster makes a cluster and puts it, or a link to it, at dir/postgres. What is possible for
// root depends on the system: in a user namespace root's files can be used as they are, while as
// another user all folders on the way must be open to it.
func (p *postgres) makeCluster(ctx context.Context, running *os.File) error {
	owner, err := ownerOf(p.dir)
	if err != nil {
		return fmt.Errorf("make a cluster: %w", err)
	}
	if os.Geteuid() != 0 || owner.other {
		return p.initialize(ctx, running, p.dir, owner)
	}
	var nsErr error
	if useNamespaces {
		if nsErr = p.initialize(ctx, running, p.dir, user{namespace: true}); nsErr == nil || ctx.Err() != nil {
			return nsErr
		}
	}
	place := p.dir
	if !reachable(place) {
		place = filepath.Join(varLib, fmt.Sprintf("%x", sha256.Sum256([]byte(p.dir)))[:16])
		if err := os.MkdirAll(place, 0o711); err != nil {
			return fmt.Errorf("make a cluster: PostgreSQL cannot run as root and no other user can reach %s: use a data folder outside it (%w)", p.dir, err)
		}
		p.log("PostgreSQL runs as user %d, which cannot reach %s: its cluster is kept in %s", nobody, p.dir, place)
	}
	if err := p.initialize(ctx, running, place, user{other: true, uid: nobody, gid: nobody}); err != nil {
		return errors.Join(err, nsErr)
	}
	return nil
}

// useNamespaces is a variable so that tests can try the other way.
var useNamespaces = hasNamespaces

// initialize makes a complete cluster in place: files, password, superuser and database.
func (p *postgres) initialize(ctx context.Context, running *os.File, place string, as user) (err error) {
	old, _ := filepath.Glob(filepath.Join(escapeGlob(place), "postgres.new-*"))
	for _, o := range old {
		os.RemoveAll(o)
	}
	work, err := os.MkdirTemp(place, "postgres.new-")
	if err != nil {
		return fmt.Errorf("make a cluster: %w", err)
	}
	defer os.RemoveAll(work)
	data, password := filepath.Join(work, "data"), filepath.Join(work, "password")
	if err := os.WriteFile(password, []byte(rand.Text()+"\n"), 0o600); err != nil {
		return fmt.Errorf("make a cluster: %w", err)
	}
	if as.other {
		for _, f := range []string{work, password} {
			if err := os.Chown(f, int(as.uid), int(as.gid)); err != nil {
				return fmt.Errorf("make a cluster: %w", err)
			}
		}
	}
	p.log("making a PostgreSQL %d cluster in %s", p.bin.version, place)
	c := command{path: filepath.Join(filepath.Dir(p.bin.path), "initdb"), dir: "/", as: as, libPath: p.bin.libPath, end: syscall.SIGKILL, running: running}
	// Order by bytes, as every machine does it alike, but letters by Unicode: a search for "über" finds "Über".
	c.args = []string{"-D", data, "-U", "insightgraph", "-A", "scram-sha-256", "--pwfile=" + password, "-E", "UTF8", "--locale=C", "--lc-ctype=" + ctype(), "--data-checksums", "--no-sync"}
	if err := c.run(ctx); err != nil {
		return fmt.Errorf("make a cluster: %w", err)
	}
	// Single-user mode makes the database before anyone can connect, and without a client program.
	c.path, c.stdin = p.bin.path, "CREATE DATABASE insightgraph;\n"
	c.args = []string{"--single", "-F", "-D", data, "-c", "jit=off", "-c", "exit_on_error=on", "postgres"}
	if err := c.run(ctx); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := os.Rename(password, filepath.Join(data, passwordFile)); err != nil {
		return fmt.Errorf("make a cluster: %w", err)
	}
	final := filepath.Join(place, "postgres")
	if place != p.dir {
		// A cluster left there belongs to a data folder of this name that was removed since.
		os.Rename(final, final+".old-"+time.Now().UTC().Format("20060102T150405.000"))
	}
	if err := os.Rename(data, final); err != nil {
		return fmt.Errorf("make a cluster: %w", err)
	}
	if place != p.dir {
		if err := os.Symlink(final, filepath.Join(p.dir, "postgres")); err != nil {
			return fmt.Errorf("make a cluster: %w", err)
		}
	}
	return nil
}

// ownerOf says as whom a server must run to use its folder: when this process is root, as the owner
// of the folder. So the folder itself remembers the mode, wherever it is moved.
func ownerOf(dir string) (user, error) {
	fi, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return user{}, err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return user{}, nil
	}
	return user{other: true, uid: st.Uid, gid: st.Gid}, nil
}

// postgresUser says as whom PostgreSQL must run to use a cluster: as its owner, and where that is
// root, in a user namespace.
func postgresUser(cluster string) (user, error) {
	u, err := ownerOf(cluster)
	if err != nil || os.Geteuid() != 0 || u.other {
		return u, err
	}
	if !useNamespaces {
		return u, rootsClusterError(cluster)
	}
	return user{namespace: true}, nil
}

func rootsClusterError(cluster string) error {
	return fmt.Errorf("the cluster in %s belongs to root, which needs a user namespace, and the system refuses that: run chown -R %d:%d %s", cluster, nobody, nobody, cluster)
}

// reachable tells whether every user may pass through to a folder.
func reachable(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		if fi, err := os.Stat(dir); err != nil || fi.Mode()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// escapeGlob makes a path match only itself in filepath.Glob.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// ctype is the name of the locale whose letters are Unicode's and whose language is none.
func ctype() string {
	if runtime.GOOS == "darwin" {
		return "UTF-8"
	}
	return "C.UTF-8"
}
