package connect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Directory finds banks over all connectors.
type Directory struct {
	banks      []Bank
	connectors map[string]Connector // by bank code
}

// NewDirectory joins connectors. Two banks of one code are an error.
func NewDirectory(all ...Connector) (*Directory, error) {
	d := &Directory{connectors: map[string]Connector{}}
	for _, c := range all {
		for _, b := range c.Banks() {
			if other, twice := d.connectors[b.Code]; twice {
				return nil, fmt.Errorf("the bank code %q is in %s and in %s", b.Code, other.Name(), c.Name())
			}
			d.connectors[b.Code] = c
			d.banks = append(d.banks, b)
		}
	}
	slices.SortFunc(d.banks, func(a, b Bank) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Code, b.Code)) })
	return d, nil
}

// Find is the bank of a code and its connector.
func (d *Directory) Find(code string) (Bank, Connector, bool) {
	i := slices.IndexFunc(d.banks, func(b Bank) bool { return b.Code == code })
	if i < 0 {
		return Bank{}, nil, false
	}
	return d.banks[i], d.connectors[code], true
}

// Bank is the bank of a code.
func (d *Directory) Bank(code string) (Bank, bool) {
	b, _, ok := d.Find(code)
	return b, ok
}

// Search lists the banks whose name or code holds all the words, in a country where one is given, by name.
func (d *Directory) Search(text, country string) []Bank {
	found := []Bank{}
	words := strings.Fields(strings.ToLower(text))
	for _, b := range d.banks {
		hay := strings.ToLower(b.Name + " " + b.Code)
		if (country == "" || strings.EqualFold(country, b.Country)) && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(hay, w) }) {
			found = append(found, b)
		}
	}
	return found
}

// Countries lists the banks' countries.
func (d *Directory) Countries() []string {
	var all []string
	for _, b := range d.banks {
		all = append(all, b.Country)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
