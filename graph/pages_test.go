package graph

import "testing"

// TestCursorKeys: a cursor of one list is none of another.
func TestCursorKeys(t *testing.T) {
	fits := map[string]func(string) bool{"id": byID, "day": byDay, "bank": byBank, "insight": byInsight}
	for key, list := range map[string]string{"": "id", "2026-01-05": "day", "Demo\tdemo": "bank", "SPENDING_AND_EARNING_COMPARISON": "insight",
		"2026-01-05T00:00:00Z": "", "Demo\tde\x00mo": "", "A name": "", "spending": "", "SPENDING\n": "", "2_DAYS": ""} {
		for name, fit := range fits {
			if fit(key) != (name == list) {
				t.Errorf("%q is a key of the list by %s: %t", key, name, fit(key))
			}
		}
	}
}
