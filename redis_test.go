package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"insightgraph/embedded"
	"insightgraph/store/storetest"
)

// redisNode is one Redis server of its own, with the user scale, whose password is secret.
type redisNode struct {
	*embedded.Servers
	*redis.Client
	dir, addr string
}

func startRedis(t *testing.T, settings ...string) redisNode {
	t.Helper()
	dir := t.TempDir()
	settings = append(settings, "user scale on >secret ~* &* +@all", "masteruser scale", "masterauth secret")
	servers, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, Redis: true, RedisConfig: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { servers.Stop() })
	u, err := url.Parse(servers.RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: u.Host, Username: "scale", Password: "secret"})
	t.Cleanup(func() { client.Close() })
	return redisNode{servers, client, dir, u.Host}
}

// is waits until a section of INFO, or of another command, says something.
func (n redisNode) is(t *testing.T, want string, command ...any) {
	t.Helper()
	var last any
	eventually(t, fmt.Sprintf("%s in the answer to %v", want, command), func() bool {
		last, _ = n.Do(context.Background(), command...).Result()
		return strings.Contains(fmt.Sprint(last), want)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// redisIs waits until a process says of Redis what is wanted.
func (p *process) redisIs(want string) {
	p.t.Helper()
	eventually(p.t, "redis: "+want, func() bool {
		r, err := http.Get(p.url + "/readyz")
		if err != nil {
			p.t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		return err == nil && r.StatusCode == http.StatusOK && strings.Contains(string(text), `"redis":"`+want)
	})
}

// TestRedisCluster: the queues lie on three nodes. Runs on schedule and on demand go through; when the node of a queue
// dies with all that it holds, the work waits in the database and is done when the node is back.
func TestRedisCluster(t *testing.T) {
	t.Parallel()
	var nodes [3]redisNode
	for i := range nodes {
		bus, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		_, port, _ := net.SplitHostPort(bus.Addr().String())
		must(t, bus.Close())
		nodes[i] = startRedis(t, "cluster-enabled yes", "cluster-node-timeout 1000", "cluster-port "+port)
		must(t, nodes[i].Do(t.Context(), "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
		must(t, nodes[i].ClusterAddSlotsRange(t.Context(), i*16384/3, (i+1)*16384/3-1).Err())
		host, first, _ := net.SplitHostPort(nodes[0].addr)
		if i > 0 {
			bus := nodes[0].ConfigGet(t.Context(), "cluster-port").Val()["cluster-port"]
			must(t, nodes[i].Do(t.Context(), "CLUSTER", "MEET", host, first, bus).Err())
		}
	}
	for _, n := range nodes {
		n.is(t, "cluster_state:ok", "CLUSTER", "INFO")
	}

	address := storetest.URL(t)
	db := look(t, address)
	env := []string{"DATABASE_URL=" + address, "DATA_DIR=" + t.TempDir(),
		"REDIS_URL=redis://scale:secret@" + nodes[0].addr + "?addr=" + nodes[1].addr + "&addr=" + nodes[2].addr}
	const people = 30
	own := crowd(t, env, db, people)
	p := serve(t, env)
	eventually(t, "the scheduled run", func() bool { return db.count("SELECT count(*) FROM feed_entries") == people })
	c := p.signIn(own, "")
	run := c.trigger("one")
	eventually(t, "the run on demand", func() bool { return c.status(run) == "SUCCEEDED" })
	used := 0
	for _, n := range nodes {
		if n.DBSize(t.Context()).Val() > 0 {
			used++
		}
	}
	if used < 2 {
		t.Errorf("the queues lie on %d node(s)", used)
	}

	slot := nodes[0].ClusterKeySlot(t.Context(), "asynq:{demand}:pending").Val()
	dead := nodes[slot*3/16384]
	must(t, dead.KillRedis())
	p.redisIs("away")
	run = c.trigger("two")
	must(t, os.RemoveAll(filepath.Join(dead.dir, "redis", "appendonlydir"))) // all but its place in the cluster
	must(t, dead.RestartRedis(t.Context()))
	eventually(t, "the run of the time without the node", func() bool { return c.status(run) == "SUCCEEDED" })
	p.redisIs("ok")
	if n := db.count("SELECT count(*) FROM feed_entries"); n != people {
		t.Errorf("%d entries for %d people", n, people)
	}
}

// TestRedisTakesNothing: a Redis that is full, or a replica that only reads, answers and takes no tasks: it is as good as away.
func TestRedisTakesNothing(t *testing.T) {
	t.Parallel()
	node := startRedis(t)
	p := serve(t, []string{"DATABASE_URL=" + storetest.URL(t), "REDIS_URL=redis://scale:secret@" + node.addr, "DATA_DIR=" + t.TempDir()})
	p.redisIs("ok")
	must(t, node.ConfigSet(t.Context(), "maxmemory", "1mb").Err())
	p.redisIs("away")
	if text := p.metrics(); !strings.Contains(text, "insightgraph_redis_up 0\n") {
		t.Error("a full Redis is up")
	}
	must(t, node.ConfigSet(t.Context(), "maxmemory", "0").Err())
	p.redisIs("ok")
	must(t, node.ReplicaOf(t.Context(), "127.0.0.1", "1").Err())
	p.redisIs("away")
	must(t, node.ReplicaOf(t.Context(), "NO", "ONE").Err())
	p.redisIs("ok")
}

// TestRedisSentinel: the master dies for good, Sentinel puts its replica in its place, and work goes on there.
func TestRedisSentinel(t *testing.T) {
	t.Parallel()
	master := startRedis(t)
	host, port, _ := net.SplitHostPort(master.addr)
	replica := startRedis(t, "replicaof "+host+" "+port)
	replica.is(t, "master_link_status:up", "INFO", "replication")
	sentinel, err := embedded.Start(t.Context(), embedded.Options{Dir: t.TempDir(), Redis: true, Sentinel: true, RedisConfig: []string{
		"sentinel monitor main " + host + " " + port + " 1", "sentinel auth-user main scale", "sentinel auth-pass main secret",
		"sentinel down-after-milliseconds main 500", "sentinel failover-timeout main 5000"}})
	must(t, err)
	t.Cleanup(func() { sentinel.Stop() })

	address := storetest.URL(t)
	db := look(t, address)
	env := []string{"DATABASE_URL=" + address, "DATA_DIR=" + t.TempDir(),
		"REDIS_URL=" + strings.TrimSuffix(sentinel.RedisURL, "/0") + "?master_name=main&username=scale&password=secret"}
	const people = 30
	own := crowd(t, env, db, people)
	p := serve(t, env)
	eventually(t, "the scheduled run", func() bool { return db.count("SELECT count(*) FROM feed_entries") == people })
	c := p.signIn(own, "")
	must(t, master.KillRedis())
	run := c.trigger("one")
	eventually(t, "the run on demand", func() bool { return c.status(run) == "SUCCEEDED" })
	replica.is(t, "role:master", "INFO", "replication")
	p.redisIs("ok")
	if n := db.count("SELECT count(*) FROM feed_entries"); n != people {
		t.Errorf("%d entries for %d people", n, people)
	}
}

// TestRedisSilent: a Redis that takes connections and says nothing looks like one that is away, and nothing else does.
func TestRedisSilent(t *testing.T) {
	t.Parallel()
	node := startRedis(t)
	p := serve(t, []string{"DATABASE_URL=" + storetest.URL(t), "DATA_DIR=" + t.TempDir(), "REDIS_URL=redis://scale:secret@" + node.addr})
	p.redisIs("ok")
	must(t, node.Do(t.Context(), "CLIENT", "PAUSE", 10000, "ALL").Err())
	metrics := p.metrics()
	for _, line := range []string{"insightgraph_redis_up 0", "insightgraph_database_up 1", "insightgraph_migrations_behind 0", "insightgraph_runs_open 0"} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("/metrics does not say %s", line)
		}
	}
}
