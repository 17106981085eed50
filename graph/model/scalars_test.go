package model

import (
	"encoding/json"
	"testing"
)

// A JSON number is taken by its value, however it is written, and never rounded.
func TestNumbers(t *testing.T) {
	for number, want := range map[string]string{
		"1e1": "10", "1E+3": "1000", "1.25e2": "125", "125e-2": "1.25", "-1e0": "-1", "0.1": "0.1",
		"1e16": "", "1e999999999": "", "1e-999999999": "", "1e-30": "", "1.00000000000000000001e1": "", "1.00000000000000000001": "",
	} {
		d, err := UnmarshalDecimal(json.Number(number))
		if (err == nil) != (want != "") || err == nil && d.String() != want {
			t.Errorf("%s is %s, %v", number, d, err)
		}
	}
}
