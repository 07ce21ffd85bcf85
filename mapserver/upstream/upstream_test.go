package upstream

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/lisp/client"
	"github.com/corecast/corecast/lisp/lisptest"
	"github.com/corecast/corecast/mapserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func eid(s string) lisp.EID {
	e, err := lisp.ParseEID(s)
	if err != nil {
		panic(err)
	}
	return e
}

func TestUpstream(t *testing.T) {
	rloc := netip.MustParseAddr("192.0.2.21")
	capability, err := lisp.Capability{Version: 1, List: 32}.Locator()
	if err != nil {
		t.Fatal(err)
	}
	positive := client.Mapping(eid("10.1.0.0/16"), rloc)
	positive.Locators = append(positive.Locators, capability)
	negative := lisp.Record{Prefix: lisp.PrefixOf(eid("10.8.0.0/13")), TTL: 15, Action: lisp.ActionForward}
	part := client.Mapping(eid("10.3.7.0/24"), rloc)
	whole := client.Mapping(eid("172.16.0.0/12"), rloc)
	specific := client.Mapping(eid("172.20.0.0/16"), rloc)
	server := lisptest.Resolver(t, netip.AddrFrom4([4]byte{127, 0, 0, 1}), func(m *lisptest.Request) [][]byte {
		if !m.WantsCapability() {
			t.Errorf("it does not ask for capabilities: %+v", m)
		}
		asked, _ := m.Records[0].Prefix.EID()
		for _, r := range []lisp.Record{positive, negative, part} {
			if have, _ := r.Prefix.EID(); have.Prefix.Overlaps(asked.Prefix) {
				return [][]byte{lisptest.Reply(t, m.Nonce, r)}
			}
		}
		if eid("172.16.0.0/12").Prefix.Overlaps(asked.Prefix) {
			return [][]byte{lisptest.Reply(t, m.Nonce, whole, specific)}
		}
		return nil
	})
	xtr := lisp.CoreCastXTR([16]byte{1})
	r, err := client.NewResolver(client.ResolverConfig{Servers: []netip.AddrPort{server}, XTR: &xtr})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	u := New(r)
	if m, err := u.Lookup(ctx, eid("10.1.2.3")); err != nil || m.EID != eid("10.1.0.0/16") || !m.CoreCast || len(m.Locators) != 1 ||
		m.Locators[0].Address.IP != rloc || m.TTL != 24*time.Hour || m.Origin != mapserver.OriginUpstream {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := u.Lookup(ctx, eid("10.9.9.9")); err != nil || m.EID != eid("10.8.0.0/13") || m.CoreCast || len(m.Locators) != 0 ||
		m.Action != lisp.ActionForward || m.TTL != 15*time.Minute {
		t.Errorf("%+v, %v", m, err)
	}
	// Of 172.16.0.0/12, what is around the EID and not of the more specific one.
	for asked, want := range map[string]string{"172.17.9.9": "172.16.0.0/14", "172.20.9.9": "172.20.0.0/16", "172.21.1.1": "172.21.0.0/16", "172.30.1.1": "172.24.0.0/13"} {
		if m, err := u.Lookup(ctx, eid(asked)); err != nil || m.EID != eid(want) {
			t.Errorf("%s: %+v, %v; want %s", asked, m, err, want)
		}
	}
	if m, err := u.Lookup(ctx, eid("10.3.0.0/16")); err == nil {
		t.Errorf("a part is taken for all: %+v", m)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
