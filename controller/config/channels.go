package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
)

// Channels are those of a complete configuration, to be checked one at a time:
// what that costs does not grow with their number. Sites and switches stay what
// they are; when they change, make it anew.
type Channels struct {
	cfg   *Config
	taken map[string]*reservations // by site
}

// NewChannels begins with the channels of a complete configuration.
func NewChannels(c *Config) *Channels {
	cs := &Channels{cfg: c, taken: c.noReservations()}
	for i := range c.Channels {
		cs.Put(&c.Channels[i])
	}
	return cs
}

// Complete fills in what ch omits and checks it beside all others. before is the
// channel that it replaces, or nil: reserved EIDs that ch omits are those that
// before had. Paths of an *Error are those within the channel.
func (cs *Channels) Complete(ch, before *Channel) error {
	if before != nil {
		cs.Remove(before)
		defer cs.Put(before)
		cs.inherit(ch, before)
	}
	p := &problems{cfg: cs.cfg}
	p.name("", ch.Name)
	ch.Lists = cmp.Or(ch.Lists, Yes)
	cs.cfg.checkChannel(p, "", ch, cs.taken)
	if len(p.list) == 0 {
		cs.cfg.reserve(p, "", ch, cs.taken)
	}
	cs.Remove(ch) // until it is put
	for i := range p.list {
		p.list[i].Path = strings.TrimPrefix(p.list[i].Path, ".")
	}
	return p.err()
}

// inherit gives ch the reserved EIDs of before that it omits, where they fit.
func (cs *Channels) inherit(ch, before *Channel) {
	site := cs.cfg.FindSite(ch.Site)
	if site == nil || ch.Site != before.Site {
		return
	}
	fits := func(r netip.Addr, source netip.Addr) bool {
		return r.IsValid() && source.IsValid() && r.Is6() == source.Is6() && site.Reserved(r.Is6()).Contains(r)
	}
	if !ch.ReservedEID.IsValid() && fits(before.ReservedEID, ch.SourceEID) {
		ch.ReservedEID = before.ReservedEID
	}
	if !ch.ReservedEID6.IsValid() && fits(before.ReservedEID6, ch.SourceEID6) {
		ch.ReservedEID6 = before.ReservedEID6
	}
}

// Put takes a complete channel in.
func (cs *Channels) Put(ch *Channel) {
	if r := cs.taken[ch.Site]; r != nil {
		for _, pair := range ch.Pairs() {
			r.take(pair.Reserved, ch.Name)
		}
	}
}

// Remove takes a channel out.
func (cs *Channels) Remove(ch *Channel) {
	if r := cs.taken[ch.Site]; r != nil {
		for _, pair := range ch.Pairs() {
			r.release(pair.Reserved, ch.Name)
		}
	}
}

// noReservations is that no site has any.
func (c *Config) noReservations() map[string]*reservations {
	taken := map[string]*reservations{}
	for _, s := range c.Sites {
		taken[s.Name] = newReservations()
	}
	return taken
}

// name checks that an object has a usable name.
func (p *problems) name(path, name string) bool {
	switch {
	case name == "":
		p.add(path, "has no name", "give it a name: of its own")
	case !goodName.MatchString(name):
		p.add(path+".name", fmt.Sprintf("%q is not a usable name", name),
			"use up to 63 lower-case letters, digits, '.', '_' and '-'")
	default:
		return true
	}
	return false
}
