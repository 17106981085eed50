package plan

import (
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

// Each byte, at each place beside the eights that are looked at together, is written as gqlgen writes it.
func TestString(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range rune(0x100) {
				s := strings.Repeat("a", at) + string(c) + strings.Repeat("é", length-at-1)
				if got, want := string(String(nil, s)), string(Marshaler(nil, graphql.MarshalString(s))); got != want {
					t.Fatalf("%q: %s, want %s", s, got, want)
				}
			}
		}
	}
}
