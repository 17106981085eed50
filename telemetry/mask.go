package telemetry

import (
	"bytes"
	"regexp"
)

// Mask replaces what must not be written down: IBANs by their country and last four characters, numbers of cards by their
// last four digits, bearer tokens, secrets and passwords in addresses by nothing. Names and amounts it does not know:
// nobody hands them to a log in the first place.
func Mask(text string) string { return string(mask([]byte(text), true)) }

// What is told by the words around it, or by how it begins.
var (
	told     = regexp.MustCompile(`(?i)(bearer|basic)((?:\s|%20|\+)+)[a-z0-9._~+/=-]{16,}`)
	signed   = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){1,4}`)
	webhook  = regexp.MustCompile(`whsec_[A-Za-z0-9+/=]{8,}`)
	password = regexp.MustCompile(`://[^\s:/@"]*:[^\s@"]+@`)
)

// mask works on text, or on a line of JSON, where a number may stand outside of quotes.
func mask(b []byte, quoted bool) []byte {
	b = told.ReplaceAll(b, []byte("$1$2***"))
	b = signed.ReplaceAll(b, []byte("***"))
	b = webhook.ReplaceAll(b, []byte("whsec_***"))
	b = password.ReplaceAll(b, []byte("://***@"))
	var out []byte
	kept := 0  // what stands before is in out
	begin := 0 // of what a secret is made of: letters, digits, - and _
	put := func(from, to int, instead string) {
		out = append(out, b[kept:from]...)
		if !quoted {
			instead = `"` + instead + `"`
		}
		out = append(out, instead...)
		kept = to
	}
	for i := 0; i < len(b); {
		if i == begin {
			n := 0
			for i+n < len(b) && (isWord(b[i+n]) || b[i+n] == '-' || b[i+n] == '_') {
				n++
			}
			if isSecret(b[i : i+n]) {
				put(i, i+n, "***")
				i += n
				continue
			}
		}
		if !isWord(b[i]) {
			switch {
			case b[i] == '\\' && i+1 < len(b) && (b[i+1] == '"' || b[i+1] == '\\'):
				i++
			case b[i] == '"':
				quoted = !quoted
			}
			if b[i] != '-' && b[i] != '_' {
				begin = i + 1
			}
			i++
			continue
		}
		if i > 0 && b[i-1] == '\\' && bytes.IndexByte([]byte("nrtbf"), b[i]) >= 0 { // the letter of an escape is no part of the word
			i++
			begin = i
			continue
		}
		if n, short := iban(b[i:]); n > 0 {
			put(i, i+n, short)
			i += n
			continue
		}
		if n := card(b[i:]); n > 0 && (i == 0 || b[i-1] != '.') {
			last := bytes.Map(digitsOnly, b[i:i+n])
			put(i, i+n, "****"+string(last[len(last)-4:]))
			i += n
			continue
		}
		n := 1
		for i+n < len(b) && isWord(b[i+n]) {
			n++
		}
		i += n
	}
	if out == nil {
		return b
	}
	return append(out, b[kept:]...)
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func digitsOnly(r rune) rune {
	if r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// isSecret tells whether a word is a secret of 256 bits as this program writes them: tokens, client secrets.
func isSecret(word []byte) bool {
	if len(word) != 43 {
		return false
	}
	var upper, lower, digit bool
	for _, c := range word {
		upper, lower, digit = upper || c >= 'A' && c <= 'Z', lower || c >= 'a' && c <= 'z', digit || c >= '0' && c <= '9'
	}
	return upper && lower && digit
}

// iban is the length of the IBAN that a text begins with and what is shown of it; 0 where it begins with none.
func iban(b []byte) (length int, short string) {
	if len(b) < 15 || b[2] < '0' || b[2] > '9' || b[3] < '0' || b[3] > '9' {
		return 0, ""
	}
	want := ibanLengths[string(bytes.ToUpper(b[:2]))]
	var all [34]byte
	n, i := 0, 0
	for ; n < want && i < len(b); i++ {
		switch {
		case isWord(b[i]):
			all[n] = b[i]
			n++
		case (b[i] == ' ' || b[i] == '-' || b[i] == '.') && i > 3 && isWord(b[i-1]):
		default:
			return 0, ""
		}
	}
	if want == 0 || n < want || i < len(b) && isWord(b[i]) {
		return 0, ""
	}
	rest := 0 // of the division by 97, with the first four characters at the end
	for k := range n {
		switch c := all[(k+4)%n]; {
		case c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		default:
			rest = (rest*100 + int(c|0x20-'a') + 10) % 97
		}
	}
	if rest != 1 {
		return 0, ""
	}
	return i, string(bytes.ToUpper(all[:2])) + "****" + string(all[n-4:n])
}

// card is the length of the number of a payment card that a text begins with, 0 where it begins with none.
func card(b []byte) (length int) {
	if b[0] < '2' || b[0] > '6' {
		return 0
	}
	var all []byte
	for i := 0; i < len(b) && len(all) < 19; i++ {
		switch {
		case b[i] >= '0' && b[i] <= '9':
			all = append(all, b[i])
			if len(all) >= 13 && (i+1 == len(b) || !isWord(b[i+1])) && luhn(all) {
				length = i + 1
			}
		case (b[i] == ' ' || b[i] == '-') && b[i-1] >= '0' && b[i-1] <= '9':
		default:
			return length
		}
	}
	return length
}

func luhn(digits []byte) bool {
	sum := 0
	for i, c := range digits {
		d := int(c - '0')
		if (len(digits)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// ibanLengths are those of ISO 13616's registry.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28, "CH": 21,
	"CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18,
	"FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23,
	"IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
	"MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28,
	"PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
	"SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}
