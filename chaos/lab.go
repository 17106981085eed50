package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"insightgraph/embedded"
	"insightgraph/insight"
	"insightgraph/insight/catalogue"
)

// lab is what all scenarios share: the servers, the proxies before them, and the program.
type lab struct {
	options
	dir             string
	disk            string // where the servers' data is; empty: in dir
	servers         *embedded.Servers
	postgres, redis *proxy
	redisURL        string // through the proxy
	keys            string
	logins          [2]login
	twins           *[works]twins
	stride          int  // how many statements of the migrations lie between two deaths
	kept            bool // logs of a scenario that failed
}

type login struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// twins are what all labs know of a piece of work; the first that needs it finds it out.
type twins struct {
	mu   sync.Mutex
	made *twin
}

// twin is what came of a piece of work without any fault.
type twin struct {
	contents contents
	answers  map[string]string
	acks     int
	points   map[string][]string // by role, as often as they were passed
}

// template is the database that scenes begin with: migrated, with two customers.
const template = "template_chaos"

func newLab(ctx context.Context, o options) (*lab, error) {
	return (&lab{options: o, twins: &[works]twins{}, stride: 7}).beside(ctx)
}

// beside is another lab for the same scenarios, with servers of its own.
func (l *lab) beside(ctx context.Context) (_ *lab, err error) {
	l = &lab{options: l.options, twins: l.twins, stride: l.stride}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.dir, err = os.MkdirTemp("", "insightgraph-chaos-"); err != nil {
		return nil, err
	}
	if l.program == "" {
		if l.program, err = build(ctx, l.dir); err != nil {
			return nil, err
		}
	}
	return l, l.begin(ctx)
}

// begin starts the servers in the lab's folder.
func (l *lab) begin(ctx context.Context) (err error) {
	// Commits must survive the death of the server, not that of the machine.
	if l.servers, err = embedded.Start(ctx, embedded.Options{Dir: filepath.Join(cmp.Or(l.disk, l.dir), "servers"), Postgres: true, Redis: true,
		PostgresArgs: []string{"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=80", "-c", "max_wal_size=64MB"}}); err != nil {
		return err
	}
	database, err := url.Parse(l.servers.DatabaseURL)
	if err != nil {
		return err
	}
	store, err := url.Parse(l.servers.RedisURL)
	if err != nil {
		return err
	}
	if l.postgres, err = newProxy(database.Host); err != nil {
		return err
	}
	if l.redis, err = newProxy(store.Host); err != nil {
		return err
	}
	through := *store
	through.Host = l.redis.addr()
	l.redisURL = through.String()
	key := make([]byte, 32)
	rand.Read(key)
	l.keys = base64.StdEncoding.EncodeToString(key)
	return l.prepare(ctx, database)
}

// build builds the program under test, with its failpoints.
func build(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "insightgraph")
	out, err := exec.CommandContext(ctx, "go", "build", "-tags", "failpoint", "-o", program, "insightgraph").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program: %w: %s", err, out)
	}
	return program, nil
}

// prepare makes the template.
func (l *lab) prepare(ctx context.Context, database *url.URL) error {
	if err := l.do(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	u := *database
	u.Path = "/" + template
	for i := range l.logins {
		cmd := exec.CommandContext(ctx, l.program, "customer", "create", "--name", fmt.Sprint(i), "--time-zone", "Europe/Berlin", "--json")
		cmd.Env = append(os.Environ(), "DATABASE_URL="+u.String(), "DATA_DIR="+l.dir)
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("make a customer: %w", err)
		}
		if err := json.Unmarshal(out, &l.logins[i]); err != nil {
			return err
		}
	}
	conn, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // a template is copied while nobody is at it
	// What is counted is of one insight; a new one changes nothing.
	for _, d := range catalogue.All {
		var off insight.Settings
		for _, e := range d.Entities {
			off.Overrides = append(off.Overrides, insight.Override{EntityType: e, IsSubscribed: new(false)})
		}
		if d.Name != spending {
			if _, err := conn.Exec(ctx, "INSERT INTO customer_settings SELECT id, $1, $2 FROM customers", d.Name, off); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lab) close() {
	if l.servers != nil {
		l.servers.Stop()
	}
	if l.kept {
		fmt.Fprintln(os.Stderr, "kept in", l.dir)
		return
	}
	os.RemoveAll(l.dir)
}

// do runs a statement beside the databases of scenes.
func (l *lab) do(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, l.servers.DatabaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement)
	return err
}

// onRedis runs a command on Redis, past the proxy.
func (l *lab) onRedis(ctx context.Context, args ...any) error {
	options, err := redis.ParseURL(l.servers.RedisURL)
	if err != nil {
		return err
	}
	client := redis.NewClient(options)
	defer client.Close()
	return client.Do(ctx, args...).Err()
}

// twin does a piece of work without any fault, once.
func (l *lab) twin(ctx context.Context, number int) (*twin, error) {
	known := &l.twins[number]
	known.mu.Lock()
	defer known.mu.Unlock()
	if known.made != nil {
		return known.made, nil
	}
	s, err := l.open(ctx, fmt.Sprintf("twin-%d", number), newWork(l.seed, number), mathrand.New(mathrand.NewPCG(0, 0)), template)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	if err := s.perform(ctx, scenario{}); err != nil {
		return nil, fmt.Errorf("without any fault: %w", err)
	}
	if v := s.judge(ctx, nil); !v.good() {
		return nil, fmt.Errorf("without any fault: %+v", v)
	}
	t := &twin{answers: s.answers, acks: s.acks.n, points: map[string][]string{}}
	if t.contents, err = s.contents(ctx); err != nil {
		return nil, err
	}
	for _, role := range []string{"web", "worker", "import"} {
		text, err := os.ReadFile(s.traceFile(role))
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			t.points[role] = append(t.points[role], strings.TrimSpace(line))
		}
	}
	known.made = t
	return t, nil
}

