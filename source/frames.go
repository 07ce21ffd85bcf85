package source

import (
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/source/dstlist"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// Frames is where FrameSender puts its frames: a port of a test network.
type Frames interface {
	// Send transmits Ethernet frames in order and returns how many left.
	Send(frames [][]byte) (int, error)
}

// FrameSender is a BatchSender that makes whole Ethernet frames, for sources that
// have a port and no IP stack.
type FrameSender struct {
	out      Frames
	ethernet inet.Ethernet
	packet   inet.Datagram
	headroom int
	unicast  [][]byte // frames to viewers, used again and again
}

// sourceTTL is the TTL of what a source sends.
const sourceTTL = 64

// NewFrameSender returns the sender of a channel whose source has the address
// mac and reaches its ITR at nextHop.
func NewFrameSender(out Frames, channel Channel, mac, nextHop inet.MAC) (*FrameSender, error) {
	channel, err := channel.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &FrameSender{
		out:      out,
		ethernet: inet.Ethernet{Dst: nextHop, Src: mac, Type: inet.EtherTypeIPv4},
		packet: inet.Datagram{
			Src: netip.AddrPortFrom(channel.SourceEID, channel.UDPPort),
			Dst: netip.AddrPortFrom(channel.ReservedEID, wire.Port),
			TTL: sourceTTL,
		},
		headroom: inet.EthernetSize + inet.HeaderSize(channel.SourceEID),
	}
	if channel.SourceEID.Is6() {
		s.ethernet.Type = inet.EtherTypeIPv6
	}
	return s, nil
}

// Headroom implements Sender.
func (s *FrameSender) Headroom() int { return s.headroom }

// Send implements Sender: it writes the headers into the headroom.
func (s *FrameSender) Send(packets [][]byte) (int, error) {
	for _, frame := range packets {
		s.packet.Payload = frame[s.headroom:]
		if _, err := s.packet.AppendHeaders(s.ethernet.Append(frame[:0])); err != nil {
			return 0, fmt.Errorf("cannot make a frame: %w", err)
		}
	}
	return s.out.Send(packets)
}

// unicastFrames is how many frames to viewers are made at a time.
const unicastFrames = 32

// SendBatch implements BatchSender.
func (s *FrameSender) SendBatch(b *dstlist.Batch, media []byte) (sent int, err error) {
	if len(b.Packets()) > 0 {
		if sent, err = s.Send(b.Packets()); err != nil {
			return sent, err
		}
	}
	for to := b.Unicast(); len(to) > 0; to = to[min(unicastFrames, len(to)):] {
		n, err := s.sendUnicast(to[:min(unicastFrames, len(to))], media)
		sent += n
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func (s *FrameSender) sendUnicast(to []dstlist.Destination, media []byte) (int, error) {
	for len(s.unicast) < len(to) {
		s.unicast = append(s.unicast, make([]byte, 0, s.headroom+wire.MaxPayload))
	}
	frames, packet := s.unicast[:len(to)], s.packet
	for i := range frames {
		packet.Dst, packet.Payload = to[i].Viewer, media
		frame, err := packet.Append(s.ethernet.Append(frames[i][:0]))
		if err != nil {
			return 0, fmt.Errorf("cannot make a frame: %w", err)
		}
		frames[i] = frame
	}
	return s.out.Send(frames)
}
