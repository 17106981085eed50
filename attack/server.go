package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is a running program.
type server struct {
	url, addr string // http://127.0.0.1:port, and that without http
	pid       int
	cmd       *exec.Cmd
	ended     chan struct{}
	log       string // a file
	database  string
	redis     string
	admin     *pgx.Conn // may do everything in the database
	most      atomic.Int64
}

// serve starts the program, with a database of its own in both servers, and waits until it says where it serves.
func (a *attack) serve(ctx context.Context, name string, number int, env ...string) (*server, error) {
	if _, err := a.admin.Exec(ctx, "DROP DATABASE IF EXISTS attack_"+name+" WITH (FORCE)"); err != nil {
		return nil, err
	}
	if _, err := a.admin.Exec(ctx, "CREATE DATABASE attack_"+name); err != nil {
		return nil, err
	}
	database, err := url.Parse(a.servers.DatabaseURL)
	if err != nil {
		return nil, err
	}
	database.Path = "/attack_" + name
	redis, err := url.Parse(a.servers.RedisURL)
	if err != nil {
		return nil, err
	}
	redis.Path = fmt.Sprintf("/%d", number)
	s := &server{database: database.String(), redis: redis.String(), cmd: exec.Command(a.program, "serve"), ended: make(chan struct{}), log: filepath.Join(a.dir, name+".log")}
	if s.admin, err = pgx.Connect(ctx, s.database); err != nil {
		return nil, err
	}
	s.cmd.Env = append(os.Environ(), append(env, "DATABASE_URL="+s.database, "REDIS_URL="+redis.String(), "DATA_DIR="+filepath.Join(a.dir, name), "ADDR=127.0.0.1:0", "SANDBOX=on", "LOG_LEVEL=debug", "GORACE=halt_on_error=1")...)
	pipe, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.pid = s.cmd.Process.Pid
	found := make(chan string, 1)
	go func() {
		defer close(s.ended)
		defer file.Close()
		for lines := bufio.NewReader(pipe); ; {
			line, err := lines.ReadString('\n')
			_, _ = file.WriteString(line)
			if _, at, ok := strings.Cut(line, "http://"); ok && s.addr == "" {
				s.addr, _, _ = strings.Cut(at, "/")
				s.url = "http://" + s.addr
				found <- s.url
			}
			if err != nil {
				_ = s.cmd.Wait()
				return
			}
		}
	}()
	select {
	case <-found:
		go s.watch()
		return s, nil
	case <-s.ended:
		text, _ := os.ReadFile(s.log)
		return nil, fmt.Errorf("the program ended:\n%s", text)
	case <-time.After(2 * time.Minute):
		_ = s.cmd.Process.Kill()
		return nil, errors.New("the program does not say where it serves")
	}
}

// stop ends the program as Ctrl-C does.
func (s *server) stop() error {
	defer s.admin.Close(context.Background())
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(time.Minute):
		_ = s.cmd.Process.Kill()
		<-s.ended
		return errors.New("the program did not end within a minute")
	}
	return nil
}

