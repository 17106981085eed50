package insight_test

import (
	"slices"
	"strings"
	"testing"

	"insightgraph/insight"
)

// row is a row of an error table, by its sentence, with the change that provokes it.
type row struct {
	change   change
	field    string // below customerSubscription.0 or userSubscription.0
	code     string
	sentence string
}

// both is the rows that the two tables share; level is "customer" or "user", and of makes a change with the level's list.
func both(level string, of func(name string, c ...configuration) change) map[string]row {
	list := level + "Configuration"
	first := list + ".0"
	with := func(set func(*change)) change {
		c := of(seedsName, account("true"))
		set(&c)
		return c
	}
	configured := func(set func(*configuration)) change {
		c := account("true")
		set(&c)
		return of(seedsName, c)
	}
	bad := "Invalid value for " + list + "; " + list + " is either missing, duplicated, or has insufficient/ incorrect attributes"
	return map[string]row{
		"unknown insightName": {of("NO_SUCH", account("true")), "insightName", "Y800", "Invalid value for insightName"},
		"empty insightName":   {of("", account("true")), "insightName", "Y800", "Invalid value for insightName"},
		"frequency": {configured(func(c *configuration) { c.Frequency = new("DAILY") }), first + ".frequency", "Y802",
			"For insight SPENDING_AND_EARNING_COMPARISON, modifying frequency is not allowed"},
		"duration": {configured(func(c *configuration) { c.Duration = new("LAST_MONTH") }), first + ".duration", "Y802",
			"For insight SPENDING_AND_EARNING_COMPARISON, modifying duration is not allowed"},
		"threshold": {configured(func(c *configuration) { c.Threshold = []threshold{{}} }), first + ".threshold", "Y802",
			"For SPENDING_AND_EARNING_COMPARISON insight passing threshold is not allowed"},
		"applicableEntity": {with(func(c *change) { c.ApplicableEntity = []string{"ACCOUNT", "VIEW"} }), "applicableEntity", "Y802",
			"For insight SPENDING_AND_EARNING_COMPARISON, modifying applicableEntity is not allowed"},
		"triggerType": {with(func(c *change) { c.TriggerType = new("REFRESH") }), "triggerType", "Y802",
			"For insight SPENDING_AND_EARNING_COMPARISON, modifying triggerType is not allowed"},
		"container": {with(func(c *change) { c.Containers = []string{"BANK"} }), "containers", "Y802",
			"For insight SPENDING_AND_EARNING_COMPARISON, modifying container is not allowed"},
		"no container": {with(func(c *change) { c.Containers = []string{} }), "containers", "Y802",
			"For insight SPENDING_AND_EARNING_COMPARISON, modifying container is not allowed"},
		"description": {with(func(c *change) { c.Description = new("") }), "description", "Y802",
			"For insight SPENDING_AND_EARNING_COMPARISON, modifying description is not allowed"},
		"isSubscribed": {of(seedsName, account("TRUE")), first + ".isSubscribed", "Y800",
			"Invalid value for isSubscribed; Supported values are true, false"},
		"no insightName": {with(func(c *change) { c.InsightName = nil }), "insightName", "Y812",
			"Required field/value - insightName missing in the request"},
		"insightType": {with(func(c *change) { c.InsightType = new("OTHER") }), "insightType", "Y802",
			"Modifying InsightType attribute is not allowed"},
		"no entityType": {configured(func(c *configuration) { c.EntityType = nil }), first + ".entityType", "Y813",
			"entityType should be provided"},
		"entityType alone": {configured(func(c *configuration) { c.IsSubscribed = nil }), first, "Y803",
			"At least one additional attribute is required in addition to entityType."},
		"entityType with an empty threshold": {configured(func(c *configuration) { c.IsSubscribed, c.Threshold = nil, []threshold{} }), first, "Y803",
			"At least one additional attribute is required in addition to entityType."},
		"empty configuration":      {of(seedsName, []configuration{}...), list, "Y800", bad},
		"duplicated configuration": {of(seedsName, account("true"), account("false")), list + ".1", "Y800", bad},
		"entityType": {configured(func(c *configuration) { c.EntityType = new("VIEW") }), first + ".entityType", "Y800",
			"Invalid value for entityType. Supported entityType for SPENDING_AND_EARNING_COMPARISON insight are - [ACCOUNT]"},
	}
}

