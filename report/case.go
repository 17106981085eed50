package report

import (
	"encoding/json"
	"slices"
	"time"

	"insightgraph/bank"
	"insightgraph/fault"
)

// DefaultMonths is how many complete months a case without a period looks at.
const DefaultMonths = 12

// AtOnce is up to how many transactions a report is built while its caller waits; more is work for a worker.
const AtOnce = 5000

// MaxRows is how many transactions a report looks at: it has all of them in memory, some 80 MB, and a worker builds several at once.
const MaxRows = 100_000

// MaxBalances is how many balances a report tells, each account's and their sums' for each day: ten years of twelve accounts.
const MaxBalances = 50_000

// Case fixes what its reports look at: data sources, accounts and period. There is at most one report of each type in it.
type Case struct {
	CustomerID    int64       `bun:",pk"`
	ConsumerID    int64       `bun:",pk"`
	ID            int64       `bun:",pk,autoincrement"`
	DataSourceIDs []int64     `bun:"data_source_ids,array"` // that were named; empty: all accounts were to choose from
	AccountIDs    []int64     `bun:"account_ids,array"`     // ascending, never empty
	Period        bank.Period `bun:"embed:period_"`
	CreatedAt     time.Time
}

// Fits is nil, or the fault of a report of the case that would look at rows transactions or tell as many balances.
func (c Case) Fits(field string, t Type, rows int) error {
	balances := (len(c.AccountIDs) + 1) * c.Period.Days()
	switch {
	case rows > MaxRows:
		return fault.New(fault.TooMany, field, "A report looks at %d transactions at most, this one would look at up to %d; choose a shorter period or fewer accounts", MaxRows, rows)
	case t == TypeBalanceOverTime && balances > MaxBalances:
		return fault.New(fault.TooMany, field, "A report tells %d balances at most, this one would tell up to %d; choose a shorter period or fewer accounts", MaxBalances, balances)
	}
	return nil
}

// Source is a data source as a case sees it.
type Source struct {
	ID         int64
	AccountIDs []int64
}

// CaseInput is what a caller says of a case. Nil means: not said.
type CaseInput struct {
	DataSourceIDs      []int64
	AccountIDs         []int64 // only these
	ExcludedAccountIDs []int64 // all but these
	From, To           *bank.Date
	Days               *int
}

// NewCase makes a case of a consumer who holds the accounts and sources, at a moment. Faults name fields below path.
//
// To choose from are the accounts of the named data sources, else all of the consumer. Those named by AccountIDs are
// taken whatever their status; else the ACTIVE ones are, without the excluded.
func NewCase(path string, in CaseInput, c bank.Consumer, accounts []bank.Account, sources []Source, now time.Time) (Case, fault.Many) {
	period, faults := ChoosePeriod(path, in.From, in.To, in.Days, now, zoneOf(c))
	made := Case{CustomerID: c.CustomerID, ConsumerID: c.ID, Period: period}

	choice := map[int64]bank.Account{}
	for _, a := range accounts {
		if a.ConsumerID == c.ID {
			choice[a.ID] = a
		}
	}
	if in.DataSourceIDs != nil {
		named := map[int64]bank.Account{}
		for i, id := range in.DataSourceIDs {
			at := slices.IndexFunc(sources, func(s Source) bool { return s.ID == id })
			if at < 0 {
				faults.Add(fault.Unknown(bank.Path(below(path, "dataSourceIds"), i), "Data source"))
				continue
			}
			made.DataSourceIDs = append(made.DataSourceIDs, id)
			for _, id := range sources[at].AccountIDs {
				if a, ok := choice[id]; ok {
					named[id] = a
				}
			}
		}
		choice = named
		slices.Sort(made.DataSourceIDs)
		made.DataSourceIDs = slices.Compact(made.DataSourceIDs)
	}
	check := func(field string, ids []int64) {
		for i, id := range ids {
			if _, ok := choice[id]; !ok {
				faults.Add(fault.Unknown(bank.Path(below(path, field), i), "Account"))
			}
		}
	}
	check("accountIds", in.AccountIDs)
	check("excludedAccountIds", in.ExcludedAccountIDs)
	if in.AccountIDs != nil && in.ExcludedAccountIDs != nil {
		faults.Add(fault.New(fault.NotAllowed, below(path, "excludedAccountIds"), "accountIds and excludedAccountIds cannot be combined"))
	}
	for id, a := range choice {
		if in.AccountIDs != nil && slices.Contains(in.AccountIDs, id) ||
			in.AccountIDs == nil && a.Status == bank.AccountActive && !slices.Contains(in.ExcludedAccountIDs, id) {
			made.AccountIDs = append(made.AccountIDs, id)
		}
	}
	slices.Sort(made.AccountIDs)
	if len(made.AccountIDs) == 0 && len(faults) == 0 {
		field := "accountIds"
		if in.ExcludedAccountIDs != nil {
			field = "excludedAccountIds"
		}
		faults.Add(fault.New(fault.Incomplete, below(path, field), "There is no account to look at"))
	}
	return made, faults
}

