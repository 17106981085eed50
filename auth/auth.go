// Package auth turns a bearer token into a viewer, and makes tokens.
package auth

import (
	"context"

	"insightgraph/bank"
)

// Role is what a token allows.
type Role string

// The roles.
const (
	RoleCustomer Role = "CUSTOMER" // everything of its customer
	RoleConsumer Role = "CONSUMER" // one consumer's own
)

// Viewer is the holder of a token.
type Viewer struct {
	Customer bank.Customer
	Consumer *bank.Consumer // nil with a customer-level token
	Token    string         // names the token where changes are recorded; it opens nothing
}

// Role is CONSUMER for a user-level token.
func (v Viewer) Role() Role {
	if v.Consumer != nil {
		return RoleConsumer
	}
	return RoleCustomer
}

type viewerKey struct{}

// With puts the viewer into a request's context.
func With(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// From takes the viewer out; every request that reaches a resolver has one.
func From(ctx context.Context) Viewer { v, _ := ctx.Value(viewerKey{}).(Viewer); return v }