// distinct are the points of a role, each once, in order.
func (t *twin) distinct(role string) []string {
	all := slices.Clone(t.points[role])
	slices.Sort(all)
	return slices.Compact(all)
}

// times is how often a point was passed.
func (t *twin) times(role, point string) (n int) {
	for _, p := range t.points[role] {
		if p == point {
			n++
		}
	}
	return n
}

// perform starts the processes and does the scene's work while faults happen.
func (s *scene) perform(ctx context.Context, sc scenario) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := s.onRedis(ctx, "FLUSHALL"); err != nil {
		return err
	}
	if sc.before != nil {
		if err := sc.before(ctx, s); err != nil {
			return err
		}
	}
	s.importEnv = sc.importing
	s.repeat = sc.repeat
	for i := range 2 {
		if _, err := s.process(fmt.Sprint("web", i), "web", sc.web...); err != nil {
			return err
		}
	}
	for i := range max(2, sc.planners) {
		env := sc.worker
		if i == 0 && sc.zombie != nil {
			env = sc.zombie
		}
		if _, err := s.process(fmt.Sprint("worker", i), "worker", env...); err != nil {
			return err
		}
	}
	for _, p := range s.webs() {
		if err := p.untilReady(ctx); err != nil {
			return err
		}
	}
	var beside sync.WaitGroup
	keeping, stop := context.WithCancel(ctx)
	defer beside.Wait()
	defer stop()
	beside.Go(func() { s.keepTime(keeping) })
	var breaking sync.WaitGroup
	acting, over := context.WithCancel(ctx)
	defer over()
	if sc.during != nil {
		breaking.Go(func() {
			if err := sc.during(acting, s); err != nil && acting.Err() == nil {
				s.wrong("the fault itself failed: %v", err)
			}
		})
	}
	do := s.run
	if s.instead != nil {
		do = s.instead
	}
	err := do(ctx)
	over()
	breaking.Wait()
	if err != nil {
		return err
	}
	if err := s.settled(ctx); err != nil {
		return err
	}
	if err := s.until(ctx, "the sealing of all events", func(ctx context.Context) (sealed bool, err error) {
		err = s.db.QueryRow(ctx, "SELECT NOT EXISTS (SELECT FROM events WHERE number IS NULL)").Scan(&sealed)
		return sealed, err
	}); err != nil {
		return err
	}
	s.resources(ctx)
	return s.until(ctx, "the end of all recoveries", func(context.Context) (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.waits) == 0, nil
	})
}

// play plays a scenario and says what came of it.
func (l *lab) play(ctx context.Context, sc scenario) (r result) {
	fail := func(err error) result {
		r.problems = append(r.problems, err.Error())
		return r
	}
	if sc.alone != nil {
		return sc.alone(ctx, l, sc)
	}
	twin, err := l.twin(ctx, sc.work)
	if err != nil {
		return fail(err)
	}
	s, err := l.open(ctx, "s"+sc.id, newWork(l.seed, sc.work), sc.rng(), template)
	if err != nil {
		return fail(err)
	}
	defer s.close(context.WithoutCancel(ctx))
	if err := s.perform(ctx, sc); err != nil {
		s.wrong("%v", err)
	}
	for code, n := range s.codes {
		if strings.Contains(code, "INTERNAL") || sc.strict {
			s.wrong("%d requests failed: %s", n, code)
		}
	}
	r.verdict = s.judge(ctx, twin)
	r.dead = s.dead
	for _, d := range s.recover {
		r.recover = max(r.recover, d)
	}
	r.all = s.recover
	if sc.fault == "F10" { // its clock tells nothing
		r.recover, r.all = 0, nil
	} else if r.recover > 3*time.Minute {
		r.stuck++
		r.problems = append(r.problems, fmt.Sprintf("it took %v until what was under way at a death was done", r.recover))
	}
	r.note = strings.TrimPrefix(fmt.Sprint(s.codes), "map")
	if s.note != "" {
		r.note += " " + s.note
	}
	if sc.mustKill && len(r.dead) == 0 {
		r.note += " the point was not reached"
	}
	return r
}
