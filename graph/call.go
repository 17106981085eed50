package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"

	"insightgraph/audit"
	"insightgraph/auth"
	"insightgraph/fault"
	"insightgraph/graph/model"
	"insightgraph/store"
	"insightgraph/telemetry"
)

// The headers of calls that may be repeated.
const (
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotent-Replayed"
	maxKey         = 255
)

// repetition is what a request says about being repeated, and whether it was.
type repetition struct {
	key      string
	replayed atomic.Bool
}

type repetitionKey struct{}

// repeats reads the key of a request. One that cannot be a key is refused, since its sender counts on it.
func repeats(h http.Header) (*repetition, *refused) {
	values := h.Values(keyHeader)
	if len(values) == 0 {
		return &repetition{}, nil
	}
	bad := func(r rune) bool { return r < '!' || r > '~' }
	if key := values[0]; len(values) > 1 || key == "" || len(key) > maxKey || strings.ContainsFunc(key, bad) {
		return nil, &refused{http.StatusBadRequest, fault.Invalid(keyHeader, "Invalid value for %s; send it once, with 1 to %d visible ASCII characters", keyHeader, maxKey)}
	}
	return &repetition{key: values[0]}, nil
}

// call says who changes something in the mutation that is being resolved; elsewhere nothing is changed.
func call(ctx context.Context) (c store.Call) {
	field := graphql.GetFieldContext(ctx)
	if field == nil || field.Object != "Mutation" {
		return c
	}
	v := auth.From(ctx)
	kind := audit.Customer
	if v.Consumer != nil {
		kind = audit.Consumer
	}
	c = store.Call{Actor: audit.By(kind, v.Token), RequestID: telemetry.RequestID(ctx), Place: field.Field.Alias}
	if r, ok := ctx.Value(repetitionKey{}).(*repetition); ok {
		c.Key, c.Replayed = r.key, &r.replayed
	}
	variables := graphql.GetOperationContext(ctx).Variables
	// As it was sent: nothing is read into types of ours, in which different values could look alike.
	c.Input = func() (any, error) { return plain(field.Field.ArgumentMap(variables)) }
	return c
}

// plain is an argument's value as it was sent, with the hash of a file in its place.
func plain(value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, one := range v {
			p, err := plain(one)
			if err != nil {
				return nil, err
			}
			out[name] = p
		}
		return out, nil
	case model.List:
		return model.NewReader(v.Text).Any(), nil
	case graphql.Upload: // there are none in lists
		hash := sha256.New()
		_, err := io.Copy(hash, io.NewSectionReader(v.File.(io.ReaderAt), 0, v.Size))
		return []string{v.Filename, hex.EncodeToString(hash.Sum(nil))}, err
	}
	return value, nil
}