// ChoosePeriod is the period of a case: from and to, both included and not after today; or the last days up to and
// including today; or else the last twelve complete calendar months. Today is that of the zone at the moment. No period is
// longer than MaxDays.
func ChoosePeriod(path string, from, to *bank.Date, days *int, now time.Time, zone *time.Location) (bank.Period, fault.Many) {
	var faults fault.Many
	today := bank.DateOf(now, zone)
	p := bank.Period{From: today.AddMonths(-DefaultMonths), To: today.Month() - 1}
	if days != nil && (from != nil || to != nil) {
		faults.Add(fault.New(fault.NotAllowed, below(path, "days"), "days cannot be combined with from and to"))
	}
	if days != nil {
		if *days < 1 || *days > MaxDays {
			faults.Add(fault.Invalid(below(path, "days"), "Invalid value for days; Min = 1 and Max = %d", MaxDays))
		} else {
			p = bank.Period{From: today - bank.Date(*days-1), To: today}
		}
	}
	switch {
	case from != nil && to == nil:
		faults.Add(fault.New(fault.Together, below(path, "to"), "to should be provided with from"))
	case from == nil && to != nil:
		faults.Add(fault.New(fault.Together, below(path, "from"), "from should be provided with to"))
	case from == nil:
	default:
		p = bank.Period{From: *from, To: *to}
		switch {
		case *from < firstDay:
			faults.Add(fault.Invalid(below(path, "from"), "Invalid value for from; it lies before %s", firstDay))
		case *from > *to:
			faults.Add(fault.Invalid(below(path, "to"), "Invalid value for to; it lies before from"))
		case *to > today:
			faults.Add(fault.Invalid(below(path, "to"), "Invalid value for to; it lies in the future"))
		case p.Days() > MaxDays:
			faults.Add(fault.Invalid(below(path, "from"), "Invalid value for from; at most %d days are allowed", MaxDays))
		}
	}
	return p, faults
}

// Status is how far a report is.
type Status string

// The statuses. SUCCEEDED is final; FAILED is left only by asking for the report again.
const (
	Queued    Status = "QUEUED"
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
)

// Report is one report of a case. Result is that of its type, once it has SUCCEEDED; see Definition.Decode.
type Report struct {
	CustomerID     int64 `bun:",pk"`
	ConsumerID     int64 `bun:",pk"`
	ID             int64 `bun:",pk,autoincrement"`
	CaseID         int64
	Type           Type
	Status         Status
	Period         bank.Period `bun:"embed:period_"` // the case's
	Limits         []Limit     `bun:"type:jsonb"`    // by group
	CallbackURL    *string
	CallbackHandle *string
	Result         json.RawMessage `bun:"type:jsonb"`
	CreatedAt      time.Time
	FinishedAt     *time.Time
}

// Request is what a caller says of a report, beside its case. Every text may hold anything.
type Request struct {
	Type           string
	Limits         []Limit
	CallbackURL    *string
	CallbackHandle *string
}

// Check says everything that is wrong with a request for a consumer whose amounts are in a currency, and completes it: the
// limits get the currency's decimals and the order of Groups. Faults name fields below path. Whether the URL may be
// called is for the one who calls.
func (r *Request) Check(path string, currency bank.Currency) fault.Many {
	var faults fault.Many
	if _, ok := ByType(Type(r.Type)); !ok {
		faults.Add(fault.Invalid(below(path, "type"), "Invalid value for type"))
	}
	list := below(path, "shoppingLimits")
	if len(r.Limits) > 0 && Type(r.Type) != TypeShopping {
		faults.Add(fault.New(fault.NotAllowed, list, "shoppingLimits are for the type %s only", TypeShopping))
	}
	seen := map[Group]bool{}
	limits := slices.Clone(r.Limits)
	for i := range limits {
		l, at := &limits[i], bank.Path(list, i)
		if !slices.Contains(Groups, l.Group) {
			faults.Add(fault.Invalid(at+".group", "Invalid value for group; Supported values are GROCERIES, FASHION, OTHER"))
		} else if seen[l.Group] {
			faults.Add(fault.New(fault.NotAllowed, at+".group", "There is more than one limit for %s", l.Group))
		}
		seen[l.Group] = true
		money, f := l.MonthlyAmount.Check(at + ".monthlyAmount")
		faults.Add(f)
		if f == nil && currency != "" && money.Currency != currency { // of a consumer that there is
			faults.Add(fault.Invalid(at+".monthlyAmount.currency", "Invalid value for currency; the consumer's currency is %s", currency))
		}
		if f == nil && money.Amount.IsNeg() {
			faults.Add(fault.Invalid(at+".monthlyAmount.amount", "Invalid value for amount; it is below zero"))
		}
		l.MonthlyAmount = money
	}
	if len(faults) == 0 {
		slices.SortFunc(limits, func(a, b Limit) int { return slices.Index(Groups, a.Group) - slices.Index(Groups, b.Group) })
		r.Limits = limits
	}
	if r.CallbackHandle != nil {
		faults.Add(bank.CheckText(below(path, "callbackHandle"), *r.CallbackHandle, 1, bank.MaxID))
		if r.CallbackURL == nil {
			faults.Add(fault.New(fault.Together, below(path, "callbackHandle"), "callbackUrl should be provided with callbackHandle"))
		}
	}
	return faults
}

// Again is what a request means that finds a report of its type in its case: the same report, which is to be built again
// if it has FAILED. With other limits it is a fault, since the report of the case is another one. The request must
// have been checked.
func (r Report) Again(path string, q Request) (rebuild bool, f *fault.Error) {
	same := func(a, b Limit) bool {
		return a.Group == b.Group && a.MonthlyAmount.Currency == b.MonthlyAmount.Currency && a.MonthlyAmount.Amount.Cmp(b.MonthlyAmount.Amount) == 0
	}
	if !slices.EqualFunc(r.Limits, q.Limits, same) {
		return false, fault.New(fault.Conflict, below(path, "shoppingLimits"), "The case has a %s report with other limits; make another case", r.Type)
	}
	return r.Status == Failed, nil
}

func zoneOf(c bank.Consumer) *time.Location {
	loc, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return time.UTC
	}
	return loc
}

func below(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
