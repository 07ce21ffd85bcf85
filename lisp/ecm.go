package lisp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// ECM is an Encapsulated Control Message: a control message within the IP
// packet that an ITR would have sent to the EID. RFC 9301 §5.8 and §12.6, from
// the LISP header on:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-+-+-+-+-----------------------------------------------+
//	|Type=8 |S|D|E|M|            Reserved                           |
//	+-------+-+-+-+-+-----------------------------------------------+
//	|    AD Type    |   Authentication Data Content . . ., with S   |
//	+---------------+-----------------------------------------------+
//	|                  inner IPv4 or IPv6 header                    |
//	+-------------------------------+-------------------------------+
//	|          Source Port          |           Dest Port           |
//	+-------------------------------+-------------------------------+
//	|           UDP Length          |          UDP Checksum         |
//	+-------------------------------+-------------------------------+
//	|                      LISP Control Message                     |
//	+---------------------------------------------------------------+
type ECM struct {
	Security    bool   // S: Auth is there
	DDT         bool   // D: a Map-Referral is wanted (RFC 8111)
	ToETR       bool   // E: from a Map-Server to an ETR
	ToMapServer bool   // M: from a Map-Resolver to a Map-Server
	Auth        []byte // LISP-SEC authentication data (RFC 9303 §6.1), not looked into
	Inner       Inner
}

// Inner is the UDP datagram within an ECM.
type Inner struct {
	Src, Dst netip.AddrPort // EIDs or RLOCs
	Message  []byte         // the LISP control message; decoded, it aliases the packet
}

const (
	ecmHeaderSize = 4
	innerTTL      = 64
	protocolUDP   = 17
)

// Decode reads an ECM and the headers of its inner packet, not the message in
// it. Inner checksums are not verified: the outer UDP checksum covers all.
// Decode aliases packet.
func (m *ECM) Decode(packet []byte) error {
	c := cursor{rest: packet}
	*m = ECM{}
	if head := c.message(TypeECM, ecmHeaderSize); head != nil {
		m.Security, m.DDT = head[0]&8 != 0, head[0]&4 != 0
		m.ToETR, m.ToMapServer = head[0]&2 != 0, head[0]&1 != 0
		if m.Security {
			m.Auth = c.take(c.securitySize(), "LISP-SEC authentication data")
		}
		m.Inner.decode(&c)
	}
	return c.end(TypeECM)
}

// securitySize returns the size of the LISP-SEC authentication data that
// starts here, RFC 9303 §6.1:
//
//	+---------------+---------------+-------------------------------+
//	|  ECM AD Type  |   Unassigned  |        Requested HMAC ID      |
//	+---------------+---------------+---------------+---------------+
//	|              OTK Length       |     Key ID    | OTK Wrap. ID  |
//	+-------------------------------+---------------+---------------+
//	|       One-Time-Key Preamble and Key ... OTK Length of it      |
//	+-------------------------------+-------------------------------+
//	|           EID-AD Length       |           KDF ID              |
//	+-------------------------------+-------------------------------+
//	|           ... EID-AD Length with these 4 bytes                |
//	+---------------------------------------------------------------+
func (c *cursor) securitySize() int {
	in := cursor{rest: c.rest}
	head := in.take(8, "LISP-SEC header")
	if head == nil {
		c.fail(in.err)
		return 0
	}
	if head[0] != 1 {
		c.fail(fmt.Errorf("%w: type %d, want 1", ErrSecurity, head[0]))
		return 0
	}
	key := int(binary.BigEndian.Uint16(head[4:]))
	in.take(key, "LISP-SEC one-time key")
	eid := int(in.uint16("LISP-SEC EID-AD length"))
	switch {
	case in.err != nil:
		c.fail(in.err)
	case eid < 4:
		c.fail(fmt.Errorf("%w: EID-AD length %d, want at least 4", ErrSecurity, eid))
	}
	return 8 + key + eid
}

// decode reads the IP packet that is all the rest of the message.
func (in *Inner) decode(c *cursor) {
	if c.err != nil {
		return
	}
	version, err := checkIP(c.rest)
	if err != nil {
		c.fail(err)
		return
	}
	var src, dst netip.Addr
	var protocol byte
	packet := c.rest
	if version == 4 {
		if frag := binary.BigEndian.Uint16(packet[6:]) & 0x3fff; frag != 0 {
			c.fail(fmt.Errorf("%w: an IPv4 fragment (%#04x)", ErrInner, frag))
			return
		}
		src, dst = netip.AddrFrom4([4]byte(packet[12:])), netip.AddrFrom4([4]byte(packet[16:]))
		protocol = packet[9]
		c.take(int(packet[0]&0xf)*4, "IPv4 header")
	} else {
		src, dst = netip.AddrFrom16([16]byte(packet[8:])), netip.AddrFrom16([16]byte(packet[24:]))
		protocol = packet[6]
		c.take(ipv6Size, "IPv6 header")
	}
	if protocol != protocolUDP {
		c.fail(fmt.Errorf("%w: IP protocol %d, want UDP (17)", ErrInner, protocol))
		return
	}
	in.decodeUDP(c, src, dst)
}

