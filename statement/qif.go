package statement

import (
	"errors"
	"io"
	"strings"

	"insightgraph/bank"
)

// qifRecord is what stands before a ^.
type qifRecord struct {
	line                          int
	date, amount                  string
	dateLine, amountLine          int
	payee, memo, number, category string
	name                          string // of !Account
	splits                        []qifSplit
}

type qifSplit struct{ category, memo, amount string }

// qifWalk calls use for each record with the section that it stands in, such as bank or account.
func qifWalk(r io.Reader, c *collector, use func(section string, rec *qifRecord) error) (last int, err error) {
	in := newLines(r)
	section, rec := "", &qifRecord{}
	ended := false // the last line is a ^
	for {
		b, n, err := in.read()
		if err == io.EOF {
			break
		}
		if why, is := errors.AsType[unreadable](err); is {
			return n, c.refuse(n, "%s", why)
		}
		if err != nil {
			return n, err
		}
		last = n
		s := strings.TrimRight(string(b), " \t")
		if s == "" {
			continue
		}
		ended = s == "^"
		if rec.line == 0 {
			rec.line = n
		}
		value := strings.TrimSpace(s[1:])
		switch s[0] {
		case '!':
			head := strings.ToLower(s[1:])
			switch {
			case strings.HasPrefix(head, "type:"):
				section = strings.TrimSpace(head[5:])
				if err := use("!"+section, &qifRecord{line: n}); err != nil {
					return n, err
				}
			case head == "account":
				section = "account"
			case strings.HasPrefix(head, "option:"), strings.HasPrefix(head, "clear:"):
			default:
				section = "unknown"
			}
			rec = &qifRecord{}
			continue
		case '^':
			if len(s) == 1 {
				if err := use(section, rec); err != nil {
					return n, err
				}
				rec = &qifRecord{}
				continue
			}
		case 'D':
			if rec.date == "" && len(rec.splits) == 0 {
				rec.date, rec.dateLine = value, n
			}
		case 'T', 'U':
			if section != "account" && rec.amount == "" {
				rec.amount, rec.amountLine = value, n
			}
		case 'N':
			rec.number, rec.name = value, value
		case 'P':
			rec.payee = value
		case 'M':
			rec.memo = value
		case 'L':
			rec.category = value
		case 'S', 'E', '$':
			if section == "account" {
				break
			}
			if s[0] == 'S' {
				rec.splits = append(rec.splits, qifSplit{category: value})
			}
			if n := len(rec.splits); n > 1000 {
				return last, c.refuse(last, "An entry has too many splits")
			} else if n > 0 && s[0] == 'E' {
				rec.splits[n-1].memo = value
			} else if n > 0 && s[0] == '$' {
				rec.splits[n-1].amount = value
			}
		}
	}
	_, entries := qifContainers[section]
	if open := rec.line > 0 && (entries || section == "account" || rec.date != "" || rec.amount != ""); open || last > 0 && !in.ended && !ended {
		return last, c.refuse(last, "The file ends within an entry: it is cut off")
	}
	return last, nil
}

// qifContainers are the sections that hold entries.
var qifContainers = map[string]bank.Container{"bank": bank.ContainerBank, "cash": bank.ContainerBank, "ccard": bank.ContainerCard, "oth a": bank.ContainerOtherAssets, "oth l": bank.ContainerOtherLiabilities}

// qifTypes are the types of these accounts.
var qifTypes = map[string]string{"cash": "CASH", "ccard": "CREDIT_CARD"}

