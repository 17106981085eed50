package statement

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The limits on XML and SGML.
const (
	maxToken = 256 << 10 // bytes of one tag or text
	maxDepth = 64
)

// markup cuts XML, or the SGML of OFX 1, into tags and texts. It knows the five entities of XML and numbers, and no
// others: a document type, which could define some, is refused.
type markup struct {
	in   *bufio.Reader
	name string // of the file in errors
	line int    // where the reader stands
	sgml bool   // & and < may stand for themselves
	buf  []byte
}

type kind byte

const (
	textToken kind = iota
	openToken
	closeToken
	emptyToken // <name/>
)

// token is good until the next one is read.
type token struct {
	kind  kind
	name  []byte // without its namespace
	attrs []byte
	text  []byte
	line  int
}

func newMarkup(r io.Reader, name string, sgml bool) *markup {
	return &markup{in: bufio.NewReaderSize(r, 64<<10), name: name, line: 1, sgml: sgml}
}

func (m *markup) refuse(line int, message string) error { return &Rejected{m.name, line, message} }

// until reads up to and with end; io.EOF if it does not come. skip throws away what was read and knows no limit.
func (m *markup) until(end byte, limit int, skip bool) ([]byte, error) {
	b, err := m.in.ReadSlice(end)
	m.line += bytes.Count(b, []byte{'\n'})
	if err == nil {
		return b, nil
	}
	m.buf = append(m.buf[:0], b...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(m.buf) > limit {
			return nil, m.refuse(m.line, "A tag or text is longer than "+strconv.Itoa(maxToken>>10)+" KiB")
		}
		b, err = m.in.ReadSlice(end)
		m.line += bytes.Count(b, []byte{'\n'})
		if skip {
			m.buf = m.buf[:0]
		}
		m.buf = append(m.buf, b...)
	}
	return m.buf, err
}

// next gives the next token that is not a comment or an instruction.
func (m *markup) next() (token, error) {
	for {
		line := m.line
		c, err := m.in.ReadByte()
		if err != nil {
			return token{}, err
		}
		if c != '<' {
			m.in.UnreadByte()
			b, err := m.until('<', maxToken, false)
			if err != nil && (err != io.EOF || len(b) == 0) {
				return token{}, err
			}
			if err == nil {
				m.in.UnreadByte()
				b = b[:len(b)-1]
			}
			return token{kind: textToken, text: b, line: line}, nil
		}
		ahead, _ := m.in.Peek(8)
		switch {
		case bytes.HasPrefix(ahead, []byte("!--")):
			if err := m.skip("-->"); err != nil {
				return token{}, m.cut(err)
			}
			continue
		case bytes.HasPrefix(ahead, []byte("?")):
			if err := m.skip("?>"); err != nil {
				return token{}, m.cut(err)
			}
			continue
		case bytes.HasPrefix(ahead, []byte("![CDATA[")):
			m.in.Discard(8)
			var text []byte
			for !bytes.HasSuffix(text, []byte("]]>")) {
				b, err := m.until('>', maxToken, false)
				if err != nil {
					return token{}, m.cut(err)
				}
				if text = append(text, b...); len(text) > maxToken {
					return token{}, m.refuse(m.line, "A text is too long")
				}
			}
			return token{kind: textToken, text: escape(text[:len(text)-3]), line: line}, nil
		case bytes.HasPrefix(ahead, []byte("!")):
			return token{}, m.refuse(line, "A document type or its entities are not allowed (<!…>)")
		case m.sgml && (len(ahead) == 0 || ahead[0] != '/' && !letter(ahead[0])):
			return token{kind: textToken, text: []byte("&lt;"), line: line}, nil
		}
		b, err := m.tag()
		if err != nil {
			return token{}, m.cut(err)
		}
		t := token{kind: openToken, line: line}
		if b[0] == '/' {
			t.kind, b = closeToken, b[1:]
		} else if len(b) > 1 && b[len(b)-1] == '/' {
			t.kind, b = emptyToken, b[:len(b)-1]
		}
		n := bytes.IndexAny(b, " \t\r\n")
		if n < 0 {
			n = len(b)
		}
		t.name, t.attrs = b[:n], b[n:]
		if i := bytes.IndexByte(t.name, ':'); i >= 0 {
			t.name = t.name[i+1:]
		}
		if len(t.name) == 0 || !letter(t.name[0]) {
			return token{}, m.refuse(line, "A tag is malformed")
		}
		return t, nil
	}
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 }

