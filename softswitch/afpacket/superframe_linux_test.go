package afpacket

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/corecast/corecast/softswitch/port"
)

// fastSplit makes all frames of a super-frame, each in a buffer of its own.
func fastSplit(t interface{ Fatalf(string, ...any) }, data []byte, h vnet, tag vlanTag) ([][]byte, bool) {
	s, ok := parseSuperFrame(bytes.Clone(data), h, tag)
	if !ok {
		return nil, false
	}
	var frames [][]byte
	for !s.done() {
		if len(frames) > len(data) {
			t.Fatalf("no end after %d frames", len(frames))
		}
		f, ok := s.next(make([]byte, 0, port.MaxFrame))
		if !ok {
			t.Fatalf("frame %d has no room in %d bytes", len(frames), port.MaxFrame)
		}
		frames = append(frames, f)
	}
	return frames, true
}

func compareSplits(t interface {
	Fatalf(string, ...any)
}, data []byte, h vnet, tag vlanTag) (frames int, sure bool) {
	got, ok := fastSplit(t, data, h, tag)
	want, sure := slowSplit(data, h, tag)
	if !sure {
		return len(got), false
	}
	if ok != (want != nil) {
		t.Fatalf("split = %v, the oracle says %v: %d bytes, %+v", ok, want != nil, len(data), h)
	}
	if len(got) != len(want) {
		t.Fatalf("%d frames, the oracle has %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("frame %d of %d:\ngot  %x\nwant %x", i, len(want), got[i], want[i])
		}
	}
	return len(got), true
}

// Any super-frame that a kernel makes is split as gopacket would write it.
func TestSplitAgreesWithTheOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := burst{
			ipv6: rapid.Bool().Draw(t, "ipv6"), tcp: rapid.Bool().Draw(t, "tcp"),
			innerTag:  rapid.Bool().Draw(t, "innerTag"),
			ipOptions: rapid.IntRange(0, 10).Draw(t, "ipOptions"),
			id:        rapid.Uint16().Draw(t, "id"), seq: rapid.Uint32().Draw(t, "seq"),
			fin: rapid.Bool().Draw(t, "fin"), psh: rapid.Bool().Draw(t, "psh"), cwr: rapid.Bool().Draw(t, "cwr"),
			tcpOption: rapid.Bool().Draw(t, "tcpOption"),
			size:      rapid.IntRange(1, port.MaxFrame-14-4-4-60-32).Draw(t, "size"),
		}
		if b.ipv6 {
			b.ipOptions = 0
		}
		b.payload = bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "payload"),
			rapid.IntRange(1, 1300).Draw(t, "times"))
		b.size = max(b.size, len(b.payload)/100) // the oracle is slow
		tag := vlanTag{present: rapid.Bool().Draw(t, "tag"), tpid: 0x8100, id: 0x2007}
		data, header := b.build(t)
		frames, sure := compareSplits(t, data, parseVnet(&header), tag)
		if want := (len(b.payload) + b.size - 1) / b.size; !sure || frames != want {
			t.Fatalf("%d frames (oracle sure: %v), want %d", frames, sure, want)
		}
	})
}

// What the kernel says of a super-frame may be a lie of a virtual machine's:
// nothing panics, and what holds together is split as the oracle does.
func FuzzSplit(f *testing.F) {
	for _, b := range sampleBursts() {
		data, header := b.build(f)
		f.Add(data, header[:], uint16(0))
		f.Add(data, header[:], uint16(7))
		for i := range header {
			lie := header
			lie[i] ^= 0xff
			f.Add(data, lie[:], uint16(0))
		}
		f.Add(data[:len(data)-1], header[:], uint16(0))
		f.Add(data[:20], header[:], uint16(0))
	}
	f.Fuzz(func(t *testing.T, data, header []byte, tag uint16) {
		if len(data) > maxSuperFrame || len(header) < vnetLen {
			return
		}
		h := parseVnet((*[vnetLen]byte)(header))
		if h.size > 0 && len(data)/h.size > 100 {
			h.size = len(data) / 100 // the oracle is slow
		}
		compareSplits(t, data, h, vlanTag{present: tag != 0, tpid: 0x8100, id: tag})
	})
}

func TestWhatCannotBeSplit(t *testing.T) {
	udp, tcp6 := sampleBursts()[0], sampleBursts()[3]
	tests := []struct {
		name   string
		burst  burst
		change func(data []byte, h *vnet)
	}{
		{"UDP fragmentation offload", udp, func(_ []byte, h *vnet) { h.gso = unix.VIRTIO_NET_HDR_GSO_UDP }},
		{"unknown kind", udp, func(_ []byte, h *vnet) { h.gso = 0x7f }},
		{"UDP called TCP", udp, func(_ []byte, h *vnet) { h.gso = unix.VIRTIO_NET_HDR_GSO_TCPV4 }},
		{"IPv6 called IPv4", tcp6, func(_ []byte, h *vnet) { h.gso = unix.VIRTIO_NET_HDR_GSO_TCPV4 }},
		{"no segment size", udp, func(_ []byte, h *vnet) { h.size = 0 }},
		{"checksum starts elsewhere", udp, func(_ []byte, h *vnet) { h.start++ }},
		{"checksum is elsewhere", udp, func(_ []byte, h *vnet) { h.offset = 16 }},
		{"ARP", udp, func(d []byte, _ *vnet) { d[13] = 6 }},
		{"three tags", udp, func(d []byte, _ *vnet) { copy(d[12:], "\x81\x00\x00\x01\x81\x00\x00\x01\x81\x00\x00\x01\x08\x00") }},
		{"IP version", udp, func(d []byte, _ *vnet) { d[14] = 0x65 }},
		{"IPv4 header too short", udp, func(d []byte, _ *vnet) { d[14] = 0x44 }},
		{"IPv4 total length", udp, func(d []byte, _ *vnet) { d[17]++ }},
		{"fragment", udp, func(d []byte, _ *vnet) { d[20] = 0x20 }},
		{"UDP length", udp, func(d []byte, _ *vnet) { d[39]-- }},
		{"IPv6 payload length", tcp6, func(d []byte, _ *vnet) { d[19]++ }},
		{"IPv6 extension header", tcp6, func(d []byte, _ *vnet) { d[20] = 0 }},
		{"TCP header too short", tcp6, func(d []byte, _ *vnet) { d[14+40+12] = 0x40 }},
		{"segments too long", burst{size: port.MaxFrame - 41, payload: make([]byte, 5000)}, func([]byte, *vnet) {}},
	}
	for _, tt := range tests {
		data, header := tt.burst.build(t)
		h := parseVnet(&header)
		tt.change(data, &h)
		if _, ok := fastSplit(t, data, h, vlanTag{}); ok {
			t.Errorf("%s: was split", tt.name)
		}
	}
	// The longest that still is.
	data, header := burst{size: port.MaxFrame - 42, payload: make([]byte, 5000)}.build(t)
	if frames, ok := fastSplit(t, data, parseVnet(&header), vlanTag{}); !ok || len(frames[0]) != port.MaxFrame {
		t.Errorf("a super-frame of frames of port.MaxFrame was not split")
	}
	if _, ok := fastSplit(t, data, parseVnet(&header), vlanTag{present: true}); ok {
		t.Errorf("a tag made frames longer than port.MaxFrame, and they were split")
	}
}
