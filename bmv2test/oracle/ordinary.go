package oracle

import (
	"hash/crc32"
	"slices"
	"time"

	"github.com/corecast/corecast/p4/build"
)

// The way of a packet that is none of CoreCast's.

// forwardable returns the packet to forward as it leaves: out of its tunnel,
// with DSCP, ECN (RFC 6040) and hop count brought up to date.
func (j *job) forwardable() ip {
	p := j.ip.clone()
	if j.outer != nil {
		out, in := j.outer.tos(), p.tos()
		ecn := in & ecnMask
		if out&ecnMask == ecnCE || out&ecnMask == ecnECT1 && ecn == build.EcnEct0 {
			ecn = out & ecnMask
		}
		p.setTOS(out&^uint8(ecnMask) | ecn)
	}
	p.setTTL(j.ttl - 1)
	return p
}

// ordinary forwards a packet that is not CoreCast for us.
func (s *Switch) ordinary(j *job) *verdict {
	way := s.lookup(j.instance, j.ip.dst())
	local := way.Kind == Local || way.Kind == LocalVia
	switch {
	case way.Kind == Discard:
		return drop(way.Reason)
	case j.strange && !local && j.peer.MayOpen:
		return punt(build.PuntNewStream)
	case j.strange && !local:
		return drop(build.DropStreamRLOC)
	case way.Kind == ToUs && j.outer == nil && j.ip.dstPort() == build.LISPControlPort:
		return punt(build.PuntLISPControl)
	case way.Kind == ToUs:
		return punt(build.PuntToUs)
	case j.outer != nil && !local:
		return drop(build.DropNotLocal)
	case way.Kind == Miss && j.role != build.RoleLocal:
		return drop(build.DropNoRoute)
	case way.Kind == Miss:
		return s.miss(j, j.ip.dst())
	}
	flow := slices.Concat(j.ip.src().AsSlice(), j.ip.dst().AsSlice(), j.ip.ports())
	exit, v := s.exit(way, j.ip.dst(), flow)
	if v != nil {
		return v
	}
	if j.ttl <= 1 {
		return punt(build.PuntTTL)
	}
	if exit.tooBig(j.ip.size()) {
		return punt(build.PuntTooBig)
	}
	s.leave(j, exit, j.forwardable())
	return done
}

// missed is what was reported of a destination without mapping.
type missed struct {
	tag   uint16
	since time.Duration
	count int
}

// miss reports a destination without mapping, unless enough packets to it or its
// neighbors were reported lately: one CoreCast header, or as many others as may
// wait. Two in 2^16 destinations share a place to remember it.
func (s *Switch) miss(j *job, dst interface{ AsSlice() []byte }) *verdict {
	key := []byte{byte(j.instance >> 16), byte(j.instance >> 8), byte(j.instance)}
	if a := dst.AsSlice(); len(a) == 4 {
		key = slices.Concat(key, a[:3], make([]byte, 6))
	} else {
		key = slices.Concat(key, make([]byte, 3), a[:6])
	}
	print := crc32.ChecksumIEEE(key)
	place, tag := uint16(print), uint16(print>>16)
	next := missed{tag: tag, since: s.Now}
	if last, ok := s.misses[place]; ok && last.tag == tag {
		switch age := s.Now - last.since; {
		case age < build.MissHold*time.Microsecond:
			next = last
		case age < build.MissForget*time.Microsecond && last.count == build.MissBurst:
			next.count = build.MissBurst - 1
		}
	}
	if next.count == build.MissBurst || next.count > 0 && j.member != nil {
		return drop(build.DropMissRepeated)
	}
	next.count++
	v := punt(build.PuntMapCacheMiss)
	v.reported = func() { s.misses[place] = next }
	return v
}
