package store

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

// TestArrays: lists are written as the driver writes them.
func TestArrays(t *testing.T) {
	t.Parallel()
	text, none, number := "Käse \x00 \"", "", int32(-7)
	for _, one := range []struct {
		oid  uint32
		list any
	}{
		{pgtype.TextArrayOID, []string{}}, {pgtype.TextArrayOID, []string{text, none, text}},
		{pgtype.TextArrayOID, []*string{nil, &text, &none, nil}}, {pgtype.TextArrayOID, []*string{}},
		{pgtype.Int8ArrayOID, []int64{0, -1, 1 << 62}}, {pgtype.Int4ArrayOID, []int32{0, -1, 1 << 30}}, {pgtype.Int4ArrayOID, []*int32{&number, nil}},
		{pgtype.Int2ArrayOID, []int16{0, -1, 1 << 14}}, {pgtype.Int8ArrayOID, []int32{4, 5}}, {pgtype.Int4ArrayOID, []int64{4, 5}},
		{pgtype.TextArrayOID, []string(nil)}, {pgtype.TextArrayOID, []*string(nil)},
	} {
		theirs := pgtype.NewMap()
		mapOf, _ := theirs.TypeForOID(one.oid)
		ours := pgtype.NewMap()
		ours.RegisterType(&pgtype.Type{Name: mapOf.Name, OID: one.oid, Codec: arrays{mapOf.Codec.(*pgtype.ArrayCodec)}})
		for _, format := range []int16{pgtype.BinaryFormatCode, pgtype.TextFormatCode} {
			want, err := theirs.Encode(one.oid, format, one.list, nil)
			got, other := ours.Encode(one.oid, format, one.list, nil)
			if err != nil || other != nil {
				t.Fatalf("%#v: %v, %v", one.list, err, other)
			}
			if format == pgtype.BinaryFormatCode && len(want) > 8 {
				want[7], got[7] = 0, 0 // whether there are nulls: nobody reads it
			}
			if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
				t.Errorf("%#v in format %d:\n%x\nwant\n%x", one.list, format, got, want)
			}
		}
	}
}
