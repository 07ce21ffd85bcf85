package node

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/corecast/corecast/lisp"
	"github.com/corecast/corecast/mapserver"
	"github.com/corecast/corecast/mapserver/udp"
)

// switchControl has the Map-Server answer LISP control messages that came to an
// address of a switch: the controller is what its switches answer with.
type switchControl struct {
	server   *mapserver.Server
	endpoint *udp.Endpoint // nil if there is none
	outboxes sync.Pool
}

// handle implements controller.ControlHandler. What the message leads to leaves
// by the switch, from the address that it came to. What the Map-Server wants
// to tell others at this opportunity leaves by its own sockets.
func (c *switchControl) handle(_ string, from, to netip.AddrPort, message []byte, send func(netip.AddrPort, []byte)) {
	out, ok := c.outboxes.Get().(*mapserver.Outbox)
	if !ok {
		out = new(mapserver.Outbox)
	}
	defer c.outboxes.Put(out)
	out.Reset()
	c.server.Handle(time.Now(), from, to.Addr(), message, out)
	for i := range out.Len() {
		d := out.At(i)
		if c.endpoint != nil && d.From.IsValid() && d.From != to.Addr() {
			c.endpoint.Send(d)
			continue
		}
		send(d.To, slices.Clone(d.Payload))
	}
}

// solicited takes SMRs for what upstream Map-Resolvers told us, which come to the
// addresses of the Map-Server. All else is the Map-Server's.
type solicited struct {
	*mapserver.Server
	refresh func([]lisp.EID)
	turns   turns
}

// smrBit is S of the first byte of a Map-Request (RFC 9301 section 5.2).
const smrBit = 1

// Handle implements udp.Handler.
func (s *solicited) Handle(now time.Time, from netip.AddrPort, local netip.Addr, packet []byte, out *mapserver.Outbox) {
	if lisp.PeekType(packet) == lisp.TypeMapRequest && packet[0]&smrBit != 0 {
		var m lisp.MapRequest
		if m.Decode(packet) == nil && m.Source.IP.IsValid() && s.turns.take(now) {
			s.refresh([]lisp.EID{lisp.EIDOf(m.Source.InstanceID, m.Source.IP)})
		}
		return
	}
	s.Server.Handle(now, from, local, packet, out)
}

// turns lets some through each second: whoever solicits need not be who it says.
type turns struct {
	mu     sync.Mutex // guards what follows
	second time.Time
	taken  int
}

const mostSMRs = 50

func (t *turns) take(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.second) >= time.Second {
		t.second, t.taken = now, 0
	}
	t.taken++
	return t.taken <= mostSMRs
}