// qif reads the Quicken interchange format. It has no currency and does not say whether days or months come first, so
// that all dates of a file are looked at before one is read.
func qif(src source, look survey, c *collector) error {
	if c.o.Currency == "" {
		return c.refuse(1, "QIF names no currency; give the currency of the account")
	}
	var days orders
	var numbers decimals
	err := src.pass(func(in io.Reader) error {
		_, err := qifWalk(look.decode(in), c, func(section string, rec *qifRecord) error {
			if _, ok := qifContainers[section]; ok && rec.date != "" {
				if d, ok := qifDate(rec.date); ok {
					days.see(d, rec.dateLine)
				}
				numbers.see(rec.amount)
			}
			return nil
		})
		return err
	})
	if err != nil {
		return err
	}
	c.noCurrency(1)
	way, err := days.decide(c, mdy)
	if err != nil {
		return err
	}
	point, group := numbers.decide(c.o.Currency)
	named := ""
	read := func(section string, rec *qifRecord) error {
		if name, ok := strings.CutPrefix(section, "!"); ok {
			switch container, ok := qifContainers[name]; {
			case ok:
				st := c.begin(rec.line)
				st.Account.Container, st.Account.Type, st.Account.Name, st.Account.Currency = container, qifTypes[name], named, c.o.Currency
			case name == "invst" || name == "security" || name == "prices" || name == "memorized":
				if c.st != nil {
					c.end()
				}
				if name == "invst" {
					return c.reject(rec.line, "Investments (!Type:Invst) are not read")
				}
			case c.st != nil:
				c.end()
			}
			return nil
		}
		if section == "account" {
			if named = rec.name; c.st != nil {
				c.end()
			}
			return nil
		}
		if _, ok := qifContainers[section]; !ok || c.st == nil || rec.date == "" && rec.amount == "" {
			return nil
		}
		return qifEntry(c, rec, way, point, group)
	}
	return src.pass(func(in io.Reader) error {
		last, err := qifWalk(look.decode(in), c, read)
		if err == nil && len(c.file.Statements) == 0 && c.st == nil && len(c.file.Rejected) == 0 {
			return c.refuse(max(1, last), "The file holds no account with entries")
		}
		return err
	})
}

// qifDate reads a date; QIF fills up with blanks, as in 1/ 1'01.
func qifDate(s string) (date, bool) { return parseDate(strings.ReplaceAll(s, " ", "")) }

func qifEntry(c *collector, rec *qifRecord, way order, point, group rune) error {
	st := c.st
	e := Entry{Line: rec.line}
	e.Currency, e.Status = st.Account.Currency, bank.Posted
	var bad problems
	d, ok := qifDate(rec.date)
	if ok {
		e.BookingDate, ok = d.day(way)
	}
	if !ok {
		bad.add("The date (D) is missing or is no day of the calendar")
		e.Line = max(rec.line, rec.dateLine)
	}
	if e.Amount, ok = parseAmount(rec.amount, point, group); !ok {
		bad.add("The amount (T) is missing or is no decimal number")
		if len(bad) == 1 {
			e.Line = max(rec.line, rec.amountLine)
		}
	}
	// Quicken writes what an account was opened with as an entry that goes to the account itself.
	if own, ok := strings.CutPrefix(rec.category, "["); ok && bad == nil && strings.EqualFold(rec.payee, "Opening Balance") && st.Opening == nil {
		day := e.BookingDate
		st.Opening = &Balance{Money: bank.Money{Amount: e.Amount, Currency: e.Currency}, Date: &day}
		if st.Account.Name == "" {
			st.Account.Name = strings.TrimSuffix(own, "]")
		}
		return nil
	}
	e.CounterpartyName = optional(rec.payee)
	e.Description = join(rec.payee, rec.memo)
	for _, s := range rec.splits {
		p := Part{Description: join(s.category, s.memo), BaseType: bank.Credit}
		if amount, ok := parseAmount(s.amount, point, group); ok {
			if amount.IsNeg() {
				p.BaseType, amount = bank.Debit, amount.Neg()
			}
			if m, f := (bank.Money{Amount: amount, Currency: e.Currency}).Check("amount"); f == nil {
				p.Amount = &m
			}
		}
		e.Parts = append(e.Parts, p)
	}
	if strings.EqualFold(rec.number, "TXFR") {
		e.BankText = "TRANSFER"
	}
	return c.add(e, "", join(rec.number, rec.memo), bad.String())
}
