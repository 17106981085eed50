package category

import (
	_ "embed" // the tables
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The knowledge lies in tables. A line of the first three is: strength, category, countries, what to look for; divided by
// tabs. The strength is a letter, with a confidence in percent where it is not the usual one:
//
//	S  settles it, whatever else stands there (fees, seizure, returned payments)
//	A  the bank's wording says it
//	B  a merchant's name
//	C  a word that says what kind of shop it is
//	P  money from person to person: a name that stands there is a person's, unless it is a merchant's that we know
//	D  what is left if nothing better is there
//	T  a delivery service: a shop that is named with it counts first
//	E  a payment service, named through: whatever is behind it counts first
//
// "1202/104" is a category for money out and one for money in; "-" on a side means not on that side. Countries are ISO 3166
// codes or names of groups; * is everywhere. Patterns are divided by semicolons; they match whole words in the order given;
// "lohn*" matches the beginning of a word, "*apotheke" its end, "*boutique*" any part. A merchant is "Name" or
// "Name=pattern|pattern"; a ? after the name warns that it is an ordinary word too.
var (
	//go:embed tables/wording.tsv
	wordingTable string
	//go:embed tables/merchants.tsv
	merchantTable string
	//go:embed tables/keywords.tsv
	keywordTable string
	// brands.tsv is made by `make brands`: category, countries, name|other name. Its notice is brands.LICENSE.txt.
	//go:embed tables/brands.tsv
	brandTable string
	// names.txt has first names and common words, which are no brands on their own.
	//go:embed tables/names.txt
	nameTable string
	//go:embed tables/common.txt
	commonTable string
)

type kind uint8

const (
	wording kind = iota
	merchant
	brand
	keyword
)

var kindNames = [...]string{"wording", "merchant", "brand", "keyword"}

// entry is one piece of knowledge. There are some 60,000.
type entry struct {
	name          string // the merchant
	rule          string
	places        *places // where it is known; nil: everywhere
	debit, credit int16   // categories, 0 if it says nothing of that direction
	kind          kind
	strength      uint8 // higher decides
	confidence    uint8 // percent
	doubtful      bool
}

// places is a set of country codes, a bit for each second letter by the first.
type places [26]uint32

func (p *places) add(code string) {
	if !isPlace(code) {
		panic(fmt.Sprintf("category: country %q", code))
	}
	p[code[0]-'a'] |= 1 << (code[1] - 'a')
}

func (p *places) has(code string) bool {
	return isPlace(code) && p[code[0]-'a']&(1<<(code[1]-'a')) != 0
}

func isPlace(code string) bool {
	return len(code) == 2 && 'a' <= min(code[0], code[1]) && max(code[0], code[1]) <= 'z'
}

// foreign tells that the entry is not of that country, which may be unknown.
func (e *entry) foreign(country string) bool {
	return e.places != nil && country != "" && !e.places.has(country)
}

// ref is an entry that a key stands for.
type ref struct {
	entry int32
	loose bool // the word may go on
}

// index finds all knowledge that a text touches.
type index struct {
	entries []entry
	refs    []ref
	groups  []int32 // where the refs of what a key stands for begin; they end where those of the next do
	heads   trie    // keys that begin where a word begins
	inner   trie    // keys inside words
	parts   trie    // words of shops, where they may be part of a longer word or an internet address
	names   map[string]bool
	noise   map[string]bool
	common  map[string]bool
}

// Strengths in their order; those without a letter are given by the code.
const (
	services = iota + 1
	foreignBrand
	leftOver
	compound
	weakBrand
	shopWord
	delivery
	knownBrand
	people
	shop
	bankWord
	settled
)

var strengths = map[byte]struct{ strength, confidence uint8 }{
	'S': {settled, 95}, 'A': {bankWord, 93}, 'B': {shop, 95}, 'T': {delivery, 93}, 'C': {shopWord, 80}, 'P': {people, 88}, 'D': {leftOver, 65}, 'E': {services, 55},
}

// groupsOf are names for countries that share chains and languages.
var groupsOf = map[string]string{
	"dach": "de at ch li", "benelux": "be nl lu", "nordic": "se no dk fi is", "baltic": "ee lv lt", "iberia": "es pt ad",
	"cee": "pl cz sk hu ro bg hr si rs ba mk me al ua md", "uki": "gb ie im je gg", "na": "us ca pr", "anz": "au nz",
	"german": "de at ch li lu be it", "french": "fr be ch lu mc ca ma tn dz sn ci", "english": "us ca gb ie au nz za in sg my ph hk ng ke gh mt",
	"latam": "mx ar br cl co pe uy ec cr pa gt do bo py ve", "asean": "sg my th id ph vn bn", "gulf": "ae sa qa kw bh om",
	"eu": "at be bg hr cy cz dk ee fi fr de gr hu ie it lv lt lu mt nl pl pt ro sk si es se no is ch li gb",
}

var tables = sync.OnceValue(func() *index {
	b := builder{heads: map[string][]ref{}, inner: map[string][]ref{}, parts: map[string][]ref{}, places: map[string]*places{}, x: &index{groups: []int32{0}}}
	b.x.names, b.x.noise, b.x.common = set(nameTable), set(noiseWords), set(commonTable)
	b.rows(wording, wordingTable)
	b.rows(merchant, merchantTable)
	b.rows(keyword, keywordTable)
	b.brands(brandTable)
	return b.index()
})

func set(text string) map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, w := range strings.Fields(line) {
			m[w] = true
		}
	}
	return m
}

