package category_test

import (
	"testing"

	"insightgraph/bank"
	"insightgraph/category"
)

// Who is on the other side and what the text says, on German accounts.
func TestNameAndText(t *testing.T) {
	for _, one := range []struct {
		base       bank.BaseType
		name, text string
		category   int
	}{
		{bank.Credit, "Santander Consumer Bank AG", "Auszahlung Darlehen 123", 1605},
		{bank.Credit, "Santander Consumer Bank AG", "Kreditauszahlung", 1605},
		{bank.Credit, "auxmoney GmbH", "Kreditauszahlung", 1605},
		{bank.Credit, "smava GmbH", "Kreditauszahlung", 1605},
		{bank.Credit, "Santander Consumer Bank AG", "Rückerstattung 4711", 109},
		{bank.Credit, "Ratepay GmbH", "4711", 109},
		{bank.Credit, "eBay S.a.r.l.", "Auszahlung", 701},
		{bank.Debit, "Sparkasse", "Auszahlung 4711", 1500},
		{bank.Credit, "Jens Mueller", "Danke", 1604},
		{bank.Debit, "Jens Mueller", "Danke", 1604},
		{bank.Debit, "AWB", "Muellentsorgung", 503},
		{bank.Debit, "AWB", "Muellgeb. 2021", 503},
		{bank.Debit, "AWB", "Müll 2. Quartal", 503},
		{bank.Debit, "AWB", "Muell 2. Quartal", 503},
		{bank.Debit, "Klarna Bank AB", "Bestellung OTTO", 701},
		{bank.Debit, "Klarna", "Ihr Einkauf bei H&M", 301},
		{bank.Debit, "Klarna Bank AB (publ)", "Klarna * Zalando", 301},
		{bank.Credit, "Klarna Bank AB (publ)", "Rückzahlung Zalando", 301},
		{bank.Debit, "Klarna Bank AB (publ)", "4711", 700},
		{bank.Debit, "Klarna Bank AB (publ)", "Ratenkauf 4711", 1203},
		{bank.Debit, "Otto Mueller", "", 1604},
		{bank.Debit, "Hans Fischer", "privat", 1604},
		{bank.Debit, "Hans Schneider", "privat", 1604},
		{bank.Credit, "Julia Metzger", "Geburtstag", 1604},
		{bank.Debit, "Julia Metzger", "Geburtstag", 1604},
		{bank.Debit, "Sabine Gaertner", "", 1604},
		{bank.Debit, "Lena Bauhaus", "", 1604},
		{bank.Debit, "Max Meier", "", 1604},
		{bank.Debit, "Max Meier", "Miete Mai", 501},
		{bank.Debit, "Anna Apotheke", "", 801},
		{bank.Debit, "Franz Bäckerei", "", 203},
		{bank.Debit, "Peter Hahn", "", 301},
		{bank.Debit, "Otto GmbH", "", 701},
		{bank.Debit, "Hans Fischer", "REWE Einkauf", 201},
		{bank.Credit, "Bundeskasse", "Elterngeld", 103},
		{bank.Credit, "Bundeskasse Trier", "Kindergeld", 103},
		{bank.Credit, "Bundeskasse Halle", "BAföG", 103},
		{bank.Credit, "Stadtkasse Köln", "Wohngeld", 103},
		{bank.Credit, "Bundeskasse Trier", "4711", 107},
		{bank.Credit, "Bundeskasse Trier", "Einkommensteuer 2020", 107},
		{bank.Debit, "Bundeskasse Trier", "4711", 1204},
	} {
		if got := category.Categorise(category.Input{Transaction: bank.Transaction{CounterpartyName: &one.name, Description: one.text, BaseType: one.base}, Country: "DE"}); got.Category != one.category {
			t.Errorf("%s %q, %q: %+v, want %d", one.base, one.name, one.text, got, one.category)
		}
	}
}
