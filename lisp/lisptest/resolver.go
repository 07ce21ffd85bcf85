// Package lisptest is a Map-Resolver that answers as a test says: with what is
// true, with what is forged, or not at all.
package lisptest

import (
	"net"
	"net/netip"
	"testing"

	"github.com/corecast/corecast/lisp"
)

// Request is a Map-Request that came in an ECM.
type Request struct {
	lisp.MapRequest
	Number  int            // of those that came, from 0
	From    netip.AddrPort // who sent it; answers go there
	ReplyTo netip.AddrPort // where it asks for its answer: an ITR-RLOC and the inner source port
}

// Resolver runs a Map-Resolver at an address of this machine, on a port of its
// own, until the test ends. It sends the packets that answers returns for each
// Map-Request, in order; anything else that comes fails the test.
func Resolver(t testing.TB, at netip.Addr, answers func(*Request) [][]byte) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		t.Skipf("no socket at %s: %v", at, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 2048)
		for number := 0; ; number++ {
			n, from, err := conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			r := Request{Number: number, From: from}
			var ecm lisp.ECM
			if ecm.Decode(buffer[:n]) != nil || r.MapRequest.Decode(ecm.Inner.Message) != nil || len(r.ITRs) == 0 {
				t.Errorf("not a Map-Request in an ECM: %x", buffer[:n])
				continue
			}
			r.ReplyTo = netip.AddrPortFrom(r.ITRs[0].IP, ecm.Inner.Src.Port())
			for _, packet := range answers(&r) {
				_, _ = conn.WriteToUDPAddrPort(packet, from)
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Reply returns a Map-Reply.
func Reply(t testing.TB, nonce uint64, records ...lisp.Record) []byte {
	t.Helper()
	b, err := (&lisp.MapReply{Nonce: nonce, Records: records}).Append(nil)
	if err != nil {
		t.Error(err)
	}
	return b
}
