package callback

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"insightgraph/bank"
	"insightgraph/fault"
)

// maxURL is the length of the longest address that is taken.
const maxURL = 2000

// CheckURL says what is wrong with an address that callbacks are to go to. What its name leads to is seen when it is
// called, see Allowed. With private addresses, http is allowed too.
func CheckURL(field, text string, allowPrivate bool) *fault.Error {
	if f := bank.CheckText(field, text, 1, maxURL); f != nil {
		return f
	}
	wrong := func(what string) *fault.Error {
		return fault.Invalid(field, "Invalid value for %s; %s", field[strings.LastIndexByte(field, '.')+1:], what)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return wrong("it must be an absolute address such as https://shop.example/hook")
	}
	if u.User != nil || strings.Contains(text, "#") {
		return wrong("it must not hold a user, a password or a fragment")
	}
	if u.Scheme == "http" && !allowPrivate {
		return wrong("it must begin with https://")
	}
	if p := u.Port(); p != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return wrong("its port must be from 1 to 65535")
		}
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && !Allowed(ip, allowPrivate):
		return wrong("its host is not on the public internet")
	case err == nil:
		return nil
	case !isName(labels):
		return wrong("its host must be a name in ASCII or an IP address")
	case numeric(last): // some resolvers read 2130706433 or 0x7f.1 as an IP address
		return wrong("an IP address must be written as four decimal numbers, or in brackets")
	case !allowPrivate && (len(labels) == 1 || last == "localhost"):
		return wrong("its host is not on the public internet")
	}
	return nil
}

// isName tells whether labels are those of a DNS name. Others could become an IP address on their way through the
// normalisation of international names.
func isName(labels []string) bool {
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

func numeric(label string) bool {
	if hex, is := strings.CutPrefix(label, "0x"); is {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// notPublic are the networks that are not the public internet (the special-purpose registries of IANA), as far as netip
// does not know them itself.
var notPublic = networks("0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4",
	"2001::/23 2001:db8::/32 3fff::/20")

var (
	global  = netip.MustParsePrefix("2000::/3")     // of IPv6, only this is given out
	nat64   = netip.MustParsePrefix("64:ff9b::/96") // leads to the IPv4 address at its end
	sixTo4  = netip.MustParsePrefix("2002::/16")    // leads to the IPv4 address behind its first 16 bits
	carrier = netip.MustParsePrefix("100.64.0.0/10")
)

func networks(lists ...string) (all []netip.Prefix) {
	for _, list := range lists {
		for one := range strings.FieldsSeq(list) {
			all = append(all, netip.MustParsePrefix(one))
		}
	}
	return all
}

// Private tells whether an IP address is not one of the public internet.
func Private(ip netip.Addr) bool {
	ip = inner(ip.Unmap())
	if !ip.IsValid() || ip.Zone() != "" || ip.IsPrivate() || ip.IsLoopback() || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() {
		return true
	}
	for _, n := range notPublic {
		if n.Contains(ip) {
			return true
		}
	}
	return ip.Is6() && !global.Contains(ip)
}

// inner is the IPv4 address that an IPv6 address leads to, if it does; else the address itself.
func inner(ip netip.Addr) netip.Addr {
	b := ip.As16()
	switch {
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:]))
	case sixTo4.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return ip
}

// metadata is where clouds tell machines their secrets, as far as that is not link-local: AWS, Google, Scaleway, Alibaba, Azure.
var metadata = networks("fd00:ec2::/32 fd20:ce::254/128 fd00:42::42/128 100.100.100.200/32 168.63.129.16/32")

// Allowed tells whether callbacks may go to an IP address. Private addresses are those of networks of one's own; link-local
// ones and others where clouds tell machines their secrets are never among them.
func Allowed(ip netip.Addr, allowPrivate bool) bool {
	ip = ip.Unmap()
	for _, n := range metadata {
		if n.Contains(inner(ip)) {
			return false
		}
	}
	return !Private(ip) || allowPrivate && (ip.IsPrivate() || ip.IsLoopback() || carrier.Contains(ip))
}
