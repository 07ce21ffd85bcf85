package controller

import (
	"net/netip"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/gaissmai/bart"
)

// learned is what the slow path of one switch found out. It outlives changes of
// the configuration, and is guarded by the switch's plan.
type learned struct {
	mappings  table
	prefixes  map[uint32]*bart.Lite // of mappings, by instance-id
	neighbors map[netip.Addr]neighbor
	streams   map[learnedStream][]config.RLOC // from which RLOCs they may come
	down      map[netip.Addr]bool             // RLOCs that do not answer probes
}

// neighbor is a learned MAC address behind a port.
type neighbor struct {
	mac  config.MAC
	port uint16
}

// learnedStream is a channel that we do not know, as it came in.
type learnedStream struct{ source, reserved netip.Addr }

func newLearned() *learned {
	return &learned{
		mappings: table{}, prefixes: map[uint32]*bart.Lite{}, neighbors: map[netip.Addr]neighbor{},
		streams: map[learnedStream][]config.RLOC{}, down: map[netip.Addr]bool{},
	}
}

// setMapping brings a mapping in, or with nil takes it out.
func (l *learned) setMapping(eid lisp.EID, m *mapping) {
	t := l.prefixes[eid.InstanceID]
	if t == nil {
		t = new(bart.Lite)
		l.prefixes[eid.InstanceID] = t
	}
	if m == nil {
		delete(l.mappings, eid)
		t.Delete(eid.Prefix)
		return
	}
	l.mappings[eid] = m
	t.Insert(eid.Prefix)
}

// overlapping returns those EID prefixes that overlap learned ones.
func (p *plan) overlapping(eids []lisp.EID) []lisp.EID {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []lisp.EID
	for _, eid := range eids {
		if t := p.learned.prefixes[eid.InstanceID]; t != nil && t.OverlapsPrefix(eid.Prefix) {
			list = append(list, eid)
		}
	}
	return list
}

// uses reports whether a mapping names an RLOC.
func (m *mapping) uses(rloc netip.Addr) bool {
	for _, r := range m.RLOCs {
		if r.Address == rloc {
			return true
		}
	}
	return false
}

// covers reports whether a mapping of e says where an EID is.
func covers(e lisp.EID, instance uint32, eid netip.Addr) bool {
	return e.InstanceID == instance && e.Prefix.Contains(eid)
}
