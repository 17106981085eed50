package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"insightgraph/audit"
	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/insight"
	"insightgraph/store"
	"insightgraph/tasks"
)

type migrateCmd struct{}

func (migrateCmd) Run(ctx context.Context, c *config) error {
	s, err := c.open(ctx, false) // opening migrates
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "The database is up to date.")
	return s.close()
}

// byCommand is who changes something by a command.
var byCommand = store.Call{Actor: audit.By(audit.Command, "")}

type customerCmd struct {
	Create customerCreateCmd `cmd:"" help:"Make a customer; prints its client_id and client_secret, the secret only this once."`
	List   customerListCmd   `cmd:"" help:"List the customers."`
	Key    keyCmd            `cmd:"" help:"Public keys for tokens that a customer signs itself."`
	Origin originCmd         `cmd:"" help:"Origins of the pages that may show the connect app."`

	RotateSecret  customerRotateCmd  `cmd:"" help:"Give a customer another client_secret; the one before and all access tokens end."`
	WebhookSecret customerWebhookCmd `cmd:"" help:"Print what the customer's callbacks are signed with; --rotate makes a new one."`
}

type customerCreateCmd struct {
	Name     string `required:"" help:"The customer's name."`
	TimeZone string `default:"UTC" help:"IANA time zone; the default of its consumers (${default})."`
	Currency string `default:"EUR" help:"ISO 4217; the default of its consumers (${default})."`
	JSON     bool   `help:"Print one JSON object and nothing else."`
}

func (cmd *customerCreateCmd) Run(ctx context.Context, c *config) error {
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	made, err := createCustomer(ctx, s.store, "", cmd.Name, cmd.TimeZone, cmd.Currency)
	if err != nil {
		return err
	}
	return made.print(cmd.JSON)
}

// madeCustomer is what `customer create --json` prints.
type madeCustomer struct {
	ID           bank.Ref `json:"id"`
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret"`
}

func (made madeCustomer) print(asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(made)
	}
	fmt.Printf("client_id      %s\nclient_secret  %s\n", made.ClientID, made.ClientSecret)
	fmt.Fprintln(os.Stderr, "\nThe secret is shown this once; only its hash is kept.")
	return nil
}

type customerListCmd struct{}

func (cmd *customerListCmd) Run(ctx context.Context, c *config) error {
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	all, err := s.store.Customers(ctx)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "client_id\tname\ttime zone\tcurrency\tcreated")
	for _, m := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", m.ClientID, m.Name, m.TimeZone, m.Currency, m.CreatedAt.UTC().Format(time.DateOnly))
	}
	return t.Flush()
}

type customerRotateCmd struct {
	Customer string `required:"" placeholder:"CLIENT_ID" help:"The customer."`
	JSON     bool   `help:"Print one JSON object and nothing else."`
}

func (cmd *customerRotateCmd) Run(ctx context.Context, c *config) error {
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	customer, _, err := s.store.CustomerOfClient(ctx, cmd.Customer)
	if err != nil {
		return err
	}
	secret := auth.NewSecret()
	if err := s.store.RotateSecret(ctx, customer.ID, auth.HashSecret(secret)); err != nil {
		return err
	}
	return madeCustomer{customer.Ref(), customer.ClientID, secret}.print(cmd.JSON)
}

func createCustomer(ctx context.Context, s *store.Store, clientID, name, timeZone, currency string) (madeCustomer, error) {
	var faults fault.Many
	faults.Add(bank.CheckText("name", name, 1, bank.MaxName))
	faults.Add(bank.CheckTimeZone("timeZone", timeZone))
	unit, f := bank.ParseCurrency("currency", currency)
	faults.Add(f)
	if err := faults.Err(); err != nil {
		return madeCustomer{}, err
	}
	if clientID == "" {
		clientID = rand.Text() // it begins with no hyphen, as no option does
	}
	secret := auth.NewSecret()
	made, err := s.CreateCustomer(ctx, bank.Customer{Name: name, ClientID: clientID, TimeZone: timeZone, Currency: unit}, auth.HashSecret(secret))
	return madeCustomer{made.Ref(), made.ClientID, secret}, err
}

type keyCmd struct {
	Register keyRegisterCmd `cmd:"" help:"Register a public key."`
	Revoke   keyRevokeCmd   `cmd:"" help:"End the use of a key at once."`
}

