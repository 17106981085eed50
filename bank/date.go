package bank

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Date is a calendar day without a time zone: days since 1970-01-01.
type Date int32

// NewDate is the day y-m-d; days and months beyond the calendar roll over as in time.Date.
func NewDate(y int, m time.Month, d int) Date {
	return Date(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// DateOf is the day that a clock in loc shows at t.
func DateOf(t time.Time, loc *time.Location) Date {
	y, m, d := t.In(loc).Date()
	return NewDate(y, m, d)
}

// ParseDate reads yyyy-MM-dd, years 1900 to 9999.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1900 {
		return 0, fmt.Errorf("%q is not a date of the form yyyy-MM-dd", s)
	}
	return NewDate(t.Date()), nil
}

// Time is the day's midnight in UTC.
func (d Date) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

func (d Date) String() string { return d.Time().Format(time.DateOnly) }

// AddMonths moves by whole months from the first of the month of d.
func (d Date) AddMonths(n int) Date {
	y, m, _ := d.Time().Date()
	return NewDate(y, m+time.Month(n), 1)
}

// Month is the first day of the month of d.
func (d Date) Month() Date { return d.AddMonths(0) }

// AppendText appends yyyy-MM-dd.
func (d Date) AppendText(b []byte) ([]byte, error) {
	return d.Time().AppendFormat(b, time.DateOnly), nil
}

// MarshalText and UnmarshalText carry a date in JSON.
func (d Date) MarshalText() ([]byte, error) { return d.AppendText(nil) }

// UnmarshalText reads yyyy-MM-dd.
func (d *Date) UnmarshalText(b []byte) (err error) { *d, err = ParseDate(string(b)); return err }

// Value and Scan carry a date to and from a date column.
func (d Date) Value() (driver.Value, error) { return d.String(), nil }

// Scan reads a date column.
func (d *Date) Scan(v any) (err error) {
	switch v := v.(type) {
	case time.Time:
		*d = NewDate(v.Date())
	case string:
		*d, err = ParseDate(v)
	default:
		err = fmt.Errorf("read a date from %T", v)
	}
	return err
}

// Period is a run of days, both ends included.
type Period struct {
	From Date `json:"from"`
	To   Date `json:"to"`
}

// Contains tells whether the day is in the period.
func (p Period) Contains(d Date) bool { return p.From <= d && d <= p.To }

// Days is the length of the period.
func (p Period) Days() int { return int(p.To-p.From) + 1 }
