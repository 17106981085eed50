package report

import (
	"testing"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/category"
)

// shopper's year, of which all numbers below are worked out by hand.
func shopper() *book {
	b := &book{}
	b.monthly(giro, 1, 1, 12, "2000.00", 101, "Employer") // 24,000 income
	b.monthly(giro, 3, 1, 12, "-700.00", 501, "Landlord")
	b.monthly(giro, 5, 1, 12, "-50.00", 201, "REWE")
	b.monthly(visa, 15, 1, 9, "-30.00", 201, "REWE") // 80 a month until September, then 150
	b.monthly(visa, 15, 10, 12, "-50.00", 201, "REWE")
	b.monthly(visa, 25, 10, 12, "-50.00", 201, "REWE")
	b.monthly(visa, 20, 1, 12, "-100.00", 201, "Lidl")
	b.on(visa, "2025-03-10", "-120.00", 301, "Zalando")
	b.on(visa, "2025-04-02", "45.50", 301, "Zalando") // comes back in the month after
	b.on(visa, "2025-05-10", "-80.00", 302, "Zalando")
	b.on(visa, "2025-12-13", "-60.00", 301, "H&M")
	b.on(visa, "2025-06-10", "-199.99", 701, "Amazon")
	b.on(giro, "2025-07-10", "-15.01", 704, "dm")
	b.on(visa, "2025-12-30", "-12.00", 201, "REWE").Status = bank.Pending
	b.on(giro, "2025-12-28", "-500.00", category.None, "").TransferID = new(int64(2))
	b.on(visa, "2025-12-28", "500.00", 1602, "").TransferID = new(int64(1))
	b.on(giro, "2025-11-11", "-25.00", 1604, "Erika")
	b.on(giro, "2025-02-02", "-33.00", category.None, "QWERTZ")
	b.on(shares, "2025-02-03", "-999.00", 201, "REWE")
	b.on(giro, "2024-12-31", "-77.00", 302, "Deichmann") // a day before the period
	return b
}

