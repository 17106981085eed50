package demo

import (
	"time"

	"insightgraph/bank"
)

// as is an account of a bank that exists only here. Without a country there is no IBAN, as in America and on cards.
func as(id string, c bank.Container, kind, name, provider string, currency bank.Currency, country string, number int) bank.Account {
	opened := bank.NewDate(2019, time.May, 6)
	a := bank.Account{ExternalID: &id, Container: c, Type: kind, Name: name, ProviderName: provider, Currency: currency, OpenedOn: &opened}
	if country != "" {
		n := iban(country, number)
		a.IBAN = &n
	}
	if c == bank.ContainerCard {
		a.CreditLimit = amount(5_000_00)
	}
	return a
}

func de(n int) string { return iban("DE", n) }

// anna earns well, spends about three quarters of it, saves each month and pays her credit card in full.
func anna(days bank.Period) Person {
	const owner = "Anna Berg"
	giro := open(days, owner, 2_900_00, 1, as("anna-giro", bank.ContainerBank, "CHECKING", "Girokonto", "Musterbank Berlin", "EUR", "DE", 1001))
	saved := open(days, owner, 8_500_00, 1, as("anna-tagesgeld", bank.ContainerBank, "SAVINGS", "Tagesgeld", "Sparhaus Direkt", "EUR", "DE", 1002))
	card := open(days, owner, 0, 1, as("anna-card", bank.ContainerCard, "CREDIT", "Kreditkarte Gold", "Kartenhaus", "EUR", "", 0))
	giro.run(
		rule{id: "salary", when: monthly(27), in: 3_180_00, who: to("Nordlicht Software GmbH", "LOHN/GEHALT {day} PERS.NR 20417", de(501))},
		rule{id: "tax", when: monthly(18, time.June), in: 641_27, who: to("Finanzamt Pankow", "EINKOMMENSTEUER ERSTATTUNG STEUERNR 35/204/01234", de(502))},
		rule{id: "rent", when: monthly(1), out: 1_050_00, who: to("Hausverwaltung Lindenhof", "MIETE WHG 12 LINDENSTR. 4", de(503))},
		rule{id: "power", when: monthly(3), out: 68_00, who: to("Vattenfall Europe Sales", "ABSCHLAG STROM VK {ref}", de(504))},
		rule{id: "internet", when: monthly(5), out: 39_99, who: to("Telekom Deutschland GmbH", "FESTNETZ RECHNUNG {ref}", de(505))},
		rule{id: "mobile", when: monthly(8), out: 14_99, who: to("Aldi Talk", "MOBILFUNK {ref}", de(506))},
		rule{id: "liability", when: monthly(1), out: 8_90, who: to("HUK-COBURG", "PRIVATHAFTPFLICHT BEITRAG VS {ref}", de(507))},
		rule{id: "health", when: monthly(15), out: 27_40, who: to("Allianz Private Krankenversicherung", "ZAHNZUSATZ BEITRAG", de(508))},
		rule{id: "radio", when: monthly(15, time.January, time.April, time.July, time.October), out: 55_08, who: to("Rundfunk ARD, ZDF, DRadio", "RUNDFUNKBEITRAG {ref}", de(509))},
		rule{id: "gym", when: monthly(2), out: 29_90, who: to("McFit Fitness", "MITGLIEDSBEITRAG", de(510))},
		rule{id: "ticket", when: monthly(2), out: 63_00, who: to("BVG Berliner Verkehrsbetriebe", "DEUTSCHLANDTICKET ABO {ref}", de(511))},
		rule{id: "groceries", when: often(9), out: 12_00, upTo: 68_00, who: shops("5411", "REWE|REWE MARKT SAGT DANKE {ref} BERLIN KARTENZAHLUNG {day}", "EDEKA|EDEKA NORD {ref} BERLIN {day}", "Lidl|LIDL DIENSTLEISTUNG {ref} BERLIN {day}")},
		rule{id: "bakery", when: often(5), out: 2_80, upTo: 9_50, who: shops("5462", "Bäckerei Steinecke|STEINECKE BROTMEISTEREI BERLIN {day}")},
		rule{id: "drugstore", when: often(2), out: 5_95, upTo: 32_00, who: shops("5977", "dm-drogerie markt|DM FIL. {ref} BERLIN {day}", "Rossmann|ROSSMANN {ref} BERLIN {day}")},
		rule{id: "cash", when: often(1), out: 50_00, upTo: 150_00, who: shops("6011", "Musterbank Berlin|BARGELDAUSZAHLUNG GA NR {ref}")},
	)
	saved.run(rule{id: "interest", when: monthly(28, time.March, time.June, time.September, time.December), in: 32_00, upTo: 48_00, who: to("Sparhaus Direkt", "ZINSEN {day}", "")})
	card.run(
		rule{id: "coffee", when: on(time.Monday, time.Thursday, time.Saturday), out: 3_60, again: 25, who: shops("5814", "Einstein Kaffee|EINSTEIN KAFFEE BERLIN")},
		rule{id: "restaurant", when: often(5), out: 14_00, upTo: 62_00, who: shops("5812", "Vapiano|VAPIANO BERLIN", "Umami|UMAMI BERLIN BERGMANNKIEZ", "Lieferando|LIEFERANDO.DE AMSTERDAM")},
		rule{id: "fashion", when: often(2), out: 20_00, upTo: 120_00, refund: 20, who: shops("5651", "Zalando|ZALANDO SE {ref}", "H&M|H+M {ref} BERLIN", "C&A|C&A BERLIN ALEXA")},
		rule{id: "online", when: often(2), out: 9_99, upTo: 80_00, refund: 10, who: shops("5311", "Amazon|AMZN MKTP DE {ref} LUXEMBOURG", "Otto|OTTO VERSAND {ref}")},
		rule{id: "cinema", when: often(1), out: 12_00, upTo: 30_00, who: shops("7832", "Yorck Kino|YORCK KINOGRUPPE BERLIN")},
		rule{id: "netflix", when: monthly(11), out: 13_99, who: shops("4899", "Netflix|NETFLIX.COM AMSTERDAM")},
		rule{id: "spotify", when: monthly(19), out: 10_99, who: shops("4899", "Spotify|SPOTIFY AB STOCKHOLM")},
	)
	giro.transfer(saved, "saving", monthly(2), 400_00, "SPAREN", 1)
	giro.payCard(card, 6, party{name: "Kartenhaus", text: "KREDITKARTENABRECHNUNG GOLD", iban: de(512)}, "EINZUG VOM GIROKONTO DANKE")
	return Person{"anna", owner, "Europe/Berlin", "EUR", []Account{giro.close(), saved.close(), card.close()}}
}

