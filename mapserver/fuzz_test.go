package mapserver

import (
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

// fuzzSites are sites whose Map-Registers need no secret that the fuzzer could
// not know: packets are signed before they are handled.
func fuzzSites() []Site {
	s := studio()
	s.Keys = []Key{{ID: 1, Secret: []byte("sesame")}}
	seven := s
	seven.Name, seven.InstanceID, seven.ProxyReply = "seven", 7, false
	static := Site{Name: "static", EIDPrefixes: prefixes("10.1.128.0/20"), RLOCs: []RLOC{{Address: netip.MustParseAddr("192.0.2.60")}}, CoreCast: true}
	return []Site{s, seven, static}
}

// FuzzHandle gives the server any packets: authenticated ones are signed first,
// so that what comes behind the HMAC is reached. Whatever they are, the server
// lives, what it sends decodes, and its counts agree with its database.
func FuzzHandle(f *testing.F) {
	for _, packet := range seeds(f) {
		f.Add(packet, packet)
	}
	key := lisp.NewKey([]byte("sesame"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		s, err := New(start, fuzzSites(), Options{ForgedRate: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var out Outbox
		now := start
		for _, packet := range [][]byte{one, two, one} {
			key.Sign(packet) // those that can be
			out.Reset()
			s.Handle(now, etr, local, packet, &out)
			checkSent(t, &out, packet)
			now = now.Add(time.Second)
		}
		checkConsistent(t, s)
		for range 3 {
			now = now.Add(time.Minute)
			out.Reset()
			for s.Tick(now, &out) {
				out.Reset()
			}
		}
		checkConsistent(t, s)
	})
}

// seeds are packets of every type.
func seeds(t testing.TB) (list [][]byte) {
	x := lisp.XTR{ID: [16]byte{1}, Site: coreCastSiteID}
	for _, r := range []register{
		registerOf(1, record("10.1.0.0/16", 60, "192.0.2.10", "2001:db8::10")),
		registerOf(2, record("10.1.2.0/24", 0), record("2001:db8:1::/48", lisp.TTLForever, "2001:db8::10")),
		registerOf(3, record("[7]10.1.0.0/16", 60, "192.0.2.10")),
		registerOf(4, lcafRecord()),
	} {
		list = append(list, r.encode(t))
		r.HasXTR, r.XTR, r.Merge, r.UseTTL, r.ProxyReply = true, x, true, true, true
		list = append(list, r.encode(t))
	}
	for _, asked := range [][]string{{"10.1.2.3"}, {"[7]10.1.2.3", "10.9.9.9"}, {"2001:db8:1::/56"}, {"10.0.0.0/8", "0.0.0.0/0"}} {
		r := requestOf(7, asked...)
		list = append(list, mustEncode(t, &r), ecmOf(t, r, "192.0.2.50:50505"))
		r.HasXTR, r.XTR, r.Records[0].Notify = true, x, true
		list = append(list, mustEncode(t, &r), ecmOf(t, r, "192.0.2.50:50505"))
	}
	ack := lisp.MapNotifyAck{Nonce: 7, Auth: lisp.Auth{KeyID: 1, Algorithm: lisp.AlgorithmSHA256}, Records: []lisp.Record{record("10.1.0.0/16", 60, "192.0.2.10")}}
	return append(list, mustEncode(t, &ack), mustEncode(t, &lisp.MapReply{Nonce: 1}), []byte{0x70, 0, 0, 0})
}

func mustEncode(t testing.TB, m interface{ Append([]byte) ([]byte, error) }) []byte {
	t.Helper()
	packet, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

// checkSent checks that what is sent are messages that a Map-Server sends, to
// somewhere, and not much more than what came.
func checkSent(t *testing.T, out *Outbox, packet []byte) {
	t.Helper()
	for i := range out.Len() {
		d := out.At(i)
		var err error
		switch lisp.PeekType(d.Payload) {
		case lisp.TypeMapReply:
			err = new(lisp.MapReply).Decode(d.Payload)
		case lisp.TypeMapNotify:
			err = new(lisp.MapNotify).Decode(d.Payload)
		case lisp.TypeMapReferral:
			err = new(lisp.MapReferral).Decode(d.Payload)
		case lisp.TypeMapRequest:
			err = new(lisp.MapRequest).Decode(d.Payload)
		case lisp.TypeECM:
			err = new(lisp.ECM).Decode(d.Payload)
		default:
			t.Errorf("a %s is sent on % x", lisp.PeekType(d.Payload), packet)
		}
		if err != nil || !d.To.IsValid() || d.To.Port() == 0 || len(d.Payload) > maxPacket {
			t.Errorf("sent %d bytes to %s: %v: % x on % x", len(d.Payload), d.To, err, d.Payload, packet)
		}
	}
}

// maxPacket is the largest UDP payload.
const maxPacket = 65507

// checkConsistent checks that counts, tables and lists say the same.
func checkConsistent(t interface {
	Helper()
	Errorf(string, ...any)
}, s *Server) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var counts [registered + 1]int
	regs, timers, sites := 0, 0, map[*site]int{}
	for id, table := range s.db.tables {
		for p, m := range table.All() {
			counts[m.origin]++
			if m.eid != (lisp.EID{InstanceID: id, Prefix: p}) || (m.reg != nil) != (m.origin == registered) {
				t.Errorf("%s: mapping of %s, origin %d, registered %v", p, m.eid, m.origin, m.reg != nil)
			}
			if m.origin == registered {
				sites[m.site]++
			}
			for r := m.reg; r != nil; r = r.next {
				regs++
				if r.mapping != m || r.timerAt == nil {
					t.Errorf("%s: a registration of %p is in the list of %p; in the wheel: %v", p, r.mapping, m, r.timerAt != nil)
				}
			}
		}
	}
	lists := append([]*registration{s.db.wheel.due}, s.db.wheel.slots[:]...)
	for _, r := range lists {
		for ; r != nil; r = r.timer {
			timers++
		}
	}
	if counts != s.db.counts || regs != s.db.regs || timers != regs {
		t.Errorf("counted %v mappings, %d registrations, %d timers; there are %v and %d", s.db.counts, s.db.regs, timers, counts, regs)
	}
	for _, site := range s.sites.Load().sites {
		if site.mappings != sites[site] {
			t.Errorf("site %s counts %d mappings, has %d", site.name, site.mappings, sites[site])
		}
	}
}
