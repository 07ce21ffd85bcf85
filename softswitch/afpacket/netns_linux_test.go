package afpacket

import (
	"errors"
	"net"
	"os"
	"testing"

	"github.com/corecast/corecast/internal/netns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// testNet is a network namespace of the test's own, gone when the test is.
type testNet struct {
	handle *netlink.Handle
	path   string
}

func newTestNet(t testing.TB) *testNet {
	t.Helper()
	ns, err := netns.New(nil)
	if errors.Is(err, os.ErrPermission) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	h, err := ns.Links()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(); ns.Close() })
	return &testNet{handle: h, path: ns.Path()}
}

// veth makes a pair of interfaces, both up, which take frames a little longer
// than a port does.
func (n *testNet) veth(t testing.TB, a, b string) { n.vethOf(t, a, b, 2100) }

func (n *testNet) vethOf(t testing.TB, a, b string, mtu uint32) {
	t.Helper()
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: a, MTU: int(mtu)}, PeerName: b, PeerMTU: mtu}
	if err := n.handle.LinkAdd(pair); err != nil {
		t.Fatalf("add veth %s: %v", a, err)
	}
	for _, name := range []string{a, b} {
		n.set(t, name, n.handle.LinkSetUp)
	}
}

func (n *testNet) set(t testing.TB, name string, f func(netlink.Link) error) {
	t.Helper()
	l, err := n.handle.LinkByName(name)
	if err == nil {
		err = f(l)
	}
	if err != nil {
		t.Fatalf("interface %s: %v", name, err)
	}
}

func (n *testNet) open(t testing.TB, name string) *Port {
	t.Helper()
	p, err := Open(name, Options{NetNS: n.path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// address gives an interface 10.0.0.host and fd00::host.
func (n *testNet) address(t *testing.T, name string, host byte) {
	t.Helper()
	n.set(t, name, func(l netlink.Link) error {
		v4 := &net.IPNet{IP: net.IPv4(10, 0, 0, host), Mask: net.CIDRMask(24, 32)}
		v6 := &net.IPNet{IP: net.IP{0: 0xfd, 15: host}, Mask: net.CIDRMask(64, 128)}
		return errors.Join(n.handle.AddrAdd(l, &netlink.Addr{IPNet: v4}),
			n.handle.AddrAdd(l, &netlink.Addr{IPNet: v6, Flags: unix.IFA_F_NODAD}))
	})
}

// dialUDP gives an interface addresses and connects a socket through it to a
// neighbour that never answers.
func (n *testNet) dialUDP(t *testing.T, name string, ipv6 bool) *net.UDPConn {
	t.Helper()
	n.address(t, name, 1)
	to := net.IP{10, 0, 0, 2}
	if ipv6 {
		to = net.IP{0: 0xfd, 15: 2}
	}
	n.set(t, name, func(l netlink.Link) error {
		return n.handle.NeighSet(&netlink.Neigh{LinkIndex: l.Attrs().Index, State: netlink.NUD_PERMANENT,
			IP: to, HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 2}})
	})
	var conn *net.UDPConn
	err := inNetNS(n.path, func() (err error) {
		conn, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: to, Port: testPort})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
