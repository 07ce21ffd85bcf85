package bmv2test

import (
	"net/netip"

	"github.com/corecast/corecast/wire/inet"
)

// The pairs that identify the channel of a Fig. 2 network; the IPv6 one is for
// dual-stack networks.
var (
	SourceEID   = netip.MustParseAddr("10.0.0.10")
	ReservedEID = netip.MustParseAddr("10.0.255.1")

	SourceEID6   = EID6(SourceEID)
	ReservedEID6 = netip.MustParseAddr("2001:db8:0:ff00::1")

	// secondHost is on ETR 1's second port.
	secondHost   = netip.MustParseAddr("10.1.200.10")
	secondSubnet = netip.MustParsePrefix("10.1.200.0/24")
)

// transit6 holds the IPv6 RLOCs.
var transit6 = netip.MustParsePrefix("2001:db8:ffff::/64")

// EID6 returns the IPv6 EID of the host whose IPv4 EID is 10.d.x.y:
// 2001:db8:d::x:y.
func EID6(eid netip.Addr) netip.Addr {
	from := eid.As4()
	a := prefix6(int(from[1])).Addr().As16()
	a[13], a[15] = from[2], from[3]
	return netip.AddrFrom16(a)
}

// prefix6 holds the IPv6 EIDs of a domain.
func prefix6(d int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, byte(d)}), 48)
}

// HostMAC returns the MAC address of the host with an EID.
func HostMAC(eid netip.Addr) inet.MAC {
	a := eid.As4()
	return inet.MAC{2, 0, a[0], a[1], a[2], a[3]}
}

// SwitchMAC returns the MAC address of a port of the ITR (d = 0) or of ETR d.
func SwitchMAC(d int, port uint32) inet.MAC { return inet.MAC{2, 1, 0, byte(d), 0, byte(port)} }

// RLOC returns the RLOC of the ITR (d = 0) or of ETR d.
func (f *Fig2) RLOC(d int) netip.Addr {
	switch {
	case f.Domains > slash24Domains && d == 0:
		return netip.AddrFrom4([4]byte{198, 18, 0, 10})
	case f.Domains > slash24Domains:
		return netip.AddrFrom4([4]byte{198, 18, 1, byte(d)})
	case d == 0:
		return netip.AddrFrom4([4]byte{192, 0, 2, 10})
	}
	return netip.AddrFrom4([4]byte{192, 0, 2, byte(20 + d)})
}

// RLOC6 returns the IPv6 RLOC of the ITR (d = 0) or of ETR d.
func (f *Fig2) RLOC6(d int) netip.Addr {
	a := transit6.Addr().As16()
	a[14], a[15] = byte(d), 10
	return netip.AddrFrom16(a)
}

// reachedByIPv6 says by which of its RLOCs a switch is reached.
func (f *Fig2) reachedByIPv6(d int) bool {
	rlocs := f.Config.Sites[d].RLOCs
	return len(rlocs) > 1 && rlocs[1].Priority < rlocs[0].Priority
}

// transitBits is the prefix length of the transit subnet.
func (f *Fig2) transitBits() int {
	if f.Domains > slash24Domains {
		return 16
	}
	return 24
}

// domainHost is the address of the host that stands for a domain where it is
// not one of the viewers.
func domainHost(d int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(d), 0, 10}) }
