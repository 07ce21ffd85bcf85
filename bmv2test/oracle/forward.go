package oracle

import (
	"hash/crc32"
	"net/netip"
	"slices"

	"github.com/corecast/corecast/p4/build"
)

// lookup finds where a destination leads.
func (s *Switch) lookup(instance uint32, dst netip.Addr) Way {
	way, _ := longest(s.Config.EIDs, instance, dst)
	actions := map[WayKind]string{Miss: "eid_miss", Local: "local", ToRLOC: "to_rloc", ToRLOCs: "to_rlocs",
		ToUs: "to_us", Discard: "discard"}
	action := actions[way.Kind]
	if way.Kind == LocalVia {
		action = "local_via" + family(way.NextHop)
	}
	if way.Kind == Native {
		action = "native" + family(way.NextHop)
	}
	s.hit("eids"+family(dst), action)
	return way
}

// peer finds what we know of an RLOC that sends us CoreCast.
func (s *Switch) peer(rloc netip.Addr) Peer {
	var best Peer
	bits := -1
	for p, peer := range s.Config.Peers {
		if p.Contains(rloc) && p.Bits() > bits {
			best, bits = peer, p.Bits()
		}
	}
	action := "source_rloc"
	if bits < 0 {
		action = "strange_rloc"
	}
	s.hit("source_rlocs"+family(rloc), action)
	return best
}

// exit is a way out of the switch, resolved.
type exit struct {
	tunnel   *Tunnel // nil: not encapsulated
	rloc     uint16
	neighbor Neighbor
}

// overhead is what encapsulation adds.
func (e *exit) overhead() int {
	switch {
	case e.tunnel == nil:
		return 0
	case e.tunnel.Remote.Is4():
		return build.LISPIPv4Bytes
	}
	return build.LISPIPv6Bytes
}

func (e *exit) tooBig(size int) bool {
	return e.neighbor.MTU != 0 && size+e.overhead() > int(e.neighbor.MTU)
}

// exit resolves a way to dst. Where a mapping has several RLOCs, flow chooses.
func (s *Switch) exit(way Way, dst netip.Addr, flow []byte) (*exit, *verdict) {
	e := new(exit)
	hop := way.NextHop
	switch way.Kind {
	case Local:
		hop = dst
	case ToRLOC, ToRLOCs:
		e.rloc = way.RLOC
		if way.Kind == ToRLOCs {
			rloc, ok := s.Config.Buckets[BucketKey{way.Set, uint8(crc32.ChecksumIEEE(flow) % 16)}]
			if !ok {
				s.hit("rloc_sets", "no_encap")
				return nil, drop(build.DropNoEncap)
			}
			s.hit("rloc_sets", "pick")
			e.rloc = rloc
		}
		tunnel, ok := s.Config.Tunnels[e.rloc]
		if !ok {
			s.hit("rlocs", "no_encap")
			return nil, drop(build.DropNoEncap)
		}
		s.hit("rlocs", "encap"+family(tunnel.Remote))
		e.tunnel, hop = &tunnel, tunnel.NextHop
	}
	neighbor, ok := s.Config.Neighbors[hop]
	if !ok {
		s.hit("neighbors"+family(hop), "no_neighbor")
		return nil, punt(build.PuntNeighbor)
	}
	s.hit("neighbors"+family(hop), "deliver")
	e.neighbor = neighbor
	return e, nil
}

// leave sends a packet by an exit, encapsulated if need be.
func (s *Switch) leave(j *job, e *exit, p ip) {
	if e.tunnel != nil {
		p = encapsulate(p, e.tunnel, j.instance, j.entropy(p))
	}
	s.send(e.neighbor.Port, ethernet(e.neighbor, p))
}

func ethernet(n Neighbor, p ip) []byte {
	etherType := uint16(build.EthertypeIPv4)
	if p.v6 {
		etherType = build.EthertypeIPv6
	}
	return slices.Concat(n.Dst[:], n.Src[:], be.AppendUint16(nil, etherType), p.b)
}

// entropy is the outer UDP source port: of a channel's flow, which its payload
// came in, or of p's own.
func (j *job) entropy(p ip) uint16 {
	if j.cell != nil {
		return build.FlowPorts + j.cell.flow
	}
	return build.FlowPorts + flowNumber(p)
}

// flowNumber is a hash of the 5-tuple.
func flowNumber(p ip) uint16 { return crc16(p.fiveTuple()) % 0x2000 }

// encapsulate puts the headers of RFC 9300 in front: TTL, DSCP and ECN of the
// inner packet, DF, no UDP checksum, the flow's entropy as UDP source port.
func encapsulate(p ip, t *Tunnel, instance uint32, entropy uint16) ip {
	size := build.UDPBytes + build.LISPBytes + p.size()
	var header []byte
	if t.Remote.Is4() {
		header = []byte{0x45, p.tos(), 0, 0, 0, 0, 0x40, 0, p.ttl(), build.IpprotoUDP, 0, 0}
		be.PutUint16(header[2:], uint16(build.IPv4Bytes+size))
		header = slices.Concat(header, t.Source.AsSlice(), t.Remote.AsSlice())
		ip{b: header}.setHeaderSum()
	} else {
		header = be.AppendUint32(nil, 6<<28|uint32(p.tos())<<20|uint32(entropy))
		header = be.AppendUint16(header, uint16(size))
		header = append(header, build.IpprotoUDP, p.ttl())
		header = slices.Concat(header, t.Source.AsSlice(), t.Remote.AsSlice())
	}
	header = be.AppendUint16(header, entropy)
	header = be.AppendUint16(header, build.LISPDataPort)
	header = be.AppendUint16(header, uint16(size))
	header = append(header, 0, 0)
	lisp := make([]byte, build.LISPBytes)
	if instance != 0 {
		lisp[0] = 0x08
		be.PutUint32(lisp[4:], instance<<8)
	}
	return ip{!t.Remote.Is4(), slices.Concat(header, lisp, p.b)}
}
