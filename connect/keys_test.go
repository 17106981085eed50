package connect

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

func keysOf(t *testing.T, texts ...string) Keys {
	t.Helper()
	k, err := ParseKeys(strings.Join(texts, " , "))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeys(t *testing.T) {
	first, second, text := NewKey(), NewKey(), []byte("a secret")
	old := keysOf(t, first)
	place := ConsentPlace(1, 2)
	sealed := old.Seal(text, place)
	if bytes.Contains(sealed, text) || bytes.Equal(sealed, old.Seal(text, place)) {
		t.Error("sealed twice alike, or readable")
	}
	if got, err := old.Open(sealed, place); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := old.Open(old.Seal(nil, place), place); err != nil || len(got) != 0 {
		t.Errorf("nothing: %q, %v", got, err)
	}
	for name, bad := range map[string]struct {
		k      Keys
		sealed []byte
		place  string
	}{
		"another row":      {old, sealed, ConsentPlace(1, 3)},
		"another customer": {old, sealed, ConsentPlace(2, 2)},
		"another table":    {old, sealed, DialogPlace(1, 2)},
		"another key":      {keysOf(t, second), sealed, place},
		"no keys":          {nil, sealed, place},
		"nothing":          {old, nil, place},
		"its head alone":   {old, sealed[:5], place},
		"cut off":          {old, sealed[:len(sealed)-1], place},
		"changed":          {old, append(slices.Clone(sealed[:len(sealed)-1]), sealed[len(sealed)-1]^1), place},
		"another version":  {old, append([]byte{2}, sealed[1:]...), place},
	} {
		if got, err := bad.k.Open(bad.sealed, bad.place); !errors.Is(err, ErrKey) || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	// Rotation: the new key comes first; what the old one sealed opens, and is told apart.
	both := keysOf(t, second, first)
	if got, err := both.Open(sealed, place); err != nil || !bytes.Equal(got, text) || both.Current(sealed) || !old.Current(sealed) {
		t.Errorf("with the old key behind: %q, %v, current %v", got, err, both.Current(sealed))
	}
	again := both.Seal(text, place)
	if got, err := keysOf(t, second).Open(again, place); err != nil || !bytes.Equal(got, text) || !both.Current(again) {
		t.Errorf("sealed anew: %q, %v", got, err)
	}
	if both.Current(nil) || both.Current(again[:4]) {
		t.Error("nothing is current")
	}
	for _, bad := range []string{"", "x", "c2hvcnQ=", first + ",", first + "," + first[:20]} {
		if k, err := ParseKeys(bad); err == nil || k != nil || len(bad) > 8 && strings.Contains(err.Error(), bad[:8]) {
			t.Errorf("%q: %v, %v", bad, k, err)
		}
	}
}

func TestToken(t *testing.T) {
	one, two := NewToken(), NewToken()
	if one.Text == two.Text || one.Handle == two.Handle || bytes.Equal(one.Hash, two.Hash) {
		t.Error("two tokens are alike")
	}
	handle, hash, ok := ReadToken(one.Text)
	if !ok || handle != one.Handle || !bytes.Equal(hash, one.Hash) || len(one.Hash) != 32 {
		t.Errorf("%q %x %v", handle, hash, ok)
	}
	if strings.Contains(one.Text, string(one.Hash)) || strings.Trim(one.Text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		t.Error("a token is made for addresses")
	}
	for _, bad := range []string{"", ".", one.Handle, one.Handle + ".", one.Text + "x", one.Text[1:], "." + one.Text, strings.Replace(one.Text, ".", "", 1), strings.Repeat("x", 66)} {
		if _, _, ok := ReadToken(bad); ok {
			t.Errorf("%q is a token", bad)
		}
	}
	if _, hash, _ := ReadToken(one.Handle + "." + two.Text[23:]); bytes.Equal(hash, one.Hash) {
		t.Error("another's secret")
	}
}

// bankList is a connector that only has banks.
type bankList struct {
	Connector
	name  string
	banks []Bank
}

func (l bankList) Name() string  { return l.name }
func (l bankList) Banks() []Bank { return l.banks }

func TestDirectory(t *testing.T) {
	a := bankList{name: "a", banks: []Bank{{"z-de", "Zebra Bank", "DE", true}, {"s-at", "Sparkasse Österreich", "AT", false}}}
	b := bankList{name: "b", banks: []Bank{{"s-de", "Sparkasse Berlin", "DE", true}, {"s-2", "Sparkasse Berlin", "DE", true}}}
	d, err := NewDirectory(a, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, country, want string }{
		{"", "", "s-2 s-de s-at z-de"}, {"SPARK", "", "s-2 s-de s-at"}, {"berlin spark", "", "s-2 s-de"}, {"spark", "at", "s-at"}, {"österreich", "", "s-at"},
		{"z-de", "", "z-de"}, {"zebra", "AT", ""}, {"  ", "DE", "s-2 s-de z-de"}, {"none", "", ""},
	} {
		var codes []string
		for _, b := range d.Search(c.text, c.country) {
			codes = append(codes, b.Code)
		}
		if got := strings.Join(codes, " "); got != c.want {
			t.Errorf("%q in %q: %s, want %s", c.text, c.country, got, c.want)
		}
	}
	if d.Search("none", "") == nil {
		t.Error("a list of nothing is a list")
	}
	if got := d.Countries(); !slices.Equal(got, []string{"AT", "DE"}) {
		t.Error(got)
	}
	if found, c, ok := d.Find("s-de"); !ok || found.Name != "Sparkasse Berlin" || c.Name() != "b" {
		t.Error(found, c, ok)
	}
	if _, ok := d.Bank("x"); ok {
		t.Error("an unknown bank is there")
	}
	if _, err := NewDirectory(a, b, bankList{name: "c", banks: []Bank{{Code: "s-2"}}}); err == nil || !strings.Contains(err.Error(), `"s-2" is in b and in c`) {
		t.Error(err)
	}
}

// TestSentences reads the constants from their source: each has its own words in both languages.
func TestSentences(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "problem.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []Category
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == "Category" {
				text, _ := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				all = append(all, Category(text))
			}
		}
		return true
	})
	if len(all) < 15 {
		t.Fatalf("found %d categories", len(all))
	}
	tops := []string{"USER", "BANK", "CONSENT", "NOT_SUPPORTED", "MAINTENANCE", "TECHNICAL"}
	seen := map[string]Category{}
	for _, c := range all {
		both, ok := sentences[c]
		if !ok || !slices.Contains(tops, c.Top()) {
			t.Errorf("%s has no sentences, or an unknown top", c)
		}
		for i, s := range both {
			if len(s) < 20 || !strings.HasSuffix(s, ".") || !unicode.IsUpper([]rune(s)[0]) || seen[s] != "" {
				t.Errorf("%s: %q, as of %s", c, s, seen[s])
			}
			seen[s] = c
			if got := c.Sentence([]string{"en", "de"}[i]); got != s {
				t.Errorf("%s: %q", c, got)
			}
		}
		if c.Message() != both[0] || c.Sentence("fr") != both[0] || c.Sentence("") != both[0] || c.Name() != string(c) {
			t.Errorf("%s: the API speaks English", c)
		}
	}
	for _, top := range tops {
		if _, ok := sentences[Category(top)]; !ok {
			t.Errorf("%s has no sentences", top)
		}
	}
	for made, want := range map[Category]Category{"USER.NEW": "USER", "USER.CREDENTIALS.PIN": UserCredentials, "BANK.X.Y": "BANK", "MAINTENANCE.NIGHT": Maintenance,
		"NOT_SUPPORTED.X": NotSupported, "SOMETHING": Technical, "": Technical, "CONSENT.NEW": "CONSENT"} {
		for i, language := range []string{"en", "de"} {
			if got := made.Sentence(language); got != sentences[want][i] {
				t.Errorf("%s: %q, want that of %s", made, got, want)
			}
		}
	}
}