type importCmd struct {
	Customer     string `required:"" placeholder:"CLIENT_ID" help:"The customer that the data belongs to."`
	Consumers    string `required:"" type:"existingfile" placeholder:"FILE" help:"CSV with external_id, [time_zone], [currency]."`
	Accounts     string `required:"" type:"existingfile" placeholder:"FILE" help:"CSV with consumer_external_id, external_id, container, name, currency, [type], [provider_name], [opened_on], [iban], [balance], [balance_as_of], [credit_limit], [status]."`
	Transactions string `required:"" type:"existingfile" placeholder:"FILE" help:"CSV with account_external_id, external_id, booking_date, amount, currency, [description], [counterparty_account], [counterparty_name], [counterparty_iban], [consumer_external_id], [base_type], [value_date], [status], [mcc], [category_id]."`
}

type ratesImportCmd struct {
	File string `arg:"" type:"existingfile" help:"The ECB's eurofxref-hist, zip or CSV."`
}

type ratesCmd struct {
	Import ratesImportCmd `cmd:"" help:"Take in exchange rates; known days are replaced."`
}

type insightsCmd struct {
	Run insightsRunCmd `cmd:"" help:"Evaluate all that is due at a moment: catching up and filling back."`
}

type insightsRunCmd struct {
	AsOf     time.Time `required:"" placeholder:"RFC3339" help:"The moment, such as 2026-11-01T06:00:00Z."`
	Customer *string   `placeholder:"CLIENT_ID" help:"Only this customer."`
}

// evaluated is what `insights run` prints.
type evaluated struct {
	Planned          int `json:"planned"`
	Generated        int `json:"generated"`
	Duplicate        int `json:"duplicate"`
	ConditionNotMet  int `json:"condition_not_met"`
	InsufficientData int `json:"insufficient_data"`
	NotSubscribed    int `json:"not_subscribed"`
	Failed           int `json:"failed"`
}

func (cmd *insightsRunCmd) Run(ctx context.Context, c *config) error {
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	if cmd.AsOf.After(s.store.Now()) {
		return fault.Invalid("as-of", "Invalid value for as-of; it lies in the future")
	}
	if cmd.AsOf.Year() < 1900 {
		return fault.Invalid("as-of", "Invalid value for as-of; it lies before 1900")
	}
	due := tasks.Due{At: cmd.AsOf}
	if cmd.Customer != nil { // an empty one is nobody's, not everybody's
		customer, _, err := s.store.CustomerOfClient(ctx, *cmd.Customer)
		if err != nil {
			return err
		}
		due.CustomerID = customer.ID
	}
	var bar *progressbar.ProgressBar
	counts, err := tasks.RunDue(ctx, tasks.NewWorker(s.store, s.log), due, func(done, all int) {
		if bar == nil {
			bar = newBar(int64(all), "evaluating")
		}
		_ = bar.Set(done)
	})
	if err != nil {
		return err
	}
	out := evaluated{Generated: counts[insight.Generated], Duplicate: counts[insight.Duplicate], ConditionNotMet: counts[insight.ConditionNotMet],
		InsufficientData: counts[insight.InsufficientData], NotSubscribed: counts[insight.NotSubscribed], Failed: counts[insight.Failed]}
	for _, n := range counts {
		out.Planned += n
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// newBar shows progress on a terminal, and nothing elsewhere.
func newBar(all int64, what string) *progressbar.ProgressBar {
	out := io.Writer(os.Stderr)
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		out = io.Discard
	}
	return progressbar.NewOptions64(all, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionShowCount())
}

type totalsCmd struct {
	Check   totalsCheckCmd   `cmd:"" help:"Compare the monthly totals with the transactions; fails where they differ."`
	Rebuild totalsRebuildCmd `cmd:"" help:"Make the monthly totals anew from the transactions."`
}

type totalsCheckCmd struct{}

func (totalsCheckCmd) Run(ctx context.Context, c *config) error {
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	wrong, err := s.store.CheckTotals(ctx)
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d monthly totals differ from the transactions; run totals rebuild", wrong)
	}
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(map[string]int{"wrong": wrong}))
}

type totalsRebuildCmd struct{}

func (totalsRebuildCmd) Run(ctx context.Context, c *config) error {
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	changed, err := s.store.RebuildTotals(ctx)
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(map[string]int{"changed": changed}))
}