// benLaidOff is when one of Ben's two jobs ended. It is a day and not "seven months ago" so that the past stays as it was.
var benLaidOff = bank.NewDate(2026, time.April, 1)

// ben lost half of his income and lives as before, on what he had saved.
func ben(days bank.Period) Person {
	const owner = "Ben Carter"
	checking := open(days, owner, 68_000_00, 1, as("ben-checking", bank.ContainerBank, "CHECKING", "Everyday Checking", "First Sample Bank", "USD", "", 0))
	card := open(days, owner, 0, 1, as("ben-card", bank.ContainerCard, "CREDIT", "Sample Rewards Visa", "First Sample Bank", "USD", "", 0))
	checking.run(
		rule{id: "payroll-a", when: monthly(14), in: 2_400_00, who: to("Hudson Freight LLC", "HUDSON FREIGHT DES:PAYROLL ID:{ref} INDN:CARTER,BEN PPD", "")},
		rule{id: "payroll-b", when: monthly(28).while(func(d bank.Date) bool { return d < benLaidOff }), in: 2_400_00, who: to("Brooklyn Print Co", "BROOKLYN PRINT CO PAYROLL {ref} PPD", "")},
		rule{id: "rent", when: monthly(1), out: 1_650_00, who: to("Greenpoint Realty", "ZELLE PAYMENT TO GREENPOINT REALTY {ref}", "")},
		rule{id: "car-loan", when: monthly(10), out: 318_22, who: to("Ally Auto", "ALLY AUTO PAYMENT {ref}", "")},
		rule{id: "car-insurance", when: monthly(12), out: 142_60, who: to("GEICO", "GEICO AUTO PYMT {ref}", "")},
		rule{id: "power", when: monthly(17), out: 72_00, upTo: 135_00, who: to("Con Edison", "CONED INTELL CK {ref}", "")},
		rule{id: "phone", when: monthly(20), out: 70_00, who: to("Verizon Wireless", "VERIZON WRLS BILL PAYMT", "")},
		rule{id: "health", when: monthly(3), out: 210_00, who: to("Empire BlueCross", "EMPIRE BCBS PREMIUM {ref}", "")},
		rule{id: "cash", when: often(1), out: 60_00, upTo: 60_00, who: shops("6011", "First Sample Bank|ATM WITHDRAWAL {ref} BROOKLYN NY")},
	)
	card.run(
		rule{id: "groceries", when: often(8), out: 28_00, upTo: 120_00, who: shops("5411", "Trader Joe's|TRADER JOE S #{ref} BROOKLYN NY", "Whole Foods|WHOLEFDS BKN {ref}", "Key Food|KEY FOOD {ref} BROOKLYN NY")},
		rule{id: "coffee", when: on(time.Tuesday, time.Friday, time.Sunday), out: 5_45, again: 15, who: shops("5814", "Starbucks|STARBUCKS STORE {ref}")},
		rule{id: "eating", when: often(8), out: 11_00, upTo: 46_00, who: shops("5812", "Chipotle|CHIPOTLE {ref}", "Shake Shack|SHAKE SHACK {ref}", "Grubhub|GRUBHUB*{ref}")},
		rule{id: "gas", when: often(4), out: 32_00, upTo: 58_00, who: shops("5541", "Shell|SHELL OIL {ref}", "BP|BP#{ref} BROOKLYN")},
		rule{id: "fashion", when: often(2), out: 25_00, upTo: 110_00, refund: 15, who: shops("5651", "Old Navy|OLD NAVY US {ref}", "Gap|GAP US {ref}", "Uniqlo|UNIQLO USA {ref}")},
		rule{id: "target", when: often(2), out: 15_00, upTo: 90_00, who: shops("5310", "Target|TARGET T-{ref} BROOKLYN NY")},
		rule{id: "netflix", when: monthly(9), out: 17_99, who: shops("4899", "Netflix|NETFLIX.COM LOS GATOS CA")},
		rule{id: "hulu", when: monthly(21), out: 18_99, who: shops("4899", "Hulu|HLU*HULU {ref}")},
	)
	checking.payCard(card, 15, party{name: "Sample Rewards Visa", text: "SAMPLE REWARDS VISA AUTOPAY PPD"}, "AUTOMATIC PAYMENT - THANK YOU")
	return Person{"ben", owner, "America/New_York", "USD", []Account{checking.close(), card.close()}}
}

