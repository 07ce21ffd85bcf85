package oracle

import "github.com/corecast/corecast/p4/build"

// Whose packet it is: a channel's, at its ITR, or a stream's, at its ETR.

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
