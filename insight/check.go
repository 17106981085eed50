package insight

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"insightgraph/bank"
	"insightgraph/fault"
)

// checker gathers the faults of one update of subscriptions.
type checker struct {
	level  string // "customer" or "user"
	faults fault.Many
}

func (c *checker) add(code fault.Code, field, format string, a ...any) {
	c.faults.Add(fault.New(code, field, format, a...))
}

// each calls check for every change with its path and its definition, which is nil where no valid name was sent:
// the rules that need none are checked all the same.
func (c *checker) each(defs []Definition, changes []SubscriptionChange, check func(string, *Definition, SubscriptionChange)) {
	list := c.level + "Subscription"
	if len(changes) == 0 {
		c.add(fault.NoUpdate, list, "Update not allowed without a valid request body")
	}
	named := map[string]bool{}
	for i, s := range changes {
		path := bank.Path(list, i)
		field := path + ".insightName"
		var d *Definition
		if s.InsightName == nil {
			c.faults.Add(fault.Missing(field))
		} else if known, ok := find(defs, *s.InsightName); !ok {
			c.add(fault.InvalidValue, field, "Invalid value for insightName")
		} else {
			d = &known
			if named[d.Name] {
				c.badConfiguration(field)
			}
			named[d.Name] = true
		}
		check(path, d, s)
	}
}

// badConfiguration is the reference product's sentence for everything that is wrong with a configuration as a whole.
func (c *checker) badConfiguration(field string) {
	name := c.level + "Configuration"
	c.add(fault.InvalidValue, field, "Invalid value for %s; %s is either missing, duplicated, or has insufficient/ incorrect attributes", name, name)
}

// specials are the characters that the reference product's sentence names; the backslash is one of them.
const specials = `><\"'%{}|^~[]`

// title checks a new title: 3 to 100 characters, none of them special or invisible to a reader.
func (c *checker) title(field, title string) {
	special := func(r rune) bool {
		return strings.ContainsRune(specials, r) || unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r) && !joins(r)
	}
	if strings.ContainsFunc(title, special) {
		c.add(fault.InvalidValue, field, "%s", `Invalid value for insightTitle; special characters ><\""'%{}|^~[] are not supported.`)
	}
	if n := utf8.RuneCountInString(title); n < 3 || n > 100 {
		c.add(fault.InvalidLength, field, "Invalid length for insightTitle; min 3 and max 100 characters including spaces are allowed.")
	} else if !strings.ContainsFunc(title, func(r rune) bool { return !unicode.IsSpace(r) && !joins(r) }) {
		c.add(fault.InvalidValue, field, "Invalid value for insightTitle; it is blank")
	}
}

// joins tells the two invisible characters that words and signs are spelled with: Persian needs the one, an emoji the other.
func joins(r rune) bool { return r == '\u200c' || r == '\u200d' }

// readOnly refuses attributes that nobody may change, unless they are sent as they were read. Lists are sets.
func (c *checker) readOnly(path string, d *Definition, s SubscriptionChange) {
	if d == nil {
		return
	}
	refuse := func(field, name string) {
		c.add(fault.NotAllowed, path+"."+field, "For insight %s, modifying %s is not allowed", d.Name, name)
	}
	if differs(s.InsightType, string(d.Type)) {
		c.add(fault.NotAllowed, path+".insightType", "Modifying InsightType attribute is not allowed")
	}
	if differs(s.TriggerType, string(d.Trigger)) {
		refuse("triggerType", "triggerType")
	}
	if s.Containers != nil && !sameSet(s.Containers, d.Containers) {
		refuse("containers", "container")
	}
	if differs(s.Description, d.Description) {
		refuse("description", "description")
	}
	if s.ApplicableEntity != nil && !sameSet(s.ApplicableEntity, d.Entities) {
		refuse("applicableEntity", "applicableEntity")
	}
}

func sameSet[T ~string](sent []string, own []T) bool {
	return !slices.ContainsFunc(sent, func(s string) bool { return !slices.Contains(own, T(s)) }) &&
		!slices.ContainsFunc(own, func(o T) bool { return !slices.Contains(sent, string(o)) })
}

