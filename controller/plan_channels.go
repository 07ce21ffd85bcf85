package controller

import (
	"maps"
	"slices"

	"github.com/corecast/corecast/controller/config"
)

// setChannels brings changes of channels into the plan. It reports false if that
// does not do: then the plan must be built anew.
func (p *plan) setChannels(s *State, changes []channelChange) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.b == nil || p.b.state != s || p.adopted != nil {
		return false
	}
	p.version++
	p.b.version = p.version
	for _, c := range changes {
		if !p.b.setChannel(c) {
			return false
		}
	}
	return p.b.err == nil
}

// setChannel brings a channel's change in: what build makes of the channel alone.
// It reports false where something else would change, too.
func (b *builder) setChannel(c channelChange) bool {
	own := channelChange{b.ifOwn(c.before), b.ifOwn(c.after)}
	taken := channelChange{b.ifTaken(c.before), b.ifTaken(c.after)}
	return (own == channelChange{} || b.setOwn(own)) && (taken == channelChange{} || b.setTaken(taken))
}

// ifOwn is a channel that the switch is the ITR of, else nil.
func (b *builder) ifOwn(ch *config.Channel) *config.Channel {
	if ch != nil && ch.Ingress.Switch == b.sw.Name {
		return ch
	}
	return nil
}

// ifTaken is a channel that the switch is an ETR of, else nil.
func (b *builder) ifTaken(ch *config.Channel) *config.Channel {
	if ch != nil && takesKnown(b.site, b.cfg.FindSite(ch.Site)) {
		return ch
	}
	return nil
}

// setOwn brings in the change of a channel that the switch is the ITR of.
func (b *builder) setOwn(c channelChange) bool {
	var had, wants []string
	if c.before != nil {
		had = pairNames(c.before)
		b.own = slices.DeleteFunc(b.own, func(ch *config.Channel) bool { return ch.Name == c.before.Name })
	}
	if c.after != nil {
		wants = pairNames(c.after)
		b.own = append(b.own, c.after)
	}
	if !renumber(b.numbers.Channels, had, wants, 0, maxChannels) {
		return false
	}
	b.change(objectsOf(KindChannel, c.name()), func() {
		if c.after != nil {
			b.channel(c.after)
		}
	})
	return true
}

// setTaken brings in the change of a channel that the switch is an ETR of.
func (b *builder) setTaken(c channelChange) bool {
	var had, wants []string
	for _, ch := range []*config.Channel{c.before, c.after} {
		if ch == nil {
			continue
		}
		site := b.cfg.FindSite(ch.Site)
		if len(site.RLOCs) == 0 || b.asked(ch) {
			return false // mappings or others say where it comes from, or how it goes on
		}
		for _, st := range b.streamsOf(ch, site) {
			if ch == c.before {
				had = append(had, st.name)
				if !b.unreceive(st.name) {
					return false
				}
				continue
			}
			wants = append(wants, st.name)
			if !b.countPeers(&st, 1) {
				return false
			}
			b.received = append(b.received, st)
		}
	}
	if !renumber(b.numbers.Streams, had, wants, maxChannels, maxSlots) {
		return false
	}
	b.change(objectsOf(KindStream, append(had, wants...)...), func() {
		for i := len(b.received) - len(wants); i < len(b.received); i++ {
			b.stream(&b.received[i])
		}
	})
	return true
}

// name is that of the channel.
func (c *channelChange) name() string {
	if c.before != nil {
		return c.before.Name
	}
	return c.after.Name
}

// asked reports whether a channel's streams would be taken without it, because
// the site asks for them or because they have come.
func (b *builder) asked(ch *config.Channel) bool {
	return slices.ContainsFunc(ch.Pairs(), func(p config.Pair) bool {
		_, came := b.learned.streams[learnedStream{p.Source, p.Reserved}]
		return came || slices.ContainsFunc(b.site.Streams, func(st config.Stream) bool {
			return st.SourceEID == p.Source && st.ReservedEID == p.Reserved
		})
	})
}

// receive takes in streams that came by themselves, unless they are known.
func (b *builder) receive(came map[learnedStream][]config.RLOC) {
	for st, rlocs := range came {
		known := slices.ContainsFunc(b.received, func(r stream) bool { return r.source == st.source && r.reserved == st.reserved })
		if !known {
			b.received = append(b.received, st.received(rlocs))
		}
	}
}

// unreceive takes a stream out, and reports whether its RLOCs have others.
func (b *builder) unreceive(name string) bool {
	i := slices.IndexFunc(b.received, func(st stream) bool { return st.name == name })
	if i < 0 {
		return false
	}
	others := b.countPeers(&b.received[i], -1)
	b.received = slices.Delete(b.received, i, i+1)
	return others
}

// countPeers counts a stream for its RLOCs, or with -1 no longer. It reports
// false if one of them begins to be used, or ends.
func (b *builder) countPeers(st *stream, n int) bool {
	same := true
	for _, r := range st.rlocs {
		peer := r.Address.String()
		before := b.peerUses[peer]
		if b.peerUses[peer] += n; b.peerUses[peer] == 0 {
			delete(b.peerUses, peer)
		}
		same = same && before > 0 && before+n > 0
	}
	return same
}

// renumber takes the numbers from names that had some, and gives some to those
// that want them; who does both keeps its own. It reports false where there is
// none left, or was none: then others may wait for one.
func renumber(numbers map[string]int, had, wants []string, first, limit int) bool {
	if len(numbers) == limit-first {
		return slices.Equal(had, wants)
	}
	for _, name := range had {
		if !slices.Contains(wants, name) {
			delete(numbers, name)
		}
	}
	var used []bool // from first on
	for _, name := range wants {
		if _, has := numbers[name]; has {
			continue
		}
		if used == nil {
			used = make([]bool, limit-first)
			for _, n := range numbers {
				used[n-first] = true
			}
		}
		n := slices.Index(used, false)
		if n < 0 {
			return false
		}
		numbers[name], used[n] = first+n, true
	}
	return true
}

func objectsOf(kind Kind, names ...string) map[Object]bool {
	all := map[Object]bool{}
	for _, name := range names {
		all[Object{kind, name}] = true
	}
	return all
}

// change takes out all that channels or streams want, and has add add what they
// want now. Their entries are nobody else's: no mapping comes to light below them.
func (b *builder) change(objects map[Object]bool, add func()) {
	before := map[string]string{}
	for by := range objects {
		maps.Copy(before, b.metersOf(by))
		for _, key := range b.wantedBy[by] {
			b.drop(key, by)
		}
		delete(b.wantedBy, by)
		delete(b.problems, by)
	}
	add()
	after := map[string]string{}
	for by := range objects {
		maps.Copy(after, b.metersOf(by))
	}
	if !maps.Equal(before, after) {
		b.remetered()
	}
}

// metersOf are the meters that an object wants, by key.
func (b *builder) metersOf(by Object) map[string]string {
	found := map[string]string{}
	for _, key := range b.wantedBy[by] {
		if m := b.meters[key]; m != nil {
			found[key] = m.String()
		}
	}
	return found
}

// drop ends that an object wants what has a key.
func (b *builder) drop(key string, by Object) {
	it := b.items[key]
	if it == nil {
		delete(b.meters, key)
		delete(b.wanters, key)
		return
	}
	left := *it
	left.objects = slices.DeleteFunc(slices.Clone(it.objects), func(o Object) bool { return o == by })
	if len(left.objects) == 0 {
		b.put(key, nil)
	} else {
		b.put(key, &left)
	}
}
