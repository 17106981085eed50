package telemetry

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// tracer makes spans. It is nil while tracing is off: then nothing is made, and nothing is spent on it.
var tracer trace.Tracer

// Tracing tells whether spans are made.
func Tracing() bool { return tracer != nil }

// StartTracing sends traces to where the standard variables say (OTEL_EXPORTER_OTLP_ENDPOINT and the other OTEL_*), over
// OTLP/HTTP. Where they say nothing it does nothing. It comes before everything that is traced; stop sends what is left.
func StartTracing(ctx context.Context, version string) (stop func(context.Context) error, err error) {
	stop = func(context.Context) error { return nil }
	on := false
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		text := os.Getenv(name)
		u, err := url.Parse(text)
		if text != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") { // the exporter would take what is left of it
			return stop, fmt.Errorf("read %s: it is not a URL such as http://127.0.0.1:4318", name)
		}
		on = on || text != ""
	}
	if !on || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return stop, nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { slog.Warn("traces are not sent", "error", err) }))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return stop, fmt.Errorf("open the way of traces: %w", err)
	}
	// What the variables say comes last and wins.
	of, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "insightgraph"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return stop, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(of))
	tracer = provider.Tracer("insightgraph")
	return provider.Shutdown, nil
}

var carrier = propagation.TraceContext{}

var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Request gives the context of a request an id, unless it has one: the caller's own name for the request, or a new one.
func Request(r *http.Request) (context.Context, string) {
	ctx := r.Context()
	if id := RequestID(ctx); id != "" {
		return ctx, id
	}
	id := r.Header.Get("X-Request-Id")
	if !requestIDs.MatchString(id) {
		id = rand.Text()
	}
	return context.WithValue(ctx, workKey{}, work{request: id}), id
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// Endpoint is a handler whose requests have an id and a span. What a panic says may hold anything, so it is not written
// anywhere, but where it came from is. The path of a request may be a secret; spans have the endpoint's name only.
func Endpoint(name string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, id := Request(r)
		w.Header().Set("X-Request-Id", id)
		if tracer != nil {
			out := &statusWriter{ResponseWriter: w, status: http.StatusOK}
			w = out
			method := "_OTHER" // a method can be any word
			if slices.Contains(methods, r.Method) {
				method = r.Method
			}
			var span trace.Span
			ctx, span = tracer.Start(carrier.Extract(ctx, propagation.HeaderCarrier(r.Header)), method+" "+name, trace.WithSpanKind(trace.SpanKindServer),
				trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", name)))
			defer func() {
				span.SetAttributes(attribute.Int("http.response.status_code", out.status))
				if out.status >= http.StatusInternalServerError {
					span.SetStatus(codes.Error, "")
				}
				span.End()
			}()
		}
		defer func() {
			if p := recover(); p != nil {
				if p != http.ErrAbortHandler {
					Panicked(ctx, slog.Default(), p)
				}
				panic(http.ErrAbortHandler) // the server closes the connection and says nothing
			}
		}()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Panicked logs where a panic came from, and not what it said.
func Panicked(ctx context.Context, log *slog.Logger, value any) {
	log.ErrorContext(ctx, "panic", "kind", fmt.Sprintf("%T", value), "stack", places(debug.Stack()))
}

// places keeps the file and line of a stack and drops the arguments of the calls.
func places(stack []byte) string {
	var out []string
	for line := range strings.Lines(string(stack)) {
		if place, ok := strings.CutPrefix(line, "\t"); ok {
			place, _, _ = strings.Cut(place, " ")
			out = append(out, strings.TrimSpace(place))
		}
	}
	return strings.Join(out, " ")
}

// statusWriter keeps the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func nothing(string) {}

// OK is the code of what went well.
const OK = "OK"

// Operation begins the span of a GraphQL operation: its kind and name, and nothing of its arguments. end takes the code
// of its first fault, or OK.
func Operation(ctx context.Context, kind, name string) (_ context.Context, end func(code string)) {
	if tracer == nil {
		return ctx, nothing
	}
	name = Mask(name[:min(len(name), 100)])
	ctx, span := tracer.Start(ctx, strings.TrimSpace(kind+" "+name), trace.WithAttributes(attribute.String("graphql.operation.type", kind), attribute.String("graphql.operation.name", name)))
	return ctx, func(code string) {
		if code != OK {
			span.SetAttributes(attribute.String("error.type", code))
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Statement begins the span of a database statement, where it is part of a trace. The name says what it does, with no
// value of it. It ends with EndStatement.
func Statement(ctx context.Context, name string, n int) context.Context {
	if tracer == nil || !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	ctx, _ = tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.system.name", "postgresql"), attribute.Int("db.operation.batch.size", n)))
	return ctx
}

// EndStatement ends what Statement began; state is the SQLSTATE of an error.
func EndStatement(ctx context.Context, state string) {
	span := trace.SpanFromContext(ctx)
	if tracer == nil || !span.IsRecording() {
		return
	}
	if state != "" {
		span.SetAttributes(attribute.String("db.response.status_code", state))
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// Carry is what a task takes along, so that its span becomes part of this trace; empty while tracing is off.
func Carry(ctx context.Context) string {
	if tracer == nil {
		return ""
	}
	m := propagation.MapCarrier{}
	carrier.Inject(ctx, m)
	return m.Get("traceparent")
}

// Task begins a task: its lines say which one it is, and its span belongs to the trace that it was called from.
func Task(ctx context.Context, task, id, carried string) (_ context.Context, end func()) {
	ctx = context.WithValue(ctx, workKey{}, work{task: task, taskID: id})
	if tracer == nil {
		return ctx, func() {}
	}
	ctx, span := tracer.Start(carrier.Extract(ctx, propagation.MapCarrier{"traceparent": carried}), task, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.String("messaging.system", "asynq"), attribute.String("messaging.message.id", id)))
	return ctx, func() { span.End() }
}
