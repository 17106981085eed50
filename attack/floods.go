package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// floods are requests that are each allowed, and many: what they hold in memory together is what counts.
func (a *attack) floods(ctx context.Context) error {
	many, size := 64, 2<<20-100
	if a.quick {
		many = 8
	}
	fill := func(head, text, tail string) string {
		return head + times(text, (size-len(head)-len(tail))/len(text)) + tail
	}
	for name, body := range map[string]string{
		"empty objects":  fill(`{"query":"{viewer{role}}","variables":{"a":[{}`, `,{}`, `]}}`),
		"small objects":  fill(`{"query":"{viewer{role}}","variables":{"a":[{}`, `,{"":0}`, `]}}`),
		"empty lists":    fill(`{"query":"{viewer{role}}","variables":{"a":[[]`, `,[]`, `]}}`),
		"numbers":        fill(`{"query":"{viewer{role}}","variables":{"a":[0`, `,0`, `]}}`),
		"in extensions":  fill(`{"query":"{viewer{role}}","extensions":{"a":[{}`, `,{"":0}`, `]}}`),
		"in nothing":     fill(`{"query":"{viewer{role}}","x":[{}`, `,{"":0}`, `]}`),
		"names":          `{"query":"{viewer{role}}","variables":{` + strings.TrimSuffix(numbered(150_000, `"%":0,`), ",") + `}}`,
		"one long text":  fill(`{"query":"{viewer{role}}","variables":{"a":"`, "x", `"}}`),
		"escaped text":   fill(`{"query":"{viewer{role}}","variables":{"a":"`, `\u00e9`, `"}}`),
		"a long comment": fill(`{"query":"{viewer{role}}"`, " ", `}`),
	} {
		err := a.together(many, func(int) error {
			_, err := a.intruder.post(strings.NewReader(body), nil)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		a.log("%d x 2 MiB, %s: up to %d MiB by now", many, name, a.server.most.Load()>>20)
	}
	if err := a.stalled(ctx, 3*many); err != nil {
		return err
	}
	// Documents that are all different and as large as may be: those that were read once are kept for a while.
	documents := 400
	if a.quick {
		documents = 20
	}
	if err := a.together(8, func(worker int) error {
		for n := worker; n < documents; n += 8 {
			fields := times("id externalId description bookingDate baseType ", 150)
			if got, err := a.intruder.ask(fmt.Sprintf("query q%d{transactions(first:1){nodes{%s}}}%s", n, fields, "#"+times("x", 50_000)), nil); err != nil || got.Errors != nil {
				return fmt.Errorf("%d %.300s %w", got.status, got.body, err)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	a.log("%d large documents: up to %d MiB by now", documents, a.server.most.Load()>>20)
	// The dearest answers.
	dearest := `{` + numbered(18, `t%:transactions(first:100){nodes{id externalId description bookingDate}}`) + `}`
	if err := a.together(many, func(int) error {
		r, err := http.NewRequest("POST", a.server.url+"/graphql", bytes.NewReader(fmt.Appendf(nil, `{"query":%q}`, dearest)))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+a.intruder.token)
		answer, err := patient.Do(r) // it may be long
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		return err
	}); err != nil {
		return err
	}
	a.log("%d of the dearest answers: up to %d MiB by now", many, a.server.most.Load()>>20)
	// Strangers: guesses at tokens and at secrets.
	return a.together(many, func(worker int) error {
		for n := range 20 {
			if _, err := a.intruder.as(fmt.Sprintf("%043d", worker*1000+n)).post(strings.NewReader(hello), nil); err != nil {
				return err
			}
			r, _ := http.NewRequest("POST", a.server.url+"/auth/token", strings.NewReader(fmt.Sprintf("grant_type=client_credentials&client_id=%s&client_secret=%d", a.bank.ClientID, n)))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if got, err := a.send(r); err != nil || got.status != 401 {
				return fmt.Errorf("a guess at a secret: %d %w", got.status, err)
			}
		}
		return nil
	})
}

// together does something so many times at once.
func (a *attack) together(many int, do func(n int) error) error {
	errs := make(chan error, many)
	var group sync.WaitGroup
	for n := range many {
		group.Go(func() {
			if err := do(n); err != nil {
				errs <- err
			}
		})
	}
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// stalled are requests whose last bytes do not come: what has come waits in memory.
func (a *attack) stalled(ctx context.Context, many int) error {
	body := `{"query":"{viewer{role}} #` + times("x", 1_900_000)
	head := fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", a.intruder.token, len(body)+10)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range many {
		conn, err := net.Dial("tcp", a.server.addr)
		if err != nil {
			return err
		}
		conns = append(conns, conn)
		go func() { _, _ = io.WriteString(conn, head+body) }()
	}
	wait := 5 * time.Second
	if a.quick {
		wait = time.Second
	}
	if err := pause(ctx, wait); err != nil {
		return err
	}
	a.log("%d requests of 1.9 MB that stall: up to %d MiB by now", many, a.server.most.Load()>>20)
	// A large request of another customer is served meanwhile.
	got, err := a.healthy.post(strings.NewReader(`{"query":"{viewer{role}}","variables":{"a":"`+times("x", 1_000_000)+`"}}`), nil)
	a.check(err == nil && got.status == 200, "a large request beside stalled ones: %d %.200s %v", got.status, got.body, err)
	return err
}