func TestCustomerErrorTable(t *testing.T) {
	titled := func(title string) change { return change{InsightName: new(seedsName), InsightTitle: &title} }
	const special = `Invalid value for insightTitle; special characters ><\""'%{}|^~[] are not supported.`
	const length = "Invalid length for insightTitle; min 3 and max 100 characters including spaces are allowed."
	const bad = "Invalid value for customerConfiguration; customerConfiguration is either missing, duplicated, or has insufficient/ incorrect attributes"
	rows := both("customer", func(name string, c ...configuration) change {
		return change{InsightName: &name, CustomerConfiguration: append([]configuration{}, c...)}
	})
	for _, r := range `><\"'%{}|^~[]` {
		rows["insightTitle with "+string(r)] = row{titled("Spending" + string(r)), "insightTitle", "Y800", special}
	}
	rows["insightTitle with a line break"] = row{titled("Spending\n"), "insightTitle", "Y800", special}
	rows["insightTitle that turns the line around"] = row{titled("Spending\u202egnidnepS"), "insightTitle", "Y800", special}
	rows["insightTitle with a space of no width"] = row{titled("\u200b\u200b\u200b"), "insightTitle", "Y800", special}
	rows["insightTitle of joiners"] = row{titled("\u200d \u200c"), "insightTitle", "Y800", "Invalid value for insightTitle; it is blank"}
	rows["insightTitle not UTF-8"] = row{titled("Spending\xff"), "insightTitle", "Y800", special}
	rows["insightTitle too short"] = row{titled("öö"), "insightTitle", "Y801", length}
	rows["insightTitle too long"] = row{titled(strings.Repeat("ö", 101)), "insightTitle", "Y801", length}
	rows["insightTitle empty"] = row{titled(""), "insightTitle", "Y801", length}
	rows["insightTitle blank"] = row{titled("    "), "insightTitle", "Y800", "Invalid value for insightTitle; it is blank"}
	rows["neither title nor configuration"] = row{change{InsightName: new(seedsName)}, "", "Y803",
		"Invalid request; Either a valid insightTitle or customerConfiguration is required"}
	rows["userConfiguration"] = row{userChange(seedsName, account("true")), "userConfiguration", "Y800", bad}
	rows["entityId"] = row{customerChange(seedsName, single("a", "true")), "customerConfiguration.0.entityId", "Y800", bad}
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			got, err := insight.ChangeCustomer(definitions, levels{}.of, []change{r.change})
			want := strings.TrimSuffix("customerSubscription.0."+r.field, ".")
			if all := lines(err); !slices.Equal(all, []string{r.code + " " + want + " " + r.sentence}) || got != nil {
				t.Errorf("got  %q\nwant %s %s %s", all, r.code, want, r.sentence)
			}
		})
	}
	for _, fine := range []string{"öäü", strings.Repeat("ö", 100)} {
		if got, err := insight.ChangeCustomer(definitions, levels{}.of, []change{titled(fine)}); err != nil || *got[seedsName].Title != fine {
			t.Errorf("%q: %v", fine, err)
		}
	}
	for _, list := range [][]change{nil, {}} {
		_, err := insight.ChangeCustomer(definitions, levels{}.of, list)
		if got := lines(err); !slices.Equal(got, []string{"Y825 customerSubscription Update not allowed without a valid request body"}) {
			t.Errorf("no body: %q", got)
		}
	}
}

