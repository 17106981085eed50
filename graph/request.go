package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"insightgraph/auth"
	"insightgraph/fault"
)

// refused is why a request is not a GraphQL request.
type refused struct {
	status int
	fault  *fault.Error
}

var (
	tooLarge = &refused{http.StatusRequestEntityTooLarge, fault.New(fault.TooLarge, "", "The request is too large")}
	notJSON  = &refused{http.StatusBadRequest, fault.New(fault.InvalidValue, "", "Invalid value for input json")}
)

// body is the whole of a request's body.
func body(w http.ResponseWriter, r *http.Request, viewer auth.Viewer) ([]byte, *refused) {
	most := int64(MaxBody)
	if viewer.Role() == auth.RoleConsumer {
		most = smallBody
	}
	if r.ContentLength > most {
		return nil, tooLarge
	}
	var text bytes.Buffer
	text.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
	_, err := text.ReadFrom(http.MaxBytesReader(w, r.Body, most))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, tooLarge
	}
	if err != nil {
		return nil, notJSON
	}
	return text.Bytes(), nil
}

// fromURL is the operation of a GET, as a body would have it.
func fromURL(r *http.Request) ([]byte, *refused) {
	in := r.URL.Query()
	var query *string // as with POST, one that is empty is not one that is missing
	if in.Has("query") {
		query = new(in.Get("query"))
	}
	text, err := json.Marshal(struct {
		Query         *string         `json:"query"`
		OperationName string          `json:"operationName,omitempty"`
		Variables     json.RawMessage `json:"variables,omitempty"`
		Extensions    json.RawMessage `json:"extensions,omitempty"`
	}{query, in.Get("operationName"), json.RawMessage(in.Get("variables")), json.RawMessage(in.Get("extensions"))})
	if err != nil {
		return nil, notJSON
	}
	return text, nil
}

// parse reads the operations of a request: one GraphQL request object, no list of them. No part of it is ever in a fault. The
// seed's two tables spell the sentence for a bad request object differently, one for each kind of token.
func (s *server) parse(ctx context.Context, r *http.Request, text []byte, viewer auth.Viewer) (*graphql.RawParams, *refused) {
	if len(text) > smallBody {
		free := s.reading.Take(ctx.Done(), viewer.Customer.ID)
		if free == nil {
			return nil, &refused{http.StatusServiceUnavailable, tooLate}
		}
		defer free()
	}
	if crowded(text) {
		return nil, tooLarge
	}
	if params := s.straight(ctx, text); params != nil {
		params.Headers = r.Header
		return params, nil
	}
	params, err := object(text)
	_, mistyped := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case err == errHash:
		return nil, &refused{http.StatusBadRequest, fault.New(fault.InvalidInput, "", "PersistedQueryNotSupported")}
	case err != nil && !mistyped:
		return nil, notJSON
	case params == nil && viewer.Role() == auth.RoleConsumer:
		return nil, &refused{http.StatusBadRequest, fault.New(fault.InvalidInput, "", "Invalid input")}
	case params == nil:
		return nil, &refused{http.StatusBadRequest, fault.New(fault.InvalidInput, "", "Invalid Input")}
	case len(params.Query) > MaxQuery:
		return nil, tooLarge
	}
	params.Headers = r.Header
	return params, nil
}

// The values in a request. Each costs many times its bytes when it is read, an object some three hundred: two megabytes of
// empty objects were two hundred in memory.
const (
	maxValues  = 200_000
	maxObjects = 10_000 // and lists; a thousand transactions are three thousand
)

// crowded tells whether JSON holds more values than a request may.
func crowded(text []byte) bool {
	count := func(c string) int { return bytes.Count(text, []byte(c)) }
	if count(",") <= maxValues && count("{")+count("[") <= maxObjects { // counting those in strings too
		return false
	}
	values, objects, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',':
			values++
		case c == '{' || c == '[':
			objects++
		}
	}
	return values > maxValues || objects > maxObjects
}

// errHash tells of a hash that stands for a document. No documents are kept; clients that hear so send the document.
var errHash = errors.New("a hash in place of a document")

// object reads a GraphQL request object (GraphQL over HTTP 5.1), nil if it is something else; null stands for left out, but for
// the query.
func object(text []byte) (*graphql.RawParams, error) {
	var in struct {
		Query         *string        `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
		Extensions    map[string]any `json:"extensions"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // amounts keep their digits
	if err := decoder.Decode(&in); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	if _, hash := in.Extensions["persistedQuery"]; hash && in.Query == nil {
		return nil, errHash
	}
	if in.Query == nil {
		return nil, nil
	}
	return &graphql.RawParams{Query: *in.Query, OperationName: in.OperationName, Variables: in.Variables, Extensions: in.Extensions}, nil
}

// readable refuses what is no POST of JSON, no GET, and no form with a file that a browser has asked for before.
// Else only JSON as sent is read: a form would let any web page send a request, and a compressed body could unpack to any size.
// A GET can be a link in any web page, but that one carries no token, and GET changes nothing.
func (a answer) readable(r *http.Request) bool {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := parameters["charset"]
	switch {
	case r.Method == http.MethodGet:
		return true
	case r.Method != http.MethodPost:
		a.refuseMethod()
	case err == nil && media == "multipart/form-data" && !preflighted(r):
		a.refuse(http.StatusUnsupportedMediaType, fault.New(fault.InvalidInput, "", "Send a header GraphQL-Require-Preflight with a multipart request"))
	case err == nil && media == "multipart/form-data" && r.Header.Get("Content-Encoding") == "":
		return true
	case err != nil || media != "application/json" || given && !strings.EqualFold(charset, "utf-8"):
		a.refuse(http.StatusUnsupportedMediaType, fault.New(fault.InvalidInput, "", "Use application/json in UTF-8"))
	case r.Header.Get("Content-Encoding") != "":
		a.refuse(http.StatusUnsupportedMediaType, fault.New(fault.InvalidInput, "", "Send the body without Content-Encoding"))
	default:
		return true
	}
	return false
}

func (a answer) refuseMethod() {
	a.w.Header().Set("Allow", http.MethodPost)
	a.refuse(http.StatusMethodNotAllowed, fault.New(fault.InvalidInput, "", "Use POST"))
}
