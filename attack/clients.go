package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// clients are slow ones, many at once: they send a byte now and then, or nothing, or do not read. While they do, others are
// served; the server gives each of them up by itself.
func (a *attack) clients(ctx context.Context) error {
	many := 500
	if a.quick {
		many = 40
	}
	head := "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	authorized := head + "Authorization: Bearer " + a.intruder.token + "\r\n"
	page := `{"query":"{transactions(first:100){nodes{id description amount{amount currency} bookingDate account{id name}}}}"}`
	stuck := "return=" + url.QueryEscape("http://x/connect/return") + "&decision=approve&login=stuck&password=stuck&code=123456"
	for _, one := range []struct {
		name, first string
		then        string // a byte of it each second
		reads       bool
	}{
		{"slow bodies", authorized + "Content-Length: 60000\r\n\r\n", times("x", 600), true},
		{"slow chunks", authorized + "Transfer-Encoding: chunked\r\n\r\n", times("1\r\nx\r\n", 100), true},
		{"slow bodies without a token", head + "Content-Length: 60000\r\n\r\n", times("x", 600), true},
		{"slow headers", "POST /graphql HTTP/1.1\r\nX-A: ", times("x", 600), true},
		{"half-open ones", "", "", true},
		{"slow logins", "POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9000\r\n\r\n", times("x", 600), true},
		{"logins that get stuck at the sandbox bank", fmt.Sprintf("POST /connect/sandbox/authorize HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(stuck), stuck), "", true},
		{"slow readers of a script", times("GET /connect/assets/page.js HTTP/1.1\r\nHost: x\r\n\r\n", 400), times("\n", 600), false},
		{"slow readers", times(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", authorized, len(page), page), 400), times("\n", 600), false},
	} {
		n := many
		if one.name == "slow readers" { // each answer costs the server something, before it is not read
			n = 20
		}
		if err := a.slow(ctx, one.name, one.first, one.then, one.reads, n); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return a.slowUploads(ctx)
}

// slow opens connections, and waits until the server has closed them all. In the quick part they go by themselves.
func (a *attack) slow(ctx context.Context, name, first, then string, reads bool, many int) error {
	conns := make([]*net.TCPConn, many)
	var closed atomic.Int64
	var group sync.WaitGroup
	defer group.Wait()
	running, stop := context.WithCancel(ctx)
	leave := func() {
		stop()
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}
	defer leave()
	for i := range conns {
		conn, err := net.Dial("tcp", a.server.addr)
		if err != nil {
			return err
		}
		conns[i] = conn.(*net.TCPConn)
		group.Go(func() {
			_, err := io.WriteString(conn, first)
			for n := 0; err == nil && n < len(then) && pause(running, time.Second) == nil; n++ {
				_, err = conn.Write([]byte{then[n]})
			}
			if err != nil && !reads {
				closed.Add(1)
			}
		})
		if !reads {
			_ = conns[i].SetReadBuffer(4096)
			continue
		}
		group.Go(func() {
			_, _ = io.Copy(io.Discard, conn)
			closed.Add(1)
		})
	}
	if a.quick {
		got, err := a.healthy.post(strings.NewReader(hello), nil)
		a.check(err == nil && got.status == 200, "beside %d %s: %d %v", many, name, got.status, err)
	} else {
		begin := time.Now()
		for int(closed.Load()) < many && time.Since(begin) < 2*time.Minute {
			if err := pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
		a.check(int(closed.Load()) >= many, "of %d %s the server has closed %d after %v", many, name, closed.Load(), time.Since(begin))
		a.log("%d %s: closed after %.0f s", many, name, time.Since(begin).Seconds())
	}
	return nil
}

// slowUploads take all the room for files that one customer can take, with its own token and with that of a consumer, who
// may not upload at all. Another customer has room all the same.
func (a *attack) slowUploads(ctx context.Context) error {
	consumer, err := a.intruder.signIn("own-person")
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	var done []io.Closer
	for i := range 12 {
		r, w := io.Pipe()
		done = append(done, w)
		c := a.intruder
		if i%2 == 0 {
			c = c.as(consumer)
		}
		group.Go(func() { _, _ = c.upload(a.form(r)) })
		group.Go(func() { _, _ = io.WriteString(w, "Date,Amount,Text\n2026-01-01,1.00,slow") })
	}
	defer group.Wait()
	defer func() {
		for _, w := range done {
			w.Close()
		}
	}()
	if err := pause(ctx, 500*time.Millisecond); err != nil { // so that they are there before
		return err
	}
	f := a.form(strings.NewReader("Date,Amount,Text\n2026-01-01,1.00,mine\n"))
	f.operations = strings.Replace(f.operations, a.ids["consumer"], a.ids["healthyconsumer"], 1)
	got, err := a.healthy.upload(f)
	a.check(err == nil && strings.Contains(got.body, `"createdCount":1`), "beside slow uploads of another customer: %d %.300s %v", got.status, got.body, err)
	return err
}
