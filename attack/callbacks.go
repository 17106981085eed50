package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"
)

// inside are addresses that lead, or that some reader could take to lead, where callbacks must not go. PORT is that of a
// server here that counts who comes.
var inside = strings.Fields(`
	https://127.0.0.1:PORT/ https://127.1:PORT/ https://127.0.1:PORT/ https://0.0.0.0:PORT/ https://0:PORT/ https://2130706433:PORT/
	https://0x7f000001:PORT/ https://0x7f.0.0.1:PORT/ https://0177.0.0.1:PORT/ https://017700000001:PORT/ https://127.0.0.1.:PORT/
	https://localhost:PORT/ https://LOCALHOST.:PORT/ https://x.localhost:PORT/ https://ip6-localhost:PORT/ https://redis:6379/
	https://[::1]:PORT/ https://[::]:PORT/ https://[0:0:0:0:0:0:0:1]:PORT/ https://[::ffff:127.0.0.1]:PORT/ https://[::ffff:7f00:1]:PORT/ https://[::127.0.0.1]:PORT/
	https://[64:ff9b::127.0.0.1]:PORT/ https://[64:ff9b::a9fe:a9fe]/ https://[2002:7f00:1::]:PORT/ https://[fe80::1%25lo]:PORT/ https://[fe80::1]/ https://[fc00::1]/ https://[fd00:ec2::254]/
	https://[ff02::1]/ https://[2001:db8::1]/ https://[2001::1]/ https://10.0.0.1/ https://172.16.0.1/ https://192.168.1.1/ https://100.64.0.1/ https://169.254.169.254/latest/meta-data/ https://169.254.170.2/
	https://[::ffff:169.254.169.254]/ https://192.0.0.192/ https://168.63.129.16/ https://100.100.100.200/ https://198.18.0.1/ https://224.0.0.1/ https://255.255.255.255/ https://0.0.0.1/
	http://example.com/ http://127.0.0.1:PORT/ ftp://example.com/ file:///etc/passwd gopher://127.0.0.1:PORT/_x dict://127.0.0.1:PORT/ ldap://127.0.0.1:PORT/ javascript:alert(1) data:text/plain,x //example.com/ /hook unix:///var/run/docker.sock
	https://user:password@example.com/ https://example.com@127.0.0.1:PORT/ https://127.0.0.1:PORT#@example.com/ https://example.com#x https://127.0.0.1:PORT\@example.com/ https://example.com\@127.0.0.1:PORT/
	https://example.com:0/ https://example.com:65536/ https://example.com:-1/ https://example.com:/ https://example.com:22x/ https:///hook https:example.com https://example..com/ https://exa%6dple.com/ https://127%2e0%2e0%2e1/
	https://①②⑦.⓪.⓪.①/ https://１２７.0.0.1/ https://127。0。0。1/ https://loc%61lhost:PORT/ https://ⓛocalhost/ https://a_b/ https://1.2.3/ https://1.2.3.4.5/ https://0x1.2.3.4/`)

// odd are addresses with characters that stand between others in a request.
var odd = []string{"https://example.com/\r\nX-Injected: 1", "https://example.com\x00.internal/", "https://example.com/ HTTP/1.1\r\nHost: x", " https://127.0.0.1/", "https://exam\tple.com/", "https://example.com/" + times("x", 3000), ""}

