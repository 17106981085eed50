package store

import (
	"bytes"
	"encoding/binary"
	stdjson "encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/govalues/decimal"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/segmentio/encoding/json"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
)

// model is how a row becomes a T: the names that bun has for its fields, and how each is read from what the driver
// received. Lists are most of what is read, and text and reflection for each value cost more than all else in a request.
type model[T any] struct {
	names  []string
	fields []field
	of     []string // the names of the struct's fields
}

// field is one field of a T.
type field struct {
	offset uintptr
	format int16 // of its column
	decode decoder
}

// decoder writes a value that is not null to the field at to, whose type it knows. Rows of a list often say what the row
// before them said: then that is taken again.
type decoder func(to unsafe.Pointer, value []byte, before *previous) error

// previous is what a column said last, as text or as JSON, and where that was written to.
type previous struct {
	*words
	text string
	json []byte
	at   unsafe.Pointer
}

// words holds the texts of many rows in few pieces of memory.
type words struct {
	text     strings.Builder
	pointers []string
}

// add keeps a text.
func (w *words) add(b []byte) string {
	if w.text.Len()+len(b) > w.text.Cap() {
		size := max(min(2*w.text.Cap(), 4096), 256, len(b)) // few rows have few words
		w.text = strings.Builder{}                          // what was taken from the one before keeps it
		w.text.Grow(size)
	}
	from := w.text.Len()
	w.text.Write(b)
	return w.text.String()[from:]
}

// pointer is a pointer to a text.
func (w *words) pointer(s string) *string {
	if len(w.pointers) == cap(w.pointers) {
		w.pointers = make([]string, 0, 64)
	}
	w.pointers = append(w.pointers, s)
	return &w.pointers[len(w.pointers)-1]
}

// modelOf is the model of a struct with bun's tags. It panics on a field that nothing here can read.
func modelOf[T any]() model[T] {
	var c model[T]
	t := reflect.TypeFor[T]()
	for _, f := range pgdialect.New().Tables().Get(t).Fields {
		at, of := uintptr(0), t
		for _, i := range f.Index {
			at, of = at+of.Field(i).Offset, of.Field(i).Type
		}
		x := field{offset: at, format: pgx.BinaryFormatCode}
		if f.UserSQLType == "jsonb" {
			x.format, x.decode = pgx.TextFormatCode, jsonInto(of)
		} else {
			value := of
			if f.IsPtr {
				value = of.Elem()
			}
			k := codecOf(value)
			if x.decode = k.value; f.IsPtr {
				x.decode = k.pointer
			}
			if value.Kind() == reflect.String {
				x.format = pgx.TextFormatCode
			}
		}
		if x.decode == nil {
			panic(fmt.Sprintf("store: nothing reads %s.%s", t, f.GoName))
		}
		c.names, c.fields, c.of = append(c.names, string(f.SQLName)), append(c.fields, x), append(c.of, t.Field(f.Index[0]).Name)
	}
	return c
}

// list is the columns for a SELECT.
func (c model[T]) list() string { return strings.Join(c.names, ", ") }

// only is the model of rows of which some fields are wanted, and some columns whoever asks; nil: all fields.
func (c model[T]) only(fields []string, columns ...string) (some model[T]) {
	if fields == nil {
		return c
	}
	some = model[T]{make([]string, 0, len(c.names)), make([]field, 0, len(c.names)), make([]string, 0, len(c.names))}
	for i, name := range c.names {
		if slices.Contains(fields, c.of[i]) || slices.Contains(columns, strings.Trim(name, `"`)) {
			some.names, some.fields, some.of = append(some.names, name), append(some.fields, c.fields[i]), append(some.of, c.of[i])
		}
	}
	return some
}

// without is a model that leaves some columns out.
func (c model[T]) without(names ...string) (rest model[T]) {
	for i, name := range c.names {
		if !slices.Contains(names, name) {
			rest.names, rest.fields, rest.of = append(rest.names, name), append(rest.fields, c.fields[i]), append(rest.of, c.of[i])
		}
	}
	return rest
}

// scan reads rows. Where they have keys, their first column is a number that is no field of T.
func (c model[T]) scan(rows answer, keyed bool, capacity int) (keys []int64, list []T, err error) {
	skip := 0
	if keyed {
		skip = 1
	}
	for i, d := range rows.FieldDescriptions()[skip:] {
		if d.Format != c.fields[i].format {
			return nil, nil, fmt.Errorf("read %s: it comes in another format", d.Name)
		}
	}
	before, texts := make([]previous, len(c.fields)), &words{}
	for i := range before {
		before[i].words = texts
	}
	list = make([]T, 0, capacity)
	for rows.Next() {
		values := rows.RawValues()
		if keyed {
			keys = append(keys, whole(values[0]))
		}
		list = slices.Grow(list, 1)[:len(list)+1] // what was not used yet is zero
		row := unsafe.Pointer(&list[len(list)-1])
		for i := range c.fields {
			f, value := &c.fields[i], values[skip+i]
			if value == nil {
				continue
			}
			if err := f.decode(unsafe.Add(row, f.offset), value, &before[i]); err != nil {
				return nil, nil, fmt.Errorf("read %s: %w", c.names[i], err)
			}
		}
	}
	return keys, list, rows.Err()
}

// codec reads values of one type, and pointers to them.
type codec struct{ value, pointer decoder }

