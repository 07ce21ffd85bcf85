package controller

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// Desired computes what every switch is to hold. It does no I/O and depends on
// nothing but s: the same State gives the same result. The Numbers it returns
// belong into the next State.
//
// An error is a fault of ours (the program and this package disagree); what is
// wrong with the State is in each Holding's Problems.
func Desired(s State) (map[string]*Holding, Numbers, error) {
	holdings, numbers := map[string]*Holding{}, Numbers{}
	var errs []error
	for i := range s.Config.Switches {
		sw := &s.Config.Switches[i]
		b := newBuilder(&s, sw)
		numbers[sw.Name] = b.number()
		b.target()
		b.ports()
		b.portMeters()
		b.puntMeters()
		b.neighbors()
		b.ownAddresses()
		b.localEIDs()
		b.viewers()
		b.mappings()
		b.channels()
		b.streams()
		b.sourceRLOCs()
		b.groups()
		if b.err != nil {
			errs = append(errs, fmt.Errorf("switch %s: %w", sw.Name, b.err))
			continue
		}
		holdings[sw.Name] = b.finish()
	}
	return holdings, numbers, errors.Join(errs...)
}

// builder collects what one switch is to hold.
type builder struct {
	state    *State
	cfg      *config.Config
	sw       *config.Switch
	site     *config.Site
	instance p4rt.Value // the site's
	numbers  SwitchNumbers
	ownRLOCs []config.RLOC
	remotes  []remote
	received []stream
	hops     map[netip.Addr]hop // neighbors by address
	entries  map[string]*p4rt.Entry
	out      *Holding
	err      error
}

func newBuilder(s *State, sw *config.Switch) *builder {
	site := s.Config.FindSite(sw.Site)
	b := &builder{
		state: s, cfg: s.Config, sw: sw, site: site, instance: p4rt.Uint(site.InstanceID),
		hops: map[netip.Addr]hop{}, entries: map[string]*p4rt.Entry{}, out: &Holding{},
	}
	b.ownRLOCs = b.findOwnRLOCs()
	b.remotes = b.findRemotes()
	b.received = b.findStreams()
	return b
}

// number gives slots and indexes to what the switch will hold.
func (b *builder) number() SwitchNumbers {
	before := b.state.Numbers[b.sw.Name]
	var channels, streams, peers, rlocs, sets []string
	for _, ch := range b.ownChannels() {
		channels = append(channels, pairNames(ch)...)
	}
	for _, st := range b.received {
		streams = append(streams, st.name)
		for _, r := range st.rlocs {
			peers = append(peers, r.Address.String())
		}
	}
	for _, m := range b.remotes {
		for _, s := range m.shares {
			rlocs = append(rlocs, s.rloc.String())
		}
		if len(m.shares) > 1 {
			sets = append(sets, setName(m.shares))
		}
	}
	b.numbers.Channels = b.allot("channel", before.Channels, channels, 0, build.MaxChannels)
	b.numbers.Streams = b.allot("stream", before.Streams, streams, build.MaxChannels, build.MaxSlots)
	b.numbers.Peers = b.allot("source RLOC", before.Peers, peers, 1, build.MaxSourceRLOCs)
	b.numbers.RLOCs = b.allot("RLOC", before.RLOCs, rlocs, 0, build.MaxRLOCs)
	b.numbers.Sets = b.allot("set of RLOCs", before.Sets, sets, 1, build.MaxRLOCSets/build.RLOCBuckets+1)
	return b.numbers
}

// allot numbers names from first up to limit (exclusive); what finds no room is
// a problem.
func (b *builder) allot(kind string, before map[string]int, wanted []string, first, limit int) map[string]int {
	numbers, left := allot(before, wanted, first, limit)
	for _, name := range left {
		b.problemf("%s %s has no room: a switch holds %d; spread them over more switches", kind, name, limit-first)
	}
	return numbers
}

func (b *builder) problemf(format string, args ...any) {
	b.out.Problems = append(b.out.Problems, fmt.Sprintf(format, args...))
}

// add takes an entry. Two different entries for one key are a fault of ours.
func (b *builder) add(e p4rt.Entry) {
	c, err := b.state.Schema.Canonical(&e)
	if err != nil {
		b.err = cmp.Or(b.err, err)
		return
	}
	if other := b.entries[c.Key()]; other != nil && !other.Equal(c) {
		b.err = cmp.Or(b.err, fmt.Errorf("two entries for one key: %v and %v", other, c))
		return
	}
	b.entries[c.Key()] = c
}

func (b *builder) finish() *Holding {
	for _, e := range b.entries {
		b.out.Entries = append(b.out.Entries, e)
	}
	slices.SortFunc(b.out.Entries, func(x, y *p4rt.Entry) int { return cmp.Compare(x.Key(), y.Key()) })
	slices.SortFunc(b.out.Groups, func(x, y *p4rt.Group) int { return cmp.Compare(x.ID, y.ID) })
	slices.SortFunc(b.out.Meters, func(x, y *p4rt.Meter) int { return cmp.Compare(x.Key(), y.Key()) })
	slices.Sort(b.out.Problems)
	return b.out
}

// param shortens parameter lists.
func param(name string, v p4rt.Value) p4rt.Param { return p4rt.Param{Name: name, Value: v} }
