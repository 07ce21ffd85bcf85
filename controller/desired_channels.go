package controller

import (
	"fmt"
	"net/netip"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// ownChannels are the channels that enter by this switch: it is their ITR.
func (b *builder) ownChannels() []*config.Channel {
	var own []*config.Channel
	for i := range b.cfg.Channels {
		if ch := &b.cfg.Channels[i]; ch.Ingress.Switch == b.sw.Name && ch.ReservedEID.Is4() {
			own = append(own, ch)
		}
	}
	return own
}

func (b *builder) channels() {
	for _, ch := range b.ownChannels() {
		slot, ok := b.numbers.Channels[ch.Name]
		if !ok {
			continue // reported by number
		}
		b.add(p4rt.Entry{
			Table: build.TableChannels, Match: []p4rt.Match{
				p4rt.Exact(build.FieldChannelsInstanceID, b.instance),
				p4rt.Exact(build.FieldChannelsReservedEID, p4rt.Addr(ch.ReservedEID)),
			},
			Action: build.ActionChannel, Params: []p4rt.Param{
				param(build.ParamChannelSlot, p4rt.Uint(slot)),
				param(build.ParamChannelSourceEID, p4rt.Addr(ch.SourceEID)),
				param(build.ParamChannelIngressPort, p4rt.Uint(ch.Ingress.Port)),
				param(build.ParamChannelRedundancy, p4rt.Uint(ch.Redundancy)),
			},
		})
	}
}

// stream is a channel of another site as this switch receives it.
type stream struct {
	name     string // the channel's, where we know it
	source   netip.Addr
	reserved netip.Addr
	rlocs    []config.RLOC // of the source's site
}

// findStreams are the streams that this switch is an ETR of: the channels of
// other sites of its instance, if its site takes streams of known channels,
// and what the site asked for by itself.
func (b *builder) findStreams() []stream {
	var found []stream
	known := map[[2]netip.Addr]bool{}
	for i := range b.cfg.Channels {
		ch := &b.cfg.Channels[i]
		source := b.cfg.FindSite(ch.Site)
		if source.Name == b.site.Name || source.InstanceID != b.site.InstanceID || !ch.ReservedEID.Is4() {
			continue
		}
		if b.site.CoreCast && b.site.AcceptStreams != config.AcceptNone {
			found = append(found, stream{ch.Name, ch.SourceEID, ch.ReservedEID, source.RLOCs})
			known[[2]netip.Addr{ch.SourceEID, ch.ReservedEID}] = true
		}
	}
	for _, st := range b.site.Streams {
		if !st.SourceEID.Is4() || known[[2]netip.Addr{st.SourceEID, st.ReservedEID}] {
			continue
		}
		rlocs := b.rlocsOf(st.SourceEID)
		if len(rlocs) == 0 {
			b.problemf("stream (%v, %v) has no mapping for its source yet", st.SourceEID, st.ReservedEID)
		}
		found = append(found, stream{fmt.Sprintf("%v/%v", st.SourceEID, st.ReservedEID), st.SourceEID, st.ReservedEID, rlocs})
	}
	return found
}

// rlocsOf finds the longest mapping in use that covers an EID.
func (b *builder) rlocsOf(eid netip.Addr) []config.RLOC {
	var best Mapping
	for _, m := range b.state.Mappings {
		if m.InstanceID == b.site.InstanceID && m.Prefix.Contains(eid) && (best.RLOCs == nil || m.Prefix.Bits() > best.Prefix.Bits()) {
			best = m
		}
	}
	return best.RLOCs
}

// streams admit each stream from every RLOC of its source's site, which may
// encapsulate with any of them; all write the one slot.
func (b *builder) streams() {
	for _, st := range b.received {
		slot, ok := b.numbers.Streams[st.name]
		if !ok {
			continue // reported by number
		}
		for _, r := range st.rlocs {
			if !r.Address.Is4() {
				continue
			}
			b.add(p4rt.Entry{
				Table: build.TableStreams, Match: []p4rt.Match{
					p4rt.Exact(build.FieldStreamsInstanceID, b.instance),
					p4rt.Exact(build.FieldStreamsSourceRLOC, p4rt.Addr(r.Address)),
					p4rt.Exact(build.FieldStreamsSourceEID, p4rt.Addr(st.source)),
					p4rt.Exact(build.FieldStreamsReservedEID, p4rt.Addr(st.reserved)),
				},
				Action: build.ActionStream, Params: []p4rt.Param{param(build.ParamStreamSlot, p4rt.Uint(slot))},
			})
		}
	}
}

// streamSources is the site's policy for streams that nobody asked for.
func (b *builder) streamSources() {
	if b.site.CoreCast && b.site.AcceptStreams == config.AcceptAny {
		b.add(p4rt.Entry{
			Table:  build.TableStreamSources,
			Match:  []p4rt.Match{p4rt.LPM(build.FieldStreamSourcesSourceRLOC, p4rt.Addr(netip.IPv4Unspecified()), 0)},
			Action: build.ActionAllowStreams,
		})
	}
}
