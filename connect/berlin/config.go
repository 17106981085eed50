package berlin

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
)

// The approaches, as the interface calls them.
const (
	redirect  = "REDIRECT"
	embedded  = "EMBEDDED"
	decoupled = "DECOUPLED"
)

// entry is a bank in the file, which is {"banks": [entry, …]}. Names of files are relative to it.
type entry struct {
	Code              string            `json:"code"`              // letters, digits, . _ -; never changed
	Name              string            `json:"name"`              // as consumers know it
	Country           string            `json:"country"`           // ISO 3166, two capitals
	URL               string            `json:"url"`               // of the interface, without /v1
	ClientCertificate string            `json:"clientCertificate"` // PEM file: our certificate (QWAC) and its chain
	ClientKey         string            `json:"clientKey"`         // PEM file
	CAFile            string            `json:"caFile"`            // PEM file: who may have signed the bank's certificate; else the system's
	Headers           map[string]string `json:"headers"`           // sent with every call, such as a key of the bank's portal
	Approach          string            `json:"approach"`          // preferred: REDIRECT, EMBEDDED or DECOUPLED; else the bank chooses
	AskLogin          bool              `json:"askLogin"`          // the bank wants the PSU-ID with the consent, whatever the approach
	Access            string            `json:"access"`            // offered: the consumer picks accounts at the bank (default); allPsd2: all accounts
	CardAccounts      bool              `json:"cardAccounts"`      // the bank has /v1/card-accounts
	Consents          *bool             `json:"consents"`          // access may be kept; default true
	HistoryDays       *int              `json:"historyDays"`       // how far back the bank goes
}

// institute is a bank with all that it takes to talk to it.
type institute struct {
	entry
	base   *url.URL
	client *http.Client
}

// Open reads the file of the banks. What is wrong is said with the bank and the field.
func Open(file string) (*Connector, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all struct {
		Banks []json.RawMessage `json:"banks"`
	}
	if err := strict(text, &all); err != nil {
		return nil, err
	}
	if len(all.Banks) == 0 {
		return nil, errors.New("banks: there is none")
	}
	c := &Connector{by: map[string]*institute{}}
	for n, raw := range all.Banks {
		var name struct {
			Code any `json:"code"`
		}
		_ = json.Unmarshal(raw, &name) // what is wrong is said below
		label := fmt.Sprintf("bank %d", n+1)
		if code, ok := name.Code.(string); ok && code != "" {
			label = fmt.Sprintf("bank %q", code)
		}
		var e entry
		if err := strict(raw, &e); err != nil {
			return nil, fmt.Errorf("%s: %w", label, err)
		}
		i, err := e.open(filepath.Dir(file))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", label, err)
		}
		if c.by[e.Code] != nil {
			return nil, fmt.Errorf("%s: code: there are two banks of this code", label)
		}
		c.by[e.Code] = i
		c.banks = append(c.banks, connect.Bank{Code: e.Code, Name: e.Name, Country: e.Country, Consents: e.Consents == nil || *e.Consents})
	}
	return c, nil
}

func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more after the end")
	}
	return nil
}

var (
	codeShape   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	headerShape = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`)
	// ours are the headers that the connector sets itself.
	ours = regexp.MustCompile(`(?i)^(X-Request-ID|Consent-ID|PSU-.*|TPP-.*|Accept|Accept-Language|Accept-Encoding|Content-.*|Host|Transfer-Encoding|Connection|Digest|Signature)$`)
)

func (e entry) open(dir string) (*institute, error) {
	switch {
	case !codeShape.MatchString(e.Code):
		return nil, errors.New("code: use 1 to 64 letters, digits and . _ -")
	case strings.HasPrefix(strings.ToLower(e.Code), "sandbox"):
		return nil, errors.New("code: the built-in banks begin with sandbox")
	case bank.CheckText("name", e.Name, 1, bank.MaxName) != nil:
		return nil, fmt.Errorf("name: use 1 to %d characters", bank.MaxName)
	case len(e.Country) != 2 || strings.Trim(e.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return nil, errors.New("country: use two capital letters, such as DE")
	case !slices.Contains([]string{"", redirect, embedded, decoupled}, e.Approach):
		return nil, errors.New("approach: use REDIRECT, EMBEDDED or DECOUPLED")
	case !slices.Contains([]string{"", "offered", "allPsd2"}, e.Access):
		return nil, errors.New("access: use offered or allPsd2")
	case e.HistoryDays != nil && (*e.HistoryDays < 1 || *e.HistoryDays > connect.MaxDays):
		return nil, fmt.Errorf("historyDays: use 1 to %d", connect.MaxDays)
	case (e.ClientCertificate == "") != (e.ClientKey == ""):
		return nil, errors.New("clientCertificate, clientKey: one does not go without the other")
	}
	for name, value := range e.Headers {
		switch {
		case !headerShape.MatchString(name):
			return nil, fmt.Errorf("headers: %q is not the name of a header", name)
		case ours.MatchString(name):
			return nil, fmt.Errorf("headers: %s is set by the connector", name)
		case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return nil, fmt.Errorf("headers: %s holds a character that is not allowed", name) // the value may be secret
		}
	}
	base, err := url.Parse(e.URL)
	switch {
	case err != nil || base.Hostname() == "" || base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, errors.New("url: use an address such as https://xs2a.bank.example")
	case base.Scheme != "https" && !(base.Scheme == "http" && loopback(base.Hostname())):
		return nil, errors.New("url: use https (http only on this machine)")
	}
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), ""
	if strings.HasSuffix(base.Path, "/v1") {
		return nil, errors.New("url: leave out /v1 at the end")
	}
	secure, err := e.tls(dir, base.Scheme)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = secure
	transport.MaxResponseHeaderBytes = 64 << 10
	transport.IdleConnTimeout = 30 * time.Second
	return &institute{e, base, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

func (e entry) tls(dir, scheme string) (*tls.Config, error) {
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	in := func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(dir, name)
	}
	if scheme == "http" && cmp.Or(e.ClientCertificate, e.CAFile) != "" {
		return nil, errors.New("clientCertificate, caFile: they need an https url")
	}
	if e.ClientCertificate != "" {
		pair, err := tls.LoadX509KeyPair(in(e.ClientCertificate), in(e.ClientKey))
		if err != nil {
			return nil, fmt.Errorf("clientCertificate, clientKey: %w", err)
		}
		secure.Certificates = []tls.Certificate{pair}
	}
	if e.CAFile != "" {
		pem, err := os.ReadFile(in(e.CAFile))
		if err != nil {
			return nil, fmt.Errorf("caFile: %w", err)
		}
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("caFile: there is no certificate in it")
		}
	}
	return secure, nil
}

func loopback(host string) bool {
	ip, _ := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip.IsLoopback()
}
