package bmv2test

import (
	"errors"
	"fmt"
	"os"

	"github.com/corecast/corecast/bmv2test/ethtool"
	"github.com/corecast/corecast/internal/netns"
	"github.com/vishvananda/netlink"
)

// withoutIPv6 prepares a namespace: router solicitations would be frames that
// nobody sent.
func withoutIPv6() error {
	for _, which := range []string{"all", "default"} {
		err := os.WriteFile("/proc/sys/net/ipv6/conf/"+which+"/disable_ipv6", []byte("1"), 0o644)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("switch IPv6 off: %w", err)
		}
	}
	return nil
}

// addVeth makes a pair of interfaces and brings both up. The MTU comes first
// and offloads go off before anybody attaches: with them on, packets arrive
// glued together and bmv2 loses bursts.
func addVeth(n *netns.Namespace, a, b string) error {
	h, err := n.Links()
	if err != nil {
		return err
	}
	defer h.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.TxQLen = a, vethMTU, 1000
	veth := netlink.NewVeth(attrs)
	veth.PeerName, veth.PeerMTU = b, vethMTU
	if err := h.LinkAdd(veth); err != nil {
		return fmt.Errorf("add veth pair %s, %s: %w", a, b, err)
	}
	for _, name := range []string{a, b} {
		link, err := h.LinkByName(name)
		if err != nil {
			return fmt.Errorf("interface %s: %w", name, err)
		}
		if err := h.LinkSetGSOMaxSegs(link, 1); err != nil {
			return fmt.Errorf("interface %s: gso_max_segs: %w", name, err)
		}
		if err := n.Do(func() error { return ethtool.Off(name) }); err != nil {
			return fmt.Errorf("offloads off: %w", err)
		}
		if err := h.LinkSetUp(link); err != nil {
			return fmt.Errorf("interface %s: bring up: %w", name, err)
		}
	}
	return nil
}
