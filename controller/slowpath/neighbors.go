package slowpath

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

const (
	// neighborTries is how often a neighbor is asked before it is given up, a
	// second each.
	neighborTries = 3
	neighborWait  = time.Second
	// maxIncomplete bounds the neighbors that are asked and not yet known.
	maxIncomplete = 1024

	arpRequest, arpReply                               = 1, 2
	arpSize                                            = 28
	icmp6Solicitation, icmp6Advertisement              = 135, 136
	optionSourceMAC, optionTargetMAC                   = 1, 2
	advertisementSolicited, advertisementOverride byte = 0x40, 0x20
)

var broadcast = inet.MAC{255, 255, 255, 255, 255, 255}

// neighbor is one that the Path asks for, or has found.
type neighbor struct {
	port    uint16
	mac     inet.MAC
	known   bool
	tries   int       // without an answer
	next    time.Time // when to ask again, or to give up
	packets []queued
}

// noNeighbor takes a packet whose next hop has no MAC address.
func (p *Path) noNeighbor(now time.Time, k *packet) {
	eid, waits := k.dst, true
	if h, viewer, ok := k.corecast(); ok && h.Type != wire.TypePayload {
		eid, waits = viewer, false
	}
	hops := p.do.Missing(eid)
	if len(hops) == 0 { // found in between
		if waits {
			p.do.Receive(k.port, k.frame)
		}
		return
	}
	for i, hop := range hops {
		n := p.solicit(now, hop)
		switch {
		case n == nil:
			p.count("neighbor_limited")
		case i == 0 && waits: // it waits once
			p.hold(&n.packets, k)
		}
	}
}

// Want has a neighbor asked for without a packet that needs it: a router.
func (p *Path) Want(now time.Time, hop Hop) {
	if p.neighbors[hop.Address] == nil {
		p.solicit(now, hop)
	}
}

// solicit asks for a neighbor, unless that is under way; nil if there is no
// room.
func (p *Path) solicit(now time.Time, hop Hop) *neighbor {
	n := p.neighbors[hop.Address]
	if n != nil {
		return n
	}
	if len(p.neighbors) >= p.opts.MaxNeighbors || p.incomplete >= maxIncomplete {
		return nil
	}
	p.incomplete++
	n = &neighbor{port: hop.Port, next: now.Add(neighborWait)}
	p.neighbors[hop.Address] = n
	p.askNeighbor(now, hop.Address, n)
	return n
}

// askNeighbor sends an ARP request or a neighbor solicitation: to all, or to
// the one whose MAC address is to be confirmed.
func (p *Path) askNeighbor(now time.Time, addr netip.Addr, n *neighbor) {
	n.tries++
	port := p.view.port(n.port)
	if port == nil || !p.solicits.allow(now) {
		return
	}
	source := p.view.addressOn(n.port, addr.Is6())
	if !source.IsValid() {
		return
	}
	p.count("neighbor_asked")
	own := inet.MAC(port.MAC)
	if addr.Is4() {
		to := broadcast
		if n.known {
			to = n.mac
		}
		p.do.Send(n.port, arpFrame(arpRequest, own, to, own, source, inet.MAC{}, addr))
		return
	}
	p.do.Send(n.port, solicitation(own, source, addr))
}

// solicitation is an ICMPv6 Neighbor Solicitation (RFC 4861 §4.3) to the
// solicited-node multicast address.
func solicitation(own inet.MAC, source, target netip.Addr) []byte {
	t := target.As16()
	group := netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: t[13], 14: t[14], 15: t[15]})
	eth := inet.Ethernet{Dst: inet.MAC{0x33, 0x33, 0xff, t[13], t[14], t[15]}, Src: own, Type: inet.EtherTypeIPv6}
	body := append(make([]byte, 4), t[:]...)
	body = append(append(body, optionSourceMAC, 1), own[:]...)
	return append(eth.Append(nil), icmpPacketHops(source, group, icmp6Solicitation, 0, body, 255)...)
}