func TestUserErrorTable(t *testing.T) {
	const bad = "Invalid value for userConfiguration; userConfiguration is either missing, duplicated, or has insufficient/ incorrect attributes"
	with := func(set func(*change)) change {
		c := userChange(seedsName, account("true"))
		set(&c)
		return c
	}
	const readOnly = "Modifying customerConfiguration using this API is not allowed"
	customer := func(c configuration) change {
		return with(func(u *change) { u.CustomerConfiguration = []configuration{c} })
	}
	rows := both("user", userChange)
	rows["missing configuration"] = row{change{InsightName: new(seedsName)}, "userConfiguration", "Y800", bad}
	rows["insightTitle"] = row{with(func(c *change) { c.InsightTitle = new("Mine") }), "insightTitle", "Y802",
		"Modifying insightTitle using this API is not allowed"}
	rows["entityId"] = row{userChange(seedsName, single("a", "true")), "userConfiguration.0.entityId", "Y802",
		"For insight SPENDING_AND_EARNING_COMPARISON, configurations at an entityId level are not allowed"}
	rows["customerConfiguration"] = row{customer(account("false")), "customerConfiguration.0", "Y802", readOnly}
	rows["customerConfiguration of another entityType"] = row{customer(configuration{EntityType: new("VIEW")}), "customerConfiguration.0", "Y802", readOnly}
	rows["customerConfiguration with a threshold"] = row{
		customer(configuration{EntityType: new("ACCOUNT"), Threshold: []threshold{{Name: new("TOP")}}}), "customerConfiguration.0", "Y802", readOnly}
	// Whatever of it is not as it was read.
	read := insight.CustomerSubscription(flexible, insight.Settings{}).Customer[0]
	for name, set := range map[string]func(*configuration){
		"without an entityType": func(c *configuration) { c.EntityType = nil },
		"of an entityId":        func(c *configuration) { c.EntityID = new("a") },
		"isSubscribed":          func(c *configuration) { c.IsSubscribed = new("false") },
		"frequency":             func(c *configuration) { c.Frequency = new("DAILY") },
		"duration":              func(c *configuration) { c.Duration = new("LAST_SIX_MONTHS") },
		"threshold's name":      func(c *configuration) { c.Threshold[0].Name = new("TOP") },
		"no threshold's name":   func(c *configuration) { c.Threshold[0].Name = nil },
		"threshold's type":      func(c *configuration) { c.Threshold[0].Type = new("DAYS") },
		"threshold's value":     func(c *configuration) { c.Threshold[0].Value = new("14") }, // the other's
		"second threshold":      func(c *configuration) { c.Threshold[1].Value = new("500") },
		"no number":             func(c *configuration) { c.Threshold[1].Value = new("14 days") },
	} {
		sent := configurationSentBack(read)
		set(&sent)
		rows["customerConfiguration: "+name] = row{change{InsightName: new("FLEXIBLE"), CustomerConfiguration: []configuration{sent}, UserConfiguration: []configuration{account("true")}},
			"customerConfiguration.0", "Y802", readOnly}
	}
	rows["entityId twice"] = row{userChange("FLEXIBLE", single("a", "true"), account("true"), single("b", "true"), single("a", "false")),
		"userConfiguration.3", "Y800", bad}
	rows["entityId empty"] = row{userChange("FLEXIBLE", single("", "true")), "userConfiguration.0.entityId", "Y800", "Invalid value for entityId"}
	rows["entityId alone"] = row{userChange("FLEXIBLE", configuration{EntityType: new("ACCOUNT"), EntityID: new("a")}), "userConfiguration.0", "Y803",
		"At least one additional attribute is required in addition to entityType."}
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			got, err := insight.ChangeUser(definitions, levels{}.of, levels{}.of, []change{r.change})
			want := "userSubscription.0." + r.field
			if all := lines(err); !slices.Equal(all, []string{r.code + " " + want + " " + r.sentence}) || got != nil {
				t.Errorf("got  %q\nwant %s %s %s", all, r.code, want, r.sentence)
			}
		})
	}
	_, err := insight.ChangeUser(definitions, levels{}.of, levels{}.of, nil)
	if got := lines(err); !slices.Equal(got, []string{"Y825 userSubscription Update not allowed without a valid request body"}) {
		t.Errorf("no body: %q", got)
	}
}

