package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"insightgraph/store"
)

// series is the seconds that each round took.
type series []float64

func (s *series) add(d time.Duration) { *s = append(*s, d.Seconds()) }

// at is the value below which a share of all lies; the median of an even number is the upper of the two.
func (s series) at(share float64) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func (s series) median() float64 { return s.at(0.5) }

// result is one measure: ours beside a limit or a peer, or ours alone.
type result struct {
	name        string
	ours, limit series
	rows        int     // values are the seconds for so many rows: they are shown as rows a second, and the ratio is of those
	unit        string  // of values that are no seconds, such as req/s
	least       bool    // the goal is the least, as it always is with rows; else the most
	goal        float64 // of the ratio, or of ours where it is alone: its 95th percentile, with a unit the median; 0: none
}

// ratio is time over time, or with rows speed over speed.
func (r result) ratio() float64 {
	if r.rows > 0 {
		return r.limit.median() / r.ours.median()
	}
	return r.ours.median() / r.limit.median()
}

// value is one number in its unit.
func (r result) value(v float64) string {
	switch {
	case r.rows > 0:
		return fmt.Sprintf("%.1f k rows/s", float64(r.rows)/v/1000)
	case r.unit != "":
		return fmt.Sprintf("%.0f %s", v, r.unit)
	case v < 0.01:
		return fmt.Sprintf("%.2f ms", v*1000)
	}
	return fmt.Sprintf("%.0f ms", v*1000)
}

// show is the median, the least and the most.
func (r result) show(s series) string {
	if len(s) == 0 {
		return "-"
	}
	low, high := r.value(slices.Min(s)), r.value(slices.Max(s))
	if r.rows > 0 {
		low, high = high, low
	}
	unit := " " + r.unit
	if low, high = strings.TrimSuffix(low, unit), strings.TrimSuffix(high, unit); r.unit == "" {
		low, _, _ = strings.Cut(low, " ")
		high, _, _ = strings.Cut(high, " ")
	}
	return fmt.Sprintf("%s (%s-%s)", r.value(s.median()), low, high)
}

func (r result) cells() []string {
	least := r.least || r.rows > 0
	goal := func(of float64, text string) string {
		if r.goal == 0 {
			return "-"
		}
		sign, met := "<=", of <= r.goal
		if least {
			sign, met = ">=", of >= r.goal
		}
		return fmt.Sprintf("%s %s: %s", sign, text, map[bool]string{true: "met", false: "**missed**"}[met])
	}
	if len(r.limit) > 0 {
		return []string{r.name, r.show(r.ours), r.show(r.limit), fmt.Sprintf("%.2f", r.ratio()), goal(r.ratio(), strconv.FormatFloat(r.goal, 'g', -1, 64))}
	}
	if r.unit == "" && r.rows == 0 {
		return []string{r.name, fmt.Sprintf("p50 %.1f ms, p95 %.1f ms", r.ours.median()*1000, r.ours.at(0.95)*1000), "-", "-", goal(r.ours.at(0.95), "p95 "+r.value(r.goal))}
	}
	return []string{r.name, r.show(r.ours), "-", "-", goal(r.ours.median(), r.value(r.goal))}
}

