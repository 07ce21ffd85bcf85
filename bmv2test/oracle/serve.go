package oracle

import (
	"slices"

	"github.com/corecast/corecast/p4/build"
)

// What a header makes of a stored payload: copies at the ITR, packets for
// viewers at the ETR.

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

// goRound sends the frame as it came through the loop, with more pads.
func (s *Switch) goRound(j *job) {
	f := j.frame
	loop := slices.Concat(f[12:14], be.AppendUint16(nil, j.port), []byte{j.role<<4 | byte(j.pads+2)},
		[]byte{byte(j.portInst >> 16), byte(j.portInst >> 8), byte(j.portInst)})
	s.send(s.Config.LoopTo, slices.Concat(f[:12], be.AppendUint16(nil, build.EthertypeLoop), loop,
		make([]byte, (j.pads+2)*build.PadBytes), f[build.EthernetBytes:]))
}
