package mappings

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/lisp/lisptest"
	"github.com/corecast/corecast/source/sourcetest"
)

// slow repeats nothing: on a busy machine, repetitions would be counted too.
var slow = client.Retry{Attempts: 1, Timeout: 30 * time.Second}

// What is no answer to what was asked is dropped, and counted by why; the answer
// is taken all the same.
func TestForgedReplies(t *testing.T) {
	forged, good := "198.51.100.66", "192.0.2.21"
	at := scripted(t, func(m *lisptest.Request) [][]byte {
		whole := lisptest.Reply(t, m.Nonce, record("10.1.0.0/16", good))
		var huge []lisp.Record
		for i := range 255 {
			r := record("10.2.0.0/16", forged, "198.51.100.67", "198.51.100.68")
			r.MapVersion = uint16(i)
			huge = append(huge, r)
		}
		notify, err := (&lisp.MapNotify{Nonce: m.Nonce, Auth: lisp.Auth{KeyID: 1, Algorithm: lisp.AlgorithmSHA256},
			Records: []lisp.Record{record("10.1.0.0/16", forged)}}).Append(nil)
		if err != nil {
			t.Error(err)
		}
		return [][]byte{
			{},
			whole[:len(whole)-1], // malformed
			lisptest.Reply(t, m.Nonce+1, record("10.1.0.0/16", forged)), // nonce
			lisptest.Reply(t, m.Nonce, record("10.2.0.0/16", forged)),   // EID
			lisptest.Reply(t, m.Nonce, huge...),                         // EID
			notify,                                                      // unexpected here
			lisptest.Reply(t, m.Nonce, record("10.1.0.0/16", good), record("10.2.0.0/16", forged)), // the answer, and a record of others
			lisptest.Reply(t, m.Nonce, record("10.1.0.0/16", forged)),                              // too late: nonce
		}
	})
	c := start(t, Config{Resolvers: []netip.AddrPort{at}, Retry: slow})
	m := resolved(t, c, "10.1.2.3", func(Mapping) bool { return true })
	if m.RLOC("news", nil) != addr(good) {
		t.Errorf("%+v", m)
	}
	want := Dropped{Malformed: 1, Nonce: 2, EID: 2, Unexpected: 2, Record: 1}
	defer func() {
		if t.Failed() {
			t.Logf("dropped %+v, want %+v", c.Stats().Dropped, want)
		}
	}()
	sourcetest.Until(t, "all is counted", func() bool { return c.Stats().Dropped == want })
	if n := c.Stats(); n.Mappings != 1 {
		t.Errorf("%+v", n)
	}
}

// Nobody but the Map-Server, with the key, notifies; and nobody's SMR makes the
// source ask more than once a second.
func TestForgedNotifies(t *testing.T) {
	t.Parallel()
	s := startServer(t, netip.AddrPortFrom(host(), 0), sites(true))
	local := host()
	c := start(t, Config{Resolvers: []netip.AddrPort{s.at}, Subscription: s.subscription(), Local: local, Retry: slow})
	resolved(t, c, "10.1.2.3", func(m Mapping) bool { return m.CoreCast })
	sourcetest.Until(t, "the subscription", func() bool { return c.Stats().Subscribed == 1 })
	before := c.Stats()

	notify := func(from netip.Addr, key string, nonce uint64) {
		m := lisp.MapNotify{Nonce: nonce, Auth: lisp.Auth{KeyID: 1, Algorithm: lisp.AlgorithmSHA256},
			Records: []lisp.Record{record("10.1.0.0/16", "198.51.100.66")}}
		packet, err := m.Append(nil)
		if err == nil {
			err = lisp.NewKey([]byte(key)).Sign(packet)
		}
		if err != nil {
			t.Fatal(err)
		}
		throw(t, from, local, packet)
	}
	notify(host(), secret, 1<<63-1)         // not the Map-Server
	notify(s.at.Addr(), "guessed", 1<<63-1) // no key
	notify(s.at.Addr(), secret, 1)          // replayed
	throw(t, s.at.Addr(), local, []byte{0x40, 0, 0})
	sourcetest.Until(t, "all is counted", func() bool {
		d := c.Stats().Dropped
		return d.Source == 1 && d.Auth == 1 && d.Nonce == 1 && d.Malformed == 1
	})
	if m, _ := c.Lookup(addr("10.1.2.3")); m.RLOC("news", nil) != addr("192.0.2.21") {
		t.Errorf("a forged Map-Notify was taken: %+v", m)
	}

	smr, err := (&lisp.MapRequest{SMR: true, Nonce: 1, Source: lisp.Address{IP: addr("10.1.0.0")}, ITRs: []lisp.Address{{IP: local}},
		Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(lisp.EID{Prefix: netip.MustParsePrefix("10.1.0.0/16")})}}}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	flood := time.Now()
	for range 500 {
		throw(t, host2, local, smr)
	}
	sourcetest.Until(t, "a request", func() bool { return c.Stats().Requests > before.Requests })
	most := uint64(time.Since(flood)/askEvery) + 2
	if n := c.Stats().Requests - before.Requests; n > most {
		t.Errorf("%d requests for 500 forged SMRs, want at most %d", n, most)
	}
}

