package connect

import (
	"fmt"
	"strings"
	"testing"

	"insightgraph/bank"
)

// TestMerge: what a file changes of what is stored, ids that begin with st- being of files.
func TestMerge(t *testing.T) {
	for name, c := range map[string]struct {
		stored, told []string
		want         string // new ids by stored row, and ids to be written
	}{
		"the file again":             {[]string{"st-1 + 03-01 -3 Shop"}, []string{"st-1 + 03-01 -3 Shop"}, "map[] [st-1]"},
		"settled under its id":       {[]string{"st-1 ? 03-01 -3 Shop"}, []string{"st-1 + 03-02 -3 Shop"}, "map[] [st-1]"},
		"pending as before":          {[]string{"st-1 ? 03-01 -3 Shop"}, []string{"st-1 ? 03-01 -3 Shop"}, "map[] [st-1]"},
		"an older file":              {[]string{"st-1 + 03-02 -3 Shop"}, []string{"st-1 ? 03-01 -3 Shop"}, "map[] []"},
		"nothing told":               {[]string{"st-1 + 03-01 -3 Shop", "st-2 ? 03-01 -3 Shop"}, nil, "map[] []"},
		"settled":                    {[]string{"st-1 ? 03-01 -3 Shop"}, []string{"st-2 + 03-03 -3 Shop"}, "map[1:st-2] [st-2]"},
		"the likest settles":         {[]string{"st-1 ? 03-01 -3 Shop", "st-2 ? 03-01 -3 Kiosk"}, []string{"st-3 + 03-02 -3 Kiosk"}, "map[2:st-3] [st-3]"},
		"each settles once":          {[]string{"st-1 ? 03-01 -3 Shop"}, []string{"st-2 + 03-02 -3 Shop", "st-3 + 03-03 -3 Shop"}, "map[1:st-2] [st-2 st-3]"},
		"pending after booked":       {[]string{"st-1 + 03-03 -3 Shop"}, []string{"st-2 ? 03-01 -3 SHOP"}, "map[] []"},
		"another one is pending":     {[]string{"st-1 + 03-03 -3 Shop"}, []string{"st-2 ? 03-01 -3 Kiosk"}, "map[] [st-2]"},
		"twins, one stored":          {[]string{"st-1 + 03-01 -3 Coffee"}, []string{"st-2 + 03-01 -3 Coffee", "st-3 + 03-01 -3 Coffee"}, "map[] [st-3]"},
		"twins, one by its id":       {[]string{"st-1 + 03-01 -3 Coffee"}, []string{"st-1 + 03-01 -3 Coffee", "st-2 + 03-01 -3 Coffee"}, "map[] [st-1 st-2]"},
		"twins, both stored":         {[]string{"st-1 + 03-01 -3 Coffee", "st-2 + 03-01 -3 Coffee"}, []string{"st-3 + 03-01 -3 Coffee", "st-4 + 03-01 -3 Coffee"}, "map[] []"},
		"other words, of a bank":     {[]string{"bank + 03-01 -3 Einkauf"}, []string{"st-2 + 03-01 -3 SHOP"}, "map[] []"},
		"other words, two of a bank": {[]string{"bank + 03-01 -3 Einkauf"}, []string{"st-2 + 03-01 -3 SHOP", "st-3 + 03-01 -3 KIOSK"}, "map[] [st-3]"},
		"other words, of a file":     {[]string{"st-1 + 03-01 -3 Einkauf"}, []string{"st-2 + 03-01 -3 SHOP"}, "map[] [st-2]"},
		"no id":                      {[]string{"- + 03-01 -3 Shop"}, []string{"st-2 + 03-01 -3 Shop"}, "map[] []"},
		"another day":                {[]string{"bank + 03-01 -3 Shop"}, []string{"st-2 + 03-02 -3 Shop"}, "map[] [st-2]"},
		"another amount":             {[]string{"bank + 03-01 -3 Shop"}, []string{"st-2 + 03-01 -4 Shop"}, "map[] [st-2]"},
		"another side":               {[]string{"bank + 03-01 -3 Shop"}, []string{"st-2 + 03-01 3 Shop"}, "map[] [st-2]"},
	} {
		stored := rows(c.stored...)
		for i := range stored {
			stored[i].ID = int64(i + 1)
		}
		rename, store := Merge(stored, rows(c.told...))
		ids := []string{}
		for _, x := range store {
			ids = append(ids, *x.ExternalID)
		}
		if got := fmt.Sprint(rename, " ", ids); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestMergeParties: of two files that share a day, one has one booked row of an amount and the other another.
func TestMergeParties(t *testing.T) {
	filed := func(id, s string) bank.Transaction {
		f := append(strings.Split(s, "|"), "", "")
		x := row(id + " + 03-02 -49.00 " + f[0])
		x.ID = 1
		if f[1] != "" {
			x.CounterpartyName = &f[1]
		}
		if f[2] != "" {
			x.CounterpartyIBAN = &f[2]
		}
		return x
	}
	for name, c := range map[string]struct {
		one, two string // text, name and account
		same     bool
	}{
		"two bills":                   {"Rechnung 1001|Stadtwerke", "Rechnung 2002|Telekom", false},
		"two cards":                   {"Karte 111|Cafe Anton", "Karte 222|Baeckerei Berta", false},
		"two firms":                   {"Rechnung 1001|Stadtwerke Nord GmbH", "Rechnung 2002|Telekom GmbH", false},
		"two accounts":                {"Rechnung 1001||DE89370400440532013000", "Rechnung 1001||DE02120300000000202051", false},
		"two parties, one text":       {"Lastschrift|Stadtwerke", "Lastschrift|Telekom", false},
		"two parties with accounts":   {"Lastschrift|Stadtwerke|DE89370400440532013000", "Lastschrift|Telekom|DE02120300000000202051", false},
		"one form of two firms":       {"Lastschrift|Nordlicht GmbH", "Lastschrift|Telekom GmbH", false},
		"two short names":             {"Lastschrift|Ikea", "Lastschrift|Otto", false},
		"a short name with a place":   {"Lastschrift|Ikea", "Lastschrift|IKEA Berlin", true},
		"a short name told again":     {"Lastschrift|Ikea", "Lastschrift|IKEA AG", true},
		"initials of two":             {"Lastschrift|Berta K", "Lastschrift|Anton K", false},
		"an account in one file":      {"Lastschrift||DE89370400440532013000", "Lastschrift", true},
		"a word in common":            {"Lastschrift|Stadtwerke Nord", "Lastschrift|Nord Energie", true},
		"told again":                  {"Rechnung 1001|Stadtwerke", "RECHNUNG 1001|Stadtwerke", true},
		"a longer name":               {"Rechnung 1001|Stadtwerke", "Rechnung 1001|STADTWERKE MUENCHEN GMBH", true},
		"another alphabet":            {"Rechnung 1001|Bäckerei Groß", "Rechnung 1001|BAECKEREI GROSS", true},
		"a name without blanks":       {"Rechnung 1001|Cafe Anton", "Rechnung 1001|CAFEANTON", true},
		"a name in one file alone":    {"Rechnung 1001", "Rechnung 1001|Telekom", true},
		"one account under two names": {"Rechnung 1001|Stadtwerke|DE89370400440532013000", "Rechnung 1001|Telekom|DE89370400440532013000", true},
		"an account by its number":    {"Rechnung 1001||DE89370400440532013000", "Rechnung 1001||0532013000", true},
	} {
		_, store := Merge([]bank.Transaction{filed("st-1", c.one)}, []bank.Transaction{filed("st-2", c.two)})
		if same := len(store) == 0; same != c.same {
			t.Errorf("%s: %v, want %v", name, same, c.same)
		}
		// What a bank has told of the day is all of it.
		if _, store := Merge([]bank.Transaction{filed("bank", c.one)}, []bank.Transaction{filed("st-2", c.two)}); len(store) != 0 {
			t.Errorf("%s: a linked account's row is stored again", name)
		}
	}
}

// TestMergeNumbers: of two files that share a day, one has a booked row and the other one that differs in its digits.
func TestMergeNumbers(t *testing.T) {
	filed := func(id, text string) bank.Transaction {
		text, name, _ := strings.Cut(text, "|")
		x := row(id + " + 03-02 -49.00 " + text)
		x.ID, x.CounterpartyName = int64(len(id)), &name
		return x
	}
	for name, c := range map[string]struct {
		one, two string // text and name
		same     bool
	}{
		"two invoices":                 {"Rechnung 1001|Stadtwerke", "Rechnung 1002|Stadtwerke", false},
		"two invoices of a client":     {"Kunde 4711 Rechnung 1001|Stadtwerke", "Kunde 4711 Rechnung 1002|Stadtwerke", false},
		"only numbers":                 {"1001|Stadtwerke", "1002|Stadtwerke", false},
		"two shops":                    {"Kartenzahlung|REWE 4321", "Kartenzahlung|REWE 1234", false},
		"two hours":                    {"Karte 02.03. 08:15 Uhr|Kiosk", "Karte 02.03. 17:40 Uhr|Kiosk", false},
		"two of twelve":                {"Rate 1 von 12|Bank", "Rate 2 von 12|Bank", false},
		"a day written otherwise":      {"Karte 02.03.2026|Kiosk", "Karte 2026-03-02|Kiosk", true},
		"a short year":                 {"Karte 02.03.2026|Kiosk", "Karte 02.03.26|Kiosk", true},
		"zeros in front":               {"Rechnung 1001|Stadtwerke", "Rechnung 0001001|Stadtwerke", true},
		"another grouping":             {"Rechnung 1001 2002|Stadtwerke", "Rechnung 100 12002|Stadtwerke", true},
		"a number in one file alone":   {"Rechnung|Stadtwerke", "Rechnung 1001|Stadtwerke", true},
		"a number more":                {"Rechnung 1001|Stadtwerke", "Rechnung 1001 4711|Stadtwerke", true},
		"a number in the name instead": {"Kartenzahlung 4321|REWE", "Kartenzahlung|REWE 4321", true},
		"an amount":                    {"Rechnung 1001 49,00|Stadtwerke", "Rechnung 1001 49.00|Stadtwerke", true},
	} {
		if _, store := Merge([]bank.Transaction{filed("st-1", c.one)}, []bank.Transaction{filed("st-2", c.two)}); (len(store) == 0) != c.same {
			t.Errorf("%s: %v, want %v", name, !c.same, c.same)
		}
		// What a bank has told of the day is all of it.
		if _, store := Merge([]bank.Transaction{filed("bank", c.one)}, []bank.Transaction{filed("st-2", c.two)}); len(store) != 0 {
			t.Errorf("%s: a linked account's row is stored again", name)
		}
		// A pending row settles with other digits, whichever file comes first.
		pending := filed("st-1", c.one)
		pending.Status = bank.Pending
		if rename, store := Merge([]bank.Transaction{pending}, []bank.Transaction{filed("st-2", c.two)}); len(rename) != 1 || len(store) != 1 {
			t.Errorf("%s: pending and booked are two", name)
		}
		if _, store := Merge([]bank.Transaction{filed("st-2", c.two)}, []bank.Transaction{pending}); len(store) != 0 {
			t.Errorf("%s: booked and then pending are two", name)
		}
	}
	// A file that holds both beside a stored one adds the other one, wherever it stands.
	for _, told := range [][]bank.Transaction{
		{filed("st-2", "Rechnung 1001|Stadtwerke"), filed("st-3", "Rechnung 1002|Stadtwerke")},
		{filed("st-3", "Rechnung 1002|Stadtwerke"), filed("st-2", "Rechnung 1001|Stadtwerke")},
	} {
		if _, store := Merge([]bank.Transaction{filed("st-1", "Rechnung 1001|Stadtwerke")}, told); len(store) != 1 || *store[0].ExternalID != "st-3" {
			t.Errorf("%v", store)
		}
	}
}