// clara is a freelancer: her customers pay when they pay. Her old account is INACTIVE and must not count.
func clara(days bank.Period) Person {
	const owner = "Clara Lindqvist"
	firm := open(days, owner, 64_000_00, 100, as("clara-foretag", bank.ContainerBank, "CHECKING", "Företagskonto", "Provbanken", "SEK", "SE", 3001))
	private := open(days, owner, 21_000_00, 100, as("clara-privat", bank.ContainerBank, "CHECKING", "Privatkonto", "Provbanken", "SEK", "SE", 3002))
	old := open(days, owner, 5_000_00, 100, as("clara-gammalt", bank.ContainerBank, "SAVINGS", "Gamla sparkontot", "Exempelbanken", "SEK", "SE", 3003))
	old.account.Status = bank.AccountInactive
	se := func(n int) string { return iban("SE", n) }
	var clients []party
	for i, name := range []string{"Fjord Media AB", "Ateljé Norr", "Kustbygg AB", "Svea Förlag"} {
		clients = append(clients, party{name: name, text: "BG-INBETALNING FAKTURA {ref}", iban: se(601 + i)})
	}
	firm.run(
		rule{id: "invoice", when: often(5), in: 4_000_00, upTo: 20_000_00, who: clients},
		rule{id: "tax", when: monthly(12), out: 14_200_00, who: to("Skatteverket", "SKATTEVERKET F-SKATT", se(611))},
		rule{id: "desk", when: monthly(1), out: 3_200_00, who: to("Impact Hub Stockholm", "KONTORSPLATS {ref}", se(612))},
		rule{id: "adobe", when: monthly(7), out: 290_00, who: shops("5734", "Adobe|ADOBE *CREATIVE CLOUD")},
		rule{id: "fee", when: monthly(28), out: 99_00, who: to("Provbanken", "PRIS FÖRETAGSPAKET", "")},
	)
	private.run(
		rule{id: "rent", when: monthly(26), out: 9_850_00, who: to("Stockholmshem", "HYRA AUTOGIRO {ref}", se(613))},
		rule{id: "power", when: monthly(26), out: 420_00, upTo: 860_00, who: to("Ellevio", "ELLEVIO AB AUTOGIRO", se(614))},
		rule{id: "internet", when: monthly(26), out: 449_00, who: to("Telia Sverige AB", "TELIA BREDBAND", se(615))},
		rule{id: "insurance", when: monthly(26), out: 189_00, who: to("Folksam", "FOLKSAM HEMFÖRSÄKRING", se(616))},
		rule{id: "sl", when: monthly(3), out: 1_060_00, who: shops("4111", "SL|SL 30-DAGARSBILJETT")},
		rule{id: "gym", when: monthly(26), out: 549_00, who: to("SATS", "SATS SPORTS CLUB", se(617))},
		rule{id: "netflix", when: monthly(14), out: 149_00, who: shops("4899", "Netflix|NETFLIX.COM")},
		rule{id: "groceries", when: often(9), out: 140_00, upTo: 950_00, who: shops("5411", "ICA|ICA NARA SODER KORTKÖP {day}", "Coop|COOP KONSUM KORTKÖP {day}", "Willys|WILLYS STOCKHOLM KORTKÖP {day}")},
		rule{id: "fika", when: often(6), out: 62_00, again: 15, who: shops("5814", "Espresso House|ESPRESSO HOUSE {ref}")},
		rule{id: "restaurant", when: often(4), out: 150_00, upTo: 620_00, who: shops("5812", "Foodora|FOODORA AB", "Pelikan|PELIKAN STOCKHOLM")},
		rule{id: "wine", when: often(2), out: 120_00, upTo: 480_00, who: shops("5921", "Systembolaget|SYSTEMBOLAGET 0112")},
		rule{id: "fashion", when: often(2), out: 199_00, upTo: 1_299_00, refund: 20, who: shops("5651", "H&M|H & M SE0123 STOCKHOLM", "Lindex|LINDEX {ref}")},
	)
	firm.transfer(private, "draw", monthly(25), 26_000_00, "EGET UTTAG", 0)
	quarters := monthly(20, time.March, time.June, time.September, time.December)
	old.run(
		rule{id: "fund", when: quarters, in: 12_500_00, who: to("Exempelbanken Fonder", "UTDELNING FOND", "")},
		rule{id: "fee", when: monthly(28), out: 35_00, who: to("Exempelbanken", "AVGIFT", "")},
	)
	return Person{"clara", owner, "Europe/Stockholm", "SEK", []Account{firm.close(), private.close(), old.close()}}
}

