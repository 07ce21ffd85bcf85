package slowpath

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/p4/build"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

// Packets of a miss wait, and go on in order once the switch has the mapping.
func TestMissWaits(t *testing.T) {
	p, f := newPath(t, Options{})
	var frames [][]byte
	for i := range 5 {
		frames = append(frames, udp(source, far, 7, []byte{byte(i)}))
		p.Packet(start, build.PuntMapCacheMiss, 1, frames[i])
	}
	if len(f.asked) != 1 || f.asked[0] != lisp.EIDOf(0, far) {
		t.Fatalf("asked %v", f.asked)
	}
	p.Resolved(start, f.asked[0], resolution("10.7.0.0/16", time.Hour, farRLOC), nil)
	if len(f.received) != 0 || !f.said("learn 10.7.0.0/16") {
		t.Fatalf("before the switch has it: %d went on, %v", len(f.received), f.log)
	}
	p.Installed(f.version - 1)
	if len(f.received) != 0 {
		t.Fatal("went on too early")
	}
	p.Installed(f.version)
	if !slices.EqualFunc(f.received, frames, bytes.Equal) {
		t.Errorf("%d packets went on, want the 5 in order", len(f.received))
	}
}

// Packets that the switch missed before it had the mapping come after the
// answer: they go on after those that waited, and nobody is asked again.
func TestMissOnTheWay(t *testing.T) {
	p, f := newPath(t, Options{})
	frames := [][]byte{udp(source, far, 7, []byte{0}), udp(source, far, 7, []byte{1}), udp(source, far, 7, []byte{2})}
	p.Packet(start, build.PuntMapCacheMiss, 1, frames[0])
	p.Resolved(start, f.asked[0], resolution("10.7.0.0/16", time.Hour, farRLOC), nil)
	p.Packet(start.Add(time.Second), build.PuntMapCacheMiss, 1, frames[1]) // the switch is slow
	if len(f.received) != 0 {
		t.Fatal("overtaken")
	}
	p.Installed(f.version)
	p.Packet(start.Add(onTheWay/2), build.PuntMapCacheMiss, 1, frames[2])
	p.Installed(f.version)
	if !slices.EqualFunc(f.received, frames, bytes.Equal) || len(f.asked) != 1 {
		t.Errorf("%d packets went on, %d questions; want the 3 in order, 1", len(f.received), len(f.asked))
	}
	// Later it is the switch that has lost it, or never took it: ask again.
	p.Packet(start.Add(time.Minute), build.PuntMapCacheMiss, 1, frames[0])
	if len(f.asked) != 2 || p.held != len(frames[0]) {
		t.Errorf("%d questions, %d bytes held", len(f.asked), p.held)
	}
}

// A full map-cache makes room: what is used stays.
func TestMapCacheEvicts(t *testing.T) {
	p, f := newPath(t, Options{MaxMappings: 8})
	for i := range 100 {
		now := start.Add(time.Duration(i) * time.Second)
		dst := netip.AddrFrom4([4]byte{11, 0, byte(i), 1})
		r := Resolution{EID: lisp.EID{Prefix: near(dst)}, TTL: time.Hour}
		if i%10 == 0 && i < 50 { // five that are something
			r.RLOCs = rlocs(farRLOC)
		}
		p.Packet(now, build.PuntMapCacheMiss, 1, udp(source, dst, 7, nil))
		p.Resolved(now, f.asked[i], r, nil)
		p.Installed(f.version)
	}
	positive := 0
	for _, c := range p.cache.byEID {
		positive += len(c.RLOCs)
	}
	if p.cache.len() != 8 || positive != 5 || p.Counters()["evicted"] != 92 || p.held != 0 {
		t.Errorf("%d mappings, %d of them positive, %v, %d bytes held", p.cache.len(), positive, p.Counters(), p.held)
	}
}

