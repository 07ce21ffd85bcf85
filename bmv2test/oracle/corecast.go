package oracle

import (
	"hash/crc32"
	"net/netip"
	"slices"

	"github.com/corecast/corecast/p4/build"
)

// message is a CoreCast packet, checked.
type message struct {
	isPayload      bool
	sequence, hash uint32
	length         int
	media          []byte  // of a payload
	entries        []entry // of a header
}

type entry struct {
	eid  netip.Addr
	port uint16
}

// coreCast handles a packet of a channel or stream.
func (s *Switch) coreCast(j *job) *verdict {
	if v := s.limitSlot(j); v != nil {
		s.event(j.member.slot, build.EventRefused)
		return v
	}
	m, v := j.decode()
	if v != nil {
		switch v.drop {
		case build.DropPayloadHash, build.DropPayloadLength:
			s.event(j.member.slot, build.EventPayloadRejected)
		case build.DropListRefused:
			s.event(j.member.slot, build.EventRefused)
		}
		return v
	}
	if m.isPayload {
		return s.payload(j, m)
	}
	return s.header(j, m)
}

// decode checks a packet as CoreCast.
func (j *job) decode() (*message, *verdict) {
	u, ok := j.ip.udp()
	switch {
	case !ok && j.ip.isUDP():
		return nil, drop(build.DropTruncated)
	case !ok || j.ip.dstPort() != build.CorecastPort:
		return nil, drop(build.DropBadCorecast)
	case len(u) < build.UDPBytes+build.CorecastBytes:
		return nil, drop(build.DropTruncated)
	}
	size, b := int(be.Uint16(u[4:])), u[build.UDPBytes:]
	version, kind, count := b[0]>>4, b[0]&0xF, int(b[1])
	m := &message{length: int(be.Uint16(b[2:])), sequence: be.Uint32(b[4:]), hash: be.Uint32(b[8:])}
	if version != build.CorecastVersion || j.ip.size() != j.ip.headerSize()+size {
		return nil, drop(build.DropBadCorecast)
	}
	entrySize, headerKind := build.Entry4Bytes, uint8(build.TypeHeader4)
	if j.ip.v6 {
		entrySize, headerKind = build.Entry6Bytes, build.TypeHeader6
	}
	body := b[build.CorecastBytes:]
	size -= build.UDPBytes + build.CorecastBytes // of the body
	switch kind {
	case build.TypePayload:
		switch {
		case count != 0:
			return nil, drop(build.DropBadCorecast)
		case m.length == 0 || m.length > build.MaxPayload:
			return nil, drop(build.DropPayloadLength)
		case size < m.length:
			return nil, drop(build.DropTruncated)
		case size > m.length:
			return nil, drop(build.DropBadCorecast)
		case crc32.ChecksumIEEE(body[:size]) != m.hash:
			return nil, drop(build.DropPayloadHash)
		}
		m.isPayload, m.media = true, body[:size]
	case headerKind:
		switch {
		case count == 0 || count > build.MaxEntries || size != count*entrySize:
			return nil, drop(build.DropBadCount)
		case count > int(j.member.maxList):
			return nil, drop(build.DropListRefused)
		case len(body) != size:
			return nil, drop(build.DropBadCorecast) // bytes behind it
		case j.member.stream.Group != 0:
			return nil, drop(build.DropMulticastHeader)
		}
		for e := range slices.Chunk(body, entrySize) {
			eid, _ := netip.AddrFromSlice(e[:entrySize-2])
			m.entries = append(m.entries, entry{eid, be.Uint16(e[entrySize-2:])})
		}
	default:
		return nil, drop(build.DropBadCorecast)
	}
	return m, nil
}

// payload stores a payload, last writer wins, and delivers it if the stream
// goes to a group.
func (s *Switch) payload(j *job, m *message) *verdict {
	n := j.member.slot
	sl := s.slot(n)
	c := &sl.cells[m.sequence&1]
	if len(c.media) == m.length && c.sequence == m.sequence && c.hash == m.hash {
		s.event(n, build.EventPayloadRepeated)
		return drop(build.DropPayloadRepeated)
	}
	sl.generation = (sl.generation + 1) & 0xFFFFFF
	if sl.generation == 0 {
		sl.generation = 1
	}
	*c = cell{m.sequence, m.hash, slices.Clone(m.media), sl.generation, flowNumber(j.ip), 0}
	s.event(n, build.EventPayload)

	st := j.member.stream
	if st.Group == 0 {
		return done
	}
	if j.ttl <= 1 {
		return punt(build.PuntTTL)
	}
	if exit := (&exit{neighbor: Neighbor{MTU: st.GroupMTU}}); exit.tooBig(j.ip.headerSize() + build.UDPBytes + m.length) {
		return punt(build.PuntTooBig)
	}
	s.event(n, build.EventMulticast)
	p := j.forwardable().datagram(st.Address, st.GroupPort, m.media)
	p.b = append(p.b, j.ip.b[j.ip.size():]...)
	for _, port := range s.Config.Groups[st.Group] {
		s.send(port, ethernet(Neighbor{Src: j.mac, Dst: st.GroupMAC}, p))
	}
	return done
}

// header serves the viewers that a header names.
func (s *Switch) header(j *job, m *message) *verdict {
	n := j.member.slot
	c := &s.slot(n).cells[m.sequence&1]
	if m.length == 0 || len(c.media) != m.length || c.sequence != m.sequence || c.hash != m.hash {
		s.event(n, build.EventHeaderUnknown)
		return drop(build.DropUnknownPayload)
	}
	if !j.member.atITR && len(m.entries) > 1 {
		return s.expandList(j, m, c)
	}
	first := m.entries[0]
	way := s.lookup(j.instance, first.eid)
	local := way.Kind == Local || way.Kind == LocalVia
	switch {
	case way.Kind == Discard:
		return drop(way.Reason)
	case !j.member.atITR && !local:
		return drop(build.DropEntryNotLocal)
	case way.Kind == Miss && j.role != build.RoleLocal:
		return drop(build.DropNoRoute)
	case way.Kind == Miss:
		return s.miss(j, first.eid)
	case way.Kind == Native || way.Kind == ToUs:
		return drop(build.DropNoRoute) // not a viewer's EID
	case local && len(m.entries) > 1:
		if j.ttl > 1 { // goes through ingress once more, to have its entries parsed
			s.hit("channels"+family(j.ip.dst()), "channel"+family(j.ip.src()))
		}
		return s.expandList(j, m, c)
	}
	flow := be.AppendUint16(be.AppendUint16(nil, n), way.Set)
	e, v := s.exit(way, first.eid, flow)
	if v != nil {
		return v
	}
	if j.ttl <= 1 {
		return punt(build.PuntTTL)
	}
	if local {
		return s.expand(j, m, c, e)
	}
	return s.serve(j, m, c, e)
}
