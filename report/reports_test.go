package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"insightgraph/bank"
	"insightgraph/category"
)

func TestIncome(t *testing.T) {
	b := &book{}
	b.monthly(giro, 28, 1, 12, "2500.00", 101, "Employer")
	b.monthly(giro, 5, 1, 12, "250.00", 103, "Familienkasse")
	b.on(giro, "2025-06-15", "300.00", 107, "Finanzamt")
	b.on(giro, "2025-07-01", "-100.00", 101, "Employer") // paid too much
	b.on(giro, "2025-07-02", "400.00", 108, "")
	b.on(giro, "2025-07-03", "19.99", 109, "Versicherung")
	b.on(giro, "2025-07-04", "55.00", category.None, "Erika")
	b.on(giro, "2025-07-05", "12.00", 301, "Zalando") // a refund is no income
	r := build[*Income](t, TypeIncome, b.input(year, giro))
	want(t,
		r.Total, "33200.00 EUR", // 30000 + 3000 + 300 - 100
		r.AveragePerMonth, "2766.67 EUR", r.TransactionCount, "26",
		r.Monthly, "2750.00 2750.00 2750.00 2750.00 2750.00 3050.00 2650.00 2750.00 2750.00 2750.00 2750.00 2750.00",
		r.Categories, "Salary 29900.00 90.06% 13; Benefits 3000.00 9.04% 12; Tax refund 300.00 0.90% 1",
		r.Sources, "1 Employer 29900.00 90.06% 12/13 MONTHLY; 2 Familienkasse 3000.00 9.04% 12/12 MONTHLY; 3 Finanzamt 300.00 0.90% 1/1 ",
		r.Sources[0].AverageAmount, "2500.00 EUR", r.Sources[0].RefundTotal, "100.00 EUR",
		r.RegularTotal, "32900.00 EUR", r.RegularShare, "99.10",
		r.NotIncome, "Cash deposit 400.00 95.24% 1; Refunds and reimbursements 19.99 4.76% 1",
		r.Coverage.LeftOut, "UNCATEGORIZED 1 +55.00 -0.00; OTHER_CATEGORY 3 +431.99 -0.00",
	)
	onPaper(t, r, "[Income: 33,200.00 EUR; 2,766.67 EUR a month]", "[Regular: 32,900.00 EUR; 99.1 % of the income]",
		"Employer | 12 | 29,900.00 EUR | 90.06 | 2,500.00 EUR | 100.00 EUR | Monthly | 28 Jan 2025 | 28 Dec 2025", "Cash deposit | 1 | 400.00 EUR")

}

func TestSpending(t *testing.T) {
	b := &book{}
	b.monthly(giro, 1, 1, 3, "1000.00", 101, "Employer")
	b.monthly(giro, 2, 1, 3, "-400.00", 501, "Landlord")
	b.on(giro, "2025-01-10", "-60.00", 201, "REWE")
	b.on(giro, "2025-02-10", "-40.00", 203, "Bäcker")
	b.on(giro, "2025-02-11", "15.00", 201, "REWE")
	b.on(giro, "2025-03-11", "-15.00", category.None, "QWERTZ")
	b.on(giro, "2025-03-12", "99.00", category.None, "Erika")
	b.on(giro, "2025-03-13", "-50.00", 1604, "Erika")
	r := build[*Spending](t, TypeSpending, b.input(days("2025-01-01", "2025-03-15"), giro))
	want(t,
		r.Total, "1300.00 EUR", // 1200 + 60 + 40 - 15 + 15
		r.AveragePerMonth, "442.50 EUR", // (460 + 425) / 2: March is not complete
		r.Income, "3000.00 EUR", r.ShareOfIncome, "43.33", r.TransactionCount, "7",
		r.Monthly, "460.00 425.00 415.00",
		len(r.Categories), "3",
		r.Categories[0].CategoryAmount.Name, "Housing", r.Categories[0].Amount, "1200.00 EUR 3", r.Categories[0].Share, "92.31",
		r.Categories[1].CategoryAmount.Name, "Groceries", r.Categories[1].Amount, "85.00 EUR 3", r.Categories[1].Monthly, "60.00 25.00 0.00",
		r.Categories[1].AveragePerMonth, "42.50 EUR",
		r.Categories[1].Categories, "Supermarkets 45.00 52.94% 2; Bakeries, butchers and markets 40.00 47.06% 1",
		r.Categories[2].CategoryAmount.Name, "Uncategorized", r.Categories[2].Amount, "15.00 EUR 1",
		r.Parties, "1 Landlord 1200.00 92.31% 3/3 MONTHLY; 2 REWE 45.00 3.46% 1/2 ; 3 Bäcker 40.00 3.08% 1/1 ; 4 QWERTZ 15.00 1.15% 1/1 ",
		r.Coverage.LeftOut, "TRANSFER 1 +0.00 -50.00; UNCATEGORIZED 1 +99.00 -0.00; OTHER_CATEGORY 3 +3000.00 -0.00",
	)
	onPaper(t, r, "[Spent: 1,300.00 EUR; 442.50 EUR a month]", "[Share of the income: 43.33 %; ]", "Housing | 3 | 400.00 EUR | 1,200.00 EUR | 92.31", "Mar 2025 (1 to 15) | 415.00 EUR",
		"Averages a month are of the 2 months from Jan to Feb 2025: the complete ones with data.")

}