// arpFrame is an ARP packet for IPv4 over Ethernet (RFC 826).
func arpFrame(op uint16, src, dst inet.MAC, sender inet.MAC, senderIP netip.Addr, target inet.MAC, targetIP netip.Addr) []byte {
	eth := inet.Ethernet{Dst: dst, Src: src, Type: inet.EtherTypeARP}
	f := append(eth.Append(nil), 0, 1, 8, 0, 6, 4)
	f = binary.BigEndian.AppendUint16(f, op)
	f = append(append(f, sender[:]...), senderIP.AsSlice()...)
	f = append(append(f, target[:]...), targetIP.AsSlice()...)
	return append(f, make([]byte, 60-len(f))...) // the least an Ethernet frame has
}

// arp answers for the port's addresses, and takes answers that were asked for.
func (p *Path) arp(now time.Time, id uint16, frame []byte) {
	var eth inet.Ethernet
	b, err := eth.Decode(frame)
	port := p.view.port(id)
	if err != nil || port == nil || eth.Type != inet.EtherTypeARP || len(b) < arpSize || !bytes.Equal(b[:6], []byte{0, 1, 8, 0, 6, 4}) {
		p.count("bad_packet")
		return
	}
	op := binary.BigEndian.Uint16(b[6:])
	mac := inet.MAC(b[8:14])
	sender, target := netip.AddrFrom4([4]byte(b[14:18])), netip.AddrFrom4([4]byte(b[24:28]))
	mine := onPort(port, target)
	if mine || op == arpReply {
		p.heard(now, port, sender, mac, mine && op == arpRequest)
	}
	if op != arpRequest || !mine {
		return
	}
	if !p.answers.allow(now) {
		p.count("answer_limited")
		return
	}
	p.count("arp_answered")
	own := inet.MAC(port.MAC)
	p.do.Send(id, arpFrame(arpReply, own, mac, own, target, mac, sender))
}

func onPort(port *config.Port, a netip.Addr) bool {
	for _, prefix := range port.Prefixes() {
		if prefix.Addr() == a {
			return true
		}
	}
	return false
}

// heard takes a neighbor's word on its MAC address: an answer that was asked
// for, or from one that asks for us and so will send to us.
func (p *Path) heard(now time.Time, port *config.Port, addr netip.Addr, mac inet.MAC, unasked bool) {
	if mac[0]&1 != 0 || mac == (inet.MAC{}) || p.view.ownAddress(addr) || !OnLink(port, addr) || p.configured(addr) {
		return
	}
	n := p.neighbors[addr]
	if n == nil {
		if !unasked || len(p.neighbors) >= p.opts.MaxNeighbors {
			return
		}
		n = &neighbor{}
		p.neighbors[addr] = n
		p.incomplete++
	}
	if n.known && n.mac == mac && n.port == port.ID {
		n.tries, n.next = 0, now.Add(p.opts.NeighborAge)
		return
	}
	if !n.known {
		p.incomplete--
	}
	packets := n.packets
	*n = neighbor{port: port.ID, mac: mac, known: true, next: now.Add(p.opts.NeighborAge)}
	p.count("neighbor_learned")
	p.await(now, p.do.LearnNeighbor(addr, port.ID, mac), packets)
}

// InheritNeighbors takes neighbors that the switch has from a controller before
// this one. Each is asked soon whether it is still there.
func (p *Path) InheritNeighbors(now time.Time, list []Neighbor) {
	for _, n := range list {
		if p.neighbors[n.Address] == nil {
			p.count("neighbor_inherited")
			p.neighbors[n.Address] = &neighbor{port: n.Port, mac: n.MAC, known: true, next: now.Add(rand.N(p.opts.NeighborAge / 10))}
		}
	}
}

// configured reports whether the configuration names a neighbor, which nothing
// learned goes before.
func (p *Path) configured(addr netip.Addr) bool {
	for _, n := range p.view.Switch.Neighbors {
		if n.Address == addr {
			return true
		}
	}
	return false
}

