package insight_test

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"insightgraph/insight"
)

// mustCustomer and mustUser do one change that has no fault.
func mustCustomer(t rapid.TB, customer levels, c ...change) levels {
	t.Helper()
	changed, err := insight.ChangeCustomer(definitions, customer.of, c)
	if err != nil {
		t.Fatal(err)
	}
	return customer.with(changed)
}

func mustUser(t rapid.TB, customer, user levels, c ...change) levels {
	t.Helper()
	changed, err := insight.ChangeUser(definitions, customer.of, user.of, c)
	if err != nil {
		t.Fatal(err)
	}
	return user.with(changed)
}

func TestPrecedence(t *testing.T) {
	on, off := new(true), new(false)
	id := new("a")
	level := func(entityType, entity *bool) insight.Settings {
		var s insight.Settings
		if entity != nil {
			s.Overrides = append(s.Overrides, insight.Override{EntityType: "ACCOUNT", EntityID: new("a"), IsSubscribed: entity})
		}
		if entityType != nil {
			s.Overrides = append(s.Overrides, insight.Override{EntityType: "ACCOUNT", IsSubscribed: entityType})
		}
		return s
	}
	for _, c := range []struct {
		name                             string
		customer, userType, userEntity   *bool
		wantType, wantEntity, wantOthers bool
	}{
		{"nothing set", nil, nil, nil, true, true, true},
		{"customer off", off, nil, nil, false, false, false},
		{"customer off, user on", off, on, on, false, false, false},
		{"customer on, user off", on, off, nil, false, false, true},
		{"user off", nil, off, nil, false, false, true},
		{"user off but one entity", nil, off, on, false, true, true},
		{"user off for one entity", nil, nil, off, true, false, true},
		{"user on but one entity", on, on, off, true, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			customer, user := level(c.customer, nil), level(c.userType, c.userEntity)
			if got := insight.Effective(flexible, customer, user, "ACCOUNT", nil).IsSubscribed; got != c.wantType {
				t.Errorf("entity type: %t", got)
			}
			if got := insight.Effective(flexible, customer, user, "ACCOUNT", id); got.IsSubscribed != c.wantEntity || *got.EntityID != "a" {
				t.Errorf("entity: %t", got.IsSubscribed)
			}
			if got := insight.Effective(flexible, customer, user, "ACCOUNT", new("b")).IsSubscribed; got != c.wantType {
				t.Errorf("another entity: %t", got)
			}
			if got := insight.Effective(flexible, customer, insight.Settings{}, "ACCOUNT", nil).IsSubscribed; got != c.wantOthers {
				t.Errorf("another user: %t", got)
			}
			if !insight.Effective(flexible, customer, user, "VIEW", nil).IsSubscribed {
				t.Error("another entity type")
			}
		})
	}
}

