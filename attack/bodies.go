package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// endless reads the same again and again.
type endless string

func (e endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

const hello = `{"query":"{viewer{role}}"}`

// bodies are hostile requests below GraphQL: too long, compressed, broken, and such that two readers understand differently.
func (a *attack) bodies(context.Context) error {
	iban := a.secret("an account number of a broken request", "DE02500105170137075030")
	bomb := &bytes.Buffer{}
	z := gzip.NewWriter(bomb)
	_, _ = io.CopyN(z, endless("{\"query\":"), 256<<20)
	_ = z.Close()
	header := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Set(pairs[i], pairs[i+1])
			}
		}
	}
	chunked := func(r *http.Request) { r.ContentLength = -1 }
	for _, one := range []struct {
		name   string
		body   io.Reader
		change func(*http.Request)
		status int
	}{
		{"D9 broken JSON", strings.NewReader(`{"query":"` + iban), nil, 400},
		{"D9 JSON of another kind", strings.NewReader(`["` + iban + `"]`), nil, 400},
		{"D9 1 MB of broken JSON", strings.NewReader(`{"` + times(iban, 45_000)), nil, 400},
		{"no UTF-8", strings.NewReader("{\"query\":\"{viewer{role}} #\xff\xfe\"}"), nil, 200},
		{"NUL", strings.NewReader("{\"query\":\"{viewer{role}}\x00\"}"), nil, 400},
		{"half a surrogate", strings.NewReader(`{"query":"{viewer{role}} #\ud800"}`), nil, 200},
		{"names twice", strings.NewReader(`{"query":"{nothing}","query":"{viewer{role}}"}`), nil, 200},
		{"deep JSON", strings.NewReader(`{"query":"{viewer{role}}","variables":{"a":` + times("[", 100_000)), nil, 413},
		{"deep JSON that ends", strings.NewReader(`{"query":"{viewer{role}}","variables":{"a":` + times("[", 9_000) + times("]", 9_000) + `}}`), nil, 200},
		{"a number without end", strings.NewReader(`{"query":"query($a:Int){viewer{role}}","variables":{"a":` + times("9", 1<<20) + `}}`), nil, 200},
		{"a great exponent", strings.NewReader(`{"query":"query($a:Decimal){transactions(filter:{minAmount:$a}){totalCount}}","variables":{"a":1e999999999}}`), nil, 200},
		{"a byte too much", io.LimitReader(io.MultiReader(strings.NewReader(`{"query":"`), endless("x")), 2<<20+1), nil, 413},
		{"a byte too much, chunked", io.LimitReader(io.MultiReader(strings.NewReader(`{"query":"`), endless("x")), 2<<20+1), chunked, 413},
		{"a document of 64 KiB and a byte", strings.NewReader(`{"query":"{viewer{role}}` + times(" ", 64<<10) + `"}`), chunked, 413},
		{"gzip", bytes.NewReader(bomb.Bytes()), header("Content-Encoding", "gzip"), 415},
		{"gzip, not told", bytes.NewReader(bomb.Bytes()), nil, 400},
		{"deflate", bytes.NewReader(bomb.Bytes()), header("Content-Encoding", "deflate, gzip"), 415},
		{"identity", strings.NewReader(hello), header("Content-Encoding", "identity"), 415},
		{"D15 10,000 bytes of a header", strings.NewReader(hello), header("X-Long", times("x", 10_000)), 200},
		{"a long token", strings.NewReader(hello), header("Authorization", "Bearer "+times("x", 10_000)), 401},
		{"D15 headers of 60 KB", strings.NewReader(hello), header("X-Long", times("x", 60_000)), 431},
		{"many media types", strings.NewReader(hello), header("Accept", times("application/json;q=0.1,", 900)), 200},
		{"a long request id", strings.NewReader(hello), header("X-Request-Id", times("x", 5000)), 200},
		{"a request id with markup", strings.NewReader(hello), header("X-Request-Id", `"><script>`+iban), 200},
	} {
		got, err := a.intruder.post(one.body, one.change)
		if err != nil && strings.HasPrefix(one.name, "a byte") { // the server has closed before all was sent
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		a.check(got.status == one.status, "%s: status %d, want %d: %.200s", one.name, got.status, one.status, got.body)
		a.check(len(got.header.Get("X-Request-Id")) <= 64 && !strings.Contains(got.header.Get("X-Request-Id"), "<"), "%s: X-Request-Id is %.100s", one.name, got.header.Get("X-Request-Id"))
	}
	return a.raw()
}

