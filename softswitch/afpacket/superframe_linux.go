package afpacket

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/corecast/corecast/softswitch/port"
)

// maxSuperFrame is the longest super-frame that is split: what one IP packet
// of 65,535 bytes (IPv6: of that much payload) needs with its Ethernet header
// and two tags. Longer ones exist only where somebody has set up BIG TCP.
const maxSuperFrame = 14 + 2*vlanLen + 40 + 65535

const (
	etherLen  = 14
	ipv4Len   = 20 // without options
	ipv6Len   = 40
	udpLen    = 8
	tcpLen    = 20 // without options
	udpSumAt  = 6  // where the checksum is in the header
	tcpSumAt  = 16
	tcpFlags  = 13
	flagFIN   = 0x01
	flagPSH   = 0x08
	flagCWR   = 0x80
	fragments = 0x3fff // of an IPv4 header's flags and offset: it is a fragment
)

// superFrame is a segmentation-offload burst: one header and the payload of
// several frames, which a network card would cut as they leave. A veth pair
// has no card, so that the burst arrives whole. Its frames are cut off one by
// one, by next.
type superFrame struct {
	data []byte
	tag  vlanTag // goes into every frame

	ip, transport, payload int // where each begins in data
	ipv6                   bool
	protocol               byte // UDP or TCP; 0: data is one frame, finished
	size                   int  // payload bytes of every frame but the last

	cut int // payload bytes that next has gone through
}

// oneFrame makes a super-frame of one frame that needs nothing done.
func oneFrame(frame []byte) superFrame {
	return superFrame{data: frame, size: len(frame)}
}

// parseSuperFrame finds the headers of a super-frame. It believes nothing
// that the kernel says of them (the sender may be a virtual machine): it
// reports false for what does not hold together, for what is neither UDP nor
// TCP right behind the IP header, and where the frames would be longer than
// port.MaxFrame.
func parseSuperFrame(data []byte, h vnet, tag vlanTag) (superFrame, bool) {
	s := superFrame{data: data, tag: tag, size: h.size}
	if !s.parseIP() || !s.parseTransport() {
		return s, false
	}
	longest := s.payload + min(s.size, len(data)-s.payload)
	if tag.present {
		longest += vlanLen
	}
	sumAt := udpSumAt
	if s.protocol == unix.IPPROTO_TCP {
		sumAt = tcpSumAt
	}
	switch {
	case s.protocol != h.protocol() || s.size == 0 || s.payload == len(data) || longest > port.MaxFrame:
		return s, false
	case h.gso == unix.VIRTIO_NET_HDR_GSO_TCPV4 && s.ipv6, h.gso == unix.VIRTIO_NET_HDR_GSO_TCPV6 && !s.ipv6:
		return s, false
	case h.needsChecksum && (h.start != s.transport || h.offset != sumAt):
		return s, false
	}
	return s, true
}

// parseIP goes through the Ethernet and IP headers. An IP packet must be as
// long as it says and no fragment.
func (s *superFrame) parseIP() bool {
	etherType, at, ok := payloadType(s.data)
	if !ok {
		return false
	}
	s.ip = at
	b := s.data[at:]
	switch {
	case etherType == unix.ETH_P_IP && len(b) >= ipv4Len && b[0]>>4 == 4:
		header := int(b[0]&0xf) * 4
		s.transport, s.protocol = at+header, b[9]
		return header >= ipv4Len && header <= len(b) &&
			int(binary.BigEndian.Uint16(b[2:])) == len(b) &&
			binary.BigEndian.Uint16(b[6:])&fragments == 0
	case etherType == unix.ETH_P_IPV6 && len(b) >= ipv6Len && b[0]>>4 == 6:
		s.transport, s.protocol, s.ipv6 = at+ipv6Len, b[6], true
		return int(binary.BigEndian.Uint16(b[4:])) == len(b)-ipv6Len
	}
	return false
}

// payloadType returns the EtherType behind up to two tags, and where what it
// names begins.
func payloadType(data []byte) (etherType uint16, at int, ok bool) {
	for at = etherLen; at <= etherLen+2*vlanLen && at <= len(data); at += vlanLen {
		etherType = binary.BigEndian.Uint16(data[at-2:])
		if etherType != unix.ETH_P_8021Q && etherType != unix.ETH_P_8021AD {
			return etherType, at, true
		}
	}
	return 0, 0, false
}

