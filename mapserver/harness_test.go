package mapserver

import (
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
)

// start is when tests begin.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var (
	itr   = netip.MustParseAddrPort("192.0.2.50:40000")
	etr   = netip.MustParseAddrPort("192.0.2.10:40001")
	local = netip.MustParseAddr("192.0.2.1")
)

func eid(s string) lisp.EID {
	e, err := lisp.ParseEID(s)
	if err != nil {
		panic(err)
	}
	return e
}

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// harness is a server with a clock.
type harness struct {
	t   testing.TB
	s   *Server
	now time.Time
	out Outbox
}

func newHarness(t testing.TB, opts Options, sites ...Site) *harness {
	t.Helper()
	s, err := New(start, sites, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &harness{t: t, s: s, now: start}
}

// studio is a site with one key, whose xTRs count no nonces.
func studio() Site {
	return Site{
		Name: "studio", EIDPrefixes: prefixes("10.1.0.0/16", "2001:db8:1::/48"), AcceptMoreSpecifics: true, ProxyReply: true,
		Keys: []Key{{ID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte("sesame")}}, Replay: ReplayOff,
	}
}

// sent is a datagram that the server sent.
type sent struct {
	from    netip.Addr
	to      netip.AddrPort
	payload []byte
}

// handle gives the server a packet and returns what it sends.
func (h *harness) handle(from netip.AddrPort, packet []byte) []sent {
	h.out.Reset()
	h.s.Handle(h.now, from, local, packet, &h.out)
	return h.sent()
}

func (h *harness) sent() (list []sent) {
	for i := range h.out.Len() {
		d := h.out.At(i)
		list = append(list, sent{d.From, d.To, append([]byte(nil), d.Payload...)})
	}
	return list
}

// advance lets time pass, in steps as a caller of Tick would take them, and
// returns what the server sends.
func (h *harness) advance(d time.Duration) (list []sent) {
	const step = 250 * time.Millisecond
	for end := h.now.Add(d); h.now.Before(end); {
		h.now = h.now.Add(min(step, end.Sub(h.now)))
		for {
			h.out.Reset()
			more := h.s.Tick(h.now, &h.out)
			list = append(list, h.sent()...)
			if !more {
				break
			}
		}
	}
	return list
}

// register is a Map-Register in the making.
type register struct {
	lisp.MapRegister
	secret string
	size   int // of the authentication data; 0 is the full length
}

func locators(addrs ...string) (out []lisp.Locator) {
	for _, a := range addrs {
		out = append(out, lisp.Locator{
			Address: lisp.Address{IP: netip.MustParseAddr(a)}, Priority: 1, Weight: 100, MPriority: 255, Local: true, Reachable: true,
		})
	}
	return out
}

func record(prefix string, ttl uint32, addrs ...string) lisp.Record {
	return lisp.Record{Prefix: lisp.PrefixOf(eid(prefix)), TTL: ttl, Locators: locators(addrs...)}
}

// registerOf is a Map-Register that wants a Map-Notify, with key 1.
func registerOf(nonce uint64, records ...lisp.Record) register {
	return register{
		MapRegister: lisp.MapRegister{
			WantNotify: true, Nonce: nonce, Auth: lisp.Auth{KeyID: 1, Algorithm: lisp.AlgorithmSHA256}, Records: records,
		},
		secret: "sesame",
	}
}

func (r register) encode(t testing.TB) []byte {
	t.Helper()
	if r.size > 0 {
		r.Auth.Data = make([]byte, r.size)
	}
	packet, err := r.Append(nil)
	if err == nil {
		err = lisp.NewKey([]byte(r.secret)).Sign(packet)
	}
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

// register registers, and checks that it is acknowledged or not.
func (h *harness) register(from netip.AddrPort, r register, accepted bool) lisp.MapNotify {
	h.t.Helper()
	for _, d := range h.handle(from, r.encode(h.t)) {
		if lisp.PeekType(d.payload) != lisp.TypeMapNotify {
			continue
		}
		var n lisp.MapNotify
		if err := n.Decode(d.payload); err != nil {
			h.t.Fatal(err)
		}
		if n.Nonce != r.Nonce {
			continue // to a subscriber
		}
		if !accepted {
			h.t.Fatalf("Map-Register %+v was accepted", r.MapRegister)
		}
		if want := netip.AddrPortFrom(from.Addr(), lisp.ControlPort); d.to != want || d.from != local {
			h.t.Fatalf("Map-Notify from %s to %s, want from %s to %s", d.from, d.to, local, want)
		}
		if err := lisp.NewKey([]byte(r.secret)).Verify(d.payload); err != nil {
			h.t.Fatal(err)
		}
		return n
	}
	if accepted && r.WantNotify {
		h.t.Fatalf("Map-Register was not acknowledged: %v %v", h.s.Rejects(), h.s.Sites())
	}
	return lisp.MapNotify{}
}

// requestOf is a Map-Request for EIDs from the ITR.
func requestOf(nonce uint64, eids ...string) lisp.MapRequest {
	r := lisp.MapRequest{Nonce: nonce, ITRs: []lisp.Address{{IP: itr.Addr()}}}
	for _, e := range eids {
		r.Records = append(r.Records, lisp.EIDRecord{Prefix: lisp.PrefixOf(eid(e))})
	}
	return r
}

// ecmOf encapsulates a Map-Request as an ITR does.
func ecmOf(t testing.TB, r lisp.MapRequest, innerSource string) []byte {
	t.Helper()
	message, err := r.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	src := netip.MustParseAddrPort(innerSource)
	dst := r.Records[0].Prefix.IP
	if dst.Is4() != src.Addr().Is4() {
		dst = src.Addr()
	}
	m := lisp.ECM{Inner: lisp.Inner{Src: src, Dst: netip.AddrPortFrom(dst, lisp.ControlPort), Message: message}}
	packet, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

// ask asks for EIDs and returns the records of the Map-Reply.
func (h *harness) ask(eids ...string) []lisp.Record {
	h.t.Helper()
	return h.askWith(requestOf(7, eids...))
}

func (h *harness) askWith(r lisp.MapRequest) []lisp.Record {
	h.t.Helper()
	list := h.handle(itr, ecmOf(h.t, r, "192.0.2.50:50505"))
	if len(list) != 1 {
		h.t.Fatalf("%d packets for a Map-Request, want 1", len(list))
	}
	if want := netip.AddrPortFrom(itr.Addr(), 50505); list[0].to != want || list[0].from != local {
		h.t.Fatalf("Map-Reply from %s to %s, want from %s to %s", list[0].from, list[0].to, local, want)
	}
	var m lisp.MapReply
	if err := m.Decode(list[0].payload); err != nil {
		h.t.Fatal(err)
	}
	if m.Nonce != r.Nonce {
		h.t.Fatalf("nonce %#x, want %#x", m.Nonce, r.Nonce)
	}
	return m.Records
}

// rlocs returns the locators of the record that answers for one EID.
func (h *harness) rlocs(e string) string {
	h.t.Helper()
	records := h.ask(e)
	return describe(records[0])
}

// describe writes a record in short: prefix, TTL, then RLOCs or action.
func describe(r lisp.Record) string {
	e, _ := r.Prefix.EID()
	s := e.String() + " " + (time.Duration(r.TTL) * time.Minute).String()
	if len(r.Locators) == 0 {
		return s + " " + r.Action.String()
	}
	for i := range r.Locators {
		s += " " + r.Locators[i].Address.String()
	}
	return s
}

func itoa(i int) string { return strconv.Itoa(i) }
