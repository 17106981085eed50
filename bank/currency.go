package bank

import (
	"strings"

	"insightgraph/fault"
)

// Currency is an ISO 4217 code.
type Currency string

// minorDigits holds the currencies whose minor unit is not a hundredth (ISO 4217 list one); all others have two digits.
var minorDigits = map[Currency]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0, "UYI": 0,
	"VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
	"CLF": 4, "UYW": 4,
}

const twoDigits = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW " +
	"CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR " +
	"JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR " +
	"NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY " +
	"TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG ZWL"

var currencies = func() map[Currency]int {
	all := make(map[Currency]int, 180)
	for _, code := range strings.Fields(twoDigits) {
		all[Currency(code)] = 2
	}
	for code, n := range minorDigits {
		all[code] = n
	}
	return all
}()

// Digits is the number of digits after the point that amounts in this currency have, and whether the currency exists.
// Codes that went out of use after 2020 are kept, since account histories hold them.
func (c Currency) Digits() (int, bool) {
	n, ok := currencies[c]
	return n, ok
}

// ParseCurrency reads an ISO 4217 code; it must be written in capitals.
func ParseCurrency(field, s string) (Currency, *fault.Error) {
	if _, ok := currencies[Currency(s)]; !ok {
		return "", fault.Invalid(field, "Invalid value for %s; use an ISO 4217 code such as EUR", leaf(field))
	}
	return Currency(s), nil
}

// leaf is the last step of a field path, for sentences.
func leaf(field string) string { return field[strings.LastIndexByte(field, '.')+1:] }
