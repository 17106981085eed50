// Package telemetry is what the engineer on call sees: log lines with the request they belong to, without secrets, and
// traces. It knows nothing of what the program does.
package telemetry

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// NewLogger writes JSON lines. Each line of a request or a task says which one, and what Mask finds is not written.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(InContext(slog.NewJSONHandler(masked{w}, &slog.HandlerOptions{Level: level})))
}

// InContext adds to each line of a handler what its context knows.
func InContext(h slog.Handler) slog.Handler { return inContext{h} }

type inContext struct{ slog.Handler }

func (h inContext) Handle(ctx context.Context, r slog.Record) error {
	if w, ok := ctx.Value(workKey{}).(work); ok {
		if w.request != "" {
			r.AddAttrs(slog.String("requestId", w.request))
		}
		if w.task != "" {
			r.AddAttrs(slog.String("task", w.task), slog.String("taskId", w.taskID))
		}
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.AddAttrs(slog.String("traceId", span.TraceID().String()), slog.String("spanId", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h inContext) WithAttrs(attrs []slog.Attr) slog.Handler {
	return inContext{h.Handler.WithAttrs(attrs)}
}

func (h inContext) WithGroup(name string) slog.Handler { return inContext{h.Handler.WithGroup(name)} }

// masked looks at whole lines, so that nothing gets past it: not in a message, an error, a group or a key.
type masked struct{ w io.Writer }

func (m masked) Write(line []byte) (int, error) {
	if _, err := m.w.Write(mask(line, false)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// work is the request or the task that a context belongs to.
type work struct{ request, task, taskID string }

type workKey struct{}

// RequestID is the id of the request that a context belongs to, empty where it belongs to none.
func RequestID(ctx context.Context) string {
	w, _ := ctx.Value(workKey{}).(work)
	return w.request
}
