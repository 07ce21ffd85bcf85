package controller

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// What a switch has room for.
const (
	maxChannels = build.MaxChannels
	maxSlots    = build.MaxSlots
	maxPeers    = build.MaxSourceRLOCs
)

// builder computes what one switch is to hold: all of it by build, and then
// what changes with one mapping or neighbor. Its owner is a plan, which guards
// it.
type builder struct {
	state    *State
	cfg      *config.Config
	sw       *config.Switch
	site     *config.Site
	instance p4rt.Value // the site's
	learned  *learned
	numbers  SwitchNumbers // but those of RLOCs and sets
	rlocs    *numbering
	sets     *numbering
	ownRLOCs []config.RLOC
	own      []*config.Channel // it is the ITR of
	received []stream
	peerUses map[string]int // streams by the RLOCs that they may come from
	follows  []netip.Addr   // EIDs whose mappings decide about streams
	hops     map[netip.Addr]hop

	items   map[string]*item // entries by key
	groups  map[string]*p4rt.Group
	meters  map[string]*p4rt.Meter
	wanters map[string]Object // of groups and meters, by key
	// wantedBy has the keys of all that a channel or a stream wants. Only build
	// and setChannel add such.
	wantedBy map[Object][]string
	problems map[Object][]string
	unplaced table  // mappings without an entry, for one of the problems
	by       Object // what wants what is being added
	version  uint64 // of the plan, with the change being made
	err      error

	// replaced is told of every entry that changes, and what it was (nil:
	// nothing), remetered that meters change; nil while everything is built.
	replaced  func(key string, before *item)
	remetered func()
}

// item is an entry that a switch is to hold, and what wants it.
type item struct {
	entry   *p4rt.Entry
	objects []Object

	// Of entries of the map-cache:
	of     *mapping
	use    route
	number int // of what use refers to
}

func newBuilder(s *State, sw *config.Switch, l *learned) *builder {
	site := s.Config.FindSite(sw.Site)
	b := &builder{
		state: s, cfg: s.Config, sw: sw, site: site, instance: p4rt.Uint(site.InstanceID), learned: l,
		peerUses: map[string]int{}, hops: map[netip.Addr]hop{}, items: map[string]*item{},
		groups: map[string]*p4rt.Group{}, meters: map[string]*p4rt.Meter{}, wanters: map[string]Object{},
		wantedBy: map[Object][]string{}, problems: map[Object][]string{}, unplaced: table{},
	}
	b.ownRLOCs = b.findOwnRLOCs()
	b.own = sorted(s.channels.byITR[sw.Name])
	b.received = b.findStreams()
	return b
}

func (b *builder) problemf(by Object, format string, args ...any) {
	b.problems[by] = append(b.problems[by], fmt.Sprintf(format, args...))
}

// fail records a fault of ours.
func (b *builder) fail(err error) { b.err = cmp.Or(b.err, err) }

// add takes an entry for b.by. Two different entries for one key are a fault of
// ours.
func (b *builder) add(e p4rt.Entry) {
	c, err := b.state.Schema.Canonical(&e)
	if err != nil {
		b.fail(err)
		return
	}
	other := b.items[c.Key()]
	switch {
	case other == nil || other.of != nil:
		b.put(c.Key(), &item{entry: c, objects: []Object{b.by}})
		b.note(c.Key())
	case !other.entry.Equal(c):
		b.fail(fmt.Errorf("two entries for one key: %v and %v", other.entry, c))
	case !slices.Contains(other.objects, b.by):
		other.objects = append(other.objects, b.by)
		b.note(c.Key())
	}
}

// note remembers that b.by wants what has a key.
func (b *builder) note(key string) {
	if indexed(b.by.Kind) {
		b.wantedBy[b.by] = append(b.wantedBy[b.by], key)
	}
}

// indexed reports whether wantedBy has the objects of a kind: those that there
// are many of, and that are asked for one by one.
func indexed(k Kind) bool { return k == KindChannel || k == KindStream }

// put makes it, or nothing, the entry of a key.
func (b *builder) put(key string, it *item) {
	before := b.items[key]
	if it == nil {
		delete(b.items, key)
	} else {
		b.items[key] = it
	}
	if b.replaced != nil && !sameEntry(before, it) {
		b.replaced(key, before)
	}
}

func sameEntry(a, b *item) bool {
	return a == nil && b == nil || a != nil && b != nil && a.entry.Equal(b.entry)
}

// param shortens parameter lists.
func param(name string, v p4rt.Value) p4rt.Param { return p4rt.Param{Name: name, Value: v} }
