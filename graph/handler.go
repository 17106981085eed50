// Package graph speaks GraphQL: arguments in, answers out, and the limits, roles and errors in between. It holds no
// rule about money or insights; those are in the middle, and each resolver makes one call to the store.
package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"insightgraph/auth"
	"insightgraph/budget"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/graph/plan"
	"insightgraph/insight"
	"insightgraph/store"
	"insightgraph/telemetry"
)

// The sizes that a request may have.
const (
	MaxBody     = 2 << 20  // bytes of a request: a thousand transactions with long descriptions fit
	smallBody   = 64 << 10 // bytes of a request that needs no room, and of any with a user-level token, which puts nothing in
	MaxQuery    = 64 << 10 // bytes of a document: values belong into variables
	maxTokens   = 2000     // lexical tokens of a document; validation takes quadratic time
	maxErrors   = 20       // errors in one answer
	cacheSize   = 200      // documents, parsed and checked
	defaultTime = 10 * time.Second
)

// Queue is told which shards of a run, and which parts of a refresh, wait for a worker. That is a hint: a sweep finds
// what nobody was told of, so a queue that is away is nobody's business and neither returns anything.
type Queue interface {
	Wake(ctx context.Context, shards []int64)
	WakeParts(ctx context.Context, ids []int64)
	WakeReports(ctx context.Context, ids []int64)
	WakeDeliveries(ctx context.Context, ids []int64)
	Deliver(ctx context.Context) // wakes workers for callbacks that wait
}

// Options are what a handler needs. Timeout 0 is 10 seconds.
type Options struct {
	Store            *store.Store
	Tokens           *auth.Tokens
	Queue            Queue
	Definitions      []insight.Definition
	Directory        *connect.Directory
	Linker           Linker
	Builder          Builder
	Viewer           Viewer
	Budget           *budget.Budget // nil: no limits per customer and consumer
	Keys             connect.Keys   // what webhook secrets are encrypted with
	Introspection    bool           // development only
	PrivateCallbacks bool           // callbacks may go to private addresses, and without TLS
	Plain            bool           // gqlgen's own way only: to compare with
	Log              *slog.Logger
	Timeout          time.Duration

	around graphql.FieldMiddleware // tests provoke what no resolver does
	gaveUp func()                  // tests count what graph/plan does not answer
}

type server struct {
	Options
	exec    *executor.Executor
	known   *cache
	types   schemaTypes
	bodies  budget.Rooms
	reading budget.Rooms
	uploads budget.Rooms
	large   budget.Rooms // files that are worked on
}

// maxBodies is how many large bodies may be there at once. Read, each may hold some ten MiB.
const maxBodies = 16

// maxReading is how many large bodies and unknown documents are read at once. Reading one can take a processor a twentieth of a
// second, and one customer gets half of them at most.
func maxReading() int { return max(2, runtime.GOMAXPROCS(0)) }

