package insight

import (
	"slices"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/fault"
)

// ChangeCustomer gives a customer's settings after an update, for every insight that the update names; current tells
// the settings before. On any fault nothing changes, and the error holds all faults in the order of the input.
// Rules and sentences are those of the reference product's error table for PATCH customer subscription.
func ChangeCustomer(defs []Definition, current func(insight string) Settings, changes []SubscriptionChange) (map[string]Settings, error) {
	c := checker{level: "customer"}
	c.each(defs, changes, func(path string, d *Definition, s SubscriptionChange) {
		var own Settings
		if d != nil {
			own = current(d.Name)
		}
		wrongLevel := len(s.UserConfiguration) > 0
		if s.InsightTitle == nil && s.CustomerConfiguration == nil && !wrongLevel {
			c.add(fault.Incomplete, path, "Invalid request; Either a valid insightTitle or customerConfiguration is required")
		}
		if s.InsightTitle != nil && (d == nil || *s.InsightTitle != title(*d, own)) {
			c.title(path+".insightTitle", *s.InsightTitle)
		}
		c.readOnly(path, d, s)
		if s.CustomerConfiguration != nil {
			c.configurations(path+".customerConfiguration", d, s.CustomerConfiguration, func(string, ConfigurationChange) {})
		}
		if wrongLevel {
			c.badConfiguration(path + ".userConfiguration")
		}
	})
	if err := c.faults.Err(); err != nil {
		return nil, err
	}
	changed := map[string]Settings{}
	for _, s := range changes {
		d, _ := find(defs, *s.InsightName)
		own := current(d.Name)
		if s.InsightTitle != nil {
			own.Title = settle(own.Title, title(d, own), d.Title, *s.InsightTitle)
		}
		for _, sent := range s.CustomerConfiguration {
			entity := EntityType(*sent.EntityType)
			effective := Effective(d, own, Settings{}, entity, nil)
			below := Effective(d, Settings{}, Settings{}, entity, nil)
			own = own.with(own.override(entity, nil).changed(d, sent, effective, below))
		}
		changed[d.Name] = own
	}
	return changed, nil
}

// ChangeUser gives a user's settings after an update, for every insight that the update names; customer and user tell
// the settings before. On any fault nothing changes, and the error holds all faults in the order of the input.
// Rules and sentences are those of the reference product's error table for PATCH user subscription. Whether an
// entityId exists and is the user's own is for the caller to know.
func ChangeUser(defs []Definition, customer, user func(insight string) Settings, changes []SubscriptionChange) (map[string]Settings, error) {
	c := checker{level: "user"}
	c.each(defs, changes, func(path string, d *Definition, s SubscriptionChange) {
		var above, own Settings
		offered := true
		if d != nil {
			above, own = customer(d.Name), user(d.Name)
			if offered = Offered(*d, above); !offered {
				c.add(fault.NotAllowed, path+".insightName", "For insight %s, modifying the subscription is not allowed; the customer has switched it off", d.Name)
			}
			if differs(s.InsightTitle, title(*d, above)) {
				c.add(fault.NotAllowed, path+".insightTitle", "Modifying insightTitle using this API is not allowed")
			}
		}
		c.readOnly(path, d, s)
		for i, sent := range s.CustomerConfiguration {
			if d != nil && !asRead(*d, above, sent) {
				c.add(fault.NotAllowed, bank.Path(path+".customerConfiguration", i), "Modifying customerConfiguration using this API is not allowed")
			}
		}
		c.configurations(path+".userConfiguration", d, s.UserConfiguration, func(path string, sent ConfigurationChange) {
			if d == nil || !offered || sent.EntityType == nil || !slices.Contains(d.Entities, EntityType(*sent.EntityType)) {
				return
			}
			entity := EntityType(*sent.EntityType)
			if switchedOff(*d, above, entity) && !same(sent, Effective(*d, above, own, entity, sent.EntityID)) {
				c.add(fault.NotAllowed, path, "For insight %s, modifying userConfiguration is not allowed; the customer has switched it off for this entityType", d.Name)
			}
		})
	})
	if err := c.faults.Err(); err != nil {
		return nil, err
	}
	changed := map[string]Settings{}
	for _, s := range changes {
		d, _ := find(defs, *s.InsightName)
		above, own := customer(d.Name), user(d.Name)
		// Entity types first: what is said of a single entity is measured against them, wherever it stands in the list.
		for _, single := range []bool{false, true} {
			for _, sent := range s.UserConfiguration {
				entity := EntityType(*sent.EntityType)
				if (sent.EntityID != nil) != single {
					continue
				}
				below := Effective(d, above, Settings{}, entity, nil)
				if single {
					below = Effective(d, above, own, entity, nil)
				}
				effective := Effective(d, above, own, entity, sent.EntityID)
				own = own.with(own.override(entity, sent.EntityID).changed(d, sent, effective, below))
			}
		}
		changed[d.Name] = own
	}
	return changed, nil
}

