package node

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/controller/config"
	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/softswitch/port"
	"github.com/corecast/corecast/wire/inet"
)

// TestSwitchAddressesAnswer: a Map-Request that comes to an address of a switch
// is answered there, by the switch.
func TestSwitchAddressesAnswer(t *testing.T) {
	cfg, err := config.Load("../../../examples/fig2.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen.LISP, cfg.Listen.HTTP = nil, ""
	cables := startSwitches(t, cfg)
	n, _ := start(t, cfg)
	until(t, "all switches ready", func() bool { return n.Status().Ready() })

	host, gateway := netip.MustParseAddrPort("10.0.0.10:61000"), netip.MustParseAddrPort("10.0.0.1:4342")
	question := lisp.MapRequest{Nonce: 42, ITRs: []lisp.Address{{IP: host.Addr()}},
		Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(eid("10.2.0.11/32"))}}}
	body, err := question.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	eth := inet.Ethernet{Dst: inet.MAC{2, 0, 10, 0, 0, 1}, Src: inet.MAC{2, 0, 10, 0, 0, 10}, Type: inet.EtherTypeIPv4}
	d := inet.Datagram{TTL: 64, Src: host, Dst: gateway, Payload: body}
	frame, err := d.Append(eth.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if sent, err := cables["itr"].Send([][]byte{frame}); sent != 1 || err != nil {
		t.Fatal(sent, err)
	}
	answer := make(chan lisp.MapReply, 1)
	go func() {
		frames := [][]byte{make([]byte, 0, port.MaxFrame)}
		for {
			if _, err := cables["itr"].Recv(frames); err != nil {
				return
			}
			var got inet.Datagram
			var reply lisp.MapReply
			if got.Decode(frames[0][inet.EthernetSize:]) == nil && got.Src == gateway && got.Dst == host && reply.Decode(got.Payload) == nil {
				answer <- reply
				return
			}
		}
	}()
	select {
	case reply := <-answer:
		if e, _ := reply.Records[0].Prefix.EID(); reply.Nonce != 42 || e != eid("10.2.0.0/16") || reply.Records[0].Locators[0].Address.IP.String() != "192.0.2.22" {
			t.Errorf("%+v", reply)
		}
	case <-time.After(patience):
		t.Fatalf("no answer; slow path %v", n.Status().Switches[0].SlowPath)
	}
}

// TestUpstreamIsAsked for EIDs of no site, and again after it has solicited that.
func TestUpstreamIsAsked(t *testing.T) {
	up, _ := start(t, decode(t, studio))
	x := newXTR(t, up)
	register(t, x, client.Mapping(eid("10.0.7.0/24"), netip.MustParseAddr("192.0.2.7")))

	cfg := decode(t, `
sites:
  - { name: viewers, eid_prefixes: [10.1.0.0/16] }
`)
	cfg.MapServer.Upstream = up.MapServerAddresses()
	n, _ := start(t, cfg)
	r := resolver{n.resolver}
	resolve := func(fresh bool) string {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		got, err := r.Resolve(ctx, lisp.EIDOf(0, netip.MustParseAddr("10.0.7.9")), fresh)
		if err != nil || len(got.RLOCs) != 1 || got.EID != eid("10.0.7.0/24") || got.TTL <= 0 {
			t.Fatalf("%+v, %v", got, err)
		}
		return got.RLOCs[0].Address.String()
	}
	if got := resolve(false); got != "192.0.2.7" {
		t.Errorf("resolved to %s", got)
	}
	register(t, x, client.Mapping(eid("10.0.7.0/24"), netip.MustParseAddr("192.0.2.8")))
	if got := resolve(false); got != "192.0.2.7" {
		t.Errorf("resolved to %s: an answer is remembered for its TTL", got)
	}
	if got := resolve(true); got != "192.0.2.8" {
		t.Errorf("resolved to %s", got)
	}
}

// TestSMRsAreHeeded in turns: anybody can send them.
func TestSMRsAreHeeded(t *testing.T) {
	var told []lisp.EID
	s := &solicited{refresh: func(eids []lisp.EID) { told = append(told, eids...) }}
	m := lisp.MapRequest{SMR: true, Nonce: 1, Source: lisp.Address{IP: netip.MustParseAddr("10.9.0.1")},
		ITRs: []lisp.Address{{IP: netip.MustParseAddr("192.0.2.9")}}, Records: []lisp.EIDRecord{{Prefix: lisp.PrefixOf(eid("10.1.0.0/16"))}}}
	packet, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for range 3 * mostSMRs {
		s.Handle(now, netip.AddrPort{}, netip.Addr{}, packet, nil)
	}
	if len(told) != mostSMRs || told[0] != eid("10.9.0.1/32") {
		t.Errorf("%d told, first %v", len(told), told)
	}
	s.Handle(now.Add(time.Second), netip.AddrPort{}, netip.Addr{}, packet, nil)
	if len(told) != mostSMRs+1 {
		t.Error("not heeded a second later")
	}
}
