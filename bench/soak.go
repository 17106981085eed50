package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"insightgraph/bank"
)

const soakTitle = "## A live server under mixed load"

// minute is what was seen in a part of the soak.
type minute struct {
	reads         series // seconds of each
	writes        int
	memory, inUse float64 // bytes of the process, and of them those in use by the program
	goroutines    float64
}

// soak keeps a live server under mixed load and tells whether memory and times stay as they are.
func (b *bench) soak(ctx context.Context, whole time.Duration) error {
	say("Soak: %v", whole)
	w, err := b.live(ctx, "bench_soak")
	if err != nil {
		return err
	}
	defer w.close()
	defer w.server.stop()
	consumers, err := w.some(ctx, 1000)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var now minute
	running, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	errs := make(chan error, 16)
	// each does something again and again with its own connection, with about so long between. Who comes seldom dials anew,
	// as the server does not wait for those who say nothing.
	each := func(between time.Duration, f func(c *client, n int) (write bool, err error)) {
		group.Go(func() {
			c, err := dial(w.server.addr)
			for n := 0; err == nil && pause(running, between/2+rand.N(between)) == nil; n++ {
				if between > time.Second {
					c.conn.Close()
					if c, err = dial(w.server.addr); err != nil {
						break
					}
				}
				var write bool
				write, err = f(c, n)
				mu.Lock()
				if write {
					now.writes++
				} else {
					now.reads = append(now.reads, c.took...)
				}
				mu.Unlock()
				c.took = c.took[:0]
			}
			if err != nil && running.Err() == nil {
				errs <- err
				stop()
			}
		})
	}
	month := bank.DateOf(time.Now(), time.UTC).AddMonths(-1)
	for _, reading := range []string{"screen", "screen", "screen", "feed", "list"} {
		each(30*time.Millisecond, func(c *client, _ int) (bool, error) {
			id := consumers[rand.IntN(len(consumers))].ID
			question := ourBody(reading, subject{consumer: id, month: month})
			if reading == "list" { // of the consumer: its accounts are not known here
				question = body(consumerList, map[string]any{"id": bank.Ref{Kind: bank.KindConsumer, ConsumerID: id, ID: id}})
			}
			_, err := c.post(request("/graphql", w.token, question))
			return false, err
		})
	}
	accounts, err := w.people(ctx, w.customerID, fmt.Sprintf("soak%d", time.Now().Unix()), 100)
	if err != nil {
		return err
	}
	each(500*time.Millisecond, func(c *client, n int) (bool, error) { // the same accounts get new rows, and old ones again
		a := accounts[n%len(accounts)]
		a.externalID += fmt.Sprintf("-%d", n/len(accounts)/2)
		answer, err := c.post(w.createRequest(a, 100))
		if err == nil && !bytes.Contains(answer, []byte(`"createdCount"`)) {
			err = fmt.Errorf("no rows were stored: %.200s", answer)
		}
		return true, err
	})
	each(2*time.Second, func(c *client, _ int) (bool, error) {
		_, err := w.trigger(running, c, consumers[rand.IntN(len(consumers))])
		if running.Err() != nil {
			err = nil
		}
		return true, err
	})
	base := int(time.Now().Unix() % 1_000_000 * 1000)
	each(20*time.Second, func(c *client, n int) (bool, error) {
		answer, err := c.post(w.upload(camt(fmt.Sprintf("%010d", base+n), 2000)))
		if err == nil && !bytes.Contains(answer, []byte(`"createdCount":2000`)) {
			err = fmt.Errorf("a file was not stored: %.200s", answer)
		}
		return true, err
	})

	every := min(time.Minute, whole/12)
	var minutes []minute
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for begin := time.Now(); time.Since(begin) < whole-every/2 && running.Err() == nil; {
		select {
		case <-running.Done():
		case <-ticker.C:
			mu.Lock()
			m := now
			now = minute{}
			mu.Unlock()
			m.memory = memory(w.server.pid())
			if m.goroutines, m.inUse, err = metrics(w.server.addr); err != nil {
				errs <- err
				stop()
			}
			minutes = append(minutes, m)
			say("  %d: %d reads, p50 %.1f ms, p99 %.1f ms, %d writes, %.0f MiB, %.0f goroutines", len(minutes), len(m.reads), m.reads.median()*1000, m.reads.at(0.99)*1000,
				m.writes, m.memory/(1<<20), m.goroutines)
		}
	}
	stop()
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return b.keepSoak(minutes, every)
}

const consumerList = `query($id: ID!) { transactions(filter: {consumerIds: [$id]}, first: 100) { ` + longRow + ` } }`

