package controller

import (
	"net/netip"

	"github.com/corecast/corecast/p4/build"
)

// family names the tables and actions that the program has once for each
// address family. Their fields and parameters have the same names in both; the
// constants of IPv4 stand for both.
type family struct {
	name                                        string
	myRLOCs, channels, sourceRLOCs, streams     string // tables
	eids, neighbors, viewers                    string
	channel, multicast, localVia, native, encap string // actions
}

var ipv4 = family{
	name: "IPv4", myRLOCs: build.TableMyRlocs4, channels: build.TableChannels4, sourceRLOCs: build.TableSourceRlocs4,
	streams: build.TableStreams4, eids: build.TableEids4, neighbors: build.TableNeighbors4, viewers: build.TableViewers4,
	channel: build.ActionChannel4, multicast: build.ActionStreamMulticast4, localVia: build.ActionLocalVia4,
	native: build.ActionNative4, encap: build.ActionEncap4,
}

var ipv6 = family{
	name: "IPv6", myRLOCs: build.TableMyRlocs6, channels: build.TableChannels6, sourceRLOCs: build.TableSourceRlocs6,
	streams: build.TableStreams6, eids: build.TableEids6, neighbors: build.TableNeighbors6, viewers: build.TableViewers6,
	channel: build.ActionChannel6, multicast: build.ActionStreamMulticast6, localVia: build.ActionLocalVia6,
	native: build.ActionNative6, encap: build.ActionEncap6,
}

func familyOf(a netip.Addr) *family {
	if a.Is4() {
		return &ipv4
	}
	return &ipv6
}

func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// subtract returns the parts of prefix that no hole covers.
func subtract(prefix netip.Prefix, holes []netip.Prefix) []netip.Prefix {
	cut := false
	for _, h := range holes {
		if !h.Overlaps(prefix) {
			continue
		}
		if h.Bits() <= prefix.Bits() {
			return nil
		}
		cut = true
	}
	if !cut {
		return []netip.Prefix{prefix}
	}
	low := netip.PrefixFrom(prefix.Addr(), prefix.Bits()+1)
	return append(subtract(low, holes), subtract(upperHalf(low), holes)...)
}

// upperHalf is the prefix beside low.
func upperHalf(low netip.Prefix) netip.Prefix {
	b := low.Addr().AsSlice()
	b[(low.Bits()-1)/8] |= 0x80 >> ((low.Bits() - 1) % 8)
	a, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(a, low.Bits())
}

// groupMAC is the Ethernet address of an IP multicast group (RFC 1112, 2464).
func groupMAC(group netip.Addr) [6]byte {
	if group.Is4() {
		a := group.As4()
		return [6]byte{0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3]}
	}
	a := group.As16()
	return [6]byte{0x33, 0x33, a[12], a[13], a[14], a[15]}
}
