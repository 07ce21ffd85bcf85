package interop

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/corecast/corecast/bmv2test/ethtool"
	"github.com/corecast/corecast/internal/netns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// namespace is a network namespace that routes. It lasts until its test ends and
// the last process in it has ended.
type namespace struct {
	*netns.Namespace
	name  string
	owner *testing.T // ends the namespace and what was started in it
	links *netlink.Handle
}

// sysctls make a namespace a router whose addresses can be used at once, which
// takes packets of any source, and whose other addresses survive the removal
// of the first.
var sysctls = map[string]string{
	"ipv4/ip_forward":                   "1",
	"ipv4/conf/all/rp_filter":           "0",
	"ipv4/conf/default/rp_filter":       "0",
	"ipv4/conf/all/promote_secondaries": "1",
	"ipv6/conf/all/disable_ipv6":        "0",
	"ipv6/conf/all/forwarding":          "1",
	"ipv6/conf/all/accept_dad":          "0",
	"ipv6/conf/default/accept_dad":      "0",
	"ipv6/conf/default/accept_ra":       "0",
}

func newNamespace(t *testing.T, name string) *namespace {
	t.Helper()
	made, err := netns.New(func() error {
		for key, value := range sysctls {
			if err := os.WriteFile("/proc/sys/net/"+key, []byte(value), 0o644); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("namespace %s: %v", name, err)
	}
	t.Cleanup(made.Close)
	n := &namespace{Namespace: made, name: name, owner: t}
	if n.links, err = made.Links(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.links.Close)
	n.up(t, "lo")
	return n
}

// connect joins two namespaces by a pair of interfaces and brings both up.
func connect(t *testing.T, a *namespace, ifaceA string, b *namespace, ifaceB string) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = ifaceA
	veth := netlink.NewVeth(attrs)
	veth.PeerName, veth.PeerNamespace = ifaceB, netlink.NsFd(b.FD())
	if err := a.links.LinkAdd(veth); err != nil {
		t.Fatalf("connect %s of %s to %s of %s: %v", ifaceA, a.name, ifaceB, b.name, err)
	}
	a.up(t, ifaceA)
	b.up(t, ifaceB)
}

// up brings an interface up. It computes checksums as packets are sent, so
// that captures hold the ones that a wire would carry.
func (n *namespace) up(t *testing.T, iface string) {
	t.Helper()
	link := n.link(t, iface)
	if iface != "lo" {
		if err := n.Do(func() error { return ethtool.Off(iface, ethtool.TxChecksum) }); err != nil {
			t.Fatalf("interface %s of %s: checksum offload off: %v", iface, n.name, err)
		}
	}
	if err := n.links.LinkSetUp(link); err != nil {
		t.Fatalf("interface %s of %s: bring up: %v", iface, n.name, err)
	}
}

func (n *namespace) link(t *testing.T, iface string) netlink.Link {
	t.Helper()
	link, err := n.links.LinkByName(iface)
	if err != nil {
		t.Fatalf("interface %s of %s: %v", iface, n.name, err)
	}
	return link
}

// addAddress gives an interface an address in its prefix.
func (n *namespace) addAddress(t *testing.T, iface string, address netip.Prefix) {
	t.Helper()
	if err := n.links.AddrAdd(n.link(t, iface), addr(address)); err != nil {
		t.Fatalf("address %v on %s of %s: %v", address, iface, n.name, err)
	}
}

func (n *namespace) removeAddress(t *testing.T, iface string, address netip.Prefix) {
	t.Helper()
	if err := n.links.AddrDel(n.link(t, iface), addr(address)); err != nil {
		t.Fatalf("remove address %v of %s of %s: %v", address, iface, n.name, err)
	}
}

func addr(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

// addDefaultRoute sends what has no better route to gateway.
func (n *namespace) addDefaultRoute(t *testing.T, iface string, gateway netip.Addr) {
	t.Helper()
	route := &netlink.Route{LinkIndex: n.link(t, iface).Attrs().Index, Gw: gateway.AsSlice(), Priority: 100}
	if err := n.links.RouteAdd(route); err != nil {
		t.Fatalf("default route of %s through %v: %v", n.name, gateway, err)
	}
}