// A table that is too long for paper says what the rest of it comes to.
func TestOthers(t *testing.T) {
	for n, rest := range map[int]string{mostRows: "", mostRows + 2: "2 others | 3 | 3.00 EUR | "} {
		b := &book{}
		b.on(giro, "2025-01-11", "-0.50", 201, "Shop 1")
		b.on(giro, "2025-01-12", "-0.50", 201, "Shop 1")
		for i := 2; i <= n; i++ {
			b.on(giro, "2025-01-10", fmt.Sprintf("-%d.00", i), 201, fmt.Sprintf("Shop %d", i))
		}
		d, _ := ByType(TypeSpending)
		text := plainText(d.Doc(Report{}, build[*Spending](t, TypeSpending, b.input(year, giro))))
		if strings.Contains(text, " others | ") != (rest != "") || !strings.Contains(text, rest) {
			t.Errorf("%d parties: %s", n, text)
		}
	}
}

func TestRentAndLiving(t *testing.T) {
	b := &book{}
	b.monthly(giro, 1, 1, 12, "2000.00", 101, "Employer")
	b.monthly(giro, 3, 1, 12, "-800.00", 501, "Hausverwaltung")
	b.monthly(giro, 4, 1, 12, "-90.00", 503, "Stadtwerke")
	b.on(giro, "2025-11-20", "120.00", 503, "Stadtwerke") // bill for the year: paid too much
	b.monthly(giro, 5, 1, 12, "-40.00", 1001, "Telekom")
	b.on(giro, "2025-02-15", "-55.08", 1004, "Rundfunk")
	b.on(giro, "2025-03-01", "-72.00", 1104, "HUK")
	r := build[*RentAndLiving](t, TypeRentAndLiving, b.input(year, giro))
	want(t,
		r.Tenure, "RENTS",
		r.Total, "11167.08 EUR", // 9600 + 1080 - 120 + 480 + 55.08 + 72
		r.AveragePerMonth, "930.59 EUR", r.Income, "24000.00 EUR", r.ShareOfIncome, "46.53", r.TransactionCount, "39",
		len(r.Sections), "7",
		r.Sections[0].Kind, "RENT", r.Sections[0].Amount, "9600.00 EUR 12", r.Sections[0].Share, "85.97", r.Sections[0].Parties, "1 Hausverwaltung 9600.00 100.00% 12/12 MONTHLY",
		r.Sections[1].Kind, "MORTGAGE", r.Sections[1].Amount, "0.00 EUR 0", r.Sections[1].Share, "0.00",
		r.Sections[2].Kind, "ENERGY", r.Sections[2].Amount, "960.00 EUR 13", r.Sections[2].Monthly, "90.00 90.00 90.00 90.00 90.00 90.00 90.00 90.00 90.00 90.00 -30.00 90.00",
		r.Sections[4].Kind, "TELECOMMUNICATION", r.Sections[4].Categories, "Mobile and internet 480.00 89.71% 12; Broadcasting fee 55.08 10.29% 1",
		r.Sections[5].Kind, "INSURANCE", r.Sections[5].Amount, "72.00 EUR 1",
	)
	onPaper(t, r, "[Rent and living: 11,167.08 EUR; 930.59 EUR a month]", "[The home: Rented; as payments tell]", "[Of the income: 46.53 %; 24,000.00 EUR]", "Rent | 12 | 800.00 EUR | 9,600.00 EUR | 85.97")

	for cats, tenure := range map[string]Tenure{"502": TenureOwns, "501 502": TenureRentsAndOwns, "503": TenureUnknown, "": TenureUnknown} {
		b := &book{}
		for _, c := range strings.Fields(cats) {
			id := 0
			fmt.Sscan(c, &id)
			b.on(giro, "2025-01-05", "-500.00", id, "X")
		}
		want(t, build[*RentAndLiving](t, TypeRentAndLiving, b.input(year, giro)).Tenure, string(tenure))
	}
}

func TestInsurance(t *testing.T) {
	b := &book{}
	b.monthly(giro, 2, 1, 12, "-50.00", 1103, "Allianz")
	for _, m := range []time.Month{1, 4, 7, 10} {
		b.on(giro, bank.NewDate(2025, m, 15).String(), "-105.00", 1102, "HUK")
	}
	b.on(giro, "2025-08-15", "20.00", 1102, "HUK")
	b.on(giro, "2025-02-01", "-60.00", 1107, "Hanse")
	b.on(giro, "2025-02-03", "850.00", 109, "HUK") // for a damage
	r := build[*Insurance](t, TypeInsurance, b.input(year, giro))
	want(t,
		r.Total, "1060.00 EUR", // 600 + 420 - 20 + 60
		r.AveragePerMonth, "88.33 EUR", r.TransactionCount, "18", len(r.Insurances), "3",
		r.Insurances[0].Kind, "VEHICLE", r.Insurances[0].Amount, "400.00 EUR 5", r.Insurances[0].Share, "37.74", r.Insurances[0].Parties, "1 HUK 400.00 100.00% 4/5 QUARTERLY",
		r.Insurances[1].Kind, "LIFE_AND_PENSION", r.Insurances[1].Amount, "600.00 EUR 12", r.Insurances[1].Parties, "1 Allianz 600.00 100.00% 12/12 MONTHLY",
		r.Insurances[2].Kind, "OTHER", r.Insurances[2].AveragePerMonth, "5.00 EUR",
	)
	onPaper(t, r, "[Insurance: 1,060.00 EUR; 88.33 EUR a month]", "Life and pension | 12 | 50.00 EUR | 600.00 EUR | 56.60", "HUK | 4 | 400.00 EUR | 100.00 | 105.00 EUR | 20.00 EUR | Quarterly | 15 Jan 2025 | 15 Oct 2025")

}