// What waits in all queues together is bounded too, and every byte is given
// back.
func TestQueuesAreBounded(t *testing.T) {
	p, f := newPath(t, Options{})
	large := make([]byte, 9000)
	for i := range 3000 {
		now := start.Add(time.Duration(i) * time.Millisecond)
		dst := netip.AddrFrom4([4]byte{11, byte(i % 100), 0, 1})
		p.Packet(now, build.PuntMapCacheMiss, 1, udp(source, dst, 7, large))
		if p.held > maxHeld {
			t.Fatalf("%d bytes are held", p.held)
		}
	}
	if p.Counters()["queues_full"] == 0 {
		t.Fatal("nothing was refused")
	}
	for i, eid := range f.asked {
		switch r := (Resolution{EID: lisp.EID{Prefix: near(eid.Prefix.Addr())}, TTL: time.Hour, RLOCs: rlocs(farRLOC)}); i % 3 {
		case 0:
			p.Resolved(start, eid, r, nil)
		case 1:
			p.Resolved(start, eid, r, errors.New("silence"))
		}
	}
	p.Installed(f.version / 2)
	p.Tick(start.Add(time.Minute))
	if p.held != 0 {
		t.Errorf("%d bytes are held after all is done", p.held)
	}
}

func TestMissIsBounded(t *testing.T) {
	p, f := newPath(t, Options{})
	for range maxQueued + 10 {
		p.Packet(start, build.PuntMapCacheMiss, 1, udp(source, far, 7, nil))
	}
	if got := p.Counters()["queue_full"]; got != 10 {
		t.Errorf("%d packets found the queue full, want 10", got)
	}
	for i := range 5000 {
		dst := netip.AddrFrom4([4]byte{11, byte(i >> 8), byte(i), 1})
		p.Packet(start, build.PuntMapCacheMiss, 1, udp(source, dst, 7, nil))
	}
	if len(p.pending) > maxPending || len(f.asked) > maxPending {
		t.Errorf("%d pending, %d asked", len(p.pending), len(f.asked))
	}
	// Nobody answers: the queues go, and the senders hear of it.
	p.Tick(start.Add(time.Minute))
	if len(p.pending) != 0 || len(f.sent) == 0 {
		t.Errorf("%d pending, %d told", len(p.pending), len(f.sent))
	}
}

// A header of a channel has its viewer resolved, and does not wait.
func TestHeaderMisses(t *testing.T) {
	p, f := newPath(t, Options{})
	id := wire.Identify(1, []byte("media"))
	h, err := wire.AppendHeader4(nil, id, []netip.AddrPort{netip.AddrPortFrom(far, 5004)})
	if err != nil {
		t.Fatal(err)
	}
	p.Packet(start, build.PuntMapCacheMiss, 1, udp(source, netip.MustParseAddr("10.0.255.1"), wire.Port, h))
	if len(f.asked) != 1 || f.asked[0].Prefix.Addr() != far {
		t.Fatalf("asked %v", f.asked)
	}
	p.Resolved(start, f.asked[0], resolution("10.7.0.0/16", time.Hour, farRLOC), nil)
	p.Installed(f.version)
	if len(f.received) != 0 || p.Counters()["header_missed"] != 1 {
		t.Errorf("%d went on, %v", len(f.received), p.Counters())
	}
}

func TestMissWithoutMapping(t *testing.T) {
	for name, c := range map[string]struct {
		r      Resolution
		err    error
		onward int
	}{
		"no answer": {err: errors.New("silence")},
		"drop":      {r: Resolution{EID: lisp.EID{Prefix: netip.MustParsePrefix("10.6.0.0/15")}, Action: lisp.ActionDrop, TTL: time.Minute}},
		"native":    {r: Resolution{EID: lisp.EID{Prefix: netip.MustParsePrefix("10.6.0.0/15")}, Action: lisp.ActionForward, TTL: time.Minute}, onward: 1},
		"another":   {r: resolution("10.9.0.0/16", time.Hour, farRLOC)},
	} {
		t.Run(name, func(t *testing.T) {
			p, f := newPath(t, Options{})
			p.Packet(start, build.PuntMapCacheMiss, 1, udp(source, far, 7, []byte("hello")))
			p.Resolved(start, f.asked[0], c.r, c.err)
			p.Installed(f.version)
			if len(f.received) != c.onward || len(f.sent) != 1-c.onward {
				t.Fatalf("%d went on, %d errors", len(f.received), len(f.sent))
			}
			if c.onward == 0 {
				if dst, typ, code, _, _ := icmpOf(t, f.sent[0]); dst != source || typ != 3 || code != 1 {
					t.Errorf("told %v type %d code %d", dst, typ, code)
				}
			}
		})
	}
}

