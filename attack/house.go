package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"insightgraph/embedded"
)

// attack is one run of this program.
type attack struct {
	options
	ctx       context.Context // over when the attack is interrupted
	temporary bool
	servers   *embedded.Servers
	admin     *pgx.Conn // makes the databases
	program   string
	server    *server // what is attacked: configured as in production
	open      *server // beside it, with a database of its own and more allowed: introspection, callbacks to this machine

	bank     customer          // whose data must not get out
	intruder customer          // who attacks, with tokens that are good
	healthy  customer          // who only wants to work
	opener   customer          // of the open server
	ids      map[string]string // things of the intruder, by kind

	mu      sync.Mutex
	checks  int
	answers int
	found   []string
	secrets map[string]string // what must be in no answer and in no log
	groups  int
	most    int64   // bytes in memory
	slowest float64 // p99 of the healthy client in a group, in seconds
}

// customer is a customer of a server, with a token.
type customer struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	token        string
	most         int // bytes of an answer, where it may be longer than that to an attack
	house        *attack
	server       *server
}

// check notes whether something is as it has to be.
func (a *attack) check(ok bool, format string, args ...any) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.checks++
	if !ok {
		text := fmt.Sprintf(format, args...)
		a.found = append(a.found, text)
		a.log("FOUND %.1000s", text)
	}
	return ok
}

// secret remembers what must not get out.
func (a *attack) secret(name, text string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets[text] = name
	return text
}

// leaked names a secret that a text holds.
func (a *attack) leaked(text string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for secret, name := range a.secrets {
		if strings.Contains(text, secret) {
			return name
		}
	}
	return ""
}

// begin starts everything and puts data in.
func begin(ctx context.Context, o options) (a *attack, err error) {
	a = &attack{options: o, ctx: ctx, ids: map[string]string{}, secrets: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if a.temporary = a.dir == ""; a.temporary {
		if a.dir, err = os.MkdirTemp("", "insightgraph-attack-"); err != nil {
			return a, err
		}
	}
	a.program = filepath.Join(a.dir, "insightgraph")
	build := []string{"build", "-o", a.program}
	if a.race {
		build = append(build, "-race")
	}
	if out, err := exec.CommandContext(ctx, "go", append(build, "insightgraph")...).CombinedOutput(); err != nil {
		return a, fmt.Errorf("build the program: %w\n%s", err, out)
	}
	a.servers, err = embedded.Start(ctx, embedded.Options{Dir: a.dir, Postgres: true, Redis: true, Log: a.log,
		PostgresArgs: []string{"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "max_connections=100"}})
	if err != nil {
		return a, err
	}
	if a.admin, err = pgx.Connect(ctx, a.servers.DatabaseURL); err != nil {
		return a, err
	}
	if a.server, err = a.serve(ctx, "server", 0, "PRIVATE_CALLBACKS=off"); err != nil {
		return a, err
	}
	if a.open, err = a.serve(ctx, "open", 1, "PRIVATE_CALLBACKS=on", "INTROSPECTION=true"); err != nil {
		return a, err
	}
	if a.server.memory() == 0 {
		a.log("NOT MEASURED: memory and processor time, since there is no /proc here.")
	}
	return a, a.furnish(ctx)
}

func (a *attack) close() (err error) {
	for _, s := range []*server{a.open, a.server} {
		if s != nil {
			err = errors.Join(err, s.stop())
		}
	}
	if a.admin != nil {
		a.admin.Close(context.Background())
	}
	if a.servers != nil {
		err = errors.Join(err, a.servers.Stop())
	}
	if a.temporary {
		err = errors.Join(err, os.RemoveAll(a.dir))
	}
	return err
}

// newCustomer makes a customer with the program's own command, and gets a token.
func (a *attack) newCustomer(ctx context.Context, s *server, name string) (c customer, err error) {
	command := exec.CommandContext(ctx, a.program, "customer", "create", "--name", name, "--json")
	command.Env = s.cmd.Env
	out, err := command.Output()
	if err != nil {
		return c, fmt.Errorf("customer create: %w", err)
	}
	if err := json.Unmarshal(out, &c); err != nil {
		return c, err
	}
	a.secret("the client secret of "+name, c.ClientSecret)
	c.house, c.server = a, s
	c.token, err = c.signIn("")
	return c, err
}

// signIn gets a token, for a consumer where a login name is given.
func (c customer) signIn(loginName string) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ClientID}, "client_secret": {c.ClientSecret}}
	if loginName != "" {
		form.Set("login_name", loginName)
	}
	answer, err := http.PostForm(c.server.url+"/auth/token", form)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.AccessToken == "" {
		return "", fmt.Errorf("get a token: %s %v", answer.Status, err)
	}
	return c.house.secret("a token", got.AccessToken), nil
}

// furnish makes the customers and their data.
func (a *attack) furnish(ctx context.Context) (err error) {
	for _, one := range []struct {
		name, prefix, word, iban string
		*customer
		*server
	}{
		{"Bank", "bank", a.secret("the bank's data", "CNRY-BANK"), "DE89370400440532013000", &a.bank, a.server},
		{"Intruder", "", "own", "FR1420041010050500013M02606", &a.intruder, a.server},
		{"Healthy", "healthy", "own", "GB29NWBK60161331926819", &a.healthy, a.server},
		{"Opener", "open", "own", "GB29NWBK60161331926819", &a.opener, a.open},
	} {
		if *one.customer, err = a.newCustomer(ctx, one.server, one.name); err != nil {
			return err
		}
		var made struct {
			CreateAccount struct {
				Account struct {
					ID       string
					Consumer struct{ ID string }
				}
			}
		}
		if err := one.do(&made, `mutation($i:CreateAccountInput!){createAccount(input:$i){account{id consumer{id}}}}`, object{"consumerExternalId": one.word + "-person", "externalId": one.word + "-account",
			"container": "BANK", "name": one.word + " name", "currency": "EUR", "iban": one.iban}); err != nil {
			return err
		}
		account, consumer := made.CreateAccount.Account.ID, made.CreateAccount.Account.Consumer.ID
		today := time.Now().UTC()
		var rows []object
		for n := range 1000 {
			rows = append(rows, object{"externalId": fmt.Sprint(one.word, n), "amount": object{"amount": fmt.Sprintf("-%d.17", n+3), "currency": "EUR"},
				"bookingDate": today.AddDate(0, 0, -n/2-1).Format(time.DateOnly), "description": fmt.Sprintf("%s description %d", one.word, n), "counterparty": object{"name": one.word + " shop"}})
		}
		for some := range slices.Chunk(rows, 100) { // a busy machine takes its time, and a request has ten seconds
			var stored any
			if err := one.do(&stored, `mutation($i:CreateTransactionsInput!){createTransactions(input:$i){createdCount}}`, object{"accountId": account, "transactions": some}); err != nil {
				return err
			}
		}
		var report struct {
			CreateReport struct{ Report struct{ ID string } }
		}
		if err := one.do(&report, `mutation($i:CreateReportInput!){createReport(input:$i){report{id}}}`, object{"type": "SHOPPING", "consumerId": consumer}); err != nil {
			return err
		}
		a.ids[one.prefix+"account"], a.ids[one.prefix+"consumer"], a.ids[one.prefix+"report"] = account, consumer, report.CreateReport.Report.ID
	}
	return nil
}

type object = map[string]any

// forget lets answers hold a text again.
func (a *attack) forget(text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.secrets, text)
}
