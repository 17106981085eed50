// Package graph speaks GraphQL: arguments in, answers out, and the limits, roles and errors in between. It holds no
// rule about money or insights; those are in the middle, and each resolver makes one call to the store.
package graph

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"

	"insightgraph/auth"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/insight"
	"insightgraph/store"
)

// The sizes that a request may have.
const (
	MaxBody     = 2 << 20  // bytes of a request: a thousand transactions with long descriptions fit
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
	Keys             connect.Keys // what webhook secrets are encrypted with
	Introspection    bool         // development only
	PrivateCallbacks bool         // callbacks may go to private addresses, and without TLS
	Plain            bool         // gqlgen's own way only: to compare with
	Log              *slog.Logger
	Timeout          time.Duration

	around graphql.FieldMiddleware // tests provoke what no resolver does
	gaveUp func()                  // tests count what graph/plan does not answer
}

type server struct {
	Options
	exec    *executor.Executor
	types   map[string]*ast.Definition // of the schema, by name
	uploads chan struct{}              // as many as are being received
}

// NewHandler answers POST /graphql. The order of its checks is a promise: method and media type, then the token, then
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
	s := &server{o, executor.New(executed), schema.Schema().Types, make(chan struct{}, maxUploads)}
	s.exec.SetQueryCache(known)
	s.exec.SetParserTokenLimit(maxTokens)
	s.exec.SetDisableSuggestion(true)
	s.exec.SetErrorPresenter(s.present)
	s.exec.SetRecoverFunc(s.recovered)
	s.exec.Use(&limits{o.Introspection, schema, known})
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
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	id := requestID(r)
	ctx = context.WithValue(ctx, requestKey{}, id)
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
	viewer, err := s.Tokens.Viewer(ctx, bearer(r))
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
	if isUpload(r) {
		params, done, no := s.upload(w, r, viewer)
		if no != nil {
			a.refuse(no.status, no.fault)
			return
		}
		defer done()
		s.execute(ctx, a, params)
		return
	}
	params, no := read(w, r, viewer)
	if no != nil {
		a.refuse(no.status, no.fault)
		return
	}
	s.execute(ctx, a, params)
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
	a.refuse(http.StatusInternalServerError, internal)
}

// execute runs an operation. What is wrong with the request as a whole has an answer without data.
func (s *server) execute(ctx context.Context, a answer, params *graphql.RawParams) {
	ctx = graphql.StartOperationTrace(ctx)
	now := graphql.Now()
	params.ReadTime = graphql.TraceTiming{Start: now, End: now}
	operation, errs := s.exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		a.requestErrors(s.exec.DispatchError(graphql.WithOperationContext(ctx, operation), errs).Errors)
		return
	}
	respond, ctx := s.exec.DispatchOperation(ctx, operation)
	response := respond(ctx)
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