func TestShopping(t *testing.T) {
	given := shopper().input(year, giro, visa, shares)
	given.Limits = []Limit{{Groceries, bank.Money{Amount: decimal.MustParse("200.00"), Currency: "EUR"}}, {Fashion, bank.Money{Amount: decimal.MustParse("100.00"), Currency: "EUR"}},
		{OtherShop, bank.Money{Amount: decimal.MustParse("199.99"), Currency: "EUR"}}} // reached but not exceeded in June
	s := build[*Shopping](t, TypeShopping, given)
	groceries, fashion, other := s.Groups[0], s.Groups[1], s.Groups[2]
	want(t,
		s.Total, "2799.50 EUR", // 2370 + 214.50 + 215
		s.TransactionCount, "45",
		s.AveragePerMonth, "233.29 EUR", // / 12 = 233.2917
		s.Income, "24000.00 EUR",
		groceries.Kind, "GROCERIES", groceries.Amount, "2370.00 EUR 39", groceries.Share, "84.66", // 1170 + 1200; 84.6579
		fashion.Kind, "FASHION", fashion.Amount, "214.50 EUR 4", fashion.Share, "7.66", // 120 - 45.50 + 80 + 60; 7.6621
		other.Kind, "OTHER", other.Amount, "215.00 EUR 2", other.Share, "7.68", // 7.6799
		groceries.Monthly, "180.00 180.00 180.00 180.00 180.00 180.00 180.00 180.00 180.00 250.00 250.00 250.00",
		fashion.Monthly, "0.00 0.00 120.00 -45.50 80.00 0.00 0.00 0.00 0.00 0.00 0.00 60.00",
		// REWE has more purchases though Lidl has a larger total; 1170 / 2370 = 49.3671, 1200 / 2370 = 50.6329
		groceries.Stores, "1 REWE 1170.00 49.37% 27/27 ; 2 Lidl 1200.00 50.63% 12/12 MONTHLY",
		fashion.Stores, "1 Zalando 154.50 72.03% 2/3 ; 2 H&M 60.00 27.97% 1/1 ",
		other.Stores, "1 Amazon 199.99 93.02% 1/1 ; 2 dm 15.01 6.98% 1/1 ",
		fashion.Categories, "Clothing 134.50 62.70% 3; Shoes 80.00 37.30% 1",
		fashion.Stores[0].AverageAmount, "100.00 EUR", // (120 + 80) / 2: what came back is not a purchase
		fashion.Stores[0].RefundTotal, "45.50 EUR", fashion.Stores[0].RefundCount, "1",
		groceries.Stores[0].AverageAmount, "43.33 EUR", // 1170 / 27 = 43.3333
		fashion.Stores[0].FirstDate, "2025-03-10", fashion.Stores[0].LastDate, "2025-05-10",
		*fashion.Stores[0].Merchant, "Zalando",
		s.Coverage.Complete, "true", s.Coverage.MonthsWithData, "12",
		s.Coverage.FirstDate, "2025-01-01", s.Coverage.LastDate, "2025-12-28",
		s.Coverage.LeftOut, "OTHER_CONTAINER 1; PENDING 1; TRANSFER 3 +500.00 -525.00; UNCATEGORIZED 1 +0.00 -33.00; OTHER_CATEGORY 24 +24000.00 -8400.00",
	)
	var found []string
	for _, x := range s.Findings {
		found = append(found, x.Message)
	}
	// The recent three months: 750 groceries and 60 fashion, 270 a month. Before: 1989.50 in nine months, 221.06; groceries 180.
	messages := []string{
		"Shopping: 270.00 EUR a month from Oct to Dec 2025, 22.14 % more than the 221.06 EUR a month from Jan to Sep 2025.",
		"Groceries: 250.00 EUR a month from Oct to Dec 2025, 38.89 % more than the 180.00 EUR a month from Jan to Sep 2025.",
		"REWE (groceries): 150.00 EUR a month from Oct to Dec 2025, 87.5 % more than the 80.00 EUR a month from Jan to Sep 2025.",
		"Groceries in Oct 2025: 250.00 EUR, which is 50.00 EUR (25 %) over the limit of 200.00 EUR a month.",
		"Groceries in Nov 2025: 250.00 EUR, which is 50.00 EUR (25 %) over the limit of 200.00 EUR a month.",
		"Groceries in Dec 2025: 250.00 EUR, which is 50.00 EUR (25 %) over the limit of 200.00 EUR a month.",
		"Fashion in Mar 2025: 120.00 EUR, which is 20.00 EUR (20 %) over the limit of 100.00 EUR a month.",
		"Shopping took 11.66 % of the income: 2,799.50 EUR of 24,000.00 EUR from Jan to Dec 2025.",
		"Groceries took 9.88 % of the income: 2,370.00 EUR of 24,000.00 EUR from Jan to Dec 2025.", // 9.875
		"Fashion took 0.89 % of the income: 214.50 EUR of 24,000.00 EUR from Jan to Dec 2025.",
		"Other shopping took 0.9 % of the income: 215.00 EUR of 24,000.00 EUR from Jan to Dec 2025.",
	}
	if len(found) != len(messages) {
		t.Fatalf("%d findings: %q", len(found), found)
	}
	for i := range messages {
		if found[i] != messages[i] {
			t.Errorf("finding %d is\n%s\nwant\n%s", i, found[i], messages[i])
		}
	}
	rewe := s.Findings[2]
	want(t, rewe.Kind, "EARLIER_AVERAGE", *rewe.Group, "GROCERIES", *rewe.Store, "REWE", rewe.Amount, "150.00 EUR", rewe.Baseline, "80.00 EUR", rewe.ChangePercent, "87.50",
		rewe.Period, "2025-10-01 2025-12-31", *rewe.BaselinePeriod, "2025-01-01 2025-09-30", rewe.PercentOfIncome, "none",
		s.Compared.BeforeMonths, "9", len(s.Compared.Accounts), "2")
	limit := s.Findings[6]
	want(t, limit.Kind, "MONTHLY_LIMIT", *limit.Group, "FASHION", limit.Month, "2025-03-01", limit.Amount, "120.00 EUR", limit.Baseline, "100.00 EUR", limit.ChangePercent, "20.00",
		limit.Period, "2025-03-01 2025-03-31", limit.BaselinePeriod == nil, "true")
	share := s.Findings[7]
	want(t, share.Kind, "INCOME_SHARE", share.Group == nil, "true", share.ChangePercent, "none", share.PercentOfIncome, "11.66", share.Period, "2025-01-01 2025-12-31")
	want(t, groceries.MonthlyLimit, "200.00 EUR", s.Coverage.Averaged.From, "2025-01-01", s.Coverage.Averaged.To, "2025-12-31",
		s.Accounts[1].FirstDate, "2025-01-15", s.Accounts[1].TransactionCount, "33") // Visa: 9 + 3 + 3 + 12 + 4 + 1 + 1, and REWE's pending one not
	onPaper(t, s,
		"Shopping report | 1 Jan 2025 to 31 Dec 2025",
		"Period: 1 Jan 2025 to 31 Dec 2025, 365 days",
		"Accounts: Giro; Visa",
		"Data: Transactions from 1 Jan to 28 Dec 2025, in 12 of 12 months; 1 transaction without a category (33.00 EUR out) is not in the numbers.",
		"Made: 31 Mar 2025, 20:00 UTC",
		"[Shopping: 2,799.50 EUR; 233.29 EUR a month]",
		"[Groceries: 2,370.00 EUR; 84.66 % of shopping]",
		"! "+messages[2],
		"! Groceries: the limit of 200.00 EUR a month was exceeded in 3 of 12 months, most in Oct 2025 with 250.00 EUR.",
		"- Other shopping: the limit of 199.99 EUR a month was never exceeded.",
		"- "+messages[7],
		"Month | Groceries | Fashion | Other shopping | Together | ",
		"Apr 2025 | 180.00 EUR | -45.50 EUR | 0.00 EUR | 134.50 EUR",
		"Together | 2,370.00 EUR | 214.50 EUR | 215.00 EUR | 2,799.50 EUR",
		"# | Store | Purchases | Total | Share, % | Average | Came back | First | Last | ",
		"1 | Zalando | 2 | 154.50 EUR | 72.03 | 100.00 EUR | 45.50 EUR | 10 Mar 2025 | 10 May 2025",
		"Clothing | 3 | 134.50 EUR | 62.70",
		"Source: booked transactions of these accounts, as they were known when the report was made. What a transaction was for is recognised from its data and can be wrong."+
			" Not in the numbers: 1 transaction of other accounts than bank accounts and cards; 1 transaction not booked yet; 3 transactions between own accounts, to savings or to other people;"+
			" 1 transaction without a category; 24 transactions in categories that this report is not about. Report cAIH.")
}

