package slowpath

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire/inet"
)

// probeTries is how many probes in a row an RLOC may leave unanswered before
// it is down.
const probeTries = 3

// usualProbes is the least interval of probes that ticks a second apart are
// enough for.
const usualProbes = 10 * time.Second

// probe is what is known of an RLOC in use.
type probe struct {
	nonce  uint64
	missed int
	down   bool
	next   time.Time
}

// control takes a LISP control message to one of our addresses: probes and what
// answers ours are the Path's, SMRs concern its map-cache; the rest is handed on.
func (p *Path) control(now time.Time, k *packet) {
	var u inet.UDP
	message, err := u.Decode(k.payload, k.src, k.dst, false)
	if err != nil || k.protocol != inet.ProtocolUDP {
		p.count("bad_packet")
		return
	}
	from, to := netip.AddrPortFrom(k.src, u.SrcPort), netip.AddrPortFrom(k.dst, u.DstPort)
	switch lisp.PeekType(message) {
	case lisp.TypeMapRequest:
		var m lisp.MapRequest
		if m.Decode(message) != nil {
			p.count("bad_packet")
			return
		}
		switch {
		case m.Probe:
			p.answerProbe(now, k, from, to, &m)
			return
		case m.SMR:
			p.solicited(now, k.src, &m)
			return
		}
	case lisp.TypeMapReply:
		var m lisp.MapReply
		if m.Decode(message) == nil && m.Probe {
			p.probeAnswered(k.src, m.Nonce)
			return
		}
	}
	p.count("control_handed_on")
	came := *k
	p.do.Control(from, to, message, func(whom netip.AddrPort, message []byte) { p.sendControl(&came, to, whom, message) })
}

// sendControl sends a message that follows from one that came to our address
// from: back by the way that it came, or to somebody else.
func (p *Path) sendControl(k *packet, from, to netip.AddrPort, message []byte) {
	if to.Addr() == k.src {
		p.replyControl(k, to, from, message)
		return
	}
	way, ok := p.do.Way(to.Addr())
	port := p.view.port(way.Port)
	if !ok || port == nil {
		p.count("control_unroutable")
		return
	}
	if from.Addr().Is4() != to.Addr().Is4() {
		from = netip.AddrPortFrom(way.Source, from.Port())
	}
	d := inet.Datagram{TTL: 64, Src: from, Dst: to, Payload: message}
	p.sendTo(way, port, &d)
}

func (p *Path) replyControl(k *packet, to, from netip.AddrPort, message []byte) {
	d := inet.Datagram{TTL: 64, Src: from, Dst: to, Payload: message}
	if ip, err := d.Append(nil); err == nil {
		p.reply(k, ip)
	}
}

// answerProbe answers an RLOC-probe with the site's own mapping (RFC 9301 §7.1).
func (p *Path) answerProbe(now time.Time, k *packet, from, to netip.AddrPort, m *lisp.MapRequest) {
	if !p.answers.allow(now) || len(m.Records) == 0 {
		p.count("answer_limited")
		return
	}
	record := lisp.Record{Prefix: m.Records[0].Prefix, TTL: 1440, Authoritative: true}
	asked, ok := m.Records[0].Prefix.EID()
	for _, prefix := range p.view.Site.EIDPrefixes {
		if ok && prefix.Overlaps(asked.Prefix) {
			record.Prefix = lisp.PrefixOf(lisp.EID{InstanceID: p.view.Site.InstanceID, Prefix: prefix})
		}
	}
	for _, r := range p.view.Site.RLOCs {
		record.Locators = append(record.Locators, lisp.Locator{
			Address: lisp.Address{IP: r.Address}, Priority: r.Priority, Weight: r.Weight, MPriority: lisp.PriorityUnused,
			Local: p.view.isRLOC(r.Address), Probed: r.Address == k.dst, Reachable: true,
		})
	}
	reply := lisp.MapReply{Probe: true, Nonce: m.Nonce, Records: []lisp.Record{record}}
	answer, err := reply.Append(nil)
	if err != nil {
		p.count("bad_packet")
		return
	}
	p.count("probe_answered")
	p.replyControl(k, from, to, answer)
}