func (s *superFrame) parseTransport() bool {
	b := s.data[s.transport:]
	header := 0
	switch s.protocol {
	case unix.IPPROTO_UDP:
		header = udpLen
		if len(b) < udpLen || int(binary.BigEndian.Uint16(b[4:])) != len(b) {
			return false
		}
	case unix.IPPROTO_TCP:
		if len(b) < tcpLen {
			return false
		}
		if header = int(b[12]>>4) * 4; header < tcpLen || header > len(b) {
			return false
		}
	default:
		return false
	}
	s.payload = s.transport + header
	return true
}

// done reports whether every frame has been cut off.
func (s *superFrame) done() bool { return s.payload+s.cut == len(s.data) }

// next cuts the next frame off, into dst. It reports false where dst has no
// room for the frame, which is then lost.
func (s *superFrame) next(dst []byte) ([]byte, bool) {
	rest := s.data[s.payload+s.cut:]
	chunk := rest[:min(s.size, len(rest))]
	before := s.cut
	s.cut += len(chunk)
	n := s.payload + len(chunk)
	if n > cap(dst) {
		return dst, false
	}
	frame := dst[:n]
	copy(frame, s.data[:s.payload])
	copy(frame[s.payload:], chunk)
	switch s.protocol {
	case 0:
		return frame, true
	case unix.IPPROTO_UDP:
		s.setIP(frame, before/s.size)
		binary.BigEndian.PutUint16(frame[s.transport+4:], uint16(n-s.transport))
		sum := s.checksum(frame, udpSumAt)
		if sum == 0 {
			sum = 0xffff // 0 means that there is none
		}
		binary.BigEndian.PutUint16(frame[s.transport+udpSumAt:], sum)
	case unix.IPPROTO_TCP:
		s.setIP(frame, before/s.size)
		s.setTCP(frame[s.transport:], before)
		binary.BigEndian.PutUint16(frame[s.transport+tcpSumAt:], s.checksum(frame, tcpSumAt))
	}
	if s.tag.present {
		return insertTag(frame, s.tag)
	}
	return frame, true
}

// setIP gives the i-th frame its length, and over IPv4 the i-th identification
// and its header checksum.
func (s *superFrame) setIP(frame []byte, i int) {
	h := frame[s.ip:s.transport]
	if s.ipv6 {
		binary.BigEndian.PutUint16(h[4:], uint16(len(frame)-s.transport))
		return
	}
	binary.BigEndian.PutUint16(h[2:], uint16(len(frame)-s.ip))
	binary.BigEndian.PutUint16(h[4:], binary.BigEndian.Uint16(h[4:])+uint16(i))
	binary.BigEndian.PutUint16(h[10:], 0)
	binary.BigEndian.PutUint16(h[10:], ^fold(add(0, h)))
}

// setTCP moves the sequence number on by the payload before this frame. What
// ends the stream or asks to be handed up is the last frame's to say, and that
// the congestion window was reduced (RFC 3168) the first one's.
func (s *superFrame) setTCP(h []byte, before int) {
	binary.BigEndian.PutUint32(h[4:], binary.BigEndian.Uint32(h[4:])+uint32(before))
	if !s.done() {
		h[tcpFlags] &^= flagFIN | flagPSH
	}
	if before > 0 {
		h[tcpFlags] &^= flagCWR
	}
}

// checksum computes the UDP or TCP checksum of a frame, whose field is at the
// given place of that header.
func (s *superFrame) checksum(frame []byte, at int) uint16 {
	addresses := frame[s.ip+12 : s.ip+20]
	if s.ipv6 {
		addresses = frame[s.ip+8 : s.ip+40]
	}
	segment := frame[s.transport:]
	binary.BigEndian.PutUint16(segment[at:], 0)
	sum := add(uint64(s.protocol)+uint64(len(segment)), addresses)
	return ^fold(add(sum, segment))
}

// add adds the 16-bit words of b to a ones' complement sum, two at a time:
// fold brings the carries back.
func add(sum uint64, b []byte) uint64 {
	for ; len(b) >= 4; b = b[4:] {
		sum += uint64(binary.BigEndian.Uint32(b))
	}
	if len(b) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}

func fold(sum uint64) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
