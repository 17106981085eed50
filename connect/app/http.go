package app

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/store"
	"insightgraph/web"
)

// Handler serves everything under /connect/.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /connect/app.js", launcher)
	mux.HandleFunc("GET /connect/assets/{name}", asset)
	mux.HandleFunc("GET /connect/flow/{handle}", a.page)
	mux.HandleFunc("GET /connect/leave", a.leave)
	mux.HandleFunc("GET /connect/return", a.comeBack)
	mux.HandleFunc("GET /connect/api/flow", a.api(func(r *http.Request, f store.Frame) (any, error) { return a.show(r, f.Flow.Handle) }))
	mux.HandleFunc("POST /connect/api/flow", a.api(a.post))
	mux.HandleFunc("GET /connect/api/banks", a.api(a.banks))
	for prefix, h := range a.Extra {
		mux.Handle(prefix, h)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// launcher is the script that customers' pages load.
func launcher(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	file(w, "app.js", "public, max-age=300")
}

func asset(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	file(w, r.PathValue("name"), "no-cache")
}

func file(w http.ResponseWriter, name, cache string) {
	data, contentType, ok := web.Connect(name)
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", cache)
	_, _ = w.Write(data)
}

// policy allows the page its own files and its own server, and only the given pages to frame it.
func policy(frames string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors " + frames
}

// page is the same for all flows but for who may frame it. What it shows comes over the API, for the token's holder only.
func (a *App) page(w http.ResponseWriter, r *http.Request) {
	frames, status := "'none'", http.StatusOK
	switch frame, err := a.Store.FlowByHandle(r.Context(), r.PathValue("handle")); {
	case err == nil:
		if origins := a.origins(frame); len(origins) > 0 {
			frames = strings.Join(origins, " ")
		}
	case len(fault.Of(err)) > 0:
		status = http.StatusNotFound
	default:
		a.Log.ErrorContext(r.Context(), "find a flow", "error", describe(err))
		status = http.StatusServiceUnavailable
	}
	data, contentType, _ := web.Connect("page.html")
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Security-Policy", policy(frames))
	w.Header().Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

// origins are the pages that may show the flow: those that the customer registered. On a developer's machine, as long as
// none is, those of the same machine.
func (a *App) origins(frame store.Frame) []string {
	if len(frame.Origins) > 0 {
		return frame.Origins
	}
	if u, err := url.Parse(a.URL); err == nil && onThisMachine(u.Hostname()) {
		return []string{"http://localhost:*", "http://127.0.0.1:*"} // a policy has no words for IPv6
	}
	return []string{}
}

func onThisMachine(host string) bool {
	ip, _ := netip.ParseAddr(host)
	return host == "localhost" || ip.IsLoopback()
}

// api answers the page: only for the holder of a flow's token, and only to our own page.
func (a *App) api(h func(*http.Request, store.Frame) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
			answer(w, http.StatusForbidden, failure{"This is for the connect app's own page"})
			return
		}
		frame, err := a.enter(r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		body, err := h(r, frame)
		if err != nil && !isConflict(err) {
			a.fail(w, r, err)
			return
		}
		status := http.StatusOK
		if err != nil { // the page shows how it is now
			status = http.StatusConflict
			if body, err = a.show(r, frame.Flow.Handle); err != nil {
				a.fail(w, r, err)
				return
			}
		}
		answer(w, status, body)
	}
}

type failure struct {
	Error string `json:"error"`
}

// errToken is a token that opens nothing, or not any more.
var errToken = errors.New("this link is not valid, or not any more")

// outlive is how long after its end a flow can still be looked at by its page.
const outlive = time.Hour

// enter finds the flow of a client token.
func (a *App) enter(r *http.Request) (store.Frame, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	handle, hash, well := connect.ReadToken(token)
	if !ok || !well {
		return store.Frame{}, errToken
	}
	frame, err := a.Store.FlowByHandle(r.Context(), handle)
	switch {
	case len(fault.Of(err)) > 0:
		return frame, errToken
	case err != nil:
		return frame, err
	case subtle.ConstantTimeCompare(hash, frame.Flow.TokenHash) != 1, !a.Store.Now().Before(frame.Flow.ExpiresAt.Add(outlive)):
		return frame, errToken
	}
	return frame, nil
}

// isConflict tells whether the page is behind: a fault of a flow's method is never shown as such.
func isConflict(err error) bool { return len(fault.Of(err)) > 0 }

func (a *App) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errToken), slices.ContainsFunc(fault.Of(err), func(f *fault.Error) bool { return f.Code == fault.NotFound }): // its consumer was erased meanwhile
		answer(w, http.StatusUnauthorized, failure{"This link is not valid, or not any more"})
	case errors.Is(err, errBadRequest):
		answer(w, http.StatusBadRequest, failure{"This is not a request of the connect app's page"})
	case r.Context().Err() != nil: // the window is closed
	default:
		a.Log.ErrorContext(r.Context(), "connect app", "error", describe(err))
		answer(w, http.StatusInternalServerError, failure{"Internal error."})
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// request is what the page asks for. It may hold credentials: it is never logged.
type request struct {
	Version  int               `json:"version"`
	Action   string            `json:"action"`
	Bank     string            `json:"bank"`
	Store    bool              `json:"store"`
	Values   map[string]string `json:"values"`
	Accounts []string          `json:"accounts"`
}

// post does an action, and answers with how the flow is then: at once, or when the bank has answered in a moment.
func (a *App) post(r *http.Request, frame store.Frame) (any, error) {
	var in request
	if contentType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); contentType != "application/json" {
		return nil, errBadRequest
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<10+1))
	if err != nil || len(body) > 16<<10 {
		return nil, errBadRequest
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&in) != nil {
		return nil, errBadRequest
	}
	frame.Session.Language = language(r, frame.Session)
	if err := a.act(r.Context(), frame, in); err != nil {
		return nil, err
	}
	return a.soon(r, frame.Flow.Handle)
}