// callbacks are addresses that would make the server call what only it can reach: when they are told, when they are sent to
// although they were told in another way, and when the receiver leads elsewhere.
func (a *attack) callbacks(ctx context.Context) error {
	var came atomic.Int64
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer trap.Close()
	go func() {
		for {
			conn, err := trap.Accept()
			if err != nil {
				return
			}
			came.Add(1)
			conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(trap.Addr().String())
	addresses := append([]string{}, odd...)
	for _, one := range inside {
		addresses = append(addresses, strings.ReplaceAll(one, "PORT", port))
	}
	for _, address := range addresses {
		for name, in := range map[string]object{
			"synchronizeAccounts(input:$i){dataSources{id}}": {"consumerId": a.ids["consumer"], "callbackUrl": address},
			"createReport(input:$i){report{id}}":             {"consumerId": a.ids["consumer"], "type": "SPENDING", "callbackUrl": address},
		} {
			field, _, _ := strings.Cut(name, "(")
			input := strings.ToUpper(field[:1]) + field[1:] + "Input!"
			got, err := a.intruder.ask("mutation($i:"+input+"){"+name+"}", object{"i": in})
			if err != nil {
				return err
			}
			a.check(got.codes() != "" && !strings.Contains(got.codes(), "INTERNAL") && len(got.Errors) == 1 && got.Errors[0].Extensions.Field == "callbackUrl", "%s takes callbackUrl %q: %.300s", field, address, got.body)
		}
	}
	// An address that was allowed once is looked at again when it is called. No name leads anywhere here, so the first try
	// ends with that.
	d, err := a.intruder.delivery(ctx, "https://hooks.example/")
	if err != nil {
		return err
	}
	for _, address := range addresses {
		if strings.ContainsRune(address, 0) { // no text in a database
			continue
		}
		problem, err := d.again(ctx, address)
		if err != nil {
			return err
		}
		a.check(problem == "address not allowed", "a callback to %q: %s", address, problem)
	}
	a.check(came.Load() == 0, "%d connections came to a server of this machine", came.Load())
	if err := a.redirects(ctx, port); err != nil {
		return err
	}
	a.check(came.Load() == 0, "%d connections came by a redirect", came.Load())
	return nil
}

// redirects: a receiver that is allowed leads to one that was not told, in every way that HTTP knows. For that the open
// server sends, which may call this machine.
func (a *attack) redirects(ctx context.Context, port string) error {
	var code atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere := "http://127.0.0.1:" + port + "/"
		w.Header().Set("Location", elsewhere)
		w.Header().Set("Refresh", "0; url="+elsewhere)
		w.Header().Set("Link", "<"+elsewhere+">; rel=preload")
		w.Header().Set("Alt-Svc", `h2="127.0.0.1:`+port+`"`)
		w.WriteHeader(int(code.Load()))
	}))
	defer receiver.Close()
	code.Store(301)
	d, err := a.opener.delivery(ctx, receiver.URL)
	if err != nil {
		return err
	}
	for _, status := range []int64{302, 303, 307, 308, 300, 305, 401, 407, 200} {
		code.Store(status)
		problem, err := d.again(ctx, receiver.URL)
		if err != nil {
			return err
		}
		want := map[bool]string{true: "redirect", false: "status"}[status < 400]
		if status == 200 {
			want = "taken"
		}
		a.check(problem == want, "a receiver that answers %d: %s", status, problem)
	}
	return nil
}

// delivery is a callback that was tried.
type delivery struct {
	customer
	ID       string
	URL      string
	Attempts []struct{ Number int }
}

// delivery lets a report be told to an address, and waits for the first try.
func (c customer) delivery(ctx context.Context, to string) (delivery, error) {
	var consumer struct{ Consumer struct{ ID string } }
	if err := c.do(&consumer, `{consumer(externalId:"own-person"){id}}`, nil); err != nil {
		return delivery{}, err
	}
	var report any
	if err := c.do(&report, `mutation($i:CreateReportInput!){createReport(input:$i){report{id}}}`, object{"consumerId": consumer.Consumer.ID, "type": "SPENDING", "callbackUrl": to}); err != nil {
		return delivery{}, err
	}
	var d delivery
	return d, c.house.until(ctx, "a try of the callback to "+to, func() (bool, error) {
		var seen struct{ Deliveries struct{ Nodes []delivery } }
		err := c.do(&seen, `{deliveries(first:1){nodes{id url attempts{number}}}}`, nil)
		if n := seen.Deliveries.Nodes; len(n) == 1 && n[0].URL == to && len(n[0].Attempts) > 0 {
			d = n[0]
			d.customer = c
			return true, nil
		}
		return false, err
	})
}

// again has the callback sent again, to another address that is put into the database, and tells what became of it. In
// between it is not tried by itself.
func (d *delivery) again(ctx context.Context, to string) (problem string, err error) {
	err = d.house.until(ctx, "the end of a try", func() (bool, error) {
		done, err := d.server.admin.Exec(ctx, `UPDATE deliveries SET url = $1, run_after = now() + interval '1 day' WHERE lease_until IS NULL`, to)
		return done.RowsAffected() > 0, err
	})
	if err != nil {
		return "", err
	}
	var before, now int
	const last = `SELECT number, coalesce(problem, 'taken') FROM delivery_attempts ORDER BY number DESC LIMIT 1`
	if err := d.server.admin.QueryRow(ctx, last).Scan(&before, &problem); err != nil {
		return "", err
	}
	var sent any
	if err := d.do(&sent, `mutation($i:RedeliverInput!){redeliver(input:$i){delivery{id}}}`, object{"deliveryId": d.ID}); err != nil {
		return "", err
	}
	return problem, d.house.until(ctx, "another try of a callback", func() (bool, error) {
		err := d.server.admin.QueryRow(ctx, last).Scan(&now, &problem)
		return now > before, err
	})
}

// until waits for a state.
func (a *attack) until(ctx context.Context, what string, reached func() (bool, error)) error {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		if ok, err := reached(); ok || err != nil {
			return err
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("waited in vain for %s", what)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
