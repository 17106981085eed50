package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestClient: answers are read to their end, however long they are and however their length is told, and bad ones are errors.
func TestClient(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunked":
			for range 3 {
				fmt.Fprint(w, strings.Repeat("x", 40_000))
				w.(http.Flusher).Flush()
			}
		case "/errors":
			fmt.Fprint(w, `{"errors":[]}`)
		case "/bad":
			http.Error(w, "no", http.StatusTeapot)
		default:
			fmt.Fprint(w, "short")
		}
	}))
	defer server.Close()
	c, err := dial(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.conn.Close()
	for i, want := range []struct {
		path     string
		smallest int
		bytes    int
		problem  string
	}{{"/", 1, 5, ""}, {"/chunked", 1, 120_000, ""}, {"/", 6, 5, "too small"}, {"/errors", 1, 13, "errors"}, {"/bad", 0, 3, "status 418"}, {"/", 1, 5, ""}} {
		c.smallest, c.bytes = want.smallest, 0
		answer, err := c.post(request(want.path, "token", "{}"))
		if (err == nil) != (want.problem == "") || err != nil && !strings.Contains(err.Error(), want.problem) {
			t.Errorf("%d: %s: %v", i, want.path, err)
		}
		if c.bytes != want.bytes || len(answer) != want.bytes {
			t.Errorf("%d: %s: %d bytes, %d kept", i, want.path, c.bytes, len(answer))
		}
	}
}
