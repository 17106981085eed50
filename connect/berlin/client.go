package berlin

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"insightgraph/connect"
)

// How much a bank may answer: in one answer, and how many pages of transactions.
const (
	maxAnswer = 16 << 20
	maxPages  = 200
)

// sender is what the headers of a call say beside its own: the consumer, where it is there, and the consent that is used.
type sender struct {
	psu      *connect.PSU
	language string
	consent  string
	login    string            // the PSU-ID
	more     map[string]string // of one kind of call
}

// at is the address of a resource. What a bank gave as an id has been checked by checkID.
func (i *institute) at(parts ...string) string {
	address := i.base.String() + "/v1"
	for _, p := range parts {
		address += "/" + url.PathEscape(p)
	}
	return address
}

// checkID refuses an id that could lead an address elsewhere.
func checkID(id string) error {
	if id == "" || id == "." || id == ".." || len(id) > 500 || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return connect.Is(connect.BankAnswer)
	}
	return nil
}

// link is the address that a link of an answer means. It must be at the bank's own host. The guidelines allow full
// links and paths, and their examples have paths from the host as well as from the interface's base.
func (i *institute) link(href string) (string, error) {
	u, err := url.Parse(href)
	if err != nil || href == "" || u.Opaque != "" || u.User != nil {
		return "", connect.Is(connect.BankAnswer)
	}
	if u.Scheme != "" || u.Host != "" {
		if cmp.Or(u.Scheme, i.base.Scheme) != i.base.Scheme || !strings.EqualFold(u.Hostname(), i.base.Hostname()) || port(u, i.base.Scheme) != port(i.base, i.base.Scheme) {
			return "", connect.Is(connect.BankAnswer)
		}
	}
	if u.Host == "" && (!strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "/v1/") && !strings.HasPrefix(u.Path, i.base.Path+"/")) {
		u = &url.URL{Path: i.base.Path + "/" + strings.TrimPrefix(u.Path, "/"), RawPath: rawPath(i.base.Path, u), RawQuery: u.RawQuery}
	}
	u.Scheme, u.Host, u.Fragment, u.RawFragment = i.base.Scheme, i.base.Host, "", ""
	return u.String(), nil
}

func rawPath(base string, u *url.URL) string {
	if u.RawPath == "" {
		return ""
	}
	return (&url.URL{Path: base}).EscapedPath() + "/" + strings.TrimPrefix(u.RawPath, "/")
}

func port(u *url.URL, scheme string) string {
	if scheme == "https" {
		return cmp.Or(u.Port(), "443")
	}
	return cmp.Or(u.Port(), "80")
}

// refusal is an answer of the bank that is no success: its status and the codes of it that the interface knows.
type refusal struct {
	status int
	codes  []string
}

func (r *refusal) Error() string { return fmt.Sprintf("the bank answers %d", r.status) }

func (r *refusal) has(codes ...string) bool {
	return slices.ContainsFunc(r.codes, func(c string) bool { return slices.Contains(codes, c) })
}

// call asks the bank. What is wrong with an answer is a *refusal where the bank says so itself, otherwise a problem;
// neither holds anything else of the answer.
func (i *institute) call(ctx context.Context, method, address string, from sender, body, into any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return connect.Is(connect.Technical)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return connect.Is(connect.BankAnswer) // the address is the bank's
	}
	i.headers(r.Header, from, body != nil)
	answer, err := i.client.Do(r)
	if err != nil {
		return unreachable(ctx, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return unreachable(ctx, err)
	case len(text) > maxAnswer:
		return connect.Is(connect.BankAnswer)
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return &refusal{answer.StatusCode, codesOf(text)}
	}
	if into != nil && json.Unmarshal(text, into) != nil {
		return connect.Is(connect.BankAnswer)
	}
	return nil
}

func (i *institute) headers(h http.Header, from sender, body bool) {
	for name, value := range i.Headers {
		h.Set(name, value)
	}
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	h.Set("Accept", "application/json")
	h.Set("X-Request-ID", newID())
	if h.Get("User-Agent") == "" {
		h.Set("User-Agent", "insightgraph")
	}
	if body {
		h.Set("Content-Type", "application/json")
	}
	set("Consent-ID", from.consent)
	set("PSU-ID", from.login)
	set("Accept-Language", from.language)
	if from.psu != nil { // the address says that the consumer is there: it is never sent without
		set("PSU-IP-Address", printable(from.psu.IPAddress))
		set("PSU-User-Agent", printable(from.psu.UserAgent))
		set("PSU-Accept-Language", from.language)
	}
	for name, value := range from.more {
		set(name, value)
	}
}

// printable is a text without what a header cannot hold.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s))
}

// newID is a random UUID (RFC 9562, version 4).
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func unreachable(ctx context.Context, err error) error {
	var slow net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout():
		return connect.Is(connect.BankTimeout)
	}
	return connect.Is(connect.BankUnavailable)
}

