package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
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

// result is one measure. With rows, values are shown as rows a second, and the ratio is of those.
type result struct {
	name        string
	ours, limit series
	rows        int
	goal        float64 // of the ratio: at most, with rows at least; 0: perf.md has none
}

// ratio is time over time, or with rows speed over speed.
func (r result) ratio() float64 {
	if r.rows > 0 {
		return r.limit.median() / r.ours.median()
	}
	return r.ours.median() / r.limit.median()
}

// show is the median, the least and the most.
func (r result) show(s series) string {
	if len(s) == 0 {
		return "-"
	}
	if r.rows > 0 {
		rate := func(seconds float64) float64 { return float64(r.rows) / seconds / 1000 }
		return fmt.Sprintf("%.1f k rows/s (%.1f-%.1f)", rate(s.median()), rate(slices.Max(s)), rate(slices.Min(s)))
	}
	return fmt.Sprintf("%.0f ms (%.0f-%.0f)", s.median()*1000, slices.Min(s)*1000, slices.Max(s)*1000)
}

func (r result) cells() []string {
	ratio, goal := "-", "-"
	if len(r.limit) > 0 {
		ratio = fmt.Sprintf("%.2f", r.ratio())
	} else {
		return []string{r.name, fmt.Sprintf("p50 %.1f ms, p95 %.1f ms", r.ours.median()*1000, r.ours.at(0.95)*1000), "-", ratio, goal}
	}
	if r.goal > 0 {
		sign, met := "<=", r.ratio() <= r.goal
		if r.rows > 0 {
			sign, met = ">=", r.ratio() >= r.goal
		}
		goal = fmt.Sprintf("%s %.1f: %s", sign, r.goal, map[bool]string{true: "met", false: "missed"}[met])
	}
	return []string{r.name, r.show(r.ours), r.show(r.limit), ratio, goal}
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
		fmt.Sprintf("Scheduled run: %d consumers, %d accounts, %d transactions. Ingestion: into %d rows, %d a round. %d rounds",
			b.consumers, 3*b.consumers, b.transactions, b.base, 1000*b.calls, b.rounds),
	}, nil
}

func commitOf() string {
	head, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	commit := strings.TrimSpace(string(head))
	if changed, err := exec.Command("git", "status", "--porcelain").Output(); err != nil || len(changed) > 0 {
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

// notes says what is compared with what.
const notes = `Each measure ran in alternation with its limit in this one run. Values are the median and, in brackets, the range over
the rounds. Compare ratios, not absolute numbers. In rows with times a ratio below 1 means faster than the limit; in rows with rows/s, above 1.
Goals are those of the study that the design rests on (perf.md).

- **Scheduled run**: from the first step of planning until the last shard is stored, through Redis, the worker in this process.
  Limit: one SQL statement that reads the same tables and writes the same rows (run, feed entries, evaluations) into the same tables,
  with 64 MB of work_mem. It knows the insight's settings beforehand and writes account ids as plain text; everything else it
  stores was compared with ours and is equal. Tables are emptied before each. A shard has up to %d consumers.
- **Nothing to do**: planning again after a run, over all consumers or as the planner does each minute. Limit: the first run.
- **CreateTransactions**: a thousand rows of one account a call, with checks, categories, matching of transfers, idempotent by external
  id, monthly totals kept by triggers. **ImportTransactions**: 10,000 rows a call, 250 for each account, in the order of time.
  Limit: COPY of such rows, 5,000 at a time, by as many clients. "Indexed": a copy of the table with all its
  indexes and checks and the same rows in it, without triggers and foreign keys. "Bare": no index, key or check.
  A checkpoint comes before each, so that each pays for full page images alike.
- **Delivered again**: the same calls once more, where each row is known. Limit: the first delivery (times).
- **On demand**: from asking for a run of one consumer until its outcome can be read, on an idle server; p50 and p95 of %d.
`

// report prints the table and writes it to a file.
func (b *bench) report(facts []string, took time.Duration) error {
	var text strings.Builder
	text.WriteString("# Measured beside the limits\n\nWritten by `make bench`. Do not edit.\n\n")
	for _, f := range facts {
		fmt.Fprintf(&text, "- %s\n", f)
	}
	fmt.Fprintf(&text, "- Took %.0f s; load average at the end %s\n\n", took.Seconds(), load())
	fmt.Fprintln(&text, "| measure | ours | limit | ratio | perf.md's goal |")
	fmt.Fprintln(&text, "|---|---|---|---|---|")
	for _, r := range b.results {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(r.cells(), " | "))
	}
	fmt.Fprintf(&text, "\n"+notes, store.ShardSize, b.triggers)
	fmt.Print(text.String())
	if b.out == "" {
		return nil
	}
	return os.WriteFile(b.out, []byte(text.String()), 0o644)
}