// reading is the codec of a type whose values are read one by one.
func reading[T any](read func([]byte) (T, error)) codec {
	return codec{func(to unsafe.Pointer, b []byte, _ *previous) (err error) {
		*(*T)(to), err = read(b)
		return err
	}, func(to unsafe.Pointer, b []byte, _ *previous) error {
		v, err := read(b)
		*(**T)(to) = &v
		return err
	}}
}

var byType = map[reflect.Type]codec{
	reflect.TypeFor[bank.Date]():       reading(date),
	reflect.TypeFor[time.Time]():       reading(moment),
	reflect.TypeFor[decimal.Decimal](): reading(numeric),
	reflect.TypeFor[[]int64]():         reading(wholes),
	reflect.TypeFor[[]byte]():          reading(func(b []byte) ([]byte, error) { return slices.Clone(b), nil }),
}

// byKind are the codecs of other types, by what they are made of.
var byKind = map[reflect.Kind]codec{
	reflect.Int64: reading(func(b []byte) (int64, error) { return whole(b), nil }),
	reflect.Int:   reading(func(b []byte) (int, error) { return int(whole(b)), nil }),
	reflect.Bool:  reading(func(b []byte) (bool, error) { return b[0] != 0, nil }),
	reflect.String: {
		func(to unsafe.Pointer, b []byte, p *previous) error { *(*string)(to) = p.same(b); return nil },
		func(to unsafe.Pointer, b []byte, p *previous) error {
			*(**string)(to) = p.pointer(p.same(b))
			return nil
		},
	},
}

func codecOf(t reflect.Type) codec {
	if k, ok := byType[t]; ok {
		return k
	}
	return byKind[t.Kind()]
}

// same is b as a string, the previous one where that says the same.
func (p *previous) same(b []byte) string {
	if p.text != string(b) {
		p.text = p.add(b)
	}
	return p.text
}

// jsonInto reads JSON into a type. What says the same as in the row before shares its lists and pointers: rows of a list
// are to be read only.
func jsonInto(t reflect.Type) decoder {
	if t == reflect.TypeFor[stdjson.RawMessage]() { // for its reader
		return func(to unsafe.Pointer, b []byte, _ *previous) error { *(*[]byte)(to) = slices.Clone(b); return nil }
	}
	return func(to unsafe.Pointer, b []byte, p *previous) error {
		if p.at != nil && bytes.Equal(p.json, b) {
			reflect.NewAt(t, to).Elem().Set(reflect.NewAt(t, p.at).Elem())
			return nil
		}
		p.json, p.at = append(p.json[:0], b...), to
		return json.Unmarshal(b, reflect.NewAt(t, to).Interface())
	}
}

// whole reads an integer of any width.
func whole(b []byte) int64 {
	switch len(b) {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(b)))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b)))
	}
	return int64(binary.BigEndian.Uint64(b))
}

// wholes reads a list of integers: how many dimensions, whether there are nulls, the elements' type, how many, from where,
// and then each after its length.
func wholes(b []byte) ([]int64, error) {
	if whole(b[:4]) == 0 {
		return []int64{}, nil
	}
	list := make([]int64, whole(b[12:16]))
	for i, at := 0, 20; i < len(list); i++ {
		size := int(whole(b[at : at+4]))
		if size < 0 {
			return nil, fmt.Errorf("a list with nulls")
		}
		list[i] = whole(b[at+4 : at+4+size])
		at += 4 + size
	}
	return list, nil
}

// epoch is where PostgreSQL's days and moments begin: 2000-01-01.
const epoch = 10957 // days

func date(b []byte) (bank.Date, error) {
	days := whole(b)
	if days == math.MaxInt32 || days == math.MinInt32 {
		return 0, fmt.Errorf("an infinite date")
	}
	return bank.Date(days + epoch), nil
}

func moment(b []byte) (time.Time, error) {
	micros := whole(b)
	if micros == math.MaxInt64 || micros == math.MinInt64 {
		return time.Time{}, fmt.Errorf("an infinite moment")
	}
	return time.UnixMicro(micros + epoch*24*3600*1e6).UTC(), nil
}

// numeric reads what fits into an int64 at once, and anything else as text. What has more than nineteen digits is an error.
func numeric(b []byte) (decimal.Decimal, error) {
	const digit = 10_000
	n, weight, scale := int(whole(b[:2])), int(whole(b[2:4])), int(whole(b[6:8]))
	coefficient, places := int64(0), 0 // places: digits after the point in the coefficient
	exact := whole(b[4:6])&^0x4000 == 0 && n <= 4 && scale <= decimal.MaxScale
	for i := 0; exact && i < n; i++ {
		coefficient = coefficient*digit + whole(b[8+2*i:10+2*i])
	}
	for places = 4 * (n - 1 - weight); exact && places < scale; places++ {
		exact = coefficient < math.MaxInt64/10
		coefficient *= 10
	}
	for ; exact && places > scale; places-- { // what is cut off is zero
		coefficient /= 10
	}
	if b[4] == 0x40 {
		coefficient = -coefficient
	}
	if exact {
		return decimal.New(coefficient, scale)
	}
	var long pgtype.Numeric
	if err := (pgtype.NumericCodec{}).PlanScan(nil, pgtype.NumericOID, pgx.BinaryFormatCode, &long).Scan(b, &long); err != nil {
		return decimal.Decimal{}, err
	}
	text, err := long.Value()
	if err != nil {
		return decimal.Decimal{}, err
	}
	s := fmt.Sprint(text)
	_, fraction, _ := strings.Cut(s, ".")
	return decimal.ParseExact(s, len(strings.TrimRight(fraction, "0"))) // an error for what has more digits, never rounded
}
