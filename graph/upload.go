package graph

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"insightgraph/auth"
	"insightgraph/fault"
	"insightgraph/statement"
)

// Files come by the GraphQL multipart request specification: a form with the fields operations and map, and then the file.
// One file is allowed. It is kept on disk without a name as long as the request lasts, so that nothing of it stays,
// whatever happens.

// preflights are headers of which one must be there: a web page cannot send them to another origin without asking.
var preflights = []string{"GraphQL-Require-Preflight", "GraphQL-Preflight", "Apollo-Require-Preflight", "X-Apollo-Operation-Name", "X-Requested-With"}

const (
	maxUploads  = 4               // at once, the others are sent away
	uploadTime  = 3 * time.Minute // to receive a file and to import it
	maxFormText = 1 << 20         // of operations and map
	largeFile   = 1 << 20         // may hold so many entries that such files are worked on one after the other
)

var (
	noForm      = &refused{http.StatusBadRequest, fault.New(fault.InvalidInput, "", "Not a GraphQL multipart request: operations, map and one file are needed, in this order")}
	fileTooBig  = &refused{http.StatusRequestEntityTooLarge, fault.New(fault.TooLarge, "file", "The file has more than %d MiB", statement.MaxFile>>20)}
	uploadsFull = &refused{http.StatusServiceUnavailable, fault.New(fault.Unavailable, "", "Too many files are being received; try again in a moment")}
)

// isUpload tells whether a request is a form with a file.
func isUpload(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.Method == http.MethodPost && err == nil && media == "multipart/form-data"
}

// preflighted tells whether a browser has asked before it sent the request.
func preflighted(r *http.Request) bool {
	for _, name := range preflights {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// readForm reads a multipart request.
func (s *server) readForm(ctx context.Context, r *http.Request, viewer auth.Viewer) (*graphql.RawParams, *os.File, *refused) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, nil, noForm
	}
	operations, no := text(parts, "operations")
	if no != nil {
		return nil, nil, no
	}
	params, no := s.parse(ctx, r, operations, viewer)
	if no != nil {
		return nil, nil, no
	}
	where, no := text(parts, "map")
	if no != nil {
		return nil, nil, no
	}
	var places map[string][]string
	if json.Unmarshal(where, &places) != nil || len(places) != 1 {
		return nil, nil, noForm
	}
	part, err := parts.NextPart()
	if err != nil || places[part.FormName()] == nil {
		return nil, nil, noForm
	}
	file, size, no := keep(part)
	if no != nil {
		return nil, nil, no
	}
	upload := graphql.Upload{File: file, Filename: part.FileName(), Size: size, ContentType: part.Header.Get("Content-Type")}
	for i, place := range places[part.FormName()] {
		if i > 0 || !attach(upload, place, params.Variables) {
			return nil, file, noForm
		}
	}
	return params, file, nil
}

// attach sets the variable at a place such as variables.input.file. gqlgen's own way to do so panics where the place does not
// fit the variables.
func attach(upload graphql.Upload, place string, variables map[string]any) bool {
	steps := strings.Split(place, ".")
	if steps[0] != "variables" || len(steps) < 2 || variables == nil {
		return false
	}
	var at any = variables
	for i, step := range steps[1:] {
		last := i == len(steps)-2
		switch in := at.(type) {
		case map[string]any:
			if last {
				in[step] = upload
			}
			at = in[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n < 0 || n >= len(in) {
				return false
			}
			if last {
				in[n] = upload
			}
			at = in[n]
		default:
			return false
		}
	}
	return true
}

// isLarge tells whether there is a file, and it is large.
func isLarge(file *os.File) bool {
	if file == nil {
		return false
	}
	info, err := file.Stat()
	return err != nil || info.Size() > largeFile
}

// text reads the next field of a form, which must have a name.
func text(parts *multipart.Reader, name string) ([]byte, *refused) {
	part, err := parts.NextPart()
	if err != nil || part.FormName() != name {
		return nil, noForm
	}
	text, err := io.ReadAll(io.LimitReader(part, maxFormText+1))
	if err != nil {
		return nil, noForm
	}
	if len(text) > maxFormText {
		return nil, tooLarge
	}
	return text, nil
}

// keep writes a file to disk and takes its name away.
func keep(part io.Reader) (*os.File, int64, *refused) {
	file, err := os.CreateTemp("", "upload-*")
	if err != nil {
		return nil, 0, &refused{http.StatusServiceUnavailable, fault.New(fault.Unavailable, "", "There is no room for the file")}
	}
	_ = os.Remove(file.Name())
	size, err := io.Copy(file, io.LimitReader(part, statement.MaxFile+1))
	switch {
	case err != nil && strings.Contains(err.Error(), "no space"):
		file.Close()
		return nil, 0, &refused{http.StatusServiceUnavailable, fault.New(fault.Unavailable, "", "There is no room for the file")}
	case err != nil:
		file.Close()
		return nil, 0, noForm
	case size > statement.MaxFile:
		file.Close()
		return nil, 0, fileTooBig
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		file.Close()
		return nil, 0, &refused{http.StatusInternalServerError, internal}
	}
	return file, size, nil
}