// tag reads up to the > that ends a tag; one within quotation marks does not.
func (m *markup) tag() ([]byte, error) {
	b, err := m.until('>', maxToken, false)
	if err != nil {
		return nil, err
	}
	if !m.sgml {
		mark := quoted(0, b)
		if mark != 0 {
			b = bytes.Clone(b)
		}
		for mark != 0 {
			more, err := m.until('>', maxToken, false)
			if err != nil {
				return nil, err
			}
			if b = append(b, more...); len(b) > maxToken {
				return nil, m.refuse(m.line, "A tag is too long")
			}
			mark = quoted(mark, more)
		}
	}
	if len(b) < 2 {
		return nil, m.refuse(m.line, "A tag is malformed")
	}
	return b[:len(b)-1], nil
}

// quoted is the quotation mark that is open after b, if mark was open before it; 0 for none.
func quoted(mark byte, b []byte) byte {
	for _, c := range b {
		switch {
		case mark == 0 && (c == '"' || c == '\''):
			mark = c
		case c == mark:
			mark = 0
		}
	}
	return mark
}

// skip goes past end.
func (m *markup) skip(end string) error {
	var last []byte
	for {
		b, err := m.until('>', maxToken, true)
		last = append(last, b[max(0, len(b)-3):]...)
		if err != nil || strings.HasSuffix(string(last), end) {
			return err
		}
		last = append(last[:0], last[max(0, len(last)-3):]...)
	}
}

// cut is what the end of the file within a tag means.
func (m *markup) cut(err error) error {
	if err == io.EOF {
		return m.refuse(m.line, "The file ends within a tag: it is cut off")
	}
	return err
}

func escape(b []byte) []byte { return bytes.ReplaceAll(b, []byte("&"), []byte("&amp;")) }

// unescape resolves entities; false where one is unknown and the file is no SGML.
func (m *markup) unescape(b []byte) (string, bool) {
	i := bytes.IndexByte(b, '&')
	if i < 0 {
		return string(b), true
	}
	var out strings.Builder
	for i >= 0 {
		out.Write(b[:i])
		b = b[i+1:]
		end := bytes.IndexByte(b, ';')
		r := rune(-1)
		if end > 0 && end <= 8 {
			switch name := string(b[:end]); {
			case name == "amp":
				r = '&'
			case name == "lt":
				r = '<'
			case name == "gt":
				r = '>'
			case name == "quot":
				r = '"'
			case name == "apos":
				r = '\''
			case name == "nbsp" && m.sgml:
				r = ' '
			case name[0] == '#':
				base, num := 10, name[1:]
				if strings.HasPrefix(num, "x") || strings.HasPrefix(num, "X") && m.sgml {
					base, num = 16, num[1:]
				}
				if n, err := strconv.ParseUint(num, base, 32); err == nil && utf8.ValidRune(rune(n)) && n > 0 && n <= utf8.MaxRune {
					r = rune(n)
				}
			}
		}
		switch {
		case r >= 0:
			out.WriteRune(r)
			b = b[end+1:]
		case m.sgml:
			out.WriteByte('&')
		default:
			return "", false
		}
		i = bytes.IndexByte(b, '&')
	}
	out.Write(b)
	return out.String(), true
}

// attr is the value of an attribute of a tag.
func (t token) attr(name string) string {
	i := bytes.Index(t.attrs, []byte(name))
	for i > 0 && i+len(name) < len(t.attrs) {
		rest := bytes.TrimLeft(t.attrs[i+len(name):], " \t\r\n")
		if before := t.attrs[i-1]; (before <= ' ' || before == ':') && len(rest) > 2 && rest[0] == '=' {
			rest = bytes.TrimLeft(rest[1:], " \t\r\n")
			if len(rest) > 1 && (rest[0] == '"' || rest[0] == '\'') {
				if end := bytes.IndexByte(rest[1:], rest[0]); end >= 0 {
					return string(rest[1 : 1+end])
				}
			}
		}
		next := bytes.Index(t.attrs[i+1:], []byte(name))
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return ""
}