// Mappings go when they are old or idle, and are renewed while they are used.
func TestMapCacheAges(t *testing.T) {
	p, f := newPath(t, Options{MapCacheIdle: 10 * time.Minute})
	eid := lisp.EID{Prefix: netip.MustParsePrefix("10.7.0.0/16")}
	learn := func(now time.Time, ttl time.Duration) {
		p.Packet(now, build.PuntMapCacheMiss, 1, udp(source, far, 7, nil))
		p.Resolved(now, f.asked[len(f.asked)-1], resolution("10.7.0.0/16", ttl, farRLOC), nil)
		f.log = nil
	}
	learn(start, time.Hour)
	p.Used(start.Add(9*time.Minute), map[lisp.EID]uint64{eid: 5})
	p.Tick(start.Add(15 * time.Minute))
	if p.cache.len() != 1 {
		t.Error("forgotten while in use")
	}
	p.Used(start.Add(18*time.Minute), map[lisp.EID]uint64{eid: 5})
	p.Tick(start.Add(20 * time.Minute))
	if p.cache.len() != 0 || !f.said("forget 10.7.0.0/16") {
		t.Error("not forgotten when idle")
	}
	learn(start, time.Minute)
	asked := len(f.asked)
	p.Tick(start.Add(55 * time.Second))
	if len(f.asked) != asked+1 {
		t.Error("not renewed before it expires")
	}
	p.Tick(start.Add(61 * time.Second))
	if p.cache.len() != 0 {
		t.Error("believed longer than its TTL")
	}
}

// An SMR from one of a mapping's RLOCs has the mapping asked for again; one from
// elsewhere does not.
func TestSMR(t *testing.T) {
	p, f := newPath(t, Options{})
	p.Packet(start, build.PuntMapCacheMiss, 1, udp(source, far, 7, nil))
	p.Resolved(start, f.asked[0], resolution("10.7.0.0/16", time.Hour, farRLOC), nil)
	m := lisp.MapRequest{SMR: true, Nonce: 1, Source: lisp.Address{IP: far}, ITRs: []lisp.Address{{IP: farRLOC}},
		Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(lisp.EIDOf(0, source))}}}
	body, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	later := start.Add(time.Minute)
	p.Packet(later, build.PuntLISPControl, 2, udp(netip.MustParseAddr("192.0.2.66"), ownRLOC, lisp.ControlPort, body))
	if len(f.asked) != 1 {
		t.Error("a stranger's SMR was believed")
	}
	for range 3 {
		p.Packet(later, build.PuntLISPControl, 2, udp(farRLOC, ownRLOC, lisp.ControlPort, body))
	}
	p.Tick(later)
	if len(f.asked) != 2 {
		t.Errorf("asked %d times, want once more", len(f.asked)-1)
	}
	p.Refresh([]lisp.EID{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}, {Prefix: netip.MustParsePrefix("10.8.0.0/16")}})
	p.Tick(later)
	if len(f.asked) != 3 {
		t.Error("not refreshed")
	}
}

func TestNewStream(t *testing.T) {
	media := []byte("media")
	reserved := netip.MustParseAddr("10.7.255.1")
	frame := encapsulated(farRLOC, udp(far, reserved, wire.Port, payload(media)))
	for name, c := range map[string]struct {
		at   netip.Addr
		want string
	}{"its own RLOC": {farRLOC, "stream_opened"}, "another's": {netip.MustParseAddr("192.0.2.1"), "stream_spoofed"}} {
		t.Run(name, func(t *testing.T) {
			p, f := newPath(t, Options{StreamIdle: time.Minute})
			p.Packet(start, build.PuntNewStream, 2, frame)
			p.Resolved(start, f.asked[0], resolution("10.7.0.0/16", time.Hour, c.at), nil)
			p.Installed(f.version)
			if p.Counters()[c.want] != 1 {
				t.Fatalf("counters %v", p.Counters())
			}
			opened := c.want == "stream_opened"
			if opened != (len(f.received) == 1) {
				t.Errorf("%d payloads went on", len(f.received))
			}
			p.StreamsUsed(start.Add(30*time.Second), map[Stream]uint64{{far, reserved}: 3})
			p.StreamsUsed(start.Add(80*time.Second), map[Stream]uint64{{far, reserved}: 3})
			if opened && len(p.streams) != 1 {
				t.Error("forgotten too early")
			}
			p.StreamsUsed(start.Add(2*time.Minute), map[Stream]uint64{{far, reserved}: 3})
			if len(p.streams) != 0 || opened != f.said(fmt.Sprintf("forget stream %v", Stream{far, reserved})) {
				t.Error("idle and not forgotten")
			}
		})
	}
}

