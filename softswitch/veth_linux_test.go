package softswitch

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/corecast/corecast/internal/netns"
	"github.com/corecast/corecast/softswitch/afpacket"
	"github.com/corecast/corecast/softswitch/port"
)

// vethPorts makes n veth pairs in a network namespace of the test's own and
// opens both ends of each as ports: the switch's and the host's.
func vethPorts(t testing.TB, n int) (ports, hosts []port.Port) {
	t.Helper()
	ns, err := netns.New(nil)
	if errors.Is(err, os.ErrPermission) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ns.Close)
	h, err := ns.Links()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	open := func(name string) port.Port {
		l, err := h.LinkByName(name)
		if err == nil {
			err = h.LinkSetUp(l)
		}
		if err != nil {
			t.Fatal(err)
		}
		p, err := afpacket.Open(name, afpacket.Options{NetNS: ns.Path()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	for i := range n {
		a, b := fmt.Sprintf("s%d", i+1), fmt.Sprintf("h%d", i+1)
		if err := h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: a}, PeerName: b}); err != nil {
			t.Fatal(err)
		}
		ports, hosts = append(ports, open(a)), append(hosts, open(b))
	}
	return ports, hosts
}

// Frames per second from one host to another through the switch, over veth.
func BenchmarkSwitchVeth(b *testing.B) {
	for _, size := range []int{64, 1316} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			ports, hosts := vethPorts(b, 2)
			s := startSwitch(b, Config{DeviceID: 1, Program: readFile(b, "testdata/toolbox.json")}, 0)
			for i, p := range ports {
				if err := s.AddPort(uint32(i+1), p); err != nil {
					b.Fatal(err)
				}
			}
			forwardTo(b, s.Dataplane(), 2, 2)
			benchmarkForwarding(b, hosts[0], hosts[1], size)
		})
	}
}

func TestFramesGoThroughLinuxInterfaces(t *testing.T) {
	ports, hosts := vethPorts(t, 2)
	s := startSwitch(t, Config{DeviceID: 1, Program: readFile(t, "testdata/toolbox.json")}, 0)
	for i, p := range ports {
		if err := s.AddPort(uint32(i+1), p); err != nil {
			t.Fatal(err)
		}
	}
	forwardTo(t, s.Dataplane(), 2, 2)
	if _, err := hosts[0].Send([][]byte{frameTo(2, 42)}); err != nil {
		t.Fatal(err)
	}
	buf := [][]byte{make([]byte, port.MaxFrame)}
	for {
		if _, err := hosts[1].Recv(buf); err != nil {
			t.Fatal(err)
		}
		if string(buf[0]) == string(frameTo(2, 42)) {
			return // others are what Linux itself says on a new interface
		}
	}
}
