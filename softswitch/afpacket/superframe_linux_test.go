package afpacket

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/corecast/corecast/softswitch/port"
)

// burst describes a super-frame to make.
type burst struct {
	ipv6, tcp bool
	innerTag  bool // an 802.1Q tag that is still in the frame
	ipOptions int  // 32-bit words
	id        uint16
	seq       uint32
	fin, psh  bool
	cwr       bool
	tcpOption bool // a timestamp
	size      int
	payload   []byte
}

// build makes the super-frame and its virtio header as a kernel does: the
// checksum field holds the sum of the pseudo-header.
func (b burst) build(t interface{ Fatal(...any) }) ([]byte, [vnetLen]byte) {
	ethernet := append([]byte{2, 0, 0, 0, 0, 1}, burstSource...)
	if b.innerTag {
		ethernet = append(ethernet, 0x81, 0, 0, 9)
	}
	var stack []gopacket.SerializableLayer
	protocol, gso, sumAt := layers.IPProtocolUDP, unix.VIRTIO_NET_HDR_GSO_UDP_L4, 6
	if b.tcp {
		protocol, gso, sumAt = layers.IPProtocolTCP, unix.VIRTIO_NET_HDR_GSO_TCPV4, 16
	}
	var ip gopacket.NetworkLayer
	if b.ipv6 {
		ip6 := &layers.IPv6{Version: 6, TrafficClass: 3, FlowLabel: 77, HopLimit: 64, NextHeader: protocol,
			SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::2")}
		stack, ip = append(stack, ip6), ip6
		ethernet = append(ethernet, 0x86, 0xdd)
		if b.tcp {
			gso = unix.VIRTIO_NET_HDR_GSO_TCPV6
		}
	} else {
		ip4 := &layers.IPv4{Version: 4, TTL: 64, Id: b.id, Protocol: protocol,
			SrcIP: net.IP{192, 0, 2, 1}, DstIP: net.IP{192, 0, 2, 2}}
		for range 4 * b.ipOptions {
			ip4.Options = append(ip4.Options, layers.IPv4Option{OptionType: 1})
		}
		stack, ip = append(stack, ip4), ip4
		ethernet = append(ethernet, 0x08, 0)
	}
	if b.tcp {
		tcp := &layers.TCP{SrcPort: 1, DstPort: 4344, Seq: b.seq, Ack: 5, ACK: true, FIN: b.fin, PSH: b.psh, CWR: b.cwr, Window: 99}
		if b.tcpOption {
			tcp.Options = []layers.TCPOption{{OptionType: 1}, {OptionType: 1},
				{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: []byte("12345678")}}
		}
		tcp.SetNetworkLayerForChecksum(ip)
		stack = append(stack, tcp)
	} else {
		udp := &layers.UDP{SrcPort: 1, DstPort: 4344}
		udp.SetNetworkLayerForChecksum(ip)
		stack = append(stack, udp)
	}
	buf := gopacket.NewSerializeBuffer()
	all := append(stack, gopacket.Payload(b.payload))
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...); err != nil {
		t.Fatal(err)
	}
	data := append(ethernet, buf.Bytes()...)

	start := len(data) - len(b.payload) - 8
	if b.tcp {
		start = len(data) - len(b.payload) - 20
		if b.tcpOption {
			start -= 12
		}
	}
	addresses := data[start-8-4*b.ipOptions : start-4*b.ipOptions]
	if b.ipv6 {
		addresses = data[start-32 : start]
	}
	segment := len(data) - start
	binary.BigEndian.PutUint16(data[start+sumAt:], slowSum(addresses,
		[]byte{byte(segment >> 24), byte(segment >> 16), byte(segment >> 8), byte(segment), 0, byte(protocol)}))

	h := [vnetLen]byte{unix.VIRTIO_NET_HDR_F_NEEDS_CSUM, byte(gso)}
	if b.cwr {
		h[1] |= unix.VIRTIO_NET_HDR_GSO_ECN
	}
	binary.NativeEndian.PutUint16(h[2:], uint16(len(data)-len(b.payload)))
	binary.NativeEndian.PutUint16(h[4:], uint16(b.size))
	binary.NativeEndian.PutUint16(h[6:], uint16(start))
	binary.NativeEndian.PutUint16(h[8:], uint16(sumAt))
	return data, h
}

