package statement

import (
	"archive/zip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"insightgraph/bank"
	"insightgraph/fault"
)

const (
	ecbSource = "ECB euro foreign exchange reference rates"
	ecbMax    = 64 << 20 // bytes unpacked; the file had 1.9 MB in April 2026
)

// gone are the currencies of the file that went out of use before any account of ours: the euro's forerunners and those
// that lost zeros. Their rates are checked and left out.
const gone = " CYP EEK LTL LVL MTL ROL SIT SKK TRL "

// ECB reads the European Central Bank's eurofxref-hist.csv: a line for each day, the newest first, with the units of
// each currency that one euro is worth; N/A where there is no rate. See
// https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates.
// A file that is not exactly that is refused as a whole.
func ECB(r io.Reader) ([]bank.Quote, error) {
	in := csv.NewReader(r) // every line must have as many fields as the first
	in.ReuseRecord = true
	line, err := in.Read()
	if err == io.EOF {
		return nil, fault.Invalid("line 1", "The file is empty")
	}
	if err != nil {
		return nil, ecbError(err)
	}
	var columns []bank.Currency
	seen := map[bank.Currency]bool{"EUR": true} // all are quoted in euros
	for i, name := range line {
		c := bank.Currency(name)
		_, known := c.Digits()
		known = known || len(name) == 3 && strings.Contains(gone, " "+name+" ")
		switch {
		case i == 0 && name == "Date", i > 0 && known && !seen[c]:
		case i > 1 && i == len(line)-1 && name == "": // each line ends in a comma
		default:
			return nil, fault.Invalid(fmt.Sprintf("line 1, column %d", i+1), "Line 1, column %d: the first line must be Date and currencies, each once, without EUR", i+1)
		}
		seen[c] = true
		columns = append(columns, c)
	}
	var quotes []bank.Quote
	var last bank.Date
	for first := true; ; first = false {
		line, err := in.Read()
		if err == io.EOF && first {
			return nil, fault.Invalid("line 2", "The file has no day")
		}
		if err == io.EOF {
			return quotes, nil
		}
		if err != nil {
			return nil, ecbError(err)
		}
		n, _ := in.FieldPos(0)
		day, err := bank.ParseDate(line[0])
		if err != nil || !first && day >= last {
			return nil, fault.Invalid(fmt.Sprintf("line %d, column Date", n), "Line %d, column Date: not a date before the one of the line above", n)
		}
		last = day
		for i, s := range line[1:] {
			c := columns[i+1]
			if s == "N/A" || c == "" && s == "" {
				continue
			}
			rate, f := bank.ParseAmount("rate", s)
			if f != nil || !rate.IsPos() || c == "" {
				return nil, fault.Invalid(fmt.Sprintf("line %d, column %s", n, c), "Line %d, column %s: neither a rate above zero nor N/A", n, c)
			}
			if !strings.Contains(gone, string(c)) {
				quotes = append(quotes, bank.Quote{Currency: c, Day: day, Rate: rate, Source: ecbSource})
			}
		}
	}
}

func ecbError(err error) error {
	if e, ok := errors.AsType[*csv.ParseError](err); ok {
		return fault.Invalid(fmt.Sprintf("line %d", e.Line), "Line %d, column %d: %s", e.Line, e.Column, e.Err)
	}
	return fmt.Errorf("read rates: %w", err)
}

// ECBFile reads the file of ECB, or a zip that holds it alone, of so many bytes. It may have 64 MiB unpacked.
func ECBFile(file io.ReaderAt, size int64) ([]bank.Quote, error) {
	var magic [4]byte
	if _, err := file.ReadAt(magic[:], 0); err != nil && err != io.EOF {
		return nil, err
	}
	if string(magic[:]) != "PK\x03\x04" {
		return ecbCapped(io.NewSectionReader(file, 0, size), ecbMax)
	}
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return nil, fault.Invalid("file", "The zip cannot be read: %v", err)
	}
	if len(archive.File) != 1 {
		return nil, fault.Invalid("file", "The zip holds %d files; it must hold eurofxref-hist.csv alone", len(archive.File))
	}
	unpacked, err := archive.File[0].Open()
	if err != nil {
		return nil, fault.Invalid("file", "The zip cannot be read: %v", err)
	}
	defer unpacked.Close()
	return ecbCapped(unpacked, ecbMax)
}

// ecbCapped refuses what is longer than max bytes.
func ecbCapped(r io.Reader, max int64) ([]bank.Quote, error) {
	limited := &io.LimitedReader{R: r, N: max + 1}
	quotes, err := ECB(limited)
	if limited.N <= 0 {
		return nil, fault.Invalid("file", "The file has more than %d MiB", max>>20)
	}
	return quotes, err
}
