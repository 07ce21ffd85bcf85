package udp

import (
	"net/netip"
	"testing"
)

// Answers leave from the address that the request came to, through whichever
// socket has it; what has no such address, or none of the receiver's family,
// leaves by any socket of that family.
func TestRoute(t *testing.T) {
	four, other, any6 := mustOpen(t, "127.0.0.1:0"), mustOpen(t, "127.0.0.2:0"), mustOpen(t, "[::]:0")
	w := &worker{sockets: []*Socket{four, other, any6}}
	to4, to6 := addrPort("127.0.0.9:4342"), addrPort("[::1]:4342")
	for _, c := range []struct {
		from string
		to   netip.AddrPort
		want *Socket
	}{
		{"127.0.0.1", to4, four},
		{"127.0.0.2", to4, other},
		{"127.0.0.3", to4, four},
		{"", to4, four},
		{"", to6, any6},
		{"::1", to6, any6},
		{"2001:db8::1", to6, any6},
		{"127.0.0.2", to6, any6},
	} {
		var from netip.Addr
		if c.from != "" {
			from = netip.MustParseAddr(c.from)
		}
		if got := w.route(from, c.to); got != c.want {
			t.Errorf("from %q to %s: leaves by %v, want %s", c.from, c.to, got, c.want.Local())
		}
	}
	if s := (&worker{sockets: []*Socket{four}}).route(netip.Addr{}, to6); s != nil {
		t.Errorf("to %s without an IPv6 socket: leaves by %s", to6, s.Local())
	}
}