// burstSource is the address that only these frames come from.
var burstSource = net.HardwareAddr{2, 0, 0, 0, 0, 0x99}

// slowSum adds up even numbers of bytes, as RFC 1071 says.
func slowSum(parts ...[]byte) uint16 {
	var sum uint32
	for _, p := range parts {
		for i := 0; i < len(p); i += 2 {
			if sum += uint32(p[i])<<8 | uint32(p[i+1]); sum > 0xffff {
				sum = sum - 0x10000 + 1
			}
		}
	}
	return uint16(sum)
}

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

// slowSplit is the oracle: it has gopacket decode the super-frame, and gives
// each frame a changed copy of the headers for gopacket to write. sure is
// false where gopacket does not write what it has read (malformed options,
// reserved bits): there it has no opinion.
func slowSplit(data []byte, h vnet, tag vlanTag) (frames [][]byte, sure bool) {
	var eth layers.Ethernet
	if eth.DecodeFromBytes(data, gopacket.NilDecodeFeedback) != nil {
		return nil, true
	}
	etherType, at := eth.EthernetType, 14
	for tags := 0; etherType == layers.EthernetTypeDot1Q || etherType == layers.EthernetTypeQinQ; tags++ {
		var q layers.Dot1Q
		if tags == 2 || q.DecodeFromBytes(data[at:], gopacket.NilDecodeFeedback) != nil {
			return nil, true
		}
		etherType, at = q.Type, at+4
	}
	switch etherType {
	case layers.EthernetTypeIPv4:
		return slowSplitIPv4(data[:at], data[at:], h, tag)
	case layers.EthernetTypeIPv6:
		return slowSplitIPv6(data[:at], data[at:], h, tag)
	}
	return nil, true
}

func slowSplitIPv4(ethernet, packet []byte, h vnet, tag vlanTag) ([][]byte, bool) {
	var ip layers.IPv4
	if len(packet) < 20 || packet[0]>>4 != 4 || int(binary.BigEndian.Uint16(packet[2:])) != len(packet) {
		return nil, true
	}
	if ip.DecodeFromBytes(packet, gopacket.NilDecodeFeedback) != nil {
		return nil, false
	}
	if ip.Flags&layers.IPv4MoreFragments != 0 || ip.FragOffset != 0 || h.gso == unix.VIRTIO_NET_HDR_GSO_TCPV6 {
		return nil, true
	}
	id := ip.Id
	return slowSplitTransport(ethernet, packet, ip.Payload, ip.Protocol, h, tag, func(i, length int) gopacket.SerializableLayer {
		ip.Id, ip.Length = id+uint16(i), uint16(len(ip.Contents)+length)
		return &ip
	})
}

func slowSplitIPv6(ethernet, packet []byte, h vnet, tag vlanTag) ([][]byte, bool) {
	var ip layers.IPv6
	if len(packet) < 40 || packet[0]>>4 != 6 || packet[6] == byte(layers.IPProtocolIPv6HopByHop) ||
		ip.DecodeFromBytes(packet, gopacket.NilDecodeFeedback) != nil {
		return nil, true
	}
	if int(ip.Length) != len(packet)-40 || h.gso == unix.VIRTIO_NET_HDR_GSO_TCPV4 {
		return nil, true
	}
	return slowSplitTransport(ethernet, packet, ip.Payload, ip.NextHeader, h, tag, func(_, length int) gopacket.SerializableLayer {
		ip.Length = uint16(length)
		return &ip
	})
}

