package category

import (
	"bytes"
	"slices"
	"strings"

	"insightgraph/bank"
)

// match is a place in the text where a key stands.
type match struct {
	entry      int32
	start, end int32
	lead       bool // nothing that says anything stands before it
	part       bool // inside a word, cut short or glued together
	guess      bool // a part of a word that nobody listed as such
	address    bool // in an internet address
	confidence int
	strength   int
	score      int
}

const maxMatches = 64

// noiseWords stand around a merchant's name on cards and say nothing of it.
const noiseWords = `pos purchase card debit visa mastercard maestro contactless payment recurring the www http https com paypal sq tst sp
sumup zettle izettle iz pp klarna payfast yoco zapper snapscan kartenzahlung kartenumsatz lastschrift einkauf girocard ec basislastschrift
kauf achat paiement par carte cb du compra tarjeta pago con en pagamento carta pos acquisto betaling betaalautomaat kortkop kortkob varekjop
korttiosto zakup platnosc karta transakcja platba kartou nakup kartya vasarlas debito credito withdrawal deposit ach web online mobile
eftpos nets qr vdp vdc vda vdb upi dr cr neft imps ach nach ecs bil onl ecom ecommerce autogiro avtalegiro dankort nota bs pbs betalingsservice
domiciliation domiciliering europese sepa incasso sdd addebito prlv prelevement recibo adeudo inkaso przy uzyciu karty twint zahlung met debetkaart
betaalpas bea pas automaat contactloos mobiele pay tarj compras fact factura facture psc achats trvaly prikaz prikaza polecenie zaplaty doorlopend
algemeen interac pre authorized preauthorized pap idp opos fpos debito automatico deb aut boleto pgto pagto fatura faktura rechnung lastschr kredi
karti odeme harcama islem alisveris platnost elektronicka carduri plata comerciant vasarlas kartyas korttiosto ostos kjop kob reservert reserviert
vorgemerkt abbuchung merchant paybill jompay duitnow fpx mydebit meps trx trn txn tran val datum vom dated sale svc nr app pin sig signature
authorized authorised on at to from in chip swipe dd ref nr no id xx xxx xxxx xxxxx xxxxxx mr mrs ltd gmbh inc
al ak az ar ca co ct de dc fl ga hi ia il ks ky la ma md me mi mn mo ms mt nc nd ne nh nj nm nv ny oh ok or pa ri sc sd tn tx ut va vt wa wi wv wy
usa us uk gb za eur usd gbp zar chf sepa vpay bankcard transaction checkcard crd pur auth dbt pmt direct giropay ideal bancontact bizum blik
a e i o u of and an x`

// find lists what the text touches. The text is folded. Words of other countries' languages are left out where the country
// is known: they would crowd out the others.
func (x *index) find(found []match, text []byte, country string) []match {
	lead := true
	var before []byte
	for i := 0; i+1 < len(text); i++ {
		if text[i] != ' ' {
			continue
		}
		start := i + 1
		end := start
		for text[end] != ' ' {
			end++
		}
		found = x.walk(found, text, country, start, lead)
		if end-start >= 5 && text[start] >= 'a' {
			found = x.inside(found, text, country, start, end)
		}
		word := text[start:end]
		if address := web(before) || web(next(text, end)); end-start >= 8 && text[start] >= 'a' || address {
			found = x.compounds(found, text, country, start, end, lead, address)
		}
		if lead && text[start] >= 'a' && end-start > 1 && !x.noise[string(word)] {
			lead = false
		}
		before = word
		i = end - 1
	}
	return found
}

// walk follows the keys that begin at a word.
func (x *index) walk(found []match, text []byte, country string, start int, lead bool) []match {
	var glueAt int32 = -1
	glueFrom := 0
	at := int32(0)
	for j := start; j < len(text); {
		if at = x.heads.step(at, text[j]); at < 0 {
			break
		}
		j++
		if j == len(text) {
			break
		}
		whole := text[j] == ' '
		if v, ok := x.heads.value(at, ends); ok {
			found = x.take(found, country, v, match{start: int32(start), end: int32(j), lead: lead}, whole, false)
		}
		if whole {
			// A key that was cut off; of its last word three letters must be left: H&M H is not H&M Home.
			if v, ok := x.heads.value(at, breaks); ok && j-bytes.LastIndexByte(text[:j], ' ') > 3 && !x.common[string(text[start:j])] {
				found = x.take(found, country, v, match{start: int32(start), end: int32(j), lead: lead, part: true}, true, true)
			}
			if glueAt < 0 && j-start >= 3 {
				glueAt, glueFrom = at, j
			}
		}
	}
	if glueAt >= 0 { // MEDIA MARKT is MediaMarkt
		at, skipped := glueAt, 0
		for j := glueFrom; j < len(text); j++ {
			if text[j] == ' ' {
				if skipped > 0 {
					if v, ok := x.heads.value(at, ends); ok && j-start > 7 {
						found = x.take(found, country, v, match{start: int32(start), end: int32(j), lead: lead, part: true}, true, true)
					}
				}
				if skipped++; skipped > 2 {
					break
				}
				continue
			}
			if at = x.heads.step(at, text[j]); at < 0 {
				break
			}
		}
	}
	return found
}