func TestErrorsAreSent(t *testing.T) {
	for _, src := range []netip.Addr{source, source6} {
		v6 := src.Is6()
		dst := far
		if v6 {
			dst = netip.MustParseAddr("2001:db8:7::9")
		}
		p, f := newPath(t, Options{})
		f.mtu = 1464
		frame := udp(src, dst, 7, bytes.Repeat([]byte{1}, 1400))
		p.Packet(start, build.PuntTTL, 1, frame)
		p.Packet(start, build.PuntTooBig, 1, frame)
		if len(f.sent) != 2 {
			t.Fatalf("%v: %d errors", src, len(f.sent))
		}
		to, typ, _, _, quoted := icmpOf(t, f.sent[0])
		if want := map[bool]uint8{false: 11, true: 3}[v6]; to != src || typ != want || !bytes.HasPrefix(frame[14:], quoted) {
			t.Errorf("%v: type %d to %v", src, typ, to)
		}
		_, typ, code, mtu, _ := icmpOf(t, f.sent[1])
		if want := map[bool]uint8{false: 3, true: 2}[v6]; typ != want || mtu != 1464 || code != map[bool]uint8{false: 4}[v6] {
			t.Errorf("%v: type %d code %d, MTU %d", src, typ, code, mtu)
		}
		// No errors about errors.
		f.sent = nil
		p.Packet(start, build.PuntTTL, 1, slices.Concat(frame[:14], icmpPacket(src, dst, map[bool]uint8{false: 3, true: 1}[v6], 0, make([]byte, 40))))
		if len(f.sent) != 0 {
			t.Errorf("%v: an error about an error", src)
		}
		for range 500 {
			p.Packet(start, build.PuntTTL, 1, frame)
		}
		if len(f.sent) > 100 {
			t.Errorf("%v: %d errors at once", src, len(f.sent))
		}
	}
}

func TestEcho(t *testing.T) {
	p, f := newPath(t, Options{})
	own := netip.MustParseAddr("10.0.0.1")
	ping := icmpPacket(source, own, icmp4Echo, 0, []byte("idseqdata"))
	eth := inet.Ethernet{Dst: inet.MAC(portMAC), Src: hostMAC, Type: inet.EtherTypeIPv4}
	p.Packet(start, build.PuntToUs, 1, append(eth.Append(nil), ping...))
	dst, typ, _, _, _ := icmpOf(t, f.sent[0])
	if dst != source || typ != icmp4EchoReply || !bytes.Contains(f.sent[0], []byte("idseqdata")) {
		t.Errorf("answered %x", f.sent[0])
	}
	// One that came through the tunnel is answered through it.
	p.Packet(start, build.PuntToUs, 2, encapsulated(farRLOC, append(eth.Append(nil), icmpPacket(far, own, icmp4Echo, 0, []byte("idseq"))...)))
	if len(f.received) != 1 || !bytes.Equal(f.received[0][:6], portMAC[:]) {
		t.Errorf("answer to the tunnel: %x", f.received)
	}
	p.Packet(start, build.PuntToUs, 1, udp(source, own, 33434, nil))
	if _, typ, code, _, _ := icmpOf(t, f.sent[1]); typ != 3 || code != 3 {
		t.Errorf("closed port: type %d code %d", typ, code)
	}
}

func TestARP(t *testing.T) {
	p, f := newPath(t, Options{})
	own := netip.MustParseAddr("10.0.0.1")
	p.Packet(start, build.PuntARP, 1, arpFrame(arpRequest, hostMAC, broadcast, hostMAC, source, inet.MAC{}, own))
	want := arpFrame(arpReply, inet.MAC(portMAC), hostMAC, inet.MAC(portMAC), own, hostMAC, source)
	if len(f.sent) != 1 || !bytes.Equal(f.sent[0], want) {
		t.Fatalf("answered %x", f.sent)
	}
	if !f.said("neighbor 10.0.0.10 1 02:00:00:00:00:10") {
		t.Errorf("who asks for us is not learned: %v", f.log)
	}
	// For another's address, and from off the subnet: nothing.
	p.Packet(start, build.PuntARP, 1, arpFrame(arpRequest, hostMAC, broadcast, hostMAC, source, inet.MAC{}, far))
	p.Packet(start, build.PuntARP, 1, arpFrame(arpReply, hostMAC, broadcast, hostMAC, far, inet.MAC{}, own))
	if len(f.sent) != 1 || len(p.neighbors) != 1 {
		t.Errorf("%d sent, %d neighbors", len(f.sent), len(p.neighbors))
	}
}

