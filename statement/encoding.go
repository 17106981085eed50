package statement

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// charset is a character set of one byte a character: what the bytes from 0x80 on mean. A nil one is UTF-8.
type charset []rune

var (
	windows1252 = charset([]rune("€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ" +
		"\u00a0¡¢£¤¥¦§¨©ª«¬\u00ad®¯°±²³´µ¶·¸¹º»¼½¾¿" +
		"ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß" +
		"àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ"))
	windows1250 = charset([]rune("€\ufffd‚\ufffd„…†‡\ufffd‰Š‹ŚŤŽŹ\ufffd‘’“”•–—\ufffd™š›śťžź" +
		"\u00a0ˇ˘Ł¤Ą¦§¨©Ş«¬\u00ad®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľż" +
		"ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß" +
		"ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙"))
	latin2 = charset([]rune("\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd" +
		"\u00a0Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u00adŽŻ°ą˛ł´ľśˇ¸šşťź˝žż" +
		"ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß" +
		"ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙"))
	latin9 = charset([]rune("\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd" +
		"\u00a0¡¢£€¥Š§š©ª«¬\u00ad®¯°±²³Žµ¶·ž¹º»ŒœŸ¿" +
		"ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß" +
		"àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ"))
	dos = charset([]rune("ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒ" +
		"áíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐" +
		"└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀" +
		"ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0"))
)

// declared is the character set that a file names; false where we do not know it.
func declared(name string) (charset, bool) {
	switch strings.ToUpper(strings.NewReplacer("-", "", "_", "", " ", "").Replace(name)) {
	case "1252", "WINDOWS1252", "CP1252", "ISO88591", "88591", "LATIN1":
		return windows1252, true // a superset of what people mean by Latin-1
	case "ISO885915", "885915", "LATIN9":
		return latin9, true
	case "1250", "WINDOWS1250", "CP1250":
		return windows1250, true
	case "ISO88592", "LATIN2":
		return latin2, true
	case "CP850", "IBM850", "850":
		return dos, true
	}
	return nil, false
}

// survey is what one look at all bytes of a file tells.
type survey struct {
	head    string // the first bytes, in UTF-8
	lines   int
	set     charset
	wide    int  // 1 or 2 for UTF-16, little or big end first
	cr      bool // some lines end with CR alone
	refused *Rejected
}

// signatures are the first bytes of files that people take for statements.
var signatures = []struct{ magic, what string }{
	{"\xd0\xcf\x11\xe0", "an old Excel or Word document; save it as CSV"}, {"\x1f\x8b", "packed with gzip; unpack it"},
	{"7z\xbc\xaf", "packed with 7-Zip; unpack it or use zip"}, {"Rar!", "packed with RAR; unpack it or use zip"},
	{"PK\x03\x04", "a zip in a zip; unpack it"}, {"PK\x05\x06", "a zip in a zip; unpack it"}, {"\x89PNG", "a picture"}, {"\xff\xd8\xff", "a picture"}, {"GIF8", "a picture"}, {"SQLite format 3", "a database"},
}

// surveyOf reads everything once.
func surveyOf(in io.Reader) (survey, error) {
	const head = 16 << 10
	var s survey
	var high [256]int
	var first []byte
	buf := make([]byte, 64<<10)
	valid, lf, cr, open, total, blank := true, 0, 0, 0, 0, true // open: CRs that an LF may follow
	var carry []byte                                            // the beginning of a character that the next bytes end
	for {
		n, err := in.Read(buf)
		b := buf[:n]
		if total += n; total > MaxFile {
			s.refused = refuse(1, "The file has more than %d MiB", MaxFile>>20)
			return s, nil
		}
		if len(first) < head {
			first = append(first, b[:min(len(b), head-len(first))]...)
			s.wide = wide(first)
		}
		ascii := true
		for i, c := range b {
			if c > 0 && c != '\r' {
				if c != '\n' {
					cr += open
				}
				open = 0
			}
			switch {
			case c == '\n':
				lf++
			case c == '\r':
				open++
			case c == 0 && s.wide == 0:
				s.refused = refuse(lf+1, "The file holds a NUL byte: it is no text file")
				for _, m := range signatures {
					if strings.HasPrefix(string(first), m.magic) {
						s.refused = refuse(1, "The file is %s", m.what)
					}
				}
				return s, nil
			case c >= 0x80:
				ascii = false
				high[c]++
			}
			blank = blank && (b[i] <= ' ')
		}
		if valid && (!ascii || len(carry) > 0) {
			all := append(carry, b...)
			end := len(all)
			for end > 0 && end > len(all)-utf8.UTFMax && !utf8.RuneStart(all[end-1]) {
				end--
			}
			if end > 0 && !utf8.FullRune(all[end-1:]) {
				end--
			} else {
				end = len(all)
			}
			valid = utf8.Valid(all[:end])
			carry = append([]byte(nil), all[end:]...)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return s, err
		}
	}
	valid = valid && len(carry) == 0
	cr += open
	s.lines, s.cr = lf+cr, cr > 0
	for _, m := range signatures {
		if strings.HasPrefix(string(first), m.magic) {
			s.refused = refuse(1, "The file is %s", m.what)
			return s, nil
		}
	}
	if blank && s.wide == 0 {
		s.refused = refuse(1, "The file is empty")
		return s, nil
	}
	if !valid && s.wide == 0 {
		s.set = guess(&high, string(first))
	}
	text := make([]byte, 2*head)
	n, _ := io.ReadFull(s.decode(strings.NewReader(string(first))), text)
	s.head = string(text[:n])
	return s, nil
}

