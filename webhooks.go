package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"insightgraph/callback"
)

// customerWebhookCmd shows or renews what a customer's callbacks are signed with.
type customerWebhookCmd struct {
	Customer string `required:"" placeholder:"CLIENT_ID" help:"The customer whose callbacks are signed with it."`
	Rotate   bool   `help:"Make a new one. The one before holds for 24 hours more: callbacks are signed with both."`
}

func (cmd *customerWebhookCmd) Run(ctx context.Context, c *config) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	customer, _, err := s.store.CustomerOfClient(ctx, cmd.Customer)
	if err != nil {
		return err
	}
	place := callback.SecretPlace(customer.ID)
	fresh := func() []byte { return keys.Seal([]byte(callback.NewSecret()), place) }
	if cmd.Rotate {
		until := s.store.Now().Add(24 * time.Hour)
		if err := s.store.Customer(customer.ID).As(byCommand).RotateWebhookSecret(ctx, fresh(), until); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "The one before holds until", until.Format(time.RFC3339)+".")
	}
	sealed, err := s.store.WebhookSecrets(ctx, customer.ID, fresh)
	if err != nil {
		return err
	}
	secret, err := keys.Open(sealed[0], place)
	if err != nil {
		return fmt.Errorf("open the secret: %w", err)
	}
	fmt.Println(string(secret))
	return nil
}
