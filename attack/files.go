package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

const importing = `mutation($input:ImportStatementInput!){importStatement(input:$input){format createdCount unchangedCount rejected{line message} warnings{line message} accounts{id}}}`

// form is an upload as it should be; tests change it.
type form struct {
	operations, places, field, name string
	file                            io.Reader
}

func (a *attack) form(file io.Reader) form {
	operations, _ := json.Marshal(object{"query": importing, "variables": object{"input": object{"file": nil, "consumerId": a.ids["consumer"]}}})
	return form{string(operations), `{"0":["variables.input.file"]}`, "0", "statement.csv", file}
}

// upload sends a form.
func (c customer) upload(f form) (answer, error) {
	body, w := io.Pipe()
	m := multipart.NewWriter(w)
	go func() {
		_ = m.WriteField("operations", f.operations)
		_ = m.WriteField("map", f.places)
		header := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename=%q`, f.field, f.name)}}
		if part, err := m.CreatePart(header); err == nil { // else it was refused before
			_, _ = io.Copy(part, f.file)
		}
		_ = m.Close()
		_ = w.Close()
	}()
	defer body.Close()
	return c.post(body, func(r *http.Request) {
		r.Header.Set("Content-Type", m.FormDataContentType())
		r.Header.Set("GraphQL-Require-Preflight", "1")
	})
}

// zipped is a zip of one file.
func zipped(name string, file io.Reader) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, _ := z.Create(name)
	_, _ = io.Copy(w, file)
	_ = z.Close()
	return b.Bytes()
}

// claiming is a zip whose list of files says that one has 3 GB, and that is packed into little.
func claiming() []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	var packed bytes.Buffer
	f, _ := flate.NewWriter(&packed, 9)
	_, _ = io.CopyN(f, endless("Date,Amount\n"), 1<<20)
	_ = f.Close()
	w, _ := z.CreateRaw(&zip.FileHeader{Name: "a.csv", Method: zip.Deflate, CompressedSize64: uint64(packed.Len()), UncompressedSize64: 3 << 30, CRC32: crc32.ChecksumIEEE(nil)})
	_, _ = w.Write(packed.Bytes())
	_ = z.Close()
	return b.Bytes()
}

// files are hostile statement files, and hostile forms around them.
func (a *attack) files(ctx context.Context) error {
	camt := func(inner string) string {
		return `<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>` + inner + `</Stmt></BkToCstmrStmt></Document>`
	}
	laughs := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">` + numbered(30, `<!ENTITY b% "&a%;&a%;&a%;&a%;">`) + `]>` + camt("&b29;")
	nested := zipped("a.csv", strings.NewReader("Date,Amount\n2026-01-01,1.00\n"))
	for i := range 20 {
		nested = zipped(fmt.Sprintf("%d.zip", i), bytes.NewReader(nested))
	}
	var members bytes.Buffer
	z := zip.NewWriter(&members)
	for i := range 70_000 {
		_, _ = z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i)})
	}
	_ = z.Close()
	size := int64(63 << 20)
	if a.quick {
		size = 3 << 20
	}
	large := func(text string) io.Reader { return io.LimitReader(endless(text), size) }
	text := strings.NewReader
	then := func(head string, rest io.Reader) io.Reader { return io.MultiReader(text(head), rest) }
	for _, one := range []struct {
		name string
		file io.Reader
		want string // in the answer
	}{
		{"64 MiB and a byte", io.LimitReader(endless("x"), 64<<20+1), `"The file has more than 64 MiB"`},
		{"a zip of 1 GB of zeros", bytes.NewReader(zipped("a.csv", io.LimitReader(endless("\x00"), 16*size))), `"file"`},
		{"a zip that claims 3 GB", bytes.NewReader(claiming()), `"file"`},
		{"zips in zips", bytes.NewReader(nested), `a zip in a zip`},
		{"a zip of 70,000 files", bytes.NewReader(members.Bytes()), `"file"`},
		{"a zip with a path upwards", bytes.NewReader(zipped("../../../../tmp/x.csv", text("Date,Amount\n2026-01-01,1.00\n"))), `"file"`},
		{"a zip, cut", bytes.NewReader(nested[:len(nested)/2]), `"file"`},
		{"XML: a billion laughs", text(laughs), `"file"`},
		{"XML: a file of the server", text(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + camt("&a;")), `"file"`},
		{"XML: an address", text(`<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">` + camt("")), `"file"`},
		{"XML: a parameter", text(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1/x.dtd">%a;]>` + camt("")), `"file"`},
		{"XML: deep", then(`<?xml version="1.0"?><Document>`, large("<a>")), `"file"`},
		{"XML: a name without end", then(`<?xml version="1.0"?><Document><`, large("a")), `"file"`},
		{"XML: attributes without end", then(`<?xml version="1.0"?><Document `, large(`a="b" `)), `"file"`},
		{"XML: a text without end", then(`<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Ntry><AddtlNtryInf>`, large("x")), `"file"`},
		{"XML: a comment without end", then(`<?xml version="1.0"?><!--`, large("x")), `"file"`},
		{"XML: an encoding that is not there", text(`<?xml version="1.0" encoding="UTF-7"?>` + camt("+ADw-")), `"createdCount":0`},
		{"CSV: a line without end", then("Date,Amount,Text\n2026-01-01,1.00,", large("x")), `"file"`},
		{"CSV: a quote without end", then("Date,Amount,Text\n2026-01-01,1.00,\"", large("x\n")), `"file"`},
		{"CSV: columns without end", then("Date,Amount", large(",")), `"file"`},
		{"CSV: empty lines", large("\n"), `"file"`},
		{"CSV: bad lines", then("Date,Amount\n", large("x,y\n")), `"file"`},
		{"CSV: too many lines", then("Date,Amount\n", io.LimitReader(endless("2026-01-01,1.00\n"), 16*100_001)), `"file"`},
		{"MT940: a text without end", then(":20:A\n:25:1\n:28C:1\n:60F:C260130EUR100,00\n:61:2601310131D13,20NTRFNONREF\n:86:", large("x")), `"file"`},
		{"MT940: lines without end", then(":20:A\n:25:1\n:28C:1\n:60F:C260130EUR100,00\n:61:2601310131D13,20NTRFNONREF\n:86:", large("x\n")), `"file"`},
		{"OFX: deep", then("OFXHEADER:100\n\n<OFX>", large("<STMTRS>")), `"file"`},
		{"OFX: a value without end", then("OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>", large("x")), `"file"`},
		{"QIF: a line without end", then("!Type:Bank\nD", large("1")), `"file"`},
		{"QIF: an entry without end", then("!Type:Bank\n", large("Mx\n")), `"file"`},
		{"UTF-16", then("\xff\xfe", large("D\x00")), `"file"`},
		{"random bytes", large("\x01\x80\xfe%PDF\x00\xc3"), `"file"`},
		{"a program", text("\x7fELF" + times("\x00", 1000)), `"file"`},
		{"a page", text("<!DOCTYPE html><html><script>alert(1)</script></html>"), `"file"`},
	} {
		if a.quick && slices.Contains([]string{"64 MiB and a byte", "a zip of 1 GB of zeros", "CSV: empty lines", "CSV: bad lines", "CSV: a quote without end", "CSV: too many lines", "QIF: an entry without end", "UTF-16"}, one.name) {
			continue // it is their size that is refused
		}
		got, err := a.intruder.upload(a.form(one.file))
		if err != nil && one.want == `"The file has more than 64 MiB"` {
			continue // the server has closed before all was sent
		}
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		if !a.quick {
			a.log("file %s: %.1f s, up to %d MiB by now", one.name, got.took.Seconds(), a.server.most.Load()>>20)
		}
		a.check(strings.Contains(got.body, one.want) && !strings.Contains(got.body, "root:"), "file %s: %d %.300s", one.name, got.status, got.body)
		if !a.quick {
			a.check(got.took.Seconds() < 20, "file %s took %v", one.name, got.took)
		}
	}
	if err := a.forms(); err != nil {
		return err
	}
	return a.manyFiles()
}

// forms are wrong around a file that is right. After all of them there is still room for one that is right.
func (a *attack) forms() error {
	csv := "Date,Amount,Text\n2026-01-01,1.00,coffee\n"
	for range 2 {
		for _, change := range []func(*form){
			func(f *form) { f.places = `{"0":["variables.0"]}` },
			func(f *form) { f.places = `{"0":["variables.input.0"]}` },
			func(f *form) {
				f.places = `{"0":["variables.list.7"]}`
				f.operations = strings.Replace(f.operations, `"input":`, `"list":[null],"input":`, 1)
			},
			func(f *form) {
				f.places = `{"0":["variables.list.-1"]}`
				f.operations = strings.Replace(f.operations, `"input":`, `"list":[null],"input":`, 1)
			},
			func(f *form) {
				f.places = `{"0":["variables.list.x"]}`
				f.operations = strings.Replace(f.operations, `"input":`, `"list":[null],"input":`, 1)
			},
			func(f *form) {
				f.places = `{"0":["variables.text.x"]}`
				f.operations = strings.Replace(f.operations, `"input":`, `"text":"x","input":`, 1)
			},
			func(f *form) { f.places = `{"0":["variables.x"]}`; f.operations = `{"query":"{viewer{role}}"}` },
			func(f *form) {
				f.places = `{"0":["variables.x.y"]}`
				f.operations = `{"query":"{viewer{role}}","variables":null}`
			},
			func(f *form) { f.places = `{"0":["variables"]}` },
			func(f *form) { f.places = `{"0":["variables."]}` },
			func(f *form) { f.places = `{"0":[]}` },
			func(f *form) { f.places = `{"0":["query"]}` },
			func(f *form) { f.places = `{"0":["variables.input.consumerId"]}` },
			func(f *form) { f.places = `{"0":["variables.input.file.file"]}` },
			func(f *form) { f.places = `{"0":` + `["` + times("variables.input.file.", 40_000) + `"]}` },
			func(f *form) { f.places = `{` + strings.TrimSuffix(numbered(50_000, `"%":[],`), ",") + `}` },
			func(f *form) { f.operations += times(" ", 1<<20) },
			func(f *form) { f.operations = times("[", 900_000) },
			func(f *form) { f.field = "1" },
			func(f *form) { f.field = "../../x" },
			func(f *form) { f.name = "../../../../etc/cron.d/x" },
			func(f *form) { f.name = "\"><script>alert(1)</script>\r\nX: y" },
			func(f *form) { f.name = times("x", 100_000) },
		} {
			f := a.form(strings.NewReader(csv))
			change(&f)
			if _, err := a.intruder.upload(f); err != nil {
				return err
			}
		}
	}
	got, err := a.intruder.upload(a.form(strings.NewReader(csv)))
	a.check(err == nil && strings.Contains(got.body, `"rejected":[]`), "after bad forms a good one: %d %s %v", got.status, got.body, err)
	return err
}

// manyFiles are the largest files that are right, as many at once as are taken. One fills the days of an account as far as files
// can; a second is not compared with it.
func (a *attack) manyFiles() error {
	lines, long := 70_000, 800
	if a.quick {
		lines, long = 2_000, 150
	}
	file := func(i int) form {
		var b bytes.Buffer
		b.WriteString("Date,Amount,Text,Name,Reference\n")
		for n := range lines {
			fmt.Fprintf(&b, "2026-01-%02d,%d.%02d,text %d-%d %s,somebody %d,\n", n%28+1, n%1000, i, n, i, times("x", long), n)
		}
		return a.form(&b)
	}
	var group sync.WaitGroup
	const tooMany = "in parts of fewer days"
	var stored atomic.Int64 // of the intruder's
	errs := make([]error, 4)
	for i := range errs {
		group.Go(func() {
			var got answer
			c, f := a.intruder, file(i)
			if i%2 == 1 {
				c = a.bank
				f.operations = strings.Replace(f.operations, a.ids["consumer"], a.ids["bankconsumer"], 1)
			}
			if got, errs[i] = c.upload(f); errs[i] == nil {
				if !a.quick {
					a.log("file %d of %d lines: %.1f s, up to %d MiB by now: %.80s", i, lines, got.took.Seconds(), a.server.most.Load()>>20, got.body)
				}
				if i%2 == 0 && strings.Contains(got.body, fmt.Sprintf(`"createdCount":%d`, lines)) {
					stored.Add(1)
				}
				a.check(got.status == 503 || strings.Contains(got.body, `"createdCount":`) || strings.Contains(got.body, "TIMEOUT") || !a.quick && strings.Contains(got.body, tooMany), "a large file: %d %.300s", got.status, got.body)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	if a.quick || stored.Load() == 0 {
		return nil
	}
	got, err := a.intruder.upload(file(4))
	a.check(err == nil && strings.Contains(got.body, tooMany), "another large file: %d %.300s %v", got.status, got.body, err)
	return err
}
