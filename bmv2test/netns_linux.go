package bmv2test

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/corecast/corecast/bmv2test/ethtool"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespace is an unnamed network namespace. It lasts until it is closed and
// the last process in it has ended.
type namespace struct{ file *os.File }

// newNamespace makes a namespace without IPv6, whose router solicitations
// would be frames that nobody sent.
func newNamespace() (*namespace, error) {
	n := new(namespace)
	err := onOwnThread(func() (err error) {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a network namespace (this needs root): %w", err)
		}
		if n.file, err = os.Open("/proc/thread-self/ns/net"); err != nil {
			return err
		}
		for _, which := range []string{"all", "default"} {
			err = os.WriteFile("/proc/sys/net/ipv6/conf/"+which+"/disable_ipv6", []byte("1"), 0o644)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("switch IPv6 off: %w", err)
			}
		}
		return nil
	})
	if err != nil && n.file != nil {
		n.file.Close()
	}
	return n, err
}

// path names the namespace for as long as it is open in this process.
func (n *namespace) path() string { return fmt.Sprintf("/proc/self/fd/%d", n.file.Fd()) }

func (n *namespace) close() { n.file.Close() }

// enter moves the calling thread into the namespace; see onOwnThread.
func (n *namespace) enter() error { return unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET) }

// onOwnThread calls f on a thread of its own, which ends with it.
func onOwnThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is not fit for others
		done <- f()
	}()
	return <-done
}

// addVeth makes a pair of interfaces and brings both up. The MTU comes first
// and offloads go off before anybody attaches: with them on, packets arrive
// glued together and bmv2 loses bursts.
func (n *namespace) addVeth(a, b string) error {
	h, err := netlink.NewHandleAt(netns.NsHandle(n.file.Fd()))
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
		if err := onOwnThread(func() error { return n.offloadsOff(name) }); err != nil {
			return fmt.Errorf("interface %s: offloads off: %w", name, err)
		}
		if err := h.LinkSetUp(link); err != nil {
			return fmt.Errorf("interface %s: bring up: %w", name, err)
		}
	}
	return nil
}

// offloadsOff switches the offloads of an interface in the namespace off.
func (n *namespace) offloadsOff(name string) error {
	if err := n.enter(); err != nil {
		return err
	}
	return ethtool.Off(name)
}
