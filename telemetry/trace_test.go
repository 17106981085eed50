package telemetry

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOff: without tracing nothing is made.
func TestOff(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	stop, err := StartTracing(t.Context(), "test")
	if err != nil || Tracing() {
		t.Fatalf("tracing is on: %v", err)
	}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		same, end := Operation(ctx, "query", "Screen")
		if Statement(same, "SELECT accounts", 1) != ctx || Carry(ctx) != "" {
			t.Error("something is made")
		}
		EndStatement(ctx, "")
		end(OK)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if err := stop(ctx); err != nil {
		t.Error(err)
	}
}

// TestTracesNowhere: what is no address is told at once, and not with the first trace that does not arrive.
func TestTracesNowhere(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		for _, text := range []string{"collector", "collector:4318", "http://", "ftp://collector", "::::"} {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
			t.Setenv(name, text)
			if _, err := StartTracing(t.Context(), "test"); err == nil || !strings.Contains(err.Error(), name) || Tracing() {
				t.Errorf("%s=%s: %v", name, text, err)
			}
		}
	}
}

// TestPanic: the client of a request that panics gets no answer, and the log says where it was, for which request, and not
// what was said.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(NewLogger(&log, slog.LevelInfo))
	server := httptest.NewServer(Endpoint("/x", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("Anna has 12.30") })))
	defer server.Close()
	r, err := http.NewRequest("GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Request-Id", "mine")
	if answer, err := http.DefaultClient.Do(r); err == nil {
		answer.Body.Close()
		t.Errorf("answered: %s", answer.Status)
	}
	server.Close() // its lines are written
	if text := log.String(); !strings.Contains(text, `"requestId":"mine"`) || !strings.Contains(text, "trace_test.go") || strings.Contains(text, "Anna") || strings.Count(text, "\n") != 1 {
		t.Errorf("the log: %s", text)
	}
}
