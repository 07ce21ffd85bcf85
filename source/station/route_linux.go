package station

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// checkRoute says whether the host sends what is for a reserved EID to the ITR.
func checkRoute(reserved, itr netip.Addr) error {
	routes, err := netlink.RouteGet(net.IP(reserved.AsSlice()))
	if err != nil || len(routes) == 0 {
		return fmt.Errorf("there is no route to the reserved EID %s: ip route add %s via %s", reserved, prefixOf(reserved), itr)
	}
	hop, _ := netip.AddrFromSlice(routes[0].Gw)
	if hop = hop.Unmap(); hop == itr || !hop.IsValid() && reserved == itr {
		return nil
	}
	via := "directly by " + linkName(routes[0].LinkIndex)
	if hop.IsValid() {
		via = "via " + hop.String()
	}
	return fmt.Errorf("the reserved EID %s is reached %s, not via %s: ip route add %s via %s", reserved, via, itr, prefixOf(reserved), itr)
}

// vethTo is the veth interface by which a destination is reached; empty for
// another kind.
func vethTo(to netip.Addr) string {
	routes, err := netlink.RouteGet(net.IP(to.AsSlice()))
	if err != nil || len(routes) == 0 {
		return ""
	}
	link, err := netlink.LinkByIndex(routes[0].LinkIndex)
	if err != nil || link.Type() != "veth" {
		return ""
	}
	return link.Attrs().Name
}

func prefixOf(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

func linkName(index int) string {
	if i, err := net.InterfaceByIndex(index); err == nil {
		return i.Name
	}
	return fmt.Sprintf("interface %d", index)
}
