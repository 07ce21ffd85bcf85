package netns

import (
	"errors"
	"net"
	"os"
	"testing"

	"github.com/vishvananda/netlink"
)

// What is done in a namespace is seen there and nowhere else.
func TestApart(t *testing.T) {
	n, err := New(func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "apart0"}, PeerName: "apart1"})
	})
	if errors.Is(err, os.ErrPermission) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.Do(func() error { _, err := net.InterfaceByName("apart0"); return err }); err != nil {
		t.Errorf("inside: %v", err)
	}
	if _, err := net.InterfaceByName("apart0"); err == nil {
		t.Error("the interface is outside, too")
	}
	links, err := n.Links()
	if err != nil {
		t.Fatal(err)
	}
	defer links.Close()
	if _, err := links.LinkByName("apart0"); err != nil {
		t.Errorf("by netlink: %v", err)
	}
	if _, err := os.Stat(n.Path()); err != nil {
		t.Error(err)
	}
}

// What cannot be prepared is no namespace.
func TestPrepareFails(t *testing.T) {
	failed := errors.New("no")
	n, err := New(func() error { return failed })
	if errors.Is(err, os.ErrPermission) {
		t.Skip(err)
	}
	if n != nil || !errors.Is(err, failed) {
		t.Errorf("%v, %v", n, err)
	}
}