type builder struct {
	x                   *index
	heads, inner, parts map[string][]ref
	places              map[string]*places // by the text of a column
}

// rows reads one of our own tables; they ship with the program, so a wrong line is a fault of ours and a test's matter.
func (b *builder) rows(k kind, table string) {
	number := 0
	for line := range strings.Lines(table) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 4 {
			panic(fmt.Sprintf("category: %s table, line %d: %d columns", kindNames[k], number, len(f)))
		}
		e := entry{kind: k, strength: strengths[f[0][0]].strength, confidence: strengths[f[0][0]].confidence}
		e.places = b.countries(f[2])
		if e.strength == 0 {
			panic(fmt.Sprintf("category: %s table, line %d: strength %q", kindNames[k], number, f[0]))
		}
		if len(f[0]) > 1 {
			percent, _ := strconv.Atoi(f[0][1:])
			e.confidence = uint8(percent)
		}
		out, in, both := strings.Cut(f[1], "/")
		if !both {
			in = out
		}
		debit, _ := strconv.Atoi(out)
		credit, _ := strconv.Atoi(in)
		e.debit, e.credit = int16(debit), int16(credit)
		for item := range strings.SplitSeq(f[3], ";") {
			item = strings.TrimSpace(item)
			if item == "" {
				continue
			}
			one, patterns := e, item
			if k == merchant {
				var given bool
				one.name, patterns, given = strings.Cut(item, "=")
				one.name, one.doubtful = strings.CutSuffix(one.name, "?")
				if !given {
					patterns = one.name
				}
			}
			for pattern := range strings.SplitSeq(patterns, "|") {
				one.rule = kindNames[k] + " " + strings.TrimSpace(pattern)
				b.add(pattern, one)
			}
		}
	}
}

// countries reads a column; equal ones are kept once.
func (b *builder) countries(names string) *places {
	if names == "*" {
		return nil
	}
	if known := b.places[names]; known != nil {
		return known
	}
	set := &places{}
	for _, c := range strings.FieldsFunc(names, func(r rune) bool { return r == ' ' || r == ',' }) {
		if group := groupsOf[c]; group != "" {
			for _, one := range strings.Fields(group) {
				set.add(one)
			}
		} else {
			set.add(c)
		}
	}
	b.places[names] = set
	return set
}

