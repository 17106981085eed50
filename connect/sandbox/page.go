package sandbox

import (
	"context"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

//go:embed authorize.html
var pageText string

//go:embed style.css
var style []byte

var page = template.Must(template.New("").Parse(pageText))

// shown is what the bank's own page shows.
type shown struct {
	Return, Language, Login, Problem string
	German                           bool
}

// Handler serves the own page of the bank that sends its customers there, under /connect/sandbox/.
func (b *Banks) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /connect/sandbox/style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(style)
	})
	mux.HandleFunc("GET /connect/sandbox/authorize", func(w http.ResponseWriter, r *http.Request) { show(w, r, http.StatusOK, "") })
	mux.HandleFunc("POST /connect/sandbox/authorize", authorize)
	return mux
}

// back is the address that the browser goes back to: that of our own server only.
func back(r *http.Request) (*url.URL, bool) {
	u, err := url.Parse(r.FormValue("return"))
	return u, err == nil && u.Host == r.Host && u.Path == "/connect/return" && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil
}

// longest is how long the page thinks about a login.
const longest = 15 * time.Second

func authorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	u, ok := back(r)
	if !ok {
		http.Error(w, "This address was not made by the connect app.", http.StatusBadRequest)
		return
	}
	query := u.Query()
	if r.PostFormValue("decision") == "approve" {
		ctx, cancel := context.WithTimeout(r.Context(), longest) // who gets stuck does not keep a connection for ever
		defer cancel()
		who := r.PostFormValue("login")
		if enter(ctx, who, r.PostFormValue("password")) != nil || r.PostFormValue("code") != Code {
			show(w, r, http.StatusUnprocessableEntity, "wrong")
			return
		}
		query.Set("who", who)
		query.Set("approved", "yes")
	} else {
		query.Set("approved", "no")
	}
	u.RawQuery = query.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

func show(w http.ResponseWriter, r *http.Request, status int, problem string) {
	if _, ok := back(r); !ok {
		http.Error(w, "This address was not made by the connect app.", http.StatusBadRequest)
		return
	}
	language := "en"
	if strings.HasPrefix(r.FormValue("language"), "de") {
		language = "de"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = page.Execute(w, shown{Return: r.FormValue("return"), Language: language, Login: r.PostFormValue("login"), Problem: problem, German: language == "de"})
}
