package webtest

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"insightgraph/embedded"
)

// browser is a Chromium that can be started.
type browser struct {
	path string
	env  []string // what it needs besides the environment, if its libraries are not the system's
}

// installed are the names that a Chromium may have been installed under.
var installed = []string{
	"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell", "headless-shell", "chrome", "/snap/bin/chromium",
	"/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
}

// find returns the browser that $CHROMIUM names, else an installed one, else one from the cache, else brings one there.
func find(ctx context.Context, logf func(string, ...any)) (browser, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return browser{}, fmt.Errorf("CHROMIUM names no program: %w", err)
		}
		return browser{path: path}, nil
	}
	for _, name := range installed {
		if path, err := exec.LookPath(name); err == nil {
			return browser{path: path}, nil
		}
	}
	b, err := bring(ctx, logf)
	if err != nil {
		return b, fmt.Errorf("this test needs Chromium: install it (apt-get install chromium), or set CHROMIUM to where it is (bringing one failed: %w)", err)
	}
	return b, nil
}

// sources bring a browser for a user who may install nothing, and are tried in this order.
var sources = []func(ctx context.Context, logf func(string, ...any)) (browser, error){fromNPM, fromDebian}

func bring(ctx context.Context, logf func(string, ...any)) (browser, error) {
	var failed error
	for _, source := range sources {
		b, err := source(ctx, logf)
		if err == nil {
			return b, nil
		}
		failed = errors.Join(failed, err)
	}
	return browser{}, failed
}

// The npm package @sparticuz/chromium holds a headless Chromium made for machines that have little: a program that needs
// nothing of the system but glibc 2.25, the libraries it does not hold itself (nss, nspr, expat), and a font.
const (
	npmVersion = "153.0.0"
	npmSHA256  = "20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0"
)

func fromNPM(ctx context.Context, logf func(string, ...any)) (browser, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return browser{}, fmt.Errorf("there is none to download for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	cache, err := os.UserCacheDir()
	if os.Geteuid() == 0 {
		cache, err = "/var/cache", nil
	}
	if err != nil {
		return browser{}, err
	}
	cache = filepath.Join(cache, "insightgraph", "chromium")
	dir := filepath.Join(cache, "npm-"+npmVersion)
	b := browser{
		path: filepath.Join(dir, "chromium"),
		env:  []string{"LD_LIBRARY_PATH=" + filepath.Join(dir, "lib"), "FONTCONFIG_FILE=" + filepath.Join(dir, "fonts.conf")},
	}
	if _, err := os.Stat(b.path); err == nil {
		return b, nil
	}
	for _, program := range []string{"npm", "node"} {
		if _, err := exec.LookPath(program); err != nil {
			return b, err
		}
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return b, err
	}
	unlock, err := lock(filepath.Join(cache, "lock"))
	if err != nil {
		return b, err
	}
	defer unlock()
	if _, err := os.Stat(b.path); err == nil { // another process brought it meanwhile
		return b, nil
	}
	logf("downloading Chromium (@sparticuz/chromium %s, 70 MB) into %s", npmVersion, dir)
	stale, _ := filepath.Glob(filepath.Join(cache, "new-*"))
	for _, d := range stale { // of a process that was killed
		_ = os.RemoveAll(d)
	}
	tmp, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		return b, err
	}
	defer os.RemoveAll(tmp)
	if err := unpackNPM(ctx, tmp, dir); err != nil {
		return b, err
	}
	return b, os.Rename(filepath.Join(tmp, "out"), dir)
}

