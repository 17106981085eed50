package tasks

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/redis/go-redis/v9"

	"insightgraph/callback"
	"insightgraph/connect"
	"insightgraph/failpoint"
	"insightgraph/store"
)

// TypeDeliver is the task of sending one callback.
var TypeDeliver = newType("callback:deliver")

// queueCallbacks has a server of its own: however slow receivers are, nothing else waits for them.
const queueCallbacks = "callbacks"

var (
	callbacks = promauto.NewCounterVec(prometheus.CounterOpts{Name: "insightgraph_callbacks_total",
		Help: "Tries to send a callback, by outcome: DELIVERED, AGAIN, or FAILED after the last."}, []string{"outcome"})
	callbackSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{Name: "insightgraph_callback_seconds",
		Help: "Time of a try to send a callback, by outcome.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 12)}, []string{"outcome"})
)

// Sender sends callbacks. Where they go and what is answered is the customer's: it is never logged.
type Sender struct {
	Store        *store.Store
	Keys         connect.Keys
	AllowPrivate bool          // see callback.CheckURL
	Timeout      time.Duration // for one try; 0: ten seconds. It must be well under the lease of a callback, a minute.
	Log          *slog.Logger
	Queue        *Queue // calls for a customer's next callback when one is over; nil: the sweep does

	most   int            // callbacks of one customer at a time, in all processes; 0: any number
	roots  *x509.CertPool // tests have their own; nil: the system's
	once   sync.Once
	client *http.Client
}

// Server is an asynq server that hands tasks to the sender until it is shut down. A customer has a quarter of its workers at
// most: receivers that do not answer keep theirs only.
func (s *Sender) Server(r redis.UniversalClient, concurrency int) *asynq.Server {
	s.most = max(1, concurrency/4)
	return newServer(r, concurrency, map[string]int{queueCallbacks: 1}, s.Log)
}

// Mux maps the task type to its handler.
func (s *Sender) Mux() *asynq.ServeMux {
	return calls(TypeDeliver, s.Log, s.Do)
}

// WakeDeliveries calls workers for callbacks, in the manner of Wake.
func (q *Queue) WakeDeliveries(ctx context.Context, ids []int64) {
	q.send(ctx, queueCallbacks, TypeDeliver, ids, q.store.UnqueuedDeliveries)
}

// deliverNext calls workers for the next of a customer's callbacks that were put off.
func (q *Queue) deliverNext(ctx context.Context, customerID int64) {
	ids, err := q.store.NextDelivery(ctx, customerID)
	if err != nil { // then the sweep finds it
		q.log.ErrorContext(ctx, "look for the next callback", "error", describe(err))
	}
	q.WakeDeliveries(ctx, ids)
}

// Do tries to send one callback, if it is due and nobody else does. done is false where it has to be tried again.
func (s *Sender) Do(ctx context.Context, id int64) (done bool, err error) {
	ctx = context.WithoutCancel(ctx) // once it is sent it is noted, also while this process stops; it does not take long
	d, ok, err := s.Store.ClaimDelivery(ctx, id, s.most)
	if err != nil {
		s.Log.ErrorContext(ctx, "claim a callback", "delivery", id, "error", describe(err))
		return false, err
	}
	if !ok {
		return false, nil
	}
	if err := s.Store.Wrote(ctx, d.CustomerID); err != nil { // then it is sent after its lease
		s.Log.ErrorContext(ctx, "note what a callback speaks of", "delivery", id, "error", describe(err))
		return false, err
	}
	start, at := time.Now(), s.Store.Now()
	code, problem, after := s.try(ctx, d, at)
	took := time.Since(start)
	attempt := callback.Attempt{At: at, Milliseconds: int(took.Milliseconds())}
	if code != 0 {
		attempt.StatusCode = &code
	}
	outcome := string(callback.Delivered)
	var next *time.Time
	if problem != "" {
		attempt.Problem = &problem
		outcome = string(callback.Failed)
		if wait, more := callback.Backoff(d.Attempts); more && code != http.StatusGone {
			outcome = again
			moment := s.Store.Now().Add(max(wait, min(after, callback.Longest)))
			next = &moment
		}
		s.Log.InfoContext(ctx, "a callback was not taken", "delivery", id, "attempt", d.Attempts, "problem", problem, "status", code, "outcome", outcome)
	}
	callbacks.WithLabelValues(outcome).Inc()
	callbackSeconds.WithLabelValues(outcome).Observe(took.Seconds())
	err = s.Store.FinishDelivery(ctx, d, attempt, next)
	if s.Queue != nil {
		s.Queue.deliverNext(ctx, d.CustomerID)
	}
	switch {
	case errors.Is(err, store.ErrLost): // it is gone, with its consumer
		return false, nil
	case err != nil: // it is sent again after its lease
		s.Log.ErrorContext(ctx, "store a try of a callback", "delivery", id, "error", describe(err))
		return false, err
	}
	return next == nil, nil
}

// try sends a callback once. code is 0 where there was no answer, problem is empty where it was taken, and after is how
// long the receiver wants to be left alone.
func (s *Sender) try(ctx context.Context, d store.Sending, at time.Time) (code int, problem string, after time.Duration) {
	if callback.CheckURL("url", d.URL, s.AllowPrivate) != nil { // what is allowed may have changed
		return 0, callback.Refused, 0
	}
	headers, err := s.headers(ctx, d, at)
	if err != nil {
		s.Log.ErrorContext(ctx, "sign a callback; is one of the encryption keys missing?", "delivery", d.ID, "error", describe(err))
		return 0, callback.Unsigned, 0
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Timeout, 10*time.Second))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, strings.NewReader(d.Body))
	if err != nil {
		return 0, callback.Refused, 0
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Insightgraph")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	s.once.Do(s.connect)
	failpoint.Hit("before send")
	answer, err := s.client.Do(r)
	failpoint.Hit("after send")
	if err != nil {
		return 0, problemOf(err), 0
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // some receivers take a connection that ends early for a failure
	switch code = answer.StatusCode; {
	case code >= 200 && code < 300:
		return code, "", 0
	case code >= 300 && code < 400:
		return code, callback.Redirected, 0
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		after = retryAfter(answer.Header.Get("Retry-After"), at)
	}
	return code, callback.NotTaken, after
}

// headers signs a callback with the customer's secrets, the first of which is made where there is none. One that does not
// open is left out as long as there is another.
func (s *Sender) headers(ctx context.Context, d store.Sending, at time.Time) (map[string]string, error) {
	place := callback.SecretPlace(d.CustomerID)
	sealed, err := s.Store.WebhookSecrets(ctx, d.CustomerID, func() []byte { return s.Keys.Seal([]byte(callback.NewSecret()), place) })
	if err != nil {
		return nil, err
	}
	var secrets []string
	var missing error
	for _, text := range sealed {
		secret, err := s.Keys.Open(text, place)
		if err != nil {
			missing = err
			continue
		}
		secrets = append(secrets, string(secret))
	}
	if secrets == nil {
		return nil, missing
	}
	return callback.Headers(d.Ref(), at, d.Body, secrets)
}

var errRefused = errors.New("the address is not allowed")

// connect makes the client. It asks no proxy, follows nothing, and looks at the IP address that a name has led to, at the
// moment of connecting: a name can lead elsewhere each time.
func (s *Sender) connect() {
	dialer := &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !callback.Allowed(to.Addr(), s.AllowPrivate) {
			return errRefused
		}
		return nil
	}}
	s.client = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// problemOf names an error without its text, which holds the address.
func problemOf(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, errRefused):
		return callback.Refused
	case errors.As(err, &timeout) && timeout.Timeout():
		return callback.TooSlow
	case errors.Is(err, syscall.ECONNREFUSED):
		return callback.NoListener
	case errors.Is(err, http.ErrSchemeMismatch):
		return callback.BadTLS
	}
	if _, is := errors.AsType[*net.DNSError](err); is {
		return callback.NotFound
	}
	if _, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return callback.BadTLS
	}
	if _, is := errors.AsType[tls.RecordHeaderError](err); is {
		return callback.BadTLS
	}
	if op, is := errors.AsType[*net.OpError](err); is {
		switch op.Op {
		case "dial":
			return callback.Unreachable
		case "remote error", "local error": // what crypto/tls calls an alert
			return callback.BadTLS
		}
	}
	return callback.Broken
}

// retryAfter reads that header: seconds, or a date. It is 0 where there is none that makes sense.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