// Every value has its own precedence: what a level leaves out comes from below.
func TestPrecedencePerValue(t *testing.T) {
	customer := mustCustomer(t, levels{}, customerChange("FLEXIBLE", configuration{EntityType: new("ACCOUNT"), Frequency: new("DAILY"),
		Threshold: []threshold{{new("MINIMUM"), new("AMOUNT"), new("300.00")}}}))
	user := mustUser(t, customer, levels{}, userChange("FLEXIBLE",
		configuration{EntityType: new("ACCOUNT"), EntityID: new("a"), Threshold: []threshold{{new("FUTURE"), new("DAYS"), new("3")}}},
		configuration{EntityType: new("ACCOUNT"), Duration: new("LAST_SIX_MONTHS")}))
	got := insight.Effective(flexible, customer["FLEXIBLE"], user["FLEXIBLE"], "ACCOUNT", new("a"))
	want := insight.Configuration{EntityType: "ACCOUNT", EntityID: new("a"), IsSubscribed: true, Frequency: insight.Daily, Duration: insight.LastSixMonths,
		Threshold: []insight.ThresholdValue{{Name: "MINIMUM", Type: insight.Amount, Value: number("300")}, {Name: "FUTURE", Type: insight.Days, Value: number("3")}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// Single entities follow the entity types.
	listed := func(d insight.Definition) (names []string) {
		for _, c := range insight.UserSubscription(d, customer["FLEXIBLE"], user["FLEXIBLE"]).User {
			name := string(c.EntityType)
			if c.EntityID != nil {
				name += " " + *c.EntityID + " " + c.Threshold[len(c.Threshold)-1].Value.String()
			}
			names = append(names, name)
		}
		return names
	}
	if got := listed(flexible); !slices.Equal(got, []string{"ACCOUNT", "VIEW", "ACCOUNT a 3"}) {
		t.Errorf("listed: %q", got)
	}
	// What a definition no longer allows is passed over.
	fixed := flexible
	fixed.Frequencies, fixed.Durations, fixed.Thresholds, fixed.PerEntity = nil, nil, slices.Clone(flexible.Thresholds[:1]), false
	fixed.Thresholds[0].Minimum = number("400")
	stale := insight.Effective(fixed, customer["FLEXIBLE"], user["FLEXIBLE"], "ACCOUNT", nil)
	if stale.Frequency != insight.Weekly || stale.Duration != insight.LastMonth || len(stale.Threshold) != 1 || stale.Threshold[0].Value != number("500") {
		t.Errorf("stale overrides in force: %+v", stale)
	}
	if got := listed(fixed); !slices.Equal(got, []string{"ACCOUNT", "VIEW"}) {
		t.Errorf("stale entities listed: %q", got)
	}
	fixed.Thresholds = flexible.Thresholds
	if got := insight.Effective(fixed, customer["FLEXIBLE"], user["FLEXIBLE"], "ACCOUNT", new("a")).Threshold[1].Value; got != number("14") {
		t.Errorf("a stale entity's threshold is in force: %s", got)
	}
	fixed.Entities = []insight.EntityType{insight.EntityView}
	fixed.PerEntity = true
	if got := listed(fixed); !slices.Equal(got, []string{"VIEW"}) {
		t.Errorf("entities of a stale type listed: %q", got)
	}
}

func TestSeedsSamples(t *testing.T) {
	sent := customerChange(seedsName, account("true"))
	sent.InsightTitle = new("Spending And Earning Comparison")
	if s := mustCustomer(t, levels{}, sent)[seedsName]; !s.Empty() {
		t.Errorf("the customer's sample sets %+v", s)
	}
	if s := mustUser(t, levels{}, levels{}, userChange(seedsName, account("true")))[seedsName]; !s.Empty() {
		t.Errorf("the user's sample sets %+v", s)
	}
	want := []insight.Configuration{{EntityType: "ACCOUNT", IsSubscribed: true, Frequency: insight.Monthly, Duration: insight.LastThreeMonths}}
	s := insight.UserSubscription(seeds, insight.Settings{}, insight.Settings{})
	if s.Title != "Spending And Earning Comparison" || !reflect.DeepEqual(s.Customer, want) || !reflect.DeepEqual(s.User, want) {
		t.Errorf("%+v", s)
	}
	if s := insight.CustomerSubscription(seeds, insight.Settings{}); !reflect.DeepEqual(s.Customer, want) || s.User != nil {
		t.Errorf("%+v", s)
	}
}

func TestOverridesComeAndGo(t *testing.T) {
	titled := func(s string) change { return change{InsightName: new(seedsName), InsightTitle: &s} }
	customer := mustCustomer(t, levels{}, titled("In und Out & 100 ö"))
	if s := insight.UserSubscription(seeds, customer[seedsName], insight.Settings{}); s.Title != "In und Out & 100 ö" || customer[seedsName].Empty() {
		t.Errorf("title %q", s.Title)
	}
	if customer = mustCustomer(t, customer, titled(seeds.Title)); !customer[seedsName].Empty() {
		t.Errorf("after the default title: %+v", customer[seedsName])
	}
	customer = mustCustomer(t, levels{}, customerChange(seedsName, account("false")))
	if customer[seedsName].Empty() {
		t.Error("switched off is nothing")
	}
	if customer = mustCustomer(t, customer, customerChange(seedsName, account("true"))); !customer[seedsName].Empty() {
		t.Errorf("customer back on: %+v", customer[seedsName])
	}
	user := mustUser(t, customer, levels{}, userChange(seedsName, account("false")))
	if insight.Effective(seeds, customer[seedsName], user[seedsName], "ACCOUNT", nil).IsSubscribed {
		t.Error("user off is not off")
	}
	if user = mustUser(t, customer, user, userChange(seedsName, account("true"))); !user[seedsName].Empty() {
		t.Errorf("user back on: %+v", user[seedsName])
	}
	// An entity's value is measured against what the same update says of its type, in either order.
	for _, list := range [][]configuration{{account("false"), single("a", "true")}, {single("a", "true"), account("false")}} {
		user := mustUser(t, levels{}, levels{}, userChange("FLEXIBLE", list...))["FLEXIBLE"]
		if !insight.Effective(flexible, insight.Settings{}, user, "ACCOUNT", new("a")).IsSubscribed ||
			insight.Effective(flexible, insight.Settings{}, user, "ACCOUNT", new("b")).IsSubscribed {
			t.Errorf("all off but one: %+v", user)
		}
	}
	// A user's own value stays when the customer's becomes the same, and later another.
	limit := func(value string) configuration {
		return configuration{EntityType: new("ACCOUNT"), Threshold: []threshold{{new("MINIMUM"), new("AMOUNT"), &value}}}
	}
	user = mustUser(t, levels{}, levels{}, userChange("FLEXIBLE", limit("300")))
	customer = mustCustomer(t, levels{}, customerChange("FLEXIBLE", limit("300.00")))
	user = mustUser(t, customer, user, userChange("FLEXIBLE", limit("300.0")))
	customer = mustCustomer(t, customer, customerChange("FLEXIBLE", limit("400")))
	if got := insight.Effective(flexible, customer["FLEXIBLE"], user["FLEXIBLE"], "ACCOUNT", nil).Threshold[0].Value; got != number("300") {
		t.Errorf("user's threshold %s, want 300", got)
	}
	if user = mustUser(t, customer, user, userChange("FLEXIBLE", limit("400.000"))); !user["FLEXIBLE"].Empty() {
		t.Errorf("the customer's threshold sets %+v", user["FLEXIBLE"])
	}
}

// After any updates: what was sent is in force, the settings before are left alone, and what is read can be sent back
// and changes nothing, at both levels.
func TestUpdatesAndRoundTrip(t *testing.T) {
	pick := func(t *rapid.T, name string, values ...string) *string {
		return rapid.SampledFrom(append([]*string{nil}, pointers(values)...)).Draw(t, name)
	}
	draw := func(t *rapid.T, entityID *string) configuration {
		c := configuration{EntityType: new(rapid.SampledFrom([]string{"ACCOUNT", "VIEW"}).Draw(t, "entity")), EntityID: entityID,
			IsSubscribed: pick(t, "subscribed", "true", "false"), Frequency: pick(t, "frequency", "DAILY", "WEEKLY", "MONTHLY"),
			Duration: pick(t, "duration", "LAST_MONTH", "LAST_SIX_MONTHS")}
		if v := pick(t, "minimum", "500", "500.00", "0.01", "20"); v != nil {
			c.Threshold = append(c.Threshold, threshold{new("MINIMUM"), new("AMOUNT"), v})
		}
		if v := pick(t, "future", "14", "0"); v != nil {
			c.Threshold = append(c.Threshold, threshold{new("FUTURE"), new("DAYS"), v})
		}
		if c.IsSubscribed == nil && c.Frequency == nil && c.Duration == nil && c.Threshold == nil {
			c.IsSubscribed = new("false")
		}
		return c
	}
	rapid.Check(t, func(t *rapid.T) {
		customer, user := levels{}, levels{}
		for range rapid.IntRange(1, 6).Draw(t, "updates") {
			if rapid.Bool().Draw(t, "customer") {
				sent := draw(t, nil)
				before := copied(customer["FLEXIBLE"])
				after := mustCustomer(t, customer, customerChange("FLEXIBLE", sent))
				if !reflect.DeepEqual(before, customer["FLEXIBLE"]) {
					t.Fatal("the customer's settings before were written to")
				}
				customer = after
				in(t, sent, insight.Effective(flexible, customer["FLEXIBLE"], insight.Settings{}, insight.EntityType(*sent.EntityType), nil))
			} else {
				sent := draw(t, pick(t, "entityId", "a", "b"))
				entity := insight.EntityType(*sent.EntityType)
				if !insight.Effective(flexible, customer["FLEXIBLE"], insight.Settings{}, entity, nil).IsSubscribed {
					continue
				}
				before := copied(user["FLEXIBLE"])
				after := mustUser(t, customer, user, userChange("FLEXIBLE", sent))
				if !reflect.DeepEqual(before, user["FLEXIBLE"]) {
					t.Fatal("the user's settings before were written to")
				}
				user = after
				in(t, sent, insight.Effective(flexible, customer["FLEXIBLE"], user["FLEXIBLE"], entity, sent.EntityID))
			}
			for _, d := range definitions {
				read := insight.CustomerSubscription(d, customer[d.Name])
				if again := mustCustomer(t, customer, sentBack(read)); !reflect.DeepEqual(again[d.Name], customer[d.Name]) {
					t.Fatalf("customer's round trip: %+v became %+v", customer[d.Name], again[d.Name])
				}
				if !insight.Offered(d, customer[d.Name]) {
					continue
				}
				read = insight.UserSubscription(d, customer[d.Name], user[d.Name])
				if again := mustUser(t, customer, user, sentBack(read)); !reflect.DeepEqual(again[d.Name], user[d.Name]) {
					t.Fatalf("user's round trip: %+v became %+v", user[d.Name], again[d.Name])
				}
			}
		}
	})
}

// in tells whether everything that was sent is in force.
func in(t *rapid.T, sent configuration, got insight.Configuration) {
	t.Helper()
	have := configurationSentBack(got)
	for _, v := range [][2]*string{{sent.IsSubscribed, have.IsSubscribed}, {sent.Frequency, have.Frequency}, {sent.Duration, have.Duration}} {
		if v[0] != nil && *v[0] != *v[1] {
			t.Fatalf("sent %s, in force %s", *v[0], *v[1])
		}
	}
	for _, s := range sent.Threshold {
		for _, v := range got.Threshold {
			if v.Name == *s.Name && v.Value.Cmp(number(*s.Value)) != 0 {
				t.Fatalf("sent %s %s, in force %s", v.Name, *s.Value, v.Value)
			}
		}
	}
}

func copied(s insight.Settings) insight.Settings {
	s.Overrides = slices.Clone(s.Overrides)
	for i := range s.Overrides {
		s.Overrides[i].Threshold = slices.Clone(s.Overrides[i].Threshold)
	}
	return s
}

func pointers(values []string) []*string {
	var p []*string
	for _, v := range values {
		p = append(p, &v)
	}
	return p
}