func (in *Inner) decodeUDP(c *cursor, src, dst netip.Addr) {
	size := len(c.rest)
	head := c.take(udpSize, "inner UDP header")
	if head == nil {
		return
	}
	if length := int(binary.BigEndian.Uint16(head[4:])); length != size {
		c.fail(fmt.Errorf("%w: UDP length %d in %d bytes", ErrInner, length, size))
		return
	}
	in.Src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(head))
	in.Dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(head[2:]))
	in.Message = c.take(len(c.rest), "control message")
}

// Append appends the message to dst, with an inner packet made of m.Inner: TTL
// 64 and all checksums.
func (m *ECM) Append(dst []byte) ([]byte, error) {
	if err := m.check(); err != nil {
		return dst, fmt.Errorf("%s: %w", TypeECM, err)
	}
	out := append(dst, byte(TypeECM)<<4|bit(m.Security, 8)|bit(m.DDT, 4)|bit(m.ToETR, 2)|bit(m.ToMapServer, 1), 0, 0, 0)
	return m.Inner.append(append(out, m.Auth...)), nil
}

func (m *ECM) check() error {
	src, dst := m.Inner.Src.Addr(), m.Inner.Dst.Addr()
	if !src.IsValid() || src.Is4() != dst.Is4() || !dst.IsValid() {
		return fmt.Errorf("%w: inner addresses %s and %s are not of one family", ErrValue, src, dst)
	}
	most := 0xffff - udpSize
	if src.Is4() {
		most -= ipv4Size
	}
	if size := len(m.Inner.Message); size > most {
		return fmt.Errorf("%w: message of %d bytes, want at most %d", ErrValue, size, most)
	}
	if !m.Security && len(m.Auth) > 0 {
		return fmt.Errorf("%w: authentication data without the S bit", ErrValue)
	}
	if m.Security {
		c := cursor{rest: m.Auth}
		if size := c.securitySize(); c.err != nil || size != len(m.Auth) {
			return fmt.Errorf("%w: %d bytes of LISP-SEC authentication data that end elsewhere", ErrValue, len(m.Auth))
		}
	}
	return nil
}

// append appends the IP packet.
func (in *Inner) append(dst []byte) []byte {
	start, length := len(dst), udpSize+len(in.Message)
	var sum uint32
	if src, to := in.Src.Addr(), in.Dst.Addr(); src.Is4() {
		s, d := src.As4(), to.As4()
		dst = append(dst, 0x45, 0)
		dst = binary.BigEndian.AppendUint16(dst, uint16(ipv4Size+length))
		dst = append(dst, 0, 0, 0x40, 0, innerTTL, protocolUDP, 0, 0) // DF
		dst = append(append(dst, s[:]...), d[:]...)
		binary.BigEndian.PutUint16(dst[start+10:], fold(sumWords(0, dst[start:])))
		sum = sumWords(0, dst[start+12:])
	} else {
		s, d := src.As16(), to.As16()
		dst = append(dst, 0x60, 0, 0, 0)
		dst = binary.BigEndian.AppendUint16(dst, uint16(length))
		dst = append(dst, protocolUDP, innerTTL)
		dst = append(append(dst, s[:]...), d[:]...)
		sum = sumWords(0, dst[start+8:])
	}
	udp := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, in.Src.Port())
	dst = binary.BigEndian.AppendUint16(dst, in.Dst.Port())
	dst = binary.BigEndian.AppendUint16(dst, uint16(length))
	dst = append(append(dst, 0, 0), in.Message...)
	check := fold(sumWords(sum+protocolUDP+uint32(length), dst[udp:]))
	if check == 0 {
		check = 0xffff // 0 says that there is no checksum
	}
	binary.BigEndian.PutUint16(dst[udp+6:], check)
	return dst
}

// sumWords adds the 16-bit words of at most 64 KiB to an internet checksum.
func sumWords(sum uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

// fold ends an internet checksum.
func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
