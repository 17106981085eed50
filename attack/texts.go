package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
)

// marked is in every hostile text, and in no log.
const marked = "CNRY-TEXT"

// hostile are texts that mean something to somebody who reads them: a database, a log, a spreadsheet, a browser, a shell, a
// template, a file system, a terminal, or a person.
var hostile = []string{
	"", " ", "\x00", marked + "\x00", "'", `"`, `\`, "%", "_", "%_%_%_%_%_%_%_%_%_%_%_%_%_%" + marked, "' OR '1'='1" + marked, marked + "'; DROP TABLE transactions; --", `\'; SELECT pg_sleep(9); --`, "$$" + marked, "-1) UNION SELECT secret_hash FROM customers --",
	"-?", "?0", "?", "??", ":a", "@@version", marked + "\r\nX-Injected: 1", "\n{\"level\":\"INFO\",\"msg\":\"" + marked + "\"}", "\x1b[2J" + marked, "\u202e" + marked, "\u2066\u2067\u2068", "\ufeff" + marked, "\u200b", "\u0000", "😀", "e\u0301\u0301\u0301\u0301", "ﷺ", "İıſK",
	"=1+1+cmd|' /C calc'!A0", "+" + marked, "-2+3", "@SUM(A1)", "\t=1", "<script>alert(1)</script>" + marked, "\"><img src=x onerror=alert(1)>", "javascript:alert(1)", "{{7*7}}", "${jndi:ldap://127.0.0.1/x}", "$(id)", "`id`", "| id", "; id", "../../../../etc/passwd", "..\\..\\x", "file:///etc/passwd", "//127.0.0.1/x",
	"null", "undefined", "NaN", "Infinity", "-0", "1e9999", "1e-9999", "0x7fffffff", "99999999999999999999", "-99999999999999999999", "0.1e1000000000", times("9", 2000), "9999-99-99", "0000-00-00", "-0001-01-01", "10000-01-01", "2026-02-30", "2026-01-01T99:99:99Z", "2026-01-01T00:00:00+99:99", "infinity", "epoch",
	times("x", 151), times("x", 5000), times("\u0301", 3000), times("é", 70_000), "true", "[]", "{}", `{"a":1}`, "bm9kZTox", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "////", "eyJhIjoxfQ==", times("A", 4000),
}

// texts puts each hostile text into every place of every operation that takes text. Each is refused with a fault, or taken
// as it is; nothing unforeseen happens, and none is in a log.
func (a *attack) texts(ctx context.Context) error {
	s, err := schema()
	if err != nil {
		return err
	}
	a.secret("a hostile text", marked)
	defer a.forget(marked) // its owner may read it
	list := hostile
	if a.quick {
		list = []string{"", marked + "\x00", "\\'; SELECT pg_sleep(9); --", marked + "\r\nX-Injected: 1", times("9", 2000), times("é", 70_000)}
	}
	places := 0
	for _, root := range []*ast.Definition{s.Query, s.Mutation} {
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") || f.Name == "importStatement" || f.Name == "rotateWebhookSecret" {
				continue
			}
			for _, place := range placesIn(s, f) {
				places++
				for n, text := range list {
					if ctx.Err() != nil {
						return ctx.Err()
					}
					if err := a.text(s, f, place, text, n); err != nil {
						return err
					}
				}
			}
		}
	}
	a.log("texts: %d texts in each of %d places", len(list), places)
	if a.check(places > 100, "there are only %d places for texts", places); err != nil {
		return err
	}
	return a.kept()
}

// place is a path to a value below the arguments of a field.
type place []string

// leaves are the types whose values are texts on the wire.
var leaves = map[string]bool{"String": true, "ID": true, "Decimal": true, "Date": true, "DateTime": true, "CurrencyCode": true, "InsightName": true, "Choice": true, "Switch": true}

// placesIn are all places for a text in the arguments of a field.
func placesIn(s *ast.Schema, f *ast.FieldDefinition) (places []place) {
	var walk func(path place, t *ast.Type)
	walk = func(path place, t *ast.Type) {
		d := s.Types[t.Name()]
		if d.Kind == ast.InputObject {
			for _, x := range d.Fields {
				walk(append(path[:len(path):len(path)], x.Name), x.Type)
			}
			return
		}
		if leaves[d.Name] || d.Kind == ast.Enum {
			places = append(places, path)
		}
	}
	for _, x := range f.Arguments {
		walk(place{x.Name}, x.Type)
	}
	return places
}

