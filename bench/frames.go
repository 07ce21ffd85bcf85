package bench

import (
	"errors"
	"net/netip"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// Media is the payload size of the reports: seven packets of MPEG-TS.
const Media = 1316

// round is what a workload sends through its switch, and how much of it must
// come out.
type round struct {
	frames [][]byte
	want   int
}

// maker makes frames and keeps the first error.
type maker struct {
	err      error
	channels int // made so far: no two send the same media
}

func (m *maker) note(err error) { m.err = errors.Join(m.err, err) }

func (m *maker) frame(dst netip.AddrPort, payload []byte) []byte {
	eth := inet.Ethernet{Dst: switchMAC, Src: hostMAC, Type: inet.EtherTypeIPv4}
	d := inet.Datagram{Src: netip.AddrPortFrom(sourceEID, 6000), Dst: dst, TTL: 64, Payload: payload}
	b, err := d.Append(eth.Append(nil))
	m.note(err)
	return b
}

// tunnelled is frame as the ITR sends it to the ETR of site 0.
func (m *maker) tunnelled(frame []byte) []byte {
	eth := inet.Ethernet{Dst: switchMAC, Src: hostMAC, Type: inet.EtherTypeIPv4}
	t := lisp.Tunnel{Src: itrRLOC, Dst: ipv4(rloc(0))}
	b, err := t.Append(eth.Append(nil), frame[inet.EthernetSize:])
	m.note(err)
	return b
}

// channelRounds is how many rounds of a channel are made: payloads of the same
// parity replace one another in the store, so the third is new to it again.
const channelRounds = 4

// channel makes the packets of one payload after the other for an audience:
// the payload, then headers of up to list viewers of one site each.
func (m *maker) channel(a Audience, list int) (rounds [channelRounds]struct {
	payload []byte
	headers [][]byte
}) {
	to := netip.AddrPortFrom(reservedEID, wire.Port)
	m.channels++
	for i := range rounds {
		media := make([]byte, Media)
		for j := range media {
			media[j] = byte(j*7 + i + m.channels*channelRounds)
		}
		id := wire.Identify(uint32(i), media)
		payload, err := wire.AppendPayload(nil, id, media)
		m.note(err)
		rounds[i].payload = m.frame(to, payload)
		for site, n := range a {
			for first := 0; first < n; first += list {
				var viewers []netip.AddrPort
				for v := first; v < min(n, first+list); v++ {
					viewers = append(viewers, viewer(site, v))
				}
				header, err := wire.AppendHeader4(nil, id, viewers)
				m.note(err)
				rounds[i].headers = append(rounds[i].headers, m.frame(to, header))
			}
		}
	}
	return rounds
}

// itrRounds are the rounds of a channel at the ITR: one copy a site leaves,
// and every header.
func (m *maker) itrRounds(a Audience, list int) (out []round) {
	for _, r := range m.channel(a, list) {
		out = append(out, round{append([][]byte{r.payload}, r.headers...), len(a) + len(r.headers)})
	}
	return out
}

// etrRounds are those of a stream at the ETR of the one site of a: one packet
// a viewer leaves.
func (m *maker) etrRounds(viewers, list int) (out []round) {
	for _, r := range m.channel(Audience{viewers}, list) {
		next := round{frames: [][]byte{m.tunnelled(r.payload)}, want: viewers}
		for _, h := range r.headers {
			next.frames = append(next.frames, m.tunnelled(h))
		}
		out = append(out, next)
	}
	return out
}

// payloadRounds are payloads alone: all go into the store.
func (m *maker) payloadRounds() (out []round) {
	var frames [][]byte
	for _, r := range m.channel(Audience{1}, 1) {
		frames = append(frames, r.payload)
	}
	return []round{{frames: frames}}
}

// unicast is what the ITR sends in a round of the channel with single headers,
// as ordinary packets of the same sizes in the same order: to the viewers, or
// all to dst if that is given.
func (m *maker) unicast(a Audience, dst netip.Addr) []round {
	const udp = wire.HeaderSize
	var r round
	for site, n := range a {
		for v := range n {
			to := netip.AddrPortFrom(viewer(site, v).Addr(), 7)
			if dst.IsValid() {
				to = netip.AddrPortFrom(dst, 7)
			}
			if v == 0 {
				r.frames = append(r.frames, m.frame(to, make([]byte, udp+Media)))
			}
			r.frames = append(r.frames, m.frame(to, make([]byte, udp+wire.Entry4Size)))
		}
	}
	r.want = len(r.frames)
	return []round{r}
}

// delivered is what the viewers of site 0 receive, as LISP unicast brings it.
func (m *maker) delivered(viewers int) []round {
	r := round{want: viewers}
	for v := range viewers {
		to := netip.AddrPortFrom(viewer(0, v).Addr(), 7)
		r.frames = append(r.frames, m.tunnelled(m.frame(to, make([]byte, Media))))
	}
	return []round{r}
}

// media is one payload to every viewer, as unicast: what lists spare the ITR.
func (m *maker) media(a Audience) round {
	r := round{want: a.Viewers()}
	for site, n := range a {
		for v := range n {
			r.frames = append(r.frames, m.frame(netip.AddrPortFrom(viewer(site, v).Addr(), 7), make([]byte, Media)))
		}
	}
	return r
}
