package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"insightgraph/store"
	"insightgraph/store/storetest"
)

// mute is an address that takes connections and never says anything.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// nowhere forgets all positions.
type nowhere struct{ store.Marks }

// TestReadySilent: a Redis and a replica that are silent are not a database that is away.
func TestReadySilent(t *testing.T) {
	t.Parallel()
	client, err := openRedis("redis://" + mute(t))
	must(t, err)
	t.Cleanup(func() { client.Close() })
	s := &services{redis: client, store: storetest.Open(t, storetest.URL(t), store.Options{MaxConns: 4, Marks: nowhere{},
		ReplicaURL: "postgres://nobody@" + mute(t) + "/nothing?sslmode=disable&connect_timeout=60"})}
	eventually(t, "ready beside what is silent", func() bool { // each question has a second, which may be short here
		w := httptest.NewRecorder()
		s.ready(w, httptest.NewRequest("GET", "/readyz", nil))
		text := w.Body.String()
		return w.Code == http.StatusOK && strings.Contains(text, `"degraded"`) && strings.Contains(text, `"redis":"away`) && strings.Contains(text, `"replica":"away`)
	})
}