// machine is what the numbers were measured on, a line each.
func (b *bench) machine(ctx context.Context) ([]string, error) {
	conn, err := pgx.Connect(ctx, b.servers.DatabaseURL)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var postgres, buffers, fsync, commit string
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('shared_buffers'), current_setting('fsync'), current_setting('synchronous_commit')`).
		Scan(&postgres, &buffers, &fsync, &commit); err != nil {
		return nil, err
	}
	info, err := b.redis.Info(ctx, "server").Result()
	if err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("Date %s, commit %s", time.Now().UTC().Format("2006-01-02 15:04 UTC"), commitOf()),
		fmt.Sprintf("%s, %d cores, %s of memory, %s/%s; load average at the start %s (cores are shared with whatever else runs)",
			field("/proc/cpuinfo", "model name"), runtime.NumCPU(), field("/proc/meminfo", "MemTotal"), runtime.GOOS, runtime.GOARCH, load()),
		fmt.Sprintf("%s, PostgreSQL %s (shared_buffers %s, fsync %s, synchronous_commit %s), Redis %s (append-only file), all on this machine over loopback",
			runtime.Version(), postgres, buffers, fsync, commit, after(info, "redis_version")),
	}, nil
}

func commitOf() string {
	head, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	commit := strings.TrimSpace(string(head))
	if changed, err := exec.Command("git", "status", "--porcelain", "--", ":/", ":(top,exclude)bench/RESULTS.md").Output(); err != nil || len(changed) > 0 {
		commit += " dirty"
	}
	return commit
}

// field is a value of a file with lines such as "name : value", "unknown" where there is none.
func field(path, name string) string {
	content, _ := os.ReadFile(path)
	return after(string(content), name)
}

func after(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func load() string {
	content, _ := os.ReadFile("/proc/loadavg")
	if parts := strings.Fields(string(content)); len(parts) > 0 {
		return parts[0]
	}
	return "unknown"
}

// notes say what the measures are.
const notes = `Each measure ran in alternation with what stands beside it, in this one run. Values are the median and, in brackets, the range
over the rounds. Compare ratios, not absolute numbers: client, servers and database share the machine. In rows with times a ratio
below 1 means faster than what is beside; in rows with rates, above 1. Goals are those that were set before (issue 5).

- **Scheduled run**: from the first step of planning until the last shard is stored, through Redis, the worker in this process.
  Beside: one SQL statement that reads the same tables and writes the same rows (run, feed entries, evaluations) into the same tables,
  with 64 MB of work_mem. It knows the insight's settings beforehand and writes account ids as plain text; everything else it
  stores was compared with ours and is equal. Tables are emptied before each. A shard has up to %d consumers; a run of one
  shard is cut in two.
- **Nothing to do**: planning again after a run, over all consumers or as the planner does each minute. Beside: the first run.
- **CreateTransactions**: a thousand rows of one account a call, with checks, categories, matching of transfers, idempotent by external
  id, monthly totals kept. **import**: the program, from its start to its end, on a file of 250 rows for each account in the order of time.
  Beside: COPY of such rows, 5,000 at a time, by as many clients. "Indexed": a copy of the table with three
  of its six indexes (primary key, external id, an account's days) and the same rows in it, without checks, triggers and foreign
  keys. "Bare": no index, key or check.
  A checkpoint comes before each, so that each pays for full page images alike.
- **Delivered again**: the same calls once more, where each row is known. Beside: the first delivery (times).
- **On demand**: from asking for a run of one consumer until its outcome can be read, on an idle server; p50 and p95 of %d. **Over HTTP**:
  from the mutation until the new entry is in the answer to a query of the feed.
- **createTransactions over HTTP**: the calls of CreateTransactions as GraphQL, to the real program with its workers. **Shopping Report**:
  1,500 transactions of one consumer in two years, from the mutation until its result can be read. **Cold start**: from the start
  of the process until /readyz says ok; ten starts. **Smallest query**: beside pgbench -S (prepared, scale 10), which knows no HTTP,
  GraphQL, tenants or row level security. **Statement files**: read, categorised, matched and stored for a new consumer, by the store.
  **Categoriser**: descriptions of its own tests, by processor time.
- **Screen**: a consumer, its three accounts with the newest 20 transactions each, ten feed entries and last month's totals by category;
  random consumers. **List page**: 100 transactions of an account with category and merchant. **Feed page**: 50 entries of a consumer with
  accounts and what transactions add up to. **Page 1,000**: of all the customer's transactions, by cursor; page 1 is asked of the same
  process in the same rounds. All of a customer's transactions have an index more here than elsewhere, since ours is partial
  (docs/speed.md). Ours is the real program (ROLE=web), asked over HTTP with a token. **Hand-written**: net/http and pgx, prepared
  statements with plans made once, all of a question in one round trip, JSON put together by hand; it gives our bytes (compared for 200
  requests of each question), checks no token and goes around row level security. **Plain**: ours on gqlgen's own path
  (INSIGHTGRAPH_PLAIN=1). The peers give the same rows in the same order (compared too), but amounts in one field and no names of
  categories, and no rights are checked; each process has 16 connections. Mercurius has prepared statements with plans made once. The
  client is a process of its own.
`

// report prints the tables and writes them to a file, where the section of the soak stays.
func (b *bench) report(took time.Duration) error {
	var text strings.Builder
	text.WriteString("# Measured beside limits and peers\n\nWritten by `make bench`. Do not edit.\n\n")
	for _, s := range b.skipped {
		fmt.Fprintf(&text, "**%s**\n\n", s)
	}
	for _, f := range b.facts {
		fmt.Fprintf(&text, "- %s\n", f)
	}
	fmt.Fprintf(&text, "- %d consumers with three accounts each; %d transactions, %d for the larger run and for reading. Ingestion: into %d rows, %d a round. %d rounds\n",
		b.consumers, b.transactions, b.large, b.base, 1000*b.calls, b.rounds)
	fmt.Fprintf(&text, "- Took %.0f s; load average at the end %s\n\n", took.Seconds(), load())
	fmt.Fprintln(&text, "| measure | ours | beside | ratio | goal |")
	fmt.Fprintln(&text, "|---|---|---|---|---|")
	for _, r := range b.results {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(r.cells(), " | "))
	}
	for _, d := range b.details {
		text.WriteString("\n" + d)
	}
	fmt.Fprintf(&text, "\n"+notes, store.ShardSize, b.triggers)
	fmt.Print(text.String())
	if b.out == "" {
		return nil
	}
	old, _ := os.ReadFile(b.out)
	if _, soak, ok := strings.Cut(string(old), "\n"+soakTitle); ok {
		text.WriteString("\n" + soakTitle + soak)
	}
	return os.WriteFile(b.out, []byte(text.String()), 0o644)
}