// codesOf reads the codes of an error, in the interface's own form or in that of RFC 7807.
func codesOf(text []byte) (codes []string) {
	type one struct {
		Category string `json:"category"`
		Code     string `json:"code"`
	}
	var e struct {
		Messages   []one  `json:"tppMessages"`
		Code       string `json:"code"`
		Additional []one  `json:"additionalErrors"`
	}
	if json.Unmarshal(text, &e) != nil {
		return nil
	}
	for _, m := range slices.Concat(e.Messages, []one{{Code: e.Code}}, e.Additional) {
		if _, known := meanings[m.Code]; known && m.Category != "WARNING" {
			codes = append(codes, m.Code)
		}
	}
	return codes
}

// stage is what a call was for: the same code means something else at the password and at the data.
type stage int

const (
	atStart stage = iota
	atLogin
	atCode
	atData
)

// meanings are the codes of the interface for account information, and what they mean wherever special says nothing.
var meanings = map[string]connect.Category{
	"PSU_CREDENTIALS_INVALID": connect.UserCredentials, "CORPORATE_ID_INVALID": connect.UserCredentials,
	"SCA_METHOD_UNKNOWN": connect.UserSecondFactor, "SCA_INVALID": connect.UserSecondFactor,
	"SERVICE_BLOCKED": connect.UserBlocked, "STATUS_INVALID": connect.UserDenied, "RESOURCE_EXPIRED": connect.UserTimeout,
	"CONSENT_EXPIRED": connect.ConsentExpired, "CONSENT_INVALID": connect.ConsentRevoked, "CONSENT_UNKNOWN": connect.ConsentRevoked,
	"ACCESS_EXCEEDED": connect.BankExceeded, "RESOURCE_UNKNOWN": connect.BankAnswer, "RESOURCE_BLOCKED": connect.BankAnswer,
	"SERVICE_INVALID": connect.NotSupported, "SESSIONS_NOT_SUPPORTED": connect.NotSupported, "REQUESTED_FORMATS_INVALID": connect.NotSupported,
	"TOKEN_UNKNOWN": connect.NotSupported, "TOKEN_INVALID": connect.NotSupported, "TOKEN_EXPIRED": connect.NotSupported,
	"FORMAT_ERROR": connect.Technical, "PARAMETER_NOT_CONSISTENT": connect.Technical, "PARAMETER_NOT_SUPPORTED": connect.Technical,
	"PERIOD_INVALID": connect.Technical, "TIMESTAMP_INVALID": connect.Technical, "ROLE_INVALID": connect.Technical,
	"CERTIFICATE_INVALID": connect.Technical, "CERTIFICATE_EXPIRED": connect.Technical, "CERTIFICATE_BLOCKED": connect.Technical,
	"CERTIFICATE_REVOKED": connect.Technical, "CERTIFICATE_MISSING": connect.Technical, "SIGNATURE_INVALID": connect.Technical,
	"SIGNATURE_MISSING": connect.Technical,
}

// special are the meanings at a stage. A call of a login is the same each time but for what the consumer typed, so a wrong
// format is of that.
var special = map[stage]map[string]connect.Category{
	atLogin: {"FORMAT_ERROR": connect.UserCredentials},
	atCode:  {"FORMAT_ERROR": connect.UserSecondFactor, "PSU_CREDENTIALS_INVALID": connect.UserSecondFactor},
	atData:  {"PSU_CREDENTIALS_INVALID": connect.ConsentRevoked, "STATUS_INVALID": connect.ConsentRevoked, "RESOURCE_EXPIRED": connect.ConsentExpired},
}

// bare are the meanings of an answer 401 or 403 without a code.
var bare = map[stage]map[int]connect.Category{
	atStart: {401: connect.Technical, 403: connect.Technical},
	atLogin: {401: connect.UserCredentials, 403: connect.UserDenied},
	atCode:  {401: connect.UserSecondFactor, 403: connect.UserDenied},
	atData:  {401: connect.ConsentRevoked, 403: connect.ConsentRevoked},
}

// meaning is what an error of call means to who is asking.
func meaning(err error, at stage) error {
	r, ok := err.(*refusal)
	if !ok {
		return err
	}
	return connect.Is(r.category(at))
}

func (r *refusal) category(at stage) connect.Category {
	switch {
	case r.status == http.StatusGatewayTimeout || r.status == http.StatusRequestTimeout:
		return connect.BankTimeout
	case r.status >= 500:
		return connect.BankUnavailable
	case len(r.codes) > 0:
		return cmp.Or(special[at][r.codes[0]], meanings[r.codes[0]])
	case r.status == http.StatusTooManyRequests:
		return connect.BankExceeded
	}
	return cmp.Or(bare[at][r.status], connect.BankAnswer)
}