var host2 = host()

// throw sends a packet to the port that SMRs and Map-Notifies come to.
func throw(t *testing.T, from, to netip.Addr, packet []byte) {
	t.Helper()
	conn, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)),
		net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, lisp.ControlPort)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
}

// Whatever a Map-Reply says, what is kept is about what was asked for, has
// RLOCs that can be sent to, and no more of them than are kept.
func FuzzAnswer(f *testing.F) {
	capability, err := lisp.Capability{Version: 1, List: 32}.Locator()
	if err != nil {
		f.Fatal(err)
	}
	capable := record("10.1.0.0/16", "192.0.2.21")
	capable.Locators = append(capable.Locators, capability)
	for _, records := range [][]lisp.Record{
		{capable, record("10.1.2.0/24", "2001:db8::1")}, {record("0.0.0.0/0")}, {record("10.1.2.3/32", "0.0.0.1", "224.0.0.1", "255.255.255.255")},
		{{Prefix: capable.Prefix, Action: lisp.ActionSendMapRequest, TTL: 1}}, {{Prefix: capable.Prefix, Action: lisp.ActionForward}},
		{record("10.0.0.0/8", "192.0.2.1"), record("10.1.2.3/32", "192.0.2.2"), record("11.0.0.0/8", "192.0.2.3")},
	} {
		b, err := (&lisp.MapReply{Nonce: 7, Records: records}).Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	asked := addr("10.1.2.3")
	f.Fuzz(func(t *testing.T, packet []byte) {
		var m lisp.MapReply
		if m.Decode(packet) != nil {
			return
		}
		c := &Client{config: Config{MaxMappings: 8}, epoch: time.Now(), news: make(chan struct{}, 1), flights: map[netip.Prefix]*flight{}}
		c.answered(question{eid: asked, asked: time.Now()}, client.Answer{Records: m.Records})
		c.published(m.Records)
		n := 0
		c.table.all(func(e *entry) {
			n++
			if !e.Prefix.IsValid() || len(e.RLOCs) > maxLocators || !e.example.IsValid() {
				t.Errorf("%+v", e)
			}
			for _, r := range e.RLOCs {
				if !r.Address.IsValid() || r.Address.IsMulticast() || r.Address.IsUnspecified() {
					t.Errorf("%+v has the RLOC %s", e, r.Address)
				}
			}
			if r := e.RLOC("news", nil); r.IsValid() != (len(e.RLOCs) > 0) {
				t.Errorf("%+v: RLOC %v", e, r)
			}
		})
		if n != c.table.size || n > 8 {
			t.Errorf("%d mappings, counted %d", n, c.table.size)
		}
	})
}