// Packets wait for a neighbor and go on in order; a silent one is given up; a
// known one is confirmed, and forgotten when it is gone.
func TestNeighbor(t *testing.T) {
	for _, to := range []netip.Addr{netip.MustParseAddr("10.0.0.99"), netip.MustParseAddr("2001:db8:1::99")} {
		p, f := newPath(t, Options{NeighborAge: time.Minute})
		f.missing = []Hop{{to, 1}}
		src := source
		if to.Is6() {
			src = source6
		}
		frames := [][]byte{udp(src, to, 7, []byte("a")), udp(src, to, 7, []byte("b"))}
		for _, frame := range frames {
			p.Packet(start, build.PuntNeighbor, 1, frame)
		}
		if len(f.sent) != 1 {
			t.Fatalf("%v: %d questions", to, len(f.sent))
		}
		answer := arpFrame(arpReply, hostMAC, inet.MAC(portMAC), hostMAC, to, inet.MAC(portMAC), netip.MustParseAddr("10.0.0.1"))
		reason := uint64(build.PuntARP)
		if to.Is6() {
			eth := inet.Ethernet{Dst: inet.MAC(portMAC), Src: hostMAC, Type: inet.EtherTypeIPv6}
			a := to.As16()
			body := append(append([]byte{0x60, 0, 0, 0}, a[:]...), append([]byte{optionTargetMAC, 1}, hostMAC[:]...)...)
			answer = append(eth.Append(nil), icmpPacketHops(to, netip.MustParseAddr("2001:db8:1::1"), icmp6Advertisement, 0, body, 255)...)
			reason = build.PuntToUs
		}
		p.Packet(start, reason, 1, answer)
		p.Installed(f.version)
		if !slices.EqualFunc(f.received, frames, bytes.Equal) {
			t.Errorf("%v: %d went on, %v", to, len(f.received), f.log)
		}
		now := start
		for range 70 {
			now = now.Add(time.Second)
			p.Tick(now)
		}
		if len(p.neighbors) != 0 || !f.said("forget neighbor "+to.String()) {
			t.Errorf("%v: gone and still known: %v", to, f.log)
		}
		// Silence from the start: the sender hears of it.
		f.sent = nil
		p.Packet(now, build.PuntNeighbor, 1, frames[0])
		for range 5 {
			now = now.Add(time.Second)
			p.Tick(now)
		}
		last := f.sent[len(f.sent)-1]
		if dst, _, _, _, _ := icmpOf(t, last); dst != src || p.Counters()["neighbor_silent"] != 1 {
			t.Errorf("%v: silence told to %v", to, dst)
		}
	}
}

func TestNeighborSolicitation(t *testing.T) {
	p, f := newPath(t, Options{})
	own := netip.MustParseAddr("2001:db8:1::1")
	p.Packet(start, build.PuntNd, 1, solicitation(hostMAC, source6, own))
	if len(f.sent) != 1 || p.Counters()["nd_answered"] != 1 {
		t.Fatalf("%d answers", len(f.sent))
	}
	if dst, typ, _, _, rest := icmpOf(t, f.sent[0]); dst != source6 || typ != icmp6Advertisement || !bytes.Equal(rest[:16], own.AsSlice()) {
		t.Errorf("answered %v type %d", dst, typ)
	}
	p.Packet(start, build.PuntNd, 1, solicitation(hostMAC, source6, far6()))
	if len(f.sent) != 1 {
		t.Error("answered for another")
	}
}

func far6() netip.Addr { return netip.MustParseAddr("2001:db8:1::77") }

