package model

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"

	"github.com/go-json-experiment/json/jsontext"
)

// Reader reads input objects straight from JSON into their types, with functions that graph/gen makes: a map for each object
// and an interface for each value, as gqlgen's own way has them, were half the work of a call with a thousand transactions.
// What is not surely right it does not judge: it fails, and the request is read again gqlgen's way, which says what is wrong.
type Reader struct {
	text   []byte
	json   *jsontext.Decoder
	failed bool
}

// NewReader reads a text.
func NewReader(text []byte) *Reader {
	return &Reader{text: text, json: jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true))}
}

// List is a list of input objects that was read, and its text as it was sent.
type List struct {
	Text json.RawMessage
	Rows any
}

// Len is how many there are.
func (l List) Len() int { return reflect.ValueOf(l.Rows).Len() }

// Fail says that this is nothing for this reader.
func (r *Reader) Fail() { r.failed = true }

// Is tells whether what comes starts with a character: { [ " n for null, t, f, or 0 for a number.
func (r *Reader) Is(start jsontext.Kind) bool { return !r.failed && r.json.PeekKind() == start }

// Raw is the next value as it is written.
func (r *Reader) Raw() []byte {
	if r.failed {
		return nil
	}
	value, err := r.json.ReadValue()
	if err != nil {
		r.Fail()
		return nil
	}
	end := r.json.InputOffset()
	return r.text[end-int64(len(value)) : end]
}

func (r *Reader) token(kind jsontext.Kind) bool {
	if r.failed {
		return false
	}
	if token, err := r.json.ReadToken(); err != nil || token.Kind() != kind {
		r.Fail()
	}
	return !r.failed
}

// Fields shows the names of the next object as they are written, quotes and all; who is shown one reads its value.
func (r *Reader) Fields(yield func(name []byte) bool) {
	if !r.token('{') {
		return
	}
	for r.Is('"') {
		if name := r.Raw(); r.failed || !yield(name) {
			return
		}
	}
	r.token('}')
}

// Input reads an object with each field at most once. Who is shown a name reads its value and tells the field's bit, 0 for a
// field that there is not; needed are the bits of those that must be there.
func (r *Reader) Input(needed int, field func(name []byte) (bit int)) {
	given := 0
	for name := range r.Fields {
		bit := field(name)
		if bit == 0 || given&bit != 0 {
			r.Fail()
		}
		given |= bit
	}
	if given&needed != needed {
		r.Fail()
	}
}

// Null reads null where it comes next.
func (r *Reader) Null() bool { return r.Is('n') && r.Raw() != nil }

// Text reads a string.
func (r *Reader) Text() string {
	if !r.Is('"') {
		r.Fail()
		return ""
	}
	text := r.Raw()
	switch {
	case r.failed:
		return ""
	case bytes.IndexByte(text, '\\') < 0:
		return string(text[1 : len(text)-1])
	}
	text, err := jsontext.AppendUnquote(nil, text)
	if err != nil {
		r.Fail()
	}
	return string(text)
}

// Word reads a string that is one of a few.
func (r *Reader) Word(words ...string) string {
	text := r.Raw()
	for _, w := range words {
		if len(text) == len(w)+2 && string(text[1:len(text)-1]) == w {
			return w
		}
	}
	r.Fail()
	return ""
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	text := string(r.Raw())
	if text != "true" && text != "false" {
		r.Fail()
	}
	return text == "true"
}

// Any is the next value as encoding/json reads it, with the digits that a number is written with.
func (r *Reader) Any() (v any) {
	text := r.Raw()
	if r.failed {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // amounts keep their digits
	if d.Decode(&v) != nil {
		r.Fail()
	}
	return v
}

// Object reads an object; value reads what has a name.
func (r *Reader) Object(value func(name string) any) map[string]any {
	out := map[string]any{}
	for quoted := range r.Fields {
		if bytes.IndexByte(quoted, '\\') >= 0 {
			r.Fail()
		}
		name := string(quoted[1 : len(quoted)-1])
		out[name] = value(name)
	}
	return out
}

// List reads a list of input objects.
func (r *Reader) List(read func(*Reader) any) List {
	start := r.json.InputOffset()
	rows := read(r)
	text := r.text[start:r.json.InputOffset()] // from the colon on
	return List{bytes.TrimLeft(text, ": \t\r\n"), rows}
}

// Ended tells whether this was all, and nothing failed.
func (r *Reader) Ended() bool {
	if r.failed {
		return false
	}
	_, err := r.json.ReadToken()
	return err == io.EOF
}

// Parse reads a string, or where it may be one a number, as a scalar.
func Parse[T any](r *Reader, number bool, parse func(any) (T, error)) (out T) {
	var v any
	if number && r.Is('0') {
		v = json.Number(r.Raw())
	} else {
		v = r.Text()
	}
	if r.failed {
		return out
	}
	out, err := parse(v)
	if err != nil {
		r.Fail()
	}
	return out
}

// Rows reads a list.
func Rows[T any](r *Reader, one func(*Reader) T) (out []T) {
	out = []T{}
	if !r.token('[') {
		return nil
	}
	for !r.failed && !r.Is(']') {
		out = append(out, one(r))
	}
	r.token(']')
	return out
}
