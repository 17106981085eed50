package callback

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"insightgraph/bank"
)

// NewSecret is a fresh secret, as receivers hold it.
func NewSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(b)
}

// SecretPlace is where a customer's secrets are sealed for.
func SecretPlace(customerID int64) string { return fmt.Sprintf("webhook/%d", customerID) }

// Headers are the headers of Standard Webhooks for one try: the id is the same at each, and there is a signature of each
// secret, so that a receiver can hold the old or the new one.
func Headers(id bank.Ref, at time.Time, body string, secrets []string) (map[string]string, error) {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, fmt.Errorf("read a webhook secret: it is not base64") // the text is secret
		}
		if signatures[i], err = w.Sign(id.String(), at, []byte(body)); err != nil {
			return nil, err
		}
	}
	return map[string]string{
		standardwebhooks.HeaderWebhookID:        id.String(),
		standardwebhooks.HeaderWebhookTimestamp: strconv.FormatInt(at.Unix(), 10),
		standardwebhooks.HeaderWebhookSignature: strings.Join(signatures, " "),
	}, nil
}
