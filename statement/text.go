package statement

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/govalues/decimal"

	"insightgraph/bank"
)

// tidy is text as it can be kept: single blanks, no control characters, at most max characters.
func tidy(s string, max int) string {
	plain := len(s) <= max
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] > ' ' && s[i] < 0x7F || s[i] == ' ' && i > 0 && i < len(s)-1 && s[i-1] != ' '
	}
	if plain {
		return s
	}
	var b strings.Builder
	n, blank := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			blank = n > 0
			continue
		case r == utf8.RuneError:
			r = '?' // what the bank's own programs could not read
		case r == '\u00ad':
			r = '-' // a soft hyphen
		case unicode.IsControl(r) || r == '\ufeff' || r == '\u200b':
			continue
		}
		if blank && n+2 <= max {
			b.WriteByte(' ')
			n++
		}
		if blank = false; n >= max {
			break
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

func tidyName(s *string, max int) *string {
	if s == nil {
		return nil
	}
	return optional(tidy(*s, max))
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func party(name, account string) *bank.Counterparty {
	if name == "" && account == "" {
		return nil
	}
	return &bank.Counterparty{Name: optional(name), IBAN: optional(account)}
}

// maxTexts is how many texts are put together at most; what can be kept of them is full long before.
const maxTexts = 100

// join puts texts together with blanks; what is empty or part of another one is left out.
func join(texts ...string) string {
	var kept []string
next:
	for _, t := range texts {
		if t = strings.TrimSpace(t); t == "" {
			continue
		}
		if len(kept) >= maxTexts {
			break
		}
		for i, k := range kept {
			if strings.Contains(k, t) {
				continue next
			}
			if strings.Contains(t, k) {
				kept[i] = t
				continue next
			}
		}
		kept = append(kept, t)
	}
	return strings.Join(kept, " ")
}

// problems are what is wrong with an entry.
type problems []string

func (p *problems) add(format string, a ...any) { *p = append(*p, fmt.Sprintf(format, a...)) }

func (p problems) String() string { return strings.Join(p, "; ") }

// amountWords takes the signs and codes of currencies off an amount, and the word behind it, which may be its side.
func amountWords(s string) (amount, word string) {
	around := func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Sc, r) || r == '¤' || r == '*' }
	s = strings.TrimFunc(s, around)
	short := strings.TrimRightFunc(s, unicode.IsLetter)
	word = strings.ToUpper(s[len(short):])
	front := strings.TrimLeftFunc(short, unicode.IsLetter)
	if len(short)-len(front) > 5 {
		return "", word
	}
	return strings.TrimFunc(front, around), word
}

// parseAmount reads a decimal number whose decimal sign is point, in groups of three divided by group, blanks or
// apostrophes (group 0: in no groups). It may have a sign before or after it, or be in brackets, which makes it negative;
// so does a D, DR or S behind it.
func parseAmount(s string, point, group rune) (decimal.Decimal, bool) {
	neg, signs := false, 0
	s, word := amountWords(s)
	switch word {
	case "D", "DR", "DB", "S":
		neg = true
	case "", "C", "CR", "H":
	default:
		if n := utf8.RuneCountInString(word); n < 2 || n > 5 {
			return decimal.Decimal{}, false
		}
	}
	if whole := strings.TrimRight(s, "-\u2013\u2014"); whole != s && strings.HasSuffix(whole, string(point)) {
		s = whole // 12.- is 12.00
	}
	if strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		neg, s, signs = true, s[1:len(s)-1], 1
	}
	for _, at := range []bool{true, false} {
		r, n := utf8.DecodeRuneInString(s)
		if !at {
			r, n = utf8.DecodeLastRuneInString(s)
		}
		if r != '-' && r != '+' && r != '\u2212' {
			continue
		}
		signs++
		neg = neg || r != '+'
		if at {
			s = s[n:]
		} else {
			s = s[:len(s)-n]
		}
	}
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Sc, r) })
	whole, fraction, pointed := s, "", false
	if i := strings.IndexRune(s, point); i >= 0 {
		whole, fraction, pointed = s[:i], s[i+utf8.RuneLen(point):], true
	}
	if group != 0 {
		parts := strings.FieldsFunc(whole, func(r rune) bool { return r == group || r == '\'' || r == '’' || unicode.IsSpace(r) })
		for i, p := range parts {
			three := i == 0 && len(p) <= 3 || len(p) == 3
			lakhs := group == ',' && i < len(parts)-1 && len(p) <= 2 && (i == 0 || len(p) == 2) // 1,00,000.00
			if len(parts) > 1 && !three && !lakhs {
				return decimal.Decimal{}, false
			}
		}
		if len(parts) > 1 || len(parts) == 1 && len(parts[0]) == len(whole) {
			whole = strings.Join(parts, "")
		}
	}
	if signs > 1 || whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return decimal.Decimal{}, false
	}
	number := strings.TrimLeft(whole, "0")
	if number == "" {
		number = "0"
	}
	if pointed && fraction != "" {
		number += "." + fraction
	}
	d, f := bank.ParseAmount("amount", number)
	if f != nil {
		return decimal.Decimal{}, false
	}
	if neg {
		d = d.Neg()
	}
	return d, true
}