// upload is a request that imports a statement file for a new consumer.
func (w *wireBench) upload(file string) []byte {
	const edge = "edge-of-a-part"
	var b strings.Builder
	part := func(name, content string) {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"", edge, name)
		if name == "0" {
			b.WriteString(`; filename="statement.xml"`)
		}
		b.WriteString("\r\n\r\n" + content + "\r\n")
	}
	part("operations", body(`mutation($input: ImportStatementInput!) { importStatement(input: $input) { createdCount } }`, map[string]any{"input": map[string]any{"file": nil}}))
	part("map", `{"0":["variables.input.file"]}`)
	part("0", file)
	b.WriteString("--" + edge + "--\r\n")
	return []byte(fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=%s\r\nGraphQL-Require-Preflight: 1\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n",
		edge, w.token, b.Len()) + b.String())
}

var measures = regexp.MustCompile(`(?m)^(go_goroutines|go_memstats_heap_inuse_bytes) (\S+)$`)

// metrics reads what the server tells of itself.
func metrics(addr string) (goroutines, inUse float64, err error) {
	answer, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(answer.Body); err != nil {
		return 0, 0, err
	}
	found := measures.FindAllStringSubmatch(text.String(), -1)
	if len(found) != 2 {
		return 0, 0, errors.New("the server's metrics are not there")
	}
	for _, m := range found {
		v, _ := strconv.ParseFloat(m[2], 64)
		if m[1] == "go_goroutines" {
			goroutines = v
		} else {
			inUse = v
		}
	}
	return goroutines, inUse, nil
}

// grown is how much the last third is above the second; the first one warms.
func grown(minutes []minute, of func(minute) float64) float64 {
	third := len(minutes) / 3
	median := func(some []minute) float64 {
		var s series
		for _, m := range some {
			s = append(s, of(m))
		}
		return s.median()
	}
	return median(minutes[len(minutes)-third:]) / median(minutes[third:len(minutes)-third])
}

// sixths are the minutes of an hour, ten of them together: what was done is added up, and the server is as it was at the end.
func sixths(minutes []minute) (parts []minute, each int) {
	each = (len(minutes) + 5) / 6
	for part := range slices.Chunk(minutes, each) {
		sum := part[len(part)-1]
		sum.reads, sum.writes = nil, 0
		for _, m := range part {
			sum.reads, sum.writes = append(sum.reads, m.reads...), sum.writes+m.writes
		}
		parts = append(parts, sum)
	}
	return parts, each
}

// keepSoak writes the section of the soak.
func (b *bench) keepSoak(minutes []minute, every time.Duration) error {
	if len(minutes) < 3 {
		return errors.New("the soak was too short")
	}
	held := grown(minutes, func(m minute) float64 { return m.memory })
	slow := grown(minutes, func(m minute) float64 { return m.reads.at(0.99) })
	flat := func(ratio, most float64) string {
		if ratio <= most {
			return fmt.Sprintf("flat (x %.2f)", ratio)
		}
		return fmt.Sprintf("**not flat** (x %.2f)", ratio)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\nWritten by `make soak`, %v. ", soakTitle, time.Duration(len(minutes))*every)
	at := func(i int) string {
		return fmt.Sprintf("%.0f MiB and %.1f ms", minutes[i].memory/(1<<20), minutes[i].reads.at(0.99)*1000)
	}
	fmt.Fprintf(&text, "Memory %s, p99 of reading %s: the last third beside the middle one; flat is at most 1.10 and 1.25. At the start %s, in the middle %s, at the end %s.\n\n",
		flat(held, 1.10), flat(slow, 1.25), at(0), at(len(minutes)/2), at(len(minutes)-1))
	for _, f := range b.facts {
		fmt.Fprintf(&text, "- %s\n", f)
	}
	fmt.Fprintf(&text, "- One process (web and workers) with about 150 screens, feed pages and lists a second, 100 transactions twice a second, an insight on demand every two seconds "+
		"and a statement file of 2,000 entries every twenty\n\n| after | reads | p50 ms | p99 ms | writes | memory MiB | heap in use MiB | goroutines |\n|---|---|---|---|---|---|---|---|\n")
	parts, n := sixths(minutes)
	for i, m := range parts {
		fmt.Fprintf(&text, "| %v | %d | %.1f | %.1f | %d | %.0f | %.0f | %.0f |\n", time.Duration(min((i+1)*n, len(minutes)))*every, len(m.reads), m.reads.median()*1000, m.reads.at(0.99)*1000, m.writes,
			m.memory/(1<<20), m.inUse/(1<<20), m.goroutines)
	}
	fmt.Print(text.String())
	if b.out == "" {
		return nil
	}
	old, _ := os.ReadFile(b.out)
	before, _, _ := strings.Cut(string(old), "\n"+soakTitle)
	return os.WriteFile(b.out, []byte(strings.TrimRight(before, "\n")+"\n\n"+text.String()), 0o644)
}
