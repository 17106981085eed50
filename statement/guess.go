package statement

import (
	"strings"
	"unicode"

	"insightgraph/bank"
)

// orders finds out from all dates of a file whether days or months come first.
type orders struct {
	dmyLine, mdyLine, anyLine int // where one was seen that is it for sure, and one that may be both
	last                      [2]bank.Date
	up, down                  [2]int // steps forward and back if days come first, and if months do
}

func (o *orders) see(d date, line int) {
	if d.year || d.month || d.sep == '.' {
		return
	}
	switch d.order() {
	case dmy:
		o.dmyLine = line
	case mdy:
		o.mdyLine = line
	default:
		o.anyLine = line
	}
	for i, way := range []order{dmy, mdy} {
		day, ok := d.day(way)
		if !ok {
			continue
		}
		if o.last[i] != 0 && day > o.last[i] {
			o.up[i]++
		} else if o.last[i] != 0 && day < o.last[i] {
			o.down[i]++
		}
		o.last[i] = day
	}
}

// decide gives the order of a file. Where no date settles it, the one is taken in which the entries go one way in time;
// then what is usual with the currency.
func (o *orders) decide(c *collector, usual order) (order, error) {
	switch {
	case o.dmyLine > 0 && o.mdyLine > 0:
		return 0, c.refuse(max(o.dmyLine, o.mdyLine), "Some dates have the day first and others the month")
	case o.dmyLine > 0:
		return dmy, nil
	case o.mdyLine > 0:
		return mdy, nil
	case o.anyLine == 0:
		return usual, nil
	}
	turnsD, turnsM := min(o.up[0], o.down[0]), min(o.up[1], o.down[1])
	switch {
	case turnsD < turnsM:
		return dmy, nil
	case turnsM < turnsD:
		return mdy, nil
	case c.o.Currency == "USD":
		usual = mdy
	case c.o.Currency != "":
		usual = dmy
	}
	c.warn(o.anyLine, "No date of the file tells whether the day or the month comes first; %s", map[order]string{dmy: "the day was taken", mdy: "the month was taken"}[usual])
	return usual, nil
}

// decimals finds out from all amounts of a file whether . or , is the decimal sign.
type decimals struct {
	point, comma int // amounts in which one is it for sure
	anyPoint     int // amounts such as 1.234
	anyComma     int
}

func (d *decimals) see(s string) {
	i, j := strings.LastIndexByte(s, '.'), strings.LastIndexByte(s, ',')
	if i < 0 && j < 0 {
		return
	}
	sign, other := byte('.'), &d.comma
	own, unsure := &d.point, &d.anyPoint
	if j > i {
		sign, other, own, unsure, i = ',', &d.point, &d.comma, &d.anyComma, j
	}
	behind := len(strings.TrimRightFunc(s[i+1:], func(r rune) bool { return !unicode.IsDigit(r) }))
	before := strings.TrimLeftFunc(s[:i], func(r rune) bool { return !unicode.IsDigit(r) })
	switch n := strings.Count(s, string(sign)); {
	case n == 1 && (strings.ContainsAny(before, ".,'’ \u00a0\u202f") || behind != 3 || len(before) > 3 || before == "" || before[0] == '0'):
		*own++
	case n == 1:
		*unsure++
	default: // several: they divide groups, if those are of three digits
		for k, g := range strings.Split(before+s[i:i+1+behind], string(sign)) {
			if !digits(g) || len(g) > 3 || k > 0 && len(g) != 3 {
				return
			}
		}
		*other++
	}
}

// decide gives the decimal sign and the one between groups. An amount such as 1.234 has three decimals only in a
// currency that has them.
func (d *decimals) decide(c bank.Currency) (point, group rune) {
	comma := d.comma > d.point
	if d.comma == 0 && d.point == 0 {
		three, _ := c.Digits()
		comma = d.anyPoint > 0 && d.anyComma == 0 && three < 3 || d.anyComma > 0 && d.anyPoint == 0 && three >= 3
	}
	if comma {
		return ',', '.'
	}
	return '.', ','
}