// NewHandler answers POST /graphql, and queries by GET. The order of its checks is a promise: method and media type, then the token, then
// the idempotency key and the size, and only then is anything read as JSON or GraphQL.
func NewHandler(o Options) http.Handler {
	if o.Timeout <= 0 {
		o.Timeout = defaultTime
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: &Resolver{o}, Complexity: costs()})
	known := &cache{}
	executed := graphql.ExecutableSchema(planned{schema, known, o.gaveUp})
	if o.Plain || o.around != nil {
		executed = schema
	}
	s := &server{o, executor.New(executed), known, schema.Schema().Types, budget.Rooms{Most: maxBodies}, budget.Rooms{Most: maxReading()}, budget.Rooms{Most: maxUploads}, budget.Rooms{Most: 1}}
	s.exec.SetQueryCache(known)
	s.exec.SetParserTokenLimit(maxTokens)
	s.exec.SetDisableSuggestion(true)
	s.exec.SetErrorPresenter(s.present)
	s.exec.SetRecoverFunc(s.recovered)
	s.exec.Use(whole{})
	s.exec.Use(&limits{o.Introspection, priced{schema}, known})
	s.exec.AroundFields(authorize)
	if o.around != nil {
		s.exec.AroundFields(o.around)
	}
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	limit := s.Timeout
	if isUpload(r) {
		limit = max(limit, uploadTime)
	}
	ctx, id := telemetry.Request(r)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ctx = context.WithValue(ctx, siblingsKey{}, &siblings{})
	a := answer{w: w, id: id, media: accepted(r.Header.Values("Accept"))}
	w.Header().Set("X-Request-Id", id)
	w.Header().Set("Cache-Control", "no-store")
	defer func() {
		if p := recover(); p != nil {
			_ = s.recovered(ctx, p)
			a.refuse(http.StatusInternalServerError, internal)
		}
	}()
	if !a.readable(r) {
		return
	}
	viewer, err := s.Tokens.Viewer(ctx, auth.Bearer(r))
	if err != nil {
		s.unauthenticated(ctx, a, err)
		return
	}
	ctx = auth.With(ctx, viewer)
	repeated, no := repeats(r.Header)
	if no != nil {
		a.refuse(no.status, no.fault)
		return
	}
	ctx = context.WithValue(ctx, repetitionKey{}, repeated)
	if isUpload(r) && viewer.Role() == auth.RoleConsumer { // not received: it is refused in any case
		a.requestErrors(gqlerror.List{a.error(forbidden)})
		return
	}
	free, no := s.room(ctx, r, viewer)
	if no != nil {
		a.refuse(no.status, no.fault)
		return
	}
	defer free()
	params, file, no := s.receive(ctx, w, r, viewer)
	if file != nil {
		defer file.Close()
	}
	if no == nil && isLarge(file) {
		var done func()
		if done = s.large.Take(ctx.Done(), viewer.Customer.ID); done == nil {
			no = uploadsFull
		} else {
			defer done()
		}
	}
	if no != nil {
		a.refuse(no.status, no.fault)
		return
	}
	s.execute(ctx, a, params, r.Method == http.MethodGet)
}

var operationSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{Name: "insightgraph_graphql_seconds",
	Help:    "Time of a GraphQL operation, by kind (none: not executed) and code of its first error, which is OK where there is none.",
	Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}, []string{"kind", "code"})

// code is that of the first error.
func code(errs gqlerror.List) string {
	for _, e := range errs {
		if e != nil {
			return fmt.Sprint(e.Extensions["code"])
		}
	}
	return telemetry.OK
}

// room is what a large request holds as long as it lasts; free gives it back.
func (s *server) room(ctx context.Context, r *http.Request, viewer auth.Viewer) (free func(), no *refused) {
	switch {
	case isUpload(r):
		if free = s.uploads.Take(nil, viewer.Customer.ID); free == nil {
			return nil, uploadsFull
		}
	case viewer.Role() == auth.RoleCustomer && (r.ContentLength < 0 || r.ContentLength > smallBody && r.ContentLength <= MaxBody):
		if free = s.bodies.Take(ctx.Done(), viewer.Customer.ID); free == nil {
			return nil, &refused{http.StatusServiceUnavailable, tooLate}
		}
	default:
		free = func() {}
	}
	return free, nil
}

// receive reads a request. The file of an upload is gone when it is closed.
func (s *server) receive(ctx context.Context, w http.ResponseWriter, r *http.Request, viewer auth.Viewer) (params *graphql.RawParams, file *os.File, no *refused) {
	if isUpload(r) {
		slow := http.NewResponseController(w)
		_ = slow.SetReadDeadline(time.Now().Add(uploadTime)) // not every writer has deadlines
		_ = slow.SetWriteDeadline(time.Now().Add(uploadTime + time.Minute))
		return s.readForm(ctx, r, viewer)
	}
	var text []byte
	if r.Method == http.MethodGet {
		text, no = fromURL(r)
	} else {
		text, no = body(w, r, viewer)
	}
	if no == nil {
		params, no = s.parse(ctx, r, text, viewer)
	}
	return params, nil, no
}