func TestShoppingStores(t *testing.T) {
	b := &book{}
	b.on(giro, "2025-01-02", "-10.00", 201, "")
	b.on(giro, "2025-01-03", "-20.00", 201, "")
	b.on(giro, "2025-01-04", "-30.00", 202, "Kiosk")
	b.on(giro, "2025-01-05", "-30.00", 203, "Bäcker")
	b.on(giro, "2025-01-06", "-5.00", 201, "").CounterpartyName = new("Hofladen")
	b.on(giro, "2025-01-07", "40.00", 301, "Zalando") // bought before the period
	s := build[*Shopping](t, TypeShopping, b.input(days("2025-01-01", "2025-01-31"), giro))
	want(t,
		s.Groups[0].Stores, "1 Bäcker 30.00 31.58% 1/1 ; 2 Kiosk 30.00 31.58% 1/1 ; 3 Hofladen 5.00 5.26% 1/1 ; 4 Unknown 30.00 31.58% 2/2 ",
		s.Groups[0].Stores[2].Merchant == nil, "true", // only a counterparty
		s.Groups[1].Stores, "1 Zalando -40.00 none% 0/1 ", s.Groups[1].Stores[0].AverageAmount, "none", // no share of what is below zero
		s.Total, "55.00 EUR", s.Groups[0].Share, "172.73", s.Groups[1].Share, "-72.73",
	)
}