func TestEditableValues(t *testing.T) {
	limit := func(name, kind, value string) []threshold { return []threshold{{&name, &kind, &value}} }
	const minimum = "Y800 .threshold.0.value Invalid value for MINIMUM in FLEXIBLE insight Min = 0.01 and Max = 1000000"
	const days = "Y800 .threshold.0.value Invalid value for FUTURE in FLEXIBLE insight Min = 0 and Max = 31"
	for name, c := range map[string]struct {
		sent configuration
		want string
	}{
		"frequency":            {configuration{Frequency: new("MID_MONTHLY")}, "Y800 .frequency Invalid value for frequency; Supported values are WEEKLY, DAILY, MONTHLY"},
		"duration":             {configuration{Duration: new("FOREVER")}, "Y800 .duration Invalid value for duration; Supported values are LAST_MONTH, LAST_SIX_MONTHS"},
		"part of a threshold":  {configuration{Threshold: []threshold{{Name: new("MINIMUM")}}}, "Y813 .threshold.0 The entire threshold object should be provided"},
		"a threshold's number": {configuration{Threshold: []threshold{{Value: new("1")}}}, "Y813 .threshold.0 The entire threshold object should be provided"},
		"no type":              {configuration{Threshold: []threshold{{Name: new("MINIMUM"), Value: new("1")}}}, "Y813 .threshold.0 The entire threshold object should be provided"},
		"no value":             {configuration{Threshold: []threshold{{Name: new("MINIMUM"), Type: new("AMOUNT")}}}, "Y813 .threshold.0 The entire threshold object should be provided"},
		"no name":              {configuration{Threshold: []threshold{{Type: new("AMOUNT"), Value: new("1")}}}, "Y813 .threshold.0 The entire threshold object should be provided"},
		"unknown threshold":    {configuration{Threshold: limit("TOP", "NUMBER", "1")}, "Y800 .threshold.0.name Invalid value for name; Supported values are MINIMUM, FUTURE"},
		"other type":           {configuration{Threshold: limit("MINIMUM", "DAYS", "1")}, "Y800 .threshold.0.type Invalid value for type; Supported values are AMOUNT"},
		"below the minimum":    {configuration{Threshold: limit("MINIMUM", "AMOUNT", "0")}, minimum},
		"above the maximum":    {configuration{Threshold: limit("MINIMUM", "AMOUNT", "1000000.01")}, minimum},
		"not a number":         {configuration{Threshold: limit("MINIMUM", "AMOUNT", "1e3")}, minimum},
		"the minimum":          {configuration{Threshold: limit("MINIMUM", "AMOUNT", "0.01")}, ""},
		"the maximum":          {configuration{Threshold: limit("MINIMUM", "AMOUNT", "1000000.00")}, ""},
		"part of a day":        {configuration{Threshold: limit("FUTURE", "DAYS", "1.5")}, days},
		"whole days":           {configuration{Threshold: limit("FUTURE", "DAYS", "2.0")}, ""},
		"frequency to choose":  {configuration{Frequency: new("DAILY")}, ""},
		"duration to choose":   {configuration{Duration: new("LAST_SIX_MONTHS")}, ""},
		"threshold named twice": {configuration{Threshold: append(limit("FUTURE", "DAYS", "1"), limit("FUTURE", "DAYS", "2")...)},
			"Y800 .threshold.1 Invalid value for LEVELConfiguration; LEVELConfiguration is either missing, duplicated, or has insufficient/ incorrect attributes"},
	} {
		t.Run(name, func(t *testing.T) {
			c.sent.EntityType = new("VIEW")
			_, customer := insight.ChangeCustomer(definitions, levels{}.of, []change{customerChange("FLEXIBLE", c.sent)})
			_, user := insight.ChangeUser(definitions, levels{}.of, levels{}.of, []change{userChange("FLEXIBLE", c.sent)})
			for level, err := range map[string]error{"customer": customer, "user": user} {
				var want []string
				if c.want != "" {
					sentence := strings.ReplaceAll(c.want, "LEVEL", level)
					want = []string{strings.Replace(sentence, " .", " "+level+"Subscription.0."+level+"Configuration.0.", 1)}
				}
				if got := lines(err); !slices.Equal(got, want) {
					t.Errorf("got  %q\nwant %q", got, want)
				}
			}
		})
	}
}

