package controller

import (
	"net/netip"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/controller/slowpath"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
)

// What a controller has learned is nowhere but in the switch. One that comes
// after it takes that over instead of deleting what media flows by, and then
// makes sure that it is still true.

// inherited is what a switch holds that a controller before this one learned.
type inherited struct {
	mappings  []slowpath.Resolution
	neighbors []slowpath.Neighbor
	streams   map[learnedStream][]config.RLOC
}

func (i *inherited) empty() bool { return len(i.mappings)+len(i.neighbors)+len(i.streams) == 0 }

// inherit finds what the plan does not want, and would want had this controller
// learned it.
func (h *heldNumbers) inherit(o *Options) inherited {
	got := inherited{streams: map[learnedStream][]config.RLOC{}}
	for _, f := range []*family{&ipv4, &ipv6} {
		if o.Resolver != nil {
			h.inheritMappings(f, &got, o.SlowPath.MostMappings())
		}
		h.inheritNeighbors(f, &got)
		if h.b.site.CoreCast && h.b.site.AcceptStreams == config.AcceptAny {
			h.inheritStreams(f, &got)
		}
	}
	return got
}

func (h *heldNumbers) inheritMappings(f *family, got *inherited, most int) {
	rlocs := h.rlocs()
	sets := h.shares(rlocs)
	byNumber := byNumbers(rlocs)
	for _, e := range h.tables[f.eids] {
		eid, ok := h.eidOf(f, e)
		if !ok || h.b.items[e.Key()] != nil || len(got.mappings) == most {
			continue
		}
		r := slowpath.Resolution{EID: eid, Action: lisp.ActionDrop}
		number := 0
		switch e.Action {
		case build.ActionToRLOC:
			number = int(argument(e, build.ParamToRLOCRLOC).Uint64())
			r.RLOCs = []config.RLOC{{Address: byNumber[number], Priority: 1, Weight: 100}}
		case build.ActionToRLOCs:
			number = int(argument(e, build.ParamToRLOCsSet).Uint64())
			for _, s := range sets[number] {
				r.RLOCs = append(r.RLOCs, config.RLOC{Address: s.rloc, Priority: 1, Weight: uint8(s.buckets)})
			}
		case build.ActionNative4, build.ActionNative6:
			r.Action = lisp.ActionForward
		}
		m := &mapping{learned: true, Mapping: Mapping{InstanceID: eid.InstanceID, Prefix: eid.Prefix, RLOCs: r.RLOCs, Action: r.Action}}
		if route, ok := h.b.routeOf(m); ok && h.wouldWant(e, route.entry(eid, number)) {
			h.b.learned.setMapping(eid, m)
			got.mappings = append(got.mappings, r)
		}
	}
}

// eidOf is the EID prefix of an entry that may be one of the map-cache.
func (h *heldNumbers) eidOf(f *family, e *p4rt.Entry) (lisp.EID, bool) {
	if e.Default || matched(e, build.FieldEids4InstanceID) != h.b.instance {
		return lisp.EID{}, false
	}
	bits := 0
	for _, m := range e.Match {
		if m.Field == build.FieldEids4EID {
			bits = m.PrefixLen
		}
	}
	eid := lisp.EID{InstanceID: h.b.site.InstanceID,
		Prefix: netip.PrefixFrom(matched(e, build.FieldEids4EID).Addr(f == &ipv6), bits)}
	return eid, eid.Prefix.IsValid() && h.b.concerns(eid)
}

// wouldWant reports whether an entry of ours is the one that the switch has.
func (h *heldNumbers) wouldWant(have *p4rt.Entry, ours p4rt.Entry) bool {
	c, err := h.b.state.Schema.Canonical(&ours)
	return err == nil && c.Equal(have)
}

func (h *heldNumbers) inheritNeighbors(f *family, got *inherited) {
	for _, e := range h.tables[f.neighbors] {
		if e.Default || h.b.items[e.Key()] != nil {
			continue
		}
		addr := matched(e, build.FieldNeighbors4Address).Addr(f == &ipv6)
		port := h.b.sw.FindPort(uint16(argument(e, build.ParamDeliverPort).Uint64()))
		mac := argument(e, build.ParamDeliverDstMAC).MAC()
		if !addr.IsValid() || port == nil || !slowpath.OnLink(port, addr) || !h.wouldWant(e, neighborEntry(addr, hop{port, mac})) {
			continue
		}
		h.b.learned.neighbors[addr] = neighbor{mac, port.ID}
		got.neighbors = append(got.neighbors, slowpath.Neighbor{Hop: slowpath.Hop{Address: addr, Port: port.ID}, MAC: mac})
	}
}

func (h *heldNumbers) inheritStreams(f *family, got *inherited) {
	peers := byNumbers(h.peers())
	for _, e := range h.tables[f.streams] {
		from, known := peers[int(matched(e, build.FieldStreams4Peer).Uint64())]
		st := learnedStream{
			matched(e, build.FieldStreams4SourceEID).Addr(f == &ipv6), matched(e, build.FieldStreams4ReservedEID).Addr(f == &ipv6)}
		if e.Default || !known || h.b.items[e.Key()] != nil || e.Action != build.ActionStream || h.receives(st) {
			continue
		}
		got.streams[st] = append(got.streams[st], config.RLOC{Address: from, Priority: 1, Weight: 100})
		h.b.learned.streams[st] = got.streams[st]
	}
}

// receives reports whether the configuration itself wants a stream.
func (h *heldNumbers) receives(st learnedStream) bool {
	for _, r := range h.b.received {
		if r.source == st.source && r.reserved == st.reserved {
			return true
		}
	}
	return false
}

// byNumbers turns the numbers of addresses round.
func byNumbers(numbers map[string]int) map[int]netip.Addr {
	found := map[int]netip.Addr{}
	for text, n := range numbers {
		found[n] = netip.MustParseAddr(text)
	}
	return found
}
