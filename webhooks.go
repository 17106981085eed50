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
	sealed, err := s.store.WebhookSecrets(ctx, customer.ID, func() []byte { return keys.Seal([]byte(callback.NewSecret()), place) })
	if err != nil {
		return err
	}
	// Before a new one is made: if the key is not the server's, the customer's callbacks would end with the secret before.
	text, err := keys.Open(sealed[0], place)
	if err != nil {
		return fmt.Errorf("open the secret: %w; use the server's ENCRYPTION_KEYS (rotateWebhookSecret of the API makes a new secret where they are lost)", err)
	}
	secret := string(text)
	if cmd.Rotate {
		secret = callback.NewSecret()
		until := s.store.Now().Add(24 * time.Hour)
		if err := s.store.Customer(customer.ID).As(byCommand).RotateWebhookSecret(ctx, keys.Seal([]byte(secret), place), until); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "The one before holds until", until.Format(time.RFC3339)+".")
	}
	fmt.Println(secret)
	return nil
}
