package graph

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"insightgraph/fault"
	"insightgraph/graph/plan"
)

// The two media types of GraphQL over HTTP.
const (
	mediaJSON    = "application/json"
	mediaGraphQL = "application/graphql-response+json"
)

// accepted is the media type that a client prefers. Plain JSON is for clients that do not say; a client that accepts
// neither gets it too, since an answer that it can look into serves it better than none.
func accepted(accept []string) string {
	best, media := 0.0, mediaJSON
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q, err := strconv.ParseFloat(parameters["q"], 64)
		if err != nil {
			q = 1
		}
		if name == "*/*" || name == "application/*" {
			name = mediaJSON
		}
		if q > best && (name == mediaJSON || name == mediaGraphQL) {
			best, media = q, name
		}
	}
	return media
}

// answer writes the one answer of a request.
type answer struct {
	w     http.ResponseWriter
	id    string // of the request
	media string
}

// result is a GraphQL response. Data is left out of the answer to a request that was not executed.
type result struct {
	Errors gqlerror.List
	Data   json.RawMessage
}

// refuse answers with one fault and no data.
func (a answer) refuse(status int, f *fault.Error) {
	a.send(status, &result{Errors: gqlerror.List{a.error(f)}})
}

func (a answer) error(f *fault.Error) *gqlerror.Error {
	return &gqlerror.Error{Message: f.Message, Extensions: extensions(f, a.id)}
}

// extensions are the machine-readable part of an error.
func extensions(f *fault.Error, requestID string) map[string]any {
	e := map[string]any{"code": f.Code, "requestId": requestID}
	if f.Field != "" {
		e["field"] = f.Field
	}
	return e
}

// requestErrors answers a document that was not executed: 200 to clients of plain JSON, which look into the body, and
// 400 to those of the newer media type (GraphQL over HTTP 6.4).
func (a answer) requestErrors(errs gqlerror.List) {
	status := http.StatusOK
	if a.media == mediaGraphQL {
		status = http.StatusBadRequest
	}
	a.send(status, &result{Errors: errs})
}

func (a answer) send(status int, r *result) {
	r.Errors = slices.DeleteFunc(r.Errors, func(e *gqlerror.Error) bool { return e == nil })
	r.Errors = r.Errors[:min(len(r.Errors), maxErrors)]
	var errors []byte
	if len(r.Errors) > 0 {
		var err error
		if errors, err = json.Marshal(r.Errors); err != nil { // texts and paths always can be
			panic(err)
		}
	}
	a.w.Header().Set("Content-Type", a.media+"; charset=utf-8")
	a.w.Header().Set("X-Content-Type-Options", "nosniff")
	// Data is JSON already: encoding the whole would read it all again.
	head := []byte{'{'}
	if errors != nil {
		head = append(append(head, `"errors":`...), errors...)
	}
	if r.Data != nil {
		if errors != nil {
			head = append(head, ',')
		}
		head = append(head, `"data":`...)
	}
	a.w.Header().Set("Content-Length", strconv.Itoa(len(head)+len(r.Data)+1))
	a.w.WriteHeader(status)
	r.Data = append(r.Data, '}')
	if _, err := a.w.Write(head); err == nil {
		_, _ = a.w.Write(r.Data)
	}
	plan.Done(r.Data)
}
