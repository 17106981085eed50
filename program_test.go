package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"insightgraph/store/storetest"
)

// raceFlag builds the program with the race detector where the tests run with it.
var raceFlag []string

func TestMain(m *testing.M) { storetest.Main(tests{m}) }

// tests are all tests, and what becomes of the program after them.
type tests struct{ *testing.M }

func (m tests) Run() int {
	defer func() { os.RemoveAll(programDir) }()
	return m.M.Run()
}

var (
	building   sync.Once
	program    string
	programDir string
	broken     error
)

// binary builds the program once for all tests of this package.
func binary(t *testing.T) string {
	t.Helper()
	building.Do(func() {
		if programDir, broken = os.MkdirTemp("", "insightgraph-bin-"); broken != nil {
			return
		}
		program = filepath.Join(programDir, "insightgraph")
		out, err := exec.Command("go", append(append([]string{"build", "-ldflags=-w"}, raceFlag...), "-o", program, ".")...).CombinedOutput()
		if err != nil {
			broken = fmt.Errorf("%w: %s", err, out)
		}
	})
	if broken != nil {
		t.Fatal(broken)
	}
	return program
}

// process is a running server.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string // http://127.0.0.1:port
	done chan struct{}
	log  *bytes.Buffer
}

// serve starts the program as a process of its own and waits until it says where it serves.
func serve(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	return start(t, binary(t), env, args...)
}

// start is serve with another build of the program.
func start(t *testing.T, program string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, append([]string{"serve"}, args...)...), done: make(chan struct{}), log: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), append([]string{"ADDR=127.0.0.1:0", "GORACE=halt_on_error=1", "LAME_DUCK=0s"}, env...)...)
	pipe, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan string, 1)
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			p.log.WriteString(lines.Text() + "\n")
			if _, at, ok := strings.Cut(lines.Text(), "http://"); ok {
				select {
				case found <- "http://" + strings.SplitN(at, "/", 2)[0]:
				default:
				}
			}
		}
	}()
	t.Cleanup(p.stop)
	select {
	case p.url = <-found:
	case <-p.done:
		t.Fatalf("the server ended:\n%s", p.log)
	case <-time.After(2 * time.Minute):
		p.cmd.Process.Kill()
		t.Fatal("the server does not say where it serves")
	}
	return p
}

// stop ends the server as Ctrl-C does.
func (p *process) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.done
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the server ended with %v:\n%s", err, p.log)
	}
}

// kill ends the server as a power cut does.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
	p.cmd.Wait()
}

// command runs the program to its end and returns its standard output.
func command(t *testing.T, env []string, args ...string) string {
	t.Helper()
	out, errs, err := try(t, env, args...)
	if err != nil {
		t.Fatalf("insightgraph %s: %v\n%s", strings.Join(args, " "), err, errs)
	}
	return out
}

func try(t *testing.T, env []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.Command(binary(t), args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// TestVersion: an operator can ask a program what it is.
func TestVersion(t *testing.T) {
	t.Parallel()
	if out := command(t, nil, "--version"); !regexp.MustCompile(`^insightgraph \S+ \(revision \S+, go1\.\S+\)\n$`).MatchString(out) {
		t.Errorf("--version says %q", out)
	}
}

// ready is the environment of a program with a database and a Redis that are there already: it starts at once, in any test
// that is not about its own servers.
func ready(t *testing.T) []string {
	t.Helper()
	return []string{"DATABASE_URL=" + storetest.URL(t), "REDIS_URL=" + storetest.Redis(t), "DATA_DIR=" + t.TempDir()}
}

type login struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// client calls a server with a token.
type client struct {
	t     *testing.T
	url   string
	token string
}

// signIn gets a token as the README shows it.
func (p *process) signIn(l login, loginName string) client {
	p.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {l.ClientID}, "client_secret": {l.ClientSecret}}
	if loginName != "" {
		form.Set("login_name", loginName)
	}
	r, err := http.PostForm(p.url+"/auth/token", form)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil || answer.AccessToken == "" || answer.TokenType != "Bearer" || answer.ExpiresIn <= 0 {
		p.t.Fatalf("token: %s %+v %v", r.Status, answer, err)
	}
	return client{p.t, p.url, answer.AccessToken}
}

// do sends an operation and reads its data; an error in the answer fails the test.
func (c client) do(data any, query string, variables any) {
	c.t.Helper()
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	status, body := c.post(query, variables)
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Errors) > 0 || status != 200 {
		c.t.Fatalf("%d %s %v", status, body, err)
	}
	if err := json.Unmarshal(answer.Data, data); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) post(query string, variables any) (int, []byte) {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequest("POST", c.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, b
}
