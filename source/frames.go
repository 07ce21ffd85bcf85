package source

import (
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// Frames is where FrameSender puts its frames: a port of a test network.
type Frames interface {
	// Send transmits Ethernet frames in order and returns how many left.
	Send(frames [][]byte) (int, error)
}

// FrameSender is a Sender that makes whole Ethernet frames, for sources that
// have a port and no IP stack.
type FrameSender struct {
	out      Frames
	ethernet inet.Ethernet
	packet   inet.Datagram
	headroom int
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
