package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/store"
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
	tokens *auth.Tokens
	store  *store.Store
	log    *slog.Logger
	busy   chan struct{} // one at a time: an export reads much
}

func (e *exports) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Minute)
	defer cancel()
	file, err := e.collect(ctx, r)
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

// collect writes the export into a file without a name, so that a slow client holds up no transaction.
func (e *exports) collect(ctx context.Context, r *http.Request) (_ *os.File, err error) {
	viewer, err := e.tokens.Viewer(ctx, auth.Bearer(r))
	if err != nil {
		return nil, err
	}
	t := e.store.Customer(viewer.Customer.ID)
	if viewer.Consumer != nil {
		t = e.store.Consumer(viewer.Customer.ID, viewer.Consumer.ID)
	}
	select {
	case e.busy <- struct{}{}:
		defer func() { <-e.busy }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
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
	if err := t.Export(ctx, bank.ParseRef(r.PathValue("id")), file); err != nil {
		return nil, err
	}
	_, err = file.Seek(0, io.SeekStart)
	return file, err
}

func (e *exports) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	f, status := fault.New(fault.Internal, "", "Internal error."), http.StatusInternalServerError
	if known := fault.Of(err); len(known) > 0 {
		f, status = known[0], cmp.Or(map[fault.Code]int{fault.Unauthenticated: http.StatusUnauthorized, fault.NotFound: http.StatusNotFound,
			fault.Unavailable: http.StatusServiceUnavailable}[known[0].Code], http.StatusBadRequest)
	} else if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		f, status = fault.New(fault.TimedOut, "", "The request took too long and was stopped"), http.StatusServiceUnavailable
	} else {
		e.log.ErrorContext(ctx, "export", "kind", fmt.Sprintf("%T", err))
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"message": f.Message, "extensions": map[string]any{"code": f.Code}}}})
}