func TestRecurring(t *testing.T) {
	b := &book{}
	b.monthly(giro, 28, 1, 12, "2500.00", 101, "Employer")
	b.monthly(giro, 31, 1, 1, "-12.99", 902, "Netflix")
	b.monthly(giro, 28, 2, 9, "-12.99", 902, "Netflix")
	b.monthly(giro, 28, 10, 12, "-13.99", 902, "Netflix") // dearer, the same series
	b.monthly(giro, 3, 1, 6, "-29.90", 804, "Fitness")    // ended
	b.on(giro, "2024-05-15", "-120.00", 1102, "HUK")
	b.on(giro, "2025-05-15", "-126.00", 1102, "HUK")
	b.on(giro, "2024-01-03", "-9.00", 902, "Old") // before the period only
	b.on(giro, "2024-02-03", "-9.00", 902, "Old")
	b.on(giro, "2024-03-03", "-9.00", 902, "Old")
	for i, d := range []string{"2025-01-02", "2025-01-09", "2025-02-20", "2025-02-21", "2025-06-06", "2025-06-08"} { // no rhythm
		b.on(giro, d, fmt.Sprintf("-%d.00", 20+i), 201, "REWE")
	}
	b.monthly(giro, 10, 1, 12, "-5.00", 1201, "Bank")
	b.monthly(giro, 20, 1, 12, "-7.00", 1002, "Bank") // 40 percent more: another series
	b.monthly(giro, 1, 1, 12, "-300.00", 1603, "Sparplan")
	b.monthly(giro, 6, 1, 12, "-44.00", 902, "") // of nobody
	for i := range b.all {
		if b.all[i].MerchantName != nil && *b.all[i].MerchantName == "Sparplan" {
			b.all[i].TransferID = new(int64(1))
		}
	}
	r := build[*Recurring](t, TypeRecurring, b.input(year, giro))
	var all []string
	for _, s := range r.Series {
		next := "ended"
		if s.NextDate != nil {
			next = s.NextDate.String()
		}
		all = append(all, fmt.Sprintf("%s %s %s of %s in %d, %s a month, latest %s, next %s", s.Party, s.BaseType, s.Interval, s.Total.Amount, s.TransactionCount, s.PerMonth.Amount, s.Latest.Amount, next))
	}
	want(t, strings.Join(all, "\n"), strings.Join([]string{
		"Employer CREDIT MONTHLY of 30000.00 in 12, 2500.00 a month, latest 2500.00, next 2026-01-28",
		"Fitness DEBIT MONTHLY of 179.40 in 6, 29.90 a month, latest 29.90, next ended",
		"Netflix DEBIT MONTHLY of 158.88 in 12, 13.24 a month, latest 13.99, next 2026-01-28", // 9 * 12.99 + 3 * 13.99
		"HUK DEBIT YEARLY of 246.00 in 2, 10.25 a month, latest 126.00, next 2026-05-15",
		"Bank DEBIT MONTHLY of 84.00 in 12, 7.00 a month, latest 7.00, next 2026-01-20",
		"Bank DEBIT MONTHLY of 60.00 in 12, 5.00 a month, latest 5.00, next 2026-01-10"}, "\n"),
		r.InPerMonth, "2500.00 EUR", r.OutPerMonth, "35.49 EUR", // 13.24 + 10.25 + 7 + 5
		r.Series[3].Changed, "5.00", r.Series[2].Changed, "none", r.Series[2].Smallest, "12.99 EUR", r.Series[2].Largest, "13.99 EUR", r.Series[2].Average, "13.24 EUR",
		r.LookedAt, "2024-01-01 2025-12-31", r.Series[3].CategoryID, "1102",
		r.Coverage.LeftOut, "TRANSFER 12 +0.00 -3600.00",
	)
	onPaper(t, r, "[Goes out regularly: 35.49 EUR; a month]", "HUK | Vehicle insurance | Yearly | 126.00 EUR | 5.00 | 10.25 EUR | 15 May 2026", "Fitness | Fitness | Monthly | 29.90 EUR |  | 29.90 EUR | 3 Jun 2025")

}

