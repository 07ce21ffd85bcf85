package controller

import (
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// pairNames are the names of a channel's payload stores, one a family; that of
// IPv6 beside IPv4 has a suffix that no channel's name can have.
func pairNames(ch *config.Channel) []string {
	names := []string{ch.Name}
	if len(ch.Pairs()) > 1 {
		names = append(names, ch.Name+"/ipv6")
	}
	return names
}

// maxList is the longest header list that a channel may use.
func maxList(ch *config.Channel) int {
	if ch.Lists == config.No {
		return 1
	}
	return build.MaxEntries
}

func (b *builder) channels() {
	for _, ch := range b.own {
		b.channel(ch)
	}
}

func (b *builder) channel(ch *config.Channel) {
	b.by = Object{KindChannel, ch.Name}
	for i, pair := range ch.Pairs() {
		slot, ok := b.numbers.Channels[pairNames(ch)[i]]
		if !ok {
			continue // reported by number
		}
		f := familyOf(pair.Reserved)
		b.add(p4rt.Entry{
			Table: f.channels, Match: []p4rt.Match{
				p4rt.Exact(build.FieldChannels4InstanceID, b.instance),
				p4rt.Exact(build.FieldChannels4ReservedEID, p4rt.Addr(pair.Reserved)),
			},
			Action: f.channel, Params: []p4rt.Param{
				param(build.ParamChannel4Slot, p4rt.Uint(slot)),
				param(build.ParamChannel4SourceEID, p4rt.Addr(pair.Source)),
				param(build.ParamChannel4IngressPort, p4rt.Uint(ch.Ingress.Port)),
				param(build.ParamChannel4Redundancy, p4rt.Uint(ch.Redundancy)),
				param(build.ParamChannel4MaxList, p4rt.Uint(maxList(ch))),
				param(build.ParamChannel4Fanout, p4rt.Uint(ch.Fanout)),
			},
		})
		b.slotMeter(slot, ch.Rate, ch.Fanout)
	}
}

// stream is a channel of another site, in one family, as this switch receives
// it.
type stream struct {
	name             string // of the channel's store, where we know the channel
	source, reserved netip.Addr
	rlocs            []config.RLOC // of the source's site
	maxList          int
	fanout           uint32
	rate             config.Rate
	group            netip.Addr // of multicast delivery, else invalid
	groupPort        uint16
}

// findStreams are the streams that this switch is an ETR of: the channels of
// other sites of its instance, if its site takes streams of known channels,
// and what the site asked for by itself. The site also says how they are
// delivered.
func (b *builder) findStreams() []stream {
	var found []stream
	at := map[config.Pair]int{}
	for i := range b.cfg.Sites {
		source := &b.cfg.Sites[i]
		if !takesKnown(b.site, source) {
			continue
		}
		for _, ch := range sorted(b.state.channels.bySite[source.Name]) {
			for _, st := range b.streamsOf(ch, source) {
				at[config.Pair{Source: st.source, Reserved: st.reserved}] = len(found)
				found = append(found, st)
			}
		}
	}
	for _, st := range b.site.Streams {
		pair := config.Pair{Source: st.SourceEID, Reserved: st.ReservedEID}
		i, known := at[pair]
		if !known {
			i = len(found)
			at[pair] = i
			found = append(found, b.askedFor(pair))
		}
		if st.Delivery == config.Multicast {
			found[i].group, found[i].groupPort = st.Group, st.Port
		}
	}
	for st, rlocs := range b.learned.streams {
		if _, known := at[config.Pair{Source: st.source, Reserved: st.reserved}]; !known {
			found = append(found, st.received(rlocs))
		}
	}
	return found
}

// streamsOf are the streams of a channel that we know, one a family.
func (b *builder) streamsOf(ch *config.Channel, site *config.Site) []stream {
	var list []stream
	for i, pair := range ch.Pairs() {
		list = append(list, stream{
			name: pairNames(ch)[i], source: pair.Source, reserved: pair.Reserved, rlocs: b.rlocsOf(site, pair.Source),
			maxList: maxList(ch), fanout: ch.Fanout, rate: ch.Rate,
		})
	}
	return list
}

// received is a stream that came by itself.
func (st learnedStream) received(rlocs []config.RLOC) stream {
	return stream{
		name: streamName(st.source, st.reserved), source: st.source, reserved: st.reserved,
		rlocs: rlocs, maxList: build.MaxEntries,
	}
}

// streamName names a stream of a channel that we do not know.
func streamName(source, reserved netip.Addr) string { return fmt.Sprintf("%v/%v", source, reserved) }

// askedFor is a stream of a channel that we do not know.
func (b *builder) askedFor(pair config.Pair) stream {
	st := stream{
		name: streamName(pair.Source, pair.Reserved), source: pair.Source, reserved: pair.Reserved,
		rlocs: b.rlocsOf(nil, pair.Source), maxList: build.MaxEntries,
	}
	if len(st.rlocs) == 0 {
		b.problemf(Object{KindStream, st.name}, "stream (%v, %v) has no mapping for its source yet", st.source, st.reserved)
	}
	return st
}

// rlocsOf are the RLOCs that a stream may come from: those of its source's
// site, or where we know none, those of the longest mapping that covers the
// source.
func (b *builder) rlocsOf(site *config.Site, source netip.Addr) []config.RLOC {
	if site != nil && len(site.RLOCs) > 0 {
		return site.RLOCs
	}
	b.follows = append(b.follows, source)
	if m := b.state.table.longest(b.site.InstanceID, source); m != nil {
		return m.RLOCs
	}
	return nil
}

// streams admit each stream from every RLOC of its source's site, which may
// encapsulate with any of them; all write the one slot.
func (b *builder) streams() {
	for i := range b.received {
		b.stream(&b.received[i])
	}
}

func (b *builder) stream(st *stream) {
	slot, ok := b.numbers.Streams[st.name]
	if !ok {
		return // reported by number
	}
	b.by = Object{KindStream, st.name}
	action, params := st.action(slot, b.localMTU())
	for _, r := range st.rlocs {
		peer, ok := b.numbers.Peers[r.Address.String()]
		if !ok {
			continue // reported by number
		}
		b.add(p4rt.Entry{
			Table: familyOf(st.source).streams, Match: []p4rt.Match{
				p4rt.Exact(build.FieldStreams4InstanceID, b.instance),
				p4rt.Exact(build.FieldStreams4Peer, p4rt.Uint(peer)),
				p4rt.Exact(build.FieldStreams4SourceEID, p4rt.Addr(st.source)),
				p4rt.Exact(build.FieldStreams4ReservedEID, p4rt.Addr(st.reserved)),
			},
			Action: action, Params: params,
		})
	}
	b.slotMeter(slot, st.rate, st.fanout)
}

// action is how a stream is delivered; mtu is the least of the group's ports.
func (st *stream) action(slot int, mtu uint16) (string, []p4rt.Param) {
	if !st.group.IsValid() {
		return build.ActionStream, []p4rt.Param{
			param(build.ParamStreamSlot, p4rt.Uint(slot)),
			param(build.ParamStreamMaxList, p4rt.Uint(st.maxList)),
			param(build.ParamStreamFanout, p4rt.Uint(st.fanout)),
		}
	}
	return familyOf(st.group).multicast, []p4rt.Param{
		param(build.ParamStreamMulticast4Slot, p4rt.Uint(slot)),
		param(build.ParamStreamMulticast4Group, p4rt.Uint(multicastGroup(slot))),
		param(build.ParamStreamMulticast4Address, p4rt.Addr(st.group)),
		param(build.ParamStreamMulticast4Port, p4rt.Uint(st.groupPort)),
		param(build.ParamStreamMulticast4MAC, p4rt.MAC(groupMAC(st.group))),
		param(build.ParamStreamMulticast4Mtu, p4rt.Uint(mtu)),
	}
}

// sourceRLOCs number the RLOCs that streams come from, and say whether they may
// open more. Any other RLOC is nobody's (peer 0), and may open a stream only
// where the site accepts any.
func (b *builder) sourceRLOCs() {
	b.by = object(KindSite, b.site.Name)
	open := b.site.CoreCast && b.site.AcceptStreams == config.AcceptAny
	for text, peer := range b.numbers.Peers {
		b.sourceRLOCEntry(host(netip.MustParseAddr(text)), peer, open)
	}
	if open {
		b.sourceRLOCEntry(netip.PrefixFrom(netip.IPv4Unspecified(), 0), 0, true)
		b.sourceRLOCEntry(netip.PrefixFrom(netip.IPv6Unspecified(), 0), 0, true)
	}
}

func (b *builder) sourceRLOCEntry(prefix netip.Prefix, peer int, open bool) {
	mayOpen := 0
	if open {
		mayOpen = 1
	}
	b.add(p4rt.Entry{
		Table:  familyOf(prefix.Addr()).sourceRLOCs,
		Match:  []p4rt.Match{p4rt.LPM(build.FieldSourceRlocs4SourceRLOC, p4rt.Addr(prefix.Addr()), prefix.Bits())},
		Action: build.ActionSourceRLOC, Params: []p4rt.Param{
			param(build.ParamSourceRLOCPeer, p4rt.Uint(peer)),
			param(build.ParamSourceRLOCMayOpen, p4rt.Uint(mayOpen)),
		},
	})
}
