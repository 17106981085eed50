// Package webtest drives a real, headless Chromium from Go tests, and brings one where there is none.
//
//	ctx := webtest.Browser(t)
//	err := chromedp.Run(ctx, chromedp.Navigate(url), chromedp.WaitVisible("h1"))
//	webtest.Clean(t, ctx)
package webtest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Seen is what a page did that a test may want to know of.
type Seen struct {
	Errors   []string // console errors, uncaught exceptions, failed requests, violations of the content security policy
	External []string // URLs asked for that are not on this machine (they fail: the browser resolves no names)
}

type seenKey struct{}

type seen struct {
	mu sync.Mutex
	Seen
}

// Browser starts a fresh Chromium with an empty profile and returns the context of its first page, for chromedp.Run. It is
// closed when the test ends. Where no browser can be had the test fails and says how to get one; it is never skipped.
//
// The first test on a machine without a browser downloads one (70 MB) into a cache; see find.go for where it is looked for.
func Browser(t testing.TB) context.Context {
	t.Helper()
	b, err := find(t.Context(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(b.path), chromedp.Env(b.env...), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.CombinedOutput(t.Output()), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
	}
	// Without disable-software-rasterizer it looks for a driver that it was not given: its process for graphics ends and is
	// started again, and after some of these, sooner on a busy machine, the browser ends itself.
	for _, flag := range []string{
		"disable-background-networking", "disable-breakpad", "disable-component-update", "disable-default-apps", "disable-dev-shm-usage",
		"disable-extensions", "disable-quic", "disable-software-rasterizer", "disable-sync", "hide-scrollbars", "metrics-recording-only", "mute-audio", "no-pings",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	// No name but localhost is resolved: a page that needs the network fails here, on every machine alike.
	options = append(options, chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"))

	s := &seen{}
	ctx, cancel := chromedp.NewExecAllocator(context.WithValue(context.Background(), seenKey{}, s), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		closing, done := context.WithTimeout(ctx, 10*time.Second)
		defer done()
		_ = chromedp.Cancel(closing) // lets Chromium end by itself, so that it leaves no files
		cancel()
	})
	chromedp.ListenTarget(ctx, s.listen)
	// Browsers differ in the size that they take themselves, and in whether a window that nobody sees has the focus.
	if err := chromedp.Run(ctx, chromedp.EmulateViewport(1280, 800), emulation.SetFocusEmulationEnabled(true)); err != nil {
		t.Fatalf("start %s: %v", b.path, err)
	}
	return ctx
}

func (s *seen) listen(event any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !local(e.Request.URL) {
			s.External = append(s.External, e.Request.URL)
		}
	case *network.EventWebSocketCreated:
		if !local(e.URL) {
			s.External = append(s.External, e.URL)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			s.Errors = append(s.Errors, strings.TrimSpace(e.Entry.Text+" "+e.Entry.URL))
		}
	case *runtime.EventExceptionThrown:
		s.Errors = append(s.Errors, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeAssert {
			var text []string
			for _, arg := range e.Args {
				text = append(text, strings.Trim(string(arg.Value), `"`)+arg.Description)
			}
			s.Errors = append(s.Errors, strings.Join(text, " "))
		}
	}
}

func local(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || slices.Contains([]string{"about", "blob", "data"}, u.Scheme) {
		return err == nil
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || ip.IsLoopback()
}

// Look returns what the page of ctx did since the browser started.
func Look(ctx context.Context) Seen {
	s := ctx.Value(seenKey{}).(*seen)
	s.mu.Lock()
	defer s.mu.Unlock()
	return Seen{Errors: slices.Clone(s.Errors), External: slices.Clone(s.External)}
}

// Clean fails the test if the page asked for anything that is not on this machine, or had an error that contains none of
// the allowed texts.
func Clean(t testing.TB, ctx context.Context, allowed ...string) {
	t.Helper()
	s := Look(ctx)
	for _, u := range s.External {
		t.Errorf("the page asked for %s, which is not on this machine", u)
	}
	for _, e := range s.Errors {
		if !slices.ContainsFunc(allowed, func(text string) bool { return strings.Contains(e, text) }) {
			t.Errorf("the page had an error: %s", e)
		}
	}
}

// Until waits until a condition holds on the page. One that is just being replaced has no context for scripts for a moment,
// which the browser says as an error.
func Until(condition string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			err := chromedp.Poll(condition, nil, chromedp.WithPollingInterval(30*time.Millisecond), chromedp.WithPollingTimeout(time.Minute)).Do(ctx)
			gone, ok := errors.AsType[*cdproto.Error](err)
			if !ok || gone.Message != "Cannot find context with specified id" && gone.Message != "Inspected target navigated or closed" {
				return err
			}
		}
	})
}

// Size sets the size of the window's inside, in CSS pixels. It is 1280 by 800 to begin with.
func Size(ctx context.Context, width, height int64) error {
	return chromedp.Run(ctx, chromedp.EmulateViewport(width, height))
}

// Dark makes the system seem to prefer dark colours, or light ones.
func Dark(ctx context.Context, on bool) error {
	scheme := "light"
	if on {
		scheme = "dark"
	}
	return chromedp.Run(ctx, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// Screenshot writes a picture of the window's inside, as PNG.
func Screenshot(ctx context.Context, path string) error {
	var png []byte
	if err := chromedp.Run(ctx, chromedp.CaptureScreenshot(&png)); err != nil {
		return fmt.Errorf("take a screenshot: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, png, 0o644)
}
