package graph

import (
	"context"
	"time"

	"insightgraph/auth"
	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/fault"
	"insightgraph/graph/generated"
	"insightgraph/page"
)

// checkCallback says what is wrong with where a caller wants to be told.
func (r *Resolver) checkCallback(url, handle *string) (faults fault.Many) {
	if url != nil {
		faults.Add(callback.CheckURL("callbackUrl", *url, r.PrivateCallbacks))
	}
	if handle != nil {
		faults.Add(bank.CheckText("callbackHandle", *handle, 1, bank.MaxID))
		if url == nil {
			faults.Add(fault.New(fault.Together, "callbackHandle", "callbackUrl should be provided with callbackHandle"))
		}
	}
	return faults
}

// Deliveries lists callbacks.
func (r query) Deliveries(ctx context.Context, filter *callback.Filter, first *int, after *string, last *int, before *string) (*page.Of[callback.Delivery], error) {
	f := orZero(filter)
	a, err := pageArgs(page.IsMomentKey, first, after, last, before)
	faults := fault.Many(fault.Of(err))
	faults.Add(bank.CheckIDs("filter.consumerIds", f.ConsumerIDs))
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return r.mine(ctx).Deliveries(ctx, f, a)
}

// Redeliver sends a callback again.
func (r mutation) Redeliver(ctx context.Context, in generated.RedeliverInput) (*generated.RedeliverPayload, error) {
	d, err := r.mine(ctx).Redeliver(ctx, in.DeliveryID)
	if err != nil {
		return nil, at("deliveryId", err)
	}
	r.Queue.WakeDeliveries(context.WithoutCancel(ctx), []int64{d.ID})
	return &generated.RedeliverPayload{Delivery: d}, nil
}

// previousHolds is how long a webhook secret holds after it was replaced.
const previousHolds = 24 * time.Hour

// RotateWebhookSecret makes a new secret.
func (r mutation) RotateWebhookSecret(ctx context.Context) (*generated.RotateWebhookSecretPayload, error) {
	answer := &generated.RotateWebhookSecretPayload{Secret: callback.NewSecret(), PreviousValidUntil: r.Store.Now().Add(previousHolds)}
	sealed := r.Keys.Seal([]byte(answer.Secret), callback.SecretPlace(auth.From(ctx).Customer.ID))
	err := r.mine(ctx).Also(answer).RotateWebhookSecret(ctx, sealed, answer.PreviousValidUntil)
	return answer, err
}