// fromDebian unpacks Debian's own Chromium, where there is apt-get but no npm (290 MB of libraries on a bare system).
func fromDebian(ctx context.Context, logf func(string, ...any)) (browser, error) {
	root, libPath, err := embedded.FetchDebian(ctx, "chromium", logf, "chromium", "fonts-liberation")
	if err != nil {
		return browser{}, err
	}
	b := browser{path: filepath.Join(root, "usr/lib/chromium/chromium"), env: []string{"LD_LIBRARY_PATH=" + libPath}}
	if _, err := os.Stat("/etc/fonts/fonts.conf"); err != nil { // else the system's fonts are used
		conf := filepath.Join(root, "fonts.conf")
		b.env = append(b.env, "FONTCONFIG_FILE="+conf)
		return b, writeFontsConf(conf, filepath.Join(root, "usr/share/fonts"), filepath.Join(root, "fonts-cache"))
	}
	return b, nil
}

// writeFontsConf has the fonts of a folder used beside those of the system, if there are any.
func writeFontsConf(path, fonts, cache string) error {
	text := fmt.Sprintf("<fontconfig><dir>%s</dir><dir>/usr/share/fonts</dir><cachedir>%s</cachedir></fontconfig>\n", fonts, cache)
	return os.WriteFile(path, []byte(text), 0o644)
}

// unpackNPM downloads the package into tmp and unpacks what is needed of it into tmp/out, which is to become dir.
func unpackNPM(ctx context.Context, tmp, dir string) error {
	out := filepath.Join(tmp, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	npm := exec.CommandContext(ctx, "npm", "pack", "--ignore-scripts", "--loglevel=error", "@sparticuz/chromium@"+npmVersion)
	npm.Dir, npm.Env = tmp, append(os.Environ(), "npm_config_cache="+filepath.Join(tmp, "npm"))
	if text, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack: %w: %s", err, strings.TrimSpace(string(text)))
	}
	packed, err := os.Open(filepath.Join(tmp, "sparticuz-chromium-"+npmVersion+".tgz"))
	if err != nil {
		return err
	}
	defer packed.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, packed); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != npmSHA256 {
		return fmt.Errorf("@sparticuz/chromium %s has the checksum %s, not %s", npmVersion, got, npmSHA256)
	}
	if _, err := packed.Seek(0, io.SeekStart); err != nil {
		return err
	}
	z, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	err = eachFile(z, func(name string, r io.Reader) error {
		switch name {
		case "package/bin/chromium.br":
			return unbrotli(ctx, r, func(r io.Reader) error { return write(filepath.Join(out, "chromium"), r, 0o755) })
		case "package/bin/al2023.tar.br", "package/bin/fonts.tar.br":
			return unbrotli(ctx, r, func(r io.Reader) error {
				return eachFile(r, func(name string, r io.Reader) error {
					return write(filepath.Join(out, filepath.FromSlash(name)), r, 0o644)
				})
			})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("unpack @sparticuz/chromium: %w", err)
	}
	// Its own configuration names folders of the machines it was made for.
	return writeFontsConf(filepath.Join(out, "fonts.conf"), filepath.Join(dir, "fonts"), filepath.Join(dir, "fonts-cache"))
}

func eachFile(r io.Reader, do func(name string, r io.Reader) error) error {
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg && filepath.IsLocal(h.Name) {
			if err := do(h.Name, t); err != nil {
				return err
			}
		}
	}
}

// unbrotli has node undo the compression that Go's library does not know. Whatever has npm has node.
func unbrotli(ctx context.Context, r io.Reader, use func(io.Reader) error) error {
	const script = `require("stream").pipeline(process.stdin, require("zlib").createBrotliDecompress(), process.stdout, e => { if (e) throw e })`
	node := exec.CommandContext(ctx, "node", "-e", script)
	node.Stdin = r
	plain, err := node.StdoutPipe()
	if err != nil {
		return err
	}
	if err := node.Start(); err != nil {
		return err
	}
	err = use(plain)
	_, _ = io.Copy(io.Discard, plain) // a tar's padding
	return errors.Join(err, node.Wait())
}

func write(path string, r io.Reader, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// lock waits for the lock of a folder that several test processes may want to fill at once. The kernel frees it with its holder.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}
