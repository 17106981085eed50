package category_test

import (
	"testing"

	"insightgraph/bank"
	"insightgraph/category"
)

// What comes in from a name that looks like a shop's is a refund only where something says so.
func TestMoneyIn(t *testing.T) {
	for _, one := range []struct {
		name, text string
		base       bank.BaseType
		category   int
		merchant   string
	}{
		{"Hudson Freight LLC", "HUDSON FREIGHT DES:PAYROLL ID:4711", bank.Credit, 101, ""},
		{"Fjord Media AB", "BG-INBETALNING FAKTURA 12", bank.Credit, 106, ""},
		{"Target Logistics Inc", "WIRE IN 4711", bank.Credit, 1604, ""},
		{"Zalando SE", "4711", bank.Credit, 301, "Zalando"},
		{"Otto", "GUTSCHRIFT OTTO VERSAND", bank.Credit, 701, "Otto"},
		{"PayPal Europe S.a.r.l.", "PP.1234.PP . ZALANDO SE, Ihr Einkauf bei ZALANDO SE", bank.Credit, 301, "Zalando"},
		{"PayPal Europe S.a.r.l.", "PP.1234.PP . ZALANDO SE, Ihr Einkauf bei ZALANDO SE", bank.Debit, 301, "Zalando"},
		{"Greenpoint Realty", "ZELLE PAYMENT TO GREENPOINT REALTY", bank.Debit, 501, "Greenpoint"},
		{"H&M", "H+M 1234 BERLIN", bank.Debit, 301, "H&M"},
	} {
		got := category.Of(bank.Transaction{CounterpartyName: &one.name, Description: one.text, BaseType: one.base})
		if got.Category != one.category || one.merchant != "" && got.Merchant != one.merchant {
			t.Errorf("%s %q, %q: %+v, want %d %s", one.base, one.name, one.text, got, one.category, one.merchant)
		}
	}
}