// TestSeries: when a series goes on next, and whether it has ended, by the days and amounts of its transactions.
func TestSeries(t *testing.T) {
	for name, c := range map[string]struct {
		period bank.Period
		booked string
		want   string // interval, the latest amount, its change and the next day
	}{
		"amounts up and down":      {year, "12-09 10.00, 12-16 11.00, 12-23 10.50, 12-30 10.00", "WEEKLY 10.00 -4.76 2026-01-06"},
		"every second week":        {year, "12-01 10.00, 12-15 10.00, 12-29 10.00", "FORTNIGHTLY 10.00 none 2026-01-12"},
		"the month's last day":     {year, "10-31 10.00, 11-30 10.00, 12-31 10.00", "MONTHLY 10.00 none 2026-01-31"},
		"there is no such day":     {days("2025-01-01", "2025-08-31"), "03-31 10.00, 05-31 10.00, 06-30 10.00, 07-31 10.00, 08-31 10.00, 05-01 10.00", "MONTHLY 10.00 none 2025-09-30"},
		"every quarter":            {year, "05-31 10.00, 08-31 10.00, 11-30 10.00", "QUARTERLY 10.00 none 2026-02-28"},
		"twice a year":             {year, "06-15 10.00, 12-12 10.00", "HALF_YEARLY 10.00 none 2026-06-12"},
		"overdue, but not by much": {year, "09-26 10.00, 10-26 10.00, 11-26 10.00", "MONTHLY 10.00 none 2025-12-26"},
		"overdue by a day more":    {year, "09-25 10.00, 10-25 10.00, 11-25 10.00", "MONTHLY 10.00 none ended"},
		"to the period's first":    {days("2025-03-01", "2025-12-31"), "01-01 10.00, 02-01 10.00, 03-01 10.00", "MONTHLY 10.00 none ended"},
		"to the day before":        {days("2025-03-01", "2025-12-31"), "01-01 10.00, 02-01 10.00, 02-28 10.00", ""},
	} {
		b := &book{}
		for _, one := range strings.Split(c.booked, ", ") {
			d, amount, _ := strings.Cut(one, " ")
			b.on(giro, "2025-"+d, "-"+amount, 902, "Somebody")
		}
		got := ""
		for _, s := range build[*Recurring](t, TypeRecurring, b.input(c.period, giro)).Series {
			next := "ended"
			if s.NextDate != nil {
				next = s.NextDate.String()
			}
			got += fmt.Sprintf("%s %s %s %s", s.Interval, s.Latest.Amount, show(s.Changed), next)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestMinor: amounts in minor units and parts of them, a half away from zero on both sides of it.
func TestMinor(t *testing.T) {
	for amount, want := range map[string]int64{"12.5": 1250, "-12.50": -1250, "-3": -300, "12.505": 1251, "-12.505": -1251, "12.504": 1250, "-12.504": -1250, "0.000": 0,
		"1000000000000000": maxSum, "-1000000000000000.000": -maxSum, "1000000000000000.01": -1, "1000000000000000.005": -1, "100000000000000000": -1} { // -1: too large
		if got, ok := minorOf(decimal.MustParse(amount), 2); ok != (want != -1) || ok && got != want {
			t.Errorf("%s is %d, %v", amount, got, ok)
		}
	}
	for _, c := range [][3]int64{{5, 2, 3}, {-5, 2, -3}, {4, 3, 1}, {-4, 3, -1}, {-5, 3, -2}, {6, 3, 2}, {0, 3, 0}} {
		if got := part(c[0], c[1]); got != c[2] {
			t.Errorf("%d / %d is %d", c[0], c[1], got)
		}
	}
}

func TestRhythm(t *testing.T) {
	for dates, interval := range map[string]Interval{
		"2025-01-01":                                                        "",
		"2025-01-01 2025-02-01":                                             "", // two months are no habit yet
		"2025-01-01 2025-02-01 2025-03-01":                                  Monthly,
		"2025-01-31 2025-02-28 2025-03-31":                                  Monthly,
		"2025-01-01 2025-01-08 2025-01-15":                                  Weekly,
		"2025-01-01 2025-01-15 2025-01-29":                                  Fortnightly,
		"2025-01-01 2025-04-01 2025-07-01":                                  Quarterly,
		"2025-01-01 2025-07-01":                                             HalfYearly,
		"2024-01-01 2025-01-01":                                             Yearly,
		"2025-01-01 2025-02-01 2025-04-01 2025-05-01":                       "",      // two of three
		"2025-01-01 2025-02-01 2025-03-01 2025-04-01 2025-05-01 2025-07-01": Monthly, // four of five: one was skipped
		"2025-01-01 2025-01-01 2025-02-01":                                  "",
	} {
		var all []bank.Date
		for _, d := range strings.Fields(dates) {
			all = append(all, day(d))
		}
		if got := rhythm(all); got != interval {
			t.Errorf("%s: %q, want %q", dates, got, interval)
		}
	}
}

// What a series comes to a month, for each interval; and what is one series: each amount at most a fifth above the next smaller.
func TestPerMonth(t *testing.T) {
	for name, c := range map[string]struct{ paid, want string }{
		"weekly":            {"2025-12-15 10, 2025-12-22 10, 2025-12-29 10", "WEEKLY 43.33"},
		"fortnightly":       {"2025-12-01 10, 2025-12-15 10, 2025-12-29 10", "FORTNIGHTLY 21.67"},
		"monthly":           {"2025-10-20 10, 2025-11-20 11, 2025-12-20 10", "MONTHLY 10.33"},
		"quarterly":         {"2025-05-15 60, 2025-08-15 60, 2025-11-15 60", "QUARTERLY 20.00"},
		"every half year":   {"2025-03-10 60, 2025-09-10 60", "HALF_YEARLY 10.00"},
		"yearly":            {"2024-03-10 60, 2025-03-10 60", "YEARLY 5.00"},
		"a fifth dearer":    {"2025-10-20 10, 2025-11-20 10, 2025-12-20 12", "MONTHLY 10.67"},
		"more than a fifth": {"2025-10-20 10, 2025-11-20 10, 2025-12-20 12.01", ""},
	} {
		b := &book{}
		for _, paid := range strings.Split(c.paid, ", ") {
			d, amount, _ := strings.Cut(paid, " ")
			b.on(giro, d, "-"+amount, 902, "Netflix")
		}
		got := ""
		for _, s := range build[*Recurring](t, TypeRecurring, b.input(year, giro)).Series {
			got += fmt.Sprintf("%s %s", s.Interval, s.PerMonth.Amount)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// holder's January: balances follow from 100.00 at the end of the 20th.
func holder() (*book, bank.Account) {
	b := &book{}
	b.on(giro, "2025-01-03", "-150.00", 501, "Landlord")
	b.on(giro, "2025-01-05", "200.00", 101, "Employer")
	b.on(giro, "2025-01-05", "-20.00", 201, "REWE")
	b.on(giro, "2025-01-20", "-30.00", 201, "REWE")
	b.on(giro, "2025-01-25", "-40.00", 201, "REWE")
	b.on(giro, "2025-02-02", "-70.00", 201, "REWE")
	b.on(giro, "2025-01-10", "-500.00", 201, "REWE").Status = bank.Pending
	a := giro
	a.Balance, a.BalanceAsOf, a.CreditLimit, a.OpenedOn = new(decimal.MustParse("100.00")), new(time.Date(2025, 1, 20, 15, 0, 0, 0, time.UTC)), new(decimal.MustParse("40.00")), new(day("2020-01-01"))
	return b, a
}

func TestBalances(t *testing.T) {
	b, a := holder()
	jan := days("2025-01-01", "2025-01-31")
	// 100 + 30 = 130 at the 19th, 130 - 180 = -50 at the 4th, 100 at the 2nd; 60 from the 25th
	b.on(visa, "2025-01-06", "-9.00", 201, "REWE") // of no known balance: counts nowhere
	r := build[*Balances](t, TypeBalances, b.input(jan, a, visa))
	g := r.ByAccount[0]
	want(t,
		len(r.ByAccount), "1", r.Accounts[1].LeftOut, "NO_BALANCE", r.Coverage.Complete, "false",
		g.Covered, "2025-01-01 2025-01-31", g.Opening, "100.00 EUR", g.Closing, "60.00 EUR",
		g.Minimum, "-50.00 EUR", g.MinimumDate, "2025-01-03", g.Maximum, "130.00 EUR", g.MaximumDate, "2025-01-05",
		g.Average, "95.81 EUR", // (2*100 - 2*50 + 15*130 + 5*100 + 7*60) / 31 = 2970 / 31 = 95.8065
		g.OverdraftDays, "2", g.OverLimitDays, "2", g.In, "200.00 EUR 1", g.Out, "240.00 EUR 4", g.Current, "100.00 EUR", g.Limit, "40.00 EUR",
		r.Total.Average, "95.81 EUR", r.Total.In, "200.00 EUR 1", r.Total.Out, "240.00 EUR 4", len(r.Total.Accounts), "1",
		r.TransactionCount, "5", len(r.Used), "1", len(r.Used[0].AccountIDs), "1", r.Coverage.LeftOut, "NO_BALANCE 1; PENDING 1",
	)
	onPaper(t, r, "[Lowest: -50.00 EUR; 3 Jan 2025]", "[Average: 95.81 EUR; in Jan 2025]", "! Giro was below zero on 2 of 31 days.", "! Giro was beyond its credit limit of 40.00 EUR on 2 of 31 days.",
		"Data: Transactions from 3 to 25 Jan 2025, in 1 of 1 month. Visa is left out: its balance is not known.")

}

func TestBalancesTogether(t *testing.T) {
	jan := days("2025-01-01", "2025-01-31")
	b, a := holder()
	f := francs
	f.Balance, f.BalanceAsOf, f.OpenedOn = new(decimal.MustParse("94.00")), new(day("2025-02-28").Time()), new(day("2025-01-30"))
	b.on(francs, "2025-01-31", "94.00", 101, "Employer") // nothing before
	b.on(giro, "2025-01-28", "-25.00", 1601, "").TransferID = new(int64(1))
	given := b.input(jan, a, f)
	given.Quotes = bank.NewQuotes([]bank.Quote{{Currency: "CHF", Day: day("2025-01-01"), Rate: decimal.MustParse("0.94")}})
	r := build[*Balances](t, TypeBalances, given)
	want(t, r.Total.Covered, "2025-01-01 2025-01-31", r.Total.Opening, "100.00 EUR", r.Total.Closing, "135.00 EUR", // 60 - 25 + 94 / 0.94
		r.Total.MinimumDate, "2025-01-03", r.Total.In, "300.00 EUR 2", r.Total.Out, "240.00 EUR 4", // the transfer not
		r.ByAccount[1].Covered, "2025-01-30 2025-01-31", r.ByAccount[1].Average, "47.00 CHF", r.ByAccount[0].Out, "265.00 EUR 5",
		r.Coverage.LeftOut, "PENDING 1", r.Coverage.Complete, "true")

	given.Quotes = bank.NewQuotes([]bank.Quote{{Currency: "CHF", Day: day("2025-01-01"), Rate: decimal.MustParse("0.94")}, {Currency: "CHF", Day: day("2025-01-31"), Rate: decimal.MustParse("0.47")}})
	r = build[*Balances](t, TypeBalances, given) // each day at its rate
	want(t, r.Total.Opening, "100.00 EUR", r.Total.Closing, "235.00 EUR", r.Total.Maximum, "235.00 EUR", r.Total.In, "400.00 EUR 2")

	given.Quotes = nil
	r = build[*Balances](t, TypeBalances, given)
	want(t, r.Total.Closing, "35.00 EUR", r.ByAccount[1].Closing, "94.00 CHF", r.Accounts[1].NoRate.Day, "2025-01-30", r.Coverage.Complete, "false")
}

func TestBalanceOverTime(t *testing.T) {
	b, a := holder()
	r := build[*BalanceOverTime](t, TypeBalanceOverTime, b.input(days("2025-01-02", "2025-01-07"), a))
	var all []string
	for _, d := range r.Series[0].Balances {
		all = append(all, d.Date.String()[8:]+" "+d.Balance.Amount.String())
	}
	want(t, strings.Join(all, ", "), "02 100.00, 03 -50.00, 04 -50.00, 05 130.00, 06 130.00, 07 130.00", len(r.Total.Balances), "6", r.Series[0].Account.ID, "10")
	onPaper(t, r, "[At the beginning: 100.00 EUR; 2 Jan 2025]", "<Balance at the end of each day EUR: Giro 6>", "7 Jan 2025 | 130.00 EUR")
}

// TestHeld: which days have a balance.
func TestHeld(t *testing.T) {
	jan := days("2025-01-01", "2025-01-31")
	for name, c := range map[string]struct {
		zone   string
		asOf   *time.Time
		opened *bank.Date
		booked string // of 10.00 in each
		want   string // days, first and last balance; the told one is 100.00
	}{
		"midnight UTC is a day":            {"America/New_York", new(day("2025-01-20").Time()), new(day("2025-01-01")), "2025-01-20", "2025-01-01 2025-01-20 90.00 100.00"},
		"a moment is in the zone":          {"America/New_York", new(day("2025-01-20").Time().Add(time.Hour)), new(day("2025-01-01")), "2025-01-20", "2025-01-01 2025-01-20 100.00 110.00"},
		"without a day it holds all":       {"UTC", nil, nil, "2025-01-10 2025-03-01", "2025-01-10 2025-01-31 90.00 90.00"},
		"told before the period":           {"UTC", new(day("2024-12-01").Time()), nil, "2024-12-05 2025-01-10", "2025-01-01 2025-01-10 110.00 120.00"},
		"told in the morning before":       {"America/New_York", new(day("2024-12-05").Time().Add(time.Hour)), nil, "2024-12-04 2024-12-05 2025-01-10", "2025-01-01 2025-01-10 110.00 120.00"},
		"told after the period":            {"UTC", new(day("2025-03-01").Time()), nil, "2024-12-05 2025-01-10 2025-02-10", "2025-01-01 2025-01-31 80.00 90.00"},
		"nothing is known of the period":   {"UTC", new(day("2024-12-01").Time()), nil, "2024-11-05", ""},
		"nor before the account was known": {"UTC", new(day("2025-03-01").Time()), nil, "2025-02-05", ""},
		"opens with the first day's end":   {"UTC", new(day("2025-01-20").Time()), new(day("2025-01-01")), "2025-01-01 2025-01-02", "2025-01-01 2025-01-20 90.00 100.00"},
		"booked on the last day":           {"UTC", new(day("2025-01-20").Time()), new(day("2025-01-01")), "2025-01-31 2025-02-01", "2025-01-01 2025-01-31 100.00 110.00"},
		"begins with what is known":        {"UTC", new(day("2025-03-01").Time()), nil, "2025-01-30", "2025-01-30 2025-01-31 100.00 100.00"},
	} {
		t.Run(name, func(t *testing.T) {
			b, a := &book{}, giro
			earlier := map[int64][]Moved{}
			for _, d := range strings.Fields(c.booked) {
				if day(d) < jan.From {
					earlier[giro.ID] = append(earlier[giro.ID], Moved{day(d), decimal.MustParse("10.00")})
					continue
				}
				b.on(giro, d, "10.00", 101, "Employer")
			}
			a.Balance, a.BalanceAsOf, a.OpenedOn = new(decimal.MustParse("100.00")), c.asOf, c.opened
			given := b.input(jan, a)
			given.Earlier = earlier
			if len(earlier) > 0 {
				given.Oldest = map[int64]bank.Date{giro.ID: earlier[giro.ID][0].Day}
			}
			given.Consumer.TimeZone = c.zone
			got := ""
			for _, x := range build[*Balances](t, TypeBalances, given).ByAccount {
				got = fmt.Sprintf("%s %s %s %s", x.Covered.From, x.Covered.To, x.Opening.Amount, x.Closing.Amount)
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestBelowZero: zero is not below zero, a limit is to go down to, and a card is no account that is overdrawn.
func TestBelowZero(t *testing.T) {
	b, g, v := &book{}, giro, visa
	g.Balance, g.BalanceAsOf, g.OpenedOn, g.CreditLimit = new(decimal.MustParse("10.00")), new(day("2025-01-31").Time()), new(day("2025-01-01")), new(decimal.MustParse("10.00"))
	v.Balance, v.BalanceAsOf, v.OpenedOn, v.CreditLimit = new(decimal.MustParse("-100.00")), new(day("2025-01-31").Time()), new(day("2025-01-01")), new(decimal.MustParse("500.00"))
	for d, amount := range map[string]string{"02": "-5.00", "04": "5.00", "05": "-20.00", "08": "20.00", "09": "-10.00", "10": "20.00"} { // 0, -5, -5, 0, three days -20, 0, -10, then 10
		b.on(g, "2025-01-"+d, amount, 201, "REWE")
	}
	given := b.input(days("2025-01-01", "2025-01-31"), g, v)
	r := build[*Balances](t, TypeBalances, given)
	want(t, r.ByAccount[0].OverdraftDays, "6", r.ByAccount[0].OverLimitDays, "3", r.ByAccount[0].Opening, "0.00 EUR", r.ByAccount[0].MinimumDate, "2025-01-05",
		r.ByAccount[1].OverdraftDays, "0", r.ByAccount[1].OverLimitDays, "0", r.ByAccount[1].Closing, "-100.00 EUR",
		r.Total.Opening, "-100.00 EUR", r.Total.Closing, "-90.00 EUR")
	risk := build[*RiskIndicators](t, TypeRiskIndicators, given)
	over := risk.Indicators[len(risk.Indicators)-1].Overdrawn
	want(t, len(over), "1", over[0].Account.ID, "10", over[0].Days, "6", over[0].LongestDays, "3", over[0].Lowest, "-20.00 EUR", over[0].LowestDate, "2025-01-05")
}

// TestBalancesFromBefore: what an account held is known from its first transaction, though only those from the period on
// are given.
func TestBalancesFromBefore(t *testing.T) {
	b, g, savings := &book{}, giro, giro
	savings.ID, savings.Name = 14, "Savings"
	g.Balance, savings.Balance = new(decimal.MustParse("100.00")), new(decimal.MustParse("10000.00"))
	g.BalanceAsOf, savings.BalanceAsOf = new(day("2025-09-30").Time()), new(day("2025-09-30").Time())
	b.on(g, "2025-03-20", "-100.00", 201, "REWE")
	b.on(g, "2025-05-01", "-300.00", 201, "REWE")
	given := b.input(days("2025-01-01", "2025-06-30"), g, savings)
	given.Oldest = map[int64]bank.Date{g.ID: day("2024-01-05"), savings.ID: day("2024-03-01")}
	r := build[*Balances](t, TypeBalances, given)
	want(t, len(r.ByAccount), "2", r.ByAccount[0].Covered, "2025-01-01 2025-06-30", r.ByAccount[0].Opening, "500.00 EUR",
		r.ByAccount[0].Average, "341.99 EUR", // (78*500 + 42*400 + 61*100) / 181 = 61900 / 181 = 341.989
		r.ByAccount[1].Covered, "2025-01-01 2025-06-30", r.ByAccount[1].Minimum, "10000.00 EUR", r.ByAccount[1].Maximum, "10000.00 EUR",
		r.Total.Average, "10341.99 EUR", r.Coverage.LeftOut, "", r.Accounts[1].LeftOut, "")
	over := build[*BalanceOverTime](t, TypeBalanceOverTime, given)
	want(t, len(over.Series), "2", len(over.Series[1].Balances), "181")
}

func TestRiskIndicators(t *testing.T) {
	b, a := holder()
	b.on(giro, "2025-01-08", "-35.00", 1205, "Inkasso")
	b.on(giro, "2025-01-09", "-10.00", 903, "Lotto")
	b.on(giro, "2025-01-19", "-15.00", 903, "Lotto")
	b.on(giro, "2025-01-19", "5.00", 111, "Lotto")
	b.on(giro, "2025-01-15", "12.00", 1206, "Strom")
	b.on(giro, "2025-01-16", "-3.00", 1206, "")
	a.Balance = new(decimal.MustParse("54.00")) // 100 - 46
	r := build[*RiskIndicators](t, TypeRiskIndicators, b.input(days("2025-01-01", "2025-01-31"), a))
	chargebacks, collection, gambling, seizure, over := r.Indicators[0], r.Indicators[1], r.Indicators[2], r.Indicators[3], r.Indicators[4]
	want(t,
		strings.Join(r.Present, " "), "CHARGEBACKS DEBT_COLLECTION GAMBLING OVERDRAFT", r.TransactionCount, "6",
		chargebacks.Out, "3.00 EUR 1", chargebacks.In, "12.00 EUR 1", chargebacks.TransactionCount, "2", chargebacks.MonthsWithEvents, "1",
		chargebacks.FirstDate, "2025-01-15", chargebacks.LastDate, "2025-01-16",
		collection.Out, "35.00 EUR 1", collection.Parties, "1 Inkasso 35.00 100.00% 1/1 ",
		gambling.Out, "25.00 EUR 2", gambling.In, "5.00 EUR 1", gambling.ShareOfIncome, "12.20", gambling.Monthly, "25.00", // of 200 + 5
		seizure.Kind, "SEIZURE", seizure.TransactionCount, "0", seizure.FirstDate, "none",
		over.Overdrawn[0].Days, "2", over.Overdrawn[0].DaysKnown, "31", over.Overdrawn[0].Lowest, "-50.00 EUR", over.Overdrawn[0].LowestDate, "2025-01-03", over.Overdrawn[0].LongestDays, "2",
	)
	onPaper(t, r, "! Gambling: 3 transactions in 1 of 1 month, 25.00 EUR out (12.2 % of the income), 5.00 EUR in; first on 9 Jan 2025, last on 19 Jan 2025.",
		"! Overdraft: Giro was below zero on 2 of 31 days, at most -50.00 EUR on 3 Jan 2025.", "- No signs of: seizure.", "[Overdraft: 2 days; below zero]")

	b.on(shares, "2025-01-20", "-7.00", 1603, "")
	b.on(shares, "2025-01-18", "-7.00", 1603, "")
	r = build[*RiskIndicators](t, TypeRiskIndicators, b.input(days("2025-01-01", "2025-01-31"), giro, shares))
	left := r.Accounts[slices.IndexFunc(r.Accounts, func(a Account) bool { return a.LeftOut != "" })]
	want(t, over.DaysKnown, "31", r.Indicators[4].DaysKnown, "0", left.LeftOut, "OTHER_CONTAINER",
		left.TransactionCount, "2", left.FirstDate, "2025-01-18", left.LastDate, "2025-01-20")
	onPaper(t, r, "- Whether there was an overdraft is not known, for want of balances.")
}

func TestCategorizedTransactions(t *testing.T) {
	b := &book{}
	b.on(giro, "2025-01-02", "1000.00", 101, "Employer")
	b.on(giro, "2025-01-03", "-30.00", 201, "REWE").CategorySource = bank.SourceUser
	b.on(visa, "2025-01-04", "-10.00", 201, "REWE")
	b.on(visa, "2025-01-05", "-5.00", category.None, "QWERTZ")
	b.on(giro, "2025-01-06", "-100.00", 1601, "").TransferID = new(int64(9))
	b.on(giro, "2025-01-07", "-1.00", 201, "REWE").Status = bank.Pending
	r := build[*CategorizedTransactions](t, TypeCategorizedTransactions, b.input(days("2025-01-01", "2025-01-31"), giro, visa))
	want(t,
		r.In, "1000.00 EUR 1", r.Out, "45.00 EUR 3", r.TransactionCount, "5", r.CategorizedRate, "75.00",
		r.CategorizedBy, "[{USER 1} {MERCHANT 2} {NONE 1}]",
		r.InCategories, "Salary 1000.00 100.00% 1", r.OutCategories, "Supermarkets 40.00 88.89% 2; Uncategorized 5.00 11.11% 1",
		len(r.Items), "5", r.Items[0].Transfer, "true", r.Items[0].Amount, "100.00 EUR", r.Items[4].Party, "Employer", r.Items[1].Account.ID, "11",
		r.Coverage.LeftOut, "PENDING 1",
	)
	onPaper(t, r, "[With a category: 75 %; of the transactions]", "6 Jan 2025 |  | Between own accounts | Giro | -100.00 EUR", "3 Jan 2025 | REWE | Supermarkets | Giro | -30.00 EUR")

}

func TestAccountInfo(t *testing.T) {
	b, a := holder()
	a.IBAN = new("DE89370400440532013000")
	b.on(shares, "2025-01-09", "-10.00", 1603, "")
	given := b.input(days("2025-01-04", "2025-01-31"), a, shares, francs)
	given.Oldest = map[int64]bank.Date{10: day("2023-04-05")}
	r := build[*AccountInfo](t, TypeAccountInfo, given)
	want(t,
		len(r.Infos), "3", r.Infos[0].Country, "DE", r.Infos[0].OpenedOn, "2020-01-01", r.Infos[0].Balance, "100.00 EUR", r.Infos[0].CreditLimit, "40.00 EUR",
		r.Infos[0].OldestTransactionDate, "2023-04-05", r.Infos[0].NewestTransactionDate, "2025-01-25", r.Infos[0].TransactionCount, "4",
		r.Infos[1].OldestTransactionDate, "none", r.Infos[1].Balance, "none", r.Infos[1].TransactionCount, "0",
		r.Infos[2].TransactionCount, "1", r.Infos[2].OldestTransactionDate, "2025-01-09", r.Accounts[2].Container, "INVESTMENT", r.Accounts[2].LeftOut, "",
	)
	onPaper(t, r, "Accounts: Giro, IBAN …3000; Konto; Depot", "Giro | 1 Jan 2020 | 5 Apr 2023 | 25 Jan 2025 | 4 | Active", "Giro |  | Bank, checking | DE89370400440532013000 | 100.00 EUR | 20 Jan 2025 | 40.00 EUR")

}
