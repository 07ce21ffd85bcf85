package oracle

import (
	"hash/crc32"
	"net/netip"
	"slices"

	"github.com/corecast/corecast/p4/build"
)

// member is the channel or stream that a packet belongs to.
type member struct {
	slot       uint16
	redundancy uint8
	maxList    uint8
	fanout     uint32
	atITR      bool
	stream     Stream
}

// findMember finds the channel (a bare packet to its reserved EID, from its
// source and port alone) or the stream (CoreCast inside LISP).
func (s *Switch) findMember(j *job) *verdict {
	if j.outer != nil {
		if j.ip.dstPort() == build.CorecastPort {
			s.findStream(j)
		}
		return nil
	}
	table := "channels" + family(j.ip.dst())
	ch, ok := s.Config.Channels[ChannelKey{j.instance, j.ip.dst()}]
	switch {
	case !ok:
		s.hit(table, "no_channel")
		return nil
	case j.ip.src() != ch.Source:
		s.hit(table, "channel"+family(ch.Source))
		return drop(build.DropChannelSource)
	}
	s.hit(table, "channel"+family(ch.Source))
	if j.port != ch.Port {
		return drop(build.DropChannelPort)
	}
	j.member = &member{slot: ch.Slot, redundancy: ch.Redundancy, maxList: ch.MaxList, fanout: ch.Fanout, atITR: true}
	return nil
}

func (s *Switch) findStream(j *job) {
	j.strange, j.peer = true, s.peer(j.outer.src())
	table := "streams" + family(j.ip.dst())
	st, ok := s.Config.Streams[StreamKey{j.instance, j.peer.Number, j.ip.src(), j.ip.dst()}]
	switch {
	case !ok:
		s.hit(table, "no_stream")
	case st.Group != 0:
		s.hit(table, "stream_multicast"+family(st.Address))
		j.member = &member{slot: st.Slot, maxList: build.MaxEntries, stream: st}
	default:
		s.hit(table, "stream")
		j.member = &member{slot: st.Slot, maxList: st.MaxList, fanout: st.Fanout, stream: st}
	}
}

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

// expand makes of a header with one entry the viewer's packet.
func (s *Switch) expand(j *job, m *message, c *cell, e *exit) *verdict {
	size := j.ip.headerSize() + build.UDPBytes + m.length
	if e.tooBig(size) {
		return punt(build.PuntTooBig)
	}
	if v := s.mayMake(j, m, c, build.EthernetBytes+size, 1); v != nil {
		return v
	}
	s.event(j.member.slot, build.EventHeader)
	s.event(j.member.slot, build.EventExpanded)
	s.leave(j, e, j.forwardable().datagram(m.entries[0].eid, m.entries[0].port, c.media))
	return done
}

// expandList makes of a list the packets of its local viewers, in order.
func (s *Switch) expandList(j *job, m *message, c *cell) *verdict {
	if j.ttl <= 1 {
		return punt(build.PuntTTL)
	}
	size := j.ip.headerSize() + build.UDPBytes + m.length
	if v := s.mayMake(j, m, c, build.EthernetBytes+size, len(m.entries)); v != nil {
		return v
	}
	s.event(j.member.slot, build.EventHeader)
	for _, entry := range m.entries {
		table := "viewers" + family(entry.eid)
		viewer, local := longest(s.Config.Viewers, j.instance, entry.eid)
		if !local {
			s.hit(table, "not_local")
			s.Drops[build.DropEntryNotLocal]++
			s.event(j.member.slot, build.EventEntryNotLocal)
			continue
		}
		s.hit(table, "viewer")
		exit := &exit{neighbor: viewer}
		if exit.tooBig(size) {
			s.Drops[build.DropTooBig]++
			continue
		}
		s.event(j.member.slot, build.EventExpanded)
		s.leave(j, exit, j.forwardable().datagram(entry.eid, entry.port, c.media))
	}
	return done
}

// serve forwards a header to its RLOC, behind a copy of the payload where the
// RLOC has not had it, or not for a while.
func (s *Switch) serve(j *job, m *message, c *cell, e *exit) *verdict {
	key := Stamp{j.member.slot, e.rloc}
	st := s.stamps[key]
	first := st.generation != c.generation
	n := int(j.member.redundancy)
	copying := first || n != 0 && st.headers >= n

	copySize := j.ip.headerSize() + build.UDPBytes + build.CorecastBytes + m.length
	longest := j.ip.size()
	if copying {
		longest = max(longest, copySize)
	}
	if e.tooBig(longest) {
		return punt(build.PuntTooBig)
	}
	if copying {
		// The rest of a list is behind the copy until it is cut.
		rest := j.ip.size() - j.ip.headerSize() - build.UDPBytes - build.CorecastBytes
		rest -= rest / len(m.entries)
		if v := s.mayMake(j, m, c, build.EthernetBytes+copySize+e.overhead()+rest, 1); v != nil {
			return v
		}
	}
	j.cell = c
	sent := s.Served[key]
	sent.Headers++
	s.event(j.member.slot, build.EventHeader)
	header := j.forwardable()
	if copying {
		sent.Copies++
		st = stamp{generation: c.generation}
		if first {
			s.event(j.member.slot, build.EventCopy)
		} else {
			s.event(j.member.slot, build.EventCopyRedundant)
		}
		payload := []byte{build.CorecastVersion<<4 | build.TypePayload, 0}
		payload = be.AppendUint16(payload, uint16(m.length))
		payload = be.AppendUint32(payload, m.sequence)
		payload = be.AppendUint32(payload, m.hash)
		s.leave(j, e, header.datagram(header.dst(), build.CorecastPort, append(payload, c.media...)))
	}
	if copying || n != 0 {
		st.headers++
	}
	s.stamps[key], s.Served[key] = st, sent
	s.leave(j, e, header)
	return done
}

// mayMake says whether a frame of that size may be made of a header now, and
// counts the packets it becomes. It returns done if the header must first go
// round the loop.
func (s *Switch) mayMake(j *job, m *message, c *cell, size, packets int) *verdict {
	s.hit("target", "set_target")
	room := len(j.frame) + int(s.Config.Growth)
	if j.pads > 0 {
		room += build.LoopBytes + j.pads*build.PadBytes
	}
	if size > room {
		if s.Config.LoopTo == 0 || j.pads == 4 {
			return drop(build.DropGrowth)
		}
		s.goRound(j)
		return done
	}
	limit := uint64(j.member.fanout)
	if limit == 0 {
		return nil
	}
	if c.made+uint64(packets) > limit {
		s.event(j.member.slot, build.EventRefused)
		return drop(build.DropFanout)
	}
	c.made += uint64(packets)
	return nil
}

// goRound sends the frame as it came through the loop, with more pads.
func (s *Switch) goRound(j *job) {
	f := j.frame
	loop := slices.Concat(f[12:14], be.AppendUint16(nil, j.port), []byte{j.role<<4 | byte(j.pads+2)},
		[]byte{byte(j.portInst >> 16), byte(j.portInst >> 8), byte(j.portInst)})
	s.send(s.Config.LoopTo, slices.Concat(f[:12], be.AppendUint16(nil, build.EthertypeLoop), loop,
		make([]byte, (j.pads+2)*build.PadBytes), f[build.EthernetBytes:]))
}