// wide recognises UTF-16 by its mark, or by every second byte being 0.
func wide(b []byte) int {
	switch {
	case len(b) < 4:
		return 0
	case b[0] == 0xFF && b[1] == 0xFE, b[0] != 0 && b[1] == 0 && b[2] != 0 && b[3] == 0:
		return 1
	case b[0] == 0xFE && b[1] == 0xFF, b[0] == 0 && b[1] != 0 && b[2] == 0 && b[3] != 0:
		return 2
	}
	return 0
}

// guess chooses the character set of a file that is not UTF-8: the one that it names, or by the bytes that it has.
func guess(high *[256]int, head string) charset {
	for _, mark := range []string{"encoding=\"", "encoding='", "CHARSET:"} {
		if _, after, ok := strings.Cut(head[:min(len(head), 1000)], mark); ok {
			name := after[:max(0, strings.IndexAny(after+"\"", "\"'\r\n<"))]
			if set, ok := declared(name); ok {
				return set
			}
		}
	}
	sum := func(from, to int) (n int) {
		for _, c := range high[from : to+1] {
			n += c
		}
		return n
	}
	// In SWIFT files of old programs ä is 0x84, ü is 0x81, á is 0xA0; in all the others letters begin at 0xC0.
	if strings.Contains(head, ":20:") && high[0x81]+high[0x82]+high[0x84]+high[0x8E]+high[0x94]+high[0x99]+high[0x9A]+sum(0xA0, 0xA3) > sum(0xC0, 0xFF) {
		return dos
	}
	// In Polish ą, ż, Ż, Ą, Ź and ł are what is ¹, ¿, ¯, ¥, nothing and ³ elsewhere; ISO 8859-2 has ± for ą and ¶ for ś.
	western := sum(0xC0, 0xFF)
	for _, both := range "ÓóĆćĘęŃń" {
		western -= high[0x80+slices.Index(windows1250, both)]
	}
	if polish := high[0xB9] + high[0xBF] + high[0xAF] + high[0xA5] + high[0x8F] + high[0xB1]; polish > 0 && polish+high[0xB3] > western {
		if high[0xB1]+high[0xB6] > high[0xB9]+high[0x9C] {
			return latin2
		}
		return windows1250
	}
	if high[0xA4] > 0 && sum(0x80, 0x9F) == 0 {
		return latin9 // the euro sign
	}
	return windows1252
}

// decode turns the bytes of the file into UTF-8 with lines that end with LF, without a byte order mark.
func (s survey) decode(in io.Reader) io.Reader {
	return &decoder{in: in, survey: s, raw: make([]byte, 32<<10), start: true}
}

type decoder struct {
	survey
	in    io.Reader
	raw   []byte
	kept  int    // bytes of raw that wait for the rest of their character
	out   []byte // what was decoded and not yet asked for
	buf   []byte
	start bool
	err   error
	lead  rune // the first half of a surrogate pair
	crs   int  // that wait for what follows them
	ends  []byte
}

func (d *decoder) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		n, err := d.in.Read(d.raw[d.kept:])
		d.err = err
		b := d.raw[:d.kept+n]
		d.kept = 0
		switch {
		case d.wide > 0:
			d.out = d.utf16(b)
		case d.set != nil:
			d.buf = d.buf[:0]
			for _, c := range b {
				if c < 0x80 {
					d.buf = append(d.buf, c)
				} else {
					d.buf = utf8.AppendRune(d.buf, d.set[c-0x80])
				}
			}
			d.out = d.buf
		default:
			d.out = b
			if d.start && len(b) < 3 && d.err == nil {
				d.kept, d.out = len(b), nil
				continue
			}
		}
		if d.start && len(d.out) > 0 {
			d.start = false
			if len(d.out) >= 3 && string(d.out[:3]) == "\ufeff" {
				d.out = d.out[3:]
			}
		}
		if d.cr {
			d.out = d.lineEnds(d.out)
		}
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// lineEnds makes a CR that no LF follows a line end of its own.
func (d *decoder) lineEnds(b []byte) []byte {
	d.ends = d.ends[:0]
	for _, c := range b {
		if c == '\r' {
			d.crs++
			continue
		}
		for ; d.crs > 0 && c != '\n'; d.crs-- {
			d.ends = append(d.ends, '\n')
		}
		d.crs = 0
		d.ends = append(d.ends, c)
	}
	for ; d.crs > 0 && d.err == io.EOF; d.crs-- {
		d.ends = append(d.ends, '\n')
	}
	return d.ends
}

func (d *decoder) utf16(b []byte) []byte {
	d.buf = d.buf[:0]
	i := 0
	for ; i+1 < len(b); i += 2 {
		r := rune(b[i]) | rune(b[i+1])<<8
		if d.wide == 2 {
			r = rune(b[i+1]) | rune(b[i])<<8
		}
		switch {
		case r >= 0xD800 && r < 0xDC00:
			d.lead = r
			continue
		case r >= 0xDC00 && r < 0xE000 && d.lead != 0:
			r = (d.lead-0xD800)<<10 | (r - 0xDC00) + 0x10000
		case r == 0:
			r = utf8.RuneError
		}
		d.lead = 0
		d.buf = utf8.AppendRune(d.buf, r)
	}
	d.kept = copy(d.raw, b[i:])
	return d.buf
}
