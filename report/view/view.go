// Package view shows reports in a browser: as a page and as PDF, to whoever has a link that holds.
package view

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/paper"
	"insightgraph/report"
	"insightgraph/store"
)

// View serves everything under /reports/.
type View struct {
	Store *store.Store
	Keys  connect.Keys
	URL   string // what browsers call this server, without a slash at the end
	Log   *slog.Logger
}

// pass is what a link holds, sealed, so that it can neither be made nor read elsewhere.
type pass struct {
	Customer int64     `json:"c"`
	Report   bank.Ref  `json:"r"`
	Until    time.Time `json:"u"`
}

const place = "report link"

// Link makes the two links to a report.
func (v *View) Link(customerID int64, ref bank.Ref, until time.Time) (page, pdf string) {
	text, err := json.Marshal(pass{customerID, ref, until})
	if err != nil {
		panic("a pass is always JSON: " + err.Error())
	}
	token := base64.RawURLEncoding.EncodeToString(v.Keys.Seal(text, place))
	base := v.URL + "/reports/" + ref.String()
	return base + "?token=" + token, base + ".pdf?token=" + token
}

// errOver is a link that held once, or never.
var errOver = errors.New("the link does not hold")

// find is the report that a request's link is for.
func (v *View) find(ctx context.Context, name, token string) (r report.Report, until time.Time, err error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return r, until, errOver
	}
	text, err := v.Keys.Open(sealed, place)
	if err != nil {
		return r, until, errOver
	}
	var p pass
	if json.Unmarshal(text, &p) != nil || p.Report.String() != name || !v.Store.Now().Before(p.Until) {
		return r, until, errOver
	}
	r, err = v.Store.Customer(p.Customer).Report(ctx, p.Report)
	if len(fault.Of(err)) > 0 { // erased meanwhile
		err = errOver
	}
	return r, p.Until, err
}

// Handler answers GET /reports/{id} and /reports/{id}.pdf.
func (v *View) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src '"+paper.Style()+"'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "Use GET", http.StatusMethodNotAllowed)
			return
		}
		name, asPDF := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/reports/"), ".pdf")
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
		defer cancel()
		found, _, err := v.find(ctx, name, r.URL.Query().Get("token"))
		switch {
		case errors.Is(err, errOver):
			v.say(w, http.StatusNotFound, "This link does not work", "It has expired, or it is not complete. Whoever sent it to you can make a new one.")
		case err != nil:
			v.Log.ErrorContext(ctx, "find a report to show", "error", err)
			v.say(w, http.StatusServiceUnavailable, "The report cannot be shown now", "Please try again in a moment.")
		case found.Status == report.Failed:
			v.say(w, http.StatusOK, "The report could not be made", "Whoever asked for it can ask again.")
		case found.Status != report.Succeeded:
			h.Set("Refresh", "2")
			v.say(w, http.StatusOK, "The report is being made", "This page looks again every two seconds.")
		default:
			v.show(w, r, found, asPDF)
		}
	})
}

func (v *View) show(w http.ResponseWriter, r *http.Request, found report.Report, asPDF bool) {
	d, ok := report.ByType(found.Type)
	var result report.Result
	err := errors.New("no such type")
	if ok {
		result, err = d.Decode(found.Result)
	}
	if err != nil {
		v.Log.ErrorContext(r.Context(), "show a report", "report", found.ID, "type", found.Type)
		v.say(w, http.StatusInternalServerError, "The report cannot be shown", "It was made by another version of this server.")
		return
	}
	doc := d.Doc(found, result)
	var out bytes.Buffer // whole or not at all
	if asPDF {
		w.Header().Set("Content-Type", "application/pdf")
		w.Header().Set("Content-Disposition", `inline; filename="`+strings.ToLower(strings.ReplaceAll(string(found.Type), "_", "-"))+`-`+found.Period.From.String()+`-`+found.Period.To.String()+`.pdf"`)
		err = doc.PDF(&out)
	} else {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		err = doc.HTML(&out, paper.Links{PDF: "/reports/" + found.Ref().String() + ".pdf?token=" + r.URL.Query().Get("token")})
	}
	if err != nil {
		v.Log.ErrorContext(r.Context(), "draw a report", "report", found.ID, "type", found.Type)
		v.say(w, http.StatusInternalServerError, "The report cannot be shown", "This was noted.")
		return
	}
	_, _ = out.WriteTo(w)
}

// say shows a page with a sentence in place of a report.
func (v *View) say(w http.ResponseWriter, status int, title, sentence string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Del("Content-Disposition")
	w.WriteHeader(status)
	_ = paper.Doc{Title: title, Blocks: []paper.Block{paper.Text(sentence)}}.HTML(w, paper.Links{})
}
