package webtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Frames lets a test look into the frames of a page that are of other origins.
type Frames struct {
	mu    sync.Mutex
	known map[runtime.ExecutionContextID]string // origins of the frames' scripts
}

// Watch begins to follow a page's frames; it must begin before the page is loaded.
func Watch(ctx context.Context) *Frames {
	f := &Frames{known: map[runtime.ExecutionContextID]string{}}
	chromedp.ListenTarget(ctx, func(event any) {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExecutionContextCreated:
			if strings.Contains(string(e.Context.AuxData), `"isDefault":true`) {
				f.known[e.Context.ID] = e.Context.Origin
			}
		case *runtime.EventExecutionContextDestroyed:
			delete(f.known, e.ExecutionContextID)
		case *runtime.EventExecutionContextsCleared:
			clear(f.known)
		}
	})
	return f
}

// In waits until a condition holds inside the youngest frame of an origin. What the script does in there counts as done
// by a person.
func (f *Frames) In(origin, condition string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			f.mu.Lock()
			var at runtime.ExecutionContextID
			for id, one := range f.known {
				if one == origin {
					at = max(at, id)
				}
			}
			f.mu.Unlock()
			if at != 0 {
				result, problem, err := runtime.Evaluate("!!(" + condition + ")").WithContextID(at).WithReturnByValue(true).WithUserGesture(true).Do(ctx)
				if err == nil && problem == nil && string(result.Value) == "true" {
					return nil
				}
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("in the frame of %s: %s: %w", origin, condition, ctx.Err())
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}
