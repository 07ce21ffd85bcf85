package slowpath

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/wire/inet"
)

// ICMP types and codes (RFC 792, 1191, 4443).
const (
	icmp4EchoReply, icmp4Unreachable, icmp4Echo, icmp4TimeExceeded = 0, 3, 8, 11
	icmp4HostUnreachable, icmp4PortUnreachable, icmp4TooBig        = 1, 3, 4

	icmp6Unreachable, icmp6TooBig, icmp6TimeExceeded = 1, 2, 3
	icmp6Echo, icmp6EchoReply                        = 128, 129
	icmp6AddressUnreachable, icmp6PortUnreachable    = 3, 4

	protocolICMP, protocolICMPv6 = 1, 58
	// quote4 and quote6 bound an error message with what it quotes (RFC 1812
	// §4.3.2.3, RFC 4443 §2.4).
	quote4, quote6 = 576, 1280
)

// icmpError is the kind of an error in both families, and its 32 bits of data.
type icmpError struct {
	type4, code4 uint8
	type6, code6 uint8
	data4, data6 uint32
}

var (
	hostUnreachable = icmpError{type4: icmp4Unreachable, code4: icmp4HostUnreachable, type6: icmp6Unreachable, code6: icmp6AddressUnreachable}
	portUnreachable = icmpError{type4: icmp4Unreachable, code4: icmp4PortUnreachable, type6: icmp6Unreachable, code6: icmp6PortUnreachable}
	timeExceeded    = icmpError{type4: icmp4TimeExceeded, type6: icmp6TimeExceeded}
)

// tooBigFor says that at most mtu bytes fit.
func tooBigFor(mtu int) icmpError {
	return icmpError{type4: icmp4Unreachable, code4: icmp4TooBig, data4: uint32(mtu), type6: icmp6TooBig, data6: uint32(mtu)}
}

func (p *Path) timeExceeded(now time.Time, k *packet) { p.sendError(now, k, timeExceeded) }

// tooBig tells the sender what fits. IPv4 packets that may be fragmented are
// dropped: the slow path is no fragmenter.
func (p *Path) tooBig(now time.Time, k *packet) {
	eid := k.dst
	if _, viewer, ok := k.corecast(); ok && viewer.IsValid() {
		eid = viewer
	}
	mtu := p.do.MTU(eid)
	if mtu == 0 || !k.df {
		p.count("too_big_dropped")
		return
	}
	p.sendError(now, k, tooBigFor(mtu))
}

// unreachable drops packets that are held, and tells their senders.
func (p *Path) unreachable(now time.Time, packets []queued) {
	p.release(packets)
	for _, q := range packets {
		var k packet
		if k.parse(q.frame, p.view.isRLOC) == nil {
			k.port = q.port
			p.count("unreachable")
			p.sendError(now, &k, hostUnreachable)
		}
	}
}

// mayBlame reports whether an error may be sent about a packet (RFC 1122
// §3.2.2, RFC 4443 §2.4): not about errors, pieces, and what has no one sender
// or receiver.
func (k *packet) mayBlame() bool {
	switch {
	case k.fragment || !k.src.IsValid() || k.src.IsUnspecified() || k.src.IsMulticast() || k.src.IsLoopback() || k.dst.IsMulticast():
		return false
	case k.dst == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return false
	case k.protocol == protocolICMP:
		return len(k.payload) > 0 && k.payload[0] == icmp4Echo
	case k.protocol == protocolICMPv6:
		return len(k.payload) > 0 && k.payload[0] >= 128
	}
	return true
}

func (p *Path) sendError(now time.Time, k *packet, e icmpError) {
	if !k.mayBlame() || p.view.ownAddress(k.src) {
		return
	}
	if !p.icmp.allow(now) {
		p.count("icmp_limited")
		return
	}
	v6 := k.src.Is6()
	source := p.view.addressOn(p.replyPort(k), v6)
	if !source.IsValid() {
		p.count("no_own_address")
		return
	}
	typ, code, data, most := e.type4, e.code4, e.data4, quote4-inet.IPv4Size-8
	if v6 {
		typ, code, data, most = e.type6, e.code6, e.data6, quote6-inet.IPv6Size-8
	}
	body := append(binary.BigEndian.AppendUint32(nil, data), k.ip[:min(len(k.ip), most)]...)
	p.count("icmp_sent")
	p.reply(k, icmpPacket(source, k.src, typ, code, body))
}

