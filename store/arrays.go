package store

import (
	"encoding/binary"
	"reflect"

	"github.com/jackc/pgx/v5/pgtype"
)

// What is stored goes to the database as one array for each column. The driver asks an array for its elements one by one,
// as values of any type, which was a fifth of all that an import did. Lists of these types are written at once.

// withArrays is for a connection's types.
func withArrays(m *pgtype.Map) {
	for _, oid := range []uint32{pgtype.TextArrayOID, pgtype.Int8ArrayOID, pgtype.Int4ArrayOID, pgtype.Int2ArrayOID} {
		if t, ok := m.TypeForOID(oid); ok {
			if c, ok := t.Codec.(*pgtype.ArrayCodec); ok {
				m.RegisterType(&pgtype.Type{Name: t.Name, OID: oid, Codec: arrays{c}})
			}
		}
	}
}

// arrays is the driver's codec with shorter ways for some lists.
type arrays struct{ *pgtype.ArrayCodec }

// writers are the shorter ways, by the type of the column's elements and that of the list.
var writers = map[uint32]map[reflect.Type]pgtype.EncodePlan{
	pgtype.TextOID: {
		reflect.TypeFor[[]string]():  writer[string]{pgtype.TextOID, appendText},
		reflect.TypeFor[[]*string](): writer[*string]{pgtype.TextOID, orNull(appendText)},
	},
	pgtype.Int8OID: {reflect.TypeFor[[]int64](): writer[int64]{pgtype.Int8OID, appendInt8}},
	pgtype.Int4OID: {
		reflect.TypeFor[[]int32]():  writer[int32]{pgtype.Int4OID, appendInt4},
		reflect.TypeFor[[]*int32](): writer[*int32]{pgtype.Int4OID, orNull(appendInt4)},
	},
	pgtype.Int2OID: {reflect.TypeFor[[]int16](): writer[int16]{pgtype.Int2OID, appendInt2}},
}

// PlanEncode finds who writes a list.
func (a arrays) PlanEncode(m *pgtype.Map, oid uint32, format int16, list any) pgtype.EncodePlan {
	if w := writers[a.ElementType.OID][reflect.TypeOf(list)]; w != nil && format == pgtype.BinaryFormatCode {
		return w
	}
	return a.ArrayCodec.PlanEncode(m, oid, format, list)
}

// writer writes a list in binary form: how many dimensions, whether there are nulls, the elements' type, how many, from
// where, and then each.
type writer[T any] struct {
	element uint32
	append  func([]byte, T) []byte
}

// Encode appends a list.
func (w writer[T]) Encode(value any, b []byte) ([]byte, error) {
	list := value.([]T)
	for _, head := range []uint32{1, 1, w.element, uint32(len(list)), 1} {
		b = binary.BigEndian.AppendUint32(b, head)
	}
	for _, x := range list {
		b = w.append(b, x)
	}
	return b, nil
}

func orNull[T any](write func([]byte, T) []byte) func([]byte, *T) []byte {
	return func(b []byte, x *T) []byte {
		if x == nil {
			return append(b, 0xff, 0xff, 0xff, 0xff)
		}
		return write(b, *x)
	}
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendInt8(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(n))
}

func appendInt4(b []byte, n int32) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(n))
}

func appendInt2(b []byte, n int16) []byte {
	return binary.BigEndian.AppendUint16(append(b, 0, 0, 0, 2), uint16(n))
}