// slowSplitTransport writes the frames; ip makes the IP header of the i-th,
// whose payload has the given length.
func slowSplitTransport(ethernet, packet, segment []byte, protocol layers.IPProtocol, h vnet, tag vlanTag,
	ip func(i, length int) gopacket.SerializableLayer) (frames [][]byte, sure bool) {
	var (
		payload   []byte
		sumAt     int
		transport func(before, length int, last bool) gopacket.SerializableLayer
		pseudo    = ip(0, len(segment)).(gopacket.NetworkLayer)
	)
	switch {
	case protocol == layers.IPProtocolUDP && h.gso == unix.VIRTIO_NET_HDR_GSO_UDP_L4:
		var udp layers.UDP
		if udp.DecodeFromBytes(segment, gopacket.NilDecodeFeedback) != nil || int(udp.Length) != len(segment) {
			return nil, true
		}
		udp.SetNetworkLayerForChecksum(pseudo)
		payload, sumAt = udp.Payload, 6
		transport = func(_, length int, _ bool) gopacket.SerializableLayer {
			udp.Length = uint16(8 + length)
			return &udp
		}
	case protocol == layers.IPProtocolTCP && (h.gso == unix.VIRTIO_NET_HDR_GSO_TCPV4 || h.gso == unix.VIRTIO_NET_HDR_GSO_TCPV6):
		var tcp layers.TCP
		if len(segment) < 20 || int(segment[12]>>4)*4 > len(segment) || segment[12]>>4 < 5 {
			return nil, true
		}
		if tcp.DecodeFromBytes(segment, gopacket.NilDecodeFeedback) != nil {
			return nil, false
		}
		tcp.SetNetworkLayerForChecksum(pseudo)
		payload, sumAt = tcp.Payload, 16
		original := tcp
		transport = func(before, _ int, last bool) gopacket.SerializableLayer {
			tcp.Seq = original.Seq + uint32(before)
			tcp.FIN, tcp.PSH = original.FIN && last, original.PSH && last
			tcp.CWR = original.CWR && before == 0
			return &tcp
		}
	default:
		return nil, true
	}
	header := len(segment) - len(payload)
	start := len(ethernet) + len(packet) - len(segment)
	longest := start + header + min(len(payload), h.size)
	if tag.present {
		longest += 4
	}
	if len(payload) == 0 || h.size == 0 || longest > port.MaxFrame || h.needsChecksum && (h.start != start || h.offset != sumAt) {
		return nil, true
	}

	write := func(checksums bool, all ...gopacket.SerializableLayer) []byte {
		buf := gopacket.NewSerializeBuffer()
		if gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: checksums}, all...) != nil {
			return nil
		}
		return bytes.Clone(buf.Bytes())
	}
	again := write(false, ip(0, len(segment)), transport(0, len(payload), true), gopacket.Payload(payload))
	if !bytes.Equal(again, packet) {
		return nil, false
	}
	for i := 0; i*h.size < len(payload); i++ {
		before := i * h.size
		end := min(before+h.size, len(payload))
		chunk := payload[before:end]
		packet := write(true, ip(i, header+len(chunk)), transport(before, len(chunk), end == len(payload)), gopacket.Payload(chunk))
		frame := bytes.Clone(ethernet[:12])
		if tag.present {
			frame = binary.BigEndian.AppendUint16(frame, tag.tpid)
			frame = binary.BigEndian.AppendUint16(frame, tag.id)
		}
		frames = append(frames, append(append(frame, ethernet[12:]...), packet...))
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

func sampleBursts() []burst {
	var all []burst
	for _, ipv6 := range []bool{false, true} {
		all = append(all,
			burst{ipv6: ipv6, size: 46, id: 0xfffe, payload: bytes.Repeat([]byte("0123456789"), 21)},
			burst{ipv6: ipv6, tcp: true, size: 100, id: 7, seq: 0xffffffa0, fin: true, psh: true, cwr: true,
				tcpOption: true, payload: bytes.Repeat([]byte("abcdefg"), 50)})
	}
	return all
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
