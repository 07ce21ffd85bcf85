package demo

import (
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/wire"
	"github.com/corecast/corecast/wire/inet"
)

var (
	testRLOC   = netip.MustParseAddr("192.0.2.21")
	testViewer = netip.MustParseAddrPort("10.1.1.1:5004")
)

// transitFrame is a CoreCast packet as it crosses the transit network.
func transitFrame(t *testing.T, packet []byte) []byte {
	t.Helper()
	d := inet.Datagram{Src: netip.MustParseAddrPort("10.0.0.10:5004"),
		Dst: netip.MustParseAddrPort("10.0.255.1:4344"), TTL: 64, Payload: packet}
	inner, err := d.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	eth := inet.Ethernet{Type: inet.EtherTypeIPv4}
	tunnel := lisp.Tunnel{Src: netip.MustParseAddr("192.0.2.10"), Dst: testRLOC}
	frame, err := tunnel.Append(eth.Append(nil), inner)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func payloadFrame(t *testing.T, sequence uint32, media []byte) []byte {
	packet, err := wire.AppendPayload(nil, wire.Identify(sequence, media), media)
	if err != nil {
		t.Fatal(err)
	}
	return transitFrame(t, packet)
}

func headerFrame(t *testing.T, sequence uint32, media []byte) []byte {
	packet, err := wire.AppendHeader4(nil, wire.Identify(sequence, media), []netip.AddrPort{testViewer})
	if err != nil {
		t.Fatal(err)
	}
	return transitFrame(t, packet)
}

func newTestViewer() (*viewer, *transit) {
	v := &viewer{name: "viewer-1", address: testViewer, domain: 1, sent: newSentLog()}
	tr := newTransit(newLossModel(0, 0))
	tr.setViewers([]*viewer{v})
	return v, tr
}

func TestAccounts(t *testing.T) {
	a, b := []byte("first payload"), []byte("second payload")
	for _, c := range []struct {
		name               string
		events             string // P/H: copy, header of payload 1; p/h: of 2; r/s: viewer receives 1, 2; x: garbage
		delivered, corrupt uint64
		lost               [causes]uint64
	}{
		{"one delivered", "PHr", 1, 0, [causes]uint64{}},
		{"two in order", "PHphrs", 2, 0, [causes]uint64{}},
		{"header before its copy", "H", 0, 0, [causes]uint64{causeCopyLost: 1}},
		{"lost behind the ETR", "PHphs", 1, 0, [causes]uint64{causeUnexplained: 1}},
		{"never arrives", "PH", 0, 0, [causes]uint64{causeUnexplained: 1}},
		{"garbage", "PHxr", 1, 1, [causes]uint64{}},
		{"delivered twice", "PHrr", 1, 1, [causes]uint64{}},
		{"out of order is not delivery", "PHphsr", 1, 1, [causes]uint64{causeUnexplained: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, tr := newTestViewer()
			v.sent.add(1, a, time.Now())
			v.sent.add(2, b, time.Now())
			do := map[rune]func(){
				'P': func() { tr.pass(payloadFrame(t, 1, a)) }, 'H': func() { tr.pass(headerFrame(t, 1, a)) },
				'p': func() { tr.pass(payloadFrame(t, 2, b)) }, 'h': func() { tr.pass(headerFrame(t, 2, b)) },
				'r': func() { v.receive(a, time.Now()) }, 's': func() { v.receive(b, time.Now()) },
				'x': func() { v.receive([]byte("garbage"), time.Now()) },
			}
			for _, e := range c.events {
				do[e]()
			}
			got, _ := v.settle()
			if got.Delivered != c.delivered || got.Corrupt != c.corrupt || got.causes != c.lost {
				t.Errorf("delivered %d corrupt %d lost %v, want %d, %d, %v",
					got.Delivered, got.Corrupt, got.causes, c.delivered, c.corrupt, c.lost)
			}
		})
	}
}

func TestLostInTransitHasACause(t *testing.T) {
	v, tr := newTestViewer()
	tr.loss = newLossModel(1, 0)
	media := []byte("media")
	if tr.pass(payloadFrame(t, 1, media)) || tr.pass(headerFrame(t, 1, media)) {
		t.Error("passed although everything is lost")
	}
	got, _ := v.settle()
	if want := [causes]uint64{causeHeaderLost: 1}; got.causes != want {
		t.Errorf("causes %v, want %v", got.causes, want)
	}
	if c := tr.snapshot(); c.Copies != 1 || c.Headers != 1 || c.Lost != 2 {
		t.Errorf("counts %+v", c)
	}
}

func TestTransitBytesAreIPBytes(t *testing.T) {
	_, tr := newTestViewer()
	media := make([]byte, 1316)
	tr.pass(payloadFrame(t, 1, media))
	tr.pass(headerFrame(t, 1, media))
	if got, want := tr.snapshot().Bytes, uint64(36+20+8+12+1316+36+46); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}

func TestVerdict(t *testing.T) {
	good := Report{Clients: 7, Domains: 3, Payloads: 10, Delivered: 70, TransitPayloadCopies: 30, expectedCopies: 30}
	if err := good.Verdict(); err != nil {
		t.Errorf("a good run: %v", err)
	}
	for name, spoil := range map[string]func(*Report){
		"no media":         func(r *Report) { r.Payloads, r.Delivered = 0, 0 },
		"corrupt":          func(r *Report) { r.Corrupt = 1 },
		"unexplained loss": func(r *Report) { r.Delivered--; r.Lost++; r.LostUnexplained++ },
		"loss not asked":   func(r *Report) { r.Delivered--; r.Lost++; r.LostHeaders++ },
		"sum":              func(r *Report) { r.Delivered-- },
		"a copy too many":  func(r *Report) { r.TransitPayloadCopies++ },
		"a copy too few":   func(r *Report) { r.TransitPayloadCopies-- },
	} {
		bad := good
		spoil(&bad)
		if bad.Verdict() == nil {
			t.Errorf("%s: verdict is good", name)
		}
	}
	lossy := good
	lossy.lossAsked, lossy.Delivered, lossy.Lost, lossy.LostCopies = true, 68, 2, 2
	if err := lossy.Verdict(); err != nil {
		t.Errorf("explained loss that was asked for: %v", err)
	}
}