func TestSwitchedOffByTheCustomer(t *testing.T) {
	customer := levels{seedsName: {Overrides: []insight.Override{{EntityType: "ACCOUNT", IsSubscribed: new(false)}}},
		"FLEXIBLE": {Overrides: []insight.Override{{EntityType: "ACCOUNT", IsSubscribed: new(false)}}}}
	_, err := insight.ChangeUser(definitions, customer.of, levels{}.of, []change{
		userChange(seedsName, account("true")), userChange("FLEXIBLE", account("false"), single("a", "true"))})
	want := []string{
		"Y802 userSubscription.0.insightName For insight SPENDING_AND_EARNING_COMPARISON, modifying the subscription is not allowed; the customer has switched it off",
		"Y802 userSubscription.1.userConfiguration.1 For insight FLEXIBLE, modifying userConfiguration is not allowed; the customer has switched it off for this entityType",
	}
	if got := lines(err); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if insight.Offered(seeds, customer[seedsName]) || !insight.Offered(flexible, customer["FLEXIBLE"]) || !insight.Offered(seeds, insight.Settings{}) {
		t.Error("Offered")
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	bad := account("maybe")
	bad.Frequency = new("DAILY")
	got, err := insight.ChangeCustomer(definitions, levels{}.of, []change{
		{InsightTitle: new("<>")},
		customerChange("NO_SUCH", configuration{IsSubscribed: new("maybe")}),
		{InsightName: new(seedsName), InsightTitle: new("A fine title"), TriggerType: new("EVENT"), CustomerConfiguration: []configuration{bad}},
		customerChange(seedsName, account("true")),
		customerChange("FLEXIBLE", account("false")), // nothing wrong, and not done either
	})
	want := []string{
		"Y812 customerSubscription.0.insightName Required field/value - insightName missing in the request",
		`Y800 customerSubscription.0.insightTitle Invalid value for insightTitle; special characters ><\""'%{}|^~[] are not supported.`,
		"Y801 customerSubscription.0.insightTitle Invalid length for insightTitle; min 3 and max 100 characters including spaces are allowed.",
		"Y800 customerSubscription.1.insightName Invalid value for insightName",
		"Y813 customerSubscription.1.customerConfiguration.0.entityType entityType should be provided",
		"Y800 customerSubscription.1.customerConfiguration.0.isSubscribed Invalid value for isSubscribed; Supported values are true, false",
		"Y802 customerSubscription.2.triggerType For insight SPENDING_AND_EARNING_COMPARISON, modifying triggerType is not allowed",
		"Y800 customerSubscription.2.customerConfiguration.0.isSubscribed Invalid value for isSubscribed; Supported values are true, false",
		"Y802 customerSubscription.2.customerConfiguration.0.frequency For insight SPENDING_AND_EARNING_COMPARISON, modifying frequency is not allowed",
		"Y800 customerSubscription.3.insightName Invalid value for customerConfiguration; customerConfiguration is either missing, duplicated, or has insufficient/ incorrect attributes",
	}
	if all := lines(err); !slices.Equal(all, want) || got != nil {
		t.Errorf("got  %q\nwant %q", all, want)
	}
}