// TestShoppingBefore: which months are compared.
func TestShoppingBefore(t *testing.T) {
	spend := func(b *book, a bank.Account, from, to string, amount string) {
		for m := day(from).Month(); m <= day(to); m = m.AddMonths(1) {
			b.on(a, max(day(from), m+4).String(), "-"+amount, 201, "REWE")
			b.on(a, (m + 20).String(), "-"+amount, 201, "REWE")
		}
	}
	for name, c := range map[string]struct {
		period bank.Period
		fill   func(*book)
		want   string // amount, baseline and the months before of the finding on shopping; "" if there is none
	}{
		"nine months before, in the period": {year, func(b *book) {
			spend(b, giro, "2025-01-01", "2025-09-30", "50.00")
			spend(b, giro, "2025-10-01", "2025-12-31", "60.00")
		}, "120.00 100.00 2025-01-01"},
		"nineteen percent are too little": {year, func(b *book) {
			spend(b, giro, "2025-01-01", "2025-09-30", "50.00")
			spend(b, giro, "2025-10-01", "2025-12-31", "59.50")
		}, ""},
		"months before a short period": {days("2025-10-01", "2025-12-31"), func(b *book) {
			spend(b, giro, "2025-01-01", "2025-09-30", "50.00")
			spend(b, giro, "2025-10-01", "2025-12-31", "60.00")
		}, "120.00 100.00 2025-01-01"},
		"at most twelve": {days("2025-10-01", "2025-12-31"), func(b *book) {
			spend(b, giro, "2024-01-01", "2024-09-30", "10.00")
			spend(b, giro, "2024-10-01", "2025-09-30", "50.00")
			spend(b, giro, "2025-10-01", "2025-12-31", "60.00")
		}, "120.00 100.00 2024-10-01"},
		"two complete months are too few": {days("2025-10-02", "2025-12-31"), func(b *book) { spend(b, giro, "2025-01-01", "2025-12-31", "50.00") }, ""},
		"an unfinished month is not recent": {days("2025-01-01", "2025-12-15"), func(b *book) {
			spend(b, giro, "2025-01-01", "2025-08-31", "50.00")
			spend(b, giro, "2025-09-01", "2025-11-30", "60.00")
			spend(b, giro, "2025-12-01", "2025-12-31", "900.00")
		}, "120.00 100.00 2025-01-01"},
		"two months before are too few": {year, func(b *book) {
			spend(b, giro, "2025-08-01", "2025-09-30", "50.00")
			spend(b, giro, "2025-10-01", "2025-12-31", "90.00")
		}, ""},
		"a month that began late is not whole": {year, func(b *book) {
			spend(b, giro, "2025-05-16", "2025-05-31", "1.00")
			spend(b, giro, "2025-06-01", "2025-09-30", "50.00")
			spend(b, giro, "2025-10-01", "2025-12-31", "60.00")
		}, "120.00 100.00 2025-06-01"},
		"months without any data do not count": {year, func(b *book) { // seven of them: 700 / 7
			spend(b, giro, "2025-01-01", "2025-04-30", "50.00")
			spend(b, giro, "2025-07-01", "2025-09-30", "50.00")
			spend(b, giro, "2025-10-01", "2025-12-31", "60.00")
		}, "120.00 100.00 2025-01-01"},
		"a card with a short history is not compared": {year, func(b *book) {
			spend(b, giro, "2025-01-01", "2025-09-30", "50.00")
			spend(b, giro, "2025-10-01", "2025-12-31", "60.00")
			spend(b, visa, "2025-09-01", "2025-12-31", "500.00")
		}, "120.00 100.00 2025-01-01"},
		"a card with enough of it shortens": {year, func(b *book) {
			spend(b, giro, "2025-01-01", "2025-12-31", "50.00")
			spend(b, visa, "2025-06-01", "2025-09-30", "50.00")
			spend(b, visa, "2025-10-01", "2025-12-31", "90.00")
		}, "280.00 200.00 2025-06-01"},
		"less is no finding": {year, func(b *book) {
			spend(b, giro, "2025-01-01", "2025-09-30", "50.00")
			spend(b, giro, "2025-10-01", "2025-12-31", "10.00")
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := &book{}
			c.fill(b)
			got := ""
			for _, x := range build[*Shopping](t, TypeShopping, b.input(c.period, giro, visa)).Findings {
				if x.Kind == EarlierAverage && x.Group == nil {
					got = x.Amount.Amount.String() + " " + x.Baseline.Amount.String() + " " + x.BaselinePeriod.From.String()
				}
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestShoppingCompared: the paper names the accounts that are not compared.
func TestShoppingCompared(t *testing.T) {
	b := &book{}
	b.monthly(giro, 5, 1, 9, "-50.00", 201, "REWE")
	b.monthly(giro, 5, 10, 12, "-60.00", 201, "REWE")
	b.monthly(visa, 5, 9, 12, "-500.00", 201, "REWE")
	onPaper(t, build[*Shopping](t, TypeShopping, b.input(year, giro, visa)),
		"! Shopping: 60.00 EUR a month from Oct to Dec 2025, 20 % more than the 50.00 EUR a month from Jan to Sep 2025.",
		"- Not compared with before, for want of earlier transactions: Visa.")
}

// TestShoppingCurrency: amounts are converted one by one; an account without a rate is left out and named.
func TestShoppingCurrency(t *testing.T) {
	b := &book{}
	b.on(giro, "2025-01-10", "-10.00", 201, "REWE")
	b.on(francs, "2025-01-10", "-9.99", 201, "Migros") // / 0.94 = 10.62766
	b.on(francs, "2025-01-12", "-9.99", 201, "Migros") // / 0.95 = 10.51579
	given := b.input(days("2025-01-01", "2025-01-31"), giro, francs)
	given.Quotes = bank.NewQuotes([]bank.Quote{{Currency: "CHF", Day: day("2025-01-09"), Rate: decimal.MustParse("0.94")}, {Currency: "CHF", Day: day("2025-01-11"), Rate: decimal.MustParse("0.95")}})
	s := build[*Shopping](t, TypeShopping, given)
	want(t, s.Groups[0].Stores, "1 Migros 21.15 67.90% 2/2 ; 2 REWE 10.00 32.10% 1/1 ", s.Coverage.Complete, "true")

	given.Quotes = bank.NewQuotes([]bank.Quote{{Currency: "CHF", Day: day("2025-01-11"), Rate: decimal.MustParse("0.95")}}) // none yet on the tenth
	s = build[*Shopping](t, TypeShopping, given)
	want(t, s.Total, "10.00 EUR", s.Coverage.Complete, "false", s.Coverage.LeftOut, "NO_RATE 2",
		s.Accounts[1].LeftOut, "NO_RATE", s.Accounts[1].NoRate.Day, "2025-01-10", s.Accounts[1].NoRate.From, "CHF")

	huge := b.on(giro, "2025-01-11", "-999999999999999.99", 201, "REWE") // sums beyond what is exact
	huge.Amount = decimal.MustParse("9999999999999999.99")
	given.Transactions = b.all
	s = build[*Shopping](t, TypeShopping, given)
	want(t, s.Total, "0.00 EUR", s.Coverage.LeftOut, "NO_RATE 2; TOO_LARGE 2", s.Accounts[0].LeftOut, "TOO_LARGE")
}

// TestHalfACent: 893.89 at 1.136 are 786.875, in transactions and in balances; the rounded rate would say less.
func TestHalfACent(t *testing.T) {
	b := &book{}
	f := francs
	f.Balance, f.BalanceAsOf = new(decimal.MustParse("893.89")), new(day("2025-02-28").Time())
	b.on(f, "2025-01-10", "-893.89", 201, "Migros")
	given := b.input(days("2025-01-01", "2025-01-31"), f)
	given.Quotes = bank.NewQuotes([]bank.Quote{{Currency: "CHF", Day: day("2024-01-01"), Rate: decimal.MustParse("1.136")}})
	want(t, build[*Shopping](t, TypeShopping, given).Total, "786.88 EUR", build[*Balances](t, TypeBalances, given).Total.Closing, "786.88 EUR")
}