// raw are requests that no library sends: each is answered once, with one status, or the connection is closed.
func (a *attack) raw() error {
	post := "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer " + a.intruder.token + "\r\n"
	smuggled := "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for _, one := range []struct {
		name, text string
		statuses   []string // of all answers on the connection
	}{
		{"a length and chunks, of which only the chunks count", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, []string{"400 200"}},
		{"two lengths", post + "Content-Length: 26\r\nContent-Length: 0\r\n\r\n" + hello + smuggled, []string{"400"}},
		{"a length with a sign", post + "Content-Length: +26\r\n\r\n" + hello + smuggled, []string{"400"}},
		{"a length below zero", post + "Content-Length: -1\r\n\r\n" + hello, []string{"400"}},
		{"a length of 3 GB", post + "Content-Length: 3000000000\r\nConnection: close\r\n\r\n" + hello, []string{"413"}},
		{"a length beyond numbers", post + "Content-Length: 99999999999999999999\r\n\r\n" + hello, []string{"400"}},
		{"chunks twice", post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + smuggled, []string{"501"}},
		{"chunks written oddly", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled, []string{"400"}},
		{"a chunk of a size beyond numbers", post + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nfffffffffffffffffff\r\n", []string{"400"}},
		{"a chunk with a long extension", post + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1;" + times("x", 100_000) + "\r\n{\r\n0\r\n\r\n", []string{"400"}},
		{"a folded header", "POST /graphql HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", []string{"415"}},
		{"a header without a name", post + ": x\r\n\r\n", []string{"400"}},
		{"NUL in a header", post + "X-A: \x00\r\n\r\n", []string{"400"}},
		{"no host", "POST /graphql HTTP/1.1\r\n\r\n", []string{"400"}},
		{"two hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", []string{"400"}},
		{"two tokens", post + "Authorization: Bearer x\r\nContent-Length: 26\r\nConnection: close\r\n\r\n" + hello, []string{"401"}},
		{"no HTTP", "hello\r\n\r\n", []string{"400"}},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", []string{"400"}},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []string{"400"}},
		{"HTTP/0.9", "GET /\r\n\r\n", []string{"400"}},
		{"a path upwards", "GET /connect/assets/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", []string{"404", "400"}},
		{"an address as path", "GET http://169.254.169.254/latest HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n\r\n", []string{"404"}},
		{"a tunnel", "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\nConnection: close\r\n\r\n", []string{"404", "405"}},
		{"TRACE", "TRACE /graphql HTTP/1.1\r\nHost: x\r\nX-Secret: mine\r\nConnection: close\r\n\r\n", []string{"405"}},
		{"a thousand headers", "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + numbered(1000, "X-%: y\r\n") + "\r\n", []string{"200"}},
		{"a hundred thousand headers", "GET /healthz HTTP/1.1\r\nHost: x\r\n" + times("X: y\r\n", 100_000) + "\r\n", []string{"431"}},
	} {
		conn, err := net.Dial("tcp", a.server.addr)
		if err != nil {
			return err
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		go func() { _, _ = io.WriteString(conn, one.text) }() // it may be answered before all is sent
		var statuses []string
		for in := bufio.NewReader(conn); ; {
			answer, err := http.ReadResponse(in, nil)
			if err != nil {
				break
			}
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			statuses = append(statuses, fmt.Sprint(answer.StatusCode))
			a.check(len(body) < 2000 && !strings.Contains(string(body), "mine"), "%s: %.300s", one.name, body)
			if answer.Close {
				break
			}
		}
		conn.Close()
		a.check(slices.Contains(one.statuses, strings.Join(statuses, " ")), "%s: answers %v, want %q", one.name, statuses, one.statuses)
	}
	return nil
}