// solicited takes an SMR (RFC 9301 §6.1): who has the mapping may not be who it
// says, so the resolver is asked, and only for what one of its RLOCs says has
// changed.
func (p *Path) solicited(now time.Time, from netip.Addr, m *lisp.MapRequest) {
	if !p.smrs.allow(now) {
		p.count("smr_limited")
		return
	}
	source := m.Source.IP
	if !source.IsValid() {
		return
	}
	if c := p.cache.covering(lisp.EIDOf(p.view.Site.InstanceID, source)); c != nil && c.has(from) {
		p.count("smr")
		p.again(c.EID)
	}
}

// Probe says which RLOCs are in use: they are probed, others no longer.
func (p *Path) Probe(now time.Time, inUse map[netip.Addr]lisp.EID) {
	if p.opts.ProbeInterval == 0 {
		return
	}
	for rloc, pr := range p.probes {
		if _, used := inUse[rloc]; !used {
			if pr.down {
				p.do.Reach(rloc, true)
			}
			delete(p.probes, rloc)
		}
	}
	for rloc, eid := range inUse {
		pr := p.probes[rloc]
		if pr == nil {
			// Spread, so that a thousand are not asked at once.
			pr = &probe{next: now.Add(rand.N(p.opts.ProbeInterval))}
			p.probes[rloc] = pr
		}
		if !now.Before(pr.next) {
			p.sendProbe(now, rloc, eid, pr)
		}
	}
}

func (p *Path) sendProbe(now time.Time, rloc netip.Addr, eid lisp.EID, pr *probe) {
	if pr.nonce != 0 { // the last one was not answered
		if pr.missed++; pr.missed >= probeTries && !pr.down {
			pr.down = true
			p.count("rloc_down")
			p.do.Reach(rloc, false)
		}
	}
	pr.nonce = rand.Uint64() | 1
	pr.next = now.Add(p.opts.ProbeInterval)
	if pr.missed > 0 && !pr.down {
		pr.next = now.Add(max(p.opts.ProbeInterval/10, time.Millisecond)) // make sure soon
	}
	way, ok := p.do.Way(rloc)
	if !ok {
		return
	}
	m := lisp.MapRequest{Probe: true, Nonce: pr.nonce, ITRs: []lisp.Address{{IP: way.Source}},
		Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(eid)}}}
	body, err := m.Append(nil)
	if err != nil {
		return
	}
	d := inet.Datagram{TTL: 64, Src: netip.AddrPortFrom(way.Source, lisp.ControlPort), Dst: netip.AddrPortFrom(rloc, lisp.ControlPort), Payload: body}
	if port := p.view.port(way.Port); port != nil && p.sendTo(way, port, &d) {
		p.count("probe_sent")
	}
}

// sendTo sends a datagram by a way through a port.
func (p *Path) sendTo(way Way, port *config.Port, d *inet.Datagram) bool {
	eth := inet.Ethernet{Dst: way.MAC, Src: inet.MAC(port.MAC), Type: inet.EtherTypeIPv4}
	if d.Dst.Addr().Is6() {
		eth.Type = inet.EtherTypeIPv6
	}
	frame, err := d.Append(eth.Append(nil))
	if err == nil {
		p.do.Send(way.Port, frame)
	}
	return err == nil
}

// probeAnswered takes the answer of an RLOC to the last probe.
func (p *Path) probeAnswered(from netip.Addr, nonce uint64) {
	pr := p.probes[from]
	if pr == nil || nonce == 0 || nonce != pr.nonce {
		p.count("probe_stray")
		return
	}
	p.count("probe_confirmed")
	pr.nonce, pr.missed = 0, 0
	if pr.down {
		pr.down = false
		p.count("rloc_up")
		p.do.Reach(from, true)
	}
}