// order is in what order a date gives day, month and year.
type order byte

const (
	anyOrder order = 0
	dmy      order = 'D'
	mdy      order = 'M'
	ymd      order = 'Y'
)

// date is a day as it was written: three numbers, of which the first or the last is the year.
type date struct {
	a, b, c int
	year    bool // a is the year; otherwise c
	month   bool // the month was a word, and b is it
	sep     byte // between day and month
}

// order tells what can be known from this date alone.
func (d date) order() order {
	switch {
	case d.year:
		return ymd
	case d.month, d.sep == '.', d.a > 12 && d.b <= 12:
		return dmy
	case d.b > 12 && d.a <= 12:
		return mdy
	}
	return anyOrder
}

// day is the calendar day; false where there is none.
func (d date) day(o order) (bank.Date, bool) {
	y, m, n := d.c, d.b, d.a
	switch {
	case d.year:
		y, m, n = d.a, d.b, d.c
	case o == mdy && d.order() != dmy:
		m, n = d.a, d.b
	}
	t := time.Date(y, time.Month(m), n, 0, 0, 0, 0, time.UTC)
	if y < 1900 || y > 9999 || m < 1 || m > 12 || t.Day() != n || t.Month() != time.Month(m) {
		return 0, false
	}
	return bank.NewDate(y, time.Month(m), n), true
}

// century completes a year of two digits: 70 to 99 were before 2000.
func century(y int) int {
	if y < 70 {
		return 2000 + y
	}
	return 1900 + y
}

// months are the beginnings of the names of the months, folded, in the languages of the column names.
var months = func() map[string]int {
	all := map[string]int{}
	for _, names := range []string{"jan feb mar apr may jun jul aug sep oct nov dec", "jan feb mrz apr mai jun jul aug sep okt nov dez",
		"jan fev mars avr mai juin juil aou sep oct nov dec", "ene feb mar abr may jun jul ago sep oct nov dic",
		"gen feb mar apr mag giu lug ago set ott nov dic", "jan feb mrt apr mei jun jul aug sep okt nov dec",
		"jan fev mar abr mai jun jul ago set out nov dez", "jan feb mar apr maj jun jul aug sep okt nov dec", "jan feb maerz apr mai juni juli aug sept okt nov dez", "ian feb mar apr mai iun iul aug sep oct noi dec"} {
		for i, n := range strings.Fields(names) {
			all[n] = i + 1
		}
	}
	return all
}()

