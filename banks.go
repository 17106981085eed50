package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/connect/app"
	"insightgraph/connect/berlin"
	"insightgraph/connect/sandbox"
	"insightgraph/report/view"
	"insightgraph/store"
	"insightgraph/tasks"
)

// linking is what serve needs to link banks.
type linking struct {
	PublicURL string `env:"PUBLIC_URL" placeholder:"URL" help:"What browsers call this server, such as https://insights.bank.example. Unset: http and the address listened on."`
	Banks     string `env:"BANKS" type:"existingfile" placeholder:"FILE" help:"JSON file of the banks that are reached by their Berlin Group interface; see docs/banks.md."`
	Sandbox   string `env:"SANDBOX" default:"auto" enum:"auto,on,off" help:"The built-in sandbox banks: on, off, or auto, which is on as long as BANKS is not set (${default})."`
}

// directory joins the banks of all connectors.
func (l *linking) directory(now func() time.Time) (*connect.Directory, map[string]http.Handler, error) {
	var connectors []connect.Connector
	extra := map[string]http.Handler{}
	if l.Banks != "" {
		c, err := berlin.Open(l.Banks)
		if err != nil {
			return nil, nil, fmt.Errorf("read BANKS: %w", err)
		}
		connectors = append(connectors, c)
	}
	if l.Sandbox == "on" || l.Sandbox == "auto" && l.Banks == "" {
		c := sandbox.New(now)
		connectors = append(connectors, c)
		extra["/connect/sandbox/"] = c.Handler()
	}
	d, err := connect.NewDirectory(connectors...)
	return d, extra, err
}

// publicURL is what browsers call the server, without a slash at the end.
func (l *linking) publicURL(addr net.Addr) (string, error) {
	if l.PublicURL == "" {
		host, port, _ := net.SplitHostPort(addr.String())
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			host = "localhost"
		}
		return "http://" + net.JoinHostPort(host, port), nil
	}
	u, err := url.Parse(l.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("read PUBLIC_URL: %q is not the address of a server, such as https://insights.bank.example", l.PublicURL)
	}
	return u.Scheme + "://" + u.Host, nil
}

// keyFile holds the encryption key that is made where ENCRYPTION_KEYS gives none; only the owner may read it.
func keyFile(dataDir string) string { return filepath.Join(dataDir, "encryption.key") }

// keys are the encryption keys of the configuration, or those of the key file, which is made once.
func (c *config) keys() (connect.Keys, error) {
	if c.EncryptionKeys != "" {
		keys, err := connect.ParseKeys(c.EncryptionKeys)
		if err != nil {
			return nil, fmt.Errorf("read ENCRYPTION_KEYS: %w", err)
		}
		return keys, nil
	}
	path := keyFile(c.DataDir)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeKeyFile(path)
	}
	if err != nil {
		return nil, err
	}
	keys, err := connect.ParseKeys(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return keys, nil
}

// makeKeyFile writes a fresh key whole or not at all; of two processes the first one's stays.
func makeKeyFile(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "encryption-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(connect.NewKey() + "\n")
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// rim is what serve runs beside the insights.
type rim struct {
	app      *app.App       // between consumers and banks
	fetcher  *tasks.Fetcher // asks banks
	builder  *tasks.Builder // builds reports
	sender   *tasks.Sender  // sends callbacks
	view     *view.View     // shows reports
	keys     connect.Keys
	privates bool // callbacks may go to private addresses
}

// link makes the rim.
func (cmd *serveCmd) link(c *config, s *services, addr net.Addr, queue *tasks.Queue) (*rim, error) {
	keys, err := c.keys()
	if err != nil {
		return nil, err
	}
	directory, extra, err := cmd.directory(s.store.Now)
	if err != nil {
		return nil, err
	}
	public, err := cmd.publicURL(addr)
	if err != nil {
		return nil, err
	}
	// A server that is called by its own machine only has its customers there too.
	privates := cmd.PrivateCallbacks == "on" || cmd.PrivateCallbacks == "auto" && localOnly(public)
	return &rim{
		app:     &app.App{Store: s.store, Directory: directory, Keys: keys, Queue: queue, URL: public, Extra: extra, Log: s.log},
		fetcher: &tasks.Fetcher{Store: s.store, Directory: directory, Keys: keys, Log: s.log},
		builder: &tasks.Builder{Store: s.store, Log: s.log},
		sender:  &tasks.Sender{Store: s.store, Keys: keys, AllowPrivate: privates, Log: s.log, Queue: queue},
		view:    &view.View{Store: s.store, Keys: keys, URL: public, Log: s.log},
		keys:    keys, privates: privates,
	}, nil
}

// localOnly tells whether an address of a server is that of the machine itself.
func localOnly(public string) bool {
	u, err := url.Parse(public)
	return err == nil && isLoopback(net.JoinHostPort(u.Hostname(), "0"))
}

type secretsCmd struct {
	Key    secretsKeyCmd    `cmd:"" help:"Print a fresh key for ENCRYPTION_KEYS."`
	Rotate secretsRotateCmd `cmd:"" help:"Encrypt all stored secrets with the first of ENCRYPTION_KEYS; the others can go then."`
}

type secretsKeyCmd struct{}

func (secretsKeyCmd) Run() error {
	fmt.Println(connect.NewKey())
	return nil
}

type secretsRotateCmd struct{}

func (secretsRotateCmd) Run(ctx context.Context, c *config) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	done, failed, err := s.store.Reseal(ctx, func(sealed []byte, place string) ([]byte, error) {
		if keys.Current(sealed) {
			return sealed, nil
		}
		text, err := keys.Open(sealed, place)
		if err != nil {
			return nil, err
		}
		return keys.Seal(text, place), nil
	})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]int{"encrypted": done, "failed": failed}); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d secrets open with none of the keys: keep the old keys, or let those consumers link their banks again", failed)
	}
	return nil
}

type originCmd struct {
	Add    originAddCmd    `cmd:"" help:"Let pages of an origin show the connect app."`
	Remove originRemoveCmd `cmd:"" help:"Take that back."`
}

type originArgs struct {
	Customer string `required:"" placeholder:"CLIENT_ID" help:"The customer whose pages they are."`
	Origin   string `arg:"" help:"Scheme, host and port, such as https://shop.example."`
}

type (
	originAddCmd    struct{ originArgs }
	originRemoveCmd struct{ originArgs }
)

func (cmd *originAddCmd) Run(ctx context.Context, c *config) error {
	return cmd.run(ctx, c, store.Tenant.AddOrigin)
}

func (cmd *originRemoveCmd) Run(ctx context.Context, c *config) error {
	return cmd.run(ctx, c, store.Tenant.RemoveOrigin)
}

func (cmd *originArgs) run(ctx context.Context, c *config, change func(store.Tenant, context.Context, string) ([]string, error)) error {
	origin, f := connect.CheckOrigin("origin", cmd.Origin)
	if f != nil {
		return f
	}
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	var customer bank.Customer
	if customer, _, err = s.store.CustomerOfClient(ctx, cmd.Customer); err != nil {
		return err
	}
	all, err := change(s.store.Customer(customer.ID).As(byCommand), ctx, origin)
	for _, o := range all {
		fmt.Println(o)
	}
	return err
}
