package itr

import (
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/source/gso"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// Channel is what the ITR's work takes to know of a channel.
type Channel struct {
	SourceEID, ReservedEID netip.Addr
	UDPPort                uint16 // of the source
	InstanceID             uint32
	// Redundancy repeats the copy of a payload after so many headers to one
	// RLOC; 0 does not.
	Redundancy int
}

// Packet is a packet on its way: what is in the UDP datagram to an RLOC's port
// 4341, or the media that a viewer gets without LISP. Head and Tail, which many
// packets may share, follow each other.
type Packet struct {
	RLOC       netip.Addr     // the zero Addr for none
	Viewer     netip.AddrPort // who gets it if there is none
	Head, Tail []byte
	// Flow is the outer UDP source port that an ITR would choose: a hash of the
	// inner flow, whose packets take one path by it.
	Flow uint16
}

// Transport sends packets.
type Transport interface {
	// Send sends packets in order and returns how many left. It keeps no
	// reference to them. What one destination does not take is lost, and no
	// error.
	Send(packets []Packet) (int, error)
	// TooLong returns to which RLOC a packet of the last Send was longer than
	// the path takes, and the longest that it takes, outer headers included;
	// the zero Addr for none, and 0 for not known.
	TooLong() (rloc netip.Addr, mtu int)
}

// hop is the TTL of inner packets: the source's of 64, decremented by the ITR.
const hop = 63

// Stats is what a Sender has done beyond what its source counts.
type Stats struct {
	Copies   uint64 `json:"copies"`   // of payloads, one for each RLOC and payload, and repetitions
	Repeated uint64 `json:"repeated"` // of those, repetitions
	Unserved uint64 `json:"unserved"` // headers for viewers whose RLOC is not known
	TooLong  uint64 `json:"too_long"` // times that a path did not take a payload
}

// Sender is a BatchSender that does the ITR's work. One goroutine may use it,
// but for Stats.
type Sender struct {
	out        Transport
	redundancy int
	lisp       []byte // the LISP data header
	headroom   int
	flow       uint16
	packet     inet.Datagram // the inner packet of payloads and headers, but for what is in it

	copied []byte     // the payload as each RLOC gets it
	rloc   netip.Addr // which has it
	since  int        // headers to it since

	packets []Packet // a batch, in memory that is used again and again
	heads   []byte   // of unicast packets, likewise

	narrow int // payload packets of this length, or longer, are too long for some path; 0 for none
	mtu    int // what that path takes of them, if that is known

	copies, repeated, unserved, tooLong atomic.Uint64
}

// New returns the sender of a channel.
func New(out Transport, c Channel) (*Sender, error) {
	if !c.SourceEID.IsValid() || !c.ReservedEID.IsValid() || c.SourceEID.Is4() != c.ReservedEID.Is4() {
		return nil, fmt.Errorf("source EID %s and reserved EID %s: want two addresses of one family", c.SourceEID, c.ReservedEID)
	}
	if c.Redundancy < 0 || c.Redundancy > 255 {
		return nil, fmt.Errorf("redundancy %d: want 1 to 255 headers, or 0 for none", c.Redundancy)
	}
	h := lisp.DataHeader{InstanceID: c.InstanceID}
	if c.InstanceID != 0 {
		h.Flags = lisp.FlagInstance
	}
	header, err := h.Append(nil)
	if err != nil {
		return nil, fmt.Errorf("instance-id %d: want less than 16777216: %w", c.InstanceID, err)
	}
	s := &Sender{
		out: out, redundancy: c.Redundancy, lisp: header, headroom: len(header) + inet.HeaderSize(c.SourceEID),
		packet: inet.Datagram{Src: netip.AddrPortFrom(c.SourceEID, c.UDPPort), Dst: netip.AddrPortFrom(c.ReservedEID, wire.Port), TTL: hop},
	}
	s.copied = make([]byte, 0, s.headroom+wire.MaxPacket)
	s.flow, err = c.Flow()
	return s, err
}

// Flow is the outer UDP source port that an ITR would choose for the channel.
func (c *Channel) Flow() (uint16, error) {
	return flowOf(netip.AddrPortFrom(c.SourceEID, c.UDPPort), netip.AddrPortFrom(c.ReservedEID, wire.Port))
}

// flowOf is the outer source port of what goes from one to the other.
func flowOf(from, to netip.AddrPort) (uint16, error) {
	var buf [inet.IPv6Size + inet.UDPSize]byte
	d := inet.Datagram{Src: from, Dst: to, TTL: hop}
	packet, err := d.AppendHeaders(buf[:0])
	if err != nil {
		return 0, fmt.Errorf("from %s to %s: %w", from, to, err)
	}
	return lisp.SourcePort(packet)
}

// Headroom implements source.Sender: LISP, inner IP and UDP headers.
func (s *Sender) Headroom() int { return s.headroom }

// Send implements source.Sender. Without a batch nobody says which RLOCs the
// packets are for: all are lost.
func (s *Sender) Send(packets [][]byte) (int, error) {
	s.unserved.Add(uint64(len(packets)))
	return 0, nil
}

// SendBatch implements source.BatchSender.
func (s *Sender) SendBatch(b *dstlist.Batch, media []byte) (int, error) {
	s.packets = s.packets[:0]
	lost := 0
	for i, p := range b.Packets() {
		var err error
		switch rloc := b.RLOC(i); {
		case isPayload(p[s.headroom:]):
			err = s.payload(p)
		case rloc.IsValid():
			err = s.header(p, rloc)
		default:
			lost++
		}
		if err != nil {
			return 0, err
		}
	}
	s.unserved.Add(uint64(lost))
	if err := s.unicast(b.Unicast(), media); err != nil {
		return 0, err
	}
	sent, err := s.flush()
	lost += len(s.packets) - sent
	return max(len(b.Packets())+len(b.Unicast())-lost, 0), err
}

func isPayload(packet []byte) bool { return wire.Type(packet[0]&0x0f) == wire.TypePayload }

// payload keeps a payload packet: nobody is sent it yet.
func (s *Sender) payload(p []byte) error {
	if s.narrow > 0 && len(p) >= s.narrow {
		s.narrow = 0
		return fmt.Errorf("a payload packet of %d bytes is %w", len(p)-s.headroom, gso.ErrTooLong)
	}
	s.rloc, s.since = netip.Addr{}, 0
	whole, err := s.encapsulate(p)
	s.copied = append(s.copied[:0], whole...)
	return err
}

// header sends a header packet to an RLOC, after a copy of the payload if it has
// none, or shall have it again.
func (s *Sender) header(p []byte, rloc netip.Addr) error {
	again := s.redundancy > 0 && s.since == s.redundancy
	if first := rloc != s.rloc; first || again {
		s.packets = append(s.packets, Packet{RLOC: rloc, Head: s.copied, Flow: s.flow})
		s.copies.Add(1)
		if !first {
			s.repeated.Add(1)
		}
		s.rloc, s.since = rloc, 0
	}
	whole, err := s.encapsulate(p)
	s.packets = append(s.packets, Packet{RLOC: rloc, Head: whole, Flow: s.flow})
	s.since++
	return err
}

// encapsulate writes LISP, IP and UDP headers into the headroom of a packet.
func (s *Sender) encapsulate(p []byte) ([]byte, error) {
	s.packet.Payload = p[s.headroom:]
	if _, err := s.packet.AppendHeaders(append(p[:0], s.lisp...)); err != nil {
		return nil, fmt.Errorf("cannot make an inner packet: %w", err)
	}
	return p, nil
}

// unicast sends media to viewers, in the tunnel to their RLOC if they have one.
func (s *Sender) unicast(to []dstlist.Destination, media []byte) error {
	s.heads = slices.Grow(s.heads[:0], len(to)*s.headroom) // it must not move
	packet := s.packet
	for _, d := range to {
		if !d.RLOC.IsValid() {
			s.packets = append(s.packets, Packet{Viewer: d.Viewer, Tail: media})
			continue
		}
		packet.Dst, packet.Payload = d.Viewer, media
		start := len(s.heads)
		heads, err := packet.AppendHeaders(append(s.heads, s.lisp...))
		if err != nil {
			return fmt.Errorf("cannot make a packet to viewer %s: %w", d.Viewer, err)
		}
		s.heads = heads
		flow, err := flowOf(packet.Src, d.Viewer)
		if err != nil {
			return err
		}
		s.packets = append(s.packets, Packet{RLOC: d.RLOC, Head: heads[start:], Tail: media, Flow: flow})
	}
	return nil
}

// flush sends what a batch has become.
func (s *Sender) flush() (int, error) {
	if len(s.packets) == 0 {
		return 0, nil
	}
	sent, err := s.out.Send(s.packets)
	if rloc, mtu := s.out.TooLong(); rloc.IsValid() {
		s.tooLong.Add(1)
		s.narrow, s.mtu = len(s.copied), max(mtu-lisp.Overhead(rloc), 0)
	}
	return sent, err
}

// PathMTU returns the longest payload packet, as an ordinary source sends it, that
// the paths to all RLOCs take, as far as is known; 0 for unknown.
func (s *Sender) PathMTU() int { return s.mtu }

// Stats returns the counts of this moment.
func (s *Sender) Stats() Stats {
	return Stats{Copies: s.copies.Load(), Repeated: s.repeated.Load(), Unserved: s.unserved.Load(), TooLong: s.tooLong.Load()}
}
