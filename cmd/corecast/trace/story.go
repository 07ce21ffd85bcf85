package trace

import (
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// Packet is what is sent into the network, and what became of it.
type Packet struct {
	What string `json:"what"`
	Hops []Hop  `json:"hops"`
}

const (
	// SourcePort stands for the one UDP port that a source uses for a channel.
	SourcePort = 40000
	mediaBytes = 1316 // 7 MPEG-TS packets
)

// Channel follows one payload of a channel and the header for one viewer.
func (n *Network) Channel(ch *config.Channel, viewer netip.AddrPort) ([]Packet, error) {
	pair, err := pairFor(ch, viewer.Addr())
	if err != nil {
		return nil, err
	}
	media := make([]byte, mediaBytes)
	id := wire.Identify(1, media)
	payload, err := wire.AppendPayload(nil, id, media)
	if err != nil {
		return nil, err
	}
	appendHeader := wire.AppendHeader4
	if viewer.Addr().Is6() {
		appendHeader = wire.AppendHeader6
	}
	header, err := appendHeader(nil, id, []netip.AddrPort{viewer})
	if err != nil {
		return nil, err
	}
	from, to := netip.AddrPortFrom(pair.Source, SourcePort), netip.AddrPortFrom(pair.Reserved, wire.Port)
	var story []Packet
	for _, p := range []struct {
		what string
		body []byte
	}{
		{"a payload of channel " + ch.Name, payload},
		{fmt.Sprintf("the header of that payload for viewer %v", viewer), header},
	} {
		packet, err := n.datagram(p.what, ch.Ingress.Switch, ch.Ingress.Port, inet.Datagram{Src: from, Dst: to, TTL: 64, Payload: p.body})
		story = append(story, packet)
		if err != nil {
			return story, err
		}
	}
	return story, nil
}

// pairFor is the channel's pair of the viewer's address family.
func pairFor(ch *config.Channel, viewer netip.Addr) (config.Pair, error) {
	for _, p := range ch.Pairs() {
		if p.Reserved.Is4() == viewer.Is4() {
			return p, nil
		}
	}
	return config.Pair{}, fmt.Errorf("channel %s has no pair of viewer %v's address family", ch.Name, viewer)
}

// Unicast follows an ordinary packet.
func (n *Network) Unicast(switchName string, port uint16, from, to netip.AddrPort) ([]Packet, error) {
	p, err := n.datagram(fmt.Sprintf("a packet from %v to %v", from, to), switchName, port,
		inet.Datagram{Src: from, Dst: to, TTL: 64, Payload: make([]byte, 100)})
	return []Packet{p}, err
}

func (n *Network) datagram(what, switchName string, port uint16, d inet.Datagram) (Packet, error) {
	p := Packet{What: what, Hops: []Hop{}}
	packet, err := d.Append(nil)
	if err != nil {
		return p, err
	}
	hops, err := n.Send(switchName, port, packet)
	p.Hops = append(p.Hops, hops...)
	return p, err
}
