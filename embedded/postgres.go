package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// postgres is a PostgreSQL server that this process owns.
type postgres struct {
	bin  binary // the server; initdb lies beside it
	args []string
	dir  string
	lock *ownerLock
	log  func(string, ...any)

	cluster  string // the data folder with symbolic links resolved; set by start
	password string
	port     int
	keeper
}

// start makes the cluster if there is none, starts PostgreSQL and returns the URL of its database.
func (p *postgres) start(ctx context.Context) (string, error) {
	if err := p.keep(ctx); err != nil {
		return "", err
	}
	return p.url(), nil
}

func (p *postgres) url() string {
	return fmt.Sprintf("postgres://insightgraph:%s@127.0.0.1:%d/insightgraph?sslmode=disable", p.password, p.port)
}

// keep starts the server, and starts it again when it ends by itself.
func (p *postgres) keep(ctx context.Context) error {
	return p.keeper.keep(ctx, "PostgreSQL", p.run, p.log)
}

// run starts the server process, on the port it had before if it had one.
func (p *postgres) run(ctx context.Context) error {
	if err := p.lock.publish(state{Owner: os.Getpid(), Starting: p.proc == nil}); err != nil {
		return err
	}
	running, err := takeRunning(ctx, filepath.Join(p.dir, "postgres.running"), p.oldPID, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer running.Close()
	if err := p.openCluster(ctx, running); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	as, err := postgresUser(p.cluster)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	// No process of an earlier server lives (takeRunning), so a pid file is a leftover. It has to go:
	// the server refuses to start when an unrelated process got the pid in it.
	if err := os.Remove(filepath.Join(p.cluster, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	p.port, err = launchOnFreePort(p.port, func(port int) (err error) {
		c := command{path: p.bin.path, args: p.arguments(port), dir: "/", as: as, libPath: p.bin.libPath, end: syscall.SIGINT, running: running}
		p.proc, err = launch(ctx, c, filepath.Join(p.dir, "postgres.log"), func(c *process) bool { return p.ready(c, port) })
		return err
	})
	if as.namespace && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC)) {
		err = rootsClusterError(p.cluster)
	}
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return p.lock.publish(state{Owner: os.Getpid(), Server: p.proc.pid(), URL: p.url()})
}

// arguments keep the server on the loopback address, with no socket file, and keep statements and
// their values out of the log: it holds server events only (log_min_messages=log leaves out errors
// of queries, terse leaves out the details of a message, where rows are quoted).
func (p *postgres) arguments(port int) []string {
	args := []string{"-D", p.cluster, "-p", strconv.Itoa(port)}
	for _, setting := range []string{
		"listen_addresses=127.0.0.1",
		"unix_socket_directories=",
		"jit=off", // its library is large and not fetched
		"logging_collector=off",
		"log_destination=stderr",
		"log_statement=none",
		"log_min_messages=log",
		"log_min_error_statement=panic",
		"log_error_verbosity=terse",
		"log_parameter_max_length=0",
		"log_parameter_max_length_on_error=0",
	} {
		args = append(args, "-c", setting)
	}
	return append(args, p.args...)
}

// ready reads the pid file, in which the server notes when it takes connections.
func (p *postgres) ready(c *process, port int) bool {
	pid, status := readPIDFile(p.cluster)
	if pid != c.pid() || status != "ready" {
		return false
	}
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), dialWait)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// readPIDFile returns the process id and the status of the server in a cluster; 0 when there is none.
func readPIDFile(cluster string) (pid int, status string) {
	b, _ := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	lines := strings.Split(string(b), "\n")
	pid, _ = strconv.Atoi(strings.TrimSpace(lines[0]))
	if len(lines) > 7 {
		status = strings.TrimSpace(lines[7])
	}
	return pid, status
}

// oldPID returns the PostgreSQL that runs in this cluster already, 0 when there is none. The command
// line tells it from an unrelated process that got the id of a dead server.
func (p *postgres) oldPID() int {
	cluster, err := filepath.EvalSymlinks(filepath.Join(p.dir, "postgres"))
	if err != nil {
		return 0
	}
	pid, _ := readPIDFile(cluster)
	if pid <= 1 || pid == os.Getpid() {
		return 0
	}
	if line := commandLine(pid); !strings.Contains(line, "postgres") || !strings.Contains(line+" ", cluster+" ") {
		return 0
	}
	return pid
}

func (p *postgres) stop() error {
	p.over()
	defer p.mu.Unlock()
	err := p.lock.publish(state{Owner: os.Getpid()})
	if p.proc != nil {
		err = errors.Join(err, p.proc.stop(syscall.SIGINT, syscall.SIGQUIT))
	}
	return errors.Join(err, p.lock.release())
}