// deniz is paid in CHF and lets a flat in EUR: without exchange rates nothing can be said.
func deniz(days bank.Period) Person {
	const owner = "Deniz Aydin"
	franken := open(days, owner, 9_400_00, 5, as("deniz-chf", bank.ContainerBank, "CHECKING", "Privatkonto", "Musterbank Zürich", "CHF", "CH", 4001))
	euro := open(days, owner, 3_100_00, 1, as("deniz-eur", bank.ContainerBank, "CHECKING", "Fremdwährungskonto", "Musterbank Zürich", "EUR", "CH", 4002))
	ch := func(n int) string { return iban("CH", n) }
	franken.run(
		rule{id: "salary", when: monthly(25), in: 6_900_00, who: to("Limmat Engineering AG", "GUTSCHRIFT SALÄR {day}", ch(701))},
		rule{id: "thirteenth", when: monthly(25, time.November), in: 6_900_00, who: to("Limmat Engineering AG", "GUTSCHRIFT 13. MONATSLOHN", ch(701))},
		rule{id: "rent", when: monthly(1), out: 2_150_00, who: to("Livit AG", "DAUERAUFTRAG MIETE", ch(702))},
		rule{id: "health", when: monthly(4), out: 386_45, who: to("CSS Versicherung", "CSS PRÄMIE {ref}", ch(703))},
		rule{id: "tax", when: monthly(28), out: 780_00, who: to("Steueramt der Stadt Zürich", "STEUERN RATE {ref}", ch(704))},
		rule{id: "phone", when: monthly(9), out: 79_90, who: to("Swisscom", "SWISSCOM (SCHWEIZ) AG {ref}", ch(705))},
		rule{id: "serafe", when: monthly(20, time.February), out: 335_00, who: to("Serafe AG", "SERAFE ABGABE", ch(706))},
		rule{id: "groceries", when: often(10), out: 15_00, upTo: 140_00, who: shops("5411", "Migros|MIGROS M ZUERICH KAUF {day}", "Coop|COOP-{ref} ZUERICH KAUF {day}")},
		rule{id: "train", when: often(4), out: 8_80, upTo: 64_00, who: shops("4111", "SBB|SBB MOBILE BERN")},
		rule{id: "restaurant", when: often(5), out: 18_00, upTo: 95_00, who: shops("5812", "Tibits|TIBITS ZUERICH", "Hiltl|HILTL ZUERICH")},
		rule{id: "coffee", when: on(time.Wednesday), out: 5_40, again: 30, who: shops("5814", "Sprüngli|CONFISERIE SPRUENGLI {day}")},
		rule{id: "fashion", when: often(2), out: 29_90, upTo: 180_00, refund: 15, who: shops("5651", "Globus|GLOBUS ZUERICH", "Manor|MANOR {ref}")},
		rule{id: "netflix", when: monthly(13), out: 20_90, who: shops("4899", "Netflix|NETFLIX.COM")},
	)
	euro.run(
		rule{id: "tenant", when: monthly(3), in: 980_00, who: to("Jonas Keller", "MIETE WOHNUNG KONSTANZ", de(711))},
		rule{id: "house", when: monthly(5), out: 240_00, who: to("WEG Seestraße 8", "HAUSGELD {ref}", de(712))},
		rule{id: "groceries", when: often(4), out: 22_00, upTo: 110_00, who: shops("5411", "Edeka|EDEKA BAUR KONSTANZ {day}", "Kaufland|KAUFLAND KONSTANZ {day}")},
		rule{id: "drugstore", when: often(2), out: 12_00, upTo: 55_00, who: shops("5977", "dm-drogerie markt|DM KONSTANZ {day}")},
	)
	return Person{"deniz", owner, "Europe/Zurich", "CHF", []Account{franken.close(), euro.close()}}
}