// inside looks for keys within a word: Sonnenapotheke is an Apotheke.
func (x *index) inside(found []match, text []byte, country string, start, end int) []match {
	for s := start + 1; s < end-2; s++ {
		at := int32(0)
		for j := s; j < end; {
			if at = x.inner.step(at, text[j]); at < 0 {
				break
			}
			j++
			if v, ok := x.inner.value(at, ends); ok {
				found = x.take(found, country, v, match{start: int32(s), end: int32(j), part: true}, j == end, false)
			}
		}
	}
	return found
}

// compounds looks for words of shops at the beginning or end of a longer one, and anywhere in an internet address.
func (x *index) compounds(found []match, text []byte, country string, start, end int, lead, address bool) []match {
	for s := start; s < end-3; s++ {
		at := int32(0)
		for j := s; j < end; {
			if at = x.parts.step(at, text[j]); at < 0 {
				break
			}
			j++
			v, ok := x.parts.value(at, ends)
			if !ok || j-s == end-start {
				continue
			}
			edge := s == start || j == end
			if address && (edge || j-s >= 5) || edge && j-s >= 5 {
				m := match{start: int32(s), end: int32(j), lead: lead, part: true, guess: true, address: address}
				found = x.take(found, country, v, m, true, false)
			}
		}
	}
	return found
}

// web tells whether a word belongs to an internet address.
func web(word []byte) bool {
	switch string(word) {
	case "www", "http", "https", "com", "net", "org":
		return true
	}
	return false
}

// previous is the word before the one that begins there.
func previous(text []byte, start int) []byte {
	to := max(start-1, 0)
	from := bytes.LastIndexByte(text[:to], ' ') + 1
	return text[from:to]
}

// next is the word after the one that ends there.
func next(text []byte, end int) []byte {
	from := end + 1
	if from >= len(text) {
		return nil
	}
	to := from
	for text[to] != ' ' {
		to++
	}
	return text[from:to]
}

func (x *index) take(found []match, country string, group int32, m match, whole, shops bool) []match {
	for _, r := range x.refs[x.groups[group]:x.groups[group+1]] {
		e := &x.entries[r.entry]
		if !whole && !r.loose || shops && e.kind == wording || (e.kind == wording || e.kind == keyword) && e.foreign(country) {
			continue
		}
		if len(found) == cap(found) {
			return found
		}
		m.entry = r.entry
		found = append(found, m)
	}
	return found
}

// side is the category that the entry gives to that direction.
func (e *entry) side(base bank.BaseType) int {
	switch {
	case base == bank.Debit:
		return int(e.debit)
	case base == bank.Credit:
		return int(e.credit)
	case e.debit == 0:
		return int(e.credit)
	}
	return int(e.debit)
}

