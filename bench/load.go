package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// loaded is what a load saw.
type loaded struct {
	Requests int
	Seconds  float64
	P50, P99 float64 // seconds
	Bytes    int     // of all bodies
}

func (l loaded) perSecond() float64 { return float64(l.Requests) / l.Seconds }

// request is a POST as it goes over the wire.
func request(path, token, body string) []byte {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: %d\r\n", path, len(body))
	if token != "" {
		head += "Authorization: Bearer " + token + "\r\n"
	}
	return []byte(head + "\r\n" + body)
}

// keepRequests writes requests for a client to read.
func keepRequests(path string, requests [][]byte) error {
	var all []byte
	for _, r := range requests {
		all = append(binary.LittleEndian.AppendUint32(all, uint32(len(r))), r...)
	}
	return os.WriteFile(path, all, 0o600)
}

// load sends requests from a file over so many connections for a time, from another process so that its work is not
// counted as ours; several addresses share the connections. The answers must be at least so large.
func (b *bench) load(ctx context.Context, addrs []string, file string, conns int, d time.Duration, smallest int) (l loaded, err error) {
	self, err := os.Executable()
	if err != nil {
		return l, err
	}
	cmd := exec.CommandContext(ctx, self, "load", "-addrs", strings.Join(addrs, ","), "-requests", file, "-conns", strconv.Itoa(conns), "-for", d.String(), "-smallest", strconv.Itoa(smallest))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return l, fmt.Errorf("load %s: %w", filepath.Base(file), err)
	}
	return l, json.Unmarshal(out, &l)
}

// loadCommand is the client.
func loadCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	addrs := flags.String("addrs", "", "")
	file := flags.String("requests", "", "")
	conns := flags.Int("conns", 1, "")
	d := flags.Duration("for", time.Second, "")
	smallest := flags.Int("smallest", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	content, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	var requests [][]byte
	for len(content) > 4 {
		n := binary.LittleEndian.Uint32(content)
		requests = append(requests, content[4:4+n])
		content = content[4+n:]
	}
	to := strings.Split(*addrs, ",")
	clients := make([]*client, *conns)
	for i := range clients {
		if clients[i], err = dial(to[i%len(to)]); err != nil {
			return err
		}
		clients[i].smallest = *smallest
	}
	begin := time.Now()
	errs := make([]error, *conns)
	var group sync.WaitGroup
	for i, c := range clients {
		group.Go(func() {
			for errs[i] == nil && ctx.Err() == nil && time.Since(begin) < *d {
				errs[i] = c.ask(requests[rand.IntN(len(requests))])
			}
		})
	}
	group.Wait()
	l := loaded{Seconds: time.Since(begin).Seconds()}
	var took series
	for _, c := range clients {
		took = append(took, c.took...)
		l.Bytes += c.bytes
	}
	slices.Sort(took)
	l.Requests, l.P50, l.P99 = len(took), took.at(0.5), took.at(0.99)
	return errors.Join(errors.Join(errs...), json.NewEncoder(os.Stdout).Encode(l))
}

// client is one connection that is kept. It does as little as it can: it costs the same processor as what is measured.
type client struct {
	conn     net.Conn
	in       *bufio.Reader
	took     series
	bytes    int
	smallest int    // body that is no mistake
	body     []byte // of the answer that is kept
}

func dial(addr string) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// ask sends a request and reads its answer. One answer in sixteen is looked into.
func (c *client) ask(request []byte) error {
	keep := len(c.took)%16 == 0
	begin := time.Now()
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	status, n, err := c.answer(keep)
	c.took.add(time.Since(begin))
	c.bytes += n
	switch {
	case err != nil:
		return err
	case status != 200:
		return fmt.Errorf("status %d: %.200s", status, c.body)
	case n < c.smallest:
		return fmt.Errorf("an answer of %d bytes is too small: %.200s", n, c.body)
	case keep && bytes.Contains(c.body, []byte(`"errors"`)):
		return fmt.Errorf("an answer with errors: %.300s", c.body)
	}
	return nil
}

// answer reads a response; its body only where it is to be kept.
func (c *client) answer(keep bool) (status, n int, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < 12 {
		return 0, 0, errors.New("no answer of HTTP")
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, err
	}
	keep = keep || status != 200
	length := -1
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return status, 0, err
		}
		if len(line) <= 2 {
			break
		}
		if len(line) > 15 && line[0]|0x20 == 'c' && bytes.EqualFold(line[:15], []byte("content-length:")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[15:]))); err != nil {
				return status, 0, err
			}
		}
	}
	c.body = c.body[:0]
	if length >= 0 {
		return status, length, c.take(length, keep)
	}
	for { // chunked
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return status, n, err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return status, n, err
		}
		if err := c.take(int(size), keep); err != nil {
			return status, n, err
		}
		if _, err := c.in.Discard(2); err != nil {
			return status, n, err
		}
		if n += int(size); size == 0 {
			return status, n, nil
		}
	}
}

func (c *client) take(n int, keep bool) error {
	if !keep {
		_, err := c.in.Discard(n)
		return err
	}
	at := len(c.body)
	c.body = slices.Grow(c.body, n)[:at+n]
	_, err := io.ReadFull(c.in, c.body[at:])
	return err
}

// post asks one question and returns the body of the answer.
func (c *client) post(request []byte) ([]byte, error) {
	c.took = c.took[:0] // so that this one is kept
	err := c.ask(request)
	return c.body, err
}
