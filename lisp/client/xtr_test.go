package client

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/lisptest"
)

// newPeer starts an xTR whose Map-Server is a socket in the test's hands.
func newPeer(t *testing.T) (x *XTR, server *conn) {
	t.Helper()
	server, err := listen(netip.MustParseAddrPort("127.0.0.1:0"), netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	x, err = NewXTR(XTRConfig{
		MapServer: server.local, KeyID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte("secret"),
		XTR: &lisp.XTR{ID: [16]byte{1}}, Retry: quick,
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, x, server)
	return x, server
}

// run runs an xTR until the test ends.
func run(t *testing.T, x *XTR, server *conn) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- x.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		server.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (c *conn) next(t *testing.T) []byte {
	t.Helper()
	buffer := make([]byte, maxDatagram)
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, _, err := c.ReadFromUDPAddrPort(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:n]
}

func (c *conn) give(t *testing.T, x *XTR, packet []byte) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort(packet, x.RLOC()); err != nil {
		t.Fatal(err)
	}
}

func mustAppend(t *testing.T, m interface{ Append([]byte) ([]byte, error) }) []byte {
	t.Helper()
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// notify is a signed Map-Notify.
func notify(t *testing.T, secret string, nonce uint64, records ...lisp.Record) []byte {
	t.Helper()
	b := mustAppend(t, &lisp.MapNotify{Nonce: nonce, Auth: lisp.Auth{KeyID: 1, Algorithm: lisp.AlgorithmSHA256}, Records: records})
	if err := lisp.NewKey([]byte(secret)).Sign(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// A Map-Register is repeated as it is until its own Map-Notify comes, and no
// forged one is taken for that.
func TestRegister(t *testing.T) {
	x, server := newPeer(t)
	rloc := netip.MustParseAddr("192.0.2.21")
	done := make(chan error)
	go func() { done <- x.Register(t.Context(), Mapping(eid("10.1.0.0/16"), rloc)) }()
	first, second := server.next(t), server.next(t)
	if string(first) != string(second) {
		t.Error("the repeated Map-Register is another")
	}
	var m lisp.MapRegister
	if err := m.Decode(second); err != nil || !m.WantNotify || !m.HasXTR || len(m.Records) != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	key := lisp.NewKey([]byte("secret"))
	if err := key.Verify(second); err != nil {
		t.Error(err)
	}
	server.give(t, x, notify(t, "guessed", m.Nonce, m.Records...))
	server.give(t, x, notify(t, "secret", m.Nonce+9, m.Records...))
	acknowledgment, err := m.AppendNotify(nil)
	if err != nil || key.Sign(acknowledgment) != nil {
		t.Fatal(err)
	}
	server.give(t, x, acknowledgment)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := x.Ignored(); got.Auth != 1 || got.Total() != 2 {
		t.Errorf("ignored %+v", got)
	}

	// From now on it answers for the prefix, asked directly or through the
	// Map-Server.
	request := lisp.MapRequest{Nonce: 7, ITRs: []lisp.Address{{IP: netip.IPv6Loopback()}, {IP: server.local.Addr()}},
		Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(eid("10.1.2.3"))}, {Prefix: lisp.PrefixOf(eid("10.9.0.1"))}}}
	message := mustAppend(t, &request)
	encapsulated, err := encapsulate(server.local, x.RLOC(), eid("10.1.2.3"), message)
	if err != nil {
		t.Fatal(err)
	}
	for _, packet := range [][]byte{message, encapsulated} {
		server.give(t, x, packet)
		var reply lisp.MapReply
		if err := reply.Decode(server.next(t)); err != nil {
			t.Fatal(err)
		}
		if reply.Nonce != 7 || len(reply.Records) != 1 || !reply.Records[0].Authoritative ||
			reply.Records[0].Locators[0].Address.IP != rloc {
			t.Errorf("%+v", reply)
		}
	}
	if c := x.Counts(); c.Acknowledged != 1 || c.Requests != 2 || c.Encapsulated != 1 {
		t.Errorf("%+v", c)
	}
}

// A subscription follows publications with newer nonces; repeated ones are
// acknowledged again, others ignored.
func TestSubscription(t *testing.T) {
	x, server := newPeer(t)
	old, moved, forged := netip.MustParseAddr("192.0.2.21"), netip.MustParseAddr("192.0.2.22"), netip.MustParseAddr("192.0.2.66")
	prefix := eid("10.1.0.0/16")
	done := make(chan error)
	go func() {
		answer, err := x.Subscribe(t.Context(), eid("10.1.2.3"))
		if err == nil && !answer.Notified {
			t.Errorf("%+v", answer)
		}
		done <- err
	}()
	var ecm lisp.ECM
	var m lisp.MapRequest
	if err := ecm.Decode(server.next(t)); err != nil {
		t.Fatal(err)
	}
	if err := m.Decode(ecm.Inner.Message); err != nil || !m.Records[0].Notify || !m.HasXTR {
		t.Fatalf("%+v, %v", m, err)
	}
	ackOf := func(nonce uint64) {
		t.Helper()
		for {
			packet := server.next(t)
			var ack lisp.MapNotifyAck
			if lisp.PeekType(packet) == lisp.TypeECM {
				continue // the request, repeated meanwhile
			}
			if err := ack.Decode(packet); err != nil || ack.Nonce != nonce || len(ack.Records) != 1 {
				t.Fatalf("%+v, %v: want the Map-Notify-Ack of %d", ack, err, nonce)
			}
			if err := lisp.NewKey([]byte("secret")).Verify(packet); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	server.give(t, x, notify(t, "secret", m.Nonce, Mapping(prefix, old)))
	ackOf(m.Nonce)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	server.give(t, x, notify(t, "guessed", m.Nonce+2, Mapping(prefix, forged)))
	server.give(t, x, notify(t, "secret", m.Nonce-1, Mapping(prefix, forged)))
	server.give(t, x, notify(t, "secret", m.Nonce+1, Mapping(prefix, moved)))
	ackOf(m.Nonce + 1)
	server.give(t, x, notify(t, "secret", m.Nonce+1, Mapping(prefix, moved)))
	ackOf(m.Nonce + 1)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := x.Await(ctx, eid("10.1.2.3"), leadsTo(moved)); err != nil {
		t.Error(err)
	}
	if got := x.Ignored(); got.Auth != 1 || got.Nonce != 1 || got.Total() != 2 {
		t.Errorf("ignored %+v", got)
	}
	if c := x.Counts(); c.Publications != 2 || c.Repeated != 1 {
		t.Errorf("%+v", c)
	}
	if err := x.Unsubscribe(eid("10.1.2.3")); err != nil {
		t.Fatal(err)
	}
	if err := ecm.Decode(server.next(t)); err != nil || m.Decode(ecm.Inner.Message) != nil ||
		m.ITRs[0].AFI() != lisp.AFINone || !m.Records[0].Notify {
		t.Errorf("%+v, %v", m, err)
	}
}

func leadsTo(rloc netip.Addr) func(lisp.Record) bool {
	return func(r lisp.Record) bool { return len(r.Locators) == 1 && r.Locators[0].Address.IP == rloc }
}

// An SMR about an entry of the map-cache has it asked for again; any other is
// ignored.
func TestSMR(t *testing.T) {
	x, server := newPeer(t)
	old, moved := netip.MustParseAddr("192.0.2.21"), netip.MustParseAddr("192.0.2.22")
	answer := func(rloc netip.Addr, invoked bool) {
		t.Helper()
		var ecm lisp.ECM
		var m lisp.MapRequest
		for first := true; first || m.SMRInvoked != invoked; first = false { // others are repetitions
			if err := ecm.Decode(server.next(t)); err != nil {
				t.Fatal(err)
			}
			if err := m.Decode(ecm.Inner.Message); err != nil {
				t.Fatalf("%+v, %v", m, err)
			}
		}
		server.give(t, x, lisptest.Reply(t, m.Nonce, Mapping(eid("10.1.0.0/16"), rloc)))
	}
	done := make(chan error)
	go func() { _, err := x.Resolve(t.Context(), eid("10.1.2.3")); done <- err }()
	answer(old, false)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if r, ok := x.Cached(eid("10.1.9.9")); !ok || !leadsTo(old)(r) {
		t.Errorf("%+v, %v", r, ok)
	}
	smr := func(about string) []byte {
		return mustAppend(t, &lisp.MapRequest{SMR: true, Nonce: 5, ITRs: []lisp.Address{{IP: server.local.Addr()}},
			Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(eid(about))}}})
	}
	server.give(t, x, smr("10.2.0.0/16"))
	server.give(t, x, smr("10.1.0.0/16"))
	answer(moved, true)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := x.Await(ctx, eid("10.1.2.3"), leadsTo(moved)); err != nil {
		t.Error(err)
	}
	if c := x.Counts(); c.SMRs != 2 || c.RequestsAfter != 1 || x.Ignored().EID != 1 {
		t.Errorf("%+v, ignored %+v", c, x.Ignored())
	}
}

// Who keeps mappings elsewhere is told what is published and solicited.
func TestHooks(t *testing.T) {
	server, err := listen(netip.MustParseAddrPort("127.0.0.1:0"), netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	published, solicited := make(chan lisp.Record, 4), make(chan lisp.EID, 4)
	x, err := NewXTR(XTRConfig{
		MapServer: server.local, KeyID: 1, Algorithm: lisp.AlgorithmSHA256, Secret: []byte("secret"),
		XTR: &lisp.XTR{ID: [16]byte{1}}, Retry: quick,
		Published: func(records []lisp.Record) { published <- records[0] },
		Solicited: func(eids []lisp.EID) { solicited <- eids[0] },
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, x, server)
	done := make(chan error, 1)
	go func() { _, err := x.Subscribe(t.Context(), eid("10.1.2.3")); done <- err }()
	var ecm lisp.ECM
	var m lisp.MapRequest
	if err := ecm.Decode(server.next(t)); err != nil {
		t.Fatal(err)
	}
	if err := m.Decode(ecm.Inner.Message); err != nil {
		t.Fatal(err)
	}
	prefix, rloc := eid("10.1.0.0/16"), netip.MustParseAddr("192.0.2.21")
	server.give(t, x, notify(t, "secret", m.Nonce, Mapping(prefix, rloc)))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if r := <-published; !leadsTo(rloc)(r) {
		t.Errorf("published %+v", r)
	}
	server.give(t, x, mustAppend(t, &lisp.MapRequest{SMR: true, Nonce: 5, Source: lisp.Address{IP: netip.MustParseAddr("10.7.0.0")},
		ITRs: []lisp.Address{{IP: server.local.Addr()}}, Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(prefix)}}}))
	if got := <-solicited; got != eid("10.7.0.0") {
		t.Errorf("solicited %s", got)
	}
	if _, ok := x.Cached(eid("10.1.2.3")); ok {
		t.Error("it is in the map-cache too")
	}
}