// emil studies and has no income at all: he lives on what he inherited. Nothing he buys comes back, as that would be income.
func emil(days bank.Period) Person {
	const owner = "Emil Novak"
	giro := open(days, owner, 1_400_00, 1, as("emil-giro", bank.ContainerBank, "CHECKING", "Studentenkonto", "Musterbank Wien", "EUR", "AT", 5001))
	saved := open(days, owner, 96_000_00, 1, as("emil-sparen", bank.ContainerBank, "SAVINGS", "Sparkonto", "Musterbank Wien", "EUR", "AT", 5002))
	at := func(n int) string { return iban("AT", n) }
	giro.run(
		rule{id: "room", when: monthly(3), out: 420_00, who: to("Studentenheim Alsergrund", "HEIMPLATZ ZIMMER 214", at(801))},
		rule{id: "mobile", when: monthly(7), out: 12_90, who: to("spusu", "SPUSU RECHNUNG {ref}", at(802))},
		rule{id: "insurance", when: monthly(11), out: 73_48, who: to("ÖGK", "SELBSTVERSICHERUNG STUDIERENDE", at(803))},
		rule{id: "fees", when: monthly(20, time.January, time.August), out: 25_20, who: to("Universität Wien", "ÖH-BEITRAG {ref}", at(804))},
		rule{id: "ticket", when: monthly(2), out: 33_00, who: to("Wiener Linien", "JAHRESKARTE RATE", at(805))},
		rule{id: "groceries", when: often(10), out: 6_00, upTo: 38_00, who: shops("5411", "Billa|BILLA DANKT {ref} WIEN {day}", "Hofer|HOFER DANKT {ref} WIEN {day}", "Spar|SPAR DANKT {ref} WIEN {day}")},
		rule{id: "canteen", when: often(9), out: 5_40, upTo: 8_90, who: shops("5814", "Mensa|MENSA WIEN NIG {day}")},
		rule{id: "bar", when: often(3), out: 8_00, upTo: 34_00, who: shops("5813", "Charlie P's|CHARLIE P S WIEN")},
		rule{id: "books", when: often(1), out: 9_90, upTo: 45_00, who: shops("5942", "Thalia|THALIA {ref} WIEN")},
		rule{id: "spotify", when: monthly(16), out: 6_99, who: shops("4899", "Spotify|SPOTIFY AB STOCKHOLM")},
	)
	saved.transfer(giro, "living", monthly(1), 950_00, "LEBENSUNTERHALT", 0)
	return Person{"emil", owner, "Europe/Vienna", "EUR", []Account{giro.close(), saved.close()}}
}