// weigh gives a match its score and confidence; false if it says nothing here.
func (x *index) weigh(m *match, text []byte, base bank.BaseType, country string, named int32, back bool) bool {
	e := &x.entries[m.entry]
	id := e.side(base)
	if id == 0 || base == bank.Debit && byID[id].Type == Income {
		return false
	}
	if base == bank.Credit && !back && e.kind != wording && byID[id].Type == Expense && !x.nothingElse(m, e, text, named) {
		return false // a shop that pays is no refund as long as nothing says so: Hudson Freight pays wages
	}
	if back && e.kind == merchant && id == 1605 {
		return false // money back from a lender is no new loan
	}
	strength, confidence := int(e.strength), int(e.confidence)
	word := text[m.start:m.end]
	single := bytes.IndexByte(word, ' ') < 0
	foreign := e.foreign(country)
	switch e.kind {
	case merchant, brand:
		leads := m.lead || m.start < named
		switch {
		case single && !m.lead && (e.kind == brand || e.doubtful) && x.names[string(previous(text, int(m.start)))]:
			return false // Anna Müller is no drugstore
		case single && titles[string(previous(text, int(m.start)))]:
			return false // nor is Dr. Rossmann
		case single && country == "" && e.places != nil && x.names[string(word)]:
			return false // Max is Max, as long as nobody says that this is Sweden
		case foreign && (e.doubtful || m.part || single && (!leads || len(word) < 6 || x.common[string(word)])):
			return false
		case foreign && e.kind == merchant:
			confidence -= 12
		case foreign:
			strength, confidence = foreignBrand, 55
		case country == "" && e.places != nil && single && (len(word) < 5 || e.kind == brand || e.doubtful):
			strength, confidence = min(strength, weakBrand), confidence-25
		case e.kind == brand && single && (!leads || m.start < named && !x.nothingElse(m, e, text, named)):
			strength, confidence = min(strength, weakBrand), confidence-20
		}
		if e.kind == merchant && single && !leads {
			confidence -= 6 // it may be a place or a second name
		}
		if e.doubtful {
			if confidence = min(confidence, 85); !leads {
				strength, confidence = weakBrand, min(confidence, 58)
			}
		}
	default:
		if e.places != nil && country == "" {
			strength, confidence = min(strength, leftOver), min(confidence, 60)
		}
	}
	switch {
	case m.address:
		strength, confidence = compound, 72
	case m.guess:
		strength, confidence = compound, 62
	case m.part:
		confidence -= 4
	}
	m.confidence, m.strength = confidence, strength
	m.score = 1000*strength + 10*int(min(m.end-m.start, 40)) + 4*confidence
	if m.lead && e.kind != wording && e.kind != keyword {
		m.score += 60
	}
	if m.start < named {
		m.score += 80
	}
	if id == 1107 {
		m.score -= 200 // which insurance, where anything says it: Kfz-Versicherung, paid to a Versicherungs-AG
	}
	return true
}

// nothingElse tells whether who pays is named by the match alone: Zalando SE, and not Hudson Freight LLC.
func (x *index) nothingElse(m *match, e *entry, text []byte, named int32) bool {
	if e.kind == keyword || m.part {
		return false
	}
	if named <= 0 {
		return m.lead && e.kind == merchant && !e.doubtful
	}
	if m.start >= named {
		return false
	}
	rest := append(append([]byte{}, text[:m.start]...), text[min(m.end, named):named]...)
	for w := range bytes.FieldsSeq(rest) {
		if len(w) > 3 && w[0] >= 'a' && !x.common[string(w)] && !legal[string(w)] {
			return false
		}
	}
	return true
}

// legal are longer words of companies' names that say nothing of who they are.
var legal = map[string]bool{"gmbh": true, "sarl": true, "deutschland": true, "germany": true, "france": true, "italia": true, "espana": true, "polska": true, "europe": true, "sverige": true,
	"austria": true, "schweiz": true, "suisse": true, "nederland": true, "danmark": true, "norge": true, "limited": true, "corp": true, "payments": true, "retail": true}

// choose weighs what was found against each other. named is where the counterparty's name ends in the text.
func (x *index) choose(found []match, text []byte, base bank.BaseType, country string, named int32) (best match, seller *entry, ok bool) {
	n, back := 0, refunds(x, found) || through(x, found, named)
	surname := x.surname(text[:named])
	for _, m := range found {
		if surname != nil && m.start < named && x.ofPerson(&m, text, surname) {
			continue
		}
		if x.weigh(&m, text, base, country, named, back) {
			found[n] = m
			n++
		}
	}
	found = found[:n]
	for i := range found {
		if m := &found[i]; m.strength > weakBrand && x.byName(found, m, text, base) {
			m.score -= 1000 * (m.strength - weakBrand)
			m.strength, m.confidence = weakBrand, m.confidence-20
		}
	}
	best.score = -1
	sellerScore := -1
	for i := range found {
		m := &found[i]
		if x.covered(found, m) {
			m.score = -1
			continue
		}
		if m.score > best.score {
			best = *m
		}
		if e := &x.entries[m.entry]; e.name != "" && m.score > sellerScore && m.confidence >= 55 {
			seller, sellerScore = e, m.score
		}
	}
	if best.score < 0 {
		return best, nil, false
	}
	id := x.entries[best.entry].side(base)
	group := top(id)
	doubts := weakBrand // what is at least this strong and says otherwise makes the answer less sure
	if best.strength >= people {
		doubts = shopWord
	}
	agree, against := false, false
	for _, m := range found {
		if m.score < 0 || m.entry == best.entry || m.start == best.start && m.end == best.end {
			continue
		}
		other := top(x.entries[m.entry].side(base))
		same := other == group
		agree = agree || same && m.strength >= shopWord
		fee := best.strength == settled && group == 1200 && m.strength >= shopWord && 200 <= other && other < 1200 // a club's, perhaps
		against = against || !same && !m.part && (best.strength < bankWord && m.strength >= doubts || m.strength == best.strength || fee)
	}
	if base == "" && id != 109 && refunds(x, found) {
		best.confidence -= 10 // money back, or not: the direction would say it
	}
	if e := &x.entries[best.entry]; base == "" && e.debit != 0 && e.credit != 0 && e.credit != 109 && byID[int(e.debit)].Type != byID[int(e.credit)].Type {
		best.confidence = min(best.confidence, 85) // interest paid or received: so it would here
	}
	if against && !agree {
		best.confidence -= 12
	}
	if agree && !against && best.confidence < 90 {
		best.confidence = min(best.confidence+6, 89)
	}
	return best, seller, true
}

