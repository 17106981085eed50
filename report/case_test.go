package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/fault"
)

var anna = bank.Consumer{CustomerID: 1, ID: 2, TimeZone: "Pacific/Auckland", Currency: "EUR"}

// evening is the last of March in UTC and the first of April in Auckland.
var evening = time.Date(2025, 3, 31, 20, 0, 0, 0, time.UTC)

func faultFields(m fault.Many) (all []string) {
	for _, f := range m {
		all = append(all, string(f.Code)+" "+f.Field)
	}
	return all
}

func TestChoosePeriod(t *testing.T) {
	auckland, _ := time.LoadLocation("Pacific/Auckland")
	for name, c := range map[string]struct {
		from, to *bank.Date
		days     *int
		zone     *time.Location
		want     string
		faults   []string
	}{
		"default":                 {nil, nil, nil, auckland, "2024-04-01 2025-03-31", nil},
		"default in another zone": {nil, nil, nil, time.UTC, "2024-03-01 2025-02-28", nil},
		"days":                    {nil, nil, new(62), auckland, "2025-01-30 2025-04-01", nil},
		"today alone":             {nil, nil, new(1), time.UTC, "2025-03-31 2025-03-31", nil},
		"from and to":             {new(day("2025-01-15")), new(day("2025-04-01")), nil, auckland, "2025-01-15 2025-04-01", nil},
		"tomorrow":                {new(day("2025-01-15")), new(day("2025-04-01")), nil, time.UTC, "", []string{"Y800 input.to"}},
		"ten years":               {new(day("2015-04-02")), new(day("2025-04-01")), nil, auckland, "2015-04-02 2025-04-01", nil},
		"more than ten years":     {new(day("2015-03-31")), new(day("2025-04-01")), nil, auckland, "", []string{"Y800 input.from"}},
		"backwards":               {new(day("2025-02-01")), new(day("2025-01-31")), nil, auckland, "", []string{"Y800 input.to"}},
		"before the calendar":     {new(day("1900-01-01") - 1), new(day("2025-01-31")), nil, auckland, "", []string{"Y800 input.from"}},
		"one day":                 {new(day("2025-02-01")), new(day("2025-02-01")), nil, auckland, "2025-02-01 2025-02-01", nil},
		"from and to, and days":   {new(day("2025-02-01")), new(day("2025-02-02")), new(3), auckland, "", []string{"Y802 input.days"}},
		"from alone":              {new(day("2025-02-01")), nil, nil, auckland, "", []string{"Y813 input.to"}},
		"to alone, and days":      {nil, new(day("2025-02-01")), new(3), auckland, "", []string{"Y802 input.days", "Y813 input.from"}},
		"no days":                 {nil, nil, new(0), auckland, "", []string{"Y800 input.days"}},
		"too many days":           {nil, nil, new(MaxDays + 1), auckland, "", []string{"Y800 input.days"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, faults := ChoosePeriod("input", c.from, c.to, c.days, evening, c.zone)
			if diff := cmp.Diff(c.faults, faultFields(faults)); diff != "" {
				t.Error(diff)
			}
			if got := p.From.String() + " " + p.To.String(); c.faults == nil && got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestNewCase(t *testing.T) {
	closed := bank.Account{ConsumerID: 2, ID: 14, Status: bank.AccountClosed}
	foreign := bank.Account{ConsumerID: 3, ID: 99, Status: bank.AccountActive}
	accounts := []bank.Account{visa, giro, closed, foreign, francs}
	sources := []Source{{1, []int64{10, 14}}, {2, []int64{11, 99}}, {3, nil}}
	for name, c := range map[string]struct {
		in       CaseInput
		accounts []int64
		faults   []string
	}{
		"all active":           {CaseInput{}, []int64{10, 11, 12}, nil},
		"named, whatever":      {CaseInput{AccountIDs: []int64{14, 10, 10}}, []int64{10, 14}, nil},
		"but some":             {CaseInput{ExcludedAccountIDs: []int64{11}}, []int64{10, 12}, nil},
		"of sources":           {CaseInput{DataSourceIDs: []int64{2, 1, 2}}, []int64{10, 11}, nil},
		"of a source but some": {CaseInput{DataSourceIDs: []int64{1, 2}, ExcludedAccountIDs: []int64{10}}, []int64{11}, nil},
		"not of the source":    {CaseInput{DataSourceIDs: []int64{1}, AccountIDs: []int64{10, 11}}, nil, []string{"Y807 accountIds.1"}},
		"somebody else's":      {CaseInput{AccountIDs: []int64{99}}, nil, []string{"Y807 accountIds.0"}},
		"no such source":       {CaseInput{DataSourceIDs: []int64{1, 7}}, nil, []string{"Y807 dataSourceIds.1"}},
		"both lists":           {CaseInput{AccountIDs: []int64{10}, ExcludedAccountIDs: []int64{11}}, nil, []string{"Y802 excludedAccountIds"}},
		"none left":            {CaseInput{ExcludedAccountIDs: []int64{10, 11, 12}}, nil, []string{"Y803 excludedAccountIds"}},
		"an empty source":      {CaseInput{DataSourceIDs: []int64{3}}, nil, []string{"Y803 accountIds"}},
		"all faults at once":   {CaseInput{AccountIDs: []int64{8}, Days: new(-1)}, nil, []string{"Y800 days", "Y807 accountIds.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, faults := NewCase("", c.in, anna, accounts, sources, evening)
			if diff := cmp.Diff(c.faults, faultFields(faults)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.accounts, got.AccountIDs); c.faults == nil && diff != "" {
				t.Error(diff)
			}
			if want := slices.Compact(slices.Sorted(slices.Values(c.in.DataSourceIDs))); c.faults == nil && !slices.Equal(got.DataSourceIDs, want) {
				t.Errorf("of sources %v, want %v", got.DataSourceIDs, want)
			}
			if got.Period != days("2024-04-01", "2025-03-31") && c.in.Days == nil || got.CustomerID != 1 || got.ConsumerID != 2 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func limit(g Group, amount string, c bank.Currency) Limit {
	return Limit{g, bank.Money{Amount: decimal.MustParse(amount), Currency: c}}
}

// A report has a size that a process can hold.
func TestFits(t *testing.T) {
	for _, c := range []struct {
		kind           Type
		accounts, rows int
		want           string
	}{
		{TypeBalanceOverTime, 12, MaxRows, ""},
		{TypeBalanceOverTime, 13, 0, "tells 50000 balances at most, this one would tell up to 51142"},
		{TypeBalances, 13, 0, ""},
		{TypeBalances, 1, MaxRows + 1, "looks at 100000 transactions at most"},
	} {
		err := Case{AccountIDs: make([]int64, c.accounts), Period: bank.Period{From: 0, To: MaxDays - 1}}.Fits("days", c.kind, c.rows)
		f := fault.Of(err)
		if (err == nil) != (c.want == "") || err != nil && (f[0].Code != fault.TooMany || f[0].Field != "days" || !strings.Contains(f[0].Message, c.want)) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestRequest(t *testing.T) {
	for name, c := range map[string]struct {
		request Request
		faults  []string
	}{
		"shopping":        {Request{Type: "SHOPPING", Limits: []Limit{limit(Fashion, "80", "EUR"), limit(Groceries, "0.5", "EUR")}, CallbackURL: new("https://example.com"), CallbackHandle: new("h")}, nil},
		"without limits":  {Request{Type: "INCOME"}, nil},
		"no such type":    {Request{Type: "shopping"}, []string{"Y800 input.type"}},
		"limits of other": {Request{Type: "INCOME", Limits: []Limit{limit(Fashion, "80", "EUR")}}, []string{"Y802 input.shoppingLimits"}},
		"bad limits": {Request{Type: "SHOPPING", Limits: []Limit{limit("FUEL", "1", "EUR"), limit(Fashion, "1", "USD"), limit(Fashion, "-1", "EUR"), limit(OtherShop, "0.001", "EUR")}}, []string{
			"Y800 input.shoppingLimits.0.group", "Y800 input.shoppingLimits.1.monthlyAmount.currency", "Y802 input.shoppingLimits.2.group",
			"Y800 input.shoppingLimits.2.monthlyAmount.amount", "Y800 input.shoppingLimits.3.monthlyAmount.amount"}},
		"a handle without an address": {Request{Type: "SHOPPING", CallbackHandle: new("")}, []string{"Y801 input.callbackHandle", "Y813 input.callbackHandle"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.faults, faultFields(c.request.Check("input", "EUR"))); diff != "" {
				t.Error(diff)
			}
			if c.faults == nil && len(c.request.Limits) > 0 {
				want(t, c.request.Limits[0].Group, "GROCERIES", c.request.Limits[0].MonthlyAmount, "0.50 EUR", c.request.Limits[1].MonthlyAmount, "80.00 EUR")
			}
		})
	}
}

func TestAgain(t *testing.T) {
	r := Report{Type: TypeShopping, Status: Succeeded, Limits: []Limit{limit(Fashion, "80.00", "EUR")}}
	for name, c := range map[string]struct {
		status  Status
		limits  []Limit
		rebuild bool
		fault   string
	}{
		"the same":     {Succeeded, []Limit{limit(Fashion, "80", "EUR")}, false, ""},
		"still queued": {Queued, []Limit{limit(Fashion, "80", "EUR")}, false, ""},
		"failed":       {Failed, []Limit{limit(Fashion, "80", "EUR")}, true, ""},
		"other":        {Failed, []Limit{limit(Fashion, "81", "EUR")}, false, "input.shoppingLimits"},
		"of a group":   {Succeeded, []Limit{limit(Groceries, "80", "EUR")}, false, "input.shoppingLimits"},
		"a currency":   {Succeeded, []Limit{limit(Fashion, "80", "USD")}, false, "input.shoppingLimits"},
		"none":         {Succeeded, nil, false, "input.shoppingLimits"},
	} {
		t.Run(name, func(t *testing.T) {
			r.Status = c.status
			rebuild, f := r.Again("input", Request{Type: "SHOPPING", Limits: c.limits})
			if rebuild != c.rebuild || (f == nil) != (c.fault == "") || f != nil && (f.Field != c.fault || f.Code != fault.Conflict) {
				t.Errorf("%v %v", rebuild, f)
			}
		})
	}
}
