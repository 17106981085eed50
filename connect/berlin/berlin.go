// Package berlin reaches banks that speak the Berlin Group's NextGenPSD2 XS2A interface, the part for account
// information, implementation guidelines 1.3.x. Which banks those are says a file of the operator, who needs a
// certificate that they accept. All three ways of authorisation are there: at the bank's page (redirect), with login,
// password and code through us (embedded), in the bank's app (decoupled); a bank chooses by the links that it answers.
package berlin

import (
	"context"
	"encoding/json"

	"insightgraph/connect"
)

// Connector is the banks of one file.
type Connector struct {
	banks []connect.Bank
	by    map[string]*institute
}

// Name is kept beside stored consents.
func (*Connector) Name() string { return "berlin" }

// Banks lists the banks of the file.
func (c *Connector) Banks() []connect.Bank { return c.banks }

func (c *Connector) find(b connect.Bank) (*institute, error) {
	if i, ok := c.by[b.Code]; ok {
		return i, nil
	}
	return nil, connect.Is(connect.NotSupported)
}

// secret is what an access is kept as. A consent for one access lets each thing be read once, and the login has read the
// accounts, so they are kept with it.
type secret struct {
	Consent  string            `json:"consent"`
	Once     bool              `json:"once,omitempty"`
	Accounts []connect.Account `json:"accounts,omitempty"` // of Once
	Cards    map[string]bool   `json:"cards,omitempty"`    // of Once; see listed
}

func (s secret) pack() []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic("a secret is always JSON: " + err.Error())
	}
	return text
}

func unpack(text []byte) (s secret, err error) {
	if err := json.Unmarshal(text, &s); err != nil || checkID(s.Consent) != nil {
		return s, connect.Is(connect.Technical)
	}
	return s, nil
}

// Revoke deletes the consent. One that the bank does not know any more, or that has ended, is gone as well.
func (c *Connector) Revoke(ctx context.Context, b connect.Bank, text []byte) error {
	i, err := c.find(b)
	if err != nil {
		return err
	}
	s, err := unpack(text)
	if err != nil {
		return err
	}
	err = i.call(ctx, "DELETE", i.at("consents", s.Consent), sender{}, nil, nil)
	if r, ok := err.(*refusal); ok && (r.status == 404 || r.has("CONSENT_UNKNOWN", "CONSENT_EXPIRED", "CONSENT_INVALID", "RESOURCE_UNKNOWN", "RESOURCE_EXPIRED")) {
		return nil
	}
	return meaning(err, atData)
}