// soon waits a moment for a bank or a worker.
func (a *App) soon(r *http.Request, handle string) (view, error) {
	patient := time.NewTimer(patience)
	defer patient.Stop()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 160*time.Millisecond) {
		v, err := a.show(r, handle)
		if err != nil || v.State != connect.Processing {
			return v, err
		}
		select {
		case <-patient.C:
			return v, nil
		case <-r.Context().Done():
			return v, r.Context().Err()
		case <-time.After(pause):
		}
	}
}

// banks answers the search for a bank.
func (a *App) banks(r *http.Request, _ store.Frame) (any, error) {
	const most = 50
	text, country := r.FormValue("text"), r.FormValue("country")
	if len(text) > 100 || len(country) > 2 {
		return nil, errBadRequest
	}
	found := a.Directory.Search(text, country)
	return struct {
		Banks     []connect.Bank `json:"banks"`
		Countries []string       `json:"countries"`
		More      bool           `json:"more"`
	}{found[:min(len(found), most)], a.Directory.Countries(), len(found) > most}, nil
}

// errForeign is a browser other than the one in which the consumer went to the bank.
var errForeign = errors.New("this began in another browser")

// leave sends the browser to the bank's page, with a cookie by which it is known when it comes back (RFC 6749, 10.12). It is
// in the window that the bank's page gets, as a frame's cookies are not those of that window. Only our own page leads here: a
// link in somebody's message does not.
func (a *App) leave(w http.ResponseWriter, r *http.Request) {
	handle, key := cut(r.URL.Query().Get("state"))
	frame, err := a.Store.FlowByHandle(r.Context(), handle)
	var dialog connect.Dialog
	if err == nil {
		dialog, err = a.open(frame.Flow)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case err != nil:
	case frame.Flow.State != connect.InputNeeded || dialog.Step.Kind != connect.Redirect || !same(key, mark("leave", dialog.Nonce)):
		err = errToken
	case site != "" && site != "same-origin":
		err = errForeign
	}
	if err != nil {
		a.ending(w, r, err)
		return
	}
	http.SetCookie(w, a.cookie(handle, mark("browser", dialog.Nonce), max(1, int(frame.Flow.ExpiresAt.Sub(a.Store.Now()).Seconds()))))
	w.Header().Set("Location", dialog.Step.URL)
	w.WriteHeader(http.StatusSeeOther)
}

// comeBack is where the bank's page sends the browser: the answer to a Redirect. The nonce is good once, for this step, and in
// the browser that left.
func (a *App) comeBack(w http.ResponseWriter, r *http.Request) {
	handle, nonce := cut(r.URL.Query().Get("state"))
	query := r.URL.Query()
	query.Del("state")
	err := errToken
	if frame, found := a.Store.FlowByHandle(r.Context(), handle); found == nil {
		frame.Session.Language = language(r, frame.Session)
		move := func(change func(*connect.Flow) error) (connect.Flow, error) {
			return a.Store.Customer(frame.Customer.ID).MoveFlow(r.Context(), frame.Flow.Ref(), change)
		}
		err = a.answer(r.Context(), move, frame, a.Store.Now().Add(a.timeout()+grace), connect.Answer{Return: query}, func(d connect.Dialog) error {
			if d.Step.Kind != connect.Redirect || d.Nonce == "" || !same(nonce, d.Nonce) {
				return errToken
			}
			if known, err := r.Cookie(a.cookie(handle, "", 0).Name); err != nil || !same(known.Value, mark("browser", d.Nonce)) {
				return errForeign
			}
			return nil
		})
	}
	if err == nil {
		http.SetCookie(w, a.cookie(handle, "", -1))
	}
	a.ending(w, r, err)
}

// mark is made of a nonce and does not tell it.
func mark(what, nonce string) string {
	sum := sha256.Sum256([]byte(what + "." + nonce))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// cookie is a flow's, so that flows in other windows keep theirs. By its prefix no other host can set it.
func (a *App) cookie(handle, value string, age int) *http.Cookie {
	c := &http.Cookie{Name: "bank-" + handle, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if strings.HasPrefix(a.URL, "https:") {
		c.Name, c.Secure = "__Host-"+c.Name, true
	}
	return c
}

// ending is the last page of the window in which the bank's page was.
func (a *App) ending(w http.ResponseWriter, r *http.Request, err error) {
	name, status := "return.html", http.StatusOK
	switch {
	case errors.Is(err, errForeign):
		name, status = "foreign.html", http.StatusForbidden
	case err != nil:
		name, status = "lost.html", http.StatusBadRequest
		if !errors.Is(err, errToken) && len(fault.Of(err)) == 0 {
			a.Log.ErrorContext(r.Context(), "to or from a bank", "error", describe(err))
		}
	}
	data, contentType, _ := web.Connect(name)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Security-Policy", policy("'none'"))
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

func cut(token string) (handle, secret string) {
	handle, secret, _ = strings.Cut(token, ".")
	return handle, secret
}

// show is the flow as its page shows it.
func (a *App) show(r *http.Request, handle string) (view, error) {
	frame, err := a.Store.FlowByHandle(r.Context(), handle)
	if err != nil {
		return view{}, err
	}
	return a.view(frame, language(r, frame.Session))
}

// language is the session's, otherwise the browser's.
func language(r *http.Request, s connect.Session) string {
	switch {
	case s.Language != "":
		return s.Language
	case strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "de"):
		return "de"
	}
	return "en"
}
