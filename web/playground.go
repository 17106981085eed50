// Package web holds the pages that the server brings along: everything in them is embedded, nothing comes from the network.
package web

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"embed"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// dist is made by `npm run build` in web/playground and committed. Of the assets only the compressed copy is kept.
//
//go:embed playground/dist
var dist embed.FS

// An Example is an operation that the playground opens in a tab of its own. The tab is named after the operation;
// Name is what the menu of examples calls it. Variables is JSON, or empty.
type Example struct {
	Name      string `json:"name"`
	Query     string `json:"query"`
	Variables string `json:"variables"`
}

// Playground is the page at "/": GraphiQL on the server's own /graphql.
type Playground struct {
	// Token gives the token that the page puts into its headers, and says whose it is. It is asked once per page load, and
	// again when an open page's token has ended. Nil: the page tells how to get one.
	Token    func(ctx context.Context) (token, login string, err error)
	Examples []Example
}

// csp allows the page its own files and nothing else. Styles may be inline because the editor (Monaco) writes style
// elements; scripts may not.
const csp = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".ttf": "font/ttf", ".txt": "text/plain; charset=utf-8", ".woff2": "font/woff2",
}

// Handler serves the page at "/" and what belongs to it under "/playground/"; all else is 404. Only GET and HEAD.
func (p Playground) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		switch name, inside := strings.CutPrefix(r.URL.Path, "/playground/"); {
		case r.URL.Path == "/":
			serveAsset(w, r, "index.html")
		case inside && name == "config.json":
			p.serveConfig(w, r)
		case inside:
			serveAsset(w, r, name)
		default:
			http.NotFound(w, r)
		}
	})
}

func (p Playground) serveConfig(w http.ResponseWriter, r *http.Request) {
	config := struct {
		Endpoint string    `json:"endpoint"`
		Token    string    `json:"token"`
		Login    string    `json:"login"`
		Examples []Example `json:"examples"`
	}{Endpoint: "/graphql", Examples: append([]Example{}, p.Examples...)}
	if p.Token != nil && mayHaveToken(r) {
		var err error
		if config.Token, config.Login, err = p.Token(r.Context()); err != nil {
			slog.ErrorContext(r.Context(), "playground: no token", "error", err)
			http.Error(w, "making one failed, the server's log says why", http.StatusServiceUnavailable)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(config)
}

// mayHaveToken tells whether a token may be put into the answer: it was asked for by a loopback name, so not by a page of
// another site whose name was made to point here (DNS rebinding), and by our own page, not by another origin's script.
// That guards against other pages in the user's browser. A client on the network can forge the Host header, so a server
// that gives tokens away should listen on a loopback address only.
func mayHaveToken(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip, _ := netip.ParseAddr(strings.Trim(host, "[]"))
	site := cmp.Or(r.Header.Get("Sec-Fetch-Site"), "none")
	return (ip.IsLoopback() || strings.EqualFold(host, "localhost")) &&
		(site == "none" || site == "same-origin") &&
		r.Header.Get("Origin") == "" // a page's GET of its own origin has none; guards where Sec-Fetch-Site is not known
}

func serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	file := "playground/dist/" + name
	data, err := dist.ReadFile(file)
	packed := err != nil
	if packed {
		data, err = dist.ReadFile(file + ".gz")
	}
	contentType, known := contentTypes[path.Ext(name)]
	if err != nil || !known {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	if strings.HasPrefix(name, "assets/") { // the name has a hash of the content in it
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if packed {
		h.Add("Vary", "Accept-Encoding")
		if !acceptsGzip(r) {
			if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
				_, _ = io.Copy(w, z)
			}
			return
		}
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data)
}

func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return weight == "" || strings.Trim(weight, "q=0.") != ""
		}
	}
	return false
}
