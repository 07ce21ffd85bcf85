package controller

import (
	"cmp"
	"net/netip"
	"slices"
)

// Received is a stream of another site as an ETR takes it.
type Received struct {
	Name        string // of its channel, where we know it; with /ipv6 for the second pair
	Switch      string
	SourceEID   netip.Addr
	ReservedEID netip.Addr
	RLOCs       []netip.Addr // from which it may come
	Group       netip.AddrPort
	Learned     bool // it came by itself
	Slot        int  // of its payload store; -1: there is no room
}

// Received returns the streams that the ETRs of this controller take, sorted by
// switch and name.
func (c *Controller) Received() []Received {
	var all []Received
	for _, o := range c.allOwners() {
		all = append(all, o.plan.streams(o.name)...)
	}
	slices.SortFunc(all, func(x, y Received) int {
		return cmp.Or(cmp.Compare(x.Switch, y.Switch), cmp.Compare(x.Name, y.Name))
	})
	return all
}

func (p *plan) streams(name string) []Received {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.b == nil {
		return nil
	}
	list := make([]Received, 0, len(p.b.received))
	for _, st := range p.b.received {
		r := Received{Name: st.name, Switch: name, SourceEID: st.source, ReservedEID: st.reserved, Slot: -1}
		if st.group.IsValid() {
			r.Group = netip.AddrPortFrom(st.group, st.groupPort)
		}
		if slot, ok := p.b.numbers.Streams[st.name]; ok {
			r.Slot = slot
		}
		_, r.Learned = p.learned.streams[learnedStream{st.source, st.reserved}]
		for _, rloc := range st.rlocs {
			r.RLOCs = append(r.RLOCs, rloc.Address)
		}
		list = append(list, r)
	}
	return list
}

// Watch returns the status of every switch and a channel that is closed when it
// changes.
func (c *Controller) Watch() (Status, <-chan struct{}) { return c.watch() }
