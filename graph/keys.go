package graph

import (
	"context"
	"crypto/rand"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/graph/generated"
)

// PublicKeys lists the customer's registered keys.
func (r query) PublicKeys(ctx context.Context) ([]bank.PublicKey, error) {
	return r.mine(ctx).PublicKeys(ctx)
}

// RegisterPublicKey makes tokens good that the customer signs with the private half.
func (r mutation) RegisterPublicKey(ctx context.Context, in generated.RegisterPublicKeyInput) (*generated.RegisterPublicKeyPayload, error) {
	var faults fault.Many
	id := rand.Text()[:12]
	if in.KeyID != nil {
		id = *in.KeyID
		faults.Add(bank.CheckText("keyId", id, 1, bank.MaxID))
	}
	_, algorithm, err := auth.ParsePublicKey(in.PublicKey, in.Algorithm)
	if err := append(faults, fault.Of(err)...).Err(); err != nil {
		return nil, err
	}
	k, err := r.mine(ctx).AddPublicKey(ctx, bank.PublicKey{KeyID: id, Algorithm: algorithm, PEM: in.PublicKey})
	return &generated.RegisterPublicKeyPayload{PublicKey: k}, err
}

// RevokePublicKey makes the tokens of a key worthless at once.
func (r mutation) RevokePublicKey(ctx context.Context, in generated.RevokePublicKeyInput) (*generated.RevokePublicKeyPayload, error) {
	k, err := r.mine(ctx).RevokePublicKey(ctx, in.KeyID)
	return &generated.RevokePublicKeyPayload{PublicKey: k}, at("keyId", err)
}