// replyPort is the port that an answer to k leaves by, or would have come from.
func (p *Path) replyPort(k *packet) uint16 {
	if local := p.view.localPort(); k.tunnel && local != nil {
		return local.ID
	}
	return k.port
}

// reply sends an IP packet to where k came from: back on its port, or by the
// map-cache if it came through a tunnel.
func (p *Path) reply(k *packet, ip []byte) {
	eth := inet.Ethernet{Type: inet.EtherTypeIPv4}
	if ip[0]>>4 == 6 {
		eth.Type = inet.EtherTypeIPv6
	}
	port := p.view.port(p.replyPort(k))
	if port == nil {
		return
	}
	if k.tunnel {
		eth.Dst, eth.Src = inet.MAC(port.MAC), inet.MAC(config.PortMAC(p.view.Switch.Name, port.ID))
		p.do.Receive(port.ID, append(eth.Append(nil), ip...))
		return
	}
	eth.Dst, eth.Src = k.eth.Src, inet.MAC(port.MAC)
	p.do.Send(port.ID, append(eth.Append(nil), ip...))
}

// icmpPacket is an ICMP or ICMPv6 message in its IP packet; body is what
// follows the checksum.
func icmpPacket(src, dst netip.Addr, typ, code uint8, body []byte) []byte {
	return icmpPacketHops(src, dst, typ, code, body, 64)
}

func icmpPacketHops(src, dst netip.Addr, typ, code uint8, body []byte, hops uint8) []byte {
	message := append([]byte{typ, code, 0, 0}, body...)
	if src.Is4() {
		binary.BigEndian.PutUint16(message[2:], inet.Checksum(message))
		h := inet.IPv4{TTL: hops, Protocol: protocolICMP, Src: src, Dst: dst}
		return append(h.Append(nil, len(message)), message...)
	}
	pseudo := append(append(src.AsSlice(), dst.AsSlice()...), 0, 0, 0, 0, 0, 0, 0, protocolICMPv6)
	binary.BigEndian.PutUint32(pseudo[32:], uint32(len(message)))
	binary.BigEndian.PutUint16(message[2:], inet.Checksum(append(pseudo, message...)))
	h := inet.IPv6{HopLimit: hops, NextHeader: protocolICMPv6, Src: src, Dst: dst}
	return append(h.Append(nil, len(message)), message...)
}

// toUs takes a packet to one of the switch's addresses: ping is answered,
// neighbors are, and whatever looks for a port learns that it is closed.
func (p *Path) toUs(now time.Time, k *packet) {
	switch {
	case k.fragment:
		p.count("to_us_dropped")
	case k.protocol == protocolICMP && len(k.payload) >= 8 && k.payload[0] == icmp4Echo:
		p.echo(now, k, icmp4EchoReply)
	case k.protocol == protocolICMPv6 && len(k.payload) >= 8 && k.payload[0] == icmp6Echo:
		p.echo(now, k, icmp6EchoReply)
	case k.protocol == protocolICMPv6 && !k.tunnel:
		p.neighborMessage(now, k)
	case k.protocol == inet.ProtocolUDP:
		p.sendError(now, k, portUnreachable)
	default:
		p.count("to_us_dropped")
	}
}

func (p *Path) echo(now time.Time, k *packet, typ uint8) {
	if !p.answers.allow(now) || k.src.IsMulticast() || k.src.IsUnspecified() {
		p.count("answer_limited")
		return
	}
	p.count("echo_answered")
	p.reply(k, icmpPacket(k.dst, k.src, typ, 0, k.payload[4:]))
}