func (s *server) alive() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// watch keeps the most memory that the program has had.
func (s *server) watch() {
	for s.alive() {
		if now := s.memory(); now > s.most.Load() {
			s.most.Store(now)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// memory is what the program has in memory; 0 where there is no /proc.
func (s *server) memory() int64 {
	status, _ := os.ReadFile("/proc/" + strconv.Itoa(s.pid) + "/status")
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10
}

// processor is the time that the program has had of the processors.
func (s *server) processor() time.Duration {
	stat, _ := os.ReadFile("/proc/" + strconv.Itoa(s.pid) + "/stat")
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // a tick is that on every Linux
}

var goroutineCount = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)

func (s *server) metrics() (string, error) {
	answer, err := http.Get(s.url + "/metrics")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

// goroutines is how many the program says that it has.
func (s *server) goroutines() (int, error) {
	text, err := s.metrics()
	if err != nil {
		return 0, err
	}
	found := goroutineCount.FindStringSubmatch(text)
	if found == nil {
		return 0, errors.New("/metrics does not say how many goroutines there are")
	}
	return strconv.Atoi(found[1])
}

// group makes one kind of attack with a healthy client beside it, and sees what is left of the server then.
func (a *attack) group(ctx context.Context, g group) error {
	before, err := a.server.goroutines()
	if err != nil {
		return err
	}
	a.server.most.Store(a.server.memory())
	checks, answers, begin := a.checks, a.answers, time.Now()
	beside := a.beside(ctx)
	if err := g.make(a, ctx); err != nil {
		return err
	}
	took := time.Since(begin)
	p99, n := beside()
	if !a.check(a.server.alive(), "%s: the server has ended", g.name) {
		text, _ := os.ReadFile(a.server.log)
		return fmt.Errorf("the server has ended: %s", text[max(0, len(text)-4000):])
	}
	most := a.server.most.Load()
	a.most, a.slowest = max(a.most, most), max(a.slowest, p99)
	idle := "-"
	if !a.quick {
		time.Sleep(time.Second)
		spent := a.server.processor()
		time.Sleep(time.Second)
		busy := (a.server.processor() - spent).Seconds()
		a.check(busy < maxIdle, "%s: a second after the clients have gone the server uses %.2f of a processor", g.name, busy)
		a.check(p99 < maxP99, "%s: the healthy client's p99 was %.0f ms", g.name, 1000*p99)
		idle = fmt.Sprintf("%.2f", busy)
	}
	if !a.race {
		a.check(most < maxMemory, "%s: the server had %d MiB in memory", g.name, most>>20)
	}
	http.DefaultClient.CloseIdleConnections()
	now := before
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if now, err = a.server.goroutines(); err != nil {
			return err
		}
		if now <= before+10 {
			break
		}
	}
	a.check(now <= before+10, "%s: %d goroutines before, %d after", g.name, before, now)
	a.groups++
	a.log("%-9s %7d checks %6d answers %6.1f s %4d MiB, healthy client %5d answers p99 %5.1f ms, idle %s, %d goroutines", g.name, a.checks-checks, a.answers-answers, took.Seconds(),
		most>>20, n, 1000*p99, idle, now)
	return nil
}

// beside is a healthy client, which asks for a page of its transactions as long as the attack lasts. What it gives back
// ends it, and tells the p99 in seconds and of how many.
func (a *attack) beside(ctx context.Context) func() (p99 float64, n int) {
	var took []float64
	running, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	group.Go(func() {
		defer client.CloseIdleConnections()
		body := `{"query":"{transactions(first:20){nodes{id description amount{amount currency} account{name}}}}"}`
		for running.Err() == nil {
			r, _ := http.NewRequest("POST", a.server.url+"/graphql", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+a.healthy.token)
			begin := time.Now()
			answer, err := client.Do(r)
			if !a.check(err == nil, "the healthy client: %v", err) {
				return
			}
			text, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			took = append(took, time.Since(begin).Seconds())
			if !a.check(err == nil && answer.StatusCode == 200 && bytes.Contains(text, []byte(`"own description`)) && !bytes.Contains(text, []byte(`"errors"`)), "the healthy client got %d %.300s %v", answer.StatusCode, text, err) {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	return func() (float64, int) {
		stop()
		group.Wait()
		if len(took) == 0 {
			return 0, 0
		}
		slices.Sort(took)
		return took[min(len(took)*99/100, len(took)-1)], len(took)
	}
}

// after looks at what the servers have written and counted: nothing that must not get out, no panic, and all lines as JSON.
func (a *attack) after() error {
	for _, s := range []*server{a.server, a.open} {
		text, err := os.ReadFile(s.log)
		if err != nil {
			return err
		}
		a.check(a.leaked(string(text)) == "", "the log %s holds %s", filepath.Base(s.log), a.leaked(string(text)))
		counted, err := s.metrics()
		if err != nil {
			return err
		}
		a.check(a.leaked(counted) == "", "/metrics of %s hold %s", filepath.Base(s.log), a.leaked(counted))
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "{") {
				a.check(strings.HasSuffix(line, "}\n") && !strings.Contains(line, `"msg":"panic"`) && !strings.Contains(line, `"level":"ERROR"`), "the log says %.600s", line)
			} else {
				a.check(strings.TrimSpace(line) == "", "a line in the log is no JSON: %.300s", line)
			}
		}
	}
	return nil
}

func (a *attack) summary() string {
	return fmt.Sprintf("groups=%d answers=%d checks=%d memory=%dMiB p99=%.0fms found=%d", a.groups, a.answers, a.checks, a.most>>20, 1000*a.slowest, len(a.found))
}