// unauthenticated answers a request whose token gave no viewer.
func (s *server) unauthenticated(ctx context.Context, a answer, err error) {
	if faults := fault.Of(err); len(faults) > 0 && faults[0].Code == fault.Unauthenticated {
		a.w.Header().Set("WWW-Authenticate", "Bearer")
		a.refuse(http.StatusUnauthorized, faults[0])
		return
	}
	if f := timedOut(err); f != nil {
		a.refuse(http.StatusServiceUnavailable, f)
		return
	}
	s.logError(ctx, "token", nil, err)
	if faults := fault.Of(err); len(faults) > 0 && faults[0].Code == fault.Unavailable {
		a.refuse(http.StatusServiceUnavailable, faults[0])
		return
	}
	a.refuse(http.StatusInternalServerError, internal)
}

// understand reads a document, checks and prices it. Those that are not known wait for their turn.
func (s *server) understand(ctx context.Context, params *graphql.RawParams) (operation *graphql.OperationContext, errs gqlerror.List, inTime bool) {
	if _, known := s.known.Get(ctx, params.Query); !known {
		free := s.reading.Take(ctx.Done(), auth.From(ctx).Customer.ID)
		if free == nil {
			return nil, nil, false
		}
		defer free()
	}
	left := &leftOut{}
	if left.of(params.Variables); len(left.back) > 0 {
		ctx = context.WithValue(ctx, leftOutKey{}, left)
	}
	operation, errs = s.exec.CreateOperationContext(ctx, params)
	return operation, errs, true
}

// execute runs an operation, which has to be a query where onlyQuery says so. What is wrong with the request as a whole has an
// answer without data.
func (s *server) execute(ctx context.Context, a answer, params *graphql.RawParams, onlyQuery bool) {
	holder := holderOf(auth.From(ctx))
	if s.Budget != nil {
		leave, err := s.Budget.Enter(ctx, holder)
		if err != nil {
			a.refuseEntry(err)
			return
		}
		defer leave()
	}
	ctx = graphql.StartOperationTrace(ctx)
	now := graphql.Now()
	params.ReadTime = graphql.TraceTiming{Start: now, End: now}
	operation, errs, inTime := s.understand(ctx, params)
	if !inTime {
		a.refuse(http.StatusServiceUnavailable, tooLate)
		return
	}
	if s.Budget != nil {
		cost := wrongCost
		if len(errs) == 0 {
			cost = operation.Stats.GetExtension(costKey).(int)
		}
		if left, limited := s.Budget.Spend(holder, cost); limited {
			a.cost = left.JSON()
		}
	}
	if len(errs) > 0 {
		errs = s.exec.DispatchError(graphql.WithOperationContext(ctx, operation), errs).Errors
		operationSeconds.WithLabelValues("none", code(errs)).Observe(time.Since(now).Seconds())
		a.requestErrors(errs)
		return
	}
	if onlyQuery && operation.Operation.Operation != ast.Query {
		a.refuseMethod()
		return
	}
	kind := string(operation.Operation.Operation)
	ctx, end := telemetry.Operation(ctx, kind, operation.Operation.Name)
	respond, ctx := s.exec.DispatchOperation(ctx, operation)
	response := respond(ctx)
	if response != nil && operation.Operation.Operation == ast.Query && len(response.Data) > plan.MaxAnswer {
		response = &graphql.Response{Errors: gqlerror.List{a.error(tooLong)}, Data: json.RawMessage("null")}
	}
	outcome := string(tooLate.Code)
	if response != nil {
		outcome = code(response.Errors)
	}
	operationSeconds.WithLabelValues(kind, outcome).Observe(time.Since(now).Seconds())
	end(outcome)
	if operation.Operation.Operation == ast.Mutation {
		s.Tokens.Forget(auth.From(ctx).Customer.ID)
		if ctx.Value(repetitionKey{}).(*repetition).replayed.Load() {
			a.w.Header().Set(replayedHeader, "true")
		}
	}
	if response == nil { // the time was over before it began
		a.refuse(http.StatusServiceUnavailable, tooLate)
		return
	}
	a.send(http.StatusOK, &result{response.Errors, response.Data})
}
