package config

import "net/netip"

// reservations are the reserved EIDs of one site that are taken, and by which
// channel.
type reservations struct {
	taken map[netip.Addr]string
	free  map[netip.Prefix]netip.Addr // all usable ones of the prefix below it are taken
}

func newReservations() *reservations {
	return &reservations{taken: map[netip.Addr]string{}, free: map[netip.Prefix]netip.Addr{}}
}

func (r *reservations) take(a netip.Addr, channel string) { r.taken[a] = channel }

// release gives back what a channel has; what is another's stays.
func (r *reservations) release(a netip.Addr, channel string) {
	if r.taken[a] != channel {
		return
	}
	delete(r.taken, a)
	for prefix, free := range r.free {
		if prefix.Contains(a) && a.Less(free) && !a.Less(firstUsable(prefix)) {
			r.free[prefix] = a
		}
	}
}

// firstUsable is the first address of a prefix but that of the network.
func firstUsable(prefix netip.Prefix) netip.Addr {
	addr := prefix.Addr()
	if prefix.Bits() < addr.BitLen()-1 {
		addr = addr.Next()
	}
	return addr
}

// allocate finds the lowest free address of a prefix, network and broadcast
// address left out.
func (r *reservations) allocate(prefix netip.Prefix) (netip.Addr, bool) {
	addr, known := r.free[prefix]
	if !known {
		addr = firstUsable(prefix)
	}
	for ; addr.IsValid() && prefix.Contains(addr); addr = addr.Next() {
		last := !addr.Next().IsValid() || !prefix.Contains(addr.Next())
		if last && prefix.Bits() < addr.BitLen()-1 {
			break
		}
		if _, used := r.taken[addr]; !used {
			r.free[prefix] = addr
			return addr, true
		}
	}
	if addr.IsValid() {
		r.free[prefix] = addr
	}
	return netip.Addr{}, false
}

// Allocations are the reserved EIDs that Complete chose.
func (c *Config) Allocations() map[Allocation]netip.Addr {
	chosen := map[Allocation]netip.Addr{}
	for i := range c.Channels {
		ch := &c.Channels[i]
		for a, eid := range map[Allocation]netip.Addr{{ch.Name, false}: ch.ReservedEID, {ch.Name, true}: ch.ReservedEID6} {
			if c.allocated[a] && eid.IsValid() {
				chosen[a] = eid
			}
		}
	}
	return chosen
}

// Allocate makes the channels that omit a reserved EID have the one that was
// chosen for them before, where that still fits; Complete chooses the others.
func (c *Config) Allocate(chosen map[Allocation]netip.Addr) {
	given := map[string]map[netip.Addr]bool{}
	for _, s := range c.Sites {
		given[s.Name] = map[netip.Addr]bool{}
	}
	each := func(f func(a Allocation, ch *Channel, eid *netip.Addr)) {
		for i := range c.Channels {
			if ch := &c.Channels[i]; given[ch.Site] != nil {
				f(Allocation{ch.Name, false}, ch, &ch.ReservedEID)
				f(Allocation{ch.Name, true}, ch, &ch.ReservedEID6)
			}
		}
	}
	each(func(a Allocation, ch *Channel, eid *netip.Addr) {
		if !c.allocated[a] {
			given[ch.Site][*eid] = true
		}
	})
	each(func(a Allocation, ch *Channel, eid *netip.Addr) {
		if !c.allocated[a] {
			return
		}
		before := chosen[a]
		v6 := a.Second || ch.SourceEID.Is6()
		if site := c.FindSite(ch.Site); !site.Reserved(v6).Contains(before) || given[ch.Site][before] {
			before = netip.Addr{}
		}
		given[ch.Site][before] = true
		*eid = before
	})
}