func (b *builder) add(pattern string, e entry) {
	pattern, vouched := strings.CutSuffix(strings.TrimSpace(pattern), "!")
	e.rule = strings.TrimSuffix(e.rule, "!")
	before, after := strings.HasPrefix(pattern, "*"), strings.HasSuffix(pattern, "*")
	if short := len(words(pattern)) <= 3; short && !vouched {
		switch {
		case e.kind == wording, e.kind == keyword:
			e.strength, e.confidence = services, 52
		case e.kind == merchant && e.places == nil && e.strength == shop:
			e.strength, e.confidence, e.doubtful = weakBrand, 60, true
		}
	} else if key := words(pattern); e.kind == merchant && !vouched && (b.x.common[key] || b.x.names[key]) {
		e.doubtful = true
	}
	b.x.entries = append(b.x.entries, e)
	r := ref{int32(len(b.x.entries) - 1), after}
	for _, key := range spellings(strings.Trim(pattern, "*")) {
		if key == "" {
			continue
		}
		put(b.heads, key, r)
		if before {
			put(b.inner, key, r)
		}
		if e.kind == keyword && e.strength == shopWord && len(key) >= 4 && !strings.Contains(key, " ") && !b.x.noise[key] {
			put(b.parts, key, r)
		}
		if glued := strings.ReplaceAll(key, " ", ""); glued != key && len(glued) >= 7 && (e.kind == merchant || e.kind == brand) {
			put(b.heads, glued, r)
		}
	}
}

func put(m map[string][]ref, key string, r ref) {
	if !slices.Contains(m[key], r) {
		m[key] = append(m[key], r)
	}
}

// brands reads the index that is made from the package. A brand that is one short or common word is weak evidence or none.
func (b *builder) brands(table string) {
	for line := range strings.Lines(table) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 3 || strings.HasPrefix(line, "#") {
			continue
		}
		id, _ := strconv.Atoi(f[0])
		e := entry{debit: int16(id), credit: int16(id), kind: brand, places: b.countries(f[1])}
		names := strings.Split(f[2], "|")
		e.name = names[0]
		for _, name := range names {
			key := words(name)
			one := e
			one.rule = "brand " + key
			ordinary, long := 0, 0
			all := strings.Fields(key)
			for _, w := range all {
				if b.x.common[w] || b.x.names[w] || b.x.noise[w] {
					ordinary++
				} else if len(w) >= 4 {
					long++
				}
			}
			switch {
			case len(key) < 4 || len(all) == ordinary && len(all) < 3, b.delivers(key):
				continue
			case len(all) == 1 && len(key) < 5 || long == 0, id/100 == 3 && len(all) == 1 && len(key) < 6:
				one.strength, one.confidence, one.doubtful = weakBrand, 62, true
			default:
				one.strength, one.confidence = knownBrand, 92
			}
			b.add(name, one)
		}
	}
}

// delivers tells whether a delivery service is called so: Just Eat lends bicycles, too.
func (b *builder) delivers(key string) bool {
	return slices.ContainsFunc(b.heads[key], func(r ref) bool { return b.x.entries[r.entry].strength == delivery })
}

func (b *builder) index() *index {
	b.x.heads = b.trie(b.heads)
	b.x.inner = b.trie(b.inner)
	b.x.parts = b.trie(b.parts)
	b.x.entries, b.x.refs, b.x.groups = slices.Clone(b.x.entries), slices.Clone(b.x.refs), slices.Clone(b.x.groups) // which fit
	return b.x
}

func (b *builder) trie(keys map[string][]ref) trie {
	values := make(map[string]int32, len(keys))
	for key, refs := range keys {
		values[key] = int32(len(b.x.groups) - 1)
		b.x.refs = append(b.x.refs, refs...)
		b.x.groups = append(b.x.groups, int32(len(b.x.refs)))
	}
	return newTrie(values)
}