// parseDate takes a date apart: 2026-11-01, 1.11.2026, 01/11/26, 1/11'26, 20261101, 1 Nov 2026, Nov 1, 2026, each with
// or without a time of day.
func parseDate(s string) (date, bool) {
	s = strings.TrimSpace(s)
	var d date
	if len(s) >= 8 && digits(s[:8]) && (len(s) == 8 || !digit(s[8]) || len(s) == 12 || len(s) == 14) {
		d = date{number(s[:4]), number(s[4:6]), number(s[6:8]), true, false, 0}
		return d, clock(s[8:])
	}
	var parts [3]string
	var seps [2]string
	rest := s
	for i := range parts {
		if i > 0 {
			n := 0
			for n < len(rest) && strings.IndexByte("./-' ,", rest[n]) >= 0 {
				n++
			}
			if n == 0 || n > 2 {
				return d, false
			}
			seps[i-1], rest = rest[:n], rest[n:]
		}
		n := 0
		for n < len(rest) && digit(rest[n]) {
			n++
		}
		if n == 0 {
			for n < len(rest) && (rest[n] >= 0x80 || rest[n]|0x20 >= 'a' && rest[n]|0x20 <= 'z') {
				n++
			}
		}
		parts[i], rest = rest[:n], rest[n:]
	}
	if strings.HasPrefix(seps[1], ".") {
		rest = strings.TrimPrefix(rest, ".") // 2026.11.01.
	}
	if !clock(rest) {
		return d, false
	}
	month := func(s string) int {
		s = fold(s)
		if m := months[s]; m > 0 || len(s) < 3 {
			return m
		}
		if len(s) > 9 {
			return 0
		}
		return months[s[:3]]
	}
	if !digits(parts[0]) || !digits(parts[1]) { // 1 Nov 2026, Nov 1, 2026
		day, name := parts[0], parts[1]
		if !digits(parts[0]) {
			day, name = parts[1], parts[0]
		}
		d = date{number(day), month(name), number(parts[2]), false, true, 0}
		if !digits(day) || len(day) > 2 || d.b == 0 || !digits(parts[2]) || len(parts[2]) != 2 && len(parts[2]) != 4 {
			return d, false
		}
	} else {
		d = date{number(parts[0]), number(parts[1]), number(parts[2]), len(parts[0]) == 4, false, seps[0][0]}
		short := func(s string) bool { return len(s) == 1 || len(s) == 2 }
		switch {
		case strings.Contains("', ", seps[0]) || !digits(parts[2]) || !short(parts[1]):
			return d, false
		case d.year && !short(parts[2]), !d.year && (!short(parts[0]) || len(parts[2]) != 2 && len(parts[2]) != 4):
			return d, false
		}
	}
	if !d.year && len(parts[2]) == 2 {
		if d.c = century(d.c); strings.HasPrefix(seps[1], "'") {
			d.c = 2000 + d.c%100 // QIF writes 1/11'26 for the years from 2000 on
		}
	}
	return d, true
}

// clock tells whether s is nothing or a time of day, which is left out.
func clock(s string) bool {
	if s == "" {
		return true
	}
	if len(s) > 40 {
		return false
	}
	seen := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case digit(c):
			seen = true
		case c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte(" :.,+-[]/;", c) >= 0:
		default:
			return false
		}
	}
	first := s[0]
	return (seen || first == '[') && (first == ' ' || first == 'T' || first == ',' || first == '[' || first == '.' || first == ';' || digit(first))
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !digit(s[i]) {
			return false
		}
	}
	return s != ""
}

// number is the value of up to nine digits.
func number(s string) (n int) {
	for i := 0; i < len(s) && i < 9 && digit(s[i]); i++ {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// isoDate reads the date of an ISO date or time strictly, as it is written there: no time zone moves it.
func isoDate(s string) (bank.Date, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 10 && s[10] != 'T' {
		if _, err := time.Parse("2006-01-02Z07:00", s); err != nil {
			return 0, false
		}
	} else if len(s) > 10 {
		if _, err := time.Parse("2006-01-02T15:04:05Z07:00", s); err != nil {
			if _, err := time.Parse("2006-01-02T15:04:05", s); err != nil {
				return 0, false
			}
		}
	}
	d, err := bank.ParseDate(s[:min(len(s), 10)])
	return d, err == nil
}

// folds are letters with marks and the letters that they are folded to.
var folds = func() map[rune]rune {
	all := map[rune]rune{}
	for _, f := range strings.Fields("aàáâãäåăąā cçćčċ dďđð eèéêëęěēė gğģ iìíîïīįı lłľĺļ nñńňņ oòóôõöøőō rřŕ sśšşș tťţț uùúûüůűūų yýÿ zźżž αά εέ ηή ιίϊΐ οό υύϋΰ ωώ σς") {
		rs := []rune(f)
		for _, r := range rs[1:] {
			all[r] = rs[0]
		}
	}
	return all
}()

// fold is text for comparing: small letters without marks, everything else one blank.
func fold(s string) string {
	var b strings.Builder
	blank := false
	for _, r := range s {
		r = unicode.ToLower(r)
		if f, ok := folds[r]; ok {
			r = f
		}
		switch {
		case r == 'ß':
			r = 's'
			if blank && b.Len() > 0 {
				b.WriteByte(' ')
			}
			blank = false
			b.WriteByte('s')
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			blank = true
			continue
		}
		if blank && b.Len() > 0 {
			b.WriteByte(' ')
		}
		blank = false
		b.WriteRune(r)
	}
	return b.String()
}
