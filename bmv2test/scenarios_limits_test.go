package bmv2test

import (
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire/inet"
)

// The scenarios of rates run on a network of their own, whose controller was
// told the rates below. How much passes depends on the clock: they ask only
// that what is refused is refused for the right reason and counted, that
// nothing else is lost, and that service goes on.
const (
	limitedChannelRate = 100  // packets a second to reserved EIDs by a port
	limitedMediaRate   = 8000 // bit/s
	limitedFanout      = 4
	limitedARP         = 5 // punts a second
)

// limitedOptions is the network of these scenarios.
func limitedOptions(target Target) Fig2Options {
	return Fig2Options{Target: target, Clients: 2, Domains: 1, Configure: func(c *config.Config) {
		c.Channels[0].Rate, c.Channels[0].Fanout = limitedMediaRate, limitedFanout
		c.Switches[0].Ports[0].ChannelRate = limitedChannelRate
		c.Switches[0].PuntRates.ARP = limitedARP
	}}
}

func limitScenarios() []Scenario {
	return []Scenario{
		{"rate of channel packets by a port", func(t *T) { portRate(t.onLimited()) }},
		{"rate of a stream", func(t *T) { slotRate(t.onLimited()) }},
		{"rate of a reason to punt", func(t *T) { puntRate(t.onLimited()) }},
	}
}

func (t *T) onLimited() *T {
	other := *t
	other.stage = t.limited
	return &other
}

// paced sends frames to somewhere at the pace of the target.
func (t *T) paced(frames [][]byte, send func(frame []byte)) {
	limit := paceOf(t.options.Target)
	for i, f := range frames {
		send(f)
		if limit.burst > 0 && i%limit.burst == limit.burst-1 {
			time.Sleep(limit.gap)
		}
	}
}

// recovers waits until a rate has room again, and has the payload delivered.
func (t *T) recovers(try func() bool) {
	t.Helper()
	t.until("service goes on", func() bool {
		time.Sleep(200 * time.Millisecond)
		return try()
	})
}

// portRate sends three times what a port may: headers of a payload that the ITR
// does not have.
func portRate(t *T) {
	const sent = 3 * limitedChannelRate
	header := t.header(t.media(1316), t.fig.Viewers[0].EID)
	var frames [][]byte
	for range sent {
		frames = append(frames, header)
	}
	_, changed := t.watch(func() { t.paced(frames, func(f []byte) { t.send(SourceName, f) }) })
	t.excess(changed, sent, drop(0, build.DropPortRate), drop(0, build.DropUnknownPayload))
	if n := changed[t.event(0, build.EventRefused)]; n != changed[drop(0, build.DropPortRate)] {
		t.Errorf("%d events refused, counted %v", n, changed)
	}
	t.recovers(func() bool {
		m := t.media(100)
		got, _ := t.watch(func() { t.send(SourceName, t.payload(m), t.header(m, t.fig.Viewers[0].EID)) })
		return len(got.arrived) == 1
	})
}

// excess checks that of sent packets some were refused by a rate and all others
// were counted as accepted.
func (t *T) excess(changed counts, sent uint64, refused, accepted cell) {
	t.Helper()
	if r, a := changed[refused], changed[accepted]; r == 0 || a == 0 || r+a != sent {
		t.Errorf("of %d packets %d met %v and %d met %v; counted %v", sent, r, refused, a, accepted, changed)
	}
	t.covered.add(changed)
}

// slotRate floods ETR 1 with payloads of its stream, well above the burst that
// a channel of so low a rate has.
func slotRate(t *T) {
	const sent = 400
	var frames [][]byte
	for range sent {
		frames = append(frames, t.fromITR(1, t.payload(t.media(1316))))
	}
	_, changed := t.watch(func() { t.paced(frames, func(f []byte) { t.inject(1, f) }) })
	t.excess(changed, sent, drop(1, build.DropSlotRate), t.event(1, build.EventPayload))
	m := t.media(20)
	payload, header := t.fromITR(1, t.payload(m)), t.fromITR(1, t.header(m, t.fig.Viewers[0].EID))
	t.recovers(func() bool {
		got, _ := t.watch(func() { t.inject(1, payload, header) })
		return len(got.arrived) == 1
	})
}

func puntRate(t *T) {
	const sent = 40
	eth := inet.Ethernet{Dst: inet.MAC{255, 255, 255, 255, 255, 255}, Src: t.fig.Host(SourceName).MAC, Type: inet.EtherTypeARP}
	request := append(eth.Append(nil), make([]byte, 28)...)
	var frames [][]byte
	for range sent {
		frames = append(frames, request)
	}
	got, changed := t.watch(func() {
		t.paced(frames, func(f []byte) { t.send(SourceName, f) })
		t.arrive(expect{punted: limitedARP})
	})
	t.excess(changed, sent, drop(0, build.DropPuntRate), punt(0, build.PuntARP))
	if n := changed[punt(0, build.PuntARP)]; uint64(len(got.punted)) != n {
		t.Errorf("%d packets reached the controller, %d were counted", len(got.punted), n)
	}
	t.recovers(func() bool {
		got, _ := t.watch(func() {
			t.send(SourceName, request)
			t.arrive(expect{punted: 1})
		})
		return len(got.punted) == 1
	})
}
