package slowpath

import (
	"net/netip"
	"slices"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire"
)

// heard is a stream that came in, from where, and how it goes on.
type heard struct {
	from    netip.Addr // source RLOC
	open    bool       // it has a slot
	since   time.Time
	packets []queued // payloads that wait for the slot
	events  uint64   // of the slot, at used
	used    time.Time
}

// newStream takes a CoreCast packet of a stream without a slot. A site that
// takes any stream opens it, if the source's mapping says that it may come from
// that RLOC: so nobody can fill slots in another's name.
func (p *Path) newStream(now time.Time, k *packet) {
	h, _, ok := k.corecast()
	if !ok || !k.tunnel {
		p.count("bad_packet")
		return
	}
	if !p.view.Site.CoreCast || p.view.Site.AcceptStreams != config.AcceptAny {
		p.count("stream_refused")
		return
	}
	s := Stream{k.src, k.dst}
	st := p.streams[s]
	if st == nil {
		if len(p.streams) >= p.opts.MaxStreams || !p.resolves.allow(now) {
			p.count("stream_limited")
			return
		}
		st = &heard{from: k.sourceRLOC, since: now, used: now}
		p.streams[s] = st
		p.count("stream_heard")
		p.resolve(lisp.EIDOf(p.view.Site.InstanceID, k.src), false)
	}
	if h.Type == wire.TypePayload && st.from == k.sourceRLOC {
		p.hold(&st.packets, k)
	}
}

// InheritStream takes a stream that the switch has from a controller before this
// one.
func (p *Path) InheritStream(now time.Time, s Stream) {
	if p.streams[s] == nil {
		p.count("stream_inherited")
		p.streams[s] = &heard{open: true, since: now, used: now}
	}
}

// openStreams gives slots to the streams of a source whose mapping is known now.
func (p *Path) openStreams(now time.Time, source netip.Addr, r Resolution) {
	for s, st := range p.streams {
		if s.Source != source || st.open {
			continue
		}
		if !slices.ContainsFunc(r.RLOCs, func(l config.RLOC) bool { return l.Address == st.from }) {
			p.count("stream_spoofed")
			p.dropStream(s, st)
			continue
		}
		version, ok := p.do.LearnStream(s, r.RLOCs)
		if !ok {
			p.count("stream_no_slot")
			p.dropStream(s, st)
			continue
		}
		p.count("stream_opened")
		st.open = true
		p.await(now, version, st.packets)
		st.packets = nil
	}
}

func (p *Path) refuseStreams(source netip.Addr) {
	for s, st := range p.streams {
		if s.Source == source && !st.open {
			p.count("stream_refused")
			p.dropStream(s, st)
		}
	}
}

func (p *Path) dropStream(s Stream, st *heard) {
	p.release(st.packets)
	delete(p.streams, s)
}

// StreamsUsed takes how much has happened in the slots of the streams, and
// forgets those that are idle, and those that nobody answered for.
func (p *Path) StreamsUsed(now time.Time, events map[Stream]uint64) {
	for s, st := range p.streams {
		if n := events[s]; n != st.events {
			st.events, st.used = n, now
		}
		switch {
		case !st.open && now.Sub(st.since) > p.opts.ResolveTimeout:
			p.dropStream(s, st)
		case st.open && now.Sub(st.used) > p.opts.StreamIdle:
			p.count("stream_idle")
			p.dropStream(s, st)
			p.do.ForgetStream(s)
		}
	}
}