// byName tells whether a name that we are not sure of, or another word, stands before one that says what it is: Apollo Hotel
// is no optician, a college bar no college. A Sushi Garage sells sushi, though, and a hotel restaurant is a hotel.
func (x *index) byName(found []match, m *match, text []byte, base bank.BaseType) bool {
	e := &x.entries[m.entry]
	sure := e.kind == wording || e.kind == merchant && !e.doubtful || e.kind == keyword && (e.strength > shopWord || top(e.side(base)) == 400 || top(e.side(base)) == 900)
	if sure || bytes.IndexByte(text[m.start:m.end], ' ') >= 0 {
		return false
	}
	return slices.ContainsFunc(found, func(o match) bool {
		return o.start == m.end+1 && x.entries[o.entry].kind == keyword && o.strength >= shopWord && o.confidence >= 80 && !o.part &&
			top(x.entries[o.entry].side(base)) != top(e.side(base))
	})
}

// refunds tells whether the text speaks of a refund.
func refunds(x *index, found []match) bool {
	return slices.ContainsFunc(found, func(m match) bool {
		return m.score >= 0 && x.entries[m.entry].credit == 109 && x.entries[m.entry].debit == 0
	})
}

// through tells whether the counterparty is a payment service, behind which there is a shop.
func through(x *index, found []match, named int32) bool {
	return slices.ContainsFunc(found, func(m match) bool { return m.start < named && x.entries[m.entry].strength == services })
}

// covered tells whether a longer key says more: Shell Energy is no filling station.
func (x *index) covered(found []match, m *match) bool {
	for i := range found {
		o := &found[i]
		if o.start <= m.start && m.end <= o.end && o.end-o.start > m.end-m.start && o.confidence >= 58 && o.strength > services && !o.part {
			return true
		}
	}
	return false
}

func top(id int) int {
	if c := byID[id]; c.Parent != 0 {
		return c.Parent
	}
	return id
}

// surname is the last word of a counterparty's name that is a first name that we know and one other word, else nil.
func (x *index) surname(name []byte) []byte {
	first, last, _ := bytes.Cut(bytes.TrimSpace(name), []byte(" "))
	if len(last) < 3 || last[0] < 'a' || bytes.IndexByte(last, ' ') >= 0 || !x.names[string(first)] || x.common[string(last)] || x.noise[string(last)] || legal[string(last)] {
		return nil
	}
	return last
}

// ofPerson tells whether what matches within such a name is no shop: Lena Bauhaus and Hans Fischer are people, Anna Apotheke is none.
func (x *index) ofPerson(m *match, text, surname []byte) bool {
	word := text[m.start:m.end]
	if bytes.IndexByte(word, ' ') >= 0 {
		return false
	}
	switch x.entries[m.entry].kind {
	case merchant, brand:
		return true
	case keyword:
		return surnames[string(surname)] || m.part && bytes.Equal(word, surname) // cut off: a Schneider is no Schneiderei
	}
	return false
}

// titles stand before people's names, and before no shop's of one word.
var titles = set("dr med dent vet prof dott dottssa mudr")

// surnames are words for shops and trades that people are called, too.
var surnames = set(`backer bader baecker baker bakker barber barbier barbieri bianchi bishop boucher boulanger brot brouwer butcher carnicero
fischer fisher fleischer flores friedrich gardener gartner gaertner kaese kase krawczyk krejci law macellaio maler metzger metzler nagel panadero
pescador pescatore reznik rzeznik schlachter schuster slager tailleur tailor wein winzer wirt zapatero`)

// person tells whether the text begins like a person's name: a first name that we know and another word.
func (x *index) person(text []byte) bool {
	count, first := 0, false
	for w := range strings.FieldsSeq(string(text)) {
		if w[0] < 'a' || x.noise[w] {
			if count > 0 {
				return false
			}
			continue
		}
		if count++; count == 1 {
			first = x.names[w]
			continue
		}
		return first || x.names[w]
	}
	return false
}
