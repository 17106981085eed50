package category

import "unicode/utf8"

// fold writes the text as lower-case Latin words and numbers, each with a space before it and one after the last: accents
// go, Cyrillic and Greek are transliterated, apostrophes vanish, & and a + between letters become "and", and a word ends
// where digits begin. Everything else separates. Patterns are folded by the same function, so both sides agree.
func fold(dst []byte, s string) []byte {
	if len(dst) == 0 {
		dst = append(dst, ' ')
	}
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case 'a' <= c && c <= 'z':
				dst = letter(dst, c)
			case 'A' <= c && c <= 'Z':
				dst = letter(dst, c|0x20)
			case '0' <= c && c <= '9':
				if n := len(dst); dst[n-1] >= 'a' {
					dst = append(dst, ' ')
				}
				dst = append(dst, c)
			case c == '\'' || c == '`':
			case c == '&', c == '+' && i > 1 && i < len(s) && isLetter(s[i-2]) && isLetter(s[i]):
				dst = space(dst)
				dst = append(dst, "and "...)
			default:
				dst = space(dst)
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch to := latin(r); {
		case to != "":
			for j := 0; j < len(to); j++ {
				dst = letter(dst, to[j])
			}
		case r == '’' || r == '‘' || r == '´' || r == '\u00ad' || 0x300 <= r && r <= 0x36f || r == 'ь' || r == 'ъ' || r == 'Ь' || r == 'Ъ':
		default:
			dst = space(dst)
		}
	}
	return space(dst)
}

func letter(dst []byte, c byte) []byte {
	if p := dst[len(dst)-1]; '0' <= p && p <= '9' {
		dst = append(dst, ' ')
	}
	return append(dst, c)
}

func space(dst []byte) []byte {
	if dst[len(dst)-1] != ' ' {
		dst = append(dst, ' ')
	}
	return dst
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c >= utf8.RuneSelf }

// latin is how a letter beyond ASCII is written in Latin letters, "" if it is none that we know.
func latin(r rune) string {
	switch {
	case 0xc0 <= r && r < 0x180:
		return latinExtended[r-0xc0]
	case 0x386 <= r && r < 0x460:
		return otherScripts[r]
	case r == 'ș' || r == 'Ș':
		return "s"
	case r == 'ț' || r == 'Ț':
		return "t"
	}
	return ""
}

var latinExtended = func() (table [0x180 - 0xc0]string) {
	for to, letters := range map[string]string{
		"a": "àáâãäåāăąÀÁÂÃÄÅĀĂĄ", "ae": "æÆ", "c": "çćĉċčÇĆĈĊČ", "d": "ďđðĎĐÐ", "e": "èéêëēĕėęěÈÉÊËĒĔĖĘĚ", "g": "ĝğġģĜĞĠĢ",
		"h": "ĥħĤĦ", "i": "ìíîïĩīĭįıÌÍÎÏĨĪĬĮİ", "j": "ĵĴ", "k": "ķĸĶ", "l": "ĺļľŀłĹĻĽĿŁ", "n": "ñńņňŋÑŃŅŇŊ", "o": "òóôõöøōŏőÒÓÔÕÖØŌŎŐ",
		"oe": "œŒ", "r": "ŕŗřŔŖŘ", "s": "śŝşšŚŜŞŠ", "ss": "ß", "t": "ţťŧŢŤŦ", "th": "þÞ", "u": "ùúûüũūŭůűųÙÚÛÜŨŪŬŮŰŲ", "w": "ŵŴ",
		"y": "ýÿŷÝŶŸ", "z": "źżžŹŻŽ",
	} {
		for _, r := range letters {
			table[r-0xc0] = to
		}
	}
	return table
}()

var otherScripts = func() map[rune]string {
	m := map[rune]string{}
	for to, letters := range map[string]string{
		"a": "аАαάΑΆ", "b": "бБ", "v": "вВβΒ", "g": "гГґҐγΓ", "d": "дДδΔ", "e": "еёэєЕЁЭЄεέΕΈ", "zh": "жЖ", "z": "зЗζΖ",
		"i": "иіїИІЇηήιίϊΐΗΉΙΊ", "y": "йыЙЫυύϋΥΎ", "k": "кКκΚ", "l": "лЛλΛ", "m": "мМμΜ", "n": "нНνΝ", "o": "оОοόωώΟΌΩΏ", "p": "пПπΠ",
		"r": "рРρΡ", "s": "сСσςΣ", "t": "тТτΤ", "u": "уУ", "f": "фФφΦ", "kh": "хХ", "ts": "цЦ", "ch": "чЧχΧ", "sh": "шШ", "sht": "щЩ",
		"yu": "юЮ", "ya": "яЯ", "th": "θΘ", "x": "ξΞ", "ps": "ψΨ", "j": "јЈ", "lj": "љЉ", "nj": "њЊ", "c": "ћЋ", "dj": "ђЂ", "dz": "џЏ",
	} {
		for _, r := range letters {
			m[r] = to
		}
	}
	return m
}()

// spellings are the ways in which a pattern may stand in bank text: banks write ü as u or as ue.
func spellings(pattern string) []string {
	plain := words(pattern)
	var other []byte
	for _, r := range pattern {
		switch r {
		case 'ä', 'Ä', 'æ', 'Æ':
			other = append(other, "ae"...)
		case 'ö', 'Ö', 'ø', 'Ø':
			other = append(other, "oe"...)
		case 'ü', 'Ü':
			other = append(other, "ue"...)
		case 'å', 'Å':
			other = append(other, "aa"...)
		default:
			other = utf8.AppendRune(other, r)
		}
	}
	if long := words(string(other)); long != plain {
		return []string{plain, long}
	}
	return []string{plain}
}

// words is the folded text without the spaces around it.
func words(s string) string {
	b := fold(nil, s)
	if len(b) < 2 {
		return ""
	}
	return string(b[1 : len(b)-1])
}
