package insight_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"insightgraph/bank"
	"insightgraph/insight"
)

func day(t *testing.T, s string) bank.Date {
	t.Helper()
	d, err := bank.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestSeedsWindow(t *testing.T) {
	got := insight.Window(insight.LastThreeMonths, instant(t, "2022-01-27T03:33:49Z"), time.UTC)
	if want := (bank.Period{From: day(t, "2021-10-01"), To: day(t, "2021-12-31")}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		duration       insight.Duration
		asOf, zone     string
		wantFrom, want string
	}{
		{insight.LastMonth, "2024-03-31T12:00:00Z", "UTC", "2024-02-01", "2024-02-29"},
		{insight.LastMonth, "2023-03-31T12:00:00Z", "UTC", "2023-02-01", "2023-02-28"},
		{insight.LastThreeMonths, "2024-05-31T12:00:00Z", "UTC", "2024-02-01", "2024-04-30"},
		{insight.LastSixMonths, "2024-08-31T12:00:00Z", "UTC", "2024-02-01", "2024-07-31"},
		{insight.LastTwelveMonths, "2024-02-29T12:00:00Z", "UTC", "2023-02-01", "2024-01-31"},
		{insight.ThisMonth, "2024-02-29T12:00:00Z", "UTC", "2024-02-01", "2024-02-29"},
		{"", "2024-02-29T12:00:00Z", "UTC", "2024-02-29", "2024-02-29"},
		// One moment, two months: fourteen hours before and eleven behind.
		{insight.LastMonth, "2024-02-29T10:30:00Z", "Pacific/Kiritimati", "2024-02-01", "2024-02-29"},
		{insight.LastMonth, "2024-03-01T10:30:00Z", "Pacific/Pago_Pago", "2024-01-01", "2024-01-31"},
		{insight.ThisMonth, "2024-03-01T10:30:00Z", "Pacific/Pago_Pago", "2024-02-01", "2024-02-29"},
	} {
		got := insight.Window(c.duration, instant(t, c.asOf), zone(t, c.zone))
		if want := (bank.Period{From: day(t, c.wantFrom), To: day(t, c.want)}); got != want {
			t.Errorf("%s at %s in %s: %v, want %v", c.duration, c.asOf, c.zone, got, want)
		}
	}
}

func TestOccurrence(t *testing.T) {
	for _, c := range []struct {
		frequency        insight.Frequency
		asOf, zone       string
		from, to, dueDay string
	}{
		{insight.Daily, "2024-02-29T23:59:59Z", "UTC", "2024-02-29", "2024-02-29", "2024-02-29"},
		{insight.Weekly, "2024-02-26T00:00:00Z", "UTC", "2024-02-26", "2024-03-03", "2024-02-26"}, // a Monday
		{insight.Weekly, "2024-03-03T23:59:59Z", "UTC", "2024-02-26", "2024-03-03", "2024-02-26"}, // its Sunday
		{insight.Weekly, "1969-12-31T12:00:00Z", "UTC", "1969-12-29", "1970-01-04", "1969-12-29"},
		{insight.Monthly, "2024-02-29T12:00:00Z", "UTC", "2024-02-01", "2024-02-29", "2024-02-01"},
		{insight.MidMonthly, "2024-02-01T12:00:00Z", "UTC", "2024-02-01", "2024-02-29", "2024-02-16"},
		{insight.Monthly, "2024-02-29T10:30:00Z", "Pacific/Kiritimati", "2024-03-01", "2024-03-31", "2024-03-01"},
		{insight.Monthly, "2024-03-01T10:30:00Z", "Pacific/Pago_Pago", "2024-02-01", "2024-02-29", "2024-02-01"},
	} {
		got := insight.Occurrence(c.frequency, instant(t, c.asOf), zone(t, c.zone))
		if want := (bank.Period{From: day(t, c.from), To: day(t, c.to)}); got != want {
			t.Errorf("%s at %s in %s: %v, want %v", c.frequency, c.asOf, c.zone, got, want)
		}
		if due := insight.DueFrom(c.frequency, got); due != day(t, c.dueDay) {
			t.Errorf("%s at %s in %s: due from %v, want %s", c.frequency, c.asOf, c.zone, due, c.dueDay)
		}
	}
}

// Every hour of two years, with a leap day and the switches of summer time: each occurrence begins where the one
// before ended, holds the local day, and comes once; so do the windows of complete months.
func TestEveryHour(t *testing.T) {
	for _, name := range []string{"Europe/Stockholm", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago"} {
		loc := zone(t, name)
		begin, end := instant(t, "2023-06-15T00:00:00Z"), instant(t, "2025-06-15T00:00:00Z")
		for frequency, atLeast := range map[insight.Frequency]int{insight.Daily: 731, insight.Weekly: 104, insight.Monthly: 25, insight.MidMonthly: 25} {
			last := insight.Occurrence(frequency, begin, loc)
			count := 1
			for at := begin; at.Before(end); at = at.Add(time.Hour) {
				got := insight.Occurrence(frequency, at, loc)
				if !got.Contains(bank.DateOf(at, loc)) {
					t.Fatalf("%s %s at %v: %v does not hold the day", name, frequency, at, got)
				}
				if due := insight.DueFrom(frequency, got); !got.Contains(due) {
					t.Fatalf("%s %s at %v: due from %v outside %v", name, frequency, at, due, got)
				}
				if got == last {
					continue
				}
				if got.From != last.To+1 {
					t.Fatalf("%s %s at %v: %v follows %v", name, frequency, at, got, last)
				}
				last = got
				count++
			}
			if count < atLeast || count > atLeast+2 {
				t.Errorf("%s %s: %d occurrences, want %d", name, frequency, count, atLeast)
			}
		}
		last := insight.Window(insight.LastMonth, begin, loc)
		for at := begin; at.Before(end); at = at.Add(time.Hour) {
			got := insight.Window(insight.LastMonth, at, loc)
			if got != last && got.From != last.To+1 {
				t.Fatalf("%s at %v: window %v follows %v", name, at, got, last)
			}
			if month := insight.Occurrence(insight.Monthly, at, loc); got.To+1 != month.From {
				t.Fatalf("%s at %v: window %v does not end before %v", name, at, got, month)
			}
			last = got
		}
	}
}
