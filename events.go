package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"insightgraph/bank"
)

type eventsCmd struct {
	Verify eventsVerifyCmd `cmd:"" help:"Check that nobody has altered the log of changes; fails where it is broken."`
}

type eventsVerifyCmd struct {
	Customer string `placeholder:"CLIENT_ID" help:"Only this customer."`
	Known    string `placeholder:"HASH" help:"A hash of that customer's log that was noted earlier: it must still be in it."`
}

// verified is what `events verify` prints of each customer. Who notes number and hash can later show that nothing up to
// there was altered, not even by somebody who made the whole chain anew.
type verified struct {
	Customer bank.Ref `json:"customer"`
	Number   int      `json:"number"` // of the last event that is as it was sealed
	Hash     string   `json:"hash"`
	Unsealed int      `json:"unsealed"`
	Broken   string   `json:"broken,omitempty"`
}

func (cmd *eventsVerifyCmd) Run(ctx context.Context, c *config) error {
	known, err := hex.DecodeString(cmd.Known)
	if err != nil || cmd.Known != "" && (len(known) != sha256.Size || cmd.Customer == "") { // half a hash must not look like an altered log
		return errors.New("--known is a hash of 64 hex digits, of the customer that --customer names")
	}
	s, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	defer s.close()
	ids, err := s.store.EventCustomers(ctx)
	if cmd.Customer != "" {
		var one bank.Customer
		if one, _, err = s.store.CustomerOfClient(ctx, cmd.Customer); err != nil {
			return fmt.Errorf("--customer: %w", err)
		}
		ids = []int64{one.ID}
	}
	if err != nil {
		return err
	}
	broken := 0
	for _, id := range ids {
		chain, err := s.store.VerifyEvents(ctx, id, known)
		if err != nil {
			return err
		}
		if chain.Broken == "" && cmd.Known != "" && !chain.Known {
			chain.Broken = "the known hash is not in it"
		}
		if chain.Broken != "" {
			broken++
		}
		if err := json.NewEncoder(os.Stdout).Encode(verified{bank.Customer{ID: id}.Ref(), chain.Number, hex.EncodeToString(chain.Hash), chain.Unsealed, chain.Broken}); err != nil {
			return err
		}
	}
	if broken > 0 {
		return fmt.Errorf("the logs of %d customers were altered", broken)
	}
	return nil
}