// An RLOC that leaves probes unanswered is down, until it answers one.
func TestProbing(t *testing.T) {
	p, f := newPath(t, Options{ProbeInterval: 10 * time.Second})
	inUse := map[netip.Addr]lisp.EID{farRLOC: {Prefix: netip.MustParsePrefix("10.7.0.0/16")}}
	now := start
	for range 300 {
		now = now.Add(100 * time.Millisecond)
		p.Probe(now, inUse)
	}
	if !f.said("reach 192.0.2.77 false") {
		t.Fatalf("not down: %v", p.Counters())
	}
	for len(f.sent) > 0 && !f.said("reach 192.0.2.77 true") {
		f.sent = nil
		for range 200 {
			now = now.Add(100 * time.Millisecond)
			p.Probe(now, inUse)
			if len(f.sent) > 0 {
				break
			}
		}
		// Another Path answers, as its ETR does.
		var k packet
		if err := k.parse(f.sent[0], func(netip.Addr) bool { return false }); err != nil {
			t.Fatal(err)
		}
		peerView := view()
		peerView.RLOCs, peerView.Site.RLOCs = rlocs(farRLOC), rlocs(farRLOC)
		answers := &fake{t: t}
		New(peerView, answers, Options{}).Packet(now, build.PuntLISPControl, 2, f.sent[0])
		if len(answers.sent) != 1 {
			t.Fatal("the probe was not answered")
		}
		p.Packet(now, build.PuntLISPControl, 2, answers.sent[0])
	}
	if !f.said("reach 192.0.2.77 true") {
		t.Errorf("not up again: %v %v", p.Counters(), f.log)
	}
}

func TestControlIsHandedOn(t *testing.T) {
	p, f := newPath(t, Options{})
	register := append([]byte{3 << 4}, make([]byte, 30)...)
	p.Packet(start, build.PuntLISPControl, 2, udp(farRLOC, ownRLOC, lisp.ControlPort, register))
	if !f.said("control 31") {
		t.Fatalf("not handed on: %v", f.log)
	}
	f.replies(netip.AddrPortFrom(farRLOC, 5000), []byte("notify"))
	if len(f.sent) != 1 || !bytes.HasSuffix(f.sent[0], []byte("notify")) || binary.BigEndian.Uint16(f.sent[0][34:]) != lisp.ControlPort {
		t.Errorf("replied %x", f.sent)
	}
	for _, other := range []string{"192.0.2.88", "2001:db8:ffff::88"} { // an ITR-RLOC that it did not come from
		f.sent = nil
		f.replies(netip.AddrPortFrom(netip.MustParseAddr(other), 5000), []byte("reply"))
		var k packet
		if len(f.sent) != 1 || k.parse(f.sent[0], func(netip.Addr) bool { return false }) != nil || k.dst.String() != other || k.eth.Dst != hostMAC {
			t.Errorf("to %s: %x", other, f.sent)
		}
	}
}

// Nothing that a switch hands over, whatever it is, stops a Path or makes it
// grow beyond its bounds.
func FuzzPacket(f *testing.F) {
	media := []byte("media")
	f.Add(uint64(build.PuntMapCacheMiss), uint16(1), udp(source, far, 7, nil))
	f.Add(uint64(build.PuntNewStream), uint16(2), encapsulated(farRLOC, udp(far, source, wire.Port, payload(media))))
	f.Add(uint64(build.PuntARP), uint16(1), arpFrame(arpRequest, hostMAC, broadcast, hostMAC, source, inet.MAC{}, netip.MustParseAddr("10.0.0.1")))
	f.Add(uint64(build.PuntNd), uint16(1), solicitation(hostMAC, source6, netip.MustParseAddr("2001:db8:1::1")))
	f.Add(uint64(build.PuntToUs), uint16(1), udp(source, netip.MustParseAddr("10.0.0.1"), 7, nil))
	f.Add(uint64(build.PuntLISPControl), uint16(2), udp(farRLOC, ownRLOC, lisp.ControlPort, []byte{0x12, 0, 0, 1}))
	f.Fuzz(func(t *testing.T, reason uint64, port uint16, frame []byte) {
		p, do := newPath(t, Options{})
		do.missing, do.mtu = []Hop{{netip.MustParseAddr("10.0.0.50"), 1}}, 1400
		for r := range uint64(11) {
			p.Packet(start, r, port, frame)
		}
		p.Packet(start, reason, port, frame)
		for _, e := range do.asked {
			p.Resolved(start, e, Resolution{EID: e, RLOCs: rlocs(farRLOC)}, nil)
		}
		p.Installed(do.version)
		for i := range 10 {
			p.Tick(start.Add(time.Duration(i) * 10 * time.Second))
		}
		unknown := 0
		for _, n := range p.neighbors {
			if !n.known {
				unknown++
			}
		}
		if p.incomplete != unknown {
			t.Errorf("counts %d unknown neighbors, has %d", p.incomplete, unknown)
		}
		if len(do.sent)+len(do.received) > 100 {
			t.Errorf("one packet made %d", len(do.sent)+len(do.received))
		}
	})
}
