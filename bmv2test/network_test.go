package bmv2test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/softswitch/link"
	"github.com/corecast/corecast/wire/inet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSegmentForwardsByMAC(t *testing.T) {
	var lost inet.MAC = inet.MAC{2, 0, 0, 0, 0, 3}
	s := newSegment(func(_, to string, _ []byte) Verdict { return Verdict(to != "c") }, nil)
	var far []*link.End
	for i, name := range []string{"a", "b", "c"} {
		near, end := link.New(link.Options{})
		s.join(name, inet.MAC{2, 0, 0, 0, 0, byte(i + 1)}, near)
		far = append(far, end)
	}
	done := make(chan struct{})
	for _, m := range s.members {
		go func() { s.pump(m); done <- struct{}{} }()
	}
	frame := func(dst inet.MAC, tag byte) []byte {
		eth := inet.Ethernet{Dst: dst, Src: inet.MAC{2, 0, 0, 0, 0, 1}, Type: inet.EtherTypeIPv4}
		return append(eth.Append(nil), tag)
	}
	b := s.members[1]
	broadcast := inet.MAC{255, 255, 255, 255, 255, 255}
	stranger := inet.MAC{2, 0, 0, 0, 0, 9}
	sent := [][]byte{
		frame(inet.MAC{2, 0, 0, 0, 0, 2}, 1), frame(lost, 2), frame(stranger, 3),
		frame(broadcast, 4), frame(inet.MAC{2, 0, 0, 0, 0, 2}, 5), {1, 2, 3},
	}
	if _, err := far[0].Send(sent); err != nil {
		t.Fatal(err)
	}
	var tags []byte
	for frames := newFrames(8); len(tags) < 3; {
		n, err := far[1].Recv(frames)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames[:n] {
			tags = append(tags, f[len(f)-1])
		}
	}
	if string(tags) != "\x01\x04\x05" {
		t.Errorf("%s received frames %v, want 1 4 5 in this order", b.name, tags)
	}
	for _, end := range far {
		end.Close()
	}
	for range far {
		<-done
	}
	if got := far[2].Stats().RxFrames; got != 0 {
		t.Errorf("c received %d frames that the tap lost", got)
	}
	if got := s.unknown.Load(); got != 2 {
		t.Errorf("%d frames for strangers, want 2", got)
	}
}

func TestViewersPerDomain(t *testing.T) {
	for _, c := range []struct {
		clients, domains int
		want             []int
	}{
		{7, 3, []int{2, 3, 2}},
		{1, 3, []int{0, 1, 0}},
		{200, 20, []int{10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10}},
	} {
		got := make([]int, c.domains)
		for i, v := range placeViewers(c.clients, c.domains) {
			if v.Index != i {
				t.Errorf("viewer %d has index %d", i, v.Index)
			}
			got[v.Domain-1]++
		}
		for d := range got {
			if got[d] != c.want[d] {
				t.Errorf("%d clients in %d domains: %v, want %v", c.clients, c.domains, got, c.want)
				break
			}
		}
	}
}

func TestTopologyCheck(t *testing.T) {
	s1 := SwitchSpec{Name: "s1", Target: Softswitch, Ports: []uint32{1, 2, 3, 4}, Loop: [2]uint32{3, 4}}
	host := func(port uint32) HostSpec { return HostSpec{Name: "h", At: Attachment{"s1", port}} }
	for _, c := range []struct {
		name string
		t    Topology
		want string // in the error; "" for none
	}{
		{"good", Topology{Switches: []SwitchSpec{s1}, Hosts: []HostSpec{host(1), host(2)}}, ""},
		{"no such switch", Topology{Hosts: []HostSpec{host(1)}}, `host h: there is no port 1 on a switch "s1"`},
		{"no such port", Topology{Switches: []SwitchSpec{s1}, Hosts: []HostSpec{host(9)}}, "there is no port 9"},
		{"port used twice", Topology{Switches: []SwitchSpec{s1}, Hosts: []HostSpec{host(1), host(1)}}, "port 1 of switch s1 is used by host h"},
		{"port in a loop", Topology{Switches: []SwitchSpec{s1}, Hosts: []HostSpec{host(3)}}, "used by loop of switch s1"},
		{"switch twice", Topology{Switches: []SwitchSpec{s1, s1}}, "port 1 is listed twice"},
	} {
		err := c.t.check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
