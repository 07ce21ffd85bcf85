package oracle

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/corecast/corecast/p4/build"
)

var be = binary.BigEndian

const (
	ecnMask = 3
	ecnECT1 = build.EcnEct1
	ecnCE   = build.EcnCe
)

// ip is an IP packet of which at least the fixed header is there: the bytes
// from that header to the end of the frame, what trails the packet included.
type ip struct {
	v6 bool
	b  []byte
}

// asIP takes b for an IP packet if the fixed header is all there.
func asIP(v6 bool, b []byte) (ip, bool) {
	p := ip{v6, b}
	return p, len(b) >= p.headerSize()
}

func (p ip) clone() ip { return ip{p.v6, slices.Clone(p.b)} }

func (p ip) headerSize() int {
	if p.v6 {
		return build.IPv6Bytes
	}
	return build.IPv4Bytes
}

// size is the packet's length by its own word, headers included.
func (p ip) size() int {
	if p.v6 {
		return build.IPv6Bytes + int(be.Uint16(p.b[4:]))
	}
	return int(be.Uint16(p.b[2:]))
}

// trailing is how many bytes of the frame follow the packet.
func (p ip) trailing() int { return len(p.b) - p.size() }

func (p ip) version() uint8 { return p.b[0] >> 4 }
func (p ip) ihl() uint8     { return p.b[0] & 0xF }

func (p ip) tos() uint8 {
	if p.v6 {
		return p.b[0]<<4 | p.b[1]>>4
	}
	return p.b[1]
}

func (p ip) ttl() uint8 {
	if p.v6 {
		return p.b[7]
	}
	return p.b[8]
}

func (p ip) protocol() uint8 {
	if p.v6 {
		return p.b[6]
	}
	return p.b[9]
}

func (p ip) src() netip.Addr {
	if p.v6 {
		return netip.AddrFrom16([16]byte(p.b[8:]))
	}
	return netip.AddrFrom4([4]byte(p.b[12:]))
}

func (p ip) dst() netip.Addr {
	if p.v6 {
		return netip.AddrFrom16([16]byte(p.b[24:]))
	}
	return netip.AddrFrom4([4]byte(p.b[16:]))
}

func (p ip) headerSumRight() bool { return p.v6 || ones(p.b[:build.IPv4Bytes]) == 0xFFFF }

// isUDP says whether the header promises UDP right behind it.
func (p ip) isUDP() bool { return p.protocol() == build.IpprotoUDP && p.whole() }

// hasPorts says whether TCP or SCTP is right behind the header, at least the
// first four bytes of it.
func (p ip) hasPorts() bool {
	proto := p.protocol()
	return (proto == build.IpprotoTCP || proto == build.IpprotoSCTP) && p.whole() && len(p.b) >= p.headerSize()+4
}

// whole says whether the transport header follows: no options, no extension
// headers, no fragment.
func (p ip) whole() bool {
	if p.v6 {
		return p.version() == 6
	}
	return p.version() == 4 && p.ihl() == 5 && be.Uint16(p.b[6:])&0x3FFF == 0
}

// udp returns the UDP header and all that follows it in the frame.
func (p ip) udp() ([]byte, bool) {
	if !p.isUDP() || len(p.b) < p.headerSize()+build.UDPBytes {
		return nil, false
	}
	return p.b[p.headerSize():], true
}

// dstPort is the UDP destination port, -1 if there is none.
func (p ip) dstPort() int {
	if u, ok := p.udp(); ok {
		return int(be.Uint16(u[2:]))
	}
	return -1
}

// The set methods change the packet in place and keep its header checksum
// right.

func (p ip) setTTL(ttl uint8) {
	if p.v6 {
		p.b[7] = ttl
	} else {
		p.b[8] = ttl
		p.setHeaderSum()
	}
}

func (p ip) setTOS(tos uint8) {
	if p.v6 {
		p.b[0] = p.b[0]&0xF0 | tos>>4
		p.b[1] = p.b[1]&0x0F | tos<<4
	} else {
		p.b[1] = tos
		p.setHeaderSum()
	}
}

func (p ip) setHeaderSum() {
	be.PutUint16(p.b[10:], 0)
	be.PutUint16(p.b[10:], ^ones(p.b[:build.IPv4Bytes]))
}

// datagram returns a UDP packet with p's IP header and source port, and
// another destination and payload.
func (p ip) datagram(dst netip.Addr, port uint16, payload []byte) ip {
	n := ip{p.v6, slices.Clone(p.b[:p.headerSize()+build.UDPBytes])}
	udp := n.b[n.headerSize():]
	be.PutUint16(udp[2:], port)
	be.PutUint16(udp[4:], uint16(build.UDPBytes+len(payload)))
	be.PutUint16(udp[6:], 0)
	if p.v6 {
		copy(n.b[24:], dst.AsSlice())
		be.PutUint16(n.b[4:], uint16(build.UDPBytes+len(payload)))
	} else {
		copy(n.b[16:], dst.AsSlice())
		be.PutUint16(n.b[2:], uint16(build.IPv4Bytes+build.UDPBytes+len(payload)))
		n.setHeaderSum()
	}
	n.b = append(n.b, payload...)
	udp = n.b[n.headerSize():]
	sum := ^ones(slices.Concat(n.src().AsSlice(), n.dst().AsSlice(),
		[]byte{0, n.protocol(), 0, 0}, be.AppendUint16(nil, uint16(len(udp))), udp))
	if sum == 0 {
		sum = 0xFFFF
	}
	be.PutUint16(udp[6:], sum)
	return n
}

// ones is the ones' complement sum of RFC 1071.
func ones(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		word := uint32(b[i]) << 8
		if i+1 < len(b) {
			word |= uint32(b[i+1])
		}
		sum += word
		sum = sum&0xFFFF + sum>>16
	}
	return uint16(sum)
}

// fiveTuple is what names a flow; ports are 0 where there are none.
func (p ip) fiveTuple() []byte {
	t := slices.Concat(p.src().AsSlice(), p.dst().AsSlice(), []byte{p.protocol()})
	return append(t, p.ports()...)
}

func (p ip) ports() []byte {
	if u, ok := p.udp(); ok {
		return u[:4]
	}
	if p.hasPorts() {
		return p.b[p.headerSize():][:4]
	}
	return make([]byte, 4)
}

// crc16 is the hash that v1model calls crc16: CRC-16/ARC.
func crc16(b []byte) uint16 {
	crc := uint16(0)
	for _, x := range b {
		crc ^= uint16(x)
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0xA001
			} else {
				crc >>= 1
			}
		}
	}
	return crc
}
