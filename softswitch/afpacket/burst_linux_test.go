package afpacket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
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
	ethernet = append(ethernet, 0x08, 0)
	ip, protocol, gso, sumAt := b.network()
	if b.ipv6 {
		copy(ethernet[len(ethernet)-2:], "\x86\xdd")
	}
	fix := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	segment, packet := gopacket.NewSerializeBuffer(), gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(segment, fix, b.transport(ip), gopacket.Payload(b.payload))
	if err == nil {
		n := len(segment.Bytes())
		binary.BigEndian.PutUint16(segment.Bytes()[sumAt:], slowSum(ip.NetworkFlow().Src().Raw(), ip.NetworkFlow().Dst().Raw(),
			[]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), 0, byte(protocol)}))
		err = gopacket.SerializeLayers(packet, fix, ip.(gopacket.SerializableLayer), gopacket.Payload(segment.Bytes()))
	}
	if err != nil {
		t.Fatal(err)
	}
	data := append(ethernet, packet.Bytes()...)

	h := [vnetLen]byte{unix.VIRTIO_NET_HDR_F_NEEDS_CSUM, gso}
	if b.cwr {
		h[1] |= unix.VIRTIO_NET_HDR_GSO_ECN
	}
	binary.NativeEndian.PutUint16(h[2:], uint16(len(data)-len(b.payload)))
	binary.NativeEndian.PutUint16(h[4:], uint16(b.size))
	binary.NativeEndian.PutUint16(h[6:], uint16(len(data)-len(segment.Bytes())))
	binary.NativeEndian.PutUint16(h[8:], uint16(sumAt))
	return data, h
}

// network makes the IP header, and says what kind of super-frame it is.
func (b burst) network() (ip gopacket.NetworkLayer, protocol layers.IPProtocol, gso byte, sumAt int) {
	switch {
	case !b.tcp:
		protocol, gso, sumAt = layers.IPProtocolUDP, unix.VIRTIO_NET_HDR_GSO_UDP_L4, 6
	case b.ipv6:
		protocol, gso, sumAt = layers.IPProtocolTCP, unix.VIRTIO_NET_HDR_GSO_TCPV6, 16
	default:
		protocol, gso, sumAt = layers.IPProtocolTCP, unix.VIRTIO_NET_HDR_GSO_TCPV4, 16
	}
	if b.ipv6 {
		return &layers.IPv6{Version: 6, TrafficClass: 3, FlowLabel: 77, HopLimit: 64, NextHeader: protocol,
			SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::2")}, protocol, gso, sumAt
	}
	ip4 := &layers.IPv4{Version: 4, TTL: 64, Id: b.id, Protocol: protocol, SrcIP: net.IP{192, 0, 2, 1}, DstIP: net.IP{192, 0, 2, 2}}
	for range 4 * b.ipOptions {
		ip4.Options = append(ip4.Options, layers.IPv4Option{OptionType: 1})
	}
	return ip4, protocol, gso, sumAt
}

func (b burst) transport(ip gopacket.NetworkLayer) gopacket.SerializableLayer {
	if !b.tcp {
		udp := &layers.UDP{SrcPort: 1, DstPort: testPort}
		udp.SetNetworkLayerForChecksum(ip)
		return udp
	}
	tcp := &layers.TCP{SrcPort: 1, DstPort: testPort, Seq: b.seq, Ack: 5, ACK: true, FIN: b.fin, PSH: b.psh, CWR: b.cwr, Window: 99}
	if b.tcpOption {
		tcp.Options = []layers.TCPOption{{OptionType: 1}, {OptionType: 1},
			{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: []byte("12345678")}}
	}
	tcp.SetNetworkLayerForChecksum(ip)
	return tcp
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

// injector sends frames with a virtio header before each.
type injector struct{ fd int }

func (n *testNet) injector(t testing.TB, name string) injector {
	t.Helper()
	var i injector
	err := inNetNS(n.path, func() (err error) {
		i.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(i.fd) })
	n.set(t, name, func(l netlink.Link) error {
		return errors.Join(unix.SetsockoptInt(i.fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
			unix.Bind(i.fd, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index}))
	})
	return i
}

func (i injector) send(t testing.TB, frame []byte, header [vnetLen]byte) {
	t.Helper()
	if _, err := unix.Write(i.fd, append(header[:], frame...)); err != nil {
		t.Fatal(err)
	}
}

func fromBurst(f []byte) bool { return bytes.Equal(f[6:12], burstSource) }