// OnLink reports whether an address is on a port's subnet, or its router's.
func OnLink(port *config.Port, addr netip.Addr) bool {
	for _, prefix := range port.Prefixes() {
		if prefix.Contains(addr) {
			return true
		}
	}
	for _, router := range port.Routers() {
		if router == addr {
			return true
		}
	}
	return false
}

// tickNeighbors asks again, gives up, and confirms neighbors of old.
func (p *Path) tickNeighbors(now time.Time) {
	for addr, n := range p.neighbors {
		if now.Before(n.next) {
			continue
		}
		if n.tries < neighborTries {
			n.next = now.Add(neighborWait)
			p.askNeighbor(now, addr, n)
			continue
		}
		delete(p.neighbors, addr)
		p.unreachable(now, n.packets)
		if n.known {
			p.count("neighbor_gone")
			p.do.ForgetNeighbor(addr)
		} else {
			p.incomplete--
			p.count("neighbor_silent")
		}
	}
}

// nd takes ICMPv6 that was sent to a multicast address.
func (p *Path) nd(now time.Time, port uint16, frame []byte) {
	var k packet
	if k.parse(frame, func(netip.Addr) bool { return false }) != nil || k.protocol != protocolICMPv6 {
		p.count("bad_packet")
		return
	}
	k.port = port
	p.neighborMessage(now, &k)
}

// neighborMessage answers Neighbor Solicitations for the port's addresses and
// takes Neighbor Advertisements (RFC 4861 §7). Router discovery is not done:
// hosts are told their router.
func (p *Path) neighborMessage(now time.Time, k *packet) {
	port := p.view.port(k.port)
	if port == nil || !k.src.Is6() || len(k.payload) < 24 || k.ip[7] != 255 || !validICMPv6(k) {
		p.count("bad_packet")
		return
	}
	target := netip.AddrFrom16([16]byte(k.payload[8:24]))
	switch k.payload[0] {
	case icmp6Solicitation:
		if onPort(port, target) {
			p.advertise(now, port, k, target)
		}
	case icmp6Advertisement:
		if mac, ok := macOption(k.payload[24:], optionTargetMAC); ok {
			p.heard(now, port, target, mac, false)
		}
	}
}

func (p *Path) advertise(now time.Time, port *config.Port, k *packet, target netip.Addr) {
	if !p.answers.allow(now) {
		p.count("answer_limited")
		return
	}
	to, flags := k.src, advertisementSolicited|advertisementOverride
	eth := inet.Ethernet{Dst: k.eth.Src, Src: inet.MAC(port.MAC), Type: inet.EtherTypeIPv6}
	if to.IsUnspecified() { // somebody checks that the address is free
		to, flags = netip.IPv6LinkLocalAllNodes(), advertisementOverride
		eth.Dst = inet.MAC{0x33, 0x33, 0, 0, 0, 1}
	} else if mac, ok := macOption(k.payload[24:], optionSourceMAC); ok {
		p.heard(now, port, k.src, mac, true)
	}
	t := target.As16()
	body := append([]byte{flags, 0, 0, 0}, t[:]...)
	body = append(append(body, optionTargetMAC, 1), port.MAC[:]...)
	p.count("nd_answered")
	p.do.Send(port.ID, append(eth.Append(nil), icmpPacketHops(target, to, icmp6Advertisement, 0, body, 255)...))
}

func validICMPv6(k *packet) bool {
	pseudo := append(append(k.src.AsSlice(), k.dst.AsSlice()...), 0, 0, 0, 0, 0, 0, 0, protocolICMPv6)
	binary.BigEndian.PutUint32(pseudo[32:], uint32(len(k.payload)))
	return inet.Checksum(append(pseudo, k.payload...)) == 0
}

// macOption finds a link-layer address among the options of a message.
func macOption(options []byte, kind uint8) (mac inet.MAC, ok bool) {
	for len(options) >= 8 {
		n := int(options[1]) * 8
		if n == 0 || n > len(options) {
			return mac, false
		}
		if options[0] == kind {
			return inet.MAC(options[2:8]), true
		}
		options = options[n:]
	}
	return mac, false
}
