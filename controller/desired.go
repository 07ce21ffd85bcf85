package controller

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/corecast/corecast/controller/p4rt"
)

// Desired computes what every switch is to hold. It does no I/O and depends on
// nothing but s: the same State gives the same result. The Numbers it returns
// belong into the next State.
//
// An error says that the mappings contradict each other, or is a fault of ours
// (the program and this package disagree); what else is wrong with the State is
// in each Holding's Problems.
func Desired(s State) (map[string]*Holding, Numbers, error) {
	var err error
	if s.table, err = newTable(s.Mappings); err != nil {
		return nil, nil, err
	}
	s.channels = newChannelTable(s.Config.Channels)
	holdings, numbers := map[string]*Holding{}, Numbers{}
	var errs []error
	for i := range s.Config.Switches {
		sw := &s.Config.Switches[i]
		b := newBuilder(&s, sw, newLearned())
		if err := b.build(s.Numbers[sw.Name]); err != nil {
			errs = append(errs, fmt.Errorf("switch %s: %w", sw.Name, err))
			continue
		}
		holdings[sw.Name], numbers[sw.Name] = b.holding(), b.allNumbers()
	}
	return holdings, numbers, errors.Join(errs...)
}

// build adds everything: first what the configuration says, which wins where a
// mapping says otherwise, then the mappings.
func (b *builder) build(before SwitchNumbers) error {
	b.numbers = b.number(before)
	b.target()
	b.ports()
	b.portMeters()
	b.puntMeters()
	b.neighbors()
	b.ownAddresses()
	b.localEIDs()
	b.viewers()
	b.channels()
	b.streams()
	b.sourceRLOCs()
	b.listGroups()
	b.mappings(before)
	return b.err
}

// number gives slots and indexes to what the switch will hold besides mappings.
func (b *builder) number(before SwitchNumbers) SwitchNumbers {
	var channels, streams []string
	for _, ch := range b.own {
		channels = append(channels, pairNames(ch)...)
	}
	for i := range b.received {
		streams = append(streams, b.received[i].name)
		b.countPeers(&b.received[i], 1)
	}
	peers := slices.Collect(maps.Keys(b.peerUses))
	return SwitchNumbers{
		Channels: b.allot(KindChannel, "channel", before.Channels, channels, 0, maxChannels),
		Streams:  b.allot(KindStream, "stream", before.Streams, streams, maxChannels, maxSlots),
		Peers:    b.allot(KindStream, "source RLOC", before.Peers, peers, 1, maxPeers),
	}
}

// allNumbers are the numbers in use, to begin the next build with.
func (b *builder) allNumbers() SwitchNumbers {
	n := b.numbers
	n.RLOCs, n.Sets = b.rlocs.numbers, b.sets.numbers
	return n
}

// allot numbers names from first up to limit (exclusive); what finds no room is
// a problem.
func (b *builder) allot(kind Kind, what string, before map[string]int, wanted []string, first, limit int) map[string]int {
	numbers, left := allot(before, wanted, first, limit)
	for _, name := range left {
		b.noRoom(Object{kind, name}, what, name, limit-first)
	}
	return numbers
}

func (b *builder) noRoom(by Object, what string, name any, limit int) {
	b.problemf(by, "%s %v has no room: a switch holds %d; spread them over more switches", what, name, limit)
}

// holding lists everything in a fixed order.
func (b *builder) holding() *Holding {
	h := b.unsorted()
	slices.SortFunc(h.Entries, func(x, y *p4rt.Entry) int { return cmp.Compare(x.Key(), y.Key()) })
	return h
}

// unsorted is holding with its entries in any order.
func (b *builder) unsorted() *Holding {
	h := &Holding{
		Entries: make([]*p4rt.Entry, 0, len(b.items)), Problems: b.problemList(),
		Groups: slices.SortedFunc(maps.Values(b.groups), func(x, y *p4rt.Group) int { return cmp.Compare(x.ID, y.ID) }),
		Meters: slices.SortedFunc(maps.Values(b.meters), func(x, y *p4rt.Meter) int {
			return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Index, y.Index))
		}),
	}
	for _, it := range b.items {
		h.Entries = append(h.Entries, it.entry)
	}
	return h
}

// maxProblems bounds the problems that a status carries.
const maxProblems = 100

func (b *builder) problemList() []string {
	var all []string
	for _, problems := range b.problems {
		all = append(all, problems...)
	}
	slices.Sort(all)
	if more := len(all) - maxProblems; more > 0 {
		all = append(all[:maxProblems], fmt.Sprintf("and %d more", more))
	}
	return all
}