func switchedOff(d Definition, customer Settings, entity EntityType) bool {
	return !Effective(d, customer, Settings{}, entity, nil).IsSubscribed
}

// changed is the override after a checked change. effective is in force before it, below is in force without it.
func (o Override) changed(d Definition, c ConfigurationChange, effective, below Configuration) Override {
	if c.IsSubscribed != nil {
		o.IsSubscribed = settle(o.IsSubscribed, effective.IsSubscribed, below.IsSubscribed, *c.IsSubscribed == "true")
	}
	if c.Frequency != nil {
		o.Frequency = settle(o.Frequency, effective.Frequency, below.Frequency, Frequency(*c.Frequency))
	}
	if c.Duration != nil {
		o.Duration = settle(o.Duration, effective.Duration, below.Duration, Duration(*c.Duration))
	}
	own := o.Threshold
	o.Threshold = nil
	for i, t := range d.Thresholds {
		v := value(own, t.Name)
		for _, sent := range c.Threshold {
			if *sent.Name == t.Name {
				number, _ := bank.ParseAmount("", *sent.Value)
				v = settle(v, effective.Threshold[i].Value.Trim(0), below.Threshold[i].Value.Trim(0), number.Trim(0))
			}
		}
		if v != nil {
			o.Threshold = append(o.Threshold, ThresholdValue{t.Name, t.Type, *v})
		}
	}
	return o
}

// settle is an override of one value after a change: as it was if the value sent is in force anyway, none if the
// value sent is the one below, else the value sent.
func settle[T comparable](own *T, effective, below, sent T) *T {
	switch sent {
	case effective:
		return own
	case below:
		return nil
	}
	return &sent
}

// asRead tells whether a customer configuration in a user's update is what the user has read.
func asRead(d Definition, customer Settings, sent ConfigurationChange) bool {
	if sent.EntityType == nil || sent.EntityID != nil || !slices.Contains(d.Entities, EntityType(*sent.EntityType)) {
		return false
	}
	return same(sent, Effective(d, customer, Settings{}, EntityType(*sent.EntityType), nil))
}

// same tells whether everything that was sent is in force already.
func same(sent ConfigurationChange, in Configuration) bool {
	subscribed := "false"
	if in.IsSubscribed {
		subscribed = "true"
	}
	if differs(sent.IsSubscribed, subscribed) || differs(sent.Frequency, string(in.Frequency)) || differs(sent.Duration, string(in.Duration)) {
		return false
	}
	return !slices.ContainsFunc(sent.Threshold, func(t ThresholdChange) bool {
		return !slices.ContainsFunc(in.Threshold, func(v ThresholdValue) bool {
			if t.Name == nil || *t.Name != v.Name || differs(t.Type, string(v.Type)) {
				return false
			}
			if t.Value == nil {
				return true
			}
			number, f := bank.ParseAmount("", *t.Value)
			return f == nil && number.Cmp(v.Value) == 0
		})
	})
}

// differs tells whether a text was sent that is not the one in force.
func differs(sent *string, in string) bool { return sent != nil && *sent != in }

// value is the named threshold's value, nil if there is none.
func value(values []ThresholdValue, name string) *decimal.Decimal {
	for _, v := range values {
		if v.Name == name {
			return &v.Value
		}
	}
	return nil
}

// allows tells whether a value is within the threshold's bounds; days are whole.
func (t Threshold) allows(v decimal.Decimal) bool {
	return v.Cmp(t.Minimum) >= 0 && v.Cmp(t.Maximum) <= 0 && (t.Type != Days || v.IsInt())
}

func find(defs []Definition, name string) (Definition, bool) {
	for _, d := range defs {
		if d.Name == name {
			return d, true
		}
	}
	return Definition{}, false
}
