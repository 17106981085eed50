package insight

import "slices"

// CustomerSubscription is an insight with the customer's settings, as customerSubscriptions shows it.
func CustomerSubscription(d Definition, customer Settings) Subscription {
	s := Subscription{Definition: d, Title: title(d, customer)}
	for _, entity := range d.Entities {
		s.Customer = append(s.Customer, Effective(d, customer, Settings{}, entity, nil))
	}
	return s
}

// UserSubscription is an insight with a user's settings beside the customer's, as userSubscriptions shows it: what is
// in force for the user per entity type, then for every single entity that the user has configured.
func UserSubscription(d Definition, customer, user Settings) Subscription {
	s := CustomerSubscription(d, customer)
	for _, entity := range d.Entities {
		s.User = append(s.User, Effective(d, customer, user, entity, nil))
	}
	for _, o := range user.Overrides {
		if d.PerEntity && o.EntityID != nil && slices.Contains(d.Entities, o.EntityType) {
			s.User = append(s.User, Effective(d, customer, user, o.EntityType, o.EntityID))
		}
	}
	return s
}

// Offered tells whether the customer has the insight on for at least one entity type. If not, userSubscriptions does
// not list it, and no user may change it.
func Offered(d Definition, customer Settings) bool {
	return slices.ContainsFunc(d.Entities, func(e EntityType) bool {
		return Effective(d, customer, Settings{}, e, nil).IsSubscribed
	})
}

// Effective is the configuration in force for an entity type, or for one entity if entityID is given. Each value comes
// from the user's override for the entity, else the user's for the entity type, else the customer's, else the
// definition; what the customer has switched off is off for everyone (the reference product's precedence).
// An override that the definition no longer allows is passed over.
func Effective(d Definition, customer, user Settings, entity EntityType, entityID *string) Configuration {
	c := Configuration{EntityType: entity, EntityID: entityID, IsSubscribed: true, Frequency: d.Frequency, Duration: d.Duration}
	for _, t := range d.Thresholds {
		c.Threshold = append(c.Threshold, ThresholdValue{t.Name, t.Type, t.Default})
	}
	c.override(d, customer, nil)
	offered := c.IsSubscribed
	c.override(d, user, nil)
	if entityID != nil && d.PerEntity {
		c.override(d, user, entityID)
	}
	c.IsSubscribed = c.IsSubscribed && offered
	return c
}

// override puts what a level has set for the entity type, or for one entity, over the configuration.
func (c *Configuration) override(d Definition, level Settings, entityID *string) {
	o := level.override(c.EntityType, entityID)
	if o.IsSubscribed != nil {
		c.IsSubscribed = *o.IsSubscribed
	}
	if o.Frequency != nil && (*o.Frequency == d.Frequency || slices.Contains(d.Frequencies, *o.Frequency)) {
		c.Frequency = *o.Frequency
	}
	if o.Duration != nil && (*o.Duration == d.Duration || slices.Contains(d.Durations, *o.Duration)) {
		c.Duration = *o.Duration
	}
	for i, t := range d.Thresholds {
		if v := value(o.Threshold, t.Name); v != nil && t.allows(*v) {
			c.Threshold[i].Value = *v
		}
	}
}

// override is what the level has set for an entity type or entity; nothing if there is none.
func (s Settings) override(entity EntityType, entityID *string) Override {
	for _, o := range s.Overrides {
		if o.about(entity, entityID) {
			return o
		}
	}
	return Override{EntityType: entity, EntityID: entityID}
}

// with is the settings with one override replaced, added, or removed if it sets nothing. s stays as it is.
func (s Settings) with(o Override) Settings {
	empty := o.IsSubscribed == nil && o.Frequency == nil && o.Duration == nil && len(o.Threshold) == 0
	i := slices.IndexFunc(s.Overrides, func(other Override) bool { return other.about(o.EntityType, o.EntityID) })
	s.Overrides = slices.Clone(s.Overrides)
	switch {
	case i < 0 && !empty:
		s.Overrides = append(s.Overrides, o)
	case i >= 0 && empty:
		s.Overrides = slices.Delete(s.Overrides, i, i+1)
	case i >= 0:
		s.Overrides[i] = o
	}
	return s
}

func (o Override) about(entity EntityType, entityID *string) bool {
	if o.EntityID == nil || entityID == nil {
		return o.EntityType == entity && o.EntityID == entityID
	}
	return o.EntityType == entity && *o.EntityID == *entityID
}

// title is the title in force: the customer's, else the definition's.
func title(d Definition, customer Settings) string {
	if customer.Title != nil {
		return *customer.Title
	}
	return d.Title
}
