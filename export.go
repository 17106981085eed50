package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/budget"
	"insightgraph/fault"
	"insightgraph/store"
	"insightgraph/telemetry"
)

// exportCmd is the data of one person, for whoever must hand it out (GDPR articles 15 and 20).
type exportCmd struct {
	Customer string `required:"" placeholder:"CLIENT_ID" help:"The customer."`
	Consumer string `required:"" placeholder:"ID" help:"The consumer, by its id or external id."`
}

func (cmd *exportCmd) Run(ctx context.Context, c *config) error {
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	customer, _, err := s.store.CustomerOfClient(ctx, cmd.Customer)
	if err != nil {
		return err
	}
	t := s.store.Customer(customer.ID)
	consumer, err := t.ConsumerByExternalID(ctx, cmd.Consumer)
	ref := consumer.Ref()
	if err != nil {
		ref = bank.ParseRef(cmd.Consumer)
	}
	return t.Export(ctx, ref, os.Stdout)
}

// exports answers GET /consumers/{id}/export with all that is stored about a consumer, to its customer and to itself.
type exports struct {
	tokens     *auth.Tokens
	store      *store.Store
	log        *slog.Logger
	files      budget.Rooms // on disk, until the last byte is sent
	collecting budget.Rooms // which reads much

	mu   sync.Mutex
	held map[budget.Holder]bool // those whose export waits, runs or is sent
}

// newExports has room for eight exports, of which two are collected at once: four and one of a customer.
func newExports(tokens *auth.Tokens, s *store.Store, log *slog.Logger) *exports {
	return &exports{tokens: tokens, store: s, log: log, files: budget.Rooms{Most: 8}, collecting: budget.Rooms{Most: 2}, held: map[budget.Holder]bool{}}
}

func (e *exports) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Minute)
	defer cancel()
	viewer, err := e.tokens.Viewer(ctx, auth.Bearer(r))
	if err != nil {
		e.refuse(ctx, w, err)
		return
	}
	leave := e.enter(viewer)
	if leave == nil {
		w.Header().Set("Retry-After", "10")
		e.refuse(ctx, w, fault.New(fault.TooOften, "", "Another export is under way; wait as long as Retry-After says"))
		return
	}
	defer leave()
	file, err := e.collect(ctx, viewer, r.PathValue("id"))
	if err != nil {
		e.refuse(ctx, w, err)
		return
	}
	defer file.Close()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(10 * time.Minute))
	w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="consumer.jsonl"`)
	_, _ = io.Copy(w, file)
}

// enter gives a place for an export until its file is closed, one to each holder of tokens; nil: there is none.
func (e *exports) enter(v auth.Viewer) (leave func()) {
	holder := budget.Holder{Customer: v.Customer.ID}
	if v.Consumer != nil {
		holder.Consumer = v.Consumer.ID
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held[holder] {
		return nil
	}
	free := e.files.Take(nil, holder.Customer)
	if free == nil {
		return nil
	}
	e.held[holder] = true
	return func() {
		free()
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.held, holder)
	}
}

// collect writes the export into a file without a name, so that a slow client holds up no transaction.
func (e *exports) collect(ctx context.Context, v auth.Viewer, id string) (_ *os.File, err error) {
	t := e.store.Customer(v.Customer.ID)
	if v.Consumer != nil {
		t = e.store.Consumer(v.Customer.ID, v.Consumer.ID)
	}
	free := e.collecting.Take(ctx.Done(), v.Customer.ID)
	if free == nil {
		return nil, ctx.Err()
	}
	defer free()
	file, err := os.CreateTemp("", "insightgraph-export-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	if err := os.Remove(file.Name()); err != nil {
		return nil, err
	}
	if err := t.Export(ctx, bank.ParseRef(id), file); err != nil {
		return nil, err
	}
	_, err = file.Seek(0, io.SeekStart)
	return file, err
}

func (e *exports) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	f, status := fault.New(fault.Internal, "", "Internal error."), http.StatusInternalServerError
	if known := fault.Of(err); len(known) > 0 {
		f, status = known[0], cmp.Or(map[fault.Code]int{fault.Unauthenticated: http.StatusUnauthorized, fault.NotFound: http.StatusNotFound,
			fault.Unavailable: http.StatusServiceUnavailable, fault.TooOften: http.StatusTooManyRequests}[known[0].Code], http.StatusBadRequest)
	} else if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		f, status = fault.New(fault.TimedOut, "", "The request took too long and was stopped"), http.StatusServiceUnavailable
	} else {
		e.log.ErrorContext(ctx, "export", store.Kinds(err)...)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"message": f.Message, "extensions": map[string]any{"code": f.Code, "requestId": telemetry.RequestID(ctx)}}}})
}
