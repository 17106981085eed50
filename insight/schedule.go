package insight

import (
	"time"

	"insightgraph/bank"
)

// Occurrence is the period in which an insight of frequency f is made once, and in which it is due: the one that
// holds the local day of asOf. DAILY: that day; WEEKLY: Monday to Sunday; MONTHLY and MID_MONTHLY: the calendar
// month, as in the reference product's duplicate checks.
func Occurrence(f Frequency, asOf time.Time, loc *time.Location) bank.Period {
	day := bank.DateOf(asOf, loc)
	switch f {
	case Weekly:
		monday := day - bank.Date(day.Time().Weekday()+6)%7
		return bank.Period{From: monday, To: monday + 6}
	case Monthly, MidMonthly:
		return bank.Period{From: day.Month(), To: day.AddMonths(1) - 1}
	}
	return bank.Period{From: day, To: day}
}

// DueFrom is the first day on which an insight of frequency f is due within its occurrence. It stays due until the
// occurrence ends, so that a server that was down catches up.
func DueFrom(f Frequency, occurrence bank.Period) bank.Date {
	if f == MidMonthly {
		return occurrence.From + 15 // the sixteenth
	}
	return occurrence.From
}

// Window is the run of days that an insight of duration d looks at when evaluated at asOf. The LAST_… durations are
// complete calendar months before the local month of asOf, so the seed's insight evaluated on 2022-01-27 looks at
// 2021-10-01 to 2021-12-31. THIS_MONTH ends on the local day; without a duration there is that day alone.
func Window(d Duration, asOf time.Time, loc *time.Location) bank.Period {
	day := bank.DateOf(asOf, loc)
	last := func(months int) bank.Period { return bank.Period{From: day.AddMonths(-months), To: day.Month() - 1} }
	switch d {
	case LastMonth:
		return last(1)
	case LastThreeMonths:
		return last(3)
	case LastSixMonths:
		return last(6)
	case LastTwelveMonths:
		return last(12)
	case ThisMonth:
		return bank.Period{From: day.Month(), To: day}
	}
	return bank.Period{From: day, To: day}
}
