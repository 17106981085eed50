package statement

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"unicode/utf8"
)

// maxRecord is the longest record in bytes; a record is a line, or several where a quoted field holds line breaks.
const maxRecord = 1 << 20

// records cuts a file into records, so that a record that is no CSV does no harm to those after it.
type records struct {
	in   *bufio.Reader
	next int // number of the line that comes next
	csv  *csv.Reader
	feed bytes.Reader // what csv reads: one record at a time
}

func newRecords(r io.Reader) *records {
	rs := &records{in: bufio.NewReaderSize(r, maxRecord), next: 1}
	if bom, _ := rs.in.Peek(3); string(bom) == "\uFEFF" {
		rs.in.Discard(3)
	}
	return rs
}

// read gives the fields of the next record that is not blank and the number of its first line. The fields are good until
// the next call. problem says why the record cannot be read; reading can go on then. err is io.EOF at the end.
func (rs *records) read() (line int, fields []string, problem string, err error) {
	for {
		line = rs.next
		record, err := rs.peek()
		if errors.Is(err, bufio.ErrBufferFull) {
			err = rs.skipLine()
			return line, nil, "The line is longer than 1 MiB", err
		}
		if err != nil {
			return line, nil, "", err
		}
		if len(bytes.TrimRight(record, "\r\n")) == 0 {
			rs.skip(record)
			continue
		}
		switch {
		case bytes.IndexByte(record, 0) >= 0:
			problem = "The line holds a NUL byte"
		case !utf8.Valid(record):
			problem = "The line is not UTF-8"
		default:
			if rs.csv == nil {
				rs.csv = csv.NewReader(&rs.feed)
				rs.csv.FieldsPerRecord, rs.csv.ReuseRecord = -1, true
			}
			rs.feed.Reset(record)
			if fields, err = rs.csv.Read(); err == nil {
				rs.skip(record)
				return line, fields, "", nil
			}
			rs.csv = nil // it holds what is left of the bad record
			problem = "A quotation mark is in the wrong place, or a quoted field does not end"
		}
		// Only the first line is lost: the others may have come in by a quotation mark that should not be there.
		first, _, _ := bytes.Cut(record, []byte("\n"))
		rs.skip(record[:min(len(first)+1, len(record))])
		return line, nil, problem, nil
	}
}

// peek is the next record with its line end: up to the first line break that has an even number of quotation marks before
// it. If there is none within maxRecord or in the file, it is the next line, and ErrBufferFull where that is too long.
func (rs *records) peek() ([]byte, error) {
	quoted, seen, firstEnd := false, 0, 0
	for {
		data, _ := rs.in.Peek(rs.in.Buffered())
		for seen < len(data) {
			i := bytes.IndexByte(data[seen:], '\n')
			part := data[seen:]
			if i >= 0 {
				part = part[:i+1]
			}
			seen += len(part)
			if bytes.Count(part, []byte{'"'})%2 == 1 {
				quoted = !quoted
			}
			if i < 0 {
				break
			}
			if !quoted {
				return data[:seen], nil
			}
			if firstEnd == 0 {
				firstEnd = seen
			}
		}
		_, err := rs.in.Peek(seen + 1)
		switch {
		case err == nil:
		case err != io.EOF && !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case firstEnd > 0 && (quoted || err != io.EOF):
			return rs.in.Peek(firstEnd) // again: reading on may have moved the data
		case err == io.EOF && seen > 0:
			return rs.in.Peek(seen)
		default:
			return nil, err
		}
	}
}

// skip goes past what peek gave.
func (rs *records) skip(b []byte) {
	rs.next += max(1, bytes.Count(b, []byte{'\n'}))
	rs.in.Discard(len(b))
}

// skipLine goes past the next line, of any length.
func (rs *records) skipLine() error {
	rs.next++
	for {
		_, err := rs.in.ReadSlice('\n')
		if err == io.EOF {
			return nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}
