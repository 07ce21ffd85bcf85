package controller

import (
	"net/netip"
	"slices"

	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// Numbers depend on what happened before, and a controller that starts anew does
// not know that. The switch does: adopting the numbers it holds keeps every
// entry that says the same, so that nothing is written, and payload stores stay.

// numbers reads the numbers out of what a switch holds. Numbers that are
// out of range or given twice are left out.
func (h *heldNumbers) numbers() SwitchNumbers {
	rlocs := h.rlocs()
	return SwitchNumbers{
		Channels: sound(h.channels(), 0, maxChannels), Streams: sound(h.streams(), maxChannels, maxSlots),
		Peers: sound(h.peers(), 1, maxPeers),
		RLOCs: sound(rlocs, 0, build.MaxRLOCs), Sets: sound(h.sets(rlocs), 1, maxSets),
	}
}

// heldNumbers is what a switch holds, by table.
type heldNumbers struct {
	b      *builder
	tables map[string][]*p4rt.Entry
}

func (b *builder) holds(have []*p4rt.Entry) *heldNumbers {
	h := &heldNumbers{b: b, tables: map[string][]*p4rt.Entry{}}
	for _, e := range have {
		h.tables[e.Table] = append(h.tables[e.Table], e)
	}
	return h
}

// argument is a parameter of an entry's action, matched a field that the entry
// matches on: the two may have one name.
func argument(e *p4rt.Entry, name string) p4rt.Value {
	for _, p := range e.Params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

func matched(e *p4rt.Entry, name string) p4rt.Value {
	for _, m := range e.Match {
		if m.Field == name {
			return m.Value
		}
	}
	return ""
}

func (h *heldNumbers) rlocs() map[string]int {
	found := map[string]int{}
	for _, e := range h.tables[build.TableRLOCs] {
		addr := argument(e, build.ParamEncap4RLOC).Addr(e.Action == build.ActionEncap6)
		found[addr.String()] = int(matched(e, build.FieldRLOCsRLOC).Uint64())
	}
	return found
}

// shares are the RLOCs in the buckets of each set, in the order of addresses.
func (h *heldNumbers) shares(rlocs map[string]int) map[int][]share {
	byNumber := byNumbers(rlocs)
	shares := map[int][]share{}
	for _, e := range h.tables[build.TableRLOCSets] {
		set, rloc := int(matched(e, build.FieldRLOCSetsSet).Uint64()), byNumber[int(argument(e, build.ParamPickRLOC).Uint64())]
		i := slices.IndexFunc(shares[set], func(s share) bool { return s.rloc == rloc })
		if i < 0 {
			i = len(shares[set])
			shares[set] = append(shares[set], share{rloc: rloc})
		}
		shares[set][i].buckets++
	}
	for _, list := range shares {
		slices.SortFunc(list, func(x, y share) int { return x.rloc.Compare(y.rloc) })
	}
	return shares
}

// sets names the sets by the RLOCs in their buckets.
func (h *heldNumbers) sets(rlocs map[string]int) map[string]int {
	found := map[string]int{}
	for set, list := range h.shares(rlocs) {
		found[setName(list)] = set
	}
	return found
}

func (h *heldNumbers) channels() map[string]int {
	slots := map[netip.Addr]int{}
	for _, f := range []*family{&ipv4, &ipv6} {
		for _, e := range h.tables[f.channels] {
			slots[matched(e, build.FieldChannels4ReservedEID).Addr(f == &ipv6)] = int(argument(e, build.ParamChannel4Slot).Uint64())
		}
	}
	found := map[string]int{}
	for _, ch := range h.b.own {
		for i, pair := range ch.Pairs() {
			if slot, ok := slots[pair.Reserved]; ok {
				found[pairNames(ch)[i]] = slot
			}
		}
	}
	return found
}

func (h *heldNumbers) streams() map[string]int {
	type pair struct{ source, reserved netip.Addr }
	slots := map[pair]int{}
	for _, f := range []*family{&ipv4, &ipv6} {
		for _, e := range h.tables[f.streams] {
			source := matched(e, build.FieldStreams4SourceEID).Addr(f == &ipv6)
			slots[pair{source, matched(e, build.FieldStreams4ReservedEID).Addr(f == &ipv6)}] = int(argument(e, build.ParamStreamSlot).Uint64())
		}
	}
	found := map[string]int{}
	for _, st := range h.b.received {
		if slot, ok := slots[pair{st.source, st.reserved}]; ok {
			found[st.name] = slot
		}
	}
	return found
}

func (h *heldNumbers) peers() map[string]int {
	found := map[string]int{}
	for _, f := range []*family{&ipv4, &ipv6} {
		for _, e := range h.tables[f.sourceRLOCs] {
			if n := int(argument(e, build.ParamSourceRLOCPeer).Uint64()); n != 0 {
				found[matched(e, build.FieldSourceRlocs4SourceRLOC).Addr(f == &ipv6).String()] = n
			}
		}
	}
	return found
}

// sound leaves out numbers that are not from first to limit (exclusive), and
// those that several names have.
func sound(numbers map[string]int, first, limit int) map[string]int {
	times := map[int]int{}
	for _, n := range numbers {
		times[n]++
	}
	for name, n := range numbers {
		if n < first || n >= limit || times[n] > 1 {
			delete(numbers, name)
		}
	}
	return numbers
}

// adopt has the next build begin with the numbers that the switch holds, and
// with what a controller before this one learned. It reports whether that
// differs from the plan.
func (p *plan) adopt(have []*p4rt.Entry, o *Options) (got inherited, differ bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.b.holds(have)
	if got = h.inherit(o); len(got.streams) > 0 {
		p.b.receive(got.streams) // they have numbers too
	}
	held := h.numbers()
	if got.empty() && (held.empty() || held.contains(p.b.allNumbers())) {
		return got, false
	}
	p.adopted = &held
	return got, true
}

func (n SwitchNumbers) empty() bool {
	return len(n.Channels)+len(n.Streams)+len(n.Peers)+len(n.RLOCs)+len(n.Sets) == 0
}

// contains reports whether n gives the same numbers to all names of o.
func (n SwitchNumbers) contains(o SwitchNumbers) bool {
	within := func(o, n map[string]int) bool {
		for name, number := range o {
			if held, ok := n[name]; !ok || held != number {
				return false
			}
		}
		return true
	}
	return within(o.Channels, n.Channels) && within(o.Streams, n.Streams) && within(o.Peers, n.Peers) &&
		within(o.RLOCs, n.RLOCs) && within(o.Sets, n.Sets)
}