// values that most likely fit, by the name of a field or a type.
func (a *attack) fitting(name string, t *ast.Definition) any {
	byName := map[string]any{"consumerId": a.ids["consumer"], "consumerIds": a.ids["consumer"], "accountId": a.ids["account"], "accountIds": a.ids["account"], "reportId": a.ids["report"],
		"iban": "DE02120300000000202051", "ibans": "DE02120300000000202051", "mcc": "5411", "timeZone": "UTC", "countryCode": "DE", "bankCode": "sandbox-de", "ipAddress": "192.0.2.1", "language": "en",
		"origin": "https://shop.example", "redirectReturnUrl": "https://shop.example/", "callbackUrl": "https://hooks.invalid/", "insightTitle": "Title", "text": "coffee", "after": nil, "before": nil}
	if v, ok := byName[name]; ok {
		return v
	}
	if t.Kind == ast.Enum {
		return t.EnumValues[0].Name
	}
	return map[string]any{"ID": a.ids["consumer"], "Int": 1, "Boolean": false, "Decimal": "1.00", "Date": "2026-01-01", "DateTime": "2026-01-01T00:00:00Z", "CurrencyCode": "EUR", "InsightName": "SPENDING_AND_EARNING_COMPARISON",
		"Choice": "BANK", "Switch": "true", "String": "text"}[t.Name]
}

// around is a value of a type with the hostile text at the end of the path; what must be there beside it fits.
func (a *attack) around(s *ast.Schema, t *ast.Type, name string, path place, text string) any {
	d := s.Types[t.Name()]
	var v any
	switch {
	case d.Kind == ast.InputObject:
		o := object{}
		for _, x := range d.Fields {
			switch {
			case len(path) > 0 && path[0] == x.Name:
				o[x.Name] = a.around(s, x.Type, x.Name, path[1:], text)
			case x.Type.NonNull || x.Name == "psu" || x.Name == "consentScope" || x.Name == "insightsRefresh" || x.Name == "userAgent" || x.Name == "ipAddress" || x.Name == "consumerId" && d.Name != "CreateAccountInput" && d.Name != "CreateReportInput":
				o[x.Name] = a.around(s, x.Type, x.Name, nil, "")
			}
		}
		v = o
	case path != nil:
		v = text
	default:
		v = a.fitting(name, d)
	}
	if t.Elem != nil {
		return []any{v}
	}
	return v
}

// text sends one text in one place.
func (a *attack) text(s *ast.Schema, f *ast.FieldDefinition, p place, text string, n int) error {
	kind, variables := "query", object{}
	if s.Mutation.Fields.ForName(f.Name) != nil {
		kind = "mutation"
	}
	var declared, given []string
	for _, x := range f.Arguments {
		if x.Name != p[0] && !x.Type.NonNull {
			continue
		}
		declared = append(declared, "$"+x.Name+":"+x.Type.String())
		given = append(given, x.Name+":$"+x.Name)
		path := place(nil)
		if x.Name == p[0] {
			path = p[1:]
			if path == nil {
				path = place{}
			}
		}
		variables[x.Name] = a.around(s, x.Type, x.Name, path, text)
	}
	document := kind + "(" + strings.Join(declared, " ") + "){" + f.Name + "(" + strings.Join(given, " ") + ")"
	if d := s.Types[f.Type.Name()]; d.IsCompositeType() {
		document += "{__typename}"
	}
	got, err := a.intruder.ask(document+"}", variables)
	if err != nil {
		return fmt.Errorf("%s %v: %w", f.Name, p, err)
	}
	where := fmt.Sprintf("%s(%s) with %.60q", f.Name, strings.Join(p, "."), text)
	a.check(got.status == 200 && json.Valid([]byte(got.body)) && utf8.ValidString(got.body), "%s: %d %.300s", where, got.status, got.body)
	a.check(!strings.Contains(got.codes(), "INTERNAL") && !strings.Contains(got.codes(), "TIMEOUT"), "%s: %.300s", where, got.body)
	if !a.quick {
		a.check(got.took.Seconds() < 3, "%s took %v", where, got.took)
	}
	return nil
}

// kept: texts that are stored come back as they are, or not at all.
func (a *attack) kept() error {
	a.forget(marked)
	for n, text := range hostile {
		id := fmt.Sprintf("kept-%d", n)
		got, err := a.intruder.ask(`mutation($i:CreateTransactionsInput!){createTransactions(input:$i){createdCount}}`, object{"i": object{"accountId": a.ids["account"],
			"transactions": []object{{"externalId": id, "amount": object{"amount": "1.00", "currency": "EUR"}, "bookingDate": "2026-01-01", "description": text, "counterparty": object{"name": "kept"}}}}})
		if err != nil {
			return err
		}
		if got.Errors != nil {
			continue
		}
		read, err := a.intruder.ask(`query($t:TransactionFilter){transactions(filter:$t,first:1){nodes{externalId description}}}`, object{"t": object{"party": "kept"}})
		if err != nil {
			return err
		}
		var seen struct {
			Data struct {
				Transactions struct {
					Nodes []struct {
						ExternalID  string
						Description *string
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(read.body), &seen); err != nil {
			return err
		}
		nodes := seen.Data.Transactions.Nodes
		want := strings.ReplaceAll(text, "\x00", "") // which no text of PostgreSQL may hold
		a.check(len(nodes) == 1 && nodes[0].ExternalID == id && (nodes[0].Description == nil && want == "" || nodes[0].Description != nil && *nodes[0].Description == want), "stored %.60q, read %.300s", text, read.body)
	}
	return nil
}
