package category

import (
	"strconv"

	"insightgraph/bank"
)

// BankCode is an ISO 20022 bank transaction code, such as PMNT, CCRD, CWDL.
type BankCode struct{ Domain, Family, SubFamily string }

func (c BankCode) String() string { return c.Domain + "/" + c.Family + "/" + c.SubFamily }

// sides are the categories for money out and money in; 0 says nothing of that side.
type sides struct{ debit, credit int }

func (s sides) of(base bank.BaseType) int {
	if base == bank.Credit || base == "" && s.debit == 0 {
		return s.credit
	}
	return s.debit
}

// subFamilies say what was done in whatever family they stand; most codes only say how it was paid.
var subFamilies = map[string]sides{
	"SALA": {0, 101},
	"CWDL": {1500, 0}, "XBCW": {1500, 0}, "BCWD": {1500, 0}, "FCWD": {1500, 0},
	"CDPT": {0, 108}, "BCDP": {0, 108}, "FCDP": {0, 108},
	"FEES": {1201, 109}, "CHRG": {1201, 109}, "COMM": {1201, 109}, "COME": {1201, 109}, "COMI": {1201, 109}, "COMT": {1201, 109},
	"INTR": {1202, 104}, "TAXE": {1204, 107}, "DVCA": {0, 104},
	"UPDD": {1206, 1206}, "PRDD": {1206, 1206}, "RRTN": {1206, 1206}, "UPCQ": {1206, 1206}, "UPCT": {1206, 1206}, "RIMB": {0, 109},
}

var families = map[string]sides{
	"MGLN": {502, 1605}, "CSLN": {1203, 1605}, "FTLN": {1203, 1605}, "NTLN": {1203, 1605}, "FTDP": {1603, 1603}, "NTDP": {1603, 1603},
	"CAPL": {1601, 1601}, "CNTR": {1500, 108},
}

var domains = map[string]sides{"SECU": {1603, 1603}, "PMET": {1603, 1603}}

// gvcs are the German codes that say what was done. Those for plain transfers and direct debits say nothing.
var gvcs = map[int]sides{
	53: {0, 101}, 153: {0, 101}, 157: {0, 101}, 54: {0, 1603}, 154: {0, 1603}, 155: {0, 1603}, 56: {0, 103}, 156: {0, 103},
	82: {0, 108}, 83: {1500, 0}, 119: {1304, 0},
	9: {1206, 1206}, 59: {1206, 1206}, 108: {1206, 1206}, 109: {1206, 1206}, 111: {1206, 1206}, 159: {1206, 1206}, 160: {1206, 1206}, 181: {1206, 1206}, 184: {1206, 1206},
	805: {1201, 104}, 806: {1201, 109}, 807: {1201, 109}, 808: {1201, 109}, 809: {1201, 109}, 810: {1201, 109}, 811: {1201, 109},
	812: {1202, 104}, 814: {1202, 104}, 815: {1202, 104}, 820: {1601, 1601}, 833: {1601, 1601},
}

// byBankCode is 0 where the codes say only how it was paid.
func byBankCode(in Input) (id int, rule string) {
	if c := in.BankCode; c != (BankCode{}) {
		for _, s := range []sides{subFamilies[c.SubFamily], families[c.Family], domains[c.Domain]} {
			if id := s.of(in.BaseType); id != 0 {
				return id, "iso20022 " + c.String()
			}
		}
	}
	if n, err := strconv.Atoi(in.GVC); err == nil && len(in.GVC) == 3 {
		s := gvcs[n]
		if 300 <= n && n < 400 { // securities
			s = sides{1603, 1603}
		}
		if id := s.of(in.BaseType); id != 0 {
			return id, "gvc " + in.GVC
		}
	}
	return 0, ""
}
