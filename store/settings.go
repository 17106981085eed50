package store

import (
	"context"
	"encoding/json"

	"insightgraph/bank"
	"insightgraph/fault"
	"insightgraph/insight"
)

// CustomerSettings is what the customer has set, by insight.
func (t Tenant) CustomerSettings(ctx context.Context) (settings map[string]insight.Settings, err error) {
	err = t.in(ctx, func(tx *Tx) (err error) {
		settings, err = tx.customerSettings(ctx, t.customerID)
		return err
	})
	return settings, err
}

func (tx *Tx) customerSettings(ctx context.Context, customerID int64) (map[string]insight.Settings, error) {
	return tx.settings(ctx, "SELECT insight, settings FROM customer_settings WHERE customer_id = (SELECT ?::bigint)", customerID)
}

func (tx *Tx) userSettings(ctx context.Context, customerID, consumerID int64) (map[string]insight.Settings, error) {
	return tx.settings(ctx, "SELECT insight, settings FROM user_settings WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ?", customerID, consumerID)
}

func (tx *Tx) settings(ctx context.Context, query string, args ...any) (map[string]insight.Settings, error) {
	var rows []struct {
		Insight  string
		Settings insight.Settings `bun:"type:jsonb"`
	}
	err := tx.NewRaw(query, args...).Scan(ctx, &rows)
	all := make(map[string]insight.Settings, len(rows))
	for _, r := range rows {
		all[r.Insight] = r.Settings
	}
	return all, err
}

// ChangeCustomerSettings lets decide change the customer's settings inside a lock. Insights that were not evaluated for
// want of a subscription are considered again.
func (t Tenant) ChangeCustomerSettings(ctx context.Context, decide func(current map[string]insight.Settings) (map[string]insight.Settings, error)) error {
	if err := t.customerOnly(); err != nil {
		return err
	}
	return t.change(ctx, "updateCustomerSubscriptions", nil, func(tx *Tx) error {
		tx.aboutOf(bank.Ref{}, nil)
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('customer_settings', ?))", t.customerID); err != nil {
			return err
		}
		current, err := tx.customerSettings(ctx, t.customerID)
		if err != nil {
			return err
		}
		changed, err := decide(current)
		if err != nil {
			return err
		}
		for name, s := range changed {
			if s.Empty() {
				_, err = tx.ExecContext(ctx, "DELETE FROM customer_settings WHERE customer_id = (SELECT ?::bigint) AND insight = ?", t.customerID, name)
			} else {
				_, err = tx.ExecContext(ctx, `INSERT INTO customer_settings (customer_id, insight, settings) VALUES (?, ?, ?)
					ON CONFLICT (customer_id, insight) DO UPDATE SET settings = excluded.settings`, t.customerID, name, jsonText(s))
			}
			if err != nil {
				return err
			}
		}
		return tx.reconsider(ctx, t.customerID)
	})
}

// UserSettings is what the customer and what the consumer has set, by insight.
func (t Tenant) UserSettings(ctx context.Context, consumer bank.Ref) (customer, user map[string]insight.Settings, err error) {
	if !t.may(consumer, bank.KindConsumer) {
		return nil, nil, fault.Unknown("consumerId", "Consumer")
	}
	err = t.in(ctx, func(tx *Tx) (err error) {
		var c bank.Consumer
		if err := tx.consumer(ctx, t, consumer.ID, &c, ""); err != nil {
			return err
		}
		if customer, err = tx.customerSettings(ctx, t.customerID); err != nil {
			return err
		}
		user, err = tx.userSettings(ctx, t.customerID, consumer.ID)
		return err
	})
	return customer, user, err
}

// ChangeUserSettings lets decide change a consumer's settings inside its lock.
func (t Tenant) ChangeUserSettings(ctx context.Context, consumer bank.Ref, decide func(customer, user map[string]insight.Settings) (map[string]insight.Settings, error)) error {
	return t.changeUserSettings(ctx, "updateUserSubscriptions", consumer, decide)
}

// ResetUserSettings forgets what a consumer has set for insights. It returns what the customer has set.
func (t Tenant) ResetUserSettings(ctx context.Context, consumer bank.Ref, insights []string) (above map[string]insight.Settings, err error) {
	err = t.Also(&above).changeUserSettings(ctx, "resetUserSubscriptions", consumer, func(customer, _ map[string]insight.Settings) (map[string]insight.Settings, error) {
		above = customer
		cleared := make(map[string]insight.Settings, len(insights))
		for _, name := range insights {
			cleared[name] = insight.Settings{}
		}
		return cleared, nil
	})
	return above, err
}

func (t Tenant) changeUserSettings(ctx context.Context, action string, consumer bank.Ref, decide func(customer, user map[string]insight.Settings) (map[string]insight.Settings, error)) error {
	if !t.may(consumer, bank.KindConsumer) {
		return fault.Unknown("consumerId", "Consumer")
	}
	return t.change(ctx, action, nil, func(tx *Tx) error {
		tx.about(consumer)
		var c bank.Consumer
		if err := tx.consumer(ctx, t, consumer.ID, &c, "NO KEY UPDATE"); err != nil {
			return err
		}
		customer, err := tx.customerSettings(ctx, t.customerID)
		if err != nil {
			return err
		}
		user, err := tx.userSettings(ctx, t.customerID, consumer.ID)
		if err != nil {
			return err
		}
		changed, err := decide(customer, user)
		if err != nil {
			return err
		}
		for name, s := range changed {
			if s.Empty() {
				_, err = tx.ExecContext(ctx, "DELETE FROM user_settings WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND insight = ?", t.customerID, consumer.ID, name)
			} else {
				_, err = tx.ExecContext(ctx, `INSERT INTO user_settings (customer_id, consumer_id, insight, settings) VALUES (?, ?, ?, ?)
					ON CONFLICT (customer_id, consumer_id, insight) DO UPDATE SET settings = excluded.settings`, t.customerID, consumer.ID, name, jsonText(s))
			}
			if err != nil {
				return err
			}
		}
		return tx.touch(ctx, t.customerID, []int64{consumer.ID})
	})
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain data always marshals
	}
	return string(b)
}
