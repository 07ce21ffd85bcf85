package client

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
)

func TestUpstream(t *testing.T) {
	rloc := netip.MustParseAddr("192.0.2.21")
	capability, err := lisp.Capability{Version: 1, List: 32}.Locator()
	if err != nil {
		t.Fatal(err)
	}
	positive := Mapping(eid("10.1.0.0/16"), rloc)
	positive.Locators = append(positive.Locators, capability)
	negative := lisp.Record{Prefix: lisp.PrefixOf(eid("10.8.0.0/13")), TTL: 15, Action: lisp.ActionForward}
	part := Mapping(eid("10.3.7.0/24"), rloc)
	server := startScripted(t, "127.0.0.1:0", func(_ int, m *lisp.MapRequest) [][]byte {
		if !m.WantsCapability() {
			t.Errorf("it does not ask for capabilities: %+v", m)
		}
		asked, _ := m.Records[0].Prefix.EID()
		for _, r := range []lisp.Record{positive, negative, part} {
			if about([]lisp.Record{r}, asked) {
				return [][]byte{reply(m.Nonce, r)}
			}
		}
		return nil
	})
	xtr := lisp.CoreCastXTR([16]byte{1})
	r, err := NewResolver(ResolverConfig{Servers: []netip.AddrPort{server}, Retry: quick, XTR: &xtr})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	u := NewUpstream(r)
	if m, err := u.Lookup(ctx, eid("10.1.2.3")); err != nil || m.EID != eid("10.1.0.0/16") || !m.CoreCast || len(m.Locators) != 1 ||
		m.Locators[0].Address.IP != rloc || m.TTL != 24*time.Hour || m.Origin != mapserver.OriginUpstream {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := u.Lookup(ctx, eid("10.9.9.9")); err != nil || m.EID != eid("10.8.0.0/13") || m.CoreCast || len(m.Locators) != 0 ||
		m.Action != lisp.ActionForward || m.TTL != 15*time.Minute {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := u.Lookup(ctx, eid("10.3.0.0/16")); err == nil {
		t.Errorf("a part is taken for all: %+v", m)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
