package tasks

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/connect"
	"insightgraph/page"
	"insightgraph/store"
)

// A test binary that is told so is another process, which sends one callback.
func init() {
	if url := os.Getenv("INSIGHTGRAPH_TEST_SENDER"); url != "" {
		otherSender(url)
		os.Exit(0)
	}
}

// got is a request that a receiver got.
type got struct {
	*http.Request
	body string
}

// receiver is a customer's server. Its answers are what a test says.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []got
	answer   http.HandlerFunc // nil: 200
}

func newReceiver(t *testing.T, start func(http.Handler) *httptest.Server) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = start(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.requests = append(r.requests, got{q, string(body)})
		answer := r.answer
		r.mu.Unlock()
		if answer != nil {
			answer(w, q)
		}
	}))
	r.Config.ErrorLog = slog.NewLogLogger(silent.Handler(), slog.LevelDebug)
	t.Cleanup(func() {
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

func (r *receiver) answers(f http.HandlerFunc) { r.mu.Lock(); r.answer = f; r.mu.Unlock() }

func (r *receiver) says(code int, headers ...string) {
	r.answers(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	})
}

func (r *receiver) all() []got { r.mu.Lock(); defer r.mu.Unlock(); return slices.Clone(r.requests) }

// sending is a world with a consumer of whom callbacks tell.
type sending struct {
	*linking
	key      string
	consumer bank.Ref
	sender   *Sender
}

func newSending(t *testing.T, at time.Time) *sending {
	t.Helper()
	s := &sending{linking: newLinking(t, at.UTC().Format(time.RFC3339)), key: connect.NewKey()}
	var err error
	if s.keys, err = connect.ParseKeys(s.key); err != nil {
		t.Fatal(err)
	}
	c, err := s.CreateConsumer(t.Context(), store.NewConsumer{ExternalID: ptr("anna")})
	if err != nil {
		t.Fatal(err)
	}
	s.consumer = c.Ref()
	s.sender = s.newSender(s.store)
	return s
}

func (s *sending) newSender(on *store.Store) *Sender {
	return &Sender{Store: on, Keys: s.keys, AllowPrivate: true, Log: s.logger()}
}

// callback makes a callback to a URL. Neither it nor the handle may be in the log.
func (s *sending) callback(url string) callback.Delivery {
	s.t.Helper()
	n := store.NewSynchronization{Consumer: s.consumer, CallbackURL: &url, CallbackHandle: ptr(canary)}
	if _, _, err := s.Synchronize(s.t.Context(), n); err != nil {
		s.t.Fatal(err)
	}
	p, err := s.Deliveries(s.t.Context(), callback.Filter{}, page.Args{Size: 1})
	if err != nil {
		s.t.Fatal(err)
	}
	return p.Nodes[0]
}

func (s *sending) see(d callback.Delivery) callback.Delivery {
	s.t.Helper()
	d, err := s.Delivery(s.t.Context(), d.Ref())
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// do sends a callback here and gives its last try.
func (s *sending) do(d callback.Delivery) (done bool, last callback.Attempt) {
	s.t.Helper()
	done, err := s.sender.Do(s.t.Context(), d.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	tries := s.see(d).Tries
	if len(tries) == 0 {
		s.t.Fatal("it was not tried")
	}
	return done, tries[len(tries)-1]
}

// problem is what went wrong with a try.
func problem(a callback.Attempt) string {
	if a.Problem == nil {
		return ""
	}
	return *a.Problem
}

// secrets are the customer's live secrets, the newest first.
func (s *sending) secrets() (texts []string) {
	s.t.Helper()
	sealed, err := s.store.WebhookSecrets(s.t.Context(), s.id, func() []byte { panic("there is one") })
	if err != nil {
		s.t.Fatal(err)
	}
	for _, one := range sealed {
		text, err := s.keys.Open(one, callback.SecretPlace(s.id))
		if err != nil {
			s.t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// verify checks a request as a receiver does.
func (s *sending) verify(q got, secret string) error {
	s.t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		s.t.Fatal(err)
	}
	return w.VerifyIgnoringTimestamp([]byte(q.body), q.Header) // tests have their own time
}

func outcomesOf(t *testing.T, outcome string) float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "insightgraph_callbacks_total" && m.GetLabel()[0].GetValue() == outcome {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// TestCallback is the ordinary way: planner, queue, workers of two processes, a receiver that checks the time too and does
// not take it at first.
func TestCallback(t *testing.T) {
	flush(t)
	s := newSending(t, time.Now())
	r := newReceiver(t, httptest.NewTLSServer)
	var once sync.Once
	r.answers(func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { w.WriteHeader(http.StatusInternalServerError) })
	})
	client := redisClient(t)
	for range 2 {
		sender := s.newSender(s.open())
		sender.roots = x509.NewCertPool()
		sender.roots.AddCert(r.Certificate())
		server := sender.Server(client, 4)
		if err := server.Start(sender.Mux()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Shutdown)
	}
	d := s.callback(r.URL + "/hook?customer=" + canary)
	queue := NewQueue(client, s.store, silent)
	queue.Deliver(t.Context())
	planner := &Planner{Store: s.store, Queue: queue, Log: silent}
	for deadline := time.Now().Add(time.Minute); len(s.see(d).Tries) == 0; time.Sleep(10 * time.Millisecond) { // the first is checked against the real time
		if time.Now().After(deadline) {
			t.Fatal("it was never sent")
		}
	}
	s.eventually("the callback", func() bool {
		if err := planner.SweepOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.see(d).Status == callback.Delivered
	})
	all := r.all()
	if len(all) != 2 {
		t.Fatalf("%d requests", len(all))
	}
	for _, q := range all {
		if q.Method != "POST" || q.URL.RequestURI() != "/hook?customer="+canary || q.Header.Get("Content-Type") != "application/json" || q.Header.Get("User-Agent") != "Insightgraph" ||
			q.body != d.Body || q.ContentLength != int64(len(d.Body)) || q.Header.Get("webhook-id") != d.Ref().String() {
			t.Errorf("%s %s %v %s", q.Method, q.URL, q.Header, q.body)
		}
		if err := s.verify(q, s.secrets()[0]); err != nil {
			t.Error(err)
		}
		if s.verify(q, callback.NewSecret()) == nil {
			t.Error("any secret verifies")
		}
	}
	w, err := standardwebhooks.NewWebhook(s.secrets()[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Verify([]byte(all[0].body), all[0].Header); err != nil {
		t.Error(err)
	}
	if tries := s.see(d).Tries; len(tries) != 2 || *tries[0].StatusCode != 500 || problem(tries[0]) != callback.NotTaken || *tries[1].StatusCode != 200 || problem(tries[1]) != "" {
		t.Errorf("%+v", tries)
	}
	if text := s.log.String(); !strings.Contains(text, "a callback was not taken") {
		t.Errorf("the log: %s", text)
	}
}

// TestCallbackAgain: the whole schedule, to the end.
func TestCallbackAgain(t *testing.T) {
	s := newSending(t, moment("2026-03-05T12:00:00Z"))
	r := newReceiver(t, httptest.NewServer)
	r.says(http.StatusBadGateway)
	d := s.callback(r.URL)
	again, failed := outcomesOf(t, "AGAIN"), outcomesOf(t, "FAILED")
	n := 1
	for ; ; n++ {
		wait, more := callback.Backoff(n)
		if done, last := s.do(d); done == more || last.Number != n || problem(last) != callback.NotTaken || *last.StatusCode != 502 || !last.At.Equal(s.clock.now()) {
			t.Fatalf("try %d: %v, %+v", n, done, last)
		}
		if !more {
			break
		}
		s.clock.add(wait - time.Millisecond)
		if done, err := s.sender.Do(t.Context(), d.ID); done || err != nil || len(r.all()) != n {
			t.Fatalf("try %d was too early", n+1)
		}
		s.clock.add(time.Millisecond)
	}
	if got := s.see(d); got.Status != callback.Failed || got.FinishedAt == nil || len(got.Tries) != 10 {
		t.Errorf("%+v", got)
	}
	if a, f := outcomesOf(t, "AGAIN")-again, outcomesOf(t, "FAILED")-failed; a != 9 || f != 1 {
		t.Errorf("metrics: %v again, %v failed", a, f)
	}
	at := moment("2026-03-05T12:00:00Z")
	for i, q := range r.all() {
		if q.Header.Get("webhook-id") != d.Ref().String() || q.body != d.Body || q.Header.Get("webhook-timestamp") != strconv.FormatInt(at.Unix(), 10) {
			t.Errorf("try %d: %v", i+1, q.Header)
		}
		if err := s.verify(q, s.secrets()[0]); err != nil {
			t.Errorf("try %d: %v", i+1, err)
		}
		wait, _ := callback.Backoff(i + 1)
		at = at.Add(wait)
	}
	// Once more by hand.
	r.says(http.StatusAccepted)
	if _, err := s.Redeliver(t.Context(), d.Ref()); err != nil {
		t.Fatal(err)
	}
	if done, last := s.do(d); !done || last.Number != 11 || s.see(d).Status != callback.Delivered {
		t.Errorf("%v, %+v", done, last)
	}
}

// TestCallbackAnswers: what receivers say, and when they are asked again.
func TestCallbackAnswers(t *testing.T) {
	s := newSending(t, moment("2026-03-05T12:00:00Z"))
	r := newReceiver(t, httptest.NewServer)
	elsewhere := newReceiver(t, httptest.NewServer)
	for _, one := range []struct {
		code    int
		headers []string
		problem string
		wait    time.Duration // 0: over
	}{
		{code: 200}, {code: 201}, {code: 204},
		{code: 410, problem: callback.NotTaken},
		{301, []string{"Location", elsewhere.URL}, callback.Redirected, 5 * time.Second},
		{307, []string{"Location", elsewhere.URL}, callback.Redirected, 5 * time.Second},
		{304, nil, callback.Redirected, 5 * time.Second},
		{400, nil, callback.NotTaken, 5 * time.Second},
		{404, []string{"Retry-After", "100"}, callback.NotTaken, 5 * time.Second},
		{429, []string{"Retry-After", "100"}, callback.NotTaken, 100 * time.Second},
		{503, []string{"Retry-After", "Thu, 05 Mar 2026 12:30:00 GMT"}, callback.NotTaken, 30 * time.Minute},
		{503, []string{"Retry-After", "Thu, 05 Mar 2020 12:30:00 GMT"}, callback.NotTaken, 5 * time.Second},
		{503, []string{"Retry-After", "1"}, callback.NotTaken, 5 * time.Second},
		{503, []string{"Retry-After", "999999999"}, callback.NotTaken, 24 * time.Hour},
		{503, []string{"Retry-After", "99999999999999999999"}, callback.NotTaken, 5 * time.Second},
		{503, []string{"Retry-After", "-5"}, callback.NotTaken, 5 * time.Second},
		{503, []string{"Retry-After", "soon"}, callback.NotTaken, 5 * time.Second},
	} {
		r.says(one.code, one.headers...)
		d := s.callback(r.URL)
		done, last := s.do(d)
		if done != (one.wait == 0) || problem(last) != one.problem || last.StatusCode == nil || *last.StatusCode != one.code {
			t.Errorf("%d %v: %v, %+v", one.code, one.headers, done, last)
		}
		if one.wait == 0 {
			continue
		}
		before := len(r.all())
		at := s.clock.now()
		s.clock.add(one.wait - time.Second)
		s.sender.Do(t.Context(), d.ID)
		if len(r.all()) != before {
			t.Errorf("%d %v: asked too early", one.code, one.headers)
		}
		s.clock.add(time.Second)
		r.says(200)
		if done, _ := s.do(d); !done {
			t.Errorf("%d %v: not asked again", one.code, one.headers)
		}
		s.clock.set(at)
	}
	if n := len(elsewhere.all()); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// TestCallbackTrouble: what can go wrong before there is an answer.
func TestCallbackTrouble(t *testing.T) {
	s := newSending(t, moment("2026-03-05T12:00:00Z"))
	plain, secure := newReceiver(t, httptest.NewServer), newReceiver(t, httptest.NewTLSServer)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + closed.Addr().String()
	closed.Close()
	silentHost, err := net.Listen("tcp", "127.0.0.1:0") // its connections wait for ever
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silentHost.Close() })
	broken := newReceiver(t, httptest.NewServer)
	broken.answers(func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	slow := newReceiver(t, httptest.NewServer)
	slow.answers(func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() })
	long := newReceiver(t, httptest.NewServer)
	long.says(200, "X-Long", strings.Repeat("x", 200<<10))
	for name, one := range map[string]struct{ url, problem string }{
		"nobody listens":        {gone, callback.NoListener},
		"breaks off":            {broken.URL, callback.Broken},
		"slow":                  {slow.URL, callback.TooSlow},
		"says nothing":          {"http://" + silentHost.Addr().String(), callback.TooSlow},
		"says nothing, TLS":     {"https://" + silentHost.Addr().String(), callback.TooSlow},
		"a certificate of none": {secure.URL, callback.BadTLS},
		"no TLS":                {"https://" + strings.TrimPrefix(plain.URL, "http://"), callback.BadTLS},
		"headers without end":   {long.URL, callback.Broken},
		"a link-local address":  {"http://169.254.169.254/latest/meta-data/", callback.Refused},
	} {
		d := s.callback(one.url)
		s.sender.Timeout = time.Minute
		if one.problem == callback.TooSlow { // that much is enough for nothing
			s.sender.Timeout = 300 * time.Millisecond
		}
		if done, last := s.do(d); done || problem(last) != one.problem || last.StatusCode != nil {
			t.Errorf("%s: %v, %v, %v", name, done, problem(last), last.StatusCode)
		}
	}
	// An answer without an end is an answer.
	s.sender.Timeout = time.Minute
	endless := newReceiver(t, httptest.NewServer)
	left := make(chan bool, 1)
	endless.answers(func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 256 {
			if _, err := w.Write(chunk); err != nil {
				left <- true
				return
			}
		}
		left <- false
	})
	if done, last := s.do(s.callback(endless.URL)); !done || problem(last) != "" {
		t.Errorf("%v, %+v", done, last)
	}
	if !<-left {
		t.Error("an endless answer was read to its end")
	}
}

// TestCallbackPrivate: without being told so, nothing goes to private addresses, whatever name leads there.
func TestCallbackPrivate(t *testing.T) {
	r := newReceiver(t, httptest.NewTLSServer) // its certificate is for example.com and 127.0.0.1
	_, port, err := net.SplitHostPort(r.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dns := newDNS(t)
	s := newSending(t, moment("2026-03-05T12:00:00Z"))
	strict := func() *Sender {
		sender := s.newSender(s.store)
		sender.AllowPrivate = false
		sender.roots = x509.NewCertPool()
		sender.roots.AddCert(r.Certificate())
		return sender
	}
	for _, host := range []string{"127.0.0.1", "localhost", "localhost.", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "example.com", "example.com."} {
		s.sender = strict()
		d := s.callback("https://" + host + ":" + port)
		if done, last := s.do(d); done || problem(last) != callback.Refused {
			t.Errorf("%s: %v, %q", host, done, problem(last))
		}
	}
	if dns.asked() == 0 {
		t.Error("no name was looked up")
	}
	// The client itself, without what is said of the text of an address.
	sender := strict()
	sender.connect()
	for _, url := range []string{"https://localhost:" + port, "https://localhost.:" + port, r.URL} {
		if answer, err := sender.client.Get(url); err == nil {
			answer.Body.Close()
			t.Errorf("%s was called", url)
		} else if got := problemOf(err); got != callback.Refused {
			t.Errorf("%s: %s", url, got)
		}
	}
	if n := len(r.all()); n != 0 {
		t.Fatalf("%d requests", n)
	}
	// Where it is allowed, the same goes through.
	s.sender = strict()
	s.sender.AllowPrivate = true
	if done, last := s.do(s.callback("https://example.com:" + port)); !done || len(r.all()) != 1 {
		t.Errorf("%v, %q, %d requests", done, problem(last), len(r.all()))
	}
	dns.leads("")
	if _, last := s.do(s.callback("https://example.com:" + port)); problem(last) != callback.NotFound {
		t.Errorf("a name that is not there: %q", problem(last))
	}
}

// dns is a name server that knows one answer for every name.
type dns struct {
	mu sync.Mutex
	to net.IP // nil: there is no such name
	n  int
}

// newDNS makes it the name server of this process for the time of a test.
func newDNS(t *testing.T) *dns {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &dns{to: net.IPv4(127, 0, 0, 1).To4()}
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(d.answer(slices.Clone(buffer[:n])), from)
		}
	}()
	old := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = old
		conn.Close()
	})
	return d
}

func (d *dns) leads(ip string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.to = net.ParseIP(ip).To4()
}

func (d *dns) asked() int { d.mu.Lock(); defer d.mu.Unlock(); return d.n }

// answer answers a question with an A record, and questions for other records with none.
func (d *dns) answer(q []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	end := 12
	for q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5 // the zero, type, class
	isA := binary.BigEndian.Uint16(q[end-4:]) == 1
	a := slices.Clone(q[:end])
	a[2], a[3] = 0x81, 0x80 // an answer
	copy(a[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
	switch {
	case d.to == nil:
		a[3] |= 3
	case isA:
		a[7] = 1
		a = append(a, 0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		a = append(a, d.to...)
	}
	return a
}

// TestCallbackOnce: many workers, one request.
func TestCallbackOnce(t *testing.T) {
	s := newSending(t, moment("2026-03-05T12:00:00Z"))
	r := newReceiver(t, httptest.NewServer)
	release := make(chan struct{})
	r.answers(func(http.ResponseWriter, *http.Request) { <-release })
	d := s.callback(r.URL)
	results := make(chan bool, 8)
	var group sync.WaitGroup
	for i := range 8 {
		sender := s.sender
		if i%2 == 0 {
			sender = s.newSender(s.open())
		}
		group.Go(func() {
			done, err := sender.Do(t.Context(), d.ID)
			if err != nil {
				t.Error(err)
			}
			results <- done
		})
	}
	for range 7 { // all others find nothing to do
		if <-results {
			t.Error("done while it waits for an answer")
		}
	}
	close(release)
	if !<-results {
		t.Error("not done")
	}
	group.Wait()
	if n := len(r.all()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// otherSender sends one callback and ends.
func otherSender(url string) {
	at := moment(os.Getenv("INSIGHTGRAPH_TEST_NOW"))
	s, err := store.Open(context.Background(), url, store.Options{Now: func() time.Time { return at }})
	if err != nil {
		panic(err)
	}
	keys, err := connect.ParseKeys(os.Getenv("INSIGHTGRAPH_TEST_KEY"))
	if err != nil {
		panic(err)
	}
	ids, err := s.WaitingDeliveries(context.Background(), 1)
	if err != nil || len(ids) != 1 {
		panic(fmt.Sprint(ids, err))
	}
	_, _ = (&Sender{Store: s, Keys: keys, AllowPrivate: true, Timeout: time.Minute, Log: silent}).Do(context.Background(), ids[0])
}

// TestSenderKilled: a process dies by kill -9 when a receiver has a callback and it has not noted that. It is sent again,
// with the same id, so that the receiver can see it.
func TestSenderKilled(t *testing.T) {
	flush(t)
	s := newSending(t, moment("2026-03-05T12:00:00Z"))
	r := newReceiver(t, httptest.NewServer)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "INSIGHTGRAPH_TEST_SENDER="+s.url, "INSIGHTGRAPH_TEST_NOW="+s.clock.now().Format(time.RFC3339), "INSIGHTGRAPH_TEST_KEY="+s.key)
	child.Stderr = os.Stderr
	started, ended := make(chan struct{}), make(chan error, 1)
	r.answers(func(http.ResponseWriter, *http.Request) {
		<-started
		child.Process.Kill() // SIGKILL
		ended <- child.Wait()
	})
	d := s.callback(r.URL)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	select {
	case err := <-ended:
		if err == nil {
			t.Fatal("the other process was not killed")
		}
	case <-time.After(time.Minute):
		child.Process.Kill()
		t.Fatal("the other process did not send")
	}
	r.says(200)
	if done, err := s.sender.Do(t.Context(), d.ID); done || err != nil || len(s.see(d).Tries) != 0 {
		t.Fatalf("it is the other's: %v, %v", done, err)
	}
	client := redisClient(t)
	server := s.sender.Server(client, 2)
	if err := server.Start(s.sender.Mux()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	planner := &Planner{Store: s.store, Queue: NewQueue(client, s.store, silent), Log: silent}
	s.eventually("the callback again", func() bool {
		if err := planner.SweepOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.see(d).Status == callback.Delivered
	})
	all := r.all()
	if len(all) != 2 || all[0].Header.Get("webhook-id") != all[1].Header.Get("webhook-id") || all[0].body != all[1].body {
		t.Errorf("%d requests: %v", len(all), all)
	}
	if tries := s.see(d).Tries; len(tries) != 2 || problem(tries[0]) != callback.Interrupted || tries[0].StatusCode != nil || problem(tries[1]) != "" {
		t.Errorf("%+v", tries)
	}
}

// TestCallbackSecrets: both secrets sign while the old one holds; a secret that no key opens does not hold up the others,
// and nothing is sent without a signature.
func TestCallbackSecrets(t *testing.T) {
	s := newSending(t, moment("2026-03-05T12:00:00Z"))
	r := newReceiver(t, httptest.NewServer)
	send := func() got {
		t.Helper()
		if done, last := s.do(s.callback(r.URL)); !done {
			t.Fatalf("%q", problem(last))
		}
		all := r.all()
		return all[len(all)-1]
	}
	rotate := func(keys connect.Keys, secret string) {
		t.Helper()
		if err := s.store.Customer(s.id).RotateWebhookSecret(t.Context(), keys.Seal([]byte(secret), callback.SecretPlace(s.id)), s.store.Now().Add(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	signatures := func(q got) int { return len(strings.Fields(q.Header.Get("webhook-signature"))) }
	q := send()
	first := s.secrets()[0]
	if err := s.verify(q, first); err != nil || signatures(q) != 1 {
		t.Errorf("%v, %d signatures", err, signatures(q))
	}
	second := callback.NewSecret()
	rotate(s.keys, second)
	q = send()
	for _, secret := range []string{first, second} {
		if err := s.verify(q, secret); err != nil {
			t.Error(err)
		}
	}
	if signatures(q) != 2 {
		t.Errorf("%d signatures", signatures(q))
	}
	s.clock.add(24 * time.Hour)
	q = send()
	if s.verify(q, first) == nil || s.verify(q, second) != nil || signatures(q) != 1 {
		t.Errorf("the old secret still holds: %v", q.Header)
	}
	lost, err := connect.ParseKeys(connect.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	rotate(lost, callback.NewSecret())
	q = send()
	if err := s.verify(q, second); err != nil || signatures(q) != 1 {
		t.Errorf("%v, %d signatures", err, signatures(q))
	}
	s.clock.add(24 * time.Hour)
	before := len(r.all())
	d := s.callback(r.URL)
	if done, last := s.do(d); done || problem(last) != callback.Unsigned || len(r.all()) != before {
		t.Errorf("%v, %q, %d requests", done, problem(last), len(r.all())-before)
	}
	if text := s.log.String(); !strings.Contains(text, "is one of the encryption keys missing?") || strings.Contains(text, "whsec_") {
		t.Errorf("the log: %s", text)
	}
}

// TestCallbackUnknown: a task for what is gone is over.
func TestCallbackUnknown(t *testing.T) {
	s := newSending(t, moment("2026-03-05T12:00:00Z"))
	if done, err := s.sender.Do(t.Context(), 4711); done || err != nil {
		t.Errorf("%v, %v", done, err)
	}
}

// TestCallbacksShared: a receiver that does not answer holds up its own customer only, whose other callbacks follow one another.
func TestCallbacksShared(t *testing.T) {
	flush(t)
	s := newSending(t, moment("2026-03-05T12:00:00Z"))
	slow, quick := newReceiver(t, httptest.NewServer), newReceiver(t, httptest.NewServer)
	release := make(chan struct{})
	slow.answers(func(http.ResponseWriter, *http.Request) { <-release })
	client := redisClient(t)
	s.sender.Queue = NewQueue(client, s.store, silent)
	s.sender.Timeout = time.Minute
	server := s.sender.Server(client, 4)
	if err := server.Start(s.sender.Mux()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free) // the server waits for what is being sent
	var all []callback.Delivery
	for range 5 {
		all = append(all, s.callback(slow.URL))
	}
	s.sender.Queue.Deliver(t.Context())
	for deadline := time.Now().Add(time.Minute); len(slow.all()) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is sent")
		}
	}

	c, err := s.store.CreateCustomer(t.Context(), bank.Customer{Name: "Other", ClientID: "other", TimeZone: "Europe/Berlin", Currency: "EUR"}, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	other := *s
	world := *s.world
	linking := *s.linking
	other.linking, linking.world = &linking, &world
	world.id, world.Tenant = c.ID, s.store.Customer(c.ID)
	ben, err := world.CreateConsumer(t.Context(), store.NewConsumer{ExternalID: ptr("ben")})
	if err != nil {
		t.Fatal(err)
	}
	other.consumer = ben.Ref()
	theirs := other.callback(quick.URL)
	s.sender.Queue.Deliver(t.Context())
	for deadline := time.Now().Add(time.Minute); other.see(theirs).Status != callback.Delivered; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("another customer's callback waits")
		}
	}
	if n := len(slow.all()); n != 1 {
		t.Errorf("%d of one customer at once", n)
	}
	free()
	for _, d := range all { // without a sweep
		for deadline := time.Now().Add(time.Minute); s.see(d).Status != callback.Delivered; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d of 5 were sent", len(slow.all()))
			}
		}
	}
}
