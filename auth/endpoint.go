package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/store"
)

// maxForm bounds the body of a token request.
const maxForm = 16 << 10

// refusal is an error answer of RFC 6749 5.2.
type refusal struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func invalidRequest(description string) *refusal {
	return &refusal{http.StatusBadRequest, "invalid_request", description}
}

// TokenHandler is POST /auth/token: the client credentials grant of RFC 6749 4.4, with login_name beside it for a
// token of one consumer. Secrets are read from the Authorization header or the body, never from the URL.
func (t *Tokens) TokenHandler(log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "application/json")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			refuse(w, &refusal{http.StatusMethodNotAllowed, "invalid_request", "Use POST"})
			return
		}
		form, no := readForm(w, r)
		if no != nil {
			refuse(w, no)
			return
		}
		answer, no, err := t.grant(r, form)
		if err != nil {
			log.ErrorContext(r.Context(), "token", store.Kinds(err)...)
			no = &refusal{http.StatusInternalServerError, "server_error", ""}
			if faults := fault.Of(err); len(faults) > 0 && faults[0].Code == fault.Unavailable {
				no = &refusal{http.StatusServiceUnavailable, "temporarily_unavailable", faults[0].Message}
			}
		}
		if no != nil {
			if _, _, basic := basicAuth(r); basic && no.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Basic realm="insightgraph", charset="UTF-8"`)
			}
			refuse(w, no)
			return
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
}

func refuse(w http.ResponseWriter, no *refusal) {
	w.WriteHeader(no.status)
	_ = json.NewEncoder(w).Encode(no)
}

// readForm reads the form of a token request. A parameter without a value counts as left out, and none may be given
// twice (RFC 6749 3.2).
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, *refusal) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" || r.Header.Get("Content-Encoding") != "" {
		return nil, &refusal{http.StatusUnsupportedMediaType, "invalid_request", "Use application/x-www-form-urlencoded"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &refusal{http.StatusRequestEntityTooLarge, "invalid_request", "The request is too large"}
	}
	if err != nil {
		return nil, invalidRequest("The request could not be read")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalidRequest("The form could not be read")
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, invalidRequest("A parameter was given more than once")
		}
		if values[0] == "" && name != "login_name" {
			delete(form, name)
		}
	}
	return form, nil
}

type granted struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
}

// grant checks the client, then what it asks for, so that only a client learns which consumers there are.
func (t *Tokens) grant(r *http.Request, form url.Values) (*granted, *refusal, error) {
	ctx := r.Context()
	id, secret, basic := basicAuth(r)
	switch {
	case basic && form.Has("client_secret"):
		return nil, invalidRequest("Use one way of client authentication"), nil
	case basic && form.Has("client_id") && form.Get("client_id") != id:
		return nil, invalidRequest("client_id differs from the client that is authenticated"), nil
	case !basic:
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	customer, hash, err := t.Store.CustomerOfClient(ctx, id)
	if err != nil && !notFound(err) {
		return nil, nil, err
	}
	if !sameSecret(secret, hash) || err != nil { // an unknown client takes the same time
		return nil, notClient, nil
	}
	switch form.Get("grant_type") {
	case "client_credentials":
	case "":
		return nil, invalidRequest("grant_type is missing"), nil
	default:
		return nil, &refusal{http.StatusBadRequest, "unsupported_grant_type", "Use client_credentials"}, nil
	}
	var consumer *bank.Consumer
	if form.Has("login_name") { // a blank one names nobody: it must not give a token for everybody
		found, err := t.Store.Customer(customer.ID).ConsumerByExternalID(ctx, form.Get("login_name"))
		if notFound(err) {
			return nil, &refusal{http.StatusBadRequest, "invalid_grant", "login_name is unknown"}, nil
		}
		if err != nil {
			return nil, nil, err
		}
		consumer = &found
	}
	token, life, err := t.Issue(ctx, customer, consumer)
	if err != nil {
		return nil, nil, err
	}
	// A secret that is replaced ends the tokens there are. This one may have come after that.
	_, now, err := t.Store.CustomerOfClient(ctx, id)
	if err == nil && !bytes.Equal(now, hash) {
		return nil, notClient, nil
	}
	return &granted{token, "Bearer", int(life.Seconds())}, nil, err
}

var notClient = &refusal{http.StatusUnauthorized, "invalid_client", "Client authentication failed"}

// basicAuth reads Basic credentials; both parts are form-encoded before they are joined (RFC 6749 2.3.1). present
// tells whether the client used the header at all, rightly or not.
func basicAuth(r *http.Request) (id, secret string, present bool) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "" {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	first, second, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok || !strings.EqualFold(scheme, "Basic") {
		return "", "", true
	}
	id, err1 := url.QueryUnescape(first)
	secret, err2 := url.QueryUnescape(second)
	if err1 != nil || err2 != nil {
		return "", "", true
	}
	return id, secret, true
}