// configurations checks the list of configurations that a change sets; more is checked with each.
func (c *checker) configurations(list string, d *Definition, sent []ConfigurationChange, more func(path string, s ConfigurationChange)) {
	if len(sent) == 0 {
		c.badConfiguration(list)
	}
	type key struct{ entityType, entityID string }
	seen := map[key]bool{}
	for i, s := range sent {
		path := bank.Path(list, i)
		if s.EntityType != nil {
			k := key{entityType: *s.EntityType}
			if s.EntityID != nil {
				k.entityID = "=" + *s.EntityID // never the key of the entity type
			}
			if seen[k] {
				c.badConfiguration(path)
			}
			seen[k] = true
		}
		c.configuration(path, d, s)
		more(path, s)
	}
}

func (c *checker) configuration(path string, d *Definition, s ConfigurationChange) {
	switch {
	case s.EntityType == nil:
		c.add(fault.Together, path+".entityType", "entityType should be provided")
	case d != nil && !slices.Contains(d.Entities, EntityType(*s.EntityType)):
		c.add(fault.InvalidValue, path+".entityType", "Invalid value for entityType. %s", d.supported())
	}
	if s.EntityType != nil && s.IsSubscribed == nil && s.Frequency == nil && s.Duration == nil && len(s.Threshold) == 0 {
		c.add(fault.Incomplete, path, "At least one additional attribute is required in addition to entityType.")
	}
	switch {
	case s.EntityID == nil:
	case c.level == "customer":
		c.badConfiguration(path + ".entityId")
	case d != nil && !d.PerEntity:
		c.add(fault.NotAllowed, path+".entityId", "For insight %s, configurations at an entityId level are not allowed", d.Name)
	case *s.EntityID == "":
		c.add(fault.InvalidValue, path+".entityId", "Invalid value for entityId")
	}
	if s.IsSubscribed != nil && *s.IsSubscribed != "true" && *s.IsSubscribed != "false" {
		c.add(fault.InvalidValue, path+".isSubscribed", "Invalid value for isSubscribed; Supported values are true, false")
	}
	if d != nil {
		choice(c, path, "frequency", d.Name, s.Frequency, d.Frequency, d.Frequencies)
		choice(c, path, "duration", d.Name, s.Duration, d.Duration, d.Durations)
		c.thresholds(path+".threshold", d, s.Threshold)
	}
}

// supported names the entity types of the insight.
func (d Definition) supported() string {
	names := make([]string, len(d.Entities))
	for i, e := range d.Entities {
		names[i] = string(e)
	}
	return "Supported entityType for " + d.Name + " insight are - [" + fault.List(names) + "]"
}

// choice checks a value that is either fixed or one of a few.
func choice[T ~string](c *checker, path, name, insight string, sent *string, fixed T, others []T) {
	if sent == nil || T(*sent) == fixed || slices.Contains(others, T(*sent)) {
		return
	}
	if len(others) == 0 {
		c.add(fault.NotAllowed, path+"."+name, "For insight %s, modifying %s is not allowed", insight, name)
		return
	}
	c.add(fault.InvalidValue, path+"."+name, "Invalid value for %s; Supported values are %s", name, fault.List(append([]T{fixed}, others...)))
}

// thresholds checks what is sent for the limits of an insight: name and type are fixed, and each comes whole.
func (c *checker) thresholds(list string, d *Definition, sent []ThresholdChange) {
	if len(sent) > 0 && len(d.Thresholds) == 0 {
		c.add(fault.NotAllowed, list, "For %s insight passing threshold is not allowed", d.Name)
		return
	}
	names := make([]string, len(d.Thresholds))
	for i, t := range d.Thresholds {
		names[i] = t.Name
	}
	seen := map[string]bool{}
	for i, s := range sent {
		path := bank.Path(list, i)
		if s.Name == nil || s.Type == nil || s.Value == nil {
			c.add(fault.Together, path, "The entire threshold object should be provided")
			continue
		}
		at := slices.Index(names, *s.Name)
		if at < 0 {
			c.add(fault.InvalidValue, path+".name", "Invalid value for name; Supported values are %s", fault.List(names))
			continue
		}
		if seen[*s.Name] {
			c.badConfiguration(path)
		}
		seen[*s.Name] = true
		t := d.Thresholds[at]
		if *s.Type != string(t.Type) {
			c.add(fault.InvalidValue, path+".type", "Invalid value for type; Supported values are %s", t.Type)
		}
		if v, f := bank.ParseAmount(path+".value", *s.Value); f != nil || !t.allows(v) {
			c.add(fault.InvalidValue, path+".value", "Invalid value for %s in %s insight Min = %s and Max = %s", t.Name, d.Name, t.Minimum, t.Maximum)
		}
	}
}
