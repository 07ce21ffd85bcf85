package controller

import (
	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/controller/p4rt"
	"github.com/corecast/corecast/p4/build"
)

// What a channel's rate, which is of media, means in bytes of frames.
const (
	// smallPayload is the least media per payload that a rate must be
	// reached with.
	smallPayload = 1000
	// payloadFraming is what a payload has around it at most: Ethernet, IPv6,
	// UDP, LISP, IPv6, UDP, CoreCast.
	payloadFraming = build.EthernetBytes + build.LISPIPv6Bytes + build.IPv6Bytes + build.UDPBytes + build.CorecastBytes
	// headerBytes is a header packet of one entry, at most.
	headerBytes = payloadFraming + build.Entry6Bytes
	// viewersAllowed is for how many viewers a channel without fanout may
	// send headers.
	viewersAllowed = 10_000
	// slotBurst is how many of a slot's bytes may come at once, as a part of
	// a second; leastBurst is at least that much.
	slotBurst  = 4
	leastBurst = 1 << 17
)

// slotMeter holds a channel or stream to its rate: as many payloads a second
// as the rate makes of small ones, and a header for each of them and each
// viewer. A channel without a rate is not limited.
func (b *builder) slotMeter(slot int, rate config.Rate, fanout uint32) {
	if rate == 0 {
		return
	}
	viewers := uint64(fanout)
	if viewers == 0 {
		viewers = viewersAllowed
	}
	payloads := (uint64(rate)/8 + smallPayload - 1) / smallPayload // a second
	bytes := payloads * (smallPayload + payloadFraming + viewers*headerBytes)
	b.limit(build.MeterSlotMeter, slot, bytes, max(bytes/slotBurst, leastBurst))
}

// portMeters hold local ports to their channel_rate.
func (b *builder) portMeters() {
	for i := range b.sw.Ports {
		if p := &b.sw.Ports[i]; p.ChannelRate > 0 {
			b.by = b.portObject(p.ID)
			b.limit(build.MeterPortMeter, int(p.ID), uint64(p.ChannelRate), uint64(p.ChannelRate))
		}
	}
}

// puntMeters keep every reason to punt from flooding the controller.
func (b *builder) puntMeters() {
	b.by = object(KindSwitch, b.sw.Name)
	r := &b.sw.PuntRates
	for reason, rate := range map[int]uint32{
		build.PuntMapCacheMiss: r.MapCacheMiss, build.PuntNewStream: r.NewStream, build.PuntToUs: r.ToUs,
		build.PuntTTL: r.TTL, build.PuntNeighbor: r.Neighbor, build.PuntARP: r.ARP, build.PuntNd: r.ND,
		build.PuntTooBig: r.TooBig, build.PuntLISPControl: r.LISPControl,
	} {
		b.limit(build.MeterPuntMeter, reason, uint64(rate), uint64(rate))
	}
}

// limit makes a cell mark red what is above rate units a second.
func (b *builder) limit(meter string, index int, rate, burst uint64) {
	m := &p4rt.Meter{
		Name: meter, Index: int64(index),
		Config: &p4rt.MeterConfig{CIR: rate, CBurst: burst, PIR: rate, PBurst: burst},
	}
	key := m.Key()
	b.meters[key], b.wanters[key] = m, b.by
	b.note(key)
}
